/*
 * The directive ess_events: a location before an event log.
 */


#ifndef _NGX_ESS_EVENTS_CONF_H_INCLUDED_
#define _NGX_ESS_EVENTS_CONF_H_INCLUDED_


#include "ngx_ess_conf.h"
#include "ngx_ess_event_log.h"


typedef struct ngx_ess_events_conf_s  ngx_ess_events_conf_t;

struct ngx_ess_events_conf_s {
    ngx_str_t                name;          /* of the log */
    ngx_uint_t               strict;        /* 1: one that is invalid spoils its
                                               neighbours, and an object alone
                                               is a list of one */
    ngx_str_t                place;         /* of the directive: "file:line" */

    ngx_uint_t               source;        /* the number of event logs */
    ngx_http_complex_value_t stream;        /* the name of the log's stream,
                                               without variables */

    /* set when the configuration was read */
    ngx_ess_event_log_t     *log;
    const char              *no_name;       /* no stream may have that name:
                                               what it must be; NULL */
    ngx_str_t                id_name;       /* the log's, escaped as JSON */
    ngx_str_t                time_name;
    ngx_str_t                type_name;
};


/* The directive. */
char *ngx_ess_events_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* When the location's configuration is merged: bodies are kept in memory. */
void ngx_ess_events_conf_merge(ngx_http_core_loc_conf_t *clcf);

/* When all of the configuration was read: finds the logs.  NGX_OK; NGX_ERROR:
   there is none of that name, which is logged, or no memory. */
ngx_int_t ngx_ess_events_conf_check(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf);


#endif /* _NGX_ESS_EVENTS_CONF_H_INCLUDED_ */
