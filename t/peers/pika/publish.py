"""publish.py URL EXCHANGE KEY: an event for each line of the standard input,
"body name...": see ../test_publishers.py."""

import datetime
import decimal
import sys

import pika

UTC = datetime.timezone.utc
TIME = datetime.datetime.fromtimestamp(1500000000, UTC).replace(tzinfo=None)

EVERY = {
    "a-bool": True,
    "a-int": -3,
    "a-long": -2 ** 63,
    "a-decimal": decimal.Decimal("3.14"),
    "a-string": "text",
    "a-bytes": b"\x00\x01\xff",
    "a-time": TIME,
    "a-void": None,
}
EVERY.update({"z-array": [1, "two", True, dict(EVERY)],
              "z-table": dict(EVERY)})

VALUES = dict(content_type="application/json", content_encoding="utf-8",
              delivery_mode=2, priority=3, correlation_id="c", reply_to="r",
              expiration="60000", message_id="m", type="t", user_id="guest",
              app_id="a", cluster_id="i")


def properties(names):
    given, headers = {}, {}
    for name, _, value in (n.partition("=") for n in names):
        if name == "headers":
            headers.update(EVERY)
        elif name == "timestamp_in_ms":
            headers[name] = int(value)
        elif name == "ess_uuid":
            headers[name] = value
        elif name == "timestamp":
            given[name] = int(value)
        else:
            given[name] = VALUES[name]
    return pika.BasicProperties(headers=headers or None, **given)


url, exchange, key = sys.argv[1:]
with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.confirm_delivery()
    for line in sys.stdin:
        body, *names = line.split()
        channel.basic_publish(exchange, key, body.encode(), properties(names))
