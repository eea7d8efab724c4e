"""Pages of event logs in PostgreSQL: each costs the same, in time and in
memory, wherever it is."""

import json
import urllib.parse

import pytest

from events import Events
from events_postgresql import CONF, event, ids, patiently, post
from nginx import SANITIZE, VALGRIND
from wait import wait_for


def test_times(nginx, database):
    """The first and the last year, and pages of a time range."""

    n = nginx(CONF, pg=database.url, more="")
    times = ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.001Z",
             "1969-12-31T23:59:59.999Z", "2024-02-29T12:00:00.123Z",
             "9999-12-31T23:59:59.999Z"]
    assert post(n, *[event(str(i), time=t) for i, t in reversed(
        list(enumerate(times)))]) == [True] * 5

    found, path = [], "/v1/events?size=2&from=0&since=0000-01-01T00:00:00Z"
    while path:
        page = patiently(n, path=path)[1]
        found += [e["event_id"] for e in page["events"]]
        path = page.get("next") and (
            "/v1/events?size=2&since=0000-01-01T00:00:00Z&after="
            + urllib.parse.quote(page["next"]))
    assert found == ["0", "1", "2", "3", "4"]
    for i, t in enumerate(times):
        page = patiently(n, path="/v1/events?size=1000&since=" + t)[1]
        assert [e["event_id"] for e in page] == found[i:]


@pytest.mark.parametrize("more, events, size", [
    ("", 200, 60000), (" max_event=16m", 1000, 10),
    (" max_event=16m", 5, 3000000), (" max_event=2k", 1001, 10)])
def test_pages_in_parts(nginx, database, more, events, size):
    """A page ends where it is full, and the next one goes on there."""

    n = nginx(CONF.replace("location /v1",
                           "client_max_body_size 32m; location /v1"),
              workers=1, pg=database.url, more=more)
    wanted = ["e%d" % i for i in range(events)]
    step = max(1, min(1000, 1000000 // size))
    for at in range(0, events, step):
        rest = wanted[at:at + step]
        assert set(post(n, *[event(i, text="x" * size) for i in rest])) == {
            True}
    assert ids(n) == wanted
    page = patiently(n, path="/v1/events?size=1000&from=0")[1]
    assert len(json.dumps(page["events"])) <= 8 * 1024 * 1024 + 200 * 200
    assert len(page["events"]) == min(
        events, 1000, 8 * 1024 * 1024 // (size + len(json.dumps(event(
            "e100", text="")))))
    assert (page["next"] is None) == (len(page["events"]) == events)


LARGE = 3000000


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_events_that_would_be_too_large_now(nginx, request, engine):
    """They were stored by another nginx, or under another configuration: a
    page takes no more memory for them."""

    place = ("%%DIR%%/audit.db" if engine == "sqlite"
             else request.getfixturevalue("database").url)
    conf = CONF.replace("location /v1",
                        "client_max_body_size 8m; location /v1")
    n = nginx(conf, workers=1, pg=place, more=" max_event=16m")
    wanted = ["e%d" % i for i in range(30)]
    for i in wanted:
        assert post(n, event(i, text="x" * LARGE)) == [True]
    n.names["more"] = " max_event=1k"
    n.write_conf(conf)
    n.reload(old_gone=True)
    assert post(n, event("last", text="x" * LARGE)) == ["too_large"]
    assert post(n, event("last")) == [True]
    wanted.append("last")

    before = peak(n)
    page = patiently(n, path="/v1/events?size=1000&from=0")[1]
    assert [e["event_id"] for e in page["events"]] == wanted[:2]
    grown = peak(n) - before
    assert SANITIZE or VALGRIND or grown < 45000, grown

    assert ids(n) == wanted
    for query in "?order=desc", "?type=user", "?since=2024-01-01T00:00:00Z":
        status, page = patiently(n, path="/v1/events%s&size=31" % query)
        assert status == 200
        assert [e["event_id"] for e in page] == (
            ["last", "e29", "e28"] if "desc" in query else wanted[:2])
    assert patiently(n, path="/v1/events/e7")[1]["text"] == "x" * LARGE


def peak(n):
    """kB that the worker has had at most."""

    with open("/proc/%d/status" % n.workers()[0]) as f:
        return int(f.read().split("VmHWM:")[1].split()[0])


MANY = """
INSERT INTO ess_event_audit (id, type, time, body, hash, upto)
SELECT i::text, CASE WHEN i > 9000 THEN 'user' ELSE 'system' END,
       to_timestamp(1700000000 + i), json_build_object('event_id', i::text),
       '', 0 FROM generate_series(1, 10000) i;
ANALYZE ess_event_audit;
"""


@pytest.mark.parametrize("query, index, rows", [
    ("", "pkey", 10000),
    ("&type=user", "type", 1000),
    ("&since=2020-01-01T00:00:00Z", "time", 10000),
    ("&since=2020-01-01T00:00:00Z&until=2030-01-01T00:00:00Z&order=desc",
     "time", 10000),
    ("&type=user&since=2020-01-01T00:00:00Z", "both", 1000),
    ("&type=user&since=2020-01-01T00:00:00Z&until=2030-01-01T00:00:00Z",
     "both", 1000),
    ("&type=user&until=2030-01-01T00:00:00Z&order=desc", "both", 1000),
])
def test_pages_by_an_index(nginx, database, query, index, rows):
    """Each page begins in it where the last one ended, also when all events of
    a type are at the other end of the log."""

    n = nginx(CONF, workers=1, pg=database.url, more="")
    assert patiently(n, path="/v1/events") == (200, [])
    database.sql(MANY)

    events = Events(n.port())
    found, path = [], "?size=250" + query
    while path is not None:
        answer = wait_for(lambda: served(events.get(path)), 20)
        page = answer.json()
        found += [int(e["event_id"]) for e in (
            page["events"] if "after=" in path else page)]
        link = answer.headers["Link"]
        path = link and link.split(">")[0].replace("</v1/events", "")
    assert found == sorted(range(10001 - rows, 10001),
                           reverse="desc" in query)

    n.stop()
    wait_for(lambda: not database.sql(
        "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'nginx%' "
        "AND datname = current_database()"), 20, "the end of its sessions")
    wait_for(lambda: sum(entries(database).values()) >= rows, 20,
             "the statistics")
    reads = entries(database)
    assert set(reads) == {index}, reads
    assert rows <= reads[index] <= rows * 1.1, reads


def served(answer):
    return answer.status == 200 and answer


def entries(database):
    """That were read of each index by its last part of name; sessions that are
    over have told theirs."""

    found = database.sql("""
        SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes
        WHERE relname = 'ess_event_audit' AND idx_tup_read > 0""")
    return {line.split("|")[0].split(".")[1]: int(line.split("|")[1])
            for line in found.split()}
