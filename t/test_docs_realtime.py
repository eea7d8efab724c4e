"""The service of docs/migrating.md that tells pages of changes, by directives
alone: pings and events in its own form, of the own organisation only, and 403
at the handshake for anything else."""

import json
import os
import re
import time

import pytest

from clients import Clients, RawWS
from nginx import MODULE, TOP
from sse import EventSource
from wait import slower, wait_for

CHANNELS = "payment", "guest", "reservation"
PING = '{"type": "ping"}'


def event(channel):
    return '{"type": "event", "channel": "%s"}' % channel


def conf(*changes):
    with open(os.path.join(TOP, "docs", "migrating.md")) as f:
        chapter = f.read().partition("## From a service that tells pages")[2]
    text = re.search(r"(?ms)^```nginx\n(.*?)^```$", chapter).group(1)
    for old, value in (
            ("modules/ngx_ess_module.so", MODULE),
            ("amqp://guest:guest@127.0.0.1:5672/", "%%AMQP%%"),
            ("listen 8080", "listen 127.0.0.1:%%PORT0%% reuseport"),
            *changes):
        assert text.count(old) == 1, old
        text = text.replace(old, value)
    return text


@pytest.fixture
def service(nginx, vhost):
    n = nginx(conf(("ess_ping 20s 20s", "ess_ping 1s 1s")), 2, amqp=vhost.url)
    # declared streams are made once nginx runs
    wait_for(lambda: all(enters(n, channel) for channel in CHANNELS))
    return n, vhost


def enters(n, channel):
    with RawWS.of(url(n, channel, 1)) as ws:
        return ws.handshake() == 101


def url(n, channel, organization, user=7):
    return "ws://127.0.0.1:%d/getEvents/%s?user_id=%s&organization_id=%s" % (
        n.port(0), channel, user, organization)


def events(client):
    return [m for m in client.messages if m != PING]


def test_the_own_organisation_only(service):
    """Each message of the broker, once, to whom it is for."""

    n, vhost = service
    places = [(c, o) for c in CHANNELS for o in (1, 42, -3)]
    with Clients([url(n, c, o) for c, o in places] * 2,
                 library="both") as clients:
        # a ping is there before anything else
        clients.wait(1)
        assert all(c.messages[0] == PING for c in clients)
        for i, (channel, organization) in enumerate(places):
            vhost.publish(channel, [json.dumps(
                {"organization_id": organization, "secret": i})] * (i + 1))
        # nobody's
        for channel in CHANNELS:
            vhost.publish(channel, [
                '{"organization_id":43}', '{"organization":1}', "no JSON",
                '{"organization_id":[1]}', b"\xff", '{"organization_id":"2"}',
                '{"organization_id":1,"organization_id":42}'])
        # what follows shows that nothing else came
        for channel, organization in places:
            vhost.publish(channel, '{"organization_id": %d}' % organization)
        wait_for(lambda: all(len(events(c)) >= i % 9 + 2
                             for i, c in enumerate(clients)))
        for i, c in enumerate(clients):
            channel = places[i % 9][0]
            assert events(c) == [event(channel)] * (i % 9 + 2)


def test_a_ping_at_once_and_each_interval(service):
    n, vhost = service
    begin = time.monotonic()
    with Clients([url(n, c, 1) for c in CHANNELS]) as clients:
        clients.wait(4)
        for c in clients:
            assert c.messages == [PING] * len(c.messages)
            # what comes late is read together with what follows
            assert all(0.5 * i < t - begin < 3 * (i + 1) * slower()
                       for i, t in enumerate(c.times))


@pytest.mark.parametrize("path", ["payment", "payment?"] + [
    "payment?" + query for query in (
        "user_id=7", "organization_id=1", "user_id=&organization_id=1",
        "user_id=7&organization_id=", "user_id=x&organization_id=1",
        "user_id=7&organization_id=1x", "user_id=7&organization_id=1%0a",
        "user_id=7&organization_id=1.5", "user_id=7&organization_id=--1",
        "user_id=7&organization_id=+1")] + [
    name + "?user_id=7&organization_id=1" for name in (
        "payments", "Payment", "", "payment/", "payment/guest", "x")])
def test_anything_else_is_forbidden(service, path):
    n, vhost = service
    with RawWS(n.port(0), "/getEvents/" + path) as ws:
        assert ws.handshake() == 403


def test_across_a_reload(service):
    """Clients are asked to come again, and find the streams as they were."""

    n, vhost = service
    for _ in range(2):
        with Clients([url(n, c, 1) for c in CHANNELS]) as clients:
            for channel in CHANNELS:
                vhost.publish(channel, '{"organization_id":1}')
            wait_for(lambda: all(events(c) for c in clients))
            n.reload()
            assert {code for code, _ in clients.wait_closed(20)} == {1012}


def test_no_templates_of_what_is_forbidden(service):
    """Also for those who ask for an event stream."""

    n, vhost = service
    base = "http://127.0.0.1:%d/getEvents/" % n.port(0)
    with EventSource(base + "payment?user_id=7&organization_id=x") as source:
        assert source.status == 403
    with EventSource(base + "payment?user_id=7&organization_id=5") as source:
        vhost.publish("payment", ['{"organization_id":%d}' % i
                                  for i in range(10)])
        assert [e.data for e in source.wait(1)] == [event("payment")]
