/*
 * The neighbours of the seam.
 */


#include "fake_source.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_direct.h"
#include "ngx_ess_stream.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


ngx_log_t   seam_log;
ngx_uint_t  seam_unbinding;
ngx_int_t   seam_unbind_rc;

static ngx_ess_source_entry_t  entries[2];
ngx_array_t                    seam_sources = { .elts = entries, .nelts = 2 };

static ngx_time_t      now;
volatile ngx_time_t   *ngx_cached_time = &now;


ngx_uint_t
ngx_ess_stream_unbinding(ngx_ess_zone_t *zone, ngx_str_t *key)
{
    return seam_unbinding;
}


ngx_int_t
ngx_ess_stream_unbind_begin(ngx_ess_zone_t *zone, ngx_str_t *key)
{
    ngx_unit_trace("mark %.*s", (int) key->len, key->data);

    return seam_unbind_rc;
}


ngx_int_t
ngx_ess_broker_own(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session,
    ngx_ess_broker_trouble_t *trouble)
{
    assert_int_equal(session, NGX_ESS_BROKER_CONSUMING);

    return NGX_DECLINED;
}


void
ngx_ess_broker_why(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session,
    const char *what, u_char *buf, ngx_str_t *text)
{
    assert_int_equal(session, NGX_ESS_BROKER_CONSUMING);

    text->data = (u_char *) what;
    text->len = ngx_strlen(what);
}


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    ngx_unit_trace("count %d more of %d", (int) n, (int) counter);
}


void
ngx_ess_direct_publish(ngx_ess_source_publish_t *pub)
{
    ngx_unit_trace("direct: publish %.*s", (int) pub->key.len, pub->key.data);
}


void *
ngx_array_push(ngx_array_t *a)
{
    return NULL;
}


const char *
seam_rc(ngx_int_t rc)
{
    switch (rc) {
    case NGX_OK:
        return "OK";
    case NGX_DECLINED:
        return "DECLINED";
    case NGX_BUSY:
        return "BUSY";
    case NGX_DONE:
        return "DONE";
    case NGX_AGAIN:
        return "AGAIN";
    case NGX_ERROR:
        return "ERROR";
    default:
        return "?";
    }
}


void
seam_use(const ngx_ess_source_t *row)
{
    static const ngx_ess_source_t  none;
    static const ngx_ess_source_t  first = { .kind = { .source = 1 } };

    entries[0].row = &none;
    entries[0].conf = NULL;
    entries[1].row = row ? row : &first;
    entries[1].conf = row ? &entries : NULL;

    assert_int_equal(ngx_ess_source_init_process(NULL, &seam_sources, NULL),
                     NGX_OK);
}


int
seam_setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    seam_unbinding = 0;
    seam_unbind_rc = NGX_OK;

    return 0;
}


int
seam_teardown(void **state)
{
    ngx_unit_traced();

    return ngx_unit_pending() != 0;
}
