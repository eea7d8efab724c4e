"""A network namespace: clients in it are on another machine, which can vanish
without a word.

    with Namespace() as there:
        with there.inside():
            source = EventSource(url.replace("127.0.0.1", there.server))
        there.cut()

What is connected within inside() stays there.  cut() loses all packets of both
directions, mend() none any more."""

import contextlib
import ctypes
import os
import subprocess

import pytest

CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def _ip(*args):
    subprocess.run(["ip", *args], check=True, capture_output=True)


class Namespace:

    def __init__(self):
        number = os.getpid() % 16384
        self.name = "ess%d" % os.getpid()
        net = "198.18.%d.%%d" % (number // 64)
        self.server = net % (number % 64 * 4 + 1)
        self.client = net % (number % 64 * 4 + 2)

    def __enter__(self):
        """Skips the test where there are no namespaces."""

        try:
            _ip("netns", "add", self.name)
        except OSError:
            pytest.skip("there is no ip(8)")
        except subprocess.CalledProcessError as e:
            pytest.skip("no network namespace: %s" % e.stderr.decode())
        try:
            _ip("link", "add", self.name + "a", "type", "veth",
                "peer", "name", self.name + "b", "netns", self.name)
            _ip("address", "add", self.server + "/30", "dev", self.name + "a")
            _ip("link", "set", self.name + "a", "up")
            self._there("address", "add", self.client + "/30")
            self.mend()
        except BaseException:
            _ip("netns", "delete", self.name)
            raise
        return self

    def __exit__(self, *args):
        # at once; with the namespace alone it would be some time later
        _ip("link", "delete", self.name + "a")
        _ip("netns", "delete", self.name)

    def _there(self, what, verb, *args):
        _ip("-netns", self.name, what, verb, *args, "dev", self.name + "b")

    def cut(self):
        _ip("-netns", self.name, "link", "set", self.name + "b", "down")

    def mend(self):
        _ip("-netns", self.name, "link", "set", self.name + "b", "up")

    @contextlib.contextmanager
    def inside(self):
        """This thread's new sockets are there."""

        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open("/run/netns/" + self.name, os.O_RDONLY)
        try:
            self._enter(there)
            try:
                yield
            finally:
                self._enter(here)
        finally:
            os.close(here)
            os.close(there)

    @staticmethod
    def _enter(fd):
        if _libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns() failed")
