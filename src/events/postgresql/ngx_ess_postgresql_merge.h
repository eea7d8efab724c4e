/*
 * Several inserts as one transaction: which of their events are new, which are
 * there already, with that content or another one, and which of them come
 * twice.  Pure.
 */


#ifndef _NGX_ESS_POSTGRESQL_MERGE_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_MERGE_H_INCLUDED_


#include "ngx_ess_event_log.h"


typedef struct ngx_ess_postgresql_item_s  ngx_ess_postgresql_item_t;


struct ngx_ess_postgresql_item_s {
    ngx_ess_event_log_event_t  *event;
    ngx_ess_postgresql_item_t  *head;       /* the first one with that id; NULL:
                                               it has none */
    unsigned                    store:1;    /* it is new, and to be stored */
    unsigned                    refused:1;  /* it was, and the server refused */

    /* of a head: what is under its id, once the transaction is done */
    unsigned                    known:1;    /* the database has it */
    ngx_ess_postgresql_item_t  *owner;      /* or it is stored by that one */
    uint64_t                    seq;
    u_char                      hash[16];
};


typedef struct {
    ngx_ess_event_log_insert_t **inserts;   /* the caller's */
    ngx_uint_t                  ninserts;

    ngx_uint_t                  n;          /* events of all of them */
    ngx_ess_postgresql_item_t  *items;      /* in order */
    ngx_ess_postgresql_item_t **heads;      /* in order of their ids */
    ngx_uint_t                  nheads;
    ngx_uint_t                  nstore;
    ngx_uint_t                  nrefused;

    ngx_uint_t                  alone;      /* one insert, in which something is
                                               refused */
    ngx_uint_t                  tries;      /* that are left */
    unsigned                    behind:1;   /* the sequence is, */
    unsigned                    mended:1;   /* and was set right */
} ngx_ess_postgresql_merge_t;


/* NGX_OK, or NGX_ERROR: no memory; done() is due in both cases. */
ngx_int_t ngx_ess_postgresql_merge_init(ngx_ess_postgresql_merge_t *merge,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n, ngx_log_t *log);
void ngx_ess_postgresql_merge_done(ngx_ess_postgresql_merge_t *merge);

/* Before the database is asked, again. */
void ngx_ess_postgresql_merge_reset(ngx_ess_postgresql_merge_t *merge);

/* The database has that id.  NGX_DECLINED: nobody asked for it. */
ngx_int_t ngx_ess_postgresql_merge_known(ngx_ess_postgresql_merge_t *merge,
    const ngx_str_t *id, uint64_t seq, const u_char hash[16]);

/* Then: each insert gets its "rc", each event its result, each item "store". */
void ngx_ess_postgresql_merge_decide(ngx_ess_postgresql_merge_t *merge);

/* An item was stored. */
void ngx_ess_postgresql_merge_stored(ngx_ess_postgresql_item_t *item,
    uint64_t seq);

/* Or it was refused. */
void ngx_ess_postgresql_merge_refused(ngx_ess_postgresql_merge_t *merge,
    ngx_ess_postgresql_item_t *item);

/* Then: events that are the same as one that is there get its "seq"; those that
   are the same as a refused one are refused. */
void ngx_ess_postgresql_merge_finish(ngx_ess_postgresql_merge_t *merge);


#endif /* _NGX_ESS_POSTGRESQL_MERGE_H_INCLUDED_ */
