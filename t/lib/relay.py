"""A broker behind a slow network: a TCP relay that holds up what the broker
sends after it has taken a consumer, that loses acknowledgements and binds, and
that can be cut."""

import socket
import struct
import threading
import time

from ports import free_port

CONSUME_OK = struct.pack("!HH", 60, 21)
ACK = struct.pack("!HH", 60, 80)
BIND = struct.pack("!HH", 50, 20)


class Relay:

    def __init__(self, vhost):
        self.to = vhost.port
        self.port = free_port()
        self.url = vhost.url.replace(":%d/" % self.to, ":%d/" % self.port)
        self.seconds = 0
        self.times = 0
        self.lose_acks = False
        self.lose_binds = False
        self.lost_binds = 0
        self.mend()

    def hold(self, seconds, times=1):
        """So often, from now on."""

        self.seconds = seconds
        self.times = times

    def cut(self):
        """As if the broker were stopped: nobody listens any more."""

        for s in self.sockets:
            _shut(s)

    def mend(self):
        listener = socket.create_server(("127.0.0.1", self.port))
        self.sockets = [listener]
        threading.Thread(target=self._accept, args=(listener, self.sockets),
                         daemon=True).start()

    def _accept(self, listener, sockets):
        while True:
            try:
                client = listener.accept()[0]
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", self.to))
            sockets += [client, broker]
            if listener.fileno() == -1:
                # cut meanwhile: it did not see these two
                _shut(client)
                _shut(broker)
                return
            for target, *pair in ((self._methods, client, broker),
                                  (self._frames, broker, client)):
                threading.Thread(target=_until_end, args=(target, *pair),
                                 daemon=True).start()

    def _methods(self, client, broker):
        f = client.makefile("rb")
        broker.sendall(f.read(len("AMQP0091")))
        for frame, method in _read(f):
            if self.lose_binds and method == BIND:
                self.lost_binds += 1
            elif not (self.lose_acks and method == ACK):
                broker.sendall(frame)

    def _frames(self, broker, client):
        for frame, method in _read(broker.makefile("rb")):
            client.sendall(frame)
            if method == CONSUME_OK and self.times:
                self.times -= 1
                time.sleep(self.seconds)


def _read(f):
    """Each frame, and the class and number of its method, or None."""

    while True:
        header = f.read(7)
        if len(header) < 7:
            return
        payload = f.read(int.from_bytes(header[3:], "big") + 1)
        yield header + payload, payload[:4] if header[0] == 1 else None


def _until_end(copy, source, target):
    try:
        copy(source, target)
    except OSError:
        pass
    _shut(source)
    _shut(target)


def _shut(s):
    try:
        s.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    s.close()
