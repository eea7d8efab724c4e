
/*
 * Lists through segments.  All data is in the zone and belongs to whoever
 * holds its mutex.
 */


#include "ngx_ess_list.h"
#include "ngx_ess_journal.h"


#define ngx_ess_list_word(sh, i, offset)                                      \
    ((ngx_ess_seg_t *) ((u_char *) ngx_ess_zone_seg(sh, i) + (offset)))


#define ngx_ess_list_of(type, prev, next)                                     \
    { offsetof(struct type, prev), offsetof(struct type, next) }


static void ngx_ess_list_set_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    size_t offset, ngx_ess_seg_t *end, ngx_ess_seg_t value);


const ngx_ess_list_t  ngx_ess_list_streams =
    ngx_ess_list_of(ngx_ess_stream_s, prev, next);

const ngx_ess_list_t  ngx_ess_list_keys =
    ngx_ess_list_of(ngx_ess_stream_s, key_prev, key_next);

const ngx_ess_list_t  ngx_ess_list_pending =
    ngx_ess_list_of(ngx_ess_stream_s, pending_prev, pending_next);

const ngx_ess_list_t  ngx_ess_list_want =
    ngx_ess_list_of(ngx_ess_stream_s, want_prev, want_next);

const ngx_ess_list_t  ngx_ess_list_log =
    ngx_ess_list_of(ngx_ess_zone_record_s, prev, next);

const ngx_ess_list_t  ngx_ess_list_age =
    ngx_ess_list_of(ngx_ess_zone_record_s, age_prev, age_next);

const ngx_ess_list_t  ngx_ess_list_aged =
    ngx_ess_list_of(ngx_ess_attr_s, aged_prev, aged_next);

const ngx_ess_list_t  ngx_ess_list_idempotency =
    ngx_ess_list_of(ngx_ess_idempotency_entry_s, list_prev, list_next);


void
ngx_ess_list_link_locked(ngx_ess_zone_sh_t *sh, const ngx_ess_list_t *list,
    ngx_ess_seg_t *head, ngx_ess_seg_t *tail, ngx_ess_seg_t i)
{
    ngx_ess_list_set_locked(sh, *ngx_ess_list_word(sh, i, list->prev),
                            list->next, head, i);
    ngx_ess_list_set_locked(sh, *ngx_ess_list_word(sh, i, list->next),
                            list->prev, tail, i);
}


void
ngx_ess_list_unlink_locked(ngx_ess_zone_sh_t *sh, const ngx_ess_list_t *list,
    ngx_ess_seg_t *head, ngx_ess_seg_t *tail, ngx_ess_seg_t i)
{
    ngx_ess_seg_t  prev, next;

    prev = *ngx_ess_list_word(sh, i, list->prev);
    next = *ngx_ess_list_word(sh, i, list->next);

    ngx_ess_list_set_locked(sh, prev, list->next, head, next);
    ngx_ess_list_set_locked(sh, next, list->prev, tail, prev);
}


void
ngx_ess_list_push_locked(ngx_ess_zone_sh_t *sh, const ngx_ess_list_t *list,
    ngx_ess_seg_t *head, ngx_ess_seg_t i)
{
    ngx_ess_list_set_locked(sh, i, list->prev, NULL, 0);
    ngx_ess_list_set_locked(sh, i, list->next, NULL, *head);

    ngx_ess_list_link_locked(sh, list, head, NULL, i);
}


/* In the segment, or, without one, in the list's end. */

static void
ngx_ess_list_set_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i, size_t offset,
    ngx_ess_seg_t *end, ngx_ess_seg_t value)
{
    ngx_ess_seg_t  *p;

    p = i ? ngx_ess_list_word(sh, i, offset) : end;

    if (p) {
        ngx_ess_journal_set32_locked(sh, p, value);
    }
}
