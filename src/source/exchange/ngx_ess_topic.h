/*
 * An index of the patterns of a topic exchange (AMQP 0-9-1, 3.1.3.3): which
 * streams want an event with a given routing key.  Words stand between dots;
 * in a pattern "*" is any one word and "#" any number of them, none included.
 *
 *     a.*.c   a.#            (root)
 *                              │ a
 *                            node ──── # ──► node: a.#
 *                              │ *
 *                            node ──── c ──► node: a.*.c
 *
 * A trie of words, walked with all nodes that the words so far lead to at
 * once: so a key takes at most its words times the nodes, whatever the
 * patterns are, and mostly a few steps a word.  In one worker's memory.
 */


#ifndef _NGX_ESS_TOPIC_H_INCLUDED_
#define _NGX_ESS_TOPIC_H_INCLUDED_


#include "ngx_ess.h"


typedef struct ngx_ess_topic_s  ngx_ess_topic_t;


/* An empty index, or NULL: no memory. */
ngx_ess_topic_t *ngx_ess_topic_create(ngx_log_t *log);
void ngx_ess_topic_destroy(ngx_ess_topic_t *topic);

/* The stream has that pattern, of at most NGX_ESS_MAX_KEY bytes.  NGX_OK, or
   NGX_ERROR: no memory, nothing has changed. */
ngx_int_t ngx_ess_topic_add(ngx_ess_topic_t *topic, ngx_str_t *pattern,
    ngx_ess_stream_ref_t *ref);

/*
 * The streams whose pattern matches one of the keys, or several, each once, in
 * order of their ids: returns how many.  The references are the index's own,
 * and may be used until it is changed or asked again.
 */
ngx_uint_t ngx_ess_topic_match(ngx_ess_topic_t *topic,
    ngx_ess_event_key_t *keys, ngx_uint_t n, ngx_ess_stream_ref_t ***refs);

/* Forgets a stream, named by one of these references, which is void then. */
void ngx_ess_topic_remove(ngx_ess_topic_t *topic, ngx_ess_stream_ref_t *ref);

/* The streams one after another, round and round: for who looks now and then
   whether they still are.  NULL: there are none. */
ngx_ess_stream_ref_t *ngx_ess_topic_turn(ngx_ess_topic_t *topic);


#endif /* _NGX_ESS_TOPIC_H_INCLUDED_ */
