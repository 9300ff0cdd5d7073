"""Fixtures and options: those of the system tests, and the site whose processes fall."""

import pytest

from scene import Scene
from support.fixtures import *  # noqa: F403


def pytest_addoption(parser):
    parser.addoption("--place", default="", help="only crash points whose name contains this")


@pytest.fixture
def make_scene(tmp_path, processes, kafka, new_database, portal, topic_prefix):
    made = []

    def make(promise="H1", crash=False):
        made.append(Scene(tmp_path, processes, kafka, new_database, portal, topic_prefix, promise=promise, crash=crash))
        return made[-1]
    yield make
    for scene in made:
        if scene.people:
            scene.people.leave()
        scene.keeper.end()


@pytest.fixture
def report(request):
    """Lines that are shown also when all is well: figures are what these tests are for."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(line):
        with capture.global_and_fixture_disabled():
            print(f"    {line}", flush=True)
    return say
