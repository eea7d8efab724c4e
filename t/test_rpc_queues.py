"""The queues that workers consume: found, declared, deleted and declared
again, left at a reload; what happens when the broker goes away meanwhile."""

import threading

import pika
import pytest

from rpc_app import App, consumed
from wait import wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;
    server {
        listen %%PORT0%%;
        location / {
            internal;
            ess_consume work uri=/ concurrency=4 PARAMETERS;
            proxy_pass http://127.0.0.1:APP;
        }
    }
}
"""

GONE = ("closed the connection|canceled the consumer|is not there|"
        "connect|closed a channel|connection is")


def conf(parameters, work):
    return CONF.replace("PARAMETERS", parameters).replace(
        "APP", str(work.app.port))


class Work:
    """An application that answers when it may."""

    def __init__(self):
        self.go = threading.Event()
        self.done = []

    def answer(self, request):
        self.go.wait(60)
        self.done.append(request.body)
        return 200


@pytest.fixture
def work():
    work = Work()
    with App(work.answer) as work.app:
        yield work
        work.go.set()


def bodies(n):
    return [b"%d" % i for i in range(n)]


def publish(vhost, n, start=0, queue="work"):
    vhost.publish(queue, [b"%d" % i for i in range(start, start + n)],
                  exchange="", properties=pika.BasicProperties(
                      delivery_mode=2))


def declare(vhost, queue="work", **arguments):
    with vhost.connect() as connection:
        connection.channel().queue_declare(
            queue, durable=True, arguments=arguments)


def delete(vhost, queue="work"):
    with vhost.connect() as connection:
        connection.channel().queue_delete(queue)


def ready(vhost):
    return vhost.queue_counts("work")[0]


def all_done(work, n):
    wait_for(lambda: set(work.done) == set(bodies(n)), 30)


def test_queue_is_waited_for(work, vhost, nginx):
    n = nginx(conf("", work), amqp=vhost.url, workers=1)
    n.expect("is not there")
    n.wait_log('the queue "work" of "ess_consume" is not there, and is waited '
               r'for \(declare it, or add "declare=durable"\): 404 ')
    declare(vhost)
    consumed(vhost, "work")
    n.wait_log('the queue "work" is consumed')
    assert n.log().count("is not there") == 1
    work.go.set()
    publish(vhost, 10)
    all_done(work, 10)
    wait_for(lambda: ready(vhost) == 0)


@pytest.mark.parametrize("how, durable", [("durable", True),
                                          ("transient", False)])
def test_queue_is_declared(work, vhost, nginx, how, durable):
    n = nginx(conf("declare=%s dead=work.dead" % how, work),
              amqp=vhost.url)
    consumed(vhost, "work")
    queues = vhost.queues()
    assert queues["work"]["durable"] is durable
    assert not queues["work"]["auto_delete"]
    assert not queues["work"]["exclusive"]
    assert queues["work.dead"]["durable"]

    n.expect(GONE)
    delete(vhost)
    wait_for(lambda: vhost.queue_counts("work") == (0, 2))
    work.go.set()
    publish(vhost, 10)
    all_done(work, 10)


def test_queue_is_used_as_it_is(work, vhost, nginx):
    declare(vhost, **{"x-max-length": 100})
    nginx(conf("declare=transient", work), amqp=vhost.url)
    consumed(vhost, "work")


@pytest.mark.parametrize("sac", [False, True])
def test_nothing_is_given_to_a_worker_that_leaves(work, vhost, nginx, sac):
    declare(vhost, **({"x-single-active-consumer": True} if sac else {}))
    n = nginx(conf("sac" if sac else "", work), amqp=vhost.url,
              workers=1)
    consumed(vhost, "work")
    publish(vhost, 40)
    work.app.wait(4)
    old, = n.workers()
    n.reload()

    # what the old one has in work stays with it, and nothing else does

    wait_for(lambda: len(work.app.requests) >= (4 if sac else 8))
    work.go.set()
    all_done(work, 40)
    wait_for(lambda: old not in n.workers())
    wait_for(lambda: ready(vhost) == 0)
    assert len(work.done) == 40
    assert all(r.headers["AMQP-Redelivered"] in ("0", "1")
               for r in work.app.requests)


def test_connection_is_lost(work, vhost, nginx):
    n = nginx(conf("declare=durable", work), amqp=vhost.url)
    n.expect(GONE)
    consumed(vhost, "work")
    publish(vhost, 20)
    work.app.wait(8)
    wait_for(lambda: len(vhost.connections()) >= 4)
    vhost.close_connections()
    work.go.set()
    all_done(work, 20)
    wait_for(lambda: vhost.queue_counts("work") == (0, 2))


def test_broker_is_restarted(work, own_broker, nginx):
    broker = own_broker("consumer_timeout = 1000\n")
    vhost = broker.vhost()
    n = nginx(conf("declare=durable", work), amqp=vhost.url)
    n.expect(GONE + "|consumer ack timed out|timeout")
    consumed(vhost, "work")
    publish(vhost, 20)
    work.app.wait(8)
    broker.stop_server()
    broker.start()
    work.go.set()
    all_done(work, 20)
    wait_for(lambda: vhost.queue_counts("work") == (0, 2), 30)
