"""Many clients that read slowly or not at all: what workers keep for all of
them stays within ess_max_memory, and each gets what is its, whole."""

import contextlib
import os
import random

import pytest

from api import Api
from clients import PING, PONG, RawWS, inflate
from h2 import Http2
from memory import private_kb
from sse import Parser
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
                assert ws.recv_event().payload == event.encode()
        assert api.get(stream)["subscribers"] == CLIENTS
    wait_for(lambda: api.figures()["ess_kept_bytes"] == 0, 30)


MIX = """
http {
    ess_zone        streams 64m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_ping        1s 60s;
    ess_drain       0;
    ess_deflate     on;
    ess_max_event   1m;
    ess_log         size=48m count=100000;
    ess_max_memory  1m;
    ess_slow_client close buffer=64m;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport sndbuf=8k;
        location /event-stream/ { ess_subscribe; }
        location /annotated/ { ess_subscribe; ess_annotate on; }
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


class Reader:
    """One that reads now and then, as much as comes into its mind; what it has
    got is compared with what was sent."""

    def __init__(self, rng, n, stream, sent, history):
        self.rng = rng
        self.sent = sent
        self.got = 0
        kind = rng.randrange(4)
        self.annotated = kind == 1
        self.begin = 0 if history else len(sent)
        path = "/%s/%s" % ("annotated" if self.annotated else "event-stream",
                           stream.uuid)
        if self.begin == 0:
            path += "?stream_from_ordinal=0"
        self.ws = RawWS(n.port(0), path, rcvbuf=4096)
        if kind == 3:
            self.ws.request(Upgrade=None, Connection=None,
                            Accept="text/event-stream")
            assert self.ws.response() == 200
            self.parse, self.parser = self.parse_sse, Parser()
        else:
            more = ({"Sec_WebSocket_Extensions": "permessage-deflate"}
                    if rng.random() < 0.5 else {})
            self.ws.connect(**more)
            self.parse = self.parse_ws
        self.ws.sock.setblocking(False)

    def read(self, most):
        with contextlib.suppress(BlockingIOError):
            while most > 0:
                data = self.ws.sock.recv(min(most, 65536))
                assert data, "closed"
                self.ws.buffer += data
                most -= len(data)
        while self.parse():
            pass

    def event(self, text):
        expected = self.sent[self.begin + self.got]
        if self.annotated:
            assert text.startswith(expected + b"|ordinal: %d|" % (
                self.begin + self.got + 1))
        else:
            assert text == expected
        self.got += 1

    def parse_ws(self):
        b = self.ws.buffer
        if len(b) < 2:
            return False
        n, head = b[1] & 127, 2
        if n > 125:
            head = 4 if n == 126 else 10
            n = int.from_bytes(b[2:head], "big")
        if len(b) < head + n:
            return False
        payload, self.ws.buffer = b[head:head + n], b[head + n:]
        if b[0] & 15 in (1, 2):
            if b[0] & 64:
                payload = inflate(payload)
            self.event(payload)
        else:
            assert b[0] & 15 == PING
            self.ws.sock.setblocking(True)
            self.ws.send_frame(PONG, payload)
            self.ws.sock.setblocking(False)
        return True

    def parse_sse(self):
        size, end, rest = self.ws.buffer.partition(b"\r\n")
        if not end or len(rest) < int(size, 16) + 2:
            return False
        n = int(size, 16)
        self.parser.feed(rest[:n].decode())
        self.ws.buffer = rest[n + 2:]
        while self.parser.events:
            self.event(self.parser.events.pop(0).data.encode())
        return True

    def done(self):
        return self.got == len(self.sent) - self.begin


@pytest.mark.seconds(300)
@pytest.mark.parametrize("source", ["exchange", "stream"])
def test_readers_of_all_kinds_and_speeds(nginx, vhost, source):
    """ESS_SEED names the order of things."""

    seed = int(os.environ.get("ESS_SEED") or random.randrange(1 << 30))
    print("ESS_SEED=%d" % seed)
    rng = random.Random(seed)
    if source == "stream":
        with vhost.connect() as c:
            for i in range(4):
                c.channel().queue_declare("s%d" % i, durable=True, arguments={
                    "x-queue-type": "stream"})
    n = nginx(MIX, workers=2, amqp=vhost.url)
    api = Api(n.port(1))
    streams = [api.create("s%d" % i, source=source) for i in range(4)]
    sent = [[] for _ in streams]
    readers = []

    def publish(i):
        size = rng.choice([10, 1000, 20000, 300000])
        body = b"%d " % len(sent[i]) + rng.randbytes(size // 2).hex().encode()
        vhost.publish("s%d" % i, [body],
                      exchange="" if source == "stream" else "event-streams")
        sent[i].append(body)
        if source == "exchange":
            wait_for(lambda: api.get(
                streams[i])["last_ordinal"] == len(sent[i]))

    with contextlib.ExitStack() as stack:
        for turn in range(1500):
            if turn < 240:
                publish(rng.randrange(4))
            if turn < 200 and turn % 2:
                i = rng.randrange(4)
                readers.append(Reader(
                    rng, n, streams[i], sent[i],
                    source == "stream" or rng.random() < 0.5))
                stack.callback(readers[-1].ws.close)
            for reader in rng.sample(readers, min(len(readers), 12)):
                reader.read(rng.choice([100, 5000, 100000, 1000000]))
        end = [r for r in readers if not r.done()]
        wait_for(lambda: [r.read(1 << 20) for r in end] and all(
            r.done() for r in end), 120)
        figures = api.figures()
        assert figures['ess_slow_subscribers_total{action="closed"}'] == 0
        assert figures['ess_slow_subscribers_total{action="reclaimed"}'] > 100
