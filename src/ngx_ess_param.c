
/*
 * Parameters of directives by a table.  What is set is the configuration's.
 * Runs in the master.
 */


#include "ngx_ess_param.h"
#include "ngx_ess_str.h"


#define ngx_ess_param_field(param, conf, type)                                \
    ((type *) ((u_char *) (conf) + (param)->offset))


static ngx_str_t ngx_ess_param_shown(const ngx_str_t *text);
static const char *ngx_ess_param_integer(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, int64_t n);


static const char  ngx_ess_param_differs[] =
    "the same value as in the first one, or none";

char *
ngx_ess_param_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_param_directive_t  *directive = cmd->post;

    const ngx_ess_param_t  *param;

    for (param = directive->params; param->set; param++) {
        if (*ngx_ess_param_field(param, conf, ngx_int_t) != NGX_CONF_UNSET) {
            return "is duplicate";
        }
    }

    return ngx_ess_param_args(cf, cmd, conf);
}


char *
ngx_ess_param_args(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_param_directive_t  *directive = cmd->post;

    ngx_int_t               rc;
    ngx_str_t              *value, shown;
    ngx_uint_t              i;
    ngx_ess_param_ctx_t     ctx;
    const ngx_ess_param_t  *param;

    value = cf->args->elts;
    param = directive->params;

    if (directive->off && cf->args->nelts == 2
        && ngx_strcmp(value[1].data, "off") == 0)
    {
        for ( /* void */ ; param->set; param++) {
            *ngx_ess_param_field(param, conf, ngx_int_t) = 0;
        }

        return NGX_CONF_OK;
    }

    ngx_memzero(&ctx, sizeof(ngx_ess_param_ctx_t));

    ctx.cf = cf;
    ctx.directive = (const char *) cmd->name.data;
    ctx.conf = conf;
    ctx.many = directive->many;

    for (i = 1; i < cf->args->nelts; i++) {

        if (i <= directive->nargs) {

            if (ngx_ess_param_arg(&ctx, param, &value[i]) != NGX_OK) {
                return NGX_CONF_ERROR;
            }

            param++;
            continue;
        }

        rc = ngx_ess_param(&ctx, param, &value[i]);

        if (rc == NGX_DECLINED) {
            shown = ngx_ess_param_shown(&value[i]);

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has the invalid parameter \"%V\", it"
                               " takes %s", &cmd->name, &shown,
                               directive->takes);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_ess_param_others(ngx_conf_t *cf, ngx_command_t *cmd, void *conf,
    const ngx_ess_param_t *params, ngx_uint_t many,
    ngx_ess_param_other_pt other)
{
    char                 *rv;
    ngx_int_t             rc;
    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_ess_param_ctx_t   ctx;

    ngx_memzero(&ctx, sizeof(ngx_ess_param_ctx_t));

    ctx.cf = cf;
    ctx.directive = (const char *) cmd->name.data;
    ctx.conf = conf;
    ctx.many = many;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        rc = ngx_ess_param(&ctx, params, &value[i]);

        if (rc == NGX_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DECLINED) {
            rv = other(cf, cmd, conf, &value[i]);

            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_ess_param_arg(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *arg)
{
    ngx_str_t    shown;
    const char  *expected;

    expected = param->set(ctx, param, arg);

    if (expected) {
        shown = ngx_ess_param_shown(arg);

        ngx_conf_log_error(NGX_LOG_EMERG, ctx->cf, 0,
                           "\"%s\" has the invalid %V \"%V\", it must be %s",
                           ctx->directive, &param->name, &shown, expected);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_param(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *params,
    ngx_str_t *arg)
{
    ngx_str_t               name, value, shown;
    ngx_uint_t              bit;
    const char             *expected;
    const ngx_ess_param_t  *param;

    value = *arg;

    if (!ngx_ess_str_cut(&value, '=', &name)) {
        return NGX_DECLINED;
    }

    for (param = params; param->set; param++) {

        if (ngx_ess_str_equal(&name, &param->name)) {
            goto found;
        }
    }

    return NGX_DECLINED;

found:

    bit = (ngx_uint_t) 1 << (param - params);

    shown = ngx_ess_param_shown(arg);

    if (ctx->seen & bit & ~ctx->many) {
        ngx_conf_log_error(NGX_LOG_EMERG, ctx->cf, 0,
                           "\"%s\" has \"%V=\" twice, the second is \"%V\":"
                           " it takes each parameter once, so one \"%V=\"",
                           ctx->directive, &param->name, &shown, &param->name);
        return NGX_ERROR;
    }

    ctx->seen |= bit;

    expected = param->set(ctx, param, &value);

    if (expected) {
        value = ngx_ess_param_shown(&value);

        ngx_conf_log_error(NGX_LOG_EMERG, ctx->cf, 0,
                           "invalid value \"%V\" of \"%V\" in \"%s\": instead"
                           " of \"%V\" give %s", &value, &param->name,
                           ctx->directive, &shown, expected);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* What a log line may show: a URL with a user or with parameters may have a
   password, and is cut off behind its scheme. */

static ngx_str_t
ngx_ess_param_shown(const ngx_str_t *text)
{
    size_t     i;
    u_char    *p;
    ngx_str_t  shown;

    shown = *text;
    p = shown.data;

    for (i = 3; i < shown.len; i++) {

        if (p[i - 3] == ':' && p[i - 2] == '/' && p[i - 1] == '/'
            && (memchr(&p[i], '@', shown.len - i)
                || memchr(&p[i], '?', shown.len - i)))
        {
            shown.len = i;
        }
    }

    return shown;
}


const char *
ngx_ess_param_number(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    return ngx_ess_param_integer(ctx, param,
                                 ngx_atoi(value->data, value->len));
}


const char *
ngx_ess_param_msec(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    return ngx_ess_param_integer(ctx, param, ngx_parse_time(value, 0));
}


const char *
ngx_ess_param_msec_or_0(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_ess_param_t  zero;

    if (ngx_parse_time(value, 0) != 0) {
        return ngx_ess_param_msec(ctx, param, value);
    }

    zero = *param;
    zero.min = 0;

    return ngx_ess_param_integer(ctx, &zero, 0);
}


const char *
ngx_ess_param_sec(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    return ngx_ess_param_integer(ctx, param, ngx_parse_time(value, 1));
}


const char *
ngx_ess_param_size(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    return ngx_ess_param_integer(ctx, param, ngx_parse_size(value));
}


/* NGX_ERROR, which is no number, is below each bound: fields have no sign. */

static const char *
ngx_ess_param_integer(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    int64_t n)
{
    ngx_uint_t  *field;

    if (n < param->min || n > param->max) {
        return param->expected;
    }

    field = ngx_ess_param_field(param, ctx->conf, ngx_uint_t);

    if (ctx->again && *field != (ngx_uint_t) n) {
        return ngx_ess_param_differs;
    }

    *field = n;

    return NULL;
}


const char *
ngx_ess_param_text(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    ngx_str_t  *field;

    if ((int64_t) value->len < param->min || (int64_t) value->len > param->max)
    {
        return param->expected;
    }

    field = ngx_ess_param_field(param, ctx->conf, ngx_str_t);

    if (ctx->again && !ngx_ess_str_equal(field, value)) {
        return ngx_ess_param_differs;
    }

    *field = *value;

    return NULL;
}


const char *
ngx_ess_param_enum(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *param,
    ngx_str_t *value)
{
    ngx_uint_t       *field;
    ngx_conf_enum_t  *word;

    field = ngx_ess_param_field(param, ctx->conf, ngx_uint_t);

    for (word = param->words; word->name.len; word++) {

        if (!ngx_ess_str_equal(&word->name, value)) {
            continue;
        }

        if (ctx->again && *field != word->value) {
            return ngx_ess_param_differs;
        }

        *field = word->value;

        return NULL;
    }

    return param->expected;
}


ngx_int_t
ngx_ess_param_complex(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t **cv)
{
    ngx_http_compile_complex_value_t  ccv;

    *cv = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (*cv == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = *cv;

    return ngx_http_compile_complex_value(&ccv);
}
