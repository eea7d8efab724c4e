/*
 * Many clients of an event stream, in one process and one epoll loop.
 *
 *   clients --urls FILE --clients N [--transport ws|sse|stomp|v1] [--tls 1]
 *           [--expect EVENTS] [--slow N] [--window N] [--seconds N]
 *           [--resume 1] [--first LIST] [--until N] [--pongs 1] [--nap US]
 *           [--deflate 1]
 *
 * FILE has a line for each stream, "port path"; clients are spread over the
 * lines in turn.  With stomp the path is followed by the destination.  Client
 * i has the source address 127.1.x.y, so that ports do not run out.
 *
 * Prints "ready SECONDS" when all are connected, then waits until each client
 * has EXPECT events, or for SIGTERM, or SECONDS, and prints one line of JSON:
 * what came, what was lost or doubled, and how late it was.  The connections
 * stay until its standard input ends.
 * The first "slow" clients read nothing.  With "resume" a client whose
 * connection ends comes back a moment later and names the last event that it
 * has, by its ordinal: of streams that were empty when it all began.  Then
 * LIST has, separated by commas, the numbers of the events with which the
 * clients begin, 0 unless it is said, and a client is at its end, too, when it
 * has the event before UNTIL.  With "pongs" it answers pings.  With "nap" it
 * looks at its sockets no more often than that: on one machine whoever sends
 * pays for waking who receives, which over a network is paid elsewhere.  With
 * "deflate" it offers permessage-deflate, and inflates what comes.
 */


#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>


#define BUFFER       (256 * 1024)
#define KEEP         (STAMP_LEN - 1)        /* of a stamp cut in two */
#define RETRY        20000000               /* ns until one comes back */
#define MESSAGE      (1024 * 1024)          /* bytes, inflated */

/* latencies: 64 steps an octave, from 1 us on */
#define STEPS        64
#define BUCKETS      (40 * STEPS)


typedef struct {
    int        port;
    char       path[256];
    char       destination[128];
} url_t;


typedef struct {
    int        fd;
    int        state;                       /* 0 connecting, 1 asked, 2 open */
    int        kept;                        /* bytes of the last stamp */
    uint32_t   url;
    uint64_t   next;                        /* number of the next event */
    uint64_t   retry;                       /* when it comes back; 0: not */
    uint64_t   received;
    SSL       *ssl;
    int        after;                       /* who comes back after it, or -1 */
    char       keep[KEEP];
    char      *held;                        /* of a frame cut in two, or NULL */
    size_t     nheld;
} client_t;


static url_t                 *urls;
static int                    nurls;
static client_t              *clients;
static int                    nclients, nopen, ndone, nslow, window;
static int                    resume, pongs, nap, deflated;
static int                    retries = -1, last_retry;
static int                    started, connecting;
static int                    ep;
static const char            *transport;
static uint64_t               expect, until;
static uint64_t               received, lost, doubled, broken, resumed;
static uint64_t               bytes;
static uint64_t               first_at, last_at;
static uint64_t               buckets[BUCKETS];
static char                   buffer[KEEP + BUFFER];
static volatile sig_atomic_t  stopped;
static SSL_CTX               *tls;


static void
on_signal(int sig)
{
    stopped = 1;
}


static void
read_urls(const char *name)
{
    FILE  *f;
    char   line[512];

    f = fopen(name, "r");
    if (f == NULL) {
        die("%s cannot be read", name);
    }

    while (fgets(line, sizeof(line), f)) {
        urls = realloc(urls, (nurls + 1) * sizeof(url_t));
        memset(&urls[nurls], 0, sizeof(url_t));

        if (sscanf(line, "%d %255s %127s", &urls[nurls].port,
                   urls[nurls].path, urls[nurls].destination) < 2)
        {
            die("bad line in %s: %s", name, line);
        }

        nurls++;
    }

    fclose(f);

    if (nurls == 0) {
        die("%s is empty", name);
    }
}


static void
read_first(const char *list)
{
    int    i;
    char  *end;

    for (i = 0; i < nclients && *list; i++) {
        clients[i].next = strtoull(list, &end, 10);
        list = (*end == ',') ? end + 1 : end;
    }
}


static void
connect_one(int i)
{
    int                 one;
    client_t           *c;
    struct sockaddr_in  sin;
    struct epoll_event  ev;

    c = &clients[i];
    one = 1;

    c->url = i % nurls;

    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    if (c->fd == -1) {
        die("socket: %s", strerror(errno));
    }

    if (i < nslow) {
        int  size = 4096;
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(int));
    }

    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(int));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(int));

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(0x7f010001 + i / 1000);

    if (bind(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        die("bind: %s", strerror(errno));
    }

    sin.sin_addr.s_addr = htonl(0x7f000001);
    sin.sin_port = htons(urls[c->url].port);

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        && errno != EINPROGRESS)
    {
        die("connect: %s", strerror(errno));
    }

    if (tls) {
        c->ssl = SSL_new(tls);
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_connect_state(c->ssl);
    }

    memset(&ev, 0, sizeof(ev));
    ev.events = EPOLLIN|EPOLLOUT|EPOLLET;
    ev.data.u32 = i;

    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) == -1) {
        die("epoll_ctl: %s", strerror(errno));
    }

    connecting++;
}


/* The connection has ended, or was none. */

static void
gone(client_t *c)
{
    close(c->fd);
    c->fd = -1;

    if (!resume) {
        broken++;
        return;
    }

    if (c->state == 2) {
        nopen--;
        resumed++;
    } else {
        connecting--;
    }

    c->state = 0;
    c->kept = 0;
    c->retry = now() + RETRY;
    c->after = -1;

    if (retries == -1) {
        retries = c - clients;
    } else {
        clients[last_retry].after = c - clients;
    }

    last_retry = c - clients;
}


static void
come_back(void)
{
    int  i;

    while (retries != -1 && clients[retries].retry <= now()) {
        i = retries;
        retries = clients[i].after;
        connect_one(i);
    }
}


/* as read() and write(), with EAGAIN for whatever TLS waits for */

static ssize_t
tls_result(client_t *c, int n)
{
    int  error;

    if (n > 0) {
        return n;
    }

    error = SSL_get_error(c->ssl, n);

    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }

    if (error == SSL_ERROR_ZERO_RETURN) {
        return 0;
    }

    errno = ECONNRESET;
    return -1;
}


static ssize_t
take(client_t *c, char *p, size_t size)
{
    return c->ssl ? tls_result(c, SSL_read(c->ssl, p, size))
                  : read(c->fd, p, size);
}


static ssize_t
give(client_t *c, const char *p, size_t size)
{
    return c->ssl ? tls_result(c, SSL_write(c->ssl, p, size))
                  : write(c->fd, p, size);
}


static void
ask(client_t *c)
{
    int       n;
    char      text[1024], args[64];
    url_t    *u;
    ssize_t   sent;

    u = &urls[c->url];
    args[0] = '\0';

    if (resume) {
        snprintf(args, sizeof(args), "?stream_from_ordinal=%llu",
                 (unsigned long long) c->next);
    }

    if (strcmp(transport, "sse") == 0) {
        n = snprintf(text, sizeof(text), "GET %s%s HTTP/1.1\r\nHost: bench\r\n"
                     "Accept: text/event-stream\r\n\r\n", u->path, args);

    } else {
        n = snprintf(text, sizeof(text), "GET %s%s HTTP/1.1\r\nHost: bench\r\n"
                     "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n%s\r\n", u->path, args,
                     strcmp(transport, "stomp") == 0
                     ? "Sec-WebSocket-Protocol: v12.stomp\r\n"
                     : strcmp(transport, "v1") == 0
                     ? "Sec-WebSocket-Protocol: ess.v1\r\n"
                     : deflated
                     ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
    }

    sent = give(c, text, n);

    if (sent == -1 && errno == EAGAIN) {
        return;
    }

    if (sent != n && resume) {
        gone(c);
        return;
    }

    if (sent != n) {
        die("a request could not be sent: %s", strerror(errno));
    }

    c->state = 1;
}


/* a text frame with a mask of zeros */

static void
stomp(client_t *c, const char *text, size_t len)
{
    size_t  n;
    char    frame[512];

    n = 0;
    frame[n++] = (char) 0x81;

    if (len > 125) {
        frame[n++] = (char) (0x80 | 126);
        frame[n++] = (char) (len >> 8);
    } else {
        frame[n++] = (char) (0x80 | len);
    }

    if (len > 125) {
        frame[n++] = (char) len;
    }

    memset(frame + n, 0, 4);
    n += 4;
    memcpy(frame + n, text, len);

    if (give(c, frame, n + len) != (ssize_t) (n + len)) {
        die("a STOMP frame could not be sent");
    }
}


static void
opened(client_t *c, const char *p, size_t len)
{
    int          n;
    char         text[256];
    const char  *status;

    status = strcmp(transport, "sse") == 0 ? "HTTP/1.1 200"
                                           : "HTTP/1.1 101";

    if (len < strlen(status) || memcmp(p, status, strlen(status)) != 0) {

        if (resume) {
            gone(c);
            return;
        }

        die("a client was refused: %.*s", (int) (len < 300 ? len : 300), p);
    }

    c->state = 2;

    if (deflated && memmem(p, len, "permessage-deflate", 18) == NULL) {
        die("permessage-deflate was declined");
    }

    if (strcmp(transport, "stomp") == 0) {
        static const char  hello[] = "CONNECT\naccept-version:1.2\nhost:/\n"
                                     "login:guest\npasscode:guest\n"
                                     "heart-beat:0,0\n\n";

        stomp(c, hello, sizeof(hello));
        n = snprintf(text, sizeof(text), "SUBSCRIBE\nid:0\ndestination:%s\n"
                     "ack:auto\nreceipt:r\n\n", urls[c->url].destination);
        stomp(c, text, n + 1);
        return;
    }

    nopen++;
    connecting--;
}


static void
late(uint64_t ns)
{
    int       octave, i;
    uint64_t  us;

    us = ns / 1000;

    if (us < STEPS) {
        i = us;

    } else {
        octave = 63 - __builtin_clzll(us / STEPS);
        i = (octave + 1) * STEPS + (int) (us >> octave) - STEPS;
    }

    buckets[i < BUCKETS ? i : BUCKETS - 1]++;
}


/* us, the upper end of the bucket */

static double
percentile(double share)
{
    int       i, octave;
    uint64_t  sum, wanted;

    wanted = (uint64_t) (received * share);

    for (sum = 0, i = 0; i < BUCKETS; i++) {
        sum += buckets[i];

        if (sum > wanted) {
            break;
        }
    }

    if (i < STEPS) {
        return i + 1;
    }

    octave = i / STEPS - 1;

    return (double) ((uint64_t) (i % STEPS + STEPS + 1) << octave);
}


static void
event(client_t *c, const char *p, uint64_t time)
{
    uint64_t  number;

    number = hex16(p + MARK_LEN);

    if (number >= c->next) {
        lost += number - c->next;
        c->next = number + 1;

    } else {
        doubled++;
    }

    late(time - hex16(p + MARK_LEN + 16));

    if (first_at == 0) {
        first_at = time;
    }

    last_at = time;
    received++;

    if (++c->received == expect || c->next == until) {
        ndone++;
    }
}


/* events in "len" bytes behind those that were kept */

static void
events(client_t *c, size_t len)
{
    char      *p, *last, *mark;
    size_t     left;
    uint64_t   time;

    p = buffer + KEEP - c->kept;
    memcpy(p, c->keep, c->kept);
    last = buffer + KEEP + len;
    time = now();

    for ( ;; ) {
        mark = memmem(p, last - p, MARK, MARK_LEN);

        if (mark == NULL) {
            left = last - p < MARK_LEN - 1 ? last - p : MARK_LEN - 1;
            break;
        }

        if (last - mark < STAMP_LEN) {
            left = last - mark;
            break;
        }

        event(c, mark, time);
        p = mark + STAMP_LEN;
    }

    c->kept = (int) left;
    memcpy(c->keep, last - left, left);
}


/* a message, with one event */

static void
message(client_t *c, char *p, size_t len, int is_deflated)
{
    char  *mark;

    static z_stream  z;
    static char      text[MESSAGE];

    if (is_deflated) {

        if (z.state == NULL && inflateInit2(&z, -15) != Z_OK) {
            die("inflateInit2");
        }

        inflateReset(&z);
        z.next_in = (Bytef *) p;
        z.avail_in = len;
        z.next_out = (Bytef *) text;
        z.avail_out = sizeof(text);

        if (inflate(&z, Z_SYNC_FLUSH) != Z_OK || z.avail_in) {
            die("a message cannot be inflated");
        }

        p = text;
        len = sizeof(text) - z.avail_out;
    }

    mark = memmem(p, len, MARK, MARK_LEN);

    if (mark == NULL || p + len - mark < STAMP_LEN) {
        die("a message without a stamp");
    }

    event(c, mark, now());
}


/* whole frames in "len" bytes behind what was held */

static void
frames(client_t *c, char *p, size_t len)
{
    char           *all;
    size_t          n, i, left;
    unsigned char  *h;

    all = NULL;

    if (c->held) {
        all = realloc(c->held, c->nheld + len);
        memcpy(all + c->nheld, p, len);
        p = all;
        len += c->nheld;
        c->held = NULL;
    }

    for (left = len; left >= 2; left -= n) {
        h = (unsigned char *) p;
        n = h[1];
        i = (n < 126) ? 2 : (n == 126) ? 4 : 10;

        if (left < i) {
            break;
        }

        if (i > 2) {
            for (n = 0, h += 2; h < (unsigned char *) p + i; h++) {
                n = n << 8 | *h;
            }
        }

        n += i;

        if (left < n) {
            break;
        }

        if ((p[0] & 0x0f) < 8) {
            message(c, p + i, n - i, p[0] & 0x40);
        }

        p += n;
    }

    if (left) {
        c->held = malloc(left);
        memcpy(c->held, p, left);
        c->nheld = left;
    }

    free(all);
}


/* whether a close frame or an empty chunk ends it; what was cut in two is seen
   as the end of the connection, later */

static int
closing(const char *p, size_t len)
{
    const char  *code;

    if (strcmp(transport, "sse") == 0) {
        return len >= 5 && memcmp(p + len - 5, "0\r\n\r\n", 5) == 0;
    }

    code = memmem(p, len, "\x03\xf4", 2);          /* 1012 */

    if (code == NULL) {
        code = memmem(p, len, "\x03\xe9", 2);      /* 1001 */
    }

    return code && code - p >= 2 && (unsigned char) code[-2] == 0x88;
}


static void
readable(client_t *c)
{
    char    *p;
    ssize_t  n;

    for ( ;; ) {
        p = buffer + KEEP;
        n = take(c, p, BUFFER);

        if (n == -1 && errno == EAGAIN) {
            return;
        }

        if (n <= 0) {
            gone(c);
            return;
        }

        if (c->state == 1) {
            opened(c, buffer + KEEP, n);

            if (c->fd == -1) {
                return;
            }

            p = memmem(p, n, "\r\n\r\n", 4);
            p = p ? p + 4 : NULL;

        } else if (nopen < nclients && strcmp(transport, "stomp") == 0
                   && memmem(buffer + KEEP, n, "RECEIPT", 7))
        {
            nopen++;
            connecting--;
        }

        if (!deflated) {
            events(c, n);

        } else if (c->state == 2 && p) {
            frames(c, p, buffer + KEEP + n - p);
        }

        bytes += n;

        if (pongs && memmem(buffer + KEEP, n, "\x89\0", 2)
            && give(c, "\x8a\x80\0\0\0\0", 6) != 6)
        {
            gone(c);
            return;
        }

        if (resume && closing(buffer + KEEP, n)) {
            gone(c);
            return;
        }

        /* the end may be there already, and is told only once */

        if (n < BUFFER && c->ssl == NULL && !resume) {
            return;
        }
    }
}


static void
handle(struct epoll_event *ev)
{
    int        i;
    client_t  *c;

    i = ev->data.u32;
    c = &clients[i];

    if (c->fd == -1) {
        return;
    }

    if (c->state == 0) {

        if (ev->events & (EPOLLERR|EPOLLHUP)) {

            if (resume) {
                gone(c);
                return;
            }

            die("a client could not connect");
        }

        ask(c);
        return;
    }

    if (c->state == 2 && i < nslow) {
        return;
    }

    readable(c);
}


static void
report(void)
{
    struct rusage  ru;

    getrusage(RUSAGE_SELF, &ru);

    printf("{\"bytes\": %llu, "
           "\"received\": %llu, \"lost\": %llu, \"doubled\": %llu, "
           "\"broken\": %llu, \"resumed\": %llu, \"clients\": %d, "
           "\"complete\": %d, \"seconds\": %.6f, \"p50\": %.0f, \"p99\": %.0f, "
           "\"p999\": %.0f, \"own_cpu\": %.3f}\n",
           (unsigned long long) bytes,
           (unsigned long long) received, (unsigned long long) lost,
           (unsigned long long) doubled, (unsigned long long) broken,
           (unsigned long long) resumed,
           nclients, ndone, (last_at - first_at) / 1e9,
           percentile(0.5), percentile(0.99), percentile(0.999),
           ru.ru_utime.tv_sec + ru.ru_stime.tv_sec
           + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
    fflush(stdout);
}


int
main(int argc, char **argv)
{
    int                 i, n;
    uint64_t            begin, end;
    struct sigaction    sa;
    struct epoll_event  evs[512];

    read_urls(option(argc, argv, "urls", ""));
    nclients = atoi(option(argc, argv, "clients", "1"));
    nslow = atoi(option(argc, argv, "slow", "0"));
    window = atoi(option(argc, argv, "window", "256"));
    resume = atoi(option(argc, argv, "resume", "0"));
    pongs = atoi(option(argc, argv, "pongs", "0"));
    nap = atoi(option(argc, argv, "nap", "0"));
    deflated = atoi(option(argc, argv, "deflate", "0"));
    transport = option(argc, argv, "transport", "ws");
    expect = strtoull(option(argc, argv, "expect", "0"), NULL, 10);
    until = strtoull(option(argc, argv, "until", "0"), NULL, 10);

    if (option(argc, argv, "tls", NULL)) {
        tls = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE
                              |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on_signal;
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);

    clients = calloc(nclients, sizeof(client_t));
    read_first(option(argc, argv, "first", ""));
    ep = epoll_create1(EPOLL_CLOEXEC);
    begin = now();

    while (nopen < nclients && !stopped) {

        while (started < nclients && connecting < window) {
            connect_one(started++);
        }

        n = epoll_wait(ep, evs, 512, retries == -1 ? 10000 : 10);
        come_back();

        if (n == 0 && !resume) {
            die("%d of %d clients were connected", nopen, nclients);
        }

        for (i = 0; i < n; i++) {
            handle(&evs[i]);
        }
    }

    printf("ready %.6f\n", (now() - begin) / 1e9);
    fflush(stdout);

    end = now() + (uint64_t) atoi(option(argc, argv, "seconds", "600"))
                  * 1000000000;

    while (!stopped && now() < end
           && ((expect == 0 && until == 0) || ndone < nclients - nslow))
    {
        if (nap) {
            sleep_until(now() + nap * 1000);
        }

        n = epoll_wait(ep, evs, 512, retries == -1 ? 100 : 10);
        come_back();

        for (i = 0; i < n; i++) {
            handle(&evs[i]);
        }
    }

    report();

    while (read(0, buffer, sizeof(buffer)) > 0) { /* void */ }

    return 0;
}
