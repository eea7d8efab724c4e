/*
 * What a zone should be after a crash.
 */


#include "crash_model.h"
#include "ngx_ess_log_key.h"
#include <sys/mman.h>


ngx_ess_zone_t  *zone;
model_t         *model;
uint64_t         seed;
ngx_str_t        keys[KEYS];


ngx_uint_t
rnd(ngx_uint_t n)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;

    return (seed >> 33) % n;
}


int
crash_model_make(void)
{
    ngx_uint_t     i;

    static u_char  text[KEYS][NGX_ESS_MAX_KEY];

    for (i = 0; i < KEYS; i++) {
        ngx_memset(text[i], 'a' + i, NGX_ESS_MAX_KEY);
        keys[i].data = text[i];
        keys[i].len = 1 + i * 36;
    }

    model = mmap(NULL, sizeof(model_t), PROT_READ|PROT_WRITE,
                 MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    return model == MAP_FAILED;
}


void
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


void
make_body(uint64_t event, u_char *body, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        body[i] = (i < 8) ? (u_char) (event >> (8 * i))
                          : (u_char) (event * 31 + i * 7);
    }
}


size_t
make_key(uint64_t event, u_char *key)
{
    ngx_memset(key, 'a' + event % 26, NGX_ESS_MAX_KEY);

    return 1 + event * 7 % NGX_ESS_MAX_KEY;
}


static void
check_record(ngx_ess_zone_record_t *r)
{
    uint64_t   event;
    ngx_str_t  key, body;
    u_char     got[8192], want[8192], name[NGX_ESS_MAX_KEY];

    if (ngx_ess_zone_record_type(r) != NGX_ESS_RECORD_EVENT) {
        return;
    }

    /* the timestamp is the event's number */

    event = ngx_ess_zone_timestamp(r);

    assert_true(event <= model->event);

    key.data = name;
    body.data = got;
    body.len = r->len;

    ngx_ess_log_key_get_locked(zone->sh, r, &key, &body);

    if (r->keyed) {
        assert_int_equal(key.len, make_key(event, want));
        assert_memory_equal(key.data, want, key.len);
    }

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


void
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
                        || model->target == MODEL_ANY
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

        assert_true(s->state == m->state || m->id == model->target
                    || model->target == MODEL_ANY);
    }

    check_bodies();
}


model_stream_t *
model_pick(uint32_t state)
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
