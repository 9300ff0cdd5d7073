"""Two systems keep the same cases: what is entered in one appears in the other, on real servers."""

import json
import os
import random
import signal
import threading

import psycopg
import pytest

from support.journal import Journal, table_effects, watch_table
from support.topics import read_topic
from support.twin import Twin
from support.waiting import wait_for

IDS = ["341599195003070014", "341599195202290028", "341599196808150032", "341599198512310040"]


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    return Twin(tmp_path, processes, kafka, new_database, topic_prefix)


def test_an_entry_in_either_system_appears_in_the_other(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], lxdh="13900000001", zt="0")
    b = twin.wait_row("b", "other_no = %s", "D1", xm="张三", sfzh=IDS[0], lxdh="13900000001", zt="0")
    twin.wait_row("a", "sbh = %s", "D1", other_no=b["sbh"])
    twin.insert("b", sbh="P1", xm="李四", sfzh=IDS[1], lxdh="13900000002", zt="0")
    a = twin.wait_row("a", "other_no = %s", "P1", xm="李四", sfzh=IDS[1])
    twin.wait_row("b", "sbh = %s", "P1", other_no=a["sbh"])
    twin.quiet()
    assert twin.ledger.value("select count(*) from casebridge.cases") == 2
    assert twin.a.value("select count(*) from a_sq") == twin.b.value("select count(*) from b_sq") == 2


def test_changes_flow_both_ways_and_are_not_echoed(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="0")
    twin.wait_row("b", "other_no = 'D1'")
    twin.quiet()
    watch_table(twin.a, "a_sq")
    watch_table(twin.b, "b_sq")
    twin.update("a", "D1", zt="2", zzbh="Z-1")
    b = twin.wait_row("b", "other_no = 'D1'", zt="2", zzbh="Z-1")
    twin.update("b", b["sbh"], lxdh="13900000009")
    twin.wait_row("a", "sbh = 'D1'", lxdh="13900000009")
    twin.quiet()
    clerks = len([e for e in table_effects(twin.a, "a_sq", "sbh", by=lambda w: w == "test")])
    ours_a = table_effects(twin.a, "a_sq", "sbh", by=lambda w: w != "test")
    ours_b = table_effects(twin.b, "b_sq", "sbh", by=lambda w: w != "test")
    assert clerks == 1 and len(ours_a) == 1 and len(ours_b) == 1, (ours_a, ours_b)


def test_edits_at_once_of_different_fields_both_survive(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], lxdh="13900000001", dz="甲", zt="0")
    b = twin.wait_row("b", "other_no = 'D1'")
    twin.quiet()
    twin.update("a", "D1", dz="乙")
    twin.update("b", b["sbh"], lxdh="13900000002")
    twin.wait_row("a", "sbh = 'D1'", dz="乙", lxdh="13900000002")
    twin.wait_row("b", "other_no = 'D1'", dz="乙", lxdh="13900000002")
    twin.quiet()
    assert twin.ledger.value("select count(*) from casebridge.conflicts") == 0


def test_an_edit_of_what_the_other_side_owns_is_put_back_and_listed(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="2", zzbh="Z-1")
    b = twin.wait_row("b", "other_no = 'D1'", zzbh="Z-1")
    twin.quiet()
    twin.update("b", b["sbh"], zzbh="FALSCH")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.conflicts") == 1, what="a conflict")
    twin.wait_row("b", "other_no = 'D1'", zzbh="Z-1")
    twin.quiet()
    assert twin.row("a", "sbh = 'D1'")["zzbh"] == "Z-1"
    rows = json.loads(twin.casebridge.run("conflicts", "list", "--output", "json", twin.folder).out)
    assert [(r["system"], r["field"], r["lost"]) for r in rows] == [("b", "result.cert_no", '"FALSCH"')]


def test_a_record_that_cannot_be_mapped_is_parked_corrected_and_delivered(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh="341599195003070015", zt="0")  # wrong check digit
    twin.insert("a", sbh="D2", xm="李四", sfzh=IDS[1], zt="0")
    twin.wait_row("b", "other_no = 'D2'", xm="李四")
    rows = wait_for(lambda: json.loads(twin.casebridge.run("parked", "list", "--output", "json", twin.folder).out), what="a parked record")
    assert [(r["system"], r["local_id"], r["field"]) for r in rows] == [("a", "D1", "applicant.cert_no")]
    assert IDS[0][:10] not in rows[0]["text"], "personal data is masked"
    assert twin.row("b", "other_no = 'D1'") is None
    twin.update("a", "D1", sfzh=IDS[0])
    twin.wait_row("b", "other_no = 'D1'", sfzh=IDS[0])
    twin.quiet()
    assert json.loads(twin.casebridge.run("parked", "list", "--output", "json", twin.folder).out) == []


def test_a_change_the_target_refuses_is_parked_corrected_and_delivered(twin):
    twin.b.execute("alter table b_sq add constraint no_x check (xm not like '%X%')")
    twin.start()
    twin.insert("a", sbh="D1", xm="X先生", sfzh=IDS[0], zt="0")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.parked where status = 'open'") == 1, what="a refusal")
    twin.update("a", "D1", xm="张先生")
    twin.wait_row("b", "other_no = 'D1'", xm="张先生")
    twin.quiet()
    assert twin.ledger.value("select count(*) from casebridge.parked where status = 'open'") == 0


def test_the_public_topic_has_valid_cloud_events(twin, kafka, topic_prefix):
    import jsonschema
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], lxdh="13900000001", zt="0")
    twin.wait_row("b", "other_no = 'D1'")
    twin.quiet()
    schema = json.loads(twin.casebridge.run("schema", twin.folder).out)
    jsonschema.Draft202012Validator.check_schema(schema)
    records = wait_for(lambda: read_topic(kafka.bootstrap, f"{topic_prefix}.cases"), what="a published case")
    assert records
    for record in records:
        value = json.loads(record.value)
        jsonschema.Draft202012Validator(schema).validate(value)
        headers = {name: value.decode() for name, value in record.headers.items()}
        assert headers["ce_specversion"] == "1.0" and headers["content-type"] == "application/json"
        assert headers["ce_id"] == f"{value['case_id']}:{value['version']}"
        assert record.key.decode() == value["case_id"] == headers["ce_subject"]
    last = json.loads(records[-1].value)
    assert last["applicant"]["name"] == "张三" and {l["system"] for l in last["links"]} == {"a", "b"}


def test_status_and_case_tell_where_a_case_is(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="0")
    b = twin.wait_row("b", "other_no = 'D1'")
    twin.quiet()
    rows = json.loads(twin.casebridge.run("status", "--output", "json", twin.folder).out)
    assert [(r["system"], r["state"], r["cases"], r["parked"]) for r in rows] == [("a", "live", "1", "0"), ("b", "live", "1", "0")]
    shown = twin.casebridge.run("case", b["sbh"], "--lang", "zh", twin.folder).out
    assert "D1" in shown and b["sbh"] in shown and "一致" in shown


def test_a_paused_system_is_not_written_and_catches_up(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="0")
    twin.wait_row("b", "other_no = 'D1'")
    twin.quiet()
    twin.casebridge.run("system", "pause", "b", twin.folder)
    twin.update("a", "D1", xm="张四")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.links where due") == 1, what="a change that waits")
    assert twin.row("b", "other_no = 'D1'")["xm"] == "张三"
    twin.casebridge.run("system", "live", "b", twin.folder)
    twin.wait_row("b", "other_no = 'D1'", xm="张四")


def test_a_paused_system_is_not_read_either(twin):
    """What is typed there meanwhile is read when it is live again, and bears that time. The help says so."""
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="0")
    b = twin.wait_row("b", "other_no = 'D1'")
    twin.quiet()
    twin.casebridge.run("system", "pause", "b", twin.folder)
    twin.update("b", b["sbh"], dz="裕安区")
    twin.insert("a", sbh="D2", xm="李四", sfzh=IDS[1], zt="0")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.cases") == 2, what="the other one is read", or_died=[twin.process])
    assert twin.row("a", "sbh = 'D1'")["dz"] is None
    resumed = twin.ledger.value("select clock_timestamp()")
    twin.casebridge.run("system", "live", "b", twin.folder)
    twin.wait_row("a", "sbh = 'D1'", dz="裕安区")
    assert twin.ledger.value("select max(at) from casebridge.history where sys = (select id from casebridge.systems where code = 'b')") >= resumed
    assert "neither read nor written" in twin.casebridge.run("system", "--help", "--lang", "en").out
    assert "既不读取也不写入" in twin.casebridge.run("system", "--help", "--lang", "zh").out


# ---- crashes in the middle of traffic ----

NAMES = ["张三", "李四", "王五", "赵六", "钱七"]


class Clerks:
    """Types changes into both systems from one thread, values typed again among them, and keeps the journal of what was typed last by whom."""

    def __init__(self, twin, seed, changes):
        self.twin, self.random, self.changes = twin, random.Random(seed), changes
        self.journals = {"a": Journal(), "b": Journal()}
        self.failed = None
        self.done = 0
        self.thread = threading.Thread(target=self._run, daemon=True)

    # each system's clerks own one column each, so that the last value typed is what must stand everywhere
    COLUMN = {"a": "dz", "b": "lxdh"}

    def _value(self, system):
        if system == "a":
            return f"裕安区{self.random.randrange(30)}号"
        return f"1390000{self.random.randrange(30):04d}"

    def _try(self, act):
        """A clerk whose system is down tries again until it is back; the entry counts once it is committed."""
        wait_for(lambda: self._attempt(act), timeout=150, what="the clerk's own database")

    def _attempt(self, act):
        try:
            act()
            return True
        except psycopg.errors.UniqueViolation:
            return True  # the reply to the first attempt was lost, not the entry
        except psycopg.OperationalError:
            return False

    def _run(self):
        try:
            n = 0
            for i in range(self.changes):
                system = self.random.choice("ab")
                if n < 40 and (i < 10 or self.random.random() < 0.1):
                    n += 1
                    sbh = f"{'D' if system == 'a' else 'P'}{n:05d}"
                    self._try(lambda: self.twin.insert(system, sbh=sbh, xm=f"{NAMES[n % 5]}{n}", sfzh=IDS[n % 4], dz="初始",
                                                       lxdh="13900009999", zt="0"))
                else:
                    self._edit(system)
                self.done = i + 1
        except BaseException as error:  # told by the test's own thread
            self.failed = error

    def _edit(self, system):
        names = []
        self._try(lambda: names.append([r[0] for r in getattr(self.twin, system).rows(f"select sbh, xm from {system}_sq order by xm")]))
        if not names[-1]:
            return
        sbh, value = self.random.choice(names[-1]), self._value(system)
        self._try(lambda: self.twin.update(system, sbh, **{self.COLUMN[system]: value}))
        rows = []
        self._try(lambda: rows.append(self.twin.row(system, "sbh = %s", sbh)))
        person = rows[-1]["xm"]
        self.journals[system].typed(person, self.COLUMN[system], value)


def _check_all_equal(twin):
    @twin.patiently
    def same():
        a = sorted(twin.a.rows("select xm, sfzh, dz, lxdh, zt, sbh, other_no from a_sq"))
        b = sorted(twin.b.rows("select xm, sfzh, dz, lxdh, zt, other_no, sbh from b_sq"))
        assert a == b, [x for x in a if x not in b][:3] + [x for x in b if x not in a][:3]
        return True
    wait_for(same, timeout=60, what="both systems equal")


VICTIMS = ["bridge", "connector a", "connector b", "kafka", "postgres"]


@pytest.mark.parametrize("victim", VICTIMS)
def test_kill_9_in_the_middle_loses_nothing_and_doubles_nothing(twin, kafka, postgres, victim):
    changes = 2000
    twin.start()
    watch_table(twin.a, "a_sq")
    watch_table(twin.b, "b_sq")
    clerks = Clerks(twin, victim, changes)
    clerks.thread.start()
    for mark in (changes // 4, changes // 2, 3 * changes // 4):
        wait_for(lambda: clerks.done >= mark or clerks.failed, timeout=240, what=f"{mark} changes typed")
        if victim in ("kafka", "postgres"):
            server = kafka if victim == "kafka" else postgres
            server.kill()
            server.start()
        else:
            os.kill(twin.process.child(f" {victim}", timeout=30), signal.SIGKILL)
    clerks.thread.join(300)
    assert not clerks.failed and clerks.done == changes, clerks.failed
    twin.quiet(timeout=120)
    _check_all_equal(twin)
    twin.quiet(timeout=60)

    def value(system):
        def found(person, column):
            row = twin.row(system, "xm = %s", person)
            if row is None:
                raise LookupError(person)
            return row[column]
        return found
    person_of = {s: dict(getattr(twin, s).rows(f"select sbh, xm from {s}_sq")) for s in "ab"}
    for typed_in, other in (("a", "b"), ("b", "a")):
        journal = clerks.journals[typed_in]
        assert len(journal) > changes // 8
        ours = table_effects(getattr(twin, other), f"{other}_sq", "sbh", by=lambda w: w != "test")
        verdict = journal.verdict(value(other), ours, person_of[other].get, {clerks.COLUMN[typed_in]: clerks.COLUMN[typed_in]})
        assert verdict, f"typed in {typed_in}, found in {other}: {verdict}"
    assert twin.ledger.value("select count(*) from casebridge.parked where status = 'open'") == 0
    assert twin.ledger.value("select count(*) from casebridge.conflicts") == 0
    _check_sums(twin)


def _check_sums(twin):
    """What was read and sent is accounted for to the last one, over every crash."""
    for system, n in twin.ledger.rows("select code, counters from casebridge.systems"):
        assert n["read"] > 0 and n["read"] == n["accepted"] + n["echo"] + n["refused"] + n["parked_in"], (system, n)
        answered = sum(n[word] for word in ("applied", "stale", "exists", "gone", "rejected", "unknown", "pending"))
        assert n["sent"] > 0 and n["sent"] == answered, (system, n)
