"""ess_authorize for clients of ess.v1: one question for what a message
subscribes to, answered stream by stream."""

import threading
import time

import pytest

import tokens
from api import Api
from v1 import V1, Refused
from wait import slower, wait_for

CONF = """
http {
    ess_zone         streams 16m;
    ess_amqp         %%AMQP%%;
    ess_public_url   ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_client_rate  messages=10000 bytes=64m;
    ess_max_subscriptions 4000;
    ess_authorize    /authorize timeout=1s;

    server {
        listen 127.0.0.1:%%PORT0%%;

        location /event-stream/ { ess_subscribe; }
        location /multi/ { ess_subscribe multi names guarded; }
        location /tokens/ {
            ess_subscribe multi names;
            ess_jwt key=%%DIR%%/key alg=HS256 streams=read;
        }
        location /kept/ {
            ess_subscribe multi names;
            ess_request release;
            ess_authorize /authorize cache=1m;
            ess_jwt key=%%DIR%%/key alg=HS256;
        }
        location = /authorize {
            internal;
            proxy_pass http://127.0.0.1:%%BACK%%;
            client_max_body_size 1m;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""


@pytest.fixture
def service(nginx, vhost, back):
    n = tokens.start(nginx(CONF, amqp=vhost.url, back=str(back.port),
                           start=False))
    return n, Api(n.port(1))


def client(n, path="/multi/", **kwargs):
    return V1("ws://127.0.0.1:%d%s" % (n.port(0), path), **kwargs)


def say(c, message, answers):
    """The answers to it, so many."""

    n = len(c.answers)
    c.send(*message) if isinstance(message, list) else c.send(message)
    wait_for(lambda: len(c.answers) >= n + answers or c.closed, 20,
             "the answers")
    return c.answers[n:]


def codes(answer):
    return [e.get("error", {}).get("code", 200) for e in answer["subscribed"]]


def names(question):
    return [s["name"] for s in question["subscribe"]]


def test_one_question_for_a_message(service, back):
    n, api = service
    for name in "abcd":
        api.create(name, name=name)

    back.answer = lambda question, handler: (200, {"allow": [
        name != "b" for name in names(question)]})
    with client(n, "/multi/?who=me") as c:
        answers = say(c, [
            {"id": 1, "subscribe": [{"stream": s} for s in "axb"]},
            {"id": 2, "ping": 5},
            {"id": 3, "subscribe": {"stream": "c"}},
            {"id": 4, "unsubscribe": "a"},
            {"id": 5, "subscribe": [{"stream": "d", "keys": ["k"]},
                                    {"stream": "b"}, {"stream": "d"}]}], 5)
        assert [a["id"] for a in answers] == [1, 2, 3, 4, 5]
        assert codes(answers[0]) == [200, 404, 403]
        assert codes(answers[2]) == [200]
        assert codes(answers[4]) == [409, 403, 200]
        (question, _), = back.questions
        assert names(question) == ["a", "b", "c", "b", "d"]
        assert question["query"] == "who=me" and question["claims"] is None
        wait_for(lambda: api.publish("d", ["x"]) or c.events, 10, "an event")


def test_keys(service, back):
    n, api = service
    api.create("a", name="a", key="json:/k")
    back.answer = lambda question, handler: (200, {"allow": [["eu"]]})
    with client(n) as c:
        answer, = say(c, {"id": 1, "subscribe": {
            "stream": "a", "keys": ["us", "eu", "us"]}}, 1)
        assert codes(answer) == [403]
        assert '"us"' in answer["subscribed"][0]["error"]["message"]
        assert sorted(back.questions[0][0]["subscribe"][0]["keys"]) == [
            "eu", "us"]
        answer, = say(c, {"id": 2, "subscribe": {
            "stream": "a", "keys": ["eu"]}}, 1)
        assert codes(answer) == [200]
        answer, = say(c, {"id": 3, "subscribe": {"stream": "a"}}, 1)
        assert codes(answer) == [403]


def test_no_answer(service, back):
    n, api = service
    api.create("a", name="a")

    def slow(question, handler):
        time.sleep(1.5 * slower())
        return 200, {"allow": [True]}

    with client(n) as c:
        for answer in (slow, lambda *_: (500, b""), lambda *_: (200, b"x"),
                       lambda q, h: h.wfile.write(b"HTTP/1.0 200 OK\r\n"
                                                  b"Content-Length: 9\r\n\r\n"
                                                  b"{") and None):
            back.answer = answer
            said, = say(c, {"id": 1, "subscribe": {"stream": "a"}}, 1)
            assert said["subscribed"][0]["error"]["code"] == 503
            assert said["subscribed"][0]["error"]["retry"] == 1
        back.answer = lambda *_: (403, b"")
        said, = say(c, {"id": 1, "subscribe": {"stream": "a"}}, 1)
        assert codes(said) == [403]
        back.answer = lambda *_: (200, {"allow": [True]})
        said, = say(c, {"id": 1, "subscribe": {"stream": "a"}}, 1)
        assert codes(said) == [200]


def test_the_stream_of_the_path(service, back):
    n, api = service
    stream = api.create("a")
    with V1(stream.location) as c:
        wait_for(lambda: c.answers, 10, "what it has")
        say(c, {"id": 1, "subscribe": {"stream": stream.uuid}}, 1)
    assert len(back.questions) == 2
    back.answer = lambda *_: (403, b"")
    with pytest.raises(Refused) as e:
        V1(stream.location)
    assert e.value.status == 403


def test_claims_of_a_new_token(service, back):
    n, api = service
    for name in "abc":
        api.create(name, name=name)
    token = tokens.token(sub="u", read=["a", "b"], role="guest")
    more = tokens.token(sub="u", read=["a", "b", "c"], role="admin")
    back.answer = lambda question, handler: (200, {"allow": [
        question["claims"]["role"] == "admin" or name == "a"
        for name in names(question)]})
    with client(n, "/tokens/", token=token) as c:
        answers = say(c, [
            {"id": 1, "subscribe": [{"stream": s} for s in "abc"]},
            {"id": 2, "token": more},
            {"id": 3, "subscribe": [{"stream": s} for s in "bc"]}], 3)
        assert codes(answers[0]) == [200, 403, 403]
        assert codes(answers[2]) == [200, 200]
        assert [names(q) for q, _ in back.questions] == [["a", "b"],
                                                         ["b", "c"]]


def test_kept_answers_need_no_question(service, back):
    n, api = service
    for i in range(300):
        api.create("s%d" % i, name="s%d" % i)
    everything = {"id": 1, "subscribe": [
        {"stream": "s%d" % i} for i in range(300)]}
    with client(n, "/kept/", token=tokens.token(sub="u")) as c:
        answer, = say(c, everything, 1)
        assert codes(answer) == [200] * 300
        # as many as a question takes, and the rest
        assert sorted(len(q["subscribe"]) for q, _ in back.questions) == [
            44, 256]
        answer, = say(c, dict(everything, id=2), 1)
        assert codes(answer) == [200] * 300
        assert len(back.questions) == 2


def test_others_are_not_held_up(service, back):
    """Nor is what comes of streams that the client has."""

    n, api = service
    api.create("a", name="a")
    api.create("b", name="b")
    go = threading.Event()

    with client(n) as c, client(n) as other:
        say(c, {"id": 1, "subscribe": {"stream": "a"}}, 1)

        def late(question, handler):
            go.wait(0.8 * slower())
            return 200, {"allow": [True]}

        back.answer = late
        asked = len(back.questions)
        c.send({"id": 2, "subscribe": {"stream": "b"}},
               {"id": 3, "ping": 1})
        wait_for(lambda: len(back.questions) > asked, 10, "the question")
        assert say(other, {"id": 1, "ping": 7}, 1)[0]["pong"] == 7
        api.publish("a", ["x"])
        wait_for(lambda: c.events, 10, "an event")
        assert len(c.answers) == 1
        go.set()
        wait_for(lambda: len(c.answers) == 3, 10, "the answers")
        assert [a["id"] for a in c.answers] == [1, 2, 3]


def test_gone_meanwhile(service, back):
    """The client, the stream, the worker."""

    n, api = service
    stream = api.create("a", name="a")
    api.create("b", name="b")
    go = threading.Event()

    def late(question, handler):
        go.wait(0.8 * slower())
        return 200, {"allow": [True] * len(question["subscribe"])}

    back.answer = late
    clients = [client(n) for _ in range(10)]
    for c in clients:
        c.send({"id": 1, "subscribe": {"stream": "a"}})
    wait_for(lambda: len(back.questions) == 10, 10, "the questions")
    for c in clients:
        c.close()

    with client(n) as c:
        c.send({"id": 1, "subscribe": [{"stream": "a"}, {"stream": "b"}]})
        wait_for(lambda: len(back.questions) == 11, 10, "the question")
        api.delete(stream)
        go.set()
        wait_for(lambda: c.answers, 10, "the answer")
        assert codes(c.answers[0]) == [404, 200]

        go.clear()
        c.send({"id": 2, "subscribe": [{"stream": "b"}]})
        wait_for(lambda: len(back.questions) == 12, 10, "the question")
        n.reload()
        wait_for(lambda: c.closed, 20, "the close")
        go.set()
