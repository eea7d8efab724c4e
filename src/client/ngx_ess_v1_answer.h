/*
 * What a client of "ess.v1" is answered: put together piece by piece, and
 * counted.  Private to client/.
 */


#ifndef _NGX_ESS_V1_ANSWER_H_INCLUDED_
#define _NGX_ESS_V1_ANSWER_H_INCLUDED_


#include "ngx_ess_command_answer.h"
#include "ngx_ess_multi.h"


/* entries of a list that is answered to a subscribe or an unsubscribe; zeroed:
   none */

typedef struct {
    u_char                  *data;          /* from the heap */
    size_t                   len;
    size_t                   size;
    ngx_uint_t               entries;
    ngx_uint_t               failed;        /* no memory */
} ngx_ess_v1_answer_t;


/* One entry more; see ngx_ess_command_answer.h. */
void ngx_ess_v1_answer_entry(ngx_ess_v1_answer_t *a, ngx_str_t *given,
    uint32_t number, ngx_ess_event_id_t *at);
void ngx_ess_v1_answer_refused(ngx_ess_v1_answer_t *a, ngx_str_t *given,
    ngx_ess_command_error_t *error);
void ngx_ess_v1_answer_left(ngx_ess_v1_answer_t *a, ngx_str_t *given);

/* Says the list, and empties it; one without id and entries is not said.
   NGX_ERROR: no memory. */
ngx_int_t ngx_ess_v1_answer_list(ngx_ess_v1_answer_t *a,
    ngx_ess_multi_t *multi, ngx_ess_command_type_e type, int64_t id);

void ngx_ess_v1_answer_drop(ngx_ess_v1_answer_t *a);

/* Whole answers.  NGX_ERROR: no memory. */
ngx_int_t ngx_ess_v1_answer_error(ngx_ess_multi_t *multi,
    ngx_ess_command_t *cmd, ngx_ess_command_error_t *error);
ngx_int_t ngx_ess_v1_answer_pong(ngx_ess_multi_t *multi,
    ngx_ess_command_t *cmd);
ngx_int_t ngx_ess_v1_answer_token(ngx_ess_multi_t *multi,
    ngx_ess_command_t *cmd, time_t expires);
ngx_int_t ngx_ess_v1_answer_over(ngx_ess_multi_t *multi, uint32_t number,
    ngx_uint_t code, ngx_str_t *reason);


#endif /* _NGX_ESS_V1_ANSWER_H_INCLUDED_ */
