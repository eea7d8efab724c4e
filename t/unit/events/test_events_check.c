/*
 * Events one by one: what the schema says, and what the log itself needs.
 *
 * links: src/events/ngx_ess_events_check.c src/ngx_ess_date.c
 * links: src/ngx_ess_json_*.c src/ngx_ess_str.c src/ngx_ess_utf8.c
 * links: t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_events_check.h"
#include "ngx_ess_schema.h"


#define NOW  1700000000000


void ngx_unit_pool_free(void);


static ngx_cycle_t  test_cycle;

volatile ngx_cycle_t  *ngx_cycle = &test_cycle;

static ngx_ess_event_log_t        test_log;
static ngx_ess_events_conf_t      test_conf;
static ngx_ess_events_item_t      item;
static ngx_ess_event_log_event_t  event;

/* what the schema says of all events */
static ngx_int_t                  schema_rc;
static ngx_ess_schema_error_t     schema_error;


ngx_int_t
ngx_ess_schema_validate(ngx_ess_schema_t *schema,
    const ngx_ess_json_value_t *value, int64_t now,
    ngx_ess_schema_error_t *error)
{
    assert_int_equal(now, NOW);
    *error = schema_error;

    return schema_rc;
}


static void
place(ngx_ess_json_pointer_t *pointer, ngx_str_t *name, char *text)
{
    ngx_str_t    s;
    const char  *detail;

    s.data = (u_char *) text;
    s.len = strlen(text);
    *name = s;

    if (s.len) {
        name->data++;
        name->len--;
        assert_int_equal(ngx_ess_json_pointer_compile(pointer, NULL, &s,
                                                      &detail), NGX_OK);
    }
}


static int
setup(void **state)
{
    memset(&test_log, 0, sizeof(test_log));
    memset(&test_conf, 0, sizeof(test_conf));
    memset(&schema_error, 0, sizeof(schema_error));

    schema_rc = NGX_OK;
    test_conf.log = &test_log;

    place(&test_log.id, &test_conf.id_name, "/id");
    place(&test_log.time, &test_conf.time_name, "/at");
    place(&test_log.type, &test_conf.type_name, "/type");

    return 0;
}


static int
teardown(void **state)
{
    ngx_unit_pool_free();

    return 0;
}


/* "": it is to be stored; else its error.  An event is a copy of its own, so
   that the sanitizer sees what is read behind it. */

static const char *
check(const char *text)
{
    char                  *copy;
    ngx_int_t              rc;
    ngx_str_t              s;
    ngx_ess_json_value_t   value, found;

    static char            error[256];
    static char           *last;

    free(last);
    last = copy = malloc(strlen(text));
    assert_non_null(copy);
    memcpy(copy, text, strlen(text));

    s.data = (u_char *) copy;
    s.len = strlen(text);

    assert_int_equal(ngx_ess_json_read(&s, &value, NULL), NGX_OK);
    memset(&found, 0, sizeof(found));

    if (test_conf.id_name.len) {
        (void) ngx_ess_json_pointer_find(&s, &test_log.id, &found);
    }

    memset(&item, 0, sizeof(item));

    ngx_ess_events_check_id(&item, &found);
    rc = ngx_ess_events_check(&test_conf, NULL, &value, &found, NOW, &event,
                              &item);
    if (rc == NGX_OK) {
        assert_null(item.error);
        assert_ptr_equal(event.body.data, value.span.data);
        assert_int_equal(event.body.len, value.span.len);

        return "";
    }

    assert_int_equal(rc, NGX_DECLINED);
    snprintf(error, sizeof(error), "%s%.*s", item.error, (int) item.name.len,
             item.name.data);

    return error;
}


static void
is(const ngx_str_t *text, const char *expected)
{
    assert_int_equal(text->len, strlen(expected));
    assert_memory_equal(text->data, expected, text->len);
}


static void
test_what_a_log_needs(void **state)
{
    char    text[2048], long_text[1024];
    size_t  i;

    static const char  *const rows[][2] = {
        { "{\"id\":\"a\",\"at\":\"1970-01-01T00:00:01Z\",\"type\":\"t\"}",
          "" },
        { "{\"id\":\"a\",\"at\":\"1970-01-01T00:00:01Z\",\"type\":\"\"}", "" },
        { "{}", "missing_id" },
        { "{\"id\":\"a\"}", "missing_at" },
        { "{\"id\":\"a\",\"at\":\"1970-01-01T00:00:01Z\"}", "missing_type" },
        { "{\"id\":\"\"}", "invalid_id" },
        { "{\"id\":7}", "invalid_id" },
        { "{\"id\":null}", "invalid_id" },
        { "{\"id\":\"\\ud800\"}", "invalid_id" },
        { "{\"id\":\"a\",\"at\":0}", "invalid_at" },
        { "{\"id\":\"a\",\"at\":\"\"}", "invalid_at" },
        { "{\"id\":\"a\",\"at\":\"1970-01-01\"}", "invalid_at" },
        { "{\"id\":\"a\",\"at\":\"1970-01-01T00:00:01Z\",\"type\":1}",
          "invalid_type" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(check(rows[i][0]), rows[i][1]);
    }

    /* to the byte */

    memset(long_text, 'x', sizeof(long_text));

    for (i = NGX_ESS_EVENT_LOG_ID; i <= NGX_ESS_EVENT_LOG_ID + 1; i++) {
        snprintf(text, sizeof(text), "{\"id\":\"%.*s\",\"at\":"
                 "\"1970-01-01T00:00:01Z\",\"type\":\"t\"}", (int) i,
                 long_text);
        assert_string_equal(check(text), i == NGX_ESS_EVENT_LOG_ID
                                         ? "" : "invalid_id");
    }

    for (i = NGX_ESS_EVENT_LOG_TYPE; i <= NGX_ESS_EVENT_LOG_TYPE + 1; i++) {
        snprintf(text, sizeof(text), "{\"id\":\"a\",\"at\":"
                 "\"1970-01-01T00:00:01Z\",\"type\":\"%.*s\"}", (int) i,
                 long_text);
        assert_string_equal(check(text), i == NGX_ESS_EVENT_LOG_TYPE
                                         ? "" : "invalid_type");
    }
}


static void
test_what_is_stored(void **state)
{
    u_char  hash[16];

    assert_string_equal(check("{\"id\":\"\\u0061\\n\",\"type\":\"\\\"t\","
                              "\"at\":\"1970-01-01T01:00:01.5+01:00\"}"), "");
    is(&event.id, "a\n");
    is(&event.type, "\"t");
    assert_int_equal(event.time, 1500);
    memcpy(hash, event.hash, 16);

    /* what a client is told is the id as it was sent */

    is(&item.id, "\\u0061\\n");

    /* another spelling of the same content, and another content */

    assert_string_equal(check("{\"at\":\"1970-01-01T01:00:01.5+01:00\", "
                              "\"type\":\"\\u0022t\", \"id\":\"a\\u000a\"}"),
                        "");
    assert_memory_equal(hash, event.hash, 16);

    assert_string_equal(check("{\"id\":\"a\\n\",\"type\":\"\\\"t\","
                              "\"at\":\"1970-01-01T00:00:01.5Z\"}"), "");
    assert_memory_not_equal(hash, event.hash, 16);
}


static void
test_a_log_that_needs_nothing(void **state)
{
    ngx_str_null(&test_conf.id_name);
    ngx_str_null(&test_conf.time_name);
    ngx_str_null(&test_conf.type_name);

    assert_string_equal(check("{\"id\":7,\"at\":[],\"type\":{}}"), "");
    assert_int_equal(event.id.len, 0);
    assert_int_equal(event.type.len, 0);
    assert_int_equal(event.time, NOW);
    assert_int_equal(item.id.len, 0);
}


static void
test_the_schema_comes_first(void **state)
{
    test_log.schema = (struct ngx_ess_schema_s *) &test_log;

    schema_rc = NGX_DECLINED;
    assert_string_equal(check("{}"), "invalid_event");

    ngx_str_set(&schema_error.name, "location");
    assert_string_equal(check("{}"), "invalid_location");
    assert_string_equal(check("{\"id\":7}"), "invalid_location");
    assert_int_equal(item.id.len, 0);
    assert_string_equal(check("{\"id\":\"a\"}"), "invalid_location");
    is(&item.id, "a");

    schema_error.missing = 1;
    assert_string_equal(check("{}"), "missing_location");

    schema_rc = NGX_OK;
    assert_string_equal(check("{}"), "missing_id");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_what_a_log_needs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_is_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_log_that_needs_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_schema_comes_first, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
