"""A client of Server-Sent Events: HTTP/1.1 or 1.0 over a socket of its own,
and the format as WHATWG HTML 9.2.6 reads it."""

import collections
import re
import socket
import ssl as tls
import subprocess
import threading

from wait import wait_for

LINE_END = re.compile("\r\n|\r|\n")

Event = collections.namedtuple("Event", "type data id")


class Parser:
    """Text in, events out; what else there was is kept beside."""

    def __init__(self):
        self.events = []
        self.retry = None
        self.comments = 0
        self.empty = 0              # blocks without data
        self.last_id = ""
        self._text = ""
        self._reset()

    def _reset(self):
        self._data = []
        self._type = "message"

    def feed(self, text):
        self._text += text
        while True:
            line, found = self._line()
            if not found:
                return
            self._take(line)

    def _line(self):
        end = LINE_END.search(self._text)
        if not end or end.group() == "\r" and end.end() == len(self._text):
            return "", False
        line, self._text = self._text[:end.start()], self._text[end.end():]
        return line, True

    def _take(self, line):
        if line == "":
            if self._data:
                self.events.append(Event(self._type, "\n".join(self._data),
                                         self.last_id))
            else:
                self.empty += 1
            self._reset()
            return
        if line.startswith(":"):
            self.comments += 1
            return
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isdigit():
            self.retry = int(value)


class EventSource:
    """One connection, read by a thread of its own."""

    def __init__(self, url, version="1.1", headers=None, last_id=None,
                 ssl=False, source=None):
        rest = url.split("://")[1]
        host, _, path = rest.partition("/")
        name, _, port = host.partition(":")
        self.parser = Parser()
        self.raw = b""
        self.closed = False
        self.complete = False       # the body ended as it should
        headers = dict(headers or {})
        headers.setdefault("Accept", "text/event-stream")
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self._sock = socket.create_connection(
            (name, int(port or 80)), 30, source and (source, 0))
        if ssl:
            context = tls._create_unverified_context()
            self._sock = context.wrap_socket(self._sock, server_hostname=name)
        self._sock.sendall(("GET /%s HTTP/%s\r\nHost: %s\r\n%s\r\n" % (
            path, version, host,
            "".join("%s: %s\r\n" % h for h in headers.items()))).encode())
        self._buffer = b""
        self._header()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _header(self):
        while b"\r\n\r\n" not in self._buffer:
            data = self._sock.recv(65536)
            assert data, "the connection was closed within the header"
            self._buffer += data
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            name = name.lower()
            self.headers[name] = (self.headers[name] + ", " + value
                                  if name in self.headers else value)
        self._sock.settimeout(None)

    def _run(self):
        try:
            chunked = self.headers.get("transfer-encoding") == "chunked"
            self._read_chunks() if chunked else self._read_rest()
        except (ConnectionError, OSError):
            pass
        finally:
            self.closed = True

    def _more(self):
        data = self._sock.recv(65536)
        self._buffer += data
        return bool(data)

    def _take(self, data):
        self.raw += data
        self.parser.feed(data.decode())

    def _read_rest(self):
        while True:
            self._take(self._buffer)
            self._buffer = b""
            if not self._more():
                return

    def _read_chunks(self):
        while True:
            while b"\r\n" not in self._buffer:
                if not self._more():
                    return
            size, self._buffer = self._buffer.split(b"\r\n", 1)
            size = int(size, 16)
            while len(self._buffer) < size + 2:
                if not self._more():
                    return
            assert self._buffer[size:size + 2] == b"\r\n"
            if size == 0:
                self.complete = True
                return
            self._take(self._buffer[:size])
            self._buffer = self._buffer[size + 2:]

    @property
    def events(self):
        return self.parser.events

    @property
    def data(self):
        return [e.data for e in list(self.events)]

    def wait(self, n, timeout=10):
        wait_for(lambda: len(self.events) >= n, timeout,
                 "%d events, there are %d" % (n, len(self.events)))
        return self.events

    def wait_closed(self, timeout=10):
        wait_for(lambda: self.closed, timeout, "the end of the events")

    def close(self):
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(10)
        self._sock.close()
        # a library may hand each of them on as an event
        assert not self.parser.empty

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()


def followed(url, **kwargs):
    """An EventSource that is let in.  nginx waits two seconds for a log that
    begins, and answers 503, as the documents say: who is starved asks again."""

    def let_in():
        source = EventSource(url, **kwargs)
        if source.status != 503:
            return source
        source.close()
        return None

    return wait_for(let_in, 20, "a log to follow")


class Http2EventSource:
    """The same over HTTP/2, without TLS, by curl."""

    def __init__(self, url, *args):
        self.parser = Parser()
        self.process = subprocess.Popen(
            ["curl", "-sSN", "--http2-prior-knowledge", "-D", "/dev/stderr",
             "-H", "Accept: text/event-stream", *args, url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            line = self.process.stderr.readline()
            assert line, self.head
            self.head += line

    def wait(self, n):
        while len(self.parser.events) < n:
            data = self.process.stdout.read1(65536)
            assert data, "curl ended after %d events" \
                % len(self.parser.events)
            self.parser.feed(data.decode())
        return self.parser.events

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.process.kill()
        self.process.communicate()
