/*
 * Lanes: what a feed has for its stream as a whole, and for each key of which
 * it has subscribers.  Private to subscriber/.
 *
 *     feed ─► lane of the whole stream                    (embedded)
 *          └► lanes by key ─► "eu" ─► frames, idle ones   (with a subscriber)
 *                          └► "us" ─► frames, idle ones
 *
 * A lane's frames are those that its subscribers get; their bytes are shared
 * with the other lanes.  Those who are due or wait do so with the feed.
 */


#ifndef _NGX_ESS_LANE_H_INCLUDED_
#define _NGX_ESS_LANE_H_INCLUDED_


#include "ngx_ess_frame.h"


typedef struct ngx_ess_feed_s  ngx_ess_feed_t;
typedef struct ngx_ess_lane_s  ngx_ess_lane_t;

struct ngx_ess_lane_s {
    ngx_ess_lane_t          *next;          /* in its hash bucket */
    ngx_ess_feed_t          *feed;
    ngx_queue_t              idle;          /* subscribers at the end */
    ngx_ess_frames_t         frames;
    uint32_t                 refs;          /* subscribers, and who holds it */
    uint32_t                 key_len;       /* 0: it is the whole stream's;
                                               else the key is behind it */
};


typedef struct {
    ngx_ess_lane_t         **buckets;
    ngx_uint_t               nbuckets;      /* a power of two */
    ngx_uint_t               n;             /* lanes */
    ngx_uint_t               at;            /* bucket where one with somebody
                                               was found last */
} ngx_ess_lanes_t;


#define ngx_ess_lane_key(lane)  ((u_char *) ((lane) + 1))


/* In a worker, before the first one.  NGX_ERROR: no random bits. */
ngx_int_t ngx_ess_lane_seed(ngx_log_t *log);

/* Of a key: one that nobody can foresee. */
uint32_t ngx_ess_lane_hash(u_char *key, size_t len);

void ngx_ess_lane_init(ngx_ess_lane_t *lane, ngx_ess_feed_t *feed);

/* That of the key, NULL: there is none. */
ngx_ess_lane_t *ngx_ess_lane_find(ngx_ess_lanes_t *lanes, ngx_str_t *key);

/* The same, but one that is not there is made: it is held.  *lanes is made with
   the first one, and goes with the last.  NULL: no memory. */
ngx_ess_lane_t *ngx_ess_lane_get(ngx_ess_lanes_t **lanes, ngx_ess_feed_t *feed,
    ngx_str_t *key, ngx_log_t *log);

/* One reference more; one less: with the last of a key its lane goes. */
#define ngx_ess_lane_hold(lane)  (lane)->refs++
void ngx_ess_lane_release(ngx_ess_lanes_t **lanes, ngx_ess_lane_t *lane);

/* Any of those with somebody who is idle, NULL: there is none.  Until all have
   left, all calls together look at each bucket once. */
ngx_ess_lane_t *ngx_ess_lane_any(ngx_ess_lanes_t *lanes);

/* Calls "visit" for each, which is held meanwhile; it may release that one. */
typedef void (*ngx_ess_lane_visit_pt)(ngx_ess_lane_t *lane, void *data);
void ngx_ess_lane_each(ngx_ess_lanes_t **lanes, ngx_ess_lane_visit_pt visit,
    void *data);


#endif /* _NGX_ESS_LANE_H_INCLUDED_ */
