"""Points in time as clients of python-dateutil write them: each form is read
as that reads it, in the query string and in the second version's headers."""

import calendar
import ctypes
import datetime
import os
import random
import re
import subprocess
import time
import urllib.parse
import warnings

import dateutil.parser
import pytest

from api import Api
from clients import Clients
from nginx import TOP
from sse import EventSource
from wait import wait_for

# a Saturday, and the last day of a February
DAYS = [(2026, 11, 28, 13, 14, 15), (2024, 2, 29, 23, 59, 59)]

FORMS = """
13:00 | 1:30:15 | 00:00 | 13:00:30.123456 | 13:00.5 | 13:00:00,5 | 23:59:59
1pm | 1 pm | 12am | 12 am | 12pm | 11:59 PM | 1:30:15.5 pm | 10h am | 1 a
13h | 13h30 | 13h30m | 13h30m15s | 1.5 hours | 10 hours 5 minutes | 36 m
130000 | 261128 | 20261128 | 202611281300 | 20261128130015 | 199709020908
20261128T130000Z | 20261128T1300 | 20261128T13 | 20261128T130000.25
28 Nov 2026 | Nov 28 2026 13:00 | November 28, 2026 1pm | 28Nov2026
November 28th, 2026 1:30 PM | 1st of January 2026 | 3rd of May 2001
28 | 1 | 31 | 32 | 99 | 100 | 1999 | 2026 | 28th | the 1st
Nov | November 2026 | Nov 2026 | Feb | feb 2025 | Jan of 2026 | Jan of 75
Jan of 76 | Nov. 28, 2026 | Sept 5 | Nov 31 | Feb 29 | Feb 30 | Feb 29 2023
28/11/2026 | 11/28/2026 | 01/02/2026 | 01/02/03 | 1/2/26 | 13/2/26 | 99/2/3
28.11.2026 | 04.04.95 00:22 | 10.09.03 | 28-11-2026 | 11-28-26 | 10-09-2003
2026-11-28 | 2026/11/28 | 2026.11.28 | 2026-11 | 2026-11-28T | 2026--28
2026-11-28 13:00:00 | 2026-11-28T13:00:00.123+01:00 | 2026-11-28T13:00:00Z
2026-11-28t13:00:00z | 2026-11-28 1 | 2026-11-28 at 13:00 | 2026-11-28T13
2026-11-28 13:00 +01 | 2026-11-28 13:00 -0330 | 2026-11-28T13:00:00-03:00
2026-11-28 13:00 GMT+3 | 2026-11-28 13:00 UTC-5 | 2026-11-28 13:00 BRST+3
2026-11-28 13:00 -0300 (BRST) | 2026-11-28 13:00 UTC | 2026-11-28 13:00 GMT
Fri, 27 Nov 2026 13:00:00 +0100 | Fri, 27 Nov 2026 13:00:00 GMT
Sat Nov 28 13:00:00 UTC 2026 | Sat Nov 28 13:00:00 2026 | Sat Nov 28 2026
Saturday | sun | Mon | monday 13:00 | Fri | Thu 10:36:28 | Wed, 1pm
Thu Sep 25 10:36:28 2003 | Sep 25 10:36:28 2003 | Thu Sep 10:36:28
Nov-28-2026 | 28-Nov-2026 | 28-Nov-26 | Nov/28/26 | 2003.Sep.25 | 2003-Sep-25
25 Sep 2003 | 03 25 Sep | 25 03 Sep | 10 09 03 | 25 09 03 | 1 st of January
  July   4 ,  1976   12:01:02   am | 0:01:02 on July 4, 1976 | 950404 122212
Mon Jan  2 04:24:27 1995 | Jan 1 1999 11:23:34.578 | 12h04 | 0am | 13pm
13: | 13:60 | 24:00 | 25:00 | 13:00:60 | 13:00 +25:00 | 13:00 + | a | am
now | yesterday | nan | inf | - | : | 2026-13-01 | 2026-02-29 | 0000-01-01
10000-01-01 | 1e3 | 0x10 | 1 2 3 4 | Nov Dec | 1999 2000 | 12. | 1.2.3.4
"""

FORMS = [f.strip() for f in re.split(r"[|\n]", FORMS) if f.strip()]

CONF = """
http {
    ess_zone        streams 8m;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%% reuseport;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


class Text(ctypes.Structure):
    _fields_ = [("len", ctypes.c_size_t), ("data", ctypes.c_char_p)]


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What the parser makes of a text on that day, in ms; None: nothing."""

    library = str(tmp_path_factory.mktemp("datetime") / "datetime.so")
    includes = subprocess.run(
        ["make", "-s", "-C", TOP, "--eval", "show-incs: ; @echo $(INCS)",
         "show-incs"], check=True, stdout=subprocess.PIPE, text=True,
        env={k: v for k, v in os.environ.items()
             if not k.startswith("MAKE")}).stdout.split()
    sources = ["src/subscriber/ngx_ess_datetime%s.c" % part
               for part in ("", "_day", "_token", "_zone")]
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", *includes, "-o",
                    library, *sources, "t/unit/ngx_string.c"], check=True,
                   cwd=TOP)
    function = ctypes.CDLL(library).ngx_ess_datetime
    function.argtypes = [ctypes.POINTER(Text), ctypes.c_long,
                         ctypes.POINTER(ctypes.c_uint64)]
    function.restype = ctypes.c_long

    def call(text, day):
        ms = ctypes.c_uint64()
        rc = function(ctypes.byref(Text(len(text), text.encode())),
                      calendar.timegm(day), ctypes.byref(ms))
        return ms.value if rc == 0 else None
    return call


def expected(text, day):
    """What dateutil does, where no zone is named in UTC, and an unknown one is
    no time."""

    today = datetime.datetime(*day[:3])
    with warnings.catch_warnings():
        warnings.simplefilter("error", dateutil.parser.UnknownTimezoneWarning)
        try:
            found = dateutil.parser.parse(text, default=today)
            if found.tzinfo:
                found = (found - found.utcoffset()).replace(tzinfo=None)
        except (ValueError, OverflowError, Warning):
            return None
    return max(0, (found - datetime.datetime(1970, 1, 1))
               // datetime.timedelta(milliseconds=1))


def test_as_dateutil(read):
    assert len(FORMS) > 150
    assert sum(expected(f, DAYS[0]) is not None for f in FORMS) > 120
    # a year of two digits is dateutil's by the clock
    for day in DAYS:
        wrong = {f: (read(f, day), expected(f, day)) for f in FORMS
                 if read(f, day) != expected(f, day)
                 and (day == DAYS[0] or not re.search(r"\b(75|76)$", f))}
        assert wrong == {}
    assert read("2026-11-28 13:00 EST", DAYS[0]) is None


def test_as_dateutil_whatever_is_written(read):
    """Dates in an order of parts that chance chose."""

    chance = random.Random(7)
    accepted = 0
    for _ in range(20000):
        parts = [chance.choice(["28", "1", "11", "Nov", "2026", "99"])
                 for _ in range(chance.randint(1, 3))]
        text = chance.choice(" -/.").join(parts)
        if chance.random() < 0.5:
            text += chance.choice([" 13:00", "T13", " 1pm", " 13:00 +0100",
                                   " 130000", " at 1:30:15.25", ", Fri",
                                   " 13h30 UTC"])
        want = expected(text, DAYS[0])
        assert read(text, DAYS[0]) == want, text
        accepted += want is not None
    assert accepted > 5000


@pytest.fixture
def stream(nginx, vhost):
    n = nginx(CONF, 2, amqp=vhost.url)
    api = Api(n.port(1))
    stream = api.create("abc")
    vhost.publish("abc", ["1", "2"])
    wait_for(lambda: api.get(stream)["last_ordinal"] == 2)
    return stream


def begins(stream, vhost, query="", headers=None):
    """What a client that begins there gets first."""

    with Clients(stream.location + query, headers=headers or {}) as clients:
        vhost.publish("abc", "end")
        clients.wait(1)
        return clients[0].messages[0]


def closed(stream, query="", headers=None):
    with Clients(stream.location + query, headers=headers or {}) as clients:
        clients.wait_closed()
        return clients[0].close_code, clients[0].close_reason


PAST = ["28 Nov 2020", "Nov 28 2020 13:00", "28/11/2020", "20201128T130000Z",
        "00:00", "2020-11-28 13:00:00", "12:00:00 am"]
FUTURE = ["28 Nov 2120 13:00", "2120-11-28T13:00:00.123+01:00", "28.11.2120"]


def test_in_the_query(stream, vhost):
    for form in PAST + FUTURE:
        for quote in urllib.parse.quote, urllib.parse.quote_plus:
            query = "?stream_from_datetime=" + quote(form)
            assert begins(stream, vhost, query) == (
                "1" if form in PAST else "end"), (form, quote)
    assert closed(stream, "?stream_from_datetime=yesterday") == (
        1002, "stream_from_datetime must be a date or a time, such as "
        "2026-01-31T13:45:00.000Z, 31 Jan 2026 or 13:45")
    with EventSource(stream.http + "?stream_from_datetime=Feb+30") as source:
        assert source.status == 400


def test_in_a_header(stream, vhost):
    for form in PAST + FUTURE:
        assert begins(stream, vhost, "", {"X-StreamFromDatetime": form}) == (
            "1" if form in PAST else "end"), form
    for name, value, first in (
            ("X-StreamFromOrdinal", "0", "1"), ("x-streamfromordinal", "1", "2"),
            ("X-StreamFromTimestamp", "1000", "1"),
            ("X-STREAMFROMTIMESTAMP", str(int(time.time() + 999) * 1000),
             "end"),
            ("X-StreamFromOrdinal", "", "end")):
        assert begins(stream, vhost, "", {name: value}) == first
        with EventSource(stream.http, headers={name: value}) as source:
            vhost.publish("abc", "end")
            assert source.wait(1)[0].data == first


def test_one_only(stream):
    both = {"X-StreamFromOrdinal": "0", "X-StreamFromTimestamp": "0"}
    for query, headers in (
            ("", both), ("?from=1-1", both),
            ("?stream_from_ordinal=0", {"X-StreamFromOrdinal": "0"})):
        code, reason = closed(stream, query, headers)
        assert code == 1002 and reason.startswith("only one of from, ")
        with EventSource(stream.http + query, headers=headers) as source:
            assert source.status == 400
    for name, value in (("X-StreamFromOrdinal", "-1"),
                        ("X-StreamFromTimestamp", "1.5"),
                        ("X-StreamFromDatetime", "yesterday"),
                        ("X-StreamFromDatetime", "1" * 4000)):
        code, reason = closed(stream, "", {name: value})
        assert code == 1002 and reason.startswith(name + " must be a ")
