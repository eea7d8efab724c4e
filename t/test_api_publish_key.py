"""The routing key of what is published: percent-decoded once, from the path as
it was sent and from the query string."""

import http.client
import urllib.parse

import pytest

from api import Api
from clients import Clients

CONF = """
http {
    ess_zone streams 8m;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /bare { ess_publish; }
        location /tenant/one. { ess_publish; }
        location /arg { ess_publish $arg_key; }
        location /form { ess_publish "${ARG_key}"; }
        location ~ ^/regex/ { ess_publish; }
        location ~ ^/capture/(?<name>.*)$ { ess_publish $name; }
        location /header { ess_publish $http_x_key; }
        location /rewritten/ { rewrite ^/rewritten/(.*)$ /publish/$1 last; }
        location /tried/ { try_files /nothing @named; }
        location @named { ess_publish; }
        location /unmerged/ { if ($arg_x) { set $a 1; } ess_publish; }
        location /if/ {
            ess_publish;
            if ($http_x_trace) { add_header X-Trace 1; }
        }
        location /except/ {
            ess_publish;
            limit_except GET { allow all; }
        }
        location /console/ { ess_console; }
    }

    server {
        listen 127.0.0.1:%%PORT2%%;
        merge_slashes off;
        location /publish/ { ess_publish; }
    }
}
"""


@pytest.fixture
def server(nginx):
    return nginx(CONF, workers=1)


def publish(api, path, body="x", **headers):
    return api.request("POST", path, body, headers=headers)


def arrives(api, path, key, **headers):
    """What is published to the path has that routing key."""

    stream = api.create(key)
    r = publish(api, path, **headers)
    assert r.status == 202, (path, key, r)
    assert api.get(stream)["last_ordinal"] == 1, (path, key)
    api.delete(stream)


KEYS = ["a/b", "a//b", "/a", "a/", "//", "a b", "\u00fc", "a+b", "100%", "a%2Fb",
        "a?b", "a#b", "a&b=c;d", "...", "a.b", "a/.b", "\u20ac/\U0001f600",
        "\"\\\n\t", ":@!$'()*,"]


def test_any_key_in_a_path_and_in_a_query(server):
    api = Api(server.port(1))
    unmerged = Api(server.port(2))
    for key in KEYS:
        quoted = urllib.parse.quote(key, safe="")
        every = "".join("%%%02x" % b for b in key.encode())
        form = urllib.parse.urlencode({"key": key})
        for q in quoted, every:
            for path in ("/publish/", "/bare/", "/publish//", "/publish/x/",
                         "/unmerged/", "/except/"):
                arrives(api, path + q, key)
            arrives(api, "/if/" + q, key, **{"X-Trace": "1"})
            for path in ("/tried/", "/regex/x/") if "/" not in key else ():
                arrives(api, path + q, key)
            arrives(api, "/arg?x=1&key=" + q + "&y", key)
        arrives(api, "/arg?" + form, key)
        arrives(api, "/form?" + form, key)
        stream = api.create(key)
        assert publish(unmerged, "/publish/" + quoted).status == 202
        assert api.get(stream)["last_ordinal"] == 1
        api.delete(stream)


def test_plus_signs(server):
    """Of a path they are themselves, of a query a blank, as in a form."""

    api = Api(server.port(1))
    arrives(api, "/publish/a+b", "a+b")
    arrives(api, "/publish/a%2Bb", "a+b")
    arrives(api, "/arg?key=a+b", "a b")
    arrives(api, "/arg?key=a%20b", "a b")
    arrives(api, "/arg?key=a%2Bb", "a+b")
    arrives(api, "/arg?key=a%252Bb", "a%2Bb")


def test_what_is_decoded_already_stays(server):
    api = Api(server.port(1))
    arrives(api, "/capture/a%252Fb", "a%2Fb")
    arrives(api, "/capture/100%25", "100%")
    arrives(api, "/capture/a%2Fb+c", "a/b+c")
    arrives(api, "/header", "100% + %41", **{"X-Key": "100% + %41"})
    # behind a rewrite nginx has the decoded path only
    arrives(api, "/rewritten/a%20b", "a b")
    arrives(api, "/rewritten/100%25", "100%")
    arrives(api, "/rewritten/a%2Fb", "b")


def test_the_locations_prefix_is_no_part_of_the_key(server):
    api = Api(server.port(1))
    arrives(api, "/publish%2Fa%20b", "a b")
    arrives(api, "/x%2F..%2Fpublish/a", "a")
    arrives(api, "/tenant/one.a%2Fb", "one.a/b")
    arrives(api, "/publish/x%2Fy/a?b/c=%2F", "a")
    api.create("b/c")
    c = http.client.HTTPConnection(api.host, api.port)
    c.request("POST", "http://localhost/publish/b%2Fc?x", "x")
    assert c.getresponse().status == 202


def test_an_if_and_a_limit_except_change_no_key(server):
    """Nor is a key outside of the prefix reached through them."""

    api = Api(server.port(1))
    trace = {"X-Trace": "1"}
    arrives(api, "/if%2Fabc", "abc", **trace)
    arrives(api, "/except%2Fabc", "abc")
    for path in "if/abc", "except/abc":
        stream = api.create(path)
        assert publish(api, "/" + path.replace("/", "%2F"), **trace
                       ).status == 404
        assert api.get(stream)["last_ordinal"] == 0


def test_without_a_prefix_a_path_has_no_key_with_a_slash(server):
    api = Api(server.port(1))
    for key in "regex/abc", "a/b", "tried/abc", "x/":
        api.create(key)
    for path in ("/regex%2Fabc", "/regex/a%2Fb", "/regex/%61%2Fb", "/regex/x%2F",
                 "/tried%2Fabc", "/tried/a%2Fb"):
        r = publish(api, path)
        assert r.status == 400, (path, r)
        assert "$arg_key" in r.json()["detail"]


def test_dots(server):
    """nginx resolves them before it chooses the location: no key that its path
    does not show is reached by them."""

    api = Api(server.port(1))
    for key in "a/../b", "a/./b", "b/..", "../b", "b", "a", "..":
        api.create(key)
    for path in "a%2F..%2Fb", "a%2F.%2Fb", "x/..%2Fb", "a%2F%2e%2e%2Fb":
        r = publish(api, "/publish/" + path)
        assert r.status == 400, (path, r)
        assert "$arg_key" in r.json()["detail"]
    for path in "/publish/a/..", "/publish/%2e", "/publish/a/%2e%2e":
        assert publish(api, path).status == 404, path
    assert publish(api, "/publish/a/../b").status == 202
    assert publish(api, "/arg?key=a%2F..%2Fb").status == 202
    assert publish(api, "/arg?key=..").status == 202


def test_malformed(server):
    api = Api(server.port(1))
    for value in "%", "%2", "a%zz", "%u0041", "a%2":
        r = publish(api, "/arg?key=" + value)
        assert r.status == 400
        assert "percent sign" in r.json()["detail"]
        assert publish(api, "/publish/" + value).status == 400
    r = publish(api, "/arg?key=a%00b")
    assert r.status == 400
    assert "NUL" in r.json()["detail"]
    r = publish(api, "/arg?key=" + "%C3%BC" * 127 + "ab")
    assert r.status == 400
    assert "255" in r.json()["detail"]
    assert publish(api, "/arg?key=" + "%C3%BC" * 127 + "a").status == 404
    assert publish(api, "/arg?key=").status == 404


def test_of_the_console(server):
    api = Api(server.port(1))
    arrives(api, "/console/publish/a%2Fb%20c", "a/b c",
            **{"X-ESS-Console": "1"})


def test_search(server):
    api = Api(server.port(1))
    api.create("a/b c")
    for search, found in (("a%2fB", 1), ("b+c", 1), ("b%20c", 1), ("b%2Bc", 0)):
        r = api.request("GET", "/event-stream/?search=" + search)
        assert len(r.json()["event_streams"]) == found, search
    for search in "%", "%2", "%zz", "x" * 256:
        r = api.request("GET", "/event-stream/?search=" + search)
        assert (r.status, "search" in r.json()["detail"]) == (400, True)


def test_over_amqp(nginx, vhost):
    conf = CONF.replace("ess_public_url",
                        "ess_amqp %s; ess_public_url" % vhost.url, 1)
    n = nginx(conf, workers=2)
    api = Api(n.port(1))
    keys = ["a/b", "\u00fc \u20ac", "100%"]
    streams = [api.create(key) for key in keys]
    with Clients([s.location for s in streams]) as clients:
        for key in keys:
            q = urllib.parse.quote(key, safe="")
            assert publish(api, "/publish/" + q, "path").status == 202
            assert publish(api, "/arg?key=" + q, "query").status == 202
        clients.wait(2)
        for c in clients:
            assert sorted(c.messages) == ["path", "query"]
