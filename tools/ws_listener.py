#!/usr/bin/python3
"""Prints each message of an event stream until the stream is closed.

usage: ws_listener.py LOCATION

LOCATION is what creating the stream returned, ws://host/event-stream/UUID.
"""

import asyncio
import sys

import websockets


async def listen(location):
    try:
        client = await websockets.connect(location, max_size=None)
    except (OSError, asyncio.TimeoutError,
            websockets.exceptions.WebSocketException,
            websockets.exceptions.InvalidURI) as e:
        print("cannot listen to %s: %s" % (location, e), file=sys.stderr)
        return 1

    print("listening to %s" % location, file=sys.stderr, flush=True)

    try:
        async for message in client:
            print(message, flush=True)
    except websockets.exceptions.ConnectionClosedError:
        pass

    print("closed: %s %s" % (client.close_code, client.close_reason or ""),
          file=sys.stderr)
    return 0 if client.close_code == 1000 else 1


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__.strip())
    try:
        sys.exit(asyncio.run(listen(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(130)
