"""The last byte of a disk is written: whoever needs room says so and waits, nothing is lost, and all goes on once there is some."""

import time

import psycopg
import pytest
from support.process import Processes
from support.servers import Kafka, Postgres
from support.waiting import wait_for

from checker import check_topics, settle
from disk import NotAllowed, SmallDisk
from people import People
from probe import Probe, ready
from scene import BRIDGE, COMMANDS, DEPARTMENT

TYPED = 60  # changes meanwhile


@pytest.fixture
def disk(server_folder, reaper, request):
    made = []

    def make(name, megabytes, **more):
        try:
            made.append(SmallDisk(server_folder / name, reaper, megabytes, **more))
        except NotAllowed as error:
            pytest.skip(str(error))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def begin(make_scene):
    def begin(scene=None):
        scene = scene or make_scene()
        scene.start()
        scene.people = People(scene, "disk", cases=30).start()
        ready(scene)
        return scene
    return begin


def type_on(world, changes=TYPED):
    before = world.people.journal.changes
    wait_for(lambda: world.people.must_work() or world.people.journal.changes >= before + changes, 120, "people to type on")


def figures_now(world, name, report):
    began = time.monotonic()
    came = Probe(world, world.people).fire(timeout=120)
    world.people.pause()
    figures = settle(world, world.people.journal, timeout=120)
    check_topics(world, figures)
    report(f"{name:34} {figures.line()}; {world.people.journal.changes} changes; both ways {max(came.values()) - began:.2f} s")
    assert figures, figures


def told(world, name, text):
    return wait_for(lambda: text in world.keeper.process[name].text(), 120, f"{name} to say '{text}'", or_died=[world.keeper])


class TestKafka:
    @pytest.fixture
    def small(self, disk):
        return disk("kafka-full/data", 96)

    @pytest.fixture
    def kafka(self, small, server_folder, reaper):
        kafka = Kafka(server_folder / "kafka-full", reaper).start()
        yield kafka
        kafka.kill()

    def test_its_log_folder_is_full(self, small, kafka, begin, report):
        world = begin()
        small.fill()
        wait_for(lambda: not kafka.running(), 120, "the broker to give up", or_died=[world.keeper])
        type_on(world)
        small.make_room()
        kafka.start()
        figures_now(world, "Kafka's disk full", report)


class TestTablespace:
    """The server runs, but nothing grows: SQLSTATE 53100."""

    @pytest.fixture(params=["department", "ledger"])
    def which(self, request):
        return request.param

    @pytest.fixture
    def postgres(self, which, server_folder, reaper):
        # of its own: a tablespace that is taken away must not hinder another test's server
        postgres = Postgres(server_folder / f"pg-{which}", reaper).start()
        yield postgres
        postgres.kill()

    def test_a_database_is_full(self, make_scene, begin, disk, which, postgres, report):
        scene = make_scene()
        small, database = disk(f"full-{which}", 64, owner="postgres", mode="0700"), getattr(scene, which)
        database.disconnect()
        with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
            connection.execute(f"create tablespace small location '{small.folder}'")
            connection.execute(f"alter database {database.name} set tablespace small")
        world = begin(scene)
        small.fill()
        told(world, DEPARTMENT if which == "department" else BRIDGE, "No space left")
        small.make_room()
        figures_now(world, f"{which}'s disk full", report)
        # the disk is taken away before its databases are dropped, and no checkpoint comes through then
        postgres.kill()


class TestServer:
    """Its write-ahead log needs room and has none: the server falls, and falls again at every start."""

    @pytest.fixture
    def small(self, disk):
        return disk("pg-full/data", 384, owner="postgres", mode="0700")

    @pytest.fixture
    def postgres(self, small, server_folder, reaper):
        postgres = Postgres(server_folder / "pg-full", reaper).start()
        yield postgres
        postgres.kill()

    @pytest.mark.long
    def test_the_server_is_full(self, small, postgres, begin, report):
        world = begin()
        small.fill()

        def fallen():
            try:
                world.ledger.execute("select pg_switch_wal()")
            except psycopg.OperationalError:
                return True
        wait_for(fallen, 120, "the server to fall")
        wait_for(lambda: not postgres.running() or not answers(world), 60, "the server to be down")
        small.make_room()
        wait_for(lambda: postgres.running() or postgres.start(), 120, "the server to start again")
        wait_for(lambda: answers(world), 120, "the server to answer")
        figures_now(world, "PostgreSQL's disk full", report)


def answers(world):
    try:
        return world.department.value("select 1")
    except psycopg.OperationalError:
        return False


def test_our_own_logs_have_no_room(make_scene, begin, disk, report):
    """Work goes on without them, and they go on when there is room."""
    scene = make_scene()
    small = disk("logs", 4)
    scene.casebridge.log_to(Processes(small.folder))
    world = begin(scene)
    small.fill()
    type_on(world)
    world.keeper.kill(BRIDGE)
    figures_now(world, "the disk of our logs full", report)
    small.make_room()
    sizes = {name: world.keeper.process[name].log.stat().st_size for name in COMMANDS}
    world.people.resume()
    world.keeper.kill(BRIDGE)
    wait_for(lambda: world.keeper.process[BRIDGE].log.stat().st_size > sizes[BRIDGE], 60, "the log to go on")
    figures_now(world, "and room again", report)
