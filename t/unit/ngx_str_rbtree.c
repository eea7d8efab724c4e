/*
 * Trees of strings, which are lists here: the newest first, all on the right.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdlib.h>


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    node->right = tree->root;
    tree->root = node;
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_rbtree_node_t  **p;

    for (p = &tree->root; *p != node; p = &(*p)->right) { /* void */ }

    *p = node->right;
}


/* named by trees, and never called here */

void
ngx_str_rbtree_insert_value(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    abort();
}


ngx_str_node_t *
ngx_str_rbtree_lookup(ngx_rbtree_t *rbtree, ngx_str_t *name, uint32_t hash)
{
    ngx_str_node_t     *n;
    ngx_rbtree_node_t  *node;

    for (node = rbtree->root; node != rbtree->sentinel; node = node->right) {
        n = (ngx_str_node_t *) node;

        if (node->key == hash
            && n->str.len == name->len
            && memcmp(n->str.data, name->data, name->len) == 0)
        {
            return n;
        }
    }

    return NULL;
}


uint32_t
ngx_murmur_hash2(u_char *data, size_t len)
{
    uint32_t  h;

    for (h = 0; len; len--) {
        h = 31 * h + *data++;
    }

    return h;
}
