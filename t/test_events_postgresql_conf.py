"""Event logs in PostgreSQL: what the configuration says, and what it may not
say."""

import os
import urllib.request

import pytest

from events_postgresql import CONF, call, event, ids, post
from nginx import MODULE, SANITIZE, postgresql_module


def test_both_spellings(nginx, database):
    """Of a URL, as libpq takes it, everywhere."""

    address = database.url.split("://")[1]
    for i, (place, listen) in enumerate([("postgres", "postgresql"),
                                         ("postgresql", "postgres")]):
        n = nginx(CONF, workers=1, pg="%s://%s" % (place, address),
                  more=" listen=%s://%s" % (listen, address))
        assert post(n, event(str(i))) == [True]
        assert ids(n) == [str(k) for k in range(i + 1)]


@pytest.mark.parametrize("name, url, more, message", [
    ("audit", "postgresql://h/d?colour=red", "", '\\x22colour\\x22'),
    ("audit", "postgresql://u:p%%zz-secret@h/d", "", "is not valid"),
    ("audit", "postgresql://u:secret@h/d", " password_file=/dev/null",
     "may have one of them"),
    ("audit", "postgresql://u@h/d", " password_file=/nowhere/secret",
     "cannot be opened"),
    ("audit", "postgresql://u@h/d", " password_file=empty",
     "must have a password of 1 to 1024 bytes"),
    ("a" * 49, "postgresql://u@h/d", "", "must be 1 to 48 letters"),
    ("postgresql://u:the-secret@h/d", "audit", "", "has the invalid name"),
    ("audit", "/tmp/x.db", " postgresql://u:the-secret@h/d",
     "has the invalid parameter"),
    ("audit", "postgresql://u@h/d",
     " listen=postgresql://h/d listen=postgresql://u:the-secret@h/d",
     'has "listen=" twice'),
    ("audit", "postgresql://u@h/d", " listen=postgresql://u:the-secret@h/"
     + "d" * 3000, "invalid value"),
    ("audit", "postgresql://u@h/d",
     " listen=postgresql://h/d?password=the-secret&colour=red",
     '"listen=" of the event log'),
    ("audit", "postgresql://u@h/d", " listen=h:the-secret",
     '"listen=" of the event log'),
    ("audit", "postgresql://u@h/d",
     " listen=postgresql://u:the-secret@h/d password_file=/dev/null",
     "may have one of them"),
])
def test_what_nginx_refuses(nginx, tmp_path, name, url, more, message):
    (tmp_path / "empty").write_text("\n")
    n = nginx(CONF.replace("audit", name), start=False, pg=url,
              more=more.replace("empty", str(tmp_path / "empty")))
    n.expect(r"\[emerg\]")
    code, text = n.test()
    assert code != 0
    assert message in text
    assert "-secret" not in text


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_without_the_module(nginx, database, scheme):
    n = nginx("load_module %s;\nevents { }\n" % MODULE + CONF, start=False,
              more="", pg="%s://%s" % (scheme, database.url.split("://")[1]))
    n.expect(r"\[emerg\]")
    code, text = n.test()
    assert code != 0
    assert "ngx_ess_postgresql_module" in text
    assert database.password + "@" not in text


def test_a_password_in_a_file(nginx, database, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("pass\n")
    secret.chmod(0o600)
    url = database.url.replace(":pass@", "@")
    n = nginx(CONF, pg=url, more=" password_file=%s" % secret)
    assert post(n, event("a")) == [True]

    secret.write_text("wrong-secret")
    n.reload(old_gone=True)
    n.expect("ess|event log")
    status, body = call(n, body=[event("b")])
    assert status == 503
    assert "wrong-secret" not in n.log() + str(body)


def test_a_reload_that_drops_the_module(nginx, database):
    """The code is gone from the new workers' memory, and who answers stays."""

    plain = """
http {
    server { listen %%PORT0%%; location / { return 204; } }
}
"""
    n = nginx(CONF, workers=2, pg=database.url, more="")
    assert post(n, event("a")) == [True]
    before = n.conf
    for _ in range(3):
        n.write_conf(plain)
        n.reload(old_gone=True)
        assert call_status(n) == 204
        with open("/proc/%d/maps" % n.workers()[0]) as maps:
            # a sanitizer keeps what was loaded once
            assert SANITIZE or os.path.basename(
                postgresql_module(MODULE)) not in maps.read()
        n.write_conf(CONF)
        assert n.conf == before
        n.reload(old_gone=True)
        assert ids(n) == ["a"]


def call_status(n):
    with urllib.request.urlopen("http://127.0.0.1:%d/" % n.port(0)) as r:
        return r.status
