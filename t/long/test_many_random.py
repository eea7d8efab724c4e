"""50 clients of a thousand streams each, which subscribe and unsubscribe at
random under events, cuts, reloads and killed workers."""

import time

import pytest

from api import Api
from crowd import Crowd
from load import publisher
from wait import wait_for

CONF = """
worker_shutdown_timeout 10s;

http {
    ess_zone        streams 256m;
    ess_store       %%DIR%%/streams.db;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/many/;
    ess_log         size=1m count=100000 age=1h;
    ess_slow_client close buffer=64m;
    ess_client_rate off;
    ess_drain       1s;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /many/ { ess_subscribe multi; ess_max_subscriptions 1000; }
        location /few/  { ess_subscribe multi; ess_max_subscriptions 300; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location = /metrics     { ess_metrics; }
    }
}
"""

STREAMS = 1000
CLIENTS = 50
RATE = 2000
SECONDS = 150


@pytest.mark.seconds(600)
def test_every_event_once(nginx, vhost):
    n = nginx(CONF, workers=4, amqp=vhost.url)
    api = Api(n.port(1))
    wait_for(lambda: api.try_create("first"))
    streams = api.create_many(["key%d" % i for i in range(STREAMS)])
    each = RATE * (SECONDS + 5) // STREAMS
    with Crowd(n.port(), [("/many/", 1000)] * 4 + [("/few/", 300)],
               [s.uuid for s in streams], CLIENTS, rate=200) as crowd:
        p = publisher("amqp", port=vhost.port, vhost=vhost.name, keys="key",
                      exchange="event-streams", streams=STREAMS,
                      events=each * STREAMS, rate=RATE, size=60)
        begin = time.monotonic()
        for i in range(SECONDS // 10):
            time.sleep(max(0, begin + 10 * i + 5 - time.monotonic()))
            crowd.check()
            n.reload()
            time.sleep(max(0, begin + 10 * i + 10 - time.monotonic()))
            crowd.check()
            n.kill_worker(n.workers()[i % 4])
        p.communicate()
        found = crowd.complete({s.uuid: each for s in streams}, 120)
    print("\n%s" % dict(found))
    assert found["refused"] > CLIENTS
    # they did have to come back, each several times
    assert found["connections"] > CLIENTS * SECONDS // 10
    wait_for(lambda: api.figures()["ess_subscriptions"] == 0)
