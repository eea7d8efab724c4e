"""How long the zone's mutex is held, and by whom: what the test build of the
module keeps in the file that ESS_HOLDS_FILE names (fault/ngx_ess_zone_fault.h).

A hold's length is the CPU time of the thread that has the mutex, so that what
else the machine does meanwhile is not in it; two looks at that clock are."""

import os
import random
import socket
import struct
import subprocess
import threading
import time

from abuse import STREAMS, hold
from bare_v1 import until
from wait import wait_for

HOLDERS, BUCKETS = 256, 256
HOLDER = struct.Struct("QQQQ%dI" % BUCKETS)


class Holds:
    """The file: to be made before nginx is started."""

    def __init__(self, path, module):
        self.path, self.module = path, module
        with open(path, "wb") as f:
            f.truncate(HOLDERS * HOLDER.size)

    def _read(self):
        with open(self.path, "rb") as f:
            return [h for h in HOLDER.iter_unpack(f.read()) if h[1]]

    def clear(self):
        """Forgets what was; nobody may hold the mutex meanwhile."""

        with open(self.path, "r+b") as f:
            f.write(bytes(HOLDERS * HOLDER.size))

    def read(self):
        """The number of holds, their median and the longest, in us, and whose
        that was."""

        holders = self._read()
        spread = [sum(h[4 + i] for h in holders) for i in range(BUCKETS)]
        n, half = sum(spread), 0
        for i, count in enumerate(spread):
            half += count
            if half * 2 >= n:
                break
        for longest in sorted(holders, key=lambda h: -h[3]):
            who = self.name(longest[0])
            # only the test build looks at everything
            if who != "ngx_ess_zone_check":
                break
        return {"holds": n, "median_us": (1 << i // 4) * (4 + i % 4) / 4e3,
                "longest_us": longest[3] / 1e3}, who

    def name(self, where):
        """Of the function that called there."""

        return subprocess.run(
            ["addr2line", "-f", "-e", self.module, hex(where - 1)],
            capture_output=True, text=True, check=True).stdout.split()[0]


def events_of_one_key(s, less):
    """Each is appended to all of 5,000 streams."""

    streams = less(5000, 50)
    s.api.create_many(["of-one-key"] * streams)
    yield
    for i in range(less(200, 5)):
        r = s.api.request("POST", "/publish/of-one-key", body="x" * 200)
        assert r.status in (200, 202, 204), r


def searches(s, less, stamped):
    """By clients that come back, each to a place of its own in a log of 60,000
    events."""

    begin = int(time.time() * 1000)
    s.publish(events=less(60000, 600), size=40).wait()
    end = int(time.time() * 1000)
    uuid = s.streams[0]
    last = max(d["last_ordinal"] for d in s.api.list("?details=1"))
    yield

    def come(seed):
        rnd = random.Random(seed)
        for _ in range(less(250, 5)):
            query = ("stream_from_timestamp=%d" % rnd.randint(begin, end)
                     if stamped else
                     "stream_from_ordinal=%d" % rnd.randrange(last))
            with socket.create_connection(("127.0.0.1", s.nginx.port(0)),
                                          10) as c:
                c.sendall(("GET /event-stream/%s?%s HTTP/1.1\r\nHost: h\r\n"
                           "Accept: text/event-stream\r\n\r\n" % (
                               uuid, query)).encode())
                assert c.recv(4096).startswith(b"HTTP/1.1 200")

    clients = [threading.Thread(target=come, args=(i,)) for i in range(8)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()


def by_ordinal(s, less):
    return searches(s, less, stamped=False)


def by_timestamp(s, less):
    return searches(s, less, stamped=True)


def pages_of_gone_ids(s, less):
    """The list goes on behind streams that were deleted meanwhile: short holes,
    and one of 8,000 ids."""

    made = s.api.create_many(["k%d" % i for i in range(less(20000, 200))])
    some = len(made) // 10
    gone = made[some:some * 5] + made[some * 5::2]
    s.api.delete_many(gone)
    yield
    for stream in random.Random(1).sample(gone, less(1000, 20)):
        s.api.list("?limit=10&after=%d" % stream.id)


def lists(s, less):
    """All of 10,000 streams, and searches among them."""

    s.api.create_many(["k%d" % i for i in range(less(10000, 100))])
    yield
    for i in range(less(20, 2)):
        assert len(s.api.list("?limit=1000000")) > less(10000, 100)
        s.api.list("?details=1&limit=1000")
        s.api.list("?search=k%d" % (i * 37))
        assert s.api.request("GET", "/metrics").status == 200


def subscriptions(s, less):
    """A million, of 1,000 streams: they come, are in the way of events, and go:
    by commands, with their clients, and with their worker."""

    streams = s.api.create_many(["h%d" % i for i in range(less(1000, 20))])
    uuids = [x.uuid for x in streams]
    yield
    entries = [{"stream": u} for u in uuids]
    held = hold(s, lambda i: entries, less(1000, 10))
    for i in range(less(50, 2)):
        s.api.publish("h%d" % i, ["x"])
    until(held, lambda data: data.count(b'"text"') >= less(50, 2))
    for c in held[::3]:
        c.data.clear()
        for i in range(0, len(uuids), STREAMS):
            c.send({"id": 1, "unsubscribe": uuids[i:i + STREAMS]})
    until(held[::3], lambda data: data.count(b'"unsubscribed"')
          == -(-len(uuids) // STREAMS))
    for c in held[::3] + held[1::3]:
        c.close()
    s.nginx.kill_worker()
    wait_for(lambda: s.api.figures()["ess_subscriptions"] < len(uuids) * (
        len(held[2::3]) + 1), 30)
    for c in held[2::3]:
        c.close()
    wait_for(lambda: s.api.figures()["ess_subscriptions"] == 0, 30)


PARTS = {"5,000 streams of a key": events_of_one_key,
         "60,000, by ordinal": by_ordinal,
         "60,000, by timestamp": by_timestamp,
         "pages of gone ids": pages_of_gone_ids,
         "lists, searches": lists,
         "1,000,000 subscriptions": subscriptions}


def once(run, server, module, part, longest):
    """One nginx, one part; "longest" learns whose the longest hold was."""

    path = os.path.join(run.folder, "holds")
    holds = Holds(path, module)
    os.environ["ESS_HOLDS_FILE"] = path
    try:
        s = server(run, workers=2, broker=False, module=module)
    finally:
        del os.environ["ESS_HOLDS_FILE"]
    with s:
        steps = PARTS[part](s, run.less)
        next(steps)
        holds.clear()
        for _ in steps:
            pass
        figures, who = holds.read()
    longest.setdefault(part, []).append((figures["longest_us"], who))
    return figures
