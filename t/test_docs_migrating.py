"""docs/migrating.md: its configuration does what it says."""

import os
import re

from api import Api
from clients import Clients
from nginx import MODULE, TOP
from wait import wait_for


def conf(new):
    with open(os.path.join(TOP, "docs", "migrating.md")) as f:
        text = re.search(r"(?ms)^```nginx\n(.*?)^```$", f.read()).group(1)
    for old, value in (
            ("modules/ngx_ess_module.so", MODULE),
            ("amqp://guest:guest@127.0.0.1:5672/", "%%AMQP%%"),
            ("localhost:8080", "127.0.0.1:%%PORT0%%"),
            ("listen 8080", "listen 127.0.0.1:%%PORT0%%"),
            ("listen 127.0.0.1:8081", "listen 127.0.0.1:%%PORT1%%"),
            ("F4pGkR2sVwYzAb7XcQm9Lt", new)):
        assert text.count(old) == 1
        text = text.replace(old, value)
    return text, re.search(r"/event-stream/(\w+) +\w+; +# old", text).group(1)


def test_old_clients_go_on(nginx, vhost):
    text, old = conf("none")
    n = nginx(text, amqp=vhost.url)
    stream = Api(n.port(1)).create("abc")
    n.write_conf(conf(stream.uuid)[0])
    n.reload()

    url = "ws://127.0.0.1:%d/event-stream/" % n.port(0)
    vhost.publish("abc", ["a|1", "b|2", "c|3"])
    wait_for(lambda: Api(n.port(1)).get(stream)["events"] == 3)

    def ordinals(headers, end):
        with Clients([url + old], headers=headers) as clients:
            wait_for(lambda: Api(n.port(1)).get(stream)["subscribers"] == 1)
            vhost.publish("abc", end)
            wait_for(lambda: clients[0].messages
                     and clients[0].messages[-1].startswith(end + "|"), 20)
            found = [re.search(r"\|ordinal: (\d+)\|timestamp: \d+$", m)
                     for m in clients[0].messages]
        wait_for(lambda: Api(n.port(1)).get(stream)["subscribers"] == 0)
        return [int(m.group(1)) for m in found]

    # the first is the event with that offset, counted from 0
    assert ordinals({"X-StreamFromOrdinal": "1"}, "end 4") == [2, 3, 4]
    assert ordinals({"X-StreamFromTimestamp": "1000"}, "end 5") == [
        1, 2, 3, 4, 5]
    assert ordinals({"X-StreamFromDatetime": "2001-01-31T13:45:00Z"},
                    "end 6") == [1, 2, 3, 4, 5, 6]
    assert ordinals({}, "end 7") == [7]

    with Clients([url + stream.uuid]) as clients:
        vhost.publish("abc", "new")
        clients.wait(1)
