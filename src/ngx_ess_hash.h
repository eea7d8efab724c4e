/*
 * Two hashes: one of what comes from outside, of which nobody who does not know
 * the factor finds two texts that share a bucket; and one that is the same on
 * all nodes, for ever.
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


/* FNV-1a, 64 bits: begins with this, and goes on with more texts. */

#define NGX_ESS_HASH_FNV     0xcbf29ce484222325


static ngx_inline uint64_t
ngx_ess_hash_fnv(uint64_t hash, const u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * 0x100000001b3;
    }

    return hash;
}


#endif /* _NGX_ESS_HASH_H_INCLUDED_ */
