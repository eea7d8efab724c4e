
/*
 * Where a broker is and how it is spoken to: URL and parameters, defaults, the
 * TLS context, the thread pool.  Everything lives in the configuration's pool.
 * Runs in the master; no message holds a password or a URL.
 */


#include "ngx_ess_conf_file.h"
#include "ngx_ess_amqp_conf.h"
#include "ngx_ess_str.h"


#define NGX_ESS_AMQP_CONF_HEARTBEAT  10000

#define NGX_ESS_AMQP_CONF_NAMES      512    /* bytes: of all parameters */


static char *ngx_ess_amqp_conf_unknown(ngx_conf_t *cf,
    const ngx_ess_param_t *params);
static char *ngx_ess_amqp_conf_node(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf,
    ngx_str_t *url);
static const char *ngx_ess_amqp_conf_password_file(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_amqp_conf_heartbeat(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static ngx_int_t ngx_ess_amqp_conf_read_password(ngx_conf_t *cf,
    ngx_str_t *path, ngx_str_t *password);
static char *ngx_ess_amqp_conf_unused(ngx_conf_t *cf,
    ngx_ess_amqp_conf_t *conf);
static char *ngx_ess_amqp_conf_tls(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf);


static ngx_conf_enum_t  ngx_ess_amqp_conf_verify[] = {
    { ngx_string("off"), 0 },
    { ngx_string("on"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_ess_param_t  ngx_ess_amqp_conf_params[] = {

    { ngx_string("password_file"),
      ngx_ess_amqp_conf_password_file,
      offsetof(ngx_ess_amqp_conf_t, password_file), 1, NGX_MAX_PATH,
      "the path of a file", NULL },

    /* whole seconds in 16 bits, that is how AMQP has it */

    { ngx_string("heartbeat"),
      ngx_ess_amqp_conf_heartbeat,
      offsetof(ngx_ess_amqp_conf_t, heartbeat), 0, 65535 * 1000,
      "a time from 1s to 65535s in whole seconds, or 0", NULL },

    { ngx_string("trusted_certificate"),
      ngx_ess_param_text,
      offsetof(ngx_ess_amqp_conf_t, trusted_certificate), 1, NGX_MAX_PATH,
      "the path of a file with certificates", NULL },

    { ngx_string("verify"),
      ngx_ess_param_enum,
      offsetof(ngx_ess_amqp_conf_t, verify), 0, 0,
      "\"on\" or \"off\"", ngx_ess_amqp_conf_verify },

    ngx_ess_null_param
};


ngx_int_t
ngx_ess_amqp_conf_create(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf)
{
    conf->heartbeat = NGX_CONF_UNSET_MSEC;
    conf->verify = NGX_CONF_UNSET_UINT;

    return ngx_array_init(&conf->nodes, cf->pool, 2,
                          sizeof(ngx_ess_amqp_node_t));
}


char *
ngx_ess_amqp_conf(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf,
    const ngx_ess_param_t *params)
{
    ngx_int_t             rc;
    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_ess_param_ctx_t   own, more;

    value = cf->args->elts;

    ngx_memzero(&own, sizeof(ngx_ess_param_ctx_t));

    own.cf = cf;
    own.directive = "ess_amqp";
    own.conf = conf;
    own.again = (conf->nodes.nelts != 0);

    more = own;

    ngx_str_null(&conf->password_file);

    for (i = 2; i < cf->args->nelts; i++) {
        rc = ngx_ess_param(&own, ngx_ess_amqp_conf_params, &value[i]);

        if (rc == NGX_DECLINED) {
            rc = ngx_ess_param(&more, params, &value[i]);
        }

        if (rc == NGX_DECLINED) {
            return ngx_ess_amqp_conf_unknown(cf, params);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_ess_amqp_conf_node(cf, conf, &value[1]);
}


/* What it is is not said, for it may hold a password. */

static char *
ngx_ess_amqp_conf_unknown(ngx_conf_t *cf, const ngx_ess_param_t *params)
{
    u_char                  names[NGX_ESS_AMQP_CONF_NAMES], *p, *last;
    const ngx_ess_param_t  *param;

    p = names;
    last = names + sizeof(names);

    for (param = params; param->set; param++) {
        p = ngx_slprintf(p, last, "%V=, ", &param->name);
    }

    for (param = ngx_ess_amqp_conf_params; param->set; param++) {
        p = ngx_slprintf(p, last, "%V=, ", &param->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter in \"ess_amqp\": behind its URL it"
                       " takes %*sonce each", (size_t) (p - names), names);

    return NGX_CONF_ERROR;
}


static char *
ngx_ess_amqp_conf_node(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf,
    ngx_str_t *url)
{
    u_char               *buf;
    const char           *err;
    ngx_ess_amqp_node_t  *node, *first;

    buf = ngx_pnalloc(cf->pool, url->len);
    node = ngx_array_push(&conf->nodes);

    if (buf == NULL || node == NULL) {
        return NGX_CONF_ERROR;
    }

    err = ngx_ess_amqp_url_parse(node, url, buf);

    if (err) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the URL of \"ess_amqp\" %s; it is like"
                           " \"amqp://user:password@host:5672/vhost\"", err);
        return NGX_CONF_ERROR;
    }

    first = conf->nodes.elts;

    if (!ngx_ess_str_equal(&node->vhost, &first->vhost)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_amqp\" names another virtual host than the"
                           " first one: all are nodes of one cluster, and"
                           " \"%V\" must be the virtual host of each",
                           &first->vhost);
        return NGX_CONF_ERROR;
    }

    if (conf->password_file.data && node->has_password) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_amqp\" has a password in its URL and"
                           " \"password_file\" too; it takes one of them");
        return NGX_CONF_ERROR;
    }

    if (conf->password_file.data
        && ngx_ess_amqp_conf_read_password(cf, &conf->password_file,
                                           &node->password)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    conf->tls |= node->tls;

    node->address = node->ipv6
                    || ngx_inet_addr(node->host.data, node->host.len)
                       != INADDR_NONE;

    node->name.data = ngx_pnalloc(cf->pool,
                                  node->host.len + sizeof("[]:65535"));
    if (node->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    node->name.len = ngx_sprintf(node->name.data,
                                 node->ipv6 ? "[%V]:%ui" : "%V:%ui",
                                 &node->host, (ngx_uint_t) node->port)
                     - node->name.data;

    return NGX_CONF_OK;
}


/* each node has its own */

static const char *
ngx_ess_amqp_conf_password_file(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_ess_amqp_conf_t  *conf;

    conf = ctx->conf;
    conf->password_file = *value;

    if (value->len == 0
        || ngx_conf_full_name(ctx->cf->cycle, &conf->password_file, 1)
           != NGX_OK)
    {
        return param->expected;
    }

    return NULL;
}


static const char *
ngx_ess_amqp_conf_heartbeat(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    if (ngx_parse_time(value, 0) % 1000) {
        return param->expected;
    }

    return ngx_ess_param_msec(ctx, param, value);
}


static ngx_int_t
ngx_ess_amqp_conf_read_password(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *password)
{
    u_char     buf[NGX_ESS_AMQP_URL_PASSWORD_MAX + 3];
    ssize_t    n;
    ngx_str_t  text, line;

    n = ngx_ess_conf_file_read(cf, path, "\"password_file\" of \"ess_amqp\"",
                               1, buf, sizeof(buf));
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    text.data = buf;
    text.len = n;

    (void) ngx_ess_str_cut(&text, LF, &line);

    if (line.len && line.data[line.len - 1] == CR) {
        line.len--;
    }

    password->len = line.len;
    password->data = NULL;

    if (line.len == 0 || line.len > NGX_ESS_AMQP_URL_PASSWORD_MAX
        || ngx_strlchr(buf, buf + line.len, '\0'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the first line of the \"password_file\" of"
                           " \"ess_amqp\", \"%V\", must be a password of 1 to"
                           " 1024 bytes, none of them NUL", path);
    } else {
        password->data = ngx_pstrdup(cf->pool, &line);
    }

    ngx_explicit_memzero(buf, sizeof(buf));

    return password->data ? NGX_OK : NGX_ERROR;
}


/* Whoever writes what would be ignored takes the connection for another one
   than it is. */

static char *
ngx_ess_amqp_conf_unused(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf)
{
    const char  *name;

    name = conf->verify != NGX_CONF_UNSET_UINT ? "verify="
           : conf->trusted_certificate.len ? "trusted_certificate=" : NULL;

    if (!conf->tls && name) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" of \"ess_amqp\" is of use with TLS only: a URL"
                      " must begin with \"amqps://\", or leave it out", name);
        return NGX_CONF_ERROR;
    }

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
    if (ngx_ess_amqp_conf_unused(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_msec_value(conf->heartbeat, NGX_ESS_AMQP_CONF_HEARTBEAT);
    ngx_conf_init_uint_value(conf->verify, 1);

    conf->thread_pool = ngx_thread_pool_add(cf, NULL);
    if (conf->thread_pool == NULL) {
        return NGX_CONF_ERROR;
    }

    return conf->tls ? ngx_ess_amqp_conf_tls(cf, conf) : NGX_CONF_OK;
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
