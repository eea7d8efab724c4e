#!/usr/bin/python3
"""Publishes one MerchantCharge message to the exchange event-streams.

usage: ampq_publisher.py ROUTING_KEY [AMPQ_URL]

AMPQ_URL is, when left out, the environment's ESS_AMPQ_URL, or else that of
"make run", or of the RabbitMQ in docker/compose.yaml.
"""

import datetime
import json
import os
import sys

import pika

URLS = ["amqp://guest:guest@127.0.0.1:%d/" % port for port in (5673, 5672)]
EXCHANGE = "event-streams"


def publish(routing_key, urls):
    """To the first broker that is there."""

    message = {
        "message_type": "accountserver_api_pb2.MerchantCharge",
        "message_body": {
            "timestamp": datetime.datetime.now(
                datetime.timezone.utc).isoformat(),
            "merchant": "product-00000000-0000-0000-0000-000000000001",
            "quantity": "1.0",
        },
    }

    connection = pika.BlockingConnection(
        [pika.URLParameters(url) for url in urls])
    channel = connection.channel()
    channel.confirm_delivery()
    channel.exchange_declare(EXCHANGE, exchange_type="direct", durable=True)

    try:
        channel.basic_publish(
            EXCHANGE, routing_key, json.dumps(message).encode(),
            pika.BasicProperties(content_type="application/json",
                                 delivery_mode=2),
            mandatory=True)
    except pika.exceptions.UnroutableError:
        print("no stream has the routing key %s" % routing_key,
              file=sys.stderr)
        return 1
    finally:
        connection.close()

    print("sent %s" % json.dumps(message))
    return 0


def main(argv):
    if len(argv) not in (2, 3) or argv[1].startswith("-"):
        return __doc__.strip()

    url = argv[2] if len(argv) == 3 else os.environ.get("ESS_AMPQ_URL")
    try:
        return publish(argv[1], [url] if url else URLS)
    except (pika.exceptions.AMQPError, OSError) as e:
        return "cannot publish: %s" % (str(e) or type(e).__name__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
