"""Streams with a name, a rule for keys and a log of their own: over the API,
in any worker, across reloads, crashes and restarts."""

import pytest

import tokens
from api import Api
from clients import Clients, RawWS
from sse import EventSource
from wait import wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_store       %%STORE%%;
    ess_public_url  ws://localhost:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
        location /publish/ { ess_publish; }
    }
    server {
        listen 127.0.0.1:%%PORT1%% reuseport;
        location /event-stream/ { ess_api; }
    }
}
"""

DIRECT = CONF.replace("    ess_amqp        %%AMQP%%;\n", "")

ATTRIBUTES = {"name": "Orders.eu_1~@-", "key": "json:/re\"gion~1x/0",
              "log": {"size": 100000, "count": 5000, "age": 7200}}


@pytest.fixture(params=["broker", "direct"])
def service(request, nginx):
    if request.param == "direct":
        return nginx(DIRECT, store="ess/s.db", workers=2)
    vhost = request.getfixturevalue("vhost")
    return nginx(CONF, store="ess/s.db", amqp=vhost.url, workers=2)


def problem(response, status, *words):
    assert response.status == status, response
    detail = response.json()["detail"]
    assert all(w in detail for w in words), detail


def test_a_name_is_an_id(service):
    api = Api(service.port(1))
    one = api.create("abc", **ATTRIBUTES)
    api.create("abc")
    for path in str(one.id), one.uuid, ATTRIBUTES["name"]:
        stream = api.request("GET", path).json()
        assert stream["id"] == one.id
        assert {k: stream[k] for k in ATTRIBUTES} == ATTRIBUTES
        assert "declared" not in stream and "created" not in stream
    listed = api.list()
    assert {k: listed[0][k] for k in ATTRIBUTES} == ATTRIBUTES
    assert set(listed[1]) == {"id", "location", "routing_key"}

    with Clients([one.location]) as clients:
        path = "%s/subscribers" % ATTRIBUTES["name"]
        found = wait_for(lambda: api.request("GET", path).json()[
            "subscribers"])
        assert api.request("DELETE", "%s/%d" % (path, found[0]["id"])).status \
            == 204
        clients.wait_closed()

    for search in "orders", "EU_1", "rders.eu_1~":
        assert [s["id"] for s in api.list("?search=" + search)] == [one.id]
    assert api.list("?search=orders2") == []

    assert api.request("DELETE", ATTRIBUTES["name"]).status == 204
    problem(api.request("GET", ATTRIBUTES["name"]), 404, "no stream")
    assert api.request("DELETE", ATTRIBUTES["name"]).status == 404


def test_a_name_is_one_streams(service):
    api = Api(service.port(1))
    one = api.create("abc", name="orders")
    for _ in range(4):
        problem(api.request("POST", body={"routing_key": "abc",
                                          "name": "orders"}), 409, "orders")
    assert len(api.list()) == 1
    assert api.create("abc", name="Orders").id != one.id

    # deleted, with a subscriber that has yet to be told: it is free again
    with Clients([one.location]) as clients:
        api.delete("orders")
        other = api.create("abc", name="orders")
        clients.wait_closed()
    assert api.get("orders")["id"] == other.id


BAD = [
    ({"name": ""}, '"name" must be 1 to 128 bytes'),
    ({"name": "a" * 129}, '"name" must be 1 to 128 bytes'),
    ({"name": "a b"}, "letters, digits and"),
    ({"name": "é"}, "letters, digits and"),
    ({"name": "12345"}, "an id is digits"),
    ({"name": "0123456789abcdef" * 2}, "uuid"),
    ({"name": "version"}, "parts of paths"),
    ({"name": "subscribers"}, "parts of paths"),
    ({"name": "socketio"}, "parts of paths"),
    ({"name": ".."}, "parts of paths"),
    ({"name": 5}, "not a string"),
    ({"key": "region"}, '"key" is no rule: a rule for keys is "routing_key"'),
    ({"key": "json:region"}, 'begins with "/"'),
    ({"key": "json:/a~"}, '"~" is written "~0"'),
    ({"key": "header:"}, "followed by the header's name"),
    ({"key": "json:/" + "a" * 250}, "255 bytes"),
    ({"key": None}, "not a string"),
    ({"log": {}}, '"log" must be an object'),
    ({"log": {"sise": 1}}, '"log" must be an object'),
    ({"log": {"size": "much"}}, '"size" of "log" must be'),
    ({"log": {"count": 0}}, '"count" of "log" must be'),
    ({"log": {"age": "200d"}}, '"age" of "log" must be'),
]


def test_what_is_wrong_is_said(nginx):
    n = nginx(DIRECT, store="ess/s.db")
    api = Api(n.port(1))
    for body, word in BAD:
        problem(api.request("POST", body=dict(body, routing_key="k")), 422,
                word)
    assert api.list() == []


def test_the_last_one_of_its_log(service):
    """Bounds of its own: fewer, and more, than what ess_log says."""

    api = Api(service.port(1))
    few = api.create("abc", log={"count": 3})
    many = api.create("abc", log={"count": 3000, "size": "1m"})
    plain = api.create("abc")
    publisher = Api(service.port(0))
    for _ in range(2):
        publisher.publish("abc", ["x" * 60] * 1000)
    # what is younger than a second stays, whatever the bounds
    wait_for(lambda: api.get(many)["events"] == 2000)

    def settled():
        publisher.publish("abc", ["last"])
        return api.get(few)["events"] == 3 and api.get(plain)["events"] == 1000

    # an event more than a second, so that only one or two are younger
    wait_for(settled, 20, interval=1.5)
    assert api.get(many)["events"] > 2000
    assert api.get(many)["first_ordinal"] == 1
    assert api.get(many)["log"] == {"count": 3000, "size": 1 << 20}


def test_own_age(nginx):
    n = nginx(DIRECT.replace("ess_store", "ess_log age=1s; ess_store"),
              store="ess/s.db", workers=2)
    api = Api(n.port(1))
    brief = api.create("abc")
    longer = api.create("abc", log={"age": "1h"})
    Api(n.port(0)).publish("abc", ["x"] * 10)
    wait_for(lambda: api.get(brief)["events"] == 0, 20)
    assert api.get(longer)["events"] == 10
    Api(n.port(0)).publish("abc", ["x"] * 10)
    wait_for(lambda: api.get(brief)["events"] == 0, 20)
    assert api.get(longer)["events"] == 20


def table(api):
    return [{k: s.get(k) for k in ("id", "location", "routing_key", "name",
                                   "key", "log", "source")}
            for s in api.list()]


def test_names_survive(service):
    api = Api(service.port(1))
    api.create("abc", **ATTRIBUTES)
    api.create("k" * 255, name="n" * 128, key="header:" + "h" * 248)
    api.create("plain")
    api.create("abc", key="routing_key")
    before = table(api)

    for pid in service.workers():
        service.kill_worker(pid)
    assert table(api) == before

    service.reload()
    assert table(api) == before

    for _ in range(2):
        service.stop()
        service.start()
        assert table(api) == before
        assert api.get(ATTRIBUTES["name"])["id"] == 1
        problem(wait_for(lambda: (
            lambda r: r.status != 503 and r)(api.request("POST", body={
                "routing_key": "x", "name": "n" * 128}))), 409)


NAMED = DIRECT.replace("        location /publish/", """
        location = /open { ess_subscribe name=$arg_name public; }
        location = /news { ess_subscribe name=news.$arg_topic guarded; }
        location = /both { ess_subscribe $arg_id name=$arg_name public; }
        location = /closed {
            ess_subscribe name=$arg_name public unknown=close:4404;
        }
        location = /token {
            ess_jwt key=%%DIR%%/key alg=HS256 token=arg:token streams=streams;
            ess_subscribe name=$arg_name;
        }
        location /publish/""")


@pytest.fixture
def named(nginx):
    return tokens.start(nginx(NAMED, store="ess/s.db", workers=2,
                              start=False))


def status(n, path):
    with RawWS(n.port(0), path) as c:
        return c.handshake()


def test_clients_enter_by_name(named):
    api = Api(named.port(1))
    one = api.create("k", name="news.eu")
    two = api.create("k", name="other")
    three = api.create("l", name="a~b@c")
    base = "ws://127.0.0.1:%d" % named.port(0)
    paths = ["/open?name=news.eu", "/news?topic=eu", "/both?name=news.eu",
             "/both?id=%s&name=other" % one.uuid]
    with Clients([base + path for path in paths]) as clients:
        wait_for(lambda: api.get(one)["subscribers"] == len(paths))
        assert api.get(two)["subscribers"] == 0
        Api(named.port(0)).publish("k", ["hello"])
        clients.wait(1)

        # its name is another one's now: who is connected stays with the old
        api.delete("other")
        api.create("k", name="other")
        Api(named.port(0)).publish("k", ["again"])
        clients.wait(2)

    # as browsers write it in a query string
    paths = ["/open?name=a~b@c", "/open?name=a%7Eb%40c", "/both?name=a~b%40c"]
    with Clients([base + path for path in paths]):
        wait_for(lambda: api.get(three)["subscribers"] == len(paths))

    source = EventSource("http://127.0.0.1:%d/open?name=news.eu"
                         % named.port(0))
    wait_for(lambda: api.get(one)["subscribers"] == 1)
    source.close()

    for path in ("/open?name=nobody", "/open", "/open?name=", "/news",
                 "/open?name=" + one.uuid, "/open?name=news.eu%20",
                 "/open?name=news%2", "/open?name=news%252eeu",
                 "/open?name=%d" % one.id, "/both?id=x&name=news.eu",
                 # where names are not asked for they open nothing
                 "/event-stream/news.eu"):
        assert status(named, path) == 404, path
    with RawWS(named.port(0), "/closed?name=nobody") as c:
        assert c.handshake() == 101
        assert c.recv_frame().close_code == 4404


def test_a_token_lists_the_name_or_the_uuid(named):
    api = Api(named.port(1))
    one = api.create("k", name="orders")

    def answer(streams, name="orders"):
        return status(named, "/token?name=%s&token=%s" % (
            name, tokens.token(streams=streams)))

    for streams in (["orders"], "orders", ["x", "orders"], [one.uuid], "*"):
        assert answer(streams) == 101, streams
    for streams in ([], ["x"], ["Orders"], ["orders "], ["ord*"]):
        assert answer(streams) == 403, streams

    # who may not have it does not learn whether there is one
    assert answer(["orders"], "nobody") == 403
    assert answer(["nobody"], "nobody") == 404
    assert status(named, "/token?name=orders") == 401
