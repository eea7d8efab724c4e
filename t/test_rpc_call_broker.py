"""ess_rpc: alarms, ends of connections, brokers and workers, and exchanges that
are not there."""

import gzip
import os
import socket
import threading
import time

import pytest

from api import Api
from rpc import RpcWorker
from wait import slower, wait_for

CONF = """
http {
    ess_amqp %%AMQP%%;
    client_max_body_size 2m;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /call/ {
            ess_rpc $ess_rpc_name queues=echo,slow max_reply=8m
                    timeout=2m;
        }
        location /exchange {
            ess_rpc echo exchange=calls timeout=20s;
        }
        location /packed {
            ess_rpc echo pack=gzip max_reply=8m timeout=20s;
        }
        location /unpacked { ess_rpc slow max_reply=8m timeout=20s; }
        location /endless {
            client_max_body_size 0;
            ess_rpc echo;
            if ($arg_if) {
                add_header X-If yes;
            }
        }
        location = /metrics { ess_metrics; }
    }
}
"""


def start(nginx, vhost, workers=1):
    n = nginx(CONF, workers=workers, amqp=vhost.url)
    service = Api(n.port(0))
    service.nginx = n
    return service


def call(service, path="/call/echo", body=b"hello", **more):
    return service.request("POST", path, body, **more)


def works(service, path="/call/echo"):
    return call(service, path).body == b"hello"


def unavailable(r, words):
    assert r.status == 503, r
    assert r.headers["Content-Type"] == "application/problem+json"
    assert r.headers["Retry-After"] == "1"
    assert words in r.json()["detail"], r


def at_once(f, *args, **more):
    begin = time.monotonic()
    result = f(*args, **more)
    assert time.monotonic() - begin < 1 * slower()
    return result


class Waiting:
    """Calls under way, each in a thread of its own."""

    def __init__(self, service, number, path="/call/slow"):
        self.answers = []
        self.threads = [threading.Thread(target=self._call,
                                         args=(service, path))
                        for _ in range(number)]
        for t in self.threads:
            t.start()

    def _call(self, service, path):
        try:
            self.answers.append(call(service, path, timeout=120))
        except OSError as e:
            self.answers.append(e)

    def end(self):
        for t in self.threads:
            t.join(30 * slower())
        assert len(self.answers) == len(self.threads)
        return self.answers


class Holder(RpcWorker):
    """Answers when it is told to."""

    def __init__(self, vhost, queue="slow"):
        self.held = []
        super().__init__(vhost, queue, lambda w, m: self.held.append(m))

    def release(self, body=b"done", properties=None):
        held, self.held[:] = list(self.held), []
        self.channel.connection.add_callback_threadsafe(
            lambda: [self.reply(m, body, properties) for m in held])


ALARMS = {
    "memory": (("set_vm_memory_high_watermark", "0"),
               ("set_vm_memory_high_watermark", "absolute", "1GB")),
    "disk": (("set_disk_free_limit", "100000GB"),
             ("set_disk_free_limit", "50MB")),
}


@pytest.mark.parametrize("resource", ALARMS)
def test_alarm(nginx, own_broker, resource):
    """Calls are refused at once with the broker's reason; those that the
    broker has already are answered."""

    broker = own_broker()
    vhost = broker.vhost()
    service = start(nginx, vhost)
    begin, end = ALARMS[resource]
    with RpcWorker(vhost, "echo") as echo, Holder(vhost) as holder:
        wait_for(lambda: works(service))
        waiting = Waiting(service, 3)
        wait_for(lambda: len(holder.held) == 3)
        broker.control(*begin)
        try:
            # the broker tells once something was published
            wait_for(lambda: call(service).status == 503, 20)
            for _ in range(3):
                unavailable(at_once(call, service), "low on " + resource)
            done = len(echo.messages)

            # a new session is told nothing before the first call
            service.nginx.reload()
            for _ in range(3):
                unavailable(call(service), "low on " + resource)
            unavailable(at_once(call, service), "low on " + resource)
        finally:
            broker.control(*end)
        wait_for(lambda: works(service), 20)
        holder.release()
        assert [r.status for r in waiting.end()] == [200] * 3

        # of what was refused little is done, if anything
        assert len(echo.messages) - done <= 6


def test_connection_ends(nginx, vhost, relay):
    with RpcWorker(vhost, "echo"), Holder(vhost) as holder:
        relay_vhost = type("Relayed", (), {"url": relay.url})
        service = start(nginx, relay_vhost, workers=2)
        wait_for(lambda: works(service))
        for _ in range(2):
            waiting = Waiting(service, 20)
            wait_for(lambda: len(holder.held) == 20)
            relay.cut()
            for r in at_once(waiting.end):
                unavailable(r, "connection to the broker ended")
            unavailable(at_once(call, service), "cannot be reached")
            relay.mend()
            wait_for(lambda: works(service), 20)

            # a reply to one of those before is nobody's
            holder.release()
            waiting = Waiting(service, 4)
            wait_for(lambda: len(holder.held) == 4)
            holder.release(b"mine")
            assert [r.body for r in waiting.end()] == [b"mine"] * 4
    wait_for(lambda: in_flight(service) == 0)


def in_flight(service):
    return service.request("GET", "/metrics", headers={
        "Accept": "application/json"}).json()["rpc_in_flight"]


def test_broker_restarts(nginx, own_broker):
    broker = own_broker()
    vhost = broker.vhost()
    service = start(nginx, vhost)
    with Holder(vhost) as holder:
        call(service)
        waiting = Waiting(service, 5)
        wait_for(lambda: len(holder.held) == 5)
        # it is to leave before its connection does
        holder._stop = True
        holder.thread.join(10 * slower())
        broker.stop_server()
        for r in waiting.end():
            unavailable(r, "broker")
    unavailable(call(service), "broker")
    broker.start()
    with RpcWorker(vhost, "echo"):
        wait_for(lambda: works(service), 30)


def test_reload(nginx, vhost):
    """Calls under way are answered, whatever is still to be done."""

    service = start(nginx, vhost, workers=2)
    body = os.urandom(1 << 20)
    with RpcWorker(vhost, "echo") as echo, Holder(vhost) as holder:
        wait_for(lambda: works(service))
        waiting = Waiting(service, 10)
        unpacked = Waiting(service, 4, "/unpacked")
        wait_for(lambda: len(holder.held) == 14)
        packed = socket.create_connection(("127.0.0.1", service.port))
        packed.sendall(b"POST /packed HTTP/1.1\r\nHost: a\r\n"
                       b"Connection: close\r\nContent-Length: %d\r\n\r\n"
                       % len(body) + body[:-1])
        wait_for(lambda: in_flight(service) == 14)

        service.nginx.reload()

        # the rest of the body comes when the worker is about to leave
        packed.sendall(body[-1:])
        with packed, packed.makefile("rb") as f:
            packed.settimeout(20 * slower())
            answer = f.read()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer[:500]
        assert answer.endswith(echo.messages[-1].body[-64:])

        text = bytes(8 << 20)
        holder.release(gzip.compress(text), {"content_encoding": "gzip"})
        for r in unpacked.end():
            assert r.status == 200 and r.body == text
        assert [r.body == text for r in waiting.end()] == [True] * 10
        wait_for(lambda: works(service))


def test_exchange_that_is_not_there(nginx, vhost):
    """The broker's words, while other calls go on; once it is there, it
    works."""

    service = start(nginx, vhost)
    with RpcWorker(vhost, "echo"):
        wait_for(lambda: works(service))
        for _ in range(3):
            r = call(service, "/exchange")
            unavailable(r, "no exchange 'calls'")
            assert "404" in r.json()["detail"]
            assert works(service)
        for _ in range(2):
            with vhost.connect() as connection:
                channel = connection.channel()
                channel.exchange_declare("calls")

                # nobody is bound there
                wait_for(lambda: call(service, "/exchange").status == 404, 20)
                channel.queue_bind("echo", "calls", "echo")
                assert works(service, "/exchange")
                channel.exchange_delete("calls")
            unavailable(call(service, "/exchange"), "no exchange 'calls'")
            assert works(service)


def test_killed_worker(nginx, vhost):
    service = start(nginx, vhost)
    with RpcWorker(vhost, "echo"), Holder(vhost) as holder:
        wait_for(lambda: works(service))
        waiting = Waiting(service, 5)
        wait_for(lambda: len(holder.held) == 5)
        service.nginx.kill_worker()
        assert [isinstance(r, OSError) for r in waiting.end()] == [True] * 5
        holder.release()
        wait_for(lambda: works(service))
        wait_for(lambda: in_flight(service) == 0)


@pytest.mark.parametrize("path", ["/endless", "/endless?if=1"])
def test_endless_body(nginx, vhost, path):
    """It is refused at 64 MB, and nothing of it goes to disk."""

    service = start(nginx, vhost)
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", service.port)) as s:
        s.settimeout(20 * slower())
        s.sendall(b"POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n" % path.encode())
        try:
            while sent < 100:
                s.sendall(chunk)
                sent += 1
        except OSError:
            pass
        try:
            assert b" 413 " in s.recv(4096).split(b"\r\n")[0]
        except ConnectionResetError:
            pass
    assert sent >= 64
    service.nginx.wait_log("too large chunked body")
    assert "buffered to a temporary file" not in service.nginx.log()
