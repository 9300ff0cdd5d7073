"""The postgres connector alone, against a real database and a real broker; the test plays the bridge."""

import json
import os
import signal
import threading

import psycopg
import pytest
from kafka import KafkaConsumer, TopicPartition

from support.casebridge import Casebridge
from support.paths import SOURCE
from support.topics import create_topic, produce
from support.waiting import wait_for

TABLES = """
create sequence ydz_sbh;
create table ydz_sq (sbh varchar(20) primary key, xm varchar(20) not null, zt smallint check (zt < 10), bz text,
    rv xid8 not null default pg_current_xact_id());
create index on ydz_sq (rv);
create function ydz_touch() returns trigger language plpgsql as $$ begin new.rv := pg_current_xact_id(); return new; end $$;
create trigger ydz_touch before insert or update on ydz_sq for each row execute function ydz_touch();
"""

SITE = """
name: one
title: 单系统
topic_prefix: {prefix}
schemas: {schemas}
ledger: {{ dsn: "host=127.0.0.1 dbname=none" }}
kafka: {{ bootstrap.servers: "{bootstrap}", compression.codec: none }}
"""

SYSTEM = """
system: ydz
title: 优待证
role: department
connector: postgres
connection: {{ dsn: "{dsn}", timezone: Asia/Shanghai }}
records:
  application:
    root: {{ table: ydz_sq, key: sbh }}
    read: {{ every: 20ms, cursor: rv }}
    write: {{ create: true }}
    case: {{ dept_case_no: sbh, applicant.name: xm }}
    on_create: {{ sbh: {{ generate: "'YDZ' || nextval('ydz_sbh')" }} }}
"""

SPEC = [{"record": "application", "root": {"table": "ydz_sq", "key": "sbh"},
         "read": {"every": "20ms", "cursor": "rv", "sweep_every": "100ms"},
         "write": {"create": "true"}, "columns": ["xm", "zt", "bz"], "parts": {}, "normalise": {}, "natural_key": [],
         "refused": [], "on_create": {"sbh": {"generate": "'YDZ' || nextval('ydz_sbh')", "returning": True}},
         "required": [], "target_owned": []}]


class Bridge:
    """Says what a bridge says, and no more: a handshake, commands, and what was heard."""

    def __init__(self, bootstrap, prefix):
        self.bootstrap = bootstrap
        self.inbound, self.deliver = f"{prefix}.in.ydz", f"{prefix}.deliver.ydz"
        create_topic(bootstrap, self.inbound)
        create_topic(bootstrap, self.deliver)
        self.epoch = self.pseq = 0
        self.n = {}
        self.messages = []
        self.consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
        self.consumer.assign([TopicPartition(self.inbound, 0)])

    def heard(self, kind=None, epoch=None):
        for batch in self.consumer.poll(timeout_ms=20).values():
            self.messages += [json.loads(record.value) for record in batch]
        return [m for m in self.messages if kind in (None, m["t"]) and epoch in (None, m["epoch"])]

    def say(self, *messages):
        out = []
        for message in messages:
            self.pseq += 1
            whole = {"v": 1, "sys": "ydz", "epoch": 1, "seq": self.pseq, **message}
            out.append((b"", json.dumps(whole, ensure_ascii=False).encode()))
        produce(self.bootstrap, self.deliver, *out)

    def answer_hello(self, known=(), outstanding=(), sweep="none", cursor=None):
        hello = wait_for(lambda: [m for m in self.heard("HELLO") if m["nonce"] not in known] or None, what="a HELLO")[-1]
        self.epoch = max(self.epoch, hello.get("target_epoch", 0)) + 1
        fence = {"t": "FENCE", "nonce": hello["nonce"], "sweep_mode": sweep}
        if cursor is not None:
            fence["cursor"] = cursor
        self.say({"t": "BEGIN", "nonce": hello["nonce"], "assigned": self.epoch, "incarnation": 1, "spec": SPEC},
                 *outstanding, fence)
        return hello

    def command(self, cid, lid=None, base=None, n=None, **columns):
        self.n[cid] = n if n is not None else self.n.get(cid, 0) + 1
        message = {"t": "CMD", "rec": "application", "did": f"1.{cid:0>26}.application.{self.n[cid]}",
                   "op": "update" if lid else "create", "base": base or {}, "image": columns}
        return {**message, "lid": lid} if lid else message

    def receipts(self):
        return {m["did"]: m for m in self.heard("RCPT")}

    def wait_receipts(self, *commands):
        dids = [c["did"] for c in commands]
        wait_for(lambda: set(dids) <= set(self.receipts()), what=f"receipts of {len(dids)} commands", timeout=60)
        return [self.receipts()[did] for did in dids]

    def observed(self, epoch=None):
        return {m["lid"]: m.get("image") for m in self.heard("OBS", epoch)}

    def wait_observed(self, *lids, epoch=None):
        wait_for(lambda: set(lids) <= set(self.observed(epoch)), what=f"observations of {lids}")
        return self.observed(epoch)


@pytest.fixture
def bridge(kafka, topic_prefix):
    bridge = Bridge(kafka.bootstrap, topic_prefix)
    yield bridge
    bridge.consumer.close()


@pytest.fixture
def ydz(database):
    database.execute(TABLES)
    return database


@pytest.fixture
def start(tmp_path, processes, kafka, ydz, topic_prefix):
    folder = tmp_path / "site"
    (folder / "systems").mkdir(parents=True)
    (folder / "site.yaml").write_text(SITE.format(prefix=topic_prefix, bootstrap=kafka.bootstrap, schemas=SOURCE / "schemas"))
    (folder / "systems" / "ydz.yaml").write_text(SYSTEM.format(dsn=ydz.dsn))
    casebridge = Casebridge(processes, {})
    names = iter(f"connector-{i}" for i in range(1, 100))
    return lambda: casebridge.start(next(names), "connector", "ydz", folder)


def stored(command, receipt):
    """The record as the receipt tells it: what it holds beyond what was sent."""
    assert receipt["beyond"]
    return {**command["base"], **command["image"], **receipt["image"]}


def test_reads_and_writes(start, bridge, ydz):
    ydz.execute("insert into ydz_sq values ('A', '张三', 0)")
    start()
    hello = bridge.answer_hello()
    assert "inbox" in hello["caps"].split()
    assert bridge.wait_observed("A")["A"] == {"xm": "张三", "zt": "0", "bz": None}
    create = bridge.command("C1", xm="李四", zt="1")
    update = bridge.command("C2", lid="A", base={"xm": "张三", "zt": "0", "bz": None}, zt="2")
    stale = bridge.command("C3", lid="A", base={"xm": "王五", "zt": "0", "bz": None}, zt="3")
    bridge.say(create, update)
    first, second = bridge.wait_receipts(create, update)
    bridge.say(stale)
    [third] = bridge.wait_receipts(stale)
    assert (first["status"], first["lid"], first["image"]) == ("APPLIED", "YDZ1", {"bz": None})
    assert stored(create, first) == {"xm": "李四", "zt": "1", "bz": None}
    assert (second["status"], second["atomic"], second["image"]) == ("APPLIED", True, {})
    assert stored(update, second) == {"xm": "张三", "zt": "2", "bz": None}
    assert (third["status"], third["image"]["xm"]) == ("STALE", "张三")
    assert ydz.rows("select sbh, zt from ydz_sq order by sbh") == [("A", 2), ("YDZ1", 1)]
    # our own writes are not told as news
    ydz.execute("insert into ydz_sq values ('B', '赵六', 0)")
    assert set(bridge.wait_observed("B")) == {"A", "B"}


def test_a_schema_that_the_owner_made_is_enough(start, tmp_path, bridge, ydz, topic_prefix):
    """What PG-024 advises, and what docs/connectors/postgres.md grants: no right on the database itself."""
    role = "clerk_" + topic_prefix.replace("-", "_")
    ydz.execute(f"create role {role} login password 'x'; revoke create on database {ydz.name} from public")
    try:
        ydz.execute(f"create schema bridge authorization {role}")
        ydz.execute(f"grant select, insert, update on ydz_sq to {role}; grant usage on sequence ydz_sbh to {role}")
        file = tmp_path / "site/systems/ydz.yaml"
        file.write_text(file.read_text().replace("user=postgres", f"user={role} password=x"))
        assert role in file.read_text()
        process = start()
        hello = bridge.answer_hello()
        assert "inbox" in hello["caps"].split() and "PG-024" not in process.text(), process.text()
        create = bridge.command("C1", xm="李四", zt="1")
        bridge.say(create)
        [receipt] = bridge.wait_receipts(create)
        assert (receipt["status"], receipt["atomic"]) == ("APPLIED", True)
        process.stop()
    finally:
        ydz.execute(f"drop owned by {role} cascade; drop role {role}")


def test_commits_in_another_order_than_they_began(start, bridge, ydz):
    start()
    bridge.answer_hello()
    wait_for(lambda: ydz.value("select to_regclass('bridge.bridge_meta')"), what="our tables")
    slow = [ydz.connect() for _ in range(5)]
    for i, connection in enumerate(slow):
        connection.execute("begin")
        connection.execute("insert into ydz_sq (sbh, xm) values (%s, '慢')", (f"S{i}",))
        ydz.execute("insert into ydz_sq (sbh, xm) values (%s, '快')", f"Q{i}")
        bridge.wait_observed(f"Q{i}")
    for i, connection in reversed(list(enumerate(slow))):
        connection.execute("commit")
        bridge.wait_observed(f"S{i}")
        connection.close()


def test_one_refused_record_stops_nobody(start, bridge, ydz):
    start()
    bridge.answer_hello()
    commands = [bridge.command(f"C{i}", xm="张三", zt="99" if i == 150 else "1") for i in range(300)]
    bridge.say(*commands)
    receipts = bridge.wait_receipts(*commands)
    refused = [r for r in receipts if r["status"] != "APPLIED"]
    assert [(r["status"], r["code"]) for r in refused] == [("REJECTED", "23514")]
    assert "ydz_sq_zt_check" in refused[0]["text"] and "张三" not in refused[0]["text"]
    assert ydz.value("select count(*) from ydz_sq") == 299


def test_a_command_whose_receipt_was_lost_is_answered_and_not_done_again(start, bridge, ydz):
    first = start()
    hello = bridge.answer_hello()
    commands = [bridge.command(f"C{i}", xm=f"人{i}") for i in range(200)]
    bridge.say(*commands)
    # killed with an unknown part of the work done
    wait_for(lambda: ydz.value("select count(*) from ydz_sq") > 0, what="the first rows")
    os.kill(first.pid, signal.SIGKILL)
    start()
    bridge.answer_hello(known=[hello["nonce"]], outstanding=commands)
    receipts = bridge.wait_receipts(*commands)
    assert {r["status"] for r in receipts} == {"APPLIED"}
    assert ydz.value("select count(*) from ydz_sq") == 200
    assert ydz.value("select count(distinct xm) from ydz_sq") == 200
    rows = dict(ydz.rows("select xm, sbh from ydz_sq"))
    assert all(rows[f"人{i}"] == r["lid"] for i, r in enumerate(receipts))


def test_a_connector_that_hung_cannot_write_after_its_successor_began(start, bridge, ydz):
    """It hangs between writing and committing: its transaction is ended by the server, and the successor writes instead."""
    first = start()
    hello = bridge.answer_hello()
    create = bridge.command("C1", xm="张三")
    with ydz.connect() as clerk:
        clerk.execute("begin")
        clerk.execute("lock table ydz_sq in share mode")  # reading goes on, writing waits
        bridge.say(create)
        wait_for(lambda: ydz.value("select count(*) from pg_locks where relation = 'ydz_sq'::regclass and not granted"),
                 what="the connector waiting to write")
        os.kill(first.pid, signal.SIGSTOP)
        clerk.execute("commit")
    start()
    known = {hello["nonce"]}

    def answered():
        # each time it cannot have the fence yet, the successor begins again
        for message in bridge.heard("HELLO"):
            if message["nonce"] not in known:
                known.add(message["nonce"])
                bridge.answer_hello(known - {message["nonce"]}, outstanding=[create])
        return bridge.receipts()

    assert wait_for(answered, timeout=60, what="the successor's receipt")[create["did"]]["status"] == "APPLIED"
    epoch = ydz.value("select epoch from bridge.bridge_meta")
    os.kill(first.pid, signal.SIGCONT)
    # whichever it hears of first: its transaction is gone, or another one has taken over
    wait_for(lambda: "the system is down" in first.text() or not first.running(), what="the first one giving up")
    assert ydz.value("select count(*) from ydz_sq") == 1
    assert ydz.value("select epoch from bridge.bridge_meta") == epoch


def test_a_locked_row_holds_up_nobody_else(start, bridge, ydz):
    ydz.execute("insert into ydz_sq values ('A', '张三', 0), ('B', '李四', 0)")
    start()
    bridge.answer_hello()
    bridge.wait_observed("A", "B")
    with ydz.connect() as clerk:
        clerk.execute("begin")
        clerk.execute("select from ydz_sq where sbh = 'A' for update")
        a = bridge.command("C1", lid="A", base={"xm": "张三"}, zt="1")
        b = bridge.command("C2", lid="B", base={"xm": "李四"}, zt="1")
        a["base"]["zt"] = b["base"]["zt"] = "0"
        bridge.say(a, b)
        bridge.wait_receipts(b)
        ydz.execute("insert into ydz_sq values ('C', '王五', 0)")
        bridge.wait_observed("C")
        assert a["did"] not in bridge.receipts()
        clerk.execute("commit")
    assert bridge.wait_receipts(a)[0]["status"] == "APPLIED"


def test_the_database_goes_and_comes_back(start, bridge, ydz, postgres):
    ydz.execute("insert into ydz_sq values ('A', '张三', 0)")
    start()
    hello = bridge.answer_hello()
    bridge.wait_observed("A")
    postgres.kill()
    postgres.start()
    cursor = wait_for(lambda: bridge.heard("CURSOR") or None, what="a cursor")[-1]["cursor"]
    bridge.answer_hello(known=[hello["nonce"]], cursor=cursor)
    ydz.disconnect()
    ydz.execute("insert into ydz_sq values ('B', '李四', 0)")
    second = bridge.wait_observed("B", epoch=bridge.epoch)
    assert set(second) == {"B"}  # the cursor was kept: A is not read again


def test_a_table_that_is_away_for_a_while(start, bridge, ydz):
    """Dropped, made and filled again, as by a restore: nothing of that ends a connector that has been at work."""
    ydz.execute("insert into ydz_sq values ('A', '张三', 0)")
    connector = start()
    known = [bridge.answer_hello()["nonce"]]
    bridge.wait_observed("A")
    ydz.execute("alter table ydz_sq rename to away")
    for _ in range(3):
        known.append(bridge.answer_hello(known=known)["nonce"])
    wait_for(lambda: len(bridge.heard("HELLO")) > len(known), what="another try")
    ydz.execute("alter table away rename to ydz_sq; insert into ydz_sq values ('B', '李四', 0)")
    bridge.answer_hello(known=known)
    bridge.wait_observed("A", "B", epoch=bridge.epoch)
    assert connector.text().count("PG-010") == 1
    assert connector.text().count("the system is up again") == 1


def test_a_table_that_is_missing_from_the_start_ends_it(start, bridge, ydz):
    ydz.execute("drop table ydz_sq")
    connector = start()
    bridge.answer_hello()
    assert connector.wait() == 78
    assert "PG-010" in connector.text()


def test_deleted_rows_are_missing_in_the_walk(start, bridge, ydz):
    ydz.execute("insert into ydz_sq select 'K' || g, '张三' from generate_series(1, 30) g")
    start()
    bridge.answer_hello(sweep="full")
    wait_for(lambda: [m for m in bridge.heard("SWEEP") if m["done"]] or None, what="the end of the walk")
    keys = {lid for m in bridge.heard("DIGEST") for lid in m["digests"][::2]}
    assert keys == {f"K{i}" for i in range(1, 31)}
    ydz.execute("delete from ydz_sq where sbh = 'K7'")
    bridge.say({"t": "REFETCH", "rec": "application", "lids": ["K7", "K8"]})
    wait_for(lambda: [m for m in bridge.heard("OBS") if m["lid"] == "K7" and not m["present"]] or None, what="K7 told as gone")


def test_a_system_under_load_is_read_completely(start, bridge, ydz):
    """Sixteen writers whose transactions overlap; every row is told, though the place never waits for the slowest."""
    start()
    bridge.answer_hello()
    wait_for(lambda: ydz.value("select to_regclass('bridge.bridge_meta')"), what="our tables")

    def write(writer):
        with psycopg.connect(ydz.dsn) as connection:
            for i in range(25):
                connection.execute("insert into ydz_sq (sbh, xm) values (%s, '张三')", (f"{writer}-{i}",))
                connection.execute("select pg_sleep(random() * 0.02)")
                connection.commit()

    threads = [threading.Thread(target=write, args=(w,)) for w in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: len(bridge.observed()) == 400, what="all 400 rows")
