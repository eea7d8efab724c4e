"""An application of its own, to be killed: noting_app.py PORT FILE.  Each
request is work, done once its line is in the file: body, AMQP-Redelivered,
AMQP-Attempt."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler

from app_server import AppServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(0.02)
        os.write(self.server.notes, b"%s %s %s\n" % (
            body, self.headers["AMQP-Redelivered"].encode(),
            self.headers["AMQP-Attempt"].encode()))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class NotingApp:
    """The process, seen from a test; start() again after a kill()."""

    def __init__(self, path):
        from ports import free_port
        self.path = str(path)
        self.port = free_port()
        self.process = None
        open(self.path, "w").close()

    def start(self):
        from rabbitmq_node import die_with_parent
        from wait import wait_for
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(self.port), self.path],
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent(signal.SIGKILL))
        wait_for(self._answers, 20, "the application")
        return self

    def _answers(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True

    def kill(self, sig=signal.SIGKILL):
        self.process.send_signal(sig)
        self.process.wait()

    def notes(self):
        """(body, redelivered, attempt) of each request, in their order."""

        with open(self.path) as f:
            return [tuple(map(int, line.split())) for line in f
                    if line.endswith("\n")]

    def __enter__(self):
        return self.start()

    def __exit__(self, *args):
        self.kill()


def main():
    server = AppServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.notes = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
    signal.signal(signal.SIGTERM, lambda *args: os._exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
