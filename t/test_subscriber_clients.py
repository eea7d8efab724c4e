"""ess_max_clients: connections are left for all but clients."""

import contextlib

import pytest

from api import Api
from clients import RawWS
from h2 import Http2
from relay import Relay
from wait import wait_for

CONF = """
events { worker_connections %%CONNECTIONS%%; }

http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_ping        0;
    ess_drain       0;
    %%HTTP%%

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location = /health { ess_health; }
        location = /metrics { ess_metrics; }
    }

    server {
        listen 127.0.0.1:%%PORT2%% http2;
        location /event-stream/ { ess_subscribe; }
    }
}
"""


@pytest.fixture
def service(nginx, vhost):
    def make(http="", connections=40, port=vhost.port):
        n = nginx(CONF, workers=1, http=http, connections=connections,
                  amqp=vhost.url.replace(":%d/" % vhost.port,
                                         ":%d/" % port))
        return n, Api(n.port(1))
    return make


def healthy(api):
    return api.request("GET", "/health").status == 200


def rejected(api):
    return api.request("GET", "/metrics?format=json").json()[
        "rejected_requests_total"]["clients"]


def connect(stack, stream, count):
    """So many try; those that got in, and the answers to the others."""

    clients, refused = [], []
    for _ in range(count):
        ws = stack.enter_context(RawWS.of(stream.location))
        if ws.handshake() == 101:
            clients.append(ws)
        else:
            refused.append(ws)
    return clients, refused


def test_all_connections_taken_api_health_and_broker_work(service, vhost):
    relay = Relay(vhost)
    n, api = service(port=relay.port)
    wait_for(lambda: healthy(api))
    stream = api.create("abc")
    with contextlib.ExitStack() as stack:
        stack.callback(relay.cut)
        clients, refused = connect(stack, stream, 60)
        # 40 without 16 that are kept, 3 that listen, the channel to the
        # master, the ones that wake the worker and tell it to leave, and the
        # broker's
        assert len(clients) == 17
        for ws in refused:
            assert ws.status == 503
            assert ws.headers["retry-after"] == "1"
            ws.recv_eof()
        assert rejected(api) == 43
        assert api.get(stream)["subscribers"] == 17 and healthy(api)

        # whoever is connected and asks for nothing gives way
        for _ in range(30):
            stack.enter_context(contextlib.closing(
                RawWS.of(stream.location)))
        offset = n.log_size()
        relay.cut()
        relay.mend()
        n.wait_log("connection to amqp broker .* established", offset=offset)
        wait_for(lambda: healthy(api))
        vhost.publish("abc", "hello")
        for ws in clients:
            assert ws.recv_frame().payload == b"hello"

        # one leaves, one comes
        clients[0].close()
        wait_for(lambda: api.get(stream)["subscribers"] == 16)
        assert connect(stack, stream, 2)[0]


def test_each_client_of_a_connection_counts(service):
    n, api = service("ess_max_clients 3;", connections=1000)
    stream = api.create("abc")
    with Http2(n.port(2)) as h2:
        gets = [h2.get("/event-stream/" + stream.uuid) for _ in range(5)]
        h2.wait(lambda: all(g.status for g in gets))
        assert [g.status for g in gets] == [200] * 3 + [503] * 2
        assert gets[3].headers["retry-after"] == "1"
        gets[0].reset()
        wait_for(lambda: api.get(stream)["subscribers"] == 2)
        again = h2.get("/event-stream/" + stream.uuid)
        h2.wait(lambda: again.status)
        assert again.status == 200


def test_clients_of_one_connection_take_one(service):
    n, api = service()
    stream = api.create("abc")
    with Http2(n.port(2)) as h2:
        gets = [h2.get("/event-stream/" + stream.uuid) for _ in range(100)]
        h2.wait(lambda: all(g.status for g in gets))
        assert {g.status for g in gets} == {200}


def test_those_that_wait_for_the_broker_count(service, vhost):
    """Of a RabbitMQ stream, whose log is made to follow it first."""

    n, api = service("ess_max_clients 5;", connections=1000)
    wait_for(lambda: healthy(api))
    stream = api.create("rs", source="stream", declare=True)
    with contextlib.ExitStack() as stack:
        all_ = [stack.enter_context(RawWS.of(stream.location))
                for _ in range(9)]
        for ws in all_:
            ws.request()
        assert sorted(ws.response() for ws in all_) == [101] * 5 + [503] * 4
    wait_for(lambda: api.get(stream)["subscribers"] == 0)
    with contextlib.ExitStack() as stack:
        assert len(connect(stack, stream, 6)[0]) == 5


def test_off(service):
    n, api = service("ess_max_clients off;", connections=64)
    stream = api.create("abc")
    with contextlib.ExitStack() as stack:
        assert len(connect(stack, stream, 50)[0]) == 50


@pytest.mark.parametrize("value", ["", "0", "-1", "x", "1 2",
                                   "1; ess_max_clients 2"])
def test_wrong_directives(nginx, vhost, value):
    n = nginx(CONF, start=False, amqp=vhost.url, connections=100,
              http="ess_max_clients %s;" % value)
    n.expect(r"\[emerg\]")
    code, output = n.test()
    assert code == 1 and "ess_max_clients" in output


@pytest.mark.parametrize("connections, http, words", [
    (100, "ess_max_clients 97;", '"ess_max_clients 97" leaves none of the'
                                 ' 100 "worker_connections"'),
    (19, "", '19 "worker_connections" are not enough'),
])
def test_warnings(nginx, vhost, connections, http, words):
    n = nginx(CONF, start=False, amqp=vhost.url, connections=connections,
              http=http)
    code, output = n.test()
    assert code == 0 and words in output
    n.names.update(http="ess_max_clients 96;", connections=100)
    n.write_conf(CONF)
    code, output = n.test()
    # a newer nginx warns of "listen ... http2"
    assert code == 0 and "worker_connections" not in output
