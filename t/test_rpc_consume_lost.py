"""Channels that end while their messages wait for something: nothing of them
stays, and each message is done once its queue is consumed again."""

import gzip
import os

import pika

import memory
from relay import Relay
from rpc_app import App, consumed
from wait import wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;
    client_max_body_size 2m;
    server {
        listen 127.0.0.1:%%PORT0%%;
        location / {
            internal;
            ess_consume calls tasks bad uri=/$ess_queue concurrency=8
                        max_reply=2m retry_delay=1m dead=dead;
            proxy_pass http://127.0.0.1:%%APP%%;
        }
    }
}
"""

QUEUES = "calls", "tasks", "bad"


def fill(vhost, queue, body, **properties):
    vhost.publish(queue, [body] * 8, exchange="",
                  properties=pika.BasicProperties(**properties))


def test_memory_of_what_waits(own_broker, nginx):
    """For the broker, which takes neither replies nor the dead, and for the
    next try."""

    broker = own_broker()
    vhost = broker.vhost()
    cut = Relay(vhost)
    said = {"/calls": 200, "/tasks": 503, "/bad": 422}

    with App(lambda r: (said[r.path], {}, r.body)) as app:
        with vhost.connect() as connection:
            channel = connection.channel()
            for queue in QUEUES + ("replies", "dead"):
                channel.queue_declare(queue, durable=True)
        for queue in QUEUES:
            fill(vhost, queue, queue.encode() * (1 << 18),
                 **({"reply_to": "replies"} if queue == "calls" else {}))
        broker.control("set_vm_memory_high_watermark", "0")
        try:
            n = nginx(CONF.replace("%%APP%%", str(app.port)), workers=1,
                      amqp=cut.url)
            n.expect("is dead|closed|reset|lost|block")
            private = []
            for i in range(8):
                app.wait(24)
                del app.requests[:]
                private.append(memory.private_kb(n.workers()))
                cut.cut_consumers()
            app.wait(24)
            assert memory.flat(private[1], private[-1], 30 << 10), private
            said["/tasks"] = 200
            del app.requests[:]
            cut.cut_consumers()
            app.wait(24)
        finally:
            broker.control("set_vm_memory_high_watermark", "absolute", "1GB")
        for queue in QUEUES:
            wait_for(lambda: vhost.queue_counts(queue) == (0, 1), 20)
        for queue in ("replies", "dead"):
            wait_for(lambda: vhost.queue_counts(queue)[0] >= 8, 20)
        n.stop()
    for queue in QUEUES:
        assert vhost.left_counts(queue) == (0, 0)


PACKED_CONF = """
http {
    ess_amqp %%AMQP%%;
    client_max_body_size 2m;
    server {
        listen 127.0.0.1:%%PORT0%%;
        location = /packed {
            internal;
            ess_consume packed concurrency=8 max_reply=2m unpack=gzip
                        pack=gzip;
            proxy_pass http://127.0.0.1:%%APP%%;
        }
    }
}
"""


def test_cut_while_bodies_are_inflated_and_packed(vhost, relay, nginx):
    body = os.urandom(1 << 20)
    numbers = {str(i) for i in range(8)}
    answered = set()

    with App(lambda r: (200, {}, r.body)) as app, vhost.connect() as c:
        channel = c.channel()
        for queue in "packed", "replies":
            channel.queue_declare(queue)
        for number in numbers:
            channel.basic_publish("", "packed", gzip.compress(body, 1),
                                  pika.BasicProperties(reply_to="replies",
                                                       correlation_id=number))
        n = nginx(PACKED_CONF.replace("%%APP%%", str(app.port)), workers=1,
                  amqp=relay.url)
        n.expect("closed|reset|lost")
        for i in range(12):
            seen = len(app.requests)
            wait_for(lambda: relay.consuming
                     or vhost.queue_counts("packed") == (0, 1))
            if i % 2:
                wait_for(lambda: len(app.requests) > seen
                         or vhost.queue_counts("packed") == (0, 1))
            relay.cut_consumers()
        while answered != numbers:
            method, properties, packed = wait_for(
                lambda: [x for x in [channel.basic_get("replies", True)]
                         if x[0]], 20)[0]
            assert gzip.decompress(packed) == body
            answered.add(properties.correlation_id)
        wait_for(lambda: vhost.queue_counts("packed") == (0, 1))
        n.stop()
    assert vhost.left_counts("packed") == (0, 0)


TIMEOUT_CONF = """
http {
    ess_amqp %%AMQP%%;
    server {
        listen 127.0.0.1:%%PORT0%%;
        location = /work {
            internal;
            ess_consume work declare=durable retry_delay=1m;
            proxy_pass http://127.0.0.1:%%APP%%;
        }
    }
}
"""


TIMES = """
application:set_env(rabbit, consumer_timeout, %d),
application:set_env(rabbit, channel_tick_interval, %d).
"""


def test_the_broker_tires_of_waiting(own_broker, nginx):
    """It closes the channel of a message that waits for its next try, and of
    one whose request takes its time (consumer_timeout)."""

    broker = own_broker()
    vhost = broker.vhost()

    def answer(r):
        if r.headers["AMQP-Redelivered"] == "1":
            return 200
        if r.body == b"later":
            return 503
        n.wait_log("timed out", 30)
        return 200

    broker.control("eval", TIMES % (1500, 200))
    try:
        with App(answer) as app:
            n = nginx(TIMEOUT_CONF.replace("%%APP%%", str(app.port)),
                      workers=1, amqp=vhost.url)
            n.expect("timed out|closed the channel")
            consumed(vhost, "work")
            vhost.publish("work", [b"later", b"slow"], exchange="")
            app.wait(4)
            n.wait_log('the queue "work" is consumed')
            wait_for(lambda: vhost.queue_counts("work") == (0, 1))
            n.stop()
    finally:
        broker.control("eval", TIMES % (1800000, 60000))
    assert vhost.left_counts("work") == (0, 0)
    assert n.log().count("timed out") == 1
    assert n.log().count('the broker closed the channel of the queue "work", '
                         'what was in work comes again: 2 messages') == 1
    assert n.log().count('the queue "work" is consumed') == 1
