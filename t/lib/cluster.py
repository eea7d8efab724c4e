"""Three nodes of RabbitMQ that form a cluster on this machine: each with ports
and a folder of its own, one epmd for all.  For t/long: they take a gigabyte of
memory, and half a minute to start on two cores."""

import os

from broker import OwnBroker, Vhost
from ports import free_port
from wait import wait_for

COOKIE = "ess-cluster"


class Node(OwnBroker):
    """As an OwnBroker, which knows the others."""

    def __init__(self, folder, number, epmd_port, conf):
        super().__init__(folder, conf)
        self.name = "ess%d-%d" % (number, epmd_port)
        self.epmd_port = epmd_port

    @property
    def node(self):
        return "%s@127.0.0.1" % self.name

    def vhost(self, name="/"):
        """The cluster's, seen from this node."""

        return Vhost(self.port, self.http_port, name)

    def spawn(self):
        home = self.path("home")
        cookie = os.path.join(home, ".erlang.cookie")
        if not os.path.exists(cookie):
            os.makedirs(home, exist_ok=True)
            with open(cookie, "w", opener=lambda path, flags: os.open(
                    path, flags, 0o400)) as f:
                f.write(COOKIE)
        super().spawn()


class Cluster:
    """nodes: a list; each can be stopped (stop_server()), killed
    (kill_server()) and started again (start())."""

    def __init__(self, folder, size=3, conf=""):
        epmd_port = free_port()
        self.nodes = [Node(os.path.join(folder, "node%d" % i), i, epmd_port,
                           conf) for i in range(size)]
        for node in self.nodes:
            node.conf += "cluster_formation.peer_discovery_backend = " \
                "classic_config\n" + "".join(
                    "cluster_formation.classic_config.nodes.%d = %s\n"
                    % (i + 1, n.node) for i, n in enumerate(self.nodes))

    def start(self):
        # the first one alone: it makes the user whom the others find
        self.nodes[0].start()
        for node in self.nodes[1:]:
            node.epmd = self.nodes[0].epmd
            node.spawn()
        for node in self.nodes[1:]:
            node.wait()
        wait_for(lambda: self.running(self.nodes[0]) == set(self.nodes), 60,
                 "a cluster of three")
        return self

    def running(self, node):
        """The nodes that run, as one of them has it."""

        names = {n["name"] for n in node.vhost().management.request(
            "GET", "nodes") if n["running"]}
        return {n for n in self.nodes if n.node in names}

    def by_name(self, name):
        return next(n for n in self.nodes if n.node == name)

    def amqp(self, parameters=""):
        """The value of ess_amqp directives: all nodes, in order."""

        return "; ess_amqp ".join(
            [self.nodes[0].url + " " + parameters]
            + [n.url for n in self.nodes[1:]])

    def kill(self):
        for node in self.nodes:
            node.kill()
