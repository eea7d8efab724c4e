"""The configurations of README.md, docs/rpc.md and docs/migrating.md with
ess_consume and ess_rpc do what is said there."""

import os
import re

import pika
import pytest

from nginx import MODULE, TOP
from rpc_app import App, Caller, consumed, taken
from rpc_example import post
from wait import wait_for


def block(page, chapter):
    """The first of nginx in a chapter."""

    with open(os.path.join(TOP, page)) as f:
        return re.search(r"(?ms)^#+ %s\n.*?^```nginx\n(.*?)^```$"
                         % re.escape(chapter), f.read()).group(1)


def of_test(text, app, values):
    for old, new in dict(values, **{
            "http://127.0.0.1:8000": "http://127.0.0.1:%d" % app.port}).items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def whole(text, app):
    """A whole nginx.conf, but for what the test says itself."""

    return of_test(text, app, {
        "load_module modules/ngx_ess_module.so;": "load_module %s;" % MODULE,
        "worker_processes auto;": "worker_processes 2;",
        re.search(r"amqp://\S+@127.0.0.1:5672/", text).group(): "%%AMQP%%",
        "listen 127.0.0.1:8081": "listen 127.0.0.1:%%PORT0%%"})


def declare(vhost, *queues):
    with vhost.connect() as connection:
        for queue in queues:
            connection.channel().queue_declare(queue, durable=True)


def called(n, vhost, queue, path):
    """By AMQP and by HTTP; the application says where it was asked."""

    with Caller(vhost) as caller:
        properties, body = caller.call(queue, b"picture")
    assert (properties.type, body) == ("result", b"%s picture" % path)
    r = post(n.port(0), "/call/" + queue, b"picture")
    assert (r.status, r.body) == (200, b"%s picture" % path)
    assert post(n.port(0), "/call/other", b"").status == 404


@pytest.fixture
def app():
    def answer(r):
        if r.body == b"bad":
            return 422
        return 200, {}, r.path.encode() + b" " + r.body

    with App(answer) as app:
        yield app


def test_readme(nginx, vhost, app):
    text = block("README.md", "Messages as requests")
    declare(vhost, "resize")
    n = nginx("http {\ness_amqp %%AMQP%%;\nserver {\nlisten %%PORT0%%;\n"
              + of_test(text, app, {}) + "}\n}\n", amqp=vhost.url)
    consumed(vhost, "resize")
    called(n, vhost, "resize", b"/work/resize")

    vhost.publish("resize", b"bad", exchange="")
    properties, body = taken(vhost, "failed")
    assert body == b"bad"
    assert properties.headers["ess_reason"] == "status"


def test_rpc(nginx, vhost, app):
    n = nginx(whole(block("docs/rpc.md",
                          "Messages as requests, requests as calls"), app),
              amqp=vhost.url)
    consumed(vhost, "resize", "convert")
    called(n, vhost, "resize", b"/rpc/resize")
    called(n, vhost, "convert", b"/rpc/convert")


def test_migrating(nginx, vhost, app):
    n = nginx(whole(block("docs/migrating.md", "From workers of aio-pika"),
                    app), amqp=vhost.url)
    consumed(vhost, "resize", "thumbnails")
    called(n, vhost, "resize", b"/rpc/resize")

    vhost.publish("thumbnails", b"good", exchange="",
                  properties=pika.BasicProperties(delivery_mode=2))
    wait_for(lambda: app.requests[-1].path == "/queue/thumbnails")
    vhost.publish("thumbnails", b"bad", exchange="")
    assert taken(vhost, "thumbnails.dead")[1] == b"bad"
