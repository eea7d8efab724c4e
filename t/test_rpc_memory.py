"""No memory: a message whose allocations fail waits, is tried again or is dead;
none is lost, each call is answered or given up, and no worker dies."""

import gzip
import http.client

import pika

from api import Api
from fault import Hunger
from nginx import FAULT_MODULE
from rpc_app import App, consumed
from wait import slower, wait_for

CONF = """
env ESS_FAULT_ALLOC;

http {
    ess_amqp %%AMQP%%;
    server {
        listen 127.0.0.1:%%PORT0%%;
        location / {
            internal;
            ess_consume tasks calls uri=/$ess_queue declare=durable
                        retry_delay=50ms pack=gzip dead=dead;
            proxy_pass http://127.0.0.1:%%APP%%;
        }
        location = /call { ess_rpc calls pack=gzip timeout=1s; }
    }
}
"""

TROUBLE = OSError, http.client.HTTPException


def publish(vhost, ids):
    with vhost.connect() as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for i in ids:
            for queue, reply_to in ("tasks", None), ("calls", "replies"):
                channel.basic_publish(
                    "", queue, gzip.compress(i.encode()),
                    pika.BasicProperties(
                        content_encoding="gzip", message_id=i,
                        correlation_id=i, reply_to=reply_to))


def left(vhost, queue):
    """Properties of all that is in it."""

    with vhost.connect() as connection:
        channel = connection.channel()
        while True:
            method, properties, body = channel.basic_get(queue, True)
            if method is None:
                return
            yield properties


def test_allocations_fail(vhost, nginx, tmp_path, monkeypatch):
    path = tmp_path / "alloc"
    hungry = Hunger(path)
    monkeypatch.setenv("ESS_FAULT_ALLOC", str(path))
    with vhost.connect() as connection:
        connection.channel().queue_declare("replies", durable=True)

    with App(lambda r: (200, {}, r.body)) as app:
        n = nginx(CONF.replace("%%APP%%", str(app.port)), workers=2,
                  module=FAULT_MODULE, amqp=vhost.url)
        n.expect("is dead|refused|closed|memory|upstream|lost|broke")
        consumed(vhost, "tasks", "calls")
        workers = n.workers()
        api = Api(n.port(0))

        sent = set()
        for number in (200, 50, 10, 3):
            hungry.set(number)
            for i in range(50):
                sent.add(str(len(sent)))
            publish(vhost, sorted(sent, key=int)[-50:])
            for _ in range(3):
                try:
                    r = api.request("POST", "/call", "x", timeout=20 * slower())
                    assert r.status in (200, 500, 502, 503, 504), r
                except TROUBLE:
                    pass
        hungry.set(0)

        dead, answered = set(), set()

        def ended():
            dead.update((p.headers["ess_queue"], p.message_id)
                        for p in left(vhost, "dead"))
            answered.update(p.correlation_id for p in left(vhost, "replies"))
            done = {r.headers["AMQP-Message-Id"] for r in list(app.requests)
                    if r.path == "/tasks"}
            return (sent == done | {i for q, i in dead if q == "tasks"}
                    and sent == answered | {i for q, i in dead
                                            if q == "calls"})
        wait_for(ended, 30, interval=0.1)
        for queue in "tasks", "calls":
            wait_for(lambda: vhost.queues()[queue].get("messages") == 0, 20)
        # its session may be about to come back
        wait_for(lambda: api.request("POST", "/call", "x").status == 200, 20)
        assert n.workers() == workers
        n.stop()

    for queue in "tasks", "calls":
        assert vhost.left_counts(queue) == (0, 0)
