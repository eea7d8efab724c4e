"""ess_metrics and ess_health."""

import glob
import json
import os
import re
import subprocess

import pytest

from api import Api
from clients import Clients
from nginx import TOP
from sse import EventSource
from wait import wait_for

CONF = """
http {
    ess_zone streams 16m;
    %%AMQP%%
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=8m count=100000;
    ess_node test;
    ess_ping 0;
    ess_drain 0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; %%SUBSCRIBE%% }
    }

    server {
        listen 127.0.0.1:%%PORT1%% reuseport;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location = /metrics { ess_metrics; }
        location = /metrics/streams { ess_metrics streams=2; }
        location = /healthz { ess_health; }
    }
}
"""


@pytest.fixture
def service(nginx):
    def make(amqp="", workers=3, subscribe="", **kwargs):
        if amqp:
            amqp = "ess_amqp %s;" % amqp
        n = nginx(CONF, workers=workers, amqp=amqp, subscribe=subscribe,
                  **kwargs)
        return n, Api(n.port(1))
    return make


def test_what_clients_counted(service, vhost):
    n, api = service(vhost.url)
    stream = wait_for(lambda: api.try_create("abc"))
    with Clients([stream.location] * 9) as clients, \
            EventSource(stream.http) as source:
        f = api.figures()
        assert f["ess_streams"] == 1
        assert f['ess_subscribers{transport="websocket"}'] == 9
        assert f['ess_subscribers{transport="sse"}'] == 1
        for i in range(5):
            vhost.publish("abc", ["%04d" % j for j in range(i * 100,
                                                             i * 100 + 100)])
        clients.wait(500)
        source.wait(500)
        # what was sent is counted behind that, and workers that none of it
        # comes through may be connected later
        wait_for(lambda: api.figures()["ess_batch_events_sum"] == 5000)
        wait_for(lambda: api.figures()["ess_amqp_sessions_total"] == 3)
        f = api.figures()
        assert f["ess_received_events_total"] == 500
        assert f["ess_received_bytes_total"] == 2000
        assert f['ess_sent_events_total{transport="websocket"}'] == 4500
        assert f['ess_sent_events_total{transport="sse"}'] == 500
        # a text frame's header is two bytes
        assert f['ess_sent_bytes_total{transport="websocket"}'] == 4500 * 6
        assert f["ess_event_age_seconds_count"] == 5000
        assert f['ess_event_age_seconds_bucket{le="+Inf"}'] == 5000
        assert 0 < f["ess_event_age_seconds_sum"] < 5000 * 10
        assert f["ess_batch_events_sum"] == 5000
        assert 10 <= f["ess_batch_events_count"] <= 5000
        assert f["ess_amqp_sessions_total"] == 3
        workers = [v for k, v in f.items()
                   if k.startswith("ess_amqp_connected")]
        assert workers == [1, 1, 1]
        wait_for(lambda: api.figures()["ess_amqp_unacknowledged_deliveries"]
                 == 0)
        assert api.request("POST", "/publish/abc", "x").status == 202
        f = api.figures()
        assert f["ess_amqp_published_events_total"] == 1
        assert f["ess_amqp_unconfirmed_events"] == 0
        assert f["ess_amqp_sessions_total"] == 4
        assert f["ess_zone_bytes{state=\"used\"}"] > 500 * 256
        assert sum(v for k, v in f.items()
                   if k.startswith("ess_zone_bytes")) < 16 * 2**20
    wait_for(lambda: api.figures()['ess_subscribers{transport="sse"}'] == 0)


def test_without_a_broker(service, nginx):
    """What only a broker has is absent, not 0: no alert may take it for one
    that is away."""

    def of_broker(figures):
        return {k for k in figures
                if k.startswith(("ess_amqp_", "ess_redelivered_"))}

    n, api = service()
    api.create("abc")
    assert of_broker(api.figures()) == set()
    f = api.request("GET", "/metrics?format=json").json()
    assert not {k for k in f if k.startswith(("amqp_", "redelivered_"))}

    n, api = service("amqp://127.0.0.1:1/")
    # a worker has its series when it has attached the zone
    wait_for(lambda: {"ess_amqp_replays", "ess_amqp_sessions_total",
                      'ess_amqp_connected{worker="0"}'}
             <= of_broker(api.figures()))


def test_rejected(service):
    n, api = service(subscribe="ess_max_subscribers 2; "
                     "ess_origin https://a.example;")
    stream = api.create("abc")
    public = Api(n.port(0))

    def get(query="", uuid=stream.uuid, **headers):
        return public.request("GET", "/event-stream/" + uuid + query, headers={
            k: v for k, v in headers.items()}).status

    sse = {"Accept": "text/event-stream"}
    with Clients([stream.location] * 2):
        assert get(**sse) == 503
    assert get(uuid="0" * 32, **sse) == 404
    assert get(uuid="1", **sse) == 404
    assert get(**dict(sse, Origin="https://b.example")) == 403
    assert get("?stream_from_ordinal=x", **sse) == 400
    assert get() == 426
    with Clients([stream.location + "?stream_from_ordinal=x"]) as clients:
        clients.wait_closed()
    f = api.figures()
    assert {k.split('"')[1]: v for k, v in f.items()
            if k.startswith("ess_rejected_requests_total")} == {
        "stream": 2, "origin": 1, "token": 0, "claim": 0, "request": 1,
        "position": 2, "limit": 1, "source": 0,
        "clients": 0, "created": 0, "authorize": 0}


def test_a_worker_dies(service):
    """What it counted stays, and its clients are gone."""

    n, api = service()
    stream = api.create("abc")
    for _ in range(3):
        with Clients([stream.location] * 60) as clients:
            for i in range(50):
                assert api.request("POST", "/publish/abc", "x").status == 202
            clients.wait(50)
            before = api.figures()
            n.kill_worker()
            wait_for(lambda: any(c.closed for c in clients))
            # the others of the worker close one after the other
            wait_for(lambda: api.figures()[
                'ess_subscribers{transport="websocket"}']
                == sum(not c.closed for c in clients))
            after = api.figures()
            for name in before:
                if "_total" in name or "_bucket" in name or "_sum" in name:
                    assert after[name] >= before[name], name
    n.reload()
    wait_for(lambda: api.figures()['ess_subscribers{transport="websocket"}']
             == 0)
    reloaded = api.figures()
    for name in after:
        if "_total" in name or "_bucket" in name or "_sum" in name:
            assert reloaded[name] >= after[name], name


def test_formats(service, tmp_path):
    n, api = service()
    streams = [api.create(key) for key in ("abc", 'a"b\\c\nd', "third")]
    with Clients([streams[0].location]) as clients:
        assert api.request("POST", "/publish/abc", "x").status == 202
        clients.wait(1)
        # it is counted behind the send
        wait_for(lambda: api.figures()["ess_batch_events_count"] == 1)
        out = api.metrics("/metrics/streams")
        assert 'ess_stream_subscribers{id="1",routing_key="abc"} 1\n' in out
        assert ('ess_stream_events{id="2",routing_key="a\\"b\\\\c\\nd"} 0\n'
                in out)
        assert 'id="3"' not in out
        assert "ess_stream" not in api.metrics().replace("ess_streams", "")

        p = subprocess.run(["promtool", "check", "metrics"], input=out,
                           capture_output=True, text=True)
        assert p.returncode == 0 and p.stdout + p.stderr == "", p

        for path, accept in (("/metrics/streams?format=json", "*/*"),
                             ("/metrics/streams", "application/json")):
            r = api.request("GET", path, headers={"Accept": accept})
            assert r.headers["Content-Type"] == "application/json"
            got = json.loads(r.body)
            assert got["streams"] == 3
            assert got["subscribers"] == {"websocket": 1, "sse": 0}
            assert got["batch_events"]["buckets"]["1"] == 1
            assert got["event_age_seconds"]["count"] == 1
            assert got["stream_last_ordinal"] == {"1": 1, "2": 0}
            # the same names and numbers
            for name, value in api.figures("/metrics/streams").items():
                name = re.split("[{ ]", name)[0][4:]
                name = re.sub("_(bucket|sum|count)$", "", name)
                assert name in got, name
        r = api.request("GET", "/metrics?format=prometheus",
                        headers={"Accept": "application/json"})
        assert r.body.startswith(b"# HELP ess_")


def test_wrong_requests(service):
    n, api = service()
    r = api.request("GET", "/metrics?format=xml")
    assert r.status == 400
    assert r.json()["detail"] == '"format" must be "json" or "prometheus"'
    for path in "/metrics", "/healthz":
        r = api.request("POST", path, "x")
        assert r.status == 405
        assert r.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert api.request("OPTIONS", path).status == 204
        r = api.request("HEAD", path)
        assert r.status == 200 and r.body == b""


def test_health(relay, service):
    n, api = service(relay.url)

    def health():
        return api.request("GET", "/healthz")

    wait_for(lambda: health().status == 200)
    assert health().json() == {"status": "ok"}
    relay.cut()
    wait_for(lambda: health().status == 503)
    assert health().headers["Content-Type"] == "application/problem+json"
    # the workers notice it one after the other
    wait_for(lambda: re.fullmatch(
        r"no worker is connected to the broker: 127\.0\.0\.1:%d: .*, "
        r"since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ" % relay.port,
        health().json()["detail"]))
    relay.mend()
    wait_for(lambda: health().status == 200, 20)


def test_health_of_slots_without_queues(service, vhost):
    """The virtual host takes no queues: connected to it, but nothing comes.
    The broker says that with the code of other arguments."""

    def limit(value):
        vhost.management.request(
            "PUT", "vhost-limits/%s/max-queues" % vhost.name,
            {"value": value})

    limit(0)
    n, api = service(vhost.url)
    words = "queue limit in vhost '%s' (0) is reached" % vhost.name
    n.expect("queue limit in vhost")

    def health():
        return api.request("GET", "/healthz")

    def detail():
        r = health()
        return r.status == 503 and r.json()["detail"]

    wait_for(lambda: words in (detail() or ""), 10)
    assert detail().startswith("16 of 16 slots are not consumed: 127.0.0.1:")
    assert api.figures()["ess_amqp_slots_consumed"] == 0
    assert sum(v for k, v in api.figures().items()
               if k.startswith("ess_amqp_connected")) > 0
    r = api.request("POST", body={"routing_key": "abc"})
    assert (r.status, words in r.json()["detail"]) == (503, True)
    r = api.request("POST", "/publish/abc", body=b"x")
    assert (r.status, words in r.json()["detail"]) == (503, True)
    assert "other arguments" not in n.log()

    limit(-1)
    stream = wait_for(lambda: api.try_create("abc"), 5)
    wait_for(lambda: health().status == 200, 5)
    assert api.figures()["ess_amqp_slots_consumed"] == 16

    # queues that are lost, and cannot be made: a gap, once they can
    with Clients([stream.location]) as clients:
        limit(0)
        for name in vhost.queues():
            vhost.management.request("DELETE", "queues/%s/%s"
                                     % (vhost.name, name))
        n.expect("is gone, events of slot")
        wait_for(lambda: words in (detail() or ""), 3)
        limit(-1)
        wait_for(lambda: health().status == 200, 5)
        wait_for(lambda: api.request("POST", "/publish/abc",
                                     body=b"after").status == 202, 5)
        clients.wait(1)
    n.reload()
    for _ in range(20):
        assert health().status == 200


def test_health_of_a_full_zone(nginx):
    n = nginx(CONF.replace("16m;", "1m; ess_max_event 16k;").replace(
        "size=8m", "size=64k"), workers=2, amqp="", subscribe="")
    api = Api(n.port(1))
    assert api.request("GET", "/healthz").status == 200
    while True:
        r = api.request("POST", body={"routing_key": "k" * 200})
        if r.status == 507:
            break
        assert r.status == 201
    r = api.request("GET", "/healthz")
    assert r.status == 503
    assert r.json()["detail"] == "the zone has no room for another stream"
    api.delete(1)
    api.delete(2)
    wait_for(lambda: api.request("GET", "/healthz").status == 200)


def test_alerts_and_dashboard(tmp_path):
    """promtool takes the rules, and each query of the dashboard as one; and
    they name only what there is."""

    rules = os.path.join(TOP, "conf", "prometheus-alerts.yml")
    with open(os.path.join(TOP, "conf", "grafana-dashboard.json")) as f:
        dashboard = json.load(f)
    queries = [t["expr"].replace("$__rate_interval", "1m").replace(
        "$instance", ".*") for p in dashboard["panels"] for t in p["targets"]]
    assert len(queries) > 12
    path = tmp_path / "dashboard.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": [
        {"record": "query:%d" % i, "expr": q}
        for i, q in enumerate(queries)]}]}))
    for file in rules, str(path):
        p = subprocess.run(["promtool", "check", "rules", file],
                           capture_output=True, text=True)
        assert p.returncode == 0, p
        assert "SUCCESS" in p.stdout

    # when they fire and when not: the figures are in the file, for each
    cases = os.path.join(TOP, "t", "alerts.yml")
    p = subprocess.run(["promtool", "test", "rules", cases],
                       capture_output=True, text=True)
    assert p.returncode == 0, p
    with open(rules) as f, open(cases) as g:
        assert set(re.findall("- alert: (.*)", f.read())) \
            == set(re.findall('alertname="(.*?)"', g.read()))

    with open(rules) as f:
        used = set(re.findall(r"\bess_[a-z_]+", f.read() + "\n".join(queries)))
    there = set()
    for path in glob.glob(os.path.join(TOP, "src", "**", "*.c"),
                          recursive=True):
        with open(path) as f:
            text = f.read()
        if "ngx_ess_metric_t" in text or "ngx_ess_metrics_out_t" in text:
            there |= {"ess_" + name for name in re.findall(
                r'(?:\{\s+|counter\(|gauge\(|(?:family|one)\(out, )'
                r'"([a-z_]+)"', text)}
    assert {re.sub("_(bucket|sum|count)$", "", u) for u in used} \
        - {"ess_metrics", "ess_zone", "ess_log", "ess_health",
               "ess_client_rate", "ess_max_memory", "ess_origin", "ess_consume",
               "ess_rpc", "ess_authorize"} <= there
