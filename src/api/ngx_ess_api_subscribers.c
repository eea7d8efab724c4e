
/*
 * The subscribers of a stream, on whichever worker: a page of them, or the end
 * of one.  The request waits for the other workers' answers; all memory is
 * its own.
 */


#include "ngx_ess_mailbox.h"
#include "ngx_ess_wait.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_api_subscribers.h"


#define NGX_ESS_API_SUBSCRIBERS_PAGE   100
#define NGX_ESS_API_SUBSCRIBERS_LIMIT  1000


typedef struct {
    ngx_http_request_t      *request;
    ngx_http_cleanup_t      *cleanup;
    ngx_ess_stream_info_t    info;
    ngx_ess_mail_t           mail;
} ngx_ess_api_subscribers_t;


static ngx_int_t ngx_ess_api_subscribers_ask(ngx_http_request_t *r,
    ngx_ess_api_target_t *target, ngx_ess_mail_type_e type, uint64_t limit,
    uint32_t number);
static void ngx_ess_api_subscribers_gone(void *data);
static void ngx_ess_api_subscribers_answered(ngx_ess_mail_t *mail,
    ngx_int_t rc);
static ngx_int_t ngx_ess_api_subscribers_json(ngx_ess_api_subscribers_t *ctx,
    ngx_str_t *json);
static u_char *ngx_ess_api_subscribers_one(u_char *p,
    ngx_ess_stream_info_t *info, ngx_ess_mail_subscriber_t *sub);


/* by ngx_ess_transport_e */

static const char  *ngx_ess_api_subscribers_transports[] = {
    "websocket", "sse"
};


ngx_int_t
ngx_ess_api_subscribers_list(ngx_http_request_t *r,
    ngx_ess_api_target_t *target)
{
    uint64_t  after, limit;

    limit = NGX_ESS_API_SUBSCRIBERS_PAGE;
    after = 0;

    if (ngx_ess_api_page(r, &limit, &after) != NGX_OK
        || limit > NGX_ESS_API_SUBSCRIBERS_LIMIT
        || after > NGX_MAX_UINT32_VALUE)
    {
        return ngx_ess_api_problem(r, 400, "\"limit\" takes a number from 1 "
                                   "to %d, \"after\" the id of a subscriber "
                                   "or 0", NGX_ESS_API_SUBSCRIBERS_LIMIT);
    }

    return ngx_ess_api_subscribers_ask(r, target, NGX_ESS_MAIL_LIST, limit,
                                       (uint32_t) after);
}


ngx_int_t
ngx_ess_api_subscribers_close(ngx_http_request_t *r,
    ngx_ess_api_target_t *target)
{
    return ngx_ess_api_subscribers_ask(r, target, NGX_ESS_MAIL_CLOSE, 0,
                                       target->subscriber);
}


static ngx_int_t
ngx_ess_api_subscribers_ask(ngx_http_request_t *r,
    ngx_ess_api_target_t *target, ngx_ess_mail_type_e type, uint64_t limit,
    uint32_t number)
{
    ngx_int_t                   rc;
    ngx_ess_api_subscribers_t  *ctx;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_ess_api_subscribers_t));
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_api_find(r, target, &ctx->info) != NGX_OK) {
        return ngx_ess_api_problem(r, 404, "there is no stream at \"%V\"",
                                   &r->uri);
    }

    ctx->request = r;
    ctx->mail.type = type;
    ctx->mail.ref = ctx->info.ref;
    ctx->mail.number = number;
    ctx->mail.limit = (ngx_uint_t) limit;
    ctx->mail.pool = r->pool;
    ctx->mail.handler = ngx_ess_api_subscribers_answered;
    ctx->mail.data = ctx;

    ctx->cleanup = ngx_ess_wait(r, ngx_ess_api_subscribers_gone, ctx);
    if (ctx->cleanup == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_mailbox_ask(&ctx->mail) != NGX_OK) {
        ctx->cleanup->handler = NULL;
        return NGX_ERROR;
    }

    r->main->count++;

    return NGX_DONE;
}


static void
ngx_ess_api_subscribers_gone(void *data)
{
    ngx_ess_api_subscribers_t *ctx = data;

    ngx_ess_mailbox_cancel(&ctx->mail);
}


static void
ngx_ess_api_subscribers_answered(ngx_ess_mail_t *mail, ngx_int_t rc)
{
    ngx_ess_api_subscribers_t *ctx = mail->data;

    ngx_str_t            json;
    ngx_http_request_t  *r;

    r = ctx->request;
    ctx->cleanup->handler = NULL;

    switch (rc) {

    case NGX_OK:

        if (mail->type == NGX_ESS_MAIL_CLOSE) {
            rc = ngx_ess_api_send(r, NGX_HTTP_NO_CONTENT, NULL);

        } else if (ngx_ess_api_subscribers_json(ctx, &json) == NGX_OK) {
            rc = ngx_ess_api_send(r, NGX_HTTP_OK, &json);

        } else {
            rc = NGX_ERROR;
        }

        break;

    case NGX_DECLINED:
        rc = ngx_ess_api_problem(r, 404, "there is no subscriber at \"%V\"",
                                 &r->uri);
        break;

    case NGX_BUSY:
        rc = ngx_ess_api_problem(r, 503, "a worker did not answer in time");
        break;

    default: /* NGX_ERROR */
        break;
    }

    ngx_ess_wait_finish(r, rc);
}


static ngx_int_t
ngx_ess_api_subscribers_json(ngx_ess_api_subscribers_t *ctx, ngx_str_t *json)
{
    u_char                     *p;
    size_t                      size;
    ngx_uint_t                  i;
    ngx_ess_mail_t             *mail;
    ngx_ess_mail_subscriber_t  *sub;

    mail = &ctx->mail;
    size = sizeof("{\"subscribers\":[]}");

    for (i = 0; i < mail->nsubs; i++) {
        sub = &mail->subs[i];
        size += sizeof(",{\"id\":,\"address\":\"\",\"transport\":\"websocket\","
                       "\"since\":\"1970-09-28T12:00:00Z\",\"events\":,"
                       "\"bytes\":,\"lag\":}")
                + NGX_INT32_LEN + 3 * NGX_INT64_LEN + sub->address_len
                + ngx_escape_json(NULL, sub->address, sub->address_len);
    }

    p = ngx_pnalloc(ctx->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    json->data = p;

    p = ngx_sprintf(p, "{\"subscribers\":[");

    for (i = 0; i < mail->nsubs; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_ess_api_subscribers_one(p, &ctx->info, &mail->subs[i]);
    }

    *p++ = ']';
    *p++ = '}';

    json->len = p - json->data;

    return NGX_OK;
}


static u_char *
ngx_ess_api_subscribers_one(u_char *p, ngx_ess_stream_info_t *info,
    ngx_ess_mail_subscriber_t *sub)
{
    ngx_tm_t  tm;

    ngx_gmtime(sub->since, &tm);

    p = ngx_sprintf(p, "{\"id\":%uD,\"address\":\"", sub->number);
    p = (u_char *) ngx_escape_json(p, sub->address, sub->address_len);

    p = ngx_sprintf(p, "\",\"transport\":\"%s\","
                    "\"since\":\"%4d-%02d-%02dT%02d:%02d:%02dZ\","
                    "\"events\":%uL,\"bytes\":%uL,\"lag\":",
                    ngx_ess_api_subscribers_transports[sub->transport],
                    tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                    tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                    sub->events, sub->bytes);

    /* what came meanwhile is not behind */

    if (sub->next > info->last_ordinal) {
        return ngx_sprintf(p, "0}");
    }

    if (sub->next && !info->unknown) {
        return ngx_sprintf(p, "%uL}", info->last_ordinal + 1 - sub->next);
    }

    return ngx_sprintf(p, sub->behind ? "null}" : "0}");
}
