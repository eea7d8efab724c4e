/*
 * Streams made on demand: who names one that is not there waits until it is.
 *
 *   wait ──► create ──────────────────────────► answer
 *              │ another one has the name          ▲
 *              └──► look, 100 times a second ──────┤ it is there
 *                     └── it is gone: create       └ 2 s after the first wait
 *
 * All that wait in a worker for one name wait for the same.  One that
 * nginx.conf declares is made anyway (_declared.c), and only waited for.
 */


#ifndef _NGX_ESS_REGISTRY_CREATED_H_INCLUDED_
#define _NGX_ESS_REGISTRY_CREATED_H_INCLUDED_


#include "ngx_ess_created.h"
#include "ngx_ess_registry.h"


/* as ess_created says */

typedef struct {
    ngx_msec_t               idle_time;     /* ms */
    ngx_uint_t               most;
    ngx_uint_t               rate;          /* a second, for an address */
    ngx_array_t             *declared;      /* of ngx_str_t: the names that
                                               nginx.conf has, which the
                                               worker sorts; NULL: none */
} ngx_ess_registry_created_conf_t;


typedef struct ngx_ess_registry_created_s  ngx_ess_registry_created_t;

/* Called once, and never from within what began it.  "status" 0: the stream is
   there; else that of HTTP to refuse with, and "text" says why.  "wait" may be
   freed. */
typedef void (*ngx_ess_registry_created_pt)(ngx_ess_registry_created_t *wait,
    ngx_uint_t status, const char *text);

struct ngx_ess_registry_created_s {
    ngx_ess_registry_created_pt     handler;
    void                           *data;
    ngx_str_t                       name;   /* one that a stream may have; also
                                               its routing key; the caller's */
    const ngx_ess_source_entry_t   *source;
    struct sockaddr                *sockaddr;
    ngx_uint_t                      by;     /* ngx_ess_created_by_e */
    ngx_uint_t                      unlimited;  /* 1: nobody chose the name, and
                                               ess_created's max and rate are
                                               not for it */

    /* private */
    ngx_queue_t                     queue;
};


/* In a worker, before the first one; "conf" stays. */
void ngx_ess_registry_created_init(ngx_ess_zone_t *zone,
    const ngx_ess_registry_created_conf_t *conf);

/* 1: nginx.conf declares a stream of that name. */
ngx_uint_t ngx_ess_registry_created_declared(ngx_str_t *name);

/* The stream is made, if it is not there.  NGX_OK: the handler is called.
   NGX_ERROR: no memory. */
ngx_int_t ngx_ess_registry_created_wait(ngx_ess_registry_created_t *wait);

/* Nobody waits for it any more; it may be made all the same. */
void ngx_ess_registry_created_cancel(ngx_ess_registry_created_t *wait);

/* From the worker's timer: removes those that nobody uses. */
void ngx_ess_registry_created_tick(void);


#endif /* _NGX_ESS_REGISTRY_CREATED_H_INCLUDED_ */
