"""People at work on both sides: mixed changes, each value written down when it stands in the system it was typed into.

Every field has one side whose people type it, so that the value typed last must stand everywhere, and
so that what is found elsewhere can be compared with one list. Some values are unique, some are typed
again, some are taken back at once: a fault that lets an older value win shows with the one kind, one
that takes equal for the same shows with the other.
"""

import http.client
import random
import threading
import time
import urllib.error
from collections import defaultdict

import psycopg

from support.servers import Database
from support.waiting import wait_for

NAMES = ["张建国", "李秀英", "王德福", "赵玉兰", "钱万里", "孙桂芳"]
STATES = {0: "02", 1: "05", 2: "10"}
PROBES, STORIES = 2, 2  # the first cases are left to who measures, the next to nudges
PATIENCE = 240
WORK = 1.5  # seconds of typing between two faults
CATCH_UP = 60  # seconds of work that a clerk whose system was down makes up for


def citizen_id(n):
    """The identity number of person n: each is another one, with its check character."""
    first = f"341599{1930 + n // 800 % 30}{1 + n % 12:02d}{1 + n // 12 % 28:02d}{100 + n % 800:03d}"
    total = sum(int(d) * pow(2, 17 - i, 11) for i, d in enumerate(first))
    return first + "10X98765432"[total % 11]


class Journal:
    """(person, field) -> the values in the order in which they were typed."""

    def __init__(self):
        self.typed = defaultdict(list)
        self.changes = 0
        self.lock = threading.Lock()

    def note(self, person, **values):
        with self.lock:
            self.changes += len(values)
            for field, value in values.items():
                self.typed[person, field].append(value)


class Clerk:
    """One person at one system, with a connection of their own. Their cases are theirs alone, so that what is typed into one has an order."""

    def __init__(self, scene, seed, side, number):
        self.side, self.number, self.busy = side, number, False
        self.dice = random.Random(f"{seed} {side}" + (f" {number}" if number else ""))
        self.database = Database(scene.department.server, scene.department.name) if number else scene.department

    def cases(self, persons, of):
        # what a probe has typed must stand until it is seen: its case is nobody else's
        return persons[PROBES + STORIES + self.number::of]


class People:
    """`clerks` of them at each system. `pace`: seconds between two changes of one of them."""

    def __init__(self, scene, seed, pace=0.02, changes=None, cases=60, clerks=1):
        self.scene, self.pace, self.limit, self.most = scene, pace, changes, cases
        self.journal, self.failed = Journal(), None
        self.persons, self.state = [], {}
        self._serial, self._lock = 0, threading.Lock()
        self._go, self._over, self._gone = threading.Event(), False, False
        self._each = clerks
        self._clerks = [Clerk(scene, seed, side, n) for n in range(clerks) for side in ("department", "portal")]
        self._threads = [threading.Thread(target=self._work, args=(clerk,), daemon=True) for clerk in self._clerks]

    # ---- the course of a test ----

    def start(self):
        self._go.set()
        for i in range(PROBES + STORIES):
            self.enter() if i % 2 == 0 else self.apply()
        for thread in self._threads:
            thread.start()
        return self

    def pause(self):
        """Returns when nobody has a finger on a key."""
        self._go.clear()
        wait_for(lambda: not any(clerk.busy for clerk in self._clerks) or self.failed, PATIENCE, "people to pause")
        self.must_work()

    def resume(self):
        self._go.set()

    def stop(self):
        self._finish()
        self.must_work()

    def leave(self):
        """Also when the test has failed: nobody types into a system that is being taken down."""
        self._gone = True
        self._finish()

    def _finish(self):
        self._over = True
        self._go.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(PATIENCE)

    def done(self):
        return self._over or self.limit is not None and self.journal.changes >= self.limit

    def must_work(self):
        if self.failed:
            raise self.failed

    def _work(self, clerk):
        due = time.monotonic()
        try:
            while not self.done():
                self._go.wait()
                clerk.busy = True
                if self._go.is_set() and not self.done():
                    self._change(clerk)
                clerk.busy = False
                due = max(due + self.pace, time.monotonic() - CATCH_UP)
                time.sleep(max(0, due - time.monotonic()))
        except BaseException as error:  # told by the test's own thread
            self.failed = error
        clerk.busy = False

    def _change(self, clerk):
        dice = clerk.dice.random()
        own = clerk.cases(self.persons, self._each)
        if not own or (dice < 0.05 and len(self.persons) < self.most):
            self.enter() if clerk.side == "department" else self.apply()
        elif clerk.side == "department":
            person = clerk.dice.choice(own)
            if dice < 0.15:
                self.go_on(person, clerk)
            else:
                self.address(person, self._value(clerk, "鼓楼街道{}号"), clerk)
        else:
            person = clerk.dice.choice(own)
            self.mobile(person, self._value(clerk, "139{:08d}"))

    def _value(self, clerk, form):
        if clerk.dice.random() < 0.3:
            return form.format(clerk.dice.randrange(20))
        return form.format(1000 + self._number())

    def _number(self):
        with self._lock:
            self._serial += 1
            return self._serial

    # ---- what they do ----

    def patiently(self, act):
        """Who finds the system down tries again until it is back; an entry counts once it is committed."""
        def attempt():
            try:
                return act() or True
            except psycopg.errors.UniqueViolation:
                return True  # the answer to the first attempt was lost, not the entry
            except (psycopg.OperationalError, urllib.error.URLError, OSError, http.client.HTTPException) as error:
                if self._gone:
                    raise
                raise LookupError(str(error)) from None
        return wait_for(attempt, PATIENCE, "a clerk's own system")

    def _new_person(self):
        with self._lock:
            n = len(self.state)
            person = citizen_id(n)
            self.state[person] = 0
        return n, person

    def enter(self):
        """A clerk of the department takes an application at the window."""
        n, person = self._new_person()
        address, mobile = f"鼓楼街道{self._number() + 1000}号", f"138{n:08d}"
        self.patiently(lambda: self.scene.enter(f"YDZ2018{n:07d}", NAMES[n % 6], person, zt=0, hkdz=address, lxdh=mobile))
        self.journal.note(person, ADDRESS=address, MOBILE=mobile, STATE=STATES[0])
        self.persons.append(person)

    def apply(self):
        """A person applies on the portal."""
        n, person = self._new_person()
        address, mobile = f"西市街道{self._number() + 1000}号", f"138{n:08d}"

        def once():
            # the form knows no second try: look first whether the first came through
            if person not in self.scene.view.refresh().by_person:
                self.scene.apply(NAMES[n % 6], person, mobile=mobile, address=address)
        self.patiently(once)
        self.journal.note(person, ADDRESS=address, MOBILE=mobile, STATE=STATES[0])
        self.persons.append(person)

    def _department(self, person, clerk=None, **columns):
        """False when the department does not have the case yet."""
        sets = ", ".join(f"{column} = %s" for column in columns)
        database, found = clerk.database if clerk else self.scene.department, []
        self.patiently(lambda: found.append(database.execute(
            f"update ydz_sq set {sets} where sfzh = %s", *columns.values(), person).rowcount))
        return found[-1] > 0

    def address(self, person, value, clerk=None):
        if self._department(person, clerk, hkdz=value):
            self.journal.note(person, ADDRESS=value)
            return True
        return False

    def go_on(self, person, clerk):
        """The case takes its course: accepted, then the certificate."""
        state = self.state[person]
        if state == 0 and self._department(person, clerk, zt=1):
            self.journal.note(person, STATE=STATES[1])
            self.state[person] = 1
        elif state == 1:
            number = f"YDZ-{self._number():06d}"
            if self._department(person, clerk, zt=2, zzbh=number):
                self.journal.note(person, STATE=STATES[2], CERTIFICATE=number)
                self.state[person] = 2

    def mobile(self, person, value):
        found = [self.scene.view.by_person.get(person)]
        if not found[-1]:
            self.patiently(lambda: found.append(self.scene.view.refresh().by_person.get(person)))
        if not found[-1]:
            return False
        self.patiently(lambda: self.scene.clerk_on_portal(found[-1], APPLICANTMOBILE=value))
        self.journal.note(person, MOBILE=value)
        return True


def type_on(world):
    """People are at it when something happens, in the middle of whatever the product does."""
    before, deadline = world.people.journal.changes, time.monotonic() + WORK
    while time.monotonic() < deadline or world.people.journal.changes < before + 20:
        world.people.must_work()
        time.sleep(0.02)
