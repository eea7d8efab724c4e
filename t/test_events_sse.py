"""The log followed at its own location: an event stream, or a WebSocket, in
place of pages."""

import json

import pytest

from api import Api
from clients import Clients
from events import Events, event
from sse import EventSource, followed
from tokens import start, token
from wait import wait_for

CONF = """
http {
    ess_zone streams 8m;
    ess_public_url ws://127.0.0.1:%%PORT0%%/streams/;
    ess_log count=%%COUNT%%;
    ess_created idle=1s max=1 rate=1;
    ess_drain 200ms;
    log_format followed '$uri $status $ess_events_sent';

    ess_event_log audit %%DIR%%/audit.db id=event_id time=timestamp type=type;
    ess_event_log named %%DIR%%/named.db;
    ess_event_log taken %%DIR%%/taken.db;
    ess_event_log 2024 %%DIR%%/2024.db;
    ess_stream events-of-named source=event_log routing_key=named;
    ess_stream taken;

    server {
        listen 127.0.0.1:%%PORT0%%;
        access_log %%DIR%%/followed.log followed;

        location /streams/ { ess_api; }
        location /v1/events { ess_events audit; }
        location /listed { ess_events audit; ess_origin https://app.example; }
        location /annotated { ess_events audit; ess_annotate on; }
        location /closed {
            ess_events audit;
            limit_except GET { deny all; }
        }
        location /few { ess_events audit; ess_max_subscribers 1; }
        location /named { ess_events named; }
        location /taken { ess_events taken; }
        location /2024 { ess_events 2024; }
        location /token {
            ess_events audit;
            ess_jwt key=key alg=HS256 streams=ess;
        }
        location = /inner { internal; ess_events audit; }
        location = /outer { auth_request /inner; return 200 "let in"; }
    }
}
"""

STREAM = {"Accept": "text/event-stream"}
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket",
           "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
PAGE_ONLY = ("Input should be given for a page only: an event stream has all "
             "events in their order found in ('query', '%s')")


class Log(Events):

    def put(self, first, last):
        for at in range(first, last + 1, 1000):
            answer = self.post([event(n) for n in
                                range(at, min(at + 1000, last + 1))])
            assert answer.status == 200, answer
            assert all(r["success"] for r in answer.json()), answer

    def url(self, query=""):
        return "http://127.0.0.1:%d%s%s" % (self.port, self.uri, query)

    def follow(self, query="", **kwargs):
        return followed(self.url(query), **kwargs)

    def kind(self, path="", **headers):
        """What a GET is answered with, of which nothing is read."""

        with self.follow(path, headers=headers) as source:
            return source.headers["content-type"]

    def refused(self, path="", headers=STREAM):
        answer = self.get(path, headers=headers)
        assert answer.headers["Content-Type"] == "application/json"
        assert list(answer.json()) == ["detail"]
        return answer.status, answer.json()["detail"]


@pytest.fixture
def server(nginx):
    return start(nginx(CONF, workers=2, start=False, count="100"))


@pytest.fixture
def log(server):
    return Log(server.port())


def numbers(source):
    return [json.loads(e.data)["event"]["n"] for e in source.events
            if e.type == "message"]


def test_history_and_then_what_comes(log, server):
    """Of a log of which the zone does not keep all."""

    log.put(1, 2500)
    with log.follow("?stream_from_ordinal=0") as whole, \
            log.follow("?stream_from_ordinal=2490") as rest, \
            log.follow("/") as live:
        assert whole.status == 200
        assert whole.headers["content-type"] == "text/event-stream"
        assert "Accept" in whole.headers["vary"]
        whole.wait(2500)
        rest.wait(10)
        log.put(2501, 2505)
        for source, first in (whole, 1), (rest, 2491), (live, 2501):
            source.wait(2505 - first + 1)
            assert numbers(source) == list(range(first, 2506))
        streams = Api(server.port(), "/streams/").list()
        assert sorted(s["name"] for s in streams) == [
            "audit", "events-of-named", "taken"]

    def logged():
        with open(server.path("followed.log")) as f:
            return "/v1/events 200 2505\n" in f.readlines()
    wait_for(logged, 10, "the follower in the access log")


def test_a_follower_comes_back(log, server):
    with log.follow() as source:
        log.put(1, 3)
        source.wait(3)
        last = source.events[-1].id
    log.put(4, 8)
    server.stop()
    server.start()
    log = Log(server.port())
    with log.follow(last_id=last) as source:
        source.wait(5)
        log.put(9, 10)
        source.wait(7)
        assert numbers(source) == list(range(4, 11))
    with log.follow("?from=" + last) as source:
        source.wait(7)


def test_what_is_accepted(log):
    log.put(1, 1)
    for accept, stream in (
            ("text/event-stream", True),
            ("text/html, Text/Event-Stream ; q=0.1", True),
            ("application/json, text/event-stream", True),
            ("text/event-stream, */*", True),
            ("text/event-stream, */*;q=0.1", True),
            ("application/json;q=0.5, text/event-stream;q=0.4", False),
            ("text/event-stream;q=0.9, */*", False),
            ("text/event-stream;q=0.9, application/*;q=0.8, */*", True),
            ("text/event-stream;q=0", False),
            ("text/*", False), ("*/*", False), ("", False),
            ("application/json", False)):
        assert log.kind(Accept=accept) == (
            "text/event-stream" if stream else "application/json"), accept

    # a HEAD is of the page, and an event is no stream
    answer = log.request("HEAD", headers=STREAM)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Vary"] == "Accept"
    answer = log.get("/e_1", headers=STREAM)
    assert answer.json() == event(1)
    assert answer.headers["Vary"] is None
    answer = log.post([event(1)], headers=STREAM)
    assert answer.headers["Content-Type"] == "application/json"


def test_what_is_asked_for_wrongly(log):
    for name, value in (("size", "10"), ("after", "x"), ("total", "1"),
                        ("order", "desc"), ("type", "user"), ("since", "x"),
                        ("until", "2024-01-01T00:00:00Z"), ("type", "%2")):
        for headers in STREAM, UPGRADE:
            assert log.refused("?%s=%s" % (name, value), headers) == (
                400, [PAGE_ONLY % name])
    assert log.refused("?order=asc&size=3&size=4&from=1") == (
        400, [PAGE_ONLY % "size", PAGE_ONLY % "order"])

    status, detail = log.refused("?from=20")
    assert status == 400 and "from must be the id of an event" in detail
    status, detail = log.refused("?stream_from_ordinal=x")
    assert status == 400 and "stream_from_ordinal must be" in detail

    answer = log.request("GET", "", b"a body", STREAM)
    assert answer.status == 400 and "no body" in answer.json()["detail"]

    status, detail = log.refused("", dict(UPGRADE, **{
        "Sec-WebSocket-Version": "7"}))
    assert status == 426


def test_origins(log):
    """Pages of the own host, and those that are listed."""

    own = "http://127.0.0.1:%d" % log.port
    listed = Log(log.port, "/listed")
    for headers in STREAM, UPGRADE:
        for where, origin, wanted in (
                (log, "https://elsewhere.example", False), (log, own, True),
                (listed, "https://elsewhere.example", False),
                (listed, "https://app.example", True), (listed, own, True)):
            headers = dict(headers, Origin=origin)
            if not wanted:
                status, detail = where.refused("", headers)
                assert status == 403 and "are not let in" in detail
                continue
            with where.follow(headers=headers) as source:
                assert source.status == (101 if "Upgrade" in headers else 200)
                allowed = source.headers.get("access-control-allow-origin")
                assert source.status == 101 or allowed == (
                    origin if origin == "https://app.example" else None)


def test_a_websocket(log):
    log.put(1, 5)
    url = "ws://127.0.0.1:%d/annotated?stream_from_ordinal=2" % log.port
    with Clients([url] * 2, library="both") as clients:
        clients.wait(3)
        log.put(6, 6)
        clients.wait(4)
        for c in clients:
            found = [json.loads(m) for m in c.messages]
            assert [m["ess_ordinal"] for m in found] == [3, 4, 5, 6]
            assert [m["event"]["n"] for m in found] == [3, 4, 5, 6]


def test_who_may(log, server):
    closed = Log(server.port(), "/closed")
    assert closed.post([event(1)]).status == 403
    with closed.follow() as source:
        log.put(1, 1)
        source.wait(1)

    few = Log(server.port(), "/few")
    with few.follow():
        def full():
            with EventSource(few.url()) as source:
                return source.status == 503
        wait_for(full, 10, "no more than one")
        status, detail = few.refused()
        assert status == 503 and "ess_max_subscribers" in detail

    guarded = Log(server.port(), "/token")
    assert guarded.refused()[0] == 401
    bearer = {"Authorization": "Bearer " + token(ess=["other"])}
    status, detail = guarded.refused("", dict(STREAM, **bearer))
    assert status == 403 and "its claim does not list it" in detail
    bearer = {"Authorization": "Bearer " + token(ess=["audit"])}
    with guarded.follow("?stream_from_ordinal=0", headers=bearer) as source:
        source.wait(1)

    # the header is of whoever asked for something else
    answer = Events(server.port(), "/outer").get(headers=STREAM)
    assert answer.body == b"let in"


def test_the_stream_of_a_log(server):
    """It is the one that is declared, whatever its name, or has the name of
    the log; another one of that name is not taken for it."""

    named = Log(server.port(), "/named")
    with named.follow("?stream_from_ordinal=0") as source:
        assert named.post([{"n": 1}]).json()[0]["success"]
        assert source.wait(1)[0].data == '{"n": 1}'
    assert Log(server.port(), "/taken").refused() == (
        409, 'the stream "taken" is of another source: this address has that '
        'of "taken" only')
    status, detail = Log(server.port(), "/2024").refused()
    assert status == 406 and "more than digits" in detail
    assert Log(server.port(), "/2024").page("") == []


def test_a_stream_without_followers_goes(log, server):
    """And it is made again, with the same ids."""

    api = Api(server.port(), "/streams/")
    with log.follow() as source:
        log.put(1, 1)
        source.wait(1)
        first = source.events[0].id
    wait_for(lambda: "audit" not in [s["name"] for s in api.list()], 20,
             "the end of the stream")
    with log.follow("?stream_from_ordinal=0") as source:
        source.wait(1)
        assert source.events[0].id == first


ALONE = """
http {
    ess_event_log audit %%DIR%%/audit.db id=event_id time=timestamp type=type;
    server {
        listen %%PORT0%%;
        location /v1/events { ess_events audit; }
    }
}
"""


def test_without_a_zone(nginx):
    log = Log(nginx(ALONE).port())
    log.put(1, 2)
    for headers, status in (STREAM, 406), (UPGRADE, 501):
        found, detail = log.refused("", headers)
        assert found == status and "ess_zone" in detail
    answer = log.get(headers={"Accept": "text/event-stream, */*;q=0.1"})
    assert answer.json() == [event(1), event(2)]
