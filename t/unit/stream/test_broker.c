/*
 * What the workers have of the broker: troubles of sessions, the slots that
 * are consumed, and what a dead worker leaves of both; their queues.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c src/ngx_ess_trouble.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_ess_broker.h"


#define ALL  ((1 << NGX_ESS_SLOTS) - 1)


static ngx_str_t                  host = ngx_string("broker.example:5672");
static ngx_str_t                  text = ngx_string("403 \"refused\"");
static ngx_ess_zone_t            *zone;
static ngx_ess_zone_t            *other;    /* of another worker, a newer one */
static ngx_ess_broker_trouble_t   trouble;

static ngx_time_t                 now = { 1000000000, 0, 0 };
volatile ngx_time_t              *ngx_cached_time = &now;


/* of nginx's: as much as ngx_ess_broker_why() asks for */

u_char * ngx_cdecl
ngx_slprintf(u_char *buf, u_char *last, const char *fmt, ...)
{
    int         n;
    va_list     args;
    ngx_str_t  *v;

    va_start(args, fmt);

    while (*fmt && buf < last) {

        if (*fmt != '%') {
            *buf++ = *fmt++;
            continue;
        }

        fmt++;

        if (*fmt == 's') {
            n = snprintf((char *) buf, last - buf, "%s", va_arg(args, char *));

        } else if (*fmt == 'V') {
            v = va_arg(args, ngx_str_t *);
            n = ngx_min((ssize_t) v->len, last - buf);
            memcpy(buf, v->data, n);

        } else {
            fmt += strcspn(fmt, "d");
            n = snprintf((char *) buf, last - buf, "%02d", va_arg(args, int));
        }

        fmt++;
        buf += ngx_min(n, last - buf);
    }

    va_end(args);

    return buf;
}


void
ngx_gmtime(time_t t, ngx_tm_t *tp)
{
    (void) gmtime_r(&t, tp);

    tp->ngx_tm_year += 1900;
    tp->ngx_tm_mon++;
}


static int
setup(void **state)
{
    zone = ngx_unit_zone(1024 * 1024);
    other = ngx_unit_reload(zone);

    ngx_current_msec = 100000;
    zone->generation = 1;
    other->generation = 2;

    return (ngx_ess_process_attach(zone, 2, &ngx_unit_log) != NGX_OK
            || ngx_ess_process_attach(other, 3, &ngx_unit_log) != NGX_OK);
}


static int
teardown(void **state)
{
    ngx_unit_free_handle(other);
    ngx_unit_free(zone);

    return 0;
}


static void
test_a_trouble_lasts_until_the_session_is_well(void **state)
{
    uint64_t   since;
    ngx_str_t  more = ngx_string("connect() failed");

    assert_int_equal(ngx_ess_broker_own(zone, NGX_ESS_BROKER_CONSUMING,
                                        &trouble), NGX_DECLINED);

    ngx_ess_broker_failed(zone, NGX_ESS_BROKER_CONSUMING, &host, &text);

    assert_int_equal(ngx_ess_broker_own(other, NGX_ESS_BROKER_PUBLISHING,
                                        &trouble), NGX_DECLINED);
    assert_int_equal(ngx_ess_broker_own(other, NGX_ESS_BROKER_CONSUMING,
                                        &trouble), NGX_OK);
    assert_int_equal(trouble.proc, 2);
    assert_int_equal(trouble.host.len, host.len);
    assert_memory_equal(trouble.host.data, host.data, host.len);
    assert_int_equal(trouble.text.len, text.len);
    assert_memory_equal(trouble.text.data, text.data, text.len);

    since = trouble.since;
    now.sec += 10;

    ngx_ess_broker_failed(zone, NGX_ESS_BROKER_CONSUMING, &host, &more);

    assert_int_equal(ngx_ess_broker_oldest(zone, NGX_ESS_BROKER_CONSUMING,
                                           &trouble), NGX_OK);
    assert_int_equal(trouble.since, since);
    assert_memory_equal(trouble.text.data, more.data, more.len);

    ngx_ess_broker_well(zone, NGX_ESS_BROKER_CONSUMING);

    assert_int_equal(ngx_ess_broker_own(zone, NGX_ESS_BROKER_CONSUMING,
                                        &trouble), NGX_DECLINED);
}


static void
test_why_is_one_sentence(void **state)
{
    size_t     i;
    u_char     buf[NGX_ESS_BROKER_WHY], big[4096];
    ngx_str_t  why, s = { sizeof(big), big };

    now.sec = 1000000000;

    ngx_ess_broker_why(zone, NGX_ESS_BROKER_PUBLISHING, "what", buf, &why);
    assert_int_equal(why.len, 4);

    /* of the other session, and of another worker */

    ngx_ess_broker_failed(zone, NGX_ESS_BROKER_CONSUMING, &host, &text);
    ngx_ess_broker_why(other, NGX_ESS_BROKER_PUBLISHING, "what", buf, &why);

    assert_int_equal(why.len, strlen("what: broker.example:5672: 403 "
                                     "\"refused\", since "
                                     "2001-09-09T01:46:40Z"));
    assert_memory_equal(why.data, "what: broker.example:5672: 403 "
                        "\"refused\", since 2001-09-09T01:46:40Z", why.len);

    for (i = 0; i < sizeof(big); i++) {
        big[i] = 'x';
    }

    ngx_ess_broker_failed(zone, NGX_ESS_BROKER_CONSUMING, &s, &s);
    ngx_ess_broker_why(zone, NGX_ESS_BROKER_CONSUMING, "16 of 16 slots are "
                       "not consumed", buf, &why);
    assert_true(why.len < sizeof(buf));
    assert_int_equal(why.data[why.len - 1], 'Z');
}


static void
test_outside_text_is_cut_and_made_printable(void **state)
{
    u_char     buf[4096];
    ngx_str_t  s = { sizeof(buf), buf };

    ngx_memset(buf, 'x', sizeof(buf));
    buf[0] = '\n';
    buf[1] = 0xc3;
    buf[2] = '\0';

    ngx_ess_broker_failed(zone, NGX_ESS_BROKER_PUBLISHING, &s, &s);

    assert_int_equal(ngx_ess_broker_own(zone, NGX_ESS_BROKER_PUBLISHING,
                                        &trouble), NGX_OK);
    assert_int_equal(trouble.host.len, NGX_ESS_BROKER_HOST);
    assert_int_equal(trouble.text.len, NGX_ESS_BROKER_TEXT);
    assert_memory_equal(trouble.text.data, "...xx", 5);
}


static void
test_what_is_half_written_is_not_read(void **state)
{
    ngx_ess_broker_failed(zone, NGX_ESS_BROKER_CONSUMING, &host, &text);

    ngx_ess_zone_proc(zone->sh, 2)->troubles[0].seq |= 1;
    ngx_ess_zone_proc(zone->sh, 2)->troubles[0].text_len = 0xffffffff;

    assert_int_equal(ngx_ess_broker_trouble(zone, 2, NGX_ESS_BROKER_CONSUMING,
                                            &trouble), NGX_DECLINED);

    /* who takes the process slot over begins anew */

    assert_int_equal(ngx_ess_process_attach(zone, 2, &ngx_unit_log), NGX_OK);
    assert_int_equal(ngx_ess_broker_trouble(zone, 2, NGX_ESS_BROKER_CONSUMING,
                                            &trouble), NGX_DECLINED);

    ngx_ess_broker_failed(zone, NGX_ESS_BROKER_CONSUMING, &host, &text);

    assert_int_equal(ngx_ess_broker_trouble(zone, 2, NGX_ESS_BROKER_CONSUMING,
                                            &trouble), NGX_OK);
    assert_int_equal(trouble.text.len, text.len);
}


static void
test_a_slot_is_missing_when_nobody_consumes_it(void **state)
{
    ngx_uint_t  i;

    assert_int_equal(ngx_ess_broker_missing(zone, 2000), ALL);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        assert_int_equal(ngx_ess_broker_consumer(zone, i), NGX_ESS_PROCS);
        ngx_ess_broker_consumed(zone, i, 1);
        assert_int_equal(ngx_ess_broker_consumer(other, i), 2);
    }

    assert_int_equal(ngx_ess_broker_missing(other, 0), 0);

    /* a reload: the new one stands by, then the old one leaves */

    ngx_ess_broker_consumed(other, 5, 1);
    assert_int_equal(ngx_ess_broker_consumer(zone, 5), 3);
    ngx_ess_broker_consumed(zone, 5, 0);
    ngx_current_msec += 60000;
    assert_int_equal(ngx_ess_broker_missing(zone, 0), 0);
    assert_int_equal(ngx_ess_broker_consumer(zone, 5), 3);

    ngx_ess_broker_consumed(other, 5, 0);
    ngx_ess_broker_consumed(other, 5, 0);
    assert_int_equal(ngx_ess_broker_missing(zone, 2000), 0);
    ngx_current_msec += 2000;
    assert_int_equal(ngx_ess_broker_missing(zone, 2000), 0);
    ngx_current_msec += 2;
    assert_int_equal(ngx_ess_broker_missing(zone, 2000), 1 << 5);
}


static void
test_a_dead_worker_has_no_slots_and_no_trouble(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_ess_broker_consumed(zone, i, 1);
    }

    ngx_ess_broker_failed(zone, NGX_ESS_BROKER_CONSUMING, &host, &text);

    ngx_ess_zone_proc(zone->sh, 2)->pid = 0x7ffffff0;
    ngx_ess_process_sweep(other, &ngx_unit_log);

    assert_int_equal(ngx_ess_broker_consumer(other, 0), NGX_ESS_PROCS);
    assert_int_equal(ngx_ess_broker_missing(other, 2000), 0);
    ngx_current_msec += 2002;
    assert_int_equal(ngx_ess_broker_missing(other, 2000), ALL);
    assert_int_equal(ngx_ess_broker_own(other, NGX_ESS_BROKER_CONSUMING,
                                        &trouble), NGX_DECLINED);
}


/* each slot's, each kind's */

static void
test_queues(void **state)
{
    assert_int_equal(ngx_ess_broker_queue(zone, 3, 1), NGX_ESS_BROKER_UNKNOWN);

    ngx_ess_broker_set_queue(zone, 3, 1, NGX_ESS_BROKER_THERE);
    ngx_ess_broker_set_queue(zone, 3, 0, NGX_ESS_BROKER_GONE);

    assert_int_equal(ngx_ess_broker_queue(other, 3, 1), NGX_ESS_BROKER_THERE);
    assert_int_equal(ngx_ess_broker_queue(other, 3, 0), NGX_ESS_BROKER_GONE);
    assert_int_equal(ngx_ess_broker_queue(other, 4, 0),
                     NGX_ESS_BROKER_UNKNOWN);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_trouble_lasts_until_the_session_is_well, setup, teardown),
        cmocka_unit_test_setup_teardown(test_why_is_one_sentence, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_outside_text_is_cut_and_made_printable, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_what_is_half_written_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_slot_is_missing_when_nobody_consumes_it, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_dead_worker_has_no_slots_and_no_trouble, setup, teardown),
        cmocka_unit_test_setup_teardown(test_queues, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
