"""A broker that breaks the protocol at random, for minutes, while streams are
made, published to and read: no worker dies, none stalls, the log stays short,
and all is well when it behaves again.  ESS_SEED names the seed."""

import concurrent.futures
import os
import random
import re
import socket
import time

import pytest

from api import Api
from erratic_broker import ErraticBroker
from nginx import SANITIZE
from sse import EventSource
from wait import SLOWER, wait_for

CONF = """
http {
    ess_zone streams 16m;
    ess_amqp %%AMQP%% heartbeat=1s;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_node test;
    ess_drain 100ms;
    ess_log count=20;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
        location / { return 200 fine; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /health { ess_health; }
        location /metrics { ess_metrics; }
    }
}
"""

SECONDS = int(os.environ.get("ESS_SECONDS") or 180)
WORKERS = 8
ROUND = 5           # s between two reloads, which begin the backoff anew


def one(port, api, r):
    """Whatever it answers, it answers: a stalled worker does not."""

    key = "key%d" % r.randrange(20)
    what = r.randrange(5)
    if what == 0:
        status = api.request("POST", body={
            "routing_key": key, "source": "exchange"}).status
    elif what == 1:
        status = api.request("POST", body={
            "routing_key": "stream%d" % r.randrange(4),
            "source": "stream"}).status
    elif what == 2:
        status = api.request("POST", "/publish/" + key, "x" * r.choice(
            (0, 10, 5000)), {"Content-Type": "text/plain"}).status
    elif what == 3:
        streams = [s["id"] for s in api.list("?limit=10")]
        status = api.request("DELETE", str(r.choice(streams))).status \
            if streams else 204
    else:
        read_some(port, api, r)
        status = 200
    assert status in (200, 201, 202, 204, 404, 409, 503), (what, status)
    return status


def read_some(port, api, r):
    streams = api.list("?limit=10")
    if not streams:
        return
    path = r.choice(streams)["location"].split("/", 3)[3]
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(("GET /%s?stream_from_ordinal=%d HTTP/1.1\r\nHost: a\r\n"
                   "Accept: text/event-stream\r\n\r\n" % (
                       path, r.randrange(1, 60))).encode())
        s.settimeout(r.choice((0.05, 0.5)))
        try:
            while s.recv(65536):
                pass
        except OSError:
            pass


def clients(n, seed, until):
    """Requests until then; how many of each status there were."""

    r = random.Random(seed)
    api = Api(n.port(1))
    seen = {}
    while time.monotonic() < until:
        try:
            status = one(n.port(), api, r)
        except ConnectionError:
            status = 0          # of a worker that leaves
        seen[status] = seen.get(status, 0) + 1
    return seen


def complaints(n):
    return [line for line in n.log().splitlines()
            if re.search(r"\[(warn|error|crit)\]", line)]


def memory(n):
    """KiB of the largest worker."""

    def rss(pid):
        with open("/proc/%d/status" % pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    return max(rss(pid) for pid in n.workers())


@pytest.mark.seconds(SECONDS + 240)
def test_random(nginx):
    seed = int(os.environ.get("ESS_SEED") or random.randrange(1 << 30))
    print("\nESS_SEED=%d" % seed)
    broker = ErraticBroker(seed)
    n = nginx(CONF, workers=WORKERS, amqp=broker.url)
    end = time.monotonic() + SECONDS
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(clients, n, seed + i, end) for i in range(4)]
        while time.monotonic() < end:
            time.sleep(ROUND * SLOWER)
            assert not any(f.done() and f.exception() for f in running)
            n.reload(timeout=60)
    statuses = [f.result() for f in running]
    lines = complaints(n)
    accepted = broker.accepted

    broker.behave()
    n.reload(timeout=60)
    api = Api(n.port(1))
    stream = wait_for(lambda: api.try_create("well"), 20, "a stream")
    with EventSource(stream.http) as source:
        # workers that leave may be given it, and nothing is sent again
        wait_for(lambda: broker.deliver("well", b"again") and source.data,
                 20, "an event", 0.1)
        assert source.data[0] == "again"
    wait_for(lambda: api.request("GET", "/health").status == 200, 20)

    print("%d connections, %d lines, %s, %s, %d KiB" % (
        accepted, len(lines), broker.kinds, statuses, memory(n)))
    assert len(lines) <= 4 * accepted
    assert SANITIZE or memory(n) < 100000
    assert all(broker.kinds.values())
    broker.close()
