"""What the figures were measured on, and whether it held still meanwhile."""

import hashlib
import os
import platform
import subprocess
import time
from pathlib import Path

from support.paths import SOURCE

MEGABYTE = bytes(range(256)) * 4096
DRIFT = 0.15


def calibrate():
    """Seconds for the SHA-256 of 64 MB: the same work each time, so a change is the machine's."""
    begin = time.perf_counter()
    digest = hashlib.sha256()
    for _ in range(64):
        digest.update(MEGABYTE)
    digest.hexdigest()
    return time.perf_counter() - begin


def _cpu_ticks():
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return [int(x) for x in fields]


class Watch:
    """Calibrations over a run, and how much of the machine somebody else took."""

    def __init__(self):
        self.seconds = []
        self._begin = _cpu_ticks()

    def look(self):
        self.seconds.append(calibrate())

    def steal(self):
        spent = [b - a for a, b in zip(self._begin, _cpu_ticks())]
        return spent[7] / max(1, sum(spent[:8]))

    def unsteady(self):
        return max(self.seconds) > min(self.seconds) * (1 + DRIFT) or self.steal() > 0.05

    def line(self):
        lowest, highest = min(self.seconds) * 1000, max(self.seconds) * 1000
        word = ", unsteady: read the ratios only" if self.unsteady() else ""
        return (f"calibration (SHA-256 of 64 MB) {lowest:.0f} to {highest:.0f} ms over the run, "
                f"steal {self.steal():.1%}{word}")


def describe():
    cpu = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1048576
    load = os.getloadavg()
    return (f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, "
            f"load before {load[0]:.2f} {load[1]:.2f} {load[2]:.2f}")


def commit():
    """Short id and date of the commit, and whether the sources differ from it."""
    def git(*words):
        return subprocess.run(["git", "-C", SOURCE, *words], capture_output=True, text=True).stdout.strip()
    shown = git("show", "-s", "--format=%h of %cs", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench")
    return shown + (" with changes not committed" if changed else "")
