"""nginx's own access rules, in front of each location of the module."""

import base64
import http.client
import ssl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api import Api
from certificate import self_signed
from clients import Clients
from wait import wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;
    limit_req_zone  $request_uri zone=requests:1m rate=1r/m;
    limit_conn_zone $server_port zone=connections:1m;

    map $http_x_user $user_is_wrong {
        default     1;
        right       0;
    }

    server {
        listen 127.0.0.1:%%PORT0%% %%SSL%%;
        %%RULE%%

        location /event-stream/ { ess_subscribe; }
        location /api/          { ess_api; }
        location /publish/      { ess_publish; }
        location = /metrics     { ess_metrics; }
        location = /health      { ess_health; }
        location /console/      { ess_console; }

        location = /authorize {
            internal;
            auth_request off;
            if ($user_is_wrong) { return 403; }
            return 204;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


def basic(password):
    return {"Authorization": "Basic " + base64.b64encode(
        b"user:" + password).decode()}


def ask(n, stream, headers=None, **tls):
    """{location: status} of a request to each, those for events included."""

    headers = dict(headers or {})
    statuses = {}
    for name, method, path, body, more in (
            ("sse", "GET", "/event-stream/" + stream.uuid, None,
             {"Accept": "text/event-stream"}),
            ("websocket", "GET", "/event-stream/" + stream.uuid, None,
             {"Upgrade": "websocket", "Connection": "Upgrade",
              "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}),
            ("api", "GET", "/api/", None, {}),
            ("create", "POST", "/api/", '{"routing_key": "x"}',
             {"Content-Type": "application/json"}),
            ("publish", "POST", "/publish/abc", "x", {}),
            ("metrics", "GET", "/metrics", None, {}),
            ("health", "GET", "/health", None, {}),
            ("console", "GET", "/console/", None, {}),
            ("console's api", "GET", "/console/api/", None, {}),
            ("console's tail", "GET", "/console/tail/" + stream.uuid, None,
             {"Accept": "text/event-stream"})):
        c = (http.client.HTTPSConnection if tls else
             http.client.HTTPConnection)("127.0.0.1", n.port(0), timeout=20,
                                         **tls)
        try:
            c.request(method, path, body, dict(headers, **more))
            statuses[name] = c.getresponse().status
        finally:
            c.close()
    return statuses


GOOD = {"sse": 200, "websocket": 101, "api": 200, "create": 201,
        "publish": 202, "metrics": 200, "health": 200, "console": 200,
        "console's api": 200, "console's tail": 200}


@pytest.fixture
def service(nginx, tmp_path):
    def make(rule, ssl="", files=None):
        folder = tmp_path / "nginx"
        folder.mkdir()
        for name, data in dict({"users": b"user:{PLAIN}right\n"},
                               **(files or {})).items():
            (folder / name).write_bytes(data)
        n = nginx(CONF, rule=rule, ssl=ssl)
        return n, Api(n.port(1)).create("abc")
    return make


@pytest.mark.parametrize("rule, wrong, right, refusal", [
    ("auth_basic x; auth_basic_user_file %%DIR%%/users;",
     [{}, basic(b"wrong")], basic(b"right"), 401),
    ("auth_request /authorize;",
     [{}, {"X-User": "wrong"}], {"X-User": "right"}, 403),
    ("allow 192.0.2.1; deny all;", [{}], None, 403),
    ("allow 127.0.0.1; deny all;", [], {}, None),
    ("satisfy any; deny all; auth_basic x;"
     " auth_basic_user_file %%DIR%%/users;",
     [{}], basic(b"right"), 401),
    ("satisfy all; deny 192.0.2.1; auth_basic x;"
     " auth_basic_user_file %%DIR%%/users;",
     [{}], basic(b"right"), 401),
], ids=["auth_basic", "auth_request", "deny", "allow", "satisfy any",
        "satisfy all"])
def test_access(service, rule, wrong, right, refusal):
    n, stream = service(rule)
    for headers in wrong:
        assert set(ask(n, stream, headers).values()) == {refusal}
    if right is not None:
        assert ask(n, stream, right) == GOOD


def test_limit_req(service):
    n, stream = service("limit_req zone=requests;")
    first = ask(n, stream)
    # the same path of two of them is asked for twice
    assert {k: v for k, v in first.items() if v != 503} \
        == {k: v for k, v in GOOD.items() if k not in ("websocket", "create")}
    assert set(ask(n, stream).values()) == {503}


def test_limit_conn(service):
    n, stream = service("limit_conn connections 2;")
    with Clients([stream.location] * 2):
        assert set(ask(n, stream).values()) == {503}
    wait_for(lambda: ask(n, stream) == GOOD)


def certificate():
    """(certificate, key) in PEM."""

    key = ec.generate_private_key(ec.SECP256R1())
    return (self_signed(key),
            key.private_bytes(serialization.Encoding.PEM,
                              serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption()))


def test_client_certificates(service, tmp_path):
    ours, theirs, other = certificate(), certificate(), certificate()
    n, stream = service("""
        ssl_certificate        %%DIR%%/cert;
        ssl_certificate_key    %%DIR%%/key;
        ssl_verify_client      on;
        ssl_client_certificate %%DIR%%/client;""", "ssl", {
            "cert": ours[0], "key": ours[1], "client": theirs[0]})

    def context(pair=None):
        c = ssl._create_unverified_context()
        if pair:
            path = tmp_path / "pair"
            path.write_bytes(pair[0] + pair[1])
            c.load_cert_chain(str(path))
        return c

    assert set(ask(n, stream, context=context()).values()) == {400}
    assert set(ask(n, stream, context=context(other)).values()) == {400}
    assert ask(n, stream, context=context(theirs)) == GOOD
