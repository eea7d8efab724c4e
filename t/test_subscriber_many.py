"""Several streams on one connection, by the WebSocket subprotocol ess.v1:
each command, each error, places, and who gets what."""

import json
import random
import re
import time
import uuid

import pytest

from crowd import Crowd
from many import NOWHERE, token, with_key
from v1 import Refused, Session, event_of
from wait import slower, wait_for

CONF = """
http {
    ess_zone        streams %%ZONE%%;
    ess_log         %%LOG%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/one/;
    ess_drain       0;
    ess_client_rate off;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;

        location /many/  { ess_subscribe multi names public;
                           ess_max_subscriptions 1000; %%LOCATION%% }
        location /uuids/ { ess_subscribe multi; }
        location /few/   { ess_subscribe multi names public;
                           ess_max_subscriptions 3; }
        location /two/   { ess_subscribe multi names public;
                           ess_max_subscribers 2; }
        location /newer/ { ess_subscribe multi names public;
                           ess_max_subscribers 1 replace; }
        location /one/   { ess_subscribe; }
        location /full/  { ess_subscribe; ess_max_subscribers 1; }
        location /named/ { ess_subscribe name=$arg_name public; }
        location /keyed/ { ess_subscribe name=$arg_name public
                                         key=?$arg_key; }
        location /token/ { ess_subscribe multi names;
                           ess_jwt key=%%DIR%%/key alg=HS256 streams=may; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
        location /publish/      { ess_publish; client_max_body_size 64m; }
        location = /metrics     { ess_metrics; }
    }
}
"""


@pytest.fixture
def service(nginx):
    def make(location="", log="size=1m count=10000 age=1h", workers=3,
             zone="24m"):
        n = nginx(CONF.replace("%%LOCATION%%", location).replace(
            "%%LOG%%", log).replace("%%ZONE%%", zone), workers, start=False)
        return with_key(n)
    return make


def code(entry):
    assert re.match(r"[^\s].*", entry["error"]["message"])
    return entry["error"]["code"]


# what is said, byte for byte


def test_stream_of_the_path(service):
    s = service()
    stream = s.create("abc")
    with s.connect("one/" + stream.uuid) as v1:
        assert v1.protocol == "ess.v1"
        wait_for(lambda: v1.texts)
        number = v1.answers[0]["subscribed"][0]["s"]
        assert 0 <= number < 2 ** 32
        epoch = v1.answers[0]["subscribed"][0]["at"].split("-")[0]
        assert re.fullmatch("[0-9a-f]+", epoch)
        assert v1.texts[0] == (
            '{"subscribed":[{"stream":"%s","s":%d,"at":"%s-0"}]}' % (
                stream.uuid, number, epoch))
        s.publish("abc", "hello")
        v1.wait(1)
        assert v1.events[0].id == epoch + "-1"


def test_bytes_of_events(service):
    s = service()
    stream = s.create("abc", key="json:/k")
    with s.connect() as v1:
        entry, = v1.subscribe(stream.uuid)
        epoch = entry["at"].split("-")[0]
        assert v1.texts[-1] == (
            '{"id":1,"subscribed":[{"stream":"%s","s":%d,"at":"%s-0"}]}' % (
                stream.uuid, entry["s"], epoch))
        bodies = ['{"a": 1 }', '[1,\n2]', '"text"', "1e5", '{"k":"eu"}',
                  "plain", 'quo"te\n\t\\', "", "\u20ac \U0001f600 \x7f",
                  '{"a":1,"a":2}', b"\1\2\3", b"\xff\xfe"]
        before = time.time() * 1000
        s.publish("abc", *bodies)
        v1.wait(len(bodies))
    events = [t for t in v1.texts if t.startswith('{"s"')]
    for i, (text, event) in enumerate(zip(events, v1.events)):
        assert abs(event.t - before) < 60000 * slower()
        head = '{"s":%d,"id":"%s-%d","t":%d,' % (entry["s"], epoch, i + 1,
                                                event.t)
        assert text.startswith(head), text
        assert text.endswith("}")
    tails = [t[t.index(',"t":'):].split(",", 2)[2][:-1] for t in events]
    assert tails[:8] == [
        '"data":{"a": 1 }', '"data":' + bodies[1], '"data":"text"',
        '"data":1e5', '"key":"eu","data":{"k":"eu"}', '"text":"plain"',
        '"text":"quo\\"te\\n\\t\\\\"', '"text":""']
    assert v1.events[8].kind == "text" and v1.events[8].value == bodies[8]
    assert v1.events[9].kind in ("text", "data")
    assert tails[10:] == ['"base64":"AQID"', '"base64":"//4="']


def test_two_clients_get_the_same_number(service):
    s = service(workers=1)
    one, two = s.create("abc"), s.create("def")
    with s.connect() as a, s.connect() as b:
        numbers = [[e["s"] for e in v.subscribe(one.uuid, two.uuid)]
                   for v in (a, b)]
    assert numbers[0] == numbers[1] and len(set(numbers[0])) == 2


def test_handshake(service):
    s = service()
    stream = s.create("abc")
    with s.connect(protocols="foo, ess.v1") as v1:
        assert v1.protocol == "ess.v1"
    # without it nobody could say what is wanted
    with pytest.raises(Refused) as e:
        s.connect(protocols="foo")
    assert e.value.status == 400
    with s.connect("one/" + stream.uuid, protocols="foo") as plain:
        assert plain.protocol is None


# commands


def test_ping_and_ids(service):
    s = service()
    with s.connect() as v1:
        for id_ in 0, 1, 2 ** 53 - 1:
            v1.send({"id": id_, "ping": 0})
            assert v1.answer(id_) == {"id": id_, "pong": 0}
        v1.send({"ping": 0})
        v1.send_text('{"id":5,"ping":0}')
        v1.answer(5)
        assert v1.texts == ['{"id":%d,"pong":0}' % i
                            for i in (0, 1, 2 ** 53 - 1, 5)]


MALFORMED = [
    '{}', '{"id":1}', '{"id":1,"hello":1}', '{"id":1,"ping":0,"x":1}',
    '{"id":1,"ping":"x"}', '{"id":-1,"ping":0}', '{"id":1.5,"ping":0}',
    '{"id":"1","ping":0}', '{"id":9007199254740992,"ping":0}',
    '{"id":1,"ping":0,"token":"x"}', '{"id":1,"token":1}',
    '{"id":1,"subscribe":1}', '{"id":1,"subscribe":"abc"}',
    '{"id":1,"subscribe":{}}', '{"id":1,"subscribe":{"stream":1}}',
    '{"id":1,"subscribe":{"stream":"abc","x":1}}',
    '{"id":1,"subscribe":{"stream":"abc","from":"5"}}',
    '{"id":1,"subscribe":{"stream":"abc","from":1}}',
    '{"id":1,"subscribe":{"stream":"abc","ordinal":-1}}',
    '{"id":1,"subscribe":{"stream":"abc","ordinal":"1"}}',
    '{"id":1,"subscribe":{"stream":"abc","timestamp":"x"}}',
    '{"id":1,"subscribe":{"stream":"abc","from":"1-1","ordinal":1}}',
    '{"id":1,"subscribe":{"stream":"abc","keys":"eu"}}',
    '{"id":1,"subscribe":{"stream":"abc","keys":[""]}}',
    '{"id":1,"subscribe":{"stream":"abc","keys":[1]}}',
    '{"id":1,"subscribe":{"stream":"abc","keys":["%s"]}}' % ("x" * 256),
    '{"id":1,"unsubscribe":1}', '{"id":1,"unsubscribe":[1]}',
    '{"id":1,"unsubscribe":[{"stream":"abc","from":"1-1"}]}']


@pytest.mark.parametrize("text", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_command(service, text):
    """It is answered, and has no effect; the next one has."""

    s = service(workers=1)
    s.create("abc", name="abc")
    with s.connect(ids=100) as v1:
        v1.send_text(text)
        v1.send_text('{"id":77,"ping":0}')
        v1.answer(77)
        answer, _ = v1.answers
        if "subscribed" in answer:
            answer, = answer["subscribed"]
        assert code(answer) == 400
        v1.quiet()
    s.subscribers(s.api.list()[0]["id"], 0)


def test_unknown_member_of_a_stream(service):
    """It is an error of the command, which does nothing."""

    s = service(workers=1)
    streams = [s.create(k) for k in "ab"]
    with s.connect() as v1:
        answer = v1.call(subscribe=[{"stream": streams[0].uuid},
                                    {"stream": streams[1].uuid, "x": 1}])
        assert list(answer) == ["id", "error"] and code(answer) == 400
    for stream in streams:
        s.subscribers(stream, 0)


NO_MESSAGES = [
    ("hello", 1003), ("", 1003), ("{", 1003), ('{"id":1,"ping":0}x', 1003),
    ("[", 1003), ('[{"id":1,"ping":0},]', 1003),
    ('{"id":01,"ping":0}', 1003), (b"\1\2", 1003),
    ('{"id":1,"ping":0%s}' % (" " * 65536), 1009)]


@pytest.mark.parametrize("text, close", NO_MESSAGES,
                         ids=range(len(NO_MESSAGES)))
def test_message_that_is_none(service, text, close):
    s = service(workers=1)
    with s.connect() as v1:
        if isinstance(text, bytes):
            v1.send_binary(text)
        else:
            v1.send_text(text)
        assert v1.wait_closed()[0] == close
        assert v1.close_reason
        assert v1.answers == []


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("last", [b"\1\2", "no JSON"], ids=["binary", "text"])
def test_what_came_before_is_answered(service, last, slow):
    """And sent, also to one whose socket takes nothing for a while."""

    s = service(workers=1)
    stream = s.create("abc")
    n = 20000 if slow else 100
    with s.connect() as v1:
        if slow:
            v1.pause()
        commands = [{"id": i, "ping": i} for i in range(n)]
        for i in range(0, n, 200):
            v1.send(*commands[i:i + 200])
        v1.send({"id": n, "subscribe": {"stream": stream.uuid}})
        if isinstance(last, bytes):
            v1.send_binary(last)
        else:
            v1.send_text(last)
        v1.send({"id": n + 1, "ping": 0})
        v1.go_on()
        assert v1.wait_closed(30)[0] == 1003
        assert [a["id"] for a in v1.answers] == list(range(n + 1))
    s.subscribers(stream, 0)


@pytest.mark.parametrize("text", [
    '{"id":1,"ping":0,"ping":0}', '{"id":1,"id":2,"ping":0}',
    '{"id":1,"subscribe":{"stream":"abc","stream":"abc"}}'], ids=range(3))
def test_member_twice(service, text):
    """It is refused, whichever of them was meant."""

    s = service(workers=1)
    stream = s.create("abc", name="abc")
    with s.connect(ids=100) as v1:
        v1.send_text(text)
        wait_for(lambda: v1.answers or v1.closed)
        if v1.closed:
            assert v1.close_code == 1003
        else:
            answer, = v1.answers
            assert code(answer.get("subscribed", [answer])[0]) == 400
    s.subscribers(stream, 0)


def test_longest_message(service):
    s = service(workers=1)
    with s.connect() as v1:
        text = '{"id":1,"ping":0'
        v1.send_text(text + " " * (65536 - len(text) - 1) + "}")
        assert v1.answer(1) == {"id": 1, "pong": 0}


def test_arrays(service):
    """At most 256 commands, carried out and answered in their order."""

    s = service()
    streams = [s.create("k%d" % i) for i in range(50)]
    with s.connect() as v1:
        commands = []
        for i in range(64):
            uuid = streams[i % 50].uuid
            commands += [
                {"id": 4 * i, "subscribe": {"stream": uuid}},
                {"id": 4 * i + 1, "ping": i},
                {"id": 4 * i + 2, "nonsense": 1},
                {"id": 4 * i + 3, "unsubscribe": [uuid]}]
        v1.send(*commands)
        v1.answer(255)
        assert [a["id"] for a in v1.answers] == list(range(256))
        assert [list(a)[1] for a in v1.answers] == [
            "subscribed", "pong", "error", "unsubscribed"] * 64
        v1.send(*commands, {"id": 256, "ping": 0})
        wait_for(lambda: len(v1.answers) > 256 or v1.closed)
        assert code(v1.answers[-1]) == 400


def test_only_errors_without_id(service):
    s = service()
    stream = s.create("abc")
    with s.connect() as v1:
        v1.send({"subscribe": {"stream": stream.uuid}})
        v1.send({"subscribe": {"stream": NOWHERE}})
        v1.send({"unsubscribe": [NOWHERE]}, {"ping": 0}, {"hello": 1})
        v1.quiet()
        s.publish("abc", "1")
        v1.wait(1)
        refused = [a for a in v1.answers if "id" not in a]
        codes = [code(e) for a in refused
                 for e in a.get("subscribed", [a]) if "error" in e]
        assert codes == [404, 400]


def test_refused_ones_alone_fail(service):
    s = service()
    one, two = s.create("abc"), s.create("def")
    with s.connect() as v1:
        entries = v1.subscribe(one.uuid, NOWHERE, "nobody", two.uuid)
        assert ["error" in e for e in entries] == [False, True, True, False]
        assert [code(e) for e in entries[1:3]] == [404, 404]
        s.publish("abc", "1")
        s.publish("def", "2")
        v1.wait(2)
        assert v1.values(one.uuid) == [1] and v1.values(two.uuid) == [2]


def test_unsubscribe(service):
    s = service()
    one, two = s.create("abc"), s.create("def", name="two")
    with s.connect() as v1:
        v1.subscribe(one.uuid, two.uuid)
        v1.send({"id": 50, "unsubscribe": [two.uuid, NOWHERE]})
        v1.answer(50)
        assert v1.texts[-1] == ('{"id":50,"unsubscribed":["%s","%s"]}' % (
            two.uuid, NOWHERE)) or v1.texts[-1] == (
            '{"id":50,"unsubscribed":["%s"]}' % two.uuid)
        s.subscribers(two, 0)
        s.publish("def", "2")
        s.publish("abc", "1")
        v1.wait(1)
        assert v1.values() == [1]
        # again, by its name; what came meanwhile is not wanted
        assert v1.subscribe("two")[0]["at"].endswith("-1")
        s.publish("def", "3")
        v1.wait(2)
        assert v1.values() == [1, 3]
        assert v1.unsubscribe("two") == ["two"]
        s.subscribers(two, 0)


def test_subscribing_again_changes_nothing(service):
    s = service()
    stream = s.create("abc")
    s.publish("abc", "1", "2")
    with s.connect() as v1:
        v1.subscribe({"stream": stream.uuid, "ordinal": 0})
        v1.wait(2)
        again, = v1.subscribe({"stream": stream.uuid, "ordinal": 0})
        assert "error" not in again
        assert len(set(e["s"] for a in v1.answers
                       for e in a.get("subscribed", []))) == 1
        s.publish("abc", "3")
        v1.wait(3)
        assert v1.values() == [1, 2, 3]
        s.subscribers(stream, 1)
        v1.unsubscribe(stream.uuid)
        s.subscribers(stream, 0)


def test_by_name_and_by_uuid_is_one(service):
    s = service()
    stream = s.create("abc", name="prices")
    with s.connect() as v1:
        v1.subscribe("prices", stream.uuid)
        s.publish("abc", "1")
        v1.wait(1)
        s.subscribers(stream, 1)
        v1.quiet()
        assert len(v1.events) == 1


# keys


def test_keys(service):
    s = service()
    stream = s.create("abc", key="json:/k")
    with s.connect() as all_, s.connect() as some, s.connect() as one:
        all_.subscribe(stream.uuid)
        some.subscribe({"stream": stream.uuid, "keys": ["eu", "us"]})
        one.subscribe({"stream": stream.uuid, "keys": ["1"]})
        s.publish("abc", {"k": "eu"}, {"k": "asia"}, {"k": 1}, {"k": "us"},
                  {"k": None}, {"x": 1}, "no JSON", {"k": "eu", "last": 1})
        all_.wait(8)
        assert [e.key for e in all_.events] == [
            "eu", "asia", "1", "us", None, None, None, "eu"]
        some.wait(3)
        one.wait(1)
        assert [(e.key, e.ordinal) for e in some.events] == [
            ("eu", 1), ("us", 4), ("eu", 8)]
        assert [e.key for e in one.events] == ["1"]
        s.subscribers(stream, 3)


def test_keys_added_and_dropped(service):
    s = service()
    stream = s.create("abc", key="json:/k")
    number = 0

    def sent(*keys):
        nonlocal number
        for k in keys:
            number += 1
            s.publish("abc", {"k": k, "n": number})
        return number

    with s.connect() as v1, s.connect() as all_:
        all_.subscribe(stream.uuid)
        v1.subscribe({"stream": stream.uuid, "keys": ["a", "b"]})
        sent("a", "b", "c")
        v1.wait(2)
        v1.subscribe({"stream": stream.uuid, "keys": ["b", "c"]})
        sent("a", "b", "c")
        v1.wait(5)
        v1.unsubscribe({"stream": stream.uuid, "keys": ["b", "x"]})
        sent("a", "b", "c")
        v1.wait(7)
        # all of them
        v1.subscribe(stream.uuid)
        sent("a", "b", "z")
        v1.wait(10)
        s.subscribers(stream, 2)
        v1.unsubscribe(stream.uuid)
        s.subscribers(stream, 1)
        all_.wait(sent("a", "b"))
        v1.quiet()
        assert [e.value["n"] for e in v1.events] == [1, 2, 4, 5, 6, 7, 9, 10,
                                                     11, 12]


def test_replay_of_keys_that_finds_nothing(service):
    """It ends while another key of its stream waits for the client."""

    s = service("ess_slow_client close buffer=16m;",
                log="size=16m count=10000 age=1h")
    stream = s.create("abc", key="json:/k")
    with s.connect() as v1:
        v1.subscribe({"stream": stream.uuid, "keys": ["a"]})
        v1.pause()
        s.batch("abc", [{"k": "a", "n": n, "x": "x" * 20000}
                        for n in range(400)])
        v1.send({"id": 7, "subscribe": {
            "stream": stream.uuid, "keys": ["b", "c"], "ordinal": 0}})
        # carried out, for the worker goes on behind it
        with s.connect() as other:
            other.subscribe({"stream": stream.uuid, "keys": ["b"]})
            s.publish("abc", {"k": "b", "n": 400})
            other.wait(1)
            v1.go_on()
            v1.wait(401)
        assert [e.value["n"] for e in v1.events] == list(range(401))


def test_key_dropped_during_its_replay(service):
    """Nothing of it comes behind the answer, though it was read already; of
    the others all does, in order and once."""

    s = service("ess_slow_client close buffer=16m;",
                log="size=32m count=10000 age=1h", workers=1, zone="64m")
    stream = s.create("abc", key="json:/k")
    s.batch("abc", [{"k": "ab"[n % 2], "n": n, "x": "x" * 20000}
                    for n in range(800)])

    def begun(client, message):
        if len(client.events) == 10:
            client.pause()

    with s.connect(on_message=begun) as v1, s.connect() as other:
        v1.send({"id": 100, "subscribe": {
            "stream": stream.uuid, "keys": ["a", "b"], "ordinal": 0}})
        v1.wait(10)
        # until its socket is full
        for _ in range(100):
            other.quiet()
        v1.send({"id": 101, "unsubscribe": {
            "stream": stream.uuid, "keys": ["b"]}})
        # carried out
        for _ in range(10):
            other.quiet()
        v1.go_on()
        v1.answer(101)
        behind = v1.texts.index('{"id":101,"unsubscribed":["%s"]}'
                                % stream.uuid)
        wait_for(lambda: sum(e.key == "a" for e in list(v1.events)) >= 400,
                 30, "400 events")
        v1.quiet()
        assert not any('"key":"b"' in text for text in v1.texts[behind:])
        assert [e.value["n"] for e in v1.events if e.key == "a"] == list(
            range(0, 800, 2))
        assert v1.notices == []


def test_keys_of_a_stream_without_a_rule(service):
    s = service()
    stream = s.create("abc")
    with s.connect() as v1:
        assert code(v1.subscribe({"stream": stream.uuid,
                                  "keys": ["eu"]})[0]) == 409
    s.subscribers(stream, 0)


def test_resume_by_keys(service):
    s = service()
    stream = s.create("abc", key="json:/k")
    s.publish("abc", *[{"k": "abc"[i % 3], "n": i} for i in range(60)])
    with s.connect() as v1:
        v1.subscribe({"stream": stream.uuid, "keys": ["a", "c"],
                      "ordinal": 0})
        v1.wait(40)
        s.publish("abc", *[{"k": "abc"[i % 3], "n": i}
                           for i in range(60, 90)])
        v1.wait(60)
        assert [e.value["n"] for e in v1.events] == [
            i for i in range(90) if i % 3 != 1]
        place = v1.events[9].id
    with s.connect() as v1:
        v1.subscribe({"stream": stream.uuid, "keys": ["a"], "from": place})
        expected = [i for i in range(int(place.split("-")[1]), 90)
                    if i % 3 == 0]
        v1.wait(len(expected))
        assert [e.value["n"] for e in v1.events] == expected


# limits and rights


def test_max_subscriptions(service):
    s = service()
    streams = [s.create("k%d" % i) for i in range(5)]
    with s.connect("few/") as v1:
        entries = v1.subscribe(*[x.uuid for x in streams])
        assert [code(e) if "error" in e else 0 for e in entries] == [
            0, 0, 0, 413, 413]
        v1.unsubscribe(streams[0].uuid)
        assert "error" not in v1.subscribe(streams[3].uuid)[0]


def test_keys_count_once(service):
    """Who asks again for what it has needs no more room."""

    s = service()
    stream = s.create("abc", key="json:/k")
    with s.connect("few/") as v1:
        def keys(*names):
            entry, = v1.subscribe({"stream": stream.uuid,
                                   "keys": list(names)})
            return code(entry) if "error" in entry else 0

        assert keys("a", "b") == 0
        assert keys("b", "c") == 0
        assert keys("a", "b", "c") == 0
        assert keys("c", "d") == 413
        # more than it may have at all
        assert keys(*"abcabc") == 413
        s.publish("abc", *({"k": k} for k in "abcd"))
        v1.wait(3)
        v1.quiet()
        assert [e.key for e in v1.events] == ["a", "b", "c"]


def test_keys_of_a_replay_count(service):
    """Each of them, and not only when it has ended."""

    s = service()
    stream = s.create("abc", key="json:/k")
    s.publish("abc", {"k": "a"})
    with s.connect("few/") as v1:
        v1.send(*({"id": i, "subscribe": {
            "stream": stream.uuid, "keys": keys, "ordinal": 0}}
            for i, keys in enumerate(([*"aab"], [*"cd"], [*"abc"]), 100)))
        entries = [v1.answer(i)["subscribed"][0] for i in (100, 101, 102)]
        assert ["error" in e and code(e) for e in entries] == [
            False, 413, False]
        assert s.api.figures()["ess_subscriptions"] == 3
        v1.wait(1)
        v1.unsubscribe({"stream": stream.uuid, "keys": ["b", "c"]})
        assert s.api.figures()["ess_subscriptions"] == 1


def test_all_of_a_stream_after_keys_counts_once(service):
    """No limit of its subscribers stands in the way of one of them."""

    s = service()
    stream = s.create("abc", key="json:/k")
    with s.connect("two/") as one, s.connect("two/") as two:
        for v1 in one, two:
            v1.subscribe({"stream": stream.uuid, "keys": ["a"]})
        assert "error" not in one.subscribe(stream.uuid)[0]
        s.publish("abc", {"k": "b"})
        assert one.wait(1) == [{"k": "b"}]
        s.subscribers(stream, 2)
        one.unsubscribe(stream.uuid)
        s.subscribers(stream, 1)


def test_max_subscribers(service):
    s = service()
    stream, other = s.create("abc"), s.create("def")
    with s.connect("two/") as a, s.connect("two/") as b, \
            s.connect("two/") as c:
        for v1 in a, b:
            assert "error" not in v1.subscribe(stream.uuid)[0]
        one, two = c.subscribe(stream.uuid, other.uuid)
        assert code(one) == 429 and "error" not in two
        a.unsubscribe(stream.uuid)
        assert "error" not in c.subscribe(stream.uuid)[0]


def test_refused_at_the_handshake(service):
    """It has got what clients with several subscriptions have by then."""

    s = service()
    stream = s.create("abc")
    with s.connect("full/" + stream.uuid):
        for _ in range(6):
            with pytest.raises(Refused) as e:
                s.connect("full/" + stream.uuid)
            assert e.value.status == 503
    wait_for(lambda: not s.api.get(stream)["subscribers"])
    s.connect("full/" + stream.uuid).close()


def test_newer_subscription_takes_over(service):
    s = service()
    stream, other = s.create("abc"), s.create("def")
    with s.connect("newer/") as a, s.connect("newer/") as b:
        a.subscribe(stream.uuid)
        a.subscribe(other.uuid)
        b.subscribe(stream.uuid)
        end, = a.wait_notice("end")
        assert end["code"] == 1000 and end["reason"]
        s.publish("abc", "1")
        s.publish("def", "2")
        a.wait(1)
        b.wait(1)
        assert a.values() == [2] and b.values() == [1] and not a.closed


def test_names_where_they_are_not_allowed(service):
    s = service()
    stream = s.create("abc", name="prices")
    with s.connect("uuids/") as v1:
        for name, expected in (("prices", 403), (NOWHERE, 404),
                               (NOWHERE.replace("-", ""), 404),
                               (str(uuid.uuid4()).upper(), 404)):
            assert code(v1.subscribe(name)[0]) == expected
        assert "error" not in v1.subscribe(stream.uuid)[0]


def test_location_with_a_name_allows_that_alone(service):
    s = service()
    stream = s.create("abc", name="prices", key="json:/k")
    other = s.create("def", name="other")
    with s.connect("named/?name=prices") as v1:
        # as it was named; its uuid opens it elsewhere
        wait_for(lambda: v1.answers)
        entry, = v1.answers[0]["subscribed"]
        assert entry["stream"] == "prices" and stream.uuid not in v1.texts[0]
        # whether there are others, and what these have, is not told
        entries = v1.subscribe(*({"stream": x, "keys": ["eu"]} for x in (
            "other", other.uuid, "nobody", NOWHERE)))
        assert [code(e) for e in entries] == [403] * 4
        entries = v1.subscribe("other", other.uuid, "nobody", NOWHERE)
        assert [code(e) for e in entries] == [403] * 4
        assert "error" not in v1.subscribe("prices")[0]
    with s.connect("keyed/?name=prices&key=eu") as v1:
        wait_for(lambda: v1.answers)
        assert code(v1.subscribe({"stream": "prices", "keys": ["us"]})[0]) \
            == 403
        assert code(v1.subscribe("prices")[0]) == 403
        s.publish("abc", {"k": "us"}, {"k": "eu"})
        v1.wait(1)
        assert [e.key for e in v1.events] == ["eu"]
    s.subscribers(stream, 0)


def test_token_lists_streams_and_keys(service):
    s = service()
    one, two = s.create("abc", key="json:/k"), s.create(
        "def", name="two", key="json:/k")
    s.create("ghi", name="three")
    may = [one.uuid, "two#eu", "two#us-*", "four#eu"]
    with s.connect("token/", token=token(may=may)) as v1:
        def codes(*streams):
            return [code(e) if "error" in e else 0
                    for e in v1.subscribe(*streams)]

        assert codes(one.uuid, two.uuid, "two", "three", NOWHERE) == [
            0, 403, 403, 403, 403]
        assert codes({"stream": "two", "keys": ["eu"]},
                     {"stream": two.uuid, "keys": ["us-east"]},
                     {"stream": "two", "keys": ["asia"]},
                     {"stream": "two", "keys": ["eu", "asia"]}) == [
                         0, 0, 403, 403]
        # of what there is not it may have some, too
        assert codes({"stream": "four", "keys": ["eu"]},
                     {"stream": "four", "keys": ["us"]}, "four") == [
                         404, 403, 403]
        s.publish("def", {"k": "eu"}, {"k": "asia"}, {"k": "us-east"})
        v1.wait(2)
        assert [e.key for e in v1.events] == ["eu", "us-east"]
    with pytest.raises(Refused) as e:
        s.connect("token/")
    assert e.value.status == 401


def test_token_is_renewed(service):
    s = service()
    one, two = s.create("abc", name="one"), s.create("def", name="two")
    end = int(time.time() + 4 * slower())
    soon = token(may=["one", "two"], exp=end)
    with s.connect("token/", token=soon) as v1:
        v1.subscribe("one", "two")
        for bad, status in ((token("eve", may=["one", "two"]), 403),
                            ("nonsense", 401), (soon[:-3] + "abc", 401),
                            (token(seconds=-10, may=["one"]), 401)):
            assert code(v1.call(token=bad)) == status
        exp = int(time.time()) + 600
        v1.send({"id": 70, "token": token(may=["two"], exp=exp)})
        assert v1.answer(70) == {"id": 70, "token": {"expires": exp}}
        assert '{"id":70,"token":{"expires":%d}}' % exp in v1.texts
        left, = v1.wait_notice("end")
        assert left["code"] == 3003 and left["reason"]
        assert code(v1.subscribe("one")[0]) == 403
        wait_for(lambda: time.time() > end + 1, 20, "the first one's end")
        s.publish("abc", "1")
        s.publish("def", "2")
        v1.wait(1)
        assert v1.values() == [2] and not v1.closed
        s.subscribers(one, 0)
        s.subscribers(two, 1)


def test_token_expires(service):
    s = service()
    s.create("abc", name="one")
    soon = int(2 * slower())
    with s.connect("token/", token=token(may="*", seconds=soon)) as v1:
        v1.subscribe("one")
        assert v1.wait_closed(soon + 20)[0] == 3000


# places


def test_where_to_begin(service):
    s = service()
    stream = s.create("abc")
    s.publish("abc", "1", "2", "3")
    times = {}
    with s.connect() as v1:
        v1.subscribe({"stream": stream.uuid, "ordinal": 0})
        v1.wait(3)
        times = {e.ordinal: e.t for e in v1.events}
        epoch = v1.events[0].id.split("-")[0]
    for place, expected, at in (
            ({"ordinal": 1}, [2, 3], 1), ({"ordinal": 3}, [], 3),
            ({"from": epoch + "-2"}, [3], 2), ({}, [], 3),
            ({"timestamp": times[1]}, [1, 2, 3], 0),
            ({"timestamp": times[3] + 1000000}, [], 3)):
        with s.connect() as v1:
            entry, = v1.subscribe({"stream": stream.uuid, **place})
            assert entry["at"] == "%s-%d" % (epoch, at), place
            v1.wait(len(expected))
            v1.quiet()
            assert v1.values() == expected, place


def test_gap_of_another_epoch(service):
    s = service()
    stream = s.create("abc")
    s.publish("abc", "1", "2")
    with s.connect() as v1:
        entry, = v1.subscribe({"stream": stream.uuid, "from": "12ab-77"})
        v1.wait(2)
        assert v1.notices == [{"s": entry["s"], "gap": {"from": 78,
                                                        "to": None}}]
        assert '{"s":%d,"gap":{"from":78,"to":null}}' % entry["s"] \
            in v1.texts
        assert v1.texts.index(
            '{"s":%d,"gap":{"from":78,"to":null}}' % entry["s"]) == 1
        assert entry["at"] == v1.events[0].id.split("-")[0] + "-0"


def test_gap_of_evicted_events(service):
    s = service(log="size=64k count=5 age=1h")
    stream = s.create("abc")
    n = s.evict("abc", stream)
    first = s.api.get(stream)["first_ordinal"]
    begin = first - 2 if first > 2 else 0
    with s.connect() as v1:
        entry, = v1.subscribe({"stream": stream.uuid, "ordinal": begin})
        v1.wait(n - first + 1)
        assert v1.notices == [{"s": entry["s"], "gap": {
            "from": begin + 1, "to": first - 1}}]
        assert v1.values() == list(range(first, n + 1))


def test_end_by_deletion_and_poison(service):
    s = service()
    streams = [s.create(k) for k in ("a", "b", "c")]
    with s.connect() as v1:
        numbers = [e["s"] for e in v1.subscribe(*[x.uuid for x in streams])]
        s.publish("a", "1")
        s.publish("a", "POISON")
        v1.wait_notice("end", 1)
        s.publish("b", "2")
        s.api.delete(streams[1])
        v1.wait_notice("end", 2)
        s.publish("c", "3")
        v1.wait(3)
        assert v1.values() == [1, 2, 3]
        ends = [m for m in v1.notices if "end" in m]
        assert [m["s"] for m in ends] == numbers[:2]
        assert all(m["end"]["code"] == 1000 and m["end"]["reason"]
                   for m in ends)
        s.subscribers(streams[0], 0)
        assert code(v1.subscribe(streams[1].uuid)[0]) == 404
        # POISON of the past ends nobody
        v1.subscribe({"stream": streams[0].uuid, "ordinal": 0})
        s.publish("a", "4")
        v1.wait(5)
        assert v1.values(streams[0].uuid) == [1, 1, 4]


def follow(v1):
    """The events of a stream after an answer are those behind its place, and
    those before it are not."""

    last = {}
    for message in map(json.loads, v1.texts):
        for entry in message.get("subscribed", []):
            at = int(entry["at"].rpartition("-")[2])
            assert last.get(entry["s"], at) <= at, entry
            last[entry["s"]] = at
        if "s" in message:
            ordinal = event_of(message).ordinal
            assert ordinal > last[message["s"]], message
            last[message["s"]] = ordinal


def test_place_of_a_subscription_that_there_is(service):
    """Events come while the command is carried out."""

    s = service(workers=1)
    streams = s.api.create_many(["k%d" % i for i in range(256)])
    uuids = [x.uuid for x in streams]
    with s.connect() as v1:
        v1.subscribe(*uuids)
        for i in range(30):
            for _ in range(5):
                v1.send({"id": v1.id(), "subscribe": [
                    {"stream": u} for u in uuids]})
            s.batch("k0", ["%d" % i] * 10)
        v1.wait(300)
        v1.quiet()
        follow(v1)


def test_place_of_a_stream_with_further_keys(service):
    """It is before all that is still to come, also of the other keys."""

    s = service("ess_slow_client close buffer=16m;",
                log="size=16m count=10000 age=1h", workers=1)
    stream = s.create("abc", key="json:/k")
    with s.connect() as v1:
        v1.subscribe({"stream": stream.uuid, "keys": ["a"]})
        v1.pause()
        s.batch("abc", [{"k": "a", "n": n, "x": "x" * 20000}
                        for n in range(400)])
        v1.send({"id": 7, "subscribe": {"stream": stream.uuid,
                                        "keys": ["b"]}})
        # carried out, for the worker goes on behind it
        with s.connect() as other:
            other.subscribe({"stream": stream.uuid, "keys": ["b"]})
            s.publish("abc", {"k": "b", "n": 400})
            other.wait(1)
            v1.go_on()
            v1.wait(401)
        v1.answer(7)
        follow(v1)


def test_resume_of_all_in_one_message(service):
    s = service()
    streams = s.api.create_many(["k%d" % i for i in range(200)])
    session = Session(s.url("many/"))
    with session:
        session.subscribe(*[x.uuid for x in streams])
        wait_for(lambda: len(session.places) == 200, 30)
        for round_ in range(3):
            for i in range(0, 200, 1 + round_):
                s.publish("k%d" % i, "%d" % round_)
            session.cut()
            for i in range(0, 200, 3):
                s.publish("k%d" % i, "%d" % (round_ + 10))
        total = 3 * 67 + 200 + 100 + 67
        wait_for(lambda: sum(map(len, session.got.values())) >= total, 30,
                 "%d events" % total)
        assert session.connections > 1
        assert session.gaps == [] and session.errors == []
        for x in streams:
            ordinals = [o for o, _ in session.got[x.uuid]]
            assert ordinals == list(range(
                1, s.api.get(x)["last_ordinal"] + 1))


def test_live_events_flow_during_replays(service):
    """At most four replays at a time; who reads slowly gets live events of
    other streams all the same."""

    s = service(log="size=4m count=10000 age=1h")
    old = [s.create("old%d" % i) for i in range(6)]
    live = s.create("live")
    for i in range(6):
        s.batch("old%d" % i, ["x" * 8000] * 400)
    with s.connect() as v1:
        v1.subscribe(live.uuid)
        v1.pause()
        v1.send({"id": 90, "subscribe": [
            {"stream": x.uuid, "ordinal": 0} for x in old]})
        for x in old:
            s.subscribers(x, 1)
        s.publish("live", "7")
        v1.go_on()
        v1.wait(2401, timeout=60)
        at = [e.value for e in v1.events].index(7)
        assert at < 2200
        for x in old:
            assert v1.ordinals(x.uuid) == list(range(1, 401))
        assert not v1.notices


@pytest.mark.parametrize("policy", ["close", "skip"])
def test_slow_client(service, policy):
    s = service("ess_slow_client %s buffer=256k;" % policy,
                zone="4m")
    busy, quiet = s.create("busy"), s.create("quiet")
    with s.connect() as v1, s.connect("few/") as other:
        v1.subscribe(busy.uuid, quiet.uuid)
        other.subscribe(busy.uuid)
        v1.quiet()
        v1.pause()
        for i in range(40):
            s.batch("busy", ["x" * 10000] * 40)
        other.wait(1600, timeout=60)
        s.publish("quiet", "7")
        if policy == "close":
            s.subscribers(quiet, 0)
            v1.go_on()
            assert v1.wait_closed()[0] in (1013, None)
        else:
            v1.go_on()
            v1.wait(1, quiet.uuid, timeout=30)
            gaps = v1.wait_notice("gap", timeout=30)
            wait_for(lambda: v1.ordinals(busy.uuid)[-1:] == [1600], 30)
            missing = sum(g["to"] - g["from"] + 1 for g in gaps)
            assert len(v1.ordinals(busy.uuid)) + missing == 1600
            assert not v1.closed


def test_slow_client_with_a_replay_that_waits(service):
    """What a key has yet to read from the past is not left out when another
    one of its stream goes back to the log."""

    s = service("ess_slow_client skip buffer=256k;",
                log="size=32m count=10000 age=1h", workers=1, zone="96m")
    stream = s.create("abc", key="json:/k")
    s.batch("abc", [{"k": "b", "n": n} for n in range(50)])
    others = [s.create("k%d" % i) for i in range(4)]
    for i in range(4):
        s.batch("k%d" % i, [{"n": n, "x": "x" * 20000} for n in range(300)])

    def begun(client, message):
        if len(client.events) == 10:
            client.pause()

    def skipped():
        return s.api.figures()[
            'ess_slow_subscribers_total{action="skipped"}']

    with s.connect(on_message=begun) as v1, s.connect() as other:
        v1.subscribe({"stream": stream.uuid, "keys": ["a"]})
        v1.send({"subscribe": [
            {"stream": x.uuid, "ordinal": 0} for x in others]
            + [{"stream": stream.uuid, "keys": ["b"], "ordinal": 0}]})
        v1.wait(10)
        for _ in range(100):
            other.quiet()
        before = skipped()
        s.batch("abc", [{"k": "a", "n": n, "x": "x" * 20000}
                        for n in range(50)])
        wait_for(lambda: skipped() != before, 10, "the client to be slow")
        v1.go_on()
        v1.wait(4 * 300 + 100, timeout=30)
        assert v1.notices == [] and not v1.closed
        for k in "ab":
            assert [e.value["n"] for e in v1.events if e.key == k] == list(
                range(50))


def test_commands_faster_than_the_rate(service):
    """Reading pauses, and who goes on is closed."""

    s = service("ess_client_rate messages=10 bytes=16k;")
    with s.connect() as v1:
        for i in range(80):
            v1.send({"id": i, "ping": 0})
        for i in range(80):
            v1.answer(i)
        for i in range(5000):
            v1.send({"ping": 0})
        assert v1.wait_closed(30)[0] == 1008


def test_many_subscriptions_in_the_console_s_eyes(service):
    """What the API says of a client that has several streams."""

    s = service()
    one, two = s.create("abc"), s.create("def")
    with s.connect() as v1:
        v1.subscribe(one.uuid, two.uuid)
        for x in one, two:
            s.subscribers(x, 1)
    for x in one, two:
        s.subscribers(x, 0)


def test_keys_of_a_client_in_the_list_of_subscribers(service):
    """It is one subscriber, whatever it has of them."""

    s = service(workers=1)
    stream = s.create("abc", key="json:/k")

    def numbers():
        r = s.api.request("GET", "%d/subscribers" % stream.id)
        assert r.status == 200, r
        return [x["id"] for x in r.json()["subscribers"]]

    with s.connect() as one, s.connect() as two:
        one.subscribe({"stream": stream.uuid, "keys": [*"abc"]})
        two.subscribe({"stream": stream.uuid, "keys": [*"bcd"]})
        one.subscribe({"stream": stream.uuid, "keys": [*"xyz"],
                       "ordinal": 0})
        assert len(numbers()) == len(set(numbers())) == 2


def test_at_random(service):
    """Subscribe and unsubscribe under events, cuts, reloads and kills: each
    event of each subscription once and in order."""

    seed = random.randrange(2 ** 32)
    rnd = random.Random(seed)
    s = service(workers=4)
    keys = ["k%d" % i for i in range(60)]
    streams = s.api.create_many(keys)
    with Crowd(s.n.port(), [("/many/", 1000)] * 4 + [("/few/", 3)],
               [x.uuid for x in streams], 10, rate=50, processes=1,
               seed=seed) as crowd:
        for turn in range(60):
            for key in rnd.sample(keys, 20):
                s.patiently(key, ["%d" % turn] * rnd.randrange(1, 30))
            crowd.check()
            if turn % 25 == 10:
                s.n.reload()
            elif turn % 25 == 20:
                s.n.kill_worker(rnd.choice(s.n.workers()))
        found = crowd.complete({x.uuid: s.last(x) for x in streams}, 60)
    assert found["connections"] > 10 and found["refused"]
