"""What a test build is told to do wrong: numbers in files that all of its
processes share."""

import mmap
import struct


class Number:
    def __init__(self, path):
        with open(path, "w+b") as f:
            f.write(b"\0" * 8)
            f.flush()
            self.map = mmap.mmap(f.fileno(), 8)

    def set(self, n):
        self.map[:] = struct.pack("q", n)

    def get(self):
        return struct.unpack("q", self.map[:])[0]


class Fault(Number):
    """That in ESS_FAULT_FILE's file: of writes to the zone, of all workers,
    until the one at which a worker kills itself; 0: none."""


class Hunger(Number):
    """That in ESS_FAULT_ALLOC's file: of so many allocations one fails, 0:
    none."""
