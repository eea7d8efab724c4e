
/*
 * Bodies of ess_events.  An event is read strictly; if that fails, once more
 * and less strictly, to know whether it is JSON; and where it is too large or
 * too deep its end is looked for, and nothing else.  Runs in workers.
 */


#include "ngx_ess_events_body.h"
#include "ngx_ess_json_portable.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


/* what the reader must see behind an event, to know what is wrong with it */
#define NGX_ESS_EVENTS_BODY_MARGIN  8

/* bytes of a body that is no list, which are looked at to say which it is */
#define NGX_ESS_EVENTS_BODY_OTHERS  (256 * 1024)


static ngx_int_t ngx_ess_events_body_other(ngx_ess_events_body_t *body);
static ngx_int_t ngx_ess_events_body_wrong(ngx_ess_events_body_t *body,
    ngx_ess_events_body_wrong_e reason, const u_char *p);
static ngx_int_t ngx_ess_events_body_event(ngx_ess_events_body_t *body,
    u_char *p);
static ngx_int_t ngx_ess_events_body_lax(ngx_ess_events_body_t *body,
    u_char *p, u_char *last);
static ngx_int_t ngx_ess_events_body_read(ngx_ess_events_body_t *body,
    ngx_ess_json_read_t *j, u_char *p, u_char *last, ngx_uint_t unique);
static ngx_int_t ngx_ess_events_body_skip(ngx_ess_events_body_t *body,
    u_char *p, ngx_ess_events_body_e fault);


ngx_int_t
ngx_ess_events_body_next(ngx_ess_events_body_t *body, size_t stop)
{
    u_char     *p;
    ngx_int_t   rc;

    rc = ngx_ess_json_list_next(&body->list, stop);
    p = body->list.text.data + body->list.pos;

    switch (rc) {

    case NGX_OK:
        return ngx_ess_events_body_event(body, p);

    case NGX_ABORT:
        return ngx_ess_events_body_other(body);

    case NGX_DECLINED:

        if (body->list.state == NGX_ESS_JSON_LIST_BEGIN
            && body->list.pos == body->list.text.len)
        {
            return ngx_ess_events_body_wrong(body, NGX_ESS_EVENTS_BODY_NONE,
                                             p);
        }

        return ngx_ess_events_body_wrong(body, NGX_ESS_EVENTS_BODY_BROKEN, p);

    default: /* NGX_AGAIN, NGX_DONE */
        return rc;
    }
}


/* A value of another type, or the beginning of one. */

static ngx_int_t
ngx_ess_events_body_other(ngx_ess_events_body_t *body)
{
    u_char               *p, *last;
    ngx_ess_json_read_t   j;

    p = body->list.text.data + body->list.pos;
    last = body->list.text.data + body->list.text.len;

    if (last - p <= NGX_ESS_EVENTS_BODY_OTHERS) {

        ngx_memzero(&j, sizeof(ngx_ess_json_read_t));

        j.p = p;
        j.last = last;
        j.max_depth = NGX_ESS_JSON_BODY_DEPTH;

        if (ngx_ess_json_read_value(&j) != NGX_OK
            || ngx_ess_str_space(j.p, last) != last)
        {
            return ngx_ess_events_body_wrong(body, NGX_ESS_EVENTS_BODY_BROKEN,
                                             ngx_ess_str_space(j.p, last));
        }
    }

    return ngx_ess_events_body_wrong(body,
                                     (*p == 'n') ? NGX_ESS_EVENTS_BODY_NONE
                                                 : NGX_ESS_EVENTS_BODY_NO_LIST,
                                     p);
}


static ngx_int_t
ngx_ess_events_body_wrong(ngx_ess_events_body_t *body,
    ngx_ess_events_body_wrong_e reason, const u_char *p)
{
    body->reason = reason;
    body->wrong = p - body->list.text.data;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_ess_events_body_event(ngx_ess_events_body_t *body, u_char *p)
{
    size_t                len;
    u_char               *last;
    ngx_ess_json_read_t   j;

    len = body->list.text.len - body->list.pos;
    last = p + ngx_min(len, body->max_event + NGX_ESS_EVENTS_BODY_MARGIN);

    ngx_memzero(&body->found, sizeof(ngx_ess_json_value_t));

    if (ngx_ess_events_body_read(body, &j, p, last, 1) != NGX_OK) {
        return ngx_ess_events_body_lax(body, p, last);
    }

    len = j.p - p;

    if (len > body->max_event) {
        return ngx_ess_events_body_skip(body, p, NGX_ESS_EVENTS_BODY_LARGE);
    }

    ngx_ess_json_list_behind(&body->list, len);

    body->value.span.data = p;
    body->value.span.len = len;
    body->value.type = NGX_ESS_JSON_OBJECT;

    if (*p != '{') {
        body->fault = NGX_ESS_EVENTS_BODY_OTHER;

    } else if ((j.high && !ngx_ess_utf8_valid(p, len))
               || (j.special
                   && ngx_ess_json_portable(&body->value.span) != NGX_OK))
    {
        body->fault = NGX_ESS_EVENTS_BODY_INVALID;

    } else {
        body->fault = NGX_ESS_EVENTS_BODY_FINE;
    }

    return NGX_OK;
}


/* It is not what it should be: is it JSON, though? */

static ngx_int_t
ngx_ess_events_body_lax(ngx_ess_events_body_t *body, u_char *p, u_char *last)
{
    ngx_ess_json_read_t  j;

    if (ngx_ess_events_body_read(body, &j, p, last, 0) == NGX_OK
        && (size_t) (j.p - p) <= body->max_event)
    {
        ngx_ess_json_list_behind(&body->list, j.p - p);

        body->fault = (*p == '{') ? NGX_ESS_EVENTS_BODY_INVALID
                                  : NGX_ESS_EVENTS_BODY_OTHER;
        return NGX_OK;
    }

    /* what is cut off might mend it */

    if ((size_t) (j.p - p) > body->max_event) {
        return ngx_ess_events_body_skip(body, p, NGX_ESS_EVENTS_BODY_LARGE);
    }

    if (j.depth == j.max_depth && j.p < last && (*j.p == '{' || *j.p == '['))
    {
        return ngx_ess_events_body_skip(body, p, NGX_ESS_EVENTS_BODY_INVALID);
    }

    return ngx_ess_events_body_wrong(body, NGX_ESS_EVENTS_BODY_BROKEN, j.p);
}


static ngx_int_t
ngx_ess_events_body_read(ngx_ess_events_body_t *body, ngx_ess_json_read_t *j,
    u_char *p, u_char *last, ngx_uint_t unique)
{
    ngx_int_t  rc;

    ngx_memzero(j, sizeof(ngx_ess_json_read_t));

    j->p = p;
    j->last = last;
    j->max_depth = NGX_ESS_JSON_DEPTH;
    j->unique = unique;

    if (body->id) {
        j->seek = 1;
        j->steps = body->id->steps;
        j->nsteps = body->id->nsteps;
    }

    rc = ngx_ess_json_read_value(j);

    if (j->found.span.data) {
        body->found = j->found;
    }

    return rc;
}


static ngx_int_t
ngx_ess_events_body_skip(ngx_ess_events_body_t *body, u_char *p,
    ngx_ess_events_body_e fault)
{
    ngx_ess_json_list_skip(&body->list);

    body->fault = (*p == '{') ? fault : NGX_ESS_EVENTS_BODY_OTHER;

    return NGX_OK;
}
