/*
 * Event logs in SQLite files.  The master makes what is missing when it starts,
 * and closes the file before the first fork.  Each worker has handles of its
 * own, used in threads.
 */


#include "ngx_ess_escape.h"
#include "ngx_ess_event_log_sqlite.h"
#include "ngx_ess_event_log_sqlite_handle.h"
#include "ngx_ess_event_log_sqlite_insert.h"
#include "ngx_ess_event_log_sqlite_query.h"
#include "ngx_ess_event_log_sqlite_retain.h"


/* ms that the master waits for others' transactions */
#define NGX_ESS_EVENT_LOG_SQLITE_LOAD       5000

#define ngx_ess_event_log_sqlite_string(x)  #x
#define ngx_ess_event_log_sqlite_number(x)  ngx_ess_event_log_sqlite_string(x)


static ngx_int_t ngx_ess_event_log_sqlite_check(ngx_conf_t *cf,
    ngx_ess_event_log_t *log);
static ngx_int_t ngx_ess_event_log_sqlite_init_module(ngx_cycle_t *cycle,
    ngx_ess_event_log_t *log);
static int ngx_ess_event_log_sqlite_prepare(ngx_ess_sqlite_db_t *db);


const ngx_ess_event_log_engine_t  ngx_ess_event_log_sqlite = {
    ngx_string("sqlite"),
    ngx_null_string,
    0,
    0,
    ngx_ess_event_log_sqlite_check,
    ngx_ess_event_log_sqlite_init_module,
    ngx_ess_event_log_sqlite_create,
    ngx_ess_event_log_sqlite_destroy,
    ngx_ess_event_log_sqlite_insert,
    ngx_ess_event_log_sqlite_query,
    ngx_ess_event_log_sqlite_retain,
    ngx_ess_event_log_sqlite_measure,
    NULL
};


/* Whoever comes second makes nothing.  AUTOINCREMENT: a number that was given
   once is never given again.  "received" and "time" are ms since 1970;
   "checked" counts probes of the disk; "epoch" tells this file's numbers from
   those of another one. */

static const char  ngx_ess_event_log_sqlite_schema[] =
    "BEGIN IMMEDIATE;"
    "PRAGMA application_id = "
        ngx_ess_event_log_sqlite_number(NGX_ESS_EVENT_LOG_SQLITE_APP) ";"
    "PRAGMA user_version = "
        ngx_ess_event_log_sqlite_number(NGX_ESS_EVENT_LOG_SQLITE_SCHEMA) ";"
    "CREATE TABLE IF NOT EXISTS log (events INTEGER NOT NULL,"
        " checked INTEGER NOT NULL, epoch INTEGER NOT NULL);"
    "INSERT INTO log (events, checked, epoch) SELECT 0, 0, random() | 1"
        " WHERE NOT EXISTS (SELECT 1 FROM log);"
    "CREATE TABLE IF NOT EXISTS type (name TEXT PRIMARY KEY,"
        " events INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS event ("
        "seq INTEGER PRIMARY KEY AUTOINCREMENT,"
        "id TEXT NOT NULL UNIQUE,"
        "type TEXT NOT NULL,"
        "time INTEGER NOT NULL,"
        "received INTEGER NOT NULL,"
        "body TEXT NOT NULL,"
        "hash BLOB NOT NULL"
    ");"
    "CREATE INDEX IF NOT EXISTS event_type ON event (type);"
    "CREATE INDEX IF NOT EXISTS event_time ON event (time);"
    "CREATE INDEX IF NOT EXISTS event_type_time ON event (type, time);"
    "COMMIT;";


static ngx_int_t
ngx_ess_event_log_sqlite_check(ngx_conf_t *cf, ngx_ess_event_log_t *log)
{
    return ngx_ess_sqlite_file_check(cf, &ngx_ess_event_log_sqlite_kind,
                                     &log->place);
}


static ngx_int_t
ngx_ess_event_log_sqlite_init_module(ngx_cycle_t *cycle,
    ngx_ess_event_log_t *log)
{
    ngx_int_t            rc;
    ngx_ess_escaped_t    text;
    ngx_ess_sqlite_db_t  db;

    if (ngx_ess_sqlite_file_enter(cycle, &ngx_ess_event_log_sqlite_kind,
                                  &log->place)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_event_log_sqlite_init(&db, (char *) log->place.data, log->sync);

    rc = NGX_OK;

    if (ngx_ess_sqlite_db_open(&db, NGX_ESS_EVENT_LOG_SQLITE_LOAD) != SQLITE_OK
        || ngx_ess_event_log_sqlite_prepare(&db) != SQLITE_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"ess_event_log\" %V cannot be used: %V", &log->place,
                      ngx_ess_escape_bytes(&text, db.text,
                                           ngx_strlen(db.text)));
        rc = NGX_ERROR;
    }

    ngx_ess_sqlite_db_close(&db);

    if (ngx_ess_sqlite_file_leave(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return rc;
}


/*
 * The schema, if there is nothing yet.  It is committed with SQLite's older
 * journal: so the header in the file itself, which nginx -t reads, is ours
 * before there is a log.
 */

static int
ngx_ess_event_log_sqlite_prepare(ngx_ess_sqlite_db_t *db)
{
    int            rc;
    int64_t        end;
    sqlite3_int64  n;

    end = ngx_ess_event_log_sqlite_clock() + NGX_ESS_EVENT_LOG_SQLITE_LOAD;

    rc = ngx_ess_sqlite_db_get(db, "SELECT count(*) FROM sqlite_master", &n);

    if (rc == SQLITE_OK && n == 0) {
        rc = ngx_ess_sqlite_db_exec(db, ngx_ess_event_log_sqlite_schema);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_ours(db, &n);
    }

    /* of two who turn to it at once one fails, and SQLite does not wait */

    if (rc == SQLITE_OK) {
        do {
            rc = ngx_ess_sqlite_db_exec(db, "PRAGMA journal_mode = WAL");
        } while (rc == SQLITE_BUSY && ngx_ess_event_log_sqlite_clock() < end
                 && usleep(10000) == 0);
    }

    /* the log's files are made with the first read, which may fail as well */

    return (rc == SQLITE_OK)
           ? ngx_ess_sqlite_db_get(db, "SELECT count(*) FROM log", &n) : rc;
}
