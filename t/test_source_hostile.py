"""A broker that breaks the protocol in each state of a connection: no crash,
few lines in the log, and all is well when it behaves again."""

import random

import hostile_broker
from api import Api
from hostile_broker import Attack, HostileBroker
from sse import EventSource
from test_source_refused import CONF, lines
from wait import wait_for

SEED = 1

# the backoff is waited for in parallel
WORKERS = 8


def attacks():
    """Each kind in two of the states; each sixth comes byte by byte."""

    r = random.Random(SEED)
    kinds = hostile_broker.everywhere()
    states = hostile_broker.STATES
    chosen = [(states[i % len(states)], kind)
              for i, kind in enumerate(kinds * 2)]
    r.shuffle(chosen)
    return [Attack(state, kind, i % 2 == 1, i % 6 == 0)
            for i, (state, kind) in enumerate(chosen)]


def test_protocol_is_broken_in_each_state(nginx):
    broker = HostileBroker()
    script = attacks()
    broker.script(script)
    n = nginx(CONF, workers=WORKERS, amqp=broker.url)
    api = Api(n.port(1))
    wait_for(lambda: not broker.attacks, 60, "all attacks")
    stream = wait_for(lambda: api.try_create("abc"), 20, "a stream")
    with EventSource(stream.location.replace("ws://", "http://")) as source:
        # nothing is kept for a consumer that is not there yet
        wait_for(lambda: broker.deliver("abc", b"well again"), 20,
                 "a consumer")
        source.wait(1)
        assert source.data == ["well again"]
    # one connection an attack, and one a worker at last
    assert broker.accepted <= len(script) + WORKERS
    assert len(lines(n, "error")) <= 2 * len(script)
    broker.close()
