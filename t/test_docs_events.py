"""docs/events.md as it stands: its first configurations, commands and programs;
and what docs/migrating.md says to those who come from another event log."""

import json
import os
import re
import subprocess
import sys

import pytest

from clients import Clients
from events import Events
from nginx import MODULE, TOP
from sse import followed
from wait import slower, wait_for

with open(os.path.join(TOP, "docs", "events.md")) as f:
    PAGE = f.read()

with open(os.path.join(TOP, "docs", "migrating.md")) as f:
    MIGRATING = f.read()


def block(kind, chapter, number=0, page=PAGE):
    text = re.search(r"(?ms)^#+ %s\n(.*?)(^## |\Z)"
                     % re.escape(chapter), page).group(1)
    return re.findall(r"(?ms)^```%s\n(.*?)^```$" % kind, text)[number]


def changed(text, **values):
    for old, new in values.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.fixture
def server(nginx):
    """That of the page's beginning."""

    return nginx(changed(block("nginx", "Event logs"), **{
        "modules/ngx_ess_module.so": MODULE, "worker_processes auto":
        "worker_processes 2", "/var/lib/nginx/ess/audit.db":
        "%%DIR%%/ess/audit.db", "/etc/nginx/event.schema.json":
        os.path.join(TOP, "conf", "event.schema.json"),
        "listen 127.0.0.1:8081": "listen 127.0.0.1:%%PORT0%%"}))


def at(n, text):
    return changed(text, **{"127.0.0.1:8081": "127.0.0.1:%d" % n.port()})


def output(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=True,
                          timeout=60 * slower()).stdout


def test_insert_and_read(server):
    command = at(server, block("sh", "Putting events in"))
    answer = output("sh", "-ec", command)
    assert "\n    " + answer + "\n" in PAGE
    stored = json.loads(re.search(r"(?s)'(.*)'", command).group(1))
    events = Events(server.port())
    assert events.page("?type=system") == stored
    more = [dict(stored[0], event_id="s_%d" % i) for i in range(1000, 1150)]
    assert all(r["success"] for r in events.post(more).json())
    program = at(server, block("python", "Reading"))
    printed = output(sys.executable, "-c", program).splitlines()
    assert printed == [str(e) for e in stored + more]


def test_follow(nginx, browser):
    conf = changed(block("nginx", "Following"), **{
        "/var/lib/nginx/ess/audit.db": "%%DIR%%/audit.db",
        "server {": "server { listen 127.0.0.1:%%PORT0%%;"})
    n = nginx(conf, workers=2)
    events = Events(n.port())
    sent = [{"event_id": str(i), "type": ("user", "system")[i % 2],
             "timestamp": "2024-01-01T00:00:0%dZ" % i} for i in range(6)]
    events.post(sent[:4])

    # a log that begins is waited for, and curl gets no 503
    followed("http://127.0.0.1:%d/v1/events" % n.port()).close()
    with subprocess.Popen(["sh", "-ec", "exec " + at(n, block(
            "sh", "Following"))], stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as curl:
        found = []
        # until the events are there, or curl ends
        for line in curl.stdout:
            if line.startswith("data: "):
                found.append(json.loads(line[6:]))
            if len(found) == 4:
                break
        curl.kill()
    assert found == sent[:4]

    # the page of a browser
    browser.open("http://127.0.0.1:%d/v1/events" % n.port())
    browser.execute(
        "window.heard = []; console.log = (...a) => heard.push(a);"
        + block("js", "Following")
        + "window.opened = new Promise((r) => { socket.onopen = r; });")
    wait_for(lambda: len(browser.execute("return heard")) == 4)
    browser.execute("return opened")
    with Clients(["ws://127.0.0.1:%d/follow/?type=user&stream_from_ordinal=0"
                  % n.port()]) as users, \
            followed("http://127.0.0.1:%d/v1/events" % n.port()) as live:
        events.post(sent[4:])
        users.wait(3)
        live.wait(2)
        assert [json.loads(m) for m in users[0].messages] == sent[::2]
    wait_for(lambda: len(browser.execute("return heard")) == 8)
    heard = browser.execute("return heard")
    assert [a[1] for a in heard if len(a) == 2] == sent
    assert [a[0] for a in heard if len(a) == 1] == sent[4:]


def test_from_another_service(nginx, server):
    """Its configuration, what it gives out taken along, and its paths."""

    chapter = "From an event log service of FastAPI"
    n = nginx(changed(block("nginx", chapter, page=MIGRATING), **{
        "/var/lib/nginx/ess/audit.db": "%%DIR%%/audit.db",
        "/etc/nginx/event.schema.json":
        os.path.join(TOP, "conf", "event.schema.json"),
        "listen 8080": "listen 127.0.0.1:%%PORT0%%"}), workers=2)
    old, new = Events(server.port()), Events(n.port())
    sent = [{"type": "user", "timestamp": "2024-01-01T13:45:10Z",
             "event_id": "u_%03d" % i, "event": {
                 "username": "my_user", "email": "my_user@email.com",
                 "operation": "read"}} for i in range(1, 14)]
    assert all(r["success"] for r in old.post(sent).json())
    command = changed(block("sh", chapter, page=MIGRATING), **{
        "127.0.0.1:8000": "127.0.0.1:%d" % old.port,
        "127.0.0.1:8080": "127.0.0.1:%d" % new.port})
    for _ in range(2):
        assert json.loads(output("sh", "-ec", command)) == [
            {"event_id": e["event_id"], "success": True, "error": ""}
            for e in sent]
    assert new.page("?size=1000") == sent
    assert Events(n.port(), "/docs").get().status == 200
    spec = Events(n.port(), "/openapi.json").get().json()
    assert set(spec["paths"]) == {"/v1/events", "/v1/events/{event_id}"}
