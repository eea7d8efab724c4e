"""PostgreSQL for the tests: one private cluster for a whole run, a database a
test.  It is started as the broker is: see shared.py."""

import contextlib
import itertools
import os
import secrets
import subprocess
import sys

import postgres_cluster
import shared
from ports import free_port
from wait import wait_for

_numbers = itertools.count(1)

# what a crash loses is nobody's
SETTINGS = {"fsync": "off", "max_connections": "200"}


class Database(postgres_cluster.PostgresCluster):
    """One of a cluster that runs: .url, .sql(), .locked()."""

    def create(self):
        self.sql('CREATE DATABASE "%s"' % self.database, "postgres")
        return self

    def delete(self):
        """Whoever is connected."""

        self.sql('DROP DATABASE "%s" WITH (FORCE)' % self.database, "postgres")

    @contextlib.contextmanager
    def locked(self, table):
        """Nobody else reads the table, or writes to it, meanwhile."""

        with subprocess.Popen(
                self._psql(), text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, **self._as()) as psql:
            psql.stdin.write("BEGIN; LOCK TABLE %s; SELECT 'locked';\n" % table)
            psql.stdin.flush()
            assert psql.stdout.readline() == "locked\n"
            yield
            # its end gives the lock back
            psql.stdin.close()
            psql.wait()


class OwnPostgres(postgres_cluster.PostgresCluster):
    """A cluster for tests that stop it: start(), stop()."""

    def __init__(self, folder):
        super().__init__(folder, free_port(), settings=SETTINGS)


class Standby(OwnPostgres):
    """Of a cluster that runs: what is committed there is here as well, before
    who committed it is told.  promote() makes it one that takes writes."""

    def __init__(self, folder, primary):
        super().__init__(folder)
        self.primary = primary

    def _fill(self, fd, data):
        self._run(postgres_cluster.program("pg_basebackup"), "-D", data, "-R",
                  "-h", "127.0.0.1", "-p", str(self.primary.port),
                  "-U", self.user, "-c", "fast", "--no-sync", pass_fds=(fd,))

    def start(self):
        super().start()
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.sql("SELECT pg_reload_conf()")
        wait_for(lambda: self.primary.sql(
            "SELECT sync_state FROM pg_stat_replication") == "sync",
            what="the standby")
        return self

    def promote(self):
        self.sql("SELECT pg_promote()")


class SharedPostgres(shared.Shared):

    def __init__(self, session):
        super().__init__(os.path.join(session, "postgres"), __file__,
                         "the tests' PostgreSQL")

    def start(self, controller):
        self.port = super().start(controller, lambda: [free_port()])["port"]
        return self

    def database(self):
        return Database(self.folder, self.port, database="t_%s_%d" % (
            secrets.token_hex(3), next(_numbers))).create()


if __name__ == "__main__":
    folder, controller, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    shared.serve(folder, controller, postgres_cluster.PostgresCluster(
        os.path.join(folder, "cluster"), port, settings=SETTINGS), port=port)
