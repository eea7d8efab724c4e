"""A client of HTTP/3 that is told what to do, a line of JSON each on stdin,
and says what it sees in the same way.

    client.py PORT WINDOW REFILL

WINDOW is each stream's at first.  REFILL: 1, what has come is given back.

    {"request": [[[name, value], ...], body]}       the next stream's: 0, 4, 8
    {"stop": id}                        STOP_SENDING, as a browser that leaves
    {"refill": n}                       windows of n bytes, and refilled
    {"close": 0}

    {"stream": id, "headers": [[name, value], ...]}
    {"stream": id, "data": text, "end": bool}
    {"stream": id, "reset": code}
    {"closed": code, "reason": text}

It is a program of its own, for aioquic brings a cryptography of its own."""

import json
import os
import select
import socket
import ssl
import sys
import time

from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (ConnectionTerminated, StreamDataReceived,
                                 StreamReset)

CANCELLED = 0x10c               # H3_REQUEST_CANCELLED


class Connection(QuicConnection):

    refill = True

    def _write_stream_limits(self, builder, space, stream):
        if self.refill:
            super()._write_stream_limits(builder, space, stream)


class Client:

    def __init__(self, port, window, refill):
        self.quic = Connection(configuration=QuicConfiguration(
            is_client=True, alpn_protocols=H3_ALPN, server_name="localhost",
            verify_mode=ssl.CERT_NONE, max_data=1 << 30))
        self.quic.refill = refill
        self.quic._local_max_stream_data_bidi_local = window
        self.h3 = H3Connection(self.quic)
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.setblocking(False)
        self.address = "127.0.0.1", port
        self.quic.connect(self.address, time.monotonic())
        self.input = b""
        self.over = False

    def run(self):
        while not self.over:
            self.send()
            at = self.quic.get_timer()
            wait = max(0, at - time.monotonic()) if at else None
            ready = select.select([0, self.socket], [], [], wait)[0]
            if at and time.monotonic() >= at:
                self.quic.handle_timer(time.monotonic())
            if self.socket in ready:
                self.receive()
            if 0 in ready:
                self.read()
            self.events()

    def send(self):
        for data, _ in self.quic.datagrams_to_send(time.monotonic()):
            try:
                self.socket.sendto(data, self.address)
            except (BlockingIOError, ConnectionRefusedError):
                pass

    def receive(self):
        for _ in range(100):
            try:
                data = self.socket.recv(65536)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self.quic.receive_datagram(data, self.address, time.monotonic())

    def read(self):
        data = os.read(0, 65536)
        if not data:
            self.over = True
        *lines, self.input = (self.input + data).split(b"\n")
        for line in lines:
            for command, value in json.loads(line).items():
                getattr(self, "do_" + command)(value)

    def do_request(self, request):
        headers, body = request
        stream = self.quic.get_next_available_stream_id()
        self.h3.send_headers(stream, [(n.encode(), v.encode())
                                      for n, v in headers], not body)
        if body:
            self.h3.send_data(stream, body.encode(), True)

    def do_stop(self, stream):
        if stream in self.quic._streams:
            self.quic.stop_stream(stream, CANCELLED)

    def do_refill(self, size):
        self.quic.refill = True
        for stream in self.quic._streams.values():
            if stream.stream_id % 4 == 0:
                stream.max_stream_data_local = size

    def do_close(self, code):
        self.quic.close(code)

    def events(self):
        while True:
            event = self.quic.next_event()
            if event is None:
                break
            if isinstance(event, ConnectionTerminated):
                say(closed=event.error_code, reason=event.reason_phrase)
                self.over = True
            elif isinstance(event, StreamReset):
                say(stream=event.stream_id, reset=event.error_code)
            for e in self.h3.handle_event(event):
                if isinstance(e, HeadersReceived):
                    say(stream=e.stream_id, headers=[
                        [n.decode(), v.decode()] for n, v in e.headers])
                if isinstance(e, (HeadersReceived, DataReceived)) and (
                        e.stream_ended or isinstance(e, DataReceived)):
                    say(stream=e.stream_id, end=e.stream_ended,
                        data=getattr(e, "data", b"").decode("latin-1"))


def say(**what):
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    Client(*map(int, sys.argv[1:])).run()
