"""Workers that answer calls, over pika, each in a thread of its own."""

import gzip
import json
import threading

import pika

from wait import wait_for


class RpcWorker:
    """Consumes the queue, declared transient, and answers each message with
    what answer(worker, message) returns: a body, or (body, properties as a
    dict), or None: nothing.  `messages' has all that came."""

    def __init__(self, vhost, queue, answer=None, exchange="", declare=True,
                 prefetch=0):
        self.vhost = vhost
        self.queue = queue
        self.answer = answer or (lambda worker, m: m.body)
        self.exchange = exchange
        self.declare = declare
        self.prefetch = prefetch
        self.messages = []
        self._ready = threading.Event()
        self._stop = False

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        wait_for(self._ready.is_set, what="the worker's consumer")
        return self

    def __exit__(self, *exc):
        self._stop = True
        self.thread.join(10)

    def _run(self):
        with self.vhost.connect() as connection:
            self.channel = channel = connection.channel()
            if self.declare:
                channel.queue_declare(self.queue)
            if self.exchange:
                channel.queue_bind(self.queue, self.exchange, self.queue)
            if self.prefetch:
                channel.basic_qos(prefetch_count=self.prefetch)
            channel.basic_consume(self.queue, self._message)
            self._ready.set()
            while not self._stop:
                connection.process_data_events(0.02)

    def _message(self, channel, method, properties, body):
        message = Message(method, properties, body)
        self.messages.append(message)
        answer = self.answer(self, message)
        if answer is not None:
            self.reply(message, *(answer if isinstance(answer, tuple)
                                  else (answer,)))
        channel.basic_ack(method.delivery_tag)

    def reply(self, message, body, properties=None):
        if isinstance(body, str):
            body = body.encode()
        self.channel.basic_publish(
            "", message.properties.reply_to, body, pika.BasicProperties(**{
                "correlation_id": message.properties.correlation_id,
                **(properties or {})}))

    def later(self, seconds, *reply):
        """Answers a message then; for `answer'."""

        self.channel.connection.call_later(
            seconds, lambda: self.reply(*reply))


class Message:

    def __init__(self, method, properties, body):
        self.method = method
        self.properties = properties
        self.body = body

    def json(self):
        return json.loads(gzip.decompress(self.body)
                          if self.body[:2] == b"\x1f\x8b" else self.body)
