"""A wrong mapping must not touch a whole system before somebody looks: how much may be written, and how a clerk of the platform sees it."""

import json

import pytest

from support.twin import Twin
from support.waiting import wait_for


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    return Twin(tmp_path, processes, kafka, new_database, topic_prefix)


def limit(twin, words):
    file = twin.folder / "systems" / "b.yaml"
    text = file.read_text()
    file.write_text(text.replace("write: { create: true,", f"write: {{ create: true, {words},"))


def status(twin, name):
    rows = json.loads(twin.casebridge.run("status", "--output", "json", twin.folder, expect=None).out)
    return next(row for row in rows if row["system"] == name)


def wait_status(twin, held, guard):
    wait_for(lambda: (status(twin, "b")["held"], status(twin, "b")["guard"]) == (held, guard), what=f"{held} held, {guard}", or_died=[twin.process])


def test_more_writes_than_allowed_wait_and_show(twin):
    limit(twin, "guard: 3/h")
    twin.start()
    for i in range(8):
        twin.insert("a", sbh=f"D{i}", xm="张三", zt="0")
    wait_status(twin, "5", "holding")
    assert twin.b.value("select count(*) from b_sq") == 3
    assert (status(twin, "a")["held"], status(twin, "a")["guard"]) == ("0", "-")
    shown = twin.casebridge.run("status", "--lang", "zh", twin.folder).out
    assert "写保护" in shown and "限速暂缓" in shown
    assert "CONN-010" in twin.process.text() or any("CONN-010" in log.read_text() for log in twin.folder.parent.rglob("*.log"))
    # b's own entries go on to be read
    twin.insert("b", sbh="P1", xm="李四", zt="0")
    twin.wait_row("a", "other_no = 'P1'", xm="李四")


def test_refusals_in_a_row_stop_writing_until_somebody_has_looked(twin):
    limit(twin, "stop_after_refusals: 2")
    twin.b.execute("alter table b_sq add constraint none check (xm not like 'X%')")
    twin.start()
    for i in range(2):
        twin.insert("a", sbh=f"D{i}", xm="X先生", zt="0")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.parked where status = 'open'") == 2, what="two refusals")
    twin.insert("a", sbh="D9", xm="张三", zt="0")
    wait_status(twin, "1", "stopped")
    assert twin.row("b", "other_no = 'D9'") is None
    twin.b.execute("alter table b_sq drop constraint none")
    twin.casebridge.run("system", "pause", "b", twin.folder)
    wait_for(lambda: status(twin, "b")["state"] == "paused", what="the pause")
    twin.casebridge.run("system", "live", "b", twin.folder)
    twin.wait_row("b", "other_no = 'D9'", xm="张三")
    wait_status(twin, "0", "-")
