
/*
 * Which names has an object already?  The first few are compared one by one;
 * more of them are in a table of the process, without memory of its own for an
 * object, and empty at once for the next text.
 */


#ifndef _NGX_ESS_JSON_UNIQUE_H_INCLUDED_
#define _NGX_ESS_JSON_UNIQUE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* names that are compared one by one */
#define NGX_ESS_JSON_UNIQUE_FEW  16

/* of a text, in the table; more are not looked at */
#define NGX_ESS_JSON_UNIQUE_MAX  8192


/* those of an object */

typedef struct {
    uint32_t                 object;        /* its number in the table; 0: it
                                               is not there */
    uint32_t                 n;             /* of the few */
    uint64_t                 bits;          /* a bit of each, so that most that
                                               are new are seen to be */
    uint64_t                 heads[NGX_ESS_JSON_UNIQUE_FEW];
                                            /* what each begins with, and its
                                               length */
    const u_char            *names[NGX_ESS_JSON_UNIQUE_FEW];
} ngx_ess_json_unique_t;


/* An object begins: it has none. */

#define ngx_ess_json_unique_object(unique)                                    \
    (unique)->object = 0;                                                     \
    (unique)->n = 0;                                                          \
    (unique)->bits = 0


/* A text begins, and those before are over. */
void ngx_ess_json_unique_begin(void);

/* For the following alone: the name goes to the table, and with the first one
   those that were compared until then. */
ngx_int_t ngx_ess_json_unique_more(ngx_ess_json_unique_t *unique,
    const u_char *name, size_t len, const u_char *last, ngx_uint_t escaped);


/* "n" bytes, at most eight, the first one the lowest, in a text up to "last",
   which is not read beyond. */

static ngx_inline uint64_t
ngx_ess_json_unique_word(const u_char *p, size_t n, const u_char *last)
{
    size_t    i;
    uint64_t  word;

#if (NGX_HAVE_LITTLE_ENDIAN)

    if (last - p >= 8) {
        ngx_memcpy(&word, p, 8);

        return (n >= 8) ? word : word & (((uint64_t) 1 << (8 * n)) - 1);
    }

#endif

    for (i = 0, word = 0; i < ngx_min(n, 8); i++) {
        word |= (uint64_t) p[i] << (8 * i);
    }

    return word;
}


/*
 * The name, which lies between quotes in a text up to "last", is the object's,
 * too: NGX_OK.  NGX_DECLINED: it was already, perhaps with other escapes.
 */

static ngx_inline ngx_int_t
ngx_ess_json_unique_add(ngx_ess_json_unique_t *unique, const u_char *name,
    size_t len, const u_char *last, ngx_uint_t escaped)
{
    uint32_t  i;
    uint64_t  head, bit;

    if (escaped || unique->n == NGX_ESS_JSON_UNIQUE_FEW) {
        return ngx_ess_json_unique_more(unique, name, len, last, escaped);
    }

    head = ngx_ess_json_unique_word(name, len, last) ^ ((uint64_t) len << 56);
    bit = (uint64_t) 1 << ((head * 0x9e3779b97f4a7c15ULL) >> 58);

    for (i = (unique->bits & bit) ? 0 : unique->n; i < unique->n; i++) {

        /* they lie before this one, so there is as much to be read */

        if (unique->heads[i] == head
            && unique->names[i][len] == '"'
            && ngx_memcmp(unique->names[i], name, len) == 0)
        {
            return NGX_DECLINED;
        }
    }

    unique->bits |= bit;
    unique->heads[i] = head;
    unique->names[i] = name;
    unique->n++;

    return NGX_OK;
}


#endif /* _NGX_ESS_JSON_UNIQUE_H_INCLUDED_ */
