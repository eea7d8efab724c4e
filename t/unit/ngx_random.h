/*
 * Numbers that look random and are the same each time (xorshift64).
 */


#ifndef _NGX_RANDOM_H_INCLUDED_
#define _NGX_RANDOM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the seed, never 0 */
static uint64_t  random_state = 88172645463325252;


static inline ngx_uint_t
random_below(ngx_uint_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;

    return (ngx_uint_t) ((random_state >> 11) % n);
}


#endif /* _NGX_RANDOM_H_INCLUDED_ */
