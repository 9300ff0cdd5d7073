/*
 * The step as stories: what systems say, line by line, and what the bridge must answer. No Kafka,
 * no ledger, no clock.
 *
 * An image is written as JSON, or as @ADDRESS: the record that most stories are about (D1 in the
 * department, P1 in the portal), with this address and nothing special.
 *
 * What is said:
 *   SYSTEM obs LID {image}            a record as read
 *   SYSTEM applied N LID {post}       receipt of command N; all commands of the story are counted
 *   SYSTEM wrote N LID {post}         the same, where nothing is compared
 *   SYSTEM stale N {post}
 *   SYSTEM doubt N {post}             stale, in doubt
 *   SYSTEM exists N LID {post}
 *   SYSTEM found N LID {post}         exists, in doubt
 *   SYSTEM rejected N CODE TEXT
 *   SYSTEM unknown N | gone N | absent LID
 *   SYSTEM progress N LID {post} | pending N REF | intent N
 *   known SYSTEM LID {shadow}         what the system is known to hold is this now
 *   SYSTEM retry | resume             a person's retry; the bridge's look at what waits
 *   SYSTEM forget                     its links without a local id are not there any more
 *   SYSTEM lost | unknown-role | back the bridge starts anew, with a system left out (of an unknown
 *                                     role), with it again
 *   SYSTEM live | trial | pause | rebase
 *   SYSTEM credit N | guard N         guard: records that may vanish
 *   SYSTEM whole                      from now on it tells its lists whole
 *   SYSTEM hello NONCE | old LID {image} | skip LID {image}
 *   batch                             what was parked and in conflict so far is in the ledger now,
 *                                     as items 1, 2, ... in their order, and so are orders
 *   order {order}                     of a person, in this batch
 *   pair SYSTEM LID SYSTEM LID        their cases are proposed as one: pair 1, 2, ...
 *
 * What must come of it:
 *   > SYSTEM create|update LID {set} base {base}   commands, in their order
 *   > SYSTEM begin NONCE | restart | pause
 *   > SYSTEM refetch LID
 *   outbase {image}                   the base of the one command that is out
 *   case {canonical subset}           what the (only) case says: "path=value" words, parted by ;
 *   conflicts N | parked N | cases N | version N | out N | attempted N
 *   bytes N                           parked with their bytes
 *   inchinese TEXT                    how the last item's text ends
 *   conflict SYSTEM N                 the last one: N = 0, its value lost; else it won over what
 *                                     version N brought
 *   awaited N                         pending answers
 *   backlog N                         systems with one
 *   elements N                        of its lists
 *   history {delta}                   the last one
 *   outcome WORD STATUS               of the last order, and of its item ('-': as it was)
 *   decisions N                       of this batch
 *   said BY WHY                       the last version
 *   state SYSTEM LID N                of the record's link (enum hub_link_state)
 *   review SYSTEM N                   so many pairs are to be decided before it goes live
 */
#include "hub_decide.h"
#include "hub_match.h"
#include "hub_rebase.h"
#include "hub_step.h"

#include "cfg_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char dept_yaml[] = "system: dept\ntitle: 部门\nrole: department\nconnector: "
				"postgres\nstart_live: true\nconnection: { dsn: \"dbname=x\" }\n"
				"records:\n"
				"  application:\n"
				"    root: { table: sq, key: sbh }\n"
				"    read: { every: 1s }\n"
				"    write: { create: true }\n"
				"    match: [ dept_case_no ]\n"
				"    case:\n"
				"      dept_case_no: sbh\n"
				"      applicant.name: xm\n"
				"      applicant.mobile: lxdh\n"
				"      applicant.address: dz\n"
				"      status: { column: zt, codes: { \"0\": RECEIVED, \"1\": "
				"ACCEPTED, \"2\": FINISHED, \"4\": NOTACCEPTED } }\n"
				"      result.cert_no: zzbh\n"
				"      outcome_reason: { column: thyy, direction: in }\n"
				"      ext.card_kind: lx\n"
				"      item.name: sxmc\n"
				"    parts: { steps: { table: lc, parent: sbh, key: xh, case: { "
				"opinion: yj, actor_name: clr } },\n"
				"      cl: { list: materials, mode: append, table: cl, parent: "
				"sbh, key: bh, case: { name: mc, template_code: mb } } "
				"}\n"
				"    on_create:\n"
				"      sbh: { generate: \"nextval('s')\", returning: true }\n";
static const char portal_yaml[] =
	"system: portal\ntitle: 政务服务网\nrole: portal\nconnector: "
	"http\nstart_live: true\nconnection: { base_url: \"http://x\" }\n"
	"records:\n"
	"  application:\n"
	"    root: { key: PROJID }\n"
	"    read: { every: 1s }\n"
	"    write: { create: true }\n"
	"    match: [ dept_case_no ]\n"
	"    ref: TICKET\n"
	"    case:\n"
	"      portal_case_no: PROJID\n"
	"      dept_case_no: ORGBUSNO\n"
	"      applicant.name: APPLICANT\n"
	"      applicant.mobile: MOBILE\n"
	"      applicant.address: ADDRESS\n"
	"      status: { column: STATE, codes: { \"02\": RECEIVED, "
	"\"05\": ACCEPTED, \"10\": FINISHED, \"07\": NOTACCEPTED, \"13\": WITHDRAWN } }\n"
	"      result.cert_no: CERTNO\n"
	"      outcome_reason: EXITRES\n"
	"      ext.card_kind: LX\n"
	"    parts: { STEPS: { list: steps, path: STEPS, key: SN, case: "
	"{ opinion: OPINION, actor_name: PERSON } },\n"
	"      MAT: { list: materials, path: MAT, key: NO, case: { "
	"name: NAME, template_code: TPL } } }\n"
	"    on_create:\n"
	"      PROJID: { identity: true, returning: true }\n";

/* 280 bytes: what is kept of a reason */
#define FORTY	  "0123456789012345678901234567890123456789"
#define LONG_TEXT FORTY FORTY FORTY FORTY FORTY FORTY FORTY

static const struct story {
	const char *name;
	const char *text;
} stories[] = {
	{"a portal application appears in the department",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"MOBILE\":\"13900000000\",\"STATE\":"
		"\"02\",\"ORGBUSNO\":null}\n"
		"> dept create - {\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"0\"} base {}\n"
		"dept applied 1 D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"0\",\"zzbh\":"
		"null,\"dz\":null}\n"
		"> portal update P1 {\"ORGBUSNO\":\"D1\"} base "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":null,\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"02\"}\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"MOBILE\":\"13900000000\",\"STATE\":"
		"\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"case dept_case_no=D1;portal_case_no=P1;applicant.name=张三;status=RECEIVED\n"
		"cases 1\nconflicts 0\nparked 0\nversion 2\n"},
	{"our own write read back is an echo",
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - {\"xm\":\"张三\",\"zt\":\"0\"} base {}\n"
		"dept applied 1 D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal update P1 {\"ORGBUSNO\":\"D1\"} base *\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"version 2\nconflicts 0\n"},
	{"edits of different fields at once both survive",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"MOBILE\":\"13900000000\",\"ADDRESS\":"
		"\"甲\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"> dept create - * base {}\n"
		"dept applied 1 D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"dz\":\"甲\",\"zt\":"
		"\"0\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"MOBILE\":\"13911111111\",\"ADDRESS\":"
		"\"甲\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"> dept update D1 {\"lxdh\":\"13911111111\"} base *\n"
		"dept stale 2 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"dz\":\"乙\",\"zt\":"
		"\"0\"}\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"> dept update D1 {\"lxdh\":\"13911111111\"} base "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"dz\":\"乙\",\"zt\":"
		"\"0\"}\n"
		"case applicant.mobile=13911111111;applicant.address=乙\nconflicts 0\n"},
	{"the same field at once: the owner's value stands, the other is kept as a conflict",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":null}\n"
		"> portal create - {\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"} "
		"base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":null}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":\"X9\"}\n"
		"> portal update P1 {\"CERTNO\":null} base *\n"
		"conflicts 1\nconflict portal 0\n"},
	{"an owner who comes later wins, and the conflict says over whose value",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\","
		"\"CERTNO\":\"Z9\"}\n"
		"> dept create - * base {}\n"
		"dept exists 1 D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\",\"zzbh\":\"Z1\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"case result.cert_no=Z1\nconflicts 1\nconflict dept 1\n"},
	{"what stands empty at first sight empties nothing",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\","
		"\"CERTNO\":\"Z9\",\"ADDRESS\":\"甲\",\"LX\":\"金\"}\n"
		"> dept create - * base {}\n"
		"dept exists 1 D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\",\"zzbh\":\"\",\"dz\":\"\",\"lx\":"
		"\"\"}\n"
		"> dept update D1 {\"dz\":\"甲\",\"zzbh\":\"Z9\",\"lx\":\"金\"} base *\n"
		"case result.cert_no=Z9;applicant.address=甲\nconflicts 0\n"},
	{"a field that its owner has no column for is the other's to write",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept applied 1 D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\",\"sxmc\":null}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\",\"sxmc\":\"优待证\"}\n"
		"case item.name=优待证\nconflicts 0\nout 0\n"},
	{"a refusal is over when the source takes its change back",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"02\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13911111111\",\"zt\":\"0\"}\n"
		"> portal update P1 {\"MOBILE\":\"13911111111\"} base *\n"
		"portal rejected 2 4012 坏号码\nopen 1\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"0\"}\n"
		"open 0\n"},
	{"a record that was told absent and whose command came through is there",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"STATE\":\"05\"} base *\n"
		"portal absent P1\nmissing 1\nopen 1\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"missing 0\nopen 0\n"},
	{"... or found changed, or refused",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"STATE\":\"05\"} base *\n"
		"portal absent P1\nmissing 1\n"
		"portal stale 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三丰\",\"STATE\":\"02\"}"
		"\n"
		"> dept update D1 {\"xm\":\"张三丰\"} base *\n"
		"> portal update P1 {\"STATE\":\"05\"} base *\n"
		"missing 0\nopen 0\n"
		"portal absent P1\nmissing 1\n"
		"portal rejected 4 4012 不行\n"
		"missing 0\nopen 1\n"},
	{"a record that is gone twice counts once",
		"portal guard 1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"STATE\":\"05\"} base *\n"
		"portal absent P1\nportal gone 2\n> portal refetch P1\n"
		"missing 1\nopen 1\n"
		"dept obs D2 {\"sbh\":\"D2\",\"xm\":\"李四\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"},
	{"a connector's own reason is told in Chinese too, the system's words as they came",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D9\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept rejected 1 HTTP-014 there is no record in the answer\n"
		"inchinese 拒绝了该变更：应答中没有记录\n"
		"dept retry\n"
		"> dept create - * base {}\n"
		"dept rejected 2 HTTP-015 the system answers with an error when this record is "
		"read, and not for others: 500 down\n"
		"inchinese ：读取该记录时对方一直返回错误，其他记录正常: 500 down\n"
		"dept retry\n"
		"> dept create - * base {}\n"
		"dept rejected 3 HTTP-014 no room\n"
		"inchinese 拒绝了该变更：no room\n"
		"dept retry\n"
		"> dept create - * base {}\n"
		"dept rejected 4 23514 " LONG_TEXT LONG_TEXT "\n"
		"inchinese 拒绝了该变更：" LONG_TEXT "\n"},
	{"a number that was corrected leads nobody to the case any more",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D9\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept rejected 1 23514 不行\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D8\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept rejected 2 23514 不行\n"
		"dept obs D9 "
		"{\"sbh\":\"D9\",\"xm\":\"李四\",\"lxdh\":\"13911111111\",\"zt\":\"0\"}\n"
		"> portal create - {\"ORGBUSNO\":\"D9\",\"APPLICANT\":\"李四\",\"MOBILE\":"
		"\"13911111111\",\"STATE\":\"02\"} base {}\n"
		"cases 2\n"
		"portal exists 3 P9 "
		"{\"PROJID\":\"P9\",\"ORGBUSNO\":\"D9\",\"APPLICANT\":\"李四\",\"MOBILE\":"
		"\"13911111111\",\"STATE\":\"02\"}\n"
		"cases 2\n"},
	{"... and leads to the one that says it now",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D9\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept rejected 1 23514 不行\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D8\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept rejected 2 23514 不行\n"
		"portal obs P2 "
		"{\"PROJID\":\"P2\",\"ORGBUSNO\":\"D9\",\"APPLICANT\":\"李四\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept rejected 3 23514 不行\n"
		"dept obs D9 {\"sbh\":\"D9\",\"xm\":\"李四\",\"zt\":\"0\"}\n"
		"cases 2\nconflicts 0\n"},
	{"one command at a time, later changes wait and go together",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"2\",\"zzbh\":\"Z1\"}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> portal update P1 {\"STATE\":\"10\",\"CERTNO\":\"Z1\"} base "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"conflicts 0\n"},
	{"a finished case does not go back because the other side is slow",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"2\",\"zzbh\":\"Z1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"10\","
		"\"CERTNO\":\"Z1\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":\"Z1\"}\n"
		"> portal update P1 {\"STATE\":\"10\"} base *\n"
		"case status=FINISHED\nconflicts 1\n"},
	{"an owner's value is written again three times, then it is a conflict for people",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> portal update P1 {\"STATE\":\"05\"} base *\n"
		"portal stale 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"10\"}\n"
		"> portal update P1 {\"STATE\":\"05\"} base *\n"
		"portal stale 3 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> portal update P1 {\"STATE\":\"05\"} base *\n"
		"portal stale 4 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"10\"}\n"
		"conflicts 4\n"},
	{"what cannot be mapped is parked, a later full record supersedes it",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"9\"}\n"
		"parked 1\ncases 0\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"cases 1\n"},
	{"a parked record holds its link, and nothing of it is lost",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张四\",\"zt\":\"9\"}\n"
		"parked 1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张四\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"APPLICANT\":\"张四\",\"STATE\":\"05\"} base *\n"},
	{"a refused change waits for the case to change, then goes again",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal rejected 1 4012 坏号码\n"
		"parked 1\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13911111111\",\"zt\":\"0\"}\n"
		"> portal create - "
		"{\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":\"13911111111\",\"STATE\":"
		"\"02\"} base {}\n"},
	{"a create that finds the record binds it and tells it the rest",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal exists 1 P7 "
		"{\"PROJID\":\"P7\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"02\"}\n"
		"> portal update P7 {\"STATE\":\"05\"} base *\n"
		"case portal_case_no=P7;status=ACCEPTED\n"},
	{"a record that names the case by number is bound to it, not doubled",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept exists 1 D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"cases 1\nconflicts 0\n"},
	{"a vanished record is a work item, not a withdrawal",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept absent D1\n"
		"parked 1\ncase status=ACCEPTED\n"},
	{"a person withdraws the case of a record that vanished",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept absent D1\n"
		"open 1\nbatch\n"
		"order {\"t\":\"WITHDRAW\",\"id\":\"o1\",\"parked\":1,\"seen\":0,\"by\":"
		"\"李\",\"why\":\"x\"}\n"
		"outcome changed -\n"
		"order {\"t\":\"WITHDRAW\",\"id\":\"o2\",\"parked\":1,\"seen\":2,\"by\":"
		"\"李\"}\n"
		"outcome reason -\n"
		"order {\"t\":\"WITHDRAW\",\"id\":\"o3\",\"parked\":1,\"seen\":2,\"by\":"
		"\"李\",\"why\":\"申请人撤回\"}\n"
		"> portal update P1 {\"STATE\":\"13\"} base *\n"
		"outcome done withdrawn\ncase status=WITHDRAWN\nsaid 李 申请人撤回\nmissing 1\n"},
	{"a person has a record that vanished written again",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal absent P1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"missing 1\nbatch\n"
		"order "
		"{\"t\":\"REWRITE\",\"id\":\"o1\",\"parked\":1,\"by\":\"李\",\"why\":\"误删\"}\n"
		"> portal create - {\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"李四\",\"STATE\":\"05\"} "
		"base "
		"{}\n"
		"outcome done rewritten\nmissing 0\n"
		"portal applied 2 P2 "
		"{\"PROJID\":\"P2\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"李四\",\"STATE\":\"05\"}\n"
		"case portal_case_no=P2;applicant.name=李四\ncases 1\nconflicts 0\n"},
	{"a record that is there again is not to be decided about",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal absent P1\n"
		"batch\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"missing 0\n"
		"order {\"t\":\"REWRITE\",\"id\":\"o1\",\"parked\":1,\"by\":\"李\",\"why\":\"x\"}\n"
		"outcome settled -\n"},
	{"a retry looks for a record that vanished, and asks again if it is not there",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal absent P1\n"
		"batch\n"
		"order {\"t\":\"RETRY\",\"id\":\"o1\",\"parked\":1,\"by\":\"李\"}\n"
		"> portal refetch P1\n"
		"outcome done retried\nmissing 0\n"
		"portal absent P1\n"
		"parked 2\nmissing 1\n"},
	{"a command that finds no record has it looked for once more",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"portal gone 2\n"
		"> portal refetch P1\n"
		"open 1\nmissing 1\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"open 0\nmissing 0\n"},
	{"when many vanish one item stands for all, and nothing is written until they are back",
		"dept guard 2\n"
		"portal trial\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张一\",\"zt\":\"1\"}\n"
		"dept obs D2 {\"sbh\":\"D2\",\"xm\":\"张二\",\"zt\":\"1\"}\n"
		"dept obs D3 {\"sbh\":\"D3\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"dept obs D4 {\"sbh\":\"D4\",\"xm\":\"张四\",\"zt\":\"1\"}\n"
		"dept absent D1\n"
		"dept absent D2\n"
		"parked 2\n"
		"dept absent D3\n"
		"dept absent D4\n"
		"parked 3\nmissing 4\n"
		"portal live\n"
		"portal obs P9 {\"PROJID\":\"P9\",\"APPLICANT\":\"张九\",\"STATE\":\"02\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张一\",\"zt\":\"1\"}\n"
		"dept obs D2 {\"sbh\":\"D2\",\"xm\":\"张二\",\"zt\":\"1\"}\n"
		"dept obs D3 {\"sbh\":\"D3\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"open 1\nmissing 1\n"
		"dept obs D4 {\"sbh\":\"D4\",\"xm\":\"张四\",\"zt\":\"1\"}\n"
		"open 0\nmissing 0\n"
		"portal trial\nportal live\n"
		"dept resume\n"
		"> dept create - {\"xm\":\"张九\",\"zt\":\"0\"} base {}\n"},
	{"a person says that many were taken away on purpose, or has them counted anew",
		"dept guard 1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张一\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"dept obs D2 {\"sbh\":\"D2\",\"xm\":\"张二\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"dept obs D3 {\"sbh\":\"D3\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"dept obs D4 {\"sbh\":\"D4\",\"xm\":\"张四\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"dept absent D1\n"
		"dept absent D2\n"
		"parked 2\nbatch\n"
		"portal obs P9 {\"PROJID\":\"P9\",\"APPLICANT\":\"张九\",\"STATE\":\"02\"}\n"
		"order {\"t\":\"RETRY\",\"id\":\"o1\",\"parked\":2,\"by\":\"李\"}\n"
		"outcome done retried\n"
		"dept resume\n"
		"> dept create - * base {}\n"
		"dept absent D3\n"
		"parked 3\n"
		"dept absent D4\n"
		"parked 4\nbatch\n"
		"order {\"t\":\"DROP\",\"id\":\"o2\",\"parked\":4,\"by\":\"李\",\"why\":\"归档\"}\n"
		"outcome done dropped\n"
		"dept absent D9\nparked 4\nmissing 4\n"},
	{"a column that was never seen is no edit: what the case says stands",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"known portal P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"MOBILE\":\"13911111111\"}\n"
		"> portal update P1 {\"MOBILE\":\"13900000000\"} base *\n"
		"case applicant.mobile=13900000000\nconflicts 1\n"},
	{"a mapping that means something else: the owner's reading, or the case's, counts",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"0\",\"zzbh\":"
		"\"Z1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\","
		"\"STATE\":\"02\",\"CERTNO\":\"Z1\"}\n"
		/* as if the shadows had been read another way */
		"known dept D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13911111111\",\"zt\":\"1\",\"zzbh\":"
		"\"Z1\"}\n"
		"order {\"t\":\"REMAP\",\"id\":\"o1\",\"sys\":\"dept\",\"record\":\"application\","
		"\"lid\":\"D1\",\"case\":\"@\",\"fields\":\"status,applicant.mobile\",\"by\":"
		"\"李\",\"why\":\"x\"}\n"
		"> portal update P1 {\"STATE\":\"05\"} base *\n"
		"> dept refetch D1\n"
		"outcome done -\ncase status=ACCEPTED;applicant.mobile=13900000000\nconflicts 1\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\","
		"\"STATE\":\"05\",\"CERTNO\":\"Z1\"}\n"
		/* the department decides the certificate: the portal is told, once it was read
		   again */
		"known portal P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\","
		"\"STATE\":\"05\",\"CERTNO\":\"1Z\"}\n"
		"order "
		"{\"t\":\"REMAP\",\"id\":\"o2\",\"sys\":\"portal\",\"record\":\"application\","
		"\"lid\":\"P1\",\"case\":\"@\",\"fields\":\"result.cert_no\",\"by\":\"李\",\"why\":"
		"\"x\"}\n"
		"> portal refetch P1\n"
		"outcome done -\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\","
		"\"STATE\":\"05\",\"CERTNO\":\"1Z\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"order "
		"{\"t\":\"REMAP\",\"id\":\"o3\",\"sys\":\"portal\",\"record\":\"application\","
		"\"lid\":\"P1\",\"case\":\"@\",\"fields\":\"result.cert_no\",\"by\":\"李\",\"why\":"
		"\"x\"}\n"
		"outcome changed -\n"
		"order "
		"{\"t\":\"REMAP\",\"id\":\"o4\",\"sys\":\"portal\",\"record\":\"application\","
		"\"lid\":\"P1\",\"case\":\"@\",\"fields\":\"nothing\",\"by\":\"李\",\"why\":\"x\"}"
		"\n"
		"outcome unknown -\n"},
	{"a late copy of an old message changes nothing",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"dept old D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"case applicant.name=李四\n"},
	{"a hole in the sequence stops everything until the next handshake",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"dept skip D1 {\"sbh\":\"D1\",\"xm\":\"王五\",\"zt\":\"1\"}\n"
		"> dept restart\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"王五\",\"zt\":\"1\"}\n"
		"case applicant.name=张三\n"
		"dept hello second\n"
		"> dept begin second\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"王五\",\"zt\":\"1\"}\n"
		"case applicant.name=王五\n"},
	{"an unknown outcome is parked, never sent again by itself",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal unknown 1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"0\"}\n"
		"parked 1\n"},
	{"what a create that was given up made is ours when it is seen, and no entry of somebody's",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal intent 1\n"
		"portal unknown 1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"0\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\","
		"\"ADDRESS\":\"甲\"}\n"
		"> dept update D1 {\"dz\":\"甲\"} base *\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"case applicant.name=李四;applicant.address=甲\n"
		"conflicts 0\n"},
	{"what its record does not show of a list is not there, though a create had set it",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\"}\n"
		"> portal create - * base {}\n"
		"portal intent 1\n"
		"portal unknown 1\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"> portal update P1 {\"STEPS/1/OPINION\":\"收件\"} base *\n"
		"conflicts 0\n"},
	{"a value typed back to what it was is not lost",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"02\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13911111111\",\"zt\":\"0\"}\n"
		"> portal update P1 {\"MOBILE\":\"13911111111\"} base *\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13911111111\",\"STATE\":\"02\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"02\"}\n"
		"> dept update D1 {\"lxdh\":\"13900000000\"} base *\n"
		"case applicant.mobile=13900000000\nconflicts 0\n"},
	{"a target that rewrites what we write neither leaks nor loops",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"zhang\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"ZHANG\",\"STATE\":\"02\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"ZHANG\",\"STATE\":\"02\"}\n"
		"case applicant.name=zhang\nversion 2\nconflicts 0\n"},
	{"a case that comes while a system is left out is made there when it is back",
		"dept lost\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"李四\",\"STATE\":\"02\"}\n"
		"dept back\n"
		"dept resume\n"
		"> dept create - {\"xm\":\"李四\",\"zt\":\"0\"} base {}\n"
		"dept applied 1 D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"0\"}\n"
		"> portal update P1 {\"ORGBUSNO\":\"D1\"} base *\n"
		"dept resume\n"
		"cases 1\nconflicts 0\n"},
	{"what changes while a system is left out goes to it when it is back",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"portal lost\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"case applicant.name=李四;status=ACCEPTED\n"
		"portal retry\n"
		"portal back\n"
		"portal resume\n"
		"> portal update P1 {\"APPLICANT\":\"李四\",\"STATE\":\"05\"} base *\n"},
	{"a refused change is tried again after the system was left out and the case changed",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"portal rejected 1 4012 坏姓名\n"
		"portal lost\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"0\"}\n"
		"portal back\n"
		"portal resume\n"
		"> portal create - "
		"{\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"李四\",\"STATE\":\"02\"} base {}\n"},
	{"an owner that is left out still owns",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"2\",\"zzbh\":\"Z1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"10\","
		"\"CERTNO\":\"Z1\"}\n"
		"dept lost\n"
		"portal obs P1 {\"CERTNO\":\"X9\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"case result.cert_no=Z1\nconflicts 1\n"},
	{"a system of which nobody can tell the role may be the owner",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"2\",\"zzbh\":\"Z1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"10\","
		"\"CERTNO\":\"Z1\"}\n"
		"dept unknown-role\n"
		"portal obs P1 {\"CERTNO\":\"X9\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"case result.cert_no=Z1\nconflicts 1\n"},
	{"steps go both ways, each element for itself",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\"}\n"
		"> portal create - "
		"{\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\",\"STEPS/1/"
		"OPINION\":\"收件\"} base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/1/PERSON\":null}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\",\"steps/2/"
		"yj\":\"审核\",\"steps/2/clr\":\"李\"}\n"
		"> portal update P1 {\"STEPS/2/OPINION\":\"审核\",\"STEPS/2/PERSON\":\"李\"} base "
		"*\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/1/PERSON\":null,\"STEPS/2/"
		"OPINION\":\"审核\",\"STEPS/2/PERSON\":\"李\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"改\",\"STEPS/1/PERSON\":null,\"STEPS/2/"
		"OPINION\":\"审核\",\"STEPS/2/PERSON\":\"李\"}\n"
		"> portal update P1 {\"STEPS/1/OPINION\":\"收件\"} base *\n"
		"conflicts 1\n"},
	{"a child row that was taken away is not sent against for ever",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\",\"steps/1/yj\":\"收件\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"portal stale 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal applied 3 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"李四\",\"STATE\":\"05\"}\n"
		"conflicts 0\n"},
	{"a child row taken away in one system goes in the other",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\",\"steps/2/"
		"yj\":\"审核\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/2/OPINION\":\"审核\"}\n"
		"elements 2\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/2/yj\":\"审核\"}\n"
		"> portal update P1 {\"STEPS/1\":null} base *\n"
		"elements 1\n"
		"conflicts 0\n"
		"history {\"steps/1/opinion\":[\"收件\",null]}\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/2/OPINION\":\"审核\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/2/OPINION\":\"审核\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/2/yj\":\"审核\"}\n"
		"version 3\n"
		"conflicts 0\n"},
	{"the last child row is missed only where a list is told whole",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\",\"steps/2/"
		"yj\":\"审核\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/2/OPINION\":\"审核\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"elements 2\n"
		"dept whole\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"STEPS/1\":null,\"STEPS/2\":null} base *\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"elements 0\n"
		"conflicts 0\n"},
	{"a child row comes back to a system that may not take it away",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\",\"steps/2/"
		"yj\":\"审核\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/2/OPINION\":\"审核\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/2/OPINION\":\"审核\"}\n"
		"> portal update P1 {\"STEPS/1/OPINION\":\"收件\"} base "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/2/OPINION\":\"审核\"}\n"
		"elements 2\n"
		"conflicts 1\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/2/OPINION\":\"审核\"}\n"
		"conflicts 1\n"},
	{"an edit of a child row survives that it was taken away elsewhere",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\",\"steps/2/"
		"yj\":\"审核\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/2/OPINION\":\"审核\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"改\",\"steps/2/"
		"yj\":\"审核\"}\n"
		"> portal update P1 {\"STEPS/1/OPINION\":\"改\"} base *\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/2/yj\":\"审核\"}\n"
		"portal stale 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/2/OPINION\":\"审核\"}\n"
		"> portal update P1 {\"STEPS/1\":null} base *\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"再\",\"steps/2/"
		"yj\":\"审核\"}\n"
		"portal applied 3 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/2/OPINION\":\"审核\"}\n"
		"> portal update P1 {\"STEPS/1/OPINION\":\"再\"} base *\n"
		"elements 2\n"},
	{"a child row both took away is no conflict",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\",\"steps/2/"
		"yj\":\"审核\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/2/OPINION\":\"审核\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/2/yj\":\"审核\"}\n"
		"> portal update P1 {\"STEPS/1\":null} base *\n"
		"portal stale 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/2/OPINION\":\"审核\"}\n"
		"elements 1\n"
		"conflicts 0\n"
		"version 3\n"},
	{"a list that only grows keeps what a system no longer shows",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"cl/a/mc\":\"身份证\",\"cl/b/"
		"mc\":\"照片\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"MAT/a/NAME\":\"身份证\",\"MAT/b/NAME\":\"照片\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"cl/b/mc\":\"照片\"}\n"
		"elements 2\n"
		"conflicts 1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"cl/b/mc\":\"照片\"}\n"
		"conflicts 1\n"},
	{"a list that only grows is never made shorter",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"MAT/a/NAME\":\"身份证\",\"MAT/b/NAME\":\"照片\"}\n"
		"> dept create - * base {}\n"
		"dept applied 1 D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"cl/a/mc\":\"身份证\",\"cl/b/"
		"mc\":\"照片\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"MAT/b/NAME\":\"照片\"}\n"
		"elements 1\n"
		"conflicts 0\n"
		"out 0\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"cl/a/mc\":\"身份证\",\"cl/b/"
		"mc\":\"照片\"}\n"
		"elements 1\n"},
	{"taking away a row that was edited elsewhere meanwhile loses, and is kept as a conflict",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"cl/a/mc\":\"身份证\",\"cl/b/"
		"mc\":\"照片\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"MAT/a/NAME\":\"身份证\",\"MAT/b/NAME\":\"照片\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"cl/a/mc\":\"改\",\"cl/b/"
		"mc\":\"照片\"}\n"
		"> portal update P1 {\"MAT/a/NAME\":\"改\"} base *\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"MAT/b/NAME\":\"照片\"}\n"
		"elements 2\n"
		"conflicts 1\n"
		"portal stale 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"MAT/b/NAME\":\"照片\"}\n"
		"> portal update P1 {\"MAT/a/NAME\":\"改\"} base *\n"
		"elements 2\n"
		"conflicts 1\n"},
	{"a child row that was taken away can be entered again",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\",\"steps/1/"
		"clr\":\"李\",\"steps/2/yj\":\"审核\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/1/PERSON\":\"李\",\"STEPS/2/"
		"OPINION\":\"审核\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/2/yj\":\"审核\"}\n"
		"> portal update P1 {\"STEPS/1\":null} base *\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/2/OPINION\":\"审核\"}\n"
		"elements 1\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"再\",\"steps/1/"
		"clr\":\"李\",\"steps/2/yj\":\"审核\"}\n"
		"> portal update P1 {\"STEPS/1/OPINION\":\"再\",\"STEPS/1/PERSON\":\"李\"} base *\n"
		"elements 2\n"},
	{"an edit of a row its owner took away is refused, and the row goes",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\",\"steps/1/"
		"clr\":\"李\",\"steps/2/yj\":\"审核\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"收件\",\"STEPS/1/PERSON\":\"李\",\"STEPS/2/"
		"OPINION\":\"审核\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/1/yj\":\"收件\",\"steps/1/"
		"clr\":\"李\",\"steps/2/yj\":\"审核\",\"dz\":\"甲\"}\n"
		"> portal update P1 {\"ADDRESS\":\"甲\"} base *\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"steps/2/"
		"yj\":\"审核\",\"dz\":\"甲\"}\n"
		"portal stale 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"STEPS/1/OPINION\":\"改\",\"STEPS/1/PERSON\":\"李\",\"STEPS/2/"
		"OPINION\":\"审核\"}\n"
		"> portal update P1 {\"ADDRESS\":\"甲\",\"STEPS/1\":null} base *\n"
		"elements 1\n"
		"conflicts 1\n"},
	{"an edit of a row that was taken away elsewhere brings back all of it",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"cl/a/mc\":\"身份证\",\"cl/a/"
		"mb\":\"T\",\"cl/b/mc\":\"照片\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"MAT/a/NAME\":\"身份证\",\"MAT/a/TPL\":\"T\",\"MAT/b/NAME\":\"照片\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"MAT/b/NAME\":\"照片\"}\n"
		"elements 1\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"cl/a/mc\":\"改\",\"cl/a/"
		"mb\":\"T\",\"cl/b/mc\":\"照片\"}\n"
		"> portal update P1 {\"MAT/a/NAME\":\"改\",\"MAT/a/TPL\":\"T\"} base *\n"
		"elements 2\n"},
	{"a null nobody entered empties nothing",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\","
		"\"EXITRES\":\"缺件\"}\n"
		"> dept create - * base {}\n"
		"dept applied 1 D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\",\"thyy\":null,\"zzbh\":null,\"lx\":"
		"null}\n"
		"case outcome_reason=缺件\n"
		"version 1\n"},
	{"re-assertions are counted for each value",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":\"Z1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":\"Z1\"}\n"
		"portal obs P1 {\"CERTNO\":\"X\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"portal stale 2 {\"CERTNO\":\"Y\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"portal stale 3 {\"CERTNO\":\"X\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"portal applied 4 P1 {\"CERTNO\":\"Z1\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":\"Z2\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z2\"} base *\n"
		"portal applied 5 P1 {\"CERTNO\":\"Z2\"}\n"
		"portal obs P1 {\"CERTNO\":\"X\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z2\"} base *\n"
		"conflicts 4\n"},
	{"what the target made of our value stays ours, also when the rest cannot be mapped",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"zhang\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"ZHANG\",\"STATE\":\"77\"}\n"
		"parked 1\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"ZHANG\",\"STATE\":\"05\"}\n"
		"case applicant.name=zhang\n"
		"conflicts 0\n"},
	{"what a receipt brings and cannot be mapped is parked with its bytes",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"portal stale 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"77\"}\n"
		"parked 1\n"
		"bytes 1\n"},
	{"a command that is sent again keeps the base it was made from",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13900000000\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"05\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"lxdh\":\"13911111111\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"MOBILE\":\"13911111111\"} base *\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13922222222\",\"STATE\":\"05\"}\n"
		"outbase "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"05\"}\n"
		"conflicts 1\n"},
	{"who edits between two calls of a create edits what the first one wrote",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"2\",\"zzbh\":\"Z1\",\"lxdh\":"
		"\"13800000000\"}\n"
		"> portal create - * base {}\n"
		"portal progress 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13800000000\",\"STATE\":\"10\"}\n"
		"portal stale 1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"MOBILE\":"
		"\"13911111111\",\"STATE\":\"10\",\"CERTNO\":null}\n"
		"> dept update D1 {\"lxdh\":\"13911111111\"} base *\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"case applicant.mobile=13911111111\nconflicts 0\n"},
	{"and between two calls of an update, what was there before is no conflict",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\",\"dz\":\"甲\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\","
		"\"ADDRESS\":\"甲\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"dz\":\"乙\"}\n"
		"> portal update P1 {\"STATE\":\"05\",\"ADDRESS\":\"乙\"} base *\n"
		"portal progress 2 P1 {\"ADDRESS\":\"乙\"}\n"
		"portal stale 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\","
		"\"ADDRESS\":\"丙\"}\n"
		"> dept update D1 {\"dz\":\"丙\"} base *\n"
		"> portal update P1 {\"STATE\":\"05\"} base *\n"
		"case applicant.address=丙\nconflicts 0\n"},
	{"one call of several: the rest goes on from the first base",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal progress 1 P1 {\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\"}\n"
		"outbase {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"case portal_case_no=P1\n"
		"conflicts 0\n"},
	{"in doubt, what is neither as before nor as sent is no edit",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"zhang\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"zhang\",\"STATE\":\"05\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"li\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"APPLICANT\":\"li\"} base *\n"
		"portal doubt 2 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"LI\",\"STATE\":\"05\","
		"\"ADDRESS\":\"甲\"}\n"
		"> dept update D1 {\"dz\":\"甲\"} base *\n"
		"case applicant.name=li\n"
		"conflicts 1\n"},
	{"a number that belongs to another case is not bound",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept obs D2 {\"sbh\":\"D2\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal exists 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"parked 1\n"
		"cases 2\n"},
	{"two records of one system do not share a case",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal obs P2 "
		"{\"PROJID\":\"P2\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"parked 1\n"
		"cases 1\n"},
	{"a receipt that comes twice counts once",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal applied 1 P9 "
		"{\"PROJID\":\"P9\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"李四\",\"STATE\":\"05\"}\n"
		"case portal_case_no=P1;applicant.name=张三\n"},
	{"an old receipt does not end a newer command",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"out 1\n"
		"case applicant.name=李四\n"},
	{"a vanished record that returns goes on",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal absent P1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"parked 1\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"},
	{"a person's retry does not forget a command that is out",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"77\"}\n"
		"parked 1\n"
		"portal retry\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"李四\",\"STATE\":\"05\"}\n"
		"out 0\n"},
	{"an answer that comes days later gives its credit back once",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"out 1\n"
		"portal pending 2\n"
		"out 0\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"77\"}\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"李四\",\"STATE\":\"05\"}\n"
		"out 0\n"},
	{"a create answered later is bound by the number it was given",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal pending 1 T-7\n"
		"awaited 1\n"
		"out 0\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"portal obs P8 "
		"{\"PROJID\":\"P8\",\"APPLICANT\":\"张三\",\"STATE\":\"05\",\"TICKET\":\"T-8\"}\n"
		"> dept create - * base {}\n"
		"cases 2\n"
		"portal obs P9 "
		"{\"PROJID\":\"P9\",\"APPLICANT\":\"张三\",\"STATE\":\"05\",\"TICKET\":\"T-7\"}\n"
		"> portal update P9 {\"APPLICANT\":\"李四\"} base *\n"
		"awaited 0\n"
		"cases 2\n"
		"parked 0\n"},
	{"without a column of its own the number is the record's",
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"> dept create - * base {}\n"
		"dept pending 1 D7\n"
		"dept obs D7 {\"sbh\":\"D7\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"ORGBUSNO\":\"D7\"} base *\n"
		"awaited 0\n"
		"cases 1\n"
		"parked 0\n"},
	{"an awaited record that names the case by number is the answer, not a double",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal pending 1 T-7\n"
		"portal obs P9 "
		"{\"PROJID\":\"P9\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"awaited 0\n"
		"cases 1\n"
		"parked 0\n"
		"conflicts 0\n"},
	{"a change answered later is released by a record that shows it, and what waited goes",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"portal pending 2 T-7\n"
		"awaited 1\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"awaited 1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\",\"dz\":\"甲\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"李四\",\"STATE\":\"05\"}\n"
		"> portal update P1 {\"ADDRESS\":\"甲\"} base "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"李四\",\"STATE\":\"05\"}\n"
		"awaited 0\n"
		"conflicts 0\n"},
	{"a change answered later is released by its number, and what the system made of it is its "
	 "form",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"> portal update P1 {\"APPLICANT\":\"李四\"} base *\n"
		"portal pending 2 T-7\n"
		"awaited 1\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"LI\",\"STATE\":\"05\","
		"\"TICKET\":\"T-7\"}\n"
		"awaited 0\n"
		"out 0\n"
		"conflicts 1\n"
		"case applicant.name=李四\n"},
	{"nothing is made elsewhere before the only system that has seen it is live",
		"dept trial\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"backlog 0\n"
		"dept live\n"
		"backlog 2\n"
		"portal resume\n"
		"> portal create - * base {}\n"},
	{"what waits for credit goes when there is some",
		"portal credit 0\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"portal credit 1\n"
		"portal resume\n"
		"> portal create - * base {}\n"},
	{"a paused system is told when it is live again",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"}\n"
		"portal pause\n"
		"> portal pause\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"王五\",\"zt\":\"1\"}\n"
		"portal live\n"
		"portal resume\n"
		"> portal update P1 {\"APPLICANT\":\"王五\"} base *\n"},
	{"a named element of a list goes through a column of its own",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"lx\":\"红\"}\n"
		"> portal create - "
		"{\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\",\"LX\":\"红\"} base "
		"{}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"LX\":\"红\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"LX\":\"绿\"}\n"
		"> dept update D1 {\"lx\":\"绿\"} base *\n"},
	{"an intent marks its command",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"> portal create - * base {}\n"
		"attempted 0\n"
		"portal intent 1\n"
		"attempted 1\n"},
	{"a conflict: the value that lost is taken, and its owner is told like all others",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":\"Z1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":\"Z1\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":\"Z9\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"portal applied 2 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":\"Z1\"}\n"
		"conflicts 1\nversion 2\nbatch\n"
		"order "
		"{\"t\":\"RESOLVE\",\"id\":\"o1\",\"conflict\":1,\"take\":true,\"seen\":2,\"by\":"
		"\"李\",\"why\":\"门户正确\"}\n"
		"> dept update D1 {\"zzbh\":\"Z9\"} base *\n"
		"> portal update P1 {\"CERTNO\":\"Z9\"} base *\n"
		"outcome done taken\nversion 3\ncase result.cert_no=Z9\n"
		"history {\"result.cert_no\":[\"Z1\",\"Z9\"]}\nsaid 李 门户正确\n"
		"dept applied 3 D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":\"Z9\"}\n"
		"portal applied 4 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":\"Z9\"}\n"
		"version 3\nconflicts 1\n"
		/* the same order again, in this batch and in a later one */
		"order "
		"{\"t\":\"RESOLVE\",\"id\":\"o1\",\"conflict\":1,\"take\":true,\"seen\":9,\"by\":"
		"\"李\",\"why\":\"门户正确\"}\n"
		"decisions 1\nbatch\n"
		"order "
		"{\"t\":\"RESOLVE\",\"id\":\"o1\",\"conflict\":1,\"take\":true,\"seen\":9,\"by\":"
		"\"李\",\"why\":\"门户正确\"}\n"
		"decisions 0\n"
		/* somebody else's comes too late */
		"order "
		"{\"t\":\"RESOLVE\",\"id\":\"o2\",\"conflict\":1,\"take\":true,\"seen\":9,\"by\":"
		"\"王\",\"why\":\"x\"}\n"
		"outcome settled -\nversion 3\n"},
	{"a conflict: what the case says is kept, or has changed since",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":\"Z1\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":\"Z1\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\","
		"\"CERTNO\":\"Z9\"}\n"
		"> portal update P1 {\"CERTNO\":\"Z1\"} base *\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":\"Z2\"}\n"
		"batch\nversion 3\n"
		"order "
		"{\"t\":\"RESOLVE\",\"id\":\"o1\",\"conflict\":1,\"take\":true,\"seen\":2,\"by\":"
		"\"李\",\"why\":\"x\"}\n"
		"outcome changed -\nversion 3\n"
		"order {\"t\":\"RESOLVE\",\"id\":\"o2\",\"conflict\":1,\"take\":false,\"by\":"
		"\"李\",\"why\":\"\"}\n"
		"outcome reason -\n"
		"order {\"t\":\"RESOLVE\",\"id\":\"o3\",\"conflict\":1,\"take\":false,\"by\":"
		"\"李\",\"why\":\"部门正确\"}\n"
		"outcome done kept\nversion 3\ncase result.cert_no=Z2\n"
		"order {\"t\":\"RESOLVE\",\"id\":\"o4\",\"conflict\":7,\"take\":true,\"by\":\"李\","
		"\"why\":\"x\"}\n"
		"outcome unknown -\ndecisions 4\n"},
	{"a refused record is corrected by a person and delivered; a later change waits behind it",
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept rejected 1 23514 no\n"
		"parked 1\nbatch\n"
		"order {\"t\":\"CORRECT\",\"id\":\"o1\",\"parked\":1,\"place\":\"applicant.name\","
		"\"value\":\"张三\",\"seen\":1,\"by\":\"李\",\"why\":\"x\"}\n"
		"outcome same -\n"
		"order "
		"{\"t\":\"CORRECT\",\"id\":\"o2\",\"parked\":1,\"place\":\"status\",\"value\":"
		"\"NONSENSE\",\"seen\":1,\"by\":\"李\",\"why\":\"x\"}\n"
		"outcome invalid -\n"
		"order {\"t\":\"CORRECT\",\"id\":\"o3\",\"parked\":1,\"place\":\"dept_case_no\","
		"\"value\":\"D7\",\"seen\":1,\"by\":\"李\",\"why\":\"x\"}\n"
		"outcome protected -\n"
		"order {\"t\":\"CORRECT\",\"id\":\"o4\",\"parked\":1,\"place\":\"steps/1/opinion\","
		"\"value\":\"x\",\"seen\":1,\"by\":\"李\",\"why\":\"x\"}\n"
		"outcome unknown -\n"
		"order {\"t\":\"CORRECT\",\"id\":\"o5\",\"parked\":1,\"place\":\"applicant.name\","
		"\"value\":\"张山\",\"seen\":0,\"by\":\"李\",\"why\":\"x\"}\n"
		"outcome changed -\nversion 1\n"
		"order {\"t\":\"CORRECT\",\"id\":\"o6\",\"parked\":1,\"place\":\"applicant.name\","
		"\"value\":\"张山\",\"seen\":1,\"by\":\"李\",\"why\":\"录入有误\"}\n"
		"> portal update P1 {\"APPLICANT\":\"张山\"} base *\n"
		"> dept create - {\"xm\":\"张山\",\"zt\":\"0\"} base {}\n"
		"outcome done corrected\nversion 2\nsaid 李 录入有误\n"
		"history {\"applicant.name\":[\"张三\",\"张山\"]}\n"
		"order {\"t\":\"DROP\",\"id\":\"o7\",\"parked\":1,\"by\":\"王\",\"why\":\"x\"}\n"
		"outcome settled -\n"},
	{"a link that is parked for an unknown outcome goes on with the correction",
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept unknown 1\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张四\",\"STATE\":\"02\"}\n"
		"parked 1\nbatch\n"
		"order "
		"{\"t\":\"CORRECT\",\"id\":\"o1\",\"parked\":1,\"place\":\"applicant.address\","
		"\"value\":\"甲\",\"seen\":2,\"by\":\"李\",\"why\":\"x\"}\n"
		"> portal update P1 {\"ADDRESS\":\"甲\"} base *\n"
		"> dept create - {\"xm\":\"张四\",\"dz\":\"甲\",\"zt\":\"0\"} base {}\n"
		"outcome done corrected\n"},
	{"what a system shows is corrected there, or read again, or dropped",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"9\"}\n"
		"dept obs D2 {\"sbh\":\"D2\",\"xm\":\"李四\",\"zt\":\"9\"}\n"
		"parked 2\nbatch\n"
		"order "
		"{\"t\":\"CORRECT\",\"id\":\"o1\",\"parked\":1,\"place\":\"status\",\"value\":"
		"\"RECEIVED\",\"seen\":1,\"by\":\"李\",\"why\":\"x\"}\n"
		"outcome inbound -\n"
		"order {\"t\":\"RETRY\",\"id\":\"o2\",\"parked\":1,\"by\":\"李\"}\n"
		"> dept refetch D1\n"
		"outcome done retried\n"
		"order {\"t\":\"DROP\",\"id\":\"o3\",\"parked\":2,\"by\":\"李\"}\n"
		"outcome reason -\n"
		"order {\"t\":\"DROP\",\"id\":\"o4\",\"parked\":2,\"by\":\"李\",\"why\":\"重复\"}\n"
		"outcome done dropped\ncases 0\n"
		"order {\"t\":\"RETRY\",\"id\":\"o5\",\"parked\":2,\"by\":\"李\"}\n"
		"outcome settled -\n"
		"order {\"t\":\"RETRY\",\"id\":\"o6\",\"parked\":3,\"by\":\"李\"}\n"
		"outcome unknown -\n"},
	{"what somebody compared with the ledger is read again, or sent, without an item",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"order {\"t\":\"RETRY\",\"id\":\"o1\",\"sys\":\"dept\",\"record\":"
		"\"application\",\"lid\":\"D9\",\"by\":\"李\"}\n"
		"> dept refetch D9\n"
		"outcome done -\n"
		"order {\"t\":\"RETRY\",\"id\":\"o1\",\"sys\":\"dept\",\"record\":"
		"\"application\",\"lid\":\"D9\",\"by\":\"李\"}\n"
		"decisions 1\n"
		"order {\"t\":\"RETRY\",\"id\":\"o2\",\"sys\":\"dept\",\"record\":"
		"\"nothing\",\"lid\":\"D9\",\"by\":\"李\"}\n"
		"outcome unknown -\n"
		"order {\"t\":\"RETRY\",\"id\":\"o3\",\"sys\":\"nobody\",\"record\":"
		"\"application\",\"lid\":\"D9\",\"by\":\"李\"}\n"
		"outcome unknown -\n"
		"order {\"t\":\"RETRY\",\"id\":\"o4\",\"sys\":\"portal\",\"case\":"
		"\"no such\",\"by\":\"李\"}\n"
		"outcome unknown -\n"
		"order {\"t\":\"RETRY\",\"id\":\"o5\",\"sys\":\"portal\",\"case\":\"@\"}\n"
		"outcome reason -\n"
		"portal forget\n"
		"order {\"t\":\"RETRY\",\"id\":\"o6\",\"sys\":\"portal\",\"case\":\"@\","
		"\"by\":\"李\"}\n"
		"> portal create - * base {}\n"
		"outcome done -\n"},
	{"what an earlier message of the batch has settled is settled",
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"9\"}\n"
		"parked 1\nbatch\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal create - * base {}\n"
		"order {\"t\":\"RETRY\",\"id\":\"o1\",\"parked\":1,\"by\":\"李\"}\n"
		"outcome settled -\n"},
	{"orders that are none",
		"noorder {\"t\":\"DROP\",\"parked\":1,\"by\":\"李\",\"why\":\"x\"}\n"
		"noorder "
		"{\"t\":\"DROP\",\"id\":\"o1\",\"parked\":1,\"by\":\"李\",\"why\":\"\\u0000\"}\n"
		"noorder {\"t\":\"DROP\",\"id\":\"o1\",\"parked\":1,\"by\":\"\\n\",\"why\":\"x\"}\n"
		"noorder {\"t\":\"DROP\",\"id\":"
		"\"12345678901234567890123456789012345678901234567890123456789012345\",\"parked\":"
		"1,"
		"\"by\":\"李\",\"why\":\"x\"}\n"
		"noorder "
		"{\"t\":\"FORGET\",\"id\":\"o1\",\"parked\":1,\"by\":\"李\",\"why\":\"x\"}\n"
		"noorder {\"t\":\"SYSTEM\",\"sys\":\"nobody\",\"state\":\"live\"}\n"
		"decisions 0\n"},
	{"a refused command is tried again as it was",
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"dept rejected 1 23514 no\n"
		"batch\n"
		"order {\"t\":\"RETRY\",\"id\":\"o1\",\"parked\":1,\"by\":\"李\"}\n"
		"> dept create - {\"xm\":\"张三\",\"zt\":\"0\"} base {}\n"
		"outcome done retried\nversion 1\n"},
	{"what a backup brought back is nobody's edit, and what is newer is written again",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 @甲\n"
		"dept obs D1 @乙\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"portal applied 2 P1 @乙\n"
		"portal rebase\n"
		"portal obs P1 @甲\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"甲\",\"STATE\":\"02\","
		"\"ORGBUSNO\":\"D1\"}\n"
		"case applicant.address=乙\n"
		"version 3\n"
		"conflicts 0\n"
		"portal applied 3 P1 @乙\n"
		"portal obs P1 @甲\n"
		"> dept update D1 {\"dz\":\"甲\"} base *\n"
		"version 4\n"},
	{"what was typed into the restored data is an edit, beside what is old",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 @甲\n"
		"dept obs D1 @乙\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"portal applied 2 P1 @乙\n"
		"portal rebase\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"甲\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"> dept update D1 {\"lxdh\":\"13900000000\"} base *\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"case applicant.address=乙;applicant.mobile=13900000000\n"
		"version 4\n"
		"conflicts 0\n"},
	{"a record made after the backup is made again",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 @甲\n"
		"dept obs D1 @乙\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"portal applied 2 P1 @乙\n"
		"portal rebase\n"
		"portal absent P1\n"
		"> portal create - * base {}\n"
		"parked 0\n"
		"version 3\n"},
	{"a command that was out tells what the restored data says",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 @甲\n"
		"dept obs D1 @乙\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"portal rebase\n"
		"portal stale 2 @甲\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"version 3\n"
		"conflicts 0\n"},
	{"what our write left is nobody's edit when a backup brings it back, though its answer was "
	 "lost and somebody had changed it by then",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 @甲\n"
		"dept obs D1 @乙\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"dept obs D1 @丙\n"
		"portal doubt 2 @甲\n"
		"> portal update P1 {\"ADDRESS\":\"丙\"} base *\n"
		"portal applied 3 P1 @丙\n"
		"portal rebase\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"乙\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"> dept update D1 {\"lxdh\":\"13900000000\"} base *\n"
		"> portal update P1 {\"ADDRESS\":\"丙\"} base *\n"
		"case applicant.address=丙;applicant.mobile=13900000000\n"
		"conflicts 0\n"},
	{"what our create left is nobody's edit when a backup brings it back, though it was found "
	 "with somebody's change",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"dept obs D1 @乙\n"
		"portal found 1 P1 @乙\n"
		"dept obs D1 @丙\n"
		"> portal update P1 {\"ADDRESS\":\"丙\"} base *\n"
		"portal applied 2 P1 @丙\n"
		"portal rebase\n"
		"portal obs P1 @甲\n"
		"> portal update P1 {\"ADDRESS\":\"丙\"} base *\n"
		"case applicant.address=丙\n"
		"conflicts 1\n"},
	{"what our write left is nobody's edit when a backup brings it back, though somebody had "
	 "changed it before the answer was made",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 @甲\n"
		"dept obs D1 @乙\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"portal wrote 2 P1 @丁\n"
		"conflicts 1\n"
		"dept obs D1 @丙\n"
		"> portal update P1 {\"ADDRESS\":\"丙\"} base *\n"
		"portal applied 3 P1 @丙\n"
		"portal rebase\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"乙\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"02\","
		"\"ORGBUSNO\":\"D1\"}\n"
		"> dept update D1 {\"lxdh\":\"13900000000\"} base *\n"
		"> portal update P1 {\"ADDRESS\":\"丙\"} base *\n"
		"case applicant.address=丙\n"},
	{"an answer that may be as old as the backup is looked at again",
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"dz\":\"甲\",\"lxdh\":\"13900000001\",\"zt\":"
		"\"0\"}\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"甲\",\"MOBILE\":"
		"\"13900000001\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"甲\",\"MOBILE\":"
		"\"13900000002\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"> dept update D1 {\"lxdh\":\"13900000002\"} base *\n"
		"dept applied 2 D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"dz\":\"甲\",\"lxdh\":\"13900000002\",\"zt\":"
		"\"0\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"dz\":\"乙\",\"lxdh\":\"13900000002\",\"zt\":"
		"\"0\"}\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"portal rebase\n"
		"portal applied 3 P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"乙\",\"MOBILE\":"
		"\"13900000001\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"> portal refetch P1\n"
		"> portal update P1 {\"MOBILE\":\"13900000002\"} base *\n"
		"case applicant.mobile=13900000002\n"
		"conflicts 0\n"},
	{"a record that a command finds gone is made again",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 @甲\n"
		"dept obs D1 @乙\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"portal rebase\n"
		"portal gone 2\n"
		"> portal create - * base {}\n"
		"parked 0\n"},
	{"a record that was made again, and is the old one again after the next restore",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 @甲\n"
		"dept obs D1 @乙\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"portal applied 2 P1 @乙\n"
		"portal rebase\n"
		"portal absent P1\n"
		"> portal create - * base {}\n"
		"portal applied 3 P2 "
		"{\"PROJID\":\"P2\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"乙\",\"STATE\":\"02\","
		"\"ORGBUSNO\":\"D1\"}\n"
		"portal obs P2 "
		"{\"PROJID\":\"P2\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"丙\",\"STATE\":\"02\","
		"\"ORGBUSNO\":\"D1\"}\n"
		"> dept update D1 {\"dz\":\"丙\"} base *\n"
		"dept applied 4 D1 @丙\n"
		"portal rebase\n"
		"portal absent P2\n"
		"> portal create - * base {}\n"
		"portal exists 5 P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"甲\",\"MOBILE\":"
		"\"13900000000\",\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}\n"
		"> dept update D1 {\"lxdh\":\"13900000000\"} base *\n"
		"> portal update P1 {\"ADDRESS\":\"丙\"} base *\n"
		"case applicant.address=丙;applicant.mobile=13900000000\n"
		"conflicts 0\n"
		"parked 0\n"},
	{"the same, and it is seen before it is made once more",
		"dept obs D1 @甲\n"
		"> portal create - * base {}\n"
		"portal applied 1 P1 @甲\n"
		"dept obs D1 @乙\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"portal applied 2 P1 @乙\n"
		"portal rebase\n"
		"portal absent P1\n"
		"> portal create - * base {}\n"
		"portal applied 3 P2 "
		"{\"PROJID\":\"P2\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"乙\",\"STATE\":\"02\","
		"\"ORGBUSNO\":\"D1\"}\n"
		"portal rebase\n"
		"portal credit 0\n"
		"portal absent P2\n"
		"portal credit 9\n"
		"portal obs P1 @甲\n"
		"> portal update P1 {\"ADDRESS\":\"乙\"} base *\n"
		"case applicant.address=乙\n"
		"conflicts 0\n"},
	{"a deletion that lost is no value to take",
		"portal obs P1 "
		"{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\",\"MAT/1/NAME\":"
		"\"身份证\"}\n"
		"> dept create - * base {}\n"
		"dept applied 1 D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\",\"cl/1/mc\":\"身份证\"}\n"
		"> portal update P1 {\"ORGBUSNO\":\"D1\"} base *\n"
		"dept whole\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"conflicts 1\nbatch\n"
		"order "
		"{\"t\":\"RESOLVE\",\"id\":\"o1\",\"conflict\":1,\"take\":true,\"seen\":9,\"by\":"
		"\"李\",\"why\":\"x\"}\n"
		"outcome element -\nelements 1\n"},
	{"a record of a system on trial is bound by nobody but a person, and merged when it goes "
	 "live",
		"dept trial\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\","
		"\"STATE\":\"02\",\"CERTNO\":\"Z1\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":\"Z2\"}\n"
		"cases 2\n"
		"pair dept D1 portal P1\n"
		"order {\"t\":\"MATCH\",\"id\":\"o1\",\"match\":1,\"take\":true,\"by\":\"李\"}\n"
		"outcome reason -\ncases 2\n"
		"order {\"t\":\"MATCH\",\"id\":\"o2\",\"match\":1,\"take\":true,\"by\":\"李\","
		"\"why\":\"同一人同一天\"}\n"
		"outcome done accepted\ncases 1\nversion 2\nhistory {}\nsaid 李 同一人同一天\n"
		"state dept D1 6\n"
		/* what it shows meanwhile reaches nobody; what the other shows does not reach it */
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"2\",\"zzbh\":\"Z3\"}\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\","
		"\"STATE\":\"02\",\"CERTNO\":\"Z1\",\"MOBILE\":\"13900000000\"}\n"
		"conflicts 0\nversion 3\ncase result.cert_no=Z1\n"
		"order {\"t\":\"MATCH\",\"id\":\"o3\",\"match\":1,\"take\":false,\"by\":\"王\","
		"\"why\":\"x\"}\n"
		"outcome settled -\n"
		"dept live\ndept resume\n"
		"> portal update P1 {\"STATE\":\"10\",\"CERTNO\":\"Z3\"} base *\n"
		"> dept update D1 {\"lxdh\":\"13900000000\"} base *\n"
		"case result.cert_no=Z3;applicant.mobile=13900000000\nstate dept D1 1\n"
		"conflicts 2\n"},
	{"what a live system shows is not bound to what only a system on trial has",
		"dept trial\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\","
		"\"STATE\":\"02\"}\n"
		"cases 2\nparked 0\n"
		/* one of its own number is the same record twice, as ever */
		"dept obs D2 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"parked 1\ncases 2\n"},
	{"two systems on trial: neither's edits reach the other before both are live",
		"dept trial\nportal trial\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\","
		"\"STATE\":\"05\",\"CERTNO\":\"Z1\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":\"Z1\"}\n"
		"pair dept D1 portal P1\n"
		"order {\"t\":\"MATCH\",\"id\":\"o1\",\"match\":1,\"take\":true,\"by\":\"李\","
		"\"why\":\"x\"}\n"
		"outcome done accepted\nstate dept D1 6\nstate portal P1 6\n"
		"dept live\ndept resume\nstate dept D1 0\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\","
		"\"STATE\":\"05\",\"CERTNO\":\"Z1\",\"MOBILE\":\"13900000000\"}\n"
		"dept obs D1 "
		"{\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\",\"zzbh\":\"Z2\"}\n"
		"portal live\nportal resume\n"
		"> portal update P1 {\"CERTNO\":\"Z2\"} base *\n"
		"> dept update D1 {\"lxdh\":\"13900000000\"} base *\n"},
	{"a bound record that is gone before its system is live comes back as a first contact",
		"dept trial\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"pair dept D1 portal P1\n"
		"order {\"t\":\"MATCH\",\"id\":\"o1\",\"match\":1,\"take\":true,\"by\":\"李\","
		"\"why\":\"x\"}\n"
		"dept absent D1\nstate dept D1 5\nparked 1\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"state dept D1 6\n"
		"dept live\ndept resume\n"
		"> portal update P1 {\"ORGBUSNO\":\"D1\",\"STATE\":\"05\"} base *\n"},
	{"pairs that are none; one record for one case",
		"dept trial\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"portal obs P2 {\"PROJID\":\"P2\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"dept obs D2 {\"sbh\":\"D2\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"pair dept D1 portal P1\npair dept D1 portal P2\npair dept D2 portal P1\n"
		"order {\"t\":\"MATCH\",\"id\":\"o1\",\"match\":9,\"take\":true,\"by\":\"李\","
		"\"why\":\"x\"}\noutcome unknown -\n"
		"order {\"t\":\"MATCH\",\"id\":\"o2\",\"match\":2,\"take\":false,\"by\":\"李\","
		"\"why\":\"续办\"}\noutcome done rejected\ncases 4\n"
		"order {\"t\":\"MATCH\",\"id\":\"o3\",\"match\":1,\"take\":true,\"by\":\"李\","
		"\"why\":\"x\"}\noutcome done accepted\ncases 3\n"
		"order {\"t\":\"MATCH\",\"id\":\"o3\",\"match\":1,\"take\":true,\"by\":\"李\","
		"\"why\":\"x\"}\ndecisions 3\n"
		"order {\"t\":\"MATCH\",\"id\":\"o4\",\"match\":3,\"take\":true,\"by\":\"李\","
		"\"why\":\"x\"}\noutcome taken -\ncases 3\n"
		"order {\"t\":\"MERGE\",\"id\":\"o5\",\"sys\":\"dept\",\"record\":\"application\","
		"\"lid\":\"D2\",\"case\":\"@\",\"by\":\"李\",\"why\":\"x\"}\noutcome taken -\n"
		"order {\"t\":\"MERGE\",\"id\":\"o6\",\"sys\":\"dept\",\"record\":\"application\","
		"\"lid\":\"D9\",\"case\":\"@\",\"by\":\"李\",\"why\":\"x\"}\noutcome unknown -\n"
		"order {\"t\":\"MERGE\",\"id\":\"o7\",\"sys\":\"dept\",\"record\":\"application\","
		"\"lid\":\"D1\",\"case\":\"@\",\"by\":\"李\",\"why\":\"x\"}\noutcome same -\n"},
	{"what was bound is taken apart again, exactly, while its system is on trial",
		"dept trial\n"
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"order {\"t\":\"MERGE\",\"id\":\"o1\",\"sys\":\"dept\",\"record\":\"application\","
		"\"lid\":\"D1\",\"case\":\"@\",\"by\":\"李\",\"why\":\"x\"}\n"
		"outcome done -\ncases 1\nstate dept D1 6\n"
		"order {\"t\":\"SPLIT\",\"id\":\"o2\",\"sys\":\"dept\",\"record\":\"application\","
		"\"lid\":\"D1\",\"by\":\"李\",\"why\":\"续办\"}\n"
		"outcome done -\ncases 2\nstate dept D1 0\nsaid 李 续办\n"
		"order {\"t\":\"SPLIT\",\"id\":\"o3\",\"sys\":\"dept\",\"record\":\"application\","
		"\"lid\":\"D1\",\"by\":\"李\",\"why\":\"x\"}\noutcome same -\n"
		"dept live\ndept resume\n"
		"> dept create - {\"xm\":\"张三\",\"zt\":\"0\"} base {}\n"
		"portal resume\n"
		"> portal create - {\"ORGBUSNO\":\"D1\",\"APPLICANT\":\"张三\",\"STATE\":\"05\"} "
		"base "
		"{}\n"},
	{"what has gone on is not taken apart, and what is under way not bound",
		"portal obs P1 {\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"portal obs P2 {\"PROJID\":\"P2\",\"APPLICANT\":\"张三\",\"STATE\":\"02\"}\n"
		"> dept create - * base {}\n"
		"order "
		"{\"t\":\"MERGE\",\"id\":\"o1\",\"sys\":\"portal\",\"record\":\"application\","
		"\"lid\":\"P2\",\"case\":\"@\",\"by\":\"李\",\"why\":\"x\"}\noutcome taken -\n"
		"dept applied 1 D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"0\"}\n"
		"> portal update P1 {\"ORGBUSNO\":\"D1\"} base *\n"
		"order {\"t\":\"SPLIT\",\"id\":\"o2\",\"sys\":\"dept\",\"record\":\"application\","
		"\"lid\":\"D1\",\"by\":\"李\",\"why\":\"x\"}\noutcome live -\n"},
	{"a system goes live when its review is done",
		"dept trial\n"
		"dept obs D1 {\"sbh\":\"D1\",\"xm\":\"张三\",\"zt\":\"1\"}\n"
		"noorder {\"t\":\"SYSTEM\",\"sys\":\"dept\",\"state\":\"paused\"}\n"
		"review dept 2\n"
		"noorder {\"t\":\"SYSTEM\",\"sys\":\"dept\",\"state\":\"live\"}\n"
		"review dept 0\n"
		"dept obs D2 {\"sbh\":\"D2\",\"xm\":\"李四\",\"zt\":\"1\"}\n"
		"noorder {\"t\":\"SYSTEM\",\"sys\":\"dept\",\"state\":\"live\"}\n"
		"review dept 0\n"
		"order {\"t\":\"SYSTEM\",\"sys\":\"dept\",\"state\":\"live\"}\n"
		"backlog 2\n"},
	{"a system on trial may have been restored from a backup",
		"dept trial\n"
		"order {\"t\":\"SYSTEM\",\"sys\":\"dept\",\"state\":\"rebase\"}\n"
		"> dept restart\n"},
	{"no system is paused by a word that nobody knows",
		"noorder {\"t\":\"SYSTEM\",\"sys\":\"dept\",\"state\":\"stopped\"}\n"
		"noorder {\"t\":\"SYSTEM\",\"sys\":\"dept\"}\n"
		"order {\"t\":\"SYSTEM\",\"sys\":\"dept\",\"state\":\"paused\"}\n"
		"> dept pause\n"},
};

/* ---- the stage ---- */

struct stage {
	struct br_arena arena;
	struct hub_world world;
	struct hub_system systems[2];
	struct case_schema *schema;
	int64_t offset;
	struct hub_out *seen; /* last output already compared */
	struct {
		struct msg_did did;
		const struct hub_system *sys;
	} commands[64];
	size_t ncommands;
	bool whole[2];
	struct hub_matter *settled; /* items of the batch before */
};

static char folder[] = "/tmp/casebridge-step-XXXXXX";
static struct br_arena config_arena;
static struct cfg_site *site;
static struct case_schema *schema;
static struct map_set *maps[2];

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int load(void **state)
{
	struct cfg_report report = {.arena = &config_arena};
	char path[256];
	size_t i = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/systems", folder);
	mkdir(path, 0755);
	put("site.yaml", "name: step\ntitle: 测试\ntimezone: Asia/Shanghai\nschemas: " SOURCE_DIR
			 "/schemas\n"
			 "ledger: { dsn: \"dbname=none\" }\nkafka: { bootstrap.servers: "
			 "\"127.0.0.1:1\" }\n");
	put("systems/dept.yaml", dept_yaml);
	put("systems/portal.yaml", portal_yaml);
	br_arena_init(&config_arena, 256u << 20);
	cfg_site_read(folder, &config_arena, &report, &site);
	if (report.n == 0)
		case_schema_load(site->schemas_folder, &config_arena, &report, &schema);
	for (struct cfg_system *s = report.n ? NULL : site->systems; s; s = s->next, i++)
		map_compile(site, s, schema, &config_arena, &report, &maps[i]);
	for (struct cfg_problem *p = report.first; p; p = p->next) {
		char text[1024];

		print_error("%s\n", br_err_text(&p->err, BR_LANG_EN, text, sizeof(text)));
	}
	return report.n ? -1 : 0;
}

static int unload(void **state)
{
	char command[300];

	(void)state;
	br_arena_release(&config_arena);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) == 0 ? 0 : -1;
}

static void set_stage(struct stage *s)
{
	size_t i = 0;

	memset(s, 0, sizeof(*s));
	br_arena_init(&s->arena, 64u << 20);
	br_buf_init(&s->world.scratch, 1u << 20);
	br_buf_init(&s->world.delta, 1u << 20);
	s->world.schema = schema;
	s->world.systems = s->systems;
	s->world.nsystems = 2;
	s->world.incarnation = 7;
	for (struct cfg_system *c = site->systems; c; c = c->next, i++) {
		s->systems[i] = (struct hub_system){.id = (int16_t)(i + 1),
			.code = c->name,
			.maps = maps[i],
			.items = &c->items,
			.credit = 1000,
			.state = SYS_LIVE,
			.epoch = 1,
			.nonce = "first",
			.role = br_str_eq(c->role, BR_STR("portal")) ? CASE_OWNER_PORTAL
								     : CASE_OWNER_DEPARTMENT};
	}
	hub_world_begin(&s->world, &s->arena);
	s->world.topic = BR_STR("casebridge.in.test");
}

static void clear_stage(struct stage *s)
{
	HASH_CLEAR(hh, s->world.cases);
	HASH_CLEAR(hh, s->world.links);
	HASH_CLEAR(hh, s->world.keys);
	for (size_t i = 0; i < 2; i++)
		free((char *)s->systems[i].cursor.p);
	br_buf_release(&s->world.scratch);
	br_buf_release(&s->world.delta);
	br_arena_release(&s->arena);
}

/* The record that most stories are about, with this address. */
static const char *usual_image(struct stage *s, const struct hub_system *sys, const char *address)
{
	const char *form = br_str_eq(sys->code, BR_STR("dept"))
				   ? "{\"sbh\":\"D1\",\"xm\":\"张三\",\"dz\":\"%s\",\"zt\":\"0\"}"
				   : "{\"PROJID\":\"P1\",\"APPLICANT\":\"张三\",\"ADDRESS\":\"%s\","
				     "\"STATE\":\"02\",\"ORGBUSNO\":\"D1\"}";
	char text[256];
	int n = snprintf(text, sizeof(text), form, address);

	assert_true(n > 0 && (size_t)n < sizeof(text));
	return br_arena_copy(&s->arena, br_str_z(text)).p;
}

static struct image parse_image(struct stage *s, struct hub_system *sys, const char *json)
{
	const struct mapping *m = map_find(sys->maps, BR_STR("application"));
	struct image img = {NULL, 0};
	struct br_err err;
	struct br_jr r;
	char text[1024];

	if (*json == '@')
		json = usual_image(s, sys, json + 1);
	br_err_clear(&err);
	br_jr_init(&r, br_arena_copy(&s->arena, br_str_z(json)), &s->arena, &err);
	if (image_read_set(&r, map_shape(m), false, &s->arena, &img) < 0)
		fail_msg("%s: %s", json, br_err_text(&err, BR_LANG_EN, text, sizeof(text)));
	return img;
}

static const char *show_image(
	struct stage *s, const struct hub_system *sys, const struct image *img)
{
	struct br_jw w;

	br_buf_reset(&s->world.scratch);
	br_jw_init(&w, &s->world.scratch);
	image_write(img, map_shape(map_find(sys->maps, BR_STR("application"))), &w);
	return br_arena_copy(&s->arena, br_buf_str(&s->world.scratch)).p;
}

static void feed(struct stage *s, struct hub_system *sys, struct msg *m, int64_t seq_step)
{
	s->offset++;
	s->world.offset = s->offset;
	s->world.source = (int)(sys - s->systems);
	s->world.now_ms = 1530493500000 + s->offset;
	m->sys = sys->code;
	m->epoch = sys->epoch;
	m->seq = sys->last_seq + seq_step;
	hub_step(&s->world, sys, m);
	assert_false(s->world.failed);
}

/* The bridge starts anew without the system's file, or with it again. */
static void leave_out(struct stage *s, struct hub_system *sys, struct map_set *set)
{
	sys->maps = set;
	sys->left_out = set == NULL;
	sys->role_unknown = false;
	for (struct hub_case *k = s->world.cases; k; k = k->hh.next)
		for (struct hub_link *l = k->links; l; l = l->next)
			if (l->sys == sys)
				l->map = map_find(set, l->rec);
}

static void forget(struct stage *s, const struct hub_system *sys)
{
	for (struct hub_case *k = s->world.cases; k; k = k->hh.next)
		for (struct hub_link **at = &k->links; *at;)
			if ((*at)->sys == sys)
				*at = (*at)->next;
			else
				at = &(*at)->next;
}

static bool order(struct stage *s, struct hub_system *sys, const char *verb, size_t n)
{
	bool retry = strcmp(verb, "retry") == 0;

	if (strcmp(verb, "live") == 0) {
		hub_step_system_state(&s->world, sys, SYS_LIVE);
	} else if (strcmp(verb, "pause") == 0) {
		hub_step_system_state(&s->world, sys, SYS_PAUSED);
	} else if (strcmp(verb, "trial") == 0) {
		sys->state = SYS_TRIAL;
	} else if (strcmp(verb, "credit") == 0) {
		sys->credit = (int64_t)n;
	} else if (strcmp(verb, "guard") == 0) {
		sys->gone_guard = (int64_t)n;
	} else if (strcmp(verb, "lost") == 0 || strcmp(verb, "unknown-role") == 0) {
		leave_out(s, sys, NULL);
		sys->role_unknown = verb[0] == 'u';
		sys->role = verb[0] == 'u' ? CASE_OWNER_EITHER : sys->role;
	} else if (strcmp(verb, "back") == 0) {
		leave_out(s, sys, maps[sys - s->systems]);
	} else if (strcmp(verb, "forget") == 0) {
		forget(s, sys);
	} else if (strcmp(verb, "rebase") == 0) {
		hub_rebase_system(sys);
	} else if (retry || strcmp(verb, "resume") == 0) {
		for (struct hub_case *k = s->world.cases; k; k = k->hh.next)
			for (struct hub_link *l = k->links; l; l = l->next)
				if (l->sys == sys && (retry || l->due))
					hub_step_resume(&s->world, l, retry);
	} else {
		return false;
	}
	return true;
}

static void say(struct stage *s, struct hub_system *sys, char *verb, char *rest)
{
	struct msg m = {
		.rec = BR_STR("application"), .present = true, .whole = s->whole[sys - s->systems]};
	char *word = strsep(&rest, " ");
	size_t n = (size_t)strtol(word ? word : "0", NULL, 10);

	if (order(s, sys, verb, n))
		return;
	if (strcmp(verb, "whole") == 0) {
		s->whole[sys - s->systems] = true;
		return;
	}
	if (strcmp(verb, "hello") == 0) {
		m.type = MSG_HELLO;
		m.nonce = br_arena_copy(&s->arena, br_str_z(word));
		feed(s, sys, &m, 0);
		return;
	}
	if (strcmp(verb, "obs") == 0 || strcmp(verb, "old") == 0 || strcmp(verb, "skip") == 0 ||
		strcmp(verb, "absent") == 0) {
		m.type = MSG_OBS;
		m.lid = br_arena_copy(&s->arena, br_str_z(word));
		m.present = m.has_image = strcmp(verb, "absent") != 0;
		if (m.present)
			m.image = parse_image(s, sys, rest);
		feed(s, sys, &m, strcmp(verb, "old") == 0 ? 0 : strcmp(verb, "skip") == 0 ? 2 : 1);
		return;
	}
	assert_true(n >= 1 && n <= s->ncommands);
	m.type = MSG_RCPT;
	m.did = s->commands[n - 1].did;
	m.atomic = strcmp(verb, "wrote") != 0;
	if (strcmp(verb, "applied") == 0 || strcmp(verb, "wrote") == 0 ||
		strcmp(verb, "exists") == 0 || strcmp(verb, "found") == 0 ||
		strcmp(verb, "progress") == 0) {
		m.status = verb[0] == 'a' || verb[0] == 'w' ? RCPT_APPLIED
			   : verb[0] == 'p'		    ? RCPT_PROGRESS
							    : RCPT_EXISTS;
		m.doubt = verb[0] == 'f';
		m.lid = br_arena_copy(&s->arena, br_str_z(strsep(&rest, " ")));
	} else if (strcmp(verb, "stale") == 0 || strcmp(verb, "doubt") == 0) {
		m.status = RCPT_STALE;
		m.doubt = verb[0] == 'd';
	} else if (strcmp(verb, "rejected") == 0) {
		m.status = RCPT_REJECTED;
		m.code = br_arena_copy(&s->arena, br_str_z(strsep(&rest, " ")));
		m.text = br_arena_copy(&s->arena, br_str_z(rest));
		rest = NULL;
	} else if (strcmp(verb, "unknown") == 0) {
		m.status = RCPT_PARKED;
	} else if (strcmp(verb, "gone") == 0) {
		m.status = RCPT_GONE;
	} else if (strcmp(verb, "pending") == 0) {
		m.status = RCPT_PENDING;
		m.ref = br_arena_copy(&s->arena, br_str_z(rest ? rest : ""));
	} else if (strcmp(verb, "intent") == 0) {
		m.type = MSG_INTENT;
	} else {
		fail_msg("no such verb: %s", verb);
	}
	if (rest && (*rest == '{' || *rest == '@')) {
		m.has_image = true;
		m.image = parse_image(s, sys, rest);
	}
	feed(s, sys, &m, 1);
}

static void matter_of(struct stage *s, struct hub_matter *m)
{
	struct hub_matter *kept = br_arena_new(&s->arena, struct hub_matter);

	*kept = *m;
	for (const struct hub_decision *d = s->world.decisions; d; d = d->next)
		if (d->status && d->matter && d->matter->sort == m->sort && d->matter->id == m->id)
			kept->open = false;
	for (const struct hub_matter *old = s->settled; old; old = old->next)
		if (old->sort == m->sort && old->id == m->id && !old->open)
			kept->open = false;
	kept->next = s->world.matters;
	s->world.matters = kept;
}

/* As the ledger would load it for the next batch. */
static void new_batch(struct stage *s)
{
	struct hub_world *w = &s->world;
	int64_t id = 0;

	s->settled = w->matters;
	w->matters = NULL;
	for (struct hub_parked *p = w->parked; p; p = p->next)
		matter_of(s, &(struct hub_matter){.sort = MATTER_PARKED,
				     .id = ++id,
				     .open = !p->how,
				     .inbound = p->kind == PARKED_IN || p->kind == PARKED_VANISHED,
				     .sys = p->sys,
				     .has_case = p->kase != NULL,
				     .cid = p->kase ? p->kase->cid : (struct hub_id){{0}},
				     .rec = p->rec,
				     .lid = p->lid,
				     .place = p->place});
	id = 0;
	for (struct hub_conflict *c = w->conflicts; c; c = c->next)
		matter_of(s, &(struct hub_matter){.sort = MATTER_CONFLICT,
				     .id = ++id,
				     .open = true,
				     .sys = c->sys,
				     .has_case = true,
				     .cid = c->kase->cid,
				     .place = c->place,
				     .lose = c->lose});
	w->orders = br_arena_array(&s->arena, struct br_str, 16);
	w->norders = 0;
	for (struct hub_decision *d = w->decisions; d; d = d->next)
		w->orders[w->norders++] = d->order;
	w->decisions = NULL;
	w->decisions_end = &w->decisions;
	w->unparked = NULL;
	w->unparked_end = &w->unparked;
}

/* '@' stands for the (only) case. */
static struct br_str order_text(struct stage *s, const char *json)
{
	const char *at = strchr(json, '@');

	if (!at)
		return br_arena_copy(&s->arena, br_str_z(json));
	return br_arena_printf(
		&s->arena, "%.*s%s%s", (int)(at - json), json, s->world.cases->ulid, at + 1);
}

static void give_order(struct stage *s, const char *json, bool none)
{
	struct br_str text = order_text(s, json);
	struct hub_order o;
	struct br_err err;
	bool read;

	br_err_clear(&err);
	read = hub_order_read(text, &s->arena, &o, &err);
	s->world.offset = ++s->offset;
	s->world.source = 2;
	s->world.now_ms = 1530493500000 + s->offset;
	if ((read && hub_order_fold(&s->world, &o)) == none)
		fail_msg("%s is %s", json, none ? "followed" : "not followed");
	assert_false(s->world.failed);
}

static void expect_outcome(struct stage *s, const char *want)
{
	struct hub_decision *d = s->world.decisions;
	char found[64];

	while (d && d->next)
		d = d->next;
	snprintf(found, sizeof(found), "%s %s", d ? hub_outcome_word(d->outcome) : "none",
		d && d->status ? d->status : "-");
	assert_string_equal(found, want);
}

static void expect_said(struct stage *s, const char *want)
{
	struct hub_history *h = s->world.history;
	char found[128] = "";

	while (h && h->next)
		h = h->next;
	if (!h || h->sys)
		fail_msg("the last history row is nobody's decision");
	else
		snprintf(found, sizeof(found), "%.*s %.*s", BR_STR_ARG(h->by), BR_STR_ARG(h->why));
	assert_string_equal(found, want);
}

static struct hub_link *record(struct stage *s, char **words)
{
	struct hub_system *sys = hub_world_system(&s->world, br_str_z(strsep(words, " ")));
	struct hub_link *l =
		hub_world_link(&s->world, sys, BR_STR("application"), br_str_z(strsep(words, " ")));

	assert_non_null(l);
	return l;
}

static void propose(struct stage *s, char *words)
{
	struct hub_matter *m = br_arena_new(&s->arena, struct hub_matter);
	const struct hub_link *l = record(s, &words);

	*m = (struct hub_matter){.sort = MATTER_MATCH,
		.id = 1,
		.open = true,
		.sys = l->sys,
		.has_case = true,
		.cid = l->kase->cid,
		.other = record(s, &words)->kase->cid,
		.next = s->world.matters};
	for (const struct hub_matter *o = m->next; o; o = o->next)
		m->id += o->sort == MATTER_MATCH;
	s->world.matters = m;
}

static void expect_state(struct stage *s, char *words)
{
	const struct hub_link *l = record(s, &words);

	assert_int_equal(l->state, strtol(words, NULL, 10));
}

static void set_review(struct stage *s, char *words)
{
	struct hub_system *sys = hub_world_system(&s->world, br_str_z(strsep(&words, " ")));

	sys->undecided = strtol(words, NULL, 10);
	sys->compared = sys->others = true;
	for (struct hub_case *k = s->world.cases; k; k = k->hh.next)
		k->is_new = false;
}

static struct hub_out *next_out(struct stage *s)
{
	struct hub_out *o = s->seen ? s->seen->next : s->world.outs;

	while (o && (o->kind == OUT_FENCE || o->kind == OUT_RESUME))
		o = o->next;
	if (o)
		s->seen = o;
	return o;
}

static void same_image(
	struct stage *s, const struct hub_system *sys, const struct image *got, const char *want)
{
	struct image img;

	if (strcmp(want, "*") == 0)
		return;
	img = parse_image(s, (struct hub_system *)sys, want);
	if (!image_same(got, &img))
		fail_msg("sent %s, wanted %s", show_image(s, sys, got), want);
}

/* What a system remembers of a delivery is told by case and number: never one twice, not even of a
 * link that was lost. */
static void note_command(struct stage *s, const struct hub_system *sys, const struct msg_did *did)
{
	for (size_t i = 0; i < s->ncommands; i++)
		if (s->commands[i].sys == sys && br_str_eq(s->commands[i].did.cid, did->cid) &&
			s->commands[i].did.incarnation == did->incarnation)
			assert_true(did->n > s->commands[i].did.n);
	s->commands[s->ncommands].did = *did;
	s->commands[s->ncommands++].sys = sys;
}

static void expect_out(struct stage *s, struct hub_system *sys, char *verb, char *rest)
{
	struct hub_out *o = next_out(s);
	struct hub_link *l;
	char *lid, *base;

	if (!o)
		fail_msg("nothing was sent; wanted: %.*s %s %s", BR_STR_ARG(sys->code), verb,
			rest ? rest : "");
	assert_ptr_equal(o->sys, sys);
	if (strcmp(verb, "begin") == 0) {
		assert_int_equal(o->kind, OUT_BEGIN);
		return;
	}
	if (strcmp(verb, "restart") == 0 || strcmp(verb, "pause") == 0) {
		assert_int_equal(o->kind, verb[0] == 'r' ? OUT_RESTART : OUT_PAUSE);
		return;
	}
	if (strcmp(verb, "refetch") == 0) {
		assert_int_equal(o->kind, OUT_REFETCH);
		assert_true(o->nlids == 1 && br_str_eq(o->lids[0], br_str_z(rest)));
		return;
	}
	assert_int_equal(o->kind, OUT_CMD);
	l = o->link;
	assert_int_equal(l->inflight.op, strcmp(verb, "create") == 0 ? OP_CREATE : OP_UPDATE);
	lid = strsep(&rest, " ");
	assert_true(strcmp(lid, "-") == 0 ? l->lid.n == 0 : br_str_eq(l->lid, br_str_z(lid)));
	base = strstr(rest, " base ");
	assert_non_null(base);
	*base = '\0';
	same_image(s, sys, &l->inflight.set, rest);
	same_image(s, sys, &l->shadow, base + 6);
	note_command(s, sys,
		&(struct msg_did){l->inflight.incarnation, br_str_z(l->kase->ulid),
			BR_STR("application"), l->n});
}

static void no_more_outs(struct stage *s, const char *line)
{
	struct hub_out *o = next_out(s);

	if (o)
		fail_msg("before '%s': unexpected output kind %d to %.*s: %s", line, (int)o->kind,
			BR_STR_ARG(o->sys->code),
			o->kind == OUT_CMD ? show_image(s, o->sys, &o->link->inflight.set) : "");
}

static void expect_case(struct stage *s, char *words)
{
	struct hub_case *k = s->world.cases;
	char *word;

	assert_non_null(k);
	while ((word = strsep(&words, ";"))) {
		char *value = strchr(word, '=');
		int f;
		const struct cell *c;

		*value++ = '\0';
		f = shape_find(schema->shape, 0, br_str_z(word));
		assert_true(f >= 0);
		c = image_root(&k->doc, (unsigned)f);
		if (!c || !br_str_eq(c->value, br_str_z(value)))
			fail_msg("%s is '%.*s', wanted '%s'", word, c ? (int)c->value.n : 0,
				c ? c->value.p : "", value);
	}
}

static struct hub_link *link_out(struct stage *s)
{
	for (struct hub_case *k = s->world.cases; k; k = k->hh.next)
		for (struct hub_link *l = k->links; l; l = l->next)
			if (l->inflight.on)
				return l;
	fail_msg("no command is out");
	return NULL;
}

static void expect_base(struct stage *s, const char *want)
{
	struct hub_link *l = link_out(s);

	same_image(s, l->sys, l->inflight.own_base ? &l->inflight.base : &l->shadow, want);
}

/* SYSTEM LID {shadow} */
static void know(struct stage *s, char *rest)
{
	struct hub_system *sys = hub_world_system(&s->world, br_str_z(strsep(&rest, " ")));
	struct hub_link *l = hub_world_link(&s->world, sys, BR_STR("application"),
		br_arena_copy(&s->arena, br_str_z(strsep(&rest, " "))));

	assert_non_null(l);
	l->shadow = parse_image(s, sys, rest);
}

static void expect_conflict(struct stage *s, const char *what)
{
	struct hub_conflict *c = s->world.conflicts;
	char found[64];

	while (c && c->next)
		c = c->next;
	snprintf(found, sizeof(found), "%.*s %d", BR_STR_ARG(c ? c->sys->code : BR_STR("none")),
		c ? (int)c->lost_ver : 0);
	assert_string_equal(found, what);
}

static void expect_chinese(struct stage *s, const char *want)
{
	struct hub_parked *p = s->world.parked;
	size_t n = strlen(want);

	while (p && p->next)
		p = p->next;
	if (!p || p->text_zh.n < n || memcmp(p->text_zh.p + p->text_zh.n - n, want, n) != 0)
		fail_msg("parked with %.*s, wanted ...%s", p ? (int)p->text_zh.n : 0,
			p ? p->text_zh.p : "", want);
}

static void expect_history(struct stage *s, const char *want)
{
	struct hub_history *h = s->world.history;

	while (h && h->next)
		h = h->next;
	if (!h || !br_str_eq(h->delta, br_str_z(want)))
		fail_msg("history says %.*s, wanted %s", h ? (int)h->delta.n : 0,
			h ? h->delta.p : "", want);
}

static long elements(const struct hub_case *k)
{
	long n = 0;

	for (uint32_t i = 0; k && i < k->doc.n; i++)
		n += k->doc.cells[i].part &&
		     (i == 0 || k->doc.cells[i - 1].part != k->doc.cells[i].part ||
			     !br_str_eq(k->doc.cells[i - 1].key, k->doc.cells[i].key));
	return n;
}

static void expect_number(struct stage *s, const char *what, long n)
{
	long found = 0;

	if (strcmp(what, "conflicts") == 0)
		for (struct hub_conflict *c = s->world.conflicts; c; c = c->next)
			found++;
	else if (strcmp(what, "decisions") == 0)
		for (struct hub_decision *d = s->world.decisions; d; d = d->next)
			found++;
	else if (strcmp(what, "parked") == 0)
		for (struct hub_parked *p = s->world.parked; p; p = p->next)
			found++;
	else if (strcmp(what, "bytes") == 0)
		for (struct hub_parked *p = s->world.parked; p; p = p->next)
			found += p->raw.n > 0;
	else if (strcmp(what, "out") == 0)
		found = s->systems[0].outstanding + s->systems[1].outstanding;
	else if (strcmp(what, "awaited") == 0)
		found = s->systems[0].count.pending + s->systems[1].count.pending;
	else if (strcmp(what, "attempted") == 0)
		found = link_out(s)->inflight.attempted;
	else if (strcmp(what, "backlog") == 0)
		found = s->systems[0].backlog + s->systems[1].backlog;
	else if (strcmp(what, "open") == 0)
		for (struct hub_parked *p = s->world.parked; p; p = p->next)
			found += !p->how;
	else if (strcmp(what, "missing") == 0)
		found = s->systems[0].count.missing + s->systems[1].count.missing;
	else if (strcmp(what, "cases") == 0)
		for (struct hub_case *k = s->world.cases; k; k = k->hh.next)
			found += !k->merged;
	else if (strcmp(what, "elements") == 0)
		found = elements(s->world.cases);
	else if (strcmp(what, "version") == 0)
		found = s->world.cases ? s->world.cases->ver : 0;
	else
		fail_msg("no such line: %s", what);
	if (found != n)
		fail_msg("%s is %ld, wanted %ld", what, found, n);
}

static void tell(void **state)
{
	const struct story *story = *state;
	char *text = strdup(story->text), *rest = text, *line;
	struct stage s;

	set_stage(&s);
	while ((line = strsep(&rest, "\n")) && *line) {
		bool out = line[0] == '>';
		char shown[120], *cursor = out ? line + 2 : line, *word, *verb;
		struct hub_system *sys;

		snprintf(shown, sizeof(shown), "%s", line);
		if (!out)
			no_more_outs(&s, shown);
		word = strsep(&cursor, " ");
		sys = hub_world_system(&s.world, br_str_z(word));
		if (sys) {
			verb = strsep(&cursor, " ");
			if (out)
				expect_out(&s, sys, verb, cursor);
			else
				say(&s, sys, verb, cursor);
		} else if (strcmp(word, "known") == 0) {
			know(&s, cursor);
		} else if (strcmp(word, "outbase") == 0) {
			expect_base(&s, cursor);
		} else if (strcmp(word, "history") == 0) {
			expect_history(&s, cursor);
		} else if (strcmp(word, "inchinese") == 0) {
			expect_chinese(&s, cursor);
		} else if (strcmp(word, "case") == 0) {
			expect_case(&s, cursor);
		} else if (strcmp(word, "batch") == 0) {
			new_batch(&s);
		} else if (strcmp(word, "order") == 0) {
			give_order(&s, cursor, false);
		} else if (strcmp(word, "noorder") == 0) {
			give_order(&s, cursor, true);
		} else if (strcmp(word, "outcome") == 0) {
			expect_outcome(&s, cursor);
		} else if (strcmp(word, "said") == 0) {
			expect_said(&s, cursor);
		} else if (strcmp(word, "pair") == 0) {
			propose(&s, cursor);
		} else if (strcmp(word, "state") == 0) {
			expect_state(&s, cursor);
		} else if (strcmp(word, "review") == 0) {
			set_review(&s, cursor);
		} else if (strcmp(word, "conflict") == 0) {
			expect_conflict(&s, cursor);
		} else {
			expect_number(&s, word, strtol(cursor, NULL, 10));
		}
	}
	no_more_outs(&s, "the end");
	clear_stage(&s);
	free(text);
}

/* What a walk makes the bridge ask for: what differs, what is unknown, what is missing. A record of
 * which only is said that it is there does not differ; one that waits for a person is read again
 * when it shows something else. */
static void digests(void **state)
{
	static struct msg_digest told[] = {{BR_STR("new"), 0}, {BR_STR("same"), 7},
		{BR_STR("there"), 0}, {BR_STR("differs"), 8}, {BR_STR("waits"), 4},
		{BR_STR("waited"), 3}};
	struct hub_known known[] = {{.lid = BR_STR("differs"), .hash = 9},
		{.lid = BR_STR("missing"), .hash = 5}, {.lid = BR_STR("same"), .hash = 7},
		{.lid = BR_STR("there"), .hash = 6}, {.lid = BR_STR("waited"), .parked = true},
		{.lid = BR_STR("waits"), .parked = true}, {.lid = BR_STR("went"), .parked = true}};
	static const char *const wanted[] = {"differs", "missing", "new", "waited"};
	struct msg m = {.type = MSG_DIGEST,
		.rec = BR_STR("application"),
		.digests = told,
		.ndigests = BR_LEN(told)};
	struct hub_out *o;
	struct stage s;

	(void)state;
	set_stage(&s);
	known[4].hash = known[5].hash =
		hub_seen_as(map_find(s.systems[0].maps, BR_STR("application")), 4);
	hub_step_digest(&s.world, &s.systems[0], &m, known, BR_LEN(known));
	o = s.world.outs;
	assert_non_null(o);
	assert_int_equal(o->kind, OUT_REFETCH);
	assert_int_equal(o->nlids, BR_LEN(wanted));
	for (size_t i = 0; i < BR_LEN(wanted); i++)
		assert_true(br_str_eq(o->lids[i], br_str_z(wanted[i])));
	clear_stage(&s);
}

/* The connector tells what its write guard holds back; a new connector holds nothing yet. */
static void held(void **state)
{
	struct msg m = {.type = MSG_HELD, .held = 12, .stopped = true};
	struct msg hello = {.type = MSG_HELLO, .nonce = BR_STR("second")};
	struct stage s;

	(void)state;
	set_stage(&s);
	feed(&s, &s.systems[0], &m, 1);
	assert_int_equal(s.systems[0].count.held, 12);
	assert_int_equal(s.systems[0].count.stopped, 1);
	assert_true(s.systems[0].dirty);
	feed(&s, &s.systems[0], &hello, 0);
	assert_int_equal(s.systems[0].count.held, 0);
	assert_int_equal(s.systems[0].count.stopped, 0);
	clear_stage(&s);
}

/* What a connector told before its system was restored counts no more, for the next bridge either.
 */
static void told_before_a_restore(void **state)
{
	struct msg hello = {.type = MSG_HELLO, .nonce = BR_STR("first")}, m = {.type = MSG_HELD};
	struct hub_system *sys;
	struct stage s;

	(void)state;
	set_stage(&s);
	sys = &s.systems[0];
	feed(&s, sys, &hello, 0);
	m.sys = sys->code;
	m.epoch = sys->epoch;
	m.seq = sys->last_seq + 1;
	m.held = 12;
	hub_step_rebase(&s.world, sys);
	sys->gap = false; /* is not written down */
	hub_step(&s.world, sys, &m);
	assert_int_equal(sys->count.held, 0);
	clear_stage(&s);
}

/* The epoch that the order took is nobody's: who is given it by the answer to a HELLO of before
 * would speak for ever, and never be heard. */
static void hello_before_a_restore(void **state)
{
	struct msg hello = {.type = MSG_HELLO, .nonce = BR_STR("second")};
	struct hub_system *sys, *other;
	struct stage s;

	(void)state;
	set_stage(&s);
	sys = &s.systems[0];
	other = &s.systems[1];
	feed(&s, sys, &hello, 0);
	feed(&s, other, &hello, 0);
	assert_non_null(hub_world_fence(&s.world, sys));
	hub_step_rebase(&s.world, sys);
	assert_null(hub_world_fence(&s.world, sys));
	assert_non_null(hub_world_fence(&s.world, other));
	hello.nonce = BR_STR("third");
	feed(&s, sys, &hello, 0);
	assert_string_equal(hub_world_fence(&s.world, sys)->nonce.p, "third");
	clear_stage(&s);
}

int main(void)
{
	static const struct CMUnitTest others[] = {cmocka_unit_test(digests),
		cmocka_unit_test(held), cmocka_unit_test(told_before_a_restore),
		cmocka_unit_test(hello_before_a_restore)};
	struct CMUnitTest tests[BR_LEN(stories) + BR_LEN(others)];

	for (size_t i = 0; i < BR_LEN(stories); i++)
		tests[i] = (struct CMUnitTest){.name = stories[i].name,
			.test_func = tell,
			.initial_state = (void *)&stories[i]};
	memcpy(tests + BR_LEN(stories), others, sizeof(others));
	return cmocka_run_group_tests(tests, load, unload);
}
