"""Waiting for a condition, never for a time."""

import os
import time

# everything is slower under a sanitizer, and much slower under valgrind
SLOWER = (10 if os.environ.get("ESS_VALGRIND")
          else 3 if os.environ.get("ESS_SANITIZE") else 1)


class Timeout(AssertionError):
    pass


def wait_for(condition, timeout=10, what=None, interval=0.01):
    """Polls condition() until it is true, and returns what it returned.
    `timeout' is in seconds of an ordinary build."""

    end = time.monotonic() + timeout * SLOWER

    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout("waited %g s for %s; last seen: %r" % (
                timeout * SLOWER,
                what or getattr(condition, "__doc__", None)
                or getattr(condition, "__name__", "a condition"), value))
        time.sleep(interval)
