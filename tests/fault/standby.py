"""A PostgreSQL and its standby under one address, as libpq takes it: whoever of the two takes writes is meant."""

import shutil
import time

import psycopg
from support.servers import Postgres
from support.waiting import wait_for


class Pair(Postgres):
    """`synchronous`: nothing counts before the standby has it. The one that follows is nodes[1]; fail_over() makes it the one
    that leads, and follow_again() builds the other anew."""

    def __init__(self, folder, reaper, synchronous=True):
        folder.mkdir(mode=0o755)
        self.folder, self.synchronous = folder, synchronous
        self.nodes = [Postgres(folder / name, reaper) for name in ("a", "b")]

    def start(self):
        leader, follower = self.nodes
        leader.address = leader._run("start", "--set", "wal_keep_size=256MB")
        follower.address = follower._run("start", "--standby-of", leader.folder)
        ports = ",".join(str(self.port(node)) for node in self.nodes)
        self.address = f"host=127.0.0.1,127.0.0.1 port={ports} user=postgres connect_timeout=3 target_session_attrs=read-write"
        self._wait_in_step()
        return self

    def _on_leader(self, sql):
        with psycopg.connect(self.nodes[0].dsn(), autocommit=True) as connection:
            return connection.execute(sql)

    def _wait_in_step(self):
        if self.synchronous:
            self._on_leader("alter system set synchronous_standby_names = '*'")
            self._on_leader("select pg_reload_conf()")
        state = "sync" if self.synchronous else "async"
        with psycopg.connect(self.nodes[0].dsn(), autocommit=True) as connection:
            wait_for(lambda: connection.execute("select count(*) from pg_stat_replication where state = 'streaming' and sync_state = %s",
                                                (state,)).fetchone()[0], 60, "the standby to follow")

    def port(self, node):
        return int(node.address.split("port=")[1].split()[0])

    def fail_over(self):
        """The one that follows leads from now on. Who leads today must be gone, or it would go on."""
        self.nodes.reverse()
        self.nodes[0]._run("promote")

    def fail_over_hard(self):
        """Who leads dies, and the other one leads; since when (monotonic, s)."""
        self.nodes[0].kill()
        self.fail_over()
        return time.monotonic()

    def cut_off(self):
        """The one that follows hears nothing more, and both go on."""
        with psycopg.connect(self.nodes[1].dsn(), autocommit=True) as connection:
            connection.execute("alter system set primary_conninfo = ''")
            connection.execute("select pg_reload_conf()")
            wait_for(lambda: not connection.execute("select count(*) from pg_stat_wal_receiver").fetchone()[0], 60, "the standby to be cut off")

    def follow_again(self):
        """The one that led is built anew as a standby: what it had beyond the other is nobody's."""
        gone = self.nodes[1]
        gone.kill()
        shutil.rmtree(gone.folder / "data")
        gone._run("start", "--standby-of", self.nodes[0].folder, "--port", str(self.port(gone)))
        self._wait_in_step()
