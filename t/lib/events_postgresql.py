"""Event logs in PostgreSQL, for tests: a configuration, and calls that are
patient with a database that is starved."""

import json
import urllib.error
import urllib.parse
import urllib.request

from wait import wait_for

CONF = """
http {
    ess_event_log audit %%PG%% id=event_id time=timestamp type=type%%MORE%%;

    server {
        listen %%PORT0%%;
        location /v1/events { ess_events audit; }
        location = /metrics { ess_metrics; }
        location = /health  { ess_health; }
    }
}
"""

NAMES = " id=event_id time=timestamp type=type"


def call(n, path="/v1/events", body=None, timeout=60):
    """Status, and the body as JSON."""

    request = urllib.request.Request(
        "http://127.0.0.1:%d%s" % (n.port(0), path),
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as r:
            return r.status, json.load(r)
    except urllib.error.HTTPError as e:
        text = e.read()
        try:
            return e.code, json.loads(text)
        except ValueError:
            return e.code, text


def event(id, type="user", time="2024-01-01T13:45:10Z", **more):
    return dict({"type": type, "timestamp": time, "event_id": id}, **more)


def patiently(n, **of):
    """A server that is starved is asked again: to connect takes two seconds at
    most, and then the answer is 503, as the documents say."""

    def answered():
        answer = call(n, **of)
        return answer[0] != 503 and answer

    return wait_for(answered, 20, "the database")


def post(n, *events):
    status, results = patiently(n, body=list(events))
    assert status == 200, results
    return [r["success"] or r["error"] for r in results]


def ids(n):
    """Of all events, page by page."""

    found, path = [], "/v1/events?size=1000&from=0"
    while path:
        status, page = patiently(n, path=path)
        assert status == 200, page
        found += [e["event_id"] for e in page["events"]]
        path = page.get("next") and ("/v1/events?size=1000&after="
                                     + urllib.parse.quote(page["next"]))
    return found


def terminate(database):
    """All sessions of nginx with it; others have databases there as well."""

    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                 "WHERE application_name LIKE 'nginx%' "
                 "AND datname = current_database()")
