/*
 * The mailbox: questions to another worker, answers in parts, workers that are
 * gone or silent, and more questions than boxes.  One process is both workers,
 * by turns.
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
#include "ngx_ess_interest.h"


#define ASKER  2
#define ASKED  5


static ngx_str_t              key = ngx_string("abc");
static ngx_ess_zone_t        *zone;
static ngx_ess_stream_info_t  stream;
static uint32_t               there;        /* subscribers of the asked one */
static ngx_uint_t             ndone;
static ngx_int_t              result;


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    static u_char  room[65536];

    return size <= sizeof(room) ? room : NULL;
}


void *
ngx_array_push_n(ngx_array_t *a, ngx_uint_t n)
{
    /* the room is larger than what was asked for */

    a->nelts += n;

    return (u_char *) a->elts + (a->nelts - n) * a->size;
}


static ngx_uint_t
answer(ngx_ess_mail_type_e type, ngx_ess_stream_ref_t *ref, uint32_t number,
    ngx_ess_mail_subscriber_t *subs)
{
    ngx_uint_t  n;

    assert_true(ref->id == stream.ref.id);

    if (type == NGX_ESS_MAIL_CLOSE) {
        return number <= there;
    }

    for (n = 0; n < NGX_ESS_MAILBOX_ANSWER && number < there; n++) {
        ngx_memzero(&subs[n], sizeof(ngx_ess_mail_subscriber_t));
        subs[n].number = ++number;
    }

    return n;
}


static void
done(ngx_ess_mail_t *mail, ngx_int_t rc)
{
    ndone++;
    result = rc;
}


static void
read_as(ngx_uint_t p)
{
    zone->proc = p;
    ngx_ess_mailbox_read();
    zone->proc = ASKER;
}


static void
expire(ngx_ess_mail_t *mail)
{
    assert_int_equal(mail->timer.timer_set, 1);

    mail->timer.timer_set = 0;
    mail->timer.handler(&mail->timer);
}


static void
ask(ngx_ess_mail_t *mail, ngx_ess_mail_type_e type, uint32_t number)
{
    ngx_memzero(mail, sizeof(ngx_ess_mail_t));

    mail->type = type;
    mail->ref = stream.ref;
    mail->number = number;
    mail->limit = 100;
    mail->handler = done;

    assert_int_equal(ngx_ess_mailbox_ask(mail), NGX_OK);
    assert_int_equal(ndone, 0);
}


static int
setup(void **state)
{
    uint32_t  number;
    uint64_t  seq, ordinal;

    ndone = 0;
    there = 0;
    zone = ngx_unit_zone(1024 * 1024);

    if (ngx_ess_process_attach(zone, ASKED, &ngx_unit_log) != NGX_OK
        || ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0, NULL, &stream)
           != NGX_OK
        || ngx_ess_table_show(zone, &stream.ref) != NGX_OK
        || ngx_ess_interest_subscribe(zone, &stream.ref, NULL, &seq, &ordinal,
                                      &number)
           != NGX_OK
        || ngx_ess_process_attach(zone, ASKER, &ngx_unit_log) != NGX_OK)
    {
        return 1;
    }

    ngx_ess_mailbox_init_process(zone, answer);

    return 0;
}


static int
teardown(void **state)
{
    ngx_unit_end(zone);

    return 0;
}


static void
test_list(void **state)
{
    ngx_uint_t      n;
    ngx_ess_mail_t  mail;

    there = NGX_ESS_MAILBOX_ANSWER + 1;

    ask(&mail, NGX_ESS_MAIL_LIST, 0);
    expire(&mail);
    read_as(ASKED);
    read_as(ASKER);

    /* a full answer may not be all */

    assert_int_equal(ndone, 0);

    read_as(ASKED);
    read_as(ASKER);

    assert_int_equal(ndone, 1);
    assert_int_equal(result, NGX_OK);
    assert_int_equal(mail.nsubs, there);

    for (n = 0; n < mail.nsubs; n++) {
        assert_int_equal(mail.subs[n].number, n + 1);
    }
}


static void
test_close(void **state)
{
    ngx_ess_mail_t  mail;

    there = 3;

    ask(&mail, NGX_ESS_MAIL_CLOSE, 3);
    expire(&mail);
    read_as(ASKED);
    read_as(ASKER);

    assert_int_equal(ndone, 1);
    assert_int_equal(result, NGX_OK);

    ndone = 0;
    ask(&mail, NGX_ESS_MAIL_CLOSE, 4);
    expire(&mail);
    read_as(ASKED);
    read_as(ASKER);

    assert_int_equal(ndone, 1);
    assert_int_equal(result, NGX_DECLINED);
}


static void
test_gone(void **state)
{
    ngx_ess_mail_t  mail;

    ask(&mail, NGX_ESS_MAIL_LIST, 0);
    expire(&mail);

    /* and so are its subscribers */

    zone->proc = ASKED;
    ngx_ess_process_detach(zone);
    zone->proc = ASKER;

    expire(&mail);

    assert_int_equal(ndone, 1);
    assert_int_equal(result, NGX_OK);
    assert_int_equal(mail.nsubs, 0);
}


static void
test_silent(void **state)
{
    ngx_ess_mail_t  mail;

    ask(&mail, NGX_ESS_MAIL_LIST, 0);
    expire(&mail);

    ngx_current_msec += 4999;
    expire(&mail);
    assert_int_equal(ndone, 0);

    ngx_current_msec += 1;
    expire(&mail);
    assert_int_equal(ndone, 1);
    assert_int_equal(result, NGX_BUSY);

    /* what comes too late is for nobody */

    read_as(ASKED);
    read_as(ASKER);
    assert_int_equal(ndone, 1);
}


static void
test_boxes(void **state)
{
    ngx_uint_t      i;
    ngx_ess_mail_t  mails[NGX_ESS_MAILBOXES + 1];

    for (i = 0; i <= NGX_ESS_MAILBOXES; i++) {
        ask(&mails[i], NGX_ESS_MAIL_LIST, 0);
        expire(&mails[i]);
    }

    /* no box is free for the last one, until one is withdrawn */

    assert_int_equal(mails[NGX_ESS_MAILBOXES].serial, 0);

    ngx_ess_mailbox_cancel(&mails[0]);
    expire(&mails[NGX_ESS_MAILBOXES]);

    assert_int_not_equal(mails[NGX_ESS_MAILBOXES].serial, 0);

    read_as(ASKED);
    read_as(ASKER);

    assert_int_equal(ndone, NGX_ESS_MAILBOXES);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_boxes, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
