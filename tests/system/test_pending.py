"""A system that accepts at once and answers days later. The test plays both connectors; bridge, Kafka and ledger are real."""

import json

import pytest
from kafka import KafkaConsumer, TopicPartition

from support.topics import produce
from support.twin import Twin
from support.waiting import wait_for


class Connector:
    """Says what a connector says, and no more."""

    def __init__(self, bootstrap, prefix, system):
        self.bootstrap, self.system = bootstrap, system
        self.inbound, self.deliver = f"{prefix}.in.{system}", f"{prefix}.deliver.{system}"
        self.epoch = self.seq = 0
        self.messages = []
        self.consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
        self.consumer.assign([TopicPartition(self.deliver, 0)])

    def heard(self, kind):
        for batch in self.consumer.poll(timeout_ms=20).values():
            self.messages += [json.loads(record.value) for record in batch]
        return [m for m in self.messages if m["t"] == kind]

    def say(self, **message):
        self.seq += 0 if message["t"] == "HELLO" else 1
        whole = {"v": 1, "t": message.pop("t"), "sys": self.system, "epoch": self.epoch, "seq": self.seq, "ts": 1530493500000, **message}
        produce(self.bootstrap, self.inbound, (b"", json.dumps(whole, ensure_ascii=False).encode()))

    def begin(self):
        self.say(t="HELLO", nonce=f"{self.system}-1", caps="cas lookup")
        begin = wait_for(lambda: self.heard("BEGIN") or None, what=f"BEGIN for {self.system}")[-1]
        self.epoch = begin["assigned"]
        return self

    def observe(self, lid, **image):
        self.say(t="OBS", rec="application", lid=lid, present=True, reason="poll", image=image)

    def commands(self, n):
        return wait_for(lambda: self.heard("CMD") if len(self.heard("CMD")) >= n else None, what=f"{n} commands for {self.system}")

    def answer(self, command, status, **more):
        self.say(t="RCPT", did=command["did"], status=status, **more)


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    file = twin.folder / "systems" / "b.yaml"
    file.write_text(file.read_text().replace("    case:\n", "    ref: slh\n    case:\n", 1))
    return twin


def links(twin):
    return twin.ledger.rows("select s.code, l.lid, l.state, l.ref from casebridge.links l join casebridge.systems s on s.id = l.sys order by 1")


def test_an_observation_with_the_awaited_number_releases_the_link(twin, kafka, topic_prefix):
    twin.casebridge.run("ledger", "migrate", twin.folder)
    twin.casebridge.run("topics", "apply", twin.folder)
    bridge = twin.casebridge.start("bridge-1", "bridge", twin.folder)
    a, b = (Connector(kafka.bootstrap, topic_prefix, name).begin() for name in "ab")
    a.observe("D1", sbh="D1", xm="张三", zt="0")
    create = b.commands(1)[-1]
    b.answer(create, "PENDING", ref="S-77")
    wait_for(lambda: links(twin) == [("a", "D1", "idle", None), ("b", None, "pending", "S-77")], what="a link that waits")
    a.observe("D1", sbh="D1", xm="李四", zt="0")
    # the bridge that hears the answer is not the one that heard "later"
    bridge.stop()
    twin.casebridge.start("bridge-2", "bridge", twin.folder)
    b.observe("B1", sbh="B1", xm="张三", zt="0", slh="S-77", other_no=None)
    update = wait_for(lambda: [m for m in b.heard("CMD") if m.get("lid") == "B1"] or None, what="what had waited", timeout=60)[-1]
    assert update["op"] == "update" and update["image"]["xm"] == "李四"
    assert twin.ledger.value("select count(*) from casebridge.cases") == 1
    assert twin.ledger.value("select count(*) from casebridge.parked") == 0
    shown = json.loads(twin.casebridge.run("status", "--output", "json", twin.folder).out)
    assert [row["system"] for row in shown] == ["a", "b"]
    for connector in (a, b):
        connector.consumer.close()
