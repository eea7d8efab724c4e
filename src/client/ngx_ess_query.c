
/*
 * Query strings with several streams.  A pure function for each part; what they
 * find lies in the query string or in the caller's buffer.  Runs in workers,
 * for each such client.
 */


#include "ngx_ess_percent.h"
#include "ngx_ess_query.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


typedef enum {
    NGX_ESS_QUERY_OTHER = 0,
    NGX_ESS_QUERY_IS_STREAM,
    NGX_ESS_QUERY_IS_KEY
} ngx_ess_query_param_e;


static ngx_ess_query_param_e ngx_ess_query_param(ngx_str_t *args,
    ngx_str_t *value);
static ngx_int_t ngx_ess_query_stream(ngx_ess_query_stream_t *stream,
    ngx_str_t *value, ngx_str_t *reason);
static ngx_uint_t ngx_ess_query_is_label(ngx_str_t *text);
static ngx_uint_t ngx_ess_query_is_name(ngx_str_t *text, size_t max);
static ngx_int_t ngx_ess_query_keys(ngx_str_t *args,
    ngx_ess_query_stream_t *stream, ngx_str_t *reason);
static ngx_int_t ngx_ess_query_decode_key(ngx_str_t *key, u_char *buf,
    ngx_str_t *value);


/* events that are ours, or the browser's, and no stream's */

static const char *const  ngx_ess_query_reserved[] = {
    "gap", "end", "binary", "open", "error", NULL
};


ngx_int_t
ngx_ess_query_next(ngx_str_t *args, ngx_ess_query_stream_t *stream,
    ngx_str_t *reason)
{
    ngx_str_t  value;

    while (args->len) {

        switch (ngx_ess_query_param(args, &value)) {

        case NGX_ESS_QUERY_IS_STREAM:

            if (ngx_ess_query_stream(stream, &value, reason) != NGX_OK) {
                return NGX_DECLINED;
            }

            return ngx_ess_query_keys(args, stream, reason);

        case NGX_ESS_QUERY_IS_KEY:

            ngx_str_set(reason, "\"key=\" belongs behind the \"stream=\" "
                                "whose key it is");
            return NGX_DECLINED;

        default:
            break;
        }
    }

    return NGX_DONE;
}


ngx_uint_t
ngx_ess_query_key(ngx_str_t *keys, u_char *buf, ngx_str_t *key)
{
    ngx_str_t  value;

    while (keys->len) {

        if (ngx_ess_query_param(keys, &value) == NGX_ESS_QUERY_IS_KEY) {
            return ngx_ess_query_decode_key(key, buf, &value) == NGX_OK;
        }
    }

    return 0;
}


/* Cuts off a parameter. */

static ngx_ess_query_param_e
ngx_ess_query_param(ngx_str_t *args, ngx_str_t *value)
{
    ngx_str_t  name;

    static const ngx_str_t  stream = ngx_string("stream");
    static const ngx_str_t  key = ngx_string("key");

    (void) ngx_ess_str_cut(args, '&', value);
    (void) ngx_ess_str_cut(value, '=', &name);

    if (ngx_ess_str_equal(&name, &stream)) {
        return NGX_ESS_QUERY_IS_STREAM;
    }

    return ngx_ess_str_equal(&name, &key) ? NGX_ESS_QUERY_IS_KEY
                                          : NGX_ESS_QUERY_OTHER;
}


static ngx_int_t
ngx_ess_query_stream(ngx_ess_query_stream_t *stream, ngx_str_t *value,
    ngx_str_t *reason)
{
    ngx_str_t  text;

    if (ngx_ess_percent_decode(&text, stream->buf, sizeof(stream->buf), value,
                               1)
        != NGX_OK)
    {
        goto invalid;
    }

    if (!ngx_ess_str_cut(&text, ':', &stream->label)) {
        text = stream->label;
        stream->label.len = 0;

    } else if (!ngx_ess_query_is_label(&stream->label)) {
        ngx_str_set(reason, "the label before the \":\" of \"stream=\" must be "
                            "1 to 64 of A-Za-z0-9._~@-, and none of gap, end, "
                            "binary, open and error");
        return NGX_DECLINED;
    }

    if (ngx_ess_query_is_name(&text, NGX_ESS_QUERY_STREAM)) {
        stream->stream = text;
        return NGX_OK;
    }

invalid:

    ngx_str_set(reason, "\"stream=\" must be the uuid or the name of a stream, "
                        "perhaps with a label before it, such as "
                        "\"stream=prices:<uuid>\"");

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_ess_query_is_label(ngx_str_t *text)
{
    ngx_uint_t  i;

    for (i = 0; ngx_ess_query_reserved[i]; i++) {
        if (ngx_ess_str_is(text, ngx_ess_query_reserved[i])) {
            return 0;
        }
    }

    return ngx_ess_query_is_name(text, NGX_ESS_QUERY_LABEL);
}


static ngx_uint_t
ngx_ess_query_is_name(ngx_str_t *text, size_t max)
{
    size_t  i;
    u_char  ch;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (!((ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z')
              || (ch >= '0' && ch <= '9') || ch == '.' || ch == '_'
              || ch == '~' || ch == '@' || ch == '-'))
        {
            return 0;
        }
    }

    return text->len > 0 && text->len <= max;
}


/* All up to the next stream, which is left there. */

static ngx_int_t
ngx_ess_query_keys(ngx_str_t *args, ngx_ess_query_stream_t *stream,
    ngx_str_t *reason)
{
    u_char                 buf[NGX_ESS_QUERY_KEY];
    ngx_str_t              rest, value, key;
    ngx_ess_query_param_e  param;

    stream->keys = *args;
    stream->nkeys = 0;

    for (rest = *args; rest.len; *args = rest) {
        param = ngx_ess_query_param(&rest, &value);

        if (param == NGX_ESS_QUERY_IS_STREAM) {
            break;
        }

        if (param == NGX_ESS_QUERY_OTHER) {
            continue;
        }

        if (ngx_ess_query_decode_key(&key, buf, &value) != NGX_OK) {
            ngx_str_set(reason, "\"key=\" must be 1 to 255 bytes of UTF-8");
            return NGX_DECLINED;
        }

        stream->nkeys++;
    }

    stream->keys.len -= args->len;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_query_decode_key(ngx_str_t *key, u_char *buf, ngx_str_t *value)
{
    if (ngx_ess_percent_decode(key, buf, NGX_ESS_QUERY_KEY, value, 1) != NGX_OK
        || key->len == 0
        || !ngx_ess_utf8_valid(key->data, key->len))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}
