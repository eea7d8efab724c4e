"""The chapters of docs/migrating.md on Nchan, Centrifugo and Web STOMP: each
has a configuration and a page for before, of that peer and its own client, and
one of each for after.  All are taken out of the document and run, in Chromium;
what each says of a break is seen."""

import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request

import jwt
import pika
import pytest

import peers
from broker import Management
from nginx import MODULE, TOP
from ports import free_port
from rabbitmq_node import RabbitmqNode, die_with_parent, port_is_free
from relay import TcpRelay
from wait import wait_for

NCHAN = "/usr/lib/nginx/modules/ngx_nchan_module.so"


def chapter(name):
    """{fence: its blocks, in their order}"""

    with open(os.path.join(TOP, "docs/migrating.md")) as f:
        text = re.search(r"(?ms)^## From %s\n(.*?)(?=^## |\Z)"
                         % re.escape(name), f.read())[1]
    blocks = {}
    for fence, block in re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", text):
        blocks.setdefault(fence, []).append(block)
    return blocks


def put_in(text, values):
    """Values of this test in place of the document's, which must be there."""

    for old, new in values.items():
        assert old in text, old
        text = text.replace(old, str(new))
    return text


@functools.lru_cache(None)
def library(name, file):
    """The path of a client library's file for browsers."""

    return peers.build("page-" + name, name, peers.NPM,
                       "{out}/node_modules/" + file)[0]


class Page:
    """What the document has as a program, in a browser; what it shows is in
    seen()."""

    def __init__(self, browser, folder):
        self.browser = browser
        self.folder = str(folder)
        self.shown = 0
        handler = functools.partial(Quiet, directory=self.folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      handler)
        self.origin = "http://127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def open(self, program, *libraries):
        for path in libraries:
            self._write(os.path.basename(path), _read(path))
        self._write("program.js", program)
        self._write("index.html", "".join(
            '<script src="%s"></script>\n' % os.path.basename(path)
            for path in libraries if not path.endswith("ess.js"))
            + "<script>window.seen = []; function show(...what)"
              " { seen.push(what); }</script>\n"
              '<script type="module" src="program.js"></script>\n')
        self.browser.open(self.origin + "/")

    def seen(self):
        return self.browser.execute("return window.seen;")

    def wait(self, *what):
        """Until this was shown since the last time, and nothing else; what
        (where, ...) was shown at each place, in order."""

        def shown():
            return self.seen()[self.shown:]

        wait_for(lambda: len(shown()) >= len(what), 30,
                 "%r on the page" % (what,))
        # the places are not in an order
        assert sorted(shown(), key=lambda w: w[0]) \
            == sorted(map(list, what), key=lambda w: w[0])
        self.shown += len(what)

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):

    def log_message(self, *args):
        pass


def _read(path):
    with open(path) as f:
        return f.read()


def post(url, body, content_type="text/plain", **headers):
    return get(url, body.encode(), **{"Content-Type": content_type}, **headers)


def get(url, body=None, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, body, headers),
                                timeout=10) as f:
        return f.read().decode()


@contextlib.contextmanager
def broken(relay):
    """Connections end, and none can be made meanwhile."""

    relay.cut()
    yield
    relay.mend()


@pytest.fixture
def page(browser, tmp_path):
    (tmp_path / "page").mkdir()
    page = Page(browser, tmp_path / "page")
    yield page
    page.close()


@pytest.fixture
def relay_to():
    relays = []

    def to(port):
        relays.append(TcpRelay(port))
        return relays[-1]

    yield to
    for relay in relays:
        relay.cut()


# Nchan: all three ways of a page go on after a break, and it is not told of
# what is gone

def test_nchan_before(nginx, page, relay_to, record_property):
    record_property("peer", ["before: nchan", peers.locked("nchan", "nchan"),
                             "resumes, says nothing of what is gone"])
    blocks = chapter("Nchan")
    n = nginx(put_in(blocks["nginx"][0], {
        "modules/ngx_nchan_module.so": NCHAN,
        "listen 8080": "listen 127.0.0.1:%%PORT0%%",
        "listen 127.0.0.1:8081": "listen 127.0.0.1:%%PORT1%%",
        "buffer_length  1000": "buffer_length  2"}), module=None)
    relay = relay_to(n.port(0))
    page.open(put_in(blocks["js"][0], {
        "localhost:8080": "127.0.0.1:%d" % relay.port}),
        library("nchan", "nchan/NchanSubscriber.js"))

    def publish(channel, text):
        post("http://127.0.0.1:%d/pub/%s" % (n.port(1), channel), text)

    def subscribers(channel):
        try:
            text = get("http://127.0.0.1:%d/pub/%s" % (n.port(1), channel))
        except urllib.error.HTTPError:
            return 0
        return int(re.search(r"active subscribers: (\d+)", text)[1])

    def all_there():
        return [subscribers(c) for c in ("orders", "prices", "chat")] \
            == [2, 2, 1]

    wait_for(all_there, 20)
    for channel in "orders", "prices", "chat":
        publish(channel, channel + " 1")
    page.wait(("orders", "orders 1"), ("prices", "prices 1"),
              ("chat", "chat 1"), ("orders or prices", "orders 1"),
              ("orders or prices", "prices 1"))

    with broken(relay):
        publish("orders", "orders 2")
        publish("prices", "prices 2")
        publish("chat", "chat 2")
    page.wait(("orders", "orders 2"), ("prices", "prices 2"),
              ("chat", "chat 2"), ("orders or prices", "orders 2"),
              ("orders or prices", "prices 2"))

    wait_for(all_there, 20)
    with broken(relay):
        for i in 3, 4, 5:
            publish("chat", "chat %d" % i)
    page.wait(("chat", "chat 4"), ("chat", "chat 5"))


# Centrifugo: goes on, and says when it could not

@functools.lru_cache(None)
def centrifugo():
    """The path of the server."""

    with open(os.path.join(peers.PEERS, "centrifugo/go.mod")) as f:
        wanted = re.search(r"(?m)^go ([\d.]+)$", f.read())[1]
    go = shutil.which("go") and subprocess.run(
        ["go", "env", "GOVERSION"], capture_output=True, text=True).stdout
    if not go or [*map(int, re.findall(r"\d+", go))][:2] < [
            *map(int, wanted.split("."))][:2]:
        pytest.skip("Go %s is wanted" % wanted)
    return peers.build("centrifugo", "centrifugo", peers.GO[:-1] + (
        "go build -mod=readonly -buildvcs=false -ldflags=-w -o centrifugo"
        " github.com/centrifugal/centrifugo/v6",), "{out}/centrifugo")[0]


@contextlib.contextmanager
def running(command, port, log):
    with open(log, "w") as f:
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=f,
                             stderr=f, preexec_fn=die_with_parent())
    try:
        wait_for(lambda: p.poll() is not None or not port_is_free(port), 30,
                 command[0])
        assert p.poll() is None, _read(log)
        yield
    finally:
        p.kill()
        p.wait()


def token_of(blocks, channels):
    """Signed with the secret of the document."""

    secret = json.loads(blocks["json"][0])["client"]["token"][
        "hmac_secret_key"]
    return secret, "const token = \"%s\";\n" % jwt.encode(
        {"sub": "7", "exp": int(time.time()) + 3600, **channels}, secret,
        "HS256")


@pytest.mark.seconds(900)       # it is built
def test_centrifugo_before(page, relay_to, tmp_path, record_property):
    record_property("peer", ["before: centrifugo", peers.locked(
        "centrifugo", "github.com/centrifugal/centrifugo/v6"),
        "resumes, says what is gone"])
    blocks = chapter("Centrifugo")
    server = centrifugo()
    port = free_port()
    conf = put_in(blocks["json"][0], {
        '"port": 8000': '"port": %d' % port,
        "http://localhost:3000": page.origin,
        '"history_size": 1000': '"history_size": 2'})
    (tmp_path / "config.json").write_text(conf)
    relay = relay_to(port)

    def api(method, **body):
        return json.loads(post(
            "http://127.0.0.1:%d/api/%s" % (port, method), json.dumps(body),
            "application/json", **{
                "X-API-Key": json.loads(conf)["http_api"]["key"]}))["result"]

    def publish(channel, n):
        api("publish", channel=channel, data={"n": n})

    def all_there():
        return api("channels")["channels"] == {
            c: {"num_clients": 1} for c in ("orders", "prices")}

    with running([server, "-c", str(tmp_path / "config.json")], port,
                 str(tmp_path / "centrifugo.log")):
        page.open(token_of(blocks, {})[1] + put_in(blocks["js"][0], {
            "localhost:8000": "127.0.0.1:%d" % relay.port}),
            library("centrifuge", "centrifuge/dist/centrifuge.js"))

        wait_for(all_there, 20)
        publish("orders", 1)
        publish("prices", 1)
        page.wait(("orders", {"n": 1}), ("prices", {"n": 1}))

        with broken(relay):
            publish("orders", 2)
            publish("prices", 2)
        page.wait(("orders", {"n": 2}), ("prices", {"n": 2}))

        wait_for(all_there, 20)
        with broken(relay):
            for i in 3, 4, 5:
                publish("orders", i)
        # one that was published meanwhile would come, not what there is
        page.wait(("orders", "publications are gone"))


# Web STOMP: an exchange's events are lost, those of a RabbitMQ stream are not

@contextlib.contextmanager
def back_end(url):
    """Declares what it publishes to; publish(exchange, key, body)."""

    with contextlib.closing(pika.BlockingConnection(
            pika.URLParameters(url))) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.exchange_declare("event-streams", "direct", durable=True)
        channel.queue_declare("log", durable=True,
                              arguments={"x-queue-type": "stream"})
        yield channel.basic_publish


@contextlib.contextmanager
def stomp_broker(folder, conf):
    """Of the document's rabbitmq.conf; the ports of its HTTP API and of Web
    STOMP, and its URL."""

    *ports, port = [free_port() for _ in range(5)]
    node = RabbitmqNode(folder, *ports, name="ess-%d" % ports[0],
                        plugins=["rabbitmq_web_stomp"],
                        conf=put_in(conf, {"15674": port}))
    try:
        yield ports[3], port, node.start().url
    finally:
        node.kill()


def test_stomp_before(page, relay_to, tmp_path, record_property):
    record_property("peer", ["before: web stomp", peers.locked(
        "stompjs", "@stomp/stompjs"), "loses an exchange's events"])
    blocks = chapter("RabbitMQ Web STOMP")

    def all_there():
        bindings = Management(http_port).request("GET", "bindings")
        return sorted(b["routing_key"] for b in bindings
                      if b["source"] == "event-streams") == [
            "orders", "prices"]

    with stomp_broker(tmp_path / "broker", blocks["ini"][0]) as (
            http_port, port, url), back_end(url) as publish:
        relay = relay_to(port)
        page.open(put_in(blocks["js"][0], {
            "localhost:15674": "127.0.0.1:%d" % relay.port}),
            library("stompjs", "@stomp/stompjs/bundles/stomp.umd.js"))

        wait_for(all_there, 30)
        publish("event-streams", "orders", "orders 1")
        publish("event-streams", "prices", "prices 1")
        publish("", "log", "log 1")
        wait_for(lambda: len(page.seen()) == 3, 20)
        page.browser.execute("document.onclick()")
        page.wait(("orders", "orders 1"), ("orders", "from the page"),
                  ("prices", "prices 1"), ("log", "log 1"))

        with broken(relay):
            wait_for(lambda: not all_there(), 30)
            for key in "orders", "prices":
                publish("event-streams", key, key + " 2")
            publish("", "log", "log 2")
        wait_for(all_there, 30)
        for key in "orders", "prices":
            publish("event-streams", key, key + " 3")
        page.wait(("orders", "orders 3"), ("prices", "prices 3"),
                  ("log", "log 2"))


# after: the same pages' new programs, against the configurations of ours

ESS_JS = os.path.join(TOP, "clients/ess.js")


def after(nginx, block, port, more=(), **names):
    """nginx with a configuration of the document."""

    return nginx(put_in(block, {
        "modules/ngx_ess_module.so": MODULE,
        "listen %d" % port: "listen 127.0.0.1:%%PORT0%%",
        "listen 127.0.0.1:8081": "listen 127.0.0.1:%%PORT1%%",
        **dict(more)}), **names)


def subscribers(n, name):
    """0 while there is no such stream."""

    try:
        return json.loads(get("http://127.0.0.1:%d/event-stream/%s" % (
            n.port(1), name)))["subscribers"]
    except urllib.error.HTTPError:
        return 0


def test_nchan_after(nginx, page, relay_to):
    blocks = chapter("Nchan")
    n = after(nginx, blocks["nginx"][1], 8080)
    relay = relay_to(n.port(0))
    page.open(put_in(blocks["js"][1], {
        "localhost:8080": "127.0.0.1:%d" % relay.port}),
        library("nchan", "nchan/NchanSubscriber.js"))

    def publish(channel, text):
        post("http://127.0.0.1:%d/pub/%s" % (n.port(1), channel), text)

    wait_for(lambda: [subscribers(n, c) for c in ("orders", "prices", "chat")]
             == [2, 2, 1], 20)
    for channel in "orders", "prices", "chat":
        publish(channel, channel + " 1")
    page.wait(("orders", "orders 1"), ("prices", "prices 1"),
              ("chat", "chat 1"), ("one of the orders", "orders 1"),
              ("one of the prices", "prices 1"))

    with broken(relay):
        for channel in "orders", "prices", "chat":
            publish(channel, channel + " 2")
    page.wait(("orders", "orders 2"), ("prices", "prices 2"),
              ("chat", "chat 2"), ("one of the orders", "orders 2"),
              ("one of the prices", "prices 2"))


def test_centrifugo_after(nginx, page, relay_to, tmp_path):
    blocks = chapter("Centrifugo")
    secret, token = token_of(blocks, {"channels": ["orders", "prices"]})
    (tmp_path / "secret").write_text(secret)
    n = after(nginx, blocks["nginx"][0], 8000, {
        "/etc/nginx/ess.secret": str(tmp_path / "secret"),
        "http://localhost:3000": page.origin}.items())
    relay = relay_to(n.port(0))
    page._write("ess.js", _read(ESS_JS))
    page.open(token + put_in(blocks["js"][1], {
        "localhost:8000": "127.0.0.1:%d" % relay.port}))

    def publish(channel, number):
        post("http://127.0.0.1:%d/publish/%s" % (n.port(1), channel),
             '{"n":%d}' % number)

    wait_for(lambda: [subscribers(n, c) for c in ("orders", "prices")]
             == [1, 1], 20)
    publish("orders", 1)
    publish("prices", 1)
    page.wait(("orders", {"n": 1}), ("prices", {"n": 1}))

    with broken(relay):
        publish("orders", 2)
        publish("prices", 2)
    page.wait(("orders", {"n": 2}), ("prices", {"n": 2}))


def test_stomp_after(nginx, page, relay_to, vhost):
    blocks = chapter("RabbitMQ Web STOMP")
    with back_end(vhost.url) as publish:
        n = after(nginx, blocks["nginx"][0], 8080, {
            "amqp://guest:guest@127.0.0.1:5672/": vhost.url,
            "http://localhost:3000": page.origin}.items())
        relay = relay_to(n.port(0))
        page._write("ess.js", _read(ESS_JS))
        page.open(put_in(blocks["js"][1], {
            "localhost:8080": "127.0.0.1:%d" % relay.port}))

        wait_for(lambda: [subscribers(n, c) for c in (
            "orders", "prices", "log")] == [1, 1, 1], 30)
        publish("event-streams", "orders", "orders 1")
        publish("event-streams", "prices", "prices 1")
        publish("", "log", "log 1")
        wait_for(lambda: len(page.seen()) == 3, 20)
        page.browser.execute("document.onclick()")
        page.wait(("orders", "orders 1"), ("orders", "from the page"),
                  ("prices", "prices 1"), ("log", "log 1"))

        # those of the exchange are not lost now
        with broken(relay):
            publish("event-streams", "orders", "orders 2")
            publish("", "log", "log 2")
        page.wait(("orders", "orders 2"), ("log", "log 2"))
