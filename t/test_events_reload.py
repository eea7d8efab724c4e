"""What a reload changes of an event log, in both databases: its schema, and how
large an event may be.  What is stored stays as it is."""

import json
import os
import signal

import pytest

from events import Events, Patient, event
from nginx import alive
from wait import wait_for

CONF = """
http {
    ess_event_log audit %%PLACE%% id=event_id time=timestamp type=type%%MORE%%;
    client_max_body_size 32m;
    server {
        listen %%PORT0%% reuseport;
        location /v1/events { ess_events audit; }
        location /strict    { ess_events audit strict; }
        location = /openapi.json { ess_openapi; }
    }
}
"""

# of a place, which is wanted, and nothing else
OLD = {"type": "object", "properties": {"event": {
    "type": "object", "required": ["place"],
    "properties": {"n": True, "place": {"enum": ["europe", "us"]}},
    "additionalProperties": False}}}
# the place has another name and other values
NEW = {"type": "object", "properties": {"event": {
    "type": "object", "required": ["location"],
    "properties": {"location": {"type": "integer"}}}}}


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request):
    return ("%%DIR%%/audit.db" if request.param == "sqlite"
            else request.getfixturevalue("database").url)


class Served:
    def __init__(self, nginx, place, more):
        self.more = more
        self.server = nginx(self.conf(more), workers=2, place=place)
        self.events = Patient(self.server.port())
        self.strict = Patient(self.server.port(), "/strict")

    def conf(self, more):
        return CONF.replace("%%MORE%%", more)

    def reload(self, more):
        self.server.write_conf(self.conf(more))
        self.server.reload(old_gone=True)
        self.events.close()
        self.strict.close()

    def errors(self, *events):
        answer = self.events.post(list(events))
        assert answer.status == 200, answer
        assert [r["event_id"] for r in answer.json()] == [
            e["event_id"] for e in events]
        return [r["error"] for r in answer.json()]


def write(path, schema):
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema))


def old(n, place="europe"):
    return event(n, place=place)


def new(n, location=1):
    return event(n, location=location)


def check_there(events, wanted):
    assert events.page("?size=1000") == wanted
    assert events.page("?from=0")["total"] == len(wanted)
    for e in wanted:
        assert events.get("/" + e["event_id"]).json() == e


def test_a_schema_that_changes(nginx, tmp_path, place):
    path = tmp_path / "schema.json"
    write(path, OLD)
    log = Served(nginx, place, " schema=%s" % path)
    stored = [old(n) for n in range(5)]
    assert log.errors(*stored) == [""] * 5
    assert log.errors(new(9), old(9, "mars")) == [
        "missing_place", "invalid_place"]

    # the file alone changes nothing, also for a worker that is new
    write(path, NEW)
    for pid in log.server.workers():
        log.server.kill_worker(pid)
    assert log.errors(new(9), old(5)) == ["missing_place", ""]
    stored.append(old(5))

    log.reload(" schema=%s" % path)
    check_there(log.events, stored)
    # judged as what comes now is, although it is there
    assert log.errors(old(0), new(10), new(11, "x"), old(12)) == [
        "missing_location", "", "invalid_location", "missing_location"]
    stored.append(new(10))
    # valid, with the id of one that no longer would be
    assert log.errors(new(0)) == ["duplicate_event_id"]
    assert log.strict.post([new(13), old(1)]).status == 422
    assert log.strict.post([new(13)]).status == 200
    stored.append(new(13))
    check_there(log.events, stored)

    # any object
    log.reload("")
    assert log.errors(old(1), old(12, "mars"), new(10)) == [""] * 3
    stored.append(old(12, "mars"))
    check_there(log.events, stored)

    # and back
    write(path, OLD)
    log.reload(" schema=%s" % path)
    assert log.errors(old(1), old(12, "mars"), new(10)) == [
        "", "invalid_place", "missing_place"]
    check_there(log.events, stored)


BROKEN = [
    "", "{", '{"type": "text"}', '{"contains": {}}', '{"pattern": "("}',
    '{"$ref": "#/$defs/none"}', '{"type": "object", "type": "object"}', None,
]


def test_a_broken_schema_changes_nothing(nginx, tmp_path, place):
    path = tmp_path / "schema.json"
    write(path, OLD)
    more = " schema=%s" % path
    log = Served(nginx, place, more)
    log.server.expect(r"\[emerg\]")
    stored = [old(0)]
    assert log.errors(old(0)) == [""]
    described = Events(log.server.port(), "/openapi.json").get().body
    workers = log.server.workers()
    for schema in BROKEN:
        write(path, schema) if schema is not None else path.unlink()
        # the limit of events is not taken over, either
        log.server.write_conf(log.conf(more + " max_event=1k"))
        with pytest.raises(AssertionError, match="reload refused"):
            log.server.reload()
        assert log.server.workers() == workers
        assert log.errors(new(9), old(9, "mars"), old(0)) == [
            "missing_place", "invalid_place", ""]
    large = dict(old(1), text="x" * 2000)
    assert log.errors(large) == [""]
    stored.append(large)
    # those that come in place of others have what was read last
    for pid in workers:
        log.server.kill_worker(pid)
    assert log.errors(new(9), old(2)) == ["missing_place", ""]
    stored.append(old(2))
    assert Events(log.server.port(), "/openapi.json").get().body == described
    check_there(log.events, stored)
    write(path, NEW)
    log.reload(more)
    assert log.errors(new(9), old(3)) == ["", "missing_location"]
    check_there(log.events, stored + [new(9)])


def test_a_log_that_cannot_be_used(nginx, place):
    """It comes with a reload, which counts all the same: it answers 503, and
    the others go on."""

    log = Served(nginx, place, "")
    n = log.server
    assert log.errors(event(1)) == [""]
    # where SQLite would have a file
    os.mkdir(n.path("second.db-journal"))
    conf = log.conf("").replace(
        "client_max_body_size", "ess_event_log second %%DIR%%/second.db; "
        "client_max_body_size").replace(
        "location /strict", "location /second { ess_events second; } "
        "location /strict")
    n.write_conf(conf)
    n.expect(r"\[emerg\] .*second\.db cannot be used")
    old = n.workers()
    n.send_signal(signal.SIGHUP)
    wait_for(lambda: not any(alive(p) for p in old) and len(n.workers()) == 2,
             20, "the reload")
    assert '"ess_event_log" %s cannot be used: ' % n.path(
        "second.db") in n.log()
    log.events.close()
    second = Events(n.port(), "/second")
    assert second.post([{"n": 1}]).status == 503
    assert second.get().status == 503
    assert log.errors(event(1), event(2)) == ["", ""]
    check_there(log.events, [event(1), event(2)])

    # as soon as it can, with the next one
    os.rmdir(n.path("second.db-journal"))
    n.reload(old_gone=True)
    second = Patient(n.port(), "/second")
    assert second.post([{"n": 1}]).status == 200
    assert second.page("") == [{"n": 1}]
    log.events.close()
    check_there(log.events, [event(1), event(2)])


def pages(events, query):
    """Each a list of ids."""

    found, page = [], events.page(query + "&from=0")
    while True:
        found.append([e["event_id"] for e in page["events"]])
        if page["next"] is None:
            return found
        page = events.page(query + "&after=" + page["next"])


def test_a_smaller_limit_of_events(nginx, place):
    """Larger ones are still read, in pages that are no larger than others."""

    log = Served(nginx, place, " max_event=2m")
    large = [event(n, text="x" * 1500000) for n in range(12)]
    small = [event(n) for n in range(12, 1100)]
    for i in range(0, 12, 6):
        assert log.errors(*large[i:i + 6]) == [""] * 6
    for i in range(0, len(small), 1000):
        assert set(log.errors(*small[i:i + 1000])) == {""}

    log.reload(" max_event=1k")
    assert log.errors(large[0], event(2000, text="x" * 1000), small[0]) == [
        "too_large", "too_large", ""]
    for e in large[:2] + large[-1:]:
        assert log.events.get("/" + e["event_id"]).json() == e
    wanted = [e["event_id"] for e in large + small]
    for query in "?size=1000", "?size=1000&order=desc", "?size=7":
        found = pages(log.events, query)
        assert sum(found, []) == (wanted[::-1] if "desc" in query else wanted)
        # five of them are 8 MB
        assert max(sum(int(i[2:]) < 12 for i in page) for page in found) == 5
    log.reload(" max_event=2m")
    assert log.errors(large[0]) == [""]
    assert log.events.page("?from=0")["total"] == 1100
