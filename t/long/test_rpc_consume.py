"""10,000 messages while all that can end does: workers, reloads, the
application, the broker.  Each is done, none is lost and none is dead; what is
done twice says so."""

import collections
import contextlib
import signal
import time

import pika
import pytest

from noting_app import NotingApp
from rpc_app import consumed
from wait import wait_for

CONF = """
worker_shutdown_timeout 20s;

http {
    ess_amqp %%AMQP%%;
    upstream app { server 127.0.0.1:%%APP%% max_fails=0; keepalive 16; }
    server {
        listen 127.0.0.1:%%PORT0%%;
        location = /work {
            internal;
            ess_consume work declare=durable retries=4 retry_delay=1s
                        timeout=20s dead=work.dead;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_pass http://app;
        }
    }
}
"""

EACH = 1000


def publish(vhost, first):
    """Durable once this returns: one transaction."""

    with vhost.connect() as connection:
        channel = connection.channel()
        channel.tx_select()
        for i in range(first, first + EACH):
            channel.basic_publish("", "work", b"%d" % i, pika.BasicProperties(
                delivery_mode=2))
        channel.tx_commit()


def ready(vhost, queue):
    """Also while the broker's connections come back."""

    with contextlib.suppress(pika.exceptions.AMQPError, OSError):
        return vhost.queue_counts(queue)[0]


@pytest.mark.seconds(400)
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_each_message_is_done(own_broker, nginx, tmp_path, kind):
    broker = own_broker()
    vhost = broker.vhost()
    begin = time.monotonic()

    if kind == "quorum":
        with vhost.connect() as connection:
            connection.channel().queue_declare("work", durable=True, arguments={
                "x-queue-type": "quorum"})

    with NotingApp(tmp_path / "notes") as app:
        n = nginx(CONF, workers=3, amqp=vhost.url, app=app.port)
        n.expect("signal 9")
        consumed(vhost, "work")

        def app_again(sig):
            app.kill(sig)
            time.sleep(0.3)
            app.start()

        def broker_again(end):
            end()
            broker.start()

        def workers():
            for pid in n.workers():
                n.kill_worker(pid)

        disturbances = [
            n.kill_worker, n.reload, lambda: app_again(signal.SIGKILL),
            lambda: broker_again(broker.stop_server), workers,
            lambda: app_again(signal.SIGTERM), n.reload,
            lambda: broker_again(broker.kill_server),
            lambda: (n.reload(), n.kill_worker()), n.kill_worker]
        done = 0
        for i, disturb in enumerate(disturbances):
            publish(vhost, i * EACH)
            done = len(app.notes())
            wait_for(lambda: len(app.notes()) >= done + EACH // 4, 60,
                     "work to go on after %d" % i)
            disturb()

        total = EACH * len(disturbances)
        wait_for(lambda: len({b for b, _, _ in app.notes()}) == total, 90,
                 "all to be done", 0.2)
        wait_for(lambda: ready(vhost, "work") == 0, 20)
        n.stop()
        notes = app.notes()

    # nothing is left that nginx had and did not acknowledge
    assert vhost.left_counts("work") == (0, 0)
    assert vhost.queue_counts("work.dead")[0] == 0

    fresh = collections.Counter(b for b, redelivered, attempt in notes
                                if not redelivered and attempt == 1)
    print("\n%s: %d messages in %d s, %d requests, %d redelivered, %d tried "
          "again" % (kind, total, time.monotonic() - begin, len(notes),
                     sum(r for _, r, _ in notes),
                     sum(a > 1 for _, _, a in notes)))
    assert [b for b, times in fresh.items() if times > 1] == []
    assert {b for b, _, _ in notes} == set(range(total))
