/*
 * Attributes of a stream: its name, the rule for the keys of its events, the
 * bounds of its log.  They lie in segments behind the stream's own and behind
 * the rest of its routing key; s->kind.attr says which there are, so that
 * nobody looks for those of a stream that has none.
 *
 *   make ──► linked ── set: the old ones ──► free
 *              │                 new ones take their place
 *              └── unlink: the stream has no name any more ──► freed with it
 *
 * Private to stream/, with the mutex; the caller commits.
 */


#ifndef _NGX_ESS_ATTR_H_INCLUDED_
#define _NGX_ESS_ATTR_H_INCLUDED_


#include "ngx_ess_hash.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_zone_layout.h"


/* The attributes of a stream; NULL: it has none. */
ngx_ess_attr_t *ngx_ess_attr_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s);

/* Of a name: clients choose names where streams are made on demand. */
#define ngx_ess_attr_hash(sh, name, len)                                      \
    ngx_ess_hash((sh)->factors[NGX_ESS_CREATED_ROWS], name, len)

/* Segments that those of the row take; 0: it has none. */
uint32_t ngx_ess_attr_segs(const ngx_ess_stream_info_t *row);

/* Which ones the row has: NGX_ESS_ATTR_*. */
uint8_t ngx_ess_attr_bits(const ngx_ess_stream_info_t *row);

/* The stream "i" gets those of the row, in the segments from "seg" on, which
   nothing links to yet. */
void ngx_ess_attr_make_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_seg_t seg, const ngx_ess_stream_info_t *row);

/* Its name, if it has one, is nobody's any more, and its log's age nobody's
   concern; nor is it declared.  Once, when the stream is closed or freed. */
void ngx_ess_attr_unlink_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i);

/*
 * Rule and bounds of a stream that has attributes become those of the row; the
 * rest stays.  There must be room for NGX_ESS_ATTR_SEGS segments.
 */
#define NGX_ESS_ATTR_SEGS    2              /* at most */

void ngx_ess_attr_set_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    const ngx_ess_stream_info_t *row);

/* Attributes that have an age become the last ones of their list. */
void ngx_ess_attr_turn_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t seg);

/* The rule of a stream; "rule" has room for NGX_ESS_MAX_RULE bytes.  Returns
   its length, 0: it has none. */
size_t ngx_ess_attr_rule_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    u_char *rule);

/* Fills the attributes of "info". */
void ngx_ess_attr_info_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_ess_stream_info_t *info);

/* The stream of that name, in a state but CLOSED; 0: none. */
ngx_ess_seg_t ngx_ess_attr_named_locked(ngx_ess_zone_sh_t *sh,
    ngx_str_t *name);


#endif /* _NGX_ESS_ATTR_H_INCLUDED_ */
