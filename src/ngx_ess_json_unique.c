
/*
 * Names of members, of objects that have many of them or names with escapes, in
 * an open hash table that is the process's.  An entry belongs to an object by
 * the object's number; numbers only grow, so that what earlier texts left
 * counts as empty.  The hash has a secret, or names could be chosen that all
 * lie in one place.  Runs in workers' event loops: one text at a time.
 */


#include "ngx_ess_json_unique.h"
#include "ngx_ess_json_string.h"
#include <sys/random.h>


/* a power of two, at most half full */
#define NGX_ESS_JSON_UNIQUE_SIZE  (2 * NGX_ESS_JSON_UNIQUE_MAX)


typedef struct {
    const u_char            *name;
    uint32_t                 object;
    uint32_t                 hash;
} ngx_ess_json_unique_entry_t;


/* a name, read byte by byte */

typedef struct {
    const u_char            *p;
    const u_char            *last;
    ngx_uint_t               i;
    ngx_uint_t               n;
    u_char                   ch[4];
} ngx_ess_json_unique_text_t;


static void ngx_ess_json_unique_init(void);
static ngx_int_t ngx_ess_json_unique_put(uint32_t object, const u_char *name,
    size_t len, const u_char *last, ngx_uint_t escaped);
static ngx_inline uint64_t ngx_ess_json_unique_mix(uint64_t hash,
    uint64_t word);
static ngx_inline uint64_t ngx_ess_json_unique_hash(uint64_t hash,
    const u_char *p, size_t len, const u_char *last);
static uint64_t ngx_ess_json_unique_slow_hash(uint64_t hash,
    const u_char *name, size_t len);
static int ngx_ess_json_unique_byte(ngx_ess_json_unique_text_t *text);
static ngx_uint_t ngx_ess_json_unique_same(const u_char *one,
    const u_char *two, size_t len, ngx_uint_t escaped);


static ngx_ess_json_unique_entry_t
    ngx_ess_json_unique[NGX_ESS_JSON_UNIQUE_SIZE];

static uint64_t    ngx_ess_json_unique_secret[2];

static uint32_t    ngx_ess_json_unique_first = 1;
static uint32_t    ngx_ess_json_unique_last;
static ngx_uint_t  ngx_ess_json_unique_n;


static void
ngx_ess_json_unique_init(void)
{
    if (getrandom(ngx_ess_json_unique_secret,
                  sizeof(ngx_ess_json_unique_secret), GRND_NONBLOCK)
        != (ssize_t) sizeof(ngx_ess_json_unique_secret))
    {
        ngx_ess_json_unique_secret[0] = ((uint64_t) ngx_random() << 32)
                                        ^ (uint64_t) ngx_random();
        ngx_ess_json_unique_secret[1] = ((uint64_t) ngx_random() << 32)
                                        ^ (uint64_t) ngx_random();
    }

    ngx_ess_json_unique_secret[0] |= 1;
}


void
ngx_ess_json_unique_begin(void)
{
    if (ngx_ess_json_unique_secret[0] == 0) {
        ngx_ess_json_unique_init();
    }

    /* a text has less than 2^31 objects that count */

    if (ngx_ess_json_unique_last > 0x7fffffff) {
        ngx_memzero(ngx_ess_json_unique, sizeof(ngx_ess_json_unique));
        ngx_ess_json_unique_last = 0;
    }

    ngx_ess_json_unique_first = ngx_ess_json_unique_last + 1;
    ngx_ess_json_unique_n = 0;
}


ngx_int_t
ngx_ess_json_unique_more(ngx_ess_json_unique_t *unique, const u_char *name,
    size_t len, const u_char *last, ngx_uint_t escaped)
{
    uint32_t       i, n;
    const u_char  *few;

    if (unique->object == 0) {

        unique->object = ++ngx_ess_json_unique_last;

        n = unique->n;
        unique->n = NGX_ESS_JSON_UNIQUE_FEW;

        for (i = 0; i < n; i++) {
            few = unique->names[i];

            (void) ngx_ess_json_unique_put(unique->object, few,
                                (u_char *) memchr(few, '"', last - few) - few,
                                           last, 0);
        }
    }

    return ngx_ess_json_unique_put(unique->object, name, len, last, escaped);
}


static ngx_int_t
ngx_ess_json_unique_put(uint32_t object, const u_char *name, size_t len,
    const u_char *last, ngx_uint_t escaped)
{
    uint64_t                      hash;
    ngx_uint_t                    i;
    ngx_ess_json_unique_entry_t  *entry;

    if (ngx_ess_json_unique_n == NGX_ESS_JSON_UNIQUE_MAX) {
        return NGX_OK;
    }

    hash = escaped ? ngx_ess_json_unique_slow_hash(object, name, len)
                   : ngx_ess_json_unique_hash(object, name, len, last);

    for (i = hash; ; i++) {
        entry = &ngx_ess_json_unique[i % NGX_ESS_JSON_UNIQUE_SIZE];

        if (entry->object < ngx_ess_json_unique_first) {
            break;
        }

        if (entry->object == object
            && entry->hash == (uint32_t) (hash >> 32)
            && ngx_ess_json_unique_same(entry->name, name, len, escaped))
        {
            return NGX_DECLINED;
        }
    }

    entry->name = name;
    entry->object = object;
    entry->hash = (uint32_t) (hash >> 32);

    ngx_ess_json_unique_n++;

    return NGX_OK;
}


static ngx_inline uint64_t
ngx_ess_json_unique_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) + ngx_ess_json_unique_secret[1];

#if (__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128  ngx_ess_json_unique_wide_t;

    ngx_ess_json_unique_wide_t               wide;

    wide = (ngx_ess_json_unique_wide_t) hash * ngx_ess_json_unique_secret[0];

    return (uint64_t) wide ^ (uint64_t) (wide >> 64);
#else
    hash *= ngx_ess_json_unique_secret[0];
    hash = (hash ^ (hash >> 29)) * 0x9e3779b97f4a7c15ULL;

    return hash ^ (hash >> 32);
#endif
}


/* Words of eight bytes, and the rest with its length. */

static ngx_inline uint64_t
ngx_ess_json_unique_hash(uint64_t hash, const u_char *p, size_t len,
    const u_char *last)
{
    for ( /* void */ ; len >= 8; p += 8, len -= 8) {
        hash = ngx_ess_json_unique_mix(hash,
                                       ngx_ess_json_unique_word(p, 8, last));
    }

    return ngx_ess_json_unique_mix(hash,
                                   ngx_ess_json_unique_word(p, len, last)
                                   | ((uint64_t) len << 56));
}


/* The same of a name with escapes. */

static uint64_t
ngx_ess_json_unique_slow_hash(uint64_t hash, const u_char *name, size_t len)
{
    int                          ch;
    uint64_t                     word;
    ngx_uint_t                   n;
    ngx_ess_json_unique_text_t   text;

    ngx_memzero(&text, sizeof(ngx_ess_json_unique_text_t));

    text.p = name;
    text.last = name + len;

    word = 0;
    n = 0;

    while ((ch = ngx_ess_json_unique_byte(&text)) != -1) {

        word |= (uint64_t) ch << (8 * n);

        if (++n == 8) {
            hash = ngx_ess_json_unique_mix(hash, word);
            word = 0;
            n = 0;
        }
    }

    return ngx_ess_json_unique_mix(hash, word | ((uint64_t) n << 56));
}


/* The next byte of a name's text; -1: its end. */

static int
ngx_ess_json_unique_byte(ngx_ess_json_unique_text_t *text)
{
    if (text->i == text->n) {

        if (text->p >= text->last) {
            return -1;
        }

        text->n = ngx_ess_json_string_next(&text->p, text->last, text->ch);
        text->i = 0;
    }

    return text->ch[text->i++];
}


/* "one" ends at its quote. */

static ngx_uint_t
ngx_ess_json_unique_same(const u_char *one, const u_char *two, size_t len,
    ngx_uint_t escaped)
{
    int                          ch;
    const u_char                *end;
    ngx_ess_json_unique_text_t   a, b;

    for (end = one; *end != '"'; end += (*end == '\\') ? 2 : 1) {
        /* void */
    }

    if (!escaped && memchr(one, '\\', end - one) == NULL) {
        return (size_t) (end - one) == len && ngx_memcmp(one, two, len) == 0;
    }

    ngx_memzero(&a, sizeof(ngx_ess_json_unique_text_t));
    ngx_memzero(&b, sizeof(ngx_ess_json_unique_text_t));

    a.p = one;
    a.last = end;
    b.p = two;
    b.last = two + len;

    do {
        ch = ngx_ess_json_unique_byte(&a);

        if (ch != ngx_ess_json_unique_byte(&b)) {
            return 0;
        }

    } while (ch != -1);

    return 1;
}
