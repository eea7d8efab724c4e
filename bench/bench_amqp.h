/*
 * A connection to the broker, for the programs that need no nginx.
 */


#ifndef BENCH_AMQP_H
#define BENCH_AMQP_H


#include "bench.h"
#include "ngx_ess_rabbitmq_c.h"


/* the last method must have been answered */

static inline void
amqp_check(amqp_connection_state_t c, const char *what)
{
    if (amqp_get_rpc_reply(c).reply_type != AMQP_RESPONSE_NORMAL) {
        die("the broker refuses %s", what);
    }
}


/* by --port and --vhost; channel 1 is open */

static inline amqp_connection_state_t
amqp_open(int argc, char **argv)
{
    amqp_socket_t            *s;
    amqp_rpc_reply_t          reply;
    amqp_connection_state_t   c;

    c = amqp_new_connection();
    s = amqp_tcp_socket_new(c);

    if (amqp_socket_open(s, "127.0.0.1",
                         atoi(option(argc, argv, "port", "5672"))))
    {
        die("the broker cannot be reached");
    }

    reply = amqp_login(c, option(argc, argv, "vhost", "/"), 0, 131072, 0,
                       AMQP_SASL_METHOD_PLAIN, "guest", "guest");

    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        die("the broker refuses the login");
    }

    amqp_channel_open(c, 1);
    amqp_check(c, "a channel");

    return c;
}


static inline void
amqp_end(amqp_connection_state_t c)
{
    amqp_channel_close(c, 1, AMQP_REPLY_SUCCESS);
    amqp_connection_close(c, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(c);
}


#endif /* BENCH_AMQP_H */
