"""Events with several routing keys: RabbitMQ's headers CC and BCC."""

import functools
import random
import zlib

import pika
import pytest

from api import Api
from clients import Clients
from publisher import Publisher
from wait import wait_for

CONF = """
http {
    ess_zone streams 32m;
    ess_amqp %%AMQP%% exchange=events type=KIND;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_node test;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

KINDS = pytest.mark.parametrize("kind", ["direct", "topic"])


@pytest.fixture
def service(vhost, nginx):
    """An nginx that has reached the broker."""

    def make(kind):
        n = nginx(CONF.replace("KIND", kind), workers=3, amqp=vhost.url)
        api = Api(n.port(1))
        wait_for(lambda: api.try_create("x"), 20, "the first stream")
        return n, api

    return make


def cc(*keys, **more):
    return pika.BasicProperties(headers=dict(more, CC=list(keys)))


def slot(key):
    return zlib.crc32(key.encode()) % 16


@KINDS
def test_delivers_as_rabbitmq_does(vhost, service, kind):
    """300 events with up to eight keys each, for 64 streams in all slots,
    some with the same key: beside each stream a queue of the broker with the
    same binding says what is right."""

    rng = random.Random(5)
    names = ["k.%d" % i for i in range(48)]
    keys = names + ["k.1", "k.1", "k.2", "x"] + (
        ["#", "k.*", "*.1", "k.3.#", "k.*.#", "*", "nobody's.#", "#.2", "*.*.*",
         "k.#.5", "x.#", "#.x"] if kind == "topic" else names[8:20])

    n, api = service(kind)
    streams = api.create_many(keys)
    assert len({slot(k) for k in keys}) > 12

    with vhost.connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for i, key in enumerate(keys):
            channel.queue_declare("q%d" % i)
            channel.queue_bind("q%d" % i, "events", key)

        with Clients([s.location for s in streams]) as clients:
            for i in range(300):
                some = rng.choices(names + ["x", "nobody's", "", "k.1.5"],
                                   k=rng.randrange(0, 8))
                channel.basic_publish("events", rng.choice(names), b"%d" % i,
                                      cc(*some))

            for i, client in enumerate(clients.clients):
                right = []
                while True:
                    method, _, body = channel.basic_get("q%d" % i, True)
                    if method is None:
                        break
                    right.append(body.decode())
                assert right
                wait_for(lambda: len(client.messages) >= len(right), 20,
                         "the events of %s" % keys[i])
                assert client.messages == right, keys[i]
                assert api.get(streams[i])["last_ordinal"] == len(right)


@KINDS
def test_each_once_although_workers_die(vhost, service, kind):
    n, api = service(kind)
    keys = ["a.1", "a.2", "a.3", "a.4", "a.5"]
    streams = api.create_many(keys + keys[:3] + (
        ["a.*", "#.2"] if kind == "topic" else keys[2:4]))

    with Publisher(vhost, keys[:2], exchange="events",
                   properties=cc(*keys[1:])) as publisher:
        for _ in range(4):
            total = publisher.total()
            wait_for(lambda: publisher.total() > total + 400, 20)
            n.kill_worker()
        published = publisher.stop()

    for i, stream in enumerate(streams):
        right = sum(published.values())
        if i in (0, 5):
            # in no CC
            right = published["a.1"]
        wait_for(lambda: api.get(stream)["last_ordinal"] >= right, 30,
                 "all events in stream %d" % i)
        assert api.get(stream)["last_ordinal"] == right, i


def test_bcc_and_one_stream_only(vhost, service):
    """RabbitMQ takes BCC out of an event before it delivers it.  An event for
    one stream may name a key of that in CC."""

    n, api = service("direct")
    one, two, twin, three = api.create_many(["one", "two", "two", "three"])

    vhost.publish("one", "1", "events", pika.BasicProperties(
        headers={"CC": ["two"], "BCC": ["three"]}))
    vhost.publish("one", "2", "events", cc("two", ess_uuid=twin.uuid))
    vhost.publish("three", "3", "events", cc("one", "two"))
    wait_for(lambda: [api.get(s)["last_ordinal"]
                      for s in (one, two, twin, three)] == [2, 2, 3, 1])


@KINDS
def test_what_is_no_key(vhost, service, kind):
    """Odd, long and many: what RabbitMQ lets through does no harm."""

    n, api = service(kind)
    n.expect(r"\[error\].*too many keys in CC, only 1024 were looked at")
    publish = functools.partial(vhost.publish, exchange="events", kind=kind)
    one, two, last = api.create_many(["one", "two", "key-2999"])

    publish("one", "1", properties=cc(
        1, None, {"two": "two"}, ["two"], b"\xff\0", "x" * 300, "two",
        "y." * 30000))
    publish("one", "2", properties=cc())
    publish("one", "3", properties=cc(
        "two", *["key-%d" % i for i in range(3000)]))
    publish("two", "4", properties=cc(*["two"] * 3000))

    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        publish("one", "refused", properties=pika.BasicProperties(
            headers={"CC": "two"}))

    publish("one", "5", properties=cc("two"))
    wait_for(lambda: [api.get(s)["last_ordinal"] for s in (one, two)]
             == [4, 4], 20)
    if kind == "direct":
        # of its slot there were not too many
        wait_for(lambda: api.get(last)["last_ordinal"] == 1)
    assert "too many keys in CC" in n.log()


def test_key_that_no_stream_has_is_unbound(vhost, service):
    """Also where it is not the event's routing key."""

    n, api = service("direct")
    key = next(k for k in map("stray-%d".__mod__, range(99))
               if slot(k) != slot("x"))
    wait_for(lambda: "ess.test.%d" % slot(key) in vhost.queues(), 10,
             "the slot's queue")
    with vhost.connect() as connection:
        connection.channel().queue_bind("ess.test.%d" % slot(key), "events",
                                        key)
    vhost.publish("x", "1", "events", cc(key))
    wait_for(lambda: [k for _, k in vhost.bindings("events")
                      if k not in ("", "#")] == ["x"], 20)
