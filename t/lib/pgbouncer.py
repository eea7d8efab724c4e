"""pgbouncer before a PostgreSQL of the tests."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from ports import free_port
from rabbitmq_node import die_with_parent
from wait import wait_for

CONF = """
[databases]
* = host=127.0.0.1 port=%(server)d user=%(user)s password=%(password)s

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %(port)d
unix_socket_dir =
auth_type = any
pool_mode = %(mode)s
default_pool_size = 20
ignore_startup_parameters = extra_float_digits
logfile = %(folder)s/log
"""


class PgBouncer:
    """Each database of that server, .url(database) through it.  It refuses to
    run as root, as PostgreSQL does."""

    def __init__(self, server, mode="transaction"):
        self.server, self.mode = server, mode
        self.port = free_port()
        self.process = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="ess-pgbouncer-")
        path = os.path.join(self.folder, "ini")
        with open(path, "w") as f:
            f.write(CONF % dict(
                server=self.server.port, user=self.server.user,
                password=self.server.password, port=self.port, mode=self.mode,
                folder=self.folder))
        user = {}
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            os.chown(path, owner.pw_uid, owner.pw_gid)
            user = {"user": owner.pw_uid, "group": owner.pw_gid,
                    "extra_groups": []}
        self.process = subprocess.Popen(
            [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "-q", path],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
            preexec_fn=die_with_parent(signal.SIGINT), **user)
        wait_for(self._answers, 20, "pgbouncer")
        return self

    def _answers(self):
        assert self.process.poll() is None, self.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def log(self):
        try:
            with open(os.path.join(self.folder, "log")) as f:
                return f.read()
        except OSError:
            return ""

    def url(self, database):
        return "postgresql://%s:any@127.0.0.1:%d/%s" % (
            self.server.user, self.port, database)

    def __exit__(self, *args):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
