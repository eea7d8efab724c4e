/*
 * What a server of the subprotocol "ess.v1" says beside events: answers to
 * commands, and that a subscription ends.
 *
 * Each function writes at "p", without white space or a null at the end, and
 * returns the length; with "p" NULL it only says the length.  An id of
 * NGX_ESS_COMMAND_NO_ID is left out.  No I/O, no memory but the caller's.
 */


#ifndef _NGX_ESS_COMMAND_ANSWER_H_INCLUDED_
#define _NGX_ESS_COMMAND_ANSWER_H_INCLUDED_


#include "ngx_ess_command.h"


typedef enum {
    NGX_ESS_COMMAND_ANSWER_ERROR = 0,
    NGX_ESS_COMMAND_ANSWER_PONG,
    NGX_ESS_COMMAND_ANSWER_TOKEN,
    NGX_ESS_COMMAND_ANSWER_OVER             /* a subscription ends */
} ngx_ess_command_answer_e;


/* a whole message */

typedef struct {
    ngx_ess_command_answer_e  type;
    int64_t                   id;           /* the command's; of OVER "s" */
    int64_t                   n;            /* of PONG the ping's, of TOKEN when
                                               it ends; 0: never */
    ngx_ess_command_error_t  *error;        /* of ERROR and OVER */
} ngx_ess_command_whole_t;


/* {"id":2,"subscribed":[  or  {"id":3,"unsubscribed":[ ; what follows are
   entries, then ngx_ess_command_answer_end(): ]} */
size_t ngx_ess_command_answer_subscribed(u_char *p, int64_t id);
size_t ngx_ess_command_answer_unsubscribed(u_char *p, int64_t id);
size_t ngx_ess_command_answer_end(u_char *p);

/*
 * Entries, all but the first one with a comma in front.  "given" is the stream
 * as it may stand between quotes: ngx_ess_command_stream_t's, or a uuid, or a
 * name.  An error of 503 says "retry":1.
 */
size_t ngx_ess_command_answer_entry(u_char *p, ngx_uint_t first,
    ngx_str_t *given, uint32_t s, ngx_ess_event_id_t *at);
size_t ngx_ess_command_answer_refused(u_char *p, ngx_uint_t first,
    ngx_str_t *given, ngx_ess_command_error_t *error);
size_t ngx_ess_command_answer_left(u_char *p, ngx_uint_t first,
    ngx_str_t *given);

size_t ngx_ess_command_answer_whole(u_char *p, ngx_ess_command_whole_t *whole);


#endif /* _NGX_ESS_COMMAND_ANSWER_H_INCLUDED_ */
