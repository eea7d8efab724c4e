
/*
 * Reads the directive and the keys that it names.  All memory is the
 * configuration's.  Runs in the master.
 */


#include "ngx_ess_conf_file.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_jwt_conf.h"


#define NGX_ESS_JWT_FILE    (64 * 1024)     /* bytes of a key's file */
#define NGX_ESS_JWT_LEEWAY  3600            /* s at most */


typedef const char *(*ngx_ess_jwt_conf_param_pt)(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);

typedef struct {
    ngx_str_t                  name;
    ngx_ess_jwt_conf_param_pt  set;         /* NULL, or what would be right */
} ngx_ess_jwt_conf_param_t;


static const char *ngx_ess_jwt_conf_param(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *param);
static const char *ngx_ess_jwt_conf_key(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_jwks(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_alg(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_aud(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_iss(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_exp(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_leeway(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_token(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_streams(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf, ngx_str_t *value);
static const char *ngx_ess_jwt_conf_text(ngx_str_t *text, ngx_str_t *value,
    const char *expected);
static ngx_int_t ngx_ess_jwt_conf_read_keys(ngx_conf_t *cf,
    ngx_ess_jwt_conf_t *conf);


static ngx_ess_jwt_conf_param_t  ngx_ess_jwt_conf_params[] = {
    { ngx_string("key"), ngx_ess_jwt_conf_key },
    { ngx_string("jwks"), ngx_ess_jwt_conf_jwks },
    { ngx_string("alg"), ngx_ess_jwt_conf_alg },
    { ngx_string("aud"), ngx_ess_jwt_conf_aud },
    { ngx_string("iss"), ngx_ess_jwt_conf_iss },
    { ngx_string("exp"), ngx_ess_jwt_conf_exp },
    { ngx_string("leeway"), ngx_ess_jwt_conf_leeway },
    { ngx_string("token"), ngx_ess_jwt_conf_token },
    { ngx_string("streams"), ngx_ess_jwt_conf_streams }
};


void *
ngx_ess_jwt_conf_create_main(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_ess_jwt_main_conf_t));
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

    if (conf->enable == NGX_CONF_UNSET) {
        *conf = *prev;
        ngx_conf_init_value(conf->enable, 0);
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_ess_jwt_takes_cookie(ngx_http_core_loc_conf_t *clcf)
{
    ngx_ess_jwt_conf_t  *conf;

    conf = clcf->loc_conf[ngx_ess_jwt_module.ctx_index];

    return conf->enable && conf->cookie.data;
}


char *
ngx_ess_jwt_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_jwt_conf_t *jcf = conf;

    ngx_str_t                *value, param;
    ngx_uint_t                i;
    const char               *expected;
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

    for (i = 1; i < cf->args->nelts; i++) {
        param = value[i];
        expected = ngx_ess_jwt_conf_param(cf, jcf, &value[i]);

        if (expected) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"ess_jwt\" has the invalid parameter \"%V\", "
                               "it takes %s", &param, expected);
            return NGX_CONF_ERROR;
        }
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

    return (ngx_ess_jwt_conf_read_keys(cf, jcf) == NGX_OK) ? NGX_CONF_OK
                                                           : NGX_CONF_ERROR;
}


/* Leaves the parameter's value in "param". */

static const char *
ngx_ess_jwt_conf_param(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *param)
{
    ngx_str_t   *name;
    ngx_uint_t   i, n;

    n = sizeof(ngx_ess_jwt_conf_params) / sizeof(ngx_ess_jwt_conf_param_t);

    for (i = 0; i < n; i++) {
        name = &ngx_ess_jwt_conf_params[i].name;

        if (param->len > name->len
            && ngx_strncmp(param->data, name->data, name->len) == 0
            && param->data[name->len] == '=')
        {
            param->data += name->len + 1;
            param->len -= name->len + 1;

            return ngx_ess_jwt_conf_params[i].set(cf, conf, param);
        }
    }

    return "\"off\", or key=, jwks=, alg=, aud=, iss=, exp=, leeway=, token= "
           "and streams=";
}


static const char *
ngx_ess_jwt_conf_key(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *value)
{
    return ngx_ess_jwt_conf_text(&conf->key, value,
                                 "one \"key=\" with the name of a file");
}


static const char *
ngx_ess_jwt_conf_jwks(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *value)
{
    return ngx_ess_jwt_conf_text(&conf->jwks, value,
                                 "one \"jwks=\" with the name of a file");
}


static const char *
ngx_ess_jwt_conf_alg(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *value)
{
    ngx_uint_t         bit;
    ngx_ess_jwt_alg_e  alg;

    alg = ngx_ess_jwt_alg(value->data, value->len);
    bit = (ngx_uint_t) 1 << alg;

    if (alg == NGX_ESS_JWT_ALGS || (conf->algs & bit)) {
        return "\"alg=\" with HS256, RS256, ES256 or EdDSA, each once";
    }

    conf->algs |= bit;

    return NULL;
}


static const char *
ngx_ess_jwt_conf_aud(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *value)
{
    return ngx_ess_jwt_conf_text(&conf->policy.aud, value,
                                 "one \"aud=\" with an audience");
}


static const char *
ngx_ess_jwt_conf_iss(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *value)
{
    return ngx_ess_jwt_conf_text(&conf->policy.iss, value,
                                 "one \"iss=\" with an issuer");
}


static const char *
ngx_ess_jwt_conf_exp(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "optional") != 0) {
        return "\"exp=optional\"";
    }

    conf->policy.endless = 1;

    return NULL;
}


static const char *
ngx_ess_jwt_conf_leeway(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *value)
{
    conf->policy.leeway = ngx_parse_time(value, 1);

    if (conf->policy.leeway == (time_t) NGX_ERROR
        || conf->policy.leeway > NGX_ESS_JWT_LEEWAY)
    {
        return "\"leeway=\" with a time up to 1h";
    }

    return NULL;
}


static const char *
ngx_ess_jwt_conf_token(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *value)
{
    ngx_str_t  name;

    static const char  expected[] = "\"token=\" with \"header\", \"protocol\", "
                                    "\"arg:name\" or \"cookie:name\", each "
                                    "once";

    if (ngx_strcmp(value->data, "header") == 0 && !conf->header) {
        conf->header = 1;
        return NULL;
    }

    if (ngx_strcmp(value->data, "protocol") == 0 && !conf->protocol) {
        conf->protocol = 1;
        return NULL;
    }

    if (ngx_strncmp(value->data, "arg:", 4) == 0) {
        name.data = value->data + 4;
        name.len = value->len - 4;

        return ngx_ess_jwt_conf_text(&conf->arg, &name, expected);
    }

    if (ngx_strncmp(value->data, "cookie:", 7) == 0) {
        name.data = value->data + 7;
        name.len = value->len - 7;

        return ngx_ess_jwt_conf_text(&conf->cookie, &name, expected);
    }

    return expected;
}


static const char *
ngx_ess_jwt_conf_streams(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf,
    ngx_str_t *value)
{
    return ngx_ess_jwt_conf_text(&conf->streams, value,
                                 "one \"streams=\" with the name of a claim");
}


static const char *
ngx_ess_jwt_conf_text(ngx_str_t *text, ngx_str_t *value, const char *expected)
{
    if (value->len == 0 || text->data) {
        return expected;
    }

    *text = *value;

    return NULL;
}


static ngx_int_t
ngx_ess_jwt_conf_read_keys(ngx_conf_t *cf, ngx_ess_jwt_conf_t *conf)
{
    u_char              *buf;
    ssize_t              n;
    ngx_int_t            rc;
    ngx_str_t           *path, text;
    ngx_uint_t           alg;
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

    n = ngx_ess_conf_file_read(cf, path, what,
                               conf->algs & (1 << NGX_ESS_JWT_HS256), buf,
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
