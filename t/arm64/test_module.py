"""The module for arm64: what it asks of others is there, and Debian's nginx for
arm64, which qemu runs (ESS_NGINX), carries events with it.

The files of that Debian are in ESS_ARM64_ROOT."""

import os
import re
import subprocess

from api import Api
from clients import Clients
from nginx import MODULE

ROOT = os.environ["ESS_ARM64_ROOT"]
NGINX = os.path.join(ROOT, "usr/sbin/nginx")

CONF = """
http {
    ess_zone streams 8m;
    ess_deflate on min_size=1;
    ess_store %%DIR%%/store/streams.db;
    ess_amqp %%AMQP%%;
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


def readelf(*args):
    return subprocess.run(["aarch64-linux-gnu-readelf", "--wide", *args],
                          check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def needed(path):
    """The files of the libraries that it is linked with."""

    names = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", path))
    found = []
    for name in names:
        paths = [os.path.join(ROOT, folder, name) for folder in (
            "usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu", "lib",
            "usr/lib")]
        found += [p for p in paths if os.path.exists(p)][:1]
    assert len(found) == len(names), names
    return found


def symbols(path, undefined):
    """Of the dynamic ones: what it has, or what others must have."""

    rows = re.findall(r"(?m)^ *\d+: \S+ +\d+ \w+ +(\w+) +\w+ +(\w+) (\S+)",
                      readelf("--dyn-syms", path))
    return {name.split("@")[0] for bind, section, name in rows
            if (section == "UND") == undefined
            and not (undefined and bind == "WEAK")}


def test_it_is_for_arm64():
    header = readelf("--file-header", MODULE)
    assert re.search(r"Machine: +AArch64", header)
    assert re.search(r"Type: +DYN", header)
    assert not re.search("(RPATH|RUNPATH|TEXTREL)",
                         readelf("--dynamic", MODULE))


def test_symbols_are_nginxs_and_the_linked_libraries():
    libraries = needed(MODULE)
    assert {os.path.basename(p).split(".so")[0] for p in libraries} <= {
        "librabbitmq", "libcjson", "libsqlite3", "libz", "libc",
        "ld-linux-aarch64"}
    # nginx exports its own, and is linked with OpenSSL
    there = set().union(*(symbols(p, False) for p in [
        NGINX, *libraries, *needed(NGINX)]))
    wanted = symbols(MODULE, True)
    assert {"ngx_palloc", "amqp_handle_input", "SSL_read"} & wanted
    assert wanted - there == set()


def test_it_carries_events(nginx, vhost):
    n = nginx(CONF, workers=2, amqp=vhost.url)
    stream = Api(n.port(1)).create("abc")
    with Clients([stream.location] * 4, library="both") as clients:
        vhost.publish("abc", "hello")
        clients.wait(1)
    assert [c.messages for c in clients] == [["hello"]] * 4
