
/*
 * Delays between attempts.  A pure function, but for the random number.
 */


#include "ngx_ess_backoff.h"


#define NGX_ESS_BACKOFF_MIN  50

/* with the jitter on top: 1000 */
#define NGX_ESS_BACKOFF_MAX  800


ngx_msec_t
ngx_ess_backoff(ngx_uint_t attempt)
{
    ngx_msec_t  delay;

    delay = NGX_ESS_BACKOFF_MAX;

    if (attempt < 4) {
        delay = NGX_ESS_BACKOFF_MIN << attempt;
    }

    /* a quarter less or more, so that the workers do not come all at once */

    return delay - delay / 4 + ngx_random() % (delay / 2 + 1);
}
