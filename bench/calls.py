"""RPC over RabbitMQ: what a call costs, and how many there are in a second.

consumed: a call becomes a request of nginx, which another nginx answers, and
that a reply; beside it the same request by HTTP, and a worker of aio-pika.
called: a request by HTTP becomes a call, which rpc.c answers; beside it a
caller of aio-pika.  Each reply is looked at: rpc.c and requests.c end at the
first that is wrong or missing, and so does the bench."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile

import pypi
from load import PROGRAMS, cpu, settle
from nginx import TOP, Nginx
from wait import wait_for

REQUIREMENTS = os.path.join(TOP, "t", "peers", "aio-pika", "requirements.txt")
LIBRARY = os.path.join(PROGRAMS, "aio-pika")
PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "aio_pika_rpc.py")
SIZE = 200

FRONT = """
error_log %%DIR%%/error.log notice;
events { worker_connections 4096; }

http {
    access_log off;
    ess_amqp   amqp://guest:guest@127.0.0.1:%%BROKER%%/%%VHOST%%;

    upstream application {
        server             127.0.0.1:%%APPLICATION%%;
        keepalive          256;
        keepalive_requests 1000000000;
    }

    server {
        listen             127.0.0.1:%%PORT0%%;
        keepalive_requests 1000000000;

        location = /work {
            %%CONSUME%%
            proxy_pass         http://application;
            proxy_http_version 1.1;
            proxy_set_header   Connection "";
        }

        location = /call {
            ess_rpc echo timeout=20s;
        }
    }
}
"""

APPLICATION = """
error_log %%DIR%%/error.log notice;
events { worker_connections 4096; }

http {
    access_log off;

    server {
        listen             127.0.0.1:%%PORT0%%;
        keepalive_requests 1000000000;
        default_type       application/json;

        location / {
            return 200 $http_amqp_correlation_id;
        }
    }
}
"""


class Program:
    """One that says "ready", and then perhaps what it found: to be used in a
    with statement."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [str(word) for word in command], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("%s does not work" % " ".join(map(
                str, command)))

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def result(self):
        self.go()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a call went wrong")
        return json.loads(line)

    @property
    def pids(self):
        return [self.process.pid]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.communicate()


def bench(name, *args, **options):
    return Program(os.path.join(PROGRAMS, name), *args, *(
        word for option in options.items()
        for word in ("--" + option[0], option[1])))


def aio_pika(*args):
    return Program("env", "PYTHONPATH=" + LIBRARY, sys.executable, "-B",
                   PROGRAM, *args)


@contextlib.contextmanager
def nginx(run, vhost="", consume=""):
    """Those that serve, and the port."""

    def one(conf, **names):
        server = Nginx(tempfile.mkdtemp(dir=run.folder), conf, 1, **names)
        server.start()
        stack.callback(server.stop, quit=False)
        return server

    with contextlib.ExitStack() as stack:
        application = one(APPLICATION, module=None)
        front = one(FRONT, consume=consume, broker=run.broker.port,
                    vhost=vhost, application=application.port())
        yield ([front.master(), *front.workers(),
                application.master(), *application.workers()], front.port())


def answers(port, path):
    """Whether it does: at first there is no connection to the broker."""

    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(c):
        c.request("POST", path, "{}")
        return c.getresponse().status == 200


def measure(run, of, load, calls):
    """CPU of `of' for a call, and of all else that works for it."""

    others = {"broker": [run.broker.beam], "load": load.pids}
    settle(of + others["broker"] + others["load"])
    before = cpu(of), {k: cpu(v) for k, v in others.items()}
    seconds = load.result()["seconds"]
    us = 1e6 / calls
    found = {"us": (cpu(of) - before[0]) * us, "rate": calls / seconds}
    for name, pids in others.items():
        found[name + "_us"] = (cpu(pids) - before[1][name]) * us
    # how much of a core each has
    for name in "us", "broker_us":
        found[name[:-2] + "cores"] = found[name] * found["rate"] / 1e6
    return found


class Calls:

    def __init__(self, run):
        self.run = run
        self.flight = run.less(256, 16)

    def amount(self, calls):
        calls = self.run.less(calls, 100)
        return calls, {"calls": calls, "warmup": calls // 5,
                       "flight": self.flight, "size": SIZE}

    def requests(self, port, path, calls, **options):
        calls, amount = self.amount(calls)
        return calls, bench("requests", port=port, path=path, **amount,
                            **options)

    def callers(self, vhost, queue, calls, **options):
        calls, amount = self.amount(calls)
        return calls, bench("rpc", "call", port=self.run.broker.port,
                            vhost=vhost, queue=queue, **amount, **options)

    def aio_pika(self, what, vhost, queue, calls):
        calls, amount = self.amount(calls)
        return calls, aio_pika(
            what, "amqp://guest:guest@127.0.0.1:%d/%s" % (
                self.run.broker.port, vhost), queue, calls, amount["flight"],
            SIZE, amount["warmup"])

    # a reply's other end

    def http(self):
        with nginx(self.run, self.run.vhost()) as (pids, port):
            calls, load = self.requests(port, "/work", 100000)
            with load:
                return measure(self.run, pids, load, calls)

    def consumed(self):
        vhost = self.run.vhost()
        with nginx(self.run, vhost, "ess_consume work declare=transient "
                   "concurrency=%d;" % self.flight) as (pids, port):
            calls, load = self.callers(vhost, "work", 50000)
            with load:
                return measure(self.run, pids, load, calls)

    def consumed_by_aio_pika(self):
        vhost = self.run.vhost()
        _, worker = self.aio_pika("serve", vhost, "work", 0)
        with worker:
            calls, load = self.callers(vhost, "work", 5000)
            with load:
                return measure(self.run, worker.pids, load, calls)

    def consumed_by_c(self):
        vhost = self.run.vhost()
        with self.worker(vhost) as worker:
            calls, load = self.callers(vhost, "echo", 50000, answer="echo")
            with load:
                return measure(self.run, worker.pids, load, calls)

    # a call's

    def called(self):
        vhost = self.run.vhost()
        with self.worker(vhost), nginx(self.run, vhost) as (pids, port):
            wait_for(lambda: answers(port, "/call"))
            calls, load = self.requests(port, "/call", 50000, answer="echo")
            with load:
                return measure(self.run, pids[:2], load, calls)

    def called_by_aio_pika(self):
        vhost = self.run.vhost()
        with self.worker(vhost):
            calls, load = self.aio_pika("call", vhost, "echo", 5000)
            with load:
                return measure(self.run, load.pids, load, calls)

    def worker(self, vhost):
        return bench("rpc", "serve", port=self.run.broker.port, vhost=vhost,
                     queue="echo", prefetch=self.flight)


def rpc(run):
    calls = Calls(run)
    run.measure("rpc", "nginx, HTTP alone", calls.http)
    run.measure("rpc", "rabbitmq-c, worker", calls.consumed_by_c)
    run.measure("rpc", "ESS, ess_consume", calls.consumed)
    run.measure("rpc", "ESS, ess_rpc", calls.called)

    why = pypi.install(REQUIREMENTS, LIBRARY)
    if why is None:
        run.measure("rpc", "aio-pika, worker", calls.consumed_by_aio_pika)
        run.measure("rpc", "aio-pika, caller", calls.called_by_aio_pika)
    else:
        print("%-13s %-20s skipped, and what is beside it: %s" % (
            "rpc", "aio-pika", why), flush=True)


def goals(get, ratio):
    """As run.py's, of which get() and ratio() are."""

    def of(name, figure):
        return get("rpc", name, figure)

    def calls(name):
        """For a second of nginx's CPU."""

        us = of(name, "us")
        return us and 1e6 / us

    consumed, http_alone = "ESS, ess_consume", "nginx, HTTP alone"
    found = []
    found += ratio("CPU per call consumed, of aio-pika's", of(consumed, "us"),
                   of("aio-pika, worker", "us"), 0.3)
    found += ratio("CPU per call made, of aio-pika's",
                   of("ESS, ess_rpc", "us"), of("aio-pika, caller", "us"), 0.3)
    found += ratio("calls per second, of requests by HTTP alone",
                   of(consumed, "rate"), of(http_alone, "rate"), 0.5,
                   least=True)
    found += ratio("the same, per second of nginx's CPU", calls(consumed),
                   calls(http_alone), 0.5, least=True)
    return found
