"""Bodies with a Content-Encoding: what is published is what was compressed."""

import gzip
import json
import socket
import threading
import time
import zlib

import pytest

from api import Api
from clients import Clients
from memory import flat, private_kb
from wait import SLOWER, slower

CONF = """
http {
    ess_zone streams 16m;
    %%AMQP%%
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_max_event 100k;
    ess_log size=8m count=100000;
    client_max_body_size 64m;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%% reuseport;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /small/ { client_max_body_size 2k; ess_publish; }
        location /any/ { client_max_body_size 0; ess_publish; }
        location /console/ { ess_console; }
        location = /metrics { ess_metrics; }
    }
}
"""

JSON = {"Content-Type": "application/json"}
CODINGS = {"gzip": gzip.compress, "x-gzip": gzip.compress,
           "GZip": gzip.compress, "deflate": zlib.compress,
           "identity": bytes, "": bytes, " , gzip ,": gzip.compress}


@pytest.fixture(params=["broker", "direct"])
def service(request, nginx):
    amqp = ""
    if request.param == "broker":
        amqp = "ess_amqp %s; ess_node test;" % (
            request.getfixturevalue("vhost").url)
    return Api(nginx(CONF, workers=2, amqp=amqp).port(1))


@pytest.fixture
def server(nginx):
    return nginx(CONF, workers=1, amqp="")


def post(api, path, body, coding, headers=None):
    return api.request("POST", path, body,
                       headers=dict(headers or {}, **{
                           "Content-Encoding": coding}))


def refused(r, status, words):
    assert r.status == status, r
    assert r.headers["Content-Type"] == "application/problem+json"
    assert words in r.json()["detail"]


def test_clients_get_what_was_compressed(service):
    api = service
    stream = api.create("abc")
    with Clients([stream.location] * 2) as clients:
        n = 0
        for coding, compress in CODINGS.items():
            for body in b"hello", b"x" * 102400, b"":
                r = post(api, "/publish/abc", compress(body), coding)
                assert r.status == 202, (coding, r)
                n += 1
        batch = json.dumps([0, "a", {"b": []}]).encode()
        for coding, compress in CODINGS.items():
            r = post(api, "/publish/abc?batch=1", compress(batch), coding,
                     JSON)
            assert r.status == 202, (coding, r)
        members = gzip.compress(b"in ") + gzip.compress(b"two")
        assert post(api, "/publish/abc", members, "gzip").status == 202
        clients.wait(n + 3 * len(CODINGS) + 1)
        for c in clients:
            assert sorted(c.messages) == sorted(
                (["hello", "x" * 102400, ""]
                 + ["0", "a", '{"b": []}']) * len(CODINGS) + ["in two"])


def test_a_stream_is_created(server):
    api = Api(server.port(1))
    body = b'{"routing_key":"abc"}'
    for n, (coding, compress) in enumerate(CODINGS.items(), 1):
        for path, more in ("/event-stream/", {}), ("/console/api/",
                                                  {"X-ESS-Console": "1"}):
            r = post(api, path, compress(body), coding, dict(JSON, **more))
            assert r.status == 201, (coding, r)
    large = body.ljust(65536)
    assert post(api, "", gzip.compress(large), "gzip", JSON).status == 201
    refused(post(api, "", gzip.compress(large + b" "), "gzip", JSON), 413,
            "65536 bytes")
    refused(post(api, "", gzip.compress(bytes(10 ** 8)), "gzip", JSON), 413,
            "65536 bytes")
    # members of nothing, more than one slice takes
    empty = gzip.compress(b"", 9, mtime=0)
    many = (empty * 3000)[:len(empty) * (65000 // len(empty))]
    refused(post(api, "", many, "gzip", JSON), 400, "empty")
    assert post(api, "", many[:40000 // len(empty) * len(empty)]
                + gzip.compress(body), "gzip", JSON).status == 201


def test_unknown_ones_are_refused(server):
    api = Api(server.port(1))
    stream = api.create("abc")
    for coding in ("br", "zstd", "compress", "aws-chunked", "gzip, gzip",
                   "gzip, identity", "gzip;q=1", "gzi", "*"):
        for path in "/publish/abc", "/publish/abc?batch=1", "/event-stream/":
            r = post(api, path, gzip.compress(b"[1]"), coding, JSON)
            refused(r, 415, "Content-Encoding")
            assert r.headers["Accept-Encoding"] == "gzip, deflate"
    assert api.get(stream)["last_ordinal"] == 0
    assert len(api.list()) == 1


def test_broken_ones_are_refused(server):
    api = Api(server.port(1))
    stream = api.create("abc")
    good = gzip.compress(b"hello")
    for coding, body, words in (
            ("gzip", b"hello", "header"), ("gzip", good[:-1], "early"),
            ("gzip", good[:11], "early"), ("gzip", b"", "early"),
            ("gzip", good + b"\0", "follows"), ("gzip", good + good[:5],
                                                "early"),
            ("gzip", good[:-5] + b"x" + good[-4:], "data check"),
            ("gzip", zlib.compress(b"hello"), "header"),
            ("deflate", good, "header"),
            ("deflate", zlib.compress(b"hello")[2:-4], "header"),
            ("deflate", zlib.compress(b"hello") + b"x", "follows")):
        for path in "/publish/abc", "/publish/abc?batch=1", "/event-stream/":
            refused(post(api, path, body, coding, JSON), 400, words)
    # sound, but no JSON
    refused(post(api, "/publish/abc?batch=1", good, "gzip"), 400, "not JSON")
    assert api.get(stream)["last_ordinal"] == 0


def test_limits(server):
    api = Api(server.port(1))
    stream = api.create("abc")
    refused(post(api, "/publish/abc", gzip.compress(bytes(102401)), "gzip"),
            413, "ess_max_event")
    # of an event ess_max_event, of a batch client_max_body_size
    assert post(api, "/small/abc", gzip.compress(bytes(102400)),
                "gzip").status == 202
    batch = json.dumps(["x" * 100] * 18).encode()
    assert post(api, "/small/abc?batch=1", gzip.compress(batch),
                "gzip").status == 202
    batch = json.dumps(["x" * 100] * 20).encode()
    refused(post(api, "/small/abc?batch=1", gzip.compress(batch), "gzip"), 413,
            "client_max_body_size")
    assert post(api, "/any/abc?batch=1", gzip.compress(batch),
                "gzip").status == 202
    assert api.get(stream)["last_ordinal"] == 1 + 18 + 20


def gzipped(piece, times, first=b"", last=b""):
    """Of what is too large to be compressed at once."""

    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([z.compress(first)]
                    + [z.compress(piece) for _ in range(times)]
                    + [z.compress(last), z.flush()])


def slowest(server, work):
    """What it returned, and how long another client waited meanwhile."""

    results = []
    other = Api(server.port(1))
    other.version()
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    waits = []
    while thread.is_alive():
        start = time.monotonic()
        assert other.version()["name"]
        waits.append(time.monotonic() - start)
    thread.join()
    result, = results
    assert len(waits) > 5
    return result, max(waits)


def peak_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith("VmHWM:"))


def test_a_bomb_stops_nobody(server):
    """It is given up as soon as it is too large; until then it goes in
    slices."""

    api = Api(server.port(1))
    api.create("abc")
    pid, = server.workers()
    bomb = gzipped(bytes(1 << 20), 512)
    assert len(bomb) < 1 << 20
    for _ in range(20):
        refused(post(api, "/publish/abc", bomb, "gzip"), 413, "ess_max_event")
    before = private_kb([pid])
    answers, wait = slowest(server, lambda: [
        post(api, "/publish/abc?batch=1", bomb, "gzip") for _ in range(5)])
    for r in answers:
        refused(r, 413, "client_max_body_size")
    assert len(answers) == 5
    assert wait < 0.5 * slower()
    assert flat(before, private_kb([pid]), 16 << 10)


ZEROS = b"[" + b"0," * 49000 + b"0]"


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "abc"}],
                         ids=["plain", "key"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_a_large_batch_stops_nobody(server, coding, headers):
    """Neither does one that is taken, whatever is in its events."""

    api = Api(server.port(1))
    stream = api.create("abc")
    pid, = server.workers()
    before = peak_kb(pid)
    body = gzipped(ZEROS + b",", 640, b"[", ZEROS + b"]")
    size = 641 * (len(ZEROS) + 1) + 1
    assert len(body) < 1 << 17 and size > 59 << 20
    if coding == "identity":
        body = gzip.decompress(body)
    r, wait = slowest(server, lambda: post(api, "/publish/abc?batch=1", body,
                                           coding, headers))
    assert r.status == 202, r
    assert api.get(stream)["last_ordinal"] == 641
    assert SLOWER > 1 or peak_kb(pid) - before < 5 * size >> 10
    assert wait < 0.5 * slower()


@pytest.mark.parametrize("first, last, status, words", [
    (b'{"a":[', b"0]}", 400, "not a JSON array"),
    (b"[[", b"0]]", 413, "ess_max_event"),
    (b'["', b'"]', 413, "ess_max_event"),
    (b" " * (50 << 20) + b"[", b"]", 413, "1000 events")],
    ids=["object", "nested", "string", "space"])
def test_what_is_refused_stops_nobody(server, first, last, status, words):
    """Before it is parsed."""

    api = Api(server.port(1))
    stream = api.create("abc")
    pid, = server.workers()
    before = peak_kb(pid)
    size = 60 << 20
    times = (size - len(first)) // 100000
    body = gzipped(b"0," * 50000, times, first, last)
    r, wait = slowest(server, lambda: post(api, "/publish/abc?batch=1", body,
                                           "gzip"))
    refused(r, status, words)
    assert api.get(stream)["last_ordinal"] == 0
    assert SLOWER > 1 or peak_kb(pid) - before < 5 * size >> 10
    assert wait < 0.5 * slower()


def test_who_goes_away_leaves_nothing(server):
    """While its body is being decoded."""

    api = Api(server.port(1))
    api.create("abc")
    body = gzip.compress(bytes(60 << 20), 1)
    for _ in range(5):
        with socket.create_connection((api.host, api.port)) as s:
            s.sendall(b"POST /publish/abc?batch=1 HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
                      % len(body) + body)
    assert api.version()["name"]
