"""Keys of events: by the rules of their streams, and named by who publishes."""

import decimal
import gzip
import json

import pika
import pytest

from api import Api
from clients import Clients
from wait import wait_for

CONF = """
http {
    ess_zone streams 16m;
    %%MORE%%
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_node test;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; ess_body envelope; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location = /by-argument { ess_publish $arg_key; }
        location = /metrics { ess_metrics; }
    }
}
"""

LONG = "k" * 255

# rule, body, key
BODIES = [
    ("json:/a", '{"a":"eu"}', "eu"),
    ("json:/a", ' { "b" : [{"a":1}] , "\\u0061" : "e\\u0075\\n\\u20ac" } ',
     "eu\n€"),
    ("json:/a", '{"a":-1.50e2}', "-1.50e2"),
    ("json:/a", '{"a":12345678901234567890}', "12345678901234567890"),
    ("json:/a", '{"a":true,"b":false}', "true"),
    ("json:/a", '{"a":false}', "false"),
    ("json:/a", '{"a":"%s"}' % LONG, LONG),
    ("json:/a", '{"a":"%s"}' % ("\\u006b" * 255), LONG),
    ("json:/a", '{"a":"%sk"}' % LONG, None),
    ("json:/a", '{"a":""}', None),
    ("json:/a", '{"a":null}', None),
    ("json:/a", '{"a":{}}', None),
    ("json:/a", '{"a":["x"]}', None),
    ("json:/a", '{"b":"x"}', None),
    ("json:/a", '{"a":"\\ud800"}', None),
    ("json:/a", '{"a":"x","a":"y"}', None),
    ("json:/a", '{"a":"x","b":01}', None),
    ("json:/a", '{"a":"x"} y', None),
    ("json:/a", 'no JSON', None),
    ("json:/a", "", None),
    ("json:/a~1b/~0/1", '{"a/b":{"~":["x","y"]}}', "y"),
    ("json:/0", '["x","y"]', "x"),
    ("json:/00", '["x","y"]', None),
    ("json:/-", '["x","y"]', None),
    ("json:", '"all"', "all"),
    ("json:", "17", "17"),
    ("json:/", '{"":"empty"}', "empty"),
]


@pytest.fixture
def direct(nginx):
    return nginx(CONF, more="", workers=2)


def brokered(nginx, vhost, more=""):
    n = nginx(CONF, more="ess_amqp %s%s;" % (vhost.url, more), workers=3)
    wait_for(lambda: Api(n.port(1)).try_create("x"), 20, "the first stream")
    return n


def no_key(n):
    return Api(n.port(1)).figures()["ess_no_key_total"]


def keys(client):
    return [json.loads(m).get("key") for m in client.messages]


def arrived(clients, *counts):
    """All keys, when the clients have so many, each or all alike."""

    counts = counts if len(counts) > 1 else counts * len(clients.clients)
    wait_for(lambda: [len(c.messages) for c in clients] == list(counts))
    return [keys(c) for c in clients]


def post(api, path, body="x", status=202, **headers):
    r = api.request("POST", path, body, headers=headers)
    assert r.status == status, r
    return r


def test_each_body(direct):
    api = Api(direct.port(1))
    rules = sorted({rule for rule, _, _ in BODIES})
    streams = {r: api.create("k%d" % i, key=r) for i, r in enumerate(rules)}
    with Clients([streams[r].location for r in rules]) as clients:
        for rule, body, _ in BODIES:
            post(api, "/publish/k%d" % rules.index(rule), body)
        for rule, client in zip(rules, clients):
            expected = [key for r, _, key in BODIES if r == rule]
            wait_for(lambda: len(client.messages) == len(expected))
            assert keys(client) == expected
    assert no_key(direct) == sum(key is None for _, _, key in BODIES)


def test_streams_with_different_rules(direct):
    """More of them than an append knows at a time, of one routing key."""

    api = Api(direct.port(1))
    rules = ["json:/%d" % i for i in range(20)] + ["routing_key", "none",
                                                   "header:x"] * 2
    streams = [api.create("abc", key=r) for r in rules] + [api.create("abc")]
    with Clients([s.location for s in streams]) as clients:
        for _ in range(2):
            post(api, "/publish/abc", json.dumps(["v%d" % i
                                                  for i in range(20)]))
        expected = ["v%d" % i for i in range(20)] + ["abc", None, None] * 2
        assert arrived(clients, 2) == [[k, k] for k in expected + [None]]
    assert no_key(direct) == 2 * 2


def test_key_of_a_publication(direct):
    api = Api(direct.port(1))
    streams = [api.create("abc", key="json:/a"), api.create("abc"),
               api.create("abc", key="header:x")]
    with Clients([s.location for s in streams]) as clients:
        post(api, "/publish/abc?key=mine", '{"a":"b"}')
        post(api, "/publish/abc?key=a%2Fb+%E2%82%AC%2B", '{"a":"b"}')
        post(api, "/publish/abc?batch=1&key=all", '[{"a":1},"x",{"a":2}]')
        post(api, "/publish/abc?key=" + LONG, "x")
        post(api, "/publish/abc", '{"a":"b"}')
        for value, words in (("", "1 to 255 bytes"), ("k" + LONG, "255 bytes"),
                             ("%ff", "UTF-8"), ("%C0%AF", "UTF-8"),
                             ("%zz", "percent"), ("a%", "percent")):
            r = post(api, "/publish/abc?key=" + value, "x", 400)
            assert words in r.json()["detail"]
        mine = ["mine", "a/b €+"] + ["all"] * 3 + [LONG]
        assert arrived(clients, 7) == [mine + ["b"], [None] * 7,
                                       mine + [None]]
    assert no_key(direct) == 1


def test_key_is_the_routing_key_where_it_is_taken_from_there(direct):
    api = Api(direct.port(1))
    with Clients([api.create("abc", key="json:/a").location]) as clients:
        post(api, "/by-argument?key=abc", '{"a":"b"}')
        assert arrived(clients, 1) == [["b"]]


def test_a_repeated_publication_has_the_same_key(direct):
    api = Api(direct.port(1))
    api.create("abc", key="json:/a")
    once = {"Idempotency-Key": '"one"'}
    first = post(api, "/publish/abc?key=k", **once).json()
    assert post(api, "/publish/abc?key=k", **once).json() == first
    post(api, "/publish/abc?key=other", status=422, **once)
    post(api, "/publish/abc", status=422, **once)


def test_a_compressed_publication(direct):
    api = Api(direct.port(1))
    with Clients([api.create("abc", key="json:/a").location]) as clients:
        post(api, "/publish/abc", gzip.compress(b'{"a":"b"}'),
             **{"Content-Encoding": "gzip"})
        assert arrived(clients, 1) == [["b"]]


def test_rules_of_a_topic(nginx, vhost):
    """A pattern's events are divided by what they were published with."""

    n = brokered(nginx, vhost, " exchange=topics type=topic")
    api = Api(n.port(1))
    streams = [api.create("orders.*", key="routing_key"),
               api.create("#", key="json:/n"), api.create("orders.eu")]
    with Clients([s.location for s in streams]) as clients:
        for key in "orders.eu", "orders.us", "orders.eu":
            vhost.publish(key, '{"n":1}', exchange="topics",
                          kind="topic")
        assert arrived(clients, 3, 3, 2) == [
            ["orders.eu", "orders.us", "orders.eu"], ["1"] * 3, [None] * 2]


HEADERS = [
    ("text", "text"), ("€", "€"), ("", None), (LONG, LONG), (LONG + "k", None),
    (7, "7"), (-1, "-1"), (2 ** 40, str(2 ** 40)), (-2 ** 40, str(-2 ** 40)),
    (True, "true"), (False, "false"), (None, None), (decimal.Decimal("1.5"), None),
    ({"a": 1}, None), ([1], None), (b"bytes", "bytes"), (b"\xff", None),
]


def send(vhost, exchange, key, body, **properties):
    with vhost.connect() as c:
        channel = c.channel()
        channel.confirm_delivery()
        channel.basic_publish(exchange, key, body,
                              pika.BasicProperties(**properties))


def test_rules_of_headers(nginx, vhost):
    n = brokered(nginx, vhost)
    api = Api(n.port(1))
    with Clients([api.create("abc", key="header:region").location]) as clients:
        for value, _ in HEADERS:
            send(vhost, "event-streams", "abc", b"x", content_type="text/plain",
                 content_encoding="identity",
                 headers={"other": [1, {"region": "no"}], "region": value})
        send(vhost, "event-streams", "abc", b"x")
        send(vhost, "event-streams", "abc", b"x", headers={"Region": "no"})
        expected = [key for _, key in HEADERS] + [None, None]
        assert arrived(clients, len(expected)) == [expected]
    assert no_key(n) == expected.count(None)


def test_a_key_goes_through_the_broker(nginx, vhost):
    """As the header x-ess-key, which others may send, too."""

    n = brokered(nginx, vhost)
    api = Api(n.port(1))
    streams = [api.create("abc", key="json:/a"), api.create("abc")]
    with Clients([s.location for s in streams]) as clients:
        post(api, "/publish/abc?key=mine", '{"a":"b"}')
        post(api, "/publish/abc?batch=1&key=all", '[{"a":1},"x"]')
        post(api, "/publish/abc?by=uuid&key=uuid".replace(
            "abc", streams[0].uuid), "x")
        send(vhost, "event-streams", "abc", b'{"a":"b"}',
             headers={"x-ess-key": "theirs"})
        send(vhost, "event-streams", "abc", b'{"a":"b"}',
             headers={"x-ess-key": LONG + "k"})
        assert arrived(clients, 6, 5) == [
            ["mine", "all", "all", "uuid", "theirs", "b"], [None] * 5]


def test_a_rabbitmq_stream(nginx, vhost):
    """Its log and what is read from the broker have the same keys."""

    with vhost.connect() as c:
        c.channel().queue_declare("s", durable=True,
                                  arguments={"x-queue-type": "stream"})
    for i in range(3):
        send(vhost, "", "s", json.dumps({"a": "old%d" % i}).encode(),
             headers={"h": i})
    n = brokered(nginx, vhost)
    api = Api(n.port(1))
    rules = ["json:/a", "header:h", "routing_key", None]
    streams = [api.create("s", source="stream", **({"key": r} if r else {}))
               for r in rules]
    old = [["old0", "old1", "old2"], ["0", "1", "2"], ["s"] * 3, [None] * 3]
    with Clients([s.location + "?stream_from_ordinal=0" for s in streams]) as clients:
        assert arrived(clients, 3) == old
        send(vhost, "", "s", b'{"a":"new"}', headers={"h": True})
        send(vhost, "", "s", b'{"a":"new"}',
             headers={"h": True, "x-ess-key": "x"})
        new = [["new", "x"], ["true", "x"], ["s", "x"], [None, None]]
        expected = [a + b for a, b in zip(old, new)]
        assert arrived(clients, 5) == expected
    with Clients([s.location + "?stream_from_ordinal=0" for s in streams]) as clients:
        assert arrived(clients, 5) == expected
