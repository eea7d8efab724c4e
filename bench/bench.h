/*
 * What the programs of the bench share: the stamp at the start of each event,
 * and small helpers that end the program when something fails.
 *
 * An event has "ess:", its number in its stream and the time when it was
 * published, both as 16 hexadecimal digits; in the rest no stamp can be found.  So a client recognises events in whatever comes,
 * without knowing the protocol around them.
 */


#ifndef BENCH_H
#define BENCH_H


#define _GNU_SOURCE

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#define MARK        "ess:"
#define MARK_LEN    4
#define STAMP_LEN   (MARK_LEN + 16 + 16)


static inline void
die(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fputc('\n', stderr);
    exit(1);
}


/* ns; one clock for all processes of the machine */

static inline uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static inline void
sleep_until(uint64_t time)
{
    struct timespec  ts;

    ts.tv_sec = time / 1000000000;
    ts.tv_nsec = time % 1000000000;

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL)) {
        /* void */
    }
}


static inline void
stamp(char *p, uint64_t number)
{
    char  text[STAMP_LEN + 1];

    snprintf(text, sizeof(text), MARK "%016llx%016llx",
             (unsigned long long) number, (unsigned long long) now());

    memcpy(p, text, STAMP_LEN);
}


static inline uint64_t
hex16(const char *p)
{
    int       i, c;
    uint64_t  v;

    for (v = 0, i = 0; i < 16; i++) {
        c = p[i];
        v = v << 4 | (uint64_t) (c <= '9' ? c - '0' : c - 'a' + 10);
    }

    return v;
}


/* Of a call, "size" bytes of JSON that has its number; returns size. */

static inline size_t
write_call(char *p, size_t size, uint64_t number)
{
    int  n;

    n = sprintf(p, "{\"n\":%llu,\"pad\":\"", (unsigned long long) number);
    memset(p + n, 'x', size - n - 2);
    memcpy(p + size - 2, "\"}", 2);

    return size;
}


/* Of an event log, with an id of its own, of two types by turns; returns its
   length, below 256. */

static inline size_t
write_event(char *p, uint64_t number)
{
    unsigned long long  n;

    n = number;

    if (n % 2) {
        return sprintf(p, "{\"type\":\"system\","
                       "\"timestamp\":\"2024-01-13T12:34:56.789Z\","
                       "\"event_id\":\"e_%llu\",\"event\":{"
                       "\"system_id\":\"system %llu\","
                       "\"location\":\"europe\",\"operation\":\"write\"}}",
                       n, n % 1000);
    }

    return sprintf(p, "{\"type\":\"user\","
                   "\"timestamp\":\"2024-01-13T12:34:56.789Z\","
                   "\"event_id\":\"e_%llu\",\"event\":{"
                   "\"username\":\"user %llu\","
                   "\"email\":\"user%llu@bench.dev\",\"operation\":\"read\"}}",
                   n, n % 1000, n % 1000);
}


/* the value of --name among the arguments, or what stands for it */

static inline const char *
option(int argc, char **argv, const char *name, const char *otherwise)
{
    int  i;

    for (i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0) {
            return (i + 1 < argc) ? argv[i + 1] : "";
        }
    }

    return otherwise;
}


#endif /* BENCH_H */
