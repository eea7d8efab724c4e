"""Clients of ess.v1, and publishers, that go too far.

Their server has nginx, api, the uuids of streams, and PATH.  Each abuse is a
list of context managers, within which it goes on in threads of the lowest
priority: on one machine their own work would be in what is measured."""

import contextlib
import itertools
import json
import os
import random
import select
import threading
import time

from api import Api
from bare_v1 import BareV1, answered, frame, until

PATH = "/many"

# as a client may have in one command
STREAMS = 256


def commands(s, less):
    """Far more than the rate."""

    pings = frame([{"id": i, "ping": 0} for i in range(256)])
    some = [{"stream": uuid} for uuid in s.streams[1:65]]
    uuids = [x["stream"] for x in some]
    join = frame([{"id": 1, "subscribe": some},
                  {"id": 2, "unsubscribe": uuids}] * 8)
    return [flood(s, itertools.cycle([pings, join]))]


def deep(s, less):
    """JSON of 64 levels, and of 10,000: commands, and publications to a stream
    with keys."""

    def nested(n):
        return b'{"id":1,"subscribe":' + b"[" * n + b"]" * n + b"}"

    frames = [frame(nested(60))] * 20 + [frame(nested(10000))]
    bodies = [b'{"k":%s}' % (b"[" * n + b"]" * n) for n in (60, 10000)]
    return [flood(s, itertools.cycle(frames)),
            publishing(s, "deep", itertools.cycle(bodies), 200)]


def in_turns(s, less):
    """4,096 subscriptions opened, and closed."""

    uuids = s.streams[1:]
    parts = [uuids[i:i + STREAMS] for i in range(0, len(uuids), STREAMS)]
    return [flood(s, itertools.cycle(
        [frame({"id": 1, "subscribe": [{"stream": u} for u in p]})
         for p in parts] + [frame({"id": 2, "unsubscribe": p})
                            for p in parts]))]


def keys(s, less):
    """Behind hold_keys().  A million keys of one stream are there; some go and come, and events
    of all come."""

    rnd = random.Random(1)
    many = less(1000000, 1000)

    def bodies():
        while True:
            yield b'{"k":"k%d"}' % rnd.randrange(many)

    uuid = s.keyed.uuid
    some = [{"stream": uuid, "keys": ["k%d" % i for i in range(1000)]}]
    return [publishing(s, "keyed", bodies(), 200), flood(s, paced(
        itertools.cycle([frame({"id": 1, "unsubscribe": some}),
                         frame({"id": 2, "subscribe": some})]), 10))]


def paced(all_, rate):
    for one in all_:
        time.sleep(1 / rate)
        yield one


@contextlib.contextmanager
def in_background(target):
    """target(stopped)"""

    stop = threading.Event()

    def run():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        target(stop.is_set)

    t = threading.Thread(target=run)
    t.start()
    try:
        yield
    finally:
        stop.set()
        t.join()


def flood(s, frames):
    """Sends them as fast as they are taken, and reads what comes; comes back
    when it is closed."""

    def run(stopped):
        while not stopped():
            with contextlib.suppress(ConnectionError):
                once(BareV1(s.nginx.port(0), PATH), stopped)

    def once(client, stopped):
        out = b""
        with contextlib.closing(client.sock) as sock:
            sock.setblocking(False)
            while not stopped():
                r, w, _ = select.select([sock], [sock], [], 0.1)
                if r and not sock.recv(1 << 18):
                    return
                if w:
                    out = out or next(frames)
                    out = out[sock.send(out):]

    return in_background(run)


def publishing(s, key, bodies, rate):

    def run(stopped):
        api = Api(s.nginx.port(1))
        begin, n = time.monotonic(), 0
        while not stopped():
            time.sleep(max(0, begin + n / rate - time.monotonic()))
            n += 1
            r = api.request("POST", "/publish/" + key, next(bodies))
            assert r.status == 202, r

    return in_background(run)


def hold(s, entries, clients):
    """So many clients with subscriptions, which stay."""

    held = [BareV1(s.nginx.port(0), PATH) for _ in range(clients)]
    for i, c in enumerate(held):
        c.send({"id": 1, "subscribe": entries(i)})
        until([c], answered)
        if b'"error"' in c.data:
            raise RuntimeError("refused: %s" % c.data[:300])
        c.data.clear()
    return held


def hold_keys(s, less):
    """A million, of a stream that others do not have."""

    s.keyed = s.api.create("keyed", key="json:/k")
    n = less(4000, 100)
    return hold(s, lambda i: [{"stream": s.keyed.uuid, "keys": [
        "k%d" % k for k in range(i * n, i * n + n)]}], less(250, 10))


def hold_streams(s, less):
    """All but the first of its streams, by each."""

    return hold(s, lambda i: [{"stream": u} for u in s.streams[1:]],
                less(1000, 10))


ABUSES = {"commands": commands, "deep JSON": deep,
          "4,096 in turns": in_turns}
