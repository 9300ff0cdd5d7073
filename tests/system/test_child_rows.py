"""Child rows that somebody takes away in one system go in the other."""

import pytest

from support.twin import Twin
from support.waiting import wait_for

PART = """
    parts:
      cl: {{ list: materials, table: {name}_cl, parent: sbh, key: bh, case: {{ name: mc }} }}
    on_create:
"""


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    for name in "ab":
        getattr(twin, name).execute(
            f"create table {name}_cl (sbh varchar(20) references {name}_sq on delete cascade, bh varchar(9), mc text, primary key (sbh, bh))")
        file = twin.folder / "systems" / f"{name}.yaml"
        text = file.read_text().replace("zzbh, other_no]", "zzbh, other_no, cl]").replace("\n    on_create:\n", PART.format(name=name))
        assert "parts:" in text and ", cl]" in text
        file.write_text(text)
    return twin


def rows(twin, name):
    return getattr(twin, name).rows(f"select bh, mc from {name}_cl order by bh")


def wait_rows(twin, name, *expected):
    wait_for(lambda: rows(twin, name) == list(expected), what=f"{name}: {expected}", or_died=[twin.process])


def test_child_rows_are_taken_away_both_ways(twin):
    twin.start()
    with twin.a.connect() as clerk:
        clerk.execute("begin")
        clerk.execute("insert into a_sq (sbh, xm, zt) values ('D1', '张三', '0')")
        clerk.execute("insert into a_cl values ('D1', '1', '身份证'), ('D1', '2', '照片'), ('D1', '3', '户口簿')")
        clerk.execute("commit")
    wait_rows(twin, "b", ("1", "身份证"), ("2", "照片"), ("3", "户口簿"))
    twin.quiet()
    twin.a.execute("delete from a_cl where bh = '2'")
    wait_rows(twin, "b", ("1", "身份证"), ("3", "户口簿"))
    twin.b.execute("delete from b_cl where bh = '1'")
    wait_rows(twin, "a", ("3", "户口簿"))
    # the last one too: a list that is read whole may be empty
    twin.a.execute("delete from a_cl")
    wait_rows(twin, "b")
    twin.quiet()
    assert twin.ledger.value("select count(*) from casebridge.conflicts") == 0
    assert twin.ledger.value("select count(*) from casebridge.parked") == 0
    assert "照片" not in twin.ledger.value("select doc::text from casebridge.cases")
    history = twin.ledger.rows("select delta::json->'materials/2/name' from casebridge.history order by ver")
    assert ["照片", None] in [change for (change,) in history]
    assert "照片" in twin.casebridge.run("case", "D1", twin.folder).out, "the history still shows it"
