/*
 * Publishes stamped events to streams in turn.
 *
 *   publish amqp --port P --vhost V --exchange E --keys PREFIX ...
 *   publish http --port P --path PREFIX ...
 *           --streams N --events N --size BYTES [--rate EVENTS/s]
 *           [--pipeline N] [--first NUMBER] [--json 1] [--reply QUEUE]
 *
 * With one stream its key, or path, is the prefix itself; else a number
 * follows it.  Without a rate: as fast as it goes.  "events" are over all
 * streams; the number of the first one is 0, or what is said.  An event is
 * padding, or with "json" an object of that size, of random ids, numbers and
 * words.  With "reply" each is a call, to be answered there.  Prints the
 * seconds that it took.
 */


#include "bench_amqp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>


typedef struct {
    int                        fd;
    int                        waiting;     /* answers to come */
    int                        pipeline;
    amqp_connection_state_t    amqp;
    const char                *exchange;
    const char                *prefix;
    const char                *reply;       /* a queue; NULL: none */
    char                       name[256];   /* of the stream: prefix, number */
    char                      *event;
    size_t                     size;
} publisher_t;


static void
amqp_publish(publisher_t *p)
{
    amqp_bytes_t             body;
    amqp_basic_properties_t  call;

    body.bytes = p->event;
    body.len = p->size;

    if (p->reply) {
        call._flags = AMQP_BASIC_REPLY_TO_FLAG|AMQP_BASIC_CORRELATION_ID_FLAG;
        call.reply_to = amqp_cstring_bytes(p->reply);
        call.correlation_id = amqp_cstring_bytes("1");
    }

    if (amqp_basic_publish(p->amqp, 1, amqp_cstring_bytes(p->exchange),
                           amqp_cstring_bytes(p->name), 0, 0,
                           p->reply ? &call : NULL, body))
    {
        die("an event could not be published");
    }
}


static void
http_open(publisher_t *p, int argc, char **argv)
{
    int                 one;
    struct sockaddr_in  sin;

    one = 1;
    p->pipeline = atoi(option(argc, argv, "pipeline", "1"));
    p->fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(0x7f000001);
    sin.sin_port = htons(atoi(option(argc, argv, "port", "80")));

    if (connect(p->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        die("connect: %s", strerror(errno));
    }

    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(int));
}


/* Takes answers until no more than "most" are to come.  An answer ends where
   the next one begins, so that its body need not be understood; the last one
   is taken when its header has come and nothing follows at once. */

static void
http_answers(publisher_t *p, int most)
{
    char         *s;
    ssize_t       n;
    static char   buf[65536 + 1];
    static char   status[] = "HTTP/1.1 2";

    while (p->waiting > most) {
        n = recv(p->fd, buf, sizeof(buf) - 1, 0);

        if (n <= 0) {
            die("the connection ended");
        }

        buf[n] = '\0';

        /* an answer's first line is not cut in two: it begins a packet */

        for (s = buf; (s = strstr(s, "HTTP/1.1 ")) != NULL; s++) {

            if (strncmp(s, status, sizeof(status) - 1) != 0) {
                die("an event was refused: %.200s", s);
            }

            p->waiting--;
        }
    }
}


static void
http_publish(publisher_t *p)
{
    int           n;
    size_t        len;
    ssize_t       sent;
    static char   request[1024 + 1024 * 1024];

    http_answers(p, p->pipeline - 1);

    n = snprintf(request, 1024, "POST %s HTTP/1.1\r\nHost: bench\r\n"
                 "Content-Length: %zu\r\n\r\n", p->name, p->size);
    memcpy(request + n, p->event, p->size);

    for (len = n + p->size, sent = 0; len; len -= sent) {
        sent = send(p->fd, request + n + p->size - len, len, MSG_NOSIGNAL);

        if (sent <= 0) {
            die("send: %s", strerror(errno));
        }
    }

    p->waiting++;
}


/* An order of so many lines as there is room for, and blanks. */

static void
json(char *p, size_t size)
{
    int          n, i;
    char        *last;
    char         line[256];
    const char  *word[3];

    static const char  *words[] = {
        "amber", "anchor", "apple", "arrow", "autumn", "bamboo", "basket",
        "beacon", "birch", "blanket", "bottle", "bridge", "bronze", "button",
        "candle", "canvas", "carbon", "castle", "cedar", "circle", "clover",
        "copper", "cotton", "crystal", "desert", "dragon", "eagle", "ember",
        "falcon", "feather", "flower", "forest", "garden", "glacier", "granite",
        "hammer", "harbor", "hazel", "island", "ivory", "jacket", "jasmine",
        "kettle", "ladder", "lantern", "lemon", "linen", "magnet", "maple",
        "marble", "meadow", "mirror", "mountain", "needle", "ocean", "olive",
        "orchid", "paper", "pebble", "pepper", "pillow", "planet", "pocket",
        "prairie", "quartz", "ribbon", "river", "saddle", "silver", "spring",
        "stone", "summer", "sunset", "thunder", "timber", "tulip", "valley",
        "velvet", "violet", "walnut", "whistle", "willow", "window", "winter"
    };

    last = p + size;

    p += sprintf(p, "{\"stamp\":\"%*s\",\"customer\":\"c%08lx\","
                 "\"currency\":\"EUR\",\"lines\":[", STAMP_LEN, "",
                 random() & 0xffffffff);

    for (n = 0; /* void */ ; n++) {

        for (i = 0; i < 3; i++) {
            word[i] = words[random() % (sizeof(words) / sizeof(words[0]))];
        }

        i = snprintf(line, sizeof(line), "%s{\"id\":\"%08lx\",\"name\":\"%s %s "
                     "%s\",\"quantity\":%ld,\"price\":%ld.%02ld,"
                     "\"in_stock\":%s}", n ? "," : "", random() & 0xffffffff,
                     word[0], word[1], word[2], 1 + random() % 9,
                     1 + random() % 500, random() % 100,
                     random() % 2 ? "true" : "false");

        if (i + 2 > last - p) {
            break;
        }

        p = mempcpy(p, line, i);
    }

    p = mempcpy(p, "]}", 2);
    memset(p, ' ', last - p);
}


int
main(int argc, char **argv)
{
    int           http, streams, is_json;
    char         *at;
    double        rate;
    uint64_t      i, n, first, begin;
    publisher_t   p;

    memset(&p, 0, sizeof(p));

    http = argc > 1 && strcmp(argv[1], "http") == 0;
    streams = atoi(option(argc, argv, "streams", "1"));
    n = strtoull(option(argc, argv, "events", "1"), NULL, 10);
    first = strtoull(option(argc, argv, "first", "0"), NULL, 10);
    rate = atof(option(argc, argv, "rate", "0"));
    p.size = strtoul(option(argc, argv, "size", "200"), NULL, 10);
    p.prefix = option(argc, argv, http ? "path" : "keys", "");

    if (p.size < STAMP_LEN || p.size > 1024 * 1024 || streams < 1) {
        die("--size must be from %d to 1048576, --streams at least 1",
            STAMP_LEN);
    }

    is_json = atoi(option(argc, argv, "json", "0"));

    if (is_json && p.size < 512) {
        die("--size must be at least 512 with --json");
    }

    p.event = malloc(p.size);
    memset(p.event, 'x', p.size);
    at = p.event;

    if (http) {
        http_open(&p, argc, argv);
    } else {
        p.exchange = option(argc, argv, "exchange", "event-streams");
        p.reply = option(argc, argv, "reply", NULL);
        p.amqp = amqp_open(argc, argv);
    }

    begin = now();

    for (i = 0; i < n; i++) {

        if (rate > 0) {
            sleep_until(begin + (uint64_t) (i * 1e9 / rate));
        }

        if (streams == 1) {
            snprintf(p.name, sizeof(p.name), "%s", p.prefix);
        } else {
            snprintf(p.name, sizeof(p.name), "%s%d", p.prefix,
                     (int) (i % streams));
        }

        if (is_json) {
            json(p.event, p.size);
            at = p.event + sizeof("{\"stamp\":\"") - 1;
        }

        stamp(at, first + i / streams);

        if (http) {
            http_publish(&p);
        } else {
            amqp_publish(&p);
        }
    }

    if (http) {
        http_answers(&p, 0);
    } else {
        amqp_end(p.amqp);
    }

    printf("%.6f\n", (now() - begin) / 1e9);

    return 0;
}
