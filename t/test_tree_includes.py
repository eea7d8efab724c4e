"""Rules of the tree that need no compiler: who includes whom, line length."""

import glob
import os
import re

from nginx import TOP

# folder -> folders, or single headers, that its files may include
ALLOWED = {
    "amqp": {"amqp"},
    "source": {"source", "stream"},
    # they share a session, and who consumes has it
    "source/exchange": {"source/exchange", "source/rabbitmq", "amqp", "stream",
                        "ngx_ess_source.h"},
    "source/rabbitmq": {"source/rabbitmq", "amqp", "stream",
                        "ngx_ess_source.h"},
    "stream": {"stream"},
    "subscriber": {"subscriber", "stream", "transport", "ngx_ess_jwt.h"},
    "transport": {"transport", "ngx_ess_jwt.h"},
    "auth": {"auth", "ngx_ess_shm.h"},
    "console": {"console", "api", "ngx_ess_subscriber.h"},
    "registry": {"registry", "stream", "store", "ngx_ess_source.h"},
    "api": {"api", "stream", "ngx_ess_registry.h", "ngx_ess_source.h"},
    "store": {"store", "stream"},
}

# what every part shares
SHARED = {"ngx_ess.h", "ngx_ess_backoff.h", "ngx_ess_conf.h",
          "ngx_ess_conf_file.h", "ngx_ess_escape.h", "ngx_ess_fault.h",
          "ngx_ess_header.h", "ngx_ess_origin.h", "ngx_ess_param.h",
          "ngx_ess_str.h", "ngx_ess_wait.h"}


def sources():
    found = glob.glob(os.path.join(TOP, "src", "**", "*.[ch]"),
                      recursive=True)
    return sorted(found + [os.path.join(TOP, "ngx_ess_module.c")])


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
               "ngx_ess_amqp.h": "amqp", "ngx_ess_source.h": "source",
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
            elif "ngx_ess_shm_lock(" in line:
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
