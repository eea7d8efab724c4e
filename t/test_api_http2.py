"""Requests of HTTP/2 that their clients reset: while they wait for the broker,
for the disk or for another worker, and while their answers are on the way."""

import json
import random

from api import Api
from h2 import Http2
from wait import wait_for

CONF = """
http {
    ess_zone        streams 16m;
    ess_store       %%DIR%%/streams.db;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%% http2 sndbuf=8k;
        location /event-stream/ { ess_subscribe; }
        location /api/ { ess_api; }
        location /publish/ { ess_publish; }
        location /guarded/ {
            auth_request /api/1/subscribers;
            ess_publish;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

JSON = [("content-type", "application/json")]


def requests(stream, log):
    """Of each kind one, in an order that is another one each time."""

    number = random.randrange(1000)
    all_ = [
        ("POST", "/publish/abc", (), b"x" * random.choice([10, 15000])),
        ("POST", "/guarded/abc", (), b"x"),
        ("POST", "/api/", JSON,
         json.dumps({"routing_key": "key%d" % number}).encode()),
        ("DELETE", "/api/%d" % (3 + number), JSON),
        ("GET", "/api/1/subscribers"),
        ("GET", "/api/"),
        ("GET", "/event-stream/" + stream.uuid),
        ("GET", "/event-stream/" + log.uuid + "?stream_from_ordinal=0"),
    ]
    return random.sample(all_, len(all_))


def test_requests_that_are_reset_while_they_wait(nginx, vhost):
    n = nginx(CONF, amqp=vhost.url)
    api = Api(n.port(1))
    stream = api.create("abc")
    log = api.create("log", source="stream", declare=True)
    random.seed(1)
    for window in (0, 100, 100000) * 2:
        with Http2(n.port(), rcvbuf=2048, window=window) as h2:
            gets = []
            for _ in range(10):
                gets += [h2.request(*r) for r in requests(stream, log)]
                for get in random.sample(gets, 4):
                    get.reset()
                h2.read(500)
            h2.ping()
            h2.wait(lambda: h2.pongs)
    wait_for(lambda: api.get(stream)["subscribers"] == 0)
    wait_for(lambda: api.get(log)["subscribers"] == 0)
    assert n.workers() and api.list("?limit=1")
