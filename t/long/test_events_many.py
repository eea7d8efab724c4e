"""Ten million events in a SQLite file (ESS_EVENTS: another number): pages cost
what they do of ten thousand, nginx's memory is flat, and what keep= and
keep_size= remove holds up neither inserts nor followers.  The first ones are
put in by SQL, the last 100,000 through nginx."""

import base64
import contextlib
import json
import os
import sqlite3
import struct
import threading
import time

import pytest

from events import Events
from load import cpu, settle
from memory import flat, private_kb
from sse import EventSource
from wait import slower, wait_for

EVENTS = int(os.environ.get("ESS_EVENTS") or 10000000)
FEW = 10000
LAST = 100000
CLIENTS = 8
BASE = 1704067200000        # the first one's time, ms

CONF = """
http {
    access_log off;
    ess_zone      streams 32m;
    ess_log       size=16m;
    ess_event_log many %%DIR%%/many.db id=id time=time type=type %%KEEP%%;
    ess_event_log few  %%DIR%%/few.db  id=id time=time type=type;
    ess_stream    many source=event_log;

    server {
        listen 127.0.0.1:%%PORT0%%;
        keepalive_requests 100000000;
        client_max_body_size 8m;
        location /many   { ess_events many; }
        location /few    { ess_events few; }
        location /follow { ess_subscribe name=many public; }
    }
}
"""

FILL = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -500000;
DROP INDEX event_type;
DROP INDEX event_time;
DROP INDEX event_type_time;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n})
INSERT INTO event (seq, id, type, time, received, body, hash)
SELECT i, printf('f_%09d', i), printf('type%d', i % 10), {base} + i, {base} + i,
       printf('{{"id":"f_%09d","type":"type%d","text":"{text}"}}', i, i % 10),
       zeroblob(16) FROM n;
INSERT INTO type (name, events) SELECT type, count(*) FROM event GROUP BY type;
UPDATE log SET events = {n};
COMMIT;
CREATE INDEX event_type ON event (type);
CREATE INDEX event_time ON event (time);
CREATE INDEX event_type_time ON event (type, time);
"""


def fill(path, n):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(FILL.format(n=n, base=BASE, text="x" * 60))


def cursor(seq):
    return base64.urlsafe_b64encode(struct.pack(
        ">BQQ", 1, seq, BASE + seq)).decode().rstrip("=")


def event(number):
    return {"id": "n_%d" % number, "type": "type%d" % (number % 10),
            "time": "2026-01-01T00:00:00Z", "text": "y" * 60}


class Inserts:
    """Of clients, each with a connection, until all are in, or until stop()."""

    numbers = 0

    def __init__(self, port, batch, most=None, pause=0):
        self.port, self.batch, self.most = port, batch, most
        self.pause = pause
        self.lock = threading.Lock()
        self.first = self.next = Inserts.numbers
        self.times, self.wrong = [], []
        self.stopped = False
        self.begin = time.monotonic()
        self.threads = [threading.Thread(target=self._run)
                        for _ in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def _run(self):
        log = Events(self.port, "/many")
        while not self.stopped:
            with self.lock:
                n = self.next
                if self.most and n >= self.first + self.most:
                    break
                self.next += self.batch
            begin = time.monotonic()
            answer = log.post([event(n + i) for i in range(self.batch)])
            self.times.append(time.monotonic() - begin)
            if answer.status != 200 or b"false" in answer.body:
                self.wrong.append(repr(answer))
            time.sleep(self.pause)
        log.close()

    def wait(self):
        for t in self.threads:
            t.join()
        self.seconds = time.monotonic() - self.begin
        Inserts.numbers = self.next
        assert not self.wrong, self.wrong[:3]
        return self.next - self.first

    def stop(self):
        self.stopped = True
        return self.wait()


def pages(nginx, log, path, n=300):
    """ms, and ms of nginx's CPU, of a request."""

    pids = nginx.workers()
    log.page(path)
    settle(pids)
    used, begin = cpu(pids), time.monotonic()
    for _ in range(n):
        answer = log.get(path)
        assert answer.status == 200 and len(answer.json()["events"]) == 100
    return ((time.monotonic() - begin) / n * 1e3,
            (cpu(pids) - used) / n * 1e3)


def count(log):
    return log.page("?from=0&size=1")["total"]


@pytest.mark.seconds(3600)
def test_ten_million(nginx):
    n = nginx(CONF, workers=2, keep="")
    n.stop()
    begin = time.monotonic()
    fill(n.path("many.db"), EVENTS - LAST)
    fill(n.path("few.db"), FEW)
    print("\n%d events by SQL in %.0f s" % (EVENTS - LAST,
                                            time.monotonic() - begin))
    n.start()
    many, few = Events(n.port(), "/many"), Events(n.port(), "/few")

    # the first of them warm up what is measured
    Inserts(n.port(), 1000, CLIENTS * 1000).wait()
    before = private_kb(n.workers())
    inserts = Inserts(n.port(), 1000, LAST)
    inserts.wait()
    print("%d more through nginx: %.0f a second, an insert of 1,000 %.0f ms, "
          "the longest %.0f ms" % (
              LAST, LAST / inserts.seconds,
              1e3 * sum(inserts.times) / len(inserts.times),
              1e3 * max(inserts.times)))
    found = {}
    for name, log, at in (
            ("few", few, FEW // 2), ("begin", many, 0),
            ("middle", many, EVENTS // 2), ("end", many, EVENTS - 1000)):
        found[name] = pages(n, log, "?size=100&after=" + cursor(at))
        print("a page of 100, %s: %.2f ms, CPU %.3f ms" % (name, *found[name]))
    for name in "begin", "middle", "end":
        assert found[name][1] < 3 * found["few"][1] + 0.1, found
    assert flat(before, private_kb(n.workers()), 16384)

    kept(n, "keep=1h")
    size = os.stat(n.path("many.db")).st_size
    kept(n, "keep_size=%dm" % (size // 2 // 1048576))


def kept(n, keep):
    """All but the newest is older than an hour, or the file too large."""

    n.write_conf(CONF.replace("%%KEEP%%", keep))
    before = count(Events(n.port(), "/many"))
    n.reload()
    with EventSource("http://127.0.0.1:%d/follow" % n.port()) as follower:
        inserts = Inserts(n.port(), 20, pause=0.1)
        time.sleep(20)
        stored = inserts.stop()
        wanted = ["n_%d" % i for i in range(inserts.first, inserts.next)]

        def got():
            return [json.loads(data)["id"] for data in follower.data]

        wait_for(lambda: len(follower.events) >= stored, 60, interval=1)
        assert sorted(got()) == sorted(wanted)

    removed = before + stored - count(Events(n.port(), "/many"))
    times = sorted(inserts.times)
    print("%s: %d removed in 20 s, beside %d inserts of 20: 99 %% within "
          "%.0f ms, the longest %.0f ms" % (
              keep, removed, len(times), 1e3 * times[len(times) * 99 // 100],
              1e3 * times[-1]))
    assert removed >= 10000
    assert times[-1] < 2 * slower()
