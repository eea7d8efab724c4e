
/*
 * What the log of a stream that follows another one does not have: on to the
 * source that was registered, with a limit to the time that it may take to
 * attach.  An attach belongs to its caller until it is answered, a replay until
 * it is stopped.  Runs in a worker.
 */


#include "ngx_ess_replay.h"


/* ms */
#define NGX_ESS_REPLAY_ATTACH_TIME  2000


static void ngx_ess_replay_attach_handler(ngx_event_t *ev);
static void ngx_ess_replay_attached(ngx_ess_replay_attach_t *attach,
    ngx_int_t rc);


static const ngx_ess_replay_source_t  *ngx_ess_replay_source;


void
ngx_ess_replay_register(const ngx_ess_replay_source_t *source)
{
    ngx_ess_replay_source = source;
}


void
ngx_ess_replay_attach(ngx_ess_replay_attach_t *attach)
{
    attach->answer = attach->handler;
    attach->handler = ngx_ess_replay_attached;

    ngx_memzero(&attach->timer, sizeof(ngx_event_t));

    attach->timer.handler = ngx_ess_replay_attach_handler;
    attach->timer.data = attach;
    attach->timer.log = attach->log;

    if (ngx_ess_replay_source == NULL) {
        ngx_post_event(&attach->timer, &ngx_posted_events);
        return;
    }

    ngx_add_timer(&attach->timer, NGX_ESS_REPLAY_ATTACH_TIME);

    ngx_ess_replay_source->attach(attach);
}


static void
ngx_ess_replay_attach_handler(ngx_event_t *ev)
{
    ngx_ess_replay_attach_t  *attach;

    attach = ev->data;

    if (ngx_ess_replay_source == NULL) {
        /* no source, no streams of its */
        ngx_ess_replay_attached(attach, NGX_DECLINED);
        return;
    }

    ngx_ess_replay_source->cancel(attach);
    ngx_ess_replay_attached(attach, NGX_BUSY);
}


static void
ngx_ess_replay_attached(ngx_ess_replay_attach_t *attach, ngx_int_t rc)
{
    if (attach->timer.timer_set) {
        ngx_del_timer(&attach->timer);
    }

    attach->answer(attach, rc);
}


void
ngx_ess_replay_cancel(ngx_ess_replay_attach_t *attach)
{
    if (ngx_ess_replay_source) {
        ngx_ess_replay_source->cancel(attach);
    }

    if (attach->timer.timer_set) {
        ngx_del_timer(&attach->timer);
    }

    if (attach->timer.posted) {
        ngx_delete_posted_event(&attach->timer);
    }
}


void
ngx_ess_replay_start(ngx_ess_replay_t *replay)
{
    ngx_ess_replay_source->start(replay);
}


void
ngx_ess_replay_more(ngx_ess_replay_t *replay)
{
    ngx_ess_replay_source->more(replay);
}


void
ngx_ess_replay_stop(ngx_ess_replay_t *replay)
{
    ngx_ess_replay_source->stop(replay);
}
