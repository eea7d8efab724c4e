"""A message without reply_to becomes a request, and its status says whether it
is done, tried again or dead."""

import datetime
import email.utils
import gzip
import re
import threading
import urllib.request

import pika

from rpc_app import App, consumed, taken
from wait import wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;
    client_max_body_size 1m;
    log_format said "$uri q=$ess_queue e=$ess_exchange k=$ess_routing_key"
                    " m=$ess_message_id t=$ess_type a=$ess_app_id"
                    " c=$ess_correlation_id s=$ess_timestamp"
                    " r=$ess_redelivered n=$ess_attempt";
    access_log %%DIR%%/said.log said;
    server {
        listen %%PORT0%%;
        location = /work {
            ess_consume work unpack=auto declare=durable retries=2
                        retry_delay=50ms timeout=30s dead=work.dead %%MORE%%;
            proxy_pass http://127.0.0.1:%%APP%%;
        }
        location = /client { return 204; }
    }
}
"""


def start(nginx, vhost, app, more="", head="", **kwargs):
    n = nginx(head + CONF.replace("%%APP%%", str(app.port)).replace("%%MORE%%", more),
              amqp=vhost.url, **kwargs)
    consumed(vhost, "work")
    return n


def publish(vhost, *bodies, **properties):
    vhost.publish("work", bodies, exchange="",
                  properties=pika.BasicProperties(**properties))


def test_outcomes(vhost, nginx):
    with App(lambda r: None if r.body == b"broken" else int(r.body)) as app:
        n = start(nginx, vhost, app)
        n.expect("is dead|upstream")
        for body, tries in ((b"200", 1), (b"204", 1), (b"302", 1)):
            publish(vhost, body)
            app.wait(tries)
            wait_for(lambda: vhost.queue_counts("work")[0] == 0)
            del app.requests[:]
        for body, tries, why in (
                (b"422", 1, "status"), (b"413", 1, "status"),
                (b"500", 3, "status"), (b"429", 3, "status"),
                (b"broken", 3, "status")):
            publish(vhost, body, delivery_mode=2, message_id="m",
                    headers={"x": 1})
            properties, dead = taken(vhost, "work.dead")
            assert dead == body
            assert (properties.message_id, properties.delivery_mode) == ("m",
                                                                         2)
            assert properties.headers == {
                "x": 1, "ess_reason": why, "ess_queue": "work",
                "ess_attempts": tries,
                "ess_status": 502 if body == b"broken" else int(body)}
            assert len(app.requests) == tries
            del app.requests[:]
        n.stop()
    assert vhost.left_counts("work") == (0, 0)


def test_retry_after_and_others_go_on(vhost, nginx):
    first = []

    def answer(r):
        if r.body == b"later" and r.headers["AMQP-Attempt"] == "1":
            first.append(r.time)
            return 503, {"Retry-After": "2"}, b""
        if r.body == b"date" and r.headers["AMQP-Attempt"] == "1":
            at = datetime.datetime.now(datetime.timezone.utc)
            return 503, {"Retry-After": email.utils.format_datetime(
                at + datetime.timedelta(seconds=2), usegmt=True)}, b""
        return 200

    with App(answer) as app:
        start(nginx, vhost, app)
        publish(vhost, b"later", b"date", *[b"%d" % i for i in range(100)])
        requests = app.wait(104)
        last = [r for r in requests if r.headers["AMQP-Attempt"] == "2"]
        assert sorted(r.body for r in last) == [b"date", b"later"]
        at = {r.body: r.time for r in last}
        assert at[b"later"] - first[0] >= 1.9
        assert at[b"date"] - first[0] >= 0.9
        assert all(r.time < at[b"later"] for r in requests if r.body.isdigit())


def test_what_a_publisher_may_say(vhost, nginx):
    with App(lambda r: 200) as app:
        n = start(nginx, vhost, app)
        vhost.publish(
            "work", [gzip.compress(b"text")], exchange="",
            properties=pika.BasicProperties(
                content_type="text/x; charset=utf-8", content_encoding="gzip",
                message_id="m 1", type="t", app_id="app\r\nHost: b",
                timestamp=1795871133, user_id="guest", headers={
                    "Host": "evil", "Content-Length": "3", "X\r\nY": "z",
                    "": "empty", "big": "x" * 65536, "n": -5, "yes": True,
                    "ctl": "a\r\nAuthorization: b", "traceparent": "00-1",
                    "authorization": "c", "table": {"a": 1}}))
        headers = app.wait(1)[0].headers
        assert app.requests[0].body == b"text"
        assert headers.get_all("Content-Length") == ["4"]
        assert headers["Content-Type"] == "text/x; charset=utf-8"
        assert headers.get_all("Host") == ["127.0.0.1:%d" % app.port]
        said = {k: v for k, v in headers.items() if k.startswith("AMQP-")}
        assert said == {
            "AMQP-Queue": "work", "AMQP-Routing-Key": "work",
            "AMQP-Message-Id": "m 1", "AMQP-Type": "t",
            "AMQP-User-Id": "guest", "AMQP-Timestamp": "1795871133",
            "AMQP-Redelivered": "0", "AMQP-Attempt": "1",
            "AMQP-Header-Host": "evil", "AMQP-Header-Content-Length": "3",
            "AMQP-Header-n": "-5", "AMQP-Header-yes": "true",
            "AMQP-Header-authorization": "c"}
        assert headers["traceparent"] == "00-1"
        assert headers["Authorization"] is None

        def line():
            with open(n.path("said.log")) as f:
                return f.read()
        assert wait_for(line) == (
            "/work q=work e=- k=work m=m 1 t=t a=- c=- s=1795871133 r=0 n=1\n")

        publish(vhost, b"not packed", content_encoding="br",
                content_type="a\r\nb: c")
        headers = app.wait(2)[1].headers
        assert headers["AMQP-Content-Encoding"] == "br"
        assert headers["Content-Type"] == "application/octet-stream"


def test_bombs_and_what_is_too_large(vhost, nginx):
    bomb = gzip.compress(gzip.compress(b"\0" * (1 << 27), 9), 9)
    bomb = gzip.decompress(bomb)

    with App(lambda r: 200) as app:
        n = start(nginx, vhost, app)
        n.expect("is dead")
        for body, why, properties in (
                (bomb, "too_large", {"content_encoding": "gzip"}),
                (b"none", "inflate", {"content_encoding": "gzip"}),
                (bomb[:-5], "too_large", {"content_encoding": "gzip"}),
                (gzip.compress(b"x")[:-5], "inflate",
                 {"content_encoding": "gzip"})):
            publish(vhost, body, **properties)
            dead, kept = taken(vhost, "work.dead")
            assert (dead.headers["ess_reason"], kept) == (why, body)
            assert dead.content_encoding == "gzip"
        publish(vhost, b"x" * (1 << 20) + b"y")
        dead, kept = taken(vhost, "work.dead")
        assert dead.headers["ess_reason"] == "too_large"
        assert dead.headers["ess_size"] == (1 << 20) + 1
        publish(vhost, b"x" * (1 << 20))
        assert len(app.wait(1)[0].body) == 1 << 20


def test_a_dead_queue_that_goes(vhost, nginx):
    with App(lambda r: 422) as app:
        n = start(nginx, vhost, app)
        n.expect("is dead|canceled")
        with vhost.connect() as connection:
            connection.channel().queue_delete("work.dead")
        publish(vhost, b"kept")
        wait_for(lambda: vhost.queue_counts("work.dead"))
        assert taken(vhost, "work.dead")[1] == b"kept"
        assert len(app.requests) == 1


def test_a_dead_queue_that_is_full(vhost, nginx):
    """It waits until there is room, with the headers of its publisher, and
    says so at most once a second."""

    with vhost.connect() as connection, App(lambda r: 422) as app:
        channel = connection.channel()
        channel.queue_declare("work.dead", durable=True, arguments={
            "x-max-length": 1, "x-overflow": "reject-publish"})
        n = start(nginx, vhost, app, workers=1)
        n.expect("is dead|cannot be published")
        publish(vhost, *[b"%d" % i for i in range(9)], headers={"a": "b"})
        n.wait_log('a dead message of the queue "work" cannot be published to '
                   '"work.dead", it is tried again: the broker did not take '
                   'it, the queue may be full')
        got = set()
        while len(got) < 9:
            properties, body = taken(vhost, "work.dead")
            assert properties.headers["a"] == "b"
            got.add(body)
        lines = re.findall("(.*) .error.*cannot be published", n.log())
        assert len(lines) == len(set(lines))
        wait_for(lambda: vhost.queue_counts("work")[0] == 0)


def test_order_with_a_concurrency_of_one(vhost, nginx):
    def answer(r):
        return 503 if (r.body == b"3"
                       and r.headers["AMQP-Attempt"] == "1") else 200

    with App(answer) as app:
        start(nginx, vhost, app, "concurrency=1", workers=1)
        publish(vhost, *[b"%d" % i for i in range(10)])
        app.wait(11)
        assert [r.body for r in app.requests] == [
            b"%d" % i for i in (0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9)]


def test_few_connections(vhost, nginx):
    """Nothing is lost, and clients are served all the time."""

    def answer(r):
        go.wait(20)
        return 200

    def served():
        return urllib.request.urlopen("http://127.0.0.1:%d/client"
                                      % n.port()).status == 204

    go = threading.Event()
    with App(answer) as app:
        n = start(nginx, vhost, app, "concurrency=64",
                  "events { worker_connections 64; }")
        publish(vhost, *[b"%d" % i for i in range(300)])
        app.wait(1)
        assert all(served() for _ in range(10))
        go.set()
        while len({r.body for r in app.requests}) < 300:
            assert served()
        wait_for(lambda: vhost.queue_counts("work")[0] == 0)
        n.stop()
    assert vhost.left_counts("work") == (0, 0)
    assert vhost.queue_counts("work.dead")[0] == 0
