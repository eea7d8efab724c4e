"""nginx -t about event logs: what it takes, and what it says of all else."""

import os
import re

import pytest

from nginx import TOP

CONF = """
http {
    ess_event_log other %%DIR%%/other.db;
    ess_event_log %%LOG%%;
    server {
        listen %%PORT0%%;
        location = /healthz { ess_health; }
    }
}
"""

SCHEMA = os.path.join(TOP, "conf", "event.schema.json")


@pytest.mark.parametrize("log", [
    "a %%DIR%%/a.db",
    "%s %%%%DIR%%%%/a.db" % ("n" * 64),
    "a-_9 a.db id=id time=time type=type",
    "a a.db id=/a~1b/c time=/t/0 type=a/b",
    "a a.db keep=1s keep_size=1m max_event=1k sync=normal",
    "a a.db keep=90d keep_size=10g max_event=16m sync=full",
    "a a.db schema=%s" % SCHEMA,
])
def test_what_is_taken(nginx, log):
    n = nginx(CONF, start=False, log=log.replace("%%DIR%%", "."))
    rc, text = n.test()
    assert rc == 0, text


@pytest.mark.parametrize("log, words", [
    ("a", "invalid number of arguments"),
    ("%s a.db" % ("n" * 65), "must be 1 to 64 letters"),
    ("a.b a.db", 'the invalid name "a.b"'),
    ("'' a.db", 'the invalid name ""'),
    ("other a.db", '"other" is there already'),
    ("a other.db", 'is that of "other", give each log a file'),
    ("a ''", 'takes the path of a file, or "postgresql://host/database"'),
    ("a folder/", 'takes the path of a file'),
    ("a mysql://u:the-secret@h/d", 'not "mysql://..."'),
    ("a a.db listen=postgresql://h/d", '"listen=" is of databases on a server'),
    ("a a.db password_file=/dev/null",
     '"password_file=" is of databases on a server'),
    ("a a.db color=the-secret", 'the invalid parameter "color"'),
    ("a a.db the-secret:x", "has the invalid parameter"),
    ("a a.db id=", '"id="'),
    ("a a.db id=/", "a member that has a name"),
    ("a a.db id=/~2", '"id=/~2"'),
    ("a a.db id=a id=b", 'has "id=" twice'),
    ("a a.db keep=0", '"keep=0"'),
    ("a a.db keep=soon", '"keep=soon"'),
    ("a a.db keep_size=1", '"keep_size=1"'),
    ("a a.db keep_size=-1", '"keep_size=-1"'),
    ("a a.db max_event=0", '"max_event=0"'),
    ("a a.db max_event=17m", '"max_event=17m"'),
    ("a a.db sync=never", '"sync=never"'),
    ("a a.db schema=none.json", "none.json"),
    ("a a.db schema=", '"schema="'),
])
def test_what_is_refused(nginx, log, words):
    n = nginx(CONF.replace("%%DIR%%/", ""), start=False, log=log)
    n.expect(r"\[emerg\]")
    rc, text = n.test()
    assert rc != 0 and words in text, text
    # where it is, but for a password
    assert re.search(r"nginx\.conf:\d+", text)
    assert "the-secret@" not in text and "=the-secret" not in text


def test_nothing_is_made_by_a_test(nginx, tmp_path):
    n = nginx(CONF, start=False, log="a %s/made/a.db" % tmp_path)
    rc, text = n.test()
    assert rc == 0, text
    assert not os.path.exists(str(tmp_path / "made" / "a.db"))
