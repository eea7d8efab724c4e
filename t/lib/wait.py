"""Waiting for a condition, never for a time."""

import os
import signal
import time

# everything is slower under a sanitizer, and much slower under valgrind
SLOWER = (10 if os.environ.get("ESS_VALGRIND")
          else 3 if os.environ.get("ESS_SANITIZE") else 1)


def slower():
    """By what a limit in seconds is multiplied: there may be others on this
    machine, who are not what is tested."""

    return SLOWER * max(1, os.getloadavg()[0] / (os.cpu_count() or 1))


class Timeout(AssertionError):
    pass


def wait_for(condition, timeout=10, what=None, interval=0.01):
    """Polls condition() until it is true, and returns what it returned.
    `timeout' is in seconds of an ordinary build on an idle machine."""

    begin = time.monotonic()

    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - begin
        if waited > timeout * slower():
            raise Timeout("waited %g s for %s; last seen: %r" % (
                waited,
                what or getattr(condition, "__doc__", None)
                or getattr(condition, "__name__", "a condition"), value))
        time.sleep(interval)


def freeze(pid):
    """Stops a process until SIGCONT.  None of its threads runs any more when
    this returns: the signal alone does not say so."""

    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: all(_state(pid, task) == "T"
                         for task in os.listdir("/proc/%d/task" % pid)),
             what="process %d to stop" % pid)


def _state(pid, task):
    with open("/proc/%d/task/%s/stat" % (pid, task)) as f:
        return f.read().rpartition(")")[2].split()[0]
