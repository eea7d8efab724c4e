"""32 streams in the EventSource of a browser, whose connections are cut after
each byte of the first events that they bring."""

import random
import re
import threading

import pytest

from api import Api
from relay import TcpRelay
from wait import wait_for

CONF = """
http {
    ess_zone       streams 64m;
    ess_log        size=1m count=10000 age=1h;
    ess_public_url ws://127.0.0.1:%%PORT0%%/one/;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /many/ { ess_subscribe multi; }
        location = /page.html {
            default_type text/html;
            return 200 "<!doctype html><title>events</title>";
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/      { ess_publish; }
    }
}
"""

LISTEN = """
window.seen = {};
window.opened = window.count = 0;
window.wrong = [];
window.source = new EventSource(arguments[0]);
source.onopen = () => opened++;
for (const label of arguments[1]) {
    seen[label] = 0;
    source.addEventListener(label, e => {
        count++;
        if (e.data != `${label}\\n${++seen[label]}`) {
            wrong.push([label, seen[label], e.data]);
        }
    });
}
for (const name of ["gap", "message", "end"])
    source.addEventListener(name, e => wrong.push([name, e.data]));
"""

# more than two events and the retry before them
BYTES = 1500
EVENTS = 32 * 90


class Cuts(TcpRelay):
    """Each answer is cut after another number of bytes of its body, until no
    more are left.  The browser is to come back soon."""

    def __init__(self, to, cuts):
        self.left = list(cuts)
        super().__init__(to)

    def _back(self, server, client):
        data = b""
        while b"\r\n\r\n" not in data:
            more = server.recv(65536)
            if not more:
                return
            data += more
        left = self.left.pop() if self.left else None
        if left is not None:
            left += data.index(b"\r\n\r\n") + 4
        while data:
            # as many digits
            data = re.sub(rb"retry: \d+", lambda m: b"retry: " + b"20".rjust(
                len(m[0]) - 7, b"0"), data)
            if left is not None and len(data) >= left:
                client.sendall(data[:left])
                return
            client.sendall(data)
            left = left and left - len(data)
            data = server.recv(65536)


@pytest.mark.seconds(600)
def test_cut_after_each_byte(nginx, browser):
    seed = random.randrange(2 ** 32)
    rnd = random.Random(seed)
    n = nginx(CONF, 2)
    api = Api(n.port(1))
    keys = ["k%d" % i for i in range(32)]
    streams = api.create_many(keys)
    cuts = list(range(BYTES))
    rnd.shuffle(cuts)
    relay = Cuts(n.port(), cuts)
    browser.open("http://127.0.0.1:%d/page.html" % n.port())
    # of all: before the first event it has no place of its own
    browser.execute(LISTEN, "http://127.0.0.1:%d/many/?%s" % (
        relay.port, "&".join(["stream=%s:%s" % (k, x.uuid)
                              for k, x in zip(keys, streams)]
                             + ["stream_from_ordinal=0"])), keys)

    def figure(name):
        return browser.execute("return " + name)

    published = dict.fromkeys(keys, 0)

    def publish():
        for _ in range(EVENTS // 5):
            key = rnd.choice(keys)
            api.publish(key, ["%s\n%d" % (key, published[key] + i + 1)
                              for i in range(5)])
            published[key] += 5

    t = threading.Thread(target=publish)
    t.start()
    wait_for(lambda: not relay.left or figure("wrong"), 300,
             "all cuts", interval=0.2)
    t.join()
    wait_for(lambda: figure("count") >= EVENTS or figure("wrong"), 60,
             "all events", interval=0.2)
    assert figure("wrong") == [], seed
    assert figure("seen") == published and figure("count") == EVENTS
    print("%d connections" % figure("opened"))
    relay.cut()
