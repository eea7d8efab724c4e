/*
 * Sources across the seam: which of them are asked, in which order, whether
 * they are healthy, and what is published to them.
 *
 * links: src/ngx_ess_source.c src/ngx_ess_source_conf.c src/ngx_ess_escape.c
 * links: t/unit/fake_source.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_source.h"
#include "ngx_ess_broker.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


static ngx_int_t               rcs[4];      /* of what a row is asked */
static ngx_ess_source_entry_t  rows[4];
static ngx_array_t             all = { .elts = rows, .nelts = 4 };


/* A row of each number: it says that it was asked. */

#define ROW(n)                                                                \
                                                                              \
static char *                                                                 \
init_conf_##n(ngx_conf_t *cf, void *conf, ngx_str_t *node)                    \
{                                                                             \
    ngx_unit_trace(#n ": conf %.*s", (int) node->len, node->data);            \
    return rcs[n] == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;                   \
}                                                                             \
                                                                              \
static ngx_int_t                                                              \
init_module_##n(ngx_cycle_t *cycle, void *conf, ngx_uint_t publishes)         \
{                                                                             \
    ngx_unit_trace(#n ": module%s", publishes ? " publishes" : "");           \
    return rcs[n];                                                            \
}                                                                             \
                                                                              \
static ngx_int_t                                                              \
init_process_##n(ngx_cycle_t *cycle, ngx_ess_zone_t *zone, void *conf)        \
{                                                                             \
    assert_ptr_equal(conf, &rcs[n]);                                          \
    ngx_unit_trace(#n ": process");                                           \
    return rcs[n];                                                            \
}                                                                             \
                                                                              \
static ngx_int_t                                                              \
healthy_##n(ngx_ess_zone_t *zone, u_char *buf, ngx_str_t *why)                \
{                                                                             \
    ngx_unit_trace(#n ": healthy");                                           \
    why->data = buf;                                                          \
    why->len = ngx_sprintf(buf, "of " #n) - buf;                              \
    return rcs[n];                                                            \
}                                                                             \
                                                                              \
static void                                                                   \
shutdown_##n(void)                                                            \
{                                                                             \
    ngx_unit_trace(#n ": shutdown");                                          \
}                                                                             \
                                                                              \
static void                                                                   \
exit_##n(void)                                                                \
{                                                                             \
    ngx_unit_trace(#n ": exit");                                              \
}                                                                             \
                                                                              \
static void                                                                   \
changed_##n(ngx_ess_stream_ref_t *ref)                                        \
{                                                                             \
    ngx_unit_trace(#n ": changed %u", (unsigned) ref->id);                    \
}                                                                             \
                                                                              \
static void                                                                   \
publish_##n(ngx_ess_source_publish_t *pub)                                    \
{                                                                             \
    ngx_unit_trace(#n ": publish %.*s", (int) pub->key.len, pub->key.data);   \
}                                                                             \
                                                                              \
static void                                                                   \
cancel_##n(ngx_ess_source_publish_t *pub)                                     \
{                                                                             \
    ngx_unit_trace(#n ": cancel");                                            \
}                                                                             \
                                                                              \
static const ngx_ess_source_t  row_##n = {                                    \
    .kind = { .source = n },                                                  \
    .init_conf = init_conf_##n,                                               \
    .init_module = init_module_##n,                                           \
    .init_process = init_process_##n,                                         \
    .healthy = healthy_##n,                                                   \
    .shutdown = shutdown_##n,                                                 \
    .exit_process = exit_##n,                                                 \
    .changed = changed_##n,                                                   \
    .publish = publish_##n,                                                   \
    .cancel_publish = cancel_##n                                              \
};

ROW(0)
ROW(1)
ROW(3)


/* one that has none of these */

static const ngx_ess_source_t  row_2 = { .kind = { .source = 2 } };


/* That of number 1 is not configured. */

static int
setup(void **state)
{
    (void) seam_setup(state);

    ngx_memzero(rcs, sizeof(rcs));

    rows[0].row = &row_0;
    rows[0].conf = &rcs[0];
    rows[1].row = &row_1;
    rows[1].conf = NULL;
    rows[2].row = &row_2;
    rows[2].conf = &rcs[2];
    rows[3].row = &row_3;
    rows[3].conf = &rcs[3];

    return 0;
}


static void
begin(void)
{
    assert_int_equal(ngx_ess_source_init_process(NULL, &all, NULL), NGX_OK);
    ngx_unit_traced("0: process", "3: process");
}


static void
test_a_source_is_found_by_its_number(void **state)
{
    assert_ptr_equal(ngx_ess_source_entry(&all, 3), &rows[3]);
    assert_ptr_equal(ngx_ess_source_entry(&all, 1), &rows[1]);
    assert_null(ngx_ess_source_entry(&all, 4));

    /* without memory for it it is not registered */

    assert_null(ngx_ess_source_register(&all, &row_0));
}


static void
test_those_that_are_configured_are_asked_in_order(void **state)
{
    ngx_str_t             node = ngx_string("n1");
    ngx_ess_stream_ref_t  ref = { .id = 7 };

    assert_ptr_equal(ngx_ess_source_init_conf(NULL, &all, &node), NGX_CONF_OK);
    ngx_unit_traced("0: conf n1", "3: conf n1");

    assert_int_equal(ngx_ess_source_init_module(NULL, &all, 1), NGX_OK);
    ngx_unit_traced("0: module publishes", "3: module publishes");

    begin();

    ngx_ess_source_changed(&ref);
    ngx_unit_traced("0: changed 7", "3: changed 7");
    ngx_ess_source_shutdown();
    ngx_unit_traced("0: shutdown", "3: shutdown");
    ngx_ess_source_exit_process();
    ngx_unit_traced("0: exit", "3: exit");
}


static void
test_the_first_that_fails_ends_it(void **state)
{
    ngx_str_t  node = ngx_null_string;

    rcs[0] = NGX_ERROR;

    assert_ptr_equal(ngx_ess_source_init_conf(NULL, &all, &node),
                     NGX_CONF_ERROR);
    assert_int_equal(ngx_ess_source_init_module(NULL, &all, 0), NGX_ERROR);
    assert_int_equal(ngx_ess_source_init_process(NULL, &all, NULL), NGX_ERROR);
    ngx_unit_traced("0: conf ", "0: module", "0: process");
}


static void
test_all_are_healthy_or_the_first_that_is_not_says_why(void **state)
{
    u_char     buf[NGX_ESS_BROKER_WHY];
    ngx_str_t  why;

    assert_int_equal(ngx_ess_source_healthy(&all, NULL, buf, &why), NGX_OK);
    ngx_unit_traced("0: healthy", "3: healthy");

    rcs[3] = NGX_DECLINED;
    assert_int_equal(ngx_ess_source_healthy(&all, NULL, buf, &why),
                     NGX_DECLINED);
    assert_int_equal(why.len, 4);
    assert_memory_equal(why.data, "of 3", 4);
    ngx_unit_traced("0: healthy", "3: healthy");

    rcs[0] = NGX_DECLINED;
    assert_int_equal(ngx_ess_source_healthy(&all, NULL, buf, &why),
                     NGX_DECLINED);
    assert_memory_equal(why.data, "of 0", 4);
    ngx_unit_traced("0: healthy");
}


static void
test_what_is_published_goes_to_its_source_or_into_the_logs(void **state)
{
    ngx_ess_source_publish_t  pub;

    /* what is private need not be set */

    memset(&pub, 0xff, sizeof(ngx_ess_source_publish_t));
    ngx_str_set(&pub.key, "abc");
    pub.log = &seam_log;

    begin();

    pub.source = 3;
    ngx_ess_source_publish(NULL, &pub);
    ngx_unit_traced("3: publish abc");
    assert_int_equal(pub.sent + pub.unconfirmed + pub.returned, 0);
    assert_int_equal(pub.done, 0);
    assert_int_equal(pub.rc, NGX_OK);
    assert_false(pub.again);

    /* the source may have set its timer */

    ngx_add_timer(&pub.timer, 10);
    ngx_ess_source_publish_cancel(&pub);
    ngx_unit_traced("3: cancel");
    assert_int_equal(ngx_unit_pending(), 0);

    pub.source = 1;
    ngx_ess_source_publish(NULL, &pub);
    ngx_unit_traced("direct: publish abc");

    ngx_post_event(&pub.timer, &ngx_posted_events);
    ngx_ess_source_publish_cancel(&pub);
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, setup, seam_teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_a_source_is_found_by_its_number),
        TEST(test_those_that_are_configured_are_asked_in_order),
        TEST(test_the_first_that_fails_ends_it),
        TEST(test_all_are_healthy_or_the_first_that_is_not_says_why),
        TEST(test_what_is_published_goes_to_its_source_or_into_the_logs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
