"""First contact: two systems that held the same cases before they met are compared, reviewed by people, and then bridged without doubles."""

import json

import pytest

from support.topics import read_topic
from support.twin import Twin
from support.waiting import wait_for

IDS = ["341599195003070014", "341599195202290028", "341599196808150032", "341599198512310040", "341599199001010059", "341599197706060129"]
MAPPED = "      applied_at: { column: slsj, as: \"time %Y-%m-%d %H:%M:%S\" }\n"


@pytest.fixture
def twin(tmp_path, processes, kafka, new_database, topic_prefix):
    """Both systems on trial, and each knows the day of application."""
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    for name in "ab":
        file = twin.folder / "systems" / f"{name}.yaml"
        text = file.read_text().replace("start_live: true\n", "")
        file.write_text(text.replace("      applicant.mobile:", MAPPED + "      applicant.mobile:"))
    return twin


def ask(twin, *words, **more):
    return json.loads(twin.casebridge.run(*words, "--output", "json", twin.folder, **more).out)


def years_of_cases(twin):
    """The same cases in both, each under its own number; what each side made of them."""
    def both(n, who, name, day, b_name=None, b_phone=None, **more):
        phone = f"1390000000{n}"
        twin.insert("a", sbh=f"D{n}", xm=name, sfzh=IDS[who], lxdh=phone, zt="1", slsj=day, **more)
        twin.insert("b", sbh=f"P{n}", xm=b_name or name, sfzh=IDS[who], lxdh=b_phone or phone, zt="1", slsj=day)
    both(1, 0, "张三", "2018-07-02 09:05:00")
    both(2, 1, "欧阳小明", "2018-07-03 10:00:00", b_name="欧阳晓明")  # a slip in the name
    both(3, 2, "李四", "2018-07-04 11:00:00", b_phone="13811111111")
    # the renewal was typed in a only, the old case in both
    both(4, 3, "王五", "2016-05-05 08:00:00", zzbh="Z-2016")
    twin.insert("a", sbh="D5", xm="王五", sfzh=IDS[3], lxdh="13900000004", zt="1", slsj="2018-09-20 08:00:00", zzbh="Z-2018")
    # typed three days later in b: likely
    twin.insert("a", sbh="D6", xm="赵六", sfzh=IDS[4], lxdh="13900000006", zt="1", slsj="2018-08-01 08:00:00")
    twin.insert("b", sbh="P6", xm="赵六", sfzh=IDS[4], lxdh="13900000006", zt="0", slsj="2018-08-04 08:00:00")
    # one on each side only, of one name
    twin.insert("a", sbh="D7", xm="钱七", sfzh=IDS[5], lxdh="13900000007", zt="0", slsj="2018-08-05 08:00:00")
    twin.insert("b", sbh="P8", xm="钱七", sfzh="341599198512310040", lxdh="13900000008", zt="0", slsj="2018-08-05 08:00:00")


def seen(twin, records):
    wait_for(lambda: twin.ledger.value("select count(*) from casebridge.links where lid is not null") == records, what="all records read",
             or_died=[twin.process])


def pairs(twin, name="a", *more):
    return {(p["local_id"], p["other_id"]): p for p in ask(twin, "match", "list", name, *more)}


def everything(twin):
    return {name: sorted(twin.__dict__[name].rows(f"select sbh, other_no, xm, sfzh, lxdh, zt, zzbh from {name}_sq")) for name in "ab"}


def test_cases_typed_twice_become_one(twin, kafka, topic_prefix):
    years_of_cases(twin)
    before = everything(twin)
    twin.start()
    seen(twin, len(before["a"]) + len(before["b"]))

    refused = twin.casebridge.run("system", "live", "b", twin.folder, expect=1)
    assert refused.err.startswith("CLI-064"), refused.err
    preview = ask(twin, "match", "find", "a", "--preview")
    assert (preview["records"], preview["others"]) == ("7", "6") and pairs(twin) == {}
    found = ask(twin, "match", "find", "a")
    assert (found["certain"], found["likely"]) == ("4", "1"), found
    proposed = pairs(twin)
    assert {k: p["verdict"] for k, p in proposed.items()} == {
        ("D1", "P1"): "certain", ("D2", "P2"): "certain", ("D3", "P3"): "certain", ("D4", "P4"): "certain", ("D6", "P6"): "likely"}
    assert "applicant.name~" in proposed["D2", "P2"]["why"] and "张" not in proposed["D1", "P1"]["name"][1:]
    shown = {f["field"]: f for f in ask(twin, "match", "show", proposed["D2", "P2"]["id"], "--reveal")}
    assert (shown["applicant.name"]["record"], shown["applicant.name"]["other"]) == ("欧阳小明", "欧阳晓明")
    csv = twin.casebridge.run("match", "list", "a", "--output", "csv", twin.folder).out
    assert csv.startswith("id,verdict,weight,system,local_id") and len(csv.splitlines()) == 6

    # who looks, decides, with a reason; nothing is bound before
    assert twin.casebridge.run("match", "accept", "a", "--verdict", "certain", twin.folder, expect=2).err.startswith("CLI-013")
    assert twin.casebridge.run("match", "accept", "a", "--verdict", "likely", "--why", "x", twin.folder, expect=2)
    assert len(ask(twin, "match", "accept", "a", "--verdict", "certain", "--preview")) == 4
    assert twin.ledger.value("select count(*) from casebridge.cases") == 13
    assert ask(twin, "match", "accept", "a", "--verdict", "certain", "--why", "人员、事项、日期一致", "--by", "李主任")["done"] == "4"
    still = twin.casebridge.run("system", "live", "a", twin.folder, expect=1)
    assert still.err.startswith("CLI-064") and "1 " in still.err
    done = ask(twin, "match", "accept", proposed["D6", "P6"]["id"], "--why", "核对原件", "--by", "王")
    assert [(d["decision"], d["outcome"]) for d in done] == [("accept", "done")]
    again = twin.casebridge.run("match", "reject", proposed["D6", "P6"]["id"], "--why", "x", twin.folder, expect=1)
    assert again.err.startswith("CLI-065"), again.err
    # taken apart, and bound once more by number
    split = ask(twin, "match", "split", "a", "D6", "--why", "再核对")
    assert [(d["decision"], d["outcome"]) for d in split] == [("split", "done")]
    assert ask(twin, "match", "find", "a")["likely"] == "0", "what was taken apart is not proposed again"
    merged = ask(twin, "match", "merge", "a", "D6", "b", "P6", "--why", "确为一件")
    assert [(d["decision"], d["outcome"]) for d in merged] == [("merge", "done")]
    assert everything(twin) == before, "nothing is written before the review is done"
    assert "已对照，待系统上线" in twin.casebridge.run("case", "D6", "--lang", "zh", twin.folder).out

    # edits meanwhile stay where they are
    twin.update("a", "D1", lxdh="13900000099")
    wait_for(lambda: twin.ledger.value("select shadow::json->>'lxdh' from casebridge.links where lid = 'D1'") == "13900000099", what="the edit read")
    assert everything(twin)["b"] == before["b"]

    ask(twin, "match", "find", "b")
    twin.casebridge.run("system", "live", "a", twin.folder)
    twin.casebridge.run("system", "live", "b", twin.folder)
    twin.wait_row("b", "other_no = 'D7'", xm="钱七")
    twin.wait_row("b", "other_no = 'D5'", zzbh="Z-2018")
    twin.wait_row("a", "other_no = 'P8'", xm="钱七")
    twin.quiet()
    assert twin.a.value("select count(*) from a_sq") == twin.b.value("select count(*) from b_sq") == 8
    assert twin.ledger.value("select count(*) from casebridge.cases") == 8
    assert {(r[0], r[1]) for r in twin.a.rows("select sbh, other_no from a_sq where sbh ~ '^D[0-9]+$' and sbh not in ('D5', 'D7')")} == {
        (f"D{n}", f"P{n}") for n in (1, 2, 3, 4, 6)}
    # later edits flow both ways
    twin.update("a", "D2", zt="2", zzbh="Z-2")
    twin.wait_row("b", "sbh = 'P2'", zt="2", zzbh="Z-2")
    twin.update("b", "P3", dz="鼓楼街道")
    twin.wait_row("a", "sbh = 'D3'", dz="鼓楼街道")
    twin.quiet()
    for n in (1, 2, 3, 4, 6):
        a, b = twin.row("a", "sbh = %s", f"D{n}"), twin.row("b", "sbh = %s", f"P{n}")
        assert {k: a[k] for k in ("xm", "sfzh", "lxdh", "zt", "zzbh")} == {k: b[k] for k in ("xm", "sfzh", "lxdh", "zt", "zzbh")}, (a, b)
    assert twin.row("b", "sbh = 'P4'")["zzbh"] == "Z-2016", "the renewal is a case of its own"

    late = twin.casebridge.run("match", "split", "a", "D1", "--why", "x", twin.folder, expect=1)
    assert late.err.startswith("CLI-063"), late.err
    told = [json.loads(r.value) for r in read_topic(kafka.bootstrap, f"{topic_prefix}.audit") if r.headers["ce_type"] == b"cn.casebridge.decision.v1"]
    accepted = [d for d in told if d["decision"] == "accept"]
    assert len(accepted) == 5 and {d["by"] for d in accepted} == {"李主任", "王"} and all(d["why"] and d["match"] for d in accepted)
    last = {}
    for r in read_topic(kafka.bootstrap, f"{topic_prefix}.cases"):
        last[r.key] = r.value
    gone = {d["merged_case_id"].encode() for d in told if d["decision"] in ("accept", "merge")}
    assert len(gone) == 6 and {k for k, v in last.items() if v is None} == gone and len(last) - len(gone) == 8


def test_a_strong_key_of_two_is_no_certain_pair(twin):
    """A number that two records carry, or that contradicts what else is known, is left to people."""
    twin.insert("b", sbh="P1", other_no="D1", xm="张三", sfzh=IDS[0], zt="1", slsj="2018-07-02 09:00:00")
    twin.insert("b", sbh="P2", other_no="D2", xm="李四", sfzh=IDS[1], zt="1", slsj="2018-07-02 09:00:00")
    twin.insert("a", sbh="D1", xm="张三", sfzh=IDS[0], zt="1", slsj="2018-07-02 09:00:00")
    twin.insert("a", sbh="D2", xm="钱七", sfzh=IDS[2], zt="1", slsj="2018-07-02 09:00:00")
    twin.start()
    seen(twin, 4)
    ask(twin, "match", "find", "a")
    assert {k: p["verdict"] for k, p in pairs(twin).items()} == {("D1", "P1"): "certain", ("D2", "P2"): "likely"}
    before = everything(twin)
    assert ask(twin, "match", "reject", "a", "--all", "--why", "不是同一件")["done"] == "2"
    assert pairs(twin) == {} and len(pairs(twin, "a", "--all")) == 2
    assert ask(twin, "match", "find", "a")["certain"] == "0", "refused is refused"
    assert everything(twin) == before
    # what comes after the comparison was not compared
    twin.insert("a", sbh="D3", xm="王五", sfzh=IDS[3], zt="1", slsj="2018-07-09 09:00:00")
    seen(twin, 5)
    refused = twin.casebridge.run("system", "live", "a", twin.folder, expect=1)
    assert refused.err.startswith("CLI-064") and "1 " in refused.err
    ask(twin, "match", "find", "a")
    twin.casebridge.run("system", "live", "a", twin.folder)
