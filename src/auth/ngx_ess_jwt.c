
/*
 * Where a request has its token, and the two phases: before anybody may log
 * the request, the token is taken out of its query, and in the access phase it
 * is checked.  Runs in workers; all memory is the request's.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_header.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_str.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_jwt_conf.h"
#include "ngx_ess_jwt_token.h"
#include "ngx_ess_counter.h"


typedef struct {
    ngx_str_t                token;         /* data NULL: none */
    ngx_str_t                claims;        /* data NULL: it did not let the
                                               request in */
    time_t                   expires;
    ngx_uint_t               n;             /* tokens that were found */
    unsigned                 offered:1;
} ngx_ess_jwt_ctx_t;


static ngx_int_t ngx_ess_jwt_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_ess_jwt_init(ngx_conf_t *cf);
static ngx_int_t ngx_ess_jwt_preaccess(ngx_http_request_t *r);
static ngx_int_t ngx_ess_jwt_found(ngx_http_request_t *r,
    ngx_ess_jwt_ctx_t *ctx, u_char *data, size_t len);
static ngx_int_t ngx_ess_jwt_header(ngx_http_request_t *r,
    ngx_ess_jwt_ctx_t *ctx);
static ngx_int_t ngx_ess_jwt_protocol(ngx_http_request_t *r,
    ngx_ess_jwt_ctx_t *ctx);
static ngx_int_t ngx_ess_jwt_cookie(ngx_http_request_t *r,
    ngx_ess_jwt_ctx_t *ctx, ngx_str_t *name);
static ngx_int_t ngx_ess_jwt_args(ngx_http_request_t *r,
    ngx_ess_jwt_ctx_t *ctx, ngx_str_t *name);
static u_char *ngx_ess_jwt_arg_value(u_char *p, u_char *last,
    ngx_str_t *name);
static ngx_int_t ngx_ess_jwt_access(ngx_http_request_t *r);
static ngx_int_t ngx_ess_jwt_refuse(ngx_http_request_t *r,
    const char *reason);
static ngx_int_t ngx_ess_jwt_ask(ngx_http_request_t *r);
static ngx_ess_jwt_ctx_t *ngx_ess_jwt_ctx(ngx_http_request_t *r);
static ngx_int_t ngx_ess_jwt_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_command_t  ngx_ess_jwt_commands[] = {

    { ngx_string("ess_jwt"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_ess_jwt_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_ess_jwt_conf_directive },

      ngx_null_command
};


static ngx_http_module_t  ngx_ess_jwt_module_ctx = {
    ngx_ess_jwt_add_variables,             /* preconfiguration */
    ngx_ess_jwt_init,                      /* postconfiguration */

    ngx_ess_jwt_conf_create_main,          /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_ess_jwt_conf_create_loc,           /* create location configuration */
    ngx_ess_jwt_conf_merge_loc             /* merge location configuration */
};


ngx_module_t  ngx_ess_jwt_module = {
    NGX_MODULE_V1,
    &ngx_ess_jwt_module_ctx,               /* module context */
    ngx_ess_jwt_commands,                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_ess_jwt_prefix = ngx_string("ess_jwt_");


static ngx_int_t
ngx_ess_jwt_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var;

    var = ngx_http_add_variable(cf, &ngx_ess_jwt_prefix, NGX_HTTP_VAR_PREFIX);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_ess_jwt_variable;

    return NGX_OK;
}


/* Without ess_jwt no request is looked at. */

static ngx_int_t
ngx_ess_jwt_init(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_http_handler_pt        *h;
    ngx_ess_jwt_main_conf_t    *jmcf;
    ngx_http_core_main_conf_t  *cmcf;

    static const struct {
        ngx_http_phases        phase;
        ngx_http_handler_pt    handler;
    } phases[] = {
        { NGX_HTTP_PREACCESS_PHASE, ngx_ess_jwt_preaccess },
        { NGX_HTTP_ACCESS_PHASE, ngx_ess_jwt_access }
    };

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_jwt_module);

    if (!jmcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        h = ngx_array_push(&cmcf->phases[phases[i].phase].handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        *h = phases[i].handler;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_jwt_preaccess(ngx_http_request_t *r)
{
    ngx_ess_jwt_ctx_t   *ctx;
    ngx_ess_jwt_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_ess_jwt_module);

    if (!conf->enable
        || r != r->main
        || ngx_http_get_module_ctx(r, ngx_ess_jwt_module))
    {
        return NGX_DECLINED;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_ess_jwt_ctx_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_http_set_ctx(r, ctx, ngx_ess_jwt_module);

    if ((conf->header && ngx_ess_jwt_header(r, ctx) != NGX_OK)
        || (conf->protocol && ngx_ess_jwt_protocol(r, ctx) != NGX_OK)
        || (conf->cookie.data
            && ngx_ess_jwt_cookie(r, ctx, &conf->cookie) != NGX_OK)
        || (conf->arg.data && ngx_ess_jwt_args(r, ctx, &conf->arg) != NGX_OK))
    {
        return NGX_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_ess_jwt_found(ngx_http_request_t *r, ngx_ess_jwt_ctx_t *ctx, u_char *data,
    size_t len)
{
    if (ctx->n++) {
        return NGX_OK;
    }

    ctx->token.data = ngx_pnalloc(r->pool, len + 1);
    if (ctx->token.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(ctx->token.data, data, len);
    ctx->token.len = len;

    return NGX_OK;
}


/* RFC 6750, 2.1.  Other schemes are other modules'. */

static ngx_int_t
ngx_ess_jwt_header(ngx_http_request_t *r, ngx_ess_jwt_ctx_t *ctx)
{
    u_char           *p, *last;
    ngx_table_elt_t  *h;

    h = NULL;

    while ((h = ngx_ess_header_find(r, "authorization", h)) != NULL) {
        p = h->value.data;
        last = p + h->value.len;

        if (h->value.len < sizeof("Bearer ") - 1
            || ngx_strncasecmp(p, (u_char *) "Bearer ", 7) != 0)
        {
            continue;
        }

        for (p += 7; p < last && *p == ' '; p++) { /* void */ }

        if (ngx_ess_jwt_found(r, ctx, p, last - p) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* "ess.jwt", and behind it the token. */

static ngx_int_t
ngx_ess_jwt_protocol(ngx_http_request_t *r, ngx_ess_jwt_ctx_t *ctx)
{
    ngx_str_t         rest, item;
    ngx_uint_t        next;
    ngx_table_elt_t  *h;

    static const char  name[] = "sec-websocket-protocol";

    next = 0;
    h = NULL;

    while ((h = ngx_ess_header_find(r, name, h)) != NULL) {
        rest = h->value;

        while (ngx_ess_str_item(&rest, ',', &item)) {

            if (next) {
                next = 0;

                if (ngx_ess_jwt_found(r, ctx, item.data, item.len) != NGX_OK) {
                    return NGX_ERROR;
                }

            } else if (item.len == sizeof(NGX_ESS_JWT_PROTOCOL) - 1
                       && ngx_strncmp(item.data, NGX_ESS_JWT_PROTOCOL,
                                      item.len) == 0)
            {
                ctx->offered = 1;
                next = 1;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_jwt_cookie(ngx_http_request_t *r, ngx_ess_jwt_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_str_t         rest, item, key;
    ngx_table_elt_t  *h;

    h = NULL;

    while ((h = ngx_ess_header_find(r, "cookie", h)) != NULL) {
        rest = h->value;

        while (ngx_ess_str_item(&rest, ';', &item)) {

            if (ngx_ess_str_cut(&item, '=', &key)
                && ngx_ess_str_equal(&key, name)
                && ngx_ess_jwt_found(r, ctx, item.data, item.len) != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/*
 * Taken out of all that logs and other modules see of the query.  A token
 * needs no escapes, so one that has some is none.
 */

static ngx_int_t
ngx_ess_jwt_args(ngx_http_request_t *r, ngx_ess_jwt_ctx_t *ctx,
    ngx_str_t *name)
{
    u_char      *p, *last, *value;
    ngx_str_t   *texts[3];
    ngx_uint_t   i;

    if (r->args.len == 0) {
        return NGX_OK;
    }

    texts[0] = &r->args;
    texts[1] = &r->unparsed_uri;
    texts[2] = &r->request_line;

    for (i = 0; i < 3; i++) {
        p = texts[i]->data;
        last = p + texts[i]->len;

        for ( /* void */ ; p < last; p++) {

            if (p != texts[i]->data && p[-1] != '&' && p[-1] != '?') {
                continue;
            }

            value = ngx_ess_jwt_arg_value(p, last, name);

            if (value == NULL) {
                continue;
            }

            for (p = value; p < last && *p != '&' && *p != ' '; p++) {
                /* void */
            }

            if (i == 0 && ngx_ess_jwt_found(r, ctx, value, p - value) != NGX_OK)
            {
                return NGX_ERROR;
            }

            ngx_memset(value, '*', p - value);
        }
    }

    return NGX_OK;
}


/* The value of the argument at "p", NULL: it has another name.  Letters of
   either case, and percent-encoded ones, are the same. */

static u_char *
ngx_ess_jwt_arg_value(u_char *p, u_char *last, ngx_str_t *name)
{
    size_t     i;
    u_char     ch;
    ngx_int_t  n;

    for (i = 0; i < name->len && p < last; i++) {

        ch = *p++;

        if (ch == '%') {
            n = (last - p < 2) ? NGX_ERROR : ngx_hextoi(p, 2);

            if (n == NGX_ERROR) {
                return NULL;
            }

            ch = (u_char) n;
            p += 2;
        }

        if (ngx_tolower(ch) != ngx_tolower(name->data[i])) {
            return NULL;
        }
    }

    return (i == name->len && p < last && *p == '=') ? p + 1 : NULL;
}


static ngx_int_t
ngx_ess_jwt_access(ngx_http_request_t *r)
{
    time_t               expires;
    ngx_int_t            rc;
    ngx_str_t            claims;
    const char          *reason;
    ngx_ess_jwt_ctx_t   *ctx;
    ngx_ess_jwt_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_ess_jwt_module);
    ctx = ngx_http_get_module_ctx(r, ngx_ess_jwt_module);

    if (!conf->enable) {
        return NGX_DECLINED;
    }

    if (ctx == NULL || ctx->n == 0) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "request without a token");

        return ngx_ess_jwt_refuse(r, NULL);
    }

    if (ctx->n > 1) {
        reason = "there are several";
        rc = NGX_DECLINED;

    } else {
        rc = ngx_ess_jwt_token_verify(&conf->policy, &ctx->token, ngx_time(),
                                      r->pool, &claims, &expires, &reason);
    }

    ngx_explicit_memzero(ctx->token.data, ctx->token.len);

    if (rc == NGX_OK) {
        ctx->claims = claims;
        ctx->expires = expires;
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0, "token refused: %s",
                  reason);

    return ngx_ess_jwt_refuse(r, reason);
}


/*
 * RFC 6750, 3.  Reason NULL: there is no token.  The field is nginx's own,
 * which "satisfy any" takes back when another rule lets the request in; so
 * without a token it is not counted then.
 */

static ngx_int_t
ngx_ess_jwt_refuse(ngx_http_request_t *r, const char *reason)
{
    const char                *challenge;
    ngx_table_elt_t           *h;
    ngx_ess_main_conf_t       *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (mcf->zone && (reason || clcf->satisfy == NGX_HTTP_SATISFY_ALL)) {
        ngx_ess_counter_add(mcf->zone,
                            NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_TOKEN, 1);
    }

    challenge = reason ? "Bearer error=\"invalid_token\"" : "Bearer";

    h = ngx_ess_header_push(r, "WWW-Authenticate", challenge,
                            ngx_strlen(challenge));
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.www_authenticate = h;

    if (reason == NULL) {
        return ngx_ess_jwt_ask(r);
    }

    return ngx_ess_problem_refuse(r, NGX_HTTP_UNAUTHORIZED,
                                  "the token was refused: %s", reason);
}


/* Says where a token is looked for. */

static ngx_int_t
ngx_ess_jwt_ask(ngx_http_request_t *r)
{
    u_char               text[512], *p, *last;
    ngx_ess_jwt_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_ess_jwt_module);

    p = text;
    last = text + sizeof(text);

    if (conf->header) {
        p = ngx_slprintf(p, last, " or in \"Authorization: Bearer <token>\"");
    }

    if (conf->protocol) {
        p = ngx_slprintf(p, last, " or behind \"" NGX_ESS_JWT_PROTOCOL
                         "\" in the list of a WebSocket's subprotocols");
    }

    if (conf->cookie.data) {
        p = ngx_slprintf(p, last, " or in the cookie \"%V\"", &conf->cookie);
    }

    if (conf->arg.data) {
        p = ngx_slprintf(p, last, " or in the argument \"%V\" of the query",
                         &conf->arg);
    }

    /* there is one of them */

    return ngx_ess_problem_refuse(r, NGX_HTTP_UNAUTHORIZED,
                                  "the request has no token, which is to be "
                                  "%*s", (size_t) (p - text) - 4, text + 4);
}


/* Of a request that a token let in, else NULL. */

static ngx_ess_jwt_ctx_t *
ngx_ess_jwt_ctx(ngx_http_request_t *r)
{
    ngx_ess_jwt_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r->main, ngx_ess_jwt_module);

    return (ctx && ctx->claims.data) ? ctx : NULL;
}


ngx_uint_t
ngx_ess_jwt_offered(ngx_http_request_t *r)
{
    ngx_ess_jwt_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_ess_jwt_module);

    return ctx && ctx->offered;
}


ngx_uint_t
ngx_ess_jwt_guards(void **loc_conf)
{
    ngx_ess_jwt_conf_t  *conf;

    conf = loc_conf[ngx_ess_jwt_module.ctx_index];

    return conf->enable != 0;
}


void
ngx_ess_jwt_keep(ngx_conf_t *cf)
{
    ngx_ess_jwt_conf_t  *conf;

    conf = ngx_http_conf_get_module_loc_conf(cf, ngx_ess_jwt_module);

    conf->keep = 1;
}


time_t
ngx_ess_jwt_expires(ngx_http_request_t *r)
{
    ngx_ess_jwt_ctx_t  *ctx;

    ctx = ngx_ess_jwt_ctx(r);

    return ctx ? ctx->expires : 0;
}


ngx_int_t
ngx_ess_jwt_grant(ngx_http_request_t *r, ngx_ess_jwt_grant_t **grant)
{
    ngx_ess_jwt_ctx_t   *ctx;
    ngx_ess_jwt_conf_t  *conf;

    ctx = ngx_ess_jwt_ctx(r);

    if (ctx == NULL) {
        *grant = NULL;
        return NGX_OK;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_ess_jwt_module);

    *grant = ngx_ess_jwt_grant_create(conf, &ctx->claims, ctx->expires,
                                      r->connection->log);

    return *grant ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_ess_jwt_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t *name = (ngx_str_t *) data;

    ngx_int_t           rc;
    ngx_str_t           claim, value;
    ngx_ess_jwt_ctx_t  *ctx;

    ctx = ngx_ess_jwt_ctx(r);
    v->not_found = 1;

    if (ctx == NULL) {
        return NGX_OK;
    }

    claim.data = name->data + ngx_ess_jwt_prefix.len;
    claim.len = name->len - ngx_ess_jwt_prefix.len;

    rc = ngx_ess_jwt_token_claim(&ctx->claims, &claim, r->pool, &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* one with a line break would end the header that it is made part of */

    if (rc == NGX_OK && ngx_ess_header_is_clean(value.data, value.len)) {
        v->data = value.data;
        v->len = value.len;
        v->valid = 1;
        v->no_cacheable = 0;
        v->not_found = 0;
    }

    return NGX_OK;
}
