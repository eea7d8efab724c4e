"""Brokers that cannot be used: what the log says, once, and that everything
else works."""

import contextlib
import json
import re
import socket
import threading
import time
import urllib.error

import pytest

from api import Api
from clients import Clients
from sse import EventSource
from wait import wait_for

CONF = """
http {
    ess_zone streams 16m;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_node test;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
        location / { return 200 fine; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


class Listener:
    """A port where something else answers."""

    def __init__(self, greeting):
        self.greeting = greeting
        self.accepted = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        held = []
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            if self.greeting is None:
                held.append(c)
                continue
            c.recv(8)
            c.sendall(self.greeting)
            c.close()

    def close(self):
        self.socket.close()


def lines(n, level):
    """What was logged at the level, without time, pid and repetitions by the
    other workers."""

    return [re.sub(r"^.*?\d+#\d+: (\*\d+ )?", "", line)
            for line in n.log().splitlines() if "[%s]" % level in line]


def works(n, api, retry=True):
    """All but what needs the broker."""

    assert api.version()["name"] == "NGINX ESS"
    assert api.list() == []
    r = api.request("POST", body={"routing_key": "abc"})
    assert r.status == 503
    assert ("Retry-After" in r.headers) == retry
    assert r.headers["Content-Type"] == "application/problem+json"
    assert api.list() == []
    assert Api(n.port(0)).request("GET", "/").body == b"fine"


def errors_settle(n, pattern, workers=2):
    """Logged by each worker, and by none a second time, although each tries
    again and again."""

    wait_for(lambda: len(re.findall(pattern, n.log())) >= workers, 20,
             pattern)
    works(n, Api(n.port(1)))
    assert len(re.findall(pattern, n.log())) == workers, n.log()
    assert len(lines(n, "error")) <= 2 * workers, n.log()


def says(n, *words):
    """The API says why, in the words of who refused, and of whom."""

    r = Api(n.port(1)).request("POST", body={"routing_key": "abc"})
    assert r.status == 503
    detail = r.json()["detail"]
    assert re.search(r", since 20\d\d-[-0-9T:]+Z$", detail), detail
    for word in words:
        assert word in detail, detail
    assert "s3cret" not in detail


def test_refused_password(shared_broker, vhost, nginx):
    n = nginx(CONF, amqp=vhost.url.replace("guest:guest", "guest:s3cret"))
    errors_settle(n, r"\[error\].*ACCESS_REFUSED")
    says(n, "127.0.0.1:%d" % shared_broker.port, "ACCESS_REFUSED")
    assert "s3cret" not in n.log()


def test_missing_virtual_host(shared_broker, nginx):
    n = nginx(CONF, amqp="amqp://guest:guest@127.0.0.1:%d/nowhere"
              % shared_broker.port)
    errors_settle(n, r"\[error\].*nowhere")
    says(n, "127.0.0.1:%d" % shared_broker.port, "vhost nowhere not found")


def test_nobody_listens(nginx):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        n = nginx(CONF, amqp="amqp://127.0.0.1:%d" % s.getsockname()[1])
        errors_settle(n, r"\[error\].*[Cc]onnection refused")
        says(n, "127.0.0.1:%d: " % s.getsockname()[1], "onnection refused")


def test_unknown_host_name(nginx):
    n = nginx(CONF, amqp="amqp://no-such-host.invalid")
    errors_settle(n, r"\[error\].*no-such-host\.invalid")
    says(n, "no-such-host.invalid:5672: its name cannot be resolved: ")


@pytest.mark.parametrize("greeting", [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"AMQP\x00\x01\x00\x00",
    b"\x01\x00\x00\xff\xff\xff\xff" + b"x" * 1000,
    b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0a\xce",
    b"",
], ids=["http", "ssh", "amqp-1.0", "huge-frame", "truncated-method",
        "closed"])
def test_something_else_answers(nginx, greeting):
    other = Listener(greeting)
    n = nginx(CONF, amqp="amqp://127.0.0.1:%d" % other.port)
    errors_settle(n, r"\[error\].*amqp")
    wait_for(lambda: other.accepted > 4)
    other.close()


def test_somebody_listens_and_says_nothing(nginx):
    """No worker waits for it."""

    other = Listener(None)
    n = nginx(CONF, amqp="amqp://127.0.0.1:%d" % other.port)
    wait_for(lambda: other.accepted >= 2)
    works(n, Api(n.port(1)))
    other.close()


def test_second_node_is_used(vhost, nginx):
    """The first one is down, the second one serves."""

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        down = re.sub(r":\d+/", ":%d/" % s.getsockname()[1], vhost.url)
        n = nginx(CONF, amqp="%s; ess_amqp %s" % (down, vhost.url))
        api = Api(n.port(1))
        wait_for(lambda: api.request(
            "POST", body={"routing_key": "abc"}).status == 201)
        location = api.list()[0]["location"]
        with Clients(location) as clients:
            vhost.publish("abc", "hello")
            clients.wait(1)


def test_exchange_of_another_type_is_used(vhost, nginx):
    with vhost.connect() as c:
        c.channel().exchange_declare("event-streams", exchange_type="fanout",
                                     durable=False)
    n = nginx(CONF, amqp=vhost.url)
    s = Api(n.port(1)).create("abc")
    with Clients(s.location) as clients:
        vhost.publish("abc", "hello", kind="fanout", durable=False)
        clients.wait(1)
    assert lines(n, "error") == []


@pytest.mark.parametrize("workers", [1, 2])
def test_user_without_rights(vhost, nginx, workers):
    """The broker's own words."""

    m = vhost.management
    user = "user-" + vhost.name
    m.request("PUT", "users/" + user, {"password": "x", "tags": ""})
    try:
        m.request("PUT", "permissions/%s/%s" % (vhost.name, user),
                  {"configure": "^$", "write": "^$", "read": "^$"})
        n = nginx(CONF, workers=workers,
                  amqp=vhost.url.replace("guest:guest", user + ":x"))
        wait_for(lambda: len(re.findall(
            r"\[error\].*ACCESS_REFUSED.*exchange", n.log())) == workers)
        works(n, Api(n.port(1)), retry=False)
        settled = time.monotonic() + 3
        wait_for(lambda: time.monotonic() > settled)
        # each queue is refused, once
        assert len(lines(n, "error")) <= workers * (1 + 16)
    finally:
        m.request("DELETE", "users/" + user)


def test_queue_deleted_under_us(vhost, nginx):
    """It is declared and bound again, and the log says what it may have
    cost; the next event comes with a gap, and to nobody else's stream."""

    n = nginx(CONF, amqp=vhost.url)
    api = Api(n.port(1))
    streams = [api.create("key-%d" % i) for i in range(20)]
    with Clients([s.location for s in streams]) as clients, \
            EventSource(streams[0].http) as events, \
            contextlib.ExitStack() as stack:
        for name in vhost.queues():
            try:
                vhost.management.request(
                    "DELETE", "queues/%s/%s" % (vhost.name, name))
            except urllib.error.HTTPError:
                pass
        n.wait_log(r"\[warn\].*ess\.test\.")
        wait_for(lambda: {k for _, k in vhost.bindings()}
                 == {"key-%d" % i for i in range(20)}, 20, "bindings")
        late = stack.enter_context(EventSource(streams[0].http))
        for i in range(20):
            vhost.publish("key-%d" % i, "hello")
        clients.wait(1)
        vhost.publish("key-0", "again")
        assert [e.type for e in events.wait(3)] == ["gap", "message",
                                                    "message"]
        assert json.loads(events.events[0].data) == {"from": 1, "to": None}

        # who came afterwards has not missed it
        assert [e.type for e in late.wait(2)] == ["message", "message"]

    # who comes back is told, too, and who comes to a new one is not
    with EventSource(streams[0].http, last_id=events.events[1].id) as s:
        assert [e.data for e in s.wait(1)] == ["again"]
    with EventSource(streams[1].http + "?stream_from_ordinal=0") as s:
        assert [e.type for e in s.wait(2)] == ["gap", "message"]
    new = api.create("key-1")
    with EventSource(new.http) as s:
        vhost.publish("key-1", "hello")
        assert [e.type for e in s.wait(1)] == ["message"]


def test_delete_without_the_broker(vhost, relay, nginx):
    """The binding goes when the broker is back, without any event."""

    n = nginx(CONF, workers=2, amqp=relay.url)
    api = Api(n.port(1))
    stream = wait_for(lambda: api.try_create("gone"), 20, "the first stream")
    assert [key for _, key in vhost.bindings()] == ["gone"]

    relay.cut()
    api.delete(stream)
    relay.mend()
    wait_for(lambda: vhost.bindings() == [], 20, "the binding to be gone")


def test_unwanted_key_is_unbound(vhost, nginx):
    """A binding that no stream needs goes with the first delivery."""

    n = nginx(CONF, amqp=vhost.url)
    api = Api(n.port(1))
    stray = api.create("stray")
    (queue, _), = vhost.bindings()
    api.delete(stray)
    wait_for(lambda: vhost.bindings() == [])

    with vhost.connect() as c:
        c.channel().queue_bind(queue, "event-streams", "stray")
    vhost.publish("stray", "nobody wants this")
    wait_for(lambda: vhost.bindings() == [])
    wait_for(lambda: vhost.queue_counts(queue)[0] == 0)
