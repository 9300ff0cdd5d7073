/* The handlers behind the pages. With Accept: application/json they answer like the interface. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portal_api.h"
#include "portal_pages.h"
#include "portal_time.h"

static const char *query_or_empty(const struct request *rq, const char *name)
{
	const char *value = request_query(rq, name);

	return value ? value : "";
}

bool find_mine(struct db *db, const char *projid, const char *pwd, struct kase *c, struct reply *rp)
{
	sqlite3_stmt *st = db_query(db, Q_CASE_PWD, "tt", projid, pwd);
	bool found = db_step(db, st);

	memset(c, 0, sizeof(*c));
	if (found) {
		case_from_row(st, c);
		c->old = json_deep_copy(c->doc);
	} else {
		reply_refuse(rp, CODE_UNKNOWN, NULL, "办件编号或查询密码不正确");
	}
	db_done(st);
	return found;
}

int page_home(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	(void)p;
	(void)db;
	(void)rq;
	return draw_home(rp, NULL, NULL);
}

static bool digits_of_date(const char *s, char out[9])
{
	size_t n = 0;

	for (; *s && n < 8; s++)
		if (isdigit((unsigned char)*s))
			out[n++] = *s;
	out[n] = '\0';
	return n == 8;
}

/* An identity card already says sex and birth date; what the person typed stands before it. */
static void fill_from_card(json_t *values)
{
	const char *no = json_string_value(json_object_get(values, "APPLICANTCERTNO"));
	const char *type = json_string_value(json_object_get(values, "APPLICANTCERTTYPE"));
	const char *birth = json_string_value(json_object_get(values, "BIRTHDAY"));
	const char *sex = json_string_value(json_object_get(values, "SEX"));
	char date[9];

	if (birth && *birth && digits_of_date(birth, date))
		json_object_set_new(values, "BIRTHDAY", json_string(date));
	if ((type && strcmp(type, "111")) || !no || !value_is_citizen_id(no))
		return;
	if (!birth || !*birth)
		json_object_set_new(values, "BIRTHDAY", json_sprintf("%.8s", no + 6));
	if (!sex || !*sex)
		json_object_set_new(values, "SEX", json_string((no[16] - '0') % 2 ? "1" : "2"));
}

/* The form's basic fields; anything else in it is refused by case_set(). */
static json_t *basic_values(const struct form *form)
{
	json_t *values = json_copy(form->fields);

	json_object_del(values, "YDZLX");
	json_object_del(values, "ZZZH");
	json_object_del(values, "IMPLEMENTCODE");
	fill_from_card(values);
	return values;
}

static int must_fill(const struct form *form, struct reply *rp)
{
	static const char *const names[] = {
		"APPLICANT", "APPLICANTCERTNO", "APPLICANTMOBILE", "ADDRESS", "YDZLX"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!*form_text(form, names[i]))
			return reply_refuse(rp, CODE_BAD_VALUE, names[i], "必填");
	return CODE_OK;
}

static int must_exist(struct db *db, const char *item, struct reply *rp)
{
	sqlite3_stmt *st = db_query(db, Q_ITEM_GET, "t", item);
	bool known = db_step(db, st) && !strcmp(db_text(st, 0), item);

	db_done(st);
	return known ? CODE_OK : reply_refuse(rp, CODE_BAD_VALUE, "IMPLEMENTCODE", "事项不存在");
}

static int apply(struct portal *p, struct db *db, struct request *rq, struct reply *rp,
	const struct form *form, struct kase *c)
{
	const char *sent = form_text(form, "IMPLEMENTCODE"), *item = *sent ? sent : ELDER_CARD;
	json_t *values = basic_values(form), *ext = json_object();
	int code;

	json_object_set(ext, "YDZLX", json_object_get(form->fields, "YDZLX"));
	json_object_set(ext, "ZZZH", json_object_get(form->fields, "ZZZH"));
	code = must_fill(form, rp);
	if (code == CODE_OK)
		code = must_exist(db, item, rp);
	if (code == CODE_OK)
		code = case_number(db, rq, item, NULL, c, rp);
	if (code == CODE_OK)
		code = case_first(db, c, rp);
	if (code == CODE_OK)
		code = case_set(c, FIELDS_BASIC, NULL, values, FIELD_FORM, rq, rp);
	if (code == CODE_OK)
		code = case_set(c, FIELDS_EXT, NULL, ext, 0, rq, rp);
	if (code == CODE_OK) {
		json_object_set_new(c->doc, "PROJECTNAME",
			json_sprintf("关于%s的%s", case_value(c, "APPLICANT"),
				case_value(c, "ITEMNAME")));
		c->pending = db_counter_next(db, "pending");
		code = case_save(p, db, c, "apply", rq, rp);
	}
	json_decref(values);
	json_decref(ext);
	return code;
}

/* After a form was taken, the browser is sent on, so that loading the page again posts nothing. */
static void send_on(struct reply *rp, const struct kase *c, const char *done)
{
	reply_ok(rp, NULL);
	rp->status = 303;
	snprintf(rp->location, sizeof(rp->location), "/my?projid=%s&pwd=%s&done=%s", c->projid,
		c->pwd, done);
}

/* A refused form is drawn again with the message; the transaction is taken back all the same, since
 * the code stays what it was. */
static int drawn_refusal(struct reply *rp, int code, int drawn)
{
	if (drawn == CODE_OK)
		rp->status = 400;
	return rp->code = code;
}

int page_apply(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	struct kase c = {.version = 0};
	struct form form;
	char bad[sizeof(rp->msg)];

	if (form_read(&form, rq))
		reply_refuse(rp, CODE_BAD_VALUE, NULL, "表单无法读取");
	else if (apply(p, db, rq, rp, &form, &c) == CODE_OK && rq->wants_json)
		reply_ok(rp, json_pack("{s:s, s:s}", "PROJID", c.projid, "PROJPWD", c.pwd));
	else if (rp->code == CODE_OK)
		send_on(rp, &c, "apply");
	if (rp->code != CODE_OK && !rq->wants_json) {
		snprintf(bad, sizeof(bad), "%s", rp->msg);
		drawn_refusal(rp, rp->code, draw_home(rp, &form, bad));
	}
	rp->etag[0] = '\0';
	case_free(&c);
	form_free(&form);
	return rp->code;
}

static const char *thanks(const char *done)
{
	static const char *const texts[][2] = {
		{"apply", "申请已提交，请记下办件编号和查询密码。"},
		{"saved", "更正已保存。"},
		{"rated", "感谢您的评价。"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(texts[i][0], done))
			return texts[i][1];
	return NULL;
}

int page_mine(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	const char *projid = query_or_empty(rq, "projid");
	struct kase c;

	(void)p;
	if (!*projid && !rq->wants_json)
		return draw_lookup(rp, "", NULL);
	if (!find_mine(db, projid, query_or_empty(rq, "pwd"), &c, rp))
		return rq->wants_json ? rp->code
				      : draw_lookup(rp, projid, "办件编号或查询密码不正确");
	if (rq->wants_json)
		reply_ok(rp, case_show(&c));
	else
		draw_mine(rp, &c, thanks(query_or_empty(rq, "done")), NULL);
	case_free(&c);
	return rp->code;
}

static int correct(struct portal *p, struct db *db, struct request *rq, struct reply *rp,
	const struct form *form, struct kase *c)
{
	json_t *values = json_copy(form->fields);
	const char *name;
	json_t *v;
	int code = CODE_OK;

	json_object_del(values, "projid");
	json_object_del(values, "pwd");
	if (state_is_final(case_value(c, "PROJECTSTATE")))
		code = reply_refuse(rp, CODE_STATE, NULL, "办件已办结，不能更正");
	json_object_foreach(values, name, v) if (code == CODE_OK && !json_string_length(v)) code =
		reply_refuse(rp, CODE_BAD_VALUE, name, "必填");
	if (code == CODE_OK)
		code = case_set(c, FIELDS_BASIC, NULL, values, FIELD_APPLICANT, rq, rp);
	if (code == CODE_OK)
		code = case_save(p, db, c, "correct", rq, rp);
	json_decref(values);
	return code;
}

int page_mine_save(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	struct kase c = {.version = 0};
	struct form form;
	char bad[sizeof(rp->msg)];

	if (form_read(&form, rq))
		reply_refuse(rp, CODE_BAD_VALUE, NULL, "表单无法读取");
	else if (find_mine(db, form_text(&form, "projid"), form_text(&form, "pwd"), &c, rp))
		correct(p, db, rq, rp, &form, &c);
	if (!rq->wants_json && rp->code == CODE_OK) {
		send_on(rp, &c, "saved");
	} else if (!rq->wants_json) {
		snprintf(bad, sizeof(bad), "%s", rp->msg);
		drawn_refusal(rp, rp->code,
			c.doc ? draw_mine(rp, &c, NULL, bad)
			      : draw_lookup(rp, form_text(&form, "projid"), bad));
	}
	rp->etag[0] = '\0';
	case_free(&c);
	form_free(&form);
	return rp->code;
}

static int rate(struct db *db, struct reply *rp, const struct form *form, const struct kase *c)
{
	const char *satisfaction = form_text(form, "SATISFACTION");
	const char *content = form_text(form, "CONTENT");
	char stamp[15];

	if (!code_text(codes_rating, satisfaction))
		return reply_refuse(rp, CODE_BAD_VALUE, "SATISFACTION", "代码不在代码表中");
	if (value_characters(content) > 200)
		return reply_refuse(rp, CODE_BAD_VALUE, "CONTENT", "超过最大长度");
	if (!state_is_final(case_value(c, "PROJECTSTATE")))
		return reply_refuse(rp, CODE_STATE, NULL, "办结后才能评价");
	time_stamp(time_now_ms(), stamp);
	db_run(db, Q_RATING_NEW, "tttt", c->projid, satisfaction, content, stamp);
	return reply_ok(rp, NULL);
}

int page_rate(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	struct kase c = {.version = 0};
	struct form form;
	char bad[sizeof(rp->msg)];

	(void)p;
	if (form_read(&form, rq))
		reply_refuse(rp, CODE_BAD_VALUE, NULL, "表单无法读取");
	else if (find_mine(db, form_text(&form, "projid"), form_text(&form, "pwd"), &c, rp))
		rate(db, rp, &form, &c);
	if (!rq->wants_json && rp->code == CODE_OK) {
		send_on(rp, &c, "rated");
	} else if (!rq->wants_json) {
		snprintf(bad, sizeof(bad), "%s", rp->msg);
		drawn_refusal(rp, rp->code,
			c.doc ? draw_mine(rp, &c, NULL, bad) : draw_lookup(rp, "", bad));
	}
	case_free(&c);
	form_free(&form);
	return rp->code;
}

int page_clerk(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	(void)p;
	return draw_clerk(
		db, rp, query_or_empty(rq, "projid"), thanks(query_or_empty(rq, "done")), NULL);
}

static int clerk_edit(struct portal *p, struct db *db, struct request *rq, struct reply *rp,
	const struct form *form, struct kase *c)
{
	const char *name = form_text(form, "field");
	enum field_group group = FIELDS_BASIC;
	json_t *values;
	int code;

	if (!strncmp(name, "EXT.", 4)) {
		group = FIELDS_EXT;
		name += 4;
	} else if (!strncmp(name, "DONE.", 5)) {
		group = FIELDS_DONE;
		name += 5;
		if (!case_value(c, "DONE.DONERESULT"))
			return reply_refuse(rp, CODE_STATE, "DONE", "尚未办结");
	}
	if (!*name)
		return reply_refuse(rp, CODE_BAD_VALUE, "field", "必填");
	values = json_object();
	json_object_set_new(values, name, json_string(form_text(form, "value")));
	code = case_set(c, group, NULL, values, FIELD_CLERK, rq, rp);
	json_decref(values);
	return code == CODE_OK ? case_save(p, db, c, "clerk", rq, rp) : code;
}

int page_clerk_save(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	struct kase c = {.version = 0};
	struct form form;
	char bad[sizeof(rp->msg)];

	if (form_read(&form, rq))
		reply_refuse(rp, CODE_BAD_VALUE, NULL, "表单无法读取");
	else if (!case_load(db, form_text(&form, "projid"), &c) || c.version == 0)
		reply_refuse(rp, CODE_UNKNOWN, NULL, "没有这个办件编号");
	else
		clerk_edit(p, db, rq, rp, &form, &c);
	if (!rq->wants_json && rp->code == CODE_OK) {
		send_on(rp, &c, "saved");
		snprintf(rp->location, sizeof(rp->location), "/clerk?projid=%s&done=saved",
			c.projid);
	} else if (!rq->wants_json) {
		snprintf(bad, sizeof(bad), "%s", rp->msg);
		drawn_refusal(rp, rp->code, draw_clerk(db, rp, c.projid, NULL, bad));
	}
	rp->etag[0] = '\0';
	case_free(&c);
	form_free(&form);
	return rp->code;
}
