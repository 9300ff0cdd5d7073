"""Processor time and memory of processes, from /proc."""

import os
import threading
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pid, with_ended_children=False):
    """utime + stime; of the reaped children too when asked for. 0 for a process that is gone."""
    try:
        fields = _stat(pid)
    except OSError:
        return 0.0
    ticks = int(fields[11]) + int(fields[12])
    if with_ended_children:
        ticks += int(fields[13]) + int(fields[14])
    return ticks / TICK


def children(parent):
    """Direct children, by looking at every process: not all kernels list them."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if int(_stat(folder.name)[1]) == parent:
                found.append(int(folder.name))
        except OSError:
            pass  # gone meanwhile
    return found


def tree_cpu_seconds(pid):
    """A server's whole time: the living and what they have reaped."""
    return cpu_seconds(pid, True) + sum(cpu_seconds(child, True) for child in children(pid))


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ").strip()
    except OSError:
        return ""


def _kilobytes(path, name):
    try:
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def pss(pid):
    """Megabytes; memory shared with others counts by its share."""
    return _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") / 1024


def peak_rss(pid):
    return _kilobytes(Path(f"/proc/{pid}/status"), "VmHWM:") / 1024


class MemoryWatch:
    """Samples the PSS of some processes; keeps the highest sum of one moment, and each one's peak."""

    PAUSE = 0.1

    def __init__(self, pids):
        self._pids = pids  # name -> pid
        self.peak_sum = 0.0
        self.peaks = dict.fromkeys(pids, 0.0)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._end.wait(self.PAUSE):
            self._sample()

    def _sample(self):
        now = {name: pss(pid) for name, pid in self._pids.items()}
        self.peak_sum = max(self.peak_sum, sum(now.values()))
        for name, value in now.items():
            self.peaks[name] = max(self.peaks[name], value)

    def stop(self):
        self._end.set()
        self._thread.join()
        self._sample()
        return self


class CpuMeter:
    """Processor seconds since it was made: name -> a function that reads the total so far."""

    def __init__(self, readers):
        self._readers = readers
        self._begin = {name: read() for name, read in readers.items()}
        self.begun = time.monotonic()

    def spent(self):
        return {name: read() - self._begin[name] for name, read in self._readers.items()}
