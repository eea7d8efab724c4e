"""ess_body: the bodies as they are, in an envelope, or in a template, over
WebSocket and Server-Sent Events, live and from history."""

import base64
import json
import re
import urllib.request

import pytest

from api import Api
from clients import Clients
from sse import EventSource
from wait import wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_body        text '<${ordinal} ${json:/a/0} ${json:/b} $$>';
    ess_stream      orders key=json:/k;
    %%DEFLATE%%

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /keys/ { ess_subscribe name=$arg_name public;
                          ess_body text '${name} "${key}" ${json:/k}'; }
        location /named/ { ess_subscribe name=$arg_name public;
                           ess_body envelope; }
        location /event-stream/ { ess_subscribe; }
        location /same/  { ess_subscribe;
                     ess_body text '<${ordinal} ${json:/a/0} ${json:/b} $$>'; }
        location /value/    { ess_subscribe; ess_body value; }
        location /envelope/ { ess_subscribe; ess_body envelope; }
        location /body/     { ess_subscribe;
                              ess_body text '${timestamp} ${id}\\n${body}'; }
        location /fixed/    { ess_subscribe; ess_body text '{"type": "x"}'; }
        location /annotate/ { ess_subscribe; ess_body value; ess_annotate on; }
        location /if/ {
            ess_subscribe;
            if ($arg_x) { set $y 1; }
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location = /metrics     { ess_metrics; }
    }
}
"""

BODIES = [
    '{"a":[1.50],"b":{"c":"\u00e4"}}', ' {"b" : "x\\u0041", "a" : [ [ ] ]} ',
    '{"a":[1]}', '{"a":1,"b":2}', "no JSON", b"\xff\xfe", "",
    '{"a":[1],"b":2,"a":[3]}', '[{"a":[1]}]',
    '{"a":["%s"],"b":0}' % ("z" * 300)]

FILLED = ['<1 1.50 {"c":"\u00e4"} $>', '<2 [ ] "x\\u0041" $>',
          '<10 "%s" 0 $>' % ("z" * 300)]


@pytest.fixture
def service(nginx, vhost):
    def make(deflate=""):
        n = nginx(CONF.replace("%%DEFLATE%%", deflate), 2, amqp=vhost.url)
        return n, Api(n.port(1)), Api(n.port(1)).create("abc")
    return make


def at(stream, path, scheme="ws"):
    url = stream.location if scheme == "ws" else stream.http
    return url.replace("/event-stream/", "/%s/" % path)


def rest(envelope):
    return re.fullmatch(r'\{"s":\d+,(.*)', envelope, re.S).group(1)


def figure(n, name):
    url = "http://127.0.0.1:%d/metrics" % n.port(1)
    with urllib.request.urlopen(url) as answer:
        return int(re.search(r"^ess_%s (\d+)$" % name,
                             answer.read().decode(), re.M).group(1))


@pytest.mark.parametrize("deflate", ["", "ess_deflate on min_size=1;"])
def test_template(service, vhost, deflate):
    """What has not what it asks for is left out, which is no gap."""

    n, api, stream = service(deflate)
    paths = "event-stream", "same", "if"
    with Clients([at(stream, p) for p in paths * 2],
                 library="both") as clients:
        vhost.publish("abc", BODIES)
        clients.wait(len(FILLED))
        for c in clients:
            assert c.messages == FILLED
    skipped = figure(n, "template_skipped_total")
    assert skipped >= len(BODIES) - len(FILLED)
    with Clients(stream.location + "?stream_from_ordinal=0") as clients:
        clients.wait(len(FILLED))
        assert clients[0].messages == FILLED
    assert (figure(n, "template_skipped_total")
            == skipped + len(BODIES) - len(FILLED))
    assert figure(n, "left_out_events_total") == 0
    assert figure(n, "gaps_total") == 0


def test_other_locations(service, vhost):
    """Each has what it says, also where it inherits another one."""

    n, api, stream = service()
    paths = "value", "body", "fixed", "annotate"
    with Clients([at(stream, p) for p in paths]) as clients:
        vhost.publish("abc", BODIES)
        value, body, fixed, annotate = clients
        wait_for(lambda: len(fixed.messages) == len(value.messages)
                 == len(annotate.messages) == len(BODIES)
                 and len(body.messages) == len(BODIES) - 1)
        assert value.messages == BODIES
        assert set(fixed.messages) == {'{"type": "x"}'}
        assert '"ess_ordinal":1' in annotate.messages[0]
        texts = [b for b in BODIES if isinstance(b, str)]
        for message, text in zip(body.messages, texts):
            head, _, rest = message.partition("\n")
            assert re.fullmatch(r"\d{13} [0-9a-f]+-\d+", head)
            assert rest == text


def test_envelope(service, vhost):
    n, api, stream = service()
    with Clients([at(stream, "envelope")] * 2) as clients, \
            EventSource(at(stream, "envelope", "sse")) as source:
        vhost.publish("abc", BODIES)
        clients.wait(len(BODIES))
        events = source.wait(len(BODIES))
        # a worker's number, and the rest is the same
        assert ([rest(m) for m in clients[0].messages]
                == [rest(m) for m in clients[1].messages]
                == [rest(e.data) for e in events])
        numbers = set()
        for i, message in enumerate(clients[0].messages):
            found = json.loads(message)
            assert list(found)[:3] == ["s", "id", "t"]
            assert len(found) == 4
            assert found["id"] == events[i].id
            assert found["id"].endswith("-%d" % (i + 1))
            assert found["t"] > 1600000000000
            numbers.add(found["s"])
            body = BODIES[i]
            if i in (0, 1, 2, 3, 8, 9):
                assert message.endswith(',"data":%s}' % body.strip())
            elif isinstance(body, bytes):
                assert base64.b64decode(found["base64"]) == body
            else:
                assert found["text"] == body
        assert len(numbers) == 1


def test_envelopes_tell_of_gaps(service, vhost):
    """Templates do not, unless they are events of an event stream."""

    n, api, stream = service()
    vhost.publish("abc", BODIES[:1])
    wait_for(lambda: api.get(stream)["last_ordinal"] == 1)
    query = "?from=12ab-77"
    with Clients([at(stream, p) + query
                  for p in ("envelope", "event-stream")]) as clients, \
            EventSource(stream.http + query) as source:
        wait_for(lambda: len(clients[0].messages) == 2
                 and len(clients[1].messages) == 1)
        gap = json.loads(clients[0].messages[0])
        assert list(gap) == ["s", "gap"] and list(gap["gap"]) == ["from", "to"]
        assert json.loads(clients[0].messages[1])["s"] == gap["s"]
        assert clients[1].messages == FILLED[:1]
        first, second = source.wait(2)
        assert (first.type, second.type) == ("gap", "message")
        assert second.data == FILLED[0]


def test_event_stream(service, vhost):
    """A line break in a template is one in the data; ids are as ever."""

    n, api, stream = service()
    with EventSource(at(stream, "body", "sse")) as source:
        vhost.publish("abc", BODIES)
        events = source.wait(len(BODIES) - 1)
        for event in events:
            head, _, rest = event.data.partition("\n")
            assert head.split()[1] == event.id
        last = events[3].id
    with EventSource(at(stream, "body", "sse"), last_id=last) as source:
        rest = source.wait(len(events) - 4)
        assert [e.data for e in rest] == [e.data for e in events[4:]]


def test_names_and_keys(service, vhost):
    """Both as they stand between quotes in JSON."""

    n, api, stream = service()
    wait_for(lambda: "orders" in [s.get("name") for s in api.list()])
    base = "ws://127.0.0.1:%d/%%s/?name=orders" % n.port(0)
    with Clients([base % p for p in ("keys", "named")]) as clients:
        vhost.publish("orders", ['{"k":"eu"}', '{"k":"a\\"\\n"}', '{"k":7}',
                                 '{"l":7}', '{"k":[1]}'])
        wait_for(lambda: len(clients[0].messages) == 4
                 and len(clients[1].messages) == 5)
        assert clients[0].messages == [
            'orders "eu" "eu"', 'orders "a\\"\\n" "a\\"\\n"',
            'orders "7" 7', 'orders "" [1]']
        assert [json.loads(m).get("key") for m in clients[1].messages] == [
            "eu", 'a"\n', "7", None, None]


def test_same_template_is_encoded_once(service, vhost):
    """Two locations with the same text have the same frames: a client of each
    counts what is left out once a worker, not once a location."""

    n, api, stream = service()
    with Clients([at(stream, p) for p in ("event-stream", "same") * 8]):
        wait_for(lambda: api.get(stream)["subscribers"] == 16)
        vhost.publish("abc", ["no JSON"] * 10)
        wait_for(lambda: figure(n, "template_skipped_total") >= 10)
        assert figure(n, "template_skipped_total") in (10, 20)


def test_a_large_body_is_not_read_many_times(nginx, vhost):
    """Sixteen pointers into five megabytes: over the limit of 64."""

    pointers = "".join("${json:/%d}" % i for i in range(16))
    n = nginx(CONF.replace("%%DEFLATE%%", "ess_max_event 6m;")
              .replace("streams 8m", "streams 80m")
              .replace("<${ordinal} ${json:/a/0} ${json:/b} $$>", pointers),
              2, amqp=vhost.url)
    api = Api(n.port(1))
    stream = api.create("abc")
    with Clients(stream.location) as clients:
        small = "[" + ",".join("1" * 16) + "]"
        large = "[" + ",".join(["1"] * 16 + ['"%s"' % ("x" * 5000000)]) + "]"
        vhost.publish("abc", [large, small])
        clients.wait(1)
        assert clients[0].messages == ["1" * 16]
    assert figure(n, "template_skipped_total") == 1
