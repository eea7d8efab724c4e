
/*
 * What a client may have: the location lets it name streams, and its token
 * lists them.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_multi_admit.h"
#include "ngx_ess_client.h"


static ngx_int_t ngx_ess_multi_admit_unknown(ngx_ess_jwt_grant_t *grant,
    ngx_str_t *text, ngx_uint_t named, ngx_ess_command_error_t *error);


ngx_int_t
ngx_ess_multi_admit(ngx_ess_loc_conf_t *conf, ngx_ess_jwt_grant_t *grant,
    ngx_str_t *text, ngx_str_t *keys, ngx_uint_t nkeys,
    ngx_ess_stream_info_t *info, ngx_ess_command_error_t *error)
{
    u_char      uuid[NGX_ESS_UUID_LEN];
    ngx_uint_t  named;

    named = (ngx_ess_stream_uuid_parse(uuid, text) != NGX_OK);

    if (named && !conf->subscribe_names && conf->subscribe_name == NULL) {
        ngx_str_set(&error->message, "streams are subscribed to by their uuid "
                    "here, not by a name");
        error->code = NGX_HTTP_FORBIDDEN;
        return NGX_DECLINED;
    }

    if (ngx_ess_multi_admit_find(text, info) != NGX_OK) {
        return ngx_ess_multi_admit_unknown(grant, text, named, error);
    }

    if (ngx_ess_multi_admit_grant(grant, info, keys, nkeys) != NGX_OK) {
        ngx_str_set(&error->message, "the token does not list it");
        error->code = NGX_HTTP_FORBIDDEN;
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


ngx_int_t
ngx_ess_multi_admit_find(ngx_str_t *text, ngx_ess_stream_info_t *info)
{
    u_char  uuid[NGX_ESS_UUID_LEN];

    if (ngx_ess_stream_uuid_parse(uuid, text) == NGX_OK) {
        return ngx_ess_stream_by_uuid(ngx_ess_client_zone, uuid, info);
    }

    return ngx_ess_stream_by_name(ngx_ess_client_zone, text, info);
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


/* Who may not have it does not learn that there is none. */

static ngx_int_t
ngx_ess_multi_admit_unknown(ngx_ess_jwt_grant_t *grant, ngx_str_t *text,
    ngx_uint_t named, ngx_ess_command_error_t *error)
{
    if (grant
        && !ngx_ess_jwt_grant_allows(grant, named ? NULL : text,
                                     named ? text : NULL, NULL))
    {
        ngx_str_set(&error->message, "the token does not list it");
        error->code = NGX_HTTP_FORBIDDEN;
        return NGX_DECLINED;
    }

    ngx_str_set(&error->message, "there is no such stream");

    error->code = NGX_HTTP_NOT_FOUND;

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_multi_admit_grant(ngx_ess_jwt_grant_t *grant,
    ngx_ess_stream_info_t *info, ngx_str_t *keys, ngx_uint_t nkeys)
{
    u_char      text[NGX_ESS_UUID_TEXT];
    ngx_str_t   uuid, name;
    ngx_uint_t  i;

    if (grant == NULL) {
        return NGX_OK;
    }

    (void) ngx_ess_stream_uuid_text(text, info->uuid);
    uuid.data = text;
    uuid.len = NGX_ESS_UUID_TEXT;

    name.data = info->name;
    name.len = info->name_len;

    if (nkeys == 0) {
        return ngx_ess_jwt_grant_allows(grant, &uuid, name.len ? &name : NULL,
                                        NULL)
               ? NGX_OK : NGX_DECLINED;
    }

    for (i = 0; i < nkeys; i++) {
        if (!ngx_ess_jwt_grant_allows(grant, &uuid, name.len ? &name : NULL,
                                      &keys[i]))
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}
