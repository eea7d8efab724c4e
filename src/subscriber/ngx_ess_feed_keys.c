
/*
 * Keys of a replay: one block, in order, so that each is found in a few steps.
 * It belongs to its feed.  Runs in workers.
 */


#include "ngx_ess_feed_keys.h"
#include "ngx_ess_str.h"


static ngx_str_t *ngx_ess_feed_keys_find(ngx_ess_feed_keys_t *keys,
    ngx_str_t *key);


ngx_ess_feed_keys_t *
ngx_ess_feed_keys_copy(ngx_str_t *keys, ngx_uint_t n, ngx_log_t *log)
{
    size_t                len;
    u_char               *p;
    ngx_uint_t            i;
    ngx_ess_feed_keys_t  *copy;

    len = sizeof(ngx_ess_feed_keys_t) + n * sizeof(ngx_str_t);

    for (i = 0; i < n; i++) {
        len += keys[i].len;
    }

    copy = ngx_alloc(len, log);
    if (copy == NULL) {
        return NULL;
    }

    copy->keys = (ngx_str_t *) (copy + 1);

    p = (u_char *) (copy->keys + n);

    for (i = 0; i < n; i++) {
        copy->keys[i].data = p;
        copy->keys[i].len = keys[i].len;
        p = ngx_cpymem(p, keys[i].data, keys[i].len);
    }

    ngx_qsort(copy->keys, n, sizeof(ngx_str_t), ngx_ess_str_cmp);

    copy->n = ngx_min(n, 1);

    for (i = 1; i < n; i++) {

        if (ngx_ess_str_cmp(&copy->keys[i], &copy->keys[copy->n - 1]) != 0) {
            copy->keys[copy->n++] = copy->keys[i];
        }
    }

    return copy;
}


ngx_uint_t
ngx_ess_feed_keys_has(ngx_ess_feed_keys_t *keys, ngx_str_t *key)
{
    return ngx_ess_feed_keys_find(keys, key) != NULL;
}


static ngx_str_t *
ngx_ess_feed_keys_find(ngx_ess_feed_keys_t *keys, ngx_str_t *key)
{
    return bsearch(key, keys->keys, keys->n, sizeof(ngx_str_t),
                   ngx_ess_str_cmp);
}


ngx_uint_t
ngx_ess_feed_keys_drop(ngx_ess_feed_keys_t *keys, ngx_str_t *key)
{
    ngx_str_t  *found;

    found = ngx_ess_feed_keys_find(keys, key);

    if (found == NULL) {
        return 0;
    }

    keys->n--;

    ngx_memmove(found, found + 1,
                (keys->keys + keys->n - found) * sizeof(ngx_str_t));

    return 1;
}
