
/*
 * The directives of those who subscribe.  They belong to the configuration's
 * pool.  Runs in the master.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_subscriber.h"


/* a client that is less than a few kilobytes behind is not slow */
#define NGX_ESS_CONF_SUBSCRIBE_MIN_BUFFER  4096

/* of ess_deflate: as gzip has it, and what is seldom worth a deflate */
#define NGX_ESS_CONF_SUBSCRIBE_LEVEL       6
#define NGX_ESS_CONF_SUBSCRIBE_MIN_SIZE    256


/* of ess_client_rate, a second: a burst takes a message of 64k */
#define NGX_ESS_CONF_SUBSCRIBE_MAX_MESSAGES  1000000
#define NGX_ESS_CONF_SUBSCRIBE_MIN_BYTES     8192
#define NGX_ESS_CONF_SUBSCRIBE_MAX_BYTES     (1024 * 1024 * 1024)


static ngx_int_t ngx_ess_conf_subscribe_is_origin(ngx_str_t *value);


char *
ngx_ess_conf_subscribe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    char                      *rv;
    u_char                     uuid[NGX_ESS_UUID_LEN];
    ngx_str_t                 *value;

    if (cf->args->nelts == 2) {
        rv = ngx_http_set_complex_value_slot(cf, cmd, conf);

        if (rv != NGX_CONF_OK) {
            return rv;
        }

        value = cf->args->elts;

        if (lcf->subscribe_uuid->lengths == NULL
            && ngx_ess_stream_uuid_parse(uuid, &value[1]) != NGX_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has the invalid parameter \"%V\", it "
                               "must be a variable, such as "
                               "\"$arg_stream\", or the uuid of a stream",
                               &cmd->name, &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_ess_conf_serve(cf, cmd, lcf, ngx_ess_subscriber_handler);
}


char *
ngx_ess_conf_subscribe_ping(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ngx_int_t   interval, timeout;
    ngx_str_t  *value;

    if (lcf->ping_interval != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    interval = ngx_parse_time(&value[1], 0);

    if (interval == NGX_ERROR || (interval > 0 && interval < 1000)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid interval \"%V\", it must "
                           "be a time of at least one second, such as "
                           "\"30s\", or 0 for no pings",
                           &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->ping_interval = interval;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    timeout = ngx_parse_time(&value[2], 0);

    if (timeout == NGX_ERROR || timeout < 1000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid timeout \"%V\", it must be "
                           "a time of at least one second, such as \"10s\"",
                           &cmd->name, &value[2]);
        return NGX_CONF_ERROR;
    }

    lcf->ping_timeout = timeout;

    return NGX_CONF_OK;
}


char *
ngx_ess_conf_subscribe_slow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ssize_t     size;
    ngx_str_t  *value, text;

    if (lcf->slow_skip != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "close") == 0) {
        lcf->slow_skip = 0;

    } else if (ngx_strcmp(value[1].data, "skip") == 0) {
        lcf->slow_skip = 1;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid value \"%V\", it must be "
                           "\"close\" or \"skip\"", &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    size = NGX_ERROR;

    if (ngx_strncmp(value[2].data, "buffer=", 7) == 0) {
        text.data = value[2].data + 7;
        text.len = value[2].len - 7;
        size = ngx_parse_size(&text);
    }

    if (size < NGX_ESS_CONF_SUBSCRIBE_MIN_BUFFER) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid parameter \"%V\", it must "
                           "be \"buffer=\" and a size of at least 4k, such as "
                           "\"buffer=1m\"", &cmd->name, &value[2]);
        return NGX_CONF_ERROR;
    }

    lcf->slow_buffer = size;

    return NGX_CONF_OK;
}


char *
ngx_ess_conf_subscribe_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ngx_int_t                    n;
    ngx_str_t                   *value, text;
    ngx_uint_t                   i;
    ngx_ess_client_rate_conf_t  *rate;

    rate = &lcf->client_rate;

    if (rate->messages != NGX_CONF_UNSET_UINT
        || rate->bytes != NGX_CONF_UNSET_SIZE)
    {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        rate->messages = 0;
        rate->bytes = 0;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "messages=", 9) == 0
            && rate->messages == NGX_CONF_UNSET_UINT)
        {
            n = ngx_atoi(value[i].data + 9, value[i].len - 9);

            if (n > 0 && n <= NGX_ESS_CONF_SUBSCRIBE_MAX_MESSAGES) {
                rate->messages = n;
                continue;
            }
        }

        if (ngx_strncmp(value[i].data, "bytes=", 6) == 0
            && rate->bytes == NGX_CONF_UNSET_SIZE)
        {
            text.data = value[i].data + 6;
            text.len = value[i].len - 6;
            n = ngx_parse_size(&text);

            if (n >= NGX_ESS_CONF_SUBSCRIBE_MIN_BYTES
                && n <= NGX_ESS_CONF_SUBSCRIBE_MAX_BYTES)
            {
                rate->bytes = n;
                continue;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid parameter \"%V\", it "
                           "takes \"off\", or \"messages=\" with a number "
                           "from 1 to 1000000 and \"bytes=\" with a size "
                           "from 8k to 1g, both a second",
                           &cmd->name, &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_ess_conf_subscribe_clients(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_main_conf_t *mcf = conf;

    ngx_str_t  *value;

    if (mcf->max_clients != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {
        mcf->max_clients = 0;
        return NGX_CONF_OK;
    }

    mcf->max_clients = ngx_atoi(value[1].data, value[1].len);

    if (mcf->max_clients <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid number \"%V\", it must be "
                           "the number of clients that a worker takes, such "
                           "as \"1000\", or \"off\"", &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_ess_conf_subscribe_max(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (lcf->limit.max != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0
        && cf->args->nelts == 2)
    {
        lcf->limit.max = 0;
        return NGX_CONF_OK;
    }

    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid number \"%V\", it must be "
                           "the number of subscribers that a stream may have, "
                           "such as \"100\", or \"off\"",
                           &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->limit.max = n;

    if (cf->args->nelts == 3) {

        if (value[2].len != 7
            || ngx_strncmp(value[2].data, "replace", 7) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has the unknown parameter \"%V\", it "
                               "may be \"replace\"",
                               &cmd->name, &value[2]);
            return NGX_CONF_ERROR;
        }

        lcf->limit.replace = 1;
    }

    return NGX_CONF_OK;
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


ngx_int_t
ngx_ess_conf_subscribe_note(ngx_conf_t *cf)
{
    ngx_ess_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  **clcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    if (mcf->subscribes == NULL) {
        mcf->subscribes = ngx_array_create(cf->temp_pool, 4,
                                           sizeof(ngx_http_core_loc_conf_t *));
        if (mcf->subscribes == NULL) {
            return NGX_ERROR;
        }
    }

    clcf = ngx_array_push(mcf->subscribes);
    if (clcf == NULL) {
        return NGX_ERROR;
    }

    *clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    return NGX_OK;
}


void
ngx_ess_conf_subscribe_check(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_ess_loc_conf_t         *lcf;
    ngx_ess_main_conf_t        *mcf;
    ngx_http_core_loc_conf_t  **clcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    if (mcf->subscribes == NULL) {
        return;
    }

    clcf = mcf->subscribes->elts;

    for (i = 0; i < mcf->subscribes->nelts; i++) {
        lcf = clcf[i]->loc_conf[ngx_ess_module.ctx_index];

        if (lcf->origins || !ngx_ess_jwt_takes_cookie(clcf[i])) {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"ess_jwt\" with \"token=cookie:\" lets in pages of "
                      "any origin in location \"%V\", since browsers add the "
                      "cookie by themselves: list those that may in there, "
                      "such as \"ess_origin https://example.com;\"",
                      &clcf[i]->name);
    }

    /* it goes with the temporary pool */
    mcf->subscribes = NULL;
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


char *
ngx_ess_conf_subscribe_deflate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_main_conf_t  *mcf = conf;

    ssize_t      size;
    ngx_str_t   *value, arg;
    ngx_int_t    level;
    ngx_uint_t   i;

    if (mcf->deflate != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        mcf->deflate = 0;
        return NGX_CONF_OK;
    }

    i = 1;

    if (ngx_strcmp(value[1].data, "on") != 0) {
        goto invalid;
    }

    level = 0;
    size = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "level=", 6) == 0 && level == 0) {
            level = ngx_atoi(value[i].data + 6, value[i].len - 6);

            if (level < 1 || level > 9) {
                goto invalid;
            }

            continue;
        }

        if (ngx_strncmp(value[i].data, "min_size=", 9) == 0 && size == 0) {
            arg.data = value[i].data + 9;
            arg.len = value[i].len - 9;

            size = ngx_parse_size(&arg);

            if (size == NGX_ERROR || size == 0) {
                goto invalid;
            }

            continue;
        }

        goto invalid;
    }

    mcf->deflate = level ? level : NGX_ESS_CONF_SUBSCRIBE_LEVEL;
    mcf->deflate_min = size ? (size_t) size : NGX_ESS_CONF_SUBSCRIBE_MIN_SIZE;

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" has the invalid parameter \"%V\", it takes "
                       "\"off\", or \"on\" and then \"level=\" with a number "
                       "from 1 to 9 and \"min_size=\" with a size",
                       &cmd->name, &value[i]);

    return NGX_CONF_ERROR;
}
