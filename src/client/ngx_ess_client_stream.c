
/*
 * Which stream a request names, and whether its token lists it.  Owns nothing.
 * Runs in workers.
 */


#include "ngx_ess_client_stream.h"
#include "ngx_ess_client.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_problem.h"


static ngx_int_t ngx_ess_client_stream_uuid(ngx_http_request_t *r,
    u_char *uuid);
static ngx_int_t ngx_ess_client_stream_allowed(ngx_http_request_t *r,
    u_char *uuid, ngx_str_t *name, ngx_str_t *key);


ngx_int_t
ngx_ess_client_stream(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_stream_info_t *info)
{
    u_char     uuid[NGX_ESS_UUID_LEN];
    ngx_int_t  rc, found;
    ngx_str_t  name;

    rc = ngx_ess_client_stream_uuid(r, uuid);

    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
    }

    found = ngx_ess_stream_by_uuid(ngx_ess_client_zone, uuid, info);

    name.data = info->name;
    name.len = (found == NGX_OK) ? info->name_len : 0;

    /* who may not have it does not learn whether there is one */

    rc = ngx_ess_client_stream_allowed(r, uuid, name.len ? &name : NULL, key);

    return (rc == NGX_OK) ? found : rc;
}


static ngx_int_t
ngx_ess_client_stream_allowed(ngx_http_request_t *r, u_char *uuid,
    ngx_str_t *name, ngx_str_t *key)
{
    u_char     buf[NGX_ESS_UUID_TEXT];
    ngx_int_t  rc;
    ngx_str_t  text;

    (void) ngx_ess_stream_uuid_text(buf, uuid);
    text.data = buf;
    text.len = NGX_ESS_UUID_TEXT;

    rc = ngx_ess_jwt_allows(r, &text, name, key);

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


/* NGX_OK; NGX_DECLINED: that is no uuid; NGX_ERROR. */

static ngx_int_t
ngx_ess_client_stream_uuid(ngx_http_request_t *r, u_char *uuid)
{
    u_char              *p, *last;
    ngx_str_t            text;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    if (lcf->subscribe_uuid) {

        if (ngx_http_complex_value(r, lcf->subscribe_uuid, &text) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_ess_stream_uuid_parse(uuid, &text);
    }

    last = r->uri.data + r->uri.len;

    if (r->uri.len && last[-1] == '/') {
        last--;
    }

    p = last;

    while (p > r->uri.data && p[-1] != '/') {
        p--;
    }

    text.data = p;
    text.len = last - p;

    return ngx_ess_stream_uuid_parse(uuid, &text);
}
