"""A client that comes back names what it has, or a time, and gets what
follows; what is gone for good is announced."""

import datetime
import json
import time

import pika
import pytest

from api import Api
from clients import Clients
from sse import EventSource
from wait import wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         %%LOG%%;
    ess_drain       0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
        location /annotated/    { ess_subscribe; ess_annotate on; }
        location /released/     { ess_subscribe; ess_request release; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


@pytest.fixture
def service(nginx, vhost):
    def make(log="size=64k count=1000 age=1h", workers=3):
        n = nginx(CONF.replace("%%LOG%%", log), workers, amqp=vhost.url)
        return n, Api(n.port(1))
    return make


def filled(api, vhost, bodies):
    stream = api.create("abc")
    vhost.publish("abc", bodies)
    in_log(api, stream, len(bodies))
    return stream


def in_log(api, stream, ordinal):
    wait_for(lambda: api.get(stream)["last_ordinal"] == ordinal,
             what="the events to be in the log")


def at(ms):
    return pika.BasicProperties(headers={"timestamp_in_ms": ms})


def numbered(first, last):
    return ["event %d" % i for i in range(first, last + 1)]


def annotated(stream):
    return stream.location.replace("/event-stream/", "/annotated/")


def closed_with(url):
    with Clients(url) as clients:
        clients.wait_closed()
        assert clients[0].messages == []
        return clients[0].close_code, clients[0].close_reason


@pytest.mark.parametrize("path", ["event-stream", "released"])
def test_from_an_ordinal_on_all_workers(service, vhost, path):
    n, api = service()
    stream = filled(api, vhost, numbered(1, 300))
    url = stream.location.replace("event-stream", path)
    with Clients([url + "?stream_from_ordinal=%d" % o
                  for o in (0, 1, 150, 299, 300) for _ in range(6)]) as clients:
        wait_for(lambda: all(len(c.messages) == 300 - int(c.url.split("=")[1])
                             for c in clients))
        vhost.publish("abc", numbered(301, 400))
        vhost.publish("abc", "event 401")
        wait_for(lambda: all(c.messages and c.messages[-1] == "event 401"
                             for c in clients))
        for c in clients:
            first = int(c.url.split("=")[1]) + 1
            assert c.messages == numbered(first, 401)


def test_seam_between_the_log_and_what_comes(service, vhost):
    """While events flow, clients begin at the beginning again and again."""

    n, api = service(log="size=8m count=100000 age=1h")
    stream = filled(api, vhost, numbered(1, 1000))
    for round_ in range(4):
        first = 1001 + 500 * round_
        with Clients([stream.location + "?stream_from_ordinal=0"] * 30,
                     library="both") as clients:
            vhost.publish("abc", numbered(first, first + 499))
            clients.wait(first + 499, 20)
            for c in clients:
                assert c.messages == numbered(1, first + 499)


def test_large_events_of_a_log_larger_than_what_is_read_at_once(service,
                                                                vhost):
    n, api = service(log="size=4m count=1000 age=1h")
    bodies = ["%d " % i + "x" * 200000 for i in range(12)]
    stream = filled(api, vhost, bodies)
    with Clients([stream.location + "?stream_from_ordinal=2"] * 4) as clients:
        clients.wait(10, 20)
        assert all(c.messages == bodies[2:] for c in clients)


def test_name_of_an_event(service, vhost):
    n, api = service()
    stream = filled(api, vhost, numbered(1, 10))
    with EventSource(stream.http + "?stream_from_ordinal=0") as source:
        ids = [e.id for e in source.wait(10)]
    assert [i.split("-")[1] for i in ids] == [str(i) for i in range(1, 11)]
    assert len({i.split("-")[0] for i in ids}) == 1
    with Clients([stream.location + "?from=" + ids[6]] * 4) as clients:
        clients.wait(3)
        assert all(c.messages == numbered(8, 10) for c in clients)


def test_name_of_an_event_of_another_epoch(service, vhost):
    """A gap of unknown size, then all that the log has."""

    n, api = service()
    stream = filled(api, vhost, numbered(1, 3))
    with EventSource(stream.http, last_id="12ab-77") as source:
        events = source.wait(4)
        assert events[0].type == "gap"
        assert json.loads(events[0].data) == {"from": 78, "to": None}
        assert [e.data for e in events[1:]] == numbered(1, 3)
    with Clients(annotated(stream) + "?from=12ab-77") as clients:
        clients.wait(4)
        assert json.loads(clients[0].messages[0]) == {
            "ess_gap": {"from": 78, "to": None}}
    with Clients(stream.location + "?from=12ab-77") as clients:
        clients.wait(3)
        assert clients[0].messages == numbered(1, 3)


def test_time(service, vhost):
    n, api = service()
    stream = api.create("abc")
    start = int(time.time() * 1000) - 1000000
    for i in range(1, 11):
        vhost.publish("abc", "event %d" % i,
                      properties=at(start + i * 1000))
    in_log(api, stream, 10)

    def iso(ms, form, zone=datetime.timezone.utc):
        t = datetime.datetime.fromtimestamp(ms / 1000, zone)
        return t.strftime(form)[:-3] if form.endswith("%f") \
            else t.strftime(form)

    east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    fourth = start + 4000
    urls = [stream.location + "?" + q for q in (
        "stream_from_timestamp=%d" % fourth,
        "stream_from_timestamp=%d" % (fourth - 999),
        "stream_from_datetime=" + iso(fourth, "%Y-%m-%dT%H:%M:%S.%f"),
        "stream_from_datetime=" + iso(fourth, "%Y-%m-%d %H:%M:%S.%f")
        .replace(" ", "%20"),
        "stream_from_datetime=" + iso(fourth - 999, "%Y%m%dT%H%M%S.%f") + "Z",
        "stream_from_datetime=" + iso(fourth, "%Y-%m-%dT%H:%M:%S.%f", east)
        + "%2B05:30",
        "stream_from_datetime=" + iso(fourth, "%Y-%m-%dT%H:%M:%S.%f", east)
        + "+0530",
        "x=1&stream_from_timestamp=%d&y=2" % fourth)]
    with Clients(urls) as clients:
        clients.wait(7)
        for c in clients:
            assert c.messages == numbered(4, 10), c.url
    with Clients(stream.location + "?stream_from_timestamp=%d"
                 % (start + 20000)) as clients:
        vhost.publish("abc", "now")
        clients.wait(1)
        assert clients[0].messages == ["now"]


@pytest.mark.parametrize("query, reason", [
    ("stream_from_ordinal=x", "stream_from_ordinal must be"),
    ("stream_from_ordinal=", "stream_from_ordinal must be"),
    ("stream_from_ordinal=-1", "stream_from_ordinal must be"),
    ("stream_from_ordinal=9223372036854775807", "stream_from_ordinal must be"),
    ("stream_from_timestamp=1e3", "stream_from_timestamp must be"),
    ("stream_from_datetime=yesterday", "stream_from_datetime must be"),
    ("stream_from_datetime=2026-02-30", "stream_from_datetime must be"),
    ("from=17", "from must be"),
    ("stream_from_ordinal=1&stream_from_timestamp=1", "only one of"),
    ("from=a-1&from=a-1", "only one of"),
])
def test_position_that_cannot_be(service, vhost, query, reason):
    n, api = service()
    stream = api.create("abc")
    code, text = closed_with(stream.location + "?" + query)
    assert code == 1002 and text.startswith(reason)
    with EventSource(stream.http + "?" + query) as source:
        assert source.status == 400
    n.expect("invalid position in the stream: " + reason)


def test_gap_is_announced_to_those_who_understand(service, vhost):
    """Of 2,000 events the log has the last 100 or so, which are as old as
    the log's bounds ask for."""

    n, api = service(log="count=100")
    stream = filled(api, vhost, numbered(1, 2000))

    published = 2000

    def evicted():
        nonlocal published
        vhost.publish("abc", "one more")
        published += 1
        return api.get(stream)["events"] < 200

    wait_for(evicted, 20, interval=0.2)
    in_log(api, stream, published)
    info = api.get(stream)
    first, last = info["first_ordinal"], info["last_ordinal"]
    query = "?stream_from_ordinal=5"
    count = last - first + 1
    with Clients(annotated(stream) + query) as clients:
        clients.wait(count + 1)
        messages = clients[0].messages
        assert json.loads(messages[0]) == {
            "ess_gap": {"from": 6, "to": first - 1}}
        assert "|ordinal: %d|" % first in messages[1]
    with EventSource(stream.http + query) as source:
        events = source.wait(count + 1)
        assert events[0].type == "gap"
        assert json.loads(events[0].data) == {"from": 6, "to": first - 1}
        assert events[0].id.endswith("-%d" % (first - 1))
        assert events[1].id.endswith("-%d" % first)
    with Clients(stream.location + query) as clients:
        clients.wait(count)
        assert "ess_gap" not in clients[0].messages[0]
    with Clients(annotated(stream) + "?stream_from_ordinal=999999") as clients:
        clients.wait(1)
        assert json.loads(clients[0].messages[0]) == {
            "ess_gap": {"from": 1000000, "to": None}}
        vhost.publish("abc", "now")
        clients.wait(2)


def test_annotations(service, vhost):
    n, api = service()
    stream = api.create("abc")
    bodies = ['{"a": 1}', '{}', ' {"a":{"b":[1,{}]}} ', 'text', '', '[1]',
              '{not json', '{"a":1}x', b"\xff\x00"]
    with Clients([annotated(stream)] * 6) as clients, \
            Clients(stream.location) as plain:
        vhost.publish("abc", bodies,
                      properties=at(1700000000123))
        clients.wait(9)
        plain.wait(9)
        for c in clients:
            m = c.messages
            assert m[0] == ('{"a": 1,"ess_ordinal":1,'
                            '"ess_timestamp":1700000000123}')
            assert m[1] == '{"ess_ordinal":2,"ess_timestamp":1700000000123}'
            assert m[2] == (' {"a":{"b":[1,{}]},"ess_ordinal":3,'
                            '"ess_timestamp":1700000000123} ')
            assert m[3] == "text|ordinal: 4|timestamp: 1700000000123"
            assert m[4] == "|ordinal: 5|timestamp: 1700000000123"
            assert m[5] == "[1]|ordinal: 6|timestamp: 1700000000123"
            assert m[6:] == bodies[6:]
        assert plain[0].messages == bodies


@pytest.mark.parametrize("how", ["reload", "kill"])
def test_after(service, vhost, how):
    """Clients come back to other workers and miss nothing."""

    n, api = service(log="size=1m count=10000 age=1h")
    stream = filled(api, vhost, numbered(1, 50))
    with Clients([annotated(stream)] * 12) as clients:
        vhost.publish("abc", numbered(51, 100))
        clients.wait(50)
        if how == "reload":
            n.reload()
            clients.wait_closed()
        else:
            for pid in n.workers():
                n.kill_worker(pid)
            clients.wait_closed()
    vhost.publish("abc", numbered(101, 120))
    in_log(api, stream, 120)
    with Clients([stream.location + "?stream_from_ordinal=%d" % o
                  for o in range(90, 102)]) as clients:
        wait_for(lambda: all(c.messages and c.messages[-1] == "event 120"
                             for c in clients))
        for c in clients:
            assert c.messages == numbered(int(c.url.split("=")[1]) + 1, 120)


def test_history_has_no_poison(service, vhost):
    """It closed those who were there then."""

    n, api = service()
    stream = api.create("abc")
    with Clients(stream.location) as clients:
        vhost.publish("abc", ["event 1", "POISON", "event 2"])
        clients.wait_closed()
        assert clients[0].close_code == 1000
        assert clients[0].messages == ["event 1"]
    in_log(api, stream, 2)
    with Clients([stream.location + "?stream_from_ordinal=0",
                  stream.location + "?stream_from_ordinal=1"]) as clients:
        wait_for(lambda: [len(c.messages) for c in clients] == [2, 1])
        vhost.publish("abc", ["event 3", "POISON"])
        clients.wait_closed()
        assert clients[0].messages == numbered(1, 3)
        assert clients[1].messages == numbered(2, 3)


def test_event_that_was_too_large(service, vhost):
    """It has an ordinal, and whoever had nothing behind it is told that it is
    gone."""

    def gap(first, last):
        return "gap", json.dumps({"from": first, "to": last}).replace(" ", "")

    def seen(source, count):
        return [(e.type, e.data) for e in source.wait(count)]

    def from_ordinal(ordinal, *events):
        with EventSource("%s?stream_from_ordinal=%d" % (
                stream.http, ordinal)) as s:
            assert seen(s, len(events)) == list(events)

    large = b"x" * 1100000
    n, api = service()
    stream = api.create("abc")
    with EventSource(stream.http) as s:
        vhost.publish("abc", ["1", large, "POISON", large, "4"])
        wait_for(lambda: s.closed)
        assert seen(s, 2) == [("message", "1"), gap(2, 2)]
    in_log(api, stream, 4)
    with EventSource(stream.http, last_id=s.events[0].id) as s:
        assert seen(s, 2) == [gap(2, 3), ("message", "4")]
    from_ordinal(0, ("message", "1"), gap(2, 2), gap(3, 3), ("message", "4"))
    from_ordinal(2, gap(3, 3), ("message", "4"))
    from_ordinal(3, ("message", "4"))

    # one at the end: it is told with what comes, but not who came afterwards
    vhost.publish("abc", large)
    in_log(api, stream, 5)
    with EventSource(stream.http) as late, \
            EventSource(stream.http + "?stream_from_ordinal=4") as early:
        vhost.publish("abc", "6")
        assert seen(early, 2) == [gap(5, 5), ("message", "6")]
        assert seen(late, 1) == [("message", "6")]
    n.reload(old_gone=True)
    from_ordinal(4, gap(5, 5), ("message", "6"))
    assert api.get(stream)["events"] == 3


def test_deleted_while_clients_read_its_history(service, vhost):
    n, api = service(log="size=4m count=10000 age=1h")
    stream = filled(api, vhost, numbered(1, 2000))
    with Clients([stream.location + "?stream_from_ordinal=0"] * 12) as clients:
        api.delete(stream)
        clients.wait_closed()
        for c in clients:
            assert c.close_code == 1000
            assert c.messages == numbered(1, len(c.messages))
