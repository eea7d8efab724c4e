"""Numbers of events in PostgreSQL are in the order of commits, for each insert
takes the log's lock: so followers, who read what is behind the last number,
miss nothing.  Without the lock they do."""

import concurrent.futures
import contextlib
import json

import psycopg2
import pytest

from events_postgresql import event, ids, post
from postgres import OwnPostgres, Standby
from sse import followed
from wait import wait_for

CONF = """
http {
    ess_zone      streams 16m;
    ess_event_log audit %%PG%% id=event_id time=timestamp type=type;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /v1/events { ess_events audit; }
    }
}
"""

INSERT = "INSERT INTO ess_event_audit (id, type, time, body, hash, upto) " \
         "VALUES (%s, 'user', now(), %s, '', 0)"


def key(name):
    """Of the log's lock."""

    found = 0xcbf29ce484222325
    for c in name.encode():
        found = (found ^ c) * 0x100000001b3 % (1 << 64)
    return found - (found >> 63 << 64)


@contextlib.contextmanager
def following(nodes):
    """A client of each, from the first event on."""

    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(followed(
            "http://127.0.0.1:%d/v1/events?stream_from_ordinal=0" % n.port()))
            for n in nodes]


def got(source):
    assert {e.type for e in source.events} <= {"message"}, source.events
    return [json.loads(e.data)["event_id"] for e in source.events]


class Writer:
    """Who inserts by SQL, as no one should, in a transaction of its own."""

    def __init__(self, database, locked):
        self.connection = psycopg2.connect(database.url)
        self.locked = locked

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def insert(self, id):
        with self.connection.cursor() as cursor:
            if self.locked:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)",
                               (key("audit"),))
            cursor.execute(INSERT, (id, json.dumps(event(id))))

    def commit(self):
        self.connection.commit()


@pytest.mark.parametrize("locked", [True, False])
def test_a_commit_that_comes_late(nginx, database, locked):
    """Of another writer, who has its number already when nginx inserts."""

    nodes = [nginx(CONF, pg=database.url) for _ in range(2)]
    assert post(nodes[0], event("a")) == [True]
    with following(nodes) as sources, Writer(database, locked) as writer, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        writer.insert("late")
        inserted = pool.submit(post, nodes[1], event("b"))
        if locked:
            wait_for(lambda: database.sql(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' "
                "AND NOT granted AND database = (SELECT oid FROM pg_database "
                "WHERE datname = current_database())"))
            assert not inserted.done()
            writer.commit()
            seen = ["a", "late", "b"]
        else:
            assert inserted.result() == [True]
            wait_for(lambda: [got(s) for s in sources] == [["a", "b"]] * 2, 20)
            writer.commit()
            seen = ["a", "b"]
        assert inserted.result() == [True]
        assert post(nodes[0], event("c")) == [True]
        wait_for(lambda: [got(s) for s in sources] == [seen + ["c"]] * 2, 20)
    # it is in the log all the same: followers alone missed it
    assert ids(nodes[0]) == ["a", "late", "b", "c"]


def test_many_writers(nginx, database):
    """Two nginx, and others who take the lock, all at once."""

    nodes = [nginx(CONF, pg=database.url) for _ in range(2)]
    assert post(nodes[0], event("a")) == [True]

    def sql(k):
        with Writer(database, True) as writer:
            for i in range(40):
                writer.insert("sql-%d-%d" % (k, i))
                writer.commit()

    def http(k):
        for i in range(40):
            assert post(nodes[k % 2], event("http-%d-%d" % (k, i)),
                        event("more-%d-%d" % (k, i))) == [True, True]

    with following(nodes) as sources:
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            done = [pool.submit(what, k) for k in range(3)
                    for what in (sql, http)]
            for d in done:
                d.result()
        wait_for(lambda: [len(got(s)) for s in sources] == [361] * 2, 20)
        found = ids(nodes[0])
        assert got(sources[0]) == got(sources[1]) == found
        assert len(set(found)) == 361


def test_a_failover(nginx, tmp_path):
    """To a standby, while clients of two nginx follow, and others write: none
    is lost, and none comes twice."""

    first = OwnPostgres(tmp_path / "first").start()
    second = Standby(tmp_path / "second", first)
    try:
        second.start()
        nodes = [nginx(CONF, pg="postgresql://test:pass@127.0.0.1:%d,"
                       "127.0.0.1:%d/dev?target_session_attrs=read-write"
                       % (first.port, second.port)) for _ in range(2)]
        for n in nodes:
            n.expect("ess|event log")
        assert post(nodes[0], event("a")) == [True]
        stored, end = [], []

        def write(k):
            i = 0
            while not end:
                batch = [event("%d-%d-%d" % (k, i, j)) for j in range(3)]
                # until it is said to be stored: what is sent again is not
                # stored twice
                assert post(nodes[k % 2], *batch) == [True] * 3
                stored.extend(e["event_id"] for e in batch)
                i += 1

        def more():
            before = len(stored)
            wait_for(lambda: len(stored) > before + 150, 30)

        with following(nodes) as sources, \
                concurrent.futures.ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write, k) for k in range(4)]
            try:
                more()
                first.kill()
                second.promote()
                more()
            finally:
                end.append(True)
            for w in writers:
                w.result()
            found = ids(nodes[0])
            assert sorted(found) == sorted(stored + ["a"])
            wait_for(lambda: [len(got(s)) >= len(found)
                              for s in sources] == [True] * 2, 20)
            assert got(sources[0]) == got(sources[1]) == found
    finally:
        second.kill()
        first.kill()
