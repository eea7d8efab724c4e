/*
 * The checker: walks the whole zone and tells what is wrong with it.  It is the
 * arbiter of all tests that kill workers; it changes nothing.  Test builds have
 * it, and tools/zone-dump.c.
 */


#ifndef _NGX_ESS_ZONE_CHECK_H_INCLUDED_
#define _NGX_ESS_ZONE_CHECK_H_INCLUDED_


#include "ngx_ess_zone_layout.h"


/*
 * Walks the whole zone and logs, at alert, each thing that is wrong: a
 * segment in two lists or in none, counts that differ from what is there,
 * a hash chain that does not lead to its stream, lists not in order.
 * Takes the mutex for the whole walk.  Returns the number of faults.
 */
ngx_uint_t ngx_ess_zone_check(ngx_ess_zone_t *zone, ngx_log_t *log);

/* The same, and logs at notice that nothing is wrong. */
void ngx_ess_zone_check_all(ngx_ess_zone_t *zone, ngx_log_t *log);

/* ngx_ess_zone_check() with the mutex, or of a zone that nobody writes to. */
ngx_uint_t ngx_ess_zone_check_locked(ngx_ess_zone_sh_t *sh, ngx_log_t *log);


/* Private to the checker. */

/* what a segment turned out to be */

typedef enum {
    NGX_ESS_CHECK_LOST = 0,
    NGX_ESS_CHECK_FREE,
    NGX_ESS_CHECK_STREAM,
    NGX_ESS_CHECK_KEY,
    NGX_ESS_CHECK_ATTR,
    NGX_ESS_CHECK_PAIRS,
    NGX_ESS_CHECK_RECORD,
    NGX_ESS_CHECK_BODY,
    NGX_ESS_CHECK_TABLE,                    /* of idempotency keys */
    NGX_ESS_CHECK_IDEMPOTENCY,
    NGX_ESS_CHECK_AGED                      /* a record found in the list by
                                               age, too */
} ngx_ess_zone_check_e;


typedef struct {
    ngx_ess_zone_sh_t       *sh;
    ngx_log_t               *log;
    u_char                  *seen;          /* ngx_ess_zone_check_e of each */
    ngx_uint_t               faults;

    uint32_t                 nstatic;       /* as counted */
    uint32_t                 nstreams;
    uint32_t                 nkeyed;
    uint32_t                 nnamed;
    uint32_t                 naged;
    uint32_t                 ncreated;
    uint32_t                 ndeclared;
    uint32_t                 npending;
    uint32_t                 nwant;
    uint32_t                 nrecords;
    uint32_t                 npairs[NGX_ESS_PROCS];
    uint32_t                 ndirty[NGX_ESS_PROCS];
} ngx_ess_zone_check_t;

/* Tells of a fault. */
void ngx_ess_zone_check_fault(ngx_ess_zone_check_t *ck, const char *what,
    uint64_t where, uint64_t found);

/* The segment is what is said, and nothing else; NGX_OK or NGX_ERROR, told. */
ngx_int_t ngx_ess_zone_check_claim(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i,
    ngx_ess_zone_check_e kind);

/* 1 when it turned out to be that. */
ngx_uint_t ngx_ess_zone_check_is(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i,
    ngx_ess_zone_check_e kind);

/* All idempotency keys; before the streams, which count all segments that are
   no record's. */
void ngx_ess_zone_check_idempotency(ngx_ess_zone_check_t *ck);

/* All streams, each with its pairs and its log. */
void ngx_ess_zone_check_streams(ngx_ess_zone_check_t *ck);


#endif /* _NGX_ESS_ZONE_CHECK_H_INCLUDED_ */
