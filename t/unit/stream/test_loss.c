/*
 * What is lost before it comes to nginx is told of before the next event, or
 * before somebody comes, once.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_log.c
 */


#include "one_log.h"
#include "ngx_ess_loss.h"


static void
types(const ngx_ess_record_type_e *expected, ngx_uint_t n)
{
    size_t      need;
    uint64_t    seq, lost;
    ngx_uint_t  i, count;

    seq = 1;
    count = 4096;

    assert_int_equal(take(&seq, sizeof(buf), &count, &lost, &need), NGX_OK);
    assert_int_equal(count, n);

    for (i = 0; i < n; i++) {
        assert_int_equal(records[i].type, expected[i]);
    }
}


#define EVENT   NGX_ESS_RECORD_EVENT
#define LOSS    NGX_ESS_RECORD_LOSS


/* what is lost on the way is told of before the next event, once */

static void
test_lost(void **state)
{
    ngx_uint_t             i, slot;
    ngx_ess_log_place_t    p;
    ngx_ess_stream_info_t  later;

    static const uint64_t  seqs[] = { 1, 3, 5, 6, 8 };

    static const ngx_ess_record_type_e  all[] = {
        EVENT, NGX_ESS_RECORD_POISON, LOSS, EVENT, EVENT, LOSS, EVENT
    };

    slot = ngx_ess_stream_slot(&key);

    append(&key, (u_char *) "a", 1);

    ngx_ess_loss_slot(zone, slot);
    append(&key, (u_char *) "POISON", 6);
    append(&key, (u_char *) "b", 1);
    append(&key, (u_char *) "c", 1);

    ngx_ess_loss_slot(zone, slot);
    ngx_ess_loss_slot(zone, slot);
    ngx_ess_loss_slot(zone, (slot + 1) % NGX_ESS_SLOTS);

    /* a stream that is made now lost nothing */

    assert_int_equal(ngx_ess_table_reserve(zone, &key,
                                           &ngx_unit_bound, 0, NULL,
                                           &later), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &later.ref), NGX_OK);

    append(&key, (u_char *) "d", 1);

    types(all, 7);
    assert_int_equal(records[2].ordinal, 1);
    assert_int_equal(records[2].after, 1);

    /* who has what is before it is to read it */

    for (i = 0; i < 5; i++) {
        assert_int_equal(ngx_ess_log_search_ordinal(zone, &stream.ref, i, &p),
                         NGX_OK);
        assert_int_equal(p.seq, seqs[i]);
        assert_int_equal(p.have, i);
        assert_int_equal(p.gap.from, 0);
        }

        stream = later;
        reader_last = 0;
    types(all, 1);
}


/* or before somebody comes */

static void
test_losses(void **state)
{
    ngx_ess_stream_info_t  info;

    static const ngx_ess_record_type_e  all[] = {
        EVENT, LOSS, LOSS, EVENT
    };

    append(&key, (u_char *) "a", 1);

    ngx_ess_log_losses(zone, &stream.ref);

    ngx_ess_loss_slot(zone, ngx_ess_stream_slot(&key));
    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info), NGX_OK);
    assert_int_equal(info.untold, 1);

    ngx_ess_log_losses(zone, &stream.ref);
    ngx_ess_log_losses(zone, &stream.ref);
    assert_int_equal(zone->sh->undo, 0);

    assert_int_equal(ngx_ess_stream_by_id(zone, stream.ref.id, &info), NGX_OK);
    assert_int_equal(info.untold, 0);
    assert_int_equal(info.last_ordinal, 1);
    assert_int_equal(info.events, 1);

    assert_int_equal(ngx_ess_loss_stream(zone, &stream.ref), NGX_OK);
    append(&key, (u_char *) "b", 1);

    types(all, 4);
}


/* of one key's streams, of one stream, of all: noticed by one after another */

static void
test_lost_bindings(void **state)
{
    uint32_t               seen[2];
    ngx_str_t              other;
    ngx_ess_stream_info_t  creating;

    static const ngx_ess_record_type_e  all[] = {
        LOSS, EVENT, EVENT, LOSS, EVENT, EVENT, LOSS, EVENT, EVENT
    };

    ngx_str_set(&other, "no stream has this");

    assert_int_equal(ngx_ess_loss_key(zone, &other, (uint64_t) -1), 0);
    assert_int_equal(ngx_ess_loss_key(zone, &key, stream.ref.id), 0);
    assert_int_equal(ngx_ess_loss_key(zone, &key, stream.ref.id + 1), 1);
    append(&key, (u_char *) "a", 1);
    append(&key, (u_char *) "b", 1);

    assert_int_equal(ngx_ess_loss_stream(zone, &stream.ref), NGX_OK);
    append(&key, (u_char *) "c", 1);
    append(&key, (u_char *) "d", 1);

    seen[0] = seen[1] = ngx_ess_loss_number(zone);
    assert_int_equal(ngx_ess_loss_exchange(zone, &seen[0]), 1);
    assert_int_equal(ngx_ess_loss_exchange(zone, &seen[1]), 0);
    assert_int_equal(seen[0], ngx_ess_loss_number(zone));
    assert_int_equal(seen[1], seen[0]);
    append(&key, (u_char *) "e", 1);
    append(&key, (u_char *) "f", 1);

    types(all, 9);

    /* one that is not listed yet was not bound before */

    assert_int_equal(ngx_ess_stream_listed_below(zone), stream.ref.id + 1);
    assert_int_equal(ngx_ess_table_reserve(zone, &other,
                                           &ngx_unit_bound, 0, NULL, &creating),
                     NGX_OK);
    assert_int_equal(ngx_ess_stream_key_used(zone, &other, 0), 1);
    assert_int_equal(ngx_ess_stream_key_used(zone, &other, 1), 0);
    assert_int_equal(ngx_ess_stream_listed_below(zone), 0);
    assert_int_equal(ngx_ess_loss_stream(zone, &creating.ref), NGX_DECLINED);
    assert_int_equal(ngx_ess_table_show(zone, &creating.ref), NGX_OK);
    assert_int_equal(ngx_ess_stream_key_used(zone, &other, 1), 1);

    assert_int_equal(ngx_ess_loss_witness(zone), 0);
    ngx_ess_loss_set_witness(zone, 7);
    assert_int_equal(ngx_ess_loss_witness(zone), 7);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        one_log_test(test_lost),
        one_log_test(test_losses),
        one_log_test(test_lost_bindings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
