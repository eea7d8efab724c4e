"""docs/directives.md has every directive as the module has it, and the man
page is made of it."""

import glob
import os
import re
import subprocess
import sys

import pytest

from nginx import TOP

CONTEXTS = {"MAIN": "http", "SRV": "server", "LOC": "location"}

# A default is what a field begins with, or a constant.
DEFAULTS = {
    "ess_store": "store",
    "ess_log size": "log_size",
    "ess_log count": "log_count",
    "ess_log age": "log_age",
    "ess_created idle": "idle_time",
    "ess_created max": "most",
    "ess_created rate": "rate",
    "ess_max_event": "max_event",
    "ess_max_memory": "max_memory",
    "ess_drain": "drain",
    "ess_deflate": "deflate",
    "ess_annotate": "annotate",
    "ess_authorize": "authorizes",
    "ess_body": "body",
    "ess_request": "release",
    "ess_ping 1": "ping_interval",
    "ess_ping 2": "ping_timeout",
    "ess_slow_client": "slow_skip",
    "ess_slow_client buffer": "slow_buffer",
    "ess_client_rate messages": "messages",
    "ess_client_rate bytes": "bytes",
    "ess_max_subscriptions": "max_subscriptions",
    "ess_max_subscriptions sse": "max_subscriptions_sse",
    "ess_origin": "origins",
    "ess_jwt": "enable",
    "ess_max_subscribers": "max",
    "ess_amqp exchange": "EXCHANGE_CONF_NAME",
    "ess_amqp type": "topic",
    "ess_amqp queues": "quorum",
    "ess_amqp prefetch": "prefetch",
    "ess_amqp heartbeat": "heartbeat",
    "ess_amqp expires": "expires",
    "ess_amqp max_length": "max_length",
    "ess_amqp idle": "idle",
    "ess_amqp verify": "verify",
    "ess_consume concurrency": "CONSUME_CONF_CONCURRENCY",
    "ess_consume timeout": "CONSUME_CONF_TIMEOUT",
    "ess_consume max_reply": "CONSUME_CONF_REPLY",
    "ess_consume retries": "CONSUME_CONF_RETRIES",
    "ess_consume retry_delay": "CONSUME_CONF_DELAY",
    "ess_rpc timeout": "CALL_CONF_TIMEOUT",
    "ess_rpc max": "CALL_CONF_MAX",
    "ess_rpc max_reply": "CALL_CONF_REPLY",
}

# the word that stands for the first of an enumeration, or none
WORDS = {"off": 0, "any": 0, "keep": 0, "close": 0, "direct": 0, "classic": 0,
         "value": 0, "on": 1}
UNITS = {"ms": 1, "s": 1000, "h": 3600000, "k": 1024, "m": 1024 ** 2, "": 1}

JWKS = """{"keys": [{"kty": "EC", "crv": "P-256", "use": "sig",
 "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
 "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"""


def read(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as f:
        return f.read()


def sources():
    names = glob.glob(os.path.join(TOP, "src", "**", "*.[ch]"), recursive=True)
    return [read(n) for n in names] + [read("ngx_ess_module.c")]


def commands():
    """Of the module's tables: directive -> the contexts in which it stands."""

    found = {}
    for text in sources():
        for name, where in re.findall(
                r'\{\s*ngx_string\("(ess_\w+)"\),\s*((?:NGX_\w+[|\s]*)+),',
                text):
            found[name] = [CONTEXTS[c] for c in re.findall(
                r"NGX_HTTP_(MAIN|SRV|LOC)_CONF\b", where)]
    return found


class Directive:
    def __init__(self, text):
        head, self.text = text.split("\n", 1)
        self.name = head.strip()
        syntax = re.search(
            r"(?s)\n    Syntax:  (.*?)\n    Default: (.*?)\n    Context: (.*?)"
            r"\n\n", self.text)
        self.syntax, self.default, self.context = (
            " ".join(g.split()) for g in syntax.groups())
        self.examples = re.findall(r"(?ms)^```nginx\n(.*?)^```$", self.text)


def page():
    text = read("docs", "directives.md")
    parts = re.split(r"(?m)^##+ ", text)
    return [Directive(p) for p in parts if p.startswith("ess_")]


def test_each_directive_is_there_once():
    names = [d.name for d in page()]
    assert sorted(names) == sorted(commands())
    contents = re.findall(r"\[(ess_\w+)\]\(#",
                          read("docs", "directives.md").split("\n## ")[0])
    assert contents == names


def test_contexts():
    table = commands()
    assert {d.name: d.context.split(", ") for d in page()} == table


def test_syntax_is_of_the_directive():
    for d in page():
        for one in re.findall(r"[^;]+;", d.syntax):
            assert one.strip(" ;").split(" ")[0] == d.name


def initial():
    """field or constant -> the value with which it begins"""

    text = "\n".join(sources())
    constants = dict(re.findall(
        r"(?m)^#define NGX_ESS_(\w+)\s+(\"[^\"]*\"|\(?[\d(][\d *()]*)",
        text))
    found = {k: v.strip('"') if v.startswith('"') else eval(v)
             for k, v in constants.items()
             if v.startswith('"') or v.count("(") == v.count(")")}
    for call in re.findall(
            r"ngx_conf_(?:init|merge)_(?:\w+_)?value\((.*?)\);", text, re.S):
        args = [a.strip() for a in call.split(",")]
        value = args[-1].replace("NGX_ESS_", "")
        found[re.split(r"->|\.", args[0])[-1]] = \
            0 if value == "NULL" else found.get(value, value)
    for field, value in re.findall(
            r"(\w+) == NGX_CONF_UNSET_\w+\) \{\s*\S+\1 = (\d+);", text):
        found.setdefault(field, value)
    # "on" of ess_deflate is the level
    for table, words in re.findall(
            r"ngx_conf_enum_t +\w+_([a-z]+_words)\[\] = \{(.*?)\};", text,
            re.S):
        for word, value in re.findall(r'ngx_string\("(\w+)"\), (\w+)', words):
            found["%s %s" % (table, word)] = found.get(
                value.replace("NGX_ESS_", ""), value)
    return found


def number(text):
    if text in WORDS:
        return WORDS[text]
    m = re.fullmatch(r"(\d+)([a-z]*)", text)
    return int(m.group(1)) * UNITS[m.group(2)] if m else text


def defaults(d):
    """What a directive's text says: "ess_log size" -> 65536"""

    found = {}
    words = d.default.strip(";").split(" ")
    if words[0] == d.name:
        plain = [w for w in words[1:] if "=" not in w]
        for i, w in enumerate(plain, 1):
            found[d.name + (" %d" % i if len(plain) > 1 else "")] = number(w)
        for w in words[1:]:
            if "=" in w:
                name, value = w.split("=")
                # minutes, where all others are sizes
                found["%s %s" % (d.name, name)] = number(
                    re.sub("^10m$", "600s", value) if name == "idle"
                    else value)
    if d.name in ("ess_amqp", "ess_consume", "ess_rpc"):
        for name, value in re.findall(r"(?m)^\| `(\w+)=?` \| ([^|]*) \|",
                                      d.text):
            value = value.strip("`")
            # words of these two are the first of their enumerations
            if value != "–" and " " not in value and (
                    d.name == "ess_amqp" or value[0].isdigit()):
                found["%s %s" % (d.name, name)] = number(value)
    return found


def test_defaults():
    began = initial()
    said = {}
    for d in page():
        said.update(defaults(d))
    assert set(said) == set(DEFAULTS)
    right = {k: began[v] for k, v in DEFAULTS.items()}
    assert {k: str(v) for k, v in said.items()} == {
        k: str(v) for k, v in right.items()}


@pytest.mark.parametrize("words,name", [
    (r"`min_size` \((\d+) without\)", "deflate_min"),
    (r"`level` is zlib's, 1 to 9 \((\d+) without\)", "deflate_words on"),
    (r"A batch has at most ([\d,]+) events", "PUBLISH_BATCH")])
def test_defaults_in_words(words, name):
    text = " ".join(read("docs", "directives.md").split())
    said = re.search(words, text).group(1)
    assert said.replace(",", "") == str(initial()[name])


def at_home(d, example):
    """A configuration in which an example stands where it may."""

    first = re.match(r"\w+", example).group()
    where = d.context.split(", ")[-1] if first.startswith("ess_") else \
        "server" if first == "location" else "http"
    lines = ["ess_zone streams 8m;",
             "ess_public_url ws://localhost:%%PORT0%%/;"]
    if d.name in ("ess_consume", "ess_rpc"):
        lines = ["ess_amqp amqp://guest:guest@127.0.0.1:5672/;"]
    if d.name in ("ess_event_log", "ess_events"):
        lines = ["ess_event_log audit %%DIR%%/audit.db;"]
    lines = [x for x in lines if x.split(" ")[0] != d.name]
    if where == "location":
        serves = not re.search("ess_(subscribe|api|publish|console)",
                               example)
        example = "location /event-stream/ {\n%s%s}\n" % (
            "ess_subscribe;\n" if serves else "", example)
    server = "server {\n    listen 127.0.0.1:%%%%PORT0%%%%;\n%s}\n" % (
        example if where != "http" else "")
    return "http {\n%s\n%s%s}\n" % (
        "\n".join(lines), example if where == "http" else "", server)


@pytest.mark.parametrize("d", page(), ids=lambda d: d.name)
def test_examples_are_accepted(nginx, d, tmp_path):
    assert len(d.examples) == 1
    conf = at_home(d, d.examples[0])
    assert d.name in conf
    for old, new in (("/etc/nginx/", "%%DIR%%/"),
                     ("/var/lib/nginx/", "%%DIR%%/")):
        conf = conf.replace(old, new)
    folder = tmp_path / "nginx"
    folder.mkdir()
    for name, text in (("ess.password", "secret\n"), ("jwks.json", JWKS),
                       ("event.schema.json",
                        read("conf", "event.schema.json"))):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    n = nginx(conf, start=False)
    code, output = n.test()
    assert code == 0, output
    assert "[warn]" not in output


def test_variables_are_there():
    text = read("docs", "directives.md").split("## Variables")[1]
    said = set(re.findall(r"\| `\$(ess_\w+?)_?(?:<claim>)?` \|", text))
    there = {n for t in sources() for n in re.findall(
        r'\{ ngx_string\("(ess_\w+)"\), NULL,', t)}
    assert said == there | {"ess_jwt", "ess_rpc_name"}


@pytest.fixture(scope="module")
def man():
    p = subprocess.run([sys.executable, os.path.join(TOP, "tools/man.py")],
                       stdout=subprocess.PIPE, check=True)
    return p.stdout


def test_man_page_has_each_directive(man):
    text = man.decode()
    assert re.findall(r'(?m)^\.SS "(ess_\w+)"$', text) == [
        d.name for d in page()]
    version = re.match(r"\S+ \((.*?)\)", read("debian", "changelog")).group(1)
    assert text.startswith(".TH LIBNGINX\\-MOD\\-ESS 7 ")
    assert 'ngx_ess_module %s"' % version in text.split("\n")[0]
    assert 'NGX_ESS_VERSION      "%s"' % version in read("src", "ngx_ess.h")
    for line in text.split("\n"):
        assert "](" not in line and "`" not in line, line


def test_man_page_is_well_formed(man):
    p = subprocess.run(["groff", "-man", "-ww", "-z", "-K", "utf8",
                        "-T", "utf8"], input=man, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    assert (p.returncode, p.stdout) == (0, b"")
