"""The product's own binary: a verb that ends, or a process that stays."""

import os
import subprocess
from dataclasses import dataclass

from .paths import CASEBRIDGE, SOURCE

SANITIZER = {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


@dataclass
class Result:
    code: int
    out: str
    err: str


class Casebridge:
    """`env` holds the addresses and secrets that the site's ${env:...} names ask for."""

    def __init__(self, processes, env):
        self._processes = processes
        self.env = {"LC_ALL": "C.UTF-8", **SANITIZER, **env}

    def log_to(self, processes):
        """What is started from now on."""
        self._processes = processes

    def run(self, *words, expect=0, timeout=60.0):
        """casebridge WORDS..., to its end; `expect` is the exit code that must come, None for any."""
        done = subprocess.run([CASEBRIDGE, *map(str, words)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, cwd=SOURCE,
                              env={**os.environ, **self.env})
        if expect is not None:
            assert done.returncode == expect, (
                f"casebridge {' '.join(map(str, words))} ended with {done.returncode}, "
                f"expected {expect}:\n{done.stderr}{done.stdout}")
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, name, *words, env=None):
        """casebridge WORDS... as a process; its log is NAME.log. `env`: for this one alone."""
        return self._processes.start(name, [CASEBRIDGE, *words], env={**self.env, **(env or {})}, cwd=SOURCE)
