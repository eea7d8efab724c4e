"""ess_openapi describes what its server serves, and ess_docs shows it; nginx -t
warns where it tells all of what not all may use."""

import base64
import hashlib
import importlib.util
import json
import os
import re
import urllib.request

import pytest

from nginx import TOP

CONF = """
http {
    ess_zone       streams 4m;
    ess_amqp       amqp://127.0.0.1:1/;
    ess_public_url ws://127.0.0.1/;

    server {
        listen      127.0.0.1:%%PORT0%%;
        server_name api.example.com;
        location /event-stream/ { ess_api; }
        location /publish/      { ess_publish; }
        location = /healthz     { ess_health; }
        location = /metrics     { ess_metrics; }
        location /calls/        { ess_rpc work; }
        location = /openapi.json { ess_openapi; }
        location = /docs        { ess_docs /openapi.json; }
        location = /hidden      { internal; ess_publish; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location / { ess_subscribe; }
        location = /openapi.json { ess_openapi; }
    }
}
"""


def get(n, path, port=0):
    with urllib.request.urlopen("http://127.0.0.1:%d%s" % (
            n.port(port), path)) as answer:
        return answer.headers, answer.read()


def references(part):
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_what_the_server_serves(nginx):
    n = nginx(CONF, workers=2)
    headers, body = get(n, "/openapi.json")
    assert headers["Content-Type"] == "application/json"
    spec = json.loads(body)
    assert spec["openapi"] == "3.1.0"
    assert spec["info"]["title"] == "api.example.com: ESS"
    assert set(spec["paths"]) == {
        "/event-stream/version", "/event-stream/", "/event-stream/{id}",
        "/event-stream/{id}/subscribers",
        "/event-stream/{id}/subscribers/{sid}", "/publish/{key}", "/healthz",
        "/metrics", "/calls/"}
    for reference in set(references(spec)):
        found = spec
        for name in reference.split("/")[1:]:
            found = found[name]
    assert "Stream" in spec["components"]["schemas"]
    # and nothing else
    spec = json.loads(get(n, "/openapi.json", 1)[1])
    assert set(spec["paths"]) == {"/{stream}"}
    assert {k: list(v) for k, v in spec["components"].items()} == {
        "parameters": [], "responses": ["Problem"], "schemas": ["Problem"]}


def test_the_page(nginx):
    n = nginx(CONF, workers=2)
    headers, body = get(n, "/docs")
    assert b'<meta name="openapi" content="/openapi.json">' in body
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    for tag in (b"script", b"style"):
        text = re.search(b"<%s>(.*)</%s>" % (tag, tag), body, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
        assert "%s-src 'sha256-%s'" % (tag.decode(), digest) in policy
    assert b"http:" not in body and b"https:" not in body


RULED = """
http {
    ess_zone       streams 4m;
    ess_amqp       amqp://127.0.0.1:1/;
    ess_public_url ws://127.0.0.1/;
    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_api; %%API%% }
        location = /openapi.json { ess_openapi; %%OPENAPI%% }
    }
}
"""

ALLOW = "allow 127.0.0.1; deny all;"


BASIC = "auth_basic %s; auth_basic_user_file /dev/null;"


@pytest.mark.parametrize("api,openapi,warns", [
    ("", "", False), (ALLOW, "", True), (ALLOW, ALLOW, False),
    ("", ALLOW, False), ("internal;", "", False),
    (BASIC % "ESS", "", True), (BASIC % "$host", "", True),
    (BASIC % "ESS", BASIC % "ESS", False),
    # rules that let all in
    ("allow all;", "", False), (ALLOW, "allow all;", True),
    ("allow 127.0.0.1; allow ::1;", "", False), ("deny ::1;", "", True),
    ("deny unix:;", "", True),
    ("auth_basic off;", "", False), (BASIC % "ESS", "auth_basic off;", True),
    # of each method: what nobody may do is not told
    ("limit_except GET { deny all; }", "", False),
    ("limit_except GET { allow 127.0.0.1; deny all; }", "", True),
    ("limit_except GET { allow 127.0.0.1; deny all; }", ALLOW, False),
    ("limit_except GET { auth_basic ESS; auth_basic_user_file /dev/null; }",
     "", True),
    ("limit_except GET { allow all; }", "", False),
    (ALLOW + "limit_except GET { deny all; }", "", True),
    (ALLOW + "limit_except GET POST DELETE { allow all; }", "", True),
    ("deny all;", "", False), ("deny 10.0.0.0/8; deny all;", "", False),
    (ALLOW, "limit_except POST { deny all; }", False),
    (ALLOW, "limit_except GET { deny all; }", True),
    ("auth_request off;", "", False), ("auth_request /hidden;", "", True),
    ("auth_request /hidden;", "auth_request off;", True),
])
def test_a_door_is_not_wider_than_the_others(nginx, api, openapi, warns):
    n = nginx(RULED, start=False, api=api, openapi=openapi)
    rc, output = n.test()
    assert rc == 0, output
    assert ('"ess_openapi" tells all who ask of location "/event-stream/"'
            in output) == warns


@pytest.mark.parametrize("path", ["openapi.json", "//example.com/x"])
def test_what_is_no_path_is_refused(nginx, path):
    n = nginx("http { server { listen 127.0.0.1:%%PORT0%%; "
              "location = /docs { ess_docs %%PATH%%; } } }", start=False,
              path=path)
    n.expect(r"\[emerg\]")
    rc, output = n.test()
    assert rc == 1 and "takes the path of an OpenAPI document" in output


PLACES = """
http {
    ess_zone       streams 4m;
    ess_amqp       amqp://127.0.0.1:1/;
    ess_public_url ws://127.0.0.1/;
    ess_event_log  audit %%DB%%;
    ess_event_log  other %%DB%%2;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location = /openapi.json { ess_openapi; }
        %%LOCATIONS%%
    }
}
"""

API = {"", "/version", "/{id}", "/{id}/subscribers",
       "/{id}/subscribers/{sid}"}


@pytest.mark.parametrize("locations,paths", [
    # a path is at the location that nginx takes for it
    ("location /a { ess_events audit; } location /a/ { ess_events other; }",
     {"/a": "audit", "/a/{event_id}": "other", "/a/": "other"}),
    ("location = /a { ess_events audit; } location /a { ess_events other; }",
     {"/a": "audit", "/a/{event_id}": "other", "/a/": "other"}),
    ("location /a { ess_events audit; location /a/ { ess_events other; } }"
     " location /a/ { return 204; }", {"/a": "audit"}),
    ("location /a { ess_events audit; location /a/ { ess_events other; } }",
     {"/a": "audit", "/a/{event_id}": "other", "/a/": "other"}),
    ("location /a { location /a { ess_events audit; } }",
     {"/a": "audit", "/a/{event_id}": "audit"}),
    ("location / { location /a { ess_events audit; } }",
     {"/a": "audit", "/a/{event_id}": "audit"}),
    ("location / { ess_events audit; }",
     {"/": "audit", "/{event_id}": "audit"}),
    ("location = /a { ess_events audit; }", {"/a": "audit"}),
    ("location = /a/ { ess_events audit; }", {"/a/": "audit"}),
    ("location /s/ { ess_subscribe; } location /s/x/ { ess_publish; }",
     {"/s/{stream}", "/s/x/{key}"}),
    ("location /s/ { ess_subscribe; location = /s/version { return 204; } }"
     " location /s { ess_publish; }", {"/s/{stream}"}),
    ("location = /e { ess_api; }", {"/e"}),
    ("location = /e/ { ess_api; }", {"/e/"}),
    ("location /e { ess_api; location = /e/version { return 204; } }",
     {"/e" + (p or "/") for p in API} - {"/e/version"}),
    ("location = /call { ess_rpc abc; } location /calls/ { ess_rpc abc; }",
     {"/call", "/calls/"}),
    ("location = /s { ess_subscribe $arg_s; } location /n/ { ess_subscribe"
     " name=news public; } location = /m { ess_subscribe multi; }",
     {"/s", "/n/", "/m"}),
    ("location = /p { ess_publish; }", set()),
    ("location ~ /p { ess_health; } location @p { ess_health; }", set()),
])
def test_paths_as_nginx_takes_them(nginx, tmp_path, locations, paths):
    n = nginx(PLACES, workers=1, db=str(tmp_path / "audit.db"),
              locations=locations)
    n.expect("connect\\(\\) failed")
    pairs = json.loads(get(n, "/openapi.json")[1], object_pairs_hook=list)
    listed = [path for path, _ in dict(pairs)["paths"]]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(paths)
    if isinstance(paths, dict):
        for path, item in json.loads(
                get(n, "/openapi.json")[1])["paths"].items():
            assert set(r for r in references(item) if "/Event_" in r) == {
                "#/components/schemas/Event_" + paths[path]}, path


def test_the_parts_are_those_of_the_page():
    at = importlib.util.spec_from_file_location(
        "openapi", os.path.join(TOP, "tools", "openapi.py"))
    module = importlib.util.module_from_spec(at)
    at.loader.exec_module(module)
    for name, text in module.parts().items():
        with open(os.path.join(TOP, "src", "openapi", name + ".json")) as f:
            assert f.read() == text, name


EVENTS = """
http {
    ess_event_log audit %%DB%% schema=%%SCHEMA%% id=event_id
                  time=timestamp type=type;
    server {
        listen 127.0.0.1:%%PORT0%%;
        location /v1/events      { ess_events audit; }
        location = /openapi.json { ess_openapi; }
    }
}
"""


def test_the_schema_of_an_event_log(nginx, tmp_path):
    n = nginx(EVENTS, workers=2, db=str(tmp_path / "audit.db"),
              schema=os.path.join(TOP, "conf", "event.schema.json"))
    spec = json.loads(get(n, "/openapi.json")[1])
    assert set(spec["paths"]) == {"/v1/events", "/v1/events/{event_id}"}
    for reference in set(references(spec)):
        found = spec
        for name in reference.split("/")[1:]:
            found = found[name]
    assert set(spec["components"]["schemas"]) == {
        "EventsDetail", "EventsResults", "Event_audit"}
    event = spec["components"]["schemas"]["Event_audit"]
    assert event["then"]["properties"]["event"]["$ref"] == (
        "#/components/schemas/Event_audit/$defs/UserEvent")
    assert "$schema" not in event
