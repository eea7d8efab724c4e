
/*
 * Declared streams, in the one worker that sees to them.  What is declared is
 * the cycle's; operations are the registry's, which outlive this worker's wish
 * for them: another one goes on where it dies.
 */


#include "ngx_ess_registry_declared.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_registry_op.h"
#include "ngx_ess_table.h"


/* being made at a time, and deleted */
#define NGX_ESS_REGISTRY_DECLARED_MAX    64

/* ms */
#define NGX_ESS_REGISTRY_DECLARED_FIRST  500
#define NGX_ESS_REGISTRY_DECLARED_LAST   10000


static void ngx_ess_registry_declared_one(ngx_ess_registry_declared_t *d);
static void ngx_ess_registry_declared_make(ngx_ess_registry_declared_t *d);
static void ngx_ess_registry_declared_made(void *data,
    ngx_ess_registry_result_e result, ngx_ess_stream_info_t *info,
    const char *text);
static void ngx_ess_registry_declared_later(ngx_ess_registry_declared_t *d,
    const char *text);
static void ngx_ess_registry_declared_settle(ngx_ess_registry_declared_t *d);
static ngx_uint_t ngx_ess_registry_declared_same(const u_char *one, size_t len,
    ngx_str_t *two);
static const char *ngx_ess_registry_declared_set(
    ngx_ess_registry_declared_t *d, ngx_ess_stream_info_t *info);
static void ngx_ess_registry_declared_set_done(ngx_ess_store_op_t *store);
static void ngx_ess_registry_declared_clean(void);
static ngx_uint_t ngx_ess_registry_declared_has(ngx_ess_stream_info_t *info);
static void ngx_ess_registry_declared_gone(void *data,
    ngx_ess_registry_result_e result, ngx_ess_stream_info_t *info,
    const char *text);


static ngx_ess_zone_t               *ngx_ess_registry_declared_zone;
static ngx_ess_registry_declared_t  *ngx_ess_registry_declared_all;
static ngx_uint_t                    ngx_ess_registry_declared_n;
static ngx_uint_t                    ngx_ess_registry_declared_settled;
static ngx_uint_t                    ngx_ess_registry_declared_making;
static ngx_uint_t                    ngx_ess_registry_declared_deleting;

/* ngx_current_msec before which nothing is deleted: the store refused that */
static ngx_msec_t                    ngx_ess_registry_declared_clean_next;

static ngx_rbtree_t                  ngx_ess_registry_declared_tree;
static ngx_rbtree_node_t             ngx_ess_registry_declared_sentinel;


void
ngx_ess_registry_declared_init(ngx_ess_zone_t *zone,
    ngx_ess_registry_declared_t *declared, ngx_uint_t n)
{
    ngx_uint_t  i;

    ngx_ess_registry_declared_zone = zone;
    ngx_ess_registry_declared_all = declared;
    ngx_ess_registry_declared_n = n;
    ngx_ess_registry_declared_settled = 0;
    ngx_ess_registry_declared_making = 0;
    ngx_ess_registry_declared_deleting = 0;
    ngx_ess_registry_declared_clean_next = ngx_current_msec;

    ngx_rbtree_init(&ngx_ess_registry_declared_tree,
                    &ngx_ess_registry_declared_sentinel,
                    ngx_str_rbtree_insert_value);

    for (i = 0; i < n; i++) {
        declared[i].node.str = declared[i].attr.name;
        declared[i].node.node.key = ngx_crc32_long(declared[i].attr.name.data,
                                                   declared[i].attr.name.len);

        ngx_rbtree_insert(&ngx_ess_registry_declared_tree,
                          &declared[i].node.node);
    }

    ngx_ess_registry_declared_tick();
}


void
ngx_ess_registry_declared_tick(void)
{
    ngx_uint_t                    i, there;
    ngx_ess_zone_t               *zone;
    ngx_ess_registry_declared_t  *d;

    zone = ngx_ess_registry_declared_zone;

    /* after a reload others say what is declared */

    if (zone == NULL || ngx_ess_zone_generation(zone) != zone->generation) {
        return;
    }

    d = ngx_ess_registry_declared_all;

    if (ngx_ess_registry_declared_settled < ngx_ess_registry_declared_n) {

        for (i = 0; i < ngx_ess_registry_declared_n; i++) {
            if (!d[i].settled) {
                ngx_ess_registry_declared_one(&d[i]);
            }
        }
    }

    there = ngx_ess_stream_declared_count(zone);

    if (there > ngx_ess_registry_declared_settled
                + ngx_ess_registry_declared_making
        && (ngx_msec_int_t) (ngx_current_msec
                             - ngx_ess_registry_declared_clean_next) >= 0)
    {
        ngx_ess_registry_declared_clean();
    }
}


static void
ngx_ess_registry_declared_one(ngx_ess_registry_declared_t *d)
{
    const char             *wrong;
    ngx_ess_stream_info_t   info;

    if (d->busy || (ngx_msec_int_t) (ngx_current_msec - d->next) < 0) {
        return;
    }

    if (ngx_ess_stream_by_name(ngx_ess_registry_declared_zone, &d->attr.name,
                               &info)
        != NGX_OK)
    {
        ngx_ess_registry_declared_make(d);
        return;
    }

    if (info.state == NGX_ESS_STREAM_DELETING) {
        return;
    }

    if (!info.declared) {
        ngx_ess_registry_declared_later(d, "another stream has the name, which "
                                        "nginx.conf does not declare; delete "
                                        "that, or choose another name");
        return;
    }

    if (info.kind.source != d->kind->source
        || !ngx_ess_registry_declared_same(info.key, info.key_len, &d->key))
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "\"ess_stream\" \"%V\": its source and routing key stay "
                      "what they were; for others remove it, reload, and add "
                      "it again, or give it another name", &d->attr.name);
    }

    wrong = ngx_ess_registry_declared_set(d, &info);

    if (wrong) {
        ngx_ess_registry_declared_later(d, wrong);
        return;
    }

    ngx_ess_registry_declared_settle(d);
}


static void
ngx_ess_registry_declared_make(ngx_ess_registry_declared_t *d)
{
    ngx_int_t               rc;
    ngx_ess_registry_op_t  *op;

    if (ngx_ess_registry_declared_making >= NGX_ESS_REGISTRY_DECLARED_MAX) {
        return;
    }

    rc = ngx_ess_registry_create(ngx_ess_registry_declared_zone, &d->key,
                                 d->kind, d->epoch, &d->attr, NULL,
                                 ngx_ess_registry_declared_made, d, &op);

    switch (rc) {

    case NGX_OK:
        d->busy = 1;
        ngx_ess_registry_declared_making++;
        return;

    case NGX_DECLINED:
        ngx_ess_registry_declared_later(d, "the zone is full; make "
                                        "\"ess_zone\" larger");
        return;

    case NGX_ABORT:

        /* one of that name is half made, or half deleted */

        return;

    default:
        ngx_ess_registry_declared_later(d, "no memory, or no uuid");
    }
}


static void
ngx_ess_registry_declared_made(void *data, ngx_ess_registry_result_e result,
    ngx_ess_stream_info_t *info, const char *text)
{
    ngx_ess_registry_declared_t *d = data;

    d->busy = 0;
    ngx_ess_registry_declared_making--;

    if (result != NGX_ESS_REGISTRY_OK) {
        ngx_ess_registry_declared_later(d, text);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "\"ess_stream\" \"%V\": the stream %uL was made",
                  &d->attr.name, info->ref.id);

    ngx_ess_registry_declared_settle(d);
}


/* Says why, once. */

static void
ngx_ess_registry_declared_later(ngx_ess_registry_declared_t *d,
    const char *text)
{
    ngx_ess_escaped_t  escaped;

    d->delay = d->delay ? ngx_min(2 * d->delay, NGX_ESS_REGISTRY_DECLARED_LAST)
                        : NGX_ESS_REGISTRY_DECLARED_FIRST;
    d->next = ngx_current_msec + d->delay;

    if (d->told) {
        return;
    }

    d->told = 1;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "\"ess_stream\" \"%V\" is not there yet, and is tried again: "
                  "%V", &d->attr.name,
                  ngx_ess_escape_bytes(&escaped, (u_char *) text,
                                       ngx_strlen(text)));
}


static void
ngx_ess_registry_declared_settle(ngx_ess_registry_declared_t *d)
{
    d->settled = 1;
    ngx_ess_registry_declared_settled++;
}


static ngx_uint_t
ngx_ess_registry_declared_same(const u_char *one, size_t len, ngx_str_t *two)
{
    return len == two->len
           && (len == 0 || ngx_memcmp(one, two->data, len) == 0);
}


/* NULL: it is as it should be.  Else why it cannot be so now. */

static const char *
ngx_ess_registry_declared_set(ngx_ess_registry_declared_t *d,
    ngx_ess_stream_info_t *info)
{
    ngx_ess_registry_op_t  *op;

    if (ngx_ess_registry_declared_same(info->rule, info->rule_len,
                                       &d->attr.rule)
        && info->log_size == d->attr.log_size
        && info->log_count == d->attr.log_count
        && info->log_age == d->attr.log_age)
    {
        return NULL;
    }

    op = ngx_ess_registry_op_create(ngx_ess_registry_declared_zone);
    if (op == NULL) {
        return "no memory to set its key and log";
    }

    if (ngx_ess_table_set_attr(op->zone, &info->ref, &d->attr) != NGX_OK
        || ngx_ess_stream_by_id(op->zone, info->ref.id, &op->info) != NGX_OK)
    {
        ngx_ess_registry_op_free(op);
        return "its key and log cannot be set: the zone is full; make "
               "\"ess_zone\" larger";
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "\"ess_stream\" \"%V\": key and log are now as nginx.conf "
                  "says", &d->attr.name);

    ngx_ess_registry_op_store(op, NGX_ESS_STORE_ATTR,
                              ngx_ess_registry_declared_set_done);

    return NULL;
}


/* Should it fail, which the store has logged, the next start sees that what was
   loaded differs. */

static void
ngx_ess_registry_declared_set_done(ngx_ess_store_op_t *store)
{
    ngx_ess_registry_op_free(store->data);
}


/* More are there than are declared. */

static void
ngx_ess_registry_declared_clean(void)
{
    uint64_t                id;
    ngx_ess_registry_op_t  *op;
    ngx_ess_stream_info_t   info;

    id = 0;

    while (ngx_ess_registry_declared_deleting < NGX_ESS_REGISTRY_DECLARED_MAX
           && ngx_ess_stream_declared(ngx_ess_registry_declared_zone, id, &info)
              == NGX_OK)
    {
        id = info.ref.id;

        if (info.state != NGX_ESS_STREAM_VISIBLE
            || ngx_ess_registry_declared_has(&info)
            || ngx_ess_registry_delete(ngx_ess_registry_declared_zone, &info,
                                       ngx_ess_registry_declared_gone, NULL,
                                       &op)
               != NGX_OK)
        {
            continue;
        }

        ngx_ess_registry_declared_deleting++;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "the stream %uL, \"%*s\", goes, for nginx.conf has it no "
                      "more", info.ref.id, info.name_len, info.name);
    }
}


static ngx_uint_t
ngx_ess_registry_declared_has(ngx_ess_stream_info_t *info)
{
    ngx_str_t  name;

    name.data = info->name;
    name.len = info->name_len;

    return ngx_str_rbtree_lookup(&ngx_ess_registry_declared_tree, &name,
                                 ngx_crc32_long(name.data, name.len))
           != NULL;
}


/* What the store refuses is deleted again later. */

static void
ngx_ess_registry_declared_gone(void *data, ngx_ess_registry_result_e result,
    ngx_ess_stream_info_t *info, const char *text)
{
    ngx_ess_registry_declared_deleting--;

    if (result != NGX_ESS_REGISTRY_OK) {
        ngx_ess_registry_declared_clean_next = ngx_current_msec
                                               + NGX_ESS_REGISTRY_DECLARED_LAST;
    }
}
