
/*
 * The key of a client's location, which it cannot choose beyond what the
 * operator's variable says.  Runs in workers.
 */


#include "ngx_ess_client_key.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_percent.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_utf8.h"


static ngx_int_t ngx_ess_client_key_decode(ngx_http_request_t *r,
    ngx_str_t *key);


ngx_int_t
ngx_ess_client_key(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_int_t            rc;
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    ngx_str_null(key);

    if (lcf->subscribe_key == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, lcf->subscribe_key, key) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (lcf->subscribe_key_query) {
        rc = ngx_ess_client_key_decode(r, key);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (key->len == 0 && !lcf->subscribe_any_key) {
        return ngx_ess_problem_refuse(r, NGX_HTTP_FORBIDDEN,
                                      "this address has the events of one key "
                                      "only, and the request says none");
    }

    if (key->len > NGX_ESS_MAX_KEY
        || !ngx_ess_utf8_valid(key->data, key->len))
    {
        return ngx_ess_problem_refuse(r, NGX_HTTP_FORBIDDEN,
                                      "the key of the events is longer than "
                                      "%d bytes, or it is not UTF-8",
                                      NGX_ESS_MAX_KEY);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_client_key_decode(ngx_http_request_t *r, ngx_str_t *key)
{
    u_char     *p;
    ngx_str_t   sent;

    sent = *key;

    p = ngx_pnalloc(r->pool, sent.len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_ess_percent_decode(key, p, sent.len, &sent, 1) != NGX_OK) {
        return ngx_ess_problem_refuse(r, NGX_HTTP_FORBIDDEN,
                                      "the key of the events is malformed: "
                                      "two hex digits follow a percent sign");
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_key_fits(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_stream_info_t *info)
{
    if (key->len == 0 || info->rule_len) {
        return NGX_OK;
    }

    return ngx_ess_problem_refuse(r, NGX_HTTP_CONFLICT,
                                  "the events of this stream have no keys: it "
                                  "was created without a \"key\" that says "
                                  "where they are");
}
