
/*
 * Health: do the sources' events come, and has the zone room?  What is wrong
 * is told in the broker's words, from what the workers left in the zone.  Runs
 * in a worker; all memory is the request's.
 */


#include "ngx_ess_health.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_rpc_report.h"
#include "ngx_ess_conf_serve.h"


#define NGX_ESS_HEALTH_ROOM  "the zone has no room for another stream"

/* room for what is wrong with streams */
#define NGX_ESS_HEALTH_WHY                                                    \
    (NGX_ESS_BROKER_WHY + sizeof("; " NGX_ESS_HEALTH_ROOM))


static ngx_int_t ngx_ess_health_streams(ngx_http_request_t *r,
    ngx_ess_main_conf_t *mcf, u_char *buf, ngx_str_t *why);
static ngx_int_t ngx_ess_health_blocked(ngx_http_request_t *r);
static ngx_int_t ngx_ess_health_blocked_by(ngx_http_request_t *r,
    ngx_str_t *why);


ngx_int_t
ngx_ess_health(ngx_http_request_t *r)
{
    u_char                buf[NGX_ESS_HEALTH_WHY];
    u_char                rpc_buf[NGX_ESS_RPC_REPORT_WHY];
    ngx_int_t             rc, streams, rpc;
    ngx_str_t             why, rpc_why;
    ngx_ess_main_conf_t  *mcf;

    static ngx_str_t  ok = ngx_string("{\"status\":\"ok\"}");

    rc = ngx_ess_api_get(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);

    streams = ngx_ess_health_streams(r, mcf, buf, &why);
    rpc = mcf->rpc_figures == NULL ? NGX_OK
          : ngx_ess_rpc_report_healthy(mcf->rpc_figures, rpc_buf, &rpc_why);

    if (streams != NGX_OK || rpc != NGX_OK) {

        if (streams == NGX_OK) {
            return ngx_ess_api_problem(r, 503, "%V", &rpc_why);
        }

        return (rpc == NGX_OK)
               ? ngx_ess_api_problem(r, 503, "%V", &why)
               : ngx_ess_api_problem(r, 503, "%V; %V", &why, &rpc_why);
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
