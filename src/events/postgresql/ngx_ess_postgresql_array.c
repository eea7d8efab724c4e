/*
 * Parameters of SQL statements in PostgreSQL's binary format, as array_recv()
 * and its like of the server read them.  Pure: the memory is the caller's.
 */


#include "ngx_ess_postgresql_array.h"


/* dimensions, NULLs, type; length and lower bound of the dimension */
#define NGX_ESS_POSTGRESQL_ARRAY_HEAD  20


static u_char *ngx_ess_postgresql_array_32(u_char *p, uint32_t value);
static u_char *ngx_ess_postgresql_array_64(u_char *p, uint64_t value);


int
ngx_ess_postgresql_param_int(ngx_ess_postgresql_params_t *params,
    int64_t value)
{
    int  i;

    i = params->n++;

    (void) ngx_ess_postgresql_array_64(params->numbers[i], (uint64_t) value);

    params->types[i] = NGX_ESS_POSTGRESQL_INT8;
    params->values[i] = (const char *) params->numbers[i];
    params->lengths[i] = 8;
    params->formats[i] = 1;

    return params->n;
}


int
ngx_ess_postgresql_param_text(ngx_ess_postgresql_params_t *params,
    const ngx_str_t *value)
{
    int  i;

    i = params->n++;

    params->types[i] = NGX_ESS_POSTGRESQL_TEXT;
    params->values[i] = value->len ? (const char *) value->data : "";
    params->lengths[i] = (int) value->len;
    params->formats[i] = 1;

    return params->n;
}


int
ngx_ess_postgresql_param_array(ngx_ess_postgresql_params_t *params,
    u_char *array, size_t len)
{
    int  i;

    i = params->n++;

    /* the statement casts it */

    params->types[i] = 0;
    params->values[i] = (const char *) array;
    params->lengths[i] = (int) len;
    params->formats[i] = 1;

    return params->n;
}


size_t
ngx_ess_postgresql_array_size(ngx_uint_t n, size_t bytes)
{
    return NGX_ESS_POSTGRESQL_ARRAY_HEAD + 4 * n + bytes;
}


u_char *
ngx_ess_postgresql_array_head(u_char *p, uint32_t type, ngx_uint_t n)
{
    p = ngx_ess_postgresql_array_32(p, 1);
    p = ngx_ess_postgresql_array_32(p, 1);
    p = ngx_ess_postgresql_array_32(p, type);
    p = ngx_ess_postgresql_array_32(p, (uint32_t) n);

    return ngx_ess_postgresql_array_32(p, 1);
}


u_char *
ngx_ess_postgresql_array_item(u_char *p, const u_char *data, size_t len)
{
    if (data == NULL) {
        return ngx_ess_postgresql_array_32(p, (uint32_t) -1);
    }

    p = ngx_ess_postgresql_array_32(p, (uint32_t) len);

    return ngx_cpymem(p, data, len);
}


u_char *
ngx_ess_postgresql_array_int(u_char *p, int64_t value)
{
    p = ngx_ess_postgresql_array_32(p, 8);

    return ngx_ess_postgresql_array_64(p, (uint64_t) value);
}


static u_char *
ngx_ess_postgresql_array_32(u_char *p, uint32_t value)
{
    *p++ = (u_char) (value >> 24);
    *p++ = (u_char) (value >> 16);
    *p++ = (u_char) (value >> 8);
    *p++ = (u_char) value;

    return p;
}


static u_char *
ngx_ess_postgresql_array_64(u_char *p, uint64_t value)
{
    p = ngx_ess_postgresql_array_32(p, (uint32_t) (value >> 32));

    return ngx_ess_postgresql_array_32(p, (uint32_t) value);
}
