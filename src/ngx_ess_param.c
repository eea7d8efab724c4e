
/*
 * Parameters of directives by a table.  What is set is the configuration's.
 * Runs in the master.
 */


#include "ngx_ess_param.h"
#include "ngx_ess_str.h"


static const char *ngx_ess_param_integer(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, int64_t n);


static const char  ngx_ess_param_differs[] =
    "the same value as in the first one, or none";


ngx_int_t
ngx_ess_param(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *params,
    ngx_str_t *arg)
{
    ngx_str_t               name, value;
    ngx_uint_t              bit;
    const char             *expected;
    const ngx_ess_param_t  *param;

    value = *arg;

    if (!ngx_ess_str_cut(&value, '=', &name)) {
        return NGX_DECLINED;
    }

    for (param = params; param->set; param++) {

        if (name.len == param->name.len
            && ngx_strncmp(name.data, param->name.data, name.len) == 0)
        {
            goto found;
        }
    }

    return NGX_DECLINED;

found:

    bit = (ngx_uint_t) 1 << (param - params);

    if (ctx->seen & bit) {
        ngx_conf_log_error(NGX_LOG_EMERG, ctx->cf, 0,
                           "\"%s\" has \"%V=\" twice", ctx->directive,
                           &param->name);
        return NGX_ERROR;
    }

    ctx->seen |= bit;

    expected = param->set(ctx, param, &value);

    if (expected) {
        ngx_conf_log_error(NGX_LOG_EMERG, ctx->cf, 0,
                           "invalid value \"%V\" of \"%V\" in \"%s\": it"
                           " must be %s", &value, &param->name,
                           ctx->directive, expected);
        return NGX_ERROR;
    }

    return NGX_OK;
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

    field = (ngx_uint_t *) ((u_char *) ctx->conf + param->offset);

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

    field = (ngx_str_t *) ((u_char *) ctx->conf + param->offset);

    if (ctx->again
        && (field->len != value->len
            || ngx_strncmp(field->data, value->data, value->len) != 0))
    {
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

    field = (ngx_uint_t *) ((u_char *) ctx->conf + param->offset);

    for (word = param->words; word->name.len; word++) {

        if (word->name.len != value->len
            || ngx_strncmp(word->name.data, value->data, value->len) != 0)
        {
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
