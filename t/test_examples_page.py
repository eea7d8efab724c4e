"""The pages of examples/, as `make run' serves them."""

import json
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

# streams of its configuration
DECLARED = 2


@pytest.fixture
def served(nginx, vhost, tmp_path):
    """What tools/run.py makes of its configuration."""

    folder = tmp_path / "nginx"
    (folder / "tmp").mkdir(parents=True)
    conf = (run.PREAMBLE + run.CONF) % {
                       "module": MODULE, "user": "", "amqp": vhost.url,
                       "store": folder / "streams.db", "port": 1,
                       "api_port": 2, "examples": run.EXAMPLES,
                       "clients": run.CLIENTS}
    for number, old in enumerate(("1", "2")):
        conf = re.sub(r"(listen |127\.0\.0\.1:)%s([;/])" % old,
                      r"\g<1>%%%%PORT%d%%%%\2" % number, conf)
    # which the fixture has
    conf = re.sub(r"(?m)^ +(access_log|\w+_temp_path) .*\n", "", conf)
    return nginx(conf)


def url_of(served, word):
    """What the banner says of a page."""

    banner = run.BANNER % {"port": served.port(0), "folder": "run", "amqp": "",
                           "api_port": served.port(1)}
    return re.search(r"(?m)^%s: +(http://[^\s,]+)" % word, banner).group(1)


def test_page(served, browser, vhost):
    url = url_of(served, "page")
    api = Api(served.port(1))
    wait_for(lambda: api.request("GET", "/healthz").status == 200, 20)

    browser.open(url)
    for client in "ws", "sse":
        wait_for(lambda: browser.text("#%s-state" % client) == "connected", 20)
    assert [s["routing_key"] for s in api.list() if "declared" not in s] == [
        "demo"]

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
    wait_for(lambda: len(api.list()) == 2 + DECLARED, 20)

    # a refusal is shown
    browser.execute("form.key.value = 'x'.repeat(300); form.key.onchange();")
    wait_for(lambda: "255 bytes" in browser.text("#said"), 20)
    assert browser.errors() == [] or all(
        "400" in str(e) or "422" in str(e) for e in browser.errors())


def test_live_page(served, browser):
    """Prices and a chat, over one connection."""

    api = Api(served.port(1))
    wait_for(lambda: api.request("GET", "/healthz").status == 200, 20)
    browser.open(url_of(served, "and"))
    wait_for(lambda: browser.text("#state") == "connected", 20)

    def publish(stream, **event):
        r = api.request("POST", "/publish/" + stream, json.dumps(event))
        assert r.status == 202, r

    def symbol(number):
        return browser.text("#symbols button:nth-child(%d)" % number)

    watched = [symbol(i) for i in (1, 2, 3)]
    for name in watched + [symbol(4)]:
        publish("prices", symbol=name, price=12.5)
        publish("prices", symbol=name, price=12)
    wait_for(lambda: browser.texts("#prices tr") == [
        "%s\t12.00\t▼ 0.50\t2" % name for name in watched], 20, "prices")

    # another symbol's last minute, and one less
    browser.click("#symbols button:nth-child(4)")
    wait_for(lambda: len(browser.texts("#prices tr")) == 4
             and browser.texts("#prices tr")[3].endswith("\t2"), 20)
    browser.click("#symbols button:nth-child(1)")
    wait_for(lambda: len(browser.texts("#prices tr")) == 3, 20)

    # text is never taken for HTML
    browser.type("input[name=text]", "hello <b>all</b>")
    browser.click("form button")
    wait_for(lambda: browser.texts("#messages li") == ["guesthello <b>all</b>"]
             or browser.texts("#messages li") == ["guest hello <b>all</b>"],
             20)

    # other rooms are counted, and shown
    publish("chat", room="music", name="ann", text="la")
    wait_for(lambda: browser.text("#rooms button:nth-child(2)") == "music (1)",
             20)
    browser.click("#rooms button:nth-child(2)")
    wait_for(lambda: len(browser.texts("#messages li")) == 1, 20)
    assert browser.text("#rooms button:nth-child(2)") == "music"
    assert "la" in browser.text("#messages li")

    browser.click("#market")
    wait_for(lambda: browser.texts("#prices tr")[0].split("\t")[3] != "2"
             or browser.texts("#prices tr")[1].split("\t")[3] != "2", 30)
    assert browser.errors() == []


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
