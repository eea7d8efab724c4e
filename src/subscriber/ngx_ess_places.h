/*
 * A client's places in several streams as one text, which is the id of each
 * event that it gets of them:
 *
 *     5f3a-43,77-9,12c-0,1-3
 *
 * epoch in hex and ordinal in decimal of the last event that it had of each,
 * in the order in which it asked for the streams; the ordinal 0 is before the
 * first one.  A codec without I/O and memory.
 */


#ifndef _NGX_ESS_PLACES_H_INCLUDED_
#define _NGX_ESS_PLACES_H_INCLUDED_


#include "ngx_ess_position.h"


/* of how many streams at most */
#define NGX_ESS_PLACES_MAX  64

/* bytes of their text at most, which have to fit into a request's header */
#define NGX_ESS_PLACES_LEN                                                    \
    (NGX_ESS_PLACES_MAX * (NGX_ESS_POSITION_EVENT_LEN + 1))


/*
 * Reads the text of "n" places into as many positions.  NGX_DECLINED: it has
 * another number of them, "found", which is 0 when it is none at all; each
 * position is one of an epoch that no log has then.
 */
ngx_int_t ngx_ess_places_parse(ngx_str_t *text, ngx_ess_position_t *pos,
    ngx_uint_t n, ngx_uint_t *found);

/* Bytes of the text of "n" places, whose ordinals are below 2^63; writes it and
   returns its end. */
size_t ngx_ess_places_len(const ngx_ess_event_id_t *places, ngx_uint_t n);
u_char *ngx_ess_places_write(u_char *p, const ngx_ess_event_id_t *places,
    ngx_uint_t n);


#endif /* _NGX_ESS_PLACES_H_INCLUDED_ */
