"""No memory: requests whose allocations fail are answered, or given up, and no
worker dies; what was answered with success is in the log, once."""

import http.client
import random

from events import Events, event
from fault import Hunger
from nginx import FAULT_MODULE
from sse import EventSource, followed

CONF = """
env ESS_FAULT_ALLOC;

http {
    ess_zone streams 8m;
    ess_event_log audit %%DIR%%/audit.db id=event_id time=timestamp type=type;
    server {
        listen 127.0.0.1:%%PORT0%%;
        location /v1/events { ess_events audit; }
        location /strict { ess_events audit strict; }
    }
}
"""

TROUBLE = OSError, http.client.HTTPException


def ask(n, r, number):
    """Ids of what was stored."""

    if r.random() < .2:
        try:
            source = EventSource("http://127.0.0.1:%d/v1/events?"
                                 "stream_from_ordinal=0" % n.port(0))
        except AssertionError as e:
            raise ConnectionError(e) from e
        with source:
            assert source.status in (200, 500, 503)
        return []

    events = Events(n.port(0), r.choice(["/v1/events", "/strict"]))
    try:
        if r.random() < .5:
            batch = [event(i) for i in range(number, number + 3)]
            answer = events.post(batch)
            ids = [e["event_id"] for e in batch]
        else:
            answer = events.get(r.choice(["?size=3", "?from=1", "/e_1"]))
            ids = []
        assert answer.status in (200, 404, 500, 503), answer
        if answer.status == 200:
            answer.json()
            return ids
        assert list(answer.json()) == ["detail"], answer
    finally:
        events.close()
    return []


def test_allocations_fail(nginx, tmp_path, monkeypatch):
    path = tmp_path / "alloc"
    hungry = Hunger(path)
    monkeypatch.setenv("ESS_FAULT_ALLOC", str(path))
    n = nginx(CONF, workers=2, module=FAULT_MODULE)
    n.expect("memory|closed|event log")
    workers = n.workers()
    r, stored, lost, number = random.Random(6), [], 0, 0
    for rate in (200, 50, 10, 3):
        hungry.set(rate)
        for _ in range(40):
            number += 3
            try:
                stored += ask(n, r, number)
            except TROUBLE:
                lost += 1
    hungry.set(0)
    assert n.workers() == workers
    found = [e["event_id"] for e in Events(n.port(0)).page("?size=1000")]
    assert len(found) == len(set(found))
    assert stored and set(stored) <= set(found)
    with followed("http://127.0.0.1:%d/v1/events?stream_from_ordinal=0"
                  % n.port(0)) as source:
        source.wait(len(found))
