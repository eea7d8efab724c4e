"""Messages to locations that are ours: the API by AMQP, and streams, which have
no connection to give their events to."""

import contextlib
import json

import pika

from api import Api
from clients import Clients
from wait import slower, wait_for

CONF = """
http {
    ess_zone streams 8m;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;

        location /event-stream/ {
            ess_subscribe;
            ess_consume subscribe declare=transient method=GET retries=0
                uri=/event-stream/$ess_message_id;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;

        location /event-stream/ {
            ess_api;
            ess_consume create declare=transient;
        }

        location = /publish {
            ess_publish k;
            ess_consume publish declare=transient;
        }
    }
}
"""


@contextlib.contextmanager
def caller(vhost):
    """call(queue, body, **properties) -> (status, type, body)"""

    connection = pika.BlockingConnection(pika.URLParameters(vhost.url))
    channel = connection.channel()
    replies = []
    channel.basic_consume("amq.rabbitmq.reply-to", auto_ack=True,
                          on_message_callback=lambda *a: replies.append(a))

    def call(queue, body, **properties):
        channel.basic_publish("", queue, body, pika.BasicProperties(
            reply_to="amq.rabbitmq.reply-to", **properties))
        connection.process_data_events(10 * slower())
        (_, _, p, body), = replies
        replies.clear()
        return p.headers["http_status"], p.type, body

    yield call
    connection.close()


def test_the_api_by_messages(nginx, vhost):
    n = nginx(CONF, amqp=vhost.url)
    api = Api(n.port(1))
    wait_for(lambda: all((vhost.queue_counts(q) or (0, 0))[1] == 2
                         for q in ("subscribe", "create", "publish")), 20)

    with caller(vhost) as call:
        status, type, body = call("create", b'{"routing_key":"k"}',
                                  content_type="application/json")
        assert (status, type) == (201, "result")
        stream, = api.list()
        assert json.loads(body)["id"] == stream["id"]

        with Clients([stream["location"]]) as clients:
            status, type, body = call("publish", b"hello",
                                      content_type="text/plain")
            assert (status, type) == (202, "result")
            clients.wait(1)
        assert clients[0].messages == ["hello"]

        status, type, body = call("publish", b"x", content_encoding="br")
        assert (status, type) == (202, "result")

        # nobody is there to be sent events
        for id in stream["location"].rsplit("/", 1)[1], "nothing":
            status, type, body = call("subscribe", b"", message_id=id)
            assert (status, type) == (404, "result")
