"""Event logs in a PostgreSQL that is slow: who needs none of it goes on, and
what takes too long is stored by nobody.  And what sync= makes of a commit."""

import concurrent.futures
import time

import pytest

from api import Api
from clients import Clients
from events_postgresql import call, event, ids, post
from wait import slower, wait_for

CONF = """
http {
    ess_zone       streams 8m;
    ess_amqp       %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;
    ess_event_log  audit %%PG%% id=event_id time=timestamp type=type %%MORE%%;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
        location /v1/events     { ess_events audit; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""

SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(%g); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON ess_event_audit
FOR EACH ROW WHEN (NEW.type = 'slow') EXECUTE FUNCTION slow()
"""

SLEEPS = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' " \
         "AND datname = current_database()"


def test_clients_of_streams_go_on(nginx, vhost, database):
    """While events are stored slowly, in the same worker."""

    n = nginx(CONF, workers=1, amqp=vhost.url, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    database.sql(SLOW % min(4, 2 * slower()))
    stream = Api(n.port(1)).create("abc")
    with Clients([stream.location] * 6, library="both") as clients, \
            concurrent.futures.ThreadPoolExecutor(8) as pool:
        # once: what is repeated would sleep again
        slow = pool.submit(call, n, "/v1/events", [event("b", "slow")])
        wait_for(lambda: slow.done() or database.sql(SLEEPS))
        others = [pool.submit(post, n, event("c%d" % i)) for i in range(4)]
        published = meanwhile = 0
        while published < 30:
            published += 1
            vhost.publish("abc", str(published))
            clients.wait(published)
            answered = [i.done() for i in [slow, *others]]
            if not database.sql(SLEEPS):
                break
            # it slept when they were looked at
            assert not any(answered)
            meanwhile += 1
        assert meanwhile >= 3
        status, results = slow.result()
        assert (status, results[0]["success"]) == (200, True), results
        assert [o.result() for o in others] == [[True]] * 4
        assert [c.messages for c in clients] == [
            [str(i) for i in range(1, published + 1)]] * 6
    assert sorted(ids(n)) == ["a", "b", "c0", "c1", "c2", "c3"]


def test_a_statement_that_takes_too_long(nginx, vhost, database):
    """The server gives it up after five seconds, and nothing is stored."""

    n = nginx(CONF, workers=1, amqp=vhost.url, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    database.sql(SLOW % 60)
    n.expect("event log")
    stream = Api(n.port(1)).create("abc")
    batch = [event("b"), event("c", "slow"), event("d")]
    begin = time.monotonic()
    with Clients([stream.location] * 2) as clients, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        slow = pool.submit(call, n, "/v1/events", batch)
        wait_for(lambda: database.sql(SLEEPS))
        # what waits behind it is stored when that was given up
        other = pool.submit(post, n, event("e"))
        vhost.publish("abc", "1")
        clients.wait(1)
        status, body = slow.result()
        assert (status, list(body)) == (503, ["detail"])
        assert other.result() == [True]
    assert 4 < time.monotonic() - begin < 15 * slower()
    assert "statement timeout" in n.log()
    assert ids(n) == ["a", "e"]
    database.sql("DROP TRIGGER slow ON ess_event_audit")
    assert post(n, *batch) == [True] * 3
    assert ids(n) == ["a", "e", "b", "c", "d"]


@pytest.mark.parametrize("more, default, used", [
    ("", "on", "on"),
    ("sync=full", "on", "on"),
    ("sync=normal", "on", "off"),
    # the database's own: what is less than wanted is not enough
    ("sync=full", "off", "on"),
    ("sync=full", "remote_apply", "remote_apply"),
    ("sync=normal", "remote_apply", "off"),
])
def test_what_a_commit_waits_for(nginx, vhost, database, more, default, used):
    database.sql("ALTER DATABASE %s SET synchronous_commit = %s"
                 % (database.database, default))
    n = nginx(CONF, workers=1, amqp=vhost.url, pg=database.url, more=more)
    assert post(n, event("a")) == [True]
    database.sql("""
        CREATE TABLE used (setting text);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO used VALUES (current_setting('synchronous_commit'));
        RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER note AFTER INSERT ON ess_event_audit
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()""")
    assert post(n, event("b")) == [True]
    assert database.sql("SELECT setting FROM used") == used
