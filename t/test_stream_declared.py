"""Streams that nginx.conf declares: there as long as it does, through reloads,
crashes of workers and restarts, with a store and without."""

import concurrent.futures
import re

import pytest

from api import Api
from clients import Clients
from relay import Relay
from v1 import V1, Refused
from wait import wait_for

CONF = """
http {
    ess_zone        streams 8m;
    %s
    ess_public_url  ws://localhost:%%%%PORT0%%%%/event-stream/;
    %s

    server {
        listen 127.0.0.1:%%%%PORT0%%%%;
        location /event-stream/ { ess_subscribe; }
        location /named/ { ess_subscribe name=$arg_name public; }
        location /made/ { ess_subscribe name=$arg_name public create=exchange; }
        location /both/ { ess_subscribe $arg_id name=$arg_name public
                                        create=exchange; }
        location /many/ { ess_subscribe multi names public; }
        location /publish/ { ess_publish; }
    }
    server {
        listen 127.0.0.1:%%%%PORT1%%%% reuseport;
        location /event-stream/ { ess_api; }
    }
}
"""

STORE = "ess_store %%STORE%%;"
BROKER = "ess_amqp %%AMQP%%;"


def conf(streams, main=STORE):
    return CONF % (main, streams)


def names(api):
    return {s["name"]: s for s in api.list() if s.get("declared")}


def settled(api, *wanted):
    """The streams, once all of these are there and no other declared one."""

    wait_for(lambda: set(names(api)) == set(wanted), 30,
             "the declared streams to be %r" % (wanted,))
    return names(api)


def reload(n, streams, main=STORE):
    n.write_conf(conf(streams, main))
    n.reload()


@pytest.fixture(params=["broker", "direct"])
def service(request, nginx):
    """Starts an nginx with these streams; with and without a broker."""

    def make(streams, main=STORE):
        if request.param == "direct":
            return main, nginx(conf(streams, main), store="ess/s.db")
        vhost = request.getfixturevalue("vhost")
        main = main + BROKER
        return main, nginx(conf(streams, main), store="ess/s.db",
                           amqp=vhost.url)

    return make


def test_there_at_start(service):
    _, n = service("""
        ess_stream orders;
        ess_stream prices.eu routing_key=p.eu key=json:/symbol log_count=5
                   log_size=1m log_age=2h;
    """)
    api = Api(n.port(1))
    found = settled(api, "orders", "prices.eu")
    assert found["orders"]["routing_key"] == "orders"
    assert "key" not in found["orders"] and "log" not in found["orders"]
    assert found["prices.eu"]["routing_key"] == "p.eu"
    assert found["prices.eu"]["key"] == "json:/symbol"
    assert found["prices.eu"]["log"] == {"size": 1 << 20, "count": 5,
                                         "age": 7200}

    # events come, and it is not the API's to delete
    with Clients([found["orders"]["location"]]) as clients:
        Api(n.port(0)).publish("orders", ["hello"])
        clients.wait(1)
    r = api.request("DELETE", "orders")
    assert r.status == 409 and "ess_stream" in r.json()["detail"], r
    r = api.request("POST", body={"routing_key": "x", "name": "orders"})
    assert r.status == 409, r
    settled(api, "orders", "prices.eu")


def test_a_reload_adds_and_removes(service):
    main, n = service("ess_stream a; ess_stream b;")
    api = Api(n.port(1))
    before = settled(api, "a", "b")
    other = api.create("a", name="other")

    with Clients([before["a"]["location"]]) as clients:
        reload(n, "ess_stream b; ess_stream c routing_key=a;", main)
        found = settled(api, "b", "c")
        clients.wait_closed(30)
    assert found["b"] == before["b"]

    # "a" again is another one
    reload(n, "ess_stream b; ess_stream a;", main)
    found = settled(api, "a", "b")
    assert found["a"]["id"] > before["b"]["id"]
    assert found["b"] == before["b"]

    reload(n, "", main)
    settled(api)
    assert [s["id"] for s in api.list()] == [other.id]


def test_ordinals_survive(service):
    main, n = service("ess_stream a;")
    api = Api(n.port(1))
    stream = settled(api, "a")["a"]
    Api(n.port(0)).publish("a", ["x"] * 10)
    wait_for(lambda: api.get("a")["last_ordinal"] == 10)

    reload(n, "ess_stream a;", main)
    assert api.get("a")["last_ordinal"] == 10
    for pid in n.workers():
        n.kill_worker(pid)
    assert settled(api, "a")["a"] == stream
    assert api.get("a")["last_ordinal"] == 10

    n.stop()
    n.start()
    assert settled(api, "a")["a"] == stream
    assert api.get("a")["last_ordinal"] >= 10


def test_without_a_store(service):
    main, n = service("ess_stream a;", "")
    api = Api(n.port(1))
    before = settled(api, "a")["a"]
    n.stop()
    n.start()
    # a new one, whose uuid nobody knows
    assert settled(api, "a")["a"]["location"] != before["location"]


def test_what_is_stored_goes_with_its_line(service):
    main, n = service("ess_stream a; ess_stream b;")
    api = Api(n.port(1))
    before = settled(api, "a", "b")
    n.stop()
    n.write_conf(conf("ess_stream b;", main))
    n.start()
    assert settled(api, "b")["b"] == before["b"]


def test_options_that_change(service):
    main, n = service("ess_stream a; ess_stream b;")
    api = Api(n.port(1))
    before = settled(api, "a", "b")

    reload(n, "ess_stream a key=routing_key log_count=3; ess_stream b;", main)
    changed = wait_for(lambda: names(api)["a"].get("key") and names(api)["a"])
    assert changed == dict(before["a"], key="routing_key", log={"count": 3})
    n.wait_log(r'"ess_stream" "a": key and log are now as nginx.conf says')

    n.stop()
    n.start()
    assert settled(api, "a", "b")["a"] == changed

    reload(n, "ess_stream a routing_key=z; ess_stream b;", main)
    n.wait_log(r'\[warn\].*"ess_stream" "a": its source and routing key stay')
    assert wait_for(lambda: "key" not in names(api)["a"] and names(api)["a"]) \
        == before["a"]


def test_a_name_that_the_api_gave(service):
    main, n = service("")
    api = Api(n.port(1))
    one = api.create("x", name="a")
    n.expect(r'"ess_stream" "a" is not there yet.*another stream has the name')
    reload(n, "ess_stream a;", main)
    n.wait_log(r'"ess_stream" "a" is not there yet.*another stream has the')
    assert api.get("a")["id"] == one.id
    api.delete("a")
    assert settled(api, "a")["a"]["id"] > one.id


def test_workers_that_die(service):
    """At any time: what is half-made is made, and nothing twice."""

    streams = "".join("ess_stream s%d;" % i for i in range(40))
    wanted = ["s%d" % i for i in range(40)]
    main, n = service(streams)
    api = Api(n.port(1))
    for _ in range(6):
        for pid in n.workers():
            n.kill_worker(pid)
    found = settled(api, *wanted)
    n.write_conf(conf("ess_stream s7;", main))
    n.reload()
    for _ in range(3):
        for pid in n.workers():
            n.kill_worker(pid)
    assert settled(api, "s7")["s7"] == found["s7"]
    assert len(api.list()) == 1


def test_the_broker_comes_later(nginx, vhost):
    relay = Relay(vhost)
    relay.cut()
    n = nginx(conf("ess_stream a;", STORE + BROKER), store="ess/s.db",
              amqp=relay.url, start=False)
    n.expect(r'"ess_stream" "a" is not there yet')
    n.start()
    api = Api(n.port(1))
    n.wait_log(r'"ess_stream" "a" is not there yet, and is tried again')
    assert api.list() == []
    relay.mend()
    settled(api, "a")
    assert "a" in {key for _, key in vhost.bindings()}
    relay.cut()


def test_a_name_in_place_of_a_uuid(service):
    """It opens nothing, and nothing is made of it."""

    _, n = service("ess_stream orders;")
    api = Api(n.port(1))
    settled(api, "orders")
    url = "ws://127.0.0.1:%d/" % n.port(0)
    for path in "event-stream/orders", "both/?id=orders", "both/?id=other":
        with pytest.raises(Refused) as e:
            V1(url + path)
        assert e.value.status == 404, path
    assert len(api.list()) == 1


@pytest.mark.parametrize("path", ["named", "made"])
def test_clients_of_the_first_moment(nginx, vhost, path):
    """They wait until it is there, over all workers; of those on demand it is
    none."""

    relay = Relay(vhost)
    relay.cut()
    n = nginx(conf("ess_stream a;", STORE + BROKER), 2, store="ess/s.db",
              amqp=relay.url, start=False)
    n.expect(r'"ess_stream" "a" is not there yet')
    n.start()

    # nobody waits for ever, and all the same it is not unknown
    url = "ws://127.0.0.1:%d/" % n.port(0)
    with pytest.raises(Refused) as e:
        V1(url + path + "/?name=a")
    assert e.value.status == 503
    with V1(url + "many/") as v1:
        codes = [e["error"]["code"] for e in v1.subscribe("a", "b")]
        assert codes == [503, 404]
        assert '"retry":1' in v1.texts[0]

    with concurrent.futures.ThreadPoolExecutor() as pool:
        def enter():
            while True:
                try:
                    return V1(url + path + "/?name=a")
                except Refused as e:
                    assert e.status == 503

        clients = [pool.submit(enter) for _ in range(8)]
        relay.mend()
        api = Api(n.port(1))
        found = settled(api, "a")["a"]
        assert found["declared"]
        clients = [c.result() for c in clients]
    vhost.publish("a", "hello")
    for v1 in clients:
        v1.wait(1)
        assert v1.answers[0]["subscribed"][0]["stream"] == "a"
        v1.close()
    relay.cut()


def test_a_rabbitmq_stream(nginx, vhost):
    n = nginx(conf("ess_stream log source=stream routing_key=s1;",
                   STORE + BROKER), store="ess/s.db", amqp=vhost.url)
    found = settled(Api(n.port(1)), "log")
    assert found["log"]["source"] == "stream"
    assert found["log"]["routing_key"] == "s1"


@pytest.mark.parametrize("streams, message", [
    ("ess_stream;", r'invalid number of arguments in "ess_stream"'),
    ("ess_stream a b;", r'"ess_stream" has the invalid parameter "b", it takes '
     r'"source=", "routing_key="'),
    ("ess_stream 'a b';", r'"ess_stream" has the invalid name "a b", it must '
     r'be of letters, digits'),
    ("ess_stream 123;", r'invalid name "123".*digits'),
    ("ess_stream version;", r'invalid name "version".*parts of paths'),
    ("ess_stream %s;" % ("a" * 129), r'invalid name.*1 to 128 bytes'),
    ("ess_stream a;\\ness_stream b;\\ness_stream a;",
     r'"ess_stream" has the name "a", which the one in .*nginx.conf:\d+ has.*'
     r'in .*nginx.conf:\d+'),
    ("ess_stream a source=kafak;", r'invalid value "kafak" of "source".*'
     r'"source=exchange" or "source=stream"'),
    ("ess_stream a source=stream;", r'"ess_stream" "a" with "source=stream" '
     r'needs "ess_amqp", in .*nginx.conf:\d+'),
    ("ess_stream a routing_key=;", r'"routing_key" in "ess_stream".*1 to 255'),
    ("ess_stream a routing_key=%s;" % ("k" * 256), r'1 to 255 bytes'),
    ("ess_stream a key=region;", r'"key" in "ess_stream".*give a rule: a rule '
     r'for keys is "routing_key"'),
    ("ess_stream a log_size=0;", r'"log_size" in "ess_stream".*log_size=64k'),
    ("ess_stream a log_count=x;", r'"log_count" in "ess_stream"'),
    ("ess_stream a log_age=200d;", r'"log_age" in "ess_stream".*180 days'),
    ("ess_stream a key=none key=none;", r'"ess_stream" has "key=" twice'),
])
def test_what_is_wrong_is_said(nginx, streams, message):
    n = nginx(conf(streams.replace("\\n", "\n"), ""), start=False)
    n.expect(r"\[emerg\]")
    code, output = n.test()
    assert code == 1 and re.search(message, output), output


def test_needs_a_zone(nginx):
    n = nginx("http { ess_stream a; }", start=False)
    n.expect(r"\[emerg\]")
    code, output = n.test()
    assert code == 1
    assert '"ess_stream" needs a zone' in output
