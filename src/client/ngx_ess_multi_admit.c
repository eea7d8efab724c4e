
/*
 * What a client may have: the location lets it name streams, and its token
 * lists them.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_multi_admit.h"
#include "ngx_ess_client_stream.h"
#include "ngx_ess_name.h"


ngx_int_t
ngx_ess_multi_admit(ngx_ess_loc_conf_t *conf, ngx_ess_jwt_grant_t *grant,
    ngx_str_t *text, ngx_str_t *keys, ngx_uint_t nkeys,
    ngx_ess_stream_info_t *info, ngx_ess_command_error_t *error)
{
    ngx_int_t               found;
    ngx_ess_client_named_t  named;

    found = ngx_ess_client_stream_find(text, &named, info);

    if (named.named && !ngx_ess_name_is_uuid(text)
        && !conf->subscribe_names && conf->subscribe_name == NULL)
    {
        ngx_str_set(&error->message, "streams are subscribed to by their uuid "
                    "here, not by a name");
        error->code = NGX_HTTP_FORBIDDEN;
        return NGX_DECLINED;
    }

    /* who may not have it does not learn whether there is one */

    if (!ngx_ess_client_stream_listed(grant, &named, keys, nkeys)) {
        ngx_str_set(&error->message, "the token does not list it");
        error->code = NGX_HTTP_FORBIDDEN;
        return NGX_DECLINED;
    }

    if (found != NGX_OK && ngx_ess_registry_created_declared(text)) {
        ngx_str_set(&error->message, "the stream is being made: try again a "
                    "little later");
        error->code = NGX_HTTP_SERVICE_UNAVAILABLE;
        return NGX_DECLINED;
    }

    if (found != NGX_OK) {
        ngx_str_set(&error->message, "there is no such stream");
        error->code = NGX_HTTP_NOT_FOUND;
        return NGX_DECLINED;
    }

    if (nkeys && info->rule_len == 0) {
        ngx_str_set(&error->message, "the stream has no rule for keys: "
                    "subscribe to all of it");
        error->code = NGX_HTTP_CONFLICT;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


void
ngx_ess_multi_admit_entry(ngx_ess_loc_conf_t *conf,
    ngx_ess_stream_info_t *info, ngx_ess_subscriber_entry_t *entry)
{
    entry->ref = info->ref;
    entry->follow = info->kind.follows;
    entry->live = info->kind.follows;
    entry->untold = info->untold;
    entry->poison = (conf->subscribe_poison && info->kind.follows);
}
