
/*
 * Troubles of sessions, each under a sequence lock of its own.  The memory is
 * the caller's, and shared.  Runs in workers.
 */


#include "ngx_ess_trouble.h"


/* of a trouble that is being written, at each read */
#define NGX_ESS_TROUBLE_TRIES  8


static uint32_t ngx_ess_trouble_clean(u_char *dst, size_t size,
    ngx_str_t *text);


void
ngx_ess_trouble_set(ngx_ess_trouble_t *t, ngx_str_t *host, ngx_str_t *text)
{
    t->seq |= 1;
    ngx_memory_barrier();

    if (t->since == 0) {
        t->since = ngx_ess_now();
    }

    t->host_len = ngx_ess_trouble_clean(t->host, NGX_ESS_TROUBLE_HOST, host);
    t->text_len = ngx_ess_trouble_clean(t->text, NGX_ESS_TROUBLE_TEXT, text);

    ngx_memory_barrier();
    t->seq++;
}


/* For people to read: ngx_ess_escape() would escape once more what the session
   escaped for its log, and make it longer than there is room. */

static uint32_t
ngx_ess_trouble_clean(u_char *dst, size_t size, ngx_str_t *text)
{
    size_t  i, len;

    len = ngx_min(text->len, size);

    for (i = 0; i < len; i++) {
        dst[i] = (text->data[i] < 0x20 || text->data[i] > 0x7e)
                 ? '.' : text->data[i];
    }

    return len;
}


void
ngx_ess_trouble_well(ngx_ess_trouble_t *t)
{
    t->since = 0;
}


ngx_int_t
ngx_ess_trouble_read(ngx_ess_trouble_t *t, ngx_ess_trouble_t *copy)
{
    uint32_t    seq;
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_TROUBLE_TRIES; i++) {
        seq = *(volatile uint32_t *) &t->seq;
        ngx_memory_barrier();

        ngx_memcpy(copy, t, sizeof(ngx_ess_trouble_t));

        ngx_memory_barrier();

        if (copy->since == 0) {
            return NGX_DECLINED;
        }

        if (!(seq & 1) && *(volatile uint32_t *) &t->seq == seq) {
            copy->host_len = ngx_min(copy->host_len, NGX_ESS_TROUBLE_HOST);
            copy->text_len = ngx_min(copy->text_len, NGX_ESS_TROUBLE_TEXT);

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


u_char *
ngx_ess_trouble_words(u_char *p, u_char *last, ngx_ess_trouble_t *copy)
{
    ngx_tm_t   tm;
    ngx_str_t  host, text;

    host.data = copy->host;
    host.len = copy->host_len;
    text.data = copy->text;
    text.len = copy->text_len;

    ngx_gmtime((time_t) (copy->since / 1000), &tm);

    return ngx_slprintf(p, last, ": %V: %V, since "
                        "%4d-%02d-%02dT%02d:%02d:%02dZ", &host, &text,
                        tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                        tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
}
