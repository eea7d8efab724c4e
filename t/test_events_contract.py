"""The contract of an event log as FastAPI services have it, byte for byte, twice
in a row; and what differs from it on purpose."""

import itertools
import json
import os
import re

import pytest

from events import Events
from nginx import TOP

CONF = """
http {
    ess_event_log audit %%PLACE%% schema=%%SCHEMA%%
                  id=event_id time=timestamp type=type;
    server {
        listen %%PORT0%% reuseport;
        location /v1/events { ess_events audit; }
    }
}
"""


def user(n, time="2024-01-01T13:45:10Z", operation="read", **more):
    return dict({"type": "user", "timestamp": time, "event_id": "u_%03d" % n,
                 "event": dict({"username": "my_user",
                                "email": "my_user@email.com",
                                "operation": operation}, **more)})


def system(event_id, location="europe", time="2006-01-13T00:00:00Z"):
    return {"type": "system", "timestamp": time, "event_id": event_id,
            "event": {"system_id": "id_123", "location": location,
                      "operation": "read"}}


def told(event_id, error=""):
    return '{"event_id":"%s","success":%s,"error":"%s"}' % (
        event_id, "false" if error else "true", error)


def wrong(*texts):
    return '{"detail":[%s]}' % ",".join('"%s"' % t for t in texts)


SIZE = " found in ('query', 'size')"
INTEGER = "Input should be a valid integer, unable to parse string as an " \
          "integer"

BODIES = [
    # body, status, answer
    (json.dumps([system("s_123")]), 200, "[%s]" % told("s_123")),
    (json.dumps([system("s_123", "jetix")]), 200,
     "[%s]" % told("s_123", "invalid_location")),
    (json.dumps([dict(user(1), event_id="u_123"), system("s_123", "jetix")]),
     200, "[%s,%s]" % (told("u_123"), told("s_123", "invalid_location"))),
    ("[]", 200, "[]"),
    (json.dumps(system("s_123")), 400,
     wrong("Input should be a valid list found in ('body',)")),
    ('"text"', 400, wrong("Input should be a valid list found in ('body',)")),
    ("17", 400, wrong("Input should be a valid list found in ('body',)")),
    ("{not JSON}", 400, wrong("JSON decode error found in ('body', 1)")),
    ("[{not JSON}]", 400, wrong("JSON decode error found in ('body', 2)")),
    ("not JSON", 400, wrong("JSON decode error found in ('body', 0)")),
    ('["\u00e9\u00e9" x]', 400,
     wrong("JSON decode error found in ('body', 6)")),
    ("[{}", 400, wrong("JSON decode error found in ('body', 3)")),
    ("[{}] x", 400, wrong("JSON decode error found in ('body', 5)")),
    ('["text"]', 400,
     wrong("Input should be a valid dictionary found in ('body', 0)")),
    (json.dumps([system("s_1"), 1, system("s_2"), None]), 400,
     wrong("Input should be a valid dictionary found in ('body', 1)",
           "Input should be a valid dictionary found in ('body', 3)")),
    ("", 400, wrong("Field required found in ('body',)")),
    ("null", 400, wrong("Field required found in ('body',)")),
    (json.dumps([{}] * 1001), 400,
     '{"detail":"Unable to process event logs, must be less than 1000. '
     'Received: 1001"}'),
    # the time comes before what is in the event
    (json.dumps([system("s_9", "jetix", "2999-01-01T00:00:00Z")]), 200,
     "[%s]" % told("s_9", "invalid_timestamp")),
    (json.dumps([system("s_9", "jetix", "yesterday")]), 200,
     "[%s]" % told("s_9", "invalid_timestamp")),
    (json.dumps([system("s_9", "europe", "yesterday")]), 200,
     "[%s]" % told("s_9", "invalid_timestamp")),
    # not as there: what is wrong is named, and nothing is 500
    (json.dumps([user(99, email="nobody")]), 200,
     "[%s]" % told("u_099", "invalid_email")),
    (json.dumps([{k: v for k, v in user(99).items() if k != "event_id"}]), 200,
     "[%s]" % told("", "missing_event_id")),
    (json.dumps([dict(user(99), event_id=7)]), 200,
     "[%s]" % told("", "invalid_event_id")),
    (json.dumps([dict(user(99), event_id=None)]), 200,
     "[%s]" % told("", "invalid_event_id")),
    # taken there a second time
    (json.dumps([dict(system("s_123"), timestamp="2006-01-14T00:00:00Z")]),
     200, "[%s]" % told("s_123", "duplicate_event_id")),
]

REQUESTS = [
    # method, path, status, answer
    ("GET", "?size=1001", 400,
     wrong("Input should be less than or equal to 1000" + SIZE)),
    ("GET", "?size=0", 400, wrong("Input should be greater than 0" + SIZE)),
    ("GET", "?size=-1", 400, wrong("Input should be greater than 0" + SIZE)),
    ("GET", "?size=abc", 400, wrong(INTEGER + SIZE)),
    ("GET", "?size=", 400, wrong(INTEGER + SIZE)),
    ("GET", "?size=5&size=1001", 400,
     wrong("Input should be less than or equal to 1000" + SIZE)),
    ("GET", "/u_404", 404,
     '{"detail":"Unable to find event log with u_404"}'),
    ("GET", "s", 404, '{"detail":"Not Found"}'),
    ("DELETE", "", 405, '{"detail":"Method Not Allowed"}'),
    ("PUT", "", 405, '{"detail":"Method Not Allowed"}'),
    ("POST", "/u_001", 405, '{"detail":"Method Not Allowed"}'),
    ("DELETE", "/u_001", 405, '{"detail":"Method Not Allowed"}'),
]


class Turns(Events):
    """Requests to several nginx, in turn."""

    def __init__(self, nodes):
        super().__init__(nodes[0].port())
        self.turns = itertools.cycle([Events(n.port()) for n in nodes])

    def request(self, *args, **kwargs):
        return next(self.turns).request(*args, **kwargs)


@pytest.fixture
def serve(nginx):
    def make(place="%%DIR%%/audit.db"):
        return nginx(CONF.replace("%%PLACE%%", place).replace(
            "%%SCHEMA%%", os.path.join(TOP, "conf", "event.schema.json")),
            workers=2)
    return make


@pytest.fixture
def server(serve):
    return serve()


@pytest.mark.parametrize("nodes", [1, 2])
def test_rows_in_postgresql(serve, database, nodes):
    rows(Turns([serve(database.url) for _ in range(nodes)]))


def test_rows(server):
    rows(Events(server.port()))


def rows(events):
    first = [user(n) for n in range(1, 14)]
    for _ in range(2):
        answer = events.post(first)
        assert (answer.status, answer.body.decode()) == (
            200, "[%s]" % ",".join(told(e["event_id"]) for e in first))
        for body, status, text in BODIES:
            answer = events.post(body.encode())
            assert (answer.status, answer.body.decode()) == (status, text), \
                body
            assert answer.headers["Content-Type"] == "application/json"
        for method, path, status, text in REQUESTS:
            answer = events.request(method, path)
            assert (answer.status, answer.body.decode()) == (status, text), (
                method, path)
            assert answer.headers["Content-Type"] == "application/json"
            assert (answer.headers["Allow"] is not None) == (status == 405)
        for size in (1, 5, 10):
            for other in ("other=1", "types=x", "Type=", "&=&"):
                assert events.page("?size=%d&%s" % (size, other)) == (
                    first[:size])
        assert events.page("") == first[:10]
        answer = events.get("/u_001")
        assert answer.json() == first[0]
        assert answer.headers["Content-Type"] == "application/json"


def test_allow(server):
    events = Events(server.port())
    for path, allow in (("", "GET, HEAD, POST, OPTIONS"),
                        ("/x", "GET, HEAD, OPTIONS")):
        for method, status in (("DELETE", 405), ("OPTIONS", 204)):
            answer = events.request(method, path)
            assert answer.status == status
            assert answer.headers["Allow"] == allow
    events.post([user(1)])
    for path in ("", "/u_001"):
        answer = events.request("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")
        assert int(answer.headers["Content-Length"]) == len(
            events.get(path).body)


@pytest.mark.parametrize("line, words", [
    ("ess_events other;", 'there is no event log "other"'),
    ("ess_events audit slow;", 'has the invalid parameter "slow"'),
    ("ess_events audit; ess_events audit;", "is duplicate"),
    ("ess_events audit; return 204;", None),
    ("ess_events audit; proxy_pass http://127.0.0.1:1;", "cannot share"),
])
def test_wrong_configurations(nginx, line, words):
    n = nginx("""
http {
    server {
        listen %%PORT0%%;
        location /v1/events { """ + line + """ }
    }
    ess_event_log audit %%DIR%%/audit.db;
}
""", start=False)
    if words:
        n.expect(re.escape(words))
    rc, text = n.test()
    assert (rc == 0) == (words is None), text
    assert words is None or words in text
