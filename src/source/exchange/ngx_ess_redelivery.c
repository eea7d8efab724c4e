
/*
 * Which events of a redelivered run were appended before: a pure state
 * machine, and the fingerprint that it compares.  The state belongs to the
 * caller, the worker that consumes the slot; nothing here reads the zone.
 */


#include "ngx_ess_redelivery.h"


#define NGX_ESS_REDELIVERY_SEED  0x9ae16a3b2f90404fULL
#define NGX_ESS_REDELIVERY_M1    0xd6e8feb86659fd93ULL
#define NGX_ESS_REDELIVERY_M2    0xc2b2ae3d27d4eb4fULL


static ngx_uint_t ngx_ess_redelivery_once(ngx_ess_redelivery_t *r,
    uint64_t print);
static ngx_uint_t ngx_ess_redelivery_filter(ngx_ess_redelivery_t *r,
    uint64_t print);
static ngx_ess_redelivery_e ngx_ess_redelivery_next(ngx_ess_redelivery_t *r,
    uint64_t print);
static void ngx_ess_redelivery_decide(ngx_ess_redelivery_t *r, ngx_int_t k,
    ngx_int_t most);
static ngx_int_t ngx_ess_redelivery_choose(ngx_ess_redelivery_t *r);
static uint64_t ngx_ess_redelivery_mix(uint64_t h, uint64_t word);
static uint64_t ngx_ess_redelivery_bytes(uint64_t h, ngx_str_t *s);


void
ngx_ess_redelivery_init(ngx_ess_redelivery_t *r, ngx_ess_mark_recent_t *recent)
{
    uint64_t    missing;
    ngx_uint_t  k;

    r->n = ngx_min(recent->n, NGX_ESS_MARK_RECENT);

    if (recent->prints != r->prints) {
        ngx_memcpy(r->prints, recent->prints + (recent->n - r->n),
                   r->n * sizeof(uint64_t));
    }

    r->half = (recent->partial_print != 0);
    r->prints[r->n] = recent->partial_print;

    missing = 0;

    if (recent->appended > recent->acked) {
        missing = recent->appended - recent->acked;
    }

    r->least = (ngx_uint_t) ngx_min(missing, r->n);

    /*
     * No duplicates at all needs no candidate: it is what remains.  But
     * where an event is half appended, it is one that must prove itself.
     */

    r->nopen = 0;

    for (k = r->half ? 0 : 1; k <= r->n; k++) {
        r->open[r->nopen++] = (uint16_t) k;
    }

    r->fit = -1;
    r->most = -1;
    r->proven = -1;
    r->broken = -1;
    r->seen = 0;
    r->duplicates = 0;
    r->doubt = 0;
    r->decided = 0;
}


ngx_ess_redelivery_e
ngx_ess_redelivery_push(ngx_ess_redelivery_t *r, uint64_t print)
{
    if (r->decided) {
        return ngx_ess_redelivery_next(r, print);
    }

    r->seen++;

    if (ngx_ess_redelivery_filter(r, print)) {
        ngx_ess_redelivery_decide(r, r->proven, r->proven);
        return NGX_ESS_REDELIVERY_DECIDED;
    }

    if (r->nopen == 0) {
        /* nothing that may still come could change the choice */
        (void) ngx_ess_redelivery_end(r, 1);
        return NGX_ESS_REDELIVERY_DECIDED;
    }

    return NGX_ESS_REDELIVERY_HOLD;
}


/* 1 when the print is remembered exactly once */

static ngx_uint_t
ngx_ess_redelivery_once(ngx_ess_redelivery_t *r, uint64_t print)
{
    ngx_uint_t  i, count;

    count = 0;

    for (i = 0; i < r->n + r->half; i++) {
        count += (r->prints[i] == print);
    }

    return count == 1;
}


/*
 * Keeps the candidates that agree with the run's newest print; 1 when a
 * proven one is now complete.  A print that is remembered once leaves one
 * open candidate at most, and speaks against all smaller ones as well: by
 * them, it would have been published a second time, in the same company.
 */

static ngx_uint_t
ngx_ess_redelivery_filter(ngx_ess_redelivery_t *r, uint64_t print)
{
    ngx_int_t   k;
    ngx_uint_t  i, once, nopen;

    once = ngx_ess_redelivery_once(r, print);
    nopen = 0;

    for (i = 0; i < r->nopen; i++) {
        k = r->open[i];

        if (r->prints[r->n - k + r->seen - 1] != print) {

            if (k == r->proven) {
                r->broken = r->seen - 1;
                r->proven = -1;
            }

            continue;
        }

        if (once) {
            r->proven = k;
        }

        if (r->seen < k + r->half) {
            r->open[nopen++] = (uint16_t) k;
            continue;
        }

        r->most = k;

        if (r->fit == -1 && (ngx_uint_t) k >= r->least) {
            r->fit = k;
        }

        if (k == r->proven) {
            return 1;
        }
    }

    r->nopen = nopen;

    return 0;
}


/* after the decision: each further duplicate has to be what it should be */

static ngx_ess_redelivery_e
ngx_ess_redelivery_next(ngx_ess_redelivery_t *r, uint64_t print)
{
    if (r->seen >= r->duplicates) {
        return NGX_ESS_REDELIVERY_NEW;
    }

    if (r->prints[r->n - r->duplicates + r->seen] == print) {
        r->seen++;
        return NGX_ESS_REDELIVERY_DUPLICATE;
    }

    r->doubt += r->duplicates - r->seen;
    r->duplicates = r->seen;

    return NGX_ESS_REDELIVERY_NEW;
}


ngx_uint_t
ngx_ess_redelivery_end(ngx_ess_redelivery_t *r, ngx_uint_t complete)
{
    ngx_int_t  k, most;

    if (r->decided) {
        return r->duplicates;
    }

    if (complete) {
        if (r->proven != -1) {
            r->broken = r->seen;
            r->proven = -1;
        }

        r->nopen = 0;
    }

    if (r->proven != -1) {
        ngx_ess_redelivery_decide(r, r->proven, r->proven);
        return r->duplicates;
    }

    k = ngx_ess_redelivery_choose(r);

    most = ngx_max(r->most, r->broken);

    if (r->nopen) {
        most = ngx_max(most, (ngx_int_t) ngx_min(r->open[r->nopen - 1],
                                                 r->seen));
    }

    ngx_ess_redelivery_decide(r, k, most);

    return r->duplicates;
}


/*
 * The smallest number, for it is better to deliver twice than to lose; but
 * not less than were never acknowledged, unless that cannot be: a broker
 * that was restarted has lost its transient messages.
 */

static ngx_int_t
ngx_ess_redelivery_choose(ngx_ess_redelivery_t *r)
{
    ngx_uint_t  i;

    if (r->least == 0) {
        return 0;
    }

    if (r->fit != -1) {
        /* those still open are larger */
        return r->fit;
    }

    for (i = 0; i < r->nopen; i++) {
        if (r->open[i] >= r->least) {
            return r->open[i];
        }
    }

    return 0;
}


static void
ngx_ess_redelivery_decide(ngx_ess_redelivery_t *r, ngx_int_t k,
    ngx_int_t most)
{
    r->duplicates = k;
    r->doubt = (most > k) ? most - k : 0;
    r->decided = 1;
}


ngx_uint_t
ngx_ess_redelivery_expects(ngx_ess_redelivery_t *r)
{
    if (r->decided) {
        return r->seen < r->duplicates;
    }

    return r->proven != -1 || r->seen < r->least;
}


uint64_t
ngx_ess_redelivery_print(ngx_str_t *key, ngx_str_t *properties,
    ngx_str_t *body)
{
    uint64_t  h;

    h = ngx_ess_redelivery_bytes(NGX_ESS_REDELIVERY_SEED, key);
    h = ngx_ess_redelivery_bytes(h, properties);
    h = ngx_ess_redelivery_bytes(h, body);

    h ^= h >> 32;
    h *= NGX_ESS_REDELIVERY_M1;
    h ^= h >> 29;
    h *= NGX_ESS_REDELIVERY_M2;
    h ^= h >> 32;

    return h ? h : 1;
}


static uint64_t
ngx_ess_redelivery_mix(uint64_t h, uint64_t word)
{
    word *= NGX_ESS_REDELIVERY_M1;
    word ^= word >> 31;

    h ^= word;
    h = (h << 27) | (h >> 37);

    return h * NGX_ESS_REDELIVERY_M2 + NGX_ESS_REDELIVERY_SEED;
}


/* the length first, so that no bytes can move from one string to the next;
   two lanes, so that multiplications overlap */

static uint64_t
ngx_ess_redelivery_bytes(uint64_t h, ngx_str_t *s)
{
    u_char   *p;
    size_t    len;
    uint64_t  a, b, words[2];

    a = ngx_ess_redelivery_mix(h, s->len);
    b = a ^ NGX_ESS_REDELIVERY_M2;

    p = s->data;
    len = s->len;

    while (len >= sizeof(words)) {
        ngx_memcpy(words, p, sizeof(words));

        a = ngx_ess_redelivery_mix(a, words[0]);
        b = ngx_ess_redelivery_mix(b, words[1]);

        p += sizeof(words);
        len -= sizeof(words);
    }

    words[0] = 0;
    words[1] = 0;

    if (len) {
        ngx_memcpy(words, p, len);
    }

    a = ngx_ess_redelivery_mix(a, words[0]);
    b = ngx_ess_redelivery_mix(b, words[1]);

    return ngx_ess_redelivery_mix(a, b);
}
