/*
 * What there is to know of a stream: copies of its state, taken under the
 * mutex, for whoever asks.  Nothing here changes a stream; see ngx_ess_table.h.
 */


#ifndef _NGX_ESS_STREAM_H_INCLUDED_
#define _NGX_ESS_STREAM_H_INCLUDED_


#include "ngx_ess_zone.h"


typedef enum {
    NGX_ESS_STREAM_CREATING = 1,
    NGX_ESS_STREAM_VISIBLE,
    NGX_ESS_STREAM_DELETING,
    NGX_ESS_STREAM_CLOSED
} ngx_ess_stream_state_e;


/* a copy of a stream's state, taken under the mutex */

typedef struct {
    ngx_ess_stream_ref_t     ref;
    ngx_ess_stream_state_e   state;
    ngx_ess_kind_t           kind;
    ngx_uint_t               unknown;       /* 1: the log does not follow its
                                               RabbitMQ stream: no ordinals */
    ngx_uint_t               untold;        /* 1: its log does not tell yet of
                                               what was lost */
    u_char                   uuid[NGX_ESS_UUID_LEN];
    ngx_uint_t               slot;          /* 0 .. NGX_ESS_SLOTS - 1 */
    uint64_t                 subscribers;
    uint64_t                 events;        /* in the log */
    uint64_t                 bytes;         /* of bodies in the log */
    uint64_t                 first_ordinal; /* in the log; of an empty log the
                                               next one */
    uint64_t                 last_ordinal;  /* ever appended, 0: none */
    uint64_t                 reserved_ordinal;  /* what the store vouches for */
    size_t                   key_len;
    u_char                   key[NGX_ESS_MAX_KEY];

    /* attributes; kind.attr says as well which there are */
    unsigned                 declared:1;
    unsigned                 created:1;
    size_t                   name_len;      /* 0: it has none */
    size_t                   rule_len;      /* 0: likewise */
    uint64_t                 log_size;      /* bytes; 0: as ess_log says */
    uint32_t                 log_count;     /* events; 0: likewise */
    uint64_t                 log_age;       /* ms; 0: likewise */
    u_char                   name[NGX_ESS_MAX_NAME];
    u_char                   rule[NGX_ESS_MAX_RULE];
} ngx_ess_stream_info_t;


/* what one made on demand has to keep to: see ngx_ess_created.h */

typedef struct {
    ngx_uint_t               max;           /* streams made on demand */
    ngx_uint_t               rate;          /* of them an address may make so
                                               many a second; 1 to 1000 */
    uint32_t                 address[2];    /* ngx_ess_created_address() */
} ngx_ess_created_limits_t;


/* attributes for a stream to be; zeroed: none */

typedef struct {
    ngx_str_t                name;
    ngx_str_t                rule;          /* "routing_key", "header:NAME" or
                                               "json:/pointer" */
    uint64_t                 log_size;      /* as in ngx_ess_stream_info_t */
    uint32_t                 log_count;
    uint64_t                 log_age;
    unsigned                 declared:1;
    unsigned                 created:1;

    /* of one that is created */
    unsigned                 by:2;          /* ngx_ess_created_by_e */
    const ngx_ess_created_limits_t *limits; /* NULL: none */
} ngx_ess_stream_attr_t;


/* Which slot a routing key belongs to; no lock. */
ngx_uint_t ngx_ess_stream_slot(ngx_str_t *key);

/* Makes the key one of an event's; returns its slot.  No lock; the bytes stay
   the caller's. */
ngx_uint_t ngx_ess_stream_event_key(ngx_ess_event_key_t *k, ngx_str_t *key);

/* "text" has room for NGX_ESS_UUID_TEXT bytes; returns its end. */
u_char *ngx_ess_stream_uuid_text(u_char *text, const u_char *uuid);

/* NGX_OK, or NGX_DECLINED when the text is no uuid. */
ngx_int_t ngx_ess_stream_uuid_parse(u_char *uuid, ngx_str_t *text);


/* All of the following take the mutex, and hold it for a short time.  "info",
   where there is one, is filled on NGX_OK. */

/* Only VISIBLE and DELETING ones are found.  NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_ess_stream_by_id(ngx_ess_zone_t *zone, uint64_t id,
    ngx_ess_stream_info_t *info);
ngx_int_t ngx_ess_stream_by_uuid(ngx_ess_zone_t *zone, const u_char *uuid,
    ngx_ess_stream_info_t *info);
ngx_int_t ngx_ess_stream_by_name(ngx_ess_zone_t *zone, ngx_str_t *name,
    ngx_ess_stream_info_t *info);

/*
 * Up to "n" VISIBLE or DELETING streams with ids above "after", in order of
 * id.  Returns how many.
 */
ngx_uint_t ngx_ess_stream_list(ngx_ess_zone_t *zone, uint64_t after,
    ngx_ess_stream_info_t *infos, ngx_uint_t n);

/* The first VISIBLE or DELETING one with an id above "after" that nginx.conf
   declares.  NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_ess_stream_declared(ngx_ess_zone_t *zone, uint64_t after,
    ngx_ess_stream_info_t *info);

/* How many of them there are, those half-made included.  No lock. */
ngx_uint_t ngx_ess_stream_declared_count(ngx_ess_zone_t *zone);

/* How many there are, in any state.  No lock. */
ngx_uint_t ngx_ess_stream_count(ngx_ess_zone_t *zone);

/* 1 when there is room for another one.  Takes the mutex. */
ngx_uint_t ngx_ess_stream_room(ngx_ess_zone_t *zone);

/*
 * Streams and their routing keys: walks the streams (CREATING, VISIBLE,
 * DELETING) of the slots in the bit mask "slots", from *cursor (an id; 0 at
 * first), with "subscribed" 1 only those with subscribers, with 0 all: who
 * came or went between two walks is in the second one.  Copies up to "n" of
 * them; returns how many; 0: done.  One key may come several times (several
 * streams with it): binding is idempotent.
 */
typedef struct {
    ngx_ess_stream_ref_t     ref;
    ngx_uint_t               slot;
    size_t                   len;
    u_char                   data[NGX_ESS_MAX_KEY];
} ngx_ess_stream_key_t;

ngx_uint_t ngx_ess_stream_keys(ngx_ess_zone_t *zone, ngx_uint_t slots,
    ngx_uint_t subscribed, uint64_t *cursor, ngx_ess_stream_key_t *keys,
    ngx_uint_t n);

/* 1 when a stream has that routing key; with "listed" 1: one that the API
   shows. */
ngx_uint_t ngx_ess_stream_key_used(ngx_ess_zone_t *zone, ngx_str_t *key,
    ngx_uint_t listed);

/*
 * The id that the next stream will get; and a look at it without the mutex:
 * while that is what the former returned, no stream has come since.
 */
uint64_t ngx_ess_stream_next_id(ngx_ess_zone_t *zone);
uint64_t ngx_ess_stream_peek_next_id(ngx_ess_zone_t *zone);

/* All streams with an id below it have been listed, those with a higher one
   have not; 0: some are being created or deleted, so nobody knows. */
uint64_t ngx_ess_stream_listed_below(ngx_ess_zone_t *zone);

/* 1 while events are appended to the stream. */
ngx_uint_t ngx_ess_stream_exists(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);

/*
 * Unbinding races with a creation of the same key in another worker.  So
 * whoever unbinds marks the key first and unmarks it after the broker's
 * answer (or the connection's end); whoever creates waits, after reserve and
 * before it binds, until the key is unmarked.
 *
 * NGX_OK: marked.  NGX_DECLINED: a stream has that key, so it must not be
 * unbound.  NGX_BUSY: marked already, or too many marks; leave it, the next
 * unwanted delivery will ask again.
 */
ngx_int_t ngx_ess_stream_unbind_begin(ngx_ess_zone_t *zone, ngx_str_t *key);
void ngx_ess_stream_unbind_end(ngx_ess_zone_t *zone, ngx_str_t *key);

/* 1 when a live process is unbinding that key. */
ngx_uint_t ngx_ess_stream_unbinding(ngx_ess_zone_t *zone, ngx_str_t *key);


/* For stream/ alone, with the mutex: fills all of "info". */
void ngx_ess_stream_info_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_stream_info_t *info);


#endif /* _NGX_ESS_STREAM_H_INCLUDED_ */
