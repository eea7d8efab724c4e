
/*
 * Reads the directive and the keys that it names.  All memory is the
 * configuration's.  Runs in the master.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_conf_file.h"
#include "ngx_ess_str.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_jwt_conf.h"


#define NGX_ESS_JWT_FILE  (64 * 1024)     /* bytes of a key's file */


static void ngx_ess_jwt_conf_warn(ngx_conf_t *cf);
static ngx_uint_t ngx_ess_jwt_conf_add_secret(ngx_conf_t *cf, ngx_str_t *path);
static const char *ngx_ess_jwt_conf_alg(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_token(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static ngx_int_t ngx_ess_jwt_conf_read_keys(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf);


static ngx_conf_enum_t  ngx_ess_jwt_conf_exp[] = {
    { ngx_string("optional"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_ess_param_t  ngx_ess_jwt_conf_params[] = {

    { ngx_string("key"), ngx_ess_param_text,
      offsetof(ngx_ess_jwt_conf_t, key), 1, NGX_MAX_PATH,
      "one \"key=\" with the name of a file", NULL },

    { ngx_string("jwks"), ngx_ess_param_text,
      offsetof(ngx_ess_jwt_conf_t, jwks), 1, NGX_MAX_PATH,
      "one \"jwks=\" with the name of a file", NULL },

    { ngx_string("aud"), ngx_ess_param_text,
      offsetof(ngx_ess_jwt_conf_t, policy.aud), 1, NGX_MAX_SIZE_T_VALUE,
      "one \"aud=\" with an audience", NULL },

    { ngx_string("iss"), ngx_ess_param_text,
      offsetof(ngx_ess_jwt_conf_t, policy.iss), 1, NGX_MAX_SIZE_T_VALUE,
      "one \"iss=\" with an issuer", NULL },

    { ngx_string("exp"), ngx_ess_param_enum,
      offsetof(ngx_ess_jwt_conf_t, policy.endless), 0, 0,
      "\"exp=optional\"", ngx_ess_jwt_conf_exp },

    { ngx_string("leeway"), ngx_ess_param_sec,
      offsetof(ngx_ess_jwt_conf_t, policy.leeway), 0, 3600,
      "\"leeway=\" with a time up to 1h", NULL },

    { ngx_string("streams"), ngx_ess_param_text,
      offsetof(ngx_ess_jwt_conf_t, streams), 1, NGX_MAX_SIZE_T_VALUE,
      "one \"streams=\" with the name of a claim", NULL },

    { ngx_string("alg"), ngx_ess_jwt_conf_alg,
      offsetof(ngx_ess_jwt_conf_t, algs), 0, 0,
      "\"alg=\" with HS256, RS256, ES256 or EdDSA, each once", NULL },

    { ngx_string("token"), ngx_ess_jwt_conf_token, 0, 1, NGX_MAX_SIZE_T_VALUE,
      "\"token=\" with \"header\", \"protocol\", \"arg:name\" or"
      " \"cookie:name\", each once", NULL },

    ngx_ess_null_param
};


/* the last two may come several times */

ngx_ess_param_directive_t  ngx_ess_jwt_conf_directive = {
    ngx_ess_jwt_conf_params, 0,
    "\"off\", or key=, jwks=, alg=, aud=, iss=, exp=, leeway=, token= and"
    " streams=", 0, 3 << 7
};


void *
ngx_ess_jwt_conf_create_main(ngx_conf_t *cf)
{
    ngx_ess_jwt_main_conf_t  *jmcf;

    jmcf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_jwt_main_conf_t));

    if (jmcf == NULL
        || ngx_array_init(&jmcf->secrets, cf->pool, 1, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    return jmcf;
}


void *
ngx_ess_jwt_conf_create_loc(ngx_conf_t *cf)
{
    ngx_ess_jwt_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_jwt_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;

    return conf;
}


char *
ngx_ess_jwt_conf_merge_loc(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_ess_jwt_conf_t *prev = parent;
    ngx_ess_jwt_conf_t *conf = child;

    ngx_uint_t  keep;

    if (conf->enable == NGX_CONF_UNSET) {

        /* set for this location, by ngx_ess_module, which is merged before */

        keep = conf->keep;

        *conf = *prev;
        conf->keep = keep;

        ngx_conf_init_value(conf->enable, 0);
    }

    if (conf->enable && conf->cookie.data) {
        ngx_ess_jwt_conf_warn(cf);
    }

    return NGX_CONF_OK;
}


/* This module is merged after ngx_ess_module, whose locations are ready. */

static void
ngx_ess_jwt_conf_warn(ngx_conf_t *cf)
{
    ngx_ess_loc_conf_t        *lcf;
    ngx_http_core_loc_conf_t  *clcf;

    lcf = ngx_http_conf_get_module_loc_conf(cf, ngx_ess_module);

    if (lcf->origins || !ngx_ess_conf_subscribes(lcf)) {
        return;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                  "\"ess_jwt\" with \"token=cookie:\" lets in pages of any "
                  "origin in location \"%V\", since browsers add the cookie "
                  "by themselves: list those that may in there, such as "
                  "\"ess_origin https://example.com;\"", &clcf->name);
}


char *
ngx_ess_jwt_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_jwt_conf_t *jcf = conf;

    ngx_str_t                *value;
    ngx_ess_main_conf_t      *mcf;
    ngx_ess_jwt_main_conf_t  *jmcf;

    if (jcf->enable != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        jcf->enable = 0;
        return NGX_CONF_OK;
    }

    jcf->enable = 1;

    if (ngx_ess_param_args(cf, cmd, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if ((jcf->key.data == NULL) == (jcf->jwks.data == NULL)) {
        return "takes one of \"key=\" and \"jwks=\"";
    }

    if (jcf->algs == 0) {
        return "needs \"alg=\": HS256, RS256, ES256 or EdDSA";
    }

    if (!jcf->header && !jcf->protocol && jcf->arg.data == NULL
        && jcf->cookie.data == NULL)
    {
        jcf->header = 1;
        jcf->protocol = 1;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_jwt_module);
    jmcf->used = 1;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);
    mcf->refuses = 1;

    return (ngx_ess_jwt_conf_read_keys(cf, jcf) == NGX_OK) ? NGX_CONF_OK
                                                           : NGX_CONF_ERROR;
}


static const char *
ngx_ess_jwt_conf_alg(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    ngx_uint_t           bit;
    ngx_ess_jwt_alg_e    alg;
    ngx_ess_jwt_conf_t  *conf;

    conf = ctx->conf;
    alg = ngx_ess_jwt_alg(value->data, value->len);
    bit = (ngx_uint_t) 1 << alg;

    if (alg == NGX_ESS_JWT_ALGS || (conf->algs & bit)) {
        return param->expected;
    }

    conf->algs |= bit;

    return NULL;
}


static const char *
ngx_ess_jwt_conf_token(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    ngx_str_t            name, kind, *field;
    ngx_ess_jwt_conf_t  *conf;

    conf = ctx->conf;

    if (ngx_strcmp(value->data, "header") == 0 && !conf->header) {
        conf->header = 1;
        return NULL;
    }

    if (ngx_strcmp(value->data, "protocol") == 0 && !conf->protocol) {
        conf->protocol = 1;
        return NULL;
    }

    name = *value;
    (void) ngx_ess_str_cut(&name, ':', &kind);

    if (kind.len == 3 && ngx_strncmp(kind.data, "arg", 3) == 0) {
        field = &conf->arg;

    } else if (kind.len == 6 && ngx_strncmp(kind.data, "cookie", 6) == 0) {
        field = &conf->cookie;

    } else {
        return param->expected;
    }

    if (name.len == 0 || field->data) {
        return param->expected;
    }

    *field = name;

    return NULL;
}


static ngx_int_t
ngx_ess_jwt_conf_read_keys(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf)
{
    u_char              *buf;
    ssize_t              n;
    ngx_int_t            rc;
    ngx_str_t           *path, text;
    ngx_uint_t           alg, secret;
    const char          *what, *reason;
    ngx_ess_jwt_key_t   *key;

    path = conf->key.data ? &conf->key : &conf->jwks;
    what = conf->key.data ? "\"key\" of \"ess_jwt\""
                          : "\"jwks\" of \"ess_jwt\"";

    for (alg = 0; alg < NGX_ESS_JWT_ALGS; alg++) {
        if (conf->algs == (ngx_uint_t) 1 << alg) {
            break;
        }
    }

    /* not one of them: several */

    if (conf->key.data && alg == NGX_ESS_JWT_ALGS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_jwt\" with \"key=\" takes one \"alg=\"");
        return NGX_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    buf = ngx_palloc(cf->temp_pool, NGX_ESS_JWT_FILE + 1);
    conf->policy.keys = ngx_array_create(cf->pool, 1,
                                         sizeof(ngx_ess_jwt_key_t));

    if (buf == NULL || conf->policy.keys == NULL) {
        return NGX_ERROR;
    }

    secret = (conf->algs & (1 << NGX_ESS_JWT_HS256))
             ? ngx_ess_jwt_conf_add_secret(cf, path) : 0;

    n = ngx_ess_conf_file_read(cf, path, what, secret, buf,
                               NGX_ESS_JWT_FILE + 1);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    text.data = buf;
    text.len = n;
    reason = "is over the limit of 64k";

    if (n > NGX_ESS_JWT_FILE) {
        rc = NGX_DECLINED;

    } else if (conf->jwks.data) {
        rc = ngx_ess_jwt_key_set(cf->pool, &text, conf->algs,
                                 conf->policy.keys, &reason);
    } else {
        key = ngx_array_push(conf->policy.keys);

        rc = key ? ngx_ess_jwt_key_read(cf->pool, &text, alg, key, &reason)
                 : NGX_ERROR;
    }

    ngx_explicit_memzero(buf, n);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the %s, \"%V\", %s", what,
                           path, reason);
    }

    return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
}


/* Who may read a secret is looked at once, however many locations name it.
   1: it is the first to do so. */

static ngx_uint_t
ngx_ess_jwt_conf_add_secret(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_str_t                *secret;
    ngx_uint_t                i;
    ngx_ess_jwt_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_jwt_module);
    secret = jmcf->secrets.elts;

    for (i = 0; i < jmcf->secrets.nelts; i++) {
        if (ngx_ess_str_equal(&secret[i], path)) {
            return 0;
        }
    }

    secret = ngx_array_push(&jmcf->secrets);

    if (secret) {
        *secret = *path;
    }

    return 1;
}
