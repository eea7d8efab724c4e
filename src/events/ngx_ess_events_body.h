/*
 * The events of a request's body, found one by one, a slice at a time.  What is
 * wrong with one does not spoil its neighbours, as long as the list is one.  A
 * codec without I/O and memory.
 */


#ifndef _NGX_ESS_EVENTS_BODY_H_INCLUDED_
#define _NGX_ESS_EVENTS_BODY_H_INCLUDED_


#include "ngx_ess_json_list.h"
#include "ngx_ess_json_pointer.h"


typedef enum {
    NGX_ESS_EVENTS_BODY_FINE = 0,
    NGX_ESS_EVENTS_BODY_OTHER,              /* it is no object */
    NGX_ESS_EVENTS_BODY_INVALID,            /* it is JSON, but not for readers
                                               of all kinds */
    NGX_ESS_EVENTS_BODY_LARGE               /* "max_event" bytes are less */
} ngx_ess_events_body_e;


typedef enum {
    NGX_ESS_EVENTS_BODY_BROKEN = 0,         /* at "wrong" */
    NGX_ESS_EVENTS_BODY_NONE,               /* nothing, or null */
    NGX_ESS_EVENTS_BODY_NO_LIST             /* a value of another type */
} ngx_ess_events_body_wrong_e;


/* zeroed but for what the caller sets */

typedef struct {
    ngx_ess_json_list_t      list;          /* its "text", and "alone" */
    size_t                   max_event;     /* bytes */
    const ngx_ess_json_pointer_t *id;       /* NULL: none is looked for */

    /* NGX_OK: an event */
    ngx_ess_events_body_e    fault;
    ngx_ess_json_value_t     value;         /* when it is fine */
    ngx_ess_json_value_t     found;         /* at "id"; span.data NULL: nothing,
                                               as far as it was read */

    /* NGX_DECLINED */
    ngx_ess_events_body_wrong_e  reason;
    size_t                   wrong;         /* bytes before what is wrong */
} ngx_ess_events_body_t;


/*
 * Looks for the next event, up to "stop" bytes of the text or the end of the
 * one event there.  NGX_OK; NGX_AGAIN: to be called once more, with a larger
 * "stop"; NGX_DONE: there is none any more; NGX_DECLINED: it is no list.
 */
ngx_int_t ngx_ess_events_body_next(ngx_ess_events_body_t *body, size_t stop);


#endif /* _NGX_ESS_EVENTS_BODY_H_INCLUDED_ */
