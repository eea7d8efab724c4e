
/*
 * Readers of RabbitMQ streams.  A reader belongs to who opened it until it is
 * closed; then it stays for as long as an operation of it is under way.  Runs
 * in a worker.
 */


#include "ngx_ess_amqp_reader.h"
#include "ngx_ess_amqp_property.h"


#define NGX_ESS_AMQP_READER_TAG       "ess"
#define NGX_ESS_AMQP_READER_SYNC_TAG  "ess-1"


static void ngx_ess_amqp_reader_qos(ngx_ess_amqp_reader_t *reader,
    ngx_ess_amqp_op_pt handler);
static void ngx_ess_amqp_reader_op(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_amqp_reader_limited(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_amqp_reader_consume(ngx_ess_amqp_reader_t *reader,
    const char *tag, ngx_ess_amqp_op_pt handler);
static void ngx_ess_amqp_reader_consumed(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_amqp_reader_sync_consumed(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_amqp_reader_sync_canceled(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_amqp_reader_synced(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static ngx_int_t ngx_ess_amqp_reader_answered(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, ngx_uint_t code, ngx_str_t *text);
static ngx_uint_t ngx_ess_amqp_reader_missing(ngx_str_t *text);
static void ngx_ess_amqp_reader_delivery(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *delivery);
static void ngx_ess_amqp_reader_canceled(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t tag);
static void ngx_ess_amqp_reader_reopened(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_amqp_reader_end(ngx_ess_amqp_reader_t *reader,
    ngx_int_t rc);
static void ngx_ess_amqp_reader_free(ngx_ess_amqp_reader_t *reader);


static const ngx_ess_amqp_channel_handlers_t  ngx_ess_amqp_reader_channel = {
    ngx_ess_amqp_reader_delivery,
    ngx_ess_amqp_reader_canceled,
    ngx_ess_amqp_reader_reopened,
    NULL,
    NULL,
    NULL
};


ngx_ess_amqp_reader_t *
ngx_ess_amqp_reader_open(ngx_ess_amqp_session_t *s, ngx_queue_t *readers,
    ngx_str_t *stream, ngx_ess_amqp_reader_from_e from, uint64_t value,
    ngx_uint_t prefetch, const ngx_ess_amqp_reader_handlers_t *handlers,
    void *data, ngx_log_t *log)
{
    ngx_ess_amqp_reader_t  *reader;

    if (stream->len > NGX_ESS_MAX_KEY) {
        return NULL;
    }

    reader = ngx_calloc(sizeof(ngx_ess_amqp_reader_t), log);
    if (reader == NULL) {
        return NULL;
    }

    reader->channel = ngx_ess_amqp_channel(s, &ngx_ess_amqp_reader_channel,
                                           reader);
    if (reader->channel == NULL) {
        ngx_free(reader);
        return NULL;
    }

    reader->session = s;
    reader->handlers = handlers;
    reader->data = data;
    reader->from = from;
    reader->value = value;
    reader->prefetch = prefetch;
    reader->len = stream->len;
    ngx_memcpy(reader->name, stream->data, stream->len);

    ngx_queue_insert_tail(readers, &reader->queue);

    ngx_ess_amqp_reader_qos(reader, ngx_ess_amqp_reader_limited);

    return reader;
}


/* A stream takes no consumer without it, nor with a global one. */

static void
ngx_ess_amqp_reader_qos(ngx_ess_amqp_reader_t *reader,
    ngx_ess_amqp_op_pt handler)
{
    amqp_basic_qos_t  *qos;

    qos = ngx_ess_amqp_op_init(&reader->op, AMQP_BASIC_QOS_METHOD, handler,
                               reader);

    qos->prefetch_count = (uint16_t) reader->prefetch;

    ngx_ess_amqp_reader_op(reader);
}


static void
ngx_ess_amqp_reader_op(ngx_ess_amqp_reader_t *reader)
{
    reader->busy = 1;

    ngx_ess_amqp_op(reader->channel, &reader->op);
}


/* NGX_OK: go on; NGX_DONE: the reader has ended. */

static ngx_int_t
ngx_ess_amqp_reader_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_amqp_reader_t  *reader;

    reader = op->data;
    reader->busy = 0;

    if (reader->channel == NULL) {
        ngx_ess_amqp_reader_free(reader);
        return NGX_DONE;
    }

    switch (rc) {

    case NGX_OK:
        return NGX_OK;

    case NGX_ABORT:
        ngx_ess_amqp_reader_end(reader, NGX_ABORT);
        return NGX_DONE;

    default: /* NGX_DECLINED */

        if (code == AMQP_NOT_FOUND && ngx_ess_amqp_reader_missing(text)) {
            ngx_ess_amqp_reader_end(reader, NGX_DECLINED);
            return NGX_DONE;
        }

        ngx_ess_amqp_trouble_once(reader->session, NGX_LOG_ERR,
                                  "broker refused a reader of a stream", code,
                                  text);
        ngx_ess_amqp_reader_end(reader, NGX_ERROR);
        return NGX_DONE;
    }
}


/* The same code says that a stream is not there yet while the broker starts:
   "home node ... is down or inaccessible". */

static ngx_uint_t
ngx_ess_amqp_reader_missing(ngx_str_t *text)
{
    return ngx_strlcasestrn(text->data, text->data + text->len,
                            (u_char *) "no queue", sizeof("no queue") - 2)
           != NULL;
}


static void
ngx_ess_amqp_reader_limited(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply,
    ngx_uint_t code, ngx_str_t *text)
{
    amqp_field_value_t     *value;
    ngx_ess_amqp_reader_t  *reader;

    if (ngx_ess_amqp_reader_answered(op, rc, code, text) != NGX_OK) {
        return;
    }

    reader = op->data;

    reader->argument.key = amqp_cstring_bytes("x-stream-offset");
    value = &reader->argument.value;

    switch (reader->from) {

    case NGX_ESS_AMQP_READER_OFFSET:
        value->kind = AMQP_FIELD_KIND_I64;
        value->value.i64 = (int64_t) reader->value;
        break;

    case NGX_ESS_AMQP_READER_TIMESTAMP:
        value->kind = AMQP_FIELD_KIND_TIMESTAMP;
        value->value.u64 = reader->value;
        break;

    default: /* NGX_ESS_AMQP_READER_LAST */
        value->kind = AMQP_FIELD_KIND_UTF8;
        value->value.bytes = amqp_cstring_bytes("last");
    }

    ngx_ess_amqp_reader_consume(reader, NGX_ESS_AMQP_READER_TAG,
                                ngx_ess_amqp_reader_consumed);
}


static void
ngx_ess_amqp_reader_consume(ngx_ess_amqp_reader_t *reader, const char *tag,
    ngx_ess_amqp_op_pt handler)
{
    amqp_basic_consume_t  *consume;

    consume = ngx_ess_amqp_op_init(&reader->op, AMQP_BASIC_CONSUME_METHOD,
                                   handler, reader);

    consume->queue.bytes = reader->name;
    consume->queue.len = reader->len;
    consume->consumer_tag = amqp_cstring_bytes(tag);
    consume->arguments.num_entries = 1;
    consume->arguments.entries = &reader->argument;

    ngx_ess_amqp_reader_op(reader);
}


static void
ngx_ess_amqp_reader_consumed(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_amqp_reader_t  *reader;

    if (ngx_ess_amqp_reader_answered(op, rc, code, text) == NGX_OK) {
        reader = op->data;
        reader->handlers->started(reader);
    }
}


/*
 * RabbitMQ says that it takes a consumer before it has looked for events: its
 * channel asks the stream's process, which tells it when there are any.  So an
 * answer to what is sent next does not say that there are none.  For a second
 * consumer the channel asks that process again, and waits for the answer,
 * before which the first question was dealt with: once a method behind it is
 * answered, the channel has been told, and once one more is, it has sent them.
 */

void
ngx_ess_amqp_reader_sync(ngx_ess_amqp_reader_t *reader)
{
    reader->argument.value.kind = AMQP_FIELD_KIND_UTF8;
    reader->argument.value.value.bytes = amqp_cstring_bytes("next");

    ngx_ess_amqp_reader_consume(reader, NGX_ESS_AMQP_READER_SYNC_TAG,
                                ngx_ess_amqp_reader_sync_consumed);
}


static void
ngx_ess_amqp_reader_sync_consumed(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    amqp_basic_cancel_t    *cancel;
    ngx_ess_amqp_reader_t  *reader;

    if (ngx_ess_amqp_reader_answered(op, rc, code, text) != NGX_OK) {
        return;
    }

    reader = op->data;

    cancel = ngx_ess_amqp_op_init(&reader->op, AMQP_BASIC_CANCEL_METHOD,
                                  ngx_ess_amqp_reader_sync_canceled, reader);

    cancel->consumer_tag = amqp_cstring_bytes(NGX_ESS_AMQP_READER_SYNC_TAG);

    ngx_ess_amqp_reader_op(reader);
}


static void
ngx_ess_amqp_reader_sync_canceled(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    if (ngx_ess_amqp_reader_answered(op, rc, code, text) == NGX_OK) {
        ngx_ess_amqp_reader_qos(op->data, ngx_ess_amqp_reader_synced);
    }
}


static void
ngx_ess_amqp_reader_synced(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_amqp_reader_t  *reader;

    if (ngx_ess_amqp_reader_answered(op, rc, code, text) != NGX_OK) {
        return;
    }

    reader = op->data;

    /* with what the second consumer got: nobody else would */

    (void) ngx_ess_amqp_reader_ack(reader);

    reader->handlers->synced(reader);
}


ngx_int_t
ngx_ess_amqp_reader_ack(ngx_ess_amqp_reader_t *reader)
{
    if (reader->acked_tag == reader->last_tag || reader->channel == NULL) {
        return NGX_OK;
    }

    if (ngx_ess_amqp_ack(reader->channel, reader->last_tag) != NGX_OK) {
        return NGX_ERROR;
    }

    reader->acked_tag = reader->last_tag;

    return NGX_OK;
}


static void
ngx_ess_amqp_reader_delivery(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *delivery)
{
    uint64_t                offset;
    ngx_ess_amqp_reader_t  *reader;

    reader = ngx_ess_amqp_channel_data(ch);
    reader->last_tag = delivery->delivery_tag;

    if (delivery->tag) {
        /* of sync */
        return;
    }

    if (ngx_ess_amqp_property_number(delivery->properties, "x-stream-offset",
                                     &offset)
        == NGX_OK)
    {
        reader->handlers->delivery(reader, offset, delivery);
        return;
    }

    /* every event of a stream has one */

    ngx_ess_amqp_reader_end(reader, NGX_ERROR);
}


static void
ngx_ess_amqp_reader_canceled(ngx_ess_amqp_channel_t *ch, ngx_uint_t tag)
{
    ngx_ess_amqp_reader_end(ngx_ess_amqp_channel_data(ch), NGX_DECLINED);
}


static void
ngx_ess_amqp_reader_reopened(ngx_ess_amqp_channel_t *ch, ngx_uint_t code,
    ngx_str_t *text)
{
    ngx_ess_amqp_reader_end(ngx_ess_amqp_channel_data(ch), NGX_ERROR);
}


void
ngx_ess_amqp_reader_session_closed(ngx_queue_t *readers)
{
    ngx_queue_t            *q;
    ngx_ess_amqp_reader_t  *reader;

    /* those with an operation under way had their answer before */

    while (!ngx_queue_empty(readers)) {
        q = ngx_queue_head(readers);
        reader = ngx_queue_data(q, ngx_ess_amqp_reader_t, queue);

        reader->handlers->ended(reader, NGX_ABORT);
        ngx_ess_amqp_reader_free(reader);
    }
}


void
ngx_ess_amqp_reader_session_destroyed(ngx_queue_t *readers)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(readers)) {
        q = ngx_queue_head(readers);
        ngx_ess_amqp_reader_free(ngx_queue_data(q, ngx_ess_amqp_reader_t,
                                                queue));
    }
}


static void
ngx_ess_amqp_reader_end(ngx_ess_amqp_reader_t *reader, ngx_int_t rc)
{
    const ngx_ess_amqp_reader_handlers_t  *handlers;

    handlers = reader->handlers;

    /* the reader must not be used afterwards, but for its address */

    handlers->ended(reader, rc);

    ngx_ess_amqp_reader_close(reader);
}


void
ngx_ess_amqp_reader_close(ngx_ess_amqp_reader_t *reader)
{
    ngx_ess_amqp_channel_close(reader->channel);
    reader->channel = NULL;

    if (!reader->busy) {
        ngx_ess_amqp_reader_free(reader);
    }
}


static void
ngx_ess_amqp_reader_free(ngx_ess_amqp_reader_t *reader)
{
    ngx_queue_remove(&reader->queue);
    ngx_free(reader);
}
