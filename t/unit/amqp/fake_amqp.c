/*
 * The fake session.  As the real one does, it answers an operation never from
 * within the call that brought it, and forgets a channel that was closed: who
 * uses it afterwards is caught by the sanitizer.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_amqp.h"
#include "ngx_ess_backoff.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define CHANNELS  1024


struct ngx_ess_amqp_session_s {
    const ngx_ess_amqp_handlers_t  *handlers;
    void                           *data;
    ngx_event_t                     flush;
    ngx_queue_t                     aborted;
};


struct ngx_ess_amqp_channel_s {
    ngx_ess_amqp_session_t                 *session;
    const ngx_ess_amqp_channel_handlers_t  *handlers;
    void                                   *data;
    ngx_uint_t                              number;
    ngx_queue_t                             ops;
    uint64_t                                tag;
    uint64_t                                acked;
};


static ngx_ess_amqp_channel_t *channel(ngx_uint_t n);
static void abort_ops(void);
static void flush_handler(ngx_event_t *ev);


fake_amqp_t                     fake;

static ngx_log_t                fake_log;
static ngx_str_t                none = ngx_null_string;
static ngx_ess_amqp_session_t  *session;
static ngx_ess_amqp_channel_t  *channels[CHANNELS + 1];


void
fake_init(void)
{
    assert_null(session);

    ngx_memzero(&fake, sizeof(fake));
    ngx_memzero(channels, sizeof(channels));
}


ngx_ess_amqp_session_t *
fake_session(const ngx_ess_amqp_handlers_t *handlers, void *data)
{
    return ngx_ess_amqp_create(NULL, handlers, data, 65536, &fake_log);
}


static ngx_ess_amqp_channel_t *
channel(ngx_uint_t n)
{
    assert_true(n && n <= fake.opened);

    return channels[n];
}


/* as the session has it: operations are answered, then it says that it is
   gone, then channels are */

void
fake_lost(void)
{
    ngx_uint_t  n;

    fake.is_open = 0;

    for (n = 1; n <= fake.opened; n++) {
        if (channels[n] && !ngx_queue_empty(&channels[n]->ops)) {
            ngx_queue_add(&session->aborted, &channels[n]->ops);
            ngx_queue_init(&channels[n]->ops);
        }
    }

    abort_ops();

    session->handlers->close(session);

    for (n = 1; n <= fake.opened; n++) {
        free(channels[n]);
        channels[n] = NULL;
    }

    fake.channels = 0;
}


void
fake_open(void)
{
    assert_non_null(session);

    fake.is_open = 1;
    session->handlers->open(session);
    ngx_unit_posted();
}


static void
abort_ops(void)
{
    ngx_queue_t        *q;
    ngx_ess_amqp_op_t  *op;

    while (!ngx_queue_empty(&session->aborted)) {
        q = ngx_queue_head(&session->aborted);
        op = ngx_queue_data(q, ngx_ess_amqp_op_t, queue);

        ngx_queue_remove(q);
        op->handler(op, NGX_ABORT, NULL, 0, &none);
    }
}


static void
flush_handler(ngx_event_t *ev)
{
    ngx_str_t           text;
    ngx_uint_t          n;
    ngx_queue_t        *q;
    ngx_ess_amqp_op_t  *op;

    abort_ops();

    if (!fake.no_method) {
        return;
    }

    ngx_str_set(&text, "the method cannot be encoded");

    for (n = 1; n <= fake.opened; n++) {
        while (channels[n] && !ngx_queue_empty(&channels[n]->ops)) {
            q = ngx_queue_head(&channels[n]->ops);
            op = ngx_queue_data(q, ngx_ess_amqp_op_t, queue);

            ngx_queue_remove(q);
            op->handler(op, NGX_DECLINED, NULL, 0, &text);
        }
    }

    abort_ops();
}


static ngx_ess_amqp_op_t *
oldest(ngx_uint_t n)
{
    ngx_queue_t  *q;

    assert_non_null(channel(n));
    assert_false(ngx_queue_empty(&channel(n)->ops));

    q = ngx_queue_head(&channel(n)->ops);
    ngx_queue_remove(q);

    return ngx_queue_data(q, ngx_ess_amqp_op_t, queue);
}


void
fake_answers(ngx_uint_t n)
{
    ngx_ess_amqp_op_t  *op;

    op = oldest(n);
    op->handler(op, NGX_OK, NULL, 0, &none);

    ngx_unit_posted();
}


void
fake_answers_all(ngx_uint_t n)
{
    while (channel(n) && !ngx_queue_empty(&channel(n)->ops)) {
        fake_answers(n);
    }
}


/* The text is where it can be read only during the call. */

static ngx_str_t *
text_new(const char *text)
{
    ngx_str_t  *s;

    s = malloc(sizeof(ngx_str_t) + strlen(text));
    assert_non_null(s);

    s->data = (u_char *) (s + 1);
    s->len = strlen(text);
    memcpy(s->data, text, s->len);

    return s;
}


void
fake_refuses(ngx_uint_t n, ngx_uint_t code, const char *text)
{
    ngx_str_t          *s;
    ngx_ess_amqp_op_t  *op;

    s = text_new(text);
    op = oldest(n);

    op->handler(op, NGX_DECLINED, NULL, code, s);

    if (channel(n)) {
        channel(n)->handlers->reopened(channel(n), code, s);
    }

    free(s);
    ngx_unit_posted();
}


void
fake_closes(ngx_uint_t n, ngx_uint_t code, const char *text)
{
    ngx_str_t  *s;

    if (channel(n) == NULL) {
        return;
    }

    s = text_new(text);
    channel(n)->handlers->reopened(channel(n), code, s);

    free(s);
    ngx_unit_posted();
}


void
fake_cancels(ngx_uint_t n)
{
    if (channel(n)) {
        channel(n)->handlers->canceled(channel(n), 0);
    }

    ngx_unit_posted();
}


void
fake_delivers(ngx_uint_t n, const fake_event_t *event)
{
    size_t                    size;
    amqp_table_entry_t       *entries, *e;
    ngx_ess_amqp_delivery_t  *delivery;

    if (channel(n) == NULL) {
        return;
    }

    /* all of it is gone after the call */

    size = strlen(event->body ? event->body : "x");

    delivery = calloc(1, sizeof(ngx_ess_amqp_delivery_t));
    entries = calloc(2, sizeof(amqp_table_entry_t));
    assert_true(delivery && entries);

    delivery->delivery_tag = ++channel(n)->tag;
    delivery->tag = event->tag;
    delivery->body.data = malloc(size);
    delivery->body.len = size;
    delivery->body_size = event->large ? 100000 : size;
    delivery->over_size = event->large;
    delivery->properties = calloc(1, sizeof(amqp_basic_properties_t));
    assert_true(delivery->body.data && delivery->properties);

    memcpy(delivery->body.data, event->body ? event->body : "x", size);

    e = entries;

    if (!event->bare) {
        e->key = amqp_cstring_bytes("x-stream-offset");
        e->value.kind = AMQP_FIELD_KIND_I64;
        e->value.value.i64 = event->offset;
        e++;
    }

    if (event->timestamp) {
        e->key = amqp_cstring_bytes("timestamp_in_ms");
        e->value.kind = AMQP_FIELD_KIND_I64;
        e->value.value.i64 = event->timestamp;
        e++;
    }

    delivery->properties->_flags = AMQP_BASIC_HEADERS_FLAG;
    delivery->properties->headers.entries = entries;
    delivery->properties->headers.num_entries = e - entries;

    channel(n)->handlers->delivery(channel(n), delivery);

    free(delivery->properties);
    free(delivery->body.data);
    free(delivery);
    free(entries);
}


void
fake_sends(ngx_uint_t n, uint64_t offset, uint64_t timestamp)
{
    fake_event_t  event;

    ngx_memzero(&event, sizeof(fake_event_t));
    event.offset = offset;
    event.timestamp = timestamp;

    fake_delivers(n, &event);
}


void
fake_batch(void)
{
    if (session->handlers->batch) {
        session->handlers->batch(session);
    }

    ngx_unit_posted();
}


/* what the unit calls */

ngx_ess_amqp_session_t *
ngx_ess_amqp_create(ngx_ess_amqp_conf_t *conf,
    const ngx_ess_amqp_handlers_t *handlers, void *data, size_t max_body,
    ngx_log_t *log)
{
    assert_null(session);

    ngx_unit_trace(fake.no_session ? "no memory" : "connect");

    if (fake.no_session) {
        return NULL;
    }

    session = calloc(1, sizeof(ngx_ess_amqp_session_t));
    assert_non_null(session);

    session->handlers = handlers;
    session->data = data;
    session->flush.handler = flush_handler;
    session->flush.log = &fake_log;
    ngx_queue_init(&session->aborted);

    return session;
}


void
ngx_ess_amqp_destroy(ngx_ess_amqp_session_t *s)
{
    ngx_uint_t  n;

    assert_ptr_equal(s, session);
    ngx_unit_trace("destroy");

    for (n = 1; n <= fake.opened; n++) {
        free(channels[n]);
        channels[n] = NULL;
    }

    if (s->flush.posted) {
        ngx_delete_posted_event(&s->flush);
    }

    free(s);
    session = NULL;
    fake.is_open = 0;
    fake.channels = 0;
}


void *
ngx_ess_amqp_data(ngx_ess_amqp_session_t *s)
{
    return s->data;
}


ngx_uint_t
ngx_ess_amqp_is_open(ngx_ess_amqp_session_t *s)
{
    return fake.is_open;
}


ngx_ess_amqp_channel_t *
ngx_ess_amqp_channel(ngx_ess_amqp_session_t *s,
    const ngx_ess_amqp_channel_handlers_t *handlers, void *data)
{
    ngx_ess_amqp_channel_t  *ch;

    if (!fake.is_open || fake.no_channel) {
        return NULL;
    }

    assert_true(fake.opened < CHANNELS);

    ch = calloc(1, sizeof(ngx_ess_amqp_channel_t));
    assert_non_null(ch);

    ch->session = s;
    ch->handlers = handlers;
    ch->data = data;
    ch->number = ++fake.opened;
    ngx_queue_init(&ch->ops);

    channels[ch->number] = ch;
    fake.channels++;

    ngx_unit_trace("%u: open", (unsigned) ch->number);

    return ch;
}


void *
ngx_ess_amqp_channel_data(ngx_ess_amqp_channel_t *ch)
{
    return ch->data;
}


void
ngx_ess_amqp_channel_close(ngx_ess_amqp_channel_t *ch)
{
    ngx_ess_amqp_session_t  *s;

    s = ch->session;

    if (!ngx_queue_empty(&ch->ops)) {
        ngx_queue_add(&s->aborted, &ch->ops);
    }

    ngx_post_event(&s->flush, &ngx_posted_events);

    if (fake.is_open) {
        ngx_unit_trace("%u: close", (unsigned) ch->number);
    }

    channels[ch->number] = NULL;
    fake.channels--;
    free(ch);
}


static void
trace_consume(ngx_uint_t n, amqp_basic_consume_t *consume)
{
    char                 from[64], tag[64];
    amqp_table_entry_t  *e;

    assert_int_equal(consume->arguments.num_entries, 1);
    assert_false(consume->no_ack);
    assert_false(consume->nowait);

    e = consume->arguments.entries;
    assert_int_equal(e->key.len, sizeof("x-stream-offset") - 1);
    assert_memory_equal(e->key.bytes, "x-stream-offset", e->key.len);

    switch (e->value.kind) {

    case AMQP_FIELD_KIND_I64:
        (void) snprintf(from, sizeof(from), "offset=%llu",
                        (unsigned long long) e->value.value.i64);
        break;

    case AMQP_FIELD_KIND_TIMESTAMP:
        (void) snprintf(from, sizeof(from), "timestamp=%llu",
                        (unsigned long long) e->value.value.u64);
        break;

    default:
        assert_int_equal(e->value.kind, AMQP_FIELD_KIND_UTF8);
        (void) snprintf(from, sizeof(from), "%.*s",
                        (int) e->value.value.bytes.len,
                        (char *) e->value.value.bytes.bytes);
    }

    (void) snprintf(tag, sizeof(tag), "%.*s", (int) consume->consumer_tag.len,
                    (char *) consume->consumer_tag.bytes);

    ngx_unit_trace("%u: consume %.*s %s%s%s", (unsigned) n,
                   (int) consume->queue.len, (char *) consume->queue.bytes,
                   from, strcmp(tag, "ess") ? " as " : "",
                   strcmp(tag, "ess") ? tag : "");
}


void
ngx_ess_amqp_op(ngx_ess_amqp_channel_t *ch, ngx_ess_amqp_op_t *op)
{
    amqp_basic_qos_t     *qos;
    amqp_basic_cancel_t  *cancel;

    ngx_post_event(&ch->session->flush, &ngx_posted_events);

    if (!fake.is_open) {
        ngx_queue_insert_tail(&ch->session->aborted, &op->queue);
        return;
    }

    ngx_queue_insert_tail(&ch->ops, &op->queue);

    switch (op->method) {

    case AMQP_BASIC_QOS_METHOD:
        qos = &op->fields.basic_qos;
        assert_false(qos->global);
        ngx_unit_trace("%u: qos %u", (unsigned) ch->number,
                       (unsigned) qos->prefetch_count);
        break;

    case AMQP_BASIC_CONSUME_METHOD:
        trace_consume(ch->number, &op->fields.basic_consume);
        break;

    case AMQP_BASIC_CANCEL_METHOD:
        cancel = &op->fields.basic_cancel;
        ngx_unit_trace("%u: cancel %.*s", (unsigned) ch->number,
                       (int) cancel->consumer_tag.len,
                       (char *) cancel->consumer_tag.bytes);
        break;

    default:
        fail_msg("no such method is expected");
    }
}


ngx_int_t
ngx_ess_amqp_ack(ngx_ess_amqp_channel_t *ch, uint64_t tag)
{
    if (fake.behind || !fake.is_open) {
        return NGX_ERROR;
    }

    /* the broker closes the channel of who acknowledges what did not come, or
       twice */

    assert_true(tag > ch->acked && tag <= ch->tag);

    ch->acked = tag;
    ngx_unit_trace("%u: ack %u", (unsigned) ch->number, (unsigned) tag);

    return NGX_OK;
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
    fake.attempt = attempt;

    return FAKE_BACKOFF;
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return fake.no_memory ? NULL : calloc(1, size);
}
