"""A client of HTTP/2 (RFC 9113) that speaks frames, for what libraries do not
do: it stops reading, resets and reads on, keeps its windows shut.

    with Http2(port, window=0) as h2:
        stream = h2.get("/event-stream/" + uuid)
        h2.wait(lambda: stream.status == 200)
        stream.window_update(65535)
        h2.wait(lambda: len(stream.events) == 3)
        stream.reset()

There is no thread.  Nothing is read from the socket but within wait() and
read(): a client that calls neither does not read.  wait_all() reads from
several connections.  Without TLS: HTTP/2 begins with prior knowledge."""

import re
import select
import socket
import struct
import time

import hpack
from wait import Timeout, slower

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# types of frames
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, \
    WINDOW_UPDATE, CONTINUATION = range(10)

# flags
ACK = END_STREAM = 1
END_HEADERS = 4
PADDED = 8
PRIORITIZED = 32

# settings
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, \
    MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = range(1, 7)

# errors
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
CANCEL = 8

# of a connection that nobody has enlarged, and the largest that can be
WINDOW = 65535
MAX_WINDOW = 2 ** 31 - 1


class Stream:
    """One request, and what came for it.

    status, headers   of the response; None and {} until they are there
    body              bytes of DATA so far, also of what came after reset()
    ended             END_STREAM came
    error             of the RST_STREAM that came; None: none
    """

    def __init__(self, connection, number):
        self.connection = connection
        self.id = number
        self.status = None
        self.headers = {}
        self.body = bytearray()
        self.ended = False
        self.error = None

    @property
    def over(self):
        return self.ended or self.error is not None

    @property
    def data(self):
        """Of an event stream: the data of each event that is complete; its
        lines begin with "data: " and end with LF, as ESS sends them."""

        whole = bytes(self.body).rpartition(b"\n\n")[0]
        blocks = [re.findall(r"(?m)^data: ?(.*)$", block.decode())
                  for block in whole.split(b"\n\n")]
        return ["\n".join(lines) for lines in blocks if lines]

    def reset(self, error=CANCEL):
        """What is on its way still comes."""

        self.connection.send(RST_STREAM, 0, self.id,
                             struct.pack("!I", error))

    def window_update(self, size):
        self.connection.send(WINDOW_UPDATE, 0, self.id,
                             struct.pack("!I", size))


class Http2:
    """One connection, and its requests by number in `streams'.

    window       each stream's at first; 0: not a byte of a body comes
    total        the connection's (nginx fills it once, unless `refill')
    refill       what has come is given back to both windows at once
    rcvbuf       SO_RCVBUF: the kernel takes little from a server whose client
                 does not read
    settings     further ones: {MAX_FRAME_SIZE: 20000}

    server       its settings; goaway, closed: how it ended, or None, False
    pongs        payloads of the answers to ping()
    """

    def __init__(self, port, window=WINDOW, total=MAX_WINDOW, refill=True,
                 rcvbuf=None, host="127.0.0.1", settings=None):
        self.host = "%s:%d" % (host, port)
        self.refill = refill
        self.streams = {}
        self.server = {}
        self.pongs = []
        self.goaway = None
        self.closed = False
        self._next = 1
        self._in = bytearray()
        self._out = bytearray()
        self._block = b""

        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                   rcvbuf)
        self.socket.settimeout(30 * slower())
        self.socket.connect((host, port))
        self.socket.setblocking(False)

        self._out += PREFACE
        self.settings({HEADER_TABLE_SIZE: 0, ENABLE_PUSH: 0,
                       INITIAL_WINDOW_SIZE: window, **(settings or {})})
        if total > WINDOW:
            self.window_update(total - WINDOW)

    # what is sent

    def send(self, kind, flags=0, stream=0, payload=b""):
        """Any frame, also one that is wrong."""

        self._out += struct.pack("!IBI", len(payload) << 8 | kind, flags,
                                 stream) + payload
        self._flush()

    def _flush(self):
        """What the socket does not take now goes out with the next call."""

        try:
            while self._out and not self.closed:
                del self._out[:self.socket.send(self._out)]
        except BlockingIOError:
            pass
        except OSError:
            self.closed = True

    def get(self, path, headers=()):
        return self.request("GET", path, headers)

    def request(self, method, path, headers=(), body=b""):
        """One for an event stream, unless `headers', pairs, have an accept of
        their own."""

        stream = self.streams[self._next] = Stream(self, self._next)
        self._next += 2
        headers = dict({"accept": "text/event-stream"}, **dict(headers))
        block = hpack.encode([(":method", method), (":scheme", "http"),
                              (":path", path), (":authority", self.host),
                              *headers.items()])
        self.send(HEADERS, END_HEADERS | (0 if body else END_STREAM),
                  stream.id, block)
        if body:
            self.send(DATA, END_STREAM, stream.id, body)
        return stream

    def settings(self, values):
        """INITIAL_WINDOW_SIZE changes the window of each open stream."""

        self.send(SETTINGS, 0, 0, b"".join(struct.pack("!HI", *item)
                                           for item in values.items()))

    def window_update(self, size):
        self.send(WINDOW_UPDATE, 0, 0, struct.pack("!I", size))

    def ping(self, payload=b"12345678"):
        self.send(PING, 0, 0, payload)

    def send_goaway(self, error=NO_ERROR):
        self.send(GOAWAY, 0, 0, struct.pack("!II", 0, error))

    # what comes

    def read(self, most=None):
        """What is there, at most so many bytes; waits for nothing.  Their
        number; 0: nothing, or it is closed."""

        self._flush()
        took = 0
        while not self.closed and (most is None or took < most):
            try:
                data = self.socket.recv(65536 if most is None
                                        else min(65536, most - took))
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self.closed = not data
            took += len(data)
            self._in += data
        self._frames()
        return took

    def wait(self, condition, timeout=10, what=None):
        """Reads until it is true; returns what it returned."""

        return wait_all([self], condition, timeout, what)

    def _frames(self):
        while len(self._in) >= 9:
            size, flags, stream = struct.unpack_from("!IBI", self._in)
            size, kind = size >> 8, size & 255
            if len(self._in) < 9 + size:
                return
            payload = bytes(self._in[9:9 + size])
            del self._in[:9 + size]
            self._frame(kind, flags, stream & MAX_WINDOW, payload)

    def _frame(self, kind, flags, stream, payload):
        if kind == DATA:
            self._data(flags, self.streams[stream], payload)

        elif kind in (HEADERS, CONTINUATION):
            self._headers(kind, flags, self.streams[stream], payload)

        elif kind == RST_STREAM:
            self.streams[stream].error, = struct.unpack("!I", payload)

        elif kind == SETTINGS and not flags & ACK:
            self.server.update(struct.unpack_from("!HI", payload, i)
                               for i in range(0, len(payload), 6))
            self.send(SETTINGS, ACK)

        elif kind == PING:
            if flags & ACK:
                self.pongs.append(payload)
            else:
                self.send(PING, ACK, 0, payload)

        elif kind == GOAWAY:
            self.goaway = struct.unpack("!II", payload[:8])[1]

    def _data(self, flags, stream, payload):
        if payload and self.refill:
            self.window_update(len(payload))
            if not flags & END_STREAM:
                stream.window_update(len(payload))
        stream.body += _unpadded(flags, payload)
        stream.ended |= bool(flags & END_STREAM)

    def _headers(self, kind, flags, stream, payload):
        if kind == HEADERS:
            payload = _unpadded(flags, payload)
            self._block = payload[5:] if flags & PRIORITIZED else payload
            stream.ended |= bool(flags & END_STREAM)
        else:
            self._block += payload
        if flags & END_HEADERS:
            headers = hpack.decode(self._block)
            stream.headers.update(headers)
            stream.status = int(stream.headers[":status"])

    # the end

    def close(self):
        self.closed = True
        self.socket.close()

    def abort(self):
        """With a reset instead of an end."""

        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()


def _unpadded(flags, payload):
    return payload[1:len(payload) - payload[0]] if flags & PADDED else payload


def wait_all(connections, condition, timeout=10, what=None):
    """Reads from all of them until the condition is true, and returns what it
    returned.  `timeout' is in seconds of an ordinary build."""

    end = time.monotonic() + timeout * slower()
    while True:
        for c in connections:
            c.read()
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout("waited %g s for %s; last seen: %r" % (
                timeout * slower(), what or "a condition", value))
        # a condition may also be about something else than the sockets
        poll = select.poll()
        for c in connections:
            if not c.closed:
                poll.register(c.socket, select.POLLIN)
        poll.poll(50)
