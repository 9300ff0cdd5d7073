"""The named places at which a process can be ended, as the binary itself lists them (bridge/base/br_crash.h)."""

import mmap
import os
import struct
import subprocess

from support.paths import CASEBRIDGE

_SLOT = struct.Struct("qqqq")
_PASSED, _LEFT, _AT_US, _KILLED = 0, 8, 16, 24


def names():
    done = subprocess.run([CASEBRIDGE], env={**os.environ, "CASEBRIDGE_CRASH_AT": "list"}, capture_output=True, text=True, check=True)
    return done.stdout.split()


class CrashTable:
    """One table for all processes of a site: arms a place while they run, and sees what they passed."""

    def __init__(self, file):
        self.names = names()
        file.write_bytes(bytes(_SLOT.size * len(self.names)))
        self.setting = f"@{file}"
        with open(file, "r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 0)

    def _get(self, name, what):
        return struct.unpack_from("q", self._map, self.names.index(name) * _SLOT.size + what)[0]

    def arm(self, name, passages=1):
        """Whoever passes `name` for the n-th time from now on ends at once."""
        struct.pack_into("q", self._map, self.names.index(name) * _SLOT.size + _LEFT, passages)

    def stand_still(self, name):
        """Whoever passes `name` next stops there until it is told to go on."""
        self.arm(name, -1)

    def stands_still(self, name):
        return self._get(name, _LEFT) == 0

    def disarm(self):
        for name in self.names:
            self.arm(name, 0)

    def passed(self, name):
        return self._get(name, _PASSED)

    def killed(self, name):
        return self._get(name, _KILLED)

    def fell_at(self, name):
        """time.monotonic() of the last death there."""
        return self._get(name, _AT_US) / 1e6
