"""Event logs in PostgreSQL to which several nginx write: what one stores comes
to the followers of the others at once, and late where that cannot be."""

import concurrent.futures
import json
import re
import threading
import time
import urllib.request

import pytest

from events import Events
from odd_postgres import OddPostgres
from pgbouncer import PgBouncer
from postgres import OwnPostgres
from sse import followed
from wait import slower, wait_for

CONF = """
http {
    ess_zone      streams 16m;
    ess_event_log audit %%PG%% id=id %%MORE%%;
    ess_event_log other %%PG%% id=id %%MORE%%;
    ess_stream    audit source=event_log;
    ess_stream    other source=event_log;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /v1/events { ess_events audit; }
        location /others    { ess_events other; }
        location /audit     { ess_subscribe name=audit public; }
        location /other     { ess_subscribe name=other public; }
        location = /metrics { ess_metrics; }
    }
}
"""

LISTENERS = "FROM pg_stat_activity WHERE query = 'LISTEN ess' " \
            "AND datname = current_database()"


class Node:
    def __init__(self, n):
        self.n = n
        self.audit = Events(n.port(0))
        self.other = Events(n.port(0), "/others")

    def follow(self, log="audit", query="?stream_from_ordinal=0"):
        return followed("http://127.0.0.1:%d/%s%s" % (
            self.n.port(0), log, query))

    def figure(self, name, log="audit"):
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics"
                                    % self.n.port(0), timeout=30) as r:
            return float(re.search(
                r'^%s{log="%s"} (\S+)$' % (name, log), r.read().decode(),
                re.M).group(1))

    def listens(self):
        return self.figure("ess_event_log_listening") == 1

    def put(self, first, last=None, events=None):
        """Until it is stored: what is sent again is stored once."""

        body = [{"id": "%s" % n} for n in range(first, (last or first) + 1)]
        wait_for(lambda: (events or self.audit).post(body).status == 200, 20)


@pytest.fixture
def nodes(nginx, database):
    def make(url=None, more="", count=2, workers=2):
        return [Node(nginx(CONF, workers=workers, pg=url or database.url,
                           more=more)) for _ in range(count)]
    return make


def got(source):
    return [int(json.loads(e.data)["id"]) for e in source.events
            if e.type == "message"]


def in_turn(node, source, first, last):
    """Seconds until each was followed before the next one was stored."""

    begin = time.monotonic()
    for i in range(first, last + 1):
        node.put(i)
        wait_for(lambda: got(source)[-1:] == [i], 10)
    return time.monotonic() - begin


MANY = """
INSERT INTO ess_event_audit (id, type, time, body, hash, upto)
SELECT i, '', now(), json_build_object('id', i::text), '', 0
FROM generate_series(%d, %d) i
"""


def test_how_far_it_is_behind(nodes, database):
    """While it reads what somebody stored at once.  That may be over before
    anybody looks: then there is more of it."""

    one, = nodes(count=1)
    stored = 1

    def behind():
        return one.figure("ess_event_log_behind")

    def seen():
        nonlocal stored
        storing = pool.submit(database.sql, MANY % (stored + 1, stored + 5000))
        stored += 5000
        found = wait_for(lambda: behind() or len(source.events) >= stored
                         and "all of it", 30, interval=0)
        storing.result()
        source.wait(stored, 30)
        return found != "all of it"

    with one.follow() as source, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        one.put(1)
        source.wait(1)
        wait_for(seen, 30)
        assert got(source) == list(range(1, stored + 1))
        wait_for(lambda: behind() == 0)


def test_the_other_one_is_told(nodes, database):
    one, two = nodes()
    with one.follow() as a, two.follow() as b, one.follow("other") as c:
        wait_for(lambda: one.listens() and two.listens(), 20)
        before = one.figure("ess_event_log_notices_total")
        # by looking once a second it would take ten
        assert in_turn(two, a, 1, 10) < 7 * slower()
        assert in_turn(one, b, 11, 20) < 7 * slower()
        wait_for(lambda: one.figure("ess_event_log_notices_total")
                 >= before + 10)
        # of several logs each hears of its own, over one connection
        before = one.figure("ess_event_log_notices_total", "other")
        two.put(1, 3, two.other)
        wait_for(lambda: got(c) == [1, 2, 3], 10)
        wait_for(lambda: one.figure("ess_event_log_notices_total", "other")
                 == before + 1)
        assert database.sql("SELECT count(*) " + LISTENERS) == "2"
        wait_for(lambda: got(a) == got(b) == list(range(1, 21)))


def test_only_while_somebody_follows(nodes, database):
    one, = nodes(count=1)
    one.put(1)
    assert database.sql("SELECT count(*) " + LISTENERS) == "0"
    assert not one.listens()
    with one.follow() as source:
        wait_for(one.listens, 20)
        wait_for(lambda: got(source) == [1])


def test_all_see_one_order(nodes):
    """Events of both, written at once."""

    every = nodes()
    with every[0].follow() as a, every[1].follow() as b:
        threads = [threading.Thread(target=lambda k=k: [
            Node(every[k % 2].n).put(1000 * k + 10 * i, 1000 * k + 10 * i + 9)
            for i in range(20)]) for k in range(1, 5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        wait_for(lambda: len(got(a)) >= 800 and len(got(b)) >= 800, 20)
        assert got(a) == got(b)
        assert sorted(got(a)) == sorted(
            1000 * k + i for k in range(1, 5) for i in range(200))


def test_a_connection_that_is_cut_off(nodes, database):
    """Events come late, by a second or so, and none is lost."""

    one, two = nodes()
    with one.follow() as source:
        wait_for(one.listens, 20)
        at = 0
        for _ in range(3):
            database.sql("SELECT pg_terminate_backend(pid) " + LISTENERS)
            begin = time.monotonic()
            two.put(at + 1, at + 5)
            at += 5
            wait_for(lambda: got(source)[-1:] == [at], 20)
            assert time.monotonic() - begin < 2.5 * slower()
            wait_for(lambda: one.listens() and database.sql(
                "SELECT count(*) " + LISTENERS) == "1", 20)
        assert got(source) == list(range(1, at + 1))
        before = one.figure("ess_event_log_notices_total")
        two.put(at + 1)
        wait_for(lambda: one.figure("ess_event_log_notices_total") > before)
    assert "cannot listen to what others store" in one.n.log()


def test_a_worker_that_is_killed(nodes, database):
    """Another one listens."""

    one, two = nodes(workers=3)
    sources = [one.follow() for _ in range(6)]
    try:
        wait_for(one.listens, 20)
        port = database.sql("SELECT client_port " + LISTENERS)
        assert one.n.log().count("listens to what others store") == 1
        one.n.kill_worker(int(
            one.n.log().split("listens to what others store")[0]
            .rsplit("\n", 1)[-1].split("#")[0].split()[-1]))
        with one.follow() as source:
            wait_for(lambda: database.sql(
                "SELECT client_port " + LISTENERS) not in ("", port), 30)
            before = one.figure("ess_event_log_notices_total")
            two.put(1, 5)
            wait_for(lambda: got(source) == [1, 2, 3, 4, 5], 20)
            wait_for(lambda: one.figure("ess_event_log_notices_total")
                     > before)
    finally:
        for s in sources:
            s.close()


def test_over_a_reload(nodes, database):
    one, two = nodes()
    with one.follow() as source:
        wait_for(one.listens, 20)
    one.n.reload(old_gone=True)
    with one.follow() as source:
        wait_for(one.listens, 20)
        wait_for(lambda: database.sql("SELECT count(*) " + LISTENERS) == "1")
        two.put(1, 3)
        wait_for(lambda: got(source) == [1, 2, 3])


@pytest.mark.parametrize("direct", [False, True])
def test_through_pgbouncer(nodes, database, direct):
    """In transaction mode it passes on no notification: listen= goes past
    it."""

    with PgBouncer(database) as bouncer:
        one, two = nodes(bouncer.url(database.database), more=(
            "listen=" + database.url if direct else ""))
        with one.follow() as source, two.follow() as other:
            wait_for(lambda: one.listens() and two.listens(), 20)
            seconds = in_turn(two, source, 1, 4)
            assert not direct or seconds < 3 * slower()
            for i in range(5, 9):
                begin = time.monotonic()
                one.put(i)
                wait_for(lambda: got(other)[-1:] == [i], 20)
                assert time.monotonic() - begin < 2.5 * slower()
            wait_for(lambda: got(source) == got(other) == list(range(1, 9)))
            assert (one.figure("ess_event_log_notices_total") > 0) == direct


def test_a_server_that_stops(nodes, nginx, tmp_path):
    server = OwnPostgres(tmp_path / "postgres").start()
    try:
        one, two = nodes(server.url)
        one.n.expect("ess|event log")
        two.n.expect("ess|event log")
        with one.follow() as source:
            wait_for(one.listens, 20)
            two.put(1)
            wait_for(lambda: got(source) == [1])
            server.stop()
            wait_for(lambda: not one.listens(), 20)
            server.start()
            two.put(2)
            wait_for(lambda: got(source) == [1, 2], 20)
            wait_for(one.listens, 20)
    finally:
        server.stop()


def test_a_server_that_cuts_off_at_once(nodes, database):
    """It is asked once a second or so, by all workers together."""

    with OddPostgres(cut=True) as odd:
        one, = nodes(count=1, more="listen=" + odd.url)
        one.n.expect("ess|event log")
        sources = [one.follow() for _ in range(4)]
        try:
            wait_for(lambda: len(odd.opened) >= 4, 30)
            assert odd.opened[3] - odd.opened[0] > 2.5
            one.put(1)
            wait_for(lambda: got(sources[0]) == [1], 20)
        finally:
            for s in sources:
                s.close()
