/*
 * RPC calls through RabbitMQ, as small as an application can have them: many in
 * flight, replies by direct reply-to.
 *
 *   rpc call --port P --vhost V --queue Q --calls N [--flight N] [--size BYTES]
 *            [--warmup N] [--answer number|echo]
 *   rpc serve --port P --vhost V --queue Q [--prefetch N]
 *
 * A call is a JSON object of that size whose member "n" is the call's number;
 * so is its correlation id.  The reply must be of the type "result" and have
 * the number as its body, or the call's own body: each call exactly one.  What
 * is wrong, doubled or missing ends the program.
 * call: prints "ready" after the warm-up, waits for a line, and prints one of
 * JSON behind the last reply; ends with its standard input.
 * serve: declares the queue, transient, prints "ready", and answers each call
 * with its own body until it is killed.
 */


#include "bench_amqp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>


#define PATIENCE     20                     /* s, for one reply */
#define SIZE_MOST    65536
#define BURST        256                    /* what is answered in one go */


typedef struct {
    amqp_connection_state_t    amqp;
    const char                *queue;
    int                        echo;
    size_t                     size;
    uint64_t                   sent, received, flight;
    unsigned char             *answered;    /* by number */
    char                       body[SIZE_MOST];
} caller_t;


/* what is published meanwhile goes in few packets */

static void
cork(amqp_connection_state_t c, int on)
{
    setsockopt(amqp_get_sockfd(c), IPPROTO_TCP, TCP_CORK, &on, sizeof(int));
}


static int
something_came(amqp_connection_state_t c)
{
    return amqp_frames_enqueued(c) || amqp_data_in_buffer(c);
}


static void
publish(amqp_connection_state_t c, amqp_bytes_t queue,
    amqp_basic_properties_t *p, amqp_bytes_t body)
{
    if (amqp_basic_publish(c, 1, amqp_empty_bytes, queue, 0, 0, p, body)) {
        die("a message could not be published");
    }
}


static void
take(amqp_connection_state_t c, amqp_envelope_t *e, struct timeval *patience)
{
    amqp_rpc_reply_t  reply;

    amqp_maybe_release_buffers(c);

    reply = amqp_consume_message(c, e, patience, 0);

    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        die("no message came: %s",
            reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION
            ? amqp_error_string2(reply.library_error) : "the broker says why");
    }
}


static void
send_call(caller_t *t)
{
    char                      id[32];
    amqp_bytes_t              body;
    amqp_basic_properties_t   p;

    memset(&p, 0, sizeof(p));

    snprintf(id, sizeof(id), "%llu", (unsigned long long) t->sent);

    p._flags = AMQP_BASIC_REPLY_TO_FLAG|AMQP_BASIC_CORRELATION_ID_FLAG
               |AMQP_BASIC_CONTENT_TYPE_FLAG|AMQP_BASIC_DELIVERY_MODE_FLAG;
    p.reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to");
    p.correlation_id = amqp_cstring_bytes(id);
    p.content_type = amqp_cstring_bytes("application/json");
    p.delivery_mode = 1;

    body.bytes = t->body;
    body.len = write_call(t->body, t->size, t->sent++);

    publish(t->amqp, amqp_cstring_bytes(t->queue), &p, body);
}


static void
check_reply(caller_t *t, amqp_envelope_t *e)
{
    char                      id[32];
    size_t                    len;
    uint64_t                  number;
    amqp_bytes_t             *body;
    amqp_basic_properties_t  *p;

    p = &e->message.properties;
    body = &e->message.body;

    if (!(p->_flags & AMQP_BASIC_CORRELATION_ID_FLAG)
        || p->correlation_id.len >= sizeof(id))
    {
        die("a reply has no correlation id");
    }

    len = p->correlation_id.len;
    memcpy(id, p->correlation_id.bytes, len);
    id[len] = '\0';
    number = strtoull(id, NULL, 10);

    if (number >= t->sent || t->answered[number]) {
        die("reply %s was not asked for, or came before", id);
    }

    t->answered[number] = 1;

    if (!(p->_flags & AMQP_BASIC_TYPE_FLAG) || p->type.len != 6
        || memcmp(p->type.bytes, "result", 6) != 0)
    {
        die("reply %s is no result: %.*s", id, (int) body->len,
            (char *) body->bytes);
    }

    if (t->echo) {
        len = write_call(t->body, t->size, number);
    }

    if (body->len != len
        || memcmp(body->bytes, t->echo ? t->body : id, len) != 0)
    {
        die("reply %s is another one's: %.*s", id, (int) body->len,
            (char *) body->bytes);
    }
}


static void
calls(caller_t *t, uint64_t n)
{
    uint64_t          last;
    struct timeval    patience;
    amqp_envelope_t   e;

    last = t->sent + n;

    while (t->received < last) {

        if (t->sent < last && t->sent - t->received < t->flight) {
            cork(t->amqp, 1);

            while (t->sent < last && t->sent - t->received < t->flight) {
                send_call(t);
            }

            cork(t->amqp, 0);
        }

        do {
            patience.tv_sec = PATIENCE;
            patience.tv_usec = 0;

            take(t->amqp, &e, &patience);
            check_reply(t, &e);
            amqp_destroy_envelope(&e);

            t->received++;

        } while (t->received < t->sent && something_came(t->amqp));
    }
}


/* until there is such a queue: what comes before is nobody's */

static void
wait_for_queue(caller_t *t)
{
    uint64_t                  end;
    amqp_channel_close_ok_t   ok;

    memset(&ok, 0, sizeof(ok));
    end = now() + PATIENCE * 1000000000ULL;

    for ( ;; ) {
        amqp_queue_declare(t->amqp, 1, amqp_cstring_bytes(t->queue), 1, 0, 0,
                           0, amqp_empty_table);

        if (amqp_get_rpc_reply(t->amqp).reply_type == AMQP_RESPONSE_NORMAL) {
            return;
        }

        if (now() > end) {
            die("there is no queue %s", t->queue);
        }

        amqp_send_method(t->amqp, 1, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
        sleep_until(now() + 10000000);

        amqp_channel_open(t->amqp, 1);
        amqp_check(t->amqp, "a channel");
    }
}


static void
call(int argc, char **argv)
{
    char             line[64];
    uint64_t         n, warmup, begin;
    static caller_t  t;

    n = strtoull(option(argc, argv, "calls", "1"), NULL, 10);
    warmup = strtoull(option(argc, argv, "warmup", "0"), NULL, 10);

    t.amqp = amqp_open(argc, argv);
    t.queue = option(argc, argv, "queue", "");
    t.echo = strcmp(option(argc, argv, "answer", "number"), "echo") == 0;
    t.size = strtoul(option(argc, argv, "size", "200"), NULL, 10);
    t.flight = strtoull(option(argc, argv, "flight", "100"), NULL, 10);
    t.answered = calloc(n + warmup, 1);

    if (t.size < 64 || t.size > SIZE_MOST || t.flight == 0
        || t.answered == NULL)
    {
        die("--size must be from 64 to %d, --flight at least 1", SIZE_MOST);
    }

    wait_for_queue(&t);

    amqp_basic_consume(t.amqp, 1, amqp_cstring_bytes("amq.rabbitmq.reply-to"),
                       amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
    amqp_check(t.amqp, "replies");

    calls(&t, warmup);

    printf("ready\n");
    fflush(stdout);

    if (fgets(line, sizeof(line), stdin) == NULL) {
        return;
    }

    begin = now();

    calls(&t, n);

    printf("{\"calls\": %llu, \"seconds\": %.6f}\n", (unsigned long long) n,
           (now() - begin) / 1e9);
    fflush(stdout);

    while (fgets(line, sizeof(line), stdin)) { /* void */ }

    amqp_end(t.amqp);
}


static void
answer(amqp_connection_state_t c, amqp_envelope_t *e)
{
    amqp_basic_properties_t  p, *asked;

    asked = &e->message.properties;

    if (!(asked->_flags & AMQP_BASIC_REPLY_TO_FLAG)) {
        die("a call has no reply_to");
    }

    memset(&p, 0, sizeof(p));

    p._flags = AMQP_BASIC_TYPE_FLAG|AMQP_BASIC_CONTENT_TYPE_FLAG
               |AMQP_BASIC_DELIVERY_MODE_FLAG
               |(asked->_flags & AMQP_BASIC_CORRELATION_ID_FLAG);
    p.type = amqp_cstring_bytes("result");
    p.content_type = amqp_cstring_bytes("application/json");
    p.delivery_mode = 1;
    p.correlation_id = asked->correlation_id;

    publish(c, asked->reply_to, &p, e->message.body);
}


static void
serve(int argc, char **argv)
{
    int                       n;
    uint64_t                  tag;
    amqp_bytes_t              queue;
    amqp_envelope_t           e;
    amqp_connection_state_t   c;

    c = amqp_open(argc, argv);
    queue = amqp_cstring_bytes(option(argc, argv, "queue", ""));

    amqp_queue_declare(c, 1, queue, 0, 0, 0, 0, amqp_empty_table);
    amqp_check(c, "the queue");

    amqp_basic_qos(c, 1, 0, atoi(option(argc, argv, "prefetch", "100")), 0);
    amqp_check(c, "the prefetch");

    amqp_basic_consume(c, 1, queue, amqp_empty_bytes, 0, 0, 0,
                       amqp_empty_table);
    amqp_check(c, "the consumer");

    printf("ready\n");
    fflush(stdout);

    for ( ;; ) {
        take(c, &e, NULL);
        cork(c, 1);

        for (n = 1; /* void */ ; n++) {
            answer(c, &e);
            tag = e.delivery_tag;
            amqp_destroy_envelope(&e);

            if (n == BURST || !something_came(c)) {
                break;
            }

            take(c, &e, NULL);
        }

        amqp_basic_ack(c, 1, tag, 1);
        cork(c, 0);
    }
}


int
main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "serve") == 0) {
        serve(argc, argv);
    } else {
        call(argc, argv);
    }

    return 0;
}
