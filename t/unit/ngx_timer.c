/*
 * Timers and posted events of unit tests.  The nodes of the timers' tree make a
 * list here, in the order in which they were set; those of any other tree have
 * no left side: it can be searched, and is as slow as a list.
 */


#include "ngx_timer.h"


volatile ngx_msec_t   ngx_current_msec;
ngx_rbtree_t          ngx_event_timer_rbtree;
ngx_queue_t           ngx_posted_events;

static ngx_rbtree_node_t  *first;


void
ngx_unit_timer_init(void)
{
    first = NULL;
    ngx_current_msec = 5000000;
    ngx_queue_init(&ngx_posted_events);
}


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_rbtree_node_t  **p;

    if (tree != &ngx_event_timer_rbtree) {
        for (p = &tree->root;
             *p != tree->sentinel && (*p)->key < node->key;
             p = &(*p)->right)
        { /* void */ }

        node->left = tree->sentinel;
        node->right = *p;
        *p = node;

        return;
    }

    for (p = &first; *p; p = &(*p)->right) { /* void */ }

    node->right = NULL;
    *p = node;
}


/* named by trees, and never called here */

void
ngx_rbtree_insert_value(ngx_rbtree_node_t *root, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    abort();
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_rbtree_node_t  **p;

    for (p = (tree == &ngx_event_timer_rbtree) ? &first : &tree->root;
         *p != node;
         p = &(*p)->right)
    {
        if (*p == NULL || *p == tree->sentinel) {
            /* a timer that was not set, a node that was not there */
            abort();
        }
    }

    *p = node->right;
}


void
ngx_unit_posted(void)
{
    ngx_queue_t  *q;
    ngx_event_t  *ev;

    while (!ngx_queue_empty(&ngx_posted_events)) {
        q = ngx_queue_head(&ngx_posted_events);
        ev = ngx_queue_data(q, ngx_event_t, queue);

        ngx_delete_posted_event(ev);
        ev->handler(ev);
    }
}


void
ngx_unit_pass(ngx_msec_t ms)
{
    ngx_msec_t          end;
    ngx_event_t        *ev;
    ngx_rbtree_node_t  *node, *next;

    end = ngx_current_msec + ms;

    for ( ;; ) {
        ngx_unit_posted();

        next = NULL;

        for (node = first; node; node = node->right) {
            if (next == NULL || node->key < next->key) {
                next = node;
            }
        }

        if (next == NULL || next->key > end) {
            break;
        }

        ngx_current_msec = ngx_max(ngx_current_msec, next->key);

        ev = ngx_rbtree_data(next, ngx_event_t, timer);

        ngx_rbtree_delete(&ngx_event_timer_rbtree, next);
        ev->timer_set = 0;
        ev->timedout = 1;

        ev->handler(ev);
    }

    ngx_current_msec = end;
}


ngx_uint_t
ngx_unit_pending(void)
{
    ngx_uint_t          n;
    ngx_queue_t        *q;
    ngx_rbtree_node_t  *node;

    n = 0;

    for (node = first; node; node = node->right) {
        n++;
    }

    for (q = ngx_queue_head(&ngx_posted_events);
         q != ngx_queue_sentinel(&ngx_posted_events);
         q = ngx_queue_next(q))
    {
        n++;
    }

    return n;
}
