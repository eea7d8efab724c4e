
/*
 * Health: do the sources' events come, has the zone room, do the databases of
 * event logs answer?  What is wrong is told in the broker's words, or the
 * database's, from what the workers left in shared memory.  Runs in a worker;
 * all memory is the request's.
 */


#include "ngx_ess_health.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_rpc_report.h"
#include "ngx_ess_conf_serve.h"


#define NGX_ESS_HEALTH_ROOM  "the zone has no room for another stream"

/* room for what is wrong with streams */
#define NGX_ESS_HEALTH_WHY                                                    \
    (NGX_ESS_BROKER_WHY + sizeof("; " NGX_ESS_HEALTH_ROOM))


static ngx_int_t ngx_ess_health_streams(ngx_http_request_t *r,
    ngx_ess_main_conf_t *mcf, u_char *buf, ngx_str_t *why);
static ngx_int_t ngx_ess_health_bad(ngx_http_request_t *r, ngx_str_t *why,
    ngx_uint_t n);
static ngx_int_t ngx_ess_health_blocked(ngx_http_request_t *r);
static ngx_int_t ngx_ess_health_blocked_by(ngx_http_request_t *r,
    ngx_str_t *why);


ngx_int_t
ngx_ess_health(ngx_http_request_t *r)
{
    u_char                buf[NGX_ESS_HEALTH_WHY];
    u_char                rpc_buf[NGX_ESS_RPC_REPORT_WHY];
    u_char                log_buf[NGX_ESS_EVENT_LOG_FIGURES_WHY];
    ngx_int_t             rc;
    ngx_str_t             why[3], rpc_why;
    ngx_uint_t            n;
    ngx_ess_main_conf_t  *mcf;

    static ngx_str_t  ok = ngx_string("{\"status\":\"ok\"}");

    rc = ngx_ess_api_get(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);

    n = 0;

    if (ngx_ess_health_streams(r, mcf, buf, &why[n]) != NGX_OK) {
        n++;
    }

    if (mcf->rpc_figures
        && ngx_ess_rpc_report_healthy(mcf->rpc_figures, rpc_buf, &why[n])
           != NGX_OK)
    {
        n++;
    }

    if (mcf->event_logs
        && ngx_ess_event_log_figures_healthy(mcf->event_logs, log_buf, &why[n])
           != NGX_OK)
    {
        n++;
    }

    if (n) {
        return ngx_ess_health_bad(r, why, n);
    }

    if (mcf->zone && ngx_ess_counter_sum(mcf->zone, NGX_ESS_C_BLOCKED)) {
        return ngx_ess_health_blocked(r);
    }

    if (mcf->rpc_figures
        && ngx_ess_rpc_report_blocked(mcf->rpc_figures, rpc_buf, &rpc_why))
    {
        return ngx_ess_health_blocked_by(r, &rpc_why);
    }

    return ngx_ess_api_send(r, NGX_HTTP_OK, &ok);
}


static ngx_int_t
ngx_ess_health_bad(ngx_http_request_t *r, ngx_str_t *why, ngx_uint_t n)
{
    switch (n) {

    case 1:
        return ngx_ess_api_problem(r, 503, "%V", &why[0]);

    case 2:
        return ngx_ess_api_problem(r, 503, "%V; %V", &why[0], &why[1]);

    default:
        return ngx_ess_api_problem(r, 503, "%V; %V; %V", &why[0], &why[1],
                                   &why[2]);
    }
}


/* NGX_DECLINED: "why" says what is wrong with streams, in "buf" of
   NGX_ESS_HEALTH_WHY bytes. */

static ngx_int_t
ngx_ess_health_streams(ngx_http_request_t *r, ngx_ess_main_conf_t *mcf,
    u_char *buf, ngx_str_t *why)
{
    ngx_uint_t  room;

    if (mcf->zone == NULL) {
        return NGX_OK;
    }

    room = ngx_ess_stream_room(mcf->zone);

    if (ngx_ess_source_healthy(mcf->sources, mcf->zone, buf, why) == NGX_OK) {

        if (room) {
            return NGX_OK;
        }

        ngx_str_set(why, NGX_ESS_HEALTH_ROOM);

        return NGX_DECLINED;
    }

    if (!room) {
        why->len = ngx_slprintf(why->data + why->len, buf + NGX_ESS_HEALTH_WHY,
                                "; " NGX_ESS_HEALTH_ROOM)
                   - why->data;
    }

    return NGX_DECLINED;
}


/* Clients get what comes all the same, and would be no better off elsewhere: so
   this is no reason to send them away. */

static ngx_int_t
ngx_ess_health_blocked(ngx_http_request_t *r)
{
    ngx_ess_broker_trouble_t  trouble;

    if (ngx_ess_broker_oldest(ngx_ess_api_zone(r), NGX_ESS_BROKER_PUBLISHING,
                              &trouble)
        != NGX_OK)
    {
        ngx_str_set(&trouble.text, "the broker blocks those who publish");
    }

    return ngx_ess_health_blocked_by(r, &trouble.text);
}


static ngx_int_t
ngx_ess_health_blocked_by(ngx_http_request_t *r, ngx_str_t *why)
{
    static ngx_str_t  head = ngx_string("{\"status\":\"ok\","
                                        "\"publishing\":\"");

    return ngx_ess_api_send_text(r, &head, why);
}


char *
ngx_ess_health_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_ess_conf_serve(cf, cmd, conf, ngx_ess_health);
}
