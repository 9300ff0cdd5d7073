"""Reconciliation of many: one in a thousand differs; each is found, nothing is invented, and memory does not grow with the number."""

import json
import os
import subprocess
import time

import pytest

from support.casebridge import SANITIZER
from support.paths import CASEBRIDGE, SOURCE
from support.twin import Twin

# How many; a million takes minutes and three gigabytes of disk.
RECORDS = int(os.environ.get("RECONCILE_RECORDS", "200000"))
MOST_MEMORY = 150 << 10  # KiB

ROWS = """
insert into a_sq (sbh, other_no, xm, sfzh, lxdh, dz, zt, zzbh)
select 'D' || i, 'P' || i, '张三', '341599195003070014', '13900000001', '鼓楼街道云路社区' || i % 97 || '号', '1', null from generate_series(1, {n}) i;
analyze a_sq;
"""
# What a bridge that has read and written all of them leaves.
LEDGER = """
insert into casebridge.systems (code, state, epoch) values ('a', 'live', 1), ('b', 'live', 1);
create temp table n as select i, ('00000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid cid, '鼓楼街道云路社区' || i % 97 || '号' dz from generate_series(1, {n}) i;
insert into casebridge.cases (cid, ver, doc, fver, had, created_at, updated_at) select cid, 2, json_build_object('portal_case_no', 'P' || i, 'dept_case_no', 'D' || i, 'status', 'ACCEPTED', 'applicant',
  json_build_object('name', '张三', 'cert_no', '341599195003070014', 'mobile', '13900000001', 'address', dz)), '{{"*":2}}', '{{ACCEPTED}}', now() - interval '1 day', now() - interval '1 day' from n;
insert into casebridge.links (cid, sys, rec, lid, state, shadow, held) select cid, 1, 'application', 'D' || i, 'idle', json_build_object('sbh', 'D' || i, 'other_no', 'P' || i,
  'xm', '张三', 'sfzh', '341599195003070014', 'lxdh', '13900000001', 'dz', dz, 'zt', '1', 'zzbh', null), '{{"*":2}}' from n;
analyze casebridge.cases; analyze casebridge.links;
"""


@pytest.mark.long
def test_one_in_a_thousand(tmp_path, processes, kafka, new_database, topic_prefix):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    twin.casebridge.run("ledger", "migrate", twin.folder)
    twin.a.execute(ROWS.format(n=RECORDS))
    twin.ledger.execute(LEDGER.format(n=RECORDS))
    kinds = RECORDS // 4000  # of each of four kinds
    every = RECORDS // kinds
    at = {kind: [f"D{every * k + 1 + n}" for k in range(kinds)] for n, kind in enumerate(("R6", "R9", "R2"))}
    at["R1"] = [f"X{k}" for k in range(kinds)]
    twin.a.execute("set session_replication_role = replica")
    twin.a.execute("update a_sq set dz = dz || '-2' where sbh = any(%s)", at["R6"])
    twin.a.execute("update a_sq set zt = '2' where sbh = any(%s)", at["R9"])
    twin.a.execute("delete from a_sq where sbh = any(%s)", at["R2"])
    twin.a.execute("insert into a_sq (sbh, xm, zt) select unnest(%s::text[]), '钱七', '0'", at["R1"])

    begun = time.monotonic()
    process = subprocess.Popen([CASEBRIDGE, "reconcile", "a", "--output", "json", "--settle", "1", twin.folder], stdout=subprocess.PIPE, cwd=SOURCE,
                               env={**os.environ, "LC_ALL": "C.UTF-8", **SANITIZER})
    out = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    report = json.loads(out)
    print(f"{RECORDS} records in {time.monotonic() - begun:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of ours, {used.ru_maxrss / 1024:.0f} MiB at most")
    assert process.returncode == 1 and report["records"] == RECORDS + kinds and report["in_flight"] == 0
    found = {}
    for d in report["differences"]:
        found.setdefault(d["class"], []).append(d["local_id"])
    assert {k: sorted(v) for k, v in found.items()} == {k: sorted(v) for k, v in at.items()}
    if "dev" not in str(CASEBRIDGE):
        assert used.ru_maxrss <= MOST_MEMORY
