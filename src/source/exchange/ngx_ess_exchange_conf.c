
/*
 * The parameters of ess_amqp that are the exchange's and its queues'.  They
 * live in the configuration's pool.  Runs in the master.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_exchange_conf.h"
#include "ngx_ess_hash.h"
#include "ngx_ess_str.h"


#define NGX_ESS_EXCHANGE_CONF_NAME        "event-streams"
#define NGX_ESS_EXCHANGE_CONF_PREFETCH    256
#define NGX_ESS_EXCHANGE_CONF_EXPIRES     3600000
#define NGX_ESS_EXCHANGE_CONF_MAX_LENGTH  (64 * 1024 * 1024)
#define NGX_ESS_EXCHANGE_CONF_IDLE        60000


static ngx_ess_exchange_conf_t *ngx_ess_exchange_conf_create(ngx_conf_t *cf);
static const char *ngx_ess_exchange_conf_name(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);


static ngx_conf_enum_t  ngx_ess_exchange_conf_type[] = {
    { ngx_string("direct"), 0 },
    { ngx_string("topic"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ess_exchange_conf_queues[] = {
    { ngx_string("classic"), 0 },
    { ngx_string("quorum"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_ess_param_t  ngx_ess_exchange_conf_params[] = {

    { ngx_string("exchange"),
      ngx_ess_exchange_conf_name,
      offsetof(ngx_ess_exchange_conf_t, exchange), 1, NGX_ESS_MAX_KEY,
      "the name of an exchange, without \"$\", of 1 to 255 bytes (queues cannot"
      " be bound to the default exchange)", NULL },

    { ngx_string("type"),
      ngx_ess_param_enum,
      offsetof(ngx_ess_exchange_conf_t, topic), 0, 0,
      "\"direct\" or \"topic\"", ngx_ess_exchange_conf_type },

    { ngx_string("queues"),
      ngx_ess_param_enum,
      offsetof(ngx_ess_exchange_conf_t, quorum), 0, 0,
      "\"classic\" or \"quorum\"", ngx_ess_exchange_conf_queues },

    { ngx_string("prefetch"),
      ngx_ess_param_number,
      offsetof(ngx_ess_exchange_conf_t, prefetch),
      1, NGX_ESS_EXCHANGE_PREFETCH_MAX,
      "a number of messages from 1 to 1024", NULL },

    /* RabbitMQ takes 32 bits of milliseconds */

    { ngx_string("expires"),
      ngx_ess_param_msec,
      offsetof(ngx_ess_exchange_conf_t, expires), 1000, 0xffffffffLL,
      "a time from 1s to 49d", NULL },

    { ngx_string("max_length"),
      ngx_ess_param_size,
      offsetof(ngx_ess_exchange_conf_t, max_length), 1, NGX_MAX_SIZE_T_VALUE,
      "a size, at least 1, as in \"64m\"", NULL },

    { ngx_string("idle"),
      ngx_ess_param_msec,
      offsetof(ngx_ess_exchange_conf_t, idle), 0, NGX_MAX_INT_T_VALUE,
      "a time", NULL },

    ngx_ess_null_param
};


char *
ngx_ess_exchange_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_main_conf_t  *mcf = conf;

    ngx_ess_source_entry_t   *exchange, *streams;
    ngx_ess_exchange_conf_t  *xcf;

    mcf->needs_any = "ess_amqp";

    exchange = ngx_ess_source_entry(mcf->sources, NGX_ESS_SOURCE_EXCHANGE);
    streams = ngx_ess_source_entry(mcf->sources, NGX_ESS_SOURCE_STREAM);
    xcf = exchange->conf;

    if (xcf == NULL) {
        xcf = ngx_ess_exchange_conf_create(cf);
        if (xcf == NULL) {
            return NGX_CONF_ERROR;
        }

        exchange->conf = xcf;
        streams->conf = xcf;
    }

    return ngx_ess_amqp_conf(cf, &xcf->amqp, ngx_ess_exchange_conf_params);
}


static ngx_ess_exchange_conf_t *
ngx_ess_exchange_conf_create(ngx_conf_t *cf)
{
    ngx_ess_exchange_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_exchange_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    if (ngx_ess_amqp_conf_create(cf, &conf->amqp) != NGX_OK) {
        return NULL;
    }

    conf->topic = NGX_CONF_UNSET_UINT;
    conf->quorum = NGX_CONF_UNSET_UINT;
    conf->prefetch = NGX_CONF_UNSET_UINT;
    conf->expires = NGX_CONF_UNSET_MSEC;
    conf->max_length = NGX_CONF_UNSET_SIZE;
    conf->idle = NGX_CONF_UNSET_MSEC;

    return conf;
}


static const char *
ngx_ess_exchange_conf_name(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    if (ngx_strlchr(value->data, value->data + value->len, '$')) {
        return param->expected;
    }

    return ngx_ess_param_text(ctx, param, value);
}


char *
ngx_ess_exchange_conf_init(ngx_conf_t *cf, void *data, ngx_str_t *node)
{
    ngx_ess_exchange_conf_t *conf = data;

    conf->node = *node;

    ngx_conf_init_uint_value(conf->topic, 0);
    ngx_conf_init_uint_value(conf->quorum, 0);
    ngx_conf_init_uint_value(conf->prefetch, NGX_ESS_EXCHANGE_CONF_PREFETCH);
    ngx_conf_init_msec_value(conf->expires, NGX_ESS_EXCHANGE_CONF_EXPIRES);
    ngx_conf_init_size_value(conf->max_length,
                             NGX_ESS_EXCHANGE_CONF_MAX_LENGTH);
    ngx_conf_init_msec_value(conf->idle, NGX_ESS_EXCHANGE_CONF_IDLE);

    if (conf->exchange.data == NULL) {
        ngx_str_set(&conf->exchange, NGX_ESS_EXCHANGE_CONF_NAME);
    }

    return ngx_ess_amqp_conf_init(cf, &conf->amqp);
}


/*
 * Two instances with one name would share the slot queues and each get half
 * of the events.  The pid path tells instances of one host apart and is the
 * same after a restart, a reload and a binary upgrade.
 */

ngx_int_t
ngx_ess_exchange_conf_module(ngx_cycle_t *cycle, void *data,
    ngx_uint_t publishes)
{
    ngx_ess_exchange_conf_t *conf = data;

    u_char           *p;
    ngx_core_conf_t  *ccf;

    conf->publish = publishes;

    if (conf->node.len) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    p = ngx_pnalloc(cycle->pool,
                    cycle->hostname.len + sizeof("-xxxxxxxx") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    conf->node.data = p;
    conf->node.len = ngx_sprintf(p, "%V-%08xD", &cycle->hostname,
                                 ngx_crc32_long(ccf->pid.data, ccf->pid.len))
                     - p;
    return NGX_OK;
}


/* Of virtual host and name, and a NUL between the two. */

uint64_t
ngx_ess_exchange_conf_epoch(void *data, ngx_str_t *key)
{
    ngx_ess_exchange_conf_t *conf = data;

    uint64_t              hash;
    ngx_str_t            *vhost;
    ngx_ess_amqp_node_t  *node;

    node = conf->amqp.nodes.elts;
    vhost = &node[0].vhost;

    hash = ngx_ess_hash_fnv(NGX_ESS_HASH_FNV, vhost->data, vhost->len);
    hash = ngx_ess_hash_fnv(hash, (u_char *) "", 1);
    hash = ngx_ess_hash_fnv(hash, key->data, key->len);

    return hash ? hash : 1;
}


/* Is a word of the key "*" or "#", on a direct exchange? */

const char *
ngx_ess_exchange_conf_advise(void *data, ngx_str_t *key)
{
    ngx_ess_exchange_conf_t *conf = data;

    ngx_str_t  rest, word;

    rest = *key;

    while (rest.len && !conf->topic) {
        (void) ngx_ess_str_cut(&rest, '.', &word);

        if (word.len == 1 && (word.data[0] == '*' || word.data[0] == '#')) {
            return "the routing key looks like a pattern of a topic exchange, "
                   "but the exchange is direct: only events with exactly this "
                   "routing key come";
        }
    }

    return NULL;
}
