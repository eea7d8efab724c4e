"""Reloads and killed workers, again and again, with clients that resume."""

import time

import pytest

from api import Api
from load import Load, publisher
from wait import wait_for

CONF = """
worker_rlimit_nofile 20000;
worker_shutdown_timeout 10s;
events { worker_connections 8192; }

http {
    access_log      off;
    ess_zone        streams 256m;
    ess_store       %%DIR%%/streams.db;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=16m count=1000000 age=1h;
    ess_slow_client close buffer=16m;
    ess_drain       1s;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport backlog=4096;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

STREAMS = 10
CLIENTS = 1000
RATE = 2000
SECONDS = 60


@pytest.mark.seconds(300)
@pytest.mark.parametrize("transport", ["ws", "sse"])
def test_every_event_once(nginx, vhost, tmp_path, transport):
    n = nginx(CONF, workers=4, amqp=vhost.url)
    api = Api(n.port(1))
    streams = wait_for(lambda: [api.create("key%d" % i)
                                for i in range(STREAMS)])
    events = RATE * (SECONDS + 5)
    load = Load(tmp_path, [(n.port(0), "/event-stream/" + s.uuid)
                           for s in streams], CLIENTS, resume=1,
                expect=events // STREAMS, transport=transport, seconds=150)
    p = publisher("amqp", port=vhost.port, vhost=vhost.name, keys="key",
                  streams=STREAMS, events=events, rate=RATE, size=200)

    begin = time.monotonic()
    for i in range(SECONDS // 5):
        time.sleep(max(0, begin + 5 * i + 2.5 - time.monotonic()))
        n.reload()
        time.sleep(max(0, begin + 5 * i + 5 - time.monotonic()))
        n.kill_worker(n.workers()[i % 4])
    assert p.poll() is None

    r = load.result()
    load.stop()
    p.communicate()
    print("\n%s" % r)
    assert r["complete"] == CLIENTS
    assert r["received"] == CLIENTS * (events // STREAMS)
    assert (r["lost"], r["doubled"], r["broken"]) == (0, 0, 0)
    # they did have to come back, each several times
    assert r["resumed"] > CLIENTS * 10
