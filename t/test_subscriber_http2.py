"""Subscribers over HTTP/2, whose bytes nginx keeps until the connection takes
them: also when the client has reset its stream, or was too slow, meanwhile."""

import re
import string

import pytest

from api import Api
from h2 import Http2
from h2_unruly import Unruly
from wait import wait_for

CONF = """
http {
    ess_zone        streams 32m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;
    ess_log         size=8m;

    server {
        listen 127.0.0.1:%%PORT0%% http2 sndbuf=8k;
        location /event-stream/ {
            ess_subscribe;
            ess_ping 0;
            ess_slow_client close buffer=%%BUFFER%%;
        }
        location /console/ { ess_console; }
        location /metrics { ess_metrics streams=100; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""


class Service:

    def __init__(self, nginx, buffer="1m"):
        self.nginx = nginx(CONF, buffer=buffer)
        self.api = Api(self.nginx.port(1))

    def create(self, key):
        return self.api.create(key)

    def publish(self, key, events):
        for event in events:
            self.api.publish(key, [event])

    def connect(self, *streams, **kwargs):
        """A client, and a request of it for each stream."""

        h2 = Http2(self.nginx.port(), rcvbuf=2048, **kwargs)
        gets = [h2.get("/event-stream/" + s.uuid) for s in streams]
        h2.wait(lambda: all(g.body for g in gets))
        return h2, gets

    def subscribers(self, stream, count):
        wait_for(lambda: self.api.get(stream)["subscribers"] == count,
                 what="%d subscribers" % count)


@pytest.fixture
def service(nginx):
    return lambda *args: Service(nginx, *args)


def events(letter, count, size=20000):
    return ["%s %d " % (letter, i) + letter * size for i in range(count)]


def check(get, sent):
    """Nothing came but these events, of the last one perhaps a part."""

    assert get.data == sent[:len(get.data)]
    part = re.search(rb"data: ?([^\n]*)\Z",
                     bytes(get.body).rpartition(b"\n\n")[2])
    if part:
        assert sent[len(get.data)].encode().startswith(part.group(1))


def test_client_resets_its_stream_and_reads_on(service):
    s = service()
    a, b = s.create("a"), s.create("b")
    h2, (one, other) = s.connect(a, b, window=10 ** 6)
    with h2:
        sent = {"a": events("a", 50), "b": events("b", 50)}
        s.publish("a", sent["a"])
        one.reset()
        s.subscribers(a, 0)
        s.publish("b", sent["b"])
        h2.wait(lambda: len(other.data) == 50)
        check(one, sent["a"])
        check(other, sent["b"])


def test_client_that_was_too_slow_reads_on(service):
    s = service("64k")
    a, b = s.create("a"), s.create("b")
    h2, (one,) = s.connect(a, window=10 ** 6)
    with h2:
        sent = {"a": events("a", 50), "b": events("b", 50)}
        s.api.publish("a", sent["a"][:12])
        s.publish("a", sent["a"][12:14])
        s.nginx.wait_log("client is too slow")
        s.publish("a", sent["a"][14:])
        other = h2.get("/event-stream/" + b.uuid)
        s.subscribers(b, 1)
        s.publish("b", sent["b"])
        h2.wait(lambda: one.over)
        assert one.ended and len(one.data) < 50
        check(one, sent["a"])
        check(other, sent["b"])


@pytest.mark.parametrize("leave", ["reset", "close", "abort"])
def test_client_that_takes_no_response_leaves(service, leave):
    """It is noticed at once, not when the response could not be sent for
    long."""

    s = service()
    a = s.create("a")
    with Http2(s.nginx.port(), window=0) as h2:
        gets = [h2.get("/event-stream/" + a.uuid) for _ in range(3)]
        h2.wait(lambda: all(get.status == 200 for get in gets))
        s.subscribers(a, 3)
        if leave == "reset":
            for get in gets:
                get.reset()
        else:
            getattr(h2, leave)()
        s.subscribers(a, 0)


def test_client_that_takes_no_response_is_told_of_the_end(service):
    """Although nothing else is sent on its connection."""

    s = service()
    a, b = s.create("a"), s.create("b")
    with Http2(s.nginx.port(), window=0) as h2:
        one = h2.get("/event-stream/" + a.uuid)
        other = h2.get("/event-stream/" + b.uuid)
        other.window_update(65535)
        h2.wait(lambda: one.status and other.body)
        # all that the client sends was read
        h2.ping()
        h2.wait(lambda: h2.pongs)
        path = "%d/subscribers" % a.id
        sid = s.api.request("GET", path).json()["subscribers"][0]["id"]
        r = s.api.request("DELETE", "%s/%d" % (path, sid))
        assert r.status == 204
        h2.wait(lambda: one.error is not None)
        s.publish("b", ["event"])
        h2.wait(lambda: other.data == ["event"])


@pytest.mark.parametrize("reset", [0, 1])
def test_stop_with_what_nobody_reads(service, reset):
    s = service()
    a = s.create("a")
    h2, (one,) = s.connect(a, window=10 ** 6)
    with h2:
        s.api.publish("a", events("a", 30))
        if reset:
            one.reset()
            s.subscribers(a, 0)
        s.nginx.stop(quit=False)


def test_clients_that_do_not_read_and_reset_and_read_on(service):
    s = service("256k")
    streams = {key: s.create(key) for key in string.ascii_lowercase[:12]}
    unruly = Unruly(s.nginx.port(), s.api.publish,
                    {k: "/event-stream/" + v.uuid for k, v in streams.items()},
                    ["/metrics", "/console/app.js", "/console/api/"])
    unruly.round(50)
    assert unruly.resets > 50 and unruly.events > 500
