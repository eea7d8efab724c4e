/*
 * What the registry stands on in its tests: fake_registry.h.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_registry.h"


ngx_str_t                   key = ngx_string("abc");
ngx_ess_zone_t             *zone;
static ngx_cycle_t          cycle;
ngx_ess_registry_op_t      *op;

/* the store and the source: what waits for an answer */
static ngx_queue_t          stored;
ngx_ess_source_bind_t      *bound;
ngx_uint_t                  unbound;

/* what the handler was called with */
ngx_uint_t                  calls;
ngx_ess_registry_result_e   result;
char                        text[1024];
ngx_ess_stream_info_t       info;


void
ngx_ess_store_submit(ngx_ess_store_op_t *store)
{
    ngx_queue_insert_tail(&stored, &store->queue);
}


void
ngx_ess_source_bind(ngx_ess_zone_t *z, ngx_ess_source_bind_t *bind)
{
    assert_null(bound);
    bound = bind;
}


void
ngx_ess_source_unbind(ngx_ess_zone_t *z, ngx_uint_t source, ngx_str_t *k)
{
    assert_int_equal(k->len, key.len);
    unbound++;
}


ngx_uint_t
waiting(void)
{
    ngx_uint_t    n;
    ngx_queue_t  *q;

    n = 0;

    for (q = ngx_queue_head(&stored);
         q != ngx_queue_sentinel(&stored);
         q = ngx_queue_next(q))
    {
        n++;
    }

    return n;
}


void
store(ngx_ess_store_op_e type, ngx_int_t rc)
{
    ngx_queue_t         *q;
    ngx_ess_store_op_t  *s;

    assert_false(ngx_queue_empty(&stored));

    q = ngx_queue_head(&stored);
    ngx_queue_remove(q);

    s = ngx_queue_data(q, ngx_ess_store_op_t, queue);
    assert_int_equal(s->type, type);

    s->rc = rc;
    strcpy((char *) s->text, rc == NGX_OK ? "" : "disk full");
    s->handler(s);
}


void
source(ngx_int_t rc, const char *words)
{
    ngx_str_t               t;
    ngx_ess_source_bind_t  *b;

    assert_non_null(bound);

    b = bound;
    bound = NULL;

    t.data = (u_char *) words;
    t.len = ngx_strlen(words);

    b->handler(b, rc, &t);
}


void
handler(void *data, ngx_ess_registry_result_e r, ngx_ess_stream_info_t *i,
    const char *t)
{
    assert_ptr_equal(data, &calls);

    calls++;
    result = r;
    info = *i;
    strcpy(text, t);
}


void
create(uint64_t epoch, ngx_ess_source_options_t *declare)
{
    assert_int_equal(ngx_ess_registry_create(zone, &key,
                                             epoch ? &ngx_unit_follows
                                                   : &ngx_unit_bound,
                                             epoch, NULL, declare, handler,
                                             &calls, &op),
                     NGX_OK);
    assert_int_equal(calls, 0);
}


void
created(void)
{
    create(0, NULL);
    store(NGX_ESS_STORE_SAVE, NGX_OK);
    source(NGX_OK, "");

    assert_int_equal(calls, 1);
    assert_int_equal(result, NGX_ESS_REGISTRY_OK);
    calls = 0;
}


ngx_uint_t
visible(void)
{
    ngx_ess_stream_info_t  i;

    return ngx_ess_stream_list(zone, 0, &i, 1);
}


int
fake_setup(void **state)
{
    ngx_cycle = &cycle;
    cycle.log = &ngx_unit_log;

    zone = ngx_unit_zone(1024 * 1024);
    ngx_ess_zone_new_generation(zone);

    ngx_queue_init(&stored);
    bound = NULL;
    unbound = 0;
    calls = 0;

    if (ngx_ess_process_attach(zone, 3, &ngx_unit_log) != NGX_OK) {
        return 1;
    }

    ngx_ess_registry_upkeep_init(&cycle, zone);

    return 0;
}


int
fake_teardown(void **state)
{
    ngx_uint_t  faults;

    faults = ngx_ess_zone_check(zone, &ngx_unit_log);
    faults += waiting() + (bound != NULL);
    ngx_unit_free(zone);

    return faults != 0;
}
