"""A cluster of three nodes, of which one stops: with classic queues its events
wait for it, with quorum queues they go on."""

import itertools
import os
import random
import subprocess
import threading
import time

import pika
import pytest

from api import Api
from clients import Clients
from cluster import Cluster
from publisher import numbers
from sse import EventSource
from wait import wait_for

pytestmark = pytest.mark.seconds(600)

CONF = """
worker_shutdown_timeout 20s;

http {
    ess_zone streams 64m;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=16m count=1000000 age=1h;
    ess_node test;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location = /health { ess_health; }
        location = /metrics { ess_metrics; }
        location /publish/ { ess_publish; }
    }
}
"""

EXCHANGE = "event-streams"
KEYS = ["key-%d" % i for i in range(8)]
PERSISTENT = pika.BasicProperties(delivery_mode=2)


@pytest.fixture
def cluster(tmp_path):
    c = Cluster(str(tmp_path))
    yield c.start()
    c.kill()


def health(api):
    return api.request("GET", "/health")


def start(nginx, cluster, parameters=""):
    n = nginx(CONF, amqp=cluster.amqp(parameters))
    api = Api(n.port(1))
    wait_for(lambda: health(api).status == 200, 30, "the slots")
    # what the broker says while a node is away, and how connects fail
    n.expect(r"\[error\]")
    return n, api


def connected(cluster, api):
    """The node to which the workers are connected."""

    for node in cluster.nodes:
        if node.running() and any(
                c["client_properties"].get("product") == "ngx_ess_module"
                and c["node"] == node.node
                for c in node.vhost().connections()):
            return node
    return None


def homes(node):
    """Names of the nodes that have the slots' queues."""

    return {q.get("node") or q.get("leader")
            for q in node.vhost().queues().values()}


# classic queues

def refused(api):
    """The home node is down: health and publishing say so, with its words."""

    answer = wait_for(lambda: health(api).status == 503 and health(api), 3,
                      "health to say that slots are not consumed")
    problem = answer.json()
    assert "16 of 16 slots are not consumed" in problem["detail"], problem
    assert "down or inaccessible" in problem["detail"], problem
    answer = api.request("POST", "/publish/key-0", b"refused")
    assert answer.status == 503, answer
    assert answer.headers["Retry-After"]


def lose(cluster, node, api, source, number):
    """Stops the home node, loses an event, and starts it again."""

    other = next(n for n in cluster.nodes if n is not node)
    node.stop_server()
    refused(api)
    other.vhost().publish("key-0", "lost %d" % number)
    seen = len(source.events)
    node.start()
    back = time.monotonic()

    def flows():
        answer = api.request("POST", "/publish/key-0", b"back")
        assert answer.status in (202, 503), answer
        return answer.status == 202 and len(source.events) > seen

    wait_for(flows, 20, "events to flow again", 0.05)
    took = time.monotonic() - back
    print("events flow %.2f s after the home node is back" % took)
    events = source.events[seen:]
    assert [e.type for e in events[:2]] == ["gap", "message"], events
    assert "lost %d" % number not in source.data
    wait_for(lambda: health(api).status == 200, 10, "health")
    return took


def test_the_home_node_of_classic_queues_stops(nginx, cluster):
    """First the one that nginx is connected to, then one that it is not."""

    n, api = start(nginx, cluster)
    stream = wait_for(lambda: api.try_create("key-0"), 20)
    home = connected(cluster, api) or wait_for(
        lambda: connected(cluster, api), 20)
    wait_for(lambda: homes(home) == {home.node}, 20, "the queues")
    with EventSource(stream.http) as source:
        api.publish("key-0", ["first"])
        source.wait(1)
        took = [lose(cluster, home, api, source, 1)]
        assert wait_for(lambda: connected(cluster, api), 20) is not home
        took.append(lose(cluster, home, api, source, 2))
    assert max(took) < 5


# quorum queues

class Confirmed:
    """Publishers that wait for each confirm, one for each key, each at `rate'
    events a second; what was not confirmed is published again.  They are
    connected to any node but `avoid'."""

    def __init__(self, cluster, rate):
        self.cluster = cluster
        self.rate = rate
        self.avoid = None
        self.confirmed = dict.fromkeys(KEYS, 0)
        self.times = {key: [] for key in KEYS}
        self.slowest = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(key,),
                                          daemon=True) for key in KEYS]
        for t in self._threads:
            t.start()

    def _run(self, key):
        nodes = itertools.cycle(self.cluster.nodes)
        while not self._stop.is_set():
            node = next(nodes)
            if node is self.avoid or not node.running():
                continue
            try:
                self._publish(key, node)
            except (pika.exceptions.AMQPError, OSError):
                self._stop.wait(0.01)

    def _publish(self, key, node):
        parameters = pika.URLParameters(node.url)
        parameters.socket_timeout = parameters.stack_timeout = 5
        parameters.blocked_connection_timeout = 5
        with pika.BlockingConnection(parameters) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            begin, sent = time.monotonic(), 0
            while not self._stop.is_set() and node is not self.avoid:
                due = begin + sent / self.rate - time.monotonic()
                if due > 0:
                    time.sleep(due)
                elif due < -1:
                    begin -= due
                number = self.confirmed[key] + 1
                at = time.monotonic()
                channel.basic_publish(EXCHANGE, key, "%s %d" % (key, number),
                                      PERSISTENT, mandatory=True)
                now = time.monotonic()
                self.slowest = max(self.slowest, now - at)
                self.times[key].append(now)
                self.confirmed[key] = number
                sent += 1

    def total(self):
        return sum(self.confirmed.values())

    def stop(self):
        self._stop.set()
        for t in self._threads:
            t.join(60)
            assert not t.is_alive()
        return dict(self.confirmed)


def longest(times, begin, end=None):
    """The longest time between two of them from `begin' on."""

    times = [begin] + [t for t in sorted(times) if t >= begin] \
        + ([end] if end else [])
    return max((b - a for a, b in zip(times, times[1:])), default=0)


def leader(cluster, api):
    """A node with leaders of slots' queues."""

    node = next(n for n in cluster.nodes if n.running())
    names = {q.get("leader") for q in node.vhost().queues().values()}
    assert None not in names
    return cluster.by_name(sorted(names)[0])


def stop_app(node):
    node.control("stop_app")


def start_app(node):
    node.control("start_app")


def kill(node):
    node.kill_server()


def terminate(node):
    node.stop_server()


def restart(node):
    node.start()


@pytest.mark.parametrize("down, up", [(stop_app, start_app), (kill, restart),
                                      (terminate, restart)])
def test_one_node_with_quorum_queues_stops(nginx, cluster, down, up):
    """Which has the leaders, or nginx's connections: no confirmed event is
    lost, and none waits for long."""

    n, api = start(nginx, cluster, "queues=quorum")
    streams = {key: wait_for(lambda: api.try_create(key), 20) for key in KEYS}
    with Clients([s.location for s in streams.values()]) as clients:
        publisher = Confirmed(cluster, 500 / len(KEYS))
        clients.wait(50, 30)
        pauses = []
        for which in leader, connected:
            node = wait_for(lambda: which(cluster, api), 20)
            publisher.avoid = node
            at = publisher.total()
            wait_for(lambda: publisher.total() > at + 500, 30)
            publisher.slowest = 0
            leads = sum(q.get("leader") == node.node
                        for q in node.vhost().queues().values())
            nginx_there = connected(cluster, api) is node
            begin = time.monotonic()
            down(node)
            at = publisher.total()
            wait_for(lambda: publisher.total() > at + 2000, 60,
                     "publishers to go on")
            pauses.append(max(longest(c.times, begin - 0.1) for c in clients))
            print("%s of a node with %d leaders%s: clients waited %.2f s, a "
                  "publisher %.2f s" % (
                      down.__name__, leads,
                      " and nginx's connections" * nginx_there, pauses[-1],
                      publisher.slowest))
            up(node)
            wait_for(lambda: cluster.running(node) == set(cluster.nodes), 60)
            at = publisher.total()
            wait_for(lambda: publisher.total() > at + 2000, 60)
        confirmed = publisher.stop()
        for c, key in zip(clients, KEYS):
            wait_for(lambda: numbers(c)[-1] >= confirmed[key], 20,
                     "the last confirmed event")
            assert not c.closed
            got = numbers(c)
            assert set(got) >= set(range(got[0], confirmed[key] + 1)), key
            print("%s: %d events, %d twice" % (
                key, len(got), len(got) - len(set(got))))
    assert health(api).status == 200
    assert max(pauses) < 2
