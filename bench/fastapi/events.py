"""An event log of FastAPI and SQLAlchemy beside ess_events, which bench/event_logs.py
measures: the same requests and answers over the same SQLite file, whose tables
nginx made.

    fastapi_events.py FILE PORT

What costs it is left out where nothing is lost by it: handlers run in the loop,
not in threads; an event's text goes out as it is stored, without a model."""

import json
import sys
import time
from typing import Annotated, Literal, Union

import uvicorn
from fastapi import FastAPI, HTTPException, Query, Response
from fastapi.responses import JSONResponse
from pydantic import (
    BaseModel, EmailStr, Field, PastDatetime, TypeAdapter, ValidationError)
from sqlalchemy import (
    Column, Integer, LargeBinary, MetaData, Table, Text, create_engine, event,
    insert, select)


class UserEvent(BaseModel):
    username: str
    email: EmailStr
    operation: str


class SystemEvent(BaseModel):
    system_id: str
    location: Literal["europe", "us"]
    operation: str


class EventLog(BaseModel):
    timestamp: PastDatetime
    event_id: Annotated[str, Field(min_length=1, max_length=128)]


class UserEventLog(EventLog):
    type: Literal["user"]
    event: UserEvent


class SystemEventLog(EventLog):
    type: Literal["system"]
    event: SystemEvent


log = TypeAdapter(Annotated[Union[UserEventLog, SystemEventLog],
                            Field(discriminator="type")])

events = Table(
    "event", MetaData(), Column("seq", Integer, primary_key=True),
    Column("id", Text), Column("type", Text), Column("time", Integer),
    Column("received", Integer), Column("body", Text),
    Column("hash", LargeBinary))

engine = create_engine("sqlite:///" + sys.argv[1])
app = FastAPI()


@event.listens_for(engine, "connect")
def connected(connection, record):
    for pragma in ("journal_mode = WAL", "synchronous = FULL",
                   "temp_store = MEMORY", "cache_size = -4096"):
        connection.execute("PRAGMA " + pragma)


@app.post("/v1/events")
async def post(body: list[dict]):
    rows, results = [], []
    now = int(time.time() * 1000)
    for one in body:
        try:
            found = log.validate_python(one)
        except ValidationError as e:
            results.append({"event_id": one.get("event_id", ""),
                            "success": False,
                            "error": "invalid_%s" % e.errors()[0]["loc"][-1]})
            continue
        rows.append({"id": found.event_id, "type": found.type,
                     "time": int(found.timestamp.timestamp() * 1000),
                     "received": now, "body": json.dumps(one), "hash": b""})
        results.append({"event_id": found.event_id, "success": True,
                        "error": ""})
    with engine.begin() as connection:
        connection.execute(insert(events), rows)
    return JSONResponse(results)


@app.get("/v1/events")
async def page(size: Annotated[int, Query(gt=0, le=1000)] = 10,
               offset: Annotated[int, Query(ge=0, alias="from")] = 0,
               after: Annotated[int, Query(ge=0)] = 0):
    wanted = select(events.c.body).where(events.c.seq > after).order_by(
        events.c.seq).offset(offset).limit(size)
    with engine.connect() as connection:
        bodies = connection.execute(wanted).scalars().all()
    return Response("[%s]" % ",".join(bodies), media_type="application/json")


@app.get("/v1/events/{event_id}")
async def one(event_id: str):
    with engine.connect() as connection:
        body = connection.execute(select(events.c.body).where(
            events.c.id == event_id)).scalar()
    if body is None:
        raise HTTPException(404, "Unable to find event log with " + event_id)
    return Response(body, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), loop="uvloop",
                http="httptools", access_log=False, log_level="warning")
