/*
 * Tokens, and key sets: a token is refused with a reason or its claims are an
 * object.  A byte says what the rest is; the payload of a token of the second
 * kind is signed, so that it is looked at.
 *
 * links: src/auth/ngx_ess_jwt_token.c src/auth/ngx_ess_jwt_key.c
 * links: src/ngx_ess_json.c src/ngx_ess_str.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "ngx_ess_jwt_token.h"


#define KEYS  8

#define SECRET  "0123456789abcdef0123456789abcdef"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void ngx_unit_pool_free(void);


static ngx_ess_jwt_key_t  storage[KEYS];


static void
fuzz_verify(ngx_array_t *keys, ngx_str_t *token)
{
    time_t                expires;
    ngx_int_t             rc;
    ngx_str_t             claims, name, value;
    const char           *reason;
    ngx_ess_jwt_policy_t  policy;

    memset(&policy, 0, sizeof(policy));
    policy.keys = keys;
    policy.endless = 1;
    policy.leeway = 10;
    reason = NULL;

    rc = ngx_ess_jwt_token_verify(&policy, token, 1300000000, NULL, &claims,
                                  &expires, &reason);

    if (rc == NGX_DECLINED) {
        if (reason == NULL) {
            abort();
        }

        return;
    }

    if (rc != NGX_OK || claims.len == 0
        || (expires && expires <= 1300000000))
    {
        abort();
    }

    ngx_str_set(&name, "sub");
    (void) ngx_ess_jwt_token_claim(&claims, &name, NULL, &value);
}


static void
fuzz_base64url(ngx_str_t *out, const uint8_t *data, size_t size)
{
    size_t  i;

    /* OpenSSL's is the other alphabet, with padding */

    out->len = EVP_EncodeBlock(out->data, data, (int) size);

    while (out->len && out->data[out->len - 1] == '=') {
        out->len--;
    }

    for (i = 0; i < out->len; i++) {
        if (out->data[i] == '+') {
            out->data[i] = '-';

        } else if (out->data[i] == '/') {
            out->data[i] = '_';
        }
    }
}


static void
fuzz_signed(ngx_array_t *keys, const uint8_t *data, size_t size)
{
    u_char        digest[32];
    ngx_str_t     token, part;
    unsigned int  len;

    static const char  header[] = "eyJhbGciOiJIUzI1NiJ9.";

    token.data = malloc(2 * size + 256);
    if (token.data == NULL) {
        return;
    }

    memcpy(token.data, header, sizeof(header) - 1);

    part.data = token.data + sizeof(header) - 1;
    fuzz_base64url(&part, data, size);
    token.len = sizeof(header) - 1 + part.len;

    HMAC(EVP_sha256(), SECRET, 32, token.data, token.len, digest, &len);

    token.data[token.len++] = '.';
    part.data = token.data + token.len;
    fuzz_base64url(&part, digest, len);
    token.len += part.len;

    fuzz_verify(keys, &token);

    free(token.data);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char       *copy;
    ngx_str_t     text, secret;
    const char   *reason;
    ngx_array_t   keys;

    if (size == 0) {
        return 0;
    }

    /* of just that length, for the sanitizer's red zones */

    copy = malloc(size);
    if (copy == NULL) {
        return 0;
    }

    memcpy(copy, data, size);
    text.data = copy + 1;
    text.len = size - 1;

    memset(&keys, 0, sizeof(keys));
    keys.elts = storage;
    keys.size = sizeof(ngx_ess_jwt_key_t);
    keys.nalloc = KEYS;
    reason = NULL;

    if (copy[0] & 1) {

        if (ngx_ess_jwt_key_set(NULL, &text, copy[0] >> 4, &keys, &reason)
            == NGX_DECLINED && reason == NULL)
        {
            abort();
        }

    } else {
        secret.data = (u_char *) SECRET;
        secret.len = 32;
        keys.nelts = 1;

        (void) ngx_ess_jwt_key_read(NULL, &secret, NGX_ESS_JWT_HS256, storage,
                                    &reason);

        if (copy[0] & 2) {
            fuzz_signed(&keys, text.data, text.len);

        } else {
            fuzz_verify(&keys, &text);
        }
    }

    free(copy);
    ngx_unit_pool_free();

    return 0;
}
