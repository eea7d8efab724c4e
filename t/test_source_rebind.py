"""Bindings that go although their streams are there: they are missed, made
again, and those who may have lost something are told."""

import http.client
import json
import threading

import pytest

from api import Api
from clients import Clients
from relay import Relay
from sse import EventSource
from wait import wait_for

CONF = """
http {
    ess_zone streams 32m;
    ess_amqp %%AMQP%% %%TYPE%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_node test;
    ess_annotate on;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%% reuseport;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location = /health { ess_health; }
        location = /metrics { ess_metrics; }
    }
}
"""

EXCHANGE = "event-streams"
GONE = r"\[warn\].*bindings of exchange .* are gone.*lost"
UNBOUND = r"\[warn\].*not bound any more.*lost"

# what a round may take with so many streams, and some
ROUND = 6


def healthy(api):
    wait_for(lambda: api.request("GET", "/health").status == 200)


@pytest.fixture
def service(nginx):
    def make(vhost, workers=2, kind="", url=None):
        n = nginx(CONF, workers=workers, amqp=url or vhost.url,
                  type=kind and "type=" + kind)
        api = Api(n.port(1))
        healthy(api)
        return n, api
    return make


def publish(api, key, body="hello"):
    return api.request("POST", "/publish/" + key, body)


def figure(api, name):
    return api.request("GET", "/metrics?format=json").json()[name]


def unbind(vhost, key):
    (queue,) = {q for q, k in vhost.bindings() if k == key}
    with vhost.connect() as c:
        c.channel().queue_unbind(queue, EXCHANGE, key)


def make_anew(vhost, kind="direct", **more):
    with vhost.connect() as c:
        channel = c.channel()
        channel.exchange_delete(EXCHANGE)
        channel.exchange_declare(EXCHANGE, kind, durable=True, **more)


def bound(vhost, keys):
    return lambda: {k for _, k in vhost.bindings()} >= set(keys)


def is_gap(text):
    notice = json.loads(text)
    return notice.get("ess_gap") == {"from": 1, "to": None} \
        or notice == {"from": 1, "to": None}


@pytest.mark.parametrize("kind", ["direct", "topic"])
def test_exchange_made_anew(vhost, service, kind):
    """Noticed although it was away for an instant only: all is bound again,
    and whoever may have lost something is told."""

    n, api = service(vhost, kind=kind)
    keys = ["key-%d" % i for i in range(20)]
    streams = api.create_many(keys)
    with EventSource(streams[0].http) as source, \
            Clients(streams[1].location) as clients:
        make_anew(vhost, kind)
        wait_for(bound(vhost, keys), 5, "bindings")
        n.wait_log(GONE)
        for key in keys:
            vhost.publish(key, "hello", kind=kind)
        assert [e.type for e in source.wait(2)] == ["gap", "message"]
        assert is_gap(source.events[0].data)
        clients.wait(2)
        assert is_gap(clients[0].messages[0])
    # the broker had bound them before it said so
    wait_for(lambda: figure(api, "amqp_bindings_restored_total") == len(keys))
    assert len([1 for line in n.log().splitlines() if "[warn]" in line]) == 1
    healthy(api)

    # whoever comes new is not told of what was before
    with EventSource(api.create("key-1").http) as source:
        vhost.publish("key-1", "hello", kind=kind)
        assert [e.type for e in source.wait(1)] == ["message"]


@pytest.mark.parametrize("kind", ["direct", "topic"])
def test_one_binding_removed(vhost, service, kind):
    """What is published over HTTP comes back: it is bound, and published
    once more."""

    n, api = service(vhost, kind=kind)
    streams = [api.create(key) for key in ("abc", "abc", "other")]
    with EventSource(streams[0].http) as source, \
            EventSource(streams[2].http) as other, \
            Clients(streams[1].location) as clients:
        unbind(vhost, "abc")
        assert publish(api, "abc").status == 202
        assert [e.type for e in source.wait(2)] == ["gap", "message"]
        clients.wait(2)
        assert is_gap(clients[0].messages[0])
        n.wait_log(UNBOUND)

        unbind(vhost, "abc")
        r = api.request("POST", "/publish/%s?by=uuid" % streams[0].uuid, "x")
        assert r.status == 202
        assert [e.type for e in source.wait(4)[2:]] == ["gap", "message"]

        unbind(vhost, "abc")
        r = api.request("POST", "/publish/abc?batch=1", "[1,2,3]")
        assert r.status == 202
        got = source.wait(8)[4:]
        assert [e.type for e in got] == ["gap"] + ["message"] * 3
        for i, e in enumerate(got[1:], 1):
            assert e.data.startswith(str(i)) or '%d' % i in e.data

        assert publish(api, "other").status == 202
        assert [e.type for e in other.wait(1)] == ["message"]
    assert figure(api, "amqp_bindings_restored_total") == 3
    assert publish(api, "nobody").status == 404


def test_streams_that_come_while_a_round_goes_on(vhost, service):
    """Its pace is that of what there is, not of what there was when it
    began."""

    vhost.keep()
    n, api = service(vhost)
    api.create("first")
    unbind(vhost, "first")
    wait_for(bound(vhost, ["first"]), ROUND, "a round")

    keys = ["key-%d" % i for i in range(1000)]
    api.create_many(keys)
    lost = keys[::250]
    for key in lost:
        unbind(vhost, key)
    # the rest of the one that goes on, and another one
    wait_for(bound(vhost, lost), 2 * ROUND, "the bindings")


def test_a_thousand_streams(vhost, service):
    """The exchange made anew, and one binding removed: mended within a round,
    without a publisher, and no publisher is told that there is no stream."""

    vhost.keep()
    n, api = service(vhost)
    keys = ["key-%d" % i for i in range(1000)]
    streams = api.create_many(keys)

    unbind(vhost, keys[500])
    wait_for(bound(vhost, [keys[500]]), ROUND, "the round")
    with Clients(streams[500].location) as clients:
        vhost.publish(keys[500], "hello")
        clients.wait(1)

    statuses, health = [], []
    done = threading.Event()

    def watch(do, to):
        while not done.is_set():
            to.append(do().status)

    threads = [
        threading.Thread(target=watch, args=(
            lambda: publish(api, keys[len(statuses) * 7 % 1000]), statuses)),
        threading.Thread(target=watch, args=(
            lambda: api.request("GET", "/health"), health))]
    for t in threads:
        t.start()
    try:
        make_anew(vhost)
        wait_for(bound(vhost, keys), ROUND, "bindings")
        healthy(api)
    finally:
        done.set()
        for t in threads:
            t.join()
    assert set(statuses) <= {202, 503}
    # who asks seldom misses the 503
    assert set(health) <= {200, 503}
    assert publish(api, keys[0]).status == 202


def test_exchange_deleted_for_good(vhost, service):
    """It is declared as at the start."""

    n, api = service(vhost)
    stream = api.create("abc")
    with EventSource(stream.http) as source:
        with vhost.connect() as c:
            c.channel().exchange_delete(EXCHANGE)
        wait_for(bound(vhost, ["abc"]), 5, "bindings")
        wait_for(lambda: publish(api, "abc").status == 202)
        assert source.wait(1)[0].type == "gap"
    healthy(api)


def test_exchange_of_another_type_made_anew(vhost, service):
    n, api = service(vhost)
    stream = api.create("abc")
    with EventSource(stream.http) as source:
        make_anew(vhost, "topic")
        wait_for(bound(vhost, ["abc"]), 5, "bindings")
        n.wait_log(r"\[warn\].*is not as configured")
        vhost.publish("abc", "hello", kind="topic")
        assert [e.type for e in source.wait(2)] == ["gap", "message"]


@pytest.fixture
def user(vhost):
    """A user, and a function that sets his rights."""

    m = vhost.management
    name = "user-" + vhost.name
    m.request("PUT", "users/" + name, {"password": "x", "tags": ""})

    def rights(configure, write, read=".*"):
        m.request("PUT", "permissions/%s/%s" % (vhost.name, name),
                  {"configure": configure, "write": write, "read": read})
        return vhost.url.replace("guest:guest", name + ":x")

    yield rights
    m.request("DELETE", "users/" + name)


def test_exchange_that_must_not_be_declared(vhost, service, user):
    """Until somebody does, that is told: 503, in the broker's words."""

    with vhost.connect() as c:
        c.channel().exchange_declare(EXCHANGE, "direct", durable=True)
    n, api = service(vhost, url=user(r"^ess\.", ".*"))
    n.expect(r"\[error\].*refused the exchange")
    stream = api.create("abc")
    assert publish(api, "abc").status == 202
    with EventSource(stream.http) as source:
        with vhost.connect() as c:
            c.channel().exchange_delete(EXCHANGE)
        wait_for(lambda: api.request("GET", "/health").status == 503)
        r = wait_for(lambda: (lambda r: r.status == 503 and r)(
            publish(api, "abc")))
        assert r.headers["Retry-After"]
        assert "exchange" in r.json()["detail"]
        with vhost.connect() as c:
            c.channel().exchange_declare(EXCHANGE, "direct", durable=True)
        healthy(api)
        assert publish(api, "abc").status == 202
        assert source.wait(1)[0].type == "gap"


def test_reading_and_binding_are_enough(vhost, service, user):
    """Without the right to write to the exchange nobody can be told, but keys
    are bound again."""

    with vhost.connect() as c:
        channel = c.channel()
        channel.exchange_declare(EXCHANGE, "direct", durable=True)
        for slot in range(16):
            channel.queue_declare("ess.test.%d" % slot, durable=True, arguments={
                "x-single-active-consumer": True, "x-expires": 3600000,
                "x-max-length-bytes": 64 << 20})
    n, api = service(vhost, url=user("^$", r"^ess\."))
    n.expect(r"\[error\]")
    api.create("abc")
    make_anew(vhost)
    wait_for(bound(vhost, ["abc"]), ROUND, "the round")
    healthy(api)


def test_stream_deleted_within_a_round(vhost, service):
    """No binding is left behind."""

    n, api = service(vhost)
    for i in range(40):
        api.delete(api.create("key-%d" % (i % 4)))
    streams = api.create_many(["key-%d" % i for i in range(40)])
    api.delete_many(streams, 1)
    wait_for(lambda: vhost.bindings() == [], 10, "all unbound")
    assert "lost" not in n.log()


def test_created_and_deleted_while_published(vhost, service):
    """No binding is taken for gone that is only not there yet, or no more."""

    n, api = service(vhost, workers=3)
    done = threading.Event()
    statuses = set()

    def publisher():
        while not done.is_set():
            statuses.add(publish(api, "abc").status)

    threads = [threading.Thread(target=publisher) for _ in range(3)]
    for t in threads:
        t.start()
    try:
        for _ in range(50):
            api.delete(api.create("abc"))
    finally:
        done.set()
        for t in threads:
            t.join()
    assert statuses <= {202, 404}
    assert figure(api, "amqp_bindings_restored_total") == 0
    assert "lost" not in n.log()


def test_worker_leaves_while_a_key_is_bound_again(vhost, service):
    """The broker does not answer, and the client has gone."""

    relay = Relay(vhost)
    n, api = service(vhost, url=relay.url)
    api.create("key")
    unbind(vhost, "key")
    relay.lose_binds = True
    c = http.client.HTTPConnection(api.host, api.port)
    c.request("POST", "/publish/key", "hello")
    wait_for(lambda: relay.lost_binds)
    c.close()
    assert n.stop(quit=False) == 0
