"""docs/operations.md explains each line that an operator may see."""

import glob
import os
import re

from nginx import TOP


def messages():
    """Of the levels that concern one, but for what nginx -t says."""

    found = set()
    for path in glob.glob(os.path.join(TOP, "src", "**", "*.c"),
                          recursive=True):
        with open(path) as f:
            text = f.read()
        for call in re.findall(
                r"ngx_log_error\(\s*NGX_LOG_(?:NOTICE|WARN|ERR|CRIT|ALERT),"
                r".*?\);\n", text, re.S):
            line = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', call))
            if line:
                found.add(line.replace('\\"', '"'))
    return found


def test_each_line_is_explained():
    with open(os.path.join(TOP, "docs", "operations.md")) as f:
        text = f.read()
    lines = text.split("| line |")[1].split("## Sizing")[0]
    patterns = [".*".join(re.escape(p) for p in words.split("…"))
                for words in re.findall("`([^`]*)`", lines)]
    # of the kind that only a test's build says, or the system
    ignored = re.compile(r"(open|mmap|fchown)\(\) ")
    missing = [m for m in messages() if not ignored.match(m)
               and not any(re.search(p, re.sub(r'["]', "", m))
                           for p in patterns)]
    assert missing == []
