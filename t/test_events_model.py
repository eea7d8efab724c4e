"""Pages of an event log in both databases, held against a model in Python: all
filters and orders over random events, and cursors over a log that grows."""

import concurrent.futures
import contextlib
import datetime
import json
import os
import random
import re
import sqlite3
import time
import urllib.parse

import pytest

from events import Patient, result

CONF = """
http {
    ess_event_log audit %%PLACE%% id=event_id time=timestamp type=type;
    client_max_body_size 8m;
    server {
        listen %%PORT0%% reuseport;
        location /v1/events { ess_events audit; }
    }
}
"""

SEED = int(os.environ.get("ESS_SEED") or time.time())


@pytest.fixture
def r():
    print("ESS_SEED=%d" % SEED)
    return random.Random(SEED)


class Sqlite:
    def __init__(self, nginx, request):
        self.nodes = [nginx(CONF, workers=3, place="%%DIR%%/audit.db")]

    def numbers(self):
        """Of events, by their ids."""

        with contextlib.closing(sqlite3.connect(
                self.nodes[0].path("audit.db"))) as db:
            return dict(db.execute("SELECT id, seq FROM event"))


class PostgreSQL:
    """Two nginx."""

    def __init__(self, nginx, request):
        self.database = request.getfixturevalue("database")
        self.nodes = [nginx(CONF, workers=2, place=self.database.url)
                      for _ in range(2)]

    def numbers(self):
        return dict((i, int(seq)) for i, seq in (
            line.split("|") for line in self.database.sql(
                "SELECT id, seq FROM ess_event_audit").split("\n")))


@pytest.fixture(params=[Sqlite, PostgreSQL], ids=["sqlite", "postgresql"])
def log(request, nginx):
    return request.param(nginx, request)


# times

EPOCH = datetime.datetime(1970, 1, 1)
CYCLE = datetime.timedelta(days=146097)     # of 400 years
MS = datetime.timedelta(milliseconds=1)
FIRST, END = -62167219200000, 253402300800000


def ms_of(text):
    """None: it is no time.  Digits behind ms are cut."""

    m = re.fullmatch(r"(\d{4})(-\d\d-\d\dT\d\d:\d\d:)(\d\d)(?:\.(\d+))?"
                     r"(?:Z|([+-])(\d\d):(\d\d))", text.upper(), re.ASCII)
    if not m:
        return None
    year, middle, second, digits, sign, hours, minutes = m.groups()
    cycles = 1 if int(year) < 5000 else -1
    try:
        at = datetime.datetime.strptime("%04d%s%02d" % (
            int(year) + 400 * cycles, middle, min(int(second), 59)),
            "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    whole = (at - EPOCH - cycles * CYCLE) // MS + int(
        ((digits or "") + "000")[:3])
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            return None
        offset = (int(hours) * 60 + int(minutes)) * 60000
        whole += -offset if sign == "+" else offset
    if int(second) > 60:
        return None
    if int(second) == 60:
        whole += 1000
        if whole // 1000 % 86400:
            return None
    return whole if FIRST <= whole < END else None


def text_of(ms, r):
    """One of the texts of a time."""

    offset = r.choice([0, 0, 60, -60, 330, -719, 1439, -1439])
    while not FIRST <= ms + offset * 60000 < END:
        offset = 0
    local = ms + offset * 60000
    cycles = 1 if local < 0 else 0
    at = EPOCH + (local // 1000 * 1000) * MS + cycles * CYCLE
    text = "%04d%s" % (at.year - 400 * cycles,
                       at.strftime("-%m-%dT%H:%M:%S"))
    digits = "%03d" % (local % 1000)
    digits += r.choice(["", "", "0", "4999", "999999999"])
    if digits.strip("0") == "" and r.random() < .5:
        digits = ""
    zone = ("%s%02d:%02d" % ("+-"[offset < 0], *divmod(abs(offset), 60))
            if offset else r.choice(["Z", "z", "+00:00", "-00:00"]))
    text += ("." + digits if digits else "") + zone
    assert ms_of(text) == ms, (ms, text)
    return text


EDGES = [
    "0000-01-01T00:00:00Z", "0000-01-01T00:00:00.0009Z",
    "0000-01-01T00:00:00-00:01", "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00.001Z", "0001-01-01T00:00:00+01:00",
    "0000-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.9999Z",
    "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z",
    "1970-01-01t00:00:00.000000001z", "1900-02-28T23:59:59.999Z",
    "2000-02-29T00:00:00Z", "2016-12-31T23:59:60Z",
    "2017-01-01T00:59:60.5+01:00", "2017-01-01T00:00:00Z",
    "2024-02-29T23:59:59.999-23:59", "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59Z",
    "9999-12-31T22:59:59.999-01:00",
]

NO_TIMES = [
    "0000-01-01T00:00:00+00:01", "0000-01-01T23:58:59.999+23:59",
    "9999-12-31T23:59:59.999-00:01", "9999-12-31T23:59:60Z",
    "10000-01-01T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
    "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z",
    "2024-01-01T00:00:60Z", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00",
    "2024-01-01T00:00Z", "2024-01-01", "", "2024-01-01T00:00:00+24:00",
    "2024-01-01T00:00:00+01:60", "2024-1-01T00:00:00Z",
    "+024-01-01T00:00:00Z", "2024-01-01T00:00:00,5Z",
    "2024-01-01T00:00:00Z ", "\u0662024-01-01T00:00:00Z",
]

TYPES = ["user", "system", "", "USER", "user ", " user", "\u00e9 &+%=#",
         "e\u0301 &+%=#", "'\"\\", "\u0001\n\t", "\U0001f600" * 64, "x" * 256,
         "%", "_", "null", "0"]

LETTERS = ["a", "A", "z", "0", "/", "//", "%", "%2F", "?", "#", "&", "+", " ",
           ".", "-", "_", "~", "\"", "'", "\\", "<", ">", "\x01", "\x1f",
           "\x7f", "\n", "\u0080", "\u00e9", "e\u0301", "\u2028", "\ufeff",
           "\ufffd", "\uffff", "\U0001f600", "\U0010ffff", "$", ";", ","]


def ids_of(n, r):
    """Different texts of up to 512 bytes of all kinds, of which a path can have
    any: it has none that are dots between slashes."""

    found = {"x" * 512: 0, "\U0010ffff" * 128: 0, "0": 0, "-1": 0, "\u0001": 0}
    while len(found) < n:
        text = "".join(r.choice(LETTERS)
                       for _ in range(int(r.expovariate(.15)) + 1))
        if (len(text.encode()) <= 512 and not any(
                s in (".", "..") for s in text.split("/"))):
            found[text] = 0
    return list(found)[:n]


# the model

class Model:
    """Events in the order of their arrival: (ms, type, event)."""

    def __init__(self):
        self.events = []

    def found(self, query):
        found = [e for e in self.events
                 if query.get("type") in (None, e[1])]
        if "since" in query:
            found = [e for e in found if e[0] >= ms_of(query["since"])]
        if "until" in query:
            found = [e for e in found if e[0] < ms_of(query["until"])]
        if "since" in query or "until" in query:
            found.sort(key=lambda e: e[0])
        if query.get("order") == "desc":
            found.reverse()
        return [e[2] for e in found]


def fill(log, model, n, r):
    window = 1704116710000
    ids = ids_of(n, r)
    while ids:
        batch, times = [], []
        for i in ids[:r.choice([1, 10, 50])]:
            time = (r.choice(EDGES) if r.random() < .3
                    else text_of(window + r.randrange(30), r))
            # often the usual ones
            kind = r.choice(TYPES[:3] if r.random() < .5 else TYPES)
            batch.append({"event_id": i, "timestamp": time, "type": kind,
                          "n": len(model.events) + len(batch)})
            times.append(ms_of(time))
            assert times[-1] is not None, time
        ids = ids[len(batch):]
        node = r.choice(log.nodes)
        answer = Patient(node.port()).post(batch)
        assert answer.status == 200 and answer.json() == [
            result(e["event_id"]) for e in batch], answer
        model.events += [(t, e["type"], e) for t, e in zip(times, batch)]


def bound(model, r):
    if r.random() < .3:
        return r.choice(EDGES)
    if r.random() < .2:
        return text_of(r.randrange(FIRST, END), r)
    return text_of(1704116710000 + r.randrange(-2, 33), r)


def random_query(model, r):
    query = {}
    if r.random() < .5:
        query["type"] = r.choice(TYPES + ["none"])
    if r.random() < .5:
        query["since"] = bound(model, r)
    if r.random() < .5:
        query["until"] = bound(model, r)
    if r.random() < .6:
        query["order"] = r.choice(["asc", "desc", "desc"])
    return query


def words(query, r):
    """A query string, in any order, with what is ignored."""

    pairs = list(query.items()) + [("unknown", "x")] * (r.random() < .2)
    r.shuffle(pairs)
    return "?" + urllib.parse.urlencode(pairs)


def next_of(answer):
    """Where the next page is, which header and body say alike; or None."""

    page, link = answer.json(), answer.headers["Link"]
    if link:
        link = re.fullmatch(r'</v1/events(\?[!-;=?-~]*)>; rel="next"', link)[1]
    if isinstance(page, list):
        return link
    after = link and urllib.parse.parse_qs(link[1:])["after"][0]
    assert page["next"] == after
    return link


def check_pages(clients, query, wanted, r):
    """From the first page to the last one, by links, and each from another
    client; or by cursors, with another size each."""

    size = r.choice([1, 2, 7, 100, 1000])
    if len(wanted) > 40:
        size = max(size, 7)
    by_links, total = r.random() < .5, r.choice([None, "0", "1", "true"])
    first = dict(query, size=size)
    if total:
        first["total"] = total
    if r.random() < .3:
        first["from"] = 0
    path, seen = words(first, r), []
    while path:
        answer = r.choice(clients).get(path)
        assert answer.status == 200, (path, answer)
        page = answer.json()
        events = page if isinstance(page, list) else page["events"]
        assert len(events) == min(size, len(wanted) - len(seen)), path
        assert events == wanted[len(seen):len(seen) + size], path
        seen += events
        if isinstance(page, dict):
            assert page["size"] == size
            # "from" counts all, and is not of the next page
            assert ("total" in page) == (total in ("1", "true")
                                         or "from" in page and "from" in first)
            assert page.get("total", len(wanted)) == len(wanted), path
        else:
            assert "from" not in first and total not in ("1", "true")
        path = next_of(answer)
        assert (path is None) == (len(seen) == len(wanted))
        if path and not by_links:
            size = r.choice([1, 7, 100, 1000])
            path = words(dict(query, size=size, after=urllib.parse.parse_qs(
                path[1:])["after"][0], **({"total": total} if total else {})),
                r)
    assert seen == wanted


def check_from(clients, query, wanted, r):
    for skip in (r.randrange(len(wanted) + 2), len(wanted), 10 ** 9):
        size = r.choice([1, 10, 1000])
        path = words(dict(query, size=size, **{"from": skip}), r)
        page = r.choice(clients).page(path)
        assert (page["from"], page["size"], page["total"]) == (
            skip, size, len(wanted)), path
        assert page["events"] == wanted[skip:skip + size], path
        assert (page["next"] is None) == (skip + size >= len(wanted)), path
        if page["next"]:
            page = r.choice(clients).page(words(
                dict(query, size=1000, after=page["next"]), r))
            assert page["events"] == wanted[skip + size:][:1000], path


def test_any_query(log, r):
    model = Model()
    fill(log, model, 400, r)
    clients = [Patient(n.port()) for n in log.nodes * 2]
    for _ in range(50):
        query = random_query(model, r)
        wanted = model.found(query)
        check_pages(clients, query, wanted, r)
        check_from(clients, query, wanted, r)
    # each by its id
    for _, _, e in model.events:
        path = "/" + urllib.parse.quote(e["event_id"], safe="")
        answer = r.choice(clients).get(path)
        assert (answer.status, answer.status == 200 and answer.json()) == (
            200, e), path


def test_times_that_are_none(log):
    client = Patient(log.nodes[0].port())
    for n, text in enumerate(NO_TIMES):
        assert ms_of(text) is None, text
        event = {"event_id": str(n), "type": "", "timestamp": text}
        assert client.post([event]).json() == [
            result(str(n), "invalid_timestamp")], text
        for name in ("since", "until"):
            answer = client.get("?" + urllib.parse.urlencode({name: text}))
            assert answer.status == 400, text
            assert answer.json() == {"detail": [
                "Input should be a valid datetime, such as "
                "2024-01-01T13:45:10Z found in ('query', '%s')" % name]}
    assert client.page("") == []


def test_the_empty_type(log):
    """Is one as any other."""

    client = Patient(log.nodes[0].port())
    events = [{"event_id": str(n), "type": "a" * (n % 3 > 0),
               "timestamp": "2024-01-01T00:00:00Z"} for n in range(30)]
    assert client.post(events).status == 200
    empty = [e for e in events if not e["type"]]
    for query in ("?type=", "?type", "?type=a&type=", "?type=&order=asc",
                  "?type=&since=2024-01-01T00:00:00Z"):
        assert client.page(query + "&size=100") == empty
        page = client.page(query + "&from=8&size=1")
        assert (page["total"], page["events"]) == (10, empty[8:9])
        page = client.page(query + "&size=4&after=" + page["next"])
        assert (page["events"], page["next"]) == (empty[9:], None)
    assert client.page("?size=100") == events
    # the link has it as well
    answer = client.get("?type=&size=4")
    assert [e["event_id"] for e in client.page(next_of(answer))["events"]] == [
        e["event_id"] for e in empty[4:8]]


# a log that grows

ENDS = 10


class Growing:
    """Inserts of several clients, beside whoever reads: until pages were read
    at several ends of the log, and of each at least "n"."""

    def __init__(self, log, r, n):
        self.log, self.n = log, n
        self.seeds = [r.random() for _ in range(4)]
        self.acked = []                     # (id, ms, type), as they are
        self.ends = set()                   # where a page was asked for

    def insert(self, number):
        r = random.Random(self.seeds[number])
        client = Patient(self.log.nodes[number % len(self.log.nodes)].port())
        k = 0
        while k < self.n or (len(self.ends) < ENDS and k < 10 * self.n):
            batch, known = [], []
            for _ in range(r.choice([1, 2, 10])):
                ms = 1704116710000 + r.randrange(60)
                batch.append({"event_id": "%d-%d" % (number, k),
                              "timestamp": text_of(ms, r),
                              "type": r.choice(["", "a", "b"])})
                known.append((batch[-1]["event_id"], ms, batch[-1]["type"]))
                k += 1
            answer = client.post(batch)
            assert answer.status == 200, answer
            self.acked += known
        client.close()

    def read(self, query, size):
        """Pages: how many were acknowledged before it, ids, if it is the
        last one."""

        client = Patient(self.log.nodes[size % len(self.log.nodes)].port())
        pages, path = [], "?size=%d&%s" % (size, urllib.parse.urlencode(query))
        while path:
            before = len(self.acked)
            answer = client.get(path)
            assert answer.status == 200, answer
            page = answer.json()
            events = page if isinstance(page, list) else page["events"]
            path = next_of(answer)
            pages.append((before, [e["event_id"] for e in events]))
            self.ends.add(before)
            assert path is None or len(events) == size
        client.close()
        return query, pages


def check_growing(query, pages, acked, numbers):
    """Nothing comes twice or out of order, and each page has all that were
    there before it was asked for, between the page before and its own end."""

    known = {i: (ms, numbers[i]) for i, ms, _ in acked}
    by_time = "since" in query or "until" in query
    since = ms_of(query["since"]) if "since" in query else FIRST
    until = ms_of(query["until"]) if "until" in query else END
    sign = -1 if query["order"] == "desc" else 1

    def key(i):
        ms, seq = known[i]
        return (sign * ms, sign * seq) if by_time else sign * seq

    wanted = [[(key(i), i) for i, ms, kind in acked[:before]
               if since <= ms < until and query.get("type") in (None, kind)]
              for before, _ in pages]
    last = None
    for n, (before, ids) in enumerate(pages):
        keys = [key(i) for i in ids]
        assert keys == sorted(set(keys))
        assert last is None or not keys or keys[0] > last
        there = {i for k, i in wanted[n]
                 if (last is None or k > last)
                 and (n == len(pages) - 1 or k <= keys[-1])}
        assert there <= set(ids), (query, n)
        last = keys[-1] if keys else last


def test_cursors_while_the_log_grows(log, r):
    growing = Growing(log, r, 400)
    queries = [dict(order=order, **more)
               for order in ("asc", "desc") for more in (
                   {}, {"type": "a"}, {"since": "2024-01-01T13:45:10.010Z"},
                   {"since": "2024-01-01T13:45:10.010Z", "type": "",
                    "until": "2024-01-01T13:45:10.050Z"},
                   {"until": "2024-01-01T13:45:10.050Z"})]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        writing = [pool.submit(growing.insert, i) for i in range(4)]
        reading, read = [], []
        while not all(w.done() for w in writing):
            reading = [pool.submit(growing.read, q, r.choice([3, 10, 50]))
                       for q in r.sample(queries, 4)]
            read += [f.result() for f in reading]
        for w in writing:
            w.result()
    assert len(growing.ends - {0, len(growing.acked)}) >= ENDS - 2
    read += [growing.read(q, 100) for q in queries]
    numbers = log.numbers()
    assert len(numbers) == len(growing.acked) == len({
        i for i, _, _ in growing.acked})
    for query, pages in read:
        check_growing(query, pages, growing.acked, numbers)
    # what is read at the end is all of it
    for query, pages in read[-len(queries):]:
        kind = query.get("type")
        if "since" not in query and "until" not in query:
            assert sum(len(ids) for _, ids in pages) == sum(
                kind in (None, k) for _, _, k in growing.acked)
