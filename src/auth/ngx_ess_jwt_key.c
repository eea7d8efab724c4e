
/*
 * Keys, over OpenSSL's EVP and cJSON, which nginx and the module have anyway.
 * Read by the master while it reads the configuration, used by workers; an
 * EVP_PKEY goes with its pool.
 */


#include "ngx_ess_jwt_key.h"
#include <cjson/cJSON.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>


#define NGX_ESS_JWT_KEY_SECRET   32         /* bytes at least; RFC 7518, 3.2 */
#define NGX_ESS_JWT_KEY_RSA      2048       /* bits at least; 3.3 */
#define NGX_ESS_JWT_KEY_MEMBER   2048       /* bytes of a JWK's member */

#define NGX_ESS_JWT_KEY_P256     32         /* bytes of a coordinate */
#define NGX_ESS_JWT_KEY_DER      72         /* of its signature in DER */


/* what a key for an algorithm is like */

typedef struct {
    const char              *alg;
    const char              *kty;           /* of a JSON Web Key */
    const char              *crv;           /* NULL: it has none */
    const char              *members[2];
    const char              *type;          /* OpenSSL's name; NULL: it is a
                                               secret */
    const char              *wrong;         /* said of another type */
} ngx_ess_jwt_key_kind_t;


static ngx_int_t ngx_ess_jwt_key_secret(ngx_pool_t *pool, u_char *data,
    size_t len, ngx_ess_jwt_key_t *key, const char **reason);
static ngx_int_t ngx_ess_jwt_key_public(ngx_pool_t *pool, EVP_PKEY *pkey,
    ngx_ess_jwt_key_t *key, const char **reason);
static const char *ngx_ess_jwt_key_unfit(ngx_ess_jwt_alg_e alg,
    EVP_PKEY *pkey);
static void ngx_ess_jwt_key_free(void *data);
static ngx_int_t ngx_ess_jwt_key_jwk(ngx_pool_t *pool, cJSON *jwk,
    ngx_uint_t algs, ngx_array_t *keys, const char **reason);
static ngx_ess_jwt_alg_e ngx_ess_jwt_key_type(cJSON *jwk);
static const char *ngx_ess_jwt_key_text(cJSON *jwk, const char *name);
static ngx_uint_t ngx_ess_jwt_key_is(cJSON *jwk, const char *name,
    const char *text);
static ngx_int_t ngx_ess_jwt_key_members(ngx_ess_jwt_alg_e alg, cJSON *jwk,
    ngx_str_t *values);
static EVP_PKEY *ngx_ess_jwt_key_make(ngx_ess_jwt_alg_e alg,
    ngx_str_t *values);
static ngx_int_t ngx_ess_jwt_key_native(ngx_str_t *number);
static size_t ngx_ess_jwt_key_der(ngx_str_t *signature, u_char *der);


/* in the order of ngx_ess_jwt_alg_e */

static const ngx_ess_jwt_key_kind_t  ngx_ess_jwt_key_kinds[] = {

    { "HS256", "oct", NULL, { "k", NULL }, NULL, NULL },

    { "RS256", "RSA", NULL, { "n", "e" }, "RSA", "is no RSA key" },

    { "ES256", "EC", "P-256", { "x", "y" }, "EC",
      "is no EC key of the curve P-256" },

    { "EdDSA", "OKP", "Ed25519", { "x", NULL }, "ED25519",
      "is no Ed25519 key" }
};


ngx_ess_jwt_alg_e
ngx_ess_jwt_alg(const u_char *name, size_t len)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_JWT_ALGS; i++) {
        if (ngx_strlen(ngx_ess_jwt_key_kinds[i].alg) == len
            && ngx_memcmp(ngx_ess_jwt_key_kinds[i].alg, name, len) == 0)
        {
            break;
        }
    }

    return i;
}


ngx_int_t
ngx_ess_jwt_key_read(ngx_pool_t *pool, ngx_str_t *text, ngx_ess_jwt_alg_e alg,
    ngx_ess_jwt_key_t *key, const char **reason)
{
    BIO       *bio;
    X509      *cert;
    size_t     len;
    EVP_PKEY  *pkey;

    ngx_memzero(key, sizeof(ngx_ess_jwt_key_t));

    key->alg = alg;

    if (alg == NGX_ESS_JWT_HS256) {
        len = text->len;

        if (len && text->data[len - 1] == LF) {
            len--;
        }

        if (len && text->data[len - 1] == CR) {
            len--;
        }

        return ngx_ess_jwt_key_secret(pool, text->data, len, key, reason);
    }

    if (text->len > NGX_MAX_INT32_VALUE) {
        *reason = "is too large";
        return NGX_DECLINED;
    }

    bio = BIO_new_mem_buf(text->data, (int) text->len);
    if (bio == NULL) {
        return NGX_ERROR;
    }

    pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

    if (pkey == NULL) {
        (void) BIO_reset(bio);
        cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        if (cert) {
            pkey = X509_get_pubkey(cert);
            X509_free(cert);
        }
    }

    BIO_free(bio);

    return ngx_ess_jwt_key_public(pool, pkey, key, reason);
}


static ngx_int_t
ngx_ess_jwt_key_secret(ngx_pool_t *pool, u_char *data, size_t len,
    ngx_ess_jwt_key_t *key, const char **reason)
{
    if (len < NGX_ESS_JWT_KEY_SECRET) {
        *reason = "is a secret of less than 32 bytes";
        return NGX_DECLINED;
    }

    key->secret.data = ngx_pnalloc(pool, len);
    if (key->secret.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(key->secret.data, data, len);
    key->secret.len = len;

    return NGX_OK;
}


/* Takes the EVP_PKEY over; NULL: OpenSSL made none. */

static ngx_int_t
ngx_ess_jwt_key_public(ngx_pool_t *pool, EVP_PKEY *pkey,
    ngx_ess_jwt_key_t *key, const char **reason)
{
    EVP_PKEY_CTX        *ctx;
    ngx_uint_t           sound;
    ngx_pool_cleanup_t  *cln;

    ERR_clear_error();

    if (pkey == NULL) {
        *reason = "is no public key";
        return NGX_DECLINED;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        EVP_PKEY_free(pkey);
        return NGX_ERROR;
    }

    cln->handler = ngx_ess_jwt_key_free;
    cln->data = pkey;

    *reason = ngx_ess_jwt_key_unfit(key->alg, pkey);

    if (*reason) {
        return NGX_DECLINED;
    }

    ctx = EVP_PKEY_CTX_new(pkey, NULL);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    sound = (EVP_PKEY_public_check(ctx) == 1);

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();

    if (!sound) {
        *reason = "is a key that cannot be";
        return NGX_DECLINED;
    }

    key->pkey = pkey;

    return NGX_OK;
}


/* NULL: it is for the algorithm. */

static const char *
ngx_ess_jwt_key_unfit(ngx_ess_jwt_alg_e alg, EVP_PKEY *pkey)
{
    char                           group[32];
    const ngx_ess_jwt_key_kind_t  *kind;

    kind = &ngx_ess_jwt_key_kinds[alg];

    if (!EVP_PKEY_is_a(pkey, kind->type)) {
        return kind->wrong;
    }

    if (alg == NGX_ESS_JWT_RS256
        && EVP_PKEY_get_bits(pkey) < NGX_ESS_JWT_KEY_RSA)
    {
        return "is an RSA key of less than 2048 bits";
    }

    if (alg == NGX_ESS_JWT_ES256
        && (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1
            || ngx_strcmp(group, SN_X9_62_prime256v1) != 0))
    {
        return kind->wrong;
    }

    return NULL;
}


static void
ngx_ess_jwt_key_free(void *data)
{
    EVP_PKEY_free(data);
}


ngx_int_t
ngx_ess_jwt_key_set(ngx_pool_t *pool, ngx_str_t *text, ngx_uint_t algs,
    ngx_array_t *keys, const char **reason)
{
    cJSON      *root, *set, *jwk;
    ngx_int_t   rc;

    root = cJSON_ParseWithLength((char *) text->data, text->len);
    set = cJSON_GetObjectItemCaseSensitive(root, "keys");

    if (!cJSON_IsArray(set)) {
        cJSON_Delete(root);
        *reason = "is no JSON Web Key Set: {\"keys\": [...]}";
        return NGX_DECLINED;
    }

    rc = NGX_OK;

    cJSON_ArrayForEach(jwk, set) {
        rc = ngx_ess_jwt_key_jwk(pool, jwk, algs, keys, reason);

        if (rc != NGX_OK) {
            break;
        }
    }

    cJSON_Delete(root);

    if (rc == NGX_OK && keys->nelts == 0) {
        *reason = "has no key for \"alg\"";
        return NGX_DECLINED;
    }

    return rc;
}


static ngx_int_t
ngx_ess_jwt_key_jwk(ngx_pool_t *pool, cJSON *jwk, ngx_uint_t algs,
    ngx_array_t *keys, const char **reason)
{
    ngx_int_t                      rc;
    ngx_str_t                      values[2];
    const char                    *kid;
    ngx_ess_jwt_key_t             *key, made;
    const ngx_ess_jwt_key_kind_t  *kind;

    ngx_memzero(&made, sizeof(ngx_ess_jwt_key_t));

    made.alg = ngx_ess_jwt_key_type(jwk);
    kind = &ngx_ess_jwt_key_kinds[made.alg];

    if (made.alg == NGX_ESS_JWT_ALGS
        || !(algs & ((ngx_uint_t) 1 << made.alg))
        || (ngx_ess_jwt_key_text(jwk, "use")
            && !ngx_ess_jwt_key_is(jwk, "use", "sig"))
        || (ngx_ess_jwt_key_text(jwk, "alg")
            && !ngx_ess_jwt_key_is(jwk, "alg", kind->alg)))
    {
        return NGX_OK;
    }

    rc = ngx_ess_jwt_key_members(made.alg, jwk, values);

    if (kind->type) {
        rc = ngx_ess_jwt_key_public(pool, rc == NGX_OK
                                    ? ngx_ess_jwt_key_make(made.alg, values)
                                    : NULL,
                                    &made, reason);

    } else if (rc == NGX_OK) {
        rc = ngx_ess_jwt_key_secret(pool, values[0].data, values[0].len, &made,
                                    reason);

    } else {
        *reason = "has a secret that is not base64url";
    }

    if (rc != NGX_OK) {
        return rc;
    }

    kid = ngx_ess_jwt_key_text(jwk, "kid");

    if (kid) {
        made.kid.len = ngx_strlen(kid);
        made.kid.data = ngx_pnalloc(pool, made.kid.len + 1);
        if (made.kid.data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(made.kid.data, kid, made.kid.len + 1);
    }

    key = ngx_array_push(keys);
    if (key == NULL) {
        return NGX_ERROR;
    }

    *key = made;

    return NGX_OK;
}


/* The algorithm that it could be for. */

static ngx_ess_jwt_alg_e
ngx_ess_jwt_key_type(cJSON *jwk)
{
    ngx_uint_t                     i;
    const ngx_ess_jwt_key_kind_t  *kind;

    for (i = 0; i < NGX_ESS_JWT_ALGS; i++) {
        kind = &ngx_ess_jwt_key_kinds[i];

        if (ngx_ess_jwt_key_is(jwk, "kty", kind->kty)
            && (kind->crv == NULL
                || ngx_ess_jwt_key_is(jwk, "crv", kind->crv)))
        {
            break;
        }
    }

    return i;
}


static const char *
ngx_ess_jwt_key_text(cJSON *jwk, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(jwk, name));
}


static ngx_uint_t
ngx_ess_jwt_key_is(cJSON *jwk, const char *name, const char *text)
{
    const char  *value;

    value = ngx_ess_jwt_key_text(jwk, name);

    return value && ngx_strcmp(value, text) == 0;
}


/* Decoded, in memory of use until the next call.  NGX_OK or NGX_DECLINED. */

static ngx_int_t
ngx_ess_jwt_key_members(ngx_ess_jwt_alg_e alg, cJSON *jwk, ngx_str_t *values)
{
    ngx_str_t           text;
    ngx_uint_t          i;
    const char *const  *name;

    static u_char  buf[2][NGX_ESS_JWT_KEY_MEMBER];

    name = ngx_ess_jwt_key_kinds[alg].members;

    for (i = 0; i < 2 && name[i]; i++) {
        text.data = (u_char *) ngx_ess_jwt_key_text(jwk, name[i]);

        if (text.data == NULL) {
            return NGX_DECLINED;
        }

        text.len = ngx_strlen(text.data);
        values[i].data = buf[i];

        if (ngx_base64_decoded_length(text.len) > NGX_ESS_JWT_KEY_MEMBER
            || ngx_ess_jwt_base64url(&values[i], &text) != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_jwt_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    u_char  last;

    /* nginx's decoder ends at padding */

    if (src->len == 0
        || ngx_strlchr(src->data, src->data + src->len, '=')
        || ngx_decode_base64url(dst, src) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    /* what the last character has behind the last byte is zero */

    last = src->data[src->len - 1];

    switch (src->len % 4) {

    case 2:
        return strchr("AQgw", last) ? NGX_OK : NGX_DECLINED;

    case 3:
        return strchr("AEIMQUYcgkosw048", last) ? NGX_OK : NGX_DECLINED;

    default:
        return NGX_OK;
    }
}


/* NULL: OpenSSL makes none of these. */

static EVP_PKEY *
ngx_ess_jwt_key_make(ngx_ess_jwt_alg_e alg, ngx_str_t *values)
{
    u_char         point[1 + 2 * NGX_ESS_JWT_KEY_P256];
    EVP_PKEY      *pkey;
    OSSL_PARAM     params[3], *param;
    EVP_PKEY_CTX  *ctx;

    param = params;

    switch (alg) {

    case NGX_ESS_JWT_RS256:

        if (ngx_ess_jwt_key_native(&values[0]) != NGX_OK
            || ngx_ess_jwt_key_native(&values[1]) != NGX_OK)
        {
            return NULL;
        }

        *param++ = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N,
                                           values[0].data, values[0].len);
        *param++ = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E,
                                           values[1].data, values[1].len);
        break;

    case NGX_ESS_JWT_ES256:

        if (values[0].len != NGX_ESS_JWT_KEY_P256
            || values[1].len != NGX_ESS_JWT_KEY_P256)
        {
            return NULL;
        }

        point[0] = POINT_CONVERSION_UNCOMPRESSED;
        ngx_memcpy(point + 1, values[0].data, NGX_ESS_JWT_KEY_P256);
        ngx_memcpy(point + 1 + NGX_ESS_JWT_KEY_P256, values[1].data,
                   NGX_ESS_JWT_KEY_P256);

        *param++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                              (char *) SN_X9_62_prime256v1, 0);
        *param++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                     point, sizeof(point));
        break;

    default: /* NGX_ESS_JWT_EDDSA */

        *param++ = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                     values[0].data,
                                                     values[0].len);
    }

    *param = OSSL_PARAM_construct_end();

    pkey = NULL;
    ctx = EVP_PKEY_CTX_new_from_name(NULL, ngx_ess_jwt_key_kinds[alg].type,
                                     NULL);

    if (ctx == NULL
        || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);

    return pkey;
}


/* In the machine's order, as OpenSSL's parameters have them. */

static ngx_int_t
ngx_ess_jwt_key_native(ngx_str_t *number)
{
    int      n;
    BIGNUM  *bn;

    n = -1;
    bn = BN_bin2bn(number->data, (int) number->len, NULL);

    if (bn) {
        n = BN_bn2nativepad(bn, number->data, (int) number->len);
        BN_free(bn);
    }

    return (n >= 0) ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_ess_jwt_key_verify(ngx_ess_jwt_key_t *key, ngx_str_t *text,
    ngx_str_t *signature)
{
    int            ok;
    u_char         digest[EVP_MAX_MD_SIZE], der[NGX_ESS_JWT_KEY_DER];
    u_char        *sig;
    size_t         len;
    EVP_MD_CTX    *ctx;
    unsigned int   n;

    sig = signature->data;
    len = signature->len;

    if (key->alg == NGX_ESS_JWT_HS256) {
        n = 0;

        return HMAC(EVP_sha256(), key->secret.data, (int) key->secret.len,
                    text->data, text->len, digest, &n)
               && len == n && CRYPTO_memcmp(sig, digest, n) == 0;
    }

    if (key->alg == NGX_ESS_JWT_ES256) {
        len = ngx_ess_jwt_key_der(signature, der);
        sig = der;

        if (len == 0) {
            return 0;
        }
    }

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return 0;
    }

    ok = EVP_DigestVerifyInit(ctx, NULL, (key->alg == NGX_ESS_JWT_EDDSA)
                                         ? NULL : EVP_sha256(),
                              NULL, key->pkey) == 1
         && EVP_DigestVerify(ctx, sig, len, text->data, text->len) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return ok;
}


/* JWS has the two numbers of fixed length (RFC 7518, 3.4), OpenSSL wants them
   in DER.  Returns the length, 0: it cannot be one. */

static size_t
ngx_ess_jwt_key_der(ngx_str_t *signature, u_char *der)
{
    int         n;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    if (signature->len != 2 * NGX_ESS_JWT_KEY_P256) {
        return 0;
    }

    n = 0;
    sig = ECDSA_SIG_new();
    r = BN_bin2bn(signature->data, NGX_ESS_JWT_KEY_P256, NULL);
    s = BN_bin2bn(signature->data + NGX_ESS_JWT_KEY_P256,
                  NGX_ESS_JWT_KEY_P256, NULL);

    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        n = i2d_ECDSA_SIG(sig, &der);

    } else {
        BN_free(r);
        BN_free(s);
    }

    ECDSA_SIG_free(sig);

    return (n > 0) ? (size_t) n : 0;
}
