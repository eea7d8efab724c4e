/*
 * What a client of the subprotocol "ess.v1" says: a message has one command or
 * several, a command names one stream or several, a stream perhaps keys.  No
 * I/O, no memory but the caller's, who may stop behind each and go on later.
 */


#ifndef _NGX_ESS_COMMAND_H_INCLUDED_
#define _NGX_ESS_COMMAND_H_INCLUDED_


#include "ngx_ess_command_stream.h"


/* bytes of a message */
#define NGX_ESS_COMMAND_MAX_MESSAGE  65536

/* commands of a message; streams of an "unsubscribe" */
#define NGX_ESS_COMMAND_MAX          256

/* integers that a JavaScript client can tell from their neighbours */
#define NGX_ESS_COMMAND_MAX_INT      9007199254740991LL

/* in place of a command's id */
#define NGX_ESS_COMMAND_NO_ID        (-1)


typedef enum {
    NGX_ESS_COMMAND_NONE = 0,               /* malformed before it was known */
    NGX_ESS_COMMAND_SUBSCRIBE,
    NGX_ESS_COMMAND_UNSUBSCRIBE,
    NGX_ESS_COMMAND_TOKEN,
    NGX_ESS_COMMAND_PING,
    NGX_ESS_COMMANDS
} ngx_ess_command_type_e;


/* a message; private, but it may be copied */

typedef struct {
    ngx_ess_command_rest_t   rest;
    const char              *wrong;         /* with all of it; NULL: nothing */
} ngx_ess_command_cursor_t;


/* all texts lie in the message, but for the errors' */

typedef struct {
    ngx_ess_command_type_e   type;
    int64_t                  id;            /* NGX_ESS_COMMAND_NO_ID: none */
    ngx_ess_command_error_t  error;         /* of the command as a whole: it has
                                               no effect */
    int64_t                  ping;          /* what is to be answered */
    ngx_str_t                token;
    ngx_ess_command_rest_t   streams;       /* of ngx_ess_command_stream() */
} ngx_ess_command_t;


/*
 * A message, UTF-8, which must stay where it is.  NGX_OK; NGX_DECLINED: it is
 * no JSON: close with 1003; NGX_ERROR: it is longer than MAX_MESSAGE: close
 * with 1009.
 */
ngx_int_t ngx_ess_command_open(ngx_ess_command_cursor_t *cursor, u_char *data,
    size_t len);

/*
 * The next command; one that is malformed has cmd->error and is to be answered
 * like others, in its turn.  NGX_OK, or NGX_DONE: that was all.
 */
ngx_int_t ngx_ess_command_next(ngx_ess_command_cursor_t *cursor,
    ngx_ess_command_t *cmd);

/* The next stream of a subscribe or unsubscribe without error, of which there
   may be none at all.  NGX_OK, or NGX_DONE.  Only a subscribe's streams can
   have an error of their own. */
ngx_int_t ngx_ess_command_stream(ngx_ess_command_t *cmd,
    ngx_ess_command_stream_t *stream);

/* The next key of a stream without error; key->data has room for
   NGX_ESS_COMMAND_KEY bytes.  NGX_OK, or NGX_DONE. */
ngx_int_t ngx_ess_command_key(ngx_ess_command_stream_t *stream,
    ngx_str_t *key);

/* All of them, which are at least one, and their bytes behind them, in the
   heap: the caller's.  "len": of the message.  NULL: no memory. */
ngx_str_t *ngx_ess_command_keys(ngx_ess_command_stream_t *stream, size_t len,
    ngx_log_t *log);


#endif /* _NGX_ESS_COMMAND_H_INCLUDED_ */
