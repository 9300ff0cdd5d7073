"""Prints what each run of the verifier explored, and keeps the runs of minutes behind --all."""

import pytest

_explored = []


@pytest.fixture
def explored(request):
    """Call with a Verdict: one line of the table at the end."""
    def note(verdict):
        _explored.append((request.node.name, verdict))
    return note


def pytest_terminal_summary(terminalreporter):
    if _explored:
        terminalreporter.section("what the verifier explored")
    for name, verdict in _explored:
        terminalreporter.line(f"{verdict.states:>12,} states {verdict.seconds:6.1f} s  "
                              f"{verdict.violated or 'holds':15} {name}")
