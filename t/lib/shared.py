"""A server for a whole run: started by the first test that needs it, in a
process of its own, and stopped when pytest's main process ends, however it
ends.  `node' below has start(), running() and kill()."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys

import rabbitmq_node
from wait import wait_for


class Shared:
    """Seen from one test process.  program: the file that calls serve()."""

    def __init__(self, folder, program, what):
        self.folder = folder
        self.program = program
        self.what = what
        os.makedirs(folder, exist_ok=True)

    def _state(self):
        try:
            with open(os.path.join(self.folder, "state")) as f:
                return json.load(f)
        except (OSError, ValueError):
            return None

    def start(self, controller, words):
        """Unless it runs.  controller: the pid with which it ends; words():
        further arguments of the program.  Returns what it said of itself."""

        with open(os.path.join(self.folder, "lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self._state()
            if state is not None:
                return state
            env = dict(os.environ, PYTHONPATH=os.path.dirname(
                os.path.abspath(rabbitmq_node.__file__)))
            p = subprocess.Popen(
                [sys.executable, os.path.abspath(self.program), self.folder,
                 str(controller), *map(str, words())],
                env=env, stdin=subprocess.DEVNULL, start_new_session=True)

            def started():
                if p.poll() is not None:
                    raise RuntimeError("%s did not start" % self.what)
                return self._state()

            return wait_for(started, 200, self.what, 0.05)

    def stop(self):
        state = self._state()
        if state is None:
            return
        try:
            os.kill(state["pid"], signal.SIGTERM)
        except ProcessLookupError:
            return

        def gone():
            try:
                os.kill(state["pid"], 0)
                # ours to reap if this very process started it
                return os.waitpid(state["pid"], os.WNOHANG)[0] != 0
            except ProcessLookupError:
                return True
            except ChildProcessError:
                return False

        wait_for(gone, 60, "%s to stop" % self.what)


def serve(folder, controller, node, **said):
    """Runs the node until SIGTERM or until the controller is gone; said: what
    the tests are to know of it."""

    try:
        fd = os.pidfd_open(controller)
    except ProcessLookupError:
        return

    reader, writer = os.pipe2(os.O_CLOEXEC)

    def stop(*args):
        os.write(writer, b".")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    try:
        node.start()
        new = os.path.join(folder, "state.new")
        with open(new, "w") as f:
            json.dump(dict(said, pid=os.getpid()), f)
        os.rename(new, os.path.join(folder, "state"))
        while node.running() and not select.select([fd, reader], [], [],
                                                   1)[0]:
            pass
    finally:
        node.kill()
