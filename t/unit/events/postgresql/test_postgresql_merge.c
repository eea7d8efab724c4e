/*
 * Several inserts as one transaction, held against a model that takes one after
 * the other.
 *
 * links: src/events/postgresql/ngx_ess_postgresql_merge.c src/ngx_ess_str.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_postgresql_merge.h"


#define INSERTS  4
#define EVENTS   5
#define IDS      6
#define ROUNDS   20000


static ngx_ess_event_log_event_t    events[INSERTS][EVENTS];
static ngx_ess_event_log_insert_t   inserts[INSERTS];
static ngx_ess_event_log_insert_t  *list[INSERTS];
static char                        *names[IDS] = { "a", "b", "c", "aa", "ab",
                                                   "" };


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


static void
set(ngx_uint_t i, ngx_uint_t j, int id, int content)
{
    ngx_ess_event_log_event_t  *event;

    event = &events[i][j];

    ngx_memzero(event, sizeof(*event));

    event->id.data = (u_char *) names[id];
    event->id.len = strlen(names[id]);
    ngx_memset(event->hash, content, 16);
}


/* what the database has: the content of each id, 0: it has none */

static void
model(int db[IDS], int results[INSERTS][EVENTS], ngx_int_t rcs[INSERTS])
{
    int         before[IDS], id, content;
    ngx_uint_t  i, j, other;

    for (i = 0; i < INSERTS; i++) {
        ngx_memcpy(before, db, sizeof(before));
        other = 0;

        for (j = 0; j < inserts[i].n; j++) {
            content = events[i][j].hash[0];

            for (id = 0; strcmp(names[id], (char *) events[i][j].id.data); id++)
            { /* void */ }

            if (names[id][0] == '\0') {
                results[i][j] = NGX_ESS_EVENT_LOG_STORED;

            } else if (db[id] == 0) {
                db[id] = content;
                results[i][j] = NGX_ESS_EVENT_LOG_STORED;

            } else if (db[id] == content) {
                results[i][j] = NGX_ESS_EVENT_LOG_SAME;

            } else {
                results[i][j] = NGX_ESS_EVENT_LOG_OTHER;
                other = 1;
            }
        }

        rcs[i] = NGX_OK;

        if (inserts[i].atomic && other) {
            rcs[i] = NGX_DECLINED;
            ngx_memcpy(db, before, sizeof(before));
        }
    }
}


static void
one_round(void)
{
    int                         db[IDS], known[IDS], id;
    int                         results[INSERTS][EVENTS];
    u_char                      hash[16];
    ngx_int_t                   rcs[INSERTS];
    ngx_str_t                   name;
    ngx_uint_t                  i, j, k, seq, nstore;
    ngx_ess_postgresql_merge_t  merge;

    for (id = 0; id < IDS; id++) {
        db[id] = (random() % 3 == 0) ? 1 + random() % 2 : 0;
    }

    db[IDS - 1] = 0;

    for (i = 0; i < INSERTS; i++) {
        inserts[i].events = events[i];
        inserts[i].n = 1 + random() % EVENTS;
        inserts[i].atomic = random() % 2;
        list[i] = &inserts[i];

        for (j = 0; j < inserts[i].n; j++) {
            set(i, j, random() % IDS, 1 + random() % 2);
        }
    }

    assert_int_equal(ngx_ess_postgresql_merge_init(&merge, list, INSERTS, NULL),
                     NGX_OK);

    /* an attempt that failed leaves nothing */

    ngx_ess_postgresql_merge_decide(&merge);
    ngx_ess_postgresql_merge_reset(&merge);

    for (id = 0; id < IDS; id++) {
        known[id] = db[id];

        if (db[id]) {
            name.data = (u_char *) names[id];
            name.len = strlen(names[id]);
            ngx_memset(hash, db[id], 16);
            (void) ngx_ess_postgresql_merge_known(&merge, &name, 1000 + id,
                                                  hash);
        }
    }

    ngx_ess_postgresql_merge_decide(&merge);
    model(db, results, rcs);

    seq = 1;
    nstore = 0;

    for (k = 0; k < merge.n; k++) {
        if (merge.items[k].store) {
            ngx_ess_postgresql_merge_stored(&merge.items[k], seq++);
            nstore++;
        }
    }

    assert_int_equal(nstore, merge.nstore);

    ngx_ess_postgresql_merge_finish(&merge);

    for (i = 0, k = 0; i < INSERTS; i++) {
        assert_int_equal(inserts[i].rc, rcs[i]);

        for (j = 0; j < inserts[i].n; j++, k++) {
            assert_int_equal(events[i][j].result, results[i][j]);

            assert_int_equal(merge.items[k].store,
                             rcs[i] == NGX_OK
                             && results[i][j] == NGX_ESS_EVENT_LOG_STORED);

            if (rcs[i] == NGX_OK
                && results[i][j] != NGX_ESS_EVENT_LOG_OTHER)
            {
                assert_true(events[i][j].seq != 0);
            }

            for (id = 0; id < IDS; id++) {
                if (known[id] && rcs[i] == NGX_OK
                    && events[i][j].id.data == (u_char *) names[id]
                    && results[i][j] == NGX_ESS_EVENT_LOG_SAME)
                {
                    assert_int_equal(events[i][j].seq, 1000 + id);
                }
            }
        }
    }

    ngx_ess_postgresql_merge_done(&merge);
}


static void
test_model(void **state)
{
    ngx_uint_t  i;

    srandom(1);

    for (i = 0; i < ROUNDS; i++) {
        one_round();
    }
}


static void
test_nobody_asked(void **state)
{
    u_char                      hash[16];
    ngx_str_t                   name = ngx_string("zz");
    ngx_ess_postgresql_merge_t  merge;

    inserts[0].events = events[0];
    inserts[0].n = 2;
    list[0] = &inserts[0];

    set(0, 0, 0, 1);
    set(0, 1, IDS - 1, 1);
    ngx_memzero(hash, sizeof(hash));

    assert_int_equal(ngx_ess_postgresql_merge_init(&merge, list, 1, NULL),
                     NGX_OK);
    assert_int_equal(merge.nheads, 1);
    assert_int_equal(ngx_ess_postgresql_merge_known(&merge, &name, 1, hash),
                     NGX_DECLINED);

    ngx_ess_postgresql_merge_done(&merge);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_nobody_asked)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
