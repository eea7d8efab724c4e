/*
 * Two sources, of which one declares what RabbitMQ streams have.
 */


#include "fake_sources.h"
#include "ngx_ess_rabbitmq_declare.h"


static void
declare(ngx_ess_source_bind_t *bind)
{
    /* void */
}


static const ngx_ess_source_t  exchange = {
    .kind = { .source = 0, .binds = 1 },
    .name = ngx_string("exchange")
};


static const ngx_ess_source_t  stream = {
    .kind = { .source = 1, .follows = 1 },
    .name = ngx_string("stream"),
    .options = ngx_ess_rabbitmq_declare_options,
    .declare = declare
};


static ngx_ess_source_entry_t  entries[] = {
    { &exchange, NULL },
    { &stream, NULL }
};


ngx_array_t  fake_sources = {
    entries, 2, sizeof(ngx_ess_source_entry_t), 2, NULL
};
