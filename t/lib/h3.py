"""A client of HTTP/3, aioquic's, in a process of its own: t/http3/client.py.

    with Http3(port) as h3:
        stream = h3.get("/event-stream/" + uuid)
        stream.wait(3)
        stream.stop()

ESS_AIOQUIC names the folder that aioquic was put into."""

import json
import os
import subprocess
import sys
import threading

from nginx import NGINX, TOP
from sse import Parser
from wait import wait_for

AIOQUIC = os.environ.get("ESS_AIOQUIC")


def nginx_has_http3():
    p = subprocess.run([NGINX, "-V"], capture_output=True, text=True)
    return "http_v3_module" in p.stderr


class Stream:
    """One request, and what came for it.

    status, headers   of the response; None and {} until they are there
    raw, parser       what came of an event stream
    ended             by the end of the response
    error             of the RESET_STREAM that came; None: none
    """

    def __init__(self, connection, number):
        self.connection = connection
        self.id = number
        self.status = None
        self.headers = {}
        self.parser = Parser()
        self.raw = b""
        self.ended = False
        self.error = None

    def take(self, said):
        if "headers" in said:
            self.headers = dict(said["headers"])
            self.status = int(self.headers[":status"])
        if "data" in said:
            data = said["data"].encode("latin-1")
            self.raw += data
            self.parser.feed(data.decode())
        self.ended |= said.get("end", False)
        self.error = said.get("reset", self.error)

    @property
    def over(self):
        return self.ended or self.error is not None or self.connection.over

    @property
    def events(self):
        return self.parser.events

    @property
    def data(self):
        return [e.data for e in list(self.events)]

    def wait(self, n, timeout=10):
        wait_for(lambda: len(self.events) >= n, timeout,
                 "%d events" % n)
        return self.events

    def opened(self):
        wait_for(lambda: self.status, what="a response")
        return self

    def stop(self):
        self.connection.tell(stop=self.id)


class Http3:
    """One connection, and its requests by number in `streams'; `closed' has
    what it was closed with by the server."""

    def __init__(self, port, window=1 << 20, refill=True):
        self.host = "127.0.0.1:%d" % port
        self.streams = {}
        self.closed = None
        self.over = False
        self.process = subprocess.Popen(
            [sys.executable, "-B", os.path.join(TOP, "t/http3/client.py"),
             str(port), str(window), str(int(refill))], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=dict(os.environ, PYTHONPATH=AIOQUIC))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "stream" in said:
                stream = self.streams.get(said["stream"])
                if stream:
                    stream.take(said)
            else:
                self.closed = said
        self.over = True

    def tell(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")

    def get(self, path, **headers):
        """For an event stream; names of headers have _ for -."""

        return self.request("GET", path, [
            ("accept", headers.pop("accept", "text/event-stream")),
            *((n.replace("_", "-"), v) for n, v in headers.items())])

    def request(self, method, path, headers=(), body=""):
        number = 4 * len(self.streams)
        stream = self.streams[number] = Stream(self, number)
        self.tell(request=[[(":method", method), (":scheme", "https"),
                            (":authority", self.host), (":path", path),
                            *headers], body])
        return stream

    def refill(self, size=1 << 20):
        self.tell(refill=size)

    def close(self):
        self.tell(close=0x100)

    def vanish(self):
        """Without a word."""

        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.vanish()
        self.process.stdin.close()
