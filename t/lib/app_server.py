"""What applications of tests listen with: many connections at once, and no
word of those that end."""

from http.server import ThreadingHTTPServer


class AppServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *args):
        pass
