/*
 * One client, with as much of nginx below it as a client sees: a connection, a
 * request with a pool, and filters; and those of its neighbours that several
 * tests fake, in fake_client_calls.c.  All that is done is traced.
 */


#ifndef _FAKE_CLIENT_H_INCLUDED_
#define _FAKE_CLIENT_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ngx_timer.h"
#include "ngx_trace.h"
#include "ngx_ess_client.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_counter.h"


#define FAKE_ROOM  ((size_t) 1 << 20)


typedef struct {
    ngx_ess_client_t           *client;     /* NULL: it was freed with its
                                               connection */
    ngx_ess_loc_conf_t          conf;
    ngx_ess_feed_t              feed;
    uint64_t                    counters[NGX_ESS_C_N];

    ngx_log_t                   log;
    ngx_connection_t            connection;
    ngx_event_t                 read;
    ngx_event_t                 write;
    ngx_http_request_t          request;
    ngx_http_connection_t       http;
    ngx_http_core_main_conf_t   core_main;
    ngx_http_core_loc_conf_t    core;
    ngx_pool_t                  pool;       /* the request's */
    void                       *ctx[1];
    void                       *confs[2];

    ngx_uint_t                  fail;       /* the nth allocation from now; 0:
                                               none, or it did */
    ngx_int_t                   handled;    /* what ngx_handle_*_event() and
                                               ngx_tcp_nodelay() return */
    size_t                      room;       /* bytes that are taken */
    ngx_err_t                   broken;     /* sending fails so; 0: it does
                                               not */
    char                        out[4096];  /* what was sent, since it was
                                               looked at */
    size_t                      sent;
    const char                 *in;         /* to be received; "": nothing more,
                                               NULL: the end */

    /* what transports and neighbours return */
    ngx_ess_transport_input_t   input;
    ngx_int_t                   start;
    const char                 *ping;       /* "": none */
    const char                 *close;
    ngx_int_t                   done;       /* of what may end the client */
    ngx_int_t                   control;
    ngx_uint_t                  draining;
    ngx_uint_t                  full;

    ngx_msec_t                  delay;      /* of the timer that was set last */
} fake_client_t;


extern fake_client_t              fake;

/* of a WebSocket, and of an event stream, whose peer does not answer */
extern const ngx_ess_transport_t  fake_ws;
extern const ngx_ess_transport_t  fake_sse;


/* A test's: an open client with a request, over HTTP/1.1, without frames. */
int fake_client_setup(void **state);
int fake_client_teardown(void **state);

/* As after its release. */
void fake_release(void);

/* A frame more; the cursor is at the first one. */
void fake_frame(ngx_ess_frame_type_e type, const char *text);

/* So much was sent, since the last time. */
void fake_sent(const char *text);


#endif /* _FAKE_CLIENT_H_INCLUDED_ */
