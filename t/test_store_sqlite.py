"""The store: streams outlive nginx, and what is wrong with its file is said
before anything happens."""

import concurrent.futures
import glob
import http.client
import os
import pwd
import re
import shutil
import sqlite3
import stat
import tempfile
import threading

import pytest

from api import Api
from clients import Clients
from disk import fill
from nginx import SANITIZE, TOP
from ports import free_port
from wait import wait_for

CONF = """
http {
    ess_zone        streams 8m;
    ess_store       %%STORE%%;
    ess_amqp        %%AMQP%%;
    ess_public_url  ws://localhost:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }
    server {
        listen 127.0.0.1:%%PORT1%% reuseport;
        add_header X-Worker $pid always;
        location /event-stream/ { ess_api; }
    }
}
"""

# a relative path is one below nginx's prefix
FILE = "ess/streams.db"

# stores of releases, one for each schema
STORES = os.path.join(TOP, "t", "store")

root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")


@pytest.fixture
def service(nginx, vhost):
    """Starts an nginx whose workers are connected to the broker."""

    def make(conf=CONF, store=FILE, **kwargs):
        n = nginx(conf, store=store, amqp=vhost.url, start=False, **kwargs)
        return start(n), Api(n.port(1))

    return make


def start(n):
    offset = n.log_size()
    n.start()
    return connected(n, offset)


def connected(n, offset):
    wait_for(lambda: n.log(offset).count(" established, address")
             >= n.workers_wanted)
    return n


def restart(n):
    assert n.stop() == 0
    return start(n)


# streams outlive nginx

def test_streams_survive_a_restart(service, vhost):
    n, api = service()
    keys = ["abc", "abc", "k" * 255, "ключ", "tab\t"]
    streams = [api.create(k) for k in keys]
    api.delete(streams[0])
    before = api.list()
    assert len(before) == 4

    restart(n)
    assert api.list() == before
    for s, k in zip(streams[1:], keys[1:]):
        assert api.get(s.uuid)["id"] == s.id
        with Clients(s.location) as clients:
            vhost.publish(k, "event")
            clients.wait(1)

    api.delete(streams[1])
    restart(n)
    assert api.list() == before[1:]


def test_ids_are_never_given_again(service):
    n, api = service()
    for i in 1, 2, 3:
        assert api.create("abc").id == i
    api.delete(3)
    restart(n)
    assert api.create("abc").id == 4
    for s in api.list():
        api.delete(s["id"])
    restart(n)
    restart(n)
    assert api.create("abc").id == 5
    n.kill()
    start(n)
    assert [s["id"] for s in api.list()] == [5]
    assert api.create("abc").id == 6


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_ordinals_never_go_back(service, vhost, how):
    n, api = service()
    s = api.create("abc")
    last = 0
    for _ in range(3):
        with Clients(s.location) as clients:
            vhost.publish("abc", ["a", "b", "c"])
            clients.wait(3)
            assert clients[0].messages == ["a", "b", "c"]
        got = api.get(s)
        assert got["last_ordinal"] == got["first_ordinal"] + 2
        assert got["first_ordinal"] > last
        last = got["last_ordinal"]
        n.kill() if how == "kill" else n.stop()
        start(n)
        assert api.get(s)["events"] == 0


def test_ordinals_when_all_is_killed_right_after_the_start(service, vhost):
    """The store vouches for each ordinal before it is given."""

    n, api = service()
    streams = [api.create("key-%d" % i) for i in range(20)]
    last = {s.id: 0 for s in streams}
    for _ in range(4):
        for i in range(20):
            vhost.publish("key-%d" % i, ["a", "b"])

        def came():
            infos = [api.get(s) for s in streams]
            return infos if all(i["events"] for i in infos) else None

        infos = wait_for(came)
        n.kill()
        with sqlite3.connect(n.path(FILE)) as db:
            marks = dict(db.execute(
                "SELECT id, reserved_ordinal + raised FROM streams, meta"))
        db.close()
        for i in infos:
            assert last[i["id"]] < i["first_ordinal"]
            assert i["last_ordinal"] <= marks[i["id"]]
            last[i["id"]] = i["last_ordinal"] + 2
        start(n)


def test_reload_changes_nothing(service, vhost):
    n, api = service()
    s = api.create("abc")
    vhost.publish("abc", "event")
    wait_for(lambda: api.get(s)["last_ordinal"] == 1)
    offset = n.log_size()
    n.reload()
    connected(n, offset)
    assert api.get(s)["last_ordinal"] == 1
    assert api.create("abc").id == 2


def test_without_a_store_streams_live_as_long_as_the_zone(service):
    n, api = service(store="off")
    for _ in range(2):
        api.create("abc")
    before = api.list()
    offset = n.log_size()
    n.reload()
    connected(n, offset)
    n.kill_worker()
    assert api.list() == before
    restart(n)
    assert api.list() == []
    assert not glob.glob(n.path("**/*.db"), recursive=True)


@pytest.mark.parametrize("before", [FILE, "off"])
def test_reload_with_another_store(service, before):
    """The streams are saved in it as well."""

    n, api = service(store=before)
    old = api.create("old")
    n.names["store"] = n.path("other/streams.db")
    n.write_conf(CONF)
    offset = n.log_size()
    n.reload(old_gone=True)
    connected(n, offset)
    assert api.get(old)["routing_key"] == "old"
    new = api.create("new")
    assert new.id == 2

    offset = n.log_size()
    n.reload(old_gone=True)
    connected(n, offset)
    assert [s["id"] for s in api.list()] == [1, 2]

    restart(n)
    assert [s["location"] for s in api.list()] == [old.location, new.location]
    assert api.create("new").id == 3


def test_reload_with_another_store_that_is_busy_at_first(service):
    n, api = service(store="other/streams.db")
    n.stop()
    n.names["store"] = FILE
    n.write_conf(CONF)
    start(n)
    streams = [api.create("key-%d" % i) for i in range(100)]

    n.names["store"] = "other/streams.db"
    n.write_conf(CONF)
    db = sqlite3.connect(n.path("other/streams.db"), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    offset = n.log_size()
    n.reload(old_gone=True)
    n.wait_log("64 of 64 changes failed: database is locked", offset=offset)
    db.execute("ROLLBACK")
    db.close()
    n.wait_log("works again", offset=offset)

    def saved():
        with sqlite3.connect(n.path("other/streams.db")) as db:
            rows = db.execute("SELECT id FROM streams").fetchall()
        db.close()
        return len(rows) == 100

    wait_for(saved)
    restart(n)
    assert [s["location"] for s in api.list()] == [
        s.location for s in streams]


# the file and its folder

def test_folder_is_made_by_the_start_but_not_by_a_test(service, nginx):
    n = nginx(CONF, store=FILE, amqp="amqp://127.0.0.1:%d/" % free_port(),
              start=False)
    code, output = n.test()
    assert code == 0, output
    assert not os.path.exists(n.path("ess"))

    n.start()
    assert stat.S_IMODE(os.stat(n.path("ess")).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(n.path("ess/streams.db")).st_mode) == 0o600
    n.stop()
    before = tree(n.folder)
    assert [p for p in before if "/ess/" in p] == [n.path("ess/streams.db")]

    code, output = n.test()
    assert code == 0, output
    assert {p: c for p, c in tree(n.folder).items() if "/ess" in p} == {
        p: c for p, c in before.items() if "/ess" in p}


def tree(folder):
    """What a test of the configuration must not change."""

    found = {}
    for path in glob.glob(folder + "/**", recursive=True):
        if os.path.isfile(path) and not path.endswith(".log"):
            with open(path, "rb") as f:
                found[path] = f.read()
        else:
            found[path] = None
    return found


@pytest.fixture
def public():
    """A folder that other users may enter."""

    folder = tempfile.mkdtemp(prefix="ess-store-")
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder)


@root
@pytest.mark.skipif(SANITIZE, reason="nobody cannot write the reports")
def test_folder_and_file_are_the_workers(service, public):
    n, api = service(conf="user nobody nogroup;\n" + CONF,
                     store=public + "/ess/streams.db")
    nobody = pwd.getpwnam("nobody").pw_uid
    s = api.create("abc")
    for path in glob.glob(public + "/ess*", recursive=True) + glob.glob(
            public + "/ess/*"):
        assert os.stat(path).st_uid == nobody, path
    restart(n)
    assert api.get(s)["location"] == s.location
    offset = n.log_size()
    n.reload()
    connected(n, offset)
    api.delete(s)


def text(path):
    with open(path, "w") as f:
        f.write("this is no database\n" * 100)


def other_database(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE streams (id INTEGER)")
    db.commit()
    db.close()


def later_version(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE streams (id INTEGER)")
    db.execute("PRAGMA application_id = %d" % 0x45535331)
    db.execute("PRAGMA user_version = 4")
    db.commit()
    db.close()


@pytest.mark.parametrize("name", sorted(os.listdir(STORES)))
def test_store_of_a_release(service, vhost, name):
    """A file as a release left it, of each schema that there was: a stream
    (the first one has sent five events) and the last id are kept."""

    db = sqlite3.connect("file:%s?immutable=1" % os.path.join(STORES, name),
                         uri=True)
    last_id, = db.execute("SELECT last_id FROM meta").fetchone()
    streams = [(i, uuid.hex(), key) for i, uuid, key in db.execute(
        "SELECT id, uuid, routing_key FROM streams ORDER BY id")]
    columns = {c[1] for c in db.execute("PRAGMA table_info (streams)")}
    named = {} if "name" not in columns else {
        name: (i, rule, {k: v for k, v in log.items() if v} or None)
        for i, name, rule, log in (
            (i, name, rule, {"size": size, "count": count,
                             "age": age // 1000})
            for i, name, rule, size, count, age in db.execute(
                "SELECT id, name, key_rule, log_size, log_count, log_age"
                " FROM streams WHERE name IS NOT NULL"))}
    db.close()
    assert len(streams) > 2

    n, api = service()
    n.stop()
    shutil.copyfile(os.path.join(STORES, name), n.path(FILE))
    for _ in range(2):
        start(n)
        assert [(s["id"], s["location"].split("/")[-1], s["routing_key"])
                for s in api.list()] == streams
        assert {s["name"]: (s["id"], s.get("key"), s.get("log"))
                for s in api.list() if "name" in s} == named
        wait_for(lambda: streams[0][2] in {k for _, k in vhost.bindings()},
                 10, "the broker has never seen this key before: bound")
        with Clients(api.list()[0]["location"]) as clients:
            vhost.publish(streams[0][2], "event")
            clients.wait(1)
        assert api.get(streams[0][0])["last_ordinal"] > 5
        n.stop()
    start(n)
    assert api.create("new").id == last_id + 1


def test_schema_1(service):
    """Made before streams had a source: raised at the start."""

    n, api = service()
    streams = [api.create("key-%d" % i) for i in range(3)]
    n.stop()
    db = sqlite3.connect(n.path(FILE))
    db.execute("DROP INDEX streams_name")
    for column in ("source", "name", "key_rule", "log_size", "log_count",
                   "log_age", "made"):
        db.execute("ALTER TABLE streams DROP COLUMN %s" % column)
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()
    start(n)
    assert [s["id"] for s in api.list()] == [s.id for s in streams]
    api.create("key-3")
    n.stop()
    start(n)
    assert len(api.list()) == 4


WRONG = [
    # make, path below a folder, what is said of it
    (None, "none/ess/s.db", r"none\" is not a folder that exists"),
    (os.mkdir, "s.db", r"is a folder; give the path of a regular file"),
    (text, "s.db", r"is not a SQLite database"),
    (lambda path: open(path, "w").write("x"), "s.db",
     r"is not a SQLite database"),
    (other_database, "s.db", r"is the SQLite database of another application"),
    (later_version, "s.db", r"was made by another version.*schema is 4"),
    (lambda path: os.symlink("/dev/null", path), "s.db",
     r"is a symbolic link"),
    (os.mkfifo, "s.db", r"is not a regular file"),
    (lambda path: text(os.path.dirname(path) + "/file"), "file/s.db",
     r"file\" is not a folder"),
    (lambda path: text(os.path.dirname(path) + "/file"), "file/ess/s.db",
     r""),
    (None, "x" * 300 + "/s.db", r""),
    (None, "x/" * 300 + "s.db", r"at most \d+ bytes"),
]


@pytest.mark.parametrize("make, name, message", WRONG,
                         ids=[w[2][:40] or w[1][:20] for w in WRONG])
def test_wrong_file_is_refused_and_left_alone(nginx, tmp_path, make, name,
                                              message):
    path = str(tmp_path / name)
    if make:
        make(str(tmp_path / os.path.basename(name)))
    n = nginx(CONF, store=path, amqp="amqp://127.0.0.1:1/", start=False)
    n.expect(r"\[emerg\]")
    before = tree(str(tmp_path))
    code, output = n.test()
    assert code == 1, output
    assert '"ess_store"' in output
    assert len(name) > 500 or path in output
    assert re.search(message, output), output
    assert {p: c for p, c in tree(str(tmp_path)).items()
            if n.folder not in p} == {
        p: c for p, c in before.items() if n.folder not in p}


@root
@pytest.mark.parametrize("mode, name, message", [
    (0o755, "streams.db", r'the folder "%s" must be writable for the user '
     'nobody'),
    (0o733, "streams.db", None),
    (0o700, "streams.db", r'"%s" must be writable for the user nobody'),
    (0o700, "x/streams.db", r'user nobody may not enter the folder "%s"'),
])
def test_folder_closed_to_the_workers_is_refused(nginx, public, mode, name,
                                                 message):
    folder = public + "/closed"
    os.mkdir(folder)
    os.chmod(folder, mode)
    n = nginx("user nobody nogroup;\n" + CONF, store="%s/%s" % (folder, name),
              amqp="amqp://127.0.0.1:1/", start=False)
    n.expect(r"\[emerg\]")
    code, output = n.test()
    assert code == (message is not None), output
    if message:
        assert '"ess_store" %s/%s' % (folder, name) in output
        assert message % folder in output
    assert os.listdir(folder) == []


@root
def test_file_closed_to_the_workers_is_refused(nginx, public):
    os.chmod(public, 0o777)
    path = public + "/streams.db"
    other_database(path)
    n = nginx("user nobody nogroup;\n" + CONF, store=path,
              amqp="amqp://127.0.0.1:1/", start=False)
    n.expect(r"\[emerg\]")
    code, output = n.test()
    assert code == 1
    assert ('"ess_store" %s must be readable and writable for the user nobody'
            % path) in output


def test_reload_with_a_wrong_store_is_refused_and_nothing_changes(service):
    n, api = service()
    s = api.create("abc")
    text(n.path("text"))
    n.names["store"] = n.path("text")
    n.write_conf(CONF)
    n.expect("not a SQLite database")
    with pytest.raises(AssertionError, match="not a SQLite database"):
        n.reload()
    assert api.get(s)["location"] == s.location
    assert api.create("abc").id == 2


# what goes wrong while nginx runs

def test_full_disk(service, vhost, disk):
    n, api = service(store=disk + "/ess/streams.db")
    s = api.create("abc")
    fill(disk + "/filler")

    # there may be room left in SQLite's files
    for _ in range(2000):
        before = api.list()
        r = api.request("POST", body={"routing_key": "k" * 255})
        if r.status != 201:
            break
    assert r.status == 503
    assert r.headers["Content-Type"] == "application/problem+json"
    assert r.json()["detail"] == (
        "the stream cannot be stored: database or disk is full")
    assert api.list() == before
    n.wait_log(r'\[crit\].*"ess_store" %s/ess/streams.db.*disk is full'
               % disk)

    for _ in range(4):              # by each worker, probably
        assert api.request("POST", body={"routing_key": "k" * 255}
                           ).status == 503
    r = api.request("DELETE", str(before[-1]["id"]))
    assert r.status in (204, 503)
    if r.status == 503:
        assert "disk is full" in r.json()["detail"]
        assert api.list() == before
    before = api.list()

    # events flow
    with Clients([s.location] * 4) as clients:
        vhost.publish("abc", ["one", "two"])
        clients.wait(2)

    os.unlink(disk + "/filler")
    made = api.create("new")
    assert [x["id"] for x in api.list()] == [x["id"] for x in before] + [
        made.id]
    before = api.list()
    restart(n)
    assert api.list() == before


def test_file_that_vanishes_while_nginx_runs(service):
    n, api = service()
    s = api.create("abc")
    shutil.rmtree(n.path("ess"))
    r = api.request("POST", body={"routing_key": "abc"})
    assert r.status == 503
    assert "unable to open database file" in r.json()["detail"]
    assert [x["id"] for x in api.list()] == [s.id]
    n.wait_log(r'\[crit\].*"ess_store".*unable to open')


def test_store_that_another_process_locks(service):
    n, api = service()
    s = api.create("abc")
    db = sqlite3.connect(n.path("ess/streams.db"), isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.request, "POST",
                              body={"routing_key": "abc"})
        # in its thread, so that nobody else waits
        answers = 0
        while not waiting.done():
            assert api.get(s)["id"] == s.id
            answers += 1
        assert answers > 10
        r = waiting.result()
    assert r.status == 503
    assert "database is locked" in r.json()["detail"]
    assert [x["id"] for x in api.list()] == [s.id]
    db.execute("ROLLBACK")
    db.close()
    assert api.create("abc").id > s.id


# several at once

class Crowd:
    """Threads that create streams and delete some of them again."""

    def __init__(self, api, threads=8):
        self.api = api
        self.created = {}               # id -> location, after the 201
        self.asked = set()              # ids whose deletion was asked for
        self.deleted = set()            # ids, after the 204
        self.workers = set()
        self.end = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(threads)]
        for t in self.threads:
            t.start()

    def run(self, number):
        try:
            for i in range(10000):
                if self.end.is_set():
                    return
                r = self.api.request("POST", body={
                    "routing_key": "k%d" % number})
                if r.status != 201:
                    continue
                self.workers.add(r.headers["X-Worker"])
                s = r.json()
                self.created[s["id"]] = s["location"]
                if i % 3 == 0:
                    self.asked.add(s["id"])
                    if self.api.request("DELETE",
                                        str(s["id"])).status == 204:
                        self.deleted.add(s["id"])
        except (OSError, EOFError, http.client.HTTPException):
            pass

    def stop(self):
        self.end.set()
        for t in self.threads:
            t.join()

    def check(self, table):
        """Nothing that was promised is missing, nothing that was deleted is
        there."""

        there = {s["id"]: s["location"] for s in table}
        assert len(there) == len(table)
        assert not self.deleted & set(there)
        for i, location in self.created.items():
            if i not in self.asked:
                assert there.get(i) == location, i


def test_workers_write_at_the_same_time(service):
    n, api = service()
    crowd = Crowd(api)
    wait_for(lambda: len(crowd.created) > 300, 30)
    crowd.stop()
    assert crowd.asked == crowd.deleted
    assert len(crowd.workers) == 2
    table = api.list()
    assert {s["id"] for s in table} == set(crowd.created) - crowd.deleted
    crowd.check(table)
    restart(n)
    assert api.list() == table


def test_kill_in_the_middle_of_creations(service):
    n, api = service()
    highest = 0
    for count in 30, 100, 170:
        crowd = Crowd(api)
        try:
            wait_for(lambda: len(crowd.created) > count, 30)
        finally:
            n.kill()
            crowd.stop()
        start(n)
        crowd.check(api.list())
        assert min(crowd.created) > highest
        highest = max(crowd.created)
        made = api.create("abc")
        assert made.id > highest
        highest = made.id
