"""What clients and back end see when RabbitMQ, nginx or a worker goes away
while events flow."""

import random
import time
import urllib.parse

import pika
import pytest

from api import Api
from clients import Clients
from publisher import Publisher, gap, gaps, increasing, numbers
from wait import wait_for

CONF = """
worker_shutdown_timeout 20s;

http {
    ess_zone streams 64m;
    ess_store %%DIR%%/streams.db;
    ess_amqp %%AMQP%%;
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
    }
}
"""

# over many slots, so that each worker has some
KEYS = ["key-%d" % i for i in range(8)]


@pytest.fixture
def service(nginx):
    def make(vhost, workers=3, conf=CONF, **kwargs):
        n = nginx(conf, workers=workers, amqp=vhost.url, **kwargs)
        api = Api(n.port(1))
        streams = {key: wait_for(lambda: api.try_create(key), 20,
                                 "the first stream") for key in KEYS}
        return n, api, streams
    return make


def ordinals(api, streams):
    return {key: api.get(s)["last_ordinal"] for key, s in streams.items()}


def urls(streams, each):
    return [s.location for s in streams.values() for _ in range(each)]


def arrived(api, streams, published, timeout=30):
    """Each event is in its log once, and no more come."""

    wait_for(lambda: sum(ordinals(api, streams).values())
             >= sum(published.values()), timeout, "all events to arrive")
    assert ordinals(api, streams) == published


def nothing_left(vhost):
    """In the broker: the slot queues, empty, each with one consumer at most,
    and the streams' bindings."""

    for name in vhost.queues():
        assert name.startswith("ess.test."), name
        wait_for(lambda: vhost.queue_counts(name)[0] == 0, 20,
                 "%s to be empty" % name)


@pytest.mark.parametrize("durable", [True, False])
def test_broker_restart(own_broker, service, durable):
    """Clients notice nothing, and events flow again at once."""

    broker = own_broker()
    vhost = broker.vhost()
    if not durable:
        with vhost.connect() as c:
            for slot in range(16):
                c.channel().queue_declare("ess.test.%d" % slot)

    n, api, streams = service(vhost)
    with Clients(urls(streams, 4), library="both") as clients, \
            Publisher(vhost, KEYS, exchange="event-streams") as publisher:
        clients.wait(50)
        broker.stop_server()
        before = [len(c.messages) for c in clients]
        # once for so long that a pause without a bound would show
        quiet = time.monotonic() + 10 * durable
        wait_for(lambda: time.monotonic() > quiet, 20)
        assert api.request("GET").status == 200
        broker.start()

        wait_for(lambda: all(len(c.messages) > b + 20
                             for c, b in zip(clients, before)),
                 10, "events to flow again")

        publisher.stop()
        vhost.publish(KEYS[0], KEYS[0] + " 1000000")
        wait_for(lambda: all(numbers(c)[-1] == 1000000
                             for c in clients.clients[:4]), 10,
                 "the last event")
        assert not any(c.closed for c in clients)
        assert all(increasing(c) for c in clients)
        nothing_left(vhost)

    log = n.log()
    assert len([1 for line in log.splitlines() if "[error]" in line]) < 40
    if not durable:
        assert "PRECONDITION_FAILED" in log


def test_connections_closed_by_the_broker(vhost, service):
    """An operator closes them; nothing is lost or doubled."""

    n, api, streams = service(vhost)
    with Clients(urls(streams, 2)) as clients, \
            Publisher(vhost, KEYS) as publisher:
        clients.wait(50)
        wait_for(lambda: len(vhost.connections()) >= 4, 20, "connections")
        ours = [c for c in vhost.connections()
                if c["client_properties"].get("product") == "ngx_ess_module"]
        assert ours
        for c in ours:
            vhost.management.request("DELETE", "connections/"
                                     + urllib.parse.quote(c["name"], ""))
        clients.wait(400, 20)
        published = publisher.stop()
        arrived(api, streams, published)
        clients.wait(min(published.values()), 20)
        assert not gaps(clients)
        nothing_left(vhost)


def kill_workers(n, times, rnd):
    """At random moments."""

    for _ in range(times):
        pause = time.monotonic() + rnd.random() * 0.05
        wait_for(lambda: time.monotonic() > pause, interval=0.001)
        n.kill_worker(rnd.choice(n.workers()))


@pytest.mark.seconds(180)
def test_workers_killed(vhost, service):
    """Each event is in the log once."""

    seed = random.randrange(1 << 32)
    n, api, streams = service(vhost, workers=4)

    with Publisher(vhost, KEYS) as publisher:
        kill_workers(n, 100, random.Random(seed))
        at = publisher.total()
        with Clients(urls(streams, 2)) as clients:
            clients.wait(1, 5)
            wait_for(lambda: publisher.total() > at + 2000)
            published = publisher.stop()
            arrived(api, streams, published)
            wait_for(lambda: all(
                numbers(c)[-1] == published[c.messages[-1].split()[0]]
                for c in clients), 10, "the last events")
            assert not gaps(clients), seed
    nothing_left(vhost)


def test_workers_killed_while_events_are_too_large(vhost, service):
    """Each of those, too, takes an ordinal once."""

    n, api, streams = service(vhost, workers=4, conf=CONF.replace(
        "ess_log", "ess_max_event %d; ess_log" % len("key-0 999")))

    with Publisher(vhost, KEYS, rate=10000) as publisher:
        wait_for(lambda: publisher.total() > 900 * len(KEYS))
        kill_workers(n, 30, random)
        published = publisher.stop()
    arrived(api, streams, published)
    for s in streams.values():
        assert api.get(s)["events"] == 999
    nothing_left(vhost)


def test_clients_of_other_workers_notice_no_kill(vhost, service):
    n, api, streams = service(vhost, workers=4, conf=CONF.replace(
        "%%PORT0%%;", "%%PORT0%% reuseport;").replace(
            "ess_subscribe;",
            "ess_subscribe; add_header X-Worker $pid always;"))

    with Clients(urls(streams, 8), library="both") as clients, \
            Publisher(vhost, KEYS) as publisher:
        clients.wait(20)
        killed = clients[0].response["X-Worker"]
        left = [c for c in clients if c.response["X-Worker"] != killed]
        n.kill_worker(int(killed))
        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 4000)
        published = publisher.stop()
        wait_for(lambda: all(c.closed for c in clients if c not in left))
        assert left and not any(c.closed for c in left)
        arrived(api, streams, published)
        for c in left:
            key = c.messages[0].split()[0]
            wait_for(lambda: numbers(c)[-1] == published[key], 10,
                     "the last event")
            assert not gap(c)


def test_reload_three_times(vhost, service):
    """Each event is in the log once, also in one that another worker took
    over; clients are told to come back."""

    n, api, streams = service(vhost)
    with Publisher(vhost, KEYS) as publisher:
        for workers in 3, 5, 2:
            with Clients(urls(streams, 2)) as clients:
                clients.wait(50)
                n.write_conf(CONF, workers=workers)
                n.reload()
                with Clients(urls(streams, 2)) as new:
                    new.wait(1, 5)
                    codes = {code for code, _ in clients.wait_closed()}
                    assert codes == {1012}
                    new.wait(50)
                    assert not gaps(clients)
                    assert not gaps(new)
        published = publisher.stop()
        arrived(api, streams, published)
    nothing_left(vhost)


def test_reload_between_twins(vhost, service):
    """Two equal events in a row are two, also when a worker leaves after the
    first: the second one is not taken for the first coming again."""

    n, api, streams = service(vhost)
    with Publisher(vhost, KEYS, rate=20000, twins=True) as publisher:
        for _ in range(5):
            at = publisher.total()
            wait_for(lambda: publisher.total() > at + 4000)
            n.reload()
        published = publisher.stop()
        arrived(api, streams, published)
    nothing_left(vhost)


def test_stop_and_start(vhost, service):
    """What is published while nginx is away arrives when it is back."""

    n, api, streams = service(vhost, conf=CONF.replace("200ms", "2s"))
    with Publisher(vhost, KEYS) as publisher:
        # several of each stream: one that a worker closes at once may miss what
        # another worker, which is told later, appends until then; the last one
        # to be closed has that, too
        with Clients(urls(streams, 6)) as clients:
            clients.wait(50)
            n.stop()
            codes = {code for code, _ in clients.wait_closed()}
            assert codes == {1001}
            last = {key: max(numbers(c)[-1] for c in clients
                             if c.messages[0].split()[0] == key)
                    for key in KEYS}
            assert not gaps(clients)

        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 2000)
        n.start()
        with Clients(urls(streams, 1)) as clients:
            clients.wait(1)
        published = publisher.stop()

    # the log is new: it has what the old one had not
    wait_for(lambda: {k: api.get(s)["events"] for k, s in streams.items()}
             == {k: published[k] - last[k] for k in KEYS}, 20,
             "all events to arrive")
    nothing_left(vhost)


def test_nginx_killed(vhost, service):
    """kill -9 of everything: nothing that was not acknowledged is lost."""

    n, api, streams = service(vhost)
    with Publisher(vhost, KEYS) as publisher:
        with Clients(urls(streams, 1)) as clients:
            clients.wait(50)
            n.kill()
            # they have read all that there was
            clients.wait_closed()
            last = {c.messages[-1].split()[0]: numbers(c)[-1]
                    for c in clients}
        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 1000)
        n.start()
        published = publisher.stop()

    # its zone is gone, and with it what it had appended but not yet sent or
    # acknowledged: those come again
    def events():
        return {k: api.get(s)["events"] for k, s in streams.items()}

    wait_for(lambda: all(events()[k] >= published[k] - last[k] - 200
                         for k in KEYS), 20, "events")
    nothing_left(vhost)


def test_late_events_of_a_transient_publisher(vhost, service):
    """Transient messages wait for nginx in the slot queues as well."""

    n, api, streams = service(vhost)
    n.stop()
    vhost.publish(KEYS[0], ["%s %d" % (KEYS[0], i) for i in range(100)],
                  properties=pika.BasicProperties(delivery_mode=1))
    n.start()
    wait_for(lambda: api.get(streams[KEYS[0]])["events"] == 100, 20, "100")
