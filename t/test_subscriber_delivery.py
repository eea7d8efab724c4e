"""What is published reaches the clients of its streams: once, in order, on
every worker, and behind whatever else nginx can do with a location."""

import re
import socket
import ssl
import subprocess
import time

import pytest

from api import Api
from clients import PING, PONG, REFUSED, Clients, RawWS, refused_status
from ports import free_port
from wait import wait_for

CONF = """
http {
    ess_zone        streams 32m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         %%LOG%%;
    ess_max_event   %%MAX_EVENT%%;

    log_format ess  '$status id=$ess_stream_id events=$ess_events_sent '
                    'bytes=$ess_bytes_sent';

    %%HTTP%%

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        %%SERVER%%

        location /event-stream/ {
            ess_subscribe;
            access_log %%DIR%%/ess.log ess;
            add_header X-Worker $pid always;
            %%LOCATION%%
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

DELETED = (1000, "The stream has been deleted")


@pytest.fixture
def service(nginx, vhost):
    def make(workers=2, **parts):
        names = dict(log="size=64k count=1000 age=1h", max_event="1m",
                     http="", server="", location="")
        names.update(parts)
        conf = CONF
        for name, text in names.items():
            conf = conf.replace("%%" + name.upper() + "%%", text)
        n = nginx(conf, workers, amqp=vhost.url)
        return n, Api(n.port(1))
    return make


def numbered(n, first=0):
    return ["event %d" % i for i in range(first, first + n)]


def in_log(api, stream, ordinal):
    wait_for(lambda: api.get(stream)["last_ordinal"] == ordinal,
             what="the events to be in the log")


def subscribers(api, stream, n):
    wait_for(lambda: api.get(stream)["subscribers"] == n,
             what="%d subscribers" % n)


def ess_log(n, lines):
    def read():
        try:
            with open(n.path("ess.log")) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    wait_for(lambda: len(read()) >= lines, what="%d lines" % lines)
    return read()


def test_clients_of_all_workers_get_each_event_once_in_order(service, vhost):
    n, api = service(workers=4)
    stream = api.create("abc")
    with Clients([stream.location] * 48, library="both") as clients:
        assert ({int(c.response["X-Worker"]) for c in clients}
                == set(n.workers()))
        events = numbered(500)
        vhost.publish("abc", events)
        clients.wait(500)
        vhost.publish("abc", "the end")
        clients.wait(501)
        for c in clients:
            assert c.messages == events + ["the end"]


def test_client_gets_only_what_comes_after_its_subscription(service, vhost):
    n, api = service()
    stream = api.create("abc")
    vhost.publish("abc", "before")
    in_log(api, stream, 1)
    with Clients([stream.location] * 8) as clients:
        vhost.publish("abc", ["first", "last"])
        clients.wait(2)
        with Clients([stream.location] * 8) as later:
            vhost.publish("abc", "later")
            later.wait(1)
            clients.wait(3)
            assert all(c.messages == ["later"] for c in later)
            assert all(c.messages == ["first", "last", "later"]
                       for c in clients)


def test_client_that_connects_amid_a_burst_misses_nothing_after_its_first(
        service, vhost):
    n, api = service(log="size=1m count=10000 age=1h")
    stream = api.create("abc")
    events = numbered(3000)
    with vhost.connect() as connection:
        channel = connection.channel()
        clients = []
        try:
            for i, event in enumerate(events):
                channel.basic_publish("event-streams", "abc", event)
                if i % 300 == 150:
                    clients.append(Clients([stream.location] * 2))
            channel.close()
            for group in clients:
                for c in group:
                    wait_for(lambda: events[-1] in c.messages)
                    assert c.messages == events[-len(c.messages):]
        finally:
            for group in clients:
                group.close()


def test_each_stream_of_a_routing_key_gets_its_events(service, vhost):
    n, api = service()
    streams = [api.create("abc") for _ in range(5)]
    other = api.create("xyz")
    assert len({s.uuid for s in streams}) == 5
    with Clients([s.location for s in streams] * 4
                 + [other.location]) as clients:
        events = numbered(100)
        vhost.publish("abc", events)
        vhost.publish("xyz", "other")
        vhost.publish("nobody", "nothing")
        vhost.publish("abc", "last")
        for c in clients[:-1]:
            wait_for(lambda: c.messages[-1:] == ["last"])
            assert c.messages == events + ["last"]
        assert clients[-1].messages == ["other"]


def test_routing_key_may_be_any_text(service, vhost):
    n, api = service()
    keys = ["a.b.#", "*", "k" * 255, "\u20ac \U0001f600", "a/b?c=%20", " "]
    streams = [api.create(key) for key in keys]
    with Clients([s.location for s in streams]) as clients:
        for key in keys:
            vhost.publish(key, "to " + key)
        for key, c in zip(keys, clients):
            wait_for(lambda: c.messages == ["to " + key])


def test_events_larger_than_the_log_are_delivered(service, vhost):
    n, api = service(log="size=16k count=100 age=1h")
    stream = api.create("abc")
    sizes = [100, 300000, 17000, 2 ** 20, 1, 2 ** 20 - 1, 16384]
    with Clients([stream.location] * 6, library="both") as clients:
        for i, size in enumerate(sizes):
            vhost.publish("abc", b"%d" % i + b"x" * (size - 1))
            clients.wait(i + 1)
        for c in clients:
            assert [len(m) for m in c.messages] == sizes
            assert [m[0] for m in c.messages] == list("0123456")
    assert api.get(stream)["last_ordinal"] == len(sizes)


def test_event_over_the_limit_is_dropped_and_logged(service, vhost):
    n, api = service(max_event="1000")
    stream = api.create("abc")
    with Clients([stream.location] * 4) as clients:
        vhost.publish("abc", ["before", "x" * 1001, "y" * 1000, "z" * 300000,
                              "after"])
        clients.wait(3)
        assert all(c.messages == ["before", "y" * 1000, "after"]
                   for c in clients)
    assert re.search(r'\[error\].* event of 1001 bytes with routing key "abc" '
                     r"is too large and was dropped", n.log())
    info = api.get(stream)
    assert (info["events"], info["last_ordinal"]) == (3, 5)


def test_poison_closes_those_who_are_connected_and_no_more(service, vhost):
    n, api = service()
    stream, neighbour = api.create("abc"), api.create("xyz")
    events = numbered(200)
    with Clients([stream.location] * 8, library="both") as clients, \
            Clients(neighbour.location) as others:
        vhost.publish("abc", events + ["POISON", "too late"])
        assert clients.wait_closed() == [DELETED] * 8
        assert all(c.messages == events for c in clients)

        in_log(api, stream, 201)
        with Clients([stream.location] * 4) as again:
            vhost.publish("abc", ["poison", "POISON ", "alive"])
            again.wait(3)
            assert all(c.messages == ["poison", "POISON ", "alive"]
                       for c in again)
            assert not others[0].closed


def test_poison_reaches_every_stream_of_its_key(service, vhost):
    n, api = service()
    streams = [api.create("abc") for _ in range(3)]
    with Clients([s.location for s in streams] * 2) as clients:
        vhost.publish("abc", "POISON")
        assert clients.wait_closed() == [DELETED] * 6
    assert len(api.list()) == 3


def test_delete_closes_after_what_was_published_before(service, vhost):
    n, api = service()
    stream, neighbour = api.create("abc"), api.create("abc")
    events = numbered(1000)
    with Clients([stream.location] * 8, library="both") as clients, \
            Clients(neighbour.location) as others:
        vhost.publish("abc", events)
        in_log(api, stream, 1000)
        api.delete(stream)
        assert clients.wait_closed() == [DELETED] * 8
        assert all(c.messages == events for c in clients)

        with RawWS.of(stream.location) as c:
            assert c.handshake() == 404
        vhost.publish("abc", "the neighbour lives")
        others.wait(1001)
        assert others[0].messages == events + ["the neighbour lives"]


def test_delete_finds_clients_of_a_stream_without_events(service):
    n, api = service()
    stream = api.create("abc")
    with Clients([stream.location] * 8) as clients:
        subscribers(api, stream, 8)
        api.delete(stream.uuid)
        assert clients.wait_closed() == [DELETED] * 8


def test_variables_are_there_when_the_connection_ends(service, vhost):
    n, api = service()
    stream = api.create("abc")
    with RawWS(n.port()) as c:
        c.path = "/event-stream/unknown"
        assert c.handshake() == 404
    assert ess_log(n, 1) == ["404 id=- events=- bytes=-"]

    with Clients(stream.location) as clients:
        vhost.publish("abc", ["x" * 10, "y" * 200, "z" * 70000])
        clients.wait(3)
    ess_log(n, 2)
    with Clients(stream.location) as clients:
        api.delete(stream)
        clients.wait_closed()
    lines = ess_log(n, 3)
    # 2, 4 and 10 bytes of header
    assert lines[1] == "101 id=%d events=3 bytes=%d" % (
        stream.id, 10 + 200 + 70000 + 16)
    assert lines[2] == "101 id=%d events=0 bytes=0" % stream.id


class Narrow(RawWS):
    """Takes little from the network; asked for before it is connected, for
    that decides about TCP's window."""

    def __init__(self, port, **kwargs):
        super().__init__(port, **kwargs)
        timeout = self.sock.gettimeout()
        self.sock.close()
        self.sock = socket.socket()
        self.sock.settimeout(timeout)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.connect(("127.0.0.1", port))


@pytest.mark.parametrize("what", ["event", "end"])
def test_client_whose_socket_is_full_of_pongs_misses_nothing(service, vhost,
                                                             what):
    n, api = service(workers=1,
                     server="listen 127.0.0.1:%%PORT2%% sndbuf=4k;")
    stream = api.create("abc")
    with Narrow(n.port(2)) as c:
        c.path = "/event-stream/" + stream.uuid
        c.connect()
        # a hundred answers fill it
        for _ in range(200):
            c.send_frame(PING, b"x" * 125)
            time.sleep(0.001)
        if what == "event":
            vhost.publish("abc", "event")
            in_log(api, stream, 1)
        else:
            api.delete(stream)
        time.sleep(0.2)
        frame = c.recv_frame()
        while frame.opcode == PONG:
            frame = c.recv_frame()
        if what == "event":
            assert frame.payload == b"event"
        else:
            assert (frame.close_code, frame.close_reason) == DELETED


# what nginx itself can do

def refused(url, **kwargs):
    with pytest.raises(REFUSED) as e:
        Clients(url, **kwargs)
    return refused_status(e.value)


def works(vhost, urls, **kwargs):
    with Clients(urls, **kwargs) as clients:
        vhost.publish("abc", ["one", b"\xff"])
        clients.wait(2)
        assert all(c.messages == ["one", b"\xff"] for c in clients)


def test_auth_request_decides_who_listens(service, vhost):
    n, api = service(location="auth_request /auth;", server="""
        location = /auth {
            internal;
            if ($http_x_token = "good") { return 204; }
            if ($http_x_token) { return 403; }
            return 401;
        }""")
    stream = api.create("abc")
    assert refused(stream.location) == 401
    assert refused(stream.location, headers={"X-Token": "bad"}) == 403
    works(vhost, [stream.location] * 4, library="both",
          headers={"X-Token": "good"})


def test_limit_conn_counts_clients_while_they_are_connected(service, vhost):
    n, api = service(http="limit_conn_zone $server_port zone=all:1m;",
                     location="limit_conn all 2;")
    stream = api.create("abc")

    def comes():
        """nginx forgets a client a little later than the stream does."""

        c = RawWS.of(stream.location)
        if c.handshake() == 101:
            return c
        c.close()

    for _ in range(3):
        with wait_for(comes) as first, wait_for(comes):
            with RawWS.of(stream.location) as third:
                assert third.handshake() == 503
            first.reset()
            subscribers(api, stream, 1)
            with wait_for(comes) as another:
                vhost.publish("abc", "event")
                assert another.recv_frame().payload == b"event"
                with RawWS.of(stream.location) as third:
                    assert third.handshake() == 503
        subscribers(api, stream, 0)


@pytest.mark.parametrize("rule, status", [("allow 127.0.0.1; deny all;", 101),
                                          ("deny 127.0.0.1;", 403)])
def test_allow_and_deny(service, rule, status):
    n, api = service(location=rule)
    with RawWS.of(api.create("abc").location) as c:
        assert c.handshake() == status


def test_uuid_from_a_variable(service, vhost):
    n, api = service(
        http="""map $arg_stream $uuid {
            default       "";
            ~^s-(?<u>.+)$ $u;
        }""",
        server="location = /events { ess_subscribe $uuid; }")
    stream = api.create("abc")
    url = "ws://127.0.0.1:%d/events?stream=" % n.port()
    works(vhost, [url + "s-" + stream.uuid] * 2, library="both")
    for wrong in "", stream.uuid, "s-", "s-" + stream.uuid[:-1]:
        assert refused(url + wrong) == 404


def test_gzip_and_other_filters_leave_events_alone(service, vhost):
    n, api = service(location="gzip on; gzip_types *; sub_filter one two; "
                              "limit_rate 1; chunked_transfer_encoding on; "
                              "expires 1h; send_timeout 1s;")
    works(vhost, [api.create("abc").location] * 4, library="both")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "1", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder


def test_tls(service, vhost, certificate):
    port = free_port()
    n, api = service(
        http="ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem;"
             % (certificate, certificate),
        server="listen 127.0.0.1:%d ssl reuseport;" % port)
    stream = api.create("abc")
    url = "wss://127.0.0.1:%d/event-stream/%s" % (port, stream.uuid)
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    bodies = numbered(200) + ["x" * 2 ** 20, b"\xff" * 100000, "last"]
    with Clients([url] * 6, library="both", ssl=context) as clients:
        vhost.publish("abc", bodies)
        clients.wait(len(bodies))
        assert all(c.messages == bodies for c in clients)
        api.delete(stream)
        assert clients.wait_closed() == [DELETED] * 6


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_behind_another_nginx(service, vhost, nginx, way):
    n, api = service(server="listen unix:%%DIR%%/socket;")
    upstream = ("unix:%s:" % n.path("socket") if way == "unix"
                else "127.0.0.1:%d" % n.port())
    proxy = nginx("""
http {
    server {
        listen 127.0.0.1:%%PORT0%%;
        location /live/ {
            proxy_pass http://%%UPSTREAM%%/event-stream/;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }
    }
}
""", module=None, upstream=upstream)
    stream = api.create("abc")
    url = "ws://127.0.0.1:%d/live/%s" % (proxy.port(), stream.uuid)
    with Clients([url] * 4, library="both") as clients:
        events = numbered(200) + ["x" * 2 ** 20]
        vhost.publish("abc", events)
        clients.wait(201)
        assert all(c.messages == events for c in clients)
        api.delete(stream)
        assert clients.wait_closed() == [DELETED] * 4
    assert refused(url) == 404


def test_access_log_has_the_101_of_the_usual_format(service):
    n, api = service(location="access_log %%DIR%%/access.log combined;")
    stream = api.create("abc")
    with Clients(stream.location):
        pass
    wait_for(lambda: re.search(r'"GET /event-stream/%s HTTP/1.1" 101 \d+'
                               % stream.uuid, n.access_log()))
