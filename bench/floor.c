/*
 * The floor: what the kernel alone costs.  A bare loop that accepts clients,
 * answers each request with a 101, and then writes the same events to all of
 * them, "batch" events with one write().
 *
 *   floor --clients N --events N --size BYTES [--rate EVENTS/s] [--batch N]
 *
 * Prints "port P"; when all clients are there, waits for a line on its
 * standard input, sends, and prints the ns of CPU that the sending took.
 */


#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>


static uint64_t
cpu(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static int
listener(void)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_in  sin;

    fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(0x7f000001);

    if (bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(fd, 1024) == -1)
    {
        die("listen: %s", strerror(errno));
    }

    len = sizeof(sin);
    getsockname(fd, (struct sockaddr *) &sin, &len);

    printf("port %d\n", ntohs(sin.sin_port));
    fflush(stdout);

    return fd;
}


static int
accept_one(int fd)
{
    int           c, one;
    char          buf[4096];
    size_t        len;
    ssize_t       n;

    static const char  answer[] = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

    one = 1;
    c = accept(fd, NULL, NULL);

    if (c == -1) {
        die("accept: %s", strerror(errno));
    }

    setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(int));

    for (len = 0; len < 4 || memcmp(buf + len - 4, "\r\n\r\n", 4) != 0;
         len += n)
    {
        n = read(c, buf + len, sizeof(buf) - len);

        if (n <= 0) {
            die("a request did not come");
        }
    }

    if (write(c, answer, sizeof(answer) - 1) != sizeof(answer) - 1) {
        die("an answer could not be sent");
    }

    return c;
}


static void
write_all(int fd, const char *p, size_t len)
{
    ssize_t        n;
    struct pollfd  pfd;

    while (len) {
        n = send(fd, p, len, MSG_DONTWAIT|MSG_NOSIGNAL);

        if (n == -1 && errno == EAGAIN) {
            pfd.fd = fd;
            pfd.events = POLLOUT;
            poll(&pfd, 1, -1);
            continue;
        }

        if (n == -1) {
            die("send: %s", strerror(errno));
        }

        p += n;
        len -= n;
    }
}


/* as a WebSocket frame; its length */

static size_t
frame(char *p, size_t size, uint64_t number)
{
    size_t  n;

    n = 0;
    p[n++] = (char) 0x81;

    if (size < 126) {
        p[n++] = (char) size;

    } else if (size < 65536) {
        p[n++] = 126;
        p[n++] = (char) (size >> 8);
        p[n++] = (char) size;

    } else {
        die("--size must be below 65536");
    }

    stamp(p + n, number);
    memset(p + n + STAMP_LEN, 'x', size - STAMP_LEN);

    return n + size;
}


int
main(int argc, char **argv)
{
    int        fd, i, n, batch;
    int       *fds;
    char      *buf, line[16];
    size_t     size, len;
    double     rate;
    uint64_t   sent, events, begin, used;

    n = atoi(option(argc, argv, "clients", "1"));
    events = strtoull(option(argc, argv, "events", "1"), NULL, 10);
    size = strtoul(option(argc, argv, "size", "200"), NULL, 10);
    rate = atof(option(argc, argv, "rate", "0"));
    batch = atoi(option(argc, argv, "batch", "1"));

    if (size < STAMP_LEN || batch < 1) {
        die("--size must be at least %d, --batch 1", STAMP_LEN);
    }

    fds = calloc(n, sizeof(int));
    buf = malloc(batch * (size + 4));
    fd = listener();

    for (i = 0; i < n; i++) {
        fds[i] = accept_one(fd);
    }

    if (fgets(line, sizeof(line), stdin) == NULL) {
        return 1;
    }

    used = cpu();
    begin = now();

    for (sent = 0; sent < events; /* void */ ) {

        if (rate > 0) {
            sleep_until(begin + (uint64_t) (sent * 1e9 / rate));
        }

        for (len = 0, i = 0; i < batch && sent < events; i++) {
            len += frame(buf + len, size, sent++);
        }

        for (i = 0; i < n; i++) {
            write_all(fds[i], buf, len);
        }
    }

    printf("%llu\n", (unsigned long long) (cpu() - used));
    fflush(stdout);

    /* the clients leave first */

    (void) fgets(line, sizeof(line), stdin);

    return 0;
}
