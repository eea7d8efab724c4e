"""Messages over the ends of workers: each is done at least once, none is lost
and none is dead; what comes again says so."""

import collections
import os
import signal
import threading
import time

import pika

from rpc_app import App, Caller, consumed
from wait import wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;
    server {
        listen %%PORT0%%;
        location = /work {
            internal;
            ess_consume work calls declare=durable retries=3
                        retry_delay=%%DELAY%% timeout=10s dead=work.dead;
            proxy_pass http://127.0.0.1:%%APP%%;
        }
    }
}
"""


def start(nginx, vhost, port, delay="50ms"):
    n = nginx(CONF.replace("%%APP%%", str(port)).replace("%%DELAY%%", delay),
              amqp=vhost.url)
    consumed(vhost, "work", "calls")
    return n


def publish(vhost, n, first=0):
    vhost.publish("work", [b"%d" % i for i in range(first, first + n)],
                  exchange="", properties=pika.BasicProperties())


def empty(vhost):
    return vhost.queue_counts("work")[0] == 0


def test_kills_and_reloads(vhost, nginx):
    def answer(r):
        time.sleep(0.01)
        return 200

    with App(answer) as app:
        n = start(nginx, vhost, app.port)
        n.expect("signal 9")

        def disturb():
            for sig in (signal.SIGKILL, None, signal.SIGKILL, None):
                seen = len(app.requests)
                publish(vhost, 100, published[0])
                published[0] += 100
                app.wait(seen + 10)
                if sig:
                    n.kill_worker()
                else:
                    n.reload()

        published = [0]
        disturb()

        def done():
            return {r.body for r in list(app.requests)} == {
                b"%d" % i for i in range(400)}
        wait_for(done)
        wait_for(lambda: empty(vhost))
        n.stop()
    assert vhost.left_counts("work") == (0, 0)
    assert vhost.queue_counts("work.dead")[0] == 0
    seen = collections.defaultdict(list)
    for r in app.requests:
        seen[r.body].append(r.headers["AMQP-Redelivered"])
    assert all(x.count("0") <= 1 for x in seen.values())


def test_a_stop_ends_what_is_in_work_and_gives_back_the_rest(vhost, nginx):
    go = threading.Event()

    def answer(r):
        if r.body == b"retry":
            return 503
        go.wait(60)
        return 200, {}, b"done"

    with App(answer) as app, Caller(vhost) as caller:
        n = start(nginx, vhost, app.port, "1m")
        vhost.publish("work", [b"retry"], exchange="")
        publish(vhost, 40)
        number = caller.send("calls", b"call")
        app.wait(33)
        assert b"retry" in [r.body for r in app.requests]
        n.send_signal(signal.SIGQUIT)
        # no worker takes any more; what waited for its retry is back
        wait_for(lambda: vhost.queue_counts("work") == (10, 0))
        go.set()
        assert caller.reply(number)[1] == b"done"
        wait_for(lambda: not n.running())
    assert vhost.left_counts("work") == (10, 0)
    assert vhost.left_counts("calls") == (0, 0)


def test_a_fast_stop(vhost, nginx):
    """With requests in work, retries and what waits; leaks are looked for."""

    gone = threading.Event()

    def answer(r):
        if int(r.body) % 4 == 0:
            return 503
        gone.wait(60)
        return None

    with App(answer) as app:
        n = start(nginx, vhost, app.port, "1m")
        publish(vhost, 60)
        app.wait(20)
        n.stop(quit=False)
        gone.set()
    assert vhost.left_counts("work") == (60, 0)


def test_what_the_end_of_a_worker_cuts_off_is_not_dead(vhost, nginx):
    """By worker_shutdown_timeout, on its last try, with a reply and without:
    another worker has it again."""

    over = threading.Event()

    def answer(r):
        if r.headers["AMQP-Redelivered"] == "0":
            over.wait(60)
            return None
        return 200, {}, b"done"

    conf = "worker_shutdown_timeout 1s;\n" + CONF.replace("retries=3",
                                                          "retries=0")
    with App(answer) as app, Caller(vhost) as caller:
        n = nginx(conf.replace("%%APP%%", str(app.port))
                  .replace("%%DELAY%%", "50ms"), amqp=vhost.url)
        consumed(vhost, "work", "calls")
        publish(vhost, 1)
        number = caller.send("calls", b"call")
        app.wait(2)
        n.reload()
        assert caller.reply(number)[1] == b"done"
        app.wait(4)
        wait_for(lambda: empty(vhost))
        n.stop()
        over.set()
    assert vhost.left_counts("work") == (0, 0)
    assert vhost.queue_counts("work.dead")[0] == 0


def test_connections_that_are_cut(vhost, relay, nginx):
    """What was in work goes on, and is not done a second time beside it by
    the same worker beyond the queue's share."""

    busy, most = set(), []

    def answer(r):
        busy.add(r)
        most.append(len(busy))
        time.sleep(0.3)
        busy.discard(r)
        return 200

    with App(answer) as app:
        n = nginx(CONF.replace("%%APP%%", str(app.port))
                  .replace("%%DELAY%%", "50ms"), amqp=relay.url)
        n.expect("lost|failed|closed|reset|refused")
        consumed(vhost, "work")
        publish(vhost, 60)
        app.wait(20)
        relay.cut()
        time.sleep(0.1)
        relay.mend()

        def done():
            return {r.body for r in list(app.requests)} == {
                b"%d" % i for i in range(60)}
        wait_for(done, 20)
        wait_for(lambda: empty(vhost))
        assert max(most) <= 32
    assert vhost.queue_counts("work.dead")[0] == 0
