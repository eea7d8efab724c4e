"""nginx, Debian's or that of ESS_NGINX, with the module, in a folder of its
own."""

import glob
import os
import re
import signal
import subprocess
import sys

from ports import free_port
from rabbitmq_node import die_with_parent
from wait import SLOWER, slower, wait_for

NGINX = os.environ.get("ESS_NGINX") or "/usr/sbin/nginx"
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

SANITIZE = bool(os.environ.get("ESS_SANITIZE"))
VALGRIND = bool(os.environ.get("ESS_VALGRIND"))

MODULE = os.environ.get("ESS_MODULE") or os.path.join(
    TOP, "build", *["sanitize"] * SANITIZE, "ngx_ess_module.so")
FAULT_MODULE = os.environ.get("ESS_FAULT_MODULE") or os.path.join(
    TOP, "build", "sanitizefault" if SANITIZE else "fault",
    "ngx_ess_module.so")

BAD = re.compile(r"\[(alert|emerg)\]|exited on signal|Sanitizer|runtime error:"
                 r"|^==\d+== (?!Warning)[A-Z]")

_runtimes = []


def _runtime():
    """The sanitizers' libraries, which must be there before the module."""

    if not _runtimes:
        for name in "libasan.so", "libubsan.so":
            path = subprocess.run(["gcc", "-print-file-name=" + name],
                                  check=True, capture_output=True, text=True)
            _runtimes.append(os.path.realpath(path.stdout.strip()))
    return ":".join(_runtimes)


def postgresql_module(module):
    """The one beside it."""

    return os.path.join(os.path.dirname(module),
                        "ngx_ess_postgresql_module.so")


class Nginx:
    """`conf' is a whole nginx.conf with these placeholders: %%PORT0%% to
    %%PORT9%%, %%DIR%% (the folder), and %%NAME%% for each keyword argument.
    What every test needs and the text does not have is added: load_module,
    user, worker_processes, pid, error_log, events, temporary paths.

    module=None loads no module; args are further arguments for nginx.  With
    "daemon on;", which a binary upgrade takes, `process' is daemon.py."""

    def __init__(self, folder, conf, workers=2, module=MODULE, args=(),
                 preload=None, **names):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.workers_wanted = workers
        self.module = module
        self.args = list(args)
        self.preload = preload
        self.names = names
        self.ports = {}
        self.process = None
        self.killed = set()
        self.expected = []
        self.write_conf(conf)

    # configuration

    def port(self, number=0):
        if number not in self.ports:
            self.ports[number] = free_port()
        return self.ports[number]

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_conf(self, conf, workers=None):
        """Also for a reload with another configuration."""

        if workers is not None:
            self.workers_wanted = workers
        m = re.search(r"^\s*worker_processes\s+(\d+)", conf, re.M)
        if m:
            self.workers_wanted = int(m.group(1))

        text = self._preamble(conf) + conf
        text = re.sub(r"(?m)^(\s*http\s*\{)", lambda m: m.group(1)
                      + self._http_preamble(), text, count=1)
        self.conf = self.fill(text)
        self.daemon = bool(re.search(r"(?m)^\s*daemon\s+on;", self.conf))
        with open(self.path("nginx.conf"), "w") as f:
            f.write(self.conf)

    def fill(self, text):
        for name, value in self.names.items():
            text = text.replace("%%" + name.upper() + "%%", str(value))
        text = re.sub(r"%%PORT(\d)%%",
                      lambda m: str(self.port(int(m.group(1)))), text)
        text = text.replace("%%DIR%%", self.folder)

        left = re.search(r"%%\w+%%", text)
        if left:
            raise ValueError("nothing was given for %s" % left.group())
        return text

    def _preamble(self, conf):
        def lacks(name):
            return not re.search(r"(?m)^\s*%s\b" % name, conf)

        lines = []
        if self.module and not re.search(r"load_module\s\S*ngx_ess", conf):
            lines.append("load_module %s;" % self.module)
            # behind it, where an event log needs it
            if re.search(r"ess_event_log\s[^;]*postgres", self.fill(conf)):
                lines.append("load_module %s;" % postgresql_module(self.module))
        if os.geteuid() == 0 and lacks("user"):
            lines.append("user root;")
        if lacks("worker_processes"):
            lines.append("worker_processes %d;" % self.workers_wanted)
        if lacks("pid"):
            lines.append("pid %s;" % self.path("nginx.pid"))
        # of a server or http block, it may be another's
        if not re.search(r"(?m)^error_log\b", conf):
            lines.append("error_log %s info;" % self.path("error.log"))
        if lacks("events"):
            lines.append("events { worker_connections 4096; }")
        if lacks("daemon"):
            lines.append("daemon off;")
        if SANITIZE:
            # for a binary upgrade
            lines += ["env %s;" % n for n in self._env_sanitize()]
        return "\n".join(lines) + "\n"

    def _http_preamble(self):
        paths = "client_body", "proxy", "fastcgi", "uwsgi", "scgi"
        return " access_log %s; %s\n" % (self.path("access.log"), " ".join(
            "%s_temp_path %s;" % (p, self.path("tmp_" + p)) for p in paths))

    def _env_sanitize(self):
        return {
            "LD_PRELOAD": _runtime(),
            # Whole stacks, without frame pointers in nginx: only so is a leak
            # known to be the module's.  A leak alone is no exit code.
            "ASAN_OPTIONS": "detect_leaks=1:fast_unwind_on_malloc=0:"
                            "malloc_context_size=12:exitcode=0:"
                            "abort_on_error=1:detect_odr_violation=0:"
                            "allocator_may_return_null=1:log_path=%s"
                            % self.path("asan"),
            "UBSAN_OPTIONS": "print_stacktrace=1:log_path=%s"
                             % self.path("ubsan"),
        }

    def _command(self, *args):
        command = [NGINX, "-p", self.folder, "-c", self.path("nginx.conf"),
                   "-e", self.path("error.log"), *self.args, *args]
        if VALGRIND:
            command[:0] = ["valgrind", "--quiet", "--trace-children=yes",
                           "--log-file=" + self.path("valgrind.%p")]
        return command

    def _env(self):
        env = {k: v for k, v in os.environ.items()
               if k not in ("NGINX", "LD_PRELOAD")}
        if SANITIZE and self.module:
            env.update(self._env_sanitize())
        if self.preload:
            env["LD_PRELOAD"] = ":".join(
                [env["LD_PRELOAD"], self.preload] if "LD_PRELOAD" in env
                else [self.preload])
        return env

    # life cycle

    def test(self):
        """nginx -t: exit code and what it printed.  What it has read it never
        frees, so no leaks are looked for."""

        env = self._env()
        if "ASAN_OPTIONS" in env:
            env["ASAN_OPTIONS"] += ":detect_leaks=0"
        p = subprocess.run(self._command("-t"), env=env, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=60 * slower())
        return p.returncode, p.stdout

    def spawn(self):
        offset = self.log_size()
        command, env = self._command(), self._env()
        if self.daemon:
            command[:0] = [sys.executable, os.path.join(HERE, "daemon.py"),
                           "env", *("%s=%s" % v for v in env.items())]
            env = dict(os.environ)
        with open(self.path("stderr"), "ab") as err:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL,
                stdout=err, stderr=err, start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM))
        return offset

    def start(self, timeout=10):
        """Until nginx listens and all workers were started."""

        offset = self.spawn()

        def started():
            if self.process.poll() is not None:
                raise AssertionError("nginx did not start (%d):\n%s%s" % (
                    self.process.returncode, self.log(offset),
                    self._read("stderr")))
            return len(self._started(self.log(offset))) >= self.workers_wanted

        wait_for(started, timeout, "nginx to start")
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def master(self):
        """The pid of the master: of the new one after a binary upgrade."""

        try:
            return int(self._read("nginx.pid"))
        except ValueError:
            return self.process.pid

    def send_signal(self, sig, pid=None):
        os.kill(pid or self.master(), sig)

    def reload(self, timeout=20, old_gone=False):
        """Until the new workers were started and the old ones know that they
        are to leave (with old_gone: until they have left).  A reload that
        nginx refuses raises AssertionError with the log."""

        offset = self.log_size()
        old = self.workers()
        self.send_signal(signal.SIGHUP)

        def reloaded():
            log = self.log(offset)
            refused = re.search(r"(?m)^.*\[emerg\].*$", log)
            if refused:
                raise AssertionError("reload refused: %s" % refused.group())
            if len(self._started(log)) < self.workers_wanted:
                return False
            return all(not alive(p) or (not old_gone and re.search(
                r" %d#\d+: (gracefully shutting down|exiting)" % p, log))
                for p in old)

        wait_for(reloaded, timeout, "the reload")

    def stop(self, quit=True, timeout=20):
        """QUIT or TERM; returns the exit code.  What does not leave in time
        is killed, and the test fails."""

        if not self.running():
            return self.process.returncode if self.process else None

        if not quit and SLOWER > 1:
            # the master kills workers that take more than a second to leave,
            # as the search for leaks may
            self.expect(r"exited on signal 9$")

        pids = [self.master()]
        if not (self.daemon and quit):
            pids += {self.process.pid} - {*pids}
        for pid in pids:
            try:
                os.kill(pid, signal.SIGQUIT if quit and pid == pids[0]
                        else signal.SIGTERM)
            except ProcessLookupError:
                pass

        try:
            wait_for(lambda: not self.running() and not self._group_alive(),
                     timeout, "nginx to stop")
        except AssertionError:
            self._kill_group()
            raise
        return self.process.returncode

    def kill(self):
        """SIGKILL for the master and all workers; none of them holds a port
        any more."""

        self._kill_group()
        wait_for(lambda: not self._group_alive(), 20, "nginx to be gone")

    def _group_alive(self):
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _kill_group(self):
        try:
            os.killpg(self.process.pid, signal.SIGUSR1 if self.daemon
                      else signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    # workers

    def _started(self, log, master=None):
        """Pids of the workers of the last generation in the log."""

        pids = []
        for line in log.splitlines():
            m = re.search(r" (\d+)#\d+: start worker process(es| (\d+))$",
                          line)
            if not m or (master and int(m.group(1)) != master):
                continue
            if m.group(2) == "es":
                pids = []
            else:
                pids.append(int(m.group(3)))
        return pids

    def workers(self):
        """Pids of the current generation's workers that are alive."""

        return [p for p in self._started(self.log(), self.master())
                if alive(p)]

    def kill_worker(self, pid=None, sig=signal.SIGKILL, respawn=True):
        """Kills one and waits until the master has started another."""

        pid = pid or self.workers()[0]
        offset = self.log_size()
        self.killed.add(pid)
        os.kill(pid, sig)
        if respawn:
            wait_for(lambda: re.search(r"start worker process \d",
                                       self.log(offset)),
                     10, "a new worker in place of %d" % pid)
        return pid

    # log

    def log_size(self):
        try:
            return os.stat(self.path("error.log")).st_size
        except OSError:
            return 0

    def log(self, offset=0):
        return self._read("error.log", offset)

    def access_log(self):
        return self._read("access.log")

    def wait_log(self, pattern, timeout=10, offset=0):
        return wait_for(lambda: re.search(pattern, self.log(offset)), timeout,
                        "%r in the error log" % pattern)

    def _read(self, name, offset=0):
        try:
            with open(self.path(name), "rb") as f:
                f.seek(offset)
                return f.read().decode(errors="replace")
        except OSError:
            return ""

    def expect(self, pattern):
        """Lines that match may be in the log although they are bad."""

        self.expected.append(re.compile(pattern))

    def complaints(self):
        """The lines for which a test fails."""

        own = "|".join(map(str, self.killed)) or "none"
        allowed = self.expected + [
            re.compile(r"worker process (%s) exited on signal" % own),
            re.compile(r"shared memory zone .* was locked by (%s)$" % own)]

        found = []
        names = ["error.log", "stderr"] + [
            os.path.basename(p) for kind in ("asan", "ubsan", "valgrind")
            for p in sorted(glob.glob(self.path(kind + ".*")))]
        for name in names:
            text = self._read(name)
            bad = [line for line in text.splitlines() if BAD.search(line)
                   and not any(e.search(line) for e in allowed)]
            if bad and name.startswith(("asan", "ubsan", "valgrind")):
                bad = [report(text)]
            elif name == "stderr":
                # nginx says there what it says in the log, before that opens
                bad = [line for line in bad if "nginx: [" not in line]
            found += ["%s: %s" % (name, line) for line in bad if line]
        return found


def report(text):
    """A sanitizer's report, without the leaks that are not the module's:
    nginx frees little when it exits."""

    if "LeakSanitizer: detected" not in text:
        return text
    return "\n\n".join(leak for leak in text.split("\n\n")
                       if "irect leak of" in leak and is_ours(leak))


def is_ours(leak):
    """Was it the module that allocated this, be it through a library?  What
    it took from a pool of nginx's is not meant: that goes with the pool."""

    for frame in re.findall(r"(?m)^\s*#\d+ \w+ (.*)$", leak):
        if "ngx_ess" in frame:
            return True
        if "/sbin/nginx" in frame and not re.match(
                r"in ngx_(alloc|calloc|memalign) ", frame):
            return False
    return False


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
