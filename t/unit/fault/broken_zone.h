/*
 * A sound zone, for unit tests that break it and ask the checker.
 */


#ifndef _BROKEN_ZONE_H_INCLUDED_
#define _BROKEN_ZONE_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"


#define BROKEN_STREAMS  5


/*
 * Streams of one process, in order of id: one with a long key, three with the
 * same key, and one that is still being created.  The second one has four
 * records, the third of two segments, and a subscriber that has not been told
 * of them.  The third one has a name, a long rule and an age of its own.  Of the segments that were freed two are left.
 */
extern ngx_ess_zone_t         *zone;
extern ngx_ess_stream_info_t   streams[BROKEN_STREAMS];
extern ngx_ess_seg_t           segs[BROKEN_STREAMS];    /* where they are */
extern ngx_ess_seg_t           recs[4];                 /* and the records */


int broken_zone_setup(void **state);

/* It must be sound again. */
int broken_zone_teardown(void **state);

#define broken_zone_test(name)                                                \
    cmocka_unit_test_setup_teardown(name, broken_zone_setup,                  \
                                    broken_zone_teardown)

#define stream_at(n)  ngx_ess_zone_stream(zone->sh, segs[n])
#define record_at(n)  ngx_ess_zone_record(zone->sh, recs[n])


/* The checker finds faults, of which that is one, and tells of each. */
void broken_zone_told(const char *what);

/* With another value in a word of the zone, which is put back. */
#define broken(word, value, what)                                             \
    do {                                                                      \
        __typeof__(word)  was = (word);                                       \
                                                                              \
        (word) = (value);                                                     \
        broken_zone_told(what);                                               \
        (word) = was;                                                         \
    } while (0)


#endif /* _BROKEN_ZONE_H_INCLUDED_ */
