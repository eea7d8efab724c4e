/*
 * Two sources, of which one declares what RabbitMQ streams have.
 *
 * links: t/unit/api/fake_sources.c src/ngx_ess_source_conf.c
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_declare.c
 */


#include "ngx_ess_source.h"


/* of ngx_ess_source_entry_t; "exchange" has 0, "stream" 1 */
extern ngx_array_t  fake_sources;
