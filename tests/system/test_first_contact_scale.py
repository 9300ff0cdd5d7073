"""First contact of many: a district of planted cases. No pair is certain that is not one, every case typed twice without a slip is; memory stays flat."""

import json
import os
import subprocess
import time

import pytest

from support.casebridge import SANITIZER
from support.paths import CASEBRIDGE, SOURCE
from support.twin import Twin

# On each side, about; a million takes minutes and ten gigabytes of disk.
RECORDS = int(os.environ.get("MATCH_RECORDS", "100000"))
ACCEPT = int(os.environ.get("MATCH_ACCEPT", "10000"))  # pairs, by a running bridge
MOST_MEMORY = 150 << 10  # KiB
LEAST_RATE = 5000  # records a second, of both sides

# Of a thousand people, by number: what was typed in a and in b. Few names, so that each has thousands of bearers.
LEDGER = """
insert into casebridge.systems (code, state, epoch) values ('a', 'trial', 1), ('b', 'trial', 1);
create table truth (person int, side text, lid text, kind text, name text, cert text, day date, phone text, cid uuid);
create function cert(i int) returns text language sql as $$ select '3415' || lpad((('x' || substr(md5(i::text), 1, 12))::bit(48)::bigint % 100000000000000)::text, 14, '0') $$;
create function kind(i int) returns text language sql as $$ select case when i % 1000 < 900 then 'exact' when i % 1000 < 920 then 'name' when i % 1000 < 940 then 'day'
  when i % 1000 < 960 then 'id' when i % 1000 < 970 then 'a only' when i % 1000 < 980 then 'b only' when i % 1000 < 990 then 'renewed' when i % 1000 < 996 then 'twins'
  else 'renewal only' end $$;
insert into truth select i, side, upper(case side when 'a' then 'd' else 'p' end) || i, kind(i), '王' || chr(19968 + n % 200) || chr(20168 + n % 7), cert(i),
  date '2010-01-01' + ('x' || substr(md5('d' || n), 1, 7))::bit(28)::int % 3000, '139' || lpad((n %% 100000000)::text, 8, '0'), gen_random_uuid()
  from (select i, case when kind(i) = 'twins' then i - i % 2 else i end n, side from generate_series(1, {n}) i, unnest(array['a', 'b']) side) x
  where kind(i) not in ('a only', 'b only') or side = left(kind(i), 1);
update truth set name = overlay(name placing '阿' from 3 for 1) where kind = 'name' and side = 'b';
update truth set day = day + 3 where kind = 'day' and side = 'b';
update truth set cert = overlay(cert placing case substr(cert, 9, 1) when '7' then '3' else '7' end from 9 for 1) where kind = 'id' and side = 'b';
update truth set day = day + 700 where kind = 'renewal only' and side = 'a';
insert into truth select person, side, lid || 'R', 'renewal', name, cert, day + 700, phone, gen_random_uuid() from truth where kind = 'renewed' and side = 'a';
insert into casebridge.cases (cid, ver, doc, fver, had, created_at, updated_at) select cid, 1, json_build_object(case side when 'a' then 'dept_case_no' else 'portal_case_no' end, lid, 'item',
  json_build_object('impl_code', '11341503999900222D4002011099000'), 'applied_at', day || 'T09:05:00+08:00', 'status', 'ACCEPTED', 'applicant',
  json_build_object('name', name, 'cert_no', cert, 'mobile', phone, 'address', '鼓楼街道云路社区' || person % 97 || '号'))::text, '{{"*":1}}', '{{ACCEPTED}}', now(), now() from truth;
insert into casebridge.links (cid, sys, rec, lid, state, shadow, held) select cid, case side when 'a' then 1 else 2 end, 'application', lid, 'idle',
  json_build_object('sbh', lid, 'xm', name, 'sfzh', cert, 'lxdh', phone, 'zt', '1')::text, '{{"*":1}}' from truth;
insert into casebridge.links (cid, sys, rec, state, shadow, held, due) select cid, case side when 'a' then 2 else 1 end, 'application', 'idle', '{{}}', '{{"*":0}}', true from truth;
analyze casebridge.cases; analyze casebridge.links; analyze truth;
"""


def run(words):
    begun = time.monotonic()
    process = subprocess.Popen([CASEBRIDGE, *words], stdout=subprocess.PIPE, cwd=SOURCE, env={**os.environ, "LC_ALL": "C.UTF-8", **SANITIZER})
    out = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return json.loads(out), time.monotonic() - begun, used


@pytest.mark.long
def test_a_district_that_typed_everything_twice(tmp_path, processes, kafka, new_database, topic_prefix):
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    twin.casebridge.run("ledger", "migrate", twin.folder)
    twin.ledger.execute(LEDGER.replace("%%", "%").format(n=RECORDS))
    found, seconds, used = run(["match", "find", "a", "--output", "json", twin.folder])
    records = int(found["records"]) + int(found["others"])
    print(f"{found['records']} + {found['others']} records in {seconds:.1f} s ({records / seconds:.0f}/s), {used.ru_utime + used.ru_stime:.1f} s of ours, "
          f"{used.ru_maxrss / 1024:.0f} MiB at most; {found['compared']} pairs weighed, {found['certain']} certain, {found['likely']} likely")
    pairs = "casebridge.candidates k join truth a on a.cid = k.cid join truth b on b.cid = k.other"
    assert twin.ledger.value(f"select count(*) from {pairs} where k.verdict = 'certain' and (a.person <> b.person or a.kind <> b.kind)") == 0
    assert dict(twin.ledger.rows(f"select a.kind, count(*) from {pairs} where k.verdict = 'certain' group by 1")) == dict(twin.ledger.rows(
        "select kind, count(*) from truth where kind in ('exact', 'name', 'renewed', 'twins') and side = 'b' group by 1"))
    assert dict(twin.ledger.rows(f"select a.kind, count(*) from {pairs} where k.verdict = 'likely' and a.person = b.person group by 1")) == dict(
        twin.ledger.rows("select kind, count(*) from truth where kind in ('day', 'id') and side = 'b' group by 1"))
    assert twin.ledger.value(f"select count(*) from {pairs} where a.kind like 'renewal%%' and a.person = b.person") == 0
    if "dev" not in str(CASEBRIDGE):
        assert used.ru_maxrss <= MOST_MEMORY and records / seconds >= LEAST_RATE

    twin.casebridge.run("topics", "apply", twin.folder)
    twin.process = twin.casebridge.start("casebridge", "bridge", twin.folder)
    twin.ledger.execute(f"delete from casebridge.candidates where id not in (select id from casebridge.candidates where verdict = 'certain' order by id limit {ACCEPT})")
    expected = twin.ledger.value("select count(*) from casebridge.candidates")
    cases = twin.ledger.value("select count(*) from casebridge.cases")
    done, seconds, used = run(["match", "accept", "a", "--verdict", "certain", "--why", "核对", "--wait", "600", "--output", "json", twin.folder])
    print(f"{done['done']} pairs bound in {seconds:.1f} s ({int(done['done']) / seconds:.0f}/s), {used.ru_maxrss / 1024:.0f} MiB at most")
    assert (int(done["done"]), done["not_done"]) == (expected, "0")
    assert twin.ledger.value("select count(*) from casebridge.cases") == cases - expected
    assert twin.ledger.value("select count(*) from casebridge.links where state = 'matched'") == 2 * expected
