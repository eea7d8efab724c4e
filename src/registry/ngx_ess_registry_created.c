
/*
 * Streams made on demand.  A name that is waited for belongs to the worker, and
 * goes when it was answered, or when nobody waits any more; whoever waits
 * belongs to his request.  Runs in workers.
 */


#include "ngx_ess_registry_created.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_registry_op.h"
#include "ngx_ess_str.h"
#include "ngx_ess_table.h"
#include "ngx_ess_wait.h"


/* ms */
#define NGX_ESS_REGISTRY_CREATED_TIME   2000
#define NGX_ESS_REGISTRY_CREATED_LOOK   10
#define NGX_ESS_REGISTRY_CREATED_WALK   60000   /* between two, at most */

/* removed at a time; holds of the mutex of a walk in one go */
#define NGX_ESS_REGISTRY_CREATED_OLD    64
#define NGX_ESS_REGISTRY_CREATED_HOLDS  64

#define NGX_ESS_REGISTRY_CREATED_BUCKETS  64

/* for everybody: what the broker or the store says is not */
#define NGX_ESS_REGISTRY_CREATED_LATE                                         \
    "the stream could not be made within 2 seconds: try again a little later"


/* a name that is waited for */

typedef struct {
    ngx_queue_t              queue;         /* of its bucket */
    ngx_str_t                str;
    ngx_queue_t              waits;         /* of ngx_ess_registry_created_t */
    ngx_ess_registry_op_t   *op;            /* NULL: this worker does not make
                                               it now */
    ngx_event_t              timer;
    ngx_msec_t               deadline;
    ngx_uint_t               declared;      /* others make it */
    ngx_uint_t               status;        /* of what failed at once, or 0 */
    const char              *text;
    u_char                   name[NGX_ESS_MAX_NAME];
} ngx_ess_registry_created_name_t;


static ngx_queue_t *ngx_ess_registry_created_bucket(ngx_str_t *text);
static ngx_ess_registry_created_name_t *ngx_ess_registry_created_lookup(
    ngx_str_t *text);
static ngx_ess_registry_created_name_t *ngx_ess_registry_created_name(
    ngx_str_t *text);
static void ngx_ess_registry_created_begin(
    ngx_ess_registry_created_name_t *name);
static ngx_int_t ngx_ess_registry_created_create(
    ngx_ess_registry_created_name_t *name);
static void ngx_ess_registry_created_fail(
    ngx_ess_registry_created_name_t *name, ngx_uint_t status,
    const char *text);
static void ngx_ess_registry_created_timer(ngx_event_t *ev);
static ngx_msec_t ngx_ess_registry_created_left(
    ngx_ess_registry_created_name_t *name);
static void ngx_ess_registry_created_done(void *data,
    ngx_ess_registry_result_e result, ngx_ess_stream_info_t *info,
    const char *text);
static void ngx_ess_registry_created_log(ngx_ess_stream_info_t *info,
    const char *text);
static void ngx_ess_registry_created_answer(
    ngx_ess_registry_created_name_t *name, ngx_uint_t status,
    const char *text);
static void ngx_ess_registry_created_free(
    ngx_ess_registry_created_name_t *name);
static ngx_int_t ngx_ess_registry_created_remove(void);
static void ngx_ess_registry_created_removed(void *data,
    ngx_ess_registry_result_e result, ngx_ess_stream_info_t *info,
    const char *text);


static ngx_ess_zone_t                         *ngx_ess_registry_created_zone;
static const ngx_ess_registry_created_conf_t  *ngx_ess_registry_created_conf;
static ngx_queue_t                             ngx_ess_registry_created_names[
                                              NGX_ESS_REGISTRY_CREATED_BUCKETS];

/* a walk over those that there are: how far it came, and what it removes */
static ngx_uint_t                              ngx_ess_registry_created_walks;
static uint32_t                                ngx_ess_registry_created_cursor;
static ngx_uint_t                              ngx_ess_registry_created_old;


void
ngx_ess_registry_created_init(ngx_ess_zone_t *zone,
    const ngx_ess_registry_created_conf_t *conf)
{
    ngx_uint_t  i;

    ngx_ess_registry_created_zone = zone;
    ngx_ess_registry_created_conf = conf;
    ngx_ess_registry_created_walks = 0;
    ngx_ess_registry_created_old = 0;

    for (i = 0; i < NGX_ESS_REGISTRY_CREATED_BUCKETS; i++) {
        ngx_queue_init(&ngx_ess_registry_created_names[i]);
    }

    /* clients ask for them by the hundred */

    if (conf->declared) {
        ngx_qsort(conf->declared->elts, conf->declared->nelts,
                  sizeof(ngx_str_t), ngx_ess_str_cmp);
    }
}


ngx_uint_t
ngx_ess_registry_created_declared(ngx_str_t *name)
{
    ngx_array_t  *all;

    all = ngx_ess_registry_created_conf->declared;

    return all && bsearch(name, all->elts, all->nelts, sizeof(ngx_str_t),
                          ngx_ess_str_cmp);
}


static ngx_queue_t *
ngx_ess_registry_created_bucket(ngx_str_t *text)
{
    return &ngx_ess_registry_created_names[
                                      ngx_crc32_long(text->data, text->len)
                                      % NGX_ESS_REGISTRY_CREATED_BUCKETS];
}


static ngx_ess_registry_created_name_t *
ngx_ess_registry_created_lookup(ngx_str_t *text)
{
    ngx_queue_t                      *q, *bucket;
    ngx_ess_registry_created_name_t  *name;

    bucket = ngx_ess_registry_created_bucket(text);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        name = ngx_queue_data(q, ngx_ess_registry_created_name_t, queue);

        if (ngx_ess_str_equal(&name->str, text)) {
            return name;
        }
    }

    return NULL;
}


ngx_int_t
ngx_ess_registry_created_wait(ngx_ess_registry_created_t *wait)
{
    ngx_ess_registry_created_name_t  *name;

    name = ngx_ess_registry_created_lookup(&wait->name);

    if (name) {
        ngx_queue_insert_tail(&name->waits, &wait->queue);
        return NGX_OK;
    }

    name = ngx_ess_registry_created_name(&wait->name);
    if (name == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&name->waits, &wait->queue);

    ngx_ess_registry_created_begin(name);

    return NGX_OK;
}


static ngx_ess_registry_created_name_t *
ngx_ess_registry_created_name(ngx_str_t *text)
{
    ngx_ess_registry_created_name_t  *name;

    name = ngx_calloc(sizeof(ngx_ess_registry_created_name_t), ngx_cycle->log);
    if (name == NULL) {
        return NULL;
    }

    ngx_memcpy(name->name, text->data, text->len);

    name->str.data = name->name;
    name->str.len = text->len;

    ngx_queue_init(&name->waits);

    name->timer.handler = ngx_ess_registry_created_timer;
    name->timer.data = name;
    name->timer.log = ngx_cycle->log;

    name->deadline = ngx_current_msec + NGX_ESS_REGISTRY_CREATED_TIME;
    name->declared = ngx_ess_registry_created_declared(text);

    ngx_queue_insert_tail(ngx_ess_registry_created_bucket(text), &name->queue);

    return name;
}


/* Once, and each time that whoever had the name has gone. */

static void
ngx_ess_registry_created_begin(ngx_ess_registry_created_name_t *name)
{
    switch (name->declared ? NGX_ABORT
                           : ngx_ess_registry_created_create(name))
    {

    case NGX_OK:
        ngx_add_timer(&name->timer, ngx_ess_registry_created_left(name));
        return;

    case NGX_ABORT:
        ngx_add_timer(&name->timer, NGX_ESS_REGISTRY_CREATED_LOOK);
        return;

    case NGX_BUSY:
        ngx_ess_registry_created_fail(name, 429,
                                      "there is no such stream, and your "
                                      "address makes more streams a second "
                                      "than \"ess_created\" allows: try again "
                                      "a little later");
        return;

    case NGX_AGAIN:
        ngx_ess_registry_created_fail(name, NGX_HTTP_SERVICE_UNAVAILABLE,
                                      "there is no such stream, and there are "
                                      "as many made on demand as "
                                      "\"ess_created\" allows: try again "
                                      "later");
        return;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "ess: the zone is full, no stream can be created; "
                      "make \"ess_zone\" larger");

        ngx_ess_registry_created_fail(name, NGX_HTTP_INSUFFICIENT_STORAGE,
                                      "there is no such stream, and there is "
                                      "no room for another one");
        return;

    default: /* NGX_ERROR */
        ngx_ess_registry_created_fail(name, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                      "there is no memory, or no uuid could "
                                      "be made");
    }
}


/* Returns what ngx_ess_registry_create() does. */

static ngx_int_t
ngx_ess_registry_created_create(ngx_ess_registry_created_name_t *name)
{
    uint64_t                     epoch;
    const ngx_ess_source_t      *row;
    ngx_ess_stream_attr_t        attr;
    ngx_ess_created_limits_t     limits;
    ngx_ess_source_options_t     declare;
    ngx_ess_registry_created_t  *wait;

    wait = ngx_queue_data(ngx_queue_head(&name->waits),
                          ngx_ess_registry_created_t, queue);

    row = wait->source->row;
    epoch = row->epoch ? row->epoch(wait->source->conf, &name->str) : 0;

    limits.max = ngx_ess_registry_created_conf->most;
    limits.rate = ngx_ess_registry_created_conf->rate;

    ngx_ess_created_address(ngx_ess_registry_created_zone, wait->sockaddr,
                            &limits);

    ngx_memzero(&attr, sizeof(ngx_ess_stream_attr_t));

    attr.name = name->str;
    attr.created = 1;
    attr.by = wait->by;
    attr.limits = wait->unlimited ? NULL : &limits;

    ngx_memzero(&declare, sizeof(ngx_ess_source_options_t));

    return ngx_ess_registry_create(ngx_ess_registry_created_zone,
                                   &name->str, &row->kind, epoch, &attr,
                                   row->declare ? &declare : NULL,
                                   ngx_ess_registry_created_done, name,
                                   &name->op);
}


static void
ngx_ess_registry_created_fail(ngx_ess_registry_created_name_t *name,
    ngx_uint_t status, const char *text)
{
    name->status = status;
    name->text = text;

    ngx_post_event(&name->timer, &ngx_posted_events);
}


static void
ngx_ess_registry_created_timer(ngx_event_t *ev)
{
    ngx_ess_stream_info_t             info;
    ngx_ess_registry_created_name_t  *name;

    name = ev->data;

    if (name->status) {
        ngx_ess_registry_created_answer(name, name->status, name->text);
        return;
    }

    if (ngx_ess_registry_created_left(name) == 0) {

        /* what was begun goes on */

        ngx_ess_registry_created_answer(name, NGX_HTTP_SERVICE_UNAVAILABLE,
                                        NGX_ESS_REGISTRY_CREATED_LATE);
        return;
    }

    if (name->op) {
        /* the clock was late when the timer was set */
        ngx_add_timer(ev, ngx_ess_registry_created_left(name));
        return;
    }

    switch (ngx_ess_created_find(ngx_ess_registry_created_zone,
                                 &name->str, &info))
    {
    case NGX_OK:
        ngx_ess_registry_created_answer(name, 0, "");
        return;

    case NGX_DECLINED:

        if (!name->declared) {
            ngx_ess_registry_created_begin(name);
            return;
        }
    }

    ngx_add_timer(ev, NGX_ESS_REGISTRY_CREATED_LOOK);
}


/* ms */

static ngx_msec_t
ngx_ess_registry_created_left(ngx_ess_registry_created_name_t *name)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (name->deadline - ngx_current_msec);

    return ngx_max(left, 0);
}


static void
ngx_ess_registry_created_done(void *data, ngx_ess_registry_result_e result,
    ngx_ess_stream_info_t *info, const char *text)
{
    ngx_ess_registry_created_name_t *name = data;

    name->op = NULL;

    switch (result) {

    case NGX_ESS_REGISTRY_OK:
        ngx_ess_registry_created_log(info, "is made on demand");
        ngx_ess_registry_created_answer(name, 0, "");
        return;

    case NGX_ESS_REGISTRY_BUSY:
        text = NGX_ESS_REGISTRY_CREATED_LATE;
        break;

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "ess: the stream \"%V\" could not be made on demand: %s",
                      &name->str, text[0] ? text : "it could not be bound");

        text = (result == NGX_ESS_REGISTRY_STORE)
               ? "there is no such stream, and it could not be stored"
               : "there is no such stream, and the broker refused to make it";
    }

    ngx_ess_registry_created_answer(name, NGX_HTTP_SERVICE_UNAVAILABLE, text);
}


static void
ngx_ess_registry_created_log(ngx_ess_stream_info_t *info, const char *text)
{
    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "ess: the stream %uL, \"%*s\", %s", info->ref.id,
                  info->name_len, info->name, text);
}


static void
ngx_ess_registry_created_answer(ngx_ess_registry_created_name_t *name,
    ngx_uint_t status, const char *text)
{
    ngx_queue_t                 *q, waits;
    ngx_ess_registry_created_t  *wait;

    /* a handler may ask for the same name anew, or cancel another one */

    ngx_queue_init(&waits);
    ngx_queue_add(&waits, &name->waits);
    ngx_queue_init(&name->waits);

    ngx_ess_registry_created_free(name);

    while (!ngx_queue_empty(&waits)) {
        q = ngx_queue_head(&waits);
        ngx_queue_remove(q);

        wait = ngx_queue_data(q, ngx_ess_registry_created_t, queue);
        wait->queue.next = NULL;

        wait->handler(wait, status, text);
    }
}


static void
ngx_ess_registry_created_free(ngx_ess_registry_created_name_t *name)
{
    ngx_ess_wait_clear(&name->timer);

    ngx_queue_remove(&name->queue);

    if (name->op) {
        ngx_ess_registry_forget(name->op);
    }

    ngx_free(name);
}


void
ngx_ess_registry_created_cancel(ngx_ess_registry_created_t *wait)
{
    ngx_ess_registry_created_name_t  *name;

    if (wait->queue.next == NULL) {
        return;
    }

    ngx_queue_remove(&wait->queue);
    wait->queue.next = NULL;

    name = ngx_ess_registry_created_lookup(&wait->name);

    /* what is being answered has no name any more; a later one may have it */

    if (name && ngx_queue_empty(&name->waits)) {
        ngx_ess_registry_created_free(name);
    }
}


void
ngx_ess_registry_created_tick(void)
{
    ngx_msec_t  period;
    ngx_uint_t  n;

    /* a worker that a reload replaced may have another store */

    if (ngx_ess_zone_generation(ngx_ess_registry_created_zone)
        != ngx_ess_registry_created_zone->generation)
    {
        return;
    }

    if (!ngx_ess_registry_created_walks) {
        period = ngx_min(ngx_ess_registry_created_conf->idle_time / 10,
                         NGX_ESS_REGISTRY_CREATED_WALK);

        if (!ngx_ess_created_due(ngx_ess_registry_created_zone, period)) {
            return;
        }

        ngx_ess_registry_created_walks = 1;
        ngx_ess_registry_created_cursor = 0;
    }

    for (n = 0; n < NGX_ESS_REGISTRY_CREATED_HOLDS; n++) {

        if (ngx_ess_registry_created_old == NGX_ESS_REGISTRY_CREATED_OLD) {
            return;
        }

        if (ngx_ess_registry_created_remove() == NGX_DECLINED) {
            ngx_ess_registry_created_walks = 0;
            return;
        }
    }
}


/* The next one, if it is known by now.  NGX_DECLINED: that was all. */

static ngx_int_t
ngx_ess_registry_created_remove(void)
{
    ngx_int_t               rc;
    ngx_ess_registry_op_t  *op;
    ngx_ess_stream_info_t   info;

    rc = ngx_ess_created_expire(ngx_ess_registry_created_zone,
                                ngx_ess_registry_created_conf->idle_time,
                                &ngx_ess_registry_created_cursor, &info);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_ess_registry_delete_begun(ngx_ess_registry_created_zone, &info,
                                      ngx_ess_registry_created_removed, NULL,
                                      &op)
        == NGX_OK)
    {
        ngx_ess_registry_created_old++;
        return NGX_OK;
    }

    (void) ngx_ess_table_show(ngx_ess_registry_created_zone, &info.ref);

    return NGX_DECLINED;
}


static void
ngx_ess_registry_created_removed(void *data, ngx_ess_registry_result_e result,
    ngx_ess_stream_info_t *info, const char *text)
{
    ngx_str_t              name;
    ngx_ess_stream_info_t  kept;

    ngx_ess_registry_created_old--;

    if (result == NGX_ESS_REGISTRY_OK) {
        ngx_ess_registry_created_log(info, "is removed: nobody uses it");
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "ess: the stream %uL, which nobody uses, could not be "
                  "removed: %s", info->ref.id, text);

    /* the walk passes it, and it goes another time: as if it were used */

    name.data = info->name;
    name.len = info->name_len;

    (void) ngx_ess_created_find(ngx_ess_registry_created_zone, &name, &kept);
}
