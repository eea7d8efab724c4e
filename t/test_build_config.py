"""The add-on's config file: its probes, on a shadow of the system's gcc that
does not find a library."""

import os
import shutil
import subprocess

import pytest

from nginx import MODULE, TOP

NGINX_SRC = os.environ.get("NGINX_SRC", "/usr/share/nginx/src")

# Stands before the real compiler: behaves as if a header were not there.
CC = """#!/bin/sh
for last; do
    case $last in
        *.c) if grep -qs '%s' "$last"; then
                 echo "fatal error: no such file" >&2
                 exit 1
             fi ;;
    esac
done
exec gcc "$@"
"""


def configure(folder, cc=None):
    """Runs configure as someone does who builds nginx by himself."""

    builddir = os.path.join(folder, "objs")
    command = ["./configure", "--with-compat", "--builddir=" + builddir,
               "--add-dynamic-module=" + TOP]
    if cc:
        command.append("--with-cc=%s" % cc)
    return subprocess.run(command, cwd=NGINX_SRC, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


@pytest.mark.parametrize("header, name, package", [
    ("amqp_framing.h", "rabbitmq-c", "librabbitmq-dev"),
    ("cjson/cJSON.h", "cJSON", "libcjson-dev"),
    ("sqlite3.h", "SQLite", "libsqlite3-dev"),
    ("openssl/ssl.h", "OpenSSL", "libssl-dev"),
])
def test_missing_library(tmp_path, header, name, package):
    cc = tmp_path / "cc"
    cc.write_text(CC % header)
    cc.chmod(0o755)

    p = configure(str(tmp_path), cc)
    assert p.returncode != 0
    assert "error: ngx_ess_module needs " + name in p.stdout
    assert "apt-get install " + package in p.stdout
    assert not (tmp_path / "objs" / "Makefile").exists()


def test_configures(tmp_path):
    p = configure(str(tmp_path))
    assert p.returncode == 0, p.stdout
    assert " + ngx_ess_module was configured" in p.stdout
    auto = (tmp_path / "objs" / "ngx_auto_config.h").read_text()
    assert "NGX_THREADS " in auto and "NGX_SSL " in auto
    makefile = (tmp_path / "objs" / "Makefile").read_text()
    for library in "-lrabbitmq", "-lcjson", "-lsqlite3":
        assert library in makefile


@pytest.mark.skipif(os.environ.get("ESS_NGINX", "") != "",
                    reason="the module is from another build than make's")
def test_warnings_are_errors():
    """make's own configure: nginx's flags, no others in the probes."""

    objs = os.path.join(os.path.dirname(MODULE), "objs")
    with open(os.path.join(objs, "Makefile")) as f:
        flags = next(line for line in f if line.startswith("CFLAGS"))
    for flag in "-W", "-Wall", "-Werror":
        assert flag in flags.split()
    with open(os.path.join(objs, "ngx_auto_config.h")) as f:
        assert "NGX_HAVE_PWRITE " in f.read()


def test_source_is_not_written_to(tmp_path):
    before = set(os.listdir(NGINX_SRC))
    assert configure(str(tmp_path)).returncode == 0
    assert set(os.listdir(NGINX_SRC)) == before
    shutil.rmtree(tmp_path / "objs")
