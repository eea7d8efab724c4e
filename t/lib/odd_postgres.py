"""A server that speaks PostgreSQL's protocol, and answers with what nobody
asked for."""

import re
import socket
import struct
import threading
import time


def message(kind, data=b""):
    return kind + struct.pack("!i", len(data) + 4) + data


def text(*parts):
    return b"".join(p.encode() + b"\0" for p in parts)


def table(columns, rows, values=()):
    """A result with that many columns and rows; columns None: a command."""

    if columns is None:
        return message(b"C", text("SELECT 0"))
    values = [v.encode() for v in values] or [b"1"] * columns
    row = struct.pack("!h", columns) + b"".join(
        struct.pack("!i", len(v)) + v for v in values)
    head = struct.pack("!h", columns) + b"".join(
        text("c") + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
        for _ in range(columns))
    return (message(b"T", head) + message(b"D", row) * rows
            + message(b"C", text("SELECT %d" % rows)))


class OddPostgres:
    """Who asks for a log's version gets it; other questions get "shape", which
    are columns and rows.  "cut": a session ends when it begins to listen."""

    def __init__(self, shape=(None, 0), cut=False):
        self.shape = shape
        self.cut = cut
        self.opened = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "postgresql://odd@127.0.0.1:%d/odd?sslmode=disable" % (
            self.listener.getsockname()[1])
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.opened.append(time.monotonic())
            threading.Thread(target=self.session, args=(s,),
                             daemon=True).start()

    def session(self, s):
        with s, s.makefile("rb") as f:
            try:
                self.talk(s, f)
            except (OSError, struct.error):
                pass

    def talk(self, s, f):
        def read(n):
            return struct.unpack("!i", f.read(4))[0] - n

        while True:
            data = f.read(read(4))
            if data[:4] == struct.pack("!i", 196608):
                break
            s.sendall(b"N")
        ready = message(b"Z", b"I")
        s.sendall(message(b"R", struct.pack("!i", 0)) + b"".join(
            message(b"S", text(*p)) for p in [
                ("server_version", "17.0"), ("server_encoding", "UTF8"),
                ("client_encoding", "UTF8")]) + ready)
        sql = ""
        while True:
            kind = f.read(1)
            data = f.read(read(4))
            if kind == b"P":
                sql = data.split(b"\0")[1].decode()
            elif kind == b"S":
                s.sendall(message(b"1") + message(b"2") + self.answer(sql)
                          + ready)
            elif kind == b"Q":
                sql = data[:-1].decode()
                s.sendall(self.answer(sql) + ready)
                if self.cut and sql.startswith("LISTEN"):
                    return
            elif kind in (b"X", b""):
                return

    def answer(self, sql):
        if "FROM ess_meta" in sql and sql.startswith("SELECT"):
            return table(2, 1, ("1", "odd"))
        if re.match("BEGIN|SAVEPOINT|ROLLBACK|LISTEN|SET|COMMIT", sql):
            return message(b"C", text(sql.split()[0]))
        return table(*self.shape)
