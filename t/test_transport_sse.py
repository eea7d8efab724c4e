"""Server-Sent Events on the location of the WebSockets: whatever a body is,
over each version of HTTP, and in a browser."""

import base64
import json
import re

import pytest

from api import Api
from clients import Clients
from h2 import Http2
from sse import EventSource, Http2EventSource
from wait import slower, wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;

    gzip            on;
    gzip_types      *;
    gzip_min_length 0;
    charset         koi8-r;

    log_format ess  '$status $ess_stream_id $ess_events_sent';

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ {
            ess_subscribe;
            ess_ping 1s 3s;
            access_log %%DIR%%/ess.log ess;
            %%LOCATION%%
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }

    server {
        listen 127.0.0.1:%%PORT2%% http2;
        location /event-stream/ {
            ess_subscribe;
            ess_ping 1s 3s;
            access_log %%DIR%%/ess.log ess;
            %%LOCATION%%
        }
    }

    server {
        listen 127.0.0.1:%%PORT3%%;
        location /event-stream/ {
            proxy_pass http://127.0.0.1:%%PORT0%%;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
}
"""

BODIES = ["plain", "", "two\nlines", "\nfirst is empty", "last is empty\n",
          "a\rb\r\nc\n\rd", "nul \0 in it", "data: id: event:", ":", " space",
          "\u20ac \U0001f600", b"\xff\xfe\0", b"\x80\n"]


@pytest.fixture
def service(nginx, vhost):
    def make(location="", workers=2):
        n = nginx(CONF.replace("%%LOCATION%%", location), workers,
                  amqp=vhost.url)
        api = Api(n.port(1))
        return n, api, api.create("abc")
    return make


def at_port(n, stream, number):
    return stream.location.replace(":%d/" % n.port(0), ":%d/"
                                   % n.port(number)).replace("ws:", "http:")


def subscribers(api, stream, count):
    wait_for(lambda: api.get(stream)["subscribers"] == count,
             what="%d subscribers" % count)


def expected(body):
    """What a client makes of it: type and data."""

    if isinstance(body, bytes):
        return "binary", base64.b64encode(body).decode()
    return "message", body.replace("\r\n", "\n").replace("\r", "\n")


def as_clients_have_it(events):
    return [(e.type, e.data) for e in events]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_any_body(service, vhost, version):
    n, api, stream = service()
    with EventSource(stream.location, version) as source:
        assert source.status == 200
        h = source.headers
        assert h["content-type"] == "text/event-stream"
        assert h["cache-control"] == "no-store"
        assert h["x-accel-buffering"] == "no"
        assert "content-encoding" not in h and "content-length" not in h
        assert ("transfer-encoding" in h) == (version == "1.1")
        vhost.publish("abc", BODIES)
        events = source.wait(len(BODIES))
        assert as_clients_have_it(events) == [expected(b) for b in BODIES]
        assert [e.id.split("-")[1] for e in events] \
            == [str(i + 1) for i in range(len(BODIES))]
        assert 1000 <= source.parser.retry < 3000


def test_http2(service, vhost):
    n, api, stream = service()
    url = at_port(n, stream, 2)
    with Http2EventSource(url) as one, Http2EventSource(url) as two:
        assert one.head.startswith(b"HTTP/2 200")
        assert b"content-type: text/event-stream\r\n" in one.head
        subscribers(api, stream, 2)
        vhost.publish("abc", BODIES)
        for curl in one, two:
            events = curl.wait(len(BODIES))
            assert as_clients_have_it(events) == [expected(b) for b in BODIES]
        many = ["%d " % i + "x" * 5000 for i in range(400)]
        vhost.publish("abc", many)
        for curl in one, two:
            events = curl.wait(len(BODIES) + 400)
            assert [e.data for e in events[len(BODIES):]] == many
    subscribers(api, stream, 0)


def test_http2_ends_with_its_stream(service, vhost):
    n, api, stream = service()
    with Http2EventSource(at_port(n, stream, 2)) as curl:
        subscribers(api, stream, 1)
        vhost.publish("abc", ["1", "2"])
        curl.wait(2)
        api.delete(stream)
        assert curl.process.wait(10 * slower()) == 0


def test_http2_client_that_stops_reading(service, vhost):
    """It is closed, and nobody else notices."""

    n, api, stream = service("ess_slow_client close buffer=64k;")
    url = at_port(n, stream, 2)
    with Http2EventSource(url) as slow, EventSource(stream.location) as other:
        subscribers(api, stream, 2)
        events = ["%d " % i + "x" * 50000 for i in range(400)]
        for i in range(0, 400, 20):
            vhost.publish("abc", events[i:i + 20])
            other.wait(i + 20)
        assert other.data == events
        subscribers(api, stream, 1)
        assert slow.process.poll() is None or slow.process.returncode
    n.expect("client is too slow")


def test_many_clients_of_all_kinds(service, vhost):
    n, api, stream = service(workers=4)
    sources = [EventSource(stream.location, v)
               for v in ("1.1", "1.0") for _ in range(12)]
    with Clients([stream.location] * 12) as clients:
        vhost.publish("abc", ["event %d" % i for i in range(500)])
        clients.wait(500)
        for s in sources:
            s.wait(500)
            assert s.data == clients[0].messages
    for s in sources:
        s.close()


def test_last_event_id_wins(service, vhost):
    n, api, stream = service()
    vhost.publish("abc", ["1", "2", "3"])
    wait_for(lambda: api.get(stream)["last_ordinal"] == 3)
    with EventSource(stream.location + "?stream_from_ordinal=0") as source:
        last = source.wait(3)[1].id
    for query in "", "?stream_from_ordinal=0", "?from=nonsense":
        with EventSource(stream.location + query, last_id=last) as source:
            assert [e.data for e in source.wait(1)] == ["3"]
            assert source.events[0].id == last[:-1] + "3"
    with EventSource(stream.location, last_id="") as source:
        assert source.status == 200


FOREIGN_IDS = (
    "1690000000:0", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
    "undefined", "null", "17", "5f3a-", "1-2-3", "5f3a-99999999999999999999",
    "7f" * 9 + "-1", "x" * 3000, "\u00e4\u65e5", "%00")


def test_last_event_id_of_no_event_here(service, vhost):
    """It is told of, and not refused: an EventSource would never come back.
    The gap has an id of ours, so that it is not told again."""

    n, api, stream = service()
    vhost.publish("abc", ["1", "2"])
    wait_for(lambda: api.get(stream)["last_ordinal"] == 2)
    for id_ in FOREIGN_IDS + ("12ab-77",):
        for query in "", "?stream_from_ordinal=1":
            with EventSource(stream.http + query, last_id=id_) as source:
                assert source.status == 200
                gap = source.wait(3)[0]
                assert gap.type == "gap"
                assert json.loads(gap.data) == {
                    "from": 78 if id_ == "12ab-77" else 1, "to": None}
                assert source.data[1:] == ["1", "2"]
    with EventSource(stream.http, last_id=gap.id) as source:
        vhost.publish("abc", "live")
        assert [(e.type, e.data) for e in source.wait(3)] == [
            ("message", "1"), ("message", "2"), ("message", "live")]
    # in the query string somebody has written it
    for id_ in "undefined", "1690000000:0", "":
        with EventSource(stream.http + "?from=" + id_) as source:
            assert source.status == 400


def test_keep_alive(service):
    """Comments, and those whose socket takes them stay."""

    n, api, stream = service()
    with EventSource(stream.location) as one, \
            EventSource(stream.location, "1.0") as two, \
            Http2EventSource(at_port(n, stream, 2)) as three:
        wait_for(lambda: one.parser.comments >= 3
                 and two.parser.comments >= 3, 20)
        assert not one.closed and not two.closed
        assert three.process.poll() is None
        subscribers(api, stream, 3)


@pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
def test_no_blank_line_but_behind_data(service, vhost, version):
    """Many libraries take what a blank line ends for an event, whatever it
    has."""

    n, api, stream = service()
    if version == "2":
        h2 = Http2(n.port(2))
        get = h2.get("/event-stream/" + stream.uuid)
        source, wait = h2, h2.wait
    else:
        source, wait = EventSource(stream.location, version), wait_for

    def raw():
        return bytes(get.body if version == "2" else source.raw)

    with source:
        wait(lambda: raw().endswith(b"\n:\n:\n"), 20)
        for i in range(1, 3):
            vhost.publish("abc", "event %d" % i)
            wait(lambda: b": event %d\n\n:\n" % i in raw(), 20)
        api.delete(stream)
        wait(lambda: get.ended if version == "2" else source.closed)
        assert re.fullmatch(rb"retry: \d+\n(:\n){2,}"
                            rb"(id: \w+-\d\ndata: event \d\n\n(:\n)+){2}",
                            raw())


def test_end(service, vhost):
    """A stream that is deleted, and a server that goes, end the response in
    good order."""

    n, api, stream = service()

    def lines(count):
        def read():
            with open(n.path("ess.log")) as f:
                return f.read().splitlines()

        wait_for(lambda: len(read()) == count)
        return read()

    with EventSource(stream.location) as one, \
            EventSource(stream.location, "1.0") as two:
        vhost.publish("abc", ["1", "2"])
        one.wait(2)
        two.wait(2)
        api.delete(stream)
        one.wait_closed()
        two.wait_closed()
        assert one.complete
    lines(2)
    again = api.create("abc")
    with EventSource(stream.location) as source:
        assert source.status == 404
    with EventSource(again.location) as source:
        n.reload()
        source.wait_closed()
        assert source.complete
    assert lines(4)[:2] == ["200 %d 2" % stream.id] * 2


def test_client_that_goes(service, vhost):
    n, api, stream = service()
    with EventSource(stream.location), EventSource(stream.location, "1.0"):
        subscribers(api, stream, 2)
    subscribers(api, stream, 0)


def test_behind_a_proxy(service, vhost):
    n, api, stream = service()
    with EventSource(at_port(n, stream, 3)) as source:
        assert source.headers["content-type"] == "text/event-stream"
        subscribers(api, stream, 1)
        for i in range(5):
            vhost.publish("abc", "event %d" % i)
            source.wait(i + 1)


@pytest.mark.parametrize("accept, wants", [
    ("text/event-stream", True),
    ("text/html, Text/Event-Stream;q=0.5", True),
    ("text/event-stream ; charset=utf-8", True),
    ("text/event-stream;q=0", False),
    ("text/event-stream; q=0.000", False),
    ("text/event-stream;q=0.001", True),
    ("*/*", False),
    ("text/event-streams", False),
    ("", False)])
def test_who_wants_an_event_stream(service, accept, wants):
    n, api, stream = service()
    with EventSource(stream.location, headers={"Accept": accept}) as source:
        assert source.status == (200 if wants else 426)


def test_request_with_a_body(service):
    n, api, stream = service()
    with EventSource(stream.location,
                     headers={"Content-Length": "5"}) as source:
        assert source.status == 400


def test_origins(service):
    n, api, stream = service(
        "ess_origin https://example.com http://localhost:3000;")
    for origin, status in (("https://example.com", 200),
                           ("HTTPS://example.com", 200),
                           ("http://localhost:3000", 200), (None, 200),
                           ("http://example.com", 403), ("null", 403),
                           ("https://example.com.evil.org", 403)):
        headers = {"Origin": origin} if origin else {}
        with EventSource(stream.location, headers=headers) as source:
            assert source.status == status, origin
            if origin and status == 200:
                h = source.headers
                assert h["access-control-allow-origin"] == origin
                assert h["vary"] == "Origin"
        if status == 200:
            with Clients(stream.location, headers=headers):
                pass
        else:
            with pytest.raises(Exception, match="403"):
                with Clients(stream.location, headers=headers):
                    pass
    n.expect("is not among those of \"ess_origin\"")


def test_request_released(service, vhost):
    n, api, stream = service("ess_request release;")
    with EventSource(stream.location) as source:
        wait_for(lambda: "200 %d 0" % stream.id
                 in open(n.path("ess.log")).read())
        vhost.publish("abc", BODIES)
        assert as_clients_have_it(source.wait(len(BODIES))) \
            == [expected(b) for b in BODIES]
        api.delete(stream)
        source.wait_closed()
        assert source.complete
