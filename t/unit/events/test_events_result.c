/*
 * What became of events, as an answer, to the byte.
 *
 * links: src/events/ngx_ess_events_result.c t/unit/ngx_pool.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_events_result.h"


void ngx_unit_pool_free(void);


static ngx_ess_events_item_t      items[1000];
static ngx_ess_event_log_event_t  events[1000];


static int
setup(void **state)
{
    memset(items, 0, sizeof(items));
    memset(events, 0, sizeof(events));

    return 0;
}


static int
teardown(void **state)
{
    ngx_unit_pool_free();

    return 0;
}


static void
answers(ngx_uint_t n, const ngx_ess_event_log_event_t *results,
    ngx_uint_t stored, const char *expected)
{
    ngx_str_t  json;

    assert_int_equal(ngx_ess_events_result(NULL, items, n, results, stored,
                                           &json), NGX_OK);
    assert_int_equal(json.len, strlen(expected));
    assert_memory_equal(json.data, expected, json.len);
}


static void
test_none(void **state)
{
    answers(0, NULL, 1, "[]");
}


/* Events that were asked for are fewer than items: the invalid ones are not
   among them. */

static void
test_each_result(void **state)
{
    ngx_str_set(&items[0].id, "a");
    ngx_str_set(&items[1].id, "b\\n");
    items[1].error = "invalid_";
    ngx_str_set(&items[1].name, "at");
    ngx_str_set(&items[2].id, "c");
    ngx_str_set(&items[2].name, "id");
    items[2].event = 1;
    ngx_str_set(&items[3].id, "d");
    items[3].event = 2;
    items[4].error = "invalid_json";

    ngx_str_set(&events[0].id, "a");
    events[0].result = NGX_ESS_EVENT_LOG_STORED;
    ngx_str_set(&events[1].id, "c");
    events[1].result = NGX_ESS_EVENT_LOG_OTHER;
    ngx_str_set(&events[2].id, "d");
    events[2].result = NGX_ESS_EVENT_LOG_SAME;

    answers(5, events, 1,
            "[{\"event_id\":\"a\",\"success\":true,\"error\":\"\"},"
            "{\"event_id\":\"b\\n\",\"success\":false,"
            "\"error\":\"invalid_at\"},"
            "{\"event_id\":\"c\",\"success\":false,"
            "\"error\":\"duplicate_id\"},"
            "{\"event_id\":\"d\",\"success\":true,\"error\":\"\"},"
            "{\"event_id\":\"\",\"success\":false,"
            "\"error\":\"invalid_json\"}]");

    /* one that is invalid spoils its neighbours, and is told of */

    answers(3, events, 0,
            "[{\"event_id\":\"a\",\"success\":false,\"error\":\"\"},"
            "{\"event_id\":\"b\\n\",\"success\":false,"
            "\"error\":\"invalid_at\"},"
            "{\"event_id\":\"c\",\"success\":false,"
            "\"error\":\"duplicate_id\"}]");

    /* the database was not asked */

    answers(2, NULL, 0,
            "[{\"event_id\":\"a\",\"success\":false,\"error\":\"\"},"
            "{\"event_id\":\"b\\n\",\"success\":false,"
            "\"error\":\"invalid_at\"}]");

    /* a trigger of the database */

    events[0].result = NGX_ESS_EVENT_LOG_REFUSED;
    answers(1, events, 1, "[{\"event_id\":\"a\",\"success\":false,"
                          "\"error\":\"refused\"}]");
}


/* The log's number is the id of who has none. */

static void
test_ids_of_the_log(void **state)
{
    events[0].seq = UINT64_MAX;

    answers(1, events, 1, "[{\"event_id\":\"18446744073709551615\","
                          "\"success\":true,\"error\":\"\"}]");
    answers(1, events, 0, "[{\"event_id\":\"\",\"success\":false,"
                          "\"error\":\"\"}]");
}


/* The longest of all: the sanitizer sees what is written behind the room. */

static void
test_room(void **state)
{
    u_char      text[NGX_ESS_EVENT_LOG_ID];
    ngx_str_t   json;
    ngx_uint_t  i;

    memset(text, 'x', sizeof(text));

    for (i = 0; i < 1000; i++) {
        events[i].result = NGX_ESS_EVENT_LOG_OTHER;
        items[i].event = i;
        items[i].id.data = text;
        items[i].id.len = sizeof(text);
        items[i].name = items[i].id;
    }

    assert_int_equal(ngx_ess_events_result(NULL, items, 1000, events, 1,
                                           &json), NGX_OK);
    assert_true(json.len > 1000 * 2 * sizeof(text));
    assert_memory_equal(json.data + json.len - 3, "\"}]", 3);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_result, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ids_of_the_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
