/*
 * Where a page of events ended, as a text that means nothing to clients.  A
 * codec without I/O.
 */


#ifndef _NGX_ESS_EVENTS_CURSOR_H_INCLUDED_
#define _NGX_ESS_EVENTS_CURSOR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* bytes of base64url, of a version, the two numbers, each of eight bytes */
#define NGX_ESS_EVENTS_CURSOR  23


typedef struct {
    uint64_t                 seq;           /* of the last event */
    int64_t                  time;          /* ms since 1970 */
} ngx_ess_events_cursor_t;


/* Returns what is behind the text. */
u_char *ngx_ess_events_cursor_write(u_char *p,
    const ngx_ess_events_cursor_t *cursor);

/* NGX_OK, or NGX_DECLINED: the text is no cursor. */
ngx_int_t ngx_ess_events_cursor_read(const ngx_str_t *text,
    ngx_ess_events_cursor_t *cursor);


#endif /* _NGX_ESS_EVENTS_CURSOR_H_INCLUDED_ */
