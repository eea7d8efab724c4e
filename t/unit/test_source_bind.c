/*
 * Binds across the seam: their time limit, their order with unbinds, and who
 * is answered.
 *
 * links: src/ngx_ess_source.c src/ngx_ess_source_conf.c src/ngx_ess_escape.c
 * links: t/unit/fake_source.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_source.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


/* ms between looks at a key that is being unbound */
#define CHECK  10


static ngx_ess_source_bind_t  asked;
static ngx_ess_source_bind_t *had;          /* the source's, until canceled */
static ngx_uint_t             asking;       /* within ngx_ess_source_bind() */
static ngx_uint_t             again;        /* asks once more when answered */


static void
source_bind(ngx_ess_source_bind_t *b)
{
    ngx_unit_trace("source: bind %.*s", (int) b->key.len, b->key.data);
    had = b;
}


static void
source_declare(ngx_ess_source_bind_t *b)
{
    ngx_unit_trace("source: declare %.*s", (int) b->key.len, b->key.data);
    had = b;
}


static void
source_cancel(ngx_ess_source_bind_t *b)
{
    assert_ptr_equal(b, had);
    had = NULL;
    ngx_unit_trace("source: cancel");
}


static void
source_unbind(ngx_str_t *key)
{
    ngx_unit_trace("source: unbind %.*s", (int) key->len, key->data);
}


static const ngx_ess_source_t  source = {
    .kind = { .source = 1, .binds = 1 },
    .declare = source_declare,
    .bind = source_bind,
    .cancel = source_cancel,
    .unbind = source_unbind
};


static void
source_answers(ngx_int_t rc, const char *text)
{
    ngx_str_t               t;
    ngx_ess_source_bind_t  *b;

    b = had;
    had = NULL;

    t.data = (u_char *) text;
    t.len = ngx_strlen(text);

    b->handler(b, rc, &t);
}


static void ask(void);


static void
answered(ngx_ess_source_bind_t *b, ngx_int_t rc, ngx_str_t *text)
{
    assert_ptr_equal(b, &asked);
    assert_ptr_equal(b->data, &again);
    assert_int_equal(asking, 0);
    assert_false(b->timer.timer_set);
    assert_false(b->timer.posted);

    ngx_unit_trace("%s \"%.*s\"", seam_rc(rc), (int) text->len, text->data);

    if (again) {
        again = 0;
        ask();
    }
}


static void
ask(void)
{
    asking = 1;
    ngx_ess_source_bind(NULL, &asked);
    asking = 0;
}


static int
setup(void **state)
{
    (void) seam_setup(state);

    /* what is private need not be set */

    memset(&asked, 0xff, sizeof(ngx_ess_source_bind_t));

    asked.handler = answered;
    asked.data = &again;
    asked.source = 1;
    asked.declare = NULL;
    asked.log = &seam_log;
    ngx_str_set(&asked.key, "abc");

    had = NULL;
    again = 0;

    seam_use(&source);

    return 0;
}


static int
teardown(void **state)
{
    assert_null(had);

    return seam_teardown(state);
}


static void
test_a_bind_gets_what_the_source_answers(void **state)
{
    ngx_uint_t  i;

    static struct {
        ngx_int_t    rc;
        const char  *text;
        const char  *line;
    } cases[] = {
        { NGX_OK, "", "OK \"\"" },
        { NGX_BUSY, "why", "BUSY \"why\"" },
        { NGX_ERROR, "refused", "ERROR \"refused\"" },
        { NGX_DECLINED, "other arguments", "DECLINED \"other arguments\"" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ask();
        ngx_unit_traced("source: bind abc");
        ngx_unit_pass(LIMIT - 1);

        source_answers(cases[i].rc, cases[i].text);
        ngx_unit_traced(cases[i].line);

        /* an answered one is not answered again by the time limit */

        ngx_unit_pass(2 * LIMIT);
        ngx_unit_traced();
    }
}


static void
test_a_bind_without_a_source_is_done_from_an_event(void **state)
{
    seam_use(NULL);

    ask();
    ngx_unit_traced();
    ngx_unit_posted();
    ngx_unit_traced("OK \"\"");

    /* or canceled before */

    ask();
    ngx_ess_source_bind_cancel(&asked);
    ngx_unit_pass(2 * LIMIT);
    ngx_unit_traced();
}


static void
test_a_bind_that_is_not_answered_in_two_seconds_is_busy(void **state)
{
    ask();
    ngx_unit_pass(LIMIT - 1);
    ngx_unit_traced("source: bind abc");

    /* the source has forgotten it before it is answered */

    ngx_unit_pass(1);
    ngx_unit_traced("source: cancel",
                    "BUSY \"the broker did not answer within 2 seconds\"");
}


static void
test_a_bind_waits_while_its_key_is_unbound_and_no_longer(void **state)
{
    seam_unbinding = 1;

    ask();
    ngx_unit_pass(30 * CHECK);
    ngx_unit_traced();

    seam_unbinding = 0;
    ngx_unit_pass(CHECK);
    ngx_unit_traced("source: bind abc");

    /* its two seconds began when it was asked for */

    ngx_unit_pass(LIMIT - 31 * CHECK - 1);
    ngx_unit_traced();
    ngx_unit_pass(1);
    assert_int_equal(ngx_unit_trace_count("BUSY"), 1);
    ngx_unit_trace_clear();

    /* the source never hears of one that waits all the time */

    seam_unbinding = 1;
    ask();
    ngx_unit_pass(LIMIT);
    ngx_unit_traced("BUSY \"the broker did not answer within 2 seconds\"");
}


static void
test_a_stream_is_declared_whatever_is_unbound(void **state)
{
    ngx_ess_source_options_t  options;

    ngx_memzero(&options, sizeof(ngx_ess_source_options_t));

    seam_unbinding = 1;
    asked.declare = &options;

    ask();
    ngx_unit_traced("source: declare abc");
    source_answers(NGX_DECLINED, "made otherwise");
    ngx_unit_traced("DECLINED \"made otherwise\"");
}


static void
test_a_bind_that_is_canceled_is_not_answered(void **state)
{
    ask();
    ngx_ess_source_bind_cancel(&asked);
    ngx_unit_traced("source: bind abc", "source: cancel");
    ngx_unit_pass(2 * LIMIT);
    ngx_unit_traced();

    /* the source does not have one that waits */

    asked.handler = answered;
    seam_unbinding = 1;
    ask();
    ngx_ess_source_bind_cancel(&asked);
    seam_unbinding = 0;
    ngx_unit_pass(2 * LIMIT);
    ngx_unit_traced();
}


static void
test_an_answered_bind_may_be_asked_for_again_from_its_handler(void **state)
{
    ask();
    again = 1;
    source_answers(NGX_BUSY, "why");
    ngx_unit_traced("source: bind abc", "BUSY \"why\"", "source: bind abc");

    ngx_unit_pass(LIMIT - 1);
    ngx_unit_traced();
    source_answers(NGX_OK, "");
    ngx_unit_traced("OK \"\"");
}


static void
test_a_key_is_marked_before_it_is_unbound(void **state)
{
    ngx_str_t  key = ngx_string("abc");

    ngx_ess_source_unbind(NULL, 1, &key);
    ngx_unit_traced("mark abc", "source: unbind abc");

    /* without room for a mark it stays bound */

    seam_unbind_rc = NGX_DECLINED;
    ngx_ess_source_unbind(NULL, 1, &key);
    ngx_unit_traced("mark abc");

    /* what was never bound is not unbound */

    seam_use(NULL);
    ngx_ess_source_unbind(NULL, 1, &key);
    ngx_unit_traced();
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_a_bind_gets_what_the_source_answers),
        TEST(test_a_bind_without_a_source_is_done_from_an_event),
        TEST(test_a_bind_that_is_not_answered_in_two_seconds_is_busy),
        TEST(test_a_bind_waits_while_its_key_is_unbound_and_no_longer),
        TEST(test_a_stream_is_declared_whatever_is_unbound),
        TEST(test_a_bind_that_is_canceled_is_not_answered),
        TEST(test_an_answered_bind_may_be_asked_for_again_from_its_handler),
        TEST(test_a_key_is_marked_before_it_is_unbound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
