"""Fixtures.

nginx       a factory: nginx(conf, workers=2, start=True, **names) -> Nginx;
            when the test ends, all are stopped and their logs looked through
vhost       a virtual host of the run's RabbitMQ: .url, .publish(), .queues()
back        the application that ess_authorize asks: .answer, .questions
relay       between nginx and the vhost's broker: .url, .cut(), .mend()
own_broker  a factory: own_broker(conf="") -> OwnBroker, started; without
            conf the same one for all tests of a process, so look into
            .vhost() only
database    a database of the run's PostgreSQL: .url, .sql()
disk        a folder that is a file system of 1 MiB: see disk.fill()
browser     Chromium; an indirect parameter has further arguments for it
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import pytest

from authorizer import Authorizer
from broker import OwnBroker, SharedBroker
from browser import Browser
from nginx import TOP, Nginx
from peers import Peers
from postgres import SharedPostgres
from relay import Relay
from skips import Skips
from wait import slower

sys.dont_write_bytecode = True

SECONDS = 120


# pytest's main process makes the session's folder and names itself in the
# environment, which pytest-xdist's workers inherit.

def pytest_configure(config):
    if hasattr(config, "workerinput"):
        return
    os.environ["ESS_SESSION"] = tempfile.mkdtemp(prefix="ess-test-")
    os.environ["ESS_CONTROLLER"] = str(os.getpid())
    config.pluginmanager.register(Skips(
        os.path.join(TOP, "t/skips.txt"), bool(os.environ.get("CI"))))
    config.pluginmanager.register(Peers())


def pytest_unconfigure(config):
    if hasattr(config, "workerinput"):
        return
    session = os.environ.pop("ESS_SESSION", None)
    if session:
        SharedBroker(session).stop()
        SharedPostgres(session).stop()
        shutil.rmtree(session, ignore_errors=True)


def pytest_collection_modifyitems(items):
    """What restarts a broker takes longest, so it comes first; and all of it
    to one process of pytest-xdist, which needs one broker for it."""

    items.sort(key=lambda item: "own_broker" not in item.fixturenames)


class TooLong(Exception):
    pass


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """A test that hangs fails, instead of holding up the run."""

    marker = item.get_closest_marker("seconds")
    seconds = (marker.args[0] if marker else SECONDS) * slower()

    def expired(signum, frame):
        raise TooLong("the test took more than %d s" % seconds)

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(int(seconds))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for n in getattr(item, "ess_nginx", []):
            report.sections.append(("nginx error.log, the end of %s"
                                    % n.path("error.log"), n.log()[-8000:]))


@pytest.fixture
def nginx(request, tmp_path):
    made = request.node.ess_nginx = []

    def make(conf, workers=2, start=True, **kwargs):
        n = Nginx(tmp_path / ("nginx%d" % len(made) if made else "nginx"),
                  conf, workers, **kwargs)
        made.append(n)
        return n.start() if start else n

    yield make

    problems = []
    for n in made:
        try:
            n.stop(quit=False)
        except AssertionError as e:
            problems.append(str(e))
        problems += n.complaints()
    if problems:
        pytest.fail("nginx complains:\n" + "\n".join(problems[:50]),
                    pytrace=False)


@pytest.fixture
def browser(request):
    if shutil.which("chromedriver") is None:
        pytest.fail("chromedriver is not installed: run make deps")
    # a browser's sockets want a short path
    with tempfile.TemporaryDirectory(prefix="ess-browser-",
                                     ignore_cleanup_errors=True) as folder:
        b = Browser(folder, getattr(request, "param", ()))
        yield b
        b.close()


@pytest.fixture(scope="session")
def shared_broker():
    return SharedBroker(os.environ["ESS_SESSION"]).start(
        os.environ["ESS_CONTROLLER"])


@pytest.fixture
def vhost(shared_broker):
    v = shared_broker.vhost()
    yield v
    if not v.kept:
        v.delete()


@pytest.fixture(scope="session")
def shared_postgres():
    return SharedPostgres(os.environ["ESS_SESSION"]).start(
        os.environ["ESS_CONTROLLER"])


@pytest.fixture
def database(shared_postgres):
    d = shared_postgres.database()
    yield d
    d.delete()


@pytest.fixture
def back():
    """The application that ess_authorize asks."""

    with Authorizer() as back:
        yield back


@pytest.fixture
def relay(vhost):
    relay = Relay(vhost)
    yield relay
    relay.cut()


@pytest.fixture(scope="session")
def spare_broker(tmp_path_factory):
    b = OwnBroker(tmp_path_factory.mktemp("spare") / "broker")
    yield b
    b.kill()


@pytest.fixture
def own_broker(request, tmp_path):
    made = []

    def make(conf=""):
        if conf:
            b = OwnBroker(tmp_path / ("broker%d" % len(made)), conf)
        else:
            b = request.getfixturevalue("spare_broker")
        made.append(b)
        return b if b.running() else b.start()

    yield make

    for b in made:
        if b.conf:
            b.kill()
        else:
            b.empty()


@pytest.fixture
def disk(tmp_path):
    """A file system of 1 MiB."""

    path = str(tmp_path / "disk")
    os.mkdir(path)
    p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs",
                        path], capture_output=True, text=True)
    if p.returncode != 0:
        pytest.skip("mount is refused: %s" % p.stderr.strip())
    yield path
    # nginx may still have files there
    subprocess.run(["umount", "--lazy", path], check=True)
