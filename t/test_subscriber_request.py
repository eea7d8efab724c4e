"""What stays of the request that a client began with, and what a client that
does not keep up gets."""

import json
import re

import pytest

from api import Api
from clients import Clients, RawWS
from memory import flat, private_kb
from wait import wait_for

CONF = """
http {
    ess_zone        streams 16m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_log         size=4m count=100000 age=1h;

    limit_conn_zone $binary_remote_addr zone=clients:1m;
    map $http_x_name $name { default "none"; ~^(?<n>[a-z]+)$ $n; }

    log_format ess  '$status|$request|$http_user_agent|$http_x_name|$name|'
                    '$arg_token|$host|$ess_events_sent|$http_referer|$uri';

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ {
            ess_subscribe;
            access_log %%DIR%%/ess.log ess;
            %%LOCATION%%
        }
    }

    log_format real '$remote_addr $remote_port $realip_remote_addr';

    server {
        listen 127.0.0.1:%%PORT2%% reuseport;
        listen 127.0.0.1:%%PORT3%% reuseport proxy_protocol;
        set_real_ip_from 127.0.0.1;
        real_ip_header   %%REALIP%%;
        access_log       %%DIR%%/ess.log real;

        location /event-stream/ {
            ess_subscribe;
            %%LOCATION%%
        }
        location ~ ^/redirected/(.*)$ { try_files /none /event-stream/$1; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

HEADERS = {"User-Agent": "Agent/1.0 (test)", "X-Name": "abc",
           "Referer": "http://example.com/%20", "X-Long": "x" * 200}


@pytest.fixture
def service(nginx, vhost):
    def make(location="", workers=2, realip="X-Forwarded-For"):
        n = nginx(CONF.replace("%%LOCATION%%", location), workers,
                  amqp=vhost.url, realip=realip)
        api = Api(n.port(1))
        return n, api, api.create("abc")
    return make


def logged(n, lines):
    def read():
        try:
            return open(n.path("ess.log")).read().splitlines()
        except FileNotFoundError:
            return []

    wait_for(lambda: len(read()) >= lines, what="%d lines" % lines)
    return read()


def line(stream, events, query="?token=17"):
    return ("101|GET /event-stream/%s%s HTTP/1.1|Agent/1.0 (test)|abc|abc|17|"
            "127.0.0.1|%d|http://example.com/%%20|/event-stream/%s"
            % (stream.uuid, query, events, stream.uuid))


@pytest.mark.parametrize("headers", [{}, {"Cookie": "y" * 3000}])
def test_kept_request_is_logged_at_the_end_as_it_came(service, vhost,
                                                      headers):
    """Its header's buffer is gone long before."""

    n, api, stream = service()
    with Clients([stream.location + "?token=17"] * 20,
                 headers=dict(HEADERS, **headers)) as clients:
        vhost.publish("abc", ["1", "2", "3"])
        clients.wait(3)
    assert logged(n, 20) == [line(stream, 3)] * 20


def test_released_request_is_logged_at_once(service, vhost):
    n, api, stream = service("ess_request release;")
    with Clients([stream.location + "?token=17"] * 20,
                 headers=HEADERS) as clients:
        assert logged(n, 20) == [line(stream, 0)] * 20
        vhost.publish("abc", ["1", "2", "3"])
        clients.wait(3)
        assert all(c.messages == ["1", "2", "3"] for c in clients)
    assert len(logged(n, 20)) == 20


def test_request_that_another_module_waits_for_is_kept(service, vhost):
    n, api, stream = service("ess_request release; limit_conn clients 2;")
    with Clients([stream.location + "?token=17"] * 2,
                 headers=HEADERS) as clients:
        vhost.publish("abc", ["1", "2", "3"])
        clients.wait(3)
        with pytest.raises(Exception, match="503"):
            with Clients(stream.location):
                pass
        assert len(logged(n, 1)) == 1
    assert logged(n, 3)[1:] == [line(stream, 3)] * 2

    def comes():
        with RawWS.of(stream.location) as c:
            return c.handshake() == 101

    # a connection is counted until a little after its line
    wait_for(comes)


def behind_balancer(n, stream, header, address, path="/event-stream/"):
    """A client whose address a load balancer names."""

    if header != "proxy_protocol":
        ws = RawWS(n.port(2), path + stream.uuid)
        assert ws.handshake(**{header.replace("-", "_"): address}) == 101
        return ws
    ws = RawWS(n.port(3), path + stream.uuid)
    ws.send(b"PROXY TCP%d %s %s 1234 80\r\n"
            % (6 if ":" in address else 4, address.encode(),
               b"::1" if ":" in address else b"127.0.0.1"))
    assert ws.handshake() == 101
    return ws


@pytest.mark.parametrize("request_", ["keep", "release"])
@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP",
                                    "proxy_protocol"])
def test_address_that_a_balancer_names(service, vhost, header, request_):
    """It is the client's for as long as it is connected."""

    n, api, stream = service("ess_request %s;" % request_, realip=header)
    addresses = ["192.0.2.%d" % i for i in range(20)] + [
        "2001:db8:ffff:ffff:ffff:ffff:ffff:%x" % i for i in range(1, 20)]
    clients = [behind_balancer(n, stream, header, a) for a in addresses]
    if request_ == "release":
        logged(n, len(clients))
    vhost.publish("abc", "event")
    for c in clients:
        assert c.recv_frame().payload == b"event"
    listed = api.request("GET", "%d/subscribers" % stream.id).json()
    assert sorted(s["address"] for s in listed["subscribers"]) \
        == sorted(addresses)
    for c in clients:
        c.send(b"\xff")
        assert c.recv_frame().close_code == 1002
        c.recv_eof()
        c.close()
    port = "1234" if header == "proxy_protocol" else ""
    for address, line in zip(sorted(addresses),
                             sorted(logged(n, len(clients)))):
        assert re.fullmatch(r"%s %s 127\.0\.0\.1" % (re.escape(address),
                                                     port), line)
    for address in addresses:
        assert re.search(r"broke the protocol.*client: %s, "
                         % re.escape(address), n.log())


@pytest.mark.parametrize("path", ["/event-stream/", "/redirected/"])
def test_request_behind_a_balancer_is_released(service, path):
    n, api, stream = service("ess_request release;")

    def connect(count, path=path):
        return [behind_balancer(n, stream, "X-Forwarded-For", "192.0.2.1",
                                path) for _ in range(count)]

    # of a redirected request a worker knows when it has seen another one
    clients = connect(100, "/event-stream/")
    logged(n, 100)
    before = private_kb(n.workers())
    clients += connect(1000)
    logged(n, 1100)
    each = (private_kb(n.workers()) - before) / 1000
    print("%.2f KiB for each client" % each)
    assert flat(0, each, 2)
    for c in clients:
        c.close()


@pytest.mark.parametrize("request_", ["keep", "release"])
def test_frames_right_behind_the_handshake(service, request_):
    """They come in one packet with it, and are cut anywhere."""

    n, api, stream = service("ess_request %s;" % request_)
    frame = b"\x89\x82\0\0\0\0hi"
    for cut in range(len(frame) + 1):
        with RawWS(n.port(0), "/event-stream/" + stream.uuid) as ws:
            ws.request(behind=frame[:cut])
            assert ws.response() == 101
            ws.send(frame[cut:])
            pong = ws.recv_frame()
            assert (pong.opcode, pong.payload) == (0xA, b"hi")


@pytest.mark.parametrize("request_", ["keep", "release"])
def test_clients_leave_nothing_behind(service, vhost, request_):
    n, api, stream = service("ess_request %s;" % request_)

    def come_and_go():
        with Clients([stream.location] * 200) as clients:
            vhost.publish("abc", "x")
            clients.wait(1)

    come_and_go()
    wait_for(lambda: api.get(stream)["subscribers"] == 0)
    before = private_kb(n.workers())
    for _ in range(5):
        come_and_go()
    wait_for(lambda: api.get(stream)["subscribers"] == 0)
    assert flat(before, private_kb(n.workers()), 1024)


@pytest.mark.parametrize("request_", ["keep", "release"])
def test_slow_client_that_may_skip(service, vhost, request_):
    """It goes on from the log at its own pace: first without a loss, for the
    log has all of it, then behind a gap."""

    n, api, stream = service("ess_slow_client skip buffer=64k; "
                             "ess_annotate on; ess_ping 0; "
                             "ess_request %s;" % request_)
    pad = "x" * 20000

    def publish(first, last):
        for i in range(first, last + 1, 50):
            vhost.publish("abc", ["%d %s" % (j, pad)
                                  for j in range(i, i + 50)])
            clients.wait(i + 49, 30)

    def number(text):
        return int(text.split(" ")[0])

    def take(last):
        """Until that event: the events, and the gaps."""

        events, gaps = [], []
        while not events or events[-1] != last:
            text = slow.recv_event().payload.decode()
            if text.startswith("{"):
                gaps.append(json.loads(text)["ess_gap"])
            else:
                events.append(number(text))
        return events, gaps

    with RawWS.of(stream.location, rcvbuf=4096) as slow, \
            Clients([stream.location] * 4) as clients:
        slow.connect()
        publish(1, 200)
        events, gaps = take(200)
        assert events == list(range(1, 201)) and not gaps

        publish(201, 2200)
        events, gaps = take(2200)
        assert gaps
        for gap in gaps:
            assert gap["from"] <= gap["to"]
            events += range(gap["from"], gap["to"] + 1)
        assert sorted(events) == list(range(201, 2201))
        assert all([number(m) for m in c.messages] == list(range(1, 2201))
                   for c in clients)
    n.expect("were evicted before they could be sent")
