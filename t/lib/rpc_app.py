"""An application behind nginx, and callers of its queues."""

import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler

import pika

from app_server import AppServer
from wait import slower, wait_for


class App:
    """answer(request) -> status, or (status, headers, body); request has
    .path, .headers, .body, .time and .write, for what HTTP does not allow."""

    def __init__(self, answer):
        self.requests = []
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.body = self.rfile.read(
                    int(self.headers.get("Content-Length", 0)))
                self.time = time.monotonic()
                app.requests.append(self)
                got = answer(self)
                if got is None:
                    self.close_connection = True
                    return
                if isinstance(got, int):
                    got = got, {}, b""
                status, headers, body = got
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST

            def log_message(self, *args):
                pass

        self.server = AppServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()

    def wait(self, n):
        wait_for(lambda: len(self.requests) >= n)
        return self.requests


class Caller:
    """Publishes, and gets replies: directly, or by a queue of its own."""

    def __init__(self, vhost, direct=True):
        self.connection = vhost.connect()
        self.channel = self.connection.channel()
        self.replies = {}
        if direct:
            self.reply_to = "amq.rabbitmq.reply-to"
        else:
            self.reply_to = self.channel.queue_declare(
                "", exclusive=True).method.queue
        self.channel.basic_consume(self.reply_to, self._got, auto_ack=direct)

    def _got(self, ch, method, properties, body):
        self.replies.setdefault(properties.correlation_id, []).append(
            (properties, body))

    def send(self, queue, body=b"", **properties):
        number = properties.setdefault("correlation_id", str(uuid.uuid4()))
        properties.setdefault("reply_to", self.reply_to)
        self.channel.basic_publish("", queue, body,
                                   pika.BasicProperties(**properties))
        return number

    def reply(self, number, seconds=10):
        end = time.monotonic() + seconds * slower()
        while number not in self.replies and time.monotonic() < end:
            self.connection.process_data_events(0.05)
        (properties, body), = self.replies.pop(number)
        assert properties.correlation_id == number
        return properties, body

    def call(self, queue, body=b"", **properties):
        return self.reply(self.send(queue, body, **properties))

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.connection.close()


def consumed(vhost, *queues):
    """Each has a consumer."""

    for queue in queues:
        wait_for(lambda: (vhost.queue_counts(queue) or (0, 0))[1])


def taken(vhost, queue):
    """The next message of the queue: its properties and its body."""

    with vhost.connect() as connection:
        channel = connection.channel()

        def got():
            method, properties, body = channel.basic_get(queue, auto_ack=True)
            return method and (properties, body)
        return wait_for(got)
