#!/usr/bin/python3
"""Makes the man page libnginx-mod-ess(7) of docs/directives.md.

usage: man.py > libnginx-mod-ess.7

The configuration that it shows is README's, version and date are those of
debian/changelog."""

import email.utils
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

HEAD = r"""
.SH NAME
libnginx\-mod\-ess \- event streams from RabbitMQ to WebSocket and SSE clients,
in nginx
.SH DESCRIPTION
The module makes
.BR nginx (8)
itself the event\-streaming service: it consumes events from RabbitMQ, keeps a
short log of each stream in shared memory, and delivers each event once, in
order, to any number of WebSocket and Server\-Sent Events clients. The back end
creates and deletes streams over an internal HTTP API.
.PP
The package loads the module by
.IR /etc/nginx/modules\-enabled/50\-mod\-ess.conf .
Without a directive of its own in the configuration the module does nothing.
.SH CONFIGURATION
"""

TAIL = r""".SH FILES
.TP
.I /var/lib/nginx/ess
where
.B ess_store
may keep its file; belongs to www\-data
.TP
.I /usr/share/doc/libnginx\-mod\-ess
the HTTP API, clients, operations, security
.TP
.I /usr/share/doc/libnginx\-mod\-ess/examples
configurations, a page, alert rules for Prometheus, a dashboard for Grafana
.SH SEE ALSO
.BR nginx (8)
"""


def read(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as f:
        return f.read()


def plain(text):
    """A line of roff that is this text as it stands."""

    text = text.replace("\\", "\\e").replace("-", "\\-")
    for char, escape in (("—", "\\(em"), ("–", "\\(en"), ("…", "..."),
                         ("'", "\\(aq")):
        text = text.replace(char, escape)
    return "\\&" + text if text.startswith((".", "'")) else text


def prose(text):
    """Of Markdown, a paragraph or a cell: code is bold, a link its text."""

    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(text.split()))
    parts = re.split(r"`([^`]*)`", text)
    line = "".join("\\fB%s\\fR" % plain(p).replace("\\&", "") if i % 2
                   else re.sub(r"\*(\w+)\*", r"\\fI\1\\fR", plain(p))
                   for i, p in enumerate(parts))
    return "\\&" + line if line.startswith((".", "'")) else line


def example(lines):
    return [".PP", ".RS 4", ".EX"] + [plain(x) for x in lines] + [".EE", ".RE"]


def table(lines):
    """Rows below the head, as a list: the first cell is what it is of."""

    out = []
    for row in lines[2:]:
        cells = [c.strip() for c in row.strip().strip("|").split("|")]
        more = [c for c in cells[1:-1] if c]
        what = prose(cells[0]) + "".join(" (%s)" % prose(m) for m in more)
        out += [".TP", what, prose(cells[-1])]
    return [".RS 4"] + out + [".RE"]


def blocks(text):
    """Of Markdown: (kind, lines)."""

    lines = text.split("\n")
    i = 0
    while i < len(lines):
        line = lines[i]
        begin = i
        if line.startswith("```"):
            i = lines.index("```", i + 1) + 1
            yield "code", lines[begin + 1:i - 1]
            continue
        kind = ("head" if line.startswith("#") else
                "table" if line.startswith("|") else
                "syntax" if line.startswith("    ") else
                "picture" if line.startswith("!") else
                "text" if line else None)
        i += 1
        if kind is None:
            continue
        while kind != "head" and i < len(lines) and lines[i] \
                and not lines[i].startswith(("#", "```")):
            i += 1
        yield kind, lines[begin:i]


def directives(text):
    out = []
    for kind, lines in blocks(text):
        if kind == "head":
            level, title = lines[0].split(" ", 1)
            if level == "##":
                out.append(".SH %s" % plain(title.upper()))
            else:
                out.append('.SS "%s"' % plain(title))
        elif kind == "syntax":
            out += [".nf"] + [plain(x[4:]) for x in lines] + [".fi"]
        elif kind == "code":
            out += example(lines)
        elif kind == "table":
            out += table(lines)
        elif kind == "text":
            out += [".PP", prose("\n".join(lines))]
    return out


def main():
    changelog = read("debian", "changelog")
    version = re.match(r"\S+ \((.*?)\)", changelog).group(1)
    date = email.utils.parsedate_to_datetime(
        re.search(r"(?m)^ -- .*?>  (.*)$", changelog).group(1))
    conf = re.search(r"(?ms)^```nginx\n(.*?)\n```$", read("README.md")).group(1)
    page = read("docs", "directives.md")
    page = page[page.index("\n## "):]
    sys.stdout.reconfigure(encoding="utf-8")
    print('.TH LIBNGINX\\-MOD\\-ESS 7 %s "ngx_ess_module %s"' % (
        date.strftime("%Y\\-%m\\-%d"), version), end="")
    print(HEAD + "\n".join(example(conf.split("\n")) + directives(page)))
    print(TAIL, end="")


if __name__ == "__main__":
    sys.exit(main())
