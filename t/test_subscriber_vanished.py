"""Clients whose machine is gone without a word: their places are free again
after the ping that nobody acknowledges.  Who is only slow stays."""

import contextlib
import ssl
import subprocess
import threading
import time

import pytest

from api import Api
from clients import RawWS
from h2 import Http2
from netns import Namespace
from sse import EventSource
from wait import slower, wait_for

CONF = """
http {
    ess_zone       streams 16m;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_ping       2s 2s;
    ess_drain      0;

    ssl_certificate     %%CERT%%/cert.pem;
    ssl_certificate_key %%CERT%%/key.pem;

    server {
        listen %%PORT0%%;
        listen %%PORT2%% http2;
        listen %%PORT3%% ssl;
        location /event-stream/ { ess_subscribe; ess_max_subscribers 2; }
        location /released/ {
            ess_subscribe;
            ess_max_subscribers 2;
            ess_request release;
        }
        location /text/ {
            ess_subscribe;
            ess_max_subscribers 2;
            ess_ping 2s 2s text=ping first;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""

# seconds: interval and timeout, and what the timers' wheel adds
DROPPED = 2 + 2 + 2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "1", "-subj", "/CN=localhost", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder


@pytest.fixture
def service(nginx, certificate):
    n = nginx(CONF, workers=1, cert=str(certificate))
    api = Api(n.port(1))
    return n, api, api.create("abc")


def subscribers(api, stream, count):
    return api.get(stream)["subscribers"] == count


def connect(kind, there, n, stream):
    """A client in that namespace, which nobody needs to read from."""

    with there.inside():
        if kind == "http2":
            h2 = Http2(n.port(2), host=there.server)
            get = h2.get("/event-stream/" + stream.uuid)
            h2.wait(lambda: get.status == 200)
            return h2
        path = ("/%s/" % kind if kind in ("released", "text")
                else "/event-stream/")
        ws = RawWS(n.port(3 if kind == "tls" else 0), path + stream.uuid,
                   there.server, rcvbuf=4096,
                   ssl=ssl._create_unverified_context() if kind == "tls"
                   else None)
    if kind in ("websocket", "text"):
        return ws.connect()
    ws.request(Upgrade=None, Connection=None, Accept="text/event-stream")
    assert ws.response() == 200
    return ws


@pytest.mark.parametrize("live", [False, True], ids=["idle", "live"])
@pytest.mark.parametrize(
    "kind", ["sse", "released", "tls", "http2", "websocket", "text"])
def test_client_that_vanishes_is_dropped(service, kind, live):
    n, api, stream = service
    with contextlib.ExitStack() as stack:
        there = stack.enter_context(Namespace())
        stack.enter_context(EventSource(stream.http))
        stack.enter_context(connect(kind, there, n, stream))
        wait_for(lambda: subscribers(api, stream, 2))
        with EventSource(stream.http) as one_more:
            assert one_more.status == 503

        if live:
            stop = threading.Event()
            stack.callback(stop.set)

            def publish():
                while not stop.wait(0.05):
                    api.publish("abc", ["event"])

            threading.Thread(target=publish, daemon=True).start()

        there.cut()
        begin = time.monotonic()
        wait_for(lambda: subscribers(api, stream, 1), 3 * DROPPED)
        assert time.monotonic() - begin < DROPPED + slower() - 1 + 0.5
        with EventSource(stream.http) as one_more:
            assert one_more.status == 200


@pytest.mark.parametrize("kind", ["sse", "tls", "http2", "text"])
def test_client_that_reads_nothing_stays(service, kind):
    """Its window is shut, which its system tells; the server's socket takes
    more."""

    n, api, stream = service
    with Namespace() as there, connect(kind, there, n, stream):
        wait_for(lambda: subscribers(api, stream, 1))
        for _ in range(15):
            api.publish("abc", ["x" * 1000])
        begin = time.monotonic()
        while time.monotonic() - begin < 3 * DROPPED:
            assert subscribers(api, stream, 1)
            time.sleep(0.1)


def test_client_that_is_away_for_a_moment_stays(service):
    n, api, stream = service
    with Namespace() as there:
        with there.inside():
            source = EventSource(stream.http.replace("127.0.0.1",
                                                     there.server))
        with source:
            wait_for(lambda: subscribers(api, stream, 1))
            for i in range(10):
                there.cut()
                api.publish("abc", ["event %d" % i])
                time.sleep(0.3)
                there.mend()
                source.wait(i + 1)
            assert subscribers(api, stream, 1)
