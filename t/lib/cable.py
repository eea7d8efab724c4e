"""The network between clients and nginx: a TCP relay that can be cut, that can
fall silent, and that can be mended."""

import contextlib
import socket
import struct
import threading

from ports import free_port


class Cable:
    """Clients connect to `port'."""

    def __init__(self, to):
        self.to = to
        self.port = free_port()
        self._flows = threading.Event()
        self._lock = threading.Lock()
        self._sockets = []
        self.mend()

    def cut(self):
        """Connections are reset, and nobody listens any more."""

        with self._lock:
            sockets, self._sockets = self._sockets, None
        self._flows.set()
        for s in sockets or ():
            _reset(s)

    def silence(self):
        """What is sent goes nowhere, and nobody is told."""

        self._flows.clear()

    def mend(self):
        listener = socket.create_server(("127.0.0.1", self.port))
        with self._lock:
            self._sockets = [listener]
        self._flows.set()
        threading.Thread(target=self._accept, args=(listener,),
                         daemon=True).start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                try:
                    nginx = socket.create_connection(("127.0.0.1", self.to))
                except OSError:
                    _reset(client)
                    continue
                with self._lock:
                    cut = listener.fileno() == -1 or self._sockets is None
                    if not cut:
                        self._sockets += [client, nginx]
                if cut:
                    _reset(client)
                    _reset(nginx)
                    return
                for pair in (client, nginx), (nginx, client):
                    threading.Thread(target=self._copy, args=pair,
                                     daemon=True).start()

    def _copy(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)
        for s in source, target:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.cut()


def _reset(s):
    with contextlib.suppress(OSError):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 0))
        s.shutdown(socket.SHUT_RDWR)
    s.close()
