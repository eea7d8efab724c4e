/*
 * What a client of "ess.v1" holds beside its subscriptions: multi->own.
 */


#ifndef _NGX_ESS_V1_SESSION_H_INCLUDED_
#define _NGX_ESS_V1_SESSION_H_INCLUDED_


#include "ngx_ess_command.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_multi.h"
#include "ngx_ess_source.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_v1_answer.h"


typedef struct ngx_ess_v1_message_s  ngx_ess_v1_message_t;

struct ngx_ess_v1_message_s {
    ngx_ess_v1_message_t        *next;
    size_t                       len;
    u_char                       data[1];   /* "len" */
};


typedef struct {
    ngx_ess_multi_t             *multi;
    ngx_ess_jwt_grant_t         *grant;     /* NULL: it was let in without */
    ngx_event_t                  event;     /* there is more to be done */

    ngx_ess_v1_message_t        *messages;
    ngx_ess_v1_message_t       **last;
    ngx_ess_command_cursor_t     cursor;    /* of the first one */
    ngx_ess_command_t            cmd;       /* with "streams" */
    ngx_ess_command_stream_t     stream;    /* its next one */
    ngx_ess_v1_answer_t          answer;

    ngx_ess_source_attach_t      attach;    /* of that stream */
    ngx_ess_stream_info_t       *info;      /* the stream; NULL: none is waited
                                               for */
    ngx_str_t                   *keys;      /* of it, and their bytes behind
                                               them */

    uint64_t                     only;      /* id of the only stream that it
                                               may have; 0: any */
    ngx_str_t                    key;       /* and its only key; empty: all */

    ngx_int_t                    room;      /* streams, of all commands, that
                                               this iteration has time for */

    ngx_uint_t                   close;     /* a code: it is to be closed */
    const char                  *reason;
    ngx_int_t                    attached;  /* how the source has answered */
    unsigned                     opened:1;  /* the cursor is valid */
    unsigned                     begun:1;   /* so is the command */
    unsigned                     waits:1;   /* for the source's answer */
    unsigned                     silent:1;  /* its source did not answer in
                                               time: in this command none is
                                               waited for any more */
} ngx_ess_v1_t;


#endif /* _NGX_ESS_V1_SESSION_H_INCLUDED_ */
