"""Real servers, started and stopped by the tools a developer uses too."""

import os
import signal
import subprocess
import threading
from pathlib import Path

import psycopg

from .paths import TOOLS


class Server:
    """Common to both: a folder, and tools/NAME that acts on it."""

    tool = None
    stop_at_end = "kill"

    def __init__(self, folder, reaper):
        self.folder = Path(folder)
        self.address = None
        reaper.on_end(TOOLS / self.tool, self.stop_at_end, "--dir", self.folder)

    def _run(self, *words):
        done = subprocess.run([TOOLS / self.tool, words[0], "--dir", self.folder, *words[1:]],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400)
        if done.returncode != 0:
            raise RuntimeError(f"tools/{self.tool} {' '.join(words)}: {done.stderr}")
        return done.stdout.strip()

    def start(self):
        """Also after kill(): same port, same data."""
        self.address = self._run("start")
        return self

    def stop(self):
        self._run("stop")

    def kill(self):
        """kill -9, as a crash; returns when it is gone."""
        self._run("kill")

    def pid(self):
        raise NotImplementedError

    def running(self):
        pid = self.pid()
        return pid is not None and Path(f"/proc/{pid}").exists() and not _zombie(pid)

    def freeze(self):
        os.kill(self.pid(), signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid(), signal.SIGCONT)


def _first_number(path):
    try:
        return int(path.read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return None


def _zombie(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Kafka(Server):
    tool = "kafka"
    nodes = (1,)

    @property
    def bootstrap(self):
        return self.address

    def pid(self, node=1):
        return _first_number(self.folders()[node - 1] / "kafka.pid")

    def folders(self):
        """Of each node."""
        return [self.folder]

    # of one node: here it is the only one

    def start_node(self, node):
        self.start()

    def stop_node(self, node):
        self.stop()

    def kill_node(self, node):
        self.kill()

    def signal_node(self, node, number):
        os.kill(self.pid(node), number)


class KafkaCluster(Kafka):
    """Three nodes that keep every topic each; two must have a message before it counts."""

    nodes = (1, 2, 3)

    def start(self):
        self.address = self._run("start", "--nodes", str(len(self.nodes)))
        return self

    def start_node(self, node):
        self._run("start", "--node", str(node))

    def stop_node(self, node):
        self._run("stop", "--node", str(node))

    def kill_node(self, node):
        self._run("kill", "--node", str(node))

    def folders(self):
        return [self.folder / str(node) for node in self.nodes]


class Postgres(Server):
    tool = "postgres"

    _number = 0
    _lock = threading.Lock()

    def pid(self):
        return _first_number(self.folder / "data/postmaster.pid")

    def dsn(self, database="postgres"):
        return f"{self.address} dbname={database}"

    def new_database(self):
        """An empty database of a name nobody else has."""
        with Postgres._lock:
            Postgres._number += 1
            name = f"test_{os.getpid()}_{Postgres._number}"
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return Database(self, name)


class Database:
    """One database, seen through a connection of the test's own (autocommit)."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self._connection = None

    @property
    def dsn(self):
        return self.server.dsn(self.name)

    def connect(self, **options):
        """A further connection, e.g. a clerk's, with its own application_name."""
        return psycopg.connect(self.dsn, autocommit=True, **options)

    def execute(self, sql, *parameters):
        """Runs one statement (several without parameters); a lost connection is made anew first."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = self.connect(application_name="test")
        return self._connection.execute(sql, parameters or None)

    def rows(self, sql, *parameters):
        return self.execute(sql, *parameters).fetchall()

    def value(self, sql, *parameters):
        row = self.execute(sql, *parameters).fetchone()
        return row[0] if row else None

    def disconnect(self):
        """Lets go of a connection that the server may have lost; the next statement makes a new one."""
        if self._connection is not None:
            self._connection.close()

    def close(self):
        """Drops it: what a crash has to recover should not grow with every test."""
        self.disconnect()
        try:
            with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
                connection.execute(f"drop database if exists {self.name} with (force)")
        except psycopg.OperationalError:
            pass  # the server was killed by the test
