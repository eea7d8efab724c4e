"""Free TCP ports for one test process.

A process locks a block of ports for its life, below the range from which
the kernel takes those of outgoing connections; so neither pytest-xdist's
workers nor two test runs on one machine get in each other's way."""

import fcntl
import os
import tempfile

from rabbitmq_node import port_is_free

FIRST = 10000
LAST = 32000
BLOCK = 200

_lock = None
_ports = None


def _claim():
    folder = os.path.join(tempfile.gettempdir(), "ess-ports-%d" % os.getuid())
    os.makedirs(folder, exist_ok=True)

    for first in range(FIRST, LAST, BLOCK):
        lock = open(os.path.join(folder, str(first)), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        return lock, first

    raise RuntimeError("all blocks of ports are taken; see %s" % folder)


def _cycle(first):
    while True:
        yield from range(first, first + BLOCK)


def free_port():
    """A port nobody listens on, and that this process will not name again
    soon."""

    global _lock, _ports

    if _ports is None:
        _lock, first = _claim()
        _ports = _cycle(first)

    for _ in range(BLOCK):
        port = next(_ports)
        if port_is_free(port, "0.0.0.0"):
            return port

    raise RuntimeError("no free port")
