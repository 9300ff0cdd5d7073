"""PostgreSQL's standby takes over, for the ledger and the department: with a synchronous one nothing that was acknowledged is lost."""

import socket
import time

import pytest

from figures import figures_now
from people import People, type_on
from probe import ready
from standby import Pair


@pytest.fixture(scope="module")
def postgres_server(server_folder, reaper):
    pair = Pair(server_folder / "pair", reaper).start()
    yield pair
    for node in pair.nodes:
        node.kill()


@pytest.fixture
def postgres(postgres_server):
    yield postgres_server


@pytest.fixture
def world(make_scene):
    scene = make_scene()
    scene.edit("systems/civil-affairs.yaml", "connection:", "connection:\n  synchronous_standby: true")
    scene.start()
    scene.people = People(scene, "failover", cases=30).start()
    ready(scene)
    return scene


def test_the_standby_takes_over_and_back(world, postgres, report):
    """Ledger and department are on one server, so both fall at once."""
    for name in ("the standby takes over", "and the other one back"):
        type_on(world)
        ended = postgres.fail_over_hard()
        type_on(world)
        figures_now(world, name, report, ended)
        postgres.follow_again()
        type_on(world)


def test_it_takes_over_from_one_that_does_not_even_refuse(world, postgres, report):
    """As from a machine without power: who connects to it just waits, so the next attempt must begin with the other."""
    type_on(world)
    first = postgres.nodes[0]
    first.kill()
    with socket.create_server(("127.0.0.1", postgres.port(first))):
        postgres.fail_over()
        ended = time.monotonic()
        type_on(world)
        figures_now(world, "from one that says nothing", report, ended)
    postgres.follow_again()
