"""What makes rare things happen, so that every named place is passed. Each is a whole story that comes to
its end even when a process falls in the middle of it; nothing is left behind that a person would have to see to."""

import signal
import time
from contextlib import contextmanager

import psycopg

from people import NAMES, PROBES
from scene import BRIDGE, DEPARTMENT, PORTAL
from support.topics import read_topic
from support.waiting import wait_for

ENOUGH = 40


class Nudges:
    def __init__(self, scene, people):
        self.scene, self.people = scene, people
        self.over = lambda: False  # what it was told for has come: who waits for it need not wait longer

    def for_place(self, name):
        """All of them, the likeliest first: a place nobody thought of is looked for with every one."""
        first = [story for story, places in LIKELY.items() if any(name.startswith(place) for place in places)]
        return [getattr(self, story) for story in [*first, *(s for s in LIKELY if s not in first)]]

    # ---- processes ----

    def kill_bridge(self):
        self.scene.keeper.kill(BRIDGE)

    def kill_connectors(self):
        for name in (DEPARTMENT, PORTAL):
            self.scene.keeper.kill(name)

    def answer_nobody(self):
        """What the connector answers comes to Kafka when the bridge that asked is no longer there."""
        person, value = self.people.persons[PROBES + 1], f"135{int(time.monotonic() * 1000) % 10**8:08d}"
        self.scene.keeper.signal(DEPARTMENT, signal.SIGSTOP)
        try:
            self.people.mobile(person, value)
            wait_for(lambda: self._commanded(value) or self.over(), ENOUGH, "a command to the department")
            self.scene.keeper.signal(BRIDGE, signal.SIGSTOP)
        finally:
            self.scene.keeper.signal(DEPARTMENT, signal.SIGCONT)
        try:
            wait_for(lambda: self._department_has(person, value) or self.over(), ENOUGH, "its being carried out")
        finally:
            self.kill_bridge()

    def _commanded(self, value):
        return any(value.encode() in record.value for record in read_topic(self.scene.kafka.bootstrap, f"{self.scene.prefix}.deliver.civil-affairs"))

    def _department_has(self, person, value):
        return self.scene.department.value("select lxdh from ydz_sq where sfzh = %s", person) == value

    def stop_bridge(self):
        self.scene.keeper.signal(BRIDGE, signal.SIGTERM)

    def stop_connectors(self):
        for name in (DEPARTMENT, PORTAL):
            self.scene.keeper.signal(name, signal.SIGTERM)

    def new_cases(self):
        """One from each side, beyond those that people make by themselves."""
        self.people.enter()
        self.people.apply()

    # ---- the pace ----

    def work_less(self):
        """A sweep comes when there is time for it."""
        with self._rest():
            time.sleep(3)

    @contextmanager
    def _rest(self):
        pace, self.people.pace = self.people.pace, 0.5
        try:
            yield
        finally:
            self.people.pace = pace

    # ---- PostgreSQL ----

    def cut_connections(self):
        """Everybody's but the clerk's and the test's own."""
        for database in (self.scene.ledger, self.scene.department):
            database.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                             "and pid <> pg_backend_pid() and application_name <> 'test'")

    def lock_a_row(self):
        """A clerk has the record open for longer than the connector waits."""
        person = self.people.persons[PROBES + 1]
        with self.scene.department.connect(application_name="test") as clerk, clerk.transaction():
            clerk.execute("select 1 from ydz_sq where sfzh = %s for update", (person,))
            self.people.mobile(person, f"137{int(time.monotonic() * 1000) % 10**8:08d}")
            wait_for(lambda: self._waiting() or self.over(), ENOUGH, "somebody who waits")
            wait_for(lambda: not self._waiting() or self.over(), ENOUGH, "its giving up")

    def _waiting(self):
        return self.scene.department.value("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")

    def edit_unseen(self):
        """Past the trigger that a poll lives on: only the sweep can find it."""
        person, value = self.people.persons[PROBES], f"花园路{self.people._number()}号"
        with self.scene.department.connect(application_name="test") as clerk:
            clerk.execute("set session_replication_role = replica")
            clerk.execute("update ydz_sq set hkdz = %s where sfzh = %s", (value, person))
        self.people.journal.note(person, ADDRESS=value)
        projid = self.scene.view.refresh().by_person[person]
        with self._rest():
            wait_for(lambda: self.scene.view.refresh().cases[projid].get("ADDRESS") == value, ENOUGH, "the sweep to find it")

    # ---- the portal ----

    def lose_an_answer(self):
        self._fault({"kind": "lost_answer", "path": "/case/update", "next": 1})

    def edit_meanwhile(self):
        """A clerk of the portal saves between our reading and our writing."""
        rule = self._fault({"kind": "latency", "path": "/case/update", "ms": 500, "next": 1}, end=False)
        wait_for(lambda: self._hits(), ENOUGH, "a call that waits in the portal")
        self.people.mobile(self.people.persons[PROBES], f"136{int(time.monotonic() * 1000) % 10**8:08d}")
        self.scene.portal.control("/faults", method="DELETE")
        return rule

    def _hits(self):
        return any(rule["hits"] for rule in self.scene.portal.control("/faults")["data"])

    def _fault(self, rule, end=True):
        self.scene.portal.control("/faults", rule)
        self.people.address(self.people.persons[PROBES], f"花园路{self.people._number()}号")
        if end:
            wait_for(self._hits, ENOUGH, f"a call that meets {rule}")
            self.scene.portal.control("/faults", method="DELETE")

    # ---- people ----

    def pause_and_resume(self):
        for name in ("civil-affairs", "portal"):
            for state in ("pause", "live"):
                wait_for(lambda: self.scene.verb("system", state, name, expect=None).code == 0, ENOUGH, f"{name} {state}")

    def refuse_and_correct(self):
        """The department's table refuses an address; a person corrects it."""
        n, person = self.people._new_person()
        mobile, wrong, right = f"138{n:08d}", "拒绝路1号", f"西市街道{self.people._number() + 1000}号"
        self.scene.apply(NAMES[n % 6], person, mobile=mobile, address=wrong)
        self.people.journal.note(person, ADDRESS=wrong, MOBILE=mobile, STATE="02")
        wait_for(lambda: self._refused(person), ENOUGH, "a refusal")
        self.people.journal.note(person, ADDRESS=right)
        wait_for(lambda: self._correct(person, right), ENOUGH, "the correction")

    def _refused(self, person):
        try:
            return self.scene.ledger.value("select max(p.id) from casebridge.parked p join casebridge.cases c on c.cid = p.cid "
                                           "where p.status = 'open' and c.doc::json #>> '{applicant,cert_no}' = %s", person)
        except psycopg.OperationalError as error:
            raise LookupError(str(error)) from None

    def _correct(self, person, value):
        number = self._refused(person)
        if number:
            self.scene.verb("parked", "correct", str(number), "--field", "applicant.address", "--value", value, "--why", "地址有误",
                            "--output", "json", expect=None)
        return not self._refused(person)


LIKELY = {
    "kill_connectors": ["bridge.answering_hello", "publish.begin", "publish.outstanding", "publish.fence", "conn.hello", "conn.begin", "conn.fence",
                        "conn.epoch", "conn.settled"],
    "kill_bridge": ["bridge.opened", "bridge.reviewed"],
    "answer_nobody": ["conn.answering_again"],
    "stop_connectors": ["conn.bye", "conn.session_over"],
    "stop_bridge": ["bridge.stopping"],
    "cut_connections": ["bridge.starting_over"],
    "edit_unseen": ["publish.refetch", "conn.refetching", "postgres.refetched"],
    "new_cases": ["bridge.matched", "http.lookup", "http.between", "conn.progress", "publish.case"],
    "work_less": ["postgres.chunk", "conn.digest", "conn.sweep"],
    "lose_an_answer": ["http.no_answer"],
    "edit_meanwhile": ["http.stale"],
    "pause_and_resume": ["publish.pause", "publish.resume", "conn.pause"],
    "refuse_and_correct": ["publish.parked", "publish.decision", "postgres.rolled_back"],
    "lock_a_row": ["conn.put_off"],
}
