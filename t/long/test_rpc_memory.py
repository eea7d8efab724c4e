"""A million messages become requests, to locations of many kinds, and nginx
holds as much as before.  ESS_REQUESTS: another number."""

import os
import time

import pytest

from api import Api
from load import publisher
from memory import flat, private_kb
from rpc_app import consumed
from wait import SLOWER, wait_for

KINDS = [
    "return 204;",
    "return 200 $ess_queue;",
    "proxy_pass http://app/;",
    "proxy_buffering off; proxy_method GET; proxy_pass http://app/large;",
    "auth_request /yes; proxy_pass http://app/;",
    "root %%DIR%%; try_files /page =404;",
    "error_page 404 =200 /page; root %%DIR%%; try_files /none =404;",
    "rewrite ^ /rewritten last;",
]

CONF = """
http {
    ess_amqp   %%AMQP%%;
    access_log off;
    keepalive_requests 10000000;
    upstream app { server 127.0.0.1:%%PORT1%%; keepalive 64; }

    server {
        listen 127.0.0.1:%%PORT0%%;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
%%LOCATIONS%%
        location = /yes { internal; return 204; }
        location = /page { root %%DIR%%; }
        location = /rewritten { internal; return 202; }
        location = /call0 { ess_rpc kind0 timeout=60s; }
        location = /call1 { ess_rpc kind1 timeout=60s; }
        location = /call2 { ess_rpc kind2 timeout=60s; }
        location = /metrics { ess_metrics; }
    }

    server {
        listen 127.0.0.1:%%PORT1%% backlog=1024;
        location = / { return 200 "fine"; }
        location = /large { root %%DIR%%; }
    }
}
"""

REQUESTS = int(os.environ.get("ESS_REQUESTS") or 1000000 // SLOWER ** 2)
ROUNDS = 10

# of each round: nobody waits for an answer, a queue gets one, a client of
# ess_rpc gets one
CALLS = REQUESTS // ROUNDS // 5
HTTP = REQUESTS // ROUNDS // 50


def locations():
    return "".join("""
        location = /kind%d {
            internal;
            ess_consume kind%d declare=durable concurrency=64 %s;
            %s
        }""" % (i, i, "method=GET" * ("root" in directives), directives)
        for i, directives in enumerate(KINDS))


@pytest.mark.seconds(900)
def test_a_million_requests(nginx, vhost):
    # whatever is in it, only the last replies
    with vhost.connect() as connection:
        connection.channel().queue_declare("replies", arguments={
            "x-max-length": 100})

    n = nginx(CONF.replace("%%LOCATIONS%%", locations()), amqp=vhost.url,
              start=False)
    for name, size in ("page", 500), ("large", 20000):
        with open(n.path(name), "wb") as f:
            f.write(b"x" * size)
    n.start()
    api = Api(n.port(0))
    consumed(vhost, *("kind%d" % i for i in range(len(KINDS))))

    def outcomes():
        r = api.request("GET", "/metrics",
                        headers={"Accept": "application/json"})
        total = {}
        for queue in r.json()["consume_messages_total"].values():
            for outcome, number in queue.items():
                total[outcome] = total.get(outcome, 0) + number
        return total

    def publish(number, first, **more):
        return publisher("amqp", port=vhost.port, vhost=vhost.name,
                         exchange="", keys="kind", streams=len(KINDS),
                         events=number, size=200, first=first, **more)

    begin = time.monotonic()
    held = []
    rest = REQUESTS // ROUNDS - CALLS - HTTP // 3 * 3
    for i in range(ROUNDS):
        publishers = [publish(rest, 0), publish(CALLS, 0, reply="replies")]
        publishers += [publisher("http", port=n.port(0), path="/call%d" % k,
                                 events=HTTP // 3) for k in range(3)]
        for p in publishers:
            p.communicate()
            assert p.returncode == 0
        wait_for(lambda: sum(outcomes().values())
                 >= (i + 1) * REQUESTS // ROUNDS, 120,
                 "round %d to be done" % i, 0.1)
        held.append(private_kb(n.workers()))

    seconds = time.monotonic() - begin
    print("\n%d requests in %d s, %d in a second; KB held after each round: %s"
          % (REQUESTS, seconds, REQUESTS / seconds, held))
    assert outcomes() == dict.fromkeys(outcomes(), 0) | {
        "ack": ROUNDS * rest, "reply": ROUNDS * (CALLS + HTTP // 3 * 3)}
    # it goes up and down; what is lost of each request would add up
    assert flat(max(held[1:ROUNDS // 2]), max(held[ROUNDS // 2:]), 1024)
