"""conf/kubernetes: the manifests fit together, and their nginx.conf runs."""

import glob
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
    found = {}
    for path in glob.glob(os.path.join(TOP, "conf", "kubernetes", "*.yaml")):
        with open(path) as f:
            for m in yaml.safe_load_all(f):
                key = m["kind"], m.get("metadata", {}).get("name")
                assert key not in found
                found[key] = m
    return found


def test_kustomization_has_all(manifests):
    names = {os.path.basename(p) for p in glob.glob(
        os.path.join(TOP, "conf", "kubernetes", "*.yaml"))}
    assert set(manifests["Kustomization", None]["resources"]) \
        == names - {"kustomization.yaml"}


def test_pod_is_restricted(manifests):
    """What the Pod Security Standard of that name asks for."""

    pod = manifests["Deployment", "ess"]["spec"]["template"]["spec"]
    container, = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] != 0
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]}}
    assert not any("hostPath" in v for v in pod["volumes"])

    # what nginx writes is on a volume
    conf = manifests["ConfigMap", "ess"]["data"]["nginx.conf"]
    assert not re.search(r"(?m)^ *user\b", conf)
    written = re.findall(r"(?m)^ *(?:pid|\w+_temp_path|ess_store) +([^;]+);",
                         conf)
    assert len(written) == 7
    writable = [m["mountPath"] for m in container["volumeMounts"]
                if m["name"] in ("tmp", "streams")]
    for path in written:
        assert any(path.startswith(w + "/") for w in writable), path


def test_gateway_and_monitor_lead_to_the_services(manifests):
    route = manifests["HTTPRoute", "ess"]["spec"]
    gateway = manifests["Gateway", route["parentRefs"][0]["name"]]
    assert gateway["spec"]["listeners"][0]["hostname"] in route["hostnames"]
    rule, = route["rules"]
    backend, = rule["backendRefs"]
    service = manifests["Service", backend["name"]]["spec"]
    assert backend["port"] in [p["port"] for p in service["ports"]]
    assert set(rule["timeouts"].values()) == {"0s"}

    conf = manifests["ConfigMap", "ess"]["data"]["nginx.conf"]
    path = rule["matches"][0]["path"]["value"]
    assert "wss://%s%s" % (route["hostnames"][0], path) in conf

    monitor = manifests["ServiceMonitor", "ess"]["spec"]
    endpoint, = monitor["endpoints"]
    internal = manifests["Service", "ess-internal"]
    assert monitor["selector"]["matchLabels"] == internal["metadata"]["labels"]
    assert endpoint["port"] in [p["name"] for p in internal["spec"]["ports"]]
    # the public one has not the labels
    assert "labels" not in manifests["Service", "ess"]["metadata"]
    assert "location = %s " % endpoint["path"] in conf


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
            ("worker_processes auto;", "worker_processes 2;"),
            ("worker_rlimit_nofile 131072;", ""),
            ("worker_connections 65536;", "worker_connections 1024;"),
            ("error_log stderr info;\n", ""),
            ("pid /tmp/nginx.pid;\n", ""),
            ("/var/lib/nginx/ess/", "%%DIR%%/"),
            ("amqp://ess@rabbitmq:5672/", vhost.url.replace(":guest@", "@")),
            ("/etc/nginx/secrets/", "%%DIR%%/"),
            ("wss://events.example.com/", "ws://127.0.0.1:%%PORT0%%/"),
            ("listen 8080 ", "listen 127.0.0.1:%%PORT0%% "),
            ("listen 8081", "listen 127.0.0.1:%%PORT1%%")):
        assert conf.count(old) == 1, old
        conf = conf.replace(old, new)
    # the fixture has these
    conf = re.sub(r"(?m)^ +\w+_temp_path .*\n", "", conf)
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
