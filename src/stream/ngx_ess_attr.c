
/*
 * Attributes of streams.  All data is in the zone and belongs to whoever holds
 * its mutex.  Runs in workers, and in the master when it loads a fresh zone.
 */


#include "ngx_ess_attr.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_list.h"
#include "ngx_ess_zone_hook.h"


#define NGX_ESS_ATTR_TEXT    sizeof(((ngx_ess_attr_t *) 0)->text)


static ngx_ess_seg_t *ngx_ess_attr_link_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s);
static uint32_t ngx_ess_attr_text_segs(size_t len);
static void ngx_ess_attr_write_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_seg_t seg, const ngx_ess_stream_info_t *row);
static void ngx_ess_attr_age_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t seg);
static void ngx_ess_attr_unage_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t seg);
static ngx_uint_t ngx_ess_attr_is_named_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_attr_t *attr, ngx_str_t *name, uint32_t hash);


/* The word that names a stream's attributes. */

static ngx_ess_seg_t *
ngx_ess_attr_link_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    return (s->key_len > NGX_ESS_STREAM_KEY) ? ngx_ess_zone_link(sh, s->link)
                                             : &s->link;
}


ngx_ess_attr_t *
ngx_ess_attr_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    return s->kind.attr
           ? ngx_ess_zone_attr(sh, *ngx_ess_attr_link_locked(sh, s)) : NULL;
}


uint8_t
ngx_ess_attr_bits(const ngx_ess_stream_info_t *row)
{
    return (row->name_len ? NGX_ESS_ATTR_NAME : 0)
           | (row->rule_len ? NGX_ESS_ATTR_RULE : 0)
           | ((row->log_size || row->log_count || row->log_age)
              ? NGX_ESS_ATTR_LOG : 0)
           | (row->declared ? NGX_ESS_ATTR_DECLARED : 0)
           | (row->created ? NGX_ESS_ATTR_CREATED : 0);
}


static uint32_t
ngx_ess_attr_text_segs(size_t len)
{
    return (len > NGX_ESS_ATTR_TEXT) ? 2 : 1;
}


uint32_t
ngx_ess_attr_segs(const ngx_ess_stream_info_t *row)
{
    return ngx_ess_attr_bits(row)
           ? ngx_ess_attr_text_segs(row->name_len + row->rule_len) : 0;
}


void
ngx_ess_attr_make_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_seg_t seg, const ngx_ess_stream_info_t *row)
{
    ngx_ess_seg_t   *bucket;
    ngx_ess_attr_t  *attr;

    ngx_ess_attr_write_locked(sh, i, seg, row);

    attr = ngx_ess_zone_attr(sh, seg);

    if (attr->name_len) {
        bucket = ngx_ess_zone_name_bucket(sh, attr->name_hash);
        attr->name_next = *bucket;
        ngx_ess_journal_set32_locked(sh, bucket, i);
    }

    ngx_ess_attr_age_locked(sh, seg);

    if (row->created) {
        ngx_ess_journal_set32_locked(sh, &sh->ncreated, sh->ncreated + 1);
    }

    if (row->declared) {
        ngx_ess_journal_set32_locked(sh, &sh->ndeclared, sh->ndeclared + 1);
    }
}


/* All but the links. */

static void
ngx_ess_attr_write_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_seg_t seg, const ngx_ess_stream_info_t *row)
{
    u_char          *p;
    ngx_ess_attr_t  *attr;
    u_char           text[NGX_ESS_MAX_NAME + NGX_ESS_MAX_RULE];

    attr = ngx_ess_zone_attr(sh, seg);

    ngx_ess_zone_fault();

    ngx_memzero((u_char *) attr + NGX_ESS_ZONE_LINK, NGX_ESS_ZONE_REST);

    attr->stream = i;
    attr->name_hash = ngx_ess_attr_hash(sh, row->name, row->name_len);
    attr->name_len = row->name_len;
    attr->rule_len = row->rule_len;
    attr->log_size = row->log_size;
    attr->log_count = row->log_count;
    attr->log_age = row->log_age;
    attr->used = ngx_ess_zone_now(sh);
    attr->seen = (uint32_t) row->last_ordinal + 1;

    p = ngx_cpymem(text, row->name, row->name_len);
    p = ngx_cpymem(p, row->rule, row->rule_len);

    ngx_ess_zone_put_locked(sh, attr->text, NGX_ESS_ATTR_TEXT, attr->link,
                            text, p - text);
}


static void
ngx_ess_attr_age_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t seg)
{
    ngx_ess_attr_t  *attr;

    attr = ngx_ess_zone_attr(sh, seg);

    if (attr->log_age) {
        ngx_ess_journal_set32_locked(sh, &attr->aged_prev, sh->aged_tail);
        ngx_ess_journal_set32_locked(sh, &attr->aged_next, 0);

        ngx_ess_list_link_locked(sh, &ngx_ess_list_aged, &sh->aged_head,
                                 &sh->aged_tail, seg);
    }
}


static void
ngx_ess_attr_unage_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t seg)
{
    if (ngx_ess_zone_attr(sh, seg)->log_age) {
        ngx_ess_list_unlink_locked(sh, &ngx_ess_list_aged, &sh->aged_head,
                                   &sh->aged_tail, seg);
    }
}


void
ngx_ess_attr_turn_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t seg)
{
    ngx_ess_attr_unage_locked(sh, seg);
    ngx_ess_attr_age_locked(sh, seg);
}


void
ngx_ess_attr_unlink_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    ngx_ess_seg_t     *p;
    ngx_ess_attr_t    *attr;
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(sh, i);
    attr = ngx_ess_attr_locked(sh, s);

    if (attr == NULL) {
        return;
    }

    if (attr->name_len) {
        p = ngx_ess_zone_name_bucket(sh, attr->name_hash);

        while (*p != i) {
            p = &ngx_ess_attr_locked(sh, ngx_ess_zone_stream(sh, *p))
                     ->name_next;
        }

        ngx_ess_journal_set32_locked(sh, p, attr->name_next);
    }

    ngx_ess_attr_unage_locked(sh, *ngx_ess_attr_link_locked(sh, s));

    if (s->kind.attr & NGX_ESS_ATTR_CREATED) {
        ngx_ess_journal_set32_locked(sh, &sh->ncreated, sh->ncreated - 1);
    }

    if (s->kind.attr & NGX_ESS_ATTR_DECLARED) {
        ngx_ess_journal_set32_locked(sh, &sh->ndeclared, sh->ndeclared - 1);
    }
}


void
ngx_ess_attr_set_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    const ngx_ess_stream_info_t *row)
{
    uint32_t                segs, old_segs;
    ngx_ess_seg_t           seg, old, last, old_last;
    ngx_ess_seg_t          *link;
    ngx_ess_attr_t         *attr;
    ngx_ess_stream_t       *s;
    ngx_ess_stream_info_t   info;

    union {
        ngx_ess_kind_t       kind;
        uint32_t             word;
    } u;

    s = ngx_ess_zone_stream(sh, i);
    link = ngx_ess_attr_link_locked(sh, s);
    old = *link;
    attr = ngx_ess_zone_attr(sh, old);

    ngx_ess_attr_info_locked(sh, s, &info);

    info.rule_len = row->rule_len;
    ngx_memcpy(info.rule, row->rule, row->rule_len);

    info.log_size = row->log_size;
    info.log_count = row->log_count;
    info.log_age = row->log_age;

    segs = ngx_ess_attr_segs(&info);
    old_segs = ngx_ess_attr_text_segs(attr->name_len + attr->rule_len);
    old_last = attr->link ? attr->link : old;

    seg = ngx_ess_zone_take_locked(sh, segs, &last);

    ngx_ess_attr_write_locked(sh, i, seg, &info);
    ngx_ess_zone_attr(sh, seg)->name_next = attr->name_next;
    ngx_ess_zone_attr(sh, seg)->seen = attr->seen;

    ngx_ess_attr_unage_locked(sh, old);
    ngx_ess_attr_age_locked(sh, seg);

    u.kind = s->kind;
    u.kind.attr = ngx_ess_attr_bits(&info);

    ngx_ess_journal_set32_locked(sh, link, seg);
    ngx_ess_journal_set32_locked(sh, &s->kind_word, u.word);
    ngx_ess_journal_set32_locked(sh, &sh->nstatic,
                                 sh->nstatic + segs - old_segs);

    /* records that were to stay may not be */

    ngx_ess_journal_set32_locked(sh, &sh->age_kept, 0);

    ngx_ess_zone_give_locked(sh, old, old_last, old_segs);
}


size_t
ngx_ess_attr_rule_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    u_char *rule)
{
    ngx_ess_attr_t  *attr;
    u_char           text[NGX_ESS_MAX_NAME + NGX_ESS_MAX_RULE];

    if (!(s->kind.attr & NGX_ESS_ATTR_RULE)) {
        return 0;
    }

    attr = ngx_ess_attr_locked(sh, s);

    (void) ngx_ess_zone_get_locked(sh, attr->text, NGX_ESS_ATTR_TEXT,
                                   attr->link, text,
                                   attr->name_len + attr->rule_len);

    ngx_memcpy(rule, text + attr->name_len, attr->rule_len);

    return attr->rule_len;
}


void
ngx_ess_attr_info_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_ess_stream_info_t *info)
{
    ngx_ess_attr_t  *attr;
    u_char           text[NGX_ESS_MAX_NAME + NGX_ESS_MAX_RULE];

    info->declared = ((s->kind.attr & NGX_ESS_ATTR_DECLARED) != 0);
    info->created = ((s->kind.attr & NGX_ESS_ATTR_CREATED) != 0);
    info->name_len = 0;
    info->rule_len = 0;
    info->log_size = 0;
    info->log_count = 0;
    info->log_age = 0;

    attr = ngx_ess_attr_locked(sh, s);

    if (attr == NULL) {
        return;
    }

    info->name_len = attr->name_len;
    info->rule_len = attr->rule_len;
    info->log_size = attr->log_size;
    info->log_count = attr->log_count;
    info->log_age = attr->log_age;

    (void) ngx_ess_zone_get_locked(sh, attr->text, NGX_ESS_ATTR_TEXT,
                                   attr->link, text,
                                   attr->name_len + attr->rule_len);

    ngx_memcpy(info->name, text, attr->name_len);
    ngx_memcpy(info->rule, text + attr->name_len, attr->rule_len);
}


ngx_ess_seg_t
ngx_ess_attr_named_locked(ngx_ess_zone_sh_t *sh, ngx_str_t *name)
{
    uint32_t         hash;
    ngx_ess_seg_t    i;
    ngx_ess_attr_t  *attr;

    if (name->len == 0 || name->len > NGX_ESS_MAX_NAME) {
        return 0;
    }

    hash = ngx_ess_attr_hash(sh, name->data, name->len);

    for (i = *ngx_ess_zone_name_bucket(sh, hash); i; i = attr->name_next) {
        attr = ngx_ess_attr_locked(sh, ngx_ess_zone_stream(sh, i));

        if (ngx_ess_attr_is_named_locked(sh, attr, name, hash)) {
            return i;
        }
    }

    return 0;
}


/* A name fits into the first segment. */

static ngx_uint_t
ngx_ess_attr_is_named_locked(ngx_ess_zone_sh_t *sh, ngx_ess_attr_t *attr,
    ngx_str_t *name, uint32_t hash)
{
    return attr->name_hash == hash
           && attr->name_len == name->len
           && ngx_memcmp(attr->text, name->data, name->len) == 0;
}
