/*
 * The store in a SQLite file.  The master opens it once, at start, to make
 * what is missing and to read the streams, and closes it before the first
 * fork.  Each worker has a handle of its own, opened, used and closed by the
 * threads that carry its operations, one at a time.
 */


#include "ngx_ess_escape.h"
#include "ngx_ess_sqlite_db.h"
#include "ngx_ess_store_sqlite.h"
#include "ngx_ess_store_sqlite_row.h"


/* ms that one process waits for the others' transactions */
#define NGX_ESS_STORE_SQLITE_BUSY       1500
#define NGX_ESS_STORE_SQLITE_BUSY_LOAD  5000

#define ngx_ess_store_sqlite_string(x)   #x
#define ngx_ess_store_sqlite_number(x)   ngx_ess_store_sqlite_string(x)


/* what the file's header says when it is ours: "ESS1", and the schema, which
   is 1 when streams have no source yet, and 2 when they have no names */
#define NGX_ESS_STORE_SQLITE_APP         0x45535331
#define NGX_ESS_STORE_SQLITE_SCHEMA      3


/* statements: one for each ngx_ess_store_op_e, and one for all of them */
#define NGX_ESS_STORE_SQLITE_LAST_ID     0
#define NGX_ESS_STORE_SQLITE_STATEMENTS  (NGX_ESS_STORE_ATTR + 1)


typedef struct {
    ngx_ess_sqlite_db_t  db;
    sqlite3_stmt              *stmt[NGX_ESS_STORE_SQLITE_STATEMENTS];
} ngx_ess_store_sqlite_t;


static ngx_int_t ngx_ess_store_sqlite_check(ngx_conf_t *cf, ngx_str_t *path);
static ngx_int_t ngx_ess_store_sqlite_load(ngx_cycle_t *cycle,
    ngx_str_t *path, ngx_ess_store_row_pt row, void *data, uint64_t *last_id);
static void ngx_ess_store_sqlite_init(ngx_ess_sqlite_db_t *db, char *path);
static int ngx_ess_store_sqlite_prepare(ngx_ess_sqlite_db_t *db);
static ngx_int_t ngx_ess_store_sqlite_rows(ngx_cycle_t *cycle,
    ngx_ess_sqlite_db_t *db, ngx_ess_store_row_pt row, void *data,
    uint64_t *last_id);
static ngx_int_t ngx_ess_store_sqlite_each(ngx_cycle_t *cycle,
    ngx_ess_sqlite_db_t *db, ngx_ess_store_row_pt row, void *data);
static void *ngx_ess_store_sqlite_create(ngx_str_t *path, ngx_log_t *log);
static void ngx_ess_store_sqlite_destroy(void *handle);
static void ngx_ess_store_sqlite_commit(void *handle,
    ngx_ess_store_op_t **ops, ngx_uint_t n);
static int ngx_ess_store_sqlite_transaction(ngx_ess_store_sqlite_t *h,
    ngx_ess_store_op_t **ops, ngx_uint_t n);
static int ngx_ess_store_sqlite_ops(ngx_ess_store_sqlite_t *h,
    ngx_ess_store_op_t **ops, ngx_uint_t n);
static int ngx_ess_store_sqlite_op(ngx_ess_store_sqlite_t *h,
    ngx_ess_store_op_t *op);


const ngx_ess_store_engine_t  ngx_ess_store_sqlite = {
    ngx_string("sqlite"),
    ngx_ess_store_sqlite_check,
    ngx_ess_store_sqlite_load,
    ngx_ess_store_sqlite_create,
    ngx_ess_store_sqlite_commit,
    ngx_ess_store_sqlite_destroy
};


static const ngx_ess_sqlite_kind_t  ngx_ess_store_sqlite_kind = {
    "ess_store",
    NGX_ESS_STORE_SQLITE_APP,
    NGX_ESS_STORE_SQLITE_SCHEMA
};


/*
 * A stream's mark is its reserved_ordinal plus meta's "raised".  So each start
 * raises all marks with one small write, on a disk that is all but full as
 * well.
 */

static const char  ngx_ess_store_sqlite_schema[] =
    "BEGIN IMMEDIATE;"
    "PRAGMA application_id = "
        ngx_ess_store_sqlite_number(NGX_ESS_STORE_SQLITE_APP) ";"
    "PRAGMA user_version = "
        ngx_ess_store_sqlite_number(NGX_ESS_STORE_SQLITE_SCHEMA) ";"
    "CREATE TABLE meta (last_id INTEGER NOT NULL, raised INTEGER NOT NULL);"
    "INSERT INTO meta (last_id, raised) VALUES (0, 0);"
    "CREATE TABLE streams ("
        "id INTEGER PRIMARY KEY,"
        "uuid BLOB NOT NULL UNIQUE,"
        "routing_key TEXT NOT NULL,"
        "epoch INTEGER NOT NULL,"
        "reserved_ordinal INTEGER NOT NULL,"
        "source INTEGER NOT NULL DEFAULT 0,"
        "name TEXT,"
        "key_rule TEXT,"
        "log_size INTEGER NOT NULL DEFAULT 0,"
        "log_count INTEGER NOT NULL DEFAULT 0,"
        "log_age INTEGER NOT NULL DEFAULT 0,"
        "made INTEGER NOT NULL DEFAULT 0"
    ");"
    "CREATE UNIQUE INDEX streams_name ON streams (name);"
    "COMMIT;";


/* each from one schema to the next, 1 to 2 first */

static const char  *ngx_ess_store_sqlite_upgrades[] = {

    "BEGIN IMMEDIATE;"
    "PRAGMA user_version = 2;"
    "ALTER TABLE streams ADD COLUMN source INTEGER NOT NULL DEFAULT 0;"
    "COMMIT;",

    "BEGIN IMMEDIATE;"
    "PRAGMA user_version = 3;"
    "ALTER TABLE streams ADD COLUMN name TEXT;"
    "ALTER TABLE streams ADD COLUMN key_rule TEXT;"
    "ALTER TABLE streams ADD COLUMN log_size INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE streams ADD COLUMN log_count INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE streams ADD COLUMN log_age INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE streams ADD COLUMN made INTEGER NOT NULL DEFAULT 0;"
    "CREATE UNIQUE INDEX streams_name ON streams (name);"
    "COMMIT;"
};


/*
 * An id is a stream's only together with its uuid: after a binary upgrade two
 * tables live on one store for a while and may give the same id.
 */

static const char  *ngx_ess_store_sqlite_sql[] = {

    "UPDATE meta SET last_id = max(last_id, ?1)",

    /* NGX_ESS_STORE_SAVE */
    "INSERT INTO streams (id, uuid, routing_key, epoch, reserved_ordinal,"
        " source, name, key_rule, log_size, log_count, log_age, made)"
        " SELECT ?1, ?2, ?3, ?4, ?5 - (SELECT raised FROM meta), ?6, ?7, ?8,"
        " ?9, ?10, ?11, ?12"
        " WHERE NOT EXISTS"
        " (SELECT 1 FROM streams WHERE id = ?1 AND uuid = ?2)",

    /* NGX_ESS_STORE_REMOVE */
    "DELETE FROM streams WHERE id = ?1 AND uuid = ?2",

    /* NGX_ESS_STORE_ORDINAL */
    "UPDATE streams SET reserved_ordinal = max(reserved_ordinal,"
        " ?5 - (SELECT raised FROM meta))"
        " WHERE id = ?1 AND uuid = ?2",

    /* NGX_ESS_STORE_ATTR */
    "UPDATE streams SET key_rule = ?8, log_size = ?9, log_count = ?10,"
        " log_age = ?11 WHERE id = ?1 AND uuid = ?2"
};


static ngx_int_t
ngx_ess_store_sqlite_check(ngx_conf_t *cf, ngx_str_t *path)
{
    return ngx_ess_sqlite_file_check(cf, &ngx_ess_store_sqlite_kind, path);
}


static ngx_int_t
ngx_ess_store_sqlite_load(ngx_cycle_t *cycle, ngx_str_t *path,
    ngx_ess_store_row_pt row, void *data, uint64_t *last_id)
{
    ngx_int_t                  rc;
    ngx_ess_escaped_t          text;
    ngx_ess_sqlite_db_t  db;

    if (ngx_ess_sqlite_file_enter(cycle, &ngx_ess_store_sqlite_kind, path)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_store_sqlite_init(&db, (char *) path->data);

    rc = NGX_OK;

    if (ngx_ess_sqlite_db_open(&db, NGX_ESS_STORE_SQLITE_BUSY_LOAD)
        != SQLITE_OK
        || ngx_ess_store_sqlite_prepare(&db) != SQLITE_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"ess_store\" %V cannot be used: %V", path,
                      ngx_ess_escape_bytes(&text, db.text,
                                           ngx_strlen(db.text)));
        rc = NGX_ERROR;

    } else if (row) {
        rc = ngx_ess_store_sqlite_rows(cycle, &db, row, data, last_id);

        if (rc != NGX_OK && db.text[0] != '\0') {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "\"ess_store\" %V: loading the streams failed: %V",
                          path, ngx_ess_escape_bytes(&text, db.text,
                                                     ngx_strlen(db.text)));
        }
    }

    /* the last one to close carries the log over and removes it */

    ngx_ess_sqlite_db_close(&db);

    if (ngx_ess_sqlite_file_leave(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    return rc;
}


static void
ngx_ess_store_sqlite_init(ngx_ess_sqlite_db_t *db, char *path)
{
    ngx_memzero(db, sizeof(ngx_ess_sqlite_db_t));

    db->kind = &ngx_ess_store_sqlite_kind;
    db->path = path;

    /* FULL: what was answered survives the loss of power; a short log: it
       may be all that fits on a small disk */

    db->pragmas = "PRAGMA temp_store = MEMORY;"
                  "PRAGMA synchronous = FULL;"
                  "PRAGMA wal_autocheckpoint = 64;";
}


/*
 * The schema, if there is nothing yet.  It is committed with SQLite's older
 * journal: so the header in the file itself, which nginx -t reads, is ours
 * before there is a log.
 */

static int
ngx_ess_store_sqlite_prepare(ngx_ess_sqlite_db_t *db)
{
    int            rc;
    sqlite3_int64  n;

    rc = ngx_ess_sqlite_db_get(db, "SELECT count(*) FROM sqlite_master",
                                     &n);

    if (rc == SQLITE_OK && n == 0) {
        rc = ngx_ess_sqlite_db_exec(db, ngx_ess_store_sqlite_schema);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_ours(db, &n);
    }

    for ( /* void */ ;
         rc == SQLITE_OK && n < NGX_ESS_STORE_SQLITE_SCHEMA;
         n++)
    {
        rc = ngx_ess_sqlite_db_exec(db,
                                       ngx_ess_store_sqlite_upgrades[n - 1]);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_exec(db, "PRAGMA journal_mode = WAL");
    }

    /* the log's files are made with the first read, which may fail as well */

    return (rc == SQLITE_OK)
           ? ngx_ess_sqlite_db_get(db, "SELECT count(*) FROM meta", &n)
           : rc;
}


/* On NGX_ERROR db->text says why, or is empty when that was logged. */

static ngx_int_t
ngx_ess_store_sqlite_rows(ngx_cycle_t *cycle, ngx_ess_sqlite_db_t *db,
    ngx_ess_store_row_pt row, void *data, uint64_t *last_id)
{
    sqlite3_int64  id;

    db->text[0] = '\0';

    if (ngx_ess_sqlite_db_exec(db, "BEGIN IMMEDIATE") != SQLITE_OK
        || ngx_ess_sqlite_db_get(db,
               "SELECT max((SELECT max(last_id) FROM meta),"
               " (SELECT coalesce(max(id), 0) FROM streams))", &id)
           != SQLITE_OK
        || ngx_ess_store_sqlite_each(cycle, db, row, data) != NGX_OK
        || ngx_ess_sqlite_db_exec(db,
               "UPDATE meta SET raised = raised + "
               ngx_ess_store_sqlite_number(NGX_ESS_STORE_SKIP) " + "
               ngx_ess_store_sqlite_number(NGX_ESS_STORE_ORDINALS))
           != SQLITE_OK
        || ngx_ess_sqlite_db_exec(db, "COMMIT") != SQLITE_OK)
    {
        return NGX_ERROR;
    }

    *last_id = (uint64_t) id;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_store_sqlite_each(ngx_cycle_t *cycle, ngx_ess_sqlite_db_t *db,
    ngx_ess_store_row_pt row, void *data)
{
    int                     rc;
    ngx_int_t               ret;
    sqlite3_stmt           *stmt;
    ngx_ess_stream_info_t   info;

    if (ngx_ess_sqlite_db_prepare(db,
            "SELECT id, uuid, routing_key, epoch,"
            " reserved_ordinal + (SELECT raised FROM meta), source,"
            " name, key_rule, log_size, log_count, log_age, made"
            " FROM streams ORDER BY id", &stmt)
        != SQLITE_OK)
    {
        return NGX_ERROR;
    }

    ret = NGX_OK;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {

        if (ngx_ess_store_sqlite_row(stmt, &info) != NGX_OK) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "\"ess_store\" %s is damaged: the row of the "
                          "stream %L makes no sense",
                          db->path, (int64_t) sqlite3_column_int64(stmt, 0));
            ret = NGX_ERROR;
            goto done;
        }

        if (row(data, &info) != NGX_OK) {
            ret = NGX_ERROR;
            goto done;
        }
    }

    if (rc != SQLITE_DONE) {
        (void) ngx_ess_sqlite_db_failed(db, rc);
        ret = NGX_ERROR;
    }

done:

    (void) sqlite3_finalize(stmt);

    return ret;
}


static void *
ngx_ess_store_sqlite_create(ngx_str_t *path, ngx_log_t *log)
{
    ngx_ess_store_sqlite_t  *h;

    h = ngx_alloc(sizeof(ngx_ess_store_sqlite_t) + path->len + 1, log);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_ess_store_sqlite_t));

    ngx_ess_store_sqlite_init(&h->db, (char *) (h + 1));

    ngx_memcpy(h->db.path, path->data, path->len);
    h->db.path[path->len] = '\0';

    return h;
}


static void
ngx_ess_store_sqlite_destroy(void *handle)
{
    ngx_ess_store_sqlite_t *h = handle;

    ngx_ess_sqlite_db_close(&h->db);
    ngx_free(h);
}


static void
ngx_ess_store_sqlite_commit(void *handle, ngx_ess_store_op_t **ops,
    ngx_uint_t n)
{
    ngx_ess_store_sqlite_t *h = handle;

    int         rc;
    ngx_uint_t  i;

    rc = ngx_ess_store_sqlite_transaction(h, ops, n);

    if (ngx_ess_sqlite_db_again(&h->db, rc)) {
        rc = ngx_ess_store_sqlite_transaction(h, ops, n);
    }

    if (rc == SQLITE_OK) {
        return;
    }

    for (i = 0; i < n; i++) {
        ops[i]->rc = NGX_ERROR;
        ngx_memcpy(ops[i]->text, h->db.text, sizeof(ops[i]->text));
    }

    ngx_ess_sqlite_db_end(&h->db, rc);
}


/* Returns a primary result code; with any but SQLITE_OK nothing was done. */

static int
ngx_ess_store_sqlite_transaction(ngx_ess_store_sqlite_t *h,
    ngx_ess_store_op_t **ops, ngx_uint_t n)
{
    int  rc;

    rc = ngx_ess_sqlite_db_use(&h->db, NGX_ESS_STORE_SQLITE_BUSY,
                               ngx_ess_store_sqlite_sql, h->stmt,
                               NGX_ESS_STORE_SQLITE_STATEMENTS);
    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = ngx_ess_sqlite_db_exec(&h->db, "BEGIN IMMEDIATE");
    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = ngx_ess_store_sqlite_ops(h, ops, n);

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_exec(&h->db, "COMMIT");
    }

    if (rc != SQLITE_OK && !sqlite3_get_autocommit(h->db.handle)) {

        /* not through exec(), which would write over the text */

        (void) sqlite3_exec(h->db.handle, "ROLLBACK", NULL, NULL, NULL);
    }

    return rc;
}


static int
ngx_ess_store_sqlite_ops(ngx_ess_store_sqlite_t *h, ngx_ess_store_op_t **ops,
    ngx_uint_t n)
{
    int            rc;
    uint64_t       last_id;
    ngx_uint_t     i;
    sqlite3_stmt  *stmt;

    last_id = 0;

    for (i = 0; i < n; i++) {
        rc = ngx_ess_store_sqlite_op(h, ops[i]);

        if (rc == SQLITE_OK) {
            ops[i]->rc = NGX_OK;
            ops[i]->text[0] = '\0';

        } else if (rc == SQLITE_CONSTRAINT) {

            /* SQLite undid this statement only: the others may go on */

            ops[i]->rc = NGX_DECLINED;
            ngx_memcpy(ops[i]->text, h->db.text, sizeof(ops[i]->text));

        } else {
            return rc;
        }

        /* an id that was refused was given nevertheless */

        if (ops[i]->type == NGX_ESS_STORE_SAVE) {
            last_id = ngx_max(last_id, ops[i]->row.ref.id);
        }
    }

    if (last_id == 0) {
        return SQLITE_OK;
    }

    stmt = h->stmt[NGX_ESS_STORE_SQLITE_LAST_ID];

    (void) sqlite3_bind_int64(stmt, 1, (sqlite3_int64) last_id);

    return ngx_ess_sqlite_db_run(&h->db, stmt);
}


static int
ngx_ess_store_sqlite_op(ngx_ess_store_sqlite_t *h, ngx_ess_store_op_t *op)
{
    sqlite3_stmt  *stmt;

    stmt = h->stmt[op->type];

    ngx_ess_store_sqlite_row_bind(stmt, &op->row);

    return ngx_ess_sqlite_db_run(&h->db, stmt);
}
