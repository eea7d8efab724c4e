
/*
 * A client of "ess.v1" renews its token.  Runs in the worker that has the
 * connection.
 */


#include "ngx_ess_v1_token.h"
#include "ngx_ess_client_ping.h"
#include "ngx_ess_client_stream.h"
#include "ngx_ess_multi_drop.h"


static void ngx_ess_v1_token_check(ngx_ess_v1_t *v1);
static ngx_uint_t ngx_ess_v1_token_lists(ngx_ess_v1_t *v1,
    ngx_ess_lane_t *lane, ngx_ess_stream_info_t *info);


/* Streams that the new token does not list are over; the others go on. */

ngx_int_t
ngx_ess_v1_token(ngx_ess_v1_t *v1)
{
    ngx_int_t                 rc;
    ngx_uint_t                sooner;
    ngx_ess_client_t         *client;
    ngx_ess_jwt_grant_t      *grant;
    ngx_ess_command_error_t   error;

    client = v1->multi->client;

    if (v1->grant == NULL) {
        error.code = NGX_HTTP_UNAUTHORIZED;
        ngx_str_set(&error.message, "no token let the client in, so none is "
                    "renewed");

        return ngx_ess_v1_answer_error(v1->multi, &v1->cmd, &error);
    }

    rc = ngx_ess_jwt_grant_renew(v1->grant, &v1->cmd.token,
                                 client->connection->log, &grant,
                                 &error.message);
    if (rc != NGX_OK) {
        error.code = rc;
        return ngx_ess_v1_answer_error(v1->multi, &v1->cmd, &error);
    }

    ngx_ess_jwt_grant_release(v1->grant);
    v1->grant = grant;

    sooner = client->expires;

    client->expires = (uint32_t) ngx_min(ngx_ess_jwt_grant_expires(grant),
                                         (time_t) NGX_MAX_UINT32_VALUE);

    if (client->expires && (sooner == 0 || client->expires < sooner)) {
        ngx_ess_client_ping_wait(client, client->conf->ping_interval);
    }

    if (ngx_ess_v1_answer_token(v1->multi, &v1->cmd,
                                ngx_ess_jwt_grant_expires(grant))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_v1_token_check(v1);

    return NGX_OK;
}


static void
ngx_ess_v1_token_check(ngx_ess_v1_t *v1)
{
    uint32_t                i, next;
    ngx_uint_t              b;
    ngx_ess_lane_t         *lane;
    ngx_ess_multi_cell_t   *cell;
    ngx_ess_multi_table_t  *table;
    ngx_ess_stream_info_t   info;

    table = &v1->multi->table;

    for (b = 0; table->n && b <= table->mask; b++) {

        for (i = table->buckets[b]; i; i = next) {
            cell = ngx_ess_multi_cell(i);
            next = cell->sub.next;

            if (cell->sub.group) {
                continue;
            }

            lane = cell->sub.lane;

            if (ngx_ess_stream_by_id(ngx_ess_client_zone, lane->feed->ref.id,
                                     &info)
                != NGX_OK)
            {
                continue;
            }

            if (!ngx_ess_v1_token_lists(v1, lane, &info)) {

                ngx_ess_multi_end(&cell->sub, NGX_ESS_CLIENT_FORBIDDEN,
                                  "The new token does not list it");

                /* a group is gone with all its keys */
                next = table->n ? table->buckets[b] : 0;
            }
        }
    }
}


static ngx_uint_t
ngx_ess_v1_token_lists(ngx_ess_v1_t *v1, ngx_ess_lane_t *lane,
    ngx_ess_stream_info_t *info)
{
    ngx_str_t                key;
    ngx_ess_feed_keys_t     *keys;
    ngx_ess_client_named_t   named;

    ngx_ess_client_stream_known(info, &named);

    keys = lane->feed->keys;

    if (keys) {
        return ngx_ess_client_stream_listed(v1->grant, &named, keys->keys,
                                            keys->n);
    }

    ngx_ess_multi_lane_key(lane, &key);

    return ngx_ess_client_stream_listed(v1->grant, &named, &key,
                                        key.len ? 1 : 0);
}
