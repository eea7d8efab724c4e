"""What others choose, in error.log: no line of it is of their making."""

import re
import socket

from api import Api
from clients import Clients
from wait import wait_for

CONF = """
http {
    ess_zone streams 8m;
    ess_amqp %%AMQP%% exchange=topics type=topic;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_max_event 1000;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
        location /listed/ { ess_subscribe; ess_origin http://localhost; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

FORGED = "2026/01/01 00:00:00 [crit] 1#1: forged"
EVIL = "evil\n" + FORGED
ESCAPED = re.escape(r"evil\x0A" + FORGED)


def service(nginx, vhost):
    n = nginx(CONF, workers=2, amqp=vhost.url)
    api = Api(n.port(1))
    wait_for(lambda: api.try_create("#"), 20, "the first stream")
    return n, api


def assert_escaped(n, pattern):
    n.wait_log(pattern % ESCAPED)
    assert not re.search("(?m)^" + re.escape(FORGED), n.log())


def test_the_key_of_an_event_that_is_too_large(vhost, nginx):
    n, _ = service(nginx, vhost)
    vhost.publish(EVIL, "x" * 1001, exchange="topics", kind="topic")
    assert_escaped(n, r'\[error\].* with routing key "%s" is too large')


def test_the_name_of_a_rabbitmq_stream(vhost, nginx):
    n, api = service(nginx, vhost)
    stream = api.create(EVIL, source="stream", declare=True)
    with Clients(stream.location):
        assert_escaped(n, r'RabbitMQ stream "%s"')


def test_the_words_of_the_broker(vhost, nginx):
    n, _ = service(nginx, vhost)

    def closed():
        vhost.close_connections('"\x1b[2J\xfc')
        return re.search(re.escape(r'CONNECTION_FORCED - \x22\x1B[2J\x'),
                         n.log())

    wait_for(closed, 20, "the broker's words", 0.5)


def test_an_origin(vhost, nginx):
    n, _ = service(nginx, vhost)
    with socket.create_connection(("127.0.0.1", n.port())) as s:
        s.sendall(b"GET /listed/" + b"0" * 32 + b" HTTP/1.1\r\nHost: x\r\n"
                  b"Origin: \x1b[2J\xc2\x9b\r\n\r\n")
        assert b" 403 " in s.recv(1000)
    n.wait_log(re.escape(r'is refused, Origin "\x1B[2J\xC2\x9B"'))
