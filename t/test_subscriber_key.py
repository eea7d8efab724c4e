"""ess_subscribe key=: a client gets the events of one key of a stream."""

import collections
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest

from api import Api
from clients import Clients, RawWS, REFUSED, refused_status
from sse import EventSource
from v1 import V1
from wait import wait_for

CONF = """
http {
    ess_zone        streams 16m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=%%LOG%% count=100000 age=1h;
    ess_drain       0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;

        location /event-stream/ { ess_subscribe; }
        location /key/          { ess_subscribe key=$arg_key; }
        location /any/          { ess_subscribe key=?$arg_key; }
        location /annotated/    { ess_subscribe key=$arg_key; ess_annotate on; }
        location /skip/         { ess_subscribe key=$arg_key;
                                  ess_slow_client skip buffer=64k; }
        location /close/        { ess_subscribe key=$arg_key;
                                  ess_slow_client close buffer=64k; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


@pytest.fixture
def service(nginx, vhost):
    def make(log="4m", workers=2):
        n = nginx(CONF.replace("%%LOG%%", log), workers, amqp=vhost.url)
        return n, Api(n.port(1))
    return make


def url(stream, key, path="key", **more):
    more = dict(more, key=key) if key is not None else more
    return stream.location.replace("/event-stream/", "/%s/" % path) + (
        "?" + urllib.parse.urlencode(more) if more else "")


def bodies(key, first, last):
    return [json.dumps({"k": key, "n": n}) for n in range(first, last + 1)]


def mixed(keys, n):
    return [json.dumps({"k": keys[i % len(keys)], "n": i}) for i in range(n)]


def own(key, sent):
    return [b for b in sent if json.loads(b).get("k") == key]


def create(api, rule="json:/k", routing_key="abc"):
    return api.create(routing_key, key=rule)


def in_log(api, stream, ordinal):
    wait_for(lambda: api.get(stream)["last_ordinal"] == ordinal,
             what="the events to be in the log")


def refused(address):
    with pytest.raises(REFUSED) as e:
        Clients(address)
    return refused_status(e.value)


def problem(address):
    with pytest.raises(urllib.error.HTTPError) as e:
        urllib.request.urlopen(urllib.request.Request(
            address.replace("ws://", "http://"),
            headers={"Accept": "text/event-stream"}))
    return e.value.code, json.loads(e.value.read())["detail"]


def test_only_own_keys_once_on_two_workers(service, vhost):
    n, api = service()
    stream = create(api)
    keys = ["eu", "us", "caf\u00e9", "a b/c"]
    keyed = mixed(keys, 400)
    sent = keyed + ['{"n":1}', "no JSON", '{"k":["eu"]}']

    with Clients([url(stream, k) for k in keys * 4]
                 + [url(stream, None, "event-stream")] * 4
                 + [url(stream, "asia")] * 2
                 + [url(stream, None, "any")] * 2) as clients:
        vhost.publish("abc", sent)
        for c, k in zip(clients, keys * 4):
            wait_for(lambda: len(c.messages) == 100)
            assert c.messages == own(k, keyed)
        for c in clients[16:20] + clients[22:]:
            wait_for(lambda: len(c.messages) == len(sent))
            assert c.messages == sent
        assert clients[20].messages == clients[21].messages == []


def test_who_has_no_key_or_a_wrong_one(service, vhost):
    n, api = service()
    stream = create(api)
    plain = api.create("def")

    assert refused(url(stream, None)) == 403
    assert refused(url(stream, "")) == 403
    assert refused(url(stream, "k" * 256)) == 403
    assert refused(url(stream, None) + "?key=%ff") == 403
    assert refused(url(stream, None) + "?key=%zz") == 403
    assert refused(url(plain, "eu")) == 409
    assert refused(url(plain, "eu", "any")) == 409
    assert problem(url(stream, "")) == (
        403, "this address has the events of one key only, and the request "
        "says none")
    assert problem(url(plain, "eu"))[0] == 409

    with Clients([url(stream, "k" * 255), url(plain, None, "any"),
                  url(plain, "", "any")]) as clients:
        vhost.publish("def", "x")
        wait_for(lambda: clients[1].messages == ["x"])
        wait_for(lambda: clients[2].messages == ["x"])


@pytest.mark.parametrize("value", [
    "key=", "key=?", "key=eu", "key=$arg_a key=$arg_b", "key=$"])
def test_wrong_configurations(nginx, value):
    n = nginx("http { ess_zone z 8m; server { listen 127.0.0.1:%%PORT0%%; "
              "location / { ess_subscribe " + value + "; } } }", start=False)
    n.expect(r"\[emerg\]")
    code, said = n.test()
    assert code != 0
    assert "nginx.conf:" in said
    if value != "key=$":
        assert "ess_subscribe" in said and "key" in said


def test_resume_by_key(service, vhost):
    n, api = service()
    stream = create(api)
    sent = mixed(["eu", "us", "asia"], 900)
    vhost.publish("abc", sent)
    in_log(api, stream, 900)

    with Clients([url(stream, "eu", stream_from_ordinal=0)] * 3
                 + [url(stream, "us", stream_from_ordinal=450)] * 3
                 ) as clients:
        for c in clients[:3]:
            wait_for(lambda: len(c.messages) == 300)
        for c in clients[3:]:
            wait_for(lambda: len(c.messages) == 150)
        more = mixed(["us", "eu"], 200)
        vhost.publish("abc", more)
        for c in clients[:3]:
            wait_for(lambda: len(c.messages) == 400)
            assert c.messages == own("eu", sent + more)
        for c in clients[3:]:
            wait_for(lambda: len(c.messages) == 250)
            assert c.messages == own("us", sent[450:] + more)


def test_an_event_source_comes_back(service, vhost):
    n, api = service()
    stream = create(api)
    sent = mixed(["eu", "us"], 100)
    with EventSource(url(stream, "eu").replace("ws:", "http:")) as es:
        vhost.publish("abc", sent)
        wait_for(lambda: len(es.events) == 50)
        last = es.events[29].id
        assert [e.data for e in es.events] == own("eu", sent)
    assert int(last.split("-")[1]) == 59

    with EventSource(url(stream, "eu").replace("ws:", "http:"),
                     headers={"Last-Event-ID": last}) as es:
        wait_for(lambda: len(es.events) == 20)
        vhost.publish("abc", bodies("us", 1, 3) + bodies("eu", 1, 3))
        wait_for(lambda: len(es.events) == 23)
        assert [e.data for e in es.events] == (own("eu", sent)[30:]
                                               + bodies("eu", 1, 3))

    with EventSource(url(stream, "us", **{"from": last}).replace(
            "ws:", "http:")) as es:
        wait_for(lambda: len(es.events) == 24)
        assert es.events[0].data == sent[59]


def test_what_is_gone_is_announced(service, vhost):
    n, api = service(log="64k")
    stream = create(api)
    vhost.publish("abc", mixed(["eu", "us"], 4000))
    in_log(api, stream, 4000)

    others = 0

    def evicted():
        """What is younger than a second stays; an event of neither key."""

        nonlocal others
        others += 1
        vhost.publish("abc", mixed(["zz"], 1))
        in_log(api, stream, 4000 + others)
        return api.get(stream)["bytes"] <= 65536

    wait_for(evicted, 20, interval=0.2)
    first = api.get(stream)["first_ordinal"]
    assert first > 1

    with EventSource(url(stream, "eu", stream_from_ordinal=0).replace(
            "ws:", "http:")) as es:
        wait_for(lambda: es.events and json.loads(
            es.events[-1].data).get("n") == 3998)
        gap = es.events[0]
        assert gap.type == "gap"
        assert json.loads(gap.data) == {"from": 1, "to": first - 1}
        assert all(json.loads(e.data)["k"] == "eu" for e in es.events[1:])

    with Clients(url(stream, "us", "annotated", stream_from_ordinal=0)
                 ) as clients:
        wait_for(lambda: len(clients[0].messages) > 10)
        assert json.loads(clients[0].messages[0]) == {
            "ess_gap": {"from": 1, "to": first - 1}}
        event = json.loads(clients[0].messages[1])
        assert event["k"] == "us" and event["ess_ordinal"] >= first


def test_poison_and_the_end_close_all_keys(service, vhost):
    n, api = service()
    stream = create(api)
    with Clients([url(stream, k) for k in ("eu", "us", "asia", "eu")]
                 ) as clients:
        vhost.publish("abc", bodies("eu", 1, 1) + ["POISON"])
        clients.wait_closed()
        assert [len(c.messages) for c in clients] == [1, 0, 0, 1]
        assert {c.close_code for c in clients} == {1000}

    with Clients([url(stream, k) for k in ("eu", "us")]) as clients:
        api.delete(stream)
        clients.wait_closed()
        assert {c.close_code for c in clients} == {1000}


@pytest.mark.parametrize("path", ["skip", "close"])
def test_a_slow_client_of_a_key(service, vhost, path):
    n, api = service(log="16m")
    stream = create(api)
    address = url(stream, "eu", path)
    slow = RawWS.of(address, rcvbuf=4096)
    slow.connect()
    sent = [json.dumps({"k": "eu", "n": i, "x": "x" * 8000})
            for i in range(1500)]
    try:
        with Clients([url(stream, "eu"), url(stream, "us")]) as clients:
            vhost.publish("abc", sent)
            wait_for(lambda: len(clients[0].messages) == 1500)
            assert clients[0].messages == sent
            assert clients[1].messages == []
            if path == "close":
                wait_for(lambda: api.get(stream)["subscribers"] == 2)
            else:
                assert api.get(stream)["subscribers"] == 3
    finally:
        slow.close()


def test_reload_and_kill(service, vhost):
    n, api = service()
    stream = create(api)
    got = collections.defaultdict(list)
    sent = []

    def cycle(first, last, then):
        with Clients([url(stream, k, stream_from_ordinal=len(sent))
                      for k in ("eu", "us")]) as clients:
            more = mixed(["eu", "us"], last - first)
            vhost.publish("abc", more)
            for c, k in zip(clients, ("eu", "us")):
                wait_for(lambda: len(c.messages) == len(own(k, more)))
                got[k] += c.messages
            sent.extend(more)
            in_log(api, stream, len(sent))
            then()

    cycle(0, 100, n.reload)
    cycle(0, 100, n.kill_worker)
    cycle(0, 100, lambda: None)
    for k in ("eu", "us"):
        assert got[k] == own(k, sent)


def test_a_thousand_keys(service, vhost):
    n, api = service(workers=2)
    stream = create(api)
    keys = ["key-%d" % i for i in range(1000)]
    sent = mixed(keys, 3000)
    with Clients([url(stream, k) for k in keys], timeout=120) as clients:
        vhost.publish("abc", sent)
        wait_for(lambda: all(len(c.messages) == 3 for c in clients),
                 timeout=60)
        by_key = collections.defaultdict(list)
        for b in sent:
            by_key[json.loads(b)["k"]].append(b)
        for c, k in zip(clients, keys):
            assert c.messages == by_key[k]


def test_another_origin_of_keys(service, vhost):
    """The routing key, and a header."""

    n, api = service()
    by_routing = create(api, "routing_key", "room.1")
    with Clients([url(by_routing, "room.1"), url(by_routing, "room.2")]
                 ) as clients:
        vhost.publish("room.1", ["a", "b"])
        wait_for(lambda: clients[0].messages == ["a", "b"])
        assert clients[1].messages == []


def test_over_ess_v1_that_key_of_that_stream_alone(service, vhost):
    n, api = service()
    stream = create(api)
    other = create(api, routing_key="def")
    v1 = V1(url(stream, "eu"))
    try:
        wait_for(lambda: v1.answers)
        refused = [{"stream": stream.uuid}, {"stream": other.uuid},
                   {"stream": stream.uuid, "keys": ["us"]},
                   {"stream": stream.uuid, "keys": ["eu", "us"]},
                   {"stream": other.uuid, "keys": ["eu"]}]
        answer = v1.call(subscribe=refused)
        assert [e["error"]["code"] for e in answer["subscribed"]] == [403] * 5
        answer = v1.call(subscribe={"stream": stream.uuid, "keys": ["eu"]})
        assert "error" not in answer["subscribed"][0]

        vhost.publish("def", bodies("eu", 1, 1))
        vhost.publish("abc", mixed(["us", "eu"], 20))
        wait_for(lambda: len(v1.events) == 10)
        assert {e.key for e in v1.events} == {"eu"}
    finally:
        v1.close()
