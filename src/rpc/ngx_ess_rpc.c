
/*
 * A worker's part in RPC: puts its parts together.  The worker owns all of it,
 * two sessions among them.  They end after those who take messages and make
 * requests of them, and before what these parts stand on.
 */


#include "ngx_ess_rpc.h"
#include "ngx_ess_call.h"
#include "ngx_ess_call_channel.h"
#include "ngx_ess_consume.h"
#include "ngx_ess_rpc_publisher.h"


static void ngx_ess_rpc_consuming_open(ngx_ess_amqp_session_t *s);
static void ngx_ess_rpc_consuming_close(ngx_ess_amqp_session_t *s);
static void ngx_ess_rpc_consuming_failed(ngx_ess_amqp_session_t *s,
    ngx_str_t *text);

static void ngx_ess_rpc_publishing_open(ngx_ess_amqp_session_t *s);
static void ngx_ess_rpc_publishing_close(ngx_ess_amqp_session_t *s);
static void ngx_ess_rpc_publishing_writable(ngx_ess_amqp_session_t *s);
static void ngx_ess_rpc_publishing_failed(ngx_ess_amqp_session_t *s,
    ngx_str_t *text);
static void ngx_ess_rpc_publishing_blocked(ngx_ess_amqp_session_t *s,
    ngx_str_t *reason);


static const ngx_ess_amqp_handlers_t  ngx_ess_rpc_consuming = {
    .open = ngx_ess_rpc_consuming_open,
    .close = ngx_ess_rpc_consuming_close,
    .failed = ngx_ess_rpc_consuming_failed
};


static const ngx_ess_amqp_handlers_t  ngx_ess_rpc_publishing = {
    .open = ngx_ess_rpc_publishing_open,
    .close = ngx_ess_rpc_publishing_close,
    .writable = ngx_ess_rpc_publishing_writable,
    .failed = ngx_ess_rpc_publishing_failed,
    .blocked = ngx_ess_rpc_publishing_blocked
};


static ngx_ess_rpc_conf_t      *ngx_ess_rpc_worker_conf;
static ngx_ess_amqp_session_t  *ngx_ess_rpc_sessions[NGX_ESS_RPC_SESSIONS];


ngx_int_t
ngx_ess_rpc_init_process(ngx_cycle_t *cycle, ngx_ess_rpc_conf_t *conf)
{
    ngx_ess_amqp_session_t  **s;

    s = ngx_ess_rpc_sessions;

    ngx_ess_rpc_worker_conf = conf;

    ngx_ess_rpc_figures_init_process(conf->figures);
    ngx_ess_rpc_publisher_init(cycle->log);

    if (ngx_ess_call_init(conf, cycle->log) != NGX_OK
        || ngx_ess_consume_init(conf, cycle->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    s[NGX_ESS_RPC_PUBLISHING] = ngx_ess_amqp_create(conf->amqp,
                                                    &ngx_ess_rpc_publishing,
                                                    NULL, conf->max_reply,
                                                    cycle->log);
    if (s[NGX_ESS_RPC_PUBLISHING] == NULL) {
        return NGX_ERROR;
    }

    if (conf->queues.nelts == 0) {
        return NGX_OK;
    }

    if (ngx_ess_consume_queue_init(conf, ngx_ess_consume_delivery,
                                   ngx_ess_consume_lost, cycle->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    s[NGX_ESS_RPC_CONSUMING] = ngx_ess_amqp_create(conf->amqp,
                                                   &ngx_ess_rpc_consuming,
                                                   NULL, conf->max_body,
                                                   cycle->log);

    return s[NGX_ESS_RPC_CONSUMING] ? NGX_OK : NGX_ERROR;
}


/* first no more comes, then what waits is given back */

void
ngx_ess_rpc_shutdown(void)
{
    if (ngx_ess_rpc_sessions[NGX_ESS_RPC_CONSUMING]) {
        ngx_ess_consume_queue_shutdown();
        ngx_ess_consume_shutdown();
    }
}


void
ngx_ess_rpc_exit_process(void)
{
    ngx_uint_t               i;
    ngx_ess_amqp_session_t  *s;

    if (ngx_ess_rpc_worker_conf == NULL) {
        return;
    }

    ngx_ess_consume_exit();

    for (i = 0; i < NGX_ESS_RPC_SESSIONS; i++) {
        s = ngx_ess_rpc_sessions[i];

        if (s) {
            ngx_ess_rpc_sessions[i] = NULL;
            ngx_ess_amqp_destroy(s);
        }
    }

    /* operations under way were in its memory */

    ngx_ess_call_exit();

    ngx_ess_consume_queue_exit();
    ngx_ess_rpc_publisher_exit();
}


static void
ngx_ess_rpc_consuming_open(ngx_ess_amqp_session_t *s)
{
    ngx_ess_consume_queue_open(s);
}


static void
ngx_ess_rpc_consuming_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_consume_queue_close();
}


static void
ngx_ess_rpc_consuming_failed(ngx_ess_amqp_session_t *s, ngx_str_t *text)
{
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING,
                                ngx_ess_amqp_node_name(s), text);
}


static void
ngx_ess_rpc_publishing_open(ngx_ess_amqp_session_t *s)
{
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_PUBLISHING,
                                ngx_ess_amqp_node_name(s), NULL);

    ngx_ess_rpc_publisher_open(s);

    if (ngx_ess_rpc_worker_conf->calls.nelts) {
        ngx_ess_call_channel_open(s);
    }
}


static void
ngx_ess_rpc_publishing_close(ngx_ess_amqp_session_t *s)
{
    ngx_ess_rpc_figures_blocked(NULL, NULL);

    ngx_ess_rpc_publisher_close();
    ngx_ess_call_channel_close();
}


static void
ngx_ess_rpc_publishing_writable(ngx_ess_amqp_session_t *s)
{
    ngx_ess_rpc_publisher_writable();
    ngx_ess_call_channel_writable();
}


static void
ngx_ess_rpc_publishing_failed(ngx_ess_amqp_session_t *s, ngx_str_t *text)
{
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_PUBLISHING,
                                ngx_ess_amqp_node_name(s), text);
    ngx_ess_call_channel_failed();
}


static void
ngx_ess_rpc_publishing_blocked(ngx_ess_amqp_session_t *s, ngx_str_t *reason)
{
    ngx_ess_rpc_figures_blocked(ngx_ess_amqp_node_name(s), reason);
    ngx_ess_call_channel_blocked(reason);
}
