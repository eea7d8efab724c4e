"""What stands in front of nginx, with the configurations of docs/proxies.md:
Debian's programs, in the foreground, on loopback, in folders of their own.

What is changed of a configuration is counted, so that one that is written in
another way is noticed."""

import collections
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certificate import self_signed
from nginx import TOP, Nginx
from ports import free_port
from rabbitmq_node import die_with_parent
from wait import slower, wait_for

ROOT = os.geteuid() == 0

# seconds, in place of those of the document
IDLE = 6


def blocks(title):
    """The configurations below a heading of the document."""

    with open(os.path.join(TOP, "docs", "proxies.md")) as f:
        section = re.search(r"(?ms)^## %s$(.*?)(?=^## |\Z)" % re.escape(title),
                            f.read()).group(1)
    return re.findall(r"(?ms)^```\w+\n(.*?)^```$", section)


def change(text, changes):
    """changes: (old, new, how often it is there)."""

    for old, new, times in changes:
        assert text.count(old) == times, (old, text)
        text = text.replace(old, str(new))
    return text


# package: Debian's
# section: heading of the document, and which of its configurations
# changes: of it; {port}, {pem}, {http} and {proxy}, nginx's ports, are filled
#   in, as are those of the command with {file} and {dir}
# before: what a private instance needs and a configuration of the document
#   does not have
# user: whom it changes to when root starts it
# tls: does it end TLS
# idle: for whom it has an idle timeout
Kind = collections.namedtuple(
    "Kind", "package section changes command before user tls idle",
    defaults=("", None, False, ("websocket", "events")))

APACHE = """\
ServerRoot {dir}
ServerName localhost
PidFile {dir}/pid
ErrorLog {dir}/error
DefaultRuntimeDir {dir}
{root}User www-data
{root}Group www-data
""" + "".join("LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n"
              % (name, name) for name in (
                  "mpm_event", "authz_core", "deflate", "filter", "mime",
                  "reqtimeout", "proxy", "proxy_http")) + """\
TypesConfig /etc/mime.types
AddOutputFilterByType DEFLATE text/html text/plain application/json
Listen 127.0.0.1:{port}
"""

SQUID = """\
pid_filename {dir}/pid
access_log none
cache_log {dir}/log
coredump_dir {dir}
pinger_enable off
visible_hostname localhost
shutdown_lifetime 0 seconds
"""

HTTP = ("127.0.0.1:8080", "127.0.0.1:{http}", 1)
PROXY = ("127.0.0.1:8082", "127.0.0.1:{proxy}", 1)
PEM = ("/etc/ssl/private/events.pem", "{pem}", 1)
SECONDS = ("60s", "%ds" % IDLE, 1)


HAPROXY = Kind(
    "haproxy", ("HAProxy", 0),
    [(":80\n", "127.0.0.1:{port}\n", 1), SECONDS[:2] + (2,), HTTP],
    ["haproxy", "-db", "-f", "{file}"])

HAPROXY_V2 = HAPROXY._replace(
    section=("HAProxy", 1), tls=True,
    changes=[(":443", "127.0.0.1:{port}", 1), PEM, SECONDS[:2] + (2,), PROXY])

HITCH = Kind(
    "hitch", ("hitch", 0),
    [("[*]:443", "[127.0.0.1]:{port}", 1), PEM,
     ("[127.0.0.1]:8082", "[127.0.0.1]:{proxy}", 1)]
    # only root can change to another user
    + [('user = "_hitch"\ngroup = "_hitch"\n', "", 1)] * (not ROOT),
    ["hitch", "--config", "{file}"], user="_hitch", tls=True, idle=())

KINDS = {
    "haproxy": HAPROXY,
    "haproxy-v1": HAPROXY_V2._replace(
        changes=HAPROXY_V2.changes + [("send-proxy-v2", "send-proxy", 1)]),
    "haproxy-v2": HAPROXY_V2,
    "apache": Kind(
        "apache2", ("Apache", 0),
        [("*:80", "127.0.0.1:{port}", 1), HTTP,
         ("timeout=60", "timeout=%d" % IDLE, 1)],
        ["apache2", "-DFOREGROUND", "-f", "{file}"], APACHE,
        idle=("events",)),
    "varnish": Kind(
        "varnish", ("Varnish", 0), [('"8080"', '"{http}"', 1)],
        ["varnishd", "-F", "-j", "none", "-n", "{dir}/work", "-f", "{file}",
         "-a", "127.0.0.1:{port}", "-s", "malloc,32m",
         "-p", "pipe_timeout=%d" % IDLE]),
    "caddy": Kind(
        "caddy", ("Caddy", 0),
        [(":80\n", ":{port}\nbind 127.0.0.1\n", 1), HTTP],
        ["caddy", "run", "--adapter", "caddyfile", "--config", "{file}"],
        "{{\n\tadmin off\n}}\n", idle=()),
    "squid": Kind(
        "squid", ("Squid", 0),
        [(" 80 accel", " 127.0.0.1:{port} accel", 1), (" 8080 ", " {http} ", 1),
         ("60 seconds", "%d seconds" % IDLE, 1)],
        ["squid", "-N", "-n", "ess{port}", "-f", "{file}"], SQUID, "proxy"),
    "nginx": Kind(
        "nginx", ("nginx", 0),
        [("listen 80;", "listen 127.0.0.1:{port};", 1), HTTP, SECONDS], None),
    "stunnel": Kind(
        "stunnel4", ("stunnel", 0),
        [("accept = 443", "accept = 127.0.0.1:{port}", 1), PEM, PROXY,
         ("TIMEOUTidle = 60", "TIMEOUTidle = %d" % IDLE, 1)],
        ["stunnel4", "{file}"], tls=True),
    "hitch-v1": HITCH._replace(
        changes=HITCH.changes + [("write-proxy-v2", "write-proxy-v1", 1)]),
    "hitch-v2": HITCH,
}

# what is left out of a configuration, so that WebSockets do not get through
NEEDED = {
    "apache": r" upgrade=websocket",
    "varnish": r"(?s)\nsub vcl_pipe .*",
    "squid": r"(?m)^http_upgrade_request_protocols.*\n",
    "nginx": r"(?m)^ *proxy_set_header +Upgrade.*\n",
}


class Front:
    """One that runs: .port, .url(uuid), .stop().  edit(text) gives another
    configuration than the document's."""

    def __init__(self, name, http, proxy, edit=None):
        self.name = name
        self.kind = kind = KINDS[name]
        self.port = free_port()
        # others than root shall get at it, by a short path
        self.folder = tempfile.mkdtemp(prefix="ess-front-")
        os.chmod(self.folder, 0o755)
        self.names = dict(
            port=self.port, http=http, proxy=proxy, dir=self.folder,
            file=self.path("conf"), pem=self.path("pem"),
            root="" if ROOT else "#")
        text = blocks(kind.section[0])[kind.section[1]]
        if edit:
            text = edit(text)
        text = change(text, [(old, new.format(**self.names), times)
                             for old, new, times in kind.changes])
        self.nginx = self.process = None
        if kind.command is None:
            self.nginx = Nginx(self.path("nginx"), "http {\n%s}\n" % text, 1,
                               module=None)
            return
        self._write("conf", kind.before.format(**self.names) + text)
        if kind.tls:
            self._certificate()
        if ROOT and kind.user:
            user = pwd.getpwnam(kind.user)
            for name in ["."] + os.listdir(self.folder):
                os.chown(self.path(name), user.pw_uid, user.pw_gid)

    def path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def _certificate(self):
        key = ec.generate_private_key(ec.SECP256R1())
        self._write("pem", key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption()).decode()
            + self_signed(key).decode())
        os.chmod(self.path("pem"), 0o600)

    def version(self):
        return subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${Version}",
             self.kind.package], text=True, stdout=subprocess.PIPE).stdout

    def start(self):
        if self.nginx:
            self.nginx.start()
            return self
        command = [word.format(**self.names) for word in self.kind.command]
        path = "/usr/sbin:/usr/bin:/sbin:/bin"
        assert shutil.which(command[0], path=path), \
            "%s is not installed: run make proxies-deps" % command[0]
        with open(self.path("output"), "ab") as output:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
                env={"PATH": path, "HOME": self.folder, "LC_ALL": "C.UTF-8"},
                preexec_fn=die_with_parent())

        def listening():
            assert self.process.poll() is None, self.output()
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0

        wait_for(listening, 30, "%s to listen" % self.name, 0.05)
        return self

    def output(self):
        found = []
        for name in "output", "error", "log":
            if os.path.exists(self.path(name)):
                with open(self.path(name), errors="replace") as f:
                    found.append(f.read())
        return "\n".join(found)

    def url(self, uuid, scheme="ws", where=""):
        return "%s%s://127.0.0.1:%d/event-stream/%s%s" % (
            scheme, "s" if self.kind.tls else "", self.port, where, uuid)

    def stop(self):
        """With all of its processes; its folder is gone then."""

        if self.nginx and self.nginx.process:
            self.nginx.stop(quit=False)
        if self.process:
            self._signal(signal.SIGTERM)
            try:
                self.process.wait(20 * slower())
            except subprocess.TimeoutExpired:
                pass
            self._signal(signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, sig):
        try:
            os.killpg(self.process.pid, sig)
        except ProcessLookupError:
            pass
