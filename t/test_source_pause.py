"""More comes in than the workers have sent: the broker keeps it."""

import os
import signal
from zlib import crc32

import pytest

from api import Api
from clients import Clients
from wait import freeze, wait_for

CONF = """
http {
    ess_zone %%ZONE%%;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=64m count=1000000;
    ess_max_event %%MAX%%;

    # what is to be kept here are workers, not clients
    ess_slow_client close buffer=64m;
    ess_ping 0;
    ess_drain 0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ {
            ess_subscribe;
            add_header X-Worker $pid always;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


def numbered(first, last, size):
    return ["%d " % i + "x" * size for i in range(first, last)]


def numbers(client):
    return [int(m.split()[0]) for m in client.messages]


@pytest.mark.parametrize("size, count", [(2000, 4000), (30000, 500)])
def test_burst_over_the_zone(nginx, vhost, size, count):
    """Many times what the zone can hold, published at once."""

    n = nginx(CONF, workers=3, amqp=vhost.url, zone="streams 1m", max="64k")
    api = Api(n.port(1))
    streams = [api.create("key-%d" % i) for i in range(3)]
    with Clients([s.location for s in streams] * 8) as clients:
        for i in range(3):
            vhost.publish("key-%d" % i, numbered(0, count, size))
        clients.wait(count, 60)
        for c in clients:
            assert numbers(c) == list(range(count))

    assert api.get(streams[0])["last_ordinal"] == count
    assert api.get(streams[0])["events"] < count
    assert api.create("one more").id > 3


def test_stuck_worker_is_not_waited_for(nginx, vhost):
    """For a second, no longer; then those of the others get what comes."""

    n = nginx(CONF, workers=2, amqp=vhost.url, zone="streams 1m", max="64k")
    api = Api(n.port(1))
    wait_for(lambda: n.log().count(" established, address") >= 2)
    # the first worker consumes the slots with even numbers
    key = next(k for k in map(str, range(100)) if crc32(k.encode()) % 2 == 0)
    stream = api.create(key)
    with Clients([stream.location] * 24) as clients:
        vhost.publish(key, numbered(0, 1, 10))
        clients.wait(1)

        stuck = max(n.workers())
        others = [c for c in clients
                  if int(c.response["X-Worker"]) != stuck]
        assert 0 < len(others) < len(clients)
        freeze(stuck)
        try:
            vhost.publish(key, numbered(1, 500, 10000))
            wait_for(lambda: all(len(c.messages) == 500 for c in others), 30)
        finally:
            os.kill(stuck, signal.SIGCONT)

        # its own get what is still there
        wait_for(lambda: all(c.messages[-1].startswith("499 ")
                             for c in clients), 30)
        for c in clients:
            got = numbers(c)
            assert got == list(range(500)) if c in others \
                else 1 < len(got) < 500 and got == sorted(set(got))
