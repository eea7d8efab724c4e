"""A cluster of three nodes, of which one stops: with classic queues its events
wait for it, with quorum queues they go on."""

import itertools
import re
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


def connected(cluster, n):
    """The node to which a worker was connected last."""

    port = re.findall(r"connection to amqp broker .*:(\d+) established",
                      n.log())[-1]
    return next(node for node in cluster.nodes if node.port == int(port))


def homes(node):
    """Names of the nodes that have the slots' queues."""

    return {q.get("node") or q.get("leader")
            for q in node.vhost().queues().values()} - {None}


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
    home = connected(cluster, n)
    wait_for(lambda: homes(home) == {home.node}, 20, "the queues")
    with EventSource(stream.http) as source:
        api.publish("key-0", ["first"])
        source.wait(1)
        took = [lose(cluster, home, api, source, 1)]
        # consumers stay where they went
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


def leader(cluster, n):
    """A node with leaders of slots' queues, but, if there is one, not that to
    which nginx is connected."""

    there = connected(cluster, n)
    return min(map(cluster.by_name, homes(there)),
               key=lambda node: node is there)


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
        for which in connected, leader:
            wait_for(lambda: homes(cluster.nodes[0]), 20, "leaders")
            node = which(cluster, n)
            publisher.avoid = node
            at = publisher.total()
            wait_for(lambda: publisher.total() > at + 500, 30)
            publisher.slowest = 0
            leads = sum(q.get("leader") == node.node
                        for q in node.vhost().queues().values())
            nginx_there = connected(cluster, n) is node
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


def test_reloads_with_quorum_queues(nginx, cluster):
    """Acknowledgements of a worker that leaves take their way through the
    cluster, too: each confirmed event is in its log once."""

    n, api = start(nginx, cluster, "queues=quorum")
    streams = {key: wait_for(lambda: api.try_create(key), 20) for key in KEYS}
    publisher = Confirmed(cluster, 150)
    for _ in range(8):
        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 400, 30)
        n.reload()
    confirmed = publisher.stop()
    wait_for(lambda: sum(api.get(s)["last_ordinal"] for s in streams.values())
             >= sum(confirmed.values()), 60, "all events")
    assert {key: api.get(s)["last_ordinal"] for key, s in streams.items()} \
        == confirmed


# from one kind to the other

def test_quorum_queues_while_the_node_of_the_classic_ones_is_down(nginx,
                                                                  cluster):
    """They are consumed at once; what the classic ones have comes when the
    node is back."""

    n, api = start(nginx, cluster)
    stream = wait_for(lambda: api.try_create("key-0"), 20)
    home = connected(cluster, n)
    other = next(node for node in cluster.nodes if node is not home)
    n.stop()
    other.vhost().publish("key-0", ["old %d" % i for i in range(100)],
                          properties=PERSISTENT)
    home.stop_server()
    n.write_conf(CONF.replace("%%AMQP%%", cluster.amqp("queues=quorum")))
    n.start()
    stream = wait_for(lambda: api.try_create("key-0"), 20)
    wait_for(lambda: health(api).status == 200, 20, "health")
    with EventSource(stream.http) as source:
        api.publish("key-0", ["new"])
        source.wait(1)
        n.wait_log("a queue that was left behind cannot be emptied")
        home.start()
        source.wait(101, 30)
        assert source.data == ["new"] + ["old %d" % i for i in range(100)]
        api.publish("key-0", ["last"])
        source.wait(102)
        assert source.data[-1] == "last"
    vhost = other.vhost()
    wait_for(lambda: set(vhost.queues()) == {"ess.test.q%d" % i
                                             for i in range(16)}, 20,
             "the classic queues to be deleted")
