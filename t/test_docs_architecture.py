"""docs/architecture.md and CONTRIBUTING.md name what is there."""

import glob
import os
import re

from nginx import TOP


def read(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as f:
        return f.read()


def headers():
    return {os.path.basename(p) for p in glob.glob(
        os.path.join(TOP, "src", "**", "*.h"), recursive=True)}


def test_headers_are_there():
    named = set(re.findall(r"`(ngx_ess_\w+\.h)`",
                           read("docs", "architecture.md")))
    assert named and named <= headers()


def test_folders_are_there():
    named = re.findall(r"`(src/[\w/]*)`", read("docs", "architecture.md"))
    assert named
    assert [n for n in named if not os.path.isdir(os.path.join(TOP, n))] == []


def paths(text):
    """What looks like a path of the tree, in code: it has a slash or ends like
    a source, and names nothing of make's or a placeholder."""

    for code in re.findall(r"`([^`\n]+)`", re.sub(
            r"(?ms)^ *```.*?^ *```$", "", text)):
        for word in code.split():
            word = word.rstrip(",;:")
            if re.fullmatch(r"\.?[A-Za-z_][\w.*-]*(/[\w.*-]*)+|\w+\.[chm]d?",
                            word) and not word.startswith("build/"):
                yield word


def test_paths_of_contributing_are_there():
    text = read("CONTRIBUTING.md")
    wrong = []
    for path in paths(text):
        # "subscriber/" is src's, "ngx_trace.h" is of t/unit
        places = ["", "src/", "t/unit/", "src/source/", "src/**/", "t/**/"]
        if not any(glob.glob(os.path.join(TOP, p + path), recursive=True)
                   for p in places):
            wrong.append(path)
    assert wrong == []
    assert len(list(paths(text))) > 30


def test_the_check_finds_something():
    assert list(paths("`src/none.c` and `x/`, `make test`, `a.h` `b` `PORT=1` "
                      "`amqp://x/`")) == ["src/none.c", "x/", "a.h"]
