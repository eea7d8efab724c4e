/*
 * Unit tests of event logs in SQLite on real files in a temporary folder:
 * results, numbers, pages, totals, and databases that fail.
 *
 * links: t/unit/ngx_string.c t/unit/fake_event_log.c src/ngx_ess_escape.c
 * links: src/events/ngx_ess_event_log_sqlite.c
 * links: src/events/ngx_ess_event_log_sqlite_handle.c
 * links: src/events/ngx_ess_event_log_sqlite_insert.c
 * links: src/events/ngx_ess_event_log_sqlite_query.c
 * links: src/events/ngx_ess_event_log_sqlite_retain.c
 * links: src/sqlite/ngx_ess_sqlite_db.c src/sqlite/ngx_ess_sqlite_file.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "fake_event_log.h"


static void
test_results(void **state)
{
    fake_log_event(0, "one", "a", 1, "{\"x\":1}");
    fake_log_event(1, "two", "a", 2, "{\"x\":2}");
    fake_log_event(2, "one", "a", 1, "{\"x\":1}");
    fake_log_event(3, "one", "a", 1, "{\"x\":3}");

    assert_int_equal(fake_log_insert(4, 0), NGX_OK);
    assert_int_equal(fake_log_events[0].result, NGX_ESS_EVENT_LOG_STORED);
    assert_int_equal(fake_log_events[1].result, NGX_ESS_EVENT_LOG_STORED);
    assert_int_equal(fake_log_events[2].result, NGX_ESS_EVENT_LOG_SAME);
    assert_int_equal(fake_log_events[3].result, NGX_ESS_EVENT_LOG_OTHER);
    assert_int_equal(fake_log_events[0].seq, 1);
    assert_int_equal(fake_log_events[1].seq, 2);
    assert_int_equal(fake_log_events[2].seq, 1);

    assert_int_equal(fake_log_insert(2, 1), NGX_OK);
    assert_int_equal(fake_log_events[0].result, NGX_ESS_EVENT_LOG_SAME);
    assert_int_equal(fake_log_total(), 2);
}


static void
test_atomic(void **state)
{
    fake_log_event(0, "one", "a", 1, "{\"x\":1}");
    assert_int_equal(fake_log_insert(1, 1), NGX_OK);

    fake_log_event(0, "two", "a", 1, "{\"x\":2}");
    fake_log_event(1, "one", "a", 1, "{\"x\":9}");
    fake_log_event(2, "three", "b", 1, "{\"x\":3}");
    assert_int_equal(fake_log_insert(3, 1), NGX_DECLINED);
    assert_int_equal(fake_log_events[1].result, NGX_ESS_EVENT_LOG_OTHER);
    assert_int_equal(fake_log_total(), 1);

    fake_log_event(0, "two", "a", 1, "{\"x\":2}");
    assert_int_equal(fake_log_insert(1, 0), NGX_OK);
    assert_int_equal(fake_log_events[0].result, NGX_ESS_EVENT_LOG_STORED);
    assert_int_equal(fake_log_events[0].seq, 2);
    assert_int_equal(fake_log_total(), 2);

    memset(&fake_log_query, 0, sizeof(fake_log_query));
    ngx_str_set(&fake_log_query.type, "b");
    fake_log_query.has_total = 1;
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.total, 0);
}


static void
test_many_in_one_transaction(void **state)
{
    ngx_uint_t                   i;
    ngx_ess_event_log_insert_t   ins[3], *inserts[3];

    fake_log_event(0, "one", "a", 1, "{\"x\":1}");
    fake_log_event(1, "two", "a", 1, "{\"x\":1}");
    fake_log_event(2, "one", "a", 1, "{\"x\":9}");
    fake_log_event(3, "two", "a", 1, "{\"x\":1}");

    memset(ins, 0, sizeof(ins));

    for (i = 0; i < 3; i++) {
        inserts[i] = &ins[i];
        ins[i].rc = NGX_ERROR;
    }

    ins[0].events = &fake_log_events[0];
    ins[0].n = 1;
    ins[1].events = &fake_log_events[1];
    ins[1].n = 2;
    ins[1].atomic = 1;
    ins[2].events = &fake_log_events[3];
    ins[2].n = 1;

    ngx_ess_event_log_sqlite.insert(fake_log_handle, inserts, 3);

    assert_int_equal(ins[0].rc, NGX_OK);
    assert_int_equal(ins[1].rc, NGX_DECLINED);
    assert_int_equal(ins[2].rc, NGX_OK);
    assert_int_equal(fake_log_events[3].result, NGX_ESS_EVENT_LOG_STORED);
    assert_int_equal(fake_log_events[3].seq, 2);
    assert_int_equal(fake_log_total(), 2);
}


static void
test_without_id(void **state)
{
    fake_log_event(0, "2", "a", 1, "{\"x\":1}");
    fake_log_event(1, "", "a", 1, "{\"x\":2}");
    fake_log_event(2, "", "a", 1, "{\"x\":2}");

    assert_int_equal(fake_log_insert(3, 0), NGX_OK);
    assert_int_equal(fake_log_events[1].result, NGX_ESS_EVENT_LOG_STORED);
    assert_int_equal(fake_log_events[1].seq, 3);
    assert_int_equal(fake_log_events[2].seq, 4);

    memset(&fake_log_query, 0, sizeof(fake_log_query));
    ngx_str_set(&fake_log_query.id, "3");
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.nrows, 1);
    assert_int_equal(fake_log_query.rows[0].seq, 3);
    assert_memory_equal(fake_log_query.rows[0].body.data, "{\"x\":2}", 7);
    fake_log_done();

    ngx_str_set(&fake_log_query.id, "no");
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.nrows, 0);
    assert_int_equal(fake_log_query.more, 0);
    fake_log_done();
}


/* rows that somebody brought in have ids that would be numbers */

static void
test_taken_numbers(void **state)
{
    sqlite3  *db;

    assert_int_equal(sqlite3_open(fake_log_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 20000)"
        " INSERT INTO event (seq, id, type, time, received, body, hash)"
        " SELECT i, i + 10000, '', 0, 0, '{}', x'00' FROM n",
        NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);

    fake_log_event(0, "", "a", 1, "{\"x\":1}");
    fake_log_event(1, "", "a", 1, "{\"x\":2}");

    assert_int_equal(fake_log_insert(2, 0), NGX_OK);
    assert_int_equal(fake_log_events[0].result, NGX_ESS_EVENT_LOG_STORED);
    assert_true(fake_log_events[0].seq > 30000);
    assert_int_equal(fake_log_events[1].result, NGX_ESS_EVENT_LOG_STORED);
    assert_int_equal(fake_log_events[1].seq, fake_log_events[0].seq + 1);
}


/* all pages by cursor, in any order: each fake_log_event once; type NULL: of
   any */

static void
pages(ngx_uint_t by_time, ngx_uint_t desc, const char *type, ngx_uint_t size,
    ngx_uint_t n)
{
    int64_t      time;
    uint64_t     seq;
    ngx_uint_t   i, found;

    memset(&fake_log_query, 0, sizeof(fake_log_query));

    fake_log_query.size = size;
    fake_log_query.desc = desc;
    fake_log_query.type.data = (u_char *) type;
    fake_log_query.type.len = type ? strlen(type) : 0;

    if (by_time) {
        fake_log_query.has_since = 1;
        fake_log_query.since = 0;
        fake_log_query.has_until = 1;
        fake_log_query.until = 100000;
    }

    found = 0;
    seq = desc ? UINT64_MAX : 0;
    time = desc ? INT64_MAX : INT64_MIN;

    for ( ;; ) {
        assert_int_equal(fake_log_ask(), NGX_OK);

        for (i = 0; i < fake_log_query.nrows; i++) {

            if (desc) {
                assert_true(fake_log_query.rows[i].seq < seq);
                assert_true(fake_log_query.rows[i].time <= time);

            } else {
                assert_true(fake_log_query.rows[i].seq > seq);
                assert_true(fake_log_query.rows[i].time >= time);
            }

            seq = fake_log_query.rows[i].seq;
            time = fake_log_query.rows[i].time;
        }

        found += fake_log_query.nrows;

        if (!fake_log_query.more) {
            fake_log_done();
            break;
        }

        assert_int_equal(fake_log_query.nrows, size);

        fake_log_query.has_after = 1;
        fake_log_query.after_seq = seq;
        fake_log_query.after_time = time;

        fake_log_done();
    }

    assert_int_equal(found, n);
}


static void
test_pages(void **state)
{
    ngx_uint_t  by_time, desc;

    fake_log_fill(100);

    for (by_time = 0; by_time < 2; by_time++) {
        for (desc = 0; desc < 2; desc++) {
            pages(by_time, desc, NULL, 7, 100);
            pages(by_time, desc, NULL, 10, 100);
            pages(by_time, desc, NULL, 1, 100);
            pages(by_time, desc, "a", 3, 66);
            pages(by_time, desc, "b", 1000, 34);
            pages(by_time, desc, "c", 5, 0);
            pages(by_time, desc, "", 5, 0);
        }
    }
}


/* the number of the first event of a page, which leaves that many out */

static uint64_t
first_from(uint64_t from, ngx_uint_t desc)
{
    uint64_t  seq;

    memset(&fake_log_query, 0, sizeof(fake_log_query));

    fake_log_query.size = 2;
    fake_log_query.from = from;
    fake_log_query.desc = desc;

    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.from, from);
    assert_int_equal(fake_log_query.has_after, 0);

    seq = fake_log_query.nrows ? fake_log_query.rows[0].seq : 0;
    fake_log_done();

    return seq;
}


static void
test_from_with_and_without_holes(void **state)
{
    assert_int_equal(first_from(1, 0), 0);
    assert_int_equal(first_from(1, 1), 0);

    fake_log_fill(100);
    assert_int_equal(first_from(60, 0), 61);
    assert_int_equal(first_from(60, 1), 40);
    assert_int_equal(first_from(99, 1), 1);
    assert_int_equal(first_from(100, 0), 0);
    assert_int_equal(first_from(100, 1), 0);
    assert_int_equal(first_from(UINT64_MAX, 1), 0);

    fake_log_execute("DELETE FROM event WHERE seq <= 20;"
                     "UPDATE log SET events = 80");
    assert_int_equal(first_from(60, 0), 81);
    assert_int_equal(first_from(60, 1), 40);
    assert_int_equal(first_from(79, 1), 21);
    assert_int_equal(first_from(80, 0), 0);

    fake_log_execute("DELETE FROM event WHERE seq = 50;"
                     "UPDATE log SET events = 79");
    assert_int_equal(first_from(60, 0), 82);
    assert_int_equal(first_from(60, 1), 39);
    assert_int_equal(first_from(10, 1), 90);
}


static void
test_from_and_total(void **state)
{
    fake_log_fill(100);

    memset(&fake_log_query, 0, sizeof(fake_log_query));

    fake_log_query.size = 10;
    fake_log_query.from = 95;
    fake_log_query.has_total = 1;
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.nrows, 5);
    assert_int_equal(fake_log_query.rows[0].seq, 96);
    assert_int_equal(fake_log_query.total, 100);
    assert_int_equal(fake_log_query.more, 0);
    fake_log_done();

    fake_log_query.from = 1000;
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.nrows, 0);
    fake_log_done();

    fake_log_query.from = UINT64_MAX;
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.nrows, 0);
    fake_log_done();

    fake_log_query.from = 0;
    ngx_str_set(&fake_log_query.type, "b");
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.total, 34);
    assert_int_equal(fake_log_query.more, 1);
    fake_log_done();

    fake_log_query.has_since = 1;
    fake_log_query.since = 1010;
    fake_log_query.has_until = 1;
    fake_log_query.until = 1012;
    ngx_str_null(&fake_log_query.type);
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.total, 8);
    assert_int_equal(fake_log_query.nrows, 8);
    assert_int_equal(fake_log_query.rows[0].time, 1010);
    fake_log_done();

    fake_log_query.since = 1012;
    fake_log_query.until = 1010;
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.total, 0);
    assert_int_equal(fake_log_query.nrows, 0);
    fake_log_done();
}


static void
test_large_bodies(void **state)
{
    char        *body;
    ngx_uint_t   i;

    body = malloc(3 * 1024 * 1024);
    assert_non_null(body);
    memset(body, 'x', 3 * 1024 * 1024);

    for (i = 0; i < 4; i++) {
        fake_log_event(i, "", "", 0, "{}");
        fake_log_events[i].body.data = (u_char *) body;
        fake_log_events[i].body.len = 3 * 1024 * 1024;
    }

    assert_int_equal(fake_log_insert(4, 0), NGX_OK);

    memset(&fake_log_query, 0, sizeof(fake_log_query));
    fake_log_query.size = 1000;
    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_int_equal(fake_log_query.nrows, 2);
    assert_int_equal(fake_log_query.more, 1);
    assert_int_equal(fake_log_query.rows[1].body.len, 3 * 1024 * 1024);
    assert_memory_equal(fake_log_query.rows[1].body.data, body,
                        3 * 1024 * 1024);
    fake_log_done();

    free(body);
}


static void
test_locked(void **state)
{
    sqlite3  *db;

    assert_int_equal(sqlite3_open(fake_log_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);

    fake_log_event(0, "one", "a", 1, "{}");
    assert_int_equal(fake_log_insert(1, 0), NGX_BUSY);

    /* who reads is not held up */

    assert_int_equal(fake_log_total(), 0);

    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);

    assert_int_equal(fake_log_insert(1, 0), NGX_OK);
    assert_int_equal(fake_log_total(), 1);
}


static void
test_vanished(void **state)
{
    char  other[300];

    fake_log_event(0, "one", "a", 1, "{}");
    assert_int_equal(fake_log_insert(1, 0), NGX_OK);

    fake_log_again();

    (void) snprintf(other, sizeof(other), "%s.away", fake_log_file);
    assert_int_equal(rename(fake_log_file, other), 0);

    fake_log_event(0, "two", "a", 1, "{}");
    assert_int_equal(fake_log_insert(1, 0), NGX_BUSY);

    memset(&fake_log_query, 0, sizeof(fake_log_query));
    fake_log_query.size = 1;
    assert_int_equal(fake_log_ask(), NGX_BUSY);
    assert_true(fake_log_query.text[0] != '\0');
    fake_log_done();

    assert_int_equal(rename(other, fake_log_file), 0);

    assert_int_equal(fake_log_insert(1, 0), NGX_OK);
    assert_int_equal(fake_log_events[0].seq, 2);
    assert_int_equal(fake_log_total(), 2);
}


static uint64_t
epoch(void)
{
    uint64_t  found;

    memset(&fake_log_query, 0, sizeof(fake_log_query));
    fake_log_query.has_epoch = 1;
    fake_log_query.size = 1;
    assert_int_equal(fake_log_ask(), NGX_OK);

    found = fake_log_query.epoch;
    fake_log_done();

    return found;
}


static void
test_epoch(void **state)
{
    uint64_t  first;

    first = epoch();
    assert_true(first != 0);

    fake_log_event(0, "one", "a", 1, "{}");
    assert_int_equal(fake_log_insert(1, 0), NGX_OK);
    assert_true(epoch() == first);

    fake_log_again();
    assert_true(epoch() == first);

    fake_log_execute("UPDATE log SET epoch = 77");
    assert_int_equal(epoch(), 77);

    /* what is none, until it is mended */

    fake_log_execute("UPDATE log SET epoch = 0");
    memset(&fake_log_query, 0, sizeof(fake_log_query));
    fake_log_query.has_epoch = 1;
    fake_log_query.size = 1;
    assert_int_equal(fake_log_ask(), NGX_BUSY);
    assert_string_equal(fake_log_query.text, "the epoch in table \"log\" is 0 "
                        "or no number, and has to be another one");
    fake_log_done();

    fake_log_execute("UPDATE log SET epoch = 78");
    assert_int_equal(epoch(), 78);
    assert_int_equal(fake_log_total(), 1);
}


static void
test_foreign(void **state)
{
    sqlite3  *db;

    ngx_ess_event_log_sqlite.destroy(fake_log_handle);
    fake_log_handle = NULL;

    assert_int_equal(sqlite3_open(fake_log_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA application_id = 7", NULL, NULL,
                                  NULL), SQLITE_OK);
    sqlite3_close(db);

    assert_int_equal(ngx_ess_event_log_sqlite.init_module(&fake_log_cycle,
                                                          &fake_log),
                     NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_results, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_atomic, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_many_in_one_transaction,
                                        fake_log_setup, fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_without_id, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_taken_numbers, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_pages, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_from_with_and_without_holes,
                                        fake_log_setup, fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_from_and_total, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_large_bodies, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_locked, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_vanished, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_epoch, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_foreign, fake_log_setup,
                                        fake_log_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
