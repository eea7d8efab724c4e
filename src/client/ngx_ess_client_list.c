
/*
 * This worker's subscribers of a stream, for an operator: listed, or one of
 * them closed.  A list costs a look at each of them, and no memory.
 */


#include "ngx_ess_client_list.h"
#include "ngx_ess_client.h"
#include "ngx_ess_multi.h"
#include "ngx_ess_multi_drop.h"


typedef struct {
    uint32_t                 number;
    ngx_uint_t               n;
    ngx_ess_subscriber_t    *subs[NGX_ESS_MAILBOX_ANSWER];
} ngx_ess_client_list_t;


static void ngx_ess_client_list_one(ngx_ess_subscriber_t *sub, void *data);
static void ngx_ess_client_list_describe(ngx_ess_subscriber_t *sub,
    ngx_ess_mail_subscriber_t *out);


ngx_uint_t
ngx_ess_client_list_answer(ngx_ess_mail_type_e type, ngx_ess_stream_ref_t *ref,
    uint32_t number, ngx_ess_mail_subscriber_t *subs)
{
    ngx_uint_t             i;
    ngx_ess_client_list_t  list;

    /* who is to be closed is the first one from its own number on */

    list.number = (type == NGX_ESS_MAIL_CLOSE) ? number - 1 : number;
    list.n = 0;

    ngx_ess_feed_each(ref, ngx_ess_client_list_one, &list);

    if (type == NGX_ESS_MAIL_CLOSE) {

        if (list.n == 0 || list.subs[0]->number != number) {
            return 0;
        }

        if (list.subs[0]->many) {
            ngx_ess_multi_end(list.subs[0], NGX_ESS_CLIENT_POLICY,
                              "Disconnected by the operator");
            return 1;
        }

        (void) ngx_ess_client_close(list.subs[0]->client,
                                    NGX_ESS_CLIENT_POLICY,
                                    "Disconnected by the operator");
        return 1;
    }

    for (i = 0; i < list.n; i++) {
        ngx_ess_client_list_describe(list.subs[i], &subs[i]);
    }

    return list.n;
}


/* The lowest ones, in order.  Keys of one client have one number. */

static void
ngx_ess_client_list_one(ngx_ess_subscriber_t *sub, void *data)
{
    ngx_ess_client_list_t *list = data;

    ngx_uint_t  i;

    if (sub->number <= list->number) {
        return;
    }

    for (i = 0; sub->grouped && i < list->n; i++) {
        if (list->subs[i]->number == sub->number) {
            return;
        }
    }

    if (list->n < NGX_ESS_MAILBOX_ANSWER) {
        i = list->n++;

    } else if (sub->number < list->subs[list->n - 1]->number) {
        i = list->n - 1;

    } else {
        return;
    }

    for ( /* void */ ; i && sub->number < list->subs[i - 1]->number; i--) {
        list->subs[i] = list->subs[i - 1];
    }

    list->subs[i] = sub;
}


static void
ngx_ess_client_list_describe(ngx_ess_subscriber_t *sub,
    ngx_ess_mail_subscriber_t *out)
{
    ngx_str_t         *address;
    ngx_ess_feed_t    *feed;
    ngx_ess_frame_t   *frame;
    ngx_ess_client_t  *client;

    feed = sub->lane->feed;
    client = ngx_ess_multi_client(sub);
    address = &client->connection->addr_text;

    for (frame = sub->frame; frame && frame->ordinal == 0; frame = frame->next)
    {
        /* void */
    }

    out->next = frame ? frame->ordinal : feed->have + 1;
    out->behind = (feed->replay || feed->changed);
    out->events = client->events_sent;
    out->bytes = client->bytes_sent;
    out->number = sub->number;
    out->since = client->since;
    out->transport = client->transport->kind;
    out->address_len = ngx_min(address->len, NGX_ESS_MAILBOX_ADDRESS);
    ngx_memcpy(out->address, address->data, out->address_len);
}
