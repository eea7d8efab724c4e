"""WebSocket clients: two libraries, and one that speaks bytes.

Clients is the usual one: many connections, on a thread of its own, seen from
an ordinary test function.  RawWS is for tests of the protocol itself."""

import asyncio
import base64
import os
import socket
import ssl as tls
import struct
import threading
import time
import zlib

import aiohttp
import websockets

try:
    # the client of websockets 13 and newer
    from websockets.asyncio.client import connect
    HEADERS = "additional_headers"
except ImportError:
    from websockets import connect
    HEADERS = "extra_headers"

from wait import slower, wait_for

LIBRARIES = "websockets", "aiohttp"

# what the libraries raise when the answer is no 101
REFUSED = (websockets.exceptions.InvalidHandshake,
           aiohttp.WSServerHandshakeError)


def refused_status(e):
    """The HTTP status in an exception of one of the libraries, or None."""

    # InvalidStatus of websockets 13, InvalidStatusCode before, aiohttp's
    for holder, name in ((getattr(e, "response", None), "status_code"),
                         (e, "status_code"), (e, "status")):
        if hasattr(holder, name):
            return getattr(holder, name)
    return None


class Client:
    """One connection; what it received, and how it ended."""

    def __init__(self, url, library="websockets", headers=None, ssl=None):
        self.url = url
        self.library = library
        self.headers = headers or {}
        self.ssl = ssl
        self.messages = []          # str for text, bytes for binary
        self.times = []             # time.monotonic() of each
        self.connected = False
        self.status = None          # HTTP status when it was refused
        self.response = None        # headers of the 101
        self.error = None
        self.closed = False
        self.closed_time = None     # time.monotonic()
        self.close_code = None
        self.close_reason = None
        self._task = None
        self._close = None

    def _got(self, message):
        self.messages.append(message)
        self.times.append(time.monotonic())

    async def open(self, timeout=30):
        """Returns after the 101; raises what the library raises."""

        opened = asyncio.get_running_loop().create_future()
        run = (self._run_websockets if self.library == "websockets"
               else self._run_aiohttp)
        self._task = asyncio.create_task(self._run(run, opened))
        await asyncio.wait_for(opened, timeout * slower())
        return self

    async def _run(self, run, opened):
        try:
            await run(opened)
        except asyncio.CancelledError:
            raise
        except Exception as e:
            self.error = e
            self.status = refused_status(e)
            if not opened.done():
                opened.set_exception(e)
        finally:
            self.closed_time = time.monotonic()
            self.closed = True

    async def _run_websockets(self, opened):
        ws = await connect(
            self.url, max_size=None, max_queue=None, ping_interval=None,
            open_timeout=None, ssl=self.ssl, close_timeout=5,
            **{HEADERS: self.headers})
        self._close = ws.close
        self.response = (ws.response.headers if hasattr(ws, "response")
                         else ws.response_headers)
        self.connected = True
        opened.set_result(None)
        try:
            async for message in ws:
                self._got(message)
        except websockets.exceptions.ConnectionClosed:
            pass
        finally:
            self.close_code = ws.close_code
            self.close_reason = ws.close_reason

    async def _run_aiohttp(self, opened):
        options = {"ssl": self.ssl} if self.ssl else {}
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(
                    self.url, max_msg_size=0, headers=self.headers,
                    autoping=True, **options) as ws:
                self._close = ws.close
                self.response = ws._response.headers
                self.connected = True
                opened.set_result(None)
                while True:
                    m = await ws.receive()
                    if m.type in (aiohttp.WSMsgType.TEXT,
                                  aiohttp.WSMsgType.BINARY):
                        self._got(m.data)
                        continue
                    if m.type == aiohttp.WSMsgType.CLOSE:
                        self.close_reason = m.extra
                    break
                self.close_code = ws.close_code

    async def close(self):
        if self._close is not None and not self.closed:
            await self._close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def collect(url, n, timeout=10, library="websockets"):
    """Connects, returns the first n messages."""

    client = await Client(url, library).open()
    try:
        end = time.monotonic() + timeout * slower()
        while (len(client.messages) < n and not client.closed
               and time.monotonic() < end):
            await asyncio.sleep(0.005)
        assert len(client.messages) >= n, "%d of %d messages" % (
            len(client.messages), n)
        return client.messages[:n]
    finally:
        await client.close()


class Clients:
    """A client for each URL, all connected when the constructor returns;
    use it in a with statement.

    library: "websockets", "aiohttp", or "both": in turns."""

    def __init__(self, urls, library="websockets", timeout=30, **kwargs):
        if isinstance(urls, str):
            urls = [urls]
        names = LIBRARIES if library == "both" else [library]
        self.clients = [Client(url, names[i % len(names)], **kwargs)
                        for i, url in enumerate(urls)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever,
                                        daemon=True)
        self._thread.start()
        try:
            self._call(self._open(timeout), timeout + 5)
        except BaseException:
            self.close()
            raise

    def _call(self, coroutine, timeout):
        return asyncio.run_coroutine_threadsafe(
            coroutine, self._loop).result(timeout * slower())

    async def _open(self, timeout):
        # a few at a time: listen(2)'s queue is short
        gate = asyncio.Semaphore(64)

        async def one(client):
            async with gate:
                await client.open(timeout)

        await asyncio.gather(*[one(c) for c in self.clients])

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def __getitem__(self, i):
        return self.clients[i]

    def __iter__(self):
        return iter(self.clients)

    def __len__(self):
        return len(self.clients)

    def wait(self, n, timeout=10):
        """Until each has at least n messages."""

        def enough():
            for c in self.clients:
                if c.closed and len(c.messages) < n:
                    raise AssertionError(
                        "a client was closed (%s %s %s) after %d of %d "
                        "messages" % (c.close_code, c.close_reason, c.error,
                                      len(c.messages), n))
            return min(len(c.messages) for c in self.clients) >= n

        try:
            wait_for(enough, timeout, "%d messages" % n)
        except AssertionError as e:
            raise AssertionError("%s; they have %s" % (e, [
                len(c.messages) for c in self.clients][:20])) from None
        return self

    def wait_closed(self, timeout=10):
        """Until all were closed; their (code, reason)."""

        wait_for(lambda: all(c.closed for c in self.clients), timeout,
                 "the clients to be closed")
        return [(c.close_code, c.close_reason) for c in self.clients]

    def close(self):
        async def close():
            await asyncio.gather(*[c.close() for c in self.clients],
                                 return_exceptions=True)

        if self._loop.is_closed():
            return
        try:
            self._call(close(), 30)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


class Frame:

    def __init__(self, fin, rsv, opcode, payload, masked):
        self.fin = fin
        self.rsv = rsv
        self.opcode = opcode
        self.payload = payload
        self.masked = masked

    @property
    def close_code(self):
        return (struct.unpack("!H", self.payload[:2])[0]
                if len(self.payload) >= 2 else None)

    @property
    def close_reason(self):
        return self.payload[2:].decode()

    def __repr__(self):
        return "<frame %X fin=%d %d bytes %r>" % (
            self.opcode, self.fin, len(self.payload), self.payload[:60])


def inflate(payload):
    """Of a message with RSV1 (RFC 7692, 7.2.2)."""

    return zlib.decompressobj(-15).decompress(payload + b"\0\0\xff\xff")


CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def build_frame(opcode, payload=b"", fin=True, rsv=0, mask=b"\x11\x22\x33\x44",
                length=None, length_bytes=None):
    """A frame, wrong in whatever way is asked for: mask=None leaves it
    unmasked, length lies, length_bytes is the size of the length field."""

    n = len(payload) if length is None else length
    size = length_bytes
    if size is None:
        size = 0 if n < 126 else 2 if n < 65536 else 8
    short = {0: n, 2: 126, 8: 127}[size]
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode,
                  (0x80 if mask else 0) | short])
    head += n.to_bytes(size, "big") if size else b""
    if mask:
        head += mask
        payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    return head + payload


class RawWS:
    """A WebSocket client of sockets and bytes."""

    def __init__(self, port, path="/", host="127.0.0.1", ssl=None,
                 timeout=10, rcvbuf=None, source=None):
        self.path = path
        self.host = host
        self.port = port
        self.sock = socket.socket()
        self.sock.settimeout(timeout * slower())
        if rcvbuf is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source is not None:
            self.sock.bind((source, 0))
        self.sock.connect((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ssl is not None:
            self.sock = ssl.wrap_socket(self.sock, server_hostname=host)
        self.buffer = b""
        self.status = None
        self.headers = {}
        self.body = b""

    @classmethod
    def of(cls, url, **kwargs):
        """From ws://host:port/path or wss://."""

        scheme, _, rest = url.partition("://")
        authority, _, path = rest.partition("/")
        host, _, port = authority.partition(":")
        if scheme == "wss" and "ssl" not in kwargs:
            kwargs["ssl"] = tls._create_unverified_context()
        return cls(int(port or (443 if scheme == "wss" else 80)), "/" + path,
                   host, **kwargs)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST."""

        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def request(self, method="GET", version="HTTP/1.1", behind=b"",
                **headers):
        """Sends a handshake, and what is behind it.  A header argument with
        the value None is left out; Sec_WebSocket_Key names
        Sec-WebSocket-Key."""

        fields = {
            "Host": "%s:%d" % (self.host, self.port),
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        }
        fields.update((k.replace("_", "-"), v) for k, v in headers.items())
        lines = ["%s %s %s" % (method, self.path, version)]
        lines += ["%s: %s" % (k, v) for k, v in fields.items()
                  if v is not None]
        self.key = fields["Sec-WebSocket-Key"]
        self.method = method
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + behind)

    def response(self):
        """Reads the response's head, and the body when it is no 101.  Header
        names are in lower case."""

        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {k.lower(): v.strip() for k, _, v in
                        (line.partition(":") for line in lines[1:])}
        if (self.status != 101 and self.method != "HEAD"
                and "content-length" in self.headers):
            self.body = self.recv(int(self.headers["content-length"]))
        return self.status

    def handshake(self, **headers):
        """Sends a handshake and returns the status of the answer."""

        self.request(**headers)
        return self.response()

    def connect(self, **headers):
        status = self.handshake(**headers)
        assert status == 101, (status, self.body)
        return self

    def send_frame(self, opcode, payload=b"", **kwargs):
        self.send(build_frame(opcode, payload, **kwargs))

    def send_close(self, code=1000, reason=b""):
        self.send_frame(CLOSE, struct.pack("!H", code) + reason)

    def _fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError("the server closed the connection")
        self.buffer += data

    def recv(self, n):
        while len(self.buffer) < n:
            self._fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def recv_frame(self):
        """The next frame; EOFError when the server ended the connection."""

        a, b = self.recv(2)
        n = b & 0x7F
        if n == 126:
            n, = struct.unpack("!H", self.recv(2))
        elif n == 127:
            n, = struct.unpack("!Q", self.recv(8))
        mask = self.recv(4) if b & 0x80 else b""
        payload = self.recv(n)
        if mask:
            payload = bytes(c ^ mask[i % 4] for i, c in enumerate(payload))
        return Frame(bool(a & 0x80), a >> 4 & 7, a & 15, payload, bool(mask))

    def recv_event(self):
        """The next frame that is no ping, and no pong either."""

        while True:
            frame = self.recv_frame()
            if frame.opcode not in (PING, PONG):
                return frame

    def recv_eof(self):
        """Asserts that nothing but the end comes."""

        assert self.buffer == b"", self.buffer
        try:
            rest = self.sock.recv(65536)
        except ConnectionResetError:
            rest = b""
        assert rest == b"", rest
