"""Idempotency-Key: what is published once more with the same key is answered
as before, and published no more."""

import concurrent.futures
import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import uuid

import pytest

from api import Api
from clients import Clients
from fault import Fault
from nginx import FAULT_MODULE
from wait import freeze, wait_for

CONF = """
http {
    ess_zone streams 16m;
    %%AMQP%%
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_max_event 100k;
    ess_log size=8m count=100000;
    ess_drain 0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%% reuseport;
        add_header X-Worker $pid always;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish batch=20000; }
        location /other/ { ess_publish; }
        location = /metrics { ess_metrics; }
    }
}
"""


@pytest.fixture(params=["broker", "direct"])
def server(request, nginx):
    amqp = ""
    if request.param == "broker":
        amqp = "ess_amqp %s; ess_node test;" % (
            request.getfixturevalue("vhost").url)
    return nginx(CONF, workers=3, amqp=amqp)


@pytest.fixture
def direct(nginx):
    return nginx(CONF, workers=3, amqp="")


def publish(api, key, body="x", path="abc", **headers):
    if key is not None:
        headers["Idempotency-Key"] = key
    return api.request("POST", ("" if path.startswith("/") else "/publish/")
                       + path, body, headers=headers, timeout=20)


def refused(r, status, words):
    assert r.status == status, r
    assert r.headers["Content-Type"] == "application/problem+json"
    assert words in r.json()["detail"]


def published(api, stream):
    return api.get(stream)["last_ordinal"]


def test_the_first_answer_again_from_any_worker(server):
    api = Api(server.port(1))
    stream = api.create("abc")
    first = publish(api, '"one"')
    assert first.status == 202
    workers = set()

    def again():
        r = publish(api, '"one"')
        assert (r.status, r.body) == (202, first.body)
        assert r.headers["Content-Type"] == first.headers["Content-Type"]
        workers.add(r.headers["X-Worker"])
        return len(workers) == 3

    wait_for(again)
    wait_for(lambda: published(api, stream) == 1)

    second = publish(api, "two").json()
    assert second.get("ids") != first.json().get("ids", 0)
    batch = json.dumps(list(range(500)))
    third = publish(api, "three", batch, "abc?batch=1")
    assert publish(api, "three", batch, "abc?batch=1").body == third.body
    assert len(third.json().get("ids", range(500))) == 500
    wait_for(lambda: published(api, stream) == 502)
    # the same key, with and without quotes; and none
    assert publish(api, "one").body == first.body
    assert publish(api, None).status == 202
    wait_for(lambda: published(api, stream) == 503)
    figures = api.figures()
    assert figures['ess_idempotency_keys{state="used"}'] == 3
    assert figures["ess_publications_repeated_total"] >= 5


def test_another_request_with_the_key(direct):
    api = Api(direct.port(1))
    stream = api.create("abc")
    other = api.create("other")
    first = publish(api, "k", "[1]", **{"Content-Type": "text/plain"})
    assert first.status == 202
    for body, path, headers in (
            ("[2]", "abc", {"Content-Type": "text/plain"}),
            ("[1]", "other", {"Content-Type": "text/plain"}),
            ("[1]", stream.uuid + "?by=uuid", {"Content-Type": "text/plain"}),
            ("[1]", "abc?batch=1", {"Content-Type": "text/plain"}),
            ("[1]", "abc", {"Content-Type": "application/json"}),
            ("[1]", "abc", {})):
        refused(publish(api, "k", body, path, **headers), 422,
                "Idempotency-Key")
    # how it comes is no difference
    r = publish(api, "k", gzip.compress(b"[1]"), "abc?by=key",
                **{"Content-Type": "text/plain", "Content-Encoding": "gzip"})
    assert (r.status, r.body) == (202, first.body)
    assert published(api, stream) == 1
    assert published(api, other) == 0
    # a location of its own
    assert publish(api, "k", "y", "/other/abc").status == 202
    # the stream is gone, the answer is not
    one = publish(api, "u", "x", other.uuid + "?by=uuid")
    api.delete(other)
    assert publish(api, "u", "x", other.uuid + "?by=uuid").body == one.body
    refused(publish(api, "v", "x", other.uuid + "?by=uuid"), 404, "uuid")


def test_a_key_counts_in_one_location_of_one_server(nginx):
    """Of servers without a name, too; each port of a server is that server."""

    conf = CONF.replace("location /other/ { ess_publish; }", """
        location = /publish/abc { ess_publish; }
    }

    server {
        listen 127.0.0.1:%%PORT3%%;
        listen 127.0.0.1:%%PORT2%%;
        location /publish/ {
            ess_publish;
            if ($http_x_trace) { add_header X-Trace 1; }
        }
    """)
    n = nginx(conf, workers=1, amqp="")
    api, two, three = (Api(n.port(i)) for i in (1, 2, 3))
    stream = api.create("abc")
    for count, one, path in ((1, api, "abc"), (2, api, "x/abc"),
                             (3, two, "abc"), (3, three, "abc"),
                             (3, three, "x/abc")):
        assert publish(one, "k", "x", path).status == 202
        assert published(api, stream) == count, (one.port, path)
    assert publish(two, "k", **{"X-Trace": "1"}).status == 202
    assert published(api, stream) == 3


def test_a_refusal_is_not_kept(direct):
    api = Api(direct.port(1))
    refused(publish(api, "k"), 404, "routing key")
    refused(publish(api, "k", "[", "abc?batch=1"), 400, "JSON")
    refused(publish(api, "k", "x" * 102401), 413, "ess_max_event")
    stream = api.create("abc")
    assert publish(api, "k").status == 202
    assert publish(api, "k").status == 202
    assert published(api, stream) == 1


def test_malformed_keys(direct):
    api = Api(direct.port(1))
    stream = api.create("abc")
    for key in ("", '"', '""', '"a', 'a"', '"a" ;', "a b", "a,b", "a;b", "\\",
                '"\\x"', "\u00fc".encode().decode("latin-1"), "k" * 256,
                '"%s"' % ("k" * 256), '"a", "b"', '"a\tb"'):
        refused(publish(api, key), 400, "Idempotency-Key")
    with socket.create_connection((api.host, api.port)) as s:
        s.sendall(b"POST /publish/abc HTTP/1.1\r\nHost: x\r\nConnection: close"
                  b"\r\nContent-Length: 0\r\nIdempotency-Key: a\r\n"
                  b"Idempotency-Key: a\r\n\r\n")
        assert b" 400 " in s.makefile("rb").readline()
    assert published(api, stream) == 0
    good = ("k" * 255, '"%s"' % ("l" * 255), '"a b;,"', '"\\"\\\\"', "0",
            str(uuid.uuid4()), "a/b+c==", "*'()!$")
    for key in good:
        assert publish(api, key).status == 202, key
        assert publish(api, key).status == 202, key
    assert published(api, stream) == len(good)


def test_at_the_same_time(server):
    """One of them publishes; the others get its answer, or 409."""

    api = Api(server.port(1))
    stream = api.create("abc")
    batch = json.dumps(list(range(5000)))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for n in range(5):
            answers = list(pool.map(
                lambda _: publish(api, "k%d" % n, batch, "abc?batch=1"),
                range(8)))
            good = {r.body for r in answers if r.status == 202}
            assert len(good) == 1, answers
            for r in answers:
                if r.status != 202:
                    refused(r, 409, "under way")
                    assert r.headers["Retry-After"] == "1"
            r = publish(api, "k%d" % n, batch, "abc?batch=1")
            assert r.body in good
    wait_for(lambda: published(api, stream) == 25000, 20)


def test_over_a_reload(server):
    api = Api(server.port(1))
    stream = api.create("abc")
    first = publish(api, "k")
    assert first.status == 202
    old = set(server.workers())
    server.reload()
    wait_for(lambda: not old & set(server.workers()))
    assert publish(api, "k").body == first.body
    refused(publish(api, "k", "y"), 422, "Idempotency-Key")
    wait_for(lambda: published(api, stream) == 1)


def test_over_a_crash(server):
    api = Api(server.port(1))
    stream = api.create("abc")
    first = publish(api, "k")
    assert first.status == 202
    for pid in server.workers():
        server.kill_worker(pid)
    assert publish_patiently(api, "k").body == first.body
    wait_for(lambda: published(api, stream) == 1)


def publish_patiently(api, *args):
    answers = []

    def answered():
        try:
            answers.append(publish(api, *args))
        except OSError:
            return False
        return answers[-1].status == 202

    wait_for(answered, 20)
    return answers[-1]


def test_a_worker_dies_while_it_publishes(direct):
    """Nobody knows how far it came: the key is free again."""

    api = Api(direct.port(1))
    stream = api.create("abc")
    body = json.dumps(list(range(20000))).encode()
    for n in range(4):
        key = "k%d" % n
        before = published(api, stream)
        c = http.client.HTTPConnection(api.host, api.port, timeout=20)
        c.request("GET", "/event-stream/version/")
        r = c.getresponse()
        r.read()
        worker = int(r.headers["X-Worker"])
        freeze(worker)
        c.request("POST", "/publish/abc?batch=1", body,
                  {"Idempotency-Key": key})
        os.kill(worker, signal.SIGCONT)
        wait_for(lambda: Api(direct.port(1)).get(stream)["last_ordinal"]
                 > before)
        direct.kill_worker(worker)
        c.close()
        came = published(api, stream) - before
        published_once(api, stream, key, body, before, came)
    assert api.figures()['ess_idempotency_keys{state="used"}'] == n + 1


def published_once(api, stream, key, body, before, came):
    """When so many came of 20000, from a worker that died."""

    first = publish_patiently(api, key, body, "abc?batch=1")
    assert publish(api, key, body, "abc?batch=1").body == first.body
    # what was finished before the worker died is not published again
    again = published(api, stream) - before - came
    assert again == 20000 or (again, came) == (0, 20000)


def test_a_worker_dies_in_the_middle_of_what_it_publishes(
        nginx, tmp_path, monkeypatch):
    """At the write to the zone that is at such a part of the way."""

    fault = Fault(tmp_path / "fault")
    monkeypatch.setenv("ESS_FAULT_FILE", str(tmp_path / "fault"))
    n = nginx("env ESS_FAULT_FILE;\n" + CONF, workers=3, amqp="",
              module=FAULT_MODULE)
    n.expect(r"shared memory zone .* was locked by \d+")
    api = Api(n.port(1))
    stream = api.create("abc")
    body = json.dumps(list(range(20000))).encode()
    fault.set(1 << 40)
    assert publish(api, "whole", body, "abc?batch=1").status == 202
    writes = (1 << 40) - fault.get()
    for part in 0.01, 0.2, 0.5, 0.8, 0.99:
        key = "k%g" % part
        before, pids = published(api, stream), n.workers()
        n.killed.update(pids)
        fault.set(int(part * writes))
        with pytest.raises((OSError, http.client.HTTPException)):
            publish(api, key, body, "abc?batch=1")
        wait_for(lambda: len(set(n.workers()) - set(pids)) == 1)
        came = published(api, stream) - before
        assert 0 < came < 20000, part
        published_once(api, stream, key, body, before, came)


def test_over_http_2(nginx, vhost):
    """A stream that is reset does not stop what it publishes."""

    n = nginx(CONF.replace("%%PORT1%% reuseport", "%%PORT1%% http2", 1),
              workers=1, amqp="ess_amqp %s;" % vhost.url)
    port = n.port(1)

    def curl(*args):
        return subprocess.run(
            ["curl", "-s", "--http2-prior-knowledge", "--max-time", "10",
             *args], capture_output=True, check=False).stdout

    url = "http://127.0.0.1:%d/" % port
    curl("-d", '{"routing_key":"abc"}', "-H", "Content-Type: application/json",
         url + "event-stream/")
    once = ("-d", "x", "-H", "Idempotency-Key: k", url + "publish/abc")
    worker, = n.workers()
    freeze(worker)
    gone = subprocess.Popen(["curl", "-s", "--http2-prior-knowledge", *once],
                            stdout=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        gone.wait(0.3)
    gone.kill()
    gone.wait()
    os.kill(worker, signal.SIGCONT)
    wait_for(lambda: curl(*once) == b'{"accepted":1}')
    assert curl(*once) == b'{"accepted":1}'
    wait_for(lambda: json.loads(curl(url + "event-stream/1"))[
        "last_ordinal"] == 1)


def test_who_goes_away_before_the_answer(nginx, vhost):
    """The publication goes on, and the answer is there when it comes back."""

    n = nginx(CONF, workers=1, amqp="ess_amqp %s;" % vhost.url)
    api = Api(n.port(1))
    stream = api.create("abc")
    worker, = n.workers()
    freeze(worker)
    with socket.create_connection((api.host, api.port)) as s:
        s.sendall(b"POST /publish/abc HTTP/1.1\r\nHost: x\r\n"
                  b"Idempotency-Key: k\r\nContent-Length: 1\r\n\r\nx")
    os.kill(worker, signal.SIGCONT)
    r = publish_patiently(api, "k")
    assert r.json() == {"accepted": 1}
    assert publish(api, "k").status == 202
    wait_for(lambda: published(api, stream) == 1)


def test_ten_thousand_keys_are_bounded(nginx):
    conf = CONF.replace("streams 16m", "streams 4m")
    n = nginx(conf, workers=2, amqp="")
    api = Api(n.port(1))
    stream = api.create("abc")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert {r.status for r in pool.map(
            lambda k: publish(api, "key-%d" % k), range(10000))} == {202}
    figures = api.figures()
    used = figures['ess_idempotency_keys{state="used"}']
    assert used + figures["ess_idempotency_keys_evicted_total"] == 10000
    assert 100 < used < 1000
    assert figures['ess_idempotency_keys{state="free"}'] == 0
    # the newest are there
    assert publish(api, "key-9999").status == 202
    assert published(api, stream) == 10000
    assert api.figures()["ess_publications_repeated_total"] == 1
    for i in range(200):
        api.create("more%d" % i)


def test_no_key_takes_no_room(direct):
    api = Api(direct.port(1))
    api.create("abc")
    for _ in range(10):
        assert publish(api, None).status == 202
    figures = api.figures()
    assert figures['ess_idempotency_keys{state="used"}'] == 0
    assert figures["ess_publications_repeated_total"] == 0
