"""A system is restored from a backup: what is newer is written there again, and nothing old comes out of it."""

import subprocess

import pytest

from support.twin import Twin
from support.waiting import wait_for

PG_DUMP, PSQL = "/usr/lib/postgresql/15/bin/pg_dump", "/usr/lib/postgresql/15/bin/psql"
COLUMNS = "sbh, other_no, xm, sfzh, lxdh, dz, zt, zzbh"


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    return Twin(tmp_path, processes, kafka, new_database, topic_prefix)


def back_up(database, file):
    subprocess.run([PG_DUMP, "--no-owner", "--file", file, database.dsn], check=True)


def restore(twin, database, file):
    """As an administrator does who lets people work on: read in beside, then take its place."""
    name = database.name
    fresh = database.server.new_database()
    subprocess.run([PSQL, "--quiet", "-v", "ON_ERROR_STOP=1", "--file", file, fresh.dsn], check=True, stdout=subprocess.DEVNULL)
    fresh.disconnect()
    database.disconnect()
    # one statement each; whoever is connected in between is sent away again
    wait_for(lambda: renamed(twin.ledger, name, name + "_old"), what="the old one steps aside")
    twin.ledger.execute(f"alter database {fresh.name} rename to {name}")
    return name + "_old"


def renamed(connection, old, new):
    connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", old)
    try:
        connection.execute(f"alter database {old} rename to {new}")
    except Exception as error:
        raise LookupError(str(error)) from None
    return True


def rows(twin, name):
    return getattr(twin, name).rows(f"select {COLUMNS} from {name}_sq order by sbh")


def versions(twin):
    return twin.ledger.rows("select cid, ver from casebridge.cases order by cid")


def before_the_backup(twin):
    twin.insert("a", sbh="D1", xm="张三", zt="0", dz="旧址", lxdh="13900000001")
    twin.insert("a", sbh="D2", xm="李四", zt="0")
    one = twin.wait_row("b", "other_no = 'D1'")["sbh"]
    two = twin.wait_row("b", "other_no = 'D2'")["sbh"]
    twin.update("b", one, lxdh="13900000002")
    twin.wait_row("a", "sbh = 'D1'", lxdh="13900000002")
    twin.quiet()
    return one, two


def after_the_backup(twin, one, two):
    """Changes from either side, some of a value that stood there before, and new cases from either side."""
    twin.update("a", "D1", zt="1", dz="新址")
    twin.update("b", two, lxdh="13900000003")
    twin.wait_row("b", "sbh = %s", one, zt="1", dz="新址")
    twin.wait_row("a", "sbh = 'D2'", lxdh="13900000003")
    twin.update("b", one, lxdh="13900000001")
    twin.wait_row("a", "sbh = 'D1'", lxdh="13900000001")
    twin.insert("a", sbh="D3", xm="王五", zt="0")
    twin.insert("b", sbh="P9", xm="赵六", zt="0")
    twin.wait_row("b", "other_no = 'D3'")
    twin.wait_row("a", "other_no = 'P9'")
    wait_for(lambda: twin.row("b", "sbh = 'P9'")["other_no"], what="the number comes home")
    twin.quiet()


def all_as_before(twin, before):
    wait_for(lambda: rows(twin, "b") == before["b"], timeout=60, what=f"b is as it was: {before['b']}", or_died=[twin.process])
    twin.quiet()
    assert rows(twin, "a") == before["a"], "nothing old came out of it"
    assert versions(twin) == before["versions"]
    assert rows(twin, "b") == before["b"]
    assert twin.ledger.value("select count(*) from casebridge.parked where status = 'open'") == 0


def test_it_is_noticed_and_nothing_old_comes_out(twin, tmp_path, postgres):
    twin.start()
    one, two = before_the_backup(twin)
    back_up(twin.b, tmp_path / "b.sql")
    after_the_backup(twin, one, two)
    before = {"a": rows(twin, "a"), "b": rows(twin, "b"), "versions": versions(twin)}

    old = restore(twin, twin.b, tmp_path / "b.sql")
    all_as_before(twin, before)
    assert twin.process.wait_for_log("CONN-013")
    assert twin.ledger.value("select restores from casebridge.systems where code = 'b'") == 1

    # and life goes on, also with a value that stood there at the time of the backup
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.links l join casebridge.systems s on s.id = l.sys where based < restores") == 0,
             what="all records were read", or_died=[twin.process])
    twin.update("b", one, lxdh="13900000002")
    twin.wait_row("a", "sbh = 'D1'", lxdh="13900000002")
    twin.update("a", "D3", dz="丙")
    twin.wait_row("b", "other_no = 'D3'", dz="丙")
    twin.quiet()
    twin.ledger.execute(f"drop database {old} with (force)")


def test_where_no_table_of_ours_is_a_person_says_so(twin, tmp_path):
    file = twin.folder / "systems/b.yaml"
    file.write_text(file.read_text().replace("  timezone: Asia/Shanghai\n", "  timezone: Asia/Shanghai\n  inbox: false\n"))
    twin.start()
    one, two = before_the_backup(twin)
    back_up(twin.b, tmp_path / "b.sql")
    after_the_backup(twin, one, two)
    before = {"a": rows(twin, "a"), "b": rows(twin, "b"), "versions": versions(twin)}

    twin.casebridge.run("system", "pause", "b", twin.folder)
    old = restore(twin, twin.b, tmp_path / "b.sql")
    assert twin.casebridge.run("system", "rebase", "b", twin.folder).out == "b: rebase\n"
    twin.casebridge.run("system", "live", "b", twin.folder)
    all_as_before(twin, before)
    twin.ledger.execute(f"drop database {old} with (force)")
