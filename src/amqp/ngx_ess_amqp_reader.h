/*
 * Readers of RabbitMQ streams: one consumer on a channel of its own, from one
 * offset on, so that whatever the broker says of it ends it alone.
 *
 *     open ──► qos ──► consume ──► started ──► events …  ──► ended
 *                         └──► ended              └──► synced
 *
 * Offsets count from 0 and do not go back.  What was read is acknowledged by
 * its user, which is what makes the broker send more; whole chunks come
 * beyond the prefetch all the same.
 */


#ifndef _NGX_ESS_AMQP_READER_H_INCLUDED_
#define _NGX_ESS_AMQP_READER_H_INCLUDED_


#include "ngx_ess_amqp.h"


typedef struct ngx_ess_amqp_reader_s  ngx_ess_amqp_reader_t;


typedef enum {
    NGX_ESS_AMQP_READER_LAST = 0,           /* from the last chunk on */
    NGX_ESS_AMQP_READER_OFFSET,             /* this one, or the first there
                                               is */
    NGX_ESS_AMQP_READER_TIMESTAMP           /* the first chunk that is not
                                               older, s since 1970 */
} ngx_ess_amqp_reader_from_e;


typedef struct {
    /* the broker takes the consumer */
    void   (*started)(ngx_ess_amqp_reader_t *reader);

    /* valid during the call; the reader may be closed in it */
    void   (*delivery)(ngx_ess_amqp_reader_t *reader, uint64_t offset,
               ngx_ess_amqp_delivery_t *delivery);

    /* what the stream had when ngx_ess_amqp_reader_sync() was called has been
       delivered, as far as the prefetch goes: what has not come is not there */
    void   (*synced)(ngx_ess_amqp_reader_t *reader);

    /* NGX_DECLINED: there is no such stream (any more); NGX_ERROR: the broker
       refused it, logged; NGX_ABORT: the session is gone.  The reader is
       closed. */
    void   (*ended)(ngx_ess_amqp_reader_t *reader, ngx_int_t rc);
} ngx_ess_amqp_reader_handlers_t;


struct ngx_ess_amqp_reader_s {
    const ngx_ess_amqp_reader_handlers_t  *handlers;
    void                             *data;

    /* private */
    ngx_queue_t                       queue;    /* of the session's readers */
    ngx_ess_amqp_session_t           *session;
    ngx_ess_amqp_channel_t           *channel;  /* NULL: closed */
    ngx_ess_amqp_op_t                 op;
    amqp_table_entry_t                argument;
    ngx_uint_t                        prefetch;
    uint64_t                          last_tag;
    uint64_t                          acked_tag;
    unsigned                          busy:1;   /* op is under way */
    unsigned                          syncing:1;    /* for a sync */
    size_t                            len;
    u_char                            name[NGX_ESS_MAX_KEY];
};


/*
 * Opens a reader of the stream on an open session; "readers" is the list of
 * that session's readers.  NULL: no memory, or no channel.  No handler is
 * called from within.
 */
ngx_ess_amqp_reader_t *ngx_ess_amqp_reader_open(ngx_ess_amqp_session_t *s,
    ngx_queue_t *readers, ngx_str_t *stream, ngx_ess_amqp_reader_from_e from,
    uint64_t value, ngx_uint_t prefetch,
    const ngx_ess_amqp_reader_handlers_t *handlers, void *data,
    ngx_log_t *log);

/* No handler is called any more; it frees itself. */
void ngx_ess_amqp_reader_close(ngx_ess_amqp_reader_t *reader);

/* A started reader: see "synced".  One at a time.  Acknowledges what came
   meanwhile. */
void ngx_ess_amqp_reader_sync(ngx_ess_amqp_reader_t *reader);

/* Acknowledges all that was delivered so far.  NGX_OK, or NGX_ERROR: the
   socket is behind, to be tried again. */
ngx_int_t ngx_ess_amqp_reader_ack(ngx_ess_amqp_reader_t *reader);


/* The session's channels are gone, or it is destroyed: its readers end. */
void ngx_ess_amqp_reader_session_closed(ngx_queue_t *readers);


#endif /* _NGX_ESS_AMQP_READER_H_INCLUDED_ */
