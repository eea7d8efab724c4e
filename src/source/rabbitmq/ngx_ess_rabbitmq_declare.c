
/*
 * RabbitMQ streams that are to be declared: what the API takes, and as what the
 * broker gets it.  Pure functions, in a worker.
 */


#include "ngx_ess_rabbitmq_declare.h"


static ngx_uint_t ngx_ess_rabbitmq_declare_is_age(const char *text);


const ngx_ess_source_option_t  ngx_ess_rabbitmq_declare_options[] = {

    { ngx_string("max_length_bytes"), "a number of bytes",
      offsetof(ngx_ess_rabbitmq_declare_t, max_length), NULL },

    { ngx_string("max_age"),
      "a number with a unit of Y, M, D, h, m or s, such as \"7D\"",
      offsetof(ngx_ess_rabbitmq_declare_t, max_age),
      ngx_ess_rabbitmq_declare_is_age },

    { ngx_string("stream_max_segment_size_bytes"), "a number of bytes",
      offsetof(ngx_ess_rabbitmq_declare_t, max_segment), NULL },

    { ngx_null_string, NULL, 0, NULL }
};


/* in the order of the options */

static const char  *ngx_ess_rabbitmq_declare_names[] = {
    "x-max-length-bytes", "x-max-age", "x-stream-max-segment-size-bytes"
};


static ngx_uint_t
ngx_ess_rabbitmq_declare_is_age(const char *text)
{
    size_t  len;

    len = strspn(text, "0123456789");

    return len >= 1 && len <= 9
           && text[len] != '\0' && strchr("YMDhms", text[len]) != NULL
           && text[len + 1] == '\0';
}


ngx_uint_t
ngx_ess_rabbitmq_declare(ngx_ess_source_options_t *options,
    amqp_table_entry_t *argument)
{
    void                           *field;
    ngx_uint_t                      i, n;
    const ngx_ess_source_option_t  *option;

    argument[0].key = amqp_cstring_bytes("x-queue-type");
    argument[0].value.kind = AMQP_FIELD_KIND_UTF8;
    argument[0].value.value.bytes = amqp_cstring_bytes("stream");

    n = 1;
    option = ngx_ess_rabbitmq_declare_options;

    for (i = 0; option[i].name.len; i++) {
        field = (u_char *) options + option[i].offset;

        if (option[i].valid && *(char *) field) {
            argument[n].value.kind = AMQP_FIELD_KIND_UTF8;
            argument[n].value.value.bytes = amqp_cstring_bytes(field);

        } else if (option[i].valid == NULL && *(uint64_t *) field) {
            argument[n].value.kind = AMQP_FIELD_KIND_I64;
            argument[n].value.value.i64 = (int64_t) *(uint64_t *) field;

        } else {
            continue;
        }

        argument[n++].key =
                        amqp_cstring_bytes(ngx_ess_rabbitmq_declare_names[i]);
    }

    return n;
}
