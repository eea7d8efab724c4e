/*
 * Field tables of AMQP 0-9-1, as they lie in a frame: nothing is decoded, only
 * checked.  No calls into nginx.
 */


#ifndef _NGX_ESS_AMQP_TABLE_H_INCLUDED_
#define _NGX_ESS_AMQP_TABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_ess_rabbitmq_c.h"


/* tables in tables: deeper ones are given as bytes */
#define NGX_ESS_AMQP_TABLE_DEPTH      32


static ngx_inline uint32_t
ngx_ess_amqp_table_u16(u_char *p)
{
    return (uint32_t) p[0] << 8 | p[1];
}


static ngx_inline uint32_t
ngx_ess_amqp_table_u32(u_char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


/*
 * Where the table ends that begins at p; NULL: it is none that could be
 * decoded.  Tables and arrays in it that make no sense become bytes.
 */
u_char *ngx_ess_amqp_table_end(u_char *p, u_char *last);

/* Where an entry of a table ends that begins at p; NULL: it is none. */
u_char *ngx_ess_amqp_table_entry(u_char *p, u_char *last);


#endif /* _NGX_ESS_AMQP_TABLE_H_INCLUDED_ */
