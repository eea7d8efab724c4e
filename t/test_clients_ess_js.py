"""clients/ess.js in Chromium: many streams over one connection."""

import json
import os
import re
import time

import pytest

from api import Api
from cable import Cable
from nginx import TOP
from tokens import SECRET, token
from wait import slower, wait_for

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
        location = /metrics { ess_metrics; }
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
        """The subscriptions, without `from', have their places."""

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
        page.listen("news", "news")
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


def test_from_now_on_is_from_now_on(nginx, vhost, browser):
    """Also of a key that joins a quiet one, when both are resumed."""

    n, api = start(nginx, vhost)
    prices, news = Published(vhost, "prices"), Published(vhost, "news")
    with Cable(n.port(0)) as cable:
        page = Page(browser, cable.port)
        page.listen("news", "news")
        page.begun("news")
        page.listen("c", "prices", keys=["c"])
        page.begun("c")
        prices.publish(2)
        wait_for(lambda: api.get("prices")["last_ordinal"] == 2, 20)
        page.listen("b", "prices", keys=["b"])
        wait_for(lambda: api.figures()["ess_subscriptions"] == 3, 20)
        # behind the answer
        news.publish(1)
        wait_for(lambda: len(page.seen("news")) == 1, 20)
        cable.cut()
        prices.publish(3)
        cable.mend()
        wait_for(lambda: page.get("opened") == 2, 30)
        prices.publish(3)
        wait_for(lambda: page.seen("c")[1:] and page.seen("b")[1:], 30)
        assert [e[2] for e in page.seen("c")] == prices.share("c")
        assert [e[2] for e in page.seen("b")] == prices.share("b")[1:]


def test_a_rabbitmq_stream_that_is_made_anew(nginx, vhost, browser):
    """Its ordinals begin again: that is a gap, and what follows comes."""

    def declare():
        with vhost.connect() as c:
            c.channel().queue_declare("log", durable=True, arguments={
                "x-queue-type": "stream"})

    n, api = start(nginx, vhost)
    declare()
    api.create("log", name="log", source="stream")
    page = Page(browser, n.port(0))
    page.listen("log", "log")
    page.begun("log")
    vhost.publish("log", ['{"n":%d}' % i for i in range(10)], exchange="")
    wait_for(lambda: len(page.seen("log")) == 10, 20)
    n.expect(r"\[error\]")
    with vhost.connect() as c:
        c.channel().queue_delete("log")
    n.wait_log("there is no RabbitMQ stream")
    declare()
    wait_for(lambda: page.get("gaps"), 20, "the gap")
    bodies = ['{"new":%d}' % i for i in range(3)]
    vhost.publish("log", bodies, exchange="")
    wait_for(lambda: len(page.seen("log")) == 13, 20, "what the new one has")
    assert [e[2] for e in page.seen("log")][10:] == [
        json.loads(b) for b in bodies]
    assert page.get("gaps") == [["log", {"from": 11, "to": None}]]
    assert page.get("ends") == {}


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

    # also of what came at a time or later
    browser.execute("""
        handles.all.unsubscribe();
        gaps.length = 0;
        handles.since = listen("since", "news", {from: new Date(1000)});
        """)
    wait_for(lambda: ordinals(page.seen("since"))[-1:] == [last], 20)
    assert page.get("gaps") == [["since", {"from": 1, "to": first - 1}]]


@pytest.fixture
def tokens(tmp_path):
    """write(seconds, streams): the token that the page gets."""

    folder = tmp_path / "nginx"
    folder.mkdir()
    (folder / "key").write_bytes(SECRET)
    (folder / "key").chmod(0o600)

    def write(until, streams=("*",)):
        (folder / "new").write_text(token(
            sub="someone", exp=int(until), streams=list(streams)))
        (folder / "new").chmod(0o644)
        (folder / "new").rename(folder / "token")

    write.gone = lambda: (folder / "token").unlink()
    return write


def test_the_token_is_renewed(nginx, vhost, browser, tokens):
    """Before it expires, in the same connection; where that fails the server
    closes with 3000, and the page comes back with another one."""

    def then(condition, what):
        # the machine may have less to do by then
        wait_for(condition, 30 + max(0, until - time.time()), what)

    until = time.time() + 9 * slower()
    tokens(until)
    n, api = start(nginx, vhost, more=GUARDED)
    news = Published(vhost, "news")
    page = Page(browser, n.port(0), "/guarded", token=True)
    page.listen("news", "news")
    page.begun("news")
    assert page.get("asked") == 1

    second = time.time() + 16 * slower()
    tokens(second)
    then(lambda: page.get("asked") == 2, "the page to ask")
    until = second
    news.publish(2)
    tokens.gone()
    then(lambda: page.get("closes"), "the second one to expire")
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

    tokens(time.time() + 8 * slower(), ["news", "prices#a"])
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


# with a server that says what the test wants

FAKE = """
window.sockets = [];
window.Fake = class {
    constructor(url, protocols) {
        sockets.push(Object.assign(this, {protocols, sent: [], answers: {}}));
        queueMicrotask(() => this.onopen());
    }
    send(text) {
        const command = JSON.parse(text);
        this.sent.push(command);
        const said = Object.keys(command)[1];
        this.answers[said]?.(command);
    }
    say(message) { this.onmessage?.({data: JSON.stringify(message)}); }
    lose(code = 1006) { this.onclose?.({code, reason: ""}); }
    close() {}
};
window.errors = [];
addEventListener("error", e => errors.push(e.message));
window.fake = (options) => new EventStreams("/events", {
    WebSocket: Fake, backoff: [1, 1], ...options});
window.later = (ms = 0) => new Promise(r => setTimeout(r, ms));
"""


@pytest.fixture
def fake(nginx, vhost, browser):
    """run(script): in an async function, with what it returns."""

    n, api = start(nginx, vhost, 1)
    Page(browser, n.port(0))
    browser.execute(FAKE)
    return lambda script: browser.execute("return (async () => {%s})()"
                                          % script)


def test_a_place_that_is_none(fake):
    """null, as a storage says it; and texts too long for a message, which
    would be the end of all."""

    assert fake("""
        const streams = fake();
        streams.subscribe("a", {from: null});
        const said = [];
        for (const args of [["a".repeat(70000)], ["b", {keys: []}],
                            ["b", {keys: ["x", "y".repeat(70000)]}],
                            ["b", {keys: ["x", 5]}]])
            try {
                streams.subscribe(...args);
            } catch (error) {
                said.push(error.name);
            }
        await later(100);
        return [sockets[0].sent, said];
        """) == [[{"id": 1, "subscribe": [{"stream": "a"}]}],
                 ["TypeError"] * 4]


def test_who_has_left_hears_nothing(fake):
    """Not even of the event, or the end, in which somebody else made it
    leave, or closed all."""

    assert fake("""
        const heard = [];
        const streams = fake();
        const one = streams.subscribe("a", {
            onevent: () => { heard.push("one"); two.unsubscribe(); }});
        const two = streams.subscribe("a", {onevent: () => heard.push("two")});
        for (const name of ["b", "c"])
            streams.subscribe(name, {
                onend: () => { heard.push(name); streams.close(); }});
        await later(100);
        const error = {code: 404, message: ""};
        sockets[0].say({id: 1, subscribed: [
            {stream: "a", s: 1, at: "e-0"}, {stream: "b", error},
            {stream: "c", error}]});
        return heard;
        """) == ["b"]
    assert fake("""
        const heard = [];
        const streams = fake();
        const one = streams.subscribe("a", {
            onevent: () => { heard.push("one"); two.unsubscribe(); }});
        const two = streams.subscribe("a", {onevent: () => heard.push("two")});
        const three = streams.subscribe("a", {
            onevent: () => { heard.push("three"); streams.close(); }});
        const four = streams.subscribe("a", {
            onevent: () => heard.push("four")});
        await later(100);
        const socket = sockets.at(-1);
        socket.say({id: 1, subscribed: [{stream: "a", s: 1, at: "e-0"}]});
        socket.say({s: 1, id: "e-1", t: 1, data: 1});
        await later();
        return [heard, errors];
        """) == [["one", "three"], []]


def test_a_handler_that_fails(fake):
    """It is told, and stops nothing."""

    assert fake("""
        const heard = [];
        const streams = fake({onopen() { throw new Error("onopen"); }});
        streams.subscribe("a", {onevent: () => { throw new Error("event"); },
                                onend: () => { throw new Error("end"); }});
        streams.subscribe("a", {onevent: () => heard.push("event"),
                                onend: () => heard.push("end")});
        await later(100);
        const socket = sockets.at(-1);
        socket.say({id: 1, subscribed: [{stream: "a", s: 1, at: "e-0"}]});
        socket.say({s: 1, id: "e-1", t: 1, data: 1});
        socket.say({s: 1, end: {code: 1000, reason: ""}});
        await later();
        return [heard, errors.map(e => e.split(" ").at(-1))];
        """) == [["event", "end"], ["onopen", "event", "end"]]


def test_the_place_of_several_keys(fake):
    """The one from which no event of any of them is missed."""

    assert fake("""
        const streams = fake(), places = [];
        streams.subscribe("a", {keys: ["x"], from: "e-5"});
        streams.subscribe("a", {keys: ["y"], from: "e-9"});
        const both = streams.subscribe("a", {keys: ["y", "x"]});
        await later(100);
        const socket = sockets.at(-1);
        socket.say({id: 1, subscribed: [{stream: "a", s: 1, at: "e-5"},
                                        {stream: "a", s: 1, at: "e-9"}]});
        places.push(both.position);
        socket.say({s: 1, id: "e-6", t: 1, key: "x", data: 1});
        socket.say({s: 1, id: "e-10", t: 1, key: "y", data: 1});
        places.push(both.position);
        socket.say({s: 1, id: "e-12", t: 1, key: "x", data: 1});
        places.push(both.position);
        return places;
        """) == ["e-5", "e-6", "e-10"]


def test_lost_before_the_answer(fake):
    """What was to begin "from now on" begins with the next connection, not
    where an older key of the stream is."""

    assert fake("""
        const streams = fake();
        streams.subscribe("b");
        await later(100);
        const socket = sockets.at(-1);
        streams.subscribe("a", {keys: ["x"]});
        await later();
        socket.say({id: 2, subscribed: [{stream: "a", s: 1, at: "e-5"}]});
        streams.subscribe("a", {keys: ["y"]});
        await later();
        socket.lose();
        await later(200);
        const next = sockets.at(-1);
        next.say({id: next.sent[0].id, subscribed: [
            {stream: "b", s: 2, at: "b-1"}, {stream: "a", s: 1, at: "e-5"},
            {stream: "a", s: 1, at: "e-50"}]});
        next.lose();
        await later(200);
        return [next, sockets.at(-1)].map(s => s.sent[0].subscribe.slice(1));
        """) == [[{"stream": "a", "keys": ["x"], "from": "e-5"},
                  {"stream": "a", "keys": ["y"]}],
                 [{"stream": "a", "keys": ["x"], "from": "e-5"},
                  {"stream": "a", "keys": ["y"], "from": "e-50"}]]


def test_a_token_function_that_has_none(fake):
    """As where somebody has logged out: what is sent is a command."""

    assert fake("""
        const exp = Math.floor(Date.now() / 1000) + 2;
        const tokens = [`x.${btoa(JSON.stringify({exp}))}.x`];
        const told = [];
        const streams = fake({token: () => tokens.shift(),
                              onerror: e => told.push(e.code)});
        streams.subscribe("a");
        await later(100);
        const socket = sockets.at(-1);
        socket.answers.token = ({id}) => socket.say(
            {id, error: {code: 401, message: ""}});
        while (!told.length) await later(20);
        return [told, socket.sent.map(c => Object.entries(c)[1])];
        """) == [[401], [["subscribe", [{"stream": "a"}]], ["token", ""]]]


def test_streams_that_come_and_go_leave_nothing(fake, browser):
    """A page that is open for weeks looks at many."""

    def maps():
        browser.devtools("HeapProfiler.collectGarbage")
        of = browser.devtools("Runtime.evaluate", expression="Map.prototype")
        found = browser.devtools("Runtime.queryObjects", prototypeObjectId=of[
            "result"]["objectId"])["objects"]
        return browser.devtools(
            "Runtime.callFunctionOn", objectId=found["objectId"],
            functionDeclaration="function() { return this.length; }",
            returnByValue=True)["result"]["value"]

    fake("""
        window.streams = fake();
        streams.subscribe("stays");
        await later(100);
        window.socket = sockets.at(-1);
        let s = 0;
        socket.answers.subscribe = ({id, subscribe}) => queueMicrotask(() =>
            socket.say({id, subscribed: subscribe.map(({stream}) =>
                ({stream, s: ++s, at: "e-0"}))}));
        socket.answers.unsubscribe = ({id, unsubscribe}) => queueMicrotask(
            () => socket.say({id, unsubscribed: unsubscribe}));
        window.look = async (n, end) => {
            for (let i = 0; i < n; i++) {
                const one = streams.subscribe("s" + s);
                await later();
                end ? socket.say({s, end: {code: 1000, reason: ""}})
                    : one.unsubscribe();
            }
            await later();
            socket.sent.length = 0;
        };
        await look(10);
        """)
    before = maps()
    fake("await look(100); await look(100, true);")
    assert maps() < before + 50
