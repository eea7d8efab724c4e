
/*
 * The directive ess_rpc: which queue a location calls.  It is the
 * configuration's.  Runs in the master.
 */


#include "ngx_ess_call_conf.h"
#include "ngx_ess_call.h"
#include "ngx_ess_str.h"
#include "ngx_ess_conf_serve.h"


#define NGX_ESS_CALL_CONF_TIMEOUT  5000
#define NGX_ESS_CALL_CONF_MAX      1024
#define NGX_ESS_CALL_CONF_REPLY    (1024 * 1024)

/* bytes for the sizes of chunks, with which a body is read */
#define NGX_ESS_CALL_CONF_CHUNKS   (64 * 1024)


static const char *ngx_ess_call_conf_queues(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_call_conf_exchange(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static ngx_ess_call_conf_t *ngx_ess_call_conf_create(ngx_conf_t *cf);
static char *ngx_ess_call_conf_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *data, ngx_str_t *value);
static char *ngx_ess_call_conf_init(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_call_conf_t *conf);


static const ngx_ess_param_t  ngx_ess_call_conf_params[] = {

    { ngx_string("queues"), ngx_ess_call_conf_queues,
      offsetof(ngx_ess_call_conf_t, queues), 0, 0,
      "names of queues with commas between them, such as "
      "\"queues=test,db\", none of \"amq.\" or \"ess.\"", NULL },

    { ngx_string("timeout"), ngx_ess_param_msec,
      offsetof(ngx_ess_call_conf_t, timeout), 1, 600000,
      "a time from 1ms to 10m", NULL },

    { ngx_string("pack"), ngx_ess_param_enum,
      offsetof(ngx_ess_call_conf_t, pack), 0, 0,
      "\"gzip\" or \"none\"", ngx_ess_rpc_conf_packs },

    { ngx_string("unpack"), ngx_ess_param_enum,
      offsetof(ngx_ess_call_conf_t, unpack), 0, 0,
      "\"auto\", \"gzip\" or \"none\"", ngx_ess_rpc_conf_unpacks },

    { ngx_string("exchange"), ngx_ess_call_conf_exchange,
      offsetof(ngx_ess_call_conf_t, exchange), 0, 0,
      "the name of an exchange, of 1 to 255 bytes, without \"$\"", NULL },

    { ngx_string("max"), ngx_ess_param_number,
      offsetof(ngx_ess_call_conf_t, max), 1, 1000000,
      "a number of calls from 1 to 1000000", NULL },

    { ngx_string("max_reply"), ngx_ess_param_size,
      offsetof(ngx_ess_call_conf_t, max_reply), 1, NGX_ESS_RPC_MAX_BODY,
      "a size from 1 to 64m", NULL },

    ngx_ess_null_param
};


char *
ngx_ess_call_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_ess_loc_conf_t  *lcf = data;

    char                 *rv;
    ngx_ess_call_conf_t  *conf;

    conf = ngx_ess_call_conf_create(cf);
    if (conf == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_ess_param_others(cf, cmd, conf, ngx_ess_call_conf_params, 0,
                              ngx_ess_call_conf_queue);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_ess_call_conf_init(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    lcf->call = conf;

    return ngx_ess_conf_serve(cf, cmd, lcf, ngx_ess_call_handler);
}


static ngx_ess_call_conf_t *
ngx_ess_call_conf_create(ngx_conf_t *cf)
{
    ngx_ess_rpc_conf_t    *rpc;
    ngx_ess_call_conf_t   *conf, **call;

    rpc = ngx_ess_rpc_conf(cf);
    if (rpc == NULL) {
        return NULL;
    }

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_call_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->queue = NULL;
     *     conf->queues = NULL;
     *     conf->exchange = 0;
     *     conf->max_body = 0;
     */

    conf->timeout = NGX_ESS_CALL_CONF_TIMEOUT;
    conf->pack = NGX_ESS_RPC_NONE;
    conf->unpack = NGX_ESS_RPC_AUTO;
    conf->max = NGX_ESS_CALL_CONF_MAX;
    conf->max_reply = NGX_ESS_CALL_CONF_REPLY;
    conf->number = rpc->calls.nelts;

    call = ngx_array_push(&rpc->calls);
    if (call == NULL) {
        return NULL;
    }

    *call = conf;

    return conf;
}


static const char *
ngx_ess_call_conf_queues(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_str_t             list, item, *queue;
    ngx_ess_call_conf_t  *conf;

    conf = ctx->conf;

    conf->queues = ngx_array_create(ctx->cf->pool, 4, sizeof(ngx_str_t));
    if (conf->queues == NULL) {
        return "given memory";
    }

    list = *value;

    do {
        if (!ngx_ess_str_cut(&list, ',', &item)) {
            ngx_str_null(&list);
        }

        if (!ngx_ess_rpc_conf_queue(&item)
            || ngx_strlchr(item.data, item.data + item.len, '$'))
        {
            return param->expected;
        }

        queue = ngx_array_push(conf->queues);
        if (queue == NULL) {
            return "given memory";
        }

        *queue = item;

    } while (list.data);

    return NULL;
}


static const char *
ngx_ess_call_conf_exchange(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_str_t            *exchange;
    ngx_uint_t            i;
    ngx_ess_rpc_conf_t   *rpc;
    ngx_ess_call_conf_t  *conf;

    if (value->len == 0 || value->len > NGX_ESS_MAX_KEY
        || ngx_strlchr(value->data, value->data + value->len, '$'))
    {
        return param->expected;
    }

    conf = ctx->conf;

    rpc = ngx_ess_rpc_conf(ctx->cf);
    exchange = rpc->exchanges.elts;

    for (i = 0; i < rpc->exchanges.nelts; i++) {

        if (ngx_ess_str_equal(&exchange[i], value)) {
            conf->exchange = i;
            return NULL;
        }
    }

    exchange = ngx_array_push(&rpc->exchanges);
    if (exchange == NULL) {
        return "given memory";
    }

    *exchange = *value;
    conf->exchange = i;

    return NULL;
}


/* A word that is no parameter. */

static char *
ngx_ess_call_conf_queue(ngx_conf_t *cf, ngx_command_t *cmd, void *data,
    ngx_str_t *value)
{
    ngx_ess_call_conf_t *conf = data;

    if (conf->queue || value->len == 0
        || ngx_strlchr(value->data, value->data + value->len, '='))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid parameter \"%V\", it takes "
                           "one queue, without \"=\", and \"queues=\", "
                           "\"timeout=\", \"pack=\", \"unpack=\", "
                           "\"exchange=\", \"max=\" and \"max_reply=\"",
                           &cmd->name, value);
        return NGX_CONF_ERROR;
    }

    return (ngx_ess_param_complex(cf, value, &conf->queue) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_ess_call_conf_init(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_call_conf_t *conf)
{
    if (conf->queue == NULL) {
        return "needs a queue, as in \"ess_rpc orders;\"";
    }

    if (conf->queue->lengths) {

        if (conf->queues == NULL) {
            return "has a queue with variables, and needs \"queues=\" with "
                   "the names that it may have, such as \"queues=test,db\": "
                   "otherwise whoever reaches it could write into any queue";
        }

        return NGX_CONF_OK;
    }

    if (!ngx_ess_rpc_conf_queue(&conf->queue->value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid queue \"%V\", it must be "
                           NGX_ESS_RPC_CONF_QUEUE, &cmd->name,
                           &conf->queue->value);
        return NGX_CONF_ERROR;
    }

    if (conf->queues) {
        return "has \"queues=\", which only a queue with variables takes";
    }

    return NGX_CONF_OK;
}


/* So that no body is written to a file on its way: nginx itself ends one that
   is larger, however it comes. */

void
ngx_ess_call_conf_merge(ngx_http_core_loc_conf_t *clcf,
    ngx_ess_call_conf_t *call)
{
    call->max_body = ngx_ess_rpc_conf_max_body(clcf);

    clcf->client_max_body_size = call->max_body;
    clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                            call->max_body
                                            + NGX_ESS_CALL_CONF_CHUNKS);
}


ngx_int_t
ngx_ess_call_conf_check(ngx_conf_t *cf, ngx_ess_rpc_conf_t *conf)
{
    ngx_uint_t             i;
    ngx_ess_call_conf_t  **call;

    call = conf->calls.elts;

    for (i = 0; i < conf->calls.nelts; i++) {
        conf->max_reply = ngx_max(conf->max_reply, call[i]->max_reply);
    }

    return NGX_OK;
}
