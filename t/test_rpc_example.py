"""examples/rpc: callers by AMQP and HTTP get what its application answers."""

import json
import threading
import uuid

import pytest

import rpc_example
from postgres import OwnPostgres
from rpc_example import App
from wait import wait_for


@pytest.fixture
def app(database, tmp_path):
    database.sql(rpc_example.schema())
    with App(str(tmp_path), database) as app:
        yield app


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

    lock = threading.Thread(target=database.sql, args=(
        "BEGIN; LOCK TABLE example_item; SELECT pg_sleep(3); COMMIT",))
    lock.start()
    wait_for(lambda: "1" == database.sql(
        "SELECT count(*) FROM pg_locks WHERE relation = "
        "'example_item'::regclass AND mode = 'AccessExclusiveLock'"), 20)
    waiting = threading.Thread(target=app.post, args=(
        "/rpc/example-items", b'{"data": "a"}'))
    waiting.start()
    assert app.post("/rpc/dictionary", b'{"data": {}}').status == 200
    assert lock.is_alive() and waiting.is_alive()
    lock.join()
    waiting.join()
