"""Kafka loses what it was given: nothing is skipped in silence, and what is told again is enough."""

import time

import pytest
from kafka import KafkaAdminClient, TopicPartition
from support.waiting import wait_for

from checker import settle
from people import People
from probe import Probe, ready
from scene import BRIDGE, PORTAL


@pytest.fixture
def world(make_scene):
    scene = make_scene()
    scene.start()
    scene.people = People(scene, "topics", cases=20).start()
    ready(scene)
    return scene


@pytest.fixture
def admin(kafka):
    client = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    yield client
    client.close()


def stop(scene, name):
    scene.keeper.held.add(name)
    scene.keeper.kill(name)
    wait_for(lambda: not scene.keeper.process[name].running(), 20, f"{name} to end")


def recreate(scene, admin, topic):
    admin.delete_topics([topic])

    def again():
        scene.verb("topics", "apply", expect=None)
        return topic in admin.list_topics()
    wait_for(again, 60, f"{topic} anew")


def test_past_retention_the_bridge_stops_and_says_so(world, admin):
    """What it had not yet read was deleted: nobody may take the next message for the next one."""
    topic = f"{world.prefix}.in.portal"
    stop(world, BRIDGE)
    position = world.ledger.value("select next from casebridge.positions where topic = %s", topic)
    wait_for(lambda: end_of(world, topic) > position + 20, 60, "messages that the bridge has not read")
    admin.delete_records({TopicPartition(topic, 0): position + 10})
    world.keeper.held.discard(BRIDGE)
    wait_for(lambda: world.keeper.failed, 60, "the bridge to stop for good")
    assert "BUS-006" in world.keeper.failed and topic in world.keeper.failed
    assert world.ledger.value("select next from casebridge.positions where topic = %s", topic) == position, "nothing was skipped"
    # put right by a person, as docs/guarantees.md tells: what is missing is read anew
    world.people.pause()
    world.ledger.execute("update casebridge.positions set next = %s, published = %s where topic = %s", position + 10, position + 10, topic)
    world.keeper.failed = None
    bridge = world.keeper.second(BRIDGE)
    figures = settle(world, world.people.journal)
    assert figures, figures
    assert bridge.running()


def end_of(scene, topic):
    from kafka import KafkaConsumer
    consumer = KafkaConsumer(bootstrap_servers=scene.kafka.bootstrap)
    try:
        return consumer.end_offsets([TopicPartition(topic, 0)])[TopicPartition(topic, 0)]
    finally:
        consumer.close()


def test_a_topic_made_anew_under_the_bridge_stops_it(world, admin):
    topic = f"{world.prefix}.in.portal"
    world.people.pause()
    assert settle(world, world.people.journal)
    recreate(world, admin, topic)
    world.people.resume()
    wait_for(lambda: world.keeper.failed, 90, "the bridge to stop for good")
    assert "BUS-006" in world.keeper.failed and topic in world.keeper.failed


def test_commands_lost_with_their_topic_are_sent_again(world, admin, report):
    """The connector finds that its topic is another one, shakes hands again, and gets what is outstanding."""
    world.people.pause()
    recreate(world, admin, f"{world.prefix}.deliver.portal")
    world.people.resume()
    ended = time.monotonic()
    came = Probe(world, world.people).fire(timeout=120)
    world.people.pause()
    figures = settle(world, world.people.journal)
    report(f"deliver.portal made anew            {figures.line()}; recovered in {min(came.values()) - ended:.2f} s, "
           f"both ways {max(came.values()) - ended:.2f} s")
    assert figures, figures


def test_a_log_filled_anew_beyond_the_position_is_noticed(world, admin, report):
    """The bridge's position exists again and holds something else: the numbers of the messages tell."""
    topic = f"{world.prefix}.in.portal"
    stop(world, BRIDGE)
    position = world.ledger.value("select next from casebridge.positions where topic = %s", topic)
    stop(world, PORTAL)
    recreate(world, admin, topic)
    from support.topics import produce
    produce(world.kafka.bootstrap, topic, *[(b"x", b"{}")] * position)
    world.keeper.held.discard(PORTAL)
    world.keeper.held.discard(BRIDGE)
    came = Probe(world, world.people).fire(timeout=120)
    world.people.pause()
    figures = settle(world, world.people.journal)
    report(f"in.portal filled anew               {figures.line()}; {len(came)} ways open")
    assert figures, figures
