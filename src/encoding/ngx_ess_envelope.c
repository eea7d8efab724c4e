
/*
 * Envelopes, written in two passes: how long, and then the bytes.  Owns
 * nothing.  Runs in workers, once for each event.
 */


#include "ngx_ess_envelope.h"
#include "ngx_ess_json_read.h"
#include "ngx_ess_utf8.h"


/* a member with a text, up to the quote behind it */

typedef struct {
    const char              *head;
    size_t                   len;
} ngx_ess_envelope_member_t;


#define ngx_ess_envelope_member(head)  { head, sizeof(head) - 1 }


static ngx_uint_t ngx_ess_envelope_is_json(ngx_str_t *body);
static ngx_uint_t ngx_ess_envelope_is_text(ngx_str_t *body);


static const ngx_ess_envelope_member_t  ngx_ess_envelope_key =
    ngx_ess_envelope_member(",\"key\":\"");

static const ngx_ess_envelope_member_t  ngx_ess_envelope_forms[] = {
    ngx_ess_envelope_member(",\"data\":"),
    ngx_ess_envelope_member(",\"text\":\""),
    ngx_ess_envelope_member(",\"base64\":\"")
};


void
ngx_ess_envelope(ngx_ess_envelope_t *e, ngx_ess_encoding_event_t *event)
{
    u_char     *last;
    ngx_str_t  *body;

    last = ngx_sprintf(e->head, "{\"s\":%uD,\"id\":\"%xL-%uL\",\"t\":",
                       event->label->number, event->epoch, event->ordinal);
    last = event->timestamp ? ngx_sprintf(last, "%uL", event->timestamp)
                            : ngx_cpymem(last, "null", 4);

    e->head_len = last - e->head;
    e->key = event->key;
    e->body = event->body;

    body = &e->body;

    e->form = ngx_ess_envelope_is_json(body)
              ? NGX_ESS_ENVELOPE_DATA
              : ngx_ess_envelope_is_text(body)
                ? NGX_ESS_ENVELOPE_TEXT : NGX_ESS_ENVELOPE_BASE64;

    e->len = e->head_len + ngx_ess_envelope_forms[e->form].len + 1;

    if (e->key.len) {
        e->len += ngx_ess_envelope_key.len + e->key.len + 1
                  + ngx_escape_json(NULL, e->key.data, e->key.len);
    }

    switch (e->form) {

    case NGX_ESS_ENVELOPE_DATA:
        e->len += body->len;
        break;

    case NGX_ESS_ENVELOPE_TEXT:
        e->len += body->len + 1
                  + ngx_escape_json(NULL, body->data, body->len);
        break;

    default: /* NGX_ESS_ENVELOPE_BASE64 */
        e->len += ngx_base64_encoded_length(body->len) + 1;
    }
}


/* Then it has no white space at its ends any more. */

static ngx_uint_t
ngx_ess_envelope_is_json(ngx_str_t *body)
{
    ngx_ess_json_value_t  value;

    if (ngx_ess_json_read(body, &value, NULL) != NGX_OK) {
        return 0;
    }

    *body = value.span;

    return 1;
}


/* UTF-8, of whose control characters only those are text that JSON has a short
   escape for: with others it is some binary format. */

static ngx_uint_t
ngx_ess_envelope_is_text(ngx_str_t *body)
{
    size_t  i;
    u_char  ch;

    for (i = 0; i < body->len; i++) {
        ch = body->data[i];

        if (ch < 0x20
            && ch != '\b' && ch != '\t' && ch != '\n'
            && ch != '\f' && ch != '\r')
        {
            return 0;
        }
    }

    return ngx_ess_utf8_valid(body->data, body->len);
}


u_char *
ngx_ess_envelope_write(u_char *p, ngx_ess_envelope_t *e)
{
    ngx_str_t                         base64;
    const ngx_ess_envelope_member_t  *member;

    p = ngx_cpymem(p, e->head, e->head_len);

    if (e->key.len) {
        p = ngx_cpymem(p, ngx_ess_envelope_key.head, ngx_ess_envelope_key.len);
        p = (u_char *) ngx_escape_json(p, e->key.data, e->key.len);
        *p++ = '"';
    }

    member = &ngx_ess_envelope_forms[e->form];
    p = ngx_cpymem(p, member->head, member->len);

    switch (e->form) {

    case NGX_ESS_ENVELOPE_DATA:
        p = ngx_cpymem(p, e->body.data, e->body.len);
        break;

    case NGX_ESS_ENVELOPE_TEXT:
        p = (u_char *) ngx_escape_json(p, e->body.data, e->body.len);
        *p++ = '"';
        break;

    default: /* NGX_ESS_ENVELOPE_BASE64 */
        base64.data = p;
        ngx_encode_base64(&base64, &e->body);
        p += base64.len;
        *p++ = '"';
    }

    *p++ = '}';

    return p;
}


u_char *
ngx_ess_envelope_gap(u_char *p, ngx_ess_label_t *label, uint64_t from,
    uint64_t to)
{
    p = ngx_sprintf(p, "{\"s\":%uD,\"gap\":{\"from\":%uL,\"to\":",
                    label->number, from);

    p = (to < from) ? ngx_cpymem(p, "null", 4) : ngx_sprintf(p, "%uL", to);

    *p++ = '}';
    *p++ = '}';

    return p;
}
