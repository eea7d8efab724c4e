"""Replays of a RabbitMQ stream of a million events."""

import random
import statistics
import threading
import time

import pika
import pytest

from api import Api
from clients import RawWS
from load import Load, pss, publisher, settle
from memory import private_kb
from wait import wait_for

CONF = """
worker_rlimit_nofile 20000;
worker_shutdown_timeout 10s;
events { worker_connections 8192; }

http {
    access_log      off;
    ess_zone        streams 256m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=16m count=1000000 age=1h;
    ess_drain       1s;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport backlog=4096;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api source=stream; }
    }
}
"""

EVENTS = 1000000
RATE = 1000
LIVE = 100000
CLIENTS = 21


@pytest.fixture
def broker(own_broker):
    return own_broker()


@pytest.fixture
def vhost(broker):
    return broker.vhost()


def publish(vhost, events, **options):
    return publisher("amqp", port=vhost.port, vhost=vhost.name, exchange="",
                     keys="s", events=events, size=200, **options)


def reload(n, broker, s):
    n.reload()


def kill(n, broker, s):
    """All of them, one after the other: so the one that follows, too."""

    for pid in n.workers():
        n.kill_worker(pid)
        wait_for(lambda: Api(n.port(1)).get(s)["subscribers"] == CLIENTS, 60)


def restart(n, broker, s):
    broker.stop_server()
    broker.start()


@pytest.fixture
def stream(nginx, vhost):
    n = nginx(CONF, workers=3, amqp=vhost.url)
    api = Api(n.port(1))
    s = wait_for(lambda: api.try_create("s", declare=True))
    publish(vhost, EVENTS).wait()
    return n, (n.port(0), "/event-stream/" + s.uuid), s


@pytest.mark.seconds(900)
@pytest.mark.parametrize("disturbances", [
    [], [reload, kill, restart]], ids=["undisturbed", "disturbed"])
def test_from_anywhere(broker, vhost, stream, tmp_path, disturbances):
    """One client from the start, twenty from anywhere, to what is live."""

    n, url, s = stream
    first = [0] + [random.randrange(EVENTS) for _ in range(CLIENTS - 1)]
    live = LIVE // (1 + len(disturbances))
    last = EVENTS + LIVE
    load = Load(tmp_path, [url], CLIENTS, resume=1, until=last, pongs=1,
                first=",".join(map(str, first)), seconds=800)
    begin = time.monotonic()
    for i in range(1 + len(disturbances)):
        if i:
            disturbances[i - 1](n, broker, s)
            # what is not confirmed may be lost: it is published between
            wait_for(lambda: connected(vhost), 60)
        p = publish(vhost, live, rate=RATE, first=EVENTS + i * live)
        assert p.wait() == 0
    r = load.result()
    print("\n%s, %.0f s" % (r, time.monotonic() - begin))
    load.stop()
    assert r["complete"] == CLIENTS
    assert r["received"] == sum(last - f for f in first)
    assert (r["lost"], r["doubled"], r["broken"]) == (0, 0, 0)
    assert bool(r["resumed"]) == bool(disturbances)


def connected(vhost):
    try:
        with vhost.connect() as c:
            c.channel().queue_declare("s", passive=True)
        return True
    except (pika.exceptions.AMQPError, OSError):
        return False


class Slow(threading.Thread):
    """Reads so many events a second, each the one after that before."""

    def __init__(self, url, rate):
        super().__init__(daemon=True)
        self.ws = RawWS(*url, rcvbuf=4096)
        self.ws.connect()
        self.rate = rate
        self.stopped = threading.Event()
        self.error = None
        self.count = 0
        self.start()

    def run(self):
        try:
            while not self.stopped.wait(1 / self.rate):
                f = self.ws.recv_frame()
                if f.opcode == 10:
                    continue
                if f.opcode == 9:
                    self.ws.send_frame(10, f.payload)
                    continue
                assert int(f.payload[4:20], 16) == self.count
                self.count += 1
        except BaseException as e:
            self.error = e

    def stop(self):
        self.stopped.set()
        self.join()
        self.ws.close()
        assert self.error is None


class Others:
    """100 clients of what is live: how late it comes, in windows of half a
    minute, each with clients of its own."""

    RATE = 100
    SECONDS = 30

    def __init__(self, vhost, folder, url):
        self.vhost = vhost
        self.folder = folder
        self.url = url
        self.last = EVENTS

    def window(self):
        events = self.RATE * self.SECONDS
        load = Load(self.folder, [self.url], 100, resume=1, pongs=1,
                    first=",".join([str(self.last)] * 100),
                    expect=events, seconds=self.SECONDS + 60)
        p = publish(self.vhost, events, rate=self.RATE, first=self.last)
        r = load.result()
        load.stop()
        assert p.wait() == 0
        assert (r["complete"], r["lost"], r["doubled"]) == (100, 0, 0)
        self.last += events
        return r["p50"], r["p99"]

    def windows(self, n):
        return [self.window() for _ in range(n)]


def medians(windows):
    return [statistics.median(w) for w in zip(*windows)]


@pytest.mark.seconds(900)
def test_a_slow_one(broker, vhost, stream, tmp_path):
    """For five minutes: memory stays as it is, and others get theirs as they
    did before it came and do after it has left."""

    n, (port, path), _ = stream
    others = Others(vhost, tmp_path, (port, path))
    memory = []
    watch = threading.Event()

    def measure():
        while not watch.wait(5):
            memory.append((private_kb(n.workers()), pss([broker.beam]) / 1024))

    watcher = threading.Thread(target=measure, daemon=True)
    settle([broker.beam])
    watcher.start()
    others.window()
    alone = others.windows(4)
    slow = Slow((port, path + "?stream_from_ordinal=0"), 10)
    begin = time.monotonic()
    del memory[:]
    beside = others.windows(11)
    measured = list(memory)
    seconds = time.monotonic() - begin
    slow.stop()
    alone += others.windows(4)
    watch.set()
    watcher.join()
    print("\nslow: %d events in %.0f s; p50 and p99 in us: without it %s %s, "
          "with it %s %s; KiB of nginx and the broker: %s" % (
              slow.count, seconds, medians(alone), alone, medians(beside),
              beside, measured))
    assert slow.count > 0.9 * 10 * seconds
    # the first half minute is warming up
    for i, kb in (0, 2048), (1, 65536):
        then = [m[i] for m in measured[6:18]]
        assert max(m[i] for m in measured[18:]) < max(then) + kb
    for without, with_it in zip(medians(alone), medians(beside)):
        assert with_it < without * 1.25 + 1000
