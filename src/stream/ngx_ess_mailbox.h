/*
 * The mailbox: how a worker asks the others about their subscribers of a
 * stream, one after the other.
 *
 *     free ────► asked ────► answered ────► free
 *          asker      asked           asker
 *
 * A few boxes in the zone, each for one question at a time.  Questions are of
 * operators, seldom and never urgent: who finds no free box tries again soon.
 */


#ifndef _NGX_ESS_MAILBOX_H_INCLUDED_
#define _NGX_ESS_MAILBOX_H_INCLUDED_


#include "ngx_ess_wake.h"


#define NGX_ESS_MAILBOX_ADDRESS  86

/* subscribers in one answer */
#define NGX_ESS_MAILBOX_ANSWER   30


typedef enum {
    NGX_ESS_MAIL_LIST = 0,                  /* those behind "number" */
    NGX_ESS_MAIL_CLOSE                      /* that of the number */
} ngx_ess_mail_type_e;


/* a subscriber, as its worker describes it */

typedef struct {
    uint64_t                 next;          /* ordinal of the next event that
                                               it will get; 0: not known */
    uint64_t                 events;        /* sent to it */
    uint64_t                 bytes;
    uint32_t                 number;        /* in order of arrival */
    uint32_t                 since;         /* s since 1970 */
    u_char                   transport;     /* ngx_ess_transport_e */
    u_char                   behind;        /* not known, but it is not at the
                                               end */
    u_char                   address[NGX_ESS_MAILBOX_ADDRESS];
    uint16_t                 address_len;
} ngx_ess_mail_subscriber_t;


typedef struct ngx_ess_mail_s  ngx_ess_mail_t;

struct ngx_ess_mail_s {
    /* the caller's */
    ngx_ess_mail_type_e      type;
    ngx_ess_stream_ref_t     ref;
    uint32_t                 number;
    ngx_uint_t               limit;         /* of a list */
    ngx_pool_t              *pool;          /* for subs[] */

    /*
     * Once, unless it was canceled before.  NGX_OK: subs[] has the first so
     * many of them in order, or the one was closed; NGX_DECLINED: there is none
     * of that number; NGX_BUSY: a worker did not answer; NGX_ERROR: no memory.
     */
    void                   (*handler)(ngx_ess_mail_t *mail, ngx_int_t rc);
    void                    *data;

    ngx_ess_mail_subscriber_t *subs;
    ngx_uint_t               nsubs;

    /* the mailbox's */
    ngx_queue_t              queue;         /* of all that were asked */
    ngx_event_t              timer;
    ngx_array_t              found;
    ngx_ess_wake_t           procs;         /* still to be asked */
    ngx_uint_t               proc;          /* that is asked */
    ngx_uint_t               taken;         /* of its subscribers, so far */
    ngx_msec_t               deadline;      /* of its answer */
    uint32_t                 life;          /* of that process slot */
    uint32_t                 after;         /* number of the last one taken */
    ngx_uint_t               box;
    uint32_t                 serial;        /* of the question in the box; 0:
                                               none */
};


/*
 * Answers a question for this worker's subscribers.  LIST: those whose number
 * is higher, the lowest NGX_ESS_MAILBOX_ANSWER in order, are written to subs;
 * returns how many.  CLOSE: begins to close the one, returns 1 when there is
 * one.
 */
typedef ngx_uint_t (*ngx_ess_mailbox_answer_pt)(ngx_ess_mail_type_e type,
    ngx_ess_stream_ref_t *ref, uint32_t number,
    ngx_ess_mail_subscriber_t *subs);


/* In a worker, after ngx_ess_process_attach(). */
void ngx_ess_mailbox_init_process(ngx_ess_zone_t *zone,
    ngx_ess_mailbox_answer_pt answer);

/*
 * Asks all workers that have subscribers of the stream.  The handler is never
 * called before this returns.  NGX_OK; NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_mailbox_ask(ngx_ess_mail_t *mail);
void ngx_ess_mailbox_cancel(ngx_ess_mail_t *mail);

/* From notify: there may be questions or answers. */
void ngx_ess_mailbox_read(void);


#endif /* _NGX_ESS_MAILBOX_H_INCLUDED_ */
