/*
 * What a zone should be after a crash: a copy of what it was, in shared memory,
 * and what was under way.  The truth is the zone itself, when nobody has died.
 */


#ifndef _CRASH_MODEL_H_INCLUDED_
#define _CRASH_MODEL_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"


#define KEYS        8
#define STREAMS     40


#define MODEL_ANY  ((uint64_t) -1)


typedef struct {
    uint64_t     id;
    uint64_t     epoch;
    ngx_uint_t   key;
    uint32_t     state;
    ngx_uint_t   follows;
    uint32_t     follow;
    uint32_t     follower;
    uint64_t     next_seq;
    uint64_t     next_ordinal;
} model_stream_t;


typedef struct {
    uint64_t         event;                 /* number of the last one begun */
    ngx_uint_t       appending;             /* 1 + key, else 0 */
    ngx_uint_t       lost;                  /* that is one too large */
    uint64_t         target;                /* id of what else is under way, or
                                               MODEL_ANY */
    uint64_t         following;             /* id of what is claimed, begun,
                                               followed, ended or released */
    uint64_t         ops;
    uint64_t         followed;              /* events of the broker's */

    ngx_uint_t       n;
    model_stream_t   streams[4 * STREAMS];
    uint64_t         appended[NGX_ESS_SLOTS];
} model_t;


extern ngx_ess_zone_t  *zone;
extern model_t         *model;
extern uint64_t         seed;
extern ngx_str_t        keys[KEYS];


/* A random number below n, out of the seed. */
ngx_uint_t rnd(ngx_uint_t n);

/* The keys, and the model's memory; 0, or 1 for want of it. */
int crash_model_make(void);

/* The whole truth, from the zone itself. */
void model_sync(void);

/* One in that state; NULL: there is none. */
model_stream_t *model_pick(uint32_t state);

/* The bytes of event number "event". */
void make_body(uint64_t event, u_char *body, size_t len);

/* Its key, of one that has any; returns how many bytes. */
size_t make_key(uint64_t event, u_char *key);

/* Every stream is as the model says, but for what was under way, and every
   record has the bytes of its event. */
void check_model(void);


#endif /* _CRASH_MODEL_H_INCLUDED_ */
