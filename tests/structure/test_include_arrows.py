"""Folders depend one way: see docs/architecture.md. A header of ours is known by its name."""

import re
from pathlib import Path

import pytest

from source_tree import c_files, includes, read

# folder -> what its files may include, besides the system and what is in the folder itself
ARROWS = {
    "bridge/base": [],
    "bridge/config": ["bridge/base"],
    "schemas": ["bridge/base", "bridge/config"],
    "bridge/bus": ["bridge/base", "bridge/config", "schemas"],
    "bridge/hub": ["bridge/base", "bridge/config", "schemas", "bridge/bus"],
    "connectors/runtime": ["bridge/base", "bridge/config", "schemas", "bridge/bus"],
    "connectors/postgres": ["bridge/base", "bridge/config", "schemas", "bridge/bus",
                            "connectors/runtime"],
    "connectors/http": ["bridge/base", "bridge/config", "schemas", "bridge/bus",
                        "connectors/runtime"],
    # The portal is somebody else's system: it must work without a line of ours.
    "tools/portal-simulator": [],
}
# A connector carries records; what they mean is the hub's business.
CASE_HEADER = re.compile(r"^(case|code|check|map(ping)?)(_|\.h$)")
LIBPQ_HOMES = re.compile(r"^(bridge/base/br_pg|bridge/hub/(hub_)?ledger|connectors/postgres/"
                         r"|tests/|bench/)")


def headers_by_name():
    return {path.name: path for path in c_files() if path.suffix == ".h"}


def own_headers(path, text, known):
    for name in includes(text):
        header = known.get(Path(name).name)
        # A system header may have the name of one of ours only with a folder in front.
        if header is not None and (name == header.name or str(header).endswith(name)):
            yield header


def arrow_errors(path, text, known):
    home = home_of(path)
    allowed = [home, *ARROWS[home]]
    return [f"{path} includes {header}" for header in own_headers(path, text, known)
            if not any(header.is_relative_to(folder) for folder in allowed)]


def home_of(path):
    return next((folder for folder in ARROWS if path.is_relative_to(folder)), None)


def case_errors(path, text):
    return [f"{path} includes {name}" for name in includes(text)
            if CASE_HEADER.match(Path(name).name)]


def libpq_errors(path, text):
    if LIBPQ_HOMES.match(str(path)):
        return []
    return [f"{path} includes {name}" for name in includes(text)
            if Path(name).name in ("libpq-fe.h", "libpq-events.h")]


@pytest.mark.parametrize("folder", ARROWS)
def test_arrows_run_one_way(folder):
    known = headers_by_name()
    errors = [e for path in c_files(folder) for e in arrow_errors(path, read(path), known)]
    assert not errors, "\n".join(errors)


def test_a_connector_knows_no_case():
    errors = [e for path in c_files("connectors") for e in case_errors(path, read(path))]
    assert not errors, "\n".join(errors)


def test_libpq_stays_in_its_places():
    errors = [e for path in c_files() for e in libpq_errors(path, read(path))]
    assert not errors, "\n".join(errors)


def test_header_names_are_unique():
    """Includes are by name alone, so two headers of one name would hide each other."""
    seen = {}
    for path in c_files("bridge", "connectors", "schemas"):
        if path.suffix == ".h":
            assert path.name not in seen, f"{path} and {seen[path.name]}"
            seen[path.name] = path


# The checks themselves: each must see what it is there for.

@pytest.mark.parametrize("path, text, found", [
    ("bridge/base/br_x.c", '#include "hub_step.h"\n', 1),
    ("bridge/base/br_x.c", '#include "bridge/hub/hub_step.h"\n', 1),
    ("bridge/base/br_x.c", '/* #include "hub_step.h" */\n// #include "hub_step.h"\n', 0),
    ("bridge/base/br_x.c", '#include <stdio.h>\n#include "br_err.h"\n', 0),
    ("bridge/hub/hub_x.c", '#include "conn_kind.h"\n', 1),
    ("bridge/hub/hub_x.c", '  #  include "br_err.h"\n', 0),
    ("connectors/http/http_x.c", '#include "hub_step.h"\n', 1),
    ("tools/portal-simulator/x.c", '#include "br_err.h"\n', 1),
])
def test_the_arrow_check_sees(path, text, found):
    known = {Path(p).name: Path(p) for p in ("bridge/base/br_err.h", "bridge/hub/hub_step.h",
                                             "connectors/runtime/conn_kind.h")}
    assert len(arrow_errors(Path(path), text, known)) == found


@pytest.mark.parametrize("name, found", [
    ("case_schema.h", 1), ("map.h", 1), ("mapping.h", 1), ("code_table.h", 1),
    ("image.h", 0), ("shape.h", 0), ("conn_kind.h", 0), ("br_err_codes.h", 0)])
def test_the_case_check_sees(name, found):
    assert len(case_errors(Path("connectors/x.c"), f'#include "{name}"\n')) == found


@pytest.mark.parametrize("path, found", [
    ("bridge/hub/hub_step.c", 1), ("connectors/http/http_call.c", 1), ("bridge/base/br_err.c", 1),
    ("bridge/hub/hub_ledger_read.c", 0), ("bridge/hub/ledger.c", 0), ("bridge/base/br_pg.c", 0),
    ("connectors/postgres/pg_read.c", 0)])
def test_the_libpq_check_sees(path, found):
    assert len(libpq_errors(Path(path), "#include <libpq-fe.h>\n")) == found
