"""The examples that are shipped are configurations that nginx takes."""

import os
import re
import subprocess

import pytest

from api import Api
from nginx import MODULE, TOP
from ports import free_port
from wait import slower


def example(name):
    with open(os.path.join(TOP, name)) as f:
        return f.read()


def relocated(conf):
    """The same, in a folder of the test's, on its ports."""

    for old, new in (
            ("modules/ngx_ess_module.so", MODULE),
            ("/run/nginx.pid", "%%DIR%%/nginx.pid"),
            ("/var/log/nginx/", "%%DIR%%/"),
            ("/var/lib/nginx/", "%%DIR%%/"),
            ("listen 8080", "listen %%PORT0%%"),
            ("listen 8081", "listen %%PORT1%%"),
            ("listen 127.0.0.1:8081", "listen 127.0.0.1:%%PORT1%%"),
            # pytest's folders are open to one user only
            ("user www-data;", ""),
            ("worker_rlimit_nofile 65536;", "")):
        conf = conf.replace(old, new)
    return conf


def check(nginx, conf):
    n = nginx(relocated(conf), start=False)
    code, output = n.test()
    assert code == 0, output
    assert "test is successful" in output
    assert "[warn]" not in output
    return n


@pytest.mark.parametrize("name", ["minimal", "full"])
def test_conf_examples(nginx, name):
    check(nginx, example("conf/%s.conf" % name))


def test_full_shows_every_directive():
    module = example("ngx_ess_module.c") + example("src/auth/ngx_ess_jwt.c")
    directives = set(re.findall(r'ngx_string\("(ess_\w+[a-z])"\)', module))
    shown = set(re.findall(r"(?m)^\s*(ess_\w+)\s*[^;]*;",
                           example("conf/full.conf")))
    assert directives
    assert directives == shown


def entrypoint(tmp_path, **env):
    conf = tmp_path / "entry.conf"
    p = subprocess.run(
        ["sh", os.path.join(TOP, "docker/entrypoint.sh"), "echo", "ready"],
        env=dict({"PATH": os.environ["PATH"], "ESS_CONF": str(conf),
                  "ESS_TEMPLATE": os.path.join(
                      TOP, "docker/nginx.conf.template")}, **env),
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    return p, conf


@pytest.mark.parametrize("secure, url", [
    ("no", "ws://example.com/event-stream/"),
    ("yes", "wss://example.com/event-stream/"),
    ("Yes", "wss://example.com/event-stream/"),
])
def test_entrypoint(nginx, tmp_path, secure, url):
    p, conf = entrypoint(tmp_path,
                         ESS_AMPQ_URL="amqp://us:p%40ss@rabbit:5672/v%2Fh",
                         ESS_INGRESS_LOCATION="example.com",
                         ESS_INGRESS_SECURE=secure)
    assert (p.returncode, p.stdout) == (0, "ready\n")
    text = conf.read_text()
    assert "ess_public_url  %s;" % url in text
    assert '"amqp://us:p%40ss@rabbit:5672/v%2Fh"' in text
    assert not re.search(r"@[A-Z_]+@", text)
    check(nginx, text)


@pytest.mark.parametrize("env, message", [
    ({"ESS_INGRESS_LOCATION": "x"}, "ESS_AMPQ_URL must be set"),
    ({"ESS_AMPQ_URL": "amqp://h/"}, "ESS_INGRESS_LOCATION must be set"),
    ({"ESS_AMPQ_URL": "amqp://h/", "ESS_INGRESS_LOCATION": "x",
      "ESS_INGRESS_SECURE": "maybe"}, "must be yes or no"),
    ({"ESS_AMPQ_URL": 'amqp://h/";', "ESS_INGRESS_LOCATION": "x"},
     "ESS_AMPQ_URL must not have"),
    ({"ESS_AMPQ_URL": "amqp://h/", "ESS_INGRESS_LOCATION": "x\ny"},
     "ESS_INGRESS_LOCATION must not have"),
    ({"ESS_AMPQ_URL": "amqp://h/", "ESS_INGRESS_LOCATION": "a|b"},
     "ESS_INGRESS_LOCATION must not have"),
])
def test_entrypoint_refuses(tmp_path, env, message):
    p, conf = entrypoint(tmp_path, **env)
    assert p.returncode == 1
    assert message in p.stdout
    assert not conf.exists()


def test_image_can_be_watched(nginx, tmp_path):
    """Figures, publishing, and a health check that says what health says."""

    p, conf = entrypoint(tmp_path, ESS_AMPQ_URL="amqp://127.0.0.1:1/",
                         ESS_INGRESS_LOCATION="example.com",
                         ESS_STORE=str(tmp_path / "streams.db"))
    assert p.returncode == 0
    text = relocated(conf.read_text())
    for where in "/dev/stdout", "stderr notice":
        text = re.sub(r"(?m)^ *\w+_log %s;\n" % where, "", text)
    n = nginx(text)
    api = Api(n.port(1))
    assert api.request("GET", "/metrics").status == 200
    assert api.request("GET", "/publish/x").status == 405

    def check(port):
        p = subprocess.run(
            [os.path.join(TOP, "docker/healthcheck.sh")],
            env={"PATH": os.environ["PATH"], "ESS_API_PORT": str(port)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=30 * slower())
        return p.returncode, p.stdout

    code, said = check(n.port(1))
    assert code == 1 and "127.0.0.1:1" in said
    assert check(free_port())[0] == 1

    n.write_conf(text.replace(re.search(
        r"(?m)^ *ess_amqp .*$", text).group(), ""))
    n.reload()
    assert check(n.port(1)) == (0, '{"status":"ok"}')


def test_compose_opens_to_others_what_is_public_only():
    ports = re.findall(r'(?m)^ +- "([\d.:]+)"$', example("docker/compose.yaml"))
    assert [p for p in ports if not p.startswith("127.0.0.1:")] == [
        "8080:8080"]
    assert len(ports) > 1
