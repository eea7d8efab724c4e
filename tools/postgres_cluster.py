"""A private PostgreSQL cluster from Debian's package: own port, own data
folder, any user.  Used by `make run-rpc' and by the tests."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time

from rabbitmq_node import die_with_parent

BIN = "/usr/lib/postgresql/*/bin"


def program(name, version=None):
    """The newest one that is installed, or that of a version."""

    found = {p.split("/")[4]: p for p in glob.glob(os.path.join(BIN, name))}
    if not found:
        raise RuntimeError("PostgreSQL is not installed: run make deps")
    if version is None:
        version = max(found, key=float)
    return found.get(version)


class PostgresCluster:
    """With one superuser, and a database that is its own.  PostgreSQL refuses
    to run as root: for root it runs as `postgres', whom the package makes."""

    def __init__(self, folder, port, user="test", password="pass",
                 database="dev", settings={}):
        self.folder = os.path.abspath(folder)
        self.port = port
        self.user = user
        self.password = password
        self.database = database
        self.settings = dict(settings)
        self.server = None

    @property
    def url(self):
        return "postgres://%s:%s@127.0.0.1:%d/%s" % (
            self.user, self.password, self.port, self.database)

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def data(self):
        return self.path("data")

    def _as(self):
        """For Popen: as the data's owner."""

        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
               "PGPASSWORD": self.password}
        user = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            user = {"user": owner.pw_uid, "group": owner.pw_gid,
                    "extra_groups": []}
        return dict(env=env, cwd="/", stderr=subprocess.STDOUT,
                    start_new_session=True, **user)

    @contextlib.contextmanager
    def _opened(self):
        """The data folder as a name that leads there for those who inherit its
        descriptor: it may be in a folder that the data's owner cannot pass
        through, such as root's own."""

        fd = os.open(self.data, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield fd, "/proc/self/fd/%d" % fd
        finally:
            os.close(fd)

    def _run(self, *command, input="", **more):
        p = subprocess.run(command, input=input, text=True,
                           stdout=subprocess.PIPE, **self._as(), **more)
        if p.returncode != 0:
            raise RuntimeError("%s failed:\n%s" % (
                os.path.basename(command[0]), p.stdout))
        return p.stdout

    def _make(self):
        """The cluster, unless it is there; half of one is not."""

        if os.path.exists(self.path("made")):
            return
        shutil.rmtree(self.data, ignore_errors=True)
        os.makedirs(self.data, 0o700)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
        with self._opened() as (fd, data):
            self._fill(fd, data)
        with open(self.path("made"), "w"):
            pass

    def _fill(self, fd, data):
        with os.fdopen(os.memfd_create("password"), "w") as password:
            password.write(self.password + "\n")
            password.flush()
            self._run(program("initdb"), "-D", data, "-E", "UTF8", "-U",
                      self.user, "-A", "scram-sha-256", "--no-sync",
                      "--pwfile=/proc/self/fd/%d" % password.fileno(),
                      pass_fds=(fd, password.fileno()))

    def _version(self):
        with open(os.path.join(self.data, "PG_VERSION")) as f:
            return f.read().strip()

    def start(self, timeout=60):
        os.makedirs(self.folder, exist_ok=True)
        self._make()
        server = program("postgres", self._version())
        if server is None:
            raise RuntimeError(
                "%s is of PostgreSQL %s, which is not installed: remove that "
                "folder, or install postgresql-%s" % (
                    self.folder, self._version(), self._version()))

        settings = dict({"listen_addresses": "127.0.0.1", "port": self.port,
                         "unix_socket_directories": ""}, **self.settings)
        words = [word for setting in settings.items()
                 for word in ("-c", "%s=%s" % setting)]
        with self._opened() as (fd, data), open(self.path("log"), "ab") as log:
            self.server = subprocess.Popen(
                [server, "-D", data] + words, stdin=subprocess.DEVNULL,
                # SIGINT ends it at once, and in good order
                stdout=log, preexec_fn=die_with_parent(signal.SIGINT),
                pass_fds=(fd,), **self._as())

        end = time.monotonic() + timeout
        while not self._answers():
            if self.server.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError("PostgreSQL did not start; %s says:\n%s" % (
                    self.path("log"), self.tail()))
            time.sleep(0.05)

        if self.sql("SELECT 1 FROM pg_database WHERE datname = '%s'"
                    % self.database, "postgres") == "":
            self.sql('CREATE DATABASE "%s"' % self.database, "postgres")
        return self

    def _answers(self):
        """It takes connections, and is not about to start or to stop."""

        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return subprocess.run(
            [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p",
             str(self.port)]).returncode == 0

    def sql(self, text, database=None):
        """What psql prints of it, without headings."""

        return self._run(*self._psql(database), input=text).strip()

    def _psql(self, database=None):
        """The command that takes SQL from its standard input."""

        return [
            program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
            "-h", "127.0.0.1", "-p", str(self.port), "-U", self.user,
            "-d", database or self.database, "-f", "-"]

    def running(self):
        return self.server is not None and self.server.poll() is None

    def stop(self, timeout=30):
        """Sessions are cut off, nothing is lost."""

        if self.running():
            self.server.send_signal(signal.SIGINT)
            try:
                self.server.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self):
        """At once; the next start() recovers what was committed."""

        if self.running():
            self.server.send_signal(signal.SIGQUIT)
            try:
                self.server.wait(10)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        self.server = None

    def tail(self, lines=15):
        try:
            with open(self.path("log"), errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return ""
