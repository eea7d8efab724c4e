"""Web pages of other origins change nothing."""

import socket

import pytest

from api import Api
from wait import wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_origin      any;

    server {
        listen 127.0.0.1:%%PORT0%%;
        listen [::1]:%%PORT0%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /console/ { ess_console; }
        location = /metrics { ess_metrics; }
        location /listed/ { ess_api; ess_origin https://app.example null; }
        location = /page.html {
            default_type text/html;
            return 200 "<!doctype html><title>page</title>";
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location = /page.html {
            default_type text/html;
            return 200 "<!doctype html><title>another origin</title>";
        }
    }
}
"""

DOORS = ["/event-stream/", "/publish/abc", "/console/api/",
         "/console/publish/abc"]


def post(n, path, **headers):
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    return Api(n.port(0)).request("POST", path, {"routing_key": "abc"},
                                  dict(headers, **{"X-ESS-Console": "1"}))


@pytest.fixture
def n(nginx):
    return nginx(CONF)


@pytest.mark.parametrize("path", DOORS)
def test_each_door(n, path):
    assert post(n, "/event-stream/").status == 201
    own = "http://127.0.0.1:%d" % n.port(0)
    for headers, allowed in (
            ({}, True),
            ({"Origin": own}, True),
            ({"Origin": own.upper()}, True),
            ({"Origin": own, "Sec_Fetch_Site": "same-origin"}, True),
            ({"Sec_Fetch_Site": "none"}, True),
            ({"Origin": "https://a.example", "Host": "a.example"}, True),
            ({"Origin": "https://a.example", "Host": "A.example:443"}, True),
            ({"Origin": "http://a.example:80", "Host": "a.example"}, True),
            ({"Origin": "http://[::1]:8081", "Host": "[::1]:8081"}, True),
            ({"Origin": "http://[::1]", "Host": "[::1]:80"}, True),
            ({"Origin": own, "Sec_Fetch_Site": "cross-site"}, False),
            ({"Origin": own, "Sec_Fetch_Site": "same-site"}, False),
            ({"Sec_Fetch_Site": "Cross-Site"}, False),
            ({"Origin": "null"}, False),
            ({"Origin": ""}, False),
            ({"Origin": "http://"}, False),
            ({"Origin": "file://127.0.0.1:%d" % n.port(0)}, False),
            ({"Origin": own + "0"}, False),
            ({"Origin": own + ".evil.example"}, False),
            ({"Origin": own + " " + own}, False),
            ({"Origin": "http://127.0.0.1"}, False),
            ({"Origin": "http://[::1]:8081", "Host": "[::1]:8082"}, False),
            ({"Origin": "https://a.example", "Host": "a.example:80"}, False)):
        r = post(n, path, **headers)
        assert r.status in ((201, 202) if allowed else (403,)), (headers, r)
        if not allowed:
            assert r.headers["Content-Type"] == "application/problem+json"
            assert "another origin" in r.json()["detail"]


def test_refusals_are_counted(n):
    """At each door; not what was allowed, and not what only reads."""

    api = Api(n.port(0))

    def refused():
        return api.figures()["ess_cross_origin_requests_total"]

    foreign = {"Origin": "http://evil.example"}
    assert refused() == 0
    for i, path in enumerate(DOORS):
        assert post(n, path).status in (201, 202)
        api.request("GET", path, headers=foreign)
        assert post(n, path, **foreign).status == 403
        assert post(n, path, Sec_Fetch_Site="cross-site").status == 403
        assert refused() == 2 * i + 2
    f = api.request("GET", "/metrics?format=json").json()
    assert f["cross_origin_requests_total"] == 2 * len(DOORS)
    # those are of clients
    assert set(f["rejected_requests_total"].values()) == {0}


def test_origins_that_are_listed(n):
    assert post(n, "/listed/", Origin="https://app.example",
                Sec_Fetch_Site="cross-site").status == 201
    assert post(n, "/listed/", Origin="null").status == 201
    assert post(n, "/listed/", Origin="https://b.example").status == 403
    assert post(n, "/listed/", Sec_Fetch_Site="cross-site").status == 403


def test_deleting_and_reading(n):
    api = Api(n.port(0))
    stream = api.create("abc")
    foreign = {"Origin": "http://evil.example"}
    path = "/event-stream/%d" % stream.id
    assert api.request("DELETE", path, headers=foreign).status == 403
    assert api.request("GET", path, headers=foreign).status == 200
    assert api.request("DELETE", path).status == 204


def test_several_origins(n):
    own = "127.0.0.1:%d" % n.port(0)
    with socket.create_connection(("127.0.0.1", n.port(0))) as s:
        s.sendall(("POST /publish/abc HTTP/1.1\r\nHost: %s\r\n"
                   "Origin: http://%s\r\nOrigin: http://evil.example\r\n"
                   "Content-Length: 1\r\n\r\nx" % (own, own)).encode())
        assert b" 403 " in s.recv(1000)


FETCH = """
window.done = [];
for (const [path, type] of [["event-stream/", ""], ["publish/abc", ""],
                            ["event-stream/", "text/plain"]]) {
    fetch(arguments[0] + path, {method: "POST", mode: "no-cors",
          body: new Blob(['{"routing_key":"x"}'], {type})})
        .then(r => done.push(r.status), e => done.push(String(e)));
}
"""


def test_a_page_in_a_browser(n, browser):
    api = Api(n.port(0))
    api.create("abc")
    for page, port in (("127.0.0.1", 1), ("localhost", 1)):
        browser.open("http://%s:%d/page.html" % (page, n.port(port)))
        browser.execute(FETCH, "http://127.0.0.1:%d/" % n.port(0))
        wait_for(lambda: len(browser.execute("return done")) == 3)
    assert len(api.list()) == 1

    def logged(path):
        return [line for line in n.access_log().splitlines()
                if "POST %s " % path in line and " 403 " in line]

    # a line follows its answer
    wait_for(lambda: len(logged("/event-stream/")) >= 4
             and len(logged("/publish/abc")) >= 2)
    assert len(logged("/event-stream/")) == 4
    assert len(logged("/publish/abc")) == 2

    # its own page may
    browser.open("http://127.0.0.1:%d/page.html" % n.port(0))
    browser.execute(FETCH, "http://127.0.0.1:%d/" % n.port(0))
    wait_for(lambda: sorted(browser.execute("return done"))
             == [202, 415, 415])
