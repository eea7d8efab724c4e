
/*
 * A client with several subscriptions is measured as a whole: what it keeps of
 * all of them.  Where it may skip events the subscription that keeps most goes
 * on from the log, and again until it is within its bound.  Runs in the worker
 * that has the connection.
 */


#include "ngx_ess_multi_slow.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_multi_back.h"
#include "ngx_ess_multi_due.h"


/* what is measured at once: cursors, and clients */
#define NGX_ESS_MULTI_SLOW_SLICE  4096

/* subscriptions that are looked for before all are sorted: mostly one is enough
   each time */
#define NGX_ESS_MULTI_SLOW_FEW    8


/* what a client keeps, or one of its subscriptions */

typedef struct {
    size_t                       kept;      /* bytes */
    size_t                       next;      /* of the largest frame that is
                                               next */
    ngx_uint_t                   n;         /* cursors */
    ngx_ess_multi_cell_t        *cell;      /* of a subscription */
} ngx_ess_multi_slow_t;


static void ngx_ess_multi_slow_handler(ngx_event_t *ev);
static ngx_uint_t ngx_ess_multi_slow_client(ngx_ess_multi_t *multi);
static ngx_int_t ngx_ess_multi_slow_skip(ngx_ess_multi_t *multi, size_t bound,
    ngx_ess_multi_slow_t *all, ngx_uint_t n);
static ngx_int_t ngx_ess_multi_slow_back(ngx_ess_multi_t *multi, size_t bound,
    ngx_ess_multi_slow_t *all, ngx_ess_multi_slow_t *each, ngx_uint_t n);
static void ngx_ess_multi_slow_order(ngx_ess_multi_slow_t *each, ngx_uint_t i,
    ngx_uint_t n);
static int ngx_libc_cdecl ngx_ess_multi_slow_cmp(const void *one,
    const void *two);
static ngx_uint_t ngx_ess_multi_slow_measure(ngx_ess_multi_t *multi,
    ngx_ess_multi_slow_t *all, ngx_ess_multi_slow_t *each);
static void ngx_ess_multi_slow_cell(ngx_ess_multi_cell_t *cell,
    ngx_ess_multi_slow_t *slow);
static size_t ngx_ess_multi_slow_cursor(ngx_ess_subscriber_t *sub,
    void *data);
static ngx_int_t ngx_ess_multi_slow_let_go(ngx_ess_multi_t *multi, size_t over,
    size_t *most);


static ngx_ess_multi_slow_pt  ngx_ess_multi_slow_close;
static ngx_event_t  ngx_ess_multi_slow_event;


void
ngx_ess_multi_slow_init(ngx_cycle_t *cycle, ngx_ess_multi_slow_pt close)
{
    ngx_ess_multi_slow_close = close;

    ngx_memzero(&ngx_ess_multi_slow_event, sizeof(ngx_event_t));

    ngx_ess_multi_slow_event.handler = ngx_ess_multi_slow_handler;
    ngx_ess_multi_slow_event.log = cycle->log;
}


void
ngx_ess_multi_slow_check(void)
{
    if (!ngx_queue_empty(&ngx_ess_multi_due_waiting)) {
        ngx_post_event(&ngx_ess_multi_slow_event, &ngx_posted_events);
    }
}


/* Those who come later are measured with the next events. */

static void
ngx_ess_multi_slow_handler(ngx_event_t *ev)
{
    ngx_uint_t        n;
    ngx_queue_t      *q, *last;
    ngx_ess_multi_t  *multi;

    last = ngx_queue_last(&ngx_ess_multi_due_waiting);
    n = 0;

    while (n < NGX_ESS_MULTI_SLOW_SLICE
           && !ngx_queue_empty(&ngx_ess_multi_due_waiting))
    {
        q = ngx_queue_head(&ngx_ess_multi_due_waiting);
        multi = ngx_queue_data(q, ngx_ess_multi_t, waiting);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ngx_ess_multi_due_waiting, q);

        n += 1 + ngx_ess_multi_slow_client(multi);

        if (q == last) {
            return;
        }
    }
}


/* Returns how many cursors were measured. */

static ngx_uint_t
ngx_ess_multi_slow_client(ngx_ess_multi_t *multi)
{
    size_t                 bound;
    ngx_uint_t             n, cursors;
    ngx_ess_client_t      *client;
    ngx_ess_multi_slow_t   all;

    client = multi->client;
    bound = client->conf->slow_buffer;

    n = ngx_ess_multi_slow_measure(multi, &all, NULL);

    cursors = all.n;

    /* what is next does not count */

    if (all.kept - all.next <= bound
        || (client->conf->slow_skip
            && ngx_ess_multi_slow_skip(multi, bound, &all, n) == NGX_OK))
    {
        return cursors;
    }

    ngx_log_error(NGX_LOG_INFO, client->connection->log, 0,
                  "client is too slow, %uz bytes behind: closing it",
                  all.kept - all.next);

    ngx_ess_multi_slow_close(client);

    return cursors;
}


/* "n" of its subscriptions keep something.  There may be thousands: they are
   not all measured again for each. */

static ngx_int_t
ngx_ess_multi_slow_skip(ngx_ess_multi_t *multi, size_t bound,
    ngx_ess_multi_slow_t *all, ngx_uint_t n)
{
    ngx_int_t              rc;
    ngx_ess_multi_slow_t  *each;

    each = ngx_alloc(n * sizeof(ngx_ess_multi_slow_t),
                     multi->client->connection->log);
    if (each == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_multi_slow_measure(multi, all, each);

    rc = ngx_ess_multi_slow_back(multi, bound, all, each, n);

    ngx_free(each);

    return rc;
}


static ngx_int_t
ngx_ess_multi_slow_back(ngx_ess_multi_t *multi, size_t bound,
    ngx_ess_multi_slow_t *all, ngx_ess_multi_slow_t *each, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        ngx_ess_multi_slow_order(each, i, n);

        rc = ngx_ess_multi_back(multi, each[i].cell);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK) {
            /* it keeps that */
            continue;
        }

        ngx_ess_counter_add(ngx_ess_client_zone, NGX_ESS_C_SLOW_SKIPPED, 1);

        all->kept -= each[i].kept;

        if (all->kept > bound + all->next) {
            continue;
        }

        /* it may be enough, but for notices of gaps, which stay */

        (void) ngx_ess_multi_slow_measure(multi, all, NULL);

        if (all->kept - all->next <= bound) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* The one that keeps most of those from "i" on comes first. */

static void
ngx_ess_multi_slow_order(ngx_ess_multi_slow_t *each, ngx_uint_t i,
    ngx_uint_t n)
{
    ngx_uint_t            j, most;
    ngx_ess_multi_slow_t  swap;

    if (i == NGX_ESS_MULTI_SLOW_FEW) {
        ngx_qsort(&each[i], n - i, sizeof(ngx_ess_multi_slow_t),
                  ngx_ess_multi_slow_cmp);
    }

    if (i >= NGX_ESS_MULTI_SLOW_FEW) {
        return;
    }

    most = i;

    for (j = i + 1; j < n; j++) {
        if (each[j].kept > each[most].kept) {
            most = j;
        }
    }

    swap = each[i];
    each[i] = each[most];
    each[most] = swap;
}


static int ngx_libc_cdecl
ngx_ess_multi_slow_cmp(const void *one, const void *two)
{
    const ngx_ess_multi_slow_t  *a, *b;

    a = one;
    b = two;

    return (a->kept > b->kept) ? -1 : (a->kept < b->kept);
}


/* Returns how many there are in "each", if that is not NULL: what each of them
   keeps. */

static ngx_uint_t
ngx_ess_multi_slow_measure(ngx_ess_multi_t *multi, ngx_ess_multi_slow_t *all,
    ngx_ess_multi_slow_t *each)
{
    ngx_uint_t             n;
    ngx_queue_t           *q;
    ngx_ess_multi_slow_t   slow;

    n = 0;
    ngx_memzero(all, sizeof(ngx_ess_multi_slow_t));

    for (q = ngx_queue_head(&multi->ready);
         q != ngx_queue_sentinel(&multi->ready);
         q = ngx_queue_next(q))
    {
        ngx_ess_multi_slow_cell((ngx_ess_multi_cell_t *)
                                ngx_queue_data(q, ngx_ess_subscriber_t, queue),
                                &slow);

        all->kept += slow.kept;
        all->next = ngx_max(all->next, slow.next);
        all->n += slow.n;

        if (slow.kept == 0) {
            continue;
        }

        if (each) {
            each[n] = slow;
        }

        n++;
    }

    return n;
}


static void
ngx_ess_multi_slow_cell(ngx_ess_multi_cell_t *cell, ngx_ess_multi_slow_t *slow)
{
    ngx_memzero(slow, sizeof(ngx_ess_multi_slow_t));

    slow->cell = cell;
    slow->kept = cell->sub.group
                 ? ngx_ess_multi_heap_sum(cell->group.ready,
                                          ngx_ess_multi_slow_cursor, slow)
                 : ngx_ess_multi_slow_cursor(&cell->sub, slow);
}


static size_t
ngx_ess_multi_slow_cursor(ngx_ess_subscriber_t *sub, void *data)
{
    ngx_ess_multi_slow_t *slow = data;

    slow->n++;

    if (sub->frame == NULL) {
        return 0;
    }

    slow->next = ngx_max(slow->next, sub->frame->len);

    return sub->lane->frames.bytes - sub->frame->start;
}


size_t
ngx_ess_multi_slow_over(size_t over, size_t target)
{
    size_t            most;
    ngx_queue_t      *q, *next;
    ngx_ess_multi_t  *multi;

    most = 0;

    for (q = ngx_queue_head(&ngx_ess_multi_due_waiting);
         q != ngx_queue_sentinel(&ngx_ess_multi_due_waiting)
         && ngx_ess_memory_used() > target;
         q = next)
    {
        next = ngx_queue_next(q);
        multi = ngx_queue_data(q, ngx_ess_multi_t, waiting);

        if (ngx_ess_multi_slow_let_go(multi, over, &most) != NGX_OK) {
            ngx_ess_multi_slow_close(multi->client);
        }
    }

    return most;
}


static ngx_int_t
ngx_ess_multi_slow_let_go(ngx_ess_multi_t *multi, size_t over, size_t *most)
{
    ngx_queue_t           *q, *next;
    ngx_ess_multi_slow_t   slow;

    for (q = ngx_queue_head(&multi->ready);
         q != ngx_queue_sentinel(&multi->ready);
         q = next)
    {
        next = ngx_queue_next(q);

        ngx_ess_multi_slow_cell((ngx_ess_multi_cell_t *)
                                ngx_queue_data(q, ngx_ess_subscriber_t, queue),
                                &slow);

        if (slow.kept <= over) {
            *most = ngx_max(*most, slow.kept);
            continue;
        }

        if (ngx_ess_multi_back(multi, slow.cell) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_ess_counter_add(ngx_ess_client_zone, NGX_ESS_C_SLOW_RECLAIMED, 1);
    }

    return NGX_OK;
}
