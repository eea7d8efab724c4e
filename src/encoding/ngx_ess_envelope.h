/*
 * An event as a JSON object that says whose it is: what clients of the
 * subprotocol "ess.v1" get, and those of "ess_body envelope".  No I/O, no
 * memory but the caller's.  Private to encoding/.
 *
 *     {"s":17,"id":"5f3a-43","t":1795871133389,"data":{"a":1}}
 *     {"s":17,"id":"5f3a-44","t":null,"key":"eu","text":"no JSON"}
 *     {"s":17,"id":"5f3a-45","t":1795871133391,"base64":"AQID"}
 *     {"s":17,"gap":{"from":46,"to":50}}
 */


#ifndef _NGX_ESS_ENVELOPE_H_INCLUDED_
#define _NGX_ESS_ENVELOPE_H_INCLUDED_


#include "ngx_ess_encoding.h"


#define NGX_ESS_ENVELOPE_HEAD                                                 \
    (sizeof("{\"s\":,\"id\":\"-\",\"t\":null") - 1                            \
     + NGX_INT32_LEN + 16 + 2 * NGX_INT64_LEN)

#define NGX_ESS_ENVELOPE_GAP                                                  \
    (sizeof("{\"s\":,\"gap\":{\"from\":,\"to\":null}}") - 1                   \
     + NGX_INT32_LEN + 2 * NGX_INT64_LEN)


/* what the body is */

typedef enum {
    NGX_ESS_ENVELOPE_DATA = 0,              /* JSON, which stays as it is */
    NGX_ESS_ENVELOPE_TEXT,                  /* other UTF-8 */
    NGX_ESS_ENVELOPE_BASE64                 /* the rest */
} ngx_ess_envelope_form_e;


/* an event, measured */

typedef struct {
    size_t                   len;           /* of the whole */

    ngx_ess_envelope_form_e  form;
    ngx_str_t                body;          /* JSON without white space at its
                                               ends */
    ngx_str_t                key;
    size_t                   head_len;
    u_char                   head[NGX_ESS_ENVELOPE_HEAD];
                                            /* up to the time */
} ngx_ess_envelope_t;


/* The event, which has a label, is to stay until it is written. */
void ngx_ess_envelope(ngx_ess_envelope_t *e, ngx_ess_encoding_event_t *event);

/* Writes e->len bytes; returns their end. */
u_char *ngx_ess_envelope_write(u_char *p, ngx_ess_envelope_t *e);

/* Writes at most GAP bytes: the events "from" to "to" are gone; with to < from,
   nobody knows how many. */
u_char *ngx_ess_envelope_gap(u_char *p, ngx_ess_label_t *label, uint64_t from,
    uint64_t to);


#endif /* _NGX_ESS_ENVELOPE_H_INCLUDED_ */
