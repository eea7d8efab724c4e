
/*
 * The directive ess_consume: which queues, and what is done with a message.  It
 * is the configuration's.  Runs in the master.
 */


#include "ngx_ess_consume_conf.h"
#include "ngx_ess_str.h"


#define NGX_ESS_CONSUME_CONF_CONCURRENCY  16
#define NGX_ESS_CONSUME_CONF_TIMEOUT      60000
#define NGX_ESS_CONSUME_CONF_REPLY        (1024 * 1024)
#define NGX_ESS_CONSUME_CONF_RETRIES      3
#define NGX_ESS_CONSUME_CONF_DELAY        1000

/* a broker's channels, less what others take */
#define NGX_ESS_CONSUME_CONF_QUEUES       1000

/* ms: RabbitMQ closes the channel of a delivery that is not settled for half an
   hour; a response may ask for a delay of 5 minutes before each retry */
#define NGX_ESS_CONSUME_CONF_HELD         (25 * 60 * 1000)
#define NGX_ESS_CONSUME_CONF_LONGEST      (5 * 60 * 1000)


static const char *ngx_ess_consume_conf_uri(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_consume_conf_method(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_consume_conf_dead(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_consume_conf_reply(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static ngx_ess_consume_conf_t *ngx_ess_consume_conf_create(ngx_conf_t *cf);
static char *ngx_ess_consume_conf_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *data, ngx_str_t *name);
static char *ngx_ess_consume_conf_init(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_consume_conf_t *conf);


static ngx_conf_enum_t  ngx_ess_consume_conf_declares[] = {
    { ngx_string("passive"), NGX_ESS_CONSUME_PASSIVE },
    { ngx_string("durable"), NGX_ESS_CONSUME_DURABLE },
    { ngx_string("transient"), NGX_ESS_CONSUME_TRANSIENT },
    { ngx_null_string, 0 }
};


/* those with which a response has a body */
static ngx_str_t  ngx_ess_consume_conf_methods[] = {
    ngx_string("POST"),
    ngx_string("PUT"),
    ngx_string("PATCH"),
    ngx_string("GET"),
    ngx_string("DELETE"),
    ngx_null_string
};


static const ngx_ess_param_t  ngx_ess_consume_conf_params[] = {

    { ngx_string("uri"), ngx_ess_consume_conf_uri,
      offsetof(ngx_ess_consume_conf_t, uri), 0, 0,
      "a path that begins with \"/\" or a variable, such as "
      "\"/rpc/$ess_queue\"", NULL },

    { ngx_string("method"), ngx_ess_consume_conf_method,
      offsetof(ngx_ess_consume_conf_t, method), 0, 0,
      "POST, PUT, PATCH, GET or DELETE", NULL },

    { ngx_string("concurrency"), ngx_ess_param_number,
      offsetof(ngx_ess_consume_conf_t, concurrency), 1, 1024,
      "a number of messages from 1 to 1024", NULL },

    { ngx_string("declare"), ngx_ess_param_enum,
      offsetof(ngx_ess_consume_conf_t, declare), 0, 0,
      "\"passive\", \"durable\" or \"transient\"",
      ngx_ess_consume_conf_declares },

    { ngx_string("unpack"), ngx_ess_param_enum,
      offsetof(ngx_ess_consume_conf_t, unpack), 0, 0,
      "\"auto\", \"gzip\" or \"none\"", ngx_ess_rpc_conf_unpacks },

    { ngx_string("pack"), ngx_ess_param_enum,
      offsetof(ngx_ess_consume_conf_t, pack), 0, 0,
      "\"gzip\" or \"none\"", ngx_ess_rpc_conf_packs },

    { ngx_string("timeout"), ngx_ess_param_msec,
      offsetof(ngx_ess_consume_conf_t, timeout), 1, 600000,
      "a time from 1ms to 10m", NULL },

    { ngx_string("max_reply"), ngx_ess_param_size,
      offsetof(ngx_ess_consume_conf_t, max_reply), 1, NGX_ESS_RPC_MAX_BODY,
      "a size from 1 to 64m", NULL },

    { ngx_string("retries"), ngx_ess_param_number,
      offsetof(ngx_ess_consume_conf_t, retries), 0, 100,
      "a number from 0 to 100", NULL },

    { ngx_string("retry_delay"), ngx_ess_param_msec,
      offsetof(ngx_ess_consume_conf_t, retry_delay), 1, 60000,
      "a time from 1ms to 1m", NULL },

    { ngx_string("dead"), ngx_ess_consume_conf_dead,
      offsetof(ngx_ess_consume_conf_t, dead), 0, 0,
      NGX_ESS_RPC_CONF_QUEUE, NULL },

    { ngx_string("reply"), ngx_ess_consume_conf_reply,
      offsetof(ngx_ess_consume_conf_t, reply), 0, 0,
      "the name of a queue that is answered, or the beginning of such names "
      "with \"*\" behind it, not of \"ess.\"", NULL },

    ngx_ess_null_param
};

/* the last one may come several times */
#define NGX_ESS_CONSUME_CONF_MANY                                             \
    ((ngx_uint_t) 1 << (sizeof(ngx_ess_consume_conf_params)                   \
                        / sizeof(ngx_ess_param_t) - 2))


char *
ngx_ess_consume_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *lcf)
{
    char                    *rv;
    ngx_ess_consume_conf_t  *conf;

    conf = ngx_ess_consume_conf_create(cf);
    if (conf == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_ess_param_others(cf, cmd, conf, ngx_ess_consume_conf_params,
                              NGX_ESS_CONSUME_CONF_MANY,
                              ngx_ess_consume_conf_queue);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_ess_consume_conf_init(cf, cmd, conf);
}


static ngx_ess_consume_conf_t *
ngx_ess_consume_conf_create(ngx_conf_t *cf)
{
    ngx_ess_consume_conf_t    *conf;
    ngx_http_core_srv_conf_t  *cscf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_consume_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->uri = NULL;
     *     conf->dead = { 0, NULL };
     *     conf->reply = NULL;
     *     conf->sac = 0;
     */

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    conf->ctx = cscf->ctx;
    conf->location = ngx_http_conf_get_module_loc_conf(cf,
                                                       ngx_http_core_module);

    ngx_str_set(&conf->method, "POST");
    conf->concurrency = NGX_ESS_CONSUME_CONF_CONCURRENCY;
    conf->declare = NGX_ESS_CONSUME_PASSIVE;
    conf->unpack = NGX_ESS_RPC_AUTO;
    conf->pack = NGX_ESS_RPC_NONE;
    conf->timeout = NGX_ESS_CONSUME_CONF_TIMEOUT;
    conf->max_reply = NGX_ESS_CONSUME_CONF_REPLY;
    conf->retries = NGX_ESS_CONSUME_CONF_RETRIES;
    conf->retry_delay = NGX_ESS_CONSUME_CONF_DELAY;

    return conf;
}


static const char *
ngx_ess_consume_conf_uri(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_ess_consume_conf_t  *conf;

    if (value->len == 0 || (value->data[0] != '/' && value->data[0] != '$')) {
        return param->expected;
    }

    conf = ctx->conf;

    return (ngx_ess_param_complex(ctx->cf, value, &conf->uri) == NGX_OK)
           ? NULL : param->expected;
}


static const char *
ngx_ess_consume_conf_method(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_str_t               *method;
    ngx_ess_consume_conf_t  *conf;

    conf = ctx->conf;

    for (method = ngx_ess_consume_conf_methods; method->len; method++) {

        if (ngx_ess_str_equal(method, value)) {
            conf->method = *method;
            return NULL;
        }
    }

    return param->expected;
}


static const char *
ngx_ess_consume_conf_dead(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_ess_consume_conf_t  *conf;

    if (!ngx_ess_rpc_conf_queue(value)) {
        return param->expected;
    }

    conf = ctx->conf;
    conf->dead = *value;

    return NULL;
}


static const char *
ngx_ess_consume_conf_reply(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    u_char                  *star;
    ngx_str_t               *pattern;
    ngx_ess_consume_conf_t  *conf;

    star = ngx_strlchr(value->data, value->data + value->len, '*');

    if (value->len == 0 || value->len > NGX_ESS_MAX_KEY
        || (star && star != value->data + value->len - 1)
        || (value->len >= 4 && ngx_memcmp(value->data, "ess.", 4) == 0))
    {
        return param->expected;
    }

    conf = ctx->conf;

    if (conf->reply == NULL) {
        conf->reply = ngx_array_create(ctx->cf->pool, 2, sizeof(ngx_str_t));
        if (conf->reply == NULL) {
            return "given memory";
        }
    }

    pattern = ngx_array_push(conf->reply);
    if (pattern == NULL) {
        return "given memory";
    }

    *pattern = *value;

    return NULL;
}


/* A word that is no parameter. */

static char *
ngx_ess_consume_conf_queue(ngx_conf_t *cf, ngx_command_t *cmd, void *data,
    ngx_str_t *name)
{
    ngx_ess_consume_conf_t *conf = data;

    ngx_uint_t                     i;
    ngx_ess_rpc_conf_t            *rpc;
    ngx_ess_consume_conf_queue_t  *queue;

    if (ngx_strcmp(name->data, "sac") == 0) {
        conf->sac = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strlchr(name->data, name->data + name->len, '=')
        || ngx_strlchr(name->data, name->data + name->len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid parameter \"%V\", it takes "
                           "names of queues, without \"=\" and \"$\", and "
                           "\"uri=\", \"method=\", \"concurrency=\", "
                           "\"declare=\", \"unpack=\", \"pack=\", "
                           "\"timeout=\", \"max_reply=\", \"retries=\", "
                           "\"retry_delay=\", \"dead=\", \"reply=\" and "
                           "\"sac\"", &cmd->name, name);
        return NGX_CONF_ERROR;
    }

    if (!ngx_ess_rpc_conf_queue(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid queue \"%V\", it must be "
                           NGX_ESS_RPC_CONF_QUEUE, &cmd->name, name);
        return NGX_CONF_ERROR;
    }

    rpc = ngx_ess_rpc_conf(cf);
    if (rpc == NULL) {
        return NGX_CONF_ERROR;
    }

    queue = rpc->queues.elts;

    for (i = 0; i < rpc->queues.nelts; i++) {

        if (ngx_ess_str_equal(&queue[i].name, name)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" consumes the queue \"%V\" a second "
                               "time: name each queue once", &cmd->name, name);
            return NGX_CONF_ERROR;
        }
    }

    if (rpc->queues.nelts == NGX_ESS_CONSUME_CONF_QUEUES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": there are more than %d queues to be "
                           "consumed, as many as a connection to the broker "
                           "has channels for", &cmd->name,
                           NGX_ESS_CONSUME_CONF_QUEUES);
        return NGX_CONF_ERROR;
    }

    queue = ngx_array_push(&rpc->queues);
    if (queue == NULL) {
        return NGX_CONF_ERROR;
    }

    queue->name = *name;
    queue->consume = conf;
    queue->figures = 0;

    return NGX_CONF_OK;
}


static char *
ngx_ess_consume_conf_init(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_consume_conf_t *conf)
{
    uint64_t                   held;
    ngx_ess_rpc_conf_t        *rpc;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = conf->location;

    rpc = ngx_ess_rpc_conf(cf);
    if (rpc == NULL) {
        return NGX_CONF_ERROR;
    }

    if (rpc->queues.nelts == 0
        || ((ngx_ess_consume_conf_queue_t *) rpc->queues.elts)
               [rpc->queues.nelts - 1].consume
           != conf)
    {
        return "needs the name of at least one queue, as in "
               "\"ess_consume test uri=/rpc/$ess_queue;\"";
    }

    if (conf->uri == NULL
        && (clcf->noname || clcf->named
#if (NGX_PCRE)
            || clcf->regex
#endif
           ))
    {
        return "needs \"uri=\" here, such as \"uri=/rpc/$ess_queue\": only a "
               "location with \"=\" or a prefix has a name that is a path";
    }

    held = (uint64_t) (conf->retries + 1) * conf->timeout
           + (uint64_t) conf->retries * NGX_ESS_CONSUME_CONF_LONGEST;

    if (held > NGX_ESS_CONSUME_CONF_HELD) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" may hold a message for %uL minutes: %ui "
                           "tries of \"timeout=\", and up to 5 minutes before "
                           "each further one when a response asks for them; "
                           "the broker allows 30, so make it 25 at most, by "
                           "fewer \"retries=\" (at most 4) or a shorter "
                           "\"timeout=\" (with 3 retries at most 150s, with 4 "
                           "60s)", &cmd->name, held / 60000,
                           conf->retries + 1);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_ess_consume_conf_check(ngx_conf_t *cf, ngx_ess_rpc_conf_t *conf)
{
    ngx_uint_t                     i;
    ngx_ess_consume_conf_t        *consume;
    ngx_ess_consume_conf_queue_t  *queue;

    queue = conf->queues.elts;

    for (i = 0; i < conf->queues.nelts; i++) {
        consume = queue[i].consume;

        if (ngx_ess_str_equal(&queue[i].name, &consume->dead)) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"ess_consume\" of the queue \"%V\" has "
                          "\"dead=%V\", from which it would come again: "
                          "give another queue", &queue[i].name,
                          &consume->dead);
            return NGX_ERROR;
        }

        consume->max_body = ngx_ess_rpc_conf_max_body(consume->location);
        conf->max_body = ngx_max(conf->max_body, consume->max_body);
    }

    return NGX_OK;
}
