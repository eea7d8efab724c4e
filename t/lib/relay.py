"""TCP relays, which can be cut.  That of a broker behind a slow network also
holds up what the broker sends after it has taken a consumer, or what it sends
to consumers alone, and unbinds, loses acknowledgements and binds, says of
queues that nothing is in them, and cuts those who consume."""

import queue
import socket
import struct
import threading
import time

from ports import free_port

CONSUME_OK = struct.pack("!HH", 60, 21)
ACK = struct.pack("!HH", 60, 80)
DECLARE_OK = struct.pack("!HH", 50, 11)
BIND = struct.pack("!HH", 50, 20)
DELETE = struct.pack("!HH", 50, 40)
UNBIND = struct.pack("!HH", 50, 50)


class TcpRelay:
    """From `port' to the port `to' of this machine."""

    def __init__(self, to):
        self.to = to
        self.port = free_port()
        self.mend()

    def cut(self):
        """As if who is behind it were stopped: nobody listens any more."""

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
            server = socket.create_connection(("127.0.0.1", self.to))
            sockets += [client, server]
            if listener.fileno() == -1:
                # cut meanwhile: it did not see these two
                _shut(client)
                _shut(server)
                return
            for target, *pair in ((self._forth, client, server),
                                  (self._back, server, client)):
                threading.Thread(target=_until_end, args=(target, *pair),
                                 daemon=True).start()

    def _forth(self, client, server):
        _copy(client, server)

    def _back(self, server, client):
        _copy(server, client)


class Relay(TcpRelay):

    def __init__(self, vhost):
        self.seconds = 0
        self.times = 0
        self.lag = 0            # seconds, of what consumers get that are
        self.deleted = False    # started after a queue was deleted
        self.came_late = False
        self.hold_unbinds = 0   # seconds, each and what is behind it
        self.no_leader = False  # counts of queues are 0, as of a quorum queue
        self.lose_acks = False
        self.lose_binds = False
        self.lost_binds = 0
        self.consuming = []
        super().__init__(vhost.port)
        self.url = vhost.url.replace(":%d/" % self.to, ":%d/" % self.port)

    def hold(self, seconds, times=1):
        """So often, from now on."""

        self.seconds = seconds
        self.times = times

    def cut_consumers(self):
        """Connections of which some consume; the others stay."""

        pairs, self.consuming = self.consuming, []
        for pair in pairs:
            for s in pair:
                _shut(s)

    def _forth(self, client, broker):
        f = client.makefile("rb")
        broker.sendall(f.read(len("AMQP0091")))
        for frame, method in _read(f):
            self.deleted |= method == DELETE
            if method == UNBIND:
                time.sleep(self.hold_unbinds)
            if self.lose_binds and method == BIND:
                self.lost_binds += 1
            elif not (self.lose_acks and method == ACK):
                broker.sendall(frame)

    def _back(self, broker, client):
        late, channels, lock = queue.Queue(), set(), threading.Lock()
        threading.Thread(target=self._late, args=(late, client, lock),
                         daemon=True).start()
        try:
            self._frames(broker, client, late, channels, lock)
        finally:
            late.put((0, None))

    def _frames(self, broker, client, late, channels, lock):
        for frame, method in _read(broker.makefile("rb")):
            channel = frame[1:3]
            if self.no_leader and method == DECLARE_OK:
                frame = frame[:-9] + bytes(8) + frame[-1:]
            if channel in channels:
                late.put((time.monotonic() + self.lag, frame))
            else:
                with lock:
                    client.sendall(frame)
            if method == CONSUME_OK:
                if self.lag and self.deleted:
                    channels.add(channel)
                self.consuming.append((client, broker))
                if self.times:
                    self.times -= 1
                    time.sleep(self.seconds)

    def _late(self, frames, client, lock):
        """Sends each when its time has come."""

        while True:
            due, frame = frames.get()
            if frame is None:
                return
            time.sleep(max(due - time.monotonic(), 0))
            try:
                with lock:
                    client.sendall(frame)
            except OSError:
                return
            self.came_late = True


def _copy(source, target):
    while True:
        data = source.recv(65536)
        if not data:
            return
        target.sendall(data)


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
