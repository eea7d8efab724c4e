/*
 * Who is woken: dirty lists and their overflow, eventfds, what was not seen.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/many_streams.c
 */


#include <poll.h>

#include "many_streams.h"


static ngx_uint_t              nchanged, nmails;
static ngx_uint_t              nchanged, nstored;
static uint64_t                last;
static uint32_t                number;
static uint64_t                below, first[NGX_ESS_DIRTY];
static uint32_t                more[NGX_ESS_WAKE_MORE];
static ngx_uint_t              nmore;


static void
changed(ngx_ess_stream_ref_t *ref)
{
    nchanged++;
    last = ref->id;
}


static void
changed_more(const uint32_t *bits)
{
    ngx_uint_t  i;

    for (i = 0; i < STREAMS; i++) {
        nmore += ngx_ess_wake_is_more(bits, streams[i].ref.id);
    }
}


static void
replace(ngx_ess_stream_ref_t *ref, uint64_t first)
{
    below = first;
    last = ref->id;
}


static void
mailed(void)
{
    nmails++;
}


static void
stored(void)
{
    nstored++;
}


static const ngx_ess_wake_handlers_t  handlers = {
    changed,
    changed_more,
    replace,
    mailed,
    stored
};


static int
setup(void **state)
{
    nchanged = 0;
    nmore = 0;
    nmails = 0;
    nstored = 0;

    return many_streams_setup(state);
}


static ngx_uint_t
is_eventfd(int fd)
{
    char     name[32], text[64];
    ssize_t  n;

    (void) snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);

    n = readlink(name, text, sizeof(text) - 1);
    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    return ngx_strstr(text, "eventfd") != NULL;
}


static void
test_wake(void **state)
{
    struct pollfd      pfd;
    uint64_t           seq, next;
    ngx_uint_t         i;
    ngx_cycle_t       *cycle;
    ngx_core_conf_t    ccf;
    void              *confs[1];
    ngx_connection_t  *c;
    ngx_ess_wake_t     wake;

    cycle = (ngx_cycle_t *) ngx_cycle;
    ngx_memzero(&ccf, sizeof(ccf));
    ngx_memzero(&wake, sizeof(wake));
    ccf.worker_processes = 2;
    confs[0] = &ccf;
    cycle->conf_ctx = (void ****) confs;

    assert_int_equal(ngx_ess_wake_init_module(cycle), NGX_OK);
    assert_int_equal(ngx_ess_wake_init_module(cycle), NGX_OK);
    assert_int_equal(ngx_ess_wake_init_process(cycle, zone, &handlers),
                     NGX_OK);

    c = ngx_get_connection(0, &ngx_unit_log);
    assert_ptr_equal(c->read->data, c);

    /* nobody is interested */

    append(0, &wake);
    assert_int_equal(wake.procs[0], 0);

    assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[0].ref, NULL,
                                                &seq, &next, &number),
                     NGX_OK);
    assert_int_equal(seq, 2);
    assert_int_equal(next, 2);

    append(0, &wake);
    append(0, &wake);
    append(1, &wake);
    assert_int_equal(wake.procs[0], 1 << 2);

    ngx_ess_wake_procs(zone, &wake);
    assert_int_equal(wake.procs[0], 0);
    assert_int_equal(nchanged, 0);
    ngx_unit_run_posted();
    assert_int_equal(nchanged, 1);
    assert_int_equal(last, streams[0].ref.id);

    ngx_ess_wake_poll();
    assert_int_equal(nchanged, 1);

    /* the other way: somebody else wrote to our eventfd */

    append(0, &wake);
    zone->proc = 7;
    ngx_ess_wake_procs(zone, &wake);
    zone->proc = 2;

    for (i = 3, pfd.revents = 0; i < 256 && !pfd.revents; i++) {

        if (!is_eventfd(i)) {
            continue;
        }

        pfd.fd = i;
        pfd.events = POLLIN;
        (void) poll(&pfd, 1, 0);
        pfd.revents &= POLLIN;
    }

    assert_true(pfd.revents);
    c->fd = pfd.fd;
    c->read->handler(c->read);
    assert_int_equal(nchanged, 2);
    (void) poll(&pfd, 1, 0);
    assert_int_equal(pfd.revents, 0);

    /* mail wakes, too, and is no change */

    ngx_ess_zone_lock(zone);
    ngx_ess_wake_mail_locked(zone->sh, zone->proc, &wake);
    ngx_ess_zone_unlock(zone);

    ngx_ess_wake_procs(zone, &wake);
    ngx_unit_run_posted();
    ngx_ess_wake_poll();
    assert_int_equal(nmails, 1);
    assert_int_equal(nchanged, 2);

    append(0, &wake);
    ngx_ess_wake_procs(zone, &wake);
    ngx_unit_run_posted();
    assert_int_equal(nchanged, 3);

    /* of what was stored those hear who listen, once until they look */

    ngx_ess_wake_stored(zone);
    ngx_unit_run_posted();
    assert_int_equal(nstored, 0);

    ngx_ess_wake_listen_stored(1);
    ngx_ess_wake_stored(zone);
    ngx_ess_wake_stored(zone);
    assert_int_equal(nstored, 0);
    ngx_unit_run_posted();
    assert_int_equal(nstored, 1);

    ngx_ess_wake_stored(zone);
    ngx_unit_run_posted();
    assert_int_equal(nstored, 2);
    assert_int_equal(nmails, 1);

    ngx_ess_wake_listen_stored(0);
    ngx_ess_wake_stored(zone);
    ngx_unit_run_posted();
    assert_int_equal(nstored, 2);

    ngx_ess_wake_exit_process(cycle);
    assert_int_equal(c->fd, -1);
}


static void
test_overflow(void **state)
{
    uint64_t              seq, next;
    ngx_uint_t            i, n, overflow;
    ngx_ess_wake_t        wake;
    ngx_ess_stream_ref_t  refs[NGX_ESS_DIRTY];

    ngx_memzero(&wake, sizeof(wake));

    for (i = 0; i < STREAMS; i++) {
        assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[i].ref,
                                                    NULL, &seq, &next, &number),
                         NGX_OK);
    }

    for (i = 0; i < STREAMS; i++) {
        append(i, &wake);

        if (i == NGX_ESS_DIRTY - 1) {
            assert_int_equal(ngx_ess_zone_proc(zone->sh, 2)->overflow, 0);
        }
    }

    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    ngx_ess_zone_lock(zone);
    n = ngx_ess_wake_take_locked(zone, refs, first, &overflow, more);
    ngx_ess_zone_unlock(zone);

    assert_int_equal(n, NGX_ESS_DIRTY);
    assert_int_equal(overflow, 1);

    for (i = 0; i < STREAMS; i++) {
        assert_int_equal(ngx_ess_wake_is_more(more, streams[i].ref.id),
                         i >= NGX_ESS_DIRTY);
    }

    append(STREAMS - 1, &wake);

    ngx_ess_zone_lock(zone);
    n = ngx_ess_wake_take_locked(zone, refs, first, &overflow, more);
    ngx_ess_zone_unlock(zone);

    assert_int_equal(n, 1);
    assert_int_equal(overflow, 0);
    assert_int_equal(refs[0].id, streams[STREAMS - 1].ref.id);
    assert_int_equal(refs[0].epoch, streams[STREAMS - 1].ref.epoch);

    /* the interest goes, and the entry with it */

    append(5, &wake);
    ngx_ess_interest_unsubscribe(zone, &streams[5].ref);
    assert_int_equal(ngx_ess_zone_proc(zone->sh, 2)->ndirty, 0);

    /* those of the next overflow, and none of the last one */

    assert_int_equal(ngx_ess_wake_init_process((ngx_cycle_t *) ngx_cycle, zone,
                                               &handlers),
                     NGX_OK);

    for (i = 0; i < NGX_ESS_DIRTY + 3; i++) {
        append(STREAMS - 1 - i, &wake);
    }

    ngx_ess_wake_poll();
    assert_int_equal(nchanged, NGX_ESS_DIRTY);
    assert_int_equal(nmore, 3);

    ngx_ess_wake_poll();
    assert_int_equal(nchanged, NGX_ESS_DIRTY);
    assert_int_equal(nmore, 3);

    ngx_ess_wake_exit_process((ngx_cycle_t *) ngx_cycle);
}


static void
test_many_procs(void **state)
{
    uint64_t               seq, next;
    ngx_uint_t             p, total, nfree, before;
    ngx_ess_wake_t         wake;
    ngx_ess_stream_info_t  info;

    ngx_memzero(&wake, sizeof(wake));
    ngx_ess_zone_room(zone, &before, &total);

    for (p = 3; p < zone->sh->geo.nprocs; p++) {
        assert_int_equal(ngx_ess_process_attach(zone, p, &ngx_unit_log),
                         NGX_OK);
        ngx_ess_counter_add(zone, NGX_ESS_C_SUBSCRIBERS, 1);
        assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[3].ref,
                                                    NULL, &seq, &next, &number),
                         NGX_OK);
    }

    assert_true(p > 40);
    assert_int_equal(ngx_ess_process_attach(zone, p, &ngx_unit_log), NGX_ERROR);
    ngx_unit_alerts = 0;

    assert_int_equal(ngx_ess_stream_by_id(zone, streams[3].ref.id, &info),
                     NGX_OK);
    assert_int_equal(info.subscribers, p - 3);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_SUBSCRIBERS), p - 3);

    append(3, &wake);
    assert_int_equal(wake.procs[0],
                     (p >= 64 ? ~(uint64_t) 0 : ((uint64_t) 1 << p) - 1)
                     & ~(uint64_t) 7);

    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

    while (--p >= 3) {
        zone->proc = p;
        ngx_ess_process_detach(zone);
        assert_int_equal(ngx_ess_zone_proc(zone->sh, p)->npairs, 0);
        assert_int_equal(ngx_ess_zone_proc(zone->sh, p)->pid, 0);
    }

    ngx_ess_zone_room(zone, &nfree, &total);
    assert_int_equal(nfree, before - 1);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_SUBSCRIBERS), 0);
}


/* Fills the zone until an append is refused; returns how many went in. */

static ngx_uint_t
fill(void)
{
    ngx_int_t        rc;
    ngx_uint_t       n;
    ngx_ess_event_t  event;
    static u_char    body[3000];
    ngx_ess_wake_t   wake;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body.data = body;
    event.body.len = sizeof(body);
    event.timestamp = 1;

    ngx_memzero(&wake, sizeof(wake));

    for (n = 0; n < 1000; n++) {
        ngx_ess_zone_lock(zone);
        rc = ngx_unit_append_locked(zone, ngx_ess_stream_slot(key_of(0)),
                                    key_of(0), &event, 1, 0, &wake);
        ngx_ess_zone_unlock(zone);

        if (rc == NGX_AGAIN) {
            break;
        }

        assert_int_equal(rc, 1);
    }

    return n;
}


static void
take(void)
{
    ngx_uint_t            overflow;
    ngx_ess_stream_ref_t  refs[NGX_ESS_DIRTY];

    ngx_ess_zone_lock(zone);
    assert_int_equal(ngx_ess_wake_take_locked(zone, refs, first,
                                              &overflow, more), 1);
    ngx_ess_zone_unlock(zone);
}


/* what a worker has not seen is not evicted while it gives signs of life */

static void
test_unseen(void **state)
{
    uint64_t          seq, next;
    ngx_cycle_t      *cycle;
    ngx_uint_t        first, n;
    ngx_core_conf_t   ccf;
    void             *confs[1];

    cycle = (ngx_cycle_t *) ngx_cycle;
    ngx_memzero(&ccf, sizeof(ccf));
    ccf.worker_processes = 2;
    confs[0] = &ccf;
    cycle->conf_ctx = (void ****) confs;

    assert_int_equal(ngx_ess_wake_init_module(cycle), NGX_OK);
    assert_int_equal(ngx_ess_wake_init_process(cycle, zone, &handlers),
                     NGX_OK);

    /* nobody is interested: the oldest go */

    assert_int_equal(fill(), 1000);
    assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[0].ref, NULL,
                                                &seq, &next, &number),
                     NGX_OK);

    /* old ones go, then the new ones stay */

    ngx_current_msec += 20;
    first = fill();
    assert_true(first > 100 && first < 1000);
    assert_int_equal(fill(), 0);

    /* it reads, and has not finished */

    take();
    ngx_current_msec += 20;
    assert_int_equal(fill(), 0);
    ngx_ess_wake_progress(0);
    ngx_current_msec += 990;
    assert_int_equal(fill(), 0);

    /* what was there when it took the list was read */

    ngx_ess_wake_progress(1);
    n = fill();
    assert_true(n >= first && n < 1000);
    assert_int_equal(fill(), 0);

    /* it was woken, and does nothing for more than a second */

    ngx_current_msec += 990;
    assert_int_equal(fill(), 0);
    ngx_current_msec += 30;
    assert_int_equal(fill(), 1000);

    /* back again, and gone in the midst of it */

    take();
    assert_int_equal(fill(), 0);
    ngx_ess_wake_progress(0);
    assert_int_equal(fill(), 0);
    ngx_ess_process_detach(zone);
    assert_int_equal(fill(), 1000);

    zone->proc = NGX_ESS_PROCS;
    ngx_ess_wake_progress(1);
    ngx_ess_wake_exit_process(cycle);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_wake, setup,
                                        many_streams_teardown),
        cmocka_unit_test_setup_teardown(test_overflow, setup,
                                        many_streams_teardown),
        cmocka_unit_test_setup_teardown(test_many_procs, setup,
                                        many_streams_teardown),
        cmocka_unit_test_setup_teardown(test_unseen, setup,
                                        many_streams_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
