/*
 * The patterns of a topic exchange, over a real stream table: each slot knows
 * those of its own streams, new ones and those that are no more.
 *
 * links: src/source/exchange/ngx_ess_exchange_pattern.c
 * links: src/source/exchange/ngx_ess_topic.c src/ngx_ess_str.c
 * links: t/unit/ngx_str_rbtree.c
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_ess_exchange_pattern.h"


static ngx_ess_zone_t             *zone;
static ngx_ess_exchange_conf_t     conf;
static ngx_ess_exchange_worker_t   worker;


static int
setup(void **state)
{
    ngx_uint_t  i;

    zone = ngx_unit_zone(1024 * 1024);

    ngx_memzero(&conf, sizeof(ngx_ess_exchange_conf_t));
    ngx_memzero(&worker, sizeof(ngx_ess_exchange_worker_t));

    conf.topic = 1;
    worker.zone = zone;
    worker.conf = &conf;
    worker.log = &ngx_unit_log;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        worker.slots[i].worker = &worker;
        worker.slots[i].number = i;
        worker.slots[i].own = 1;
    }

    return ngx_ess_process_attach(zone, 3, &ngx_unit_log) != NGX_OK;
}


static int
teardown(void **state)
{
    ngx_ess_exchange_pattern_exit(&worker);
    ngx_unit_free(zone);

    return 0;
}


static ngx_str_t
str(const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}


static ngx_ess_stream_info_t
create(const char *pattern)
{
    ngx_str_t              key;
    ngx_ess_stream_info_t  info;

    key = str(pattern);

    assert_int_equal(ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0, NULL,
                                           &info),
                     NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info.ref), NGX_OK);

    return info;
}


static void
delete(ngx_ess_stream_info_t *info)
{
    assert_int_equal(ngx_ess_table_delete_begin(zone, &info->ref), NGX_OK);
    ngx_ess_table_remove(zone, &info->ref);
}


/* a bit for each stream that one of the slots has for the key */

static ngx_uint_t
match(const char *text)
{
    ngx_str_t         key;
    ngx_uint_t        i, n, ids;
    ngx_ess_event_t   event;

    key = str(text);
    ids = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_memzero(&event, sizeof(ngx_ess_event_t));

        assert_int_equal(ngx_ess_exchange_pattern_match(&worker.slots[i], &key,
                                                        &event),
                         NGX_OK);

        for (n = 0; n < event.nstreams; n++) {
            ids |= (ngx_uint_t) 1 << event.streams[n]->id;
        }
    }

    return ids;
}


static void
test_streams_of_all_slots(void **state)
{
    create("a.*");
    create("b.#");
    create("a.b");

    assert_int_equal(ngx_ess_exchange_pattern_init(&worker), NGX_OK);

    assert_int_equal(match("a.b"), 1 << 1 | 1 << 3);
    assert_int_equal(match("b.c.d"), 1 << 2);
    assert_int_equal(match("c"), 0);

    /* one that comes later */

    create("c");
    assert_int_equal(match("c"), 1 << 4);
}


static void
test_one_of_several_keys(void **state)
{
    ngx_str_t                 key;
    ngx_ess_event_t           event;
    ngx_ess_event_key_t       keys[2];
    ngx_ess_exchange_slot_t  *slot;

    create("a.*");

    ngx_memzero(&event, sizeof(ngx_ess_event_t));
    ngx_memzero(keys, sizeof(keys));

    keys[0].key = str("x");
    keys[1].key = str("a.b");
    event.keys = keys;
    event.nkeys = 2;

    key = str("a.*");
    slot = &worker.slots[ngx_ess_stream_slot(&key)];
    key = str("x");

    assert_int_equal(ngx_ess_exchange_pattern_match(slot, &key, &event),
                     NGX_OK);
    assert_int_equal(event.nstreams, 1);
}


static void
test_slots_of_others(void **state)
{
    ngx_str_t   key;
    ngx_uint_t  slot;

    create("a.*");

    key = str("a.*");
    slot = ngx_ess_stream_slot(&key);

    worker.slots[slot].own = 0;
    assert_int_equal(match("a.b"), 0);
    assert_null(worker.slots[slot].topic);
}


static void
test_who_publishes_has_all(void **state)
{
    ngx_uint_t  i;

    create("a.*");

    conf.publish = 1;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        worker.slots[i].own = 0;
    }

    assert_int_equal(match("a.b"), 1 << 1);
}


static void
test_what_is_gone_when_it_matches(void **state)
{
    ngx_str_t                 key;
    ngx_ess_event_t           event;
    ngx_ess_exchange_slot_t  *slot;

    create("a.*");

    key = str("a.*");
    slot = &worker.slots[ngx_ess_stream_slot(&key)];

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    key = str("a.b");
    assert_int_equal(ngx_ess_exchange_pattern_match(slot, &key, &event),
                     NGX_OK);
    assert_int_equal(event.nstreams, 1);

    /* what the log does to the reference of a stream that is gone */

    event.streams[0]->index = 0;
    ngx_ess_exchange_pattern_appended(slot, &event);

    assert_int_equal(event.nstreams, 0);
    assert_int_equal(match("a.b"), 0);
}


/* An index does not grow by streams that come and go with no event for them. */

static void
test_what_is_gone_in_turn(void **state)
{
    ngx_str_t                 key;
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;
    ngx_ess_stream_info_t     info;

    key = str("a.*");
    slot = &worker.slots[ngx_ess_stream_slot(&key)];

    info = create("a.*");

    for (i = 0; i < 8; i++) {
        assert_int_equal(match("a.b"), 1 << info.ref.id);

        delete(&info);
        info = create("a.*");
    }

    assert_int_equal(match("a.b"), 1 << info.ref.id);
    assert_true(ngx_ess_stream_exists(zone,
                                      ngx_ess_topic_turn(slot->topic)));
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

    const struct CMUnitTest  tests[] = {
        t(test_streams_of_all_slots),
        t(test_one_of_several_keys),
        t(test_slots_of_others),
        t(test_who_publishes_has_all),
        t(test_what_is_gone_when_it_matches),
        t(test_what_is_gone_in_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
