"""Keeps the processes of a site alive, as systemd would, and tells when each has died.

`casebridge run` does the same; but it waits longer the more often a process falls, which is right for
a district and wrong for a test that lets one process fall seventy times.
"""

import os
import signal
import threading
import time

PAUSE = 0.1  # as casebridge run after a first failure


class Keeper:
    def __init__(self, casebridge, folder, commands):
        """commands: {name: words of the command line}"""
        self.casebridge, self.folder, self.commands = casebridge, folder, commands
        self.environment = {name: {} for name in commands}  # of one process alone
        self.process, self.deaths, self.held, self.failed = {}, {name: [] for name in commands}, set(), None
        self._ending = False
        self._threads = [threading.Thread(target=self._keep, args=(name,), daemon=True) for name in commands]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def _keep(self, name):
        while not self._ending:
            if name in self.held:
                time.sleep(PAUSE / 10)
                continue
            process = self.casebridge.start(name.replace(" ", "-"), *self.commands[name], "--site", self.folder, env=self.environment[name])
            self.process[name] = process
            code = process.wait(None)
            self.deaths[name].append((time.monotonic(), code))
            if code == 78 and not self._ending:
                self.failed = f"{name}: its configuration is said to be wrong:\n{process.tail()}"
                return
            time.sleep(PAUSE)

    def must_run(self):
        """For wait_for(or_died=...): one that died is started again, but one that gave up is an end."""
        if self.failed:
            raise RuntimeError(self.failed)

    def signal(self, name, number):
        """False when it is just not there."""
        process = self.process.get(name)
        try:
            if process is None or not process.running():
                return False
            os.kill(process.pid, number)
            return True
        except ProcessLookupError:
            return False

    def kill(self, name):
        return self.signal(name, signal.SIGKILL)

    def second(self, name):
        """One more beside the one there is; nobody looks after it."""
        return self.casebridge.start(f"{name.replace(' ', '-')}-second", *self.commands[name], "--site", self.folder)

    def end(self):
        self._ending = True
        for name in self.commands:
            self.signal(name, signal.SIGKILL)
        for thread in self._threads:
            thread.join(10)
