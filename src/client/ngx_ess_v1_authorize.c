
/*
 * Questions about what clients of "ess.v1" subscribe to.  A message is read
 * ahead, up to a new token, whose claims are other ones, or as far as a
 * question goes; the answers are taken in the same order.  Runs in the worker
 * that has the connection.
 */


#include "ngx_ess_v1_authorize.h"
#include "ngx_ess_multi_admit.h"


/* bytes of a sentence that names a key */
#define NGX_ESS_V1_AUTHORIZE_TEXT  (NGX_ESS_COMMAND_KEY + 80)


static ngx_int_t ngx_ess_v1_authorize_ahead(ngx_ess_v1_t *v1,
    ngx_ess_v1_authorize_t *own);
static ngx_int_t ngx_ess_v1_authorize_command(ngx_ess_v1_t *v1,
    ngx_ess_v1_authorize_t *own, ngx_ess_command_t *cmd);
static ngx_int_t ngx_ess_v1_authorize_stream(ngx_ess_v1_t *v1,
    ngx_ess_v1_authorize_t *own, ngx_ess_command_stream_t *stream);
static void ngx_ess_v1_authorize_answered(void *data);
static void ngx_ess_v1_authorize_refused(ngx_ess_command_error_t *error,
    ngx_str_t *key);
static void ngx_ess_v1_authorize_drop(ngx_ess_v1_authorize_t *own);


ngx_int_t
ngx_ess_v1_authorize_init(ngx_ess_v1_t *v1, ngx_http_request_t *r)
{
    ngx_ess_v1_authorize_t    *own;
    ngx_http_core_srv_conf_t  *cscf;

    own = ngx_ess_v1_authorize_own(v1);
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    own->ctx = cscf->ctx;

    if (r->args.len == 0) {
        return NGX_OK;
    }

    own->query.data = ngx_alloc(r->args.len, v1->event.log);
    if (own->query.data == NULL) {
        return NGX_ERROR;
    }

    own->query.len = r->args.len;
    ngx_memcpy(own->query.data, r->args.data, r->args.len);

    return NGX_OK;
}


ngx_int_t
ngx_ess_v1_authorize_ask(ngx_ess_v1_t *v1)
{
    ngx_int_t                rc;
    ngx_ess_v1_authorize_t  *own;

    own = ngx_ess_v1_authorize_own(v1);

    if (own->waits) {
        return NGX_AGAIN;
    }

    if (v1->cmd.type != NGX_ESS_COMMAND_SUBSCRIBE || own->at < own->n) {
        return NGX_OK;
    }

    ngx_ess_v1_authorize_drop(own);

    if (ngx_ess_v1_authorize_ahead(v1, own) != NGX_OK) {
        return NGX_ERROR;
    }

    if (own->question == NULL) {
        return NGX_OK;
    }

    own->n = ngx_ess_authorize_n(own->question);

    rc = ngx_ess_authorize_ask(own->question, own->ctx,
                               v1->multi->client->connection, &own->query,
                               ngx_ess_v1_authorize_answered, v1);

    own->waits = (rc == NGX_AGAIN);

    return rc;
}


/* What is left of the command, and those behind it. */

static ngx_int_t
ngx_ess_v1_authorize_ahead(ngx_ess_v1_t *v1, ngx_ess_v1_authorize_t *own)
{
    ngx_int_t                  rc;
    ngx_ess_command_t          cmd;
    ngx_ess_command_cursor_t   cursor;

    cmd = v1->cmd;
    cursor = v1->cursor;

    do {
        rc = ngx_ess_v1_authorize_command(v1, own, &cmd);

        /* there is time for those behind it when their turn comes */

        if (rc != NGX_OK || own->question == NULL
            || ngx_ess_authorize_full(own->question))
        {
            return rc;
        }

    } while (ngx_ess_command_next(&cursor, &cmd) == NGX_OK
             && cmd.type != NGX_ESS_COMMAND_TOKEN);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_v1_authorize_command(ngx_ess_v1_t *v1, ngx_ess_v1_authorize_t *own,
    ngx_ess_command_t *cmd)
{
    ngx_ess_loc_conf_t        *conf;
    ngx_ess_command_stream_t   stream;

    if (cmd->error.code || cmd->type != NGX_ESS_COMMAND_SUBSCRIBE) {
        return NGX_OK;
    }

    conf = v1->multi->client->conf;

    while ((own->question == NULL || !ngx_ess_authorize_full(own->question))
           && ngx_ess_command_stream(cmd, &stream) == NGX_OK)
    {
        if (own->question == NULL) {
            own->question = ngx_ess_authorize_create(conf->authorize,
                                                     v1->grant);
        }

        if (own->question == NULL
            || ngx_ess_v1_authorize_stream(v1, own, &stream) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* What it cannot have anyway nobody is asked about. */

static ngx_int_t
ngx_ess_v1_authorize_stream(ngx_ess_v1_t *v1, ngx_ess_v1_authorize_t *own,
    ngx_ess_command_stream_t *stream)
{
    ngx_int_t                 rc;
    ngx_str_t                *keys;
    ngx_ess_loc_conf_t       *conf;
    ngx_ess_stream_info_t     info;
    ngx_ess_command_error_t   error;

    conf = v1->multi->client->conf;

    if (stream->error.code || stream->nkeys > conf->max_subscriptions) {
        return ngx_ess_authorize_skip(own->question);
    }

    keys = NULL;

    if (stream->nkeys) {
        keys = ngx_ess_command_keys(stream, v1->messages->len, v1->event.log);
        if (keys == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_ess_multi_admit(conf, v1->grant, &stream->stream, keys,
                            stream->nkeys, &info, &error)
        != NGX_OK
        || (v1->only && info.ref.id != v1->only))
    {
        rc = ngx_ess_authorize_skip(own->question);

    } else {
        rc = ngx_ess_authorize_add(own->question, &info, keys, stream->nkeys);
    }

    ngx_free(keys);

    return rc;
}


static void
ngx_ess_v1_authorize_answered(void *data)
{
    ngx_ess_v1_t *v1 = data;

    ngx_ess_v1_authorize_own(v1)->waits = 0;

    ngx_post_event(&v1->event, &ngx_posted_events);
}


void
ngx_ess_v1_authorize_next(ngx_ess_v1_t *v1)
{
    if (v1->cmd.type == NGX_ESS_COMMAND_SUBSCRIBE) {
        ngx_ess_v1_authorize_own(v1)->at++;
    }
}


/* A name may be another stream's by now. */

ngx_int_t
ngx_ess_v1_authorize_admit(ngx_ess_v1_t *v1, ngx_ess_stream_info_t *info,
    ngx_ess_command_error_t *error)
{
    ngx_str_t                key;
    ngx_ess_authorize_e      verdict;
    ngx_ess_v1_authorize_t  *own;

    own = ngx_ess_v1_authorize_own(v1);

    verdict = ngx_ess_authorize_verdict(own->question, own->at - 1, &key);

    if (verdict != NGX_ESS_AUTHORIZE_UNKNOWN
        && !ngx_ess_authorize_is(own->question, own->at - 1, info->uuid))
    {
        verdict = NGX_ESS_AUTHORIZE_UNKNOWN;
    }

    if (verdict == NGX_ESS_AUTHORIZE_ALLOWED) {
        return NGX_OK;
    }

    if (verdict == NGX_ESS_AUTHORIZE_REFUSED) {
        error->code = NGX_HTTP_FORBIDDEN;
        ngx_ess_v1_authorize_refused(error, &key);

    } else {
        error->code = NGX_HTTP_SERVICE_UNAVAILABLE;
        ngx_str_set(&error->message, "the application has not said whether "
                    "this client may have it");
    }

    return NGX_DECLINED;
}


static void
ngx_ess_v1_authorize_refused(ngx_ess_command_error_t *error, ngx_str_t *key)
{
    static u_char  text[NGX_ESS_V1_AUTHORIZE_TEXT];

    if (key->len == 0) {
        ngx_str_set(&error->message, "the application does not let this client "
                    "have it");
        return;
    }

    error->message.data = text;
    error->message.len = ngx_sprintf(text, "the application does not let this "
                                     "client have its key \"%V\"", key)
                         - text;
}


void
ngx_ess_v1_authorize_done(ngx_ess_v1_t *v1)
{
    ngx_ess_v1_authorize_t  *own;

    own = ngx_ess_v1_authorize_own(v1);

    if (own) {
        ngx_ess_v1_authorize_drop(own);
        ngx_free(own->query.data);
    }
}


static void
ngx_ess_v1_authorize_drop(ngx_ess_v1_authorize_t *own)
{
    if (own->question) {
        ngx_ess_authorize_free(own->question);
        own->question = NULL;
    }

    own->n = 0;
    own->at = 0;
}
