/*
 * Trees, which are not balanced here.  No two nodes have the same key.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdlib.h>


void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_rbtree_node_t  **p;

    for (p = &tree->root;
         *p != tree->sentinel;
         p = (node->key < (*p)->key) ? &(*p)->left : &(*p)->right)
    {
        /* void */
    }

    node->left = tree->sentinel;
    node->right = tree->sentinel;

    *p = node;
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_rbtree_node_t  **p, **last, *other;

    for (p = &tree->root;
         *p != node;
         p = (node->key < (*p)->key) ? &(*p)->left : &(*p)->right)
    {
        /* void */
    }

    if (node->left == tree->sentinel) {
        *p = node->right;
        return;
    }

    /* the last one before it takes its place */

    last = &node->left;

    while ((*last)->right != tree->sentinel) {
        last = &(*last)->right;
    }

    other = *last;
    *last = other->left;

    other->left = node->left;
    other->right = node->right;
    *p = other;
}


/* named by trees, and never called here */

void
ngx_rbtree_insert_value(ngx_rbtree_node_t *root, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    abort();
}
