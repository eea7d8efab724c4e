
/*
 * A stream as a row of the SQLite store.  Pure functions over a statement; run
 * in the master, and in a worker's thread.
 */


#include "ngx_ess_store_sqlite_row.h"


/* an ordinal has room above it for any number of marks */
#define NGX_ESS_STORE_SQLITE_ROW_ORDINAL   ((sqlite3_int64) 1 << 62)

/* the column from which on attributes are */
#define NGX_ESS_STORE_SQLITE_ROW_ATTR      6

/* bits of the column "made" */
#define NGX_ESS_STORE_SQLITE_ROW_DECLARED  1
#define NGX_ESS_STORE_SQLITE_ROW_CREATED   2


static ngx_int_t ngx_ess_store_sqlite_row_attr(sqlite3_stmt *stmt,
    ngx_ess_stream_info_t *info);
static ngx_int_t ngx_ess_store_sqlite_row_text(sqlite3_stmt *stmt, int col,
    u_char *data, size_t max, size_t *len);
static void ngx_ess_store_sqlite_row_bind_text(sqlite3_stmt *stmt, int param,
    const u_char *data, size_t len);


ngx_int_t
ngx_ess_store_sqlite_row(sqlite3_stmt *stmt, ngx_ess_stream_info_t *info)
{
    int            uuid_len, key_len;
    const void    *uuid, *key;
    sqlite3_int64  id, mark, source;

    id = sqlite3_column_int64(stmt, 0);
    uuid = sqlite3_column_blob(stmt, 1);
    uuid_len = sqlite3_column_bytes(stmt, 1);
    key = sqlite3_column_text(stmt, 2);
    key_len = sqlite3_column_bytes(stmt, 2);
    mark = sqlite3_column_int64(stmt, 4);
    source = sqlite3_column_int64(stmt, 5);

    if (id <= 0
        || uuid == NULL || uuid_len != NGX_ESS_UUID_LEN
        || key == NULL || key_len < 1 || key_len > NGX_ESS_MAX_KEY
        || mark < 0 || mark > NGX_ESS_STORE_SQLITE_ROW_ORDINAL
        || source < 0 || source > 255)
    {
        return NGX_ERROR;
    }

    ngx_memzero(info, sizeof(ngx_ess_stream_info_t));

    info->ref.id = (uint64_t) id;
    info->ref.epoch = (uint64_t) sqlite3_column_int64(stmt, 3);
    info->state = NGX_ESS_STREAM_VISIBLE;

    ngx_memcpy(info->uuid, uuid, NGX_ESS_UUID_LEN);

    info->key_len = (size_t) key_len;
    ngx_memcpy(info->key, key, info->key_len);

    info->kind.source = (uint8_t) source;
    info->last_ordinal = (uint64_t) mark + NGX_ESS_STORE_SKIP;
    info->first_ordinal = info->last_ordinal + 1;
    info->reserved_ordinal = info->last_ordinal + NGX_ESS_STORE_ORDINALS;

    return ngx_ess_store_sqlite_row_attr(stmt, info);
}


static ngx_int_t
ngx_ess_store_sqlite_row_attr(sqlite3_stmt *stmt, ngx_ess_stream_info_t *info)
{
    int            col, made;
    sqlite3_int64  size, count, age;

    col = NGX_ESS_STORE_SQLITE_ROW_ATTR;

    if (ngx_ess_store_sqlite_row_text(stmt, col, info->name,
                                      NGX_ESS_MAX_NAME, &info->name_len)
        != NGX_OK
        || ngx_ess_store_sqlite_row_text(stmt, col + 1, info->rule,
                                         NGX_ESS_MAX_RULE, &info->rule_len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    size = sqlite3_column_int64(stmt, col + 2);
    count = sqlite3_column_int64(stmt, col + 3);
    age = sqlite3_column_int64(stmt, col + 4);
    made = sqlite3_column_int(stmt, col + 5);

    if (size < 0 || count < 0 || count > NGX_MAX_UINT32_VALUE || age < 0) {
        return NGX_ERROR;
    }

    info->log_size = (uint64_t) size;
    info->log_count = (uint32_t) count;
    info->log_age = (uint64_t) age;
    info->declared = ((made & NGX_ESS_STORE_SQLITE_ROW_DECLARED) != 0);
    info->created = ((made & NGX_ESS_STORE_SQLITE_ROW_CREATED) != 0);

    return NGX_OK;
}


/* A text of at most "max" bytes, or NULL, which is an empty one. */

static ngx_int_t
ngx_ess_store_sqlite_row_text(sqlite3_stmt *stmt, int col, u_char *data,
    size_t max, size_t *len)
{
    const void  *text;

    text = sqlite3_column_text(stmt, col);
    *len = (size_t) sqlite3_column_bytes(stmt, col);

    if (text == NULL) {
        *len = 0;
        return NGX_OK;
    }

    if (*len > max) {
        return NGX_ERROR;
    }

    ngx_memcpy(data, text, *len);

    return NGX_OK;
}


void
ngx_ess_store_sqlite_row_bind(sqlite3_stmt *stmt,
    const ngx_ess_stream_info_t *row)
{
    int  made;

    made = (row->declared ? NGX_ESS_STORE_SQLITE_ROW_DECLARED : 0)
           | (row->created ? NGX_ESS_STORE_SQLITE_ROW_CREATED : 0);

    (void) sqlite3_bind_int64(stmt, 1, (sqlite3_int64) row->ref.id);
    (void) sqlite3_bind_blob(stmt, 2, row->uuid, NGX_ESS_UUID_LEN,
                             SQLITE_STATIC);
    ngx_ess_store_sqlite_row_bind_text(stmt, 3, row->key, row->key_len);
    (void) sqlite3_bind_int64(stmt, 4, (sqlite3_int64) row->ref.epoch);
    (void) sqlite3_bind_int64(stmt, 5, (sqlite3_int64) row->reserved_ordinal);
    (void) sqlite3_bind_int64(stmt, 6, row->kind.source);
    ngx_ess_store_sqlite_row_bind_text(stmt, 7, row->name, row->name_len);
    ngx_ess_store_sqlite_row_bind_text(stmt, 8, row->rule, row->rule_len);
    (void) sqlite3_bind_int64(stmt, 9, (sqlite3_int64) row->log_size);
    (void) sqlite3_bind_int64(stmt, 10, row->log_count);
    (void) sqlite3_bind_int64(stmt, 11, (sqlite3_int64) row->log_age);
    (void) sqlite3_bind_int64(stmt, 12, made);
}


/* What is empty stays NULL. */

static void
ngx_ess_store_sqlite_row_bind_text(sqlite3_stmt *stmt, int param,
    const u_char *data, size_t len)
{
    if (len) {
        (void) sqlite3_bind_text(stmt, param, (const char *) data, (int) len,
                                 SQLITE_STATIC);
    }
}
