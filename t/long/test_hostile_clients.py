"""Clients of all kinds that say anything, at random, for minutes, read little
and go as they like, while streams come and go, workers are reloaded and
killed: nothing is complained of, and all is well when they are gone.  ESS_SEED names the seed; SANITIZE=1 is worth it."""

import json
import os
import random
import re
import socket
import struct
import threading
import time

import jwt
import pytest

from many import with_key
from tokens import SECRET
from v1 import V1
from wait import SLOWER, wait_for

CONF = """
worker_shutdown_timeout 3s;

http {
    ess_zone        streams 24m;
    ess_store       %%DIR%%/streams.db;
    ess_amqp        %%AMQP%%;
    ess_log         size=256k count=2000 age=1h;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/one/;
    ess_client_rate off;
    ess_drain       200ms;
    ess_slow_client skip buffer=64k;
    ess_created     idle=2s max=50 rate=1000;
    ess_ping        1s 5s;
    ess_deflate     on;
    ess_stream      name-0 routing_key=key-0 key=json:/k;
    ess_stream      name-1 key=routing_key log_count=100;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;

        location /many/     { ess_subscribe multi names public;
                              ess_max_subscriptions 1000 sse=16; }
        location /release/  { ess_subscribe multi names public;
                              ess_request release; }
        location /slow/     { ess_subscribe multi names public;
                              ess_slow_client close buffer=64k; }
        location /newer/    { ess_subscribe multi names public;
                              ess_max_subscribers 2 replace; }
        location /two/      { ess_subscribe multi names public;
                              ess_max_subscribers 2; }
        location /token/    { ess_subscribe multi names;
                              ess_jwt key=%%DIR%%/key alg=HS256 streams=may; }
        location /one/      { ess_subscribe poison=close; }
        location /named/    { ess_subscribe name=$arg_name public
                                            key=?$arg_key; }
        location /created/  { ess_subscribe name=$arg_name public
                                            create=exchange; }
        location /template/ { ess_subscribe name=$arg_name public
                                            unknown=close:1000;
                              ess_body text '${name} ${key} ${json:/k}';
                              ess_ping 1s text=ping first; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/      { ess_publish create=exchange; }
        location = /health      { ess_health; }
    }
}
"""

SECONDS = int(os.environ.get("ESS_SECONDS") or 180)
CLIENTS = 12
PUBLISHERS = 2
ROUND = 4           # s between two reloads
SEVERAL = "many/", "release/", "slow/", "newer/", "two/"
LETTERS = "abcdef"


class World:
    """What clients may know of: uuids and places."""

    def __init__(self, service):
        self.n = service.n
        self.api = service.api
        self.uuids = []
        self.places = ["0-0"]
        self.stop = threading.Event()
        self.counts = {}

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def stream(self, r):
        return r.choice(list(self.uuids) + [
            "name-%d" % r.randrange(20), "made-%d" % r.randrange(5), "none"])


class Rude:
    """A WebSocket client that sends what it likes, and reads when it likes."""

    def __init__(self, world, r, path, protocols):
        self.world, self.r = world, r
        self.sock = socket.create_connection(("127.0.0.1", world.n.port()), 10)
        self.sock.settimeout(0.3)
        self.sock.sendall((
            "GET /%s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Protocol: %s\r\n%s\r\n" % (
                path, protocols, r.choice(("", "", "Sec-WebSocket-Extensions: "
                                           "permessage-deflate\r\n")))
        ).encode())

    def send(self, opcode, data):
        """The frame, or its beginning, or it in two pieces."""

        n = len(data)
        frame = bytes([0x80 | opcode]) + (
            bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack("!H", n)
            if n < 65536 else b"\xff" + struct.pack("!Q", n)) + bytes(4) + data
        at = self.r.choice((self.r.randrange(len(frame)), *[len(frame)] * 9))
        self.sock.sendall(frame[:at])
        if at < len(frame) and self.r.random() < 0.5:
            self.sock.sendall(frame[at:])

    def read(self):
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            return
        found = re.search(rb'"id":"(\w+-\d+)"', data)
        if found:
            self.world.places = self.world.places[-50:] + [found[1].decode()]
        if not data:
            raise ConnectionError

    def close(self):
        if self.r.random() < 0.5:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        self.sock.close()


def subscription(world, r):
    s = {"stream": world.stream(r)}
    where = r.randrange(6)
    if where == 0:
        s["from"] = r.choice(world.places)
    elif where == 1:
        s["ordinal"] = r.randrange(3000)
    elif where == 2:
        s["timestamp"] = int(time.time() * 1000) - r.randrange(100000)
    if r.random() < 0.3:
        s["keys"] = r.sample(LETTERS, r.randrange(1, 4))
    return s


def token(r):
    return jwt.encode({
        "sub": "somebody", "exp": int(time.time()) + r.choice((-5, 1, 2, 60)),
        "may": r.choice((["*"], ["name-1", "name-0#a*"], []))},
        SECRET, "HS256")


def command(world, r):
    n = r.randrange(1000)
    what = r.randrange(20)
    if what < 11:
        return {"id": n, "subscribe": [
            subscription(world, r) for _ in range(r.randrange(1, 30))]}
    if what < 16:
        return {"id": n, "unsubscribe": [
            r.choice((s, {"stream": s, "keys": r.sample(LETTERS, 2)}))
            for s in (world.stream(r) for _ in range(r.randrange(1, 20)))]}
    if what == 16:
        return {"id": n, "token": token(r)}
    if what == 17:
        return {"id": n, "ping": 0}
    return r.choice(({"id": -1}, {"some": 1}, [], {"subscribe": []},
                     {"unsubscribe": {"stream": "name-1", "keys": []}}))


def text(world, r):
    data = bytearray(json.dumps(
        command(world, r) if r.random() < 0.7
        else [command(world, r) for _ in range(r.randrange(10))]).encode())
    if r.random() < 0.1:
        for _ in range(3):
            data[r.randrange(len(data))] = r.randrange(256)
    return bytes(data)


def path_of(world, r):
    """Where to connect to, and the subprotocols."""

    what = r.randrange(12)
    stream = world.stream(r)
    if what == 0:
        return "one/" + stream, "ess.v1"
    if what == 1:
        return "named/?name=%s&key=%s" % (stream, r.choice(("", "a"))), \
            r.choice(("ess.v1", "other"))
    if what == 2:
        return "created/?name=" + stream, r.choice(("ess.v1", "other"))
    if what == 3:
        return "template/?name=" + stream, "other"
    if what == 4:
        return "token/", "ess.v1, ess.jwt, " + token(r)
    return r.choice(SEVERAL), "ess.v1"


def websocket(world, r):
    c = Rude(world, r, *path_of(world, r))
    try:
        for _ in range(r.randrange(1, 15)):
            if r.random() < 0.9:
                c.send(1, text(world, r))
            else:
                c.send(r.choice((2, 8, 9, 10)), b"\x03\xe8")
            for _ in range(r.choice((0, 0, 1, 5))):
                c.read()
    finally:
        c.close()


def sse(world, r):
    query = "&".join("stream=%s%s" % (
        r.choice(("", "", "a:", "b:")), world.stream(r))
        + r.choice(("", "", "", "&key=a")) for _ in range(r.randrange(1, 6)))
    if r.random() < 0.3:
        query += "&from=" + r.choice(world.places)
    with socket.create_connection(("127.0.0.1", world.n.port()), 10) as s:
        s.sendall(("GET /%s?%s HTTP/1.%d\r\nHost: a\r\n"
                   "Accept: text/event-stream\r\n\r\n" % (
                       r.choice(SEVERAL), query, r.randrange(2))).encode())
        s.settimeout(0.3)
        for _ in range(r.randrange(8)):
            if not s.recv(65536):
                break


def client(world, seed):
    r = random.Random(seed)
    while not world.stop.is_set():
        try:
            what = r.choice((websocket, websocket, sse))
            what(world, r)
            world.count(what.__name__)
        except OSError as e:
            # closed, or of a worker that leaves
            world.count(type(e).__name__)


def events(r):
    return [r.choice(("text é", json.dumps({
        "k": r.choice(LETTERS), "pad": "x" * r.choice((0, 100, 3000))})))
        for _ in range(r.randrange(1, 40))]


def back_end(world, seed):
    r = random.Random(seed)
    api = world.api
    while not world.stop.is_set():
        key = r.choice(("key-%d" % r.randrange(20), "made-1", "name-1"))
        what = r.randrange(40)
        try:
            if what == 0 and world.uuids:
                api.request("DELETE", world.uuids.pop(r.randrange(
                    len(world.uuids))))
            elif what == 1:
                api.request("POST", "/publish/" + key, r.choice((
                    b"\xff" * 50, b"POISON", b"x" * 100000)))
            elif what < 4 and len(world.uuids) < 20:
                more = {} if what == 2 else {
                    "name": "name-%d" % r.randrange(20), "key": "json:/k"}
                world.uuids.append(api.create(key, **more).uuid)
            else:
                api.request("POST", "/publish/%s?batch=1" % key,
                            json.dumps(events(r)))
            world.count("request")
        except (OSError, AssertionError) as e:
            world.count(type(e).__name__)
        time.sleep(0.01)


@pytest.mark.seconds(SECONDS + 240)
def test_random(nginx, vhost):
    seed = int(os.environ.get("ESS_SEED") or random.randrange(1 << 30))
    print("\nESS_SEED=%d" % seed)
    n = nginx(CONF, workers=3, amqp=vhost.url, start=False)
    for line in r"\[(error|warn)\]", "exited on signal 9", "was locked by":
        n.expect(line)
    world = World(with_key(n))
    wait_for(lambda: world.api.request("GET", "/health").status == 200, 20)
    r = random.Random(seed)
    threads = [threading.Thread(target=what, args=(world, seed + i))
               for i, what in enumerate([client] * CLIENTS
                                        + [back_end] * PUBLISHERS)]
    for t in threads:
        t.start()
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(ROUND * SLOWER)
            if r.random() < 0.2:
                n.kill_worker(r.choice(n.workers()))
            else:
                n.reload(timeout=60)
    finally:
        world.stop.set()
        for t in threads:
            t.join(60)
    assert not any(t.is_alive() for t in threads)

    print(world.counts)
    c = V1("ws://127.0.0.1:%d/many/" % n.port())
    assert "error" not in c.subscribe("name-1")[0]
    assert world.api.request("POST", "/publish/name-1", "last").status == 202
    wait_for(lambda: "last" in c.values(), 20, "an event")
    c.close()
    n.reload(timeout=60)
    for name in ["name-%d" % i for i in range(2)]:
        wait_for(lambda: world.api.get(name)["subscribers"] == 0, 20)
