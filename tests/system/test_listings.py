"""What the verbs print: times of the site's zone, tables that fit the terminal, and everything in JSON and CSV."""

import csv
import io
import json
import re

import pytest

from support.casebridge import SANITIZER
from support.paths import CASEBRIDGE, SOURCE
from support.terminal import run_on_terminal, width
from support.twin import Twin

CID = "01890a5d-ac96-774b-bcce-b302099a8057"
TEXT = ("column xm: the text of a name that is much longer than the column of the other system takes, so it was not sent",
        "列 xm：姓名文本超过对方系统该列允许的长度，因此没有发送，请窗口人员核对姓名是否录入有误")
NEXT = ("correct it in the system it came from; it is sent again by itself", "请在来源系统中更正，更正后会自动重新发送")
AT = "2026-01-31 20:30:59.9+00"
LOCAL, RFC = "2026-02-01 04:30:59 +08:00", "2026-02-01T04:30:59+08:00"

ROWS = f"""
insert into casebridge.systems (code, state, epoch, last_contact) values ('a', 'live', 3, '{AT}'), ('b', 'live', 4, '{AT}');
insert into casebridge.cases (cid, ver, doc, fver, had, created_at, updated_at) values ('{CID}', 2, '{{"dept_case_no":"YDZ2018070200017","status":"ACCEPTED","applicant":{{"name":"张三"}}}}', '{{}}', '{{}}', '{AT}', '{AT}');
insert into casebridge.links (cid, sys, rec, lid, state, shadow, held) select '{CID}', id, 'application', 'NUMBER-IN-' || upper(code), 'parked', '{{}}', '{{}}'
  from casebridge.systems order by code;
insert into casebridge.history values ('{CID}', 1, 1, '{{}}', 1, '{AT}'),
  ('{CID}', 2, 2, '{{"applicant.address":["六安市裕安区鼓楼街道云路社区大别山路二十二号", "六安市裕安区小华山街道梅山南路一百一十八号之三单元"]}}', 2, '{AT}');
insert into casebridge.parked (sys, cid, rec, lid, kind, raw, code, place, text_en, text_zh, next_en, next_zh, topic, pos, at, status)
  select 2, '{CID}', 'application', 'NUMBER-IN-B', 'out', 'raw', 'MAP-105', 'applicant.name', '{TEXT[0]}', '{TEXT[1]}', '{NEXT[0]}', '{NEXT[1]}', 't.in.a', 17, '{AT}', s
  from unnest(array['open', 'delivered']) s;
insert into casebridge.conflicts (cid, sys, kind, place, win, lose, topic, pos, at, status)
  select '{CID}', 2, 'lost', 'item.name', '"老年人优待证办理（首次申领，含换领补领）"', '"老年人优待证"', 't.in.b', 9, '{AT}', s from unnest(array['open', 'resolved']) s;
"""


class Nowhere:
    """A database or a broker that nobody asks."""
    dsn = "host=127.0.0.1 port=1 dbname=nowhere"
    bootstrap = "127.0.0.1:1"

    @staticmethod
    def execute(*_):
        pass


@pytest.fixture
def twin(tmp_path, processes, database):
    """Only the ledger is there, with what a bridge would have written."""
    databases = [Nowhere, Nowhere, database]
    twin = Twin(tmp_path, processes, Nowhere, lambda: databases.pop(0), "listings")
    twin.casebridge.run("ledger", "migrate", twin.folder)
    twin.ledger.execute(f"alter database {twin.ledger.name} set timezone = 'America/New_York'")
    twin.ledger.execute(ROWS)
    return twin


def as_json(twin, *words):
    return json.loads(twin.casebridge.run(*words, "--output", "json", twin.folder).out)


def as_csv(twin, *words):
    return list(csv.DictReader(io.StringIO(twin.casebridge.run(*words, "--output", "csv", twin.folder).out)))


# ---- times ----

# Nobody is at work here, which status says with its exit code.
CODE = {"status": 1}
LISTS = [["status"], ["case", "NUMBER-IN-A"], ["parked", "list"], ["parked", "show", "1"], ["conflicts", "list"], ["conflicts", "show", "1"]]


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_times_are_of_the_site_s_zone(twin, words):
    """The session's zone is another one."""
    for lang in ("en", "zh"):
        people = twin.casebridge.run(*words, "--lang", lang, twin.folder, expect=CODE.get(words[0], 0)).out
        assert LOCAL in people and re.findall(r"\d\d:\d\d:\d\d \S*", people) == [LOCAL[11:]] * people.count(LOCAL), people
    for output in ("json", "csv"):
        program = twin.casebridge.run(*words, "--output", output, twin.folder, expect=CODE.get(words[0], 0)).out
        assert RFC in program and re.findall(r"\d\d:\d\d:\d\d[^\",\r\n]*", program) == [RFC[11:]] * program.count(RFC), program


def test_the_zone_is_the_site_s_file_s(twin):
    site = twin.folder / "site.yaml"
    site.write_text(site.read_text() + "timezone: Asia/Kathmandu\n")
    assert as_json(twin, "parked", "list")[0]["at"] == "2026-02-01T02:15:59+05:45"
    assert "2026-02-01 02:15:59 +05:45" in twin.casebridge.run("status", twin.folder, expect=1).out


# ---- records that are no case yet ----

def test_a_record_that_waits_is_found_by_its_number(twin):
    """It was read and is no case yet."""
    twin.ledger.execute("insert into casebridge.parked (sys, rec, lid, kind, code, place, text_en, text_zh, next_en, next_zh, topic, pos, at)"
                        f" values (1, 'application', 'NEW-7', 'in', 'MAP-101', 'status', 'a', '甲', 'b', '乙', 't.in.a', 18, '{AT}')")
    en = twin.casebridge.run("case", "NEW-7", "--lang", "en", twin.folder, expect=1).err
    zh = twin.casebridge.run("case", "NEW-7", "--lang", "zh", twin.folder, expect=1).err
    assert re.match("CLI-084 record NEW-7 of system a was read and waits as item 3.* → .*casebridge parked show 3", en), en
    assert re.match("CLI-084 系统 a 的记录 NEW-7 已读取，.*事项 3", zh), zh
    assert twin.casebridge.run("case", "NOBODY", twin.folder, expect=1).err.startswith("CLI-004 ")


def test_a_refused_new_record_is_known_by_another_system_s_number(twin):
    """The system that refused it has given it no number."""
    twin.ledger.execute("update casebridge.parked set lid = ''")
    assert as_json(twin, "parked", "list")[0]["case_no"] == "YDZ2018070200017" and as_json(twin, "parked", "list")[0]["local_id"] == ""
    twin.ledger.execute("update casebridge.cases set doc = '{}'")
    assert as_json(twin, "parked", "list")[0]["case_no"] == "NUMBER-IN-A"
    assert " (NUMBER-IN-A) " in twin.casebridge.run("parked", "list", twin.folder).out
    assert re.search("^case_no +NUMBER-IN-A$", twin.casebridge.run("parked", "show", "1", "--lang", "en", twin.folder).out, re.M)


# ---- everything for programs ----

def test_programs_get_all_of_a_parked_item(twin):
    expected = {"id": "1", "system": "b", "record": "application", "local_id": "NUMBER-IN-B", "case_id": CID, "case_no": "YDZ2018070200017", "kind": "out", "code": "MAP-105",
                "field": "applicant.name", "text": TEXT[0], "next": NEXT[0], "status": "open", "topic": "t.in.a", "position": "17", "at": RFC, "tries": "0",
                "resolved_at": None, "resolved_by": None, "resolution": ""}
    assert as_json(twin, "parked", "list") == [expected]
    shown = {**expected, "text_en": TEXT[0], "text_zh": TEXT[1], "next_en": NEXT[0], "next_zh": NEXT[1], "now": "张*", "case_version": "2"}
    deeds = as_json(twin, "parked", "show", "1")
    assert "parked correct 1" in deeds["deeds_en"] and "更正" in deeds["deeds_zh"]
    shown |= {k: deeds[k] for k in ("deeds_en", "deeds_zh")}
    assert deeds == shown
    assert as_json(twin, "parked", "show", "1", "--reveal") == {**shown, "now": "张三"}
    assert as_csv(twin, "parked", "list") == [{k: v or "" for k, v in expected.items()}]
    assert as_json(twin, "parked", "show", "1", "--original") == {**shown, "original": "raw"}
    assert [r["status"] for r in as_json(twin, "parked", "list", "--all")] == ["open", "delivered"]
    assert as_json(twin, "parked", "list", "--lang", "zh")[0]["text"] == TEXT[1]


def test_programs_get_all_of_a_conflict(twin):
    expected = {"id": "1", "case_no": "YDZ2018070200017", "system": "b", "kind": "lost", "field": "item.name",
                "kept": '"老年人优待证办理（首次申领，含换领补领）"', "lost": '"老年人优待证"', "status": "open", "at": RFC, "case_id": CID, "topic": "t.in.b",
                "position": "9", "resolved_at": None, "resolved_by": None, "resolution": ""}
    assert as_json(twin, "conflicts", "list") == [expected]
    shown = as_json(twin, "conflicts", "show", "1")
    assert "--take" in shown["next_en"] and "--keep" in shown["next_zh"]
    assert shown == {**expected, "now": None, "case_version": "2", **{k: shown[k] for k in ("next_en", "next_zh")}}
    assert as_csv(twin, "conflicts", "list") == [{k: v or "" for k, v in expected.items()}]
    assert [r["status"] for r in as_json(twin, "conflicts", "list", "--all")] == ["open", "resolved"]


def test_the_original_is_for_people_too(twin):
    shown = twin.casebridge.run("parked", "show", "1", "--original", twin.folder).out
    assert re.search(r"^original +raw$", shown, re.M), shown
    assert "raw" not in twin.casebridge.run("parked", "show", "1", twin.folder).out


def test_an_item_that_was_settled_is_told_as_that(twin):
    """And by which open one, when its record has one."""
    def told(item, lang="en"):
        return twin.casebridge.run("parked", "retry", item, "--lang", lang, twin.folder, expect=1).err
    twin.ledger.execute("update casebridge.parked set status = 'superseded' where id = 2")
    assert re.match("CLI-082 item 2 was superseded by item 1, ", told(2)) and re.match("CLI-082 事项 2 已被事项 1 取代", told(2, "zh"))
    twin.ledger.execute("update casebridge.parked set status = 'retried' where id = 1")
    assert re.match("CLI-083 item 2 is settled: superseded ", told(2)) and re.match("CLI-083 事项 2 已处理：已被取代", told(2, "zh"))
    assert told(1).startswith("CLI-083 item 1 is settled: retried ") and told(99).startswith("CLI-002 ")


# ---- people's terminals ----

def on_terminal(twin, columns, *words, env=None):
    # what is said on stderr is not laid out
    code, shown = run_on_terminal(["sh", "-c", 'exec "$0" "$@" 2> /dev/null', CASEBRIDGE, *words, twin.folder], columns, env={"LC_ALL": "C.UTF-8", **SANITIZER, **(env or {})}, cwd=SOURCE)
    assert code == CODE.get(words[0], 0), shown
    return shown


def squeezed(text):
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("columns, lang", [(50, "zh"), (80, "en"), (80, "zh"), (132, "en")])
def test_nothing_is_wider_than_the_terminal(twin, columns, lang):
    texts = {"parked": [TEXT[lang == "zh"], NEXT[lang == "zh"], "MAP-105", LOCAL], "conflicts": ["老年人优待证办理（首次申领，含换领补领）", LOCAL],
             "case": ["NUMBER-IN-A", "NUMBER-IN-B", TEXT[lang == "zh"], LOCAL], "status": [LOCAL]}
    for words in LISTS:
        shown = on_terminal(twin, columns, *words, "--lang", lang)
        assert max(width(line) for line in shown.splitlines()) <= columns, shown
        for text in texts[words[0]]:
            assert squeezed(text) in squeezed(shown), (text, shown)


def test_a_wide_terminal_shows_a_row_on_a_line(twin):
    for words in LISTS:
        if words[0] != "case" and "show" not in words:
            assert on_terminal(twin, 400, *words) == twin.casebridge.run(*words, twin.folder, expect=CODE.get(words[0], 0)).out


def test_what_is_shortened_says_so(twin):
    shown = on_terminal(twin, 72, "parked", "list", "--lang", "en")
    head, row = shown.splitlines()[:2]
    assert head.split() == ["id", "system", "local_id", "kind", "code", "field", "at"]
    assert "…" in row and "MAP-105" in row and LOCAL in row, "the code and the time are kept, what is cut ends in …"
    assert re.search(r"^    text: column xm", shown, re.M) and re.search(r"^    next: correct it", shown, re.M)


def test_columns_goes_before_what_the_terminal_says(twin):
    assert max(width(line) for line in on_terminal(twin, 400, "parked", "list", env={"COLUMNS": "70"}).splitlines()) <= 70


def test_people_get_words_and_programs_what_the_ledger_says(twin):
    """Kinds and states of every list are in the language that was asked for."""
    def shown(*words):
        return twin.casebridge.run(*words, "--lang", "zh", twin.folder).out
    assert " 发送 " in shown("parked", "list") and " 未采用 " in shown("conflicts", "list") and " 未采用\n" in shown("conflicts", "show", "1")
    assert " 待处理 " in shown("parked", "list", "--all") and " 已送达 " in shown("parked", "list", "--all")
    assert re.search("^类别 +发送$", shown("parked", "show", "1"), re.M) and re.search("^状态 +待处理$", shown("parked", "show", "1"), re.M)
    assert as_json(twin, "parked", "list", "--lang", "zh")[0]["kind"] == "out" and as_json(twin, "conflicts", "list", "--lang", "zh")[0]["kind"] == "lost"
    kinds = ["in", "out", "refused", "unknown", "vanished", "duplicate", "message", "ask"]
    lost = ["lost", "ownership", "initial", "suspect", "rewritten", "deviation"]
    settled = ["open", "superseded", "delivered", "dropped", "retried", "corrected", "withdrawn", "rewritten", "taken", "kept"]
    for table, column, words in (("parked", "kind", kinds), ("conflicts", "kind", lost), ("parked", "status", settled), ("conflicts", "status", settled)):
        for word in words:
            twin.ledger.execute(f"update casebridge.{table} set {column} = '{word}'")
            assert not re.search(rf"(?<![\w-]){word}(?![\w-])", shown(table, "list", "--all")), (table, word)


def test_a_pipe_gets_whole_lines(twin):
    twin.casebridge.env["COLUMNS"] = "40"
    lines = twin.casebridge.run("parked", "list", twin.folder).out.splitlines()
    assert len(lines) == 2 and TEXT[0] in lines[1] and NEXT[0] in lines[1]


def test_what_was_typed_into_a_system_does_not_move_the_cursor(twin):
    twin.ledger.execute("update casebridge.links set lid = E'N\\x1b[2J\\nX' where lid = 'NUMBER-IN-A'")
    shown = twin.casebridge.run("case", "NUMBER-IN-B", twin.folder).out
    assert "\x1b" not in shown and "N\uFFFD[2J X" in shown
    assert "N\x1b[2J\nX" in [link["local_id"] for link in as_json(twin, "case", "NUMBER-IN-B")[0]["links"]], "programs get what is there"
