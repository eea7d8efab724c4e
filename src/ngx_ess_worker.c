/*
 * Life cycle: what the master does once a cycle, how a worker starts its
 * parts, in data-path order reversed so that nothing arrives before its
 * reader is there, and what a graceful shutdown does.  The only state is the
 * worker's own: its zone, its housekeeping timer.
 */


#include "ngx_ess_client_max.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_conf_stream.h"
#include "ngx_ess_event_log.h"
#include "ngx_ess_idempotency.h"
#include "ngx_ess_log_room.h"
#include "ngx_ess_mailbox.h"
#include "ngx_ess_wake.h"
#include "ngx_ess_registry_declared.h"
#include "ngx_ess_registry_upkeep.h"
#include "ngx_ess_rpc.h"
#include "ngx_ess_shutdown.h"
#include "ngx_ess_source.h"
#include "ngx_ess_store.h"
#include "ngx_ess_str.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_client_list.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_encoding_message.h"
#include "ngx_ess_feed.h"
#include "ngx_ess_feed_turn.h"
#include "ngx_ess_ws.h"
#include "ngx_ess_worker.h"
#include "ngx_ess_process.h"


/* ms; bounds what a lost wake-up, a dead worker or an old event can cost */
#define NGX_ESS_WORKER_TICK     500

/* events expired per tick and worker */
#define NGX_ESS_WORKER_EXPIRE   1000

/* close codes of RFC 6455 and its registry */
#define NGX_ESS_WORKER_GOING_AWAY       1001
#define NGX_ESS_WORKER_SERVICE_RESTART  1012


static ngx_ess_main_conf_t *ngx_ess_worker_old_conf(ngx_cycle_t *cycle);
static void ngx_ess_worker_store(ngx_cycle_t *cycle,
    ngx_ess_main_conf_t *mcf, ngx_ess_main_conf_t *old);
static ngx_int_t ngx_ess_worker_start(ngx_cycle_t *cycle,
    ngx_ess_main_conf_t *mcf);
static void ngx_ess_worker_tick(ngx_event_t *ev);
static void ngx_ess_worker_changed(ngx_ess_stream_ref_t *ref);
static void ngx_ess_worker_changed_more(const uint32_t *more);
static void ngx_ess_worker_shutdown(void);


static const ngx_ess_wake_handlers_t  ngx_ess_worker_notified = {
    ngx_ess_worker_changed,
    ngx_ess_worker_changed_more,
    ngx_ess_feed_replaced,
    ngx_ess_mailbox_read,
    ngx_ess_source_look
};


static ngx_ess_main_conf_t  *ngx_ess_worker_conf;
static ngx_uint_t            ngx_ess_worker_rpc;   /* 1: it has a part in it */
static ngx_event_t           ngx_ess_worker_tick_event;
static ngx_connection_t      ngx_ess_worker_dummy;


ngx_int_t
ngx_ess_worker_fill(ngx_ess_zone_t *zone)
{
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_ess_conf_main(zone->cycle);

    if (mcf == NULL || mcf->store == NULL) {
        return NGX_OK;
    }

    return ngx_ess_store_load(zone->cycle, mcf->store, mcf->sources, zone);
}


ngx_int_t
ngx_ess_worker_init_module(ngx_cycle_t *cycle)
{
    ngx_ess_main_conf_t  *mcf, *old;

    mcf = ngx_ess_conf_main(cycle);

    if (mcf && mcf->zone) {
        ngx_ess_client_max_check(cycle);
    }

    if (ngx_test_config) {
        return NGX_OK;
    }

    old = ngx_ess_worker_old_conf(cycle);

    if (old && old->zone
        && (mcf == NULL || mcf->zone == NULL
            || mcf->zone->sh != old->zone->sh))
    {
        /* given up; its workers are to know a reload from a stop */
        ngx_ess_zone_new_generation(old->zone);
    }

    if (mcf == NULL) {
        return NGX_OK;
    }

    if (ngx_ess_event_log_init_module(cycle, mcf->event_logs) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mcf->zone == NULL) {
        return NGX_OK;
    }

    if (ngx_ess_source_init_module(cycle, mcf->sources, mcf->publishes)
        != NGX_OK
        || ngx_ess_wake_init_module(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->store && !mcf->zone->fresh) {
        ngx_ess_worker_store(cycle, mcf, old);
    }

    ngx_ess_zone_new_generation(mcf->zone);

    return NGX_OK;
}


/* The configuration that a reload replaces; NULL: it had no ESS. */

static ngx_ess_main_conf_t *
ngx_ess_worker_old_conf(ngx_cycle_t *cycle)
{
    ngx_uint_t    i;
    ngx_cycle_t  *old;

    old = cycle->old_cycle;

    if (old->conf_ctx == NULL) {
        return NULL;
    }

    /* without the module it has no place for the module's configuration */

    for (i = 0; old->modules[i]; i++) {
        if (old->modules[i] == &ngx_ess_module) {
            return ngx_ess_conf_main(old);
        }
    }

    return NULL;
}


/*
 * A reload that kept the zone, with a store: if that is another one than
 * before, it must learn of the streams.  It is too late to refuse it: should
 * it fail, the operations on it do.
 */

static void
ngx_ess_worker_store(ngx_cycle_t *cycle, ngx_ess_main_conf_t *mcf,
    ngx_ess_main_conf_t *old)
{
    if (old && old->store
        && ngx_ess_str_equal(&old->store->path, &mcf->store->path))
    {
        return;
    }

    mcf->save_all = 1;

    (void) ngx_ess_store_load(cycle, mcf->store, mcf->sources, NULL);
}


ngx_int_t
ngx_ess_worker_init_process(ngx_cycle_t *cycle)
{
    ngx_ess_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        /* cache manager or loader */
        return NGX_OK;
    }

    mcf = ngx_ess_conf_main(cycle);

    if (mcf == NULL
        || (mcf->zone == NULL && mcf->rpc == NULL && mcf->event_logs == NULL))
    {
        return NGX_OK;
    }

    if (ngx_ess_shutdown_init(cycle, ngx_ess_worker_shutdown) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mcf->event_logs
        && ngx_ess_event_log_init_process(cycle, mcf->event_logs) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mcf->rpc) {
        if (ngx_ess_rpc_init_process(cycle, mcf->rpc) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_ess_worker_rpc = 1;
    }

    if (mcf->zone == NULL) {
        return NGX_OK;
    }

    if (ngx_ess_process_attach(mcf->zone, ngx_process_slot, cycle->log)
        != NGX_OK)
    {
        /*
         * More processes than the zone has room for.  A worker that fails to
         * start is not started again, so it goes on and answers 503.
         */

        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "process slot %i is beyond what \"ess_zone\" \"%V\" has "
                      "room for, this worker serves no streams",
                      ngx_process_slot, &mcf->zone->shm_zone->shm.name);
        return NGX_OK;
    }

    ngx_ess_worker_conf = mcf;

    return ngx_ess_worker_start(cycle, mcf);
}


static ngx_int_t
ngx_ess_worker_start(ngx_cycle_t *cycle, ngx_ess_main_conf_t *mcf)
{
    ngx_event_t  *ev;

    ngx_ess_mailbox_init_process(mcf->zone, ngx_ess_client_list_answer);
    ngx_ess_ws_init(mcf->deflate != 0);
    ngx_ess_encoding_message_init(mcf->deflate, mcf->deflate_min);

    if (ngx_ess_store_init_process(cycle, mcf->store) != NGX_OK
        || ngx_ess_client_start_init(cycle, mcf->zone) != NGX_OK
        || ngx_ess_wake_init_process(cycle, mcf->zone,
                                     &ngx_ess_worker_notified)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_registry_created_init(mcf->zone, &mcf->created);
    ngx_ess_registry_upkeep_init(cycle, mcf->zone);

    if (mcf->save_all && ngx_worker == 0) {
        ngx_ess_registry_upkeep_save_all();
    }

    if (ngx_ess_source_init_process(cycle, mcf->sources, mcf->zone) != NGX_OK
        || (ngx_worker == 0 && ngx_ess_conf_stream_init(cycle, mcf) != NGX_OK))
    {
        return NGX_ERROR;
    }

    ngx_ess_worker_dummy.fd = (ngx_socket_t) -1;

    ev = &ngx_ess_worker_tick_event;
    ev->handler = ngx_ess_worker_tick;
    ev->data = &ngx_ess_worker_dummy;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_ESS_WORKER_TICK);

    return NGX_OK;
}


static void
ngx_ess_worker_tick(ngx_event_t *ev)
{
    ngx_ess_zone_t  *zone;

    zone = ngx_ess_worker_conf->zone;

    ngx_ess_wake_poll();
    ngx_ess_process_sweep(zone, ev->log);
    ngx_ess_log_room_expire(zone, NGX_ESS_WORKER_EXPIRE);
    ngx_ess_idempotency_expire(zone, NGX_ESS_WORKER_EXPIRE);
    ngx_ess_registry_upkeep_tick();
    ngx_ess_registry_created_tick();
    ngx_ess_registry_declared_tick();

    ngx_add_timer(ev, NGX_ESS_WORKER_TICK);
}


static void
ngx_ess_worker_changed(ngx_ess_stream_ref_t *ref)
{
    ngx_ess_feed_changed(ref);
    ngx_ess_source_changed(ref);
}


static void
ngx_ess_worker_changed_more(const uint32_t *more)
{
    ngx_ess_stream_ref_t  any;

    ngx_memzero(&any, sizeof(ngx_ess_stream_ref_t));

    ngx_ess_feed_changed_more(more);
    ngx_ess_source_changed(&any);
}


/* at once when the graceful shutdown begins */

static void
ngx_ess_worker_shutdown(void)
{
    ngx_uint_t        code;
    ngx_ess_zone_t   *zone;
    ngx_core_conf_t  *ccf;

    if (ngx_ess_worker_rpc) {
        ngx_ess_rpc_shutdown();
    }

    if (ngx_ess_worker_conf == NULL) {
        return;
    }

    zone = ngx_ess_worker_conf->zone;
    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    code = (ngx_ess_zone_generation(zone) > zone->generation)
           ? NGX_ESS_WORKER_SERVICE_RESTART : NGX_ESS_WORKER_GOING_AWAY;

    ngx_ess_source_shutdown();
    ngx_ess_drain_start(code, ngx_ess_worker_conf->drain,
                        ccf->shutdown_timeout);
}


void
ngx_ess_worker_exit_process(ngx_cycle_t *cycle)
{
    ngx_ess_shutdown_exit();

    if (ngx_ess_worker_rpc) {
        ngx_ess_rpc_exit_process();
        ngx_ess_worker_rpc = 0;
    }

    ngx_ess_event_log_exit_process();

    if (ngx_ess_worker_conf == NULL) {
        return;
    }

    if (ngx_ess_worker_tick_event.timer_set) {
        ngx_del_timer(&ngx_ess_worker_tick_event);
    }

    ngx_ess_source_exit_process();
    ngx_ess_client_start_exit();
    ngx_ess_feed_turn_exit();
    ngx_ess_store_exit_process();
    ngx_ess_wake_exit_process(cycle);
    ngx_ess_process_detach(ngx_ess_worker_conf->zone);

    ngx_ess_worker_conf = NULL;
}
