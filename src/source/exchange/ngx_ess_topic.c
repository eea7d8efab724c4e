
/*
 * The index of topic patterns.  A node has those behind it, by their words, in
 * a tree, and the wildcards among them at hand.  Memory is taken when a pattern
 * is added, never for a match.
 */


#include "ngx_ess_topic.h"
#include "ngx_ess_str.h"


#define NGX_ESS_TOPIC_ROOM     16


typedef struct ngx_ess_topic_node_s  ngx_ess_topic_node_t;

struct ngx_ess_topic_node_s {
    ngx_str_node_t           word;          /* must be the first; its bytes are
                                               behind the node */
    ngx_rbtree_t             children;
    ngx_ess_topic_node_t    *parent;        /* NULL: the root */
    ngx_ess_topic_node_t    *star;          /* of the children: "*" */
    ngx_ess_topic_node_t    *hash;          /* "#" */
    ngx_ess_topic_node_t    *next[2];       /* see ngx_ess_topic_lead() */
    ngx_queue_t              entries;       /* patterns that end here */
    uint64_t                 step;          /* at which it was last reached */
    uint64_t                 match;         /* which it was last part of */
    unsigned                 any:1;         /* it is "#" */
};


typedef struct {
    ngx_ess_stream_ref_t     ref;
    ngx_queue_t              queue;         /* of the node */
    ngx_queue_t              all;           /* the next turn first */
    ngx_ess_topic_node_t    *node;
} ngx_ess_topic_entry_t;


struct ngx_ess_topic_s {
    ngx_ess_topic_node_t     root;
    ngx_rbtree_node_t        sentinel;      /* of all trees */
    ngx_queue_t              entries;       /* all */
    ngx_uint_t               nentries;
    uint64_t                 step;
    uint64_t                 match;

    /* with room for all streams */
    ngx_ess_stream_ref_t   **refs;
    ngx_uint_t               room;

    ngx_log_t               *log;
};


static void ngx_ess_topic_init_node(ngx_ess_topic_t *topic,
    ngx_ess_topic_node_t *node);
static ngx_ess_topic_node_t *ngx_ess_topic_child(ngx_ess_topic_node_t *node,
    ngx_str_t *word, uint32_t hash);
static ngx_ess_topic_node_t *ngx_ess_topic_add_node(ngx_ess_topic_t *topic,
    ngx_ess_topic_node_t *parent, ngx_str_t *word, uint32_t hash);
static void ngx_ess_topic_prune(ngx_ess_topic_node_t *node);
static ngx_int_t ngx_ess_topic_room(ngx_ess_topic_t *topic);
static ngx_uint_t ngx_ess_topic_collect(ngx_ess_topic_t *topic,
    ngx_str_t *key, ngx_uint_t m);
static ngx_ess_topic_node_t *ngx_ess_topic_lead(ngx_ess_topic_t *topic,
    ngx_str_t *key);
static ngx_ess_topic_node_t *ngx_ess_topic_reach(ngx_ess_topic_t *topic,
    ngx_ess_topic_node_t *list, ngx_ess_topic_node_t *node);
static int ngx_libc_cdecl ngx_ess_topic_cmp(const void *one, const void *two);


ngx_ess_topic_t *
ngx_ess_topic_create(ngx_log_t *log)
{
    ngx_ess_topic_t  *topic;

    topic = ngx_calloc(sizeof(ngx_ess_topic_t), log);
    if (topic == NULL) {
        return NULL;
    }

    topic->log = log;

    ngx_queue_init(&topic->entries);
    ngx_rbtree_sentinel_init(&topic->sentinel);
    ngx_ess_topic_init_node(topic, &topic->root);

    return topic;
}


void
ngx_ess_topic_destroy(ngx_ess_topic_t *topic)
{
    ngx_ess_stream_ref_t  *ref;

    while ((ref = ngx_ess_topic_turn(topic)) != NULL) {
        ngx_ess_topic_remove(topic, ref);
    }

    ngx_free(topic->refs);
    ngx_free(topic);
}


static void
ngx_ess_topic_init_node(ngx_ess_topic_t *topic, ngx_ess_topic_node_t *node)
{
    ngx_queue_init(&node->entries);

    ngx_rbtree_init(&node->children, &topic->sentinel,
                    ngx_str_rbtree_insert_value);
}


/* An empty pattern has no words at all, as in RabbitMQ; "." has two empty
   ones. */

ngx_int_t
ngx_ess_topic_add(ngx_ess_topic_t *topic, ngx_str_t *pattern,
    ngx_ess_stream_ref_t *ref)
{
    uint32_t                hash;
    ngx_str_t               rest, word;
    ngx_uint_t              more;
    ngx_ess_topic_node_t   *node, *child;
    ngx_ess_topic_entry_t  *entry;

    entry = ngx_alloc(sizeof(ngx_ess_topic_entry_t), topic->log);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    node = &topic->root;

    if (ngx_ess_topic_room(topic) != NGX_OK) {
        goto failed;
    }

    rest = *pattern;

    for (more = (rest.len != 0); more; node = child) {
        more = ngx_ess_str_cut(&rest, '.', &word);
        hash = ngx_murmur_hash2(word.data, word.len);

        child = ngx_ess_topic_child(node, &word, hash);

        if (child == NULL) {
            child = ngx_ess_topic_add_node(topic, node, &word, hash);
        }

        if (child == NULL) {
            goto failed;
        }
    }

    entry->ref = *ref;
    entry->node = node;

    ngx_queue_insert_tail(&node->entries, &entry->queue);
    ngx_queue_insert_tail(&topic->entries, &entry->all);
    topic->nentries++;

    return NGX_OK;

failed:

    ngx_ess_topic_prune(node);
    ngx_free(entry);

    return NGX_ERROR;
}


void
ngx_ess_topic_remove(ngx_ess_topic_t *topic, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_topic_node_t   *node;
    ngx_ess_topic_entry_t  *entry;

    entry = (ngx_ess_topic_entry_t *)
                    ((u_char *) ref - offsetof(ngx_ess_topic_entry_t, ref));

    node = entry->node;

    ngx_queue_remove(&entry->queue);
    ngx_queue_remove(&entry->all);
    ngx_free(entry);

    topic->nentries--;

    ngx_ess_topic_prune(node);
}


ngx_ess_stream_ref_t *
ngx_ess_topic_turn(ngx_ess_topic_t *topic)
{
    ngx_queue_t            *q;
    ngx_ess_topic_entry_t  *entry;

    if (ngx_queue_empty(&topic->entries)) {
        return NULL;
    }

    q = ngx_queue_head(&topic->entries);
    ngx_queue_remove(q);
    ngx_queue_insert_tail(&topic->entries, q);

    entry = ngx_queue_data(q, ngx_ess_topic_entry_t, all);

    return &entry->ref;
}


static ngx_ess_topic_node_t *
ngx_ess_topic_child(ngx_ess_topic_node_t *node, ngx_str_t *word,
    uint32_t hash)
{
    return (ngx_ess_topic_node_t *) ngx_str_rbtree_lookup(&node->children,
                                                          word, hash);
}


static ngx_ess_topic_node_t *
ngx_ess_topic_add_node(ngx_ess_topic_t *topic, ngx_ess_topic_node_t *parent,
    ngx_str_t *word, uint32_t hash)
{
    ngx_ess_topic_node_t  *node;

    node = ngx_calloc(sizeof(ngx_ess_topic_node_t) + word->len, topic->log);
    if (node == NULL) {
        return NULL;
    }

    ngx_ess_topic_init_node(topic, node);

    node->parent = parent;
    node->word.str.len = word->len;
    node->word.str.data = (u_char *) node + sizeof(ngx_ess_topic_node_t);
    ngx_memcpy(node->word.str.data, word->data, word->len);

    node->word.node.key = hash;
    ngx_rbtree_insert(&parent->children, &node->word.node);

    if (word->len == 1 && word->data[0] == '*') {
        parent->star = node;

    } else if (word->len == 1 && word->data[0] == '#') {
        parent->hash = node;
        node->any = 1;
    }

    return node;
}


/* Nodes at which no pattern ends and that lead nowhere go. */

static void
ngx_ess_topic_prune(ngx_ess_topic_node_t *node)
{
    ngx_ess_topic_node_t  *parent;

    while (node->parent
           && node->children.root == node->children.sentinel
           && ngx_queue_empty(&node->entries))
    {
        parent = node->parent;

        if (node == parent->star) {
            parent->star = NULL;

        } else if (node == parent->hash) {
            parent->hash = NULL;
        }

        ngx_rbtree_delete(&parent->children, &node->word.node);
        ngx_free(node);

        node = parent;
    }
}


/* For one more.  Nothing in the array is kept between two matches. */

static ngx_int_t
ngx_ess_topic_room(ngx_ess_topic_t *topic)
{
    ngx_uint_t              room;
    ngx_ess_stream_ref_t  **refs;

    if (topic->nentries < topic->room) {
        return NGX_OK;
    }

    room = topic->nentries * 2 + NGX_ESS_TOPIC_ROOM;

    refs = ngx_alloc(room * sizeof(ngx_ess_stream_ref_t *), topic->log);
    if (refs == NULL) {
        return NGX_ERROR;
    }

    ngx_free(topic->refs);

    topic->refs = refs;
    topic->room = room;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_topic_match(ngx_ess_topic_t *topic, ngx_ess_event_key_t *keys,
    ngx_uint_t n, ngx_ess_stream_ref_t ***refs)
{
    ngx_uint_t  i, m;

    topic->match++;
    m = 0;

    for (i = 0; i < n; i++) {
        m = ngx_ess_topic_collect(topic, &keys[i].key, m);
    }

    if (m > 1) {
        ngx_qsort(topic->refs, m, sizeof(ngx_ess_stream_ref_t *),
                  ngx_ess_topic_cmp);
    }

    *refs = topic->refs;

    return m;
}


/* Adds the streams of the patterns that match the key, unless this match has
   had them, behind the first "m"; returns how many there are then. */

static ngx_uint_t
ngx_ess_topic_collect(ngx_ess_topic_t *topic, ngx_str_t *key, ngx_uint_t m)
{
    ngx_queue_t            *q;
    ngx_ess_topic_node_t   *node;
    ngx_ess_topic_entry_t  *entry;

    for (node = ngx_ess_topic_lead(topic, key);
         node;
         node = node->next[topic->step & 1])
    {
        if (node->match == topic->match) {
            continue;
        }

        node->match = topic->match;

        for (q = ngx_queue_head(&node->entries);
             q != ngx_queue_sentinel(&node->entries);
             q = ngx_queue_next(q))
        {
            entry = ngx_queue_data(q, ngx_ess_topic_entry_t, queue);
            topic->refs[m++] = &entry->ref;
        }
    }

    return m;
}


/*
 * The nodes that the words of the key lead to: a list by next[step & 1].  Each
 * word is a step, from one list to the other; a node may be in both.
 */

static ngx_ess_topic_node_t *
ngx_ess_topic_lead(ngx_ess_topic_t *topic, ngx_str_t *key)
{
    uint32_t               hash;
    ngx_str_t              rest, word;
    ngx_uint_t             more, from;
    ngx_ess_topic_node_t  *node, *list, *next;

    topic->step++;

    list = ngx_ess_topic_reach(topic, NULL, &topic->root);

    rest = *key;

    for (more = (rest.len != 0); more && list; list = next) {
        more = ngx_ess_str_cut(&rest, '.', &word);
        hash = ngx_murmur_hash2(word.data, word.len);

        from = topic->step & 1;
        topic->step++;
        next = NULL;

        for (node = list; node; node = node->next[from]) {

            if (node->any) {
                next = ngx_ess_topic_reach(topic, next, node);
            }

            next = ngx_ess_topic_reach(topic, next, node->star);
            next = ngx_ess_topic_reach(topic, next,
                                       ngx_ess_topic_child(node, &word,
                                                           hash));
        }
    }

    return list;
}


/* Adds the node to the list, once, and what lies behind it for no word more;
   returns the list. */

static ngx_ess_topic_node_t *
ngx_ess_topic_reach(ngx_ess_topic_t *topic, ngx_ess_topic_node_t *list,
    ngx_ess_topic_node_t *node)
{
    while (node && node->step != topic->step) {
        node->step = topic->step;
        node->next[topic->step & 1] = list;
        list = node;
        node = node->hash;
    }

    return list;
}


static int ngx_libc_cdecl
ngx_ess_topic_cmp(const void *one, const void *two)
{
    ngx_ess_stream_ref_t  *first, *second;

    first = *(ngx_ess_stream_ref_t **) one;
    second = *(ngx_ess_stream_ref_t **) two;

    return (first->id > second->id) - (first->id < second->id);
}
