"""What worker processes hold in memory of their own."""

from wait import SLOWER


def private_kb(pids):
    """Without what is shared: the zone, code, the master's pages."""

    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith(("Private_", "Swap:")))
    return total


def flat(before, after, kb):
    """No growth by more than kb.  A sanitizer keeps up to 256 MB per process
    of what was freed, so there this says nothing."""

    return SLOWER > 1 or after - before < kb
