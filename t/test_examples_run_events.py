"""What `make run-events' starts, and the commands that it prints, word for
word."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from nginx import MODULE, SANITIZE, TOP
from wait import slower, wait_for


@pytest.mark.skipif(SANITIZE, reason="its nginx has no sanitizer's runtime")
def test_its_commands(tmp_path):
    out = tmp_path / "out"
    with open(out, "wb") as f:
        p = subprocess.Popen(
            [sys.executable, os.path.join(TOP, "tools/run_events.py"),
             "--module", MODULE, "--folder", tmp_path / "run"],
            stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT,
            start_new_session=True)
    try:
        wait_for(lambda: "Ctrl-C stops it" in out.read_text()
                 or p.poll() is not None, 30)
        text = out.read_text()
        assert p.poll() is None, text

        commands = re.findall(r"(?m)^    (curl .*)$",
                              text.replace("\\\n", ""))
        follow = commands.pop()
        got = [json.loads(subprocess.run(
            ["sh", "-ec", command], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60 * slower(),
            check=True).stdout) for command in commands]

        assert len(got) == 4
        assert [(r["event_id"], r["success"], r["error"]) for r in got[0]] \
            == [("u_001", True, ""), ("s_001", False, "invalid_location")]
        assert [e["event_id"] for e in got[1]] == ["u_001"]
        assert (got[2]["total"], got[2]["events"]) == (1, got[1])
        assert got[3] == got[1][0]

        assert "text/event-stream" in follow
        with subprocess.Popen(["sh", "-ec", "exec " + follow],
                              stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE) as curl:
            data = next(line for line in curl.stdout
                        if line.startswith("data: "))
            curl.kill()
        assert json.loads(data[6:]) == got[3]

        page = re.search(r"(?m)^page:   (http://\S+),", text).group(1)
        with urllib.request.urlopen(page) as answer:
            assert b"/openapi.json" in answer.read()

        os.kill(p.pid, signal.SIGINT)
        assert p.wait(60 * slower()) == 0
        assert out.read_text().endswith("stopping ...\n")
    finally:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
