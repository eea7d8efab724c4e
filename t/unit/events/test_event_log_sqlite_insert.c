/*
 * Unit tests of inserts into an event log's SQLite file of which the database
 * refuses some: those alone, and not their neighbours.
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
#include "ngx_ess_event_log_sqlite_handle.h"


static int64_t     now;
static ngx_uint_t  tick;                    /* ms of each look at the clock */


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    if (id == CLOCK_MONOTONIC) {
        now += tick;
    }

    ts->tv_sec = now / 1000;
    ts->tv_nsec = now % 1000 * 1000000;

    return 0;
}


static void
test_triggers(void **state)
{
    ngx_uint_t          i;
    static const char  *sql[] = {
        "CREATE TRIGGER t BEFORE INSERT ON event WHEN new.type = 'no'"
            " BEGIN SELECT RAISE(ABORT, 'not that'); END",
        "CREATE TRIGGER t AFTER INSERT ON event WHEN new.type = 'no'"
            " BEGIN SELECT RAISE(ABORT, 'not that'); END",
        "CREATE TRIGGER t AFTER INSERT ON event WHEN new.type = 'no'"
            " BEGIN SELECT RAISE(FAIL, 'not that'); END",
        "CREATE TRIGGER t BEFORE INSERT ON event WHEN new.type = 'no'"
            " BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER t BEFORE INSERT ON event WHEN new.type = 'no'"
            " BEGIN SELECT RAISE(ROLLBACK, 'not that'); END",
        "CREATE TRIGGER t AFTER INSERT ON event WHEN new.type = 'no'"
            " BEGIN SELECT RAISE(ROLLBACK, 'not that'); END"
    };

    for (i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
        fake_log_execute("DROP TRIGGER IF EXISTS t");
        fake_log_execute(sql[i]);

        fake_log_event(0, "", "a", 1, "{\"x\":1}");
        fake_log_event(1, "", "no", 1, "{\"x\":2}");
        fake_log_event(2, "refused", "no", 1, "{\"x\":2}");
        fake_log_event(3, "", "a", 1, "{\"x\":3}");

        assert_int_equal(fake_log_insert(4, 0), NGX_OK);
        assert_int_equal(fake_log_events[0].result, NGX_ESS_EVENT_LOG_STORED);
        assert_int_equal(fake_log_events[1].result, NGX_ESS_EVENT_LOG_REFUSED);
        assert_int_equal(fake_log_events[2].result, NGX_ESS_EVENT_LOG_REFUSED);
        assert_int_equal(fake_log_events[3].result, NGX_ESS_EVENT_LOG_STORED);
        assert_int_equal(fake_log_events[3].seq, 2 * i + 2);
        assert_int_equal(fake_log_total(), 2 * i + 2);

        assert_int_equal(fake_log_insert(4, 1), NGX_DECLINED);
        assert_int_equal(fake_log_total(), 2 * i + 2);
    }
}


/* one of several inserts */

static void
put(ngx_ess_event_log_insert_t *insert, ngx_uint_t first, ngx_uint_t n,
    ngx_uint_t atomic)
{
    memset(insert, 0, sizeof(ngx_ess_event_log_insert_t));

    insert->events = &fake_log_events[first];
    insert->n = n;
    insert->atomic = atomic;
    insert->rc = NGX_ERROR;
}


static void
test_neighbours_of_what_is_refused(void **state)
{
    ngx_uint_t                   i;
    ngx_ess_event_log_insert_t   inserts[4], *all[4];
    ngx_ess_event_log_sqlite_handle_t  *handle;

    static const char  *sql[] = {
        "CREATE TRIGGER t AFTER INSERT ON event WHEN new.type = 'no'"
            " BEGIN SELECT RAISE(ROLLBACK, 'not that'); END",

        /* a constraint that is looked at when all is committed */

        "CREATE TABLE kind (name TEXT PRIMARY KEY);"
        "CREATE TABLE used (name TEXT REFERENCES kind (name)"
            " DEFERRABLE INITIALLY DEFERRED);"
        "CREATE TRIGGER t AFTER INSERT ON event WHEN new.type = 'no'"
            " BEGIN INSERT INTO used VALUES (new.type); END"
    };

    for (i = 0; i < 2; i++) {
        fake_log_execute("DROP TRIGGER IF EXISTS t; DELETE FROM event;"
                         "UPDATE log SET events = 0");
        fake_log_execute(sql[i]);

        fake_log_again();
        assert_int_equal(fake_log_total(), 0);
        handle = fake_log_handle;
        assert_int_equal(sqlite3_exec(handle->db.handle,
                                      "PRAGMA foreign_keys = 1", NULL, NULL,
                                      NULL), SQLITE_OK);

        fake_log_event(0, "a", "a", 1, "{}");
        fake_log_event(1, "b", "a", 1, "{}");
        fake_log_event(2, "c", "no", 1, "{}");
        fake_log_event(3, "d", "a", 1, "{}");
        fake_log_event(4, "e", "no", 1, "{}");
        fake_log_event(5, "f", "a", 1, "{}");

        put(&inserts[0], 0, 1, 0);
        put(&inserts[1], 1, 3, 0);
        put(&inserts[2], 4, 1, 1);
        put(&inserts[3], 5, 1, 1);

        all[0] = &inserts[0];
        all[1] = &inserts[1];
        all[2] = &inserts[2];
        all[3] = &inserts[3];

        ngx_ess_event_log_sqlite.insert(fake_log_handle, all, 4);

        assert_int_equal(inserts[0].rc, NGX_OK);
        assert_int_equal(inserts[1].rc, NGX_OK);
        assert_int_equal(inserts[2].rc, NGX_DECLINED);
        assert_int_equal(inserts[3].rc, NGX_OK);

        assert_int_equal(fake_log_events[0].result, NGX_ESS_EVENT_LOG_STORED);
        assert_int_equal(fake_log_events[1].result, NGX_ESS_EVENT_LOG_STORED);
        assert_int_equal(fake_log_events[2].result, NGX_ESS_EVENT_LOG_REFUSED);
        assert_int_equal(fake_log_events[3].result, NGX_ESS_EVENT_LOG_STORED);
        assert_int_equal(fake_log_events[4].result, NGX_ESS_EVENT_LOG_REFUSED);
        assert_int_equal(fake_log_events[5].result, NGX_ESS_EVENT_LOG_STORED);
        assert_int_equal(fake_log_total(), 4);

        /* of all or none the one is known, unless it is at the end */

        fake_log_event(0, "g", "a", 1, "{}");
        fake_log_event(1, "h", "no", 1, "{}");
        assert_int_equal(fake_log_insert(2, 1), i ? NGX_BUSY : NGX_DECLINED);
        assert_int_equal(fake_log_total(), 4);
    }
}


/* Who has too many of them to be sought keeps nobody else from the log. */

static void
test_neighbours_of_too_many(void **state)
{
    ngx_uint_t                   i;
    ngx_ess_event_log_insert_t   inserts[20], *all[20];

    fake_log_execute("CREATE TRIGGER t AFTER INSERT ON event"
                     " WHEN new.type = 'no'"
                     " BEGIN SELECT RAISE(ROLLBACK, 'not that'); END");

    for (i = 0; i < 20; i++) {
        fake_log_event(i, "", "a", 1, "{}");
        put(&inserts[i], i, 1, 0);
        all[i] = &inserts[i];
    }

    for (i = 20; i < 60; i++) {
        fake_log_event(i, "", "no", 1, "{}");
    }

    put(&inserts[3], 20, 20, 0);
    put(&inserts[4], 40, 1, 0);
    put(&inserts[12], 41, 19, 1);

    tick = 200;
    ngx_ess_event_log_sqlite.insert(fake_log_handle, all, 20);
    tick = 0;

    for (i = 0; i < 20; i++) {
        assert_int_equal(inserts[i].rc, (i == 3 || i == 12) ? NGX_BUSY
                                                            : NGX_OK);
    }

    assert_string_equal(inserts[3].text, "not that");
    assert_int_equal(fake_log_events[40].result, NGX_ESS_EVENT_LOG_REFUSED);
    assert_int_equal(fake_log_total(), 17);

    ngx_ess_event_log_sqlite.insert(fake_log_handle, all, 20);

    for (i = 0; i < 20; i++) {
        assert_int_equal(inserts[i].rc, i == 12 ? NGX_DECLINED : NGX_OK);
    }

    assert_int_equal(fake_log_total(), 34);

    /* more than are left out of one transaction */

    for (i = 0; i < 20; i++) {
        fake_log_event(i, "", i % 2 ? "a" : "no", 1, "{}");
        put(&inserts[i], i, 1, 0);
    }

    ngx_ess_event_log_sqlite.insert(fake_log_handle, all, 20);

    for (i = 0; i < 20; i++) {
        assert_int_equal(inserts[i].rc, NGX_OK);
        assert_int_equal(fake_log_events[i].result,
                         i % 2 ? NGX_ESS_EVENT_LOG_STORED
                               : NGX_ESS_EVENT_LOG_REFUSED);
    }

    assert_int_equal(fake_log_total(), 44);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_triggers, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_neighbours_of_what_is_refused,
                                        fake_log_setup, fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_neighbours_of_too_many,
                                        fake_log_setup, fake_log_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
