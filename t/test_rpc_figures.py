"""Figures and health of ess_consume and ess_rpc, without ess_zone."""

import json
import re

from api import Api
from wait import wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location = /metrics { ess_metrics; }
        location = /health { ess_health; }
        %%LOCATIONS%%
    }
}
"""

CONSUME = r"""
location = /q {
    internal;
    ess_consume abc "d\"e\\
f" "ä" declare=transient;
    return 204;
}
"""
CALL = "location = /call { ess_rpc abc; }"
NAMES = ["abc", 'd"e\\\nf', "ä"]


def figures(api, accept="application/json"):
    r = api.request("GET", "/metrics", headers={"Accept": accept})
    assert r.status == 200, r
    return r.json() if accept.endswith("json") else r.body.decode()


def test_both_formats(nginx, vhost):
    """Whatever a queue is called."""

    n = nginx(CONF, workers=3, amqp=vhost.url, locations=CONSUME + CALL)
    api = Api(n.port(0))
    m = figures(api)
    assert list(m["consume_messages_total"]) == NAMES
    assert list(m["consume_consumers"]) == NAMES
    for outcomes in m["consume_messages_total"].values():
        assert list(outcomes) == ["ack", "reply", "retry", "dead", "expired",
                                  "gone"]
        assert set(outcomes.values()) == {0}
    assert list(m["rpc_requests_total"]) == [
        "reply", "error", "no_queue", "timeout", "unavailable", "refused",
        "bad_reply", "gone"]
    assert m["rpc_seconds"]["count"] == m["consume_seconds"]["sum"] == 0
    assert not [name for name in m
                if not name.startswith(("consume_", "rpc_"))]

    text = figures(api, "text/plain")
    assert r'ess_consume_consumers{queue="d\"e\\\nf"} ' in text
    assert 'ess_consume_consumers{queue="ä"} ' in text
    assert re.findall(r"# TYPE ess_(\w+) ", text) == list(m)
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) ess_.*|ess_\w+(\{(\w+='
                            r'"(\\.|[^"\\\n])*",?)+\})? [0-9.]+', line), line


def test_absent_without_the_directive(nginx, vhost):
    for locations, first in (CONSUME, "consume_"), (CALL, "rpc_"):
        n = nginx(CONF, workers=1, amqp=vhost.url, locations=locations)
        m = figures(Api(n.port(0)))
        assert not [name for name in m if not name.startswith(first)
                    and name != "rpc_blocked"]
        n.stop()


def test_many_queues(nginx, vhost):
    """The longest names, and all bytes: there is room for the text."""

    names = ["%03d" % i + "\u0001" * 252 for i in range(99)]
    names.append("x" + "ä" * 127)
    n = nginx(CONF, workers=1, amqp=vhost.url, locations="""
        location = /q { internal; return 204; ess_consume %s; }
        """ % " ".join('"%s"' % name for name in names))
    api = Api(n.port(0))
    assert list(figures(api)["consume_consumers"]) == names
    text = figures(api, "text/plain")
    assert text.count("ess_consume_consumers{") == 100
    assert text.endswith("ess_rpc_blocked 0\n")


def test_health_without_a_broker(nginx, relay):
    """It is unhealthy when a reload's grace is over, and says which queue."""

    relay.cut()
    n = nginx(CONF, workers=2, amqp=relay.url, locations=CONSUME + CALL)
    api = Api(n.port(0))
    r = wait_for(lambda: [r for r in [api.request("GET", "/health")]
                          if r.status == 503], 20)[0]
    assert r.headers["Content-Type"] == "application/problem+json"
    assert r.json()["detail"].startswith(
        'queue "abc" and 2 more are consumed by no worker')
    n.reload()
    assert list(figures(api)["consume_consumers"].values()) == [0, 0, 0]


def test_refusals_without_a_zone(nginx, vhost):
    n = nginx(CONF, workers=1, amqp=vhost.url, locations=CONSUME + CALL)
    api = Api(n.port(0))
    for path in "/metrics", "/health":
        r = api.request("POST", path, "x")
        assert r.status == 405, r
        r = api.request("GET", path, headers={"Origin": "http://evil.test"})
        assert r.status in (200, 403), r
    r = api.request("GET", "/metrics?format=xml")
    assert r.status == 400
    assert json.loads(r.body)["detail"] == \
        '"format" must be "json" or "prometheus"'
