"""A crowd of ess.v1 clients, in processes of their own, which subscribe and
unsubscribe at random, are cut and come back, and check what they get:

- the events of a subscription, each once and in order, also over connections;
- no event of a stream that was left;
- an answer to each command, in the order of the commands;
- refused subscriptions alone, and with the code that they deserve.

Thousands of events a millisecond are more than lists of messages (v1.py) can
be kept of: a client keeps its places only."""

import collections
import json
import os
import random
import re
import selectors
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from many import NOWHERE                                    # noqa: E402
from wait import wait_for                                   # noqa: E402

EVENT = re.compile(rb'\{"s":(\d+),"id":"([0-9a-f]+)-(\d+)",'
                   rb'"t":(?:\d+|null),"(?:data|text)":(.*)\}', re.S)

# of an event of bench/publish.c: its number in its stream, from 0 on
STAMP = re.compile(rb'"ess:([0-9a-f]{16})')

# streams of a command
ENTRIES = 256


class Fault(Exception):
    pass


class Subscription:
    __slots__ = "stream", "epoch", "ordinal"

    def __init__(self, stream, at):
        self.stream = stream
        self.epoch, ordinal = at.split("-")
        self.ordinal = int(ordinal)

    def place(self):
        return "%s-%d" % (self.epoch, self.ordinal)


class Client:
    """What it wants is as of the commands that were sent, what it has as of
    their answers."""

    def __init__(self, loop, rnd, port, path, limit, streams):
        self.loop = loop
        self.rnd = rnd
        self.port = port
        self.path = path
        self.limit = limit
        self.streams = streams
        self.wanted = set()
        self.places = {}            # stream: of the last event that came
        self.events = self.connections = self.refused = self.answers = 0
        self.sock = None
        self.retry = 0

    # connection

    def connect(self):
        try:
            self.sock = socket.create_connection(("127.0.0.1", self.port), 10)
            self.sock.sendall((
                "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Sec-WebSocket-Protocol: ess.v1\r\n\r\n"
                % self.path).encode())
        except OSError:
            self.gone()
            return
        self.sock.setblocking(False)
        self.loop.register(self.sock, selectors.EVENT_READ, self)
        self.open = False
        self.data = b""
        self.out = b""
        self.id = 0
        self.sent = collections.deque()     # commands that were not answered
        self.has = {}                       # stream: Subscription
        self.numbers = {}                   # "s": Subscription
        self.leaving = set()

    def gone(self):
        """It comes back, and resumes all that it wants."""

        if self.sock:
            try:
                self.loop.unregister(self.sock)
            except KeyError:
                pass
            self.sock.close()
            self.sock = None
        self.retry = time.monotonic() + self.rnd.uniform(0, 0.1)

    def cut(self):
        if self.rnd.random() < 0.5:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        self.gone()

    def ready(self, events):
        try:
            if events & selectors.EVENT_WRITE:
                self.flush()
            if events & selectors.EVENT_READ:
                data = self.sock.recv(1 << 18)
                if data:
                    self.take(data)
                else:
                    self.gone()
        except BlockingIOError:
            pass
        except OSError:
            self.gone()

    def flush(self):
        try:
            self.out = self.out[self.sock.send(self.out):]
        except BlockingIOError:
            pass
        self.loop.modify(self.sock, selectors.EVENT_READ | (
            selectors.EVENT_WRITE if self.out else 0), self)

    def frame(self, opcode, payload):
        n = len(payload)
        self.out += bytes([0x80 | opcode]) + (
            bytes([0x80 | n]) if n < 126
            else b"\xfe" + struct.pack("!H", n)) + b"\0\0\0\0" + payload
        try:
            self.flush()
        except OSError:
            # what it has got is still to be read
            self.out = b""

    # what comes

    def take(self, data):
        data = self.data + data
        at = 0
        if not self.open:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self.data = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.gone()
                return
            self.open = True
            self.connections += 1
            self.subscribe(self.wanted)
        size = len(data)
        while size - at >= 2:
            n, begin = data[at + 1], at + 2
            if n > 125:
                begin += 2 if n == 126 else 8
                if size < begin:
                    break
                n = int.from_bytes(data[at + 2:begin], "big")
            if size - begin < n:
                break
            opcode, at = data[at] & 15, begin + n
            payload = data[begin:at]
            if opcode == 1:
                self.message(payload)
            elif opcode == 9:
                self.frame(10, payload)
            elif opcode == 8:
                # of a worker that leaves
                if payload[:2] != b"\x03\xf4":
                    raise Fault("closed: %r" % payload)
                self.gone()
                return
            else:
                raise Fault("a frame of opcode %d" % opcode)
        self.data = data[at:]

    def message(self, text):
        m = EVENT.fullmatch(text)
        if m is None:
            self.answer(json.loads(text))
            return
        number, epoch, ordinal, value = m.groups()
        subscription = self.numbers.get(number)
        if subscription is None:
            raise Fault("an event of no subscription: %r" % text)
        ordinal = int(ordinal)
        if (ordinal != subscription.ordinal + 1
                or epoch.decode() != subscription.epoch):
            raise Fault("%r behind %s" % (text, subscription.place()))
        stamp = STAMP.match(value)
        if stamp and int(stamp[1], 16) != ordinal - 1:
            raise Fault("another event's number: %r" % text)
        subscription.ordinal = ordinal
        self.events += 1

    def answer(self, message):
        if not self.sent or message.pop("id", None) != self.sent[0][0]:
            raise Fault("answer %r to %r" % (message, list(self.sent)[:2]))
        id_, kind, streams = self.sent.popleft()
        self.answers += 1
        if list(message) != [kind]:
            raise Fault("answer %r instead of %s" % (message, kind))
        if kind == "subscribed":
            self.subscribed(streams, message[kind])
        elif kind == "unsubscribed":
            self.unsubscribed(streams, message[kind])

    def subscribed(self, sent, entries):
        if [e["stream"] for e in entries] != [s["stream"] for s in sent]:
            raise Fault("%r to %r" % (entries, sent))
        for s, entry in zip(sent, entries):
            stream = s["stream"]
            deserved = self.deserved(s)
            code = entry.get("error", {}).get("code", 0)
            if code not in deserved:
                raise Fault("%r instead of %r, with %d subscriptions" % (
                    entry, deserved, len(self.has)))
            if code:
                self.refused += 1
                if stream not in self.has and "keys" not in s:
                    self.wanted.discard(stream)
                continue
            had = self.has.get(stream)
            expected = had.place() if had else s.get("from", entry["at"])
            if entry["at"] != expected:
                raise Fault("%r instead of %s, subscribed %s" % (
                    entry, expected, "before" if had else s))
            if not had:
                new = Subscription(stream, entry["at"])
                self.has[stream] = self.places[stream] = new
                self.numbers[b"%d" % entry["s"]] = new
                # by a second command, after the first one was refused
                self.wanted.update({stream} - self.leaving)

    def deserved(self, entry):
        """The codes that it may be refused with; 0: it is not."""

        full = [413] * (len(self.has) >= self.limit)
        if entry["stream"] == NOWHERE:
            return [404] + full
        if "keys" in entry:
            return [409] + full * (entry["stream"] not in self.has)
        return [0] if entry["stream"] in self.has else full or [0]

    def unsubscribed(self, sent, streams):
        left = [s for s in sent if s in self.has]
        if [s for s in streams if s in self.has] != left:
            raise Fault("%r to %r" % (streams, sent))
        for stream in left:
            del self.has[stream]
        self.numbers = {n: s for n, s in self.numbers.items()
                        if s.stream in self.has}
        self.leaving.difference_update(sent)

    # what it sends

    def command(self, name, value, kind, streams=()):
        self.id += 1
        self.sent.append((self.id, kind, streams))
        return {"id": self.id, name: value}

    def send(self, *commands):
        self.frame(1, json.dumps(
            commands[0] if len(commands) == 1 else commands,
            separators=(",", ":")).encode())

    def subscribe(self, streams, more=()):
        entries = [self.entry(s) for s in streams] + list(more)
        self.rnd.shuffle(entries)
        for i in range(0, len(entries), ENTRIES):
            some = entries[i:i + ENTRIES]
            self.send(self.command("subscribe", some, "subscribed", some))

    def entry(self, stream):
        entry = {"stream": stream}
        if stream in self.places:
            entry["from"] = self.places[stream].place()
        return entry

    def at_random(self):
        if not self.sock or not self.open:
            return
        what = self.rnd.random()
        if what < 0.02:
            self.cut()
        elif what < 0.45:
            self.join()
        elif what < 0.8:
            self.leave()
        elif what < 0.9:
            # changes nothing
            self.subscribe(self.some(self.wanted, 20))
        else:
            self.send(*[self.command("ping", i, "pong")
                        for i in range(self.rnd.randrange(1, 9))])

    def some(self, streams, most):
        streams = sorted(streams)
        return self.rnd.sample(streams, min(
            len(streams), self.rnd.randrange(1, most + 1)))

    def join(self):
        new = self.some(set(self.streams) - self.wanted - self.leaving,
                        len(self.streams) // 5)
        for stream in new:
            if self.rnd.random() < 0.5:
                # from now on, not from where it left
                self.places.pop(stream, None)
        self.wanted.update(new)
        self.subscribe(new, self.rnd.choice([
            [], [{"stream": NOWHERE}],
            [{"stream": self.rnd.choice(self.streams), "keys": ["a"]}]]))

    def leave(self):
        old = self.some(self.wanted, len(self.streams) // 8)
        self.wanted.difference_update(old)
        self.leaving.update(old)
        for i in range(0, len(old), ENTRIES):
            some = old[i:i + ENTRIES]
            self.send(self.command("unsubscribe", some, "unsubscribed", some))

    def complete(self, last):
        return (self.sock and self.open and not self.sent
                and set(self.has) == self.wanted
                and all(s.ordinal == last[s.stream]
                        for s in self.has.values()))


def run(job):
    """One process: until there are the last ordinals."""

    loop = selectors.DefaultSelector()
    rnd = random.Random(job["seed"])
    clients = [Client(loop, rnd, job["port"],
                      *job["urls"][i % len(job["urls"])], job["streams"])
               for i in range(job["clients"])]
    for c in clients:
        c.wanted = set(rnd.sample(job["streams"], min(
            c.limit, len(job["streams"]))))
        c.connect()
    loop.register(sys.stdin, selectors.EVENT_READ)
    begin, turns, last = time.monotonic(), 0, None
    while last is None or not all(c.complete(last) for c in clients):
        for key, events in loop.select(0.01):
            if key.data:
                if key.data.sock is key.fileobj:
                    key.data.ready(events)
            else:
                last = json.loads(sys.stdin.readline())
                loop.unregister(sys.stdin)
        now = time.monotonic()
        for c in clients:
            if not c.sock and c.retry <= now:
                c.connect()
        if last is None and (now - begin) * job["rate"] > turns:
            turns += 1
            rnd.choice(clients).at_random()
    return {name: sum(getattr(c, name) for c in clients) for name in (
        "events", "connections", "refused", "answers")}


def main():
    job = json.loads(sys.stdin.readline())
    try:
        result = run(job)
    except Fault as e:
        result = {"fault": "seed %d: %s" % (job["seed"], str(e)[:2000])}
    print(json.dumps(result), flush=True)


class Crowd:
    """urls: (path, limit of subscriptions), which the clients take in turns;
    rate: commands a second, of all of them."""

    def __init__(self, port, urls, streams, clients, rate, processes=2,
                 seed=None):
        seed = random.randrange(2 ** 32) if seed is None else seed
        self.processes = []
        for i in range(processes):
            p = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.processes.append(p)
            self._tell(p, {"seed": seed + i, "port": port, "urls": urls,
                           "streams": streams, "clients": clients // processes,
                           "rate": rate / processes})

    @staticmethod
    def _tell(p, what):
        try:
            p.stdin.write(json.dumps(what) + "\n")
            p.stdin.flush()
        except BrokenPipeError:
            pass

    def check(self):
        """None has found a fault, so far."""

        for p in self.processes:
            if p.poll() is not None:
                raise AssertionError(p.stdout.read())

    def complete(self, last, timeout):
        """No more commands, until each has all up to `last' of its streams;
        what they counted."""

        for p in self.processes:
            self._tell(p, last)
        wait_for(lambda: all(p.poll() is not None for p in self.processes),
                 timeout, "all events", interval=0.1)
        found = collections.Counter()
        for p in self.processes:
            text = p.stdout.read()
            assert text and "fault" not in text, text
            found.update(json.loads(text))
        return found

    def __enter__(self):
        return self

    def __exit__(self, *args):
        for p in self.processes:
            p.kill()
            p.communicate()


if __name__ == "__main__":
    main()
