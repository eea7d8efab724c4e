#!/usr/bin/python3
"""The heart of `make run-events': nginx with an event log in SQLite, in the
foreground, until Ctrl-C.

All data is under run/events/ in the checkout."""

import argparse
import os
import socket
import sys

import run as base

SCHEMA = os.path.join(base.TOP, "conf", "event.schema.json")

CONF = """
    ess_zone      streams 16m;
    ess_event_log audit %(log)s
                  schema=%(schema)s
                  id=event_id time=timestamp type=type;

    server {
        listen 127.0.0.1:%(port)d;

        location /v1/events {
            client_max_body_size 8m;
            ess_events audit;
        }

        location = /openapi.json { ess_openapi; }
        location = /docs         { ess_docs /openapi.json; }
    }
}
"""

BANNER = """
The event log is at http://127.0.0.1:%(port)d/v1/events
page:   http://127.0.0.1:%(port)d/docs, to look around and try it
schema: %(schema)s
data:   %(folder)s (errors: nginx/error.log in it)

Put events in, one of which is wrong; read them; go on from a page; one of them:

    curl -s http://127.0.0.1:%(port)d/v1/events -d '[%(good)s,%(bad)s]'
    curl -s 'http://127.0.0.1:%(port)d/v1/events?size=10&type=user'
    curl -s 'http://127.0.0.1:%(port)d/v1/events?size=1&from=0&since=2024-01-01T00:00:00Z'
    curl -s http://127.0.0.1:%(port)d/v1/events/u_001

Follow them, in another shell, from the first one on:

    curl -sN -H 'Accept: text/event-stream' \\
        'http://127.0.0.1:%(port)d/v1/events?stream_from_ordinal=0'

Ctrl-C stops it.
"""

GOOD = '{"type":"user","timestamp":"2024-01-01T13:45:10Z",' \
       '"event_id":"u_001","event":{"username":"ann",' \
       '"email":"ann@example.com","operation":"read"}}'
BAD = '{"type":"system","timestamp":"2024-01-01T13:45:10Z",' \
      '"event_id":"s_001","event":{"system_id":"id_1",' \
      '"location":"mars","operation":"read"}}'


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--module", required=True)
    p.add_argument("--port", type=int, help="of nginx")
    p.add_argument("--folder", default="run/events",
                   help="where data is kept")
    return p.parse_args()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(args):
    if args.port:
        busy = base.check_ports([(args.port, "127.0.0.1", "API_PORT=number")])
        if busy:
            print(busy, file=sys.stderr)
            return 1
    else:
        args.port = free_port()

    folder = os.path.abspath(args.folder)
    os.makedirs(folder, exist_ok=True)
    prefix = base.write_conf(args, CONF % {
        "log": os.path.join(folder, "audit.db"), "schema": SCHEMA,
        "port": args.port})
    nginx = base.start_nginx(prefix)
    try:
        base.wait_for_nginx(nginx, args.port)
        if nginx.poll() is None:
            base.say(BANNER % {"port": args.port, "schema": SCHEMA,
                               "folder": folder, "good": GOOD, "bad": BAD})
        nginx.wait()
        return base.died("nginx", nginx, os.path.join(prefix, "error.log"))

    except base.Stop:
        base.say("\nstopping ...")
        return 0

    finally:
        base.ignore_signals()
        base.stop_nginx(nginx)


if __name__ == "__main__":
    sys.exit(base.main(arguments, run))
