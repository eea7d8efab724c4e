"""What is refused, and by whom: each client, and the page that it runs in, is
told why in the same form.  Pages of other origins, and what a browser asks
before it lets them.  And what other modules may not add to an answer."""

import gzip
import http.client
import json
import os
import re
import socket
import subprocess
import time

import jwt
import pytest

from api import Api
from clients import RawWS
from h2 import Http2
from nginx import MODULE
from sse import EventSource
from wait import slower, wait_for

SECRET = "0123456789abcdef0123456789abcdef"
APP = "https://app.example"
EVIL = "https://evil.example"
NOWHERE = "0" * 32

CONF = """
http {
    ess_zone        streams 8m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_ping        0;
    ess_drain       0;
    limit_req_zone  $server_port zone=requests:1m rate=1r/m;
    limit_conn_zone $server_port zone=connections:1m;
    log_format      all '$request $status $ess_stream_id';
    access_log      %%DIR%%/all.log all;
    %%HTTP%%

    server {
        listen 127.0.0.1:%%PORT0%%;


        location /event-stream/ {
            ess_subscribe;

            location /event-stream/listed/ {
                ess_subscribe;
                ess_origin https://app.example https://other.example;
            }
            location /event-stream/denied/ { ess_subscribe; deny all; }
            location /event-stream/except/ {
                ess_subscribe;
                limit_except GET { deny all; }
            }
            location /event-stream/basic/ {
                ess_subscribe;
                auth_basic events;
                auth_basic_user_file %%DIR%%/users;
            }
            location /event-stream/asked/ {
                ess_subscribe;
                auth_request /says-no;
            }
            location /event-stream/token/ {
                ess_subscribe;
                ess_jwt key=%%DIR%%/key alg=HS256 streams=streams;
            }
            location /event-stream/either/ {
                ess_subscribe;
                satisfy any;
                deny all;
                ess_jwt key=%%DIR%%/key alg=HS256 token=arg:token
                        token=cookie:session;
                ess_origin https://app.example;
            }
            location /event-stream/limited/ {
                ess_subscribe;
                limit_req zone=requests;
                limit_req_status 429;
            }
            location /event-stream/one/ {
                ess_subscribe;
                limit_conn connections 1;
            }
            location /event-stream/one-client/ {
                ess_subscribe;
                ess_max_subscribers 1;
            }
            location /event-stream/returned/ { ess_subscribe; return 418; }
            location /event-stream/moved/ { ess_subscribe; return 301 /; }
            location /event-stream/page/ {
                ess_subscribe;
                error_page 404 /404.html;
            }
            location /event-stream/answered/ {
                ess_subscribe;
                error_page 426 =200 /page;
            }
            location /event-stream/changed/ {
                ess_subscribe;
                sub_filter zzz yyy;
                sub_filter_types *;
            }
            location /event-stream/if/ {
                ess_subscribe;
                if ($arg_x) { set $y 1; }
            }
        }

        location /unknown/ {
            ess_subscribe $arg_stream unknown=close:4404;
            if ($arg_x) { set $y 1; }
        }
        location = /says-no { internal; return 403; }
        location = /page { internal; return 200 "the page"; }
        location = /404.html { internal; return 404 "the operator's"; }
        location /proxied/ {
            ess_jwt key=%%DIR%%/key alg=HS256;
            proxy_pass http://127.0.0.1:%%PORT1%%/;
        }
        location /elsewhere/ { deny all; }
        location /moved/ { ess_api; ess_origin https://app.example; }
        location /publish/ {
            ess_publish;
            ess_origin https://app.example;
            client_max_body_size 10;
        }
        location /console/ { ess_console; ess_origin https://app.example; }
        location /operator { ess_console; ess_origin https://app.example; }
        location = /health { ess_health; }
        location = /metrics { ess_metrics; ess_origin https://app.example; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /open/ { ess_api; ess_origin any; }
        location /console/ { ess_console; }
        location /publish/ { ess_publish; }
    }

    server {
        listen 127.0.0.1:%%PORT2%% http2;
        location /event-stream/ {
            ess_subscribe;
            location /event-stream/denied/ { ess_subscribe; deny all; }
        }
    }
}
"""

# a location that has a token: in its name, and in the claim
TOKEN = jwt.encode({"exp": int(time.time()) + 6000, "streams": ["none"]},
                   SECRET, "HS256")
OLD = jwt.encode({"exp": int(time.time()) - 6000}, SECRET, "HS256")


class Answer:

    def __init__(self, response, body):
        self.status = response.status
        self.reason = response.reason
        self.lines = [(k.lower(), v) for k, v in response.getheaders()]
        self.headers = dict(self.lines)
        self.body = body

    def json(self):
        return json.loads(self.body)


def ask(port, path, method="GET", body=None, head=False, **headers):
    """Keywords are header fields; of a response without end only these."""

    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10 * slower())
    try:
        c.request(method, path, body, {
            k.replace("_", "-"): v for k, v in headers.items()})
        r = c.getresponse()
        return Answer(r, b"" if head else r.read())
    finally:
        c.close()


@pytest.fixture
def service(nginx):
    def make(http="", **names):
        n = nginx(CONF, start=False, http=http, **names)
        with open(n.path("key"), "w") as f:
            f.write(SECRET)
        os.chmod(n.path("key"), 0o600)
        with open(n.path("users"), "w") as f:
            f.write("somebody:{PLAIN}secret\n")
        n.start()
        n.stream = Api(n.port(1)).create("abc")
        return n
    return make


# port, request, status, a part of the sentence.  {uuid}: of a stream
REFUSED = [
    (0, "/event-stream/" + NOWHERE, {}, 404, "no stream"),
    (0, "/event-stream/", {}, 404, "no stream"),
    (0, "/event-stream/{uuid}", {}, 426, "connect with a WebSocket client"),
    (0, "/event-stream/{uuid}", {"Upgrade": "h2c"}, 426, "text/event-stream"),
    (0, "/event-stream/{uuid}", {"method": "POST"}, 405, "GET"),
    (0, "/event-stream/{uuid}", {"method": "OPTIONS"}, 405, "GET"),
    (0, "/event-stream/{uuid}?stream_from_ordinal=x",
     {"Accept": "text/event-stream"}, 400, "position"),
    (0, "/event-stream/{uuid}", {"Accept": "text/event-stream", "body": "x"},
     400, "body"),
    (0, "/event-stream/{uuid}", {"Upgrade": "websocket", "Connection":
     "upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"},
     400, "Sec-WebSocket-Key"),
    (0, "/event-stream/listed/{uuid}", {"Origin": EVIL}, 403, "ess_origin"),
    (0, "/event-stream/denied/{uuid}", {}, 403, "access rules"),
    (0, "/event-stream/except/{uuid}", {}, 426, "WebSocket"),
    (0, "/event-stream/except/{uuid}", {"method": "POST"}, 403,
     "access rules"),
    (0, "/event-stream/basic/{uuid}", {}, 401, "WWW-Authenticate"),
    (0, "/event-stream/asked/{uuid}", {}, 403, "access rules"),
    (0, "/event-stream/token/{uuid}", {}, 401, "Authorization: Bearer"),
    (0, "/event-stream/token/{uuid}", {"Authorization": "Bearer x"}, 401,
     "base64url"),
    (0, "/event-stream/token/{uuid}", {"Authorization": "Bearer " + OLD}, 401,
     "has expired"),
    (0, "/event-stream/token/{uuid}", {"Authorization": "Bearer " + TOKEN},
     403, "claim"),
    (0, "/event-stream/either/{uuid}", {}, 401, 'cookie "session"'),
    (0, "/event-stream/returned/{uuid}", {}, 418, "refused"),
    (0, "/event-stream/if/{uuid}?x=1", {}, 426, "WebSocket"),
    (0, "/event-stream/{uuid}", {"Content-Length": str(2 ** 40), "method":
     "POST"}, 413, "client_max_body_size"),
    (0, "/moved/7", {}, 404, ""),
    (0, "/moved/x/y", {}, 404, "nothing"),
    (0, "/moved/", {"method": "DELETE"}, 405, "DELETE"),
    (0, "/moved/", {"method": "POST", "body": "{", "Content-Type":
     "application/json"}, 400, "JSON"),
    (0, "/moved/", {"method": "POST", "body": "{}", "Origin": EVIL}, 403,
     "ess_origin"),
    (0, "/publish/abc", {"method": "POST", "body": "x" * 11}, 413,
     "client_max_body_size"),
    (0, "/publish/abc", {"method": "POST", "body": [b"x" * 9] * 2}, 413,
     "client_max_body_size"),
    (0, "/publish/none", {"method": "POST", "body": "x"}, 404, "routing key"),
    (0, "/publish/abc", {}, 405, "GET"),
    (0, "/console/nothing", {}, 404, "nothing"),
    (0, "/console/api/", {"method": "POST", "body": "{}"}, 403,
     "X-ESS-Console"),
    (0, "/health", {"method": "POST", "body": ""}, 405, "POST"),
    (0, "/metrics?format=x", {}, 400, "format"),
    (0, "/proxied/", {}, 401, "Authorization: Bearer"),
]


def check(answer, status, detail, origin=None):
    assert answer.status == status, answer.body
    names = [k for k, _ in answer.lines]
    assert len(names) == len(set(names)), answer.lines
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["content-length"]) == len(answer.body)
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    if "title" in problem:
        assert answer.reason == problem["title"]
    assert detail in problem["detail"]
    assert answer.headers.get("access-control-allow-origin") == origin
    if origin:
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"] == "Origin"
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"Retry-After", "WWW-Authenticate", "Location",
                "Accept-Encoding"} <= set(exposed)


def test_every_refusal(service):
    n = service()
    wrong = []
    for port, path, request, status, detail in REFUSED:
        path = path.replace("{uuid}", n.stream.uuid)
        for origin in (None, APP):
            headers = dict(request)
            if "Origin" in headers:
                if origin:
                    continue
            elif origin:
                headers["Origin"] = origin
            sees = None if path.split("/")[1] in ("health", "proxied") \
                else origin
            try:
                check(ask(n.port(port), path, **headers), status, detail, sees)
            except (AssertionError, KeyError, ValueError) as e:
                wrong.append("%s %s: %r" % (path, request, e))
    assert wrong == [], "\n".join(wrong)


def test_limits(service):
    n = service()
    uuid = n.stream.uuid
    for _ in range(2):
        a = ask(n.port(0), "/event-stream/limited/" + uuid, Origin=APP)
    check(a, 429, "fewer requests", APP)
    assert a.headers["retry-after"] == "1"
    with EventSource("http://127.0.0.1:%d/event-stream/one/%s"
                     % (n.port(0), uuid)):
        a = ask(n.port(0), "/event-stream/one/" + uuid, Origin=APP)
        check(a, 503, "fewer requests", APP)
        assert a.headers["retry-after"] == "1"
    # its place is free again
    wait_for(lambda: Api(n.port(1)).get(n.stream)["subscribers"] == 0)
    with EventSource("http://127.0.0.1:%d/event-stream/one-client/%s"
                     % (n.port(0), uuid)):
        a = ask(n.port(0), "/event-stream/one-client/" + uuid, Origin=APP,
                Accept="text/event-stream")
        check(a, 503, "ess_max_subscribers", APP)
        assert a.headers["retry-after"] == "1"


def test_retry_after_of_the_operator_counts_more(service):
    n = service(http="add_header Retry-After 30 always;")
    for _ in range(2):
        a = ask(n.port(0), "/event-stream/limited/" + n.stream.uuid)
    assert a.status == 429
    assert [v for k, v in a.lines if k == "retry-after"] == ["30"]


def test_error_page_of_the_operator_counts_more(service):
    n = service()
    a = ask(n.port(0), "/event-stream/page/" + NOWHERE)
    assert a.status == 404 and a.body == b"the operator's"
    assert "problem" not in a.headers["content-type"]
    a = ask(n.port(0), "/event-stream/answered/" + n.stream.uuid)
    assert a.status == 200 and a.body == b"the page"
    assert not {"upgrade", "sec-websocket-version"} & {*a.headers}


def test_an_if_keeps_what_the_location_serves(service):
    n = service()
    for more in ("", "&x=1"):
        with RawWS(n.port(0), "/unknown/?stream=none" + more) as c:
            assert c.handshake() == 101
            assert c.recv_frame().close_code == 4404
        with RawWS(n.port(0), "/unknown/?stream=%s%s" % (n.stream.uuid, more)
                   ) as c:
            assert c.handshake() == 101


def test_other_locations_are_left_alone(service):
    n = service()
    a = ask(n.port(0), "/elsewhere/", Origin=APP)
    assert a.status == 403 and b"<html>" in a.body
    assert a.headers["content-type"] == "text/html"
    assert "cache-control" not in a.headers


def test_redirects_stay(service):
    n = service()
    for path in ("/event-stream/moved/x", "/operator"):
        a = ask(n.port(0), path, Origin=APP)
        assert a.status == 301
        assert a.headers["location"].endswith("/")
        assert "problem" not in a.headers.get("content-type", "")
        assert a.headers["access-control-allow-origin"] == APP


def test_head_and_the_next_request(service):
    """A refused connection goes on, whatever the body was."""

    n = service()
    path = "/event-stream/denied/" + n.stream.uuid
    c = http.client.HTTPConnection("127.0.0.1", n.port(0),
                                   timeout=10 * slower())
    mine = None
    for method in ("GET", "HEAD", "GET", "POST", "GET"):
        c.request(method, path, b"x" * 5000 if method == "POST" else None)
        r = c.getresponse()
        body = r.read()
        assert r.status == 403
        assert (body == b"") == (method == "HEAD")
        if body:
            assert json.loads(body)["status"] == 403
        mine = mine or c.sock
        assert c.sock is mine
    c.close()
    for version, extra in (("1.0", ""), ("1.1", "Connection: close\r\n")):
        with socket.create_connection(("127.0.0.1", n.port(0))) as s:
            s.sendall(("GET %s HTTP/%s\r\nHost: a\r\n%s\r\n"
                       % (path, version, extra)).encode())
            got = b""
            while True:
                part = s.recv(4096)
                if not part:
                    break
                got += part
        header, _, body = got.partition(b"\r\n\r\n")
        assert b" 403 Forbidden" in header
        assert json.loads(body)["status"] == 403


def test_http2(service):
    n = service()
    with Http2(n.port(2)) as h2:
        rows = [("/event-stream/denied/" + n.stream.uuid, 403),
                ("/event-stream/" + NOWHERE, 404),
                ("/event-stream/" + n.stream.uuid, 426)]
        streams = [h2.get(path, {"accept": "*/*"}) for path, _ in rows]
        h2.wait(lambda: all(s.ended for s in streams))
        for stream, (path, status) in zip(streams, rows):
            assert stream.status == status
            assert json.loads(bytes(stream.body))["status"] == status
            assert stream.headers["content-type"] == "application/problem+json"
            assert stream.headers["cache-control"] == "no-store"
            assert "connection" not in stream.headers
            assert "upgrade" not in stream.headers


def test_426_says_how_to_connect(service):
    n = service()
    path = "/event-stream/" + n.stream.uuid
    for version in ("1.1", "1.0"):
        with socket.create_connection(("127.0.0.1", n.port(0))) as s:
            s.sendall(("GET %s HTTP/%s\r\nHost: a\r\n\r\n"
                       % (path, version)).encode())
            got = s.recv(4096).decode()
        header = got.partition("\r\n\r\n")[0].split("\r\n")
        assert header[0] == "HTTP/1.1 426 Upgrade Required"
        lines = [line.lower() for line in header]
        assert [line for line in lines if line.startswith("connection:")] \
            == ["connection: upgrade"]
        assert "upgrade: websocket" in lines
        assert "sec-websocket-version: 13" in lines
    wait_for(lambda: open(n.path("all.log")).read().count(" 426 ") == 2)

    # the connection goes on
    c = http.client.HTTPConnection("127.0.0.1", n.port(0),
                                   timeout=10 * slower())
    for _ in range(3):
        c.request("GET", path)
        mine = c.sock
        r = c.getresponse()
        assert r.status == 426 and json.loads(r.read())
        assert c.sock is mine
    c.close()


def test_a_426_of_unknown_length_ends(service):
    """A filter behind ours has cleared it: the end is the connection's."""

    n = service()
    with socket.create_connection(("127.0.0.1", n.port(0))) as s:
        s.settimeout(10 * slower())
        s.sendall(("GET /event-stream/changed/%s HTTP/1.1\r\nHost: a\r\n\r\n"
                   % n.stream.uuid).encode())
        got = b""
        while True:
            part = s.recv(4096)
            if not part:
                break
            got += part
    header, _, body = got.partition(b"\r\n\r\n")
    assert b" 426 " in header and b"Content-Length" not in header
    assert json.loads(body)["status"] == 426


PREFLIGHT = {"method": "OPTIONS", "Access_Control_Request_Method": "GET",
             "Access_Control_Request_Headers": "authorization,last-event-id"}


@pytest.mark.parametrize("where", [
    "", "listed/", "denied/", "except/", "basic/", "asked/", "token/",
    "either/", "limited/", "if/"])
def test_preflight_comes_before_access_rules(service, where):
    n = service()
    path = "/event-stream/" + where + n.stream.uuid
    for _ in range(3):
        a = ask(n.port(0), path, Origin=APP, **PREFLIGHT)
        assert a.status == 204 and a.body == b""
        h = a.headers
        assert h["access-control-allow-origin"] == APP
        assert h["access-control-allow-credentials"] == "true"
        assert h["access-control-allow-methods"] == "GET"
        assert h["access-control-allow-headers"] \
            == "authorization,last-event-id"
        assert int(h["access-control-max-age"]) > 0
        assert h["vary"] == "Origin"
        names = [k for k, _ in a.lines]
        assert len(names) == len(set(names))
    if where in ("listed/", "either/"):
        check(ask(n.port(0), path, Origin=EVIL, **PREFLIGHT), 403,
              "ess_origin")
    else:
        assert ask(n.port(0), path, Origin=EVIL, **PREFLIGHT).headers[
            "access-control-allow-origin"] == EVIL


@pytest.mark.parametrize("path, methods", [
    ("/moved/", {"GET", "HEAD", "POST", "DELETE"}),
    ("/console/api/", {"GET", "HEAD", "POST", "DELETE"}),
    ("/publish/abc", {"POST"}),
    ("/metrics", {"GET", "HEAD"}),
])
def test_preflight_of_the_api(service, path, methods):
    """Pages that are listed, and no others."""

    n = service()
    a = ask(n.port(0), path, Origin=APP, **dict(
        PREFLIGHT, Access_Control_Request_Method="POST"))
    assert a.status == 204
    assert set(a.headers["access-control-allow-methods"].split(", ")) \
        == methods
    assert a.headers["access-control-allow-origin"] == APP
    check(ask(n.port(0), path, Origin=EVIL, **PREFLIGHT), 403, "ess_origin")


@pytest.mark.parametrize("path", [
    "/event-stream/", "/open/", "/console/api/", "/publish/abc"])
def test_any_is_no_list(service, path):
    n = service()
    check(ask(n.port(1), path, Origin=APP, **PREFLIGHT), 403, "ess_origin")
    a = ask(n.port(1), path, Origin=APP)
    assert not [k for k, _ in a.lines if k.startswith("access-control")]


def test_answers_can_be_read_by_listed_pages(service):
    n = service()
    a = ask(n.port(0), "/moved/", "POST", json.dumps({"routing_key": "k"}),
            Origin=APP, Content_Type="application/json")
    assert a.status == 201
    assert a.headers["access-control-allow-origin"] == APP
    a = ask(n.port(0), "/publish/k", "POST", "x", Origin=APP)
    assert a.status == 202
    assert a.headers["access-control-allow-origin"] == APP
    a = ask(n.port(0), "/moved/", Origin=APP + "\u00e9")
    assert "access-control-allow-origin" not in a.headers


def test_tail_of_the_console_is_for_its_own_pages(service):
    """Not for any page: the visitor of that one is an operator."""

    n = service()
    path = "/console/tail/" + n.stream.uuid
    for port in (0, 1):
        with EventSource("http://127.0.0.1:%d%s" % (n.port(port), path)) as e:
            assert e.status == 200
        own = "http://127.0.0.1:%d" % n.port(port)
        with RawWS(n.port(port), path) as c:
            assert c.handshake(Origin=own) == 101
        with RawWS(n.port(port), path) as c:
            assert c.handshake(Origin=EVIL) == 403
        a = ask(n.port(port), path, Origin=EVIL, Accept="text/event-stream")
        check(a, 403, "ess_origin")


def test_plain_options(service):
    n = service()
    a = ask(n.port(0), "/event-stream/" + n.stream.uuid, "OPTIONS",
            Origin=APP)
    check(a, 405, "GET", APP)
    assert a.headers["allow"] == "GET"
    a = ask(n.port(1), "/event-stream/", "OPTIONS")
    assert a.status == 204 and "POST" in a.headers["allow"]


OTHERS = """
    expires 1h;
    add_header Cache-Control public always;
    add_header Cache-Control "max-age=5";
    add_header Access-Control-Allow-Origin * always;
    add_header X-Other 1 always;
"""


def test_headers_that_others_add(service):
    n = service(http=OTHERS)
    uuid = n.stream.uuid

    def lines(answer, name):
        return [v for k, v in answer.lines if k == name]

    for path, origin in (("/event-stream/" + uuid, APP),
                         ("/event-stream/" + NOWHERE, APP),
                         ("/moved/", APP), ("/moved/7", APP),
                         ("/event-stream/denied/" + uuid, APP)):
        a = ask(n.port(0), path, head=True, Origin=origin,
                Accept="text/event-stream")
        assert lines(a, "cache-control") == ["no-store"], path
        assert lines(a, "expires") == []
        assert lines(a, "access-control-allow-origin") == [APP]
        assert lines(a, "x-other") == ["1"]

    # without an origin that we know it is the operator's
    a = ask(n.port(0), "/event-stream/" + uuid, head=True,
            Accept="text/event-stream")
    assert a.status == 200
    assert lines(a, "cache-control") == ["no-store"]
    assert lines(a, "access-control-allow-origin") == ["*"]

    # other locations keep theirs
    a = ask(n.port(0), "/elsewhere/")
    assert lines(a, "cache-control") == ["public"]


@pytest.mark.parametrize("upgrade", ["h2c", "", "HTTP/2.0, h2c", "websockets"])
def test_other_upgrades_are_ignored(service, upgrade):
    n = service()
    a = ask(n.port(0), "/event-stream/" + n.stream.uuid, head=True,
            Accept="text/event-stream", Upgrade=upgrade,
            Connection="Upgrade, HTTP2-Settings", HTTP2_Settings="AAMAAABk")
    assert a.status == 200
    assert a.headers["content-type"] == "text/event-stream"


@pytest.mark.parametrize("upgrade", ["websocket", "h2c, WebSocket"])
def test_an_upgrade_that_lists_websocket(service, upgrade):
    n = service()
    with RawWS.of(n.stream.location) as c:
        assert c.handshake(Upgrade=upgrade, Accept="text/event-stream") == 101


def test_preflights_are_counted(service):
    n = service()
    path = "/event-stream/listed/" + n.stream.uuid
    for _ in range(3):
        ask(n.port(0), path, Origin=EVIL, **PREFLIGHT)
    ask(n.port(0), "/moved/", Origin=EVIL, **PREFLIGHT)
    text = ask(n.port(0), "/metrics").body.decode()
    assert re.search(r'rejected_requests_total\{reason="origin"\} 3\n', text)
    assert "cross_origin_requests_total 1\n" in text


# Debian's, and before or behind this module in the list

BROTLI = "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so"

COMPRESSED = """
%s
events { worker_connections 512; }
http {
    ess_zone        streams 8m;
    ess_public_url  ws://127.0.0.1:%%%%PORT0%%%%/event-stream/;
    brotli          on;
    brotli_types    *;
    brotli_min_length 1;
    gzip            on;
    gzip_types      *;
    gzip_min_length 1;
    gzip_proxied    any;

    server {
        listen 127.0.0.1:%%%%PORT0%%%%;
        location /event-stream/ {
            ess_subscribe;
            location /event-stream/denied/ { ess_subscribe; deny all; }
        }
        location / { return 200 "some text some text some text some text"; }
    }
    server {
        listen 127.0.0.1:%%%%PORT1%%%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
    server {
        listen 127.0.0.1:%%%%PORT2%%%% http2;
        location /event-stream/ { ess_subscribe; }
    }
}
"""


def decode(answer):
    """The status that the problem in the body names."""

    body, encoding = answer.body, answer.headers.get("content-encoding")
    if encoding == "br":
        body = subprocess.run(["brotli", "-dc"], input=body,
                              capture_output=True, check=True).stdout
    elif encoding == "gzip":
        body = gzip.decompress(body)
    return json.loads(body)["status"]


@pytest.mark.parametrize("first", [True, False])
def test_no_filter_compresses_an_event_stream(nginx, first):
    load = ["load_module %s;" % MODULE, "load_module %s;" % BROTLI]
    n = nginx(COMPRESSED % "\n".join(load if first else load[::-1]))
    api = Api(n.port(1))
    stream = api.create("abc")
    accept = {"Accept-Encoding": "gzip, deflate, br, zstd"}

    # so it is loaded
    a = ask(n.port(0), "/", **accept)
    assert a.headers["content-encoding"] == "br"

    with EventSource(stream.http, headers=accept) as e, \
            Http2(n.port(2)) as h2, RawWS.of(stream.location) as ws:
        assert ws.handshake(Accept_Encoding="br, gzip") == 101
        s = h2.get("/event-stream/" + stream.uuid,
                   {"accept-encoding": "gzip, br"})
        h2.wait(lambda: s.status == 200)
        for _ in range(3):
            assert ask(n.port(1), "/publish/abc", "POST",
                       "hello " * 20).status == 202
        wait_for(lambda: len(e.events) == 3)
        h2.wait(lambda: len(s.data) == 3)
        assert e.events[0].data == s.data[0] == "hello " * 20
        assert ws.recv_frame().payload == b"hello " * 20
        for headers in (e.headers, s.headers, ws.headers):
            assert "content-encoding" not in {k.lower() for k in headers}

    # a refusal is, where its status is one that these modules compress
    for path, status in (("denied/" + stream.uuid, 403), (NOWHERE, 404),
                         (stream.uuid, 426)):
        for encodings, encoding in (accept["Accept-Encoding"], "br"), \
                                   ("gzip", "gzip"), ("identity", None):
            a = ask(n.port(0), "/event-stream/" + path,
                    Accept_Encoding=encodings)
            if status == 426:
                encoding = None
            assert a.status == status
            assert a.headers.get("content-encoding") == encoding
            assert decode(a) == status


def test_gzip_of_a_refusal(nginx):
    """Without brotli, whoever takes it."""

    conf = [x for x in COMPRESSED.splitlines() if "brotli" not in x]
    n = nginx("\n".join(conf) % ("load_module %s;" % MODULE))
    a = ask(n.port(0), "/event-stream/" + NOWHERE, Accept_Encoding="gzip, br")
    assert a.status == 404 and a.headers["content-encoding"] == "gzip"
    assert a.headers["content-type"] == "application/problem+json"
    assert decode(a) == 404
