"""100,000 streams: what creating, deleting and listing costs, and a restart
with a broker that has the queues and bindings still."""

import time

import pytest

from api import Api
from clients import Clients
from load import cpu, settle
from wait import wait_for

CONF = """
http {
    ess_zone        streams 128m;
    ess_store       %%DIR%%/streams.db;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        keepalive_requests 1000000;
        location /event-stream/ { ess_api; }
    }
}
"""

FEW = 100
MANY = 100000


def cost(n, api, rounds=5, each=1000):
    """us of CPU of nginx to create a stream, and to delete it: the medians."""

    created, deleted = [], []
    for round_ in range(rounds):
        settle(n.workers())
        begin = cpu(n.workers())
        streams = api.create_many(["cost-%d-%d" % (round_, i)
                                   for i in range(each)])
        settle(n.workers())
        middle = cpu(n.workers())
        api.delete_many(streams)
        settle(n.workers())
        created.append((middle - begin) / each * 1e6)
        deleted.append((cpu(n.workers()) - middle) / each * 1e6)
    return sorted(created)[rounds // 2], sorted(deleted)[rounds // 2]


def peak_kb(pids, begin=False):
    """The most memory of their own that they had since "begin", together."""

    total = 0
    for pid in pids:
        if begin:
            with open("/proc/%d/clear_refs" % pid, "w") as f:
                f.write("5")
        with open("/proc/%d/status" % pid) as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("VmHWM:"))
    return total


@pytest.mark.seconds(1200)
def test_many_streams(nginx, vhost):
    vhost.keep()
    n = nginx(CONF, amqp=vhost.url)
    api = Api(n.port(1))
    wait_for(lambda: api.request("POST", body={"routing_key": "key-0"}).status
             == 201)
    api.create_many(["few-%d" % i for i in range(FEW - 1)])

    few = cost(n, api)
    begin = time.monotonic()
    streams = api.create_many(["key-%d" % i for i in range(FEW, MANY)])
    took = time.monotonic() - begin
    many = cost(n, api)
    print("\n%d created in %.0f s; us to create and to delete: "
          "%.0f and %.0f with %d, %.0f and %.0f with %d"
          % (MANY - FEW, took, *few, FEW, *many, MANY))
    assert many[0] < few[0] * 1.25
    assert many[1] < few[1] * 1.25

    # all of them, in one answer
    before = peak_kb(n.workers(), begin=True)
    listed = api.request("GET", timeout=120).json()["event_streams"]
    growth = peak_kb(n.workers()) - before
    print("listing them: %d KB" % growth)
    assert len(listed) == MANY
    assert growth < 4096

    begin = time.monotonic()
    n.stop()
    stopped = time.monotonic()
    n.spawn()

    def serving():
        try:
            return api.version()
        except OSError:
            return False

    wait_for(serving, 60)
    answers = time.monotonic() - stopped
    last = streams[-1]
    with Clients([streams[0].location, last.location]) as clients:
        vhost.publish("key-%d" % (MANY - 1), "hello")
        wait_for(lambda: clients[1].messages == ["hello"], 60)
        events = time.monotonic() - stopped
        created = api.create("after the start")
        served = time.monotonic() - stopped
    print("stopped in %.1f s; after the start it answers within %.1f s, "
          "delivers events within %.1f s, creates within %.1f s"
          % (stopped - begin, answers, events, served))
    assert served < 15
    assert created.id not in {s["id"] for s in listed}
    assert len(api.request("GET", timeout=120).json()["event_streams"]) \
        == MANY + 1
