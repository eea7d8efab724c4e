#!/usr/bin/python3
"""An application that speaks plain HTTP, and knows nothing of AMQP: {"data": X}
comes by POST, and is answered by an envelope, which is {"success": true,
"data": Y} or {"success": false, "error": {...}}."""

import asyncio
import logging
import os
import threading
import traceback
import psycopg2
from aiohttp import web

DATABASE = os.environ["DATABASE_URL"]   # "postgres://test:pass@localhost/dev"
AWAY = psycopg2.OperationalError, psycopg2.InterfaceError
TABLES = "SELECT json_agg(relname) FROM pg_stat_user_tables"
ITEMS = "SELECT json_agg(i) FROM example_item i WHERE string = %s"
own = threading.local()


def query(sql, *args):
    """For a thread, which keeps its connection as long as that works."""
    kept, own.connection = getattr(own, "connection", None), None
    try:
        connection = kept or psycopg2.connect(DATABASE, connect_timeout=2)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, args)
            value, own.connection = cursor.fetchone()[0], connection
            return value
    except AWAY:
        if kept:                        # PostgreSQL was restarted, perhaps
            return query(sql, *args)
        raise


async def test(data):
    await asyncio.sleep(1)
    return "%s that took forever" % data


async def will_error(data):
    raise Exception("Just an exception: %d, %s" % (os.urandom(1)[0], data))


async def dictionary(data):
    return {**data, "bar": "baz"}


async def example_items(data):
    if not isinstance(data, str):
        raise TypeError("needs a string to look for, not %r" % (data,))
    return await asyncio.to_thread(query, ITEMS, data) or []


async def queue_test(data):
    logging.info("queue-test: %s", data)


async def answer(request, status=400):
    try:
        data = (await request.json())["data"]
        function, status = ROUTES[request.path]     # what an exception is
        envelope, status = {"success": True, "data": await function(data)}, 200
    except Exception as e:
        status = 503 if isinstance(e, AWAY) else status
        envelope = {"success": False, "error": dict(
            type=type(e).__name__, message=str(e), args=[*map(str, e.args)],
            trace=traceback.format_exception(e))}
    return web.json_response(envelope, status=status)


ROUTES = {"/rpc/test": (test, 200), "/rpc/will-error": (will_error, 200),
          "/rpc/db": (lambda data: asyncio.to_thread(query, TABLES), 200),
          "/rpc/dictionary": (dictionary, 200),
          "/rpc/example-items": (example_items, 200),
          "/queue/queue-test": (queue_test, 500)}
logging.basicConfig(level=logging.INFO)
app = web.Application()
app.add_routes([web.post(path, answer) for path in ROUTES])
web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]))
