
/*
 * Readers of RabbitMQ streams.  A reader belongs to who opened it until it is
 * closed; then it stays for as long as an operation of it is under way.  Runs
 * in a worker.
 */


#include "ngx_ess_amqp_reader.h"
#include "ngx_ess_amqp_property.h"


#define NGX_ESS_AMQP_READER_TAG       "ess"
#define NGX_ESS_AMQP_READER_SYNC_TAG  "ess-1"


static void ngx_ess_amqp_reader_qos(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_amqp_reader_consume(ngx_ess_amqp_reader_t *reader,
    const char *tag);
static void ngx_ess_amqp_reader_cancel(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_amqp_reader_op(ngx_ess_amqp_reader_t *reader);
static void ngx_ess_amqp_reader_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_amqp_reader_next(ngx_ess_amqp_reader_t *reader);
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
    amqp_field_value_t     *offset;
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
    reader->prefetch = prefetch;
    reader->len = stream->len;
    ngx_memcpy(reader->name, stream->data, stream->len);

    reader->argument.key = amqp_cstring_bytes("x-stream-offset");
    offset = &reader->argument.value;

    switch (from) {

    case NGX_ESS_AMQP_READER_OFFSET:
        offset->kind = AMQP_FIELD_KIND_I64;
        offset->value.i64 = (int64_t) value;
        break;

    case NGX_ESS_AMQP_READER_TIMESTAMP:
        offset->kind = AMQP_FIELD_KIND_TIMESTAMP;
        offset->value.u64 = value;
        break;

    default: /* NGX_ESS_AMQP_READER_LAST */
        offset->kind = AMQP_FIELD_KIND_UTF8;
        offset->value.bytes = amqp_cstring_bytes("last");
    }

    ngx_queue_insert_tail(readers, &reader->queue);

    ngx_ess_amqp_reader_qos(reader);

    return reader;
}


/* A stream takes no consumer without it, nor with a global one. */

static void
ngx_ess_amqp_reader_qos(ngx_ess_amqp_reader_t *reader)
{
    amqp_basic_qos_t  *qos;

    qos = ngx_ess_amqp_op_init(&reader->op, AMQP_BASIC_QOS_METHOD,
                               ngx_ess_amqp_reader_answered, reader);

    qos->prefetch_count = (uint16_t) reader->prefetch;

    ngx_ess_amqp_reader_op(reader);
}


static void
ngx_ess_amqp_reader_consume(ngx_ess_amqp_reader_t *reader, const char *tag)
{
    amqp_basic_consume_t  *consume;

    consume = ngx_ess_amqp_op_init(&reader->op, AMQP_BASIC_CONSUME_METHOD,
                                   ngx_ess_amqp_reader_answered, reader);

    consume->queue.bytes = reader->name;
    consume->queue.len = reader->len;
    consume->consumer_tag = amqp_cstring_bytes(tag);
    consume->arguments.num_entries = 1;
    consume->arguments.entries = &reader->argument;

    ngx_ess_amqp_reader_op(reader);
}


static void
ngx_ess_amqp_reader_cancel(ngx_ess_amqp_reader_t *reader)
{
    amqp_basic_cancel_t  *cancel;

    cancel = ngx_ess_amqp_op_init(&reader->op, AMQP_BASIC_CANCEL_METHOD,
                                  ngx_ess_amqp_reader_answered, reader);

    cancel->consumer_tag = amqp_cstring_bytes(NGX_ESS_AMQP_READER_SYNC_TAG);

    ngx_ess_amqp_reader_op(reader);
}


static void
ngx_ess_amqp_reader_op(ngx_ess_amqp_reader_t *reader)
{
    reader->busy = 1;

    ngx_ess_amqp_op(reader->channel, &reader->op);
}


static void
ngx_ess_amqp_reader_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc, void *reply,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_amqp_reader_t  *reader;

    reader = op->data;
    reader->busy = 0;

    if (reader->channel == NULL) {
        ngx_ess_amqp_reader_free(reader);
        return;
    }

    if (rc == NGX_OK) {
        ngx_ess_amqp_reader_next(reader);
        return;
    }

    if (rc == NGX_DECLINED
        && (code != AMQP_NOT_FOUND || !ngx_ess_amqp_reader_missing(text)))
    {
        ngx_ess_amqp_trouble_once(reader->session, NGX_LOG_ERR,
                                  "broker refused a reader of a stream", code,
                                  text);
        rc = NGX_ERROR;
    }

    ngx_ess_amqp_reader_end(reader, rc);
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


/* The method was answered. */

static void
ngx_ess_amqp_reader_next(ngx_ess_amqp_reader_t *reader)
{
    switch (reader->op.method) {

    case AMQP_BASIC_QOS_METHOD:

        if (!reader->syncing) {
            ngx_ess_amqp_reader_consume(reader, NGX_ESS_AMQP_READER_TAG);
            return;
        }

        reader->syncing = 0;

        /* with what the second consumer got: nobody else would */

        (void) ngx_ess_amqp_reader_ack(reader);

        reader->handlers->synced(reader);
        return;

    case AMQP_BASIC_CONSUME_METHOD:

        if (reader->syncing) {
            ngx_ess_amqp_reader_cancel(reader);

        } else {
            reader->handlers->started(reader);
        }

        return;

    default: /* AMQP_BASIC_CANCEL_METHOD */
        ngx_ess_amqp_reader_qos(reader);
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
    reader->syncing = 1;
    reader->argument.value.kind = AMQP_FIELD_KIND_UTF8;
    reader->argument.value.value.bytes = amqp_cstring_bytes("next");

    ngx_ess_amqp_reader_consume(reader, NGX_ESS_AMQP_READER_SYNC_TAG);
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

    while (!ngx_queue_empty(readers)) {
        q = ngx_queue_head(readers);
        reader = ngx_queue_data(q, ngx_ess_amqp_reader_t, queue);

        if (reader->channel) {
            reader->handlers->ended(reader, NGX_ABORT);
        }

        ngx_ess_amqp_reader_free(reader);
    }
}


static void
ngx_ess_amqp_reader_end(ngx_ess_amqp_reader_t *reader, ngx_int_t rc)
{
    /* its user must not use it afterwards, but for its address */

    reader->handlers->ended(reader, rc);

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
