
/*
 * Commands, read where they lie: a message is looked at once to see that it is
 * JSON, and what it has is then walked through, never kept.  Owns nothing.
 * Runs in workers.
 */


#include "ngx_ess_command.h"
#include "ngx_ess_str.h"


static ngx_uint_t ngx_ess_command_count(ngx_ess_json_value_t *value);
static void ngx_ess_command_fail(ngx_ess_command_error_t *error,
    const char *message);
static const char *ngx_ess_command_id(void *data, ngx_ess_json_value_t *value);
static const char *ngx_ess_command_subscribe(void *data,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_unsubscribe(void *data,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_streams(ngx_ess_command_t *cmd,
    ngx_ess_command_type_e type, ngx_ess_json_value_t *value);
static const char *ngx_ess_command_entry(ngx_ess_command_t *cmd,
    ngx_ess_command_stream_t *stream, ngx_ess_json_value_t *value);
static const char *ngx_ess_command_token(void *data,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_ping(void *data,
    ngx_ess_json_value_t *value);
static const char *ngx_ess_command_verb(ngx_ess_command_t *cmd,
    ngx_ess_command_type_e type);


static const ngx_ess_command_member_t  ngx_ess_command_members[] = {
    { ngx_string("id"), ngx_ess_command_id },
    { ngx_string("subscribe"), ngx_ess_command_subscribe },
    { ngx_string("unsubscribe"), ngx_ess_command_unsubscribe },
    { ngx_string("token"), ngx_ess_command_token },
    { ngx_string("ping"), ngx_ess_command_ping },
    { ngx_null_string, NULL }
};


static const ngx_ess_command_object_t  ngx_ess_command_object = {
    ngx_ess_command_members,
    "unknown member: a command has \"id\" and one of \"subscribe\", "
    "\"unsubscribe\", \"token\" and \"ping\""
};


ngx_int_t
ngx_ess_command_open(ngx_ess_command_cursor_t *cursor, u_char *data,
    size_t len)
{
    ngx_ess_json_read_t   j;
    ngx_ess_json_value_t  value;

    if (len > NGX_ESS_COMMAND_MAX_MESSAGE) {
        return NGX_ERROR;
    }

    ngx_memzero(&j, sizeof(ngx_ess_json_read_t));

    j.p = data;
    j.last = data + len;
    j.max_depth = NGX_ESS_JSON_DEPTH;
    j.seek = 1;

    if (ngx_ess_json_read_value(&j) != NGX_OK
        || ngx_ess_str_space(j.p, j.last) != j.last)
    {
        return NGX_DECLINED;
    }

    value = j.found;

    cursor->wrong = NULL;
    ngx_ess_command_json_rest(&cursor->rest, &value);

    if (value.type != NGX_ESS_JSON_ARRAY
        && value.type != NGX_ESS_JSON_OBJECT)
    {
        cursor->wrong = "a message is a command, which is an object, or an "
                        "array of them";

    } else if (ngx_ess_command_count(&value) > NGX_ESS_COMMAND_MAX) {
        cursor->wrong = "an array has at most 256 commands";
    }

    return NGX_OK;
}


/* Of the elements beyond MAX one only. */

static ngx_uint_t
ngx_ess_command_count(ngx_ess_json_value_t *value)
{
    ngx_uint_t              n;
    ngx_ess_json_value_t    element;
    ngx_ess_command_rest_t  rest;

    ngx_ess_command_json_rest(&rest, value);

    for (n = 0; n <= NGX_ESS_COMMAND_MAX; n++) {
        if (ngx_ess_command_json_next(&rest, &element) != NGX_OK) {
            break;
        }
    }

    return n;
}


ngx_int_t
ngx_ess_command_next(ngx_ess_command_cursor_t *cursor, ngx_ess_command_t *cmd)
{
    ngx_uint_t             seen;
    const char            *wrong;
    ngx_ess_json_value_t   value;

    if (ngx_ess_command_json_next(&cursor->rest, &value) != NGX_OK) {
        return NGX_DONE;
    }

    ngx_memzero(cmd, sizeof(ngx_ess_command_t));
    cmd->id = NGX_ESS_COMMAND_NO_ID;

    wrong = cursor->wrong;

    if (wrong) {

        /* said once, for all of them */

        ngx_memzero(&cursor->rest, sizeof(ngx_ess_command_rest_t));

    } else if (value.type != NGX_ESS_JSON_OBJECT) {
        wrong = "a command is an object";

    } else {
        wrong = ngx_ess_command_json_object(&ngx_ess_command_object, cmd,
                                            &value, &seen);

        if (wrong == NULL && cmd->type == NGX_ESS_COMMAND_NONE) {
            wrong = "a command has one of \"subscribe\", \"unsubscribe\", "
                    "\"token\" and \"ping\"";
        }
    }

    ngx_ess_command_fail(&cmd->error, wrong);

    return NGX_OK;
}


static void
ngx_ess_command_fail(ngx_ess_command_error_t *error, const char *message)
{
    if (message) {
        error->code = NGX_HTTP_BAD_REQUEST;
        error->message.data = (u_char *) message;
        error->message.len = ngx_strlen(message);
    }
}


static const char *
ngx_ess_command_id(void *data, ngx_ess_json_value_t *value)
{
    ngx_ess_command_t *cmd = data;

    int64_t  id;

    if (value->span.data[0] == '-'
        || ngx_ess_command_json_integer(value, NGX_ESS_COMMAND_MAX_INT, &id)
           != NGX_OK)
    {
        return "\"id\" is an integer from 0 to 9007199254740991";
    }

    cmd->id = id;

    return NULL;
}


static const char *
ngx_ess_command_subscribe(void *data, ngx_ess_json_value_t *value)
{
    return ngx_ess_command_streams(data, NGX_ESS_COMMAND_SUBSCRIBE, value);
}


static const char *
ngx_ess_command_unsubscribe(void *data, ngx_ess_json_value_t *value)
{
    return ngx_ess_command_streams(data, NGX_ESS_COMMAND_UNSUBSCRIBE, value);
}


/* A stream that is named wrongly is the command's error, for nothing could be
   said of it alone, and so is a member that is not known; whatever else is
   wrong with one that is subscribed to is its own. */

static const char *
ngx_ess_command_streams(ngx_ess_command_t *cmd, ngx_ess_command_type_e type,
    ngx_ess_json_value_t *value)
{
    const char                *wrong;
    ngx_ess_json_value_t       entry;
    ngx_ess_command_rest_t     rest;
    ngx_ess_command_stream_t   stream;

    wrong = ngx_ess_command_verb(cmd, type);
    if (wrong) {
        return wrong;
    }

    if (type == NGX_ESS_COMMAND_UNSUBSCRIBE
        && ngx_ess_command_count(value) > NGX_ESS_COMMAND_MAX)
    {
        return "\"unsubscribe\" has at most 256 streams";
    }

    ngx_ess_command_json_rest(&cmd->streams, value);

    rest = cmd->streams;

    while (ngx_ess_command_json_next(&rest, &entry) == NGX_OK) {
        wrong = ngx_ess_command_entry(cmd, &stream, &entry);

        if (wrong
            && (type == NGX_ESS_COMMAND_UNSUBSCRIBE
                || stream.given.data == NULL))
        {
            return wrong;
        }
    }

    return NULL;
}


static const char *
ngx_ess_command_entry(ngx_ess_command_t *cmd,
    ngx_ess_command_stream_t *stream, ngx_ess_json_value_t *value)
{
    return (cmd->type == NGX_ESS_COMMAND_SUBSCRIBE)
           ? ngx_ess_command_stream_joined(stream, value)
           : ngx_ess_command_stream_left(stream, value);
}


static const char *
ngx_ess_command_token(void *data, ngx_ess_json_value_t *value)
{
    ngx_ess_command_t *cmd = data;

    const char  *wrong;

    wrong = ngx_ess_command_verb(cmd, NGX_ESS_COMMAND_TOKEN);
    if (wrong) {
        return wrong;
    }

    if (value->type != NGX_ESS_JSON_STRING) {
        return "\"token\" is a string";
    }

    /* one needs no escapes, so what has some is none */

    cmd->token = ngx_ess_command_json_raw(value);

    return NULL;
}


static const char *
ngx_ess_command_ping(void *data, ngx_ess_json_value_t *value)
{
    ngx_ess_command_t *cmd = data;

    const char  *wrong;

    wrong = ngx_ess_command_verb(cmd, NGX_ESS_COMMAND_PING);
    if (wrong) {
        return wrong;
    }

    if (ngx_ess_command_json_integer(value, NGX_ESS_COMMAND_MAX_INT,
                                     &cmd->ping)
        != NGX_OK)
    {
        return "\"ping\" is an integer, at most 9007199254740991 from 0";
    }

    return NULL;
}


static const char *
ngx_ess_command_verb(ngx_ess_command_t *cmd, ngx_ess_command_type_e type)
{
    if (cmd->type != NGX_ESS_COMMAND_NONE) {
        return "a command has only one of \"subscribe\", \"unsubscribe\", "
               "\"token\" and \"ping\"";
    }

    cmd->type = type;

    return NULL;
}


ngx_int_t
ngx_ess_command_stream(ngx_ess_command_t *cmd,
    ngx_ess_command_stream_t *stream)
{
    const char            *wrong;
    ngx_ess_json_value_t   value;

    if (ngx_ess_command_json_next(&cmd->streams, &value) != NGX_OK) {
        return NGX_DONE;
    }

    wrong = ngx_ess_command_entry(cmd, stream, &value);

    ngx_ess_command_fail(&stream->error, wrong);

    return NGX_OK;
}


ngx_int_t
ngx_ess_command_key(ngx_ess_command_stream_t *stream, ngx_str_t *key)
{
    ngx_ess_json_value_t  value;

    if (ngx_ess_command_json_next(&stream->keys, &value) != NGX_OK) {
        return NGX_DONE;
    }

    return ngx_ess_command_json_text(&value, NGX_ESS_COMMAND_KEY, key);
}


/* none becomes longer by being read */

ngx_str_t *
ngx_ess_command_keys(ngx_ess_command_stream_t *stream, size_t len,
    ngx_log_t *log)
{
    u_char      *p;
    ngx_str_t   *keys;
    ngx_uint_t   i;

    len = ngx_min(len, stream->nkeys * NGX_ESS_COMMAND_KEY);

    keys = ngx_alloc(stream->nkeys * sizeof(ngx_str_t) + len
                     + NGX_ESS_COMMAND_KEY, log);
    if (keys == NULL) {
        return NULL;
    }

    p = (u_char *) (keys + stream->nkeys);

    for (i = 0; i < stream->nkeys; i++) {
        keys[i].data = p;
        (void) ngx_ess_command_key(stream, &keys[i]);
        p += keys[i].len;
    }

    return keys;
}
