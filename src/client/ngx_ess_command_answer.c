
/*
 * Answers to commands, byte for byte as docs/clients.md has them.  Owns
 * nothing.  Runs in workers.
 */


#include "ngx_ess_command_answer.h"
#include "ngx_ess_utf8.h"


/* of a number, or of an event's name between quotes */
#define NGX_ESS_COMMAND_ANSWER_NUMBER  (NGX_ESS_POSITION_EVENT_LEN + 2)


/* what is written, or only counted */

typedef struct {
    u_char                  *p;             /* NULL: counted */
    size_t                   len;
} ngx_ess_command_answer_t;


static size_t ngx_ess_command_answer_list(u_char *p, int64_t id,
    const char *verb);
static void ngx_ess_command_answer_over(ngx_ess_command_answer_t *a,
    int64_t s, ngx_ess_command_error_t *error);
static void ngx_ess_command_answer_head(ngx_ess_command_answer_t *a,
    int64_t id);
static void ngx_ess_command_answer_stream(ngx_ess_command_answer_t *a,
    ngx_uint_t first, ngx_str_t *given);
static void ngx_ess_command_answer_problem(ngx_ess_command_answer_t *a,
    ngx_ess_command_error_t *error);
static void ngx_ess_command_answer_text(ngx_ess_command_answer_t *a,
    ngx_str_t *text);
static void ngx_ess_command_answer_ascii(ngx_ess_command_answer_t *a,
    ngx_str_t *text);
static void ngx_ess_command_answer_number(ngx_ess_command_answer_t *a,
    const char *fmt, ...);
static void ngx_ess_command_answer_put(ngx_ess_command_answer_t *a,
    const char *text);
static void ngx_ess_command_answer_bytes(ngx_ess_command_answer_t *a,
    u_char *data, size_t len);


size_t
ngx_ess_command_answer_subscribed(u_char *p, int64_t id)
{
    return ngx_ess_command_answer_list(p, id, "\"subscribed\":[");
}


size_t
ngx_ess_command_answer_unsubscribed(u_char *p, int64_t id)
{
    return ngx_ess_command_answer_list(p, id, "\"unsubscribed\":[");
}


static size_t
ngx_ess_command_answer_list(u_char *p, int64_t id, const char *verb)
{
    ngx_ess_command_answer_t  a = { p, 0 };

    ngx_ess_command_answer_head(&a, id);
    ngx_ess_command_answer_put(&a, verb);

    return a.len;
}


size_t
ngx_ess_command_answer_end(u_char *p)
{
    ngx_ess_command_answer_t  a = { p, 0 };

    ngx_ess_command_answer_put(&a, "]}");

    return a.len;
}


size_t
ngx_ess_command_answer_entry(u_char *p, ngx_uint_t first, ngx_str_t *given,
    uint32_t s, ngx_ess_event_id_t *at)
{
    ngx_ess_command_answer_t  a = { p, 0 };

    ngx_ess_command_answer_stream(&a, first, given);
    ngx_ess_command_answer_put(&a, ",\"s\":");
    ngx_ess_command_answer_number(&a, "%uL", (uint64_t) s);
    ngx_ess_command_answer_put(&a, ",\"at\":");
    ngx_ess_command_answer_number(&a, "\"%xL-%uL\"", at->epoch, at->ordinal);
    ngx_ess_command_answer_put(&a, "}");

    return a.len;
}


size_t
ngx_ess_command_answer_refused(u_char *p, ngx_uint_t first, ngx_str_t *given,
    ngx_ess_command_error_t *error)
{
    ngx_ess_command_answer_t  a = { p, 0 };

    ngx_ess_command_answer_stream(&a, first, given);
    ngx_ess_command_answer_put(&a, ",");
    ngx_ess_command_answer_problem(&a, error);
    ngx_ess_command_answer_put(&a, "}");

    return a.len;
}


size_t
ngx_ess_command_answer_left(u_char *p, ngx_uint_t first, ngx_str_t *given)
{
    ngx_ess_command_answer_t  a = { p, 0 };

    ngx_ess_command_answer_put(&a, first ? "\"" : ",\"");
    ngx_ess_command_answer_bytes(&a, given->data, given->len);
    ngx_ess_command_answer_put(&a, "\"");

    return a.len;
}


size_t
ngx_ess_command_answer_whole(u_char *p, ngx_ess_command_whole_t *whole)
{
    ngx_ess_command_answer_t  a = { p, 0 };

    if (whole->type == NGX_ESS_COMMAND_ANSWER_OVER) {
        ngx_ess_command_answer_over(&a, whole->id, whole->error);
        return a.len;
    }

    ngx_ess_command_answer_head(&a, whole->id);

    switch (whole->type) {

    case NGX_ESS_COMMAND_ANSWER_PONG:
        ngx_ess_command_answer_put(&a, "\"pong\":");
        ngx_ess_command_answer_number(&a, "%L", whole->n);
        break;

    case NGX_ESS_COMMAND_ANSWER_TOKEN:
        ngx_ess_command_answer_put(&a, "\"token\":{\"expires\":");

        if (whole->n) {
            ngx_ess_command_answer_number(&a, "%L", whole->n);

        } else {
            ngx_ess_command_answer_put(&a, "null");
        }

        ngx_ess_command_answer_put(&a, "}");
        break;

    default: /* ERROR */
        ngx_ess_command_answer_problem(&a, whole->error);
    }

    ngx_ess_command_answer_put(&a, "}");

    return a.len;
}


static void
ngx_ess_command_answer_over(ngx_ess_command_answer_t *a, int64_t s,
    ngx_ess_command_error_t *error)
{
    ngx_ess_command_answer_put(a, "{\"s\":");
    ngx_ess_command_answer_number(a, "%L", s);
    ngx_ess_command_answer_put(a, ",\"end\":{\"code\":");
    ngx_ess_command_answer_number(a, "%uL", (uint64_t) error->code);
    ngx_ess_command_answer_put(a, ",\"reason\":");
    ngx_ess_command_answer_text(a, &error->message);
    ngx_ess_command_answer_put(a, "}}");
}


static void
ngx_ess_command_answer_head(ngx_ess_command_answer_t *a, int64_t id)
{
    ngx_ess_command_answer_put(a, "{");

    if (id != NGX_ESS_COMMAND_NO_ID) {
        ngx_ess_command_answer_put(a, "\"id\":");
        ngx_ess_command_answer_number(a, "%L", id);
        ngx_ess_command_answer_put(a, ",");
    }
}


static void
ngx_ess_command_answer_stream(ngx_ess_command_answer_t *a, ngx_uint_t first,
    ngx_str_t *given)
{
    ngx_ess_command_answer_put(a, first ? "{\"stream\":\""
                                        : ",{\"stream\":\"");
    ngx_ess_command_answer_bytes(a, given->data, given->len);
    ngx_ess_command_answer_put(a, "\"");
}


static void
ngx_ess_command_answer_problem(ngx_ess_command_answer_t *a,
    ngx_ess_command_error_t *error)
{
    ngx_ess_command_answer_put(a, "\"error\":{\"code\":");
    ngx_ess_command_answer_number(a, "%uL", (uint64_t) error->code);
    ngx_ess_command_answer_put(a, ",\"message\":");
    ngx_ess_command_answer_text(a, &error->message);
    ngx_ess_command_answer_put(a, (error->code == NGX_HTTP_SERVICE_UNAVAILABLE)
                                  ? ",\"retry\":1}" : "}");
}


/* Between quotes.  What a broker said need not be UTF-8, which ends a browser's
   connection. */

static void
ngx_ess_command_answer_text(ngx_ess_command_answer_t *a, ngx_str_t *text)
{
    size_t  len;

    ngx_ess_command_answer_put(a, "\"");

    if (!ngx_ess_utf8_valid(text->data, text->len)) {
        ngx_ess_command_answer_ascii(a, text);

    } else {
        len = text->len
              + (size_t) ngx_escape_json(NULL, text->data, text->len);

        if (a->p) {
            (void) ngx_escape_json(a->p + a->len, text->data, text->len);
        }

        a->len += len;
    }

    ngx_ess_command_answer_put(a, "\"");
}


static void
ngx_ess_command_answer_ascii(ngx_ess_command_answer_t *a, ngx_str_t *text)
{
    size_t  i;
    u_char  ch;

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch < ' ' || ch == '"' || ch == '\\' || ch >= 0x7f) {
            ch = '?';
        }

        ngx_ess_command_answer_bytes(a, &ch, 1);
    }
}


static void
ngx_ess_command_answer_number(ngx_ess_command_answer_t *a, const char *fmt,
    ...)
{
    u_char   buf[NGX_ESS_COMMAND_ANSWER_NUMBER], *last;
    va_list  args;

    va_start(args, fmt);
    last = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    ngx_ess_command_answer_bytes(a, buf, last - buf);
}


static void
ngx_ess_command_answer_put(ngx_ess_command_answer_t *a, const char *text)
{
    ngx_ess_command_answer_bytes(a, (u_char *) text, ngx_strlen(text));
}


static void
ngx_ess_command_answer_bytes(ngx_ess_command_answer_t *a, u_char *data,
    size_t len)
{
    if (a->p) {
        ngx_memcpy(a->p + a->len, data, len);
    }

    a->len += len;
}
