#!/usr/bin/python3
"""Writes compile_commands.json, for clangd, of what make would do.

usage: make --always-make --dry-run ... | compile_commands.py FOLDER FILE

FOLDER is where the commands run."""

import json
import re
import shlex
import sys


def commands(text):
    """Words of each command that compiles a file."""

    for line in re.sub(r"\\\n\s*", " ", text).split("\n"):
        try:
            words = shlex.split(line)
        except ValueError:
            continue
        if "-c" in words and words[-1].endswith(".c"):
            yield words


def main(folder, path):
    found = [{"directory": folder, "file": words[-1], "arguments": words}
             for words in commands(sys.stdin.read())]
    if not found:
        return "make compiles nothing"
    with open(path, "w") as f:
        json.dump(found, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    sys.exit(main(*sys.argv[1:]))
