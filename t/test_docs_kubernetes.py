"""docs/kubernetes.md: its manifests fit together, and its nginx.conf runs."""

import os
import re

import pytest
import yaml

from api import Api
from clients import Clients
from nginx import TOP
from wait import wait_for


@pytest.fixture(scope="module")
def manifests():
    with open(os.path.join(TOP, "docs", "kubernetes.md")) as f:
        blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```$", f.read())
    found = {}
    for block in blocks:
        for m in yaml.safe_load_all(block):
            key = m["kind"], m["metadata"]["name"]
            assert key not in found
            found[key] = m
    return found


def test_manifests(manifests):
    pod = manifests["Deployment", "ess"]["spec"]["template"]
    labels = pod["metadata"]["labels"]
    container = pod["spec"]["containers"][0]
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    conf = manifests["ConfigMap", "ess"]["data"]["nginx.conf"]

    assert manifests["Deployment", "ess"]["spec"]["selector"][
        "matchLabels"] == labels
    for kind in "Service", "PodDisruptionBudget", "NetworkPolicy":
        for (k, name), m in manifests.items():
            if k == kind:
                selector = m["spec"].get("selector") \
                    or m["spec"]["podSelector"]
                assert selector.get("matchLabels", selector) == labels
    for name in "ess", "ess-internal":
        for p in manifests["Service", name]["spec"]["ports"]:
            assert p["targetPort"] in ports
    for port in ports.values():
        assert re.search(r"listen %d\b" % port, conf)
    for probe in "readinessProbe", "livenessProbe":
        assert container[probe]["httpGet"]["port"] in ports

    # mounts are of volumes, of what there is, where the configuration looks
    volumes = {v["name"]: v for v in pod["spec"]["volumes"]}
    mounts = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    assert set(mounts) == set(volumes)
    assert volumes["conf"]["configMap"]["name"] == "ess"
    assert ("Secret", volumes["secrets"]["secret"]["secretName"]) in manifests
    assert ("PersistentVolumeClaim", volumes["streams"][
        "persistentVolumeClaim"]["claimName"]) in manifests
    assert mounts["conf"] + "/nginx.conf" in container["command"]
    secret = manifests["Secret", "ess"]["stringData"]
    assert re.search("password_file=%s/(.*);" % mounts["secrets"],
                     conf).group(1) in secret
    assert "ess_store       %s/" % mounts["streams"] in conf

    # there is time for all of it
    def seconds(name):
        return int(re.search(r"%s\s+(\d+)s;" % name, conf).group(1))
    sleep = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert seconds("ess_drain") < seconds("worker_shutdown_timeout")
    assert pod["spec"]["terminationGracePeriodSeconds"] \
        > sleep + seconds("worker_shutdown_timeout")


def test_nginx_conf(manifests, nginx, vhost, tmp_path):
    conf = manifests["ConfigMap", "ess"]["data"]["nginx.conf"]
    container = manifests["Deployment", "ess"]["spec"]["template"]["spec"][
        "containers"][0]
    folder = tmp_path / "nginx"
    folder.mkdir()
    (folder / "amqp-password").write_text("guest\n")
    (folder / "amqp-password").chmod(0o600)
    for old, new in (
            ("load_module modules/ngx_ess_module.so;\n", ""),
            ("user www-data;\n", ""),
            ("worker_processes auto;", "worker_processes 2;"),
            ("worker_rlimit_nofile 131072;", ""),
            ("worker_connections 65536;", "worker_connections 1024;"),
            ("error_log /dev/stderr info;\n", ""),
            ("pid /run/nginx.pid;\n", ""),
            ("/var/lib/nginx/ess/", "%%DIR%%/"),
            ("amqp://ess@rabbitmq:5672/", vhost.url.replace(":guest@", "@")),
            ("/etc/nginx/secrets/", "%%DIR%%/"),
            ("wss://events.example.com/", "ws://127.0.0.1:%%PORT0%%/"),
            ("listen 8080 ", "listen 127.0.0.1:%%PORT0%% "),
            ("listen 8081", "listen 127.0.0.1:%%PORT1%%")):
        assert conf.count(old) == 1, old
        conf = conf.replace(old, new)
    n = nginx(conf)
    api = Api(n.port(1))
    for probe in "readinessProbe", "livenessProbe":
        path = container[probe]["httpGet"]["path"]
        wait_for(lambda: api.request("GET", path).status == 200)
    stream = api.create("abc")
    assert stream.location.startswith("ws://127.0.0.1:")
    with Clients([stream.location] * 4) as clients:
        vhost.publish("abc", ["x"])
        clients.wait(1)
        assert api.request("POST", "/publish/abc", "y").status == 202
        clients.wait(2)
        # what the pod's end does
        assert n.stop() == 0
        clients.wait_closed()
        assert {c.close_code for c in clients} == {1001}
