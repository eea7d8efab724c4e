"""What "make zone-dump" prints of a zone: of a worker that runs, and of a core
file.  The test writes the core file, with the zone's memory in it alone."""

import os
import re
import struct
import subprocess

from api import Api
from nginx import TOP

CONF = """
http {
    ess_zone streams 4m;
    ess_amqp %%AMQP%%;
    ess_public_url ws://127.0.0.1:%%PORT0%%/event-stream/;

    server { listen %%PORT0%%; location /event-stream/ { ess_subscribe; } }
    server { listen %%PORT1%%; location /event-stream/ { ess_api; } }
}
"""


def dump(**what):
    args = ["%s=%s" % item for item in what.items()]
    return subprocess.run(["make", "-s", "zone-dump"] + args, cwd=TOP,
                          capture_output=True, text=True)


def core_of(pid, path):
    """A core file of the shared memory that the process maps."""

    with open("/proc/%d/maps" % pid) as f:
        found = [m for m in map(re.compile(
            r"(\w+)-(\w+) rw-s .*/dev/zero").match, f) if m]
    with open("/proc/%d/mem" % pid, "rb") as mem, open(path, "wb") as core:
        offset = 64 + 56 * len(found)
        core.write(struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 4, 62, 1,
                               0, 64, 0, 0, 64, 56, len(found), 0, 0, 0))
        areas = [[int(x, 16) for x in m.groups()] for m in found]
        for start, end in areas:
            core.write(struct.pack("<IIQQQQQQ", 1, 6, offset, start, 0,
                                   end - start, end - start, 4096))
            offset += end - start
        for start, end in areas:
            mem.seek(start)
            core.write(mem.read(end - start))


def test_a_zone_is_printed(vhost, nginx, tmp_path):
    n = nginx(CONF, workers=1, amqp=vhost.url)
    stream = Api(n.port(1)).create("abc")
    pid = n.workers()[0]
    path = os.path.join(str(tmp_path), "core")
    core_of(pid, path)

    for shown in dump(PID=pid), dump(CORE=path):
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert "faults: 0\n" in shown.stdout
        assert "pid %d," % pid in shown.stdout
        assert re.search(r'stream %d: %s visible, key "abc", subscribers 0, '
                         r"events 0," % (stream.id, stream.uuid),
                         shown.stdout)


def test_what_has_no_zone_is_refused(tmp_path):
    path = tmp_path / "core"
    path.write_bytes(b"no core")
    shown = dump(CORE=path)
    assert shown.returncode != 0
    assert "no zone of layout" in shown.stderr
