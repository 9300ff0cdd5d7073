"""The journal must see a loss and a double, or every count that rests on it is worth nothing."""

import pytest

from support.journal import Journal, table_effects, watch_table

COLUMNS = {"status": "zt", "name": "xm"}


@pytest.fixture
def table(database):
    database.execute("create table ydz_sq (sbh text, xm text, zt text)")
    watch_table(database, "ydz_sq")
    return database


def verdict(journal, database):
    rows = dict((sbh, {"name": xm, "status": zt})
                for sbh, xm, zt in database.rows("select sbh, xm, zt from ydz_sq"))
    effects = table_effects(database, "ydz_sq", "sbh", by=lambda writer: writer != "clerk")
    return journal.verdict(lambda case, name: rows[case][name], effects,
                           lambda record: record.split("/")[0], COLUMNS)


@pytest.fixture
def journal():
    journal = Journal()
    journal.typed("A1", "name", "张三")
    journal.typed("A1", "status", "1")
    journal.typed("A1", "status", "2")
    return journal


def deliver(database):
    database.execute("insert into ydz_sq values ('A1', '张三', '1')")
    database.execute("update ydz_sq set zt = '2'")


def test_each_once_is_neither_lost_nor_doubled(journal, table):
    deliver(table)
    assert verdict(journal, table)
    assert len(journal) == 3


def test_an_older_value_may_be_skipped(journal, table):
    table.execute("insert into ydz_sq values ('A1', '张三', '2')")
    assert verdict(journal, table)


def test_a_missing_record_is_lost(journal, table):
    assert [(case, name) for case, name, _, _ in verdict(journal, table).lost] == [
        ("A1", "name"), ("A1", "status")]


def test_an_older_value_at_the_end_is_lost(journal, table):
    table.execute("insert into ydz_sq values ('A1', '张三', '1')")
    assert verdict(journal, table).lost == [("A1", "status", "2", "1")]


def test_a_second_record_is_doubled(journal, table):
    deliver(table)
    table.execute("insert into ydz_sq values ('A1/2', null, null)")
    assert verdict(journal, table).doubled == [("A1", "created 2 times")]


def test_a_write_without_change_is_doubled(journal, table):
    deliver(table)
    table.execute("update ydz_sq set zt = zt")
    assert len(verdict(journal, table).doubled) == 1


def test_a_value_that_comes_back_is_doubled(journal, table):
    deliver(table)
    table.execute("update ydz_sq set zt = '1'")
    table.execute("update ydz_sq set zt = '2'")
    assert len(verdict(journal, table).doubled) == 2


def test_what_a_clerk_writes_is_not_counted(journal, table):
    deliver(table)
    with table.connect(application_name="clerk") as clerk:
        clerk.execute("update ydz_sq set zt = zt")
    assert verdict(journal, table)


def test_a_write_rolled_back_is_not_counted(journal, table):
    deliver(table)
    with table.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("update ydz_sq set zt = zt")
    assert verdict(journal, table)
