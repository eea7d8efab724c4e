/*
 * Keys of events: by the rules of their streams, each found once and without
 * the mutex, however many there are; and records that have them.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_log.c
 */


#include "one_log.h"
#include "ngx_ess_log_key.h"
#include "ngx_ess_log_read.h"
#include <sys/wait.h>


#define STREAMS  40


static ngx_uint_t             nfound;       /* calls of find_key() */
static ngx_ess_stream_info_t  infos[STREAMS];


/* The rule "none:..." finds nothing, others the rule's own text. */

static ngx_int_t
find_key(ngx_ess_event_t *event, ngx_str_t *rule, ngx_str_t *k)
{
    /* without the mutex, or this waits for ever */

    ngx_ess_zone_lock(zone);
    ngx_ess_zone_unlock(zone);

    nfound++;

    if (ngx_strncmp(rule->data, "none", 4) == 0) {
        return NGX_DECLINED;
    }

    ngx_memcpy(k->data, rule->data, rule->len);
    k->len = rule->len;

    return NGX_OK;
}


static void
make_ruled(ngx_ess_stream_info_t *info, const char *rule, size_t len)
{
    ngx_ess_stream_attr_t  attr;

    ngx_memzero(&attr, sizeof(ngx_ess_stream_attr_t));

    attr.rule.data = (u_char *) rule;
    attr.rule.len = len;

    assert_int_equal(ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0,
                                           &attr, info),
                     NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info->ref), NGX_OK);
}


static ngx_int_t
publish(size_t len, const char *k)
{
    ngx_int_t        rc;
    ngx_uint_t       i;
    ngx_ess_wake_t   wake;
    ngx_ess_event_t  event;
    static u_char    body[8192];

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));
    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    for (i = 0; i < len; i++) {
        body[i] = (u_char) (i * 7);
    }

    event.body.data = body;
    event.body.len = len;
    event.timestamp = 1000;
    event.find_key = find_key;
    event.key.data = (u_char *) k;
    event.key.len = strlen(k);

    do {
        rc = ngx_ess_log_append(zone, &key, &event, 0, &wake);
    } while (rc == NGX_BUSY);

    return rc;
}


/* Its last record has that key, and the body of so many bytes. */

static void
last_is(ngx_ess_stream_info_t *info, const char *k, size_t key_len,
    size_t len)
{
    size_t                 i, need;
    uint64_t               seq;
    ngx_int_t              rc;
    ngx_uint_t             n;
    ngx_ess_seg_t          last;
    ngx_ess_record_t      *r;
    ngx_ess_log_lost_t     lost;

    seq = 1;
    last = 0;

    do {
        n = 4096;
        rc = ngx_ess_log_read(zone, &info->ref, &seq, &last, buf, sizeof(buf),
                              records, &n, &lost, &need);
    } while (rc == NGX_AGAIN);

    assert_int_equal(rc, NGX_OK);
    assert_true(n > 0);

    r = &records[n - 1];

    assert_int_equal(r->key.len, key_len);

    if (key_len) {
        assert_memory_equal(r->key.data, k, key_len);
    }

    assert_int_equal(r->body.len, len);

    for (i = 0; i < len; i++) {
        assert_int_equal(r->body.data[i], (u_char) (i * 7));
    }
}


static void
check(void)
{
    assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
}


static void
test_each_by_its_rule(void **state)
{
    nfound = 0;

    make_ruled(&infos[0], "one", 3);
    make_ruled(&infos[1], "two", 3);
    make_ruled(&infos[2], "one", 3);
    make_ruled(&infos[3], "none:3", 6);

    assert_true(publish(10, "") > 0);

    last_is(&stream, "", 0, 10);
    last_is(&infos[0], "one", 3, 10);
    last_is(&infos[1], "two", 3, 10);
    last_is(&infos[2], "one", 3, 10);
    last_is(&infos[3], "", 0, 10);

    assert_int_equal(nfound, 3);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_NO_KEY), 1);
    check();
}


static void
test_a_key_of_its_own(void **state)
{
    nfound = 0;

    make_ruled(&infos[0], "one", 3);
    make_ruled(&infos[1], "none:3", 6);

    assert_true(publish(10, "mine") > 0);

    last_is(&stream, "", 0, 10);
    last_is(&infos[0], "mine", 4, 10);
    last_is(&infos[1], "mine", 4, 10);

    assert_int_equal(nfound, 0);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_NO_KEY), 0);
    check();
}


static void
test_none_without_a_rule(void **state)
{
    nfound = 0;

    assert_true(publish(10, "") > 0);
    assert_int_equal(nfound, 0);
    assert_true(publish(6, "") > 0);
    last_is(&stream, "", 0, 6);
}


/* more rules than an append knows at a time, of streams of one routing key */

static void
test_many_rules(void **state)
{
    char        rules[STREAMS][8];
    ngx_uint_t  i, round;

    for (i = 0; i < STREAMS; i++) {
        snprintf(rules[i], sizeof(rules[i]), "rule%lu", i % 23);
        make_ruled(&infos[i], rules[i], strlen(rules[i]));
    }

    for (round = 0; round < 3; round++) {
        assert_true(publish(round * 100, "") > 0);

        for (i = 0; i < STREAMS; i++) {
            last_is(&infos[i], rules[i], strlen(rules[i]), round * 100);
        }

        last_is(&stream, "", 0, round * 100);
    }

    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_EVENTS_IN),
                     3 * (STREAMS + 1));
    check();
}


/* keys and bodies of all lengths, over the ends of segments */

static void
test_lengths(void **state)
{
    char    k[NGX_ESS_MAX_KEY + 1];
    size_t  key_len, len;

    make_ruled(&infos[0], "one", 3);

    for (key_len = 1; key_len <= NGX_ESS_MAX_KEY; key_len += 2) {
        for (len = 0; len < 600; len += 37 + key_len % 5) {
            memset(k, 'k', key_len);
            k[key_len] = '\0';

            assert_true(publish(len, k) > 0);
            last_is(&infos[0], k, key_len, len);
        }
    }

    check();
}


/* a reader whose buffer is too small for body and key learns how much they
   take */

static void
test_need(void **state)
{
    size_t              need;
    uint64_t            seq;
    ngx_uint_t          n;
    ngx_ess_seg_t       last;
    ngx_ess_log_lost_t  lost;

    make_ruled(&infos[0], "one", 3);
    assert_true(publish(100, "key") > 0);

    seq = 1;
    last = 0;
    n = 10;

    assert_int_equal(ngx_ess_log_read(zone, &infos[0].ref, &seq, &last, buf,
                                      102, records, &n, &lost, &need),
                     NGX_BUSY);
    assert_int_equal(need, 103);

    n = 10;
    assert_int_equal(ngx_ess_log_read(zone, &infos[0].ref, &seq, &last, buf,
                                      103, records, &n, &lost, &need),
                     NGX_OK);
    assert_int_equal(n, 1);
}


/* what closes clients has no key, and is not counted */

static void
test_poison(void **state)
{
    ngx_ess_wake_t   wake;
    ngx_ess_event_t  event;

    make_ruled(&infos[0], "one", 3);

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));
    ngx_memzero(&event, sizeof(ngx_ess_event_t));
    ngx_str_set(&event.body, "POISON");
    event.find_key = find_key;
    nfound = 0;

    assert_true(ngx_ess_log_append(zone, &key, &event, 0, &wake) > 0);
    assert_int_equal(nfound, 0);
    assert_int_equal(ngx_ess_counter_sum(zone, NGX_ESS_C_NO_KEY), 0);
    check();
}


static uint64_t
last_of(ngx_ess_stream_info_t *info)
{
    ngx_ess_stream_info_t  now;

    assert_int_equal(ngx_ess_stream_by_id(zone, info->ref.id, &now), NGX_OK);

    return now.last_ordinal;
}


/* A worker dies at each write of an append: all streams have the event, with
   its key, or none has. */

static void
test_each_write(void **state)
{
    int         status;
    char        k[NGX_ESS_MAX_KEY + 1];
    pid_t       pid;
    uint64_t    before;
    ngx_uint_t  n;

    make_ruled(&infos[0], "one", 3);
    make_ruled(&infos[1], "none:3", 6);

    memset(k, 'k', NGX_ESS_MAX_KEY);
    k[NGX_ESS_MAX_KEY] = '\0';

    for (n = 1; /* void */ ; n++) {
        before = last_of(&stream);

        *ngx_unit_faults = n;

        pid = fork();
        assert_true(pid != -1);

        if (pid == 0) {
            (void) publish(600, (n % 2) ? k : "");
            _exit(0);
        }

        assert_true(waitpid(pid, &status, 0) == pid);
        *ngx_unit_faults = 0;
        ngx_unit_force_unlock(zone);

        ngx_ess_zone_lock(zone);
        ngx_ess_zone_unlock(zone);

        check();

        assert_int_equal(last_of(&infos[0]), last_of(&stream));
        assert_int_equal(last_of(&infos[1]), last_of(&stream));

        if (last_of(&stream) > before) {
            last_is(&infos[0], (n % 2) ? k : "one", (n % 2) ? 255 : 3, 600);
            last_is(&infos[1], k, (n % 2) ? 255 : 0, 600);
            last_is(&stream, "", 0, 600);
        }

        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            break;
        }
    }

    assert_true(n > 20);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        one_log_test(test_each_by_its_rule),
        one_log_test(test_a_key_of_its_own),
        one_log_test(test_none_without_a_rule),
        one_log_test(test_many_rules),
        one_log_test(test_lengths),
        one_log_test(test_need),
        one_log_test(test_poison),
        one_log_test(test_each_write)
    };

    ngx_unit_fault();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
