/* What people see: the form to apply, the state of a case, the clerk's list. */
#include "portal_pages.h"

#include <stdlib.h>
#include <string.h>

#include "portal_api.h"
#include "portal_html.h"
#include "portal_time.h"

static const char *old_value(const struct form *form, const char *name)
{
	return form ? form_text(form, name) : "";
}

static void lookup_section(FILE *f, const char *projid)
{
	fprintf(f, "<section><h2>办件查询</h2><form action=\"/my\" method=\"get\">");
	html_input(f, "projid", "办件编号", projid, "required");
	html_input(f, "pwd", "查询密码", "", "required maxlength=\"6\" inputmode=\"numeric\"");
	fprintf(f, "<button>查询</button></form></section>");
}

int draw_home(struct reply *rp, const struct form *form, const char *bad)
{
	FILE *f = html_begin(rp, "老年人优待证办理");

	if (!f)
		return reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	fprintf(f, "<section><h2>老年人优待证办理</h2><p class=\"quiet\">受理单位：裕安区民政局　"
		   "承诺时限：5个工作日　办理对象：60周岁以上老年人</p>");
	html_note(f, "bad", bad);
	fprintf(f, "<form action=\"/apply\" method=\"post\">");
	html_input(
		f, "APPLICANT", "姓名", old_value(form, "APPLICANT"), "required maxlength=\"100\"");
	html_select(f, "APPLICANTCERTTYPE", "证件类型", codes_cert_type,
		old_value(form, "APPLICANTCERTTYPE"), NULL);
	html_input(f, "APPLICANTCERTNO", "证件号码", old_value(form, "APPLICANTCERTNO"),
		"required maxlength=\"18\"");
	html_select(f, "SEX", "性别", codes_sex, old_value(form, "SEX"), "按身份证");
	html_input(f, "BIRTHDAY", "出生日期", old_value(form, "BIRTHDAY"),
		"maxlength=\"10\" placeholder=\"如 19500307，身份证可不填\"");
	html_input(f, "APPLICANTMOBILE", "手机号码", old_value(form, "APPLICANTMOBILE"),
		"required maxlength=\"11\" inputmode=\"numeric\"");
	html_input(
		f, "ADDRESS", "联系地址", old_value(form, "ADDRESS"), "required maxlength=\"100\"");
	html_select(f, "YDZLX", "优待证类别", codes_card, old_value(form, "YDZLX"), NULL);
	fprintf(f, "<button>提交申请</button></form></section>");
	lookup_section(f, "");
	html_end(f, rp);
	return rp->code = CODE_OK;
}

int draw_lookup(struct reply *rp, const char *projid, const char *bad)
{
	FILE *f = html_begin(rp, "办件查询");

	if (!f)
		return reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	html_note(f, "bad", bad);
	lookup_section(f, projid);
	html_end(f, rp);
	return rp->code = CODE_OK;
}

static void row(FILE *f, const char *label, const char *value)
{
	if (!value || !*value)
		return;
	fprintf(f, "<tr><th>%s</th><td>", label);
	html_text(f, value);
	fprintf(f, "</td></tr>");
}

static void field_row(
	FILE *f, const struct kase *c, enum field_group group, const char *name, const char *full)
{
	const struct field *field = field_find(group, name);

	row(f, field->label, field_shown(field, case_value(c, full)));
}

static void summary(FILE *f, const struct kase *c)
{
	const char *state = case_value(c, "PROJECTSTATE");

	fprintf(f, "<section><h2>");
	html_text(f, case_value(c, "ITEMNAME"));
	fprintf(f, "　<span class=\"state\">");
	html_text(f, code_text(codes_state, state));
	fprintf(f, "</span></h2><table>");
	row(f, "办件编号", c->projid);
	row(f, "查询密码", c->pwd);
	row(f, "受理单位", case_value(c, "ACCEPTDEPTNAME"));
	row(f, "部门业务流水号", case_value(c, "ORGBUSNO"));
	field_row(f, c, FIELDS_BASIC, "APPLICANT", "APPLICANT");
	fprintf(f, "<tr><th>证件号码</th><td>");
	html_masked(f, case_value(c, "APPLICANTCERTNO"));
	fprintf(f, "</td></tr>");
	field_row(f, c, FIELDS_BASIC, "SEX", "SEX");
	fprintf(f, "<tr><th>出生日期</th><td>");
	html_time(f, case_value(c, "BIRTHDAY"));
	fprintf(f, "</td></tr>");
	field_row(f, c, FIELDS_EXT, "YDZLX", "EXT.YDZLX");
	field_row(f, c, FIELDS_BASIC, "APPLICANTMOBILE", "APPLICANTMOBILE");
	field_row(f, c, FIELDS_BASIC, "ADDRESS", "ADDRESS");
	field_row(f, c, FIELDS_BASIC, "OPINION", "OPINION");
	fprintf(f, "</table></section>");
}

static void event(FILE *f, const char *stamp, const char *what)
{
	if (!stamp)
		return;
	fprintf(f, "<li><b>%s</b><br><small>", what);
	html_time(f, stamp);
	fprintf(f, "</small></li>");
}

static const char *member(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static void step_line(FILE *f, const json_t *e)
{
	const char *result = code_text(codes_node_result, member(e, "NODERESULT"));
	const char *end = member(e, "NODEENDTIME");

	fprintf(f, "<li><b>");
	html_text(f, member(e, "NODENAME"));
	fprintf(f, "</b> ");
	html_text(f, result);
	fprintf(f, "<br><small>");
	html_time(f, end ? end : member(e, "NODESTARTTIME"));
	fprintf(f, "　");
	html_text(f, member(e, "NODEPERSON"));
	fprintf(f, "</small>");
	if (member(e, "NODEOPINION")) {
		fprintf(f, "<br>");
		html_text(f, member(e, "NODEOPINION"));
	}
	fprintf(f, "</li>");
}

static void timeline(FILE *f, const struct kase *c)
{
	size_t i;
	json_t *e;

	fprintf(f, "<section><h2>办理进度</h2><ol>");
	event(f, case_value(c, "APPLYTIME"), "提交申请");
	event(f, case_value(c, "ACCEPTTIME"), "受理");
	json_array_foreach(json_object_get(c->doc, "STEPS"), i, e) step_line(f, e);
	json_array_foreach(json_object_get(c->doc, "SPECIALNODES"), i, e) event(f,
		member(e, "SPECIALSTARTTIME"), code_text(codes_special, member(e, "SPECIALTYPE")));
	event(f, case_value(c, "DONE.DONETIME"), "办结");
	event(f, case_value(c, "DONE.DELIVERTIME"), "领取证件");
	fprintf(f, "</ol></section>");
}

static void result(FILE *f, const struct kase *c)
{
	if (!case_value(c, "DONE.DONERESULT"))
		return;
	fprintf(f, "<section><h2>办理结果</h2><div class=\"cert\"><table>");
	field_row(f, c, FIELDS_DONE, "DONERESULT", "DONE.DONERESULT");
	field_row(f, c, FIELDS_DONE, "CERTIFICATENAME", "DONE.CERTIFICATENAME");
	field_row(f, c, FIELDS_DONE, "CERTIFICATENO", "DONE.CERTIFICATENO");
	field_row(f, c, FIELDS_DONE, "PUBLISHER", "DONE.PUBLISHER");
	if (case_value(c, "DONE.CERTIFICATEDATE")) {
		fprintf(f, "<tr><th>发证日期</th><td>");
		html_time(f, case_value(c, "DONE.CERTIFICATEDATE"));
		fprintf(f, "</td></tr>");
	}
	field_row(f, c, FIELDS_DONE, "EXITRES", "DONE.EXITRES");
	fprintf(f, "</table></div></section>");
}

static void own_key(FILE *f, const struct kase *c)
{
	fprintf(f,
		"<input type=\"hidden\" name=\"projid\" value=\"%s\">"
		"<input type=\"hidden\" name=\"pwd\" value=\"%s\">",
		c->projid, c->pwd);
}

static void correction(FILE *f, const struct kase *c)
{
	fprintf(f, "<section><h2>更正联系方式</h2><form action=\"/my\" method=\"post\">");
	own_key(f, c);
	html_input(f, "APPLICANTMOBILE", "手机号码", case_value(c, "APPLICANTMOBILE"),
		"required maxlength=\"11\"");
	html_input(
		f, "ADDRESS", "联系地址", case_value(c, "ADDRESS"), "required maxlength=\"100\"");
	fprintf(f, "<button>保存</button></form></section>");
}

static void rating(FILE *f, const struct kase *c)
{
	fprintf(f, "<section><h2>服务评价</h2><form action=\"/my/rating\" method=\"post\">");
	own_key(f, c);
	html_select(f, "SATISFACTION", "满意度", codes_rating, "1", NULL);
	html_input(f, "CONTENT", "评价内容", "", "maxlength=\"200\"");
	fprintf(f, "<button>提交评价</button></form></section>");
}

int draw_mine(struct reply *rp, const struct kase *c, const char *good, const char *bad)
{
	FILE *f = html_begin(rp, "我的办件");

	if (!f)
		return reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	html_note(f, "good", good);
	html_note(f, "bad", bad);
	summary(f, c);
	result(f, c);
	timeline(f, c);
	if (state_is_final(case_value(c, "PROJECTSTATE")))
		rating(f, c);
	else
		correction(f, c);
	html_end(f, rp);
	return rp->code = CODE_OK;
}

static const char *writer_name(const char *updated_by)
{
	if (!strcmp(updated_by, "web:applicant"))
		return "申请人";
	return !strcmp(updated_by, "web:clerk") ? "门户窗口" : "部门接口";
}

static void clerk_list(FILE *f, struct db *db)
{
	sqlite3_stmt *st = db_query(db, Q_CASE_LATEST, "i", (int64_t)30);
	char stamp[15];

	fprintf(f,
		"<section><h2>最新办件</h2><table><tr><th>办件编号</th><th>申请人</th><th>状态</th>"
		"<th>手机号码</th><th>最后更新</th><th></th></tr>");
	while (db_step(db, st)) {
		struct kase c;

		case_from_row(st, &c);
		fprintf(f, "<tr><td>%s</td><td>", c.projid);
		html_text(f, case_value(&c, "APPLICANT"));
		fprintf(f, "</td><td><span class=\"state\">");
		html_text(f, code_text(codes_state, case_value(&c, "PROJECTSTATE")));
		fprintf(f, "</span></td><td>");
		html_text(f, case_value(&c, "APPLICANTMOBILE"));
		fprintf(f, "</td><td><small>");
		time_stamp(c.updated, stamp);
		html_time(f, stamp);
		fprintf(f, "　%s", writer_name(c.updated_by));
		fprintf(f, "</small></td><td><a href=\"/clerk?projid=%s\">更正</a></td></tr>",
			c.projid);
		case_free(&c);
	}
	db_done(st);
	fprintf(f, "</table></section>");
}

static void clerk_options(FILE *f, const struct kase *c, enum field_group group, const char *prefix)
{
	char full[80];

	for (const struct field *field = fields_of(group); field->name; field++) {
		if (!(field->flags & FIELD_CLERK))
			continue;
		snprintf(full, sizeof(full), "%s%s", prefix, field->name);
		fprintf(f, "<option value=\"%s\">%s（现为：", full, field->label);
		html_text(f, field_shown(field, case_value(c, full)));
		fprintf(f, "）</option>");
	}
}

static void clerk_form(FILE *f, const struct kase *c)
{
	fprintf(f,
		"<section><h2>更正办件 %s</h2><form action=\"/clerk\" method=\"post\">"
		"<input type=\"hidden\" name=\"projid\" value=\"%s\">"
		"<label><span>更正项目</span><select name=\"field\">",
		c->projid, c->projid);
	clerk_options(f, c, FIELDS_BASIC, "");
	clerk_options(f, c, FIELDS_EXT, "EXT.");
	if (case_value(c, "DONE.DONERESULT"))
		clerk_options(f, c, FIELDS_DONE, "DONE.");
	fprintf(f, "</select></label>");
	html_input(f, "value", "更正为", "",
		"maxlength=\"1000\" placeholder=\"代码项填代码，日期填 YYYYMMDD\"");
	fprintf(f, "<button>保存更正</button></form></section>");
}

int draw_clerk(
	struct db *db, struct reply *rp, const char *projid, const char *good, const char *bad)
{
	FILE *f = html_begin(rp, "窗口工作台");
	struct kase c;

	if (!f)
		return reply_refuse(rp, CODE_BUSY, NULL, "系统繁忙");
	html_note(f, "good", good);
	html_note(f, "bad", bad);
	if (projid && *projid) {
		if (case_load(db, projid, &c) && c.version > 0)
			clerk_form(f, &c);
		case_free(&c);
	}
	clerk_list(f, db);
	html_end(f, rp);
	return rp->code = CODE_OK;
}
