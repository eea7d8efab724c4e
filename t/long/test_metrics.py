"""Counters are what clients counted, to within what a SIGKILL may lose."""

import glob
import os

import pytest

from api import Api
from load import Load, publisher
from wait import wait_for

CONF = """
worker_rlimit_nofile 20000;
events { worker_connections 8192; }

http {
    access_log      off;
    ess_zone        streams 256m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=64m count=1000000 age=1h;
    ess_slow_client close buffer=64m;
    ess_ping        0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport backlog=4096;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        keepalive_requests 1000000;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location = /metrics { ess_metrics; }
    }
}
"""

CLIENTS, EVENTS, RATE, SEND = 100, 10000, 2000, 64


@pytest.mark.seconds(300)
@pytest.mark.parametrize("kills", [0, 1], ids=["undisturbed", "killed"])
def test_a_million_deliveries(nginx, tmp_path, kills):
    """A worker counts a send right behind it: one that is killed in between
    has not counted that one send, to one client, of at most 64 events."""

    n = nginx(CONF, workers=3)
    api = Api(n.port(1))
    stream = api.create("s")
    load = Load(tmp_path, [(n.port(0), "/event-stream/" + stream.uuid)],
                CLIENTS, resume=1, until=EVENTS, seconds=200)
    p = publisher("http", port=n.port(1), pipeline=1, path="/publish/s",
                  streams=1, events=EVENTS, size=200, rate=RATE)

    def figures():
        return api.request("GET", "/metrics?format=json").json()

    if kills:
        wait_for(lambda: figures()["received_events_total"] > EVENTS / 2, 60)
        # not the one that the publisher is connected to: it would give up
        for pid in n.workers():
            if not connections(pid, n.port(1)):
                n.kill_worker(pid)
                break
        else:
            pytest.fail("each worker has a publisher")
    r = load.result()
    assert p.wait() == 0
    load.stop()
    assert r["complete"] == CLIENTS
    assert (r["lost"], r["broken"]) == (0, 0)
    # counted behind the send
    wait_for(lambda: figures()["sent_events_total"]["websocket"]
             >= r["received"] - kills * SEND)
    f = figures()
    counted = f["sent_events_total"]["websocket"]
    print("\n%d received, %d counted, %d resumed" % (
        r["received"], counted, r["resumed"]))
    assert bool(r["resumed"]) == bool(kills)
    assert r["received"] - kills * SEND <= counted <= r["received"]
    assert f["received_events_total"] == EVENTS
    assert f["received_bytes_total"] == EVENTS * 200
    assert f["event_age_seconds"]["count"] <= counted
    assert f["batch_events"]["sum"] == counted


def connections(pid, port):
    """Established connections of the process to its port."""

    inodes = set()
    for fd in glob.glob("/proc/%d/fd/*" % pid):
        try:
            link = os.readlink(fd)
        except OSError:
            continue
        if link.startswith("socket:["):
            inodes.add(link[8:-1])
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f][1:]
    return sum(r[9] in inodes and r[3] == "01"
               and int(r[1].split(":")[1], 16) == port for r in rows)
