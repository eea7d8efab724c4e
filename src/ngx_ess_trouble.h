/*
 * What a session with the broker last failed with, in shared memory: one
 * process writes it, any reads it.
 */


#ifndef _NGX_ESS_TROUBLE_H_INCLUDED_
#define _NGX_ESS_TROUBLE_H_INCLUDED_


#include "ngx_ess.h"


#define NGX_ESS_TROUBLE_HOST     80         /* bytes kept */
#define NGX_ESS_TROUBLE_TEXT     256


/* a part of the layouts of the zone and of the figures of RPC; all zero: there
   is none */

typedef struct {
    uint32_t                 seq;           /* odd: is being written */
    uint32_t                 host_len;
    uint32_t                 text_len;
    uint32_t                 unused;
    uint64_t                 since;         /* ms since 1970, 0: none */
    u_char                   host[NGX_ESS_TROUBLE_HOST];
    u_char                   text[NGX_ESS_TROUBLE_TEXT];
} ngx_ess_trouble_t;


/*
 * By its process.  Host and text are cut to their sizes; a byte that is not
 * printable ASCII becomes '.'.  "since" stays that of the first failure until
 * it is well.
 */
void ngx_ess_trouble_set(ngx_ess_trouble_t *t, ngx_str_t *host,
    ngx_str_t *text);
void ngx_ess_trouble_well(ngx_ess_trouble_t *t);

/* By any process.  NGX_OK, or NGX_DECLINED: there is none, or it is just being
   written. */
ngx_int_t ngx_ess_trouble_read(ngx_ess_trouble_t *t, ngx_ess_trouble_t *copy);

/* Writes of a copy ": host: text, since 2026-11-28T16:00:00Z"; returns where
   that ends. */
u_char *ngx_ess_trouble_words(u_char *p, u_char *last,
    ngx_ess_trouble_t *copy);


#endif /* _NGX_ESS_TROUBLE_H_INCLUDED_ */
