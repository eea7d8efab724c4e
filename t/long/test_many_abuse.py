"""Clients of ess.v1 that go too far, for half a minute each: others get each
event once and in order, and nothing is left of them."""

import contextlib
import re
import types

import pytest

import abuse
from api import Api
from load import Load, publisher
from memory import flat, private_kb
from wait import wait_for

CONF = """
http {
    access_log      off;
    ess_zone        streams 256m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=4m count=100000;
    ess_slow_client close buffer=16m;
    ess_drain       0;
    ess_ping        0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location = /many        { ess_subscribe multi; ess_request release;
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

CLIENTS = 200
RATE = 100
SECONDS = 30


def whole(n, quick):
    return n


def others(s, folder, what, seconds):
    """Each event once, whatever goes on meanwhile."""

    uuid = s.streams[0]
    events = seconds * RATE
    last = s.api.get(uuid)["last_ordinal"]
    load = Load(folder, [(s.nginx.port(0), "/event-stream/" + uuid)], CLIENTS,
                expect=events, first=",".join([str(last)] * CLIENTS))
    with contextlib.ExitStack() as stack:
        for one in what(s, whole):
            stack.enter_context(one)
        p = publisher("http", port=s.nginx.port(1), path="/publish/key0",
                      events=events, rate=RATE, size=200, first=last)
        r = load.result()
        p.communicate()
    load.stop()
    print(r)
    assert r["received"] == CLIENTS * events
    assert (r["lost"], r["doubled"], r["broken"]) == (0, 0, 0)


@pytest.mark.seconds(600)
@pytest.mark.parametrize("name", abuse.ABUSES)
def test_others_do_not_notice(nginx, tmp_path, name):
    n = nginx(CONF, 2)
    api = Api(n.port(1))
    streams = api.create_many(["key%d" % i for i in range(4097)])
    api.create("deep", key="json:/k")
    s = types.SimpleNamespace(nginx=n, api=api,
                              streams=[x.uuid for x in streams])
    what = abuse.ABUSES[name]

    # what buffers and feeds take is there then
    others(s, tmp_path, what, 5)
    wait_for(lambda: api.figures()["ess_subscriptions"] == 0, 30)
    before = private_kb(n.workers())
    others(s, tmp_path, what, SECONDS)
    wait_for(lambda: api.figures()["ess_subscriptions"] == 0, 30)
    assert flat(before, private_kb(n.workers()), 8192)
    figures = api.figures()
    commands = {k: v for k, v in figures.items() if "commands" in k and v}
    print(commands)
    if name == "commands":
        assert figures['ess_fast_subscribers_total{action="closed"}'] > 0


@pytest.mark.seconds(600)
def test_a_million_keys(nginx, tmp_path):
    n = nginx(CONF, 2)
    api = Api(n.port(1))
    s = types.SimpleNamespace(nginx=n, api=api,
                              streams=[api.create("key0").uuid])
    held = abuse.hold_keys(s, whole)
    assert api.figures()["ess_subscriptions"] == 1000000
    others(s, tmp_path, abuse.keys, SECONDS)
    # each event is its key's client's alone
    wait_for(lambda: api.figures()["ess_subscriptions"] == 1000000, 30)
    for c in held:
        c.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                c.data += c.sock.recv(1 << 18)
    events = api.get(s.keyed)["last_ordinal"]
    ordinals = [int(m) for c in held
                for m in re.findall(rb'"id":"[0-9a-f]+-(\d+)"', c.data)]
    assert sorted(ordinals) == list(range(1, events + 1))
    for c in held:
        c.close()
    wait_for(lambda: api.figures()["ess_subscriptions"] == 0, 30)
