"""Reconciliation: every planted difference is found in its class, nothing else is, and what may be mended is mended."""

import csv
import io
import json
import re

import pytest

from support.twin import Twin
from support.waiting import wait_for

PEOPLE = [("张三", "341599195003070014"), ("李四", "341599195202290028"), ("王五", "341599196808150032"), ("赵六", "341599198512310040")]


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    """Nobody but us compares: the connectors' own walk is switched off."""
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    for name in "ab":
        file = twin.folder / "systems" / f"{name}.yaml"
        text = file.read_text()
        assert "sweep: always, sweep_every: 1s" in text
        file.write_text(text.replace("sweep: always, sweep_every: 1s", "sweep: off"))
    return twin


def fill(twin, n=12):
    twin.start()
    for i in range(n):
        name, id_no = PEOPLE[i % len(PEOPLE)]
        twin.insert("a", sbh=f"D{i:02}", xm=name, sfzh=id_no, lxdh="13900000001", dz="甲", zt="1")
    wait_for(lambda: twin.b.value("select count(*) from b_sq") == n, what="all cases in b", or_died=[twin.process])
    wait_for(lambda: twin.a.value("select count(*) from a_sq where other_no is not null") == n, what="all numbers in a", or_died=[twin.process])
    twin.quiet()


def behind_our_back(twin, name, sql, *values):
    """As a job without triggers does it: no cursor moves, nobody is told."""
    getattr(twin, name).execute("set session_replication_role = replica")
    getattr(twin, name).execute(sql, *values)
    getattr(twin, name).execute("set session_replication_role = origin")


def reconcile(twin, name, *words, expect=None, settle=1):
    done = twin.casebridge.run("reconcile", name, "--output", "json", "--settle", settle, *words, twin.folder, expect=expect)
    return json.loads(done.out)


def found(report):
    return sorted((d["class"], d["local_id"], d["field"]) for d in report["differences"])


def number_in_b(twin, dept_no):
    return twin.row("b", "other_no = %s", dept_no)["sbh"]


def test_equal_sides_are_equal(twin):
    fill(twin)
    for name in "ab":
        report = reconcile(twin, name, expect=0)
        assert report["records"] == 12 and report["different"] == report["in_flight"] == report["waiting"] == 0 and report["differences"] == []
        assert report["counters"]["add_up"] and report["counters"]["read"] + report["counters"]["sent"] >= 12


def test_each_class_is_found_and_nothing_is_invented(twin):
    fill(twin)
    behind_our_back(twin, "a", "update a_sq set dz = '乙' where sbh = 'D00'")                     # R6
    behind_our_back(twin, "a", "update a_sq set zt = '2' where sbh = 'D01'")                       # R9
    behind_our_back(twin, "a", "update a_sq set zt = '0' where sbh = 'D02'")                       # R3
    behind_our_back(twin, "a", "update a_sq set zzbh = 'Z-9' where sbh = 'D03'")                   # R3: the result
    behind_our_back(twin, "a", "delete from a_sq where sbh = 'D04'")                               # R2: the portal has it alone
    behind_our_back(twin, "a", "insert into a_sq (sbh, xm, sfzh, zt, rv) values ('D90', '钱七', %s, '0', '3')", PEOPLE[0][1])  # R1
    twin.ledger.execute("delete from casebridge.links l using casebridge.systems s where s.id = l.sys and s.code = 'a' and l.lid = 'D05'")  # R1: the link is lost
    # left out: on its way, and for a person; both differ
    behind_our_back(twin, "a", "update a_sq set dz = '丙' where sbh in ('D06', 'D07')")
    twin.ledger.execute("update casebridge.links set due = true where lid = 'D06'")
    twin.ledger.execute("update casebridge.links set state = 'parked' where lid = 'D07'")

    report = reconcile(twin, "a", expect=1)
    assert found(report) == [("R1", "D05", None), ("R1", "D90", None), ("R2", "D04", None), ("R3", "D02", "status"), ("R3", "D03", "result.cert_no"),
                             ("R6", "D00", "applicant.address"), ("R9", "D01", "status")]
    assert (report["records"], report["different"], report["in_flight"], report["waiting"]) == (13, 7, 1, 1)
    assert {c["class"]: c["records"] for c in report["classes"] if c["records"]} == {"R1": 2, "R2": 1, "R3": 2, "R6": 1, "R9": 1}
    by_id = {d["local_id"]: d for d in report["differences"]}
    assert (by_id["D01"]["in_case"], by_id["D01"]["in_system"]) == ("ACCEPTED", "FINISHED")
    assert {i: d["repair"] for i, d in by_id.items()} == {"D05": "refetch", "D90": "refetch", "D01": "refetch", "D04": "person", "D02": "person",
                                                          "D03": "person", "D00": "person"}
    # the portal's side saw nothing of all this
    assert reconcile(twin, "b", expect=0)["different"] == 0


def test_repair_mends_what_it_may_and_a_person_the_rest(twin):
    fill(twin)
    behind_our_back(twin, "a", "update a_sq set dz = '乙' where sbh = 'D00'")
    behind_our_back(twin, "a", "update a_sq set zt = '2' where sbh = 'D01'")
    behind_our_back(twin, "a", "insert into a_sq (sbh, xm, sfzh, zt, rv) values ('D90', '钱七', %s, '0', '3')", PEOPLE[0][1])
    report = reconcile(twin, "a", "--repair", expect=1)
    assert {d["local_id"]: d["ordered"] for d in report["differences"]} == {"D00": False, "D01": True, "D90": True}
    twin.wait_row("b", "other_no = 'D01'", zt="2")
    twin.wait_row("b", "other_no = 'D90'", xm="钱七")
    twin.quiet()
    assert found(reconcile(twin, "a", expect=1)) == [("R6", "D00", "applicant.address")]
    assert twin.row("b", "other_no = 'D00'")["dz"] == "甲"
    reconcile(twin, "a", "--repair", "--also", "R6", "--by", "王科长", "--why", "已电话核实", expect=1)
    twin.wait_row("b", "other_no = 'D00'", dz="乙")
    twin.quiet()
    kept = twin.ledger.rows("select kind, outcome, person, why, parked is null, cid is null from casebridge.orders order by pos")
    assert [r[:2] for r in kept] == [("retry", "done")] * 3 and kept[2][2:] == ("王科长", "已电话核实", True, False), kept
    assert reconcile(twin, "a", expect=0)["different"] == 0 and reconcile(twin, "b", expect=0)["different"] == 0
    assert twin.ledger.value("select count(*) from casebridge.cases") == 13 and twin.b.value("select count(*) from b_sq") == 13, "nothing twice"


def test_what_the_portal_alone_has_says_what_to_do(twin):
    """The department's record is gone: R2 is not mended unasked, and --also R2 has the bridge look and ask."""
    fill(twin, 4)
    behind_our_back(twin, "a", "delete from a_sq where sbh = 'D01'")
    for lang, word in (("en", "for a person"), ("zh", "须人工处理")):
        people = twin.casebridge.run("reconcile", "a", "--lang", lang, "--settle", "0", twin.folder, expect=1).out
        assert re.search(rf"^R2 +1  .*{word}.*\n +→ .*--repair --also R2", people, re.M), people
    step = next(c["next"] for c in reconcile(twin, "a", expect=1)["classes"] if c["class"] == "R2")
    assert "--also R2" in step
    reconcile(twin, "a", "--repair", "--also", "R2", "--why", "已核对", expect=1)
    wait_for(lambda: twin.ledger.rows("select kind, lid from casebridge.parked where status = 'open'") == [("vanished", "D01")],
             what="the question what is to become of it", or_died=[twin.process])


def stop(twin):
    """What is done to the ledger while the bridge runs, it would not see."""
    twin.process.signal(15)
    assert twin.process.wait() == 0


def test_what_the_ledger_lost_is_found_again(twin):
    fill(twin, 4)
    lost = number_in_b(twin, "D02")
    stop(twin)
    behind_our_back(twin, "b", "delete from b_sq where sbh = %s", lost)
    twin.ledger.execute("delete from casebridge.links where lid in (%s, 'D01')", lost)
    report = reconcile(twin, "b", "--repair", expect=1)
    assert [(d["class"], d["case_no"], d["repair"], d["ordered"]) for d in report["differences"]] == [("R1", lost, "resend", True)]
    report = reconcile(twin, "a", "--repair", expect=1)
    assert [(d["class"], d["local_id"], d["repair"], d["ordered"]) for d in report["differences"]] == [("R1", "D01", "refetch", True)]
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)
    twin.wait_row("b", "other_no = 'D02'", xm="王五")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.links where lid = 'D01'") == 1, what="the link is back", or_died=[twin.process])
    twin.quiet()
    for name in "ab":
        assert reconcile(twin, name, expect=0)["different"] == 0
    assert twin.b.value("select count(*) from b_sq") == 4, "nothing twice"


def test_a_second_record_of_a_case_is_counted_twice(twin):
    fill(twin, 4)
    portal_no = number_in_b(twin, "D01")
    behind_our_back(twin, "a", "insert into a_sq (sbh, other_no, xm, sfzh, zt, rv) values ('D91', %s, '李四', %s, '1', '3')", portal_no, PEOPLE[1][1])
    report = reconcile(twin, "a", expect=1)
    assert [(d["class"], d["local_id"], d["in_case"], d["repair"]) for d in report["differences"]] == [("R7", "D91", "D01", "person")]


def test_a_change_that_was_never_sent_is_found(twin):
    """A wake-up that was lost: the record is as it was left, the case has gone on, and nothing is on its way."""
    fill(twin, 4)
    stop(twin)
    twin.ledger.execute("update casebridge.cases set doc = jsonb_set(doc::jsonb, '{applicant,address}', '\"丁\"')::json, ver = ver + 1,"
                        " fver = (fver::jsonb || jsonb_build_object('applicant.address', ver + 1))::text where doc::json->>'dept_case_no' = 'D01'")
    for name in "ab":
        report = reconcile(twin, name, expect=1)
        assert [(d["class"], d["field"], d["repair"]) for d in report["differences"]] == [("R6", "applicant.address", "person")]
    reconcile(twin, "b", "--repair", "--also", "R6", expect=1)
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)
    twin.wait_row("b", "other_no = 'D01'", dz="丁")


def test_what_a_target_makes_of_it_is_no_difference(twin):
    """b keeps three characters of a name and upper case only; it was told, so it is equal. What somebody changes there is not."""
    twin.b.execute("create function cut() returns trigger language plpgsql as $$ begin new.xm := left(new.xm, 3); new.dz := upper(new.dz); return new; end $$;"
                   "create trigger aa_cut before insert or update on b_sq for each row execute function cut()")
    fill(twin, 4)
    twin.insert("a", sbh="D80", xm="阿卜杜拉买买提", sfzh=PEOPLE[0][1], dz="abc", zt="1")
    twin.wait_row("b", "other_no = 'D80'", xm="阿卜杜", dz="ABC")
    twin.quiet()
    assert reconcile(twin, "b", expect=0)["different"] == 0 and reconcile(twin, "a", expect=0)["different"] == 0
    behind_our_back(twin, "b", "update b_sq set lxdh = '13900000008' where other_no = 'D80'")
    assert [(d["class"], d["field"]) for d in reconcile(twin, "b", expect=1)["differences"]] == [("R6", "applicant.mobile")]
    behind_our_back(twin, "b", "update b_sq set xm = '阿卜' where other_no = 'D80'")
    assert [(d["class"], d["field"]) for d in reconcile(twin, "b", expect=1)["differences"]] == [("R6", "applicant.name"), ("R6", "applicant.mobile")]


def test_a_change_while_we_look_is_in_flight(twin):
    """The bridge is not there to follow: what moves between the two looks is nobody's difference."""
    import threading
    fill(twin, 4)
    stop(twin)
    behind_our_back(twin, "a", "update a_sq set dz = '1' where sbh = 'D01'")
    enough = threading.Event()

    def clerk():
        n = 0
        while not enough.is_set():
            n += 1
            twin.a.execute("update a_sq set dz = %s where sbh = 'D01'", str(n))
    thread = threading.Thread(target=clerk)
    thread.start()
    try:
        report = reconcile(twin, "a", expect=0)
    finally:
        enough.set()
        thread.join()
    assert report["in_flight"] == 1
    assert found(reconcile(twin, "a", expect=1)) == [("R6", "D01", "applicant.address")], "once it stands still it counts"


def test_nothing_is_touched(twin):
    fill(twin, 4)
    before = {name: getattr(twin, name).rows(f"select *, xmin from {name}_sq order by sbh") for name in "ab"}
    meta = twin.a.rows("select * from bridge.bridge_meta")
    ledger = twin.ledger.rows("select xmin, * from casebridge.systems order by id")
    behind_our_back(twin, "a", "insert into a_sq (sbh, xm, zt, rv) values ('D90', '钱七', '0', '3')")
    reconcile(twin, "a", expect=1)
    assert twin.a.rows("select *, xmin from a_sq where sbh <> 'D90' order by sbh") == before["a"] and twin.a.rows("select * from bridge.bridge_meta") == meta
    assert twin.b.rows("select *, xmin from b_sq order by sbh") == before["b"]
    assert [r[1:3] for r in twin.ledger.rows("select xmin, * from casebridge.systems order by id")] == [r[1:3] for r in ledger]
    assert twin.process.running()


def test_counters_that_do_not_add_up_are_an_alert(twin):
    fill(twin, 4)
    stop(twin)
    twin.ledger.execute("update casebridge.systems set counters = jsonb_set(counters::jsonb, '{read}', '999')::json where code = 'a'")
    report = reconcile(twin, "a", expect=1)
    assert report["different"] == 0 and report["counters"]["read"] == 999 and not report["counters"]["add_up"]
    assert "ALERT" in twin.casebridge.run("reconcile", "a", "--lang", "en", twin.folder, expect=1).out
    assert "警报" in twin.casebridge.run("reconcile", "a", "--lang", "zh", twin.folder, expect=1).out


def test_people_and_spreadsheets(twin):
    fill(twin, 4)
    behind_our_back(twin, "a", "update a_sq set lxdh = '13900000009' where sbh = 'D00'")
    people = twin.casebridge.run("reconcile", "a", "--lang", "zh", "--settle", "0", twin.folder, expect=1).out
    assert "比对 4 条，不一致 1 条" in people and "R6" in people and "申请人不一致" in people and "13900000009" not in people, people
    assert "139****0009" in people and "139****0001" in people
    assert "13900000009" in twin.casebridge.run("reconcile", "a", "--personal", "--settle", "0", twin.folder, expect=1).out
    rows = list(csv.DictReader(io.StringIO(twin.casebridge.run("reconcile", "a", "--output", "csv", "--settle", "0", twin.folder, expect=1).out)))
    assert [(r["class"], r["local_id"], r["in_system"], r["repair"]) for r in rows] == [("R6", "D00", "139****0009", "person")]


def test_one_day_of_many(twin):
    fill(twin, 4)
    behind_our_back(twin, "a", "update a_sq set dz = '乙' where sbh in ('D00', 'D01')")
    twin.ledger.execute("update casebridge.cases set created_at = '2020-02-03 18:00:00+00', updated_at = '2020-02-03 18:00:00+00' where doc::json->>'dept_case_no' = 'D00'")
    for day in ("2020-02-04", "2020-02"):
        report = reconcile(twin, "a", "--day", day, expect=1)
        assert found(report) == [("R6", "D00", "applicant.address")] and report["records"] == 1 and report["day"] == day
    assert reconcile(twin, "a", "--day", "2020-02-03", expect=0)["records"] == 0, "days are the site's"


@pytest.mark.parametrize("words, code, told", [
    (["nobody"], 2, "CLI-003"), (["a", "--day", "gestern"], 2, "CLI-077"), (["a", "--settle", "x"], 2, "CLI-077"), (["a", "--also", "R11"], 2, "CLI-077"),
    (["a", "--day", "2020-02-04", "--all"], 2, "CLI-078"), ([], 2, "reconcile NAME"), (["a", "b", "c"], 2, "CLI-012")])
def test_bad_input_is_told(twin, words, code, told):
    done = twin.casebridge.run("reconcile", *words, "--site", twin.folder, expect=None)
    assert done.code == code and told in done.err and done.out == "", done


def test_what_cannot_be_asked_is_told(twin):
    assert "HUB" in twin.casebridge.run("reconcile", "a", twin.folder, expect=None).err, "no ledger"
    twin.casebridge.run("ledger", "migrate", twin.folder)
    assert "CLI-022" in twin.casebridge.run("reconcile", "a", twin.folder, expect=1).err
    fill(twin, 2)
    twin.a.execute("alter table a_sq rename to gone_sq")
    done = twin.casebridge.run("reconcile", "a", twin.folder, expect=None)
    assert done.code in (1, 78) and "PG-" in done.err and "a_sq" in done.err, done
    file = twin.folder / "systems" / "a.yaml"
    file.write_text(file.read_text().replace(twin.a.dsn, "host=127.0.0.1 port=1 dbname=nowhere"))
    assert twin.casebridge.run("reconcile", "a", twin.folder, expect=69).out == ""


def test_a_portal_that_lists_what_it_has(tmp_path, processes, kafka, new_database, portal, topic_prefix):
    """No walk over keys: what we know is asked for one by one, and what its list has besides is looked up."""
    from support.yuan import Yuan
    yuan = Yuan(tmp_path, processes, kafka, new_database, portal, topic_prefix)
    yuan.start()
    for n, (name, id_no) in enumerate(PEOPLE):
        yuan.enter(f"YDZ{n}", name, id_no)
    wait_for(lambda: yuan.ledger.value("select count(*) from casebridge.links where lid is not null") == 8, what="all linked", or_died=[yuan.process])
    yuan.quiet()
    for name in ("civil-affairs", "portal"):
        assert reconcile(yuan, name, expect=0)["records"] == 4, name
    stop(yuan)
    projid = yuan.ledger.value("select doc::json->>'portal_case_no' from casebridge.cases where doc::json->>'dept_case_no' = 'YDZ1'")
    yuan.clerk_on_portal(projid, ADDRESS="裕安区小华山街道118号")
    new, _ = yuan.apply("钱万里", "341599198711230019")
    report = reconcile(yuan, "portal", expect=1)
    assert found(report) == [("R2", new, None), ("R6", projid, "applicant.address")] and report["records"] == 5
    journal = len(yuan.journal())
    assert reconcile(yuan, "portal", expect=1)["different"] == 2 and len(yuan.journal()) == journal, "nothing is written there"
    portal.kill()
    done = yuan.casebridge.run("reconcile", "portal", yuan.folder, expect=69)
    assert done.out == "" and "CONN-" in done.err, done
