"""docs/openapi.yaml says what the API answers: paths, methods, statuses and
the members of each answer."""

import json
import os
import re

import jsonschema
import pytest
import yaml

from api import Api
from clients import Clients
from nginx import TOP
from sse import EventSource
from wait import wait_for

CONF = """
http {
    ess_zone        streams 2m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_max_event   4k;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/      { ess_publish batch=3; }
        location = /healthz     { ess_health; }
        location = /metrics     { ess_metrics streams=2; }
    }
}
"""

with open(os.path.join(TOP, "docs", "openapi.yaml")) as f:
    SPEC = yaml.safe_load(f)


def resolve(part):
    while "$ref" in part:
        found = SPEC
        for name in part["$ref"].split("/")[1:]:
            found = found[name]
        part = found
    return part


def operation(method, path):
    for template, item in SPEC["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template.rstrip("/"))
        if re.fullmatch(pattern + "/?", path):
            return template, item.get(method.lower())
    raise AssertionError("no path is %s" % path)


class Checked:
    """Requests whose answers are compared with the document."""

    def __init__(self, api):
        self.api = api
        self.seen = set()

    def __call__(self, status, method, path, *args, **kwargs):
        r = self.api.request(method, path, *args, **kwargs)
        assert r.status == status, (path, r)
        template, op = operation(method, path.split("?")[0])
        if op is None:
            assert status == 405
            return r
        self.seen.add((template, method.lower(), str(status)))
        assert str(status) in op["responses"], (template, method, status)
        answer = resolve(op["responses"][str(status)])
        for name, header in answer.get("headers", {}).items():
            value = r.headers[name]
            if header.get("required"):
                assert value is not None
            if value is not None and "pattern" in header["schema"]:
                assert re.search(header["schema"]["pattern"], value)
        if "content" not in answer:
            assert not r.body
            return r
        kind = r.headers["Content-Type"].split(";")[0]
        schema = answer["content"][kind]["schema"]
        if kind.endswith("json"):
            jsonschema.Draft202012Validator(
                dict(schema, components=SPEC["components"])).validate(r.json())
        return r


@pytest.fixture
def checked(nginx, vhost):
    n = nginx(CONF, amqp=vhost.url)
    api = Api(n.port(1))
    wait_for(lambda: api.request("GET", "/healthz").status == 200, 20)
    return Checked(api)


def test_answers(checked, vhost):
    checked(200, "GET", "/event-stream/version")
    checked(200, "GET", "/event-stream/version/")
    made = checked(201, "POST", "/event-stream/",
                   {"routing_key": "abc"}).json()
    one = "/event-stream/%d" % made["id"]
    warned = checked(201, "POST", "/event-stream/",
                     {"routing_key": "a.*"}).json()
    assert "warning" in warned

    stream = {"routing_key": "s1", "source": "stream", "declare": True,
              "max_length_bytes": 10 ** 6, "max_age": "7D",
              "stream_max_segment_size_bytes": 10 ** 5}
    # the document takes what the API takes, and the other way round
    new = jsonschema.Draft202012Validator(SPEC["components"]["schemas"][
        "NewStream"])
    new.validate(stream)
    other = checked(201, "POST", "/event-stream/", stream).json()["id"]
    checked(409, "POST", "/event-stream/", dict(stream, max_age="8D"))
    named = {"routing_key": "n", "name": "orders", "key": "json:/a~1b",
             "log": {"size": "64k", "count": 5, "age": 60}}
    new.validate(named)
    checked(201, "POST", "/event-stream/", named)
    checked(409, "POST", "/event-stream/", named)
    checked(200, "GET", "/event-stream/orders")
    checked(204, "DELETE", "/event-stream/orders")
    for body in ({}, {"routing_key": ""}, {"routing_key": 1},
                 {"routing_key": "x" * 256},
                 dict(stream, source="x"), dict(stream, declare=1),
                 dict(stream, max_age="7"), dict(stream, max_length_bytes=0),
                 dict(stream, sourse="stream"), dict(named, name="a b"),
                 dict(named, key="region"), dict(named, log={}),
                 dict(named, log={"count": 0})):
        assert not new.is_valid(body), body
        checked(422, "POST", "/event-stream/", body)

    checked(400, "POST", "/event-stream/", "{",
            {"Content-Type": "application/json"})
    checked(415, "POST", "/event-stream/", "{}")
    checked(413, "POST", "/event-stream/", {"routing_key": "x" * 70000})
    checked(403, "POST", "/event-stream/", {"routing_key": "x"},
            {"Origin": "http://elsewhere.example"})
    checked(405, "PUT", "/event-stream/", {"routing_key": "x"})

    checked(200, "GET", "/event-stream/")
    for query in "limit=1&after=1", "search=ab", "details=1", "details=0":
        checked(200, "GET", "/event-stream/?" + query)
    checked(400, "GET", "/event-stream/?limit=0")
    checked(200, "GET", one)
    checked(200, "GET", "/event-stream/%d" % other)
    checked(404, "GET", "/event-stream/99")

    location = made["location"]
    sse = EventSource(location.replace("ws:", "http:"))
    with Clients([location]) as clients:
        wait_for(lambda: checked(200, "GET", one).json()["subscribers"] == 2)
        vhost.publish("abc", "x")
        clients.wait(1)
        found = checked(200, "GET", one + "/subscribers").json()["subscribers"]
        assert {s["transport"] for s in found} == {"websocket", "sse"}
        checked(400, "GET", one + "/subscribers?limit=0")
        checked(404, "GET", "/event-stream/99/subscribers")
        checked(403, "DELETE", "%s/subscribers/%d" % (one, found[0]["id"]),
                headers={"Origin": "http://elsewhere.example"})
        for s in found:
            checked(204, "DELETE", "%s/subscribers/%d" % (one, s["id"]))
        checked(404, "DELETE", one + "/subscribers/999999")
    sse.close()

    checked(202, "POST", "/publish/abc", "x")
    checked(202, "POST", "/publish/abc?batch=1", "[1, \"two\"]")
    checked(202, "POST", "/publish/%s?by=uuid" % location.split("/")[-1], "x")
    checked(404, "POST", "/publish/nobody", "x")
    checked(400, "POST", "/publish/abc?batch=1", "{}")
    checked(413, "POST", "/publish/abc?batch=1", "[1,2,3,4]")
    checked(413, "POST", "/publish/abc", "x" * 5000)
    checked(415, "POST", "/publish/abc", "x", {"Content-Encoding": "br"})
    for status, body in (202, "x"), (202, "x"), (422, "y"):
        checked(status, "POST", "/publish/abc", body,
                {"Idempotency-Key": '"one"'})
    checked(403, "POST", "/publish/abc", "x",
            {"Origin": "http://elsewhere.example"})

    checked(200, "GET", "/healthz")
    r = checked(200, "GET", "/metrics")
    assert "json" not in r.headers["Content-Type"]
    checked(200, "GET", "/metrics?format=json")
    checked(400, "GET", "/metrics?format=xml")

    checked(403, "DELETE", one, headers={"Origin": "http://elsewhere.example"})
    checked(204, "DELETE", one)
    checked(404, "DELETE", one)

    # the zone is full of streams, and health says so
    api = checked.api
    for i in range(100000):
        r = api.request("POST", "", {"routing_key": "k%d" % i})
        if r.status == 507:
            break
    checked(507, "POST", "/event-stream/", {"routing_key": "one too many"})
    checked(503, "GET", "/healthz")

    # those that take a stream of nginx.conf's, a broker, a store or a worker
    # that is away, or two requests at a time
    away = {(t, m, s) for t, m, s in
            ((t, m, s) for t, item in SPEC["paths"].items()
             for m, op in item.items() if m != "parameters"
             for s in op["responses"] if s != "default")} - checked.seen
    assert away == {
        ("/event-stream/", "post", "503"),
        ("/event-stream/{id}", "delete", "409"),
        ("/event-stream/{id}", "delete", "503"),
        ("/event-stream/{id}/subscribers", "get", "503"),
        ("/event-stream/{id}/subscribers/{sid}", "delete", "503"),
        ("/publish/{key}", "post", "409"),
        ("/publish/{key}", "post", "503")}


def test_answers_without_a_broker(nginx):
    n = nginx(CONF, amqp="amqp://127.0.0.1:1/")
    checked = Checked(Api(n.port(1)))
    checked(503, "POST", "/event-stream/", {"routing_key": "abc"})
    checked(503, "POST", "/publish/abc", "x")
    checked(503, "GET", "/healthz")
    checked(405, "GET", "/publish/abc")


def test_each_route_is_there():
    with open(os.path.join(TOP, "src", "api", "ngx_ess_api.c")) as f:
        routes = re.findall(r'\{ NGX_HTTP_(\w+), ngx_string\("(.*?)"\)',
                            f.read())
    paths = {(m.upper(), p[len("/event-stream/"):])
             for p, item in SPEC["paths"].items()
             if p.startswith("/event-stream/") for m in item
             if m != "parameters"}
    assert routes and set(routes) == paths


def test_the_schema_is_one_of_openapi():
    """What a validator of its own says is asked by make test-conf."""

    assert SPEC["openapi"].startswith("3.1.")
    for schema in SPEC["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    json.dumps(SPEC)


def test_metrics_have_the_members(checked):
    figures = checked(200, "GET", "/metrics?format=json").json()
    of_streams, *others = SPEC["components"]["schemas"]["Metrics"]["anyOf"]
    assert set(of_streams["required"]) <= set(figures)
    for of in others:
        assert not set(of["required"]) & set(figures)
