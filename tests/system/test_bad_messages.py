"""Messages that nobody should have sent: each stops or parks exactly what it is about, says so with a code and a next step, and the rest goes on."""

import json
import os
import signal

import pytest

from support.topics import produce, read_topic
from support.twin import Twin
from support.waiting import wait_for


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    twin.kafka, twin.prefix = kafka, topic_prefix
    return twin


@pytest.fixture
def started(twin):
    twin.start()
    for number, name in (("D1", "张三"), ("D2", "李四")):
        twin.insert("a", sbh=number, xm=name, zt="0")
        twin.wait_row("b", "other_no = %s", number)
    twin.quiet()
    return twin


def say(twin, topic, *messages):
    produce(twin.kafka.bootstrap, f"{twin.prefix}.{topic}", *[(b"k", m if isinstance(m, bytes) else json.dumps(m).encode()) for m in messages])


def parked(twin):
    return json.loads(twin.casebridge.run("parked", "list", "--output", "json", twin.folder).out)


def system(twin, name):
    epoch, seq = twin.ledger.rows("select epoch, last_seq from casebridge.systems where code = %s", name)[0]
    return epoch, seq


def log_says(twin, pattern):
    """The line has a code, and what to do."""
    found = twin.process.wait_for_log(rf"[^\n]*{pattern}[^\n]*")
    assert "tag=" in found.group(0) and "next=" in found.group(0), found.group(0)


def goes_on(twin, address):
    """An edit of either side still reaches the other, and nothing was doubled."""
    twin.update("a", "D1", dz=address)
    twin.wait_row("b", "other_no = 'D1'", dz=address)
    twin.update("b", twin.row("b", "other_no = 'D2'")["sbh"], lxdh="13900000009")
    twin.wait_row("a", "sbh = 'D2'", lxdh="13900000009")
    twin.quiet()
    assert twin.a.value("select count(*) from a_sq") == twin.b.value("select count(*) from b_sq") == twin.ledger.value("select count(*) from casebridge.cases")


def test_receipts_nobody_waits_for(started):
    """Of an unknown delivery, of another case's, under a number that is another record's, of words that are none."""
    twin = started
    epoch, seq = system(twin, "b")
    cids = [record.key.decode() for record in read_topic(twin.kafka.bootstrap, f"{twin.prefix}.cases")]
    incarnation = twin.ledger.value("select incarnation from casebridge.meta")
    image = {"sbh": "B1", "xm": "冒名", "zt": "2"}
    receipt = {"v": 1, "t": "RCPT", "sys": "b", "epoch": epoch, "rec": "application", "ts": 1, "lid": "B2", "status": "APPLIED", "atomic": True,
               "image": image}
    say(twin, "in.b",
        {**receipt, "seq": seq + 1, "did": f"{incarnation}.{cids[0]}.application.99999999999"},
        {**receipt, "seq": seq + 2, "did": f"{incarnation + 9}.{cids[0]}.application.1"},
        {**receipt, "seq": seq + 3, "did": "1.01ZZZZZZZZZZZZZZZZZZZZZZZZ.application.1"},
        {**receipt, "seq": seq + 4, "did": f"{incarnation}.{cids[0]}.nothing.1"},
        {**receipt, "seq": seq + 5, "did": "no delivery at all"},
        {**receipt, "seq": seq + 6, "did": f"{incarnation}.{cids[0]}.application.1", "status": "WHATEVER"})
    wait_for(lambda: [i for i in parked(twin) if i["code"] == "HUB-001"], what="what cannot be read is parked", or_died=[twin.process])
    assert all(i["next"] for i in parked(twin))
    # they have taken the connector's next numbers; what it says under those is old, until it shakes hands anew
    os.kill(twin.process.child(" connector b"), signal.SIGKILL)
    goes_on(twin, "甲")
    assert not twin.b.rows("select 1 from b_sq where xm = '冒名'") and not twin.a.rows("select 1 from a_sq where xm = '冒名'")
    assert twin.ledger.value("select count(*) from casebridge.history where delta::text like '%冒名%'") == 0


def test_commands_once_more_and_out_of_order(started):
    """All that a connector was ever told, backwards."""
    twin = started
    twin.update("a", "D1", dz="旧")
    twin.wait_row("b", "other_no = 'D1'", dz="旧")
    twin.update("a", "D1", dz="新")
    twin.wait_row("b", "other_no = 'D1'", dz="新")
    twin.quiet()
    before = twin.b.rows("select * from b_sq order by sbh")
    told = [record.value for record in read_topic(twin.kafka.bootstrap, f"{twin.prefix}.deliver.b")]
    say(twin, "deliver.b", *reversed(told))
    goes_on(twin, "丙")
    twin.b.execute("update b_sq set dz = '新' where other_no = 'D1'")
    twin.wait_row("a", "sbh = 'D1'", dz="新")
    assert [r[:6] for r in twin.b.rows("select * from b_sq order by sbh")][0] == before[0][:6]


def test_a_hole_in_what_a_connector_is_told(started):
    """A command is missing: the connector asks for all that is open, by a new handshake."""
    twin = started
    last = json.loads([r.value for r in read_topic(twin.kafka.bootstrap, f"{twin.prefix}.deliver.b")][-1])
    say(twin, "deliver.b", {"v": 1, "t": "REFETCH", "sys": "b", "epoch": last["epoch"], "seq": last["seq"] + 1000, "rec": "application", "lids": ["B1"]})
    log_says(twin, "CONN-00[0-9]")
    goes_on(twin, "丁")


def test_an_epoch_from_the_future(started):
    """Nobody was given it: what it says does not count, and the connector has to say hello anew."""
    twin = started
    epoch, _ = system(twin, "a")
    say(twin, "in.a", {"v": 1, "t": "OBS", "sys": "a", "epoch": epoch + 50, "seq": 1, "rec": "application", "ts": 1, "lid": "D1", "present": True,
                       "reason": "poll", "image": {"sbh": "D1", "xm": "未来", "zt": "4"}})
    log_says(twin, "unknown epoch")
    goes_on(twin, "戊")
    assert twin.row("b", "other_no = 'D1'")["xm"] == "张三"


def test_a_connector_is_told_of_an_epoch_from_the_future(started):
    """It takes itself for replaced, ends, and comes back under an epoch of its own."""
    twin = started
    epoch, _ = system(twin, "b")
    say(twin, "deliver.b", {"v": 1, "t": "PING", "sys": "b", "epoch": 1, "seq": 1, "ts": 1, "assigned": epoch + 50, "counted": 1})
    log_says(twin, "CONN-00[0-9]")
    goes_on(twin, "己")


def test_a_position_beyond_the_end(started):
    """The log is shorter than what was read of it: nobody can say what is missing, so the bridge stops."""
    twin = started
    twin.process.stop()
    topic = f"{twin.prefix}.in.a"
    position = twin.ledger.value("update casebridge.positions set next = next + 1000 where topic = %s returning next", topic)
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)
    log_says(twin, "BUS-006")
    twin.update("b", "B1", dz="庚")
    assert twin.ledger.value("select next from casebridge.positions where topic = %s", topic) == position, "nothing was skipped"
    # put right by a person
    twin.process.stop()
    twin.ledger.execute("update casebridge.positions set next = next - 1000 where topic = %s", topic)
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)
    twin.wait_row("a", "sbh = 'D1'", dz="庚")


def test_two_bridges_on_one_ledger(started):
    """Whoever opened it last goes on; the other one is told, and changes nothing."""
    twin = started
    other = twin.casebridge.start("casebridge", "bridge", twin.folder)
    assert other.wait_for_log("the bridge is up")
    for address in ("辛", "壬", "癸"):
        goes_on(twin, address)
    log = twin.process.text() + other.text()
    assert "HUB-023" in log
    assert other.stop() == 0


def test_two_records_that_claim_one_number(started):
    """Two rows of one system say that they are the same case: the second one waits for a person."""
    twin = started
    twin.insert("b", sbh="X9", xm="赵六", zt="0", other_no="D1")
    item = wait_for(lambda: next((i for i in parked(twin) if i["code"] == "HUB-003"), None), what="it is parked", or_died=[twin.process])
    assert item["local_id"] == "X9" and item["next"]
    twin.update("a", "D1", dz="子")
    twin.wait_row("b", "sbh = 'B1'", dz="子")
    twin.update("b", "B2", lxdh="13900000008")
    twin.wait_row("a", "sbh = 'D2'", lxdh="13900000008")
    assert twin.row("b", "sbh = 'X9'")["xm"] == "赵六" and twin.row("a", "sbh = 'D1'")["xm"] == "张三"


def test_two_systems_with_the_same_number(started, new_database):
    """A number is a number of its system: what another one calls by it is another matter."""
    twin = started
    twin.process.stop()
    twin.join("c", "三系统", new_database())
    twin.casebridge.run("topics", "apply", twin.folder)
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)
    twin.insert("c", sbh="D1", xm="钱七", zt="0")
    twin.wait_row("a", "xm = '钱七'")
    twin.wait_row("b", "xm = '钱七'")
    twin.quiet()
    assert twin.row("a", "sbh = 'D1'")["xm"] == "张三" and twin.row("c", "sbh = 'D1'")["xm"] == "钱七"
    assert twin.ledger.value("select count(*) from casebridge.cases") == 3
