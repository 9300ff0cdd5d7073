"""What no message brings, a record that people bound and that is merged when its system goes live, is told like all else."""

import json

import pytest

from checker import ulid
from crash_points import CrashTable
from support.topics import read_topic
from support.twin import Twin
from support.waiting import wait_for

PERSON = "341599195003070014"


@pytest.fixture
def table(tmp_path):
    return CrashTable(tmp_path / "crash-points")


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix, table):
    """Both on trial with the same case, of which they know different things; bound by a person."""
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    twin.casebridge.env["CASEBRIDGE_CRASH_AT"] = table.setting
    for name in "ab":
        file = twin.folder / "systems" / f"{name}.yaml"
        file.write_text(file.read_text().replace("start_live: true\n", ""))
    twin.insert("a", sbh="D1", xm="张三", sfzh=PERSON, zt="1", dz="鼓楼街道")
    twin.insert("b", sbh="P1", xm="张三", sfzh=PERSON, zt="1", lxdh="13900000001")
    twin.start()
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.links where lid is not null") == 2, what="both records", or_died=[twin.process])
    for name in "ab":
        twin.casebridge.run("match", "find", name, twin.folder)
    twin.casebridge.run("match", "merge", "a", "D1", "b", "P1", "--why", "同一办件", twin.folder)
    return twin


def told(kafka, topic_prefix):
    """(the newest version of each case, all versions told of)"""
    newest = {r.key.decode(): json.loads(r.value)["version"] for r in read_topic(kafka.bootstrap, f"{topic_prefix}.cases") if r.value}
    history = {r.headers["ce_id"].decode() for r in read_topic(kafka.bootstrap, f"{topic_prefix}.audit")
               if r.headers["ce_type"] == b"cn.casebridge.case.history.v1"}
    return newest, history


def test_a_version_that_no_message_brought(twin, table, kafka, topic_prefix):
    before = twin.ledger.value("select max(ver) from casebridge.cases")
    table.arm("publish.case")
    for name in "ab":
        twin.casebridge.run("system", "live", name, twin.folder)
    wait_for(lambda: table.killed("publish.case"), 20, "the bridge to fall before it tells", or_died=[twin.process])
    twin.wait_row("a", "sbh = 'D1'", lxdh="13900000001")
    twin.wait_row("b", "sbh = 'P1'", dz="鼓楼街道")
    twin.quiet()
    kept = {ulid(cid): ver for cid, ver in twin.ledger.rows("select cid, ver from casebridge.cases")}
    assert len(kept) == 1 and max(kept.values()) > before, kept
    newest, history = told(kafka, topic_prefix)
    assert {case: newest.get(case) for case in kept} == kept
    assert twin.ledger.value("select count(*) from casebridge.history where pos < 0") > 0
    assert len(history) == twin.ledger.value("select count(*) from casebridge.history")
