"""Ends whatever a test run started, whatever becomes of the run itself.

Every process of a run inherits the environment variable CASEBRIDGE_TEST_RUN with the run's own
random value, so the processes of a run can be told from everybody else's. `Reaper` starts a small
watcher in a session of its own; when the run goes away, even by kill -9, its end of a pipe closes,
and the watcher stops the registered servers and kills every process that carries the mark.
"""

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

MARK = "CASEBRIDGE_TEST_RUN"


class Reaper:
    def __init__(self):
        self.run = uuid.uuid4().hex
        os.environ[MARK] = self.run
        # The watcher itself must not carry the mark.
        environment = {k: v for k, v in os.environ.items() if k != MARK}
        self._watcher = subprocess.Popen([sys.executable, __file__, self.run],
                                         stdin=subprocess.PIPE, text=True,
                                         start_new_session=True, env=environment)

    def on_end(self, *command):
        """Also run `command` in the end: servers are stopped by their own tools."""
        self._watcher.stdin.write("\t".join(map(str, command)) + "\n")
        self._watcher.stdin.flush()

    def close(self):
        self._watcher.stdin.close()
        self._watcher.wait(timeout=120)


def marked(run):
    """Process ids that carry the run's mark."""
    needle = f"{MARK}={run}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if needle in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)
        except OSError:
            continue  # gone meanwhile, or somebody else's


def kill_marked(run):
    # A supervisor may start another child while we look: until none is left.
    for _ in range(20):
        found = list(marked(run))
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not found:
            return


def main():
    for name in ("SIGINT", "SIGHUP", "SIGTERM"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    commands = [line.rstrip("\n").split("\t") for line in sys.stdin]  # until the run is gone
    kill_marked(sys.argv[1])
    for command in reversed(commands):
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60, check=False)


if __name__ == "__main__":
    main()
