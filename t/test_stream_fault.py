"""Workers that die at each write made under the zone's mutex: a test build
counts the writes and kills itself at the one that the test asks for.  Each
new worker walks the whole zone and says what it found."""

import http.client
import os

import pytest

from api import Api
from clients import Clients
from fault import Fault
from nginx import FAULT_MODULE
from wait import wait_for

CONF = """
env ESS_FAULT_FILE;

http {
    ess_zone streams 4m;
    ess_store %%DIR%%/streams.db;
    ess_amqp %%AMQP%% exchange=event-streams;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=2k count=5;
    ess_node test;

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


def attempt(call, *args, **kwargs):
    """None when the worker that should have answered died."""

    try:
        return call(*args, **kwargs)
    except (OSError, http.client.HTTPException):
        return None


# make test SANITIZE=1 takes every third write
STEP = 3 if os.environ.get("ESS_SANITIZE") else 1


@pytest.mark.seconds(300)
@pytest.mark.parametrize("begin", [1, 101, 201, 301])
def test_killed_at_each_write(vhost, nginx, tmp_path, monkeypatch, begin):
    path = tmp_path / "fault"
    fault = Fault(path)
    monkeypatch.setenv("ESS_FAULT_FILE", str(path))
    n = nginx(CONF, workers=2, module=FAULT_MODULE, amqp=vhost.url)
    n.expect(r"worker process \d+ exited on signal 9")
    n.expect(r"shared memory zone .* was locked by \d+")
    api = Api(n.port(1))
    kept = api.create("kept")
    published = 0

    def checks():
        return n.log().count("ess zone check: ok")

    with vhost.connect() as connection:
        channel = connection.channel()

        for at in range(begin, begin + 100, STEP):
            before, pids = checks(), set(n.workers())
            client = attempt(lambda: Clients(kept.location, timeout=5))
            fault.set(at)
            made = attempt(api.request, "POST", body={"routing_key": "kept"})
            for _ in range(8):
                published += 1
                channel.basic_publish("event-streams", "kept",
                                      b"%d " % published + b"x" * 300)
            connection.process_data_events(0)
            if made is not None and made.status == 201:
                attempt(api.request, "DELETE", str(made.json()["id"]))

            # which may be what the worker dies at
            wait_for(lambda: (attempt(api.get, kept) or {}).get(
                         "last_ordinal") == published, 20,
                     "all events, write %d" % at)
            if fault.get() <= 0:
                wait_for(lambda: checks() > before
                         and len(n.workers()) == 2
                         and set(n.workers()) != pids, 10, "the zone check")
            fault.set(0)
            if client:
                client.close()

            # what the dead one left half-made goes away
            for s in api.list():
                if s["id"] != kept.id and s["routing_key"] == "kept":
                    attempt(api.request, "DELETE", str(s["id"]))
            wait_for(lambda: [s["id"] for s in api.list()] == [kept.id])
