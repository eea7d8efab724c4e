"""Bindings that go while nginx is away from the broker, and some that stay
when it comes back."""

from api import Api
from sse import EventSource
from wait import wait_for

CONF = """
http {
    ess_zone streams 32m;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_node test;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location = /health { ess_health; }
        location = /metrics { ess_metrics; }
    }
}
"""

EXCHANGE = "event-streams"
GONE = r"\[warn\].*bindings of exchange .* are gone.*lost"


def start(nginx, vhost):
    n = nginx(CONF, amqp=vhost.url)
    api = Api(n.port(1))
    wait_for(lambda: api.request("GET", "/health").status == 200)
    return n, api


def figure(api, name):
    return api.request("GET", "/metrics?format=json").json()[name]


def make_anew(vhost):
    with vhost.connect() as c:
        channel = c.channel()
        channel.exchange_delete(EXCHANGE)
        channel.exchange_declare(EXCHANGE, "direct", durable=True)


def test_exchange_made_anew_while_nginx_is_away_from_the_broker(own_broker,
                                                                nginx):
    broker = own_broker()
    vhost = broker.vhost()
    n, api = start(nginx, vhost)
    n.expect(r"\[error\]")
    stream = api.create("abc")
    with EventSource(stream.http) as source:
        broker.stop_server()
        broker.start()
        make_anew(vhost)
        wait_for(lambda: "abc" in {k for _, k in vhost.bindings()}, 20, "bindings")
        wait_for(lambda: api.request("GET", "/health").status == 200)
        n.wait_log(GONE)
        vhost.publish("abc", "hello")
        assert [e.type for e in source.wait(2)] == ["gap", "message"]


def test_restart_of_the_broker_is_no_loss_of_bindings(own_broker, nginx):
    broker = own_broker()
    vhost = broker.vhost()
    n, api = start(nginx, vhost)
    n.expect(r"\[error\]")
    stream = api.create("abc")
    with EventSource(stream.http) as source:
        broker.stop_server()
        broker.start()
        wait_for(lambda: figure(api, "amqp_sessions_total") == 4, 20)
        wait_for(lambda: api.request("GET", "/health").status == 200)
        vhost.publish("abc", "hello")
        assert [e.type for e in source.wait(1)] == ["message"]
        n.reload(old_gone=True)
    assert figure(api, "amqp_bindings_restored_total") == 0
    assert "lost" not in n.log()
