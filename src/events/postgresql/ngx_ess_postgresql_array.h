/*
 * Parameters of SQL statements in PostgreSQL's binary format: numbers, texts,
 * and arrays of them, so that nothing has to be escaped.  Pure.
 */


#ifndef _NGX_ESS_POSTGRESQL_ARRAY_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_ARRAY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* numbers of PostgreSQL's types, which stay */
#define NGX_ESS_POSTGRESQL_BYTEA  17
#define NGX_ESS_POSTGRESQL_INT8   20
#define NGX_ESS_POSTGRESQL_TEXT   25

#define NGX_ESS_POSTGRESQL_PARAMS 10


/* on the caller's stack, zeroed; the values are the caller's */

typedef struct {
    int                      n;
    uint32_t                 types[NGX_ESS_POSTGRESQL_PARAMS];
    const char              *values[NGX_ESS_POSTGRESQL_PARAMS];
    int                      lengths[NGX_ESS_POSTGRESQL_PARAMS];
    int                      formats[NGX_ESS_POSTGRESQL_PARAMS];
    u_char                   numbers[NGX_ESS_POSTGRESQL_PARAMS][8];
} ngx_ess_postgresql_params_t;


/* The next parameter; its number, from 1 on.  There must be room. */
int ngx_ess_postgresql_param_int(ngx_ess_postgresql_params_t *params,
    int64_t value);
int ngx_ess_postgresql_param_text(ngx_ess_postgresql_params_t *params,
    const ngx_str_t *value);

/* The same for an array that was made by the functions below. */
int ngx_ess_postgresql_param_array(ngx_ess_postgresql_params_t *params,
    u_char *array, size_t len);


/* Bytes of an array with one dimension, whose "n" items have "bytes" bytes. */
size_t ngx_ess_postgresql_array_size(ngx_uint_t n, size_t bytes);

/* Writes its head, then item by item; each returns where the next one goes.
   "type": that of the items.  An item whose data is NULL is SQL's NULL. */
u_char *ngx_ess_postgresql_array_head(u_char *p, uint32_t type, ngx_uint_t n);
u_char *ngx_ess_postgresql_array_item(u_char *p, const u_char *data,
    size_t len);
u_char *ngx_ess_postgresql_array_int(u_char *p, int64_t value);


#endif /* _NGX_ESS_POSTGRESQL_ARRAY_H_INCLUDED_ */
