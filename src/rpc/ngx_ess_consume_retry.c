
/*
 * Is a message done, to be tried again, or dead?  Owns nothing.  Runs in a
 * worker.
 */


#include "ngx_ess_consume_retry.h"


/* ms */
#define NGX_ESS_CONSUME_RETRY_MAX    60000
#define NGX_ESS_CONSUME_RETRY_AFTER  300000


ngx_ess_consume_retry_e
ngx_ess_consume_retry(ngx_uint_t rpc, ngx_ess_request_end_e end,
    ngx_uint_t status)
{
    if (end != NGX_ESS_REQUEST_DONE || status == 0) {
        return NGX_ESS_CONSUME_RETRY_AGAIN;
    }

    if (rpc) {

        /* of these the application knows nothing, or says that it is not its
           last word */

        return (status == NGX_HTTP_BAD_GATEWAY
                || status == NGX_HTTP_SERVICE_UNAVAILABLE
                || status == NGX_HTTP_GATEWAY_TIME_OUT)
               ? NGX_ESS_CONSUME_RETRY_AGAIN : NGX_ESS_CONSUME_RETRY_DONE;
    }

    if (status >= 200 && status < 400) {
        return NGX_ESS_CONSUME_RETRY_DONE;
    }

    if ((status >= 500 && status < 600)
        || status == NGX_HTTP_REQUEST_TIME_OUT
        || status == 425
        || status == NGX_HTTP_TOO_MANY_REQUESTS)
    {
        return NGX_ESS_CONSUME_RETRY_AGAIN;
    }

    return NGX_ESS_CONSUME_RETRY_NEVER;
}


ngx_msec_t
ngx_ess_consume_retry_delay(ngx_msec_t delay, ngx_uint_t attempts)
{
    for ( /* void */ ; attempts > 1; attempts--) {

        if (delay >= NGX_ESS_CONSUME_RETRY_MAX) {
            break;
        }

        delay *= 2;
    }

    /* up to a quarter more, so that they do not come all at once */

    delay += ngx_random() % (delay / 4 + 1);

    return ngx_min(delay, NGX_ESS_CONSUME_RETRY_MAX);
}


ngx_msec_t
ngx_ess_consume_retry_after(ngx_str_t *value, time_t now)
{
    time_t  t;
    size_t  i;

    /* RFC 9110, 10.2.3: digits, or a date */

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            break;
        }
    }

    if (value->len == 0) {
        return NGX_TIMER_INFINITE;
    }

    if (i == value->len) {
        t = ngx_atoi(value->data, value->len);

        /* more digits than fit */

        if (t == NGX_ERROR) {
            return NGX_ESS_CONSUME_RETRY_AFTER;
        }

    } else {
        t = ngx_parse_http_time(value->data, value->len);

        if (t == NGX_ERROR) {
            return NGX_TIMER_INFINITE;
        }

        t = (t > now) ? t - now : 0;
    }

    return (t >= NGX_ESS_CONSUME_RETRY_AFTER / 1000)
           ? NGX_ESS_CONSUME_RETRY_AFTER : (ngx_msec_t) t * 1000;
}
