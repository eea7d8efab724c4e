"""A publisher that keeps events flowing while a test breaks things."""

import collections
import threading
import time

import pika

PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Publisher:
    """Publishes "<key> <n>", n from 1 for each key, in turns over the keys,
    at `rate' events a second, on a thread of its own, until stop().  It
    connects again when the broker went away; what was not confirmed then is
    counted as published all the same, for it may have been.  With twins each
    is published twice in a row, and counts as two."""

    def __init__(self, vhost, keys, rate=2000, exchange="event-streams",
                 properties=PERSISTENT, twins=False):
        self.vhost = vhost
        self.keys = list(keys)
        self.rate = rate
        self.exchange = exchange
        self.properties = properties
        self.copies = 2 if twins else 1
        self.published = collections.Counter()
        self.outages = 0
        self._stop = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def total(self):
        return sum(self.published.values())

    def _run(self):
        try:
            while not self._stop.is_set():
                try:
                    self._publish()
                except (pika.exceptions.AMQPError, OSError):
                    self.outages += 1
                    self._stop.wait(0.05)
        except BaseException as e:
            self._error = e
            raise

    def _publish(self):
        with self.vhost.connect() as connection:
            channel = connection.channel()
            begin, sent = time.monotonic(), 0

            while not self._stop.is_set():
                due = int((time.monotonic() - begin) * self.rate) + 1 - sent
                for _ in range(min(due, 500)):
                    key = self.keys[self.total() // self.copies
                                    % len(self.keys)]
                    self._one(channel, key)
                    sent += 1
                connection.process_data_events(0.005)

            # what a channel has under way to quorum queues may go with it: an
            # event that is confirmed is behind all others of its key
            channel.confirm_delivery()
            for key in self.keys:
                for _ in range(self.copies):
                    self._one(channel, key)
            channel.close()

    def _one(self, channel, key):
        number = self.published[key] // self.copies + 1
        self.published[key] += 1
        channel.basic_publish(self.exchange, key,
                              b"%s %d" % (key.encode(), number),
                              self.properties)

    def stop(self):
        """Returns how many were published for each key."""

        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._error:
            raise self._error
        return dict(self.published)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self._stop.set()
        self._thread.join(60)


def numbers(client):
    """The numbers that a client received."""

    return [int(m.rsplit(" ", 1)[1]) for m in client.messages]


def gap(client):
    """Where it does not have each once, in order, none missing between the
    first and the last, with the neighbours; None if it does."""

    got = numbers(client)
    for i, (a, b) in enumerate(zip(got, got[1:]), 1):
        if b != a + 1:
            return "%s: at %d of %d: ... %s | %s ..." % (
                client.messages[i].rsplit(" ", 1)[0], i, len(got),
                " ".join(map(str, got[max(i - 5, 0):i])),
                " ".join(map(str, got[i:i + 10])))
    return None


def gaps(clients):
    """Of all of them."""

    return [g for g in map(gap, clients) if g]


def increasing(client):
    """Each at most once, in order."""

    got = numbers(client)
    return all(a < b for a, b in zip(got, got[1:]))
