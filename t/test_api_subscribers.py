"""The subscribers of a stream, on all workers: listed, and disconnected."""

import calendar
import concurrent.futures
import os
import signal
import socket
import time

import pytest

from api import Api
from clients import Clients, RawWS
from sse import EventSource
from wait import freeze, wait_for

CONF = """
http {
    ess_zone streams 16m;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log size=8m count=100000;
    ess_drain 0;
    ess_slow_client skip;
    ess_request %%REQUEST%%;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Forwarded-For;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/ { ess_publish; }
    }
}
"""


@pytest.fixture
def service(nginx):
    def make(workers=3, request="keep"):
        n = nginx(CONF, workers=workers, request=request)
        return n, Api(n.port(1))
    return make


def listed(api, stream, query=""):
    r = api.request("GET", "%d/subscribers%s" % (stream.id, query))
    assert r.status == 200, r
    assert r.headers["Content-Type"] == "application/json"
    return r.json()["subscribers"]


@pytest.mark.parametrize("request_", ["keep", "release"])
def test_who_is_there(service, request_):
    n, api = service(request=request_)
    stream, other = api.create("abc"), api.create("other")
    assert listed(api, stream) == []
    begin = int(time.time())
    with Clients([stream.location] * 7) as clients, \
            Clients([other.location] * 3), \
            Clients([stream.location], headers={
                "X-Forwarded-For": "2001:db8::1"}), \
            EventSource(stream.http) as source:
        subs = listed(api, stream)
        assert [s["transport"] for s in subs] == ["websocket"] * 8 + ["sse"]
        assert [s["address"] for s in subs] \
            == ["127.0.0.1"] * 7 + ["2001:db8::1", "127.0.0.1"]
        ids = [s["id"] for s in subs]
        assert ids == sorted(ids) and len(set(ids)) == 9
        for s in subs:
            assert begin <= calendar.timegm(time.strptime(
                s["since"], "%Y-%m-%dT%H:%M:%SZ")) <= time.time()
            assert (s["events"], s["bytes"], s["lag"]) == (0, 0, 0)
        for i in range(5):
            assert api.request("POST", "/publish/abc", "12345").status == 202
        clients.wait(5)
        source.wait(5)
        wait_for(lambda: all(s["events"] == 5 for s in listed(api, stream)))
        for s in listed(api, stream):
            assert s["lag"] == 0
            assert s["bytes"] == 35 if s["transport"] == "websocket" \
                else s["bytes"] > 35
        assert [s["id"] for s in listed(api, stream)] == ids
        # by the uuid, and only the header
        r = api.request("GET", stream.uuid + "/subscribers")
        assert [s["id"] for s in r.json()["subscribers"]] == ids
        r = api.request("HEAD", "%d/subscribers" % stream.id)
        assert r.status == 200 and r.body == b""
    wait_for(lambda: listed(api, stream) == [])


def test_pages(service):
    """More of each worker than one answer of it holds."""

    n, api = service()
    stream = api.create("abc")
    with Clients([stream.location] * 250):
        all_ = [s["id"] for s in listed(api, stream, "?limit=1000")]
        assert len(all_) == 250 and all_ == sorted(all_)
        assert [s["id"] for s in listed(api, stream)] == all_[:100]
        for limit in 1, 30, 31, 249:
            found, after = [], 0
            while True:
                page = [s["id"] for s in listed(
                    api, stream, "?limit=%d&after=%d" % (limit, after))]
                if not page:
                    break
                assert len(page) <= limit
                found += page
                after = page[-1]
            assert found == all_
        assert listed(api, stream, "?after=4294967295") == []


def test_disconnect(service):
    n, api = service()
    stream, other = api.create("abc"), api.create("other")
    with Clients([stream.location] * 9) as clients, \
            EventSource(stream.http) as source:
        subs = listed(api, stream)
        path = "%d/subscribers/%d"
        # not by the wrong stream
        r = api.request("DELETE", path % (other.id, subs[4]["id"]))
        assert r.status == 404
        assert r.json()["detail"] == 'there is no subscriber at ' \
            '"/event-stream/%s"' % (path % (other.id, subs[4]["id"]))
        for s in subs[4], subs[9]:
            r = api.request("DELETE", path % (stream.id, s["id"]))
            assert r.status == 204 and r.body == b""
        source.wait_closed()
        wait_for(lambda: any(c.closed for c in clients))
        closed = [c for c in clients if c.closed]
        assert [(c.close_code, c.close_reason) for c in closed] == [
            (1008, "Disconnected by the operator")]
        wait_for(lambda: [s["id"] for s in listed(api, stream)]
                 == [s["id"] for i, s in enumerate(subs) if i not in (4, 9)])
        r = api.request("DELETE", path % (stream.id, subs[4]["id"]))
        assert r.status == 404
        assert sum(c.closed for c in clients) == 1


def test_wrong_requests(service):
    n, api = service()
    stream = api.create("abc")
    for path in ("77/subscribers", "0" * 32 + "/subscribers",
                 "77/subscribers/1"):
        r = api.request("GET" if path.endswith("s") else "DELETE", path)
        assert r.status == 404, path
        assert r.json()["detail"] \
            == 'there is no stream at "/event-stream/%s"' % path
    for path in ("1/subscriber", "1/subscribers/x", "1/subscribers/0",
                 "1/subscribers/01", "1/subscribers/4294967296",
                 "1/subscribers/1/x", "1//subscribers/1/1", "x%20y/subscribers"):
        assert api.request("GET", path).status == 404, path
        assert api.request("DELETE", path).status == 404, path
    for query in ("limit=0", "limit=1001", "limit=x", "limit=-1", "after=x",
                  "after=4294967296", "after=", "limit=99999999999999999999"):
        r = api.request("GET", "%d/subscribers?%s" % (stream.id, query))
        assert r.status == 400, query
        assert r.json()["detail"] == '"limit" takes a number from 1 to ' \
            '1000, "after" the id of a subscriber or 0'
    for method, path, allow in (
            ("POST", "1/subscribers", "GET, HEAD, OPTIONS"),
            ("DELETE", "1/subscribers", "GET, HEAD, OPTIONS"),
            ("GET", "1/subscribers/1", "DELETE, OPTIONS")):
        r = api.request(method, path)
        assert r.status == 405, path
        assert r.headers["Allow"] == allow
        assert api.request("OPTIONS", path).headers["Allow"] == allow


def test_lag(service):
    """Of one that does not read, and of one that reads what was before."""

    n, api = service()
    stream = api.create("abc")
    url = stream.location.split("/", 3)[3]
    ws = RawWS(n.port(0), "/" + url, rcvbuf=4096)
    with ws, Clients([stream.location]) as clients:
        ws.connect()
        body = "x" * 10000
        for i in range(600):
            assert api.request("POST", "/publish/abc", body).status == 202
        clients.wait(600)
        wait_for(lambda: sorted(s["events"] + s["lag"] for s in listed(
            api, stream)) == [600, 600])
        lag = [s["lag"] for s in listed(api, stream)]
        assert min(lag) == 0 and max(lag) > 50
        for _ in range(600):
            ws.recv_frame()
        wait_for(lambda: [s["lag"] for s in listed(api, stream)] == [0, 0])


def test_many_at_once(service):
    """More questions than boxes; and clients that come and go meanwhile."""

    n, api = service(workers=4)
    stream = api.create("abc")
    with Clients([stream.location] * 100) as clients, \
            concurrent.futures.ThreadPoolExecutor(32) as pool:
        ids = {s["id"] for s in listed(api, stream)}

        def one(_):
            assert ids <= {s["id"] for s in listed(api, stream,
                                                   "?limit=1000")}

        futures = [pool.submit(one, i) for i in range(300)]
        while not all(f.done() for f in futures):
            with Clients([stream.location] * 5):
                pass
        for f in futures:
            f.result()
        assert not any(c.closed for c in clients)


def test_a_worker_that_does_not_answer(service):
    n, api = service(workers=2)
    stream = api.create("abc")
    with Clients([stream.location] * 20) as clients, \
            concurrent.futures.ThreadPoolExecutor(6) as pool:
        ids = [s["id"] for s in listed(api, stream)]
        stopped = n.workers()[0]
        freeze(stopped)
        # clients that go away while they wait, too, are no harm
        for _ in range(9):
            with socket.create_connection(("127.0.0.1", n.port(1))) as c:
                c.sendall(b"GET /event-stream/%d/subscribers HTTP/1.1\r\n"
                          b"Host: x\r\n\r\n" % stream.id)
        n.expect("did not answer for 5000 ms")
        asked = [pool.submit(api.request, "GET", "%d/subscribers" % stream.id)
                 for _ in range(6)]
        for r in asked:
            r = r.result()
            assert r.status == 503
            assert r.json()["detail"] == "a worker did not answer in time"
        os.kill(stopped, signal.SIGCONT)
        assert [s["id"] for s in listed(api, stream)] == ids
        # one that dies while it is asked has no subscribers any more
        freeze(stopped)
        asked = [pool.submit(listed, api, stream) for _ in range(6)]
        n.kill_worker(stopped)
        wait_for(lambda: any(c.closed for c in clients))
        for r in asked:
            left = r.result()
            assert 0 < len(left) < 20
        wait_for(lambda: len(listed(api, stream))
                 == sum(not c.closed for c in clients))
