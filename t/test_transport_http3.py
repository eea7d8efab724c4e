"""Server-Sent Events over HTTP/3, for an nginx that has it: Debian 13's, and
what "make check-nginx" builds."""

import base64
import datetime
import hashlib
import json
import random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api import Api
from h3 import AIOQUIC, Http3, nginx_has_http3
from wait import wait_for

pytestmark = pytest.mark.skipif(
    not nginx_has_http3(), reason="this nginx has no HTTP/3")

aioquic = pytest.mark.skipif(
    not AIOQUIC, reason="there is no aioquic: make check-nginx T=http3")

CONF = """
http {
    ess_zone            streams 32m;
    ess_store           %%DIR%%/streams.db;
    %%BROKER%%
    ess_public_url      wss://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain           200ms;
    ess_log             size=8m;
    keepalive_timeout   %%IDLE%%;

    server {
        listen 127.0.0.1:%%PORT0%% quic reuseport;
        listen 127.0.0.1:%%PORT0%% ssl;
        ssl_certificate     %%DIR%%/cert;
        ssl_certificate_key %%DIR%%/key;

        location /event-stream/ {
            ess_subscribe;
            ess_ping %%PING%%;
            ess_slow_client close buffer=%%BUFFER%%;
        }
        location = /page.html {
            default_type text/html;
            return 200 "<!doctype html><title>events</title>";
        }
        location /api/ { ess_api; }
        location /publish/ { ess_publish; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /metrics { ess_metrics streams=100; }
    }
}
"""


def certificate():
    """(certificate, key, its public key's hash as Chromium takes it)."""

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(1)
    cert = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(),
        now - day, now + day).sign(key, hashes.SHA256())
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)
    return (cert.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(serialization.Encoding.PEM,
                              serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption()),
            base64.b64encode(hashlib.sha256(spki).digest()).decode())


CERT, KEY, HASH = certificate()


class Service:

    def __init__(self, nginx, workers=2, ping="0", buffer="1m", idle="75s",
                 events="", broker=""):
        self.nginx = nginx(events + CONF, workers, start=False, ping=ping,
                           buffer=buffer, idle=idle,
                           broker=broker)
        for name, text in ("cert", CERT), ("key", KEY):
            with open(self.nginx.path(name), "wb") as f:
                f.write(text)
        self.nginx.start()
        self.api = Api(self.nginx.port(1))

    def connect(self, **kwargs):
        return Http3(self.nginx.port(), **kwargs)

    def subscribers(self, stream, count):
        wait_for(lambda: self.api.get(stream)["subscribers"] == count,
                 what="%d subscribers" % count)

    def publish(self, key, events):
        for i in range(0, len(events), 20):
            self.api.publish(key, events[i:i + 20])


@pytest.fixture
def service(nginx):
    return lambda **kwargs: Service(nginx, **kwargs)


def path(stream):
    return "/event-stream/" + stream.uuid


@aioquic
def test_header(service):
    s = service()
    a = s.api.create("a")
    with s.connect() as h3:
        get = h3.get(path(a), origin="https://example.org").opened()
        assert get.status == 200
        assert get.headers["content-type"] == "text/event-stream"
        assert get.headers["cache-control"] == "no-store"
        assert get.headers["access-control-allow-origin"] \
            == "https://example.org"
        # these are about a connection of HTTP/1.1
        assert not {"connection", "transfer-encoding", "upgrade",
                    "keep-alive"} & {*get.headers}


@aioquic
def test_refused(service):
    s = service()
    a = s.api.create("a")
    with s.connect() as h3:
        origin = {"origin": "https://example.org"}
        for get, status in (
                (h3.get(path(a)[:-1] + "x", **origin), 404),
                (h3.get(path(a), accept="text/html", **origin), 426)):
            assert get.opened().status == status
            wait_for(lambda: get.ended, what="the end")
            assert get.headers["content-type"] == "application/problem+json"
            assert get.headers["access-control-allow-origin"] \
                == origin["origin"]
            assert json.loads(get.raw)["status"] == status
        assert not {"connection", "upgrade"} & {*get.headers}
        assert h3.request("OPTIONS", path(a), [
            *origin.items(),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "last-event-id")
        ]).opened().status == 204
        # the connection is as good as it was
        assert h3.get(path(a)).opened().status == 200


@aioquic
def test_own_origin(service):
    """A page of this server may write, one of another may not, although there
    is no Host line."""

    s = service()
    own = "https://127.0.0.1:%d" % s.nginx.port()
    with s.connect() as h3:
        for origin, status in ((own, 201), (own + "1", 403),
                               ("https://127.0.0.1", 403),
                               ("http" + own[5:], 403)):
            assert h3.request("POST", "/api/", [
                ("content-type", "application/json"), ("origin", origin)],
                '{"routing_key":"k"}').opened().status == status


@aioquic
def test_events_over_a_reload(service):
    """1,000 of them, each once and in order, by Last-Event-ID."""

    s = service()
    a = s.api.create("a")
    events = ["event %d" % i for i in range(1000)]
    seen, last = [], {}
    with s.connect() as h3:
        get = h3.get(path(a)).opened()
        s.publish("a", events[:400])
        get.wait(400)
        s.publish("a", events[400:500])
        s.nginx.reload()
        s.publish("a", events[500:600])
        wait_for(lambda: get.over, 20, "the end of the response")
        seen = get.data
        last = {"last_event_id": get.parser.last_id}
    assert 400 <= len(seen) <= 600
    with s.connect() as h3:
        get = h3.get(path(a), **last).opened()
        s.publish("a", events[600:])
        get.wait(1000 - len(seen))
        assert seen + get.data == events


@aioquic
def test_gap(service):
    s = service()
    a = s.api.create("a")
    with s.connect() as h3:
        get = h3.get(path(a)).opened()
        s.publish("a", ["one"])
        (event,) = get.wait(1)
        epoch, ordinal = event.id.split("-")
        again = h3.get(path(a), last_event_id="%s-%d" % (
            epoch, int(ordinal) + 1000))
        (gap,) = again.wait(1)
        assert gap.type == "gap"
        assert json.loads(gap.data)["to"] is None
        s.publish("a", ["two"])
        assert again.wait(2)[1].data == "two"


@aioquic
def test_many_streams_of_a_connection(service):
    s = service()
    streams = [s.api.create("key%d" % i) for i in range(20)]
    with s.connect() as h3:
        gets = [h3.get(path(stream)) for stream in streams]
        for get in gets:
            get.opened()
        for round_ in range(5):
            for i in range(20):
                s.api.publish("key%d" % i, ["%d of %d" % (round_, i)])
        for i, get in enumerate(gets):
            get.wait(5)
            assert get.data == ["%d of %d" % (n, i) for n in range(5)]


@aioquic
@pytest.mark.parametrize("window", [0, 1 << 20])
@pytest.mark.parametrize("leave", ["stop", "close"])
def test_client_leaves(service, leave, window):
    """It is noticed at once, not at the next ping.  A browser that closes its
    EventSource sends STOP_SENDING alone, for its request was complete."""

    s = service()
    a, b = s.api.create("a"), s.api.create("b")
    with s.connect(window=window, refill=window > 0) as h3:
        gets = [h3.get(path(a)) for _ in range(3)]
        other = h3.get(path(b))
        s.subscribers(a, 3)
        s.subscribers(b, 1)
        if leave == "close":
            h3.close()
            s.subscribers(b, 0)
        else:
            for get in gets:
                get.stop()
        s.subscribers(a, 0)
        if leave != "close":
            h3.refill()
            s.publish("b", ["still there"])
            assert other.wait(1)[0].data == "still there"


@aioquic
def test_client_vanishes(service):
    """QUIC drops whom it has not heard of for keepalive_timeout."""

    s = service(idle="2s")
    a = s.api.create("a")
    with s.connect() as h3:
        h3.get(path(a)).opened()
        s.subscribers(a, 1)
        h3.vanish()
        s.subscribers(a, 0)


@aioquic
def test_pings_keep_the_connection(service):
    """Which QUIC closes otherwise when nothing was heard for
    keepalive_timeout."""

    s = service(ping="1s 1s", idle="4s")
    a = s.api.create("a")
    with s.connect() as h3:
        get = h3.get(path(a)).opened()
        wait_for(lambda: get.parser.comments >= 6, 20, "six pings")
        s.publish("a", ["one"])
        assert get.wait(1)[0].data == "one"
        assert not get.over


@aioquic
def test_response_ends_with_the_stream(service):
    s = service()
    a, b = s.api.create("a"), s.api.create("b")
    with s.connect() as h3:
        get, other = h3.get(path(a)).opened(), h3.get(path(b)).opened()
        s.publish("a", ["last"])
        get.wait(1)
        s.api.delete(a)
        wait_for(lambda: get.ended, what="the end")
        assert get.error is None
        s.publish("b", ["one"])
        assert other.wait(1) and not other.over


@aioquic
@pytest.mark.parametrize("window", [0, 1 << 20])
def test_drain(service, window):
    """Who is connected is told of the end, and holds up no shutdown."""

    s = service(ping="20s", workers=1)
    a = s.api.create("a")
    with s.connect(window=window, refill=window > 0) as h3:
        gets = [h3.get(path(a)) for _ in range(5)]
        s.subscribers(a, 5)
        if window:
            s.publish("a", ["one"])
            for get in gets:
                get.wait(1)
        assert s.nginx.stop(timeout=8) == 0
        if window:
            wait_for(lambda: all(get.ended for get in gets), what="the end")


@aioquic
def test_connections_are_kept(service):
    """Each response takes one of nginx's, as the API and health need them."""

    s = service(workers=1, events="events { worker_connections 64; }")
    a = s.api.create("a")
    with s.connect() as h3:
        gets = [h3.get(path(a)) for _ in range(64)]
        statuses = [get.opened().status for get in gets]
        assert sorted({*statuses}) == [200, 503]
        s.publish("a", ["one"])
        for get in gets:
            if get.status == 200:
                assert get.wait(1)[0].data == "one"
        s.subscribers(a, statuses.count(200))


@aioquic
def test_client_reads_on(service):
    """What did not fit into its window comes when there is room."""

    s = service()
    a = s.api.create("a")
    events = ["%d " % i + "x" * 20000 for i in range(30)]
    with s.connect(window=3000, refill=False) as h3:
        get = h3.get(path(a)).opened()
        s.publish("a", events)
        h3.refill()
        get.wait(30)
        assert get.data == events


@aioquic
def test_slow_client(service):
    """It is let go; its neighbour on the same connection misses nothing."""

    s = service(buffer="64k")
    a, b = s.api.create("a"), s.api.create("b")
    events = ["%d " % i + "x" * 20000 for i in range(50)]
    with s.connect(window=3000, refill=False) as h3:
        slow = h3.get(path(a)).opened()
        other = h3.get(path(b)).opened()
        s.publish("a", events)
        s.nginx.wait_log("client is too slow")
        s.subscribers(a, 0)
        h3.refill()
        for i, event in enumerate(events):
            s.publish("b", [event])
            other.wait(i + 1)
        assert other.data == events
        wait_for(lambda: slow.over, what="the end")
        assert slow.data == events[:len(slow.data)]


@aioquic
def test_requests_that_are_stopped_while_they_wait(service, vhost):
    """For the broker, for the disk or for another worker."""

    s = service(broker="ess_amqp %s;" % vhost.url, idle="2s")
    a = s.api.create("a")
    log = s.api.create("log", source="stream", declare=True)
    json_ = [("content-type", "application/json")]
    some = random.Random(1)
    for window in (0, 100, 100000):
        with s.connect(window=window, refill=window > 0) as h3:
            gets = []
            for i in range(10):
                all_ = [
                    ("POST", "/publish/a", (), "x" * some.choice([9, 15000])),
                    ("POST", "/api/", json_, '{"routing_key":"%d"}' % i),
                    ("DELETE", "/api/%d" % (3 + i)),
                    ("GET", "/api/1/subscribers"),
                    ("GET", "/api/"),
                    ("GET", path(a), [("accept", "text/event-stream")]),
                    ("GET", path(log) + "?stream_from_ordinal=0",
                     [("accept", "text/event-stream")]),
                ]
                gets += [h3.request(*r)
                         for r in some.sample(all_, len(all_))]
                for get in some.sample(gets, 4):
                    get.stop()
            wait_for(lambda: s.api.get(a)["subscribers"], what="subscribers")
            if window == 100000:
                last = h3.request("POST", "/publish/a", (), "last").opened()
                assert last.status == 202
    wait_for(lambda: s.api.get(log)["subscribers"] == 0
             and s.api.get(a)["subscribers"] == 0, 90)
    assert s.api.list("?limit=1")


LISTEN = """
window.seen = [];
window.opened = 0;
window.source = new EventSource("/event-stream/" + arguments[0]);
source.onopen = () => opened++;
source.onmessage = e => seen.push(e.data);
"""

PROTOCOLS = """
return [...new Set(performance.getEntriesByType("resource").map(
    e => e.nextHopProtocol))];
"""


@pytest.mark.parametrize("browser", [[
    "--origin-to-force-quic-on=*",
    "--ignore-certificate-errors-spki-list=" + HASH]], ids=["quic"],
    indirect=True)
def test_browser_over_reloads(service, browser):
    """It comes back by itself, and is noticed when it leaves."""

    s = service()
    a = s.api.create("a")
    events = ["event %d" % i for i in range(1000)]
    browser.open("https://127.0.0.1:%d/page.html" % s.nginx.port())
    browser.execute(LISTEN, a.uuid)
    wait_for(lambda: browser.execute("return opened") == 1, 20)

    for round_ in range(2):
        s.publish("a", events[round_ * 500:round_ * 500 + 250])
        s.nginx.reload()
        s.publish("a", events[round_ * 500 + 250:round_ * 500 + 500])
        wait_for(lambda: browser.execute("return seen.length")
                 >= round_ * 500 + 500
                 and browser.execute("return opened") > round_ + 1, 60,
                 "the browser to come back")

    assert browser.execute("return seen") == events
    assert browser.execute(PROTOCOLS) == ["h3"]
    s.subscribers(a, 1)
    browser.execute("source.close()")
    s.subscribers(a, 0)
