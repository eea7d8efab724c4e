"""The Debian package in Debians that have nothing else: made there, installed,
upgraded from the package of an older version and back, with event logs, removed
and purged; the package for PostgreSQL beside it; and `make run' with the
commands that it prints.

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

# suite -> the commit whose package is upgraded: of the last version
SUITES = {"bookworm": "375e292", "trixie": "375e292"}

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

# all but what packages write at any time
FILES = ("find /etc /usr /opt /var -xdev ! -path \"*/__pycache__*\""
         " ! -path \"/var/cache/*\" ! -path \"/var/lib/apt/*\""
         " ! -path \"/var/lib/dpkg/*\" ! -path \"/var/lib/rabbitmq/*\""
         " ! -path \"/var/lib/postgresql/*\""
         " ! -path \"/var/log/*\" ! -path \"/var/lib/nginx/[!e]*\" | sort")

# "make run" in the background, and what it tells its user to type
RUN = """
make run > /tmp/run.log 2>&1 &
n=0
until grep -q "Ctrl-C stops it" /tmp/run.log; do
    n=$((n + 1))
    [ $n -lt 9000 ] && kill -0 $! || { cat /tmp/run.log; exit 1; }
    sleep 0.1
done
grep "^    [ct]" /tmp/run.log | sed "s/^    //" > /tmp/commands
[ $(wc -l < /tmp/commands) = 3 ]
. /tmp/commands > /tmp/heard 2>&1
n=0
until grep -q "^{.message_type" /tmp/heard; do
    n=$((n + 1))
    [ $n -lt 100 ] || { cat /tmp/heard /tmp/run.log; exit 1; }
    sleep 0.1
done
cat /tmp/heard
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


def mirror():
    """Where this machine takes its packages from."""

    uris = re.findall(r"(?m)^URIs: (\S+)|^deb (?:\[.*?\] )?(\S+)", "".join(
        open(os.path.join(folder, name)).read()
        for folder, _, names in os.walk("/etc/apt") for name in names
        if name.endswith((".sources", ".list"))))
    return next(a or b for a, b in uris)


def debian(root, suite):
    subprocess.run(["debootstrap", "--variant=minbase", suite, root,
                    mirror()], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, LC_ALL="C"))
    # how apt reaches the mirror; the sources are debootstrap's
    for name in os.listdir("/etc/apt/apt.conf.d"):
        shutil.copy(os.path.join("/etc/apt/apt.conf.d", name),
                    os.path.join(root, "etc/apt/apt.conf.d"))
    shutil.copy("/etc/resolv.conf", os.path.join(root, "etc/resolv.conf"))


def old_source(root, commit):
    """The checkout of then, or why there is none."""

    folder = os.path.join(root, "old")
    os.mkdir(folder)
    archive = subprocess.run(["git", "-C", TOP, "archive", commit],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if archive.returncode != 0:
        return archive.stderr.decode()
    subprocess.run(["tar", "x", "-C", folder], input=archive.stdout,
                   check=True)
    # its version must be the lower one
    changelog = os.path.join(folder, "debian/changelog")
    with open(changelog) as f:
        text = f.read()
    with open(changelog, "w") as f:
        f.write(re.sub(r"\(.*?\)", "(0.1.0)", text, count=1))
    return None


@pytest.fixture(scope="module", params=SUITES)
def root(request, tmp_path_factory):
    """A new Debian, with the checkout in /src."""

    root = str(tmp_path_factory.mktemp(request.param))
    os.chmod(root, 0o755)
    debian(root, request.param)
    shutil.copytree(TOP, os.path.join(root, "src"), ignore=lambda folder, _:
                    ["build", "run", ".git"] if folder == TOP else [])
    run(root, "apt-get -q update &&"
        " apt-get -qy install --no-install-recommends make")
    yield root, SUITES[request.param]
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.seconds(1800)
def test_make_run(root):
    root, _ = root
    with open(os.path.join(root, "run.sh"), "w") as f:
        f.write(RUN)
    run(root, "cd /src && make run-deps")
    out = run(root, "cd /src && sh -e /run.sh", network=False)
    # whichever of the two was first
    sent = re.search(r"(?m)^sent (\{.*\})$", out).group(1)
    assert sent in out.split("\n")


@pytest.mark.seconds(3600)
def test_package(root):
    root, commit = root
    reason = old_source(root, commit)
    for folder in ["src"] + ["old"] * (reason is None):
        out = run(root, "cd /%s && make deb LINT=1" % folder)
        assert re.search(r"/build/deb/libnginx-mod-ess_\S+\.deb", out)
        assert not re.search(r"(?m)^[EW]: libnginx-mod-ess", out)

    run(root, "printf \"#!/bin/sh\\nexit 101\\n\" > /usr/sbin/policy-rc.d &&"
        " chmod 755 /usr/sbin/policy-rc.d &&"
        " apt-get -qy purge nginx-dev nginx && apt-get -qy autoremove &&"
        " apt-get -qy install --no-install-recommends nginx rabbitmq-server"
        " curl jq amqp-tools procps libcjson1 librabbitmq4 libsqlite3-0"
        " sqlite3 postgresql")
    before = run(root, FILES)

    first = "/src" if reason else "/old"
    run(root, "apt-get -qy install --no-install-recommends"
        " %s/build/deb/libnginx-mod-ess_*.deb &&"
        " rm /usr/sbin/policy-rc.d" % first)
    out = run(root, "cd %s && debian/tests/deliver%s" % (
        first, "" if reason else " && /src/t/long/upgrade.sh"
        " /src/build/deb/libnginx-mod-ess_*.deb"
        " /old/build/deb/libnginx-mod-ess_*.deb"), network=False)
    assert "an event was delivered, and the stream survived" in out
    for way in "upgraded", "downgraded":
        assert reason or way + ": the streams are as before" in out
    assert reason or "an event log beside them" in out
    if reason is None:
        # and this version's own test
        out = run(root, "apt-get -qy -o Dpkg::Use-Pty=0 install"
                  " /src/build/deb/libnginx-mod-ess_*.deb &&"
                  " cd /src && debian/tests/deliver", network=False)
        assert "an event was delivered, and the stream survived" in out
    out = run(root, "cd /src && debian/tests/events", network=False)
    assert "events are in the log, and stay there" in out
    run(root, "test -e /usr/share/man/man7/libnginx-mod-ess.7.gz")
    postgresql(root)

    # removed: the store stays; purged: nothing stays but event logs
    run(root, "apt-get -qy remove libnginx-mod-ess")
    for name in "streams", "audit":
        assert os.path.exists(root + "/var/lib/nginx/ess/%s.db" % name)
    assert not os.path.exists(root + "/etc/nginx/modules-enabled/"
                              "50-mod-ess.conf")
    run(root, "apt-get -qy purge libnginx-mod-ess")
    run(root, "rm /var/lib/nginx/ess/audit.db* && rmdir /var/lib/nginx/ess")
    gone = {"/usr/sbin/policy-rc.d"}
    assert set(run(root, FILES).split("\n")) ^ set(
        before.split("\n")) <= gone
    if reason:
        pytest.skip("no upgrade was tried, %s is not there: %s" % (
            commit, reason))


def postgresql(root):
    """Its package comes and goes, and is not needed otherwise."""

    enabled = root + "/etc/nginx/modules-enabled/70-mod-ess-postgresql.conf"
    assert not os.path.lexists(enabled)
    run(root, "apt-get -qy -o Dpkg::Use-Pty=0 install"
        " /src/build/deb/libnginx-mod-ess-postgresql_*.deb")
    assert os.path.lexists(enabled)
    out = run(root, "cd /src && debian/tests/postgresql", network=False)
    assert "an event is in PostgreSQL, and stays there" in out
    run(root, "apt-get -qy purge libnginx-mod-ess-postgresql &&"
        " rm -r /etc/nginx/ess")
    assert not os.path.lexists(enabled)
    # the module that stays says what is missing
    out = run(root, "! nginx -t", network=False)
    assert re.search(r"postgresql", out), out
    assert "undefined symbol" not in out
