"""Points in time as people and programs write them: each form of the table
means what python-dateutil takes it for, in the query string and in the second
version's headers; others are refused."""

import calendar
import ctypes
import datetime
import itertools
import os
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


def forms(table):
    return [f for line in table.strip().split("\n") for f in line.split(" | ")]


DATES = forms("""
2026-11-28 | 2026/11/28 | 2026.11.28 | 20261128
11/28/2026 | 28/11/2026 | 01/02/2026 | 1/2/26 | 13/2/26 | 01/02/03
28.11.2026 | 04.04.95 | 10.09.03 | 28-11-2026 | 11-28-26 | 10-09-2003
28-Nov-2026 | 28-NOV-26 | 28 Nov 2026 | 28 November 2026 | 28 nov, 26
Nov 28 2026 | Nov 28, 2026 | November 28, 2026 | Nov 28 | 28 Nov | 1 may
Fri, 27 Nov 2026 | Sat Nov 28 2026 | saturday, Nov 28, 2026 | Fri 28/11/2026
  July   4 ,  1976 | 31 Dec 1969 | 29 Feb 2024 | 28/11/99 | 25 Sep 2003
""")

TIMES = forms("""
00:00 | 13:00 | 1:30 | 1:30:15 | 23:59:59 | 13:00:05.250 | 13:00:05,5
13:00:30.123456 | 1pm | 1 PM | 12am | 12 pm | 1:30 PM | 11:59pm | 1:30:15 am
""")

ZONES = ["", "Z", " Z", " z", " UTC", " GMT", "+01:00", " +0100", "-0330",
         " +01", "-11:30"]

OTHERS = forms("""
20261128T130000Z | 20261128T1300 | 20261128T13 | 20261128T130000.25
20261128T130000+0100 | 20261128 130000 | 2026-11-28T13 | 2026-11-28 1300
2026-11-28t13:00:00z | 2026-11-28T13:00:00.123+01:00 | 28/11/2026T13:00
28 Nov 2026 13 | 28 Nov 1300 | 28 Nov 13 | 13:00 28 Nov 2026 | 1pm, Nov 28
Sat Nov 28 13:00:00 2026 | Sat Nov 28 13:00:00 UTC 2026 | Nov 28 13:00:05
Mon Jan  2 04:24:27 1995 | Thu Sep 25 10:36:28 2003 | 28 Nov 13:00 26
Saturday | sun | Mon | monday 13:00 | Fri | Thu 10:36:28 | Wed, 1pm | 13:00 Fri
1 Jan 2075 | 28/11/1000 | 31.12.9999
""")

# the first three lines are read by dateutil
REFUSED = forms("""
28 | 2026 | Nov | Nov 2026 | 2026-11 | 28th of Nov 2026 | Nov 28th | Nov. 28
Sept 5 | 28Nov2026 | 2026-11-28 at 13:00 | 13h30m | 1.5 hours | 13 | 130000
261128 | 202611281300 | 13:00 GMT+3 | 13:00 -0300 (BRST) | 99/2/3 | Nov-28-2026
yesterday | now | 13: | 13:60 | 24:00 | 25:00 | 13:00:60 | 13pm | 13:00 +25:00
13:00 + | am | nan | - | : | 2026-13-01 | 2026-02-29 | 29 Feb 2023 | Nov 31
0000-01-01 | 10000-01-01 | 1e3 | 0x10 | 1 2 3 4 | Nov Dec | 12. | 1.2.3.4
13:00 EST | Nov 28,2026 | 2026--28 | 1999 2000
""")

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
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", *includes, "-o",
                    library, "src/subscriber/ngx_ess_datetime.c"], check=True,
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
    said = DATES + TIMES + OTHERS + [
        date + " " + time_ + zone for date, time_, zone in
        itertools.product(DATES, TIMES, ZONES)
        if time_[-1].isdigit() or zone != "Z"]      # "pmZ" is a word
    for day in DAYS:
        wrong = {f: (read(f, day), expected(f, day)) for f in said
                 if read(f, day) is None or read(f, day) != expected(f, day)}
        assert wrong == {}


def test_other_forms(read):
    assert [f for f in REFUSED if read(f, DAYS[0]) is not None] == []


# dateutil takes its own clock's century
@pytest.mark.parametrize("now, text, year", [
    (2026, "1 Jan 75", 2075), (2026, "1 Jan 76", 1976), (2026, "1/1/00", 2000),
    (2060, "1 Jan 09", 2109), (2060, "1 Jan 10", 2010)])
def test_century(read, now, text, year):
    assert read(text, (now, 11, 28, 0, 0, 0)) == 1000 * calendar.timegm(
        (year, 1, 1, 0, 0, 0))


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
