"""What a page of another origin can do and read, in Chromium: event streams,
preflights, tokens, and why it is refused."""

import time

import jwt
import pytest

from api import Api
from wait import wait_for

SECRET = "0123456789abcdef0123456789abcdef"

CONF = """
http {
    ess_zone        streams 8m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;

    server {
        listen 127.0.0.1:%%PORT0%%;
        ess_origin http://127.0.0.1:%%PORT2%%;
        location /event-stream/ {
            ess_subscribe;
            location /event-stream/token/ {
                ess_subscribe;
                ess_jwt key=%%DIR%%/key alg=HS256 streams=streams;
            }
            location /event-stream/one/ {
                ess_subscribe;
                ess_max_subscribers 1;
            }
        }
        location /api/ { ess_api; }
        location /publish/ { ess_publish; client_max_body_size 10; }
        location /foreign/ {
            ess_subscribe;
            ess_origin https://elsewhere.example;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }

    # the page, of another origin
    server {
        listen 127.0.0.1:%%PORT2%%;
        location = /page.html {
            default_type text/html;
            return 200 "<!doctype html><title>page</title>";
        }
    }
}
"""

HELPERS = """
window.host = arguments[0];
window.ask = async (path, init) => {
  try {
    const r = await fetch("http://" + host + path, init);
    let body = null;
    if (!r.ok || r.headers.get("Content-Type") != "text/event-stream") {
      const text = await r.text();
      body = text ? JSON.parse(text) : null;
    }
    return {status: r.status, body: body, retry: r.headers.get("Retry-After"),
            challenge: r.headers.get("WWW-Authenticate"),
            location: r.headers.get("Location")};
  } catch (e) {
    return {status: 0, error: String(e)};
  }
};
"""


@pytest.fixture
def page(nginx, browser):
    n = nginx(CONF, start=False)
    with open(n.path("key"), "w") as f:
        f.write(SECRET)
    n.start()
    n.stream = Api(n.port(1)).create("abc")
    browser.open("http://127.0.0.1:%d/page.html" % n.port(2))
    browser.execute(HELPERS, "127.0.0.1:%d" % n.port(0))
    n.browser = browser
    n.ask = lambda path, **init: browser.execute(
        "return ask(arguments[0], arguments[1])", path, init)
    return n


def token(**claims):
    return jwt.encode(dict(claims, exp=int(time.time()) + 600), SECRET,
                      "HS256")


def publish(n, *bodies):
    for body in bodies:
        Api(n.port(1)).request("POST", "/publish/abc", body)


EVENTS = """
window.seen = [];
window.source = new EventSource("http://" + host + arguments[0],
                                {withCredentials: arguments[1]});
source.onmessage = e => seen.push(e.data);
source.onopen = e => seen.push("open");
"""


@pytest.mark.parametrize("credentials", [False, True])
def test_event_source_of_another_origin(page, credentials):
    page.browser.execute(EVENTS, "/event-stream/" + page.stream.uuid,
                         credentials)
    seen = lambda: page.browser.execute("return seen")      # noqa: E731
    wait_for(lambda: seen() == ["open"])
    publish(page, "a", "b")
    wait_for(lambda: seen() == ["open", "a", "b"])


FETCH = """
window.got = "";
window.stop = new AbortController();
window.done = fetch("http://" + host + arguments[0], {
  signal: stop.signal, headers: arguments[1]
}).then(async r => {
  window.status_ = r.status;
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const {value, done} = await reader.read();
    if (done) break;
    got += value;
  }
}).catch(e => { window.status_ = String(e); });
"""


def test_fetch_with_a_token_and_the_last_event_id(page):
    """Both make the browser ask first, and without the token."""

    publish(page, "one", "two")
    page.browser.execute(FETCH, "/event-stream/token/" + page.stream.uuid, {
        "Accept": "text/event-stream",
        "Authorization": "Bearer " + token(streams=[page.stream.uuid]),
        "Last-Event-ID": "1-1"})
    wait_for(lambda: page.browser.execute("return window.status_") == 200)
    publish(page, "three")
    wait_for(lambda: "data: three" in page.browser.execute("return got"))
    page.browser.execute("stop.abort()")


WEBSOCKET = """
window.heard = [];
window.socket = new WebSocket("ws://" + host + arguments[0], arguments[1]);
socket.onmessage = e => heard.push(e.data);
socket.onopen = e => heard.push("open");
socket.onerror = e => heard.push("error");
"""


def test_websocket_with_a_token(page):
    uuid = page.stream.uuid
    heard = lambda: page.browser.execute("return heard")    # noqa: E731
    page.browser.execute(WEBSOCKET, "/event-stream/token/" + uuid,
                         ["ess.jwt", token(streams=["*"])])
    wait_for(lambda: heard() == ["open"])
    publish(page, "a")
    wait_for(lambda: heard() == ["open", "a"])

    # what a WebSocket does not say a request does
    page.browser.execute(WEBSOCKET, "/event-stream/token/" + uuid, ["ess.jwt",
                                                                    "x"])
    wait_for(lambda: heard() == ["error"])
    assert page.ask("/event-stream/token/" + uuid)["status"] == 401


def test_refusals_can_be_read(page):
    uuid = page.stream.uuid
    sse = {"Accept": "text/event-stream"}

    def refused(path, status, detail, **init):
        r = page.ask(path, **init)
        assert r["status"] == status, r
        assert r["body"]["status"] == status
        assert detail in r["body"]["detail"]
        return r

    r = refused("/event-stream/token/" + uuid, 401, "no token")
    assert r["challenge"] == "Bearer"
    r = refused("/event-stream/token/" + uuid, 401, "refused",
                headers={"Authorization": "Bearer x"})
    assert "invalid_token" in r["challenge"]
    refused("/event-stream/token/" + uuid, 403, "claim", headers={
        "Authorization": "Bearer " + token(streams=["other"])})
    refused("/event-stream/" + "0" * 32, 404, "no stream", headers=sse)
    refused("/event-stream/" + uuid, 426, "WebSocket")
    page.browser.execute(EVENTS, "/event-stream/one/" + uuid, False)
    wait_for(lambda: page.browser.execute("return seen") == ["open"])
    r = refused("/event-stream/one/" + uuid, 503, "ess_max_subscribers",
                headers=sse)
    assert r["retry"] == "1"
    refused("/publish/abc", 413, "client_max_body_size", method="POST",
            body="x" * 100)
    refused("/publish/none", 404, "routing key", method="POST", body="x")
    refused("/api/7", 404, "", method="DELETE")


def test_a_listed_page_uses_the_api(page):
    """It asks with a preflight for JSON and for DELETE."""

    r = page.ask("/api/", method="POST", body='{"routing_key": "k"}',
                 headers={"Content-Type": "application/json"})
    assert r["status"] == 201, r
    id_ = r["body"]["id"]
    assert page.ask("/api/%s" % id_)["body"]["routing_key"] == "k"
    assert page.ask("/publish/k", method="POST", body="x")["status"] == 202
    assert page.ask("/api/%s" % id_, method="DELETE")["status"] == 204


def test_a_page_that_is_not_listed_reads_nothing(page):
    r = page.ask("/foreign/" + page.stream.uuid, headers={
        "Accept": "text/event-stream", "Authorization": "Bearer x"})
    assert r["status"] == 0
    r = page.ask("/foreign/" + page.stream.uuid)
    assert r["status"] == 0
