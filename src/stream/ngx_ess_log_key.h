
/*
 * The keys that an event has for the streams that have rules, for one append.
 * They are found without the mutex:
 *
 *   append: a stream's rule is not known ──► wanted, and the mutex given away
 *      ▲                                                │
 *      └─────────────── its key is found ◄──────────────┘
 *
 * What is found is kept by the rule's text, so that streams with the same one
 * share it; that is on the stack of whoever appends.  Private to stream/.
 */


#ifndef _NGX_ESS_LOG_KEY_H_INCLUDED_
#define _NGX_ESS_LOG_KEY_H_INCLUDED_


#include "ngx_ess_zone_layout.h"


/* rules that an append knows at a time: with more it is done in parts */
#define NGX_ESS_LOG_RULES    8


typedef struct {
    ngx_str_t                key;           /* empty: the event has none */
    size_t                   rule_len;
    u_char                   rule[NGX_ESS_MAX_RULE];
    u_char                   buf[NGX_ESS_MAX_KEY];
} ngx_ess_log_rule_t;


struct ngx_ess_log_keys_s {
    ngx_uint_t               n;             /* rules */
    ngx_uint_t               found;         /* those whose keys are known */
    ngx_uint_t               full;          /* there are more */
    size_t                   max;           /* bytes of the longest key */
    ngx_ess_log_rule_t       rules[NGX_ESS_LOG_RULES];
};


#define ngx_ess_log_keys_init(keys)                                           \
    ((keys)->n = 0, (keys)->found = 0, (keys)->full = 0, (keys)->max = 0)

/* Is there one to be found before anything is appended? */
#define ngx_ess_log_keys_wanted(keys)  ((keys)->found < (keys)->n)

/* Bytes that the longest key takes in a record. */
#define ngx_ess_log_keys_room(keys, event)                                    \
    (((event)->key.len || (keys)->max)                                        \
     ? 1 + ngx_max((event)->key.len, (keys)->max) : 0)

/* Asks for the key of a stream that has a rule.  NGX_OK; NGX_DECLINED: there is
   no more room, and the append ends before this stream. */
ngx_int_t ngx_ess_log_keys_want_locked(ngx_ess_log_keys_t *keys,
    ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s, ngx_ess_event_t *event);

/* The key of a stream for which it was asked in this hold of the mutex. */
void ngx_ess_log_keys_get_locked(ngx_ess_log_keys_t *keys,
    ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s, ngx_ess_event_t *event,
    ngx_str_t *key);

/* Writes the key of a record, if it has one, and its body: to segments that
   nothing links to yet. */
void ngx_ess_log_key_put_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_zone_record_t *r, ngx_str_t *key, ngx_str_t *body);

/* Copies them to key->data and body->data; sets key->len, 0: it has none. */
void ngx_ess_log_key_get_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_zone_record_t *r, ngx_str_t *key, ngx_str_t *body);

/* Finds those that were asked for, without the mutex. */
void ngx_ess_log_keys_find(ngx_ess_log_keys_t *keys, ngx_ess_event_t *event);


#endif /* _NGX_ESS_LOG_KEY_H_INCLUDED_ */
