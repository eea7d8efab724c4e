
/*
 * The row of event logs.  Runs in a worker.
 */


#include "ngx_ess_event_log_source.h"
#include "ngx_ess_event_log_follower.h"
#include "ngx_ess_event_log_replay.h"


/* ms; a log is let go of that long after its last subscriber */
#define NGX_ESS_EVENT_LOG_SOURCE_IDLE  60000


static ngx_int_t ngx_ess_event_log_source_init(ngx_cycle_t *cycle,
    ngx_ess_zone_t *zone, void *conf);
static void ngx_ess_event_log_source_exit(void);
static const char *ngx_ess_event_log_source_advise(void *conf,
    ngx_str_t *key);
static void ngx_ess_event_log_source_changed(ngx_ess_stream_ref_t *ref);
static void ngx_ess_event_log_source_attach(ngx_ess_source_attach_t *attach);
static void ngx_ess_event_log_source_look(void);
static void ngx_ess_event_log_source_stored(ngx_ess_event_log_t *log);


const ngx_ess_source_t  ngx_ess_event_log_source = {
    .kind = { .source = NGX_ESS_SOURCE_EVENT_LOG, .follows = 1 },
    .name = ngx_string("event_log"),
    .directive = ngx_string("ess_event_log"),
    .noun = "event log",
    .keeper = "database",
    .advise = ngx_ess_event_log_source_advise,
    .init_process = ngx_ess_event_log_source_init,
    .exit_process = ngx_ess_event_log_source_exit,
    .changed = ngx_ess_event_log_source_changed,
    .look = ngx_ess_event_log_source_look,
    .attach = ngx_ess_event_log_source_attach,
    .cancel_attach = ngx_ess_followers_cancel,
    .replay_start = ngx_ess_event_log_replay_start,
    .replay_more = ngx_ess_event_log_replay_more,
    .replay_stop = ngx_ess_event_log_replay_stop
};


/* of this process */
static ngx_ess_event_log_followers_t  ngx_ess_event_log_source_worker;


static ngx_int_t
ngx_ess_event_log_source_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    void *conf)
{
    ngx_ess_event_log_followers_t  *w;

    w = &ngx_ess_event_log_source_worker;
    ngx_memzero(w, sizeof(ngx_ess_event_log_followers_t));

    w->logs = conf;
    w->followers.type = &ngx_ess_event_log_follower;
    w->followers.zone = zone;
    w->followers.log = cycle->log;
    w->followers.idle = NGX_ESS_EVENT_LOG_SOURCE_IDLE;

    ngx_ess_event_log_reader_init();
    ngx_ess_followers_init(&w->followers);
    ngx_ess_event_log_replay_init(conf, zone, cycle->log);
    ngx_ess_event_log_listen(ngx_ess_event_log_source_stored);

    return NGX_OK;
}


static void
ngx_ess_event_log_source_exit(void)
{
    ngx_ess_followers_exit(&ngx_ess_event_log_source_worker.followers);
    ngx_ess_event_log_reader_exit();
}


static const char *
ngx_ess_event_log_source_advise(void *conf, ngx_str_t *key)
{
    return ngx_ess_event_log_named(conf, key)
           ? NULL : "there is no ess_event_log of that name";
}


static void
ngx_ess_event_log_source_changed(ngx_ess_stream_ref_t *ref)
{
    ngx_ess_followers_changed(&ngx_ess_event_log_source_worker.followers, ref);
}


static void
ngx_ess_event_log_source_look(void)
{
    ngx_ess_event_log_follower_look(&ngx_ess_event_log_source_worker);
}


/* By this process: tells all that follow, which may be this one. */

static void
ngx_ess_event_log_source_stored(ngx_ess_event_log_t *log)
{
    ngx_ess_wake_stored(ngx_ess_event_log_source_worker.followers.zone);
}


static void
ngx_ess_event_log_source_attach(ngx_ess_source_attach_t *attach)
{
    ngx_ess_followers_attach(&ngx_ess_event_log_source_worker.followers,
                             attach);
}
