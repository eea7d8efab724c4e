"""Programs of other languages, each with the usual library at one version.

Each library has a folder in t/peers/ with its lock file; what is built goes to
build/peers.  A tool or a download that cannot be had skips the test."""

import collections
import contextlib
import fcntl
import functools
import os
import re
import shutil
import subprocess
import sys

import pytest

from nginx import TOP

PEERS = os.path.join(TOP, "t/peers")
BUILD = os.path.join(TOP, "build/peers")
PAGE = os.path.join(TOP, "docs/clients.md")

# Steps, which are run in {out}, the build's folder; {src} has the lock file.
COPY = "cp -r {src}/. ."
PIP = ("{python} -m pip install --quiet --require-hashes --no-deps --upgrade"
       " --root-user-action=ignore --target . -r {src}/requirements.txt",)
NPM = COPY, "npm ci --silent"
GO = COPY, "go mod download", "go build -mod=readonly -buildvcs=false ."
CARGO = (COPY, "cargo fetch --quiet --locked",
         "cargo build --quiet --locked --target-dir target")
MAVEN = COPY, ("mvn --quiet --batch-mode -Dbuild={out}/target"
               " dependency:copy-dependencies -DoutputDirectory={out}/jars")
JAVAC = ("javac -d classes -cp jars/* Client.java",)

# those that fetch, and do no more
FETCH = re.compile(r" (pip install|npm ci|mod download|fetch|"
                   r"dependency:copy-dependencies) ")

Language = collections.namedtuple("Language", "fence file build run")

LANGUAGES = {
    "Python": Language("python", "client.py", PIP,
                       "env PYTHONPATH={out} {python} -B {out}/client.py"),
    "Node.js": Language("js", "client.js", NPM, "node {out}/client.js"),
    "Go": Language("go", "client.go", GO, "{out}/client"),
    "Rust": Language("rust", "src/main.rs", CARGO,
                     "{out}/target/debug/client"),
    "Maven": Language("java", "Client.java", MAVEN + JAVAC,
                      "java -cp {out}/classes:{out}/jars/* Client"),
    "Java": Language("java", "Client.java", JAVAC,
                     "java -cp {out}/classes Client"),
}

Client = collections.namedtuple("Client", "language folder lock transport")


def _client(language, folder, lock, transport):
    return Client(LANGUAGES[language], folder, lock, transport)


# the headings of docs/clients.md; what a lock file calls the library
CLIENTS = {
    "httpx-sse": _client("Python", "httpx-sse", "httpx-sse", "SSE"),
    "sseclient-py": _client("Python", "sseclient-py", "sseclient-py", "SSE"),
    "simple-websocket": _client("Python", "simple-websocket",
                                "simple-websocket", "WebSocket"),
    "websockets": _client("Python", "websockets", "websockets", "WebSocket"),
    "websocket-client": _client("Python", "websocket-client",
                                "websocket-client", "WebSocket"),
    "aiohttp": _client("Python", "aiohttp", "aiohttp", "WebSocket"),
    "ws": _client("Node.js", "ws", "ws", "WebSocket"),
    "undici: EventSource": _client("Node.js", "undici", "undici", "SSE"),
    "undici: WebSocket": _client("Node.js", "undici", "undici", "WebSocket"),
    "eventsource": _client("Node.js", "eventsource", "eventsource", "SSE"),
    "fetch-event-source": _client("Node.js", "fetch-event-source",
                                  "@microsoft/fetch-event-source", "SSE"),
    "reconnecting-websocket": _client("Node.js", "reconnecting-websocket",
                                      "reconnecting-websocket", "WebSocket"),
    "gorilla/websocket": _client("Go", "gorilla-websocket",
                                 "github.com/gorilla/websocket", "WebSocket"),
    "coder/websocket": _client("Go", "coder-websocket",
                               "github.com/coder/websocket", "WebSocket"),
    "r3labs/sse": _client("Go", "r3labs-sse", "github.com/r3labs/sse/v2",
                          "SSE"),
    "tungstenite": _client("Rust", "tungstenite", "tungstenite", "WebSocket"),
    "OkHttp: EventSource": _client("Maven", "okhttp", "okhttp-sse", "SSE"),
    "OkHttp: WebSocket": _client("Maven", "okhttp", "okhttp-sse",
                                 "WebSocket"),
    "java.net.http: events": _client("Java", None, None, "SSE"),
    "java.net.http: WebSocket": _client("Java", None, None, "WebSocket"),
}


# the page, and the versions

def section(name):
    """Of docs/clients.md: its text up to the next heading."""

    with open(PAGE) as f:
        text = f.read()
    m = re.search(r"(?ms)^### %s\n(.*?)(?=^##|\Z)" % re.escape(name), text)
    assert m, "docs/clients.md has no section %s" % name
    return m[1]


def program(name):
    """Exactly as the page shows it."""

    blocks = re.findall(r"(?ms)^```%s\n(.*?)^```$"
                        % CLIENTS[name].language.fence, section(name))
    assert len(blocks) == 1, name
    return blocks[0]


def version(name):
    """None where Java brings the library."""

    c = CLIENTS[name]
    return c.folder and locked(c.folder, c.lock)


def locked(folder, library):
    """The version of a library in the folder of t/peers/."""

    for file, found in [
            ("requirements.txt", r"(?m)^%s==([\d.]+)"),
            ("package.json", r'"%s": "([\d.]+)"'),
            ("go.mod", r"%s v([\d.]+)"),
            ("Cargo.toml", r'(?m)^%s = .*"=([\d.]+)"'),
            ("pom.xml", r"<artifactId>%s</artifactId>\s*"
                        r"<version>([\d.]+)</version>")]:
        path = os.path.join(PEERS, folder, file)
        if os.path.exists(path):
            with open(path) as f:
                return re.search(found % re.escape(library), f.read())[1]


def ends(name):
    """Whether the program ends when the stream is deleted: the page says of
    which it does not."""

    return "this program has no end" not in " ".join(section(name).split())


# building

@contextlib.contextmanager
def _alone(folder):
    """Of several processes of pytest-xdist one builds."""

    os.makedirs(folder, exist_ok=True)
    with open(folder + ".lock", "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def _step(step, names):
    """Skips the test when the tool is not there, or nothing can be fetched
    with it."""

    words = step.format(**names).split()
    if shutil.which(words[0]) is None:
        pytest.skip("%s is not installed" % words[0])
    p = subprocess.run(words, cwd=names["out"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    if p.returncode and FETCH.search(step + " "):
        lines = p.stdout.strip().split("\n")
        pytest.skip("cannot be fetched: %s" % lines[-1][-200:])
    assert p.returncode == 0, p.stdout[-4000:]


def build(name, folder, steps, command, sources=()):
    """Returns the command that runs it.  sources: (file, text), written first.
    What was built of the same files and steps is taken as it is."""

    names = {"src": os.path.join(PEERS, folder) if folder else "",
             "out": os.path.join(BUILD, name), "python": sys.executable}
    with _alone(names["out"]):
        _build(names, steps, sources)
    return command.format(**names).split()


def _build(names, steps, sources):
    stamp = os.path.join(names["out"], "built")
    of = repr((steps, sources, sys.version, _files(names["src"])))
    with contextlib.suppress(FileNotFoundError), open(stamp) as f:
        if f.read() == of:
            return
    shutil.rmtree(names["out"])
    os.makedirs(names["out"])
    for file, text in sources:
        path = os.path.join(names["out"], file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
    for step in steps:
        _step(step, names)
    with open(stamp, "w") as f:
        f.write(of)


def _files(folder):
    """Of a folder, if there is one: [(path, text)]."""

    found = []
    for where, _, files in os.walk(folder):
        for file in sorted(files):
            path = os.path.join(where, file)
            with open(path) as f:
                found.append((path, f.read()))
    return found


@functools.lru_cache(None)
def client(name):
    """The command of the program in docs/clients.md."""

    c = CLIENTS[name]
    return build("client-" + re.sub(r"\W+", "-", name), c.folder,
                 c.language.build, c.language.run,
                 ((c.language.file, program(name)),))


# what ran

class Peers:
    """A plugin of pytest's main process: at the end of a run with peers it
    says which ran and which were skipped.  A test says what its peer did with
    record_property("peer", (name, version, what))."""

    def __init__(self):
        self.rows = []

    def pytest_runtest_logreport(self, report):
        peer = dict(report.user_properties).get("peer")
        if peer is None or report.when != "call" and report.passed:
            return
        name, version, what = peer
        self.rows.append((
            name, version or "", report.outcome,
            "skipped: " + report.longrepr[2].split(": ", 1)[-1]
            if report.skipped else what if report.passed else "FAILED"))

    def pytest_terminal_summary(self, terminalreporter):
        if not self.rows:
            return
        terminalreporter.section("peers")
        for name, version, outcome, what in sorted(set(self.rows)):
            terminalreporter.write_line("%-34s %-7s  %s" % (
                name, version, what))
        outcomes = [row[2] for row in self.rows]
        terminalreporter.write_line("%d ran, %d skipped, %d failed" % (
            outcomes.count("passed"), outcomes.count("skipped"),
            outcomes.count("failed")))
