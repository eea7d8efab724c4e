"""ess_max_memory: one bound for all that a worker keeps for its clients.  Who
lets go of an event in the middle gets the rest of it, byte for byte."""

import contextlib
import random

import pytest

from api import Api
from clients import CLOSE, PING, PONG, RawWS, inflate
from h2 import Http2
from memory import flat, private_kb
from sse import Parser
from wait import wait_for

CONF = """
http {
    ess_zone        streams 64m;
    %%AMQP%%
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_ping        0;
    ess_drain       %%DRAIN%%;
    ess_log         size=16m;
    ess_deflate     on;
    ess_max_memory  %%MEMORY%%;
    %%MORE%%

    server {
        listen 127.0.0.1:%%PORT0%% reuseport sndbuf=8k;
        location /event-stream/ { ess_subscribe; }
        location /annotated/ { ess_subscribe; ess_annotate on; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        client_max_body_size 2m;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /metrics { ess_metrics; }
    }

    server {
        listen 127.0.0.1:%%PORT2%% http2 sndbuf=8k;
        location /event-stream/ { ess_subscribe; }
    }
}
"""

HISTORY = "?stream_from_ordinal=0"
DEFLATE = {"Sec_WebSocket_Extensions": "permessage-deflate"}


def service(nginx, memory, workers=2, amqp="", drain="0", more=""):
    n = nginx(CONF, workers=workers, memory=memory, amqp=amqp, drain=drain,
              more=more)
    return n, Api(n.port(1))


def slow(api, action):
    return api.figures()['ess_slow_subscribers_total{action="%s"}' % action]


def kept(api):
    return api.figures()["ess_kept_bytes"]


def bodies(count, size=500000):
    """Text that gets shorter by half."""

    return ["%d " % i + random.Random(i).randbytes(size // 2).hex()
            for i in range(count)]


class WebSocket:

    def __init__(self, url, path="event-stream", **headers):
        self.ws = RawWS.of(url.replace("event-stream", path), rcvbuf=4096)
        self.ws.connect(**headers)

    def event(self):
        frame = self.ws.recv_event()
        payload = inflate(frame.payload) if frame.rsv else frame.payload
        return payload.decode()

    def close(self):
        self.ws.close()


class Sse:

    def __init__(self, url):
        self.ws = RawWS.of(url, rcvbuf=4096)
        self.ws.request(Upgrade=None, Connection=None,
                        Accept="text/event-stream")
        self.parser = None

    def chunk(self):
        size = b""
        while not size.endswith(b"\r\n"):
            size += self.ws.recv(1)
        data = self.ws.recv(int(size, 16))
        assert self.ws.recv(2) == b"\r\n"
        return data.decode()

    def event(self):
        if self.parser is None:
            assert self.ws.response() == 200
            self.parser = Parser()
        while not self.parser.events:
            self.parser.feed(self.chunk())
        return self.parser.events.pop(0).data

    def close(self):
        self.ws.close()


class Streams2:
    """Over HTTP/2: all on one connection, of which nothing is read."""

    def __init__(self, port, uuid, count):
        self.h2 = Http2(port, window=0)
        self.gets = [self.h2.get("/event-stream/%s%s" % (uuid, HISTORY))
                     for _ in range(count)]
        self.h2.wait(lambda: all(get.status for get in self.gets))

    def read(self, count):
        for get in self.gets:
            get.window_update(1 << 24)
        self.h2.wait(lambda: all(len(get.data) == count for get in self.gets),
                     60)
        return [get.data for get in self.gets]

    def close(self):
        self.h2.close()


def clients(stack, kind, n, stream, count):
    """With the whole history; none of them reads."""

    url = stream.location + HISTORY
    if kind == "http2":
        made = [Streams2(n.port(2), stream.uuid, count)]
    else:
        make = {"websocket": WebSocket, "sse": Sse}[kind]
        made = [make(url) for i in range(count)]
    for client in made:
        stack.callback(client.close)
    return made


@pytest.mark.parametrize("kind", ["websocket", "sse", "http2"])
def test_history_that_nobody_reads(nginx, kind):
    n, api = service(nginx, "4m")
    stream = api.create("abc")
    events = bodies(4)
    for event in events:
        api.publish("abc", [event])
    before = private_kb(n.workers())
    with contextlib.ExitStack() as stack:
        made = clients(stack, kind, n, stream, 60)
        wait_for(lambda: api.get(stream)["subscribers"] == 60)
        if kind != "http2":
            wait_for(lambda: slow(api, "reclaimed") > 0)
        # time passes: each has got what it gets
        for _ in range(20):
            assert kept(api) < 2 * (4 << 20) + 2 * 600000
        # beside them an event that each worker is reading, and two that
        # malloc() does not give back to the system
        wait_for(lambda: flat(before, private_kb(n.workers()),
                              2 * (4096 * 1.2 + 3 * 500) + 60 * 10))
        for client in made:
            got = (client.read(4) if kind == "http2"
                   else [[client.event() for _ in events]])
            assert all(one == events for one in got)
        assert slow(api, "closed") == 0
    wait_for(lambda: kept(api) == 0)


@pytest.mark.parametrize("path, headers", [
    ("event-stream", {}), ("annotated", {}), ("event-stream", DEFLATE),
    ("annotated", DEFLATE)])
def test_events_that_come_while_nobody_reads(nginx, path, headers):
    """Of what is encoded for all; each client of a stream of its own."""

    n, api = service(nginx, "1m")
    streams = api.create_many(["key-%d" % i for i in range(30)])
    events = bodies(6, 100000)
    with contextlib.ExitStack() as stack:
        made = [WebSocket(s.location, path, **headers) for s in streams]
        for client in made:
            stack.callback(client.close)
        for event in events:
            for i in range(30):
                api.publish("key-%d" % i, [event])
        wait_for(lambda: slow(api, "reclaimed") >= 20)
        assert kept(api) < 2 * (1 << 20) + 2 * 200000
        for client in made:
            for i, event in enumerate(events):
                got = client.event()
                assert got.startswith(event)
                assert ("|ordinal: %d|" % (i + 1) in got) == (
                    path == "annotated")
        assert slow(api, "closed") == 0
        api.publish("key-0", ["live"])
        assert made[0].event().startswith("live")


def test_live_client_is_left_alone_while_history_waits(nginx):
    n, api = service(nginx, "1m", workers=1)
    old, new = api.create("old"), api.create("new")
    for _ in range(40):
        api.publish("old", ["x" * 60000])
    with contextlib.ExitStack() as stack:
        clients(stack, "websocket", n, old, 40)
        live = WebSocket(new.location)
        stack.callback(live.close)
        for i in range(40):
            api.publish("new", ["%d " % i + "x" * 6000])
        assert slow(api, "closed") == 0
        for i in range(40):
            assert live.event().startswith("%d x" % i)


def crowded(stack, n, api, count=30):
    """Clients that have got an event in part, and let go of it."""

    stream = api.create("abc")
    events = bodies(2, 300000)
    for event in events:
        api.publish("abc", [event])
    made = clients(stack, "websocket", n, stream, count)
    wait_for(lambda: api.get(stream)["subscribers"] == count)
    wait_for(lambda: slow(api, "reclaimed") >= count - 8)
    return stream, events, made


def test_nothing_is_said_in_the_middle_of_an_event(nginx):
    n, api = service(nginx, "1m", workers=1, more="ess_client_rate off;")
    with contextlib.ExitStack() as stack:
        stream, events, made = crowded(stack, n, api)
        for client in made:
            client.ws.send_frame(PING, b"hello")
        for client in made:
            got, pongs = [], []
            while len(got) < len(events) or b"hello" not in pongs:
                f = client.ws.recv_frame()
                (pongs if f.opcode == PONG else got).append(f.payload)
            assert [payload.decode() for payload in got] == events
            assert set(pongs) <= {b"hello", b""}


def test_client_that_closes_in_the_middle_of_an_event(nginx):
    n, api = service(nginx, "1m", workers=1)
    with contextlib.ExitStack() as stack:
        stream, events, made = crowded(stack, n, api)
        for client in made:
            client.ws.send_close(1000)
        # of those that were let go of nothing is waited for
        wait_for(lambda: api.get(stream)["subscribers"] <= 8)


def test_drain_in_the_middle_of_an_event(nginx):
    """Who reads in time gets all of it and the close, nobody more than was
    sent."""

    n, api = service(nginx, "1m", drain="8s")
    with contextlib.ExitStack() as stack:
        stream, events, made = crowded(stack, n, api)
        n.reload()
        closed = 0
        for client in made:
            got = []
            with contextlib.suppress(EOFError, ConnectionError):
                while True:
                    frame = client.ws.recv_event()
                    if frame.opcode == CLOSE:
                        assert frame.close_code == 1012
                        closed += 1
                        break
                    got.append(frame.payload.decode())
            assert got == events[:len(got)]
        assert closed > 0


def evict(api, stream, ordinal):
    """Publishes until that event has left the log; what is younger than a
    second stays."""

    def gone():
        api.publish("abc", ["y" * 900000])
        return api.get(stream)["first_ordinal"] > ordinal

    wait_for(gone)


@pytest.mark.parametrize("policy", ["close", "skip"])
def test_rest_that_is_gone(nginx, policy):
    """It ends the client: half an event is worth nothing, and what follows
    would be taken for its rest."""

    n, api = service(nginx, "1m", workers=1,
                     more="ess_slow_client %s buffer=64m;" % policy)
    with contextlib.ExitStack() as stack:
        stream, events, made = crowded(stack, n, api)
        evict(api, stream, 2)
        ended = 0
        for client in made:
            got = []
            with contextlib.suppress(EOFError, ConnectionError):
                while len(got) < 10:
                    frame = client.ws.recv_event()
                    assert frame.opcode != CLOSE
                    got.append(frame.payload.decode())
            ended += len(got) < 10
            assert got[:1] in ([], events[:1])
        assert ended >= 20
        assert slow(api, "closed") == ended
    n.wait_log("what it has to get next is gone")


def test_live_client_that_let_go_misses_nothing_silently(nginx):
    """It is closed with 1013, as one that is over its own bound is."""

    n, api = service(nginx, "1m", workers=1)
    stream, other = api.create("abc"), api.create("other")
    with contextlib.ExitStack() as stack:
        live = WebSocket(stream.location)
        stack.callback(live.close)
        # what the socket does not take begins with a whole event
        for _ in range(8):
            api.publish("abc", ["x" * 1000] * 100)
        api.publish("other", ["x" * 1000000] * 2)
        clients(stack, "websocket", n, other, 4)
        wait_for(lambda: slow(api, "reclaimed") >= 4)
        evict(api, stream, 800)
        with contextlib.suppress(EOFError):
            while True:
                frame = live.ws.recv_event()
                if frame.opcode == CLOSE:
                    assert (frame.close_code, frame.close_reason) == (
                        1013, "Slow client")
                    break
                assert len(frame.payload) == 1000
    assert slow(api, "closed") == 1


def test_deleted_stream_gives_its_memory_back(nginx):
    n, api = service(nginx, "1m", workers=1)
    gone, other = api.create("gone"), api.create("other")
    with contextlib.ExitStack() as stack:
        made = [WebSocket(gone.location) for _ in range(3)]
        for client in made:
            stack.callback(client.close)
        for _ in range(8):
            api.publish("gone", ["x" * 100000])
        api.delete(gone)
        more = [WebSocket(other.location) for _ in range(3)]
        for client in more:
            stack.callback(client.close)
        for _ in range(30):
            api.publish("other", ["y" * 100000])
            assert kept(api) < (1 << 20) + 200000
        for client in more:
            for _ in range(30):
                assert client.event() == "y" * 100000


def test_history_from_the_broker_that_nobody_reads(nginx, vhost):
    with vhost.connect() as c:
        c.channel().queue_declare("s", durable=True,
                                  arguments={"x-queue-type": "stream"})
    events = bodies(12)
    vhost.publish("s", events, exchange="")
    n, api = service(nginx, "4m", amqp="ess_amqp %s;" % vhost.url)
    stream = api.create("s", source="stream")
    with contextlib.ExitStack() as stack:
        made = clients(stack, "websocket", n, stream, 30)
        wait_for(lambda: slow(api, "reclaimed") >= 20, 30)
        for _ in range(20):
            assert kept(api) < 2 * (4 << 20) + 4 * 600000
        for client in made:
            assert [client.event() for _ in events] == events
        assert slow(api, "closed") == 0
