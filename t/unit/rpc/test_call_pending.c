/*
 * Calls by their correlation ids: found, taken out in any order, also those
 * whose ids begin alike, and what there is without random numbers.
 *
 * links: src/rpc/ngx_ess_call_pending.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/rand.h>

#include "ngx_ess_call_pending.h"


#define N  200


static ngx_ess_call_pending_table_t  table;
static ngx_ess_call_pending_t        calls[N];
static int                           random_rc;
static u_char                        alike;     /* ids begin so; 0: they are
                                                   random */


int
RAND_bytes(unsigned char *buf, int num)
{
    int  i;

    assert_int_equal(num % NGX_ESS_CALL_PENDING_BYTES, 0);

    for (i = 0; i < num; i++) {
        buf[i] = (alike && i % NGX_ESS_CALL_PENDING_BYTES
                           < NGX_ESS_CALL_PENDING_BYTES / 2) ? alike : rand();
    }

    return random_rc;
}


/* a tree that is not balanced: the unit says where a node goes */

void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    if (tree->root != tree->sentinel) {
        tree->insert(tree->root, node, tree->sentinel);
        return;
    }

    node->left = tree->sentinel;
    node->right = tree->sentinel;
    tree->root = node;
}


static void
insert_all(ngx_rbtree_t *tree, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *except)
{
    ngx_rbtree_node_t  *left, *right;

    if (node != tree->sentinel) {
        left = node->left;
        right = node->right;

        if (node != except) {
            ngx_rbtree_insert(tree, node);
        }

        insert_all(tree, left, except);
        insert_all(tree, right, except);
    }
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_rbtree_node_t  *root;

    root = tree->root;
    tree->root = tree->sentinel;

    insert_all(tree, root, node);
}


static ngx_ess_call_pending_t *
find(ngx_uint_t i)
{
    return ngx_ess_call_pending_find(&table, calls[i].id,
                                     NGX_ESS_CALL_PENDING_ID);
}


static int
setup(void **state)
{
    memset(calls, 0, sizeof(calls));
    random_rc = 1;
    alike = 0;

    ngx_ess_call_pending_init(&table);

    return 0;
}


/* All are found, and then those that are left. */

static void
add_and_remove(void)
{
    ngx_uint_t  i, k, n;

    for (i = 0; i < N; i++) {
        assert_int_equal(ngx_ess_call_pending_add(&table, &calls[i]), NGX_OK);

        for (k = 0; k <= i; k++) {
            assert_ptr_equal(find(k), &calls[k]);
        }
    }

    for (n = 0; n < N; n++) {
        i = (n * 77) % N;

        ngx_ess_call_pending_remove(&table, &calls[i]);
        assert_null(find(i));

        for (k = 0; k < N; k++) {
            assert_ptr_equal(find(k), calls[k].added ? &calls[k] : NULL);
        }
    }
}


static void
test_each_has_its_own(void **state)
{
    add_and_remove();
}


/* What the tree is ordered by is the same for all. */

static void
test_ids_that_begin_alike(void **state)
{
    alike = 0xab;
    add_and_remove();
}


static void
test_id(void **state)
{
    ngx_uint_t  i;

    assert_int_equal(ngx_ess_call_pending_add(&table, &calls[0]), NGX_OK);

    for (i = 0; i < NGX_ESS_CALL_PENDING_ID; i++) {
        assert_non_null(strchr("0123456789abcdef", calls[0].id[i]));
    }
}


/* A reply's correlation id is what its sender likes. */

static void
test_foreign_ids(void **state)
{
    size_t   len;
    u_char  *id;

    assert_null(ngx_ess_call_pending_find(&table, NULL, 0));
    assert_int_equal(ngx_ess_call_pending_add(&table, &calls[0]), NGX_OK);

    for (len = 0; len < 2 * NGX_ESS_CALL_PENDING_ID; len++) {
        id = malloc(len + 1);
        memset(id, 'a', len + 1);
        memcpy(id, calls[0].id, len < NGX_ESS_CALL_PENDING_ID
                                ? len : NGX_ESS_CALL_PENDING_ID);

        assert_ptr_equal(ngx_ess_call_pending_find(&table, id, len),
                         len == NGX_ESS_CALL_PENDING_ID ? &calls[0] : NULL);

        if (len == NGX_ESS_CALL_PENDING_ID) {
            id[len - 1] ^= 1;
            assert_null(ngx_ess_call_pending_find(&table, id, len));
        }

        free(id);
    }
}


static void
test_no_random_numbers(void **state)
{
    ngx_uint_t  i;

    random_rc = 0;
    assert_int_equal(ngx_ess_call_pending_add(&table, &calls[0]), NGX_ERROR);
    assert_null(find(0));
    assert_true(table.tree.root == table.tree.sentinel);

    ngx_ess_call_pending_remove(&table, &calls[0]);

    /* those that were had before are used, each once */

    random_rc = 1;
    assert_int_equal(ngx_ess_call_pending_add(&table, &calls[0]), NGX_OK);
    random_rc = 0;

    for (i = 1; i < N; i++) {
        if (ngx_ess_call_pending_add(&table, &calls[i]) != NGX_OK) {
            break;
        }

        assert_ptr_equal(find(i), &calls[i]);
        assert_ptr_equal(find(i - 1), &calls[i - 1]);
    }

    assert_int_equal(i, NGX_ESS_CALL_PENDING_BATCH);
}


static void
test_removed_twice(void **state)
{
    assert_int_equal(ngx_ess_call_pending_add(&table, &calls[0]), NGX_OK);
    ngx_ess_call_pending_remove(&table, &calls[0]);
    ngx_ess_call_pending_remove(&table, &calls[0]);

    assert_int_equal(ngx_ess_call_pending_add(&table, &calls[0]), NGX_OK);
    assert_ptr_equal(find(0), &calls[0]);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_each_has_its_own, setup),
        cmocka_unit_test_setup(test_ids_that_begin_alike, setup),
        cmocka_unit_test_setup(test_id, setup),
        cmocka_unit_test_setup(test_foreign_ids, setup),
        cmocka_unit_test_setup(test_no_random_numbers, setup),
        cmocka_unit_test_setup(test_removed_twice, setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
