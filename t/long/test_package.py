"""The Debian package, made and installed in a Debian that has nothing else.

Takes root and debootstrap; what it runs is in namespaces of its own."""

import os
import re
import shutil
import subprocess

import pytest

from nginx import TOP

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("debootstrap"),
    reason="takes root and debootstrap")

# what is run in the new root: mounts and processes go with the shell
INSIDE = """
set -e
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
mount -t tmpfs tmpfs {root}/run
{network}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root
exec chroot {root} sh -ec '{command}'
"""


def run(root, command, network=True):
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    if not network:
        unshare.append("--net")
    p = subprocess.run(
        unshare + ["sh", "-c", INSIDE.format(
            root=root, command=command,
            network="" if network else "ip link set lo up")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    assert p.returncode == 0, p.stdout[-6000:]
    return p.stdout


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A Debian that takes its packages from where this machine does."""

    root = str(tmp_path_factory.mktemp("debian"))
    os.chmod(root, 0o755)
    uris = re.findall(r"(?m)^URIs: (\S+)|^deb (?:\[.*?\] )?(\S+)", "".join(
        open(os.path.join(folder, name)).read()
        for folder, _, names in os.walk("/etc/apt") for name in names
        if name.endswith((".sources", ".list"))))
    subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root,
                    next(a or b for a, b in uris)], check=True,
                   stdout=subprocess.DEVNULL, env=dict(os.environ, LC_ALL="C"))
    shutil.rmtree(os.path.join(root, "etc/apt"))
    shutil.copytree("/etc/apt", os.path.join(root, "etc/apt"))
    shutil.copy("/etc/resolv.conf", os.path.join(root, "etc/resolv.conf"))
    shutil.copytree(TOP, os.path.join(root, "src"), ignore=lambda folder, _:
                    ["build", "run", ".git"] if folder == TOP else [])
    return root


@pytest.mark.seconds(1800)
def test_package(root):
    out = run(root, "apt-get -q update && apt-get -qy install"
              " --no-install-recommends make && cd /src && make deb")
    assert re.search(r"/src/build/deb/libnginx-mod-ess_\S+\.deb", out)
    assert not re.search(r"(?m)^[EW]: libnginx-mod-ess", out)

    run(root, "printf \"#!/bin/sh\\nexit 101\\n\" > /usr/sbin/policy-rc.d &&"
        " chmod 755 /usr/sbin/policy-rc.d &&"
        " apt-get -qy purge nginx-dev nginx && apt-get -qy autoremove &&"
        " apt-get -qy install --no-install-recommends"
        " nginx rabbitmq-server curl jq amqp-tools procps"
        " /src/build/deb/libnginx-mod-ess_*.deb &&"
        " rm /usr/sbin/policy-rc.d")
    out = run(root, "cd /src && debian/tests/deliver", network=False)
    assert "an event was delivered, and the stream survived" in out
    run(root, "test -e /usr/share/man/man7/libnginx-mod-ess.7.gz")
    run(root, "apt-get -qy purge libnginx-mod-ess")
    assert not os.path.exists(root + "/var/lib/nginx/ess")
    assert not os.path.exists(root + "/etc/nginx/modules-enabled/"
                              "50-mod-ess.conf")
