/*
 * The list of a worker's clients, for an operator.
 */


#ifndef _NGX_ESS_CLIENT_LIST_H_INCLUDED_
#define _NGX_ESS_CLIENT_LIST_H_INCLUDED_


#include "ngx_ess_mailbox.h"


/* For the mailbox: see ngx_ess_mailbox_answer_pt. */
ngx_uint_t ngx_ess_client_list_answer(ngx_ess_mail_type_e type,
    ngx_ess_stream_ref_t *ref, uint32_t number,
    ngx_ess_mail_subscriber_t *subs);


#endif /* _NGX_ESS_CLIENT_LIST_H_INCLUDED_ */
