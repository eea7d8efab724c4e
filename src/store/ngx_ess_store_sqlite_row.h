/*
 * A stream as a row of the SQLite store: columns and parameters in one order,
 * which is id, uuid, routing_key, epoch, reserved_ordinal, source, name,
 * key_rule, log_size, log_count, log_age, made.
 */


#ifndef _NGX_ESS_STORE_SQLITE_ROW_H_INCLUDED_
#define _NGX_ESS_STORE_SQLITE_ROW_H_INCLUDED_


#include "ngx_ess_store.h"
#include <sqlite3.h>


/* Reads a row of those columns.  NGX_OK, or NGX_ERROR: it makes no sense. */
ngx_int_t ngx_ess_store_sqlite_row(sqlite3_stmt *stmt,
    ngx_ess_stream_info_t *info);

/* Binds them as ?1, ?2, ...; those that the statement does not have are left
   out.  "row" must stay until it was run. */
void ngx_ess_store_sqlite_row_bind(sqlite3_stmt *stmt,
    const ngx_ess_stream_info_t *row);


#endif /* _NGX_ESS_STORE_SQLITE_ROW_H_INCLUDED_ */
