"""The epoch of an event log is its database's: a client that comes back goes on
where it was, at whichever nginx, unless the database is another one."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess

import pytest

from events import Events
from held import HeldOpen
from sse import followed
from v1 import V1, Refused
from wait import freeze, wait_for

CONF = """
http {
    ess_zone      streams 16m;
    ess_log       count=%%COUNT%%;
    ess_event_log audit "%%PLACE%%" id=id;
    ess_event_log other "%%OTHER%%" id=id;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /v1/events { ess_events audit; }
        location /other     { ess_events other; }
    }
}
"""

EXCHANGED = "has the epoch .* it is another one"


class Log(Events):
    """What it stores says where, and which one it is there."""

    def put(self, first, last, where="old"):
        body = [{"id": "%s_%d" % (where, n), "where": where, "n": n}
                for n in range(first, last + 1)]
        wait_for(lambda: self.post(body).status == 200, 20)

    def follow(self, query="?stream_from_ordinal=0", last_id=None):
        return followed("http://127.0.0.1:%d%s%s" % (
            self.port, self.uri, "" if last_id else query), last_id=last_id)


def numbers(source, where="old"):
    return [event["n"] for event in bodies(source) if event["where"] == where]


def bodies(source):
    return [json.loads(e.data) for e in source.events if e.type == "message"]


def epochs(source):
    return {e.id.partition("-")[0] for e in source.events}


class Sqlite:
    def __init__(self, n):
        self.n = n

    def exchange(self, count):
        """By the file of the other log, which has so many events by then."""

        Log(self.n.port(), "/other").put(1, count, "new")
        stopped = self.n.workers()
        for pid in stopped:
            freeze(pid)
        self.put_in_place()
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    def put_in_place(self, other=None):
        with contextlib.closing(sqlite3.connect(
                other or self.n.path("other.db"))) as a:
            with contextlib.closing(sqlite3.connect(
                    self.n.path("new.db"))) as b:
                a.backup(b)
        for suffix in "-wal", "-shm":
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.n.path("audit.db" + suffix))
        os.rename(self.n.path("new.db"), self.n.path("audit.db"))


class Restored(Sqlite):
    """As the documents say, by SQLite, into the file that is in use."""

    def exchange(self, count):
        Log(self.n.port(), "/other").put(1, count, "new")
        for name, command in (("other", ".backup"), ("audit", ".restore")):
            subprocess.run(["sqlite3", "-bail", "-cmd", ".timeout 20000",
                            self.n.path(name + ".db"), "%s %s" % (
                                command, self.n.path("backup.db"))],
                           check=True)


class Postgresql:
    def __init__(self, n, database, sql='DROP TABLE "ess_event_audit"'):
        self.n, self.database, self.sql = n, database, sql

    def exchange(self, count):
        self.put_in_place()
        Log(self.n.port()).put(1, count, "new")

    def put_in_place(self):
        self.database.sql(self.sql)


@pytest.fixture(params=["sqlite", "postgresql"])
def make(request, nginx):
    """nginx with its log, and the database that it is in."""

    def make(count=10000, workers=2):
        if request.param == "sqlite":
            n = nginx(CONF, workers=workers, count=str(count),
                      place="%%DIR%%/audit.db", other="%%DIR%%/other.db")
            return n, Log(n.port()), Sqlite(n)
        database = request.getfixturevalue("database")
        n = nginx(CONF, workers=workers, count=str(count), place=database.url,
                  other=database.url)
        return n, Log(n.port()), Postgresql(n, database)
    return make


def last_of(log, count):
    """The id of the last one of so many."""

    with log.follow() as source:
        source.wait(count)
        assert numbers(source) == list(range(1, count + 1))
        return source.events[-1].id


def goes_on(log, last, gap_from, count):
    """Of another log: all of it, behind a gap."""

    with log.follow(last_id=last) as source:
        source.wait(count + 1)
        assert [e.type for e in source.events] == ["gap"] + count * ["message"]
        assert json.loads(source.events[0].data) == {"from": gap_from,
                                                     "to": None}
        assert numbers(source, "new") == list(range(1, count + 1))
        epoch, = epochs(source)
        assert epoch != last.partition("-")[0]
        half = source.events[count // 2].id
    with log.follow(last_id=half) as source:
        source.wait(count - count // 2)
        assert numbers(source, "new") == list(range(count // 2 + 1, count + 1))
        assert {e.type for e in source.events} == {"message"}


@pytest.mark.parametrize("count", [10000, 3])
def test_one_that_was_exchanged_while_it_was_followed(make, count):
    exchanged(*make(count))


def test_a_backup_that_was_restored_while_it_was_followed(nginx):
    n = nginx(CONF, count="3", place="%%DIR%%/audit.db",
              other="%%DIR%%/other.db")
    exchanged(n, Log(n.port()), Restored(n))


def exchanged(n, log, database):
    n.expect(EXCHANGED)
    n.expect("relation .* does not exist")
    log.put(1, 5)
    last = last_of(log, 5)
    with log.follow(last_id=last) as source:
        database.exchange(20)
        # who comes back at once, and again and again, is told of nothing else
        wait_for(lambda: again(log, last), 20)
        source.wait_closed()
        assert source.events == []
    assert n.log().count(" it is another one") == 1
    goes_on(log, last, 6, 20)


def test_one_that_was_exchanged_while_a_worker_opened_it(nginx, tmp_path):
    """Which had opened the old file, and not its log yet, to write to it."""

    other = nginx(CONF, place="%%DIR%%/audit.db", other="%%DIR%%/other.db",
                  count="3")
    Log(other.port()).put(1, 20, "new")
    held = HeldOpen(tmp_path, "audit.db-wal")
    held.hold()
    n = nginx(CONF, count="3", place="%%DIR%%/audit.db",
              other="%%DIR%%/other.db", preload=held.library)
    n.expect(EXCHANGED)
    first = held.wait()
    second, = set(n.workers()) - {first}
    # what is asked is the second one's
    freeze(first)
    log = Log(n.port())
    log.put(1, 5)
    last = last_of(log, 5)
    with log.follow(last_id=last) as source:
        freeze(second)
        Sqlite(n).put_in_place(other.path("audit.db"))
        os.kill(first, signal.SIGCONT)
        held.release()
        os.kill(second, signal.SIGCONT)
        wait_for(lambda: again(log, last), 20)
        source.wait_closed()
    goes_on(log, last, 6, 20)
    with contextlib.closing(sqlite3.connect(n.path("audit.db"))) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT events FROM log").fetchall() == [(20,)]


def again(log, last):
    """True when there is something new."""

    with log.follow(last_id=last) as source:
        wait_for(lambda: source.closed or len(source.events) > 20, 10)
        for e in source.events:
            old = e.id.partition("-")[0] == last.partition("-")[0]
            assert not old
        return len(source.events) > 20


def test_one_that_was_exchanged_while_nginx_was_away(make):
    n, log, database = make()
    log.put(1, 5)
    last = last_of(log, 5)
    if isinstance(database, Sqlite):
        Log(n.port(), "/other").put(1, 20, "new")
    n.stop()
    database.put_in_place()
    n.start()
    log = Log(n.port())
    if isinstance(database, Postgresql):
        log.put(1, 20, "new")
    goes_on(log, last, 6, 20)


def test_over_a_start_of_nginx(make):
    """It has nothing but the database; and the cache is smaller than what the
    client lacks."""

    n, log, database = make(count=3)
    log.put(1, 5)
    last = last_of(log, 5)
    log.put(6, 20)
    n.stop()
    n.start()
    log = Log(n.port())
    with log.follow(last_id=last) as source:
        source.wait(15)
        log.put(21, 22)
        source.wait(17)
        assert {e.type for e in source.events} == {"message"}
        assert numbers(source) == list(range(6, 23))
        assert epochs(source) == {last.partition("-")[0]}


def test_ess_v1_over_a_start_of_nginx(make):
    """Also who comes first, when nobody has asked the database yet."""

    n, log, _ = make()
    log.put(1, 5)
    n.stop()
    n.start()

    def connected():
        try:
            return V1("ws://127.0.0.1:%d/v1/events?stream_from_ordinal=0"
                      % n.port())
        except Refused as e:
            assert e.status == 503, e
            return None

    with wait_for(connected, 20) as v1:
        wait_for(lambda: len(v1.events) == 5)
        assert [e.value["n"] for e in v1.events] == [1, 2, 3, 4, 5]


def test_at_another_nginx(nginx, database):
    nodes = [nginx(CONF, count="10000", place=database.url, other=database.url)
             for _ in range(2)]
    logs = [Log(n.port()) for n in nodes]
    logs[0].put(1, 5)
    last = last_of(logs[0], 5)
    logs[0].put(6, 8)
    for log in logs:
        with log.follow(last_id=last) as source:
            source.wait(3)
            assert {e.type for e in source.events} == {"message"}
            assert numbers(source) == [6, 7, 8]
            assert epochs(source) == {last.partition("-")[0]}


def test_a_database_that_is_not_known_yet(nginx):
    """A client waits for it, and is let in when it is there: nothing else says
    whose event its id is."""

    n = nginx(CONF, workers=1, count="10000", place="%%DIR%%/audit.db",
              other="%%DIR%%/other.db")
    n.expect("a query failed")
    log = Log(n.port())
    log.put(1, 5)
    last = last_of(log, 5)
    log.put(6, 7)
    n.stop()
    n.start()
    log = Log(n.port())
    os.rename(n.path("audit.db"), n.path("away.db"))
    answer = log.get(headers={"Accept": "text/event-stream",
                              "Last-Event-ID": last})
    assert answer.status == 503 and answer.headers["Retry-After"], answer
    os.rename(n.path("away.db"), n.path("audit.db"))
    with log.follow(last_id=last) as source:
        source.wait(2)
        assert [e.type for e in source.events] == ["message"] * 2
        assert numbers(source) == [6, 7]


def test_a_row_of_ess_meta_that_was_deleted(nginx, database):
    """Nobody knows any more whose the numbers are."""

    n = nginx(CONF, count="10000", place=database.url, other=database.url)
    n.expect(EXCHANGED)
    log = Log(n.port())
    log.put(1, 5)
    last = last_of(log, 5)
    database.sql("DELETE FROM ess_meta WHERE name = 'audit'")
    n.wait_log(EXCHANGED, 20)
    with log.follow(last_id=last) as source:
        source.wait(6)
        assert [e.type for e in source.events] == ["gap"] + 5 * ["message"]
        assert numbers(source) == [1, 2, 3, 4, 5]
