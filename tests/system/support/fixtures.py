"""What tests on real servers share, in tests/system and tests/fault. The servers live as long as the run and are shared; what a test
gets of them is its own: a fresh database, a topic prefix, a folder for its logs."""

import os
import tempfile
from itertools import count
from pathlib import Path

import pytest

from .portal import Portal
from .process import Processes
from .reaper import Reaper
from .servers import Kafka, Postgres

_numbers = count(1)


@pytest.fixture(scope="session")
def reaper():
    reaper = Reaper()
    yield reaper
    reaper.close()


@pytest.fixture(scope="session")
def server_folder(reaper):
    # Short (a socket lives in it), and open to the user postgres, which pytest's own is not.
    folder = Path(tempfile.mkdtemp(prefix="casebridge-test-"))
    folder.chmod(0o755)
    reaper.on_end("rm", "-rf", folder)
    yield folder


@pytest.fixture(scope="session")
def kafka_server(server_folder, reaper):
    return Kafka(server_folder / "kafka", reaper).start()


@pytest.fixture(scope="session")
def postgres_server(server_folder, reaper):
    return Postgres(server_folder / "pg", reaper).start()


def _lend(server):
    """A test may kill the shared server; the next test finds it alive all the same."""
    if not server.running():
        server.start()
    yield server
    if server.running():
        server.thaw()


@pytest.fixture
def kafka(kafka_server):
    yield from _lend(kafka_server)


@pytest.fixture
def postgres(postgres_server):
    yield from _lend(postgres_server)


@pytest.fixture
def new_database(postgres):
    """Makes one more empty database with each call."""
    made = []

    def make():
        made.append(postgres.new_database())
        return made[-1]
    yield make
    for database in made:
        database.close()


@pytest.fixture
def database(new_database):
    return new_database()


@pytest.fixture
def topic_prefix(kafka):
    return f"test-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def processes(tmp_path, reaper, request):
    """Starts programs with a log each; ends them all, and fails on a sanitizer's report."""
    processes = Processes(tmp_path)
    request.node.casebridge_processes = processes
    yield processes
    processes.end()
    reports = processes.sanitizer_reports()
    assert not reports, "\n\n".join(reports)


@pytest.fixture
def portal(processes, tmp_path):
    return Portal(processes, tmp_path / "portal").start()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    processes = getattr(item, "casebridge_processes", None)
    if report.failed and processes is not None:
        for process in processes.all:
            report.sections.append((f"log of {process}", process.tail()))
    return report
