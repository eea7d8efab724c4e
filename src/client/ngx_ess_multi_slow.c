
/*
 * A client with several subscriptions is measured as a whole: what it keeps of
 * all of them.  Where it may skip events the subscription that keeps most goes
 * on from the log, and again until it is within its bound.  Runs in the worker
 * that has the connection.
 */


#include "ngx_ess_multi_slow.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_feed_back.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_multi_join.h"


/* clients that are measured at once */
#define NGX_ESS_MULTI_SLOW_SLICE  64


typedef struct {
    size_t                       kept;      /* bytes, but for the frame that is
                                               next */
    size_t                       next;      /* the largest of those */
    size_t                       most;      /* of one subscription */
    ngx_ess_multi_cell_t        *cell;      /* which that is */
} ngx_ess_multi_slow_t;


static void ngx_ess_multi_slow_handler(ngx_event_t *ev);
static void ngx_ess_multi_slow_client(ngx_ess_multi_t *multi);
static void ngx_ess_multi_slow_measure(ngx_ess_multi_t *multi,
    ngx_ess_multi_slow_t *slow);
static size_t ngx_ess_multi_slow_kept(ngx_ess_multi_cell_t *cell,
    ngx_ess_multi_slow_t *slow);
static size_t ngx_ess_multi_slow_cursor(ngx_ess_subscriber_t *sub,
    void *data);


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
    ngx_uint_t        i;
    ngx_queue_t      *q, *last;
    ngx_ess_multi_t  *multi;

    last = ngx_queue_last(&ngx_ess_multi_due_waiting);

    for (i = 0;
         i < NGX_ESS_MULTI_SLOW_SLICE
         && !ngx_queue_empty(&ngx_ess_multi_due_waiting);
         i++)
    {
        q = ngx_queue_head(&ngx_ess_multi_due_waiting);
        multi = ngx_queue_data(q, ngx_ess_multi_t, waiting);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ngx_ess_multi_due_waiting, q);

        ngx_ess_multi_slow_client(multi);

        if (q == last) {
            return;
        }
    }
}


static void
ngx_ess_multi_slow_client(ngx_ess_multi_t *multi)
{
    size_t                 bound;
    ngx_ess_client_t      *client;
    ngx_ess_multi_slow_t   slow;

    client = multi->client;
    bound = client->conf->slow_buffer;

    for ( ;; ) {

        ngx_ess_multi_slow_measure(multi, &slow);

        if (slow.kept <= bound) {
            return;
        }

        if (!client->conf->slow_skip
            || slow.cell == NULL
            || ngx_ess_multi_join_back(multi, slow.cell) != NGX_OK)
        {
            break;
        }

        ngx_ess_counter_add(ngx_ess_client_zone, NGX_ESS_C_SLOW_SKIPPED, 1);
    }

    ngx_log_error(NGX_LOG_INFO, client->connection->log, 0,
                  "client is too slow, %uz bytes behind: closing it",
                  slow.kept);

    ngx_ess_multi_slow_close(client);
}


static void
ngx_ess_multi_slow_measure(ngx_ess_multi_t *multi, ngx_ess_multi_slow_t *slow)
{
    size_t                 kept;
    ngx_queue_t           *q;
    ngx_ess_multi_cell_t  *cell;

    ngx_memzero(slow, sizeof(ngx_ess_multi_slow_t));

    for (q = ngx_queue_head(&multi->ready);
         q != ngx_queue_sentinel(&multi->ready);
         q = ngx_queue_next(q))
    {
        cell = (ngx_ess_multi_cell_t *)
                   ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        kept = ngx_ess_multi_slow_kept(cell, slow);
        slow->kept += kept;

        if (kept > slow->most) {
            slow->most = kept;
            slow->cell = cell;
        }
    }

    slow->kept -= slow->next;
}


static size_t
ngx_ess_multi_slow_kept(ngx_ess_multi_cell_t *cell, ngx_ess_multi_slow_t *slow)
{
    return cell->sub.group
           ? ngx_ess_multi_heap_sum(cell->group.ready,
                                    ngx_ess_multi_slow_cursor, slow)
           : ngx_ess_multi_slow_cursor(&cell->sub, slow);
}


static size_t
ngx_ess_multi_slow_cursor(ngx_ess_subscriber_t *sub, void *data)
{
    ngx_ess_multi_slow_t *slow = data;

    if (sub->frame == NULL) {
        return 0;
    }

    slow->next = ngx_max(slow->next, sub->frame->len);

    return sub->lane->frames.bytes - sub->frame->start;
}


size_t
ngx_ess_multi_slow_over(size_t over, size_t target)
{
    size_t                 most;
    ngx_uint_t             n;
    ngx_queue_t           *q, *next;
    ngx_ess_multi_t       *multi;
    ngx_ess_multi_slow_t   slow;

    most = 0;

    for (q = ngx_queue_head(&ngx_ess_multi_due_waiting);
         q != ngx_queue_sentinel(&ngx_ess_multi_due_waiting)
         && ngx_ess_memory_used() > target;
         q = next)
    {
        next = ngx_queue_next(q);
        multi = ngx_queue_data(q, ngx_ess_multi_t, waiting);

        ngx_ess_multi_slow_measure(multi, &slow);

        for (n = 0; slow.cell && slow.most > over; n++) {

            if (ngx_ess_multi_join_back(multi, slow.cell) != NGX_OK) {
                ngx_ess_multi_slow_close(multi->client);
                slow.most = 0;
                break;
            }

            ngx_ess_multi_slow_measure(multi, &slow);
        }

        if (n) {
            ngx_ess_counter_add(ngx_ess_client_zone, NGX_ESS_C_SLOW_RECLAIMED,
                                n);
        }

        most = ngx_max(most, slow.most);
    }

    return most;
}
