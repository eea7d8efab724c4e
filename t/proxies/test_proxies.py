"""docs/proxies.md: each configuration does what it says, with the program it
is for."""

import re
import ssl
import threading
import time

import pytest

from api import Api
from clients import CLOSE, PING, TEXT, Clients, RawWS, inflate, refused_status
from fronts import KINDS, NEEDED, Front, blocks, change
from nginx import Nginx
from sse import EventSource
from wait import wait_for

# the servers are those of the document
CONF = """
http {
    ess_zone        streams 16m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1/event-stream/;
    ess_log         count=2000;
    ess_annotate    on;
    ess_deflate     on;
    ess_ping        3s 3s;
    ess_drain       1s;

%%SERVERS%%
}
"""

SERVERS = [
    ("127.0.0.1:8080;", "127.0.0.1:%%PORT0%%;", 1),
    ("127.0.0.1:8081;", "127.0.0.1:%%PORT1%%;", 1),
    ("127.0.0.1:8082 proxy_protocol;", "127.0.0.1:%%PORT2%% proxy_protocol;",
     1),
    ("    location /event-stream/ { ess_subscribe; }\n", """\
    location /event-stream/ { ess_subscribe; }
    location /event-stream/quiet/ { ess_subscribe; ess_ping 0; }
    location /event-stream/released/ { ess_subscribe; ess_request release; }
    location /event-stream/one/ { ess_subscribe; ess_max_subscribers 1; }
    location /event-stream/slow/ { ess_subscribe; ess_slow_client close
                                   buffer=64k; }
""", 2),
]

EVENTS = 1000

# not that of proxies, which are at 127.0.0.1
CLIENT = "127.0.0.9"


def conf():
    return CONF.replace("%%SERVERS%%", change(blocks("nginx behind them")[0],
                                              SERVERS))


class Refused(Exception):

    def __init__(self, status):
        self.status = status


class Service:
    """nginx with the module, and what stands in front of it."""

    def __init__(self, name, folder, vhost):
        self.vhost = vhost
        self.nginx = Nginx(folder, conf(), amqp=vhost.url)
        self.front = Front(name, self.nginx.port(0), self.nginx.port(2))
        self.api = Api(self.nginx.port(1))
        self.context = None
        if self.front.kind.tls:
            self.context = ssl._create_unverified_context()

    def start(self):
        self.nginx.start()
        self.front.start()
        return self

    def stop(self):
        """What nginx complained about."""

        self.front.stop()
        self.nginx.stop(quit=False)
        return self.nginx.complaints()

    def websocket(self, stream, query="", where=""):
        return self._patiently(lambda: Clients(
            self.front.url(stream.uuid, where=where) + query,
            ssl=self.context))

    def raw(self, stream, where="", **kwargs):
        return RawWS.of(self.front.url(stream.uuid, where=where),
                        source=CLIENT, **kwargs)

    def connected(self, stream, where="", rcvbuf=None, **headers):
        def connect():
            ws = self.raw(stream, where, rcvbuf=rcvbuf)
            if ws.handshake(**headers) != 101:
                ws.close()
                raise Refused(ws.status)
            return ws

        return self._patiently(connect)

    def _patiently(self, connect):
        """Squid's own 502, with "Read Error", is none of nginx's: it comes now
        and then in a busy system, and the document says so."""

        def connected():
            try:
                return connect()
            except Exception as e:
                if self.front.name != "squid" or refused_status(e) != 502:
                    raise
                print("squid: 502")

        return wait_for(connected, 10, "Squid", 0.1)

    def events(self, stream, where="", status=200, **kwargs):
        source = EventSource(self.front.url(stream.uuid, "http", where),
                             ssl=bool(self.context), **kwargs)
        assert source.status == status, source.headers
        if status == 200:
            assert source.headers["content-type"] == "text/event-stream"
        return source

    def subscribed(self, stream, n):
        wait_for(lambda: self.api.get(stream)["subscribers"] == n, 20,
                 "%d subscribers" % n)


@pytest.fixture(scope="module", params=[
    pytest.param(name, marks=pytest.mark.xdist_group(name))
    for name in KINDS])
def service(request, tmp_path_factory, shared_broker):
    vhost = shared_broker.vhost()
    s = Service(request.param, tmp_path_factory.mktemp("nginx"), vhost)
    try:
        yield s.start()
    finally:
        print(s.front.output()[-4000:])
        problems = s.stop()
        vhost.delete()
    assert problems == []


@pytest.fixture
def ran(service, record_property):
    """A sentence for the end of the run."""

    def ran(text):
        record_property("ran", "%s (%s): %s" % (
            service.front.name, service.front.version(), text))

    return ran


class Follower:
    """A client that comes back until it has all events."""

    def __init__(self):
        self.numbers = []
        self.connections = 0
        self.ends = []
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while len(self.numbers) < EVENTS:
                self.connect()
        except Exception as e:
            self.error = e

    def join(self):
        wait_for(lambda: not self.thread.is_alive(), 40, "all %d events"
                 % EVENTS)
        if self.error:
            raise self.error


class FollowerWebSocket(Follower):

    def __init__(self, service, stream):
        self.service = service
        self.stream = stream
        self.ordinal = 0
        super().__init__()

    def connect(self):
        try:
            clients = self.service.websocket(
                self.stream, "?stream_from_ordinal=%d" % self.ordinal)
        except Exception as e:
            # of a worker that stops
            if refused_status(e) != 503:
                raise
            time.sleep(0.05)
            return
        with clients:
            client = clients[0]
            self.connections += 1
            before = len(self.numbers)

            def moved():
                for m in client.messages[len(self.numbers) - before:]:
                    body, ordinal, _ = m.split("|")
                    self.numbers.append(int(body))
                    self.ordinal = int(ordinal.split()[1])
                return client.closed or len(self.numbers) >= EVENTS

            wait_for(moved, 40, "events")
            # those that came together with the close
            moved()
            if client.closed:
                self.ends.append(client.close_code)


class FollowerEvents(Follower):

    def __init__(self, service, stream):
        self.service = service
        self.stream = stream
        self.last_id = None
        super().__init__()

    def connect(self):
        with self.service.events(self.stream, last_id=self.last_id) as source:
            self.connections += 1
            wait_for(lambda: source.closed or len(self.numbers) + len(
                source.events) >= EVENTS, 40, "events")
            self.numbers += [int(d) for d in source.data]
            if source.events:
                self.last_id = source.events[-1].id


def test_a_thousand_events_over_a_reload(service, ran):
    stream = service.api.create("reload")
    followers = [FollowerWebSocket(service, stream),
                 FollowerEvents(service, stream)]
    service.subscribed(stream, 2)
    bodies = [str(n + 1) for n in range(EVENTS)]

    def publish(begin, end):
        for i in range(begin, end, 50):
            service.vhost.publish("reload", bodies[i:i + 50])

    def back():
        assert not any(f.error for f in followers)
        return all(f.connections > 1 for f in followers)

    publish(0, 200)
    publisher = threading.Thread(target=publish, args=(200, 800))
    publisher.start()
    service.nginx.reload()
    publisher.join()
    wait_for(back, 20, "those who come back")
    publish(800, EVENTS)
    for f in followers:
        f.join()

    for f in followers:
        assert f.numbers == list(range(1, EVENTS + 1))
    assert set(followers[0].ends) == {1012}
    ran("%d events over a reload by WebSocket and SSE" % EVENTS)
    service.api.delete(stream)


def test_close_codes(service):
    deleted, operated, stopped = (service.api.create(key)
                                  for key in ("a", "b", "c"))
    with service.websocket(deleted) as ws, service.events(deleted) as sse:
        service.subscribed(deleted, 2)
        service.api.delete(deleted)
        assert ws.wait_closed() == [(1000, "The stream has been deleted")]
        sse.wait_closed()

    with service.websocket(operated) as ws, service.events(operated) as sse:
        service.subscribed(operated, 2)
        path = "%d/subscribers" % operated.id
        for s in service.api.request("GET", path).json()["subscribers"]:
            r = service.api.request("DELETE", "%s/%d" % (path, s["id"]))
            assert r.status == 204
        assert ws.wait_closed() == [(1008, "Disconnected by the operator")]
        sse.wait_closed()

    for code, act in ((1012, service.nginx.reload),
                      (1001, service.nginx.stop)):
        with service.websocket(stopped) as ws, service.events(stopped) as sse:
            service.subscribed(stopped, 2)
            act()
            assert ws.wait_closed()[0][0] == code
            sse.wait_closed()
    service.nginx.start()


def test_deflate(service):
    stream = service.api.create("deflate")
    with service.connected(
            stream, Sec_WebSocket_Extensions="permessage-deflate") as ws:
        assert "permessage-deflate" in ws.headers["sec-websocket-extensions"]
        service.subscribed(stream, 1)
        service.vhost.publish("deflate", "long " * 1000)
        frame = ws.recv_frame()
        while frame.opcode == PING:
            frame = ws.recv_frame()
        assert (frame.opcode, frame.rsv) == (TEXT, 4)
        assert len(frame.payload) < 200
        assert inflate(frame.payload).startswith(b"long long ")
    service.api.delete(stream)


def test_each_event_comes_at_once(service):
    stream = service.api.create("trickle")
    with service.websocket(stream) as ws, service.events(stream) as sse:
        service.subscribed(stream, 2)
        for n in range(1, 6):
            service.vhost.publish("trickle", str(n))
            ws.wait(n)
            sse.wait(n)
    service.api.delete(stream)


@pytest.mark.parametrize("where", ["", "released/"])
def test_address_of_the_client(service, where):
    stream = service.api.create("address")
    # one that a client forged
    forged = {"X-Forwarded-For": "192.0.2.1"}
    with service.connected(stream, where, **forged) as ws:
        with service.events(stream, where, headers=forged, source=CLIENT):
            service.subscribed(stream, 2)
            path = "%d/subscribers" % stream.id
            seen = service.api.request("GET", path).json()["subscribers"]
            assert [s["address"] for s in seen] == [CLIENT] * 2
            ws.send_close()
            while ws.recv_frame().opcode != CLOSE:
                pass
    service.api.delete(stream)


def test_pings_keep_an_idle_client(service):
    """Those without pings are closed by the proxy, the others are not."""

    stream = service.api.create("idle")
    quiet = []
    with service.websocket(stream) as ws, service.events(stream) as sse:
        if "websocket" in service.front.kind.idle:
            quiet.append(service.websocket(stream, where="quiet/"))
        if "events" in service.front.kind.idle:
            quiet.append(service.events(stream, where="quiet/"))
        for client in quiet:
            client.wait_closed(30)
            client.close()
        # which is longer than the idle timeout
        wait_for(lambda: sse.parser.comments >= 3, 30, "pings")
        service.vhost.publish("idle", "1")
        ws.wait(1)
        sse.wait(1)
    service.api.delete(stream)


def test_who_is_gone_is_noticed(service, ran):
    stream = service.api.create("gone")
    with service.connected(stream), service.events(stream):
        service.subscribed(stream, 2)
    begin = time.monotonic()
    service.subscribed(stream, 0)
    ran("clients that are gone are noticed after %.1f s"
        % (time.monotonic() - begin))
    service.api.delete(stream)


def test_refusals(service):
    stream = service.api.create("refused")
    with service.websocket(stream):
        with service.raw(stream, "one/") as ws:
            assert ws.handshake() == 503
            assert int(ws.headers["retry-after"]) > 0
        with service.events(stream, "one/", status=503) as sse:
            assert int(sse.headers["retry-after"]) > 0
    service.api.delete(stream)
    with service.raw(stream) as ws:
        assert ws.handshake() == 404
    service.events(stream, status=404).close()


def greatest(buffer):
    with open("/proc/sys/net/ipv4/tcp_" + buffer) as f:
        return int(f.read().split()[2])


def test_slow_client(service, ran):
    """What it does not read waits in nginx, which closes it; not elsewhere,
    without a bound."""

    stream = service.api.create("slow")
    path = "%d/subscribers" % stream.id
    offset = service.nginx.log_size()
    taken = 0
    # sockets' buffers, before the proxy and behind it, and its own
    bound = greatest("rmem") + 2 * greatest("wmem") + (4 << 20)
    with service.connected(stream, "slow/", 8192), \
            service.raw(stream, "slow/", rcvbuf=8192) as sse:
        sse.request(Connection=None, Upgrade=None, Sec_WebSocket_Key=None,
                    Sec_WebSocket_Version=None, Accept="text/event-stream")
        assert sse.response() == 200
        service.subscribed(stream, 2)
        while service.nginx.log(offset).count("client is too slow") < 2:
            service.vhost.publish("slow", ["x" * 100000] * 10)
            taken = max([taken] + [
                s["bytes"] for s in
                service.api.request("GET", path).json()["subscribers"]])
            assert taken < bound
    ran("slow clients are closed when they have %.1f MB to read"
        % (taken / 1e6))
    service.api.delete(stream)


@pytest.mark.xdist_group("check")
def test_who_is_there_stays_while_nobody_is_let_in(nginx, vhost, relay):
    """HAProxy asks ess_health, and the broker is away."""

    n = nginx(conf(), amqp=relay.url)
    stream = Api(n.port(1)).create("abc")

    def checked(text):
        return text[:text.index("\nbackend events\n") + 1] + change(
            blocks("Load balancers")[0],
            [("port 8081", "port %d" % n.port(1), 1)])

    front = Front("haproxy", n.port(0), n.port(2), checked)

    def status():
        with RawWS.of(front.url(stream.uuid)) as ws:
            return ws.handshake()

    wait_for(lambda: Api(n.port(1)).request("GET", "/healthz").status == 200,
             20, "all slots to be consumed")
    try:
        front.start()
        with Clients(front.url(stream.uuid)) as clients, \
                EventSource(front.url(stream.uuid, "http")) as source:
            relay.cut()
            wait_for(lambda: status() == 503, 30, "HAProxy to notice")
            relay.mend()
            wait_for(lambda: status() == 101, 30, "HAProxy to notice")
            vhost.publish("abc", "1")
            clients.wait(1)
            source.wait(1)
    finally:
        front.stop()


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.xdist_group(name))
    for name in NEEDED])
def test_without_it(nginx, vhost, name):
    """WebSockets are refused, event streams are not."""

    n = nginx(conf(), amqp=vhost.url)
    stream = Api(n.port(1)).create("abc")

    def less(text):
        text, times = re.subn(NEEDED[name], "", text)
        assert times == 1
        return text

    front = Front(name, n.port(0), n.port(2), less)
    try:
        front.start()
        with RawWS.of(front.url(stream.uuid)) as ws:
            assert ws.handshake() == 426
        with EventSource(front.url(stream.uuid, "http")) as source:
            assert source.status == 200
    finally:
        front.stop()
