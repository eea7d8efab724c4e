"""Event logs as streams: clients follow them, with their history from the
database."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import sqlite3
import time

import pytest

from api import Api
from clients import Clients
from sse import EventSource, followed
from wait import freeze, wait_for

CONF = """
worker_shutdown_timeout 20s;

http {
    ess_zone streams 16m;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=4m count=%%COUNT%% age=1h;
    ess_drain 200ms;
    ess_event_log audit %%DIR%%/audit.db id=id time=time type=type %%MORE%%;
    ess_event_log other %%DIR%%/other.db;
    ess_stream other source=event_log;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api source=event_log; }
        location /publish/ { ess_publish; }
        location /made/ { ess_publish create=exchange; }
        location /v1/events { ess_events audit; }
        location = /metrics { ess_metrics; }
    }
}
"""

TIME = "2024-01-01T00:00:%02d.%03dZ"


def event(n):
    return {"id": "e_%d" % n, "type": "t", "n": n,
            "time": TIME % (n // 1000 % 60, n % 1000)}


class Log(Api):

    def put(self, first, last):
        for at in range(first, last + 1, 1000):
            r = self.request("POST", "/v1/events", [
                event(n) for n in range(at, min(at + 1000, last + 1))])
            assert r.status == 200 and all(e["success"] for e in r.json()), r


@pytest.fixture
def service(nginx):
    def make(workers=3, count=10000, more=""):
        n = nginx(CONF, workers=workers, count=str(count), more=more)
        return n, Log(n.port(1))
    return make


def numbers(source):
    return [json.loads(e.data)["n"] for e in source.events
            if e.type == "message"]


def in_order(first, last):
    return list(range(first, last + 1))


def test_what_is_stored_is_followed(service):
    n, log = service()
    log.put(1, 5)
    stream = log.create("audit")
    assert log.get(stream)["source"] == "event_log"

    with followed(stream.http) as live, \
            followed(stream.http + "?stream_from_ordinal=0") as whole, \
            followed(stream.http + "?stream_from_ordinal=3") as rest, \
            Clients([stream.location] * 3) as clients:
        log.put(6, 10)
        live.wait(5)
        whole.wait(10)
        rest.wait(7)
        clients.wait(5)
        assert numbers(live) == in_order(6, 10)
        assert numbers(whole) == in_order(1, 10)
        assert numbers(rest) == in_order(4, 10)
        for c in clients:
            assert [json.loads(m)["n"] for m in c.messages] == in_order(6, 10)

    info = log.get(stream)
    assert (info["last_ordinal"], info["events"]) == (10, 10)
    assert 'ess_event_log_behind{log="audit"} 0' in log.request(
        "GET", "/metrics").body.decode()


def test_a_commit_wakes_who_follows(service):
    """By looking, which is done a second after the last look, each would take
    about that long."""

    n, log = service()
    stream = log.create("audit")
    seconds = []
    with followed(stream.http) as source:
        for i in range(1, 7):
            begin = time.monotonic()
            log.put(i, i)
            source.wait(i)
            seconds.append(time.monotonic() - begin)
    assert min(seconds) < 0.5, seconds


def test_history_comes_from_the_database(service):
    """What the zone does not keep."""

    n, log = service(count=100)
    log.put(1, 5000)
    stream = log.create("audit")
    with followed(stream.http + "?stream_from_ordinal=0") as whole, \
            followed(stream.http + "?stream_from_ordinal=1234") as rest, \
            followed(stream.http + "?stream_from_timestamp="
                        "1704067203000") as later:
        whole.wait(5000)
        rest.wait(5000 - 1234)
        later.wait(2001)
        log.put(5001, 5003)
        whole.wait(5003)
        rest.wait(5003 - 1234)
        later.wait(2004)
        assert numbers(whole) == in_order(1, 5003)
        assert numbers(rest) == in_order(1235, 5003)
        assert numbers(later) == in_order(3000, 5003)


def test_a_client_comes_back(service):
    n, log = service()
    stream = log.create("audit")
    with followed(stream.http) as source:
        log.put(1, 3)
        source.wait(3)
        last = source.events[-1].id
    log.put(4, 8)
    n.stop()
    n.start()
    log = Log(n.port(1))
    stream = log.create("audit")
    with followed(stream.http, last_id=last) as source:
        log.put(9, 10)
        source.wait(7)
        assert numbers(source) == in_order(4, 10)


def test_many_workers_store_and_one_order_is_followed(service):
    """Through reloads and with workers killed, each once."""

    n, log = service(workers=4)
    stream = log.create("audit")

    def put(first):
        for at in range(first, first + 1000, 20):
            wait_for(lambda: stored(at), 30, "a commit")

    def stored(at):
        try:
            return log.request("POST", "/v1/events", [
                event(i) for i in range(at, at + 20)]).status == 200
        except (OSError, http.client.HTTPException):
            return False

    with followed(stream.http + "?stream_from_ordinal=0"), \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        putting = [pool.submit(put, 1 + 1000 * i) for i in range(4)]
        for _ in range(3):
            n.kill_worker()
        n.reload()
        for p in putting:
            p.result()

    # that one's worker was killed, perhaps
    with followed(stream.http + "?stream_from_ordinal=0") as source:
        source.wait(4000)
        got = numbers(source)
        assert sorted(got) == in_order(1, 4000)
        seqs = [int(e.id.rsplit("-", 1)[1]) for e in source.events]
        assert seqs == sorted(seqs)

    rows = []
    path = "/v1/events?size=1000&after="
    page = log.request("GET", "/v1/events?size=1000&from=0").json()
    while True:
        rows += [e["n"] for e in page["events"]]
        if not page.get("next"):
            break
        page = log.request("GET", path + page["next"]).json()
    assert rows == got


def test_what_was_removed_is_a_gap(service, tmp_path):
    n, log = service(count=10, more="keep=1s")
    stream = log.create("audit")
    with followed(stream.http) as source:
        log.put(1, 100)
        # some may be gone before they are read
        wait_for(lambda: numbers(source))
        last = source.events[-1].id.rsplit("-", 1)[0] + "-5"
    wait_for(lambda: log.request("GET", "/v1/events").json() == [event(100)],
             30, "what is too old to go")
    log.put(101, 120)
    # until then the zone may have what the database has not any more
    wait_for(lambda: log.get(stream)["last_ordinal"] == 120)
    with followed(stream.http, last_id=last) as source:
        wait_for(lambda: numbers(source)[-1:] == [120])
        gap = source.events[0]
        assert gap.type == "gap"
        to = json.loads(gap.data)["to"]
        # what is too old may go at any time, but for the last
        assert 99 <= to < 120
        assert numbers(source) == in_order(to + 1, 120)


def removed_while_it_sleeps(n, sql):
    """While the only worker is stopped, and holds no lock."""

    def removed():
        pid, = n.workers()
        try:
            freeze(pid)
            with contextlib.closing(sqlite3.connect(
                    n.path("audit.db"), 0, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                for statement in sql.split(";"):
                    db.execute(statement)
                db.execute("COMMIT")
            return True
        except sqlite3.OperationalError as e:
            assert "locked" in str(e) or "busy" in str(e), e
            return False
        finally:
            os.kill(pid, signal.SIGCONT)

    wait_for(removed)


def test_who_follows_is_overtaken(service):
    """By keep=, or by somebody who removes events."""

    n, log = service(workers=1)
    log.put(1, 5)
    stream = log.create("audit")
    with followed(stream.http) as source:
        log.put(6, 6)
        source.wait(1)
        removed_while_it_sleeps(n, "".join(
            "INSERT INTO event (seq, id, type, time, received, body, hash)"
            " SELECT %d, 'e_%d', type, time, received, '{\"n\":%d}', hash"
            " FROM event WHERE seq = 6;" % (i, i, i) for i in range(7, 31))
            + "DELETE FROM event WHERE seq < 20")
        source.wait(13)
        assert [e.type for e in source.events] == (
            ["message", "gap"] + 11 * ["message"])
        assert json.loads(source.events[1].data)["to"] == 19
        assert numbers(source) == [6] + in_order(20, 30)


def test_one_that_is_made_anew_is_noticed(service):
    n, log = service(workers=1)
    n.expect("goes on with event 3 where 7 was expected: it was made anew")
    log.put(1, 5)
    stream = log.create("audit")
    with followed(stream.http) as source:
        log.put(6, 6)
        source.wait(1)
        removed_while_it_sleeps(n, "DELETE FROM event WHERE seq > 2;"
                                "UPDATE sqlite_sequence SET seq = 2")
        # not at once: a standby may be behind the server that was read before
        n.wait_log("it was made anew", 20)
        source.wait_closed()
        last = source.events[-1].id
    with followed(stream.http, last_id=last) as source:
        log.put(3, 4)
        wait_for(lambda: numbers(source) == [3, 4])
        assert [e.type for e in source.events] == ["gap", "message", "message"]
        assert json.loads(source.events[0].data) == {"from": 7, "to": None}


def test_only_the_event_log_brings_events(service):
    n, log = service()
    stream = log.create("audit")
    wait_for(lambda: len(log.list()) == 2)
    for path in "/publish/%s?by=uuid" % stream.uuid, "/made/other":
        r = log.request("POST", path, "{}")
        assert r.status == 409 and "ess_events" in r.json()["detail"]


def test_from_a_time_that_no_event_has(service):
    """What comes, once it is known that there is none."""

    n, log = service()
    stream = log.create("audit")
    stored = 0

    def three():
        nonlocal stored
        stored += 1
        log.put(stored, stored)
        return len(s.events) >= 3

    with followed(stream.http + "?stream_from_timestamp=%d" % 2 ** 62) as s:
        wait_for(three, interval=0.1)
        got = numbers(s)
        assert got == in_order(got[0], got[-1])


def test_one_that_there_is_not(service):
    n, log = service()
    r = log.request("POST", "", {"routing_key": "third"})
    assert r.status == 201
    assert "no ess_event_log" in r.json()["warning"]
    stream = log.create_result(r)
    with EventSource(stream.http) as source:
        assert source.status == 503
        wait_for(lambda: b"there is no such event log" in source.raw)
