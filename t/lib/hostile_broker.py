"""An AMQP 0-9-1 broker that follows a script: it answers each method right,
by a table, up to the one where the connection's attack begins."""

import collections
import socket
import struct
import threading

END = b"\xce"

NAMES = {
    (10, 11): "start-ok", (10, 31): "tune-ok", (10, 40): "open",
    (10, 50): "close", (10, 51): "close-ok", (20, 10): "channel-open",
    (20, 40): "channel-close", (40, 10): "exchange-declare",
    (40, 20): "exchange-delete", (40, 30): "exchange-bind",
    (40, 40): "exchange-unbind", (50, 10): "queue-declare",
    (50, 20): "queue-bind", (50, 30): "queue-purge", (50, 40): "queue-delete",
    (50, 50): "queue-unbind", (60, 10): "qos", (60, 20): "consume",
    (60, 30): "cancel", (60, 40): "publish", (85, 10): "confirm-select",
}

EMPTY = {(10, 50): (10, 51), (20, 40): (20, 41), (40, 10): (40, 11),
         (40, 20): (40, 21), (40, 30): (40, 31), (40, 40): (40, 51),
         (50, 20): (50, 21), (50, 50): (50, 51), (60, 10): (60, 11),
         (85, 10): (85, 11)}


def short(text):
    text = text.encode() if isinstance(text, str) else text
    return bytes([len(text)]) + text


def frame(kind, channel, payload, size=None, end=END):
    return struct.pack("!BHI", kind, channel, len(payload) if size is None
                       else size) + payload + end


def method(channel, number, arguments=b"", **kwargs):
    return frame(1, channel, struct.pack("!HH", *number) + arguments, **kwargs)


def header(channel, size, flags=0, properties=b""):
    return frame(2, channel, struct.pack("!HHQH", 60, 0, size, flags)
                 + properties)


def close(code, text="hostile", number=(10, 50), channel=0, of=(0, 0)):
    """of: the method that is refused."""

    return method(channel, number, struct.pack("!H", code) + short(text)
                  + struct.pack("!HH", *of))


def late_closes(channel):
    return close(406, "timeout", (20, 40), channel) * 2


def table(entries):
    return struct.pack("!I", len(entries)) + entries


def blocked(reason):
    return method(0, (10, 60), short(reason))


def unblocked():
    return method(0, (10, 61))


def start(server=b"", mechanisms=b"PLAIN AMQPLAIN"):
    yes = b"".join(short(name) + b"t\1" for name in (
        "publisher_confirms", "exchange_exchange_bindings", "basic.nack",
        "consumer_cancel_notify", "connection.blocked"))
    properties = short("capabilities") + b"F" + table(yes) + server
    return method(0, (10, 10), b"\0\x09" + table(properties)
                  + struct.pack("!I", len(mechanisms)) + mechanisms
                  + struct.pack("!I", 5) + b"en_US")


def tune(channels=2047, size=131072, heartbeat=60):
    return method(0, (10, 30), struct.pack("!HIH", channels, size, heartbeat))


Attack = collections.namedtuple("Attack", "state data after slowly",
                                defaults=(False, False))


class Strings:
    """What begins at an offset of a method: short strings, one by one."""

    def __init__(self, data, offset):
        self.data, self.offset = data, offset

    def next(self):
        n = self.data[self.offset]
        self.offset += n + 1
        return self.data[self.offset - n:self.offset].decode()


class HostileBroker:

    def __init__(self):
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = "amqp://guest:guest@127.0.0.1:%d" % self.port
        self.accepted = 0
        self.attacked = 0
        self.attacks = []
        self.done = []
        self.bindings = set()
        self.consumers = {}
        self.crossing = False
        self.close_oks = []
        self.ended = 0
        self.connections = set()
        self.instead = {}
        threading.Thread(target=self._accept, daemon=True).start()

    def script(self, attacks):
        """Each connection takes the next attack: at the method of that name
        ("connect" for the first bytes) it sends the data, a function of the
        channel, in the answer's place, or after it, and closes."""

        with self.lock:
            self.attacks = list(attacks)

    def answer(self, state, data, times):
        """The next ones in that state get the data, a function of the
        channel and the right answer, in its place, and the conversation
        goes on."""

        with self.lock:
            self.instead[state] = [data] * times

    def deliver(self, key, body):
        """To each consumer whose queue is bound with the key; how many."""

        n = 0
        with self.lock:
            for (c, queue), (channel, tag) in list(self.consumers.items()):
                for q, exchange, k in self.bindings:
                    if q == queue and k == key:
                        n += 1
                        c.tag += 1
                        c.send(method(channel, (60, 60), short(tag)
                                      + struct.pack("!QB", c.tag, 0)
                                      + short(exchange) + short(key))
                               + header(channel, len(body))
                               + frame(3, channel, body))
        return n

    def close_channels(self):
        """As RabbitMQ after a consumer_timeout: it closes each channel that
        consumes, and says so again until that is answered.  How many."""

        with self.lock:
            channels = {(c, channel)
                        for (c, _), (channel, _) in self.consumers.items()}
            self.consumers.clear()
            for c, channel in channels:
                c.send(late_closes(channel))
        return len(channels)

    def say(self, data):
        """To all who are connected; how many."""

        with self.lock:
            for c in self.connections:
                c.send(data)
            return len(self.connections)

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                s = self.listener.accept()[0]
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self.connection(s).run,
                             daemon=True).start()

    def connection(self, s):
        return Connection(self, s)

    def take(self):
        with self.lock:
            return self.attacks.pop(0) if self.attacks else None

    def take_answer(self, state, channel, right):
        with self.lock:
            answers = self.instead.get(state)
            return answers.pop()(channel, right) if answers else right


class Connection:

    def __init__(self, broker, s):
        self.broker, self.socket = broker, s
        self.queues = 0
        self.tag = 0
        self.published = {}         # channel -> number of the last
        self.attack = broker.take()

    def send(self, data):
        self.socket.sendall(data)

    def run(self):
        try:
            f = self.socket.makefile("rb")
            if len(f.read(8)) == 8 and self._answer("connect", 0, start()):
                while self._frame(f):
                    pass
        except OSError:
            pass
        with self.broker.lock:
            self.broker.connections.discard(self)
            for key in [k for k in self.broker.consumers if k[0] is self]:
                del self.broker.consumers[key]
            self.broker.ended += 1
        self.socket.close()

    def _frame(self, f):
        head = f.read(7)
        if len(head) < 7:
            return False
        kind, channel, size = struct.unpack("!BHI", head)
        data = f.read(size + 1)
        if kind == 3 and channel in self.published:
            return self._answer("published", channel, method(
                channel, (60, 80), struct.pack(
                    "!QB", self.published[channel], 0)))
        if kind != 1:
            return True
        number = struct.unpack("!HH", data[:4])
        return self._answer(NAMES.get(number, str(number)), channel,
                            self._right(number, channel, data))

    def _answer(self, state, channel, right):
        if not self.attack or self.attack.state != state:
            self.send(self.broker.take_answer(state, channel, right))
            return state != "close"
        data = self.attack.data(channel)
        if self.attack.after:
            data = right + data
        if not self.attack.slowly:
            self.send(data)
        else:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(data)):
                self.send(data[i:i + 1])
        self.broker.done.append(self.attack)
        self.socket.shutdown(socket.SHUT_WR)
        while self.socket.recv(65536):
            pass
        return False

    def _right(self, number, channel, data):
        if number == (20, 41):
            self.broker.close_oks.append((self, channel))
        if number == (60, 40):
            self.published[channel] = self.published.get(channel, 0) + 1
        if number in EMPTY:
            if number == (85, 10):
                self.published[channel] = 0
            if number == (20, 40) and self.broker.crossing:
                return late_closes(channel) + method(channel, (20, 41))
            if number == (50, 20):
                s = Strings(data, 6)
                with self.broker.lock:
                    self.broker.bindings.add((s.next(), s.next(), s.next()))
            return method(channel, EMPTY[number])
        if number == (10, 11):
            return tune()
        if number == (10, 40):
            with self.broker.lock:
                self.broker.connections.add(self)
            return method(0, (10, 41), b"\0")
        if number == (20, 10):
            return method(channel, (20, 11), bytes(4))
        if number == (50, 10):
            self.queues += 1
            name = Strings(data, 6).next() or "amq.gen-%d-%d" % (
                id(self), self.queues)
            return method(channel, (50, 11), short(name) + bytes(8))
        if number == (50, 40):
            return method(channel, (50, 41), bytes(4))
        if number == (60, 20):
            s = Strings(data, 6)
            queue, tag = s.next(), s.next() or "tag-%d" % channel
            with self.broker.lock:
                self.broker.consumers[self, queue] = channel, tag
            return method(channel, (60, 21), short(tag))
        if number == (60, 30):
            return method(channel, (60, 31), short(Strings(data, 4).next()))
        return b""


STATES = ("connect", "start-ok", "tune-ok", "open", "channel-open",
          "exchange-declare", "queue-declare", "qos", "consume")


def everywhere():
    """What is wrong in each state."""

    return [
        lambda c: b"",
        lambda c: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda c: b"\0" * 64,
        lambda c: b"\xff" * 64,
        lambda c: frame(1, c, b"\0"),
        lambda c: frame(1, c, b"", size=0xffffffff),
        lambda c: frame(1, c, b"\0\x0a\0\x0a", size=0x7fffffff),
        lambda c: method(c, (10, 10), b"\0\x09\xff\xff\xff\xff"),
        lambda c: method(c, (60, 60), b"\xff" + b"a" * 10),
        lambda c: method(c, (60, 60), short("t") + bytes(7)),
        lambda c: method(c, (50, 11), b"\xffqueue"),
        lambda c: method(c, (99, 99)),
        lambda c: method(c, (10, 41), b"\0", end=b"\0"),
        lambda c: method(777, (20, 11), bytes(4)),
        lambda c: header(c, 5),
        lambda c: header(c, (1 << 64) - 1, 0xffff, b"\xff" * 9),
        lambda c: frame(3, c, b"body"),
        lambda c: frame(9, c, b"kind"),
        lambda c: frame(8, c, b"not empty"),
        lambda c: method(c, (60, 60), short("ess-0") + bytes(9) + short("e")
                         + short("abc")) + header(c, 3) + frame(3, c, b"1234"),
        lambda c: method(c, (60, 60), short("ess-0") + bytes(9) + short("e")
                         + short("abc")) + method(c, (60, 11)),
        lambda c: method(c, (60, 60), short("ess-0") + bytes(9) + short("e")
                         + short("abc")) + header(c, 1 << 63),
        lambda c: method(c, (60, 60), short("ess-0") + bytes(9) + short("e")
                         + short("abc")) + header(c, 5, 0x2000,
                                                  b"\xff\xff\xff\xff"),
        lambda c: close(0, ""),
        lambda c: close(65535, "x\r\n\x1b[31m" + "y" * 200),
        lambda c: close(404, "hostile", (20, 40), c),
        lambda c: method(c, (60, 80), b"\xff" * 8 + b"\1"),
        lambda c: method(c, (60, 30), short("none") + b"\0"),
        lambda c: (blocked("low") + unblocked()) * 500,
    ]
