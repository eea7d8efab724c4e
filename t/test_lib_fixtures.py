"""The fixtures themselves, on nginx without the module."""

import os
import re
import signal
import subprocess
import sys

import pytest

from api import Api
from clients import RawWS
from h2 import INITIAL_WINDOW_SIZE, NO_ERROR, Http2
from nginx import TOP
from wait import Timeout, wait_for

CONF = """
http {
    server {
        listen 127.0.0.1:%%PORT0%%;
        location / { return 200 "%%WORD%%"; }
    }
}
"""


def plain(nginx, word="one", **kwargs):
    return nginx(CONF, module=None, word=word, **kwargs)


def get(n):
    return Api(n.port(), "/").request("GET").body.decode()


def test_start_reload_stop(nginx):
    n = plain(nginx)
    assert get(n) == "one"
    old = n.workers()
    assert len(old) == 2

    n.names["word"] = "two"
    n.write_conf(CONF, workers=3)
    n.reload(old_gone=True)
    assert get(n) == "two"
    assert len(n.workers()) == 3
    assert not set(old) & set(n.workers())
    assert n.stop() == 0


def test_reload_refused(nginx):
    n = plain(nginx)
    n.write_conf("http { no_such_directive; }")
    n.expect("no_such_directive")
    with pytest.raises(AssertionError, match="no_such_directive"):
        n.reload()
    assert get(n) == "one"


def test_killed_worker_is_replaced(nginx):
    n = plain(nginx)
    pid = n.kill_worker()
    wait_for(lambda: len(n.workers()) == 2)
    assert pid not in n.workers()
    assert "exited on signal 9" in n.log()
    assert n.complaints() == []


def test_complains_of_a_crash(nginx):
    n = plain(nginx)
    pid = n.kill_worker()
    n.killed.clear()
    wait_for(n.complaints)
    assert "%d exited on signal 9" % pid in n.complaints()[0]
    n.killed.add(pid)


def test_complains_of_a_sanitizer(nginx, tmp_path):
    n = plain(nginx)
    with open(n.path("asan.123"), "w") as f:
        f.write("==123==ERROR: AddressSanitizer: heap-use-after-free\n"
                "    #0 0x1 in ngx_ess_x\n")
    assert "ngx_ess_x" in n.complaints()[0]
    n.expect("AddressSanitizer")
    assert n.complaints() == []


def test_nothing_given_for_a_name(nginx):
    with pytest.raises(ValueError, match="%%WORD%%"):
        nginx(CONF, module=None)


def test_raw_request(nginx):
    n = plain(nginx)
    with RawWS(n.port()) as c:
        assert c.handshake() == 200
        assert c.body == b"one"


HTTP2 = """
http {
    server {
        listen 127.0.0.1:%%PORT0%% http2 sndbuf=8k;
        location /small { return 200 "one"; }
        location / { root %%DIR%%; error_page 405 =200 $uri; }
    }
}
"""


@pytest.fixture
def http2(nginx):
    n = nginx(HTTP2, module=None, start=False)
    with open(n.path("large"), "w") as f:
        f.write("large" * 100000)
    return n.start()


def test_http2_requests(http2):
    with Http2(http2.port()) as h2:
        small = [h2.get("/small") for _ in range(10)]
        large = h2.get("/large")
        gone = h2.get("/gone")
        post = h2.request("POST", "/small", [("x-more", "1")], b"body")
        h2.wait(lambda: all(s.ended for s in h2.streams.values()))
        assert all((s.status, s.body) == (200, b"one")
                   for s in [*small, post])
        assert large.body == b"large" * 100000
        assert large.headers["content-length"] == "500000"
        assert large.headers["server"].startswith("nginx/")
        assert gone.status == 404
        assert h2.server[INITIAL_WINDOW_SIZE] == 65536

        # it acknowledges what came; nginx forgets a GOAWAY that the socket
        # does not take at once
        h2.ping()
        h2.wait(lambda: h2.pongs == [b"12345678"])
        http2.send_signal(signal.SIGQUIT)
        h2.wait(lambda: h2.goaway is not None)
        assert h2.goaway == NO_ERROR


def test_http2_windows(http2):
    with Http2(http2.port(), window=0, refill=False) as h2:
        first, second = h2.get("/large"), h2.get("/large")
        h2.wait(lambda: first.status == second.status == 200)
        first.window_update(1000)
        h2.wait(lambda: len(first.body) == 1000)
        h2.settings({INITIAL_WINDOW_SIZE: 10})
        h2.wait(lambda: len(first.body) == 1010 and len(second.body) == 10)
        first.window_update(500000)
        h2.wait(lambda: first.ended)
        second.reset()
        h2.ping()
        h2.wait(lambda: h2.pongs)
        assert len(second.body) == 10 and not second.over


def test_http2_does_not_read_by_itself(http2):
    with Http2(http2.port(), window=10 ** 6, rcvbuf=4096) as h2:
        stream = h2.get("/large")
        # the response has begun, and no more was read of it than that
        wait_for(lambda: h2.read(1000) and stream.status)
        assert len(stream.body) < 1000
        stream.reset()
        h2.ping()
        h2.wait(lambda: h2.pongs)
        # what was on its way
        assert 0 < len(stream.body) < 500000
        h2.get("/large")
        h2.abort()


def test_wait_for_says_what():
    with pytest.raises(Timeout, match="the moon.*0$"):
        wait_for(lambda: 0, 0.05, "the moon")


def test_virtual_hosts(vhost):
    assert vhost.queues() == {}
    with vhost.connect() as connection:
        channel = connection.channel()
        channel.exchange_declare("event-streams", durable=True)
        channel.queue_declare("q", durable=True)
        channel.queue_bind("q", "event-streams", "abc")
        vhost.publish("abc", ["one", b"two"])
        vhost.publish("xyz", "three")
        assert vhost.queue_counts("q") == (2, 0)
    assert vhost.queue_counts("p") is None
    assert list(vhost.queues()) == ["q"]
    assert vhost.bindings() == [("q", "abc")]


def test_own_broker(own_broker):
    broker = own_broker()
    vhost = broker.vhost()
    with vhost.connect() as connection:
        connection.channel().queue_declare("q", durable=True)
    broker.stop_server()
    assert not broker.running()
    broker.start()
    assert vhost.queue_counts("q") == (0, 0)
    broker.kill_server()
    assert not broker.running()
    assert own_broker() is broker and broker.running()


@pytest.mark.parametrize("ci, named, code", [
    (True, "test_a.py::test_it(*): too ol", 0),
    (True, "test_a.py::test_it(*): too young", 1),
    (True, "test_a.py::test_other: too old", 1),
    (False, "# nothing", 0),
])
def test_skips_must_be_named(tmp_path, ci, named, code):
    (tmp_path / "skips.txt").write_text(named + "\n")
    (tmp_path / "conftest.py").write_text(
        "from skips import Skips\n\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Skips(%r, %r))\n"
        % (str(tmp_path / "skips.txt"), ci))
    (tmp_path / "test_a.py").write_text(
        "import pytest\n\n"
        "@pytest.mark.parametrize('n', [1])\n"
        "def test_it(n): pytest.skip('too old')\n\n"
        "def test_runs(): pass\n")

    p = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
         str(tmp_path)], cwd=tmp_path, text=True, capture_output=True,
        env=dict(os.environ, PYTHONPATH=os.path.join(TOP, "t/lib")))
    assert p.returncode == code, p.stdout
    assert "skipped: test_a.py::test_it(1): too old" in p.stdout
    assert ("not in t/skips.txt: test_a.py::test_it(1)" in p.stdout) == code


def test_which_peers_ran(tmp_path):
    """A tool that is not there, and what cannot be fetched, skips; what cannot
    be built fails.  The run's end says so."""

    (tmp_path / "conftest.py").write_text(
        "from peers import Peers\n\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Peers())\n")
    (tmp_path / "test_a.py").write_text(
        "import peers, pytest\n\n"
        "STEPS = ['true', 'no-such-tool --version',"
        " 'false pip install x', 'false']\n\n"
        "@pytest.mark.parametrize('i', range(4))\n"
        "def test_it(i, record_property, tmp_path):\n"
        "    peer = ['lib%d' % i, '1.%d' % i, '']\n"
        "    record_property('peer', peer)\n"
        "    peers.BUILD = str(tmp_path)\n"
        "    peers.build('x', None, [STEPS[i]], '')\n"
        "    peer[2] = '9 events'\n")

    p = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
         str(tmp_path)], cwd=tmp_path, text=True, capture_output=True,
        env=dict(os.environ, PYTHONPATH=os.path.join(TOP, "t/lib") + ":"
                 + os.path.join(TOP, "tools")))
    assert re.findall(r"(?m)^(lib\d) +(1\.\d) +(\S.*)$", p.stdout) == [
        ("lib0", "1.0", "9 events"),
        ("lib1", "1.1", "skipped: no-such-tool is not installed"),
        ("lib2", "1.2", "skipped: cannot be fetched:"),
        ("lib3", "1.3", "FAILED")], p.stdout
    assert "\n1 ran, 2 skipped, 1 failed\n" in p.stdout
