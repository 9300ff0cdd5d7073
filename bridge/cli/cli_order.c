#include "cli_order.h"

#include "br_json.h"
#include "ledger_query.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>

#define LOOK_MS	   50
#define TOGETHER   500 /* orders on their way at once */
#define ORDER_TEXT 32  /* hexadecimal digits of an id */

struct cli_orders {
	struct cli *c;
	struct cli_decider by;
	struct {
		const char *id, *item;
		struct br_str json;
	} * list;
	size_t n, room;
};

int cli_decider(struct cli *c, bool needed, struct cli_decider *out)
{
	const char *by = cli_option(c, "--by"), *why = cli_option(c, "--why"),
		   *reason = cli_option(c, "--reason");

	*out = (struct cli_decider){by ? by : cli_user(), why ? why : reason ? reason : ""};
	if (needed && !*out->why)
		return cli_wrong(c, BR_E_CLI_NO_REASON, NULL);
	return CLI_OK;
}

const char *cli_wait(struct cli *c)
{
	const char *s = cli_option(c, "--wait");

	if (!s)
		return "15";
	if (*s && strspn(s, "0123456789") == strlen(s) && strlen(s) <= 5)
		return s;
	cli_wrong(
		c, BR_E_CLI_BAD_VALUE, "option", "--wait", "found", s, "expected", "SECONDS", NULL);
	return NULL;
}

/* ---- giving ---- */

struct cli_orders *cli_orders_new(struct cli *c, const struct cli_decider *d)
{
	struct cli_orders *o = br_arena_new(&c->arena, struct cli_orders);

	if (o)
		*o = (struct cli_orders){.c = c, .by = *d};
	return o;
}

/* Never given out before: nothing but chance makes it. */
static const char *new_id(struct cli *c)
{
	unsigned char r[ORDER_TEXT / 2];
	char text[ORDER_TEXT + 1];

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return NULL;
	for (size_t i = 0; i < sizeof(r); i++)
		snprintf(text + 2 * i, 3, "%02x", r[i]);
	return br_arena_copy(&c->arena, br_str_z(text)).p;
}

static void text_member(struct br_jw *w, const char *key, const char *text)
{
	if (!text)
		return;
	br_jw_key(w, br_str_z(key));
	br_jw_str(w, br_str_z(text));
}

static void number_member(struct br_jw *w, const char *key, const char *number)
{
	if (!number)
		return;
	br_jw_key(w, br_str_z(key));
	br_jw_int(w, strtoll(number, NULL, 10));
}

static struct br_str order_json(
	struct cli *c, const struct cli_order *o, const struct cli_decider *d, const char *id)
{
	struct br_str text;
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 1u << 20);
	br_jw_init(&w, &b);
	br_jw_object(&w);
	text_member(&w, "t", o->type);
	text_member(&w, "id", id);
	text_member(&w, "by", d->by);
	text_member(&w, "why", *d->why ? d->why : NULL);
	number_member(&w, "parked", o->parked);
	number_member(&w, "conflict", o->conflict);
	number_member(&w, "match", o->match);
	number_member(&w, "seen", o->seen);
	text_member(&w, "place", o->place);
	text_member(&w, "value", o->value);
	text_member(&w, "sys", o->system);
	text_member(&w, "record", o->record);
	text_member(&w, "lid", o->lid);
	text_member(&w, "fields", o->fields);
	if (o->cid)
		br_jw_kstr(&w, "case", cli_ulid(c, o->cid));
	if (o->conflict || o->match)
		br_jw_kbool(&w, "take", o->take);
	br_jw_end_object(&w);
	text = br_arena_copy(&c->arena, br_buf_str(&b));
	br_buf_release(&b);
	return text;
}

void cli_orders_add(struct cli_orders *o, const struct cli_order *order)
{
	struct cli *c = o->c;

	if (o->n == o->room) {
		size_t room = o->room * 2 + 8;
		__typeof__(o->list) list = br_arena_alloc(&c->arena, room * sizeof(*list));

		if (!list)
			return;
		if (o->n)
			memcpy(list, o->list, o->n * sizeof(*list));
		o->list = list;
		o->room = room;
	}
	o->list[o->n].id = new_id(c);
	o->list[o->n].item = order->parked     ? order->parked
			     : order->conflict ? order->conflict
					       : order->match;
	if (!o->list[o->n].id)
		return;
	o->list[o->n].json = order_json(c, order, &o->by, o->list[o->n].id);
	o->n++;
}

static int send_some(struct cli *c, const struct cli_orders *o, size_t from, size_t to)
{
	struct br_str *json = br_arena_array(&c->arena, struct br_str, to - from);

	if (!json)
		return CLI_FAILED;
	for (size_t i = from; i < to; i++)
		json[i - from] = o->list[i].json;
	return cli_send_orders(c, json, to - from);
}

int cli_orders_send(struct cli *c, const struct cli_orders *o)
{
	int status = CLI_OK;

	for (size_t i = 0; i < o->n && status == CLI_OK; i += TOGETHER)
		status = send_some(c, o, i, i + TOGETHER < o->n ? i + TOGETHER : o->n);
	return status;
}

/* ---- what became of them ---- */

static const char *ids_array(struct cli *c, const struct cli_orders *o)
{
	char *text = br_arena_alloc(&c->arena, o->n * (ORDER_TEXT + 1) + 3), *at = text;

	if (!text)
		return "{}";
	*at++ = '{';
	for (size_t i = 0; i < o->n; i++) {
		if (i)
			*at++ = ',';
		memcpy(at, o->list[i].id, ORDER_TEXT);
		at += ORDER_TEXT;
	}
	memcpy(at, "}", 2);
	return text;
}

static int ask(struct cli *c, const char *ids, struct ledger_table *t)
{
	return cli_query(c,
		"select coalesce(o.parked, o.conflict, o.match)::text as id, o.kind as decision, "
		"o.outcome, "
		"o.ver::text as version, o.cid::text as case_id, o.place as field, o.person as by, "
		"o.why from unnest($1::text[]) with ordinality u(id, n) join casebridge.orders o "
		"on "
		"o.id = u.id order by u.n",
		1, &ids, t);
}

static int wait_for_all(
	struct cli *c, const struct cli_orders *o, const char *wait, struct ledger_table *t)
{
	const char *ids = ids_array(c, o);
	struct br_err err;

	for (long waited = 0; waited <= strtol(wait, NULL, 10) * 1000; waited += LOOK_MS) {
		int status = ask(c, ids, t);

		if (status != CLI_OK || t->rows == o->n)
			return status;
		poll(NULL, 0, LOOK_MS);
	}
	br_err_clear(&err);
	br_err_set(&err, BR_E_CLI_NOT_TAKEN, "seconds", wait, NULL);
	cli_fail(c, &err);
	return CLI_AGAIN;
}

static const struct cli_column columns[] = {
	{"id", "编号", 'k'},
	{"decision", "决定", 'k'},
	{"outcome", "结果", 'k'},
	{"version", "办件版本", 'k'},
	{"field", "字段", '1'},
	{"by", "处理人", '2'},
	{"why", "原因", 'w'},
	{NULL, NULL, 0},
};
enum { ID, DECISION, OUTCOME };

static int tell_why_not(struct cli *c, const char *id, const char *outcome)
{
	static const struct {
		const char *outcome;
		enum br_err_code code;
	} whys[] = {
		{"settled", BR_E_CLI_ORDER_SETTLED},
		{"unknown", BR_E_CLI_ORDER_UNKNOWN},
		{"changed", BR_E_CLI_ORDER_CHANGED},
		{"same", BR_E_CLI_ORDER_SAME},
		{"invalid", BR_E_CLI_ORDER_INVALID},
		{"inbound", BR_E_CLI_ORDER_INBOUND},
		{"protected", BR_E_CLI_ORDER_PROTECTED},
		{"element", BR_E_CLI_ORDER_ELEMENT},
		{"there", BR_E_CLI_ORDER_THERE},
		{"alone", BR_E_CLI_ORDER_ALONE},
		{"taken", BR_E_CLI_ORDER_TAKEN},
		{"busy", BR_E_CLI_ORDER_BUSY},
		{"live", BR_E_CLI_ORDER_LIVE},
	};
	enum br_err_code code = BR_E_CLI_NO_REASON;
	struct br_err err;

	for (size_t i = 0; i < BR_LEN(whys); i++)
		if (strcmp(whys[i].outcome, outcome) == 0)
			code = whys[i].code;
	br_err_clear(&err);
	br_err_set(&err, code, "id", id, NULL);
	cli_fail(c, &err);
	return CLI_FAILED;
}

static int judge(struct cli *c, const struct ledger_table *t, bool settled_is_fine)
{
	int status = CLI_OK;

	for (size_t i = 0; i < t->rows; i++) {
		const char *const *row = &t->cells[i * t->cols];
		bool settled = strcmp(row[OUTCOME], "settled") == 0;

		if (strcmp(row[OUTCOME], "done") != 0 && !(settled && settled_is_fine))
			status = tell_why_not(c, row[ID] ? row[ID] : "?", row[OUTCOME]);
	}
	return status;
}

int cli_orders_give(struct cli *c, struct cli_orders *o, const char *wait, bool settled_is_fine)
{
	struct ledger_table t;
	int status = cli_orders_send(c, o);

	if (status == CLI_OK)
		status = wait_for_all(c, o, wait, &t);
	if (status != CLI_OK)
		return status;
	cli_print_rows(c, &t, columns);
	return judge(c, &t, settled_is_fine);
}

int cli_orders_give_many(
	struct cli *c, struct cli_orders *o, const char *wait, size_t *done, size_t *not_done)
{
	struct ledger_table t;
	int status = cli_orders_send(c, o);

	if (status == CLI_OK)
		status = wait_for_all(c, o, wait, &t);
	for (size_t i = 0; status == CLI_OK && i < t.rows; i++) {
		bool is_done = strcmp(t.cells[i * t.cols + OUTCOME], "done") == 0;

		*done += is_done;
		*not_done += !is_done;
	}
	if (status == CLI_OK)
		judge(c, &t, true);
	return status;
}

/* ---- what a case says ---- */

static bool read_case(struct cli *c, const char *json, struct image *doc)
{
	struct br_err err;
	struct br_jr r;

	br_err_clear(&err);
	br_jr_init(&r, br_str_z(json), &c->arena, &err);
	return br_jr_next(&r) == BR_JT_OBJECT &&
	       case_read(c->schema, &r, true, &c->arena, doc) == 0;
}

int cli_case_value(
	struct cli *c, const char *cid, const char *place, const char **value, const char **version)
{
	const struct cell *found;
	struct ledger_table t;
	struct cell at;
	struct image doc;
	int status = cli_query(c,
		"select ver::text, doc::text from casebridge.cases where cid = $1::uuid", 1, &cid,
		&t);

	*value = *version = NULL;
	if (status != CLI_OK || t.rows == 0)
		return status;
	*version = t.cells[0];
	if (!case_find_place(c->schema, br_str_z(place), &at) || !read_case(c, t.cells[1], &doc))
		return CLI_OK;
	found = image_get(&doc, at.part, at.key, at.field);
	if (found && !cell_is_null(found))
		*value = br_arena_copy(&c->arena, found->value).p;
	return CLI_OK;
}
