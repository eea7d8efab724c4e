"""clients/ess.js as a package that npm makes and installs, in Node.js 20 and
in Deno, which come from npm at a pinned version; its types; and the program of
docs/clients.md."""

import collections
import json
import os
import random
import re
import subprocess

import pytest

import peers
from api import Api
from cable import Cable
from nginx import TOP
from resume import EVENTS, Program, Publisher, over_http
from wait import slower, wait_for

CLIENTS = os.path.join(TOP, "clients")
SRC = os.path.join(peers.PEERS, "ess-js")

CONF = """
http {
    ess_zone        streams 32m;
    ess_log         size=2m count=20000;
    ess_drain       500ms;
    ess_max_subscriptions 4096;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location = /events { ess_subscribe multi names public; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""

RUNTIMES = {
    "Node.js 20": ["{bin}/node"],
    "Deno": ["{bin}/deno", "run", "--quiet", "--no-lock", "--allow-all"],
}


def npm(folder, *args):
    p = subprocess.run(["npm", *args], cwd=str(folder), text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=120 * slower())
    assert p.returncode == 0, p.stdout
    return p.stdout


@pytest.fixture(scope="session")
def tools():
    """The folder with Node.js 20, Deno, TypeScript and ws."""

    return peers.build("ess-js", "ess-js", peers.NPM, "{out}")[0]


@pytest.fixture
def installed(tools, tmp_path):
    """An empty folder, into which the package is installed, and ws."""

    packed = tmp_path / "packed"
    packed.mkdir()
    npm(CLIENTS, "pack", "--silent", "--pack-destination", packed)
    archive, = packed.iterdir()
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "package.json").write_text('{"type": "module"}')
    npm(folder, "install", "--offline", "--no-audit", "--no-fund", archive,
        os.path.join(tools, "node_modules/ws"))
    return folder


def command(runtime, tools, program, *args):
    words = [w.format(bin=os.path.join(tools, "node_modules/.bin"))
             for w in RUNTIMES[runtime]]
    return words + [str(program), *args]


def program_of_the_page():
    with open(peers.PAGE) as f:
        text = f.read()
    section = re.search(r"(?ms)^## Many streams on one connection: ess.js\n"
                        r"(.*?)^## ", text)[1]
    program, = re.findall(r"(?ms)^```js\n(.*?)^```$", section)
    return program


def test_the_package(installed):
    """What is in it, and that its version is the module's."""

    package = installed / "node_modules/ess-event-streams"
    assert sorted(p.name for p in package.iterdir()) == [
        "README.md", "ess.d.ts", "ess.js", "package.json"]
    about = json.loads((package / "package.json").read_text())
    assert not set(about) & {"dependencies", "scripts"}
    with open(os.path.join(TOP, "src/ngx_ess.h")) as f:
        assert about["version"] == re.search(
            r'NGX_ESS_VERSION +"([\d.]+)"', f.read())[1]
    assert (package / "ess.js").read_text() == open(
        os.path.join(CLIENTS, "ess.js")).read()


def test_the_types(tools, installed):
    """TypeScript takes what is right and refuses what is not."""

    with open(os.path.join(SRC, "types.ts")) as f:
        (installed / "types.ts").write_text(f.read())
    (installed / "ws.d.ts").write_text(
        'declare module "ws" { const w: typeof globalThis.WebSocket;'
        ' export default w; }')
    p = subprocess.run(
        [os.path.join(tools, "node_modules/.bin/node"),
         os.path.join(tools, "node_modules/typescript/bin/tsc"), "--noEmit",
         "--strict", "--noUnusedLocals", "--target", "es2022", "--lib",
         "es2022,dom", "--module", "nodenext", "ws.d.ts", "types.ts"],
        cwd=str(installed), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    assert p.returncode == 0, p.stdout


def test_without_a_websocket(tools, installed):
    """Node.js 20 has none: it says what to give."""

    (installed / "none.js").write_text(
        'import { EventStreams } from "ess-event-streams";\n'
        'new EventStreams("ws://127.0.0.1/");\n')
    p = subprocess.run(command("Node.js 20", tools, installed / "none.js"),
                       capture_output=True, text=True)
    assert p.returncode == 1
    assert "of the package ws" in p.stderr


@pytest.mark.seconds(240)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_program_of_the_page(runtime, tools, installed, nginx, tmp_path,
                                 record_property):
    """1,000 events, with a reload, the death of all workers and a network
    that is cut; and it ends with the last of its streams."""

    peer = ["ess.js, " + runtime, None, ""]
    record_property("peer", peer)
    (installed / "program.js").write_text(program_of_the_page())
    n = nginx(CONF, 2)
    api = Api(n.port(1))
    k, other = api.create("k"), api.create("other")
    publisher = Publisher(over_http(n.port(1)))

    with Cable(n.port(0)) as cable:
        program = Program(tmp_path, command(
            runtime, tools, installed / "program.js",
            "ws://127.0.0.1:%d/events" % cable.port, k.uuid, other.uuid))
        try:
            def connected():
                publisher.done()
                return api.get(k)["subscribers"] == 1

            wait_for(connected, 30, "the client")
            publisher.up_to(200)
            program.wait(200, publisher)
            publisher.up_to(400)
            n.reload()
            publisher.up_to(600)
            program.wait(600, publisher)

            # what is under way while a worker dies would be published twice
            wait_for(publisher.done, 15, "600 events to be published")
            wait_for(connected, 15, "the client")
            for pid in n.workers():
                n.kill_worker(pid)
            publisher.up_to(800)
            program.wait(800, publisher)

            cable.cut()
            publisher.up_to(EVENTS)
            wait_for(publisher.done, 15, "%d events" % EVENTS)
            cable.mend()
            program.wait(EVENTS, publisher)

            api.request("POST", "/publish/other", b'"last"')
            program.wait(EVENTS + 1, publisher)
            assert program.lines() == ['%s {"n":%d}' % (k.uuid, i)
                                       for i in range(EVENTS)] + [
                '%s "last"' % other.uuid]
            api.delete(k)
            api.delete(other)
            wait_for(lambda: program.process.poll() is not None, 15,
                     "the program to end")
            assert program.process.poll() == 0
            assert program.errors().count("is over: 1000") == 2
            assert "gone" not in program.errors()
            peer[2] = "%d events over a reload, a crash and a cut" % EVENTS
        finally:
            program.stop()


class Many(Program):
    """Of many.mjs."""

    def __init__(self, folder, command):
        self.out, self.err = str(folder / "out"), str(folder / "err")
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                            stdout=out, stderr=err)

    def said(self):
        return [json.loads(line) for line in self.lines()]


PLAIN, KEYED, KEYS = 10, 5, 20


@pytest.mark.seconds(300)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_many_streams_and_keys(runtime, tools, installed, nginx, tmp_path,
                               record_property):
    """Subscriptions come and go at random, while workers are killed, nginx is
    reloaded, and the network is cut: each has its events once, in order."""

    peer = ["ess.js, many streams, " + runtime, None, ""]
    record_property("peer", peer)
    with open(os.path.join(SRC, "many.mjs")) as f:
        (installed / "many.mjs").write_text(f.read())
    n = nginx(CONF, 4)
    api = Api(n.port(1))
    for i in range(PLAIN):
        api.create("plain%d" % i, name="plain%d" % i)
    for i in range(KEYED):
        api.create("keyed%d" % i, name="keyed%d" % i, key="json:/key")
    published = collections.defaultdict(list)       # stream: keys, by number
    rng = random.Random(int(os.environ.get("ESS_SEED", 1)))

    def publish(times):
        for _ in range(times):
            i = rng.randrange(PLAIN + KEYED)
            stream = "plain%d" % i if i < PLAIN else "keyed%d" % (i - PLAIN)
            key = "k%d" % rng.randrange(KEYS)
            r = api.request("POST", "/publish/" + stream, json.dumps(
                {"n": len(published[stream]), "key": key}))
            assert r.status == 202, r
            published[stream].append(key)

    with Cable(n.port(0)) as cable:
        program = Many(tmp_path, command(
            runtime, tools, installed / "many.mjs",
            "ws://127.0.0.1:%d/events" % cable.port, str(PLAIN), str(KEYED),
            str(KEYS)))
        try:
            for _ in range(4):
                publish(100)
                n.reload()
                publish(100)
                for pid in n.workers():
                    n.kill_worker(pid)
                publish(100)
                cable.cut()
                publish(20)
                cable.mend()
            program.process.stdin.write(b"\n")
            program.process.stdin.flush()
            wait_for(lambda: {"quiet": True} in program.said(), 20)
            publish(100)
            wait_for(lambda: _complete(program.said(), published), 30,
                     "all events")
            program.process.stdin.close()
            wait_for(lambda: program.process.poll() is not None, 15,
                     "the program to end")
        finally:
            program.stop()

    assert program.process.poll() == 0, program.errors()
    said = program.said()
    assert not [s for s in said if "gap" in s or "end" in s]
    of, got = _sorted(said)
    for h, about in of.items():
        for key in about["keys"] or [None]:
            wanted, mine = _wanted(about, key, published), got[h, key]
            first = wanted.index(mine[0]) if mine else 0
            assert mine == wanted[first:first + len(mine)], (about, key)
            assert first == 0 or not about["all"], (about, key)
    peer[2] = "%d subscriptions, %d events" % (
        len(of), sum(map(len, got.values())))


def _sorted(said):
    """What each subscription is, and the numbers that it got, by key."""

    of, got = {}, collections.defaultdict(list)
    for s in said:
        if "stream" in s:
            of[s["h"]] = s
        elif "left" in s:
            of[s["h"]]["left"] = True
        elif "n" in s:
            got[s["h"], s["key"] if of[s["h"]]["keys"] else None].append(
                s["n"])
    return of, got


def _wanted(about, key, published):
    return [i for i, k in enumerate(published[about["stream"]])
            if key in (None, k)]


def _complete(said, published):
    """Those that were not left have the last event of each key; but what was
    published before it began is no event of one "from now on"."""

    of, got = _sorted(said)
    return all(got[h, key][-1:] == _wanted(about, key, published)[-1:]
               or not about["all"] and not got[h, key]
               for h, about in of.items() if "left" not in about
               for key in about["keys"] or [None])
