
/*
 * Calls by their correlation ids, a tree of the worker's; what is in it belongs
 * to whoever waits.
 */


#include <openssl/rand.h>

#include "ngx_ess_call_pending.h"


static ngx_rbtree_key_t ngx_ess_call_pending_key(const u_char *id);
static void ngx_ess_call_pending_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);


void
ngx_ess_call_pending_init(ngx_ess_call_pending_table_t *table)
{
    ngx_rbtree_init(&table->tree, &table->sentinel,
                    ngx_ess_call_pending_insert);

    table->nleft = 0;
}


ngx_int_t
ngx_ess_call_pending_add(ngx_ess_call_pending_table_t *table,
    ngx_ess_call_pending_t *pending)
{
    u_char  *bits;

    /* asking OpenSSL costs about the same for one as for all of them */

    if (table->nleft == 0) {

        if (RAND_bytes((u_char *) table->bits, sizeof(table->bits)) != 1) {
            return NGX_ERROR;
        }

        table->nleft = NGX_ESS_CALL_PENDING_BATCH;
    }

    bits = table->bits[--table->nleft];

    ngx_hex_dump(pending->id, bits, NGX_ESS_CALL_PENDING_BYTES);
    ngx_explicit_memzero(bits, NGX_ESS_CALL_PENDING_BYTES);

    pending->node.key = ngx_ess_call_pending_key(pending->id);
    pending->added = 1;

    ngx_rbtree_insert(&table->tree, &pending->node);

    return NGX_OK;
}


static ngx_rbtree_key_t
ngx_ess_call_pending_key(const u_char *id)
{
    ngx_rbtree_key_t  key;

    ngx_memcpy(&key, id, sizeof(ngx_rbtree_key_t));

    return key;
}


static void
ngx_ess_call_pending_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t  **p;

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            p = (ngx_memcmp(((ngx_ess_call_pending_t *) node)->id,
                            ((ngx_ess_call_pending_t *) temp)->id,
                            NGX_ESS_CALL_PENDING_ID)
                 < 0)
                ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


ngx_ess_call_pending_t *
ngx_ess_call_pending_find(ngx_ess_call_pending_table_t *table, const void *id,
    size_t len)
{
    int                      rc;
    ngx_rbtree_key_t         key;
    ngx_rbtree_node_t       *node;
    ngx_ess_call_pending_t  *pending;

    if (len != NGX_ESS_CALL_PENDING_ID) {
        return NULL;
    }

    key = ngx_ess_call_pending_key(id);
    node = table->tree.root;

    while (node != table->tree.sentinel) {

        if (key != node->key) {
            node = (key < node->key) ? node->left : node->right;
            continue;
        }

        pending = (ngx_ess_call_pending_t *) node;

        rc = ngx_memcmp(id, pending->id, NGX_ESS_CALL_PENDING_ID);

        if (rc == 0) {
            return pending;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


void
ngx_ess_call_pending_remove(ngx_ess_call_pending_table_t *table,
    ngx_ess_call_pending_t *pending)
{
    if (pending->added) {
        ngx_rbtree_delete(&table->tree, &pending->node);
        pending->added = 0;
    }
}
