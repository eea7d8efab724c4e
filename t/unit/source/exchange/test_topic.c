/*
 * The index of topic patterns against a plain recursive matcher: known cases,
 * then random patterns and keys with patterns that come and go, then patterns
 * that would take a matcher that backtracks for ever.
 *
 * links: src/source/exchange/ngx_ess_topic.c src/ngx_ess_str.c
 * links: t/unit/ngx_str_rbtree.c
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_topic.h"
#include "ngx_random.h"


#define CASES      100000
#define PATTERNS   64

static ngx_log_t        quiet;
static ngx_ess_topic_t *topic;


/* allocations until one fails; negative: none does */
static ngx_int_t  allocations = -1;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    if (allocations == 0) {
        return NULL;
    }

    allocations--;

    return malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    void  *p;

    p = ngx_alloc(size, log);

    return p ? memset(p, 0, size) : NULL;
}


/* as the specification says it, of words with a dot behind each */

static ngx_uint_t
plain(const char *pattern, const char *key)
{
    size_t       p, k;
    const char  *s;

    if (*pattern == '\0') {
        return *key == '\0';
    }

    p = strcspn(pattern, ".");

    if (p == 1 && *pattern == '#') {

        for (s = key; *s; s += strcspn(s, ".") + 1) {
            if (plain(pattern + 2, s)) {
                return 1;
            }
        }

        return plain(pattern + 2, s);
    }

    if (*key == '\0') {
        return 0;
    }

    k = strcspn(key, ".");

    if ((p == 1 && *pattern == '*')
        || (p == k && memcmp(pattern, key, p) == 0))
    {
        return plain(pattern + p + 1, key + k + 1);
    }

    return 0;
}


static ngx_uint_t
plainly(const char *pattern, const char *key)
{
    char  p[NGX_ESS_MAX_KEY + 2], k[NGX_ESS_MAX_KEY + 2];

    (void) sprintf(p, *pattern ? "%s." : "%s", pattern);
    (void) sprintf(k, *key ? "%s." : "%s", key);

    return plain(p, k);
}


static void
add(const char *pattern, uint64_t id)
{
    ngx_str_t             s;
    ngx_ess_stream_ref_t  ref;

    s.data = (u_char *) pattern;
    s.len = strlen(pattern);

    ref.id = id;
    ref.epoch = id * 7;
    ref.index = 1;

    assert_int_equal(ngx_ess_topic_add(topic, &s, &ref), NGX_OK);
}


static ngx_uint_t
match(const char *key, ngx_ess_stream_ref_t ***refs)
{
    ngx_ess_event_key_t  k;

    k.key.data = (u_char *) key;
    k.key.len = strlen(key);

    return ngx_ess_topic_match(topic, &k, 1, refs);
}


static int
setup(void **state)
{
    topic = ngx_ess_topic_create(&quiet);

    return topic == NULL;
}


static int
teardown(void **state)
{
    ngx_ess_topic_destroy(topic);

    return 0;
}


static void
test_known(void **state)
{
    ngx_uint_t              i;
    ngx_ess_stream_ref_t  **refs;

    static const struct {
        const char  *pattern;
        const char  *key;
        ngx_uint_t   matches;
    } cases[] = {
        { "a.b", "a.b", 1 },        { "a.b", "a.b.", 0 },
        { "a.b", "a", 0 },          { "*", "a", 1 },
        { "*", "", 0 },             { "*", "a.b", 0 },
        { "#", "", 1 },             { "#", "a.b.c", 1 },
        { "a.#", "a", 1 },          { "a.#", "a.", 1 },
        { "a.#", "ab", 0 },         { "#.a", "a", 1 },
        { "#.a", "b.a.a", 1 },      { "#.a", "a.b", 0 },
        { "a.*.c", "a..c", 1 },     { "a.*.c", "a.c", 0 },
        { "*.#", "", 0 },           { "*.#", "a", 1 },
        { "#.*", "a.b", 1 },        { "#.#", "", 1 },
        { "a.#.b.#.c", "a.b.c", 1 },{ "a.#.b.#.c", "a.b.b.x.c", 1 },
        { "a.#.b.#.c", "a.c", 0 },  { "a*", "ab", 0 },
        { "a*", "a*", 1 },          { "#a", "#a", 1 },
        { "*", "*", 1 },            { "*", "#", 1 },
        { "#", "#", 1 },            { "a.*", "a.#", 1 },
        { ".", ".", 1 },            { ".", "", 0 },
        { "", "", 1 },              { "", "a", 0 },
        { "", ".", 0 },             { "*.*", ".", 1 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        add(cases[i].pattern, 1);

        if (match(cases[i].key, &refs) != cases[i].matches) {
            fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].key);
        }

        assert_int_equal(plainly(cases[i].pattern, cases[i].key),
                         cases[i].matches);

        ngx_ess_topic_remove(topic, ngx_ess_topic_turn(topic));
        assert_null(ngx_ess_topic_turn(topic));
        assert_int_equal(match(cases[i].key, &refs), 0);
    }
}


/* words out of a small set, so that many match */

static void
random_words(char *s, ngx_uint_t wild)
{
    ngx_uint_t  n;

    static const char *const  words[] = { "a", "b", "ab", "", "*", "#" };

    *s = '\0';

    for (n = random_below(7); n; n--) {
        strcat(s, words[random_below(wild || random_below(50) == 0 ? 6 : 4)]);

        if (n > 1) {
            strcat(s, ".");
        }
    }
}


static void
test_random(void **state)
{
    char                    key[64];
    static char             patterns[PATTERNS][64];
    ngx_uint_t              i, k, n, cases, expected;
    ngx_ess_stream_ref_t  **refs;

    for (i = 0; i < PATTERNS; i++) {
        random_words(patterns[i], 1);
        add(patterns[i], i + 1);
    }

    for (cases = 0; cases < CASES; cases += PATTERNS) {

        random_words(key, 0);

        n = match(key, &refs);
        k = 0;
        expected = 0;

        for (i = 0; i < PATTERNS; i++) {

            if (!plainly(patterns[i], key)) {
                continue;
            }

            expected++;

            if (k == n || refs[k]->id != i + 1 || refs[k]->epoch != 7 * (i + 1))
            {
                fail_msg("\"%s\" does not find \"%s\"", key, patterns[i]);
            }

            k++;
        }

        assert_int_equal(n, expected);

        /* one goes, and comes again as another */

        if (n) {
            i = random_below(n);
            k = refs[i]->id - 1;

            ngx_ess_topic_remove(topic, refs[i]);

            random_words(patterns[k], 1);
            add(patterns[k], k + 1);
        }
    }
}


/* several keys at once: each stream that one of them finds, once */

static void
test_keys(void **state)
{
    char                    keys[5][64];
    static char             patterns[PATTERNS][64];
    ngx_uint_t              i, j, k, n, cases;
    ngx_ess_event_key_t     ks[5];
    ngx_ess_stream_ref_t  **refs;

    for (i = 0; i < PATTERNS; i++) {
        random_words(patterns[i], 1);
        add(patterns[i], i + 1);
    }

    for (cases = 0; cases < CASES / 100; cases++) {

        n = random_below(6);

        for (j = 0; j < n; j++) {
            random_words(keys[j], 0);
            ks[j].key.data = (u_char *) keys[j];
            ks[j].key.len = strlen(keys[j]);
        }

        k = ngx_ess_topic_match(topic, ks, n, &refs);

        for (i = 0; i < PATTERNS; i++) {

            for (j = 0; j < n && !plainly(patterns[i], keys[j]); j++) {
                /* void */
            }

            if (j < n) {
                assert_true(k > 0);
                assert_int_equal((*refs)->id, i + 1);
                refs++;
                k--;
            }
        }

        assert_int_equal(k, 0);
    }
}


static void
test_turn(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 5; i++) {
        add("a.b", i + 1);
    }

    for (i = 0; i < 10; i++) {
        assert_int_equal(ngx_ess_topic_turn(topic)->id, i % 5 + 1);
    }
}


/* 128 words for 127 "#": without end for a matcher that tries all ways */

static void
test_hard(void **state)
{
    char                    pattern[NGX_ESS_MAX_KEY + 1];
    char                    key[NGX_ESS_MAX_KEY + 1];
    ngx_uint_t              i;
    ngx_ess_stream_ref_t  **refs;

    for (i = 0; i < NGX_ESS_MAX_KEY; i++) {
        pattern[i] = (i % 2) ? '.' : '#';
        key[i] = (i % 2) ? '.' : 'a';
    }

    pattern[NGX_ESS_MAX_KEY - 1] = 'b';
    pattern[NGX_ESS_MAX_KEY] = '\0';
    key[NGX_ESS_MAX_KEY] = '\0';

    add(pattern, 1);

    assert_int_equal(match(key, &refs), 0);

    key[NGX_ESS_MAX_KEY - 1] = 'b';

    assert_int_equal(match(key, &refs), 1);
}


static void
test_many(void **state)
{
    char                    s[32];
    ngx_uint_t              i;
    ngx_ess_stream_ref_t  **refs;

    for (i = 0; i < 20000; i++) {
        (void) sprintf(s, "%u.*.%u.#", (unsigned) i % 100, (unsigned) i / 100);
        add(s, i + 1);
    }

    for (i = 0; i < 20000; i++) {
        (void) sprintf(s, "%u.x.%u", (unsigned) i % 100, (unsigned) i / 100);
        assert_int_equal(match(s, &refs), 1);
        assert_int_equal(refs[0]->id, i + 1);
    }

    for (i = 0; i < 20000; i++) {
        ngx_ess_topic_remove(topic, ngx_ess_topic_turn(topic));
    }

    assert_int_equal(match("1.x.1", &refs), 0);
}


/* whatever allocation fails, what was there before goes on as it was */

static void
test_no_memory(void **state)
{
    char                    s[32];
    ngx_str_t               pattern;
    ngx_int_t               n, rc;
    ngx_uint_t              i;
    ngx_ess_topic_t        *none;
    ngx_ess_stream_ref_t    ref, **refs;

    allocations = 0;
    none = ngx_ess_topic_create(&quiet);
    assert_null(none);

    ngx_memzero(&ref, sizeof(ngx_ess_stream_ref_t));

    pattern.data = (u_char *) s;

    for (i = 0; i < 200; i++) {
        pattern.len = sprintf(s, "%u.*.a.#.b", (unsigned) i);
        ref.id = i + 1;
        n = 0;

        do {
            allocations = n++;
            rc = ngx_ess_topic_add(topic, &pattern, &ref);
            allocations = -1;

            assert_int_equal(match("0.x.a.b", &refs), (i || rc == NGX_OK));

        } while (rc != NGX_OK);
    }

    for (i = 0; i < 200; i++) {
        (void) sprintf(s, "%u.x.a.b", (unsigned) i);
        assert_int_equal(match(s, &refs), 1);
        assert_int_equal(refs[0]->id, i + 1);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hard, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
