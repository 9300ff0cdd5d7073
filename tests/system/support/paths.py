"""Where things are. CASEBRIDGE_BUILD names another build folder, such as build/dev."""

import os
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3]
TOOLS = SOURCE / "tools"
BUILD = SOURCE / os.environ.get("CASEBRIDGE_BUILD", "build")
CASEBRIDGE = BUILD / "casebridge"


def portal_simulator():
    """The simulator's binary: beside ours, or in its own folder of the build."""
    for candidate in (BUILD / "portal-simulator",
                      BUILD / "tools/portal-simulator/portal-simulator"):
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(f"no portal-simulator in {BUILD}; run tools/build")
