#!/usr/bin/env python3
"""Everything fails, mixed by a number, while people type: real servers, real binaries, one verdict at the end.

    tests/fault/chaos.py --seed S --minutes M --changes N --portal h1|h2|h3 [--brokers 3]

Starts a PostgreSQL, a Kafka and a portal of its own, keeps the processes of the example site alive, and for M
minutes (half as long again if that is needed) lets one fault after the other happen while people type N changes. Then everything is healed, and the
seven figures are printed with both sides compared through the mapping. Ends with 0 when nothing was lost,
doubled, reordered, corrupted, overwritten or left unaccounted for; outcomes that nobody can know (H2, H3) must
be parked or held, and are counted as unknown. As root the ledger lies on a small file system, which is full at times. Needs tools/build fault; tools/test fault runs it for a minute.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psycopg

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "system")]
    os.environ.setdefault("CASEBRIDGE_BUILD", "build/fault")

from checker import check_topics, settle
from clock import Clock
from disk import NotAllowed, SmallDisk
from links import ClusterBehindProxies, KafkaBehindProxy, Links
from nudges import Nudges
from people import People
from probe import ready
from proxy import WAYS
from scene import BRIDGE, COMMANDS, Scene
from support.portal import Portal
from support.process import Processes
from support.reaper import Reaper
from support.servers import Postgres
from support.waiting import wait_for

LONGER = 1.5  # times the minutes, at most, until all changes are typed

PORTAL_FAULTS = [{"kind": "html"}, {"kind": "html", "after": True}, {"kind": "error"}, {"kind": "error", "after": True, "status": 502},
                 {"kind": "busy"}, {"kind": "slow_down"}, {"kind": "lost_request"}, {"kind": "lost_answer"}, {"kind": "truncated"},
                 {"kind": "trickle", "ms": 5, "bytes": 400}, {"kind": "latency", "ms": 300, "after": True}]
PORTAL_CALLS = ["/web/approval/createReceiveNum", "/case/receiveBasicInfo", "/case/receiveProc", "/case/update", "/case/receiveDone", "/case/changes",
                "/case/search", "/auth/token"]


class Chaos:
    """The faults, one after the other; each leaves the world as it found it, at the latest when it is healed."""

    def __init__(self, scene, people, servers, seed, say):
        self.scene, self.people, self.say = scene, people, say
        self.postgres, self.kafka, self.portal = servers
        self.dice, self.met = random.Random(seed), Counter()
        self.nudges = Nudges(scene, people)
        self.seconds = Counter()

    MENU = {"crash_point": 8, "kill_process": 3, "stop_process": 1, "zombie": 3, "bad_link": 8, "bad_portal": 6, "kill_portal": 2, "cut_backends": 3,
            "lock_table": 2, "deadlock": 1, "kill_postgres": 1, "stop_immediately": 1, "kill_kafka": 1, "restart_kafka": 1, "freeze_kafka": 1,
            "freeze_postgres": 1, "pause": 1, "set_clock": 3, "fill_disk": 2}

    def one(self):
        name = self.dice.choices(list(self.MENU), self.MENU.values())[0]
        began = time.monotonic()
        try:
            what = getattr(self, name)() or ""
        except psycopg.OperationalError as error:  # the server is just coming back: the next fault then
            what = f"came to nothing: {str(error).splitlines()[0]}"
        finally:
            self.met[name] += 1
            self.seconds[name] += time.monotonic() - began
        self.say(f"{name} {what}")

    def _while(self, low, high):
        """How long a fault lasts: there is nothing to wait for but time."""
        time.sleep(self.dice.uniform(low, high))

    @staticmethod
    def _start(server, node=None):
        """Until it is there: a machine with other work may take longer than the tool waits."""
        def there():
            try:
                return server.start() if node is None else server.start_node(node) or True
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                raise LookupError(str(error)) from None
        wait_for(there, 600, "a server to come back")

    # ---- processes ----

    def crash_point(self):
        name = self.dice.choice(self.scene.table.names)
        before, n = self.scene.table.killed(name), self.dice.choice([1, 1, 2, 3, 5, 8, 20])
        self.scene.table.arm(name, n)
        self._while(0.3, 2)
        self.scene.table.arm(name, 0)
        hit = self.scene.table.killed(name) > before
        self.met["crash points hit"] += hit
        return f"{name}:{n} {'hit' if hit else 'not passed'}"

    def kill_process(self):
        name = self.dice.choice(list(COMMANDS))
        self.scene.keeper.kill(name)
        return name

    def stop_process(self):
        name = self.dice.choice(list(COMMANDS))
        self.scene.keeper.signal(name, signal.SIGTERM)
        return name

    def zombie(self):
        """Stands still while a second one takes over, and wakes up again."""
        name = self.dice.choice(list(COMMANDS))
        if not self.scene.keeper.signal(name, signal.SIGSTOP):
            return "none there"
        frozen, began = self.scene.keeper.process[name], time.time()
        second = self.scene.keeper.second(name) if self.dice.random() < 0.7 else None
        self._while(0.5, 8)
        frozen.signal(signal.SIGCONT)
        if name == BRIDGE:
            self.scene.stood_still.append((began * 1000, time.time() * 1000))
        if second:
            self._while(0.2, 2)
            second.kill()
        return f"{name}{' with a second one' if second else ''}"

    # ---- connections ----

    def bad_link(self):
        name, way = self.dice.choice(list(self.scene.links.proxies)), self.dice.choice(WAYS)
        self.scene.links[name].set(way)
        self._while(0.2, 3)
        self.scene.links[name].pass_on()
        return f"{name} {way}"

    # ---- the portal ----

    def bad_portal(self):
        rules = [{**self.dice.choice(PORTAL_FAULTS), "path": self.dice.choice(PORTAL_CALLS), "next": self.dice.randint(1, 4)}
                 for _ in range(self.dice.randint(1, 4))]
        self.portal.control("/faults", rules, method="PUT")
        self._while(0.5, 3)
        self.portal.control("/faults", method="DELETE")
        return ", ".join(f"{r['kind']} {r['path']}" for r in rules)

    def kill_portal(self):
        self.portal.kill()
        self._while(0, 2)
        self.portal.start()

    # ---- PostgreSQL ----

    def cut_backends(self):
        self.nudges.cut_connections()

    def lock_table(self):
        database, table = self.dice.choice([(self.scene.department, "ydz_sq"), (self.scene.ledger, "casebridge.links"),
                                            (self.scene.ledger, "casebridge.positions")])
        with database.connect(application_name="test") as other, other.transaction():
            other.execute(f"lock table {table} in exclusive mode")
            self._while(0.2, 4)
        return table

    def deadlock(self):
        """Two rows of the department, locked in one order after the other while the connector writes both."""
        persons = self.dice.sample(self.people.persons, 2)
        try:
            with self.scene.department.connect(application_name="test") as clerk, clerk.transaction():
                for person in persons:
                    clerk.execute("select 1 from ydz_sq where sfzh = %s for update", (person,))
                    self._while(0.1, 0.6)
        except Exception as error:  # the victim may be the clerk
            return type(error).__name__

    def kill_postgres(self):
        self.postgres.kill()
        self._while(0, 1)
        self._start(self.postgres)

    def stop_immediately(self):
        """What pg_ctl -m immediate does: everybody goes without a word, and the log is played again."""
        os.kill(self.postgres.pid(), signal.SIGQUIT)
        wait_for(lambda: not self.postgres.running(), 30, "PostgreSQL to go")
        self._start(self.postgres)

    def freeze_postgres(self):
        """Only the postmaster: nobody new comes in."""
        self.postgres.freeze()
        self._while(0.5, 3)
        self.postgres.thaw()

    # ---- Kafka ----

    def kill_kafka(self):
        node = self.dice.choice(self.kafka.nodes)
        self.kafka.kill_node(node)
        self._while(0, 1)
        self._start(self.kafka, node)

    def restart_kafka(self):
        node = self.dice.choice(self.kafka.nodes)
        self.kafka.stop_node(node)
        self._start(self.kafka, node)

    def freeze_kafka(self):
        node = self.dice.choice(self.kafka.nodes)
        self.kafka.signal_node(node, signal.SIGSTOP)
        self._while(0.5, 6)
        self.kafka.signal_node(node, signal.SIGCONT)

    # ---- machines ----

    def set_clock(self):
        """Forward or back by up to an hour, at once, and it stays so until it is set again."""
        name, seconds = self.dice.choice(list(self.scene.clocks)), self.dice.choice([0, 0, self.dice.uniform(-3600, 3600)])
        self.scene.clocks[name].set(seconds)
        return f"{name} {seconds:+.0f} s"

    def fill_disk(self):
        if not self.scene.disk:
            return "only root can mount a small one"
        self.scene.disk.fill()
        self._while(0.5, 5)
        self.scene.disk.make_room()

    # ---- people of the platform ----

    def pause(self):
        self.nudges.pause_and_resume()

    def heal(self):
        self.scene.table.disarm()
        self.scene.links.heal()
        for clock in self.scene.clocks.values():
            clock.set(0)
        self.portal.control("/faults", method="DELETE")
        for system in ("civil-affairs", "portal"):
            wait_for(lambda: self.scene.verb("system", "live", system, expect=None).code == 0, 120, f"{system} live")


def small_disk(folder, reaper, scene, changes):
    """The ledger on a file system of its own; None when we may not mount one."""
    try:
        disk = SmallDisk(folder / "small-disk", reaper, 128 + changes // 400, owner="postgres", mode="0700")
    except NotAllowed:
        return None
    scene.ledger.disconnect()
    with psycopg.connect(scene.ledger.server.dsn(), autocommit=True) as connection:
        connection.execute(f"create tablespace small location '{disk.folder}'")
        connection.execute(f"alter database {scene.ledger.name} set tablespace small")
    return disk


def clocks(folder, scene):
    """One for each process, as if each ran on a machine of its own."""
    made = {name: Clock(folder, name.replace(" ", "-")) for name in COMMANDS}
    for name, clock in made.items():
        scene.keeper.environment[name] = clock.env
    # a portal that refuses calls signed at another time has a test of its own
    scene.portal.control("", {"skew_s": 86400})
    return made


def run(seed, minutes, changes, portal_class, folder, say, timeout=900, brokers=1):
    """The figures, and the faults that were met."""
    reaper, processes = Reaper(), Processes(folder)
    scene = None
    try:
        kafka = (KafkaBehindProxy if brokers == 1 else ClusterBehindProxies)(folder / "kafka", reaper).start()
        postgres = Postgres(folder / "pg", reaper).start()
        portal = Portal(processes, folder / "portal").start()
        scene = Scene(folder, processes, kafka, postgres.new_database, portal, f"chaos-{seed}", promise=portal_class.upper(), crash=True)
        scene.links, scene.clocks = Links(scene, kafka), clocks(folder, scene)
        scene.disk = small_disk(folder, reaper, scene, changes)
        scene.start()
        clerks = max(1, min(8, round(changes / minutes / 60 / 12)))
        people = scene.people = People(scene, seed, pace=minutes * 60 / changes * 2 * clerks, changes=changes, cases=max(60, changes // 50),
                                       clerks=clerks)
        people.start()
        ready(scene)
        chaos = Chaos(scene, people, (postgres, kafka, portal), seed, say)
        began, last = time.monotonic(), 0
        # what is typed is typed amid faults, also where the machine is slower than was asked for
        while time.monotonic() - began < minutes * 60 * (1 if people.done() else LONGER):
            people.must_work()
            scene.keeper.must_run()
            chaos.one()
            if time.monotonic() - last > 60:
                last = time.monotonic()
                say(f"{people.journal.changes} changes typed")
            time.sleep(chaos.dice.uniform(0, 2))
        chaos.heal()
        healed = time.monotonic()
        if people.journal.changes < changes:
            say(f"{people.journal.changes} of {changes} changes typed when the time was up; people go on until all are")
        people.pace = 0
        wait_for(lambda: people.done() or people.failed, 1800, "all changes typed")
        people.stop()
        typed_by = time.monotonic()
        figures = settle(scene, people.journal, timeout)
        settled = time.monotonic() - typed_by
        say(f"both systems and the ledger: {figures.line()}")
        repeats = check_topics(scene, figures)
        say(f"faults: {', '.join(f'{name} {n}' for name, n in sorted(chaos.met.items()))}")
        say(f"seed {seed}, portal as {portal_class}: {people.journal.changes} changes in {len(people.persons)} cases, "
            f"{sum(chaos.met[name] for name in Chaos.MENU)} faults in {healed - began:.0f} s; {figures.line()}; {repeats} repeats on "
            f"casebridge.cases, {len(scene.told_late)} told late by a bridge that stood still; settled {settled:.1f} s after the last change")
        return figures, chaos.met
    finally:
        if scene:
            scene.keeper.end()
        processes.end()
        reaper.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--changes", type=int, default=2000)
    parser.add_argument("--portal", choices=["h1", "h2", "h3"], default="h1")
    parser.add_argument("--brokers", type=int, choices=[1, 3], default=1)
    parser.add_argument("--keep", action="store_true", help="keep the folder with logs and data")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="casebridge-chaos-"))
    folder.chmod(0o755)
    began = time.monotonic()
    figures, _ = run(options.seed, options.minutes, options.changes, options.portal, folder,
                     lambda line: print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True), brokers=options.brokers)
    if not figures:
        print(figures)
    figures.unknown = [] if options.portal != "h1" else figures.unknown
    if figures and not options.keep:
        import shutil
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"logs and data: {folder}")
    return 0 if figures else 1


if __name__ == "__main__":
    sys.exit(main())
