/*
 * What broker and session say to each other on channel 0: login, agreement
 * on sizes and heartbeat, the virtual host, closing, alarms.  Owns nothing;
 * runs in a worker, called for each frame on that channel.
 */


#include "ngx_ess_str.h"
#include "ngx_ess_amqp_session.h"
#include "ngx_ess_amqp_handshake.h"
#include "ngx_ess_amqp_property.h"
#include <nginx.h>


#define NGX_ESS_AMQP_CLIENT_PROPERTIES  5
#define NGX_ESS_AMQP_CAPABILITIES       5

/* two NULs, and the longest user and password */
#define NGX_ESS_AMQP_RESPONSE                                                 \
    (2 + NGX_ESS_AMQP_URL_MAX + NGX_ESS_AMQP_URL_PASSWORD_MAX)


typedef ngx_int_t (*ngx_ess_amqp_handshake_pt)(ngx_ess_amqp_session_t *s,
    void *decoded);

typedef struct {
    amqp_method_number_t         method;
    ngx_ess_amqp_state_e         first;     /* states in which it may come */
    ngx_ess_amqp_state_e         last;
    ngx_ess_amqp_handshake_pt    handler;
} ngx_ess_amqp_handshake_t;


static ngx_int_t ngx_ess_amqp_handshake_start(ngx_ess_amqp_session_t *s,
    void *decoded);
static ngx_int_t ngx_ess_amqp_handshake_tune(ngx_ess_amqp_session_t *s,
    void *decoded);
static ngx_int_t ngx_ess_amqp_handshake_open(ngx_ess_amqp_session_t *s,
    void *decoded);
static ngx_int_t ngx_ess_amqp_handshake_close(ngx_ess_amqp_session_t *s,
    void *decoded);
static ngx_int_t ngx_ess_amqp_handshake_blocked(ngx_ess_amqp_session_t *s,
    void *decoded);
static ngx_int_t ngx_ess_amqp_handshake_unblocked(ngx_ess_amqp_session_t *s,
    void *decoded);


static const ngx_ess_amqp_handshake_t  ngx_ess_amqp_handshakes[] = {

    { AMQP_CONNECTION_START_METHOD,
      NGX_ESS_AMQP_HEADER, NGX_ESS_AMQP_HEADER,
      ngx_ess_amqp_handshake_start },

    { AMQP_CONNECTION_TUNE_METHOD,
      NGX_ESS_AMQP_START, NGX_ESS_AMQP_START,
      ngx_ess_amqp_handshake_tune },

    { AMQP_CONNECTION_OPEN_OK_METHOD,
      NGX_ESS_AMQP_TUNE, NGX_ESS_AMQP_TUNE,
      ngx_ess_amqp_handshake_open },

    { AMQP_CONNECTION_CLOSE_METHOD,
      NGX_ESS_AMQP_HEADER, NGX_ESS_AMQP_OPEN,
      ngx_ess_amqp_handshake_close },

    { AMQP_CONNECTION_BLOCKED_METHOD,
      NGX_ESS_AMQP_TUNE, NGX_ESS_AMQP_OPEN,
      ngx_ess_amqp_handshake_blocked },

    { AMQP_CONNECTION_UNBLOCKED_METHOD,
      NGX_ESS_AMQP_TUNE, NGX_ESS_AMQP_OPEN,
      ngx_ess_amqp_handshake_unblocked },

    { 0, NGX_ESS_AMQP_IDLE, NGX_ESS_AMQP_IDLE, NULL }
};


/* without these a refused password or a deleted queue goes unsaid */

static const char  *ngx_ess_amqp_capabilities[NGX_ESS_AMQP_CAPABILITIES] = {
    "authentication_failure_close",
    "consumer_cancel_notify",
    "connection.blocked",
    "publisher_confirms",
    "basic.nack"
};


ngx_int_t
ngx_ess_amqp_handshake(ngx_ess_amqp_session_t *s, ngx_ess_amqp_frame_t *frame)
{
    const ngx_ess_amqp_handshake_t  *h;

    if (frame->type == AMQP_FRAME_METHOD) {

        for (h = ngx_ess_amqp_handshakes; h->handler; h++) {

            if (h->method == frame->method
                && s->state >= h->first && s->state <= h->last)
            {
                return h->handler(s, frame->decoded);
            }
        }
    }

    return ngx_ess_amqp_trouble(s, "it sent frame type %ui, %s (%xD) on"
                                " channel 0 while %s",
                                frame->type,
                                ngx_ess_amqp_codec_name(frame->method),
                                (uint32_t) frame->method,
                                ngx_ess_amqp_trouble_while(s));
}


static void
ngx_ess_amqp_handshake_text(amqp_table_entry_t *entry, const char *key,
    const char *value)
{
    entry->key = amqp_cstring_bytes(key);
    entry->value.kind = AMQP_FIELD_KIND_UTF8;
    entry->value.value.bytes = amqp_cstring_bytes(value);
}


/* one of the words, which are separated by spaces, is the word */

static ngx_uint_t
ngx_ess_amqp_handshake_has(amqp_bytes_t words, const char *word)
{
    size_t     n;
    ngx_str_t  rest, item;

    rest.data = words.bytes;
    rest.len = words.len;
    n = ngx_strlen(word);

    while (rest.len) {
        (void) ngx_ess_str_cut(&rest, ' ', &item);

        if (item.len == n && ngx_strncmp(item.data, word, n) == 0) {
            return 1;
        }
    }

    return 0;
}


/* "4" of "4.0.5" */

static ngx_uint_t
ngx_ess_amqp_handshake_version(amqp_table_t *properties)
{
    u_char              *p, *last, *end;
    ngx_int_t            n;
    amqp_field_value_t  *version;

    version = ngx_ess_amqp_property_find(properties, "version");

    if (version == NULL || version->kind != AMQP_FIELD_KIND_UTF8) {
        return 0;
    }

    p = version->value.bytes.bytes;
    last = p + version->value.bytes.len;

    end = ngx_strlchr(p, last, '.');
    n = ngx_atoi(p, (end ? end : last) - p);

    return (n == NGX_ERROR) ? 0 : (ngx_uint_t) n;
}


static ngx_int_t
ngx_ess_amqp_handshake_start(ngx_ess_amqp_session_t *s, void *decoded)
{
    u_char                     *p, name[64];
    u_char                      response[NGX_ESS_AMQP_RESPONSE];
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    amqp_table_entry_t          entries[NGX_ESS_AMQP_CLIENT_PROPERTIES];
    amqp_table_entry_t          capabilities[NGX_ESS_AMQP_CAPABILITIES];
    ngx_ess_amqp_node_t        *node;
    amqp_connection_start_t    *start;
    amqp_connection_start_ok_t  ok;

    start = decoded;

    s->version = ngx_ess_amqp_handshake_version(&start->server_properties);

    if (!ngx_ess_amqp_handshake_has(start->mechanisms, "PLAIN")) {
        return ngx_ess_amqp_trouble(s, "it does not offer to log in with"
                                    " SASL PLAIN");
    }

    for (i = 0; i < NGX_ESS_AMQP_CAPABILITIES; i++) {
        capabilities[i].key = amqp_cstring_bytes(ngx_ess_amqp_capabilities[i]);
        capabilities[i].value.kind = AMQP_FIELD_KIND_BOOLEAN;
        capabilities[i].value.value.boolean = 1;
    }

    *ngx_snprintf(name, sizeof(name) - 1, "nginx worker %P", ngx_pid) = '\0';

    ngx_ess_amqp_handshake_text(&entries[0], "product", "ngx_ess_module");
    ngx_ess_amqp_handshake_text(&entries[1], "version", NGX_ESS_VERSION);
    ngx_ess_amqp_handshake_text(&entries[2], "platform", NGINX_VER);
    ngx_ess_amqp_handshake_text(&entries[3], "connection_name",
                                (char *) name);

    entries[4].key = amqp_cstring_bytes("capabilities");
    entries[4].value.kind = AMQP_FIELD_KIND_TABLE;
    entries[4].value.value.table.num_entries = NGX_ESS_AMQP_CAPABILITIES;
    entries[4].value.value.table.entries = capabilities;

    ok.client_properties.num_entries = NGX_ESS_AMQP_CLIENT_PROPERTIES;
    ok.client_properties.entries = entries;
    ok.mechanism = amqp_cstring_bytes("PLAIN");
    ok.locale = amqp_cstring_bytes("en_US");

    node = ngx_ess_amqp_session_node(s);

    /* RFC 4616: no authorization identity, NUL, user, NUL, password */

    p = response;
    *p++ = '\0';
    p = ngx_cpymem(p, node->user.data, node->user.len);
    *p++ = '\0';
    p = ngx_cpymem(p, node->password.data, node->password.len);

    ok.response.bytes = response;
    ok.response.len = p - response;

    s->state = NGX_ESS_AMQP_START;

    rc = ngx_ess_amqp_io_answer(s, 0, AMQP_CONNECTION_START_OK_METHOD, &ok);

    ngx_explicit_memzero(response, sizeof(response));

    return rc;
}


static ngx_int_t
ngx_ess_amqp_handshake_tune(ngx_ess_amqp_session_t *s, void *decoded)
{
    ngx_uint_t               heartbeat;
    ngx_ess_amqp_node_t     *node;
    amqp_connection_open_t   open;
    amqp_connection_tune_t  *tune;

    tune = decoded;

    /* 0: no limit */

    if (tune->channel_max == 0
        || tune->channel_max > NGX_ESS_AMQP_CHANNEL_MAX)
    {
        tune->channel_max = NGX_ESS_AMQP_CHANNEL_MAX;
    }

    if (ngx_ess_amqp_codec_tune(&s->io.codec,
                                tune->frame_max ? tune->frame_max
                                                : NGX_ESS_AMQP_FRAME_MAX)
        != NGX_OK)
    {
        return ngx_ess_amqp_trouble(s, "no memory");
    }

    tune->frame_max = (uint32_t) s->io.codec.frame_max;

    heartbeat = (s->conf->heartbeat + 999) / 1000;

    if (heartbeat && tune->heartbeat) {
        heartbeat = ngx_min(heartbeat, tune->heartbeat);
    }

    tune->heartbeat = (uint16_t) heartbeat;

    s->channel_max = tune->channel_max;
    s->io.heartbeat = heartbeat * 1000;

    /* tune-ok has the fields of tune */

    if (ngx_ess_amqp_io_answer(s, 0, AMQP_CONNECTION_TUNE_OK_METHOD, tune)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    node = ngx_ess_amqp_session_node(s);

    ngx_memzero(&open, sizeof(amqp_connection_open_t));
    open.virtual_host.len = node->vhost.len;
    open.virtual_host.bytes = node->vhost.data;

    if (s->io.heartbeat) {
        ngx_add_timer(&s->io.heartbeat_timer, s->io.heartbeat / 4);
    }

    s->state = NGX_ESS_AMQP_TUNE;

    return ngx_ess_amqp_io_answer(s, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
}


static ngx_int_t
ngx_ess_amqp_handshake_open(ngx_ess_amqp_session_t *s, void *decoded)
{
    ngx_del_timer(&s->connect.timer);

    s->state = NGX_ESS_AMQP_OPEN;
    s->opened_at = ngx_current_msec;
    s->connect.tried = 0;

    ngx_ess_amqp_trouble_opened(s);

    s->handlers->open(s);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_handshake_close(ngx_ess_amqp_session_t *s, void *decoded)
{
    ngx_str_t                *text;
    ngx_ess_escaped_t         e;
    amqp_connection_close_t  *close;

    close = decoded;

    (void) ngx_ess_amqp_io_method(s, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, NULL);
    ngx_ess_amqp_io_flush(s);

    text = ngx_ess_escape_bytes(&e, close->reply_text.bytes,
                                close->reply_text.len);

    if (s->state == NGX_ESS_AMQP_OPEN) {
        return ngx_ess_amqp_trouble(s, "it closed the connection:"
                                    " %ui \"%V\"",
                                    (ngx_uint_t) close->reply_code, text);
    }

    return ngx_ess_amqp_trouble(s, "it refused the connection while %s:"
                                " %ui \"%V\"",
                                ngx_ess_amqp_trouble_while(s),
                                (ngx_uint_t) close->reply_code, text);
}


static ngx_int_t
ngx_ess_amqp_handshake_blocked(ngx_ess_amqp_session_t *s, void *decoded)
{
    ngx_str_t                  *reason;
    ngx_ess_escaped_t           e;
    amqp_connection_blocked_t  *blocked;

    blocked = decoded;

    reason = ngx_ess_escape_bytes(&e, blocked->reason.bytes,
                                  blocked->reason.len);

    s->trouble.alarm_len = ngx_min(reason->len, sizeof(s->trouble.alarm));
    ngx_memcpy(s->trouble.alarm, reason->data, s->trouble.alarm_len);
    s->blocked = 1;

    ngx_ess_amqp_trouble_alarm(s);

    if (s->handlers->blocked) {
        s->handlers->blocked(s, reason);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_handshake_unblocked(ngx_ess_amqp_session_t *s, void *decoded)
{
    s->blocked = 0;

    ngx_ess_amqp_trouble_alarm(s);

    if (s->handlers->blocked) {
        s->handlers->blocked(s, NULL);
    }

    ngx_post_event(&s->io.flush, &ngx_posted_events);

    return NGX_OK;
}
