"""examples/index.html, as `make run' serves it."""

import os
import re
import socket
import subprocess
import sys

import pytest

import run
from api import Api
from nginx import MODULE, TOP
from ports import free_port
from wait import slower, wait_for


@pytest.fixture
def served(nginx, vhost, tmp_path):
    """What tools/run.py makes of its configuration."""

    folder = tmp_path / "nginx"
    (folder / "tmp").mkdir(parents=True)
    conf = run.CONF % {"module": MODULE, "user": "", "amqp": vhost.url,
                       "store": folder / "streams.db", "port": 1,
                       "api_port": 2, "examples": run.EXAMPLES}
    for number, old in enumerate(("1", "2")):
        conf = re.sub(r"(listen |127\.0\.0\.1:)%s([;/])" % old,
                      r"\g<1>%%%%PORT%d%%%%\2" % number, conf)
    # which the fixture has
    conf = re.sub(r"(?m)^ +(access_log|\w+_temp_path) .*\n", "", conf)
    return nginx(conf)


def test_page(served, browser, vhost):
    banner = run.BANNER % {"port": served.port(0), "folder": "run", "amqp": "",
                           "api_port": served.port(1)}
    url = re.search(r"(?m)^page: +(http://\S+)$", banner).group(1)
    api = Api(served.port(1))
    wait_for(lambda: api.request("GET", "/healthz").status == 200, 20)

    browser.open(url)
    for client in "ws", "sse":
        wait_for(lambda: browser.text("#%s-state" % client) == "connected", 20)
    assert [s["routing_key"] for s in api.list()] == ["demo"]

    browser.click("button")
    for client in "ws", "sse":
        wait_for(lambda: len(browser.texts("#%s li" % client)) == 1, 20)
    assert browser.texts("#ws li") == ['{"temperature": 21.5}']
    assert re.fullmatch(r'[0-9a-f]+-1 +\{"temperature": 21\.5\}',
                        browser.texts("#sse li")[0])
    wait_for(lambda: browser.text("#said") == "Published to demo", 20)

    # what others publish, and that is never taken for HTML
    vhost.publish("demo", "<b>bold</b>")
    wait_for(lambda: browser.texts("#ws li")[1:] == ["<b>bold</b>"], 20)

    # another key is another stream
    browser.execute("form.key.value = 'other'; form.key.onchange();")
    wait_for(lambda: browser.texts("#ws li") == [], 20)
    wait_for(lambda: len(api.list()) == 2, 20)

    # a refusal is shown
    browser.execute("form.key.value = 'x'.repeat(300); form.key.onchange();")
    wait_for(lambda: "255 bytes" in browser.text("#said"), 20)
    assert browser.errors() == [] or all(
        "400" in str(e) or "422" in str(e) for e in browser.errors())


@pytest.mark.parametrize("n", [1, 2])
def test_ports_that_are_taken(tmp_path, n):
    """One sentence says which, and what to do."""

    ports = [free_port(), free_port()]
    taken = [socket.create_server(("127.0.0.1", port)) for port in ports[:n]]
    p = subprocess.run(
        [sys.executable, os.path.join(TOP, "tools/run.py"), "--module", MODULE,
         "--amqp", "amqp://127.0.0.1:1/", "--folder", str(tmp_path),
         "--port", str(ports[0]), "--api-port", str(ports[1])],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60 * slower())
    for s in taken:
        s.close()
    assert p.returncode == 1
    assert p.stdout == {
        1: "Port %d is in use: set PORT=number.\n",
        2: "Ports %d and %d are in use: set PORT=number and "
           "API_PORT=number.\n"}[n] % tuple(ports[:n])
    assert os.listdir(tmp_path) == []
