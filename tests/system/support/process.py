"""A process under test: started in a session of its own, its output kept, ended for certain."""

import os
import re
import signal
import subprocess
from pathlib import Path

from .waiting import wait_for

SANITIZER_REPORT = re.compile(r"ERROR: (Address|Leak|Thread)Sanitizer|runtime error: ")
TAIL_LINES = 40


class Process:
    """One running program. `log` receives its stderr, `log` + ".out" its stdout."""

    def __init__(self, command, log, env=None, cwd=None):
        self.command = [str(word) for word in command]
        self.log = Path(log)
        self.out = self.log.with_name(self.log.name + ".out")
        environment = {**os.environ, **{k: str(v) for k, v in (env or {}).items()}}
        with open(self.log, "ab") as err, open(self.out, "ab") as out:
            self._popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out,
                                           stderr=err, env=environment, cwd=cwd,
                                           start_new_session=True)

    def __str__(self):
        return f"{Path(self.command[0]).name} {' '.join(self.command[1:])} (pid {self.pid})"

    @property
    def pid(self):
        return self._popen.pid

    def running(self):
        return self._popen.poll() is None

    def must_run(self):
        if not self.running():
            raise RuntimeError(f"{self} ended with {self._popen.returncode}:\n{self.tail()}")

    def wait(self, timeout=20.0):
        """Its exit code, negative for a signal."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} still runs after {timeout:g} s:\n{self.tail()}") from None

    def signal(self, number):
        self._popen.send_signal(number)

    def stop(self, timeout=20.0):
        """Asks it to end (SIGTERM), and returns its exit code."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """kill -9 of this process alone; its children are left to notice."""
        if self.running():
            self.signal(signal.SIGKILL)
        self.wait()

    def end(self):
        """Nothing of its session is left afterwards."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        for pid, _ in self.children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.wait()

    def children(self):
        """(pid, command line) of its living descendants and of what else is in its session."""
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == self.pid:
                continue
            try:
                state, _, _, session = _stat(folder)
                if session == self.pid and state != "Z":
                    words = (folder / "cmdline").read_bytes().decode().split("\0")
                    found.append((int(folder.name), " ".join(words).strip()))
            except OSError:
                continue
        return found

    def child(self, words, timeout=10.0):
        """The pid of the one child whose command line contains `words`."""
        def only_one():
            return [pid for pid, line in self.children() if words in line]
        return wait_for(only_one, timeout, f"a child '{words}' of {self}", or_died=[self])[0]

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def output(self):
        return self.out.read_text(errors="replace")

    def tail(self):
        return "\n".join(self.text().splitlines()[-TAIL_LINES:])

    def wait_for_log(self, pattern, timeout=20.0):
        """The first match of the regular expression in its stderr."""
        return wait_for(lambda: re.search(pattern, self.text()), timeout,
                        f"/{pattern}/ in the log of {self}", or_died=[self])

    def sanitizer_report(self):
        found = SANITIZER_REPORT.search(self.text())
        return self.text()[found.start():][:4000] if found else None


def _stat(folder):
    """state, parent, process group and session from /proc/PID/stat."""
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[2]), int(fields[3])


class Processes:
    """All processes of one test, to be looked at when it fails and ended when it is over."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.all = []

    def start(self, name, command, env=None, cwd=None):
        """`name` names the log; the same name again (a restart) appends to it."""
        process = Process(command, self.folder / f"{name}.log", env, cwd)
        self.all.append(process)
        return process

    def end(self):
        for process in reversed(self.all):
            process.end()

    def sanitizer_reports(self):
        return [report for process in self.all if (report := process.sanitizer_report())]
