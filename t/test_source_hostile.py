"""A broker that breaks the protocol in each state of a connection: no crash,
few lines in the log, and all is well when it behaves again."""

import random
import time

import hostile_broker
from api import Api
from hostile_broker import (Attack, HostileBroker, blocked, close, method,
                            unblocked)
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


def sessions(broker):
    """Until both workers have theirs."""

    wait_for(lambda: len({c for c, _ in list(broker.consumers)}) == 2,
             what="two sessions")


def test_alarms_in_turns(nginx):
    """A line a second at most, and the last word is said."""

    broker = HostileBroker()
    n = nginx(CONF, workers=2, amqp=broker.url)
    sessions(broker)
    begun = time.monotonic()

    def told():
        lines = [line for line in n.log().splitlines()
                 if "those who publish" in line]
        assert len(lines) <= 2 * (time.monotonic() - begun + 2)
        return ["go on" not in line for line in lines[-2:]]

    for last, word in ((blocked("low"), [True] * 2), (b"", [False] * 2)):
        assert broker.say((blocked("low") + unblocked()) * 2000 + last) == 2
        wait_for(lambda: told() == word, what="the last word")
    assert n.log().count('"low"') >= 2
    broker.close()


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
    assert len(lines(n, "warn")) <= len(script)
    broker.close()


PUBLISH = CONF.replace("location /event-stream/ { ess_api; }", """
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }""")


def publishes(n):
    """The status of a POST to ess_publish."""

    return Api(n.port(1)).request("POST", "/publish/abc", "x").status


MANY = 100000


def test_channel_is_closed_before_it_confirms(nginx):
    """What is asked for again by itself is not asked for twice."""

    broker = HostileBroker()
    broker.answer("confirm-select", lambda c, right: close(
        541, "later", (20, 40), c), 1)
    n = nginx(PUBLISH, workers=2, amqp=broker.url)
    wait_for(lambda: Api(n.port(1)).try_create("abc"), 20)
    wait_for(lambda: publishes(n) == 202)
    assert not broker.instead["confirm-select"]
    for i in range(100):
        assert publishes(n) in (202, 503)
    wait_for(lambda: publishes(n) == 202)
    broker.close()


def test_confirms_are_refused(nginx):
    """Asked for again with a pause, however often."""

    broker = HostileBroker()
    broker.answer("confirm-select", lambda c, right: close(
        540, "never", (20, 40), c, (85, 10)), MANY)
    n = nginx(PUBLISH, workers=2, amqp=broker.url)
    wait_for(lambda: Api(n.port(1)).try_create("abc"), 20)
    begun = time.monotonic()
    assert publishes(n) == 503
    asked = MANY - len(broker.instead["confirm-select"])
    assert 1 < asked < 10 + 4 * (time.monotonic() - begun)
    n.wait_log(r"\[error\].*broker refused to confirm: 540 .never")
    broker.answer("confirm-select", None, 0)
    wait_for(lambda: publishes(n) == 202)
    broker.close()


def test_consumers_are_canceled_at_once(nginx):
    """Each slot's is started once a second, and its loss logged once."""

    broker = HostileBroker()
    broker.answer("consume", lambda c, right: right + method(
        c, (60, 30), right[11:-1] + b"\1"), MANY)
    begun = time.monotonic()
    n = nginx(CONF, workers=2, amqp=broker.url)

    def asked():
        return MANY - len(broker.instead["consume"])

    wait_for(lambda: asked() >= 3 * 16, 20, "three times")
    assert asked() <= 16 * (2 + time.monotonic() - begun)
    assert len(lines(n, "warn")) <= 16
    broker.answer("consume", None, 0)
    wait_for(lambda: Api(n.port(1)).try_create("abc"), 20)
    wait_for(lambda: broker.deliver("abc", b"1"), 20, "a consumer")
    broker.close()


def test_channels_are_closed_at_once_for_ever(nginx):
    broker = HostileBroker()
    broker.answer("channel-open", lambda c, right: right + close(
        541, "never", (20, 40), c), MANY)
    n = nginx(CONF, workers=2, amqp=broker.url)
    wait_for(lambda: broker.accepted >= 8, 20, "further connections")
    # of two channels, each as often as that is borne
    assert MANY - len(broker.instead["channel-open"]) < 50 * broker.accepted
    assert len(lines(n, "error")) <= 10
    broker.answer("channel-open", None, 0)
    wait_for(lambda: Api(n.port(1)).try_create("abc"), 20)
    broker.close()


def test_channel_is_closed_twice(nginx):
    """What is late of a channel that the broker closed is not taken for the
    new one's: a second close-ok would close that."""

    broker = HostileBroker()
    n = nginx(CONF, workers=2, amqp=broker.url)
    n.expect(r"\[error\].*it closed a channel")
    sessions(broker)
    stream = wait_for(lambda: Api(n.port(1)).try_create("abc"), 20)
    with EventSource(stream.location.replace("ws://", "http://")) as source:
        closed = 0
        for i in range(1, 3):
            wait_for(lambda: broker.deliver("abc", b"%d" % i), 20,
                     "a consumer")
            source.wait(i)
            closed += broker.close_channels()
            wait_for(lambda: len(broker.close_oks) >= closed)
        wait_for(lambda: broker.deliver("abc", b"3"), 20, "a consumer")
        source.wait(3)
        assert source.data == ["1", "2", "3"]
    assert len(broker.close_oks) == closed
    assert broker.accepted == 2
    assert "nobody asked" not in n.log()
    broker.close()


def test_channels_are_closed_at_once(nginx):
    """Both ends close a channel: each answers the other once."""

    broker = HostileBroker()
    n = nginx(CONF, workers=2, amqp=broker.url)
    sessions(broker)
    wait_for(lambda: Api(n.port(1)).try_create("abc"), 20)
    wait_for(lambda: broker.deliver("abc", b"1"), 20, "a consumer")
    broker.crossing = True
    n.reload()
    wait_for(lambda: broker.ended == 2, what="the old workers to go")
    assert 0 < len(set(broker.close_oks)) == len(broker.close_oks)
    broker.close()
