"""Streams made on demand: ess_created, and create= of ess_subscribe and
ess_publish."""

import concurrent.futures
import http.client
import json
import sqlite3
import time

import pytest

from api import Api
from clients import Clients
from wait import slower, wait_for

CONF = """
http {
    ess_zone streams 8m;
    %%BROKER%%
    %%CREATED%%
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;

        location /event-stream/ { ess_subscribe; }
        location ~ ^/sub/(.*)$ {
            ess_subscribe name=$1 public create=%%SOURCE%%;
        }
        location /there/ { ess_subscribe name=$arg_name public; }
        location /multi { ess_subscribe multi names public; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;

        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish create=%%SOURCE%%; }
        location /plain/ { ess_publish; }
        location /metrics { ess_metrics; }
    }
}
"""


@pytest.fixture
def start(nginx, request):
    def start(broker=None, created="", source="exchange", **more):
        if broker:
            broker = "ess_amqp %s;" % broker.url
        return nginx(CONF, broker=broker or "", source=source,
                     created=created and "ess_created %s;" % created, **more)
    return start


def idle():
    """Longer than a busy machine takes between two requests."""

    return "idle=%ds" % (2 * slower())


def publish(n, name, body="x", path="/publish/"):
    return Api(n.port(1)).request("POST", path + name, body)


def names(n):
    return sorted(s["name"] for s in Api(n.port(1)).list() if "name" in s)


def made(n):
    figures = Api(n.port(1)).figures()
    return {by: figures['ess_streams_created_total{by="%s"}' % by]
            for by in ("subscription", "publication", "api", "configuration")}


def test_a_publication_makes_it(start, vhost):
    n = start(vhost)
    api = Api(n.port(1))
    assert publish(n, "a", path="/plain/").status == 404
    wait_for(lambda: publish(n, "a").status == 202, 20, "the broker")
    assert names(n) == ["a"]
    s = api.get("a")
    assert s["routing_key"] == "a"
    # it is bound: what the broker gets comes, too
    vhost.publish("a", "y")
    wait_for(lambda: api.get("a")["events"] == 2)
    assert publish(n, "a").status == 202
    assert names(n) == ["a"]
    wait_for(lambda: api.get("a")["events"] == 3)


def test_what_cannot_be_a_name(start):
    n = start()
    for key in "42", "a%2Fb", "a" * 129, "version":
        r = publish(n, key)
        assert r.status == 422, r
        assert "none can be made: its name must be" in r.json()["detail"]
    Api(n.port(1)).create("42")
    assert publish(n, "42").status == 202
    assert names(n) == []


def test_a_stream_that_has_the_key_is_enough(start):
    n = start()
    stream = Api(n.port(1)).create("a")
    assert publish(n, "a").status == 202
    assert Api(n.port(1)).get(stream)["events"] == 1
    assert len(Api(n.port(1)).list()) == 1
    assert made(n) == {"subscription": 0, "publication": 0, "api": 1,
                       "configuration": 0}


def test_a_silent_broker(start, nginx):
    n = start()
    n.names["broker"] = "ess_amqp amqp://127.0.0.1:1/;"
    n.write_conf(CONF)
    n.reload(old_gone=True)
    begin = time.monotonic()
    r = publish(n, "a")
    assert r.status == 503 and r.headers["Retry-After"] == "1", r
    assert time.monotonic() - begin > 1.9
    assert names(n) == []
    # what is wrong with the broker is not for everybody
    r = sse(n, "b")[1]
    assert r.status == 503 and r.headers["Retry-After"] == "1"
    assert "127.0.0.1" not in r.read().decode()
    n.expect(r"\[error\]")


def test_it_goes_when_nobody_uses_it(start):
    n = start(created=idle())
    api = Api(n.port(1))
    assert publish(n, "b").status == 202
    assert publish(n, "a").status == 202
    api.create("c")
    with Clients([api.get("a")["location"]]) as clients:
        wait_for(lambda: names(n) == ["a"], 20, "b to go")
        publish(n, "a", "still there")
        clients.wait(1)
        assert api.figures()["ess_created_streams"] == 1
    wait_for(lambda: names(n) == [], 20, "a to go")
    assert len(api.list()) == 1
    # as if it had never been
    assert publish(n, "a").status == 202
    assert api.get("a")["events"] == 1
    assert made(n)["publication"] == 3


def test_one_that_goes(start, tmp_path):
    """A publication waits until it is gone, and makes another one."""

    n = start()
    n.names["broker"] = "ess_store %s;" % (tmp_path / "store.db")
    n.write_conf(CONF)
    n.reload(old_gone=True)
    api = Api(n.port(1))
    assert publish(n, "a").status == 202
    first = api.get("a")["id"]
    store = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        going = [pool.submit(api.request, "DELETE", "a") for _ in range(2)]
        # whoever comes second knows that it is about to go
        wait_for(lambda: [f for f in going if f.done()])
        published = pool.submit(publish, n, "a")
        with pytest.raises(concurrent.futures.TimeoutError):
            published.result(0.3)
        store.rollback()
        assert published.result().status == 202
    assert {f.result().status for f in going} == {204, 404}
    assert api.get("a")["id"] > first
    assert api.get("a")["events"] == 1


def test_events_keep_it(start, vhost):
    seconds = int(2 * slower())
    n = start(vhost, created="idle=%ds" % seconds)
    api = Api(n.port(1))
    wait_for(lambda: publish(n, "a").status == 202, 20, "the broker")
    first = api.get("a")["id"]
    end = time.monotonic() + 2 * seconds
    while time.monotonic() < end:
        vhost.publish("a", "x")
    assert api.get("a")["id"] == first
    wait_for(lambda: names(n) == [], 20, "it to go")
    wait_for(lambda: "a" not in [key for _, key in vhost.bindings()], 20)


def test_max(start):
    n = start(created="max=3 " + idle())
    for name in "abc":
        assert publish(n, name).status == 202
    r = publish(n, "d")
    assert r.status == 503 and r.headers["Retry-After"] == "1", r
    assert "ess_created" in r.json()["detail"]
    # whoever asks for one that is there has it, and the API is not bound by it
    assert publish(n, "a").status == 202
    Api(n.port(1)).create("e")
    wait_for(lambda: publish(n, "d").status == 202, 20, "others to go")


def test_rate(start):
    n = start(created="rate=5", workers=4)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        begin = time.monotonic()
        answers = list(pool.map(lambda i: publish(n, "n%d" % i), range(20)))
        seconds = time.monotonic() - begin
    ok = [r for r in answers if r.status == 202]
    refused = [r for r in answers if r.status == 429]
    assert len(ok) + len(refused) == 20, answers
    assert 5 <= len(ok) <= 5 + 5 * seconds + 1
    assert all(r.headers["Retry-After"] == "1" for r in refused)
    assert len(names(n)) == len(ok)
    # after a while again; who is there already is not counted
    wait_for(lambda: publish(n, "more").status == 202, 20)
    assert all(publish(n, "more").status == 202 for _ in range(20))


def test_one_of_each_name(start, vhost):
    """Four workers are asked for the same 100 names at once."""

    n = start(vhost, created="rate=1000", workers=4)
    wait_for(lambda: publish(n, "first").status == 202, 20, "the broker")
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda i: publish(n, "n%d" % (i % 100)),
                                range(400)))
    assert [r for r in answers if r.status != 202] == []
    assert names(n) == sorted(["first"] + ["n%d" % i for i in range(100)])
    assert made(n)["publication"] == 101
    api = Api(n.port(1))
    assert all(api.get("n%d" % i)["events"] == 4 for i in range(100))


def test_rabbitmq_stream(start, vhost):
    n = start(vhost, source="stream", created=idle())
    api = Api(n.port(1))
    wait_for(lambda: publish(n, "a", "1").status == 202, 20, "the broker")
    assert vhost.queues()["a"]["arguments"] == {"x-queue-type": "stream"}
    url = api.get("a")["location"]
    with Clients([url + "?stream_from_ordinal=0"]) as clients:
        clients.wait(1)
        assert publish(n, "a", "2").status == 202
        clients.wait(2)
        assert clients[0].messages == ["1", "2"]
    wait_for(lambda: names(n) == [], 20, "it to go")
    # what the broker keeps is there still
    assert publish(n, "a", "3").status == 202
    with Clients([api.get("a")["location"] + "?stream_from_ordinal=0"]) \
            as clients:
        clients.wait(3)
        assert clients[0].messages == ["1", "2", "3"]


def test_it_stays_over_a_reload_and_a_crash(start, tmp_path):
    n = start(created=idle())
    n.names["broker"] = "ess_store %s;" % (tmp_path / "store.db")
    n.write_conf(CONF)
    n.reload(old_gone=True)
    assert publish(n, "a").status == 202
    n.reload(old_gone=True)
    n.kill_worker()
    assert publish(n, "a").status == 202
    assert names(n) == ["a"]
    # the store knows how it came
    n.stop()
    n.start()
    assert names(n) == ["a"]
    wait_for(lambda: names(n) == [], 20, "it to go")
    n.stop()
    n.start()
    assert names(n) == []


def test_nothing_is_left_of_half_made_ones(start, vhost, relay):
    """A worker dies while it waits for the broker."""

    n = start(relay, created="max=4 rate=1000", workers=1)
    wait_for(lambda: publish(n, "first").status == 202, 20, "the broker")
    relay.lose_binds = True
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(publish, n, "n%d" % i) for i in range(3)]
        wait_for(lambda: relay.lost_binds, 20, "a bind on its way")
        n.kill_worker()
        for f in waiting:
            with pytest.raises(Exception):
                assert f.result().status == 202
    relay.lose_binds = False
    wait_for(lambda: Api(n.port(1)).figures()["ess_created_streams"] == 1, 20,
             "the half-made ones to go")
    assert names(n) == ["first"]
    wait_for(lambda: publish(n, "n1").status == 202, 20, "the broker")


def sse(n, name, **headers):
    """An answer, up to its header."""

    c = http.client.HTTPConnection("127.0.0.1", n.port(0),
                                   timeout=30 * slower())
    c.request("GET", "/sub/" + name, headers={
        "Accept": "text/event-stream", **headers})
    return c, c.getresponse()


def ws(n, name):
    return "ws://127.0.0.1:%d/sub/%s" % (n.port(0), name)


def test_a_subscription_makes_it(start, vhost):
    n = start(vhost)
    api = Api(n.port(1))
    wait_for(lambda: publish(n, "warm").status == 202, 20, "the broker")
    with Clients([ws(n, "a"), ws(n, "a"), ws(n, "b")]) as clients:
        # it was bound before the 101
        vhost.publish("a", "1")
        vhost.publish("b", "2")
        clients.wait(1)
        assert [c.messages for c in clients] == [["1"], ["1"], ["2"]]
    c, r = sse(n, "c")
    assert r.status == 200
    vhost.publish("c", "3")
    while b"data: 3" not in r.fp.readline():
        pass
    c.close()
    assert names(n) == ["a", "b", "c", "warm"]
    assert made(n) == {"subscription": 3, "publication": 1, "api": 0,
                       "configuration": 0}
    assert api.get("a")["routing_key"] == "a"
    # neither here
    r = Api(n.port(0)).request("GET", "/there/?name=d")
    assert r.status == 404


def test_names_that_cannot_be(start):
    n = start()
    for name in "42", "a/b", "a" * 129, "":
        assert sse(n, name)[1].status == 404
    assert names(n) == []


def test_a_subscription_is_refused(start):
    """429 beyond the rate, 503 beyond the number; both may be tried again."""

    n = start(created="max=200 rate=1")
    several = (sse(n, "a%d" % i)[1] for i in range(200))
    r = next(r for r in several if r.status != 200)
    assert r.status == 429 and r.headers["Retry-After"] == "1"
    assert "ess_created" in json.loads(r.read())["detail"]
    wait_for(lambda: sse(n, "b")[1].status == 200, 20)

    n = start(created="max=2 rate=100")
    kept = [sse(n, name) for name in "ab"]
    assert [r.status for _, r in kept] == [200, 200]
    r = sse(n, "c")[1]
    assert r.status == 503 and r.headers["Retry-After"] == "1"
    assert Api(n.port(1)).figures()[
        'ess_rejected_requests_total{reason="created"}'] == 1


def test_subscribers_of_four_workers_at_once(start, vhost):
    n = start(vhost, created="rate=1000", workers=4)
    wait_for(lambda: publish(n, "first").status == 202, 20, "the broker")
    with Clients([ws(n, "n%d" % (i % 20)) for i in range(80)]) as clients:
        for i in range(20):
            vhost.publish("n%d" % i, str(i))
        clients.wait(1)
        assert [c.messages for c in clients] == [
            [str(i % 20)] for i in range(80)]
    assert made(n)["subscription"] == 20


def test_who_waits_may_go(start, vhost, relay):
    n = start(relay, workers=1)
    wait_for(lambda: publish(n, "first").status == 202, 20, "the broker")
    relay.lose_binds = True
    c = http.client.HTTPConnection("127.0.0.1", n.port(0), timeout=30)
    c.request("GET", "/sub/a", headers={"Accept": "text/event-stream"})
    wait_for(lambda: relay.lost_binds, 20, "a bind on its way")
    c.close()
    # and one that stays
    assert sse(n, "b")[1].status == 503
    relay.lose_binds = False
    assert wait_for(lambda: sse(n, "b")[1].status == 200, 20)


def test_a_worker_dies_while_a_client_waits(start, relay):
    """The client gets no 101, and once the worker's half-made stream is gone
    whoever comes again has it."""

    n = start(relay, created="rate=1000", workers=2)
    wait_for(lambda: publish(n, "first").status == 202, 20, "the broker")
    relay.lose_binds = True
    waiting = []
    for _ in range(8):
        c = http.client.HTTPConnection("127.0.0.1", n.port(0),
                                       timeout=30 * slower())
        c.request("GET", "/sub/a", headers={"Accept": "text/event-stream"})
        waiting.append(c)
    wait_for(lambda: relay.lost_binds, 20, "a bind on its way")
    for pid in n.workers():
        n.kill_worker(pid)
    for c in waiting:
        # of the worker that died last there may be one who was refused
        try:
            assert c.getresponse().status == 503
        except (http.client.HTTPException, OSError):
            pass
        c.close()
    assert names(n) == ["first"]
    relay.lose_binds = False
    with Clients([ws(n, "b")]) as clients:
        assert publish(n, "b", "1").status == 202
        clients.wait(1)
    c, r = wait_for(lambda: (lambda c, r: r.status == 200 and (c, r))(
        *sse(n, "a")), 20, "the half-made one to go")
    assert publish(n, "a", "2").status == 202
    while b"data: 2" not in r.fp.readline():
        pass
    c.close()
    assert names(n) == ["a", "b", "first"]
    assert Api(n.port(1)).figures()["ess_created_streams"] == 3


def test_two_nginx_at_one_broker(start, nginx, vhost):
    """Each has a stream of the name, and both get what either publishes; one
    that nobody uses goes, and takes nothing from the other."""

    one = start(vhost, created="idle=1s")
    two = start(vhost, created="idle=1h")
    for n in one, two:
        wait_for(lambda: publish(n, "a").status == 202, 20, "the broker")
    # what was published for that is no client's
    wait_for(lambda: [Api(n.port(1)).get("a")["events"]
                      for n in (one, two)] == [2, 1])
    before = Api(two.port(1)).get("a")
    assert before["location"] != Api(one.port(1)).get("a")["location"]
    with Clients([ws(one, "a"), ws(two, "a")]) as clients:
        assert publish(one, "a", "1").status == 202
        assert publish(two, "a", "2").status == 202
        clients.wait(2)
        assert [sorted(c.messages) for c in clients] == [["1", "2"]] * 2
    wait_for(lambda: names(one) == [], 20, "it to go")
    with Clients([ws(two, "a")]) as clients:
        # nobody has to make it again for the other's sake
        assert publish(two, "a", "3").status == 202
        clients.wait(1)
        assert clients[0].messages == ["3"]
        assert publish(one, "a", "4").status == 202
        clients.wait(2)
    assert names(one) == ["a"]
    assert Api(two.port(1)).get("a")["id"] == before["id"]
