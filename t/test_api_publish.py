"""Publishing over HTTP: with RabbitMQ, through it; without, into the log."""

import http.client
import json
import os
import signal
import threading

import pytest

from api import Api
from clients import Clients
from wait import freeze, slower, wait_for

CONF = """
http {
    ess_zone streams 64m;
    %%AMQP%%
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_max_event 100k;
    ess_log size=32m count=100000;
    ess_drain 0;
    client_max_body_size 4m;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%% reuseport;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /large/ { ess_publish batch=60000; }
        location = /by-argument { ess_publish $arg_key batch=2; }
        location = /health { ess_health; }
        location = /metrics { ess_metrics; }
        location /small/ {
            client_max_body_size 10;
            ess_publish;
        }
    }
}
"""

PROBLEM = "application/problem+json"


@pytest.fixture(params=["broker", "direct"])
def service(request, nginx):
    """Most of it is the same with and without a broker."""

    amqp = ""
    if request.param == "broker":
        amqp = "ess_amqp %s; ess_node test;" % (
            request.getfixturevalue("vhost").url)
    n = nginx(CONF, workers=3, amqp=amqp)
    return Api(n.port(1))


def publish(api, path, body, **headers):
    return api.request("POST", "/publish/" + path, body, headers=headers)


def large(api, events, key="abc"):
    return api.request("POST", "/large/%s?batch=1" % key, json.dumps(events),
                       timeout=60)


def stood_still(status, body):
    """The broker, for so long that nginx answered for it: others keep it
    busy."""

    return status == 503 and json.loads(body)["detail"] == (
        "the broker did not confirm it for 2 seconds")


def unless_it_stands_still(attempt, what):
    """attempt(what, key) returns 0 when the broker did: then with another
    key."""

    if not any(attempt(what, key) for key in ("abc", "again", "last")):
        pytest.fail("the broker stood still three times")


def refused(r, status, words):
    assert r.status == status, r
    assert r.headers["Content-Type"] == PROBLEM
    assert words in r.json()["detail"]


def test_each_stream_of_the_key_gets_it(service):
    api = service
    streams = [api.create("abc"), api.create("abc"), api.create("other")]
    with Clients([s.location for s in streams] * 3) as clients:
        bodies = ["hello", "", "x" * 100 * 1024, "\u00e4\u20ac", "last"]
        for body in bodies:
            r = publish(api, "abc", body.encode())
            assert r.status == 202, r
            assert set(r.json()) <= {"ids", "accepted"}
        assert publish(api, "abc", b"\xff\x00").status == 202
        bodies.append(b"\xff\x00")
        for i, c in enumerate(clients):
            if i % 3 < 2:
                wait_for(lambda: len(c.messages) == len(bodies))
                assert sorted(map(repr, c.messages)) == sorted(map(repr,
                                                                   bodies))
            else:
                assert c.messages == []


def test_in_order_over_one_connection(service):
    api = service
    stream = api.create("abc")
    with Clients([stream.location] * 6) as clients:
        c = http.client.HTTPConnection(api.host, api.port, timeout=10)
        for i in range(200):
            c.request("POST", "/publish/abc", str(i))
            r = c.getresponse()
            assert r.status == 202
            assert r.headers["Content-Type"] == "application/json"
            assert len(json.loads(r.read())) == 1
        c.close()
        clients.wait(200)
        for client in clients:
            assert client.messages == [str(i) for i in range(200)]


def test_by_uuid(service):
    """One stream of the key, no other."""

    api = service
    streams = [api.create("abc"), api.create("abc")]
    with Clients([s.location for s in streams]) as clients:
        for i, s in enumerate(streams):
            r = publish(api, s.uuid + "?by=uuid", "for %d" % i)
            assert r.status == 202, r
        assert publish(api, "abc?by=key", "for all").status == 202
        clients.wait(2)
        for i, c in enumerate(clients):
            assert c.messages == ["for %d" % i, "for all"]

    refused(publish(api, "0" * 32 + "?by=uuid", "x"), 404, "uuid")
    refused(publish(api, "abc?by=uuid", "x"), 404, "uuid")
    refused(publish(api, "abc?by=id", "x"), 400, "\"by\" must be")
    api.delete(streams[0])
    refused(publish(api, streams[0].uuid + "?by=uuid", "x"), 404, "uuid")


def test_batch(service):
    api = service
    stream = api.create("abc")
    text = (' [ {"a": [1, "]"], "b": "}\\\\"} ,"text \\u20ac \\"q\\"", 12345678901234567890,'
            'true,null , -1.50e3,[ 1 , 2 ],"", {} , [[]] ,"\\\\u0000"]\n')
    expected = ['{"a": [1, "]"], "b": "}\\\\"}', 'text \u20ac "q"',
                "12345678901234567890", "true", "null", "-1.50e3", "[ 1 , 2 ]",
                "", "{}", "[[]]", "\\u0000"]
    assert len(json.loads(text)) == len(expected)
    with Clients([stream.location] * 3) as clients:
        assert publish(api, "abc?batch=1", text).status == 202
        assert publish(api, "abc?batch=0", "[1]").status == 202
        clients.wait(len(expected) + 1)
        for c in clients:
            assert c.messages == expected + ["[1]"]

    for body, words in (("", "not JSON"), ("[1", "not JSON"),
                        ("[1] 2", "something follows"), ("{}", "array"),
                        ("[]", "empty"), ('["\\u0000"]', "NUL"),
                        (b'["\xff"]', "UTF-8"), (b'["\x01"]', "control"),
                        ("[1,]", "not JSON")):
        refused(publish(api, "abc?batch=1", body), 400, words)
    refused(publish(api, "abc?batch=2", "[1]"), 400, "\"batch\" must be")
    refused(publish(api, "abc?batch=1", '["%s"]' % ("x" * 200000)), 413,
            "ess_max_event")
    assert api.get(stream)["last_ordinal"] == len(expected) + 1


def test_large_batch(service):
    """In slices; others are answered meanwhile.  It may take its time, as long
    as it goes on."""

    unless_it_stands_still(large_batch, service)


def large_batch(api, key):
    stream = api.create(key)
    n = 60000
    with Clients([stream.location]) as clients:
        results = []
        thread = threading.Thread(target=lambda: results.append(large(
            api, list(range(n)), key)))
        thread.start()
        assert api.version()["name"]
        thread.join()
        r, = results
        if stood_still(r.status, r.body):
            return 0
        assert r.status == 202, r
        clients.wait(n, 30)
        for c in clients:
            assert c.messages == [str(i) for i in range(n)]
    return 1


def test_limit_of_a_batch(service):
    api = service
    stream = api.create("abc")
    path = "/by-argument?key=abc&batch=1"
    assert publish(api, "abc?batch=1", json.dumps([0] * 1000)).status == 202
    assert api.request("POST", path, "[[0, 0, 0], 0]").status == 202
    refused(publish(api, "abc?batch=1", json.dumps([0] * 1001)), 413,
            "more than 1000 events")
    refused(api.request("POST", path, "[0, 0, 0]"), 413, "more than 2 events")
    # all of them, or none
    wait_for(lambda: api.get(stream)["last_ordinal"] == 1002)


@pytest.mark.parametrize("source", ["broker", "direct"])
def test_publications_take_turns(request, nginx, source):
    """In a worker: what comes during a large one does not wait for its
    end."""

    amqp = ""
    if source == "broker":
        amqp = "ess_amqp %s; ess_node test;" % (
            request.getfixturevalue("vhost").url)
    server = nginx(CONF, workers=1, amqp=amqp)
    unless_it_stands_still(take_turns, server)


def take_turns(server, key):
    worker, = server.workers()
    api = Api(server.port(1))
    stream = api.create(key)
    n = 30000
    posts = {"a": ["a"] * n, "b": ["b"] * n, "one": ["one"]}
    connections = []
    with Clients(stream.location) as clients:
        for events in posts.values():
            c = http.client.HTTPConnection(api.host, api.port,
                                           timeout=60 * slower())
            c.putrequest("POST", "/large/%s?batch=1" % key)
            body = json.dumps(events).encode()
            c.putheader("Content-Length", str(len(body)))
            c.endheaders(body[:-1])
            connections.append(c)
        # the worker finds the ends of all of them when it looks again
        freeze(worker)
        try:
            for c in connections:
                c.send(b"]")
        finally:
            os.kill(worker, signal.SIGCONT)
        answers = []
        for c in connections:
            r = c.getresponse()
            answers.append((r.status, r.read()))
            c.close()
        if any(stood_still(*a) for a in answers):
            return 0
        assert [a[0] for a in answers] == [202] * 3, answers
        clients.wait(2 * n + 1, 30)
        got = clients[0].messages
    assert {body: got.count(body) for body in posts} == {
        "a": n, "b": n, "one": 1}
    last = {body: len(got) - 1 - got[::-1].index(body) for body in posts}
    assert got.index("one") < min(last["a"], last["b"])
    assert got.index("a") < last["b"] and got.index("b") < last["a"]
    return 1


def test_nobody_wants_it(service):
    api = service
    refused(publish(api, "abc", "x"), 404, "no stream has that routing key")
    stream = api.create("abc")
    assert publish(api, "abc", "x").status == 202
    api.delete(stream)
    wait_for(lambda: publish(api, "abc", "x").status == 404)


def test_wrong_requests(service):
    api = service
    api.create("abc")
    refused(publish(api, "", "x"), 404, "routing key")
    refused(publish(api, "k" * 256, "x"), 400, "255")
    refused(publish(api, "abc", "x" * (100 * 1024 + 1)), 413, "ess_max_event")
    for method in "GET", "PUT", "DELETE":
        r = api.request(method, "/publish/abc")
        refused(r, 405, method)
        assert r.headers["Allow"] == "POST, OPTIONS"
    r = api.request("OPTIONS", "/publish/abc")
    assert (r.status, r.headers["Allow"]) == (204, "POST, OPTIONS")
    assert api.request("POST", "/small/abc", "x" * 11).status == 413
    assert api.request("POST", "/small/abc", "x" * 10).status == 202


def test_keys(service):
    """Of a path, decoded, and of any variable."""

    api = service
    keys = ["with space", "a.b/c", "\u00e4", "k" * 255]
    streams = [api.create(k) for k in keys]
    paths = ["/publish/with%20space", "/by-argument?key=a.b/c",
             "/publish/%C3%A4", "/publish/" + "k" * 255]
    with Clients([s.location for s in streams]) as clients:
        for key, path in zip(keys, paths):
            assert api.request("POST", path, key.encode()).status == 202
        clients.wait(1)
        for key, c in zip(keys, clients):
            assert c.messages == [key]


def test_poison(service):
    api = service
    stream = api.create("abc")
    with Clients(stream.location) as clients:
        assert publish(api, "abc", "POISON").status == 202
        wait_for(lambda: clients[0].closed)
        assert clients[0].close_code == 1000


def test_chunked_body(service):
    api = service
    stream = api.create("abc")
    with Clients(stream.location) as clients:
        c = http.client.HTTPConnection(api.host, api.port, timeout=10)
        c.request("POST", "/publish/abc",
                  iter([b"some ", b"pieces ", b"x" * 30000]),
                  encode_chunked=True)
        assert c.getresponse().status == 202
        c.close()
        clients.wait(1)
        assert clients[0].messages == ["some pieces " + "x" * 30000]


def test_client_that_goes_away(service):
    """Before the answer; nothing is left behind."""

    api = service
    stream = api.create("abc")
    for _ in range(50):
        c = http.client.HTTPConnection(api.host, api.port, timeout=10)
        c.request("POST", "/publish/abc?batch=1", json.dumps(["x"] * 200))
        c.close()
    with Clients(stream.location) as clients:
        wait_for(lambda: publish(api, "abc", "last").status == 202)
        wait_for(lambda: "last" in clients[0].messages)


# what only a broker brings about

def with_broker(nginx, broker, **kwargs):
    n = nginx(CONF, amqp="ess_amqp %s; ess_node test;" % broker.url, **kwargs)
    return n, Api(n.port(1))


def test_what_the_broker_is_given(nginx, vhost):
    """Others that consume get it whole."""

    n, api = with_broker(nginx, vhost)
    api.create("abc")
    with vhost.connect() as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "event-streams", "abc")
        body = bytes(range(256)) * 400
        r = publish(api, "abc", body, **{"Content-Type": "image/x-test"})
        assert r.status == 202
        frame, properties, got = channel.basic_get(queue, auto_ack=True)
    assert got == body
    assert frame.routing_key == "abc"
    assert properties.content_type == "image/x-test"
    assert properties.delivery_mode == 2
    assert properties.headers["timestamp_in_ms"] // 1000 \
        == int(properties.timestamp.timestamp()
               if hasattr(properties.timestamp, "timestamp")
               else properties.timestamp)


def test_streams_of_another_instance(nginx, vhost):
    """What one publishes the clients of both get; by uuid, those of one."""

    first, api = with_broker(nginx, vhost)
    second = nginx(CONF, amqp="ess_amqp %s; ess_node other;" % vhost.url)
    streams = [api.create("abc"), Api(second.port(1)).create("abc")]
    with Clients([s.location for s in streams]) as clients:
        assert publish(api, "abc", "for all").status == 202
        assert publish(api, streams[0].uuid + "?by=uuid", "one").status == 202
        assert publish(api, "abc", "again").status == 202
        wait_for(lambda: [len(c.messages) for c in clients] == [3, 2])
        assert clients[0].messages == ["for all", "one", "again"]
        assert clients[1].messages == ["for all", "again"]


def test_broker_away(nginx, relay):
    """503 with Retry-After; afterwards it goes on by itself."""

    n, api = with_broker(nginx, relay)
    stream = wait_for(lambda: api.try_create("abc"))
    assert publish(api, "abc", "1").status == 202
    n.expect(r"\[error\]")
    relay.cut()
    r = publish(api, "abc", "lost")
    assert r.status == 503 and int(r.headers["Retry-After"]) > 0
    assert "127.0.0.1:%d: " % relay.port in r.json()["detail"]
    relay.mend()
    with Clients(stream.location) as clients:
        def again():
            return publish(api, "abc", "2").status == 202
        wait_for(again, 30)
        wait_for(lambda: "2" in clients[0].messages, 20)


def blocked(api, health, workers):
    r = api.request("GET", "/health")
    assert (r.status, r.json()) == (200, health)
    figures = api.request("GET", "/metrics?format=json").json()
    assert figures["amqp_blocked"] == workers


def test_broker_that_blocks(nginx, own_broker):
    """An alarm: what is published is refused with the broker's reason, which
    health and figures give as well; events go on flowing."""

    broker = own_broker()
    vhost = broker.vhost()
    n, api = with_broker(nginx, vhost, workers=1)
    stream = wait_for(lambda: api.try_create("abc"))
    with Clients(stream.location) as clients:
        assert publish(api, "abc", "1").status == 202
        clients.wait(1)
        broker.control("set_vm_memory_high_watermark", "0")
        try:
            # the broker's parts hear of its alarm one after the other; it
            # tells once something was published
            wait_for(lambda: publish(api, "abc", "2").status == 503)
            for _ in range(3):
                r = publish(api, "abc", "2")
                refused(r, 503, "low on memory")
                assert r.headers["Retry-After"]
            assert api.create("other").id
            blocked(api, {"status": "ok",
                          "publishing": "the broker blocks those who publish: "
                          "\"low on memory\""}, 1)

            # of a new session it tells nothing before the first event
            n.reload(old_gone=True)
            wait_for(lambda: api.request("GET", "/health").status == 200)
            blocked(api, {"status": "ok"}, 0)
            for _ in range(2):
                refused(publish(api, "abc", "2"), 503, "low on memory")
        finally:
            broker.control("set_vm_memory_high_watermark", "absolute",
                           "1GB")
        wait_for(lambda: publish(api, "abc", "3").status == 202, 20)
        blocked(api, {"status": "ok"}, 0)
    with Clients(stream.location + "?stream_from_ordinal=1") as clients:
        wait_for(lambda: "3" in clients[0].messages)


def test_exchange_is_gone(nginx, vhost):
    """The broker refuses: that is said, and mended."""

    n, api = with_broker(nginx, vhost, workers=1)
    n.expect(r"\[error\].*closed a channel")
    api.create("abc")
    assert publish(api, "abc", "1").status == 202
    with vhost.connect() as connection:
        connection.channel().exchange_delete("event-streams")
    r = publish(api, "abc", "2")
    if r.status != 202:
        refused(r, 503, "no exchange")
        assert r.headers["Retry-After"]
    wait_for(lambda: publish(api, "abc", "3").status == 202)
