"""The service of examples/rpc: its application as a process, its nginx.conf
for the nginx fixture, and callers that speak as those of its kind do: gzip
without a content_encoding, a reply queue of their own."""

import contextlib
import gzip
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid

import pika

from nginx import MODULE, TOP
from ports import free_port
from rabbitmq_node import die_with_parent
from wait import slower, wait_for

EXAMPLE = os.path.join(TOP, "examples", "rpc")


def schema():
    with open(os.path.join(EXAMPLE, "schema.sql")) as f:
        return f.read()


def conf():
    """The example's, with the test's addresses: %%AMQP%%, %%APP%%, and PORT0
    in place of 8081."""

    with open(os.path.join(EXAMPLE, "nginx.conf")) as f:
        text = f.read()
    for old, new in (("modules/ngx_ess_module.so", MODULE),
                     ("user www-data;", ""),
                     ("worker_processes auto;", ""),
                     ("pid /run/nginx.pid;", ""),
                     ("error_log /var/log/nginx/error.log;", ""),
                     ("amqp://test:pass@127.0.0.1:8672/", "%%AMQP%%"),
                     ("127.0.0.1:8000", "127.0.0.1:%%APP%%"),
                     ("listen 127.0.0.1:8081", "listen 127.0.0.1:%%PORT0%%")):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    if os.geteuid() == 0:
        text = "user root;\n" + text
    return text


QUEUES = ["test", "will-error", "dictionary", "db", "example-items",
          "queue-test"]


def wait_consumed(vhost, workers=2):
    """Until each worker consumes all queues."""

    wait_for(lambda: all((vhost.queue_counts(q) or (0, 0))[1] >= workers
                         for q in QUEUES), 20, "the queues' consumers", 0.05)


class App:
    """Use it in a with statement; start() again after stop()."""

    def __init__(self, folder, database):
        self.log = os.path.join(folder, "app.log")
        self.database = database
        self.port = free_port()
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, os.path.join(EXAMPLE, "app.py")],
                env=dict(os.environ, HOST="127.0.0.1", PORT=str(self.port),
                         DATABASE_URL=self.database.url),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent())
        wait_for(self._listens, 20, "the application")
        return self

    def _listens(self):
        assert self.process.poll() is None, self.logged()
        with contextlib.suppress(OSError):
            return self.post("/", b"").status == 404

    def logged(self):
        with open(self.log) as f:
            return f.read()

    def post(self, path, body):
        return post(self.port, path, body)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *args):
        self.kill()


def post(port, path, body, **headers):
    """Returns the response, whose .body is what came."""

    request = urllib.request.Request(
        "http://127.0.0.1:%d%s" % (port, path), data=body, method="POST",
        headers=dict({"Content-Type": "application/json"}, **headers))
    try:
        r = urllib.request.urlopen(request, timeout=30 * slower())
    except urllib.error.HTTPError as e:
        r = e
    with r:
        r.body = r.read()
    return r


class Caller:
    """By pika, with a queue for replies, or with RabbitMQ's own in place of
    one.  Use it in a with statement."""

    def __init__(self, vhost, direct=False):
        self.connection = vhost.connect()
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.queue = "amq.rabbitmq.reply-to" if direct else \
            self.channel.queue_declare("", exclusive=True).method.queue
        self.replies = {}
        self.channel.basic_consume(self.queue, self._reply, auto_ack=True)

    def _reply(self, channel, method, properties, body):
        self.replies.setdefault(properties.correlation_id, []).append(
            (properties, body))

    def send(self, queue, data=None):
        """Returns what wait() takes."""

        call = str(uuid.uuid4())
        self.channel.basic_publish("", queue, gzip.compress(json.dumps(
            {"data": data}).encode()), pika.BasicProperties(
                reply_to=self.queue, correlation_id=call))
        return call

    def wait(self, call, timeout=30):
        """(properties, envelope) of the reply."""

        def come():
            self.connection.process_data_events(0.05)
            return self.replies.get(call)

        replies = wait_for(come, timeout, "a reply")
        properties, body = replies[0]
        return properties, json.loads(gzip.decompress(body))

    def call(self, queue, data=None):
        return self.wait(self.send(queue, data))[1]

    def __enter__(self):
        return self

    def __exit__(self, *args):
        with contextlib.suppress(pika.exceptions.AMQPError):
            self.connection.close()


def publish(vhost, queue, data):
    """A task, for which nobody waits."""

    vhost.publish(queue, gzip.compress(json.dumps({"data": data}).encode()),
                  exchange="", properties=pika.BasicProperties(
                      delivery_mode=2))
