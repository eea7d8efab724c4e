/*
 * What a session logs: each failure and each complaint of the broker once,
 * not at each attempt.
 */


#ifndef _NGX_ESS_AMQP_TROUBLE_H_INCLUDED_
#define _NGX_ESS_AMQP_TROUBLE_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_escape.h"


#define NGX_ESS_AMQP_TEXT            512

/* messages of one kind that are not logged again: more than the slots' queues
   can bring about in turns, each with its name in it */
#define NGX_ESS_AMQP_SEEN            128


typedef struct {
    uint32_t                       hash[NGX_ESS_AMQP_SEEN];
    ngx_uint_t                     n;           /* of all there were */
} ngx_ess_amqp_seen_t;


typedef struct {
    ngx_log_t                      quiet_log;   /* keeps what nginx says of a
                                                   failed connect in "quiet" */
    u_char                         quiet[NGX_ESS_AMQP_TEXT];
    size_t                         quiet_len;

    ngx_ess_amqp_seen_t            failures;    /* logged */
    ngx_ess_amqp_seen_t            words;       /* logged */
    ngx_msec_t                     word_at;     /* last _once() */
    ngx_msec_t                     word_told;   /* last one that was logged */

    u_char                         alarm[NGX_ESS_ESCAPED_SIZE]; /* reason of
                                                   the last one */
    size_t                         alarm_len;
    ngx_event_t                    alarm_timer; /* set: the last line on alarms
                                                   is that young */
    unsigned                       alarm_told:1;    /* what is logged of it */
    unsigned                       told:1;      /* of being open, and of no
                                                   failure since */
} ngx_ess_amqp_trouble_t;


void ngx_ess_amqp_trouble_init(ngx_ess_amqp_session_t *s, ngx_log_t *log);

/* The connection is gone, and its alarm with it. */
void ngx_ess_amqp_trouble_reset(ngx_ess_amqp_session_t *s);

/* It was open in good order: failures are logged again. */
void ngx_ess_amqp_trouble_forget(ngx_ess_amqp_session_t *s);

/* What the session is at, for a message: "logging in". */
const char *ngx_ess_amqp_trouble_while(ngx_ess_amqp_session_t *s);

/* Logs that the session is open, unless that was the last word. */
void ngx_ess_amqp_trouble_opened(ngx_ess_amqp_session_t *s);

/* Logs whether there is an alarm, at most once a second: what changes
   meanwhile is logged then, if it is still so. */
void ngx_ess_amqp_trouble_alarm(ngx_ess_amqp_session_t *s);

/* Logs why the connection failed, unless it is known; returns NGX_ERROR.
   Text from outside is escaped by the caller. */
ngx_int_t ngx_ess_amqp_trouble(ngx_ess_amqp_session_t *s, const char *fmt,
    ...);

/* Logs the broker's word on something, once until it changes or the session
   was open in good order for a minute: "what" and text, which is escaped,
   form the message. */
void ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text);


#endif /* _NGX_ESS_AMQP_TROUBLE_H_INCLUDED_ */
