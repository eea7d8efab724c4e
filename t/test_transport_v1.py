"""The subprotocol ess.v1: its handshake, and what carries its messages."""

import json
import random
import zlib

import pytest

import tokens
from api import Api
from clients import BINARY, CLOSE, CONT, PING, PONG, TEXT, RawWS, inflate
from v1 import V1, Refused

CONF = """
http {
    ess_zone         streams 8m;
    ess_amqp         %%AMQP%%;
    ess_public_url   ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_client_rate  messages=1000 bytes=16m;
    ess_deflate      on;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
        location /multi/ { ess_subscribe multi; }

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
    n = tokens.start(nginx(CONF, amqp=vhost.url, start=False))
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
    token = tokens.token(read=stream.uuid)
    for offer in ("ess.v1, ess.jwt, %s", "ess.jwt, %s, ess.v1"):
        assert chosen(url, offer % token) == (101, "ess.v1"), offer
    assert chosen(url, "ess.jwt, " + token) == (101, "ess.jwt")
    for offer in ("ess.v1", "ess.v1, ess.jwt", "ess.jwt, ess.v1",
                  "ess.v1, ess.jwt, x", "ess.v1, " + token):
        assert chosen(url, offer)[0] == 401, offer


def multi(n):
    return "ws://127.0.0.1:%d/multi/" % n.port(0)


def test_multi_takes_nothing_else(service):
    n, api = service
    stream = api.create("abc")
    for url in (multi(n), multi(n) + stream.uuid):
        with pytest.raises(Refused) as e:
            V1(url, protocols="chat")
        assert e.value.status == 400
        assert '"ess.v1"' in e.value.json()["detail"]
    with V1(multi(n)) as client:
        assert client.protocol == "ess.v1"
        client.quiet()


def raw(n, **headers):
    ws = RawWS.of(multi(n))
    ws.connect(Sec_WebSocket_Protocol="ess.v1", **headers)
    return ws


def padded(size, id_=1):
    command = json.dumps({"id": id_, "ping": id_}).encode()
    return command + b" " * (size - len(command))


def pong(ws, id_=1):
    frame = ws.recv_frame()
    assert (frame.opcode, frame.payload) == (
        TEXT, b'{"id":%d,"pong":%d}' % (id_, id_))


def closes(ws, code):
    frame = ws.recv_frame()
    while frame.opcode != CLOSE:
        frame = ws.recv_frame()
    assert frame.close_code == code, frame


def test_a_message_arrives_whole(service):
    """Up to 64 KiB, in one frame or many, with a ping in between."""

    n, api = service
    with raw(n) as ws:
        for id_, size in enumerate((20, 125, 126, 65535, 65536), 1):
            ws.send_frame(TEXT, padded(size, id_))
            pong(ws, id_)
        text = padded(65536, 9)
        at = sorted(random.sample(range(65536), 20))
        parts = [text[a:b] for a, b in zip([0] + at, at + [65536])]
        for i, part in enumerate(parts):
            ws.send_frame(CONT if i else TEXT, part, fin=i == len(parts) - 1)
            if i == 7:
                ws.send_frame(PING, b"?")
        frame = ws.recv_frame()
        assert (frame.opcode, frame.payload) == (PONG, b"?")
        pong(ws, 9)


def deflated(text):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (z.compress(text) + z.flush(zlib.Z_SYNC_FLUSH))[:-4]


def test_a_message_is_inflated(service):
    """Its limit is that of what it becomes."""

    n, api = service
    offer = {"Sec_WebSocket_Extensions": "permessage-deflate"}
    with raw(n, **offer) as ws:
        for size in (20, 65536):
            ws.send_frame(TEXT, deflated(padded(size)), rsv=4)
            frame = ws.recv_frame()
            text = inflate(frame.payload) if frame.rsv else frame.payload
            assert text == b'{"id":1,"pong":1}'
        ws.send_frame(TEXT, deflated(padded(65537)), rsv=4)
        closes(ws, 1009)


@pytest.mark.parametrize("opcode, payload, code", [
    (TEXT, padded(65537), 1009),
    (BINARY, padded(20), 1003),
    (BINARY, b"", 1003),
    (TEXT, b"\xff", 1007),
    (TEXT, b"hello", 1003),
    (TEXT, b"", 1003),
    (TEXT, b'{"id":1,"ping":1}x', 1003),
    (TEXT, b"[" * 100 + b"]" * 100, 1003),
])
def test_what_is_no_message_ends_it(service, opcode, payload, code):
    n, api = service
    with raw(n) as ws:
        ws.send_frame(TEXT, padded(20))
        pong(ws)
        ws.send_frame(opcode, payload)
        closes(ws, code)


def test_what_is_malformed_is_answered(service):
    n, api = service
    stream = api.create("abc")
    with V1(multi(n)) as client:
        client._next = 1000
        for text, id_ in (
                ('{"id":1}', 1), ('{"id":2,"ping":"x"}', 2), ("5", None),
                ('{"id":3,"ping":1,"what":1}', 3), ('[[]]', None),
                ('{"id":4,"ping":1,"token":"x"}', 4), ('{"ping":1.5}', None),
                ('{"what":1,"id":5,"subscribe":{"stream":"a"}}', 5),
                ('{"id":6,"ping":1,"ping":1}', 6), ('{"id":-1}', None),
                ('{"id":7,"subscribe":[{"stream":"a"},{}]}', 7),
                ('{"id":8,"unsubscribe":["a",5]}', 8)):
            client.answers.clear()
            client.send_text(text)
            client.quiet()
            assert len(client.answers) == 2, (text, client.answers)
            answer = client.answers[0]
            assert answer.get("id") == id_, (text, answer)
            assert answer["error"]["code"] == 400
            assert answer["error"]["message"]
        # a mistake in one subscription is its own
        entries = client.subscribe(
            {"stream": stream.uuid, "from": "x"}, {"stream": stream.uuid},
            {"stream": stream.uuid, "keys": []}, {"stream": ""})
        assert [e.get("error", {}).get("code") for e in entries] == [
            400, None, 400, 400]


def test_answers_come_in_order(service):
    n, api = service
    with V1(multi(n)) as client:
        client._next = 1000
        client.send(*({"id": i, "ping": -i} for i in range(256)))
        client.send(*({"ping": i} for i in range(257)))
        client.answer(255)
        client.quiet()
        assert [a.get("pong") for a in client.answers[:256]] == [
            -i for i in range(256)]
        assert client.answers[256]["error"]["code"] == 400
        assert "id" not in client.answers[256]
        assert len(client.answers) == 258
