
/*
 * A queue is looked for, declared, and consumed, on a channel of its own.
 * Whatever goes wrong ends that channel, and it begins anew with another one:
 * so nothing of a former attempt is sent or settled on it.  All state is the
 * worker's.
 */


#include "ngx_ess_backoff.h"
#include "ngx_ess_consume_queue_start.h"


/* From this attempt on the backoff doubles, as many times: a queue that is not
   there costs the broker a channel, and a line of its log. */
#define NGX_ESS_CONSUME_QUEUE_START_SLOWER  3


static void ngx_ess_consume_queue_start_turn(ngx_event_t *ev);
static void ngx_ess_consume_queue_start_declared(
    ngx_ess_consume_queue_declare_t *d, ngx_int_t rc, ngx_uint_t code,
    ngx_str_t *text);
static void ngx_ess_consume_queue_start_channel(ngx_ess_consume_queue_t *q);
static void ngx_ess_consume_queue_start_ready(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_consume_queue_start_done(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_consume_queue_start_well(void);
static void ngx_ess_consume_queue_start_failed(ngx_ess_consume_queue_t *q,
    ngx_str_t *name, const char *what, ngx_uint_t code, ngx_str_t *text);


static const ngx_ess_amqp_channel_handlers_t
    ngx_ess_consume_queue_start_admin;


ngx_ess_consume_queue_worker_t  ngx_ess_consume_queue_worker;


void
ngx_ess_consume_queue_start_init(ngx_ess_consume_queue_t *q)
{
    q->name.name = &q->conf->name;
    q->name.how = q->conf->consume->declare;
    q->name.handler = ngx_ess_consume_queue_start_declared;
    q->name.data = q;

    q->dead.name = &q->conf->consume->dead;
    q->dead.how = NGX_ESS_CONSUME_DURABLE;
    q->dead.handler = ngx_ess_consume_queue_start_declared;
    q->dead.data = q;

    ngx_ess_consume_queue_worker_event(&q->turn,
                                       ngx_ess_consume_queue_start_turn, q);
}


/* when nothing of a former attempt is under way */

static void
ngx_ess_consume_queue_start_turn(ngx_event_t *ev)
{
    ngx_ess_consume_queue_t         *q;
    ngx_ess_consume_queue_worker_t  *w;

    q = ev->data;
    w = &ngx_ess_consume_queue_worker;

    if (w->session == NULL || w->leaving || ev->timer_set
        || q->state != NGX_ESS_CONSUME_QUEUE_IDLE
        || q->busy || q->name.busy || q->dead.busy)
    {
        return;
    }

    if (w->admin == NULL) {
        w->admin = ngx_ess_amqp_channel(w->session,
                                        &ngx_ess_consume_queue_start_admin, w);
        if (w->admin == NULL) {
            ngx_ess_consume_queue_start_later(q);
            return;
        }
    }

    q->state = NGX_ESS_CONSUME_QUEUE_DECLARING;

    ngx_ess_consume_queue_declare(&q->name, w->admin);
}


static void
ngx_ess_consume_queue_start_declared(ngx_ess_consume_queue_declare_t *d,
    ngx_int_t rc, ngx_uint_t code, ngx_str_t *text)
{
    const char               *what;
    ngx_ess_consume_queue_t  *q;

    q = d->data;

    if (rc == NGX_DECLINED) {

        if (d->creates) {
            what = "cannot be declared";

        } else if (code == AMQP_NOT_FOUND) {
            what = "is not there, and is waited for (declare it, or add "
                   "\"declare=durable\")";

        } else {
            what = "cannot be used";
        }

        ngx_ess_consume_queue_start_failed(q, d->name, what, code, text);
        return;
    }

    if (rc != NGX_OK || q->state != NGX_ESS_CONSUME_QUEUE_DECLARING) {

        /* The connection is gone; or "dead=" was looked for while it was
           consumed, or while it was to begin anew. */

        ngx_ess_consume_queue_start_well();
        ngx_post_event(&q->turn, &ngx_posted_events);
        return;
    }

    if (d == &q->name && q->dead.name->len) {
        ngx_ess_consume_queue_declare(&q->dead,
                                      ngx_ess_consume_queue_worker.admin);
        return;
    }

    ngx_ess_consume_queue_start_channel(q);
}


static void
ngx_ess_consume_queue_start_channel(ngx_ess_consume_queue_t *q)
{
    amqp_basic_qos_t                *qos;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    q->channel = ngx_ess_amqp_channel(w->session, w->handlers, q);

    if (q->channel == NULL) {
        ngx_ess_consume_queue_start_later(q);
        return;
    }

    q->state = NGX_ESS_CONSUME_QUEUE_STARTING;
    q->busy = 1;

    qos = ngx_ess_amqp_op_init(&q->op, AMQP_BASIC_QOS_METHOD,
                               ngx_ess_consume_queue_start_ready, q);

    qos->prefetch_count = (uint16_t) q->conf->consume->concurrency;

    ngx_ess_amqp_op(q->channel, &q->op);
}


static void
ngx_ess_consume_queue_start_ready(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    amqp_basic_consume_t     *consume;
    ngx_ess_consume_queue_t  *q;

    q = op->data;

    if (rc != NGX_OK || q->state != NGX_ESS_CONSUME_QUEUE_STARTING) {
        ngx_ess_consume_queue_start_done(op, rc, reply, code, text);
        return;
    }

    consume = ngx_ess_amqp_op_init(&q->op, AMQP_BASIC_CONSUME_METHOD,
                                   ngx_ess_consume_queue_start_done, q);

    consume->queue.bytes = q->conf->name.data;
    consume->queue.len = q->conf->name.len;
    consume->consumer_tag = amqp_cstring_bytes((char *) q->tag);

    ngx_ess_amqp_op(q->channel, &q->op);
}


static void
ngx_ess_consume_queue_start_done(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_consume_queue_t  *q;

    q = op->data;
    q->busy = 0;

    if (rc == NGX_ABORT || q->state != NGX_ESS_CONSUME_QUEUE_STARTING) {

        /* its channel was given up, or is gone */

        ngx_post_event(&q->turn, &ngx_posted_events);
        return;
    }

    if (rc == NGX_DECLINED) {
        ngx_ess_consume_queue_start_failed(q, &q->conf->name,
                                           "cannot be consumed", code, text);
        return;
    }

    q->state = NGX_ESS_CONSUME_QUEUE_CONSUMING;
    q->attempt = 0;

    if (q->told) {
        q->told = 0;

        ngx_log_error(NGX_LOG_NOTICE, ngx_ess_consume_queue_worker.log, 0,
                      "the queue \"%V\" is consumed", &q->conf->name);
    }

    ngx_ess_consume_queue_start_count(q, 1);
    ngx_ess_consume_queue_start_well();
}


/* the session gets what it needs, if it does */

static void
ngx_ess_consume_queue_start_well(void)
{
    ngx_uint_t                       i;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    for (i = 0; i < w->n; i++) {
        if (w->queues[i].state != NGX_ESS_CONSUME_QUEUE_CONSUMING) {
            return;
        }
    }

    if (w->session) {
        ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING,
                                    ngx_ess_amqp_node_name(w->session), NULL);
    }
}


/* the broker's word on the queue, or on that of its dead letters */

static void
ngx_ess_consume_queue_start_failed(ngx_ess_consume_queue_t *q, ngx_str_t *name,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
    u_char                           buf[NGX_ESS_AMQP_TEXT];
    u_char                           line[NGX_ESS_AMQP_TEXT];
    ngx_str_t                        words;
    ngx_ess_escaped_t                e;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    if (w->leaving) {
        return;
    }

    (void) ngx_slprintf(buf, buf + sizeof(buf) - 1,
                        "the queue \"%V\" of \"ess_consume\" %s%Z",
                        ngx_ess_escape(&e, name), what);
    buf[sizeof(buf) - 1] = '\0';

    ngx_ess_amqp_trouble_once(w->session, NGX_LOG_ERR, (char *) buf, code,
                              text);

    words.data = line;
    words.len = ngx_slprintf(line, line + sizeof(line), "%s: %ui \"%V\"", buf,
                             code, text)
                - line;

    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING,
                                ngx_ess_amqp_node_name(w->session), &words);

    q->told = 1;

    if (q->state == NGX_ESS_CONSUME_QUEUE_DECLARING
        || q->state == NGX_ESS_CONSUME_QUEUE_STARTING)
    {
        ngx_ess_consume_queue_start_later(q);
    }
}


void
ngx_ess_consume_queue_start_later(ngx_ess_consume_queue_t *q)
{
    ngx_msec_t  delay;

    ngx_ess_consume_queue_start_drop(q);

    delay = ngx_ess_backoff(q->attempt);

    if (q->attempt > NGX_ESS_CONSUME_QUEUE_START_SLOWER) {
        delay <<= ngx_min(q->attempt - NGX_ESS_CONSUME_QUEUE_START_SLOWER,
                          NGX_ESS_CONSUME_QUEUE_START_SLOWER);
    }

    q->attempt++;

    ngx_add_timer(&q->turn, delay);
}


void
ngx_ess_consume_queue_start_drop(ngx_ess_consume_queue_t *q)
{
    ngx_queue_t                 *link;
    ngx_ess_consume_delivery_t  *delivery;

    if (q->channel) {

        /* with the connection its channels go by themselves */

        if (ngx_ess_consume_queue_worker.session) {
            ngx_ess_amqp_channel_close(q->channel);
        }

        q->channel = NULL;
    }

    q->state = NGX_ESS_CONSUME_QUEUE_IDLE;

    ngx_ess_consume_queue_start_count(q, 0);

    while (!ngx_queue_empty(&q->unsettled)) {
        link = ngx_queue_head(&q->unsettled);
        delivery = ngx_queue_data(link, ngx_ess_consume_delivery_t, link);

        ngx_queue_remove(link);
        delivery->lost = 1;

        /* whoever is at work with it must not miss it before it returns */

        ngx_post_event(&ngx_ess_consume_queue_worker.lose,
                       &ngx_posted_events);
    }

    q->nunsettled = 0;
    q->acks.nelts = 0;
    q->left = 0;

    ngx_ess_wait_clear(&q->settle);
    ngx_ess_wait_clear(&q->back);
}


void
ngx_ess_consume_queue_start_count(ngx_ess_consume_queue_t *q, ngx_uint_t on)
{
    if (q->counted != on) {
        q->counted = on;

        ngx_ess_rpc_figures_consuming(q->conf->figures, on);
    }
}
