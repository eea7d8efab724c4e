"""Messages as events: ess_consume and ess_events strict in one location."""

import json

import pika

from events import Events, event, result
from rpc_app import Caller, consumed, taken
from wait import wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;
    ess_event_log audit %%DIR%%/audit.db schema=%%DIR%%/../schema.json
                  id=event_id time=timestamp type=type;
    server {
        listen %%PORT0%% reuseport;
        location /v1/events { ess_events audit; }
        location = /ingest {
            internal;
            ess_consume audit-events declare=durable dead=audit-events.dead;
            ess_events audit strict;
        }
    }
}
"""

SCHEMA = {"type": "object", "required": ["event_id", "type", "event"],
          "properties": {"event": {"type": "object"}}}


def start(nginx, vhost, tmp_path):
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    n = nginx(CONF, amqp=vhost.url, workers=2)
    consumed(vhost, "audit-events")
    return n


def publish(vhost, *bodies, **properties):
    vhost.publish("audit-events", bodies, exchange="",
                  properties=pika.BasicProperties(**properties))


def test_messages_become_events(nginx, vhost, tmp_path):
    n = start(nginx, vhost, tmp_path)
    events = Events(n.port())
    publish(vhost, *[json.dumps(event(i)).encode() for i in range(200)])
    publish(vhost, json.dumps([event(i) for i in range(200, 300)]).encode(),
            content_type="application/json")
    # the same once more
    publish(vhost, *[json.dumps(event(i), indent=1).encode()
                     for i in range(0, 300, 10)])
    wait_for(lambda: events.page("?total=1")["total"] == 300)
    wait_for(lambda: vhost.queue_counts("audit-events")[0] == 0)
    page = events.page("?size=1000")
    assert sorted(e["event"]["n"] for e in page) == list(range(300))
    n.stop()
    assert vhost.left_counts("audit-events") == (0, 0)


def test_what_is_invalid_is_dead(nginx, vhost, tmp_path):
    n = start(nginx, vhost, tmp_path)
    n.expect("is dead")
    events = Events(n.port())
    other = dict(event(1), type="other")
    for body, status in (
            (b'{"event_id":"x"}', 422), (b"{bad", 400), (b"", 400),
            (b'"text"', 400), (b'{"event_id":"x","event_id":"x"}', 422),
            (json.dumps([event(2), dict(event(3), event=0)]).encode(), 422)):
        publish(vhost, body)
        properties, dead = taken(vhost, "audit-events.dead")
        assert dead == body
        assert properties.headers["ess_status"] == status
        assert properties.headers["ess_attempts"] == 1
    publish(vhost, json.dumps(event(1)).encode())
    wait_for(lambda: len(events.page("")) == 1)
    publish(vhost, json.dumps(other).encode())
    properties, dead = taken(vhost, "audit-events.dead")
    assert json.loads(dead) == other
    assert events.page("") == [event(1)]


def test_callers_are_answered(nginx, vhost, tmp_path):
    start(nginx, vhost, tmp_path)
    with Caller(vhost) as caller:
        for body, told in ((event(1), [result("e_1")]),
                           ({"event_id": "x"}, [result("x", "missing_event")])):
            properties, reply = caller.call("audit-events",
                                            json.dumps(body).encode())
            assert json.loads(reply) == told
            assert properties.content_type == "application/json"
            assert properties.headers["http_status"] == (
                200 if told[0]["success"] else 422)
