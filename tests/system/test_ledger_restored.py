"""The ledger is restored from a backup: what it lost is folded again from Kafka, as it was, and nothing of it is written or told twice."""

import json
import re
import subprocess

import pytest
from kafka import KafkaAdminClient, TopicPartition

from support.topics import read_topic
from support.twin import Twin
from support.waiting import wait_for

PG_DUMP, PSQL = "/usr/lib/postgresql/15/bin/pg_dump", "/usr/lib/postgresql/15/bin/psql"
COLUMNS = "sbh, other_no, xm, sfzh, lxdh, dz, zt, zzbh"
# what a ledger says, but for the moment at which it was written down
TABLES = {
    "cases": "select cid, ver, doc, fver, had, created_at, updated_at from casebridge.cases order by cid",
    "links": "select cid, sys, rec, lid, state, shadow, held, tries, n, inflight, ref, due, based from casebridge.links order by cid, sys, rec",
    "history": "select cid, ver, sys, delta, pos, at, person, why, order_id from casebridge.history order by cid, ver",
    "conflicts": "select id, cid, sys, kind, place, win, lose, status, topic, pos from casebridge.conflicts order by id",
    "parked": "select id, sys, cid, rec, lid, kind, raw, code, place, text_en, status, topic, pos from casebridge.parked order by id",
    "systems": "select code, state, epoch, last_seq, nonce, inc, beat, counters from casebridge.systems order by code",
    "positions": "select topic, next from casebridge.positions order by topic",
}


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    twin.prefix, twin.kafka = topic_prefix, kafka
    return twin


def back_up(database, file):
    subprocess.run([PG_DUMP, "--no-owner", "--file", file, database.dsn], check=True)


def restore(database, file):
    """Yesterday's copy takes the place of what is there, at one moment."""
    subprocess.run([PSQL, "--quiet", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-c", "drop schema casebridge cascade", "--file", file,
                    database.dsn], check=True, capture_output=True)


def ledger(twin):
    return {name: twin.ledger.rows(query) for name, query in TABLES.items()}


def rows(twin):
    return {name: getattr(twin, name).rows(f"select {COLUMNS} from {name}_sq order by sbh") for name in "ab"}


def stop(twin):
    twin.quiet()
    twin.process.stop()


def start_again(twin):
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)


def before_the_backup(twin):
    twin.insert("a", sbh="D1", xm="张三", zt="0", dz="旧址", lxdh="13900000001")
    twin.insert("a", sbh="D2", xm="李四", zt="0")
    one = twin.wait_row("b", "other_no = 'D1'")["sbh"]
    two = twin.wait_row("b", "other_no = 'D2'")["sbh"]
    twin.quiet()
    return one, two


def after_the_backup(twin, one, two):
    """Changes from either side, values typed back and forth, new cases from either side, what is parked and what a person decides about it."""
    twin.update("a", "D1", zt="1", dz="新址")
    twin.wait_row("b", "sbh = %s", one, zt="1", dz="新址")
    twin.update("b", two, lxdh="13900000003")
    twin.wait_row("a", "sbh = 'D2'", lxdh="13900000003")
    for phone in ("13900000002", "13900000001", "13900000002"):
        twin.update("b", one, lxdh=phone)
        twin.wait_row("a", "sbh = 'D1'", lxdh=phone)
    twin.insert("a", sbh="D3", xm="王五", zt="0")
    twin.insert("b", sbh="P9", xm="赵六", zt="0")
    twin.wait_row("b", "other_no = 'D3'")
    twin.wait_row("a", "other_no = 'P9'")
    wait_for(lambda: twin.row("b", "sbh = 'P9'")["other_no"], what="the number comes home")
    # what waits for a system comes along without a message when it goes on
    twin.casebridge.run("system", "pause", "b", twin.folder)
    for number in ("D1", "D2", "D3"):
        twin.update("a", number, zzbh=f"证{number}")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.links where due") == 3, what="three wait", or_died=[twin.process])
    twin.casebridge.run("system", "live", "b", twin.folder)
    twin.wait_row("b", "other_no = 'D3'", zzbh="证D3")
    twin.b.execute("delete from b_sq where sbh = %s", two)
    item = wait_for(lambda: next((i for i in parked(twin) if i["code"] == "HUB-004" and i["status"] == "open"), None),
                    timeout=60, what="the row is missed", or_died=[twin.process])
    twin.casebridge.run("parked", "rewrite", item["id"], "--why", "误删", twin.folder)
    twin.wait_row("b", "other_no = 'D2'", lxdh="13900000003")


def parked(twin):
    return json.loads(twin.casebridge.run("parked", "list", "--all", "--output", "json", twin.folder).out)


def versions_told(twin):
    """What a consumer of the public topic has seen, per case, in order."""
    told = {}
    for record in read_topic(twin.kafka.bootstrap, f"{twin.prefix}.cases"):
        told.setdefault(record.key, []).append(json.loads(record.value)["version"])
    return told


def test_what_it_lost_comes_again_exactly(twin, tmp_path):
    twin.start()
    one, two = before_the_backup(twin)
    back_up(twin.ledger, tmp_path / "ledger.sql")
    after_the_backup(twin, one, two)
    stop(twin)
    # a row that is typed while nobody is there
    twin.update("a", "D3", dz="停机时填写")
    lost, before, told = ledger(twin), rows(twin), versions_told(twin)

    restore(twin.ledger, tmp_path / "ledger.sql")
    assert ledger(twin) != lost
    start_again(twin)
    assert twin.process.wait_for_log("the ledger is older than what was folded")
    assert twin.process.wait_for_log("the ledger has caught up")
    twin.wait_row("b", "other_no = 'D3'", dz="停机时填写")
    twin.quiet()

    # all of the lost history is there as it was, version by version, with the same numbers for the same items
    now = ledger(twin)
    assert {row[:2]: row for row in now["history"]}.items() >= {row[:2]: row for row in lost["history"]}.items()
    assert now["parked"] == lost["parked"] and now["conflicts"] == lost["conflicts"]
    assert [row[0] for row in now["cases"]] == [row[0] for row in lost["cases"]]
    # nothing was written to the systems for it
    for name in "ab":
        changed = [row for row in rows(twin)[name] if row not in before[name]]
        assert [row[5] for row in changed] == (["停机时填写"] if name == "b" else [])
    # and consumers saw no version go back
    for key, versions in versions_told(twin).items():
        new = versions[len(told.get(key, [])):]
        assert all(v >= max(told.get(key, [0])) for v in new), (key, versions)

    # and life goes on, with numbers that were never used
    twin.update("b", one, lxdh="13900000004")
    twin.wait_row("a", "sbh = 'D1'", lxdh="13900000004")
    twin.insert("a", sbh="D4", xm="孙七", zt="0")
    twin.wait_row("b", "other_no = 'D4'", xm="孙七")


def test_a_ledger_made_anew_is_made_of_all_that_was_folded(twin):
    """No backup at all: an empty ledger, and topics that still have everything."""
    twin.start()
    one, two = before_the_backup(twin)
    after_the_backup(twin, one, two)
    stop(twin)
    lost, before = ledger(twin), rows(twin)

    twin.ledger.execute("drop schema casebridge cascade")
    twin.casebridge.run("ledger", "migrate", twin.folder)
    start_again(twin)
    assert twin.process.wait_for_log("the ledger has caught up")
    stop(twin)
    now = ledger(twin)
    assert now["cases"] == lost["cases"] and now["history"] == lost["history"] and now["parked"] == lost["parked"]
    assert rows(twin) == before


def test_restored_under_a_bridge_that_runs(twin, tmp_path):
    twin.start()
    one, two = before_the_backup(twin)
    back_up(twin.ledger, tmp_path / "ledger.sql")
    twin.update("a", "D1", zt="1", dz="新址")
    twin.wait_row("b", "sbh = %s", one, zt="1", dz="新址")
    twin.insert("b", sbh="P9", xm="赵六", zt="0")
    twin.wait_row("a", "other_no = 'P9'")
    twin.quiet()
    twin.ledger.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
    restore(twin.ledger, tmp_path / "ledger.sql")
    twin.update("b", one, lxdh="13900000005")
    twin.wait_row("a", "sbh = 'D1'", lxdh="13900000005", zt="1", dz="新址")
    twin.quiet()
    assert twin.ledger.value("select count(*) from casebridge.cases") == 3
    assert twin.a.value("select count(*) from a_sq") == 3 and twin.b.value("select count(*) from b_sq") == 3


def test_other_files_of_the_site_stop_it(twin, tmp_path):
    """What was folded by another mapping is not folded by this one: the bridge says until where it came, and what to do."""
    twin.start()
    one, _ = before_the_backup(twin)
    back_up(twin.ledger, tmp_path / "ledger.sql")
    twin.update("a", "D1", zt="1", dz="新址")
    twin.wait_row("b", "sbh = %s", one, zt="1", dz="新址")
    stop(twin)
    lost, before = ledger(twin), rows(twin)
    restore(twin.ledger, tmp_path / "ledger.sql")
    file = twin.folder / "systems/b.yaml"
    then = file.read_text()
    file.write_text(re.sub(r"\n *applicant.address: dz", "", then))
    assert file.read_text() != then

    start_again(twin)
    assert twin.process.wait_for_log("HUB-032")
    twin.process.stop()
    assert rows(twin) == before
    # today's files come in once it has caught up with those of then
    file.write_text(then)
    start_again(twin)
    assert twin.process.wait_for_log("the ledger has caught up")
    stop(twin)
    assert ledger(twin)["history"] == lost["history"] and rows(twin) == before


def test_a_journal_that_was_trimmed_stops_it(twin, tmp_path, kafka, topic_prefix):
    twin.start()
    one, _ = before_the_backup(twin)
    back_up(twin.ledger, tmp_path / "ledger.sql")
    twin.update("a", "D1", zt="1")
    twin.wait_row("b", "sbh = %s", one, zt="1")
    stop(twin)
    restore(twin.ledger, tmp_path / "ledger.sql")
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    topic = f"{topic_prefix}.folded"
    end = len(read_topic(kafka.bootstrap, topic))
    admin.delete_records({TopicPartition(topic, 0): end - 1})
    start_again(twin)
    assert twin.process.wait_for_log("HUB-031")
