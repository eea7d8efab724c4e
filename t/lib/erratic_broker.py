"""A broker that talks right for a while on each connection, then breaks the
protocol in a way, at a moment and in a state that a seed chooses."""

import random
import socket
import struct

import hostile_broker
from hostile_broker import (NAMES, Connection, HostileBroker, Strings, frame,
                            header, method, short, table)

# methods of a broker's, and what begins their arguments
METHODS = [
    ((20, 11), bytes(4)), ((20, 20), b"\1"), ((20, 40), bytes(7)),
    ((20, 41), b""), ((40, 11), b""), ((50, 11), short("q") + bytes(8)),
    ((50, 21), b""), ((50, 51), b""), ((60, 11), b""),
    ((60, 21), short("ess-0")), ((60, 30), short("ess-0") + b"\1"),
    ((60, 30), short("ess-1") + b"\0"), ((60, 31), short("ess")),
    ((60, 50), struct.pack("!H", 312) + short("NO_ROUTE") + short("e")
     + short("abc")),
    ((60, 60), short("ess-0") + bytes(9) + short("e") + short("abc")),
    ((60, 80), bytes(9)), ((60, 120), bytes(9)), ((85, 11), b""),
    ((10, 50), bytes(7)), ((10, 51), b""), ((10, 60), short("low")),
    ((10, 61), b""),
]

# events of a RabbitMQ stream, for who consumes it
STREAM_EVENTS = 50


class ErraticBroker(HostileBroker):
    """.erratic: whether it is; .kinds: what was done how often."""

    def __init__(self, seed):
        self.seed = seed
        self.erratic = True
        self.kinds = dict.fromkeys(KINDS, 0)
        self.states = set()
        self.all = set()
        super().__init__()

    def connection(self, s):
        return Erratic(self, s, random.Random(self.seed + self.accepted))

    def behave(self):
        """Those who are connected come again."""

        self.erratic = False
        with self.lock:
            for c in self.all:
                c.hang_up()


class Erratic(Connection):

    def __init__(self, broker, s, r):
        self.random = r
        self.countdown = r.choice((0, 1, 2, 3, r.randrange(12),
                                   r.randrange(80), r.randrange(80)))
        self.kind = r.choice(list(KINDS)) if broker.erratic else None
        self.silent = False
        self.flips = 0
        super().__init__(broker, s)
        with broker.lock:
            broker.all.add(self)

    def run(self):
        super().run()
        with self.broker.lock:
            self.broker.all.discard(self)

    def hang_up(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def send(self, data):
        if self.silent:
            return
        if self.flips:
            data = flipped(self.random, data, self.flips)
        super().send(data)

    def _answer(self, state, channel, right):
        if self.broker.erratic and self.kind:
            self.countdown -= 1
            if self.countdown == 0:
                self.broker.kinds[self.kind] += 1
                self.broker.states.add(state)
                return KINDS[self.kind](self, channel, right)
        if right:
            self.send(right)
        return state != "close"

    def _right(self, number, channel, data):
        answer = super()._right(number, channel, data)
        if number == (60, 20):
            queue = Strings(data, 6).next()
            if not queue.startswith("ess."):
                answer += b"".join(
                    stream_event(channel, i, b"%d of %s" % (
                        i, queue.encode())) for i in range(STREAM_EVENTS))
        return answer


def stream_event(channel, offset, body, tag="ess"):
    headers = short("x-stream-offset") + b"l" + struct.pack("!q", offset)
    return (method(channel, (60, 60), short(tag)
                   + struct.pack("!QB", offset + 1 & 0xff, 0) + short("")
                   + short(""))
            + header(channel, len(body), 0x2000, table(headers))
            + frame(3, channel, body))


def flipped(r, data, bits):
    data = bytearray(data)
    for _ in range(bits if data else 0):
        data[r.randrange(len(data))] ^= 1 << r.randrange(8)
    return bytes(data)


# What may be done, with the channel and the right answer; true: the
# conversation goes on.

def wrong(c, channel, right):
    data = c.random.choice(hostile_broker.everywhere())(channel)
    c.send(c.random.choice((data, right + data, data + right)))
    return c.random.random() < 0.5


def another(c, channel, right):
    """Right in form, at the wrong time."""

    for _ in range(c.random.randrange(1, 6)):
        number, arguments = c.random.choice(METHODS)
        at = 0 if number[0] == 10 else c.random.choice(
            (channel, channel, c.random.randrange(1, 6)))
        c.send(method(at, number, arguments))
    c.send(right)
    return True


def twice(c, channel, right):
    c.send(right * c.random.randrange(2, 40))
    return True


def nothing(c, channel, right):
    """This one alone has no answer."""

    return True


def silence(c, channel, right):
    c.silent = True
    return True


def part(c, channel, right):
    c.send(right[:c.random.randrange(len(right) + 1)])
    c.silent = True
    return c.random.random() < 0.7


def cut(c, channel, right):
    c.hang_up()
    return False


def flips(c, channel, right):
    c.send(flipped(c.random, right, c.random.randrange(1, 4)))
    return True


def noise(c, channel, right):
    """From here on no answer is safe."""

    c.flips = 1
    c.send(right)
    return True


def confirms(c, channel, right):
    """Out of range, multiple, twice, refused."""

    last = c.published.get(channel, 0)
    for _ in range(c.random.randrange(1, 30)):
        tag = c.random.choice((0, 1, last, last + 1, (1 << 64) - 1,
                               c.random.randrange(last + 2)))
        c.send(method(channel, c.random.choice(((60, 80), (60, 120))),
                      struct.pack("!QB", tag, c.random.randrange(4))))
    c.send(right)
    return True


def events(c, channel, right):
    """Of RabbitMQ streams, with any offset, cut anywhere."""

    for _ in range(c.random.randrange(1, 30)):
        offset = c.random.choice((0, 1, 7, 1 << 62, (1 << 63) - 1, -1, -5,
                                  c.random.randrange(100)))
        tag = c.random.choice(("ess", "ess-0", "ess-15", "ess-99", ""))
        data = stream_event(channel, offset, b"x" * c.random.randrange(300),
                            tag)
        if c.random.random() < 0.1:
            data = data[:c.random.randrange(len(data))]
        c.send(data)
    c.send(right)
    return True


def closes(c, channel, right):
    code = c.random.choice((0, 200, 311, 404, 405, 406, 504, 541, 65535))
    number = c.random.choice(list(NAMES))
    data = hostile_broker.close(code, "erratic", (20, 40), channel, number)
    c.send(data * c.random.randrange(1, 4))
    return True


def cancels(c, channel, right):
    """Each consumer there is, again and again."""

    with c.broker.lock:
        found = [(channel, tag) for (other, _), (channel, tag)
                 in c.broker.consumers.items() if other is c]
    c.send(right)
    for channel, tag in found * c.random.randrange(1, 4):
        c.send(method(channel, (60, 30), short(tag) + b"\1"))
    return True


KINDS = {f.__name__: f for f in (
    wrong, another, twice, nothing, silence, part, cut, flips, noise,
    confirms, events, closes, cancels)}
