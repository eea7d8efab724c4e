"""RabbitMQ for the tests: one node for a whole run, a virtual host a test.

The node is started by the first test that needs it, in a process of its own
(this file, run as a program): see shared.py.

With ESS_AMQP=amqp://guest:guest@127.0.0.1:port in the environment the tests use
a node that is there, such as that of `make broker'; its management plugin
listens where RabbitMQ's own rule has it, at port + 10000."""

import base64
import itertools
import json
import os
import re
import secrets
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

import pika

import rabbitmq_node
import shared
from ports import free_port
from wait import wait_for

ESS_AMQP = os.environ.get("ESS_AMQP")
COUNTING = "queue_counts()"

_numbers = itertools.count(1)
_RUN = secrets.token_hex(3)


def port_of(url):
    """Tests change the URL of a virtual host in ways that take this one."""

    m = re.fullmatch(r"amqp://guest:guest@127\.0\.0\.1:(\d+)/?", url)
    if m is None:
        raise ValueError('ESS_AMQP must be "amqp://guest:guest@127.0.0.1:" and '
                         'a port, but is "%s"' % url)
    return int(m[1])


class Management:
    """The HTTP API of RabbitMQ's management plugin."""

    def __init__(self, port):
        self.port = port

    def request(self, method, path, body=None, **more):
        """more: of the header."""

        r = urllib.request.Request(
            "http://127.0.0.1:%d/api/%s" % (self.port, path), method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json",
                     "Authorization": "Basic " + base64.b64encode(
                         b"guest:guest").decode(), **more})
        with urllib.request.urlopen(r, timeout=30) as f:
            answer = f.read()
        return json.loads(answer) if answer else None


class Vhost:
    """A virtual host.  Names of queues, counts and so on are looked up in it
    and nowhere else."""

    def __init__(self, port, http_port, name):
        self.port = port
        self.management = Management(http_port)
        self.name = name
        self.kept = False
        self._counting = threading.local()
        self._quoted = urllib.parse.quote(name, safe="")

    @property
    def url(self):
        return "amqp://guest:guest@127.0.0.1:%d/%s" % (self.port,
                                                       self._quoted)

    def create(self):
        self.management.request("PUT", "vhosts/" + self._quoted)
        return self

    def keep(self):
        """Until the broker of the run ends: to delete thousands of bindings
        holds it up for all others, for seconds."""

        self.kept = not ESS_AMQP

    def delete(self):
        try:
            self.management.request("DELETE", "vhosts/" + self._quoted)
        except urllib.error.HTTPError as e:
            if e.code != 404:
                raise

    def connect(self, **more):
        """A pika connection; close it, or use it in a with statement."""

        parameters = pika.URLParameters(self.url)
        for name, value in more.items():
            setattr(parameters, name, value)
        return pika.BlockingConnection(parameters)

    def publish(self, key, bodies, exchange="event-streams", properties=None,
                durable=True, kind="direct"):
        """With confirms: what this returns from is with the broker."""

        if isinstance(bodies, (bytes, str)):
            bodies = [bodies]
        with self.connect() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            if exchange:
                channel.exchange_declare(exchange, exchange_type=kind,
                                         durable=durable)
            for body in bodies:
                if isinstance(body, str):
                    body = body.encode()
                channel.basic_publish(exchange, key, body, properties)

    def queues(self):
        """Name -> what the management plugin says of it; counts in it are
        half a second old: see queue_counts()."""

        return {q["name"]: q for q in self.management.request(
            "GET", "queues/" + self._quoted)}

    def queue_counts(self, queue):
        """(messages that are ready, consumers), or None when there is no such
        queue."""

        try:
            try:
                ok = self._count(queue)
            except (pika.exceptions.AMQPConnectionError,
                    pika.exceptions.ConnectionWrongStateError):
                self._counting.connection = None
                ok = self._count(queue)
        except pika.exceptions.ChannelClosedByBroker as e:
            if e.reply_code == 404:
                return None
            raise
        return ok.message_count, ok.consumer_count

    def left_counts(self, queue):
        """The same once nobody consumes it: that nginx has ended the broker
        hears later, and puts back then what was not acknowledged."""

        def left():
            counts = self.queue_counts(queue)
            return counts is None or counts[1] == 0

        wait_for(left, what="%s to be consumed by nobody" % queue)
        return self.queue_counts(queue)

    def _count(self, queue):
        """By a connection that stays, for whoever waits asks often."""

        connection = getattr(self._counting, "connection", None)
        if connection is None:
            connection = self._counting.connection = self.connect(
                heartbeat=0, client_properties={"connection_name": COUNTING})
            self._counting.channel = None
        if not (self._counting.channel and self._counting.channel.is_open):
            self._counting.channel = connection.channel()
        return self._counting.channel.queue_declare(
            queue, passive=True).method

    def limit(self, configure):
        """What the user may declare from now on, a regular expression."""

        self.management.request(
            "PUT", "permissions/%s/guest" % self._quoted,
            {"configure": configure, "write": ".*", "read": ".*"})

    def bindings(self, exchange="event-streams"):
        """(queue, routing key) of each binding of the exchange."""

        return [(b["destination"], b["routing_key"])
                for b in self.management.request(
                    "GET", "bindings/" + self._quoted)
                if b["source"] == exchange]

    def connections(self):
        """All but that of queue_counts(); of one that comes or goes there may
        be counts and nothing else."""

        return [c for c in self.management.request(
                    "GET", "vhosts/%s/connections" % self._quoted)
                if "client_properties" in c
                and c["client_properties"].get("connection_name") != COUNTING]

    def close_connections(self, reason="closed by the test"):
        """Those that the management plugin knows of."""

        for c in self.connections():
            try:
                self.management.request(
                    "DELETE", "connections/" + urllib.parse.quote(
                        c["name"], safe=""), **{"X-Reason": reason})
            except urllib.error.HTTPError:
                pass


class OwnBroker(rabbitmq_node.RabbitmqNode):
    """A node for tests that stop, kill or configure it: start(),
    stop_server(), kill_server(); the data stay for the next start(), but what
    was declared in the last moments before kill_server() may be lost.
    `conf' is added to rabbitmq.conf, `env' to its environment."""

    def __init__(self, folder, conf="", env={}):
        ports = [free_port() for _ in range(4)]
        self.vhosts = []
        super().__init__(folder, *ports, conf=conf, name="ess-%d" % ports[0],
                         env=env)

    def vhost(self, name=None):
        v = Vhost(self.port, self.http_port,
                  name or "own-%d" % next(_numbers)).create()
        self.vhosts.append(v)
        return v

    def empty(self):
        """Of all virtual hosts that were made, if it runs."""

        while self.vhosts and self.running():
            self.vhosts.pop().delete()


class SharedBroker(shared.Shared):
    """The node of the whole run, seen from one test process."""

    def __init__(self, session):
        super().__init__(os.path.join(session, "broker"), __file__,
                         "the tests' broker")

    def start(self, controller):
        """Unless it runs.  controller: the pid with which it ends."""

        if ESS_AMQP:
            self.port = port_of(ESS_AMQP)
            self.http_port = self.port + 10000
            return self

        state = super().start(controller, lambda: [free_port()
                                                   for _ in range(4)])
        self.port, self.http_port = state["port"], state["http_port"]
        return self

    def vhost(self, name=None):
        # an earlier run may have left some where a node stays
        name = name or "t-%s-%d-%d" % (_RUN, os.getpid(), next(_numbers))
        return Vhost(self.port, self.http_port, name).create()


def serve(folder, controller, ports):
    node = rabbitmq_node.RabbitmqNode(os.path.join(folder, "node"), *ports,
                                      name="ess-%d" % ports[0])
    shared.serve(folder, controller, node, port=node.port,
                 http_port=node.http_port)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), [int(p) for p in sys.argv[3:7]])
