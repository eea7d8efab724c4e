"""A private RabbitMQ node from Debian's package: own ports, own data folder,
own epmd, any user.  Used by `make run' and by the tests."""

import ctypes
import os
import signal
import socket
import subprocess
import time

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(sig=signal.SIGTERM):
    """For preexec_fn: the child gets `sig' when this process is gone."""

    def preexec():
        _libc.prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)

    return preexec


def port_is_free(port, host="127.0.0.1"):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, port))
        except OSError:
            return False
    return True


def _greets(port):
    """Does an AMQP broker answer there?  It does so to a wrong header."""

    try:
        with socket.create_connection(("127.0.0.1", port), 2) as s:
            s.settimeout(2)
            s.sendall(b"AMQP\x00\x00\x00\x00")
            return s.recv(8).startswith(b"AMQP")
    except OSError:
        return False


class RabbitmqNode:

    def __init__(self, folder, port, dist_port, epmd_port, http_port=None,
                 name="ess", conf="", plugins=(), env={}):
        self.folder = os.path.abspath(folder)
        self.port = port
        self.dist_port = dist_port
        self.epmd_port = epmd_port
        self.http_port = http_port
        self.name = name
        self.conf = conf
        self.plugins = list(plugins)
        self.env = dict(env)
        self.server = None
        self.epmd = None
        self.beam = None

    @property
    def url(self):
        return "amqp://guest:guest@127.0.0.1:%d/" % self.port

    def busy_ports(self):
        ports = [self.port, self.dist_port, self.epmd_port]
        if self.http_port:
            ports.append(self.http_port)
        return [p for p in ports if not port_is_free(p)]

    def path(self, name):
        return os.path.join(self.folder, name)

    def spawn(self):
        """Starts the node without waiting for it."""

        os.makedirs(self.path("home"), exist_ok=True)
        plugins = ",".join(self.plugins + ["rabbitmq_management"]
                           * bool(self.http_port))

        conf = ["listeners.tcp.1 = 127.0.0.1:%d" % self.port,
                # the host's disk is not what is tested or shown
                "disk_free_limit.absolute = 50MB",
                "loopback_users.guest = true",
                # what does without /proc, as in a bare chroot
                "vm_memory_calculation_strategy = allocated",
                "vm_memory_high_watermark.absolute = 1GB"]
        if self.http_port:
            conf += ["management.tcp.ip = 127.0.0.1",
                     "management.tcp.port = %d" % self.http_port,
                     "management.rates_mode = none",
                     "collect_statistics_interval = 500"]

        self._write("rabbitmq.conf", "\n".join(conf) + "\n" + self.conf)
        self._write("enabled_plugins", "[%s].\n" % plugins)
        self._write("rabbitmq-env.conf", "")

        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("RABBITMQ_", "ERL_", "LD_PRELOAD",
                                    "ASAN_", "UBSAN_", "LSAN_"))}
        env.update(
            HOME=self.path("home"),
            LC_ALL="C.UTF-8",
            ERL_EPMD_PORT=str(self.epmd_port),
            ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_USE_LONGNAME="true",
            RABBITMQ_NODENAME="%s@127.0.0.1" % self.name,
            RABBITMQ_DIST_PORT=str(self.dist_port),
            RABBITMQ_CONF_ENV_FILE=self.path("rabbitmq-env.conf"),
            RABBITMQ_CONFIG_FILE=self.path("rabbitmq.conf"),
            RABBITMQ_ADVANCED_CONFIG_FILE=self.path("advanced.config"),
            RABBITMQ_ENABLED_PLUGINS_FILE=self.path("enabled_plugins"),
            RABBITMQ_MNESIA_BASE=self.path("mnesia"),
            RABBITMQ_LOG_BASE=self.path("log"),
            RABBITMQ_PID_FILE=self.path("pid"),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=(
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
                "-kernel inet_dist_use_interface {127,0,0,1}"),
            **self.env)

        if os.path.exists(self.path("pid")):
            os.unlink(self.path("pid"))

        # Sessions of their own: Ctrl-C is for the one who started them.
        if self.epmd is None:
            self.epmd = subprocess.Popen(
                ["epmd", "-address", "127.0.0.1", "-port",
                 str(self.epmd_port)],
                env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL))

            while port_is_free(self.epmd_port):
                if self.epmd.poll() is not None:
                    raise RuntimeError("epmd did not start on port %d"
                                       % self.epmd_port)
                time.sleep(0.01)

        with open(self.path("output"), "ab") as output:
            self.server = subprocess.Popen(
                [SERVER], env=env, cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
                preexec_fn=die_with_parent())

    def wait(self, timeout=180):
        """Until the node answers."""

        end = time.monotonic() + timeout
        ports = [self.port] + ([self.http_port] if self.http_port else [])

        while True:
            if self.server.poll() is not None:
                raise RuntimeError("RabbitMQ did not start; %s says:\n%s" % (
                    self.path("output"), self.tail()))

            if (self._pid() and not any(map(port_is_free, ports))
                    and _greets(self.port)):
                self.beam = self._pid()
                return

            if time.monotonic() > end:
                raise RuntimeError("RabbitMQ does not answer on port %d after "
                                   "%d s:\n%s" % (self.port, timeout,
                                                  self.tail()))
            time.sleep(0.05)

    def start(self, timeout=180):
        self.spawn()
        self.wait(timeout)
        return self

    def control(self, *args):
        """rabbitmqctl; returns what it says."""

        env = dict(os.environ, HOME=self.path("home"), LC_ALL="C.UTF-8",
                   ERL_EPMD_PORT=str(self.epmd_port),
                   RABBITMQ_CONF_ENV_FILE=self.path("rabbitmq-env.conf"))
        return subprocess.run(
            ["/usr/lib/rabbitmq/bin/rabbitmqctl", "--longnames", "-n",
             "%s@127.0.0.1" % self.name, *args], env=env, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True).stdout

    def running(self):
        return self.server is not None and self.server.poll() is None

    def stop(self, timeout=30):
        """In good order, epmd included."""

        if self.running():
            self.server.terminate()
            try:
                self.server.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def stop_server(self, timeout=30):
        """As stop(), but epmd stays for the next start()."""

        if self.running():
            self.server.terminate()
            self.server.wait(timeout)
        self.server = None

    def kill_server(self):
        """As if the power failed; epmd stays."""

        pid = self.beam or self._pid()
        if pid and self.running():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.server is not None:
            # the shell around the Erlang machine
            try:
                self.server.wait(2)
            except subprocess.TimeoutExpired:
                os.killpg(self.server.pid, signal.SIGKILL)
                self.server.wait()
        self.server = None
        self.beam = None

    def kill(self):
        self.kill_server()
        if self.epmd is not None:
            self.epmd.kill()
            self.epmd.wait()
            self.epmd = None

    def tail(self, lines=15):
        try:
            with open(self.path("output"), errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return ""

    def _pid(self):
        try:
            with open(self.path("pid")) as f:
                return int(f.read().strip() or 0)
        except (OSError, ValueError):
            return 0

    def _write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
