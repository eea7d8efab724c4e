"""Clients that misbehave: nobody else notices, memory stays flat, the log
says who it was."""

import contextlib
import os
import random
import socket

import pytest

from api import Api
from clients import (BINARY, CLOSE, PING, PONG, TEXT, Clients, RawWS,
                     build_frame)
from memory import flat, private_kb
from publisher import Publisher, gap, numbers
from wait import slower, wait_for

CONF = """
http {
    ess_zone        streams 64m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    ess_ping              0;
    client_header_timeout 3s;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ {
            ess_subscribe;
            add_header X-Worker $pid always;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

# so many that each worker has some
HEALTHY = 20


@pytest.fixture
def service(nginx, vhost):
    n = nginx(CONF, amqp=vhost.url)
    api = Api(n.port(1))
    # their descriptors are counted
    wait_for(lambda: n.log().count(" established, address") >= 2)
    return n, api, api.create("abc")


def on_each_worker(n, url, make, *args, **kwargs):
    """A connection to each worker, made by make(); which one it is, only
    the answer to its handshake tells."""

    found = {}
    while set(found) != set(n.workers()):
        c = make(url, *args, **kwargs)
        c.connect()
        other = found.setdefault(int(c.headers["x-worker"]), c)
        if other is not c:
            c.close()
    return list(found.values())


@contextlib.contextmanager
def undisturbed(n, vhost, stream, rate=500):
    """Clients on all workers that get every event meanwhile, soon, and
    nothing else."""

    with Clients([stream.location] * HEALTHY, library="both") as clients:
        assert ({int(c.response["X-Worker"]) for c in clients}
                == set(n.workers()))
        with Publisher(vhost, ["abc"], rate, properties=None) as publisher:
            clients.wait(1)
            yield clients
            count = publisher.stop()["abc"]
        clients.wait(count)
        for c in clients:
            assert not gap(c) and numbers(c)[0] == 1
            assert len(c.messages) == count and not c.closed
            # nobody waited for long
            assert max(b - a for a, b in zip(c.times, c.times[1:])
                       ) < 10 * slower()


def descriptors(n):
    return sum(len(os.listdir("/proc/%d/fd" % pid)) for pid in n.workers())


def subscribers(api, stream, n):
    wait_for(lambda: api.get(stream)["subscribers"] == n,
             what="%d subscribers" % n)


def of_info(n, pattern):
    """The log says it at info, with the client's address."""

    wait_for(lambda: [line for line in n.log().splitlines()
                      if pattern in line and "[info]" in line
                      and "client: 127.0.0.1" in line],
             what="%r in the log" % pattern)


class Lazy(RawWS):
    """Takes little from the network.  With a buffer of less than a few of the
    loopback's segments TCP would need minutes for what waits."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262144)


def test_client_that_stops_reading_is_closed_and_nobody_waits_for_it(
        service, vhost):
    n, api, stream = service
    body, burst, total = b"x" * 65536, 8, 200 * 1024 * 1024

    lazy = on_each_worker(n, stream.location, Lazy.of)
    healthy = on_each_worker(n, stream.location, RawWS.of)
    before = highest = sent = 0
    with vhost.connect() as connection:
        channel = connection.channel()
        while sent * len(body) < total:
            for _ in range(burst):
                channel.basic_publish("event-streams", "abc", body)
            sent += burst
            for c in healthy:
                for _ in range(burst):
                    assert c.recv_frame().payload == body
            highest = max(highest, private_kb(n.workers()))
            if sent == 10 * burst:
                # all buffers have been in use
                before = highest

    assert flat(before, highest, 4096)
    wait_for(lambda: n.log().count("client is too slow") == len(lazy))
    of_info(n, "client is too slow")

    # what waits in the sockets, then the close, or the end of it
    subscribers(api, stream, 2)
    for c in lazy:
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                frame = c.recv_frame()
                if frame.opcode == CLOSE:
                    assert frame.close_code == 1013
                    break
                assert frame.payload == body
    for c in lazy + healthy:
        c.close()
    subscribers(api, stream, 0)


def test_slow_client_that_reads_again_gets_1013(service, vhost):
    n, api, stream = service
    with Lazy.of(stream.location) as c:
        c.connect()
        with vhost.connect() as connection:
            channel = connection.channel()
            while "client is too slow" not in n.log():
                channel.basic_publish("event-streams", "abc", b"x" * 100000)
                connection.process_data_events(0)
        frame = c.recv_frame()
        while frame.opcode == TEXT:
            assert len(frame.payload) == 100000
            frame = c.recv_frame()
        assert frame.opcode == CLOSE and frame.close_code == 1013
        c.send_close(1013)
        c.recv_eof()


def test_client_slow_but_within_the_bound_gets_everything(service, vhost):
    n, api, stream = service
    with Lazy.of(stream.location) as c:
        c.connect()
        vhost.publish("abc", ["%d " % i + "x" * 5000 for i in range(150)])
        wait_for(lambda: api.get(stream)["last_ordinal"] == 150)
        for i in range(150):
            frame = c.recv_frame()
            assert frame.payload.startswith(b"%d x" % i)


def garbage(seed):
    rnd = random.Random(seed)
    return rnd.choice([
        lambda: rnd.randbytes(rnd.randrange(1, 3000)),
        lambda: b"\0" * rnd.randrange(1, 200000),
        lambda: b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * rnd.randrange(1, 500),
        lambda: build_frame(BINARY, rnd.randbytes(rnd.randrange(1, 70000))
                            ) * rnd.randrange(1, 20) + rnd.randbytes(50),
        lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
                + rnd.randbytes(512),
        lambda: build_frame(rnd.randrange(16), rnd.randbytes(100),
                            rnd.random() < 0.5, rnd.randrange(8)) * 100,
    ])()


def test_garbage_disturbs_nobody(service, vhost):
    n, api, stream = service
    with undisturbed(n, vhost, stream):
        for seed in range(400):
            with RawWS.of(stream.location) as c:
                if seed % 4:
                    c.connect()
                with contextlib.suppress(ConnectionError):
                    c.send(garbage(seed))
                if seed % 3:
                    c.reset()
        subscribers(api, stream, HEALTHY)
    of_info(n, "client broke the protocol")


def test_huge_frame_headers_take_no_memory(service, vhost):
    n, api, stream = service
    with undisturbed(n, vhost, stream):
        before = private_kb(n.workers())
        for length in [2 ** 30, 2 ** 40, 2 ** 63 - 1] * 20:
            with RawWS.of(stream.location) as c:
                c.connect()
                c.send(build_frame(BINARY, length=length))
                with contextlib.suppress(ConnectionError):
                    for _ in range(16):
                        c.send(b"x" * 65536)
                frame = c.recv_frame()
                while frame.opcode == TEXT:
                    frame = c.recv_frame()
                assert frame.close_code == 1009
        assert flat(before, private_kb(n.workers()), 2048)
        subscribers(api, stream, HEALTHY)
    of_info(n, "message is too big")


class Rude:
    """Ways to come and go; each is one connection."""

    def __init__(self, url):
        self.url = url
        self.ways = [self.reset_at_once, self.half_a_handshake,
                     self.handshake_and_reset, self.handshake_and_close,
                     self.close_after_101, self.reset_after_101,
                     self.garbage_after_101, self.half_a_frame,
                     self.amid_delivery, self.close_frame_and_reset]

    def run(self, count):
        for i in range(count):
            self.ways[i % len(self.ways)](RawWS.of(self.url))

    def reset_at_once(self, c):
        c.reset()

    def half_a_handshake(self, c):
        c.send(b"GET " + c.path.encode() + b" HTTP/1.1\r\nHost: a\r\nConn")
        c.reset()

    def handshake_and_reset(self, c):
        c.request()
        c.reset()

    def handshake_and_close(self, c):
        c.request()
        c.close()

    def close_after_101(self, c):
        c.connect()
        c.close()

    def reset_after_101(self, c):
        c.connect()
        c.reset()

    def garbage_after_101(self, c):
        c.connect()
        c.send(b"garbage!")
        c.close()

    def half_a_frame(self, c):
        c.connect()
        c.send(build_frame(TEXT, b"x" * 1000)[:500])
        c.reset()

    def amid_delivery(self, c):
        c.connect()
        c.recv(1)
        c.reset()

    def close_frame_and_reset(self, c):
        c.connect()
        c.send_close()
        c.reset()


@pytest.mark.seconds(180)
def test_ten_thousand_rude_clients_leave_nothing_behind(service, vhost):
    n, api, stream = service
    rude = Rude(stream.location)
    with undisturbed(n, vhost, stream, rate=200):
        open_before = descriptors(n)
        rude.run(2000)
        subscribers(api, stream, HEALTHY)
        before = private_kb(n.workers())
        rude.run(8000)
        subscribers(api, stream, HEALTHY)
        assert flat(before, private_kb(n.workers()), 2048)
        wait_for(lambda: descriptors(n) <= open_before,
                 what="the connections to be closed")
    subscribers(api, stream, 0)


def test_handshakes_that_never_end_disturb_nobody(service, vhost):
    n, api, stream = service
    with undisturbed(n, vhost, stream):
        slow = [RawWS.of(stream.location) for _ in range(60)]
        head = [b"GET %s HTTP/1.1\r\n" % c.path.encode() for c in slow]
        left = head[0]
        # one byte each, all the time, until nginx has had enough of it
        while left:
            for c in slow:
                # which may have been the case amid the line
                with contextlib.suppress(ConnectionError):
                    c.send(left[:1])
            left = left[1:]
        for c in slow:
            c.sock.settimeout(20 * slower())
            with contextlib.suppress(ConnectionError):
                data = c.sock.recv(1000)
                assert data == b"" or b" 408 " in data
            c.close()
        subscribers(api, stream, HEALTHY)


def test_handshake_and_frames_byte_by_byte_still_work_meanwhile(service,
                                                                vhost):
    n, api, stream = service
    with undisturbed(n, vhost, stream):
        for _ in range(20):
            with RawWS.of(stream.location) as c:
                send, c.send = c.send, lambda data: [
                    send(data[i:i + 1]) for i in range(len(data))]
                c.connect()
                assert c.recv_frame().payload.startswith(b"abc ")


# clients that send much

RATE = CONF.replace("ess_ping              0;",
                    "ess_ping 1s 5s; ess_client_rate messages=20;").replace(
    "location /event-stream/ { ess_api; }",
    "location /event-stream/ { ess_api; }\n"
    "location = /metrics { ess_metrics; }")


def fast(api, action):
    return api.figures()['ess_fast_subscribers_total{action="%s"}' % action]


@pytest.fixture
def rated(nginx, vhost):
    n = nginx(RATE, amqp=vhost.url)
    api = Api(n.port(1))
    return n, api, api.create("abc")


def pings(ws, first, count):
    ws.send(b"".join(build_frame(PING, b"%d" % i)
                     for i in range(first, first + count)))


def ponged(ws, number):
    """Until the answer to that ping, or later, comes."""

    while True:
        frame = ws.recv_frame()
        if frame.opcode == PING:
            ws.send_frame(PONG, frame.payload)
        elif frame.opcode == CLOSE:
            return frame.close_code
        elif frame.opcode == PONG and int(frame.payload) >= number:
            return None


def test_client_that_sends_a_burst_is_paused_and_stays(rated, vhost):
    n, api, stream = rated
    with RawWS.of(stream.location) as c:
        c.connect()
        pings(c, 0, 190)
        assert ponged(c, 189) is None
        assert fast(api, "paused") == 0
        # far more than what time gives back until then
        pings(c, 190, 200)
        wait_for(lambda: fast(api, "paused") == 1, what="the pause")
        # it gets events meanwhile, and is no silent client
        vhost.publish("abc", "event")
        while c.recv_frame().payload != b"event":
            pass
        pings(c, 390, 1)
        assert ponged(c, 390) is None
    assert (fast(api, "paused"), fast(api, "closed")) == (1, 0)


@pytest.mark.parametrize("kind", ["messages", "bytes", "event stream"])
def test_client_that_goes_on_is_closed(rated, vhost, kind):
    n, api, stream = rated
    with undisturbed(n, vhost, stream, rate=100), \
            RawWS.of(stream.location) as c:
        if kind == "event stream":
            c.request(Upgrade=None, Accept="text/event-stream")
            assert c.response() == 200
        else:
            c.connect()
        flood = (build_frame(PING, b"x") * 100 if kind == "messages" else
                 build_frame(BINARY, bytes(65535)) if kind == "bytes" else
                 bytes(65536))
        c.sock.setblocking(False)

        def flooding():
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while True:
                    c.sock.send(flood)
            return fast(api, "closed")

        wait_for(flooding, what="the end of its patience")
    of_info(n, 'client sends more than "ess_client_rate" allows')
    assert fast(api, "paused") >= 1


def test_close_code_of_a_client_that_goes_on(rated):
    n, api, stream = rated
    with RawWS.of(stream.location) as c:
        c.connect()
        pings(c, 0, 260)
        wait_for(lambda: fast(api, "paused") == 1, what="the pause")
        pings(c, 260, 180)
        assert ponged(c, 1000) == 1008
        assert fast(api, "closed") == 1
