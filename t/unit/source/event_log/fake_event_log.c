/*
 * The event log of a test.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_event_log.h"
#include "ngx_trace.h"


static ngx_ess_event_log_t         event_log = { .name = ngx_string("abc") };
static ngx_ess_event_log_query_t  *asked;
static ngx_uint_t                  held;

ngx_array_t                        fake_logs;
uint64_t                           fake_epoch;


void
fake_event_log_init(void)
{
    asked = NULL;
    held = 0;
    fake_epoch = 0xe;
}


ngx_uint_t
fake_asked(void)
{
    return asked != NULL;
}


ngx_uint_t
fake_held(void)
{
    return held;
}


ngx_ess_event_log_t *
ngx_ess_event_log_named(ngx_array_t *logs, const ngx_str_t *name)
{
    assert_ptr_equal(logs, &fake_logs);

    return (name->len == 3 && ngx_strncmp(name->data, "abc", 3) == 0)
           ? &event_log : NULL;
}


void
ngx_ess_event_log_query(ngx_ess_event_log_t *log,
    ngx_ess_event_log_query_t *query)
{
    assert_ptr_equal(log, &event_log);
    assert_null(asked);

    if (query->has_after) {
        ngx_unit_trace("%s %u", query->desc ? "before" : "after",
                       (unsigned) query->after_seq);

    } else if (query->has_since) {
        ngx_unit_trace("since %u", (unsigned) query->since);

    } else {
        assert_int_equal(query->desc, 1);
        ngx_unit_trace("last %u", (unsigned) query->size);
    }

    asked = query;
}


void
ngx_ess_event_log_query_done(ngx_ess_event_log_query_t *query)
{
    if (query->rows) {
        assert_true(held > 0);
        held--;
    }

    free(query->rows);
    query->rows = NULL;
}


static void
answer(ngx_int_t rc)
{
    ngx_ess_event_log_query_t  *query;

    query = asked;
    assert_non_null(query);

    asked = NULL;
    held += (query->rows != NULL);

    query->rc = rc;
    query->epoch = (rc == NGX_OK && query->has_epoch) ? fake_epoch : 0;
    query->handler(query);
}


void
fake_answers(uint64_t first, uint64_t last, ngx_uint_t more)
{
    uint64_t    n, seq;
    ngx_uint_t  i;

    n = (first == 0) ? 0 : (first <= last) ? last - first + 1
                                           : first - last + 1;

    assert_non_null(asked);
    asked->rows = calloc(n + 1, sizeof(ngx_ess_event_log_row_t));
    assert_non_null(asked->rows);

    asked->nrows = n;
    asked->more = more;

    for (i = 0; i < n; i++) {
        seq = (first <= last) ? first + i : first - i;

        asked->rows[i].seq = seq;
        asked->rows[i].time = 1000 + seq;
        ngx_str_set(&asked->rows[i].body, "{}");
    }

    answer(NGX_OK);
}


void
fake_answers_busy(void)
{
    answer(NGX_BUSY);
}


/* all are under way */

ngx_int_t
ngx_ess_event_log_query_cancel(ngx_ess_event_log_t *log,
    ngx_ess_event_log_query_t *query)
{
    return NGX_BUSY;
}


void
ngx_ess_event_log_followed(ngx_ess_event_log_t *log)
{
}
