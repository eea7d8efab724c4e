
/*
 * How much a client may send.  A bucket is kept as the time when it is full
 * again: what comes moves that time on by what it costs at the rate, and the
 * bucket is empty when that time is a whole burst away.  Owns nothing.  Runs
 * in the worker that has the connection.
 */


#include "ngx_ess_client_rate.h"


/* us */
#define NGX_ESS_CLIENT_RATE_SECOND  1000000
#define NGX_ESS_CLIENT_RATE_EMPTY                                             \
    ((uint64_t) NGX_ESS_CLIENT_RATE_BURST * NGX_ESS_CLIENT_RATE_SECOND)


static uint64_t ngx_ess_client_rate_take(uint64_t full, uint64_t n,
    uint64_t rate, uint64_t now);


ngx_int_t
ngx_ess_client_rate(ngx_ess_client_rate_t *rate,
    const ngx_ess_client_rate_conf_t *conf, ngx_uint_t messages, size_t bytes,
    ngx_msec_t now)
{
    uint64_t  us, most;

    us = (uint64_t) now * 1000;

    rate->messages = ngx_ess_client_rate_take(rate->messages, messages,
                                              conf->messages, us);
    rate->bytes = ngx_ess_client_rate_take(rate->bytes, bytes, conf->bytes,
                                           us);

    most = ngx_max(rate->messages, rate->bytes) - us;

    if (most <= NGX_ESS_CLIENT_RATE_EMPTY / 2) {
        rate->paused = 0;
        return NGX_OK;
    }

    if (most <= NGX_ESS_CLIENT_RATE_EMPTY) {
        return NGX_OK;
    }

    if (rate->paused) {
        return NGX_DECLINED;
    }

    /* what came at once, in one read, is not held against it after the pause */

    rate->paused = 1;
    rate->messages = ngx_min(rate->messages, us + NGX_ESS_CLIENT_RATE_EMPTY);
    rate->bytes = ngx_min(rate->bytes, us + NGX_ESS_CLIENT_RATE_EMPTY);

    return NGX_BUSY;
}


/* When the bucket is full again, in us. */

static uint64_t
ngx_ess_client_rate_take(uint64_t full, uint64_t n, uint64_t rate,
    uint64_t now)
{
    if (rate == 0) {
        return now;
    }

    return ngx_max(full, now) + n * NGX_ESS_CLIENT_RATE_SECOND / rate;
}
