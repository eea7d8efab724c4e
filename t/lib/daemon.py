"""Runs a command that makes itself a daemon, and lasts until all that comes
of it is gone.  SIGTERM is passed on to all of it; SIGUSR1 kills it."""

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36

wanted = 0


def children():
    with open("/proc/self/task/%d/children" % os.getpid()) as f:
        return map(int, f.read().split())


def end(sig=None, frame=None):
    global wanted

    if sig:
        wanted = signal.SIGKILL if sig == signal.SIGUSR1 else signal.SIGTERM
    for pid in children() if wanted else ():
        try:
            os.kill(pid, wanted)
        except ProcessLookupError:
            pass


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGUSR1, end)

    code = subprocess.call(sys.argv[1:])
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return code
        # those whose parent that was are ours now
        end()


if __name__ == "__main__":
    sys.exit(main())
