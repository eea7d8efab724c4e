/*
 * What SQLite alone costs: events inserted into the file of an event log, which
 * nginx made, or read from it, with the statements that nginx has.
 *
 *   sqlite --file PATH --transactions N --statements N
 *          [--first N | --get id|page --range N [--size N]]
 *
 * A transaction has so many statements: inserts of one event each, from "first"
 * on, or queries, of one of the first "range" events by its id, or of the first
 * page.  Prints the CPU time that all of it took, without the texts of the
 * events, and without opening the file.
 */


#include "bench.h"

#include <sqlite3.h>
#include <sys/resource.h>


#define EVENT_MOST  256


static sqlite3      *db;
static sqlite3_stmt *begin, *read_begin, *last, *insert, *type, *all, *commit;
static sqlite3_stmt *by_id, *page;


static sqlite3_stmt *
prepare(const char *sql)
{
    sqlite3_stmt  *stmt;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        die("%s: %s", sql, sqlite3_errmsg(db));
    }

    return stmt;
}


static void
run(sqlite3_stmt *stmt, int expected)
{
    if (sqlite3_step(stmt) != expected) {
        die("%s: %s", sqlite3_sql(stmt), sqlite3_errmsg(db));
    }
}


static void
prepare_all(const char *file)
{
    if (sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK
        || sqlite3_exec(db, "PRAGMA temp_store = MEMORY;"
                            "PRAGMA journal_size_limit = 16777216;"
                            "PRAGMA wal_autocheckpoint = 1000;"
                            "PRAGMA cache_size = -4096;"
                            "PRAGMA synchronous = FULL", NULL, NULL, NULL)
           != SQLITE_OK)
    {
        die("%s: %s", file, sqlite3_errmsg(db));
    }

    begin = prepare("BEGIN IMMEDIATE");
    last = prepare("SELECT coalesce((SELECT seq FROM sqlite_sequence"
                   " WHERE name = 'event'), 0)");
    insert = prepare("INSERT OR IGNORE INTO event"
                     " (seq, id, type, time, received, body, hash)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    type = prepare("INSERT INTO type (name, events) VALUES (?1, ?2)"
                   " ON CONFLICT (name) DO UPDATE SET events = events + ?2");
    all = prepare("UPDATE log SET events = events + ?1");
    commit = prepare("COMMIT");

    read_begin = prepare("BEGIN");
    by_id = prepare("SELECT seq, time, body FROM event WHERE id = ?1");
    page = prepare("SELECT seq, time, body FROM event WHERE 1 AND seq > ?1"
                   " ORDER BY seq LIMIT ?2 OFFSET ?3");
}


static void
add_type(const char *name, int n)
{
    sqlite3_bind_text(type, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int(type, 2, n);
    run(type, SQLITE_DONE);
    sqlite3_reset(type);
}


static void
transaction(uint64_t first, int n, char (*texts)[EVENT_MOST])
{
    int            i, len;
    char           id[32];
    sqlite3_int64  seq;

    run(begin, SQLITE_DONE);
    sqlite3_reset(begin);

    run(last, SQLITE_ROW);
    seq = sqlite3_column_int64(last, 0);
    sqlite3_reset(last);

    for (i = 0; i < n; i++) {
        len = sprintf(id, "e_%llu", (unsigned long long) first + i);

        sqlite3_bind_int64(insert, 1, ++seq);
        sqlite3_bind_text(insert, 2, id, len, SQLITE_STATIC);
        sqlite3_bind_text(insert, 3, i % 2 ? "system" : "user", -1,
                          SQLITE_STATIC);
        sqlite3_bind_int64(insert, 4, 1705149296789);
        sqlite3_bind_int64(insert, 5, 1705149296789);
        sqlite3_bind_text(insert, 6, texts[i], strlen(texts[i]),
                          SQLITE_STATIC);
        sqlite3_bind_blob(insert, 7, "0123456789abcdef", 16, SQLITE_STATIC);

        run(insert, SQLITE_DONE);
        sqlite3_reset(insert);
        sqlite3_clear_bindings(insert);

        if (sqlite3_changes(db) != 1) {
            die("event %s is there", id);
        }
    }

    add_type("user", (n + 1) / 2);
    add_type("system", n / 2);

    sqlite3_bind_int(all, 1, n);
    run(all, SQLITE_DONE);
    sqlite3_reset(all);

    run(commit, SQLITE_DONE);
    sqlite3_reset(commit);
}


/* What was found is copied, as by anybody who sends it. */

static void
rows(sqlite3_stmt *stmt, int n)
{
    int          found, rc;
    char        *p;
    static char  copy[1001 * EVENT_MOST];

    p = copy;

    for (found = 0; (rc = sqlite3_step(stmt)) == SQLITE_ROW; found++) {
        if (found < n) {
            memcpy(p, sqlite3_column_text(stmt, 2),
                   sqlite3_column_bytes(stmt, 2));
            p += sqlite3_column_bytes(stmt, 2);
        }
    }

    if (rc != SQLITE_DONE || found < n) {
        die("%s: %d of %d rows: %s", sqlite3_sql(stmt), found, n,
            sqlite3_errmsg(db));
    }

    sqlite3_reset(stmt);
}


static void
queries(uint64_t first, int n, uint64_t range, int size)
{
    int   i, len;
    char  id[32];

    run(read_begin, SQLITE_DONE);
    sqlite3_reset(read_begin);

    for (i = 0; i < n; i++) {

        if (size == 0) {
            /* as requests.c does */
            len = sprintf(id, "e_%llu",
                          (unsigned long long) ((first + i) * 7919 % range));

            sqlite3_bind_text(by_id, 1, id, len, SQLITE_STATIC);
            rows(by_id, 1);

        } else {
            sqlite3_bind_int64(page, 1, 0);
            sqlite3_bind_int(page, 2, size + 1);
            sqlite3_bind_int(page, 3, 0);
            rows(page, size);
        }
    }

    run(commit, SQLITE_DONE);
    sqlite3_reset(commit);
}


static double
cpu(void)
{
    struct rusage  u;

    getrusage(RUSAGE_SELF, &u);

    return u.ru_utime.tv_sec + u.ru_stime.tv_sec
           + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}


int
main(int argc, char **argv)
{
    int              i, n, size, transactions, t;
    char           (*texts)[EVENT_MOST];
    double           used, before;
    uint64_t         first, range, start;
    const char      *get;

    transactions = atoi(option(argc, argv, "transactions", "1"));
    n = atoi(option(argc, argv, "statements", "1000"));
    first = strtoull(option(argc, argv, "first", "0"), NULL, 10);
    get = option(argc, argv, "get", "");
    range = strtoull(option(argc, argv, "range", "1"), NULL, 10);
    size = strcmp(get, "page") ? 0 : atoi(option(argc, argv, "size", "10"));

    texts = malloc((size_t) n * EVENT_MOST);

    prepare_all(option(argc, argv, "file", ""));

    used = 0;
    start = now();

    for (t = 0; t < transactions; t++) {

        if (*get) {
            before = cpu();
            queries(first, n, range, size);

        } else {
            for (i = 0; i < n; i++) {
                write_event(texts[i], first + i);
            }

            before = cpu();
            transaction(first, n, texts);
        }

        used += cpu() - before;

        first += n;
    }

    printf("{\"cpu\": %.6f, \"seconds\": %.6f}\n", used,
           (now() - start) / 1e9);

    sqlite3_close(db);

    return 0;
}
