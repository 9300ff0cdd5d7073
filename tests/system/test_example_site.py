"""The example district: 区民政局 老年人优待证 and the provincial portal keep the same case by themselves."""

import json

import pytest

from support.waiting import wait_for
from support.yuan import Yuan

ELDER = ("张建国", "341599195003070014")
OTHER = ("李秀英", "341599195202290028")


@pytest.fixture
def yuan(tmp_path, processes, kafka, new_database, portal, topic_prefix):
    return Yuan(tmp_path, processes, kafka, new_database, portal, topic_prefix)


def test_an_elder_applies_on_the_portal_and_gets_the_card(yuan):
    yuan.start()
    projid, pwd = yuan.apply(*ELDER)
    row = yuan.wait_row("sfzh = %s", ELDER[1], xm=ELDER[0], xb="男", zt=0, lxdh="13900000001")
    assert row["csrq"] == "1950.3.7" and row["czy"] == "办件桥"
    yuan.wait_portal(projid, pwd, ORGBUSNO=row["sbh"])
    yuan.department.execute("update ydz_sq set zt = 1, czy = '窗口王' where sbh = %s", row["sbh"])
    yuan.wait_portal(projid, pwd, PROJECTSTATE="05")
    yuan.department.execute("update ydz_sq set zt = 2, zzbh = 'YDZ-2018-0001' where sbh = %s", row["sbh"])
    shown = yuan.wait_portal(projid, pwd, PROJECTSTATE="10", DONE__CERTIFICATENO="YDZ-2018-0001")
    assert [s["NODENAME"] for s in shown["STEPS"]] == ["受理", "制证"]
    yuan.quiet()
    assert yuan.ledger.value("select count(*) from casebridge.cases") == 1
    assert yuan.department.value("select count(*) from ydz_sq") == 1


def test_a_window_entry_of_the_department_appears_on_the_portal(yuan):
    yuan.start()
    yuan.department.execute("insert into ydz_sq (sbh, xm, xb, sfzh, csrq, hkdz, lxdh, sqrq, zt, czy) values"
                            " ('YDZ20180702900', %s, '女', %s, '1952.2.29', '裕安区鼓楼街道2号', '13900000002', '2018-07-02 09:05:00', 1, '窗口王')",
                            OTHER[0], OTHER[1])
    link = wait_for(lambda: yuan.ledger.rows("select l.lid from casebridge.links l join casebridge.systems s on s.id = l.sys"
                                             " where s.code = 'portal' and l.lid is not null and l.state = 'idle'"), what="a case on the portal",
                    or_died=[yuan.process])
    entries = yuan.portal.control("/journal")["data"]["entries"]
    assert {e["projid"] for e in entries} == {link[0][0]}
    assert yuan.portal.call("GET", f"/clerk").status == 200
    yuan.quiet()
    case = yuan.ledger.value("select doc::json from casebridge.cases")
    assert case["portal_case_no"] == link[0][0] and case["dept_case_no"] == "YDZ20180702900"


def test_numbers_of_the_department_go_on_after_999(yuan):
    yuan.department.execute("select setval('ydz_sbh', 999)")
    yuan.start()
    for person in (ELDER, OTHER):
        yuan.apply(*person)
    numbers = [yuan.wait_row("sfzh = %s", person[1])["sbh"] for person in (ELDER, OTHER)]
    assert sorted(number[11:] for number in numbers) == ["1000", "1001"]


def test_corrections_cross_both_ways(yuan):
    yuan.start()
    projid, pwd = yuan.apply(*ELDER)
    row = yuan.wait_row("sfzh = %s", ELDER[1])
    yuan.quiet()
    yuan.correct_on_portal(projid, pwd, APPLICANTMOBILE="13911112222", ADDRESS="裕安区西市街道1号")
    yuan.wait_row("sbh = %s", row["sbh"], lxdh="13911112222")
    yuan.quiet()
    yuan.department.execute("update ydz_sq set hkdz = '裕安区小华山街道3号' where sbh = %s", row["sbh"])
    yuan.wait_portal(projid, pwd, ADDRESS="裕安区小华山街道3号", APPLICANTMOBILE="13911112222")
    yuan.quiet()
    assert yuan.ledger.value("select count(*) from casebridge.conflicts") == 0


def test_a_name_the_department_cannot_store_is_parked_corrected_and_delivered(yuan):
    yuan.start()
    projid, pwd = yuan.apply("张䶮", ELDER[1])
    rows = wait_for(lambda: json.loads(yuan.casebridge.run("parked", "list", "--output", "json", yuan.folder).out), what="a parked case")
    assert [(r["system"], r["code"], r["field"]) for r in rows] == [("civil-affairs", "MAP-106", "applicant.name")]
    assert "'张*'" in rows[0]["text"], "the name is masked; the character that cannot be stored is told"
    yuan.clerk_on_portal(projid, APPLICANT="张龚")
    yuan.wait_row("sfzh = %s", ELDER[1], xm="张龚")
    yuan.quiet()
    assert yuan.ledger.value("select count(*) from casebridge.parked where status = 'open'") == 0
