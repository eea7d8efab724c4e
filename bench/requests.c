/*
 * Requests by HTTP/1.1, over connections that stay, each with one request at a
 * time; one process and one epoll loop.
 *
 *   requests --port P --path PATH --calls N [--flight N] [--size BYTES]
 *            [--warmup N] [--answer number|echo]
 *            [--batch EVENTS [--first N] | --get 1 [--range N]]
 *            [--find TEXT --times N]
 *
 * A request is a POST of what rpc.c publishes as a call, and its response is
 * what that takes for a reply; the number is the header AMQP-Correlation-Id.
 * "flight" is the number of connections.  The output is rpc.c's, too.
 *
 * With "batch" it is a POST of so many events, of which none was there before;
 * with "get" a GET of the path, whose "%" stands for a number below "range" that
 * is another one each time.  The response has the text "find" so many times.
 */


#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>


#define BUFFER       262144
#define SIZE_LEAST   64
#define SIZE_MOST    4096
#define EVENT_MOST   256
#define PATIENCE     20000                  /* ms, for any response */


typedef struct {
    int         fd;
    uint64_t    number;                     /* of the request */
    size_t      len;                        /* of what came of the response */
    char        buf[BUFFER];
} connection_t;


static int            ep, port, echo, batch, get, times;
static char          *request;
static size_t         size;
static uint64_t       sent, received, last, first, range;
static const char    *path, *find;


static size_t
write_events(char *p, uint64_t number)
{
    int     i;
    char   *begin;

    begin = p;

    for (i = 0; i < batch; i++) {
        *p++ = i ? ',' : '[';
        p += write_event(p, first + number * batch + i);
    }

    *p++ = ']';

    return p - begin;
}


static size_t
write_get(char *p, uint64_t number)
{
    int          n;
    const char  *mark;

    mark = strchr(path, '%');
    n = mark ? (int) (mark - path) : (int) strlen(path);

    n = sprintf(p, "GET %.*s", n, path);

    if (mark) {
        /* a prime: all of them, out of order */
        n += sprintf(p + n, "%llu%s",
                     (unsigned long long) (number * 7919 % range), mark + 1);
    }

    return n + sprintf(p + n, " HTTP/1.1\r\nHost: bench\r\n\r\n");
}


static void
send_request(connection_t *c)
{
    size_t         n, len;
    ssize_t        sent_now;
    static char   *body;

    if (body == NULL) {
        body = malloc(SIZE_MOST + EVENT_MOST * (batch + 1));
        request = malloc(1024 + SIZE_MOST + EVENT_MOST * (batch + 1));
    }

    c->number = sent++;
    c->len = 0;

    if (get) {
        n = write_get(request, c->number);

    } else {
        len = batch ? write_events(body, c->number)
                    : write_call(body, size, c->number);

        n = sprintf(request, "POST %.512s HTTP/1.1\r\nHost: bench\r\n"
                    "AMQP-Correlation-Id: %llu\r\n"
                    "Content-Type: application/json\r\n"
                    "Content-Length: %zu\r\n\r\n", path,
                    (unsigned long long) c->number, len);

        memcpy(request + n, body, len);
        n += len;
    }

    for (len = 0; len < n; len += sent_now) {
        sent_now = send(c->fd, request + len, n - len, MSG_NOSIGNAL);

        if (sent_now <= 0) {
            die("send: %s", strerror(errno));
        }
    }
}


static void
check_found(connection_t *c, const char *body)
{
    int          n;
    const char  *p;

    for (n = 0, p = body; (p = strstr(p, find)) != NULL; n++) {
        p += strlen(find);
    }

    if (n != times) {
        die("response %llu has \"%s\" %d times: %.500s",
            (unsigned long long) c->number, find, n, c->buf);
    }
}


/* 1: the response is there, and the right one */

static int
check_response(connection_t *c)
{
    int      n;
    char    *body, *length, expected[SIZE_MOST];
    size_t   len;

    c->buf[c->len] = '\0';

    body = strstr(c->buf, "\r\n\r\n");
    if (body == NULL) {
        return 0;
    }

    body += 4;
    length = strcasestr(c->buf, "\r\nContent-Length: ");

    if (strncmp(c->buf, "HTTP/1.1 200", 12) != 0 || length == NULL
        || length > body)
    {
        die("request %llu was refused: %.500s", (unsigned long long) c->number,
            c->buf);
    }

    len = strtoul(length + sizeof("\r\nContent-Length: ") - 1, NULL, 10);

    if (c->len < (size_t) (body - c->buf) + len) {
        return 0;
    }

    if (find) {
        check_found(c, body);
        return 1;
    }

    n = echo ? (int) write_call(expected, size, c->number)
             : sprintf(expected, "%llu", (unsigned long long) c->number);

    if (len != (size_t) n || c->len != (size_t) (body - c->buf) + len
        || memcmp(body, expected, n) != 0)
    {
        die("response %llu is another one's: %.500s",
            (unsigned long long) c->number, c->buf);
    }

    return 1;
}


static void
connect_one(connection_t *c)
{
    int                 one;
    struct sockaddr_in  sin;
    struct epoll_event  ee;

    one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(0x7f000001);
    sin.sin_port = htons(port);

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        die("connect: %s", strerror(errno));
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(int));

    ee.events = EPOLLIN;
    ee.data.ptr = c;
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ee);
}


static void
requests(connection_t *all, int flight, uint64_t n)
{
    int                  i, count;
    ssize_t              got;
    connection_t        *c;
    struct epoll_event   ready[256];

    last = sent + n;

    for (i = 0; i < flight && sent < last; i++) {
        send_request(&all[i]);
    }

    while (received < last) {

        count = epoll_wait(ep, ready, 256, PATIENCE);

        if (count <= 0) {
            die("no response came");
        }

        for (i = 0; i < count; i++) {
            c = ready[i].data.ptr;

            got = recv(c->fd, c->buf + c->len, BUFFER - 1 - c->len, 0);

            if (got <= 0) {
                die("a connection ended");
            }

            c->len += got;

            if (!check_response(c)) {
                continue;
            }

            received++;

            if (sent < last) {
                send_request(c);
            }
        }
    }
}


int
main(int argc, char **argv)
{
    int            i, flight;
    char           line[64];
    uint64_t       n, begin;
    connection_t  *all;

    port = atoi(option(argc, argv, "port", "80"));
    path = option(argc, argv, "path", "/");
    echo = strcmp(option(argc, argv, "answer", "number"), "echo") == 0;
    size = strtoul(option(argc, argv, "size", "200"), NULL, 10);
    flight = atoi(option(argc, argv, "flight", "100"));
    n = strtoull(option(argc, argv, "calls", "1"), NULL, 10);
    batch = atoi(option(argc, argv, "batch", "0"));
    first = strtoull(option(argc, argv, "first", "0"), NULL, 10);
    get = atoi(option(argc, argv, "get", "0"));
    range = strtoull(option(argc, argv, "range", "1"), NULL, 10);
    find = option(argc, argv, "find", NULL);
    times = atoi(option(argc, argv, "times", "1"));

    if (size < SIZE_LEAST || size > SIZE_MOST || flight < 1) {
        die("--size must be from %d to %d, --flight at least 1", SIZE_LEAST,
            SIZE_MOST);
    }

    ep = epoll_create1(0);
    all = calloc(flight, sizeof(connection_t));

    for (i = 0; i < flight; i++) {
        connect_one(&all[i]);
    }

    requests(all, flight, strtoull(option(argc, argv, "warmup", "0"), NULL,
                                   10));

    printf("ready\n");
    fflush(stdout);

    if (fgets(line, sizeof(line), stdin) == NULL) {
        return 0;
    }

    begin = now();

    requests(all, flight, n);

    printf("{\"calls\": %llu, \"seconds\": %.6f}\n", (unsigned long long) n,
           (now() - begin) / 1e9);
    fflush(stdout);

    while (fgets(line, sizeof(line), stdin)) { /* void */ }

    return 0;
}
