"""The JSON Schema of the published case, as strangers to the product see it: valid in both dialects they may use,
and true of what stands on the topic."""

import copy
import json
import re

import jsonschema
import pytest

from support.casebridge import Casebridge
from support.paths import SOURCE
from support.topics import read_topic
from support.twin import Twin
from support.waiting import wait_for

DIALECTS = [jsonschema.Draft202012Validator, jsonschema.Draft7Validator]
# Keywords that mean the same in both; `format` is an assertion in one and a note in the other.
KEYWORDS = {"$schema", "$id", "title", "description", "type", "properties", "items", "required", "enum", "pattern",
            "minimum", "maximum", "minLength", "maxLength", "additionalProperties"}
ULID = "01J1ZQ3V5RKX0B2M7N8P9QRSTV"
ENVELOPE = {"case_id": ULID, "version": 1, "updated_at": "2018-07-02T01:05:00.123Z", "links": []}


def site_of(tmp_path):
    """The least a site may be: the schema does not depend on it."""
    (tmp_path / "systems").mkdir(parents=True)
    (tmp_path / "site.yaml").write_text(
        'name: least\nschemas: %s\ntimezone: Asia/Shanghai\nledger: { dsn: "host=127.0.0.1" }\n'
        'kafka: { bootstrap.servers: "127.0.0.1:9092" }\n' % (SOURCE / "schemas"))
    (tmp_path / "systems" / "a.yaml").write_text(
        'system: a\ntitle: A\nrole: department\nconnector: postgres\nconnection: { dsn: "host=127.0.0.1" }\n'
        "records:\n  r:\n    root: { table: t, key: k }\n    read: { every: 1s }\n    case: { dept_case_no: k }\n")
    return tmp_path


@pytest.fixture(scope="module")
def schema(tmp_path_factory):
    site = site_of(tmp_path_factory.mktemp("site"))
    return json.loads(Casebridge(None, {}).run("schema", "--site", site).out)


def objects(node):
    """Every schema inside a schema."""
    yield node
    for child in [*node.get("properties", {}).values(), node.get("items"), node.get("additionalProperties")]:
        if isinstance(child, dict):
            yield from objects(child)


def strict(schema):
    """As published, but with a word against members that no definition names."""
    schema = copy.deepcopy(schema)
    for node in objects(schema):
        if "properties" in node:
            node["additionalProperties"] = False
    return schema


def test_valid_in_both_dialects(schema):
    for dialect in DIALECTS:
        dialect.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"]


def test_only_keywords_of_one_meaning(schema):
    for node in objects(schema):
        assert set(node) <= KEYWORDS, set(node) - KEYWORDS


def test_every_field_is_explained_in_both_languages(schema):
    fields = [n for n in objects(schema) if "enum" in n or (n.get("type") not in ("object", None) and "properties" not in n)]
    assert len(fields) > 130
    for node in fields:
        assert node["title"] and node["description"], node
        assert re.search("[\u4e00-\u9fff]", node["title"]), node["title"]


def test_what_every_case_has(schema):
    assert set(ENVELOPE) <= set(schema["required"])
    for dialect in DIALECTS:
        dialect(schema).validate(ENVELOPE)


def case(**members):
    return {**ENVELOPE, **members}


GOOD = {
    "nulls": case(status=None, item={"version": None}, applicant={"cert_no": None}, steps=[{"key": "1", "result": None}], ext={"a": None}),
    "a whole case": case(
        portal_case_no="341503180702000123", item={"impl_code": "11341503999900222D4002011099000", "version": 1, "type": "PUBLIC"},
        division="341503000000", org={"code": "11341503999900222D"}, channel="SELF_TERMINAL", applied_at="2018-07-01T20:11:09+08:00",
        status="ACCEPTED", limit={"legal": {"n": 20, "unit": "WORKDAY"}}, due={"promise": "2018-07-09", "provisional": False},
        fee={"is_fee": False, "amount": "0.00"},
        applicant={"type": "PERSON", "name": "张某某", "cert_type": "111", "cert_no": "341599195003070014", "mobile": "13900000000"},
        steps=[{"key": "1", "name": "受理", "result": "ACCEPT", "started_at": "2018-07-02T09:05:00+08:00", "limit": {"n": 1, "unit": "DAY"}}],
        materials=[{"key": "1", "name": "身份证", "get_kind": "LICENCE_REF", "trust": "A", "required": True}], ext={"ydzlx": "1"},
        links=[{"system": "portal", "record": "case", "local_id": "341503180702000123"}]),
    "great numbers": case(item={"version": 9223372036854775807}),
    "a member of a later version": case(later={"a": 1}),
}
BAD = {
    "no case_id": {k: v for k, v in ENVELOPE.items() if k != "case_id"},
    "no version": {k: v for k, v in ENVELOPE.items() if k != "version"},
    "no links": {k: v for k, v in ENVELOPE.items() if k != "links"},
    "a short case_id": case(case_id=ULID[:25]),
    "a case_id with U": case(case_id=ULID[:25] + "U"),
    "a case_id beyond 128 bits": case(case_id="8" + ULID[1:]),
    "version 0": case(version=0),
    "version as text": case(version="1"),
    "a link without its number": case(links=[{"system": "a", "record": "r"}]),
    "a link with an empty number": case(links=[{"system": "a", "record": "r", "local_id": ""}]),
    "updated_at without zone": case(updated_at="2018-07-02T01:05:00"),
    "a foreign status": case(status="05"),
    "an unknown status": case(status="Accepted"),
    "a status as number": case(status=5),
    "a time without zone": case(applied_at="2018-07-02T09:05:00"),
    "a date for a time": case(applied_at="2018-07-02"),
    "a time for a date": case(due={"promise": "2018-07-09T00:00:00Z"}),
    "day 32": case(due={"promise": "2018-07-32"}),
    "a number as text": case(item={"version": "1"}),
    "a fraction": case(item={"version": 1.5}),
    "a decimal as number": case(fee={"amount": 12.5}),
    "a decimal with comma": case(fee={"amount": "1,250.00"}),
    "a boolean as text": case(fee={"is_fee": "true"}),
    "a long text": case(accept_doc_no="一" * 51),
    "an object as text": case(item="x"),
    "a mobile of 12": case(applicant={"mobile": "139000000000"}),
    "a division of 6": case(division="341503"),
    "an element without key": case(steps=[{"name": "受理"}]),
    "an element with an empty key": case(steps=[{"key": ""}]),
    "a wrong code in an element": case(steps=[{"key": "1", "result": "同意"}]),
    "a list as object": case(steps={"1": {}}),
    "a number among the item's fields": case(ext={"a": 1}),
}


@pytest.mark.parametrize("name", GOOD)
def test_good(schema, name):
    for dialect in DIALECTS:
        dialect(schema).validate(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_bad(schema, name):
    for dialect in DIALECTS:
        assert not dialect(schema).is_valid(BAD[name])


def test_the_longest_text_counts_characters(schema):
    for dialect in DIALECTS:
        dialect(schema).validate(case(accept_doc_no="一" * 50))


def test_what_stands_on_the_topic(tmp_path, processes, kafka, new_database, topic_prefix, schema):
    """With no member that the schema does not name, in either dialect, of a case that has fields, a link each and a new version."""
    twin = Twin(tmp_path, processes, kafka, new_database, topic_prefix)
    twin.start()
    twin.insert("a", sbh="D1", xm="张三", sfzh="341599195003070014", lxdh="13900000001", zt="0")
    twin.wait_row("b", "other_no = %s", "D1", xm="张三")
    twin.update("a", "D1", zt="1")
    twin.wait_row("b", "other_no = %s", "D1", zt="1")
    twin.quiet()

    def both():
        records = read_topic(kafka.bootstrap, f"{topic_prefix}.cases")
        return records if records and len(json.loads(records[-1].value)["links"]) == 2 else None
    values = [json.loads(record.value) for record in wait_for(both, what="a case with both links")]
    for value in values:
        for dialect in DIALECTS:
            dialect(strict(schema)).validate(value)
    assert values[-1]["applicant"] == {"name": "张三", "cert_no": "341599195003070014", "mobile": "13900000001"}
    assert [value["version"] for value in values] == sorted({value["version"] for value in values})
