/*
 * Every conversion both ways, through the tests a mapping carries itself: a row is the lines of
 * `case:` and one test, and the tag of the problem it must lead to (NULL = none). The laws are
 * tried on the row and on 40 generated ones.
 */
#include "map_fixture.h"

#define NAME "applicant.name"

static const struct check_case {
	const char *name;
	const char *record; /* members of the record, in one line each */
	const char *test;
	const char *tag;
} cases[] = {
	/* text */
	{"text", "case: { summary: a }", "given: {a: 关于}, expect: {summary: 关于}", NULL},
	{"blanks around mean nothing", "case: { summary: a }",
		"given: {a: ' 关于　'}, expect: {summary: 关于}", NULL},
	{"blanks around stay where they are", "case: { summary: a }",
		"case: {summary: 关于}, given: {a: ' 关于 '}, expect_local: {a: ' 关于 '}", NULL},
	{"empty is nothing", "case: { summary: a }", "given: {a: ''}, expect: {summary: null}",
		NULL},
	{"null is nothing", "case: { summary: a }", "given: {a: null}, expect: {summary: null}",
		NULL},
	{"a stored empty text stays", "case: { summary: a }",
		"case: {summary: null}, given: {a: ''}, expect_local: {a: ''}", NULL},
	{"null is written as the system likes it", "case: { summary: { column: a, none: '-' } }",
		"case: {summary: null}, given: {a: x}, expect_local: {a: '-'}", NULL},
	{"and read so", "case: { summary: { column: a, none: '-' } }",
		"given: {a: '-'}, expect: {summary: null}", NULL},
	{"a wrong expectation fails", "case: { summary: a }", "given: {a: x}, expect: {summary: y}",
		"MAP-201"},
	{"null is not a text", "case: { summary: a }", "given: {a: x}, expect: {summary: null}",
		"MAP-201"},
	{"absent is not null", "case: { summary: a, outcome_reason: b }",
		"given: {a: x}, expect: {outcome_reason: null}", "MAP-201"},
	{"an expected refusal that does not come fails", "case: { summary: a }",
		"given: {a: x}, expect_reject: {code: MAP-101}", "MAP-201"},
	{"an unknown column in a test", "case: { summary: a }",
		"given: {b: x}, expect: {summary: x}", "MAP-204"},
	{"an unknown key in a test", "case: { summary: a }", "given: {a: x}, expects: {summary: x}",
		"MAP-204"},
	{"a test without expectation", "case: { summary: a }", "given: {a: x}", "MAP-204"},
	/* length and charset */
	{"bytes of GBK fit", "case: { summary: { column: a, max_bytes: 4, charset: GBK } }",
		"case: {summary: 张三}, expect_local: {a: 张三}", NULL},
	{"bytes of GBK do not fit", "case: { summary: { column: a, max_bytes: 4, charset: GBK } }",
		"case: {summary: 张三a}, expect_reject: {code: MAP-105, field: summary, column: a}",
		NULL},
	{"bytes of UTF-8", "case: { summary: { column: a, max_bytes: 6 } }",
		"case: {summary: 张三a}, expect_reject: {code: MAP-105}", NULL},
	{"characters", "case: { summary: { column: a, max_chars: 2 } }",
		"case: {summary: 张三a}, expect_reject: {code: MAP-105}", NULL},
	{"cut by declaration, on a character",
		"case: { summary: { column: a, max_bytes: 5, charset: GBK, cut: true } }",
		"case: {summary: 张三李四}, expect_local: {a: 张三}", NULL},
	{"what was cut is not written again",
		"case: { summary: { column: a, max_bytes: 4, charset: GBK, cut: true } }",
		"case: {summary: 张三李四}, given: {a: 张三}, expect_local: {a: 张三}", NULL},
	{"cut to characters by declaration",
		"case: { summary: { column: a, max_chars: 2, cut: true } }",
		"case: {summary: 张三李四}, expect_local: {a: 张三}", NULL},
	{"cut to the smaller of bytes and characters",
		"case: { summary: { column: a, max_bytes: 5, max_chars: 3, cut: true } }",
		"case: {summary: 张三李四}, expect_local: {a: 张}", NULL},
	{"what was cut to characters is not written again",
		"case: { summary: { column: a, max_chars: 2, cut: true } }",
		"case: {summary: 张三李四}, given: {a: 张三}, expect_local: {a: 张三}", NULL},
	{"a character GBK does not have", "case: { summary: { column: a, charset: GBK } }",
		"case: {summary: 张䶮}, expect_reject: {code: MAP-106, column: a}", NULL},
	{"GB18030 has it", "case: { summary: { column: a, charset: GB18030, max_bytes: 4 } }",
		"case: {summary: 䶮}, expect_local: {a: 䶮}", NULL},
	{"a character past U+FFFF in GB18030",
		"case: { summary: { column: a, charset: GB18030, max_bytes: 4 } }",
		"case: {summary: 𬱖}, expect_local: {a: 𬱖}", NULL},
	{"a character past U+FFFF in GBK", "case: { summary: { column: a, charset: GBK } }",
		"case: {summary: 𬱖}, expect_reject: {code: MAP-106}", NULL},
	{"the dot of minority names in GBK",
		"case: { summary: { column: a, charset: GBK, max_bytes: 2 } }",
		"case: {summary: ·}, expect_local: {a: ·}", NULL},
	/* padding */
	{"CHAR padding is read away", "case: { summary: { column: a, pad: 6 } }",
		"given: {a: 'ab    '}, expect: {summary: ab}", NULL},
	{"CHAR padding is not an edit", "case: { summary: { column: a, pad: 6 } }",
		"case: {summary: ab}, given: {a: 'ab    '}, expect_local: {a: 'ab    '}", NULL},
	{"zeros in front are read away",
		"case: { summary: { column: a, pad: { to: 6, with: '0', side: left } } }",
		"given: {a: '000123'}, expect: {summary: '123'}", NULL},
	{"and put back", "case: { summary: { column: a, pad: { to: 6, with: '0', side: left } } }",
		"case: {summary: '123'}, expect_local: {a: '000123'}", NULL},
	{"a zero that would be lost",
		"case: { summary: { column: a, pad: { to: 6, with: '0', side: left } } }",
		"case: {summary: '0123'}, expect_reject: {code: MAP-107}", NULL},
	/* dates and times */
	{"a date without zeros", "case: { applicant.birth: { column: a, as: 'date %Y.%m.%d' } }",
		"given: {a: 1950.3.7}, expect: {applicant.birth: 1950-03-07}", NULL},
	{"keeps its form", "case: { applicant.birth: { column: a, as: 'date %Y.%m.%d' } }",
		"case: {applicant.birth: 1950-03-07}, given: {a: 1950.3.7}, expect_local: {a: "
		"1950.3.7}",
		NULL},
	{"until it changes", "case: { applicant.birth: { column: a, as: 'date %Y.%m.%d' } }",
		"case: {applicant.birth: 1950-03-08}, given: {a: 1950.3.7}, expect_local: {a: "
		"1950.03.08}",
		NULL},
	{"no such day", "case: { applicant.birth: { column: a, as: 'date %Y.%m.%d' } }",
		"given: {a: 1990.2.30}, expect_reject: {code: MAP-103, field: applicant.birth}",
		NULL},
	{"a stored nonsense is overwritten",
		"case: { applicant.birth: { column: a, as: 'date %Y.%m.%d' } }",
		"case: {applicant.birth: 1950-03-08}, given: {a: 不详}, expect_local: {a: "
		"1950.03.08}",
		NULL},
	{"a plain date column needs no word", "case: { applicant.birth: a }",
		"given: {a: 1950-03-07}, expect: {applicant.birth: 1950-03-07}", NULL},
	{"a date without a format", "case: { applicant.birth: { column: a, as: date } }",
		"given: {a: 1950-03-07}, expect: {applicant.birth: 1950-03-07}", NULL},
	{"a time without a format", "case: { accepted_at: { column: a, as: time } }",
		"given: {a: '2018-07-02T01:05:00Z'}, expect: {accepted_at: "
		"'2018-07-02T09:05:00+08:00'}",
		NULL},
	{"true and false without words", "case: { fee.is_fee: { column: a, as: bool } }",
		"given: {a: 'false'}, expect: {fee.is_fee: 'false'}", NULL},
	{"a local time", "case: { accepted_at: { column: a, as: 'time %Y-%m-%d %H:%M:%S' } }",
		"given: {a: '2018-07-02 09:05:00'}, expect: {accepted_at: "
		"'2018-07-02T09:05:00+08:00'}",
		NULL},
	{"a time of another zone",
		"case: { accepted_at: { column: a, as: 'time %Y-%m-%d %H:%M:%S', zone: UTC } }",
		"given: {a: '2018-07-02 01:05:00'}, expect: {accepted_at: "
		"'2018-07-02T09:05:00+08:00'}",
		NULL},
	{"another offset means the same moment", "case: { accepted_at: a }",
		"case: {accepted_at: '2018-07-02T09:05:00+08:00'}, given: {a: "
		"'2018-07-02T01:05:00Z'}, expect_local: {a: '2018-07-02T01:05:00Z'}",
		NULL},
	{"the day of a time: what the day says stays",
		"case: { applied_at: { column: a, as: 'date %Y.%m.%d' } }",
		"case: {applied_at: '2018-07-01T20:11:09+08:00'}, given: {a: 2018.7.1}, "
		"expect_local: {a: 2018.7.1}",
		NULL},
	{"the day of a time: written when it is another",
		"case: { applied_at: { column: a, as: 'date %Y.%m.%d' } }",
		"case: {applied_at: '2018-07-01T20:11:09+08:00'}, given: {a: 2018.7.2}, "
		"expect_local: {a: 2018.07.01}",
		NULL},
	/* ids and numbers */
	{"the old id of 15", "case: { applicant.cert_no: { column: a, as: citizen-id } }",
		"given: {a: '110105491231002'}, expect: {applicant.cert_no: 11010519491231002X}",
		NULL},
	{"keeps its form too", "case: { applicant.cert_no: { column: a, as: citizen-id } }",
		"case: {applicant.cert_no: 11010519491231002X}, given: {a: 11010519491231002x}, "
		"expect_local: {a: 11010519491231002x}",
		NULL},
	{"a wrong check character", "case: { applicant.cert_no: { column: a, as: citizen-id } }",
		"given: {a: '110105194912310021'}, expect_reject: {code: MAP-110, field: "
		"applicant.cert_no}",
		NULL},
	{"birth out of an id, one way",
		"case: { applicant.birth: { column: a, as: citizen-birth, direction: in } }",
		"given: {a: '110105491231002'}, expect: {applicant.birth: 1949-12-31}", NULL},
	{"sex out of an id",
		"case: { applicant.sex: { column: a, as: citizen-sex, direction: in } }",
		"given: {a: 341599195202290028}, expect: {applicant.sex: F}", NULL},
	{"a decimal", "case: { fee.amount: { column: a, scale: 2 } }",
		"given: {a: '0120.50'}, expect: {fee.amount: '120.5'}", NULL},
	{"a decimal keeps its zeros", "case: { fee.amount: { column: a, scale: 2 } }",
		"case: {fee.amount: '120.5'}, given: {a: '120.50'}, expect_local: {a: '120.50'}",
		NULL},
	{"a decimal is written to scale", "case: { fee.amount: { column: a, scale: 2 } }",
		"case: {fee.amount: '7'}, expect_local: {a: '7.00'}", NULL},
	{"a decimal is never rounded", "case: { fee.amount: { column: a, scale: 2 } }",
		"case: {fee.amount: '7.005'}, expect_reject: {code: MAP-104, field: fee.amount}",
		NULL},
	{"no number", "case: { fee.amount: a }", "given: {a: 免费}, expect_reject: {code: MAP-103}",
		NULL},
	{"yes and no in the system's words", "case: { fee.is_fee: { column: a, as: bool 是/否 } }",
		"given: {a: 否}, expect: {fee.is_fee: 'false'}", NULL},
	{"written so", "case: { fee.is_fee: { column: a, as: bool 是/否 } }",
		"case: {fee.is_fee: 'true'}, expect_local: {a: 是}", NULL},
	{"neither yes nor no", "case: { fee.is_fee: { column: a, as: bool 是/否 } }",
		"given: {a: 不}, expect_reject: {code: MAP-103}", NULL},
	/* standard forms */
	{"the separator of a name", "case: { applicant.name: { column: a, as: name } }",
		"given: {a: 阿不都．买买提}, expect: {applicant.name: 阿不都·买买提}", NULL},
	{"stays as the system writes it", "case: { applicant.name: { column: a, as: name } }",
		"case: {applicant.name: 阿不都·买买提}, given: {a: 阿不都・买买提}, expect_local: "
		"{a: 阿不都・买买提}",
		NULL},
	{"a credit code in small letters", "case: { org.code: { column: a, as: credit-code } }",
		"given: {a: 11341503999900222d}, expect: {org.code: 11341503999900222D}", NULL},
	{"a credit code with a wrong check character",
		"case: { org.code: { column: a, as: credit-code } }",
		"given: {a: 11341503999900222E}, expect_reject: {code: MAP-103, field: org.code}",
		NULL},
	{"an implementation code with dashes",
		"case: { item.impl_code: { column: a, as: impl-code } }",
		"given: {a: 11341503999900222D-4-002011099000}, expect: {item.impl_code: "
		"11341503999900222D4002011099000}",
		NULL},
	{"a short division code", "case: { division: { column: a, as: division } }",
		"given: {a: '341503'}, expect: {division: '341503000000'}", NULL},
	{"that stays short", "case: { division: { column: a, as: division } }",
		"case: {division: '341503000000'}, given: {a: '341503'}, expect_local: {a: "
		"'341503'}",
		NULL},
	{"a value the case does not take", "case: { applicant.postcode: a }",
		"given: {a: '2370'}, expect_reject: {code: SCH-102, field: applicant.postcode}",
		NULL},
	/* codes */
	{"codes by name", "case: { applicant.sex: { column: a, codes: sex-hanzi } }",
		"given: {a: 女}, expect: {applicant.sex: F}", NULL},
	{"codes in place", "case: { applicant.sex: { column: a, codes: { '1': M, '2': F } } }",
		"case: {applicant.sex: F}, expect_local: {a: '2'}", NULL},
	{"an unknown code is never guessed",
		"case: { applicant.sex: { column: a, codes: { '1': M, '2': F } } }",
		"given: {a: '9'}, expect_reject: {code: MAP-101, field: applicant.sex}", NULL},
	{"a value without code is not written",
		"case: { status: { column: a, codes: { '1': ACCEPTED } } }",
		"case: {status: FINISHED}, expect_reject: {code: MAP-102, field: status}", NULL},
	{"two codes for one: the marked one is written",
		"case: { applicant.sex: { column: a, codes: [{code: 男, is: M, write: x}, {code: "
		"先生, is: M}] } }",
		"case: {applicant.sex: M}, expect_local: {a: 男}", NULL},
	{"and the other stays where it is",
		"case: { applicant.sex: { column: a, codes: [{code: 男, is: M, write: x}, {code: "
		"先生, is: M}] } }",
		"case: {applicant.sex: M}, given: {a: 先生}, expect_local: {a: 先生}", NULL},
	{"a code that looks at a field the record does not read",
		"case: { status: { column: a, codes: ydz-status } }",
		"given: {a: '4'}, had: ACCEPTED, expect: {status: FINISHED}", "MAP-009"},
	{"a code before acceptance",
		"case: { status: { column: a, codes: ydz-status }, outcome: { column: a, codes: "
		"ydz-status }, accepted_at: b }",
		"given: {a: '4'}, had: RECEIVED, expect: {status: NOTACCEPTED, outcome: "
		"NOTACCEPTED}",
		NULL},
	{"the same code after acceptance",
		"case: { status: { column: a, codes: ydz-status }, outcome: { column: a, codes: "
		"ydz-status }, accepted_at: b }",
		"given: {a: '4'}, had: [RECEIVED, ACCEPTED], expect: {status: FINISHED, outcome: "
		"DENIED}",
		NULL},
	{"the same code with a time of acceptance in the row",
		"case: { status: { column: a, codes: ydz-status }, outcome: { column: a, codes: "
		"ydz-status }, accepted_at: b }",
		"given: {a: '4', b: '2018-07-02T09:05:00+08:00'}, expect: {status: FINISHED, "
		"outcome: DENIED}",
		NULL},
	{"a row without what it is",
		"case: { applicant.sex: { column: a, codes: [{code: M, is: M}, {code: '0'}] } }",
		"given: {a: '0'}, expect: {applicant.sex: null}", "MAP-009"},
	{"a code for nothing",
		"case: { applicant.sex: { column: a, codes: [{code: M, is: M}, {code: '0', is: "
		"null}] } }",
		"given: {a: '0'}, expect: {applicant.sex: null}", NULL},
	{"is written for nothing",
		"case: { applicant.sex: { column: a, codes: [{code: M, is: M}, {code: '0', is: "
		"null}] } }",
		"case: {applicant.sex: null}, given: {a: M}, expect_local: {a: '0'}", NULL},
	{"one column, two fields",
		"case: { status: { column: a, codes: ydz-status }, outcome: { column: a, codes: "
		"ydz-status }, accepted_at: b }",
		"given: {a: '2', b: null}, expect: {status: FINISHED, outcome: CERT}", NULL},
	{"written together",
		"case: { status: { column: a, codes: ydz-status }, outcome: { column: a, codes: "
		"ydz-status }, accepted_at: b }",
		"case: {status: FINISHED, outcome: DENIED}, expect_local: {a: '4'}", NULL},
	{"a pair that no code says",
		"case: { status: { column: a, codes: ydz-status }, outcome: { column: a, codes: "
		"ydz-status }, accepted_at: b }",
		"case: {status: FINISHED, outcome: TIMEOUT_RETURN}, expect_reject: {code: MAP-102}",
		NULL},
	{"a code that already says it stays",
		"case: { status: { column: a, codes: ydz-status }, outcome: { column: a, codes: "
		"ydz-status }, accepted_at: b }",
		"case: {status: FINISHED, outcome: CERT}, given: {a: '3', b: null}, expect_local: "
		"{a: '3'}",
		NULL},
	/* several columns */
	{"joined", "case: { applicant.address: { concat: [a, b], sep: ' ' } }",
		"given: {a: 六安市, b: 裕安区}, expect: {applicant.address: 六安市 裕安区}", NULL},
	{"taken apart", "case: { applicant.address: { concat: [a, b], sep: ' ' } }",
		"case: {applicant.address: 六安市 裕安区 1 号}, expect_local: {a: 六安市, b: "
		"裕安区 1 号}",
		NULL},
	{"fewer pieces than columns", "case: { applicant.address: { concat: [a, b], sep: ' ' } }",
		"case: {applicant.address: 六安市}, given: {a: x, b: y}, expect_local: {a: 六安市, "
		"b: null}",
		NULL},
	{"a piece too long for its column",
		"case: { applicant.address: { concat: [{column: a, max_bytes: 3}, b], sep: ' ' } }",
		"case: {applicant.address: 六安市 裕安区}, expect_reject: {code: MAP-105, column: "
		"a}",
		NULL},
	{"the first that speaks", "case: { applicant.mobile: { first_of: [a, b] } }",
		"given: {a: null, b: '13900000000'}, expect: {applicant.mobile: '13900000000'}",
		NULL},
	{"is the one written", "case: { applicant.mobile: { first_of: [a, b] } }",
		"case: {applicant.mobile: '13900000001'}, given: {a: null, b: '13900000000'}, "
		"expect_local: {a: null, b: '13900000001'}",
		NULL},
	{"the first of a new record", "case: { applicant.mobile: { first_of: [a, b] } }",
		"case: {applicant.mobile: '13900000001'}, expect_local: {a: '13900000001'}", NULL},
	{"a piece of a column",
		"case: { item.local_code: { column: a, split: '|', piece: 1 }, item.local_name: { "
		"column: a, split: '|', piece: 2 } }",
		"given: {a: 'YZ-03|许可'}, expect: {item.local_code: YZ-03, item.local_name: 许可}",
		NULL},
	{"a piece written, the other kept",
		"case: { item.local_code: { column: a, split: '|', piece: 1 }, item.local_name: { "
		"column: a, split: '|', piece: 2 } }",
		"case: {item.local_name: 备案}, given: {a: 'YZ-03|许可'}, expect_local: {a: "
		"'YZ-03|备案'}",
		NULL},
	{"both pieces of a new record",
		"case: { item.local_code: { column: a, split: '|', piece: 1 }, item.local_name: { "
		"column: a, split: '|', piece: 2 } }",
		"case: {item.local_code: YZ-03, item.local_name: 备案}, expect_local: {a: "
		"'YZ-03|备案'}",
		NULL},
	{"the separator inside a piece",
		"case: { item.local_code: { column: a, split: '|', piece: 1 }, item.local_name: { "
		"column: a, split: '|', piece: 2 } }",
		"case: {item.local_name: 'a|b'}, given: {a: 'YZ-03|许可'}, expect_reject: {code: "
		"MAP-107}",
		NULL},
	{"a constant is read",
		"case: { item.impl_code: { const: 11341503999900222D4002011099000 }, summary: a }",
		"given: {a: x}, expect: {item.impl_code: 11341503999900222D4002011099000}", NULL},
	/* named elements of a list in columns of the root */
	{"a field of the item",
		"case: { summary: a, ext.card_kind: { column: lx, codes: { '1': AGE60, '2': AGE70 "
		"} } }",
		"given: {a: x, lx: '2'}, expect: {ext.card_kind: AGE70}", NULL},
	{"is written",
		"case: { summary: a, ext.card_kind: { column: lx, codes: { '1': AGE60, '2': AGE70 "
		"} } }",
		"case: {summary: x, ext.card_kind: AGE60, ext.other: y}, given: {a: x, lx: '2'}, "
		"expect_local: {a: x, lx: '1'}",
		NULL},
	{"two of them, in any order", "case: { ext.b: b, summary: c, ext.a: a }",
		"case: {ext.a: '1', ext.b: '2', summary: '3'}, expect_local: {a: '1', b: '2', c: "
		"'3'}",
		NULL},
	{"with its refusal", "case: { ext.card_kind: { column: lx, codes: { '1': AGE60 } } }",
		"given: {lx: '9'}, expect_reject: {code: MAP-101, column: lx}", NULL},
	{"with its refusal by the name of the line",
		"case: { ext.card_kind: { column: lx, codes: { '1': AGE60 } } }",
		"given: {lx: '9'}, expect_reject: {code: MAP-101, field: ext.card_kind}", NULL},
	{"one by its full name", "case: { summary: a, steps/first/name: b }",
		"case: {summary: x, steps/first/name: 受理}, given: {a: x}, expect_local: {b: "
		"受理}",
		NULL},
	{"not both named and as rows",
		"case: { steps/first/name: b }\n    parts: { steps: { table: t, parent: p, key: n, "
		"case: { name: m } } }",
		"given: {b: x}, expect: {steps/first/name: x}", "MAP-012"},
	{"and only once", "case: { summary: a, ext.x: b, ext/x/value: c }",
		"given: {b: x}, expect: {ext.x: x}", "MAP-012"},
	/* who may write */
	{"update: names what may change",
		"write: { create: true, update: [a] }\n    case: { summary: a, outcome_reason: b }",
		"case: {summary: x, outcome_reason: y}, given: {a: '1', b: '2'}, expect_local: {a: "
		"x, b: '2'}",
		NULL},
	{"but not on a new record",
		"write: { create: true, update: [a] }\n    case: { summary: a, outcome_reason: b }",
		"case: {summary: x, outcome_reason: y}, expect_local: {a: x, b: y}", NULL},
	{"what the target owns is not written",
		"case: { summary: a, outcome_reason: b }\n    target_owned: [b]",
		"case: {summary: x, outcome_reason: y}, given: {a: '1', b: '2'}, expect_local: {a: "
		"x, b: '2'}",
		NULL},
	/* on_create */
	{"a technical constant",
		"case: { summary: a }\n    on_create: { z: { technical: bridge } }",
		"case: {summary: x}, expect_local: {a: x, z: bridge}", NULL},
	{"not on an update", "case: { summary: a }\n    on_create: { z: { technical: bridge } }",
		"case: {summary: y}, given: {a: x, z: 王}, expect_local: {a: y, z: 王}", NULL},
	{"a question",
		"case: { summary: a }\n    on_create: { z: { ask: window, from: applicant.sex, "
		"codes: { '1': M, '2': F } } }",
		"case: {summary: x}, expect_reject: {code: MAP-109, column: z}", NULL},
	{"a question the case answers",
		"case: { summary: a }\n    on_create: { z: { ask: window, from: applicant.sex, "
		"codes: { '1': M, '2': F } } }",
		"case: {summary: x, applicant.sex: F}, expect_local: {z: '2'}", NULL},
	{"a look-up",
		"case: { summary: a }\n    on_create: { z: { lookup: { '07': '341503000000' }, by: "
		"division } }",
		"case: {summary: x, division: '341503000000'}, expect_local: {z: '07'}", NULL},
	{"a look-up that finds nothing",
		"case: { summary: a }\n    on_create: { z: { lookup: { '07': '341503000000' }, by: "
		"division } }",
		"case: {summary: x, division: '341502000000'}, expect_reject: {code: MAP-112, "
		"column: z}",
		NULL},
	{"a required column of a named element",
		"case: { ext.card_kind: lx, steps/1/name: b }\n    required: [lx, b]",
		"case: {ext.card_kind: AGE60, steps/1/name: x}, expect_local: {lx: AGE60, b: x}",
		NULL},
	{"that has no value", "case: { summary: a, ext.card_kind: lx }\n    required: [lx]",
		"case: {summary: x, ext.other: y}, expect_reject: {code: MAP-108, column: lx}",
		NULL},
	{"a technical constant gives way to a named element",
		"case: { ext.card_kind: lx }\n    on_create: { lx: { technical: x } }",
		"case: {ext.card_kind: AGE60}, expect_local: {lx: AGE60}", NULL},
	{"a required column without value",
		"case: { summary: a, outcome_reason: b }\n    required: [b]",
		"case: {summary: x}, expect_reject: {code: MAP-108, field: outcome_reason}", NULL},
	/* parts */
	{"rows of a part",
		"case: { summary: a }\n    parts: { steps: { table: t, parent: p, key: n, case: { "
		"name: m, opinion: o } } }",
		"given: {a: x, steps/1/m: 受理, steps/2/m: 审查, steps/2/o: 同意}, expect: "
		"{steps/1/name: 受理, steps/2/opinion: 同意}",
		NULL},
	{"rows under another name",
		"case: { summary: a }\n    parts: { lc: { list: steps, table: t, parent: p, key: "
		"n, case: { name: m } } }",
		"case: {steps/7/name: 审查}, given: {a: x, lc/1/m: 受理}, expect_local: {lc/1/m: "
		"受理, lc/7/m: 审查}",
		NULL},
	{"rows that only grow",
		"case: { summary: a }\n    parts: { steps: { table: t, parent: p, key: n, mode: "
		"append, case: { name: m } } }",
		"case: {steps/1/name: 改, steps/2/name: 新}, given: {a: x, steps/1/m: 受理}, "
		"expect_local: {steps/1/m: 受理, steps/2/m: 新}",
		NULL},
	{"a new row has its technical constants",
		"case: { summary: a }\n    parts: { steps: { table: t, parent: p, key: n, case: { "
		"name: m }, on_create: { w: { technical: '1' } } } }",
		"case: {steps/2/name: 新}, given: {a: x}, expect_local: {steps/2/m: 新, steps/2/w: "
		"'1'}",
		NULL},
	{"a list that is only read makes no rows",
		"case: { summary: a }\n    parts: { steps: { table: t, parent: p, key: n, case: { "
		"name: { column: m, direction: in } }, on_create: { w: { technical: '1' } } } }",
		"case: {summary: x, steps/2/name: 新}, expect_local: {steps/2/w: '1'}", "MAP-201"},
	{"the key of a row as a field",
		"case: { summary: a }\n    parts: { steps: { table: t, parent: p, key: n, case: { "
		"seq: n, name: m } } }",
		"given: {a: x, steps/3/m: 受理}, expect: {steps/3/seq: '3'}", NULL},
	{"a status out of the last step",
		"case: { summary: a }\n    derive: { status: { from: last(steps), column: m, rows: "
		"{ 受理: ACCEPTED, 发照: FINISHED }} }\n"
		"    parts: { steps: { table: t, parent: p, key: n, case: { name: m } } }",
		"given: {a: x, steps/1/m: 受理, steps/2/m: 发照}, expect: {status: FINISHED}",
		NULL},
	{"a last step that says nothing known",
		"case: { summary: a }\n    derive: { status: { from: last(steps), column: m, rows: "
		"{ 受理: ACCEPTED, 发照: FINISHED }} }\n"
		"    parts: { steps: { table: t, parent: p, key: n, case: { name: m } } }",
		"given: {a: x, steps/1/m: 送达}, expect_reject: {code: MAP-101, field: status}",
		NULL},
};

/* Mistakes in tests, told without running them: place and both languages of the first, and how many
 * there are. */
static const struct shape_case {
	const char *name, *test; /* on line 5, from column 5 */
	size_t n;
	const char *at, *en, *zh;
} shape_cases[] = {
	{"nothing wrong", "{ name: t, given: { zt: x }, expect: { status: ACCEPTED } }", 0, NULL,
		NULL, NULL},
	{"an unknown key", "{ name: t, gives: { zt: x }, expect: { status: ACCEPTED } }", 1,
		"systems/t.yaml:5:16", "unknown key 'gives' (given?)", "未知的键 'gives' (given?)"},
	{"an unknown column", "{ name: t, given: { ztt: x }, expect: { status: ACCEPTED } }", 1,
		"systems/t.yaml:5:25", "no column or field 'ztt' (zt?)",
		"没有列或字段 'ztt' (zt?)"},
	{"an unknown field", "{ name: t, given: { zt: x }, expect: { statu: ACCEPTED } }", 1,
		"systems/t.yaml:5:44", "no column or field 'statu' (status?)",
		"没有列或字段 'statu' (status?)"},
	{"an unknown column of a part",
		"{ name: t, given: { steps/1/hjm: x }, expect: { status: ACCEPTED } }", 1,
		"systems/t.yaml:5:25", "(steps/1/hjmc?)", "(steps/1/hjmc?)"},
	{"an unknown part", "{ name: t, case: { step/1/name: x }, expect_local: { zt: x } }", 1,
		"systems/t.yaml:5:24", "(steps/1/name?)", "(steps/1/name?)"},
	{"an unknown column of what is expected to be written",
		"{ name: t, case: { status: ACCEPTED }, expect_local: { zz: x } }", 1, NULL,
		"no column or field 'zz' (zt?)", "(zt?)"},
	{"nothing expected", "{ name: t, given: { zt: x } }", 1, "systems/t.yaml:5:5",
		"expect: or expect_reject: is missing", "缺少 expect: 或 expect_reject:"},
	{"a refusal without its code", "{ name: t, given: { zt: x }, expect_reject: { cod: x } }",
		1, NULL, "expect_reject is { code:", "expect_reject 应为 { code:"},
	{"values that are no map", "{ name: t, given: [zt], expect: { status: ACCEPTED } }", 1,
		"systems/t.yaml:5:23", "given takes keys and values", "given 应为键和值"},
	{"all at once", "{ name: t, gives: { zt: x }, given: { a: x, b: y }, expect: { c: z } }", 4,
		NULL, NULL, NULL},
};

static void test_shape(void **state)
{
	const struct shape_case *c = *state;
	char yaml[1024], text[2048];
	struct fixture f;

	snprintf(yaml, sizeof(yaml),
		"records:\n  r: { case: { status: { column: zt, codes: { x: ACCEPTED } } }, parts: "
		"{ steps: { key: n, case: { name: hjmc } } } }\n\ntests:\n  - %s\n",
		c->test);
	assert_int_equal(fixture_compile(&f, yaml), 0);
	map_check_tests(&f.system, f.set, &f.arena, &f.report);
	if (f.report.n != c->n)
		fixture_print(&f);
	assert_int_equal(f.report.n, c->n);
	if (c->at)
		assert_string_equal(br_err_detail(&f.report.first->err, "at"), c->at);
	if (c->en) {
		br_err_text(&f.report.first->err, BR_LANG_EN, text, sizeof(text));
		if (!strstr(text, c->en))
			fail_msg("%s", text);
		assert_non_null(strstr(text, "expect_local"));
		br_err_text(&f.report.first->err, BR_LANG_ZH, text, sizeof(text));
		if (!strstr(text, c->zh))
			fail_msg("%s", text);
	}
	fixture_release(&f);
}

/* Of a mapping that cannot be used the keys of its tests are looked at all the same. */
static void test_shape_without_mapping(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_not_equal(fixture_compile(&f, "records:\n  r: { case: { summry: a } }\ntests:\n"
						 "  - { gives: { b: x }, expect: { c: d } }\n"),
		0);
	assert_int_equal(f.report.n, 1);
	map_check_tests(&f.system, NULL, &f.arena, &f.report);
	assert_int_equal(f.report.n, 2);
	fixture_release(&f);
}

static void test_case(void **state)
{
	const struct check_case *c = *state;
	struct map_check_options o = {20180702, 40};
	struct map_check_result result;
	struct fixture f;
	char yaml[4096];
	int rc;

	snprintf(yaml, sizeof(yaml),
		"records:\n  r:\n    root: { table: t, key: k }\n%s    %s\ntests:\n  - { name: "
		"row, %s }\n",
		strstr(c->record, "write:") ? "" : "    write: { create: true }\n", c->record,
		c->test);
	rc = fixture_compile(&f, yaml);
	if (rc == 0)
		rc = map_check(f.set, &o, &f.arena, &f.report, &result);
	if (c->tag ? rc == 0 || strcmp(br_err_tag(rc), c->tag) : rc != 0)
		fixture_print(&f);
	assert_string_equal(rc ? br_err_tag(rc) : "none", c->tag ? c->tag : "none");
	if (rc == 0)
		assert_true(result.samples > 30);
	fixture_release(&f);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases) + BR_LEN(shape_cases) + 1];
	size_t n = 0;
	int rc;

	fixture_load_schema();
	for (size_t i = 0; i < BR_LEN(cases); i++)
		tests[n++] = (struct CMUnitTest){
			cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
	for (size_t i = 0; i < BR_LEN(shape_cases); i++)
		tests[n++] = (struct CMUnitTest){
			shape_cases[i].name, test_shape, NULL, NULL, (void *)&shape_cases[i]};
	tests[n] = (struct CMUnitTest)cmocka_unit_test(test_shape_without_mapping);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	br_arena_release(&fixture_schema_arena);
	return rc;
}
