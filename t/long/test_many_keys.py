"""10,000 keys of one stream, a client each: each gets its own events alone,
and an event costs what it costs with 100."""

import socket

import pytest

from api import Api
from load import cpu, settle

CONF = """
events { worker_connections 19900; }

http {
    ess_zone        streams 64m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;
    ess_ping        0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport backlog=4096;
        location /event-stream/ { ess_subscribe key=$arg_key;
                                  ess_request release; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        keepalive_requests 1000000;
        client_max_body_size 64m;
        location /event-stream/ { ess_api; }
        location /publish/      { ess_publish batch=100000; }
    }
}
"""

EVENTS = 20000


def connect(port, path, key):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(("GET %s?key=k%d HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
               % (path, key)).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += s.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    return s


def cost(n, api, path, sockets):
    """us of CPU for an event of the first client's key, of which it gets each
    once: the median."""

    found = []
    for round_ in range(5):
        settle(n.workers())
        begin = cpu(n.workers())
        api.publish("abc", [{"k": "k0", "n": i} for i in range(EVENTS)])
        data, end = b"", b'"n": %d}' % (EVENTS - 1)
        while not data.endswith(end):
            data += sockets[0].recv(1 << 20)
        settle(n.workers())
        found.append((cpu(n.workers()) - begin) / EVENTS * 1e6)
        assert data.count(b'"k": "k0"') == EVENTS
    for s in sockets[1:]:
        s.setblocking(False)
        with pytest.raises(BlockingIOError):
            s.recv(1)
    return sorted(found)[2]


@pytest.mark.seconds(600)
def test_ten_thousand(nginx):
    n = nginx(CONF, 1)
    api = Api(n.port(1))
    stream = api.create("abc", key="json:/k")
    path = "/event-stream/" + stream.uuid
    sockets = [connect(n.port(0), path, i) for i in range(100)]
    few = cost(n, api, path, sockets)
    sockets += [connect(n.port(0), path, i) for i in range(100, 10000)]
    many = cost(n, api, path, sockets)
    print("%.2f us an event with 100 keys, %.2f with 10,000" % (few, many))
    assert many < 1.5 * few
    for s in sockets:
        s.close()
