"""Figures and health of ess_consume and ess_rpc, without ess_zone."""

import json
import os
import re
import signal
import threading

from api import Api
from rpc_app import App, Caller, consumed
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


def test_consumers_at_work(nginx, vhost):
    """All of it, over three workers, one of which is killed."""

    go = threading.Event()

    def answer(r):
        if r.body == b"wait":
            go.wait(60)
        return 500 if r.body == b"bad" else 200

    with App(answer) as app, Caller(vhost) as caller:
        n = nginx(CONF, workers=3, amqp=vhost.url, locations="""
            location = /q {
                internal;
                ess_consume one two declare=transient retries=0;
                proxy_pass http://127.0.0.1:%d;
            }
            location = /call { ess_rpc one; }
            """ % app.port)
        n.expect("is dead|exited on signal 9|recv|reset|upstream")
        api = Api(n.port(0))

        def seen(figure, value, what=None):
            wait_for(lambda: figures(api)[figure] == value, 20,
                     what or "%s %r" % (figure, value))

        seen("consume_consumers", {"one": 3, "two": 3})
        for _ in range(10):
            caller.call("one")
        assert api.request("POST", "/call", "x").status == 200
        assert api.request("POST", "/call", "bad").status == 500
        vhost.publish("two", [b"x"] * 5 + [b"bad"], exchange="")
        none = dict.fromkeys(figures(api)["consume_messages_total"]["one"], 0)
        seen("consume_messages_total", {
            "one": dict(none, reply=12), "two": dict(none, ack=5, dead=1)})
        m = figures(api)
        assert m["consume_seconds"]["count"] == 17
        assert m["rpc_requests_total"]["reply"] == 1
        assert m["rpc_requests_total"]["error"] == 1
        assert m["rpc_seconds"]["count"] == 2
        assert m["consume_in_work"] == m["rpc_in_flight"] == 0

        vhost.publish("two", [b"wait"] * 6, exchange="")
        seen("consume_in_work", 6)
        assert api.request("GET", "/health").json() == {"status": "ok"}
        os.kill(n.workers()[0], signal.SIGKILL)
        go.set()
        seen("consume_in_work", 0)
        seen("consume_consumers", {"one": 3, "two": 3})
        # what the killed one had comes again
        wait_for(lambda: figures(api)["consume_messages_total"]["two"]["ack"]
                 == 11, 20, "all of them")


def test_health_of_a_queue_that_is_not_there(nginx, vhost):
    """Of two only one can be consumed; then the other one, too."""

    n = nginx(CONF, workers=2, amqp=vhost.url, locations="""
        location = /q {
            internal;
            return 204;
            ess_consume none;
        }
        location = /p {
            internal;
            return 204;
            ess_consume there declare=transient;
        }
        """)
    n.expect("NOT_FOUND|none")
    api = Api(n.port(0))
    consumed(vhost, "there")
    r = wait_for(lambda: [r for r in [api.request("GET", "/health")]
                          if r.status == 503], 20)[0]
    assert r.json()["detail"].startswith(
        'queue "none" is consumed by no worker'), r.json()
    assert "NOT_FOUND" in r.json()["detail"], r.json()
    with vhost.connect() as connection:
        connection.channel().queue_declare("none")
    wait_for(lambda: api.request("GET", "/health").status == 200, 70)
    assert figures(api)["consume_consumers"]["none"] >= 1


def test_health_during_an_alarm(nginx, own_broker):
    """It is well, and says that what is published has to wait."""

    broker = own_broker()
    vhost = broker.vhost()
    with App(lambda r: 200) as app:
        n = nginx(CONF, workers=2, amqp=vhost.url, locations="""
            location = /q {
                internal;
                ess_consume abc declare=transient;
                proxy_pass http://127.0.0.1:%d;
            }
            location = /call { ess_rpc abc timeout=1s; }
            """ % app.port)
        n.expect("block|alarm|memory|timed out")
        api = Api(n.port(0))
        consumed(vhost, "abc")
        wait_for(lambda: api.request("POST", "/call", "x").status == 200)
        broker.control("set_vm_memory_high_watermark", "0")
        try:
            def blocked():
                api.request("POST", "/call", "x")
                r = api.request("GET", "/health")
                assert r.status == 200, r
                return r.json().get("publishing")

            said = wait_for(blocked, 20)
            assert said == \
                'the broker blocks those who publish: "low on memory"', said
            assert figures(api)["rpc_blocked"] >= 1
            wait_for(lambda: figures(api)["consume_consumers"] == {"abc": 2})
        finally:
            broker.control("set_vm_memory_high_watermark", "absolute", "1GB")
        wait_for(lambda: api.request("POST", "/call", "x").status == 200, 20)
        wait_for(lambda: api.request("GET", "/health").json()
                 == {"status": "ok"}, 20)
        assert figures(api)["rpc_blocked"] == 0
