
/*
 * Commands of a client of "ess.v1", one after the other, and a bounded number
 * of streams in one iteration of the event loop.  While there are some, nothing
 * is read from it.  What it waits for goes with it.  Runs in the worker that
 * has the connection.
 */


#include "ngx_ess_v1.h"
#include "ngx_ess_encoding_envelope.h"
#include "ngx_ess_multi_admit.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_multi_flush.h"
#include "ngx_ess_multi_join.h"
#include "ngx_ess_v1_authorize.h"
#include "ngx_ess_v1_stream.h"
#include "ngx_ess_v1_token.h"
#include "ngx_ess_ws.h"


/* streams, of all commands, in one iteration */
#define NGX_ESS_V1_SLICE  64

/* bytes of answers that it has not taken, above which no more commands are */
#define NGX_ESS_V1_SAID   65536


static ngx_int_t ngx_ess_v1_piece(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_v1_end(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_t *sub, ngx_uint_t code, const char *reason);
static void ngx_ess_v1_heard(ngx_ess_multi_t *multi);
static void ngx_ess_v1_done(ngx_ess_multi_t *multi);
static ngx_int_t ngx_ess_v1_session(ngx_ess_client_t *client,
    ngx_ess_v1_begin_t *begin);
static ngx_int_t ngx_ess_v1_begin(ngx_ess_v1_t *v1,
    ngx_ess_v1_begin_t *begin);
static void ngx_ess_v1_handler(ngx_event_t *ev);
static ngx_int_t ngx_ess_v1_step(ngx_ess_v1_t *v1);
static ngx_int_t ngx_ess_v1_open(ngx_ess_v1_t *v1);
static ngx_int_t ngx_ess_v1_command(ngx_ess_v1_t *v1);
static void ngx_ess_v1_listen(ngx_ess_v1_t *v1);


static const ngx_ess_multi_kind_t  ngx_ess_v1_kind = {
    ngx_ess_v1_piece,
    ngx_ess_v1_end,
    ngx_ess_v1_heard,
    ngx_ess_v1_done
};


ngx_int_t
ngx_ess_v1_create(ngx_ess_client_t *client, ngx_ess_v1_begin_t *begin)
{
    ngx_int_t  rc;

    rc = ngx_ess_v1_session(client, begin);

    if (rc != NGX_OK && client->multi) {

        /* it was not started, so nobody else would */

        ngx_ess_client_free_multi(client);
    }

    return rc;
}


static ngx_int_t
ngx_ess_v1_session(ngx_ess_client_t *client, ngx_ess_v1_begin_t *begin)
{
    size_t               size;
    ngx_ess_v1_t        *v1;
    ngx_ess_multi_t     *multi;
    ngx_http_request_t  *r;

    r = client->request;

    client->many = 1;
    client->apart = 1;
    client->multi = NULL;

    multi = ngx_ess_multi_create(client, &ngx_ess_v1_kind,
                                 &ngx_ess_encoding_envelope[1]
                                                 [ngx_ess_ws_deflates(r)]);
    if (multi == NULL) {
        return NGX_ERROR;
    }

    client->multi = multi;

    size = sizeof(ngx_ess_v1_t);

    if (client->conf->authorize) {
        size += sizeof(ngx_ess_v1_authorize_t);
    }

    v1 = ngx_calloc(size + begin->key.len, r->connection->log);
    if (v1 == NULL) {
        return NGX_ERROR;
    }

    multi->own = v1;

    v1->multi = multi;
    v1->last = &v1->messages;

    v1->event.handler = ngx_ess_v1_handler;
    v1->event.data = v1;
    v1->event.log = r->connection->log;

    if (ngx_ess_jwt_grant(r, &v1->grant) != NGX_OK
        || (client->conf->authorize
            && ngx_ess_v1_authorize_init(v1, r) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (begin->only) {
        v1->only = begin->info->ref.id;
        v1->key.len = begin->key.len;
        v1->key.data = (u_char *) v1 + size;

        if (begin->key.len) {
            ngx_memcpy(v1->key.data, begin->key.data, begin->key.len);
        }
    }

    return begin->info ? ngx_ess_v1_begin(v1, begin) : NGX_OK;
}


/* The stream of the path is announced like one that was asked for. */

static ngx_int_t
ngx_ess_v1_begin(ngx_ess_v1_t *v1, ngx_ess_v1_begin_t *begin)
{
    u_char                  text[NGX_ESS_UUID_TEXT];
    ngx_int_t               rc;
    ngx_str_t               given;
    ngx_ess_multi_entry_t   e;
    ngx_ess_stream_info_t  *info;

    info = begin->info;

    ngx_memzero(&e, sizeof(ngx_ess_multi_entry_t));

    ngx_ess_multi_admit_entry(v1->multi->client->conf, info, &e.entry);

    e.entry.pos = begin->pos;
    e.entry.keys = &begin->key;
    e.entry.nkeys = begin->key.len ? 1 : 0;

    ngx_ess_multi_join(v1->multi, &e, 1);

    if (e.entry.rc != NGX_OK) {
        return e.entry.rc;
    }

    if (begin->named) {
        given.data = info->name;
        given.len = info->name_len;

    } else {
        given.data = text;
        given.len = ngx_ess_stream_uuid_text(text, info->uuid) - text;
    }

    ngx_ess_v1_answer_entry(&v1->answer, &given, e.number, &e.at);

    rc = ngx_ess_v1_answer_list(&v1->answer, v1->multi,
                                NGX_ESS_COMMAND_SUBSCRIBE,
                                NGX_ESS_COMMAND_NO_ID);

    ngx_ess_multi_announced(v1->multi);

    return rc;
}


static ngx_int_t
ngx_ess_v1_piece(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    ngx_ess_encoding_hold(sub->frame->data);
    ngx_ess_multi_flush_piece(sub->frame->data, sub->frame->len, sub->frame,
                              0);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_v1_end(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub,
    ngx_uint_t code, const char *reason)
{
    ngx_str_t  text;

    text.data = (u_char *) reason;
    text.len = ngx_strlen(reason);

    return ngx_ess_v1_answer_over(multi, sub->lane->feed->label->number, code,
                                  &text);
}


static void
ngx_ess_v1_heard(ngx_ess_multi_t *multi)
{
    ngx_ess_v1_t  *v1;

    v1 = multi->own;

    if ((v1->messages || v1->close) && v1->info == NULL) {
        ngx_post_event(&v1->event, &ngx_posted_next_events);
    }
}


static void
ngx_ess_v1_done(ngx_ess_multi_t *multi)
{
    ngx_ess_v1_t          *v1;
    ngx_ess_v1_message_t  *message;

    v1 = multi->own;

    if (v1 == NULL) {
        return;
    }

    if (v1->event.posted) {
        ngx_delete_posted_event(&v1->event);
    }

    if (v1->waits) {
        ngx_ess_source_attach_cancel(&v1->attach);
    }

    ngx_ess_v1_authorize_done(v1);

    ngx_free(v1->info);

    while (v1->messages) {
        message = v1->messages;
        v1->messages = message->next;
        ngx_free(message);
    }

    if (v1->grant) {
        ngx_ess_jwt_grant_release(v1->grant);
    }

    ngx_ess_v1_answer_drop(&v1->answer);
    ngx_free(v1->keys);
    ngx_free(v1);

    multi->own = NULL;
}


void
ngx_ess_v1_message(void *data, ngx_str_t *message, ngx_uint_t text)
{
    ngx_ess_client_t *client = data;

    ngx_ess_v1_t          *v1;
    ngx_ess_v1_message_t  *m;

    v1 = client->multi->own;

    if (client->state >= NGX_ESS_CLIENT_CLOSING || v1->close) {
        return;
    }

    m = text ? ngx_alloc(offsetof(ngx_ess_v1_message_t, data) + message->len,
                         client->connection->log)
             : NULL;

    if (m == NULL) {
        v1->close = text ? NGX_ESS_CLIENT_INTERNAL
                         : NGX_ESS_CLIENT_DATA;
        v1->reason = text ? "Internal error" : "Commands are text";

    } else {
        m->next = NULL;
        m->len = message->len;
        ngx_memcpy(m->data, message->data, message->len);

        *v1->last = m;
        v1->last = &m->next;
    }

    client->deaf = 1;

    if (v1->info == NULL) {
        ngx_post_event(&v1->event, &ngx_posted_events);
    }
}


static void
ngx_ess_v1_handler(ngx_event_t *ev)
{
    ngx_int_t          rc;
    ngx_ess_v1_t      *v1;
    ngx_ess_multi_t   *multi;
    ngx_ess_client_t  *client;

    v1 = ev->data;
    multi = v1->multi;
    client = multi->client;

    client->connection->log->action = "carrying out a subscriber's commands";

    if (client->state != NGX_ESS_CLIENT_OPEN) {
        /* of what it was not answered it hears nothing more */
        return;
    }

    for (v1->room = NGX_ESS_V1_SLICE; v1->room > 0; v1->room--) {

        if (multi->said > NGX_ESS_V1_SAID) {
            /* it is to take its answers first */
            ngx_ess_multi_due(multi);
            return;
        }

        rc = ngx_ess_v1_step(v1);

        if (rc == NGX_AGAIN) {
            ngx_ess_multi_due(multi);
            return;
        }

        if (rc == NGX_DONE) {
            ngx_ess_v1_listen(v1);
            ngx_ess_multi_due(multi);
            return;
        }

        if (rc == NGX_BUSY) {
            break;
        }

        if (rc == NGX_ERROR) {
            (void) ngx_ess_client_close(client, NGX_ESS_CLIENT_INTERNAL,
                                        "Internal error");
            return;
        }

        if (rc == NGX_DECLINED) {
            (void) ngx_ess_client_close_answered(client, v1->close,
                                                 v1->reason);
            return;
        }
    }

    ngx_ess_multi_due(multi);
    ngx_post_event(ev, &ngx_posted_next_events);
}


/* All was carried out: it may go on. */

static void
ngx_ess_v1_listen(ngx_ess_v1_t *v1)
{
    ngx_connection_t  *c;

    c = v1->multi->client->connection;

    v1->multi->client->deaf = 0;

    if (c->read->ready && !c->read->delayed) {
        ngx_post_event(c->read, &ngx_posted_next_events);
    }
}


/*
 * A command, or a stream of one.  NGX_OK: one was carried out; NGX_BUSY: and it
 * took so long that others have their turn; NGX_DONE: there is none; NGX_AGAIN:
 * its source is waited for; NGX_DECLINED: the client is to be closed, as
 * v1->close says; NGX_ERROR: no memory.
 */

static ngx_int_t
ngx_ess_v1_step(ngx_ess_v1_t *v1)
{
    ngx_ess_v1_message_t  *message;

    if (v1->begun) {
        return ngx_ess_v1_stream(v1);
    }

    message = v1->messages;

    if (message == NULL) {
        return v1->close ? NGX_DECLINED : NGX_DONE;
    }

    if (!v1->opened) {
        return ngx_ess_v1_open(v1);
    }

    if (ngx_ess_command_next(&v1->cursor, &v1->cmd) == NGX_OK) {
        return ngx_ess_v1_command(v1);
    }

    v1->opened = 0;
    v1->messages = message->next;

    if (v1->messages == NULL) {
        v1->last = &v1->messages;
    }

    ngx_free(message);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_v1_open(ngx_ess_v1_t *v1)
{
    switch (ngx_ess_command_open(&v1->cursor, v1->messages->data,
                                 v1->messages->len))
    {
    case NGX_OK:
        v1->opened = 1;
        return NGX_OK;

    case NGX_DECLINED:
        v1->close = NGX_ESS_CLIENT_DATA;
        v1->reason = "A command is a JSON object, or an array of them";
        return NGX_DECLINED;

    default:
        v1->close = NGX_ESS_CLIENT_TOO_BIG;
        v1->reason = "A message of commands has at most 64 KiB";
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_ess_v1_command(ngx_ess_v1_t *v1)
{
    ngx_int_t           rc;
    ngx_ess_command_t  *cmd;

    cmd = &v1->cmd;

    if (cmd->error.code) {
        return ngx_ess_v1_answer_error(v1->multi, cmd, &cmd->error);
    }

    switch (cmd->type) {

    case NGX_ESS_COMMAND_PING:
        return ngx_ess_v1_answer_pong(v1->multi, cmd);

    case NGX_ESS_COMMAND_TOKEN:
        rc = ngx_ess_v1_token(v1);
        return (rc == NGX_OK) ? NGX_BUSY : rc;

    default: /* SUBSCRIBE, UNSUBSCRIBE */
        v1->begun = 1;
        v1->silent = 0;
        return NGX_OK;
    }
}
