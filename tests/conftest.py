"""What all tests have in common: those that take minutes run when they are asked for."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also run the tests marked long")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--all"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; tools/test --all"))
