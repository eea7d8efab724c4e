"""The console: each action clicked in Chromium.

With ESS_SCREENSHOTS=folder pictures are made, light.png of docs/console, too."""

import json
import os
import re
import sqlite3
import threading

import pytest

from api import Api
from clients import Clients
from nginx import TOP
from sse import EventSource
from v1 import V1
from wait import wait_for

CONF = """
http {
    ess_zone        streams %%ZONE%%;
    %%AMQP%%
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=1m count=10000 age=1h;
    ess_drain       0;
    limit_req_zone  $server_port zone=requests:1m rate=100r/s;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /console/ { ess_console; %%MORE%% }
    }
}
"""

HEADER = {"X-ESS-Console": "1"}
ESCAPE, RIGHT = "\ue00c", "\ue014"


@pytest.fixture
def service(nginx):
    def make(zone="16m", amqp="", more="", workers=3):
        n = nginx(CONF, workers, zone=zone, more=more,
                  amqp="ess_amqp %s;" % amqp if amqp else "")
        return n, Api(n.port(1)), Api(n.port(1), "/console/")
    return make


def url(n):
    return "http://127.0.0.1:%d/console/" % n.port(1)


def clean(browser, n, expected=None):
    """No error in the browser's console, no request to another origin."""

    assert [e for e in browser.errors()
            if expected is None or expected not in e["message"]] == []
    names = browser.execute("return performance.getEntriesByType('resource')"
                            ".map((e) => e.name);")
    assert names
    for name in names:
        assert name.startswith(url(n)) or name.startswith("data:"), name


def picture(browser, name):
    folder = os.environ.get("ESS_SCREENSHOTS")
    if folder:
        browser.screenshot(os.path.join(TOP, folder, name + ".png"))


def dark(browser, is_dark=True):
    browser.devtools("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-color-scheme",
         "value": "dark" if is_dark else "light"}])


@pytest.mark.seconds(300)
def test_every_action(service, browser):
    """At 10,000 streams."""

    n, api, _ = service("64m")
    streams = api.create_many(["orders.%05d" % i for i in range(10000)])
    by_id = [k for _, k in sorted((s.id, "orders.%05d" % i)
                                  for i, s in enumerate(streams))]
    browser.open(url(n))
    wait_for(lambda: len(browser.texts("#rows tr")) == 25)
    print("\nfirst view after %d ms" % browser.execute(
        "return performance.getEntriesByType('resource').filter((e) =>"
        " e.name.includes('/api/?'))[0].responseEnd;"))
    wait_for(lambda: browser.text("#nstreams") == "10,000")
    assert re.match(r"\d+ %$", browser.text("#zone-text"))
    wait_for(lambda: browser.text("#health") == "healthy")
    wait_for(lambda: browser.text("#version"))

    # pages
    first = browser.texts("#rows th")
    assert first == by_id[:25]
    browser.click("#next")
    wait_for(lambda: browser.texts("#rows th") == by_id[25:50])
    browser.click("#previous")
    wait_for(lambda: browser.texts("#rows th") == first)

    # search, by the keyboard: a part of the key, the uuid, the id, nothing
    browser.press("/")
    browser.type("#search", "orders.0999")
    wait_for(lambda: sorted(browser.texts("#rows th"))
             == ["orders.0999%d" % i for i in range(10)])
    for what, found in ((streams[77].uuid, ["orders.00077"]),
                        ("5000", None), ("nothing", [])):
        browser.execute("document.querySelector('#search').value = ''")
        browser.type("#search", what)
        wait_for(lambda: browser.texts("#rows th") == found
                 if found is not None
                 else by_id[4999] in browser.texts("#rows th"))
    assert browser.text("#none") == "No stream matches."
    browser.execute("document.querySelector('#search').value = ''")
    browser.type("#search", "orders.09999")
    wait_for(lambda: browser.texts("#rows th") == ["orders.09999"])

    # one stream: its tail
    stream = streams[9999]
    body = {"order": 17, "lines": [{"sku": "A-1", "n": 2}], "paid": True}
    browser.click("#rows th button")
    wait_for(lambda: browser.text("#stream-title") == "orders.09999")
    assert stream.location in browser.texts("#facts dd")
    wait_for(lambda: browser.text("#tail-state").startswith("Live"))

    def publish(*bodies):
        for b in bodies:
            assert api.request("POST", "/publish/orders.09999",
                               b).status == 202

    publish(json.dumps(body), "second", "<b>third</b>")
    wait_for(lambda: len(browser.texts("#events li")) == 3)
    shown = browser.texts("#events pre")
    assert shown == ["<b>third</b>", "second", json.dumps(body, indent=2)]
    browser.click("#json")
    assert browser.texts("#events pre")[2] == json.dumps(body)
    browser.click("#json")
    browser.type("#filter", "SEC")
    assert browser.texts("#events pre") == ["second"]
    publish("fourth", "second again")
    wait_for(lambda: browser.texts("#events pre")
             == ["second again", "second"])
    browser.execute("const f = document.querySelector('#filter');"
                    " f.value = ''; f.dispatchEvent(new Event('input'))")
    assert len(browser.texts("#events li")) == 5
    browser.click("#pause")
    assert browser.text("#tail-state") == "Paused."
    publish("while", "it", "was paused")
    wait_for(lambda: browser.text("#tail-state") == "Paused, 3 new.")
    assert len(browser.texts("#events li")) == 5
    browser.click("#pause")
    wait_for(lambda: len(browser.texts("#events li")) == 8)
    assert browser.text("#tail-state").startswith("Live")
    browser.click("#clear")
    assert browser.texts("#events li") == []

    # its subscribers: a tail is one, too
    with Clients([stream.location] * 3) as clients:
        browser.click("#tab-subscribers")
        wait_for(lambda: len(browser.texts("#subscribers tr")) == 4)
        assert sorted(t.split("\t")[1] for t in browser.texts(
            "#subscribers tr")) == ["sse"] + ["websocket"] * 3
        ids = [s["id"] for s in api.request(
            "GET", "%d/subscribers" % stream.id).json()["subscribers"]]
        row = "#subscribers tr[data-id='%d'] button" % ids[-1]
        browser.click(row)
        assert "127.0.0.1" in browser.text("#confirm-text")
        browser.click("#confirm button[value=cancel]")
        browser.click(row)
        browser.click("#confirm-yes")
        wait_for(lambda: sum(c.closed for c in clients) == 1)
        assert [c.close_code for c in clients if c.closed] == [1008]
        wait_for(lambda: len(browser.texts("#subscribers tr")) == 3)

        # an event is published; by the keyboard to the tab
        wait_for(lambda: browser.execute("return document.activeElement.id")
                 == "tab-subscribers")
        browser.press(RIGHT)
        assert browser.execute("return document.activeElement.id") \
            == "tab-publish"
        browser.type("#body", '{"by": "hand"}')
        browser.click("#panel-publish button")
        wait_for(lambda: (browser.text("#published") or "").startswith(
            "Published at"))
        wait_for(lambda: sorted(len(c.messages) for c in clients)[1:]
                 == [1, 1])
        assert [c.messages for c in clients if c.messages] \
            == [['{"by": "hand"}']] * 2
    browser.execute("document.activeElement.blur()")
    browser.press(ESCAPE)
    wait_for(lambda: browser.text("#stream-title") is None)

    # a stream is created, with an error on the way, and deleted
    browser.click("#create")
    browser.execute("document.querySelector('#key').value = ''")
    browser.type("#key", "new.stream")
    browser.click("#create-dialog input[value=stream]")
    browser.click("#create-dialog button.main")
    wait_for(lambda: "ess_amqp" in (browser.text("#create-error") or ""))
    browser.click("#create-dialog input[value=exchange]")
    browser.click("#create-dialog button.main")
    wait_for(lambda: browser.text("#stream-title") == "new.stream")
    made = api.request("GET", "?search=new.stream").json()["event_streams"]
    assert len(made) == 1
    browser.execute("document.querySelector('#search').value = ''")
    browser.type("#search", "new.stream")
    wait_for(lambda: browser.texts("#rows th") == ["new.stream"])
    browser.click("#rows td button")
    assert "new.stream" in browser.text("#confirm-text")
    browser.click("#confirm button[value=cancel]")
    assert api.request("GET", str(made[0]["id"])).status == 200
    browser.click("#rows td button")
    browser.click("#confirm-yes")
    wait_for(lambda: api.request("GET", str(made[0]["id"])).status == 404)
    wait_for(lambda: browser.text("#none") == "No stream matches.")
    wait_for(lambda: browser.text("#stream-title") is None)
    # there is no broker, so nothing is said of one
    assert browser.text("#nstreams") != "–"
    assert browser.text("#broker") is None
    clean(browser, n, "422")


@pytest.mark.seconds(180)
def test_live_rates_and_pictures(service, vhost, browser):
    n, api, _ = service(amqp=vhost.url)
    keys = ["orders.created", "orders.shipped", "payments", "stock.changed",
            "chat.lobby", "prices.eur"]
    wait_for(lambda: api.try_create("sensor.hall-7"))
    streams = [api.create(k) for k in keys]
    stop = threading.Event()

    def publish():
        i = 0
        while not stop.wait(0.02):
            i += 1
            vhost.publish(keys[i % 5 * (i % 3 > 0)], [json.dumps(
                {"id": i, "customer": "c-%d" % (i * 7919 % 1000),
                 "total": round(i * 3.7 % 200, 2), "currency": "EUR"})])

    t = threading.Thread(target=publish)
    t.start()
    try:
        with Clients([s.location for s in streams] * 4):
            browser.open(url(n))
            wait_for(lambda: browser.text("#broker") == "3 of 3")
            wait_for(lambda: browser.text("#nsubscribers") == "24")
            wait_for(lambda: browser.execute(
                "return document.querySelector('#rows tr:nth-child(2)"
                " polyline').points.length") >= 8, 60)
            # a publisher that is starved may say nothing for a second
            wait_for(lambda: float(browser.texts(
                "#rows tr:nth-child(2) td")[1]) > 0)
            wait_for(lambda: browser.text("#in") not in ("–", "0"))
            browser.click("#rows tr:nth-child(2) th button")
            wait_for(lambda: len(browser.texts("#events li")) > 3)
            picture(browser, "light")
            dark(browser)
            browser.click("#tab-subscribers")
            wait_for(lambda: len(browser.texts("#subscribers tr")) == 5)
            picture(browser, "dark")
            dark(browser, False)
            browser.devtools("Emulation.setDeviceMetricsOverride", width=390,
                             height=844, deviceScaleFactor=2, mobile=True)
            browser.click("#close")
            wait_for(lambda: browser.execute(
                "return document.documentElement.scrollWidth") <= 390)
            browser.execute("scrollTo(0, 0)")
            picture(browser, "phone")
            clean(browser, n)
    finally:
        stop.set()
        t.join()


MADE = CONF.replace("%%AMQP%%", "ess_stream news key=json:/region;").replace(
    "location /event-stream/ { ess_subscribe; }",
    """location /event-stream/ { ess_subscribe; }
       location /template/ { ess_subscribe; ess_body text '${json:/a}'; }
       location = /streams { ess_subscribe multi; }""").replace(
    "ess_publish;", "ess_publish create=exchange;")


def test_whose_a_stream_is(nginx, browser):
    """And the figures that only some have."""

    n = nginx(MADE, 2, zone="16m", more="")
    api = Api(n.port(1))
    news = wait_for(lambda: [s for s in api.list() if s.get("declared")])[0]
    browser.open(url(n))
    wait_for(lambda: browser.text("#nstreams") == "1")
    # there is no event log to choose
    browser.click("#create")
    assert browser.text("#create-title") == "New stream"
    assert browser.text("#source-log") is None
    browser.click("#create-dialog button[value=cancel]")
    some = ["#ncreated", "#nmade", "#nsubscriptions", "#ncommands",
            "#nrefused", "#nkeyless", "#nskipped"]
    assert [browser.text(s) for s in some] == [None] * 7

    uuid = news["location"].split("/")[-1]
    with V1("ws://127.0.0.1:%d/streams" % n.port(0)) as client, \
            Clients(["ws://127.0.0.1:%d/template/%s" % (n.port(0), uuid)]):
        client.subscribe({"stream": uuid})
        client.call(subscribe={"stream": "0" * 32})
        for key in "room", "news":
            assert api.request("POST", "/publish/" + key, "x").status == 202
        client.wait(1)
        wait_for(lambda: [browser.text(s) for s in some]
                 == ["1", "1", "1", "3", "1", "1", "1"])
        assert browser.texts("#rows th") == ["news of nginx.conf",
                                             "room on demand"]
        assert browser.execute("return Array.from(document.querySelectorAll("
                               "'#rows .danger'), (b) => b.disabled)") \
            == [True, False]
        browser.click("#rows th button")
        facts = browser.texts("#facts dd")
        assert "of nginx.conf" in facts and "json:/region" in facts
        clean(browser, n)


RPC = CONF.replace("location /publish/", """location = /q {
            internal;
            ess_consume abc 'd"e' declare=transient;
            return 204;
        }
        location = /call { ess_rpc abc; }
        location /publish/""")


def test_queues_and_calls(nginx, vhost, browser):
    """A table, where there are some."""

    n = nginx(RPC, 2, zone="16m", more="", amqp="ess_amqp %s;" % vhost.url)
    api = Api(n.port(1))
    wait_for(lambda: api.request("GET", "/console/health").status == 200, 20)
    browser.open(url(n))
    wait_for(lambda: browser.texts("#queue-rows th") == ["abc", 'd"e'], 20)
    assert browser.text("#queues-title") == "Queues"
    assert browser.text("#nwork") is None
    assert browser.text("#ncalls") is None

    vhost.publish("abc", ["1", "2"], exchange="")
    assert api.request("POST", "/call").status == 204
    wait_for(lambda: browser.texts("#queue-rows tr:first-child td")
             == ["2", "2", "1", "0", "0", "0"])
    wait_for(lambda: browser.text("#ncalls") == "1")
    assert browser.text("#nfailed") is None
    picture(browser, "queues")
    clean(browser, n)


LOGS = CONF.replace("ess_drain ", """ess_event_log audit %%DB%% id=id;
    ess_event_log away %%AWAY%%;
    ess_stream    audit source=event_log;
    ess_drain """).replace("location /publish/", """
        location /audit { ess_events audit; }
        location /away { ess_events away; }
        location /publish/""")


def test_event_logs(nginx, tmp_path, browser):
    """A table, where there are some; a stream of one says so."""

    n = nginx(LOGS, 2, zone="16m", more="", amqp="",
              db=str(tmp_path / "audit.db"), away=str(tmp_path / "away.db"))
    api = Api(n.port(1))
    browser.open(url(n))
    wait_for(lambda: browser.texts("#log-rows th") == ["audit", "away"])
    assert browser.text("#logs-title") == "Event logs"

    def cells(row):
        return [t for i, t in enumerate(browser.texts(
            "#log-rows tr:nth-child(%d) td" % row)) if i not in (2, 7)]

    events = [{"id": "a"}, {"id": "b"}, {"id": "c"}, {"n": 1}]
    for _ in range(2):
        r = api.request("POST", "/audit", json.dumps(events))
        assert [e["success"] for e in r.json()] == [True] * 3 + [False]
    assert api.request("POST", "/audit",
                       json.dumps([{"id": "a", "n": 2}])).status == 200
    wait_for(lambda: cells(1) == ["SQLite", "3", "3", "3", "3", "0", "up"])
    assert cells(2)[:1] + cells(2)[2:] == ["SQLite", "0", "0", "0", "0", "up"]
    assert re.match(r"[0-9.,]+ KiB$", browser.texts("#log-rows td")[2])
    browser.click("#rows th button")
    wait_for(lambda: "event log" in browser.texts("#facts dd"))
    browser.click("#close")
    picture(browser, "logs")

    # a stream of the other one, which is offered by its name
    browser.click("#create")
    browser.click("#create-dialog input[value=event_log]")
    assert browser.execute("return Array.from(document.querySelector('#log')"
                           ".options, (o) => o.value)") == ["audit", "away"]
    assert browser.text("label[for=key]") is None
    browser.execute("document.querySelector('#log').value = 'away'")
    picture(browser, "logs-create")
    browser.click("#create-dialog button.main")
    wait_for(lambda: browser.text("#stream-title") == "away")
    assert "event log" in browser.texts("#facts dd")
    assert sorted((s["routing_key"], s["source"]) for s in api.list()) == [
        ("audit", "event_log"), ("away", "event_log")]
    wait_for(lambda: browser.text("#tail-state").startswith("Live"))
    browser.click("#close")
    browser.click("#create")
    browser.click("#create-dialog input[value=exchange]")
    assert browser.text("label[for=log]") is None
    browser.type("#key", "rooms")
    browser.click("#create-dialog button.main")
    wait_for(lambda: browser.text("#stream-title") == "rooms")
    browser.click("#close")

    n.expect("inserts failed|its upkeep failed")
    db = sqlite3.connect(str(tmp_path / "away.db"), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    assert api.request("POST", "/away", "[{}]").status == 503
    wait_for(lambda: cells(2)[-1] == "no database", 30)
    assert cells(2)[-2] == "1"
    picture(browser, "logs-away")
    db.close()
    wait_for(lambda: cells(2)[-1] == "up", 30)
    clean(browser, n, "503")


def test_the_broker_goes_away(relay, service, browser):
    n, api, _ = service(amqp=relay.url)
    wait_for(lambda: api.try_create("abc"))
    browser.open(url(n))
    wait_for(lambda: browser.text("#health") == "healthy")
    relay.cut()
    wait_for(lambda: browser.text("#health").startswith(
        "no worker is connected to the broker: 127.0.0.1:%d: "
        % relay.port), 20)
    wait_for(lambda: browser.text("#broker") == "0 of 3")
    browser.click("#create")
    browser.type("#key", "x")
    browser.click("#create-dialog button.main")
    wait_for(lambda: "broker" in (browser.text("#create-error") or ""))
    browser.click("#create-dialog button[value=cancel]")
    relay.mend()
    wait_for(lambda: browser.text("#health") == "healthy", 20)


def test_what_is_served(service):
    n, api, console = service()
    r = console.request("GET")
    assert r.status == 200
    assert r.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = r.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert r.headers["X-Content-Type-Options"] == "nosniff"
    assert r.headers["Referrer-Policy"] == "no-referrer"
    page = r.body.decode()
    for name, type_ in (("app.js", "text/javascript"),
                        ("style.css", "text/css")):
        assert '="%s"' % name in page
        r = console.request("GET", name)
        assert r.status == 200
        assert r.headers["Content-Type"] == type_ + "; charset=utf-8"
        with open(os.path.join(TOP, "src", "console", name), "rb") as f:
            assert r.body == f.read()
        head = console.request("HEAD", name)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(r.body))
    # nothing of another place, no script or style within the page
    for name in "page.html", "app.js", "style.css":
        with open(os.path.join(TOP, "src", "console", name)) as f:
            text = f.read()
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
        assert not re.search(r"\s(on\w+|style)=", text) \
            or name != "page.html"
        assert "innerHTML" not in text and "eval(" not in text
    for path in "x", "app.jsx", "apis", "api/x", "api/1", "page.html":
        assert console.request("GET", path).status == 404, path
    r = console.request("POST", "app.js", headers=HEADER)
    assert r.status == 405
    assert r.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_below_the_console(service):
    """All that the page needs, and its access rules."""

    n, api, console = service()
    r = console.request("POST", "api/", {"routing_key": "abc"},
                        headers=HEADER)
    assert r.status == 201
    assert r.headers["Location"] == "/console/api/1"
    stream = api.create_result(r)
    r = console.request("GET", "api/?details=1").json()["event_streams"]
    assert r == [dict(api.get(1))]
    assert console.request("POST", "publish/abc", "x",
                           headers=HEADER).status == 202
    assert console.request("POST", "publish/%s?by=uuid" % stream.uuid, "x",
                           headers=HEADER).status == 202
    assert console.request("GET", "metrics?format=json").json()["streams"] == 1
    assert console.request("GET", "health").json() == {"status": "ok"}
    assert console.request("GET", "api/version").status == 200
    assert console.request("GET", "api/1/subscribers").json() == {
        "subscribers": []}
    # what changes something takes a header that no form can send
    for method, path, body in (("POST", "api/", "{}"),
                               ("DELETE", "api/1", None),
                               ("DELETE", "api/1/subscribers/1", None),
                               ("POST", "publish/abc", "x")):
        r = console.request(method, path, body)
        assert r.status == 403, path
        assert "X-ESS-Console" in r.json()["detail"]
    assert api.get(1)["last_ordinal"] == 2
    assert console.request("DELETE", "api/1", headers=HEADER).status == 204


def test_its_access_rules_are_for_all_of_it(service):
    n, api, console = service(more="deny all;")
    for path in ("", "app.js", "style.css", "api/", "api/1", "metrics",
                 "health", "tail/" + "0" * 32, "publish/abc"):
        assert console.request("GET", path).status == 403, path
        assert console.request("POST", path, "x",
                               headers=HEADER).status == 403, path


def test_a_tail_takes_nobodys_place(nginx):
    n = nginx(CONF.replace("ess_drain ", "ess_max_subscribers 1 replace;\n"
                           "    ess_drain "), zone="16m", amqp="", more="")
    api = Api(n.port(1))
    stream = api.create("abc")
    with Clients([stream.location]) as clients, \
            EventSource(url(n) + "tail/" + stream.uuid) as tail:
        assert api.request("POST", "/publish/abc", "x").status == 202
        clients.wait(1)
        tail.wait(1)
        assert api.get(stream)["subscribers"] == 2
        assert not clients[0].closed


def test_without_its_slash(nginx):
    n = nginx(CONF.replace("location /console/ {", "location /console {"),
              zone="16m", amqp="", more="")
    r = Api(n.port(1)).request("GET", "/console")
    assert r.status == 301
    assert r.headers["Location"] == "/console/"
    assert Api(n.port(1)).request("GET", "/console/").status == 200
    assert Api(n.port(1)).request("GET", "/console2").status == 404


def test_search(service):
    n, api, _ = service()
    keys = ["abc", "ABCD", "x y", "100%", "Größe", "z" * 255]
    streams = {k: api.create(k) for k in keys}

    def found(search, query=""):
        r = api.request("GET", "?search=%s%s" % (search, query))
        assert r.status == 200
        return [s["routing_key"] for s in r.json()["event_streams"]]

    assert found("") == keys
    assert found("bc") == ["abc", "ABCD"]
    assert found("BC", "&limit=1") == ["abc"]
    assert found("bc", "&after=1") == ["ABCD"]
    assert found("x+y") == found("x%20y") == ["x y"]
    assert found("100%25") == ["100%"]
    assert found("gr%C3%B6") == ["Größe"]
    assert found(streams["x y"].uuid) == ["x y"]
    assert found(streams["x y"].uuid.upper()) == ["x y"]
    assert found(str(streams["x y"].id)) == ["x y"]
    assert found("z" * 255) == ["z" * 255]
    assert found("none") == []
    assert api.request("GET", "?search=" + "z" * 256).status == 400
    assert api.request("GET", "?details=2").status == 400
    # through many parts with nothing in them
    api.create_many(["k%d" % i for i in range(1000)])
    api.create("last")
    assert found("last") == ["last"]
    assert found("LAS", "&limit=1") == ["last"]
    assert len(found("k9", "&limit=3")) == 3
    assert len(found("K9")) == 111
