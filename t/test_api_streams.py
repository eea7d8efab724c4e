"""The HTTP API: create, read, list and delete streams, as a back end sees it,
through any worker."""

import concurrent.futures
import contextlib
import hashlib
import http.client
import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import time

import pytest

from api import Api, Response
from clients import Clients
from ports import free_port
from wait import freeze, slower, wait_for

# reuseport spreads connections over the workers evenly; X-Worker tells which
CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://localhost:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }
    server {
        listen 127.0.0.1:%%PORT1%% reuseport;
        add_header X-Worker $pid always;

        location /event-stream/ { ess_api; }
        location /api/v1/streams { ess_api; }
        location /back/ { rewrite ^/back/(.*)$ /hidden/$1 last; }
        location /hidden/ { internal; ess_api; }
        location /in-file/ { client_body_in_file_only clean; ess_api; }
        location /small/ { client_body_buffer_size 16; ess_api; }
        location /other/ { ess_public_url wss://example.com/x; ess_api; }
        location /page/ { ssi on; ssi_types *; root %%DIR%%; }
    }
}
"""

NO_BROKER = "amqp://127.0.0.1:%d/"


class Service:
    """An nginx, and its API."""

    def __init__(self, nginx, amqp, conf=CONF, **kwargs):
        self.nginx = nginx(conf, amqp=amqp, **kwargs)
        self.api = Api(self.nginx.port(1))
        self.request = self.api.request
        self.workers = self.nginx.workers_wanted

    def connected(self):
        wait_for(lambda: self.nginx.log().count(" established, address")
                 >= self.workers)
        return self

    def each_worker(self, *args, **kwargs):
        """The same request until all workers have answered it; the last
        answer of each."""

        answers = {}

        def answered():
            r = self.request(*args, **kwargs)
            answers[r.headers["X-Worker"]] = r
            return len(answers) == self.workers

        wait_for(answered, what="an answer from each worker")
        return list(answers.values())

    def table(self):
        """What a request that fails must not change."""

        lists = [r.json()["event_streams"]
                 for r in self.each_worker("GET")]
        assert all(x == lists[0] for x in lists)
        return lists[0]

    def sock(self):
        return socket.create_connection(("127.0.0.1", self.nginx.port(1)),
                                        10 * slower())

    def raw(self, *requests, shut=False):
        """Sends them in one piece, and returns an answer to each."""

        with self.sock() as s:
            s.sendall(b"".join(requests))
            if shut:
                s.shutdown(socket.SHUT_WR)
            return answers(s, [r.split()[0] for r in requests])


class Buffered:
    """One file for all responses of a connection."""

    def __init__(self, sock):
        self.file = sock.makefile("rb")

    def makefile(self, mode):
        return self.file


class Response1(http.client.HTTPResponse):

    def _close_conn(self):
        self.fp = None


def answers(sock, methods):
    buffered = Buffered(sock)
    found = []
    for method in methods:
        r = Response1(buffered, method=method.decode())
        r.begin()
        found.append(Response(r.status, r.headers, r.read()))
    return found


JSON_TYPE = {"Content-Type": "application/json"}


def message(method, path, body=b"", *headers):
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: localhost", *headers]
    if method == "POST":
        lines.append("Content-Type: application/json")
    if body and not any(h.startswith("Transfer") for h in headers):
        lines.append("Content-Length: %d" % len(body))
    return "\r\n".join(lines + ["", ""]).encode() + body


def chunked(body, size=1000):
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts
                    ) + b"0\r\n\r\n"


@pytest.fixture
def service(nginx, vhost):
    return Service(nginx, vhost.url).connected()


@pytest.fixture
def unbrokered(nginx):
    """Where no broker is: for what needs none."""

    return Service(nginx, NO_BROKER % free_port())


def is_problem(r, status, detail):
    assert r.status == status, r
    assert r.headers["Content-Type"] == "application/problem+json"
    assert r.headers["Cache-Control"] == "no-store"
    p = r.json()
    assert p["type"] == "about:blank"
    assert p["status"] == status
    assert p["title"]
    assert re.search(detail, p["detail"]), p
    return p


# every row of the table

def test_version(unbrokered):
    for path, r in itertools.chain.from_iterable(
            [(path, r) for r in unbrokered.each_worker("GET", path)]
            for path in ("version/", "version")):
        assert r.status == 200, path
        assert r.headers["Content-Type"] == "application/json"
        v = r.json()
        assert re.fullmatch(r"\d+\.\d+\.\d+", v.pop("version"))
        assert v == {"protocol": "WEBSOCKET", "category": "WEBSOCKET",
                     "name": "NGINX ESS"}


def test_create_read_list_delete_through_any_worker(service):
    r = service.request("POST", body={"routing_key": "abc"})
    assert r.status == 201
    assert r.headers["Content-Type"] == "application/json"
    created = r.json()
    assert list(created) == ["id", "location"]
    assert created["id"] == 1
    assert r.headers["Location"] == "/event-stream/1"
    prefix = "ws://localhost:%d/event-stream/" % service.nginx.port(0)
    assert created["location"].startswith(prefix)
    uuid = created["location"][len(prefix):]
    assert re.fullmatch("[0-9a-f]{32}", uuid)

    listed = {"id": 1, "location": created["location"], "routing_key": "abc"}
    for path in "", "?limit=10", "?x=1":
        for r in service.each_worker("GET", path):
            assert r.status == 200
            assert r.headers["Content-Type"] == "application/json"
            assert r.json() == {"event_streams": [listed]}

    one = dict(listed, subscribers=0, events=0, bytes=0, first_ordinal=1,
               last_ordinal=0)
    for path in "1", "1/", uuid, uuid + "/":
        for r in service.each_worker("GET", path):
            assert (r.status, r.json()) == (200, one)

    r = service.request("DELETE", "1")
    assert (r.status, r.body) == (204, b"")
    for method, path in itertools.product(("GET", "DELETE"),
                                          ("1", "1/", uuid, uuid + "/")):
        for r in service.each_worker(method, path):
            is_problem(r, 404, "no stream at \"/event-stream/%s" % path)
    assert service.table() == []


@pytest.mark.parametrize("path", ["{id}", "{id}/", "{uuid}", "{uuid}/"])
def test_delete_by_id_or_uuid_from_any_worker(service, path):
    left = service.api.create("left")
    gone = set()
    while len(gone) < service.workers:
        s = service.api.create("abc")
        r = service.request("DELETE", path.format(id=s.id, uuid=s.uuid))
        assert r.status == 204
        gone.add(r.headers["X-Worker"])
        assert [x["id"] for x in service.table()] == [left.id]


def test_read_counts_subscribers_and_events(service, vhost):
    s = service.api.create("abc")
    with Clients([s.location] * 3) as clients:
        vhost.publish("abc", ["one", "three", b"\xff"])
        clients.wait(3)
        for r in service.each_worker("GET", str(s.id)):
            assert r.json() == {
                "id": s.id, "location": s.location, "routing_key": "abc",
                "subscribers": 3, "events": 3, "bytes": 9,
                "first_ordinal": 1, "last_ordinal": 3}
    wait_for(lambda: service.api.get(s)["subscribers"] == 0)


def test_delete_closes_the_subscribers(service):
    s = service.api.create("abc")
    other = service.api.create("abc")
    with Clients([s.location] * 4) as clients, Clients(other.location) as c:
        service.api.delete(s)
        assert set(clients.wait_closed()) == {
            (1000, "The stream has been deleted")}
        assert not c[0].closed


def test_head_is_get_without_a_body(service):
    s = service.api.create("abc")
    for path in "", "version/", "%d" % s.id, s.uuid, "2", "?limit=x":
        get = service.request("GET", path)
        for head in service.each_worker("HEAD", path):
            assert head.body == b""
            assert head.status == get.status, path
            for name in "Content-Type", "Content-Length":
                assert head.headers[name] == get.headers[name], path


ALLOW = [
    ("", "GET, HEAD, POST, OPTIONS"),
    ("version/", "GET, HEAD, OPTIONS"),
    ("version", "GET, HEAD, OPTIONS"),
    ("1", "GET, HEAD, DELETE, OPTIONS"),
    ("77/", "GET, HEAD, DELETE, OPTIONS"),
    ("0123456789abcdef" * 2, "GET, HEAD, DELETE, OPTIONS"),
]


def test_options_and_other_methods_are_told_what_is_allowed(unbrokered):
    for path, allow in ALLOW:
        for r in unbrokered.each_worker("OPTIONS", path):
            assert (r.status, r.body) == (204, b"")
            assert r.headers["Allow"] == allow
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND",
                       "NONSENSE"):
            if method in allow:
                continue
            r = unbrokered.request(method, path, body={"routing_key": "abc"})
            is_problem(r, 405, method)
            assert r.headers["Allow"] == allow
    assert unbrokered.table() == []


NOWHERE = [
    "0", "-1", "+1", "1.5", "1e0", "01", "0x1", "%201", "1%20", "1,", "1/2",
    "2", "999", "9223372036854775807", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "18446744073709551617",
    "340282366920938463463374607431768211457", "9" * 2000,
    "version/x", "versions", "Version", "null", "%00", "1%00", "%ff",
    "{id}", "%7Bid%7D", "a", "g" * 32, "0" * 31, "0" * 33,
    "00000000-0000-0000-0000-000000000000",
]


def test_nothing_is_found_elsewhere(service):
    s = service.api.create("abc")
    table = service.table()
    for path in NOWHERE + [s.uuid.upper(), s.uuid[:-1], s.uuid + "0",
                           s.uuid + "/x"]:
        if path == s.uuid:
            continue                # all digits
        for method in "GET", "DELETE":
            r = service.request(method, path)
            if path in ("%00", "1%00"):
                assert r.status == 400      # nginx's own
                continue
            is_problem(r, 404, "there is no|there is nothing")
    assert service.table() == table
    assert service.api.get(s)["id"] == s.id


# bodies

def key(value):
    return json.dumps({"routing_key": value})


BAD_BODIES = [
    ("", 400, "body is empty"),
    (" ", 400, "not JSON"),
    ("routing_key=abc", 400, "not JSON"),
    ('{"routing_key":"abc"', 400, "not JSON"),
    ('{"routing_key":"abc}', 400, "not JSON"),
    ("{'routing_key':'abc'}", 400, "not JSON"),
    ('{"routing_key":"a\nb"}', 400, "control character"),
    (b'{"routing_key":"a\0b"}', 400, "control character"),
    ('{"routing_key":"abc"} x', 400, "something follows"),
    ('{"routing_key":"abc"}{}', 400, "something follows"),
    ("[" * 5000, 400, "not JSON"),
    ('{"a":' * 5000, 400, "not JSON"),
    (b'{"routing_key":"\xff"}', 422, "not valid UTF-8"),
    (b'{"routing_key":"\xed\xa0\x80"}', 422, "not valid UTF-8"),
    ("[]", 422, "not a JSON object"),
    ('["routing_key"]', 422, "not a JSON object"),
    ('"abc"', 422, "not a JSON object"),
    ("null", 422, "not a JSON object"),
    ("17", 422, "not a JSON object"),
    ("{}", 422, '"routing_key" is missing'),
    ('{"Routing_Key":"abc"}', 422, 'the member "Routing_Key"'),
    ('{"x":{"routing_key":"abc"}}', 422, 'the member "x"'),
    ('{"routing_key":"abc","sourse":"stream"}', 422,
     'the member "sourse" is unknown; known are "routing_key", "source", '
     '"declare", "name", "key", "log", "max_length_bytes", "max_age", '
     '"stream_max_segment_size_bytes"'),
    ('{"routing_key":"abc","id":7,"uuid":"0"}', 422, 'the member "id"'),
    ('{"routing_key":"abc","s\\u0000":7}', 422, 'the member "s'),
    ('{"routing_key":"abc","%s":7}' % ("é" * 500), 422,
     'the member "%s..."' % ("é" * 32)),
    ('{"routing_key":"x","routing_key":"abc"}', 422,
     'the body has the member "routing_key" twice'),
    ('{"routing_key":"abc","source":"exchange","source":"stream"}', 422,
     'the body has the member "source" twice'),
    (key(None), 422, '"routing_key" is not a string'),
    (key(17), 422, '"routing_key" is not a string'),
    (key(True), 422, '"routing_key" is not a string'),
    (key(["abc"]), 422, '"routing_key" is not a string'),
    (key({}), 422, '"routing_key" is not a string'),
    (key(""), 422, '"routing_key" is empty'),
    (key("k" * 256), 422, '"routing_key" is over 255 bytes'),
    (key("é" * 128), 422, '"routing_key" is over 255 bytes'),
    (key("k" * 60000), 422, '"routing_key" is over 255 bytes'),
    ('{"routing_key":"a\\u0000b"}', 422, "NUL"),
    ('{"routing_key":"\\u0000"}', 422, "NUL"),
    (key("abc") + " " * 65536, 413, "over the limit of 65536 bytes"),
]


def test_bad_body_is_refused_and_says_why(unbrokered):
    for body, status, detail in BAD_BODIES:
        body = body if isinstance(body, bytes) else body.encode()
        try:
            is_problem(unbrokered.request("POST", "", body, JSON_TYPE),
                       status, detail)
            if not body:
                continue
            # as chunks, and by way of a file
            r, = unbrokered.raw(message(
                "POST", "/event-stream/", chunked(body),
                "Transfer-Encoding: chunked"))
            is_problem(r, status, detail)
            for path in "/in-file/", "/small/":
                is_problem(unbrokered.request("POST", path, body, JSON_TYPE),
                           status,
                           detail)
        except AssertionError as e:
            raise AssertionError("%r: %s" % (body[:60], e)) from e
    assert unbrokered.table() == []


def test_lone_surrogate_is_no_routing_key(unbrokered):
    for escape in "\\ud800", "\\udc00", "\\ud800x", "\\udc00\\ud800":
        r = unbrokered.request("POST", "", '{"routing_key":"%s"}' % escape,
                               JSON_TYPE)
        assert r.status in (400, 422), (escape, r)
        is_problem(r, r.status, "not JSON|not valid UTF-8")
    assert unbrokered.table() == []


def test_body_far_over_the_limit_is_refused(unbrokered):
    """By nginx's own client_max_body_size, or by ours."""

    for headers, body in [
            (["Transfer-Encoding: chunked"], chunked(b" " * 200000, 10000)),
            ([], b"{" * 200000)]:
        r, = unbrokered.raw(message("POST", "/event-stream/", body, *headers))
        is_problem(r, 413, "over the limit of 65536 bytes")

    with unbrokered.sock() as s:
        s.sendall(message("POST", "/event-stream/", b"",
                          "Content-Length: 99999999"))
        r, = answers(s, [b"POST"])
        assert r.status == 413
    assert unbrokered.table() == []


@pytest.mark.parametrize("content_type, status", [
    (None, 415), ("", 415),
    ("application/json", 201), ("Application/JSON", 201),
    ("application/json; charset=utf-8", 201), ("application/json;x=y", 201),
    ("text/plain", 415), ("application/x-www-form-urlencoded", 415),
    ("application/jsonx", 415), ("application/json-patch+json", 415),
    ("json", 415), ("text/html; application/json", 415),
])
def test_content_type(service, content_type, status):
    r = service.request("POST", "", key("abc"), {
        "Content-Type": content_type} if content_type is not None else {})
    assert r.status == status
    if status == 415:
        is_problem(r, 415, '%s, application/json is expected' % (
            '"%s"' % re.escape(content_type) if content_type
            else "there is no content type"))
    assert len(service.table()) == (status == 201)


KEYS = ["k", "k" * 255, "é" * 127 + "x", "a.b.*.#", " a b ", 'a"b\\c/d',
        "tab\tnewline\n\x01\x7f", "ключ", "鍵", "\U0001f600", "</script>",
        "%41&?#", "null", "0"]


def test_any_routing_key_goes_and_comes_unchanged(service, vhost):
    ids = [service.api.create(k).id for k in KEYS]
    assert [(s["id"], s["routing_key"]) for s in service.table()] == list(
        zip(ids, KEYS))
    for i, k in zip(ids, KEYS):
        assert service.api.get(i)["routing_key"] == k
        vhost.publish(k, "event")
    for i in ids:
        wait_for(lambda: service.api.get(i)["last_ordinal"] == 1)


@pytest.mark.parametrize("body, expected", [
    ('{"routing_key":"\\u00e9\\ud83d\\ude00\\u0041\\/"}', "é\U0001f600A/"),
    (' \r\n\t{ "routing_key" : "abc" }\r\n\t ', "abc"),
    ('{"routing\\u005fkey":"abc"}', "abc"),
    ('{"source":"exchange","routing_key":"abc","declare":false}', "abc"),
    (key("abc").ljust(65536), "abc"),
])
def test_json_is_read_as_json(service, body, expected):
    body = body.encode()
    r, = service.raw(message("POST", "/event-stream/", chunked(body, 7000),
                             "Transfer-Encoding: chunked"))
    assert r.status == 201, r
    for n, path in enumerate(("/event-stream/", "/in-file/", "/small/"), 2):
        r = service.request("POST", path, body, JSON_TYPE)
        assert (r.status, r.json()["id"]) == (201, n), r
    assert [(s["id"], s["routing_key"]) for s in service.table()] == [
        (n, expected) for n in range(1, 5)]


def test_body_that_comes_byte_by_byte(service):
    with service.sock() as s:
        for b in message("POST", "/event-stream/", key("abc").encode()):
            s.sendall(bytes([b]))
        r, = answers(s, [b"POST"])
    assert r.status == 201


def test_body_after_100_continue(service):
    with service.sock() as s:
        body = key("abc").encode()
        s.sendall(message("POST", "/event-stream/", b"",
                          "Expect: 100-continue",
                          "Content-Length: %d" % len(body)))
        assert s.recv(100).startswith(b"HTTP/1.1 100 ")
        s.sendall(body)
        assert answers(s, [b"POST"])[0].status == 201


# connections

def test_keepalive_and_pipelined_requests(service):
    post = message("POST", "/event-stream/", key("abc").encode())
    bad = message("POST", "/event-stream/", b"[]")
    got = service.raw(
        message("GET", "/event-stream/version/"), post, bad,
        message("GET", "/event-stream/"),
        message("POST", "/event-stream/", chunked(key("x").encode(), 3),
                "Transfer-Encoding: chunked"),
        message("PUT", "/event-stream/", b"x" * 5000),
        message("DELETE", "/event-stream/1", b"ignored"),
        message("HEAD", "/event-stream/2"),
        message("GET", "/event-stream/1"),
        message("OPTIONS", "/event-stream/"),
        message("GET", "/event-stream/"))
    assert [r.status for r in got] == [200, 201, 422, 200, 201, 405, 204, 200,
                                       404, 204, 200]
    assert [s["id"] for s in got[3].json()["event_streams"]] == [1]
    assert [(s["id"], s["routing_key"])
            for s in got[-1].json()["event_streams"]] == [(2, "x")]

    c = http.client.HTTPConnection("127.0.0.1", service.nginx.port(1))
    for n in range(3, 53):
        c.request("POST", "/event-stream/", key("abc"), JSON_TYPE)
        r = c.getresponse()
        assert (r.status, json.loads(r.read())["id"]) == (201, n)
        c.request("POST", "/event-stream/", "[]", JSON_TYPE)
        r = c.getresponse()
        assert r.status == 422 and r.read()
    c.close()
    assert len(service.table()) == 51


def test_client_that_goes_away_in_the_middle_of_a_post(service):
    whole = message("POST", "/event-stream/", key("gone").encode())
    for cut in 20, whole.index(b"\r\n\r\n") + 4, len(whole) - 1, len(whole):
        for linger in False, True:
            for _ in range(4):
                with service.sock() as s:
                    s.sendall(whole[:cut])
                    if linger:
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                     b"\1\0\0\0\0\0\0\0")

    # a creation that was asked for in full may be finished or not; each
    # stream that is there is a whole one
    made = service.api.create("abc")
    assert service.api.get(made)["routing_key"] == "abc"

    # a worker binds in the order in which it is asked: one that has made
    # another stream is done with those that went away
    wait_for(lambda: {r.status for r in service.each_worker(
        "POST", body={"routing_key": "last"})} == {201})
    table = service.table()
    assert sum(s["routing_key"] == "gone" for s in table) <= 8
    for s in table:
        assert service.api.get(s["id"])["location"] == s["location"]
        service.api.delete(s["id"])
    wait_for(lambda: service.table() == [])


def test_concurrent_creates_are_all_different(service):
    def create(n):
        r = service.request("POST", body={"routing_key": "k%d" % (n % 7)})
        assert r.status == 201, r
        return r.headers["X-Worker"], r.json()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        made = list(pool.map(create, range(300)))

    assert len({worker for worker, s in made}) == service.workers
    assert sorted(s["id"] for _, s in made) == list(range(1, 301))
    assert len({s["location"] for _, s in made}) == 300
    table = service.table()
    assert [s["id"] for s in table] == list(range(1, 301))
    assert {(s["id"], s["location"]) for s in table} == {
        (s["id"], s["location"]) for _, s in made}

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(
            lambda i: service.request("DELETE", str(i)).status,
            [s["id"] for s in table] * 2))
    assert sorted(codes) == [204] * 300 + [404] * 300
    assert service.table() == []


def test_streams_of_one_routing_key_are_independent(service, vhost):
    streams = [service.api.create("abc") for _ in range(3)]
    assert len({s.uuid for s in streams}) == 3
    with Clients([s.location for s in streams]) as clients:
        vhost.publish("abc", "one")
        clients.wait(1)
        service.api.delete(streams[1])
        assert [s["id"] for s in service.table()] == [streams[0].id,
                                                      streams[2].id]
        vhost.publish("abc", "two")
        for i in 0, 2:
            wait_for(lambda: clients[i].messages == ["one", "two"])
        assert clients[1].messages == ["one"]


# locations

def test_internal_location_reached_by_a_rewrite(service):
    for path in "/hidden/", "/hidden/version/", "/hidden/1":
        assert service.request("GET", path).status == 404
    assert service.request("POST", "/hidden/", key("x"),
                           JSON_TYPE).status == 404

    r = service.request("POST", "/back/?x=1", key("abc"), JSON_TYPE)
    assert r.status == 201
    assert r.headers["Location"] == "/back/1"
    for r in service.each_worker("GET", "/back/1"):
        assert (r.status, r.json()["routing_key"]) == (200, "abc")
    assert service.request("GET", "/back/version/").status == 200
    is_problem(service.request("GET", "/back/7"), 404, "no stream")
    is_problem(service.request("PUT", "/back/"), 405, "PUT")
    assert service.request("DELETE", "/back/1").status == 204
    assert service.table() == []


def test_location_with_another_prefix(service):
    prefix = "/api/v1/streams"
    for i, path in enumerate((prefix, prefix + "/"), 1):
        r = service.request("POST", path, key("abc"), JSON_TYPE)
        assert (r.status, r.headers["Location"]) == (201, "%s/%d" % (prefix,
                                                                    i))
        assert service.request("GET", r.headers["Location"]).status == 200
        assert len(service.request("GET", path).json()["event_streams"]) == i
    assert service.request("GET", prefix + "/version").status == 200
    for path in "2", "x", "s/", ".":
        is_problem(service.request("GET", prefix + path), 404, "nothing")
    assert service.request("DELETE", prefix + "/2/").status == 204


def test_public_url_of_the_location(service):
    r = service.request("POST", "/other/", key("abc"), JSON_TYPE)
    assert r.headers["Location"] == "/other/1"
    uuid = r.json()["location"][len("wss://example.com/x/"):]
    assert r.json()["location"] == "wss://example.com/x/" + uuid
    assert service.api.get(1)["location"].endswith("/event-stream/" + uuid)


# many

def uuid(i):
    return hashlib.md5(b"%d" % i).digest()


def fill(store, count):
    """Rows of a store, as many."""

    db = sqlite3.connect(store)
    with db:
        db.executemany(
            "INSERT INTO streams (id, uuid, routing_key, epoch,"
            " reserved_ordinal) VALUES (?, ?, ?, 1, 0)",
            ((i, uuid(i), "key-%d" % i) for i in range(1, count + 1)))
        db.execute("UPDATE meta SET last_id = ?", (count,))
    db.close()


def many(nginx, count, sndbuf="sndbuf=8k", **kwargs):
    """A small buffer, so that a list waits for who reads it."""

    conf = CONF.replace("ess_zone", "ess_store %%DIR%%/s/streams.db;\n"
                        "ess_zone").replace(" 8m", " 16m").replace(
                            "reuseport", "reuseport " + sndbuf)
    n = nginx(conf, amqp=NO_BROKER % free_port(), **kwargs)
    n.stop()
    fill(n.path("s/streams.db"), count)
    return n.start()


def test_long_list_is_complete_and_leaves_the_worker_free(nginx):
    # one worker: it has the list to send and the others to answer
    n = many(nginx, 20000, workers=1)
    api = Api(n.port(1))

    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(30 * slower())
        s.connect(("127.0.0.1", n.port(1)))
        s.sendall(message("GET", "/event-stream/"))
        assert s.recv(1, socket.MSG_PEEK)
        # nobody reads on, and all else works
        for _ in range(20):
            assert api.version()["name"] == "NGINX ESS"
        assert api.get(20000)["routing_key"] == "key-20000"
        api.delete(20000)
        assert [x["id"] for x in api.list("?limit=3&after=19997")] == [
            19998, 19999]
        r, = answers(s, [b"GET"])

    streams = r.json()["event_streams"]
    assert [x["id"] for x in streams] == list(range(1, 20000))
    assert streams[4711] == {
        "id": 4712, "routing_key": "key-4712",
        "location": "ws://localhost:%d/event-stream/%s" % (
            n.port(0), uuid(4712).hex())}


def test_long_list_has_its_turns_like_all_others(nginx):
    """Also when its client takes all that it is sent: it ends behind a short
    request that comes with it."""

    n = many(nginx, 1000, "", workers=1)
    worker, = n.workers()

    with contextlib.ExitStack() as stack:
        long, short = [stack.enter_context(contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", n.port(1),
                                       timeout=10 * slower())))
                       for _ in range(2)]
        for c in long, short:
            c.request("GET", "/event-stream/version/")
            assert c.getresponse().read()
        # both requests are there when it looks again
        freeze(worker)
        try:
            long.request("GET", "/event-stream/")
            short.request("GET", "/event-stream/1")
        finally:
            os.kill(worker, signal.SIGCONT)
        assert len(json.load(long.getresponse())["event_streams"]) == 1000
        assert json.load(short.getresponse())["id"] == 1

    def ended():
        return re.findall("GET /event-stream/(1?) ", n.access_log())

    wait_for(lambda: len(ended()) == 2)
    assert ended() == ["1", ""]


def test_pages(nginx):
    n = many(nginx, 300)
    api = Api(n.port(1))

    for size in 1, 7, 128, 129, 300, 1000:
        after, ids = 0, []
        while True:
            page = api.list("?limit=%d&after=%d" % (size, after))
            assert len(page) == min(size, 300 - len(ids))
            if not page:
                break
            ids += [s["id"] for s in page]
            after = ids[-1]
        assert ids == list(range(1, 301))

    assert len(api.list("?after=0")) == 300
    assert [s["id"] for s in api.list("?after=299")] == [300]
    assert api.list("?after=9223372036854775807&limit=1") == []
    api.delete(150)
    assert [s["id"] for s in api.list("?after=149&limit=2")] == [151, 152]
    assert [s["id"] for s in api.list("?after=150&limit=1")] == [151]

    for query in ("limit=0", "limit=", "limit=x", "limit=-1", "limit=1.5",
                  "limit=99999999999999999999", "after=", "after=x",
                  "after=-1", "after=99999999999999999999", "limit=1&after=x"):
        is_problem(api.request("GET", "?" + query), 400,
                   '"limit" takes .*"after"')


def test_lists_within_one_page(nginx):
    """Subrequests, each in its turn."""

    n = many(nginx, 3000)
    api = Api(n.port(1))
    os.mkdir(n.path("page"))
    with open(n.path("page/x"), "w") as f:
        f.write('[%s,<!--#include virtual="/event-stream/3000" -->]' % ",".join(
            ['<!--#include virtual="/event-stream/" -->'] * 3))

    page = api.request("GET", "/page/x", timeout=30).json()
    streams = api.list()
    assert len(streams) == 3000
    assert [p.get("event_streams") for p in page] == [streams] * 3 + [None]
    assert page[3]["routing_key"] == "key-3000"


# the broker is away

def fails_for_lack_of_a_broker(service):
    table = service.table()
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(service.request, "POST",
                               body={"routing_key": "abc"}) for _ in range(4)]
        # the workers answer others meanwhile
        assert service.table() == table
        for w in waiting:
            r = w.result()
            is_problem(r, 503, "broker")
            assert int(r.headers["Retry-After"]) >= 1
    # for how long at most, the time limit of the requests says
    assert time.monotonic() - start > 1.5
    assert service.table() == table


def test_create_fails_while_nothing_listens_at_the_broker_s_port(unbrokered):
    fails_for_lack_of_a_broker(unbrokered)


def test_create_fails_while_the_broker_is_silent(nginx):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        service = Service(nginx, NO_BROKER % silent.getsockname()[1])
        fails_for_lack_of_a_broker(service)


def test_broker_that_goes_and_comes_back(nginx, relay):
    service = Service(nginx, relay.url).connected()
    streams = [service.api.create("abc") for _ in range(4)]
    relay.cut()

    fails_for_lack_of_a_broker(service)
    for r in service.each_worker("GET", str(streams[0].id)):
        assert r.status == 200
    service.api.delete(streams[0])
    service.api.delete(streams[1].uuid)
    assert [s["id"] for s in service.table()] == [3, 4]

    relay.mend()
    made = wait_for(lambda: service.request(
        "POST", body={"routing_key": "new"}).status == 201 and
        service.table()[-1], 30)
    assert made["id"] > 4
    assert [s["id"] for s in service.table()] == [3, 4, made["id"]]


# the zone is full

def test_full_zone_answers_507_and_goes_on(nginx, vhost):
    conf = CONF.replace("streams 8m;", "streams %%SIZE%%; ess_max_event 1k;")
    n = nginx(conf, amqp=vhost.url, size="8k", start=False)
    n.expect("too small")
    least = re.search(r"at least (\d+k)", n.test()[1]).group(1)
    service = Service(nginx, vhost.url, conf=conf, size=least).connected()

    def create(_=None):
        return service.request("POST", body={"routing_key": "k" * 255})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for n in range(1, 100):
            got = list(pool.map(create, range(40)))
            refused = [r for r in got if r.status != 201]
            if refused:
                break
    for r in refused:
        is_problem(r, 507, 'zone has no room.*"ess_zone"')
    table = service.table()
    assert len(table) == 40 * n - len(refused) > 10
    is_problem(create(), 507, "zone")
    assert service.table() == table

    service.api.delete(table[0]["id"])
    assert create().status == 201
    service.nginx.wait_log(r'\[error\].*the zone is full.*"ess_zone"')
