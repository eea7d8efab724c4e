"""The commands by which the back end's developers knew the service that this
one replaces work as they are, with only host and port changed."""

import json
import os
import pty
import re
import subprocess

import pytest

from clients import Clients
from wait import slower, wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://localhost:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }
    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

VERSION = "http localhost:8081/event-stream/version/ -b"
CREATE = """
ESS_LOC=$(http post localhost:8081/event-stream/ routing_key=abc -b | jq -r ".location")
echo $ESS_LOC
ESS_ID=$(echo $ESS_LOC | cut -d/ -f5)
echo $ESS_ID
"""
DELETE = "http delete localhost:8081/event-stream/$ESS_ID -b"
LIST = "http localhost:8081/event-stream/ -b"


@pytest.fixture
def shell(nginx, vhost, tmp_path):
    """Runs lines in bash as somebody at a terminal, for whom httpie does not
    read a request's body from its input; returns what they print."""

    n = nginx(CONF, amqp=vhost.url)
    wait_for(lambda: n.log().count(" established, address") >= 2)
    (tmp_path / "config.json").write_text('{"disable_update_warnings": true}')
    ours, theirs = pty.openpty()

    def run(*lines):
        text = "\n".join(lines).replace("localhost:8081",
                                        "localhost:%d" % n.port(1))
        p = subprocess.run(
            ["bash", "-e", "-c", text], stdin=theirs, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=60 * slower(),
            env=dict(os.environ, HTTPIE_CONFIG_DIR=str(tmp_path),
                     HOME=str(tmp_path)))
        assert p.returncode == 0, p.stdout
        return p.stdout

    run.nginx = n
    run.vhost = vhost
    yield run
    os.close(ours)
    os.close(theirs)


def test_version(shell):
    v = json.loads(shell(VERSION))
    assert sorted(v) == ["category", "name", "protocol", "version"]
    assert v["protocol"] == v["category"] == "WEBSOCKET"


def test_create_delete_list(shell):
    location, uuid = shell(CREATE).split()
    assert location == "ws://localhost:%d/event-stream/%s" % (
        shell.nginx.port(0), uuid)
    assert re.fullmatch(r"\w{16,}", uuid)
    listed = {"id": 1, "location": location, "routing_key": "abc"}
    assert json.loads(shell(LIST)) == {"event_streams": [listed]}

    with Clients(location) as clients:
        shell.vhost.publish("abc", "event")
        clients.wait(1)
        assert shell("ESS_ID=" + uuid, DELETE).strip() == ""
        assert clients.wait_closed() == [
            (1000, "The stream has been deleted")]
    assert json.loads(shell(LIST)) == {"event_streams": []}


def test_whole_session_in_one_shell(shell):
    # httpie ends no line for who is no terminal
    version, location, uuid, one, none, left = shell(
        VERSION, "echo", CREATE, LIST, "echo", DELETE, "echo",
        LIST).split("\n")
    assert json.loads(version)["category"] == "WEBSOCKET"
    assert location.endswith("/" + uuid)
    assert [s["location"] for s in json.loads(one)["event_streams"]] == [
        location]
    assert none == ""
    assert json.loads(left) == {"event_streams": []}
