"""The add-on's config file: its probes, on a shadow of the system's gcc that
does not find a library."""

import os
import re
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


# rabbitmq-c's headers as 0.12 and newer have them, made of the installed ones
NEW_HEADERS = {"amqp.h": "amqp.h", "framing.h": "amqp_framing.h",
               "tcp_socket.h": "amqp_tcp_socket.h"}
DEPRECATED = """\
#warning "%(old)s is deprecated, use rabbitmq-c/%(new)s instead"
#include <rabbitmq-c/%(new)s>
"""


def configure(folder, cc=None, cc_opt="", add="--add-dynamic-module"):
    """Runs configure as someone does who builds nginx by himself."""

    builddir = os.path.join(folder, "objs")
    command = ["./configure", "--with-compat", "--builddir=" + builddir,
               "%s=%s" % (add, TOP)]
    if cc:
        command.append("--with-cc=%s" % cc)
    if cc_opt:
        command.append("--with-cc-opt=%s" % cc_opt)
    return subprocess.run(command, cwd=NGINX_SRC, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


@pytest.mark.parametrize("header, name, package", [
    ("framing.h", "rabbitmq-c", "librabbitmq-dev"),
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


def test_without_libpq(tmp_path):
    """All but the module for PostgreSQL."""

    cc = tmp_path / "cc"
    cc.write_text(CC % "libpq-fe.h")
    cc.chmod(0o755)

    p = configure(str(tmp_path), cc)
    assert p.returncode == 0, p.stdout
    text = (tmp_path / "objs" / "Makefile").read_text()
    assert "ngx_ess_module.so" in text
    assert "ngx_ess_postgresql_module" not in text


def headers_of_rabbitmq_c(folder):
    """The layout of 0.12, whose old names warn, in a folder of its own."""

    system = "/usr/include"
    (folder / "rabbitmq-c").mkdir(parents=True)
    for new, old in NEW_HEADERS.items():
        path = os.path.join(system, "rabbitmq-c", new)
        if not os.path.exists(path):
            path = os.path.join(system, old)
        with open(path) as f:
            text = f.read()
        for name in NEW_HEADERS:
            text = text.replace("<%s>" % NEW_HEADERS[name],
                                "<rabbitmq-c/%s>" % name)
        (folder / "rabbitmq-c" / new).write_text(text)
        (folder / old).write_text(DEPRECATED % {"old": old, "new": new})


def test_deprecated_headers(tmp_path):
    """rabbitmq-c 0.12 and newer warn of amqp.h, and warnings are errors."""

    headers_of_rabbitmq_c(tmp_path / "include")
    p = configure(str(tmp_path), cc_opt="-I %s/include" % tmp_path)
    assert p.returncode == 0, p.stdout

    objs = "%s/objs" % tmp_path
    p = subprocess.run(["make", "-C", NGINX_SRC, "-f", objs + "/Makefile",
                        objs + "/addon/amqp/ngx_ess_amqp_codec.o"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    assert p.returncode == 0, p.stdout


def test_headers_of_rabbitmq_c_are_named_once():
    """Whoever names them elsewhere breaks the build with another version."""

    found = subprocess.run(
        ["grep", "-rlE", r"^ *#include <(amqp|rabbitmq-c)", "--include=*.[ch]",
         "src", "bench", "t"], cwd=TOP, stdout=subprocess.PIPE, text=True)
    assert found.stdout.split() == ["src/amqp/ngx_ess_rabbitmq_c.h"]


def test_configures(tmp_path):
    """And writes nothing beside nginx's source."""

    before = set(os.listdir(NGINX_SRC))
    p = configure(str(tmp_path))
    assert p.returncode == 0, p.stdout
    assert set(os.listdir(NGINX_SRC)) == before
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


def test_place_in_a_static_build(tmp_path):
    """The filter stands right before nginx's own of headers."""

    p = configure(str(tmp_path), add="--add-module")
    assert p.returncode == 0, p.stdout
    text = (tmp_path / "objs" / "ngx_modules.c").read_text()
    names = re.findall(r"&(ngx_\w+_module),", text)
    place = names.index("ngx_http_headers_filter_module")
    assert names[place - 1] == "ngx_ess_filter_module"
    assert {"ngx_ess_module", "ngx_ess_jwt_module"} <= {*names}
    assert len(names) == len({*names})
