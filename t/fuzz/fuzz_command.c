/*
 * Fuzzes a client's commands.
 *
 * links: src/client/ngx_ess_command*.c src/ngx_ess_json_read.c
 * links: src/ngx_ess_json_string.c src/ngx_ess_json_unique.c src/ngx_ess_str.c
 * links: src/subscriber/ngx_ess_position.c src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_utf8.c src/ngx_ess_percent.c t/unit/ngx_string.c
 */


#include "ngx_ess_command_answer.h"


static void fuzz_stream(ngx_ess_command_stream_t *stream, size_t size);
static void fuzz_refused(ngx_ess_command_error_t *error, ngx_str_t *given,
    int64_t id);


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                    *text;
    ngx_uint_t                 n;
    ngx_ess_command_t          cmd;
    ngx_ess_command_cursor_t   cursor;
    ngx_ess_command_stream_t   stream;

    text = malloc(size ? size : 1);
    if (text == NULL) {
        return 0;
    }

    if (size) {
        memcpy(text, data, size);
    }

    n = 0;

    if (ngx_ess_command_open(&cursor, text, size) == NGX_OK) {

        while (ngx_ess_command_next(&cursor, &cmd) == NGX_OK) {

            if (++n > NGX_ESS_COMMAND_MAX
                || cmd.id > NGX_ESS_COMMAND_MAX_INT
                || (cmd.type == NGX_ESS_COMMAND_NONE && cmd.error.code == 0))
            {
                abort();
            }

            if (cmd.error.code) {
                fuzz_refused(&cmd.error, NULL, cmd.id);
                continue;
            }

            while (ngx_ess_command_stream(&cmd, &stream) == NGX_OK) {
                fuzz_stream(&stream, size);
            }
        }
    }

    free(text);

    return 0;
}


static void
fuzz_stream(ngx_ess_command_stream_t *stream, size_t size)
{
    u_char                     buf[NGX_ESS_COMMAND_KEY];
    ngx_str_t                  key, *keys;
    ngx_uint_t                 n;
    ngx_ess_command_stream_t   copy;

    if (stream->given.data == NULL) {
        abort();
    }

    if (stream->error.code) {
        fuzz_refused(&stream->error, &stream->given, 0);
        return;
    }

    copy = *stream;

    keys = ngx_ess_command_keys(&copy, size, NULL);
    if (keys == NULL) {
        return;
    }

    key.data = buf;

    for (n = 0; ngx_ess_command_key(stream, &key) == NGX_OK; n++) {
        if (key.len < 1
            || key.len > NGX_ESS_COMMAND_KEY
            || n >= stream->nkeys
            || key.len != keys[n].len
            || memcmp(key.data, keys[n].data, key.len) != 0)
        {
            abort();
        }
    }

    free(keys);

    if (n != stream->nkeys
        || stream->stream.len < 1
        || stream->stream.len > NGX_ESS_COMMAND_STREAM)
    {
        abort();
    }
}


/* An error is said in as many bytes as it was said to take. */

static void
fuzz_refused(ngx_ess_command_error_t *error, ngx_str_t *given, int64_t id)
{
    size_t                    len, n;
    u_char                   *p;
    ngx_ess_command_whole_t   whole = { NGX_ESS_COMMAND_ANSWER_ERROR, id, 0,
                                        error };

    if (error->message.len == 0) {
        abort();
    }

    len = given ? ngx_ess_command_answer_refused(NULL, 1, given, error)
                : ngx_ess_command_answer_whole(NULL, &whole);

    p = malloc(len);
    if (p == NULL) {
        return;
    }

    n = given ? ngx_ess_command_answer_refused(p, 1, given, error)
              : ngx_ess_command_answer_whole(p, &whole);

    if (n != len) {
        abort();
    }

    free(p);
}
