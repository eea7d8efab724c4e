"""clients/ess.js in Chromium: many streams over one connection."""

import json
import os
import re
import time

import jwt
import pytest

from api import Api
from cable import Cable
from nginx import TOP
from wait import wait_for

SECRET = b"0123456789abcdef0123456789abcdef"

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=1m count=10000 age=1h;
    ess_drain       100ms;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location = /events { ess_subscribe multi names public; }
        %%MORE%%
        location = /ess.js {
            default_type text/javascript;
            alias %%TOP%%/clients/ess.js;
        }
        location = /token { alias %%DIR%%/token; }
        location = /page.html {
            default_type text/html;
            return 200 '<!doctype html><title>events</title>
                        <script type=module>
                        import { EventStreams } from "/ess.js";
                        window.EventStreams = EventStreams;
                        </script>';
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

GUARDED = """
location = /guarded {
    ess_subscribe multi names;
    ess_jwt       key=%%DIR%%/key alg=HS256 streams=streams;
}
"""

# a page that keeps what it saw, and its places, where another one finds them
PAGE = """
window.opened = 0;
window.closes = [];
window.errors = [];
window.streams = new EventStreams(arguments[0], {
    backoff: [100, 500], ping: 500,
    token: arguments[1] && (async () => {
        asked++;
        const response = await fetch("/token", {cache: "no-store"});
        if (!response.ok)
            throw new Error("no token: " + response.status);
        return response.text();
    }),
    onopen: () => opened++,
    onclose: close => closes.push(close),
    onerror: error => errors.push(error.message),
});
window.asked = 0;
window.seen = JSON.parse(localStorage.seen ?? "{}");
window.places = JSON.parse(localStorage.places ?? "{}");
window.gaps = [];
window.ends = {};
window.listen = (name, stream, options) => {
    seen[name] ??= [];
    const handle = streams.subscribe(stream, {
        ...options,
        ...name in places && {from: places[name]},
        onevent: e => {
            seen[name].push([e.id, e.key ?? null, e.data]);
            places[name] = e.id;
            localStorage.seen = JSON.stringify(seen);
            localStorage.places = JSON.stringify(places);
        },
        ongap: gap => gaps.push([name, gap]),
        onend: end => ends[name] = end,
    });
    return handle;
};
window.handles = {};
"""

LISTEN = """
const [name, stream, options] = arguments;
handles[name] = listen(name, stream, options);
"""


def start(nginx, vhost, workers=2, conf=CONF, more=""):
    """nginx, with a stream that has a name, and one that has keys too."""

    n = nginx(conf.replace("%%MORE%%", more), workers, amqp=vhost.url, top=TOP)
    api = Api(n.port(1))
    api.create("news", name="news")
    api.create("prices", name="prices", key="json:/symbol")
    return n, api


def ordinals(events):
    return [int(e[0].rpartition("-")[2]) for e in events]


class Page:

    def __init__(self, browser, port, path="/events", token=False):
        self.browser = browser
        self.url = "http://127.0.0.1:%d/page.html" % port
        self.path = path
        self.token = token
        self.open()

    def open(self):
        self.browser.open(self.url)
        wait_for(lambda: self.get("typeof EventStreams") == "function", 20)
        self.browser.execute(PAGE, self.path, self.token)

    def another_tab(self):
        """This one is closed."""

        tab = self.browser.do("window/new", type="tab")["handle"]
        self.browser.call("DELETE", "/session/%s/window"
                          % self.browser.session)
        self.browser.do("window", handle=tab)
        self.open()

    def get(self, what):
        return self.browser.execute("return " + what)

    def listen(self, name, stream, **options):
        self.browser.execute(LISTEN, name, stream, options)

    def begun(self, *names):
        """The subscriptions have their places."""

        wait_for(lambda: all(self.get("handles.%s.position !== undefined" % n)
                             for n in names), 30, "subscriptions to begin")

    def seen(self, name):
        return self.get("seen.%s" % name)


class Published:
    """What was published to a stream, and what a key's share of it is."""

    def __init__(self, vhost, key):
        self.vhost = vhost
        self.key = key
        self.bodies = []

    def publish(self, count):
        more = [{"n": len(self.bodies) + i, "symbol": "abc"[i % 3]}
                for i in range(count)]
        self.bodies += more
        self.vhost.publish(self.key, [json.dumps(b) for b in more])

    def share(self, keys):
        return [b for b in self.bodies if b["symbol"] in keys]


def test_one_file_without_dependencies():
    with open(os.path.join(TOP, "clients/ess.js")) as f:
        text = f.read()
    assert len(text.splitlines()) <= 300
    assert not re.search(r"(?m)^import|\brequire\(|\bimport\(", text)


@pytest.mark.seconds(240)
def test_every_event_once(nginx, vhost, browser):
    """Through reloads, crashes of workers, a network that is cut, and other
    tabs: of each subscription, in order, over one connection at a time."""

    n, api = start(nginx, vhost, 3)
    uuids = [api.create("u%d" % i).uuid for i in range(5)]
    of = {key: Published(vhost, key)
          for key in ["news", "prices"] + ["u%d" % i for i in range(5)]}

    with Cable(n.port(0)) as cable:
        page = Page(browser, cable.port)

        def begin():
            page.listen("news", "news", **{"from": 0})
            page.listen("ab", "prices", keys=["a", "b"], **{"from": 0})
            page.listen("c", "prices", keys=["c"], **{"from": 0})
            for i, uuid in enumerate(uuids):
                page.listen("u%d" % i, uuid, **{"from": 0})

        def publish(count=30):
            for stream in of.values():
                stream.publish(count)

        def expected(name):
            if name in of:
                return of[name].bodies
            return of["prices"].share(name)

        def complete():
            return all(len(page.seen(name)) >= len(expected(name))
                       for name in page.get("Object.keys(seen)"))

        def all_there():
            wait_for(complete, 30, "all events")

        def again(connections):
            wait_for(lambda: page.get("opened") > connections, 30,
                     "the page to come back")

        begin()
        publish()
        all_there()
        for round_ in range(2):
            opened = page.get("opened")
            publish()
            n.reload()
            publish()
            again(opened)
            all_there()

            opened = page.get("opened")
            for pid in n.workers():
                n.kill_worker(pid)
            publish()
            again(opened)
            all_there()

            opened = page.get("opened")
            publish(5)
            cable.cut()
            publish()
            cable.mend()
            again(opened)
            all_there()

            page.another_tab()
            publish()
            begin()
            all_there()

        for name in page.get("Object.keys(seen)"):
            events = page.seen(name)
            assert [e[2] for e in events] == expected(name), name
            assert ordinals(events) == sorted(set(ordinals(events))), name
        assert page.get("gaps") == []
        assert page.get("ends") == {}
        assert all(c["again"] for c in page.get("closes"))


def test_nothing_is_lost_before_the_first_event(nginx, vhost, browser):
    """A subscription without a place has one from its answer on."""

    n, api = start(nginx, vhost)
    news, prices = Published(vhost, "news"), Published(vhost, "prices")
    news.publish(3)
    wait_for(lambda: api.get("news")["last_ordinal"] == 3, 20)

    with Cable(n.port(0)) as cable:
        page = Page(browser, cable.port)
        page.listen("news", "news")
        page.listen("a", "prices", keys=["a"])
        page.listen("b", "prices", keys=["b"])
        page.begun("news", "a", "b")
        cable.cut()
        prices.publish(30)
        news.publish(5)
        cable.mend()
        wait_for(lambda: len(page.seen("news")) >= 5
                 and len(page.seen("a")) + len(page.seen("b")) >= 20, 30)
        assert [e[2] for e in page.seen("news")] == news.bodies[3:]
        for key in "ab":
            assert [e[2] for e in page.seen(key)] == prices.share(key)


def test_a_network_that_is_gone_without_a_word(nginx, vhost, browser):
    """The page finds out, after ten seconds; it does not wait for TCP."""

    n, api = start(nginx, vhost)
    news = Published(vhost, "news")
    with Cable(n.port(0)) as cable:
        page = Page(browser, cable.port)
        page.listen("news", "news", **{"from": 0})
        page.begun("news")
        cable.silence()
        news.publish(5)
        # a slow machine may have been too slow to answer before
        wait_for(lambda: page.get("closes.some(c => c.reason == 'silence')"),
                 60, "the page to find out")
        cable.cut()
        cable.mend()
        wait_for(lambda: len(page.seen("news")) >= 5, 30)
        assert [e[2] for e in page.seen("news")] == news.bodies


@pytest.mark.parametrize("event", ["online", "pageshow",
                                   "visibilitychange"])
def test_the_network_or_the_page_is_back(event, nginx, vhost, browser):
    """It tries at once then, however long it would have waited."""

    n, api = start(nginx, vhost, 1)
    with Cable(n.port(0)) as cable:
        page = Page(browser, cable.port)
        browser.execute("""
            streams = new EventStreams("/events", {
                backoff: [1e9, 1e9], onopen: () => opened++,
                onclose: close => closes.push(close)});
            """)
        page.listen("news", "news")
        page.begun("news")
        cable.cut()
        wait_for(lambda: page.get("closes"), 20)
        cable.mend()
        assert page.get("opened") == 1
        browser.execute("""
            (arguments[0] === "visibilitychange" ? document : window)
                .dispatchEvent(new Event(arguments[0], {bubbles: true}));
            """, event)
        wait_for(lambda: page.get("opened") == 2, 20, "the page to come back")


def test_a_frozen_page(nginx, vhost, browser):
    """Its connection is lost meanwhile; it has everything when it goes on."""

    n, api = start(nginx, vhost)
    news = Published(vhost, "news")
    with Cable(n.port(0)) as cable:
        page = Page(browser, cable.port)
        page.listen("news", "news")
        page.begun("news")
        browser.devtools("Page.setWebLifecycleState", state="frozen")
        news.publish(5)
        cable.cut()
        cable.mend()
        news.publish(5)
        browser.devtools("Page.setWebLifecycleState", state="active")
        wait_for(lambda: len(page.seen("news")) >= 10, 30)
        assert [e[2] for e in page.seen("news")] == news.bodies


def test_one_alone_is_refused_or_ends(nginx, vhost, browser):
    n, api = start(nginx, vhost)
    stream = api.create("abc")
    page = Page(browser, n.port(0))
    page.listen("unknown", "no-such-stream")
    page.listen("malformed", "not a name")
    page.listen("keys", stream.uuid, keys=["a"])
    page.listen("news", "news")
    wait_for(lambda: len(page.get("ends")) == 3, 20, "three to be refused")
    assert {k: e["code"] for k, e in page.get("ends").items()} == {
        "unknown": 404, "malformed": 404, "keys": 409}
    page.begun("news")

    page.listen("stream", stream.uuid)
    page.begun("stream")
    api.delete(stream)
    wait_for(lambda: page.get("ends.stream"), 20, "the end")
    assert page.get("ends.stream.code") == 1000

    vhost.publish("news", '{"n":1}')
    wait_for(lambda: len(page.seen("news")) == 1, 20)

    # and no more of one that was left
    browser.execute("handles.news.unsubscribe(); handles.news.unsubscribe();")
    page.listen("again", "news")
    page.begun("again")
    vhost.publish("news", '{"n":2}')
    wait_for(lambda: len(page.seen("again")) == 1, 20)
    assert len(page.seen("news")) == 1
    assert page.get("opened") == 1

    browser.execute("streams.close()")
    assert page.get("closes.at(-1).code") == 1000


def test_what_is_gone_is_told(nginx, vhost, browser):
    n, api = start(nginx, vhost,
                   conf=CONF.replace("count=10000", "count=5"))
    page = Page(browser, n.port(0))
    page.listen("live", "news")
    page.begun("live")
    news = Published(vhost, "news")

    def evicted():
        news.publish(20)
        return api.get("news")["first_ordinal"] > 1

    wait_for(evicted, 30, "events to be evicted")
    last = len(news.bodies)
    wait_for(lambda: len(page.seen("live")) == last, 20)
    assert page.get("gaps") == []
    browser.execute("handles.live.unsubscribe()")
    page.listen("all", "news", **{"from": 0})
    wait_for(lambda: ordinals(page.seen("all"))[-1:] == [last], 20)
    first = ordinals(page.seen("all"))[0]
    assert first > 1
    assert page.get("gaps") == [["all", {"from": 1, "to": first - 1}]]
    assert ordinals(page.seen("all")) == list(range(first, last + 1))


@pytest.fixture
def tokens(tmp_path):
    """write(seconds, streams): the token that the page gets."""

    folder = tmp_path / "nginx"
    folder.mkdir()
    (folder / "key").write_bytes(SECRET)
    (folder / "key").chmod(0o600)

    def write(until, streams=("*",)):
        (folder / "new").write_text(jwt.encode(
            {"sub": "someone", "exp": int(until), "streams": list(streams)},
            SECRET, "HS256"))
        (folder / "new").chmod(0o644)
        (folder / "new").rename(folder / "token")

    write.gone = lambda: (folder / "token").unlink()
    return write


def test_the_token_is_renewed(nginx, vhost, browser, tokens):
    """Before it expires, in the same connection; where that fails the server
    closes with 3000, and the page comes back with another one."""

    tokens(time.time() + 9)
    n, api = start(nginx, vhost, more=GUARDED)
    news = Published(vhost, "news")
    page = Page(browser, n.port(0), "/guarded", token=True)
    page.listen("news", "news")
    page.begun("news")
    assert page.get("asked") == 1

    until = time.time() + 16
    tokens(until)
    wait_for(lambda: page.get("asked") == 2, 30, "the page to ask")
    news.publish(2)
    tokens.gone()
    wait_for(lambda: page.get("closes"), 30, "the second one to expire")
    assert time.time() >= until - 1
    assert page.get("closes[0].code") == 3000
    assert len(page.seen("news")) == 2
    assert page.get("errors.some(e => e.includes('no token'))")

    news.publish(3)
    tokens(time.time() + 600)
    wait_for(lambda: len(page.seen("news")) == 5, 30, "the page to come back")
    assert [e[2] for e in page.seen("news")] == news.bodies
    assert page.get("ends") == {}


def test_streams_that_a_new_token_does_not_allow(nginx, vhost, browser,
                                                 tokens):
    """3003 ends them alone."""

    tokens(time.time() + 8, ["news", "prices#a"])
    n, api = start(nginx, vhost, more=GUARDED)
    page = Page(browser, n.port(0), "/guarded", token=True)
    page.listen("news", "news")
    page.listen("a", "prices", keys=["a"])
    page.listen("b", "prices", keys=["b"])
    wait_for(lambda: page.get("ends.b"), 20)
    assert page.get("ends.b.code") == 403
    page.begun("news", "a")
    tokens(time.time() + 600, ["prices#a"])
    wait_for(lambda: page.get("ends.news"), 30, "the end")
    assert page.get("ends.news.code") == 3003
    vhost.publish("prices", '{"symbol":"a"}')
    wait_for(lambda: len(page.seen("a")) == 1, 20)
    assert page.get("opened") == 1
