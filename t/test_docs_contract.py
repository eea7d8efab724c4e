"""Listeners and publishers of each version of the service that
docs/migrating.md is about: they go on unchanged with that page's
configuration.  What they know is written down as strictly as they take it:
anything else ends them."""

import json
import os
import re
import subprocess
import sys
import time

import pika
import pytest

from api import Api
from clients import Clients
from nginx import MODULE, TOP
from wait import wait_for

# the versions, and where their events come from
VERSIONS = ["exchange", "headers", "query", "query of an exchange"]

MERCHANT = {"message_type": "accountserver_api_pb2.MerchantCharge",
            "message_body": {"quantity": "1.0"}}

# what ends a listener that gets it
WRONG = ["{bad json", b"\xff\xfe", "", b'{"message_type":"\xe4"}', "{"]


def conf(version):
    with open(os.path.join(TOP, "docs", "migrating.md")) as f:
        text = re.search(r"(?ms)^```nginx\n(.*?)^```$", f.read()).group(1)
    changes = [
        ("modules/ngx_ess_module.so", MODULE),
        ("amqp://guest:guest@127.0.0.1:5672/", "%%AMQP%%"),
        ("localhost:8080", "127.0.0.1:%%PORT0%%"),
        ("listen 8080", "listen 127.0.0.1:%%PORT0%%"),
        ("listen 127.0.0.1:8081", "listen 127.0.0.1:%%PORT1%%")]
    if version == "exchange":
        changes.append(("ess_annotate  on gaps=off strict=on;", ""))
        changes.append((" poison=close", ""))
    if version in ("headers", "query"):
        changes.append(("ess_api;", "ess_api source=stream;"))
    for old, value in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, value)
    return text


class Service:

    def __init__(self, version, nginx, vhost):
        self.version = version
        self.vhost = vhost
        self.exchange = "" if version in ("headers", "query") \
            else "event-streams"
        self.n = nginx(conf(version), amqp=vhost.url)
        self.api = Api(self.n.port(1))
        if not self.exchange:
            with vhost.connect() as c:
                c.channel().queue_declare("abc", durable=True, arguments={
                    "x-queue-type": "stream"})

    def publish(self, bodies):
        """With a time, as RabbitMQ's interceptor sets it: of the past nobody
        else knows one."""

        self.vhost.publish("abc", bodies, exchange=self.exchange,
                           properties=pika.BasicProperties(headers={
                               "timestamp_in_ms": int(time.time() * 1000)}))

    def listen(self, location, ordinal=None, timestamp=None, datetime=None):
        """The listener, with its options -o, -t and -d."""

        said = {"Ordinal": ordinal, "Timestamp": timestamp,
                "Datetime": datetime}
        said = {k: str(v) for k, v in said.items() if v is not None}
        if self.version == "headers":
            return Clients(location, headers={
                "X-StreamFrom" + k: v for k, v in said.items()})
        return Clients(location + "".join(
            "?stream_from_%s=%s" % (k.lower(), v) for k, v in said.items()))

    def take(self, message):
        """What the listener makes of it: type, body, ordinal."""

        assert isinstance(message, str)
        if self.version == "exchange":
            return message
        if message[0] == "{":
            found = json.loads(message)
            assert int(found["ess_timestamp"]) > 0
            return (found["message_type"], found["message_body"],
                    int(found["ess_ordinal"]))
        type_, body, ordinal, timestamp = message.split("|")
        assert re.fullmatch(r"timestamp: \d+", timestamp), message
        return type_, body, int(re.fullmatch(r"ordinal: (\d+)",
                                             ordinal).group(1))

    def expect(self, clients, bodies):
        clients.wait(len(bodies))
        for c in clients:
            assert [self.take(m) for m in c.messages] == bodies


@pytest.fixture(params=VERSIONS)
def service(request, nginx, vhost):
    return Service(request.param, nginx, vhost)


def test_api(service):
    api = service.api
    version = api.request("GET", "version/")
    assert version.status == 200
    assert {"category", "name", "version"} <= set(version.json())
    created = api.request("POST", body={"routing_key": "abc"})
    assert created.status == 201
    found = created.json()
    assert set(found) >= {"id", "location"}
    assert re.fullmatch(r"ws://127\.0\.0\.1:%d/event-stream/[^/]+"
                        % service.n.port(0), found["location"])
    listed = api.request("GET").json()["event_streams"]
    assert [(s["id"], s["location"], s["routing_key"]) for s in listed] == [
        (found["id"], found["location"], "abc")]
    assert api.request("DELETE", "%d" % found["id"]).status in (200, 204)
    assert api.request("GET").json()["event_streams"] == []
    assert api.request("DELETE", "%d" % found["id"]).status == 404
    assert isinstance(api.request("POST", body={}).json()["detail"], str)


def test_live(service):
    """From its connection on; a stream that is deleted closes it, and is then
    as unknown as any."""

    stream = service.api.create("abc")
    with service.listen(stream.location) as clients:
        wait_for(lambda: service.api.get(stream)["subscribers"] == 1)
        if service.version == "exchange":
            service.publish(["a", "a|b", json.dumps(MERCHANT), "", "{bad"])
            service.expect(clients, ["a", "a|b", json.dumps(MERCHANT), "",
                                     "{bad"])
        else:
            service.publish(["a|b"] + WRONG + [json.dumps(MERCHANT)])
            n = len(WRONG) + 2
            service.expect(clients, [
                ("a", "b", 1), (MERCHANT["message_type"],
                                MERCHANT["message_body"], n)])
        assert service.api.request("DELETE", "%d" % stream.id).status < 300
        clients.wait_closed()
        assert clients[0].close_code == 1000
    with service.listen(stream.location) as clients:
        clients.wait_closed()
        assert (clients[0].close_code, clients[0].messages) == (1000, [])


@pytest.mark.parametrize("path", ["0123456789abcdef0123456789abcdef", "no"])
def test_unknown_uuid(service, path):
    location = "ws://127.0.0.1:%d/event-stream/%s" % (service.n.port(0), path)
    with service.listen(location) as clients:
        clients.wait_closed()
        assert (clients[0].connected, clients[0].close_code) == (True, 1000)


def test_publisher(service):
    """Of a RabbitMQ stream nobody gets what is published to the exchange."""

    stream = service.api.create("abc")
    with service.listen(stream.location) as clients:
        wait_for(lambda: service.api.get(stream)["subscribers"] == 1)
        status = subprocess.run([sys.executable, os.path.join(
            TOP, "tools", "ampq_publisher.py"), "abc", service.vhost.url],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        assert status == (0 if service.exchange else 1)
        if not service.exchange:
            service.publish(json.dumps(MERCHANT))
        clients.wait(1)
        found = json.loads(clients[0].messages[0])
        assert found["message_type"] == MERCHANT["message_type"]
        if service.version != "exchange":
            service.take(clients[0].messages[0])


def test_history(service):
    """Each option; also beyond the end, where nothing is said of it."""

    stream = service.api.create("abc")
    if service.version == "exchange":
        service.publish("past")
        wait_for(lambda: service.api.get(stream)["last_ordinal"] == 1)
        with service.listen(stream.location) as clients:
            wait_for(lambda: service.api.get(stream)["subscribers"] == 1)
            service.publish("live")
            service.expect(clients, ["live"])
        return
    with service.listen(stream.location) as clients:
        wait_for(lambda: service.api.get(stream)["subscribers"] == 1)
        service.publish(["t|1"] + WRONG + ["t|2", "t|3"])
        n = len(WRONG)
        events = [("t", "1", 1), ("t", "2", n + 2), ("t", "3", n + 3)]
        service.expect(clients, events)
    for option, first in (
            ({"ordinal": 0}, 0), ({"ordinal": 1}, 1), ({"ordinal": n}, 1),
            ({"ordinal": n + 2}, 2), ({"timestamp": 1000}, 0),
            ({"datetime": "2001-01-31T13:45:00Z"}, 0),
            ({"datetime": "28/11/2001"}, 0), ({"datetime": "00:00"}, 0)):
        with service.listen(stream.location, **option) as clients:
            service.expect(clients, events[first:])
    with service.listen(stream.location, ordinal=50) as clients:
        wait_for(lambda: service.api.get(stream)["subscribers"] == 1)
        service.publish("t|live")
        service.expect(clients, [("t", "live", n + 4)])


def test_poison(service):
    """It closes; in the past it does where it is one of a RabbitMQ stream."""

    stream = service.api.create("abc")
    with service.listen(stream.location) as clients:
        wait_for(lambda: service.api.get(stream)["subscribers"] == 1)
        service.publish(["t|1", "POISON"])
        clients.wait_closed()
        assert clients[0].close_code == 1000
        assert len(clients[0].messages) == 1
    if not service.exchange:
        service.publish("t|2")
        with service.listen(stream.location, ordinal=0) as clients:
            clients.wait_closed()
            assert clients[0].close_code == 1000
            service.expect(clients, [("t", "1", 1)])
        with service.listen(stream.location, ordinal=2) as clients:
            service.expect(clients, [("t", "2", 3)])


def test_our_listener(nginx, vhost):
    """tools/ws_listener.py has the service's options."""

    service = Service("query of an exchange", nginx, vhost)
    stream = service.api.create("abc")
    service.publish(["t|1", "t|2"])
    wait_for(lambda: service.api.get(stream)["last_ordinal"] == 2)

    def listener(*options):
        return subprocess.Popen(
            [sys.executable, os.path.join(TOP, "tools", "ws_listener.py"),
             *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)

    listeners = [listener(*options, stream.location) for options in (
        ("-o", "0"), ("-o", "1"), ("-t", "1000"), ("-d", "28 Nov 2001 13:00"),
        ("-d", "2001-11-28 13:00+01:00"), ())]
    wait_for(lambda: service.api.get(stream)["subscribers"] == 6)
    service.publish("POISON")
    found = []
    for process in listeners:
        out, err = process.communicate()
        assert process.returncode == 0, err
        found.append([service.take(m)[1] for m in out.splitlines()])
    assert found == [["1", "2"], ["2"], ["1", "2"], ["1", "2"], ["1", "2"], []]
    for wrong in ("-x", "1", "a"), ("-o", "1", "-t", "1", "a"), ():
        process = listener(*wrong)
        assert "usage: ws_listener.py" in process.communicate()[1]
        assert process.returncode == 1
