
/*
 * A client with several subscriptions, for tests of those who know that there
 * may be such clients, and have none.  A test that links the real functions
 * gets these.
 */


#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_client_create.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_client_slow.h"
#include "ngx_ess_multi.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_multi_enter.h"
#include "ngx_ess_multi_flush.h"
#include "ngx_ess_multi_join.h"
#include "ngx_ess_multi_slow.h"
#include "ngx_ess_sse.h"
#include "ngx_ess_v1.h"
#include "ngx_ess_ws.h"


#pragma weak ngx_ess_multi_init
#pragma weak ngx_ess_multi_first
#pragma weak ngx_ess_multi_free
#pragma weak ngx_ess_multi_client
#pragma weak ngx_ess_multi_ready
#pragma weak ngx_ess_multi_taken
#pragma weak ngx_ess_multi_failed
#pragma weak ngx_ess_multi_replaced
#pragma weak ngx_ess_multi_end
#pragma weak ngx_ess_multi_drop_all
#pragma weak ngx_ess_multi_drop_replaced
#pragma weak ngx_ess_multi_due
#pragma weak ngx_ess_multi_due_init
#pragma weak ngx_ess_multi_due_now
#pragma weak ngx_ess_multi_due_wait
#pragma weak ngx_ess_multi_due_awake
#pragma weak ngx_ess_multi_due_leave
#pragma weak ngx_ess_multi_enter
#pragma weak ngx_ess_multi_flush
#pragma weak ngx_ess_multi_flush_account
#pragma weak ngx_ess_multi_flush_collect
#pragma weak ngx_ess_multi_flush_cut
#pragma weak ngx_ess_multi_flush_drop
#pragma weak ngx_ess_multi_flush_more
#pragma weak ngx_ess_multi_join_arrived
#pragma weak ngx_ess_multi_slow_check
#pragma weak ngx_ess_multi_slow_init
#pragma weak ngx_ess_multi_slow_over
#pragma weak ngx_ess_client_slow_close
#pragma weak ngx_ess_sse_check_body
#pragma weak ngx_ess_v1_create
#pragma weak ngx_ess_v1_message
#pragma weak ngx_ess_ws_speaks_v1


void
ngx_ess_multi_init(void)
{
}


ngx_ess_client_t *
ngx_ess_multi_first(void)
{
    return NULL;
}


void
ngx_ess_multi_free(ngx_ess_multi_t *multi)
{
    fail();
}


ngx_ess_client_t *
ngx_ess_multi_client(ngx_ess_subscriber_t *sub)
{
    return sub->client;
}


void
ngx_ess_multi_ready(ngx_ess_subscriber_t *sub)
{
    fail();
}


void
ngx_ess_multi_taken(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit,
    void *data)
{
    fail();
}


void
ngx_ess_multi_failed(ngx_ess_subscriber_t *sub)
{
    fail();
}


void
ngx_ess_multi_replaced(ngx_ess_subscriber_t *sub)
{
    fail();
}


void
ngx_ess_multi_end(ngx_ess_subscriber_t *sub, ngx_uint_t code,
    const char *reason)
{
    fail();
}


void
ngx_ess_multi_drop_all(ngx_ess_multi_t *multi)
{
    fail();
}


void
ngx_ess_multi_drop_replaced(ngx_ess_multi_t *multi)
{
    fail();
}


void
ngx_ess_multi_due_init(ngx_cycle_t *cycle, ngx_ess_multi_due_pt flush)
{
}


void
ngx_ess_multi_due(ngx_ess_multi_t *multi)
{
    fail();
}


void
ngx_ess_multi_due_now(ngx_ess_multi_t *multi)
{
    fail();
}


void
ngx_ess_multi_due_wait(ngx_ess_multi_t *multi)
{
    fail();
}


void
ngx_ess_multi_due_awake(ngx_ess_multi_t *multi)
{
    fail();
}


void
ngx_ess_multi_due_leave(ngx_ess_multi_t *multi)
{
    fail();
}


ngx_int_t
ngx_ess_multi_enter(ngx_http_request_t *r)
{
    fail();

    return NGX_ERROR;
}


ngx_int_t
ngx_ess_multi_flush(ngx_ess_zone_t *zone, ngx_ess_client_t *client)
{
    fail();

    return NGX_ERROR;
}


void
ngx_ess_multi_flush_account(ngx_ess_zone_t *zone, ngx_ess_client_t *client,
    size_t sent)
{
    fail();
}


ngx_uint_t
ngx_ess_multi_flush_collect(ngx_ess_client_t *client, struct iovec *iovs)
{
    fail();

    return 0;
}


void
ngx_ess_multi_flush_cut(ngx_ess_multi_t *multi)
{
    fail();
}


void
ngx_ess_multi_flush_drop(ngx_ess_multi_t *multi)
{
    fail();
}


ngx_uint_t
ngx_ess_multi_flush_more(ngx_ess_client_t *client)
{
    fail();

    return 0;
}


void
ngx_ess_multi_join_arrived(ngx_ess_subscriber_t *sub)
{
    fail();
}


void
ngx_ess_multi_slow_check(void)
{
    fail();
}


void
ngx_ess_multi_slow_init(ngx_cycle_t *cycle, ngx_ess_multi_slow_pt close)
{
}


size_t
ngx_ess_multi_slow_over(size_t over, size_t target)
{
    fail();

    return 0;
}


void
ngx_ess_client_slow_close(ngx_ess_client_t *client)
{
    fail();
}


ngx_int_t
ngx_ess_v1_create(ngx_ess_client_t *client, ngx_ess_v1_begin_t *begin)
{
    fail();

    return NGX_ERROR;
}


void
ngx_ess_v1_message(void *data, ngx_str_t *message, ngx_uint_t text)
{
    fail();
}


ngx_int_t
ngx_ess_sse_check_body(ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0 ? NGX_HTTP_BAD_REQUEST : NGX_OK;
}


ngx_uint_t
ngx_ess_ws_speaks_v1(ngx_http_request_t *r)
{
    return 0;
}
