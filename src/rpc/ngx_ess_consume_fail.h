/*
 * A message that failed for good.
 */


#ifndef _NGX_ESS_CONSUME_FAIL_H_INCLUDED_
#define _NGX_ESS_CONSUME_FAIL_H_INCLUDED_


#include "ngx_ess_consume_message.h"


/* It is dead, "why" is one of NGX_ESS_CONSUME_WHY_; it ends by itself, and may
   be freed when this returns. */
void ngx_ess_consume_fail(ngx_ess_consume_message_t *msg, const char *why);

/* The same of one that cannot become a request: TOO_LARGE, INFLATE, URI.  First
   whoever waits for a reply gets one that says so. */
void ngx_ess_consume_fail_refuse(ngx_ess_consume_message_t *msg,
    const char *why);

/* The broker refused its reply, and said "text": logged once a second and
   queue. */
void ngx_ess_consume_fail_reply_log(ngx_ess_consume_message_t *msg,
    ngx_str_t *text);


#endif /* _NGX_ESS_CONSUME_FAIL_H_INCLUDED_ */
