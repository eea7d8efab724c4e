"""What a log in SQLite promises: what was answered is there once, whatever dies
meanwhile, and a database that fails is told of and comes back."""

import concurrent.futures
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading

import pytest

from disk import fill
from events import Events, event, result
from wait import wait_for

CONF = """
http {
    ess_event_log audit %%DIR%%/log/audit.db id=event_id time=timestamp
                  type=type;
    server {
        listen %%PORT0%% reuseport;
        location /v1/events { ess_events audit; }
        location /strict { ess_events audit strict; }
        location = /metrics { ess_metrics; }
        location = /health { ess_health; }
    }
}
"""

CLIENTS = 8
KILLS = 6


def path(server):
    return server.path(os.path.join("log", "audit.db"))


def figures(server):
    answer = Events(server.port(), "/metrics").get("?format=json")
    return answer.json()


def insert_until(server, client, stop, acked, lost):
    """Each batch until it is answered: what was lost on its way comes again."""

    events, n = Events(server.port()), 0
    while not stop.is_set():
        batch = [event(client * 1000000 + n + i) for i in range(5)]
        n += 5
        while True:
            try:
                answer = events.post(batch)
            except (OSError, http.client.HTTPException):
                lost.append(n)
                events.close()
                continue
            if answer.status == 200:
                break
            assert answer.status == 503, answer
        assert answer.json() == [result(e["event_id"]) for e in batch]
        acked.extend(e["event_id"] for e in batch)


def test_workers_are_killed_while_clients_insert(nginx):
    server = nginx(CONF, workers=3)
    acked, lost, stop = [], [], threading.Event()
    pool = concurrent.futures.ThreadPoolExecutor(CLIENTS)
    inserting = [pool.submit(insert_until, server, i, stop, acked, lost)
                 for i in range(CLIENTS)]
    try:
        for _ in range(KILLS):
            before = len(acked)
            wait_for(lambda: len(acked) > before + 100)
            server.kill_worker()
    finally:
        stop.set()
        pool.shutdown()
    for i in inserting:
        i.result()
    assert len(acked) > KILLS * 100
    with sqlite3.connect(path(server)) as db:
        there = [r[0] for r in db.execute("SELECT id FROM event ORDER BY seq")]
        assert db.execute("SELECT events FROM log").fetchone() == (len(there),)
        assert db.execute("SELECT sum(events) FROM type").fetchone() == (
            len(there),)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(there) == len(set(there))
    assert set(acked) <= set(there)
    # the pages say the same, in that order
    events, seen, cursor = Events(server.port()), [], ""
    while cursor is not None:
        page = events.page("?size=1000&from=0" if not cursor
                           else "?size=1000&after=%s" % cursor)
        seen += [e["event_id"] for e in page["events"]]
        cursor = page.get("next")
    assert seen == there


def test_a_locked_database(nginx):
    server = nginx(CONF, workers=2)
    events = Events(server.port())
    assert events.post([event(1)]).status == 200
    db = sqlite3.connect(path(server), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    answer = events.post([event(2)])
    assert answer.status == 503 and "Retry-After" in answer.headers
    # who reads is not held up
    assert events.page("?size=10") == [event(1)]
    server.expect("inserts failed|its upkeep failed")
    health = Events(server.port(), "/health")
    wait_for(lambda: health.get().status == 503, 20)
    assert 'event log \\"audit\\" has no database: sqlite: database is locked' \
        in health.get().body.decode()
    assert figures(server)["event_log_up"] == {"audit": 0}
    assert figures(server)["event_log_inserts_total"]["audit"][
        "unavailable"] == 1
    db.execute("COMMIT")
    wait_for(lambda: events.post([event(2)]).status == 200)
    wait_for(lambda: health.get().status == 200, 20)
    server.wait_log("takes events again")
    assert [e["event_id"] for e in events.page("?size=10")] == ["e_1", "e_2"]


def test_a_file_that_is_away(nginx):
    server = nginx(CONF, workers=2)
    events = Events(server.port())
    assert events.post([event(1)]).status == 200
    os.rename(path(server), path(server) + ".away")
    answer = events.post([event(2)])
    assert answer.status == 503, answer
    assert events.get("?size=1").status == 503
    server.expect("unable to open database file|disk I/O error")
    os.rename(path(server) + ".away", path(server))
    wait_for(lambda: events.post([event(2)]).status == 200, 10)
    assert events.page("?size=10") == [event(1), event(2)]


def test_figures(nginx):
    server = nginx(CONF, workers=2)
    events = Events(server.port())
    assert figures(server)["event_log_inserts_total"]["audit"] == dict.fromkeys(
        ("stored", "same", "duplicate", "invalid", "undone", "unavailable"), 0)
    events.post([event(i) for i in range(10)])
    events.post([event(0), event(1, more=1), {"event_id": 1}])
    # all or none: that of which one is a duplicate takes two with it
    strict = Events(server.port(), "/strict")
    assert strict.post([event(20), event(21), event(1, more=1)]).status == 422
    events.page("?size=5")
    f = figures(server)
    assert f["event_log_inserts_total"]["audit"] == {
        "stored": 10, "same": 1, "duplicate": 2, "invalid": 1, "undone": 2,
        "unavailable": 0}
    assert f["event_log_up"] == {"audit": 1}
    assert f["event_log_info"] == {"audit": "sqlite"}
    seconds = f["event_log_seconds"]["audit"]
    assert seconds["insert"]["count"] == 3 and seconds["query"]["count"] == 1
    wait_for(lambda: figures(server)["event_log_events"] == {"audit": 10},
             15)
    wait_for(lambda: figures(server)["event_log_bytes"]["audit"]
             >= os.stat(path(server)).st_size > 0, 15)
    # a reload keeps them
    server.reload()
    assert figures(server)["event_log_inserts_total"]["audit"]["stored"] == 10


def test_full_disk(nginx, disk):
    server = nginx(CONF.replace("%%DIR%%/log", disk), workers=2)
    server.expect("inserts failed|its upkeep failed")
    events = Events(server.port())
    assert events.post([event(1)]).status == 200
    fill(disk + "/filler")
    stored = ["e_1"]

    def one_more():
        """There may be room left in SQLite's files."""

        n = len(stored) + 1
        answer = events.post([event(n, text="x" * 500)])
        if answer.status == 200:
            stored.append("e_%d" % n)
            return None
        assert answer.status == 503, answer
        return n

    wait_for(one_more, 15)
    server.wait_log("inserts failed.*database or disk is full")
    health = Events(server.port(), "/health")
    # as long as they do: what is smaller may still fit
    wait_for(lambda: one_more() and health.get().status == 503, 15)
    i = len(stored) + 1
    # what is there is read
    assert [e["event_id"] for e in events.page("?size=1000")] == stored[:1000]
    os.unlink(disk + "/filler")
    wait_for(lambda: events.post([event(i, text="x" * 500)]).status == 200)
    assert events.get("/e_%d" % i).status == 200
    wait_for(lambda: health.get().status == 200, 15)


def test_a_mount_that_became_read_only(nginx, disk):
    server = nginx(CONF.replace("%%DIR%%/log", disk), workers=2)
    server.expect("inserts failed|its upkeep failed|Read-only file system")
    events = Events(server.port())
    assert events.post([event(1)]).status == 200

    def mount(how):
        return subprocess.run(["mount", "-o", "remount," + how, disk],
                              capture_output=True).returncode == 0

    # it is refused while files are open for writing
    if not mount("ro"):
        server.stop()
        assert mount("ro")
        p = server.test()
        assert p[0] != 0 and "Read-only file system" in p[1]
        assert mount("rw")
        server.start()
        events = Events(server.port())
    else:
        assert events.post([event(2)]).status == 503
        assert mount("rw")
    wait_for(lambda: events.post([event(2)]).status == 200)
    assert events.page("?size=10") == [event(1), event(2)]


class Trace:
    """Of a process: what it writes and syncs, and "done()" of a worker."""

    LINES = re.compile(
        r"(?P<call>pwrite64|fsync|fdatasync)\(\d+<[^>]*-wal>.*"
        r"|writev?\(\d+<(?:TCP|socket):.*HTTP/1.1 200.*"
        r"|<\.\.\. (?P<rest>pwrite64|fsync|fdatasync) resumed>.*")

    def __init__(self, pid, path):
        self.path = path
        self.process = subprocess.Popen(
            ["strace", "-f", "-y", "-e",
             "trace=fsync,fdatasync,pwrite64,write,writev", "-o", path, "-p",
             str(pid)], stderr=subprocess.PIPE, text=True)
        first = self.process.stderr.readline()
        if "attached" not in first:
            self.end()
            pytest.skip("strace is refused: " + first)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.process.stderr.close()

    def synced(self):
        """Paths, in their order."""

        self.end()
        with open(self.path) as f:
            return re.findall(r" f(?:data)?sync\(\d+<([^>]*)>", f.read())

    def done(self):
        """"write" and "sync" of the log's WAL, and "answer", each when it is
        done, in their order."""

        self.end()
        found, unfinished = [], {}
        with open(self.path) as f:
            for line in f:
                pid, text = line.split(None, 1)
                m = self.LINES.match(text)
                if m and m["rest"]:
                    # of which file, the line before has said
                    if unfinished.pop(pid, False):
                        found.append(self.name(m["rest"]))
                elif m and text.rstrip().endswith("<unfinished ...>"):
                    unfinished[pid] = True
                elif m:
                    found.append(self.name(m["call"]))
        return found

    @staticmethod
    def name(call):
        return {"pwrite64": "write", None: "answer"}.get(call, "sync")


@pytest.fixture
def trace(tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    return lambda pid: Trace(pid, str(tmp_path / "trace"))


def syncs(done):
    """Of transactions: that of a WAL's header, when the file begins anew, has
    two writes before it, or fewer."""

    found = writes = 0
    for what in done:
        found += what == "sync" and writes > 2
        writes = writes + 1 if what == "write" else 0
    return found


@pytest.mark.parametrize("sync", ["full", "normal"])
def test_syncs(nginx, trace, sync):
    """With sync=full no insert is answered before it was synced, once; one at
    a time, so each is a transaction of its own."""

    server = nginx(CONF.replace("type=type", "type=type sync=" + sync),
                   workers=1)
    events = Events(server.port())
    assert events.post([event(0)]).status == 200
    t = trace(server.workers()[0])
    for i in range(1, 21):
        assert events.post([event(i), event(100 + i)]).status == 200
    done = t.done()
    assert done.count("answer") == 20
    last = None
    for what in done:
        if what == "answer":
            assert last == ("sync" if sync == "full" else "write"), done
        last = what
    assert syncs(done) == (20 if sync == "full" else 0), done


def test_syncs_of_a_new_folder(nginx, trace):
    """It is there as surely as the file in it."""

    server = nginx("http { server { listen %%PORT0%%; } }", workers=1)
    server.write_conf(CONF)
    t = trace(server.master())
    server.reload()
    synced = t.synced()
    assert server.folder in synced
    assert os.path.dirname(path(server)) in synced
    assert path(server) in synced


@pytest.mark.parametrize("sync", ["full", "normal"])
def test_syncs_of_groups(nginx, trace, sync):
    """What has come while a transaction was under way is one transaction, with
    one sync."""

    server = nginx(CONF.replace("type=type", "type=type sync=" + sync),
                   workers=1)
    assert Events(server.port()).post([event(0)]).status == 200
    numbers = itertools.count(1)

    def group():
        """What was done; False: the lock was held for longer than SQLite waits
        for it, which is two seconds."""

        clients = [http.client.HTTPConnection("127.0.0.1", server.port(),
                                              timeout=60) for _ in range(4)]
        t = trace(server.workers()[0])
        db = sqlite3.connect(path(server), isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        for client in clients:
            client.request("POST", "/v1/events", json.dumps(
                [event(next(numbers)) for _ in range(5)]))
        # the worker has what came before these
        for _ in range(3):
            figures(server)
        db.execute("COMMIT")
        db.close()
        statuses = [client.getresponse().status for client in clients]
        for client in clients:
            client.close()
        done = t.done()
        assert set(statuses) <= {200, 503}
        return statuses == [200] * 4 and done

    done = wait_for(group, 30)
    # those that came first, and then all others
    assert syncs(done) == (2 if sync == "full" else 0), done
    with sqlite3.connect(path(server)) as db:
        assert db.execute("SELECT count(*) FROM event").fetchone()[0] >= 21


def test_reloads_while_clients_insert(nginx):
    """A worker that is to leave answers first."""

    server = nginx(CONF, workers=2)
    acked, lost, stop = [], [], threading.Event()
    pool = concurrent.futures.ThreadPoolExecutor(4)
    inserting = [pool.submit(insert_until, server, i, stop, acked, lost)
                 for i in range(4)]
    try:
        for _ in range(3):
            before = len(acked)
            wait_for(lambda: len(acked) > before + 50)
            server.reload()
    finally:
        stop.set()
        pool.shutdown()
    for i in inserting:
        i.result()
    assert len(acked) == len(set(acked))
    with sqlite3.connect(path(server)) as db:
        there = {r[0] for r in db.execute("SELECT id FROM event")}
    assert set(acked) <= there


def test_keep_size(nginx):
    """No more goes than has to, however large events are."""

    server = nginx(CONF.replace("type=type", "type=type keep_size=1m"),
                   workers=2)
    events = Events(server.port())
    for at in range(0, 60, 10):
        assert events.post([dict(event(i), pad="x" * 60000)
                            for i in range(at, at + 10)]).status == 200
    wait_for(lambda: events.page("?from=0")["total"] < 20, 20)
    left = [e["event_id"] for e in events.page("?size=60")]
    assert len(left) > 8
    assert left == ["e_%d" % i for i in range(60 - len(left), 60)]


def test_keep(nginx):
    server = nginx(CONF.replace("type=type", "type=type keep=1s"), workers=2)
    events = Events(server.port())
    assert events.post([event(i) for i in range(20)]).status == 200
    # the last one stays
    wait_for(lambda: events.page("?size=20") == [event(19)], 20)
    assert events.page("?from=0")["total"] == 1
    # as if it were new
    assert events.post([event(1)]).json() == [result("e_1")]
