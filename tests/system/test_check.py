"""check and topics check: one row for each thing that is looked at, for people and for programs."""

import csv
import io
import json
from collections import Counter

import pytest

from support.twin import Twin


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    return Twin(tmp_path, processes, kafka, new_database, topic_prefix)


def check(twin, *words, expect=0, output="json"):
    return twin.casebridge.run("check", *words, "--output", output, "--lang", "en", twin.folder, expect=expect)


def test_a_missing_ledger_has_a_row(twin):
    twin.casebridge.run("topics", "apply", twin.folder)
    people = twin.casebridge.run("check", "--lang", "zh", twin.folder, expect=78)
    assert people.out.startswith("错误  台账: ") and "HUB-022" in people.out and people.err == ""
    done = check(twin, expect=78)
    rows = json.loads(done.out)
    assert rows[0] == {"result": "error", "where": "ledger", "what": "connection and version", "about": "", "code": "HUB-022",
                       "text": "there is no ledger in this database", "next": rows[0]["next"]} and "casebridge ledger migrate" in rows[0]["next"]
    assert {r["result"] for r in rows[1:]} == {"ok"} and done.err == ""


def test_nothing_is_told_twice(twin):
    twin.casebridge.run("ledger", "migrate", twin.folder)
    twin.casebridge.run("topics", "apply", twin.folder)
    rows = json.loads(check(twin).out)
    assert {r["result"] for r in rows} == {"ok"} and {r["where"] for r in rows} == {"ledger", "Kafka", "a", "b"}
    assert all(r["code"] is None and r["text"] is None and r["next"] is None for r in rows)
    assert [row for row, n in Counter(tuple(r.values()) for r in rows).items() if n > 1] == []
    assert [r["about"] for r in rows if r["where"] == "a" and "to update" in r["what"]] == ["a_sq"]
    assert list(csv.DictReader(io.StringIO(check(twin, output="csv").out))) == [{k: v or "" for k, v in r.items()} for r in rows]
    lines = twin.casebridge.run("check", twin.folder).out.splitlines()
    assert len(lines) == len(rows) == len(set(lines))


def test_a_missing_topic_is_told_once(twin, topic_prefix):
    done = twin.casebridge.run("topics", "check", twin.folder, expect=1)
    assert len(done.err.splitlines()) == 1 and done.err.startswith("BUS-005 ")
    missing = [line for line in done.out.splitlines() if " missing" in line]
    assert len(missing) > 3 and f"(+{len(missing) - 1})" in done.err
