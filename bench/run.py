#!/usr/bin/python3
"""Measures the module beside others on the same work, in one run, in turns.

    run.py [--quick] [--only SCENARIO,...] [--repeat N] [--before MODULE]

What is compared: the floor (floor.c: what the kernel alone costs), Nchan from
Debian's package, RabbitMQ's Web STOMP, aio-pika and FastAPI from PyPI, and this
module.
Each figure is the median of the repetitions.  CPU is user and system time of all processes of the
server, as the scheduler counts it; memory is the growth of their PSS.
"""

import argparse
import contextlib
import functools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(TOP, "t", "lib"), os.path.join(TOP, "tools")]
sys.dont_write_bytecode = True

import abuse                                                # noqa: E402
import calls                                                # noqa: E402
import event_logs                                           # noqa: E402
import holds                                                # noqa: E402
import rabbitmq_node                                        # noqa: E402
from api import Api                                         # noqa: E402
from load import (                                          # noqa: E402
    PROGRAMS, Load, consumer, cpu, pss, publisher, settle)
from nginx import FAULT_MODULE, MODULE, Nginx               # noqa: E402
from plot import plot                                       # noqa: E402
from ports import free_port                                 # noqa: E402
from wait import wait_for                                   # noqa: E402

EXCHANGE = "event-streams"

OURS = """
error_log %%DIR%%/error.log notice;
worker_rlimit_nofile 20000;
events { worker_connections 19900; }

http {
    access_log off;
    ess_zone        streams %%ZONE%%;
    %%SOURCE%%
    %%MAIN%%
    ess_deflate     %%DEFLATE%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=64m count=1000000;
    ess_slow_client close buffer=16m;
    ess_ping        0;
    ess_drain       %%DRAIN%%;
    ess_node        bench;

    server {
        listen 127.0.0.1:%%PORT0%% backlog=4096 %%LISTEN%%;
        %%TLS%%
        location /event-stream/ { ess_subscribe; ess_request %%REQUEST%%; }
        %%MANY%%
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        keepalive_requests 1000000000;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location = /metrics { ess_metrics; }
    }
    %%SERVERS%%
}
"""

MANY = """
        location = /many { ess_subscribe multi; ess_request release;
                           ess_max_subscriptions 4096; }
"""

NCHAN = """
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
error_log %%DIR%%/error.log notice;
worker_rlimit_nofile 20000;
events { worker_connections 19900; }

http {
    access_log off;
    nchan_max_reserved_memory 512m;
    nchan_message_buffer_length 1000000;
    nchan_message_timeout 10m;
    client_max_body_size 1m;
    client_body_buffer_size 1m;
    keepalive_requests 1000000000;

    server {
        listen 127.0.0.1:%%PORT0%% backlog=4096;
        %%TLS%%
        location ~ ^/sub/(.*)$ {
            nchan_subscriber websocket;
            nchan_subscriber_first_message newest;
            nchan_channel_id $1;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location ~ ^/pub/(.*)$ {
            nchan_publisher;
            nchan_channel_id $1;
        }
    }
}
"""


class Server:
    """What is measured: pids(), url(stream), publish()."""

    def __init__(self, run, **names):
        self.run = run
        self.folder = tempfile.mkdtemp(dir=run.folder)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class NginxServer(Server):

    def start(self, conf, workers, tls, **kwargs):
        lines = ""
        if tls:
            lines = "ssl_certificate %s; ssl_certificate_key %s;" % (
                self.run.certificate())
            conf = conf.replace("backlog=4096", "ssl backlog=4096")
        self.nginx = Nginx(self.folder, conf, workers, tls=lines, **kwargs)
        self.nginx.start()

    def pids(self):
        return [self.nginx.master()] + self.nginx.workers()

    def stop(self):
        self.nginx.stop(quit=False)


class Ours(NginxServer):
    name = "ESS"

    def __init__(self, run, streams=1, workers=1, tls=False, zone="256m",
                 request="keep", broker=True, drain="0", topic=False,
                 deflate="off", transport="ws", many="", main="", servers="",
                 module=MODULE):
        super().__init__(run)
        self.transport = transport
        self.vhost = run.vhost() if broker else None
        self.keys = "a.key" if topic else "key"
        self.start(OURS, workers, tls, zone=zone, request=request, drain=drain,
                   deflate=deflate, module=module, many=many, main=main,
                   servers=servers,
                   listen="reuseport" if workers > 1 else "",
                   source="ess_amqp amqp://guest:guest@127.0.0.1:%d/%s "
                   "exchange=%s type=%s;" % (run.broker.port, self.vhost,
                                             EXCHANGE,
                                             "topic" if topic else "direct")
                   if broker else "")
        self.api = Api(self.nginx.port(1))
        # it answers 503 until it has declared the exchange
        wait_for(lambda: self.api.request(
            "POST", body={"routing_key": "first"}).status == 201, 20)
        self.streams = [s.uuid for s in self.api.create_many(
            ["key"] if streams == 1 else
            [("*.key%d.#" if topic else "key%d") % i
             for i in range(streams)])]

    def urls(self):
        return [(self.nginx.port(0), "/event-stream/" + s)
                for s in self.streams]

    def publish(self, **options):
        if self.vhost is None:
            return publisher("http", port=self.nginx.port(1), pipeline=16,
                             path="/publish/" + (
                                 "key" if len(self.streams) == 1 else "key0"),
                             streams=1, **options)
        return publisher("amqp", port=self.run.broker.port,
                         vhost=self.vhost, exchange=EXCHANGE, keys=self.keys,
                         streams=len(self.streams), **options)


class Nchan(NginxServer):
    name = "Nchan"
    transport = "ws"

    def __init__(self, run, streams=1, workers=1, tls=False, **names):
        super().__init__(run)
        self.start(NCHAN, workers, tls, module=None)
        self.streams = streams

    def urls(self):
        return [(self.nginx.port(0), "/sub/key%s" % (
            "" if self.streams == 1 else i)) for i in range(self.streams)]

    def publish(self, **options):
        return publisher("http", port=self.nginx.port(1),
                              path="/pub/key", pipeline=16,
                              streams=self.streams, **options)


class Stomp(Server):
    name = "Web STOMP"
    transport = "stomp"

    def pids(self):
        return [self.run.broker.beam]

    def urls(self):
        return [(self.run.stomp_port, "/ws", "/exchange/amq.direct/key")]

    def publish(self, **options):
        return publisher("amqp", port=self.run.broker.port, vhost="/",
                              exchange="amq.direct", keys="key", **options)

    def stop(self):
        pass


class Run:

    def __init__(self, quick, repeat, before):
        self.quick = quick
        self.before = before
        self.repeat = repeat
        self.folder = tempfile.mkdtemp(prefix="ess-bench-")
        self.vhosts = 0
        self.results = {}
        self.waiting = []
        self.stomp_port = free_port()
        self.broker = rabbitmq_node.RabbitmqNode(
            os.path.join(self.folder, "broker"),
            *[free_port() for _ in range(3)], name="ess-bench",
            plugins=["rabbitmq_web_stomp"],
            conf="stomp.listeners.tcp = none\n"
                 "web_stomp.tcp.port = %d\nweb_stomp.tcp.ip = 127.0.0.1\n"
                 % self.stomp_port)
        self.broker.start()

    def close(self):
        self.broker.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def vhost(self):
        self.vhosts += 1
        name = "v%d" % self.vhosts
        self.broker.control("add_vhost", name)
        self.broker.control("set_permissions", "-p", name, "guest", ".*",
                            ".*", ".*")
        return name

    def certificate(self):
        files = [os.path.join(self.folder, n) for n in ("cert", "key")]
        if not os.path.exists(files[0]):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048",
                            "-nodes", "-subj", "/CN=bench", "-days", "2",
                            "-out", files[0], "-keyout", files[1]],
                           check=True, stderr=subprocess.DEVNULL)
        return tuple(files)

    def less(self, n, quick):
        return quick if self.quick else n

    def measure(self, scenario, name, once, *args, **names):
        """once() is to be called, several times, when its turn comes."""

        self.waiting.append((scenario, name, once, args, names))

    def take_turns(self):
        """Calls all that wait, one after the other, again and again, so that
        what changes in the machine meanwhile changes it for all; the figures
        are the medians of what each returned."""

        found = [[] for _ in self.waiting]
        for _ in range(self.repeat):
            for i, (_, _, once, args, names) in enumerate(self.waiting):
                found[i].append(once(*args, **names))

        for (scenario, name, *_), all_ in zip(self.waiting, found):
            # what is longest is only made longer by what else happens
            figures = {k: (min if k.startswith("longest")
                           else statistics.median)(r[k] for r in all_)
                       for k in all_[0]}
            self.results.setdefault(scenario, {})[name] = dict(
                figures, all=all_)
            print("%-13s %-20s %s" % (scenario, name, "  ".join(
                "%s %s" % (k, number(v)) for k, v in figures.items())),
                flush=True)
        self.waiting = []


def number(v):
    return "%.0f" % v if v == int(v) or v >= 1000 else "%.3g" % v


def complete(result, clients, events):
    """Each client has each event once, or the figure is worth nothing."""

    if (result["lost"] or result["doubled"] or result["broken"]
            or result["received"] != clients * events):
        raise RuntimeError("not every event once: %s" % result)


def fan_out(run, server, clients, events, size, rate=0, slow=0, **names):
    """Events to the clients of one stream."""

    with server(run, **names) as s:
        return deliver(s, 1, clients, events, size, rate, slow,
                       **{"tls": 1} if names.get("tls") else {})


def deliver(s, streams, clients, events, size, rate=0, slow=0, json=0,
            **options):
    """Events to the clients of the first streams of a server."""

    each = events // streams
    c = Load(s.folder, s.urls()[:streams], clients, transport=s.transport,
             expect=each, slow=slow, **options)
    settle(s.pids())
    before = cpu(s.pids())
    p = s.publish(events=events, size=size, rate=rate, json=json)
    r = c.result()
    used = cpu(s.pids()) - before
    c.stop()
    p.wait()
    if slow == 0:
        complete(r, clients, each)
    elif r["lost"] or r["doubled"] or r["complete"] < clients - slow:
        raise RuntimeError("not every event once: %s" % r)
    return {"us": used / r["received"] * 1e6,
            "rate": r["received"] / r["seconds"],
            "p50": r["p50"], "p99": r["p99"],
            "bytes": r["bytes"] / r["received"]}


def floor(run, clients, events, size, rate=0, batch=1, **options):
    """The same without a server in between."""

    folder = tempfile.mkdtemp(dir=run.folder)
    f = subprocess.Popen(
        [os.path.join(PROGRAMS, "floor"), "--clients", str(clients),
         "--events", str(events), "--size", str(size), "--rate", str(rate),
         "--batch", str(batch)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)
    port = int(f.stdout.readline().split()[1])
    c = Load(folder, [(port, "/")], clients, expect=events, **options)
    f.stdin.write("go\n")
    f.stdin.flush()
    r = c.result()
    used = int(f.stdout.readline()) / 1e9
    f.communicate("end\n")
    c.stop()
    complete(r, clients, events)
    return {"us": used / r["received"] * 1e6,
            "rate": r["received"] / r["seconds"],
            "p50": r["p50"], "p99": r["p99"]}


def saturated(run):
    for size, events in ((200, 3000), (2000, 1000), (60000, 60)):
        name = "saturated" if size == 200 else "saturated %dk" % (size // 1000)
        work = run.less(1000, 20), run.less(events, 20), size
        for batch in (1, 4, 16) if size == 200 else (1,):
            run.measure(name, "floor, %d a write" % batch, floor, run, *work,
                        batch=batch)
        run.measure(name, "Nchan", fan_out, run, Nchan, *work)
        run.measure(name, "ESS", fan_out, run, Ours, *work)
        if size == 200:
            run.measure(name, "ESS, ess.v1", fan_out, run, Ours, *work,
                        transport="v1")
            run.measure(name, "ESS, 2 workers", fan_out, run, Ours, *work,
                        workers=2)
            run.measure(name, "Web STOMP", fan_out, run, Stomp, work[0],
                        run.less(50, 5), size)


def paced(run):
    work = run.less(1000, 20), run.less(1000, 20), 200
    run.measure("paced", "floor, 1 a write", floor, run, *work, rate=100)
    for server in Nchan, Ours:
        run.measure("paced", server.name, fan_out, run, server, *work,
                    rate=100)


def slow(run):
    work = run.less(1000, 20), run.less(1000, 20), 2000
    for n in 0, 1:
        run.measure("slow", "ESS, %d slow" % n, fan_out, run, Ours, *work,
                    rate=50, slow=n)


def metrics(run):
    """In pairs, 11 of them: the difference is smaller than between runs."""

    repeat, run.repeat = run.repeat, run.less(11, 1)
    work = run.less(1000, 20), run.less(9000, 20), 200
    for name, once in ("ESS", fan_out), ("ESS, scraped", scraped):
        run.measure("metrics", name, once, run, Ours, *work)
    run.take_turns()
    run.repeat = repeat


def scraped(run, server, *work):
    """Its figures are asked for each second meanwhile."""

    with server(run) as s:
        stop = threading.Event()

        def scrape():
            while not stop.wait(1):
                assert s.api.request("GET", "/metrics").status == 200

        t = threading.Thread(target=scrape)
        t.start()
        try:
            return deliver(s, 1, *work)
        finally:
            stop.set()
            t.join()


def deflate(run):
    work = run.less(1000, 20), run.less(1000, 20), 2000
    for name, options in (("ESS, plain", {}), ("ESS, deflated", {
            "deflate": 1})):
        run.measure("deflate", name, json_to_many, run, *work, **options)


def json_to_many(run, clients, events, size, **options):
    """JSON at a rate that leaves time: what an event costs by itself."""

    with Ours(run, deflate="on" if options else "off") as s:
        return deliver(s, 1, clients, events, size, 100, json=1, **options)


def tls(run):
    work = run.less(1000, 20), run.less(1000, 20), 200
    for server in Nchan, Ours:
        run.measure("tls", server.name, fan_out, run, server, *work, tls=True)


def idle_clients(run, server, **names):
    """What one more client costs that gets no events."""

    n = run.less(18000, 200)
    with server(run, **names) as s:
        # what the first clients bring about is not the others'
        c = Load(s.folder, s.urls(), 100)
        settle(s.pids())
        before, used = pss(s.pids()), cpu(s.pids())
        more = Load(s.folder, s.urls(), n - 100)
        settle(s.pids())
        r = {"bytes": (pss(s.pids()) - before) / (n - 100),
             "connect_us": (cpu(s.pids()) - used) / (n - 100) * 1e6,
             "connects": (n - 100) / more.seconds}
        more.stop()
        c.stop()
        return r


def idle(run):
    run.measure("idle", "Nchan", idle_clients, run, Nchan)
    for request in "keep", "release":
        run.measure("idle", "ESS, " + request, idle_clients, run, Ours,
                    request=request)


def storm(run):
    """Many connect at once; what that means for those who are there."""

    clients, events = run.less(1000, 20), run.less(500, 20)
    more = run.less(10000, 100)

    def once(server):
        with server(run) as s:
            c = Load(s.folder, s.urls(), clients, expect=events)
            p = s.publish(events=events, size=200, rate=100)
            time.sleep(events / 100 / 4)
            others = Load(s.folder, s.urls(), more, window=2048)
            r = c.result()
            p.wait()
            c.stop()
            others.stop()
            complete(r, clients, events)
            return {"connects": more / others.seconds,
                    "p50": r["p50"], "p99": r["p99"], "p999": r["p999"]}

    for server in Nchan, Ours:
        run.measure("storm", server.name, once, server)


def many(run):
    """A client each on many streams."""

    streams, events = run.less(10000, 20), run.less(100000, 100)
    run.measure("many", "floor, 1 a write", floor, run, streams,
                events // streams, 200, nap=1000)
    with Ours(run, streams=streams) as s:
        run.measure("many", "ESS", deliver, s, streams, streams, events, 200,
                    nap=1000)
        run.measure("many", "ESS, 5000 events/s", deliver, s, streams,
                    streams, events, 200, 5000)
        run.take_turns()


def topic(run):
    """What it costs to match keys with patterns: events without a client, at
    one rate, for RabbitMQ takes its time to route by patterns."""

    streams, events = run.less(10000, 20), run.less(50000, 100)

    def once(s):
        before = [s.api.get(uuid)["last_ordinal"] for uuid in s.streams[:20]]
        settle(s.pids())
        used = cpu(s.pids())
        s.publish(events=events, size=100, rate=5000).wait()
        time.sleep(0.5)
        settle(s.pids())
        used = cpu(s.pids()) - used
        for uuid, ordinal in zip(s.streams, before):
            if s.api.get(uuid)["last_ordinal"] != ordinal + events // streams:
                raise RuntimeError("not every event once")
        return {"us": used / events * 1e6}

    with Ours(run, streams=streams) as a, \
            Ours(run, streams=streams, topic=True) as b:
        run.measure("topic", "ESS, %d keys" % streams, once, a)
        run.measure("topic", "ESS, %d patterns" % streams, once, b)
        run.take_turns()


def replay(run):
    """Of a RabbitMQ stream: all of it, or a part for each of many clients."""

    events, many = run.less(1000000, 2000), run.less(100, 10)

    def bare(vhost):
        r = consumer(port=run.broker.port, vhost=vhost, queue="replay",
                     events=events)
        if r["lost"] or r["doubled"]:
            raise RuntimeError("not every event once: %s" % r)
        return {"rate": events / r["seconds"]}

    def once(s, url, clients):
        before = cpu(s.pids())
        c = Load(s.folder, [url], clients, resume=1,
                 expect=events // clients,
                 first=",".join(str(i * (events // clients))
                                for i in range(clients)))
        r = c.result()
        used = cpu(s.pids()) - before
        c.stop()
        if r["lost"] or r["doubled"] or r["complete"] < clients:
            raise RuntimeError("not every event once: %s" % r)
        return {"us": used / r["received"] * 1e6,
                "rate": r["received"] / r["seconds"]}

    with Ours(run) as s:
        stream = s.api.create("replay", source="stream", declare=True)
        publisher("amqp", port=run.broker.port, vhost=s.vhost, exchange="",
                  keys="replay", events=events, size=200).wait()
        url = s.nginx.port(0), "/event-stream/" + stream.uuid
        settle([run.broker.beam])
        run.measure("replay", "rabbitmq-c", bare, s.vhost)
        for clients in 1, many:
            run.measure("replay", "ESS, %d client%s" % (
                clients, "s"[:clients > 1]), once, s, url, clients)
        run.take_turns()


def table(run):
    """What it costs that there are many other streams."""

    clients, events = run.less(1000, 20), run.less(3000, 20)

    def once(s):
        return dict(deliver(s, 1, clients, events, 200),
                    **manage(s, run.less(2000, 20)))

    few, most = run.less(100, 10), run.less(100000, 100)
    with Ours(run, streams=few, broker=False) as a, \
            Ours(run, streams=most, broker=False) as b:
        run.measure("table", "ESS, %d streams" % few, once, a)
        run.measure("table", "ESS, %d streams" % most, once, b)
        run.take_turns()


def manage(s, n):
    """us of CPU to create a stream, and to delete it."""

    settle(s.pids())
    before = cpu(s.pids())
    made = s.api.create_many(["more%d" % i for i in range(n)])
    created = cpu(s.pids())
    s.api.delete_many(made)
    return {"create_us": (created - before) / n * 1e6,
            "delete_us": (cpu(s.pids()) - created) / n * 1e6}


def reload(run):
    """Twice while events flow, with clients that come back."""

    clients, events = run.less(1000, 20), run.less(1000, 100)
    rate = run.less(100, 50)

    def once():
        with Ours(run, workers=2, drain="1s") as s:
            c = Load(s.folder, s.urls(), clients, expect=events, resume=1)
            p = s.publish(events=events, size=200, rate=rate)
            for _ in range(2):
                time.sleep(events / rate / 3)
                s.nginx.reload()
            r = c.result()
            c.stop()
            p.wait()
            complete(r, clients, events)
            return {k: r[k] for k in ("resumed", "p50", "p99", "p999")}

    run.measure("reload", "ESS, 2 workers", once)


def beside(run, s, what=None):
    """Latency of plain clients, of its first stream."""

    clients, events = run.less(1000, 20), run.less(500, 20)
    c = Load(s.folder, s.urls()[:1], clients, expect=events)
    settle(s.pids())
    with contextlib.ExitStack() as stack:
        for one in what(s, run.less) if what else []:
            stack.enter_context(one)
        p = s.publish(events=events, size=200, rate=50)
        r = c.result()
    c.stop()
    p.wait()
    complete(r, clients, events)
    return {"p50": r["p50"], "p99": r["p99"]}


def abused(run):
    """What clients of ess.v1 do that go too far, and what very many
    subscriptions mean, for others."""

    def measure(name, s, *what):
        run.measure("abused", name, beside, run, s, *what)

    def ours(streams, workers=1):
        return Ours(run, streams, workers, broker=False, many=MANY)

    with ours(run.less(4097, 20)) as a, ours(2) as b:
        a.api.create("deep", key="json:/k")
        held = abuse.hold_keys(b, run.less)
        measure("quiet", a)
        for name, what in abuse.ABUSES.items():
            measure(name, a, what)
        measure("1,000,000 keys", b, abuse.keys)
        run.take_turns()
        del held

    streams = run.less(1001, 20)
    with ours(streams, 2) as a, ours(streams, 2) as b:
        held = abuse.hold_streams(b, run.less)
        measure("2 workers", a)
        measure("2 workers, 1,000,000", b)
        run.take_turns()
        del held


def mutex(run):
    """How long the zone's mutex is held: bench/holds.py."""

    repeat, run.repeat = run.repeat, min(run.repeat, 3)
    longest = {}
    ours = functools.partial(Ours, many=MANY)
    for part in holds.PARTS:
        run.measure("holds", part, holds.once, run, ours, FAULT_MODULE, part,
                    longest)
    run.take_turns()
    for part, found in longest.items():
        print("%-13s %-24s longest %s" % ("holds", part, ", ".join(
            "%.0f us %s" % f for f in sorted(found))), flush=True)
    run.repeat = repeat


def event_log(run):
    event_logs.event_log(run)
    run.take_turns()
    event_logs.inserting(run, Ours, beside)


def before(run):
    """The module and another build of it, such as that of an earlier commit:
    what those who use nothing new pay for it.  Of so little long runs are
    needed."""

    work = run.less(1000, 20), run.less(12000, 20), 200
    for what in "ws", "sse":
        for name, module in ("before", run.before), ("after", MODULE):
            run.measure("before", "%s, %s" % (what, name), fan_out, run, Ours,
                        *work, transport=what, module=module)
    for request in "keep", "release":
        for name, module in ("before", run.before), ("after", MODULE):
            run.measure("before", "idle, %s, %s" % (request, name),
                        idle_clients, run, Ours, request=request,
                        module=module)


SCENARIOS = {"saturated": saturated, "paced": paced, "idle": idle,
             "storm": storm, "many": many, "slow": slow, "tls": tls,
             "deflate": deflate, "metrics": metrics, "topic": topic,
             "replay": replay, "table": table, "reload": reload,
             "abused": abused, "holds": mutex, "rpc": calls.rpc,
             "event_log": event_log}


def goals(r):
    """(what, measured, bound, met) of each promise that was measured."""

    def get(scenario, name, figure):
        return r.get(scenario, {}).get(name, {}).get(figure)

    def ratio(what, a, b, bound, least=False):
        if a is None or b is None:
            return []
        return [(what, a / b, bound,
                 a / b >= bound if least else a / b <= bound)]

    def late(what, a, b, factor):
        """Of us: that factor and 1 ms more, in ms."""

        if a is None or b is None:
            return []
        bound = (factor * b + 1000) / 1000
        return [(what, a / 1000, bound, a / 1000 <= bound)]

    def bytes_(what, value, bound):
        return [] if value is None else [(what, value / 1024, bound,
                                          value / 1024 <= bound)]

    found = []
    found += ratio("1: CPU per delivery, saturated, of Nchan's",
                   get("saturated", "ESS", "us"),
                   get("saturated", "Nchan", "us"), 0.15)
    found += ratio("1: CPU per delivery by ess.v1, of a plain client's",
                   get("saturated", "ESS, ess.v1", "us"),
                   get("saturated", "ESS", "us"), 1.5)
    found += ratio("1: deliveries per second, of Nchan's",
                   get("saturated", "ESS", "rate"),
                   get("saturated", "Nchan", "rate"), 5, least=True)
    found += ratio("2: CPU per delivery, paced, of the floor's",
                   get("paced", "ESS", "us"),
                   get("paced", "floor, 1 a write", "us"), 1.2)
    found += ratio("2: p99, paced, of Nchan's", get("paced", "ESS", "p99"),
                   get("paced", "Nchan", "p99"), 1)
    found += bytes_("3: KiB of an idle client, keep",
                    get("idle", "ESS, keep", "bytes"), 9.5)
    found += bytes_("3: KiB of an idle client, release",
                    get("idle", "ESS, release", "bytes"), 1.5)
    us = get("many", "ESS", "us")
    if us is not None:
        found.append(("4: us per event, 10,000 streams", us, 12, us <= 12))
    found += ratio("4: the same, of the floor's", us,
                   get("many", "floor, 1 a write", "us"), 6)
    found += ratio("6: p99 with a slow client, of that without",
                   get("slow", "ESS, 1 slow", "p99"),
                   get("slow", "ESS, 0 slow", "p99"), 1.1)
    for name in *abuse.ABUSES, "1,000,000 keys":
        found += late("p99 beside abuse, %s" % name, get("abused", name, "p99"),
                      get("abused", "quiet", "p99"), 1.1)
    found += late("p99 beside 1,000,000 subscriptions",
                  get("abused", "2 workers, 1,000,000", "p99"),
                  get("abused", "2 workers", "p99"), 1.2)
    found += ratio("7: rate of a replay, of rabbitmq-c's",
                   get("replay", "ESS, 1 client", "rate"),
                   get("replay", "rabbitmq-c", "rate"), 0.6, least=True)
    longest = [f["longest_us"] / 1000 for f in r.get("holds", {}).values()]
    if longest:
        found.append(("longest hold of the zone's mutex, ms of CPU",
                      max(longest), 1, max(longest) <= 1))
    found += ratio("CPU per delivery, deflated, of plain",
                   get("deflate", "ESS, deflated", "us"),
                   get("deflate", "ESS, plain", "us"), 1.3)
    found += ratio("CPU per delivery, scraped, of that unscraped",
                   get("metrics", "ESS, scraped", "us"),
                   get("metrics", "ESS", "us"), 1.02)
    found += ratio("bytes of a delivery, deflated, of plain",
                   get("deflate", "ESS, deflated", "bytes"),
                   get("deflate", "ESS, plain", "bytes"), 0.35)
    found += ratio("7: CPU per delivery with two workers, of one's",
                   get("saturated", "ESS, 2 workers", "us"),
                   get("saturated", "ESS", "us"), 1.15)
    found += calls.goals(get, ratio)
    found += event_logs.goals(get, ratio)
    found += late("p99 beside inserts of 1,000 events, of those elsewhere",
                  get("event_log", "clients, inserts", "p99"),
                  get("event_log", "clients, inserts elsewhere", "p99"), 1.1)
    return found


def machine():
    def first(command):
        p = subprocess.run(command, capture_output=True, text=True)
        return (p.stdout + p.stderr).strip().split("\n")[0]

    model = "unknown"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {"cpu": model, "cores": os.cpu_count(),
            "kernel": platform.release(),
            "nginx": first(["/usr/sbin/nginx", "-v"]).split("/")[-1],
            "packages": first(["dpkg-query", "-W", "-f",
                               "${Package} ${Version}, ", "nginx",
                               "libnginx-mod-nchan",
                               "rabbitmq-server"]).rstrip(",")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--repeat", type=int, default=0)
    parser.add_argument("--before", help="another build of the module: "
                        "nothing is measured but it and this one")
    a = parser.parse_args()

    info = machine()
    print(", ".join("%s: %s" % i for i in info.items()), flush=True)
    begin = time.monotonic()
    run = Run(a.quick, a.repeat or (1 if a.quick else 5),
              a.before and os.path.abspath(a.before))
    try:
        for name, scenario in ({"before": before} if a.before
                               else SCENARIOS).items():
            if not a.only or name in a.only.split(","):
                scenario(run)
                run.take_turns()
    finally:
        run.close()

    found = goals(run.results)
    if not a.quick:
        print()
        for what, value, bound, met in found:
            print("%-48s %8.3g  bound %-5g %s" % (
                what, value, bound, "met" if met else "NOT MET"))
    print("%.0f s" % (time.monotonic() - begin))

    folder = os.path.join(PROGRAMS, "results")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "bench.json"), "w") as f:
        json.dump({"machine": info, "date": time.strftime("%Y-%m-%d"),
                   "results": run.results,
                   "goals": [dict(zip(("what", "value", "bound", "met"), g))
                             for g in found]}, f, indent=1)
        f.write("\n")
    if not (a.quick or a.only or a.before):
        folder = os.path.join(HERE, "results")
    plot(run.results, info, os.path.join(folder, "bench.svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
