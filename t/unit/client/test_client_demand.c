/*
 * A client whose stream is made on demand, or declared: when it waits, and what
 * becomes of it.
 *
 * links: src/client/ngx_ess_client_demand.c src/ngx_ess_str.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_client_demand.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_header.h"
#include "ngx_ess_name.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_wait.h"


ngx_module_t                        ngx_ess_module;
ngx_ess_zone_t                     *ngx_ess_client_zone;

static ngx_http_request_t           request;
static ngx_connection_t             connection;
static ngx_ess_loc_conf_t           lcf;
static ngx_ess_main_conf_t          mcf;
static void                        *conf[2] = { &lcf, &mcf };
static ngx_ess_client_named_t       named;
static ngx_ess_source_entry_t       entry;
static ngx_http_cleanup_t           cleanup;
static u_char                       memory[4096];

static const char                  *wrong;
static ngx_uint_t                   declared, source, kind;
static ngx_int_t                    found, made, finished;
static ngx_uint_t                   full, joined, entered, retries, refused;
static ngx_ess_registry_created_t  *waits;


ngx_uint_t
ngx_ess_registry_created_declared(ngx_str_t *text)
{
    return declared;
}


const char *
ngx_ess_name_wrong(ngx_str_t *text)
{
    return wrong;
}


ngx_int_t
ngx_ess_created_find(ngx_ess_zone_t *zone, ngx_str_t *text,
    ngx_ess_stream_info_t *info)
{
    ngx_memzero(info, sizeof(ngx_ess_stream_info_t));
    info->kind.source = kind;
    info->key_len = 3;
    ngx_memcpy(info->key, "key", 3);

    return found;
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    assert_true(size <= sizeof(memory));
    ngx_memzero(memory, size);
    return memory;
}


ngx_uint_t
ngx_ess_client_max_reached(void)
{
    return full;
}


void
ngx_ess_client_max_join(void)
{
    joined++;
}


void
ngx_ess_client_max_leave(void)
{
    joined--;
}


ngx_int_t
ngx_ess_client_reject_full(ngx_http_request_t *r)
{
    return 503;
}


ngx_int_t
ngx_ess_client_rejected(ngx_ess_rejected_e reason, ngx_int_t rc)
{
    assert_int_equal(reason, NGX_ESS_REJECTED_CREATED);
    refused++;
    return rc;
}


ngx_ess_source_entry_t *
ngx_ess_source_entry(ngx_array_t *sources, ngx_uint_t number)
{
    source = number;
    return &entry;
}


ngx_http_cleanup_t *
ngx_ess_wait(ngx_http_request_t *r, ngx_http_cleanup_pt gone, void *data)
{
    cleanup.handler = gone;
    cleanup.data = data;
    return &cleanup;
}


void
ngx_ess_wait_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    finished = rc;
}


ngx_int_t
ngx_ess_registry_created_wait(ngx_ess_registry_created_t *wait)
{
    waits = wait;
    return made;
}


void
ngx_ess_registry_created_cancel(ngx_ess_registry_created_t *wait)
{
    assert_ptr_equal(wait, waits);
    waits = NULL;
}


ngx_int_t
ngx_ess_header_add(ngx_http_request_t *r, const char *field,
    const void *value, size_t len)
{
    retries++;
    return NGX_OK;
}


ngx_int_t
ngx_ess_problem_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...)
{
    return status;
}


static ngx_int_t
enter(ngx_http_request_t *r)
{
    entered++;
    return NGX_DONE;
}


static int
setup(void **state)
{
    ngx_ess_module.ctx_index = 0;
    request.loc_conf = &conf[0];
    request.main_conf = &conf[1];
    request.main = &request;
    request.count = 1;
    request.connection = &connection;

    lcf.create = 2;
    ngx_str_null(&lcf.subscribe_routing_key);
    kind = 0;

    ngx_str_set(&named.name, "abc");
    named.named = 1;
    wrong = NULL;
    declared = 0;
    found = NGX_DECLINED;
    made = NGX_OK;
    finished = 0;
    full = joined = entered = retries = refused = 0;
    waits = NULL;

    return 0;
}


static ngx_int_t
demand(ngx_int_t rc)
{
    ngx_ess_stream_info_t  info;

    return ngx_ess_client_demand(&request, rc, &named, &info, enter);
}


static void
test_no_need(void **state)
{
    found = NGX_OK;
    assert_int_equal(demand(NGX_OK), NGX_OK);

    wrong = "better";
    assert_int_equal(demand(NGX_DECLINED), NGX_DECLINED);

    /* a uuid names none that could be made */

    wrong = NULL;
    named.named = 0;
    assert_int_equal(demand(NGX_DECLINED), NGX_DECLINED);

    /* nor does a name in other locations */

    named.named = 1;
    lcf.create = 0;
    assert_int_equal(demand(NGX_DECLINED), NGX_DECLINED);
    assert_int_equal(demand(NGX_OK), NGX_OK);
    assert_null(waits);
}


/* What nginx.conf declares is made by others, and waited for. */

static void
test_declared(void **state)
{
    declared = 1;
    lcf.create = 0;
    found = NGX_OK;
    assert_int_equal(demand(NGX_OK), NGX_OK);
    assert_int_equal(demand(NGX_DECLINED), NGX_OK);
    assert_null(waits);

    found = NGX_DECLINED;
    assert_int_equal(demand(NGX_DECLINED), NGX_DONE);
    assert_int_equal(waits->name.len, 3);

    waits->handler(waits, 503, "later");
    assert_int_equal(finished, 503);
    assert_int_equal(retries, 1);
}


static void
test_made(void **state)
{
    assert_int_equal(demand(NGX_DECLINED), NGX_DONE);
    assert_int_equal(joined, 1);
    assert_int_equal(request.count, 2);
    assert_int_equal(waits->by, NGX_ESS_CREATED_SUBSCRIPTION);
    assert_int_equal(source, 1);
    assert_false(waits->unlimited);

    waits->handler(waits, 0, "");
    assert_int_equal(entered, 1);
    assert_int_equal(joined, 0);
    assert_int_equal(finished, NGX_DONE);
    assert_null(cleanup.handler);
}


static void
test_refused(void **state)
{
    full = 1;
    assert_int_equal(demand(NGX_DECLINED), 503);

    full = 0;
    assert_int_equal(demand(NGX_DECLINED), NGX_DONE);
    waits->handler(waits, 429, "too many");
    assert_int_equal(finished, 429);
    assert_int_equal(retries, 1);
    assert_int_equal(refused, 1);

    assert_int_equal(demand(NGX_DECLINED), NGX_DONE);
    waits->handler(waits, 507, "full");
    assert_int_equal(finished, 507);
    assert_int_equal(retries, 1);
    assert_int_equal(entered, 0);

    made = NGX_ERROR;
    assert_int_equal(demand(NGX_DECLINED), 500);
    assert_null(cleanup.handler);
    assert_int_equal(joined, 0);
}


/* A location that has the stream of one routing key takes no other one that has
   its name. */

static void
test_fits(void **state)
{
    ngx_str_set(&lcf.subscribe_routing_key, "key");
    found = NGX_OK;
    kind = 1;
    assert_int_equal(demand(NGX_OK), NGX_OK);
    assert_int_equal(demand(NGX_DECLINED), NGX_OK);

    kind = 2;
    assert_int_equal(demand(NGX_OK), 409);
    assert_int_equal(refused, 1);

    kind = 1;
    ngx_str_set(&lcf.subscribe_routing_key, "keys");
    assert_int_equal(demand(NGX_OK), 409);

    found = NGX_DECLINED;
    assert_int_equal(demand(NGX_DECLINED), NGX_DONE);
    assert_true(waits->unlimited);
    cleanup.handler(cleanup.data);
}


static void
test_gone(void **state)
{
    assert_int_equal(demand(NGX_DECLINED), NGX_DONE);
    cleanup.handler(cleanup.data);
    assert_null(waits);
    assert_int_equal(joined, 0);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_no_need, setup),
        cmocka_unit_test_setup(test_declared, setup),
        cmocka_unit_test_setup(test_made, setup),
        cmocka_unit_test_setup(test_refused, setup),
        cmocka_unit_test_setup(test_fits, setup),
        cmocka_unit_test_setup(test_gone, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
