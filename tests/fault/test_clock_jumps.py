"""Somebody sets a machine's clock by an hour while people type: of the bridge's machine, of a connector's, of all of ours."""

import time

import pytest

from checker import check_topics, settle
from clock import Clock
from people import People
from probe import Probe, ready
from scene import BRIDGE, DEPARTMENT, PORTAL
from support.waiting import wait_for

HOUR = 3600
ROUND = [HOUR, -HOUR, 0]  # forward; back by two; and as it should be


@pytest.fixture
def world(make_scene, tmp_path):
    scene = make_scene()
    # a portal that refuses calls signed at another time is looked at by itself
    scene.portal.control("", {"skew_s": 86400})
    scene.clocks = {}
    for name in (BRIDGE, DEPARTMENT, PORTAL):
        scene.clocks[name] = Clock(tmp_path, name.replace(" ", "-"))
        scene.keeper.environment[name] = scene.clocks[name].env
    scene.start()
    scene.people = People(scene, "clocks", cases=30).start()
    ready(scene)
    return scene


def figures_now(world, name, report):
    began = time.monotonic()
    came = Probe(world, world.people).fire(timeout=60)
    world.people.pause()
    figures = settle(world, world.people.journal, timeout=60)
    check_topics(world, figures)
    world.people.resume()
    report(f"{name:34} {figures.line()}; both ways {max(came.values()) - began:.2f} s")
    return figures


def set_all(world, names, seconds):
    for name in names:
        world.clocks[name].set(seconds)


def alone(name):
    return pytest.param([name], id=name, marks=pytest.mark.long)


@pytest.mark.parametrize("names", [pytest.param([BRIDGE, DEPARTMENT, PORTAL], id="all"), alone(BRIDGE), alone(DEPARTMENT), alone(PORTAL)])
def test_an_hour_forward_and_back(world, report, names):
    wrong = []
    for seconds in ROUND:
        set_all(world, names, seconds)
        figures = figures_now(world, f"clock of {len(names)} at {seconds:+} s", report)
        if not figures:
            wrong.append(f"at {seconds:+} s: {figures}")
    assert not [code for deaths in world.keeper.deaths.values() for _, code in deaths], "nobody had to start over"
    assert not wrong, "\n".join(wrong)


def test_with_the_kafka_connection_lost_right_after_it(world, report, kafka):
    """Who then waits to try again must not wait until the clock says so: that is an hour from now."""
    set_all(world, world.clocks, 0)
    kafka.freeze()
    set_all(world, world.clocks, -HOUR)
    kafka.kill()
    kafka.start()
    figures = figures_now(world, "back an hour, and Kafka gone", report)
    assert figures, figures


def test_a_portal_that_refuses_calls_of_another_time(world, report):
    """They wait and are tried again; when the clock is right all goes on."""
    world.portal.control("", {"skew_s": 300})
    world.clocks[PORTAL].set(HOUR)
    begun = world.people.journal.changes
    wait_for(lambda: world.people.journal.changes > begun + 150, 60, "people to type on")
    world.clocks[PORTAL].set(0)
    figures = figures_now(world, "the portal's clock right again", report)
    assert figures, figures
