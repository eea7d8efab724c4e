/*
 * Unit tests of the SQLite engine on real files in a temporary folder: check,
 * load, commit, and what happens to a damaged, foreign, moved or full store.
 * nginx itself is replaced by the few functions at the top.
 *
 * links: t/unit/ngx_string.c
 * links: src/store/ngx_ess_store_sqlite.c src/sqlite/ngx_ess_sqlite_file.c
 * links: src/sqlite/ngx_ess_sqlite_db.c src/ngx_ess_escape.c
 * links: src/store/ngx_ess_store_sqlite_row.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "ngx_ess_store_sqlite.h"


#define NGX_TEST_ROWS  200000


static char               folder[128];
static char               file[256];
static ngx_str_t          path;
static char               logged[4096];
static uint64_t           last_id;
static ngx_uint_t         nrows;
static ngx_uint_t         refuse_after;
static ngx_ess_stream_info_t  last_row;

static ngx_core_conf_t    core_conf;
static void              *conf_ctx[1];
static ngx_cycle_t        cycle;
static ngx_conf_t         conf;
static ngx_log_t          ngx_test_log;

ngx_module_t              ngx_core_module;


void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    (void) snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged),
                    "%s\n", fmt);
}


void ngx_cdecl
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t err,
    const char *fmt, ...)
{
    (void) snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged),
                    "%s\n", fmt);
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


static int
setup(void **state)
{
    const char  *tmp;

    tmp = getenv("TMPDIR");

    (void) snprintf(folder, sizeof(folder), "%s/ess-store-XXXXXX",
                    tmp ? tmp : "/tmp");

    if (mkdtemp(folder) == NULL || chmod(folder, 0755) == -1) {
        return -1;
    }

    (void) snprintf(file, sizeof(file), "%s/ess/streams.db", folder);

    path.data = (u_char *) file;
    path.len = strlen(file);

    logged[0] = '\0';
    refuse_after = (ngx_uint_t) -1;

    memset(&core_conf, 0, sizeof(core_conf));
    core_conf.username = "root";

    conf_ctx[0] = &core_conf;
    ngx_test_log.log_level = NGX_LOG_DEBUG;
    cycle.conf_ctx = (void ****) conf_ctx;
    cycle.log = &ngx_test_log;
    conf.cycle = &cycle;
    conf.log = &ngx_test_log;

    return 0;
}


static int
teardown(void **state)
{
    char  command[256];

    (void) snprintf(command, sizeof(command), "rm -rf '%s'", folder);

    return system(command);
}


static ngx_int_t
row(void *data, const ngx_ess_stream_info_t *info)
{
    if (nrows == refuse_after) {
        return NGX_ERROR;
    }

    nrows++;
    last_row = *info;

    return NGX_OK;
}


static ngx_int_t
load(void)
{
    nrows = 0;
    last_id = 0;
    memset(&last_row, 0, sizeof(last_row));

    return ngx_ess_store_sqlite.load(&cycle, &path, row, NULL, &last_id);
}


static ngx_int_t
check(void)
{
    logged[0] = '\0';

    return ngx_ess_store_sqlite.check(&conf, &path);
}


static void
check_fails(const char *word)
{
    assert_int_equal(check(), NGX_ERROR);

    if (strncmp(logged, "\"%s\" ", 5) != 0
        || strstr(logged, word) == NULL)
    {
        fail_msg("\"%s\" is not in \"%s\"", word, logged);
    }
}


static void
fill(ngx_ess_store_op_t *op, ngx_ess_store_op_e type, uint64_t id)
{
    memset(op, 0, sizeof(*op));

    op->type = type;
    op->rc = NGX_AGAIN;
    op->row.ref.id = id;
    op->row.ref.epoch = 0xfedcba9876543210 + id;
    memset(op->row.uuid, 0xa5, NGX_ESS_UUID_LEN);
    memcpy(op->row.uuid, &id, sizeof(id));
    op->row.key_len = (size_t) sprintf((char *) op->row.key, "key'%llu",
                                       (unsigned long long) id);
    op->row.reserved_ordinal = NGX_ESS_STORE_ORDINALS;
}


static ngx_int_t
commit(void *h, ngx_ess_store_op_e type, uint64_t id, ngx_ess_store_op_t *op)
{
    fill(op, type, id);
    ngx_ess_store_sqlite.commit(h, &op, 1);

    return op->rc;
}


static void
sql(const char *text)
{
    sqlite3  *db;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}


static ngx_uint_t
exists(const char *suffix)
{
    char         name[300];
    struct stat  st;

    (void) snprintf(name, sizeof(name), "%s%s", file, suffix);

    return lstat(name, &st) == 0;
}


static void
write_file(const char *text, size_t len)
{
    FILE  *f;

    f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}


static void
test_save_and_load(void **state)
{
    void                *h;
    ngx_ess_store_op_t   op;

    assert_int_equal(check(), NGX_OK);
    assert_false(exists(""));

    assert_int_equal(load(), NGX_OK);
    assert_int_equal(nrows, 0);
    assert_int_equal(last_id, 0);
    assert_true(exists(""));
    assert_false(exists("-wal"));
    assert_false(exists("-shm"));
    assert_int_equal(check(), NGX_OK);

    h = ngx_ess_store_sqlite.create(&path, &ngx_test_log);
    assert_non_null(h);

    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 1, &op), NGX_OK);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 2, &op), NGX_OK);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 3, &op), NGX_OK);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 3, &op), NGX_OK);
    assert_int_equal(commit(h, NGX_ESS_STORE_REMOVE, 3, &op), NGX_OK);
    assert_int_equal(commit(h, NGX_ESS_STORE_REMOVE, 3, &op), NGX_OK);

    /* in use, and yet the check leaves no trace */

    assert_int_equal(check(), NGX_OK);

    ngx_ess_store_sqlite.destroy(h);
    assert_false(exists("-wal"));

    assert_int_equal(load(), NGX_OK);
    assert_int_equal(nrows, 2);
    assert_int_equal(last_id, 3);

    fill(&op, NGX_ESS_STORE_SAVE, 2);
    assert_true(last_row.ref.id == 2);
    assert_true(last_row.ref.epoch == op.row.ref.epoch);
    assert_memory_equal(last_row.uuid, op.row.uuid, NGX_ESS_UUID_LEN);
    assert_int_equal(last_row.key_len, op.row.key_len);
    assert_memory_equal(last_row.key, op.row.key, op.row.key_len);
    assert_int_equal(last_row.state, NGX_ESS_STREAM_VISIBLE);
    assert_int_equal(last_row.last_ordinal,
                     NGX_ESS_STORE_ORDINALS + NGX_ESS_STORE_SKIP);
    assert_int_equal(last_row.reserved_ordinal,
                     2 * NGX_ESS_STORE_ORDINALS + NGX_ESS_STORE_SKIP);

    /* what was vouched for is not vouched for again */

    assert_int_equal(load(), NGX_OK);
    assert_int_equal(last_row.last_ordinal,
                     2 * NGX_ESS_STORE_ORDINALS + 2 * NGX_ESS_STORE_SKIP);
    assert_string_equal(logged, "");
}


static void
test_group(void **state)
{
    void                *h;
    ngx_uint_t           i;
    ngx_ess_store_op_t   op[6], *ops[6];

    assert_int_equal(load(), NGX_OK);

    h = ngx_ess_store_sqlite.create(&path, &ngx_test_log);

    for (i = 0; i < 6; i++) {
        ops[i] = &op[i];
    }

    fill(&op[0], NGX_ESS_STORE_SAVE, 1);
    fill(&op[1], NGX_ESS_STORE_SAVE, 2);
    fill(&op[2], NGX_ESS_STORE_SAVE, 1);        /* the id is taken */
    op[2].row.uuid[0] ^= 1;
    fill(&op[3], NGX_ESS_STORE_ORDINAL, 2);
    op[3].row.reserved_ordinal = 1000000;
    fill(&op[4], NGX_ESS_STORE_REMOVE, 1);
    fill(&op[5], NGX_ESS_STORE_ORDINAL, 2);     /* only rises */
    op[5].row.reserved_ordinal = 7;

    ngx_ess_store_sqlite.commit(h, ops, 6);

    for (i = 0; i < 6; i++) {
        assert_int_equal(op[i].rc, (i == 2) ? NGX_DECLINED : NGX_OK);
    }

    assert_non_null(strstr((char *) op[2].text, "UNIQUE"));
    assert_int_equal(op[0].text[0], '\0');

    /* another stream's id */

    fill(&op[0], NGX_ESS_STORE_REMOVE, 2);
    op[0].row.uuid[15] = 0;
    ngx_ess_store_sqlite.commit(h, ops, 1);
    assert_int_equal(op[0].rc, NGX_OK);

    ngx_ess_store_sqlite.destroy(h);

    assert_int_equal(load(), NGX_OK);
    assert_int_equal(nrows, 1);
    assert_int_equal(last_id, 2);
    assert_true(last_row.ref.id == 2);
    assert_int_equal(last_row.last_ordinal, 1000000 + NGX_ESS_STORE_SKIP);
}


/* others that leave the lock for moments only */

static void
test_crowded(void **state)
{
    void                *h;
    pid_t                child;
    sqlite3             *db;
    ngx_uint_t           i;
    ngx_ess_store_op_t   op;

    assert_int_equal(load(), NGX_OK);

    child = fork();

    if (child == 0) {
        (void) alarm(60);

        if (sqlite3_open(file, &db) != SQLITE_OK) {
            _exit(1);
        }

        for ( ;; ) {
            (void) sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
            (void) usleep(60000);
            (void) sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
            (void) usleep(6000);
        }
    }

    h = ngx_ess_store_sqlite.create(&path, &ngx_test_log);

    for (i = 1; i <= 10; i++) {
        assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, i, &op), NGX_OK);
    }

    ngx_ess_store_sqlite.destroy(h);

    (void) kill(child, SIGKILL);
    (void) waitpid(child, NULL, 0);
}


static void
test_busy(void **state)
{
    void                *h;
    sqlite3             *db;
    ngx_ess_store_op_t   op;

    assert_int_equal(load(), NGX_OK);

    h = ngx_ess_store_sqlite.create(&path, &ngx_test_log);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 1, &op), NGX_OK);

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);

    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 2, &op), NGX_ERROR);
    assert_non_null(strstr((char *) op.text, "locked"));

    assert_int_equal(sqlite3_close(db), SQLITE_OK);

    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 3, &op), NGX_OK);

    ngx_ess_store_sqlite.destroy(h);
}


static void
test_full(void **state)
{
    void                *h;
    char                 text[128];
    ngx_uint_t           i;
    struct rlimit        limit, saved;
    ngx_ess_store_op_t   op;

    assert_int_equal(load(), NGX_OK);

    h = ngx_ess_store_sqlite.create(&path, &ngx_test_log);

    /* no file may grow over 200 KiB */

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    limit = saved;
    limit.rlim_cur = 200 * 1024;
    (void) signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

    for (i = 1; i < 20000; i++) {
        if (commit(h, NGX_ESS_STORE_SAVE, i, &op) != NGX_OK) {
            break;
        }
    }

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);

    assert_true(i > 100 && i < 20000);
    (void) snprintf(text, sizeof(text), "%s", (char *) op.text);
    assert_true(text[0] != '\0');

    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, i + 1, &op), NGX_OK);

    ngx_ess_store_sqlite.destroy(h);

    assert_int_equal(load(), NGX_OK);
    assert_int_equal(nrows, i);
}


static void
test_moved(void **state)
{
    void                *h;
    char                 other[300];
    ngx_ess_store_op_t   op;

    assert_int_equal(load(), NGX_OK);

    h = ngx_ess_store_sqlite.create(&path, &ngx_test_log);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 1, &op), NGX_OK);

    (void) snprintf(other, sizeof(other), "%s.away", file);
    assert_int_equal(rename(file, other), 0);

    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 2, &op), NGX_ERROR);
    assert_non_null(strstr((char *) op.text, "unable to open"));
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 3, &op), NGX_ERROR);
    assert_false(exists(""));

    assert_int_equal(rename(other, file), 0);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 4, &op), NGX_OK);

    ngx_ess_store_sqlite.destroy(h);
}


static void
test_foreign(void **state)
{
    void                *h;
    ngx_ess_store_op_t   op;

    assert_int_equal(load(), NGX_OK);

    sql("PRAGMA user_version = 4");
    check_fails("another version");
    assert_int_equal(load(), NGX_ERROR);

    h = ngx_ess_store_sqlite.create(&path, &ngx_test_log);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 1, &op), NGX_ERROR);
    assert_non_null(strstr((char *) op.text, "not made by"));
    ngx_ess_store_sqlite.destroy(h);

    assert_int_equal(unlink(file), 0);
    sql("CREATE TABLE t (x); PRAGMA user_version = 1");
    check_fails("another application");
    assert_int_equal(load(), NGX_ERROR);

    write_file("hello", 5);
    check_fails("not a SQLite database");
    assert_int_equal(load(), NGX_ERROR);

    write_file("", 0);
    assert_int_equal(check(), NGX_OK);
    assert_int_equal(load(), NGX_OK);
}


static void
test_damaged(void **state)
{
    void                *h;
    ngx_ess_store_op_t   op;

    assert_int_equal(load(), NGX_OK);

    h = ngx_ess_store_sqlite.create(&path, &ngx_test_log);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 1, &op), NGX_OK);
    ngx_ess_store_sqlite.destroy(h);

    sql("UPDATE streams SET uuid = x'00'");
    assert_int_equal(load(), NGX_ERROR);
    assert_non_null(strstr(logged, "makes no sense"));

    sql("UPDATE streams SET uuid = randomblob(16), routing_key = ''");
    assert_int_equal(load(), NGX_ERROR);

    sql("UPDATE streams SET routing_key = 'k', reserved_ordinal = -9999999");
    assert_int_equal(load(), NGX_ERROR);

    sql("UPDATE streams SET reserved_ordinal = 5");
    assert_int_equal(load(), NGX_OK);

    sql("DROP TABLE meta");
    logged[0] = '\0';
    assert_int_equal(load(), NGX_ERROR);
    assert_non_null(strstr(logged, "cannot be used"));
}


static void
test_refused_row(void **state)
{
    void                *h;
    ngx_ess_store_op_t   op;

    assert_int_equal(load(), NGX_OK);

    h = ngx_ess_store_sqlite.create(&path, &ngx_test_log);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 1, &op), NGX_OK);
    assert_int_equal(commit(h, NGX_ESS_STORE_SAVE, 2, &op), NGX_OK);
    ngx_ess_store_sqlite.destroy(h);

    refuse_after = 1;
    assert_int_equal(load(), NGX_ERROR);

    /* no mark was raised */

    refuse_after = (ngx_uint_t) -1;
    assert_int_equal(load(), NGX_OK);
    assert_int_equal(last_row.last_ordinal,
                     NGX_ESS_STORE_ORDINALS + NGX_ESS_STORE_SKIP);
}


static void
test_paths(void **state)
{
    char  text[300];

    assert_int_equal(load(), NGX_OK);

    /* a folder, a file as a folder, two folders missing, a link */

    path.len = (size_t) snprintf(file, sizeof(file), "%s/ess", folder);
    check_fails("is %s");

    path.len = (size_t) snprintf(file, sizeof(file), "%s/ess/streams.db/x",
                                 folder);
    check_fails("not a folder");

    path.len = (size_t) snprintf(file, sizeof(file), "%s/a/b/x", folder);
    check_fails("exists");

    path.len = (size_t) snprintf(file, sizeof(file), "%s/ess/link", folder);
    (void) snprintf(text, sizeof(text), "%s/ess/streams.db", folder);
    assert_int_equal(symlink(text, file), 0);
    check_fails("is %s");
    assert_int_equal(load(), NGX_ERROR);
}


/* as nginx started by root, with workers of another user */

static void
test_user(void **state)
{
    char            text[300];
    struct stat     st;
    struct passwd  *pwd;

    pwd = getpwnam("nobody");

    if (geteuid() != 0 || pwd == NULL) {
        skip();
    }

    core_conf.username = "nobody";
    core_conf.user = pwd->pw_uid;
    core_conf.group = pwd->pw_gid;

    assert_int_equal(check(), NGX_OK);
    assert_int_equal(load(), NGX_OK);
    assert_int_equal(geteuid(), 0);
    assert_int_equal(check(), NGX_OK);

    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_uid, pwd->pw_uid);
    assert_int_equal(st.st_mode & 07777, 0600);

    (void) snprintf(text, sizeof(text), "%s/ess", folder);
    assert_int_equal(stat(text, &st), 0);
    assert_int_equal(st.st_uid, pwd->pw_uid);
    assert_int_equal(st.st_mode & 07777, 0700);

    assert_int_equal(chmod(file, 0400), 0);
    check_fails("readable and writable");
    assert_int_equal(chmod(file, 0600), 0);

    assert_int_equal(chown(file, 0, 0), 0);
    check_fails("readable and writable");
    assert_int_equal(chown(file, pwd->pw_uid, pwd->pw_gid), 0);

    (void) snprintf(text, sizeof(text), "%s/ess", folder);
    assert_int_equal(chown(text, 0, 0), 0);
    check_fails("must be writable");
    assert_int_equal(chown(text, pwd->pw_uid, pwd->pw_gid), 0);

    assert_int_equal(chmod(folder, 0700), 0);
    check_fails("may not enter");
    assert_int_equal(load(), NGX_ERROR);
    assert_int_equal(geteuid(), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(check(), NGX_OK);
}


static void
test_many(void **state)
{
    clock_t  start;

    assert_int_equal(load(), NGX_OK);

    sql("WITH RECURSIVE n(i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
        " INSERT INTO streams (id, uuid, routing_key, epoch, reserved_ordinal)"
        " SELECT i, randomblob(16), 'key.' || i, i, 65536 FROM n");

    start = clock();

    assert_int_equal(load(), NGX_OK);
    assert_int_equal(nrows, NGX_TEST_ROWS);
    assert_int_equal(last_id, NGX_TEST_ROWS);

    assert_true((clock() - start) / CLOCKS_PER_SEC < 10);
}


#define ngx_test(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        ngx_test(test_save_and_load),
        ngx_test(test_group),
        ngx_test(test_crowded),
        ngx_test(test_busy),
        ngx_test(test_full),
        ngx_test(test_moved),
        ngx_test(test_foreign),
        ngx_test(test_damaged),
        ngx_test(test_refused_row),
        ngx_test(test_paths),
        ngx_test(test_user),
        ngx_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
