/*
 * A hash of what comes from outside: nobody who does not know the factor finds
 * two texts that share a bucket.
 */


#ifndef _NGX_ESS_HASH_H_INCLUDED_
#define _NGX_ESS_HASH_H_INCLUDED_


#include "ngx_ess.h"


/*
 * A polynomial modulo a prime, 2^31 - 1, at a random place, "factor":
 * of two texts that were chosen without a look at it, it is the same with a
 * probability of their length in 2^31.
 */

#define NGX_ESS_HASH_PRIME   0x7fffffff


static ngx_inline uint32_t
ngx_ess_hash(uint64_t factor, const u_char *p, size_t len)
{
    size_t    i;
    uint64_t  hash;

    factor &= NGX_ESS_HASH_PRIME;
    hash = len;

    for (i = 0; i < len; i++) {
        hash = hash * factor + p[i];
        hash = (hash & NGX_ESS_HASH_PRIME) + (hash >> 31);
    }

    return (uint32_t) hash;
}


#endif /* _NGX_ESS_HASH_H_INCLUDED_ */
