"""10,000 streams of HTTP/2 whose clients read late, close their windows, reset
and read on: none gets a byte of another's.  With SANITIZE=1 nothing is read
that was freed."""

import string

import pytest

from api import Api
from h2_unruly import KINDS, Unruly

CONF = """
http {
    access_log      off;
    ess_zone        streams 64m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;

    server {
        listen 127.0.0.1:%%PORT0%% http2 sndbuf=8k;
        http2_max_concurrent_streams 1000;
        keepalive_requests           100000;
        location /event-stream/ {
            ess_subscribe;
            ess_ping        1s 10s;
            ess_slow_client close buffer=256k;
        }
        location /console/ { ess_console; }
        location /metrics { ess_metrics streams=100; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""

STREAMS = 10000
REQUESTS = 100


@pytest.mark.seconds(600)
def test_http2(nginx):
    n = nginx(CONF, 2)
    api = Api(n.port(1))
    keys = string.ascii_lowercase[:12]
    unruly = Unruly(n.port(), api.publish,
                    {key: "/event-stream/" + api.create(key).uuid
                     for key in keys},
                    ["/metrics", "/console/app.js", "/console/api/"])
    rounds = 0
    while unruly.streams < STREAMS:
        unruly.round(REQUESTS)
        rounds += 1
    print("\n%d streams of %d connections, %d of them reset; %d events and "
          "%.1f MB came" % (unruly.streams, rounds * len(KINDS), unruly.resets,
                            unruly.events, unruly.bytes / 1e6))
    assert unruly.resets > STREAMS / 10
