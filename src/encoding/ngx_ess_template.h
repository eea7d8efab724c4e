
/*
 * Templates: a message with what an event has put into it, as the operator
 * wrote it.  No I/O, no memory but the caller's.
 *
 *     {"type": "event", "channel": "${name}", "order": ${json:/order/id}}
 *
 *     ${body}             the body as it is; of an event that is UTF-8
 *     ${json:/pointer}    a value of the body, which is JSON, as it stands
 *                         there (RFC 6901); ${json:} is all of it
 *     ${key} ${name}      of the event, and of the stream, as they stand
 *                         between quotes in JSON; empty, if there is none
 *     ${id}               epoch-ordinal
 *     ${ordinal}
 *     ${timestamp}        ms since 1970, or null
 *     $$                  $
 */


#ifndef _NGX_ESS_TEMPLATE_H_INCLUDED_
#define _NGX_ESS_TEMPLATE_H_INCLUDED_


#include "ngx_ess_encoding.h"
#include "ngx_ess_json_pointer.h"


/* of one template */
#define NGX_ESS_TEMPLATE_PLACES  16

/* bytes of JSON that are read for a message: a body once for each pointer */
#define NGX_ESS_TEMPLATE_READ    (64 * 1024 * 1024)

#define NGX_ESS_TEMPLATE_ID      (16 + 1 + NGX_INT64_LEN)


typedef enum {
    NGX_ESS_TEMPLATE_BODY = 0,
    NGX_ESS_TEMPLATE_JSON,
    NGX_ESS_TEMPLATE_KEY,
    NGX_ESS_TEMPLATE_NAME,
    NGX_ESS_TEMPLATE_ID_TEXT,
    NGX_ESS_TEMPLATE_ORDINAL,
    NGX_ESS_TEMPLATE_TIMESTAMP
} ngx_ess_template_place_e;


/* where something is put in */

typedef struct {
    ngx_str_t                before;        /* text between the place before
                                               and this one */
    ngx_ess_template_place_e type;
    ngx_str_t                name;          /* of a pointer: it as it was
                                               written */
    ngx_ess_json_pointer_t   pointer;
    ngx_uint_t               same;          /* the first place with that
                                               pointer */
} ngx_ess_template_place_t;


typedef struct {
    ngx_ess_template_place_t places[NGX_ESS_TEMPLATE_PLACES];
    ngx_uint_t               nplaces;
    ngx_uint_t               npointers;     /* that are not the same */
    ngx_str_t                tail;          /* text behind the last place */
    size_t                   len;           /* of all texts */
    unsigned                 named:1;       /* the stream's name is put in */
} ngx_ess_template_t;


/* what is wrong with a template */

typedef struct {
    size_t                   at;            /* which of its bytes, from 1 on */
    const char              *detail;        /* static text */
} ngx_ess_template_error_t;


/* what is put in: an event's message, measured */

typedef struct {
    size_t                   len;           /* of the whole */

    ngx_str_t                values[NGX_ESS_TEMPLATE_PLACES];
    u_char                   id[NGX_ESS_TEMPLATE_ID];
    u_char                   timestamp[NGX_INT64_LEN];
} ngx_ess_template_values_t;


/* NGX_OK; NGX_DECLINED: it is wrong; NGX_ERROR: no memory.  The pool has what
   the template points to, but for "text", which stays. */
ngx_int_t ngx_ess_template_compile(ngx_ess_template_t *t, ngx_pool_t *pool,
    ngx_str_t *text, ngx_ess_template_error_t *error);

/* The event is to stay until it is written.  NGX_OK; NGX_DECLINED: it has not
   what is to be put in, or too much of it. */
ngx_int_t ngx_ess_template_values(const ngx_ess_template_t *t,
    ngx_ess_encoding_event_t *event, ngx_ess_template_values_t *values);

/* Writes values->len bytes; returns their end. */
u_char *ngx_ess_template_write(u_char *p, const ngx_ess_template_t *t,
    ngx_ess_template_values_t *values);


#endif /* _NGX_ESS_TEMPLATE_H_INCLUDED_ */
