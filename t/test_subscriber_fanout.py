"""Many publishers, streams, clients and workers at once."""

import collections
import threading

import pytest

from api import Api
from clients import Clients
from wait import wait_for

CONF = """
http {
    ess_zone        streams 64m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    # a thousand clients are one busy process here, which may answer late
    ess_ping        0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ {
            ess_subscribe;
            add_header X-Worker $pid always;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

STREAMS = 50
CLIENTS = 20
EVENTS = 20000
PUBLISHERS = 3

SAME = "same"


def plan():
    """[publisher][stream]: what it publishes there, in this order; and
    [publisher]: the streams in the order in which it publishes."""

    bodies = [[[] for _ in range(STREAMS)] for _ in range(PUBLISHERS)]
    order = [[] for _ in range(PUBLISHERS)]
    for i in range(EVENTS):
        publisher = i % PUBLISHERS
        # each pair of a numbered one and an identical one goes to a stream
        pair, second = divmod(i // PUBLISHERS, 2)
        stream = pair % STREAMS
        bodies[publisher][stream].append(
            SAME if second else "%d:%d" % (publisher, pair))
        order[publisher].append(stream)
    return bodies, order


def wrong(got, sequences):
    """Why `got' is no merge of the sequences, each in its order, each event
    once; None when it is one.

    Whose an identical one is cannot be seen.  Of the publishers whose turn it
    may have been, it is taken for that one's whose next numbered event comes
    first in `got': if there is any way to merge, that is one."""

    position = {body: i for i, body in enumerate(got) if body != SAME}
    at = [0] * len(sequences)

    def urgency(p):
        later = [b for b in sequences[p][at[p]:at[p] + 2] if b != SAME]
        return position.get(later[0], -1) if later else len(got)

    for i, body in enumerate(got):
        able = [p for p, s in enumerate(sequences)
                if at[p] < len(s) and s[at[p]] == body]
        if not able:
            return "%r at %d is nobody's turn (%s)" % (body, i, at)
        at[min(able, key=urgency)] += 1

    missing = sum(map(len, sequences)) - sum(at)
    return "%d are missing" % missing if missing else None


def test_the_check_is_exact():
    sequences = [["0:0", SAME, "0:1", SAME], ["1:0", SAME]]
    for got in (["0:0", SAME, "0:1", SAME, "1:0", SAME],
                ["0:0", "1:0", SAME, SAME, "0:1", SAME],
                ["1:0", "0:0", SAME, "0:1", SAME, SAME]):
        assert wrong(got, sequences) is None
    for got in (["0:0", "0:1", SAME, SAME, "1:0", SAME],    # too late
                ["0:0", SAME, SAME, "0:1", "1:0", SAME],    # too early
                ["0:0", SAME, "0:1", SAME, "1:0"],          # lost
                ["0:0", SAME, "0:1", SAME, "1:0", SAME, SAME],
                ["0:0", SAME, "0:0", "0:1", SAME, "1:0", SAME],
                ["0:1", SAME, "0:0", SAME, "1:0", SAME]):
        assert wrong(got, sequences)


class Publishers:

    def __init__(self, vhost, keys, bodies, order):
        self.errors = []
        self.threads = [threading.Thread(target=self._run, daemon=True, args=(
            vhost, keys, bodies[p], order[p])) for p in range(len(order))]
        for thread in self.threads:
            thread.start()

    def _run(self, vhost, keys, bodies, order):
        try:
            left = [collections.deque(b) for b in bodies]
            with vhost.connect() as connection:
                channel = connection.channel()
                for stream in order:
                    channel.basic_publish("event-streams", keys[stream],
                                          left[stream].popleft())
                channel.close()
        except Exception as e:
            self.errors.append(e)

    def join(self):
        wait_for(lambda: not any(t.is_alive() for t in self.threads), 60,
                 "the publishers")
        assert self.errors == []


@pytest.mark.seconds(180)
def test_every_client_gets_exactly_its_streams_events(nginx, vhost):
    n = nginx(CONF, workers=4, amqp=vhost.url)
    api = Api(n.port(1))
    keys = ["stream-%d" % i for i in range(STREAMS)]
    streams = [api.create(key) for key in keys]
    bodies, order = plan()
    assert sum(len(b) for p in bodies for b in p) == EVENTS
    assert sum(b.count(SAME) for p in bodies for b in p) == EVENTS // 2 - 1

    # the library alternates from one client to the next
    urls = [s.location for s in streams for _ in range(CLIENTS)]
    with Clients(urls, library="both") as clients:
        assert ({int(c.response["X-Worker"]) for c in clients}
                == set(n.workers()))
        Publishers(vhost, keys, bodies, order).join()

        expected = [sum(len(bodies[p][s]) for p in range(PUBLISHERS))
                    for s in range(STREAMS)]
        wait_for(lambda: all(len(c.messages) >= expected[i // CLIENTS]
                             for i, c in enumerate(clients)), 90,
                 "all events")
        # the last one on each stream, after which nothing may come twice
        for key in keys:
            vhost.publish(key, "end")
        try:
            wait_for(lambda: all(c.messages[-1] == "end" for c in clients),
                     30, "the end")
        except AssertionError:
            assert [(i, c.library, c.response["X-Worker"], len(c.messages),
                     c.messages[-2:], c.close_code, c.error)
                    for i, c in enumerate(clients)
                    if c.messages[-1] != "end"] == []

        for s in range(STREAMS):
            mine = clients[s * CLIENTS:(s + 1) * CLIENTS]
            assert {c.library for c in mine} == {"websockets", "aiohttp"}
            got = mine[0].messages
            assert wrong(got[:-1], [bodies[p][s] for p in range(PUBLISHERS)]
                         ) is None
            # a stream has one order, whoever looks at it
            assert all(c.messages == got for c in mine)
            assert api.get(streams[s])["last_ordinal"] == len(got)
