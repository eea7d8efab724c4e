/*
 * The module ngx_ess_postgresql_module: event logs in PostgreSQL.  It calls
 * functions of ngx_ess_module, which has to be loaded before it.  Without such
 * a log it does nothing at all.
 */


#include "ngx_ess_postgresql_conf.h"
#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_insert.h"
#include "ngx_ess_postgresql_measure.h"
#include "ngx_ess_postgresql_notice.h"
#include "ngx_ess_postgresql_query.h"
#include "ngx_ess_postgresql_retain.h"


static ngx_int_t ngx_ess_postgresql_module_preconf(ngx_conf_t *cf);
static ngx_int_t ngx_ess_postgresql_module_init(ngx_cycle_t *cycle,
    ngx_ess_event_log_t *log);


/* libpq takes both */

static const ngx_ess_event_log_engine_t  ngx_ess_postgresql_module_engines[] = {

    { ngx_string("postgresql"),
      ngx_string("postgresql://"),
      1,
      1,
      ngx_ess_postgresql_conf_check,
      ngx_ess_postgresql_module_init,
      ngx_ess_postgresql_handle_create,
      ngx_ess_postgresql_handle_destroy,
      ngx_ess_postgresql_insert,
      ngx_ess_postgresql_query,
      ngx_ess_postgresql_retain,
      ngx_ess_postgresql_measure,
      &ngx_ess_postgresql_notices },

    { ngx_string("postgresql"),
      ngx_string("postgres://"),
      1,
      1,
      ngx_ess_postgresql_conf_check,
      ngx_ess_postgresql_module_init,
      ngx_ess_postgresql_handle_create,
      ngx_ess_postgresql_handle_destroy,
      ngx_ess_postgresql_insert,
      ngx_ess_postgresql_query,
      ngx_ess_postgresql_retain,
      ngx_ess_postgresql_measure,
      &ngx_ess_postgresql_notices }
};


static ngx_http_module_t  ngx_ess_postgresql_module_ctx = {
    ngx_ess_postgresql_module_preconf,      /* preconfiguration */
    NULL,                                   /* postconfiguration */

    ngx_ess_postgresql_conf_create,         /* create main configuration */
    NULL,                                   /* init main configuration */

    NULL,                                   /* create server configuration */
    NULL,                                   /* merge server configuration */

    NULL,                                   /* create location configuration */
    NULL                                    /* merge location configuration */
};


ngx_module_t  ngx_ess_postgresql_module = {
    NGX_MODULE_V1,
    &ngx_ess_postgresql_module_ctx,         /* module context */
    NULL,                                   /* module directives */
    NGX_HTTP_MODULE,                        /* module type */
    NULL,                                   /* init master */
    NULL,                                   /* init module */
    NULL,                                   /* init process */
    NULL,                                   /* init thread */
    NULL,                                   /* exit thread */
    NULL,                                   /* exit process */
    NULL,                                   /* exit master */
    NGX_MODULE_V1_PADDING
};


/* In the configuration that is being read: the next one may be without this
   module, and its code is gone then. */

static ngx_int_t
ngx_ess_postgresql_module_preconf(ngx_conf_t *cf)
{
    ngx_uint_t                         i;
    const ngx_ess_event_log_engine_t  *engines;

    engines = ngx_ess_postgresql_module_engines;

    for (i = 0; i < 2; i++) {
        if (ngx_ess_event_log_engine_register(cf, &engines[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The tables are made by the first worker that needs them: the server may be
   away, or a standby, and nginx starts all the same. */

static ngx_int_t
ngx_ess_postgresql_module_init(ngx_cycle_t *cycle, ngx_ess_event_log_t *log)
{
    return NGX_OK;
}
