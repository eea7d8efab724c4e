"""Clients of the WebSocket subprotocol ess.v1.

V1 is one connection, read by a thread of its own.  Session is a client that
keeps its places, and comes back with all of them in one message."""

import base64
import collections
import json
import os
import random
import socket
import struct
import threading
import time

from wait import slower, wait_for

Event = collections.namedtuple("Event", "s id t key kind value ordinal")

# the members of what the server says, in their order
BODIES = "data", "text", "base64"
ANSWERS = "subscribed", "unsubscribed", "token", "pong", "error"


class Refused(Exception):
    """The answer is no 101."""

    def __init__(self, status, body):
        super().__init__("%d %r" % (status, body[:300]))
        self.status = status
        self.body = body

    def json(self):
        return json.loads(self.body)


def event_of(message):
    """What an event's message says, which has to be of the form."""

    names = list(message)
    keyed = "key" in message
    kind = names[-1]
    assert kind in BODIES and names == ["s", "id", "t"] + ["key"] * keyed + [
        kind], message
    return Event(message["s"], message["id"], message["t"],
                 message.get("key"), kind, message[kind],
                 int(message["id"].rpartition("-")[2]))


class V1:
    """url: ws://…; each message is kept in its list, and as it came in
    `texts'.  Commands of its own have ids from `ids' on."""

    def __init__(self, url, token=None, protocols=None, headers=None,
                 on_message=None, source=None, timeout=30, ids=1):
        self.texts = []
        self.answers = []           # with or without id, in their order
        self.events = []            # Event
        self.notices = []           # gap and end, as they came
        self.of = {}                # number of a stream: as it was named
        self.closed = False
        self.close_code = None
        self.close_reason = None
        self.error = None
        self._on_message = on_message
        self._next = ids
        self._reads = threading.Event()
        self._reads.set()
        self._lock = threading.Lock()
        self._buffer = b""
        self._parts = []
        self._connect(url, protocols or "ess.v1" + (
            ", ess.jwt, " + token if token else ""), headers, source,
            timeout * slower())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _connect(self, url, protocols, headers, source, timeout):
        host, _, path = url.split("://")[1].partition("/")
        name, _, port = host.partition(":")
        self._sock = socket.create_connection(
            (name, int(port or 80)), timeout, source and (source, 0))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade",
                 "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": base64.b64encode(
                     os.urandom(16)).decode(),
                 "Sec-WebSocket-Protocol": protocols, **(headers or {})}
        self._sock.sendall(("GET /%s HTTP/1.1\r\n%s\r\n" % (path, "".join(
            "%s: %s\r\n" % h for h in lines.items()))).encode())
        try:
            self._handshake()
        except BaseException:
            self._sock.close()
            raise
        self._sock.settimeout(None)

    def _handshake(self):
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {name.lower(): value for name, value in (
            line.split(": ", 1) for line in lines[1:])}
        if self.status != 101:
            while len(self._buffer) < int(self.headers["content-length"]):
                self._more()
            raise Refused(self.status, self._buffer)
        self.protocol = self.headers.get("sec-websocket-protocol")

    def _more(self):
        data = self._sock.recv(262144)
        if not data:
            raise ConnectionError("closed by the server")
        self._buffer += data

    # what comes

    def _run(self):
        try:
            while True:
                self._frames()
                self._reads.wait()
                self._more()
        except (ConnectionError, OSError):
            pass
        except BaseException as e:
            self.error = e
            raise
        finally:
            self.closed = True

    def _frames(self):
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            first, n = buffer[at], buffer[at + 1]
            begin = at + 2
            if n == 126:
                begin += 2
                if len(buffer) < begin:
                    break
                n = int.from_bytes(buffer[at + 2:begin], "big")
            elif n == 127:
                begin += 8
                if len(buffer) < begin:
                    break
                n = int.from_bytes(buffer[at + 2:begin], "big")
            if len(buffer) - begin < n:
                break
            at = begin + n
            self._frame(first, buffer[begin:at])
        self._buffer = buffer[at:]

    def _frame(self, first, payload):
        opcode = first & 0x0f
        if opcode == 8:
            if len(payload) >= 2:
                self.close_code = int.from_bytes(payload[:2], "big")
                self.close_reason = payload[2:].decode()
            self._send_frame(8, payload[:2])
        elif opcode == 9:
            self._send_frame(10, payload)
        elif opcode in (0, 1):
            self._parts.append(payload)
            if first & 0x80:
                text = b"".join(self._parts).decode()
                self._parts = []
                self._message(text)
        else:
            assert opcode == 10, "opcode %d" % opcode

    def _message(self, text):
        message = json.loads(text)
        self.texts.append(text)
        if "gap" in message or "end" in message:
            assert list(message) in (["s", "gap"], ["s", "end"]), text
            self.notices.append(message)
        elif "s" in message:
            self.events.append(event_of(message))
        else:
            self._answer(message, text)
        if self._on_message:
            self._on_message(self, message)

    def _answer(self, message, text):
        names = [name for name in message if name != "id"]
        assert len(names) == 1 and names[0] in ANSWERS and list(message) == [
            "id"] * ("id" in message) + names, text
        for entry in message.get("subscribed", []):
            if "error" in entry:
                assert list(entry) == ["stream", "error"], text
            else:
                assert list(entry) == ["stream", "s", "at"], text
                self.of[entry["s"]] = entry["stream"]
        self.answers.append(message)

    # what is sent

    def _send_frame(self, opcode, payload, mask=b"\0\0\0\0"):
        n = len(payload)
        head = bytes([0x80 | opcode]) + (
            bytes([0x80 | n]) if n < 126
            else b"\xfe" + struct.pack("!H", n) if n < 65536
            else b"\xff" + struct.pack("!Q", n))
        try:
            with self._lock:
                self._sock.sendall(head + mask + payload)
        except OSError:
            if threading.current_thread() is not self._thread:
                wait_for(lambda: self.closed, what="the end")

    def send_text(self, text):
        self._send_frame(1, text if isinstance(text, bytes)
                         else text.encode())

    def send_binary(self, data):
        self._send_frame(2, data)

    def send(self, *commands):
        """A command, or several as an array."""

        self.send_text(json.dumps(commands[0] if len(commands) == 1
                                  else list(commands)))

    def id(self):
        self._next += 1
        return self._next - 1

    def call(self, timeout=10, **command):
        """The answer to a command that gets an id."""

        command = {"id": self.id(), **command}
        self.send(command)
        return self.answer(command["id"], timeout)

    def answer(self, id_, timeout=10):
        def there():
            assert self.error is None, self.error
            found = [a for a in list(self.answers) if a.get("id") == id_]
            if not found and self.closed:
                raise ConnectionError("closed (%s %s) before the answer" % (
                    self.close_code, self.close_reason))
            return found

        found = wait_for(there, timeout, "the answer to %r" % id_)
        assert len(found) == 1, found
        return found[0]

    def subscribe(self, *streams, timeout=10):
        """Names, uuids or objects; the entries of the answer."""

        wanted = [s if isinstance(s, dict) else {"stream": s}
                  for s in streams]
        answer = self.call(timeout, subscribe=wanted if len(wanted) > 1
                           else wanted[0])
        assert "subscribed" in answer, answer
        entries = answer["subscribed"]
        assert [e["stream"] for e in entries] == [
            w["stream"] for w in wanted], answer
        return entries

    def unsubscribe(self, *streams, timeout=10):
        answer = self.call(timeout, unsubscribe=list(streams))
        assert "unsubscribed" in answer, answer
        return answer["unsubscribed"]

    # what came of a stream, by the name that was used

    def values(self, stream=None):
        return [e.value for e in list(self.events)
                if stream is None or self.of.get(e.s) == stream]

    def ordinals(self, stream):
        return [e.ordinal for e in list(self.events)
                if self.of.get(e.s) == stream]

    def wait(self, n, stream=None, timeout=10):
        """n events, of the stream or of all; their values."""

        def there():
            assert self.error is None, self.error
            return len(self.values(stream)) >= n
        wait_for(there, timeout, "%d events" % n)
        return self.values(stream)

    def wait_notice(self, kind, n=1, timeout=10):
        """The values of gap or end."""

        def found():
            return [m[kind] for m in list(self.notices) if kind in m]
        wait_for(lambda: len(found()) >= n, timeout, "%d %s" % (n, kind))
        return found()

    def wait_closed(self, timeout=10):
        wait_for(lambda: self.closed, timeout, "the close")
        return self.close_code, self.close_reason

    def pause(self):
        """Reads no more, but for what it is just waiting for."""

        self._reads.clear()

    def go_on(self):
        self._reads.set()

    def quiet(self):
        """All commands that were sent are carried out, and answered."""

        assert self.call(ping=0) == {"id": self._next - 1, "pong": 0}

    def cut(self):
        """As if the network were gone: no close frame."""

        self.go_on()
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(10)
        self._sock.close()

    def close(self, code=1000):
        if not self.closed:
            self._send_frame(8, struct.pack("!H", code))
        self._thread.join(10 * slower())
        self._sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.cut()
        assert self.error is None, self.error


class Session:
    """Subscribes to what is wanted and keeps the place in each, over as many
    connections as it takes.

    got[stream]: (ordinal, value) of each event, in the order of arrival."""

    def __init__(self, url, token=None, **options):
        self.url = url
        self.token = token
        self.options = options
        self.wanted = {}            # stream: keys, or None for all
        self.places = {}            # stream: the last one's id
        self.got = collections.defaultdict(list)
        self.gaps = []              # (stream, gap)
        self.ends = []              # (stream, end)
        self.errors = []            # entries that were refused
        self.leaving = set()        # not yet out
        self.connections = 0
        self._stop = False
        self._lock = threading.Lock()
        self.v1 = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop:
            try:
                self._once()
            except (Refused, OSError):
                time.sleep(random.uniform(0, 0.1))

    def _once(self):
        v1 = V1(self.url, self.token, on_message=self._take, **self.options)
        try:
            with self._lock:
                self.v1 = v1
                self.connections += 1
                self.leaving.clear()
                self._send(v1, list(self.wanted))
            v1._thread.join()
        finally:
            with self._lock:
                self.v1 = None
            v1.cut()

    def _send(self, v1, streams):
        """A message has at most 64 KiB."""

        for i in range(0, len(streams), 256):
            v1.send({"subscribe": [self._entry(s)
                                   for s in streams[i:i + 256]], "id": 0})

    def _entry(self, stream):
        entry = {"stream": stream}
        if stream in self.places:
            entry["from"] = self.places[stream]
        if self.wanted[stream]:
            entry["keys"] = self.wanted[stream]
        return entry

    def _take(self, v1, message):
        if "subscribed" in message:
            for entry in message["subscribed"]:
                if "error" in entry:
                    self.errors.append(entry)
                else:
                    # a gap between this place and another epoch's follows
                    self.places[entry["stream"]] = entry["at"]
            return
        if "unsubscribed" in message:
            self.leaving -= set(message["unsubscribed"])
            return
        if "s" not in message:
            return
        stream = v1.of[message["s"]]
        if "gap" in message:
            self.gaps.append((stream, message["gap"]))
        elif "end" in message:
            self.ends.append((stream, message["end"]))
            self.wanted.pop(stream, None)
        else:
            event = event_of(message)
            self.got[stream].append((event.ordinal, event.value))
            self.places[stream] = event.id

    def subscribe(self, *streams, keys=None):
        """Now, and whenever it comes back; to those that are new."""

        with self._lock:
            new = [s for s in streams
                   if s not in self.wanted and s not in self.leaving]
            for stream in new:
                self.wanted[stream] = keys
            if self.v1 and new:
                self._send(self.v1, new)

    def unsubscribe(self, *streams):
        with self._lock:
            old = [s for s in streams if self.wanted.pop(s, self) is not self]
            if self.v1 and old:
                self.leaving |= set(old)
                self.v1.send({"unsubscribe": old, "id": 0})

    def cut(self):
        with self._lock:
            if self.v1:
                try:
                    self.v1._sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def connected(self):
        v1 = self.v1
        return v1 is not None and not v1.closed

    def close(self):
        self._stop = True
        while self._thread.is_alive():
            self.cut()
            self._thread.join(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()
