/*
 * One stream of a command: which, from where on, and which keys of it.
 */


#ifndef _NGX_ESS_COMMAND_STREAM_H_INCLUDED_
#define _NGX_ESS_COMMAND_STREAM_H_INCLUDED_


#include "ngx_ess_command_json.h"
#include "ngx_ess_position.h"


/* bytes of a uuid or a name, and of a key */
#define NGX_ESS_COMMAND_STREAM       128
#define NGX_ESS_COMMAND_KEY          255


/* what is wrong with a command, or with one stream of it */

typedef struct {
    ngx_uint_t               code;          /* 0: nothing */
    ngx_str_t                message;       /* static text */
} ngx_ess_command_error_t;


/* points into itself: not to be copied */

typedef struct {
    ngx_ess_command_error_t  error;         /* of this one alone */
    ngx_str_t                stream;        /* a uuid or a name, in "text";
                                               len 0: see the error */
    ngx_str_t                given;         /* the same as it stands between its
                                               quotes in the message: to be
                                               answered with; data NULL: what is
                                               wrong is the command's error */
    ngx_ess_position_t       pos;
    ngx_uint_t               nkeys;         /* 0: the whole stream */
    ngx_ess_command_rest_t   keys;          /* of ngx_ess_command_key() */
    u_char                   text[NGX_ESS_COMMAND_STREAM];
} ngx_ess_command_stream_t;


/* Of a value of "subscribe" and of "unsubscribe".  NULL, or what is wrong,
   static text; stream->error is left to the caller. */
const char *ngx_ess_command_stream_joined(ngx_ess_command_stream_t *stream,
    ngx_ess_json_value_t *value);
const char *ngx_ess_command_stream_left(ngx_ess_command_stream_t *stream,
    ngx_ess_json_value_t *value);


#endif /* _NGX_ESS_COMMAND_STREAM_H_INCLUDED_ */
