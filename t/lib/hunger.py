"""Workers whose allocations fail now and then, while clients and the back end
do all that they can do."""

import http.client
import random
import re

from api import Api
from clients import CLOSE, PING, PONG, RawWS
from h2 import Http2
from sse import EventSource
from wait import wait_for

CONF = """
env ESS_FAULT_ALLOC;

http {
    ess_zone        streams 16m;
    ess_store       %%DIR%%/streams.db;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_deflate     on min_size=64;
    ess_max_memory  1m;
    ess_ping        1s 1s;
    ess_drain       0;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
        location /annotated/ {
            ess_subscribe;
            ess_annotate on;
            ess_slow_client skip buffer=16k;
            ess_max_subscribers 20 replace;
            ess_request release;
        }
    }

    server {
        listen 127.0.0.1:%%PORT1%% http2;
        http2_max_concurrent_streams 100;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT2%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
        location /console/ { ess_console; }
        location = /metrics { ess_metrics streams=10; }
        location = /health { ess_health; }
    }
}
"""

# what a test, whose own fault it is none of, may see
TROUBLE = (OSError, EOFError, http.client.HTTPException, AssertionError,
           ValueError, IndexError)


class Crowd:
    """All that clients and the back end do, in random order: step() is one
    thing.  What is refused, or breaks off, is no fault."""

    def __init__(self, n, vhost, seed):
        self.n = n
        self.vhost = vhost
        self.random = random.Random(seed)
        self.api = Api(n.port(2))
        self.keys = ["a", "b", "c"]
        self.streams = [self.api.create(key) for key in self.keys]
        self.clients = []

    def step(self):
        do = self.random.choice([
            self._websocket, self._event_stream, self._http2, self._speak,
            self._leave, self._publish, self._http_publish, self._create,
            self._delete, self._look])
        try:
            do()
        except TROUBLE:
            pass

    def _stream(self):
        return self.random.choice(self.streams)

    def _body(self):
        return self.random.choice(
            ['{"n": 1}', "text " * 40, "\x00" * 9, "x" * 20000,
             '{"long": "%s"}' % ("y" * 300)])

    def _add(self, client):
        self.clients.append(client)
        if len(self.clients) > 40:
            self.clients.pop(0).close()

    def _websocket(self):
        place = self.random.choice(["event-stream", "annotated"])
        url = self._stream().location.replace("event-stream", place)
        url += self.random.choice(["", "?stream_from_ordinal=0",
                                   "?stream_from_timestamp=1"])
        c = RawWS.of(url, timeout=2)
        self._add(c)
        c.handshake(**({"Sec_WebSocket_Extensions": "permessage-deflate"}
                       if self.random.random() < 0.5 else {}))

    def _event_stream(self):
        c = RawWS.of(self._stream().location + "?stream_from_ordinal=0",
                     timeout=2)
        self._add(c)
        c.request(Upgrade=None, Accept="text/event-stream")
        c.response()

    def _http2(self):
        h2 = Http2(self.n.port(1))
        self._add(h2)
        for _ in range(3):
            stream = h2.get("/event-stream/%s?stream_from_ordinal=0"
                            % self._stream().uuid)
        h2.wait(lambda: stream.status, timeout=0.2)
        if self.random.random() < 0.5:
            stream.reset()

    def _speak(self):
        c = self.random.choice(self.clients)
        if isinstance(c, RawWS):
            c.send_frame(self.random.choice([PING, 1, 2, CLOSE]), b"")
            c.sock.settimeout(0.05)
            c.recv_frame()
        else:
            c.read()

    def _leave(self):
        c = self.clients.pop(self.random.randrange(len(self.clients)))
        c.close()

    def _publish(self):
        self.vhost.publish(self.random.choice(self.keys),
                           [self._body() for _ in range(5)])

    def _http_publish(self):
        self.api.request("POST", "/publish/" + self.random.choice(
            ["a", "b?batch=1", "none"]), '["x", {"y": 1}]', timeout=3)

    def _create(self):
        r = self.api.request("POST", body={"routing_key": "more"}, timeout=3)
        if r.status == 201:
            self.streams.append(self.api.create_result(r))

    def _delete(self):
        if len(self.streams) > 3:
            self.api.request("DELETE", self.streams.pop().uuid, timeout=3)

    def _look(self):
        self.api.request("GET", self.random.choice(
            ["", "?details=1&limit=2", "?search=a", "/metrics", "/health",
             "/metrics?format=json", "/console/", "/console/api/",
             "%d/subscribers" % self._stream().id]), timeout=3)

    def close(self):
        for c in self.clients:
            c.close()


def starve(n, vhost, hunger, seed, steps):
    """So many steps while one of 2 to 200 allocations fails; afterwards all is
    as it should be, and no worker had to be started anew."""

    workers = n.workers()
    # one that lacks memory while it starts is not started again, by nginx
    wait_for(lambda: len(re.findall("connection to amqp broker .* established",
                                    n.log())) >= len(workers), 20,
             "each worker's session")
    crowd = Crowd(n, vhost, seed)

    for number in (200, 50, 10, 2):
        hunger.set(number)
        for _ in range(steps // 4):
            crowd.step()

    hunger.set(0)
    crowd.close()
    assert n.workers() == workers
    return crowd


def recovered(crowd):
    """A new stream works, over each transport."""

    stream = crowd.api.create("afterwards")
    with EventSource(stream.http) as source, \
            RawWS.of(stream.location) as ws:
        ws.connect()
        crowd.vhost.publish("afterwards", "event")
        source.wait(1)
        frame = ws.recv_frame()
        while frame.opcode == PING:
            ws.send_frame(PONG, frame.payload)
            frame = ws.recv_frame()
        assert frame.payload == b"event"
