"""HTTP clients of a location of ess_events."""

import http.client
import json

from wait import slower, wait_for


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %r" % (self.status, self.body[:500])


class Events:
    """With a connection of its own; paths begin at the collection.  What was
    cut off is asked again once, over a new one, unless "again" is false."""

    def __init__(self, port, uri="/v1/events", again=True):
        self.port, self.uri, self.again = port, uri, again
        self.connection = None

    def request(self, method, path="", body=None, headers=None):
        for again in (0, 1):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(
                    "127.0.0.1", self.port, timeout=30 * slower())
            try:
                self.connection.request(method, self.uri + path, body,
                                        headers or {})
                answer = Answer(self.connection.getresponse())
                if answer.headers["Connection"] == "close":
                    self.close()
                return answer
            except (http.client.RemoteDisconnected, ConnectionError):
                self.close()
                if again or not self.again:
                    raise

    def get(self, path="", **kwargs):
        return self.request("GET", path, **kwargs)

    def post(self, body, headers=None):
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        return self.request("POST", "", body, headers)

    def page(self, query):
        answer = self.get(query)
        assert answer.status == 200, answer
        return answer.json()

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


class Patient(Events):
    """For what is not about a database that is away: to connect to PostgreSQL,
    or to get SQLite's lock, takes two seconds at most, and on a machine that is
    starved the answer is 503.  It asks again: what has an id is stored once."""

    def request(self, *args, **kwargs):
        def answered():
            answer = super(Patient, self).request(*args, **kwargs)
            return answer.status != 503 and answer

        return wait_for(answered, 20, "the database")


def event(number, type="user", time="2024-01-01T13:45:10Z", **members):
    return {"type": type, "timestamp": time, "event_id": "e_%d" % number,
            "event": dict({"n": number}, **members)}


def result(event_id, error="", success=None):
    return {"event_id": event_id,
            "success": not error if success is None else success,
            "error": error}
