/*
 * The store's queue, one per worker.  Operations wait in it until the task
 * before is done; then one thread task carries them all, as one transaction.
 * An operation is its submitter's; while the task is under way only the
 * thread touches it.  The loading at start runs in the master.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_source.h"
#include "ngx_ess_store.h"
#include "ngx_ess_store_sqlite.h"
#include "ngx_ess_table.h"


/* operations in one transaction */
#define NGX_ESS_STORE_BATCH  1000


typedef struct {
    ngx_ess_store_t               *store;   /* NULL: there is none */
    void                          *handle;

    ngx_queue_t                    waiting; /* ngx_ess_store_op_t.queue */

    ngx_ess_store_op_t            *ops[NGX_ESS_STORE_BATCH];
    ngx_uint_t                     nops;    /* of the task, 0: none */
    ngx_thread_task_t              task;

    ngx_event_t                    start;   /* posted when ops wait */
    ngx_log_t                     *log;
    unsigned                       failing:1;   /* the last task did */
} ngx_ess_store_worker_t;


typedef struct {
    ngx_ess_zone_t                *zone;
    ngx_array_t                   *sources;
    ngx_str_t                     *path;
    ngx_log_t                     *log;
    ngx_uint_t                     n;
} ngx_ess_store_load_t;


static ngx_int_t ngx_ess_store_load_row(void *data,
    const ngx_ess_stream_info_t *info);
static void ngx_ess_store_start(ngx_event_t *ev);
static void ngx_ess_store_take(void);
static void ngx_ess_store_thread(void *data, ngx_log_t *log);
static void ngx_ess_store_done(ngx_event_t *ev);
static void ngx_ess_store_report(void);


static ngx_ess_store_worker_t  ngx_ess_store_worker;
static ngx_connection_t        ngx_ess_store_dummy;


char *
ngx_ess_store_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_main_conf_t  *mcf = conf;

    ngx_str_t        *value;
    ngx_ess_store_t  *st;

    if (mcf->store != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    mcf->needs_zone = "ess_store";

    value = (ngx_str_t *) cf->args->elts + 1;

    if (ngx_strcmp(value->data, "off") == 0) {
        mcf->store = NULL;
        return NGX_CONF_OK;
    }

    if (value->len == 0 || value->data[value->len - 1] == '/'
        || ngx_strstr(value->data, "://") != NULL
        || value->data[0] == ':')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_store\" takes the path of a file or "
                           "\"off\", not \"%V\"", value);
        return NGX_CONF_ERROR;
    }

    st = ngx_pcalloc(cf->pool, sizeof(ngx_ess_store_t));
    if (st == NULL) {
        return NGX_CONF_ERROR;
    }

    st->engine = &ngx_ess_store_sqlite;
    st->path = *value;

    if (ngx_conf_full_name(cf->cycle, &st->path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (st->engine->check(cf, &st->path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    st->thread_pool = ngx_thread_pool_add(cf, NULL);
    if (st->thread_pool == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->store = st;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_ess_store_load(ngx_cycle_t *cycle, ngx_ess_store_t *store,
    ngx_array_t *sources, ngx_ess_zone_t *zone)
{
    uint64_t              last_id;
    ngx_ess_store_load_t  load;

    last_id = 0;

    load.zone = zone;
    load.sources = sources;
    load.path = &store->path;
    load.log = cycle->log;
    load.n = 0;

    if (store->engine->load(cycle, &store->path,
                            zone ? ngx_ess_store_load_row : NULL, &load,
                            &last_id)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (zone == NULL) {
        return NGX_OK;
    }

    ngx_ess_table_last_id(zone, last_id);

    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                  "ess: %ui streams loaded from %V", load.n, &store->path);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_store_load_row(void *data, const ngx_ess_stream_info_t *info)
{
    ngx_ess_store_load_t *load = data;

    ngx_ess_stream_info_t    row;
    ngx_ess_source_entry_t  *entry;

    row = *info;
    entry = ngx_ess_source_entry(load->sources, row.kind.source);

    if (entry) {
        row.kind = entry->row->kind;

    } else {
        /* a source that is not there: nobody appends */
        row.kind.follows = 1;
    }

    if (row.kind.follows) {
        /* its ordinals are the source's */
        row.last_ordinal = 0;
        row.reserved_ordinal = 0;
    }

    switch (ngx_ess_table_load(load->zone, &row)) {

    case NGX_OK:
        load->n++;
        return NGX_OK;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_EMERG, load->log, 0,
                      "\"ess_store\" %V: the zone is full after %ui streams, "
                      "more are in the store; make \"ess_zone\" larger",
                      load->path, load->n);
        return NGX_ERROR;

    default:
        ngx_log_error(NGX_LOG_EMERG, load->log, 0,
                      "\"ess_store\" %V: the stream %uL cannot be loaded, its "
                      "id, uuid or name is there already",
                      load->path, info->ref.id);
        return NGX_ERROR;
    }
}


ngx_int_t
ngx_ess_store_init_process(ngx_cycle_t *cycle, ngx_ess_store_t *store)
{
    ngx_ess_store_worker_t  *w;

    w = &ngx_ess_store_worker;

    ngx_memzero(w, sizeof(ngx_ess_store_worker_t));

    ngx_queue_init(&w->waiting);

    w->store = store;
    w->log = cycle->log;

    /* the events' data is looked at by nginx's debugging messages only */

    ngx_ess_store_dummy.fd = (ngx_socket_t) -1;

    w->start.handler = ngx_ess_store_start;
    w->start.data = &ngx_ess_store_dummy;
    w->start.log = cycle->log;

    if (store == NULL) {
        return NGX_OK;
    }

    w->handle = store->engine->create(&store->path, cycle->log);
    if (w->handle == NULL) {
        return NGX_ERROR;
    }

    w->task.handler = ngx_ess_store_thread;
    w->task.ctx = w;
    w->task.event.handler = ngx_ess_store_done;
    w->task.event.data = w;
    w->task.event.log = cycle->log;

    return NGX_OK;
}


/*
 * nginx's thread pools leave before the modules that are not its core: no
 * thread is at work any more.  Who waits for an answer is never called; what
 * was half-done another worker finishes.
 */

void
ngx_ess_store_exit_process(void)
{
    ngx_ess_store_worker_t  *w;

    w = &ngx_ess_store_worker;

    if (w->start.posted) {
        ngx_delete_posted_event(&w->start);
    }

    if (w->handle) {
        w->store->engine->destroy(w->handle);
        w->handle = NULL;
    }
}


void
ngx_ess_store_submit(ngx_ess_store_op_t *op)
{
    ngx_ess_store_worker_t  *w;

    w = &ngx_ess_store_worker;

    op->rc = NGX_OK;
    op->text[0] = '\0';

    ngx_queue_insert_tail(&w->waiting, &op->queue);

    /* at the end of the iteration: all that it brings goes together */

    if (w->nops == 0) {
        ngx_post_event(&w->start, &ngx_posted_events);
    }
}


static void
ngx_ess_store_start(ngx_event_t *ev)
{
    ngx_uint_t               i;
    ngx_ess_store_worker_t  *w;

    w = &ngx_ess_store_worker;

    if (w->nops) {
        return;
    }

    ngx_ess_store_take();

    if (w->nops == 0) {
        return;
    }

    if (w->store == NULL) {
        ngx_ess_store_done(NULL);
        return;
    }

    if (ngx_thread_task_post(w->store->thread_pool, &w->task) == NGX_OK) {
        return;
    }

    for (i = 0; i < w->nops; i++) {
        w->ops[i]->rc = NGX_ERROR;
        (void) ngx_snprintf(w->ops[i]->text, sizeof(w->ops[i]->text),
                            "no thread is free%Z");
    }

    ngx_ess_store_done(NULL);
}


static void
ngx_ess_store_take(void)
{
    ngx_queue_t             *q;
    ngx_ess_store_worker_t  *w;

    w = &ngx_ess_store_worker;

    while (w->nops < NGX_ESS_STORE_BATCH && !ngx_queue_empty(&w->waiting)) {
        q = ngx_queue_head(&w->waiting);
        ngx_queue_remove(q);

        w->ops[w->nops++] = ngx_queue_data(q, ngx_ess_store_op_t, queue);
    }
}


/* in a thread of the pool */

static void
ngx_ess_store_thread(void *data, ngx_log_t *log)
{
    ngx_ess_store_worker_t *w = data;

    w->store->engine->commit(w->handle, w->ops, w->nops);
}


static void
ngx_ess_store_done(ngx_event_t *ev)
{
    ngx_uint_t               i, n;
    ngx_ess_store_op_t      *op;
    ngx_ess_store_worker_t  *w;

    w = &ngx_ess_store_worker;

    ngx_ess_store_report();

    /* handlers may submit; nops is set still, so nothing starts meanwhile */

    n = w->nops;

    for (i = 0; i < n; i++) {
        op = w->ops[i];
        op->handler(op);
    }

    w->nops = 0;

    if (!ngx_queue_empty(&w->waiting)) {
        ngx_post_event(&w->start, &ngx_posted_events);
    }
}


/* One line for a task that failed, not one for each operation. */

static void
ngx_ess_store_report(void)
{
    ngx_uint_t               i, failed;
    ngx_ess_escaped_t        text;
    ngx_ess_store_op_t      *op;
    ngx_ess_store_worker_t  *w;

    w = &ngx_ess_store_worker;

    op = NULL;
    failed = 0;

    for (i = 0; i < w->nops; i++) {
        if (w->ops[i]->rc != NGX_OK) {
            op = w->ops[i];
            failed++;
        }
    }

    if (failed) {
        ngx_log_error(NGX_LOG_CRIT, w->log, 0,
                      "\"ess_store\" %V: %ui of %ui changes failed: %V",
                      &w->store->path, failed, w->nops,
                      ngx_ess_escape_bytes(&text, op->text,
                                           ngx_strlen(op->text)));

    } else if (w->failing) {
        ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                      "\"ess_store\" %V works again", &w->store->path);
    }

    w->failing = (failed != 0);
}
