"""status tells who is at work: a word for each connector and for the bridge, and an exit code that fits."""

import json
import os
import re

import pytest

from support.twin import Twin
from support.waiting import wait_for

ID = "341599195003070014"


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    return Twin(tmp_path, processes, kafka, new_database, topic_prefix)


def status(twin, expect):
    done = twin.casebridge.run("status", "--output", "json", "--lang", "en", twin.folder, expect=expect)
    return {row["system"]: row for row in json.loads(done.out)}, done.err


def words(rows):
    return {name: (row["connector"], row["bridge"]) for name, row in rows.items()}


def told(err):
    return [line.split(" ")[0] for line in err.splitlines()]


def age(twin, system="%", **columns):
    """The ledger as it stands when so long nothing was heard."""
    sets = ", ".join(f"{name} = {value}" for name, value in columns.items())
    twin.ledger.execute(f"update casebridge.systems set {sets} where code like '{system}'")


def at_work(twin):
    twin.start()
    wait_for(lambda: set(words(status(twin, None)[0]).values()) == {("up", "up")}, what="both are heard", or_died=[twin.process])


def test_all_is_at_work(twin):
    at_work(twin)
    rows, err = status(twin, 0)
    assert err == "" and {row["state"] for row in rows.values()} == {"live"}
    assert re.search(r"^a +已上线 +在线 ", twin.casebridge.run("status", "--lang", "zh", twin.folder).out, re.M)


def test_a_ledger_that_no_bridge_has_met(twin):
    twin.casebridge.run("ledger", "migrate", twin.folder)
    rows, err = status(twin, 1)
    assert words(rows) == {"a": ("never", "never"), "b": ("never", "never")} and told(err) == ["CLI-074"]
    assert f"casebridge run {twin.folder}" in err


def test_run_was_stopped(twin):
    at_work(twin)
    twin.process.signal(15)
    assert twin.process.wait() == 0
    age(twin, last_contact="last_contact - interval '40 s'")
    rows, err = status(twin, 1)
    assert told(err)[0] in ("CLI-070", "CLI-071"), err
    assert {bridge for _, bridge in words(rows).values()} <= {"silent", "behind"}
    assert "casebridge run" in err


def test_the_bridge_stands_still(twin):
    """Its connectors say that they are there; nobody takes it."""
    at_work(twin)
    bridge = int(re.search(r"level=info .*started process=bridge pid=(\d+)", twin.process.text()).group(1))
    os.kill(bridge, 19)
    try:
        wait_for(lambda: twin.ledger.value("select max(last_contact) < now() - interval '3 s' from casebridge.systems"), what="nothing is taken")
        twin.insert("a", sbh="D1", xm="张三", sfzh=ID, zt="0")
        wait_for(lambda: int(status(twin, None)[0]["a"]["lag"]) > 0, what="a backlog", or_died=[twin.process])
        age(twin, last_contact="last_contact - interval '40 s'")
        rows, err = status(twin, 1)
        assert rows["a"]["connector"] == "unknown" and rows["a"]["bridge"] == "behind" and told(err) == ["CLI-071"], err
        assert re.search(rf"CLI-071 .*{int(rows['a']['lag']) + int(rows['b']['lag'])} messages wait", err)
    finally:
        os.kill(bridge, 18)
    twin.wait_row("b", "other_no = 'D1'")
    wait_for(lambda: set(words(status(twin, None)[0]).values()) == {("up", "up")}, what="both are heard again", or_died=[twin.process])


def test_one_connector_is_not_heard_of(twin):
    twin.casebridge.run("ledger", "migrate", twin.folder)
    twin.casebridge.run("topics", "apply", twin.folder)
    twin.ledger.execute("insert into casebridge.systems (code, state, epoch, last_contact) values ('a', 'live', 3, now()), ('b', 'live', 4, now())")
    assert status(twin, 0)[1] == ""

    age(twin, "b", last_contact="now() - interval '40 s'")
    rows, err = status(twin, 1)
    assert words(rows) == {"a": ("up", "up"), "b": ("silent", "up")} and told(err) == ["CLI-073"] and " b " in err, err
    zh = twin.casebridge.run("status", "--lang", "zh", twin.folder, expect=1)
    assert re.search(r"^b +已上线 +无响应 ", zh.out, re.M) and re.match(r"CLI-073 .*系统 b", zh.err), zh

    age(twin, "b", last_contact="now()", bye="true")
    rows, err = status(twin, 1)
    assert words(rows)["b"] == ("stopped", "up") and told(err) == ["CLI-072"]

    age(twin, "b", last_contact="null", bye="false")
    rows, err = status(twin, 1)
    assert words(rows)["b"] == ("never", "up") and told(err) == ["CLI-075"]

    twin.ledger.execute("delete from casebridge.systems where code = 'b'")
    rows, err = status(twin, 1)
    assert (rows["b"]["state"], rows["b"]["connector"]) == ("new", "never") and told(err) == ["CLI-075"] and "casebridge run" in err

    age(twin, last_contact="now() - interval '1 day'")
    rows, err = status(twin, 1)
    assert words(rows) == {"a": ("silent", "silent"), "b": ("never", "silent")} and told(err) == ["CLI-070"]


def test_the_lease_is_the_patience(twin):
    twin.casebridge.run("ledger", "migrate", twin.folder)
    file = twin.folder / "systems" / "b.yaml"
    file.write_text(file.read_text().replace("lease: 4s", "lease: 60s"))
    twin.ledger.execute("insert into casebridge.systems (code, state, last_contact) values ('a', 'live', now()), ('b', 'live', now() - interval '40 s')")
    assert words(status(twin, 0)[0])["b"][0] == "up"
    age(twin, "b", last_contact="now() - interval '70 s'")
    assert words(status(twin, 1)[0])["b"][0] == "silent"
