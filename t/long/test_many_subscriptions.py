"""A million subscriptions: 1,000 clients of 1,000 streams each, on two
workers: what each takes, and what an event costs then."""

import pytest

from api import Api
from bare_v1 import BareV1, answered, until
from load import pss, settle

CONF = """
http {
    ess_zone        streams 64m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;
    ess_client_rate off;
    ess_ping        0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location = /streams     { ess_subscribe multi; ess_request release;
                                  ess_max_subscriptions 4096; }
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        keepalive_requests 1000000;
        location /event-stream/ { ess_api; }
        location /publish/      { ess_publish; }
        location = /metrics     { ess_metrics; }
    }
}
"""

CLIENTS = 1000
STREAMS = 1000


@pytest.mark.seconds(600)
def test_a_million(nginx):
    n = nginx(CONF, 2)
    api = Api(n.port(1))
    streams = api.create_many(["s%d" % i for i in range(STREAMS)])
    command = {"id": 1, "subscribe": [{"stream": s.uuid} for s in streams]}

    # the worker's own buffers, and feeds, are there already
    first = [BareV1(n.port(0), "/streams") for _ in range(16)]
    for c in first:
        c.send(command)
    until(first, answered)

    clients = [BareV1(n.port(0), "/streams") for _ in range(CLIENTS)]
    settle(n.workers())
    before = pss(n.workers())
    # one after the other: answers are not what is measured
    for c in clients:
        c.send(command)
        until([c], answered)
    settle(n.workers())
    grown = pss(n.workers()) - before
    assert all(c.data.count(b'"at":') == STREAMS for c in clients)

    count = api.figures()["ess_subscriptions"]
    assert count == (CLIENTS + len(first)) * STREAMS
    print("%.1f bytes a subscription" % (grown / CLIENTS / STREAMS))
    # 64 of its own, 8 of its client's table at most, the rest is the heap's
    assert grown / CLIENTS / STREAMS < 160

    # each has it once
    for c in clients:
        c.data.clear()
    api.publish("s7", ["hello"])
    until(clients, lambda data: b'"hello"' in data)
    assert all(c.data.count(b"hello") == 1 for c in clients)

    for c in first + clients:
        c.close()
