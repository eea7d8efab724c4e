/*
 * Streams made on demand: who waits for them, and how they go.
 *
 * links: src/registry/ngx_ess_registry*.c src/ngx_ess_escape.c
 * links: src/ngx_ess_str.c
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/registry/fake_registry.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_registry.h"
#include "ngx_ess_registry_created.h"


#define WAITS  3


static ngx_ess_registry_created_conf_t  conf = { 10000, 2, 1000, NULL };
static ngx_ess_source_t                 row;
static ngx_ess_source_entry_t           entry = { &row, &conf };
static struct sockaddr_in               sin;

static ngx_ess_registry_created_t       waits[WAITS];
static ngx_uint_t                       answers;
static ngx_uint_t                       statuses[WAITS];
static const char                      *said;


/* timers that are set, in place of those of ngx_unit.c, which never expire */

static ngx_rbtree_node_t               *timers[8];


static void
timer(ngx_rbtree_node_t *old, ngx_rbtree_node_t *new)
{
    ngx_uint_t  i;

    for (i = 0; timers[i] != old; i++) {
        assert_true(i < 7);
    }

    timers[i] = new;
}


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    timer(NULL, node);
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    timer(node, NULL);
}


/* So many ms pass, with no timer that is set meanwhile. */

static void
pass(ngx_msec_t ms)
{
    ngx_uint_t    i;
    ngx_event_t  *ev;

    ngx_current_msec += ms;

    for (i = 0; i < 8; i++) {

        if (timers[i]
            && (ngx_msec_int_t) (timers[i]->key - ngx_current_msec) <= 0)
        {
            ev = ngx_rbtree_data(timers[i], ngx_event_t, timer);
            ngx_del_timer(ev);
            ev->handler(ev);
        }
    }
}


static void
answered(ngx_ess_registry_created_t *wait, ngx_uint_t status,
    const char *words)
{
    answers++;
    statuses[wait - waits] = status;
    said = words;
    assert_true((status == 0) == (words[0] == '\0'));
}


static void
wait_for(ngx_uint_t n, const char *name)
{
    row.kind = ngx_unit_bound;
    sin.sin_family = AF_INET;

    waits[n].handler = answered;
    waits[n].name.data = (u_char *) name;
    waits[n].name.len = strlen(name);
    waits[n].source = &entry;
    waits[n].sockaddr = (struct sockaddr *) &sin;
    waits[n].by = NGX_ESS_CREATED_SUBSCRIPTION;

    statuses[n] = 1;

    assert_int_equal(ngx_ess_registry_created_wait(&waits[n]), NGX_OK);
}


static uint64_t
made(ngx_uint_t by)
{
    return ngx_ess_counter_sum(zone, NGX_ESS_C_STREAMS_CREATED + by);
}


static int
setup(void **state)
{
    answers = 0;
    ngx_memzero(timers, sizeof(timers));

    if (fake_setup(state) != 0) {
        return 1;
    }

    ngx_ess_registry_created_init(zone, &conf);

    return 0;
}


static void
test_all_wait_for_one(void **state)
{
    wait_for(0, "abc");
    wait_for(1, "abc");
    assert_int_equal(waiting(), 1);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    assert_int_equal(answers, 0);
    assert_memory_equal(bound->key.data, "abc", 3);
    source(NGX_OK, "");

    assert_int_equal(answers, 2);
    assert_int_equal(statuses[0], 0);
    assert_int_equal(statuses[1], 0);
    assert_int_equal(visible(), 1);
    assert_int_equal(made(NGX_ESS_CREATED_SUBSCRIPTION), 1);
    assert_int_equal(made(NGX_ESS_CREATED_API), 0);
}


/* It is made all the same, and counted. */

static void
test_who_waits_goes(void **state)
{
    wait_for(0, "abc");
    wait_for(1, "abc");
    ngx_ess_registry_created_cancel(&waits[0]);
    ngx_ess_registry_created_cancel(&waits[0]);
    ngx_ess_registry_created_cancel(&waits[1]);

    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");

    assert_int_equal(answers, 0);
    assert_int_equal(visible(), 1);
    assert_int_equal(made(NGX_ESS_CREATED_SUBSCRIPTION), 1);
}


static void
test_refused(void **state)
{
    /* by the store, the broker, and a silent one */

    wait_for(0, "abc");
    store(NGX_ESS_STORE_SAVE, NGX_ERROR);
    assert_int_equal(statuses[0], 503);

    wait_for(0, "abc");
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_ERROR, "no");
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    assert_int_equal(statuses[0], 503);

    wait_for(0, "abc");
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_BUSY, "silent");
    store(NGX_ESS_STORE_REMOVE, NGX_OK);
    assert_int_equal(statuses[0], 503);

    assert_int_equal(answers, 3);
    assert_int_equal(visible(), 0);
    assert_int_equal(ngx_ess_created_number(zone), 0);
}


/* What nginx.conf declares is only waited for, and not for ever. */

static void
test_declared(void **state)
{
    ngx_str_t    names[] = { ngx_string("abd"), ngx_string("abc"),
                             ngx_string("a") };
    ngx_array_t  declared = { names, 3, sizeof(ngx_str_t), 3, NULL };

    conf.declared = &declared;
    ngx_ess_registry_created_init(zone, &conf);

    assert_true(ngx_ess_registry_created_declared(&names[0]));
    assert_true(ngx_ess_registry_created_declared(&names[1]));
    assert_true(ngx_ess_registry_created_declared(&names[2]));

    wait_for(0, "abc");
    assert_int_equal(waiting(), 0);

    pass(1990);
    assert_int_equal(answers, 0);
    pass(20);
    assert_int_equal(answers, 1);
    assert_int_equal(statuses[0], 503);

    /* no other one is */

    wait_for(0, "ab");
    assert_int_equal(waiting(), 1);
    store(NGX_ESS_STORE_SAVE, NGX_ERROR);
    assert_int_equal(answers, 2);

    conf.declared = NULL;
}


/* Two seconds, whatever it is that takes so long. */

static void
test_late(void **state)
{
    /* the store */

    wait_for(0, "abc");
    pass(1500);
    wait_for(1, "abc");
    pass(499);
    assert_int_equal(answers, 0);
    pass(1);
    assert_int_equal(answers, 2);
    assert_int_equal(statuses[0], 503);
    assert_int_equal(statuses[1], 503);

    /* it is made all the same, and whoever comes meanwhile has it */

    wait_for(2, "abc");
    assert_int_equal(waiting(), 1);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");
    pass(10);
    assert_int_equal(answers, 3);
    assert_int_equal(statuses[2], 0);
}


/* What the broker says is not for everybody. */

static void
test_silent(void **state)
{
    wait_for(0, "abc");
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_BUSY, "10.1.2.3: refused");
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(statuses[0], 503);
    assert_null(strstr(said, "10.1.2.3"));
}


static void
test_limits(void **state)
{
    wait_for(0, "a");
    wait_for(1, "b");
    wait_for(2, "c");

    /* never from within */

    assert_int_equal(answers, 0);
    ngx_unit_run_posted();
    assert_int_equal(answers, 1);
    assert_int_equal(statuses[2], 503);

    store(NGX_ESS_STORE_SAVE, NGX_ERROR);
    store(NGX_ESS_STORE_SAVE, NGX_ERROR);

    conf.rate = 1;
    wait_for(0, "a");
    ngx_unit_run_posted();
    assert_int_equal(statuses[0], 429);
    conf.rate = 1000;
}


static void
test_idle(void **state)
{
    wait_for(0, "abc");
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");

    ngx_current_msec += 9000;
    ngx_ess_registry_created_tick();
    assert_int_equal(waiting(), 0);

    ngx_current_msec += 2000;
    ngx_ess_registry_created_tick();
    assert_int_equal(waiting(), 1);
    ngx_ess_registry_created_tick();
    assert_int_equal(waiting(), 1);

    /* the store fails: it is tried again when the stream is old once more */

    store(NGX_ESS_STORE_REMOVE, NGX_ERROR);
    assert_int_equal(visible(), 1);

    ngx_current_msec += 5000;
    ngx_ess_registry_created_tick();
    assert_int_equal(waiting(), 0);

    ngx_current_msec += 6000;
    ngx_ess_registry_created_tick();
    store(NGX_ESS_STORE_REMOVE, NGX_OK);

    assert_int_equal(visible(), 0);
    assert_int_equal(unbound, 1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_wait_for_one, setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(test_who_waits_goes, setup,
                                        fake_teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_declared, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_late, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_silent, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, fake_teardown),
        cmocka_unit_test_setup_teardown(test_idle, setup, fake_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
