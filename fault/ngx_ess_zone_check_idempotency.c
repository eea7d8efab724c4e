
/*
 * The checker: idempotency keys, their tables and their two lists.
 */


#include "ngx_ess_zone_check.h"
#include "ngx_ess_zone_layout.h"


static uint32_t ngx_ess_zone_check_table(ngx_ess_zone_check_t *ck,
    ngx_uint_t n);
static uint32_t ngx_ess_zone_check_keys_of(ngx_ess_zone_check_t *ck,
    ngx_ess_seg_t head, ngx_ess_seg_t tail, uint32_t finished);


void
ngx_ess_zone_check_idempotency(ngx_ess_zone_check_t *ck)
{
    uint32_t            n, listed;
    ngx_uint_t          i;
    ngx_ess_zone_sh_t  *sh;

    sh = ck->sh;
    n = 0;

    for (i = 0; i < NGX_ESS_IDEMPOTENCY_TABLES; i++) {
        n += sh->idempotency[i] ? ngx_ess_zone_check_table(ck, i) : 0;
    }

    ck->nstatic += n;

    listed = ngx_ess_zone_check_keys_of(ck, sh->underway_head,
                                        sh->underway_tail, 0)
             + ngx_ess_zone_check_keys_of(ck, sh->finished_head,
                                          sh->finished_tail, 1);

    if (n != sh->nidempotency || listed != n) {
        ngx_ess_zone_check_fault(ck, "count of idempotency keys", n, listed);
    }
}


static uint32_t
ngx_ess_zone_check_table(ngx_ess_zone_check_t *ck, ngx_uint_t n)
{
    uint32_t                      found;
    ngx_uint_t                    b;
    ngx_ess_seg_t                 i;
    ngx_ess_seg_t                *buckets;
    ngx_ess_zone_sh_t            *sh;
    ngx_ess_idempotency_entry_t  *e;

    sh = ck->sh;
    found = 0;

    if (ngx_ess_zone_check_claim(ck, sh->idempotency[n], NGX_ESS_CHECK_TABLE)
        != NGX_OK)
    {
        return 0;
    }

    ck->nstatic++;

    if (sh->nidempotency == 0) {
        ngx_ess_zone_check_fault(ck, "a table of no idempotency keys", n,
                                 sh->idempotency[n]);
    }

    buckets = (ngx_ess_seg_t *) ngx_ess_zone_rest(sh, sh->idempotency[n]);

    for (b = 0; b < NGX_ESS_IDEMPOTENCY_BUCKETS; b++) {

        for (i = buckets[b]; i; i = e->next) {

            if (ngx_ess_zone_check_claim(ck, i, NGX_ESS_CHECK_IDEMPOTENCY)
                != NGX_OK)
            {
                break;
            }

            e = ngx_ess_zone_idempotency(sh, i);
            found++;

            if (e->link || e->finished > 1
                || (e->finished && e->len > NGX_ESS_IDEMPOTENCY_ANSWER)
                || ngx_ess_zone_idempotency_table(sh, e->key)
                   != &sh->idempotency[n]
                || ngx_ess_zone_idempotency_bucket(sh, sh->idempotency[n],
                                                   e->key)
                   != &buckets[b])
            {
                ngx_ess_zone_check_fault(ck, "an idempotency key", n, i);
            }
        }
    }

    return found;
}


static uint32_t
ngx_ess_zone_check_keys_of(ngx_ess_zone_check_t *ck, ngx_ess_seg_t head,
    ngx_ess_seg_t tail, uint32_t finished)
{
    uint32_t                      n;
    ngx_ess_seg_t                 i, prev;
    ngx_ess_idempotency_entry_t  *e;

    n = 0;
    prev = 0;

    for (i = head; i; i = e->list_next) {

        if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_IDEMPOTENCY)
            || n > ck->sh->nidempotency)
        {
            ngx_ess_zone_check_fault(ck, "list of idempotency keys", finished,
                                     i);
            return n;
        }

        e = ngx_ess_zone_idempotency(ck->sh, i);

        if (e->finished != finished || e->list_prev != prev) {
            ngx_ess_zone_check_fault(ck, "an idempotency key in a list",
                                     finished, i);
        }

        prev = i;
        n++;
    }

    if (prev != tail) {
        ngx_ess_zone_check_fault(ck, "end of a list of idempotency keys", prev,
                                 tail);
    }

    return n;
}
