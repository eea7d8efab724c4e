/*
 * How streams come into being and go, over a real stream table, with a store
 * and a source that answer when the test says so, and what it says.
 *
 * links: src/registry/ngx_ess_registry.c
 * links: src/registry/ngx_ess_registry_upkeep.c src/ngx_ess_escape.c
 * links: src/stream/ngx_ess_*.c t/unit/ngx_unit.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_ess_registry.h"
#include "ngx_ess_store.h"


#define EPOCH  0x1234567890abcdefULL


static ngx_str_t                   key = ngx_string("abc");
static ngx_ess_zone_t             *zone;
static ngx_cycle_t                 cycle;
static ngx_ess_registry_op_t      *op;

/* the store and the source: what waits for an answer */
static ngx_queue_t                 stored;
static ngx_ess_source_bind_t      *bound;
static ngx_uint_t                  unbound;

/* what the handler was called with */
static ngx_uint_t                  calls;
static ngx_ess_registry_result_e   result;
static char                        text[1024];
static ngx_ess_stream_info_t       info;


void
ngx_ess_store_submit(ngx_ess_store_op_t *store)
{
    ngx_queue_insert_tail(&stored, &store->queue);
}


void
ngx_ess_source_bind(ngx_ess_zone_t *z, ngx_ess_source_bind_t *bind)
{
    assert_null(bound);
    bound = bind;
}


void
ngx_ess_source_unbind(ngx_ess_zone_t *z, ngx_str_t *k)
{
    assert_int_equal(k->len, key.len);
    unbound++;
}


static ngx_uint_t
waiting(void)
{
    ngx_uint_t    n;
    ngx_queue_t  *q;

    n = 0;

    for (q = ngx_queue_head(&stored);
         q != ngx_queue_sentinel(&stored);
         q = ngx_queue_next(q))
    {
        n++;
    }

    return n;
}


/* The oldest operation, which is of that type, is answered. */

static void
store(ngx_ess_store_op_e type, ngx_int_t rc)
{
    ngx_queue_t         *q;
    ngx_ess_store_op_t  *s;

    assert_false(ngx_queue_empty(&stored));

    q = ngx_queue_head(&stored);
    ngx_queue_remove(q);

    s = ngx_queue_data(q, ngx_ess_store_op_t, queue);
    assert_int_equal(s->type, type);

    s->rc = rc;
    strcpy((char *) s->text, rc == NGX_OK ? "" : "disk full");
    s->handler(s);
}


static void
source(ngx_int_t rc, const char *words)
{
    ngx_str_t               t;
    ngx_ess_source_bind_t  *b;

    assert_non_null(bound);

    b = bound;
    bound = NULL;

    t.data = (u_char *) words;
    t.len = ngx_strlen(words);

    b->handler(b, rc, &t);
}


static void
handler(void *data, ngx_ess_registry_result_e r, ngx_ess_stream_info_t *i,
    const char *t)
{
    assert_ptr_equal(data, &calls);

    calls++;
    result = r;
    info = *i;
    strcpy(text, t);
}


static void
create(uint64_t epoch, ngx_ess_source_stream_t *declare)
{
    assert_int_equal(ngx_ess_registry_create(zone, &key, epoch, declare,
                                             handler, &calls, &op),
                     NGX_OK);
    assert_int_equal(calls, 0);
}


static void
created(void)
{
    create(0, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");

    assert_int_equal(calls, 1);
    assert_int_equal(result, NGX_ESS_REGISTRY_OK);
    calls = 0;
}


/* Is there one that can be found? */

static ngx_uint_t
visible(void)
{
    ngx_ess_stream_info_t  i;

    return ngx_ess_stream_list(zone, 0, &i, 1);
}


static int
setup(void **state)
{
    ngx_cycle = &cycle;
    cycle.log = &ngx_unit_log;

    zone = ngx_unit_zone(1024 * 1024);
    ngx_ess_shm_new_generation(zone);

    ngx_queue_init(&stored);
    bound = NULL;
    unbound = 0;
    calls = 0;

    return ngx_ess_shm_attach(zone, 3, &ngx_unit_log) != NGX_OK
           || ngx_ess_registry_init_process(&cycle, zone) != NGX_OK;
}


static int
teardown(void **state)
{
    ngx_uint_t  faults;

    faults = ngx_ess_shm_check(zone, &ngx_unit_log);
    faults += waiting() + (bound != NULL);
    ngx_unit_free(zone);

    return faults != 0;
}


static void
test_create_is_seen_when_stored_and_bound(void **state)
{
    create(0, NULL);
    assert_int_equal(visible(), 0);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    assert_int_equal(visible(), 0);
    assert_int_equal(calls, 0);
    assert_memory_equal(bound->key.data, "abc", 3);
    assert_null(bound->stream);

    source(NGX_OK, "");
    assert_int_equal(visible(), 1);
    assert_int_equal(calls, 1);
    assert_int_equal(result, NGX_ESS_REGISTRY_OK);
    assert_int_equal(info.key_len, 3);
}


static void
test_rabbitmq_stream_has_no_key_to_be_bound(void **state)
{
    create(EPOCH, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_OK);

    assert_null(bound);
    assert_int_equal(result, NGX_ESS_REGISTRY_OK);
    assert_int_equal(visible(), 1);
}


static void
test_rabbitmq_stream_is_declared(void **state)
{
    ngx_ess_source_stream_t  declare;

    ngx_memzero(&declare, sizeof(declare));
    declare.max_length = 1000;

    create(EPOCH, &declare);
    declare.max_length = 0;
    store(NGX_ESS_STORE_SAVE, NGX_OK);

    assert_int_equal(bound->stream->max_length, 1000);

    source(NGX_DECLINED, "inequivalent arg");
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(result, NGX_ESS_REGISTRY_CONFLICT);
    assert_string_equal(text, "inequivalent arg");
    assert_int_equal(visible(), 0);
}


static void
test_create_that_is_not_stored_leaves_nothing(void **state)
{
    create(0, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_ERROR);

    assert_int_equal(calls, 1);
    assert_int_equal(result, NGX_ESS_REGISTRY_STORE);
    assert_string_equal(text, "disk full");
    assert_null(bound);
    assert_int_equal(zone->sh->nstreams, 0);
}


static void
test_create_that_is_refused_is_undone(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_int_t                  rc;
        const char                *words;
        ngx_ess_registry_result_e  result;
    } tests[] = {
        { NGX_BUSY, "the broker is silent", NGX_ESS_REGISTRY_BUSY },
        { NGX_ERROR, "ACCESS_REFUSED", NGX_ESS_REGISTRY_REFUSED },
        { NGX_DECLINED, "other arguments", NGX_ESS_REGISTRY_CONFLICT },
        { NGX_ERROR, "", NGX_ESS_REGISTRY_REFUSED }
    };

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        calls = 0;

        create(0, NULL);
        store(NGX_ESS_STORE_SAVE, NGX_OK);
        source(tests[i].rc, tests[i].words);

        /* not before the row is gone: a restart would bring it back */
        assert_int_equal(calls, 0);

        store(NGX_ESS_STORE_REMOVE, NGX_OK);

        assert_int_equal(calls, 1);
        assert_int_equal(result, tests[i].result);
        assert_string_equal(text, tests[i].words);
        assert_int_equal(zone->sh->nstreams, 0);
    }
}


static void
test_undo_is_tried_again_while_the_store_fails(void **state)
{
    create(0, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_ERROR, "ACCESS_REFUSED");
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);

    /* who waits is told at once, and once */
    assert_int_equal(calls, 1);
    assert_int_equal(zone->sh->nstreams, 1);
    assert_int_equal(visible(), 0);

    ngx_ess_registry_tick();
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);
    assert_int_equal(waiting(), 0);

    ngx_ess_registry_tick();
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(calls, 1);
    assert_int_equal(zone->sh->nstreams, 0);
}


static void
test_create_goes_on_when_nobody_waits(void **state)
{
    create(0, NULL);
    ngx_ess_registry_forget(op);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");

    assert_int_equal(calls, 0);
    assert_int_equal(visible(), 1);
}


static void
test_full_zone(void **state)
{
    ngx_int_t  rc;

    while ((rc = ngx_ess_registry_create(zone, &key, 0, NULL, handler, &calls,
                                         &op))
           == NGX_OK)
    {
        store(NGX_ESS_STORE_SAVE, NGX_OK);
        source(NGX_OK, "");
    }

    assert_int_equal(rc, NGX_DECLINED);
    assert_int_equal(waiting(), 0);
}


static void
test_delete(void **state)
{
    created();

    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);
    assert_int_equal(calls, 0);
    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_DECLINED);

    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(calls, 1);
    assert_int_equal(result, NGX_ESS_REGISTRY_OK);
    assert_int_equal(unbound, 1);
    assert_int_equal(zone->sh->nstreams, 0);
}


static void
test_rabbitmq_stream_is_not_unbound(void **state)
{
    create(EPOCH, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_OK);

    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(unbound, 0);
    assert_int_equal(zone->sh->nstreams, 0);
}


static void
test_delete_that_is_not_stored_changes_nothing(void **state)
{
    created();

    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);

    assert_int_equal(result, NGX_ESS_REGISTRY_STORE);
    assert_int_equal(unbound, 0);
    assert_int_equal(visible(), 1);

    /* and it can be tried again */

    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);
    ngx_ess_registry_forget(op);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(calls, 1);
    assert_int_equal(visible(), 0);
}


static void
test_what_a_dead_worker_left_is_undone(void **state)
{
    int                    status;
    pid_t                  pid;
    ngx_ess_stream_info_t  i;

    created();

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        ngx_pid = getpid();

        _exit(ngx_ess_shm_attach(zone, 5, &ngx_unit_log) != NGX_OK
              || ngx_ess_stream_delete_begin(zone, &info.ref) != NGX_OK
              || ngx_ess_stream_reserve(zone, &key, 0, &i) != NGX_OK);
    }

    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);

    ngx_ess_registry_tick();
    assert_int_equal(waiting(), 0);

    ngx_ess_shm_sweep(zone, &ngx_unit_log);
    ngx_ess_registry_tick();
    assert_int_equal(waiting(), 2);

    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);
    assert_int_equal(zone->sh->nstreams, 1);

    ngx_ess_registry_tick();
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(zone->sh->nstreams, 0);
    assert_int_equal(calls, 0);
}


static void
test_replaced_worker_adopts_nothing(void **state)
{
    int                    status;
    pid_t                  pid;
    ngx_ess_stream_info_t  i;

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        ngx_pid = getpid();

        _exit(ngx_ess_shm_attach(zone, 5, &ngx_unit_log) != NGX_OK
              || ngx_ess_stream_reserve(zone, &key, 0, &i) != NGX_OK);
    }

    assert_true(waitpid(pid, &status, 0) == pid);

    ngx_ess_shm_sweep(zone, &ngx_unit_log);
    zone->generation--;
    ngx_ess_registry_tick();

    /* its store may be another one than that of today */
    assert_int_equal(waiting(), 0);

    zone->generation++;
    ngx_ess_registry_tick();
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
}


static void
test_another_store_gets_all_streams_and_a_mark_each(void **state)
{
    created();
    created();

    ngx_ess_registry_save_all();
    assert_int_equal(waiting(), 2);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    store(NGX_ESS_STORE_SAVE, NGX_ERROR);
    store(NGX_ESS_STORE_ORDINAL, NGX_OK);
    assert_int_equal(waiting(), 0);

    /* what failed is saved later */

    ngx_ess_registry_tick();
    assert_int_equal(waiting(), 1);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    store(NGX_ESS_STORE_ORDINAL, NGX_OK);

    ngx_ess_registry_tick();
    assert_int_equal(waiting(), 0);
}


static void
test_stream_that_is_deleted_while_it_is_saved(void **state)
{
    created();

    ngx_ess_registry_save_all();
    assert_int_equal(ngx_ess_registry_delete(zone, &info, handler, &calls,
                                             &op), NGX_OK);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    store(NGX_ESS_STORE_ORDINAL, NGX_OK);

    /* the row could have been written behind the removal */
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    assert_int_equal(waiting(), 0);
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

    const struct CMUnitTest  tests[] = {
        t(test_create_is_seen_when_stored_and_bound),
        t(test_rabbitmq_stream_has_no_key_to_be_bound),
        t(test_rabbitmq_stream_is_declared),
        t(test_create_that_is_not_stored_leaves_nothing),
        t(test_create_that_is_refused_is_undone),
        t(test_undo_is_tried_again_while_the_store_fails),
        t(test_create_goes_on_when_nobody_waits),
        t(test_full_zone),
        t(test_delete),
        t(test_rabbitmq_stream_is_not_unbound),
        t(test_delete_that_is_not_stored_changes_nothing),
        t(test_what_a_dead_worker_left_is_undone),
        t(test_replaced_worker_adopts_nothing),
        t(test_another_store_gets_all_streams_and_a_mark_each),
        t(test_stream_that_is_deleted_while_it_is_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
