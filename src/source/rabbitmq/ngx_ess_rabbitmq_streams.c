
/*
 * RabbitMQ streams that this worker follows: all that they have to do with the
 * session, in a worker.
 */


#include "ngx_ess_rabbitmq_streams.h"
#include "ngx_ess_rabbitmq_follower.h"


void
ngx_ess_rabbitmq_streams_init(ngx_ess_rabbitmq_streams_t *s)
{
    s->followers.type = &ngx_ess_rabbitmq_follower;

    ngx_ess_followers_init(&s->followers);
    ngx_queue_init(&s->readers);
}


void
ngx_ess_rabbitmq_streams_exit(ngx_ess_rabbitmq_streams_t *s)
{
    ngx_ess_rabbitmq_streams_closed(s);

    ngx_ess_followers_exit(&s->followers);
}


void
ngx_ess_rabbitmq_streams_kick(ngx_ess_rabbitmq_streams_t *s)
{
    ngx_queue_t                  *q;
    ngx_ess_rabbitmq_follower_t  *f;

    for (q = ngx_queue_head(&s->followers.queue);
         q != ngx_queue_sentinel(&s->followers.queue);
         q = ngx_queue_next(q))
    {
        f = (ngx_ess_rabbitmq_follower_t *)
                ngx_queue_data(q, ngx_ess_follower_t, queue);

        if (f->base.state != NGX_ESS_FOLLOWER_OTHER
            && f->state == NGX_ESS_RABBITMQ_FOLLOWER_OPENING
            && f->reader == NULL && !f->timer.timer_set)
        {
            ngx_ess_rabbitmq_follower_open(f);
        }
    }
}


void
ngx_ess_rabbitmq_streams_closed(ngx_ess_rabbitmq_streams_t *s)
{
    ngx_ess_amqp_reader_session_closed(&s->readers);
}


void
ngx_ess_rabbitmq_streams_batch(ngx_ess_rabbitmq_streams_t *s)
{
    ngx_queue_t            *q;
    ngx_ess_amqp_reader_t  *reader;

    if (!s->delivered) {
        return;
    }

    s->delivered = 0;

    ngx_ess_wake_procs(s->followers.zone, &s->followers.wake);

    for (q = ngx_queue_head(&s->readers);
         q != ngx_queue_sentinel(&s->readers);
         q = ngx_queue_next(q))
    {
        reader = ngx_queue_data(q, ngx_ess_amqp_reader_t, queue);

        if (ngx_ess_amqp_reader_ack(reader) != NGX_OK) {
            /* the socket is behind: with the next batch */
            s->delivered = 1;
        }
    }
}
