"""What others choose, in error.log: no line of it is of their making."""

import re

from api import Api
from wait import wait_for

CONF = """
http {
    ess_zone streams 8m;
    ess_amqp %%AMQP%% exchange=topics type=topic;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_max_event 1000;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

FORGED = "2026/01/01 00:00:00 [alert] 1#1: forged"
EVIL = "evil\n" + FORGED
ESCAPED = re.escape(r"evil\x0A" + FORGED)


def test_the_key_of_an_event_that_is_too_large(vhost, nginx):
    n = nginx(CONF, workers=2, amqp=vhost.url)
    api = Api(n.port(1))
    wait_for(lambda: api.try_create("#"), 20, "the stream")

    vhost.publish(EVIL, "x" * 1001, exchange="topics", kind="topic")

    n.wait_log(r'\[error\].* with routing key "%s" is too large' % ESCAPED)
    assert not re.search("(?m)^" + re.escape(FORGED), n.log())
