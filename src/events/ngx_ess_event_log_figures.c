/*
 * Figures of event logs in shared memory: the master lays it out and gives rows
 * to logs, once a cycle; workers count, and read all of it.
 */


#include "ngx_ess_event_log_figures.h"


#define NGX_ESS_EVENT_LOG_FIGURES_ROWS   16     /* at least, a multiple of it */
#define NGX_ESS_EVENT_LOG_FIGURES_NAME   64

/* ms for which a database may fail: a restart, a failover */
#define NGX_ESS_EVENT_LOG_FIGURES_GRACE  2000


typedef struct {
    ngx_atomic_t             buckets[NGX_ESS_EVENT_LOG_FIGURES_TIMES];
    ngx_atomic_t             sum;           /* ms */
} ngx_ess_event_log_figures_time_t;


typedef struct ngx_ess_event_log_figure_s {
    ngx_atomic_t             results[NGX_ESS_EVENT_LOG_FIGURES_RESULTS];
    ngx_atomic_t             events;
    ngx_atomic_t             bytes;
    ngx_atomic_t             measured;
    ngx_atomic_t             noticed;
    ngx_atomic_t             listening;     /* ms, until then; 0: not */
    ngx_atomic_t             behind;        /* and one; 0: not followed */
    ngx_pid_t                lease;         /* with the lock, 0: nobody's */
    ngx_msec_t               lease_until;   /* with the lock */
    ngx_ess_event_log_figures_time_t inserts;
    ngx_ess_event_log_figures_time_t queries;
    ngx_ess_trouble_t        trouble;       /* written with the lock */
    uint32_t                 len;           /* of the name; 0: a free row */
    uint32_t                 wanted;        /* by the last configuration */
    u_char                   name[NGX_ESS_EVENT_LOG_FIGURES_NAME];
} ngx_ess_event_log_figure_t;


typedef struct {
    ngx_array_t             *logs;
    ngx_uint_t               nrows;
    ngx_ess_event_log_figure_t *rows;
} ngx_ess_event_log_figures_t;


static ngx_int_t ngx_ess_event_log_figures_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_ess_event_log_figure_t *ngx_ess_event_log_figures_row(
    ngx_ess_event_log_figures_t *figures, ngx_str_t *name);
static void ngx_ess_event_log_figures_time(
    ngx_ess_event_log_figures_time_t *time, ngx_msec_t start);
static void ngx_ess_event_log_figures_copy(
    ngx_ess_event_log_figures_time_t *time, uint64_t *values);


const uint32_t
    ngx_ess_event_log_figures_times[NGX_ESS_EVENT_LOG_FIGURES_TIMES - 1] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000
};


/* no ess_zone is likely to be called so */
static ngx_str_t  ngx_ess_event_log_figures_zone =
    ngx_string("figures of ess_event_log");


ngx_int_t
ngx_ess_event_log_figures_add(ngx_conf_t *cf, ngx_array_t *logs)
{
    size_t                        size;
    ngx_shm_zone_t               *shm_zone;
    ngx_ess_event_log_figures_t  *figures;

    figures = ngx_pcalloc(cf->pool, sizeof(ngx_ess_event_log_figures_t));
    if (figures == NULL) {
        return NGX_ERROR;
    }

    figures->logs = logs;

    /* with room for others, so that most changes of a configuration keep the
       size, and with it the figures */

    figures->nrows = ngx_align(2 * logs->nelts, NGX_ESS_EVENT_LOG_FIGURES_ROWS);

    size = figures->nrows * sizeof(ngx_ess_event_log_figure_t);

    /* the slab pool has a little of each page */

    size += size / 64 + 16 * ngx_pagesize;

    shm_zone = ngx_shared_memory_add(cf, &ngx_ess_event_log_figures_zone, size,
                                     &ngx_ess_event_log_figures_zone);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_ess_event_log_figures_init;
    shm_zone->data = figures;

    return NGX_OK;
}


/* nginx calls it with the data of the last cycle when the memory is the same,
   which is when its size is. */

static ngx_int_t
ngx_ess_event_log_figures_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t                     i;
    ngx_slab_pool_t               *shpool;
    ngx_ess_event_log_t          **log;
    ngx_ess_event_log_figures_t   *figures, *old;

    figures = shm_zone->data;
    old = data;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old) {
        figures->rows = old->rows;
        figures->nrows = old->nrows;

    } else if (shm_zone->shm.exists) {
        figures->rows = shpool->data;

    } else {
        figures->rows = ngx_slab_calloc(shpool, figures->nrows
                                          * sizeof(ngx_ess_event_log_figure_t));
        if (figures->rows == NULL) {
            return NGX_ERROR;
        }

        shpool->data = figures->rows;
    }

    log = figures->logs->elts;

    for (i = 0; i < figures->nrows; i++) {
        figures->rows[i].wanted = 0;
    }

    /* those that have theirs first: what is not wanted may be given away */

    for (i = 0; i < figures->logs->nelts; i++) {
        log[i]->lock = &shpool->mutex;
        log[i]->figures = ngx_ess_event_log_figures_row(figures,
                                                        &log[i]->name);
        if (log[i]->figures) {
            log[i]->figures->wanted = 1;
        }
    }

    for (i = 0; i < figures->logs->nelts; i++) {

        if (log[i]->figures == NULL) {
            log[i]->figures = ngx_ess_event_log_figures_row(figures, NULL);

            ngx_memzero(log[i]->figures, sizeof(ngx_ess_event_log_figure_t));

            log[i]->figures->wanted = 1;
            log[i]->figures->len = ngx_min(log[i]->name.len,
                                           NGX_ESS_EVENT_LOG_FIGURES_NAME);
            ngx_memcpy(log[i]->figures->name, log[i]->name.data,
                       log[i]->figures->len);
        }
    }

    return NGX_OK;
}


/* "name" NULL: a free one, or one of a log that is no more; there are twice as
   many rows as logs. */

static ngx_ess_event_log_figure_t *
ngx_ess_event_log_figures_row(ngx_ess_event_log_figures_t *figures,
    ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_ess_event_log_figure_t  *row, *unwanted;

    unwanted = NULL;

    for (i = 0; i < figures->nrows; i++) {
        row = &figures->rows[i];

        if (name) {
            if (row->len == name->len
                && ngx_memcmp(row->name, name->data, row->len) == 0)
            {
                return row;
            }

            continue;
        }

        if (row->len == 0) {
            return row;
        }

        if (!row->wanted && unwanted == NULL) {
            unwanted = row;
        }
    }

    return unwanted;
}


void
ngx_ess_event_log_figures_insert(ngx_ess_event_log_t *log,
    ngx_ess_event_log_insert_t *insert)
{
    ngx_uint_t                          i;
    ngx_ess_event_log_figures_result_e  result;

    ngx_ess_event_log_figures_time(&log->figures->inserts, insert->start);

    if (insert->rc == NGX_BUSY) {
        (void) ngx_atomic_fetch_add(
          &log->figures->results[NGX_ESS_EVENT_LOG_FIGURES_UNAVAILABLE],
          insert->n);
        return;
    }

    for (i = 0; i < insert->n; i++) {

        switch (insert->events[i].result) {

        case NGX_ESS_EVENT_LOG_STORED:
            result = (insert->rc == NGX_OK)
                     ? NGX_ESS_EVENT_LOG_FIGURES_STORED
                     : NGX_ESS_EVENT_LOG_FIGURES_UNDONE;
            break;

        case NGX_ESS_EVENT_LOG_SAME:
            result = NGX_ESS_EVENT_LOG_FIGURES_SAME;
            break;

        case NGX_ESS_EVENT_LOG_REFUSED:
            result = NGX_ESS_EVENT_LOG_FIGURES_INVALID;
            break;

        default: /* NGX_ESS_EVENT_LOG_OTHER */
            result = NGX_ESS_EVENT_LOG_FIGURES_DUPLICATE;
        }

        (void) ngx_atomic_fetch_add(&log->figures->results[result], 1);
    }
}


void
ngx_ess_event_log_figures_query(ngx_ess_event_log_t *log,
    ngx_ess_event_log_query_t *query)
{
    ngx_ess_event_log_figures_time(&log->figures->queries, query->start);
}


void
ngx_ess_event_log_figures_invalid(ngx_ess_event_log_t *log, ngx_uint_t n)
{
    (void) ngx_atomic_fetch_add(
        &log->figures->results[NGX_ESS_EVENT_LOG_FIGURES_INVALID], n);
}


static void
ngx_ess_event_log_figures_time(ngx_ess_event_log_figures_time_t *time,
    ngx_msec_t start)
{
    ngx_uint_t  i;
    ngx_msec_t  ms;

    ms = ngx_current_msec - start;

    for (i = 0; i < NGX_ESS_EVENT_LOG_FIGURES_TIMES - 1; i++) {
        if (ms <= ngx_ess_event_log_figures_times[i]) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&time->buckets[i], 1);
    (void) ngx_atomic_fetch_add(&time->sum, ms);
}


void
ngx_ess_event_log_figures_measured(ngx_ess_event_log_t *log, uint64_t events,
    uint64_t bytes)
{
    log->figures->events = events;
    log->figures->bytes = bytes;
    log->figures->measured = 1;
}


void
ngx_ess_event_log_figures_failed(ngx_ess_event_log_t *log, u_char *text)
{
    ngx_str_t  host, words;

    host = log->engine->name;

    words.data = text;
    words.len = ngx_strlen(text);

    ngx_shmtx_lock(log->lock);
    ngx_ess_trouble_set(&log->figures->trouble, &host, &words);
    ngx_shmtx_unlock(log->lock);
}


void
ngx_ess_event_log_figures_well(ngx_ess_event_log_t *log)
{
    if (log->figures->trouble.since == 0) {
        return;
    }

    ngx_shmtx_lock(log->lock);
    ngx_ess_trouble_well(&log->figures->trouble);
    ngx_shmtx_unlock(log->lock);
}


/* ngx_current_msec is of the machine's clock, the same for all workers. */

ngx_int_t
ngx_ess_event_log_figures_lease(ngx_ess_event_log_t *log, ngx_msec_t ms)
{
    ngx_int_t                    rc;
    ngx_ess_event_log_figure_t  *row;

    row = log->figures;
    rc = NGX_BUSY;

    ngx_shmtx_lock(log->lock);

    if (row->lease == 0 || row->lease == ngx_pid
        || (ngx_msec_int_t) (row->lease_until - ngx_current_msec) <= 0
        || (kill(row->lease, 0) == -1 && ngx_errno == ESRCH))
    {
        row->lease = ngx_pid;
        row->lease_until = ngx_current_msec + ms;
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(log->lock);

    return rc;
}


void
ngx_ess_event_log_figures_unlease(ngx_ess_event_log_t *log)
{
    ngx_shmtx_lock(log->lock);

    if (log->figures->lease == ngx_pid) {
        log->figures->lease = 0;
    }

    ngx_shmtx_unlock(log->lock);
}


void
ngx_ess_event_log_figures_listening(ngx_ess_event_log_t *log, ngx_msec_t ms)
{
    log->figures->listening = ms ? (ngx_current_msec + ms) | 1 : 0;
}


void
ngx_ess_event_log_figures_noticed(ngx_ess_event_log_t *log, ngx_uint_t n)
{
    (void) ngx_atomic_fetch_add(&log->figures->noticed, n);
}


void
ngx_ess_event_log_figures_behind(ngx_ess_event_log_t *log, uint64_t n)
{
    log->figures->behind = n + 1;
}


void
ngx_ess_event_log_figures_left(ngx_ess_event_log_t *log)
{
    log->figures->behind = 0;
}


void
ngx_ess_event_log_figures_sums(ngx_ess_event_log_t *log,
    ngx_ess_event_log_figures_sums_t *sums)
{
    ngx_uint_t                i;
    ngx_ess_event_log_figure_t  *row;

    row = log->figures;

    for (i = 0; i < NGX_ESS_EVENT_LOG_FIGURES_RESULTS; i++) {
        sums->results[i] = row->results[i];
    }

    sums->events = row->events;
    sums->bytes = row->bytes;
    sums->measured = row->measured;
    sums->noticed = row->noticed;
    sums->listening = (row->listening
                       && (ngx_msec_int_t) (row->listening - ngx_current_msec)
                          > 0);

    sums->behind = row->behind;
    sums->followed = (sums->behind != 0);
    sums->behind -= sums->followed;

    ngx_ess_event_log_figures_copy(&row->inserts, sums->inserts);
    ngx_ess_event_log_figures_copy(&row->queries, sums->queries);
}


static void
ngx_ess_event_log_figures_copy(ngx_ess_event_log_figures_time_t *time,
    uint64_t *values)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_EVENT_LOG_FIGURES_TIMES; i++) {
        values[i] = time->buckets[i];
    }

    values[i] = time->sum;
}


ngx_int_t
ngx_ess_event_log_figures_healthy(ngx_array_t *logs, u_char *buf,
    ngx_str_t *why)
{
    u_char                *p, *last;
    ngx_uint_t             i, n;
    ngx_ess_trouble_t      copy, first;
    ngx_ess_event_log_t  **log, *bad;

    log = logs->elts;
    bad = NULL;

    for (i = 0, n = 0; i < logs->nelts; i++) {

        if (ngx_ess_event_log_figures_trouble(log[i], &copy) && n++ == 0) {
            bad = log[i];
            first = copy;
        }
    }

    if (bad == NULL) {
        return NGX_OK;
    }

    last = buf + NGX_ESS_EVENT_LOG_FIGURES_WHY;

    p = ngx_slprintf(buf, last, "event log \"%V\"", &bad->name);

    if (n > 1) {
        p = ngx_slprintf(p, last, " and %ui more", n - 1);
    }

    p = ngx_slprintf(p, last, " %s no database", n > 1 ? "have" : "has");
    p = ngx_ess_trouble_words(p, last, &first);

    why->data = buf;
    why->len = p - buf;

    return NGX_DECLINED;
}


ngx_uint_t
ngx_ess_event_log_figures_trouble(ngx_ess_event_log_t *log,
    ngx_ess_trouble_t *copy)
{
    return ngx_ess_trouble_read(&log->figures->trouble, copy) == NGX_OK
           && copy->since + NGX_ESS_EVENT_LOG_FIGURES_GRACE < ngx_ess_now();
}
