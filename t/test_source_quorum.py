"""Slot queues that are quorum queues, on one node: what is declared, and that
nothing is lost or doubled when workers leave, die or change the queues."""

import contextlib
import re
import signal
import socket
import subprocess

import pika
import pytest

from api import Api
from broker import OwnBroker
from clients import Clients
from publisher import Publisher, gaps, numbers
from relay import Relay
from sse import EventSource
from wait import Timeout, freeze, slower, wait_for

CONF = """
worker_shutdown_timeout 20s;

http {
    ess_zone streams 64m;
    ess_store %%DIR%%/streams.db;
    ess_amqp %%AMQP%% queues=quorum;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=16m count=1000000 age=1h;
    ess_node test;
    ess_drain 200ms;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location = /health { ess_health; }
        location /publish/ { ess_publish; }
        location = /metrics { ess_metrics; }
    }
}
"""

CLASSIC = CONF.replace("queues=quorum", "queues=classic")
KEYS = ["key-%d" % i for i in range(8)]

QUORUM_NAMES = {"ess.test.q%d" % i for i in range(16)}
CLASSIC_NAMES = {"ess.test.%d" % i for i in range(16)}

# a quorum queue delivers them again in another order, beside one of its own
PLAIN = pika.BasicProperties(delivery_mode=2)
HEADERS = pika.BasicProperties(delivery_mode=2, content_type="text/plain",
                               headers={"z": 1, "a": "b"})


def healthy(api):
    return api.request("GET", "/health").status == 200


def start(nginx, vhost, conf=CONF, workers=3):
    n = nginx(conf, workers=workers, amqp=vhost.url)
    api = Api(n.port(1))
    wait_for(lambda: healthy(api), 20, "a slot's queue")
    return n, api, {key: api.create(key) for key in KEYS}


def figure(api, name):
    return api.request("GET", "/metrics?format=json").json()[name]


def ordinals(api, streams):
    return {key: api.get(s)["last_ordinal"] for key, s in streams.items()}


def arrived(api, streams, published, timeout=30):
    """Each event is in its log once, and no more come."""

    wait_for(lambda: sum(ordinals(api, streams).values())
             >= sum(published.values()), timeout, "all events to arrive")
    assert ordinals(api, streams) == published


def test_queues(nginx, vhost):
    overview = vhost.management.request("GET", "overview")
    version = int(overview["rabbitmq_version"].partition(".")[0])
    n, api, streams = start(nginx, vhost)
    queues = wait_for(lambda: len(vhost.queues()) == 16 and vhost.queues())
    assert set(queues) == QUORUM_NAMES
    arguments = {"x-queue-type": "quorum", "x-single-active-consumer": True,
                 "x-expires": 3600000, "x-max-length-bytes": 64 << 20}
    if version >= 4:
        arguments["x-delivery-limit"] = -1
    for q in queues.values():
        assert (q["type"], q["durable"]) == ("quorum", True)
        assert q["arguments"] == arguments
    assert {k for _, k in vhost.bindings()} == set(KEYS)
    with EventSource(streams["key-0"].http) as source:
        api.publish("key-0", ["hello"])
        assert [e.data for e in source.wait(1)] == ["hello"]
    assert not [line for line in n.log().splitlines() if "[warn]" in line]


def recognised(api):
    return figure(api, "redelivered_events_total")["recognised"]


@pytest.mark.parametrize("properties", [PLAIN, HEADERS])
def test_what_comes_again_is_recognised(nginx, vhost, properties):
    """Whatever the queue adds to it, and also the second time."""

    relay = Relay(vhost)
    n, api, streams = start(nginx, relay)
    n.expect(r"\[error\]")
    relay.lose_acks = True
    for key in KEYS:
        vhost.publish(key, map(str, range(40)), properties=properties)
    published = dict.fromkeys(KEYS, 40)
    arrived(api, streams, published)

    for turn in range(1, 4):
        relay.lose_acks = turn < 3
        relay.cut()
        relay.mend()
        wait_for(lambda: recognised(api) == turn * 40 * len(KEYS), 20,
                 "all of them")
    wait_for(lambda: healthy(api))
    arrived(api, streams, published)


def test_workers_killed(nginx, vhost):
    n, api, streams = start(nginx, vhost, workers=4)
    with Publisher(vhost, KEYS, properties=HEADERS) as publisher:
        for _ in range(20):
            n.kill_worker()
        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 2000)
        published = publisher.stop()
        arrived(api, streams, published)


def test_reload_between_twins(nginx, vhost):
    """Two equal events in a row are two, and none comes twice."""

    n, api, streams = start(nginx, vhost)
    with Publisher(vhost, KEYS, rate=5000, twins=True) as publisher:
        for workers in 4, 2, 3:
            at = publisher.total()
            wait_for(lambda: publisher.total() > at + 2000)
            n.write_conf(CONF, workers=workers)
            n.reload()
        published = publisher.stop()
        arrived(api, streams, published)


def changed(vhost, bound):
    """Whether keys are bound to queues of one kind only, and a classic queue
    that was left is gone."""

    return ({q for q, _ in vhost.bindings()} <= bound
            and (bound != QUORUM_NAMES
                 or set(vhost.queues()) & CLASSIC_NAMES == set()))


def emptied(n, offset, names):
    """Whether since that place in the log each slot has turned to its queue
    of these."""

    return names <= set(re.findall(r'is empty, queue "(\S+)" is consumed now',
                                   n.log(offset)))


def turn(n, vhost, offset, names, timeout=20):
    """Waits until emptied(); then all is as changed() says."""

    wait_for(lambda: emptied(n, offset, names), timeout)
    assert changed(vhost, names)


def whole(streams, published):
    """Each log has all events, once each, in order."""

    with Clients([s.location + "?stream_from_ordinal=0"
                  for s in streams.values()]) as clients:
        for c, key in zip(clients, KEYS):
            wait_for(lambda: len(c.messages) >= published[key])
            assert numbers(c)[0] == 1
        assert not gaps(clients)


def test_other_queues_at_a_reload(nginx, vhost):
    """From classic queues to quorum queues, back, and again, while events
    flow: each is in its log once, in order."""

    n, api, streams = start(nginx, vhost, conf=CLASSIC)
    with Publisher(vhost, KEYS, rate=3000, properties=HEADERS) as publisher:
        for conf, bound in ((CONF, QUORUM_NAMES), (CLASSIC, CLASSIC_NAMES),
                            (CONF, QUORUM_NAMES)):
            at = publisher.total()
            wait_for(lambda: publisher.total() > at + 1000)
            offset = n.log_size()
            n.write_conf(conf)
            n.reload()
            with Clients([s.location for s in streams.values()]) as clients:
                turn(n, vhost, offset, bound)
                clients.wait(10)
                assert not gaps(clients)
        published = publisher.stop()
        arrived(api, streams, published)
    whole(streams, published)
    assert healthy(api)


@pytest.mark.parametrize("before,after,bound", [
    pytest.param(CLASSIC, CONF, QUORUM_NAMES, id="quorum"),
    pytest.param(CONF, CLASSIC, CLASSIC_NAMES, id="classic")])
def test_other_queues_while_a_worker_is_slow_to_leave(nginx, vhost, before,
                                                      after, bound):
    """What it has not appended comes first: no key is bound to other queues
    until it has left its own."""

    n, api, streams = start(nginx, vhost, conf=before, workers=1)
    with Publisher(vhost, KEYS, rate=1000, properties=HEADERS) as publisher:
        wait_for(lambda: publisher.total() > 1000)
        offset = n.log_size()
        worker, = n.workers()
        freeze(worker)
        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 100)
        n.write_conf(after)
        n.send_signal(signal.SIGHUP)
        n.wait_log("is still consumed by others", offset=offset)
        assert not {q for q, _ in vhost.bindings()} & bound
        n.send_signal(signal.SIGCONT, worker)
        turn(n, vhost, offset, bound)
        published = publisher.stop()
        arrived(api, streams, published)
    whole(streams, published)


def test_other_queues_while_one_worker_of_two_is_slow_to_leave(nginx, vhost):
    """The slots of the other one turn to their new queues meanwhile."""

    n, api, streams = start(nginx, vhost, conf=CLASSIC, workers=2)
    slots = {key: int(q.rpartition(".")[2]) for q, key in vhost.bindings()}
    # the first worker's, and the second's
    first, second = ({key for key in KEYS if slots[key] % 2 == i}
                     for i in range(2))
    assert first and second
    with Publisher(vhost, KEYS, rate=1000, properties=HEADERS) as publisher:
        wait_for(lambda: publisher.total() > 1000)
        offset = n.log_size()
        worker = n.workers()[0]
        freeze(worker)
        n.write_conf(CONF, workers=1)
        n.send_signal(signal.SIGHUP)
        n.wait_log("is still consumed by others", offset=offset)
        wait_for(lambda: emptied(n, offset, {
            "ess.test.q%d" % i for i in range(1, 16, 2)}), 20)
        assert set(vhost.bindings()) == {
            ("ess.test.%d" % slots[key], key) for key in first} | {
            ("ess.test.q%d" % slots[key], key) for key in second}
        before = ordinals(api, streams)
        wait_for(lambda: all(ordinals(api, streams)[key] > before[key]
                             for key in second), 20, "events of their streams")
        n.send_signal(signal.SIGCONT, worker)
        turn(n, vhost, offset, QUORUM_NAMES)
        published = publisher.stop()
        arrived(api, streams, published)
    whole(streams, published)


def complete(api, streams, published):
    """Each log has all events, some perhaps twice."""

    wait_for(lambda: all(ordinals(api, streams)[key] >= published[key]
                         for key in KEYS), 20, "all events")
    with Clients([s.location + "?stream_from_ordinal=0"
                  for s in streams.values()]) as clients:
        for c, key in zip(clients, KEYS):
            wait_for(lambda: c.messages and numbers(c)[-1] == published[key],
                     20, "the last event")
            assert set(numbers(c)) == set(range(1, published[key] + 1))


def test_other_queues_changed_back_too_soon(nginx, vhost):
    """A worker that unbinds keys from queues that are the next ones' own, and
    is slow to leave, takes no key from both."""

    relay = Relay(vhost)
    n, api, streams = start(nginx, relay, conf=CLASSIC, workers=1)
    with Publisher(vhost, KEYS, rate=500, properties=HEADERS) as publisher:
        wait_for(lambda: publisher.total() > 500)
        relay.hold_unbinds = 1
        n.write_conf(CONF)
        n.reload()
        wait_for(lambda: {q for q, _ in vhost.bindings()} & QUORUM_NAMES, 20)
        offset = n.log_size()
        worker, = n.workers()
        freeze(worker)
        n.write_conf(CLASSIC)
        n.send_signal(signal.SIGHUP)
        n.wait_log("is still consumed by others", offset=offset)
        assert {key for _, key in vhost.bindings()} == set(KEYS)
        n.send_signal(signal.SIGCONT, worker)
        wait_for(lambda: emptied(n, offset, CLASSIC_NAMES), 60)
        relay.hold_unbinds = 0
        assert {key for _, key in vhost.bindings()} == set(KEYS)
        assert changed(vhost, CLASSIC_NAMES)
        published = publisher.stop()
    complete(api, streams, published)


def test_other_queues_without_a_leader(nginx, vhost):
    """RabbitMQ says of a quorum queue that does not answer in time that it has
    neither messages nor consumers: none is left because of that."""

    relay = Relay(vhost)
    n, api, streams = start(nginx, relay, workers=1)
    with Publisher(vhost, KEYS, rate=1000, properties=HEADERS) as publisher:
        wait_for(lambda: publisher.total() > 500)
        offset = n.log_size()
        relay.no_leader = True
        n.write_conf(CLASSIC)
        n.reload()
        wait_for(lambda: {q for q, _ in vhost.bindings()} <= CLASSIC_NAMES, 20)
        with pytest.raises(Timeout):
            n.wait_log("is consumed now", 1, offset=offset)
        relay.no_leader = False
        turn(n, vhost, offset, CLASSIC_NAMES)
        published = publisher.stop()
        arrived(api, streams, published)
    whole(streams, published)


def test_other_queues_while_a_stream_is_created(nginx, vhost):
    """By way of a worker that leaves: it would be bound to the queue that is
    left."""

    n, api, streams = start(nginx, vhost, conf=CLASSIC, workers=1)
    body = b'{"routing_key": "late"}'
    with contextlib.closing(socket.create_connection(
            ("127.0.0.1", n.port(1)))) as s:
        s.sendall(b"POST /event-stream/ HTTP/1.1\r\nHost: a\r\n"
                  b"Content-Type: application/json\r\nConnection: close\r\n"
                  b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
                  % len(body))
        s.settimeout(10 * slower())
        assert s.recv(65536).split()[1] == b"100"
        offset = n.log_size()
        n.write_conf(CONF)
        n.reload()
        wait_for(lambda: emptied(n, offset, QUORUM_NAMES), 20)
        s.sendall(body)
        assert s.recv(65536).split()[1] == b"503"
    late = api.create("late")
    vhost.publish("late", ["hello"])
    wait_for(lambda: api.get(late)["events"] == 1)
    assert changed(vhost, QUORUM_NAMES)


def test_other_queues_send_late(nginx, vhost):
    """What came to both is recognised whenever it comes."""

    relay = Relay(vhost)
    n, api, streams = start(nginx, relay, conf=CLASSIC, workers=1)
    with Publisher(vhost, KEYS, rate=1000, properties=HEADERS) as publisher:
        wait_for(lambda: publisher.total() > 500)
        offset = n.log_size()
        relay.hold_unbinds = 0.05
        relay.lag = 0.35
        n.write_conf(CONF)
        n.reload()
        wait_for(lambda: relay.came_late, 20)
        relay.lag = 0
        wait_for(lambda: emptied(n, offset, QUORUM_NAMES), 20)
        wait_for(lambda: recognised(api) > 0, 20, "an event of both queues")
        published = publisher.stop()
        arrived(api, streams, published)
    whole(streams, published)


SLOW_DISK = r"""
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int
slow(const char *name, int fd)
{
    struct timespec  t = { 0, SLOW_MS * 1000000 };

    if (access(getenv("SLOW"), F_OK) == 0) {
        nanosleep(&t, NULL);
    }

    return ((int (*)(int)) dlsym(RTLD_NEXT, name))(fd);
}

int fsync(int fd) { return slow("fsync", fd); }
int fdatasync(int fd) { return slow("fdatasync", fd); }
"""


@pytest.fixture
def slow_disk(tmp_path):
    """A broker whose disk is slow while the file `slow' is there."""

    (tmp_path / "slow.c").write_text(SLOW_DISK)
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-DSLOW_MS=200",
                    "-o", tmp_path / "slow.so", tmp_path / "slow.c"],
                   check=True)
    broker = OwnBroker(str(tmp_path / "broker"), env={
        "LD_PRELOAD": tmp_path / "slow.so", "SLOW": tmp_path / "slow"})
    yield broker.start()
    broker.kill()


def test_other_queues_with_a_slow_disk(nginx, slow_disk, tmp_path):
    """A quorum queue does not count what it has not written yet."""

    vhost = slow_disk.vhost()
    n, api, streams = start(nginx, vhost, conf=CONF)
    with Publisher(vhost, KEYS, rate=1000, properties=HEADERS) as publisher:
        for conf, bound in (CLASSIC, CLASSIC_NAMES), (CONF, QUORUM_NAMES):
            at = publisher.total()
            wait_for(lambda: publisher.total() > at + 500)
            (tmp_path / "slow").touch()
            offset = n.log_size()
            n.write_conf(conf)
            n.reload()
            turn(n, vhost, offset, bound, 60)
            (tmp_path / "slow").unlink()
        published = publisher.stop()
        arrived(api, streams, published)
    whole(streams, published)


def test_other_queues_at_a_start(nginx, vhost):
    """What the classic queues got while nginx was away comes first."""

    n, api, streams = start(nginx, vhost, conf=CLASSIC)
    n.stop()
    for key in KEYS:
        vhost.publish(key, ["%s %d" % (key, i) for i in range(200)])
    n.write_conf(CONF)
    with Publisher(vhost, KEYS, rate=1000) as publisher:
        n.start()
        wait_for(lambda: changed(vhost, QUORUM_NAMES), 20)
        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 500)
        published = publisher.stop()
    for key, s in streams.items():
        events = 200 + published[key]
        wait_for(lambda: api.get(s)["events"] >= events, 20, "all events")
        assert api.get(s)["events"] == events
    with Clients([s.location + "?stream_from_ordinal=0"
                  for s in streams.values()]) as clients:
        clients.wait(200 + min(published.values()))
        for c, key in zip(clients, KEYS):
            wait_for(lambda: len(c.messages) == 200 + published[key])
            assert numbers(c) == [*range(200), *range(1, published[key] + 1)]


def test_worker_killed_while_the_former_queues_are_emptied(nginx, vhost):
    """Nothing is lost; another worker goes on."""

    n, api, streams = start(nginx, vhost, conf=CLASSIC)
    with Publisher(vhost, KEYS, rate=3000) as publisher:
        wait_for(lambda: publisher.total() > 1000)
        offset = n.log_size()
        n.write_conf(CONF)
        n.reload()
        wait_for(lambda: {q for q, _ in vhost.bindings()} & QUORUM_NAMES, 20)
        for pid in n.workers():
            n.kill_worker(pid)
        wait_for(lambda: changed(vhost, QUORUM_NAMES), 20)
        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 1000)
        published = publisher.stop()
    complete(api, streams, published)
