"""The tests' own files: each server of a nginx.conf in them has its address,
for without one nginx takes port 80, and two tests at a time cannot."""

import glob
import os
import re

from nginx import TOP


def servers(text):
    """What is between the braces of each "server"."""

    for m in re.finditer(r"\bserver\s*\{", text):
        depth = 0
        for brace in re.finditer(r"[{}]", text[m.start():]):
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                yield text[m.start():m.start() + brace.end()]
                break


def silent(text):
    return [s for s in servers(text) if not re.search(r"\blisten\s", s)]


def test_every_server_listens():
    """Of those that are started: t/conf/ is read only."""

    found = {}
    for folder in "", "lib", "long", "peers":
        for path in glob.glob(os.path.join(TOP, "t", folder, "*.py")):
            with open(path) as f:
                if path != __file__ and silent(text := f.read()):
                    found[os.path.relpath(path, TOP)] = silent(text)
    assert found == {}


def test_the_check_finds_something():
    assert list(servers("server { a {} } server { b }")) == [
        "server { a {} }", "server { b }"]
    assert silent("server { listen 1; } server { location / {} }") == [
        "server { location / {} }"]
