/*
 * What becomes of the events of several inserts, in their order.  The lock of
 * the log is held between the question which ids the database has and the end
 * of the transaction, so all of it is decided here, and nothing has to be
 * undone in the database.  In a thread; the memory is the merge's.
 */


#include "ngx_ess_postgresql_merge.h"
#include "ngx_ess_str.h"


static int ngx_ess_postgresql_merge_cmp(const void *one, const void *two);
static ngx_ess_event_log_result_e ngx_ess_postgresql_merge_result(
    ngx_ess_postgresql_item_t *item);
static void ngx_ess_postgresql_merge_undo(ngx_ess_postgresql_item_t *items,
    ngx_uint_t n);


ngx_int_t
ngx_ess_postgresql_merge_init(ngx_ess_postgresql_merge_t *merge,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n, ngx_log_t *log)
{
    ngx_uint_t                  i, j, nids;
    ngx_ess_postgresql_item_t  *item, *head;

    ngx_memzero(merge, sizeof(ngx_ess_postgresql_merge_t));

    merge->inserts = inserts;
    merge->ninserts = n;

    for (i = 0; i < n; i++) {
        merge->n += inserts[i]->n;
    }

    merge->items = ngx_calloc(merge->n * sizeof(ngx_ess_postgresql_item_t),
                              log);
    merge->heads = ngx_calloc(merge->n * sizeof(ngx_ess_postgresql_item_t *),
                              log);

    if (merge->items == NULL || merge->heads == NULL) {
        return NGX_ERROR;
    }

    item = merge->items;
    nids = 0;

    for (i = 0; i < n; i++) {
        for (j = 0; j < inserts[i]->n; j++) {
            item->event = &inserts[i]->events[j];

            if (item->event->id.len) {
                merge->heads[nids++] = item;
            }

            item++;
        }
    }

    qsort(merge->heads, nids, sizeof(ngx_ess_postgresql_item_t *),
          ngx_ess_postgresql_merge_cmp);

    /* of those with one id the first one stays */

    head = NULL;

    for (i = 0; i < nids; i++) {
        item = merge->heads[i];

        if (head == NULL
            || !ngx_ess_str_equal(&head->event->id, &item->event->id))
        {
            head = item;
            merge->heads[merge->nheads++] = head;
        }

        item->head = head;
    }

    return NGX_OK;
}


void
ngx_ess_postgresql_merge_done(ngx_ess_postgresql_merge_t *merge)
{
    ngx_free(merge->items);
    ngx_free(merge->heads);
}


/* of one id in their order */

static int
ngx_ess_postgresql_merge_cmp(const void *one, const void *two)
{
    int                         rc;
    ngx_ess_postgresql_item_t  *a, *b;

    a = *(ngx_ess_postgresql_item_t **) one;
    b = *(ngx_ess_postgresql_item_t **) two;

    rc = ngx_ess_str_cmp(&a->event->id, &b->event->id);

    return rc ? rc : (a < b) ? -1 : a > b;
}


void
ngx_ess_postgresql_merge_reset(ngx_ess_postgresql_merge_t *merge)
{
    ngx_uint_t                  i;
    ngx_ess_postgresql_item_t  *item;

    for (i = 0; i < merge->n; i++) {
        item = &merge->items[i];

        item->store = 0;
        item->refused = 0;
        item->known = 0;
        item->owner = NULL;
        item->event->seq = 0;
    }

    merge->nstore = 0;
    merge->nrefused = 0;
}


ngx_int_t
ngx_ess_postgresql_merge_known(ngx_ess_postgresql_merge_t *merge,
    const ngx_str_t *id, uint64_t seq, const u_char hash[16])
{
    int                         rc;
    ngx_uint_t                  low, high, mid;
    ngx_ess_postgresql_item_t  *head;

    low = 0;
    high = merge->nheads;

    while (low < high) {
        mid = low + (high - low) / 2;
        head = merge->heads[mid];

        rc = ngx_ess_str_cmp(id, &head->event->id);

        if (rc == 0) {
            head->known = 1;
            head->seq = seq;
            ngx_memcpy(head->hash, hash, 16);

            return NGX_OK;
        }

        if (rc < 0) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return NGX_DECLINED;
}


void
ngx_ess_postgresql_merge_decide(ngx_ess_postgresql_merge_t *merge)
{
    ngx_uint_t                   i, j, other;
    ngx_ess_postgresql_item_t   *items, *item;
    ngx_ess_event_log_insert_t  *insert;

    items = merge->items;

    for (i = 0; i < merge->ninserts; i++) {
        insert = merge->inserts[i];
        other = 0;

        for (j = 0; j < insert->n; j++) {
            item = &items[j];

            item->event->result = ngx_ess_postgresql_merge_result(item);

            other |= (item->event->result == NGX_ESS_EVENT_LOG_OTHER);
            item->store = (item->event->result == NGX_ESS_EVENT_LOG_STORED);
        }

        insert->rc = NGX_OK;

        if (insert->atomic && other) {
            insert->rc = NGX_DECLINED;
            ngx_ess_postgresql_merge_undo(items, insert->n);
        }

        for (j = 0; j < insert->n; j++) {
            merge->nstore += items[j].store;
        }

        items += insert->n;
    }
}


static ngx_ess_event_log_result_e
ngx_ess_postgresql_merge_result(ngx_ess_postgresql_item_t *item)
{
    ngx_ess_postgresql_item_t  *head;

    head = item->head;

    if (head == NULL) {
        return NGX_ESS_EVENT_LOG_STORED;
    }

    if (!head->known && head->owner == NULL) {
        head->owner = item;
        ngx_memcpy(head->hash, item->event->hash, 16);

        return NGX_ESS_EVENT_LOG_STORED;
    }

    return ngx_memcmp(head->hash, item->event->hash, 16)
           ? NGX_ESS_EVENT_LOG_OTHER : NGX_ESS_EVENT_LOG_SAME;
}


/* an insert of which nothing is stored: later ones may have its ids */

static void
ngx_ess_postgresql_merge_undo(ngx_ess_postgresql_item_t *items, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        items[i].store = 0;

        if (items[i].head && items[i].head->owner == &items[i]) {
            items[i].head->owner = NULL;
        }
    }
}


void
ngx_ess_postgresql_merge_stored(ngx_ess_postgresql_item_t *item, uint64_t seq)
{
    item->event->seq = seq;

    if (item->head) {
        item->head->seq = seq;
    }
}


void
ngx_ess_postgresql_merge_refused(ngx_ess_postgresql_merge_t *merge,
    ngx_ess_postgresql_item_t *item)
{
    item->store = 0;
    item->refused = 1;
    item->event->result = NGX_ESS_EVENT_LOG_REFUSED;

    merge->nstore--;
    merge->nrefused++;
}


void
ngx_ess_postgresql_merge_finish(ngx_ess_postgresql_merge_t *merge)
{
    ngx_uint_t                  i;
    ngx_ess_postgresql_item_t  *item;

    for (i = 0; i < merge->n; i++) {
        item = &merge->items[i];

        if (item->event->result != NGX_ESS_EVENT_LOG_SAME) {
            continue;
        }

        if (!item->head->known && item->head->owner
            && item->head->owner->refused)
        {
            item->event->result = NGX_ESS_EVENT_LOG_REFUSED;

        } else if (item->head->known || item->head->owner) {
            item->event->seq = item->head->seq;
        }
    }
}
