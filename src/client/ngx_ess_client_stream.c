
/*
 * Which stream a request names, and whether its token lists it.  Owns nothing.
 * Runs in workers.
 */


#include "ngx_ess_client_stream.h"
#include "ngx_ess_client.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_name.h"
#include "ngx_ess_problem.h"


static ngx_int_t ngx_ess_client_stream_text(ngx_http_request_t *r,
    ngx_str_t *text, ngx_uint_t *named);
static ngx_int_t ngx_ess_client_stream_find(ngx_str_t *text, ngx_uint_t named,
    u_char *buf, ngx_str_t *name, ngx_ess_stream_info_t *info);
static ngx_int_t ngx_ess_client_stream_allowed(ngx_http_request_t *r,
    ngx_str_t *uuid, ngx_str_t *name, ngx_str_t *key);
static void ngx_ess_client_stream_segment(ngx_http_request_t *r,
    ngx_str_t *text);


ngx_int_t
ngx_ess_client_stream(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_stream_info_t *info)
{
    u_char      buf[NGX_ESS_UUID_TEXT];
    ngx_int_t   rc, found;
    ngx_str_t   text, uuid, name;
    ngx_uint_t  named;

    rc = ngx_ess_client_stream_text(r, &text, &named);

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    uuid.data = buf;
    uuid.len = 0;
    ngx_str_null(&name);

    found = ngx_ess_client_stream_find(&text, named, buf, &name, info);

    if (found == NGX_ABORT) {
        return NGX_DECLINED;
    }

    if (!named || found == NGX_OK) {
        uuid.len = NGX_ESS_UUID_TEXT;
    }

    /* who may not have it does not learn whether there is one */

    rc = ngx_ess_client_stream_allowed(r, uuid.len ? &uuid : NULL,
                                       name.len ? &name : NULL, key);

    return (rc == NGX_OK) ? found : rc;
}


/* NGX_ABORT: that is neither a uuid nor a name.  "buf" becomes the text of the
   uuid, as far as it is known. */

static ngx_int_t
ngx_ess_client_stream_find(ngx_str_t *text, ngx_uint_t named, u_char *buf,
    ngx_str_t *name, ngx_ess_stream_info_t *info)
{
    u_char     uuid[NGX_ESS_UUID_LEN];
    ngx_int_t  found;

    if (named) {

        if (ngx_ess_name_wrong(text)) {
            return NGX_ABORT;
        }

        *name = *text;

        found = ngx_ess_stream_by_name(ngx_ess_client_zone, text, info);

        if (found == NGX_OK) {
            (void) ngx_ess_stream_uuid_text(buf, info->uuid);
        }

        return found;
    }

    if (ngx_ess_stream_uuid_parse(uuid, text) != NGX_OK) {
        return NGX_ABORT;
    }

    (void) ngx_ess_stream_uuid_text(buf, uuid);

    found = ngx_ess_stream_by_uuid(ngx_ess_client_zone, uuid, info);

    if (found == NGX_OK) {
        name->data = info->name;
        name->len = info->name_len;
    }

    return found;
}


static ngx_int_t
ngx_ess_client_stream_allowed(ngx_http_request_t *r, ngx_str_t *uuid,
    ngx_str_t *name, ngx_str_t *key)
{
    ngx_int_t  rc;

    rc = ngx_ess_jwt_allows(r, uuid, name, key);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
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
        return ngx_http_complex_value(r, lcf->subscribe_name, text);
    }

    ngx_ess_client_stream_segment(r, text);

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
