"""Event logs: what a request costs, beside FastAPI with SQLAlchemy in uvicorn
(fastapi/events.py) over the same SQLite file, and beside SQLite alone
(sqlite.c); and what inserts at full rate mean for clients of streams of the
same worker.

Each answer is looked at: requests.c ends at the first that has not what it
should have, and so does the bench."""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile

import calls
import pypi
from load import PROGRAMS, cpu, settle
from nginx import TOP, Nginx
from ports import free_port
from wait import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.join(PROGRAMS, "fastapi")
SCHEMA = os.path.join(TOP, "conf", "event.schema.json")
LOG = "ess_event_log audit %%DIR%%/audit.db schema=" + SCHEMA + (
    " id=event_id time=timestamp type=type;")
LOCATION = "location /v1/events { client_max_body_size 8m; ess_events audit; }"

# requests under way at once: many, and few
MANY, FEW = 64, 8

# queries that nginx has in a transaction, at most
TOGETHER = 16

CONF = """
error_log %%DIR%%/error.log notice;
events { worker_connections 4096; }

http {
    access_log off;
    """ + LOG + """

    server {
        listen             127.0.0.1:%%PORT0%%;
        keepalive_requests 1000000000;
        """ + LOCATION + """
    }
}
"""


def load(port, path, n, **options):
    options.setdefault("warmup", n // 5 + 1)
    return calls.bench("requests", port=port, path=path, calls=n, **options)


def inserts(port, events, n, first=0, **options):
    return load(port, "/v1/events", n, batch=events, first=first,
                find='"success":true', times=events, **options)


class Log:
    """Files that nginx made, each of them once."""

    def __init__(self, run):
        self.run = run
        self.events = run.less(200000, 2000)
        self.behind = self.events // 2

    @contextlib.contextmanager
    def nginx(self, file=None):
        """Its processes, its port and its file, with the events of another
        one."""

        server = Nginx(tempfile.mkdtemp(dir=self.run.folder), CONF, 1)
        if file:
            shutil.copy(file, server.path("audit.db"))
        server.start()
        try:
            yield ([server.master(), *server.workers()], server.port(),
                   server.path("audit.db"))
        finally:
            server.stop()

    @contextlib.contextmanager
    def uvicorn(self, file=None):
        if file is None:
            file = self.made()
        port = free_port()
        p = subprocess.Popen(
            ["env", "PYTHONPATH=" + LIBRARY, sys.executable, "-B",
             os.path.join(HERE, "fastapi", "events.py"), file, str(port)])

        def answers():
            with contextlib.suppress(OSError):
                return get(port, "/v1/events").status == 200

        try:
            wait_for(answers, 20)
            yield [p.pid], port, file
        finally:
            p.terminate()
            p.wait()

    def made(self):
        """An empty one."""

        with self.nginx() as (_, _, file):
            pass
        return file

    def filled(self):
        """One for queries."""

        with self.nginx() as (_, port, file):
            with inserts(port, 1000, self.events // 1000,
                         flight=FEW) as client:
                client.result()
        return file

    def measure(self, pids, client, n):
        settle(pids + client.pids)
        before = cpu(pids)
        seconds = client.result()["seconds"]
        return {"us": (cpu(pids) - before) / n * 1e6, "rate": n / seconds}

    def insert(self, server, events, flight, n):
        with server() as (pids, port, _):
            with inserts(port, events, n, flight=flight) as client:
                return self.measure(pids, client, n)

    def alone(self, file, transactions, statements, **options):
        """SQLite's own part of a statement, after as many as the others' that
        do not count."""

        first = 0
        for n in transactions // 5 + 1, transactions:
            p = subprocess.run(
                [os.path.join(PROGRAMS, "sqlite"), "--file", file,
                 "--transactions", str(n), "--statements", str(statements),
                 "--first", str(first)] + [
                     x for k, v in options.items() for x in ("--" + k, str(v))],
                check=True, capture_output=True, text=True)
            first += n * statements
        found = json.loads(p.stdout)
        n = transactions * statements
        return {"us": found["cpu"] / n * 1e6, "rate": n / found["seconds"]}

    def insert_alone(self, statements, n):
        return self.alone(self.made(), n, statements)

    def query(self, server, file, path, size, flight, n):
        with server(file) as (pids, port, _):
            if "CURSOR" in path:
                path = path.replace("CURSOR", self.cursor(port))
            with load(port, path, n, get=1, range=self.events,
                      find='"event_id"', times=size,
                      flight=flight) as client:
                return self.measure(pids, client, n)

    def cursor(self, port):
        """That behind half of the events."""

        page = json.loads(get(port, "/v1/events?size=1&from=%d" % (
            self.behind - 1)).text)
        # the other one's is the number of the last event
        return page["next"] if isinstance(page, dict) else str(self.behind)


def get(port, path):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(c):
        c.request("GET", path)
        answer = c.getresponse()
        answer.text = answer.read()
        return answer


def queries(behind):
    """name -> path, events of an answer, requests of nginx, of the other"""

    found = {"by id": ("/v1/events/e_%", 1, 30000, 5000)}
    for size in 10, 100:
        few = 1 if size == 10 else 2
        path = "/v1/events?size=%d" % size
        found["%d, first" % size] = path, size, 30000 // few, 5000 // few
        found["%d, cursor" % size] = (path + "&after=CURSOR", size,
                                      30000 // few, 5000 // few)
        found["%d, from=" % size] = (path + "&from=%d" % behind, size,
                                     100, 100)
    return found


ALONE = {"by id": {"get": "id"}, "10": {"get": "page", "size": 10},
         "100": {"get": "page", "size": 100}}


def event_log(run):
    log = Log(run)
    why = pypi.install(os.path.join(HERE, "fastapi", "requirements.txt"),
                       LIBRARY)
    if why:
        print("%-13s %-20s skipped, and what is beside it: %s" % (
            "event_log", "FastAPI", why), flush=True)

    def both(name, what, nginx, other, *args):
        run.measure("event_log", "ESS, " + name, what, log.nginx, *args,
                    run.less(nginx, 20))
        if why is None:
            run.measure("event_log", "FastAPI, " + name, what, log.uvicorn,
                        *args, run.less(other, 20))

    both("insert 1", log.insert, 20000, 3000, 1, MANY)
    both("insert 1, few", log.insert, 10000, 3000, 1, FEW)
    both("insert 1,000", log.insert, 200, 40, 1000, FEW)
    # uvicorn has one in a transaction, nginx up to half of those under way
    for n in 1, FEW // 2, MANY // 2, 1000:
        run.measure("event_log", "SQLite, %s a time" % format(n, ","),
                    log.insert_alone, n, run.less(10000 // n, 20) if n < 1000
                    else run.less(200, 20))

    file = log.filled()
    for name, (path, size, nginx, other) in queries(log.behind).items():
        both(name, log.query, nginx, other, file, path, size, MANY)
        if name in ("by id", "10, first"):
            both(name + ", few", log.query, nginx, other, file, path, size,
                 FEW)

    for name, options in ALONE.items():
        run.measure("event_log", "SQLite, " + name, log.alone, file,
                    run.less(30000 // TOGETHER, 20), TOGETHER,
                    **dict(options, range=log.events))


def inserting(run, ours, beside):
    """Deliveries while inserts of 1,000 run at full rate on the same worker,
    and while they do so in an nginx of their own on the same processors.
    ours() is a server of streams, beside() has the latency of its clients."""

    first = 0

    @contextlib.contextmanager
    def busy(port):
        nonlocal first
        first += 1000000000
        with inserts(port, 1000, 1000000, first, warmup=1,
                     flight=FEW) as client:
            client.go()
            yield

    @contextlib.contextmanager
    def elsewhere():
        with Log(run).nginx() as (_, port, _), busy(port):
            yield

    with ours(run, broker=False, main=LOG, servers="""
    server {
        listen             127.0.0.1:%%PORT2%%;
        keepalive_requests 1000000000;
        """ + LOCATION + """
    }""") as s:
        run.measure("event_log", "clients alone", beside, run, s)
        run.measure("event_log", "clients, inserts elsewhere", beside, run, s,
                    lambda s, less: [elsewhere()])
        run.measure("event_log", "clients, inserts", beside, run, s,
                    lambda s, less: [busy(s.nginx.port(2))])
        run.take_turns()


def goals(get_, ratio):
    """As run.py's, of which get_() and ratio() are."""

    def us(name):
        return get_("event_log", name, "us")

    def own(what, name, alone, other=None):
        """Without what SQLite takes of it, in both."""

        ours, theirs = us("ESS, " + name), us("FastAPI, " + name)
        sqlite = us("SQLite, " + alone)
        if not (ours and theirs and sqlite):
            return []
        return ratio("CPU per %s, but SQLite's, of FastAPI's" % what,
                     ours - sqlite, theirs - us("SQLite, " + (other or alone)),
                     0.1)

    found = own("insert of 1", "insert 1", "%d a time" % (MANY // 2),
                "1 a time")
    if us("SQLite, 1,000 a time"):
        thousand = us("SQLite, 1,000 a time") * 1000
        if us("FastAPI, insert 1,000"):
            found += ratio("CPU per insert of 1,000, but SQLite's, of FastAPI's",
                           us("ESS, insert 1,000") - thousand,
                           us("FastAPI, insert 1,000") - thousand, 0.1)
        found += ratio("CPU per insert of 1,000, of SQLite's",
                       us("ESS, insert 1,000"), thousand, 1.5)
    for name in queries(0):
        found += own("query, " + name, name, name.split(",")[0])
    return found
