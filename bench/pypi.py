"""Libraries of PyPI that the bench measures beside: each pinned, by checksum."""

import contextlib
import os
import subprocess
import sys


def install(requirements, folder):
    """Into the folder, unless it has them; None, or why they cannot be had."""

    with open(requirements) as f:
        wanted = f.read() + sys.version
    stamp = os.path.join(folder, "built")
    with contextlib.suppress(FileNotFoundError), open(stamp) as f:
        if f.read() == wanted:
            return None
    p = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade",
         "--require-hashes", "--no-deps", "--root-user-action=ignore",
         "--disable-pip-version-check", "--retries", "1",
         "--target", folder, "-r", requirements], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if p.returncode:
        return p.stdout.strip().split("\n")[-1]
    with open(stamp, "w") as f:
        f.write(wanted)
    return None
