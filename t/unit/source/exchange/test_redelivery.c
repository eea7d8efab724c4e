/*
 * Recognising redelivered runs: single cases, then a model of a broker and of
 * workers that die at random points.
 *
 * links: src/source/exchange/ngx_ess_redelivery.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_redelivery.h"
#include "ngx_random.h"


#define MODEL_EVENTS   4000
#define MODEL_SEEDS    10


typedef struct {
    uint64_t              prints[MODEL_EVENTS];     /* by event */
    ngx_uint_t            published;

    /* broker: events head .. published - 1, of which those below "sent" were
       delivered to somebody */
    ngx_uint_t            head;
    ngx_uint_t            sent;

    /* zone */
    uint64_t              ring[4 * MODEL_EVENTS];
    uint64_t              appended;
    uint64_t              acked;

    /* what came of each event */
    ngx_uint_t            copies[MODEL_EVENTS];
    ngx_uint_t            doubt;
    ngx_uint_t            prefetch;
} model_t;


static ngx_ess_redelivery_t   run;


static void
begin(const uint64_t *ring, ngx_uint_t n, uint64_t unacked, uint64_t half)
{
    static uint64_t       prints[NGX_ESS_MARK_RECENT];
    ngx_ess_mark_recent_t  recent;

    memcpy(prints, ring, n * sizeof(uint64_t));

    recent.appended = 10000;
    recent.acked = 10000 - unacked;
    recent.n = n;
    recent.prints = prints;
    recent.partial_print = half;

    ngx_ess_redelivery_init(&run, &recent);
}


/* pushes a whole run and returns how many of it are duplicates */

static ngx_uint_t
whole(const uint64_t *r, ngx_uint_t n)
{
    ngx_uint_t  i, duplicates;

    duplicates = 0;

    for (i = 0; i < n; i++) {

        switch (ngx_ess_redelivery_push(&run, r[i])) {

        case NGX_ESS_REDELIVERY_HOLD:
            break;

        case NGX_ESS_REDELIVERY_DECIDED:
            duplicates = run.duplicates;
            break;

        case NGX_ESS_REDELIVERY_DUPLICATE:
            duplicates++;
            break;

        default:
            break;
        }
    }

    if (!run.decided) {
        duplicates = ngx_ess_redelivery_end(&run, 1);
    }

    assert_true(duplicates <= n);

    return duplicates;
}


static void
test_unique(void **state)
{
    uint64_t  ring[] = { 1, 2, 3, 4, 5 };
    uint64_t  r[] = { 4, 5, 6, 7 };
    uint64_t  all_new[] = { 6, 7 };

    begin(ring, 5, 0, 0);
    assert_int_equal(whole(r, 4), 2);
    assert_int_equal(run.doubt, 0);

    /* never acknowledged: as acknowledged and lost on the way */
    begin(ring, 5, 2, 0);
    assert_int_equal(whole(r, 4), 2);

    begin(ring, 5, 0, 0);
    assert_int_equal(ngx_ess_redelivery_push(&run, 6),
                     NGX_ESS_REDELIVERY_DECIDED);
    assert_int_equal(run.duplicates, 0);
    assert_int_equal(ngx_ess_redelivery_push(&run, 7),
                     NGX_ESS_REDELIVERY_NEW);

    begin(ring, 5, 0, 0);
    assert_int_equal(whole(all_new, 2), 0);
    assert_int_equal(run.doubt, 0);

    begin(ring, 0, 0, 0);
    assert_int_equal(whole(r, 4), 0);
}


static void
test_identical(void **state)
{
    uint64_t  ring[] = { 9, 9, 9, 9, 9, 9 };

    /* three were never acknowledged, two more come */
    begin(ring, 6, 3, 0);
    assert_int_equal(whole(ring, 5), 3);
    assert_int_equal(run.doubt, 2);

    begin(ring, 6, 3, 0);
    assert_int_equal(whole(ring, 3), 3);
    assert_int_equal(run.doubt, 0);

    /* all acknowledged: any may be old or new */
    begin(ring, 6, 0, 0);
    assert_int_equal(whole(ring, 4), 0);
    assert_int_equal(run.doubt, 4);
}


static void
test_half_identical(void **state)
{
    uint64_t  ring[] = { 1, 9, 2, 9, 3, 9, 4, 9 };
    uint64_t  r[] = { 9, 3, 9, 4, 9, 9, 5 };
    uint64_t  only_new[] = { 9, 5, 9, 6 };

    begin(ring, 8, 0, 0);
    assert_int_equal(whole(r, 7), 5);
    assert_int_equal(run.doubt, 0);

    begin(ring, 8, 5, 0);
    assert_int_equal(whole(r, 7), 5);

    /* the last 9 may be the first of these: in doubt twice */
    begin(ring, 8, 0, 0);
    assert_int_equal(whole(only_new, 4), 0);
    assert_int_equal(run.doubt, 1);

    begin(ring, 8, 1, 0);
    assert_int_equal(whole(only_new, 4), 1);
    assert_int_equal(run.doubt, 0);
}


static void
test_periodic(void **state)
{
    uint64_t  ring[] = { 1, 2, 3, 1, 2, 3, 1, 2, 3 };
    uint64_t  r[] = { 1, 2, 3, 1, 2, 3 };

    /* 3 or 6 of them */
    begin(ring, 9, 2, 0);
    assert_int_equal(whole(r, 6), 3);
    assert_int_equal(run.doubt, 3);

    begin(ring, 9, 4, 0);
    assert_int_equal(whole(r, 6), 6);

    begin(ring, 9, 0, 0);
    assert_int_equal(whole(r, 6), 0);
    assert_int_equal(run.doubt, 6);

    /* out of step with it */
    begin(ring, 9, 0, 0);
    assert_int_equal(whole(r + 1, 1), 0);
    assert_int_equal(run.doubt, 0);
}


static void
test_truncated(void **state)
{
    uint64_t    ring[NGX_ESS_MARK_RECENT], r[NGX_ESS_MARK_RECENT];
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_MARK_RECENT; i++) {
        ring[i] = i + 1;
        r[i] = i;
    }

    /* the run begins before what is remembered */
    begin(ring, NGX_ESS_MARK_RECENT, NGX_ESS_MARK_RECENT + 5, 0);
    assert_int_equal(whole(r, NGX_ESS_MARK_RECENT), 0);

    /* all that is remembered comes again */
    begin(ring, NGX_ESS_MARK_RECENT, 5, 0);
    assert_int_equal(whole(ring, NGX_ESS_MARK_RECENT), NGX_ESS_MARK_RECENT);
}


static void
test_transient_loss(void **state)
{
    uint64_t  ring[] = { 1, 2, 3, 4, 5 };
    uint64_t  r[] = { 6, 7 };
    uint64_t  identical[] = { 9, 9, 9, 9, 9 };

    begin(ring, 5, 3, 0);
    assert_int_equal(whole(r, 2), 0);

    /* three never acknowledged, but only two come: these are new ones */
    begin(identical, 5, 3, 0);
    assert_int_equal(whole(identical, 2), 0);
    assert_int_equal(run.doubt, 2);
}


static void
test_shorter_than_aligned(void **state)
{
    uint64_t  ring[] = { 1, 2, 3, 4, 5 };
    uint64_t  r[] = { 2, 3 };
    uint64_t  broken[] = { 2, 3, 6, 4 };

    /* four would have had to come again, but two did: published again */
    begin(ring, 5, 0, 0);
    assert_int_equal(whole(r, 2), 0);
    assert_int_equal(run.doubt, 2);

    begin(ring, 5, 0, 0);
    assert_int_equal(whole(broken, 4), 0);
    assert_int_equal(run.doubt, 2);
}


/* no more can be held: decided with what is known, the rest is verified */

static void
test_not_complete(void **state)
{
    uint64_t  ring[] = { 1, 2, 3, 4, 5 };
    uint64_t  identical[] = { 9, 9, 9, 9, 9 };

    begin(ring, 5, 0, 0);
    assert_int_equal(ngx_ess_redelivery_push(&run, 2),
                     NGX_ESS_REDELIVERY_HOLD);
    assert_int_equal(ngx_ess_redelivery_expects(&run), 1);
    assert_int_equal(ngx_ess_redelivery_end(&run, 0), 4);
    assert_int_equal(ngx_ess_redelivery_expects(&run), 1);
    assert_int_equal(ngx_ess_redelivery_push(&run, 3),
                     NGX_ESS_REDELIVERY_DUPLICATE);
    assert_int_equal(ngx_ess_redelivery_push(&run, 7),
                     NGX_ESS_REDELIVERY_NEW);
    assert_int_equal(run.doubt, 2);
    assert_int_equal(ngx_ess_redelivery_expects(&run), 0);
    assert_int_equal(ngx_ess_redelivery_push(&run, 5),
                     NGX_ESS_REDELIVERY_NEW);

    begin(identical, 5, 3, 0);
    assert_int_equal(ngx_ess_redelivery_push(&run, 9),
                     NGX_ESS_REDELIVERY_HOLD);
    assert_int_equal(ngx_ess_redelivery_end(&run, 0), 3);
    assert_int_equal(ngx_ess_redelivery_push(&run, 9),
                     NGX_ESS_REDELIVERY_DUPLICATE);
    assert_int_equal(ngx_ess_redelivery_push(&run, 9),
                     NGX_ESS_REDELIVERY_DUPLICATE);
    assert_int_equal(ngx_ess_redelivery_push(&run, 9),
                     NGX_ESS_REDELIVERY_NEW);

    begin(identical, 5, 0, 0);
    assert_int_equal(ngx_ess_redelivery_push(&run, 9),
                     NGX_ESS_REDELIVERY_HOLD);
    assert_int_equal(ngx_ess_redelivery_end(&run, 0), 0);
    assert_int_equal(run.doubt, 1);
}


/* an event that is half appended comes again as the first new one */

static void
test_half_appended(void **state)
{
    uint64_t  ring[] = { 1, 2, 3, 4, 5 };
    uint64_t  r[] = { 4, 5, 6, 7 };
    uint64_t  same[] = { 5, 8 };
    uint64_t  identical[] = { 9, 9, 9, 9, 9 };

    begin(ring, 5, 2, 6);
    assert_int_equal(whole(r, 4), 2);

    begin(ring, 5, 0, 6);
    assert_int_equal(whole(r, 4), 2);

    begin(ring, 5, 0, 6);
    assert_int_equal(whole(r + 2, 2), 0);
    assert_int_equal(run.doubt, 0);

    /* of the same content as the last that was appended in full */
    begin(ring, 5, 0, 5);
    assert_int_equal(whole(same, 2), 0);

    begin(identical, 5, 2, 9);
    assert_int_equal(whole(identical, 4), 2);

    begin(identical, 5, 0, 9);
    assert_int_equal(whole(identical, 1), 0);
}


static void
test_print(void **state)
{
    uint64_t   print;
    u_char     data[64];
    ngx_str_t  key, props, body;
    ngx_uint_t i;

    memset(data, 'x', sizeof(data));

    key.data = props.data = body.data = data;
    key.len = 3;
    props.len = 17;
    body.len = 40;

    print = ngx_ess_redelivery_print(&key, &props, &body);
    assert_true(print != 0);
    assert_true(print == ngx_ess_redelivery_print(&key, &props, &body));

    /* a byte moves from one string to the next */
    key.len = 4;
    props.len = 16;
    assert_true(print != ngx_ess_redelivery_print(&key, &props, &body));

    key.len = 3;
    props.len = 17;

    for (i = 0; i < 40 * 8; i++) {
        data[i / 8] ^= (u_char) (1 << (i % 8));
        assert_true(print != ngx_ess_redelivery_print(&key, &props, &body));
        data[i / 8] ^= (u_char) (1 << (i % 8));
    }

    for (i = 0; i < 40; i++) {
        body.len = i;
        assert_true(print != ngx_ess_redelivery_print(&key, &props, &body));
    }

    ngx_str_null(&key);
    ngx_str_null(&props);
    ngx_str_null(&body);
    assert_true(ngx_ess_redelivery_print(&key, &props, &body) != 0);
}


static void
model_append(model_t *m, ngx_uint_t event)
{
    assert_true(m->appended < 4 * MODEL_EVENTS);

    m->ring[m->appended++] = m->prints[event];
    m->copies[event]++;
}


static void
model_snapshot(model_t *m)
{
    uint64_t              n;
    ngx_ess_mark_recent_t  recent;

    n = ngx_min(m->appended, NGX_ESS_MARK_RECENT);

    recent.appended = m->appended;
    recent.acked = m->acked;
    recent.n = n;
    recent.prints = m->ring + m->appended - n;
    recent.partial_print = 0;

    ngx_ess_redelivery_init(&run, &recent);
}


/*
 * The redelivered run, up to "stop" events of it: returns the first event
 * that was not settled, for what is held when the worker dies comes again.
 */

static ngx_uint_t
model_run(model_t *m, ngx_uint_t first, ngx_uint_t end, ngx_uint_t stop)
{
    ngx_uint_t            i, k, settled;
    ngx_ess_redelivery_e  rc;

    if (first == end) {
        /* not marked: nothing that was not acknowledged comes again */
        m->acked = m->appended;
        return first;
    }

    model_snapshot(m);
    settled = first;

    for (i = first; i < end; i++) {

        if (i - first == stop) {
            return settled;
        }

        rc = ngx_ess_redelivery_push(&run, m->prints[i]);

        if (rc == NGX_ESS_REDELIVERY_HOLD && i + 1 < end) {

            if (i - first + 1 < m->prefetch) {
                continue;
            }

            (void) ngx_ess_redelivery_end(&run, 0);
            rc = NGX_ESS_REDELIVERY_DECIDED;
        }

        if (rc == NGX_ESS_REDELIVERY_HOLD) {
            (void) ngx_ess_redelivery_end(&run, 1);
            rc = NGX_ESS_REDELIVERY_DECIDED;
        }

        if (rc == NGX_ESS_REDELIVERY_NEW) {
            model_append(m, i);

        } else if (rc == NGX_ESS_REDELIVERY_DECIDED) {

            if (run.duplicates < run.least) {
                m->acked = m->appended;
            }

            for (k = run.duplicates; first + k <= i; k++) {
                model_append(m, first + k);
            }
        }

        settled = i + 1;
    }

    return settled;
}


/*
 * One life of a worker: it gets what is redelivered, then new events, and
 * dies.  What it appended last it may not have acknowledged, and what it
 * acknowledged last the broker may not have heard.
 */

static void
model_life(model_t *m)
{
    ngx_uint_t  settled, fresh, i, stop;

    stop = random_below(4) ? m->prefetch : random_below(m->prefetch);

    settled = model_run(m, m->head, m->sent, stop);

    if (run.decided) {
        m->doubt += run.doubt;
        run.doubt = 0;
    }

    if (settled == m->sent) {
        fresh = random_below(m->prefetch - (m->sent - m->head) + 1);

        for (i = 0; i < fresh && m->sent < m->published; i++) {
            m->sent++;

            if (random_below(8)) {
                continue;
            }

            while (settled < m->sent) {
                model_append(m, settled++);
            }
        }
    }

    switch (random_below(3)) {

    case 0:
        /* dies without having acknowledged */
        break;

    case 1:
        /* acknowledged and heard of in part */
        m->acked = m->appended;
        m->head += random_below(settled - m->head + 1);
        break;

    default:
        m->acked = m->appended;
        m->head = settled;
    }
}


static void
model_go(ngx_uint_t kind, uint64_t seed, ngx_uint_t *twice, ngx_uint_t *doubt)
{
    ngx_uint_t  i, n;

    static model_t  m;

    memset(&m, 0, sizeof(model_t));
    random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
    m.prefetch = 64;

    for (i = 0; i < MODEL_EVENTS; i++) {

        switch (kind) {

        case 0:
            m.prints[i] = i + 100;
            break;

        case 1:
            m.prints[i] = 1;
            break;

        case 2:
            m.prints[i] = random_below(2) ? 1 : i + 100;
            break;

        case 3:
            m.prints[i] = 1 + i % 7;
            break;

        default:
            m.prints[i] = 1 + random_below(5);
        }
    }

    m.published = MODEL_EVENTS;

    /* a past without accidents, as long as each content comes twice in it */

    for (i = 0; i < 100; i++) {
        model_append(&m, i);
    }

    m.acked = m.appended;
    m.head = m.sent = 100;

    for (n = 0; m.head < m.published; n++) {
        assert_true(n < 1000000);
        model_life(&m);
    }

    *twice = 0;
    *doubt = m.doubt;

    for (i = 0; i < m.published; i++) {
        assert_true(m.copies[i] >= 1);
        *twice += m.copies[i] - 1;
    }

    assert_true(*twice <= m.doubt);
}


static void
model_kind(ngx_uint_t kind, ngx_uint_t *twice)
{
    uint64_t    seed;
    ngx_uint_t  n, doubt;

    *twice = 0;

    for (seed = 1; seed <= MODEL_SEEDS; seed++) {
        model_go(kind, seed, &n, &doubt);
        *twice += n;

        if (kind == 0) {
            assert_int_equal(doubt, 0);
        }
    }

    print_message("kind %u: %u of %u events came twice\n", (unsigned) kind,
                  (unsigned) *twice, MODEL_SEEDS * MODEL_EVENTS);
}


static void
test_model_unique(void **state)
{
    ngx_uint_t  twice;

    model_kind(0, &twice);
    assert_int_equal(twice, 0);
}


static void
test_model_others(void **state)
{
    ngx_uint_t  kind, twice;

    for (kind = 1; kind <= 4; kind++) {
        model_kind(kind, &twice);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_unique),
        cmocka_unit_test(test_identical),
        cmocka_unit_test(test_half_identical),
        cmocka_unit_test(test_periodic),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_transient_loss),
        cmocka_unit_test(test_shorter_than_aligned),
        cmocka_unit_test(test_not_complete),
        cmocka_unit_test(test_half_appended),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_model_unique),
        cmocka_unit_test(test_model_others)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
