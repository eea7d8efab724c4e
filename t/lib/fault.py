"""A test build's workers, which die at a chosen write to the zone."""

import mmap
import struct


class Fault:
    """The number in ESS_FAULT_FILE's file: of writes, of all workers, until the
    one at which a worker kills itself; 0: none."""

    def __init__(self, path):
        with open(path, "w+b") as f:
            f.write(b"\0" * 8)
            f.flush()
            self.map = mmap.mmap(f.fileno(), 8)

    def set(self, n):
        self.map[:] = struct.pack("q", n)

    def get(self):
        return struct.unpack("q", self.map[:])[0]
