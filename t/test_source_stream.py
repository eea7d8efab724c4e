"""Streams whose events come from RabbitMQ streams."""

import contextlib
import json
import random
import select
import signal
import time

import pika
import pytest

from api import Api
from clients import Clients, RawWS
from memory import flat, private_kb
from publisher import Publisher, gap, gaps, numbers
from sse import EventSource, Http2EventSource
from wait import freeze, wait_for

CONF = """
worker_shutdown_timeout 20s;

http {
    ess_zone streams 64m;
    ess_amqp %%AMQP%% idle=%%IDLE%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=16m count=1000000 age=1h;
    ess_node test;
    ess_ping 0;
    ess_drain 200ms;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
        location /poison/       { ess_subscribe poison=close; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api source=stream; }
        location /exchange/     { ess_api source=exchange; }
        location /publish/ { ess_publish; }
    }
}
"""


@pytest.fixture
def service(nginx):
    def make(vhost, workers=3, idle="60s", url=None):
        n = nginx(CONF, workers=workers, amqp=url or vhost.url, idle=idle)
        return connected(n), Api(n.port(1))
    return make


def connected(n):
    """Until each worker is: a client that comes before may wait for two
    seconds, no longer."""

    wait_for(lambda: n.log().count(" established, address")
             >= n.workers_wanted, 20, "the connections")
    return n


def declare(vhost, *names):
    with vhost.connect() as c:
        for name in names:
            c.channel().queue_declare(name, durable=True,
                                      arguments={"x-queue-type": "stream"})


def declare_short(vhost, size):
    """"s", which keeps that many bytes, in four segments."""

    with vhost.connect() as c:
        c.channel().queue_declare("s", durable=True, arguments={
            "x-queue-type": "stream", "x-max-length-bytes": size,
            "x-stream-max-segment-size-bytes": size // 4})


def declared(vhost, name):
    """Also soon after the broker's start."""

    try:
        declare(vhost, name)
    except pika.exceptions.ChannelClosedByBroker:
        return False
    return True


def first_offset(vhost):
    """Of what the broker still has of "s": it deletes segments a little after
    it has confirmed what they have no room for."""

    with vhost.connect() as c:
        channel = c.channel()
        channel.basic_qos(prefetch_count=1)
        for _, properties, _ in channel.consume("s", arguments={
                "x-stream-offset": "first"}):
            return properties.headers["x-stream-offset"]


def restart(broker, vhost):
    """Until its stream "s" is there again."""

    broker.stop_server()
    broker.start()
    wait_for(lambda: declared(vhost, "s"), 20)


def delete(vhost, name):
    with vhost.connect() as c:
        c.channel().queue_delete(name)


def consumers(broker):
    """Of streams: rabbitmqctl counts them by channel only.  The other 16 are
    those of the slot queues.  It takes a second."""

    return sum(map(int, broker.control(
        "-s", "list_channels", "consumer_count").split())) - 16


def test_live(vhost, service):
    """What comes after the 101, and nothing before it; the broker's offsets
    and one are the ordinals."""

    declare(vhost, "s")
    vhost.publish("s", [str(i) for i in range(100)], exchange="")
    n, api = service(vhost)
    stream = api.create("s")
    assert api.get(stream)["source"] == "stream"

    with Clients([stream.location] * 10, library="both") as clients:
        vhost.publish("s", [str(i) for i in range(100, 300)], exchange="")
        clients.wait(200)
        assert all(c.messages == [str(i) for i in range(100, 300)]
                   for c in clients)
        info = api.get(stream)
        assert (info["first_ordinal"], info["last_ordinal"]) == (1, 300)

        with Clients([stream.location] * 3) as more:
            vhost.publish("s", "300", exchange="")
            more.wait(1)
            assert all(c.messages == ["300"] for c in more)
        clients.wait(201)


def test_who_comes_back_after_a_start(vhost, service):
    """The log begins with the newest events: few need the broker."""

    declare(vhost, "s")
    vhost.publish("s", range_(0, 1000), exchange="")
    n, api = service(vhost)
    stream = api.create("s")
    wait_for(lambda: n.log().count("established") == 3)
    with Clients([replay(stream.location, stream_from_ordinal=i)
                  for i in range(745, 1000)]) as clients:
        vhost.publish("s", range_(1000, 1100), exchange="")
        for i, c in enumerate(clients):
            wait_for(lambda: len(c.messages) >= 1100 - 745 - i)
            assert ints(c) == list(range(745 + i, 1100))
    assert n.log().count("established") == 3


def test_empty(vhost, service):
    declare(vhost, "s")
    n, api = service(vhost)
    stream = api.create("s")
    with Clients([stream.location] * 4) as clients:
        vhost.publish("s", ["a", "b"], exchange="")
        clients.wait(2)
        assert api.get(stream)["last_ordinal"] == 2
        assert all(c.messages == ["a", "b"] for c in clients)


def test_missing(vhost, service):
    """1013 until it is there; then it works."""

    n, api = service(vhost)
    stream = api.create("s")
    for _ in range(2):
        with Clients([stream.location] * 4) as clients:
            wait_for(lambda: all(c.closed for c in clients), 10)
            assert all((c.close_code, c.close_reason) == (
                1013, "EventStream %s cannot be found" % stream.uuid)
                for c in clients)
    declare(vhost, "s")
    with Clients([stream.location] * 4) as clients:
        vhost.publish("s", "a", exchange="")
        clients.wait(1)


def test_why_the_first_clients_are_refused(vhost, service, relay):
    """The log does not follow the broker's stream in time: the clients are told
    so, and the log once."""

    declare(vhost, "s")
    n, api = service(vhost, workers=1, url=relay.url)
    stream = api.create("s")
    relay.hold(3600, times=10 ** 9)
    answers = []
    for headers in ({"Accept": "text/event-stream", "Origin": "https://a.b"},
                    {}):
        for _ in range(2):
            if headers:
                with EventSource(stream.http, headers=headers) as e:
                    assert e.status == 503
                    wait_for(lambda: e.closed or b"}" in e.raw)
                    answers.append((e.headers, e.raw))
            else:
                with RawWS.of(stream.location) as c:
                    assert c.handshake() == 503
                    assert c.headers["retry-after"] == "1"
    for headers, raw in answers:
        assert headers["retry-after"] == "1"
        assert headers["content-type"] == "application/problem+json"
        assert headers["access-control-allow-origin"] == "https://a.b"
        assert b"the RabbitMQ stream is not ready: " in raw
        assert b"within 2 seconds: try again" in raw
    assert n.log().count("clients of RabbitMQ streams are refused") == 1


def test_who_is_refused_learns_nothing_of_the_broker(vhost, service, relay):
    """Neither its address nor its words, which are in the log."""

    declare(vhost, "s")
    n, api = service(vhost, workers=1, url=relay.url)
    stream = api.create("s")
    relay.cut()
    n.wait_log("127.0.0.1:%d" % relay.port)
    with EventSource(stream.http) as e:
        assert e.status == 503
        assert e.headers["retry-after"] == "1"
        wait_for(lambda: e.closed or b"}" in e.raw)
    assert b"the RabbitMQ stream is not ready: " in e.raw
    assert b"127.0.0.1" not in e.raw and b"since" not in e.raw
    found = [line for line in n.log().splitlines()
             if "clients of RabbitMQ streams are refused" in line]
    assert len(found) == 1 and "127.0.0.1:%d: " % relay.port in found[0]


def test_declare(vhost, service):
    n, api = service(vhost)
    body = {"routing_key": "s", "source": "stream", "declare": True,
            "max_length_bytes": 1000000000, "max_age": "7D",
            "stream_max_segment_size_bytes": 1000000}
    stream = api.create_result(api.request("POST", body=body))
    assert vhost.queues()["s"]["arguments"] == {
        "x-queue-type": "stream", "x-max-length-bytes": 1000000000,
        "x-max-age": "7D", "x-stream-max-segment-size-bytes": 1000000}
    with Clients([stream.location] * 4) as clients:
        vhost.publish("s", "a", exchange="")
        clients.wait(1)

    # the same again, and with other arguments
    api.delete(api.create_result(api.request("POST", body=body)))
    r = api.request("POST", body=dict(body, max_age="8D"))
    assert r.status == 409
    assert "PRECONDITION_FAILED" in r.json()["detail"]
    assert len(api.list()) == 1
    assert "s" in vhost.queues()


@pytest.mark.parametrize("wrong, detail", [
    ({"source": "queue"}, "neither"),
    ({"source": 1}, "neither"),
    ({"source": "exchange", "declare": True}, "for"),
    ({"declare": 1}, "neither true nor false"),
    ({"max_age": "7D"}, "need"),
    ({"declare": True, "max_length_bytes": 0}, "number of bytes"),
    ({"declare": True, "max_length_bytes": "1"}, "number of bytes"),
    ({"declare": True, "stream_max_segment_size_bytes": 1.5},
     "number of bytes"),
    ({"declare": True, "max_age": "7"}, "unit"),
    ({"declare": True, "max_age": 7}, "unit"),
])
def test_wrong_bodies(vhost, service, wrong, detail):
    n, api = service(vhost, workers=1)
    r = api.request("POST", body=dict(wrong, routing_key="s"))
    assert r.status == 422
    assert detail in r.json()["detail"]
    assert api.list() == []


def test_declare_is_not_allowed(vhost, service):
    n, api = service(vhost)
    api.create("s", declare=True)
    vhost.limit("ess.*")
    r = api.request("POST", body={"routing_key": "t", "declare": True})
    assert r.status == 503
    assert "ACCESS_REFUSED" in r.json()["detail"]
    assert len(api.list()) == 1


def test_deleted_in_the_broker(vhost, service):
    declare(vhost, "s")
    n, api = service(vhost)
    stream = api.create("s")
    with Clients([stream.location] * 8) as clients, \
            source(n, stream) as events:
        vhost.publish("s", "a", exchange="")
        clients.wait(1)
        events.wait(1)
        delete(vhost, "s")
        events.wait_closed()
        assert events.complete
        wait_for(lambda: all(c.closed for c in clients), 10)
        assert all((c.close_code, c.close_reason) == (
            1013, "EventStream %s cannot be found" % stream.uuid)
            for c in clients)

    declare(vhost, "s")
    with Clients([stream.location] * 4) as clients:
        vhost.publish("s", "b", exchange="")
        clients.wait(1)
        assert all(c.messages == ["b"] for c in clients)
        assert api.get(stream)["last_ordinal"] == 1


def test_made_anew_while_the_broker_was_away(vhost, service, relay):
    """Its offsets begin at 0 again: clients go on with what comes."""

    declare(vhost, "s")
    n, api = service(vhost, url=relay.url)
    stream = api.create("s")
    with Clients([stream.location] * 4) as clients:
        vhost.publish("s", [str(i) for i in range(50)], exchange="")
        clients.wait(50)
        # while nobody consumes: nginx is told nothing of it
        freeze(n.master())
        for pid in n.workers():
            freeze(pid)
        relay.cut()
        delete(vhost, "s")
        declare(vhost, "s")
        vhost.publish("s", ["x"], exchange="")
        relay.mend()
        for pid in n.workers():
            n.send_signal(signal.SIGCONT, pid)
        n.send_signal(signal.SIGCONT)
        wait_for(lambda: api.get(stream)["last_ordinal"] == 1, 20)
        vhost.publish("s", ["y"], exchange="")
        clients.wait(51)
        assert all(c.messages[50:] == ["y"] for c in clients)


def test_workers_die(vhost, service):
    """Who follows is killed: another one goes on where it was."""

    declare(vhost, "s")
    n, api = service(vhost)
    stream = api.create("s")
    with Clients([stream.location] * 30) as clients, \
            Publisher(vhost, ["s"], rate=500, exchange="") as publisher:
        for _ in range(4):
            alive = [c for c in clients if not c.closed]
            before = [len(c.messages) for c in alive]
            n.kill_worker()
            wait_for(lambda: all(c.closed or len(c.messages) > b + 100
                                 for c, b in zip(alive, before)), 20)
        total = publisher.stop()["s"]
        # one of the worker that died last may not have noticed it yet
        wait_for(lambda: all(c.closed or numbers(c)[-1] == total
                             for c in clients), 20)
        assert not gaps(clients)


def test_reload(vhost, service):
    """Those of the old workers get all until they are closed."""

    declare(vhost, "s")
    n, api = service(vhost)
    stream = api.create("s")
    with Publisher(vhost, ["s"], rate=500, exchange="") as publisher:
        for _ in range(3):
            with Clients([stream.location] * 9) as clients:
                clients.wait(50)
                n.reload()
                wait_for(lambda: all(c.closed for c in clients), 20)
                assert all(c.close_code == 1012 for c in clients)
                assert not gaps(clients)
        publisher.stop()


def test_broker_restart(own_broker, service):
    broker = own_broker()
    vhost = broker.vhost()
    declare(vhost, "s")
    n, api = service(vhost)
    stream = api.create("s")
    with Clients([stream.location] * 9) as clients:
        vhost.publish("s", ["1"], exchange="")
        clients.wait(1)
        restart(broker, vhost)
        vhost.publish("s", ["2", "3"], exchange="")
        clients.wait(3)
        assert all(c.messages == ["1", "2", "3"] for c in clients)


def test_let_go_when_idle(own_broker, service):
    """One consumer for all workers while there are clients, then none."""

    broker = own_broker()
    vhost = broker.vhost()
    declare(vhost, "s")
    n, api = service(vhost, idle="1s")
    stream = api.create("s")
    for i in range(2):
        size = n.log_size()
        with Clients([stream.location] * 9) as clients:
            vhost.publish("s", "a", exchange="")
            clients.wait(1)
            wait_for(lambda: consumers(broker) == 1, 20)
        n.wait_log('let go of RabbitMQ stream "s"', offset=size)
        wait_for(lambda: consumers(broker) == 0, 20)
        vhost.publish("s", "nobody hears it", exchange="")


def test_more_streams_than_channels(own_broker, service):
    broker = own_broker("channel_max = 12\n")
    vhost = broker.vhost()
    names = ["s%d" % i for i in range(12)]
    declare(vhost, *names)
    n, api = service(vhost, workers=1, idle="100ms")
    streams = [api.create(name) for name in names]
    sources = [source(n, s) for s in streams]
    try:
        served = [s for s in sources if s.status == 200]
        assert 6 <= len(served) < 12
        assert {s.status for s in sources} == {200, 503}
        assert n.log().count("channels that it allows are in use: 12") == 1
        for name in names:
            vhost.publish(name, "x", exchange="")
        for s in served:
            s.wait(1)
        # what is let go is free for others
        for s in served:
            s.close()
        wait_for(lambda: n.log().count("let go of RabbitMQ stream")
                 >= len(served))
        wait_for(lambda: consumers(broker) == 0, 20)
        with source(n, streams[-1]) as s:
            assert s.status == 200
    finally:
        for s in sources:
            s.close()


def test_delete(vhost, service):
    """The broker's stream stays."""

    declare(vhost, "s")
    n, api = service(vhost, idle="1s")
    stream = api.create("s")
    with Clients([stream.location] * 4) as clients:
        api.delete(stream)
        wait_for(lambda: all(c.closed for c in clients), 10)
        assert all(c.close_code == 1000 for c in clients)
    assert "s" in vhost.queues()


def test_publish(vhost, service):
    """By uuid, it goes into the RabbitMQ stream."""

    n, api = service(vhost)
    stream = api.create("s")

    def publish():
        return api.request("POST", "/publish/%s?by=uuid" % stream.uuid, "x")

    assert publish().status == 503
    assert publish().json()["detail"] == 'there is no RabbitMQ stream "s"'
    declare(vhost, "s")
    assert api.get(stream)["last_ordinal"] is None
    assert publish().status == 202
    with Clients([replay(stream.location, stream_from_ordinal=0)] * 3
                 ) as clients:
        clients.wait(1)
        assert publish().status == 202
        clients.wait(2)
        assert api.get(stream)["last_ordinal"] == 2


def test_not_a_stream(vhost, service):
    with vhost.connect() as c:
        c.channel().queue_declare("classic")
    n, api = service(vhost)
    stream = api.create("classic")
    with Clients([stream.location] * 2) as clients:
        wait_for(lambda: all(c.closed for c in clients), 10)
        assert all(c.close_code == 1013 for c in clients)
    n.wait_log("refused a reader of a stream.*PRECONDITION_FAILED")


def test_many(vhost, service):
    """Several streams of one worker or another, one of them twice."""

    names = ["s%d" % i for i in range(20)]
    declare(vhost, *names)
    n, api = service(vhost)
    streams = api.create_many(names + names[:1])
    with Clients([s.location for s in streams for _ in range(3)]) as clients, \
            Publisher(vhost, names, rate=1000, exchange="") as publisher:
        clients.wait(20)
        published = publisher.stop()
        for i, client in enumerate(clients.clients):
            name = (names + names[:1])[i // 3]
            wait_for(lambda: numbers(client)[-1] == published[name], 10)
            assert not gap(client)


# replay

def replay(location, **position):
    return location + "?" + "&".join("%s=%s" % i for i in position.items())


def ints(client):
    return [int(m) for m in client.messages]


def test_replay_from_an_ordinal(vhost, service):
    """From the broker, joined with what is live, without a hole or a double."""

    declare(vhost, "s")
    vhost.publish("s", range_(0, 2000), exchange="")
    n, api = service(vhost)
    stream = api.create("s")
    for start in (0, 1, 999, 1999, 2000):
        with Clients([replay(stream.location, stream_from_ordinal=start)] * 3
                     ) as clients:
            clients.wait(2000 - start)
            assert all(ints(c) == list(range(start, 2000)) for c in clients)

    with Clients([replay(stream.location, stream_from_ordinal=i * 100)
                  for i in range(21)]) as clients:
        vhost.publish("s", range_(2000, 3000), exchange="")
        for i, c in enumerate(clients.clients):
            wait_for(lambda: len(c.messages) >= 3000 - i * 100, 20)
            assert ints(c) == list(range(i * 100, 3000))


def range_(first, end):
    return [str(i) for i in range(first, end)]


def source(n, stream, query="", **headers):
    return EventSource("http://127.0.0.1:%d/event-stream/%s%s" % (
        n.port(0), stream.uuid, query), headers={
            name.replace("_", "-"): v for name, v in headers.items()})


def sse(*args, count=1, **headers):
    """The first `count' events.  Connects again after a 503 for which nginx
    waited: the broker may take longer than two seconds on a busy machine."""

    def connect():
        begin = time.monotonic()
        s = source(*args, **headers)
        if s.status == 503 and time.monotonic() - begin >= 1.9:
            s.close()
            return None
        return s

    with wait_for(connect, 20, "the RabbitMQ stream") as s:
        return s.wait(count, 20)[:count]


def ordinal_of(event):
    return int(event.id.split("-")[1])


def test_positions_at_the_ends(vhost, service):
    """Before the first event the broker has: a gap, then all.  Beyond the
    end: a gap, then what comes."""

    declare_short(vhost, 200000)
    vhost.publish("s", [b"%06d" % i * 100 for i in range(3000)], exchange="")
    wait_for(lambda: first_offset(vhost) > 2500, 20)
    n, api = service(vhost)
    stream = api.create("s")

    gap, first, second = sse(n, stream, "?stream_from_ordinal=5", count=3)
    assert gap.type == "gap"
    ordinal = ordinal_of(first)
    assert json.loads(gap.data) == {"from": 6, "to": ordinal - 1}
    assert ordinal > 100

    # the broker leaves out an offset at the beginning of each segment; none of
    # these is a gap
    events = sse(n, stream, "?stream_from_ordinal=5",
                 count=3001 - int(first.data[:6]))[1:]
    assert [int(e.data[:6]) for e in events] == list(
        range(int(first.data[:6]), 3000))
    ordinals = [ordinal_of(e) for e in events]
    assert ordinals == sorted(set(ordinals))
    last = ordinals[-1]
    assert ordinal_of(second) == ordinal + 1

    gap, first = sse(n, stream, "?stream_from_ordinal=0", count=2)
    assert json.loads(gap.data) == {"from": 1, "to": ordinal - 1}

    epoch = first.id.split("-")[0]
    events = sse(n, stream, Last_Event_ID="%s-%d" % (epoch, ordinal), count=2)
    assert [ordinal_of(e) for e in events] == ordinals[1:3]

    # of another stream
    gap, first = sse(n, stream, Last_Event_ID="abc-17", count=2)
    assert gap.type == "gap"
    assert ordinal_of(first) == ordinal

    with source(n, stream, "?stream_from_ordinal=5000") as s:
        assert s.wait(1)[0].type == "gap"
        vhost.publish("s", "new", exchange="")
        first = s.wait(2)[1]
        assert ordinal_of(first) in (last + 1, last + 2)
        assert first.data == "new"


def test_truncated_while_the_broker_was_away(vhost, service, relay):
    """A gap, also when it had nothing before."""

    declare_short(vhost, 200000)
    n, api = service(vhost, url=relay.url)
    stream = api.create("s")
    last = 0
    seen = 0
    with source(n, stream) as s:
        for i in range(2):
            relay.cut()
            vhost.publish("s", [b"%06d" % i * 100 for i in range(3000)],
                          exchange="")
            wait_for(lambda: first_offset(vhost) > last + 1000, 20)
            relay.mend()
            wait_for(lambda: s.events[seen:]
                     and s.events[-1].data[:6] == "002999", 20)
            gap, first = s.events[seen:seen + 2]
            assert gap.type == "gap"
            assert json.loads(gap.data) == {"from": last + 1,
                                            "to": ordinal_of(first) - 1}
            assert ordinal_of(first) > last + 1000
            assert all(e.type == "message" for e in s.events[seen + 1:])
            before, last = last, ordinal_of(s.events[-1])
            seen = len(s.events)

    # who comes back with the last one before it is told, too
    for back in range(2):
        events = sse(n, stream, "?stream_from_ordinal=%d" % (before - back),
                     count=back + 2)
        assert [e.type for e in events] == ["message"] * back + [
            "gap", "message"]
        assert events[back:] == [gap, first]


def test_truncated_while_it_is_read(vhost, nginx):
    """What is deleted before it was read is a gap, the rest is there."""

    declare_short(vhost, 2000000)
    bodies = ["%06d" % i + "x" * 2000 for i in range(5000)]
    vhost.publish("s", bodies[:900], exchange="")
    n = nginx(CONF.replace("reuseport", "sndbuf=16k"), workers=1,
              amqp=vhost.url, idle="60s")
    stream = Api(n.port(1)).create("s")
    with RawWS.of(replay(stream.location, stream_from_ordinal=0),
                  rcvbuf=4096) as ws:
        ws.connect()
        assert ws.recv_event().payload[:6] == b"000000"
        for i in range(900, 5000, 500):
            vhost.publish("s", bodies[i:i + 500], exchange="")
        wait_for(lambda: first_offset(vhost) > 900, 20)
        got = [0]
        while got[-1] != 4999:
            got.append(int(ws.recv_event().payload[:6]))
    assert got == sorted(set(got))
    holes = [i for i, (a, b) in enumerate(zip(got, got[1:])) if b > a + 1]
    assert len(holes) == 1 and 100 < holes[0] < 900


def test_take_over(vhost, nginx):
    """The newest of one at a time goes on with what the one before has."""

    declare(vhost, "s")
    vhost.publish("s", range_(0, 1000), exchange="")
    n = nginx(CONF.replace("ess_subscribe;", "ess_subscribe; "
                           "ess_max_subscribers 1 replace; ess_annotate on;"),
              workers=3, amqp=vhost.url, idle="60s")
    api = Api(n.port(1))
    stream = api.create("s")
    previous = None
    for start in 0, 500, 999, 1000:
        clients = Clients([replay(stream.location,
                                  stream_from_ordinal=start)])
        if previous:
            wait_for(lambda: previous[0].closed)
            assert (previous[0].close_code, previous[0].close_reason) == (
                1000, "A newer connection has taken over")
            previous.close()
        clients.wait(1000 - start)
        assert [m.rsplit("|", 1)[0] for m in clients[0].messages] == [
            "%d|ordinal: %d" % (i, i + 1) for i in range(start, 1000)]
        wait_for(lambda: api.get(stream)["subscribers"] == 1)
        previous = clients
    previous.close()


def test_http2(vhost, nginx):
    declare(vhost, "s")
    vhost.publish("s", range_(0, 2000), exchange="")
    n = nginx(CONF.replace("reuseport", "http2"), workers=3, amqp=vhost.url,
              idle="60s")
    stream = Api(n.port(1)).create("s")
    url = "http://127.0.0.1:%d/event-stream/%s?stream_from_ordinal=100" % (
        n.port(0), stream.uuid)
    with Http2EventSource(url) as one, Http2EventSource(url) as two:
        for s in one, two:
            s.wait(1900)
        vhost.publish("s", range_(2000, 2100), exchange="")
        for s in one, two:
            events = s.wait(2000)
            assert [e.data for e in events] == range_(100, 2100)
            assert [ordinal_of(e) for e in events] == list(range(101, 2101))


def test_wrong_positions(vhost, service):
    """None of them gets to the broker."""

    declare(vhost, "s")
    n, api = service(vhost)
    stream = api.create("s")
    wait_for(lambda: n.log().count("established") == 3)
    numbers_ = ["-1", "9223372036854775807", "x", "1.5", "1e3", "0x1", "",
                "99999999999999999999999", "%00", "1%0d%0a"]
    queries = ["?%s=%s" % (name, value)
               for name, values in (
                   ("stream_from_ordinal", numbers_),
                   ("stream_from_timestamp", numbers_),
                   ("stream_from_datetime", [
                       "", "x", "2024", "2024-13-01T00:00:00",
                       "2024-02-30T00:00:00Z", "2024-01-01T25:00:00",
                       "-2024-01-01T00:00:00", "99999-01-01T00:00:00"]))
               for value in values]
    queries += ["?stream_from_ordinal=1&stream_from_timestamp=1",
                "?stream_from_ordinal=1&stream_from_ordinal=2",
                "?stream_from_timestamp=1&"
                "stream_from_datetime=2024-01-01T00:00:00"]
    with Clients([stream.location + q for q in queries]) as clients:
        wait_for(lambda: all(c.closed for c in clients), 10)
        assert [c.url for c in clients if c.close_code != 1002] == []
    for q in queries:
        with source(n, stream, q) as s:
            assert s.status == 400, q
    assert n.log().count("established") == 3


def test_replay_of_what_is_missing(vhost, service):
    n, api = service(vhost)
    stream = api.create("s")
    with Clients([replay(stream.location, stream_from_ordinal=0)]) as clients:
        wait_for(lambda: all(c.closed for c in clients), 10)
        assert clients.clients[0].close_code == 1013
    with source(n, stream) as s:
        assert s.status == 503


def test_timestamps(vhost, service):
    """The first event, in order, whose own timestamp is not earlier, though
    the publishers' clocks differ by 30 s."""

    declare(vhost, "s")
    rng = random.Random(7)
    base = int(time.time() * 1000)
    times = [base + i * 20 + rng.randrange(-30000, 30000) for i in range(600)]
    with vhost.connect() as c:
        channel = c.channel()
        channel.confirm_delivery()
        for i, t in enumerate(times):
            channel.basic_publish("", "s", b"%d" % i, pika.BasicProperties(
                headers={"timestamp_in_ms": t}))
    n, api = service(vhost)
    stream = api.create("s")
    for wanted in [base - 100000, min(times), base, base + 6000, max(times),
                   max(times) - 500]:
        right = next(i for i, t in enumerate(times) if t >= wanted)
        with Clients([replay(stream.location, stream_from_timestamp=wanted)]
                     ) as clients:
            clients.wait(600 - right)
            assert ints(clients.clients[0]) == list(range(right, 600)), wanted

    # nothing is that new: what comes when that is known
    with Clients([replay(stream.location, stream_from_timestamp=base + 10**9)]
                 ) as clients:
        for i in range(600, 2000):
            vhost.publish("s", str(i), exchange="")
            if clients[0].messages:
                break
        first = int(clients[0].messages[0])
        clients.wait(i + 1 - first)
        assert ints(clients[0]) == list(range(first, i + 1))


def test_timestamps_of_a_slow_broker(vhost, service, relay):
    """What has not come yet is not taken for what is not there."""

    declare(vhost, "s")
    base = int(time.time() * 1000)
    vhost.publish("s", range_(0, 1000), exchange="")
    n, api = service(vhost, url=relay.url)
    stream = api.create("s")
    with Clients([stream.location]):
        relay.hold(0.7, times=1000)
        for wanted in (base - 100000, base - 1000):
            with Clients([replay(stream.location, stream_from_timestamp=wanted)]
                         ) as clients:
                clients.wait(1000)
                assert ints(clients[0]) == list(range(1000))


def test_end_of_a_slow_broker(vhost, service, relay):
    """A stream is not empty because its last chunk is late."""

    declare(vhost, "s")
    vhost.publish("s", range_(0, 1000), exchange="")
    n, api = service(vhost, workers=1, url=relay.url)
    stream = api.create("s")
    wait_for(lambda: "established" in n.log())
    relay.hold(0.7)
    with Clients([stream.location,
                  replay(stream.location, stream_from_ordinal=600)]
                 ) as clients:
        assert api.get(stream)["last_ordinal"] == 1000
        vhost.publish("s", "1000", exchange="")
        wait_for(lambda: ints(clients[0]) == [1000])
        wait_for(lambda: ints(clients[1]) == list(range(600, 1001)))


def test_deleted_during_a_replay(vhost, service):
    declare(vhost, "s")
    vhost.publish("s", range_(0, 3000), exchange="")
    n, api = service(vhost)
    stream = api.create("s")
    with Clients([replay(stream.location, stream_from_ordinal=0)] * 5
                 ) as clients:
        delete(vhost, "s")
        wait_for(lambda: all(c.closed for c in clients), 10)
        assert all(c.close_code == 1013 for c in clients)
        assert all(ints(c) == list(range(len(c.messages))) for c in clients)


def test_poison(vhost, service):
    """It closes those who are connected, and is skipped in a replay, from the
    broker and from the log."""

    declare(vhost, "s")
    before = ["0", "POISON"] + range_(1, 600) + ["POISON", "600"]
    vhost.publish("s", before, exchange="")
    n, api = service(vhost)
    stream = api.create("s")
    with Clients([replay(stream.location, stream_from_ordinal=0)] * 3
                 ) as clients:
        clients.wait(601)
        vhost.publish("s", ["601", "POISON", "602"], exchange="")
        wait_for(lambda: all(c.closed for c in clients), 10)
        assert all(c.close_code == 1000 for c in clients)
        assert all(c.messages == range_(0, 602) for c in clients)
    with Clients([replay(stream.location, stream_from_ordinal=0)] * 3
                 ) as clients:
        clients.wait(603)
        assert all(c.messages == range_(0, 603) for c in clients)


def test_poison_of_the_past(vhost, service):
    """With "poison=close" it closes who reads it, from the broker or from the
    log, as it does those who are connected; who begins behind it goes on.  Of
    an exchange's stream the past has none."""

    declare(vhost, "s")
    vhost.publish("s", ["0", "POISON", "1", "2", "POISON", "3"], exchange="")
    n, api = service(vhost)
    stream = api.create("s")
    location = stream.location.replace("/event-stream/", "/poison/")

    def read(expected):
        for ordinal, bodies in expected.items():
            url = replay(location, stream_from_ordinal=ordinal)
            with Clients([url] * 2) as clients:
                clients.wait_closed()
                for c in clients:
                    assert (c.close_code, c.messages) == (1000, bodies)

    past = {0: ["0"], 1: [], 2: ["1", "2"], 4: []}
    read(past)
    url = replay(location, stream_from_timestamp=0)
    with Clients(url) as clients, Clients(location) as live:
        clients.wait_closed()
        assert (clients[0].close_code, clients[0].messages) == (1000, ["0"])
        vhost.publish("s", ["4", "POISON", "5"], exchange="")
        live.wait_closed()
        assert (live[0].close_code, live[0].messages) == (1000, ["4"])
    read({**past, 5: ["3", "4"], 6: ["4"], 7: []})
    with Clients(replay(location, stream_from_ordinal=8)) as clients:
        clients.wait(1)
        assert clients[0].messages == ["5"]
    with EventSource(replay(stream.http.replace("/event-stream/", "/poison/"),
                            stream_from_ordinal=2)) as source:
        source.wait_closed()
        assert source.data == ["1", "2"]
    other = Api(n.port(1), "/exchange/").create("abc")
    vhost.publish("abc", ["0", "POISON", "1"])
    wait_for(lambda: api.get(other)["last_ordinal"] == 2)
    with Clients(replay(other.location.replace("/event-stream/", "/poison/"),
                        stream_from_ordinal=0)) as clients:
        clients.wait(2)
        assert clients[0].messages == ["0", "1"]


def test_large_events(vhost, service):
    """Far over the bound of what is kept for one client."""

    declare(vhost, "s")
    vhost.publish("s", [b"%06d" % i + b"x" * 200000 for i in range(60)],
                  exchange="")
    n, api = service(vhost)
    stream = api.create("s")
    with Clients([replay(stream.location, stream_from_ordinal=0)] * 5
                 ) as clients:
        clients.wait(60, timeout=60)
        for c in clients:
            assert [int(m[:6]) for m in c.messages] == list(range(60))


@pytest.mark.parametrize("policy", ["close", "skip"])
def test_slow_client_where_the_log_goes_on(vhost, nginx, policy):
    """What was read for it from the broker is not what ess_slow_client bounds:
    it loses and doubles nothing there, nor is it closed."""

    declare(vhost, "s")
    events = ["%04d" % i + "x" * 1000 for i in range(330)]
    vhost.publish("s", events, exchange="")
    n = nginx(CONF.replace("reuseport;", "sndbuf=16k;").replace(
        "ess_subscribe;", "ess_subscribe; ess_slow_client %s buffer=16k;"
        % policy).replace("size=16m", "size=64k").replace(
            "location /publish/", "location /metrics { ess_metrics; }\n"
            "location /publish/"), workers=1, amqp=vhost.url, idle="60s")
    api = Api(n.port(1))
    stream = api.create("s")
    with Clients([stream.location]), RawWS.of(
            replay(stream.location, stream_from_ordinal=0),
            rcvbuf=4096) as slow:
        slow.connect()
        # all that the broker is asked for waits for it
        assert select.select([slow.sock], [], [], 10)[0]
        wait_for(lambda: "\ness_amqp_replays 0\n" in api.request(
            "GET", "/metrics").body.decode())
        assert [slow.recv_event().payload.decode()
                for _ in events] == events
        vhost.publish("s", "live", exchange="")
        assert slow.recv_event().payload == b"live"


SOURCES = {"stream": "", "exchange": "event-streams"}


@pytest.mark.parametrize("source_", SOURCES)
def test_too_large_events(vhost, service, source_):
    """They are a gap: live, from the log and from the broker."""

    def expect(events):
        assert [e.type for e in events] == ["message", "gap", "message"] * 2
        for first, gap, second in events[:3], events[3:]:
            assert json.loads(gap.data) == {"from": ordinal_of(first) + 1,
                                            "to": ordinal_of(second) - 1}
            assert ordinal_of(second) == ordinal_of(first) + 3

    declare(vhost, "s")
    large = [b"x" * 1100000] * 2
    n, api = service(vhost, idle="1s")
    stream = api.create("s", source=source_)
    with source(n, stream) as s:
        for name in "a", "b":
            vhost.publish("s", [name, *large, name],
                          exchange=SOURCES[source_])
        expect(s.wait(6))
        expect(sse(n, stream, "?stream_from_ordinal=0", count=6))
    if source_ == "stream":
        n.wait_log('let go of RabbitMQ stream "s"')
        vhost.publish("s", range_(0, 1000), exchange="")
        expect(sse(n, stream, "?stream_from_ordinal=0", count=6))


def test_too_large_event_where_the_log_begins(vhost, service):
    """What the broker alone has ends with it."""

    n, api = service(vhost)
    for after in range(254, 259):
        name = "s%d" % after
        declare(vhost, name)
        vhost.publish(name, ["first", b"x" * 1100000] + range_(0, after),
                      exchange="")
        stream = api.create(name)
        with Clients([stream.location]):
            assert [(e.type, e.data) for e in sse(
                n, stream, "?stream_from_ordinal=0", count=3)] == [
                    ("message", "first"), ("gap", '{"from":2,"to":2}'),
                    ("message", "0")], after


def whole(items, first, last):
    """Of [ordinal] of an event and [from, to] of a gap: is each there, once
    and in order?  Fails when one can never be."""

    for item in items:
        assert item[0] == first, item
        first = item[-1] + 1
    return first == last + 1


def annotated(text):
    if text.startswith("{"):
        gap = json.loads(text)["ess_gap"]
        return [gap["from"], gap["to"]]
    return [int(text.split("|ordinal: ")[1].split("|")[0])]


@pytest.mark.parametrize("log", ["16m", "64k"])
@pytest.mark.parametrize("source_", SOURCES)
def test_gaps_of_those_who_fall_behind_or_catch_up(vhost, nginx, source_, log):
    """Every other event is too large.  Slow clients go on from the log, or
    from the broker, others come meanwhile; each event or its gap is there
    once."""

    def publish(*events):
        vhost.publish("s", events, exchange=SOURCES[source_])

    def evicted():
        """What slow clients still need."""
        nonlocal last
        publish("x" * 2000, "again")
        last += 2
        wait_for(lambda: api.get(stream)["last_ordinal"] == last)
        return api.get(stream)["first_ordinal"] > 600

    last = 1000
    declare(vhost, "s")
    n = nginx(CONF.replace("reuseport;", "reuseport sndbuf=8k;").replace(
        "ess_subscribe;", "ess_subscribe; ess_annotate on;"
        "ess_slow_client skip buffer=4k;").replace(
            "ess_log size=16m", "ess_max_event 1k; ess_log size=" + log),
              workers=2, amqp=vhost.url, idle="60s")
    api = Api(n.port(1))
    stream = api.create("s", source=source_)
    with Clients([stream.location] * 4) as clients, \
            contextlib.ExitStack() as stack:
        slow = [stack.enter_context(RawWS.of(stream.location, rcvbuf=4096))
                for _ in range(10)]
        for s in slow:
            s.connect()
        more = []
        for i in range(0, 1000, 100):
            publish(*["x" * 2000, "%d" % i + "y" * i] * 50)
            # who names an event that is to come has a gap without an end
            wait_for(lambda: api.get(stream)["last_ordinal"] >= i)
            more.append(stack.enter_context(Clients([
                replay(stream.location, stream_from_ordinal=i)])))
        if log == "64k":
            wait_for(lambda: api.get(stream)["last_ordinal"] == last)
            wait_for(evicted)
        for first, each in enumerate(more):
            wait_for(lambda: whole(map(annotated, each[0].messages),
                                   first * 100 + 1, last))
        for c in clients:
            wait_for(lambda: whole(map(annotated, c.messages), 1, last))
        for s in slow:
            items = []
            while not items or items[-1] != [last]:
                items.append(annotated(s.recv_event().payload.decode()))
            assert whole(items, 1, last)
            if source_ == "stream":
                assert len(items) == last


def test_replay_while_the_broker_restarts(own_broker, service):
    broker = own_broker()
    vhost = broker.vhost()
    declare(vhost, "s")
    vhost.publish("s", [b"%06d" % i + b"x" * 20000 for i in range(3000)],
                  exchange="")
    n, api = service(vhost)
    stream = api.create("s")
    with Clients([replay(stream.location, stream_from_ordinal=i * 100)
                  for i in range(10)]) as clients:
        wait_for(lambda: all(len(c.messages) > 5 for c in clients), 20)
        broker.stop_server()
        broker.start()
        for i, c in enumerate(clients.clients):
            wait_for(lambda: len(c.messages) >= 3000 - i * 100, 60)
            assert [int(m[:6]) for m in c.messages] == list(
                range(i * 100, 3000))


def test_more_replays_than_may_read_at_a_time(vhost, service):
    declare(vhost, "s")
    vhost.publish("s", range_(0, 1000), exchange="")
    n, api = service(vhost, workers=1)
    stream = api.create("s")
    with Clients([replay(stream.location, stream_from_ordinal=0)] * 200
                 ) as clients:
        clients.wait(1000, timeout=60)
        assert all(ints(c) == list(range(1000)) for c in clients)


def test_who_does_not_read_holds_up_nobody(vhost, nginx):
    """More of them than may read at a time."""

    declare(vhost, "s")
    size, events = 2000, 1000
    vhost.publish("s", ["%04d" % i + "x" * (size - 4) for i in range(events)],
                  exchange="")
    n = nginx(CONF.replace("reuseport", "sndbuf=16k"), workers=1,
              amqp=vhost.url, idle="60s")
    stream = Api(n.port(1)).create("s")
    url = replay(stream.location, stream_from_ordinal=0)
    with Clients([stream.location]):
        before = private_kb(n.workers())
        stalled = [RawWS.of(url, rcvbuf=4096) for _ in range(200)]
        try:
            for s in stalled:
                s.connect()
            with Clients([url] * 5) as clients:
                clients.wait(events, timeout=60)
                for c in clients:
                    assert [int(m[:4]) for m in c.messages
                            ] == list(range(events))
            # what is kept for each, and frames beside it
            assert flat(before, private_kb(n.workers()), 200 * 1500)
            got = stalled[0].recv_event().payload
            assert got.startswith(b"0000")
            for i in range(1, events):
                assert stalled[0].recv_event().payload[:4] == b"%04d" % i
        finally:
            for s in stalled:
                s.close()


def test_two_nginx_on_one_broker(vhost, service):
    """Ordinals and names of events are the same on both."""

    declare(vhost, "s")
    vhost.publish("s", range_(0, 500), exchange="")
    a, api_a = service(vhost)
    b, api_b = service(vhost)
    streams = api_a.create("s"), api_b.create("s")
    ids = [[e.id for e in sse(n, s, "?stream_from_ordinal=0",
                         count=500)]
           for n, s in zip((a, b), streams)]
    assert ids[0] == ids[1]
    e = sse(b, streams[1], Last_Event_ID=ids[0][250], count=249)
    assert [x.id for x in e] == ids[1][251:]
