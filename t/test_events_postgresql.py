"""Event logs in PostgreSQL: what of a log is the database's."""

import concurrent.futures
import http.client
import json
import os
import re
import signal
import socket
import threading
import time
import urllib.request

import pytest

from events_postgresql import (CONF, NAMES, call, event, ids, patiently, post,
                               terminate)
from odd_postgres import OddPostgres
from postgres import OwnPostgres
from wait import slower, wait_for


def figure(n, name):
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % n.port(0),
                                timeout=30) as r:
        return float(re.search(r"^%s (\S+)$" % re.escape(name),
                               r.read().decode(), re.M).group(1))


@pytest.fixture
def server(tmp_path):
    """One that the test stops."""

    server = OwnPostgres(tmp_path / "postgres").start()
    yield server
    server.stop()


def test_events_are_stored_and_found(nginx, database):
    n = nginx(CONF, pg=database.url, more="")
    a = event("a", text="\u00fc \"' \\ \U0001f600", number=1e2)
    assert post(n, a, event("b", "system"), a) == [True, True, True]
    assert post(n, a, event("b", "user"), event("c")) == [
        True, "duplicate_event_id", True]
    assert call(n, "/v1/events/a") == (200, a)
    assert call(n, "/v1/events/x")[0] == 404
    assert ids(n) == ["a", "b", "c"]
    assert [e["event_id"] for e in call(n, "/v1/events?type=user")[1]] == [
        "a", "c"]
    assert [e["event_id"] for e in call(n, "/v1/events?order=desc")[1]] == [
        "c", "b", "a"]
    assert call(n, "/v1/events?from=1&size=1")[1]["total"] == 3
    # as it was sent
    assert '"event_id": "a"' in database.sql(
        "SELECT body FROM ess_event_audit WHERE id = 'a'")


def test_two_nginx_share_a_log(nginx, database):
    """All events once, in one order, with duplicates that race."""

    nodes = [nginx(CONF, pg=database.url, more="") for _ in range(2)]

    def one(k):
        events = [event("%d-%d" % (k, i)) for i in range(10)]
        return post(nodes[k % 2], *events, event("shared-%d" % (k // 4)))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(r == [True] * 11 for r in pool.map(one, range(80)))

    found = ids(nodes[0])
    assert ids(nodes[1]) == found
    assert sorted(found) == sorted(
        ["%d-%d" % (k, i) for k in range(80) for i in range(10)]
        + ["shared-%d" % k for k in range(20)])


def test_each_worker_has_two_connections(nginx, database):
    n = nginx(CONF, workers=2, pg=database.url, more="")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for i in range(40):
            pool.submit(post, n, event(str(i)))
            pool.submit(call, n, "/v1/events")
    assert int(database.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '%s' AND "
        "application_name LIKE 'nginx%%'" % database.database)) <= 4


def test_sessions_that_are_cut_off(nginx, database):
    """What was answered is there once, and nobody sees the database go."""

    n = nginx(CONF, workers=1, pg=database.url, more="")
    done, end = [], threading.Event()

    def cut():
        while not end.wait(0.05):
            terminate(database)

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        for i in range(200):
            # a commit that nobody answered is repeated by the client
            wait_for(lambda: call(n, body=[event(str(i))])[0] == 200, 20)
            done.append(str(i))
    finally:
        end.set()
        cutter.join()
    assert ids(n) == done


def test_the_server_stops_and_starts(nginx, server):
    n = nginx(CONF, workers=1, pg=server.url, more="")
    assert post(n, event("a")) == [True]
    server.stop()
    n.expect("ess|event log")
    status, body = call(n, body=[event("b")])
    # the log says why, for that names hosts and users
    assert (status, body) == (503, {"detail": "the database is away or busy, "
                                              "or refuses, try again"})
    assert call(n, "/v1/events") == (status, body)
    assert str(server.port) in n.log()
    up = 'ess_event_log_up{log="audit"}'
    wait_for(lambda: figure(n, up) == 0, 20)
    wait_for(lambda: call(n, "/health")[0] == 503, 20)
    assert 'event log "audit" has no database: ' in str(call(n, "/health")[1])
    server.start()
    wait_for(lambda: call(n, body=[event("b")])[0] == 200, 10)
    assert ids(n) == ["a", "b"]
    wait_for(lambda: figure(n, up) == 1, 20)
    wait_for(lambda: call(n, "/health")[0] == 200, 20)
    assert server.password not in n.log()


def test_it_starts_without_a_server(nginx, tmp_path):
    server = OwnPostgres(tmp_path / "postgres")
    n = nginx(CONF, workers=1, pg=server.url, more="")
    n.expect("ess|event log")
    assert call(n, body=[event("a")])[0] == 503
    server.start()
    try:
        wait_for(lambda: call(n, body=[event("a")])[0] == 200, 10)
    finally:
        server.stop()


def test_the_second_host_takes_over(nginx, tmp_path):
    first = OwnPostgres(tmp_path / "first").start()
    second = OwnPostgres(tmp_path / "second").start()
    try:
        n = nginx(CONF, workers=1, more="", pg=(
            "postgresql://test:pass@127.0.0.1:%d,127.0.0.1:%d/dev?"
            "target_session_attrs=read-write" % (first.port, second.port)))
        assert post(n, event("a")) == [True]
        first.sql("ALTER DATABASE dev SET default_transaction_read_only = on")
        terminate(first)
        assert post(n, event("b")) == [True]
        second.sql("ALTER DATABASE dev SET default_transaction_read_only = on")
        terminate(second)
        n.expect("ess|event log")
        assert call(n, body=[event("c")])[0] == 503
        first.sql("ALTER DATABASE dev SET default_transaction_read_only = off",
                  "postgres")
        second.stop()
        wait_for(lambda: call(n, body=[event("c")])[0] == 200, 10)
        assert ids(n) == ["a", "c"]
    finally:
        first.stop()
        second.stop()


def test_a_server_that_became_a_standby(nginx, database):
    """A session that may not write any more is given up, for another."""

    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    n.expect("ess|event log")
    database.sql("ALTER DATABASE %s SET default_transaction_read_only = on"
                 % database.database)
    terminate(database)
    status, body = call(n, body=[event("b")])
    assert status == 503
    assert call(n, "/v1/events/a")[0] == 200
    database.sql("ALTER DATABASE %s SET default_transaction_read_only = off"
                 % database.database, "postgres")
    wait_for(lambda: call(n, body=[event("b")])[0] == 200, 10)


def test_a_frozen_server(nginx, server):
    """It says nothing: requests that need no database go on."""

    n = nginx(CONF, workers=1, pg=server.url, more="")
    assert post(n, event("a")) == [True]
    pids = [int(p) for p in server.sql(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'nginx%'"
    ).split()]
    n.expect("ess|event log")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(call, n, "/v1/events", [event("b")])
            for _ in range(20):
                assert call(n, "/elsewhere", timeout=1 * slower())[0] == 404
            # given up after 8 seconds
            assert waiting.result()[0] == 503
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    wait_for(lambda: call(n, body=[event("b")])[0] == 200, 20)


REFUSING = [
    "ALTER TABLE ess_event_audit ADD CONSTRAINT no_dogs "
    "CHECK (type <> 'dog')",
    # an exception, with a code of one's own, by the row, or at the end
    """CREATE FUNCTION no_dogs() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN IF NEW.type = 'dog' THEN RAISE EXCEPTION 'no dogs'; END IF;
       RETURN NEW; END $$;
       CREATE TRIGGER no_dogs BEFORE INSERT ON ess_event_audit
       FOR EACH ROW EXECUTE FUNCTION no_dogs()""",
    """CREATE FUNCTION no_dogs() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN IF NEW.type = 'dog' THEN
       RAISE EXCEPTION 'no dogs' USING ERRCODE = 'ZD001'; END IF;
       RETURN NEW; END $$;
       CREATE TRIGGER no_dogs AFTER INSERT ON ess_event_audit
       FOR EACH ROW EXECUTE FUNCTION no_dogs()""",
    # left out without a word
    """CREATE FUNCTION no_dogs() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN IF NEW.type = 'dog' THEN RETURN NULL; END IF;
       RETURN NEW; END $$;
       CREATE TRIGGER no_dogs BEFORE INSERT ON ess_event_audit
       FOR EACH ROW EXECUTE FUNCTION no_dogs()""",
]


@pytest.mark.parametrize("sql", REFUSING)
def test_what_the_database_refuses(nginx, database, sql):
    """That event alone, of a request and of those that come with it."""

    n = nginx(CONF.replace("location = /metrics",
                           "location /strict { ess_events audit strict; } "
                           "location = /metrics"),
              workers=1, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    database.sql(sql)

    def one(i):
        return post(n, *[event("%d-%d" % (i, j),
                               "dog" if i % 5 == 0 and j % 3 == 0 else "cat")
                         for j in range(10)])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(20))) == [
            ["refused" if i % 5 == 0 and j % 3 == 0 else True
             for j in range(10)] for i in range(20)]
    assert ids(n)[0] == "a"
    assert sorted(ids(n)[1:]) == sorted(
        "%d-%d" % (i, j) for i in range(20) for j in range(10)
        if i % 5 or j % 3)
    # the same, of one that is refused, is refused as well
    dog = event("d", "dog")
    assert post(n, dog, event("c"), dog) == ["refused", True, "refused"]
    assert post(n, dog) == ["refused"]
    # all or none
    status, results = call(n, "/strict", [event("x"), event("y", "dog")])
    assert status == 422
    assert [(r["success"], r["error"]) for r in results] == [
        (False, ""), (False, "refused")]
    assert call(n, "/v1/events/x")[0] == 404
    assert call(n, "/strict", [event("x"), event("y")])[0] == 200


def test_what_a_trigger_refuses_at_the_end(nginx, database):
    """One event is refused; of several nobody knows which one it is."""

    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    database.sql("""
        CREATE FUNCTION no_dogs() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.type = 'dog' THEN RAISE EXCEPTION 'no dogs'; END IF;
        RETURN NEW; END $$;
        CREATE CONSTRAINT TRIGGER no_dogs AFTER INSERT ON ess_event_audit
        DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION no_dogs()""")
    n.expect("ess|event log")
    assert post(n, event("b", "dog")) == ["refused"]
    assert call(n, body=[event("c"), event("d", "dog")])[0] == 503
    assert post(n, event("c"), event("d")) == [True, True]
    assert ids(n) == ["a", "c", "d"]
    assert "no dogs" in n.log()


def test_a_limit_at_the_end(nginx, database):
    """As when nobody reads notifications, which are in one queue: that is no
    fault of an event."""

    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    database.sql("""
        CREATE FUNCTION limited() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'too many notifications in the NOTIFY queue'
        USING ERRCODE = '54000'; END $$;
        CREATE CONSTRAINT TRIGGER limited AFTER INSERT ON ess_event_audit
        DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION limited()""")
    n.expect("ess|event log")
    for events in [event("b")], [event("c"), event("d")]:
        assert call(n, body=events)[0] == 503
    assert "too many notifications" in n.log()
    database.sql("DROP TRIGGER limited ON ess_event_audit")
    assert post(n, event("b")) == [True]


def test_very_many_refused_events(nginx, database):
    """They are not sought for ever, as others wait for the log meanwhile."""

    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    database.sql("""
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_sleep(0.05); RAISE EXCEPTION 'no dogs'; END $$;
        CREATE TRIGGER slow BEFORE INSERT ON ess_event_audit
        FOR EACH ROW WHEN (NEW.type = 'dog') EXECUTE FUNCTION slow()""")
    n.expect("ess|event log")
    begin = time.monotonic()
    assert call(n, body=[event(str(i), "dog") for i in range(200)])[0] == 503
    assert time.monotonic() - begin < 5 * slower()
    assert "too many events of one request are refused" in n.log()
    assert post(n, event("b"), event("c", "dog")) == [True, "refused"]
    assert ids(n) == ["a", "b"]


@pytest.mark.parametrize("names", [NAMES, ""])
def test_a_sequence_that_is_behind(nginx, database, names):
    """As after a table was put back: no number is given twice, and none that
    is below what followers have read."""

    n = nginx(CONF.replace(NAMES, names), workers=1, pg=database.url, more="")
    n.expect("ess|event log")
    for i in range(10):
        assert post(n, event(str(1000 + i))) == [True]
    for behind, sql in enumerate(["", "DELETE FROM ess_event_audit "
                                      "WHERE seq < 9"]):
        last = int(database.sql("SELECT max(seq) FROM ess_event_audit"))
        database.sql("SELECT setval('\"ess_event_audit.seq\"', 1)")
        if sql:
            database.sql(sql)
        assert post(n, *[event("%d" % (2000 + 10 * behind + i))
                         for i in range(3)]) == [True] * 3
        assert int(database.sql("SELECT min(seq) FROM ess_event_audit "
                                "WHERE body->>'event_id' >= '%d'"
                                % (2000 + 10 * behind))) > last
        # without ids, numbers that are ids are passed by in any case
        assert len(re.findall("was behind the last event", n.log())) == (
            behind + (names != ""))
    assert post(n, event("3000")) == [True]
    assert ids(n)[-7:] == [str(i) for i in (
        2000, 2001, 2002, 2010, 2011, 2012, 3000)]


def test_a_sequence_that_nobody_may_set(nginx, database):
    """The error log says what is wrong."""

    n = nginx(CONF, workers=1, pg=database.url, more="")
    n.expect("ess|event log")
    assert post(n, event("a"), event("b")) == [True] * 2
    database.sql("""
        CREATE FUNCTION first() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.seq = 1; RETURN NEW; END $$;
        CREATE TRIGGER first BEFORE INSERT ON ess_event_audit
        FOR EACH ROW EXECUTE FUNCTION first()""")
    assert call(n, body=[event("c")])[0] == 503
    assert "is behind the last event of the table" in n.log()


@pytest.mark.parametrize("shape", [
    (None, 0), (0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (3, 1), (3, 9),
    (4, 1)])
def test_a_server_that_answers_something_else(nginx, shape):
    """It is no reason to read what is not there."""

    with OddPostgres(shape) as odd:
        n = nginx(CONF, workers=1, pg=odd.url, more="")
        n.expect("ess|event log")
        pids = n.workers()
        for path, body in [
                ("/v1/events", [event("a"), event("b")]),
                ("/v1/events?size=1000&from=0", None),
                ("/v1/events?size=2&from=0", None), ("/v1/events/a", None)]:
            status = call(n, path, body)[0]
            assert status == 503 or shape[0] == 3 or shape == (1, 0)
        wait_for(lambda: "something else than was asked for" in n.log()
                 or shape[0] == 3)
        assert n.workers() == pids


def test_events_without_ids(nginx, database):
    """Their numbers are their ids, and what is an id already is passed by."""

    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert post(n, *[event(str(i)) for i in range(2, 900)]) == [True] * 898
    first = int(database.sql("SELECT max(seq) FROM ess_event_audit")) + 1
    n.write_conf(CONF.replace(NAMES, ""))
    n.reload(old_gone=True)
    found = []
    for _ in range(3):
        status, results = patiently(n, body=[{"n": 1}, {"n": 1}])
        assert (status, [r["error"] for r in results]) == (200, ["", ""])
        found += [int(r["event_id"]) for r in results]
    assert found == sorted(set(found)) and found[0] >= max(900, first)
    assert call(n, "/v1/events/%d" % found[0]) == (200, {"n": 1})
    assert ids_of(database) == found

    # and what is a number already is one to those who have ids
    n.write_conf(CONF)
    n.reload(old_gone=True)
    assert post(n, event(str(found[1])), event(str(found[-1] + 1))) == [
        "duplicate_event_id", True]
    n.write_conf(CONF.replace(NAMES, ""))
    n.reload(old_gone=True)
    status, results = patiently(n, body=[{"n": 1}])
    assert status == 200
    assert int(results[0]["event_id"]) > found[-1] + 1


def ids_of(database):
    return [int(i) for i in database.sql(
        "SELECT id FROM ess_event_audit WHERE body->>'n' = '1' ORDER BY seq"
    ).split()]


def test_queries_of_clients_that_left(nginx, database):
    """They leave the queue, and cost the database nothing."""

    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    assert call(n, "/v1/events/a")[0] == 200
    clients = []
    with database.locked("ess_event_audit"):
        for i in range(40):
            if i < 3:
                # the first one is under way before others come
                assert call(n, "/elsewhere")[0] == 404
            c = socket.create_connection(("127.0.0.1", n.port(0)))
            c.sendall(b"GET /v1/events/a HTTP/1.1\r\nHost: x\r\n\r\n")
            clients.append(c)
        assert call(n, "/elsewhere")[0] == 404
        for c in clients[:-1]:
            c.close()
        # it knows of that
        assert call(n, "/elsewhere")[0] == 404
    clients[-1].settimeout(60)
    assert b" 200 " in clients[-1].recv(65536)
    clients[-1].close()
    count = 'ess_event_log_seconds_count{log="audit",op="query"}'
    # the first, the one that was under way, those that a thread had taken
    # meanwhile, together, and the one that stayed
    assert figure(n, count) <= 1 + 1 + 16 + 1


@pytest.mark.parametrize("log", ["audit", "a" * 48])
def test_a_user_who_may_not_make_tables(nginx, database, log):
    """The error log has the SQL, by which somebody else makes them, and it is
    what is run."""

    database.sql("CREATE ROLE small LOGIN PASSWORD 'little'") \
        if not database.sql("SELECT 1 FROM pg_roles WHERE rolname = 'small'") \
        else None
    conf = CONF.replace("audit", log)
    n = nginx(conf, workers=1, more="", pg=database.url.replace(
        "test:pass", "small:little"))
    n.expect("ess|event log")
    assert call(n, body=[event("a")])[0] == 503
    wait_for(lambda: ", SQL: INSERT INTO ess_meta" in n.log())
    database.sql("\n".join(re.findall(r'event log "%s", SQL: (.*?;)(?: while |'
                                      r', client:|$)' % log, n.log(), re.M)))
    told = shape(database)
    database.sql("""
        GRANT SELECT, INSERT, DELETE ON "ess_event_%s" TO small;
        GRANT SELECT ON ess_meta TO small;
        GRANT USAGE, UPDATE ON SEQUENCE "ess_event_%s.seq" TO small
        """ % (log, log))
    assert post(n, event("a")) == [True]
    assert ids(n) == ["a"]
    n.stop()

    database.sql('DROP TABLE "ess_event_%s", ess_meta' % log)
    n = nginx(conf, workers=1, more="", pg=database.url)
    assert post(n, event("a")) == [True]
    assert shape(database) == told and told.count("CREATE ") == 6


def shape(database):
    """All columns and indexes of the tables, and what ess_meta has."""

    return database.sql("""
        SELECT c.* FROM information_schema.columns c
        WHERE table_schema = 'public' ORDER BY table_name, ordinal_position;
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        ORDER BY indexname; SELECT name, version FROM ess_meta""")


def test_a_table_that_is_dropped_is_made_again(nginx, database):
    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    epoch = database.sql("SELECT epoch FROM ess_meta")
    database.sql("DROP TABLE ess_event_audit")
    assert post(n, event("b")) == [True]
    assert ids(n) == ["b"]
    assert database.sql("SELECT epoch FROM ess_meta") != epoch


def test_logs_whose_names_look_like_parts_of_another(nginx, database):
    """A log's indexes and its sequence have no name that a log may have."""

    names = ["a", "a_time", "a_type", "a_pkey", "a_id", "a_id_key", "a_seq",
             "a_seq_seq", "a-time", "A"]
    n = nginx("""
http {
    %s
    server { listen %%%%PORT0%%%%; %s }
}
""" % ("".join("ess_event_log %s %s id=event_id;" % (name, database.url)
               for name in names),
       "".join("location /%s { ess_events %s; }" % (name, name)
               for name in names)), workers=1)
    for name in names + names[::-1]:
        status, results = patiently(n, path="/" + name, body=[event(name)])
        assert (status, results[0]["success"]) == (200, True), (name, results)
    for name in names:
        assert patiently(n, path="/" + name)[1] == [event(name)]
    assert database.sql(
        "SELECT count(*) FROM pg_class WHERE relkind = 'r' "
        "AND relname LIKE 'ess\\_event\\_%'") == str(len(names))


def test_a_newer_version_is_not_touched(nginx, database):
    nginx(CONF, workers=1, pg=database.url, more="")
    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    n.stop()
    database.sql("UPDATE ess_meta SET version = version + 1")
    n = nginx(CONF, workers=1, pg=database.url, more="")
    n.expect("ess|event log")
    assert call(n, body=[event("b")])[0] == 503
    assert database.sql("SELECT count(*) FROM ess_event_audit") == "1"


def test_keep_size(nginx, database):
    """The oldest go, the newest stay."""

    n = nginx(CONF, workers=2, pg=database.url, more=" keep_size=1m")
    for k in range(4):
        assert all(r is True for r in post(n, *[
            event("%d-%d" % (k, i), text="x" * 1000) for i in range(500)]))
    everything = ["%d-%d" % (k, i) for k in range(4) for i in range(500)]
    wait_for(lambda: int(database.sql(
        "SELECT count(*) FROM ess_event_audit")) < 1000, 30)
    found = ids(n)
    assert 500 < len(found) < 1000
    assert found == everything[-len(found):]


def test_others_are_told(nginx, database):
    """NOTIFY ess, with the log's name, once a transaction."""

    psycopg2 = pytest.importorskip("psycopg2")
    listener = psycopg2.connect(database.url)
    listener.autocommit = True
    with listener.cursor() as cursor:
        cursor.execute("LISTEN ess")
    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert post(n, event("a"), event("b")) == [True, True]

    def told():
        listener.poll()
        return listener.notifies

    wait_for(told)
    assert [(x.channel, x.payload) for x in listener.notifies] == [
        ("ess", "audit")]
    # nothing is new
    assert post(n, event("a")) == [True]
    listener.poll()
    assert len(listener.notifies) == 1
    listener.close()


def test_nothing_is_lost_or_doubled(nginx, server):
    """Two nginx, whose workers are killed while the server stops and starts:
    what was answered with success is there once."""

    nodes = [nginx(CONF, workers=2, pg=server.url, more="") for _ in range(2)]
    for n in nodes:
        n.expect("ess|event log")
    end, answered = threading.Event(), []

    def client(k):
        i = 0
        while not end.is_set():
            i += 1
            events = [event("%d-%d-%d" % (k, i, j)) for j in range(5)]
            try:
                status, results = call(nodes[k % 2], body=events)
            except (OSError, http.client.HTTPException):
                continue
            if status == 200:
                answered.extend(r["event_id"] for r in results if r["success"])

    threads = [threading.Thread(target=client, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    try:
        for step in range(4):
            before = len(answered)
            wait_for(lambda: len(answered) > before + 100, 30)
            n = nodes[step % 2]
            n.kill_worker()
            terminate(server)
            if step == 1:
                server.stop()
                server.start()
        before = len(answered)
        wait_for(lambda: len(answered) > before + 100, 30)
    finally:
        end.set()
        for t in threads:
            t.join()

    found = ids(nodes[0])
    assert len(found) == len(set(found))
    assert set(answered) <= set(found)
    assert ids(nodes[1]) == found
