"""A department whose table says neither when a row changed nor anything a cursor could hang on."""

import json

import pytest

from support.twin import Twin
from support.waiting import wait_for

IDS = ["341599195003070014", "341599195202290028"]


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    twin.a.execute("alter table a_sq drop column rv; drop trigger a_touch on a_sq; drop trigger a_tell on a_sq")
    # nothing but the ongoing rows is read: no walk could find it instead
    change(twin, "cursor: rv, sweep: always, sweep_every: 1s", "sweep: off")
    change(twin, "  listen: a_sq\n", "")
    return twin


def change(twin, old, new):
    file = twin.folder / "systems" / "a.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_entries_changes_and_ends_of_ongoing_cases_are_found(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], lxdh="13900000001", zt="0")
    twin.insert("a", sbh="D2", xm="李四", sfzh=IDS[1], zt="1")
    twin.wait_row("b", "other_no = 'D1'", xm="张三")
    twin.wait_row("b", "other_no = 'D2'")
    twin.update("a", "D1", lxdh="13900000002")
    twin.wait_row("b", "other_no = 'D1'", lxdh="13900000002")
    # the change that ends it comes together with the end
    twin.update("a", "D1", zt="2", zzbh="Z-1")
    twin.wait_row("b", "other_no = 'D1'", zt="2", zzbh="Z-1")
    twin.a.execute("delete from a_sq where sbh = 'D2'")
    rows = wait_for(lambda: json.loads(twin.casebridge.run("parked", "list", "--output", "json", twin.folder).out), what="a vanished record")
    assert [(r["system"], r["local_id"]) for r in rows] == [("a", "D2")]
    twin.insert("a", sbh="D3", xm="王五", zt="0")
    twin.wait_row("b", "other_no = 'D3'")
    assert "PG-026" not in twin.casebridge.run("check", "a", twin.folder).out


def test_what_only_the_walk_finds_is_told_with_its_place(twin):
    change(twin, 'status: { column: zt, codes: { "0": RECEIVED, "1": ACCEPTED, "2": FINISHED, "4": NOTACCEPTED } }',
           'summary: zt')
    line = next(i for i, text in enumerate((twin.folder / "systems" / "a.yaml").read_text().splitlines(), 1) if "root:" in text)
    linted = twin.casebridge.run("lint", twin.folder)
    assert f"a.yaml:{line}:5" in linted.err and "PG-026" in linted.err
    checked = twin.casebridge.run("check", "a", "--lang", "zh", twin.folder)
    assert "PG-026" in checked.out and "提醒" in checked.out
    # a table of codes that no case ends by is no better
    change(twin, "summary: zt", 'status: { column: zt, codes: { "0": RECEIVED, "1": ACCEPTED } }')
    assert "PG-026" in twin.casebridge.run("check", "a", twin.folder).out
