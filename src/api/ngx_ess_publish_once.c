
/*
 * Publications with an Idempotency-Key, in a worker: fingerprints of the key
 * and of what is published with it, and the answer as it is kept.  All memory
 * is the request's; what outlives it is in the zone.
 */


#include "ngx_ess_conf_scope.h"
#include "ngx_ess_header.h"
#include "ngx_ess_publish_once_header.h"
#include "ngx_ess_publish_ids.h"
#include "ngx_ess_publish_once.h"
#include "ngx_ess_api_request.h"
#include <openssl/evp.h>


static ngx_int_t ngx_ess_publish_once_name(ngx_http_request_t *r,
    ngx_ess_publish_once_t *once, ngx_ess_zone_t *zone);
static ngx_int_t ngx_ess_publish_once_digest(u_char *fingerprint,
    ngx_str_t **parts, ngx_uint_t n);
static ngx_int_t ngx_ess_publish_once_answer(ngx_http_request_t *r,
    ngx_ess_idempotency_t *entry, ngx_ess_source_publish_t *pub);


ngx_int_t
ngx_ess_publish_once_key(ngx_http_request_t *r, ngx_ess_publish_once_t *once,
    const char **detail)
{
    u_char           *buf;
    ngx_table_elt_t  *h;

    h = ngx_ess_header_find(r, "idempotency-key", NULL);

    if (h == NULL) {
        return NGX_OK;
    }

    buf = ngx_pnalloc(r->pool, NGX_ESS_IDEMPOTENCY_KEY);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_publish_once_header_parse(&once->key, buf, &h->value)
        != NGX_OK)
    {
        *detail = "the Idempotency-Key must be a string of 1 to 255 printable "
                  "ASCII characters, such as \"8e03978e-40d5-43dd\", with or "
                  "without the quotes";
        return NGX_DECLINED;
    }

    if (ngx_ess_header_find(r, "idempotency-key", h)) {
        *detail = "there is more than one Idempotency-Key";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_publish_once_begin(ngx_http_request_t *r, ngx_ess_publish_once_t *once,
    ngx_ess_source_publish_t *pub, ngx_str_t **parts, ngx_uint_t n)
{
    ngx_int_t        rc;
    ngx_ess_zone_t  *zone;

    if (once->key.len == 0) {
        return NGX_OK;
    }

    zone = ngx_ess_api_zone(r);

    if (ngx_ess_publish_once_name(r, once, zone) != NGX_OK
        || ngx_ess_publish_once_digest(once->entry.request, parts, n)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_ess_idempotency_begin(zone, &once->entry);

    if (rc == NGX_DONE) {
        ngx_ess_counter_add(zone, NGX_ESS_C_REPEATED, 1);

        return (ngx_ess_publish_once_answer(r, &once->entry, pub) == NGX_OK)
               ? NGX_DONE : NGX_ERROR;
    }

    if (rc == NGX_OK) {
        once->zone = zone;
        once->held = 1;

        /*
         * Whoever goes away now comes back and asks what became of it: so it
         * goes on, and is not noticed before it is answered.
         */

        r->read_event_handler = ngx_http_block_reading;
    }

    return rc;
}


/* A key is one within its location: who may not publish there learns nothing of
   the keys of those who may. */

static ngx_int_t
ngx_ess_publish_once_name(ngx_http_request_t *r, ngx_ess_publish_once_t *once,
    ngx_ess_zone_t *zone)
{
    u_char                 kind[2];
    ngx_str_t              kinds, seed;
    ngx_str_t             *parts[6];
    ngx_ess_loc_conf_t    *lcf;
    ngx_ess_conf_scope_t  *scope;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    scope = lcf->scope;

    kind[0] = (u_char) scope->location->exact_match;
    kind[1] = (u_char) ngx_ess_conf_scope_is_regex(scope);

    kinds.data = kind;
    kinds.len = sizeof(kind);

    ngx_ess_idempotency_seed(zone, &seed);

    parts[0] = &seed;
    parts[1] = &scope->listens;
    parts[2] = &scope->server->server_name;
    parts[3] = &kinds;
    parts[4] = &scope->location->name;
    parts[5] = &once->key;

    return ngx_ess_publish_once_digest(once->entry.key, parts, 6);
}


/* Each part behind its length. */

static ngx_int_t
ngx_ess_publish_once_digest(u_char *fingerprint, ngx_str_t **parts,
    ngx_uint_t n)
{
    int          ok;
    u_char       md[EVP_MAX_MD_SIZE];
    uint64_t     len;
    ngx_uint_t   i;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ok = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);

    for (i = 0; ok && i < n; i++) {
        len = parts[i]->len;

        ok = EVP_DigestUpdate(ctx, &len, sizeof(len))
             && (len == 0
                 || EVP_DigestUpdate(ctx, parts[i]->data, parts[i]->len));
    }

    ok = ok && EVP_DigestFinal_ex(ctx, md, NULL);

    EVP_MD_CTX_free(ctx);

    if (!ok) {
        return NGX_ERROR;
    }

    ngx_memcpy(fingerprint, md, NGX_ESS_IDEMPOTENCY_FINGERPRINT);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_publish_once_answer(ngx_http_request_t *r,
    ngx_ess_idempotency_t *entry, ngx_ess_source_publish_t *pub)
{
    ngx_int_t            rc;
    ngx_uint_t           n;
    ngx_ess_event_id_t  *ids;

    pub->n = entry->accepted;
    pub->ids = NULL;

    if (entry->len == 0) {
        return NGX_OK;
    }

    rc = ngx_ess_publish_ids_unpack(r->pool, entry->answer, entry->len, &ids,
                                    &n);
    if (rc != NGX_OK) {
        return rc;
    }

    pub->ids = ngx_palloc(r->pool, sizeof(ngx_array_t));
    if (pub->ids == NULL) {
        return NGX_ERROR;
    }

    pub->ids->elts = ids;
    pub->ids->nelts = n;

    return NGX_OK;
}


void
ngx_ess_publish_once_finish(ngx_ess_publish_once_t *once,
    ngx_ess_source_publish_t *pub)
{
    ngx_ess_idempotency_t  *entry;

    if (!once->held) {
        return;
    }

    entry = &once->entry;

    entry->accepted = (uint32_t) pub->n;
    entry->len = 0;

    if (pub->ids) {
        entry->len = (uint32_t) ngx_ess_publish_ids_pack(entry->answer,
                                            NGX_ESS_IDEMPOTENCY_ANSWER,
                                            pub->ids->elts, pub->ids->nelts);
    }

    if (entry->len == 0) {
        pub->ids = NULL;
    }

    ngx_ess_idempotency_finish(once->zone, entry);

    once->held = 0;
}


void
ngx_ess_publish_once_cancel(ngx_ess_publish_once_t *once)
{
    if (once->held) {
        ngx_ess_idempotency_cancel(once->zone, &once->entry);

        once->held = 0;
    }
}
