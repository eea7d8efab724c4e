/*
 * An append to many streams, which takes several holds of the mutex: whoever
 * dies within one, or between them, is followed by another.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_ess_follow.h"


#define KEYS  8


static ngx_ess_zone_t  *zone;
static ngx_str_t        keys[KEYS];


static void
make_keys(void)
{
    ngx_uint_t     i;

    static u_char  text[KEYS][NGX_ESS_MAX_KEY];

    for (i = 0; i < KEYS; i++) {
        ngx_memset(text[i], 'a' + i, NGX_ESS_MAX_KEY);
        keys[i].data = text[i];
        keys[i].len = 1 + i * 36;
    }
}


/* An append in several holds: whoever dies within one, or between them, is
   followed by another, and each stream has the event once. */

static void
holds(ngx_uint_t nkeys)
{
    u_char                 text[8];
    ngx_str_t              other;
    int                    status;
    pid_t                  pid;
    uint64_t               i, n, partial, events, uneven;
    ngx_ess_mark_t         mark;
    ngx_ess_event_t        event;
    ngx_ess_event_key_t    ks[2];
    ngx_ess_stream_info_t  info[200];
    ngx_ess_wake_t         wake;
    ngx_ess_zone_slot_t   *slot;

    zone = ngx_unit_zone(4 * 1024 * 1024);
    slot = &zone->sh->slots[ngx_ess_stream_slot(&keys[1])];

    assert_int_equal(ngx_ess_process_attach(zone, 1, &ngx_unit_log), NGX_OK);

    /* another one of the same slot */

    other.data = text;
    i = 0;

    do {
        other.len = sprintf((char *) text, "%d", (int) i++);
    } while (ngx_ess_stream_slot(&other) != ngx_ess_stream_slot(&keys[1]));

    for (i = 0; i < 200; i++) {
        assert_int_equal(ngx_ess_table_reserve(zone,
                                               (nkeys && i % 3) ? &other
                                                                : &keys[1],
                                               &ngx_unit_bound, 0, NULL,
                                               &info[i]),
                         NGX_OK);
        assert_int_equal(ngx_ess_table_show(zone, &info[i].ref), NGX_OK);
    }

    ngx_memzero(&wake, sizeof(wake));

    partial = 0;
    events = 0;

    for (n = 3; n < 15000; n += 211) {

        ngx_memzero(&event, sizeof(ngx_ess_event_t));
        ngx_str_set(&event.body, "to all");
        event.timestamp = 1;
        event.keys = nkeys ? ks : NULL;
        event.nkeys = nkeys;
        event.mark = &mark;

        mark.slot = ngx_ess_stream_slot(&keys[1]);
        mark.print = 1000 + n;

        (void) ngx_ess_stream_event_key(&ks[0], &keys[1]);
        (void) ngx_ess_stream_event_key(&ks[1], &other);

        *ngx_unit_faults = n;

        pid = fork();
        assert_true(pid != -1);

        if (pid == 0) {
            ngx_pid = getpid();
            (void) ngx_ess_log_append(zone, &keys[1], &event, 0, &wake);
            _exit(0);
        }

        assert_true(waitpid(pid, &status, 0) == pid);
        *ngx_unit_faults = 0;
        ngx_unit_force_unlock(zone);

        ngx_ess_zone_lock(zone);
        partial += (slot->partial_print == 1000 + n);
        ngx_ess_zone_unlock(zone);

        if (slot->appended == events) {
            assert_true(ngx_ess_log_append(zone, &keys[1], &event, 0, &wake)
                        > 0);
        }

        events++;
        uneven = 0;

        assert_int_equal(slot->appended, events);
        assert_int_equal(slot->partial_print, 0);

        for (i = 0; i < 200; i++) {
            assert_int_equal(ngx_ess_stream_by_id(zone, info[i].ref.id,
                                                  &info[i]), NGX_OK);
            uneven += (info[i].last_ordinal != events);
        }

        assert_int_equal(uneven, 0);
        assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
    }

    assert_true(partial > 0);

    ngx_unit_free(zone);
}


static void
test_holds(void **state)
{
    holds(0);
    holds(2);
}


/* An append to more streams than one journal takes is continued. */

static void
test_chunks(void **state)
{
    int                    status;
    pid_t                  pid;
    uint64_t               i, n, events;
    ngx_uint_t             found;
    ngx_ess_event_t        event;
    ngx_ess_stream_info_t  info;
    ngx_ess_wake_t         wake;
    ngx_ess_zone_slot_t   *slot;

    zone = ngx_unit_zone(1024 * 1024);
    zone->sh->geo.njournal = 60 + 4 * zone->sh->geo.nprocs;
    slot = &zone->sh->slots[ngx_ess_stream_slot(&keys[1])];

    assert_int_equal(ngx_ess_process_attach(zone, 1, &ngx_unit_log), NGX_OK);

    for (i = 0; i < 30; i++) {
        assert_int_equal(ngx_ess_table_reserve(zone, &keys[1],
                                               &ngx_unit_bound, 0, NULL, &info),
                         NGX_OK);
        assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);
    }

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    ngx_str_set(&event.body, "to all");
    event.timestamp = 1;
    events = 0;
    found = 0;

    for (n = 3; n < 3000; n += 7) {

        *ngx_unit_faults = n;

        pid = fork();
        assert_true(pid != -1);

        if (pid == 0) {
            ngx_pid = getpid();
            ngx_memzero(&wake, sizeof(wake));
            ngx_ess_zone_lock(zone);
            (void) ngx_unit_append_locked(zone,
                                          ngx_ess_stream_slot(&keys[1]),
                                          &keys[1], &event, 1000 + n,
                                          1, &wake);
            ngx_ess_zone_unlock(zone);
            _exit(0);
        }

        assert_true(waitpid(pid, &status, 0) == pid);
        *ngx_unit_faults = 0;
        ngx_unit_force_unlock(zone);
        ngx_ess_zone_lock(zone);

        if (slot->partial_print) {
            assert_int_equal(slot->partial_print, 1000 + n);
            found++;
        }

        if (WIFSIGNALED(status) && slot->appended == events) {
            /* again */
            ngx_memzero(&wake, sizeof(wake));
            assert_true(
                (ngx_int_t)
                ngx_unit_append_locked(zone,
                                       ngx_ess_stream_slot(&keys[1]),
                                       &keys[1], &event, 1000 + n, 1,
                                       &wake)
                > 0);
        }

        events++;

        assert_int_equal(slot->appended, events);
        assert_int_equal(slot->partial_print, 0);

        ngx_ess_zone_unlock(zone);

        for (i = 1; i <= 30; i++) {
            assert_int_equal(ngx_ess_stream_by_id(zone, i, &info), NGX_OK);
            assert_int_equal(info.last_ordinal, events);
        }

        assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
    }

    assert_true(found > 10);

    ngx_unit_free(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_chunks),
    };

    ngx_unit_fault();
    make_keys();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
