"""Very many streams."""

import contextlib
import sqlite3
import threading
import time
import uuid

import pytest

from api import Api
from clients import Clients
from wait import SLOWER, wait_for

CONF = """
http {
    ess_zone streams 64m;
    ess_store %%DIR%%/streams.db;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_node test;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


@pytest.fixture
def filled(nginx):
    """An nginx, stopped, whose store has n streams; their (uuid, key)."""

    def make(n, amqp="amqp://127.0.0.1:1"):
        server = nginx(CONF, amqp=amqp, workers=1)
        server.expect("nothing")
        server.stop()
        server.write_conf(CONF, workers=2)

        streams = [(uuid.uuid4(), str(uuid.uuid4())) for _ in range(n)]
        with contextlib.closing(sqlite3.connect(
                server.path("streams.db"))) as db, db:
            db.executemany(
                "INSERT INTO streams (id, uuid, routing_key, epoch,"
                " reserved_ordinal) VALUES (?, ?, ?, ?, 0)",
                [(i, u.bytes, key, i) for i, (u, key) in
                 enumerate(streams, 1)])
            db.execute("UPDATE meta SET last_id = ?", [n])
        return server, Api(server.port(1)), streams

    return make


class Asker:
    """Asks for the version all the time; `slowest' is in seconds."""

    def __init__(self, api):
        self.api = api
        self.slowest = 0
        self.asked = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            begin = time.monotonic()
            r = self.api.request("GET", "version/",
                                 headers={"Connection": "close"}, timeout=60)
            assert r.status == 200
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.asked += 1
            self._stop.wait(0.002)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self._stop.set()
        self._thread.join(60)


def test_a_hundred_thousand_streams(filled):
    """With 36 bytes of routing key and empty logs, they fit into 64 MiB."""

    n, api, streams = filled(100000)
    begin = time.monotonic()
    n.start()
    took = time.monotonic() - begin
    assert api.get(1)["routing_key"] == streams[0][1]
    assert "100000 streams loaded" in n.log()
    assert took < 5 * SLOWER

    listed = api.list()
    assert [s["id"] for s in listed] == list(range(1, 100001))
    for s, (u, key) in zip(listed, streams):
        assert s["routing_key"] == key
        assert s["location"].rsplit("/", 1)[1] == u.hex

    page = api.list("?limit=3&after=99998")
    assert page == listed[99998:]
    for i in 1, 2, 4711, 65536, 99999, 100000:
        u, key = streams[i - 1]
        for s in api.get(i), api.get(u.hex):
            assert (s["id"], s["routing_key"], s["events"]) == (i, key, 0)
    assert api.request("GET", "100001").status == 404

    for i in range(2, 1000, 2):
        api.delete(i)
    assert len(api.list()) == 100000 - 499
    n.reload(old_gone=True)
    assert len(api.list()) == 100000 - 499


def first_event(vhost, stream, key, timeout):
    """Seconds until an event for the stream arrives."""

    begin = time.monotonic()
    with Clients(stream) as clients, vhost.connect() as connection:
        channel = connection.channel()
        channel.exchange_declare("event-streams", durable=True)

        def came():
            channel.basic_publish("event-streams", key, b"hello")
            connection.process_data_events(0.05)
            return clients[0].messages

        wait_for(came, timeout, "an event")
    return time.monotonic() - begin


def test_bound_at_start(filled, vhost, streams=5000):
    """All are bound, and nobody waits meanwhile."""

    n, api, streams = filled(streams, vhost.url)
    vhost.publish("nobody", "so that the exchange is there")
    n.start()
    with Asker(api) as asker:
        took = first_event(vhost, api.get(len(streams))["location"],
                           streams[-1][1], 100)
        wait_for(lambda: sum("bound" in line for line in
                             n.log().splitlines()) >= 2, 60)
    print("first event after %.1f s, all bound after %.1f s, slowest of %d "
          "answers %.0f ms" % (took, 0, asker.asked, asker.slowest * 1000))
    assert took < 20 * SLOWER
    assert asker.slowest < 0.5 * SLOWER
    assert {k for _, k in vhost.bindings()} >= {k for _, k in streams}
