"""How clients leave a worker that stops, and what they get until then."""

import os
import re
import signal
import subprocess
import threading
import time

import pytest

from api import Api
from clients import Clients, RawWS
from h2 import Http2
from nginx import alive
from publisher import Publisher, gap, numbers
from sse import EventSource
from wait import SLOWER, freeze, slower, wait_for

CONF = """
%%MAIN%%

http {
    ess_zone        streams 16m;
    ess_store       %%DIR%%/streams.db;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    %%DRAIN%%

    server {
        listen 127.0.0.1:%%PORT0%% %%LISTEN%%;
        location /event-stream/ {
            ess_subscribe;
            %%MORE%%
            add_header X-Worker $pid always;
        }
        location = /hello { return 200 "hello"; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }

    server {
        listen 127.0.0.1:%%PORT2%% http2;
        location /event-stream/ { ess_subscribe; }
    }
}
"""

RELOAD = 1012
QUIT = 1001


@pytest.fixture
def service(nginx, vhost):
    def make(drain="0", main="", listen="", more=""):
        n = nginx(CONF, amqp=vhost.url, main=main, listen=listen, more=more,
                  drain="ess_drain %s;" % drain if drain else "")
        api = Api(n.port(1))
        return n, api, api.create("abc")
    return make


def gone(pids):
    wait_for(lambda: not any(alive(p) for p in pids), 20,
             "the old workers to leave")


def leave(n, code):
    """Begins a reload or a graceful stop; returns the old workers."""

    old = n.workers()
    n.send_signal(signal.SIGHUP if code == RELOAD else signal.SIGQUIT)
    return old


def until(condition, timeout=2):
    """Is it so within that time?"""

    end = time.monotonic() + timeout * slower()
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def spread(clients):
    times = sorted(c.closed_time for c in clients)
    return times[-1] - times[0]


def stop_as_debian_does(n):
    """What its unit does; 2: nginx was still there after 5 seconds."""

    # its parent is to take notice of its end
    threading.Thread(target=n.process.wait, daemon=True).start()
    return subprocess.run(
        ["start-stop-daemon", "--quiet", "--stop", "--retry",
         "QUIT/%d" % (5 * slower()), "--pidfile", n.path("nginx.pid")]
    ).returncode


@pytest.mark.parametrize("code", [QUIT, RELOAD])
def test_clients_are_closed_at_once_without_a_drain(service, vhost, code):
    n, api, stream = service()
    with Clients([stream.location] * 40, library="both") as clients:
        vhost.publish("abc", "event")
        clients.wait(1)
        old = leave(n, code)
        assert {c for c, _ in clients.wait_closed()} == {code}
        # so much time it takes, whatever else the machine does
        times = re.findall(r"closing \d+ subscribers within (\d+) ms", n.log())
        assert set(times) == {"0"}
        gone(old)
        assert all(c.messages == ["event"] for c in clients)
    if code == QUIT:
        wait_for(lambda: not n.running())
        assert n.process.returncode == 0


@pytest.mark.parametrize("code", [QUIT, RELOAD])
def test_closes_are_spread_over_the_drain(service, code):
    # clients that are held up for a while notice many closes at once
    n, api, stream = service("6s")
    with Clients([stream.location] * 40, library="both") as clients:
        old = leave(n, code)
        assert {c for c, _ in clients.wait_closed(20)} == {code}
        assert spread(clients) > 2

        # no half of a second has much more than its share
        times = sorted(c.closed_time for c in clients)
        if SLOWER == 1:
            assert max(sum(t <= u < t + 0.5 for u in times)
                       for t in times) < 30
        gone(old)


def test_default_fits_into_the_stop_of_debian(service):
    """With clients that answer the close, and clients that do not."""

    n, api, stream = service(drain=None)
    silent = [RawWS.of(stream.location) for _ in range(10)]
    for c in silent:
        c.connect()
    with Clients([stream.location] * 10, library="both") as clients:
        assert stop_as_debian_does(n) == 0
        assert {c for c, _ in clients.wait_closed()} == {QUIT}
        assert spread(clients) > 0.5
    for c in silent:
        assert c.recv_frame().close_code == QUIT
        c.close()


@pytest.mark.parametrize("code", [QUIT, RELOAD])
@pytest.mark.parametrize("timeout", [1, 5])
def test_drain_fits_into_the_shutdown_timeout(service, vhost, timeout, code):
    """nginx cuts off who is still there then."""

    n, api, stream = service(
        "60s", "worker_shutdown_timeout %ds;" % (timeout * SLOWER))
    sources = [EventSource(stream.http) for _ in range(100)]
    with Clients([stream.location] * 200, library="both") as clients:
        vhost.publish("abc", "event")
        clients.wait(1)
        for source in sources:
            source.wait(1)
        old = leave(n, code)
        assert {c for c, _ in clients.wait_closed(20)} == {code}
        for source in sources:
            source.wait_closed()
            assert source.complete
            source.close()
        assert spread(clients) > timeout / 3
        gone(old)


def test_clients_whose_sockets_are_full(service, vhost):
    """One takes what there is when it is told to go; the other nothing."""

    n, api, stream = service("8s", listen="sndbuf=8k")
    events = [str(i) * 50000 for i in range(10)]
    with RawWS.of(stream.location, rcvbuf=2048) as dead, \
            RawWS.of(stream.location, rcvbuf=2048) as late:
        for c in dead, late:
            c.connect()
        vhost.publish("abc", events)
        wait_for(lambda: api.get(stream)["last_ordinal"] == 10)
        old = leave(n, RELOAD)
        wait_for(lambda: sum(map(int, re.findall(
            r"closing (\d+) subscribers within", n.log()))) == 2)
        assert [late.recv_frame().payload.decode() for _ in events] == events
        assert late.recv_frame().close_code == RELOAD
        gone(old)


def test_http2_client_that_takes_no_response(service):
    n, api, stream = service()
    with Http2(n.port(2), window=0) as h2:
        gets = [h2.get("/event-stream/" + stream.uuid) for _ in range(3)]
        h2.wait(lambda: all(get.status == 200 for get in gets))
        old = leave(n, RELOAD)
        h2.wait(lambda: all(get.over for get in gets) and h2.goaway == 0)
        h2.close()
        gone(old)


def test_events_go_on_during_the_drain_of_a_reload(service, vhost):
    n, api, stream = service("8s")
    with Clients([stream.location] * 30, library="both") as clients, \
            Publisher(vhost, ["abc"], 500) as publisher:
        clients.wait(10)
        n.reload()
        with Clients([stream.location] * 4, library="both") as new:
            began = publisher.total()
            assert {c for c, _ in clients.wait_closed(20)} == {RELOAD}
            count = publisher.stop()["abc"]

            # each has all events up to some moment, later ones more
            for c in clients:
                assert not gap(c) and numbers(c)[0] == 1
            by_time = sorted(clients, key=lambda c: c.closed_time)
            assert len(by_time[-1].messages) > began
            assert len(by_time[-1].messages) > len(by_time[0].messages)

            # and the new workers' clients have the rest
            for c in new:
                wait_for(lambda: numbers(c)[-1:] == [count])
                assert not gap(c)
                assert numbers(c)[0] <= len(by_time[-1].messages)


def test_new_clients_go_to_new_workers(service, vhost):
    n, api, stream = service("60s")
    with Clients([stream.location] * 10) as clients:
        old = set(n.workers())
        n.reload()
        new = set(n.workers())
        assert not old & new
        with Clients([stream.location] * 20) as later:
            assert {int(c.response["X-Worker"]) for c in later} <= new
            vhost.publish("abc", "event")
            later.wait(1)
            wait_for(lambda: all(c.messages == ["event"] for c in clients
                                 if not c.closed))
    # the last client went by itself
    gone(old)


def asking(n, stream):
    """Clients of each worker, which have still to finish their question."""

    waiting = []
    while {int(c.headers["x-worker"]) for c in waiting} != set(n.workers()):
        # a worker that has answered has read what came with the question
        c = RawWS(n.port())
        send, c.send = c.send, lambda data: send(
            b"GET /event-stream/ HTTP/1.1\r\nHost: a\r\n\r\n"
            + data[:-2])
        c.path = "/event-stream/" + stream.uuid
        yield c
        c.send = send
        waiting.append(c)


def test_worker_that_stops_refuses_new_clients(service):
    n, api, stream = service("60s")
    with Clients([stream.location] * 8):
        old = n.workers()
        waiting = []
        for c in asking(n, stream):
            assert c.handshake() == 404
            waiting.append(c)
        n.reload()
        for c in waiting:
            c.send(b"\r\n")
            assert c.response() == 503
            assert c.headers["retry-after"] == "1"
            c.recv_eof()
            c.close()
    gone(old)


def test_event_source_that_comes_to_a_worker_that_stops(service):
    """An EventSource comes back after the end of its events, and after nothing
    else: any other status is for good."""

    n, api, stream = service("60s")
    with Clients([stream.location] * 8):
        old = n.workers()
        waiting = []
        for c in asking(n, stream):
            assert c.handshake(Upgrade=None, Connection="keep-alive",
                               Accept="text/event-stream") == 404
            waiting.append(c)
        n.reload()
        for c in waiting:
            c.send(b"\r\n")
            assert c.response() == 200
            assert c.headers["content-type"] == "text/event-stream"
            assert c.headers["connection"] == "close"
            body = b""
            while b"\r\n0\r\n\r\n" not in body:
                body += c.recv(1)
            assert re.fullmatch(rb"[0-9a-f]+\r\nretry: \d+\n\r\n"
                                rb"0\r\n\r\n", body)
            c.recv_eof()
            c.close()
    gone(old)


def test_worker_leaves_when_its_last_client_does(service):
    n, api, stream = service("60s")
    with Clients([stream.location] * 4) as clients:
        old = {int(c.response["X-Worker"]) for c in clients}
        n.reload()
        # one of the two has at least two, the first of which is closed at once
        assert any(alive(p) for p in old)
    gone(old)


def test_client_that_does_not_answer_the_close_does_not_hold_a_worker(
        service):
    n, api, stream = service()
    with RawWS.of(stream.location) as c:
        c.connect()
        n.reload(old_gone=True)
        assert c.recv_frame().close_code == RELOAD
        c.recv_eof()


@pytest.mark.parametrize("code", [QUIT, RELOAD])
def test_worker_shutdown_timeout_cuts_the_drain(service, code):
    n, api, stream = service("60s", main="worker_shutdown_timeout 1s;")
    with Clients([stream.location] * 40, library="both") as clients:
        begin = time.monotonic()
        old = leave(n, code)
        codes = {c for c, _ in clients.wait_closed()}
        assert codes <= {code, 1006}
        gone(old)
        assert time.monotonic() - begin < 20 * slower()
    assert not re.search(r"open socket|aborting", n.log())


def test_stop_ends_connections_without_a_close(service):
    n, api, stream = service("60s")
    with Clients([stream.location] * 10, library="both") as clients:
        assert n.stop(quit=False) == 0
        assert {c for c, _ in clients.wait_closed()} == {1006}
    n.start()
    with Clients(stream.location):
        assert api.get(stream)["subscribers"] == 1


@pytest.mark.parametrize("code", [QUIT, RELOAD])
def test_stop_amid_a_drain(service, code):
    n, api, stream = service("60s")
    with Clients([stream.location] * 10, library="both") as clients:
        leave(n, code)
        n.wait_log(r"closing \d+ subscribers within")
        assert n.stop(quit=False) == 0
        assert {c for c, _ in clients.wait_closed()} <= {code, 1006}


def test_events_in_the_log_are_sent_before_the_close(service, vhost):
    # the whole of it may wait for clients that read late
    n, api, stream = service(listen="sndbuf=64k",
                             more="ess_slow_client close buffer=4m;")
    events = ["%d " % i + "x" * 5000 for i in range(400)]
    with Clients([stream.location] * 10, library="both") as clients:
        vhost.publish("abc", events)
        wait_for(lambda: api.get(stream)["last_ordinal"] == 400)
        n.reload()
        assert {c for c, _ in clients.wait_closed()} == {RELOAD}
        assert all(c.messages == events for c in clients)


def test_burst_found_together_with_the_end_is_sent_before_the_close(service,
                                                                    vhost):
    """More events than a worker reads from the log in one go."""

    # each worker is to have some of the clients
    n, api, stream = service(listen="reuseport")
    with Clients([stream.location] * 20) as clients:
        old = n.workers()
        assert {int(c.response["X-Worker"]) for c in clients} == set(old)
        events = []
        for stopped in old:
            freeze(stopped)
            more = ["%d" % (len(events) + i) for i in range(600)]
            vhost.publish("abc", more)
            events += more
            if until(lambda: api.get(stream)["last_ordinal"] == len(events)):
                break
            # that one appends
            os.kill(stopped, signal.SIGCONT)
            clients.wait(len(events))
        other, = set(old) - {stopped}
        n.send_signal(signal.SIGHUP)
        n.wait_log(r" %d#\d+: gracefully shutting down" % other)
        os.kill(stopped, signal.SIGCONT)
        assert {c for c, _ in clients.wait_closed()} == {RELOAD}
        for c in clients:
            assert c.messages == events, c.response["X-Worker"]


def test_reload_with_another_zone_is_a_reload(service):
    n, api, stream = service()
    with Clients([stream.location] * 8) as clients:
        n.write_conf(CONF.replace("ess_zone        streams", "ess_zone other"))
        n.reload()
        assert {c for c, _ in clients.wait_closed()} == {RELOAD}
    with Clients([stream.location] * 8) as clients:
        n.write_conf("http { server { listen 127.0.0.1:%%PORT0%%; } }")
        n.reload()
        assert {c for c, _ in clients.wait_closed()} == {RELOAD}


def test_second_reload_amid_a_drain(service, vhost):
    n, api, stream = service("2s")
    with Clients([stream.location] * 10) as first:
        n.reload()
        with Clients([stream.location] * 10) as second:
            n.reload()
            with Clients([stream.location] * 4) as third:
                assert {c for c, _ in first.wait_closed()} == {RELOAD}
                assert {c for c, _ in second.wait_closed()} == {RELOAD}
                vhost.publish("abc", "event")
                third.wait(1)
                wait_for(lambda: api.get(stream)["subscribers"] == 4)
