"""Tests that are skipped: what and why is said at the end of a run, and where
the environment has CI those fail it that t/skips.txt does not name.

A line there is "pattern: reason": of the test's id, and of the beginning of
what it says when it is skipped."""

import fnmatch

import pytest


def read(path):
    """(pattern, reason) of each line."""

    with open(path) as f:
        lines = [line.strip() for line in f]
    return [tuple(line.split(": ", 1)) for line in lines
            if line and not line.startswith("#")]


def is_named(allowed, test, reason):
    return any(fnmatch.fnmatchcase(test, "*" + name)
               and reason.startswith(why) for name, why in allowed)


class Skips:
    """A plugin of pytest's main process."""

    def __init__(self, path, strict):
        self.allowed = read(path)
        self.strict = strict
        self.found = []             # (test, reason)

    def pytest_runtest_logreport(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            # brackets are for the patterns
            test = report.nodeid.replace("[", "(").replace("]", ")")
            self.found.append((test, report.longrepr[2].split(": ", 1)[-1]))

    def unnamed(self):
        return [s for s in self.found if not is_named(self.allowed, *s)]

    def pytest_sessionfinish(self, session):
        if self.strict and self.unnamed() and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        for test, reason in sorted(self.found):
            terminalreporter.write_line("skipped: %s: %s" % (test, reason))
        if self.strict:
            for test, reason in sorted(self.unnamed()):
                terminalreporter.write_line(
                    "ERROR: skipped, but not in t/skips.txt: %s" % test,
                    red=True)
