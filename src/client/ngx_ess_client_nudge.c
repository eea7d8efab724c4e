
/*
 * Nudges.  Each is an entry of its own for the second that it takes, so that a
 * client keeps nothing of it: in a list for each delay, which is in the order
 * of time by itself, and in a tree, in which the end of a client finds it.
 * Runs in workers.
 */


#include "ngx_ess_client_nudge.h"


#define NGX_ESS_CLIENT_NUDGE_FIRST   100    /* ms after the write, */
#define NGX_ESS_CLIENT_NUDGE_SECOND  900    /* and after the first one */

/* s; who was connected for longer reads already */
#define NGX_ESS_CLIENT_NUDGE_NEW     2

/* clients nudged before other events have their turn */
#define NGX_ESS_CLIENT_NUDGE_SLICE   256


typedef struct {
    ngx_rbtree_node_t            node;      /* its key is the client's
                                               address */
    ngx_queue_t                  queue;
    ngx_msec_t                   due;
    ngx_ess_client_t            *client;
} ngx_ess_client_nudge_t;


typedef struct {
    ngx_queue_t                  queue;     /* the first is due first */
    ngx_msec_t                   delay;
    ngx_event_t                  timer;     /* of the first */
} ngx_ess_client_nudge_list_t;


static void ngx_ess_client_nudge_wait(ngx_ess_client_nudge_t *nudge,
    ngx_ess_client_nudge_list_t *list);
static void ngx_ess_client_nudge_due(ngx_event_t *ev);


static ngx_ess_client_nudge_list_t  ngx_ess_client_nudge_lists[2];
static ngx_rbtree_t                 ngx_ess_client_nudge_tree;
static ngx_rbtree_node_t            ngx_ess_client_nudge_sentinel;
static ngx_ess_client_nudge_pt      ngx_ess_client_nudge_handler;

/* for the timers' debug log */
static ngx_connection_t             ngx_ess_client_nudge_dummy;


void
ngx_ess_client_nudge_init(ngx_ess_client_nudge_pt handler, ngx_log_t *log)
{
    ngx_uint_t                    i;
    ngx_ess_client_nudge_list_t  *list;

    ngx_ess_client_nudge_handler = handler;
    ngx_ess_client_nudge_dummy.fd = (ngx_socket_t) -1;

    ngx_rbtree_init(&ngx_ess_client_nudge_tree, &ngx_ess_client_nudge_sentinel,
                    ngx_rbtree_insert_value);

    for (i = 0; i < 2; i++) {
        list = &ngx_ess_client_nudge_lists[i];

        ngx_memzero(list, sizeof(ngx_ess_client_nudge_list_t));
        ngx_queue_init(&list->queue);

        list->timer.handler = ngx_ess_client_nudge_due;
        list->timer.data = &ngx_ess_client_nudge_dummy;
        list->timer.log = log;
        list->timer.cancelable = 1;
    }

    ngx_ess_client_nudge_lists[0].delay = NGX_ESS_CLIENT_NUDGE_FIRST;
    ngx_ess_client_nudge_lists[1].delay = NGX_ESS_CLIENT_NUDGE_SECOND;
}


void
ngx_ess_client_nudge_start(ngx_ess_client_t *client)
{
    ngx_ess_client_nudge_t  *nudge;

    client->nudge = 0;

    if ((uint32_t) ngx_time() - client->since > NGX_ESS_CLIENT_NUDGE_NEW) {
        return;
    }

    nudge = ngx_alloc(sizeof(ngx_ess_client_nudge_t), client->connection->log);
    if (nudge == NULL) {
        return;
    }

    client->nudged = 1;

    nudge->client = client;
    nudge->node.key = (ngx_rbtree_key_t) client;
    ngx_rbtree_insert(&ngx_ess_client_nudge_tree, &nudge->node);

    ngx_ess_client_nudge_wait(nudge, &ngx_ess_client_nudge_lists[0]);
}


void
ngx_ess_client_nudge_stop(ngx_ess_client_t *client)
{
    ngx_rbtree_key_t         key;
    ngx_rbtree_node_t       *node;
    ngx_ess_client_nudge_t  *nudge;

    key = (ngx_rbtree_key_t) client;
    node = ngx_ess_client_nudge_tree.root;

    while (node->key != key) {
        node = (key < node->key) ? node->left : node->right;
    }

    nudge = (ngx_ess_client_nudge_t *) node;

    client->nudged = 0;

    ngx_rbtree_delete(&ngx_ess_client_nudge_tree, node);
    ngx_queue_remove(&nudge->queue);
    ngx_free(nudge);
}


/* The timer of a list whose first entry has gone runs in vain, once. */

static void
ngx_ess_client_nudge_wait(ngx_ess_client_nudge_t *nudge,
    ngx_ess_client_nudge_list_t *list)
{
    nudge->due = ngx_current_msec + list->delay;

    ngx_queue_insert_tail(&list->queue, &nudge->queue);

    if (!list->timer.timer_set && !list->timer.posted) {
        ngx_add_timer(&list->timer, list->delay);
    }
}


static void
ngx_ess_client_nudge_due(ngx_event_t *ev)
{
    ngx_uint_t                    n;
    ngx_msec_int_t                left;
    ngx_ess_client_t             *client;
    ngx_ess_client_nudge_t       *nudge;
    ngx_ess_client_nudge_list_t  *list;

    list = (ngx_ess_client_nudge_list_t *)
               ((u_char *) ev - offsetof(ngx_ess_client_nudge_list_t, timer));

    for (n = 0; !ngx_queue_empty(&list->queue); n++) {

        nudge = ngx_queue_data(ngx_queue_head(&list->queue),
                               ngx_ess_client_nudge_t, queue);

        left = (ngx_msec_int_t) (nudge->due - ngx_current_msec);

        if (left > 0) {
            ngx_add_timer(ev, (ngx_msec_t) left);
            return;
        }

        if (n == NGX_ESS_CLIENT_NUDGE_SLICE) {
            ngx_post_event(ev, &ngx_posted_next_events);
            return;
        }

        /* first what is to become of the entry: the client may end */

        client = nudge->client;

        if (list == &ngx_ess_client_nudge_lists[0]) {
            ngx_queue_remove(&nudge->queue);
            ngx_ess_client_nudge_wait(nudge, &ngx_ess_client_nudge_lists[1]);

        } else {
            ngx_ess_client_nudge_stop(client);
        }

        ngx_ess_client_nudge_handler(client);
    }
}
