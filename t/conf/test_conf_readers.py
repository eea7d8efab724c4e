"""What reads nginx's configurations without nginx reads those that are shipped:
crossplane parses them, and gixy (gixy-next, for the first one's last version
does not know Python 3.13) warns of nothing.  openapi-spec-validator reads
docs/openapi.yaml, and docker-compose's schema is that of compose.yaml.

They are in a virtual environment of their own, build/conf, at the versions of
requirements.txt."""

import glob
import json
import os
import re
import subprocess
import sys
import urllib.request

import jsonschema
import pytest
import yaml

from nginx import TOP

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(TOP, "build/conf")


def text_of(name):
    with open(os.path.join(TOP, name)) as f:
        return f.read()


def from_docker(tmp_path):
    conf = tmp_path / "docker.conf"
    subprocess.run(
        ["sh", os.path.join(TOP, "docker/entrypoint.sh"), "true"], check=True,
        env={"PATH": os.environ["PATH"], "ESS_CONF": str(conf),
             "ESS_TEMPLATE": os.path.join(TOP, "docker/nginx.conf.template"),
             "ESS_AMPQ_URL": "amqp://guest:guest@rabbitmq/",
             "ESS_INGRESS_LOCATION": "localhost"})
    return conf.read_text()


def from_documents():
    """Whole configurations of README, docs and manifests: name -> text."""

    found = {}
    for path in [os.path.join(TOP, "README.md")] + sorted(
            glob.glob(os.path.join(TOP, "docs/*.md"))
            + glob.glob(os.path.join(TOP, "conf/kubernetes/*.yaml"))):
        name = os.path.relpath(path, TOP)
        fences = [("yaml", text_of(path))] if path.endswith(".yaml") else \
            re.findall(r"(?ms)^```(nginx|yaml)\n(.*?)^```$", text_of(path))
        for number, (kind, text) in enumerate(fences):
            texts = [text] if kind == "nginx" else [
                t for m in yaml.safe_load_all(text) if m
                for t in m.get("data", {}).values()]
            found.update(("%s, block %d" % (name, number), t)
                         for t in texts if "load_module" in t)
    return found


DOCUMENTS = from_documents()
SHIPPED = sorted(glob.glob(os.path.join(TOP, "conf/*.conf"))
                 + glob.glob(os.path.join(TOP, "examples/*/nginx.conf")))


@pytest.fixture(scope="module")
def tools():
    """The folder of the tools' programs."""

    for command in (
            [sys.executable, "-m", "venv", "--clear", VENV],
            [os.path.join(VENV, "bin/pip"), "install", "--quiet",
             "--require-hashes", "--no-deps",
             "-r", os.path.join(HERE, "requirements.txt")]):
        p = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert p.returncode == 0, p.stdout[-4000:]
    return os.path.join(VENV, "bin")


@pytest.fixture(params=[os.path.relpath(p, TOP) for p in SHIPPED]
                + ["docker/nginx.conf.template"] + sorted(DOCUMENTS))
def conf(request, tmp_path):
    """The path of a configuration, alone in a folder."""

    name = request.param
    if name.startswith("docker/"):
        text = from_docker(tmp_path)
    else:
        text = DOCUMENTS.get(name) or text_of(name)
    path = tmp_path / "nginx.conf"
    path.write_text(text)
    return str(path)


def read(tools, *command):
    p = subprocess.run([os.path.join(tools, command[0]), *command[1:]],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True)
    assert p.stdout.strip(), p.stderr
    return json.loads(p.stdout)


def crossplane(tools, path):
    return read(tools, "crossplane", "parse", path)


def gixy(tools, path):
    """What it finds of medium or high severity."""

    return [(i["plugin"], i["severity"], i["reason"])
            for i in read(tools, "gixy", "-ll", "-f", "json", path)]


def names(block):
    for d in block:
        yield d["directive"]
        yield from names(d.get("block", []))


def test_shipped_are_there():
    assert len(SHIPPED) >= 2
    assert any(name.startswith("README.md") for name in DOCUMENTS)
    assert any(name.startswith("conf/kubernetes/nginx.yaml") for name in DOCUMENTS)


def test_crossplane_parses(tools, conf):
    payload = crossplane(tools, conf)
    assert (payload["status"], payload["errors"]) == ("ok", [])
    parsed = payload["config"][0]["parsed"]
    with open(conf) as f:
        assert set(re.findall(r"(?m)^\s*(?:location [^{#]*\{ *)?(ess_\w+)",
                              f.read())) <= set(names(parsed))


def test_gixy_finds_nothing(tools, conf):
    assert gixy(tools, conf) == []


def test_they_do_find_what_is_wrong(tools, tmp_path):
    path = tmp_path / "nginx.conf"
    path.write_text("worker_processes auto;\nevents {}\nhttp {\n    server {\n"
                    "        location / { proxy_pass http://$arg_host; }\n"
                    "    }\n}\n")
    assert [severity for plugin, severity, _ in gixy(tools, str(path))
            if plugin == "ssrf"] == ["HIGH"]
    path.write_text("events {}\nhttp {\n    server { listen; }\n}\n")
    assert crossplane(tools, str(path))["status"] == "failed"


def validate(tools, path):
    """What openapi-spec-validator says of a document."""

    return subprocess.run(
        [os.path.join(tools, "python"), "-m", "openapi_spec_validator",
         "--schema", "3.1", path],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)


def test_openapi(tools, tmp_path):
    p = validate(tools, os.path.join(TOP, "docs/openapi.yaml"))
    assert p.returncode == 0, p.stdout
    wrong = tmp_path / "openapi.yaml"
    wrong.write_text(text_of("docs/openapi.yaml").replace(
        "      responses:\n", "      answers:\n", 1))
    assert validate(tools, str(wrong)).returncode != 0


GENERATED = """
http {
    ess_zone       streams 4m;
    ess_amqp       amqp://127.0.0.1:1/;
    ess_public_url ws://127.0.0.1/;
    ess_event_log  audit %%DB%% schema=%%SCHEMA%% id=event_id
                   time=timestamp type=type;
    ess_event_log  b_c-d %%DB%%2;

    server {
        listen      127.0.0.1:%%PORT0%%;
        server_name "api\\"x.example.com";
        location /event-stream/  { ess_api; }
        location /publish/       { ess_publish; location /publish/x/ { ess_publish; } }
        location /s/             { ess_subscribe; }
        location = /s            { ess_subscribe $arg_stream; }
        location = /multi        { ess_subscribe multi; }
        location /calls/         { ess_rpc work; }
        location = /call         { ess_rpc work; }
        location = /healthz      { ess_health; }
        location /metrics        { ess_metrics; }
        location /v1/events      { ess_events audit; }
        location /v1/events/     { ess_events audit strict; }
        location /v2/events/     { ess_events b_c-d; }
        location /v3/events/     {
            ess_events b_c-d;
            auth_basic ESS;
            limit_except GET { deny all; }
        }
        location = /ingest       { ess_events b_c-d strict; }
        location = /openapi.json { ess_openapi; }
    }

    server {
        listen   127.0.0.1:%%PORT1%%;
        location / { ess_openapi; }
    }
}
"""


def test_generated_openapi(tools, nginx, tmp_path):
    """What ess_openapi says of servers with all that can be described, and
    with nothing."""

    n = nginx(GENERATED, 1, db=str(tmp_path / "audit.db"),
              schema=os.path.join(TOP, "conf/event.schema.json"))
    n.expect("connect\\(\\) failed")
    for number in range(2):
        with urllib.request.urlopen("http://127.0.0.1:%d/openapi.json"
                                    % n.port(number)) as answer:
            text = answer.read()
        path = tmp_path / "openapi.json"
        path.write_bytes(text)
        p = validate(tools, str(path))
        assert p.returncode == 0, p.stdout
    assert len(json.loads(text)["paths"]) == 0


@pytest.fixture
def compose(tools):
    """The schema: docker-compose itself has more dependencies than that."""

    with open(glob.glob(os.path.join(
            VENV, "lib/python3*/site-packages/compose/config",
            "compose_spec.json"))[0]) as f:
        return jsonschema.Draft7Validator(json.load(f))


@pytest.mark.parametrize("path", ["docker/compose.yaml",
                                  "examples/rpc/compose.yaml"])
def test_compose(compose, path):
    found = yaml.safe_load(text_of(path))
    assert [e.message for e in compose.iter_errors(found)] == []
    folder = os.path.dirname(path)
    for name, service in found["services"].items():
        for other in service.get("depends_on", []):
            assert other in found["services"]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in found.get("volumes", {}) or os.path.exists(
                os.path.join(TOP, folder, source)), source
        if "build" in service:
            build = service["build"]
            context = build if isinstance(build, str) else build["context"]
            file = "Dockerfile" if context == build else build["dockerfile"]
            assert os.path.exists(os.path.join(TOP, folder, context, file))
    found["services"][name]["port"] = []
    assert list(compose.iter_errors(found))


def test_compose_changes_the_addresses(tmp_path):
    """What examples/rpc/compose.yaml makes of nginx.conf has the services'
    names in it."""

    command = yaml.safe_load(text_of("examples/rpc/compose.yaml"))["services"][
        "nginx"]["command"][-1]
    script = command.split("exec ")[0].replace("$$", "$").replace(
        "/etc/ess/nginx.conf", os.path.join(TOP, "examples/rpc/nginx.conf"))
    script = script.replace("/etc/nginx/nginx.conf", str(tmp_path / "made"))
    subprocess.run(["sh", "-ec", script], check=True)
    made = (tmp_path / "made").read_text()
    for word in ("@broker:5672/", "server app:8000;", "listen 8081;",
                 "error_log stderr;"):
        assert made.count(word) == 1, word
    assert "127.0.0.1" not in made
