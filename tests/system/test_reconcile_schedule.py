"""Reconciliation when the site says so, and what the status says of it and of the counters."""

import csv
import datetime
import json
import zoneinfo

import pytest

from support.twin import Twin
from support.waiting import wait_for

IDS = ["341599195003070014", "341599195202290028"]


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    for name in "ab":
        file = twin.folder / "systems" / f"{name}.yaml"
        file.write_text(file.read_text().replace("sweep: always, sweep_every: 1s", "sweep: off"))
    return twin


def schedule(twin, text):
    site = twin.folder / "site.yaml"
    site.write_text(site.read_text() + f"reconcile: {{ {text} }}\n")


def fill(twin):
    twin.start()
    for n in (0, 1):
        twin.insert("a", sbh=f"D{n}", xm="张三", sfzh=IDS[n], dz="甲", zt="1")
        twin.wait_row("b", f"other_no = 'D{n}'", zt="1")
    twin.quiet()


def status(twin, expect=0):
    done = twin.casebridge.run("status", "--output", "json", twin.folder, expect=expect)
    return {row["system"]: row for row in json.loads(done.out)}, done.err


def runs(twin):
    return twin.ledger.rows("select s.code, r.records, r.different, r.classes, r.add_up from casebridge.reconciliations r"
                            " join casebridge.systems s on s.id = r.sys order by r.id")


def lists(twin, name):
    folder = twin.folder / "reports" / "reconcile"
    return sorted(folder.glob(f"{name}-*.csv")) if folder.exists() else []


def test_the_site_is_reconciled_again_and_again(twin):
    schedule(twin, "every: 2s, systems: a, repair: safe")
    fill(twin)
    wait_for(lambda: [r for r in runs(twin) if r[1:3] == (2, 0)], what="a run that finds nothing", or_died=[twin.process])
    twin.a.execute("set session_replication_role = replica")
    twin.a.execute("update a_sq set zt = '2' where sbh = 'D0'")
    wait_for(lambda: [r for r in runs(twin) if r[2:4] == (1, {"R9": 1})], what="a run that finds it", or_died=[twin.process])
    twin.wait_row("b", "other_no = 'D0'", zt="2")  # and it was mended
    assert {r[0] for r in runs(twin)} == {"a"} and all(r[4] for r in runs(twin))
    found = [row for file in lists(twin, "a") for row in csv.DictReader(file.open())]
    assert [(row["class"], row["local_id"], row["ordered"]) for row in found][:1] == [("R9", "D0", "true")]
    assert lists(twin, "b") == [] and not list((twin.folder / "reports" / "reconcile").glob("*.part"))
    twin.process.wait_for_log("tag=CLI-025")


def test_a_missed_run_is_caught_up_with_once(twin):
    now = datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Shanghai"))
    at = now - datetime.timedelta(minutes=2)
    if at.date() != now.date():
        pytest.skip("midnight in between")
    schedule(twin, f'at: "{at:%H:%M}", folder: lists')
    fill(twin)
    assert runs(twin) == [], "a new site has missed nothing"
    twin.process.stop()
    twin.ledger.execute("insert into casebridge.reconciliations(sys, begun, records, different, in_flight, waiting, classes, add_up)"
                        " select id, now() - interval '30 hours', 1, 0, 0, 0, '{}', true from casebridge.systems")
    twin.start()
    wait_for(lambda: len(runs(twin)) == 4, what="one more of each system", or_died=[twin.process])
    twin.process.stop()
    twin.start()
    twin.process.wait_for_log("proc=reconcile")
    rows, _ = status(twin, expect=None)  # the connectors are just starting
    assert all(row["different"] == "0" and row["reconciled"] for row in rows.values())
    assert len(runs(twin)) == 4
    assert len(list((twin.folder / "lists").glob("*.csv"))) == 2


def test_counters_that_do_not_add_up_are_an_alert(twin):
    fill(twin)
    rows, err = status(twin)
    assert {row["counters"] for row in rows.values()} == {"ok"} and "HUB-028" not in err
    twin.process.stop()
    twin.ledger.execute("update casebridge.systems set counters = jsonb_set(counters::jsonb, '{read}', '999999')::json where code = 'a'")
    rows, err = status(twin, expect=1)
    assert rows["a"]["counters"] == "off" and rows["b"]["counters"] == "ok" and "HUB-028" in err
    assert "不平" in twin.casebridge.run("status", "--lang", "zh", twin.folder, expect=1).out
    # the bridge says so too, at the latest when it stops
    twin.start()
    twin.insert("a", sbh="D7", xm="王五", sfzh=IDS[0], zt="0")
    twin.wait_row("b", "other_no = 'D7'")
    twin.quiet()
    twin.process.stop()
    assert "tag=HUB-028" in twin.process.text()
