
/*
 * $ess_queue and the like: what a message says, in the request that it became
 * and its subrequests; in any other request, and where it is no header's value,
 * they are not found.  Evaluated in a worker.
 */


#include "ngx_ess_consume_request.h"
#include "ngx_ess_consume_variables.h"
#include "ngx_ess_header.h"


static ngx_int_t ngx_ess_consume_variables_queue(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_ess_consume_variables_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_ess_consume_variables_property(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_ess_consume_variables_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_ess_consume_variables_value(ngx_http_variable_value_t *v,
    ngx_str_t *text);


/* numbers */

#define NGX_ESS_CONSUME_VARIABLES_TIMESTAMP    0
#define NGX_ESS_CONSUME_VARIABLES_REDELIVERED  1
#define NGX_ESS_CONSUME_VARIABLES_ATTEMPT      2


ngx_http_variable_t  ngx_ess_consume_variables[] = {

    { ngx_string("ess_queue"), NULL, ngx_ess_consume_variables_queue,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_exchange"), NULL, ngx_ess_consume_variables_text,
      offsetof(ngx_ess_consume_message_t, exchange),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_routing_key"), NULL, ngx_ess_consume_variables_text,
      offsetof(ngx_ess_consume_message_t, key),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_message_id"), NULL, ngx_ess_consume_variables_property,
      AMQP_BASIC_MESSAGE_ID_FLAG,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_correlation_id"), NULL,
      ngx_ess_consume_variables_property,
      AMQP_BASIC_CORRELATION_ID_FLAG,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_reply_to"), NULL, ngx_ess_consume_variables_property,
      AMQP_BASIC_REPLY_TO_FLAG,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_type"), NULL, ngx_ess_consume_variables_property,
      AMQP_BASIC_TYPE_FLAG,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_app_id"), NULL, ngx_ess_consume_variables_property,
      AMQP_BASIC_APP_ID_FLAG,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_timestamp"), NULL, ngx_ess_consume_variables_number,
      NGX_ESS_CONSUME_VARIABLES_TIMESTAMP, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_redelivered"), NULL, ngx_ess_consume_variables_number,
      NGX_ESS_CONSUME_VARIABLES_REDELIVERED, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("ess_attempt"), NULL, ngx_ess_consume_variables_number,
      NGX_ESS_CONSUME_VARIABLES_ATTEMPT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_ess_consume_variables_queue(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_ess_consume_message_t  *msg;

    msg = ngx_ess_consume_request_message(r);

    return ngx_ess_consume_variables_value(v, msg ? &msg->queue->name : NULL);
}


static ngx_int_t
ngx_ess_consume_variables_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_ess_consume_message_t  *msg;

    msg = ngx_ess_consume_request_message(r);

    return ngx_ess_consume_variables_value(v, msg ? (ngx_str_t *)
                                                    ((u_char *) msg + data)
                                                  : NULL);
}


static ngx_int_t
ngx_ess_consume_variables_property(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                   text;
    ngx_ess_consume_message_t  *msg;

    msg = ngx_ess_consume_request_message(r);

    if (msg) {
        text = ngx_ess_consume_message_property(msg, (amqp_flags_t) data);
    }

    return ngx_ess_consume_variables_value(v, msg ? &text : NULL);
}


static ngx_int_t
ngx_ess_consume_variables_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    uint64_t                    n;
    ngx_str_t                   text;
    ngx_ess_consume_message_t  *msg;

    msg = ngx_ess_consume_request_message(r);

    if (msg == NULL
        || (data == NGX_ESS_CONSUME_VARIABLES_TIMESTAMP
            && !(msg->properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG)))
    {
        return ngx_ess_consume_variables_value(v, NULL);
    }

    n = (data == NGX_ESS_CONSUME_VARIABLES_TIMESTAMP)
        ? msg->properties->timestamp
        : (data == NGX_ESS_CONSUME_VARIABLES_ATTEMPT) ? msg->attempts
                                                      : msg->redelivered;

    text.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    text.len = ngx_sprintf(text.data, "%uL", n) - text.data;

    return ngx_ess_consume_variables_value(v, &text);
}


static ngx_int_t
ngx_ess_consume_variables_value(ngx_http_variable_value_t *v, ngx_str_t *text)
{
    if (text == NULL || text->len == 0
        || !ngx_ess_header_is_clean(text->data, text->len))
    {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = text->data;
    v->len = text->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
