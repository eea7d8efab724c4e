"""ess_ping with a text: a message that pages see, in place of ping frames."""

import time

import pytest

from api import Api
from clients import PING, TEXT, Clients, RawWS
from sse import EventSource
from wait import slower, wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    %%DEFLATE%%
    ess_ping        1s 1s 'text={"type": "ping"}' first;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
        location /release/  { ess_subscribe; ess_request release; }
        location /later/    { ess_subscribe; ess_ping 1s 'text=$$\u00e4'; }
        location /once/     { ess_subscribe; ess_ping 0 text=hello first; }
        location /plain/    { ess_subscribe; ess_ping 1s; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

TEXT_PING = '{"type": "ping"}'


@pytest.fixture
def service(nginx, vhost):
    def make(deflate=""):
        n = nginx(CONF.replace("%%DEFLATE%%", deflate), 2, amqp=vhost.url)
        return n, Api(n.port(1)), Api(n.port(1)).create("abc")
    return make


def at(stream, path, scheme="ws"):
    url = stream.location if scheme == "ws" else stream.http
    return url.replace("/event-stream/", "/%s/" % path)


@pytest.mark.parametrize("deflate", ["", "ess_deflate on min_size=1;"])
@pytest.mark.parametrize("path", ["event-stream", "release"])
def test_first_and_then_each_interval(service, vhost, deflate, path):
    """Also to who has history before it: the ping comes first."""

    n, api, stream = service(deflate)
    vhost.publish("abc", "old")
    wait_for(lambda: api.get(stream)["last_ordinal"] == 1)
    begin = time.monotonic()
    with Clients([at(stream, path) + "?stream_from_ordinal=0"] * 4,
                 library="both") as clients:
        clients.wait(5)
        for c in clients:
            assert c.messages[0] == TEXT_PING
            assert c.messages[1] == "old"
            assert set(c.messages[2:]) == {TEXT_PING}
            times = [t for t, m in zip(c.times, c.messages) if m == TEXT_PING]
            # what comes late is read together with what follows
            assert all(0.5 * i < t - begin < 3 * (i + 1) * slower()
                       for i, t in enumerate(times))
        vhost.publish("abc", "new")
        wait_for(lambda: all("new" in c.messages for c in clients))


def test_no_ping_frames(service):
    n, api, stream = service()
    with RawWS.of(stream.location) as ws:
        ws.connect()
        for _ in range(3):
            frame = ws.recv_frame()
            assert (frame.opcode, frame.payload) == (TEXT, TEXT_PING.encode())


def test_not_first(service):
    n, api, stream = service()
    with Clients([at(stream, "later"), at(stream, "once")]) as clients:
        wait_for(lambda: len(clients[0].messages) > 2)
        assert set(clients[0].messages) == {"$\u00e4"}
        assert clients[1].messages == ["hello"]


def test_another_ping_has_no_text(service):
    """What a location says is said in whole."""

    n, api, stream = service()
    with RawWS.of(at(stream, "plain")) as ws:
        ws.connect()
        assert ws.recv_frame().opcode == PING


def test_clients_of_the_subprotocol_have_ping_frames(service):
    n, api, stream = service()
    with RawWS.of(stream.location) as ws:
        ws.connect(Sec_WebSocket_Protocol="ess.v1")
        frame = ws.recv_frame()
        assert frame.opcode == TEXT and b"subscribed" in frame.payload
        assert ws.recv_frame().opcode == PING


def test_event_streams_have_comments(service, vhost):
    n, api, stream = service()
    with EventSource(stream.http) as source:
        wait_for(lambda: source.parser.comments > 2)
        vhost.publish("abc", "x")
        assert [e.data for e in source.wait(1)] == ["x"]


def test_one_that_does_not_answer_stays(service, vhost):
    """It is never asked for an answer; of one that vanishes see
    test_subscriber_vanished.py."""

    n, api, stream = service()
    with RawWS.of(stream.location) as ws:
        ws.connect()
        begin = time.monotonic()
        while time.monotonic() - begin < 4:
            assert ws.recv_frame().opcode == TEXT
        vhost.publish("abc", "x")
        while ws.recv_frame().payload != b"x":
            pass
