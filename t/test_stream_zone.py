"""The zone: full, kept over reloads, replaced."""

import pytest

from api import Api
from clients import Clients
from wait import wait_for

CONF = """
http {
    ess_zone %%ZONE%%;
    ess_store %%STORE%%;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=%%LOG%% count=1000000;
    ess_max_event 64k;
    ess_node test;
    ess_drain 0;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
        location / { return 200 fine; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


@pytest.fixture
def service(nginx, vhost):
    def make(zone="streams 2m", store="off", log="64k", **kwargs):
        n = nginx(CONF, zone=zone, store=store, log=log, amqp=vhost.url,
                  **kwargs)
        return n, Api(n.port(1))
    return make


def test_more_workers_than_there_is_room_for(nginx):
    """Those that found no place in the zone say so; the others work."""

    n = nginx(CONF.replace("    ess_amqp %%AMQP%%;\n", "")
              .replace("    ess_node test;\n", ""),
              zone="streams 1m", store="off", log="64k", workers=66)
    n.expect("process slot .* is beyond")
    api = Api(n.port(1))
    requests = [("POST", "", {"routing_key": "abc"}), ("DELETE", "1", None),
                ("GET", "", None)]
    wanted = {(method, 503) for method, _, _ in requests} | {("POST", 201)}
    seen = set()

    def answered():
        for method, path, body in requests:
            r = api.request(method, path, body)
            seen.add((method, r.status))
            if r.status == 503:
                assert "no room for this worker" in r.json()["detail"]
            elif method == "POST":
                assert r.status == 201
        return wanted <= seen

    wait_for(answered, 30)


@pytest.mark.parametrize("store", ["off", "%%DIR%%/streams.db"])
def test_full_of_streams(service, vhost, store):
    """Creating one more answers 507 and changes nothing; those that are
    there work; a deleted one makes room."""

    n, api = service(store=store)
    first = api.create("first")
    answers = []
    while not answers or answers[-1].status == 201:
        answers.append(api.request(
            "POST", body={"routing_key": "k" * 200 + str(len(answers))}))

    last = answers.pop()
    assert last.status == 507
    assert last.headers["Content-Type"] == "application/problem+json"
    assert "zone" in last.json()["detail"]
    assert len(answers) > 500
    assert len(api.list()) == len(answers) + 1

    with Clients(first.location) as clients:
        vhost.publish("first", ["%d" % i for i in range(300)])
        clients.wait(300)
        assert clients[0].messages == ["%d" % i for i in range(300)]

    for r in answers[:20]:
        api.delete(r.json()["id"])
    assert api.create("second").id > answers[-1].json()["id"]
    assert Api(n.port(0)).request("GET", "/").body == b"fine"


def test_full_of_events(service, vhost):
    """The oldest events of all streams go first; connected clients get every
    one of them."""

    n, api = service(log="64m")
    streams = [api.create("key-%d" % i) for i in range(4)]
    with Clients([s.location for s in streams]) as clients:
        for round_ in range(20):
            for i in range(4):
                vhost.publish("key-%d" % i,
                              ["%d " % round_ + "x" * 60000] * 4)
        clients.wait(80, 20)
        for c in clients:
            assert [int(m.split()[0]) for m in c.messages] \
                == [r for r in range(20) for _ in range(4)]

    infos = [api.get(s) for s in streams]
    assert all(i["last_ordinal"] == 80 for i in infos)
    assert all(0 < i["events"] < 20 for i in infos)
    assert all(i["first_ordinal"] == 81 - i["events"] for i in infos)
    assert sum(i["bytes"] for i in infos) < 2 * 1024 * 1024
    assert api.create("one more").id == 5


def test_log_bounds(service, vhost):
    n, api = service(log="10k")
    s = api.create("abc")
    vhost.publish("abc", ["x" * 60000])
    wait_for(lambda: api.get(s)["events"] == 1)
    assert api.get(s)["bytes"] == 60000


def test_reload_keeps_the_zone(service, vhost):
    """With another size: the old one, and a warning."""

    n, api = service()
    s = api.create("abc")
    vhost.publish("abc", ["1", "2", "3"])
    wait_for(lambda: api.get(s)["last_ordinal"] == 3)

    n.reload(old_gone=True)
    assert api.get(s)["events"] == 3

    n.names["zone"] = "streams 8m"
    n.write_conf(CONF)
    n.reload(old_gone=True)
    assert api.get(s)["events"] == 3
    assert "[warn]" in n.log() and "streams" in n.log()
    with Clients(s.location) as clients:
        vhost.publish("abc", "4")
        clients.wait(1)
    assert api.get(s)["last_ordinal"] == 4


def test_reload_with_another_zone(service, vhost):
    """It is filled from the store."""

    n, api = service(store="%%DIR%%/streams.db")
    s = api.create("abc")
    n.names["zone"] = "other 4m"
    n.write_conf(CONF)
    n.reload(old_gone=True)
    assert [x["id"] for x in api.list()] == [s.id]
    with Clients(s.location) as clients:
        vhost.publish("abc", "hello")
        clients.wait(1)


def test_refused_reload_changes_nothing(service, vhost):
    n, api = service()
    s = api.create("abc")
    with Clients(s.location) as clients:
        n.expect(r"\[emerg\]")
        pids = n.workers()
        n.write_conf(CONF.replace("ess_drain 0;", "ess_drain 0; nonsense;"))
        with pytest.raises(AssertionError, match="refused"):
            n.reload()
        n.write_conf(CONF.replace("listen 127.0.0.1:%%PORT0%%;",
                                  "listen 192.0.2.1:%%PORT0%%;"))
        with pytest.raises(AssertionError, match="refused"):
            n.reload()
        vhost.publish("abc", "hello")
        clients.wait(1)
        assert not clients[0].closed
        assert n.workers() == pids
        assert api.get(s)["last_ordinal"] == 1


def test_restart_without_store_forgets(service):
    n, api = service()
    api.create("abc")
    n.stop()
    n.start()
    assert api.list() == []
