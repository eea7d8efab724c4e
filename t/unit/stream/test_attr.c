/*
 * Attributes of streams: names, rules and bounds of logs.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/stream/one_zone.c
 */


#include "one_zone.h"
#include "ngx_ess_attr.h"
#include <sys/wait.h>


static ngx_str_t  key = ngx_string("abc");
static u_char     letters[NGX_ESS_MAX_KEY];


static ngx_ess_stream_attr_t
attr_of(size_t name, size_t rule)
{
    ngx_ess_stream_attr_t  attr;

    ngx_memset(letters, 'n', sizeof(letters));
    ngx_memzero(&attr, sizeof(ngx_ess_stream_attr_t));

    attr.name.data = letters;
    attr.name.len = name;
    attr.rule.data = letters;
    attr.rule.len = rule;

    return attr;
}


static void
make_named(ngx_ess_zone_t *zone, ngx_str_t *k, ngx_ess_stream_attr_t *attr,
    ngx_ess_stream_info_t *info)
{
    assert_int_equal(ngx_ess_table_reserve(zone, k, &ngx_unit_bound, 0, attr,
                                           info),
                     NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info->ref), NGX_OK);
}


static void
delete(ngx_ess_zone_t *zone, ngx_ess_stream_info_t *info)
{
    assert_int_equal(ngx_ess_table_delete_begin(zone, &info->ref), NGX_OK);
    ngx_ess_table_remove(zone, &info->ref);
}


static void
append(ngx_ess_zone_t *zone, u_char *uuid)
{
    ngx_ess_wake_t   wake;
    ngx_ess_event_t  event;

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));
    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    ngx_str_set(&event.body, "0123456789");
    event.uuid = uuid;

    assert_true(ngx_ess_log_append(zone, &key, &event, 1, &wake) > 0);
}


static uint64_t
events(ngx_ess_zone_t *zone, ngx_ess_stream_info_t *stream)
{
    ngx_ess_stream_info_t  info;

    assert_int_equal(ngx_ess_stream_by_id(zone, stream->ref.id, &info),
                     NGX_OK);

    return info.events;
}


/* A stream without attributes takes a segment, as ever. */

static void
test_plain(void **state)
{
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_attr_t   attr;
    ngx_ess_stream_info_t   info;

    zone = make(1024 * 1024);

    create(zone, &key, &info);
    assert_int_equal(zone->sh->nstatic, 1);
    assert_int_equal(info.kind.attr, 0);
    assert_int_equal(info.name_len, 0);
    assert_int_equal(info.rule_len, 0);

    attr = attr_of(0, 0);
    make_named(zone, &key, &attr, &info);
    assert_int_equal(zone->sh->nstatic, 2);
    assert_int_equal(info.kind.attr, 0);

    assert_int_equal(ngx_ess_table_set_attr(zone, &info.ref, &attr),
                     NGX_DECLINED);

    done(zone);
}


/* Keys, names and rules of all lengths, read as they were written. */

static void
test_lengths(void **state)
{
    size_t                  k, n, r;
    ngx_str_t               text, name;
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_attr_t   attr;
    ngx_ess_stream_info_t   made, info;

    static size_t           lengths[] = { 0, 1, 79, 80, 81, 127, 128, 255 };

    zone = make(1024 * 1024);

    for (k = 1; k < 8; k++) {
        for (n = 0; n < 7; n++) {
            for (r = 0; r < 8; r++) {

                attr = attr_of(lengths[n], lengths[r]);
                attr.created = 1;

                text.data = letters;
                text.len = lengths[k];

                make_named(zone, &text, &attr, &made);

                assert_int_equal(zone->sh->nstatic,
                                 (lengths[k] > NGX_ESS_STREAM_KEY ? 2 : 1)
                                 + ngx_ess_attr_segs(&made));

                name = attr.name;

                if (name.len) {
                    assert_int_equal(ngx_ess_stream_by_name(zone, &name,
                                                            &info),
                                     NGX_OK);
                    assert_int_equal(info.ref.id, made.ref.id);

                    name.len--;
                    assert_int_equal(ngx_ess_stream_by_name(zone, &name,
                                                            &info),
                                     NGX_DECLINED);
                }

                assert_int_equal(ngx_ess_stream_by_id(zone, made.ref.id,
                                                      &info),
                                 NGX_OK);

                assert_int_equal(info.key_len, lengths[k]);
                assert_int_equal(info.name_len, lengths[n]);
                assert_int_equal(info.rule_len, lengths[r]);
                assert_memory_equal(info.key, letters, lengths[k]);
                assert_memory_equal(info.name, letters, lengths[n]);
                assert_memory_equal(info.rule, letters, lengths[r]);
                assert_int_equal(info.created, 1);
                assert_int_equal(info.declared, 0);

                assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);

                delete(zone, &made);
            }
        }
    }

    assert_int_equal(zone->sh->nstatic, 0);

    attr = attr_of(NGX_ESS_MAX_NAME + 1, 0);
    assert_int_equal(ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0,
                                           &attr, &info),
                     NGX_ERROR);

    done(zone);
}


/* A name is one stream's, until that is closed. */

static void
test_taken(void **state)
{
    uint32_t                number;
    uint64_t                seq, next;
    ngx_str_t               name = ngx_string("orders");
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_attr_t   attr;
    ngx_ess_stream_info_t   a, b, info;

    zone = make(1024 * 1024);

    ngx_memzero(&attr, sizeof(ngx_ess_stream_attr_t));
    attr.name = name;
    attr.declared = 1;

    assert_int_equal(ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0,
                                           &attr, &a),
                     NGX_OK);
    assert_int_equal(a.declared, 1);
    assert_int_equal(ngx_ess_stream_by_name(zone, &name, &info),
                     NGX_DECLINED);
    assert_int_equal(ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0,
                                           &attr, &b),
                     NGX_ABORT);

    (void) ngx_ess_table_show(zone, &a.ref);
    assert_int_equal(ngx_ess_stream_by_name(zone, &name, &info), NGX_OK);
    assert_int_equal(info.ref.id, a.ref.id);

    assert_int_equal(ngx_ess_interest_subscribe(zone, &a.ref, NULL, &seq,
                                                &next, &number),
                     NGX_OK);

    assert_int_equal(ngx_ess_table_delete_begin(zone, &a.ref), NGX_OK);
    assert_int_equal(ngx_ess_table_reserve(zone, &key, &ngx_unit_bound, 0,
                                           &attr, &b),
                     NGX_ABORT);
    ngx_ess_table_remove(zone, &a.ref);

    /* CLOSED: its subscriber is there still */

    assert_int_equal(zone->sh->nstreams, 1);
    assert_int_equal(ngx_ess_stream_by_name(zone, &name, &info),
                     NGX_DECLINED);

    make_named(zone, &key, &attr, &b);
    assert_int_equal(ngx_ess_stream_by_name(zone, &name, &info), NGX_OK);
    assert_int_equal(info.ref.id, b.ref.id);

    ngx_ess_interest_unsubscribe(zone, &a.ref);
    assert_int_equal(zone->sh->nstreams, 1);
    assert_int_equal(ngx_ess_stream_by_name(zone, &name, &info), NGX_OK);

    done(zone);
}


static void
test_load(void **state)
{
    ngx_str_t              name = ngx_string("orders");
    ngx_ess_zone_t        *zone;
    ngx_ess_stream_info_t  row, info;

    zone = make(1024 * 1024);

    ngx_memzero(&row, sizeof(ngx_ess_stream_info_t));

    row.ref.id = 7;
    row.ref.epoch = 42;
    row.kind = ngx_unit_bound;
    row.key_len = 1;
    row.key[0] = 'k';
    row.declared = 1;
    row.name_len = name.len;
    ngx_memcpy(row.name, name.data, name.len);
    row.log_count = 5;

    assert_int_equal(ngx_ess_table_load(zone, &row), NGX_OK);
    assert_int_equal(ngx_ess_stream_by_name(zone, &name, &info), NGX_OK);
    assert_int_equal(info.ref.id, 7);
    assert_int_equal(info.declared, 1);
    assert_int_equal(info.log_count, 5);
    assert_int_equal(info.kind.attr, NGX_ESS_ATTR_NAME|NGX_ESS_ATTR_LOG
                                     |NGX_ESS_ATTR_DECLARED);

    row.ref.id = 8;
    row.uuid[0] = 1;
    assert_int_equal(ngx_ess_table_load(zone, &row), NGX_ABORT);

    row.name[0] = 'x';
    assert_int_equal(ngx_ess_table_load(zone, &row), NGX_OK);

    done(zone);
}


/* Rule and bounds are replaced, longer and shorter; the name stays. */

static void
test_set(void **state)
{
    size_t                  r;
    ngx_str_t               name;
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_attr_t   attr;
    ngx_ess_stream_info_t   stream, other, info;

    static size_t           lengths[] = { 0, 255, 1, 127, 0 };

    zone = make(1024 * 1024);

    attr = attr_of(100, 10);
    attr.declared = 1;
    make_named(zone, &key, &attr, &stream);

    attr.name.len = 5;
    make_named(zone, &key, &attr, &other);

    for (r = 0; r < 5; r++) {
        attr = attr_of(0, lengths[r]);
        attr.log_age = r * 1000;
        attr.log_size = r;

        assert_int_equal(ngx_ess_table_set_attr(zone, &stream.ref, &attr),
                         NGX_OK);

        name.data = letters;
        name.len = 100;

        assert_int_equal(ngx_ess_stream_by_name(zone, &name, &info), NGX_OK);
        assert_int_equal(info.ref.id, stream.ref.id);
        assert_int_equal(info.declared, 1);
        assert_int_equal(info.rule_len, lengths[r]);
        assert_memory_equal(info.rule, letters, lengths[r]);
        assert_int_equal(info.log_age, r * 1000);
        assert_int_equal(info.log_size, r);

        assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
    }

    delete(zone, &stream);

    assert_int_equal(ngx_ess_table_set_attr(zone, &stream.ref, &attr),
                     NGX_DECLINED);

    done(zone);
}


static void
test_bounds(void **state)
{
    ngx_uint_t              i;
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_attr_t   attr;
    ngx_ess_stream_info_t   plain, few, small, many;

    zone = make(1024 * 1024);
    zone->log_count = 10;

    create(zone, &key, &plain);

    attr = attr_of(0, 0);
    attr.log_count = 3;
    make_named(zone, &key, &attr, &few);

    attr.log_count = 0;
    attr.log_size = 50;
    make_named(zone, &key, &attr, &small);

    attr.log_count = 1000;
    attr.log_size = 0;
    make_named(zone, &key, &attr, &many);

    for (i = 0; i < 20; i++) {
        ngx_current_msec += 2000;
        append(zone, NULL);
    }

    assert_int_equal(events(zone, &plain), 10);
    assert_int_equal(events(zone, &few), 3);
    assert_int_equal(events(zone, &small), 5);
    assert_int_equal(events(zone, &many), 20);

    done(zone);
}


/* Ages of their own, shorter and longer than what ess_log says. */

static void
test_ages(void **state)
{
    ngx_uint_t              i;
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_attr_t   attr;
    ngx_ess_stream_info_t   plain, brief, longer, third;

    zone = make(1024 * 1024);
    zone->log_age = 60000;

    create(zone, &key, &plain);

    attr = attr_of(0, 0);
    attr.log_age = 10000;
    make_named(zone, &key, &attr, &brief);

    attr.log_age = 600000;
    make_named(zone, &key, &attr, &longer);

    attr.log_age = 20000;
    make_named(zone, &key, &attr, &third);

    for (i = 0; i < 10; i++) {
        append(zone, NULL);
    }

    ngx_current_msec += 15000;

    for (i = 0; i < 10; i++) {
        ngx_ess_log_room_expire(zone, 4);
    }

    assert_int_equal(events(zone, &plain), 10);
    assert_int_equal(events(zone, &brief), 0);
    assert_int_equal(events(zone, &third), 10);

    ngx_current_msec += 10000;

    for (i = 0; i < 10; i++) {
        ngx_ess_log_room_expire(zone, 4);
    }

    assert_int_equal(events(zone, &third), 0);

    /* what stays longer keeps nobody else's */

    ngx_current_msec += 50000;

    for (i = 0; i < 10; i++) {
        ngx_ess_log_room_expire(zone, 4);
        assert_int_equal(ngx_ess_zone_check(zone, &ngx_unit_log), 0);
    }

    assert_int_equal(events(zone, &plain), 0);
    assert_int_equal(events(zone, &longer), 10);
    assert_true(zone->sh->age_kept != 0);

    append(zone, plain.uuid);
    ngx_current_msec += 61000;
    ngx_ess_log_room_expire(zone, 1000);
    assert_int_equal(events(zone, &plain), 0);
    assert_int_equal(events(zone, &longer), 10);

    ngx_current_msec += 600000;
    ngx_ess_log_room_expire(zone, 1000);
    assert_int_equal(events(zone, &longer), 0);
    assert_int_equal(zone->sh->age_kept, 0);

    done(zone);
}


/* A worker dies at each write of a creation, a change and a deletion. */

static void
test_each_write(void **state)
{
    int                     status;
    pid_t                   pid;
    uint64_t                rule;
    ngx_int_t               rc;
    ngx_uint_t              n, op;
    ngx_str_t               name;
    ngx_ess_zone_t         *zone;
    ngx_ess_stream_attr_t   attr, changed;
    ngx_ess_stream_info_t   stream, other, info;

    zone = make(1024 * 1024);

    attr = attr_of(60, 0);
    attr.log_age = 1000;
    make_named(zone, &key, &attr, &other);

    changed = attr_of(0, 255);
    changed.log_age = 2000;

    name.data = letters;
    name.len = 128;

    for (op = 0; op < 3; op++) {

        for (n = 1; /* void */ ; n++) {

            attr = attr_of(128, 20);
            attr.log_age = 5000;

            if (op) {
                make_named(zone, &key, &attr, &stream);
            }

            *ngx_unit_faults = n;

            pid = fork();
            assert_true(pid != -1);

            if (pid == 0) {

                switch (op) {
                case 0:
                    (void) ngx_ess_table_reserve(zone, &key, &ngx_unit_bound,
                                                 0, &attr, &stream);
                    break;
                case 1:
                    (void) ngx_ess_table_set_attr(zone, &stream.ref, &changed);
                    break;
                default:
                    (void) ngx_ess_table_delete_begin(zone, &stream.ref);
                    ngx_ess_table_remove(zone, &stream.ref);
                    break;
                }

                _exit(0);
            }

            assert_true(waitpid(pid, &status, 0) == pid);
            *ngx_unit_faults = 0;
            ngx_unit_force_unlock(zone);

            ngx_ess_zone_lock(zone);
            ngx_ess_zone_unlock(zone);

            if (ngx_ess_zone_check(zone, &ngx_unit_log)) {
                fail_msg("op = %d, n = %d", (int) op, (int) n);
            }

            rc = ngx_ess_stream_by_name(zone, &name, &info);

            if (op == 1) {
                rule = info.rule_len;
                assert_int_equal(rc, NGX_OK);
                assert_true((rule == 20 && info.log_age == 5000)
                            || (rule == 255 && info.log_age == 2000));
            }

            if (rc == NGX_OK && info.state == NGX_ESS_STREAM_VISIBLE) {
                delete(zone, &info);
            }

            /* what is half-made */

            while (zone->sh->nstreams > 1) {
                ngx_ess_zone_lock(zone);
                ngx_ess_stream_info_locked(zone->sh, zone->sh->streams_tail,
                                           &info);
                ngx_ess_zone_unlock(zone);

                ngx_ess_table_remove(zone, &info.ref);
            }

            if (WIFEXITED(status)) {
                break;
            }
        }

        assert_true(n > 20);
    }

    name.len = 60;
    assert_int_equal(ngx_ess_stream_by_name(zone, &name, &info), NGX_OK);
    assert_int_equal(info.ref.id, other.ref.id);

    done(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_each_write),
    };

    ngx_unit_fault();

    return cmocka_run_group_tests(tests, NULL, NULL);
}
