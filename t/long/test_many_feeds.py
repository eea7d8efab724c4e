"""A batch to some of 10,000 streams, of all of which a worker has clients:
what it costs is what its events cost, however many streams have none."""

import os

import pytest

from api import Api
from v1 import V1
from wait import wait_for

CONF = """
http {
    ess_zone        streams 64m;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;
    ess_client_rate off;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location = /streams     { ess_subscribe multi;
                                  ess_max_subscriptions 4096; }
        location /event-stream/ { ess_api; }
        location /publish/      { ess_publish; }
    }
}
"""

# streams of each routing key, and batches; a worker lists 510 streams that
# have something
FEW, MORE, REST = ("few", 500, 60), ("more", 600, 60), ("rest", 8900, 5)


def cpu(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.seconds(300)
def test_a_batch_costs_what_its_events_do(nginx):
    n = nginx(CONF, workers=1)
    api = Api(n.port(0))
    uuids = [s.uuid for key, size, _ in (FEW, MORE, REST)
             for s in api.create_many([key] * size)]
    clients = [V1("ws://127.0.0.1:%d/streams" % n.port(0)) for _ in range(3)]
    for i in range(0, len(uuids), 250):
        entries = clients[i // 250 % 3].subscribe(*uuids[i:i + 250])
        assert all("s" in e for e in entries)
    pid, = n.workers()
    sent = 0

    def cost(key, size, times):
        """Seconds of CPU for an event of such a batch."""

        nonlocal sent
        begin = cpu(pid)
        for _ in range(times):
            assert api.request("POST", "/publish/" + key, "1").status == 202
            sent += size
            wait_for(lambda: sum(len(c.events) for c in clients) == sent, 60)
        return (cpu(pid) - begin) / times / size

    costs = {}
    for group in (FEW, MORE, REST):
        cost(*group[:2], 1)
        costs[group[0]] = cost(*group)
    for c in clients:
        c.close()
    print("\nan event of a batch to %s" % ", ".join(
        "%d streams: %.1f us" % (size, costs[key] * 1e6)
        for key, size, _ in (FEW, MORE, REST)))
    assert costs["more"] <= 3 * costs["few"]
    assert costs["rest"] <= 3 * costs["few"]
