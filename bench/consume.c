/*
 * Reads stamped events from the start of a RabbitMQ stream: what the broker
 * and rabbitmq-c alone reach.
 *
 *   consume --port P --vhost V --queue NAME --events N [--prefetch N]
 *
 * Acknowledges all that came at each half of the prefetch.  Prints one line of
 * JSON as clients.c does.
 */


#include "bench_amqp.h"


static void
consume(amqp_connection_state_t c, int argc, char **argv, int prefetch)
{
    amqp_table_t         arguments;
    amqp_table_entry_t   from;

    amqp_basic_qos(c, 1, 0, prefetch, 0);
    amqp_check(c, "the prefetch");

    from.key = amqp_cstring_bytes("x-stream-offset");
    from.value.kind = AMQP_FIELD_KIND_I64;
    from.value.value.i64 = 0;

    arguments.num_entries = 1;
    arguments.entries = &from;

    amqp_basic_consume(c, 1, amqp_cstring_bytes(option(argc, argv, "queue",
                                                       "")),
                       amqp_empty_bytes, 0, 0, 0, arguments);
    amqp_check(c, "the consumer");
}


int
main(int argc, char **argv)
{
    int                       prefetch;
    uint64_t                  i, n, next, lost, doubled, number, begin;
    amqp_envelope_t           e;
    amqp_rpc_reply_t          reply;
    amqp_connection_state_t   c;

    n = strtoull(option(argc, argv, "events", "1"), NULL, 10);
    prefetch = atoi(option(argc, argv, "prefetch", "1000"));

    c = amqp_open(argc, argv);
    begin = now();
    next = 0;
    lost = 0;
    doubled = 0;

    consume(c, argc, argv, prefetch);

    for (i = 0; i < n; i++) {
        amqp_maybe_release_buffers(c);

        reply = amqp_consume_message(c, &e, NULL, 0);

        if (reply.reply_type != AMQP_RESPONSE_NORMAL
            || e.message.body.len < STAMP_LEN)
        {
            die("the stream ended");
        }

        number = hex16((char *) e.message.body.bytes + MARK_LEN);

        if (number >= next) {
            lost += number - next;
            next = number + 1;
        } else {
            doubled++;
        }

        if ((i + 1) % (prefetch / 2 ? prefetch / 2 : 1) == 0) {
            amqp_basic_ack(c, 1, e.delivery_tag, 1);
        }

        amqp_destroy_envelope(&e);
    }

    printf("{\"received\": %llu, \"lost\": %llu, \"doubled\": %llu, "
           "\"seconds\": %.6f}\n", (unsigned long long) n,
           (unsigned long long) lost, (unsigned long long) doubled,
           (now() - begin) / 1e9);

    amqp_end(c);

    return 0;
}
