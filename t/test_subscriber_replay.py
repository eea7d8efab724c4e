"""Events older than the log, read from the broker, for who has keys or several
streams."""

import contextlib
import json
import random
import re

import pika
import pytest

from api import Api
from clients import Clients
from publisher import Publisher
from sse import EventSource
from v1 import V1
from wait import wait_for

CONF = """
http {
    ess_zone        streams 32m;
    ess_amqp        %%AMQP%% prefetch=%%PREFETCH%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=4m count=50 age=1h;
    ess_node        test;
    ess_ping        0;
    ess_drain       0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; ess_body envelope; }
        location /key/          { ess_subscribe key=$arg_key; }
        location /many/         { ess_subscribe multi names public; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api source=stream; }
        location /exchange/     { ess_api; }
    }
}
"""

KEYS = "eu", "us", "asia"


@pytest.fixture
def service(nginx, vhost):
    with contextlib.ExitStack() as stack:

        def make(*names, key="json:/k", prefetch=200, followed=True):
            """A RabbitMQ stream for each name, and an event stream that is
            called as it, with a client, or its log would not follow."""

            with vhost.connect() as c:
                for name in names:
                    c.channel().queue_declare(name, durable=True, arguments={
                        "x-queue-type": "stream"})
            n = nginx(CONF.replace("%%PREFETCH%%", str(prefetch)), 3,
                      amqp=vhost.url)
            wait_for(lambda: n.log().count(" established, address") >= 3, 20,
                     "the connections")
            api = Api(n.port(1))
            streams = [api.create(name, name=name, key=key) for name in names]
            if followed:
                stack.enter_context(Clients([s.location for s in streams]))
            return n, api, streams

        yield make


def events(first, n, keys=KEYS):
    return [json.dumps({"k": keys[i % len(keys)], "n": i})
            for i in range(first, first + n)]


def own(sent, *keys):
    return [e for e in sent if json.loads(e)["k"] in keys]


def publish(vhost, name, sent):
    vhost.publish(name, sent, exchange="")


def in_log(api, stream, ordinal):
    wait_for(lambda: api.get(stream)["last_ordinal"] == ordinal, 20,
             "the events to be in the log")


def evict(vhost, api, stream, name, sent, other=json.dumps({"k": "other"})):
    """The log has the end of what was sent only: what is younger than a second
    stays, so others are sent, too."""

    def evicted():
        sent.append(other)
        vhost.publish(name, other, exchange="")
        in_log(api, stream, len(sent))
        return api.get(stream)["first_ordinal"] > len(sent) - 100

    wait_for(evicted, 20, "events to leave the log", interval=0.2)


def url(stream, key, **more):
    return stream.location.replace("/event-stream/", "/key/") + "?" + "&".join(
        "%s=%s" % a for a in dict(more, key=key).items())


def many(n, query="", scheme="ws"):
    return "%s://127.0.0.1:%d/many/%s" % (scheme, n.port(0), query)


@pytest.mark.parametrize("prefetch", [3, 200])
def test_a_key(service, vhost, prefetch):
    """One that is in few events: most of what the broker sends is for
    nobody."""

    n, api, [s] = service("s", prefetch=prefetch)
    sent = events(0, 3000)
    for i in 7, 1500, 1501, 2900:
        sent[i] = json.dumps({"k": "rare", "n": i})
    publish(vhost, "s", sent)
    evict(vhost, api, s, "s", sent)

    wanted = [("eu", 0), ("rare", 0), ("rare", 1501), ("none", 0), ("us", 2949),
              ("asia", 1234)]
    with Clients([url(s, key, stream_from_ordinal=start)
                  for key, start in wanted] * 3) as clients:
        for c, (key, start) in zip(clients, wanted * 3):
            wait_for(lambda: len(c.messages) >= len(own(sent[start:], key)), 20)
        more = events(len(sent), 200, KEYS + ("rare", "none"))
        publish(vhost, "s", more)
        for c, (key, start) in zip(clients, wanted * 3):
            expected = own(sent[start:] + more, key)
            wait_for(lambda: len(c.messages) >= len(expected), 20)
            assert c.messages == expected


def test_a_key_while_others_are_sent_to(service, vhost):
    """Many clients are due: replays wait for their turn, while the broker goes
    on sending."""

    n, api, [s, busy] = service("s", "busy", prefetch=20)
    sent = events(0, 2000, ("no",) * 40 + ("rare",))
    publish(vhost, "s", sent)
    evict(vhost, api, s, "s", sent)
    wanted = own(sent, "rare")

    with Clients([busy.location] * 400, timeout=60) as others, \
            Publisher(vhost, ["busy"], rate=100, exchange=""):
        wait_for(lambda: others[0].messages)
        for _ in range(2):
            with Clients([url(s, "rare", stream_from_ordinal=0)] * 12
                         ) as clients:
                for c in clients:
                    wait_for(lambda: len(c.messages) >= len(wanted), 30)
                    assert c.messages == wanted


def test_keys_over_ess_v1(service, vhost):
    n, api, [s] = service("s")
    sent = events(0, 1000)
    publish(vhost, "s", sent)
    evict(vhost, api, s, "s", sent)

    def bodies(v1, n):
        return [json.dumps(v) for v in v1.wait(n, "s", 20)]

    with V1(many(n)) as a, V1(many(n)) as b:
        entry, = a.subscribe({"stream": "s", "keys": ["eu", "us"],
                              "ordinal": 100})
        assert entry["at"].endswith("-100")
        of_a = own(sent[100:], "eu", "us")
        assert bodies(a, len(of_a)) == of_a
        assert {(e.key, e.value["k"]) for e in a.events} == {
            ("eu", "eu"), ("us", "us")}

        # who comes back with an event's id, and has more keys later

        place = a.events[99]
        entry, = b.subscribe({"stream": "s", "keys": ["us"],
                              "from": place.id})
        assert entry["at"] == place.id
        of_b = own(sent[place.ordinal:], "us")
        assert bodies(b, len(of_b)) == of_b
        b.subscribe({"stream": "s", "keys": ["eu"]})

        more = events(len(sent), 300)
        publish(vhost, "s", more)
        for v1, expected in (a, of_a), (b, of_b):
            expected = expected + own(more, "eu", "us")
            assert bodies(v1, len(expected)) == expected
        assert not a.notices and not b.notices


def test_a_stream_without_keys_has_none(service, vhost):
    """What comes from the broker has what the log would have, also where a
    publisher names a key."""

    n, api, [s] = service("s", key="none")
    sent = ["1"] * 300
    vhost.publish("s", sent, exchange="",
                  properties=pika.BasicProperties(headers={"x-ess-key": "x"}))
    evict(vhost, api, s, "s", sent)
    with Clients([s.location + "?stream_from_ordinal=0"]) as clients:
        clients.wait(len(sent))
        assert [list(json.loads(m)) for m in clients[0].messages] == [
            ["s", "id", "t", "data"]] * len(sent)


def with_headers(vhost, exchange, routing_key, sent):
    with vhost.connect() as c:
        channel = c.channel()
        channel.confirm_delivery()
        for body, headers in sent:
            channel.basic_publish(exchange, routing_key, body.encode(),
                                  pika.BasicProperties(headers=headers))


HEADERS = [({"region": "eu"}, "eu"), ({"region": "us"}, "us"),
           ({"region": 17}, "17"), ({"other": "eu"}, None),
           ({"region": "eu", "other": "us"}, "eu"), ({"region": True}, "true"),
           ({}, None), (None, None)]


@pytest.mark.parametrize("source", ["exchange", "stream"])
def test_a_header_is_the_key(service, vhost, source):
    """Of an exchange's events, of what a RabbitMQ stream's log has, and of what
    is read from the broker."""

    n, api, [s] = service("s", key="header:region")
    if source == "exchange":
        s = Api(n.port(1), "/exchange/").create("abc", key="header:region")
    to = ("event-streams", "abc") if source == "exchange" else ("", "s")
    keys = "eu", "us", "17", "true", "none"
    sent = []

    def publish_all(n):
        more = [("%d" % i, HEADERS[i % len(HEADERS)])
                for i in range(len(sent), len(sent) + n)]
        with_headers(vhost, *to, [(body, h[0]) for body, h in more])
        sent.extend(more)

    publish_all(400)
    if source == "stream":
        others = [None] * 400
        evict(vhost, api, s, "s", others)
        sent += [("", (None, None))] * (len(others) - 400)
    in_log(api, s, len(sent))

    with Clients([url(s, key, stream_from_ordinal=0) for key in keys]
                 ) as clients:
        for more in 0, 100:
            publish_all(more)
            for c, key in zip(clients, keys):
                expected = [body for body, h in sent if h[1] == key]
                wait_for(lambda: len(c.messages) >= len(expected))
                assert c.messages == expected


def ordinals(event):
    return [int(o) for o in re.findall("[0-9a-f]+-([0-9]+)", event.id)]


def test_several_streams_on_one_event_source(service, vhost):
    """What was missed is older than the logs; each event has the places in all
    streams."""

    n, api, streams = service("a", "b", "c")
    for name in "abc":
        publish(vhost, name, events(0, 10))
    query = "?stream=x:a&stream=b&key=eu&key=us&stream=c"

    with EventSource(many(n, query + "&stream_from_ordinal=0", "http")) as es:
        assert es.status == 200
        es.wait(27, 20)
        assert ordinals(es.events[-1])[::2] == [10, 10]
        last = es.events[-1].id

    a, b = [events(0, 510) for _ in "ab"]
    for name, stream, sent in ("a", streams[0], a), ("b", streams[1], b):
        publish(vhost, name, events(10, 500))
        evict(vhost, api, stream, name, sent)

    a, b = a[10:], own(b[ordinals(es.events[-1])[1]:], "eu", "us")
    with EventSource(many(n, query, "http"), last_id=last) as es:
        es.wait(len(a) + len(b), 20)
        publish(vhost, "c", ["end"])
        es.wait(len(a) + len(b) + 1, 20)
        assert [e.data for e in es.events if e.type == "x"] == a
        assert [e.data for e in es.events if e.type == "message"] == b + [
            "end"]

        # each event moves the place in its own stream, and no other one

        before = ordinals(es.events[0])
        for e in es.events[1:]:
            now = ordinals(e)
            moved = [i for i in range(3) if now[i] != before[i]]
            assert len(moved) == 1 and now[moved[0]] > before[moved[0]]
            before = now


def test_streams_that_nobody_had(service, vhost):
    """The logs begin to follow with these clients."""

    names = "a", "b", "c", "d"
    n, api, streams = service(*names, followed=False)
    sent = events(0, 300)
    for name in names:
        publish(vhost, name, sent)

    with V1(many(n)) as v1, \
            EventSource(many(n, "?stream=x:c&stream=d&key=us"
                             "&stream_from_ordinal=0", "http")) as es:
        entries = v1.subscribe({"stream": "a", "ordinal": 10},
                               {"stream": "b", "keys": ["eu", "asia"],
                                "ordinal": 0}, timeout=20)
        assert [e["at"].rpartition("-")[2] for e in entries] == ["10", "0"]
        more = events(300, 60)
        for name in names:
            publish(vhost, name, more)
        sent = sent + more
        for name, wanted in ("a", sent[10:]), ("b", own(sent, "eu", "asia")):
            assert [json.dumps(v) for v in v1.wait(len(wanted), name, 20)
                    ] == wanted
        assert not v1.notices
        assert es.status == 200
        es.wait(360 + 120, 20)
        assert [e.data for e in es.events if e.type == "x"] == sent
        assert [e.data for e in es.events if e.type == "message"] == own(
            sent, "us")


def test_several_streams_broken_at_random(service, vhost):
    """Each event once, whichever of the log and the broker had it."""

    names = ["s%d" % i for i in range(5)]
    n, api, streams = service(*names)
    rng = random.Random(5)
    query = "?" + "&".join("stream=%s:%s" % (name, name) for name in names)
    got = {name: [] for name in names}
    sent = {name: [] for name in names}
    last, first = None, "&stream_from_ordinal=0"

    for turn in range(12):
        for name in rng.sample(names, rng.randint(1, 5)):
            more = events(len(sent[name]), rng.choice([1, 30, 200]))
            publish(vhost, name, more)
            sent[name] += more
        missing = sum(map(len, sent.values())) - sum(map(len, got.values()))
        wanted = missing if turn == 11 else rng.randint(0, missing)
        with EventSource(many(n, query + first, "http"), last_id=last) as es:
            assert es.status == 200
            es.wait(wanted, 20)
            for e in list(es.events):
                assert e.type in names
                got[e.type].append(e.data)
                last, first = e.id, ""
    assert got == sent
