
/*
 * Clients that do not keep up, and those that keep too much when all of them
 * do: closed, or sent on from the log.  Runs in the worker that has the
 * connection.
 */


#include "ngx_ess_client_slow.h"
#include "ngx_ess_client.h"
#include "ngx_ess_feed_back.h"
#include "ngx_ess_multi.h"
#include "ngx_ess_counter.h"


/*
 * Over its bound: it is closed, or it goes on from the log, which does not
 * wait for it.  Of a stream that was deleted no more comes than is there.
 */

void
ngx_ess_client_slow(ngx_ess_subscriber_t *sub, size_t behind)
{
    ngx_ess_client_t  *client;

    client = sub->client;

    if (behind <= client->conf->slow_buffer) {
        return;
    }

    if (client->conf->slow_skip
        && (sub->lane->feed->ended || ngx_ess_feed_back(sub, 1) == NGX_OK))
    {
        ngx_ess_client_count(NGX_ESS_C_SLOW_SKIPPED, 1);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, client->connection->log, 0,
                  "client is too slow, %uL bytes behind: closing it",
                  sub->lane->frames.bytes - sub->frame->start - sub->offset);

    ngx_ess_client_slow_close(client);
}


/*
 * Within its bound, but the worker is over its own.  What it lets go of it gets
 * from the log when it takes more, however long that takes, as long as the log
 * has it.
 */

void
ngx_ess_client_slow_reclaim(ngx_ess_subscriber_t *sub)
{
    ngx_uint_t         live;
    ngx_ess_client_t  *client;

    client = sub->client;

    if (client->state >= NGX_ESS_CLIENT_CLOSING) {

        /* it was about to go, without the close in the worst case */

        ngx_ess_client_close_end(client, NGX_ERROR);
        return;
    }

    live = !sub->lane->feed->replay;

    switch (ngx_ess_feed_back(sub, 0)) {

    case NGX_OK:

        if (live) {
            sub->lane->feed->strict = !client->conf->slow_skip;
        }

        ngx_ess_client_count(NGX_ESS_C_SLOW_RECLAIMED, 1);
        return;

    case NGX_DECLINED:

        (void) ngx_ess_client_close(client, NGX_ESS_CLIENT_NORMAL,
                                    "The stream has been deleted");
        return;

    default: /* NGX_ERROR */

        (void) ngx_ess_client_close(client, NGX_ESS_CLIENT_INTERNAL,
                                    "Internal error");
    }
}


void
ngx_ess_client_slow_missed(ngx_ess_subscriber_t *sub)
{
    ngx_ess_client_t  *client;

    client = ngx_ess_multi_client(sub);

    ngx_log_error(NGX_LOG_INFO, client->connection->log, 0,
                  "client is too slow, what it has to get next is gone: "
                  "closing it");

    ngx_ess_client_slow_close(client);
}


void
ngx_ess_client_slow_close(ngx_ess_client_t *client)
{
    ngx_ess_client_count(NGX_ESS_C_SLOW_CLOSED, 1);

    (void) ngx_ess_client_close(client, NGX_ESS_CLIENT_LATER, "Slow client");
}
