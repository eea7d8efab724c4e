#!/usr/bin/python3
"""The heart of `make run': RabbitMQ and nginx in the foreground, until Ctrl-C.

All data is under run/ in the checkout, so that the next run finds the
streams of this one; the pages that it serves are in examples/."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time

from rabbitmq_node import RabbitmqNode, die_with_parent, port_is_free

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NGINX = "/usr/sbin/nginx"
EXAMPLES = os.path.join(TOP, "examples")
CLIENTS = os.path.join(TOP, "clients")

# none of them is the one of a broker that the system may run
AMQP_PORT = 5673
DIST_PORT = 5674
EPMD_PORT = 5675

# what ends it
SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

# an nginx of one's own, in one's own folder
PREAMBLE = """\
# written by `make', each time

load_module %(module)s;
%(user)s
worker_processes 2;
daemon off;
pid nginx.pid;
error_log error.log notice;

events {
    worker_connections 4096;
}

http {
    access_log access.log;
    default_type text/plain;
    types { text/html html; text/javascript js; }

    client_body_temp_path tmp/body;
    proxy_temp_path tmp/proxy;
    fastcgi_temp_path tmp/fastcgi;
    uwsgi_temp_path tmp/uwsgi;
    scgi_temp_path tmp/scgi;

"""

CONF = """\
    ess_zone streams 64m;
    ess_store %(store)s;
    ess_amqp "%(amqp)s" exchange=event-streams;
    ess_public_url ws://127.0.0.1:%(port)d/event-stream/;
    ess_node make-run;
    ess_stream prices key=json:/symbol;
    ess_stream chat key=json:/room;

    server {
        listen %(port)d;

        location /event-stream/ {
            ess_subscribe;
        }

        location = /events {
            ess_subscribe multi names public;
        }
    }

    server {
        listen 127.0.0.1:%(api_port)d;

        location / {
            root %(examples)s;
        }

        location = /ess.js {
            root %(clients)s;
        }

        # for the page that comes from here
        location = /events {
            ess_subscribe multi names public;
        }

        location /event-stream/ {
            ess_api;
        }

        location /publish/ {
            ess_publish;
        }

        location /console/ {
            ess_console;
        }

        location = /metrics {
            ess_metrics;
        }

        location = /healthz {
            ess_health;
        }
    }
}
"""

BANNER = """
ESS is running.
page:      http://127.0.0.1:%(api_port)d/
and:       http://127.0.0.1:%(api_port)d/live.html, many streams at once
console:   http://127.0.0.1:%(api_port)d/console/
clients:   ws://127.0.0.1:%(port)d/event-stream/
API:       http://127.0.0.1:%(api_port)d/event-stream/
RabbitMQ:  %(amqp)s
data:      %(folder)s (errors: nginx/error.log in it)

Create a stream, listen to it, publish; in another shell, in this folder:

    curl -s -H 'Content-Type: application/json' -d '{"routing_key":"abc"}' \
http://127.0.0.1:%(api_port)d/event-stream/
    tools/ws_listener.py $(curl -s http://127.0.0.1:%(api_port)d/\
event-stream/ | jq -r '.event_streams[-1].location') & sleep 1
    tools/ampq_publisher.py abc '%(amqp)s'

Ctrl-C stops it.
"""


class Stop(Exception):
    pass


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--module", required=True)
    p.add_argument("--port", type=int, default=8080)
    p.add_argument("--api-port", type=int, default=8081)
    p.add_argument("--amqp", help="a broker to use instead of a private one")
    p.add_argument("--folder", default="run", help="where data is kept")
    return p.parse_args()


def say(text):
    print(text, flush=True)


def check_ports(ports):
    """None, or a sentence about those that someone else has."""

    busy = [p for p in ports if not port_is_free(p[0], p[1])]
    if not busy:
        return None
    names = [what for _, _, what in busy]
    names = [n for i, n in enumerate(names) if n not in names[:i]]
    return "%s in use: set %s." % (
        "Ports %s are" % listed(busy) if len(busy) > 1
        else "Port %d is" % busy[0][0], " and ".join(names))


def listed(ports):
    return " and ".join(", ".join(str(p[0]) for p in ports).rsplit(", ", 1))


def write_conf(args, http):
    """http: what is in its block, and the end of that."""

    prefix = os.path.join(args.folder, "nginx")
    os.makedirs(os.path.join(prefix, "tmp"), exist_ok=True)

    # As root the workers stay root: a checkout need not be open to others.
    preamble = PREAMBLE % {
        "module": os.path.abspath(args.module),
        "user": "user root;" if os.geteuid() == 0 else "",
    }
    with open(os.path.join(prefix, "nginx.conf"), "w") as f:
        f.write(preamble + http)
    return prefix


def start_nginx(prefix):
    return subprocess.Popen(
        [NGINX, "-p", prefix, "-c", "nginx.conf", "-e", "error.log"],
        stdin=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGTERM))


def stop_nginx(nginx):
    """Gracefully: clients are told that the server goes away."""

    if nginx.poll() is not None:
        return
    nginx.send_signal(signal.SIGQUIT)
    try:
        nginx.wait(10)
    except subprocess.TimeoutExpired:
        nginx.terminate()
        try:
            nginx.wait(5)
        except subprocess.TimeoutExpired:
            nginx.kill()
            nginx.wait()


def wait_for_nginx(nginx, port):
    while nginx.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)


def tail(path, lines=10):
    try:
        with open(path, errors="replace") as f:
            return "".join(f.readlines()[-lines:])
    except OSError:
        return ""


def died(name, process, log):
    """Says so.  Returns what main() does."""

    print("%s exited (%d); the end of %s:\n%s" % (
        name, process.returncode, log, tail(log)), file=sys.stderr)
    return 1


def run(args):
    ports = [(args.port, "0.0.0.0", "PORT=number"),
             (args.api_port, "127.0.0.1", "API_PORT=number")]
    if not args.amqp:
        # those of the private RabbitMQ, perhaps of another "make run"
        ports += [(p, "127.0.0.1", "AMQP=url of another RabbitMQ")
                  for p in (AMQP_PORT, DIST_PORT, EPMD_PORT)]

    busy = check_ports(ports)
    if busy:
        print(busy, file=sys.stderr)
        return 1

    node = None
    nginx = None

    try:
        amqp = args.amqp

        if not amqp:
            say("starting RabbitMQ ...")
            node = RabbitmqNode(os.path.join(args.folder, "rabbitmq"),
                                AMQP_PORT, DIST_PORT, EPMD_PORT,
                                name="ess-run")
            node.start()
            amqp = node.url

        prefix = write_conf(args, CONF % {
            "store": os.path.join(args.folder, "streams.db"),
            "examples": EXAMPLES,
            "clients": CLIENTS,
            "amqp": amqp,
            "port": args.port,
            "api_port": args.api_port,
        })
        nginx = start_nginx(prefix)
        wait_for_nginx(nginx, args.api_port)

        if nginx.poll() is None:
            say(BANNER % {"port": args.port, "api_port": args.api_port,
                          "amqp": amqp, "folder": args.folder})
            nginx.wait()

        return died("nginx", nginx, os.path.join(prefix, "error.log"))

    except Stop:
        say("\nstopping ...")
        return 0

    except RuntimeError as e:
        print(e, file=sys.stderr)
        return 1

    finally:
        ignore_signals()
        if nginx is not None:
            stop_nginx(nginx)
        if node is not None:
            node.stop()


def ignore_signals():
    """Once all is being stopped."""

    for sig in SIGNALS:
        signal.signal(sig, signal.SIG_IGN)


def main(arguments, run):
    """What a program that runs something in the foreground does: run(args)
    until Stop, which a signal raises."""

    def stop(signum, frame):
        raise Stop

    for sig in SIGNALS:
        signal.signal(sig, stop)
    if "MAKELEVEL" in os.environ:
        die_with_parent()()
    os.chdir(TOP)
    args = arguments()
    args.folder = os.path.abspath(args.folder)
    try:
        return run(args)
    except Stop:
        return 0


if __name__ == "__main__":
    sys.exit(main(arguments, run))
