"""Clients of ess.v1 that are a socket and the bytes that came: many of them
cost little."""

import base64
import json
import os
import selectors
import socket
import struct


class BareV1:

    def __init__(self, port, path):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.sendall((
            "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: ess.v1\r\n\r\n"
            % (path, base64.b64encode(os.urandom(16)).decode())).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = self.sock.recv(1)
            assert data, head
            head += data
        assert head.startswith(b"HTTP/1.1 101"), head
        self.data = bytearray()

    def send(self, text):
        self.sock.sendall(frame(text))

    def close(self):
        self.sock.close()


def frame(text):
    """A message, masked with zeros; what is no text is JSON."""

    if not isinstance(text, bytes):
        text = json.dumps(text, separators=(",", ":")).encode()
    n = len(text)
    return (bytes([0x81, 0x80 | n]) if n < 126
            else b"\x81\xfe" + struct.pack("!H", n)) + b"\0\0\0\0" + text


def until(clients, enough):
    """Reads of all of them until each has what is enough."""

    with selectors.DefaultSelector() as s:
        for c in clients:
            s.register(c.sock, selectors.EVENT_READ, c)
        left = len(clients)
        while left:
            ready = s.select(60)
            assert ready, left
            for key, _ in ready:
                c = key.data
                data = c.sock.recv(262144)
                assert data
                c.data += data
                if enough(c.data):
                    s.unregister(c.sock)
                    left -= 1


def answered(data):
    """The last of what came is the end of an answer about streams."""

    return data.endswith(b"]}")
