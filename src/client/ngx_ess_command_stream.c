
/*
 * Streams of commands.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_command_stream.h"


/* the last ordinal that there can be: see ngx_ess_position.h */
#define NGX_ESS_COMMAND_STREAM_ORDINAL  9223372036854775806LL


static const char *ngx_ess_command_stream_object(
    const ngx_ess_command_object_t *object, ngx_ess_command_stream_t *stream,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_stream_name(void *data,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_stream_keys(void *data,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_stream_from(void *data,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_stream_ordinal(void *data,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_stream_timestamp(void *data,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_stream_at(ngx_ess_command_stream_t *stream,
    ngx_ess_position_type_e type);
static ngx_int_t ngx_ess_command_stream_number(ngx_ess_json_value_t *value,
    uint64_t *n);


static const ngx_ess_command_member_t  ngx_ess_command_stream_joins[] = {
    { ngx_string("stream"), ngx_ess_command_stream_name },
    { ngx_string("keys"), ngx_ess_command_stream_keys },
    { ngx_string("from"), ngx_ess_command_stream_from },
    { ngx_string("ordinal"), ngx_ess_command_stream_ordinal },
    { ngx_string("timestamp"), ngx_ess_command_stream_timestamp },
    { ngx_null_string, NULL }
};


static const ngx_ess_command_member_t  ngx_ess_command_stream_leaves[] = {
    { ngx_string("stream"), ngx_ess_command_stream_name },
    { ngx_string("keys"), ngx_ess_command_stream_keys },
    { ngx_null_string, NULL }
};


const char *
ngx_ess_command_stream_joined(ngx_ess_command_stream_t *stream,
    ngx_ess_json_value_t *value)
{
    static const ngx_ess_command_object_t  object = {
        ngx_ess_command_stream_joins,
        "unknown member: a subscription has \"stream\", \"keys\", and one of "
        "\"from\", \"ordinal\" and \"timestamp\""
    };

    ngx_memzero(stream, sizeof(ngx_ess_command_stream_t));

    if (value->type != NGX_ESS_JSON_OBJECT) {
        return "\"subscribe\" is an object with \"stream\", or an array of "
               "them";
    }

    return ngx_ess_command_stream_object(&object, stream, value);
}


const char *
ngx_ess_command_stream_left(ngx_ess_command_stream_t *stream,
    ngx_ess_json_value_t *value)
{
    static const ngx_ess_command_object_t  object = {
        ngx_ess_command_stream_leaves,
        "unknown member: what is unsubscribed has \"stream\" and \"keys\""
    };

    ngx_memzero(stream, sizeof(ngx_ess_command_stream_t));

    if (value->type == NGX_ESS_JSON_STRING) {
        return ngx_ess_command_stream_name(stream, value);
    }

    if (value->type != NGX_ESS_JSON_OBJECT) {
        return "\"unsubscribe\" is a stream, an object with \"stream\" and "
               "\"keys\", or an array of these";
    }

    return ngx_ess_command_stream_object(&object, stream, value);
}


static const char *
ngx_ess_command_stream_object(const ngx_ess_command_object_t *object,
    ngx_ess_command_stream_t *stream, ngx_ess_json_value_t *value)
{
    ngx_uint_t   seen;
    const char  *wrong;

    wrong = ngx_ess_command_json_object(object, stream, value, &seen);

    if (wrong == object->unknown) {
        ngx_str_null(&stream->given);

    } else if (wrong == NULL && stream->given.data == NULL) {
        wrong = "\"stream\" is missing: a uuid or a name";
    }

    return wrong;
}


static const char *
ngx_ess_command_stream_name(void *data, ngx_ess_json_value_t *value)
{
    ngx_ess_command_stream_t *stream = data;

    if (value->type != NGX_ESS_JSON_STRING) {
        return "\"stream\" is a string: a uuid or a name";
    }

    stream->given = ngx_ess_command_json_raw(value);
    stream->stream.data = stream->text;

    if (ngx_ess_command_json_text(value, sizeof(stream->text), &stream->stream)
        != NGX_OK)
    {
        return "\"stream\" is a uuid or a name of 1 to 128 bytes";
    }

    return NULL;
}


static const char *
ngx_ess_command_stream_keys(void *data, ngx_ess_json_value_t *value)
{
    ngx_ess_command_stream_t *stream = data;

    u_char                  buf[NGX_ESS_COMMAND_KEY];
    ngx_str_t               text;
    ngx_ess_json_value_t    key;
    ngx_ess_command_rest_t  rest;

    static const char  wrong[] = "\"keys\" is an array of one or more strings "
                                 "of 1 to 255 bytes";

    if (value->type != NGX_ESS_JSON_ARRAY) {
        return wrong;
    }

    ngx_ess_command_json_rest(&stream->keys, value);

    text.data = buf;
    rest = stream->keys;

    while (ngx_ess_command_json_next(&rest, &key) == NGX_OK) {

        if (ngx_ess_command_json_text(&key, sizeof(buf), &text) != NGX_OK) {
            return wrong;
        }

        stream->nkeys++;
    }

    return stream->nkeys ? NULL : wrong;
}


static const char *
ngx_ess_command_stream_from(void *data, ngx_ess_json_value_t *value)
{
    ngx_ess_command_stream_t *stream = data;

    ngx_str_t    text;
    const char  *wrong;
    u_char       buf[NGX_ESS_POSITION_EVENT_LEN];

    wrong = ngx_ess_command_stream_at(stream, NGX_ESS_POSITION_EVENT);
    if (wrong) {
        return wrong;
    }

    text.data = buf;

    if (ngx_ess_command_json_text(value, sizeof(buf), &text) != NGX_OK
        || ngx_ess_position_event(&text, &stream->pos) != NGX_OK)
    {
        return "\"from\" is the id of an event, such as \"5f3a-42\"";
    }

    return NULL;
}


static const char *
ngx_ess_command_stream_ordinal(void *data, ngx_ess_json_value_t *value)
{
    ngx_ess_command_stream_t *stream = data;

    const char  *wrong;

    wrong = ngx_ess_command_stream_at(stream, NGX_ESS_POSITION_ORDINAL);
    if (wrong) {
        return wrong;
    }

    if (ngx_ess_command_stream_number(value, &stream->pos.ordinal) != NGX_OK) {
        return "\"ordinal\" is an integer from 0 to 9223372036854775806";
    }

    return NULL;
}


static const char *
ngx_ess_command_stream_timestamp(void *data, ngx_ess_json_value_t *value)
{
    ngx_ess_command_stream_t *stream = data;

    const char  *wrong;

    wrong = ngx_ess_command_stream_at(stream, NGX_ESS_POSITION_TIMESTAMP);
    if (wrong) {
        return wrong;
    }

    if (ngx_ess_command_stream_number(value, &stream->pos.timestamp)
        != NGX_OK)
    {
        return "\"timestamp\" is an integer: milliseconds since 1970";
    }

    return NULL;
}


static const char *
ngx_ess_command_stream_at(ngx_ess_command_stream_t *stream,
    ngx_ess_position_type_e type)
{
    if (stream->pos.type != NGX_ESS_POSITION_NEW) {
        return "a subscription has only one of \"from\", \"ordinal\" and "
               "\"timestamp\"";
    }

    stream->pos.type = type;

    return NULL;
}


static ngx_int_t
ngx_ess_command_stream_number(ngx_ess_json_value_t *value, uint64_t *n)
{
    int64_t  number;

    if (value->span.data[0] == '-'
        || ngx_ess_command_json_integer(value, NGX_ESS_COMMAND_STREAM_ORDINAL,
                                        &number)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    *n = number;

    return NGX_OK;
}
