/*
 * Health: is the broker there, does every slot have a consumer, and is every
 * key bound?  Asks what the workers left in the zone.  Runs in a worker.
 */


#include "ngx_ess_exchange_health.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_counter.h"


static ngx_uint_t ngx_ess_exchange_health_slots(uint32_t slots);


ngx_int_t
ngx_ess_exchange_health(ngx_ess_zone_t *zone, u_char *buf, ngx_str_t *why)
{
    u_char      what[sizeof("16 of 16 slots are not consumed")];
    uint32_t    missing;

    if (ngx_ess_counter_sum(zone, NGX_ESS_C_CONNECTED) == 0) {
        ngx_ess_broker_why(zone, NGX_ESS_BROKER_CONSUMING,
                           "no worker is connected to the broker", buf, why);
        return NGX_DECLINED;
    }

    missing = ngx_ess_broker_missing(zone, NGX_ESS_BROKER_GRACE);

    if (missing == 0) {

        if (ngx_ess_counter_sum(zone, NGX_ESS_C_UNBOUND) == 0) {
            return NGX_OK;
        }

        ngx_ess_broker_why(zone, NGX_ESS_BROKER_CONSUMING,
                           "routing keys are not bound in the broker", buf,
                           why);
        return NGX_DECLINED;
    }

    (void) ngx_sprintf(what, "%ui of %d slots are not consumed%Z",
                       ngx_ess_exchange_health_slots(missing), NGX_ESS_SLOTS);

    ngx_ess_broker_why(zone, NGX_ESS_BROKER_CONSUMING, (char *) what, buf,
                       why);

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_ess_exchange_health_slots(uint32_t slots)
{
    ngx_uint_t  n;

    for (n = 0; slots; n++) {
        slots &= slots - 1;
    }

    return n;
}
