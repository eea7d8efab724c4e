"""ess_annotate for clients that take nothing but what they know: no notices
of gaps, and no bodies that are neither text nor JSON."""

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
    ess_annotate    on gaps=off strict=on;
    %%DEFLATE%%

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
        location /on/           { ess_subscribe; ess_annotate on; }
        location /gaps/    { ess_subscribe; ess_annotate on strict=on; }
        location /all/     { ess_subscribe;
                             ess_annotate on gaps=off strict=off; }
        location /plain/   { ess_subscribe; ess_annotate off; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location = /metrics     { ess_metrics; }
    }
}
"""

BODIES = [
    "", "{bad json", b"\xff\xfe", '{"a":1}', "a|b", "", '{"a":1}}', "plain",
    '["{"]', '{"a":"' + "\u00e4" * 300 + '"}', "{}", b'{"a":"\xe4"}',
    "\n{bad json", '\n {"b":2}', "end"]

# of those, by the place in the list
LEFT_OUT = {0, 1, 2, 5, 6, 11, 12}


@pytest.fixture
def service(nginx, vhost):
    def make(deflate=""):
        n = nginx(CONF.replace("%%DEFLATE%%", deflate), 2, amqp=vhost.url)
        api = Api(n.port(1))
        return n, api, api.create("abc")
    return make


def at(stream, path):
    return stream.location.replace("/event-stream/", "/%s/" % path)


def figure(n, name):
    url = "http://127.0.0.1:%d/metrics" % n.port(1)
    with urllib.request.urlopen(url) as answer:
        return int(re.search(r"^ess_%s (\d+)$" % name,
                             answer.read().decode(), re.M).group(1))


def known(message):
    """What a client that knows two forms makes of it: the body, ordinal."""

    assert isinstance(message, str) and message
    if message[0] == "{":
        found = json.loads(message)
        assert found.pop("ess_timestamp") > 0
        ordinal = found.pop("ess_ordinal")
        return json.dumps(found, ensure_ascii=False), ordinal
    text, ordinal, timestamp = message.rsplit("|", 2)
    assert re.fullmatch(r"timestamp: \d+", timestamp)
    return text, int(re.fullmatch(r"ordinal: (\d+)", ordinal).group(1))


@pytest.mark.parametrize("deflate", ["", "ess_deflate on min_size=1;"])
def test_strict(service, vhost, deflate):
    """Live and from history; ordinals go on, and nothing is called a gap."""

    n, api, stream = service(deflate)
    kept = [i for i in range(len(BODIES)) if i not in LEFT_OUT]
    expected = [(str(BODIES[i]).strip().replace('":', '": '), i + 1)
                for i in kept]
    with Clients([at(stream, p) for p in ("event-stream", "gaps") * 2],
                 library="both") as clients:
        vhost.publish("abc", BODIES)
        clients.wait(len(kept))
        for c in clients:
            assert [known(m) for m in c.messages] == expected
    count = figure(n, "left_out_events_total")
    assert count >= len(LEFT_OUT)
    for path in "event-stream", "gaps":
        for begin in range(len(BODIES) + 1):
            query = "?stream_from_ordinal=%d" % begin
            with Clients(at(stream, path) + query) as clients:
                want = [e for e in expected if e[1] > begin]
                clients.wait(len(want))
                assert [known(m) for m in clients[0].messages] == want
    assert figure(n, "left_out_events_total") > count
    assert figure(n, "gaps_total") == 0
    # nobody else misses them
    with Clients(at(stream, "plain") + "?stream_from_ordinal=0") as clients:
        clients.wait(len(BODIES))
        assert clients[0].messages == BODIES
    with EventSource(stream.http + "?stream_from_ordinal=0") as source:
        assert len(source.wait(len(BODIES))) == len(BODIES)


def test_a_client_of_nothing_but_what_is_left_out(service, vhost):
    """It is at the end then, and goes on."""

    n, api, stream = service()
    vhost.publish("abc", ["{"] * 3000)
    wait_for(lambda: api.get(stream)["last_ordinal"] == 3000)
    with Clients([stream.location + "?stream_from_ordinal=1",
                  stream.location]) as clients:
        vhost.publish("abc", ["{"] * 300 + ["live"])
        clients.wait(1)
        assert [known(m) for c in clients for m in c.messages] == [
            ("live", 3301)] * 2


def test_no_notice_of_a_gap(service, vhost):
    """Of what is gone and of what is beyond the end."""

    n, api, stream = service()
    vhost.publish("abc", ["1", "2"])
    wait_for(lambda: api.get(stream)["last_ordinal"] == 2)
    queries = "?stream_from_ordinal=50", "?from=12ab-77"
    with Clients([at(stream, path) + q for q in queries
                  for path in ("event-stream", "all", "gaps", "on")]) as clients:
        wait_for(lambda: api.get(stream)["subscribers"] == 8)
        vhost.publish("abc", "live")
        wait_for(lambda: all(c.messages
                             and c.messages[-1].startswith("live|ordinal: 3|")
                             for c in clients))
        for i, c in enumerate(clients):
            told = [m for m in c.messages if "ess_gap" in m]
            assert len(told) == (i % 4 > 1)
            assert len(c.messages) - len(told) == (1 if i < 4 else 3)
