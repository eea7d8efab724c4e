"""What a publisher says of its event: the properties of AMQP."""

import json

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
