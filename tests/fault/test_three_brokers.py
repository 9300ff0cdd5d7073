"""Kafka as it is run in earnest: three brokers, of which one after the other is taken down, and one falls."""

import json
import subprocess
import time

import pytest

from figures import figures_now
from people import People
from probe import ready
from support.servers import KafkaCluster
from support.waiting import wait_for


@pytest.fixture(scope="module")
def kafka_server(server_folder, reaper):
    cluster = KafkaCluster(server_folder / "kafka-three", reaper).start()
    yield cluster
    cluster.kill()  # a gigabyte of memory that no other test needs


@pytest.fixture
def world(make_scene):
    scene = make_scene()
    scene.start()
    scene.people = People(scene, "brokers", cases=30).start()
    ready(scene)
    return scene


def in_sync(kafka):
    """Nobody's copy is behind: the next may go."""
    done = subprocess.run(["kcat", "-b", kafka.bootstrap, "-L", "-J", "-m", "5"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    topics = json.loads(done.stdout)["topics"]
    assert topics, "no topics yet"
    return all(len(part["isrs"]) == len(kafka.nodes) for topic in topics for part in topic["partitions"])


def leader_of(kafka, topic):
    done = subprocess.run(["kcat", "-b", kafka.bootstrap, "-L", "-J", "-t", topic], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["topics"][0]["partitions"][0]["leader"]


def wait_in_sync(kafka):
    wait_for(lambda: in_sync(kafka), 120, "all copies in sync")


@pytest.mark.long
def test_one_after_the_other_is_restarted_and_one_falls(world, kafka, report):
    done = world.verb("topics", "check", expect=None)
    assert done.code == 0, done.out + done.err
    for node in kafka.nodes:
        wait_in_sync(kafka)
        kafka.stop_node(node)
        kafka.start_node(node)
    wait_in_sync(kafka)
    figures_now(world, "rolling restart", report, time.monotonic())

    fell = leader_of(kafka, f"{world.prefix}.in.portal")
    began = time.monotonic()
    kafka.kill_node(fell)
    figures_now(world, f"leader {fell} killed, two left", report, began)
    kafka.start_node(fell)
    wait_in_sync(kafka)
    figures_now(world, f"broker {fell} back", report, time.monotonic())


def test_with_one_broker_left_nothing_counts_until_a_second_is_back(world, kafka, report):
    """Below min.insync.replicas nothing is acknowledged: what people type waits in their systems, and comes when it can."""
    wait_in_sync(kafka)
    stayed = leader_of(kafka, f"{world.prefix}.in.portal")
    others = [node for node in kafka.nodes if node != stayed]
    before = world.people.journal.changes
    for node in others:
        kafka.kill_node(node)
    wait_for(lambda: world.people.journal.changes > before + 100, 60, "people to type on")
    for node in others:
        kafka.start_node(node)
    figures_now(world, "two of three gone for a while", report, time.monotonic())
    wait_in_sync(kafka)
