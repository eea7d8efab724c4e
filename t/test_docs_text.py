"""Documents: links lead somewhere, lines and paragraphs are short."""

import glob
import os
import re

import pytest

from nginx import TOP

PAGES = sorted(os.path.relpath(p, TOP) for p in (
    glob.glob(os.path.join(TOP, "*.md"))
    + glob.glob(os.path.join(TOP, "docs", "**", "*.md"), recursive=True)))

PROSE = [p for p in PAGES if p != "SECURITY.md"]


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as f:
        return f.read()


def without_code(text):
    """Fenced and indented code becomes empty lines."""

    out = []
    fenced = False
    before = ""
    for line in text.split("\n"):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            line = ""
        code = fenced or line.startswith("    ") and (
            before == "" or before == "code")
        out.append("" if code else line)
        before = "code" if code and not fenced else line.strip()
    assert not fenced
    return "\n".join(out)


def anchor(title):
    """GitHub's, of a heading."""

    title = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower().strip()
    return re.sub(r"[^\w\- ]", "", title).replace(" ", "-")


def anchors(text):
    found = []
    for title in re.findall(r"(?m)^#+ (.*)$", without_code(text)):
        name = anchor(title)
        found.append(name + ("-%d" % found.count(name)
                             if name in found else ""))
    return found


def links(text):
    """Relative ones: (path, anchor)."""

    text = re.sub(r"`[^`\n]*`", "", without_code(text))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path, _, name = target.partition("#")
            yield path, name


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    wrong = []
    for path, name in links(read(page)):
        full = os.path.normpath(os.path.join(TOP, os.path.dirname(page), path)
                                if path else os.path.join(TOP, page))
        if not os.path.exists(full) or not full.startswith(TOP):
            wrong.append(path)
        elif name and name not in anchors(read(os.path.relpath(full, TOP))):
            wrong.append("%s#%s" % (path, name))
    assert wrong == []


def paragraphs(text):
    """Of prose: (number of the first line, lines)."""

    lines = []
    begin = 0
    for number, line in enumerate(without_code(text).split("\n") + [""], 1):
        new = re.match(r"\s*([-*]|\d+\.) ", line)
        if lines and (not line.strip() or new):
            yield begin, lines
            lines = []
        if line.strip() and not line.startswith(("|", "#", "!")):
            begin = begin if lines else number
            lines.append(line)


@pytest.mark.parametrize("page", PROSE)
def test_lines_and_paragraphs_are_short(page):
    wrong = []
    for begin, lines in paragraphs(read(page)):
        if len(lines) > 5:
            wrong.append("%s:%d: a paragraph of %d lines" % (
                page, begin, len(lines)))
        wrong += ["%s:%d: a line of %d columns" % (page, begin + i, len(x))
                  for i, x in enumerate(lines) if len(x) > 100]
    assert wrong == []


def test_readme_is_short():
    assert len(read("README.md").splitlines()) <= 150


def test_the_checks_find_something():
    text = ("# One\n\n[a](b.md#c) `[d](e.md)` <http://x/> [f](http://y/)\n\n"
            "## A `code`, and *more*\n\n" + "long " * 30 + "\n\n- 1\n2\n- 3\n"
            "4\n\n```\n[g](h.md)\n```\n\n    [i](j.md)\n")
    assert list(links(text)) == [("b.md", "c")]
    assert anchors(text) == ["one", "a-code-and-more"]
    assert [len(p) for _, p in paragraphs(text)] == [1, 1, 2, 2]
