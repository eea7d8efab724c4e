"""What a token lets a client of ess.v1 have, and how it is renewed."""

import time

import pytest

import tokens
from api import Api
from tokens import token
from v1 import V1
from wait import slower

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;

        location /event-stream/ {
            ess_subscribe;
            ess_jwt      key=%%DIR%%/key alg=HS256 streams=read;
        }

        location /multi/ {
            ess_subscribe  multi names;
            ess_jwt        key=%%DIR%%/key alg=HS256 streams=read;
            ess_request    %%REQUEST%%;
        }

        location /open/ { ess_subscribe multi names public; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""


@pytest.fixture
def service(nginx, vhost):
    def make(request="keep"):
        n = tokens.start(nginx(CONF, amqp=vhost.url, start=False,
                               request=request))
        return n, Api(n.port(1))
    return make


def multi(n, token=None, path="/multi/"):
    return V1("ws://127.0.0.1:%d%s" % (n.port(0), path), token)


def codes(entries):
    return [e["error"]["code"] if "error" in e else 0 for e in entries]


@pytest.mark.parametrize("request_", ["keep", "release"])
def test_what_a_claim_lists(service, request_):
    """Names, uuids and keys; nobody learns of others."""

    n, api = service(request_)
    a, b = (api.create(k, name=k, key="routing_key") for k in "ab")
    wanted = [{"stream": "a"}, {"stream": "b"}, {"stream": a.uuid},
              {"stream": "a", "keys": ["eu"]},
              {"stream": "b", "keys": ["eu.de", "eu.fr"]},
              {"stream": "b", "keys": ["eu.de", "us"]}, {"stream": "none"}]
    for read, expected in (
            ("*", [0, 0, 0, 0, 0, 0, 404]),
            (["*", "b"], [0, 0, 0, 0, 0, 0, 404]),
            ("a", [0, 403, 0, 0, 403, 403, 403]),
            ([a.uuid], [0, 403, 0, 0, 403, 403, 403]),
            (["a#eu"], [403, 403, 403, 0, 403, 403, 403]),
            ([a.uuid + "#e*", "none"], [403, 403, 403, 0, 403, 403, 404]),
            (["b#eu.*"], [403, 403, 403, 403, 0, 403, 403]),
            (["b#us", "b#eu.*"], [403, 403, 403, 403, 0, 0, 403]),
            ([], [403] * 7), (5, [403] * 7)):
        with multi(n, token(read=read)) as client:
            assert codes(client.subscribe(*wanted)) == expected, read


def test_without_claims(service):
    n, api = service()
    api.create("a", name="a")
    with multi(n, path="/open/") as client:
        assert codes(client.subscribe("a", "b")) == [0, 404]
        answer = client.call(token=token(read="*"))
        assert answer["error"]["code"] == 401


@pytest.mark.parametrize("before, after, code", [
    ({"sub": "me"}, {"sub": "me"}, None),
    ({}, {}, None),
    ({"sub": "me"}, {"sub": "you"}, 403),
    ({"sub": "me"}, {}, 403),
    ({}, {"sub": "me"}, 403),
    ({"sub": "me"}, {"sub": "me", "key": b"x" * 32}, 401),
    ({"sub": "me"}, {"sub": "me", "seconds": -1}, 401),
    ({"sub": "me"}, {"sub": "me", "aud": "x"}, 401),
])
def test_whose_token_renews(service, before, after, code):
    n, api = service("release")
    api.create("a", name="a")
    with multi(n, token(read="a", **before)) as client:
        assert codes(client.subscribe("a")) == [0]
        answer = client.call(token=token(read="a", **after))
        if code is None:
            assert list(answer) == ["id", "token"]
            assert abs(answer["token"]["expires"] - time.time() - 600) < 60
        else:
            assert answer["error"]["code"] == code
            assert answer["error"]["message"]
        api.publish("a", ["still here"])
        assert client.wait(1) == ["still here"]


def test_no_token_at_all(service):
    n, api = service()
    with multi(n, token(read="*")) as client:
        for text in ("", "x", "a.b.c", "\\u0061.b.c", "x" * 20000):
            client.send_text('{"id":7,"token":"%s"}' % text)
            answer = client.answer(7)
            assert answer["error"]["code"] == 401, text
            client.answers.clear()


@pytest.mark.parametrize("request_", ["keep", "release"])
def test_a_renewed_client_goes_on(service, request_):
    """Others end with their token."""

    n, api = service(request_)
    api.create("a", name="a")
    claims = {"read": "a", "sub": "me"}
    soon = int(4 * slower())
    with multi(n, token(soon, **claims)) as one, \
            multi(n, token(soon, **claims)) as two, \
            multi(n, token(600, **claims)) as three:
        for client in one, two, three:
            assert codes(client.subscribe("a")) == [0]
        assert "token" in one.call(token=token(600, **claims))
        # also to an earlier end
        assert "token" in three.call(token=token(3, **claims))
        assert two.wait_closed(soon + 10)[0] == 3000
        assert three.wait_closed()[0] == 3000
        api.publish("a", ["still here"])
        assert one.wait(1) == ["still here"]


def test_what_the_new_one_does_not_list_ends(service):
    n, api = service()
    for name in "abcd":
        api.create(name, name=name, key="routing_key")
    with multi(n, token(read=["a", "b", "c", "d#*"])) as client:
        entries = client.subscribe("a", "b", {"stream": "c", "keys": ["c"]},
                                   {"stream": "d", "keys": ["d"]})
        assert codes(entries) == [0, 0, 0, 0]
        assert "token" in client.call(token=token(read=["a", "c#c", "d#x"]))
        ends = client.wait_notice("end", 2)
        assert [e["code"] for e in ends] == [3003, 3003]
        assert sorted(client.of[m["s"]] for m in client.notices) == ["b", "d"]
        assert codes(client.subscribe("b", {"stream": "c", "keys": ["x"]},
                                      {"stream": "d", "keys": ["x"]})) == [
            403, 403, 0]
        for name in "abcd":
            api.publish(name, [name])
        client.wait(2)
        client.quiet()
        assert sorted(client.values()) == ["a", "c"]
