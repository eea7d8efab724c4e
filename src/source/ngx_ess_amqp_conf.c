/*
 * The ess_amqp directive: URL and parameters of each, defaults, the TLS
 * context, the thread pool.  Everything lives in the configuration's pool.
 * Runs in the master; no message holds a password or a URL.
 */


#include "ngx_ess_conf_file.h"
#include "ngx_ess_amqp_conf.h"
#include "ngx_ess_amqp_url.h"


#define NGX_ESS_AMQP_CONF_EXCHANGE    "event-streams"
#define NGX_ESS_AMQP_CONF_PREFETCH    256
#define NGX_ESS_AMQP_CONF_HEARTBEAT   10000
#define NGX_ESS_AMQP_CONF_EXPIRES     3600000
#define NGX_ESS_AMQP_CONF_MAX_LENGTH  (64 * 1024 * 1024)
#define NGX_ESS_AMQP_CONF_IDLE        60000

#define NGX_ESS_AMQP_CONF_PASSWORD    1024


typedef struct {
    ngx_conf_t              *cf;
    ngx_ess_amqp_conf_t     *conf;
    ngx_str_t                password_file;
    ngx_uint_t               seen;          /* bit n: parameter n */
    unsigned                 first:1;       /* of the directives */
} ngx_ess_amqp_conf_ctx_t;


/* NULL, or what would be right */
typedef const char *(*ngx_ess_amqp_conf_pt)(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);

typedef struct {
    ngx_str_t                name;
    ngx_ess_amqp_conf_pt     handler;
} ngx_ess_amqp_conf_param_t;


static ngx_ess_amqp_conf_t *ngx_ess_amqp_conf_create(ngx_conf_t *cf);
static char *ngx_ess_amqp_conf_param(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *arg);
static char *ngx_ess_amqp_conf_node(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *url);
static ngx_int_t ngx_ess_amqp_conf_copy(ngx_conf_t *cf, ngx_str_t *dst,
    ngx_str_t *src);
static const char *ngx_ess_amqp_conf_exchange(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_type(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_queues(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_password_file(
    ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value);
static const char *ngx_ess_amqp_conf_prefetch(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_heartbeat(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_expires(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_max_length(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_idle(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_trusted(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_verify(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value);
static const char *ngx_ess_amqp_conf_choice(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value, ngx_uint_t *choice, const char *zero, const char *one,
    const char *want);
static ngx_int_t ngx_ess_amqp_conf_read_password(ngx_conf_t *cf,
    ngx_str_t *path, ngx_str_t *password);
static ngx_int_t ngx_ess_amqp_conf_first_line(ngx_conf_t *cf, ngx_str_t *path,
    u_char *buf, size_t len, ngx_str_t *password);
static char *ngx_ess_amqp_conf_unused(ngx_conf_t *cf,
    ngx_ess_amqp_conf_t *conf);
static char *ngx_ess_amqp_conf_tls(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf);


static const char  ngx_ess_amqp_conf_differs[] =
    "the same value as in the first \"ess_amqp\", or none";


static const ngx_ess_amqp_conf_param_t  ngx_ess_amqp_conf_params[] = {
    { ngx_string("exchange"), ngx_ess_amqp_conf_exchange },
    { ngx_string("type"), ngx_ess_amqp_conf_type },
    { ngx_string("queues"), ngx_ess_amqp_conf_queues },
    { ngx_string("password_file"), ngx_ess_amqp_conf_password_file },
    { ngx_string("prefetch"), ngx_ess_amqp_conf_prefetch },
    { ngx_string("heartbeat"), ngx_ess_amqp_conf_heartbeat },
    { ngx_string("expires"), ngx_ess_amqp_conf_expires },
    { ngx_string("max_length"), ngx_ess_amqp_conf_max_length },
    { ngx_string("idle"), ngx_ess_amqp_conf_idle },
    { ngx_string("trusted_certificate"), ngx_ess_amqp_conf_trusted },
    { ngx_string("verify"), ngx_ess_amqp_conf_verify },
    { ngx_null_string, NULL }
};


char *
ngx_ess_amqp_conf(ngx_conf_t *cf, ngx_ess_amqp_conf_t **conf)
{
    char                     *rv;
    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_ess_amqp_conf_ctx_t   ctx;

    ngx_memzero(&ctx, sizeof(ngx_ess_amqp_conf_ctx_t));
    ctx.cf = cf;

    if (*conf == NULL) {
        *conf = ngx_ess_amqp_conf_create(cf);
        if (*conf == NULL) {
            return NGX_CONF_ERROR;
        }

        ctx.first = 1;
    }

    ctx.conf = *conf;
    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_ess_amqp_conf_param(&ctx, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return ngx_ess_amqp_conf_node(&ctx, &value[1]);
}


static ngx_ess_amqp_conf_t *
ngx_ess_amqp_conf_create(ngx_conf_t *cf)
{
    ngx_ess_amqp_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_amqp_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&conf->nodes, cf->pool, 2, sizeof(ngx_ess_amqp_node_t))
        != NGX_OK)
    {
        return NULL;
    }

    conf->topic = NGX_CONF_UNSET_UINT;
    conf->quorum = NGX_CONF_UNSET_UINT;
    conf->prefetch = NGX_CONF_UNSET_UINT;
    conf->heartbeat = NGX_CONF_UNSET_MSEC;
    conf->expires = NGX_CONF_UNSET_MSEC;
    conf->max_length = NGX_CONF_UNSET_SIZE;
    conf->idle = NGX_CONF_UNSET_MSEC;
    conf->verify = NGX_CONF_UNSET_UINT;

    return conf;
}


static char *
ngx_ess_amqp_conf_param(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *arg)
{
    u_char                           *p;
    ngx_str_t                         value;
    ngx_uint_t                        bit;
    const char                       *want;
    const ngx_ess_amqp_conf_param_t  *param;

    p = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    for (param = ngx_ess_amqp_conf_params; p && param->handler; param++) {

        if ((size_t) (p - arg->data) != param->name.len
            || ngx_strncmp(arg->data, param->name.data, param->name.len) != 0)
        {
            continue;
        }

        bit = (ngx_uint_t) 1 << (param - ngx_ess_amqp_conf_params);

        if (ctx->seen & bit) {
            ngx_conf_log_error(NGX_LOG_EMERG, ctx->cf, 0,
                               "\"ess_amqp\" has \"%V=\" twice", &param->name);
            return NGX_CONF_ERROR;
        }

        ctx->seen |= bit;

        value.data = p + 1;
        value.len = arg->data + arg->len - value.data;

        want = param->handler(ctx, &value);

        if (want) {
            ngx_conf_log_error(NGX_LOG_EMERG, ctx->cf, 0,
                               "invalid value \"%V\" of \"%V\" in"
                               " \"ess_amqp\": it must be %s",
                               &value, &param->name, want);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    /* what it is is not said, for it may hold a password */

    ngx_conf_log_error(NGX_LOG_EMERG, ctx->cf, 0,
                       "unknown parameter in \"ess_amqp\": behind its URL it"
                       " takes exchange=, type=, queues=, password_file=,"
                       " prefetch=, heartbeat=, expires=, max_length=, idle=,"
                       " trusted_certificate= and verify=, once each");

    return NGX_CONF_ERROR;
}


static char *
ngx_ess_amqp_conf_node(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *url)
{
    u_char               *buf;
    ngx_str_t             password;
    const char           *err;
    ngx_conf_t           *cf;
    ngx_ess_amqp_url_t    parsed;
    ngx_ess_amqp_node_t  *node;

    cf = ctx->cf;

    buf = ngx_pnalloc(cf->pool, url->len + 1);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    err = ngx_ess_amqp_url_parse(&parsed, url, buf);

    if (err) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the URL of \"ess_amqp\" %s; it is like"
                           " \"amqp://user:password@host:5672/vhost\"", err);
        return NGX_CONF_ERROR;
    }

    node = ctx->conf->nodes.elts;

    if (ctx->conf->nodes.nelts
        && (node->vhost.len != parsed.vhost.len
            || ngx_strncmp(node->vhost.data, parsed.vhost.data,
                           parsed.vhost.len)
               != 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_amqp\" names another virtual host than the"
                           " first one: all are nodes of one cluster, and"
                           " \"%V\" must be the virtual host of each",
                           &node->vhost);
        return NGX_CONF_ERROR;
    }

    password = parsed.password;

    if (ctx->password_file.data) {

        if (parsed.has_password) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"ess_amqp\" has a password in its URL and"
                               " \"password_file\" too; it takes one of them");
            return NGX_CONF_ERROR;
        }

        if (ngx_ess_amqp_conf_read_password(cf, &ctx->password_file, &password)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    node = ngx_array_push(&ctx->conf->nodes);
    if (node == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(node, sizeof(ngx_ess_amqp_node_t));

    node->port = parsed.port;
    node->tls = parsed.tls;
    node->user = parsed.user;
    node->vhost = parsed.vhost;
    node->password = password;

    if (ngx_ess_amqp_conf_copy(cf, &node->host, &parsed.host) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    node->name.data = ngx_pnalloc(cf->pool,
                                  node->host.len + sizeof("[]:65535"));
    if (node->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    node->name.len = ngx_sprintf(node->name.data,
                                 parsed.ipv6 ? "[%V]:%ui" : "%V:%ui",
                                 &node->host, (ngx_uint_t) node->port)
                     - node->name.data;

    return NGX_CONF_OK;
}


/* null terminated */

static ngx_int_t
ngx_ess_amqp_conf_copy(ngx_conf_t *cf, ngx_str_t *dst, ngx_str_t *src)
{
    dst->len = src->len;
    dst->data = ngx_pnalloc(cf->pool, src->len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(dst->data, src->data, src->len) = '\0';

    return NGX_OK;
}


static const char *
ngx_ess_amqp_conf_exchange(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    ngx_ess_amqp_conf_t  *conf;

    conf = ctx->conf;

    if (value->len == 0 || value->len > NGX_ESS_MAX_KEY
        || ngx_strlchr(value->data, value->data + value->len, '$'))
    {
        return "the name of an exchange, without \"$\", of 1 to 255 bytes"
               " (queues cannot be bound to the default exchange)";
    }

    if (!ctx->first
        && (conf->exchange.len != value->len
            || ngx_strncmp(conf->exchange.data, value->data, value->len) != 0))
    {
        return ngx_ess_amqp_conf_differs;
    }

    conf->exchange = *value;

    return NULL;
}


static const char *
ngx_ess_amqp_conf_type(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    return ngx_ess_amqp_conf_choice(ctx, value, &ctx->conf->topic, "direct",
                                    "topic", "\"direct\" or \"topic\"");
}


static const char *
ngx_ess_amqp_conf_queues(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    return ngx_ess_amqp_conf_choice(ctx, value, &ctx->conf->quorum, "classic",
                                    "quorum", "\"classic\" or \"quorum\"");
}


static const char *
ngx_ess_amqp_conf_password_file(ngx_ess_amqp_conf_ctx_t *ctx,
    ngx_str_t *value)
{
    if (value->len == 0) {
        return "the path of a file";
    }

    ctx->password_file = *value;

    if (ngx_conf_full_name(ctx->cf->cycle, &ctx->password_file, 1) != NGX_OK) {
        return "the path of a file";
    }

    return NULL;
}


static const char *
ngx_ess_amqp_conf_prefetch(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    ngx_int_t             n;
    ngx_ess_amqp_conf_t  *conf;

    conf = ctx->conf;
    n = ngx_atoi(value->data, value->len);

    if (n < 1 || n > NGX_ESS_AMQP_PREFETCH_MAX) {
        return "a number of messages from 1 to 1024";
    }

    if (!ctx->first && conf->prefetch != (ngx_uint_t) n) {
        return ngx_ess_amqp_conf_differs;
    }

    conf->prefetch = n;

    return NULL;
}


static const char *
ngx_ess_amqp_conf_heartbeat(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    ngx_int_t             ms;
    ngx_ess_amqp_conf_t  *conf;

    conf = ctx->conf;
    ms = ngx_parse_time(value, 0);

    /* whole seconds in 16 bits, that is how AMQP has it */

    if (ms == NGX_ERROR || ms > 65535 * 1000 || ms % 1000) {
        return "a time from 1s to 65535s in whole seconds, or 0";
    }

    if (!ctx->first && conf->heartbeat != (ngx_msec_t) ms) {
        return ngx_ess_amqp_conf_differs;
    }

    conf->heartbeat = ms;

    return NULL;
}


static const char *
ngx_ess_amqp_conf_expires(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    ngx_int_t             ms;
    ngx_ess_amqp_conf_t  *conf;

    conf = ctx->conf;
    ms = ngx_parse_time(value, 0);

    /* RabbitMQ takes 32 bits of milliseconds */

    if (ms < 1000 || ms > 0xffffffffLL) {
        return "a time from 1s to 49d";
    }

    if (!ctx->first && conf->expires != (ngx_msec_t) ms) {
        return ngx_ess_amqp_conf_differs;
    }

    conf->expires = ms;

    return NULL;
}


static const char *
ngx_ess_amqp_conf_max_length(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    ssize_t               size;
    ngx_ess_amqp_conf_t  *conf;

    conf = ctx->conf;
    size = ngx_parse_size(value);

    if (size < 1) {
        return "a size, at least 1, as in \"64m\"";
    }

    if (!ctx->first && conf->max_length != (size_t) size) {
        return ngx_ess_amqp_conf_differs;
    }

    conf->max_length = size;

    return NULL;
}


static const char *
ngx_ess_amqp_conf_idle(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    ngx_int_t             ms;
    ngx_ess_amqp_conf_t  *conf;

    conf = ctx->conf;
    ms = ngx_parse_time(value, 0);

    if (ms == NGX_ERROR) {
        return "a time";
    }

    if (!ctx->first && conf->idle != (ngx_msec_t) ms) {
        return ngx_ess_amqp_conf_differs;
    }

    conf->idle = ms;

    return NULL;
}


static const char *
ngx_ess_amqp_conf_trusted(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    ngx_ess_amqp_conf_t  *conf;

    conf = ctx->conf;

    if (value->len == 0) {
        return "the path of a file with certificates";
    }

    if (!ctx->first
        && (conf->trusted_certificate.len != value->len
            || ngx_strncmp(conf->trusted_certificate.data, value->data,
                           value->len)
               != 0))
    {
        return ngx_ess_amqp_conf_differs;
    }

    conf->trusted_certificate = *value;

    return NULL;
}


static const char *
ngx_ess_amqp_conf_verify(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value)
{
    return ngx_ess_amqp_conf_choice(ctx, value, &ctx->conf->verify, "off",
                                    "on", "\"on\" or \"off\"");
}


static const char *
ngx_ess_amqp_conf_choice(ngx_ess_amqp_conf_ctx_t *ctx, ngx_str_t *value,
    ngx_uint_t *choice, const char *zero, const char *one, const char *want)
{
    ngx_uint_t  n;

    if (value->len == ngx_strlen(one)
        && ngx_strncmp(value->data, one, value->len) == 0)
    {
        n = 1;

    } else if (value->len == ngx_strlen(zero)
               && ngx_strncmp(value->data, zero, value->len) == 0)
    {
        n = 0;

    } else {
        return want;
    }

    if (!ctx->first && *choice != n) {
        return ngx_ess_amqp_conf_differs;
    }

    *choice = n;

    return NULL;
}


static ngx_int_t
ngx_ess_amqp_conf_read_password(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *password)
{
    u_char     buf[NGX_ESS_AMQP_CONF_PASSWORD + 3];
    ssize_t    n;
    ngx_int_t  rc;

    n = ngx_ess_conf_file_read(cf, path, "\"password_file\" of \"ess_amqp\"",
                               1, buf, sizeof(buf));
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    rc = ngx_ess_amqp_conf_first_line(cf, path, buf, n, password);

    ngx_explicit_memzero(buf, sizeof(buf));

    return rc;
}


static ngx_int_t
ngx_ess_amqp_conf_first_line(ngx_conf_t *cf, ngx_str_t *path, u_char *buf,
    size_t len, ngx_str_t *password)
{
    u_char     *end;
    ngx_str_t   line;

    end = ngx_strlchr(buf, buf + len, LF);
    if (end == NULL) {
        end = buf + len;
    }

    if (end > buf && end[-1] == CR) {
        end--;
    }

    line.data = buf;
    line.len = end - buf;

    if (line.len == 0 || line.len > NGX_ESS_AMQP_CONF_PASSWORD
        || ngx_strlchr(buf, end, '\0'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the first line of the \"password_file\" of"
                           " \"ess_amqp\", \"%V\", must be a password of 1 to"
                           " 1024 bytes, none of them NUL", path);
        return NGX_ERROR;
    }

    return ngx_ess_amqp_conf_copy(cf, password, &line);
}


/* Whoever writes what would be ignored takes the connection for another one
   than it is. */

static char *
ngx_ess_amqp_conf_unused(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf)
{
    const char           *name;
    ngx_uint_t            i;
    ngx_ess_amqp_node_t  *node;

    name = conf->verify != NGX_CONF_UNSET_UINT ? "verify="
           : conf->trusted_certificate.len ? "trusted_certificate=" : NULL;

    if (name == NULL) {
        return NGX_CONF_OK;
    }

    node = conf->nodes.elts;

    for (i = 0; i < conf->nodes.nelts; i++) {
        if (node[i].tls) {
            goto tls;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"%s\" of \"ess_amqp\" is of use with TLS only: a URL"
                  " must begin with \"amqps://\", or leave it out", name);
    return NGX_CONF_ERROR;

tls:

    if (conf->verify == 0 && conf->trusted_certificate.len) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"trusted_certificate=\" of \"ess_amqp\" is not used"
                      " with \"verify=off\": leave out one of them");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_ess_amqp_conf_init(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf)
{
    ngx_uint_t            i;
    ngx_ess_amqp_node_t  *node;

    if (ngx_ess_amqp_conf_unused(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_uint_value(conf->topic, 0);
    ngx_conf_init_uint_value(conf->quorum, 0);
    ngx_conf_init_uint_value(conf->prefetch, NGX_ESS_AMQP_CONF_PREFETCH);
    ngx_conf_init_msec_value(conf->heartbeat, NGX_ESS_AMQP_CONF_HEARTBEAT);
    ngx_conf_init_msec_value(conf->expires, NGX_ESS_AMQP_CONF_EXPIRES);
    ngx_conf_init_size_value(conf->max_length, NGX_ESS_AMQP_CONF_MAX_LENGTH);
    ngx_conf_init_msec_value(conf->idle, NGX_ESS_AMQP_CONF_IDLE);
    ngx_conf_init_uint_value(conf->verify, 1);

    if (conf->exchange.data == NULL) {
        ngx_str_set(&conf->exchange, NGX_ESS_AMQP_CONF_EXCHANGE);
    }

    conf->thread_pool = ngx_thread_pool_add(cf, NULL);
    if (conf->thread_pool == NULL) {
        return NGX_CONF_ERROR;
    }

    node = conf->nodes.elts;

    for (i = 0; i < conf->nodes.nelts; i++) {
        if (node[i].tls) {
            return ngx_ess_amqp_conf_tls(cf, conf);
        }
    }

    return NGX_CONF_OK;
}


#if (NGX_SSL)

static char *
ngx_ess_amqp_conf_tls(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf)
{
    ngx_pool_cleanup_t  *cln;

    conf->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (conf->ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->ssl->log = cf->log;

    if (ngx_ssl_create(conf->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(conf->ssl);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = conf->ssl;

    /* what the socket did not take may lie elsewhere at the next attempt: the
       output buffer grows */

    SSL_CTX_set_mode(conf->ssl->ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    if (!conf->verify) {
        return NGX_CONF_OK;
    }

    if (conf->trusted_certificate.len) {

        if (ngx_ssl_trusted_certificate(cf, conf->ssl,
                                        &conf->trusted_certificate, 10)
            != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the \"trusted_certificate\" of \"ess_amqp\""
                               " must be a file of PEM certificates");
            return NGX_CONF_ERROR;
        }

    } else if (SSL_CTX_set_default_verify_paths(conf->ssl->ctx) == 0) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "the system's certificates cannot be used for"
                      " \"ess_amqp\"; name some with trusted_certificate=");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}

#else

static char *
ngx_ess_amqp_conf_tls(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "this nginx was built without TLS, so that the URLs of"
                       " \"ess_amqp\" must begin with \"amqp://\"");
    return NGX_CONF_ERROR;
}

#endif
