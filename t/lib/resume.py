"""A client program over 1,000 events, with a reload and the death of all
workers in the middle; events go on while it is away.

The program gets the stream's location and prints the body of each event."""

import functools
import json
import re
import subprocess
import threading
import time

from api import Api
from wait import wait_for

CONF = """
http {
    ess_zone streams 8m;
    %%BROKER%%
    ess_log size=1m count=2000;
    ess_drain 1s;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;

    log_format end '$msec $request_time $status "$request_uri" '
                   '"$http_last_event_id"';

    server {
        listen 127.0.0.1:%%PORT0%%;
        access_log %%DIR%%/end.log end;
        location /event-stream/ { ess_subscribe; ess_annotate on; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""

EVENTS = 1000


def over_http(port):
    """A connection for each event: one that is kept may be closed by a worker
    that leaves while the request is on its way."""

    api = Api(port)

    def publish(body):
        r = api.request("POST", "/publish/k", body, timeout=30)
        assert r.status == 202, r

    return publish


def over_amqp(vhost):
    """Returns when the broker has confirmed it."""

    channel = vhost.connect().channel()
    channel.confirm_delivery()
    return functools.partial(channel.basic_publish, "event-streams", "k")


class Publisher:
    """Events {"n":0}, {"n":1} ..., as far as up_to() has said, on a thread of
    its own."""

    def __init__(self, publish):
        self.publish = publish
        self.times = []             # time.time() at which each was taken
        self.limit = 0
        self.more = threading.Condition()
        self.error = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            while len(self.times) < EVENTS:
                with self.more:
                    self.more.wait_for(lambda: len(self.times) < self.limit)
                self.publish(b'{"n":%d}' % len(self.times))
                self.times.append(time.time())
                time.sleep(0.001)
        except BaseException as e:
            self.error = e

    def up_to(self, limit):
        with self.more:
            self.limit = limit
            self.more.notify()

    def done(self):
        assert self.error is None, "the publisher: %r" % self.error
        return len(self.times) == self.limit


class Program:
    """What it printed is in files: no pipe of ours makes it wait."""

    def __init__(self, folder, command):
        self.out, self.err = str(folder / "client.out"), str(
            folder / "client.err")
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def lines(self):
        with open(self.out, "rb") as f:
            return f.read().decode().split("\n")[:-1]

    def wait(self, n, publisher):
        """Until it printed n lines."""

        def printed():
            publisher.done()
            code = self.process.poll()
            assert code is None, "the program ended (%d): %s" % (
                code, self.errors())
            return len(self.lines()) >= n

        try:
            wait_for(printed, 15, "%d events" % n)
        except AssertionError as e:
            raise AssertionError("%s\n%d lines, the last: %r\n%s" % (
                e, len(self.lines()), self.lines()[-1:],
                self.errors())) from None

    def errors(self):
        with open(self.err) as f:
            return f.read()[-3000:]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def connections(n):
    """Those of the program that have ended, but for those that died with a
    worker: (when it began, the place that it named)."""

    with open(n.path("end.log")) as f:
        found = re.findall(r'(?m)^([\d.]+) ([\d.]+) (\d+) "(.*)" "(.*)"$',
                           f.read())
    return [(float(end) - float(lasted), _place(uri, last_id))
            for end, lasted, status, uri, last_id in found
            if status in ("101", "200")]


def _place(uri, last_id):
    """The ordinal; an id ends with it."""

    from_id = re.search(r"[?&]from=[0-9a-f]+-(\d+)", uri)
    ordinal = re.search(r"[?&]stream_from_ordinal=(\d+)", uri)
    if last_id != "-":
        return int(last_id.rpartition("-")[2])
    assert from_id or ordinal, "no place is named: %s" % uri
    return int((from_id or ordinal)[1])


def goes_on(nginx, folder, command, transport, ends, vhost=None):
    """Returns a sentence on what happened.  ends: it does when the stream is
    deleted."""

    n = nginx(CONF, workers=2,
              broker="ess_amqp %s;" % vhost.url if vhost else "")
    api = Api(n.port(1))
    stream = api.create("k")
    publisher = Publisher(over_amqp(vhost) if vhost else over_http(n.port(1)))
    program = _start(folder, command, transport, stream)
    try:
        _disturb(n, publisher, program,
                 lambda: api.get(stream)["subscribers"] == 1)
        if ends:
            api.delete(stream)
            wait_for(lambda: program.process.poll() is not None, 15,
                     "the program to end")
        program.stop()
        return _judge(n, publisher, program)
    finally:
        program.stop()


def is_told_of_a_gap(nginx, folder, command, transport):
    """The log has no longer all that the program asks for."""

    n = nginx(CONF.replace("count=2000", "count=5"), broker="")
    api = Api(n.port(1))
    stream = api.create("k")
    publish = over_http(n.port(1))

    def evicted():
        publish(b'{"old":1}')
        return api.get(stream)["first_ordinal"] > 1

    wait_for(evicted, 15, "events to be evicted", interval=0.1)
    program = _start(folder, command, transport, stream)
    try:
        wait_for(lambda: "events are gone" in program.errors(), 30, "the gap")
        publish(b'{"n":1}')
        wait_for(lambda: '{"n":1' in "".join(program.lines()[-1:]), 15,
                 "what comes behind it")
        assert "gap" not in "".join(program.lines())
    finally:
        program.stop()


def _start(folder, command, transport, stream):
    return Program(folder, command + [
        stream.location if transport == "WebSocket" else stream.http])


def _disturb(n, publisher, program, connected):
    wait_for(lambda: program.process.poll() is not None or connected(), 30,
             "the client")
    publisher.up_to(200)
    program.wait(200, publisher)

    # while the workers leave, and when the client has been sent away
    publisher.up_to(400)
    n.reload()
    wait_for(lambda: connections(n), 15, "the client to be sent away")
    publisher.up_to(600)
    program.wait(600, publisher)

    # what is under way while a worker dies would be published twice
    wait_for(publisher.done, 15, "600 events to be published")
    wait_for(connected, 15, "the client")
    for pid in n.workers():
        n.kill_worker(pid)
    publisher.up_to(EVENTS)
    program.wait(EVENTS, publisher)


def _judge(n, publisher, program):
    # that which died with its worker is not among them
    wait_for(lambda: len(connections(n)) >= 2, 15, "the last one's end")
    assert [json.loads(line)["n"] for line in program.lines()] == list(
        range(EVENTS)), program.errors()

    # it named the place each time, and there was something to miss
    ended = connections(n)
    missed = [sum(t < began for t in publisher.times[place:])
              for began, place in ended[1:]]
    assert any(missed), ended
    return "%d events, %d of them while away, %d reconnections" % (
        EVENTS, sum(missed), len(ended))
