/*
 * Unit tests of what an event log in SQLite keeps, and of how large it is.
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
retain(int64_t now, ngx_int_t rc)
{
    u_char  text[128];

    assert_int_equal(ngx_ess_event_log_sqlite.retain(fake_log_handle, now, text,
                                                     sizeof(text)), rc);
}


static void
test_keep(void **state)
{
    int64_t  now;

    fake_log_fill(2500);

    now = (int64_t) time(NULL) * 1000;

    fake_log.keep = 3600;
    fake_log_again();

    retain(now, NGX_OK);
    assert_int_equal(fake_log_total(), 2500);

    retain(now + 3605000, NGX_AGAIN);
    assert_int_equal(fake_log_total(), 1500);
    retain(now + 3605000, NGX_AGAIN);
    retain(now + 3605000, NGX_OK);

    /* the last one stays */

    assert_int_equal(fake_log_total(), 1);
    retain(now + 3605000, NGX_OK);

    /* a number is never given fake_log_again */

    fake_log_event(0, "", "a", 1, "{}");
    assert_int_equal(fake_log_insert(1, 0), NGX_OK);
    assert_int_equal(fake_log_events[0].seq, 2501);
    assert_int_equal(fake_log_total(), 2);
}


static void
test_keep_size(void **state)
{
    ngx_uint_t    i;
    struct stat   st;
    sqlite3      *db;

    fake_log.keep_size = 1024 * 1024;
    fake_log_again();

    for (i = 0; i < 8; i++) {
        fake_log_fill(5000);
    }

    for (i = 0; i < 100; i++) {
        u_char  text[128];

        if (ngx_ess_event_log_sqlite.retain(fake_log_handle, 0, text,
                                            sizeof(text))
            == NGX_OK)
        {
            break;
        }
    }

    assert_true(i > 10 && i < 40);
    assert_true(fake_log_total() > 1000 && fake_log_total() < 30000);

    /* the room is used fake_log_again */

    assert_int_equal(sqlite3_open(fake_log_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL,
                                  NULL, NULL), SQLITE_OK);
    sqlite3_close(db);

    assert_int_equal(stat(fake_log_file, &st), 0);
    i = st.st_size;

    fake_log_fill(5000);

    assert_int_equal(sqlite3_open(fake_log_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL,
                                  NULL, NULL), SQLITE_OK);
    sqlite3_close(db);

    assert_int_equal(stat(fake_log_file, &st), 0);
    assert_true((ngx_uint_t) st.st_size <= i + i / 10);
}


static void
test_measure(void **state)
{
    u_char    text[128];
    uint64_t  n, bytes;

    fake_log_fill(100);

    assert_int_equal(ngx_ess_event_log_sqlite.measure(fake_log_handle, &n,
                                                      &bytes, text,
                                                      sizeof(text)), NGX_OK);
    assert_int_equal(n, 100);
    assert_true(bytes > 20000 && bytes < 1000000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_keep, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_keep_size, fake_log_setup,
                                        fake_log_teardown),
        cmocka_unit_test_setup_teardown(test_measure, fake_log_setup,
                                        fake_log_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
