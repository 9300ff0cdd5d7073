"""What a benchmark stands in: private servers, the programs that were built, and the settings of this run."""

import json
import sys
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from support.paths import BUILD
from support.process import Processes
from support.reaper import Reaper
from support.servers import Kafka, Postgres

import machine

# One checkpoint in the middle of one contestant and not of the other would be an accident, not a figure.
SETTINGS = ["max_wal_size=4GB", "checkpoint_timeout=30min"]


class SteadyPostgres(Postgres):
    def start(self):
        words = [word for setting in SETTINGS for word in ("--set", setting)]
        self.address = self._run("start", *words)
        return self


@dataclass
class World:
    rows: int
    repeats: int
    quick: bool
    keep: bool
    watch: machine.Watch = field(default_factory=machine.Watch)
    _reaper: Reaper | None = None
    _kafka: Kafka | None = None
    _postgres: Postgres | None = None
    _number: int = 0

    def __post_init__(self):
        self._reaper = Reaper()
        # Open to the user postgres, whose servers work below it; short, for a socket lives in it.
        self.folder = Path(tempfile.mkdtemp(prefix="casebridge-bench-"))
        self.folder.chmod(0o755)
        if self.keep:
            say(f"logs and sites stay in {self.folder}")
        else:
            self._reaper.on_end("rm", "-rf", self.folder)

    @property
    def kafka(self):
        if self._kafka is None:
            say("starting Kafka")
            self._kafka = Kafka(self.folder / "kafka", self._reaper).start()
        return self._kafka

    @property
    def postgres(self):
        if self._postgres is None:
            say("starting PostgreSQL")
            self._postgres = SteadyPostgres(self.folder / "pg", self._reaper).start()
        return self._postgres

    def new_folder(self, name):
        self._number += 1
        folder = self.folder / f"{name}-{self._number}"
        folder.mkdir()
        return folder

    def processes(self, folder):
        return Processes(folder)

    def close(self):
        self._reaper.close()


def program(name):
    return BUILD / "bench" / name


def raw(name, *words):
    """Runs a raw contestant to its end; what it measured."""
    done = subprocess.run([program(name), *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(map(str, words))}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def say(text):
    print(f"    {text}", file=sys.stderr, flush=True)
