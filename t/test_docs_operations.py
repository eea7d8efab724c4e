"""docs/operations.md explains each line that an operator may see, and what is
left when nginx is gone."""

import glob
import os
import re
import urllib.parse

import pytest

from api import Api
from nginx import TOP
from wait import wait_for


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
    rows = text.split("| line |")[1].split("## Sizing")[0]
    # what explains a line quotes words of its own
    lines = re.findall(r"(?m)^\|((?:[^|`]|`[^`]*`)*)\|", rows)
    patterns = [".*".join(re.escape(p) for p in words.split("…"))
                for line in lines for words in re.findall("`([^`]*)`", line)
                if not re.fullmatch(r"\w+", words)]
    # of the kind that only a test's build says, or the system
    ignored = re.compile(r"(open|mmap|fchown)\(\) ")
    missing = [m for m in messages() if not ignored.match(m)
               and not any(re.search(p, re.sub(r'["]', "", m))
                           for p in patterns)]
    assert missing == []


CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%% queues=%%QUEUES%%;
    ess_node        edge;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    server { listen 127.0.0.1:%%PORT0%%; location = /healthz { ess_health; } }
}
"""


@pytest.mark.parametrize("queues", ["classic", "quorum"])
def test_what_is_left_in_the_broker(nginx, vhost, queues):
    """What the table names is all that there is, and can be removed so."""

    with open(os.path.join(TOP, "docs", "operations.md")) as f:
        text = f.read().split("## Removing everything again")[1]
    n = nginx(CONF, amqp=vhost.url, queues=queues)
    api = Api(n.port())
    wait_for(lambda: api.request("GET", "/healthz").status == 200, 30)
    assert n.stop() == 0

    def exchanges():
        return {e["name"] for e in vhost.management.request(
            "GET", "exchanges/" + urllib.parse.quote(vhost.name, safe=""))
            if not re.match("(amq\\.|$)", e["name"])}

    first, last = re.search(
        r"`ess\.<node>\.(\w+)` to `ess\.<node>\.(\w+)`" if queues == "classic"
        else r"`queues=quorum` `ess\.<node>\.(\w+)` to `ess\.<node>\.(\w+)`",
        text).groups()
    prefix = first.rstrip("0")
    names = {"ess.edge.%s%d" % (prefix, i) for i in range(16)}
    assert last == "%s15" % prefix
    assert set(vhost.queues()) == names
    assert "`ess.<node>.<exchange>`" in text
    assert exchanges() == {"event-streams", "ess.edge.event-streams"}

    path = re.search(r"/api/(exchanges/)%2F(/\S+)", text)
    vhost.management.request("DELETE", path.group(1) + urllib.parse.quote(
        vhost.name, safe="") + path.group(2))
    wait_for(lambda: exchanges() == set(), 10)
    pattern = re.search("grep '(.*?)'", text).group(1)
    assert all(re.search(pattern, q) for q in vhost.queues())
