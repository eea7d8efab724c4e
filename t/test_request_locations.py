"""A request without a client, to each kind of location: driven by messages,
whose replies say what came of it."""

import hashlib
import re
import socket
import threading
import time
import uuid

import pika

from wait import slower, wait_for

MB = 1024 * 1024

LARGE = b"0123456789abcdef" * (10 * MB // 16)

CONF = """
worker_processes 2;
worker_shutdown_timeout 20s;

http {
    ess_amqp %%AMQP%%;

    sendfile on;
    reset_timedout_connection on;
    proxy_read_timeout 30s;

    limit_req_zone $server_name zone=rate:1m rate=20r/s;
    limit_conn_zone $server_name zone=conn:1m;
    proxy_cache_path %%DIR%%/cache keys_zone=cache:1m;

    upstream app { server 127.0.0.1:%%APP%%; keepalive 8; }

    server {
        listen 127.0.0.1:%%PORT0%%;
        server_name main;
        root %%DIR%%;

%%LOCATIONS%%

        location = /yes { return 204; }
        location = /no { return 403; }
        location @down {
            default_type application/json;
            return 503 '{"down":true}';
        }
        location = /included { return 200 "[included]"; }
        location /copy/ { proxy_pass http://app; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        access_log off;
        stub_status;
    }
}
"""

ECHO = "proxy_pass http://app/echo;"

# name -> (directives, status, type, body or what it begins with)
KINDS = {
    "proxy10": (ECHO, 200, "text/plain", b"POST /echo 5"),
    "proxy11": ("proxy_http_version 1.1; proxy_set_header Connection '';"
                + ECHO, 200, "text/plain", b"POST /echo 5"),
    "buffered": ("proxy_buffers 4 4k; proxy_buffer_size 4k;"
                 "proxy_busy_buffers_size 8k; proxy_pass http://app/large;",
                 200, "text/plain", LARGE),
    "unbuffered": ("proxy_buffering off; proxy_pass http://app/large;",
                   200, "text/plain", LARGE),
    "chunked": ("proxy_http_version 1.1; proxy_pass http://app/chunked;",
                200, "text/plain", b"c" * 20000),
    "created": ("proxy_pass http://app/status/201;", 201, "text/plain",
                b"status 201"),
    "nocontent": ("proxy_pass http://app/status/204;", 204, None, b""),
    "notfound": ("proxy_pass http://app/status/404;", 404, "text/plain",
                 b"status 404"),
    "failed": ("proxy_pass http://app/status/500;", 500, "text/plain",
               b"status 500"),
    "refused": ("proxy_pass http://127.0.0.1:1;", 502, "text/html", b"<html>"),
    "slow": ("proxy_read_timeout 300ms; proxy_pass http://app/hang;", 504,
             "text/html", b"<html>"),
    "named": ("error_page 502 = @down; proxy_pass http://127.0.0.1:1;", 503,
              "application/json", b'{"down":true}'),
    "return": ('return 200 "$request_method $request_uri $uri $remote_addr '
               '$server_addr $server_protocol $host";', 200, "text/plain",
               b"POST /return /return unix: unix: HTTP/1.1 main"),
    "missing": ("", 404, "text/html", b"<html>"),
    "rewritten": ("rewrite ^ /copy/echo last;", 200, "text/plain",
                  b"POST /copy/echo 5"),
    "authorized": ("auth_request /yes;" + ECHO, 200, "text/plain",
                   b"POST /echo 5"),
    "unauthorized": ("auth_request /no;" + ECHO, 403, "text/html", b"<html>"),
    "mirrored": ("mirror /copy/mirror;" + ECHO, 200, "text/plain",
                 b"POST /echo 5"),
    "ssi": ("ssi on; ssi_types text/plain; proxy_pass http://app/ssi;", 200,
            "text/plain", b"a[included]b"),
    "delayed": ("limit_req zone=rate burst=10;" + ECHO, 200, "text/plain",
                b"POST /echo 5"),
    "counted": ("limit_conn conn 10;" + ECHO, 200, "text/plain",
                b"POST /echo 5"),
    "paced": ("limit_rate 10k; proxy_pass http://app/chunked;", 200,
              "text/plain", b"c" * 20000),
    "allowed": ("allow unix:; deny all;" + ECHO, 200, "text/plain",
                b"POST /echo 5"),
    "denied": ("deny unix:; allow all;" + ECHO, 403, "text/html", b"<html>"),
    "internal": ("internal;" + ECHO, 200, "text/plain", b"POST /echo 5"),
    "streamed": ("proxy_request_buffering off; proxy_http_version 1.1;" + ECHO,
                 200, "text/plain", b"POST /echo 5"),
    "cached": ("proxy_cache cache; proxy_cache_methods POST;"
               "proxy_cache_valid 1m;" + ECHO, 200, "text/plain",
               b"POST /echo 5"),
    "charset": ("charset utf-8; default_type text/plain; return 200 x;", 200,
                "text/plain; charset=utf-8", b"x"),
    "variables": ('default_type text/plain; return 200 "$ess_queue";', 200,
                  "text/plain", b"variables"),
}

# no whole response: nothing of it may be taken for one
BROKEN = {
    "cut": "proxy_http_version 1.1; proxy_pass http://app/cut;",
    "cutunbuffered": "proxy_buffering off; proxy_http_version 1.1;"
                     "proxy_pass http://app/cut;",
    "cutchunked": "proxy_http_version 1.1; proxy_pass http://app/cutchunked;",
    "dropped": "return 444;",
    "hanging": "proxy_pass http://app/hang;",
    "toolarge": "proxy_pass http://app/large;",
    "endless": "proxy_buffering off; proxy_pass http://app/endless;",
}

MORE = {"buffered": "max_reply=20m", "unbuffered": "max_reply=20m",
        "hanging": "timeout=500ms", "toolarge": "max_reply=100k",
        "endless": "max_reply=100k"}


def location(name, directives):
    return ("        location = /%s { ess_consume %s declare=transient "
            "retries=0 %s; %s }\n" % (name, name, MORE.get(name, ""),
                                       directives))


class App:
    """What nginx passes requests to."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.closed = threading.Event()
        self.twice = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.closed.set()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(c,),
                             daemon=True).start()

    def _serve(self, c):
        with c, c.makefile("rb") as f:
            try:
                while self._answer(c, f):
                    pass
            except OSError:
                pass

    def _answer(self, c, f):
        line = f.readline().split()
        if not line:
            return False
        headers = []
        while True:
            h = f.readline().rstrip(b"\r\n")
            if not h:
                break
            headers.append(h.lower())
        lengths = [h for h in headers if h.startswith(b"content-length:")]
        if len(lengths) > 1:
            self.twice.append(headers)
        body = f.read(int(lengths[0].split(b":")[1])) if lengths else b""
        self._respond(c, line[0], line[1], body)
        # whatever it was asked: nginx keeps a connection whose response does
        # not say that it is the last one
        return b"cut" not in line[1]

    def _respond(self, c, method, path, body):
        def send(text, status=b"200 OK"):
            c.sendall(b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
                      b"Content-Length: %d\r\n\r\n" % (status, len(text))
                      + text)

        start = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
        if path.endswith(b"/echo"):
            send(b"%s %s %d" % (method, path, len(body)))
        elif path == b"/large":
            send(LARGE)
        elif path == b"/ssi":
            send(b'a<!--#include virtual="/included" -->b')
        elif path == b"/status/204":
            c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        elif path.startswith(b"/status/"):
            send(b"status " + path[-3:], path[-3:] + b" Such")
        elif path == b"/chunked":
            c.sendall(start + b"Transfer-Encoding: chunked\r\n\r\n"
                      + 20 * (b"3e8\r\n" + b"c" * 1000 + b"\r\n")
                      + b"0\r\n\r\n")
        elif path == b"/cut":
            c.sendall(start + b"Content-Length: 100\r\n\r\nhalf")
        elif path == b"/cutchunked":
            c.sendall(start + b"Transfer-Encoding: chunked\r\n\r\n"
                      b"64\r\nhalf")
        elif path == b"/hang":
            self.closed.wait(60)
        elif path == b"/endless":
            c.sendall(start + b"\r\n")
            while not self.closed.is_set():
                c.sendall(b"half" * 16384)
        else:
            send(b"?", b"404 Such")


class Reply:
    def __init__(self, properties, body):
        self.type = properties.type
        self.content_type = properties.content_type
        self.status = (properties.headers or {}).get("http_status")
        self.body = body


class Caller:
    """Publishes to queues, with direct reply-to."""

    def __init__(self, vhost):
        self.connection = vhost.connect()
        self.channel = self.connection.channel()
        self.replies = {}
        self.channel.basic_consume("amq.rabbitmq.reply-to", self._reply,
                                   auto_ack=True)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.connection.close()

    def _reply(self, channel, method, properties, body):
        self.replies[properties.correlation_id] = Reply(properties, body)

    def publish(self, queue, body=b"hello"):
        number = uuid.uuid4().hex
        self.channel.basic_publish("", queue, body, pika.BasicProperties(
            reply_to="amq.rabbitmq.reply-to", correlation_id=number,
            content_type="text/plain"))
        return number

    def wait(self, numbers, seconds=15):
        until = time.monotonic() + seconds * slower()
        while not set(numbers) <= set(self.replies):
            assert time.monotonic() < until, "%d of %d replies" % (
                len(set(numbers) & set(self.replies)), len(numbers))
            self.connection.process_data_events(0.1)
        return [self.replies.pop(n) for n in numbers]

    def call(self, queue, body=b"hello"):
        return self.wait([self.publish(queue, body)])[0]


def begin(nginx, vhost, app, kinds):
    n = nginx(CONF, amqp=vhost.url, app=app.port, locations="".join(
        location(name, directives) for name, directives in kinds.items()))
    wait_for(lambda: all(
        (vhost.queue_counts(name) or (0, 0))[1] == 2 for name in kinds),
        20, "the queues to be consumed")
    return n


def active(n):
    """Connections that stub_status counts: its own is one of them."""

    with socket.create_connection(("127.0.0.1", n.port(1))) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        text = s.makefile().read()
    return int(re.search(r"Active connections: (\d+)", text).group(1))


def test_every_kind(vhost, nginx):
    """The whole response, its status and its type, and nothing is left."""

    with App() as app:
        n = begin(nginx, vhost, app, {k: v[0] for k, v in KINDS.items()})
        with Caller(vhost) as caller:
            numbers = {name: caller.publish(name) for name in KINDS}
            replies = dict(zip(numbers, caller.wait(numbers.values())))
        wrong = {}
        for name, (_, status, kind, body) in KINDS.items():
            r = replies[name]
            is_part = body in (b"<html>",) or len(body) > 1000
            got = (r.status, r.content_type or None,
                   r.type, r.body[:len(body)] if is_part else r.body)
            wanted = (status, kind, "error" if status >= 500 else "result",
                      body)
            if got != wanted or (len(body) > 1000
                                 and len(r.body) != len(body)):
                wrong[name] = [x if len(str(x)) < 200 else hashlib.sha1(
                    x).hexdigest() for x in got], len(r.body)
        assert wrong == {}
        assert app.twice == []
        wait_for(lambda: active(n) == 1, 10, "no connection to be left")
        assert re.search(r'unix: .*"POST /proxy10 HTTP/1.1" 200',
                         open(n.path("access.log")).read())


def test_delayed_requests(vhost, nginx):
    """By limit_req, over both workers: they wait, none is refused."""

    with App() as app:
        begin(nginx, vhost, app, {"delayed": KINDS["delayed"][0]})
        with Caller(vhost) as caller:
            at = time.monotonic()
            replies = caller.wait([caller.publish("delayed")
                                   for _ in range(8)])
        assert [r.status for r in replies] == [200] * 8
        assert time.monotonic() - at > 0.3


def test_no_whole_response(vhost, nginx):
    """Half a body is never taken for a body; what hangs or never ends is
    ended."""

    with App() as app:
        n = begin(nginx, vhost, app, BROKEN)
        with Caller(vhost) as caller:
            numbers = {name: caller.publish(name) for name in BROKEN}
            replies = dict(zip(numbers, caller.wait(numbers.values())))
        assert {name: r.type for name, r in replies.items()} == dict.fromkeys(
            BROKEN, "error")
        assert not [name for name, r in replies.items() if b"half" in r.body
                    or LARGE[:16] in r.body]
        wait_for(lambda: active(n) == 1, 10, "no connection to be left")
        assert vhost.queue_counts("cut")[0] == 0
