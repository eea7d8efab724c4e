
/*
 * Compressed bodies are decoded here, over zlib, in a worker.  What comes out
 * is kept in pieces of the heap until all of it is there, so that nobody who
 * sends little and announces much has memory set aside for it.
 */


#include "ngx_ess_inflate.h"
#include <zlib.h>


/* of zlib: the largest window, and gzip's header instead of zlib's */
#define NGX_ESS_INFLATE_WINDOW  15
#define NGX_ESS_INFLATE_GZIP    16

/* bytes of a piece; the first one may be smaller */
#define NGX_ESS_INFLATE_FIRST   1024
#define NGX_ESS_INFLATE_PIECE   65536

/* bytes in and out of a slice, and what else costs as much as so many */
#define NGX_ESS_INFLATE_SLICE   262144
#define NGX_ESS_INFLATE_CALL    256


typedef struct {
    ngx_queue_t              queue;
    size_t                   len;
    u_char                   data[];
} ngx_ess_inflate_piece_t;


struct ngx_ess_inflate_s {
    z_stream                 z;
    ngx_queue_t              pieces;
    ngx_ess_inflate_piece_t *piece;     /* the last one */
    u_char                  *last;          /* end of the text */
    size_t                   size;          /* of what came out */
    size_t                   max;
    unsigned                 gzip:1;
};


static ngx_int_t ngx_ess_inflate_room(ngx_ess_inflate_t *in);
static ngx_int_t ngx_ess_inflate_rest(ngx_ess_inflate_t *in,
    const char **detail);
static ngx_int_t ngx_ess_inflate_broken(ngx_ess_inflate_t *in, int rc,
    const char **detail);


ngx_ess_inflate_t *
ngx_ess_inflate_create(ngx_str_t *text, ngx_uint_t gzip, size_t max)
{
    ngx_ess_inflate_t  *in;

    in = calloc(1, sizeof(ngx_ess_inflate_t));
    if (in == NULL) {
        return NULL;
    }

    ngx_queue_init(&in->pieces);

    in->z.next_in = text->data;
    in->last = text->data + text->len;
    in->max = max;
    in->gzip = (gzip != 0);

    if (inflateInit2(&in->z, NGX_ESS_INFLATE_WINDOW
                             + (gzip ? NGX_ESS_INFLATE_GZIP : 0))
        != Z_OK)
    {
        free(in);
        return NULL;
    }

    return in;
}


void
ngx_ess_inflate_destroy(ngx_ess_inflate_t *in)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&in->pieces)) {
        q = ngx_queue_head(&in->pieces);
        ngx_queue_remove(q);

        free(ngx_queue_data(q, ngx_ess_inflate_piece_t, queue));
    }

    (void) inflateEnd(&in->z);

    free(in);
}


ngx_int_t
ngx_ess_inflate_step(ngx_ess_inflate_t *in, const char **detail)
{
    int        rc;
    size_t     work, fed, room;
    ngx_int_t  end;

    for (work = 0; work < NGX_ESS_INFLATE_SLICE; /* void */ ) {

        if (ngx_ess_inflate_room(in) != NGX_OK) {
            return NGX_ERROR;
        }

        fed = ngx_min(in->last - in->z.next_in, NGX_ESS_INFLATE_PIECE);
        room = in->z.avail_out;

        in->z.avail_in = (uInt) fed;

        rc = inflate(&in->z, Z_NO_FLUSH);

        room -= in->z.avail_out;

        work += fed - in->z.avail_in + room + NGX_ESS_INFLATE_CALL;

        in->piece->len += room;
        in->size += room;

        if (in->size > in->max) {
            return NGX_ABORT;
        }

        if (rc == Z_OK) {
            continue;
        }

        end = (rc == Z_STREAM_END)
              ? ngx_ess_inflate_rest(in, detail)
              : ngx_ess_inflate_broken(in, rc, detail);

        if (end != NGX_AGAIN) {
            return end;
        }
    }

    return NGX_AGAIN;
}


/* There is some for what comes next. */

static ngx_int_t
ngx_ess_inflate_room(ngx_ess_inflate_t *in)
{
    size_t                        size;
    ngx_ess_inflate_piece_t  *piece;

    if (in->z.avail_out) {
        return NGX_OK;
    }

    size = NGX_ESS_INFLATE_PIECE;

    if (in->piece == NULL) {
        size = ngx_min(size, 8 * (size_t) (in->last - in->z.next_in));
        size = ngx_max(size, NGX_ESS_INFLATE_FIRST);
    }

    piece = malloc(sizeof(ngx_ess_inflate_piece_t) + size);
    if (piece == NULL) {
        return NGX_ERROR;
    }

    piece->len = 0;
    ngx_queue_insert_tail(&in->pieces, &piece->queue);

    in->piece = piece;
    in->z.next_out = piece->data;
    in->z.avail_out = (uInt) size;

    return NGX_OK;
}


/* Behind the end: another member of gzip's (RFC 1952, 2.2), or nothing. */

static ngx_int_t
ngx_ess_inflate_rest(ngx_ess_inflate_t *in, const char **detail)
{
    u_char  *p;

    p = in->z.next_in;

    if (p == in->last) {
        return NGX_OK;
    }

    if (in->gzip && in->last - p >= 2 && p[0] == 0x1f && p[1] == 0x8b) {
        return (inflateReset(&in->z) == Z_OK) ? NGX_AGAIN : NGX_ERROR;
    }

    *detail = "something follows the end of the compressed data";

    return NGX_DECLINED;
}


static ngx_int_t
ngx_ess_inflate_broken(ngx_ess_inflate_t *in, int rc,
    const char **detail)
{
    if (rc == Z_MEM_ERROR) {
        return NGX_ERROR;
    }

    if (rc == Z_BUF_ERROR) {
        *detail = "the compressed data ends too early";

    } else if (rc == Z_NEED_DICT) {
        *detail = "the compressed data needs a dictionary";

    } else {
        *detail = in->z.msg ? in->z.msg : "the compressed data is broken";
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_inflate_take(ngx_ess_inflate_t *in, ngx_pool_t *pool,
    ngx_str_t *text)
{
    u_char                       *p;
    ngx_queue_t                  *q;
    ngx_ess_inflate_piece_t  *piece;

    p = ngx_pnalloc(pool, in->size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = in->size;

    while (!ngx_queue_empty(&in->pieces)) {
        q = ngx_queue_head(&in->pieces);
        piece = ngx_queue_data(q, ngx_ess_inflate_piece_t, queue);

        p = ngx_cpymem(p, piece->data, piece->len);

        ngx_queue_remove(q);
        free(piece);
    }

    in->piece = NULL;

    return NGX_OK;
}
