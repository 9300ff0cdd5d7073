/* The state machine of a command against a scripted portal: what is called, with which key and
 * condition, and what is told to the bridge. */
#include "connectors/http/fake_http.h"

#define READ                                                                                       \
	"\"read\":{\"list\":{\"path\":\"/all?from={cursor}&n={limit}\"},\"get\":{\"path\":\"/c/"   \
	"{lid}\",\"object\":\"data\"}}"
#define CALLS                                                                                      \
	"\"lookup\":{\"path\":\"/find?b={BUSNO}\",\"items\":\"data\"},"                            \
	"\"create\":[{\"name\":\"number\",\"path\":\"/"                                            \
	"n\",\"body\":{\"b\":\"{BUSNO}\"},\"lid\":\"data.no\"},"                                   \
	"{\"name\":\"basic\",\"path\":\"/"                                                         \
	"basic\",\"body\":{\"NO\":\"{lid}\"},\"columns\":[\"NAME\",\"ADDR\",\"BUSNO\"],"           \
	"\"object\":\"data\"},"                                                                    \
	"{\"name\":\"step\",\"path\":\"/"                                                          \
	"step\",\"part\":\"STEPS\",\"body\":{\"NO\":\"{lid}\",\"SN\":\"{key}\"},\"columns\":["     \
	"\"TXT\"],\"object\":\"data\"}],"                                                          \
	"\"update\":[{\"name\":\"step\",\"path\":\"/"                                              \
	"step\",\"part\":\"STEPS\",\"body\":{\"NO\":\"{lid}\",\"SN\":\"{key}\"},\"columns\":["     \
	"\"TXT\"],"                                                                                \
	"\"object\":\"data\"},{\"name\":\"upd\",\"path\":\"/"                                      \
	"upd\",\"body\":{\"NO\":\"{lid}\"},\"columns\":[\"NAME\",\"ADDR\"],\"object\":\"data\"}]"
#define SPEC(more)                                                                                 \
	"{\"record\":\"case\",\"root\":{\"key\":\"NO\"}," READ                                     \
	",\"parts\":{\"STEPS\":{\"path\":\"STEPS\",\"key\":\"SN\",\"columns\":[\"TXT\"]}},"        \
	"\"write\":{" more CALLS "}}"

/* the call that allots the number writes all columns of the root too */
#define ONE_CALL(more, calls)                                                                      \
	"{\"record\":\"case\",\"root\":{\"key\":\"NO\"}," READ                                     \
	",\"parts\":{\"STEPS\":{\"path\":\"STEPS\",\"key\":\"SN\",\"columns\":[\"TXT\"]}},"        \
	"\"write\":{" more "\"lookup\":{\"path\":\"/find?b={BUSNO}\",\"items\":\"data\"},"         \
	"\"create\":[{\"name\":\"one\",\"path\":\"/"                                               \
	"one\",\"columns\":[\"NAME\",\"ADDR\",\"BUSNO\"],"                                         \
	"\"lid\":\"data.NO\",\"object\":\"data\"}" calls "]}}"

static const char *const specs[] = {
	['1'] = SPEC("\"idempotency\":\"Idempotency-Key\",\"etag\":\"true\","),
	['2'] = SPEC("\"etag\":\"true\","),
	['3'] = SPEC(""),
	['U'] = SPEC("\"unique\":\"true\","),
	['V'] = SPEC("\"visibility\":\"20ms\","),
	['W'] = ONE_CALL("\"visibility\":\"20ms\",", ""),
	['X'] = ONE_CALL("",
		",{\"name\":\"step\",\"path\":\"/step\",\"part\":\"STEPS\",\"body\":{\"NO\":"
		"\"{lid}\",\"SN\":\"{key}\"},\"columns\":[\"TXT\"],\"object\":\"data\"}"),
};

#define V(n) "ETag: \"v" #n "\"\r\n"
#define OK(n, name, addr)                                                                          \
	200, V(n),                                                                                 \
		"{\"code\":\"200\",\"data\":{\"NO\":\"1\",\"NAME\":\"" name "\",\"ADDR\":\"" addr  \
		"\",\"STEPS\":[]}}"
#define STEP(n, name, addr, txt)                                                                   \
	200, V(n),                                                                                 \
		"{\"code\":200,\"data\":{\"NO\":\"1\",\"NAME\":\"" name "\",\"ADDR\":\"" addr      \
		"\",\"STEPS\":[{\"SN\":\"7\",\"TXT\":\"" txt "\"}]}}"
#define STEPS(n, name, addr, one, two)                                                             \
	200, V(n),                                                                                 \
		"{\"code\":200,\"data\":{\"NO\":\"1\",\"NAME\":\"" name "\",\"ADDR\":\"" addr      \
		"\",\"STEPS\":[{\"SN\":\"7\",\"TXT\":\"" one "\"},{\"SN\":\"8\",\"TXT\":\"" two    \
		"\"}]}}"
#define SAY(code)    200, NULL, "{\"code\":\"" code "\",\"msg\":\"why\"}"
#define NUMBER(no)   200, NULL, "{\"code\":\"200\",\"data\":{\"no\":\"" no "\"}}"
#define FOUND(items) 200, NULL, "{\"code\":\"200\",\"data\":[" items "]}"
#define HTML	     200, NULL, "<html>"
#define LOST	     0, NULL, NULL
#define BROKEN	     500, NULL, "<html>"
#define KEY(call)    "Idempotency-Key: 5.C.case.9/" call "\r\n"
#define IF(n)	     "If-Match: \"v" #n "\"\r\n"
#define NEVER	     "If-Match: \"casebridge-none\"\r\n"

struct test {
	const char *name;
	char promise;
	const char *lid, *base, *set, *attempted; /* "late": in the last round that is waited for */
	struct line script[12];
	const char *want;
};

#define MADE "{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"x\"}"
#define NEW  "BUSNO=B;NAME=a;ADDR=x"
#define OLD  "NO=1;NAME=a;ADDR=x"

static const struct test tests[] = {
	/* ---- creates ---- */
	{"a create in three calls", '1', "", "", NEW ";STEPS/7/TXT=t", NULL,
		{{"GET /find?b=B ", NULL, NULL, FOUND("")},
			{"POST /n ", KEY("number"), "If-Match", NUMBER("1")},
			{"POST /basic ", KEY("basic"), "If-Match", OK(1, "a", "x")},
			{"POST /step ", KEY("step/7"), NULL, STEP(2, "a", "x", "t")}},
		"PROGRESS 1;APPLIED 1 atomic "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"x\",\"STEPS/7/TXT\":\"t\"};"},
	{"found before", '1', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"}")},
			{"GET /c/1 ", NULL, NULL, OK(1, "b", "y")}},
		"EXISTS 1 atomic {\"NO\":\"1\",\"NAME\":\"b\",\"ADDR\":\"y\"};"},
	{"found with equal content is still somebody's", '1', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"}")},
			{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")}},
		"EXISTS 1 atomic " MADE ";"},
	{"found twice", '1', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"},{\"NO\":\"2\"}")}}, "AMBIGUOUS ;"},
	{"lost answers, with a key", '1', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, FOUND("")}, {"POST /n ", KEY("number"), NULL, LOST},
			{"POST /n ", KEY("number"), NULL, NUMBER("1")},
			{"POST /basic ", KEY("basic"), NULL, HTML},
			{"POST /basic ", KEY("basic"), NULL, OK(1, "a", "x")}},
		"PROGRESS 1;APPLIED 1 atomic " MADE ";"},
	{"inherited, with a key: the key is asked first", '1', "", "", NEW, "1",
		{{"POST /n ", KEY("number"), NULL, NUMBER("1")},
			{"POST /basic ", KEY("basic"), NULL, OK(1, "a", "x")}},
		"PROGRESS 1;APPLIED 1 atomic " MADE ";"},
	{"inherited under its number, record not there", '1', "1", "", NEW, "1",
		{{"GET /c/1 ", NULL, NULL, SAY("gone")},
			{"POST /basic ", KEY("basic"), "If-Match", OK(1, "a", "x")}},
		"APPLIED 1 atomic " MADE ";"},
	{"inherited under its number, half made", '1', "1", "", NEW ";STEPS/7/TXT=t", "1",
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /basic ", NEVER, NULL, OK(1, "a", "x")},
			{"POST /step ", IF(1), NULL, STEP(2, "a", "x", "t")}},
		"APPLIED 1 atomic "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"x\",\"STEPS/7/TXT\":\"t\"};"},
	{"resumed under its number without a key", '2', "1", "", NEW ";STEPS/7/TXT=t", "1",
		{{"GET /c/1 ", NULL, NULL, STEP(1, "a", "x", "t")},
			{"POST /basic ", IF(1), NULL, STEP(2, "a", "x", "t")}},
		"APPLIED 1 doubt "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"x\",\"STEPS/7/TXT\":\"t\"};"},
	{"no answer, no key, nothing found: never a second POST", '3', "", "", "BUSNO=B;NAME=a",
		"1",
		{{"GET /find", NULL, NULL, FOUND("")}, {"POST /n ", NULL, NULL, NUMBER("1")},
			{"POST /basic ", NULL, "Idempotency-Key", OK(0, "a", "x")}},
		"PROGRESS 1;APPLIED 1 " MADE ";"},
	{"the number is taken from the refusal", 'U', "", "", "NAME=a;BUSNO=B", NULL,
		{{"GET /find", NULL, NULL, FOUND("")},
			{"POST /n ", NULL, NULL, 200, NULL,
				"{\"code\":\"dup\",\"data\":{\"no\":\"1\"}}"},
			{"GET /c/1 ", NULL, NULL, SAY("gone")},
			{"POST /basic ", NULL, NULL, OK(0, "a", "x")}},
		"PROGRESS 1;APPLIED 1 " MADE ";"},
	{"a duplicate that exists", 'U', "", "", "NAME=a;BUSNO=B", NULL,
		{{"GET /find", NULL, NULL, FOUND("")},
			{"POST /n ", NULL, NULL, 200, NULL,
				"{\"code\":\"dup\",\"data\":{\"no\":\"1\"}}"},
			{"GET /c/1 ", NULL, NULL, OK(0, "b", "y")}},
		"EXISTS 1 atomic {\"NO\":\"1\",\"NAME\":\"b\",\"ADDR\":\"y\"};"},
	{"looked for twice where new records show late", 'V', "", "", "NAME=a;BUSNO=B", NULL,
		{{"GET /find", NULL, NULL, FOUND("")},
			{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"}")},
			{"GET /c/1 ", NULL, NULL, OK(0, "a", "x")}},
		"EXISTS 1 atomic " MADE ";"},
	{"no answer where new records show late: looked for twice again", 'W', "", "",
		"NAME=a;BUSNO=B", NULL,
		{{"GET /find", NULL, NULL, FOUND("")}, {"GET /find", NULL, NULL, FOUND("")},
			{"POST /one ", NULL, NULL, LOST}, {"GET /find", NULL, NULL, FOUND("")},
			{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"}")},
			{"GET /c/1 ", NULL, NULL, OK(0, "a", "x")}},
		"APPLIED 1 doubt " MADE ";"},
	{"no answer to the first call, and it was done: the rest follows", 'X', "", "",
		NEW ";STEPS/7/TXT=t", NULL,
		{{"GET /find", NULL, NULL, FOUND("")}, {"POST /one ", NULL, NULL, LOST},
			{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"}")},
			{"GET /c/1 ", NULL, NULL, OK(0, "a", "x")},
			{"POST /step ", NULL, NULL, STEP(0, "a", "x", "t")}},
		"APPLIED 1 doubt "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"x\",\"STEPS/7/TXT\":\"t\"};"},
	{"no answer to the first call, and it was done; the second fails: it is ours in the next "
	 "round",
		'X', "", "", NEW ";STEPS/7/TXT=t", NULL,
		{{"GET /find", NULL, NULL, FOUND("")}, {"POST /one ", NULL, NULL, LOST},
			{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"}")},
			{"GET /c/1 ", NULL, NULL, OK(0, "a", "x")},
			{"POST /step ", NULL, NULL, LOST},
			{"GET /c/1 ", NULL, NULL, OK(0, "a", "x")},
			{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"}")},
			{"GET /c/1 ", NULL, NULL, OK(0, "b", "x")},
			{"POST /step ", NULL, NULL, STEP(0, "b", "x", "t")}},
		"back;APPLIED 1 doubt "
		"{\"NO\":\"1\",\"NAME\":\"b\",\"ADDR\":\"x\",\"STEPS/7/TXT\":\"t\"};"},
	{"refused half-way", '1', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, FOUND("")}, {"POST /n ", NULL, NULL, NUMBER("1")},
			{"POST /basic ", NULL, NULL, SAY("bad")}},
		"PROGRESS 1;REJECTED 1 code bad;"},
	{"accepted, answer later", '1', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, FOUND("")}, {"POST /n ", NULL, NULL, NUMBER("1")},
			{"POST /basic ", NULL, NULL, SAY("pend")}},
		"PROGRESS 1;PENDING 1 code pend ref 1;"},
	/* ---- updates ---- */
	{"an update", '1', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, OK(2, "a", "y")}},
		"APPLIED 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"an update without conditions is never called exact", '3', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", NULL, "If-Match", OK(2, "a", "Y")}},
		"APPLIED 1 {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"Y\"};"},
	{"somebody was there before", '1', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "b", "x")}},
		"STALE 1 atomic {\"NO\":\"1\",\"NAME\":\"b\",\"ADDR\":\"x\"};"},
	{"somebody was there in between", '2', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, SAY("stale")},
			{"GET /c/1 ", NULL, NULL, OK(2, "b", "x")}},
		"STALE 1 atomic {\"NO\":\"1\",\"NAME\":\"b\",\"ADDR\":\"x\"};"},
	{"... at something else", '2', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, SAY("stale")},
			{"GET /c/1 ", NULL, NULL, OK(2, "a", "x")},
			{"POST /upd ", IF(2), NULL, OK(3, "a", "y")}},
		"APPLIED 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"a step somebody added is not overwritten", '2', "1", OLD, "STEPS/7/TXT=t", NULL,
		{{"GET /c/1 ", NULL, NULL, STEP(1, "a", "x", "u")}},
		"STALE 1 atomic "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"x\",\"STEPS/7/TXT\":\"u\"};"},
	{"between two calls: what is ours is told first", '2', "1", OLD, "ADDR=y;STEPS/7/TXT=t",
		NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /step ", IF(1), NULL, STEP(2, "a", "x", "T")},
			{"POST /upd ", IF(2), NULL, SAY("stale")},
			{"GET /c/1 ", NULL, NULL, STEP(3, "a", "z", "T")}},
		"PROGRESS 1 {\"NO\":\"1\",\"NAME\":\"a\",\"STEPS/7/TXT\":\"T\"};"
		"STALE 1 atomic "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"z\",\"STEPS/7/TXT\":\"T\"};"},
	{"between two calls, at what the first one wrote", '2', "1", OLD, "ADDR=y;STEPS/7/TXT=t",
		NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /step ", IF(1), NULL, STEP(2, "a", "x", "T")},
			{"POST /upd ", IF(2), NULL, SAY("stale")},
			{"GET /c/1 ", NULL, NULL, STEP(3, "a", "x", "edited")}},
		"PROGRESS 1 {\"NO\":\"1\",\"NAME\":\"a\",\"STEPS/7/TXT\":\"T\"};"
		"STALE 1 atomic "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"x\",\"STEPS/7/TXT\":\"edited\"};"},
	{"without conditions: an edit that our first call's answer shows is not written over", '3',
		"1", OLD, "ADDR=y;STEPS/7/TXT=t", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /step ", NULL, NULL, STEP(2, "a", "z", "T")}},
		"PROGRESS 1 {\"NO\":\"1\",\"NAME\":\"a\",\"STEPS/7/TXT\":\"T\"};"
		"STALE 1 atomic "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"z\",\"STEPS/7/TXT\":\"T\"};"},
	{"without conditions: an edit between two calls, at what the first one wrote", '3', "1",
		OLD, "ADDR=y;STEPS/7/TXT=t;STEPS/8/TXT=u", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /step ", NULL, NULL, STEP(2, "a", "x", "T")},
			{"POST /step ", NULL, NULL, STEPS(3, "a", "z", "edited", "U")}},
		"PROGRESS 1 {\"NO\":\"1\",\"NAME\":\"a\",\"STEPS/7/TXT\":\"T\",\"STEPS/8/"
		"TXT\":\"U\"};"
		"STALE 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"z\",\"STEPS/7/TXT\":"
		"\"edited\",\"STEPS/8/TXT\":\"U\"};"},
	{"the same when it goes on after an attempt of which nothing was heard", '3', "1", OLD,
		"ADDR=y;STEPS/7/TXT=t", "1",
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /step ", NULL, NULL, STEP(2, "a", "z", "T")}},
		"PROGRESS 1 doubt {\"NO\":\"1\",\"NAME\":\"a\",\"STEPS/7/TXT\":\"T\"};"
		"STALE 1 atomic "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"z\",\"STEPS/7/TXT\":\"T\"};"},
	{"inherited, done, and edited since: the key tells what we wrote", '1', "1", OLD, "ADDR=y",
		"1",
		{{"GET /c/1 ", NULL, NULL, OK(3, "a", "z")},
			{"POST /upd ", NEVER, NULL, OK(2, "a", "y")}},
		"APPLIED 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"inherited, what is transformed: an attempt passed over the first call", '1', "1", OLD,
		"ADDR=y;STEPS/7/TXT=t", "1",
		{{"GET /c/1 ", NULL, NULL, STEP(3, "a", "Y", "t")},
			{"POST /step ", NEVER, NULL, SAY("stale")},
			{"POST /upd ", NEVER, NULL, STEP(3, "a", "Y", "t")}},
		"APPLIED 1 atomic "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"Y\",\"STEPS/7/TXT\":\"t\"};"},
	{"inherited, never done, and edited since: nothing is overwritten", '1', "1", OLD, "ADDR=y",
		"1",
		{{"GET /c/1 ", NULL, NULL, OK(3, "a", "z")},
			{"POST /upd ", NEVER, NULL, SAY("stale")},
			{"GET /c/1 ", NULL, NULL, OK(3, "a", "z")}},
		"STALE 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"z\"};"},
	{"inherited; a call was passed over for what somebody else had typed, who types on", '1',
		"1", OLD, "ADDR=y;STEPS/7/TXT=t", "1",
		{{"GET /c/1 ", NULL, NULL, STEP(3, "a", "x", "t")},
			{"POST /step ", NEVER, NULL, SAY("stale")},
			{"POST /upd ", NEVER, NULL, SAY("stale")},
			{"GET /c/1 ", NULL, NULL, STEP(3, "a", "x", "t")},
			{"POST /upd ", IF(3), NULL, SAY("stale")},
			{"GET /c/1 ", NULL, NULL, STEP(4, "a", "x", "u")}},
		"STALE 1 atomic "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"x\",\"STEPS/7/TXT\":\"u\"};"},
	{"inherited, and as before: sent under its condition", '1', "1", OLD, "ADDR=y", "1",
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, OK(2, "a", "y")}},
		"APPLIED 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"inherited without a key, as sent", '2', "1", OLD, "ADDR=y", "1",
		{{"GET /c/1 ", NULL, NULL, OK(2, "a", "y")}},
		"APPLIED 1 doubt {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"inherited without a key, neither", '2', "1", OLD, "ADDR=y", "1",
		{{"GET /c/1 ", NULL, NULL, OK(2, "a", "Y")}},
		"STALE 1 doubt {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"Y\"};"},
	{"inherited without a key, half done: the rest is sent", '2', "1", OLD,
		"ADDR=y;STEPS/7/TXT=t", "1",
		{{"GET /c/1 ", NULL, NULL, STEP(2, "a", "x", "t")},
			{"POST /upd ", IF(2), NULL, STEP(3, "a", "y", "t")}},
		"APPLIED 1 doubt "
		"{\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\",\"STEPS/7/TXT\":\"t\"};"},
	{"a page after the first effect, then somebody: the doubt stays", '2', "1", OLD,
		"ADDR=y;STEPS/7/TXT=t", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")}, {"POST /step ", IF(1), NULL, HTML},
			{"GET /c/1 ", NULL, NULL, STEP(2, "a", "x", "t")},
			{"POST /upd ", IF(2), NULL, SAY("stale")},
			{"GET /c/1 ", NULL, NULL, STEP(3, "b", "x", "t")}},
		"STALE 1 doubt "
		"{\"NO\":\"1\",\"NAME\":\"b\",\"ADDR\":\"x\",\"STEPS/7/TXT\":\"t\"};"},
	{"a page after the effect, without a key", '2', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")}, {"POST /upd ", IF(1), NULL, HTML},
			{"GET /c/1 ", NULL, NULL, OK(2, "a", "y")}},
		"APPLIED 1 doubt {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"a page instead of the effect, without a key: handed back, sent again", '3', "1", OLD,
		"ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")}, {"POST /upd ", NULL, NULL, HTML},
			{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", NULL, NULL, OK(2, "a", "y")}},
		"back;APPLIED 1 {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"gone", '1', "1", OLD, "ADDR=y", NULL, {{"GET /c/1 ", NULL, NULL, SAY("gone")}},
		"GONE 1 code gone;"},
	{"duplicate in an update is for a person", '1', "1", OLD, "NAME=c", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", NULL, NULL, SAY("dup")}},
		"REJECTED 1 code dup;"},
	{"a code nobody told of is no success", '1', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", NULL, NULL, SAY("6666")}},
		"REJECTED 1 code 6666;"},
	{"a column no call takes is not claimed", '1', "1", OLD, "STATE=5;ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, OK(2, "a", "y")}},
		"APPLIED 1 {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"busy", '1', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, SAY("busy")},
			{"POST /upd ", IF(1), NULL, OK(2, "a", "y")}},
		"APPLIED 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"busy without conditions: read again before it is written", '3', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", NULL, NULL, SAY("busy")},
			{"GET /c/1 ", NULL, NULL, OK(1, "b", "x")}},
		"STALE 1 atomic {\"NO\":\"1\",\"NAME\":\"b\",\"ADDR\":\"x\"};"},
	/* ---- questions that are answered otherwise ---- */
	{"a record we may not read", '2', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, SAY("bad")}}, "REJECTED 1 code bad;"},
	{"the same after an attempt of which nothing was heard", '2', "1", OLD, "ADDR=y", "1",
		{{"GET /c/1 ", NULL, NULL, SAY("6666")}}, "PARKED 1 doubt code 6666;"},
	{"a search that is refused", '2', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, SAY("bad")}}, "REJECTED  code bad;"},
	{"a search that is refused after a call without an answer", '3', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, FOUND("")}, {"POST /n ", NULL, NULL, NUMBER("1")},
			{"POST /basic ", NULL, NULL, LOST}, {"GET /c/1 ", NULL, NULL, SAY("bad")}},
		"PROGRESS 1;PARKED 1 doubt code bad;"},
	{"no record in the answer", '2', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, SAY("200")}, {"GET /c/1 ", NULL, NULL, SAY("200")},
			{"GET /c/1 ", NULL, NULL, SAY("200")},
			{"GET /c/1 ", NULL, NULL, SAY("200")}},
		"REJECTED 1 code HTTP-014;"},
	/* ---- a create of which nobody can tell what became of it ---- */
	{"there already, they say, and it is not found", '3', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, FOUND("")}, {"POST /n ", NULL, NULL, SAY("dup")},
			{"GET /find", NULL, NULL, FOUND("")}},
		"PARKED  doubt code HTTP-010;"},
	{"not found after an attempt that may have made it", 'X', "", "", NEW, "1",
		{{"GET /find", NULL, NULL, FOUND("")}}, "PARKED  doubt code HTTP-011;"},
	{"nothing to look it up by, after an attempt", 'X', "", "", "NAME=a;ADDR=x", "1", {{0}},
		"PARKED  doubt code HTTP-012;"},
	{"nothing to look it up by, and no answer", 'X', "", "", "NAME=a;ADDR=x", NULL,
		{{"POST /one ", NULL, NULL, LOST}}, "PARKED  doubt code HTTP-012;"},
	{"made, and its number is not told", '3', "", "", NEW, NULL,
		{{"GET /find", NULL, NULL, FOUND("")}, {"POST /n ", NULL, NULL, SAY("200")}},
		"PARKED  doubt code HTTP-013;"},
	/* ---- an error for an answer, where only the record can tell ---- */
	{"an error at the record, and others can be read", '2', "1", OLD, "ADDR=y", "late",
		{{"GET /c/1 ", NULL, NULL, BROKEN},
			{"GET /all?from=&n=100 ", NULL, NULL, FOUND("")}},
		"PARKED 1 doubt code HTTP-015;"},
	{"no answer from the record, and others can be read", '2', "1", OLD, "ADDR=y", "late",
		{{"GET /c/1 ", NULL, NULL, LOST}, {"GET /all?", NULL, NULL, FOUND("")}},
		"PARKED 1 doubt code HTTP-015;"},
	{"an error at the record and at others: it may be the system", '2', "1", OLD, "ADDR=y",
		"late",
		{{"GET /c/1 ", NULL, NULL, BROKEN}, {"GET /all", NULL, NULL, BROKEN},
			{"GET /c/1 ", NULL, NULL, OK(1, "a", "y")}},
		"back;APPLIED 1 doubt {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"a first error after a long outage gives nothing up", '2', "1", OLD, "ADDR=y", "late",
		{{"GET /c/1 ", NULL, NULL, BROKEN}, {"GET /all", NULL, NULL, BROKEN},
			{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, BROKEN},
			{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, OK(2, "a", "y")}},
		"back;back;APPLIED 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"busy all the time is no error", '2', "1", OLD, "ADDR=y", "late",
		{{"GET /c/1 ", NULL, NULL, SAY("busy")}, {"GET /c/1 ", NULL, NULL, SAY("busy")},
			{"GET /c/1 ", NULL, NULL, SAY("busy")},
			{"GET /c/1 ", NULL, NULL, SAY("busy")},
			{"GET /c/1 ", NULL, NULL, OK(1, "a", "y")}},
		"back;APPLIED 1 doubt {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"an error at a search after an attempt", '2', "", "", NEW, "late",
		{{"GET /find", NULL, NULL, BROKEN}, {"GET /all", NULL, NULL, FOUND("")}},
		"PARKED  doubt code HTTP-015;"},
	{"a record that is there at the second look", '2', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, SAY("200")}, {"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, OK(2, "a", "y")}},
		"APPLIED 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
	{"written, and afterwards we may not read it", '3', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")}, {"POST /upd ", NULL, NULL, SAY("200")},
			{"GET /c/1 ", NULL, NULL, SAY("bad")}},
		"APPLIED 1;"},
	{"busy for longer: handed back, so that reading goes on", '2', "1", OLD, "ADDR=y", NULL,
		{{"GET /c/1 ", NULL, NULL, SAY("busy")}, {"GET /c/1 ", NULL, NULL, SAY("busy")},
			{"GET /c/1 ", NULL, NULL, SAY("busy")},
			{"GET /c/1 ", NULL, NULL, SAY("busy")},
			{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
			{"POST /upd ", IF(1), NULL, OK(2, "a", "y")}},
		"back;APPLIED 1 atomic {\"NO\":\"1\",\"NAME\":\"a\",\"ADDR\":\"y\"};"},
};

static void run_one(const struct test *t)
{
	size_t lines = 0;
	struct portal p;
	struct conn c;
	struct conn_command cmd, *list = &cmd;

	while (lines < BR_LEN(t->script) && t->script[lines].request)
		lines++;
	p = portal_start(t->script, lines);
	fake_open(&c, p.port, specs[(unsigned char)t->promise]);
	cmd = (struct conn_command){.did_text = BR_STR("5.C.case.9"),
		.record = &c.record,
		.lid = br_str_z(t->lid),
		.nk = *t->base || strstr(t->set, "BUSNO") ? BR_STR("{\"BUSNO\":\"B\"}")
							  : BR_STR("{\"BUSNO\":null}"),
		.attempted = t->attempted != NULL};
	if (t->attempted && strcmp(t->attempted, "late") == 0)
		cmd.kind = (void *)(uintptr_t)(11 << 8);
	/* a create has no base; one with a number was begun before */
	cmd.op = *t->base ? OP_UPDATE : OP_CREATE;
	cmd.base = image_of(t->base, c.record.shape, &c.arena);
	cmd.set = image_of(t->set, c.record.shape, &c.arena);
	do {
		if (c.again)
			say(&c, "back;");
		c.again = NULL;
		cmd.deadline_us = br_loop_now(c.loop) + 5000000;
		http_kind.apply(&c.state, &list, 1);
		br_loop_run(c.loop);
	} while (c.again && c.handed_back < 20);
	portal_end(&p, t->name);
	if (strcmp(c.said, t->want))
		fail_msg("%s:\n%s\nwanted\n%s", t->name, c.said, t->want);
	assert_null(c.state.jobs);
	fake_close(&c);
}

static void commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < BR_LEN(tests); i++)
		run_one(&tests[i]);
}

static struct conn_command update_of(struct conn *c)
{
	return (struct conn_command){.did_text = BR_STR("5.C.case.9"),
		.op = OP_UPDATE,
		.record = &c->record,
		.lid = BR_STR("1"),
		.base = image_of(OLD, c->record.shape, &c->arena),
		.set = image_of("ADDR=y", c->record.shape, &c->arena)};
}

/* A record the portal always fails at is handed back again and again, and in the end refused with
 * the portal's own words. */
static void giving_up(void **state)
{
	static const struct line round[] = {{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
		{"POST /upd ", IF(1), NULL, 500, NULL, "<html>"},
		{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")}};
	struct line script[36];
	struct conn_command cmd, *list = &cmd;
	struct portal p;
	struct conn c;

	(void)state;
	for (size_t i = 0; i < BR_LEN(script); i++)
		script[i] = round[i % 3];
	p = portal_start(script, BR_LEN(script));
	fake_open(&c, p.port, specs['2']);
	cmd = update_of(&c);
	do {
		c.again = NULL;
		cmd.deadline_us = br_loop_now(c.loop) + 5000000;
		http_kind.apply(&c.state, &list, 1);
		br_loop_run(c.loop);
	} while (c.again && c.handed_back < 20);
	portal_end(&p, "giving up");
	assert_int_equal(c.handed_back, 11);
	assert_string_equal(c.said, "REJECTED 1 code 500;");
	fake_close(&c);
}

/* What a create without an answer made was found and could not be read in time: handed back, it is
 * still ours, and not somebody else's entry of the same case. */
static void ours_in_the_next_round(void **state)
{
	static const struct line script[] = {{"GET /find", NULL, NULL, FOUND("")},
		{"GET /find", NULL, NULL, FOUND("")}, {"POST /one ", NULL, NULL, LOST},
		{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"}")},
		{"GET /c/1 ", NULL, NULL, 503, "Retry-After: 1\r\n", "busy"},
		{"GET /find", NULL, NULL, FOUND("{\"NO\":\"1\"}")},
		{"GET /c/1 ", NULL, NULL, OK(0, "a", "x")}};
	struct conn_command cmd, *list = &cmd;
	struct portal p = portal_start(script, BR_LEN(script));
	struct conn c;

	(void)state;
	fake_open(&c, p.port, specs['W']);
	cmd = (struct conn_command){.did_text = BR_STR("5.C.case.9"),
		.op = OP_CREATE,
		.record = &c.record,
		.lid = BR_STR(""),
		.nk = BR_STR("{\"BUSNO\":\"B\"}"),
		.set = image_of(NEW, c.record.shape, &c.arena)};
	cmd.deadline_us = br_loop_now(c.loop) + 900000;
	http_kind.apply(&c.state, &list, 1);
	br_loop_run(c.loop);
	assert_ptr_equal(c.again, &cmd);
	assert_string_equal(c.said, "");
	cmd.deadline_us = br_loop_now(c.loop) + 5000000;
	http_kind.apply(&c.state, &list, 1);
	br_loop_run(c.loop);
	portal_end(&p, "ours in the next round");
	assert_string_equal(c.said, "APPLIED 1 doubt " MADE ";");
	fake_close(&c);
}

/* The write guard is asked once, before the first call that writes; what it holds back is handed
 * back as one of which nothing was begun. */
static void guarded(void **state)
{
	static const struct line script[] = {{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
		{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
		{"POST /upd ", IF(1), NULL, OK(2, "a", "y")}};
	struct conn_command cmd, *list = &cmd;
	struct portal p = portal_start(script, BR_LEN(script));
	struct conn c;

	(void)state;
	fake_open(&c, p.port, specs['2']);
	cmd = update_of(&c);
	cmd.attempted = true; /* inherited; the record shows that it came to nothing */
	c.guarded = true;
	cmd.deadline_us = br_loop_now(c.loop) + 5000000;
	http_kind.apply(&c.state, &list, 1);
	br_loop_run(c.loop);
	assert_ptr_equal(c.again, &cmd);
	assert_false(cmd.attempted);
	assert_string_equal(c.said, "");
	c.guarded = false;
	http_kind.apply(&c.state, &list, 1);
	br_loop_run(c.loop);
	portal_end(&p, "guarded");
	assert_int_equal(c.asked, 2);
	assert_non_null(strstr(c.said, "APPLIED 1"));
	fake_close(&c);
}

/* One that may have been made already is settled, whatever the guard says. */
static void guarded_in_doubt(void **state)
{
	static const struct line script[] = {{"POST /n ", KEY("number"), NULL, NUMBER("1")},
		{"POST /basic ", KEY("basic"), NULL, OK(1, "a", "x")}};
	struct conn_command cmd, *list = &cmd;
	struct portal p = portal_start(script, 2);
	struct conn c;

	(void)state;
	fake_open(&c, p.port, specs['1']);
	cmd = (struct conn_command){.did_text = BR_STR("5.C.case.9"),
		.op = OP_CREATE,
		.record = &c.record,
		.lid = BR_STR(""),
		.nk = BR_STR("{\"BUSNO\":\"B\"}"),
		.attempted = true,
		.set = image_of(NEW, c.record.shape, &c.arena)};
	c.guarded = true;
	cmd.deadline_us = br_loop_now(c.loop) + 5000000;
	http_kind.apply(&c.state, &list, 1);
	br_loop_run(c.loop);
	portal_end(&p, "guarded in doubt");
	assert_null(c.again);
	assert_non_null(strstr(c.said, "APPLIED 1"));
	fake_close(&c);
}

/* Too little of the lease is left: no call is made, and the command is handed back as it was. */
static void no_time(void **state)
{
	struct conn_command cmd, *list = &cmd;
	struct portal p = portal_start(NULL, 0);
	struct conn c;

	(void)state;
	fake_open(&c, p.port, specs['1']);
	cmd = update_of(&c);
	cmd.attempted = true;
	cmd.deadline_us = br_loop_now(c.loop) + 50000;
	http_kind.apply(&c.state, &list, 1);
	br_loop_run(c.loop);
	portal_end(&p, "no time");
	assert_ptr_equal(c.again, &cmd);
	assert_true(cmd.attempted);
	assert_string_equal(c.said, "");
	assert_null(c.state.jobs);
	fake_close(&c);
}

/* An answer is missing and the lease ends before it can be found out: everything starts over, and
 * nothing is read before it is settled. */
static void no_time_to_settle(void **state)
{
	static const struct line script[] = {{"GET /c/1 ", NULL, NULL, OK(1, "a", "x")},
		{"POST /upd ", IF(1), NULL, LOST}, {"GET /c/1 ", NULL, NULL, HTML},
		{"GET /c/1 ", NULL, NULL, HTML}};
	struct conn_command cmd, *list = &cmd;
	struct portal p = portal_start(script, BR_LEN(script));
	struct conn c;

	(void)state;
	fake_open(&c, p.port, specs['2']);
	cmd = update_of(&c);
	cmd.deadline_us = br_loop_now(c.loop) + 600000;
	http_kind.apply(&c.state, &list, 1);
	br_loop_run(c.loop);
	portal_end(&p, "no time to settle");
	assert_null(c.again);
	assert_string_equal(c.said, "failed HTTP-003;");
	fake_close(&c);
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(commands), cmocka_unit_test(giving_up),
		cmocka_unit_test(ours_in_the_next_round), cmocka_unit_test(guarded),
		cmocka_unit_test(guarded_in_doubt), cmocka_unit_test(no_time),
		cmocka_unit_test(no_time_to_settle)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
