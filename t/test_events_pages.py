"""Pages of an event log: by cursor while it grows, by number, what is refused,
and addresses of events of any bytes."""

import concurrent.futures
import re
import urllib.parse

import pytest

from events import Events, event

CONF = """
http {
    ess_event_log audit %%DIR%%/audit.db id=event_id time=timestamp type=type;
    client_max_body_size 8m;
    server {
        listen %%PORT0%% reuseport;
        location /v1/events { ess_events audit; }
        location /slash/ { ess_events audit; }
    }
}
"""

NEXT = re.compile(r'<(/v1/events\?[!-;=?-~]*)>; rel="next"')


@pytest.fixture
def server(nginx):
    return nginx(CONF, workers=2)


@pytest.fixture
def events(server):
    return Events(server.port())


def fill(events, all_of_them):
    for i in range(0, len(all_of_them), 1000):
        answer = events.post(all_of_them[i:i + 1000])
        assert all(r["success"] for r in answer.json()), answer


def by_links(events, query):
    """Ids of all pages, by the header Link."""

    ids, path = [], query
    while True:
        answer = events.get(path)
        assert answer.status == 200, answer
        page = answer.json()
        page = page if isinstance(page, list) else page["events"]
        ids.append([e["event_id"] for e in page])
        link = answer.headers["Link"]
        if link is None:
            return ids
        path = NEXT.fullmatch(link)[1][len(events.uri):]


def by_cursors(events, query):
    ids, after = [], ""
    while True:
        page = events.page("?%s%s" % (query, after))
        if isinstance(page, list):
            page = events.page("?%s&from=0" % query)
        ids.append([e["event_id"] for e in page["events"]])
        if page["next"] is None:
            return ids
        assert re.fullmatch("[A-Za-z0-9_-]+", page["next"])
        after = "&after=" + page["next"]


def test_forms(events):
    fill(events, [event(n) for n in range(25)])
    assert [e["event"]["n"] for e in events.page("?size=3")] == [0, 1, 2]
    page = events.page("?size=10&from=20")
    assert list(page) == ["size", "from", "total", "next", "events"]
    assert (page["size"], page["from"], page["total"], page["next"]) == (
        10, 20, 25, None)
    assert [e["event"]["n"] for e in page["events"]] == list(range(20, 25))
    page = events.page("?size=10&from=5")
    assert page["next"] and page["total"] == 25
    after = events.page("?size=4&after=" + page["next"])
    assert list(after) == ["size", "next", "events"]
    assert [e["event"]["n"] for e in after["events"]] == [15, 16, 17, 18]
    assert events.page("?after=%s&total=1" % page["next"])["total"] == 25
    assert events.page("?total=true")["total"] == 25
    for beyond in (25, 26, 10 ** 6, 2 ** 62, 10 ** 30):
        page = events.page("?from=%d" % beyond)
        assert (page["events"], page["total"], page["next"]) == ([], 25, None)
    assert [len(p) for p in by_links(events, "?size=10")] == [10, 10, 5]
    assert [len(p) for p in by_links(events, "?size=5")] == [5] * 5
    assert events.get("?size=25").headers["Link"] is None
    assert by_links(events, "?size=7&order=desc")[0][0] == "e_24"


def test_an_empty_log(events):
    assert events.page("") == []
    page = events.page("?from=0")
    assert page == {"size": 10, "from": 0, "total": 0, "next": None,
                    "events": []}


def test_while_the_log_grows(server):
    """No event twice, none missed that was there when the pages began; those
    that come later follow in order."""

    writer = Events(server.port())
    fill(writer, [event(n) for n in range(500)])

    def write():
        for n in range(500, 1500, 10):
            fill(writer, [event(m) for m in range(n, n + 10)])

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        writing = pool.submit(write)
        readers = [pool.submit(by_links, Events(server.port()), "?size=%d" % s)
                   for s in (7, 100)]
        found = [sum(r.result(), []) for r in readers]
        writing.result()
    for ids in found:
        assert len(ids) >= 500
        assert ids == ["e_%d" % n for n in range(len(ids))]
    assert sum(by_cursors(Events(server.port()), "size=999"), []) == [
        "e_%d" % n for n in range(1500)]


@pytest.mark.parametrize("query, name, words", [
    ("from=-1", "from", "Input should be greater than or equal to 0"),
    ("from=x", "from", "Input should be a valid integer, unable to parse "
                       "string as an integer"),
    ("after=x", "after", "Input should be a cursor, as 'next' of a page has "
                         "it"),
    ("after=", "after", "Input should be a cursor, as 'next' of a page has "
                        "it"),
    ("since=now", "since", "Input should be a valid datetime, such as "
                           "2024-01-01T13:45:10Z"),
    ("until=2024-01-01", "until", "Input should be a valid datetime, such as "
                                  "2024-01-01T13:45:10Z"),
    ("order=up", "order", "Input should be 'asc' or 'desc'"),
    ("total=2", "total", "Input should be a valid boolean, unable to "
                         "interpret input"),
    ("type=%ff", "type", "Input should be a valid string, of UTF-8 without "
                         "NUL"),
    pytest.param("type=" + 257 * "x", "type",
                 "Input should be a percent-encoded value of at most 256 "
                 "bytes", id="long"),
    ("type=%4", "type", "Input should be a percent-encoded value of at most "
                        "256 bytes"),
])
def test_wrong_queries(events, query, name, words):
    answer = events.get("?" + query)
    assert answer.status == 400
    assert answer.json() == {"detail": [
        "%s found in ('query', '%s')" % (words, name)]}


def test_several_are_wrong(events):
    answer = events.get("?order=x&size=0")
    assert answer.json() == {"detail": [
        "Input should be greater than 0 found in ('query', 'size')",
        "Input should be 'asc' or 'desc' found in ('query', 'order')"]}
    cursor = "AQAAAAAAAAABAAAAAAAAAAA"
    assert events.page("?after=" + cursor)["events"] == []
    answer = events.get("?from=1&after=" + cursor)
    assert answer.json() == {"detail": [
        "Input should not come together with 'from' found in ('query', "
        "'after')"]}


def test_zones_of_times(events):
    fill(events, [event(1)])
    for since, n in (("2024-01-01T13:45:10Z", 1),
                     ("2024-01-01T14:45:10%2B01:00", 1),
                     ("2024-01-01T14:45:10+01:00", 1),
                     ("2024-01-01T13:45:10.001Z", 0)):
        assert len(events.page("?since=" + since)) == n, since


def test_ids_of_any_bytes(server, events):
    ids = ["a/b", "a//b", "a/../b", "..", "/", "///", "a%2Fb", "a?b#c",
           "\u00e9\U0001f600", "a b+c", "<\">'\\", "\x01\n", "x" * 512]
    fill(events, [dict(event(n), event_id=i) for n, i in enumerate(ids)])
    for i in ids:
        path = "/" + urllib.parse.quote(i, safe="")
        if i == "..":
            continue                        # a path has none
        answer = events.get(path)
        assert answer.status == 200, (i, answer)
        assert answer.json()["event_id"] == i
    for path, detail in (("/%ff", "?"), ("/a%2Fc", "a/c"),
                         ("/%C3%A9", "\u00e9"), ("/" + "x" * 513, "x" * 513),
                         ("/%22%0A", '"\n')):
        answer = events.get(path)
        assert answer.status == 404
        assert answer.json() == {
            "detail": "Unable to find event log with " + detail}
    slash = Events(server.port(), "/slash/")
    assert len(slash.page("")) == 10
    assert slash.get("a%2Fb").json()["event_id"] == "a/b"
    assert len(events.page("/")) == len(events.page("//")) == 10


def test_large_pages(events):
    """They end early, and none is left out."""

    large = [event(n, text="x" * 60000) for n in range(300)]
    for i in range(0, 300, 100):
        fill(events, large[i:i + 100])
    pages = by_links(events, "?size=1000")
    assert 3 <= len(pages) <= 5
    assert sum(pages, []) == ["e_%d" % n for n in range(300)]
