"""ess_subscribe unknown=close:CODE: a WebSocket to a stream that there is not
is accepted and closed, as browsers show no status."""

import os
import re
import subprocess
import time
import urllib.request

import jwt
import pytest

from api import Api
from clients import CLOSE, PING, Clients, RawWS, REFUSED, refused_status
from sse import EventSource

SECRET = b"0123456789abcdef0123456789abcdef"

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;

        location /event-stream/ { ess_subscribe unknown=close:1000; }
        location /kept/         { ess_subscribe unknown=404; }
        location = /arg { ess_subscribe unknown=close:4404 $arg_stream; }

        location /token/ {
            ess_subscribe unknown=close:1008;
            ess_jwt key=%%DIR%%/key alg=HS256 streams=read;
        }

        location /origin/ {
            ess_subscribe unknown=close:1000;
            ess_origin https://example.com;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location = /metrics     { ess_metrics; }
    }
}
"""

# one that could be
UNKNOWN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def service(nginx, vhost):
    n = nginx(CONF, 2, amqp=vhost.url, start=False)
    with open(n.path("key"), "wb") as f:
        f.write(SECRET)
    os.chmod(n.path("key"), 0o600)
    n.start()
    return n, Api(n.port(1))


def url(n, path):
    return "ws://127.0.0.1:%d%s" % (n.port(0), path)


def refused(n, path, **kwargs):
    with pytest.raises(REFUSED) as e:
        Clients(url(n, path), **kwargs)
    return refused_status(e.value)


def rejected(n):
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics"
                                % n.port(1)) as answer:
        return int(re.search(
            r'^ess_rejected_requests_total\{reason="stream"\} (\d+)',
            answer.read().decode(), re.M).group(1))


@pytest.mark.parametrize("path, code", [
    ("/event-stream/" + UNKNOWN, 1000), ("/event-stream/", 1000),
    ("/event-stream/%20", 1000), ("/event-stream/F4pGkR2sVwYzAb7", 1000), ("/event-stream/" + "x" * 99, 1000),
    ("/event-stream/" + UNKNOWN + "?stream_from_ordinal=x", 1000),
    ("/arg?stream=" + UNKNOWN, 4404), ("/arg?stream=no", 4404),
    ("/arg", 4404)])
def test_accepted_and_closed(service, path, code):
    n, _ = service
    with Clients([url(n, path)] * 6, library="both") as clients:
        clients.wait_closed()
        for c in clients:
            assert (c.close_code, c.close_reason, c.messages) == (
                code, "Unknown stream", [])
    assert rejected(n) == 6
    assert refused(n, "/kept/" + UNKNOWN) == 404


def test_a_deleted_stream_is_unknown(service, vhost):
    n, api = service
    stream = api.create("abc")
    with Clients(stream.location) as clients:
        vhost.publish("abc", "hello")
        clients.wait(1)
        api.delete(stream)
        clients.wait_closed()
        assert clients[0].close_code == 1000
    with Clients(stream.location) as clients:
        clients.wait_closed()
        assert (clients[0].close_code, clients[0].close_reason) == (
            1000, "Unknown stream")


def test_all_else_is_as_it_was(service):
    """An EventSource cannot be told by a close, nor who asks for no
    WebSocket."""

    n, _ = service
    with EventSource(url(n, "/event-stream/" + UNKNOWN)) as source:
        assert source.status == 404
    for args, status in (((), 404), (("-X", "POST"), 405),
                         (("-H", "Upgrade: h2c"), 404),
                         (("-H", "Upgrade: websocket"), 426),
                         (("--http2-prior-knowledge",), 0)):
        found = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *args,
             url(n, "/event-stream/" + UNKNOWN).replace("ws:", "http:")],
            stdout=subprocess.PIPE).stdout
        assert int(found) == status


def test_access_rules_come_first(service):
    """Who may not have a stream does not learn whether there is one."""

    n, api = service
    stream = api.create("abc")

    def headers(*streams):
        return {"Authorization": "Bearer " + jwt.encode(
            {"exp": int(time.time()) + 600, "read": list(streams)}, SECRET,
            "HS256")}

    for uuid in UNKNOWN, stream.uuid:
        assert refused(n, "/token/" + uuid) == 401
        assert refused(n, "/token/" + uuid, headers=headers("other")) == 403
        assert refused(n, "/origin/" + uuid,
                       headers={"Origin": "https://other.com"}) == 403
    for allowed in "*", UNKNOWN:
        with Clients(url(n, "/token/" + UNKNOWN),
                     headers=headers(allowed)) as clients:
            clients.wait_closed()
            assert clients[0].close_code == 1008


def test_bytes(service):
    """The close is whole, the client's answer is taken, and then the end."""

    n, _ = service
    for more in (), ((PING, b"x"),), ((1, b"y" * 100000),):
        ws = RawWS(n.port(0), "/event-stream/" + UNKNOWN)
        ws.handshake()
        for opcode, payload in more:
            ws.send_frame(opcode, payload)
        frame = ws.recv_frame()
        assert (frame.opcode, frame.payload) == (
            CLOSE, b"\x03\xe8Unknown stream")
        ws.send_close(1000)
        ws.recv_eof()
        ws.sock.close()
