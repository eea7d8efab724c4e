"""The page of ess_docs in Chromium: what it shows, what it sends, and that it
asks nobody else.

With ESS_SCREENSHOTS=folder pictures are made."""

import json
import os
import urllib.request

import pytest

from nginx import TOP
from wait import wait_for

CONF = """
http {
    ess_zone       streams 4m;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_event_log  audit %%DB%% schema=%%SCHEMA%%
                   id=event_id time=timestamp type=type;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/  { ess_api; }
        location /publish/       { ess_publish; }
        location /follow/        { ess_subscribe; }
        location /v1/events      { ess_events audit; }
        location = /healthz      { ess_health; }
        location = /metrics      { ess_metrics; }
        location = /openapi.json { ess_openapi; }
        location = /docs         { ess_docs /openapi.json; }
        location = /lost         { ess_docs /nothing.json; }
    }
}
"""

POST = "[id='post-/v1/events'] "
ONE = "[id='get-/v1/events/{event_id}'] "
TAB, ENTER, SPACE = "\ue004", "\ue007", " "


@pytest.fixture
def docs(nginx, browser, tmp_path):
    """Opens the page: nginx, the browser."""

    def make(path="/docs"):
        n = nginx(CONF, 2, db=str(tmp_path / "audit.db"),
                  schema=os.path.join(TOP, "conf", "event.schema.json"))
        browser.devtools("Network.enable")
        browser.open("http://127.0.0.1:%d%s" % (n.port(), path))
        return n, browser
    return make


def clean(n, browser):
    """No error in the browser's console, and no request to elsewhere."""

    assert browser.errors() == []
    names = browser.execute(
        "return performance.getEntries().filter((e) => e.entryType =="
        " 'resource' || e.entryType == 'navigation').map((e) => e.name);")
    assert len(names) >= 2
    for name in names:
        assert name.startswith("http://127.0.0.1:%d/" % n.port()) \
            or name == "data:,", name


def picture(browser, name):
    folder = os.environ.get("ESS_SCREENSHOTS")
    if folder:
        browser.screenshot(os.path.join(TOP, folder, name + ".png"))


def dark(browser, is_dark):
    browser.devtools("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-color-scheme",
         "value": "dark" if is_dark else "light"}])


def background(browser):
    return browser.execute(
        "return getComputedStyle(document.body).backgroundColor;")


def spec_of(n):
    with urllib.request.urlopen("http://127.0.0.1:%d/openapi.json"
                                % n.port()) as answer:
        return json.loads(answer.read())


def test_operations_and_schemas(docs):
    n, browser = docs()
    spec = spec_of(n)
    operations = sorted(
        "%s-%s" % (method, path) for path, item in spec["paths"].items()
        for method in item if method != "parameters"
        and method != "description")
    wait_for(lambda: browser.text("h1"))
    assert browser.text("h1").startswith(spec["info"]["title"])
    assert sorted(browser.execute(
        "return [...document.querySelectorAll('.operation')]"
        ".map((e) => e.id);")) == operations
    assert browser.execute(
        "return [...document.querySelectorAll('details[id^=schema-]')]"
        ".map((e) => e.id.slice(7));") == list(spec["components"]["schemas"])
    picture(browser, "docs-light")

    # each of them can be opened, and each link leads somewhere
    browser.execute("for (const e of document.querySelectorAll("
                    "'section > details')) { e.open = true; }")
    wait_for(lambda: browser.execute(
        "return [...document.querySelectorAll('section > details')]"
        ".every((e) => e.childElementCount == 2);"))
    links = browser.execute(
        "return [...document.querySelectorAll('a[href^=\"#\"]')]"
        ".map((e) => [e.hash, !!document.getElementById(e.hash.slice(1))]);")
    assert links and all(there for _, there in links), links
    assert not browser.execute("return document.body.innerText.includes("
                               "'undefined') || document.body.innerText"
                               ".includes('[object');")

    # a schema with another one inside
    event = browser.text("#schema-Event_audit")
    for word in ("username", "email", '"europe" | "us"', "in the past",
                 "If", "Then", "Else"):
        assert word in event, word
    assert "size" in browser.text("[id='get-/v1/events']")

    # a link opens what it leads to
    browser.open("http://127.0.0.1:%d/docs#schema-Problem" % n.port())
    browser.execute("location.reload();")
    wait_for(lambda: browser.execute(
        "const e = document.querySelector('details[open]');"
        " return e && e.id;") == "schema-Problem")
    clean(n, browser)


def test_what_is_tried(docs):
    n, browser = docs()
    browser.click(POST + "summary")
    wait_for(lambda: browser.text(POST + "form"))
    event = json.loads(browser.execute(
        "return document.querySelector(arguments[0]).value;",
        POST + "textarea"))[0]
    assert event["type"] == "user" and event["event_id"] == "u_123"
    assert set(event["event"]) == {"username", "email", "operation"}
    assert browser.text(POST + ".curl").startswith(
        "curl 'http://127.0.0.1:%d/v1/events'" % n.port())
    browser.click(POST + "button.main")
    wait_for(lambda: (browser.text(POST + "form > [role=status]")
                      or "").startswith("200 "))
    assert json.loads(browser.text(POST + ".answer")) == [
        {"event_id": "u_123", "success": True, "error": ""}]
    browser.execute("document.querySelector(arguments[0]).scrollIntoView();",
                    POST + "form")
    picture(browser, "docs-tried")

    browser.click(ONE + "> summary")
    wait_for(lambda: browser.text(ONE + "form"))
    browser.type(ONE + "input", "u_123")
    browser.click(ONE + "button.main")
    wait_for(lambda: browser.text(ONE + ".answer"))
    assert json.loads(browser.text(ONE + ".answer")) == event

    # a stream of events comes as it does, until it is stopped
    page = "[id='get-/v1/events'] "
    browser.click(page + "> summary")
    fields = wait_for(lambda: browser.texts(page + ".field span"))
    number = fields.index("Accept") + 1
    browser.execute("document.querySelector(arguments[0]).value ="
                    " 'text/event-stream';",
                    page + ".field:nth-child(%d) select" % number)
    number = fields.index("stream_from_ordinal") + 1
    browser.type(page + ".field:nth-child(%d) input" % number, "0")
    assert "-H 'Accept: text/event-stream'" in browser.text(page + ".curl")
    browser.click(page + "button.main")
    wait_for(lambda: "u_123" in (browser.text(page + ".answer") or ""))
    browser.click(page + "button.main + button")
    wait_for(lambda: browser.text(page + "form > [role=status]").endswith(
        "stopped"))
    clean(n, browser)


def test_by_the_keyboard(docs):
    n, browser = docs()
    browser.find("#filter")
    browser.press("/")
    assert browser.execute("return document.activeElement.id;") == "filter"
    browser.type("#filter", "get v1 events id")
    wait_for(lambda: len(browser.texts("section > details")) == 1)

    def focused():
        return browser.execute(
            "const e = document.activeElement; return e.tagName + ' '"
            " + (e.parentElement ? e.parentElement.id : '');")

    for _ in range(4):
        browser.press(TAB)
        if focused().startswith("SUMMARY"):
            break
    assert focused() == "SUMMARY get-/v1/events/{event_id}"
    browser.press(ENTER)
    wait_for(lambda: browser.text(ONE + "form"))
    assert browser.execute(
        "return [...document.querySelectorAll('summary, a, button, input,"
        " select, textarea')].every((e) => e.tabIndex >= 0);")
    browser.execute("document.querySelector('#filter').value = '';")
    browser.type("#filter", "no such thing")
    wait_for(lambda: "Nothing matches." in browser.texts("[role=status]"))
    clean(n, browser)


def test_dark_and_narrow(docs):
    n, browser = docs()
    dark(browser, False)
    wait_for(lambda: browser.text("h1"))
    light = background(browser)
    dark(browser, True)
    wait_for(lambda: background(browser) != light)
    browser.execute("location.hash = 'get-/v1/events';")
    wait_for(lambda: browser.text("[id='get-/v1/events'] form"))
    picture(browser, "docs-dark")
    browser.devtools("Emulation.setDeviceMetricsOverride", width=390,
                     height=844, deviceScaleFactor=2, mobile=True)
    dark(browser, False)
    browser.execute("for (const e of document.querySelectorAll("
                    "'details')) { e.open = true; }")
    wait_for(lambda: browser.execute(
        "return document.documentElement.scrollWidth") <= 390)
    browser.execute("location.hash = 'schema-Event_audit';")
    picture(browser, "docs-phone")
    clean(n, browser)


def test_a_document_that_is_not_there(docs):
    n, browser = docs("/lost")
    assert wait_for(lambda: browser.text("[role=alert]")).startswith(
        "/nothing.json: 404")
