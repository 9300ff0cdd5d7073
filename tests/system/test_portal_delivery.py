"""Delivery to a portal that answers as portals do: late, twice, with a web page, or not at all.

The portal's own journal, which knows nothing of the product, tells what was done there; every effect stands in it once.
"""

import os
import random
import signal
import threading
import urllib.error
from collections import Counter

import psycopg
import pytest

from support.waiting import wait_for
from support.yuan import Yuan



def citizen_id(n):
    """The identity number of person n: each is another one, with its check character."""
    first = f"3415991950{1 + n % 12:02d}{1 + n // 12 % 28:02d}{100 + n:03d}"
    total = sum(int(d) * pow(2, 17 - i, 11) for i, d in enumerate(first))
    return first + "10X98765432"[total % 11]


IDS = [citizen_id(n) for n in range(40)]
PEOPLE = ["张建国", "李秀英", "王德福", "赵玉兰", "钱万里", "孙桂芳"]
CREATE = ["/web/approval/createReceiveNum", "/case/receiveBasicInfo", "/case/receiveProc"]
UPDATE = ["/case/update", "/case/receiveDone"]
READS = [("GET", "/case/changes"), ("GET", "/case/3*"), ("GET", "/case/search")]

# What can happen to a call. `after`: the work was done all the same.
KINDS = [{"kind": "html"}, {"kind": "html", "after": True}, {"kind": "error"}, {"kind": "error", "after": True, "status": 502},
         {"kind": "busy"}, {"kind": "slow_down"}, {"kind": "lost_request"}, {"kind": "lost_answer"}, {"kind": "truncated"},
         {"kind": "trickle", "ms": 5, "bytes": 400}, {"kind": "latency", "ms": 300, "after": True}]


@pytest.fixture
def make_yuan(tmp_path, processes, kafka, new_database, portal, topic_prefix):
    def make(promise="H1"):
        return Yuan(tmp_path, processes, kafka, new_database, portal, topic_prefix, promise=promise)
    return make


def by_number(yuan):
    """The portal's cases by the department's number; each number must be of one case."""
    cases = yuan.portal_cases()
    numbers = Counter(c.get("ORGBUSNO") for c in cases.values())
    assert all(n == 1 for number, n in numbers.items() if number), numbers
    return {c["ORGBUSNO"]: c for c in cases.values() if c.get("ORGBUSNO")}


def all_equal(yuan):
    """Both systems show the same, column for column, and nobody waits for a person."""
    rows = yuan.department.rows("select sbh, xm, sfzh, hkdz, lxdh, zt, zzbh from ydz_sq")
    cases = by_number(yuan)
    assert sorted(r[0] for r in rows) == sorted(cases), "the same cases"
    for sbh, xm, sfzh, hkdz, lxdh, zt, zzbh in rows:
        case = cases[sbh]
        there = (case["APPLICANT"], case["APPLICANTCERTNO"], case["ADDRESS"], case["APPLICANTMOBILE"], case.get("DONE/CERTIFICATENO"))
        assert there == (xm, sfzh, hkdz, lxdh, zzbh), (sbh, there)
        assert case["PROJECTSTATE"] == {0: "02", 1: "05", 2: "10"}[zt], (sbh, case["PROJECTSTATE"])
    return True


def wait_equal(yuan, timeout=60):
    yuan.quiet(timeout)
    wait_for(lambda: all_equal(yuan), timeout, "both systems equal", or_died=[yuan.process])
    yuan.quiet(timeout)


def nobody_waits(yuan):
    assert yuan.ledger.rows("select code, text_en from casebridge.parked where status = 'open'") == []


def once(yuan):
    """No case was made twice, no value was written twice."""
    entries = yuan.journal()
    ours = [e for e in entries if e["actor"] == "app"]
    created = Counter(e["changes"]["ORGBUSNO"][1] for e in ours if e["op"] == "create")
    assert all(n == 1 for n in created.values()), created
    steps = Counter((e["projid"], place) for e in ours for place, (before, _) in e["changes"].items()
                    if place.startswith("STEPS/") and place.endswith("/NODENAME") and before is None)
    assert all(n == 1 for n in steps.values()), steps
    by_number(yuan)
    return ours


@pytest.mark.parametrize("promise", ["H1", "H2", "H3"])
def test_every_fault_on_every_call_neither_loses_nor_doubles(make_yuan, promise):
    yuan = make_yuan(promise)
    rules = [{**kind, "path": path, "method": "POST", "next": 1} for path in CREATE + UPDATE for kind in KINDS]
    rules += [{**kind, "path": path, "method": method, "next": 1} for method, path in READS for kind in KINDS]
    rules += [{**kind, "path": "/auth/token", "next": 1} for kind in KINDS[:3]]
    yuan.portal.control("/faults", rules, method="PUT")
    yuan.start()
    for i in range(8):
        yuan.enter(f"YDZ2018070290{i}", PEOPLE[i % 6], IDS[i], zt=0)
    wait_for(lambda: len(by_number(yuan)) == 8, 60, "eight cases on the portal", or_died=[yuan.process])
    yuan.quiet()
    for i in range(8):
        yuan.department.execute("update ydz_sq set zt = 1 where sbh = %s", f"YDZ2018070290{i}")
    yuan.quiet()
    for i in range(8):
        yuan.department.execute("update ydz_sq set zt = 2, zzbh = %s, hkdz = %s where sbh = %s", f"YDZ-2018-{i:04d}", f"小华山街道{i}号",
                                f"YDZ2018070290{i}")
    wait_equal(yuan, 90)
    nobody_waits(yuan)
    ours = once(yuan)
    certificates = Counter(e["changes"]["DONE/CERTIFICATENO"][1] for e in ours if "DONE/CERTIFICATENO" in e["changes"])
    assert certificates == Counter(f"YDZ-2018-{i:04d}" for i in range(8))
    met = Counter(rule["path"] for rule in yuan.portal.control("/faults")["data"] if rule["hits"])
    assert all(met[path] == len(KINDS) for path in CREATE + UPDATE), met
    assert all(met[path] for _, path in READS), met
    assert yuan.ledger.value("select count(*) from casebridge.cases") == 8


def test_an_edit_between_reading_and_writing_is_never_overwritten(make_yuan):
    """H1, H2: the condition fails, and both edits stand."""
    yuan = make_yuan("H2")
    yuan.start()
    projid, pwd = yuan.apply(PEOPLE[0], IDS[0])
    row = yuan.wait_row("sfzh = %s", IDS[0])
    yuan.quiet()
    yuan.portal.control("/faults", {"kind": "latency", "path": "/case/update", "ms": 1500, "next": 1})
    yuan.department.execute("update ydz_sq set hkdz = '小华山街道7号' where sbh = %s", row["sbh"])
    wait_for(lambda: yuan.portal.control("/faults")["data"][0]["hits"], what="a call that waits in the portal")
    yuan.clerk_on_portal(projid, APPLICANTMOBILE="13911112222")
    yuan.wait_row("sbh = %s", row["sbh"], lxdh="13911112222", hkdz="小华山街道7号")
    yuan.wait_portal(projid, pwd, ADDRESS="小华山街道7号", APPLICANTMOBILE="13911112222")
    wait_equal(yuan)
    assert yuan.portal.control("/stats")["data"]["codes"].get("4120", 0) >= 1, "the portal refused the stale write"


def test_what_the_portal_makes_of_a_value_is_not_taken_for_an_edit(make_yuan):
    """Without conditions in the server a difference is its way of writing: listed, and never spread."""
    yuan = make_yuan("H3")
    yuan.start()
    yuan.portal.control("/faults", {"kind": "transform", "path": "/case/*", "field": "ADDRESS", "do": "upper"})
    yuan.enter("YDZ20180702901", PEOPLE[0], IDS[0], hkdz="a座1号")
    wait_for(lambda: by_number(yuan).get("YDZ20180702901", {}).get("ADDRESS") == "A座1号", what="the portal's form of the address")
    yuan.quiet()
    projid = next(iter(yuan.portal_cases()))
    yuan.clerk_on_portal(projid, APPLICANTMOBILE="13911112222")
    row = yuan.wait_row("sbh = 'YDZ20180702901'", lxdh="13911112222")
    yuan.quiet()
    assert row["hkdz"] == "a座1号"
    assert yuan.ledger.rows("select count(*) from casebridge.conflicts where kind = 'deviation'") == [(1,)]


def test_a_create_refused_half_way_goes_on_under_its_number(make_yuan):
    yuan = make_yuan()
    yuan.edit("systems/portal.yaml", "      - { body: not json, is: retry }\n", "      - { status: 418, is: correct }\n      - { body: not json, is: retry }\n")
    yuan.portal.control("/faults", {"kind": "error", "status": 418, "path": "/case/receiveBasicInfo", "next": 1})
    yuan.start()
    yuan.enter("YDZ20180702901", PEOPLE[0], IDS[0])
    wait_for(lambda: yuan.ledger.value("select count(*) from casebridge.parked where status = 'open'") == 1, what="a refusal")
    number = yuan.ledger.value("select l.lid from casebridge.links l where l.lid like '3415%'")
    yuan.department.execute("update ydz_sq set hkdz = '小华山街道7号' where sbh = 'YDZ20180702901'")
    wait_equal(yuan)
    nobody_waits(yuan)
    once(yuan)
    assert {e["projid"] for e in yuan.journal()} == {number}


def test_one_record_the_portal_always_fails_at_does_not_stop_the_others(make_yuan):
    yuan = make_yuan()
    yuan.start()
    projid, pwd = yuan.apply(PEOPLE[0], IDS[0])
    row = yuan.wait_row("sfzh = %s", IDS[0])
    yuan.quiet()
    yuan.portal.control("/faults", {"kind": "error", "path": "/case/update"})
    yuan.department.execute("update ydz_sq set hkdz = '小华山街道7号' where sbh = %s", row["sbh"])
    yuan.enter("YDZ20180702901", PEOPLE[1], IDS[1])
    wait_for(lambda: "YDZ20180702901" in by_number(yuan), what="another case while one fails", or_died=[yuan.process])
    yuan.clerk_on_portal(projid, APPLICANTMOBILE="13911112222")
    yuan.wait_row("sbh = %s", row["sbh"], lxdh="13911112222")
    yuan.portal.control("/faults", method="DELETE")
    wait_equal(yuan)
    nobody_waits(yuan)


def test_lost_tokens_and_a_rate_limit_only_delay(make_yuan):
    yuan = make_yuan()
    yuan.portal.control("", {"rate_limit": 10})
    yuan.start()
    for i in range(6):
        yuan.enter(f"YDZ2018070290{i}", PEOPLE[i], IDS[i])
    wait_for(lambda: by_number(yuan), 30, "the first case on the portal", or_died=[yuan.process])
    yuan.portal.control("/tokens", method="DELETE")
    wait_equal(yuan, 90)
    nobody_waits(yuan)
    once(yuan)
    assert yuan.portal.control("/stats")["data"]["codes"].get("4290", 0), "the limit was met"


def test_without_keys_a_create_that_nobody_finds_yet_is_not_made_twice(make_yuan):
    """H3: the answer is lost and the search shows new cases late; the portal's own rule against duplicates names the case."""
    yuan = make_yuan("H3")
    yuan.portal.control("", {"search_lag_ms": 3000})
    yuan.portal.control("/faults", [{"kind": "lost_answer", "path": path, "next": 1} for path in CREATE[:2]], method="PUT")
    yuan.start()
    yuan.enter("YDZ20180702901", PEOPLE[0], IDS[0])
    wait_for(lambda: by_number(yuan), 30, "the case on the portal", or_died=[yuan.process])
    os.kill(yuan.process.child(" connector portal", timeout=30), signal.SIGKILL)
    wait_equal(yuan)
    nobody_waits(yuan)
    assert len(yuan.portal_cases()) == 1


# ---- crashes in the middle of traffic ----

class People:
    """A clerk at the department's table and one at the portal's pages, each with a column of their own, so that what was typed last must stand everywhere."""

    def __init__(self, yuan, seed, changes):
        self.yuan, self.random, self.changes, self.done, self.failed = yuan, random.Random(seed), changes, 0, None
        self.last = {}
        self.sbh = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _patiently(self, act):
        def attempt():
            try:
                act()
            except psycopg.errors.UniqueViolation:
                pass  # the answer was lost, not the entry
            except (psycopg.OperationalError, urllib.error.URLError, OSError) as error:
                raise LookupError(str(error)) from None
            return True
        wait_for(attempt, 60, "a clerk's own system")

    def _run(self):
        try:
            for i in range(self.changes):
                if i % 25 == 0:
                    sbh = f"YDZ201807029{len(self.sbh):02d}"
                    self.sbh.append(sbh)
                    self._patiently(lambda: self.yuan.enter(sbh, PEOPLE[i % 6], IDS[i // 25]))
                    if i == 0:  # from here on there is something to edit on both sides
                        wait_for(self._numbers, 60, "a case on the portal")
                elif self.random.random() < 0.5:
                    self._type_in_department(self.random.choice(self.sbh))
                else:
                    self._type_on_portal()
                self.done = i + 1
        except BaseException as error:  # told by the test's own thread
            self.failed = error

    def _type_in_department(self, sbh):
        value = f"鼓楼街道{self.random.randrange(20)}号"
        self._patiently(lambda: self.yuan.department.execute("update ydz_sq set hkdz = %s where sbh = %s", value, sbh))
        self.last[sbh, "ADDRESS"] = value

    def _numbers(self):
        return sorted((projid, c["ORGBUSNO"]) for projid, c in self.yuan.portal_cases().items() if c.get("ORGBUSNO"))

    def _type_on_portal(self):
        found = []
        self._patiently(lambda: found.extend(self._numbers()))
        (projid, sbh), value = self.random.choice(found), f"1390000{self.random.randrange(20):04d}"
        self._patiently(lambda: self.yuan.clerk_on_portal(projid, APPLICANTMOBILE=value))
        self.last[sbh, "APPLICANTMOBILE"] = value


VICTIMS = ["connector portal", "connector civil-affairs", "bridge", "kafka", "postgres", "portal"]


@pytest.mark.parametrize("victim", VICTIMS)
def test_kill_9_in_the_middle_loses_nothing_and_doubles_nothing(make_yuan, kafka, postgres, portal, victim):
    changes = 500
    yuan = make_yuan()
    yuan.start()
    people = People(yuan, victim, changes)
    people.thread.start()
    marks = (changes // 2,) if victim in ("kafka", "postgres") else (changes // 3, 2 * changes // 3)
    for mark in marks:
        wait_for(lambda: people.done >= mark or people.failed, 90, f"{mark} changes typed")
        if victim in ("kafka", "postgres", "portal"):
            server = {"kafka": kafka, "postgres": postgres, "portal": portal}[victim]
            server.kill()
            server.start()
        else:
            os.kill(yuan.process.child(f" {victim}", timeout=30), signal.SIGKILL)
    people.thread.join(120)
    assert not people.failed and people.done == changes, people.failed
    wait_equal(yuan, 90)
    nobody_waits(yuan)
    cases = by_number(yuan)
    assert len(cases) == len(people.sbh)
    assert {at: cases[at[0]][at[1]] for at in people.last} == people.last
    ours = once(yuan)
    typed_here = [e for e in yuan.journal() if e["op"] == "clerk"]
    assert typed_here and not [e for e in ours if "APPLICANTMOBILE" in e["changes"] and e["op"] == "update"], "no echo"
    assert yuan.ledger.value("select count(*) from casebridge.conflicts") == 0
