"""nginx with streams that only its API publishes to, for clients that have
several of them."""

import json

import tokens
from api import Api
from v1 import V1
from wait import wait_for

# a uuid of no stream
NOWHERE = "00000000-0000-4000-8000-000000000000"


class Service:
    """Clients at port 0, API and /publish/ at port 1."""

    def __init__(self, n):
        self.n = n
        self.api = Api(n.port(1))

    def url(self, path, scheme="ws", port=0):
        return "%s://127.0.0.1:%d/%s" % (scheme, self.n.port(port), path)

    def connect(self, path="many/", **options):
        return V1(self.url(path), **options)

    def create(self, routing_key, **more):
        return self.api.create(routing_key, **more)

    def publish(self, key, *bodies, **args):
        """A string is a text, bytes are themselves, anything else is JSON;
        each is in the log afterwards."""

        for body in bodies:
            if not isinstance(body, (bytes, str)):
                body = json.dumps(body, separators=(",", ":"))
            r = self.api.request(
                "POST", "/publish/%s?%s" % (key, "&".join(
                    "%s=%s" % a for a in args.items())), body, timeout=30)
            assert r.status == 202, r

    def batch(self, key, bodies):
        r = self.api.request("POST", "/publish/%s?batch=1" % key,
                             json.dumps(bodies), timeout=60)
        assert r.status == 202, r

    def evict(self, key, stream):
        """Publishes 1, 2, … until the log has the first one no more; how
        many."""

        n = 0
        while self.api.get(stream)["first_ordinal"] == 1:
            n += 1
            self.publish(key, "%d" % n)
        return n

    def patiently(self, key, bodies):
        """A worker may be dying; what it took may then be there twice."""

        def published():
            try:
                self.batch(key, bodies)
                return True
            except (AssertionError, OSError):
                return False

        wait_for(published, 20, "events to be published", interval=0.1)

    def subscribers(self, stream, n):
        wait_for(lambda: self.api.get(stream)["subscribers"] == n,
                 what="%d subscribers" % n)

    def last(self, stream):
        return self.api.get(stream)["last_ordinal"]


def token(sub="bob", **claims):
    return tokens.token(sub=sub, **claims)


def with_key(n):
    """Starts it, with the tokens' key in its folder."""

    return Service(tokens.start(n))
