/*
 * nginx's table for hashes of routing keys, in programs that are not nginx but
 * look into a zone.  Included once in each of them.
 */


#ifndef _NGX_ESS_ZONE_CRC32_H_INCLUDED_
#define _NGX_ESS_ZONE_CRC32_H_INCLUDED_


#include "ngx_ess.h"


uint32_t  ngx_crc32_table256[256];


static void
ngx_ess_zone_crc32_init(void)
{
    uint32_t    c;
    ngx_uint_t  i, k;

    for (i = 0; i < 256; i++) {
        c = i;

        for (k = 0; k < 8; k++) {
            c = (c & 1) ? 0xedb88320 ^ (c >> 1) : c >> 1;
        }

        ngx_crc32_table256[i] = c;
    }
}


#endif /* _NGX_ESS_ZONE_CRC32_H_INCLUDED_ */
