"""ess_rpc: what becomes of a request, and of the reply."""

import gzip
import http.client
import json
import os
import socket
import threading
import time
import zlib

import pytest

from api import Api
from h2 import Http2
from rpc import RpcWorker
from wait import slower, wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;
    client_max_body_size 300k;
    gzip_types application/json;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;

        location /call/ {
            ess_rpc $ess_rpc_name queues=echo,slow,a/b,nobody timeout=20s
                    max_reply=200k;
        }
        location /one { ess_rpc echo; }
        location /packed { ess_rpc echo pack=gzip; }
        location /unpacked { ess_rpc echo unpack=gzip max_reply=1m; }
        location /raw { ess_rpc echo unpack=none; }
        location /short { ess_rpc slow timeout=300ms; }
        location /few { ess_rpc slow max=2 timeout=20s; }
        location /pages/ {
            ess_origin https://page.example;
            ess_rpc echo;
        }
        location /exchange { ess_rpc echo exchange=calls; }
        location /down {
            error_page 404 504 = @down;
            ess_rpc nobody;
        }
        location @down {
            default_type application/json;
            return 200 '{"success":false}';
        }
        location ~ ^/regex/(.*)$ {
            ess_rpc $ess_rpc_name queues=echo;
        }
        location ~ ^/capture/(?<name>.*)$ { ess_rpc $name queues=echo; }
    }

    server {
        listen 127.0.0.1:%%PORT1%% http2;
        location /call/ { ess_rpc $ess_rpc_name queues=echo; }
    }

    server {
        listen 127.0.0.1:%%PORT2%%;
        location = /metrics { ess_metrics; }
    }
}
"""

PROBLEM = "application/problem+json"


@pytest.fixture
def service(vhost, nginx):
    n = nginx(CONF, workers=2, amqp=vhost.url)
    api = Api(n.port(0))
    api.nginx = n
    return api


def refused(r, status, words):
    assert r.status == status, r
    assert r.headers["Content-Type"] == PROBLEM
    assert r.json()["status"] == status
    assert words in r.json()["detail"], r
    if status == 503:
        assert r.headers["Retry-After"] == "1"


def outcomes(api):
    found = {}
    for line in Api(api.nginx.port(2)).request(
            "GET", "/metrics").body.decode().splitlines():
        if line.startswith("ess_rpc_requests_total{"):
            name, number = line.rsplit(None, 1)
            found[name.split('"')[1]] = int(number)
    return found


def test_a_call_and_its_reply(service, vhost):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    def answer(worker, m):
        return '{"you":"said %s"}' % m.body.decode(), {
            "content_type": "application/json; charset=utf-8"}

    with RpcWorker(vhost, "echo", answer) as worker:
        r = service.request("POST", "/call/echo", b"hello", {
            "Content-Type": "text/x-it", "traceparent": trace,
            "tracestate": "a=b", "Authorization": "Bearer secret",
            "Cookie": "a=b", "X-Other": "1"})
        assert r.status == 200
        assert r.json() == {"you": "said hello"}
        assert r.headers["Content-Type"] == "application/json; charset=utf-8"
        assert r.headers["Cache-Control"] == "no-store"

        m, = worker.messages
        p = m.properties
        assert p.delivery_mode == 1
        assert 0 < int(p.expiration) <= 20000
        assert p.reply_to.startswith("amq.rabbitmq.reply-to.")
        assert len(bytes.fromhex(p.correlation_id)) == 16
        assert p.content_type == "text/x-it"
        assert p.content_encoding is None
        assert p.headers == {"traceparent": trace, "tracestate": "a=b"}
        assert m.method.exchange == "" and m.method.routing_key == "echo"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_any_method(service, vhost, method):
    with RpcWorker(vhost, "echo", lambda w, m: b"x" * 10) as worker:
        body = b"text" if method in ("PUT", "PATCH") else None
        r = service.request(method, "/one", body)
        assert r.status == 200
        assert r.headers["Content-Length"] == "10"
        assert r.headers["Content-Type"] == "application/octet-stream"
        assert r.body == (b"" if method == "HEAD" else b"x" * 10)
        assert worker.messages[0].body == (body or b"")


def test_bodies_of_all_sizes(service, vhost):
    with RpcWorker(vhost, "echo"):
        for size in 0, 1, 16383, 131072, 200 * 1024:
            body = os.urandom(size)
            r = service.request("POST", "/call/echo", body)
            assert r.status == 200 and r.body == body, size
        r = service.request("POST", "/call/echo", b"x" * (200 * 1024 + 1))
        refused(r, 502, "max_reply")
        r = service.request("POST", "/call/echo", b"x" * (300 * 1024 + 1))
        refused(r, 413, "")

        # chunked, a little more than is allowed
        c = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        c.request("POST", "/call/echo", iter([b"x" * 1024] * 301),
                  {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert c.getresponse().status == 413
        c.close()
        c.request("POST", "/one", iter([b"x" * 1024] * 9),
                  {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert len(c.getresponse().read()) == 9 * 1024
        c.close()


def test_which_queue(service, vhost):
    with RpcWorker(vhost, "echo") as worker, RpcWorker(vhost, "a/b") as other:
        assert service.request("POST", "/call/echo", b"1").body == b"1"
        assert service.request("POST", "/call/%65cho", b"2").body == b"2"
        assert service.request("POST", "/call/a/b", b"3").body == b"3"
        assert service.request("POST", "/capture/echo", b"4").body == b"4"
        for path in ("/call/", "/call/other", "/call/echo/", "/call/amq.direct",
                     "/call/ess.1", "/call/Echo", "/regex/echo",
                     "/call/%22%0d%0a"):
            refused(service.request("POST", path, b""), 404,
                    "is none of the queues")
        assert len(worker.messages) == 3 and len(other.messages) == 1


def test_no_worker_is_known_at_once(service):
    for _ in range(3):
        begin = time.monotonic()
        refused(service.request("POST", "/call/nobody", b""), 404,
                'no queue "nobody"')
        assert time.monotonic() - begin < 1 * slower()
    r = service.request("POST", "/down", b"")
    assert r.status == 200 and r.json() == {"success": False}


def test_a_slow_worker(service, vhost):
    """504 at the timeout, and nothing is left in the queue."""

    with vhost.connect() as connection:
        channel = connection.channel()
        channel.queue_declare("slow")
        begin = time.monotonic()
        refused(service.request("POST", "/short", b""), 504,
                "no reply came within 300 ms")
        assert 0.3 <= time.monotonic() - begin < 2 * slower()
        wait_for(lambda: vhost.queue_counts("slow") == (0, 0))

    # a reply that comes too late is dropped and counted
    with RpcWorker(vhost, "slow", lambda w, m: w.later(0.5, m, "late")):
        refused(service.request("POST", "/short", b""), 504, "300 ms")
        wait_for(lambda: late(service) == 1)
    assert outcomes(service)["timeout"] == 2


def late(api):
    text = Api(api.nginx.port(2)).request("GET", "/metrics").body.decode()
    return sum(int(line.rsplit(None, 1)[1]) for line in text.splitlines()
               if line.startswith("ess_rpc_late"))


@pytest.mark.parametrize("properties, status", [
    ({"type": "result"}, 200),
    ({"type": "error"}, 500),
    ({"type": "error", "headers": {"http_status": 422}}, 422),
    ({"headers": {"http_status": 201}}, 201),
    ({"headers": {"http_status": "404"}}, 404),
    ({"headers": {"http_status": 599}}, 599),
])
def test_statuses(service, vhost, properties, status):
    with RpcWorker(vhost, "echo", lambda w, m: (b"text", properties)):
        r = service.request("POST", "/one", b"")
        assert (r.status, r.body) == (status, b"text")
        assert r.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(service, vhost, status):
    properties = {"headers": {"http_status": status}}
    with RpcWorker(vhost, "echo", lambda w, m: (b"text", properties)):
        c = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
        for _ in range(2):
            c.request("GET", "/one")
            r = c.getresponse()
            assert (r.status, r.read()) == (status, b"")
        c.close()


@pytest.mark.parametrize("properties, words", [
    ({"headers": {"http_status": 101}}, "http_status"),
    ({"headers": {"http_status": 600}}, "http_status"),
    ({"headers": {"http_status": -200}}, "http_status"),
    ({"headers": {"http_status": "200 OK"}}, "http_status"),
    ({"headers": {"http_status": True}}, "http_status"),
    ({"headers": {"http_status": None}}, "http_status"),
    ({"content_type": "text/html\r\nSet-Cookie: a=b"}, "control characters"),
    ({"content_type": "text/html\0"}, "control characters"),
])
def test_replies_that_are_not_passed_on(service, vhost, properties, words):
    with RpcWorker(vhost, "echo", lambda w, m: (b"text", properties)):
        r = service.request("POST", "/one", b"")
        refused(r, 502, words)
        assert "Set-Cookie" not in r.headers
    assert outcomes(service)["bad_reply"] == 1


def test_replies_of_nobody(service, vhost):
    """Of an id that is not there, twice, without one."""

    def answer(worker, m):
        for properties in ({"correlation_id": "0" * 32},
                           {"correlation_id": "short"},
                           {"correlation_id": None}):
            worker.reply(m, b"wrong", properties)
        worker.reply(m, b"right")
        return b"again"

    with RpcWorker(vhost, "echo", answer):
        for n in 1, 2:
            assert service.request("POST", "/one", b"").body == b"right"
            wait_for(lambda: late(service) == 4 * n)


def test_packed(service, vhost):
    """Of both sides, and what a client compressed already."""

    def answer(worker, m):
        return m.body, {"content_encoding": m.properties.content_encoding}

    with RpcWorker(vhost, "echo", answer) as worker:
        for text in b"", b"hello", os.urandom(250 * 1024):
            r = service.request("POST", "/packed", text)
            assert (r.status, r.body) == (200, text)
            assert "Content-Encoding" not in r.headers
            m = worker.messages[-1]
            assert gzip.decompress(m.body) == text
            assert m.properties.content_encoding == "gzip"

        packed = gzip.compress(b"hello")
        r = service.request("POST", "/packed", packed,
                            {"Content-Encoding": "gzip"})
        assert r.body == b"hello"
        assert worker.messages[-1].body == packed

        for coding in "deflate", "br", "gzip, gzip":
            r = service.request("POST", "/packed", b"x",
                                {"Content-Encoding": coding})
            refused(r, 415, "gzip")
            assert r.headers["Accept-Encoding"] == "gzip"

        # without "pack" they are the worker's to know
        r = service.request("POST", "/one", b"hello",
                            {"Content-Encoding": "br"})
        assert r.body == b"hello"
        assert worker.messages[-1].properties.content_encoding == "br"
        assert r.headers["Content-Encoding"] == "br"


def test_unpacked(service, vhost):
    bomb = gzip.compress(b"\0" * 50 * 1024 * 1024)
    replies = [
        # whatever it says of itself
        ("/unpacked", gzip.compress(b"hello"), {}, 200, b"hello"),
        ("/unpacked", b"", {}, 200, b""),
        ("/unpacked", b"hello", {}, 502, None),
        ("/unpacked", gzip.compress(b"hello")[:-1], {}, 502, None),
        ("/unpacked", bomb, {}, 502, None),
        ("/unpacked", gzip.compress(b"\0" * (1 << 20)), {}, 200,
         b"\0" * (1 << 20)),
        ("/unpacked", gzip.compress(b"\0" * ((1 << 20) + 1)), {}, 502, None),
        # by what it says
        ("/one", gzip.compress(b"hello"), {"content_encoding": "gzip"}, 200,
         b"hello"),
        ("/one", b"hello", {"content_encoding": "gzip"}, 502, None),
        ("/one", b"hello", {"content_encoding": "utf-8"}, 200, b"hello"),
        ("/one", zlib.compress(b"hello"), {"content_encoding": "deflate"},
         200, zlib.compress(b"hello")),
        # never
        ("/raw", b"hello", {"content_encoding": "gzip"}, 200, b"hello"),
    ]
    current = []
    with RpcWorker(vhost, "echo", lambda w, m: current[0]):
        for path, body, properties, status, expected in replies:
            current[:] = [(body, properties)]
            r = service.request("POST", path, b"", timeout=30)
            assert r.status == status, (path, body[:20], r)
            if status == 200:
                assert r.body == expected
                coding = properties.get("content_encoding")
                assert r.headers["Content-Encoding"] == (
                    coding if path == "/raw" or coding == "deflate" else None)
            else:
                assert r.headers["Content-Type"] == PROBLEM


def test_a_thousand_at_once(service, vhost):
    """Each gets its own answer, in whatever order they come."""

    replies = []

    def answer(worker, m):
        replies.append((m, b"re " + m.body))
        if len(replies) == 1000:
            for m, body in reversed(replies):
                worker.reply(m, body)

    sockets = []
    with RpcWorker(vhost, "slow", answer):
        for i in range(1000):
            s = socket.create_connection(("127.0.0.1", service.port))
            s.sendall(b"POST /call/slow HTTP/1.1\r\nHost: a\r\n"
                      b"Connection: close\r\nContent-Length: 4\r\n\r\n%04d" % i)
            sockets.append(s)
        for i, s in enumerate(sockets):
            s.settimeout(20 * slower())
            with s.makefile("rb") as f:
                text = f.read()
            s.close()
            assert text.startswith(b"HTTP/1.1 200 OK\r\n")
            assert text.endswith(b"\r\n\r\nre %04d" % i)
    assert outcomes(service)["reply"] == 1000


def in_flight(api):
    text = Api(api.nginx.port(2)).request("GET", "/metrics").body.decode()
    return sum(int(line.rsplit(None, 1)[1]) for line in text.splitlines()
               if line.startswith("ess_rpc_in_flight"))


def test_max_in_flight(vhost, nginx):
    n = nginx(CONF, workers=1, amqp=vhost.url)
    service = Api(n.port(0))
    service.nginx = n
    held = []
    with RpcWorker(vhost, "slow", lambda w, m: held.append(m)) as worker:
        waiting = [socket.create_connection(("127.0.0.1", service.port))
                   for _ in range(2)]
        for s in waiting:
            s.sendall(b"GET /few HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: len(held) == 2)
        refused(service.request("GET", "/few"), 503, "2 calls are in flight")

        # one that leaves is forgotten, and makes room
        waiting[0].close()
        wait_for(lambda: in_flight(service) == 1)
        third = threading.Thread(target=service.request, args=("GET", "/few"))
        third.start()
        wait_for(lambda: len(held) == 3)

        worker.channel.connection.add_callback_threadsafe(
            lambda: [worker.reply(m, b"done") for m in held])
        third.join(10 * slower())
        assert b"done" in waiting[1].recv(4096)
        waiting[1].close()
        wait_for(lambda: late(service) == 1)
    found = outcomes(service)
    assert found["gone"] == 1 and found["unavailable"] == 1
    assert found["reply"] == 2


def test_pages_of_other_origins(service, vhost):
    with RpcWorker(vhost, "echo") as worker:
        for path, headers, status in (
                ("/one", {"Origin": "https://evil.example"}, 403),
                ("/one", {"Sec-Fetch-Site": "cross-site"}, 403),
                ("/one", {"Origin": "http://127.0.0.1:%d" % service.port},
                 200),
                ("/pages/", {"Origin": "https://page.example"}, 200),
                ("/pages/", {"Origin": "https://evil.example"}, 403)):
            r = service.request("POST", path, b"", headers)
            assert r.status == status, (path, headers, r)
            if status == 403:
                refused(r, 403, "ess_origin")
        assert len(worker.messages) == 2
    assert outcomes(service)["refused"] == 3


def test_http2(service, vhost):
    def answer(worker, m):
        return m.body, {"content_type": "text/plain"}

    with RpcWorker(vhost, "echo", answer):
        with Http2(service.nginx.port(1)) as c:
            bodies = [b"", b"hello", b"x" * 10000]
            streams = [c.request("POST", "/call/echo", body=body)
                       for body in bodies] + [
                           c.request("HEAD", "/call/echo"),
                           c.request("POST", "/call/nobody")]
            c.wait(lambda: all(s.over for s in streams))
            assert [(int(s.status), bytes(s.body)) for s in streams[:4]] == [
                (200, body) for body in bodies] + [(200, b"")]
            assert streams[1].headers["content-type"] == "text/plain"
            assert int(streams[4].status) == 404
            assert json.loads(bytes(streams[4].body))["status"] == 404

            # a stream that is reset is forgotten
    with RpcWorker(vhost, "echo", lambda w, m: None) as worker:
        with Http2(service.nginx.port(1)) as c:
            stream = c.request("POST", "/call/echo")
            c.wait(lambda: worker.messages)
            assert in_flight(service) == 1
            stream.reset()
            wait_for(lambda: in_flight(service) == 0)
    assert outcomes(service)["gone"] == 1
