
/*
 * Which stream a request or a command names, and whether a token lists it.
 * Owns nothing.  Runs in workers.
 */


#include "ngx_ess_client_stream.h"
#include "ngx_ess_client.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_name.h"
#include "ngx_ess_percent.h"
#include "ngx_ess_problem.h"


static ngx_int_t ngx_ess_client_stream_text(ngx_http_request_t *r,
    ngx_str_t *text, ngx_uint_t *named);
static ngx_int_t ngx_ess_client_stream_allowed(ngx_http_request_t *r,
    ngx_str_t *key, ngx_ess_client_named_t *named);
static ngx_int_t ngx_ess_client_stream_name(ngx_http_request_t *r,
    ngx_str_t *name);
static void ngx_ess_client_stream_segment(ngx_http_request_t *r,
    ngx_str_t *text);


ngx_int_t
ngx_ess_client_stream(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_client_named_t *named, ngx_ess_stream_info_t *info)
{
    ngx_int_t   rc, found;
    ngx_str_t   text;
    ngx_uint_t  by_name;

    if (ngx_ess_client_stream_text(r, &text, &by_name) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    found = ngx_ess_client_stream_find(&text, named, info);

    if (found == NGX_ABORT || named->named != by_name) {
        /* nor is it waited for, or made */
        named->named = 0;
        return NGX_DECLINED;
    }

    /* who may not have it does not learn whether there is one */

    rc = ngx_ess_client_stream_allowed(r, key, named);

    return (rc == NGX_OK) ? found : rc;
}


ngx_int_t
ngx_ess_client_stream_find(ngx_str_t *text, ngx_ess_client_named_t *named,
    ngx_ess_stream_info_t *info)
{
    u_char     uuid[NGX_ESS_UUID_LEN];
    ngx_int_t  rc;

    ngx_memzero(named, sizeof(ngx_ess_client_named_t));

    named->named = (ngx_ess_stream_uuid_parse(uuid, text) != NGX_OK);

    if (named->named) {
        named->name = *text;

        if (ngx_ess_name_wrong(text)) {
            return NGX_ABORT;
        }

        rc = ngx_ess_stream_by_name(ngx_ess_client_zone, text, info);

    } else {
        (void) ngx_ess_stream_uuid_text(named->text, uuid);
        named->uuid.data = named->text;
        named->uuid.len = NGX_ESS_UUID_TEXT;

        rc = ngx_ess_stream_by_uuid(ngx_ess_client_zone, uuid, info);
    }

    if (rc == NGX_OK) {
        ngx_ess_client_stream_known(info, named);

        if (named->named) {
            /* which stays when "info" does not */
            named->name = *text;
        }
    }

    return rc;
}


void
ngx_ess_client_stream_known(ngx_ess_stream_info_t *info,
    ngx_ess_client_named_t *named)
{
    (void) ngx_ess_stream_uuid_text(named->text, info->uuid);
    named->uuid.data = named->text;
    named->uuid.len = NGX_ESS_UUID_TEXT;

    named->name.data = info->name;
    named->name.len = info->name_len;
}


ngx_uint_t
ngx_ess_client_stream_listed(ngx_ess_jwt_grant_t *grant,
    ngx_ess_client_named_t *named, ngx_str_t *keys, ngx_uint_t nkeys)
{
    ngx_uint_t  i;

    i = 0;

    do {
        if (!ngx_ess_jwt_grant_allows(grant, &named->uuid, &named->name,
                                      nkeys ? &keys[i] : NULL))
        {
            return 0;
        }

    } while (++i < nkeys);

    return 1;
}


static ngx_int_t
ngx_ess_client_stream_allowed(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_client_named_t *named)
{
    ngx_uint_t            listed;
    ngx_ess_jwt_grant_t  *grant;

    if (ngx_ess_jwt_grant(r, &grant) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    listed = ngx_ess_client_stream_listed(grant, named, key, key ? 1 : 0);

    ngx_ess_jwt_grant_release(grant);

    if (listed) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "the token is not for this stream");

    ngx_ess_client_count(NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_CLAIM, 1);

    return ngx_ess_problem_refuse(r, NGX_HTTP_FORBIDDEN,
                                  "the token is not for this stream: its "
                                  "claim does not list it");
}


/* What the location says names it: a uuid, or with *named a name, which counts
   where there is no uuid. */

static ngx_int_t
ngx_ess_client_stream_text(ngx_http_request_t *r, ngx_str_t *text,
    ngx_uint_t *named)
{
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    *named = 0;

    if (lcf->subscribe_uuid) {

        if (ngx_http_complex_value(r, lcf->subscribe_uuid, text) != NGX_OK) {
            return NGX_ERROR;
        }

        if (text->len || lcf->subscribe_name == NULL) {
            return NGX_OK;
        }
    }

    if (lcf->subscribe_name) {
        *named = 1;
        return ngx_ess_client_stream_name(r, text);
    }

    ngx_ess_client_stream_segment(r, text);

    return NGX_OK;
}


/* Of the query string it is as it was sent. */

static ngx_int_t
ngx_ess_client_stream_name(ngx_http_request_t *r, ngx_str_t *name)
{
    u_char              *p;
    ngx_str_t            sent;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    if (ngx_http_complex_value(r, lcf->subscribe_name, &sent) != NGX_OK) {
        return NGX_ERROR;
    }

    *name = sent;

    if (!lcf->subscribe_name_query || sent.len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, sent.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* no name has a percent sign */

    (void) ngx_ess_percent_decode(name, p, sent.len, &sent, 0);

    return NGX_OK;
}


/* The last one of the path. */

static void
ngx_ess_client_stream_segment(ngx_http_request_t *r, ngx_str_t *text)
{
    u_char  *p, *last;

    last = r->uri.data + r->uri.len;

    if (r->uri.len && last[-1] == '/') {
        last--;
    }

    p = last;

    while (p > r->uri.data && p[-1] != '/') {
        p--;
    }

    text->data = p;
    text->len = last - p;
}
