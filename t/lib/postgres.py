"""PostgreSQL for the tests: one private cluster for a whole run, a database a
test.  It is started as the broker is: see shared.py."""

import itertools
import os
import secrets
import sys

import postgres_cluster
import shared
from ports import free_port

_numbers = itertools.count(1)

# what a crash loses is nobody's
SETTINGS = {"fsync": "off", "max_connections": "200"}


class Database(postgres_cluster.PostgresCluster):
    """One of a cluster that runs: .url, .sql()."""

    def create(self):
        self.sql('CREATE DATABASE "%s"' % self.database, "postgres")
        return self

    def delete(self):
        """Whoever is connected."""

        self.sql('DROP DATABASE "%s" WITH (FORCE)' % self.database, "postgres")


class OwnPostgres(postgres_cluster.PostgresCluster):
    """A cluster for tests that stop it: start(), stop()."""

    def __init__(self, folder):
        super().__init__(folder, free_port(), settings=SETTINGS)


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
