"""docs/clients.md: its list of libraries is that of the tests, and three of
its programs that differ most run.  `make test-peers' runs them all."""

import os
import re
import shutil
import subprocess

import pytest

import peers
from nginx import MODULE, TOP
from resume import goes_on
from wait import wait_for

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


def test_a_page_in_five_minutes(page, nginx, browser, tmp_path):
    """The configuration, the page and the commands, as they are typed."""

    chapter = page.partition("\n## A page in five minutes\n")[2].partition(
        "\n## ")[0]
    conf, = re.findall(r"(?ms)^```nginx\n(.*?)^```$", chapter)
    html, = re.findall(r"(?ms)^```html\n(.*?)^```$", chapter)
    commands, = re.findall(r"(?ms)^```sh\n(.*?)^```$", chapter)
    address = re.search(r"<(http://[^>]+)>", chapter).group(1)

    root = tmp_path / "html"
    root.mkdir(mode=0o755)
    shutil.copy(os.path.join(TOP, "clients/ess.js"), root)
    (root / address.rpartition("/")[2]).write_text(html)
    for old, value in (("modules/ngx_ess_module.so", MODULE),
                       ("127.0.0.1:8080", "127.0.0.1:%%PORT0%%"),
                       ("/var/www/html", str(root))):
        assert conf.count(old) == 1, old
        conf = conf.replace(old, value)
    n = nginx(conf)

    def there(text):
        return text.replace("127.0.0.1:8080", "127.0.0.1:%d" % n.port(0))

    def typed():
        return [subprocess.run(
            ["sh", "-c", there(line)], check=True,
            capture_output=True).stdout for line in commands.splitlines()]

    # both streams are there
    wait_for(lambda: all(out.startswith(b'{"ids":') for out in typed()), 20)
    browser.open(there(address))
    wait_for(lambda: browser.texts("#list li")[:1] == ["tin: 99"], 20)
    # news from now on
    wait_for(lambda: typed() and "it rains" in browser.texts("#list li"), 20)
    assert not [e for e in browser.errors() if "favicon" not in str(e)]


@pytest.mark.seconds(240)
@pytest.mark.parametrize("name", FEW)
def test_every_event_once(name, nginx, tmp_path, record_property):
    peer = [name, peers.version(name), ""]
    record_property("peer", peer)
    peer[2] = goes_on(nginx, tmp_path, peers.client(name),
                      peers.CLIENTS[name].transport, peers.ends(name))
