
/*
 * Labels, found by the stream's id, and by their number, so that none has that
 * of another.  Each belongs to the feeds that count in it.  Runs in workers.
 */


#include "ngx_ess_label.h"
#include "ngx_ess_stream.h"


typedef struct {
    ngx_ess_label_t          label;         /* must be first */
    ngx_rbtree_node_t        stream;        /* by the stream's id */
    ngx_rbtree_node_t        number;
    ngx_uint_t               refs;
} ngx_ess_label_entry_t;


static ngx_ess_label_entry_t *ngx_ess_label_create(uint64_t stream_id,
    ngx_log_t *log);
static ngx_rbtree_node_t *ngx_ess_label_find(ngx_rbtree_t *tree,
    ngx_rbtree_key_t key);


static ngx_ess_zone_t     *ngx_ess_label_zone;

static ngx_rbtree_t        ngx_ess_label_streams;
static ngx_rbtree_t        ngx_ess_label_numbers;
static ngx_rbtree_node_t   ngx_ess_label_sentinel;


void
ngx_ess_label_init(ngx_ess_zone_t *zone)
{
    ngx_ess_label_zone = zone;

    ngx_rbtree_init(&ngx_ess_label_streams, &ngx_ess_label_sentinel,
                    ngx_rbtree_insert_value);
    ngx_rbtree_init(&ngx_ess_label_numbers, &ngx_ess_label_sentinel,
                    ngx_rbtree_insert_value);
}


ngx_ess_label_t *
ngx_ess_label_get(uint64_t stream_id, ngx_log_t *log)
{
    ngx_rbtree_node_t      *node;
    ngx_ess_label_entry_t  *entry;

    node = ngx_ess_label_find(&ngx_ess_label_streams,
                              (ngx_rbtree_key_t) stream_id);

    entry = node ? ngx_rbtree_data(node, ngx_ess_label_entry_t, stream)
                 : ngx_ess_label_create(stream_id, log);

    if (entry == NULL) {
        return NULL;
    }

    entry->refs++;

    return &entry->label;
}


static ngx_ess_label_entry_t *
ngx_ess_label_create(uint64_t stream_id, ngx_log_t *log)
{
    uint32_t                number;
    ngx_ess_label_entry_t  *entry;
    ngx_ess_stream_info_t   info;

    if (ngx_ess_stream_by_id(ngx_ess_label_zone, stream_id, &info) != NGX_OK) {
        /* it has just gone; its feed will learn that */
        info.name_len = 0;
    }

    do {
        if (ngx_ess_zone_random(&number, sizeof(uint32_t), log) != NGX_OK) {
            return NULL;
        }

    } while (ngx_ess_label_find(&ngx_ess_label_numbers, number));

    entry = ngx_calloc(sizeof(ngx_ess_label_entry_t) + info.name_len, log);
    if (entry == NULL) {
        return NULL;
    }

    entry->label.number = number;
    entry->label.name.len = info.name_len;
    entry->label.name.data = (u_char *) (entry + 1);
    ngx_memcpy(entry->label.name.data, info.name, info.name_len);

    entry->stream.key = (ngx_rbtree_key_t) stream_id;
    ngx_rbtree_insert(&ngx_ess_label_streams, &entry->stream);

    entry->number.key = number;
    ngx_rbtree_insert(&ngx_ess_label_numbers, &entry->number);

    return entry;
}


static ngx_rbtree_node_t *
ngx_ess_label_find(ngx_rbtree_t *tree, ngx_rbtree_key_t key)
{
    ngx_rbtree_node_t  *node;

    for (node = tree->root;
         node != tree->sentinel && node->key != key;
         node = (key < node->key) ? node->left : node->right)
    {
        /* void */
    }

    return (node == tree->sentinel) ? NULL : node;
}


void
ngx_ess_label_release(ngx_ess_label_t *label)
{
    ngx_ess_label_entry_t  *entry;

    entry = (ngx_ess_label_entry_t *) label;

    if (entry == NULL || --entry->refs) {
        return;
    }

    ngx_rbtree_delete(&ngx_ess_label_streams, &entry->stream);
    ngx_rbtree_delete(&ngx_ess_label_numbers, &entry->number);

    ngx_free(entry);
}
