#!/usr/bin/python3
"""Prints each message of an event stream until the stream is closed.

usage: ws_listener.py [-d DATETIME | -t TIMESTAMP | -o ORDINAL] LOCATION

LOCATION is what creating the stream returned, ws://host/event-stream/UUID.
It begins with the first event from that time on ("28 Nov 2026 13:00", or
milliseconds since 1970), or with the one after that ordinal; without any, with
the next one.
"""

import asyncio
import getopt
import sys
import urllib.parse

import websockets

OPTIONS = {"-d": "stream_from_datetime", "-t": "stream_from_timestamp",
           "-o": "stream_from_ordinal"}


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


def main(argv):
    try:
        options, rest = getopt.getopt(argv, "d:t:o:")
    except getopt.GetoptError:
        return __doc__.strip()

    if len(rest) != 1 or len(options) > 1:
        return __doc__.strip()

    location = rest[0]

    if options:
        (name, value), = options
        location += "?" + urllib.parse.urlencode({OPTIONS[name]: value})

    return asyncio.run(listen(location))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
