/*
 * A stream as a row of the SQLite store: what was bound is read again, and what
 * makes no sense is not.
 *
 * links: src/store/ngx_ess_store_sqlite_row.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_store_sqlite_row.h"


static sqlite3                *db;
static ngx_ess_stream_info_t   row, info;


static int
setup(void **state)
{
    memset(&row, 0, sizeof(row));

    row.ref.id = 7;
    row.ref.epoch = 0xfedcba9876543210;
    row.kind.source = 1;
    row.reserved_ordinal = NGX_ESS_STORE_ORDINALS;
    memset(row.uuid, 0xa5, NGX_ESS_UUID_LEN);
    row.key_len = 3;
    memcpy(row.key, "a'b", 3);

    return sqlite3_open(":memory:", &db)
           || sqlite3_exec(db, "CREATE TABLE s (id, uuid, k, e, o, src,"
                           " name TEXT, rule TEXT, size, n, age, made)",
                           NULL, NULL, NULL);
}


static int
teardown(void **state)
{
    return sqlite3_close(db);
}


/* What it is after a change, if any. */

static ngx_int_t
read_again(const char *change)
{
    ngx_int_t      rc;
    sqlite3_stmt  *stmt;

    assert_int_equal(sqlite3_exec(db, "DELETE FROM s", NULL, NULL, NULL), 0);

    assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO s VALUES (?1, ?2, ?3,"
                                        " ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
                                        " ?12)", -1, &stmt, NULL), 0);
    ngx_ess_store_sqlite_row_bind(stmt, &row);
    assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
    (void) sqlite3_finalize(stmt);

    if (change) {
        assert_int_equal(sqlite3_exec(db, change, NULL, NULL, NULL), 0);
    }

    assert_int_equal(sqlite3_prepare_v2(db, "SELECT * FROM s", -1, &stmt,
                                        NULL), 0);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);

    memset(&info, 0xff, sizeof(info));
    rc = ngx_ess_store_sqlite_row(stmt, &info);

    (void) sqlite3_finalize(stmt);

    return rc;
}


static void
test_plain(void **state)
{
    assert_int_equal(read_again(NULL), NGX_OK);

    assert_true(info.ref.id == row.ref.id);
    assert_true(info.ref.epoch == row.ref.epoch);
    assert_int_equal(info.kind.source, 1);
    assert_memory_equal(info.uuid, row.uuid, NGX_ESS_UUID_LEN);
    assert_int_equal(info.key_len, 3);
    assert_memory_equal(info.key, row.key, 3);
    assert_int_equal(info.name_len, 0);
    assert_int_equal(info.rule_len, 0);
    assert_true(info.log_size == 0 && info.log_count == 0
                && info.log_age == 0);
    assert_int_equal(info.declared, 0);
    assert_int_equal(info.created, 0);

    assert_int_equal(read_again("UPDATE s SET name = NULL WHERE name IS NULL"),
                     NGX_OK);
}


static void
test_attributes(void **state)
{
    row.declared = 1;
    row.name_len = NGX_ESS_MAX_NAME;
    memset(row.name, 'n', NGX_ESS_MAX_NAME);
    row.rule_len = NGX_ESS_MAX_RULE;
    memset(row.rule, 'r', NGX_ESS_MAX_RULE);
    row.log_size = (uint64_t) 1 << 40;
    row.log_count = NGX_MAX_UINT32_VALUE;
    row.log_age = 1000;

    assert_int_equal(read_again(NULL), NGX_OK);

    assert_int_equal(info.declared, 1);
    assert_int_equal(info.created, 0);
    assert_int_equal(info.name_len, NGX_ESS_MAX_NAME);
    assert_memory_equal(info.name, row.name, NGX_ESS_MAX_NAME);
    assert_int_equal(info.rule_len, NGX_ESS_MAX_RULE);
    assert_memory_equal(info.rule, row.rule, NGX_ESS_MAX_RULE);
    assert_true(info.log_size == row.log_size);
    assert_int_equal(info.log_count, row.log_count);
    assert_true(info.log_age == row.log_age);

    row.declared = 0;
    row.created = 1;
    assert_int_equal(read_again(NULL), NGX_OK);
    assert_int_equal(info.declared, 0);
    assert_int_equal(info.created, 1);

    assert_int_equal(read_again("UPDATE s SET name = name || 'x'"),
                     NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET rule = rule || 'x'"),
                     NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET size = -1"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET n = -1"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET n = 4294967296"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET age = -1"), NGX_ERROR);
}


static void
test_nonsense(void **state)
{
    assert_int_equal(read_again("UPDATE s SET id = 0"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET uuid = x'00'"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET uuid = NULL"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET k = NULL"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET k = ''"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET k = hex(zeroblob(128))"),
                     NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET o = -1"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET o = 1 << 62 | 1"), NGX_ERROR);
    assert_int_equal(read_again("UPDATE s SET src = 256"), NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attributes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
