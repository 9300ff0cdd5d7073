"""The product as a user runs it: `casebridge run SITE`, its processes watched from outside."""

import re
import time

from support.casebridge import Casebridge
from support.waiting import wait_for

import proc

RUNNING = re.compile(r"\bmsg=\"?running\b")


class Product:
    def __init__(self, world, site, folder, env=None, systems=2):
        self.site = site
        self.folder = folder
        self._systems = systems
        self._processes = world.processes(folder)
        self._casebridge = Casebridge(self._processes, env or {})
        self.process = None

    def prepare(self):
        self._casebridge.run("ledger", "migrate", self.site.folder)
        self._casebridge.run("topics", "apply", self.site.folder)
        return self

    def start(self):
        """Returns the seconds until the last connector said that it is at work."""
        log = self.folder / "casebridge.log"
        before = len(RUNNING.findall(log.read_text())) if log.exists() else 0
        begin = time.monotonic()
        self.process = self._casebridge.start("casebridge", "run", self.site.folder)
        while len(RUNNING.findall(self.process.text())) < before + self._systems:
            self.process.must_run()
            if time.monotonic() - begin > 60:
                raise RuntimeError(f"the connectors are not at work after 60 s:\n{self.process.tail()}")
            time.sleep(0.005)
        return time.monotonic() - begin

    def stop(self):
        if self.process and self.process.running():
            self.process.stop()

    def end(self):
        self._processes.end()

    def pids(self):
        """name -> process id: the supervisor, the bridge, and one connector for each system."""
        found = {"run": self.process.pid}
        for pid in proc.children(self.process.pid):
            words = proc.command_line(pid).split()
            found["bridge" if words[1] == "bridge" else f"connector {words[2]}"] = pid
        assert len(found) == self._systems + 2, found
        return found

    def settle(self, timeout=120):
        """Nothing is in flight or due, and our processes have come to rest."""
        ledger = self.site.ledger

        def done():
            return ledger.value("select count(*) from casebridge.links where inflight is not null or due") == 0
        wait_for(done, timeout, "nothing in flight", or_died=[self.process])
        pids = list(self.pids().values())
        self._used = sum(map(proc.cpu_seconds, pids))

        def rests():
            time.sleep(0.5)
            used, before = sum(map(proc.cpu_seconds, pids)), self._used
            self._used = used
            return used - before <= 0.02
        wait_for(rests, timeout, "our processes at rest", or_died=[self.process])
