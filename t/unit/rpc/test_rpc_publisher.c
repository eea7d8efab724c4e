/*
 * Messages that are confirmed: what waits, what is sent again, what came back,
 * and which one it was that the broker closed the channel for.
 *
 * links: src/rpc/ngx_ess_rpc_publisher.c src/ngx_ess_str.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_backoff.h"
#include "ngx_ess_rpc_publisher.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define N  100


static const ngx_ess_amqp_channel_handlers_t  *handlers;

static ngx_ess_rpc_publish_t     pubs[N];
static amqp_basic_properties_t   properties;
static ngx_ess_amqp_session_t   *session = (ngx_ess_amqp_session_t *) pubs;
static ngx_ess_amqp_channel_t   *ch = (ngx_ess_amqp_channel_t *) pubs;
static ngx_ess_amqp_op_t        *op;
static ngx_log_t                 log_;
static ngx_int_t                 rc;        /* of what is published */
static ngx_uint_t                quiet;     /* what is sent is not traced */
static ngx_uint_t                nsent;     /* on the channel */
static char                      channel[4096];     /* what was sent on it */
static ngx_uint_t                answered[N];
static ngx_int_t                 answer[N];


ngx_ess_amqp_channel_t *
ngx_ess_amqp_channel(ngx_ess_amqp_session_t *s,
    const ngx_ess_amqp_channel_handlers_t *h, void *data)
{
    handlers = h;
    nsent = 0;

    return ch;
}


void
ngx_ess_amqp_op(ngx_ess_amqp_channel_t *c, ngx_ess_amqp_op_t *o)
{
    assert_null(op);
    assert_int_equal(o->method, AMQP_CONFIRM_SELECT_METHOD);

    op = o;
    nsent = 0;
}


ngx_int_t
ngx_ess_amqp_publish(ngx_ess_amqp_channel_t *c, amqp_basic_publish_t *publish,
    amqp_basic_properties_t *p, ngx_str_t *body)
{
    if (rc == NGX_OK) {
        channel[nsent++] = body->data[0];

        if (!quiet) {
            ngx_unit_trace("%d: %c to %.*s%s", (int) nsent, body->data[0],
                           (int) publish->routing_key.len,
                           (char *) publish->routing_key.bytes,
                           publish->mandatory ? " mandatory" : "");
        }
    }

    return rc;
}


void
ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
    ngx_unit_trace("log: %s: %u", what, (unsigned) code);
}


ngx_msec_t
ngx_ess_backoff(ngx_uint_t attempt)
{
    return 1000;
}


static void
handler(ngx_ess_rpc_publish_t *pub, ngx_int_t result, ngx_str_t *text)
{
    ngx_uint_t  n;

    n = pub - pubs;
    answered[n]++;
    answer[n] = result;

    if (!quiet) {
        ngx_unit_trace("%c is %s%s%.*s", pub->body.data[0],
                       result == NGX_OK ? "there"
                       : result == NGX_DECLINED ? "nowhere"
                       : result == NGX_BUSY ? "left" : "refused",
                       text->len ? ": " : "", (int) text->len,
                       (char *) text->data);
    }
}


static void
publish(ngx_uint_t n, const char *queue)
{
    static u_char  letters[N];

    letters[n] = (u_char) ('a' + n);

    pubs[n].handler = handler;
    pubs[n].queue.data = (u_char *) queue;
    pubs[n].queue.len = strlen(queue);
    pubs[n].properties = &properties;
    pubs[n].body.data = &letters[n];
    pubs[n].body.len = 1;

    ngx_ess_rpc_publisher_publish(&pubs[n]);
}


/* The op is answered. */

static void
selected(void)
{
    ngx_ess_amqp_op_t  *o;

    assert_non_null(op);

    o = op;
    op = NULL;
    o->handler(o, NGX_OK, NULL, 0, NULL);
}


static void
open_session(void)
{
    ngx_ess_rpc_publisher_open(session);
    selected();
}


static void
closes(void)
{
    ngx_str_t  text = ngx_string("PRECONDITION_FAILED");

    handlers->reopened(ch, 406, &text);
}


static void
returns(const char *queue)
{
    ngx_str_t  key;

    key.data = (u_char *) queue;
    key.len = strlen(queue);

    handlers->returned(ch, 0, &key);
}


static int
setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    ngx_memzero(pubs, sizeof(pubs));
    ngx_memzero(answered, sizeof(answered));

    op = NULL;
    rc = NGX_OK;
    quiet = 0;

    ngx_ess_rpc_publisher_init(&log_);

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_rpc_publisher_exit();
    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}


static void
test_waits_for_a_channel_that_confirms(void **state)
{
    publish(0, "q");
    ngx_unit_posted();
    ngx_unit_traced();

    ngx_ess_rpc_publisher_open(session);
    ngx_unit_traced();

    selected();
    ngx_unit_traced("1: a to q");

    handlers->confirmed(ch, 1, 0, 1);
    ngx_unit_traced("a is there");
}


static void
test_one_confirm_for_several(void **state)
{
    ngx_uint_t  i;

    open_session();

    for (i = 0; i < 4; i++) {
        publish(i, "q");
    }

    ngx_unit_posted();
    ngx_unit_traced("1: a to q", "2: b to q", "3: c to q", "4: d to q");

    handlers->confirmed(ch, 2, 0, 1);
    ngx_unit_traced("b is there");
    handlers->confirmed(ch, 3, 1, 1);
    ngx_unit_traced("a is there", "c is there");
    handlers->confirmed(ch, 4, 1, 0);
    ngx_unit_traced("d is left: the broker did not take it, the queue may be "
                    "full");

    /* nobody waits for that one */
    handlers->confirmed(ch, 5, 0, 1);
    ngx_unit_traced();
}


static void
test_queue_that_is_not_there(void **state)
{
    pubs[0].mandatory = 1;
    pubs[2].mandatory = 1;

    open_session();
    publish(0, "gone");
    publish(1, "gone");
    publish(2, "there");
    ngx_unit_posted();
    ngx_unit_traced("1: a to gone mandatory", "2: b to gone",
                    "3: c to there mandatory");

    returns("gone");
    handlers->confirmed(ch, 3, 1, 1);
    ngx_unit_traced("a is nowhere", "b is there", "c is there");
}


/* in the same order, before what waits; what came back is asked again */

static void
test_sent_again_with_another_connection(void **state)
{
    pubs[0].mandatory = 1;

    open_session();
    publish(0, "q");
    publish(1, "q");
    ngx_unit_posted();
    returns("q");
    ngx_unit_traced("1: a to q mandatory", "2: b to q");

    ngx_ess_rpc_publisher_close();
    publish(2, "q");
    ngx_unit_posted();
    ngx_unit_traced();

    /* one of them may be why: not both at once */

    open_session();
    ngx_unit_traced("1: a to q mandatory");
    handlers->confirmed(ch, 1, 0, 1);
    ngx_unit_traced("a is there", "2: b to q", "3: c to q");
    handlers->confirmed(ch, 3, 1, 1);
    ngx_unit_traced("b is there", "c is there");
}


/* each time at once, but one that lasts is no sign */

static void
test_the_connection_ends_because_of_it(void **state)
{
    ngx_uint_t  i;

    publish(0, "q");

    for (i = 0; i < 3; i++) {
        open_session();
        ngx_unit_posted();
        ngx_unit_traced("1: a to q");

        if (i == 0) {
            ngx_unit_pass(10000);
        }

        ngx_ess_rpc_publisher_close();
        ngx_unit_traced();
    }

    open_session();
    ngx_unit_traced("1: a to q");
    ngx_ess_rpc_publisher_close();
    ngx_unit_traced("a is refused: the broker ends the connection each time "
                    "that it is sent");
}


static void
test_not_now(void **state)
{
    open_session();

    rc = NGX_AGAIN;
    publish(0, "q");
    ngx_unit_posted();
    ngx_unit_traced();

    rc = NGX_OK;
    ngx_ess_rpc_publisher_writable();
    ngx_unit_traced("1: a to q");

    /* without memory nobody says when */

    rc = NGX_ERROR;
    publish(1, "q");
    ngx_unit_posted();
    ngx_unit_traced();

    rc = NGX_OK;
    ngx_unit_pass(1000);
    ngx_unit_traced("2: b to q");
}


static void
test_cannot_be_encoded(void **state)
{
    open_session();

    rc = NGX_DECLINED;
    publish(0, "q");
    ngx_unit_traced();
    ngx_unit_posted();
    ngx_unit_traced("a is refused: its properties cannot be encoded, or are "
                    "larger than the broker allows");
}


static void
test_canceled(void **state)
{
    open_session();
    publish(0, "q");
    ngx_ess_rpc_publisher_cancel(&pubs[0]);
    ngx_unit_posted();
    ngx_unit_traced();

    publish(0, "q");
    publish(1, "q");
    ngx_unit_posted();
    ngx_unit_traced("1: a to q", "2: b to q");

    ngx_ess_rpc_publisher_cancel(&pubs[0]);
    memset(&pubs[0], 0xff, sizeof(pubs[0]));

    /* it may have been the other one: that one has to show it */

    closes();
    selected();
    ngx_unit_traced("1: b to q");
    closes();
    ngx_unit_traced("b is refused: the broker refused it: 406 "
                    "\"PRECONDITION_FAILED\"");
    selected();
}


/* all but those that it is because of are there, whichever they are */

static void
test_who_it_was(void **state)
{
    ngx_uint_t  i, first, second, n, hated;

    quiet = 1;

    for (first = 0; first < 20; first++) {
        for (second = first; second < 20; second++) {

            ngx_memzero(answered, sizeof(answered));
            open_session();

            for (i = 0; i < 20; i++) {
                publish(i, "q");
            }

            ngx_unit_posted();

            for (n = 0; nsent || op; n++) {
                assert_true(n < 1000);

                if (op) {
                    selected();
                    continue;
                }

                /* confirms what comes before the first one that it hates */

                for (hated = 0; hated < nsent; hated++) {
                    i = channel[hated] - 'a';

                    if (i == first || i == second) {
                        break;
                    }
                }

                if (hated == nsent) {
                    nsent = 0;
                    handlers->confirmed(ch, hated, 1, 1);

                    /* tags go on */

                    ngx_ess_rpc_publisher_close();
                    open_session();
                    continue;
                }

                closes();
            }

            for (i = 0; i < 20; i++) {
                assert_int_equal(answered[i], 1);
                assert_int_equal(answer[i], (i == first || i == second)
                                            ? NGX_ERROR : NGX_OK);
            }

            ngx_ess_rpc_publisher_close();
        }
    }
}


static void
test_no_more_in_flight_than_may_be(void **state)
{
    ngx_uint_t                    i;
    static ngx_ess_rpc_publish_t  many[3000];

    quiet = 1;
    open_session();
    publish(0, "q");

    for (i = 0; i < 3000; i++) {
        many[i] = pubs[0];
        ngx_ess_rpc_publisher_publish(&many[i]);
    }

    ngx_unit_posted();
    assert_int_equal(nsent, 2048);
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

    const struct CMUnitTest  tests[] = {
        t(test_waits_for_a_channel_that_confirms),
        t(test_one_confirm_for_several),
        t(test_queue_that_is_not_there),
        t(test_sent_again_with_another_connection),
        t(test_the_connection_ends_because_of_it),
        t(test_not_now),
        t(test_cannot_be_encoded),
        t(test_canceled),
        t(test_who_it_was),
        t(test_no_more_in_flight_than_may_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
