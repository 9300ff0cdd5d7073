"""A system that comes to a site which has cases: it gets what belongs to it, once, when it goes live and not before."""

import os
import signal

import pytest

from support.twin import Twin
from support.waiting import wait_for

CASES = 1200


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix).start()
    twin.a.execute(f"insert into a_sq (sbh, xm, zt) select 'D' || i, '张' || i, '0' from generate_series(1, {CASES}) i")
    wait_for(lambda: twin.b.value("select count(*) from b_sq") == CASES, timeout=60, what="both have the cases", or_died=[twin.process])
    twin.quiet()
    return twin


def restart(twin):
    twin.process.signal(15)
    assert twin.process.wait() == 0
    twin.casebridge.run("topics", "apply", twin.folder)
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)


def all_of_them(twin):
    wait_for(lambda: twin.c.value("select count(distinct dept_no) from c_all") == CASES, timeout=120, what="all arrive", or_died=[twin.process])
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.systems where owed is not null") == 0, what="all have been asked about")
    twin.quiet()
    assert twin.c.value("select count(*) from c_all") == CASES, "and once"


def test_it_gets_what_was_there_when_it_goes_live(twin, new_database):
    twin.join("c", "三系统", new_database(), start_live=None, credit=50)
    twin.c.execute("create view c_all as select other_no dept_no, xm from c_sq")
    restart(twin)
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.systems where code = 'c' and nonce <> ''") == 1, what="it is tried out", or_died=[twin.process])
    # its own case is known, and stays its own as long as it is only tried out; so do changes
    twin.insert("c", sbh="C-own", xm="赵六", zt="0")
    twin.update("a", "D7", dz="甲")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.cases") == CASES + 1, what="its case is known", or_died=[twin.process])
    twin.wait_row("b", "other_no = 'D7'", dz="甲")
    assert twin.c.value("select count(*) from c_sq") == 1 and twin.b.value("select count(*) from b_sq") == CASES
    twin.c.execute("create or replace view c_all as select other_no dept_no, xm from c_sq where sbh <> 'C-own'")

    twin.casebridge.run("match", "find", "c", twin.folder)
    twin.casebridge.run("system", "live", "c", twin.folder)
    wait_for(lambda: twin.c.value("select count(*) from c_all") > 50, timeout=60, what="the first ones", or_died=[twin.process])
    os.kill(twin.process.child(" bridge", timeout=30), signal.SIGKILL)
    wait_for(lambda: twin.b.value("select count(*) from b_sq where xm = '赵六'") == 1, timeout=60, what="its own goes out", or_died=[twin.process])
    all_of_them(twin)
    assert twin.row("c", "other_no = 'D7'")["dz"] == "甲"
    # and from now on it takes part
    twin.update("c", twin.row("c", "other_no = 'D9'")["sbh"], dz="丙")
    twin.wait_row("a", "sbh = 'D9'", dz="丙")


def test_one_that_starts_live_gets_them_too(twin, new_database):
    twin.join("c", "三系统", new_database())
    twin.c.execute("create view c_all as select other_no dept_no, xm from c_sq")
    restart(twin)
    all_of_them(twin)
