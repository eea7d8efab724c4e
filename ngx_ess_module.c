/*
 * The module: directive table, configuration life cycle, hooks; no logic.
 * Loaded but not configured, with or without an http {} block, it does
 * nothing at all.
 */


#include "ngx_ess_conf_authorize.h"
#include "ngx_ess_conf_body.h"
#include "ngx_ess_conf_multi.h"
#include "ngx_ess_conf_limits.h"
#include "ngx_ess_conf_ping.h"
#include "ngx_ess_conf_stream.h"
#include "ngx_ess_conf_subscribe.h"
#include "ngx_ess_call_conf.h"
#include "ngx_ess_call_variables.h"
#include "ngx_ess_console.h"
#include "ngx_ess_consume_conf.h"
#include "ngx_ess_consume_variables.h"
#include "ngx_ess_events_conf.h"
#include "ngx_ess_exchange_conf.h"
#include "ngx_ess_event_log.h"
#include "ngx_ess_publish_conf.h"
#include "ngx_ess_health.h"
#include "ngx_ess_metrics.h"
#include "ngx_ess_openapi.h"
#include "ngx_ess_variables.h"
#include "ngx_ess_worker.h"


static ngx_int_t ngx_ess_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_ess_init(ngx_conf_t *cf);


static ngx_conf_enum_t  ngx_ess_requests[] = {
    { ngx_string("keep"), 0 },
    { ngx_string("release"), 1 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_ess_commands[] = {

    { ngx_string("ess_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_ess_conf_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_ess_store_conf,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_event_log"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_ess_event_log_conf,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_amqp"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_ess_exchange_conf,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_node"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_ess_conf_node,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_stream"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_ess_conf_stream,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_log"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_ess_param_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      &ngx_ess_conf_log },

    { ngx_string("ess_created"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_ess_param_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      &ngx_ess_conf_created },

    { ngx_string("ess_max_event"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ess_main_conf_t, max_event),
      NULL },

    { ngx_string("ess_max_memory"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ess_main_conf_t, max_memory),
      NULL },

    { ngx_string("ess_max_clients"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_ess_param_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      &ngx_ess_conf_subscribe_clients },

    { ngx_string("ess_drain"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_ess_main_conf_t, drain),
      NULL },

    { ngx_string("ess_public_url"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_ess_conf_public_url,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_subscribe"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_ess_conf_subscribe,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_ping"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1234,
      ngx_ess_conf_ping,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_annotate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_ess_param_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_ess_conf_body_annotate },

    { ngx_string("ess_body"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_ess_conf_body,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_request"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_ess_loc_conf_t, release),
      &ngx_ess_requests },

    { ngx_string("ess_deflate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_ess_param_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      &ngx_ess_conf_subscribe_deflate },

    { ngx_string("ess_slow_client"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_ess_param_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_ess_conf_subscribe_slow },

    { ngx_string("ess_client_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_ess_param_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_ess_conf_subscribe_rate },

    { ngx_string("ess_max_subscribers"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_ess_param_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_ess_conf_subscribe_max },

    { ngx_string("ess_authorize"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_ess_conf_authorize,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_ess_conf_authorize_directive },

    { ngx_string("ess_max_subscriptions"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_ess_param_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_ess_conf_multi_max },

    { ngx_string("ess_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_ess_conf_subscribe_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_ess_conf_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_publish"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
      ngx_ess_publish_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_ess_loc_conf_t, publish_name),
      NULL },

    { ngx_string("ess_consume"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_ess_consume_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_rpc"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_ess_call_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_events"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_ess_events_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_ess_metrics_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_ess_metrics_directive },

    { ngx_string("ess_console"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_ess_console_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_openapi"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_ess_openapi_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_docs"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_ess_openapi_conf_docs,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("ess_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_ess_health_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_ess_module_ctx = {
    ngx_ess_preconfiguration,              /* preconfiguration */
    ngx_ess_init,                          /* postconfiguration */

    ngx_ess_conf_create_main,              /* create main configuration */
    ngx_ess_conf_init_main,                /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_ess_conf_create_loc,               /* create location configuration */
    ngx_ess_conf_merge_loc                 /* merge location configuration */
};


ngx_module_t  ngx_ess_module = {
    NGX_MODULE_V1,
    &ngx_ess_module_ctx,                   /* module context */
    ngx_ess_commands,                      /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_ess_worker_init_module,            /* init module */
    ngx_ess_worker_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_ess_worker_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_ess_preconfiguration(ngx_conf_t *cf)
{
    return (ngx_ess_variables_add(cf, ngx_ess_variables) == NGX_OK
            && ngx_ess_variables_add(cf, ngx_ess_consume_variables) == NGX_OK
            && ngx_ess_variables_add(cf, ngx_ess_call_variables) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_ess_init(ngx_conf_t *cf)
{
    return (ngx_ess_conf_check(cf) == NGX_OK
            && ngx_ess_conf_subscribe_check(cf) == NGX_OK
            && ngx_ess_openapi_init(cf) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}
