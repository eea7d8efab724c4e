
/*
 * Streams that a client of "ess.v1" subscribes to, or leaves, many together,
 * and answered in their order.  Where a log has to follow its source first, the
 * client waits.  Runs in the worker that has the connection.
 */


#include "ngx_ess_v1_stream.h"
#include "ngx_ess_client_stream.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_gap.h"
#include "ngx_ess_multi_admit.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_join.h"
#include "ngx_ess_str.h"
#include "ngx_ess_v1_authorize.h"


/* keys that take as long as a stream */
#define NGX_ESS_V1_STREAM_KEYS  4


/* those of one command that are joined, or left, together */

typedef struct {
    ngx_uint_t                   n;
    ngx_uint_t                   more;      /* subscriptions, at most */
    ngx_str_t                    given[NGX_ESS_INTEREST_MANY];
    ngx_ess_multi_entry_t        entries[NGX_ESS_INTEREST_MANY];
    ngx_ess_multi_left_t         left;
} ngx_ess_v1_stream_t;


static ngx_int_t ngx_ess_v1_stream_next(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some);
static ngx_int_t ngx_ess_v1_stream_known(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some, ngx_ess_stream_info_t *info);
static void ngx_ess_v1_stream_unsubscribe(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some, ngx_ess_stream_info_t *info);
static ngx_int_t ngx_ess_v1_stream_admit(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some, ngx_ess_stream_info_t *info);
static ngx_uint_t ngx_ess_v1_stream_other(ngx_ess_v1_t *v1,
    ngx_ess_stream_info_t *info, ngx_int_t rc,
    ngx_ess_command_error_t *error);
static ngx_int_t ngx_ess_v1_stream_room(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some, ngx_ess_stream_info_t *info);
static ngx_int_t ngx_ess_v1_stream_many(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some);
static ngx_int_t ngx_ess_v1_stream_keys(ngx_ess_v1_t *v1);
static ngx_int_t ngx_ess_v1_stream_subscribe(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some, ngx_ess_stream_info_t *info);
static void ngx_ess_v1_stream_join(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some);
static void ngx_ess_v1_stream_joined(ngx_ess_v1_t *v1, ngx_str_t *given,
    ngx_ess_multi_entry_t *e);
static ngx_int_t ngx_ess_v1_stream_attach(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some, ngx_ess_stream_info_t *info);
static void ngx_ess_v1_stream_attached(ngx_ess_source_attach_t *attach,
    ngx_int_t rc, ngx_str_t *text);
static void ngx_ess_v1_stream_refuse(ngx_ess_v1_t *v1,
    ngx_ess_v1_stream_t *some, ngx_ess_command_error_t *error);


/* The next ones of the command, and its end. */

ngx_int_t
ngx_ess_v1_stream(ngx_ess_v1_t *v1)
{
    ngx_int_t            rc;
    ngx_ess_v1_stream_t  some;

    some.n = 0;
    some.more = 0;
    some.left.n = 0;

    do {
        rc = ngx_ess_v1_stream_next(v1, &some);
        v1->room--;
    } while (rc == NGX_OK && v1->begun && v1->room > 0);

    ngx_ess_v1_stream_join(v1, &some);
    ngx_ess_multi_left(&some.left);

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


/* NGX_DONE: that was its end. */

static ngx_int_t
ngx_ess_v1_stream_next(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some)
{
    ngx_int_t              rc;
    ngx_ess_stream_info_t  info;

    if (v1->info == NULL && v1->multi->client->conf->authorize) {

        rc = ngx_ess_v1_authorize_ask(v1);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (v1->info) {
        /* its source has answered */

        info = *v1->info;
        rc = v1->attached;

        ngx_free(v1->info);
        v1->info = NULL;

        /* of this command there may have been no more than it yet */

        if (rc == NGX_OK && ngx_ess_v1_stream_room(v1, some, &info) != NGX_OK) {
            rc = ngx_ess_v1_stream_many(v1, some);
        }

    } else if (ngx_ess_command_stream(&v1->cmd, &v1->stream) == NGX_OK) {
        rc = ngx_ess_v1_stream_known(v1, some, &info);

    } else {
        v1->begun = 0;

        /* who is idle keeps none */

        ngx_free(v1->keys);
        v1->keys = NULL;

        ngx_ess_v1_stream_join(v1, some);

        rc = ngx_ess_v1_answer_list(&v1->answer, v1->multi, v1->cmd.type,
                                    v1->cmd.id);

        ngx_ess_multi_announced(v1->multi);

        return (rc == NGX_OK) ? NGX_DONE : NGX_ERROR;
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_v1_stream_subscribe(v1, some, &info);
    }

    return (rc == NGX_DECLINED) ? NGX_OK : rc;
}


/*
 * Looks the stream up.  NGX_DECLINED: it was answered already: it cannot be
 * had, or it was to be left.
 */

static ngx_int_t
ngx_ess_v1_stream_known(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some,
    ngx_ess_stream_info_t *info)
{
    ngx_ess_command_stream_t  *stream;

    stream = &v1->stream;

    if (v1->multi->client->conf->authorize) {
        ngx_ess_v1_authorize_next(v1);
    }

    if (stream->error.code) {
        ngx_ess_v1_stream_refuse(v1, some, &stream->error);
        return NGX_DECLINED;
    }

    if (ngx_ess_v1_stream_keys(v1) != NGX_OK) {
        return NGX_ERROR;
    }

    v1->room -= stream->nkeys / NGX_ESS_V1_STREAM_KEYS;

    if (v1->cmd.type == NGX_ESS_COMMAND_UNSUBSCRIBE) {
        ngx_ess_v1_stream_unsubscribe(v1, some, info);
        return NGX_DECLINED;
    }

    return ngx_ess_v1_stream_admit(v1, some, info);
}


static void
ngx_ess_v1_stream_unsubscribe(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some,
    ngx_ess_stream_info_t *info)
{
    ngx_ess_client_named_t     named;
    ngx_ess_command_stream_t  *stream;

    stream = &v1->stream;

    if (ngx_ess_client_stream_find(&stream->stream, &named, info) == NGX_OK) {
        ngx_ess_multi_unsubscribe(v1->multi, info->ref.id, v1->keys,
                                  stream->nkeys, &some->left);
    }

    if (v1->cmd.id != NGX_ESS_COMMAND_NO_ID) {
        ngx_ess_v1_answer_left(&v1->answer, &stream->given);
    }
}


static ngx_int_t
ngx_ess_v1_stream_admit(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some,
    ngx_ess_stream_info_t *info)
{
    ngx_int_t                  rc;
    ngx_ess_command_error_t    error;
    ngx_ess_command_stream_t  *stream;
    ngx_ess_loc_conf_t        *conf;

    stream = &v1->stream;
    conf = v1->multi->client->conf;

    /* of so many each would be looked at */

    if (stream->nkeys > conf->max_subscriptions) {
        return ngx_ess_v1_stream_many(v1, some);
    }

    rc = ngx_ess_multi_admit(conf, v1->grant, &stream->stream, v1->keys,
                             stream->nkeys, info, &error);

    if (v1->only && ngx_ess_v1_stream_other(v1, info, rc, &error)) {
        rc = NGX_DECLINED;
        error.code = NGX_HTTP_FORBIDDEN;
        ngx_str_set(&error.message, "this address is for one stream, or one "
                    "key of it");
    }

    if (rc == NGX_OK && conf->authorize) {
        rc = ngx_ess_v1_authorize_admit(v1, info, &error);
    }

    if (rc != NGX_OK) {
        ngx_ess_v1_stream_refuse(v1, some, &error);
        return NGX_DECLINED;
    }

    if (ngx_ess_v1_stream_room(v1, some, info) != NGX_OK) {
        return ngx_ess_v1_stream_many(v1, some);
    }

    return NGX_OK;
}


/* 1: it is not the one, or not the key, that the address is for.  Whether there
   is another one, and what it has, is none of its client's business. */

static ngx_uint_t
ngx_ess_v1_stream_other(ngx_ess_v1_t *v1, ngx_ess_stream_info_t *info,
    ngx_int_t rc, ngx_ess_command_error_t *error)
{
    if (rc != NGX_OK && error->code != NGX_HTTP_CONFLICT) {
        return error->code != NGX_HTTP_FORBIDDEN;
    }

    return info->ref.id != v1->only
           || (v1->key.len
               && (v1->stream.nkeys != 1
                   || !ngx_ess_str_equal(&v1->keys[0], &v1->key)));
}


/* Of those that wait to be joined some may be there already. */

static ngx_int_t
ngx_ess_v1_stream_room(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some,
    ngx_ess_stream_info_t *info)
{
    ngx_uint_t                  more, max;
    ngx_ess_subscriber_entry_t  entry;

    entry.ref = info->ref;
    entry.keys = v1->keys;
    entry.nkeys = v1->stream.nkeys;

    max = v1->multi->client->conf->max_subscriptions;

    for ( ;; ) {
        more = ngx_ess_multi_join_more(v1->multi, &entry);

        if (v1->multi->subscriptions + some->more + more <= max) {
            some->more += more;
            return NGX_OK;
        }

        if (some->n == 0) {
            return NGX_DECLINED;
        }

        ngx_ess_v1_stream_join(v1, some);
    }
}


static ngx_int_t
ngx_ess_v1_stream_many(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some)
{
    ngx_ess_command_error_t  error;

    error.code = NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    ngx_str_set(&error.message, "a client has no more subscriptions than "
                "\"ess_max_subscriptions\" allows");

    ngx_ess_v1_stream_refuse(v1, some, &error);

    return NGX_DECLINED;
}


/* Its keys, and behind them their bytes. */

static ngx_int_t
ngx_ess_v1_stream_keys(ngx_ess_v1_t *v1)
{
    ngx_free(v1->keys);
    v1->keys = NULL;

    if (v1->stream.nkeys == 0) {
        return NGX_OK;
    }

    v1->keys = ngx_ess_command_keys(&v1->stream, v1->messages->len,
                                    v1->event.log);

    return v1->keys ? NGX_OK : NGX_ERROR;
}


/* NGX_OK: it is among those that are to be joined, or was answered; NGX_AGAIN:
   its log is to follow its source first. */

static ngx_int_t
ngx_ess_v1_stream_subscribe(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some,
    ngx_ess_stream_info_t *info)
{
    ngx_ess_multi_entry_t  *e;

    if (info->kind.follows
        && ngx_ess_follow_state(ngx_ess_client_zone, &info->ref)
           != NGX_ESS_FOLLOW_LIVE)
    {
        return ngx_ess_v1_stream_attach(v1, some, info);
    }

    some->given[some->n] = v1->stream.given;

    e = &some->entries[some->n++];

    ngx_memzero(e, sizeof(ngx_ess_multi_entry_t));

    ngx_ess_multi_admit_entry(v1->multi->client->conf, info, &e->entry);

    e->entry.pos = v1->stream.pos;
    e->entry.keys = v1->keys;
    e->entry.nkeys = v1->stream.nkeys;

    v1->keys = NULL;

    if (some->n == NGX_ESS_INTEREST_MANY) {
        ngx_ess_v1_stream_join(v1, some);
    }

    return NGX_OK;
}


static void
ngx_ess_v1_stream_join(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some)
{
    ngx_uint_t  i;
    ngx_str_t  *keys[NGX_ESS_INTEREST_MANY];

    for (i = 0; i < some->n; i++) {
        keys[i] = some->entries[i].entry.keys;
    }

    ngx_ess_multi_join(v1->multi, some->entries, some->n);

    for (i = 0; i < some->n; i++) {
        ngx_ess_v1_stream_joined(v1, &some->given[i], &some->entries[i]);
        ngx_free(keys[i]);
    }

    some->n = 0;
    some->more = 0;
}


static void
ngx_ess_v1_stream_joined(ngx_ess_v1_t *v1, ngx_str_t *given,
    ngx_ess_multi_entry_t *e)
{
    ngx_int_t                rc;
    ngx_ess_command_error_t  error;

    rc = e->entry.rc;

    if (rc == NGX_OK) {

        if (e->at.ordinal == NGX_ESS_GAP_ANY) {
            /* a replay by time that has not begun */
            e->at.ordinal = 0;
        }

        if (v1->cmd.id != NGX_ESS_COMMAND_NO_ID) {
            ngx_ess_v1_answer_entry(&v1->answer, given, e->number, &e->at);
        }

        return;
    }

    if (rc == NGX_DECLINED) {
        error.code = NGX_HTTP_NOT_FOUND;
        ngx_str_set(&error.message, "there is no such stream");

    } else if (rc == NGX_BUSY && v1->multi->client->conf->limit.max) {
        error.code = NGX_HTTP_TOO_MANY_REQUESTS;
        ngx_str_set(&error.message, "the stream has as many clients as "
                    "\"ess_max_subscribers\" allows");

    } else {
        error.code = NGX_HTTP_SERVICE_UNAVAILABLE;
        ngx_str_set(&error.message, "the server has no room for it now");
    }

    ngx_ess_v1_answer_refused(&v1->answer, given, &error);
}


static ngx_int_t
ngx_ess_v1_stream_attach(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some,
    ngx_ess_stream_info_t *info)
{
    ngx_ess_command_error_t  error;

    if (v1->silent) {
        error.code = NGX_HTTP_SERVICE_UNAVAILABLE;
        ngx_str_set(&error.message, "the stream's source is silent");

        ngx_ess_v1_stream_refuse(v1, some, &error);

        return NGX_OK;
    }

    v1->info = ngx_alloc(sizeof(ngx_ess_stream_info_t), v1->event.log);
    if (v1->info == NULL) {
        return NGX_ERROR;
    }

    *v1->info = *info;
    v1->waits = 1;

    ngx_memzero(&v1->attach, sizeof(ngx_ess_source_attach_t));

    v1->attach.handler = ngx_ess_v1_stream_attached;
    v1->attach.data = v1;
    v1->attach.source = info->kind.source;
    v1->attach.ref = info->ref;
    v1->attach.log = ngx_cycle->log;
    v1->attach.key.len = info->key_len;
    v1->attach.key.data = v1->info->key;

    ngx_ess_source_attach(ngx_ess_client_zone, &v1->attach);

    return NGX_AGAIN;
}


static void
ngx_ess_v1_stream_attached(ngx_ess_source_attach_t *attach, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_v1_t             *v1;
    ngx_ess_command_error_t   error;

    v1 = attach->data;

    v1->waits = 0;
    v1->attached = rc;
    v1->info->ref = attach->ref;

    if (rc != NGX_OK) {

        v1->silent = (rc == NGX_BUSY);
        v1->attached = NGX_DECLINED;

        error.code = (rc == NGX_BUSY) ? NGX_HTTP_SERVICE_UNAVAILABLE
                                      : NGX_HTTP_NOT_FOUND;
        error.message = *text;

        ngx_ess_v1_answer_refused(&v1->answer, &v1->stream.given, &error);
    }

    ngx_post_event(&v1->event, &ngx_posted_events);
}


/* Behind those before it. */

static void
ngx_ess_v1_stream_refuse(ngx_ess_v1_t *v1, ngx_ess_v1_stream_t *some,
    ngx_ess_command_error_t *error)
{
    ngx_ess_v1_stream_join(v1, some);

    ngx_ess_v1_answer_refused(&v1->answer, &v1->stream.given, error);
}
