
/*
 * gzip over zlib, in a worker.  One deflate stream of the worker's serves all
 * bodies, reset for each; only while it is at work on a body of several slices
 * does another body get one of its own, which costs a quarter of a megabyte.
 */


#include "ngx_ess_gzip.h"
#include <zlib.h>


/* of zlib: the largest window, and gzip's header instead of zlib's */
#define NGX_ESS_GZIP_WINDOW  (15 + 16)

/* what compresses JSON well without much of a worker's time */
#define NGX_ESS_GZIP_LEVEL   4

/* bytes in of a slice, and out at first */
#define NGX_ESS_GZIP_SLICE   65536


struct ngx_ess_gzip_s {
    z_stream                *z;             /* NULL: none yet, or no more */
    z_stream                 own;           /* while the worker's is taken */
    u_char                  *in;
    u_char                  *last;          /* end of the text */
    u_char                  *out;           /* malloc()ed */
    size_t                   size;          /* of that, in bytes */
    size_t                   len;           /* of what came out */
    ngx_log_t               *log;
};


static ngx_int_t ngx_ess_gzip_begin(ngx_ess_gzip_t *gz);
static void ngx_ess_gzip_end(ngx_ess_gzip_t *gz);
static ngx_int_t ngx_ess_gzip_room(ngx_ess_gzip_t *gz);


static z_stream    ngx_ess_gzip_z;
static ngx_uint_t  ngx_ess_gzip_ready;      /* 1: it is initialised */
static ngx_uint_t  ngx_ess_gzip_taken;      /* 1: it is at work */


ngx_ess_gzip_t *
ngx_ess_gzip_create(ngx_str_t *text, ngx_log_t *log)
{
    ngx_ess_gzip_t  *gz;

    gz = calloc(1, sizeof(ngx_ess_gzip_t));
    if (gz == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno, "calloc() failed");
        return NULL;
    }

    gz->in = text->data;
    gz->last = text->data + text->len;
    gz->log = log;

    return gz;
}


void
ngx_ess_gzip_destroy(ngx_ess_gzip_t *gz)
{
    ngx_ess_gzip_end(gz);

    if (gz->out) {
        free(gz->out);
    }

    free(gz);
}


ngx_int_t
ngx_ess_gzip_step(ngx_ess_gzip_t *gz)
{
    int        rc, flush;
    size_t     fed, room;
    z_stream  *z;

    if (gz->z == NULL && ngx_ess_gzip_begin(gz) != NGX_OK) {
        return NGX_ERROR;
    }

    z = gz->z;

    fed = ngx_min(gz->last - gz->in, NGX_ESS_GZIP_SLICE);
    flush = (gz->in + fed == gz->last) ? Z_FINISH : Z_NO_FLUSH;

    z->next_in = gz->in;
    z->avail_in = (uInt) fed;

    /* with room left, zlib has taken all that there is, and says that it is
       finished when it was to finish */

    do {
        if (ngx_ess_gzip_room(gz) != NGX_OK) {
            ngx_ess_gzip_end(gz);
            return NGX_ERROR;
        }

        room = gz->size - gz->len;

        z->next_out = gz->out + gz->len;
        z->avail_out = (uInt) room;

        rc = deflate(z, flush);

        gz->len += room - z->avail_out;

        if (rc == Z_STREAM_END) {
            ngx_ess_gzip_end(gz);
            return NGX_OK;
        }

        /* Z_BUF_ERROR: nothing was left to do but to say so */

        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            ngx_log_error(NGX_LOG_ALERT, gz->log, 0, "deflate(): %d", rc);
            ngx_ess_gzip_end(gz);
            return NGX_ERROR;
        }

    } while (z->avail_out == 0);

    gz->in += fed;

    return NGX_AGAIN;
}


/* A stream: the worker's when it is free. */

static ngx_int_t
ngx_ess_gzip_begin(ngx_ess_gzip_t *gz)
{
    z_stream  *z;

    z = ngx_ess_gzip_taken ? &gz->own : &ngx_ess_gzip_z;

    if (z == &ngx_ess_gzip_z && ngx_ess_gzip_ready) {

        if (deflateReset(z) != Z_OK) {
            ngx_log_error(NGX_LOG_ALERT, gz->log, 0, "deflateReset() failed");
            return NGX_ERROR;
        }

    } else if (deflateInit2(z, NGX_ESS_GZIP_LEVEL, Z_DEFLATED,
                            NGX_ESS_GZIP_WINDOW, MAX_MEM_LEVEL - 1,
                            Z_DEFAULT_STRATEGY)
               != Z_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, gz->log, 0, "deflateInit2() failed");
        return NGX_ERROR;
    }

    if (z == &ngx_ess_gzip_z) {
        ngx_ess_gzip_ready = 1;
        ngx_ess_gzip_taken = 1;
    }

    gz->z = z;

    return NGX_OK;
}


static void
ngx_ess_gzip_end(ngx_ess_gzip_t *gz)
{
    if (gz->z == NULL) {
        return;
    }

    if (gz->z == &ngx_ess_gzip_z) {
        ngx_ess_gzip_taken = 0;

    } else {
        (void) deflateEnd(gz->z);
    }

    gz->z = NULL;
}


/* There is some for what comes next.  A text that does not shrink fits into
   what zlib says that it needs. */

static ngx_int_t
ngx_ess_gzip_room(ngx_ess_gzip_t *gz)
{
    u_char  *p;
    size_t   size;

    if (gz->len < gz->size) {
        return NGX_OK;
    }

    if (gz->out == NULL) {
        size = deflateBound(gz->z, ngx_min(gz->last - gz->in,
                                           NGX_ESS_GZIP_SLICE));

    } else {
        size = gz->size * 2;
    }

    p = realloc(gz->out, size);
    if (p == NULL) {
        ngx_log_error(NGX_LOG_EMERG, gz->log, ngx_errno,
                      "realloc(%uz) failed", size);
        return NGX_ERROR;
    }

    gz->out = p;
    gz->size = size;

    return NGX_OK;
}


void
ngx_ess_gzip_text(ngx_ess_gzip_t *gz, ngx_str_t *text)
{
    text->data = gz->out;
    text->len = gz->len;
}
