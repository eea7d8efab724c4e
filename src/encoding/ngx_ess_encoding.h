/*
 * The seam between feeds and the bytes of events.  An encoding makes an event's
 * frame once for all clients that have it; a feed is one stream's events in one
 * encoding.
 */


#ifndef _NGX_ESS_ENCODING_H_INCLUDED_
#define _NGX_ESS_ENCODING_H_INCLUDED_


#include "ngx_ess.h"


/* what clients know a stream by */

typedef struct {
    uint32_t                 number;        /* a random one, which no other
                                               stream of this worker has */
    ngx_str_t                name;          /* empty: it has none */
} ngx_ess_label_t;


/* an event as it is in the log; owns nothing */

typedef struct {
    ngx_str_t                body;
    uint64_t                 epoch;         /* of the log; with the ordinal
                                               the event's name */
    uint64_t                 ordinal;
    uint64_t                 timestamp;     /* ms since 1970; 0: not known */
    ngx_str_t                key;           /* empty: it has none */
    ngx_ess_label_t         *label;         /* of the stream; NULL: the encoding
                                               is not "labelled" */
} ngx_ess_encoding_event_t;


/* the same as it is sent, or a notice */

typedef struct {
    u_char                  *data;          /* of ngx_ess_encoding_alloc(), with
                                               one reference, the receiver's */
    size_t                   len;
    unsigned                 unannotated:1; /* the body cannot be annotated */
} ngx_ess_encoding_frame_t;


typedef struct ngx_ess_encoding_s  ngx_ess_encoding_t;

struct ngx_ess_encoding_s {
    /*
     * Encodes an event.  NGX_OK, NGX_ERROR (no memory), or NGX_DECLINED:
     * these clients do not get it, which is the same whenever it is asked.
     * "one": for one client alone, without what takes more time than sending
     * it, such as to deflate it.
     */
    ngx_int_t              (*encode)(const ngx_ess_encoding_t *encoding,
                                 ngx_ess_encoding_event_t *event,
                                 ngx_uint_t one,
                                 ngx_ess_encoding_frame_t *out,
                                 ngx_log_t *log);

    /*
     * Encodes the notice that the events "from" to "to" of the epoch are
     * gone, with to < from: nobody knows how many, and what comes next is
     * behind "to".  The label is the stream's, as in the event.  NGX_OK or
     * NGX_ERROR (no memory).  NULL: there are no words for it.
     */
    ngx_int_t              (*gap)(const ngx_ess_encoding_t *encoding,
                                 ngx_ess_label_t *label, uint64_t epoch,
                                 uint64_t from, uint64_t to,
                                 ngx_ess_encoding_frame_t *out,
                                 ngx_log_t *log);

    /* for its functions alone */
    unsigned                 annotated:1;   /* with ordinal and timestamp */
    unsigned                 strict:1;      /* only what can be */
    unsigned                 deflated:1;
    unsigned                 chunked:1;     /* of HTTP/1.1 */

    /* for the feed */
    unsigned                 labelled:1;    /* it asks for event->label */
    unsigned                 many:1;        /* of clients with several
                                               subscriptions */
    unsigned                 templated:1;   /* what it leaves out has not what
                                               a template asks for */
};


/*
 * Bytes of a frame, which several lists of frames share: a block of the
 * worker's heap that counts its references.
 */

typedef struct {
    uint32_t                 refs;
    uint32_t                 mark;          /* the receivers' own; 0 at first */
} ngx_ess_encoding_data_t;

#define ngx_ess_encoding_data(data)                                           \
    ((ngx_ess_encoding_data_t *) (data) - 1)


/* With one reference.  NULL: no memory. */
u_char *ngx_ess_encoding_alloc(size_t len, ngx_log_t *log);

/* One reference more; one less, after which they are gone (1) or not (0).
   NULL: nothing happens. */
void ngx_ess_encoding_hold(u_char *data);
ngx_uint_t ngx_ess_encoding_free(u_char *data);


#endif /* _NGX_ESS_ENCODING_H_INCLUDED_ */
