
/*
 * The directives of those who subscribe.  They belong to the configuration's
 * pool.  Runs in the master.
 */


#include "ngx_ess_conf_subscribe.h"
#include "ngx_ess_client_enter.h"
#include "ngx_ess_conf_limits.h"
#include "ngx_ess_conf_scope.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_name.h"
#include "ngx_ess_percent.h"
#include "ngx_ess_str.h"
#include "ngx_ess_conf_serve.h"


static char *ngx_ess_conf_subscribe_uuid(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_str_t *value);
static const char *ngx_ess_conf_subscribe_name(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static ngx_int_t ngx_ess_conf_subscribe_word(ngx_conf_t *cf,
    ngx_ess_loc_conf_t *lcf, ngx_uint_t i);
static ngx_int_t ngx_ess_conf_subscribe_place(ngx_conf_t *cf,
    ngx_ess_loc_conf_t *lcf);
static const char *ngx_ess_conf_subscribe_unknown(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_conf_subscribe_key(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static ngx_uint_t ngx_ess_conf_subscribe_is_query(ngx_str_t *value);
static ngx_int_t ngx_ess_conf_subscribe_is_origin(ngx_str_t *value);


static ngx_conf_enum_t  ngx_ess_conf_subscribe_deflate_words[] = {
    { ngx_string("on"), 6 },                    /* as gzip has it */
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ess_conf_subscribe_slow_words[] = {
    { ngx_string("close"), 0 },
    { ngx_string("skip"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ess_conf_subscribe_max_words[] = {
    { ngx_string("replace"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_ess_conf_subscribe_poison_words[] = {
    { ngx_string("close"), 1 },
    { ngx_null_string, 0 }
};


/* RFC 6455, 7.4, and the registry that it founded: the rest are of others, for
   clients, or never sent */

static const ngx_ess_param_t  ngx_ess_conf_subscribe_params[] = {

    { ngx_string("name"), ngx_ess_conf_subscribe_name, 0, 0, 0,
      "the name of a stream, or a value with variables, such as "
      "\"name=$arg_stream\"", NULL },

    { ngx_string("create"), ngx_ess_conf_create,
      offsetof(ngx_ess_loc_conf_t, create), 0, 0, NGX_ESS_CONF_CREATE, NULL },

    { ngx_string("unknown"), ngx_ess_conf_subscribe_unknown,
      offsetof(ngx_ess_loc_conf_t, subscribe_unknown), 1000, 4999,
      "\"unknown=404\", or \"unknown=close:\" and a code that a server may "
      "send, such as 1000, 1008 or 4404: 1000 to 1003, 1007 to 1009, 1011 to "
      "1014 or 3000 to 4999", NULL },

    { ngx_string("poison"), ngx_ess_param_enum,
      offsetof(ngx_ess_loc_conf_t, subscribe_poison), 0, 0,
      "\"poison=close\"", ngx_ess_conf_subscribe_poison_words },

    { ngx_string("key"), ngx_ess_conf_subscribe_key,
      offsetof(ngx_ess_loc_conf_t, subscribe_key), 0, 0,
      "a variable that has the key of the events, such as \"key=$arg_room\", "
      "or \"key=?$arg_room\" where without one all events are had", NULL },

    ngx_ess_null_param
};


static const ngx_ess_param_t  ngx_ess_conf_subscribe_deflate_params[] = {

    { ngx_string("value"), ngx_ess_param_enum,
      offsetof(ngx_ess_main_conf_t, deflate), 0, 0,
      "\"on\", or \"off\" alone", ngx_ess_conf_subscribe_deflate_words },

    { ngx_string("level"), ngx_ess_param_number,
      offsetof(ngx_ess_main_conf_t, deflate), 1, 9,
      "a number from 1 to 9", NULL },

    { ngx_string("min_size"), ngx_ess_param_size,
      offsetof(ngx_ess_main_conf_t, deflate_min), 1, NGX_MAX_SIZE_T_VALUE,
      "a size, such as \"min_size=256\"", NULL },

    ngx_ess_null_param
};


/* a client that is less than a few kilobytes behind is not slow */

static const ngx_ess_param_t  ngx_ess_conf_subscribe_slow_params[] = {

    { ngx_string("value"), ngx_ess_param_enum,
      offsetof(ngx_ess_loc_conf_t, slow_skip), 0, 0,
      "\"close\" or \"skip\"", ngx_ess_conf_subscribe_slow_words },

    { ngx_string("buffer"), ngx_ess_param_size,
      offsetof(ngx_ess_loc_conf_t, slow_buffer), 4096, NGX_MAX_SIZE_T_VALUE,
      "a size of at least 4k, such as \"buffer=1m\"", NULL },

    ngx_ess_null_param
};


/* a second: a burst takes a message of 64k */

static const ngx_ess_param_t  ngx_ess_conf_subscribe_rate_params[] = {

    { ngx_string("messages"), ngx_ess_param_number,
      offsetof(ngx_ess_loc_conf_t, client_rate.messages), 1, 1000000,
      "a number from 1 to 1000000", NULL },

    { ngx_string("bytes"), ngx_ess_param_size,
      offsetof(ngx_ess_loc_conf_t, client_rate.bytes), 8192,
      1024 * 1024 * 1024, "a size from 8k to 1g", NULL },

    ngx_ess_null_param
};


static const ngx_ess_param_t  ngx_ess_conf_subscribe_clients_params[] = {

    { ngx_string("number"), ngx_ess_param_number,
      offsetof(ngx_ess_main_conf_t, max_clients), 1, NGX_MAX_INT_T_VALUE,
      "the number of clients that a worker takes, such as \"1000\", or"
      " \"off\"", NULL },

    ngx_ess_null_param
};


static const ngx_ess_param_t  ngx_ess_conf_subscribe_max_params[] = {

    { ngx_string("number"), ngx_ess_param_number,
      offsetof(ngx_ess_loc_conf_t, limit.max), 1, NGX_MAX_INT_T_VALUE,
      "the number of subscribers that a stream may have, such as \"100\", or"
      " \"off\" alone", NULL },

    { ngx_string("parameter"), ngx_ess_param_enum,
      offsetof(ngx_ess_loc_conf_t, limit.replace), 0, 0,
      "\"replace\"", ngx_ess_conf_subscribe_max_words },

    ngx_ess_null_param
};


ngx_ess_param_directive_t  ngx_ess_conf_subscribe_deflate = {
    ngx_ess_conf_subscribe_deflate_params, 1,
    "\"level=\" and \"min_size=\" behind \"on\"", 1, 0
};

ngx_ess_param_directive_t  ngx_ess_conf_subscribe_slow = {
    ngx_ess_conf_subscribe_slow_params, 1,
    "\"buffer=\" with a size of at least 4k, such as \"buffer=1m\"", 0, 0
};

ngx_ess_param_directive_t  ngx_ess_conf_subscribe_rate = {
    ngx_ess_conf_subscribe_rate_params, 0,
    "\"off\" alone, or \"messages=\" and \"bytes=\", both a second", 1, 0
};

ngx_ess_param_directive_t  ngx_ess_conf_subscribe_clients = {
    ngx_ess_conf_subscribe_clients_params, 1, NULL, 1, 0
};

ngx_ess_param_directive_t  ngx_ess_conf_subscribe_max = {
    ngx_ess_conf_subscribe_max_params, 2, NULL, 1, 0
};


char *
ngx_ess_conf_subscribe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    char                 *rv;
    ngx_int_t             rc;
    ngx_str_t            *value;
    ngx_uint_t            i;
    ngx_ess_param_ctx_t   ctx;

    /* ngx_ess_conf_serve() refuses a second directive */

    lcf->subscribe_uuid = NULL;

    ngx_memzero(&ctx, sizeof(ngx_ess_param_ctx_t));

    ctx.cf = cf;
    ctx.directive = (const char *) cmd->name.data;
    ctx.conf = lcf;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        rc = ngx_ess_param(&ctx, ngx_ess_conf_subscribe_params, &value[i]);

        if (rc == NGX_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DECLINED
            && ngx_ess_conf_subscribe_word(cf, lcf, i) != NGX_OK)
        {
            rv = ngx_ess_conf_subscribe_uuid(cf, cmd, lcf, &value[i]);

            if (rv != NGX_CONF_OK) {
                return rv;
            }
        }
    }

    if (lcf->subscribe_multi
        && (ctx.seen || lcf->subscribe_uuid || lcf->subscribe_name))
    {
        return "takes nothing beside \"multi\" but \"names\", and \"public\" "
               "or \"guarded\" behind that: its clients say which streams "
               "they want";
    }

    if (lcf->create && lcf->subscribe_name == NULL) {
        return "has \"create=\" without \"name=\", which says what the stream "
               "is to be called, such as \"name=$arg_channel\"";
    }

    if (ngx_ess_conf_subscribe_place(cf, lcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_ess_conf_serve(cf, cmd, lcf, ngx_ess_client_enter_handler);
}


/* "multi", "names" behind it, "public" and "guarded" behind what lets clients
   name streams.  NGX_DECLINED: it is none of them. */

static ngx_int_t
ngx_ess_conf_subscribe_word(ngx_conf_t *cf, ngx_ess_loc_conf_t *lcf,
    ngx_uint_t i)
{
    ngx_str_t   *value;
    ngx_uint_t   named;

    value = cf->args->elts;

    if (i == 1) {
        lcf->subscribe_multi = (ngx_strcmp(value[1].data, "multi") == 0);
        return lcf->subscribe_multi ? NGX_OK : NGX_DECLINED;
    }

    if (lcf->subscribe_multi && i == 2
        && ngx_strcmp(value[2].data, "names") == 0)
    {
        lcf->subscribe_names = 1;
        return NGX_OK;
    }

    named = (lcf->subscribe_names && i == 3)
            || ngx_strncmp(value[i - 1].data, "name=", 5) == 0;

    if (named && (ngx_strcmp(value[i].data, "public") == 0
                  || ngx_strcmp(value[i].data, "guarded") == 0))
    {
        lcf->subscribe_open = 1;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static const char *
ngx_ess_conf_subscribe_name(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_ess_loc_conf_t  *lcf;

    lcf = ctx->conf;

    if (value->len == 0
        || ngx_ess_param_complex(ctx->cf, value, &lcf->subscribe_name)
           != NGX_OK)
    {
        return param->expected;
    }

    lcf->subscribe_name_query = ngx_ess_conf_subscribe_is_query(value);

    return (lcf->subscribe_name->lengths || ngx_ess_name_wrong(value) == NULL)
           ? NULL : param->expected;
}


static ngx_int_t
ngx_ess_conf_subscribe_place(ngx_conf_t *cf, ngx_ess_loc_conf_t *lcf)
{
    u_char     *p;
    ngx_str_t  *file;

    if (lcf->subscribe_name == NULL && !lcf->subscribe_names) {
        return NGX_OK;
    }

    file = &cf->conf_file->file.name;

    p = ngx_pnalloc(cf->pool, file->len + NGX_INT_T_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    lcf->subscribe_place.data = p;
    lcf->subscribe_place.len = ngx_sprintf(p, "%V:%ui", file,
                                           cf->conf_file->line)
                               - p;

    return NGX_OK;
}


/* Modules are merged one after the other: only then is known where ess_jwt
   is. */

ngx_int_t
ngx_ess_conf_subscribe_check(ngx_conf_t *cf)
{
    ngx_uint_t              i;
    ngx_ess_loc_conf_t     *lcf;
    ngx_ess_main_conf_t    *mcf;
    ngx_ess_conf_scope_t  **scopes;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);
    scopes = mcf->scopes ? mcf->scopes->elts : NULL;

    for (i = 0; scopes && i < mcf->scopes->nelts; i++) {
        lcf = scopes[i]->location->loc_conf[ngx_ess_module.ctx_index];

        if (lcf->subscribe_place.len == 0 || lcf->subscribe_open
            || ngx_ess_jwt_guards(scopes[i]->location->loc_conf))
        {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ess_subscribe\" lets clients name streams, and a name "
                      "can be guessed: it needs \"ess_jwt\" in the same "
                      "location, or behind \"%s\" one of the words \"public\", "
                      "for streams that are everybody's, and \"guarded\", "
                      "where another rule says who may, in %V",
                      lcf->subscribe_names ? "names" : "name=",
                      &lcf->subscribe_place);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The argument without a name. */

static char *
ngx_ess_conf_subscribe_uuid(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_loc_conf_t *lcf, ngx_str_t *value)
{
    u_char  uuid[NGX_ESS_UUID_LEN];

    if (lcf->subscribe_uuid) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid parameter \"%V\", it takes "
                           "one uuid, \"name=\", \"key=\", \"unknown=\" and "
                           "\"poison=\"",
                           &cmd->name, value);
        return NGX_CONF_ERROR;
    }

    /* no uuid has a "=": such a value is a parameter that has another name */

    if (ngx_strlchr(value->data, value->data + value->len, '=') == NULL) {

        if (ngx_ess_param_complex(cf, value, &lcf->subscribe_uuid) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (lcf->subscribe_uuid->lengths
            || ngx_ess_stream_uuid_parse(uuid, value) == NGX_OK)
        {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" has the invalid parameter \"%V\", it must be a "
                       "variable, such as \"$arg_stream\", the uuid of a "
                       "stream, \"name=\", \"key=\", \"unknown=\" or "
                       "\"poison=\"; \"multi\" is the first one, \"public\" "
                       "and \"guarded\" are behind \"name=\" or \"names\"",
                       &cmd->name, value);

    return NGX_CONF_ERROR;
}


static const char *
ngx_ess_conf_subscribe_unknown(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_int_t            code;
    ngx_str_t            text, word;
    ngx_ess_loc_conf_t  *lcf;

    static ngx_str_t  not_found = ngx_string("404");
    static ngx_str_t  closed = ngx_string("close");

    lcf = ctx->conf;
    text = *value;

    if (ngx_ess_str_equal(value, &not_found)) {
        return NULL;
    }

    if (!ngx_ess_str_cut(&text, ':', &word)
        || !ngx_ess_str_equal(&word, &closed))
    {
        return param->expected;
    }

    code = ngx_atoi(text.data, text.len);

    if (code < param->min || code > param->max
        || (code > 1003 && code < 1007)
        || code == 1010
        || (code > 1014 && code < 3000))
    {
        return param->expected;
    }

    lcf->subscribe_unknown = code;

    return NULL;
}


/* "?" before it: where the variable is empty, all keys. */

static const char *
ngx_ess_conf_subscribe_key(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_str_t            text;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ctx->conf;
    text = *value;

    if (text.len && text.data[0] == '?') {
        lcf->subscribe_any_key = 1;
        text.data++;
        text.len--;
    }

    lcf->subscribe_key_query = ngx_ess_conf_subscribe_is_query(&text);

    if (ngx_ess_param_complex(ctx->cf, &text, &lcf->subscribe_key) != NGX_OK) {
        return param->expected;
    }

    return lcf->subscribe_key->lengths ? NULL : param->expected;
}


/* A variable of the query string, and nothing else: it is still encoded. */

static ngx_uint_t
ngx_ess_conf_subscribe_is_query(ngx_str_t *value)
{
    return ngx_ess_percent_is_query(value) && ngx_ess_percent_is_alone(value);
}


char *
ngx_ess_conf_subscribe_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (lcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "any") == 0) {
        lcf->origins = NULL;
        return NGX_CONF_OK;
    }

    lcf->origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                    sizeof(ngx_str_t));
    if (lcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_ess_conf_subscribe_is_origin(&value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has the invalid origin \"%V\", it must "
                               "be a scheme and a host as browsers send them, "
                               "such as \"https://example.com\" or "
                               "\"http://localhost:3000\", or \"any\" alone",
                               &cmd->name, &value[i]);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(lcf->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}


/* RFC 6454, 6.2: a scheme, a host and perhaps a port, or "null". */

static ngx_int_t
ngx_ess_conf_subscribe_is_origin(ngx_str_t *value)
{
    u_char  *host, *last, *p;

    if (value->len == 4 && ngx_strncmp(value->data, "null", 4) == 0) {
        return NGX_OK;
    }

    last = value->data + value->len;
    host = ngx_strlchr(value->data, last, ':');

    if (host == NULL || host == value->data || last - host < 4
        || host[1] != '/' || host[2] != '/')
    {
        return NGX_DECLINED;
    }

    for (p = host + 3; p < last; p++) {
        if (*p == '/' || *p == '?' || *p == '#' || *p == '@' || *p == '*'
            || *p == '$' || *p <= ' ')
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}
