"""A mapping that changes after months: what it would change is shown first, and then done."""

import json

import pytest

from support.twin import Twin
from support.waiting import wait_for

IDS = ["341599195003070014", "341599195202290028", "34159919520229001X"]


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    return Twin(tmp_path, processes, kafka, new_database, topic_prefix)


def change(twin, name, old, new):
    file = twin.folder / "systems" / f"{name}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def diff(twin, name, *words):
    return json.loads(twin.casebridge.run("map", "diff", name, "--output", "json", *words, twin.folder).out)


def fields(report):
    return {f["field"]: [int(f[k]) for k in ("case", "system", "person", "read")] for f in report["fields"]}


def restart(twin):
    twin.process.stop()
    twin.start()


def test_what_a_change_of_codes_would_change_is_shown_and_done(twin):
    twin.start()
    for n, zt in enumerate("012"):
        twin.insert("a", sbh=f"D{n}", xm="张三", sfzh=IDS[n], zt=zt)
        twin.wait_row("b", f"other_no = 'D{n}'", zt=zt)
    twin.quiet()
    assert diff(twin, "a")["fields"] == [], "nothing has changed"
    # the department's 1 has been understood wrongly all the time;
    change(twin, "a", '"1": ACCEPTED', '"1": NOTACCEPTED, "3": ACCEPTED')
    change(twin, "a", '"4": NOTACCEPTED', '"4": VOIDED')
    report = diff(twin, "a")
    assert fields(report) == {"status": [1, 0, 0, 0]} and report["change"] == 1 and report["records"] == 3
    sample, = report["samples"]
    assert (sample["local_id"], sample["in_case"], sample["in_system"], sample["changes"]) == ("D1", "Accepted", "Not accepted", "case")
    assert twin.row("b", "other_no = 'D1'")["zt"] == "1", "a preview changes nothing"
    restart(twin)
    twin.process.wait_for_log("tag=HUB-029")
    twin.casebridge.run("map", "apply", "a", "--why", "码表有误", twin.folder)
    twin.wait_row("b", "other_no = 'D1'", zt="4")
    twin.quiet()
    assert diff(twin, "a")["fields"] == []
    assert twin.ledger.value("select count(*) from casebridge.orders where kind = 'remap' and outcome = 'done' and why = '码表有误'") == 1
    assert twin.ledger.value("select person is not null and why = '码表有误' from casebridge.history h join casebridge.cases c using (cid, ver)"
                             " where c.doc::json->>'dept_case_no' = 'D1'")


def test_a_field_that_is_mapped_later_wipes_nothing(twin):
    change(twin, "b", "      applicant.address: dz\n", "")
    change(twin, "b", "lxdh, dz, zt", "lxdh, zt")
    twin.start()
    for n in range(2):
        twin.insert("a", sbh=f"D{n}", xm="张三", sfzh=IDS[n], dz=f"甲{n}", zt="1")
        twin.wait_row("b", f"other_no = 'D{n}'", zt="1")
    twin.quiet()
    assert twin.b.value("select count(*) from b_sq where dz is not null") == 0
    twin.b.execute("update b_sq set dz = '旧' where other_no = 'D1'")
    change(twin, "b", "      applicant.mobile: lxdh\n", "      applicant.mobile: lxdh\n      applicant.address: dz\n")
    change(twin, "b", "lxdh, zt", "lxdh, dz, zt")
    assert fields(diff(twin, "b")) == {"applicant.address": [0, 0, 0, 2]}
    restart(twin)
    twin.casebridge.run("map", "apply", "b", "--why", "补充地址", twin.folder)
    twin.wait_row("b", "other_no = 'D0'", dz="甲0")
    twin.quiet()
    twin.wait_row("b", "other_no = 'D1'", dz="甲1")
    assert twin.a.rows("select dz from a_sq order by sbh") == [("甲0",), ("甲1",)], "what was never read before is nobody's edit"
    assert twin.ledger.rows("select kind, place, lose #>> '{}' from casebridge.conflicts") == [("initial", "applicant.address", "旧")]
    wait_for(lambda: diff(twin, "b")["fields"] == [], what="nothing left to be done")
