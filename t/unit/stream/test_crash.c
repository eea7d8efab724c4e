/*
 * A worker dies at each write that it makes under the zone's mutex.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c
 *
 * A child does a random mix of operations on a small zone that is always
 * full, and is killed at its n-th write, n = 1, 2, ...; what it was about to
 * do stands in a model in shared memory.  Then the zone must be sound, and the
 * operation under way must have happened or not, nothing between; the next
 * child goes on with that zone.
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_ess_follow.h"


#define CRASHES     1200       /* ESS_CRASHES in the environment: more */
#define OPS         600
#define KEYS        8
#define STREAMS     40
#define PROCS       14
#define EPOCH       0x1234567890abcdefULL   /* of what follows the broker */


typedef struct {
    uint64_t     id;
    uint64_t     epoch;
    ngx_uint_t   key;
    uint32_t     state;
    ngx_uint_t   follows;
    uint32_t     follow;
    uint32_t     follower;
    uint64_t     next_seq;
    uint64_t     next_ordinal;
} model_stream_t;


typedef struct {
    uint64_t         event;                 /* number of the last one begun */
    ngx_uint_t       appending;             /* 1 + key, else 0 */
    ngx_uint_t       lost;                  /* that is one too large */
    uint64_t         target;                /* id of what else is under way */
    uint64_t         following;             /* id of what is claimed, begun,
                                               followed, ended or released */
    uint64_t         ops;
    uint64_t         followed;              /* events of the broker's */

    ngx_uint_t       n;
    model_stream_t   streams[4 * STREAMS];
    uint64_t         appended[NGX_ESS_SLOTS];
} model_t;


static ngx_ess_zone_t  *zone;
static uint32_t         number;
static uint64_t         first[NGX_ESS_DIRTY];

static ngx_ess_interest_limit_t  limit = { 2, 1 };
static model_t         *model;
static uint64_t         seed;
static ngx_str_t        keys[KEYS];


static ngx_uint_t
rnd(ngx_uint_t n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;

    return (seed >> 33) % n;
}


static void
make_keys(void)
{
    ngx_uint_t     i;

    static u_char  text[KEYS][NGX_ESS_MAX_KEY];

    for (i = 0; i < KEYS; i++) {
        ngx_memset(text[i], 'a' + i, NGX_ESS_MAX_KEY);
        keys[i].data = text[i];
        keys[i].len = 1 + i * 36;
    }
}


/* The whole truth, from the zone itself. */

static void
model_sync(void)
{
    ngx_uint_t          k;
    ngx_ess_seg_t       i;
    model_stream_t     *m;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    model->n = 0;
    model->appending = 0;
    model->target = 0;
    model->following = 0;

    for (i = sh->streams_head; i; i = s->next) {
        s = ngx_ess_zone_stream(sh, i);

        assert_true(model->n < 4 * STREAMS);
        m = &model->streams[model->n++];

        m->id = s->id;
        m->epoch = s->epoch;
        m->state = s->state;
        m->follows = s->kind.follows;
        m->follow = s->follow;
        m->follower = s->follower;
        m->key = s->key[0] - 'a';
        m->next_seq = s->next_seq;
        m->next_ordinal = s->next_ordinal;
    }

    for (k = 0; k < NGX_ESS_SLOTS; k++) {
        model->appended[k] = sh->slots[k].appended;
    }
}


/* the bytes of event number "event" */

static void
make_body(uint64_t event, u_char *body, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        body[i] = (i < 8) ? (u_char) (event >> (8 * i))
                          : (u_char) (event * 31 + i * 7);
    }
}


static void
check_record(ngx_ess_zone_record_t *r)
{
    size_t         n, left, head;
    uint64_t       event;
    ngx_ess_seg_t  seg;
    u_char        *p;
    u_char         got[8192], want[8192];

    if (ngx_ess_zone_record_type(r) != NGX_ESS_RECORD_EVENT) {
        return;
    }

    left = r->len;
    head = ngx_ess_zone_record_head(r);
    n = ngx_min(left, sizeof(r->body) - head);
    p = ngx_cpymem(got, r->body + head, n);

    for (seg = r->link; left > n; seg = *ngx_ess_zone_link(zone->sh, seg)) {
        left -= n;
        n = ngx_min(left, NGX_ESS_ZONE_REST);
        p = ngx_cpymem(p, (u_char *) ngx_ess_zone_seg(zone->sh, seg) + 4, n);
    }

    /* the timestamp is the event's number */

    event = ngx_ess_zone_timestamp(r);

    assert_true(event <= model->event);

    make_body(event, want, r->len);
    assert_memory_equal(got, want, r->len);
}


static void
check_bodies(void)
{
    ngx_ess_seg_t  i;

    for (i = zone->sh->age_head;
         i;
         i = ngx_ess_zone_record(zone->sh, i)->age_next)
    {
        check_record(ngx_ess_zone_record(zone->sh, i));
    }
}


/* Every stream is as the model says, but for what was under way. */

static void
check_model(void)
{
    int                 step;
    ngx_uint_t          i, k, slot;
    ngx_ess_seg_t       seg;
    model_stream_t     *m;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    step = -1;

    for (k = 0; k < NGX_ESS_SLOTS; k++) {
        slot = model->appending ? ngx_ess_stream_slot(&keys[model->appending
                                                            - 1])
                                : NGX_ESS_SLOTS;

        if (k == slot) {
            step = (int) (sh->slots[k].appended - model->appended[k]);
            assert_true(step == 0 || step == 1);

        } else {
            assert_int_equal(sh->slots[k].appended, model->appended[k]);
        }

        assert_int_equal(sh->slots[k].partial_print, 0);
    }

    for (i = 0; i < model->n; i++) {
        m = &model->streams[i];
        seg = ngx_ess_lookup_ref_locked(sh, m->id, m->epoch);

        if (seg == 0) {
            assert_true(m->id == model->target
                        || m->state == NGX_ESS_STREAM_CLOSED);
            continue;
        }

        s = ngx_ess_zone_stream(sh, seg);

        assert_int_equal(s->kind.follows, m->follows);

        if (m->id == model->following) {
            continue;
        }

        assert_int_equal(s->follow, m->follow);

        if (model->appending == m->key + 1
            && !m->follows
            && m->state != NGX_ESS_STREAM_CLOSED)
        {
            /* all streams of the key have it, and the slot's ring, or none */
            assert_int_equal(s->next_seq,
                             m->next_seq + (model->lost ? 0 : step));

            if (model->lost) {
                assert_int_equal(s->next_ordinal, m->next_ordinal + step);
            }

        } else {
            assert_int_equal(s->next_seq, m->next_seq);
            assert_int_equal(s->next_ordinal, m->next_ordinal);
        }

        assert_true(s->state == m->state || m->id == model->target);
    }
}


static model_stream_t *
pick(uint32_t state)
{
    ngx_uint_t  i, k;

    if (model->n == 0) {
        return NULL;
    }

    k = rnd(model->n);

    for (i = 0; i < model->n; i++) {
        if (model->streams[(i + k) % model->n].state == state) {
            return &model->streams[(i + k) % model->n];
        }
    }

    return NULL;
}


static void
op_append(void)
{
    size_t           len;
    ngx_uint_t       k, n, i, want;
    ngx_ess_event_t  event;
    ngx_ess_wake_t   wake;
    u_char           body[8192];

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
                              follows ? EPOCH : 0, &info)
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
op_delete(void)
{
    model_stream_t        *m;
    ngx_ess_stream_ref_t   ref;

    m = pick(NGX_ESS_STREAM_VISIBLE);
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
        (void) ngx_ess_follow_begin(zone, &ref, ordinal,
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

    m = pick(rnd(2) ? NGX_ESS_STREAM_VISIBLE : NGX_ESS_STREAM_CLOSED);
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
    (void) ngx_ess_wake_take_locked(zone, refs, first, &overflow);
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

    if (info.state == NGX_ESS_STREAM_CREATING) {
        ngx_ess_table_remove(zone, &info.ref);

    } else {
        ngx_ess_table_remove(zone, &info.ref);
    }
}


static void
op_ordinals(void)
{
    ngx_ess_stream_info_t  info;

    if (ngx_ess_ordinal_wanted(zone, &info.ref,
                                            &info.reserved_ordinal) == NGX_OK) {
        /* a small mark, so that more is wanted soon */
        ngx_ess_ordinal_reserved(zone, &info.ref,
                                 rnd(2) ? info.reserved_ordinal
                                          - NGX_ESS_ORDINALS_LOW + rnd(10) : 0);
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


static void
child_run(ngx_uint_t attach)
{
    ngx_uint_t  i;

    ngx_pid = getpid();

    if (ngx_ess_process_attach(zone, attach, &ngx_unit_log) != NGX_OK) {
        abort();
    }

    model_sync();

    for (i = 0; i < OPS; i++) {
        model->ops++;

        switch (rnd(22)) {
        case 0:
            op_create();
            break;
        case 1:
            if (rnd(3) == 0) {
                op_delete();
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
        default:
            op_append();
            break;
        }

        model_sync();
        ngx_current_msec += 20;
    }

    if (rnd(2)) {
        ngx_ess_process_detach(zone);
        model_sync();
    }
}


/* A child that dies after n writes; 1: it did. */

static int
run_child(ngx_uint_t n, ngx_uint_t attach)
{
    int    status;
    pid_t  pid;

    *ngx_unit_faults = n;

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        if (attach == NGX_ESS_PROCS) {
            ngx_pid = getpid();
            ngx_ess_zone_lock(zone);
            ngx_ess_zone_unlock(zone);

        } else {
            child_run(attach);
        }

        _exit(ngx_unit_alerts ? 1 : 0);
    }

    assert_true(waitpid(pid, &status, 0) == pid);

    *ngx_unit_faults = 0;
    ngx_unit_force_unlock(zone);

    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        return 0;
    }

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);

    return 1;
}


static void
test_crash(void **state)
{
    ngx_uint_t  n, crashes, killed, again;

    zone = ngx_unit_zone(1024 * 1024);
    zone->log_size = 200000;
    killed = 0;
    again = 0;
    crashes = getenv("ESS_CRASHES") ? atoi(getenv("ESS_CRASHES")) : CRASHES;

    for (n = 1; n <= crashes; n++) {
        seed = n * 1000003;

        /* the attach comes first; the model must be there before it */

        model_sync();

        killed += run_child((n % 3) ? n : n * 7, rnd(PROCS));
        ngx_current_msec += 500;

        if (n % 4 == 0) {
            /* who repairs dies, too */
            again += run_child(1 + rnd(20), NGX_ESS_PROCS);
        }

        ngx_ess_zone_lock(zone);
        ngx_ess_zone_unlock(zone);

        if (ngx_ess_zone_check(zone, &ngx_unit_log)) {
            fail_msg("n = %d", (int) n);
        }

        check_model();
        check_bodies();
    }

    print_message("%d killed, %d while repairing, %d operations, %d events, "
                  "%d followed, %d streams, %d evicted early, %d free\n",
                  (int) killed, (int) again,
                  (int) model->ops, (int) model->event,
                  (int) model->followed, (int) zone->sh->next_id,
                  (int) ngx_ess_counter_sum(zone, NGX_ESS_C_EVICTED_EARLY),
                  (int) zone->sh->nfree);

    assert_true(killed > crashes / 2);
    assert_true(again > 0);
    assert_true(model->followed > crashes / 20);
    assert_true(ngx_ess_counter_sum(zone, NGX_ESS_C_EVICTED_EARLY) > crashes);

    ngx_unit_free(zone);
}


/* One operation, killed at each of its writes in turn. */

static void
test_each_write(void **state)
{
    int                    status;
    pid_t                  pid;
    uint64_t               seq, next;
    ngx_uint_t             i, n;
    ngx_ess_event_t        event;
    ngx_ess_stream_info_t  info;
    ngx_ess_wake_t         wake;
    u_char                 body[2000];

    zone = ngx_unit_zone(1024 * 1024);
    zone->log_count = 3;

    ngx_ess_zone_new_generation(zone);
    assert_int_equal(ngx_ess_process_attach(zone, 1, &ngx_unit_log), NGX_OK);

    for (i = 0; i < 5; i++) {
        assert_int_equal(ngx_ess_table_reserve(zone, &keys[2],
                                               &ngx_unit_bound, 0, &info),
                         NGX_OK);
        assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);
        assert_int_equal(ngx_ess_interest_subscribe(zone, &info.ref, NULL,
                                                    &seq, &next, &number),
                         NGX_OK);
    }

    for (n = 1; /* void */ ; n++) {

        ngx_memzero(&wake, sizeof(wake));
        model_sync();

        model->appending = 3;
        model->event++;
        make_body(model->event, body, sizeof(body));

        ngx_memzero(&event, sizeof(ngx_ess_event_t));

        event.body.data = body;
        event.body.len = sizeof(body);
        event.timestamp = model->event;

        ngx_current_msec += 1200;
        *ngx_unit_faults = n;

        pid = fork();
        assert_true(pid != -1);

        if (pid == 0) {
            ngx_pid = getpid();
            ngx_ess_zone_lock(zone);
            (void) ngx_unit_append_locked(zone,
                                          ngx_ess_stream_slot(&keys[2]),
                                          &keys[2], &event, 5, 1,
                                          &wake);
            ngx_ess_zone_unlock(zone);
            _exit(0);
        }

        assert_true(waitpid(pid, &status, 0) == pid);
        *ngx_unit_faults = 0;
        ngx_unit_force_unlock(zone);

        assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
        check_model();
        check_bodies();

        if (WIFEXITED(status)) {
            break;
        }
    }

    /* journal, count and store of some twenty words for each stream */
    assert_true(n > 5 * 3 * 15);

    ngx_unit_free(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_each_write),
        cmocka_unit_test(test_crash),
    };

    ngx_unit_fault();
    make_keys();

    model = mmap(NULL, sizeof(model_t), PROT_READ|PROT_WRITE,
                 MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    if (model == MAP_FAILED) {
        return 1;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
