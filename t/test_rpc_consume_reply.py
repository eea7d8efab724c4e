"""A message with reply_to becomes a request, and its response the reply: both
kinds of address, correlation ids, packed bodies, errors."""

import base64
import gzip
import json
import time
import urllib.error
import urllib.request

import pika
import pytest

from rpc_app import App, Caller, consumed, taken
from wait import wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;
    server {
        listen %%PORT0%%;
        location /rpc/ {
            internal;
            ess_consume one two uri=/rpc/$ess_queue unpack=gzip pack=gzip
                        declare=transient;
            proxy_pass http://127.0.0.1:%%APP%%;
        }
        location = /plain {
            internal;
            ess_consume plain declare=transient retries=1 retry_delay=100ms
                        timeout=30s max_reply=1k dead=plain.dead;
            proxy_pass http://127.0.0.1:%%APP%%;
        }
        location = /hang {
            internal;
            ess_consume hang declare=transient retries=1 retry_delay=100ms
                        timeout=1s dead=plain.dead;
            proxy_pass http://127.0.0.1:%%APP%%;
        }
        location = /doors {
            internal;
            ess_consume doors declare=transient reply=mine reply=amq.gen-*
                        dead=doors.dead;
            return 200 "through";
        }
        location /refused/ {
            internal;
            client_max_body_size 1k;
            ess_consume refused uri=/refused/$ess_message_id declare=transient
                        dead=refused.dead;
            return 200 "through";
        }
        location = /call { ess_rpc refused; }
    }
}
"""


def answer(r):
    if r.path.startswith("/rpc/"):
        data = json.loads(r.body)["data"]
        if data is None:
            return 500, {"Content-Type": "application/json"}, json.dumps(
                {"success": False, "error": {"type": "Exception"}}).encode()
        return 200, {"Content-Type": "application/json"}, json.dumps(
            {"success": True, "data": [r.path, data]}).encode()
    if r.body == b"encoded":
        return 200, {"Content-Encoding": "gzip"}, gzip.compress(b"packed")
    if r.body == b"broken":
        r.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        return None
    if r.body == b"hang":
        time.sleep(5)
        return None
    if r.body == b"late":
        time.sleep(6)
        r.late = True
        return 503
    if r.body == b"huge":
        return 200, {}, b"x" * 1025
    if r.body.isdigit():
        return int(r.body), {"Content-Type": "text/plain"}, b"as said"
    return 200, {}, r.body


@pytest.fixture
def app():
    with App(answer) as app:
        yield app


@pytest.fixture
def n(app, vhost, nginx):
    n = nginx(CONF.replace("%%APP%%", str(app.port)), amqp=vhost.url)
    consumed(vhost, "one", "two", "plain", "hang", "doors", "refused")
    return n


@pytest.mark.parametrize("direct", [True, False])
def test_packed_calls_are_answered(app, vhost, n, direct):
    with Caller(vhost, direct) as caller:
        numbers = {caller.send(q, gzip.compress(json.dumps(
            {"data": [q, i]}).encode())): (q, i)
            for q in ("one", "two") for i in range(20)}
        for number, (q, i) in numbers.items():
            properties, body = caller.reply(number)
            assert json.loads(gzip.decompress(body)) == {
                "success": True, "data": ["/rpc/" + q, [q, i]]}
            assert properties.type == "result"
            assert properties.content_type == "application/json"
            assert properties.content_encoding == "gzip"
            assert properties.headers == {"http_status": 200}
        properties, body = caller.call("one", gzip.compress(
            b'{"data": null}'))
        assert not json.loads(gzip.decompress(body))["success"]
        assert properties.type == "error"
        assert properties.headers == {"http_status": 500}
    assert len(app.requests) == 41


def test_what_a_response_becomes(app, vhost, n):
    n.expect("upstream|not answered|larger than")
    with Caller(vhost) as caller:
        for status, kind, tries in ((200, "result", 1), (404, "result", 1),
                                    (500, "error", 1), (503, "error", 2)):
            del app.requests[:]
            properties, body = caller.call("plain", str(status).encode())
            assert (properties.type, properties.headers, body) == (
                kind, {"http_status": status}, b"as said")
            assert properties.content_type == "text/plain"
            assert properties.content_encoding is None
            assert [r.headers["AMQP-Attempt"] for r in app.requests] == [
                "1", "2"][:tries]

        properties, body = caller.call("plain", b"encoded")
        assert properties.content_encoding == "gzip"
        assert gzip.decompress(body) == b"packed"

        for text, status in (b"broken", 502), (b"hang", 504), (b"huge", 502):
            del app.requests[:]
            properties, body = caller.call(
                "hang" if text == b"hang" else "plain", text)
            assert properties.type == "error"
            assert properties.headers == {"http_status": status}
            assert properties.content_type == "application/problem+json"
            assert json.loads(body)["status"] == status
            assert len(app.requests) == 2
    wait_for(lambda: vhost.queue_counts("plain")[0] == 0)


PACKED = {"content_encoding": "gzip"}


@pytest.mark.parametrize("direct", [True, False])
def test_what_can_be_no_request(vhost, n, direct):
    """The caller is told, and then it is dead."""

    n.expect("is dead")
    with Caller(vhost, direct) as caller:
        for body, properties, why, status in (
                (b"x" * 1025, {}, "too_large", 413),
                (b"x" * ((1 << 20) + 1), {}, "too_large", 413),
                (gzip.compress(b"x" * 1025), PACKED, "too_large", 413),
                (gzip.compress(b"x")[:-5], PACKED, "inflate", 400),
                (b"x", {"message_id": ".."}, "uri", 400)):
            reply, text = caller.call("refused", body, **properties)
            assert reply.type == "error"
            assert reply.headers == {"http_status": status}
            assert reply.content_type == "application/problem+json"
            assert json.loads(text)["status"] == status
            dead, kept = taken(vhost, "refused.dead")
            assert kept == (body if len(body) <= 1 << 20 else b"")
            assert dead.headers["ess_reason"] == why
            assert dead.headers["ess_status"] == 0
            assert dead.correlation_id == reply.correlation_id

        caller.send("refused", b"x" * 1025, reply_to="nobody")
        dead, kept = taken(vhost, "refused.dead")
        assert dead.headers["ess_reason"] == "too_large"
        assert dead.reply_to == "nobody"

        reply, text = caller.call("one", b"not packed")
        assert reply.type == "error"
        assert reply.content_encoding == "gzip"
        assert json.loads(gzip.decompress(text))["status"] == 400
        assert caller.call("refused", b"x")[1] == b"through"
    wait_for(lambda: vhost.queue_counts("refused")[0] == 0)
    wait_for(lambda: vhost.queue_counts("one")[0] == 0)


def test_a_call_by_http_that_can_be_no_request(vhost, n):
    n.expect("is dead")
    with pytest.raises(urllib.error.HTTPError) as e:
        urllib.request.urlopen("http://127.0.0.1:%d/call" % n.port(),
                               b"x" * 1025)
    assert e.value.code == 413
    assert e.value.headers["Content-Type"] == "application/problem+json"
    assert json.loads(e.value.read())["status"] == 413
    assert taken(vhost, "refused.dead")[1] == b"x" * 1025


def test_callers_that_are_gone(app, vhost, n):
    n.expect("is gone")
    with Caller(vhost) as caller:
        caller.send("plain", b"a", reply_to="nobody")
        caller.send("plain", b"b", reply_to="amq.direct")
        caller.send("plain", b"c", reply_to="\r\n\0")
        caller.send("plain", b"d", reply_to="x" * 255)
    with Caller(vhost) as caller:
        assert caller.call("plain", b"still there")[1] == b"still there"
    app.wait(5)
    n.stop()
    assert vhost.left_counts("plain") in ((0, 0), None)
    assert vhost.queue_counts("plain.dead")[0] == 0


def test_expired(app, vhost, n):
    """While it is in work, and not before, in a queue that is slow; nothing is
    left to be tried again."""

    with Caller(vhost) as caller:
        number = caller.send("plain", b"late", expiration="5000")
        assert caller.call("plain", b"next")[1] == b"next"
        wait_for(lambda: any(hasattr(r, "late") for r in app.requests))
        caller.connection.process_data_events(0.5)
        assert number not in caller.replies
    assert [r.body for r in app.requests].count(b"late") == 1


def test_doors(vhost, n):
    n.expect("are not allowed")
    with Caller(vhost) as caller:
        assert caller.call("plain", b"x")[1] == b"x"
        for reply_to in ("ess.node.3", "other", "amq.direct", "mine2",
                         "amq.rabbitmq.reply-to.!!!.x", caller.reply_to):
            caller.send("doors", reply_to.encode(), reply_to=reply_to,
                        headers={"a": "b", "ess_reason": "old", "CC": ["one"]},
                        expiration="60000", user_id="guest")
            properties, body = taken(vhost, "doors.dead")
            assert body == reply_to.encode()
            assert properties.headers == {
                "a": "b", "ess_cc": ["one"], "ess_reason": "reply_to",
                "ess_status": 0, "ess_attempts": 0, "ess_queue": "doors",
                "ess_expiration": "60000", "ess_user_id": "guest"}
            assert properties.expiration is None
            assert properties.user_id is None
        caller.channel.queue_declare("mine", exclusive=True)
        caller.send("doors", b"x", reply_to="mine")
        assert taken_here(caller, "mine") == b"through"


def taken_here(caller, queue):
    """An exclusive queue is its connection's."""

    def got():
        method, properties, body = caller.channel.basic_get(queue, True)
        return body
    return wait_for(got)


def test_addresses_that_break_rabbitmq(vhost, n):
    """They would end the publishing connection, again and again."""

    n.expect("are not allowed")
    prefix = "amq.rabbitmq.reply-to."
    with Caller(vhost) as caller:
        for address in ("", "x", ".", "!!!.yyy", "g2dk.key",
                        "g2QAA2Zvbw==.key"):
            caller.send("plain", b"x", reply_to=prefix + address)
            properties, body = taken(vhost, "plain.dead")
            assert properties.headers["ess_reason"] == "reply_to"
            assert "ess_reply_to" not in properties.headers
            assert properties.reply_to == prefix + address
        assert caller.call("plain", b"x")[1] == b"x"
    assert "INTERNAL_ERROR" not in n.log()


def test_an_address_that_no_caller_has(app, own_broker, nginx):
    """No channel lets it through as it is; what does without one may."""

    broker = own_broker()
    vhost = broker.vhost()
    n = nginx(CONF.replace("%%APP%%", str(app.port)), amqp=vhost.url)
    n.expect("are not allowed")
    consumed(vhost, "one", "two", "plain", "doors")
    broker.control("eval", """
        rabbit_basic:publish(rabbit_misc:r(<<"%s">>, exchange, <<>>),
                             <<"plain">>,
                             [{reply_to, <<"amq.rabbitmq.reply-to">>},
                              {message_id, <<"m">>}],
                             <<"x">>).
        """ % vhost.name)
    properties, body = taken(vhost, "plain.dead")
    assert body == b"x"
    assert properties.message_id == "m"
    assert properties.reply_to is None
    assert properties.headers == {
        "ess_reason": "reply_to", "ess_status": 0, "ess_attempts": 0,
        "ess_queue": "plain", "ess_reply_to": "amq.rabbitmq.reply-to"}
    wait_for(lambda: vhost.queue_counts("plain")[0] == 0)
    with Caller(vhost) as caller:
        assert caller.call("plain", b"x")[1] == b"x"
    assert "PRECONDITION_FAILED" not in n.log()


def test_an_address_of_a_node_that_is_gone(vhost, n):
    """It looks sound, so it is published to; the broker ends the connection,
    and the others' replies get through."""

    n.expect("INTERNAL_ERROR|connection|is dead|refused")
    with Caller(vhost) as caller:
        process = base64.b64encode(
            b"\x83Xv\0\7reply@1" + bytes(12)).decode()
        numbers = [caller.send("plain", b"200") for i in range(20)]
        caller.send("plain", b"poison", reply_to="amq.rabbitmq.reply-to.%s.%s"
                    % (process, base64.b64encode(b"k" * 16).decode()))
        numbers += [caller.send("plain", b"200") for i in range(20)]
        for number in numbers:
            caller.reply(number, 20)
        properties, body = taken(vhost, "plain.dead")
        assert body == b"poison"
        assert properties.headers["ess_reason"] == "reply_refused"
        assert caller.call("plain", b"x")[1] == b"x"
