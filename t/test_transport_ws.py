"""RFC 6455 as a client sees it, byte by byte."""

import base64
import hashlib
import select
import time

import pytest

from api import Api
from clients import (BINARY, CLOSE, CONT, PING, PONG, TEXT, RawWS,
                     build_frame)
from memory import flat, private_kb
from wait import SLOWER, slower, wait_for

CONF = """
http {
    ess_zone        streams 16m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_ping        %%PING%%;
    ess_client_rate %%RATE%%;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


@pytest.fixture
def service(nginx, vhost):
    def make(ping="0", rate="messages=100 bytes=256k", **kwargs):
        n = nginx(CONF, amqp=vhost.url, ping=ping, rate=rate, **kwargs)
        return n, Api(n.port(1)).create("abc")
    return make


def outcome(frames):
    """The close code that ends what comes, or how it ended without one."""

    try:
        while True:
            frame = frames.recv_frame()
            if frame.opcode == CLOSE:
                frames.recv_eof()
                return frame.close_code
            assert frame.opcode in (PING, PONG), frame
    except EOFError:
        return "no close frame"
    except TimeoutError:
        return "open"


# what wakes a client that has left its history unread

def test_two_pongs_follow_the_history(service, vhost):
    """Empty ones, 100 ms and 1 s after it, of which nobody needs to know."""

    n, stream = service()
    vhost.publish("abc", ["1", "2"])
    wait_for(lambda: Api(n.port(1)).get(stream)["last_ordinal"] == 2)
    begin = time.monotonic()
    with RawWS.of(stream.location + "?stream_from_ordinal=0") as c, \
            RawWS.of(stream.location) as other:
        for client in c, other:
            client.connect()
        frames = [c.recv_frame() for _ in range(3)]
        first = time.monotonic() - begin
        frames.append(c.recv_frame())
        second = time.monotonic() - begin
        assert [(f.opcode, f.payload) for f in frames] == [
            (TEXT, b"1"), (TEXT, b"2"), (PONG, b""), (PONG, b"")]
        assert 0.09 < first < 0.5 * slower()
        assert 0.99 < second < 1.5 * slower()

        # nothing else ever, and nothing to one that asked for no history
        vhost.publish("abc", "3")
        for client in c, other:
            assert client.recv_frame().payload == b"3"
            client.send_frame(PING, b"?")
            assert client.recv_frame().payload == b"?"


def test_clients_end_before_their_pongs(service, vhost):
    n, stream = service(rate="messages=100 bytes=256k; ess_request release")
    vhost.publish("abc", ["1", "2"])
    wait_for(lambda: Api(n.port(1)).get(stream)["last_ordinal"] == 2)
    for i in range(200):
        with RawWS.of(stream.location + "?stream_from_ordinal=0") as c:
            c.connect()
            assert c.recv_frame().payload == b"1"
            if i % 3 == 0:
                c.send_frame(CLOSE, b"")
    with RawWS.of(stream.location + "?stream_from_ordinal=0") as c:
        c.connect()
        assert [c.recv_frame().opcode for _ in range(4)] == [
            TEXT, TEXT, PONG, PONG]


# handshake

GOOD = [
    {},
    {"Connection": "keep-alive, Upgrade"},
    {"Connection": "upgrade,keep-alive"},
    {"Connection": "UPGRADE", "Upgrade": "WebSocket"},
    {"Upgrade": "h2c , websocket"},
    {"Connection": "keep-alive\r\nConnection: Upgrade"},
    {"Upgrade": "h2c\r\nUpgrade: websocket"},
    {"Origin": "https://example.com"},
    {"Content_Length": "0"},
    {"sec-websocket-key": KEY, "Sec_WebSocket_Key": None},
    {"Sec_WebSocket_Protocol": "chat, superchat"},
    {"Sec_WebSocket_Extensions": "permessage-deflate; client_max_window_bits"},
]


def test_handshake_is_accepted_and_nothing_offered_is_taken(service):
    n, stream = service()
    for headers in GOOD:
        with RawWS.of(stream.location) as c:
            assert c.handshake(**headers) == 101, headers
            key = headers.get("sec-websocket-key", c.key)
            assert c.headers["sec-websocket-accept"] == base64.b64encode(
                hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC"
                             b"85B11").digest()).decode()
            assert c.headers["upgrade"].lower() == "websocket"
            assert c.headers["connection"].lower() == "upgrade"
            for name in ("sec-websocket-protocol", "content-length",
                         "sec-websocket-extensions", "transfer-encoding"):
                assert name not in c.headers
            c.send_frame(PING, b"?")
            assert c.recv_frame().payload == b"?"


def test_handshake_accepts_the_example_of_the_rfc(service):
    n, stream = service()
    with RawWS.of(stream.location) as c:
        c.connect(Sec_WebSocket_Key=KEY)
        assert (c.headers["sec-websocket-accept"]
                == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


REFUSED = [
    # key
    (400, {"Sec_WebSocket_Key": None}),
    (400, {"Sec_WebSocket_Key": ""}),
    (400, {"Sec_WebSocket_Key": "c2hvcnQ="}),
    (400, {"Sec_WebSocket_Key": base64.b64encode(b"x" * 15).decode()}),
    (400, {"Sec_WebSocket_Key": base64.b64encode(b"x" * 17).decode()}),
    (400, {"Sec_WebSocket_Key": base64.b64encode(b"x" * 32).decode()}),
    (400, {"Sec_WebSocket_Key": "*" * 22 + "=="}),
    (400, {"Sec_WebSocket_Key": "A" * 24}),
    (400, {"Sec_WebSocket_Key": KEY + "\r\nSec-WebSocket-Key: " + KEY}),
    # a body would be taken for frames
    (400, {"Content_Length": "1"}),
    (400, {"Transfer_Encoding": "chunked"}),
    # version
    (426, {"Sec_WebSocket_Version": "8"}),
    (426, {"Sec_WebSocket_Version": "14"}),
    (426, {"Sec_WebSocket_Version": "013"}),
    (426, {"Sec_WebSocket_Version": "13, 8"}),
    (426, {"Sec_WebSocket_Version": ""}),
    (426, {"Sec_WebSocket_Version": None}),
    # no WebSocket request
    (426, {"Upgrade": None}),
    (426, {"Upgrade": "h2c"}),
    (426, {"Upgrade": "websockets"}),
    (426, {"Connection": None}),
    (426, {"Connection": "close"}),
    (426, {"Connection": "keep-alive, upgraded"}),
    (426, {"Connection": None, "Upgrade": None}),
    (426, {"version": "HTTP/1.0"}),
    # method
    (405, {"method": "POST", "Content_Length": "0"}),
    (405, {"method": "PUT", "Content_Length": "0"}),
    (405, {"method": "DELETE"}),
    (405, {"method": "OPTIONS"}),
    (405, {"method": "HEAD"}),
]


def test_handshake_is_refused(service):
    n, stream = service()
    for status, headers in REFUSED:
        with RawWS.of(stream.location) as c:
            assert c.handshake(**headers) == status, headers
            if status == 426:
                assert c.headers["sec-websocket-version"] == "13", headers
                assert c.headers["upgrade"] == "websocket", headers
                assert c.headers["connection"].lower() == "upgrade", headers
            if status == 405:
                assert c.headers["allow"] == "GET"
            assert "sec-websocket-accept" not in c.headers


def test_refused_connection_takes_another_handshake(service):
    n, stream = service()
    with RawWS.of(stream.location) as c:
        c.path = "/event-stream/" + "0" * 32
        assert c.handshake() == 404
        c.path = "/event-stream/" + stream.uuid
        c.connect()
        c.send_frame(PING)
        assert c.recv_frame().opcode == PONG


def test_unknown_stream_is_404_before_any_upgrade(service):
    n, stream = service()
    uuid = stream.uuid
    wrong = uuid[:-1] + ("0" if uuid[-1] != "0" else "1")
    for path in (wrong, "", "/", "1", uuid[:-1], uuid + "0", uuid + "/x",
                 "g" * 32, "%20" * 32, "a" * 4000, "..%2f" + uuid[:-1],
                 uuid + "%20", "version"):
        with RawWS(n.port()) as c:
            c.path = "/event-stream/" + path
            assert c.handshake() == 404, path
            assert "upgrade" not in c.headers


@pytest.mark.parametrize("end", ["", "/", "?a=b", "/?x"])
def test_address_of_a_stream_may_end_with(service, end):
    n, stream = service()
    with RawWS.of(stream.location + end) as c:
        c.connect()


def test_frames_sent_in_one_segment_with_the_handshake_count(service):
    n, stream = service()
    with RawWS.of(stream.location) as c:
        send, c.send = c.send, lambda data: send(
            data + build_frame(PING, b"early") + build_frame(TEXT, b"x")
            + build_frame(CLOSE, b"\x03\xe8bye"))
        c.connect()
        frame = c.recv_frame()
        if frame.opcode == PONG:
            assert frame.payload == b"early"
            frame = c.recv_frame()
        assert frame.opcode == CLOSE and frame.close_code == 1000
        c.recv_eof()


def test_handshake_one_byte_at_a_time(service):
    n, stream = service()
    with RawWS.of(stream.location) as c:
        send, c.send = c.send, lambda data: [
            send(data[i:i + 1]) for i in range(len(data))]
        c.connect()
        c.send_frame(PING, b"slow")
        assert c.recv_frame().payload == b"slow"


# what the server sends

def test_body_is_text_when_it_is_utf8_and_binary_otherwise(service, vhost):
    n, stream = service()
    mega = 1024 * 1024
    bodies = [
        (TEXT, b""),
        (TEXT, b"\0"),
        (TEXT, "h\u00e9llo \u20ac".encode()),
        (TEXT, "\U0001f600\U0010ffff".encode()),
        (TEXT, "\ud7ff\ue000\ufffe\uffff".encode()),
        (TEXT, "\u00e9".encode() * (mega // 2)),
        (BINARY, b"\xff"),
        (BINARY, b"\x80"),
        (BINARY, b"\xc0\xaf"),                  # not the shortest form
        (BINARY, b"\xc1\xbf"),
        (BINARY, b"\xe0\x80\xaf"),
        (BINARY, b"\xe0\x9f\xbf"),
        (BINARY, b"\xf0\x8f\xbf\xbf"),
        (BINARY, b"\xed\xa0\x80"),              # surrogates
        (BINARY, b"\xed\xbf\xbf"),
        (BINARY, b"\xf4\x90\x80\x80"),          # above U+10FFFF
        (BINARY, b"\xf5\x80\x80\x80"),
        (BINARY, b"abc\xe2\x82"),               # ends within a character
        (BINARY, b"\xe2\x28\xa1"),
        (BINARY, b"a" * (mega - 1) + b"\xc3"),
        (TEXT, b"POISON "),
    ]
    with RawWS.of(stream.location) as c:
        c.connect()
        vhost.publish("abc", [body for _, body in bodies])
        for opcode, body in bodies:
            frame = c.recv_frame()
            assert (frame.opcode, frame.payload) == (opcode, body), body[:20]
            assert frame.fin and not frame.rsv and not frame.masked


def test_length_of_an_event_takes_as_few_bytes_as_can_be(service, vhost):
    n, stream = service()
    lengths = {0: b"\x00", 125: b"\x7d", 126: b"\x7e\x00\x7e",
               65535: b"\x7e\xff\xff",
               65536: b"\x7f\x00\x00\x00\x00\x00\x01\x00\x00"}
    with RawWS.of(stream.location) as c:
        c.connect()
        vhost.publish("abc", [b"x" * length for length in lengths])
        for length, head in lengths.items():
            assert c.recv(1 + len(head)) == b"\x81" + head
            assert c.recv(length) == b"x" * length


# what a client sends

VIOLATIONS = [
    ("unmasked text", 1002, build_frame(TEXT, b"x", mask=None)),
    ("unmasked close", 1002, build_frame(CLOSE, b"\x03\xe8", mask=None)),
    *[("RSV %d" % rsv, 1002, build_frame(TEXT, b"x", rsv=rsv))
      for rsv in (1, 2, 4, 7)],
    ("RSV in a ping", 1002, build_frame(PING, b"x", rsv=4)),
    *[("opcode %x" % opcode, 1002, build_frame(opcode, b"x"))
      for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    *[("fragmented %x" % opcode, 1002, build_frame(opcode, fin=False))
      for opcode in (CLOSE, PING, PONG)],
    *[("long %x" % opcode, 1002, build_frame(opcode, b"\x03\xe8" + b"x" * 124))
      for opcode in (CLOSE, PING, PONG)],
    ("half a close code", 1002, build_frame(CLOSE, b"\x03")),
    *[("close code %d" % code, 1002,
       build_frame(CLOSE, code.to_bytes(2, "big") + b"x"))
      for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
                   5000, 65535)],
    ("nothing to continue", 1002, build_frame(CONT, b"x")),
    ("continued after the end", 1002,
     build_frame(TEXT, b"x") + build_frame(CONT, b"x")),
    ("text in text", 1002,
     build_frame(TEXT, b"x", fin=False) + build_frame(TEXT, b"x")),
    ("binary in text", 1002,
     build_frame(TEXT, b"x", fin=False) + build_frame(BINARY, b"x")),
    ("2 bytes for a short length", 1002,
     build_frame(TEXT, b"x", length_bytes=2)),
    ("8 bytes for a short length", 1002,
     build_frame(BINARY, b"x" * 65535, length_bytes=8)),
    ("highest bit of the length", 1002,
     build_frame(BINARY, b"x", length=2 ** 63)),

    ("text that is not UTF-8", 1007, build_frame(TEXT, b"a\xffb")),
    ("surrogate in text", 1007, build_frame(TEXT, b"\xed\xa0\x80")),
    ("overlong text", 1007, build_frame(TEXT, b"\xc0\x80")),
    ("text that ends within a character", 1007, build_frame(TEXT, b"\xe2\x82")),
    ("fragments that are not UTF-8", 1007,
     build_frame(TEXT, b"\xe2\x82", fin=False) + build_frame(CONT, b"a")),
    ("first fragment not UTF-8", 1007, build_frame(TEXT, b"\xff", fin=False)),
    ("close reason not UTF-8", 1007, build_frame(CLOSE, b"\x03\xe8\xff")),
    ("close reason cut", 1007, build_frame(CLOSE, b"\x03\xe8\xc3")),

    ("65537 bytes", 1009, build_frame(BINARY, b"x" * 65537)),
    ("65537 bytes in fragments", 1009,
     build_frame(BINARY, b"x" * 65536, fin=False) + build_frame(CONT, b"x")),
    ("1 GiB", 1009, build_frame(BINARY, length=2 ** 30)),
    ("2^63 - 1 bytes", 1009, build_frame(TEXT, length=2 ** 63 - 1)),
]


def test_each_violation_is_answered_with_its_code(service):
    n, stream = service()
    got = {}
    for name, _, data in VIOLATIONS:
        with RawWS.of(stream.location) as c:
            c.connect()
            c.send(data)
            got[name] = outcome(c)
    assert got == {name: code for name, code, _ in VIOLATIONS}
    assert n.log().count("client broke the protocol: ") == len(VIOLATIONS)


def test_close_of_a_client_that_goes_on_sending_still_arrives(service):
    n, stream = service()
    with RawWS.of(stream.location) as c:
        c.connect()
        c.send(build_frame(TEXT, b"x", mask=None) + b"x" * 1000000)
        c.send_frame(TEXT, b"more")
        assert c.recv_frame().close_code == 1002
        c.sock.shutdown(1)
        c.recv_eof()


def test_what_is_allowed_is_read_and_ignored(service):
    n, stream = service()
    pieces = "\u20ac\U0001f600".encode()
    with RawWS.of(stream.location) as c:
        c.connect()
        for length in (0, 1, 125, 126, 127, 65535, 65536):
            c.send_frame(TEXT, b"x" * length)
            c.send_frame(BINARY, b"\xff" * length)
        c.send_frame(PONG, b"nobody asked")
        c.send_frame(PING, b"y" * 125)
        assert c.recv_frame().payload == b"y" * 125

        # fragments that split characters, control frames between them
        c.send_frame(TEXT, pieces[:1], fin=False)
        for i in range(1, len(pieces)):
            c.send_frame(PING, b"%d" % i)
            frame = c.recv_frame()
            assert (frame.opcode, frame.payload) == (PONG, b"%d" % i)
            c.send_frame(CONT, pieces[i:i + 1], fin=False)
        c.send_frame(PONG)
        c.send_frame(CONT, b"")
        c.send_frame(PING)
        frame = c.recv_frame()
        assert (frame.opcode, frame.payload) == (PONG, b"")


def test_one_byte_at_a_time(service):
    n, stream = service()
    with RawWS.of(stream.location) as c:
        c.connect()
        for byte in (build_frame(TEXT, "\u20ac".encode() * 50)
                     + build_frame(PING, b"abc")):
            c.send(bytes([byte]))
        frame = c.recv_frame()
        assert (frame.opcode, frame.payload) == (PONG, b"abc")
        for byte in build_frame(CLOSE, b"\x0f\xa1bye"):
            c.send(bytes([byte]))
        assert outcome(c) == 4001


@pytest.mark.parametrize("size", [0, 4, 125])
def test_each_ping_is_answered(service, vhost, size):
    """In order, with what it says, and with an event among them."""

    n, stream = service(rate="off; ess_request release")
    texts = [(b"%04d" % i * 32)[:size] for i in range(1000)]
    with RawWS.of(stream.location) as c:
        c.connect()
        for count in 10, 1000:
            c.send(b"".join(build_frame(PING, text)
                            for text in texts[:count]))
            vhost.publish("abc", "event")
            frames = [c.recv_frame() for _ in range(count + 1)]
            assert [f.payload for f in frames if f.opcode == PONG] \
                == texts[:count]
            assert [f.payload for f in frames if f.opcode == TEXT] \
                == [b"event"]


def test_pings_in_front_of_a_close_are_answered(service):
    n, stream = service()
    for last, code in ((build_frame(CLOSE, b"\x0f\xa1"), 4001),
                       (build_frame(TEXT, b"x", rsv=4), 1002)):
        with RawWS.of(stream.location) as c:
            c.connect()
            c.send(b"".join(build_frame(PING, b"%d" % i) for i in range(10))
                   + last)
            frames = [c.recv_frame() for _ in range(11)]
            assert [f.payload for f in frames[:10]] \
                == [b"%d" % i for i in range(10)]
            assert frames[10].close_code == code
            c.recv_eof()


def test_close_code_of_a_client_is_echoed(service):
    n, stream = service()
    codes = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013,
             1014, 3000, 3999, 4000, 4999)
    got = []
    for code in codes:
        with RawWS.of(stream.location) as c:
            c.connect()
            c.send_close(code, b"r" * 123)
            got.append(outcome(c))
    assert got == list(codes)

    with RawWS.of(stream.location) as c:
        c.connect()
        c.send_frame(CLOSE)
        frame = c.recv_frame()
        assert (frame.opcode, frame.payload) == (CLOSE, b"")
        c.recv_eof()
    assert "broke the protocol" not in n.log()


def test_frames_after_a_close_are_ignored(service):
    n, stream = service()
    with RawWS.of(stream.location) as c:
        c.connect()
        c.send(build_frame(CLOSE, b"\x03\xe8") + build_frame(PING, b"late"))
        assert outcome(c) == 1000


def test_ping_flood_takes_no_memory(service, vhost):
    n, stream = service(rate="off")
    flood = build_frame(PING, b"x" * 125) * 1000
    sent = 0
    with RawWS.of(stream.location) as c:
        c.connect()
        before = private_kb(n.workers())
        c.sock.setblocking(False)
        left = b""
        # the answers are not read
        while sent < 50000000:
            left = left or flood
            assert select.select([], [c.sock], [], 10 * slower())[1]
            count = c.sock.send(left)
            left = left[count:]
            sent += count
        assert flat(before, private_kb(n.workers()), 2000)
        c.sock.settimeout(10 * slower())
        c.send(left + build_frame(PING, b"last"))
        vhost.publish("abc", "event")
        answers = 0
        got = set()
        while got != {b"last", b"event"}:
            frame = c.recv_frame()
            if frame.payload in (b"last", b"event"):
                got.add(frame.payload)
            else:
                assert frame.opcode == PONG and len(frame.payload) == 125
                answers += 1
    assert answers < sent // 131


# the server's pings

def test_silent_client_is_dropped_and_one_that_answers_is_kept(service,
                                                               vhost):
    n, stream = service(ping="1s 4s")
    with RawWS.of(stream.location) as silent, \
            RawWS.of(stream.location) as answers, \
            RawWS.of(stream.location) as talks:
        for c in (silent, answers, talks):
            c.connect()
        begin = time.monotonic()
        while time.monotonic() - begin < 8:
            # anything it says shows that it lives
            talks.send_frame(TEXT, b"here")
            if not select.select([answers.sock], [], [], 0.2)[0]:
                continue
            frame = answers.recv_frame()
            assert frame.opcode == PING
            answers.send_frame(PONG, frame.payload)

        assert silent.recv_frame().opcode == PING
        with pytest.raises(EOFError):
            while silent.recv_frame().opcode in (PING, CLOSE):
                pass
        wait_for(lambda: "nothing was heard" in n.log())
        assert n.log().count("nothing was heard") == 1

        vhost.publish("abc", "event")
        for c in (answers, talks):
            frame = c.recv_frame()
            while frame.opcode == PING:
                frame = c.recv_frame()
            assert frame.payload == b"event"


def test_silent_client_is_dropped_within_interval_and_timeout(service):
    n, stream = service(ping="1s 1s")
    with RawWS.of(stream.location) as c:
        c.connect()
        begin = time.monotonic()
        with pytest.raises(EOFError):
            while True:
                c.recv_frame()
        # for how long at most, the time limit of the socket says
        assert time.monotonic() - begin > 1


def test_no_pings_when_turned_off(service):
    n, stream = service(ping="0")
    with RawWS.of(stream.location, timeout=2 / SLOWER) as c:
        c.connect()
        with pytest.raises(TimeoutError):
            c.recv_frame()
