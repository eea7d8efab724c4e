/*
 * Tokens and keys: the examples of the RFCs, and each way to be wrong; input
 * in memory of just its length, which the sanitizer guards.
 *
 * links: src/auth/ngx_ess_jwt_token.c src/auth/ngx_ess_jwt_key.c
 * links: src/ngx_ess_json.c src/ngx_ess_str.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/hmac.h>
#include "ngx_ess_jwt_token.h"


#define NOW  1300819000


void ngx_unit_pool_free(void);


/* RFC 7515, A.1 to A.3: one payload, three algorithms */

#define PAYLOAD                                                               \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"        \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

#define A1                                                                    \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD                       \
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

#define A1_KEY                                                                \
    "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"  \
    "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}"

#define A2                                                                    \
    "eyJhbGciOiJSUzI1NiJ9." PAYLOAD                                           \
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4"\
    "Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_n"\
    "ZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_"\
    "dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np"\
    "6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"

#define A2_KEY                                                                \
    "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k"\
    "0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W"\
    "_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYU"\
    "sLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I"\
    "5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FR"\
    "WyuXpoQ\",\"e\":\"AQAB\"}"

#define A3                                                                    \
    "eyJhbGciOiJFUzI1NiJ9." PAYLOAD                                           \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfK"\
    "TUJqPP3-Kg6NU1Q"

#define A3_KEY                                                                \
    "{\"kty\":\"EC\",\"crv\":\"P-256\","                                      \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                  \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"

/* RFC 8037, A.4; its payload is no JSON */

#define ED                                                                    \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"

#define ED_SIGNATURE                                                          \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7"\
    "sVvpAr_MuM0KAg"

#define ED_KEY                                                                \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","                                   \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"

#define ALL  ((1 << NGX_ESS_JWT_ALGS) - 1)

#define SECRET  "0123456789abcdef0123456789abcdef"


static ngx_ess_jwt_key_t     storage[8];
static ngx_array_t           keys;
static ngx_ess_jwt_policy_t  policy;
static ngx_str_t             claims;
static time_t                expires;
static const char           *reason;


static ngx_int_t
set(const char *text, ngx_uint_t algs)
{
    ngx_str_t  s;
    ngx_int_t  rc;

    keys.elts = storage;
    keys.nelts = 0;
    keys.size = sizeof(ngx_ess_jwt_key_t);
    keys.nalloc = 8;

    s.len = strlen(text);
    s.data = malloc(s.len ? s.len : 1);
    memcpy(s.data, text, s.len);

    reason = NULL;
    rc = ngx_ess_jwt_key_set(NULL, &s, algs, &keys, &reason);
    free(s.data);

    assert_true(rc != NGX_DECLINED || reason);

    return rc;
}


static void
one(const char *jwk)
{
    char  text[2048];

    (void) snprintf(text, sizeof(text), "{\"keys\":[%s]}", jwk);

    if (set(text, ALL) != NGX_OK) {
        fail_msg("%s", reason);
    }

    assert_int_equal(keys.nelts, 1);
}


static ngx_int_t
verify(const char *token, time_t now)
{
    ngx_str_t  s;
    ngx_int_t  rc;

    s.len = strlen(token);
    s.data = malloc(s.len ? s.len : 1);
    memcpy(s.data, token, s.len);

    reason = "";
    policy.keys = &keys;
    rc = ngx_ess_jwt_token_verify(&policy, &s, now, NULL, &claims, &expires,
                                  &reason);
    free(s.data);

    return rc;
}


static size_t
encode(char *out, const void *data, size_t len)
{
    size_t         i, n;
    uint32_t       v;
    const u_char  *p;

    static const char  alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    p = data;
    n = 0;

    for (i = 0; i < len; i += 3) {
        v = p[i] << 16 | (i + 1 < len ? p[i + 1] << 8 : 0)
            | (i + 2 < len ? p[i + 2] : 0);
        out[n++] = alphabet[v >> 18];
        out[n++] = alphabet[(v >> 12) & 63];

        if (i + 1 < len) {
            out[n++] = alphabet[(v >> 6) & 63];
        }

        if (i + 2 < len) {
            out[n++] = alphabet[v & 63];
        }
    }

    out[n] = '\0';

    return n;
}


/* A token of ours, HS256 whatever its header says. */

static const char *
sign(const char *header, const char *payload)
{
    size_t        n;
    u_char        digest[32];
    unsigned int  len;

    static char  token[32768];

    n = encode(token, header, strlen(header));
    token[n++] = '.';
    n += encode(token + n, payload, strlen(payload));

    HMAC(EVP_sha256(), SECRET, 32, (u_char *) token, n, digest, &len);

    token[n++] = '.';
    (void) encode(token + n, digest, len);

    return token;
}


static int
teardown(void **state)
{
    ngx_unit_pool_free();
    memset(&policy, 0, sizeof(policy));

    return 0;
}


static void
test_rfc(void **state)
{
    size_t       i;
    ngx_str_t    text, src, sig;
    u_char       buf[64];
    char         token[1024];

    static const struct {
        const char  *key;
        const char  *token;
    } examples[] = { { A1_KEY, A1 }, { A2_KEY, A2 }, { A3_KEY, A3 } };

    for (i = 0; i < 3; i++) {
        one(examples[i].key);
        assert_int_equal(verify(examples[i].token, NOW), NGX_OK);
        assert_int_equal(expires, 1300819380);
        assert_int_equal(claims.len, 70);
        assert_memory_equal(claims.data, "{\"iss\":\"joe\",\r\n", 15);

        /* it ends then */

        assert_int_equal(verify(examples[i].token, 1300819379), NGX_OK);
        assert_int_equal(verify(examples[i].token, 1300819380), NGX_DECLINED);
        assert_string_equal(reason, "it has expired");

        /* the last but one character of the signature, and of the payload */

        (void) snprintf(token, sizeof(token), "%s", examples[i].token);
        token[strlen(token) - 2] ^= 1;
        assert_int_equal(verify(token, NOW), NGX_DECLINED);
        assert_string_equal(reason, "its signature is wrong");

        (void) snprintf(token, sizeof(token), "%s", examples[i].token);
        strchr(token, '.')[20] ^= 1;
        assert_int_equal(verify(token, NOW), NGX_DECLINED);
        assert_string_equal(reason, "its signature is wrong");

        /* not with the key of another algorithm */

        one(examples[(i + 1) % 3].key);
        assert_int_equal(verify(examples[i].token, NOW), NGX_DECLINED);
        assert_string_equal(reason,
                            "there is no key for its \"alg\" and \"kid\"");
    }

    one(ED_KEY);
    text.data = (u_char *) ED;
    text.len = sizeof(ED) - 1;
    src.data = (u_char *) ED_SIGNATURE;
    src.len = sizeof(ED_SIGNATURE) - 1;
    sig.data = buf;

    assert_int_equal(ngx_ess_jwt_base64url(&sig, &src), NGX_OK);
    assert_int_equal(sig.len, 64);
    assert_int_equal(ngx_ess_jwt_key_verify(&storage[0], &text, &sig), 1);

    buf[5] ^= 1;
    assert_int_equal(ngx_ess_jwt_key_verify(&storage[0], &text, &sig), 0);
    assert_int_equal(verify(ED "." ED_SIGNATURE, NOW), NGX_DECLINED);
    assert_string_equal(reason, "its payload is no JSON object, or has a "
                        "member twice");
}


static void
test_claims(void **state)
{
    size_t  i;

    static const struct {
        const char  *payload;
        const char  *aud;
        const char  *iss;
        time_t       leeway;
        ngx_flag_t   endless;
        const char  *reason;                /* NULL: it is good */
    } cases[] = {
        { "{\"exp\":1300819001}", NULL, NULL, 0, 0, NULL },
        { "{\"exp\":1300819001.5}", NULL, NULL, 0, 0, NULL },
        { "{\"exp\":1300819000}", NULL, NULL, 0, 0, "it has expired" },
        { "{\"exp\":1300818991}", NULL, NULL, 10, 0, NULL },
        { "{\"exp\":1300818990}", NULL, NULL, 10, 0, "it has expired" },
        { "{\"exp\":9007199254740992}", NULL, NULL, 0, 0, NULL },
        { "{}", NULL, NULL, 0, 0, "its \"exp\" is missing" },
        { "{}", NULL, NULL, 0, 1, NULL },
        { "{\"exp\":null}", NULL, NULL, 0, 1, "its \"exp\" is missing" },
        { "{\"exp\":\"1400000000\"}", NULL, NULL, 0, 1, "its \"exp\"" },
        { "{\"exp\":-1}", NULL, NULL, 0, 1, "its \"exp\"" },
        { "{\"exp\":1e400}", NULL, NULL, 0, 1, "its \"exp\"" },
        { "{\"exp\":9.1e15}", NULL, NULL, 0, 1, "its \"exp\"" },
        { "{\"exp\":1400000000,\"exp\":1400000000}", NULL, NULL, 0, 0,
          "its payload is no JSON object, or has a member twice" },
        { "{\"EXP\":1400000000}", NULL, NULL, 0, 0, "its \"exp\"" },

        { "{\"nbf\":1300819000}", NULL, NULL, 0, 1, NULL },
        { "{\"nbf\":1300819001}", NULL, NULL, 0, 1, "it is not valid yet" },
        { "{\"nbf\":1300819010}", NULL, NULL, 10, 1, NULL },
        { "{\"nbf\":1300819011}", NULL, NULL, 10, 1, "it is not valid yet" },
        { "{\"nbf\":\"0\"}", NULL, NULL, 0, 1, "its \"nbf\" is no time" },
        { "{\"nbf\":0,\"nbf\":0}", NULL, NULL, 0, 1, "its payload is no" },

        { "{\"iss\":\"joe\"}", NULL, NULL, 0, 1, NULL },
        { "{\"iss\":\"joe\"}", NULL, "joe", 0, 1, NULL },
        { "{\"iss\":\"joey\"}", NULL, "joe", 0, 1, "its \"iss\"" },
        { "{\"iss\":[\"joe\"]}", NULL, "joe", 0, 1, "its \"iss\"" },
        { "{\"iss\":\"joe\",\"iss\":\"x\"}", NULL, "joe", 0, 1,
          "its payload is no" },
        { "{}", NULL, "joe", 0, 1, "its \"iss\"" },

        { "{\"aud\":\"a\"}", "a", NULL, 0, 1, NULL },
        { "{\"aud\":[\"b\",1,\"a\"]}", "a", NULL, 0, 1, NULL },
        { "{\"aud\":[\"b\"]}", "a", NULL, 0, 1, "its \"aud\" is not" },
        { "{\"aud\":\"A\"}", "a", NULL, 0, 1, "its \"aud\" is not" },
        { "{\"aud\":{\"a\":\"a\"}}", "a", NULL, 0, 1, "its \"aud\" is not" },
        { "{\"aud\":\"a\",\"aud\":\"b\"}", "a", NULL, 0, 1,
          "its payload is no" },
        { "{\"streams\":\"a\",\"x\":1,\"streams\":\"b\"}", NULL, NULL, 0, 1,
          "its payload is no" },
        { "{\"streams\":\"a\",\"strea\\u006ds\":\"b\"}", NULL, NULL, 0, 1,
          "its payload is no" },
        { "{\"streams\":\"a\",\"Streams\":\"b\"}", NULL, NULL, 0, 1, NULL },
        { "{}", "a", NULL, 0, 1, "its \"aud\" is not" },
        { "{\"aud\":\"a\"}", NULL, NULL, 0, 1, "it has an \"aud\"" },

        { "", NULL, NULL, 0, 1, "it is not three parts" },
        { "[]", NULL, NULL, 0, 1, "its payload is no JSON object" },
        { "{} x", NULL, NULL, 0, 1, "its payload is no JSON object" },
        { "{", NULL, NULL, 0, 1, "its payload is no JSON object" },
        { "{\"iss\":\"joe\\u0000x\"}", NULL, "joe", 0, 1,
          "its payload is no JSON object" },
        { "\xef\xbb\xbf{}", NULL, NULL, 0, 1, "its payload is no" },
        { "\x01{}", NULL, NULL, 0, 1, "its payload is no" },
        { " {} \r\n\t", NULL, NULL, 0, 1, NULL }
    };

    one("{\"kty\":\"oct\",\"k\":"
        "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&policy, 0, sizeof(policy));

        policy.leeway = cases[i].leeway;
        policy.endless = cases[i].endless;
        policy.aud.data = (u_char *) cases[i].aud;
        policy.aud.len = cases[i].aud ? strlen(cases[i].aud) : 0;
        policy.iss.data = (u_char *) cases[i].iss;
        policy.iss.len = cases[i].iss ? strlen(cases[i].iss) : 0;

        if (verify(sign("{\"alg\":\"HS256\"}", cases[i].payload), NOW)
            != (cases[i].reason ? NGX_DECLINED : NGX_OK)
            || (cases[i].reason
                && strncmp(reason, cases[i].reason, strlen(cases[i].reason))))
        {
            fail_msg("%s: %s", cases[i].payload, reason);
        }
    }
}


static void
test_headers(void **state)
{
    size_t  i;

    static const struct {
        const char  *header;
        const char  *reason;
    } cases[] = {
        { "{\"alg\":\"HS256\"}", NULL },
        { "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"one\"}", NULL },
        { "{\"alg\":\"HS256\",\"kid\":\"two\"}", "there is no key" },
        { "{\"alg\":\"HS256\",\"kid\":\"\"}", "there is no key" },
        { "{\"alg\":\"HS256\",\"kid\":1}", "its \"alg\" or \"kid\"" },
        { "{\"alg\":\"HS256\",\"kid\":\"one\",\"kid\":\"two\"}",
          "its header is no" },
        { "\xef\xbb\xbf{\"alg\":\"HS256\"}", "its header is no" },
        { "\x1f{\"alg\":\"HS256\"}", "its header is no" },
        { "{\"alg\":\"none\"}", "there is no key" },
        { "{\"alg\":\"None\"}", "there is no key" },
        { "{\"alg\":\"hs256\"}", "there is no key" },
        { "{\"alg\":\"HS512\"}", "there is no key" },
        { "{\"alg\":\"RS256\"}", "there is no key" },
        { "{\"alg\":\"\"}", "there is no key" },
        { "{\"alg\":null}", "its \"alg\" or \"kid\"" },
        { "{\"alg\":[\"HS256\"]}", "its \"alg\" or \"kid\"" },
        { "{}", "its \"alg\" or \"kid\"" },
        { "{\"alg\":\"none\",\"alg\":\"HS256\"}", "its header is no" },
        { "{\"alg\":\"HS256\\u0000\"}", "its header is no JSON object" },
        { "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "it has \"crit\"" },
        { "{\"alg\":\"HS256\",\"crit\":null}", "it has \"crit\"" },
        { "\"HS256\"", "its header is no JSON object" },
        { "", "it is not three parts" }
    };

    one("{\"kty\":\"oct\",\"kid\":\"one\",\"k\":"
        "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}");

    policy.endless = 1;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (verify(sign(cases[i].header, "{}"), NOW)
            != (cases[i].reason ? NGX_DECLINED : NGX_OK)
            || (cases[i].reason
                && strncmp(reason, cases[i].reason, strlen(cases[i].reason))))
        {
            fail_msg("%s: %s", cases[i].header, reason);
        }
    }
}


static void
test_forms(void **state)
{
    char    token[512], *big;
    size_t  i, n;

    one("{\"kty\":\"oct\",\"k\":"
        "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}");

    policy.endless = 1;

    (void) snprintf(token, sizeof(token), "%s",
                    sign("{\"alg\":\"HS256\"}", "{}"));
    n = strlen(token);
    assert_int_equal(verify(token, NOW), NGX_OK);

    /* each truncation, each character more, each one changed */

    for (i = 0; i < n; i++) {
        char  c = token[i];

        token[i] = '\0';
        assert_int_equal(verify(token, NOW), NGX_DECLINED);

        token[i] = (c == 'A') ? 'B' : 'A';
        assert_int_equal(verify(token, NOW), NGX_DECLINED);

        token[i] = '=';
        assert_int_equal(verify(token, NOW), NGX_DECLINED);
        token[i] = c;
    }

    for (i = 1; i < 256; i++) {
        token[n] = (char) i;
        token[n + 1] = '\0';
        assert_int_equal(verify(token, NOW), NGX_DECLINED);
    }

    token[n] = '\0';
    assert_int_equal(verify(token, NOW), NGX_OK);

    /* of the same bytes, written otherwise */

    token[n - 1]++;
    assert_int_equal(verify(token, NOW), NGX_DECLINED);
    assert_string_equal(reason, "it is not three parts in base64url");

    assert_int_equal(verify("", NOW), NGX_DECLINED);
    assert_int_equal(verify("..", NOW), NGX_DECLINED);
    assert_int_equal(verify("a.b.c.d", NOW), NGX_DECLINED);

    big = malloc(NGX_ESS_JWT_TOKEN_MAX + 2);
    memset(big, 'A', NGX_ESS_JWT_TOKEN_MAX + 1);
    big[NGX_ESS_JWT_TOKEN_MAX + 1] = '\0';
    assert_int_equal(verify(big, NOW), NGX_DECLINED);
    assert_string_equal(reason, "it is too long");

    big[100] = '.';
    big[NGX_ESS_JWT_TOKEN_MAX - 100] = '.';
    big[NGX_ESS_JWT_TOKEN_MAX] = '\0';
    assert_int_equal(verify(big, NOW), NGX_DECLINED);

    /* deep */

    memset(big, '[', 6000);
    memcpy(big, "{\"a\":", 5);
    big[6000] = '\0';
    assert_int_equal(verify(sign("{\"alg\":\"HS256\"}", big), NOW),
                     NGX_DECLINED);
    free(big);
}


static void
test_keys(void **state)
{
    size_t             i;
    ngx_str_t          text;
    ngx_ess_jwt_key_t  key;

    static const char *wrong[] = {
        "", "{", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}",
        "{\"keys\":[1]}",
        "{\"keys\":[{\"kty\":\"oct\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"=\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
        "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}",
        /* not on the curve */
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
        "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":"
        "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}",
        /* for something else */
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\"}]}",
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\"}]}",
        "{\"keys\":[{\"kty\":\"dir\"}]}",
    };

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (set(wrong[i], ALL) != NGX_DECLINED) {
            fail_msg("%s", wrong[i]);
        }
    }

    /* others are left out */

    assert_int_equal(set("{\"keys\":[" A1_KEY "," A2_KEY "," A3_KEY ","
                         ED_KEY ",{\"kty\":\"dir\"}]}", ALL), NGX_OK);
    assert_int_equal(keys.nelts, 4);

    assert_int_equal(set("{\"keys\":[" A1_KEY "," A2_KEY "," A3_KEY "]}",
                         1 << NGX_ESS_JWT_ES256), NGX_OK);
    assert_int_equal(keys.nelts, 1);
    assert_int_equal(storage[0].alg, NGX_ESS_JWT_ES256);

    assert_int_equal(set("{\"keys\":[" A2_KEY "]}", 1 << NGX_ESS_JWT_HS256),
                     NGX_DECLINED);
    assert_int_equal(set("{\"keys\":[{\"use\":\"enc\",\"kty\":\"oct\",\"k\":"
                         "\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"}]}",
                         ALL), NGX_DECLINED);
    assert_int_equal(set("{\"keys\":[{\"alg\":\"HS512\",\"kty\":\"oct\","
                         "\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
                         "\"}]}", ALL), NGX_DECLINED);

    /* a secret is its bytes, but for the end of the line */

    text.data = (u_char *) SECRET "\r\n";
    text.len = 34;
    assert_int_equal(ngx_ess_jwt_key_read(NULL, &text, NGX_ESS_JWT_HS256, &key,
                                          &reason), NGX_OK);
    assert_int_equal(key.secret.len, 32);
    assert_memory_equal(key.secret.data, SECRET, 32);

    text.len = 31;
    assert_int_equal(ngx_ess_jwt_key_read(NULL, &text, NGX_ESS_JWT_HS256, &key,
                                          &reason), NGX_DECLINED);
    assert_int_equal(ngx_ess_jwt_key_read(NULL, &text, NGX_ESS_JWT_RS256, &key,
                                          &reason), NGX_DECLINED);
    assert_string_equal(reason, "is no public key");
}


static void
test_values(void **state)
{
    size_t     i;
    ngx_str_t  json, name, value;

    static const struct {
        const char  *name;
        const char  *value;                 /* NULL: none */
    } cases[] = {
        { "sub", "a\"b" }, { "n", "17" }, { "f", "1.5" }, { "t", "true" },
        { "z", "null" }, { "l", "[1,\"x\"]" }, { "o", "{\"k\":\"v\"}" },
        { "e", "" }, { "SUB", NULL }, { "", NULL }, { "none", NULL }
    };

    json.data = (u_char *) "{\"sub\":\"a\\\"b\",\"n\":17,\"f\":1.5,"
                "\"t\":true,\"z\":null,\"l\":[1,\"x\"],\"o\":{\"k\":\"v\"},"
                "\"e\":\"\"}";
    json.len = strlen((char *) json.data);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        name.data = (u_char *) cases[i].name;
        name.len = strlen(cases[i].name);

        assert_int_equal(ngx_ess_jwt_token_claim(&json, &name, NULL, &value),
                         cases[i].value ? NGX_OK : NGX_DECLINED);

        if (cases[i].value) {
            assert_int_equal(value.len, strlen(cases[i].value));
            assert_memory_equal(value.data, cases[i].value, value.len);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_rfc, teardown),
        cmocka_unit_test_teardown(test_claims, teardown),
        cmocka_unit_test_teardown(test_headers, teardown),
        cmocka_unit_test_teardown(test_forms, teardown),
        cmocka_unit_test_teardown(test_keys, teardown),
        cmocka_unit_test_teardown(test_values, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
