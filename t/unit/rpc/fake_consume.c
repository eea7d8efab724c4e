/*
 * What ngx_ess_consume.c and its parts stand on, without a broker and without
 * requests.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_consume.h"
#include "ngx_ess_consume_dead.h"
#include "ngx_ess_consume_door.h"
#include "ngx_ess_consume_reply.h"
#include "ngx_ess_consume_request.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define QUEUE    ((ngx_ess_consume_queue_t *) &fake_queue)
#define INFLATE  ((ngx_ess_inflate_t *) &fake_inflated)


ngx_ess_consume_conf_t      fake_conf;
ngx_ess_consume_message_t  *fake_messages[FAKE_MESSAGES];
ngx_uint_t                  fake_rpc;
ngx_uint_t                  fake_over_size;
ngx_uint_t                  fake_packed;
ngx_str_t                   fake_reply_to;
ngx_msec_t                  fake_expiration;
ngx_uint_t                  fake_room;
ngx_uint_t                  fake_no_memory;
ngx_int_t                   fake_request;
ngx_int_t                   fake_inflated;
ngx_uint_t                  fake_slices;
ngx_uint_t                  fake_leaving;

static ngx_log_t                     fake_log;
static ngx_time_t                    fake_time;
static ngx_ess_rpc_conf_t            fake_rpc_conf;
static ngx_ess_consume_conf_queue_t  fake_queue;
static ngx_uint_t                    fake_n;
static amqp_basic_properties_t       fake_properties;

ngx_queue_t           ngx_posted_next_events;
volatile ngx_time_t  *ngx_cached_time = &fake_time;


static int
letter(ngx_ess_consume_message_t *msg)
{
    return msg->body.data[0];
}


time_t
ngx_parse_http_time(u_char *value, size_t len)
{
    return NGX_ERROR;
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return fake_no_memory ? NULL : calloc(1, size);
}


ngx_ess_consume_message_t *
ngx_ess_consume_message_create(ngx_ess_consume_conf_queue_t *queue,
    ngx_ess_amqp_delivery_t *d, ngx_log_t *log)
{
    ngx_ess_consume_message_t  *msg;

    if (fake_no_memory) {
        return NULL;
    }

    msg = calloc(1, sizeof(ngx_ess_consume_message_t));

    msg->queue = queue;
    msg->log = log;
    msg->body = d->body;
    msg->properties = &fake_properties;
    msg->since = ngx_current_msec;
    msg->rpc = fake_rpc;
    msg->over_size = fake_over_size;
    msg->expires = (fake_expiration != 0);
    msg->expiration = fake_expiration;
    msg->retry_after = NGX_TIMER_INFINITE;
    msg->event.data = msg;
    msg->event.log = log;
    msg->timer.data = msg;
    msg->timer.log = log;

    fake_messages[fake_n++] = msg;

    return msg;
}


void
ngx_ess_consume_message_free(ngx_ess_consume_message_t *msg)
{
    ngx_unit_trace("%c: freed", letter(msg));

    if (msg->timer.timer_set) {
        ngx_del_timer(&msg->timer);
    }

    if (msg->event.posted) {
        ngx_delete_posted_event(&msg->event);
    }

    fake_messages[letter(msg) - 'a'] = NULL;
    free(msg);
}


ngx_uint_t
ngx_ess_consume_message_expired(ngx_ess_consume_message_t *msg)
{
    return msg->expires && ngx_current_msec - msg->since > msg->expiration;
}


ngx_uint_t
ngx_ess_consume_message_packed(ngx_ess_consume_message_t *msg)
{
    return fake_packed;
}


const char *
ngx_ess_consume_message_why(ngx_ess_consume_message_t *msg)
{
    return NGX_ESS_CONSUME_WHY_STATUS;
}


ngx_str_t
ngx_ess_consume_message_property(ngx_ess_consume_message_t *msg,
    amqp_flags_t flag)
{
    return fake_reply_to;
}


ngx_ess_consume_conf_queue_t *
ngx_ess_consume_queue_conf(ngx_ess_consume_queue_t *q)
{
    return &fake_queue;
}


ngx_uint_t
ngx_ess_consume_queue_leaving(ngx_ess_consume_queue_t *q)
{
    assert_ptr_equal(q, QUEUE);

    return fake_leaving;
}


void
ngx_ess_consume_queue_take(ngx_ess_consume_queue_t *q,
    ngx_ess_consume_delivery_t *delivery, ngx_ess_amqp_delivery_t *d)
{
    delivery->queue = q;
    delivery->tag = d->delivery_tag;
}


void
ngx_ess_consume_queue_settle(ngx_ess_consume_delivery_t *delivery,
    ngx_ess_consume_settle_e how)
{
    static const char  *const words[] = { "ack", "reject", "requeue" };

    if (!delivery->lost) {
        ngx_unit_trace("%c: %s", (int) ('a' + delivery->tag), words[how]);
    }

    delivery->tag = -1;
}


void
ngx_ess_consume_queue_dead(ngx_ess_consume_queue_t *q)
{
    ngx_unit_trace("the queue of the dead is looked for");
}


ngx_uint_t
ngx_ess_request_room(void)
{
    return fake_room;
}


ngx_int_t
ngx_ess_consume_request(ngx_ess_consume_message_t *msg)
{
    ngx_unit_trace("%c: request", letter(msg));

    if (fake_request == NGX_OK) {
        msg->attempts++;
        msg->request = (ngx_ess_request_t *) msg;
    }

    return fake_request;
}


/* It is in flight until it is settled. */

ngx_int_t
ngx_ess_consume_reply(ngx_ess_consume_message_t *msg, ngx_ess_request_t *req)
{
    ngx_unit_trace("%c: reply", letter(msg));

    if (fake_no_memory) {
        return NGX_ERROR;
    }

    msg->state = NGX_ESS_CONSUME_REPLYING;
    msg->in_flight = 1;

    return NGX_OK;
}


ngx_int_t
ngx_ess_consume_reply_refusal(ngx_ess_consume_message_t *msg)
{
    ngx_unit_trace("%c: refusal %s", letter(msg), msg->why);

    if (fake_no_memory) {
        return NGX_ERROR;
    }

    msg->state = NGX_ESS_CONSUME_REPLYING;
    msg->in_flight = 1;

    return NGX_OK;
}


ngx_int_t
ngx_ess_consume_dead(ngx_ess_consume_message_t *msg)
{
    ngx_unit_trace("%c: dead %s%s", letter(msg), msg->why,
                   msg->bare ? " bare" : "");

    if (fake_no_memory) {
        return NGX_ERROR;
    }

    msg->state = NGX_ESS_CONSUME_DYING;
    msg->in_flight = 1;

    return NGX_OK;
}


ngx_ess_inflate_t *
ngx_ess_inflate_create(ngx_str_t *text, ngx_uint_t gzip, size_t max)
{
    assert_int_equal(max, fake_conf.max_body);

    return fake_no_memory ? NULL : INFLATE;
}


ngx_int_t
ngx_ess_inflate_step(ngx_ess_inflate_t *in, const char **detail)
{
    return fake_slices-- ? NGX_AGAIN : fake_inflated;
}


ngx_int_t
ngx_ess_inflate_take(ngx_ess_inflate_t *in, ngx_pool_t *pool, ngx_str_t *text)
{
    return NGX_OK;
}


void
ngx_ess_inflate_destroy(ngx_ess_inflate_t *in)
{
    ngx_unit_trace("inflated");
}


void
ngx_ess_rpc_figures_message(ngx_uint_t row, ngx_ess_consume_outcome_e outcome)
{
    static const char  *const words[] = {
        "ack", "reply", "retry", "dead", "expired", "gone"
    };

    ngx_unit_trace("counted %s", words[outcome]);
}


void
ngx_ess_rpc_figures_message_time(ngx_msec_t ms)
{
    ngx_unit_trace("took %d", (int) ms);
}


void
ngx_ess_rpc_figures_in_work(ngx_int_t n)
{
}


int
fake_setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();
    ngx_queue_init(&ngx_posted_next_events);

    memset(fake_messages, 0, sizeof(fake_messages));
    memset(&fake_conf, 0, sizeof(fake_conf));

    fake_n = 0;
    fake_rpc = 0;
    fake_over_size = 0;
    fake_packed = 0;
    fake_expiration = 0;
    fake_room = 1;
    fake_no_memory = 0;
    fake_request = NGX_OK;
    fake_inflated = NGX_OK;
    fake_slices = 0;
    fake_leaving = 0;
    ngx_str_set(&fake_reply_to, "caller");

    fake_log.log_level = NGX_LOG_INFO;
    fake_time.sec += 10;
    fake_conf.concurrency = 4;
    fake_conf.max_body = 10;
    fake_conf.retries = 2;
    fake_conf.retry_delay = 1000;
    ngx_str_set(&fake_queue.name, "q");
    fake_queue.consume = &fake_conf;
    fake_rpc_conf.queues.elts = &fake_queue;
    fake_rpc_conf.queues.nelts = 1;

    return ngx_ess_consume_init(&fake_rpc_conf, &fake_log) == NGX_OK ? 0 : -1;
}


int
fake_teardown(void **state)
{
    ngx_uint_t  i;

    ngx_unit_traced();

    ngx_ess_consume_exit();
    ngx_ess_consume_exit();

    for (i = 0; i < FAKE_MESSAGES; i++) {
        assert_null(fake_messages[i]);
    }

    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}


void
fake_delivers(void)
{
    ngx_ess_amqp_delivery_t  d;

    static u_char  letters[] = "abcdefgh";

    memset(&d, 0, sizeof(d));
    d.delivery_tag = fake_n;
    d.body.data = &letters[fake_n];
    d.body.len = 1;

    ngx_ess_consume_delivery(QUEUE, &d);
    ngx_unit_posted();
}


void
fake_ends(ngx_uint_t i, ngx_ess_request_end_e end, ngx_uint_t status)
{
    ngx_ess_consume_message_t  *msg;

    msg = fake_messages[i];
    assert_int_equal(msg->state, NGX_ESS_CONSUME_REQUEST);

    msg->end = end;
    msg->status = status;
    msg->responded(msg);

    ngx_unit_posted();
}


void
fake_responds(ngx_uint_t i, ngx_uint_t status)
{
    fake_ends(i, NGX_ESS_REQUEST_DONE, status);
}


void
fake_settles(ngx_uint_t i, ngx_int_t rc)
{
    ngx_str_t                   text = ngx_string("why");
    ngx_ess_consume_message_t  *msg;

    msg = fake_messages[i];
    assert_true(msg->in_flight);

    msg->in_flight = 0;
    msg->settled(msg, rc, &text);

    ngx_unit_posted();
}


void
fake_lost(void)
{
    ngx_uint_t  i;

    for (i = 0; i < FAKE_MESSAGES; i++) {
        if (fake_messages[i]) {
            fake_messages[i]->delivery.lost = 1;
        }
    }

    ngx_ess_consume_lost();
    ngx_unit_posted();
}
