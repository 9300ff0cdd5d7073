"""What goes wrong is told with a code, a place and a next step, in both languages; it loses nothing, and nobody else stops."""

import json
import re

import pytest

from support.servers import Database
from support.topics import produce, topic_names
from support.twin import TABLE, Twin
from support.waiting import wait_for
from support.yuan import Yuan

IDS = ["341599195003070014", "341599195202290028", "341599196808150032"]
BAD_ID = "341599195003070015"
HAN = re.compile("[\u4e00-\u9fff]")


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    return Twin(tmp_path, processes, kafka, new_database, topic_prefix)


class Nowhere:
    """A database and a broker that nobody asks."""
    dsn = "host=127.0.0.1 port=1 dbname=nowhere"
    bootstrap = "127.0.0.1:1"

    def execute(self, *_):
        pass


@pytest.fixture
def paper(tmp_path):
    """The site of the twins as files alone."""
    return Twin(tmp_path, None, Nowhere(), Nowhere, "paper")


def edit(twin, name, old, new):
    file = twin.folder / "systems" / f"{name}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def parked(twin, lang="en"):
    return json.loads(twin.casebridge.run("parked", "list", "--output", "json", "--lang", lang, twin.folder).out)


def wait_parked(twin, **expected):
    """The item of a record in both languages, once it is listed."""
    def there(lang="en"):
        rows = [r for r in parked(twin, lang) if all(r[k] == v for k, v in expected.items())]
        return rows[-1] if rows else None
    en = wait_for(there, what=f"parked: {expected}", or_died=[twin.process])
    zh = there("zh")
    assert en["code"] == zh["code"] and en["text"] and en["next"]
    assert HAN.search(zh["text"]) and HAN.search(zh["next"]) and not HAN.search(en["next"])
    return en, zh


def others_flow(twin, number="OK1", name="李四"):
    twin.insert("a", sbh=number, xm=name, sfzh=IDS[1], zt="0")
    twin.wait_row("b", "other_no = %s", number, xm=name)


def both_languages(run, code, *words, expect):
    """`casebridge WORDS` ends with `expect` and tells `code` and a next step in English and in Chinese; returns the English."""
    texts = {}
    for lang in ("en", "zh"):
        done = run(*words, "--lang", lang, expect=expect)
        line = next((x for x in (done.err + done.out).splitlines() if f"{code} " in x), None)
        assert line, (code, done.err + done.out)
        sentence, arrow, step = line.partition(" → ")
        assert arrow and step, line
        # the sentence may quote the other system, in whatever language it speaks
        assert bool(HAN.search(step)) == (lang == "zh") and (lang == "en" or HAN.search(sentence.split(code)[1])), line
        texts[lang] = line
    return texts["en"]


# ---- the site's files: 78, all problems in one go ----

FILES = [
    ("broken YAML", "root: {", "root: { table: [", "CFG-038", r"systems/a\.yaml:\d+:\d+"),
    ("an unknown key", "connector: postgres", "connector: postgres\nconector: postgres", "CFG-004", r"systems/a\.yaml:6:1"),
    ("a code the case does not have", '"0": RECEIVED', '"0": RECEIVD', "MAP-017", r"systems/a\.yaml:\d+:\d+"),
    ("a field the case does not have", "applicant.mobile: lxdh", "applicant.mobil: lxdh", "MAP-003", r"systems/a\.yaml:\d+:\d+"),
    ("a secret that is not there", "timezone: Asia/Shanghai", 'timezone: Asia/Shanghai\n  password: "${file:none}"', "CFG-023", r"systems/a\.yaml:\d+:\d+"),
]


@pytest.mark.parametrize("what, old, new, code, place", FILES, ids=[f[0] for f in FILES])
def test_a_file_with_a_mistake(paper, what, old, new, code, place):
    edit(paper, "a", old, new)
    edit(paper, "b", "lease: 4s", "leese: 4s")
    line = both_languages(paper.casebridge.run, code, "lint", paper.folder, expect=78)
    assert re.match(place + ": ", line), line
    told = paper.casebridge.run("lint", paper.folder, expect=78).err
    assert "systems/b.yaml" in told and "CFG-004" in told, "the other file's mistake is told in the same go"
    told = paper.casebridge.run("connector", "a", paper.folder, expect=78).err
    assert code in told and "systems/a.yaml" in told, told


def test_a_file_that_is_no_utf_8(paper):
    file = paper.folder / "systems/a.yaml"
    file.write_bytes(file.read_bytes().replace("部门".encode(), "部门".encode("gbk"), 1))
    line = both_languages(paper.casebridge.run, "CFG-030", "lint", paper.folder, expect=78)
    assert line.startswith("systems/a.yaml:3:"), line


# ---- records ----

def test_a_code_that_is_not_in_the_table(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="9")
    others_flow(twin)
    en, _ = wait_parked(twin, system="a", local_id="D1")
    assert en["code"] == "MAP-101" and en["field"] == "status" and "'9'" in en["text"] and "zt" in en["text"]
    twin.update("a", "D1", zt="1")
    twin.wait_row("b", "other_no = 'D1'", zt="1")
    twin.quiet()
    wait_for(lambda: parked(twin) == [], what="nothing parked any more")


def walks(twin, name, n=2):
    """Waits until all records of the system were walked over so many times from now on."""
    for _ in range(n):
        def done():
            return twin.ledger.rows("select coalesce(sweep_done, 'epoch') from casebridge.systems where code = %s", name)[0][0]
        before = done()
        wait_for(lambda: done() > before, what=f"a walk over {name}", or_died=[twin.process])


def test_what_waits_keeps_its_number_and_what_was_dropped_stays_so(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="9")
    twin.insert("a", sbh="D2", xm="王五", sfzh=IDS[2], zt="0")
    twin.wait_row("b", "other_no = 'D2'")
    twin.quiet()
    twin.update("a", "D2", zt="9")
    new, _ = wait_parked(twin, system="a", local_id="D1")
    known, _ = wait_parked(twin, system="a", local_id="D2")
    walks(twin, "a", 3)
    assert [r["id"] for r in parked(twin)] == [new["id"], known["id"]], "each walk made new items of the same records"
    for item in (new, known):
        twin.casebridge.run("parked", "drop", item["id"], "--why", "试录", twin.folder)
    walks(twin, "a", 3)
    assert parked(twin) == [], "what a person dropped came back"
    twin.update("a", "D1", zt="8")
    again, _ = wait_parked(twin, system="a", local_id="D1")
    assert again["id"] not in (new["id"], known["id"])
    for number, code in (("D1", "1"), ("D2", "1")):
        twin.update("a", number, zt=code)
        twin.wait_row("b", "other_no = %s", number, zt=code)
    twin.quiet()
    wait_for(lambda: parked(twin) == [], what="nothing parked any more")


def test_a_code_that_is_added_to_the_table(twin):
    """The new table is read at the next start, and what waits is then tried again at a word: its next step says so."""
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="9")
    en, zh = wait_parked(twin, system="a", local_id="D1")
    assert "start casebridge run anew" in en["next"] and "重新启动 casebridge run" in zh["next"]
    walks(twin, "a")
    for name in "ab":
        edit(twin, name, '"4": NOTACCEPTED', '"4": NOTACCEPTED, "9": PREACCEPTED')
    twin.process.signal(15)
    assert twin.process.wait() == 0
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)
    wait_for(lambda: parked(twin) == [], what="nothing parked any more")
    twin.wait_row("b", "other_no = 'D1'", zt="9")
    wait_for(lambda: parked(twin) == [], what="nothing parked any more")


def test_an_id_with_a_bad_check_digit(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=BAD_ID, zt="0")
    others_flow(twin)
    en, zh = wait_parked(twin, system="a", local_id="D1")
    assert en["code"] == "MAP-110" and en["field"] == "applicant.cert_no" and "sfzh" in en["text"]
    log = twin.process.text()
    for text in (en["text"], zh["text"], twin.casebridge.run("parked", "show", en["id"], twin.folder).out, log):
        assert BAD_ID not in text, "personal data is masked"
    original = twin.casebridge.run("parked", "show", en["id"], "--original", twin.folder).out
    assert BAD_ID in original and "张三" in original, "the bytes are kept"
    twin.update("a", "D1", sfzh=IDS[0])
    twin.wait_row("b", "other_no = 'D1'", sfzh=IDS[0])


@pytest.mark.parametrize("line, name, code", [
    ("{ column: xm, max_bytes: 20 }", "阿卜杜热合曼·买买提江", "MAP-105"), ("{ column: xm, charset: GBK }", "张䶮", "MAP-106")], ids=["too long", "not in its charset"])
def test_a_name_the_target_cannot_store(twin, line, name, code):
    edit(twin, "b", "applicant.name: xm", f"applicant.name: {line}")
    twin.start()
    twin.insert("a", sbh="D1", xm=name, sfzh=IDS[0], zt="0")
    others_flow(twin)
    en, zh = wait_parked(twin, system="b")
    assert en["code"] == code and en["field"] == "applicant.name" and "xm" in en["text"]
    assert name not in en["text"] + zh["text"], "personal data is masked"
    shown = twin.casebridge.run("case", "D1", "--lang", "zh", twin.folder).out
    assert code in shown and "→" in shown
    twin.update("a", "D1", xm="张三")
    twin.wait_row("b", "other_no = 'D1'", xm="张三")
    twin.quiet()
    wait_for(lambda: parked(twin) == [], what="nothing parked any more")


def test_text_that_is_no_utf_8(tmp_path, processes, kafka, postgres, new_database, topic_prefix):
    name = new_database().name + "_ascii"
    postgres_db = Database(postgres, "postgres")
    postgres_db.execute(f"create database {name} template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'")
    first = [Database(postgres, name)]
    twin = Twin(tmp_path, processes, kafka, lambda: first.pop() if first else new_database(), topic_prefix)
    twin.start()
    connection = twin.a.connect(client_encoding="SQL_ASCII")
    connection.execute("insert into a_sq (sbh, xm, zt) values ('D1', '".encode() + "张三".encode("gbk") + b"', '0')")
    others_flow(twin)
    en, _ = wait_parked(twin, system="a", local_id="D1")
    assert en["code"] == "PG-030" and en["text"].startswith("record D1 cannot be read: "), en
    assert en["text"].count("cannot be read") == 1, "the reason is told, not the whole message once more"
    kept = twin.casebridge.run("parked", "show", en["id"], "--original", twin.folder).out
    assert r"\xd5\xc5\xc8\xfd" in kept, kept
    connection.execute("update a_sq set xm = '张三' where sbh = 'D1'".encode())
    twin.wait_row("b", "other_no = 'D1'", xm="张三")
    connection.close()
    twin.a.close()
    postgres_db.disconnect()


GARBAGE = {"no JSON": b"hello", "no UTF-8": b'{"t":"OBS","xm":"\xd5\xc5"}', "another thing": b'{"a":[1,2,{}]}', "empty": b"", "deep": b"[" * 5000}


def test_garbage_in_the_topic(twin, kafka, topic_prefix):
    twin.start()
    others_flow(twin, "OK1")
    produce(kafka.bootstrap, f"{topic_prefix}.in.a", *[(b"x", value) for value in GARBAGE.values()])
    others_flow(twin, "OK2", "王五")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.parked where kind = 'message'") == len(GARBAGE), what="all of it parked")
    en, _ = wait_parked(twin, kind="message")
    assert en["code"].startswith(("HUB-001", "BUS-00")) and en["system"] == "a"
    kept = {bytes(row[0] or b"") for row in twin.ledger.rows("select raw from casebridge.parked where kind = 'message'")}
    assert kept == set(GARBAGE.values()), "the bytes are kept"
    twin.quiet()
    # a cursor that is told meanwhile counts too, until it is folded
    wait_for(lambda: {r["lag"] for r in json.loads(twin.casebridge.run("status", "--output", "json", twin.folder).out)} == {"0"}, what="no lag")


def test_a_row_that_vanished_is_a_question_not_a_withdrawal(twin):
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="1")
    twin.wait_row("b", "other_no = 'D1'", zt="1")
    twin.quiet()
    twin.a.execute("delete from a_sq where sbh = 'D1'")
    others_flow(twin)
    en, _ = wait_parked(twin, system="a", local_id="D1")
    assert en["code"] == "HUB-004"
    twin.quiet()
    row = twin.row("b", "other_no = 'D1'")
    assert row["xm"] == "张三" and row["zt"] == "1", "nothing was changed elsewhere"


def test_what_a_person_decides_about_a_row_that_vanished(twin):
    for name in "ab":
        file = twin.folder / "systems" / f"{name}.yaml"
        file.write_text(file.read_text().replace('"4": NOTACCEPTED', '"4": NOTACCEPTED, "5": WITHDRAWN'))
    twin.start()
    for n in (1, 2):
        twin.insert("a", sbh=f"D{n}", xm="张三", sfzh=IDS[n], zt="1")
        twin.wait_row("b", f"other_no = 'D{n}'", zt="1")
    twin.quiet()
    twin.b.execute("delete from b_sq where other_no = 'D1'")
    item = wait_parked(twin, system="b")[0]
    shown = json.loads(twin.casebridge.run("parked", "show", item["id"], "--output", "json", twin.folder).out)
    assert f"rewrite {item['id']}" in shown["deeds_en"] and f"withdraw {item['id']}" in shown["deeds_zh"]
    twin.casebridge.run("parked", "rewrite", item["id"], "--why", "误删", twin.folder)
    twin.wait_row("b", "other_no = 'D1'", zt="1")
    twin.quiet()
    twin.a.execute("delete from a_sq where sbh = 'D2'")
    item = wait_parked(twin, system="a", local_id="D2")[0]
    twin.casebridge.run("parked", "withdraw", item["id"], "--why", "申请人撤回", twin.folder)
    twin.wait_row("b", "other_no = 'D2'", zt="5")
    # a row that comes back closes its item by itself
    twin.a.execute("delete from a_sq where sbh = 'D1'")
    item = wait_parked(twin, system="a", local_id="D1")[0]
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[1], zt="1")
    wait_for(lambda: twin.ledger.value(f"select status from casebridge.parked where id = {item['id']}") == "superseded", what="the item closed")


def test_many_rows_that_vanish_are_one_item(twin):
    twin.start()
    for n in range(30):
        twin.insert("a", sbh=f"D{n}", xm="张三", sfzh=IDS[0], zt="1")
    wait_for(lambda: twin.b.value("select count(*) from b_sq") == 30, what="all rows")
    twin.quiet()
    twin.a.execute("create table away as select * from a_sq")
    twin.a.execute("truncate a_sq")
    wait_parked(twin, system="a", code="HUB-027")
    wait_for(lambda: twin.ledger.value("select counters->>'missing' from casebridge.systems where code = 'a'") == "30", what="all of them missed")
    assert twin.ledger.value("select count(*) from casebridge.parked where kind = 'vanished'") == 21, "twenty, and one for all"
    status = {r["system"]: r for r in json.loads(twin.casebridge.run("status", "--output", "json", twin.folder).out)}
    assert status["a"]["guard"] == "vanished"
    twin.a.execute("insert into a_sq select * from away")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.parked where status = 'open'") == 0, what="every item closed by itself")


# ---- the portal ----

@pytest.fixture
def yuan(tmp_path, processes, kafka, new_database, portal, topic_prefix):
    return Yuan(tmp_path, processes, kafka, new_database, portal, topic_prefix)


def enter(yuan, sbh, name, number):
    yuan.department.execute("insert into ydz_sq (sbh, xm, xb, sfzh, zt) values (%s, %s, '男', %s, 0)", sbh, name, number)


@pytest.mark.parametrize("fault, code", [({"kind": "html"}, "HTTP-003"), ({"kind": "error", "status": 500}, "HTTP-003")], ids=["html with 200", "500"])
def test_a_portal_that_answers_nonsense(yuan, fault, code):
    yuan.start()
    projid, pwd = yuan.apply("张建国", IDS[0])
    yuan.wait_row("sfzh = %s", IDS[0])
    yuan.quiet()
    yuan.portal.control("/faults", {"path": "/case/*", **fault})
    line = both_languages(yuan.casebridge.run, code, "check", "portal", yuan.folder, expect=69)
    assert "portal" in line or "127.0.0.1" in line
    yuan.process.wait_for_log(f"tag={code} proc=connector:portal")
    yuan.department.execute("update ydz_sq set lxdh = '13900000077' where sfzh = %s", IDS[0])
    wait_for(lambda: yuan.ledger.value("select count(*) from casebridge.links l join casebridge.systems s on s.id = l.sys where s.code = 'portal'"
                                       " and (l.due or l.inflight is not null)"), what="the department flows on, the portal's change waits")
    assert IDS[0] not in yuan.process.text() and "13900000077" not in yuan.process.text()
    yuan.portal.control("/faults", method="DELETE")
    yuan.wait_portal(projid, pwd, timeout=40, APPLICANTMOBILE="13900000077")


def test_a_wrong_secret_of_the_portal(yuan, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "portal.secret").write_text("not-the-secret")
    (wrong / "portal.secret").chmod(0o600)
    right = yuan.casebridge.env["CASEBRIDGE_SECRETS"]
    yuan.casebridge.env["CASEBRIDGE_SECRETS"] = str(wrong)
    both_languages(yuan.casebridge.run, "HTTP-005", "check", "portal", yuan.folder, expect=69)
    yuan.start()
    yuan.process.wait_for_log("HTTP-005")
    assert "not-the-secret" not in yuan.process.text()
    projid, pwd = yuan.apply("张建国", IDS[0])
    (wrong / "portal.secret").write_text((yuan.portal.secret_file).read_text())
    assert right != str(wrong)
    yuan.process.signal(15)
    assert yuan.process.wait() == 0
    yuan.process = yuan.casebridge.start("casebridge", "run", yuan.folder)
    yuan.wait_row("sfzh = %s", IDS[0], xm="张建国")


# ---- servers ----

def test_a_wrong_password_of_a_database(twin, postgres):
    role = f"clerk_{twin.a.name}"
    twin.a.execute(f"create role {role} login superuser password 'right-one'")
    rules = postgres.folder / "data/pg_hba.conf"
    text = rules.read_text()
    rules.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n{text}")
    twin.a.execute("select pg_reload_conf()")
    try:
        dsn = re.sub(r"host=\S+", "host=127.0.0.1", twin.a.dsn)
        dsn = re.sub(r"user=\S+", f"user={role}", dsn)
        assert role in dsn
        edit(twin, "a", twin.a.dsn, f"{dsn} password=wrong-one")
        line = both_languages(twin.casebridge.run, "BASE-010", "check", "a", twin.folder, expect=69)
        assert "password" in line and "wrong-one" not in line
        twin.start()
        twin.process.wait_for_log("BASE-010")
        twin.insert("b", sbh="P1", xm="李四", sfzh=IDS[1], zt="0")
        wait_for(lambda: twin.ledger.value("select count(*) from casebridge.cases") == 1, what="the other system is read", or_died=[twin.process])
        assert "wrong-one" not in twin.process.text()
        twin.a.execute(f"alter role {role} password 'wrong-one'")
        twin.wait_row("a", "other_no = 'P1'", xm="李四")
    finally:
        rules.write_text(text)
        twin.a.execute("select pg_reload_conf()")
        twin.a.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'")


def test_a_ledger_that_is_not_there_or_newer(twin):
    run = twin.casebridge.run
    both_languages(run, "HUB-022", "status", twin.folder, expect=78)
    run("ledger", "migrate", twin.folder)
    run("topics", "apply", twin.folder)
    twin.ledger.execute("insert into casebridge.migrations (version, name) values (99, 'from the future')")
    for words in (["status"], ["ledger", "migrate"], ["parked", "list"], ["bridge"]):
        line = both_languages(run, "HUB-020", *words, twin.folder, expect=78) if words != ["bridge"] else run(*words, twin.folder, expect=78).err
        assert "99" in line
    assert twin.ledger.value("select count(*) from casebridge.systems") == 0, "nothing was written"


def test_a_bridge_waits_for_its_ledger(twin):
    """It was started before the ledger was made, or migrated: it goes on when that is done."""
    twin.casebridge.run("topics", "apply", twin.folder)
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)
    twin.process.wait_for_log("HUB-022")
    line = both_languages(twin.casebridge.run, "HUB-022", "status", twin.folder, expect=78)
    assert "goes on by itself" in line
    twin.casebridge.run("ledger", "migrate", twin.folder)
    others_flow(twin)


def test_servers_that_are_not_there(twin):
    site = twin.folder / "site.yaml"
    text = site.read_text()
    run = twin.casebridge.run
    site.write_text(re.sub(r'dsn: ".*?"', 'dsn: "host=127.0.0.1 port=1 dbname=x"', text))
    both_languages(run, "BASE-010", "status", twin.folder, expect=69)
    site.write_text(re.sub(r'bootstrap.servers: ".*?"', 'bootstrap.servers: "127.0.0.1:1"', text))
    assert "BUS-009" in run("topics", "check", twin.folder, expect=69).err
    run("ledger", "migrate", twin.folder)
    rows = json.loads(run("status", "--output", "json", twin.folder, timeout=10, expect=1).out)
    assert {r["lag"] for r in rows} == {None} and {r["state"] for r in rows} == {"new"}


def test_a_topic_that_is_missing(twin, kafka, topic_prefix):
    run = twin.casebridge.run
    run("ledger", "migrate", twin.folder)
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)
    twin.process.wait_for_log("BUS-005")
    line = both_languages(run, "BUS-005", "topics", "check", twin.folder, expect=1)
    assert f"{topic_prefix}." in line and "casebridge topics apply" in line
    assert not [t for t in topic_names(kafka.bootstrap) if t.startswith(topic_prefix)], "nobody makes topics by accident"
    run("topics", "apply", twin.folder)
    others_flow(twin)


# ---- the command line ----

def test_an_order_nobody_takes(twin):
    run = twin.casebridge.run
    run("ledger", "migrate", twin.folder)
    run("topics", "apply", twin.folder)
    both_languages(run, "CLI-005", "system", "pause", "b", "--wait", "1", twin.folder, expect=75)


WRONG = [
    (["statu"], "CLI-007"), (["fly"], "CLI-006"), (["status", "--outptu=json"], "CLI-009"), (["status", "--output", "xml"], "CLI-010"),
    (["case", "--site"], "CLI-011"), (["system", "live", "nobody"], "CLI-003"), (["parked", "show", "x"], "CLI-014"),
    (["parked", "drop", "1"], "CLI-013"), (["case", "1", "2", "3"], "CLI-012"),
    (["reconcile", "a", "--day", "2024-13-01"], "CLI-077"), (["reconcile", "a", "--day", "2023-02-29"], "CLI-077"),
    (["reconcile", "a", "--day", "2024-00"], "CLI-077"), (["reconcile", "a", "--day", "abc"], "CLI-077"), (["reconcile", "a", "--settle", "soon"], "CLI-077"),
    (["reconcile", "a", "--also", "R99"], "CLI-077"), (["parked", "retry", "1", "--wait", "long"], "CLI-077"), (["reconcile", "a", "--day"], "CLI-011"),
    (["reconcile", "a", "--all", "--day", "2024-02-29"], "CLI-078"),
    (["ledger", "bogus"], "CLI-079"), (["topics", "destroy"], "CLI-079"), (["conflicts", "x"], "CLI-079"), (["schema", "x"], "CLI-079"),
    (["parked", "lst"], "CLI-080"), (["system", "lve", "a"], "CLI-080"), (["match", "fnd", "a"], "CLI-080"), (["reference", "error"], "CLI-080"),
    (["topics"], "CLI-081"), (["ledger"], "CLI-081"), (["case"], "CLI-081"), (["system", "live"], "CLI-081"), (["map"], "CLI-081"), (["connector"], "CLI-081")]


@pytest.mark.parametrize("words, code", WRONG, ids=[" ".join(w[0]) for w in WRONG])
def test_a_wrong_call(paper, words, code):
    paper.casebridge.env["CASEBRIDGE_SITE"] = str(paper.folder)
    line = both_languages(paper.casebridge.run, code, *words, expect=2)
    assert code not in ("CLI-079", "CLI-080") or f"'{words[1]}'" in line


def test_what_was_meant_is_said(paper):
    for words, near in ((["parked", "lst"], "list"), (["system", "lve", "a"], "live"), (["parked", "--all", "lst"], "list")):
        assert f"did you mean '{near}'?" in paper.casebridge.run(*words, "--lang", "en", paper.folder, expect=2).err
    told = paper.casebridge.run("topics", "--lang", "en", paper.folder, expect=2).err
    assert "plan|apply|check" in told.splitlines()[0]
    assert "plan, apply, check" in paper.casebridge.run("topics", "destroy", "--lang", "en", paper.folder, expect=2).err


@pytest.mark.parametrize("words", [["map"], ["topics"], ["topics", "destroy"], ["ledger"], ["system", "live"], ["case"], ["parked", "show"], ["conflicts", "x"],
                                   ["schema", "x"], ["reference"], ["connector"]], ids=" ".join)
def test_a_call_that_lacks_something_shows_how(paper, words):
    done = paper.casebridge.run(*words, "--site", paper.folder, expect=2)
    assert not done.out
    assert HAN.search(paper.casebridge.run(*words, "--site", paper.folder, "--lang", "zh", expect=2).err)
    helped = paper.casebridge.run(words[0], "--help")
    assert done.err.endswith(helped.out) and helped.out and not helped.err


def test_help_names_every_verb(paper):
    run = paper.casebridge.run
    text = run("--help").out
    verbs = re.findall(r"^  (\S+)", text, re.M)
    assert len(verbs) > 12 and run("help", "case").out == run("case", "--help").out
    assert all(HAN.search(run(verb, "--help", "--lang", "zh").out) for verb in verbs)
    assert run(expect=2).err == text


def raw_of(twin, item):
    return bytes(twin.ledger.value("select raw from casebridge.parked where id = %s", int(item["id"]))).decode()


def test_a_number_that_no_index_can_hold(twin):
    twin.a.execute("alter table a_sq alter sbh type text, drop constraint a_sq_pkey")
    twin.start()
    twin.a.execute("insert into a_sq (sbh, xm, zt) select string_agg(md5(n::text), ''), '李四', '0' from generate_series(1, 400) n")
    twin.insert("a", sbh="GOOD1", xm="张三", zt="0")
    twin.wait_row("b", "xm = %s", "张三")
    en, _ = wait_parked(twin, system="a", code="HUB-026")
    assert "12800" in en["text"] and "李四" in raw_of(twin, en)
    assert twin.row("b", "xm = %s", "李四") is None


def test_what_the_ledger_refuses_is_found_and_parked(twin):
    """One record that the ledger will not take: found among the others, parked with its bytes, and the rest goes on."""
    twin.casebridge.run("ledger", "migrate", twin.folder)
    twin.ledger.execute("alter table casebridge.links add constraint never check (lid <> 'BAD1')")
    twin.a.execute("begin; " + "".join(
        f"insert into a_sq (sbh, xm, zt) values ('{number}', '{name}', '0'); "
        for number, name in [("GOOD1", "张三"), ("BAD1", "李四"), ("GOOD2", "王五")]) + "commit")
    twin.start()
    for name in ("张三", "王五"):
        twin.wait_row("b", "xm = %s", name)
    en, _ = wait_parked(twin, system="a", code="HUB-025")
    assert en["local_id"] == "BAD1" and "never" in en["text"] and "李四" in raw_of(twin, en)
    assert twin.row("b", "xm = %s", "李四") is None
    # what comes later is no matter of what was parked, and once the ledger takes it the record is read again
    twin.update("a", "GOOD1", dz="皖西路1号")
    twin.wait_row("b", "xm = %s", "张三", dz="皖西路1号")
    twin.ledger.execute("alter table casebridge.links drop constraint never")
    twin.wait_row("b", "xm = %s", "李四")
    wait_for(lambda: not [r for r in parked(twin) if r["status"] == "open"], what="nothing parked", or_died=[twin.process])


def test_a_command_that_waited_and_that_the_ledger_refuses_is_found_and_parked(twin):
    """Not a record but what a link that waits would be sent: the same, and the others get theirs."""
    twin.start()
    for number, name in [("W1", "张三"), ("W2", "李四"), ("W3", "王五")]:
        twin.insert("a", sbh=number, xm=name, zt="0")
        twin.wait_row("b", "xm = %s", name)
    twin.quiet()
    twin.casebridge.run("system", "pause", "b", twin.folder)
    for number in ("W1", "W2", "W3"):
        twin.update("a", number, dz="皖西路1号")
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.links where due") == 3, what="three wait", or_died=[twin.process])
    other = twin.row("b", "xm = %s", "李四")["sbh"]
    twin.ledger.execute(f"alter table casebridge.links add constraint never check (lid <> '{other}' or inflight is null)")
    twin.casebridge.run("system", "live", "b", twin.folder)
    for name in ("张三", "王五"):
        twin.wait_row("b", "xm = %s", name, dz="皖西路1号")
    en, _ = wait_parked(twin, system="b", code="HUB-025")
    assert en["local_id"] == other and "never" in en["text"]
    twin.ledger.execute("alter table casebridge.links drop constraint never")
    twin.casebridge.run("parked", "retry", en["id"], twin.folder)
    twin.wait_row("b", "xm = %s", "李四", dz="皖西路1号")


def test_a_case_from_before_a_system_that_the_ledger_refuses_is_parked(twin, new_database):
    """A system joins, and of one of the cases that were there the ledger will not take the link: the others get theirs."""
    twin.start()
    for number, name in [("O1", "张三"), ("O2", "李四"), ("O3", "王五")]:
        twin.insert("a", sbh=number, xm=name, zt="0")
        twin.wait_row("b", "xm = %s", name)
    twin.quiet()
    twin.process.stop()
    twin.join("c", "三系统", new_database())
    cid = twin.ledger.value("select cid from casebridge.links where lid = 'O2'")
    twin.ledger.execute(f"alter table casebridge.links add constraint never check (cid <> '{cid}' or rec <> 'application' or sys < 3)")
    twin.casebridge.run("topics", "apply", twin.folder)
    twin.process = twin.casebridge.start("casebridge", "run", twin.folder)
    for name in ("张三", "王五"):
        twin.wait_row("c", "xm = %s", name)
    en, _ = wait_parked(twin, system="c", code="HUB-025")
    assert "never" in en["text"]
    twin.insert("a", sbh="O4", xm="赵六", zt="0")
    twin.wait_row("c", "xm = %s", "赵六")
    assert twin.row("c", "xm = %s", "李四") is None
    twin.ledger.execute("alter table casebridge.links drop constraint never")
    twin.casebridge.run("parked", "retry", en["id"], twin.folder)
    twin.wait_row("c", "xm = %s", "李四")
