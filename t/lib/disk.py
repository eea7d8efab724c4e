"""A disk that is full."""

import errno


def fill(path):
    with open(path, "wb", buffering=0) as f:
        for size in 65536, 1:
            try:
                while True:
                    f.write(b"x" * size)
            except OSError as e:
                assert e.errno == errno.ENOSPC
