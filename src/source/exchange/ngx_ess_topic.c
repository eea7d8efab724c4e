
/*
 * The index of topic patterns.  Nodes are found by their parent and word, in
 * one hash table; those of wildcards hang on their parents.  Memory is taken
 * when a pattern is added, never for a match.
 */


#include "ngx_ess_topic.h"


#define NGX_ESS_TOPIC_BUCKETS  64           /* at first */
#define NGX_ESS_TOPIC_ROOM     16


typedef struct ngx_ess_topic_node_s  ngx_ess_topic_node_t;

struct ngx_ess_topic_node_s {
    ngx_ess_topic_node_t    *next;          /* in its bucket */
    ngx_ess_topic_node_t    *parent;        /* NULL: the root */
    ngx_ess_topic_node_t    *star;          /* "*" behind this one */
    ngx_ess_topic_node_t    *hash;          /* "#" behind this one */
    ngx_queue_t              entries;       /* patterns that end here */
    uint64_t                 step;          /* at which it was last reached */
    uint64_t                 match;         /* which it was last part of */
    uint32_t                 key;           /* of the parent and the word */
    uint32_t                 children;      /* of all three kinds */
    u_char                   type;          /* '*', '#', or 0: a word */
    u_char                   len;
    u_char                   word[];
};


typedef struct {
    ngx_ess_stream_ref_t     ref;
    ngx_queue_t              queue;         /* of the node */
    ngx_queue_t              all;           /* the next turn first */
    ngx_ess_topic_node_t    *node;
} ngx_ess_topic_entry_t;


struct ngx_ess_topic_s {
    ngx_ess_topic_node_t    *root;
    ngx_ess_topic_node_t   **buckets;
    ngx_uint_t               nbuckets;      /* a power of two */
    ngx_uint_t               nnodes;        /* with the root */
    ngx_queue_t              entries;       /* all */
    ngx_uint_t               nentries;
    uint64_t                 step;
    uint64_t                 match;

    /* with room for all nodes, and all streams */
    ngx_ess_topic_node_t   **nodes;         /* the two sets */
    ngx_ess_topic_node_t   **from;          /* where the words so far lead */
    ngx_ess_topic_node_t   **to;            /* and one more */
    ngx_uint_t               nodes_room;
    ngx_ess_stream_ref_t   **refs;
    ngx_uint_t               refs_room;

    ngx_log_t               *log;
};


/* one word after another: "p" is behind the word's dot, or NULL at the end */

typedef struct {
    u_char                  *p;
    u_char                  *last;
    ngx_str_t                word;
    uint32_t                 hash;
    u_char                   type;          /* in a pattern: as a node's */
} ngx_ess_topic_words_t;


static void ngx_ess_topic_words(ngx_ess_topic_words_t *words, ngx_str_t *key);
static ngx_uint_t ngx_ess_topic_next_word(ngx_ess_topic_words_t *words);
static ngx_ess_topic_node_t **ngx_ess_topic_place(ngx_ess_topic_t *topic,
    ngx_ess_topic_node_t *parent, u_char type, uint32_t key);
static ngx_ess_topic_node_t *ngx_ess_topic_child(ngx_ess_topic_t *topic,
    ngx_ess_topic_node_t *node, ngx_ess_topic_words_t *words);
static uint32_t ngx_ess_topic_key(ngx_ess_topic_node_t *node, uint32_t hash);
static ngx_ess_topic_node_t *ngx_ess_topic_add_node(ngx_ess_topic_t *topic,
    ngx_ess_topic_node_t *parent, ngx_ess_topic_words_t *words);
static void ngx_ess_topic_prune(ngx_ess_topic_t *topic,
    ngx_ess_topic_node_t *node);
static void ngx_ess_topic_grow_table(ngx_ess_topic_t *topic);
static ngx_int_t ngx_ess_topic_room(ngx_ess_topic_t *topic);
static void *ngx_ess_topic_array(void *old, ngx_uint_t room, ngx_log_t *log);
static ngx_uint_t ngx_ess_topic_collect(ngx_ess_topic_t *topic,
    ngx_str_t *key, ngx_uint_t m);
static ngx_uint_t ngx_ess_topic_lead(ngx_ess_topic_t *topic, ngx_str_t *key);
static ngx_uint_t ngx_ess_topic_sort(ngx_ess_topic_t *topic, ngx_uint_t m,
    ngx_ess_stream_ref_t ***refs);
static ngx_uint_t ngx_ess_topic_reach(ngx_ess_topic_t *topic,
    ngx_ess_topic_node_t **set, ngx_uint_t n, ngx_ess_topic_node_t *node);
static int ngx_libc_cdecl ngx_ess_topic_cmp(const void *one, const void *two);
static void ngx_ess_topic_free_node(ngx_ess_topic_node_t *node);


ngx_ess_topic_t *
ngx_ess_topic_create(ngx_log_t *log)
{
    ngx_ess_topic_t  *topic;

    topic = ngx_calloc(sizeof(ngx_ess_topic_t), log);
    if (topic == NULL) {
        return NULL;
    }

    ngx_queue_init(&topic->entries);

    topic->log = log;
    topic->nbuckets = NGX_ESS_TOPIC_BUCKETS;

    topic->buckets = ngx_calloc(topic->nbuckets
                                * sizeof(ngx_ess_topic_node_t *), log);
    topic->root = ngx_calloc(sizeof(ngx_ess_topic_node_t), log);

    if (topic->root) {
        ngx_queue_init(&topic->root->entries);
        topic->nnodes = 1;
    }

    if (topic->buckets == NULL
        || topic->root == NULL
        || ngx_ess_topic_room(topic) != NGX_OK)
    {
        ngx_ess_topic_destroy(topic);
        return NULL;
    }

    return topic;
}


void
ngx_ess_topic_destroy(ngx_ess_topic_t *topic)
{
    ngx_uint_t             i;
    ngx_ess_topic_node_t  *node, *next;

    for (i = 0; topic->buckets && i < topic->nbuckets; i++) {

        for (node = topic->buckets[i]; node; node = next) {
            next = node->next;
            ngx_ess_topic_free_node(node);
        }
    }

    if (topic->root) {
        ngx_ess_topic_free_node(topic->root);
    }

    ngx_free(topic->buckets);
    ngx_free(topic->nodes);
    ngx_free(topic->refs);
    ngx_free(topic);
}


/* with the wildcards behind it, which are in no bucket */

static void
ngx_ess_topic_free_node(ngx_ess_topic_node_t *node)
{
    ngx_queue_t            *q;
    ngx_ess_topic_entry_t  *entry;

    if (node->star) {
        ngx_ess_topic_free_node(node->star);
    }

    if (node->hash) {
        ngx_ess_topic_free_node(node->hash);
    }

    while (!ngx_queue_empty(&node->entries)) {
        q = ngx_queue_head(&node->entries);
        ngx_queue_remove(q);

        entry = ngx_queue_data(q, ngx_ess_topic_entry_t, queue);
        ngx_free(entry);
    }

    ngx_free(node);
}


/* An empty key has no words at all, as in RabbitMQ; "." has two empty ones. */

static void
ngx_ess_topic_words(ngx_ess_topic_words_t *words, ngx_str_t *key)
{
    words->p = key->len ? key->data : NULL;
    words->last = key->data + key->len;
}


static ngx_uint_t
ngx_ess_topic_next_word(ngx_ess_topic_words_t *words)
{
    u_char  *p;

    if (words->p == NULL) {
        return 0;
    }

    words->hash = 0;

    for (p = words->p; p < words->last && *p != '.'; p++) {
        words->hash = (uint32_t) ngx_hash(words->hash, *p);
    }

    words->word.data = words->p;
    words->word.len = p - words->p;
    words->type = (p == words->p + 1 && (*words->p == '*' || *words->p == '#'))
                  ? *words->p : 0;
    words->p = (p < words->last) ? p + 1 : NULL;

    return 1;
}


ngx_int_t
ngx_ess_topic_add(ngx_ess_topic_t *topic, ngx_str_t *pattern,
    ngx_ess_stream_ref_t *ref)
{
    ngx_ess_topic_node_t   *node, *child;
    ngx_ess_topic_words_t   words;
    ngx_ess_topic_entry_t  *entry;

    entry = ngx_alloc(sizeof(ngx_ess_topic_entry_t), topic->log);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    entry->ref = *ref;

    node = topic->root;

    ngx_ess_topic_words(&words, pattern);

    while (ngx_ess_topic_next_word(&words)) {

        child = ngx_ess_topic_child(topic, node, &words);

        if (child == NULL) {
            child = ngx_ess_topic_add_node(topic, node, &words);
        }

        if (child == NULL) {
            goto failed;
        }

        node = child;
    }

    topic->nentries++;

    if (ngx_ess_topic_room(topic) != NGX_OK) {
        topic->nentries--;
        goto failed;
    }

    entry->node = node;
    ngx_queue_insert_tail(&node->entries, &entry->queue);
    ngx_queue_insert_tail(&topic->entries, &entry->all);

    return NGX_OK;

failed:

    ngx_ess_topic_prune(topic, node);
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

    ngx_ess_topic_prune(topic, node);
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


/* what the first of those behind a node hangs on, among which one is sought */

static ngx_ess_topic_node_t **
ngx_ess_topic_place(ngx_ess_topic_t *topic, ngx_ess_topic_node_t *parent,
    u_char type, uint32_t key)
{
    switch (type) {

    case '*':
        return &parent->star;

    case '#':
        return &parent->hash;

    default:
        return &topic->buckets[key & (topic->nbuckets - 1)];
    }
}


/* the node behind this one, for the word at hand */

static ngx_ess_topic_node_t *
ngx_ess_topic_child(ngx_ess_topic_t *topic, ngx_ess_topic_node_t *node,
    ngx_ess_topic_words_t *words)
{
    uint32_t               key;
    ngx_str_t             *word;
    ngx_ess_topic_node_t  *child;

    word = &words->word;
    key = ngx_ess_topic_key(node, words->hash);

    for (child = *ngx_ess_topic_place(topic, node, words->type, key);
         child;
         child = child->next)
    {
        if (child->key == key
            && child->parent == node
            && child->len == word->len
            && ngx_memcmp(child->word, word->data, word->len) == 0)
        {
            return child;
        }
    }

    return NULL;
}


/* addresses differ in their middle bits */

static uint32_t
ngx_ess_topic_key(ngx_ess_topic_node_t *node, uint32_t hash)
{
    return hash ^ (uint32_t) (((uintptr_t) node >> 4) * 0x9e3779b1);
}


static ngx_ess_topic_node_t *
ngx_ess_topic_add_node(ngx_ess_topic_t *topic, ngx_ess_topic_node_t *parent,
    ngx_ess_topic_words_t *words)
{
    ngx_str_t              *word;
    ngx_ess_topic_node_t   *node;
    ngx_ess_topic_node_t  **p;

    word = &words->word;

    topic->nnodes++;

    if (ngx_ess_topic_room(topic) != NGX_OK) {
        topic->nnodes--;
        return NULL;
    }

    node = ngx_calloc(sizeof(ngx_ess_topic_node_t) + word->len, topic->log);
    if (node == NULL) {
        topic->nnodes--;
        return NULL;
    }

    ngx_queue_init(&node->entries);

    node->parent = parent;
    node->key = ngx_ess_topic_key(parent, words->hash);
    node->type = words->type;
    node->len = (u_char) word->len;
    ngx_memcpy(node->word, word->data, word->len);

    parent->children++;

    ngx_ess_topic_grow_table(topic);

    p = ngx_ess_topic_place(topic, parent, node->type, node->key);

    node->next = *p;
    *p = node;

    return node;
}


/* Nodes at which no pattern ends and that lead nowhere go. */

static void
ngx_ess_topic_prune(ngx_ess_topic_t *topic, ngx_ess_topic_node_t *node)
{
    ngx_ess_topic_node_t   *parent;
    ngx_ess_topic_node_t  **p;

    while (node->parent
           && node->children == 0
           && ngx_queue_empty(&node->entries))
    {
        parent = node->parent;

        p = ngx_ess_topic_place(topic, parent, node->type, node->key);

        while (*p != node) {
            p = &(*p)->next;
        }

        *p = node->next;
        ngx_free(node);

        parent->children--;
        topic->nnodes--;

        node = parent;
    }
}


/* Without memory for a larger one the table goes on as it is. */

static void
ngx_ess_topic_grow_table(ngx_ess_topic_t *topic)
{
    ngx_uint_t              i, n;
    ngx_ess_topic_node_t   *node, *next;
    ngx_ess_topic_node_t  **p, **buckets;

    if (topic->nnodes <= topic->nbuckets) {
        return;
    }

    n = topic->nbuckets * 2;

    buckets = ngx_calloc(n * sizeof(ngx_ess_topic_node_t *), topic->log);
    if (buckets == NULL) {
        return;
    }

    for (i = 0; i < topic->nbuckets; i++) {

        for (node = topic->buckets[i]; node; node = next) {
            next = node->next;

            p = &buckets[node->key & (n - 1)];
            node->next = *p;
            *p = node;
        }
    }

    ngx_free(topic->buckets);

    topic->buckets = buckets;
    topic->nbuckets = n;
}


/* Nothing in the arrays is kept between two matches. */

static ngx_int_t
ngx_ess_topic_room(ngx_ess_topic_t *topic)
{
    void        *p;
    ngx_uint_t   room;

    if (topic->nnodes > topic->nodes_room) {
        room = topic->nnodes * 2 + NGX_ESS_TOPIC_ROOM;

        p = ngx_ess_topic_array(topic->nodes, 2 * room, topic->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        topic->nodes = p;
        topic->from = topic->nodes;
        topic->to = topic->nodes + room;
        topic->nodes_room = room;
    }

    if (topic->nentries > topic->refs_room) {
        room = topic->nentries * 2 + NGX_ESS_TOPIC_ROOM;

        p = ngx_ess_topic_array(topic->refs, room, topic->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        topic->refs = p;
        topic->refs_room = room;
    }

    return NGX_OK;
}


/* "room" pointers instead of the old ones; NULL: no memory, these stay */

static void *
ngx_ess_topic_array(void *old, ngx_uint_t room, ngx_log_t *log)
{
    void  *array;

    array = ngx_alloc(room * sizeof(void *), log);

    if (array) {
        ngx_free(old);
    }

    return array;
}


ngx_uint_t
ngx_ess_topic_match(ngx_ess_topic_t *topic, ngx_str_t *key,
    ngx_ess_stream_ref_t ***refs)
{
    topic->match++;

    return ngx_ess_topic_sort(topic, ngx_ess_topic_collect(topic, key, 0),
                              refs);
}


ngx_uint_t
ngx_ess_topic_match_keys(ngx_ess_topic_t *topic, ngx_ess_event_key_t *keys,
    ngx_uint_t n, ngx_ess_stream_ref_t ***refs)
{
    ngx_uint_t  i, m;

    topic->match++;
    m = 0;

    for (i = 0; i < n; i++) {
        m = ngx_ess_topic_collect(topic, &keys[i].key, m);
    }

    return ngx_ess_topic_sort(topic, m, refs);
}


/* Adds the streams of the patterns that match the key, unless this match has
   had them, behind the first "m"; returns how many there are then. */

static ngx_uint_t
ngx_ess_topic_collect(ngx_ess_topic_t *topic, ngx_str_t *key, ngx_uint_t m)
{
    ngx_uint_t              i, n;
    ngx_queue_t            *q;
    ngx_ess_topic_node_t   *node;
    ngx_ess_topic_entry_t  *entry;

    n = ngx_ess_topic_lead(topic, key);

    for (i = 0; i < n; i++) {
        node = topic->from[i];

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


/* The nodes that the words of the key lead to are in topic->from then: returns
   how many. */

static ngx_uint_t
ngx_ess_topic_lead(ngx_ess_topic_t *topic, ngx_str_t *key)
{
    ngx_uint_t               i, m, n;
    ngx_ess_topic_node_t    *node, **set;
    ngx_ess_topic_words_t    words;

    topic->step++;

    n = ngx_ess_topic_reach(topic, topic->from, 0, topic->root);

    ngx_ess_topic_words(&words, key);

    while (n && ngx_ess_topic_next_word(&words)) {

        topic->step++;
        m = 0;

        for (i = 0; i < n; i++) {
            node = topic->from[i];

            if (node->type == '#') {
                m = ngx_ess_topic_reach(topic, topic->to, m, node);
            }

            m = ngx_ess_topic_reach(topic, topic->to, m, node->star);
            m = ngx_ess_topic_reach(topic, topic->to, m,
                                    ngx_ess_topic_child(topic, node, &words));
        }

        set = topic->from;
        topic->from = topic->to;
        topic->to = set;
        n = m;
    }

    return n;
}


static ngx_uint_t
ngx_ess_topic_sort(ngx_ess_topic_t *topic, ngx_uint_t m,
    ngx_ess_stream_ref_t ***refs)
{
    if (m > 1) {
        ngx_qsort(topic->refs, m, sizeof(ngx_ess_stream_ref_t *),
                  ngx_ess_topic_cmp);
    }

    *refs = topic->refs;

    return m;
}


/* Adds the node to the set, once, and what lies behind it for no word more;
   returns how many there are then. */

static ngx_uint_t
ngx_ess_topic_reach(ngx_ess_topic_t *topic, ngx_ess_topic_node_t **set,
    ngx_uint_t n, ngx_ess_topic_node_t *node)
{
    while (node && node->step != topic->step) {
        node->step = topic->step;
        set[n++] = node;
        node = node->hash;
    }

    return n;
}


static int ngx_libc_cdecl
ngx_ess_topic_cmp(const void *one, const void *two)
{
    ngx_ess_stream_ref_t  *first, *second;

    first = *(ngx_ess_stream_ref_t **) one;
    second = *(ngx_ess_stream_ref_t **) two;

    return (first->id > second->id) - (first->id < second->id);
}
