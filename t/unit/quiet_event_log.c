/*
 * What an event log's queues tell others, who are not there: its figures, its
 * threads, and who else stores.
 */


#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_event_log_notice.h"
#include "ngx_ess_event_log_thread.h"


ngx_int_t
ngx_ess_event_log_notice_init(ngx_cycle_t *c, ngx_array_t *l,
    void (*noticed)(ngx_ess_event_log_t *log))
{
    return NGX_OK;
}


void
ngx_ess_event_log_notice_exit(void)
{
}


void
ngx_ess_event_log_notice_want(ngx_ess_event_log_t *log)
{
}


void
ngx_ess_event_log_thread_begin(void)
{
}


void
ngx_ess_event_log_figures_insert(ngx_ess_event_log_t *log,
    ngx_ess_event_log_insert_t *insert)
{
}


void
ngx_ess_event_log_figures_query(ngx_ess_event_log_t *log,
    ngx_ess_event_log_query_t *query)
{
}


void
ngx_ess_event_log_figures_failed(ngx_ess_event_log_t *log, u_char *text)
{
}


void
ngx_ess_event_log_figures_well(ngx_ess_event_log_t *log)
{
}
