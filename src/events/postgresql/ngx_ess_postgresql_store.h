/*
 * What is new of a transaction's events into the log's table.
 */


#ifndef _NGX_ESS_POSTGRESQL_STORE_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_STORE_H_INCLUDED_


#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_merge.h"


/* In a transaction that has the log's lock, when it was decided what to store.
   NGX_OK; else the transaction was taken back: NGX_AGAIN: another one may do
   better; NGX_DECLINED: something is refused; NGX_ERROR. */
ngx_int_t ngx_ess_postgresql_store(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge);

/* The same, but what is refused is marked, and the rest is stored. */
ngx_int_t ngx_ess_postgresql_store_each(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge);


#endif /* _NGX_ESS_POSTGRESQL_STORE_H_INCLUDED_ */
