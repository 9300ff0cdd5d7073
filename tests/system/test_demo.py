"""The first command a newcomer types: tools/demo --once shows everything, cleans up, and ends with 0."""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from support.paths import SOURCE

# What must have been seen happening, in this order.
STORY = [
    "both systems take part from now on",
    "the row is in YDZ_SQ",
    "the portal shows 受理",
    "it is in the department's table",
    "it is on the portal",
    "the department has both",
    "the portal has both",
    "the portal shows 办结 with the certificate",
    "the portal's value is listed as a conflict",
    "its value stands on the portal",
    "it is parked",
    "it is delivered",
    "nothing is parked any more",
    "anybody can read the case from casebridge.cases",
    "3 applications on the portal = 3 rows in YDZ_SQ = 3 cases",
    "Nothing was typed twice.",
]
TOLD = re.compile(r"^\[ *\d+\.\d{3} s\] (?:ok|\*\*) (.*)$", re.MULTILINE)


@pytest.fixture
def folder():
    """A short path, for the socket in it, that the user postgres may enter when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def demo(folder, *words):
    """On a machine whose user reads Chinese, whether or not that locale is installed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    return subprocess.run([SOURCE / "tools/demo", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240,
                          env={**env, "TMPDIR": str(folder), "NO_COLOR": "1", "LANG": "zh_CN.UTF-8"})


def test_the_demo_tells_its_story_and_leaves_nothing_behind(folder):
    done = demo(folder, "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    told = iter(TOLD.findall(done.stdout))
    for expected in STORY:
        assert any(expected in line for line in told), f"not told, or not in this order: {expected}\n{done.stdout}"
    assert "locale" not in done.stdout + done.stderr and "已上线" in done.stdout, "status is in their language, and nobody complains"
    assert "MOCK" not in done.stderr, "the tests do not fall back to the mock broker"
    assert list(folder.iterdir()) == []


def test_a_wrong_option_is_told(folder):
    done = demo(folder, "--onze")
    assert done.returncode == 64 and "--onze" in done.stderr
