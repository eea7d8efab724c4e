/*
 * Turns of a worker's replays: so many read at a time, while others wait in
 * line.
 *
 *     wait ──► waits ──► begin ──► runs ──► yield, while others wait
 *                ▲                  │ │
 *                └────── wait ──────┘ └──► pause: on no list
 *
 * Which session they read on, and what is read, is theirs.
 */


#ifndef _NGX_ESS_RABBITMQ_TURN_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_TURN_H_INCLUDED_


#include "ngx_ess.h"


#define NGX_ESS_RABBITMQ_TURN_MAX   128     /* that run at a time */

/* ms; a turn while others wait: to attach costs the broker some ten ms, which
   is to be little beside what is read */
#define NGX_ESS_RABBITMQ_TURN_TIME  5000


/* inside what takes turns; zeroed at first */

typedef struct {
    ngx_queue_t              queue;         /* next NULL: on no list */
    ngx_msec_t               since;         /* it runs since then */
    unsigned                 running:1;
} ngx_ess_rabbitmq_turn_t;


typedef struct {
    /* it runs; it neither waits nor is paused from within */
    void                   (*begin)(ngx_ess_rabbitmq_turn_t *turn);

    /* its time is over and another one waits: 0: not now; 1: it waits again,
       or is paused */
    ngx_uint_t             (*yield)(ngx_ess_rabbitmq_turn_t *turn);

    /* private */
    ngx_queue_t              running;       /* longest first */
    ngx_queue_t              waiting;       /* in line */
    ngx_uint_t               nrunning;
    ngx_uint_t               places;        /* 0: none may begin */
    ngx_event_t              timer;
} ngx_ess_rabbitmq_turns_t;


/* The functions are set; none may begin. */
void ngx_ess_rabbitmq_turn_init(ngx_ess_rabbitmq_turns_t *turns,
    ngx_log_t *log);

/* None begins any more, until it is opened again; those that run do so. */
void ngx_ess_rabbitmq_turn_close(ngx_ess_rabbitmq_turns_t *turns);

/* They may begin: those who wait do. */
void ngx_ess_rabbitmq_turn_open(ngx_ess_rabbitmq_turns_t *turns);

/* To the end of the line, from wherever it is. */
void ngx_ess_rabbitmq_turn_wait(ngx_ess_rabbitmq_turns_t *turns,
    ngx_ess_rabbitmq_turn_t *turn);

/* Off all lists; it may be freed. */
void ngx_ess_rabbitmq_turn_pause(ngx_ess_rabbitmq_turns_t *turns,
    ngx_ess_rabbitmq_turn_t *turn);

/* Those who wait take the places that are free: after a wait or a pause. */
void ngx_ess_rabbitmq_turn_next(ngx_ess_rabbitmq_turns_t *turns);


#endif /* _NGX_ESS_RABBITMQ_TURN_H_INCLUDED_ */
