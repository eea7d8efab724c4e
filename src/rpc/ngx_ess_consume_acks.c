
/*
 * Acknowledgements of a channel: one for all up to the oldest delivery that is
 * in work, those behind it one by one.  What is refused goes first, so that no
 * acknowledgement stands for it.  The queue's, in its worker.
 */


#include "ngx_ess_consume_acks.h"


static ngx_int_t ngx_ess_consume_acks_refuse(ngx_ess_consume_acks_t *acks,
    ngx_ess_amqp_channel_t *ch, ngx_uint_t requeue);
static ngx_int_t ngx_ess_consume_acks_up_to(ngx_ess_consume_acks_t *acks,
    ngx_ess_amqp_channel_t *ch, uint64_t oldest);


ngx_int_t
ngx_ess_consume_acks_room(ngx_ess_consume_acks_t *acks, ngx_uint_t n,
    ngx_log_t *log)
{
    ngx_ess_consume_ack_t  *elts;

    if (n <= acks->nalloc) {
        return NGX_OK;
    }

    n = ngx_max(n, 2 * acks->nalloc);

    elts = ngx_alloc(n * sizeof(ngx_ess_consume_ack_t), log);
    if (elts == NULL) {
        return NGX_ERROR;
    }

    if (acks->elts) {
        ngx_memcpy(elts, acks->elts,
                   acks->nelts * sizeof(ngx_ess_consume_ack_t));
        ngx_free(acks->elts);
    }

    acks->elts = elts;
    acks->nalloc = n;

    return NGX_OK;
}


void
ngx_ess_consume_acks_free(ngx_ess_consume_acks_t *acks)
{
    if (acks->elts) {
        ngx_free(acks->elts);
    }

    ngx_memzero(acks, sizeof(ngx_ess_consume_acks_t));
}


void
ngx_ess_consume_acks_add(ngx_ess_consume_acks_t *acks, uint64_t tag,
    ngx_ess_consume_settle_e how)
{
    acks->elts[acks->nelts].tag = tag;
    acks->elts[acks->nelts].how = how;
    acks->nelts++;
}


ngx_int_t
ngx_ess_consume_acks_send(ngx_ess_consume_acks_t *acks,
    ngx_ess_amqp_channel_t *ch, uint64_t oldest, ngx_uint_t requeue)
{
    ngx_int_t               rc;
    ngx_uint_t              i, n;
    ngx_ess_consume_ack_t  *ack;

    if (ngx_ess_consume_acks_refuse(acks, ch, requeue) != NGX_OK) {
        return NGX_AGAIN;
    }

    /* what is held back is none that others may stand for */

    for (i = 0; i < acks->nelts; i++) {
        if (acks->elts[i].how != NGX_ESS_CONSUME_SETTLE_ACK) {
            oldest = ngx_min(oldest, acks->elts[i].tag);
        }
    }

    if (ngx_ess_consume_acks_up_to(acks, ch, oldest) != NGX_OK) {
        return NGX_AGAIN;
    }

    n = 0;
    rc = NGX_OK;

    for (i = 0; i < acks->nelts; i++) {
        ack = &acks->elts[i];

        if (ack->how != NGX_ESS_CONSUME_SETTLE_ACK) {
            acks->elts[n++] = *ack;
            continue;
        }

        if (ngx_ess_amqp_ack_one(ch, ack->tag) != NGX_OK) {
            rc = NGX_AGAIN;
            acks->elts[n++] = *ack;
        }
    }

    acks->nelts = n;

    return rc;
}


static ngx_int_t
ngx_ess_consume_acks_refuse(ngx_ess_consume_acks_t *acks,
    ngx_ess_amqp_channel_t *ch, ngx_uint_t requeue)
{
    ngx_int_t               rc;
    ngx_uint_t              i, n;
    ngx_ess_consume_ack_t  *ack;

    n = 0;
    rc = NGX_OK;

    for (i = 0; i < acks->nelts; i++) {
        ack = &acks->elts[i];

        if (ack->how == NGX_ESS_CONSUME_SETTLE_ACK
            || (ack->how == NGX_ESS_CONSUME_SETTLE_REQUEUE && !requeue))
        {
            acks->elts[n++] = *ack;
            continue;
        }

        if (ngx_ess_amqp_nack_one(ch, ack->tag,
                                  ack->how == NGX_ESS_CONSUME_SETTLE_REQUEUE)
            != NGX_OK)
        {
            rc = NGX_AGAIN;
            acks->elts[n++] = *ack;
        }
    }

    acks->nelts = n;

    return rc;
}


/* The last one below "oldest" stands for all that come before it. */

static ngx_int_t
ngx_ess_consume_acks_up_to(ngx_ess_consume_acks_t *acks,
    ngx_ess_amqp_channel_t *ch, uint64_t oldest)
{
    uint64_t                last;
    ngx_uint_t              i, n;
    ngx_ess_consume_ack_t  *ack;

    last = 0;

    for (i = 0; i < acks->nelts; i++) {
        ack = &acks->elts[i];

        if (ack->how == NGX_ESS_CONSUME_SETTLE_ACK && ack->tag < oldest) {
            last = ngx_max(last, ack->tag);
        }
    }

    if (last == 0) {
        return NGX_OK;
    }

    if (ngx_ess_amqp_ack(ch, last) != NGX_OK) {
        return NGX_AGAIN;
    }

    n = 0;

    for (i = 0; i < acks->nelts; i++) {
        ack = &acks->elts[i];

        if (ack->how != NGX_ESS_CONSUME_SETTLE_ACK || ack->tag > last) {
            acks->elts[n++] = *ack;
        }
    }

    acks->nelts = n;

    return NGX_OK;
}
