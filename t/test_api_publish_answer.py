"""What a publication is answered: what became of it, where that is known."""

import json
import re
import threading

import pytest

from api import Api
from clients import Clients
from sse import EventSource

CONF = """
http {
    ess_zone streams 32m;
    %%AMQP%%
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=8m count=100000;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%% reuseport;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish batch=20000; }
    }
}
"""


def publish(api, path, body):
    r = api.request("POST", "/publish/" + path, body, timeout=60)
    assert r.status == 202, r
    assert r.headers["Content-Type"] == "application/json"
    return r.json()


@pytest.fixture
def api(nginx):
    return Api(nginx(CONF, workers=2, amqp="").port(1))


def ordinals(ids):
    """Of one stream."""

    assert all(re.fullmatch("[0-9a-f]{1,16}-[0-9]+", i) for i in ids), ids
    assert len({i.split("-")[0] for i in ids}) == 1
    return [int(i.split("-")[1]) for i in ids]


def test_the_id_is_the_one_that_clients_get(api):
    stream = api.create("abc")
    first = publish(api, "abc", "one")["ids"]
    assert ordinals(first) == [1]
    second = publish(api, stream.uuid + "?by=uuid", "two")["ids"]
    assert ordinals(first + second) == [1, 2]

    sse = EventSource(stream.location.replace("ws:", "http:")
                      + "?stream_from_ordinal=0")
    sse.wait(2)
    assert [e.id for e in sse.events[:2]] == first + second
    sse.close()

    # and by which they come back
    sse = EventSource(stream.location.replace("ws:", "http:"),
                      last_id=first[0])
    sse.wait(1)
    assert sse.events[0].data == "two"
    sse.close()


def test_a_batch_in_order(api):
    api.create("abc")
    answer = publish(api, "abc?batch=1", json.dumps(list(range(3000))))
    assert list(answer) == ["ids"]
    assert ordinals(answer["ids"]) == list(range(1, 3001))


def test_several_streams_of_a_key(api):
    """Event by event, the streams in the order of their own ids."""

    streams = [api.create("abc") for _ in range(3)]
    publish(api, streams[1].uuid + "?by=uuid", "x")
    epochs = [publish(api, s.uuid + "?by=uuid", "x")["ids"][0].split("-")[0]
              for s in streams]
    ids = publish(api, "abc?batch=1", "[1, 2]")["ids"]
    assert ids == [epochs[0] + "-2", epochs[1] + "-3", epochs[2] + "-2",
                   epochs[0] + "-3", epochs[1] + "-4", epochs[2] + "-3"]


def test_many_streams_of_a_key(api):
    api.create_many(["many"] * 1500)
    ids = publish(api, "many", "x")["ids"]
    assert len(set(ids)) == 1500
    assert all(i.endswith("-1") for i in ids)
    # too many to tell
    assert publish(api, "many?batch=1", json.dumps([0] * 7)) == {"accepted": 7}


def test_what_has_no_id(api):
    api.create("abc")
    assert publish(api, "abc", "POISON") == {"accepted": 1}
    assert publish(api, "abc?batch=1", '["a", "POISON"]') == {"accepted": 2}
    batch = json.dumps([0] * 10000)
    assert len(publish(api, "abc?batch=1", batch)["ids"]) == 10000
    batch = json.dumps([0] * 10001)
    assert publish(api, "abc?batch=1", batch) == {"accepted": 10001}


def test_publishers_at_the_same_time(api):
    """Each gets its own ids."""

    stream = api.create("abc")
    got = []

    def some(n):
        for i in range(10):
            body = json.dumps(["%d %d %d" % (n, i, k) for k in range(300)])
            got.append((json.loads(body), publish(api, "abc?batch=1", body)))

    threads = [threading.Thread(target=some, args=(n,)) for n in range(4)]
    with Clients([stream.location]) as clients:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        clients.wait(12000, 30)
        arrived = clients[0].messages
    assert len(got) == 40
    for bodies, answer in got:
        assert [arrived[n - 1] for n in ordinals(answer["ids"])] == bodies


def test_through_a_broker(nginx, vhost):
    """Its confirm says none."""

    n = nginx(CONF, workers=2, amqp="ess_amqp %s;" % vhost.url)
    api = Api(n.port(1))
    api.create("abc")
    assert publish(api, "abc", "x") == {"accepted": 1}
    assert publish(api, "abc?batch=1", "[1, 2, 3]") == {"accepted": 3}
