"""Events by POST: what is taken and what is refused, each by itself; bodies that
come compressed, slowly, or are no list; strict locations."""

import concurrent.futures
import contextlib
import gzip
import json
import socket
import sqlite3
import time
import zlib

import pytest

from events import Events, event, result
from wait import wait_for

CONF = """
http {
    ess_event_log audit %%DIR%%/audit.db id=event_id time=timestamp type=type
                  max_event=2k;
    ess_event_log plain %%DIR%%/plain.db;
    ess_event_log deep %%DIR%%/deep.db id=/event/id time=/event/at;
    client_max_body_size 8m;
    server {
        listen %%PORT0%% reuseport;
        location /v1/events { ess_events audit; }
        location /strict { ess_events audit strict; }
        location /plain { ess_events plain; }
        location /deep { ess_events deep; }
        location /small { client_max_body_size 1k; ess_events audit; }
        location /open { ess_origin http://other.example; ess_events audit; }
        location /denied { deny all; ess_events audit; }
    }
}
"""


@pytest.fixture
def server(nginx):
    return nginx(CONF, workers=2)


@pytest.fixture
def events(server):
    return Events(server.port())


def results(answer):
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def test_one_broken_event_does_not_spoil_its_neighbours(events):
    broken = [
        b'{"event_id":"b","timestamp":"2024-01-01T00:00:00Z","type":"t",'
        b'"event":%s}' % b for b in (
            b'{"location":"europe","location":"mars"}', b'"\\u0000"',
            b'{"a\\u0000":1}', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xff"',
            b'"\xc0\x80"', b'1e400', b'[0,-1e999999999999999999999]',
            b"[" * 64 + b"]" * 64, b"[" * 500 + b"]" * 500)]
    for element in broken:
        neighbours = [json.dumps(event(n)).encode() for n in (1, 2)]
        answer = events.post(b"[%s,%s , %s]" % (neighbours[0], element,
                                                neighbours[1]))
        assert results(answer) == [
            result("e_1"), result("b", "invalid_json"), result("e_2")], element
    assert len(events.page("?size=100")) == 2


def test_what_is_good_is_kept_as_it_was_sent(events):
    bodies = [
        b'{"event_id":"1","timestamp":"2024-01-01T00:00:00.123+01:00","type":'
        b'"t","event":%s}' % b for b in (
            b'1e2', b'{ "b" : 1.0, "a":\t"\\u00e9\\ud83d\\ude00" }',
            b'123456789012345678901234567890', b'"\xc3\xa9"',
            b"[" * 63 + b"]" * 63)]
    for n, body in enumerate(bodies):
        body = body.replace(b'"1"', b'"id-%d"' % n)
        assert results(events.post(b"[" + body + b"]")) == [
            result("id-%d" % n)]
        answer = events.get("/id-%d" % n)
        assert (answer.status, answer.body) == (200, body)


def test_too_large(events):
    large = event(2, text="x" * 2048)
    answer = events.post([event(1), large, event(3)])
    assert results(answer) == [result("e_1"), result("e_2", "too_large"),
                               result("e_3")]
    # to the byte
    for size, error in ((2048, ""), (2049, "too_large")):
        body = event(size, text="")
        body["event"]["text"] = "x" * (size - len(json.dumps(body)))
        assert len(json.dumps(body)) == size
        assert results(events.post([body])) == [result("e_%d" % size, error)]
    # one that is as large as a body can be, and has brackets in its strings
    huge = event(4, text="[{\"\\" * 100000)
    assert results(events.post([huge, event(5)])) == [
        result("e_4", "too_large"),
        result("e_5")]


def test_members_that_the_log_needs(events):
    good = event(1)
    for name, value, error in (
            ("event_id", None, "missing_event_id"),
            ("event_id", 7, "invalid_event_id"),
            ("event_id", "", "invalid_event_id"),
            ("event_id", "x" * 513, "invalid_event_id"),
            ("timestamp", None, "missing_timestamp"),
            ("timestamp", 1704116710, "invalid_timestamp"),
            ("timestamp", "yesterday", "invalid_timestamp"),
            ("timestamp", "2024-02-30T00:00:00Z", "invalid_timestamp"),
            ("type", None, "missing_type"),
            ("type", [], "invalid_type"),
            ("type", "x" * 257, "invalid_type")):
        bad = dict(good, **{name: value})
        if value is None:
            del bad[name]
        told = bad.get("event_id")
        told = told if isinstance(told, str) else ""
        assert results(events.post([bad])) == [result(told, error)], bad
    assert events.page("") == []
    # names of 512 and 256 bytes, of any characters
    for body in (dict(good, event_id="x" * 512),
                 dict(good, event_id="\u00e9\U0001f600 \"/\\", type="x" * 256)):
        assert results(events.post([body])) == [result(body["event_id"])]
    assert len(events.page("")) == 2


def test_the_same_event_again_is_success(events):
    first = event(1)
    assert results(events.post([first])) == [result("e_1")]
    again = json.dumps(first, indent=2, sort_keys=True).replace(
        '"user"', '"\\u0075ser"')
    other = dict(first, type="system")
    assert results(events.post("[%s,%s]" % (again, json.dumps(other)))) == [
        result("e_1"), result("e_1", "duplicate_event_id")]
    assert results(events.post([event(2), event(2), other])) == [
        result("e_2"), result("e_2"), result("e_1", "duplicate_event_id")]
    assert len(events.page("")) == 2


def test_ids_of_the_log(server):
    plain = Events(server.port(), "/plain")
    before = time.time()
    told = results(plain.post([{"a": 1}, {"a": 1}, {}]))
    assert [r["success"] for r in told] == [True] * 3
    ids = [int(r["event_id"]) for r in told]
    assert ids == sorted(set(ids))
    assert plain.get("/%d" % ids[1]).body == b'{"a": 1}'
    # the time is that of arrival
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(before - 60))
    assert len(plain.page("?since=" + stamp)) == 3
    assert plain.page("?until=" + stamp) == []


def test_places_of_id_and_time(server):
    deep = Events(server.port(), "/deep")
    good = {"event": {"id": "x", "at": "2024-01-01T00:00:00Z"}}
    assert results(deep.post([good, {"event": {"id": "y"}}, {"id": "z"}])) == [
        result("x"), result("y", "missing_at"), result("", "missing_id")]
    assert deep.get("/x").json() == good


def test_strict(server, events):
    strict = Events(server.port(), "/strict")
    one = event(1)
    # an object alone is a list of one
    answer = strict.post(one)
    assert results(answer) == [result("e_1")]
    answer = strict.post([event(2), dict(event(3), timestamp="x"), event(4)])
    assert (answer.status, answer.json()) == (422, [
        result("e_2", success=False), result("e_3", "invalid_timestamp"),
        result("e_4", success=False)])
    answer = strict.post([event(5), dict(one, type="other")])
    assert (answer.status, answer.json()) == (422, [
        result("e_5", success=False), result("e_1", "duplicate_event_id")])
    answer = strict.post(b'{"event_id":"x","event_id":"x"}')
    assert (answer.status, answer.json()[0]["error"]) == (422, "invalid_json")
    assert results(strict.post([])) == []
    assert [e["event_id"] for e in events.page("")] == ["e_1"]
    assert results(strict.post([one, event(6)])) == [result("e_1"),
                                                     result("e_6")]
    answer = strict.post(json.dumps(one) + ",{}")
    assert answer.status == 400
    # elsewhere it is none
    answer = events.post(one)
    assert (answer.status, answer.json()) == (
        400, {"detail": ["Input should be a valid list found in ('body',)"]})


def test_codings(events):
    body = json.dumps([event(n) for n in range(1000)]).encode()
    for coding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress),
                         ("identity", bytes)):
        answer = events.post(pack(body), {"Content-Encoding": coding})
        assert results(answer) == [result("e_%d" % n) for n in range(1000)]
    for body, coding, status in ((b"[]", "br", 415), (b"[]", "gzip", 400),
                                 (gzip.compress(b" " * 9000000), "gzip", 413)):
        answer = events.post(body, {"Content-Encoding": coding})
        assert answer.status == status, answer
        plain(answer)


def plain(answer):
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["detail"]


def test_what_nginx_itself_refuses(server, events):
    small = Events(server.port(), "/small")
    denied = Events(server.port(), "/denied")
    for answer, status in ((small.post(" " * 2000), 413),
                           (denied.post([]), 403), (denied.get(), 403)):
        assert answer.status == status
        plain(answer)
    s = socket.create_connection(("127.0.0.1", server.port()))
    s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\n"
              b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
    text = b""
    while b"\r\n\r\n" not in text:
        data = s.recv(65536)
        assert data, text
        text += data
    assert text.startswith(b"HTTP/1.1 400")
    assert b"Content-Type: application/json\r\n" in text
    s.close()


def test_pages_of_other_origins(server, events):
    foreign = {"Origin": "http://other.example"}
    answer = events.post([event(1)], foreign)
    assert answer.status == 403
    plain(answer)
    answer = events.post([event(1)], {"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403
    listed = Events(server.port(), "/open")
    answer = listed.post([event(1)], foreign)
    assert results(answer) == [result("e_1")]
    assert answer.headers["Access-Control-Allow-Origin"] == foreign["Origin"]
    own = {"Origin": "http://127.0.0.1:%d" % server.port()}
    assert results(events.post([event(1)], own)) == [result("e_1")]
    answer = listed.request("OPTIONS", "", None, dict(
        foreign, **{"Access-Control-Request-Method": "POST"}))
    assert answer.status == 204
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


def test_a_body_that_comes_slowly(server, events):
    body = json.dumps([event(n) for n in range(3)]).encode()
    s = socket.create_connection(("127.0.0.1", server.port()))
    s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: %d"
              b"\r\nConnection: close\r\n\r\n" % len(body))
    for i in range(0, len(body), 40):
        s.sendall(body[i:i + 40])
        time.sleep(0.005)
    text = b""
    while True:
        data = s.recv(65536)
        if not data:
            break
        text += data
    s.close()
    assert json.loads(text.split(b"\r\n\r\n", 1)[1]) == [
        result("e_%d" % n) for n in range(3)]


def test_clients_that_go_away(server, events):
    body = json.dumps([event(n) for n in range(1000)]).encode()
    for n in range(20):
        s = socket.create_connection(("127.0.0.1", server.port()))
        s.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: %d"
                  b"\r\n\r\n" % len(body) + body)
        time.sleep(n / 2000)
        s.close()
        s = socket.create_connection(("127.0.0.1", server.port()))
        s.sendall(b"GET /v1/events?size=1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(n / 4000)
        s.close()
    answer = events.post(body)
    assert results(answer) == [result("e_%d" % n) for n in range(1000)]
    assert events.page("?from=0&size=1000")["total"] == 1000


def test_many_elements(server, events):
    answer = events.post("[%s]" % ",".join("{}" for _ in range(400000)))
    assert (answer.status, answer.json()) == (
        400, {"detail": "Unable to process event logs, must be less than "
                        "1000. Received: 400000"})
    answer = events.post("[%s]" % ",".join("0" for _ in range(400000)))
    assert answer.status == 400 and len(answer.json()["detail"]) == 1000
    answer = events.post("[" * 4000000)
    assert answer.status == 400
    answer = events.post('["%s"]' % ("a" * 4000000))
    assert (answer.status, answer.json()) == (400, {"detail": [
        "Input should be a valid dictionary found in ('body', 0)"]})


@pytest.mark.parametrize("kind", ["ABORT", "FAIL", "ROLLBACK"])
def test_what_a_trigger_refuses(server, events, kind):
    """It alone: also one that ends the transaction, in which may be events of
    others."""

    with contextlib.closing(sqlite3.connect(server.path("audit.db"))) as db:
        db.execute("CREATE TRIGGER dogs AFTER INSERT ON event "
                   "WHEN new.type = 'dog' BEGIN "
                   "SELECT RAISE(%s, 'no dogs'); END" % kind)

    def put(client):
        mine = Events(server.port())
        return [results(mine.post([
            event(client * 100 + i, "dog" if i % 10 == client else "cat")
            for i in range(at, at + 5)])) for at in range(0, 50, 5)]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for client, answers in enumerate(pool.map(put, range(8))):
            assert sum(answers, []) == [
                result("e_%d" % (client * 100 + i),
                       "refused" if i % 10 == client else "")
                for i in range(50)]
    assert events.page("?size=1000&from=0")["total"] == 8 * 45

    strict = Events(server.port(), "/strict")
    answer = strict.post([event(900), event(901, "dog")])
    assert answer.status == 422
    assert answer.json() == [result("e_900", "", False),
                             result("e_901", "refused")]
    assert results(strict.post([event(900)])) == [result("e_900")]
    assert events.page("?size=1000&from=0")["total"] == 8 * 45 + 1


def test_while_the_database_is_away(server, events):
    """Nothing is stored then, and who comes again is served."""

    assert results(events.post([event(1)])) == [result("e_1")]
    server.expect("event log")
    other = sqlite3.connect(server.path("audit.db"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = events.post([event(2)])
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
    plain(answer)
    assert len(events.page("")) == 1
    other.execute("ROLLBACK")
    other.close()
    wait_for(lambda: events.post([event(2)]).status == 200)
    assert events.page("") == [event(1), event(2)]
