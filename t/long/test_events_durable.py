"""100,000 events of eight clients, in SQLite and in PostgreSQL, while workers
are killed and the database goes and comes: what was answered with success is
there once, and what was not may be sent again, and is there once then."""

import collections
import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import signal
import sqlite3
import threading
import time

import pytest

from events import Events, result
from postgres import OwnPostgres
from wait import wait_for

CONF = """
http {
    access_log off;
    ess_event_log audit %%PLACE%% id=event_id time=timestamp type=type;
    client_max_body_size 8m;
    server {
        listen %%PORT0%% reuseport;
        location /v1/events { ess_events audit; }
        location /strict    { ess_events audit strict; }
    }
}
"""

EVENTS = 100000
CLIENTS = 8
STEPS = 100         # at which something ends
SEED = int(os.environ.get("ESS_SEED") or time.time())


class Sqlite:
    """One nginx; its database is away when it is."""

    STOPS = "quit", "terminate", "kill"

    def __init__(self, nginx, tmp_path):
        self.nodes = [nginx(CONF, workers=3, place="%%DIR%%/log/audit.db")]

    def stop_and_start(self, how):
        n, = self.nodes
        if how == "kill":
            n.kill()
        else:
            n.stop(quit=how == "quit")
        n.start()

    def ids(self):
        """In the order of their numbers."""

        with contextlib.closing(sqlite3.connect(
                self.nodes[0].path("log/audit.db"))) as db:
            found = [r[0] for r in db.execute(
                "SELECT id FROM event ORDER BY seq")]
            assert db.execute("SELECT events FROM log").fetchone() == (
                len(found),)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return found

    def end(self):
        pass


class PostgreSQL:
    """Two nginx."""

    STOPS = "stop", "kill", "terminate", "backend"

    def __init__(self, nginx, tmp_path):
        self.server = OwnPostgres(tmp_path / "postgres").start()
        self.nodes = [nginx(CONF, workers=2, place=self.server.url)
                      for _ in range(2)]
        for n in self.nodes:
            n.expect("ess|event log")

    def stop_and_start(self, how):
        if how == "terminate":
            self.server.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'nginx%'")
        elif how == "backend":
            # all sessions end with it, and the server recovers
            pids = self.server.sql(
                "SELECT pid FROM pg_stat_activity "
                "WHERE application_name LIKE 'nginx%'").split()
            for pid in pids[:1]:
                os.kill(int(pid), signal.SIGKILL)
        else:
            getattr(self.server, how)()
            self.server.start()

    def ids(self):
        return wait_for(lambda: self.server.sql(
            "SELECT id FROM ess_event_audit ORDER BY seq")).split()

    def end(self):
        self.server.stop()


class Record:
    """What was sent, and what came of it."""

    def __init__(self):
        self.sent = {}                      # by id
        self.acked = []
        self.late = []                      # batches, for the end
        self.recent = collections.deque(maxlen=50)
        self.count = collections.Counter()

    def __str__(self):
        return ", ".join("%d %s" % (n, what)
                         for what, n in sorted(self.count.items()))


class Client:
    def __init__(self, number, nodes, record):
        self.number, self.record = number, record
        self.random = random.Random(SEED * CLIENTS + number)
        self.logs = [Events(n.port(), uri, again=False) for n in nodes
                     for uri in ("/v1/events", "/strict")]

    def event(self, n):
        at = self.random.randrange(10 ** 12)
        e = {"type": self.random.choice("abc"), "event_id": "%d-%d" % (
            self.number, n), "timestamp": time.strftime(
                "%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1000)),
            "text": "x" * self.random.choice((0, 20, 200, 2000))}
        self.record.sent[e["event_id"]] = e
        return e

    def ask(self, batch):
        """None: nobody knows, or nothing was done."""

        log, answer = self.random.choice(self.logs), None
        try:
            answer = log.post(batch)
        except (OSError, http.client.HTTPException):
            log.close()
            self.record.count["requests cut"] += 1
        if answer and answer.status != 503:
            return answer
        self.record.count["requests with 503"] += answer is not None
        time.sleep(0.02)
        return None

    def post(self, batch):
        """True: all of it is there."""

        answer = self.ask(batch)
        if answer is None:
            return False
        assert answer.status == 200, answer
        assert answer.json() == [result(e["event_id"]) for e in batch]
        return True

    def run(self):
        record, n = self.record, 0
        while n < EVENTS // CLIENTS:
            size = min(self.random.choice((1, 1, 5, 10, 50, 100)),
                       EVENTS // CLIENTS - n)
            batch = [self.event(n + i) for i in range(size)]
            n += size
            if self.acked(batch):
                record.recent.append(batch)
            self.disturb()
        for log in self.logs:
            log.close()

    def acked(self, batch):
        while not self.post(batch):
            if self.random.random() < .1:
                self.record.late.append(batch)
                return False
            self.record.count["requests repeated"] += 1
        self.record.acked += [e["event_id"] for e in batch]
        return True

    def disturb(self):
        """What is there, of anybody's, again; and another with its id."""

        if self.record.recent and self.random.random() < .1:
            batch = self.random.choice(list(self.record.recent))
            if self.post(batch):
                self.record.count["batches sent again"] += 1
        if self.record.recent and self.random.random() < .05:
            e = self.random.choice(list(self.record.recent))[0]
            answer = self.ask([dict(e, text="another")])
            if answer:
                assert [r["error"] for r in answer.json()] == [
                    "duplicate_event_id"], answer
                self.record.count["duplicates refused"] += 1


def pages(node):
    """All events, by cursor."""

    log, found, path = Events(node.port()), [], "?size=1000&from=0"
    while path:
        answer = wait_for(lambda: [a for a in [log.get(path)]
                                   if a.status != 503])[0]
        assert answer.status == 200, answer
        page = answer.json()
        found += page["events"]
        path = page["next"] and "?size=1000&after=" + page["next"]
    log.close()
    return found


def end_something(database, step, r, count):
    node = r.choice(database.nodes)
    if step % 5 == 4:
        how = database.STOPS[step // 5 % len(database.STOPS)]
        database.stop_and_start(how)
        count["times \"%s\"" % how] += 1
    elif step % 5 == 3:
        # all of them at once
        for pid in node.workers():
            node.killed.add(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            count["workers killed"] += 1
        wait_for(lambda: len(node.workers()) == node.workers_wanted, 20)
    else:
        node.kill_worker(r.choice(wait_for(node.workers)))
        count["workers killed"] += 1


@pytest.mark.seconds(1800)
@pytest.mark.parametrize("of", [Sqlite, PostgreSQL],
                         ids=["sqlite", "postgresql"])
def test_nothing_is_lost_or_doubled(nginx, tmp_path, of):
    print("\nESS_SEED=%d" % SEED)
    database, record = of(nginx, tmp_path), Record()
    try:
        run(database, record)
    finally:
        database.end()


def run(database, record):
    r, begin = random.Random(SEED), time.monotonic()
    clients = [Client(i, database.nodes, record) for i in range(CLIENTS)]
    pool = concurrent.futures.ThreadPoolExecutor(CLIENTS)
    running = [pool.submit(c.run) for c in clients]

    def ended():
        return [f for f in running if f.done()]

    for step in range(STEPS):
        # what is late at the end has no answer yet
        wait_for(lambda: len(record.acked) > EVENTS * .9 * step / STEPS
                 or ended(), 120, "inserts")
        for f in ended():
            f.result()
        end_something(database, step, r, record.count)
    pool.shutdown()
    for f in running:
        f.result()
    seconds = time.monotonic() - begin
    record.count["batches late"] = len(record.late)

    # what was answered is there once, and nothing that nobody sent
    there = database.ids()
    late = {e["event_id"] for batch in record.late for e in batch}
    assert len(record.acked) + len(late) == EVENTS
    assert len(there) == len(set(there))
    assert set(there) <= set(record.sent)
    assert set(record.acked) <= set(there)
    # all or nothing of what was not answered
    found = set(there)
    for batch in record.late:
        n = sum(e["event_id"] in found for e in batch)
        assert n in (0, len(batch)), batch
        record.count["batches late, but stored"] += n > 0

    # sent again, all of it is there once
    for batch in record.late:
        wait_for(lambda: clients[0].post(batch), 60)
    there = database.ids()
    assert len(there) == EVENTS
    assert set(there) == set(record.sent)
    for node in database.nodes:
        found = pages(node)
        assert [e["event_id"] for e in found] == there
        assert all(record.sent[e["event_id"]] == e for e in found)
        assert Events(node.port()).page("?from=0&size=1")["total"] == EVENTS
    print("%d events in %.0f s: %s" % (EVENTS, seconds, record))
