
/*
 * Answers to commands, as messages of a WebSocket.  A client's own, until they
 * are said.  Runs in workers.
 */


#include "ngx_ess_v1_answer.h"
#include "ngx_ess_encoding_message.h"
#include "ngx_ess_counter.h"


/* bytes of a list of entries, at first */
#define NGX_ESS_V1_ANSWER_SIZE  256


static u_char *ngx_ess_v1_answer_room(ngx_ess_v1_answer_t *a, size_t len,
    ngx_log_t *log);
static u_char *ngx_ess_v1_answer_message(ngx_ess_encoding_frame_t *out,
    size_t len, ngx_ess_multi_t *multi);
static ngx_int_t ngx_ess_v1_answer_done(ngx_ess_multi_t *multi,
    ngx_ess_command_t *cmd, ngx_ess_command_answer_e type, int64_t n);
static ngx_int_t ngx_ess_v1_answer_say(ngx_ess_multi_t *multi,
    ngx_ess_command_whole_t *whole);
static void ngx_ess_v1_answer_count(ngx_ess_command_type_e type,
    ngx_uint_t code);


void
ngx_ess_v1_answer_entry(ngx_ess_v1_answer_t *a, ngx_str_t *given,
    uint32_t number, ngx_ess_event_id_t *at)
{
    u_char  *p;
    size_t   len;

    len = ngx_ess_command_answer_entry(NULL, a->entries == 0, given, number,
                                       at);
    p = ngx_ess_v1_answer_room(a, len, ngx_cycle->log);

    if (p) {
        (void) ngx_ess_command_answer_entry(p, a->entries++ == 0, given,
                                            number, at);
    }
}


void
ngx_ess_v1_answer_left(ngx_ess_v1_answer_t *a, ngx_str_t *given)
{
    u_char  *p;
    size_t   len;

    len = ngx_ess_command_answer_left(NULL, a->entries == 0, given);
    p = ngx_ess_v1_answer_room(a, len, ngx_cycle->log);

    if (p) {
        (void) ngx_ess_command_answer_left(p, a->entries++ == 0, given);
    }
}


void
ngx_ess_v1_answer_refused(ngx_ess_v1_answer_t *a, ngx_str_t *given,
    ngx_ess_command_error_t *error)
{
    u_char  *p;
    size_t   len;

    len = ngx_ess_command_answer_refused(NULL, a->entries == 0, given, error);
    p = ngx_ess_v1_answer_room(a, len, ngx_cycle->log);

    if (p) {
        (void) ngx_ess_command_answer_refused(p, a->entries++ == 0, given,
                                              error);
    }

    ngx_ess_v1_answer_count(NGX_ESS_COMMAND_SUBSCRIBE, error->code);
}


/* Where so many bytes go; NULL: no memory, which its end says. */

static u_char *
ngx_ess_v1_answer_room(ngx_ess_v1_answer_t *a, size_t len, ngx_log_t *log)
{
    u_char  *p, *data;
    size_t   size;

    if (a->size - a->len < len) {

        size = ngx_max(2 * a->size, a->len + len);
        size = ngx_max(size, NGX_ESS_V1_ANSWER_SIZE);

        data = ngx_alloc(size, log);
        if (data == NULL) {
            a->failed = 1;
            return NULL;
        }

        if (a->len) {
            ngx_memcpy(data, a->data, a->len);
            ngx_free(a->data);
        }

        a->data = data;
        a->size = size;
    }

    p = a->data + a->len;
    a->len += len;

    return p;
}


ngx_int_t
ngx_ess_v1_answer_list(ngx_ess_v1_answer_t *a, ngx_ess_multi_t *multi,
    ngx_ess_command_type_e type, int64_t id)
{
    u_char                     *p;
    size_t                      len;
    ngx_int_t                   rc;
    ngx_ess_encoding_frame_t    out;

    size_t  (*head)(u_char *p, int64_t id);

    ngx_ess_v1_answer_count(type, NGX_HTTP_OK);

    rc = a->failed ? NGX_ERROR : NGX_OK;

    if (rc == NGX_OK && (a->entries || id != NGX_ESS_COMMAND_NO_ID)) {

        head = (type == NGX_ESS_COMMAND_SUBSCRIBE)
               ? ngx_ess_command_answer_subscribed
               : ngx_ess_command_answer_unsubscribed;

        len = head(NULL, id) + a->len + ngx_ess_command_answer_end(NULL);

        p = ngx_ess_v1_answer_message(&out, len, multi);

        if (p) {
            p += head(p, id);

            if (a->len) {
                p = ngx_cpymem(p, a->data, a->len);
            }

            (void) ngx_ess_command_answer_end(p);

            rc = ngx_ess_multi_say(multi, out.data, out.len);

        } else {
            rc = NGX_ERROR;
        }
    }

    ngx_ess_v1_answer_drop(a);

    return rc;
}


void
ngx_ess_v1_answer_drop(ngx_ess_v1_answer_t *a)
{
    ngx_free(a->data);
    ngx_memzero(a, sizeof(ngx_ess_v1_answer_t));
}


static u_char *
ngx_ess_v1_answer_message(ngx_ess_encoding_frame_t *out, size_t len,
    ngx_ess_multi_t *multi)
{
    return ngx_ess_encoding_message(out, NGX_ESS_WS_TEXT, 0, len,
                                    multi->client->connection->log);
}


ngx_int_t
ngx_ess_v1_answer_error(ngx_ess_multi_t *multi, ngx_ess_command_t *cmd,
    ngx_ess_command_error_t *error)
{
    ngx_ess_command_whole_t  whole = { NGX_ESS_COMMAND_ANSWER_ERROR, cmd->id, 0,
                                       error };

    ngx_ess_v1_answer_count(cmd->type, error->code);

    return ngx_ess_v1_answer_say(multi, &whole);
}


ngx_int_t
ngx_ess_v1_answer_pong(ngx_ess_multi_t *multi, ngx_ess_command_t *cmd)
{
    return ngx_ess_v1_answer_done(multi, cmd, NGX_ESS_COMMAND_ANSWER_PONG,
                                  cmd->ping);
}


ngx_int_t
ngx_ess_v1_answer_token(ngx_ess_multi_t *multi, ngx_ess_command_t *cmd,
    time_t expires)
{
    return ngx_ess_v1_answer_done(multi, cmd, NGX_ESS_COMMAND_ANSWER_TOKEN,
                                  expires);
}


ngx_int_t
ngx_ess_v1_answer_over(ngx_ess_multi_t *multi, uint32_t number,
    ngx_uint_t code, ngx_str_t *reason)
{
    ngx_ess_command_error_t  why = { code, *reason };
    ngx_ess_command_whole_t  whole = { NGX_ESS_COMMAND_ANSWER_OVER, number, 0,
                                       &why };

    return ngx_ess_v1_answer_say(multi, &whole);
}


static ngx_int_t
ngx_ess_v1_answer_done(ngx_ess_multi_t *multi, ngx_ess_command_t *cmd,
    ngx_ess_command_answer_e type, int64_t n)
{
    ngx_ess_command_whole_t  whole = { type, cmd->id, n, NULL };

    ngx_ess_v1_answer_count(cmd->type, NGX_HTTP_OK);

    return (cmd->id == NGX_ESS_COMMAND_NO_ID)
           ? NGX_OK : ngx_ess_v1_answer_say(multi, &whole);
}


static ngx_int_t
ngx_ess_v1_answer_say(ngx_ess_multi_t *multi, ngx_ess_command_whole_t *whole)
{
    u_char                    *p;
    ngx_ess_encoding_frame_t   out;

    p = ngx_ess_v1_answer_message(&out,
                                  ngx_ess_command_answer_whole(NULL, whole),
                                  multi);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_command_answer_whole(p, whole);

    return ngx_ess_multi_say(multi, out.data, out.len);
}


/* A code that is not listed is counted as the last one. */

static void
ngx_ess_v1_answer_count(ngx_ess_command_type_e type, ngx_uint_t code)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_COUNTER_CODES - 1; i++) {
        if (ngx_ess_counter_codes[i] == code) {
            break;
        }
    }

    ngx_ess_client_count(NGX_ESS_C_COMMANDS + type * NGX_ESS_COUNTER_CODES + i,
                         1);
}
