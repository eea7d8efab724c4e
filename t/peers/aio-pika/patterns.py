"""patterns.py call|serve URL STYLE: the patterns of aio-pika, whose bodies are
JSON (STYLE json), or JSON that gzip made smaller (gzip).

call: a line of JSON for each call or task, ["rpc", queue, arguments] or
["task", queue, arguments], which begin at once; each result is a line
[number of the call, "result" or the exception's name, value].
serve: answers the queues "echo", "fail" and "slow", says so, and works until
the standard input ends."""

import asyncio
import gzip
import json
import sys

import aio_pika
from aio_pika.patterns import JsonMaster, JsonRPC
from aio_pika.patterns.master import CompressedJsonMaster


class GzipRPC(JsonRPC):
    """As workers of this kind do that have no content_encoding."""

    CONTENT_TYPE = "application/octet-stream"

    def serialize(self, data):
        return gzip.compress(json.dumps(data).encode())

    def deserialize(self, data):
        return json.loads(gzip.decompress(data))


STYLES = {"json": (JsonRPC, JsonMaster), "gzip": (GzipRPC,
                                                  CompressedJsonMaster)}


def say(*words):
    print(json.dumps(words, default=repr), flush=True)


async def lines():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while True:
        line = await reader.readline()
        if not line:
            return
        yield json.loads(line)


async def call(rpc, master):
    async def one(number, kind, queue, arguments):
        try:
            if kind == "task":
                await master.create_task(queue, arguments)
                value = None
            else:
                value = await rpc.call(queue, arguments, expiration=60)
            say(number, "result", value)
        except Exception as e:
            say(number, type(e).__name__, e.args)

    calls, number = [], 0
    async for words in lines():
        calls.append(asyncio.create_task(one(number, *words)))
        number += 1
    await asyncio.gather(*calls)


async def serve(rpc, master):
    async def echo(**arguments):
        return arguments

    async def fail(**arguments):
        raise ValueError("no", arguments)

    async def slow(**arguments):
        await asyncio.sleep(60)

    for function in echo, fail, slow:
        await rpc.register(function.__name__, function)
    say("ready")
    async for _ in lines():
        pass


async def main(what, url, style):
    rpc, master = STYLES[style]
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await {"call": call, "serve": serve}[what](
            await rpc.create(channel), master(channel))


asyncio.run(main(*sys.argv[1:]))
