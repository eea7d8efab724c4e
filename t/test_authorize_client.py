"""ess_authorize: a back end says which clients may have a stream, for plain
WebSockets and for Server-Sent Events."""

import concurrent.futures
import http.client
import json
import socket
import struct
import threading
import time

import pytest

import tokens
from api import Api
from wait import slower, wait_for

CONF = """
http {
    ess_zone         streams 8m;
    ess_amqp         %%AMQP%%;
    ess_public_url   ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_authorize    /authorize timeout=1s;
    ess_origin       https://app.example;

    geo $inside { default 0; 192.0.2.0/24 1; }

    server {
        listen 127.0.0.1:%%PORT0%%;
        set_real_ip_from 127.0.0.1;

        location /event-stream/ { ess_subscribe; }
        location /keys/ { ess_subscribe key=$arg_key; }
        location /multi/ { ess_subscribe multi names guarded; }
        location /off/ { ess_authorize off; ess_subscribe; }
        location /tokens/ {
            ess_subscribe;
            ess_jwt key=%%DIR%%/key alg=HS256 token=header token=arg:token;
        }
        location /cached/ {
            ess_subscribe key=$arg_key;
            ess_authorize /authorize cache=30s;
            ess_jwt key=%%DIR%%/key alg=HS256;
        }
        location /ruled/ {
            ess_subscribe;
            ess_authorize /ruled-authorize;
        }
        location /paged/ {
            ess_subscribe;
            error_page 403 =410 /page;
        }
        location = /page { return 410 "gone"; }
        location /nowhere/ { ess_subscribe; ess_authorize /none; }

        location = /authorize {
            internal;
            proxy_pass http://127.0.0.1:%%BACK%%;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Inside $inside;
        }
        location = /ruled-authorize {
            internal;
            allow 192.0.2.0/24;
            deny all;
            proxy_pass http://127.0.0.1:%%BACK%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /health { ess_health; }
        location /metrics { ess_metrics; }
    }
}
"""

INHERITED = """
http {
    ess_zone         streams 8m;
    ess_amqp         %%AMQP%%;
    ess_public_url   ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_authorize    /authorize cache=1m;
    ess_jwt          key=%%DIR%%/key alg=HS256;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
        location /again/ {
            ess_subscribe;
            if ($arg_page) { set $page $arg_page; }
        }
        location = /authorize {
            internal;
            ess_jwt off;
            proxy_pass http://127.0.0.1:%%BACK%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        ess_jwt off;
        location /event-stream/ { ess_api; }
    }

    server {
        listen 127.0.0.1:%%PORT2%%;
        location /event-stream/ { ess_subscribe; }
        location = /authorize { internal; ess_jwt off; return 403; }
    }
}
"""


@pytest.fixture
def service(nginx, vhost, back):
    n = tokens.start(nginx(CONF, amqp=vhost.url, back=str(back.port),
                           start=False))
    return n, Api(n.port(1))


def get(n, path, ws=False, timeout=20, server=0, **headers):
    """The status of a subscription, its headers, and a refusal's problem."""

    c = http.client.HTTPConnection("127.0.0.1", n.port(server),
                                   timeout=timeout * slower())
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    if ws:
        headers.update({"Upgrade": "websocket", "Connection": "Upgrade",
                        "Sec-WebSocket-Version": "13",
                        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="})
    else:
        headers["Accept"] = "text/event-stream"
    try:
        c.request("GET", path, headers=headers)
        r = c.getresponse()
        body = None
        if r.status not in (101, 200):
            body = r.read()
            if r.headers["Content-Type"] == "application/problem+json":
                body = json.loads(body)
        return r.status, r.headers, body
    finally:
        c.close()


def figure(api, sample='rejected_requests_total{reason="authorize"}'):
    for line in api.request("GET", "/metrics").body.decode().split("\n"):
        if line.startswith("ess_%s " % sample):
            return int(line.split()[1])


def outcomes(api):
    """What the application answered: allowed, refused, failed."""

    return [figure(api, 'authorize_requests_total{outcome="%s"}' % outcome)
            for outcome in ("allowed", "refused", "failed")]


@pytest.mark.parametrize("ws", [True, False])
def test_allowed(service, back, ws):
    n, api = service
    stream = api.create("abc", name="prices")
    path = "/event-stream/%s" % stream.uuid
    status = 101 if ws else 200
    assert get(n, path + "?a=%22b%22", ws)[0] == status
    (question, headers), = back.questions
    assert question == {
        "subscribe": [{"stream": stream.uuid, "name": "prices",
                       "routing_key": "abc", "keys": None}],
        "address": "127.0.0.1", "claims": None, "query": "a=%22b%22"}
    assert headers["Content-Type"] == "application/json"
    assert get(n, "/off/" + stream.uuid, ws)[0] == status
    assert get(n, "/event-stream/" + "0" * 32, ws)[0] == 404
    assert len(back.questions) == 1
    assert outcomes(api) == [1, 0, 0]


@pytest.mark.parametrize("ws", [True, False])
def test_refused(service, back, ws):
    n, api = service
    stream = api.create("abc")
    path = "/event-stream/" + stream.uuid
    for answer in (403, b""), (200, {"allow": [False]}), (200,
                                                          {"allow": [["x"]]}):
        back.answer = lambda question, handler: answer
        status, headers, problem = get(n, path, ws,
                                       Origin="https://app.example")
        assert status == 403 and problem["status"] == 403
        assert "application" in problem["detail"]
        assert headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert headers["Cache-Control"] == "no-store"
    assert figure(api) == 3
    assert outcomes(api) == [0, 3, 0]
    assert get(n, "/paged/" + stream.uuid, ws)[::2] == (410, b"gone")


@pytest.mark.parametrize("ws", [True, False])
def test_no_answer_that_fits(service, back, ws):
    n, api = service
    stream = api.create("abc")

    def broken(question, handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n"
                            b'{"allow":[true]}')

    def half(question, handler):
        handler.wfile.write(b"HTTP/1.0 200 O")

    def slow(question, handler):
        time.sleep(1.5 * slower())
        return 200, {"allow": [True]}

    for answer in (broken, half, slow, *(
            lambda question, handler, it=it: it for it in (
                (200, b"yes"), (200, {}), (200, {"allow": []}),
                (200, {"allow": [True, True]}), (200, {"allow": [1]}),
                (201, {"allow": [True]}), (401, b""), (500, b""),
                (302, b"")))):
        back.answer = answer
        status, headers, problem = get(n, "/event-stream/" + stream.uuid, ws)
        assert status == 503 and headers["Retry-After"] == "1", problem
        assert problem["status"] == 503
    assert get(n, "/nowhere/" + stream.uuid, ws)[0] == 503
    assert figure(api) == 13
    assert outcomes(api) == [0, 0, 13]


def test_no_back_end(service, back):
    n, api = service
    stream = api.create("abc")
    back.__exit__()
    assert get(n, "/event-stream/" + stream.uuid)[0] == 503
    assert api.request("GET", "/health").status == 200


def test_keys(service, back):
    n, api = service
    stream = api.create("abc", key="json:/region")
    back.answer = lambda question, handler: (200, {"allow": [["eu", "asia"]]})
    for key, status in ("eu", 200), ("us", 403), ("as%69a", 200):
        assert get(n, "/keys/%s?key=%s" % (stream.uuid, key))[0] == status
    assert [q["subscribe"][0]["keys"] for q, _ in back.questions] == [
        ["eu"], ["us"], ["asia"]]


def test_several_over_sse(service, back):
    n, api = service
    api.create("a", name="a", key="json:/k")
    api.create("b", name="b")
    path = "/multi/?stream=a&key=x&key=y&stream=b"
    assert get(n, path)[0] == 200
    (question, _), = back.questions
    assert [s["name"] for s in question["subscribe"]] == ["a", "b"]
    assert sorted(question["subscribe"][0]["keys"]) == ["x", "y"]
    back.answer = lambda question, handler: (200, {"allow": [["x"], True]})
    status, _, problem = get(n, path)
    assert status == 403 and 'stream "a"' in problem["detail"]
    back.answer = lambda question, handler: (500, b"")
    status, _, problem = get(n, path)
    assert status == 503 and 'stream "a"' in problem["detail"]
    back.answer = lambda question, handler: (200, {"allow": [["y", "x"],
                                                             True]})
    assert get(n, path)[0] == 200


def test_claims(service, back):
    n, api = service
    stream = api.create("abc")
    token = tokens.token(sub="u", level=12345678901234567890, name="J\xfc")
    assert get(n, "/tokens/%s?a=1&token=%s&b=2" % (stream.uuid,
                                                  token))[0] == 200
    (question, _), = back.questions
    assert token not in json.dumps(question)
    assert question["claims"]["sub"] == "u"
    assert question["claims"]["level"] == 12345678901234567890
    assert question["claims"]["name"] == "J\xfc"
    assert get(n, "/tokens/" + stream.uuid)[0] == 401
    assert len(back.questions) == 1


def test_answers_are_kept(nginx, vhost, back):
    """By the token's subject, stream and key, and no others."""

    n = tokens.start(nginx(CONF, amqp=vhost.url, back=str(back.port),
                           workers=1, start=False))
    api = Api(n.port(1))
    stream = api.create("abc", key="json:/region")
    back.answer = lambda question, handler: (200, {"allow": [["eu"]]})

    def status(key, path="/cached/", **claims):
        return get(n, "%s%s?key=%s" % (path, stream.uuid, key),
                   Authorization="Bearer " + tokens.token(**claims))[0]

    for _ in range(3):
        assert status("eu", sub="a") == 200 and status("us", sub="a") == 403
    assert len(back.questions) == 2
    assert status("eu", sub="b") == 200
    assert len(back.questions) == 3
    for _ in range(2):
        assert status("eu") == 200
        assert status("eu", sub="x" * 300) == 200
    assert len(back.questions) == 7
    back.answer = lambda question, handler: (500, b"")
    assert [status("asia", sub="a") for _ in range(2)] == [503, 503]
    assert len(back.questions) == 9
    assert status("eu", sub="a") == 200
    assert status("eu", "/keys/", sub="a") == 503


def test_inherited(nginx, vhost, back):
    """The claims are told; and no server has what another one's back end
    answered, of the same path."""

    n = tokens.start(nginx(INHERITED, amqp=vhost.url, back=str(back.port),
                           workers=1, start=False))
    stream = Api(n.port(1)).create("abc")
    headers = {"Authorization": "Bearer " + tokens.token(sub="a", role="r")}

    for path in "/event-stream/", "/again/":
        for _ in range(2):
            assert get(n, path + stream.uuid, **headers)[0] == 200
    assert [(q["claims"]["sub"], q["claims"]["role"])
            for q, _ in back.questions] == [("a", "r")] * 2
    assert get(n, "/event-stream/" + stream.uuid, server=2,
               **headers)[0] == 403
    back.answer = lambda question, handler: (403, b"")
    assert get(n, "/again/%s?page=1" % stream.uuid, **headers)[0] == 403
    assert back.questions[-1][0]["claims"]["sub"] == "a"


def test_address(service, back):
    """Access rules, geo and realip see the client's."""

    n, api = service
    stream = api.create("abc")
    path = "/event-stream/" + stream.uuid
    assert get(n, path, X_Real_IP="192.0.2.7")[0] == 200
    assert get(n, path)[0] == 200
    (inside, one), (outside, two) = back.questions
    assert inside["address"] == "192.0.2.7"
    assert one["X-Forwarded-For"] == "192.0.2.7" and one["X-Inside"] == "1"
    assert outside["address"] == "127.0.0.1" and two["X-Inside"] == "0"
    path = "/ruled/" + stream.uuid
    assert get(n, path, X_Real_IP="192.0.2.7")[0] == 200
    assert get(n, path)[0] == 403


def test_a_client_that_goes_meanwhile(service, back):
    n, api = service
    stream = api.create("abc")
    go = threading.Event()

    def late(question, handler):
        go.wait(0.8 * slower())
        return 200, {"allow": [True]}

    back.answer = late
    gone = []
    for i in range(20):
        c = socket.create_connection(("127.0.0.1", n.port(0)))
        c.sendall(("GET /event-stream/%s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (
            stream.uuid, "Accept: text/event-stream\r\n" if i % 2 else
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")).encode())
        gone.append(c)
    wait_for(lambda: len(back.questions) == 20, 20, "the questions")
    for c in gone:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        c.close()
    go.set()
    assert get(n, "/event-stream/" + stream.uuid)[0] == 200
    wait_for(lambda: api.get(stream)["subscribers"] == 0, 10,
             "nobody to be left")
    abandoned = 'authorize_requests_total{outcome="abandoned"}'
    wait_for(lambda: sum(outcomes(api)) + figure(api, abandoned) == 21)


def test_a_stream_that_goes_meanwhile(service, back):
    n, api = service
    stream = api.create("abc")

    def deletes(question, handler):
        api.delete(stream)
        return 200, {"allow": [True]}

    back.answer = deletes
    assert get(n, "/event-stream/" + stream.uuid)[0] == 404


def test_many_at_once_and_a_reload(service, back):
    n, api = service
    stream = api.create("abc")
    path = "/event-stream/" + stream.uuid

    def half_of_them(question, handler):
        return 200, {"allow": [question["query"] in ("n=%d" % i for i in
                                                     range(0, 1000, 2))]}

    back.answer = half_of_them
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        done = [pool.submit(get, n, "%s?n=%d" % (path, i), i % 4 > 1)
                for i in range(1000)]
        wait_for(lambda: len(back.questions) > 200, 60, "some questions")
        n.reload()
        statuses = [it.result()[0] for it in done]
    assert len(statuses) == 1000
    for i, status in enumerate(statuses):
        right = (101 if i % 4 > 1 else 200) if i % 2 == 0 else 403
        # who came to a worker that stops is told to come again
        assert status in (right, 503, 200), (i, status)
    assert sum(s == 503 for s in statuses) < 200


def test_configuration(nginx):
    for line, says in (
            ("ess_authorize;", "invalid number of arguments"),
            ("ess_authorize authorize;", "must be a path of the same server"),
            ("ess_authorize /a$b;", "without variables"),
            ("ess_authorize http://x/;", "must be a path"),
            ("ess_authorize /a; ess_authorize /b;", "is duplicate"),
            ("ess_authorize /a off;", "it takes a path"),
            ("ess_authorize /a timeout=1x;", "instead of"),
            ("ess_authorize /a timeout=2m;", "from 10 milliseconds"),
            ("ess_authorize /a cache=10ms;", "one second to one day"),
            ("ess_authorize /a cache=1s cache=2s;", "cache")):
        n = nginx("http { ess_zone s 8m; server { listen 127.0.0.1:%%PORT0%%;"
                  " location / { ess_subscribe; " + line + " } } }",
                  start=False)
        n.expect(r"\[emerg\]")
        rc, text = n.test()
        assert rc and says in text, (line, text)
