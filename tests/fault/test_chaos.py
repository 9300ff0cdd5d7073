"""A minute of chaos for each class of portal; chaos.py runs it for as long as one likes."""

import shutil
import tempfile
from pathlib import Path

import pytest

import chaos


@pytest.fixture
def folder():
    # open to the user postgres, which pytest's own is not
    folder = Path(tempfile.mkdtemp(prefix="casebridge-chaos-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.long
@pytest.mark.parametrize("portal", ["h1", "h2", "h3"])
def test_a_minute_of_chaos(folder, report, portal):
    figures, met = chaos.run(1, 1, 1500, portal, folder, report)
    if portal != "h1":
        figures.unknown.clear()  # doubt that is parked or held is what these classes promise
    assert figures, figures
    assert sum(met.values()) > 5, met
