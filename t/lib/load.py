"""The programs of the bench, and what processes cost.

Load is many clients in one process, publisher() one that publishes; both are
built by "make bench" and "make test-long"."""

import json
import os
import subprocess
import time

from wait import SLOWER

PROGRAMS = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(
        __file__)))), "build", "bench")


def cpu(pids):
    """Seconds that they ran."""

    total = 0
    for pid in pids:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                total += int(f.read().split()[0])
    return total / 1e9


def pss(pids):
    """Bytes."""

    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def settle(pids):
    """Until they do nothing: what begins is not to be paid for later."""

    before = cpu(pids)
    for _ in range(100 * SLOWER):
        time.sleep(0.1)
        after = cpu(pids)
        if after - before < 0.002:
            return
        before = after


def _start(program, *args, **options):
    command = [os.path.join(PROGRAMS, program), *args]
    for name, value in options.items():
        command += ["--" + name, str(value)]
    return subprocess.Popen(command, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


class Load:
    """clients.c: n clients, spread over urls, which are (port, path) or
    (port, path, destination).  All are connected when connected() returns,
    with wait=True when the constructor does."""

    def __init__(self, folder, urls, n, wait=True, **options):
        path = os.path.join(str(folder), "urls")
        with open(path, "w") as f:
            for url in urls:
                f.write(" ".join(map(str, url)) + "\n")
        self.process = _start("clients", urls=path, clients=n, **options)
        if wait:
            self.connected()

    def connected(self):
        line = self.process.stdout.readline().split()
        if not line or line[0] != "ready":
            raise RuntimeError("the clients were not connected")
        self.seconds = float(line[1])

    def result(self):
        """When each has what it expects, or after its time.  They stay
        connected."""

        return json.loads(self.process.stdout.readline())

    def stop(self):
        """Ends them at once, or after their result."""

        self.process.terminate()
        self.process.communicate()


def consumer(**options):
    """consume.c: what it reports, at its end."""

    p = _start("consume", **options)
    return json.loads(p.communicate()[0])


def publisher(kind, **options):
    """publish.c: the process; its exit is the end of the publishing."""

    return _start("publish", kind, **options)
