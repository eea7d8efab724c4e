
/*
 * What a RabbitMQ stream is declared with.
 */


#ifndef _NGX_ESS_RABBITMQ_DECLARE_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_DECLARE_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_source.h"


/* arguments of a declaration at most */
#define NGX_ESS_RABBITMQ_DECLARE_N  4


/* the options; with 0, or an empty text, the broker's default */

typedef struct {
    uint64_t                 max_length;    /* bytes */
    uint64_t                 max_segment;   /* bytes */
    u_char                   max_age[16];   /* "7D"; null terminated */
} ngx_ess_rabbitmq_declare_t;


/* Of the row: see ngx_ess_source_t. */
extern const ngx_ess_source_option_t  ngx_ess_rabbitmq_declare_options[];


/* Returns how many arguments there are; their texts are the options'. */
ngx_uint_t ngx_ess_rabbitmq_declare(ngx_ess_source_options_t *options,
    amqp_table_entry_t *argument);


#endif /* _NGX_ESS_RABBITMQ_DECLARE_H_INCLUDED_ */
