"""ess_max_subscribers, over all workers, and ess_max_memory."""


import pytest

from api import Api
from clients import Clients, RawWS
from memory import flat, private_kb
from wait import wait_for

CONF = """
http {
    ess_zone streams 16m;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_ping 0;
    ess_drain 0;
    ess_log size=8m count=100000;
    %%HTTP%%

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ {
            ess_subscribe;
            add_header X-Worker $pid always;
            %%LIMIT%%
        }
        location /unlimited/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""


def service(nginx, limit="", http="", workers=4):
    n = nginx(CONF, workers=workers, limit=limit, http=http)
    return n, Api(n.port(1))


def publish(api, key, body):
    r = api.request("POST", "/publish/" + key, body)
    assert r.status == 202, r


def refused(n, stream):
    api = Api(n.port(0))
    r = api.request("GET", "/event-stream/" + stream.uuid, headers={
        "Accept": "text/event-stream"})
    return r.status, r.headers["Retry-After"]


def test_one_too_many(nginx):
    n, api = service(nginx, "ess_max_subscribers 10;")
    streams = [api.create("abc"), api.create("abc")]
    with Clients([s.location for s in streams] * 9) as clients, \
            Clients([s.location for s in streams]) as two:
        assert len({c.response["X-Worker"] for c in clients}) > 1
        for s in streams:
            for _ in range(10):
                assert refused(n, s) == (503, "1")
            assert api.get(s)["subscribers"] == 10
        publish(api, "abc", "hello")
        clients.wait(1)
        two.close()
        wait_for(lambda: api.get(streams[0])["subscribers"] == 9)
        wait_for(lambda: api.get(streams[1])["subscribers"] == 9)
        with Clients([s.location for s in streams]):
            assert refused(n, streams[0])[0] == 503
        # elsewhere the same stream is not limited
        with Clients(streams[0].location.replace("event-stream",
                                                 "unlimited")):
            pass


def test_the_newest_takes_over(nginx):
    """One at a time, whichever worker it comes to."""

    n, api = service(nginx, "ess_max_subscribers 1 replace;")
    s = api.create("abc")
    with Clients([s.location]) as first:
        previous = first
        for i in range(12):
            clients = Clients(s.location)
            wait_for(lambda: previous[0].closed)
            assert previous[0].close_code == 1000
            assert previous[0].close_reason \
                == "A newer connection has taken over"
            publish(api, "abc", str(i))
            clients.wait(1)
            assert clients[0].messages == [str(i)]
            assert api.get(s)["subscribers"] == 1
            if i:
                previous.close()
            previous = clients
        previous.close()
    wait_for(lambda: api.get(s)["subscribers"] == 0)


def test_the_oldest_goes(nginx):
    """Of several, also when some have left meanwhile."""

    n, api = service(nginx, "ess_max_subscribers 4 replace;")
    s = api.create("abc")
    open_ = []
    try:
        for i in range(4):
            open_.append(Clients(s.location))
        # the second one leaves: one more has room
        open_.pop(1).close()
        wait_for(lambda: api.get(s)["subscribers"] == 3)
        open_.append(Clients(s.location))
        assert not any(c[0].closed for c in open_)
        for _ in range(10):
            open_.append(Clients(s.location))
            wait_for(lambda: open_[0][0].closed)
            open_.pop(0).close()
            assert not any(c[0].closed for c in open_)
        wait_for(lambda: api.get(s)["subscribers"] == 4)
    finally:
        for c in open_:
            c.close()


def test_many_at_once(nginx):
    """As many as are allowed are left."""

    n, api = service(nginx, "ess_max_subscribers 5 replace;")
    s = api.create("abc")
    with Clients([s.location] * 100) as clients:
        wait_for(lambda: sum(not c.closed for c in clients) == 5)
        assert api.get(s)["subscribers"] == 5
        publish(api, "abc", "hello")
        wait_for(lambda: all(c.messages[-1:] == ["hello"] for c in clients
                             if not c.closed))
        assert sum(not c.closed for c in clients) == 5
    wait_for(lambda: api.get(s)["subscribers"] == 0)


def test_peer_that_does_not_answer(nginx):
    """A connection whose close is not answered does not count."""

    n, api = service(nginx, "ess_max_subscribers 1 replace;")
    s = api.create("abc")
    raw = []
    for _ in range(6):
        raw.append(RawWS.of(s.location).connect())
    with Clients([s.location]) as clients:
        assert api.get(s)["subscribers"] == 1
        publish(api, "abc", "hello")
        clients.wait(1)
    for r in raw:
        r.close()


def test_worker_is_killed(nginx):
    n, api = service(nginx, "ess_max_subscribers 8;")
    s = api.create("abc")
    with Clients([s.location] * 8) as clients:
        assert refused(n, s)[0] == 503
        victim = int(clients[0].response["X-Worker"])
        n.kill_worker(victim)
        wait_for(lambda: api.get(s)["subscribers"] < 8)
        with Clients([s.location]) as more:
            publish(api, "abc", "hello")
            more.wait(1)


@pytest.mark.parametrize("policy", ["close", "skip"])
def test_total_memory(nginx, policy):
    """Each is within its own bound, all of them are not: nobody is closed."""

    n, api = service(
        nginx, "ess_slow_client %s buffer=64m;" % policy,
        "ess_max_memory 1m;", workers=1)
    streams = [api.create("key-%d" % i) for i in range(4)]
    slow = []
    for s in streams:
        slow.append(RawWS.of(s.location, rcvbuf=4096).connect())

    with Clients([s.location for s in streams]) as clients:
        publish(api, "key-0", "x")
        before = private_kb(n.workers())
        # beside what the sockets hold
        for _ in range(120):
            for i in range(4):
                publish(api, "key-%d" % i, "x" * 60000)
        wait_for(lambda: all(len(c.messages) >= 120 for c in clients), 30)
        assert flat(before, private_kb(n.workers()), 16 * 1024)
        assert all(api.get(s)["subscribers"] == 2 for s in streams)
    for raw in slow:
        raw.close()
