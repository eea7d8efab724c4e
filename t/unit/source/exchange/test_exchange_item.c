/*
 * A delivery with further keys in CC: which of them count for a slot, what is
 * no key, how many are too many, copies, and no memory.
 *
 * links: src/source/exchange/ngx_ess_exchange_item.c
 * links: src/amqp/ngx_ess_amqp_property.c
 * links: src/ngx_ess_escape.c t/unit/ngx_string.c
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_key.c t/unit/fake_key.c
 * links: src/amqp/ngx_ess_amqp_table.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_exchange_item.h"
#include "ngx_ess_exchange_print.h"
#include "ngx_ess_loss.h"


#define ENTRIES  30000


static ngx_log_t                  quiet = { .log_level = NGX_LOG_DEBUG };
static ngx_ess_exchange_conf_t    conf;
static ngx_ess_exchange_worker_t  worker;
static amqp_field_value_t         entries[ENTRIES];
static amqp_table_entry_t         header;
static amqp_basic_properties_t    properties;
static ngx_ess_exchange_item_t    item;
static ngx_uint_t                 lost;
static ngx_uint_t                 logged;

/* allocations until one fails; negative: none does */
static ngx_int_t                  allocations;

static ngx_time_t                 now = { .sec = 1000 };
volatile ngx_time_t              *ngx_cached_time = &now;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return allocations-- == 0 ? NULL : malloc(size);
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    logged++;
}


/* a key is of the slot that its first byte names */

ngx_uint_t
ngx_ess_stream_event_key(ngx_ess_event_key_t *k, ngx_str_t *key)
{
    memset(k, 0, sizeof(ngx_ess_event_key_t));

    k->key = *key;

    return key->len ? key->data[0] % NGX_ESS_SLOTS : 0;
}


ngx_uint_t
ngx_ess_stream_slot(ngx_str_t *key)
{
    return key->data[0] % NGX_ESS_SLOTS;
}


ngx_int_t
ngx_ess_stream_uuid_parse(u_char *uuid, ngx_str_t *text)
{
    return NGX_DECLINED;
}


uint64_t
ngx_ess_exchange_print(ngx_str_t *key, ngx_str_t *raw, ngx_str_t *body,
    ngx_uint_t quorum)
{
    return 1;
}


ngx_uint_t
ngx_ess_exchange_slot_quorum(ngx_ess_exchange_slot_t *slot)
{
    return 0;
}


void
ngx_ess_loss_slot(ngx_ess_zone_t *zone, ngx_uint_t slot)
{
    lost++;
}


static void
text(ngx_uint_t i, const char *s)
{
    entries[i].kind = AMQP_FIELD_KIND_UTF8;
    entries[i].value.bytes = amqp_cstring_bytes(s);
}


/* "key" is of the slot 'k' */

static ngx_uint_t
init(const char *name, int kind, ngx_uint_t n, ngx_uint_t topic)
{
    ngx_ess_exchange_slot_t  *slot;
    ngx_ess_amqp_delivery_t   delivery;

    conf.topic = topic;
    worker.conf = &conf;
    worker.log = &quiet;
    slot = &worker.slots['k' % NGX_ESS_SLOTS];
    slot->worker = &worker;
    slot->number = 'k' % NGX_ESS_SLOTS;

    properties._flags = AMQP_BASIC_HEADERS_FLAG;
    properties.headers.num_entries = 1;
    properties.headers.entries = &header;

    memset(&header, 0, sizeof(header));
    header.key = amqp_cstring_bytes(name);
    header.value.kind = kind;

    if (kind == AMQP_FIELD_KIND_ARRAY) {
        header.value.value.array.num_entries = n;
        header.value.value.array.entries = entries;
    }

    memset(&delivery, 0, sizeof(delivery));
    ngx_str_set(&delivery.key, "key");
    ngx_str_set(&delivery.body, "body");
    delivery.properties = &properties;

    memset(&item, 0xff, sizeof(item));
    ngx_ess_exchange_item_init(&item, slot, &delivery);

    return item.event.nkeys;
}


static int
setup(void **state)
{
    allocations = -1;
    lost = 0;
    logged = 0;
    now.sec++;

    return 0;
}


static void
is(ngx_ess_exchange_item_t *it, ngx_uint_t i, const char *key)
{
    assert_int_equal(it->event.keys[i].key.len, strlen(key));
    assert_memory_equal(it->event.keys[i].key.data, key, strlen(key));
}


static void
test_which(void **state)
{
    ngx_uint_t  i;

    static const int  kinds[] = { AMQP_FIELD_KIND_BYTES, AMQP_FIELD_KIND_I32,
                                  AMQP_FIELD_KIND_TABLE, AMQP_FIELD_KIND_VOID,
                                  AMQP_FIELD_KIND_ARRAY };

    text(0, "kitchen");
    text(1, "other");
    text(2, "");
    text(3, "kilo");

    assert_int_equal(init("CC", AMQP_FIELD_KIND_ARRAY, 4, 0), 3);
    is(&item, 0, "key");
    is(&item, 1, "kitchen");
    is(&item, 2, "kilo");
    ngx_ess_exchange_item_done(&item);

    assert_int_equal(init("CC", AMQP_FIELD_KIND_ARRAY, 4, 1), 5);
    is(&item, 2, "other");
    is(&item, 3, "");
    ngx_ess_exchange_item_done(&item);

    /* what is no text is no key */

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        memset(&entries[i], 0, sizeof(entries[i]));
        entries[i].kind = kinds[i];
    }

    assert_int_equal(init("CC", AMQP_FIELD_KIND_ARRAY, i, 1), 1);
    ngx_ess_exchange_item_done(&item);

    assert_int_equal(init("CC", AMQP_FIELD_KIND_ARRAY, 0, 0), 1);
    assert_non_null(item.event.keys);
    ngx_ess_exchange_item_done(&item);

    /* nor is what is no array, or another header */

    text(0, "kitchen");

    assert_int_equal(init("CC", AMQP_FIELD_KIND_UTF8, 0, 1), 0);
    assert_null(item.event.keys);
    assert_int_equal(init("cc", AMQP_FIELD_KIND_ARRAY, 1, 1), 0);
    assert_null(item.event.keys);
    ngx_ess_exchange_item_done(&item);

    assert_int_equal(logged, 0);
}


static void
test_too_many(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < ENTRIES; i++) {
        text(i, (i % 2) ? "kilo" : "");
    }

    assert_int_equal(init("CC", AMQP_FIELD_KIND_ARRAY,
                          2 * (NGX_ESS_EXCHANGE_ITEM_KEYS - 1), 0),
                     NGX_ESS_EXCHANGE_ITEM_KEYS);
    ngx_ess_exchange_item_done(&item);
    assert_int_equal(logged, 0);

    /* once a second */

    for (i = 0; i < 3; i++) {
        assert_int_equal(init("CC", AMQP_FIELD_KIND_ARRAY, ENTRIES, i % 2),
                         NGX_ESS_EXCHANGE_ITEM_KEYS);
        ngx_ess_exchange_item_done(&item);
    }

    assert_int_equal(logged, 1);

    now.sec++;
    (void) init("CC", AMQP_FIELD_KIND_ARRAY, ENTRIES, 0);
    ngx_ess_exchange_item_done(&item);
    assert_int_equal(logged, 2);
}


static void
test_copy(void **state)
{
    char                      long_key[70000], kilo[] = "kilo";
    ngx_ess_exchange_item_t  *copy, *again;

    memset(long_key, 'k', sizeof(long_key));
    long_key[sizeof(long_key) - 1] = '\0';

    text(0, kilo);
    text(1, long_key);

    assert_int_equal(init("CC", AMQP_FIELD_KIND_ARRAY, 2, 0), 3);
    item.event.keys[1].from = 5;

    copy = ngx_ess_exchange_item_copy(&item);
    assert_non_null(copy);
    assert_int_equal(copy->size, ngx_ess_exchange_item_size(&item));

    ngx_ess_exchange_item_done(&item);
    memset(kilo, 'x', sizeof(kilo));
    memset(long_key, 'x', sizeof(long_key) - 1);

    again = ngx_ess_exchange_item_copy(copy);
    assert_non_null(again);
    ngx_free(copy);

    assert_int_equal(again->event.nkeys, 3);
    is(again, 0, "key");
    is(again, 1, "kilo");
    assert_int_equal(again->event.keys[1].from, 5);
    assert_int_equal(again->event.keys[2].key.len, sizeof(long_key) - 1);
    assert_int_equal(again->event.keys[2].key.data[sizeof(long_key) - 2], 'k');
    assert_memory_equal(again->key.data, "key", 3);
    assert_memory_equal(again->event.body.data, "body", 4);

    ngx_free(again);
}


/* without memory the streams of the slot are told of a gap */

static void
test_no_memory(void **state)
{
    text(0, "kilo");

    allocations = 0;
    assert_int_equal(init("CC", AMQP_FIELD_KIND_ARRAY, 1, 0), 0);
    assert_null(item.event.keys);
    assert_int_equal(lost, 1);
    ngx_ess_exchange_item_done(&item);

    allocations = 1;
    assert_int_equal(init("CC", AMQP_FIELD_KIND_ARRAY, 1, 0), 2);
    assert_null(ngx_ess_exchange_item_copy(&item));
    ngx_ess_exchange_item_done(&item);
    assert_int_equal(lost, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_which, setup),
        cmocka_unit_test_setup(test_too_many, setup),
        cmocka_unit_test_setup(test_copy, setup),
        cmocka_unit_test_setup(test_no_memory, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
