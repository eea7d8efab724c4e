"""A back end for ess_authorize: keeps what it was asked, and answers as the
test says."""

import http.server
import json
import threading


class Authorizer:
    """`answer(question, handler)' returns a status and a body; by default all
    is allowed.  `questions' has (question, headers), in their order."""

    def __init__(self):
        self.questions = []
        self.answer = lambda question, handler: (200, {
            "allow": [True] * len(question["subscribe"])})
        server = http.server.ThreadingHTTPServer
        server.request_queue_size = 1024
        self._server = server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()

    def _handler(outer):

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                question = json.loads(self.rfile.read(length))
                outer.questions.append((question, self.headers))
                answer = outer.answer(question, self)
                if answer is None:
                    return
                status, body = answer
                if not isinstance(body, bytes):
                    body = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass

        return Handler

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self._server.shutdown()
        self._server.server_close()
