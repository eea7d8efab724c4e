
/*
 * The bytes of frames, with counted references: each belongs to the lists of
 * frames that it is in.  Runs in workers.
 */


#include "ngx_ess_encoding.h"


u_char *
ngx_ess_encoding_alloc(size_t len, ngx_log_t *log)
{
    ngx_ess_encoding_data_t  *block;

    block = ngx_alloc(sizeof(ngx_ess_encoding_data_t) + len, log);
    if (block == NULL) {
        return NULL;
    }

    block->refs = 1;
    block->mark = 0;

    return (u_char *) (block + 1);
}


void
ngx_ess_encoding_hold(u_char *data)
{
    if (data) {
        ngx_ess_encoding_data(data)->refs++;
    }
}


ngx_uint_t
ngx_ess_encoding_free(u_char *data)
{
    if (data == NULL || --ngx_ess_encoding_data(data)->refs) {
        return 0;
    }

    ngx_free(ngx_ess_encoding_data(data));

    return 1;
}
