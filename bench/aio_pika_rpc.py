"""aio_pika_rpc.py call|serve URL QUEUE CALLS FLIGHT SIZE WARMUP: what rpc.c
does, by aio_pika.patterns.RPC.

serve: answers each call with its number; call: makes calls, whose replies are
what was sent.  Says "ready", and call waits for a line then."""

import asyncio
import json
import sys
import time

import aio_pika
from aio_pika.patterns import JsonRPC


def say(what):
    print(what, flush=True)


async def line():
    return await asyncio.get_running_loop().run_in_executor(
        None, sys.stdin.readline)


async def call(rpc, queue, calls, flight, size, warmup):
    async def some(numbers):
        for n in numbers:
            body = {"n": n, "pad": ""}
            body["pad"] = "x" * (size - len(json.dumps(
                body, separators=(",", ":"))))
            if await rpc.call(queue, body) != body:
                raise RuntimeError("the reply to %d is another one's" % n)

    async def all_(numbers):
        numbers = iter(numbers)
        await asyncio.gather(*(some(numbers) for _ in range(flight)))

    await all_(range(warmup))
    say("ready")
    await line()
    begin = time.monotonic()
    await all_(range(warmup, warmup + calls))
    say(json.dumps({"calls": calls, "seconds": time.monotonic() - begin}))
    await line()


async def serve(rpc, queue, *_):
    async def work(n, pad):
        return n

    await rpc.register(queue, work)
    say("ready")
    await line()


async def main(what, url, queue, *numbers):
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=int(numbers[1]))
        await {"call": call, "serve": serve}[what](
            await JsonRPC.create(channel), queue, *map(int, numbers))


asyncio.run(main(*sys.argv[1:]))
