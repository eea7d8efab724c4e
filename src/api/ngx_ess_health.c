
/*
 * Health: do the sources' events come, and has the zone room?  What is wrong
 * is told in the broker's words, from what the workers left in the zone.  Runs
 * in a worker; all memory is the request's.
 */


#include "ngx_ess_health.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_conf_serve.h"


#define NGX_ESS_HEALTH_ROOM  "the zone has no room for another stream"


static ngx_int_t ngx_ess_health_blocked(ngx_http_request_t *r);


ngx_int_t
ngx_ess_health(ngx_http_request_t *r)
{
    u_char                buf[NGX_ESS_BROKER_WHY];
    ngx_int_t             rc;
    ngx_str_t             why;
    ngx_uint_t            room;
    ngx_ess_zone_t       *zone;
    ngx_ess_main_conf_t  *mcf;

    static ngx_str_t  ok = ngx_string("{\"status\":\"ok\"}");

    rc = ngx_ess_api_get(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);
    zone = ngx_ess_api_zone(r);
    room = ngx_ess_stream_room(zone);

    if (ngx_ess_source_healthy(mcf->sources, zone, buf, &why) == NGX_OK) {
        if (!room) {
            return ngx_ess_api_problem(r, 503, NGX_ESS_HEALTH_ROOM);
        }

        return ngx_ess_counter_sum(zone, NGX_ESS_C_BLOCKED)
               ? ngx_ess_health_blocked(r)
               : ngx_ess_api_send(r, NGX_HTTP_OK, &ok);
    }

    return ngx_ess_api_problem(r, 503, room ? "%V"
                                       : "%V; " NGX_ESS_HEALTH_ROOM, &why);
}


/* Clients get what comes all the same, and would be no better off elsewhere: so
   this is no reason to send them away. */

static ngx_int_t
ngx_ess_health_blocked(ngx_http_request_t *r)
{
    ngx_ess_broker_trouble_t  trouble;

    static ngx_str_t  head = ngx_string("{\"status\":\"ok\","
                                        "\"publishing\":\"");

    if (ngx_ess_broker_oldest(ngx_ess_api_zone(r), NGX_ESS_BROKER_PUBLISHING,
                              &trouble)
        != NGX_OK)
    {
        ngx_str_set(&trouble.text, "the broker blocks those who publish");
    }

    return ngx_ess_api_send_text(r, &head, &trouble.text);
}


char *
ngx_ess_health_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_ess_conf_serve(cf, cmd, conf, ngx_ess_health);
}
