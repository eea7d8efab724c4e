/*
 * A random mix of what is done to a zone.
 */


#include "crash_ops.h"
#include "ngx_ess_created.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_idempotency.h"


#define EPOCH       0x1234567890abcdefULL   /* of what follows the broker */


static uint32_t                  number;
static uint64_t                  first[NGX_ESS_DIRTY];
static uint32_t                  more[NGX_ESS_WAKE_MORE];
static ngx_ess_max_subscribers_t  limit = { 2, 1 };
static ngx_ess_created_limits_t   limits = { 1000, 1000, { 1, 2 } };


static void
op_append(void)
{
    size_t           len;
    ngx_uint_t       k, n, i, want;
    ngx_ess_event_t  event;
    ngx_ess_wake_t   wake;
    u_char           body[8192], key[NGX_ESS_MAX_KEY];

    ngx_memzero(&wake, sizeof(wake));

    k = rnd(KEYS);

    switch (rnd(8)) {
    case 0:
        len = rnd(8192);
        break;
    case 1:
        len = rnd(20);
        break;
    default:
        len = rnd(600);
        break;
    }

    model->event++;
    make_body(model->event, body, len);

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body.data = body;
    event.body.len = len;
    event.timestamp = model->event;

    if (rnd(3)) {
        event.key.data = key;
        event.key.len = make_key(model->event, key);
    }

    if (rnd(10) == 0) {
        ngx_str_set(&event.body, "POISON");

    } else if (rnd(10) == 0) {
        ngx_str_null(&event.body);
        event.lost = 1;
    }

    want = 0;

    for (i = 0; i < model->n; i++) {
        want += (model->streams[i].key == k
                 && !model->streams[i].follows
                 && model->streams[i].state != NGX_ESS_STREAM_CLOSED);
    }

    model->appending = k + 1;
    model->lost = event.lost;

    ngx_ess_zone_lock(zone);
    n = ngx_unit_append_locked(zone, ngx_ess_stream_slot(&keys[k]),
                               &keys[k], &event, model->event, 1,
                               &wake);
    ngx_ess_zone_unlock(zone);

    if (n != want) {
        abort();
    }
}


/* Every second one has attributes: of ten names, rules and ages of all kinds.
   What they say depends on the name alone, so that each is told from half of
   another. */

static ngx_ess_stream_attr_t *
attr_any(void)
{
    ngx_uint_t                    n;

    static u_char                 text[NGX_ESS_MAX_RULE];
    static ngx_ess_stream_attr_t  attr;

    if (rnd(2)) {
        return NULL;
    }

    ngx_memzero(&attr, sizeof(ngx_ess_stream_attr_t));

    n = rnd(10);

    ngx_memset(text, 'a' + n, sizeof(text));

    attr.name.data = text;
    attr.name.len = 1 + n * 14;
    attr.rule.data = text;
    attr.rule.len = n * 28;
    attr.log_age = (n % 3) * 1000;
    attr.log_count = (n % 4) * 10;
    attr.declared = n % 2;
    attr.created = !attr.declared;
    attr.limits = attr.created ? &limits : NULL;

    return &attr;
}


static void
op_create(void)
{
    ngx_uint_t             follows;
    ngx_ess_stream_info_t  info;

    if (model->n > STREAMS) {
        return;
    }

    model->target = zone->sh->next_id;

    if (rnd(3) == 0) {
        ngx_memzero(&info, sizeof(info));
        info.ref.id = zone->sh->next_id + rnd(5);
        info.ref.epoch = 77;
        info.kind = ngx_unit_bound;
        ngx_memcpy(info.uuid, &info.ref.id, 8);
        ngx_memcpy(info.uuid + 8, &model->ops, 8);
        info.last_ordinal = rnd(1000);
        info.reserved_ordinal = info.last_ordinal + rnd(1000);
        info.key_len = keys[rnd(KEYS)].len;
        ngx_memset(info.key, 'a' + (info.key_len - 1) / 36, info.key_len);
        model->target = info.ref.id;
        (void) ngx_ess_table_load(zone, &info);
        return;
    }

    follows = (rnd(3) == 0);

    if (ngx_ess_table_reserve(zone, &keys[rnd(KEYS)],
                              follows ? &ngx_unit_follows : &ngx_unit_bound,
                              follows ? EPOCH : 0, attr_any(), &info)
        != NGX_OK)
    {
        return;
    }

    switch (rnd(4)) {
    case 0:
        ngx_ess_table_remove(zone, &info.ref);
        break;
    case 1:
        /* left half-made */
        break;
    default:
        (void) ngx_ess_table_show(zone, &info.ref);
        break;
    }
}


static void
op_set_attr(void)
{
    model_stream_t         *m;
    ngx_ess_stream_ref_t    ref;
    ngx_ess_stream_attr_t  *attr;

    m = model_pick(NGX_ESS_STREAM_VISIBLE);
    attr = attr_any();

    if (m && attr) {
        ref.id = m->id;
        ref.epoch = m->epoch;

        (void) ngx_ess_table_set_attr(zone, &ref, attr);
    }
}


static void
op_delete(void)
{
    model_stream_t        *m;
    ngx_ess_stream_ref_t   ref;

    m = model_pick(NGX_ESS_STREAM_VISIBLE);
    if (m == NULL) {
        return;
    }

    ref.id = m->id;
    ref.epoch = m->epoch;
    model->target = m->id;

    if (ngx_ess_table_delete_begin(zone, &ref) != NGX_OK) {
        abort();
    }

    switch (rnd(4)) {
    case 0:
        (void) ngx_ess_table_show(zone, &ref);
        break;
    case 1:
        break;
    default:
        ngx_ess_table_remove(zone, &ref);
        break;
    }
}


/* The first one that may go. */

static void
op_expire(void)
{
    uint32_t               cursor;
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_ess_stream_info_t  info;

    cursor = 0;
    model->target = MODEL_ANY;

    do {
        rc = ngx_ess_created_expire(zone, 0, &cursor, &info);
    } while (rc == NGX_AGAIN);

    if (rc != NGX_OK) {
        return;
    }

    for (i = 0; i < model->n; i++) {
        if (model->streams[i].id == info.ref.id
            && model->streams[i].state != NGX_ESS_STREAM_VISIBLE)
        {
            abort();
        }
    }

    if (rnd(2)) {
        ngx_ess_table_remove(zone, &info.ref);
    }
}


/* A record with an ordinal of the broker's, and perhaps a gap before it. */

static void
op_follow_append(ngx_ess_stream_ref_t *ref)
{
    size_t             len;
    uint64_t           next;
    ngx_ess_seg_t      seg;
    ngx_ess_event_t    event;
    ngx_uint_t         gap;
    ngx_ess_stream_t  *s;
    ngx_ess_wake_t     wake;
    u_char             body[8192];

    ngx_memzero(&wake, sizeof(wake));
    ngx_memzero(&event, sizeof(event));

    ngx_ess_zone_lock(zone);

    seg = ngx_ess_lookup_ref_locked(zone->sh, ref->id, ref->epoch);

    if (seg == 0) {
        abort();
    }

    s = ngx_ess_zone_stream(zone->sh, seg);
    next = s->next_ordinal;

    len = rnd(8) ? rnd(600) : rnd(8192);

    model->event++;
    make_body(model->event, body, len);

    event.body.data = body;
    event.body.len = len;
    gap = (rnd(5) == 0);
    event.ordinal = next + (gap ? rnd(1000) : rnd(2));
    event.after = gap ? event.ordinal - 1 : 0;
    event.timestamp = model->event;
    event.streams = &ref;
    event.nstreams = 1;

    if (rnd(10) == 0) {
        ngx_str_set(&event.body, "POISON");
    }

    if (rnd(10) == 0 && next > 1) {
        event.ordinal = next - 1;           /* it has it */
    }

    (void) ngx_unit_append_locked(zone, NGX_ESS_SLOTS, &keys[0], &event, 0,
                                  1, &wake);

    if (s->next_ordinal
        != ((s->follow == NGX_ESS_FOLLOW_LIVE
             || s->follow == NGX_ESS_FOLLOW_FILLING)
            && s->state != NGX_ESS_STREAM_CLOSED
            && event.ordinal >= next ? event.ordinal + 1 : next))
    {
        abort();
    }

    model->followed += (s->next_ordinal != next);

    ngx_ess_zone_unlock(zone);
}


static void
op_follow(void)
{
    uint64_t              ordinal;
    ngx_uint_t            i, k;
    model_stream_t       *m;
    ngx_ess_wake_t        wake;
    ngx_ess_stream_ref_t  ref;

    if (model->n == 0) {
        return;
    }

    ngx_memzero(&wake, sizeof(wake));

    k = rnd(model->n);
    m = NULL;

    for (i = 0; i < model->n; i++) {
        m = &model->streams[(i + k) % model->n];

        if (m->follows) {
            break;
        }
    }

    if (i == model->n) {
        return;
    }

    ref.id = m->id;
    ref.epoch = m->epoch;
    ref.index = 0;
    model->following = m->id;

    switch (rnd(16)) {

    case 0:
    case 1:
    case 2:
        (void) ngx_ess_follow_claim(zone, &ref, &ordinal);
        break;

    case 3:
    case 4:
        ordinal = 1 + rnd(1000);
        (void) ngx_ess_follow_begin(zone, &ref, 0, ordinal,
                                    1 + rnd(ordinal), &wake);
        break;

    case 5:
        (void) ngx_ess_follow_live(zone, &ref, &wake);
        break;

    case 6:
        if (rnd(3) == 0) {
            (void) ngx_ess_follow_missing(zone, &ref, &wake);
        }

        break;

    case 7:
        (void) ngx_ess_follow_release(zone, &ref, rnd(2), &wake);
        break;

    default:
        op_follow_append(&ref);
        break;
    }
}


static void
op_interest(void)
{
    uint64_t               seq, next;
    ngx_uint_t             n;
    model_stream_t        *m;
    ngx_ess_stream_ref_t   ref;

    m = model_pick(rnd(2) ? NGX_ESS_STREAM_VISIBLE : NGX_ESS_STREAM_CLOSED);
    if (m == NULL) {
        return;
    }

    ref.id = m->id;
    ref.epoch = m->epoch;

    if (m->state == NGX_ESS_STREAM_VISIBLE) {
        for (n = rnd(3); n; n--) {
            (void) ngx_ess_interest_subscribe(zone, &ref,
                                              rnd(2) ? &limit : NULL, &seq, &next,
                                              &number);
        }
    }

    if (rnd(3) == 0) {
        ngx_ess_interest_unsubscribe(zone, &ref);
    }
}


static void
op_dirty(void)
{
    ngx_uint_t            overflow;
    ngx_ess_stream_ref_t  refs[NGX_ESS_DIRTY];

    ngx_ess_zone_lock(zone);
    (void) ngx_ess_wake_take_locked(zone, refs, first, &overflow, more);
    ngx_ess_zone_unlock(zone);
}


static void
op_orphan(void)
{
    ngx_ess_stream_info_t  info;

    if (ngx_ess_pending_orphan(zone, &info) != NGX_OK) {
        return;
    }

    model->target = info.ref.id;

    ngx_ess_table_remove(zone, &info.ref);
}


static void
op_ordinals(void)
{
    ngx_ess_stream_info_t  info;

    if (ngx_ess_ordinal_wanted(zone, &info.ref, &info.reserved_ordinal)
        == NGX_OK)
    {
        /* a small mark, so that more is wanted soon */
        ngx_ess_ordinal_reserved(zone, &info.ref,
                                 rnd(2) ? info.reserved_ordinal
                                          - NGX_ESS_ORDINALS_LOW + rnd(10) : 0);
    }
}


/* Few keys, so that they meet; an answer shows whose it is. */

static void
op_idempotency(void)
{
    ngx_uint_t             k;
    ngx_ess_idempotency_t  ctx;

    ngx_memzero(&ctx, sizeof(ctx));

    k = rnd(100);
    ctx.key[0] = (u_char) (k % 3);
    ctx.key[5] = (u_char) k;
    ctx.request[0] = (u_char) k;

    switch (ngx_ess_idempotency_begin(zone, &ctx)) {

    case NGX_OK:
        break;

    case NGX_DONE:

        if (ctx.accepted != k || ctx.len != 1 || ctx.answer[0] != k) {
            abort();
        }

        return;

    default:
        return;
    }

    switch (rnd(4)) {
    case 0:
        ngx_ess_idempotency_cancel(zone, &ctx);
        break;
    case 1:
        break;
    default:
        ctx.accepted = (uint32_t) k;
        ctx.len = 1;
        ctx.answer[0] = (u_char) k;
        ngx_ess_idempotency_finish(zone, &ctx);
    }

    if (rnd(8) == 0) {
        ngx_ess_idempotency_expire(zone, 10);
    }
}


static void
op_other(void)
{
    ngx_uint_t  k;

    k = rnd(KEYS);

    switch (rnd(5)) {
    case 0:
        ngx_ess_log_room_expire(zone, 20);
        break;
    case 1:
        if (ngx_ess_stream_unbind_begin(zone, &keys[k]) == NGX_OK
            && rnd(2))
        {
            ngx_ess_stream_unbind_end(zone, &keys[k]);
        }
        break;
    case 2:
        ngx_ess_process_sweep(zone, &ngx_unit_log);
        break;
    case 3:
        ngx_ess_zone_lock(zone);
        ngx_ess_mark_acked_locked(zone, rnd(NGX_ESS_SLOTS));
        ngx_ess_zone_unlock(zone);
        break;
    default:
        ngx_ess_zone_new_generation(zone);
        break;
    }
}


/* One of them, at random. */

void
crash_op(void)
{
    switch (rnd(24)) {
    case 0:
        op_create();
        break;
    case 1:
        if (rnd(3) == 0) {
            op_delete();

        } else if (rnd(8) == 0) {
            op_expire();

        } else {
            op_set_attr();
        }

        break;
    case 2:
    case 3:
    case 4:
        op_interest();
        break;
    case 5:
        op_dirty();
        break;
    case 6:
        op_orphan();
        break;
    case 7:
        op_ordinals();
        break;
    case 8:
        op_other();
        break;
    case 9:
    case 10:
    case 11:
    case 12:
        op_follow();
        break;
    case 13:
    case 14:
        op_idempotency();
        break;
    default:
        op_append();
        break;
    }
}
