"""Every figure must be able to be something else than zero, or the zeros are worth nothing."""

import dataclasses

import pytest

from checker import Figures, Write, compare

PERSON = "341599195003070014"
TYPED = {(PERSON, "ADDRESS"): ["A", "B", "A", "C"], (PERSON, "MOBILE"): ["1", "2"]}
NEW = Write("portal", PERSON, True, {"ADDRESS": "A", "MOBILE": "1"})


def portal(**values):
    return Write("portal", PERSON, False, values)


def department(**values):
    return Write("department", PERSON, False, values)


CASES = {
    "each once": ([NEW, portal(ADDRESS="B"), portal(ADDRESS="A"), portal(ADDRESS="C"), department(MOBILE="2")], None),
    "older values skipped": ([NEW, portal(ADDRESS="C")], None),
    "typed again": ([NEW, portal(ADDRESS="A")], None),
    "a second record": ([NEW, NEW], "doubled"),
    "once too often": ([NEW, portal(ADDRESS="C"), portal(ADDRESS="C")], "doubled"),
    "a write without change": ([NEW, dataclasses.replace(portal(), changed=False)], "doubled"),
    "an older value later": ([NEW, portal(ADDRESS="C"), portal(ADDRESS="B")], "reordered"),
    "nobody typed it": ([NEW, portal(ADDRESS="X")], "corrupted"),
    "over what is typed there": ([NEW, portal(MOBILE="1")], "overwritten"),
    "an echo": ([NEW, portal(ADDRESS="B"), department(ADDRESS="B")], "overwritten"),
}


@pytest.mark.parametrize("case", CASES)
def test_writes_against_what_was_typed(case):
    writes, expected = CASES[case]
    figures = Figures()
    compare(TYPED, writes, figures)
    found = [f.name for f in dataclasses.fields(figures) if getattr(figures, f.name)]
    assert found == ([expected] if expected else []), figures


def test_figures_are_true_only_when_all_are_zero():
    assert Figures()
    for figure in dataclasses.fields(Figures):
        assert not dataclasses.replace(Figures(), **{figure.name: ["one"]})
