/*
 * Lists through segments, in both directions, changed through the journal.
 * A list's ends are two words that name its first and its last segment; a list
 * that nobody reads from its end has no tail, and a ring has neither.
 *
 *   head ──► │ next ──► │ next ──► │ next: 0
 *            │ prev: 0  │ ◄── prev │ ◄── prev ◄── tail
 */


#ifndef _NGX_ESS_LIST_H_INCLUDED_
#define _NGX_ESS_LIST_H_INCLUDED_


#include "ngx_ess_zone.h"


/* where in a segment a list has its links */

typedef struct {
    size_t                   prev;
    size_t                   next;
} ngx_ess_list_t;

/* all lists of the zone */

extern const ngx_ess_list_t  ngx_ess_list_streams;  /* in order of id */
extern const ngx_ess_list_t  ngx_ess_list_keys;     /* a ring a bucket */
extern const ngx_ess_list_t  ngx_ess_list_pending;
extern const ngx_ess_list_t  ngx_ess_list_want;
extern const ngx_ess_list_t  ngx_ess_list_log;      /* a stream's records */
extern const ngx_ess_list_t  ngx_ess_list_age;      /* all records */
extern const ngx_ess_list_t  ngx_ess_list_aged;     /* of attributes */
extern const ngx_ess_list_t  ngx_ess_list_idempotency;


/* With the mutex; the caller commits.  "head" and "tail" may be NULL. */

/* The segment's own links say where it is to be: the two come to name it, or
   the ends do. */
void ngx_ess_list_link_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_list_t *list, ngx_ess_seg_t *head, ngx_ess_seg_t *tail,
    ngx_ess_seg_t i);

/* The two come to name each other; the segment's own links stay. */
void ngx_ess_list_unlink_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_list_t *list, ngx_ess_seg_t *head, ngx_ess_seg_t *tail,
    ngx_ess_seg_t i);

/* Becomes the first one of a list without a tail. */
void ngx_ess_list_push_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_list_t *list, ngx_ess_seg_t *head, ngx_ess_seg_t i);


#endif /* _NGX_ESS_LIST_H_INCLUDED_ */
