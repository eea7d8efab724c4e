/*
 * The query string of a page of events: which ones, and how many.  A codec
 * without I/O.
 */


#ifndef _NGX_ESS_EVENTS_ARGS_H_INCLUDED_
#define _NGX_ESS_EVENTS_ARGS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_ess_events_cursor.h"


/* bytes of a value that any parameter can have */
#define NGX_ESS_EVENTS_ARGS_VALUE  256

#define NGX_ESS_EVENTS_ARGS_SIZE   10       /* events of a page */
#define NGX_ESS_EVENTS_ARGS_MAX    1000

/* bytes of a query string that was written, at most */
#define NGX_ESS_EVENTS_ARGS_TEXT                                              \
    (NGX_ESS_EVENTS_ARGS_N * (3 * NGX_ESS_EVENTS_ARGS_VALUE + 16))


typedef enum {
    NGX_ESS_EVENTS_ARGS_OF_SIZE = 0,
    NGX_ESS_EVENTS_ARGS_OF_FROM,
    NGX_ESS_EVENTS_ARGS_OF_AFTER,
    NGX_ESS_EVENTS_ARGS_OF_TYPE,
    NGX_ESS_EVENTS_ARGS_OF_SINCE,
    NGX_ESS_EVENTS_ARGS_OF_UNTIL,
    NGX_ESS_EVENTS_ARGS_OF_ORDER,
    NGX_ESS_EVENTS_ARGS_OF_TOTAL,
    NGX_ESS_EVENTS_ARGS_N
} ngx_ess_events_args_e;


/* a parameter, decoded */

typedef struct {
    ngx_str_t                text;          /* data NULL: it is not there */
    u_char                   buf[NGX_ESS_EVENTS_ARGS_VALUE];
    const char              *wrong;         /* what would be right, static text;
                                               NULL: it is */
} ngx_ess_events_args_value_t;


typedef struct {
    ngx_uint_t               size;          /* events, at most */
    uint64_t                 from;          /* events to leave out */
    ngx_ess_events_cursor_t  after;
    int64_t                  since;         /* ms since 1970 */
    int64_t                  until;
    unsigned                 desc:1;
    unsigned                 total:1;       /* it is wanted */

    ngx_ess_events_args_value_t  values[NGX_ESS_EVENTS_ARGS_N];
} ngx_ess_events_args_t;


/* Names of the parameters. */
extern const ngx_str_t  ngx_ess_events_args_names[NGX_ESS_EVENTS_ARGS_N];


/* Of a parameter that is there twice the last one counts; others than these are
   ignored.  NGX_OK; NGX_DECLINED: "wrong" of some value says what. */
ngx_int_t ngx_ess_events_args_read(ngx_ess_events_args_t *args,
    const ngx_str_t *text);

/* The same of those who follow the log: they have nothing of a page; "from" is
   not read, for it means something else there. */
ngx_int_t ngx_ess_events_args_follow(ngx_ess_events_args_t *args,
    const ngx_str_t *text);

/* The query string of the page behind that cursor: what "args" asks for, but
   for "from" and "after".  Returns what is behind it. */
u_char *ngx_ess_events_args_write(u_char *p,
    const ngx_ess_events_args_t *args, const ngx_ess_events_cursor_t *cursor);


#endif /* _NGX_ESS_EVENTS_ARGS_H_INCLUDED_ */
