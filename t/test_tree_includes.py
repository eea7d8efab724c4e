"""Rules of the tree that need no compiler: who includes or calls whom, where
a function is declared, how long lines and files are."""

import functools
import glob
import os
import re

from nginx import TOP

# between where events come from and those who need or bring them
SEAM = "ngx_ess_source.h"

# folder -> folders, or single headers, that its files may include
ALLOWED = {
    "amqp": {"amqp"},
    "source": {"source", "stream", SEAM},
    # they share a session, and who consumes has it
    "source/exchange": {"source/exchange", "source/rabbitmq", "amqp", "stream",
                        SEAM},
    "source/event_log": {"source/event_log", "events", "stream", SEAM,
                         "ngx_ess_follower.h"},
    "source/rabbitmq": {"source/rabbitmq", "amqp", "stream", SEAM,
                        "ngx_ess_follower.h"},
    "stream": {"stream", "ngx_ess_zone_check.h", "ngx_ess_zone_fault.h"},
    "subscriber": {"subscriber", "stream", "encoding", SEAM},
    "client": {"client", "subscriber", "stream", "transport", "encoding", SEAM,
               "request", "ngx_ess_jwt.h", "ngx_ess_registry_created.h"},
    "transport": {"transport", "ngx_ess_jwt.h"},
    # a frame of a WebSocket is made where its message is
    "encoding": {"encoding", "ngx_ess_ws_codec.h"},
    "auth": {"auth", "ngx_ess_counter.h", "ngx_ess_zone.h"},
    # what nginx runs for nobody's client knows nothing of who wants it
    "request": {"request"},
    "rpc": {"rpc", "request", "amqp"},
    "console": {"console", "api", "ngx_ess_client_enter.h"},
    "registry": {"registry", "stream", "store", SEAM},
    "api": {"api", "stream", "ngx_ess_registry.h", "ngx_ess_rpc_report.h",
            "ngx_ess_registry_created.h", "ngx_ess_event_log_figures.h",
            SEAM},
    "store": {"store", "stream", "sqlite", SEAM},
    "sqlite": {"sqlite"},
    "schema": {"schema"},
    # what a server tells of itself
    "openapi": {"openapi", "events", "schema", "ngx_ess_api_answer.h",
                "ngx_ess_jwt.h"},
    "events": {"events", "schema", "sqlite", "ngx_ess_client_enter.h",
               "ngx_ess_conf_stream.h"},
    "events/postgresql": {"events/postgresql", "events"},
    # what only a test build has
    "../fault": {"../fault", "stream"},
}

# what every part shares
SHARED = {"ngx_ess.h", "ngx_ess_accept.h", "ngx_ess_backoff.h", "ngx_ess_body.h",
          "ngx_ess_conf.h",
          "ngx_ess_conf_file.h", "ngx_ess_conf_limits.h",
          "ngx_ess_conf_scope.h", "ngx_ess_conf_serve.h",
          "ngx_ess_date.h", "ngx_ess_decode.h", "ngx_ess_descriptor.h",
          "ngx_ess_escape.h", "ngx_ess_gzip.h", "ngx_ess_hash.h",
          "ngx_ess_header.h", "ngx_ess_inflate.h", "ngx_ess_json.h",
          "ngx_ess_json_canonical.h", "ngx_ess_json_list.h",
          "ngx_ess_json_number.h",
          "ngx_ess_json_pointer.h", "ngx_ess_json_portable.h",
          "ngx_ess_json_read.h",
          "ngx_ess_json_string.h",
          "ngx_ess_key.h", "ngx_ess_metric.h", "ngx_ess_name.h",
          "ngx_ess_origin.h",
          "ngx_ess_param.h",
          "ngx_ess_percent.h", "ngx_ess_problem.h", "ngx_ess_str.h",
          "ngx_ess_trouble.h", "ngx_ess_turn.h", "ngx_ess_utf8.h",
          "ngx_ess_wait.h"}


def sources():
    found = [p for folder in ("src", "fault") for p in glob.glob(
        os.path.join(TOP, folder, "**", "*.[ch]"), recursive=True)]
    return sorted(found + [os.path.join(TOP, "ngx_ess_module.c")])


@functools.lru_cache(maxsize=None)
def read(path):
    with open(path) as f:
        return f.read()


def folder_of(path):
    return os.path.relpath(os.path.dirname(path), os.path.join(TOP, "src"))


def folder_of_header():
    return {os.path.basename(p): folder_of(p)
            for p in sources() if p.endswith(".h")}


def wrong_includes(folder, text, folders):
    """Headers that a file of the folder must not include."""

    wrong = []
    for header in re.findall(r'(?m)^\s*#\s*include\s+[<"]([^">]+)[">]', text):
        header = os.path.basename(header)
        if (header in folders and header not in SHARED
                and header not in ALLOWED[folder]
                and folders[header] not in ALLOWED[folder]):
            wrong.append(header)
    return wrong


def test_includes_go_one_way():
    folders = folder_of_header()
    wrong = []
    for path in sources():
        folder = folder_of(path)
        if folder in ALLOWED:
            wrong += ["%s includes %s" % (os.path.relpath(path, TOP), h)
                      for h in wrong_includes(folder, read(path), folders)]
    assert wrong == []


def test_the_check_finds_something():
    folders = {"ngx_ess_api.h": "api", "ngx_ess_ws_codec.h": "transport",
               "ngx_ess_amqp.h": "amqp", "ngx_ess_source.h": ".",
               "ngx_ess_log.h": "stream",
               "ngx_ess_exchange_slot.h": "source/exchange",
               "ngx_ess_exchange_item.h": "source/exchange"}
    text = "".join('#include "%s"\n' % h for h in folders)
    assert wrong_includes("source", text, folders) == [
        "ngx_ess_api.h", "ngx_ess_ws_codec.h", "ngx_ess_amqp.h",
        "ngx_ess_exchange_slot.h", "ngx_ess_exchange_item.h"]
    assert wrong_includes("source/exchange", text, folders) == [
        "ngx_ess_api.h", "ngx_ess_ws_codec.h"]
    assert wrong_includes("source/rabbitmq", text, folders) == [
        "ngx_ess_api.h", "ngx_ess_ws_codec.h", "ngx_ess_exchange_slot.h",
        "ngx_ess_exchange_item.h"]
    assert wrong_includes("amqp", text, folders) == [
        "ngx_ess_api.h", "ngx_ess_ws_codec.h", "ngx_ess_source.h",
        "ngx_ess_log.h", "ngx_ess_exchange_slot.h", "ngx_ess_exchange_item.h"]
    assert wrong_includes("api", text, folders) == [
        "ngx_ess_ws_codec.h", "ngx_ess_amqp.h", "ngx_ess_exchange_slot.h",
        "ngx_ess_exchange_item.h"]
    assert len(wrong_includes("transport", text, folders)) == 6


def test_amqp_knows_no_stream():
    """A client of a broker is of use to whatever else speaks AMQP."""

    folders = folder_of_header()
    found = set()
    for path in sources():
        if folder_of(path) == "amqp":
            found |= {h for h in re.findall(r'#include "(.*?)"', read(path))
                      if folders[h] != "amqp"}
    assert found == {"ngx_ess.h", "ngx_ess_backoff.h", "ngx_ess_conf_file.h",
                     "ngx_ess_escape.h", "ngx_ess_param.h", "ngx_ess_str.h"}


def test_every_folder_is_known():
    folders = {folder_of(p) for p in sources()} - {".", ".."}
    assert folders <= set(ALLOWED)


def test_names_and_lines():
    wrong = []
    for path in sources():
        name = os.path.relpath(path, TOP)
        if not os.path.basename(path).startswith("ngx_ess"):
            wrong.append("%s: the name lacks the prefix" % name)
        for number, line in enumerate(read(path).split("\n"), 1):
            what = [w for w, is_so in (
                ("more than 80 columns", len(line) > 80),
                ("a tab", "\t" in line),
                ("a blank at the end", line != line.rstrip()),
                ("assert()", re.search(r"\bassert\(", line)),
            ) if is_so]
            wrong += ["%s:%d: %s" % (name, number, w) for w in what]
    assert wrong == []


def test_every_hold_of_the_mutex_has_a_bound():
    """CONTRIBUTING.md has a row for each function that takes it."""

    taking = set()
    for path in sources():
        if not path.endswith(".c"):
            continue
        function = None
        for line in read(path).split("\n"):
            if re.match(r"[a-z_]+\(", line):
                function = line.split("(")[0]
            elif "ngx_ess_zone_lock(" in line:
                taking.add(function)
    rows = re.findall(r"^\| .*?`.*?\|",
                      read(os.path.join(TOP, "CONTRIBUTING.md")), re.M)
    named = set(re.findall(r"`(ngx_ess_\w+)`", "".join(rows)))
    assert taking == named


def test_config_names_every_source():
    config = read(os.path.join(TOP, "config"))
    listed = set(re.findall(r"\$ngx_addon_dir/(\S+\.c)\b(?!ss)", config))
    there = {os.path.relpath(p, TOP) for p in sources() if p.endswith(".c")}
    assert listed == there


@functools.lru_cache(maxsize=None)
def code_of(path):
    """A C file without comments and strings."""

    text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
    return re.sub(r'"(\\.|[^"\\\n])*"', '""', text)


@functools.lru_cache(maxsize=None)
def called_in(path):
    """Names with a parenthesis after them."""

    return frozenset(re.findall(r"\b\w+(?=\()", code_of(path)))


@functools.lru_cache(maxsize=None)
def declared_in(path):
    """The same but for names of macros, and what they stand for."""

    return frozenset(re.findall(r"\b\w+(?=\()", re.sub(
        r"(?m)^#define (.*\\\n)*.*\n", "", code_of(path))))


@functools.lru_cache(maxsize=None)
def exported_by(path):
    """Functions that are not static, found where nginx's style has them."""

    return frozenset(re.findall(r"(?m)^(?!static\b).*\n(\w+)\([^;{]*\)\n\{",
                                code_of(path)))


def stems(end):
    """The files with that end: "ngx_ess_log" -> its path."""

    return {os.path.splitext(os.path.basename(p))[0]: p
            for p in sources() if p.endswith(end)}


def calls_between_files():
    """file -> the files that have the functions that it calls"""

    files = stems(".c")
    home = {f: stem for stem, p in files.items() for f in exported_by(p)}
    return {stem: {home[f] for f in called_in(p) & set(home)} - {stem}
            for stem, p in files.items()}


def circles_of(calls):
    """The sets of files that lead to each other."""

    def from_here(start):
        seen, todo = set(), [start]
        while todo:
            new = calls[todo.pop()] - seen
            seen |= new
            todo += new
        return seen

    leads = {f: from_here(f) for f in calls}
    return {frozenset(g for g in leads[f] if f in leads[g])
            for f in calls if f in leads[f]}


def test_no_circles_of_files():
    assert [sorted(c) for c in circles_of(calls_between_files())] == []


def test_circles_are_found():
    calls = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(),
             "e": {"f"}, "f": {"g"}, "g": {"e", "a"}}
    assert circles_of(calls) == {frozenset("bc"), frozenset("efg")}


def test_sizes():
    """What outgrows 700 lines is two files."""

    paths = sources() + [
        p for name in ("unit/**/*.[ch]", "unit/**/*.py", "lib/*.py")
        for p in glob.glob(os.path.join(TOP, "t", name), recursive=True)]
    assert [os.path.relpath(p, TOP) for p in paths
            if read(p).count("\n") > 700] == []


def test_headers_declare_their_own_file():
    """ngx_ess_log_read.c has ngx_ess_log_read.h, or else ngx_ess_log.h."""

    headers = stems(".h")
    found = set()
    for stem, path in stems(".c").items():
        own = max((h for h in headers if (stem + "_").startswith(h + "_")),
                  key=len)
        found |= {(h, stem) for h, at in headers.items()
                  if h != own and declared_in(at) & exported_by(path)}
    assert found == set()
