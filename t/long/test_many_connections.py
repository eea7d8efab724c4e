"""100,000 idle connections."""

import resource
import time

import pytest

from api import Api
from load import Load, cpu, pss, publisher

CONF = """
worker_rlimit_nofile 20000;
events { worker_connections 19900; }

http {
    access_log      off;
    ess_zone        streams 64m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_drain       0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport backlog=4096;
        location /event-stream/ { ess_subscribe; ess_request %%REQUEST%%; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

WORKERS = 6
CONNECTIONS = 100000
PROCESSES = 6
STREAMS = 100
EVENTS = 5


def kernel_memory():
    """Bytes of the objects of the kernel's, on the whole machine."""

    with open("/proc/meminfo") as f:
        lines = dict(line.split(":") for line in f)
    return int(lines["Slab"].split()[0]) * 1024


@pytest.mark.seconds(600)
@pytest.mark.parametrize("request_", ["keep", "release"])
def test_connections(nginx, vhost, tmp_path, request_):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    n = nginx(CONF, WORKERS, amqp=vhost.url, request=request_)
    api = Api(n.port(1))
    streams = [api.create("key%d" % i) for i in range(STREAMS)]
    pids = n.workers()
    before, kernel = pss(pids), kernel_memory()

    loads = []
    begin = time.monotonic()
    used = cpu(pids)
    for i in range(PROCESSES):
        folder = tmp_path / ("load%d" % i)
        folder.mkdir()
        share = CONNECTIONS // PROCESSES + (i < CONNECTIONS % PROCESSES)
        loads.append(Load(folder, [(n.port(0), "/event-stream/" + s.uuid)
                                   for s in streams[i:] + streams[:i]],
                          share, expect=EVENTS, pongs=1, seconds=300))
    took = time.monotonic() - begin
    used = cpu(pids) - used
    assert sum(api.get(s)["subscribers"] for s in streams) == CONNECTIONS

    begin, idle = time.monotonic(), cpu(pids)
    # what is measured is this time: two pings for each
    time.sleep(40)
    idle = (cpu(pids) - idle) / (time.monotonic() - begin)
    memory = (pss(pids) - before) / CONNECTIONS
    kernel = (kernel_memory() - kernel) / CONNECTIONS

    event = cpu(pids)
    p = publisher("amqp", port=vhost.port, vhost=vhost.name, keys="key",
                  streams=STREAMS, events=STREAMS * EVENTS, rate=25,
                  size=200)
    results = [load.result() for load in loads]
    p.communicate()
    event = (cpu(pids) - event) / (CONNECTIONS * EVENTS)
    for load in loads:
        load.stop()

    print("\n%s: %d connected in %.0f s, %.0f us of CPU each; idle: %.2f KiB "
          "of user memory, %.2f KiB of the kernel's (both ends), %.1f %% of a "
          "core with a ping each 20 s; %.2f us for a delivery, p99 %.0f ms"
          % (request_, CONNECTIONS, took, used / CONNECTIONS * 1e6,
             memory / 1024, kernel / 1024, idle * 100, event * 1e6,
             max(r["p99"] for r in results) / 1000))
    assert sum(r["complete"] for r in results) == CONNECTIONS
    assert all((r["lost"], r["doubled"], r["broken"]) == (0, 0, 0)
               for r in results)
    assert memory < (9.5 if request_ == "keep" else 1.5) * 1024
