"""A broker behind TLS, odd credentials, and one that is silent or short of
memory."""

import concurrent.futures
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse

import pytest

from api import Api
from broker import OwnBroker
from clients import Clients
from ports import free_port
from wait import SLOWER, freeze, slower, wait_for

CONF = """
http {
    ess_zone streams 16m;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=8m count=100000;
    ess_node test;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="takes the address ::1")


class Authority:
    """Signs certificates; its own is `path'."""

    def __init__(self, folder, name):
        self.folder = str(folder)
        self.name = name
        self.path = os.path.join(self.folder, name + ".pem")
        self.key = os.path.join(self.folder, name + ".key")
        self.openssl("req", "-x509", *self.new(self.key), "-days", "30",
                     "-subj", "/CN=" + name, "-out", self.path)

    def new(self, key):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", key]

    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True)

    def sign(self, name, alternatives):
        """The paths of certificate and key."""

        path, key, request, extensions = [
            os.path.join(self.folder, "%s-%s.%s" % (self.name, name, end))
            for end in ("pem", "key", "csr", "ext")]
        with open(extensions, "w") as f:
            f.write("subjectAltName=%s\n" % alternatives)
        self.openssl("req", "-new", *self.new(key), "-subj", "/CN=broker",
                     "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.path,
                     "-CAkey", self.key, "-CAcreateserial", "-days", "30",
                     "-extfile", extensions, "-out", path)
        return path, key


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    """The one that signed the broker's certificate, and another one."""

    folder = tmp_path_factory.mktemp("certificates")
    return Authority(folder, "ours"), Authority(folder, "other")


@pytest.fixture(scope="module")
def broker(tmp_path_factory, authorities):
    """Listens with TLS as well; its certificate is not for 127.0.0.1."""

    certificate, key = authorities[0].sign("broker", "DNS:localhost,IP:::1")
    tls_port = free_port()
    conf = ["listeners.ssl.1 = 127.0.0.1:%d" % tls_port,
            "ssl_options.certfile = " + certificate,
            "ssl_options.keyfile = " + key,
            "ssl_options.verify = verify_none",
            "ssl_options.fail_if_no_peer_cert = false"]
    if has_ipv6():
        conf.append("listeners.ssl.2 = ::1:%d" % tls_port)

    b = OwnBroker(tmp_path_factory.mktemp("tls") / "broker",
                  "\n".join(conf) + "\n")
    b.tls_port = tls_port
    b.numbers = 0
    try:
        yield b.start()
    finally:
        b.kill()


@pytest.fixture
def own_vhost(broker):
    broker.numbers += 1
    v = broker.vhost("t-%d" % broker.numbers)
    yield v
    v.delete()


@pytest.fixture
def service(nginx):
    def make(amqp, connect=True, **kwargs):
        n = nginx(CONF, amqp=amqp, **kwargs)
        if connect:
            wait_for(lambda: n.log().count(" established, address") >= 2, 20,
                     "the connections")
        return n, Api(n.port(1))
    return make


def tls_url(broker, vhost, host="localhost", scheme="amqps", port=None):
    return "%s://guest:guest@%s:%d/%s" % (
        scheme, host, port or broker.tls_port, vhost.name)


def flows(vhost, api, key="abc", bodies=("hello",)):
    s = api.create(key)
    with Clients([s.location] * 4) as clients:
        vhost.publish(key, bodies)
        clients.wait(len(bodies), 30)
        assert all(c.messages == list(bodies) for c in clients)
    api.delete(s)


def refused(n, api, pattern):
    """An error that names the cause, once from each worker, although each
    tries again and again; all but creating works."""

    wait_for(lambda: len(re.findall(pattern, n.log())) >= 2, 20, pattern)
    assert api.version()["name"] == "NGINX ESS"
    r = api.request("POST", body={"routing_key": "abc"})
    assert r.status == 503 and "Retry-After" in r.headers
    assert api.list() == []
    errors = [line for line in n.log().splitlines() if "[error]" in line]
    assert len(re.findall(pattern, n.log())) == 2, errors
    assert len(errors) <= 4, errors
    assert "[crit]" not in n.log()


# TLS

@pytest.mark.parametrize("host", ["localhost",
                                  pytest.param("[::1]", marks=ipv6)])
def test_tls(service, broker, own_vhost, authorities, host):
    n, api = service("%s trusted_certificate=%s" % (
        tls_url(broker, own_vhost, host), authorities[0].path))
    # more than a TLS record, and more than is read at once
    flows(own_vhost, api, bodies=["x" * 300000, "y" * 16384]
          + ["%d " % i + "z" * 100 for i in range(3000)])
    wait_for(lambda: [c["ssl"] for c in own_vhost.connections()
                      if "product" in c["client_properties"]
                      and c["client_properties"]["product"]
                      == "ngx_ess_module"] == [True, True], 20,
             "two TLS connections")
    assert "[error]" not in n.log()


@ipv6
def test_ipv6_without_tls(service, own_vhost, broker):
    """What is refused is logged with the address in brackets."""

    with socket.create_server(("::1", 0), family=socket.AF_INET6) as s:
        port = s.getsockname()[1]
    n, api = service("amqp://[::1]:%d" % port, connect=False)
    refused(n, api, r"\[error\].*amqp broker \[::1\]:%d: connect\(\) failed "
            r"\(111: " % port)


def test_tls_without_verification(service, broker, own_vhost, authorities):
    n, api = service(tls_url(broker, own_vhost, "127.0.0.1") + " verify=off")
    flows(own_vhost, api)


@pytest.mark.parametrize("host, parameter, pattern", [
    ("localhost", "trusted_certificate=%s", "certificate is not trusted: "),
    ("localhost", "", "certificate is not trusted: "),
    ("127.0.0.1", "trusted_certificate=%s",
     "certificate is not for the address \"127.0.0.1\""),
], ids=["another-authority", "no-system-authority", "another-address"])
def test_certificate_refused(service, broker, own_vhost, authorities, host,
                             parameter, pattern):
    ca = authorities[0 if "address" in pattern else 1].path
    n, api = service(tls_url(broker, own_vhost, host) + " "
                     + (parameter % ca if parameter else ""), connect=False)
    refused(n, api, r"\[error\].*amqp broker %s:\d+:.*%s" % (
        re.escape(host), pattern))
    assert "AMQP" not in n.log()


@pytest.mark.parametrize("names, good", [
    ("DNS:other.example", False),
    ("DNS:localhost.example,DNS:*.localhost", False),
    ("IP:127.0.0.1", False),
    ("DNS:other.example,DNS:localhost", True),
])
def test_certificate_for_another_name(service, authorities, names, good):
    """The name in the URL must be in it, and be sent as server name."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authorities[0].sign("fake", names))
    asked, said = [], []
    context.sni_callback = lambda s, name, c: asked.append(name)

    def serve(listener):
        while True:
            try:
                c, _ = listener.accept()
                with context.wrap_socket(c, server_side=True) as tls:
                    said.append(tls.recv(8))
            except ssl.SSLError:
                pass
            except OSError:
                if listener.fileno() == -1:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=[listener], daemon=True).start()
        n, api = service(
            "amqps://localhost:%d trusted_certificate=%s" % (
                listener.getsockname()[1], authorities[0].path),
            connect=False)
        if good:
            wait_for(lambda: b"AMQP\x00\x00\x09\x01" in said)
            refused(n, api, "peer closed the connection")
        else:
            refused(n, api, r"\[error\].*certificate is not for .localhost")
            assert not any(said), "credentials would have been next"
        assert set(asked) == {"localhost"}
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("scheme, pattern", [
    ("amqps", r"SSL_do_handshake\(\) failed|TLS handshake failed"),
    ("amqp", r"closed the connection|not AMQP|its answer"),
], ids=["amqps-to-plain", "amqp-to-tls"])
def test_wrong_scheme(service, broker, own_vhost, scheme, pattern):
    port = broker.port if scheme == "amqps" else broker.tls_port
    n, api = service(tls_url(broker, own_vhost, "127.0.0.1", scheme, port)
                     + (" verify=off" if scheme == "amqps" else ""),
                     connect=False)
    refused(n, api, r"\[error\].*amqp broker 127.0.0.1:\d+:.*(%s)" % pattern)


# credentials

@pytest.fixture
def user(broker, own_vhost):
    m = own_vhost.management
    made = []

    def make(name, password, vhost=own_vhost):
        quoted = urllib.parse.quote(name, safe="")
        m.request("PUT", "users/" + quoted,
                  {"password": password, "tags": ""})
        made.append(quoted)
        m.request("PUT", "permissions/%s/%s" % (
            urllib.parse.quote(vhost.name, safe=""), quoted),
            {"configure": ".*", "write": ".*", "read": ".*"})

    yield make
    for quoted in made:
        m.request("DELETE", "users/" + quoted)


ODD = "a:b@c/d?e#f%g h&ü'"


def test_percent_encoded_credentials(service, broker, user):
    vhost = broker.vhost("/v " + ODD)
    try:
        user("u " + ODD, "p " + ODD, vhost)
        url = "amqp://%s:%s@127.0.0.1:%d/%s" % (*[
            urllib.parse.quote(x, safe="") for x in ("u " + ODD, "p " + ODD)],
            broker.port, urllib.parse.quote(vhost.name, safe=""))
        n, api = service(url)
        flows(vhost, api)
        assert "p " + ODD not in n.log()
        assert urllib.parse.quote("p " + ODD, safe="") not in n.log()
    finally:
        vhost.delete()


@pytest.mark.parametrize("text", ["s3cret %20\n", "s3cret %20",
                                  "s3cret %20\r\nsecond line\n"])
def test_password_file(service, broker, own_vhost, user, tmp_path, text):
    """Its first line, as it is."""

    user("someone", "s3cret %20")
    path = tmp_path / "password"
    path.write_bytes(text.encode())
    path.chmod(0o600)
    n, api = service("amqp://someone@127.0.0.1:%d/%s password_file=%s" % (
        broker.port, own_vhost.name, path))
    flows(own_vhost, api)
    assert "s3cret" not in n.log() and "[warn]" not in n.log()


# silence and alarms

def test_silent_broker(service, broker, own_vhost):
    """It is noticed after two heartbeats; clients are not disturbed, and all
    goes on when it speaks again."""

    n, api = service(own_vhost.url + " heartbeat=2s")
    keys = ["key-%d" % i for i in range(8)]
    streams = {key: api.create(key) for key in keys}
    with Clients([s.location for s in streams.values()]) as clients, \
            concurrent.futures.ThreadPoolExecutor(8) as pool:

        # heartbeats keep it alive
        quiet = time.monotonic() + 6
        wait_for(lambda: time.monotonic() > quiet)
        for key in keys:
            own_vhost.publish(key, ["1", "2"])
        clients.wait(2)
        assert "[error]" not in n.log()

        freeze(broker.beam)
        try:
            answers = [pool.submit(api.request, "POST",
                                   body={"routing_key": "another"})
                       for _ in range(8)]
            wait_for(lambda: n.log().count("heartbeat") >= 4, 10,
                     "both workers to notice")
            for a in answers:
                assert a.result().status == 503
                assert a.result().headers["Retry-After"]

            begin = time.monotonic()
            assert api.request("POST", body={"routing_key": "another"}
                               ).status == 503
            assert time.monotonic() - begin > 1.5
            api.delete(streams.pop(keys[7]))

            def others():
                begin = time.monotonic()
                assert len(api.list()) == 7
                with Clients([s.location for s in streams.values()]) as more:
                    assert len(more) == 7
                return time.monotonic() - begin

            # the machine may hold up one of them, a broker all
            assert min(others() for _ in range(5)) < 1 * slower()
            wait_for(lambda: clients[7].closed)
            assert [c.closed for c in clients] == [False] * 7 + [True]
        finally:
            os.kill(broker.beam, signal.SIGCONT)

        wait_for(lambda: api.request(
            "POST", body={"routing_key": "another"}).status == 201)
        for key in streams:
            own_vhost.publish(key, ["3", "4"])
        for c in clients.clients[:7]:
            wait_for(lambda: c.messages == ["1", "2", "3", "4"])
        assert [api.get(s)["events"] for s in streams.values()] == [4] * 7


def method(channel, number, arguments=b""):
    """A frame; number: class and method."""

    payload = struct.pack(">HH", *number) + arguments
    return struct.pack(">BHL", 1, channel, len(payload)) + payload + b"\xce"


class SlowBroker:
    """Behind TLS: asks and asks and does not read the answers, until what
    the worker has to send fits into no socket buffer."""

    FLOW = method(1, (20, 20), b"\x01")
    ANSWER = method(1, (20, 21), b"\x01")
    CHUNK = 16384

    def __init__(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen()
        self.port = self.socket.getsockname()[1]

    def unsent(self):
        """Bytes that the worker's kernel holds."""

        with open("/proc/net/tcp") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        return sum(int(r[4].split(":")[0], 16) for r in rows
                   if int(r[2].split(":")[1], 16) == self.port)

    def run(self):
        """How many answers came to how many questions."""

        c, _ = self.socket.accept()
        c.settimeout(20 * slower())
        with self.context.wrap_socket(c, server_side=True) as c:
            self.open(c)
            asked, before = 0, -1
            while self.unsent() > before:
                before = self.unsent()
                asked += self.ask(c)
            for _ in range(3):
                asked += self.ask(c)
            return asked, self.answers(c, asked)

    def open(self, c):
        for said in (method(0, (10, 10), b"\x00\x09" + struct.pack(
                         ">LL5sL5s", 0, 5, b"PLAIN", 5, b"en_US")),
                     method(0, (10, 30), struct.pack(">HLH", 8, 131072, 0)),
                     method(0, (10, 41), b"\x00")):
            assert c.recv(65536)
            c.sendall(said)
        heard = b""
        while b"\x00\x14\x00\x0a" not in heard:
            heard += c.recv(65536)
        c.sendall(method(1, (20, 11), b"\x00" * 4))

    def ask(self, c):
        c.sendall(self.FLOW * self.CHUNK)
        time.sleep(0.05 * SLOWER)
        return self.CHUNK

    def answers(self, c, expected):
        answers, rest = 0, b""
        while answers < expected:
            data = c.recv(1 << 20)
            if not data:
                break
            rest += data
            answers += rest.count(self.ANSWER)
            rest = rest.rpartition(self.ANSWER)[2]
        return answers


def test_output_waits_behind_tls(service, authorities):
    """What could not be sent is sent later, from wherever it is by then."""

    broker = SlowBroker(*authorities[0].sign("slow", "DNS:localhost"))
    n, api = service("amqps://localhost:%d trusted_certificate=%s"
                     % (broker.port, authorities[0].path),
                     connect=False, workers=1)
    asked, answered = broker.run()
    assert answered == asked
    assert "sending failed" not in n.log()


def test_memory_alarm(service, broker, own_vhost):
    """Publishers have to wait; consuming, creating and deleting go on."""

    n, api = service(own_vhost.url)
    s = api.create("abc")
    n.stop()
    own_vhost.publish("abc", ["%d" % i for i in range(5000)])

    broker.control("set_vm_memory_high_watermark", "0")
    try:
        # a node that has just come says nothing of itself yet
        wait_for(lambda: own_vhost.management.request("GET", "nodes")[0]
                 .get("mem_alarm"), 20, "the alarm")
        n.start()
        # without a store, the stream is another one
        s = wait_for(lambda: api.try_create("abc"))
        wait_for(lambda: [own_vhost.queue_counts(q)[0]
                          for q in own_vhost.queues()] == [0] * 16, 20,
                 "the queues to be empty")
        for i in range(20):
            api.delete(api.create("key-%d" % i))
        assert len(api.list()) == 1
        wait_for(lambda: own_vhost.bindings()
                 and {k for _, k in own_vhost.bindings()} >= {"abc"})
    finally:
        broker.control("set_vm_memory_high_watermark", "absolute", "1GB")

    with Clients(s.location) as clients:
        own_vhost.publish("abc", "after")
        # a worker may still be at what came out of the queues before
        wait_for(lambda: clients[0].messages[-1:] == ["after"])
    assert "[error]" not in n.log()
