"""The subprotocol ess.v1 in the handshake of a WebSocket."""

import time

import jwt
import pytest

from api import Api
from clients import RawWS

SECRET = b"0123456789abcdef0123456789abcdef"

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }

        location /tokens/ {
            ess_subscribe;
            ess_jwt  key=%%DIR%%/key alg=HS256 streams=read;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


@pytest.fixture
def service(nginx, vhost):
    n = nginx(CONF, amqp=vhost.url, start=False)
    with open(n.path("key"), "wb") as f:
        f.write(SECRET)
    n.start()
    return n, Api(n.port(1))


def chosen(url, offer):
    """The status, and the subprotocol of the answer."""

    with RawWS.of(url) as ws:
        ws.handshake(Sec_WebSocket_Protocol=offer)
        return ws.status, ws.headers.get("sec-websocket-protocol")


def test_the_subprotocol_is_chosen(service):
    n, api = service
    stream = api.create("abc")
    for offer in ("ess.v1", "chat, ess.v1", "ess.v1,chat",
                  "chat\r\nSec-WebSocket-Protocol: ess.v1"):
        assert chosen(stream.location, offer) == (101, "ess.v1"), offer
    for offer in ("ess.v2", "ESS.V1", "ess.v1x", "chat"):
        assert chosen(stream.location, offer) == (101, None), offer


def test_with_a_token(service):
    n, api = service
    stream = api.create("abc")
    url = stream.location.replace("/event-stream/", "/tokens/")
    token = jwt.encode({"exp": int(time.time()) + 600, "read": stream.uuid},
                       SECRET, "HS256")
    for offer in ("ess.v1, ess.jwt, %s", "ess.jwt, %s, ess.v1"):
        assert chosen(url, offer % token) == (101, "ess.v1"), offer
    assert chosen(url, "ess.jwt, " + token) == (101, "ess.jwt")
    for offer in ("ess.v1", "ess.v1, ess.jwt", "ess.jwt, ess.v1",
                  "ess.v1, ess.jwt, x", "ess.v1, " + token):
        assert chosen(url, offer)[0] == 401, offer
