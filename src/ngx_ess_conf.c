/*
 * The configuration: directive setters, inheritance, and the checks that need
 * more than one directive.  Runs in the master, also in a test of the
 * configuration and in a reload that may still fail, so it changes nothing
 * outside the new cycle's pool.
 */


#include "ngx_ess_api.h"
#include "ngx_ess_call_conf.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_conf_multi.h"
#include "ngx_ess_conf_authorize.h"
#include "ngx_ess_conf_body.h"
#include "ngx_ess_conf_ping.h"
#include "ngx_ess_conf_limits.h"
#include "ngx_ess_conf_rpc.h"
#include "ngx_ess_event_log_source.h"
#include "ngx_ess_conf_scope.h"
#include "ngx_ess_conf_serve.h"
#include "ngx_ess_conf_stream.h"
#include "ngx_ess_cors.h"
#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_events_conf.h"
#include "ngx_ess_exchange.h"
#include "ngx_ess_worker.h"


#define NGX_ESS_CONF_LOG_SIZE       (64 * 1024)
#define NGX_ESS_CONF_LOG_COUNT      1000
#define NGX_ESS_CONF_LOG_AGE        3600000
#define NGX_ESS_CONF_CREATED_IDLE   600000
#define NGX_ESS_CONF_CREATED_MAX    10000
#define NGX_ESS_CONF_CREATED_RATE   10
#define NGX_ESS_CONF_MAX_EVENT      (1024 * 1024)
#define NGX_ESS_CONF_DRAIN          3000
#define NGX_ESS_CONF_MAX_MEMORY     (256 * 1024 * 1024)
#define NGX_ESS_CONF_DEFLATE_MIN    256
#define NGX_ESS_CONF_SLOW_BUFFER    (1024 * 1024)
#define NGX_ESS_CONF_RATE_MESSAGES  100
#define NGX_ESS_CONF_RATE_BYTES     (256 * 1024)

/* "ess.<node>.<slot>" is an AMQP short string */
#define NGX_ESS_CONF_MAX_NODE       200


static ngx_uint_t ngx_ess_conf_serves(ngx_ess_loc_conf_t *lcf,
    const char *name);
static void ngx_ess_conf_merge_values(ngx_ess_loc_conf_t *prev,
    ngx_ess_loc_conf_t *conf);
static char *ngx_ess_conf_merge_served(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_ess_loc_conf_t *conf,
    ngx_uint_t console);
static void ngx_ess_conf_merge_bodies(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_ess_loc_conf_t *conf,
    ngx_uint_t console);
static void ngx_ess_conf_inherit(ngx_http_core_loc_conf_t *clcf,
    ngx_ess_loc_conf_t *prev, ngx_ess_loc_conf_t *conf);
static ngx_int_t ngx_ess_conf_hostname(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value);


ngx_ess_main_conf_t *
ngx_ess_conf_main(ngx_cycle_t *cycle)
{
    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;
    }

    return ngx_http_cycle_get_module_main_conf(cycle, ngx_ess_module);
}


void *
ngx_ess_conf_create_main(ngx_conf_t *cf)
{
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mcf->zone = NULL;
     *     mcf->streams = NULL;
     *     mcf->publishes = 0;
     *     mcf->refuses = 0;
     *     mcf->node = { 0, NULL };
     *     mcf->needs_zone = NULL;
     *     mcf->needs_any = NULL;
     *     mcf->rpc = NULL;
     *     mcf->rpc_figures = NULL;
     *     mcf->creates = NULL;
     *     mcf->save_all = 0;
     *     mcf->scopes = NULL;
     */

    mcf->sources = ngx_array_create(cf->pool, 2,
                                    sizeof(ngx_ess_source_entry_t));
    if (mcf->sources == NULL
        || ngx_array_init(&mcf->templates, cf->pool, 1,
                          sizeof(ngx_ess_encoding_template_t *))
           != NGX_OK
        || ngx_ess_source_register(mcf->sources, &ngx_ess_exchange) == NULL
        || ngx_ess_source_register(mcf->sources, &ngx_ess_exchange_streams)
           == NULL
        || ngx_ess_source_register(mcf->sources, &ngx_ess_event_log_source)
           == NULL)
    {
        return NULL;
    }

    mcf->store = NGX_CONF_UNSET_PTR;
    mcf->log_size = NGX_CONF_UNSET_SIZE;
    mcf->log_count = NGX_CONF_UNSET;
    mcf->log_age = NGX_CONF_UNSET_MSEC;
    mcf->created.idle_time = NGX_CONF_UNSET_MSEC;
    mcf->created.most = NGX_CONF_UNSET_UINT;
    mcf->created.rate = NGX_CONF_UNSET_UINT;
    mcf->max_event = NGX_CONF_UNSET_SIZE;
    mcf->drain = NGX_CONF_UNSET_MSEC;
    mcf->max_memory = NGX_CONF_UNSET_SIZE;
    mcf->max_clients = NGX_CONF_UNSET;
    mcf->deflate = NGX_CONF_UNSET;
    mcf->deflate_min = NGX_CONF_UNSET_SIZE;

    return mcf;
}


char *
ngx_ess_conf_init_main(ngx_conf_t *cf, void *conf)
{
    ngx_ess_main_conf_t  *mcf = conf;

    size_t  min;

    ngx_conf_init_ptr_value(mcf->store, NULL);
    ngx_conf_init_size_value(mcf->log_size, NGX_ESS_CONF_LOG_SIZE);
    ngx_conf_init_value(mcf->log_count, NGX_ESS_CONF_LOG_COUNT);
    ngx_conf_init_msec_value(mcf->log_age, NGX_ESS_CONF_LOG_AGE);
    ngx_conf_init_msec_value(mcf->created.idle_time,
                             NGX_ESS_CONF_CREATED_IDLE);
    ngx_conf_init_uint_value(mcf->created.most, NGX_ESS_CONF_CREATED_MAX);
    ngx_conf_init_uint_value(mcf->created.rate, NGX_ESS_CONF_CREATED_RATE);
    ngx_conf_init_size_value(mcf->max_event, NGX_ESS_CONF_MAX_EVENT);
    ngx_conf_init_msec_value(mcf->drain, NGX_ESS_CONF_DRAIN);
    ngx_conf_init_size_value(mcf->max_memory, NGX_ESS_CONF_MAX_MEMORY);
    ngx_conf_init_value(mcf->deflate, 0);
    ngx_conf_init_size_value(mcf->deflate_min, NGX_ESS_CONF_DEFLATE_MIN);

    if (mcf->max_event == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ess_max_event\" must be a size of at least 1 byte, "
                      "such as \"1m\"");
        return NGX_CONF_ERROR;
    }

    ngx_ess_source_entry(mcf->sources, NGX_ESS_SOURCE_EVENT_LOG)->conf
        = mcf->event_logs;

    if (mcf->zone == NULL) {
        return mcf->rpc ? ngx_ess_source_init_conf(cf, mcf->sources,
                                                   &mcf->node)
                        : NGX_CONF_OK;
    }

    min = ngx_ess_zone_min_size(mcf->max_event);

    if (mcf->zone->shm_zone->shm.size < min) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ess_zone\" \"%V\" of %uzk is too small, with "
                      "\"ess_max_event\" %uz it takes at least %uzk",
                      &mcf->zone->shm_zone->shm.name,
                      mcf->zone->shm_zone->shm.size / 1024, mcf->max_event,
                      (min + 1023) / 1024);
        return NGX_CONF_ERROR;
    }

    mcf->zone->log_size = mcf->log_size;
    mcf->zone->log_count = mcf->log_count;
    mcf->zone->log_age = mcf->log_age;
    mcf->zone->max_event = mcf->max_event;

    return ngx_ess_source_init_conf(cf, mcf->sources, &mcf->node);
}


ngx_int_t
ngx_ess_conf_check(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_ess_main_conf_t        *mcf;
    ngx_http_core_main_conf_t  *cmcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    if (mcf->needs_zone == NULL && mcf->rpc == NULL
        && mcf->event_logs == NULL)
    {
        mcf->needs_zone = mcf->needs_any;
    }

    if (mcf->needs_zone && mcf->zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" needs a zone for the streams, add "
                      "\"ess_zone streams 64m;\" to the http block",
                      mcf->needs_zone);
        return NGX_ERROR;
    }

    if (mcf->rpc && ngx_ess_conf_rpc_check(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_ess_events_conf_check(cf, mcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mcf->event_logs
        && ngx_ess_event_log_figures_add(cf, mcf->event_logs) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_ess_conf_create_check(cf, mcf) != NGX_OK
        || ngx_ess_conf_scope_init(cf, mcf) != NGX_OK
        || ngx_ess_conf_stream_check(cf, mcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!mcf->refuses) {
        return NGX_OK;
    }

    /* nginx runs the last handler of a phase first: so a preflight is answered
       before "limit_req" and "limit_conn", which do not count it */

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_ess_cors_preflight;

    return NGX_OK;
}


void *
ngx_ess_conf_create_loc(ngx_conf_t *cf)
{
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     lcf->public_url = { 0, NULL };
     *     lcf->serves = NULL;
     *     lcf->scope = NULL;
     *     lcf->publish_name = NULL;
     *     lcf->publish_query = 0;
     *     lcf->publish_batch = 0;
     *     lcf->create = 0;
     *     lcf->subscribe_... = 0;
     */

    lcf->release = NGX_CONF_UNSET_UINT;
    lcf->slow_skip = NGX_CONF_UNSET_UINT;
    lcf->slow_buffer = NGX_CONF_UNSET_SIZE;
    lcf->client_rate.messages = NGX_CONF_UNSET_UINT;
    lcf->client_rate.bytes = NGX_CONF_UNSET_SIZE;
    lcf->limit.max = NGX_CONF_UNSET_UINT;
    lcf->limit.replace = NGX_CONF_UNSET_UINT;
    ngx_ess_conf_multi_create(lcf);
    lcf->origins = NGX_CONF_UNSET_PTR;

    ngx_ess_conf_authorize_create(lcf);
    ngx_ess_conf_body_create(lcf);
    ngx_ess_conf_ping_create(lcf);

    return lcf;
}


char *
ngx_ess_conf_merge_loc(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_ess_loc_conf_t  *prev = parent;
    ngx_ess_loc_conf_t  *conf = child;

    ngx_uint_t                 console;
    ngx_http_core_loc_conf_t  *clcf;

    ngx_ess_conf_merge_values(prev, conf);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname || clcf->lmt_excpt) {
        ngx_ess_conf_inherit(clcf, prev, conf);
    }

    console = ngx_ess_conf_serves(conf, "ess_console");

    ngx_ess_conf_ping_merge(prev, conf);

    if (ngx_ess_conf_authorize_merge(cf, prev, conf,
                                     ngx_ess_conf_serves(conf,
                                                         "ess_subscribe")
                                     || conf->events)
        != NGX_CONF_OK
        || ngx_ess_conf_body_merge(cf, prev, conf, console) != NGX_CONF_OK
        || ngx_ess_conf_merge_served(cf, clcf, conf, console) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* an operator's look takes nobody's place */

    if (conf->limit.max == NGX_CONF_UNSET_UINT && !console) {
        conf->limit = prev->limit;
    }

    ngx_conf_init_uint_value(conf->limit.max, 0);
    ngx_conf_init_uint_value(conf->limit.replace, 0);

    ngx_ess_conf_merge_bodies(cf, clcf, conf, console);

    return NGX_CONF_OK;
}


static void
ngx_ess_conf_merge_values(ngx_ess_loc_conf_t *prev, ngx_ess_loc_conf_t *conf)
{
    ngx_conf_merge_str_value(conf->public_url, prev->public_url, "");
    ngx_conf_merge_uint_value(conf->release, prev->release, 0);
    ngx_conf_merge_uint_value(conf->slow_skip, prev->slow_skip, 0);
    ngx_conf_merge_size_value(conf->slow_buffer, prev->slow_buffer,
                              NGX_ESS_CONF_SLOW_BUFFER);
    ngx_conf_merge_uint_value(conf->client_rate.messages,
                              prev->client_rate.messages,
                              NGX_ESS_CONF_RATE_MESSAGES);
    ngx_conf_merge_size_value(conf->client_rate.bytes,
                              prev->client_rate.bytes,
                              NGX_ESS_CONF_RATE_BYTES);
    ngx_ess_conf_multi_merge(prev, conf);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);
}


/* What answers requests here is alone, and has what it needs. */

static char *
ngx_ess_conf_merge_served(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf,
    ngx_ess_loc_conf_t *conf, ngx_uint_t console)
{
    if (conf->serves && clcf->handler != conf->handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" in location \"%V\" cannot share it with "
                      "another directive that answers requests, such as "
                      "\"proxy_pass\": give each a location",
                      conf->serves->directive, &clcf->name);
        return NGX_CONF_ERROR;
    }

    if ((console || ngx_ess_conf_serves(conf, "ess_api"))
        && conf->public_url.len == 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" in location \"%V\" needs to know where "
                      "clients find the streams, add \"ess_public_url "
                      "ws://host/event-stream/;\" to the http block",
                      conf->serves->directive, &clcf->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* nginx's own settings of requests' bodies */

static void
ngx_ess_conf_merge_bodies(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf,
    ngx_ess_loc_conf_t *conf, ngx_uint_t console)
{
    ngx_ess_main_conf_t  *mcf;

    /* or nginx would write a chunked body without an end to disk */

    if (conf->serves && clcf->client_max_body_size == 0) {
        clcf->client_max_body_size = NGX_ESS_RPC_MAX_BODY;
    }

    if (conf->call) {
        ngx_ess_call_conf_merge(clcf, conf->call);
    }

    if (conf->events) {
        ngx_ess_events_conf_merge(clcf);
    }

    if (console || ngx_ess_conf_serves(conf, "ess_publish")) {

        /* so that no event is written to a file on its way */

        mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

        clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                                mcf->max_event);

        mcf->publishes = 1;
    }
}


/* An "if" and a "limit_except" are configurations of their own, but the
   location still serves what it serves. */

static void
ngx_ess_conf_inherit(ngx_http_core_loc_conf_t *clcf, ngx_ess_loc_conf_t *prev,
    ngx_ess_loc_conf_t *conf)
{
    if (clcf->handler || prev->serves == NULL) {
        return;
    }

    clcf->handler = prev->handler;

    conf->serves = prev->serves;
    conf->handler = prev->handler;
    conf->scope = prev->scope;
    conf->openapi = prev->openapi;
    conf->source = prev->source;
    conf->publish_name = prev->publish_name;
    conf->publish_query = prev->publish_query;
    conf->publish_batch = prev->publish_batch;
    conf->create = prev->create;
    conf->subscribe_uuid = prev->subscribe_uuid;
    conf->subscribe_name = prev->subscribe_name;
    conf->subscribe_name_query = prev->subscribe_name_query;
    conf->subscribe_routing_key = prev->subscribe_routing_key;
    conf->subscribe_multi = prev->subscribe_multi;
    conf->subscribe_names = prev->subscribe_names;
    conf->subscribe_unknown = prev->subscribe_unknown;
    conf->subscribe_poison = prev->subscribe_poison;
    conf->subscribe_key = prev->subscribe_key;
    conf->subscribe_any_key = prev->subscribe_any_key;
    conf->subscribe_key_query = prev->subscribe_key_query;
    conf->metrics_streams = prev->metrics_streams;
    conf->call = prev->call;
    conf->events = prev->events;
}


char *
ngx_ess_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_main_conf_t  *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (mcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR || size == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid size \"%V\", it must be a "
                           "size such as \"64m\"", &cmd->name, &value[2]);
        return NGX_CONF_ERROR;
    }

    mcf->zone = ngx_pcalloc(cf->pool, sizeof(ngx_ess_zone_t));
    if (mcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->zone->cycle = cf->cycle;
    mcf->zone->fill = ngx_ess_worker_fill;

    return ngx_ess_zone_add(cf, mcf->zone, &value[1], size);
}


/* A node's name is made once, without a request: it takes the one variable
   that needs none. */

static ngx_int_t
ngx_ess_conf_hostname(ngx_conf_t *cf, ngx_command_t *cmd, ngx_str_t *value)
{
    size_t      skip;
    u_char     *dollar, *last;
    ngx_str_t   name;

    last = value->data + value->len;
    dollar = ngx_strlchr(value->data, last, '$');

    if (dollar == NULL) {
        return NGX_OK;
    }

    skip = (ngx_strncmp(dollar, "${hostname}", 11) == 0) ? 11
           : (ngx_strncmp(dollar, "$hostname", 9) == 0
              && !isalnum(dollar[9]) && dollar[9] != '_') ? 9
           : 0;

    if (skip == 0 || ngx_strlchr(dollar + 1, last, '$')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid name \"%V\", the only "
                           "variable it takes is \"$hostname\", once, as in "
                           "\"$hostname-a\" or \"${hostname}a\"",
                           &cmd->name, value);
        return NGX_ERROR;
    }

    name.data = ngx_pnalloc(cf->pool, value->len + cf->cycle->hostname.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    *dollar = '\0';

    name.len = ngx_sprintf(name.data, "%s%V%s", value->data,
                           &cf->cycle->hostname, dollar + skip)
               - name.data;
    *value = name;

    return NGX_OK;
}


char *
ngx_ess_conf_node(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_main_conf_t  *mcf = conf;

    size_t      i;
    u_char      c;
    ngx_str_t  *value;

    if (mcf->node.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_ess_conf_hostname(cf, cmd, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (value[1].len == 0 || value[1].len > NGX_ESS_CONF_MAX_NODE) {
        goto invalid;
    }

    for (i = 0; i < value[1].len; i++) {
        c = value[1].data[i];

        if (c <= ' ' || c >= 0x7f) {
            goto invalid;
        }
    }

    mcf->node = value[1];

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" must be a name of 1 to %d printable ASCII "
                       "characters without spaces", &cmd->name,
                       NGX_ESS_CONF_MAX_NODE);
    return NGX_CONF_ERROR;
}


char *
ngx_ess_conf_public_url(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    size_t      scheme;
    u_char     *p;
    ngx_str_t  *value, *url;

    if (lcf->public_url.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    url = &value[1];

    scheme = (ngx_strncasecmp(url->data, (u_char *) "wss://", 6) == 0) ? 6
             : (ngx_strncasecmp(url->data, (u_char *) "ws://", 5) == 0) ? 5
             : url->len;

    if (url->len <= scheme
        || ngx_strlchr(url->data, url->data + url->len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid URL \"%V\", it must be the "
                           "prefix of the clients' URLs, without variables, "
                           "such as \"ws://localhost:8080/event-stream/\"",
                           &cmd->name, url);
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, url->len + 1
                    + ngx_escape_json(NULL, url->data, url->len));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    lcf->public_url.data = p;
    p = (u_char *) ngx_escape_json(p, url->data, url->len);

    if (p[-1] != '/') {
        *p++ = '/';
    }

    lcf->public_url.len = p - lcf->public_url.data;

    return NGX_CONF_OK;
}


char *
ngx_ess_conf_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    char                    *sources;
    ngx_str_t               *value;
    ngx_ess_main_conf_t     *mcf;
    ngx_ess_source_entry_t  *source;

    if (cf->args->nelts == 1) {
        return ngx_ess_conf_serve_prefix(cf, cmd, lcf, ngx_ess_api_handler);
    }

    value = cf->args->elts;
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    source = (ngx_strncmp(value[1].data, "source=", 7) == 0)
             ? ngx_ess_source_named(mcf->sources, (char *) value[1].data + 7)
             : NULL;

    if (source) {
        lcf->source = source->row->kind.source;
        return ngx_ess_conf_serve_prefix(cf, cmd, lcf, ngx_ess_api_handler);
    }

    sources = ngx_ess_conf_stream_sources(cf, mcf);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" has the invalid parameter \"%V\", it takes %s",
                       &cmd->name, &value[1], sources ? sources : "a source");
    return NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_ess_conf_serves(ngx_ess_loc_conf_t *lcf, const char *name)
{
    return lcf->serves && ngx_strcmp(lcf->serves->directive, name) == 0;
}


ngx_uint_t
ngx_ess_conf_subscribes(ngx_ess_loc_conf_t *lcf)
{
    return ngx_ess_conf_serves(lcf, "ess_subscribe")
           || ngx_ess_conf_serves(lcf, "ess_console");
}
