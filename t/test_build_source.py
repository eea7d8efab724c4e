"""The module as somebody builds it who has nginx's source: Debian's package,
or that of nginx.org in the same version.  NGINX_SOURCE names the folder, and
"make check-nginx" sets it."""

import os
import re
import shutil
import subprocess

import pytest

from api import Api
from nginx import NGINX, SANITIZE, TOP

SOURCE = os.environ.get("NGINX_SOURCE", "")

pytestmark = [
    pytest.mark.skipif(
        not os.path.exists(os.path.join(SOURCE, "src/core/nginx.c")),
        reason="NGINX_SOURCE does not name a folder with nginx's source"
               " (apt-get source nginx)"),
    pytest.mark.skipif(SANITIZE, reason="nothing is built with sanitizers"),
]

CONF = """
http {
    ess_zone streams 8m;
    ess_store %%DIR%%/streams.db;
    ess_amqp amqp://127.0.0.1:1/;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;

    server {
        listen 127.0.0.1:%%PORT0%%;
        location /event-stream/ { ess_subscribe; }
    }

    server {
        listen 127.0.0.1:%%PORT1%%;
        location /event-stream/ { ess_api; }
    }
}
"""


def run(folder, *command):
    p = subprocess.run(command, cwd=folder, text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout[-4000:]
    return p.stdout


@pytest.mark.seconds(600)
def test_dynamic_module(nginx, tmp_path):
    """Built in the source tree, it loads in the installed nginx."""

    installed = subprocess.run([NGINX, "-v"], capture_output=True,
                               text=True).stderr.strip().split("/")[1]
    with open(os.path.join(SOURCE, "src/core/nginx.h")) as f:
        version = re.search(r'NGINX_VERSION\s+"(.*)"', f.read()).group(1)
    if version != installed.split()[0]:
        pytest.skip("the source is %s, the installed nginx %s"
                    % (version, installed))

    # configure writes into it
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("objs"))
    configure = "configure"
    if not (source / configure).exists():
        configure = "auto/configure"
    run(source, "sh", configure, "--with-compat", "--with-threads",
        "--with-http_ssl_module", "--with-http_v2_module",
        "--add-dynamic-module=" + TOP)
    run(source, "make", "-s", "-j2", "modules")

    n = nginx(CONF, module=str(source / "objs" / "ngx_ess_module.so"))
    api = Api(n.port(1))
    assert api.version()["name"] == "NGINX ESS"
    assert api.list() == []
    assert n.stop() == 0
