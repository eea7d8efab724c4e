"""Streams whose routing keys are patterns of a topic exchange."""

import random

import pytest

from api import Api
from clients import Clients
from publisher import Publisher
from wait import wait_for

CONF = """
http {
    ess_zone streams 64m;
    ess_amqp %%AMQP%% exchange=topics type=topic;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=16m count=1000000 age=1h;
    ess_node test;
    ess_ping 0;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""

WORDS = ["a", "b", "ab", "", "*", "#"]


@pytest.fixture
def service(nginx):
    """An nginx that has reached the broker."""

    def make(vhost, workers=3):
        n = nginx(CONF, workers=workers, amqp=vhost.url)
        api = Api(n.port(1))
        wait_for(lambda: api.try_create("x"), 20, "the first stream")
        return n, api

    return make


def words(rng, wild):
    return ".".join(rng.choices(WORDS, [4, 4, 2, 1, wild, wild],
                                k=rng.randrange(1, 6)))


@pytest.mark.seconds(240)
def test_matches_as_rabbitmq_does(vhost, service):
    """320 patterns and 320 keys, 102,400 cases: beside each stream a queue of
    the broker with the same binding says what is right."""

    rng = random.Random(4)
    patterns = [words(rng, 3) for _ in range(320)]
    keys = [words(rng, 0.2) for _ in range(319)] + [""]

    n, api = service(vhost)
    used = [p for p in patterns if p]
    streams = api.create_many(used)

    with vhost.connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for i, pattern in enumerate(used):
            channel.queue_declare("q%d" % i)
            channel.queue_bind("q%d" % i, "topics", pattern)

        with Clients([s.location for s in streams]) as clients:
            for i, key in enumerate(keys):
                channel.basic_publish("topics", key, b"%d" % i)

            expected = []
            for i in range(len(used)):
                expected.append([])
                while True:
                    method, _, body = channel.basic_get("q%d" % i, True)
                    if method is None:
                        break
                    expected[-1].append(body.decode())

            assert sum(map(len, expected)) > 1000
            for pattern, stream, client, right in zip(
                    used, streams, clients.clients, expected):
                wait_for(lambda: len(client.messages) >= len(right), 20,
                         "the events of %s" % pattern)
                assert client.messages == right, pattern
                assert api.get(stream)["last_ordinal"] == len(right), pattern


def test_each_event_once_in_each_stream(vhost, service):
    """Streams in many slots, consumed by several workers that are killed and
    reloaded, match the same events."""

    n, api = service(vhost)

    patterns = ["k.*", "#", "k.#", "*.1", "k.1", "#.2", "k.2"] * 3
    streams = api.create_many(patterns)

    with Publisher(vhost, ["k.1", "k.2"], exchange="topics") as publisher:
        for i in range(6):
            total = publisher.total()
            wait_for(lambda: publisher.total() > total + 500, 20)
            if i % 3 == 2:
                n.reload()
            else:
                n.kill_worker()
        published = publisher.stop()

    for pattern, stream in zip(patterns, streams):
        right = sum(count for key, count in published.items()
                    if pattern[-1] not in "12" or pattern[-1] == key[-1])
        wait_for(lambda: api.get(stream)["last_ordinal"] >= right, 30,
                 "all events in %s" % pattern)
        assert api.get(stream)["last_ordinal"] == right, pattern


def test_create_and_delete(vhost, service):
    """A pattern counts from its 201 to its 204, in whichever worker; its
    binding goes with its last stream."""

    n, api = service(vhost)

    for i in range(30):
        one, two = api.create_many(["t.*.%d" % i] * 2)
        vhost.publish("t.x.%d" % i, "1", exchange="topics", kind="topic")
        api.delete(one)
        vhost.publish("t.y.%d" % i, "2", exchange="topics", kind="topic")
        wait_for(lambda: api.get(two)["last_ordinal"] == 2, 10)
        api.delete(two)

    wait_for(lambda: not [key for _, key in vhost.bindings("topics")
                          if key.startswith("t.")], 10,
             "the bindings to be gone")


def test_publish_for_one_stream(vhost, service):
    """By its uuid: the pattern is a key that it matches itself."""

    n, api = service(vhost, workers=2)
    streams = api.create_many(["#", "a.#", "a.*.#"])

    for s in streams:
        r = api.request("POST", "/publish/%s?by=uuid" % s.uuid, b"hello")
        assert r.status == 202, r
    r = api.request("POST", "/publish/a.b", b"hello")
    assert r.status == 202, r
    assert api.request("POST", "/publish/x.y", b"hello").status == 202

    for s, right in zip(streams, (3, 2, 2)):
        wait_for(lambda: api.get(s)["last_ordinal"] == right, 10)


def test_delete_without_the_broker(vhost, relay, service):
    """The binding goes when the broker is back."""

    n, api = service(relay, workers=2)
    stream = api.create("gone.*")
    assert "gone.*" in [key for _, key in vhost.bindings("topics")]

    relay.cut()
    api.delete(stream)
    relay.mend()
    wait_for(lambda: "gone.*" not in [key for _, key
                                      in vhost.bindings("topics")], 20,
             "the binding to be gone")
    assert "x" in [key for _, key in vhost.bindings("topics")]


def test_pattern_on_a_direct_exchange(vhost, nginx):
    """Allowed, for it is a key as well; who meant a pattern is told."""

    n = nginx(CONF, amqp=vhost.url + " exchange=e; #")

    def create(key):
        r = wait_for(lambda: (r := Api(n.port(1)).request(
            "POST", body={"routing_key": key})).status == 201 and r)
        return r.json()

    for key in "*.x", "#", "a.#":
        assert "pattern" in create(key)["warning"]
    for key in "a", "*a", "a#.b":
        assert "warning" not in create(key)


def test_exchange_of_another_type(vhost, nginx):
    """It is used as it is, and the log says so once a worker."""

    vhost.publish("x", "1", exchange="topics")
    n = nginx(CONF, workers=2, amqp=vhost.url)
    n.wait_log('exchange "topics" is not as configured and is used as it is: '
               "PRECONDITION_FAILED .*'direct'")
    api = Api(n.port(1))
    stream = wait_for(lambda: api.try_create("a.*"), 20)
    vhost.publish("a.*", "1", exchange="topics")
    wait_for(lambda: api.get(stream)["last_ordinal"] == 1, 10)

    wait_for(lambda: n.log().count("is not as configured") == 2)
    vhost.close_connections()
    vhost.publish("a.*", "2", exchange="topics")
    wait_for(lambda: api.get(stream)["last_ordinal"] == 2, 20)
    assert n.log().count("is not as configured") == 2
