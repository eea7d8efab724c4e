/*
 * What SQLite alone costs: events inserted into the file of an event log, which
 * nginx made, with the statements that it has, so many a transaction.
 *
 *   inserts --file PATH --transactions N [--events N] [--first N]
 *
 * Prints the CPU time that all of it took, without the texts of the events, and
 * without opening the file.
 */


#include "bench.h"

#include <sqlite3.h>
#include <sys/resource.h>


#define EVENT_MOST  256


static sqlite3      *db;
static sqlite3_stmt *begin, *last, *insert, *type, *all, *commit;


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
    int        i, n, transactions, t;
    char     (*texts)[EVENT_MOST];
    double     used, before;
    uint64_t   first, start;

    transactions = atoi(option(argc, argv, "transactions", "1"));
    n = atoi(option(argc, argv, "events", "1000"));
    first = strtoull(option(argc, argv, "first", "0"), NULL, 10);

    texts = malloc((size_t) n * EVENT_MOST);

    prepare_all(option(argc, argv, "file", ""));

    used = 0;
    start = now();

    for (t = 0; t < transactions; t++) {

        for (i = 0; i < n; i++) {
            write_event(texts[i], first + i);
        }

        before = cpu();
        transaction(first, n, texts);
        used += cpu() - before;

        first += n;
    }

    printf("{\"cpu\": %.6f, \"seconds\": %.6f}\n", used,
           (now() - start) / 1e9);

    sqlite3_close(db);

    return 0;
}
