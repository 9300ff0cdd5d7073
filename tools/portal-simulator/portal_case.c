#include "portal_case.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portal_journal.h"
#include "portal_time.h"

void case_from_row(sqlite3_stmt *st, struct kase *c)
{
	*c = (struct kase){
		.online = sqlite3_column_int(st, 3),
		.pending = sqlite3_column_int64(st, 4),
		.version = sqlite3_column_int64(st, 5),
		.seq = sqlite3_column_int64(st, 6),
		.created = sqlite3_column_int64(st, 7),
		.searchable = sqlite3_column_int64(st, 8),
		.updated = sqlite3_column_int64(st, 9),
	};
	snprintf(c->projid, sizeof(c->projid), "%s", db_text(st, 0));
	snprintf(c->pwd, sizeof(c->pwd), "%s", db_text(st, 1));
	snprintf(c->item, sizeof(c->item), "%s", db_text(st, 2));
	snprintf(c->updated_by, sizeof(c->updated_by), "%s", db_text(st, 10));
	c->doc = json_loads(db_text(st, 11), 0, NULL);
}

int case_load(struct db *db, const char *projid, struct kase *c)
{
	sqlite3_stmt *st = db_query(db, Q_CASE_GET, "t", projid);
	int found = db_step(db, st);

	memset(c, 0, sizeof(*c));
	if (found) {
		case_from_row(st, c);
		c->old = json_deep_copy(c->doc);
	}
	db_done(st);
	return found;
}

void case_free(struct kase *c)
{
	json_decref(c->doc);
	json_decref(c->old);
	c->doc = c->old = NULL;
}

const char *case_value(const struct kase *c, const char *name)
{
	const json_t *o = c->doc;

	if (!strncmp(name, "EXT.", 4)) {
		o = json_object_get(o, "EXT");
		name += 4;
	} else if (!strncmp(name, "DONE.", 5)) {
		o = json_object_get(o, "DONE");
		name += 5;
	}
	return json_string_value(json_object_get(o, name));
}

json_t *case_show(const struct kase *c)
{
	json_t *o = json_deep_copy(c->doc);
	char time[32];

	json_object_set_new(o, "PROJID", json_string(c->projid));
	json_object_set_new(o, "ONLINE", json_string(c->online ? "1" : "0"));
	json_object_set_new(o, "VERSION", json_integer(c->version));
	time_iso(c->created, time);
	json_object_set_new(o, "CREATED_AT", json_string(time));
	time_iso(c->updated, time);
	json_object_set_new(o, "UPDATED_AT", json_string(time));
	json_object_set_new(o, "UPDATED_BY", json_string(c->updated_by));
	return o;
}

static int own_etag(const struct kase *c, char *out, size_t size)
{
	return snprintf(out, size, "\"v%lld\"", (long long)c->version);
}

int case_match(const struct kase *c, const struct request *rq, struct reply *rp)
{
	const char *want = rq->settings.etag ? request_header(rq, "If-Match") : NULL;
	char etag[32];

	own_etag(c, etag, sizeof(etag));
	if (!want || (c->version > 0 && (!strcmp(want, "*") || !strcmp(want, etag))))
		return CODE_OK;
	reply_refuse(rp, CODE_PRECONDITION, NULL, "办件已被修改，请重新获取");
	if (c->version > 0) {
		rp->data = case_show(c);
		snprintf(rp->etag, sizeof(rp->etag), "%s", etag);
	}
	return rp->code;
}

/* Division, day, and a sequence that goes on over restarts and resets: no number comes twice. */
int case_number(struct db *db, const struct request *rq, const char *item, const char *orgbusno,
	struct kase *out, struct reply *rp)
{
	const int64_t now = time_now_ms();
	char stamp[15], counter[16], day[9], *text;
	int made;

	memset(out, 0, sizeof(*out));
	time_stamp(now, stamp);
	snprintf(day, sizeof(day), "%.8s", stamp);
	snprintf(counter, sizeof(counter), "number/%.6s", stamp + 2);
	snprintf(out->projid, sizeof(out->projid), "341503%.6s%06lld", stamp + 2,
		(long long)db_counter_next(db, counter));
	snprintf(out->pwd, sizeof(out->pwd), "%06u", hash_random_below(1000000));
	snprintf(out->item, sizeof(out->item), "%s", item);
	snprintf(out->updated_by, sizeof(out->updated_by), "%s:%s", rq->actor, rq->who);
	out->created = out->updated = now;
	out->online = !strcmp(rq->actor, "web");
	out->doc = json_object();
	out->old = json_object();
	if (orgbusno)
		json_object_set_new(out->doc, "ORGBUSNO", json_string(orgbusno));
	text = json_dumps(out->doc, JSON_COMPACT);
	made = db_run(db, Q_CASE_NEW, "ttttititt", out->projid, out->pwd, item, orgbusno,
		(int64_t)out->online, day, now, out->updated_by, text);
	free(text);
	if (made != 1)
		return reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	return CODE_OK;
}

static void put(json_t *doc, const char *name, const char *value)
{
	json_object_set_new(doc, name, json_string(value));
}

int case_first(struct db *db, struct kase *c, struct reply *rp)
{
	sqlite3_stmt *st = db_query(db, Q_ITEM_GET, "t", c->item);
	json_t *orgbusno;
	char stamp[15];

	if (!db_step(db, st)) {
		db_done(st);
		return reply_refuse(rp, CODE_BAD_VALUE, "IMPLEMENTCODE", "事项不存在");
	}
	/* The number may have been given out for a number of the sender's. */
	orgbusno = json_incref(json_object_get(c->doc, "ORGBUSNO"));
	json_object_clear(c->old);
	json_decref(c->doc);
	c->doc = case_blank();
	json_object_set_new(c->doc, "ORGBUSNO", orgbusno ? orgbusno : json_null());
	time_stamp(time_now_ms(), stamp);
	put(c->doc, "PROJID", c->projid);
	put(c->doc, "IMPLEMENTCODE", db_text(st, 0));
	put(c->doc, "ITEMCODE", db_text(st, 1));
	put(c->doc, "ITEMNAME", db_text(st, 2));
	put(c->doc, "ACCEPTDEPTID", db_text(st, 3));
	put(c->doc, "ACCEPTDEPTNAME", db_text(st, 4));
	put(c->doc, "PROMISETIMELIMIT", db_text(st, 6));
	put(c->doc, "PROMISETIMEUNIT", "1");
	put(c->doc, "APPROVALTYPE", "2");
	put(c->doc, "APPLICANTTYPE", "1");
	put(c->doc, "APPLICANTCERTTYPE", "111");
	put(c->doc, "DIVISION", "341503000000");
	put(c->doc, "SUBMIT", c->online ? "1" : "0");
	put(c->doc, "DATASOURCES", c->online ? "1" : "2");
	put(c->doc, "PROJECTSTATE", "02");
	put(c->doc, "APPLYTIME", stamp);
	db_done(st);
	return CODE_OK;
}

/* The list element with this SN, appended in the order of numbers when it is missing. */
static json_t *element(json_t *list, enum field_group group, const char *sn)
{
	const long long wanted = strtoll(sn, NULL, 10);
	json_t *e;
	size_t i;

	json_array_foreach(list, i, e)
	{
		const long long have =
			strtoll(json_string_value(json_object_get(e, "SN")), NULL, 10);

		if (have == wanted)
			return e;
		if (have > wanted)
			break;
	}
	e = fields_blank(group);
	json_object_set_new(e, "SN", json_sprintf("%lld", wanted));
	json_array_insert_new(list, i, e);
	return e;
}

static json_t *group_object(struct kase *c, enum field_group group, const char *sn)
{
	switch (group) {
	case FIELDS_EXT:
		return json_object_get(c->doc, "EXT");
	case FIELDS_DONE:
		return json_object_get(c->doc, "DONE");
	case FIELDS_STEP:
		return element(json_object_get(c->doc, "STEPS"), group, sn);
	case FIELDS_SPECIAL:
		return element(json_object_get(c->doc, "SPECIALNODES"), group, sn);
	case FIELDS_BASIC:
		break;
	}
	return c->doc;
}

static const char *const group_prefix[] = {"", "EXT.", "STEPS.", "SPECIALNODES.", "DONE."};

static void upper(char *s)
{
	for (; *s; s++)
		*s = (char)toupper((unsigned char)*s);
}

static void cut(char *s, int64_t bytes)
{
	size_t n = strlen(s);

	if (n <= (size_t)bytes)
		return;
	n = (size_t)bytes;
	while (n && ((unsigned char)s[n] & 0xC0) == 0x80)
		n--;
	s[n] = '\0';
}

/* What the switched-on faults make of a value. False: the field is passed over. */
static bool edit_value(
	const struct request *rq, enum field_group group, const char *name, char **value)
{
	char full[80];

	snprintf(full, sizeof(full), "%s%s", group_prefix[group], name);
	for (unsigned i = 0; i < rq->plan.edits; i++) {
		const struct field_edit *e = &rq->plan.edit[i];

		if (strcmp(e->field, full))
			continue;
		if (e->kind == EDIT_IGNORE)
			return false;
		if (*value && e->kind == EDIT_UPPER)
			upper(*value);
		else if (*value)
			cut(*value, e->bytes);
	}
	return true;
}

/* Text of a scalar, NULL for null and for the empty string; false when it is no scalar. */
static bool scalar(const json_t *v, char **out)
{
	*out = NULL;
	if (json_is_null(v))
		return true;
	if (json_is_string(v)) {
		if (json_string_length(v))
			*out = strdup(json_string_value(v));
		return true;
	}
	if (!json_is_integer(v))
		return false;
	return asprintf(out, "%lld", (long long)json_integer_value(v)) > 0;
}

static int set_state(const struct kase *c, const char *value, struct reply *rp)
{
	const char *from = case_value(c, "PROJECTSTATE");
	char text[160];

	if (!value)
		return reply_refuse(rp, CODE_BAD_VALUE, "PROJECTSTATE", "不能为空");
	if (c->version == 0 || !from || state_may_follow(from, value))
		return CODE_OK;
	snprintf(text, sizeof(text), "办件状态为%s（%s），不能改为%s（%s）", from,
		code_text(codes_state, from), value, code_text(codes_state, value));
	return reply_refuse(rp, CODE_STATE, "PROJECTSTATE", text);
}

static int set_one(struct kase *c, enum field_group group, json_t *object, const struct field *f,
	char *value, const struct request *rq, struct reply *rp)
{
	const char *wrong = value ? field_wrong(f, value) : NULL;
	char name[80];

	snprintf(name, sizeof(name), "%s%s", group_prefix[group], f->name);
	if (!value && (f->flags & FIELD_REQUIRED))
		wrong = "必填";
	if (wrong)
		return reply_refuse(rp, CODE_BAD_VALUE, name, wrong);
	if (!strcmp(name, "PROJECTSTATE") && set_state(c, value, rp) != CODE_OK)
		return rp->code;
	if (edit_value(rq, group, f->name, &value))
		json_object_set_new(object, f->name, value ? json_string(value) : json_null());
	return CODE_OK;
}

static bool passed_over(enum field_group group, const char *name)
{
	static const char *const own[] = {
		"VERSION", "CREATED_AT", "UPDATED_AT", "UPDATED_BY", "ONLINE", "ACKTIME"};

	for (size_t i = 0; group == FIELDS_BASIC && i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(own[i], name))
			return true;
	return group != FIELDS_BASIC && !strcmp(name, "PROJID");
}

int case_set(struct kase *c, enum field_group group, const char *sn, json_t *values, unsigned flags,
	const struct request *rq, struct reply *rp)
{
	json_t *object = group_object(c, group, sn), *v;
	const char *name;
	int code = CODE_OK;

	json_object_foreach(values, name, v)
	{
		const struct field *f = field_find(group, name);
		char *value;

		if (passed_over(group, name) || (f && (f->flags & FIELD_FIXED)))
			continue;
		/* Objects are groups of their own; the caller sets them. */
		if (group == FIELDS_BASIC && (!strcmp(name, "EXT") || !strcmp(name, "DONE")))
			continue;
		if (!f || (flags && !(f->flags & flags)))
			return reply_refuse(rp, CODE_BAD_VALUE, name, "不是本接口的字段");
		if (!scalar(v, &value))
			return reply_refuse(rp, CODE_BAD_VALUE, name, "应为字符串");
		code = set_one(c, group, object, f, value, rq, rp);
		free(value);
		if (code != CODE_OK)
			return code;
	}
	return code;
}

static int missing(const json_t *object, enum field_group group, struct reply *rp)
{
	char name[80];

	for (const struct field *f = fields_of(group); f->name; f++) {
		if (!(f->flags & FIELD_REQUIRED) ||
			json_is_string(json_object_get(object, f->name)))
			continue;
		snprintf(name, sizeof(name), "%s%s", group_prefix[group], f->name);
		return reply_refuse(rp, CODE_BAD_VALUE, name, "必填");
	}
	return CODE_OK;
}

static int check_steps(const struct kase *c, struct reply *rp)
{
	size_t i;
	json_t *e;

	json_array_foreach(json_object_get(c->doc, "STEPS"), i, e)
	{
		const char *type = json_string_value(json_object_get(e, "NODETYPE"));
		const char *result = json_string_value(json_object_get(e, "NODERESULT"));

		if (missing(e, FIELDS_STEP, rp) != CODE_OK)
			return rp->code;
		if (type && result && !node_pair_ok(type, result))
			return reply_refuse(
				rp, CODE_BAD_VALUE, "STEPS.NODERESULT", "与环节类型不符");
	}
	json_array_foreach(json_object_get(c->doc, "SPECIALNODES"), i,
		e) if (missing(e, FIELDS_SPECIAL, rp) != CODE_OK) return rp->code;
	return CODE_OK;
}

/* What concerns more than one field. */
static int check_whole(const struct kase *c, struct reply *rp)
{
	const char *type = case_value(c, "APPLICANTCERTTYPE");
	const char *number = case_value(c, "APPLICANTCERTNO");
	const char *result = case_value(c, "DONE.DONERESULT");

	if (missing(c->doc, FIELDS_BASIC, rp) != CODE_OK)
		return rp->code;
	if (type && !strcmp(type, "111") && !value_is_citizen_id(number))
		return reply_refuse(
			rp, CODE_BAD_VALUE, "APPLICANTCERTNO", "公民身份号码应为18位且校验位正确");
	if (value_characters(case_value(c, "APPLICANT")) < 2)
		return reply_refuse(rp, CODE_BAD_VALUE, "APPLICANT", "姓名至少2个字");
	if (result && strchr("12345", result[0]) && !case_value(c, "DONE.EXITRES"))
		return reply_refuse(rp, CODE_BAD_VALUE, "DONE.EXITRES", "未出证办结须填写原因");
	return check_steps(c, rp);
}

static void write_case(struct db *db, struct kase *c, const struct request *rq, const char *op,
	const json_t *changes)
{
	char *text;

	c->updated = time_now_ms();
	if (c->version++ == 0)
		c->searchable = c->updated + rq->settings.search_lag_ms;
	c->seq = db_counter_next(db, "feed");
	snprintf(c->updated_by, sizeof(c->updated_by), "%s:%s", rq->actor, rq->who);
	text = json_dumps(c->doc, JSON_COMPACT);
	db_run(db, Q_CASE_SAVE, "tttiiiiitt", c->projid, case_value(c, "ORGBUSNO"),
		case_value(c, "APPLICANTCERTNO"), c->pending, c->version, c->seq, c->searchable,
		c->updated, c->updated_by, text);
	free(text);
	journal_add(db, c, op, changes, rq);
}

/* A number of the sender's belongs to one case. */
static int check_duplicate(
	struct db *db, const struct kase *c, const struct request *rq, struct reply *rp)
{
	const char *orgbusno = case_value(c, "ORGBUSNO");
	sqlite3_stmt *st;

	if (!orgbusno || !rq->settings.duplicate_rule ||
		json_equal(
			json_object_get(c->old, "ORGBUSNO"), json_object_get(c->doc, "ORGBUSNO")))
		return CODE_OK;
	st = db_query(db, Q_CASE_BY_ORGBUSNO, "tt", orgbusno, c->projid);
	if (db_step(db, st)) {
		reply_refuse(rp, CODE_DUPLICATE, NULL, "该部门业务流水号已有办件");
		rp->data =
			json_pack("{s:s, s:s}", "PROJID", db_text(st, 0), "projid", db_text(st, 0));
	}
	db_done(st);
	return rp->code == CODE_DUPLICATE ? CODE_DUPLICATE : CODE_OK;
}

int case_save(struct portal *p, struct db *db, struct kase *c, const char *op,
	const struct request *rq, struct reply *rp)
{
	json_t *changes;

	if (check_whole(c, rp) != CODE_OK || check_duplicate(db, c, rq, rp) != CODE_OK)
		return rp->code;
	changes = journal_changes(c->old, c->doc);
	if (json_object_size(changes))
		write_case(db, c, rq, op, changes);
	else
		stats_outcome(&p->stats, "unchanged");
	json_decref(changes);
	if (rq->settings.etag)
		own_etag(c, rp->etag, sizeof(rp->etag));
	return reply_ok(rp, case_show(c));
}
