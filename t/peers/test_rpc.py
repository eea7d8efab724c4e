"""Callers and workers of aio-pika: its callers call examples/rpc, its workers
answer ess_rpc."""

import contextlib
import functools
import json
import subprocess

import pytest

import peers
import rpc_example
from rpc_example import post
from wait import slower, wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;

    server {
        listen 127.0.0.1:%%PORT0%%;

        location /call/ {
            ess_rpc $ess_rpc_name queues=echo,fail,slow,none timeout=2s %%PACK%%;
        }
    }
}
"""

PACK = {"json": "", "gzip": "pack=gzip unpack=gzip"}


@functools.lru_cache(None)
def built():
    return peers.build("aio-pika", "aio-pika", peers.PIP,
                       "env PYTHONPATH={out} {python} -B {src}/patterns.py")


class Patterns:
    """Use it in a with statement."""

    def __init__(self, what, vhost, style):
        self.process = subprocess.Popen(
            built() + [what, vhost.url, style], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def begin(self, *calls):
        """All of them are under way at once."""

        for words in calls:
            self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        self.calls = len(calls)

    def results(self):
        """[outcome, value] of each."""

        out, _ = self.process.communicate(timeout=100 * slower())
        assert self.process.returncode == 0
        found = {n: rest for n, *rest in map(json.loads, out.splitlines())}
        return [found[i] for i in range(self.calls)]

    def call(self, *calls):
        self.begin(*calls)
        return self.results()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.close()
        try:
            self.process.wait(10 * slower())
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(params=PACK)
def style(request, record_property):
    peer = ["aio-pika: " + request.param, peers.locked("aio-pika", "aio-pika"),
            ""]
    record_property("peer", peer)
    built()
    yield request.param
    peer[2] = request.node.name.split("[")[0]


@pytest.fixture
def app(database, tmp_path):
    database.sql(rpc_example.schema())
    with rpc_example.App(str(tmp_path), database) as app:
        yield app


@pytest.fixture
def service(nginx, vhost, app, style):
    """examples/rpc; without gzip it would take its callers at their word."""

    text = rpc_example.conf()
    if style == "json":
        text = text.replace("unpack=gzip pack=gzip", "").replace(
            "unpack=gzip", "")
    n = nginx(text, amqp=vhost.url, app=app.port)
    rpc_example.wait_consumed(vhost)
    return n


def test_callers(service, vhost, app, style):
    for _ in range(2):
        with Patterns("call", vhost, style) as caller:
            results = caller.call(
                ["rpc", "test", {"data": "message"}],
                ["rpc", "will-error", {"data": "this"}],
                ["rpc", "dictionary", {"data": {"foo": 1}}],
                ["rpc", "db", {"data": None}],
                ["rpc", "example-items", {"data": None}],
                ["rpc", "dictionary", {}],
                ["task", "queue-test", {"data": "a task by " + style}],
                ["rpc", "no-such-queue", {"data": 1}])
        # those of type "error" are exceptions
        assert [outcome for outcome, _ in results[:-1]] == ["result"] * 7
        values = [value for _, value in results]
        assert values[0] == {"success": True,
                             "data": "message that took forever"}
        assert values[1]["error"]["type"] == "Exception"
        assert values[2]["data"] == {"foo": 1, "bar": "baz"}
        assert "example_item" in values[3]["data"]
        assert [v["success"] for v in values[4:6]] == [False, False]
        assert results[-1][0] == "MessageProcessError" or \
            results[-1][0].endswith("Error")
    wait_for(lambda: app.logged().count("a task by " + style) == 2, 20)


def test_callers_of_an_application_that_is_away(nginx, vhost, style):
    """An exception, which has what error_page says."""

    text = rpc_example.conf().replace(
        "uri=/rpc/$ess_queue", "uri=/rpc/$ess_queue retries=1 retry_delay=1ms")
    if style == "json":
        text = text.replace("unpack=gzip pack=gzip", "")
    n = nginx(text, amqp=vhost.url, app=1)
    n.expect(r"connect\(\) failed")
    rpc_example.wait_consumed(vhost)
    with Patterns("call", vhost, style) as caller:
        (outcome, value), = caller.call(["rpc", "db", {"data": 1}])
    assert outcome in ("JsonRPCError", "RPCException")
    assert value[1]["error"]["type"] == "Unavailable"


def test_callers_during_reloads(service, vhost, style):
    """All are answered, also with a worker of nginx killed."""

    with Patterns("call", vhost, style) as caller:
        caller.begin(*(["rpc", "test", {"data": i}] for i in range(64)))
        service.reload()
        service.kill_worker()
        service.reload()
        assert caller.results() == [
            ["result", {"success": True, "data": "%d that took forever" % i}]
            for i in range(64)]


def test_workers(nginx, vhost, style):
    n = nginx(CONF, amqp=vhost.url, pack=PACK[style])
    with Patterns("serve", vhost, style) as worker:
        assert json.loads(worker.process.stdout.readline()) == ["ready"]
        for i in range(2):
            r = post(n.port(), "/call/echo", b'{"a": [%d, null]}' % i)
            assert (r.status, json.loads(r.body)) == (200, {"a": [i, None]})
        r = post(n.port(), "/call/fail", b'{}')
        assert r.status == 500
        assert b"ValueError" in r.body
        assert post(n.port(), "/call/slow", b'{}').status == 504
        assert post(n.port(), "/call/none", b'{}').status == 404
        assert post(n.port(), "/call/other", b'{}').status == 404
