"""The delivery protocol as built, explored by Spin: bridge.pml says what is modelled and what must
hold. Then each rule of the protocol is taken away in turn, and the property it is there for must
fall: a model that no mutant can break would say nothing about the protocol."""

import pytest

from verifier import verify

CALM = "CRASHES=0 DUPLICATES=0 BATCH=1 "  # zombies and deaths of connectors are always there
ONE = "USER_EDITS=1 "
WINS = "RULE=TARGET_WINS "

HOLDS = {
    "sql, two edits there and one elsewhere": ("sql", CALM),
    "sql, one edit there and two elsewhere": ("sql", CALM + ONE + "OTHER_EDITS=2"),
    "sql, the bridge crashes": ("sql", ONE + "DUPLICATES=0"),
    "sql, messages come twice": ("sql", ONE + "CRASHES=0 BATCH=1"),
    "sql, the later status wins": ("sql", CALM + ONE + WINS),
    "sql, the target may not write the field": ("sql", CALM + ONE + "RULE=TARGET_REFUSED"),
    "sql, a new record": ("sql", CALM + ONE + "CREATE"),
    "sql, a new record and the bridge crashes": ("sql", ONE + "DUPLICATES=0 BATCH=1 CREATE"),
    "http, one edit on each side": ("http", CALM + ONE),
    "http, the later status wins": ("http", CALM + ONE + WINS),
}

# What is taken away, where, and the property that must fall.
MUTANTS = {
    "sql, no fence": ("sql", CALM + "NO_FENCE", "no_leak"),
    "sql, no fence, new record": ("sql", CALM + ONE + "CREATE NO_FENCE", "no_double"),
    "sql, no inbox": ("sql", CALM + "NO_INBOX", "no_leak"),
    "sql, no compare-and-set": ("sql", CALM + "NO_COMPARE", "no_unread"),
    "sql, no look-up before create": ("sql", CALM + ONE + "CREATE NO_LOOK_UP", "no_double"),
    "FENCE before what is outstanding": ("sql", CALM + "FENCE_FIRST", "no_leak"),
    "FENCE before an outstanding create":
        ("sql", CALM + ONE + "CREATE FENCE_FIRST", "no_double"),
    "old epochs count": ("sql", CALM + "NO_EPOCH_FILTER", "no_flip"),
    "a message counts twice": ("sql", "CRASHES=0 BATCH=1 NO_SEQ_FILTER", "no_flip"),
    "no stop-and-wait": ("sql", CALM + ONE + "OTHER_EDITS=2 NO_STOP_AND_WAIT", "no_second"),
    "no stop-and-wait, and what comes of it":
        ("sql", CALM + ONE + WINS + "OTHER_EDITS=2 NO_STOP_AND_WAIT TWO_MAY_FLY", "no_leak"),
    "held never falls": ("sql", CALM + "HELD_NEVER_FALLS", "no_divergence"),
    "answers are not remembered as told": ("sql", CALM + "NO_CACHE_OF_ANSWERS", "no_divergence"),
    "put off before the inbox is read": ("sql", CALM + "PUT_OFF_UNREAD", "no_leak"),
    "a create put off before the inbox is read":
        ("sql", CALM + ONE + "CREATE PUT_OFF_UNREAD", "no_double"),
    "waiting for BEGIN without end":
        ("sql", ONE + "CRASHES=0 DUPLICATES=0 WAITS_FOR_EVER", "no_divergence"),
    "a new epoch under the old nonce overlooked":
        ("sql", ONE + "CRASHES=0 EPOCH_OVERLOOKED", "no_divergence"),
    "http, no If-Match": ("http", CALM + ONE + "NO_ETAG", "no_unread"),
    "http, no wait for the lease": ("http", CALM + ONE + "NO_LEASE_WAIT", "no_leak"),
    "http, the lease runs from reading":
        ("http", CALM + ONE + "LEASE_FROM_READING", "no_leak"),
    "http, what is inherited was not attempted":
        ("http", CALM + ONE + WINS + "INHERITED_IS_UNTRIED", "no_leak"),
    "http, no doubt": ("http", CALM + ONE + WINS + "NO_DOUBT", "no_leak"),
    "http, a call given up comes through later":
        ("http", CALM + ONE + WINS + "LATE_CALL", "no_leak"),
}

# All at once, in a random order, for some minutes each: nothing is proved, much is seen.
DEEP = {
    "sql": ("sql", ""),
    "sql, one edit there and two elsewhere": ("sql", ONE + "OTHER_EDITS=2"),
    "sql, the later status wins": ("sql", WINS),
    "sql, a new record": ("sql", "CREATE"),
    "http": ("http", "TROUBLES=2"),
    "http, the later status wins": ("http", WINS),
}


def table(rows):
    return pytest.mark.parametrize("row", rows.values(), ids=rows)


@table(HOLDS)
def test_holds(row, tmp_path, explored):
    model, defines = row
    verdict = verify(model, defines, tmp_path)
    explored(verdict)
    assert not verdict.violated, verdict.trail
    assert verdict.complete, verdict.output
    assert verdict.states > 100_000


@table(MUTANTS)
def test_a_mutant_falls(row, tmp_path, explored):
    model, defines, broken = row
    verdict = verify(model, f"{defines} ONLY={broken}", tmp_path, quick=True)
    explored(verdict)
    assert verdict.violated == broken, verdict.trail or verdict.output


@pytest.mark.long
@table(DEEP)
def test_holds_as_far_as_was_seen(row, tmp_path, explored):
    model, defines = row
    verdict = verify(model, defines, tmp_path, minutes=4)
    explored(verdict)
    assert not verdict.violated, verdict.trail
    assert verdict.states > 1_000_000, verdict.output
