"""permessage-deflate: RFC 7692."""

import asyncio
import itertools
import json
import os
import random
import zlib

import aiohttp
import pytest
import websockets
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory)

from api import Api
from clients import Clients, RawWS, inflate
from wait import wait_for

CONF = """
http {
    ess_zone streams 16m;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=8m count=100000;
    ess_ping 0;
    ess_drain 0;
    ess_deflate %%DEFLATE%%;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
        location /annotated/ { ess_subscribe; ess_annotate on; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        client_max_body_size 2m;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location = /metrics { ess_metrics; }
    }
}
"""

ANSWER = ("permessage-deflate; server_no_context_takeover; "
          "client_no_context_takeover")


@pytest.fixture
def service(nginx):
    def make(deflate="on min_size=100", workers=2):
        n = nginx(CONF, workers=workers, deflate=deflate)
        return n, Api(n.port(1))
    return make


def publish(api, body):
    assert api.request("POST", "/publish/abc", body).status == 202


def offered(stream, offer="permessage-deflate", path="event-stream"):
    ws = RawWS.of(stream.location.replace("event-stream", path))
    ws.handshake(Sec_WebSocket_Extensions=offer)
    assert ws.status == 101
    return ws


def inflated(frame):
    assert frame.rsv == 4 and frame.fin
    return inflate(frame.payload)


def raw(data, level=6):
    c = zlib.compressobj(level, zlib.DEFLATED, -15)
    return (c.compress(data) + c.flush(zlib.Z_SYNC_FLUSH))[:-4]


TEXT = json.dumps([{"id": i, "name": "event %d" % i} for i in range(50)])


def test_what_is_on_the_wire(service):
    n, api = service()
    stream = api.create("abc")
    with offered(stream) as ws, offered(stream, None) as plain, \
            offered(stream, "x-other") as other, \
            offered(stream, path="annotated") as annotated:
        assert ws.headers["sec-websocket-extensions"] == ANSWER
        assert annotated.headers["sec-websocket-extensions"] == ANSWER
        assert "sec-websocket-extensions" not in plain.headers
        assert "sec-websocket-extensions" not in other.headers
        publish(api, TEXT)
        f = ws.recv_frame()
        assert (f.opcode, inflated(f).decode()) == (1, TEXT)
        assert len(f.payload) < len(TEXT) / 4
        for w in plain, other:
            f = w.recv_frame()
            assert (f.opcode, f.rsv, f.payload.decode()) == (1, 0, TEXT)
        f = annotated.recv_frame()
        assert inflated(f).decode().startswith(TEXT + "|ordinal: 1|")
        # again, with nothing remembered
        publish(api, TEXT)
        assert inflated(ws.recv_frame()).decode() == TEXT
        assert plain.recv_frame().payload.decode() == TEXT
        # a small one, one just large enough, a binary one, an empty one
        small = "x" * 99
        for body, opcode, deflated in ((small, 1, False),
                                       (small + "x", 1, True),
                                       (b"\xff" * 500, 2, True),
                                       ("", 1, False),
                                       (os.urandom(3000), 2, False)):
            publish(api, body)
            f = ws.recv_frame()
            body = body.encode() if isinstance(body, str) else body
            assert (f.opcode, f.rsv) == (opcode, 4 if deflated else 0)
            assert (inflated(f) if deflated else f.payload) == body
        # large ones
        for size in 126, 65535, 65536, 1000000:
            body = (TEXT * (size // len(TEXT) + 1))[:size]
            publish(api, body)
            assert inflated(ws.recv_frame()).decode() == body


@pytest.mark.parametrize("offer", [
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; server_max_window_bits=10, permessage-deflate",
    "permessage-deflate; server_no_context_takeover",
])
def test_offers_that_are_taken(service, offer):
    n, api = service()
    with offered(api.create("abc"), offer) as ws:
        assert ws.headers["sec-websocket-extensions"] == ANSWER


def test_offer_of_the_window_is_answered(service):
    """RFC 7692, 7.1.2.1, also when it is not the first one."""

    n, api = service()
    stream = api.create("abc")
    bits = "permessage-deflate; server_max_window_bits="
    for offer in (bits + "15", bits + "15; client_max_window_bits",
                  bits + "10, " + bits + "15",
                  bits + "10\r\nSec-WebSocket-Extensions: " + bits + "15"):
        with offered(stream, offer) as ws:
            assert ws.headers["sec-websocket-extensions"] \
                == ANSWER + "; server_max_window_bits=15"


@pytest.mark.parametrize("offer", [
    "permessage-deflate; server_max_window_bits=10",
    "permessage-deflate; unknown", "permessage-deflate-x", ""])
def test_offers_that_are_declined(service, offer):
    n, api = service()
    with offered(api.create("abc"), offer) as ws:
        assert "sec-websocket-extensions" not in ws.headers


def test_off(nginx, service):
    n, api = service("off")
    with offered(api.create("abc")) as ws:
        assert "sec-websocket-extensions" not in ws.headers
    n = nginx(CONF.replace("ess_deflate %%DEFLATE%%;", ""))
    with offered(Api(n.port(1)).create("abc")) as ws:
        assert "sec-websocket-extensions" not in ws.headers


def test_libraries(service):
    """They see nothing of it."""

    n, api = service("on")
    stream = api.create("abc")
    bodies = [TEXT[:random.randrange(len(TEXT))] for _ in range(20)]

    async def received(connect, get):
        async with connect() as ws:
            got = []
            for body in bodies:
                await asyncio.get_running_loop().run_in_executor(
                    None, publish, api, body)
            for _ in bodies:
                got.append(await get(ws))
            return got

    async def by_aiohttp():
        async with aiohttp.ClientSession() as session:
            return await received(
                lambda: session.ws_connect(stream.location, compress=15),
                lambda ws: ws.receive_str())

    assert asyncio.run(received(
        lambda: websockets.connect(stream.location, compression="deflate"),
        lambda ws: ws.recv())) == bodies
    assert asyncio.run(by_aiohttp()) == bodies


@pytest.mark.parametrize("server_bits", [None, 15, 10])
def test_whatever_a_library_asks_for(service, server_bits):
    """It raises an error when the answer is not one to its offer."""

    n, api = service()
    stream = api.create("abc")

    async def received(**options):
        offer = ClientPerMessageDeflateFactory(
            server_max_window_bits=server_bits, **options)
        async with websockets.connect(stream.location, compression=None,
                                      extensions=[offer]) as ws:
            await asyncio.get_running_loop().run_in_executor(
                None, publish, api, TEXT)
            message = await ws.recv()
            await ws.send(TEXT)
            await ws.ping()
            protocol = getattr(ws, "protocol", ws)
            return message, [e.name for e in protocol.extensions]

    for client_bits in None, True, 15, 10:
        for server, client in itertools.product((False, True), repeat=2):
            assert asyncio.run(received(
                client_max_window_bits=client_bits,
                server_no_context_takeover=server,
                client_no_context_takeover=client)) == (
                TEXT, [] if server_bits == 10 else ["permessage-deflate"])


def test_bytes_are_counted_as_sent(service):
    n, api = service()
    stream = api.create("abc")
    with offered(stream) as ws:
        publish(api, TEXT)
        f = ws.recv_frame()
        size = len(f.payload) + (2 if len(f.payload) < 126 else 4)
        wait_for(lambda: api.request("GET", "/metrics?format=json").json()[
            "sent_bytes_total"]["websocket"] == size)


@pytest.mark.parametrize("path", ["event-stream", "annotated"])
def test_history_is_not_deflated(service, path):
    """That would be for one client alone; what comes live is for all."""

    n, api = service()
    stream = api.create("abc")
    for i in range(30):
        publish(api, TEXT + str(i))
    ws = RawWS.of(stream.location.replace("event-stream", path)
                  + "?stream_from_ordinal=10")
    with ws:
        ws.handshake(Sec_WebSocket_Extensions="permessage-deflate")
        assert ws.headers["sec-websocket-extensions"] == ANSWER
        for i in range(10, 30):
            f = ws.recv_event()
            assert (f.opcode, f.rsv) == (1, 0)
            assert f.payload.decode().startswith(TEXT + str(i))

        def live():
            publish(api, TEXT)
            f = ws.recv_event()
            return f.rsv and inflated(f).decode().startswith(TEXT)

        wait_for(live, what="a deflated event")


def closed(ws):
    while True:
        f = ws.recv_frame()
        if f.opcode == 8:
            return f.close_code


def test_messages_of_clients(service):
    n, api = service()
    stream = api.create("abc")
    with offered(stream) as ws:
        for message in b"Hello", b"", "Gr\u00fc\u00dfe".encode() * 1000:
            for level in 0, 6:
                ws.send_frame(1, raw(message, level), rsv=4)
        data = raw(b"in several parts" * 100)
        ws.send_frame(1, data[:7], rsv=4, fin=False)
        ws.send_frame(9, b"ping")
        for i in range(7, len(data)):
            ws.send_frame(0, data[i:i + 1], fin=False)
        ws.send_frame(0, b"")
        assert ws.recv_frame().opcode == 10
        ws.send_frame(1, b"plain")
        ws.send_frame(9, b"still there")
        assert ws.recv_frame().payload == b"still there"
        publish(api, TEXT)
        assert inflated(ws.recv_frame()).decode() == TEXT


@pytest.mark.parametrize("opcode, payload", [
    (2, raw(bytes(1000000))),
    (1, raw(b"x" * 65537)),
    (1, raw(b"\xff\xfe")),
    (1, raw(b"\xc3")),
    (2, b"\xff\xff\xff\xff"),
], ids=range(5))
def test_messages_that_nobody_reads_are_not_inflated(service, opcode,
                                                     payload):
    n, api = service()
    stream = api.create("abc")
    with offered(stream) as ws:
        ws.send_frame(opcode, payload, rsv=4)
        ws.send_frame(9, b"still there")
        assert ws.recv_frame().payload == b"still there"


@pytest.mark.parametrize("code, opcode, payload, options", [
    (1009, 2, raw(os.urandom(65537)), {"rsv": 4}),
    (1002, 9, raw(b"x"), {"rsv": 4}),
    (1002, 1, raw(b"x"), {"rsv": 2}),
    (1002, 1, raw(b"x"), {"rsv": 6}),
], ids=range(4))
def test_wrong_messages_of_clients(service, code, opcode, payload, options):
    n, api = service()
    stream = api.create("abc")
    with offered(stream) as ws, Clients([stream.location]) as others:
        ws.send_frame(opcode, payload, **options)
        assert closed(ws) == code
        publish(api, TEXT)
        others.wait(1)


def test_a_connection_ends_within_a_message(service):
    """What was kept of it goes with it."""

    n, api = service()
    stream = api.create("abc")
    data = raw(os.urandom(5000))
    for end in "close", "reset", "frame":
        for _ in range(20):
            ws = offered(stream)
            ws.send_frame(2, data[:1000], rsv=4, fin=False)
            if end == "reset":
                ws.reset()
            elif end == "frame":
                ws.send_close()
                assert closed(ws) == 1000
            ws.close()
    wait_for(lambda: api.get(stream)["subscribers"] == 0)


def test_rsv_without_the_extension(service):
    n, api = service()
    stream = api.create("abc")
    ws = RawWS.of(stream.location)
    with ws:
        ws.connect()
        ws.send_frame(1, raw(b"Hello"), rsv=4)
        assert closed(ws) == 1002


@pytest.mark.parametrize("value", [
    "", "yes", "off level=1", "on level=0", "on level=10", "on level=x",
    "on min_size=", "on min_size=0", "on min_size=x", "on level=1 level=2",
    "on size=1", "on; ess_deflate off"])
def test_wrong_directives(nginx, value):
    n = nginx(CONF, start=False, deflate=value)
    n.expect(r"\[emerg\]")
    code, output = n.test()
    assert code == 1
    assert "ess_deflate" in output
