"""ess_jwt: tokens at the door.  They are made by another implementation."""

import base64
import glob
import hashlib
import hmac
import json
import os
import re
import socket
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from api import Api
from certificate import self_signed
from clients import Clients, RawWS
from sse import EventSource, Http2EventSource
from wait import wait_for

SECRET = b"0123456789abcdef0123456789abcdef"

PRIVATE = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "HS256": SECRET,
}

CONF = """
http {
    ess_zone        streams 16m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=8m count=1000 age=1h;
    ess_ping        0;
    ess_drain       0;
    ess_request     %%REQUEST%%;
    large_client_header_buffers 4 32k;
    log_format      all '$request|$request_uri|$args|$query_string|'
                        '$arg_token|$uri|$ess_jwt_sub';
    access_log      %%DIR%%/all.log all;
    limit_req_zone  $server_port zone=requests:1m rate=1r/m;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        keepalive_requests 1000000;

        location /event-stream/ {
            ess_subscribe;
            ess_jwt %%JWT%%;
            %%MORE%%
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location = /metrics { ess_metrics; }
    }
}
"""


def public(alg):
    return PRIVATE[alg].public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo)


def number(n, size=None):
    return base64.urlsafe_b64encode(n.to_bytes(
        size or (n.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def jwk(alg, **more):
    if alg == "HS256":
        key = {"kty": "oct", "k": base64.urlsafe_b64encode(
            SECRET).rstrip(b"=").decode()}
    elif alg == "RS256":
        n = PRIVATE[alg].public_key().public_numbers()
        key = {"kty": "RSA", "n": number(n.n), "e": number(n.e)}
    elif alg == "ES256":
        n = PRIVATE[alg].public_key().public_numbers()
        key = {"kty": "EC", "crv": "P-256", "x": number(n.x, 32),
               "y": number(n.y, 32)}
    else:
        raw = PRIVATE[alg].public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        key = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(
            raw).rstrip(b"=").decode()}
    return dict(key, **more)


def token(alg="HS256", key=None, headers=None, **claims):
    claims.setdefault("exp", int(time.time()) + 600)
    return jwt.encode({k: v for k, v in claims.items() if v is not None},
                      key or PRIVATE[alg], alg, headers=headers)


def part(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(header, claims, key=SECRET):
    """Signed as HS256, whatever the header says."""

    text = part(header) + "." + part(claims)
    return text + "." + part(hmac.new(key, text.encode(),
                                      hashlib.sha256).digest())


@pytest.fixture
def service(nginx, tmp_path):
    def make(directive="key=%%DIR%%/key alg=HS256", workers=2, more="",
             request="keep", files=None, conf=CONF):
        folder = tmp_path / "nginx"
        folder.mkdir(exist_ok=True)
        for name, text in dict({"key": SECRET}, **(files or {})).items():
            (folder / name).write_bytes(text)
            (folder / name).chmod(0o600)
        n = nginx(conf.replace("%%JWT%%", directive), workers=workers,
                  more=more, request=request)
        return n, Api(n.port(1)), Api(n.port(0))
    return make


def status(public, stream, token=None, query="", **headers):
    """Of an SSE request that is refused."""

    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    headers.setdefault("Accept", "text/event-stream")
    if token is not None:
        headers["Authorization"] = "Bearer " + token
    return public.request("GET", "/event-stream/" + stream.uuid + query,
                          headers=headers)


def refused(public, stream, *args, **kwargs):
    r = status(public, stream, *args, **kwargs)
    assert r.status == 401, r
    assert r.headers["WWW-Authenticate"] in (
        "Bearer", 'Bearer error="invalid_token"')


def enters(stream, token=None, query="", **headers):
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    if token is not None:
        headers["Authorization"] = "Bearer " + token
    with EventSource(stream.http + query, headers=headers) as source:
        assert source.status == 200, headers
    with RawWS.of(stream.location + query) as ws:
        ws.handshake(**{k.replace("-", "_"): v for k, v in headers.items()})
        assert ws.status == 101


def rejected(api, reason="token"):
    r = api.request("GET", "/metrics?format=json").json()
    return r["rejected_requests_total"][reason]


@pytest.mark.parametrize("alg, form", [
    (alg, form) for alg in sorted(PRIVATE)
    for form in ("key", "jwks", "certificate")
    if (alg, form) != ("HS256", "certificate")])
def test_algorithms(service, alg, form):
    if form == "key":
        files = {"key": SECRET if alg == "HS256" else public(alg)}
        directive = "key=%%DIR%%/key alg=" + alg
    elif form == "jwks":
        files = {"jwks": json.dumps({"keys": [
            jwk(a, kid=a) for a in PRIVATE]}).encode()}
        directive = "jwks=%%DIR%%/jwks alg=" + alg
    else:
        files = {"key": self_signed(PRIVATE[alg])}
        directive = "key=%%DIR%%/key alg=" + alg
    n, api, public_ = service(directive, files=files)
    stream = api.create("abc")
    enters(stream, token(alg))
    enters(stream, token(alg, headers={"kid": alg}))
    refused(public_, stream)
    for other in PRIVATE:
        if other != alg:
            refused(public_, stream, token(other))
    if form == "jwks":
        refused(public_, stream, token(alg, headers={"kid": "other"}))


def test_keys_are_rotated(service):
    """Two at a time; a reload takes others, and clients stay."""

    new = ec.generate_private_key(ec.SECP256R1())
    n, api, public_ = service(
        "jwks=%%DIR%%/jwks alg=HS256 alg=ES256", files={
            "jwks": json.dumps({"keys": [jwk("HS256", kid="old")]}).encode()})
    stream = api.create("abc")
    old = token(headers={"kid": "old"})
    fresh = token("ES256", headers={"kid": "new"})
    refused(public_, stream, fresh)
    with Clients([stream.location], headers={
            "Authorization": "Bearer " + old}) as clients:
        with open(n.path("jwks"), "w") as f:
            json.dump({"keys": [jwk("HS256", kid="old"),
                                jwk("ES256", kid="new")]}, f)
        n.reload()
        enters(stream, old)
        enters(stream, fresh)
        clients.wait_closed()
    with open(n.path("jwks"), "w") as f:
        json.dump({"keys": [jwk("ES256", kid="new")]}, f)
    n.reload()
    refused(public_, stream, old)
    enters(stream, fresh)
    refused(public_, stream, token("ES256", new, headers={"kid": "new"}))


WHERE = {
    "header": lambda t: ("", {"Authorization": "Bearer " + t}),
    "arg:token": lambda t: ("?token=" + t, {}),
    "cookie:session": lambda t: ("", {"Cookie": "a=b; session=" + t}),
    "protocol": lambda t: ("", {"Sec-WebSocket-Protocol": "ess.jwt, " + t}),
}


@pytest.mark.parametrize("where", sorted(WHERE))
def test_where_the_token_is(service, where):
    n, api, public_ = service("key=%%DIR%%/key alg=HS256 token=" + where)
    stream = api.create("abc")
    for place in WHERE:
        query, headers = WHERE[place](token())
        if place == where:
            enters(stream, query=query, **headers)
            enters(stream, query=query.replace("t", "%74", 1), **headers)
            query, headers = WHERE[place](token() + "x")
        refused(public_, stream, query=query, **headers)


def test_the_protocol_is_answered(service):
    """What a browser does: new WebSocket(url, ["ess.jwt", token])."""

    n, api, public_ = service()
    stream = api.create("abc")
    for offer in ("ess.jwt, %s", "ess.jwt,%s", "chat, ess.jwt, %s",
                  "ess.jwt, %s, chat"):
        ws = RawWS.of(stream.location)
        with ws:
            ws.handshake(Sec_WebSocket_Protocol=offer % token())
            assert ws.status == 101
            assert ws.headers["sec-websocket-protocol"] == "ess.jwt"
    for offer in ("ess.jwt", "%s, ess.jwt", "ess.jwt, chat, %s",
                  "ESS.JWT, %s", "%s", "ess.jwt, %s, ess.jwt, %s"):
        ws = RawWS.of(stream.location)
        with ws:
            ws.handshake(Sec_WebSocket_Protocol=offer.replace("%s", token()))
            assert ws.status == 401, offer


def test_several_tokens(service):
    """Not one of them gets in, so nobody can be deceived about which."""

    n, api, public_ = service(
        "key=%%DIR%%/key alg=HS256 token=header token=protocol "
        "token=arg:token token=cookie:session")
    stream = api.create("abc")
    good, bad = token(), token() + "x"
    for place in WHERE:
        query, headers = WHERE[place](good)
        enters(stream, query=query, **headers)
        for other in WHERE:
            if other != place:
                for t in good, bad:
                    q, h = WHERE[other](t)
                    refused(public_, stream, query=query + q,
                            **dict(headers, **h))
    for query in ("?token=%s&token=%s", "?token=x&token=%s",
                  "?token=%s&token=", "?a&token=%s&TOKEN=x",
                  "?token=%s&%74oken=x"):
        refused(public_, stream, query=query.replace("%s", good))
    refused(public_, stream, Cookie="session=%s; session=%s" % (good, good))
    # two lines of the header
    for line in "Authorization: Bearer %s", "Cookie: session=%s":
        ws = RawWS.of(stream.location)
        with ws:
            ws.request(**{"X": "y\r\n%s\r\n%s" % (line % good, line % good)})
            ws.response()
            assert ws.status in (400, 401), line


def attacks():
    now = int(time.time())
    good = token()
    head, body, signature = good.split(".")
    claims = {"exp": now + 600}
    yield "no token", None
    yield "empty", ""
    yield "not a token", "x"
    yield "two parts", head + "." + body
    yield "four parts", good + ".x"
    yield "another secret", token(key=SECRET[::-1])
    yield "expired", token(exp=now - 1)
    yield "expired long ago", token(exp=1)
    yield "future", token(nbf=now + 60)
    yield "without exp", token(exp=None)
    yield "exp a string", by_hand({"alg": "HS256"}, {"exp": str(now + 600)})
    yield "unsigned", head + "." + body + "."
    yield "alg none", part({"alg": "none"}) + "." + body + "."
    yield "alg None", part({"alg": "None"}) + "." + body + "." + signature
    for name in "none", "nOnE", "HS512", "RS256", "ES256", "EdDSA", "hs256":
        yield "signed, but alg " + name, by_hand({"alg": name}, claims)
    yield "alg twice", by_hand(b'{"alg":"none","alg":"HS256"}', claims)
    yield "crit", by_hand({"alg": "HS256", "crit": ["exp"]}, claims)
    yield "jwk of its own", by_hand(
        {"alg": "HS256", "jwk": {"kty": "oct", "k": part(b"x" * 32)}}, claims,
        b"x" * 32)
    yield "header no object", by_hand([1], claims)
    yield "payload no object", by_hand({"alg": "HS256"}, [claims])
    yield "payload no JSON", by_hand({"alg": "HS256"}, b"{")
    yield "NUL", by_hand(b'{"alg":"HS256\\u0000"}', claims)
    yield "padding", good + "="
    yield "blank", good + " x"
    yield "percent", good.replace(".", "%2E")
    yield "oversized", by_hand({"alg": "HS256"}, dict(claims, x="x" * 6500))
    yield "wrong audience", token(aud="somebody else")
    yield "payload of another", part({"alg": "HS256"}) + "." + part(
        dict(claims, admin=True)) + "." + signature
    for i in range(1, len(good), 7):
        yield "truncated to %d" % i, good[:i]
    for i in range(len(good) - 1, len(head), -9):
        c = "A" if good[i] != "A" else "B"
        yield "changed at %d" % i, good[:i] + c + good[i + 1:]


def test_attacks(service):
    n, api, public_ = service()
    stream = api.create("abc")
    enters(stream, token())
    count = rejected(api)
    assert count == 0
    for name, t in attacks():
        refused(public_, stream, t)
        ws = RawWS.of(stream.location)
        with ws:
            ws.handshake(Authorization=t and "Bearer " + t)
            assert ws.status == 401, name
        count += 2
        assert rejected(api) == count, name
    enters(stream, token())
    wait_for(lambda: api.get(stream)["subscribers"] == 0)


def test_a_public_key_is_no_secret(service):
    """The algorithm is the key's, not the token's."""

    n, api, public_ = service("jwks=%%DIR%%/jwks alg=RS256 alg=HS256", files={
        "jwks": json.dumps({"keys": [jwk("RS256", kid="1")]}).encode()})
    stream = api.create("abc")
    enters(stream, token("RS256"))
    for key in public("RS256"), public("RS256").rstrip(b"\n"):
        for kid in {}, {"kid": "1"}:
            refused(public_, stream, by_hand(
                dict({"alg": "HS256"}, **kid),
                {"exp": int(time.time()) + 600}, key))


def test_audience_issuer_leeway(service):
    n, api, public_ = service("key=%%DIR%%/key alg=HS256 aud=ess iss=me "
                              "leeway=30s exp=optional")
    stream = api.create("abc")
    now = int(time.time())
    enters(stream, token(aud="ess", iss="me"))
    enters(stream, token(aud=["x", "ess"], iss="me", exp=None))
    enters(stream, token(aud="ess", iss="me", exp=now - 20, nbf=now + 20))
    for claims in ({"aud": "ess"}, {"iss": "me"}, {"aud": "x", "iss": "me"},
                   {"aud": "ess", "iss": "Me"}, {"aud": [], "iss": "me"},
                   {"aud": "ess", "iss": "me", "exp": now - 40},
                   {"aud": "ess", "iss": "me", "nbf": now + 60}):
        refused(public_, stream,
                by_hand({"alg": "HS256"}, dict({"exp": now + 600}, **claims)))


def test_streams_of_a_claim(service):
    n, api, public_ = service("key=%%DIR%%/key alg=HS256 streams=read")
    stream, other = api.create("abc"), api.create("abc")
    enters(stream, token(read=[other.uuid, stream.uuid]))
    enters(stream, token(read=stream.uuid))
    enters(stream, token(read=["*"]))
    refusals = [{}, {"read": []}, {"read": [other.uuid]},
                {"read": other.uuid}, {"read": stream.uuid[:-1]},
                {"read": stream.uuid + "x"}, {"read": [[stream.uuid]]},
                {"read": {stream.uuid: 1}}, {"Read": stream.uuid},
                {"read": [stream.uuid.upper() + "x", "**", ""]},
                {"read": [stream.uuid + "#key", stream.uuid + "#*"]}]
    for claims in refusals:
        assert status(public_, stream, token(**claims)).status == 403, claims
        ws = RawWS.of(stream.location)
        with ws:
            ws.handshake(Authorization="Bearer " + token(**claims))
            assert ws.status == 403
    assert rejected(api, "claim") == 2 * len(refusals)
    assert rejected(api) == 0


@pytest.mark.parametrize("request_, ping", [
    ("keep", "0"), ("release", "0"), ("keep", "1s 5s"), ("release", "1m")])
def test_a_token_expires(service, request_, ping):
    n, api, public_ = service(request=request_, conf=CONF.replace(
        "ess_ping        0;", "ess_ping %s;" % ping))
    stream = api.create("abc")
    # all are there before
    exp = int(time.time()) + 8
    short, long = token(exp=exp), token()
    url = stream.location
    with Clients([url] * 9, headers={"Authorization": "Bearer " + short}
                 ) as clients, \
            Clients([url] * 3, headers={"Authorization": "Bearer " + long}
                    ) as others, \
            EventSource(url.replace("ws:", "http:"), headers={
                "Authorization": "Bearer " + short}) as source:
        assert api.request("POST", "/publish/abc", "x").status == 202
        clients.wait(1)
        source.wait(1)
        clients.wait_closed(20)
        source.wait_closed(20)
        assert exp <= time.time()
        assert {(c.close_code, c.close_reason) for c in clients} \
            == {(3000, "token expired")}
        assert source.complete
        refused(public_, stream, short)
        assert api.request("POST", "/publish/abc", "y").status == 202
        others.wait(2)
        assert not any(c.closed for c in others)


def test_no_token_in_a_log(service):
    n, api, public_ = service(
        "key=%%DIR%%/key alg=HS256 token=header token=protocol "
        "token=arg:token token=cookie:session streams=read",
        more="limit_req zone=requests;")
    stream = api.create("abc")
    seen = []

    def made(**claims):
        seen.append(token(**claims))
        return seen[-1]

    for claims in {"sub": "me", "read": "*"}, {}, {"exp": 1}:
        for _ in range(2):
            for place in WHERE:
                query, headers = WHERE[place](made(**claims))
                status(public_, stream, query=query, Accept="", **headers)
            for query in ("?a=b&token=%s&c=d", "?token=%s&token=%s",
                          "?TOKEN=%s", "?Token=x&token=%s",
                          "?%%74oken=%s", "?a&%%54%%6fkeN=%s&b",
                          "?%%zz&%%7&token=%s&%"):
                status(public_, stream, Accept="",
                       query=query.replace("%%", "%").replace(
                           "%s", made(**claims)))
    assert n.stop() == 0
    logs = glob.glob(n.path("*.log"))
    assert len(logs) >= 2
    for log in logs:
        with open(log) as f:
            text = f.read()
        for t in seen:
            for p in t.split(".")[1:]:
                assert p not in text, (log, p)
    text = n._read("all.log")
    assert re.search(r"\?a=b&token=\*+&c=d HTTP/1.1\|", text)
    assert "limiting requests" in n.log()


def test_no_token_in_a_log_over_http2(service):
    n, api, public_ = service(
        "key=%%DIR%%/key alg=HS256 token=arg:token", conf=CONF.replace(
            "%%PORT0%% reuseport", "%%PORT0%% http2 reuseport"))
    stream = api.create("abc")
    t = token(sub="me")
    with Http2EventSource(stream.http + "?x=1&token=" + t) as source:
        assert source.head.startswith(b"HTTP/2 200")
        assert api.request("POST", "/publish/abc", "x").status == 202
        assert source.wait(1)[0].data == "x"
    wait_for(lambda: "|me" in n._read("all.log"))
    assert n.stop() == 0
    for log in glob.glob(n.path("*.log")):
        with open(log) as f:
            assert t.split(".")[2] not in f.read()


def test_variables(service):
    n, api, public_ = service(more="""
        add_header X-Sub "$ess_jwt_sub" always;
        add_header X-All "$ess_jwt_n,$ess_jwt_f,$ess_jwt_l,$ess_jwt_none"
                         always;
        add_header X-Exp "$ess_jwt_exp" always;""")
    stream = api.create("abc")
    t = token(sub='a"b', n=17, f=1.5, l=[1, {"x": None}], exp=2000000000)
    with EventSource(stream.http, headers={
            "Authorization": "Bearer " + t}) as source:
        assert source.headers["x-sub"] == 'a"b'
        assert source.headers["x-all"] == '17,1.5,[1,{"x":null}],'
        assert source.headers["x-exp"] == "2000000000"
    r = status(public_, stream, t + "x")
    assert r.status == 401 and r.headers["X-Sub"] is None


def test_beside_other_access_rules(service):
    """satisfy any: a password or a token; satisfy all: both."""

    def basic(password):
        return {"Authorization": "Basic " + base64.b64encode(
            b"user:" + password).decode()}

    n, api, public_ = service(
        "key=%%DIR%%/key alg=HS256 token=header token=arg:token",
        files={"users": b"user:{PLAIN}right\n"},
        more="satisfy any; auth_basic x; "
             "auth_basic_user_file %%DIR%%/users;")
    stream = api.create("abc")
    enters(stream, token())
    enters(stream, **basic(b"right"))
    assert status(public_, stream, **basic(b"wrong")).status == 401
    assert status(public_, stream, token() + "x").status == 401
    n.names["more"] = n.names["more"].replace("any", "all")
    n.write_conf(CONF.replace("%%JWT%%", "key=%%DIR%%/key alg=HS256 "
                              "token=header token=arg:token"))
    n.reload()
    for query, headers in (("", {}), ("", basic(b"right")),
                           ("?token=" + token(), {}),
                           ("?token=" + token(), basic(b"wrong"))):
        assert status(public_, stream, query=query, **headers).status == 401
    enters(stream, query="?token=" + token(), **basic(b"right"))


def test_in_front_of_everything(service):
    conf = CONF.replace("location /event-stream/ { ess_api; }", """
        ess_jwt key=%%DIR%%/key alg=HS256;
        location /event-stream/ { ess_api; }
        location /open/ { ess_api; ess_jwt off; }""")
    n, api, public_ = service(conf=conf)
    assert api.request("GET").status == 401
    assert api.request("POST", "/publish/x", "x").status == 401
    assert api.request("GET", "/metrics").status == 401
    assert api.request("GET", "/open/version").status == 200
    headers = {"Authorization": "Bearer " + token()}
    assert api.request("POST", body={"routing_key": "x"},
                       headers=headers).status == 201
    assert api.request("POST", "/publish/x", "x",
                       headers=headers).status == 202
    r = api.request("GET", "/metrics?format=json", headers=headers).json()
    assert r["rejected_requests_total"]["token"] == 3


def test_guesses(service):
    """100,000 of them, at uuids."""

    n, api, public_ = service("off", workers=2)
    streams = [api.create("abc") for _ in range(100)]
    taken = {s.uuid for s in streams}
    guesses = 100000
    with socket.create_connection(("127.0.0.1", n.port(0))) as s:
        got, sent, buffer = 0, 0, b""
        while got < guesses:
            if sent - got < 500 and sent < guesses:
                lines = []
                while sent < guesses and len(lines) < 500:
                    uuid = os.urandom(16).hex()
                    assert uuid not in taken
                    lines.append("GET /event-stream/%s HTTP/1.1\r\nHost: x\r\n"
                                 "Accept: text/event-stream\r\n\r\n" % uuid)
                    sent += 1
                s.sendall("".join(lines).encode())
            data = s.recv(1 << 16)
            assert data
            buffer += data
            found = buffer.count(b"HTTP/1.1 404 ")
            assert buffer.count(b"HTTP/1.1 ") - found <= 1
            got += found
            # what may be the beginning of the next one
            buffer = buffer[buffer.rfind(b"HTTP/1.1 404 ") + 13:] \
                if found else buffer
    assert rejected(api, "stream") == guesses


WRONG = [
    ("", "number of arguments"),
    ("on", r'"on".*key=.*streams='),
    ("key=%%DIR%%/key", 'needs "alg="'),
    ("alg=HS256", 'takes one of "key=" and "jwks="'),
    ("key=%%DIR%%/key jwks=%%DIR%%/key alg=HS256", 'one of "key=" and "jwks'),
    ("key=%%DIR%%/key key=%%DIR%%/key alg=HS256", 'one "key="'),
    ("key= alg=HS256", 'one "key="'),
    ("key=%%DIR%%/key alg=none", "HS256, RS256, ES256 or EdDSA"),
    ("key=%%DIR%%/key alg=hs256", "HS256, RS256, ES256 or EdDSA"),
    ("key=%%DIR%%/key alg=HS256 alg=HS256", "each once"),
    ("key=%%DIR%%/key alg=HS256 alg=RS256", '"key=" takes one "alg="'),
    ("key=%%DIR%%/key alg=HS256 aud=", '"aud="'),
    ("key=%%DIR%%/key alg=HS256 iss=a iss=b", '"iss="'),
    ("key=%%DIR%%/key alg=HS256 exp=off", '"exp=optional"'),
    ("key=%%DIR%%/key alg=HS256 leeway=2h", "up to 1h"),
    ("key=%%DIR%%/key alg=HS256 leeway=x", "up to 1h"),
    ("key=%%DIR%%/key alg=HS256 token=body", '"arg:name"'),
    ("key=%%DIR%%/key alg=HS256 token=arg:", '"arg:name"'),
    ("key=%%DIR%%/key alg=HS256 token=header token=header", "each once"),
    ("key=%%DIR%%/key alg=HS256 streams=", '"streams="'),
    ("key=%%DIR%%/key alg=HS256; ess_jwt off", "is duplicate"),
    ("key=%%DIR%%/none alg=HS256",
     r'"key" of "ess_jwt", "\S+/none", cannot be opened'),
    ("jwks=%%DIR%% alg=HS256", r'"jwks" of "ess_jwt".*regular file'),
    ("key=%%DIR%%/short alg=HS256", "less than 32 bytes"),
    ("key=%%DIR%%/key alg=RS256", "is no public key"),
    ("key=%%DIR%%/ec alg=RS256", "is no RSA key"),
    ("key=%%DIR%%/ec alg=EdDSA", "is no Ed25519 key"),
    ("key=%%DIR%%/weak alg=RS256", "less than 2048 bits"),
    ("jwks=%%DIR%%/key alg=HS256", "is no JSON Web Key Set"),
    ("jwks=%%DIR%%/jwks alg=RS256", 'has no key for "alg"'),
    ("key=%%DIR%%/large alg=HS256", "64k"),
]


@pytest.mark.parametrize("directive, message", WRONG,
                         ids=[w[0].replace("%%DIR%%/", "") for w in WRONG])
def test_wrong_directives(nginx, tmp_path, directive, message):
    folder = tmp_path / "nginx"
    folder.mkdir()
    weak = rsa.generate_private_key(65537, 1024).public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo)
    for name, text in {
            "key": SECRET, "short": SECRET[1:], "ec": public("ES256"),
            "weak": weak, "large": b"x" * 65537, "jwks": json.dumps(
                {"keys": [jwk("ES256")]}).encode()}.items():
        (folder / name).write_bytes(text)
    n = nginx(CONF.replace("%%JWT%%", directive), start=False, more="",
              request="keep")
    n.expect(r"\[emerg\]")
    code, output = n.test()
    assert code == 1
    assert re.search(message, output), output
    assert SECRET[:8].decode() not in output


def test_a_secret_that_everybody_may_read_is_warned_of(nginx, tmp_path):
    folder = tmp_path / "nginx"
    folder.mkdir()
    (folder / "key").write_bytes(SECRET)
    (folder / "key").chmod(0o644)
    n = nginx(CONF.replace("%%JWT%%", "key=%%DIR%%/key alg=HS256"),
              start=False, request="keep", more="".join(
                  "location /event-stream/%d/ { ess_subscribe; ess_jwt "
                  "key=%s alg=HS256; }" % (i, folder / "key")
                  for i in range(3)))
    code, output = n.test()
    assert code == 0
    # once, however many locations take it
    assert len(re.findall(
        r'\[warn\].*everybody may read the "key" of "ess_jwt"', output)) == 1
