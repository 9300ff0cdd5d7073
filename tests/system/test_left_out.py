"""A system whose file cannot be used is left out, with all that is meant for it waiting; the others go on."""

import json
import re

import pytest

from support.twin import Twin
from support.waiting import wait_for

IDS = ["341599195003070014", "341599195202290028", "341599196808150032"]
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    return Twin(tmp_path, processes, kafka, new_database, topic_prefix)


def restart(twin):
    twin.process.signal(15)
    assert twin.process.wait() == 0
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)


def edit(twin, name, old, new):
    file = twin.folder / "systems" / f"{name}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return lambda: file.write_text(text)


def status(twin, *words):
    return {row["system"]: row for row in json.loads(twin.casebridge.run("status", "--output", "json", *words, twin.folder).out)}


BROKEN = {"no YAML any more": ("root: {", "root: {{ ["), "a wrong key": ("connector: postgres", "conector: postgres"),
          "a mapping that does not compile": ("applicant.mobile: lxdh", "applicant.mobil: lxdh")}


@pytest.mark.parametrize("what", BROKEN)
def test_the_others_go_on_and_nothing_is_lost(twin, what):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="0", lxdh="13900000001")
    b = twin.wait_row("b", "other_no = 'D1'")
    twin.insert("a", sbh="D2", xm="李四", sfzh=IDS[1], zt="0")
    twin.wait_row("b", "other_no = 'D2'")
    twin.quiet()
    repair = edit(twin, "b", *BROKEN[what])
    restart(twin)
    twin.process.wait_for_log(r"level=error .*a system is left out.* system=b .*systems/b\.yaml:\d+:\d+")

    # a is read and written; b is not touched
    twin.update("a", "D1", zt="1", lxdh="13900000002")
    twin.insert("a", sbh="D3", xm="王五", sfzh=IDS[2], zt="0")
    twin.update("b", b["sbh"], dz="乙")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.cases") == 3, what="the new case is known", or_died=[twin.process])
    wait_for(lambda: twin.ledger.value("select doc::json->>'status' from casebridge.cases where doc::json->>'dept_case_no' = 'D1'") == "ACCEPTED", what="the change is known")
    assert twin.row("b", "sbh = %s", b["sbh"])["zt"] == "0" and twin.row("b", "other_no = 'D3'") is None

    # told where people look
    row = status(twin)["b"]
    assert row["state"] == "left out" and row["why"].startswith("systems/b.yaml:") and int(row["waiting"]) >= 2
    assert status(twin)["a"]["state"] == "live" and status(twin)["a"]["why"] is None
    people = twin.casebridge.run("status", "--lang", "zh", twin.folder)
    assert re.search(r"^b +未加载 ", people.out, re.M) and re.match(r"CLI-021 系统 b 未加载.*systems/b\.yaml:.* → .*casebridge lint", people.err), people
    case = twin.casebridge.run("case", "D3", "--lang", "en", twin.folder).out
    assert re.search(r"^门户|^b ", case, re.M) and "waits to be sent" in case, case
    assert twin.casebridge.run("lint", twin.folder, expect=78).err
    assert "b" in [r["system"] for r in status(twin).values()]
    for words in (["connector", "b"], ["system", "live", "b"], ["check", "b"], ["map", "check", "b"]):
        done = twin.casebridge.run(*words, twin.folder, expect=78)
        assert "b" in done.err and "systems/b.yaml:" in done.err, (words, done.err)

    repair()
    restart(twin)
    twin.wait_row("b", "other_no = 'D1'", zt="1", lxdh="13900000002", dz="乙")
    twin.wait_row("a", "sbh = 'D1'", dz="乙", zt="1")
    twin.wait_row("b", "other_no = 'D3'", xm="王五")
    twin.quiet()
    assert twin.b.value("select count(*) from b_sq") == 3 and twin.a.value("select count(*) from a_sq") == 3, "nothing twice"
    assert twin.ledger.value("select count(*) from casebridge.links where rec = ''") == 0
    assert {r["state"] for r in status(twin).values()} == {"live"}


def test_what_it_decides_stays_its_own(twin):
    """b is the portal's side; a department's edit of what the portal owns is put back, though the portal is left out."""
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="2", zzbh="Z-1")
    b = twin.wait_row("b", "other_no = 'D1'", zzbh="Z-1")
    twin.quiet()
    edit(twin, "a", "root: {", "root: { [")
    restart(twin)
    twin.process.wait_for_log("a system is left out.* system=a ")
    twin.update("b", b["sbh"], zzbh="FALSCH")
    twin.wait_row("b", "sbh = %s", b["sbh"], zzbh="Z-1")
    assert twin.ledger.value("select doc::json->'result'->>'cert_no' from casebridge.cases") == "Z-1"


def test_a_file_whose_system_is_not_known_is_told(twin):
    (twin.folder / "systems/Über uns.yaml").write_text("x: [\n")
    (twin.folder / "systems/notes.txt").write_text("later\n")
    twin.start()
    log = twin.process.wait_for_log(r"system=\"?systems/Über uns\.yaml") and twin.process.text()
    assert "CFG-038" in log and "CFG-066" in log
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="0")
    twin.wait_row("b", "other_no = 'D1'")
    rows = status(twin)
    assert rows["systems/Über uns.yaml"]["state"] == "left out" and "systems/Über uns.yaml:2:1" in rows["systems/Über uns.yaml"]["why"]
    assert rows["notes"]["state"] == "left out" and rows["a"]["state"] == "live"
    assert twin.ledger.rows("select code from casebridge.systems order by 1") == [("a",), ("b",)], "the ledger is not told of what nobody knows"


def test_all_of_them_broken_is_78(twin):
    edit(twin, "a", "root: {", "root: { [")
    edit(twin, "b", "connector: postgres", "conector: postgres")
    for verb in ("run", "bridge", "status"):
        told = twin.casebridge.run(verb, twin.folder, expect=78).err
        assert "systems/a.yaml:" in told and "systems/b.yaml:" in told, told


def test_the_site_s_own_file_is_everybody_s(twin):
    site = twin.folder / "site.yaml"
    site.write_text(site.read_text() + "colour: blue\n")
    assert "CFG-005" in twin.casebridge.run("run", twin.folder, expect=78).err


def test_retry_waits_for_the_file(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh="341599195003070015", zt="0")
    parked = wait_for(lambda: json.loads(twin.casebridge.run("parked", "list", "--output", "json", twin.folder).out), what="a parked record")
    edit(twin, "a", "root: {", "root: { [")
    assert twin.casebridge.run("parked", "retry", parked[0]["id"], twin.folder, expect=78).err.startswith("CLI-021 ")
    assert json.loads(twin.casebridge.run("parked", "list", "--output", "json", twin.folder).out) == parked
