"""docs/clients.md: its list of libraries is that of the tests, and three of
its programs that differ most run.  `make test-peers' runs them all."""

import re

import pytest

import peers
from resume import goes_on

# A thread that reads, a library that comes back by itself, and lines of HTTP;
# simple-websocket has to be nudged, r3labs/sse gives its user whatever a blank
# line ends, and java.net.http offers HTTP/2.
FEW = "simple-websocket", "r3labs/sse", "java.net.http: events"


@pytest.fixture(scope="module")
def page():
    with open(peers.PAGE) as f:
        return f.read()


def test_the_list_of_libraries(page):
    """Name, version, language and transport, in the order of the sections."""

    rows = re.findall(r"(?m)^\| \[(.+)\]\(#[\w-]+\) ?([\d.]*) \| ([^|]+?) \| "
                      r"(\w+) \| [^|]+ \|$", page)
    assert [row[0] for row in rows] == list(peers.CLIENTS)
    assert [row[0] for row in rows] == re.findall(
        r"(?m)^### (.*)$", page.partition("\n## Libraries\n")[2])
    fences = {"Python": "python", "Go": "go", "Rust": "rust", "Java": "java"}
    for name, version, language, transport in rows:
        client = peers.CLIENTS[name]
        assert transport == client.transport, name
        assert fences.get(language.split()[0], "js") == client.language.fence
        assert version == (peers.version(name) or ""), name


def test_the_version_to_install(page):
    """Each section names the versions of the lock file."""

    for name, client in peers.CLIENTS.items():
        named = re.findall(r"(\S+?)(?:==|@v?|:| = \"=)(\d+\.\d+\.\d+)\b",
                           peers.section(name).partition("```")[0])
        assert bool(named) == bool(client.folder), name
        for library, version in named:
            library = library.strip('`"').rpartition(":")[2]
            assert version == peers.locked(client.folder, library), name


@pytest.mark.seconds(240)
@pytest.mark.parametrize("name", FEW)
def test_every_event_once(name, nginx, tmp_path, record_property):
    peer = [name, peers.version(name), ""]
    record_property("peer", peer)
    peer[2] = goes_on(nginx, tmp_path, peers.client(name),
                      peers.CLIENTS[name].transport, peers.ends(name))
