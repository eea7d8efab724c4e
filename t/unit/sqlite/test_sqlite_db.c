/*
 * SQLite databases on real files in a temporary folder: whose they are, files
 * that move, others' locks, and what is worth a second attempt.
 *
 * links: src/sqlite/ngx_ess_sqlite_db.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "ngx_ess_sqlite_db.h"


#define APP  0x1234


static char                  folder[64];
static char                  path[128];
static char                  moved[128];
static ngx_ess_sqlite_db_t   db;
static sqlite3_stmt         *stmt[2];
static ngx_uint_t            replaces;

static const ngx_ess_sqlite_kind_t  kind = { "ess_test", APP, 3 };

static const char *const  sql[] = {
    "INSERT INTO t VALUES (?1)", "SELECT count(*) FROM t"
};


static void
make(const char *file, const char *more)
{
    sqlite3  *handle;

    assert_int_equal(sqlite3_open(file, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "PRAGMA journal_mode = WAL;"
                                          "PRAGMA application_id = 0x1234;"
                                          "PRAGMA user_version = 2;"
                                          "CREATE TABLE t (n)", NULL, NULL,
                                  NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, more, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}


static int
setup(void **state)
{
    strcpy(folder, "/tmp/ess-unit-XXXXXX");
    assert_non_null(mkdtemp(folder));

    snprintf(path, sizeof(path), "%s/db", folder);
    snprintf(moved, sizeof(moved), "%s/moved", folder);

    memset(&db, 0, sizeof(db));
    db.path = path;
    db.kind = &kind;
    db.pragmas = "PRAGMA synchronous = FULL";

    return 0;
}


static int
teardown(void **state)
{
    char        name[160];
    ngx_uint_t  i;

    static const char *const  names[] = {
        "db", "db-wal", "db-shm", "moved", "moved-wal", "moved-shm"
    };

    ngx_ess_sqlite_db_close(&db);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
        (void) unlink(name);
    }

    return rmdir(folder);
}


static int
use(void)
{
    return ngx_ess_sqlite_db_use(&db, 100, sql, stmt, 2);
}


/* An insert, whose rc this is. */

static int
insert(int n)
{
    (void) sqlite3_bind_int(stmt[0], 1, n);

    return ngx_ess_sqlite_db_run(&db, stmt[0]);
}


static int
count(void)
{
    sqlite3_int64  n;

    assert_int_equal(ngx_ess_sqlite_db_get(&db, sql[1], &n), SQLITE_OK);

    return (int) n;
}


static void
test_what_is_ours(void **state)
{
    ngx_uint_t  i;

    static const char *const  others[] = {
        "PRAGMA application_id = 7", "PRAGMA user_version = 0",
        "PRAGMA user_version = 4", "PRAGMA user_version = -1"
    };

    /* never made here */

    assert_int_equal(use(), SQLITE_CANTOPEN);
    assert_null(db.handle);
    assert_int_not_equal(access(path, F_OK), 0);

    make(path, "");
    assert_int_equal(use(), SQLITE_OK);
    assert_int_equal(insert(1), SQLITE_OK);
    assert_int_equal(count(), 1);
    ngx_ess_sqlite_db_close(&db);
    ngx_ess_sqlite_db_close(&db);

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(unlink(path), 0);
        make(path, others[i]);
        assert_int_equal(use(), SQLITE_NOTADB);
        assert_non_null(strstr(db.text, "not made by this version of ess_test"));
        assert_null(db.handle);
    }

    /* ours, and without what the statements need */

    assert_int_equal(unlink(path), 0);
    make(path, "DROP TABLE t");
    assert_int_equal(use(), SQLITE_ERROR);
    assert_non_null(strstr(db.text, "no such table"));
    assert_null(db.handle);
}


/* Who has a file open that was moved would write where nobody looks. */

static void
test_a_file_that_moves(void **state)
{
    ngx_uint_t  opened;

    make(path, "");
    assert_int_equal(use(), SQLITE_OK);
    opened = db.opened;
    assert_int_equal(use(), SQLITE_OK);
    assert_int_equal(db.opened, opened);
    assert_int_equal(insert(1), SQLITE_OK);

    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(use(), SQLITE_CANTOPEN);
    assert_null(db.handle);

    make(path, "");
    assert_int_equal(use(), SQLITE_OK);
    assert_true(db.opened > opened);
    assert_int_equal(count(), 0);
}


/* Called by SQLite when it has opened a file, before it reads. */

static int
replaced(sqlite3 *handle, char **text, const void *routines)
{
    ngx_uint_t  n;

    n = replaces;
    replaces = 0;

    if (n) {
        make(moved, "INSERT INTO t VALUES (7), (8)");
        assert_int_equal(rename(moved, path), 0);
    }

    replaces = n ? n - 1 : 0;

    return SQLITE_OK;
}


static void
test_a_file_that_is_replaced_while_it_is_opened(void **state)
{
    sqlite3  *handle;

    assert_int_equal(sqlite3_auto_extension((void (*)(void)) replaced),
                     SQLITE_OK);
    make(path, "");

    replaces = 2;
    assert_int_equal(use(), SQLITE_OK);
    assert_int_equal(replaces, 0);
    assert_int_equal(insert(1), SQLITE_OK);
    assert_int_equal(count(), 3);

    /* what was written is in the new file's log */

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, "INSERT INTO t VALUES (2)", NULL,
                                  NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    assert_int_equal(count(), 4);
    ngx_ess_sqlite_db_close(&db);

    replaces = 3;
    assert_int_equal(use(), SQLITE_CANTOPEN);
    assert_non_null(strstr(db.text, "it was replaced"));
    assert_null(db.handle);

    assert_int_equal(replaces, 0);
    assert_int_equal(use(), SQLITE_OK);
    assert_int_equal(count(), 2);

    assert_int_equal(sqlite3_cancel_auto_extension((void (*)(void)) replaced),
                     1);
}


static void
test_locks_of_others(void **state)
{
    sqlite3          *other;
    struct timespec   start, end;

    make(path, "");
    assert_int_equal(use(), SQLITE_OK);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);

    clock_gettime(CLOCK_MONOTONIC, &start);
    assert_int_equal(insert(1), SQLITE_BUSY);
    clock_gettime(CLOCK_MONOTONIC, &end);

    assert_true((end.tv_sec - start.tv_sec) * 1000
                + (end.tv_nsec - start.tv_nsec) / 1000000 >= 99);
    assert_string_equal(db.text, "database is locked");

    /* it is of use still, and a lock is nothing that another attempt mends */

    assert_int_equal(ngx_ess_sqlite_db_again(&db, SQLITE_BUSY), 0);
    ngx_ess_sqlite_db_end(&db, SQLITE_BUSY);
    assert_non_null(db.handle);

    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(insert(2), SQLITE_OK);
}


static void
test_another_attempt(void **state)
{
    make(path, "");
    assert_int_equal(use(), SQLITE_OK);
    assert_int_equal(insert(1), SQLITE_OK);

    /* the log of SQLite gives its room back */

    assert_int_equal(ngx_ess_sqlite_db_again(&db, SQLITE_FULL), 1);
    assert_non_null(db.handle);
    assert_int_equal(count(), 1);

    assert_int_equal(ngx_ess_sqlite_db_again(&db, SQLITE_CONSTRAINT), 0);
    assert_non_null(db.handle);

    /* a new handle recovers what an error left */

    assert_int_equal(ngx_ess_sqlite_db_again(&db, SQLITE_IOERR), 1);
    assert_null(db.handle);
    assert_int_equal(ngx_ess_sqlite_db_again(&db, SQLITE_IOERR), 0);

    assert_int_equal(use(), SQLITE_OK);
    assert_int_equal(count(), 1);

    ngx_ess_sqlite_db_end(&db, SQLITE_FULL);
    assert_non_null(db.handle);
    ngx_ess_sqlite_db_end(&db, SQLITE_CORRUPT);
    assert_null(db.handle);
}


static void
test_what_is_read(void **state)
{
    sqlite3_int64  n;

    make(path, "INSERT INTO t VALUES (5), (6)");
    assert_int_equal(use(), SQLITE_OK);

    assert_int_equal(ngx_ess_sqlite_db_get(&db, "SELECT n FROM t", &n),
                     SQLITE_OK);
    assert_int_equal(n, 5);

    /* a row that has to be there */

    assert_int_equal(ngx_ess_sqlite_db_get(&db, "SELECT n FROM t WHERE n = 7",
                                           &n), SQLITE_CORRUPT);
    assert_int_equal(ngx_ess_sqlite_db_get(&db, "SELEKT", &n), SQLITE_ERROR);
    assert_non_null(strstr(db.text, "syntax error"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_that_moves, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_a_file_that_is_replaced_while_it_is_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locks_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_read, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
