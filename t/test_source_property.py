"""What a publisher says of its event: the properties of AMQP."""

import json
import time

import pika

from api import Api
from clients import Clients
from wait import wait_for

CONF = """
http {
    ess_zone streams 8m;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; ess_annotate on; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

# all fourteen but cluster_id, which no broker takes any more
ALL = dict(content_type="application/json", content_encoding="utf-8",
           delivery_mode=2, priority=3, correlation_id="c", reply_to="r",
           expiration="60000", message_id="m", timestamp=1500000000,
           type="order.created", user_id="guest", app_id="b")


def created(api, key):
    return wait_for(lambda: api.try_create(key), 20, "the stream")


def times(client):
    return [json.loads(m)["ess_timestamp"] for m in client.messages]


def test_all_properties_and_a_type(vhost, nginx):
    n = nginx(CONF, workers=2, amqp=vhost.url)
    api = Api(n.port(1))
    one, other = created(api, "k"), created(api, "k")

    with Clients([one.location, other.location]) as clients:
        for more in (dict(ALL), dict(type="t"), dict(type="t" * 255),
                     dict(type="", app_id=""), dict(user_id="guest")):
            vhost.publish("k", "{}", properties=pika.BasicProperties(
                headers={"timestamp_in_ms": 1234567890123}, **more))
        vhost.publish("k", "{}", properties=pika.BasicProperties(
            headers={"ess_uuid": other.uuid}, type="t", timestamp=1000000000))
        vhost.publish("k", '{"last": 1}')

        for client in clients:
            wait_for(lambda: '"last"' in (client.messages or [""])[-1], 20,
                     "the last event")

        assert times(clients[0])[:-1] == [1234567890123] * 5
        assert times(clients[1])[:-1] == [1234567890123] * 5 + [1000000000000]


def test_a_header_beside_one_that_is_not_decoded(vhost, nginx):
    n = nginx(CONF, workers=2, amqp=vhost.url)
    api = Api(n.port(1))
    one, other = created(api, "k"), created(api, "k")
    deep = []
    for _ in range(100):
        deep = [deep]

    with Clients([one.location, other.location]) as clients:
        vhost.publish("k", "{}", properties=pika.BasicProperties(
            headers={"a": deep, "ess_uuid": other.uuid, "z": deep,
                     "timestamp_in_ms": 1234567890123}))
        vhost.publish("k", '{"last": 1}')
        wait_for(lambda: all(c.messages and '"last"' in c.messages[-1]
                             for c in clients), 20, "the last event")
        assert len(clients[0].messages) == 1
        assert times(clients[1])[0] == 1234567890123


def test_times(vhost, nginx):
    n = nginx(CONF, workers=2, amqp=vhost.url)
    stream = created(Api(n.port(1)), "k")
    now = 1795871133389

    with Clients(stream.location) as clients:
        begin = int(time.time() * 1000)
        for timestamp, headers in [
                (now, None), (now // 1000, None), (1, {"timestamp_in_ms": now}),
                (now, {"timestamp_in_ms": -1}), (None, {"timestamp_in_ms": 7}),
                (None, {"timestamp_in_ms": str(now)}),
                (now * 1000, None), (0, None), (2**63 - 1, None)]:
            vhost.publish("k", "{}", properties=pika.BasicProperties(
                timestamp=timestamp, headers=headers))
        clients.wait(9)
        got = times(clients[0])
        assert got[:6] == [now, now // 1000 * 1000, now, now, 7, now]
        assert all(begin - 1000 <= t <= time.time() * 1000 + 1000
                   for t in got[6:])


def test_time_of_what_is_read_again(vhost, nginx):
    """Of a RabbitMQ stream: that of arrival, as long as the log has it."""

    n = nginx(CONF.replace("ess_api;", "ess_api source=stream;"), workers=2,
              amqp=vhost.url)
    api = Api(n.port(1))
    with vhost.connect() as c:
        c.channel().queue_declare("s", durable=True,
                                  arguments={"x-queue-type": "stream"})
    at = pika.BasicProperties(timestamp=1500000000)
    vhost.publish("s", ['{"n": 1}', "2"], exchange="")
    vhost.publish("s", "3", exchange="", properties=at)
    stream = created(api, "s")
    begin = int(time.time() * 1000)

    def all_of(clients, n):
        clients.wait(n)
        return clients[0].messages

    with Clients(stream.location + "?stream_from_ordinal=0") as clients:
        assert all_of(clients, 3) == [
            '{"n": 1,"ess_ordinal":1,"ess_timestamp":null}',
            "2|ordinal: 2|timestamp: null",
            "3|ordinal: 3|timestamp: 1500000000000"]
        vhost.publish("s", ["{}", "{}"], exchange="")
        clients.wait(5)
        live = json.loads(clients[0].messages[4])["ess_timestamp"]
        assert begin - 1000 <= live <= time.time() * 1000 + 1000

    # from the log: the times of arrival stay
    with Clients(stream.location + "?stream_from_ordinal=4") as clients:
        assert all_of(clients, 1) == [
            '{"ess_ordinal":5,"ess_timestamp":%d}' % live]

    # those without a time are found by the broker's
    with Clients(stream.location + "?stream_from_timestamp=1000") as clients:
        assert len(all_of(clients, 5)) == 5
