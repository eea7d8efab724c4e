
/*
 * A response becomes a message to the address that the caller gave, packed in
 * slices where that is wanted, and confirmed by the broker.  All memory is the
 * message's.  Runs in a worker.
 */


#include "ngx_ess_consume_door.h"
#include "ngx_ess_consume_reply.h"
#include "ngx_ess_problem.h"


#define NGX_ESS_CONSUME_REPLY_STATUS  "http_status"


typedef struct {
    const char              *why;           /* the last one has none */
    ngx_uint_t               status;
    ngx_str_t                body;
} ngx_ess_consume_reply_refusal_t;


static ngx_int_t ngx_ess_consume_reply_response(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req);
static ngx_int_t ngx_ess_consume_reply_problem(ngx_ess_consume_message_t *msg);
static ngx_int_t ngx_ess_consume_reply_send(ngx_ess_consume_message_t *msg,
    ngx_uint_t status, const char *type);
static ngx_int_t ngx_ess_consume_reply_pack(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_reply_slice(ngx_event_t *ev);
static void ngx_ess_consume_reply_publish(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_reply_confirmed(ngx_ess_rpc_publish_t *pub,
    ngx_int_t rc, ngx_str_t *text);


/* what is said when there is no response, JSON by itself */

static ngx_str_t  ngx_ess_consume_reply_timeout = ngx_string(
    "{\"type\":\"about:blank\",\"title\":\"Gateway Timeout\",\"status\":504,"
    "\"detail\":\"the application did not answer in time\"}");

static ngx_str_t  ngx_ess_consume_reply_large = ngx_string(
    "{\"type\":\"about:blank\",\"title\":\"Bad Gateway\",\"status\":502,"
    "\"detail\":\"the application's answer is larger than the server takes "
    "(max_reply)\"}");

static ngx_str_t  ngx_ess_consume_reply_broken = ngx_string(
    "{\"type\":\"about:blank\",\"title\":\"Bad Gateway\",\"status\":502,"
    "\"detail\":\"the application did not answer, or broke off in the middle "
    "of its answer\"}");


static ngx_ess_consume_reply_refusal_t  ngx_ess_consume_reply_refusals[] = {

    { NGX_ESS_CONSUME_WHY_TOO_LARGE, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
      ngx_string("{\"type\":\"about:blank\",\"title\":\"Content Too Large\","
                 "\"status\":413,\"detail\":\"the message's body is larger "
                 "than the server takes (client_max_body_size)\"}") },

    { NGX_ESS_CONSUME_WHY_INFLATE, NGX_HTTP_BAD_REQUEST,
      ngx_string("{\"type\":\"about:blank\",\"title\":\"Bad Request\","
                 "\"status\":400,\"detail\":\"the message's body is not gzip, "
                 "or is damaged\"}") },

    { NULL, NGX_HTTP_BAD_REQUEST,
      ngx_string("{\"type\":\"about:blank\",\"title\":\"Bad Request\","
                 "\"status\":400,\"detail\":\"the server can make no address "
                 "of the message's properties (uri)\"}") }
};


ngx_int_t
ngx_ess_consume_reply(ngx_ess_consume_message_t *msg, ngx_ess_request_t *req)
{
    amqp_basic_properties_t  *p;

    p = &msg->published;

    ngx_memzero(p, sizeof(amqp_basic_properties_t));

    if (((msg->end == NGX_ESS_REQUEST_DONE && msg->status)
         ? ngx_ess_consume_reply_response(msg, req)
         : ngx_ess_consume_reply_problem(msg))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_ess_consume_reply_send(msg, msg->status,
                                    (msg->status < 500) ? "result" : "error");
}


ngx_int_t
ngx_ess_consume_reply_refusal(ngx_ess_consume_message_t *msg)
{
    ngx_uint_t                       i;
    amqp_basic_properties_t         *p;
    ngx_ess_consume_reply_refusal_t *refusal;

    p = &msg->published;

    ngx_memzero(p, sizeof(amqp_basic_properties_t));

    refusal = ngx_ess_consume_reply_refusals;

    for (i = 0; refusal[i].why; i++) {

        if (ngx_strcmp(refusal[i].why, msg->why) == 0) {
            break;
        }
    }

    msg->publish.body = refusal[i].body;

    p->_flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
    p->content_type = amqp_cstring_bytes(NGX_ESS_PROBLEM_TYPE);

    return ngx_ess_consume_reply_send(msg, refusal[i].status, "error");
}


/* With the caller's correlation id; what else it is made of is set. */

static ngx_int_t
ngx_ess_consume_reply_send(ngx_ess_consume_message_t *msg, ngx_uint_t status,
    const char *type)
{
    amqp_basic_properties_t  *p;

    p = &msg->published;

    p->_flags |= AMQP_BASIC_TYPE_FLAG|AMQP_BASIC_HEADERS_FLAG;
    p->type = amqp_cstring_bytes(type);

    msg->reply_header.key = amqp_cstring_bytes(NGX_ESS_CONSUME_REPLY_STATUS);
    msg->reply_header.value.kind = AMQP_FIELD_KIND_I32;
    msg->reply_header.value.value.i32 = (int32_t) status;

    p->headers.num_entries = 1;
    p->headers.entries = &msg->reply_header;

    if (msg->properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) {
        p->_flags |= AMQP_BASIC_CORRELATION_ID_FLAG;
        p->correlation_id = msg->properties->correlation_id;
    }

    if (msg->queue->consume->pack == NGX_ESS_RPC_GZIP
        && !(p->_flags & AMQP_BASIC_CONTENT_ENCODING_FLAG))
    {
        return ngx_ess_consume_reply_pack(msg);
    }

    ngx_ess_consume_reply_publish(msg);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_consume_reply_response(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req)
{
    ngx_str_t                 type;
    amqp_basic_properties_t  *p;

    p = &msg->published;

    msg->publish.body.len = req->body.len;
    msg->publish.body.data = ngx_pnalloc(msg->pool,
                                         req->body.len + req->type.len + 1);

    if (msg->publish.body.data == NULL) {
        return NGX_ERROR;
    }

    if (req->body.len) {
        ngx_memcpy(msg->publish.body.data, req->body.data, req->body.len);
    }

    type.data = msg->publish.body.data + req->body.len;
    type.len = req->type.len;

    if (type.len) {
        ngx_memcpy(type.data, req->type.data, type.len);
    }

    if (type.len && type.len <= NGX_ESS_MAX_KEY) {
        p->_flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
        p->content_type = ngx_ess_consume_message_bytes(&type);
    }

    if (msg->coding.len) {
        p->_flags |= AMQP_BASIC_CONTENT_ENCODING_FLAG;
        p->content_encoding = ngx_ess_consume_message_bytes(&msg->coding);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_consume_reply_problem(ngx_ess_consume_message_t *msg)
{
    amqp_basic_properties_t  *p;

    p = &msg->published;

    if (msg->end == NGX_ESS_REQUEST_TIMEOUT) {
        msg->status = NGX_HTTP_GATEWAY_TIME_OUT;
        msg->publish.body = ngx_ess_consume_reply_timeout;

    } else {
        msg->status = NGX_HTTP_BAD_GATEWAY;
        msg->publish.body = (msg->end == NGX_ESS_REQUEST_TOO_LARGE)
                            ? ngx_ess_consume_reply_large
                            : ngx_ess_consume_reply_broken;
    }

    p->_flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
    p->content_type = amqp_cstring_bytes(NGX_ESS_PROBLEM_TYPE);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_consume_reply_pack(ngx_ess_consume_message_t *msg)
{
    msg->gzip = ngx_ess_gzip_create(&msg->publish.body, msg->log);
    if (msg->gzip == NULL) {
        return NGX_ERROR;
    }

    msg->published._flags |= AMQP_BASIC_CONTENT_ENCODING_FLAG;
    msg->published.content_encoding = amqp_cstring_bytes("gzip");

    msg->state = NGX_ESS_CONSUME_PACKING;
    msg->event.handler = ngx_ess_consume_reply_slice;

    ngx_post_event(&msg->event, &ngx_posted_events);

    return NGX_OK;
}


static void
ngx_ess_consume_reply_slice(ngx_event_t *ev)
{
    ngx_int_t                   rc;
    ngx_str_t                   text;
    ngx_ess_consume_message_t  *msg;

    msg = ev->data;
    rc = ngx_ess_gzip_step(msg->gzip);

    if (rc == NGX_AGAIN) {
        ngx_post_event(ev, &ngx_posted_next_events);
        return;
    }

    if (rc != NGX_OK) {
        ngx_str_set(&text, "no memory");
        msg->settled(msg, NGX_ABORT, &text);
        return;
    }

    ngx_ess_gzip_text(msg->gzip, &msg->publish.body);

    ngx_ess_consume_reply_publish(msg);
}


static void
ngx_ess_consume_reply_publish(ngx_ess_consume_message_t *msg)
{
    ngx_ess_rpc_publish_t  *pub;

    msg->state = NGX_ESS_CONSUME_REPLYING;

    pub = &msg->publish;
    pub->handler = ngx_ess_consume_reply_confirmed;
    pub->data = msg;
    pub->queue = ngx_ess_consume_message_property(msg,
                                                  AMQP_BASIC_REPLY_TO_FLAG);
    pub->properties = &msg->published;

    /* RabbitMQ gives back as unroutable what goes to a caller's channel, and
       delivers it */

    pub->mandatory = !ngx_ess_consume_door_direct(&pub->queue);

    msg->in_flight = 1;

    ngx_ess_rpc_publisher_publish(pub);
}


static void
ngx_ess_consume_reply_confirmed(ngx_ess_rpc_publish_t *pub, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_consume_message_t  *msg;

    msg = pub->data;
    msg->in_flight = 0;

    msg->settled(msg, rc, text);
}
