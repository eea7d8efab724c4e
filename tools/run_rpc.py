#!/usr/bin/python3
"""The heart of `make run-rpc': RabbitMQ, PostgreSQL, the application of
examples/rpc and nginx in the foreground, until Ctrl-C.

All data is under run/rpc/ in the checkout."""

import argparse
import fcntl
import json
import os
import socket
import subprocess
import sys
import time

import run as base
from postgres_cluster import PostgresCluster
from rabbitmq_node import RabbitmqNode, die_with_parent

EXAMPLE = os.path.join(base.TOP, "examples", "rpc")

BANNER = """
The service of examples/rpc is running.
RabbitMQ:   %(amqp)s (user test, password pass)
PostgreSQL: %(postgres)s
by HTTP:    http://127.0.0.1:%(port)d/call/, metrics, healthz
data:       %(folder)s (errors: nginx/error.log and app.log in it)

Call it by AMQP, and by HTTP; in another shell:

    %(pika)s
    echo '{"data":{"a":1}}' | gzip | amqp-publish -u %(amqp)s -r queue-test
    curl -s -d '{"data":"message"}' http://127.0.0.1:%(port)d/call/test
    curl -s -d '{"data":null}' http://127.0.0.1:%(port)d/call/db

Ctrl-C stops it.
"""

PIKA = """\
%s -c 'import gzip, json, pika, sys
c = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
c.basic_consume("amq.rabbitmq.reply-to", lambda c, m, p, b: (print(
    gzip.decompress(b).decode()), c.stop_consuming()), auto_ack=True)
c.basic_publish("", sys.argv[2], gzip.compress(sys.argv[3].encode()),
    pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
c.start_consuming()' %s dictionary '{"data":{"foo":1}}'"""


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--module", required=True)
    p.add_argument("--port", type=int, help="of nginx")
    p.add_argument("--amqp-port", type=int)
    p.add_argument("--pg-port", type=int)
    p.add_argument("--folder", default="run/rpc", help="where data is kept")
    args = p.parse_args()
    # those who name one port have a program that expects the usual other one
    if args.amqp_port and not args.pg_port:
        args.pg_port = 5432
    return args


class Ports:
    """Those that nobody asked for are the kernel's to choose."""

    def __init__(self):
        self.held = []

    def free(self):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        self.held.append(s)
        return s.getsockname()[1]

    def release(self):
        while self.held:
            self.held.pop().close()


def wanted(args):
    """The ports that were asked for, as run.check_ports() takes them."""

    return [(port, "127.0.0.1", what) for port, what in (
        (args.port, "API_PORT=number"),
        (args.amqp_port, "AMQP_PORT=number"),
        (args.pg_port, "PG_PORT=number, or stop the PostgreSQL that has it "
                       "(such as \"systemctl stop postgresql\")")) if port]


def lock(folder):
    """The file that keeps a second one out, or None."""

    os.makedirs(folder, exist_ok=True)
    f = open(os.path.join(folder, "lock"), "w")
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        f.close()
        return None
    return f


def start_broker(args, ports):
    """With the user of the example beside RabbitMQ's own."""

    folder = os.path.join(args.folder, "rabbitmq")
    os.makedirs(folder, exist_ok=True)
    definitions = os.path.join(folder, "definitions.json")
    users = {"guest": "guest", "test": "pass"}
    with open(definitions, "w") as f:
        json.dump({
            "users": [{"name": name, "password": password,
                       "tags": "administrator"}
                      for name, password in users.items()],
            "vhosts": [{"name": "/"}],
            "permissions": [{"user": name, "vhost": "/", "configure": ".*",
                             "write": ".*", "read": ".*"} for name in users],
        }, f)

    node = RabbitmqNode(folder, args.amqp_port, ports.free(), ports.free(),
                        name="ess-run-rpc",
                        conf="load_definitions = %s\n" % definitions)
    ports.release()
    node.spawn()
    return node


def start_app(args, port, postgres):
    with open(os.path.join(args.folder, "app.log"), "ab") as log:
        return subprocess.Popen(
            [sys.executable, os.path.join(EXAMPLE, "app.py")],
            env=dict(os.environ, DATABASE_URL=postgres.url, HOST="127.0.0.1",
                     PORT=str(port)),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, preexec_fn=die_with_parent())


def conf(amqp_port, app_port, port):
    """The http block of the example's nginx.conf with these ports."""

    with open(os.path.join(EXAMPLE, "nginx.conf")) as f:
        text = f.read().split("\nhttp {\n", 1)[1]
    for old, new in (("@127.0.0.1:8672/", "@127.0.0.1:%d/" % amqp_port),
                     ("server 127.0.0.1:8000;",
                      "server 127.0.0.1:%d;" % app_port),
                     ("listen 127.0.0.1:8081;",
                      "listen 127.0.0.1:%d;" % port)):
        if text.count(old) != 1:
            raise RuntimeError("%s is not once in examples/rpc/nginx.conf"
                               % old)
        text = text.replace(old, new)
    return text


def start(args, started):
    """All of it; what runs is added to `started', a function that ends each,
    in the order of starting.  Returns those to watch: (name, process, log)."""

    ports = Ports()
    app_port = ports.free()
    for name in "port", "amqp_port", "pg_port":
        if not getattr(args, name):
            setattr(args, name, ports.free())

    base.say("starting RabbitMQ and PostgreSQL ...")
    node = start_broker(args, ports)
    started.append(node.stop)
    postgres = PostgresCluster(os.path.join(args.folder, "postgres"),
                               args.pg_port)
    started.append(postgres.stop)
    postgres.start()
    with open(os.path.join(EXAMPLE, "schema.sql")) as f:
        postgres.sql(f.read())

    app = start_app(args, app_port, postgres)
    started.append(lambda: stop(app))
    prefix = base.write_conf(args, conf(args.amqp_port, app_port, args.port))
    node.wait()
    nginx = base.start_nginx(prefix)
    started.append(lambda: base.stop_nginx(nginx))
    base.wait_for_nginx(nginx, args.port)

    return [("nginx", nginx, os.path.join(prefix, "error.log")),
            ("the application", app, os.path.join(args.folder, "app.log")),
            ("RabbitMQ", node.server, node.path("output")),
            ("PostgreSQL", postgres.server, postgres.path("log"))]


def stop(process):
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def first_ended(watched):
    while True:
        for name, process, log in watched:
            if process.poll() is not None:
                return name, process, log
        time.sleep(0.2)


def run(args):
    busy = base.check_ports(wanted(args))
    if busy:
        print(busy, file=sys.stderr)
        return 1

    alone = lock(args.folder)
    if alone is None:
        print("Another \"make run-rpc\" has its data in %s." % args.folder,
              file=sys.stderr)
        return 1

    started = []
    try:
        watched = start(args, started)
        if all(process.poll() is None for _, process, _ in watched):
            amqp = "amqp://test:pass@localhost:%d" % args.amqp_port
            base.say(BANNER % {
                "amqp": amqp, "port": args.port, "folder": args.folder,
                "postgres": "postgres://test:pass@localhost%s/dev" % (
                    "" if args.pg_port == 5432 else ":%d" % args.pg_port),
                "pika": PIKA % (sys.executable, amqp)})
        return base.died(*first_ended(watched))

    except base.Stop:
        base.say("\nstopping ...")
        return 0

    except RuntimeError as e:
        print(e, file=sys.stderr)
        return 1

    finally:
        base.ignore_signals()
        while started:
            started.pop()()


if __name__ == "__main__":
    sys.exit(base.main(arguments, run))
