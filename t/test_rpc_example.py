"""examples/rpc: callers by AMQP and HTTP get what its application answers."""

import json
import threading
import time
import uuid

import pytest

import rpc_example
from postgres import OwnPostgres
from rpc_example import App, Caller, post, publish
from wait import wait_for

@pytest.fixture
def app(database, tmp_path):
    database.sql(rpc_example.schema())
    with App(str(tmp_path), database) as app:
        yield app


@pytest.fixture
def service(nginx, vhost, app):
    """nginx with the example's configuration, which consumes all queues."""

    n = nginx(rpc_example.conf(), amqp=vhost.url, app=app.port)
    rpc_example.wait_consumed(vhost)
    return n


def insert(database, *strings):
    """Returns their ids."""

    ids = [str(uuid.uuid4()) for _ in strings]
    for id, string in zip(ids, strings):
        database.sql("INSERT INTO example_item VALUES ('%s', '%s', 1, '{}')"
                     % (id, string))
    return ids


def check(call, database):
    """Whatever these queues are called by."""

    reply = call("test", "message")
    assert reply == {"success": True, "data": "message that took forever"}

    reply = call("will-error", "a message")
    assert reply["success"] is False
    assert reply["error"]["type"] == "Exception"
    assert "Just an exception" in reply["error"]["message"]
    assert "a message" in reply["error"]["message"]
    assert reply["error"]["args"] == [reply["error"]["message"]]
    assert "Traceback" in "".join(reply["error"]["trace"])

    assert call("dictionary", {"foo": [1, None]}) == {
        "success": True, "data": {"foo": [1, None], "bar": "baz"}}

    for message in None, "whatever", {"a": 1}:
        reply = call("db", message)
        assert reply["success"] is True
        assert {"simple", "example_item"} <= set(reply["data"])

    database.sql("DELETE FROM example_item")
    ids = insert(database, "match me", "match me", "not me")
    reply = call("example-items", "match me")
    assert sorted(row["_id"] for row in reply["data"]) == sorted(ids[:2])
    assert reply["data"][0].keys() == {"_id", "string", "integer", "json"}
    assert call("example-items", "nothing") == {"success": True, "data": []}
    reply = call("example-items", None)
    assert (reply["success"], reply["error"]["type"]) == (False, "TypeError")


def test_the_application(app, database):
    """By itself, as any HTTP client sees it."""

    def call(name, data):
        r = app.post("/rpc/" + name, json.dumps({"data": data}).encode())
        assert r.status == 200
        return json.loads(r.body)

    check(call, database)
    assert app.post("/queue/queue-test", b'{"data": 1}').status == 200
    assert "queue-test: 1" in app.logged()
    for body in b"", b"{", b"[]", b"{}", b"\xff", b'"data"':
        r = app.post("/rpc/test", body)
        assert (r.status, json.loads(r.body)["success"]) == (400, False)


def test_the_application_when_postgresql_is_restarted(tmp_path):
    """It says that it cannot, goes on with all else, and comes back."""

    postgres = OwnPostgres(str(tmp_path / "postgres")).start()
    try:
        postgres.sql(rpc_example.schema())
        with App(str(tmp_path), postgres) as app:
            def db():
                return app.post("/rpc/db", b'{"data": null}').status

            assert db() == 200
            postgres.stop()
            assert db() == 503
            assert app.post("/rpc/test", b'{"data": 1}').status == 200
            postgres.start()
            assert [db() for _ in range(20)] == [200] * 20
            # sessions that end in between are no error
            postgres.stop()
            postgres.start()
            assert db() == 200
    finally:
        postgres.kill()


def test_the_application_does_not_wait_for_postgresql(app, database):
    """Others are served while a query takes long."""

    with database.locked("example_item"):
        waiting = threading.Thread(target=app.post, args=(
            "/rpc/example-items", b'{"data": "a"}'))
        waiting.start()
        wait_for(lambda: database.sql("SELECT 1 FROM pg_locks WHERE NOT granted "
                                      "AND relation = 'example_item'::regclass"))
        assert app.post("/rpc/dictionary", b'{"data": {}}').status == 200
        assert waiting.is_alive()
    waiting.join()


@pytest.mark.parametrize("direct", [False, True], ids=["queue", "direct"])
def test_by_amqp(service, vhost, database, direct):
    with Caller(vhost, direct) as caller:
        for _ in range(2):
            check(caller.call, database)
        properties, _ = caller.wait(caller.send("dictionary", {}))
        assert properties.type == "result"
        assert properties.content_type.startswith("application/json")
        assert properties.content_encoding == "gzip"
        assert properties.headers["http_status"] == 200


def test_by_http(service, database):
    def call(queue, data):
        r = post(service.port(), "/call/" + queue,
                 json.dumps({"data": data}).encode())
        assert (r.status, r.headers["Content-Type"]) == (
            200, "application/json; charset=utf-8")
        return json.loads(r.body)

    for _ in range(2):
        check(call, database)
    assert post(service.port(), "/call/queue-test", b"{}").status == 404
    assert post(service.port(), "/rpc/test", b"{}").status == 404


def test_tasks(service, vhost, app):
    for i in range(10):
        publish(vhost, "queue-test", {"n": i})
    wait_for(lambda: all("queue-test: {'n': %d}" % i in app.logged()
                         for i in range(10)), 20, "the tasks")
    wait_for(lambda: vhost.queue_counts("queue-test")[0] == 0, 20)
    assert vhost.queue_counts("queue-test.dead")[0] == 0


def test_a_task_that_is_none(service, vhost):
    """The application refuses it for good."""

    vhost.publish("queue-test", "no gzip", exchange="")
    wait_for(lambda: vhost.queue_counts("queue-test.dead") == (1, 0), 20)


def test_the_application_is_restarted(service, vhost, app, database):
    """Callers wait for it, and none is told."""

    with Caller(vhost) as caller:
        assert caller.call("dictionary", {})["success"] is True
        app.kill()
        calls = [caller.send("dictionary", {"n": i}) for i in range(5)]
        publish(vhost, "queue-test", "meanwhile")
        time.sleep(0.5)
        app.start()
        for i, call in enumerate(calls):
            assert caller.wait(call)[1] == {
                "success": True, "data": {"n": i, "bar": "baz"}}
        wait_for(lambda: "queue-test: meanwhile" in app.logged(), 30)


def test_reloads_and_a_killed_worker(service, vhost, database):
    """Every call is answered, while nginx is reloaded and a worker killed."""

    end = threading.Event()
    failed = []

    def calls():
        try:
            with Caller(vhost) as caller:
                while not end.is_set():
                    check(caller.call, database_of_its_own)
        except Exception as e:
            failed.append(e)

    class database_of_its_own:
        """Whose rows are not those of other callers: check() counts them."""
        sql = staticmethod(lambda text: database.sql(text))

    threads = [threading.Thread(target=calls)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        service.reload()
    service.kill_worker()
    service.reload(old_gone=True)
    end.set()
    for thread in threads:
        thread.join()
    assert failed == []
