"""EventSource as a browser has it: Chromium, driven over WebDriver."""

from api import Api
from wait import wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=1m count=10000 age=1h;
    ess_drain       100ms;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
        location = /page.html {
            default_type text/html;
            return 200 "<!doctype html><title>events</title>";
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

LISTEN = """
window.seen = [];
window.opened = 0;
window.source = new EventSource("/event-stream/" + arguments[0]);
source.onopen = () => opened++;
source.onmessage = e => seen.push([e.data, e.lastEventId]);
source.addEventListener("gap", e => seen.push(["gap", e.data]));
"""


def test_event_source_across_reloads(nginx, vhost, browser):
    """It comes back by itself and has each event once, in order, whatever was
    published while it was away."""

    n = nginx(CONF, 3, amqp=vhost.url)
    api = Api(n.port(1))
    stream = api.create("abc")
    browser.open("http://127.0.0.1:%d/page.html" % n.port(0))
    browser.execute(LISTEN, stream.uuid)
    wait_for(lambda: browser.execute("return opened") == 1)

    published = []

    def publish(count):
        bodies = ["event %d" % (len(published) + i + 1) for i in range(count)]
        vhost.publish("abc", bodies)
        published.extend(bodies)

    def seen():
        return browser.execute("return seen")

    for round_ in range(3):
        publish(100)
        n.reload()
        publish(100)
        # it may have all of them before it is told to come back
        wait_for(lambda: len(seen()) >= len(published)
                 and browser.execute("return opened") > round_ + 1, 30,
                 "the browser to come back")

    assert [data for data, _ in seen()] == published
    assert [int(id_.split("-")[1]) for _, id_ in seen()] \
        == list(range(1, len(published) + 1))

    # the end of the stream is no reason to come back
    api.delete(stream)
    wait_for(lambda: browser.execute("return source.readyState") == 2, 20,
             "the browser to give up")


MANY = """
window.many = [];
for (const host of arguments[1])
    for (let i = 0; i < 7; i++)
        many.push(new EventSource("http://" + host + "/event-stream/"
                                  + arguments[0]));
"""


def test_six_event_sources_a_host(nginx, vhost, browser):
    """docs/clients.md says so, and what helps: the seventh waits; another
    name of the host has six of its own, and a WebSocket is not counted."""

    n = nginx(CONF, amqp=vhost.url)
    stream = Api(n.port(1)).create("abc")
    hosts = ["%s:%d" % (name, n.port(0)) for name in ("127.0.0.1",
                                                      "a.localhost")]
    browser.open("http://%s/page.html" % hosts[0])
    browser.execute(MANY, stream.uuid, hosts)

    def states():
        return browser.execute("return many.map(m => m.readyState)")

    wait_for(lambda: sum(states()) == 12, 20, "twelve to be open")
    browser.execute("""
        window.socket = new WebSocket("ws://" + arguments[1] + "/event-stream/"
                                      + arguments[0]);
        """, stream.uuid, hosts[0])
    wait_for(lambda: browser.execute("return socket.readyState") == 1)

    assert states() == 2 * ([1] * 6 + [0])
    browser.execute("many[0].close()")
    wait_for(lambda: states() == [2] + [1] * 6 + [1] * 6 + [0], 20,
             "the seventh")
    browser.execute("for (const m of many) m.close(); socket.close()")
