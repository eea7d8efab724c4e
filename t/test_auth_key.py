"""A key that a token says: no other key's events can be had."""

import pytest

import tokens
from api import Api
from clients import CLOSE, PING, PONG, RawWS
from tokens import token
from wait import slower

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;

        location /event-stream/ {
            ess_subscribe;
            ess_jwt  key=%%DIR%%/key alg=HS256 streams=read;
        }

        location /org/ {
            ess_subscribe  key=$ess_jwt_org;
            ess_jwt        key=%%DIR%%/key alg=HS256 streams=read;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""


@pytest.fixture
def service(nginx, vhost):
    n = tokens.start(nginx(CONF, amqp=vhost.url, start=False))
    return n, Api(n.port(1))


def plain(stream, token, query="", path="/org/"):
    ws = RawWS.of(stream.location.replace("/event-stream/", path) + query)
    ws.handshake(Authorization="Bearer " + token)
    return ws


def test_the_key_is_of_the_token(service):
    """Another organisation's id in the query changes nothing; an expired token
    ends the client, one with a new token goes on where it was."""

    n, api = service
    stream = api.create("x", name="x", key="json:/org")
    bodies = ['{"org":"a","n":1}', '{"org":"b","n":2}', '{"org":"a","n":3}',
              '{"n":4}', '{"org":"a","n":5}']
    mine = [b.encode() for b in bodies if '"a"' in b]
    old = token(int(4 * slower()), read="x#*", org="a")
    with plain(stream, old, "?org=b&key=b&ess_jwt_org=b&"
               "stream_from_ordinal=0") as ws:
        assert ws.status == 101
        api.publish("x", bodies[:3])
        assert [ws.recv_event().payload for _ in range(2)] == mine[:2]
        frame = ws.recv_frame()
        while frame.opcode != CLOSE:
            assert frame.opcode in (PING, PONG), frame
            if frame.opcode == PING:
                ws.send_frame(PONG, frame.payload)
            frame = ws.recv_frame()
        assert frame.close_code == 3000
    with plain(stream, old) as ws:
        assert ws.status == 401
    api.publish("x", bodies[3:])
    with plain(stream, token(read="x#a", org="a"),
               "?stream_from_ordinal=3&org=b") as ws:
        assert ws.status == 101
        assert ws.recv_event().payload == mine[2]


@pytest.mark.parametrize("claims, status", [
    ({"read": "x#a", "org": "a"}, 101),
    ({"read": "x#a*", "org": "abc"}, 101),
    ({"read": "x", "org": "b"}, 101),
    ({"read": "x#a", "org": "b"}, 403),
    ({"read": "x#a"}, 403),
    ({"read": "x#a", "org": ""}, 403),
    ({"read": "x#a", "org": "a" * 256}, 403),
])
def test_the_token_lists_the_key(service, claims, status):
    n, api = service
    stream = api.create("x", name="x", key="routing_key")
    with plain(stream, token(**claims)) as ws:
        assert ws.status == status
    # all of the stream is more than its keys
    with plain(stream, token(**claims), path="/event-stream/") as ws:
        assert ws.status == (101 if claims["read"] == "x" else 403)
