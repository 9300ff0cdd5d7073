"""An asynchronous standby takes over for the ledger, without what was committed last: that is folded again from Kafka, as it was."""

import pytest

from figures import figures_now
from people import People, type_on
from probe import ready
from scene import BRIDGE
from standby import Pair


@pytest.fixture
def pair(server_folder, reaper):
    pair = Pair(server_folder / "behind", reaper, synchronous=False).start()
    yield pair
    for node in pair.nodes:
        node.kill()


@pytest.fixture
def new_database(postgres, pair):
    """The department's, which is asked for first, is on a server that does not fall; the ledger's is on the pair."""
    made = []

    def make():
        made.append((pair if made else postgres).new_database())
        return made[-1]
    yield make
    for database in made:
        database.close()


@pytest.fixture
def world(make_scene):
    scene = make_scene()
    scene.start()
    scene.people = People(scene, "behind", cases=30).start()
    ready(scene)
    return scene


def batches(world):
    return world.ledger.value("select next from casebridge.positions where topic = %s", f"{world.prefix}.folded")


def test_the_ledger_goes_on_without_its_last_seconds(world, pair, report):
    type_on(world)
    pair.cut_off()
    known = batches(world)
    type_on(world)
    lost = batches(world) - known
    assert lost > 20, "something was committed that the standby does not have"
    ended = pair.fail_over_hard()
    type_on(world)
    figures_now(world, f"a standby that lacks {lost} and more", report, ended)
    assert world.keeper.process[BRIDGE].wait_for_log("the ledger has caught up")
