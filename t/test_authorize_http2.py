"""ess_authorize over HTTP/2: many subscriptions on one connection, each
allowed or refused by itself, with the client's address."""

import time

from api import Api
from h2 import Http2
from wait import slower, wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_ping        0;

    server {
        listen 127.0.0.1:%%PORT0%% http2;
        set_real_ip_from 127.0.0.1;
        ess_authorize /authorize timeout=%%TIMEOUT%%;

        location /event-stream/ { ess_subscribe; }
        location /keys/ { ess_subscribe key=$arg_key; }
        location = /authorize {
            internal;
            proxy_pass http://127.0.0.1:%%BACK%%;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""


def start(nginx, back, timeout="20s"):
    n = nginx(CONF, back=back.port, timeout=timeout)
    return n, Api(n.port(1))


def test_allowed_and_refused_on_one_connection(nginx, back):
    """Whatever the order of the answers; what is allowed gets its events."""

    n, api = start(nginx, back)
    a, b = api.create("a", name="prices"), api.create("b", key="json:/region")

    def answer(question, handler):
        subscribe, = question["subscribe"]
        if question["query"] == "slow":
            time.sleep(0.3 * slower())
        if subscribe["keys"]:
            return 200, {"allow": [["eu"]]}
        return (200, {"allow": [True]}) if question["query"] in (
            "", "slow") else (403, b"")

    back.answer = answer
    with Http2(n.port()) as h2:
        paths = {"/event-stream/%s?slow" % a.uuid: 200,
                 "/event-stream/%s" % a.uuid: 200,
                 "/event-stream/%s?no" % a.uuid: 403,
                 "/keys/%s?key=eu" % b.uuid: 200,
                 "/keys/%s?key=us" % b.uuid: 403}
        streams = {path: h2.get(path) for path in paths}
        h2.wait(lambda: all(s.status for s in streams.values()))
        assert {p: s.status for p, s in streams.items()} == paths
        h2.wait(lambda: all(s.ended for p, s in streams.items()
                            if paths[p] == 403))
        refused = streams["/event-stream/%s?no" % a.uuid]
        assert refused.headers["content-type"] == "application/problem+json"

        wait_for(lambda: api.get(a)["subscribers"] == 2)
        api.publish("a", ["hello"])
        allowed = [streams["/event-stream/%s%s" % (a.uuid, query)]
                   for query in ("?slow", "")]
        h2.wait(lambda: all(s.data == ["hello"] for s in allowed))

    assert {q["address"] for q, _ in back.questions} == {"127.0.0.1"}
    assert len(back.questions) == 5


def test_address(nginx, back):
    """Of the client, as realip has it for each stream."""

    n, api = start(nginx, back)
    path = "/event-stream/" + api.create("a").uuid
    with Http2(n.port()) as h2:
        for address in "192.0.2.7", "2001:db8::1", None:
            stream = h2.get(path, {"x-real-ip": address} if address else ())
            h2.wait(lambda: stream.status)
            assert stream.status == 200
    assert [(q["address"], headers["X-Forwarded-For"])
            for q, headers in back.questions] == [
        (a, a) for a in ("192.0.2.7", "2001:db8::1", "127.0.0.1")]


def test_no_answer(nginx, back):
    n, api = start(nginx, back, "300ms")
    path = "/event-stream/" + api.create("a").uuid
    back.answer = lambda question, handler: time.sleep(1)
    with Http2(n.port()) as h2:
        stream = h2.get(path)
        h2.wait(lambda: stream.ended)
        assert stream.status == 503 and stream.headers["retry-after"] == "1"


def late(question, handler):
    time.sleep(0.3)
    return 200, {"allow": [True]}


def test_a_stream_that_is_reset_meanwhile(nginx, back):
    """Its neighbours on the connection do not notice."""

    n, api = start(nginx, back)
    a = api.create("a")

    back.answer = late
    with Http2(n.port()) as h2:
        streams = [h2.get("/event-stream/" + a.uuid) for _ in range(20)]
        wait_for(lambda: len(back.questions) == 20, 20, "the questions")
        for stream in streams[::2]:
            stream.reset()
        h2.wait(lambda: all(s.status == 200 for s in streams[1::2]))
        wait_for(lambda: api.get(a)["subscribers"] == 10)
        api.publish("a", ["hello"])
        h2.wait(lambda: all(s.data == ["hello"] for s in streams[1::2]))
    wait_for(lambda: api.get(a)["subscribers"] == 0)


def test_a_connection_that_goes_meanwhile(nginx, back):
    n, api = start(nginx, back)
    a = api.create("a")

    back.answer = late
    h2 = Http2(n.port())
    for _ in range(20):
        h2.get("/event-stream/" + a.uuid)
    wait_for(lambda: len(back.questions) == 20, 20, "the questions")
    h2.abort()
    back.answer = lambda question, handler: (200, {"allow": [True]})
    with Http2(n.port()) as h2:
        stream = h2.get("/event-stream/" + a.uuid)
        h2.wait(lambda: stream.status == 200)
        wait_for(lambda: api.get(a)["subscribers"] == 1)
    wait_for(lambda: api.get(a)["subscribers"] == 0)
