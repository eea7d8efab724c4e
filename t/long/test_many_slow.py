"""2,000 clients ask for history, over HTTP/1 and HTTP/2, and do not read: what
workers keep for all of them stays within ess_max_memory."""

import contextlib

import pytest

from api import Api
from clients import RawWS
from h2 import Http2
from memory import private_kb
from wait import wait_for

CONF = """
worker_rlimit_nofile 8192;
events { worker_connections 4096; }

http {
    ess_zone        streams 64m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_ping        0;
    ess_drain       0;
    ess_max_event   2m;
    ess_log         size=32m;
    ess_max_memory  16m;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport sndbuf=8k;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        client_max_body_size 2m;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /metrics { ess_metrics; }
    }

    server {
        listen 127.0.0.1:%%PORT2%% http2 sndbuf=8k reuseport;
        location /event-stream/ { ess_subscribe; }
    }
}
"""

CLIENTS = 2000
EVENTS = 8
SIZE = 1000000


@pytest.mark.seconds(300)
def test_history_that_nobody_reads(nginx):
    n = nginx(CONF, workers=2)
    api = Api(n.port(1))
    stream = api.create("abc")
    events = [str(i) * SIZE for i in range(EVENTS)]
    for event in events:
        api.publish("abc", [event])
    path = "/event-stream/%s?stream_from_ordinal=0" % stream.uuid
    before = private_kb(n.workers())
    with contextlib.ExitStack() as stack:
        web = [stack.enter_context(
            RawWS(n.port(0), path, rcvbuf=4096)).connect()
            for _ in range(CLIENTS // 2)]
        for _ in range(CLIENTS // 4):
            sse = stack.enter_context(RawWS(n.port(0), path, rcvbuf=4096))
            sse.request(Upgrade=None, Connection=None,
                        Accept="text/event-stream")
        for _ in range(CLIENTS // 400):
            h2 = stack.enter_context(Http2(n.port(2), window=0))
            gets = [h2.get(path) for _ in range(100)]
            h2.wait(lambda: all(get.status for get in gets))
        wait_for(lambda: api.get(stream)["subscribers"] == CLIENTS, 60)
        most = 0
        for _ in range(200):
            figures = api.figures()
            most = max(most, figures["ess_kept_bytes"])
        grown = private_kb(n.workers()) - before
        print("kept: %d bytes at most; grown: %d KB, %d KB a client beyond "
              "2 x 16 MB x 1.2" % (most, grown,
                                   (grown - 2 * 16384 * 1.2) / CLIENTS))
        assert most <= 2 * (16 << 20) * 1.2
        assert grown <= 2 * 16384 * 1.2 + CLIENTS * 10
        assert api.get(stream)["subscribers"] == CLIENTS
        assert figures['ess_slow_subscribers_total{action="closed"}'] == 0
        for ws in web[:100]:
            for event in events:
                assert ws.recv_frame().payload == event.encode()
        assert api.get(stream)["subscribers"] == CLIENTS
    wait_for(lambda: api.figures()["ess_kept_bytes"] == 0, 30)
