"""Publishers of other languages, with the library of each at one version.

Each folder has a program, which reads a line for each event: its body, the
names of the properties to set, and the headers ess_uuid and timestamp_in_ms
with their values; "headers" is one header of each type that the library can
write.  What is built of it goes to build/peers."""

import functools
import json
import random
import subprocess

import pytest

import peers
from api import Api
from clients import Clients
from wait import wait_for

CONF = """
http {
    ess_zone streams 8m;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; ess_annotate on; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

PROPERTIES = ["content_type", "content_encoding", "headers", "delivery_mode",
              "priority", "correlation_id", "reply_to", "expiration",
              "message_id", "timestamp", "type", "user_id", "app_id"]

# RabbitMQ takes it from whoever can still send it
CLUSTER_ID = "pika", "lapin", "amqp-client"

SECONDS, MS = 1500000000, 1234567890123

# name: what builds it, what runs it; see t/lib/peers.py
PEERS = {
    "pika": (peers.PIP, "env PYTHONPATH={out} {python} -B {src}/publish.py"),
    "amqplib": (peers.NPM, "env NODE_PATH={out}/node_modules"
                           " node {src}/publish.js"),
    "amqp091-go": (peers.GO, "{out}/publish"),
    "lapin": (peers.CARGO, "{out}/target/debug/publish"),
    "amqp-client": (peers.MAVEN + (
        "mvn --quiet --batch-mode -Dbuild={out}/target compile",),
        "java -cp {out}/target/classes:{out}/jars/* Publish"),
}


@functools.lru_cache(None)
def built(name):
    """The command that runs it."""

    return peers.build(name, name, *PEERS[name])


def publish(name, vhost, key, events):
    """events: a list of words for each; the body says which one it is."""

    lines = "".join('{"n":%d} %s\n' % (i, " ".join(words))
                    for i, words in enumerate(events))
    p = subprocess.run(built(name) + [vhost.url, "event-streams", key],
                       input=lines, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=60)
    assert p.returncode == 0, p.stdout[-4000:]


def subsets(name):
    """Each property alone, all of them, and some of them; with a time in a
    header every other time."""

    properties = PROPERTIES + ["cluster_id"] * (name in CLUSTER_ID)
    some = random.Random(1)
    chosen = [[]] + [[p] for p in properties] + [properties] + [
        some.sample(properties, some.randrange(2, len(properties)))
        for _ in range(30)]
    return [["timestamp=%d" % SECONDS if word == "timestamp" else word
             for word in words] + ["timestamp_in_ms=%d" % MS] * more
            for words in chosen for more in (0, 1)]


def time_of(words):
    if "timestamp_in_ms=%d" % MS in words:
        return MS
    if "timestamp=%d" % SECONDS in words:
        return SECONDS * 1000


@pytest.fixture
def streams(nginx, vhost):
    """Two of one routing key, k."""

    api = Api(nginx(CONF, amqp=vhost.url).port(1))
    return [wait_for(lambda: api.try_create("k"), 20, "the stream")
            for _ in range(2)]


def numbers(client):
    return [json.loads(m)["n"] for m in client.messages]


@pytest.mark.seconds(240)
@pytest.mark.parametrize("name", PEERS)
def test_properties_and_headers(name, vhost, streams, record_property):
    peer = ["publisher: " + name, peers.locked(
        name, "github.com/rabbitmq/" + name if "go" in name else name), ""]
    record_property("peer", peer)
    events = subsets(name)
    # to one of the two, and the last to both again
    to = [i % 3 for i in range(len(events))] + [2]
    events.append([])
    for words, which in zip(events, to):
        if which < 2:
            words.append("ess_uuid=" + streams[which].uuid)

    built(name)
    with Clients([s.location for s in streams]) as clients:
        publish(name, vhost, "k", events)
        for which, client in enumerate(clients):
            wait_for(lambda: client.messages
                     and numbers(client)[-1] == len(events) - 1, 30,
                     "the last event")
            assert numbers(client) == [i for i, t in enumerate(to)
                                       if t in (which, 2)]
            for message in map(json.loads, client.messages):
                words = events[message["n"]]
                if time_of(words) is None:
                    assert message["ess_timestamp"] > SECONDS * 1000, words
                else:
                    assert message["ess_timestamp"] == time_of(words), words
    peer[2] = "%d events" % len(events)
