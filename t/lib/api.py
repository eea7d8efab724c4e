"""The internal HTTP API, as a back end uses it."""

import collections
import concurrent.futures
import http.client
import json
import time

from wait import slower, wait_for


class Stream(collections.namedtuple("Stream", "id location uuid")):

    @property
    def http(self):
        """The location for an EventSource."""

        return self.location.replace("ws://", "http://")


class Response:

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%d %r>" % (self.status, self.body[:200])


class Api:

    def __init__(self, port, path="/event-stream/", host="127.0.0.1"):
        self.host = host
        self.port = port
        self.path = path

    def request(self, method, path="", body=None, headers=None, timeout=10):
        """path is relative to the API's location unless it begins with /;
        a body that is neither bytes nor str is sent as JSON."""

        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        if not path.startswith("/"):
            path = self.path + path

        c = http.client.HTTPConnection(self.host, self.port,
                                       timeout=timeout * slower())
        try:
            c.request(method, path, body, headers)
            r = c.getresponse()
            return Response(r.status, r.headers, r.read())
        finally:
            c.close()

    def _ok(self, status, *args, **kwargs):
        r = self.request(*args, **kwargs)
        assert r.status == status, r
        return r

    def create(self, routing_key, **more):
        return self.create_result(self._patiently(lambda: self.request(
            "POST", body=dict(more, routing_key=routing_key))))

    @staticmethod
    def _patiently(request):
        """nginx waits for the broker for two seconds and answers 503, as the
        documents say; of a broker that is starved, or of a session that is not
        there yet, it is asked again.  A 503 that comes at once is none of
        that."""

        def answered():
            begin = time.monotonic()
            r = request()
            return (r.status != 503 or time.monotonic() - begin < 1.9) and r

        return wait_for(answered, 20, "a stream to be created")

    def try_create(self, routing_key, **more):
        """None (503) as long as the broker cannot be reached."""

        r = self.request("POST", body=dict(more, routing_key=routing_key))
        if r.status != 503:
            return self.create_result(r)

    def create_result(self, response):
        assert response.status == 201, response
        r = response.json()
        return Stream(r["id"], r["location"], r["location"].split("/")[-1])

    def delete(self, stream):
        """By Stream, id or uuid."""

        self._ok(204, "DELETE", str(getattr(stream, "id", stream)))

    def list(self, query=""):
        return self._ok(200, "GET", query).json()["event_streams"]

    def get(self, stream):
        return self._ok(200, "GET", str(getattr(stream, "id", stream))).json()

    def create_many(self, keys, at_once=4):
        """A stream for each key, in their order."""

        return self._many(at_once, keys, lambda c, key: self.create_result(
            self._patiently(lambda: self._send(
                c, "POST", self.path, json.dumps({"routing_key": key})))))

    def delete_many(self, streams, at_once=4):
        def delete(c, stream):
            r = self._send(c, "DELETE", self.path + stream.uuid)
            assert r.status == 204, r

        self._many(at_once, streams, delete)

    def _many(self, at_once, all_, do):
        """do(connection, one) for each, over a few connections."""

        def some(first):
            c = http.client.HTTPConnection(self.host, self.port,
                                           timeout=30 * slower())
            try:
                return [do(c, one) for one in all_[first::at_once]]
            finally:
                c.close()

        done = [None] * len(all_)
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            for first, result in enumerate(pool.map(some, range(at_once))):
                done[first::at_once] = result
        return done

    @staticmethod
    def _send(c, method, path, body=None):
        c.request(method, path, body, {"Content-Type": "application/json"}
                  if body else {})
        r = c.getresponse()
        return Response(r.status, r.headers, r.read())

    def publish(self, key, events, path="/publish/"):
        """By ess_publish, all of them together."""

        self._ok(202, "POST", path + key + "?batch=1", list(events))

    def metrics(self, path="/metrics"):
        """The text of an ess_metrics location."""

        r = self.request("GET", path)
        assert r.status == 200
        assert r.headers["Content-Type"] \
            == "text/plain; version=0.0.4; charset=utf-8"
        return r.body.decode()

    def figures(self, path="/metrics"):
        """The same: {'ess_x{label="value"}': number}"""

        found = {}
        for line in self.metrics(path).splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                assert name not in found
                found[name] = float(value)
        return found

    def version(self):
        return self._ok(200, "GET", "version/").json()
