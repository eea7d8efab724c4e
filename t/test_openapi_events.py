"""What ess_openapi says of locations of ess_events is what they answer: each
answer is asked for, and each that comes is in the document."""

import json
import os
import re
import urllib.request

import jsonschema
import pytest

from clients import Clients
from events import Events, event
from nginx import TOP
from sse import followed
from tokens import start, token
from wait import wait_for

CONF = """
http {
    %%ZONE%%
    ess_event_log audit %%DIR%%/audit.db id=event_id time=timestamp type=type;
    ess_event_log taken %%DIR%%/taken.db;
    ess_event_log away  %%DIR%%/gone/away.db;

    server {
        listen 127.0.0.1:%%PORT0%%;
        client_max_body_size 4k;

        location /plain  { ess_events audit; }
        location /strict { ess_events audit strict; }
        location /taken  { ess_events taken; }
        location /away   { ess_events away; }

        location /token { ess_events audit; ess_jwt key=key alg=HS256; }
        location /asked { ess_events audit; auth_request /door; }
        location = /door {
            internal;
            if ($http_x_badge) { return 403; }
            return 401;
        }
        location /basic {
            ess_events audit;
            auth_basic ESS;
            auth_basic_user_file /dev/null;
        }
        location /few { ess_events audit; allow 192.0.2.1; deny all; }
        location /writers {
            ess_events audit;
            limit_except GET { allow 192.0.2.1; deny all; }
        }
        location /read-only  { ess_events audit; limit_except GET { deny all; } }
        location /write-only {
            ess_events audit;
            limit_except POST { deny all; }
        }
        location /nobody { ess_events audit; deny all; }
        location /either {
            ess_events audit;
            satisfy any;
            deny all;
            auth_basic ESS;
            auth_basic_user_file /dev/null;
        }

        location = /openapi.json { ess_openapi; }
    }
}
"""

STREAM = {"Accept": "text/event-stream"}
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket",
           "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
OLD = dict(UPGRADE, **{"Sec-WebSocket-Version": "7"})
FOREIGN = {"Origin": "https://elsewhere.example"}
ONE = json.dumps([event(1)])


class Spec:
    def __init__(self, n):
        with urllib.request.urlopen("http://127.0.0.1:%d/openapi.json"
                                    % n.port()) as answer:
            self.spec = json.loads(answer.read())
        self.port = n.port()
        self.seen = set()

    def resolve(self, part):
        while "$ref" in part:
            found = self.spec
            for name in part["$ref"].split("/")[1:]:
                found = found[name]
            part = found
        return part

    def operations(self, location):
        """(method, path, status), of all that is said of a location."""

        return {(method, path, status)
                for path, item in self.spec["paths"].items()
                if path.split("/")[1] == location
                for method, op in item.items() if method != "parameters"
                for status in op["responses"] if status != "default"}

    def named(self, path, method="get"):
        return [self.resolve(p)["name"] for p in
                self.spec["paths"][path][method].get("parameters", [])]

    def ask(self, status, method, path, body=None, headers=None):
        """A request, whose answer is the one that the document has."""

        events = Events(self.port, "")
        template = path.split("?")[0]
        if template.count("/") == 2:
            template = template[:template.rindex("/")] + "/{event_id}"
        said = self.resolve(self.spec["paths"][template][method]["responses"][
            str(status)])
        self.seen.add((method, template, str(status)))

        if status < 400 and headers and headers.keys() & {"Accept", "Upgrade"}:
            with followed("http://127.0.0.1:%d%s" % (self.port, path),
                          headers=headers) as source:
                assert source.status == status
                if status == 200:
                    assert source.headers["content-type"] in said["content"]
            return

        answer = events.request(method.upper(), path, body, headers)
        assert answer.status == status, (path, answer)
        for name in said.get("headers", {}):
            # what auth_request asks may say none
            assert name == "Link" or path.startswith("/asked") \
                or answer.headers[name], (path, name)
        schema = said["content"][answer.headers["Content-Type"]]["schema"]
        jsonschema.Draft202012Validator(
            {"components": self.spec["components"], **schema}).validate(
                answer.json())
        events.close()


@pytest.fixture
def spec(nginx):
    def make(zone=""):
        n = nginx(CONF, workers=2, start=False, zone=zone)
        n.expect("unable to open database file|disk I/O error")
        start(n)
        os.rename(n.path("gone"), n.path("elsewhere"))
        return Spec(n)
    return make


def test_each_answer(spec):
    s = spec("ess_zone streams 8m; ess_public_url ws://127.0.0.1/;"
             " ess_stream taken;")
    s.ask(200, "post", "/plain", ONE)
    s.ask(400, "post", "/plain", "{}")
    s.ask(403, "post", "/plain", ONE, FOREIGN)
    s.ask(413, "post", "/plain", b"x" * 5000)
    s.ask(415, "post", "/plain", ONE, {"Content-Encoding": "br"})
    s.ask(200, "get", "/plain")
    s.ask(200, "get", "/plain?from=0&size=1")
    s.ask(200, "get", "/plain", None, STREAM)
    s.ask(101, "get", "/plain", None, UPGRADE)
    s.ask(400, "get", "/plain?size=0")
    s.ask(400, "get", "/plain?stream_from_datetime=x", None, STREAM)
    s.ask(403, "get", "/plain", None, dict(STREAM, **FOREIGN))
    s.ask(426, "get", "/plain", None, OLD)
    s.ask(200, "get", "/plain/e_1")
    s.ask(404, "get", "/plain/e_2")
    for name in ("ordinal=0", "timestamp=0", "datetime=2024-01-01"):
        s.ask(200, "get", "/plain?stream_from_" + name, None, STREAM)

    # a stream of another source has its name; its database is none
    s.ask(409, "get", "/taken", None, STREAM)
    for path in "/away", "/away/x":
        s.ask(503, "get", path)
    s.ask(503, "post", "/away", "[{}]")
    s.ask(503, "get", "/away", None, STREAM)

    # all of them were asked for
    seen = {(method, "/".join(["", "plain", *path.split("/")[2:]]), status)
            for method, path, status in s.seen}
    assert seen == s.operations("plain")

    # strict
    s.ask(422, "post", "/strict", "[{}]")
    s.ask(200, "post", "/strict", json.dumps(event(2)))
    assert s.operations("strict") - {("post", "/strict", "422")} == {
        (m, p.replace("plain", "strict"), x)
        for m, p, x in s.operations("plain")}
    assert {"stream_from_ordinal", "stream_from_timestamp", "from",
            "stream_from_datetime", "Last-Event-ID"} <= set(s.named("/plain"))
    assert len(s.named("/plain")) == len(set(s.named("/plain")))


def test_without_followers(spec):
    s = spec()
    s.ask(406, "get", "/plain", None, STREAM)
    s.ask(501, "get", "/plain", None, UPGRADE)
    statuses = {x for m, p, x in s.operations("plain")
                if (m, p) == ("get", "/plain")}
    assert statuses == {"200", "400", "406", "501", "503"}
    assert not [n for n in s.named("/plain") if "tream" in n or "Last" in n]
    assert "from" in s.named("/plain")
    assert list(s.spec["paths"]["/plain"]["get"]["responses"]["200"][
        "content"]) == ["application/json"]


def test_who_may(spec):
    """Rules are in it, of each method; what nobody may do is not."""

    s = spec()
    doors = {}
    for name in ("plain", "token", "asked", "basic", "few", "writers",
                 "read-only", "write-only", "nobody", "either"):
        doors[name] = {
            (method + "/".join([""] + path.split("/")[2:]),
             *sorted(x for m, p, x in s.operations(name)
                     if (m, p) == (method, path) and x in ("401", "403")))
            for method, path, _ in s.operations(name)}

    def all_of(*statuses):
        return {("get", *statuses), ("get/{event_id}", *statuses),
                ("post", *sorted({*statuses, "403"}))}

    assert doors == {
        "plain": all_of(),
        "token": all_of("401"), "basic": all_of("401"),
        "asked": all_of("401", "403"), "either": all_of("401"),
        "few": all_of("403"), "writers": all_of(),
        "read-only": all_of() - {("post", "403")},
        "write-only": {("post", "403")}, "nobody": set()}

    for path in "/asked", "/basic", "/token", "/either":
        s.ask(401, "get", path)
        s.ask(401, "post", path, ONE)
        s.ask(401, "get", path + "/e_1")
    badge = {"X-Badge": "old"}
    for path in "/few", "/few/e_1", "/asked", "/asked/e_1":
        s.ask(403, "get", path, None, badge)
    for path in "/few", "/writers", "/asked":
        s.ask(403, "post", path, ONE, badge)
    s.ask(200, "get", "/token", None,
          {"Authorization": "Bearer " + token()})
    s.ask(200, "get", "/read-only")
    s.ask(200, "post", "/write-only", ONE)
    assert Events(s.port, "/nobody").get().status == 403
    assert Events(s.port, "/write-only").get().status == 403
    assert Events(s.port, "/read-only").post(ONE).status == 403


def test_the_table_of_refusals(spec):
    """docs/events.md has those of the document, and those that no operation
    of it can have."""

    with open(os.path.join(TOP, "docs", "events.md")) as f:
        rows = re.findall(r"(?m)^\| ([1-5]\d\d[^|]*)\|", f.read())
    listed = [x for row in rows for x in re.findall(r"\d{3}", row)]
    said = set()
    for zone in "", "ess_zone streams 8m;":
        s = spec(zone)
        for path in s.spec["paths"]:
            said |= {x for _, _, x in s.operations(path.split("/")[1])
                     if x >= "400"}
    assert sorted(listed) == sorted(said | {"405", "500"})
