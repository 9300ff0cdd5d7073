"""What people decide about conflicts and parked items, with the real binaries: followed once, delivered everywhere, and told with who and why."""

import json
import os
import signal

import pytest

from support.topics import produce, read_topic
from support.twin import Twin
from support.waiting import wait_for

IDS = ["341599195003070014", "341599195202290028"]


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    return Twin(tmp_path, processes, kafka, new_database, topic_prefix)


@pytest.fixture
def audit(kafka, topic_prefix):
    """The audit topic's events of one type, newest last."""
    def events(kind):
        return [json.loads(r.value) for r in read_topic(kafka.bootstrap, f"{topic_prefix}.audit")
                if r.headers["ce_type"] == kind.encode()]
    return events


HISTORY, DECISION = "cn.casebridge.case.history.v1", "cn.casebridge.decision.v1"


def ask(twin, *words, **more):
    return json.loads(twin.casebridge.run(*words, "--output", "json", twin.folder, **more).out)


def one_conflict(twin):
    """b's clerk writes into what a owns: it is put back, and kept as a conflict."""
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="2", zzbh="Z-1")
    b = twin.wait_row("b", "other_no = 'D1'", zzbh="Z-1")
    twin.quiet()
    twin.update("b", b["sbh"], zzbh="Z-9")
    conflicts = wait_for(lambda: ask(twin, "conflicts", "list"), what="a conflict", or_died=[twin.process])
    twin.wait_row("b", "other_no = 'D1'", zzbh="Z-1")
    twin.quiet()
    return conflicts[0]["id"]


def refused(twin, name, sfzh=IDS[0], sbh="D1"):
    twin.insert("a", sbh=sbh, xm=name, sfzh=sfzh, zt="0")
    return wait_for(lambda: [r for r in ask(twin, "parked", "list") if r["system"] == "b"], what="a refusal", or_died=[twin.process])


def test_the_lost_value_is_taken_and_the_owner_is_told_too(twin, audit):
    conflict = one_conflict(twin)
    shown = twin.casebridge.run("conflicts", "show", conflict, "--lang", "en", twin.folder).out
    assert "--take" in shown and "改用未采用值" in shown and "Z-9" in shown
    done = ask(twin, "conflicts", "resolve", conflict, "--take", "--why", "证书编号以门户为准", "--by", "李主任")
    assert [(d["decision"], d["outcome"]) for d in done] == [("take", "done")]
    twin.wait_row("a", "sbh = 'D1'", zzbh="Z-9")
    twin.wait_row("b", "other_no = 'D1'", zzbh="Z-9")
    twin.quiet()
    row = ask(twin, "conflicts", "list", "--all")[0]
    assert (row["status"], row["resolved_by"], row["resolution"]) == ("taken", "李主任", "证书编号以门户为准") and row["resolved_at"]
    version = audit(HISTORY)[-1]
    assert version["changes"] == {"result.cert_no": ["Z-1", "Z-9"]} and str(version["version"]) == done[0]["version"]
    assert (version["by"], version["why"], version["system"]) == ("李主任", "证书编号以门户为准", "")
    event = audit(DECISION)[-1]
    assert event["order"] == version["order"] and event["case_id"] == version["case_id"] and event["outcome"] == "done"
    assert (event["decision"], event["by"], event["why"], event["conflict"]) == ("take", "李主任", "证书编号以门户为准", int(conflict))
    assert "李主任: 证书编号以门户为准" in twin.casebridge.run("case", "D1", twin.folder).out
    again = twin.casebridge.run("conflicts", "resolve", conflict, "--keep", "--why", "x", twin.folder, expect=1)
    assert again.err.startswith("CLI-040"), again.err
    assert twin.row("a", "sbh = 'D1'")["zzbh"] == "Z-9"


def test_what_the_case_says_is_kept(twin, audit):
    conflict = one_conflict(twin)
    versions = len(audit(HISTORY))
    done = ask(twin, "conflicts", "resolve", conflict, "--keep", "--why", "部门编号正确", "--by", "王")
    assert [(d["decision"], d["outcome"], d["version"]) for d in done] == [("keep", "done", None)]
    twin.quiet()
    assert twin.row("a", "sbh = 'D1'")["zzbh"] == twin.row("b", "other_no = 'D1'")["zzbh"] == "Z-1"
    row = ask(twin, "conflicts", "list", "--all")[0]
    assert (row["status"], row["resolved_by"], row["resolution"]) == ("kept", "王", "部门编号正确")
    assert len(audit(HISTORY)) == versions and audit(DECISION)[-1]["decision"] == "keep"


def test_a_value_that_changed_meanwhile_is_not_overwritten_unseen(twin, kafka, topic_prefix):
    conflict = one_conflict(twin)
    seen = ask(twin, "conflicts", "show", conflict)["case_version"]
    twin.update("a", "D1", zzbh="Z-2")
    twin.wait_row("b", "other_no = 'D1'", zzbh="Z-2")
    twin.quiet()
    order = {"t": "RESOLVE", "id": "order-1", "conflict": int(conflict), "take": True, "seen": int(seen), "by": "李", "why": "以门户为准"}
    produce(kafka.bootstrap, f"{topic_prefix}.ctl", (None, json.dumps(order).encode()))
    wait_for(lambda: twin.ledger.rows("select 1 from casebridge.orders where outcome = 'changed'"), what="the order's outcome")
    assert ask(twin, "conflicts", "list")[0]["id"] == conflict, "it stays open"
    assert twin.row("a", "sbh = 'D1'")["zzbh"] == "Z-2"


def test_a_refused_record_is_corrected_and_delivered(twin, audit):
    twin.b.execute("alter table b_sq add constraint no_x check (xm not like '%X%')")
    twin.start()
    item = refused(twin, "X先生")[0]
    shown = twin.casebridge.run("parked", "show", item["id"], twin.folder).out
    assert "parked correct" in shown and "更正办件并送达" in shown
    words = ["parked", "correct", item["id"], "--field", "applicant.name", "--value", "张先生"]
    assert twin.casebridge.run(*words, twin.folder, expect=2).err.startswith("CLI-013")
    done = ask(twin, *words, "--why", "姓名录入有误", "--by", "窗口王")
    assert [(d["decision"], d["outcome"]) for d in done] == [("correct", "done")]
    twin.wait_row("b", "other_no = 'D1'", xm="张先生")
    twin.wait_row("a", "sbh = 'D1'", xm="张先生")
    twin.quiet()
    assert ask(twin, "parked", "list") == []
    row = ask(twin, "parked", "list", "--all")[0]
    assert (row["status"], row["resolved_by"], row["resolution"]) == ("corrected", "窗口王", "姓名录入有误")
    version = next(v for v in audit(HISTORY) if "applicant.name" in v["changes"])
    assert version["changes"]["applicant.name"] == ["X先生", "张先生"] and version["by"] == "窗口王"
    assert audit(DECISION)[-1]["parked"] == int(item["id"])


def test_an_order_given_while_the_bridge_is_down_is_followed_when_it_is_back(twin, audit):
    conflict = one_conflict(twin)
    os.kill(twin.process.child(" bridge", timeout=30), signal.SIGSTOP)
    try:
        given = twin.casebridge.run("conflicts", "resolve", conflict, "--take", "--why", "以门户为准", "--by", "李", "--wait", "1", twin.folder, expect=75)
    finally:
        os.kill(twin.process.child(" bridge", timeout=30), signal.SIGKILL)
    assert given.err.startswith("CLI-005")
    twin.wait_row("a", "sbh = 'D1'", zzbh="Z-9")
    twin.quiet()
    decided = wait_for(lambda: audit(DECISION), what="the decision")
    assert {(e["decision"], e["outcome"]) for e in decided} == {("take", "done")}
    assert ask(twin, "conflicts", "list") == []


def test_what_a_system_shows_is_corrected_in_that_system(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh="341599195003070015", zt="0")  # wrong check digit
    item = wait_for(lambda: ask(twin, "parked", "list"), what="a parked record")[0]
    told = twin.casebridge.run("parked", "correct", item["id"], "--value", IDS[0], "--why", "x", twin.folder, expect=1)
    assert told.err.startswith("CLI-045")
    twin.update("a", "D1", sfzh=IDS[0])
    twin.wait_row("b", "other_no = 'D1'", sfzh=IDS[0])


def test_many_are_tried_again_and_the_preview_touches_nothing(twin, audit):
    twin.b.execute("alter table b_sq add constraint no_x check (xm not like '%X%')")
    twin.start()
    refused(twin, "X先生")
    twin.insert("a", sbh="D2", xm="X女士", sfzh=IDS[1], zt="0")
    items = wait_for(lambda: rows if len(rows := ask(twin, "parked", "list")) == 2 else None, what="two refusals")
    twin.b.execute("alter table b_sq drop constraint no_x")
    preview = ask(twin, "parked", "retry", "--system", "b", "--preview")
    assert [p["id"] for p in preview] == [i["id"] for i in items]
    assert ask(twin, "parked", "retry", "--system", "b", "--code", "MAP-999", "--preview") == []
    assert ask(twin, "parked", "list") == items and audit(DECISION) == []
    done = ask(twin, "parked", "retry", "--system", "b", "--by", "运维")
    assert [(d["id"], d["outcome"]) for d in done] == [(i["id"], "done") for i in items]
    twin.wait_row("b", "other_no = 'D1'", xm="X先生")
    twin.wait_row("b", "other_no = 'D2'", xm="X女士")
    assert ask(twin, "parked", "retry", "--system", "b") == []
    assert [(e["decision"], e["by"], e["system"]) for e in audit(DECISION)] == [("retry", "运维", "b")] * 2
    assert {r["status"] for r in ask(twin, "parked", "list", "--all")} == {"retried"}


def test_an_item_is_dropped_once_and_with_a_reason(twin, kafka, topic_prefix, audit):
    twin.b.execute("alter table b_sq add constraint no_x check (xm not like '%X%')")
    twin.start()
    item = refused(twin, "X先生")[0]
    order = {"t": "DROP", "id": "order-1", "parked": int(item["id"]), "by": "李", "why": "重复申请"}
    topic, message = f"{topic_prefix}.ctl", (None, json.dumps(order).encode())
    produce(kafka.bootstrap, topic, message, message, (None, json.dumps({**order, "id": "order-2"}).encode()))
    wait_for(lambda: len(twin.ledger.rows("select 1 from casebridge.orders")) == 2, what="two orders")
    wait_for(lambda: len(audit(DECISION)) == 2, what="two events")
    assert [(e["order"], e["outcome"]) for e in audit(DECISION)] == [("order-1", "done"), ("order-2", "settled")]
    row = ask(twin, "parked", "list", "--all")[0]
    assert (row["status"], row["resolved_by"], row["resolution"], row["tries"]) == ("dropped", "李", "重复申请", "1")
    assert twin.casebridge.run("parked", "drop", item["id"], "--why", "x", twin.folder, expect=1).err.startswith("CLI-083")
