"""A million subscriptions: 1,000 clients of 1,000 streams each, on two
workers: what each takes, and what an event costs then."""

import base64
import json
import os
import selectors
import socket
import struct

import pytest

from api import Api
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


class Client:
    """A socket, and bytes that came."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.sendall((
            "GET /streams HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: ess.v1\r\n\r\n"
            % base64.b64encode(os.urandom(16)).decode()).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.sock.recv(1)
        assert head.startswith(b"HTTP/1.1 101")
        self.data = bytearray()

    def send(self, text):
        self.sock.sendall(b"\x81\xfe" + struct.pack(">H", len(text))
                          + b"\0\0\0\0" + text)


def until(clients, enough):
    """Reads of all of them until each has what is enough."""

    with selectors.DefaultSelector() as s:
        for c in clients:
            s.register(c.sock, selectors.EVENT_READ, c)
        left = len(clients)
        while left:
            ready = s.select(60)
            assert ready, left
            for key, _ in ready:
                c = key.data
                data = c.sock.recv(262144)
                assert data
                c.data += data
                if enough(c.data):
                    s.unregister(c.sock)
                    left -= 1


@pytest.mark.seconds(600)
def test_a_million(nginx):
    n = nginx(CONF, 2)
    api = Api(n.port(1))
    streams = api.create_many(["s%d" % i for i in range(STREAMS)])
    command = json.dumps({"id": 1, "subscribe": [
        {"stream": s.uuid} for s in streams]}).encode()

    # the worker's own buffers, and feeds, are there already
    first = [Client(n.port(0)) for _ in range(16)]
    for c in first:
        c.send(command)
    until(first, lambda data: b"]}" in data[-2:])

    clients = [Client(n.port(0)) for _ in range(CLIENTS)]
    settle(n.workers())
    before = pss(n.workers())
    # one after the other: answers are not what is measured
    for c in clients:
        c.send(command)
        until([c], lambda data: b"]}" in data[-2:])
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
        c.sock.close()
