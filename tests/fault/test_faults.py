"""Each fault alone, on real servers and with people typing: the seven figures after each, and how long until a
change typed after its end came through."""

import json
import signal
import time

import pytest

from chaos import Chaos
from checker import settle, ulid
from links import LINKS, KafkaBehindProxy, Links
from people import People
from probe import Probe, ready
from scene import BRIDGE, COMMANDS
from support.topics import read_topic
from support.waiting import wait_for

LINK_FAULTS = [(link, way) for link in LINKS for way in ("reset", "stall", "trickle", "half_close_out", "half_close_back")]
SERVER_FAULTS = ["stop_immediately", "cut_backends", "lock_table", "deadlock", "freeze_postgres", "kill_kafka", "freeze_kafka", "kill_portal"]
LONG = 45  # longer than every time-out on the way


@pytest.fixture(scope="module")
def kafka_server(server_folder, reaper):
    return KafkaBehindProxy(server_folder / "kafka-behind", reaper).start()


@pytest.fixture
def world(make_scene, postgres, kafka, portal):
    scene = make_scene(crash=True)
    scene.links = Links(scene, kafka)
    scene.start()
    scene.people = People(scene, "faults", cases=30).start()
    ready(scene)
    yield Chaos(scene, scene.people, (postgres, kafka, portal), 1, lambda line: None)
    scene.links.close()


def after(world, name, report, wrong, ended):
    came = Probe(world.scene, world.people).fire(timeout=120)
    world.people.pause()
    figures = settle(world.scene, world.people.journal, timeout=90)
    world.people.resume()
    report(f"{name:34} {figures.line()}; recovered in {min(came.values()) - ended:.2f} s, both ways {max(came.values()) - ended:.2f} s")
    if not figures:
        wrong.append(f"{name}: {figures}")


def test_bad_connections(world, report):
    wrong = []
    for link, way in LINK_FAULTS:
        proxy, met = world.scene.links[link], world.scene.links[link].met
        proxy.set(way)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            time.sleep(0.05)
        ended = time.monotonic()
        proxy.pass_on()
        if proxy.met == met:
            wrong.append(f"{link} {way}: nothing went that way")
        after(world, f"{link} {way}", report, wrong, ended)
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
@pytest.mark.parametrize("link", LINKS)
def test_a_connection_that_says_nothing_for_long(world, report, link):
    wrong = []
    world.scene.links[link].set("stall")
    time.sleep(LONG)
    ended = time.monotonic()
    world.scene.links[link].pass_on()
    after(world, f"{link} stalls for {LONG} s", report, wrong, ended)
    assert not wrong, "\n".join(wrong)


def test_servers_in_trouble(world, report):
    wrong = []
    for name in SERVER_FAULTS:
        getattr(world, name)()
        after(world, name, report, wrong, time.monotonic())
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", COMMANDS)
def test_one_that_stood_still_while_another_took_over(world, report, name):
    """Longer than the lease; when it wakes up nothing that it says or writes counts any more."""
    wrong = []
    keeper = world.scene.keeper
    frozen = keeper.process[name]
    began = time.monotonic()
    frozen.signal(signal.SIGSTOP)
    second = keeper.second(name)
    # what the second one delivers shows that it has taken over
    came = Probe(world.scene, world.people).fire(timeout=60)
    report(f"{name}: a second one delivered {min(came.values()) - began:.2f} s after the first stood still")
    frozen.signal(signal.SIGCONT)
    if name != BRIDGE:
        # overtaken, it ends; its keeper starts it anew, and now it overtakes the second
        deadline = time.monotonic() + 30
        while frozen.running() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not frozen.running(), "it has not noticed that it was overtaken"
    ended = time.monotonic()
    second.kill()
    after(world, f"{name} twice", report, wrong, ended)
    assert not wrong, "\n".join(wrong)


def test_a_version_told_late_does_not_stay_the_newest(world):
    """A bridge that stood still between storing a version and telling it tells it behind the newer ones of the bridge that took its place.

    It then tells that case again, and not all that the other bridge has done meanwhile, which may be the work of days.
    """
    scene, people = world.scene, world.people
    people.pause()
    settle(scene, people.journal)
    frozen = scene.keeper.process[BRIDGE]
    cids = {person: scene.ledger.value("select cid from casebridge.cases where doc::json #>> '{applicant,cert_no}' = %s", person)
            for person in (people.persons[0], people.persons[2], people.persons[1])}
    person, other, third = cids

    def told(who):
        return [json.loads(r.value)["version"] for r in read_topic(scene.kafka.bootstrap, f"{scene.prefix}.cases") if r.key == ulid(cids[who]).encode()]

    def stored(who):
        return scene.ledger.value("select ver from casebridge.cases where cid = %s", cids[who])

    def counts_as_told(who):
        """What came of it will not be told again by whoever starts."""
        return scene.ledger.value("select p.published > h.pos from casebridge.positions p, casebridge.history h where p.topic = %s and h.cid = %s "
                                  "order by h.ver desc limit 1", f"{scene.prefix}.in.civil-affairs", cids[who])
    scene.table.stand_still("publish.case")
    people.address(person, "迟到路1号")
    wait_for(lambda: scene.table.stands_still("publish.case"), 30, "the bridge to stand still", or_died=[scene.keeper])
    late = stored(person)
    assert late not in told(person)
    second = scene.keeper.second(BRIDGE)
    people.address(person, "迟到路2号")
    wait_for(lambda: told(person)[-1] > late, 60, "the second bridge to tell a newer version", or_died=[scene.keeper, second])
    people.address(other, "准时路1号")
    wait_for(lambda: told(other)[-1] == stored(other) and scene.idle() and counts_as_told(other), 60, "another case's version, told by the second bridge",
             or_died=[scene.keeper, second])
    once = told(other)
    journal = f"{scene.prefix}.folded"
    # what the second did last is on the journal, not in the ledger: whoever comes next stores that first
    with scene.ledger.connect(application_name="test") as clerk, clerk.transaction():
        clerk.execute("select from casebridge.cases where cid = %s for update", (cids[third],))
        people.address(third, "准时路2号")
        waits = wait_for(lambda: scene.ledger.rows("select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"),
                         30, "the second bridge to wait for the row", or_died=[scene.keeper, second])
        wait_for(lambda: max(json.loads(r.value).get("c", 0) for r in read_topic(scene.kafka.bootstrap, journal))
                 > scene.ledger.value("select next from casebridge.positions where topic = %s", journal), 30, "its record", or_died=[scene.keeper, second])
        second.signal(signal.SIGSTOP)
        for (pid,) in waits:
            scene.ledger.execute("select pg_terminate_backend(%s)", pid)
    frozen.signal(signal.SIGCONT)
    # overtaken, it starts over, and overtakes the second
    wait_for(lambda: late in told(person)[told(person).index(stored(person)):], 60, "the older version, told late", or_died=[scene.keeper])
    second.kill()
    wait_for(lambda: told(person)[-1] == stored(person), 60, "the newest version to be told again", or_died=[scene.keeper])
    assert told(other) == once
    people.resume()
