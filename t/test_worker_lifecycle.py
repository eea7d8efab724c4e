"""What clients, back end and broker see when nginx is upgraded, reloaded,
stopped, or runs in a way that is not the usual one."""

import contextlib
import os
import signal
import socket

import pytest

from api import Api
from clients import Clients, RawWS
from nginx import alive
from publisher import Publisher, gaps, numbers
from wait import wait_for

CONF = """
worker_shutdown_timeout 20s;

http {
    ess_zone streams %%ZONE%%;
    ess_store %%STORE%%;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=16m count=1000000 age=1h;
    ess_drain %%DRAIN%%;
    %%HTTP%%

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

DAEMON = "daemon on;\n" + CONF
SINGLE = "master_process off;\n" + CONF

WITHOUT = """
http {
    server {
        listen 127.0.0.1:%%PORT0%%;
        location / { return 200 fine; }
    }
}
"""

# over many slots, so that each worker has some
KEYS = ["key-%d" % i for i in range(8)]


@pytest.fixture
def service(nginx, vhost):
    def make(conf=CONF, keys=(), **kwargs):
        names = dict(http="", zone="64m", amqp=vhost.url,
                     store="%%DIR%%/streams.db", drain="200ms")
        names.update(kwargs)
        n = nginx(conf, **names)
        api = Api(n.port(1))
        return n, api, {key: api.create(key) for key in keys}
    return make


def urls(streams, each=1):
    return [s.location for s in streams.values() for _ in range(each)]


def ours(vhost):
    """The workers' connections, as the broker names them."""

    return sorted(c["client_properties"].get("connection_name")
                  for c in vhost.connections()
                  if c["client_properties"].get("product")
                  == "ngx_ess_module")


def one_connection_each(vhost, n):
    names = sorted("nginx worker %d" % p for p in n.workers())
    assert names
    wait_for(lambda: ours(vhost) == names, 20, "one connection per worker")


def arrived(api, streams, published, what="last_ordinal"):
    """Each event is in its log once, and no more come."""

    def counts():
        return {k: api.get(s)[what] for k, s in streams.items()}

    wait_for(lambda: sum(counts().values()) >= sum(published.values()), 30,
             "all events to arrive")
    assert counts() == published


def flow(vhost, streams, text="hello"):
    with Clients(urls(streams)) as clients:
        for key in streams:
            vhost.publish(key, text)
        clients.wait(1)
        assert [c.messages for c in clients] == [[text]] * len(streams)


def fds(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def family(pid):
    """The process and all that it started."""

    pids = [pid]
    for p in pids:
        try:
            with open("/proc/%d/task/%d/children" % (p, p)) as f:
                pids += map(int, f.read().split())
        except (FileNotFoundError, ProcessLookupError):
            # it has just left
            pass
    return [p for p in pids if alive(p)]


# binary upgrade

def upgrade(n):
    """USR2; returns the pids of both masters."""

    old = n.master()
    n.send_signal(signal.SIGUSR2)
    wait_for(lambda: os.path.exists(n.path("nginx.pid.oldbin"))
             and n.master() != old
             and len(n.workers()) == n.workers_wanted, 20,
             "the new binary's workers")
    return old, n.master()


@pytest.mark.parametrize("winch", [True, False])
def test_binary_upgrade(service, vhost, winch):
    """Streams are there under the new master, and no event is lost or doubled
    between the old log and the new one; clients are told to come back."""

    n, api, streams = service(DAEMON, keys=KEYS, drain="2s")
    before = api.list()
    with Publisher(vhost, KEYS, rate=1000) as publisher, \
            Clients(urls(streams, 8), library="both") as clients:
        clients.wait(20)
        # more than what a client can have missed that came a little late
        start = {k: min(numbers(c)[0] for c in clients
                        if c.messages[0].split()[0] == k) for k in KEYS}
        old_workers = n.workers()
        old, new = upgrade(n)

        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 1000)
        assert not any(c.closed for c in clients)
        if winch:
            n.send_signal(signal.SIGWINCH, old)
            wait_for(lambda: not any(map(alive, old_workers)), 20,
                     "the old workers to leave")
            assert alive(old)
        n.send_signal(signal.SIGQUIT, old)
        wait_for(lambda: not alive(old), 20, "the old master to leave")
        assert not any(map(alive, old_workers))

        codes = {code for code, _ in clients.wait_closed()}
        assert codes == {1001}
        assert not gaps(clients)
        last = {k: max(numbers(c)[-1] for c in clients
                       if c.messages[0].split()[0] == k) for k in KEYS}
        assert all(start[k] < last[k] for k in KEYS)

        with Clients(urls(streams)) as again:
            again.wait(20)
            published = publisher.stop()
            arrived(api, streams, {k: published[k] - last[k] for k in KEYS},
                    "events")
            wait_for(lambda: all(numbers(c)[-1] in published.values()
                                 for c in again))
            assert not gaps(again)

    assert api.list() == before
    assert n.master() == new and not os.path.exists(
        n.path("nginx.pid.oldbin"))
    made = api.create("another")
    assert made.id > before[-1]["id"]
    n.reload(old_gone=True)
    flow(vhost, {"another": made, **streams}, "after")
    one_connection_each(vhost, n)
    assert n.stop() == 0


@pytest.mark.parametrize("winch", [False, True])
def test_binary_upgrade_taken_back(service, vhost, winch):
    """The old master goes on, with its log; before WINCH, clients notice
    nothing."""

    n, api, streams = service(DAEMON, keys=KEYS)
    with Publisher(vhost, KEYS, rate=1000) as publisher, \
            Clients(urls(streams, 2)) as clients:
        clients.wait(20)
        old, new = upgrade(n)
        new_workers = n.workers()

        if winch:
            n.send_signal(signal.SIGWINCH, old)
            clients.wait_closed()
            wait_for(lambda: all(api.get(s)["events"] for s in
                                 streams.values()), 10, "events in the new")
            n.send_signal(signal.SIGHUP, old)
            wait_for(lambda: len([p for p in n._started(n.log(), old)
                                  if alive(p)]) == 2, 10, "the old master's")

        n.send_signal(signal.SIGQUIT, new)
        wait_for(lambda: not any(map(alive, [new, *new_workers])), 20,
                 "the new binary to leave")
        wait_for(lambda: n.master() == old)

        at = publisher.total()
        wait_for(lambda: publisher.total() > at + 1000)
        published = publisher.stop()
        if not winch:
            arrived(api, streams, published)
            wait_for(lambda: all(numbers(c)[-1] in published.values()
                                 for c in clients), 10, "the last events")
            assert not any(c.closed for c in clients)
            assert not gaps(clients)

    flow(vhost, {"another": api.create("another"), **streams}, "after")
    one_connection_each(vhost, n)


# reload

def test_worker_killed_while_it_shuts_down(service, vhost):
    """It has handed over its slots before: no event is lost or doubled, and
    its clients are counted no more."""

    n, api, streams = service(keys=KEYS, drain="15s", workers=3)
    with Publisher(vhost, KEYS, rate=1000) as publisher, \
            Clients(urls(streams, 6)) as clients:
        clients.wait(20)
        old = n.workers()
        n.reload()
        with Clients(urls(streams)) as new:
            new.wait(1)
            # one without clients is gone by now
            draining = [p for p in old if alive(p)]
            assert draining and not all(c.closed for c in clients)
            for pid in draining:
                n.killed.add(pid)
                # or its last client has gone
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            clients.wait_closed()
            at = publisher.total()
            wait_for(lambda: publisher.total() > at + 1000)
            published = publisher.stop()
            arrived(api, streams, published)
            assert not gaps([*clients, *new])
            wait_for(lambda: all(api.get(s)["subscribers"] == 1
                                 for s in streams.values()), 10,
                     "the dead ones' clients to be forgotten")
    one_connection_each(vhost, n)


def test_ten_reloads_leave_nothing_behind(service, vhost):
    """Under flow, each before the last one's old workers have left."""

    n, api, streams = service(keys=KEYS, drain="1s")
    n.reload(old_gone=True)
    one_connection_each(vhost, n)
    master, before = n.master(), fds(n.master())
    worker = min(map(fds, n.workers()))

    with Publisher(vhost, KEYS, rate=1000) as publisher:
        clients = []
        try:
            for _ in range(10):
                clients.append(Clients(urls(streams)))
                n.reload()
            for c in clients:
                assert {code for code, _ in c.wait_closed()} == {1012}
                assert not gaps(c)
        finally:
            for c in clients:
                c.close()
        # signals that are one to nginx, or two, or three
        for _ in range(5):
            n.send_signal(signal.SIGHUP)
        arrived(api, streams, publisher.stop())

    wait_for(lambda: len(family(master)) == 1 + 2, 20,
             "the old workers to leave")
    wait_for(lambda: fds(master) <= before, 10,
             "the master's descriptors to be as many as before")
    flow(vhost, streams)
    one_connection_each(vhost, n)
    wait_for(lambda: max(map(fds, n.workers())) <= worker + 2, 10,
             "descriptors to be closed")


def test_more_workers_than_wake_up_descriptors(service, vhost):
    """The master makes those at its start; who has none hears all the
    same."""

    n, api, streams = service(keys=KEYS[:1])
    n.write_conf(CONF, workers=40)
    n.reload(old_gone=True)
    n.reload(old_gone=True)
    n.wait_log("polling")
    s = streams[KEYS[0]]
    with Clients([s.location] * 80) as clients:
        vhost.publish(KEYS[0], ["1", "2", "3"])
        clients.wait(3)
        assert all(c.messages == ["1", "2", "3"] for c in clients)
        assert api.get(s)["subscribers"] == 80
        n.write_conf(CONF, workers=2)
        n.reload()
        assert {code for code, _ in clients.wait_closed()} == {1012}
    wait_for(lambda: len(family(n.master())) == 1 + 2, 20)
    assert api.get(s)["last_ordinal"] == 3
    flow(vhost, streams)


# without configuration

def test_loaded_without_http(nginx):
    n = nginx("")
    n.reload(old_gone=True)
    assert n.stop() == 0


def test_configured_and_not_any_more(service, vhost):
    """ess directives come, go and come back with reloads."""

    n, api, _ = service(WITHOUT, start=True)
    assert ours(vhost) == []
    plain = fds(n.master())

    n.write_conf(CONF)
    n.reload(old_gone=True)
    streams = {key: api.create(key) for key in KEYS}
    flow(vhost, streams)
    one_connection_each(vhost, n)

    with Clients(urls(streams)) as clients:
        n.write_conf(WITHOUT)
        n.reload(old_gone=True)
        assert {code for code, _ in clients.wait_closed()} <= {1001, 1012}
    assert Api(n.port(0)).request("GET", "/").body == b"fine"
    wait_for(lambda: ours(vhost) == [], 20, "the connections to be closed")
    # the wake-up descriptors stay
    wait_for(lambda: fds(n.master()) <= plain + 32, 10,
             "the master to close the rest")
    with pytest.raises(OSError):
        api.version()

    for key in KEYS:
        vhost.publish(key, "late")
    n.write_conf(CONF)
    n.reload(old_gone=True)
    assert [s["id"] for s in api.list()] == [s.id for s in streams.values()]
    arrived(api, streams, {key: 1 for key in KEYS}, "events")
    flow(vhost, streams)
    one_connection_each(vhost, n)


def test_configuration_test_changes_nothing(service, vhost):
    """nginx -t beside a running one."""

    n, api, streams = service(keys=KEYS)
    flow(vhost, streams)
    one_connection_each(vhost, n)
    files = {f: os.stat(n.path(f)).st_mtime_ns for f in os.listdir(n.folder)
             if f.startswith("streams.db")}
    infos = [api.get(s) for s in streams.values()]
    queues = sorted(vhost.queues())

    with Clients(urls(streams)) as clients:
        for names in {}, dict(zone="8m"), dict(store="%%DIR%%/new/s.db"), \
                dict(store="off"):
            n.names.update(names)
            n.write_conf(CONF)
            code, output = n.test()
            assert code == 0, output

        assert not os.path.exists(n.path("new"))
        assert files == {f: os.stat(n.path(f)).st_mtime_ns for f in files}
        assert sorted(vhost.queues()) == queues
        one_connection_each(vhost, n)
        for info in infos:
            info["subscribers"] = 1
        assert [api.get(s) for s in streams.values()] == infos
        vhost.publish(KEYS[0], "after")
        wait_for(lambda: clients[0].messages == ["after"])
        assert not any(c.closed for c in clients)


# stop

def all_read(port):
    """How many connections to the port a worker has taken and read all of
    that came."""

    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f][1:]
    return sum(int(r[1].split(":")[1], 16) == port and r[3] == "01"
               and r[4].endswith(":00000000") and r[9] != "0" for r in rows)


@pytest.mark.parametrize("quit", [False, True])
def test_stop_while_requests_wait_for_the_broker(service, quit):
    """quit answers them first, stop ends them at once; what is in the store
    then can be deleted."""

    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        n, api, _ = service(amqp="amqp://127.0.0.1:%d"
                            % silent.getsockname()[1])
        waiting = [RawWS(n.port(1)) for _ in range(20)]
        body = b'{"routing_key":"abc"}'
        for c in waiting:
            c.method = "POST"
            c.send(b"POST /event-stream/ HTTP/1.1\r\nHost: x\r\n"
                   b"Content-Type: application/json\r\n"
                   b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        wait_for(lambda: all_read(n.port(1)) == len(waiting))
        n.send_signal(signal.SIGQUIT if quit else signal.SIGTERM)
        for c in waiting:
            if quit:
                assert c.response() == 503
            c.recv_eof()
            c.close()
        wait_for(lambda: not n.running())
        assert n.process.returncode == 0

        n.start()
        left = api.list()
        assert not (quit and left)
        for s in left:
            api.delete(s["id"])
        assert api.list() == []


# other kinds of processes

def test_one_worker(service, vhost):
    n, api, streams = service(keys=KEYS, workers=1)
    flow(vhost, streams)
    n.reload(old_gone=True)
    flow(vhost, streams, "again")
    n.kill_worker()
    wait_for(lambda: len(n.workers()) == 1)
    flow(vhost, streams, "and again")
    arrived(api, streams, {key: 3 for key in KEYS})
    assert n.stop() == 0


def test_without_master_process(service, vhost):
    n, api, _ = service(SINGLE, start=False)
    n.spawn()

    def answers():
        try:
            return api.version()
        except OSError:
            assert n.running(), n.log()

    wait_for(answers)
    streams = {key: api.create(key) for key in KEYS}
    flow(vhost, streams)
    api.delete(streams[KEYS[0]])
    with Clients(urls(streams)[1:]) as clients:
        assert n.stop() == 0
        clients.wait_closed()

    n.spawn()
    wait_for(answers)
    del streams[KEYS[0]]
    assert [s["id"] for s in api.list()] == [s.id for s in streams.values()]
    flow(vhost, streams, "again")
    assert n.stop(quit=False) == 0


def test_cache_helpers_are_no_workers(service, vhost):
    n, api, streams = service(keys=KEYS, http="""
        proxy_cache_path %%DIR%%/cache keys_zone=cache:1m;""")
    n.wait_log("start cache manager process")
    n.wait_log("start cache loader process")
    assert len(family(n.master())) == 1 + 2 + 2
    flow(vhost, streams)
    one_connection_each(vhost, n)
    n.reload(old_gone=True)
    flow(vhost, streams)
    one_connection_each(vhost, n)


# names in the broker

def test_two_on_one_broker(service, vhost):
    """Without ess_node: each gets all events."""

    n1, api1, streams1 = service(keys=KEYS)
    n2, api2, streams2 = service(keys=KEYS)
    with Clients(urls(streams1) + urls(streams2)) as clients:
        for key in KEYS:
            vhost.publish(key, ["1", "2", "3"])
        clients.wait(3)
        assert all(c.messages == ["1", "2", "3"] for c in clients)
    names = {q.rsplit(".", 1)[0] for q in vhost.queues()}
    assert len(names) == 2
    wait_for(lambda: len(vhost.queues()) == 32, 20, "the queues of both")

    # the other one is not disturbed
    n1.stop()
    flow(vhost, streams2)


def test_restart_keeps_the_name(service, vhost):
    n, api, streams = service(keys=KEYS)
    wait_for(lambda: len(vhost.queues()) == 16, 20, "all workers' queues")
    queues = sorted(vhost.queues())
    n.stop()
    for key in KEYS:
        vhost.publish(key, "late")
    n.start()
    arrived(api, streams, {key: 1 for key in KEYS}, "events")
    assert sorted(vhost.queues()) == queues
