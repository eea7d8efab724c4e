/*
 * The store in a SQLite file (WAL).
 */


#ifndef _NGX_ESS_STORE_SQLITE_H_INCLUDED_
#define _NGX_ESS_STORE_SQLITE_H_INCLUDED_


#include "ngx_ess_store.h"


extern const ngx_ess_store_engine_t  ngx_ess_store_sqlite;


#endif /* _NGX_ESS_STORE_SQLITE_H_INCLUDED_ */
