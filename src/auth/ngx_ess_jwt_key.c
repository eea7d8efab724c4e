
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
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>


#define NGX_ESS_JWT_KEY_SECRET   32         /* bytes at least; RFC 7518, 3.2 */
#define NGX_ESS_JWT_KEY_RSA      2048       /* bits at least; 3.3 */
#define NGX_ESS_JWT_KEY_MEMBER   2048       /* bytes of a JWK's member */

#define NGX_ESS_JWT_KEY_P256     32         /* bytes of a coordinate */
#define NGX_ESS_JWT_KEY_DER      72         /* of its signature in DER */


/* what a JSON Web Key for an algorithm is like */

typedef struct {
    const char              *alg;
    const char              *kty;
    const char              *crv;           /* NULL: it has none */
    EVP_PKEY              *(*make)(cJSON *jwk); /* NULL: it is a secret */
} ngx_ess_jwt_key_kind_t;


static ngx_int_t ngx_ess_jwt_key_secret(ngx_pool_t *pool, u_char *data,
    size_t len, ngx_ess_jwt_key_t *key, const char **reason);
static ngx_int_t ngx_ess_jwt_key_public(ngx_pool_t *pool, EVP_PKEY *pkey,
    ngx_ess_jwt_key_t *key, const char **reason);
static void ngx_ess_jwt_key_free(void *data);
static ngx_int_t ngx_ess_jwt_key_jwk(ngx_pool_t *pool, cJSON *jwk,
    ngx_uint_t algs, ngx_array_t *keys, const char **reason);
static ngx_ess_jwt_alg_e ngx_ess_jwt_key_type(cJSON *jwk);
static const char *ngx_ess_jwt_key_text(cJSON *jwk, const char *name);
static ngx_uint_t ngx_ess_jwt_key_is(cJSON *jwk, const char *name,
    const char *text);
static ngx_int_t ngx_ess_jwt_key_member(cJSON *jwk, const char *name,
    ngx_str_t *value);
static EVP_PKEY *ngx_ess_jwt_key_rsa(cJSON *jwk);
static EVP_PKEY *ngx_ess_jwt_key_ec(cJSON *jwk);
static EVP_PKEY *ngx_ess_jwt_key_okp(cJSON *jwk);
static EVP_PKEY *ngx_ess_jwt_key_build(const char *type,
    OSSL_PARAM_BLD *build);
static size_t ngx_ess_jwt_key_der(ngx_str_t *signature, u_char *der);


/* in the order of ngx_ess_jwt_alg_e */

static const ngx_ess_jwt_key_kind_t  ngx_ess_jwt_key_kinds[] = {
    { "HS256", "oct", NULL, NULL },
    { "RS256", "RSA", NULL, ngx_ess_jwt_key_rsa },
    { "ES256", "EC", "P-256", ngx_ess_jwt_key_ec },
    { "EdDSA", "OKP", "Ed25519", ngx_ess_jwt_key_okp }
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


const char *
ngx_ess_jwt_alg_name(ngx_ess_jwt_alg_e alg)
{
    return ngx_ess_jwt_key_kinds[alg].alg;
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
    char                 group[32];
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

    *reason = NULL;

    switch (key->alg) {

    case NGX_ESS_JWT_RS256:

        if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA) {
            *reason = "is no RSA key";

        } else if (EVP_PKEY_get_bits(pkey) < NGX_ESS_JWT_KEY_RSA) {
            *reason = "is an RSA key of less than 2048 bits";
        }

        break;

    case NGX_ESS_JWT_ES256:

        if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC
            || EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1
            || ngx_strcmp(group, SN_X9_62_prime256v1) != 0)
        {
            *reason = "is no EC key of the curve P-256";
        }

        break;

    default: /* NGX_ESS_JWT_EDDSA */

        if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519) {
            *reason = "is no Ed25519 key";
        }
    }

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
    ngx_str_t                      secret;
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

    if (kind->make) {
        rc = ngx_ess_jwt_key_public(pool, kind->make(jwk), &made, reason);

    } else if (ngx_ess_jwt_key_member(jwk, "k", &secret) == NGX_OK) {
        rc = ngx_ess_jwt_key_secret(pool, secret.data, secret.len, &made,
                                    reason);

    } else {
        *reason = "has a secret that is not base64url";
        rc = NGX_DECLINED;
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


/* Decoded, in memory of use until the next call with the same name. */

static ngx_int_t
ngx_ess_jwt_key_member(cJSON *jwk, const char *name, ngx_str_t *value)
{
    ngx_str_t    text;
    const char  *p;

    static u_char  one[NGX_ESS_JWT_KEY_MEMBER], two[NGX_ESS_JWT_KEY_MEMBER];

    p = ngx_ess_jwt_key_text(jwk, name);

    if (p == NULL) {
        return NGX_DECLINED;
    }

    text.data = (u_char *) p;
    text.len = ngx_strlen(p);

    if (ngx_base64_decoded_length(text.len) > NGX_ESS_JWT_KEY_MEMBER) {
        return NGX_DECLINED;
    }

    value->data = (name[0] == 'e' || name[0] == 'y') ? two : one;

    return ngx_ess_jwt_base64url(value, &text);
}


ngx_int_t
ngx_ess_jwt_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    u_char      *d, *p, *last;
    uint32_t     bits;
    ngx_uint_t   n, value;

    d = dst->data;
    last = src->data + src->len;
    bits = 0;
    n = 0;

    for (p = src->data; p < last; p++) {

        value = (*p >= 'A' && *p <= 'Z') ? *p - 'A'
                : (*p >= 'a' && *p <= 'z') ? *p - 'a' + 26
                : (*p >= '0' && *p <= '9') ? *p - '0' + 52
                : (*p == '-') ? 62
                : (*p == '_') ? 63
                : 64;

        if (value == 64) {
            return NGX_DECLINED;
        }

        bits = (bits << 6) | value;
        n += 6;

        if (n >= 8) {
            n -= 8;
            *d++ = (u_char) (bits >> n);
            bits &= ((uint32_t) 1 << n) - 1;
        }
    }

    /* what is left of the last character is zero, and less than one */

    if (src->len == 0 || n == 6 || bits) {
        return NGX_DECLINED;
    }

    dst->len = d - dst->data;

    return NGX_OK;
}


static EVP_PKEY *
ngx_ess_jwt_key_rsa(cJSON *jwk)
{
    BIGNUM          *modulus, *exponent;
    EVP_PKEY        *pkey;
    ngx_str_t        n, e;
    OSSL_PARAM_BLD  *build;

    if (ngx_ess_jwt_key_member(jwk, "n", &n) != NGX_OK
        || ngx_ess_jwt_key_member(jwk, "e", &e) != NGX_OK)
    {
        return NULL;
    }

    pkey = NULL;
    modulus = BN_bin2bn(n.data, (int) n.len, NULL);
    exponent = BN_bin2bn(e.data, (int) e.len, NULL);
    build = OSSL_PARAM_BLD_new();

    if (modulus && exponent && build
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus)
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
    {
        pkey = ngx_ess_jwt_key_build("RSA", build);
    }

    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);

    return pkey;
}


static EVP_PKEY *
ngx_ess_jwt_key_ec(cJSON *jwk)
{
    u_char           point[1 + 2 * NGX_ESS_JWT_KEY_P256];
    EVP_PKEY        *pkey;
    ngx_str_t        x, y;
    OSSL_PARAM_BLD  *build;

    if (ngx_ess_jwt_key_member(jwk, "x", &x) != NGX_OK
        || ngx_ess_jwt_key_member(jwk, "y", &y) != NGX_OK
        || x.len != NGX_ESS_JWT_KEY_P256
        || y.len != NGX_ESS_JWT_KEY_P256)
    {
        return NULL;
    }

    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    ngx_memcpy(point + 1, x.data, NGX_ESS_JWT_KEY_P256);
    ngx_memcpy(point + 1 + NGX_ESS_JWT_KEY_P256, y.data,
               NGX_ESS_JWT_KEY_P256);

    pkey = NULL;
    build = OSSL_PARAM_BLD_new();

    if (build
        && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                           SN_X9_62_prime256v1, 0)
        && OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
                                            point, sizeof(point)))
    {
        pkey = ngx_ess_jwt_key_build("EC", build);
    }

    OSSL_PARAM_BLD_free(build);

    return pkey;
}


static EVP_PKEY *
ngx_ess_jwt_key_okp(cJSON *jwk)
{
    ngx_str_t  x;

    if (ngx_ess_jwt_key_member(jwk, "x", &x) != NGX_OK) {
        return NULL;
    }

    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.data, x.len);
}


static EVP_PKEY *
ngx_ess_jwt_key_build(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY      *pkey;
    OSSL_PARAM    *params;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    params = OSSL_PARAM_BLD_to_param(build);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params == NULL || ctx == NULL
        || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);

    return pkey;
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
