"""Clients of HTTP/2 that do what a server does not wish for: they stop
reading, close their windows, reset streams, read on, vanish; and a look at
whether any of them got a byte of what was another one's."""

import json
import random
import re

from h2 import INITIAL_WINDOW_SIZE, Http2, wait_all

# what becomes of a connection: its arguments, bytes that it reads in a turn
# (None: all), whether it reads before the last turn, and how it ends
KINDS = {
    "ruly": ({}, None, True),
    "late": ({"rcvbuf": 2048, "window": 10 ** 6}, None, False),
    "slow": ({"rcvbuf": 2048, "window": 10 ** 6}, 3000, True),
    "shut": ({"window": 0}, None, True),
    "tight": ({"rcvbuf": 2048, "window": 5000, "refill": False}, None, True),
    "gone": ({"rcvbuf": 2048, "window": 10 ** 6}, None, False),
}


def body(key, number, size):
    return "%s %d %s" % (key, number, key * size)


def check(key, get):
    """All of it is the key's, each event follows the one before it or what is
    said to be gone, and of the last one there may be a part."""

    last = None
    for event in get.data:
        if event.startswith("{"):
            last = json.loads(event)["to"] - 1
            continue
        m = re.fullmatch(r"(\w) (\d+) (\w*)", event)
        assert m and m.group(1) == key, event[:80]
        assert not m.group(3).strip(key), "%s: foreign bytes" % key
        assert last in (None, int(m.group(2)) - 1), (last, m.group(2))
        last = int(m.group(2))

    part = bytes(get.body).rpartition(b"\n\n")[2]
    part = part.partition(b"\ndata:")[2].lstrip(b" ")
    assert re.fullmatch(rb"(%b( (\d+( %b*)?)?)?)?" % ((key.encode(),) * 2),
                        part), (key, part[:80])


class Unruly:
    """`publish' takes a key and a list of events; `paths' are by key those of
    the streams, `others' those of other responses that may be long.

    streams, resets, events, bytes    how many there were of each"""

    def __init__(self, port, publish, paths, others=(), seed=1):
        self.port = port
        self.publish = publish
        self.paths = paths
        self.others = list(others)
        self.random = random.Random(seed)
        self.numbers = dict.fromkeys(paths, 0)
        self.streams = self.resets = self.events = self.bytes = 0

    def round(self, requests, turns=12):
        """A connection of each kind, with so many requests each."""

        self.gets = []              # key, None: another response; Stream
        self.left = set()           # of these, where no more is expected
        self.connections = {kind: Http2(self.port, **args)
                            for kind, (args, _, _) in KINDS.items()}
        try:
            for kind in KINDS:
                self._open(kind, requests)
            for turn in range(turns):
                self._turn()
                if turn % 3 == 2:
                    self._fickle(self.random.choice(["late", "slow"]),
                                 requests)
            self._last_turn()
        finally:
            for c in self.connections.values():
                c.close()
        for key, get in self.gets:
            self._check(key, get)

    def _open(self, kind, requests):
        """Of streams that no other kind's connections have, and of others."""

        connection = self.connections[kind]
        keys = list(self.paths)
        keys += keys[list(KINDS).index(kind)::len(KINDS)] * len(keys)
        first = len(self.gets)
        for i in range(requests):
            key = self.random.choice(keys)
            path = self.paths[key] + self.random.choice(
                ["", "", "?stream_from_ordinal=0"])
            if self.others and i % 10 == 0:
                key, path = None, self.random.choice(self.others)
            self.gets.append((key, connection.get(path)))
        self.streams += requests
        gets = [get for _, get in self.gets[first:]]
        connection.wait(lambda: all(get.status for get in gets))
        assert {get.status for get in gets} == {200}

    def _turn(self):
        self._publish(self.random.choice(list(self.paths)),
                      self.random.randrange(1, 6))
        for kind, c in self.connections.items():
            _, most, reads = KINDS[kind]
            if reads:
                c.read(most)
            if kind == "shut" and self.random.random() < 0.1:
                c.settings({INITIAL_WINDOW_SIZE: self.random.choice(
                    [0, 1, 1000, 100000])})
        for _, get in self.random.sample(self.gets, len(self.gets) // 20):
            self._reset(get)

    def _fickle(self, kind, requests):
        """It changes its mind about all requests, among them the one that the
        server is amid of, and reads on when other events have come."""

        for get in list(self.connections[kind].streams.values()):
            self._reset(get)
        for key in self.paths:
            self._publish(key, 5, [20000])
        self._open(kind, requests)

    def _reset(self, get):
        if not get.over and get not in self.left:
            get.reset()
            self.left.add(get)
            self.resets += 1

    def _publish(self, key, n, sizes=(10, 1000, 8000, 20000, 20000)):
        first = self.numbers[key]
        self.numbers[key] += n
        self.publish(key, [body(key, first + i, self.random.choice(sizes))
                           for i in range(n)])

    def _last_turn(self):
        """All that did not vanish read on, to an event that all get."""

        for key in self.paths:
            self._publish(key, 1, [10])
        self.connections["gone"].abort()
        for kind in "shut", "tight":
            self.connections[kind].refill = True
            self.connections[kind].settings({INITIAL_WINDOW_SIZE: 10 ** 7})
        wait_all(self.connections.values(),
                 lambda: all(self._complete(key, get)
                             for key, get in self.gets), 60, "all events")

    def _complete(self, key, get):
        if get.over or get in self.left or get.connection.closed:
            return True
        # behind it there may be comments
        return key is not None and get.body[-100:].find(
            (body(key, self.numbers[key] - 1, 10) + "\n").encode()) >= 0

    def _check(self, key, get):
        self.bytes += len(get.body)
        if key is not None:
            check(key, get)
            self.events += len(get.data)
