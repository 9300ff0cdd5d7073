/* Calls that write: numbers, basic information, steps, special nodes, files, results. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "portal_api.h"
#include "portal_case.h"
#include "portal_form.h"
#include "portal_time.h"

/* The body as an object, out of {"data": {...}} when it is wrapped so; NULL when it is none. */
static json_t *read_body(const struct request *rq, struct reply *rp)
{
	json_t *body = json_loadb(rq->body, rq->body_size, JSON_REJECT_DUPLICATES, NULL);
	json_t *inner = json_object_get(body, "data");

	if (json_is_object(inner) && json_object_size(body) == 1) {
		json_incref(inner);
		json_decref(body);
		body = inner;
	}
	if (json_is_object(body))
		return body;
	json_decref(body);
	reply_refuse(rp, CODE_BAD_VALUE, NULL, "请求体不是JSON对象");
	return NULL;
}

/* "" when missing. */
static const char *text_of(const json_t *body, const char *name)
{
	const char *text = json_string_value(json_object_get(body, name));

	return text ? text : "";
}

static int find_item(struct db *db, const char *code, char *out, size_t size, struct reply *rp)
{
	sqlite3_stmt *st = db_query(db, Q_ITEM_GET, "t", code);

	if (!db_step(db, st))
		reply_refuse(rp, CODE_BAD_VALUE, "itemId", "事项不存在");
	else if (!sqlite3_column_int(st, 5))
		reply_refuse(rp, CODE_NOT_CLAIMED, NULL, "事项未认领");
	else
		reply_ok(rp, NULL);
	snprintf(out, size, "%s", rp->code == CODE_OK ? db_text(st, 0) : "");
	db_done(st);
	return rp->code;
}

static bool number_known(
	struct db *db, const struct request *rq, const char *orgbusno, struct reply *rp)
{
	sqlite3_stmt *st;
	bool known;

	if (!*orgbusno || !rq->settings.duplicate_rule)
		return false;
	st = db_query(db, Q_CASE_BY_ORGBUSNO, "tt", orgbusno, "");
	known = db_step(db, st);
	if (known) {
		reply_refuse(rp, CODE_DUPLICATE, NULL, "该部门业务流水号已有办件");
		rp->data =
			json_pack("{s:s, s:s}", "PROJID", db_text(st, 0), "projid", db_text(st, 0));
	}
	db_done(st);
	return known;
}

int api_create_number(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *body = read_body(rq, rp);
	const char *orgbusno = text_of(body, "ORGBUSNO");
	char item[40];
	struct kase c;

	(void)p;
	if (!body)
		return rp->code;
	if (strlen(orgbusno) > 50)
		reply_refuse(rp, CODE_BAD_VALUE, "ORGBUSNO", "超过最大长度");
	else if (find_item(db, text_of(body, "itemId"), item, sizeof(item), rp) == CODE_OK &&
		 !number_known(db, rq, orgbusno, rp)) {
		if (case_number(db, rq, item, *orgbusno ? orgbusno : NULL, &c, rp) == CODE_OK)
			reply_ok(rp, json_pack("{s:s, s:s}", "projid", c.projid, "projpwd", c.pwd));
		case_free(&c);
	}
	json_decref(body);
	return rp->code;
}

/* Loads the case of the body's PROJID; it must have its basic information unless first is asked
 * for, must be of an item of ours, and must fit If-Match. */
static int load(struct db *db, const struct request *rq, const char *projid, bool first,
	struct kase *c, struct reply *rp)
{
	char item[40];

	memset(c, 0, sizeof(*c));
	if (!*projid)
		return reply_refuse(rp, CODE_BAD_VALUE, "PROJID", "必填");
	if (!case_load(db, projid, c))
		return reply_refuse(rp, CODE_UNKNOWN, NULL, "没有这个办件编号");
	if (find_item(db, c->item, item, sizeof(item), rp) != CODE_OK)
		return rp->code;
	if (c->version == 0 && !first)
		return reply_refuse(rp, CODE_NO_PARENT, NULL, "请先报送基本信息");
	return case_match(c, rq, rp);
}

/* EXT and, once there is a result, DONE may come along with the basic fields. */
static int set_groups(struct kase *c, json_t *body, const struct request *rq, struct reply *rp)
{
	json_t *ext = json_object_get(body, "EXT"), *done = json_object_get(body, "DONE");

	if (case_set(c, FIELDS_BASIC, NULL, body, 0, rq, rp) != CODE_OK)
		return rp->code;
	if (json_is_object(ext) && case_set(c, FIELDS_EXT, NULL, ext, 0, rq, rp) != CODE_OK)
		return rp->code;
	if (!json_is_object(done))
		return CODE_OK;
	if (!case_value(c, "DONE.DONERESULT"))
		return reply_refuse(rp, CODE_STATE, "DONE", "尚未办结，请用办结接口报送");
	return case_set(c, FIELDS_DONE, NULL, done, 0, rq, rp);
}

static int same_item(const struct kase *c, const json_t *body, struct reply *rp)
{
	static const char *const names[] = {"IMPLEMENTCODE", "ITEMCODE"};

	for (size_t i = 0; i < 2; i++) {
		const char *sent = text_of(body, names[i]);

		if (*sent && strcmp(sent, case_value(c, names[i])))
			return reply_refuse(rp, CODE_BAD_VALUE, names[i], "与取号时的事项不同");
	}
	return CODE_OK;
}

static void name_project(struct kase *c)
{
	if (!case_value(c, "PROJECTNAME") && case_value(c, "APPLICANT"))
		json_object_set_new(c->doc, "PROJECTNAME",
			json_sprintf("关于%s的%s", case_value(c, "APPLICANT"),
				case_value(c, "ITEMNAME")));
}

int api_basic(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *body = read_body(rq, rp);
	struct kase c = {.version = 0};
	bool first;

	if (!body)
		return rp->code;
	if (load(db, rq, text_of(body, "PROJID"), true, &c, rp) == CODE_OK) {
		first = c.version == 0;
		if ((!first || case_first(db, &c, rp) == CODE_OK) &&
			same_item(&c, body, rp) == CODE_OK &&
			set_groups(&c, body, rq, rp) == CODE_OK) {
			if (first)
				name_project(&c);
			case_save(p, db, &c, first ? "create" : "basic", rq, rp);
		}
	}
	case_free(&c);
	json_decref(body);
	return rp->code;
}

int api_update(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *body = read_body(rq, rp);
	struct kase c = {.version = 0};

	if (!body)
		return rp->code;
	if (load(db, rq, text_of(body, "PROJID"), false, &c, rp) == CODE_OK &&
		same_item(&c, body, rp) == CODE_OK && set_groups(&c, body, rq, rp) == CODE_OK)
		case_save(p, db, &c, "update", rq, rp);
	case_free(&c);
	json_decref(body);
	return rp->code;
}

/* Steps and special nodes: one list element per call, known by its SN. */
static int receive_element(struct portal *p, struct db *db, struct request *rq, struct reply *rp,
	enum field_group group, const char *op)
{
	json_t *body = read_body(rq, rp);
	const json_t *sn = json_object_get(body, "SN");
	struct kase c = {.version = 0};
	char number[24];

	if (!body)
		return rp->code;
	snprintf(number, sizeof(number), "%s", text_of(body, "SN"));
	if (json_is_integer(sn))
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(sn));
	if (!value_is_number(number, 0) || strlen(number) > 6)
		reply_refuse(rp, CODE_BAD_VALUE, "SN", "序号应为1至6位数字");
	else if (load(db, rq, text_of(body, "PROJID"), false, &c, rp) == CODE_OK &&
		 case_set(&c, group, number, body, 0, rq, rp) == CODE_OK)
		case_save(p, db, &c, op, rq, rp);
	case_free(&c);
	json_decref(body);
	return rp->code;
}

int api_proc(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	return receive_element(p, db, rq, rp, FIELDS_STEP, "proc");
}

int api_special(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	return receive_element(p, db, rq, rp, FIELDS_SPECIAL, "special");
}

/* The state that follows from a result: 2.6 of the field description, in README.md. */
static const char *state_of_result(const char *result)
{
	static const char *const states[] = {"10", "10", "12", "12", "11", "13", "10"};

	return states[result[0] - '0'];
}

/* The result's fields may stand flat in the body, as older forms of the interface have them, or
 * in DONE as in the representation; then basic fields may come along. */
static int set_done(struct kase *c, json_t *body, const struct request *rq, struct reply *rp)
{
	json_t *done = json_object_get(body, "DONE"), *root = json_incref(body);
	const bool before = case_value(c, "DONE.DONERESULT") != NULL;
	int code;

	if (!json_is_object(done)) {
		json_decref(root);
		root = json_object();
		json_object_set(root, "PROJECTSTATE", json_object_get(body, "PROJECTSTATE"));
		json_object_del(body, "PROJECTSTATE");
		done = body;
	}
	code = case_set(c, FIELDS_DONE, NULL, done, 0, rq, rp);
	if (code == CODE_OK && !case_value(c, "DONE.DONERESULT"))
		code = reply_refuse(rp, CODE_BAD_VALUE, "DONE.DONERESULT", "必填");
	if (code == CODE_OK && !before && !json_object_get(root, "PROJECTSTATE"))
		json_object_set_new(root, "PROJECTSTATE",
			json_string(state_of_result(case_value(c, "DONE.DONERESULT"))));
	if (code == CODE_OK)
		code = case_set(c, FIELDS_BASIC, NULL, root, 0, rq, rp);
	json_decref(root);
	return code;
}

int api_done(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *body = read_body(rq, rp);
	struct kase c = {.version = 0};
	char stamp[15];

	if (!body)
		return rp->code;
	if (load(db, rq, text_of(body, "PROJID"), false, &c, rp) == CODE_OK &&
		set_done(&c, body, rq, rp) == CODE_OK) {
		if (!case_value(&c, "DONE.DONETIME")) {
			time_stamp(time_now_ms(), stamp);
			json_object_set_new(
				json_object_get(c.doc, "DONE"), "DONETIME", json_string(stamp));
		}
		case_save(p, db, &c, "done", rq, rp);
	}
	case_free(&c);
	json_decref(body);
	return rp->code;
}

int api_ack(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	json_t *body = rq->body_size ? read_body(rq, rp) : json_object();
	struct kase c = {.version = 0};
	char stamp[15];

	if (!body)
		return rp->code;
	if (load(db, rq, rq->part, false, &c, rp) == CODE_OK &&
		case_set(&c, FIELDS_BASIC, NULL, body, 0, rq, rp) == CODE_OK) {
		if (c.pending) {
			time_stamp(time_now_ms(), stamp);
			json_object_set_new(c.doc, "ACKTIME", json_string(stamp));
			c.pending = 0;
		}
		case_save(p, db, &c, "ack", rq, rp);
	}
	case_free(&c);
	json_decref(body);
	return rp->code;
}

/* The same file (name and content) sent again is the file that is there. */
static bool file_known(const struct kase *c, const char *name, const char *hash)
{
	size_t i;
	json_t *e;

	json_array_foreach(json_object_get(c->doc, "FILES"), i,
		e) if (!strcmp(text_of(e, "FILENAME"), name) &&
		       !strcmp(text_of(e, "FILEHASH"), hash)) return true;
	return false;
}

static int add_file(struct db *db, struct kase *c, const struct form *form, struct reply *rp)
{
	const char *material = form_text(form, "MATERIALNAME");
	char hash[HASH_HEX];
	int64_t id;

	hash_hex(HASH_SHA256, form->file, form->file_size, hash);
	if (file_known(c, form->file_name, hash))
		return CODE_OK;
	if (db_run(db, Q_FILE_NEW, "ttttb", c->projid, form->file_name, form->file_type, hash,
		    form->file, form->file_size) != 1)
		return reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	id = sqlite3_last_insert_rowid(db->h);
	json_array_append_new(json_object_get(c->doc, "FILES"),
		json_pack("{s:o, s:s?, s:s, s:s, s:o, s:s}", "FILEID",
			json_sprintf("%lld", (long long)id), "MATERIALNAME",
			*material ? material : NULL, "FILENAME", form->file_name, "FILETYPE",
			form->file_type, "FILESIZE", json_sprintf("%zu", form->file_size),
			"FILEHASH", hash));
	return CODE_OK;
}

int api_file(struct portal *p, struct db *db, struct request *rq, struct reply *rp)
{
	struct kase c = {.version = 0};
	struct form form;

	if (form_read(&form, rq) || !form.file_name[0])
		reply_refuse(rp, CODE_BAD_VALUE, "file", "应为 multipart/form-data，并带有文件");
	else if (value_characters(form_text(&form, "MATERIALNAME")) > 200)
		reply_refuse(rp, CODE_BAD_VALUE, "MATERIALNAME", "超过最大长度");
	else if (load(db, rq, form_text(&form, "PROJID"), false, &c, rp) == CODE_OK &&
		 add_file(db, &c, &form, rp) == CODE_OK)
		case_save(p, db, &c, "file", rq, rp);
	case_free(&c);
	form_free(&form);
	return rp->code;
}
