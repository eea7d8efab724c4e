"""What `make run-rpc' starts, and the commands that it prints, word for
word."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from nginx import MODULE, SANITIZE, TOP
from ports import free_port
from wait import slower, wait_for


def run_rpc(*args):
    return [sys.executable, os.path.join(TOP, "tools/run_rpc.py"),
            "--module", MODULE, *map(str, args)]


@pytest.mark.skipif(SANITIZE, reason="its nginx has no sanitizer's runtime")
def test_its_commands(tmp_path):
    out = tmp_path / "out"
    with open(out, "wb") as f:
        p = subprocess.Popen(
            run_rpc("--folder", tmp_path / "run"), stdin=subprocess.DEVNULL,
            stdout=f, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        wait_for(lambda: "Ctrl-C stops it" in out.read_text()
                 or p.poll() is not None, 120)
        text = out.read_text()
        assert p.poll() is None, text

        # indented by four: the commands, of which the first has more lines
        commands = re.search(
            r"in another shell:\n\n(.*?)\n\nCtrl-C", text, re.S).group(1)
        commands = re.split(r"\n(?=    (?:echo|curl) )", commands)
        assert len(commands) == 4
        got = [subprocess.run(
            ["sh", "-ec", command], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60 * slower(), check=True,
            cwd=TOP).stdout for command in commands]

        assert json.loads(got[0]) == {
            "success": True, "data": {"foo": 1, "bar": "baz"}}
        assert got[1] == ""
        wait_for(lambda: "queue-test: {'a': 1}" in (
            tmp_path / "run" / "app.log").read_text())
        assert json.loads(got[2]) == {
            "success": True, "data": "message that took forever"}
        assert {"simple", "example_item"} <= set(json.loads(got[3])["data"])

        os.kill(p.pid, signal.SIGINT)
        assert p.wait(60 * slower()) == 0
        assert out.read_text().endswith("stopping ...\n")
    finally:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()


def test_ports_that_are_taken(tmp_path):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        p = subprocess.run(
            run_rpc("--folder", tmp_path, "--amqp-port", port, "--pg-port",
                    free_port()), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=60 * slower())
    assert p.returncode == 1
    assert p.stdout == "Port %d is in use: set AMQP_PORT=number.\n" % port
    assert os.listdir(tmp_path) == []
