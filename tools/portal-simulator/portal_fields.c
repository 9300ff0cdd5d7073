#include "portal_fields.h"

#include <ctype.h>
#include <string.h>

#define REQUIRED  FIELD_REQUIRED
#define FIXED	  FIELD_FIXED
#define CLERK	  FIELD_CLERK
#define CORRECTED FIELD_APPLICANT
#define FORM	  FIELD_FORM

static const struct field basic[] = {
	{"PROJID", "办件编号", FIELD_TEXT, 50, NULL, FIXED},
	{"ORGBUSNO", "部门业务流水号", FIELD_TEXT, 50, NULL, 0},
	{"IMPLEMENTCODE", "实施编码", FIELD_TEXT, 36, NULL, FIXED},
	{"ITEMCODE", "基本编码", FIELD_TEXT, 12, NULL, FIXED},
	{"ITEMNAME", "事项名称", FIELD_TEXT, 200, NULL, FIXED},
	{"PROJECTNAME", "办件名称", FIELD_TEXT, 200, NULL, CLERK},
	{"APPLICANTTYPE", "申请人类型", FIELD_CODE, 1, codes_applicant_type, 0},
	{"APPLICANT", "申请人姓名", FIELD_TEXT, 100, NULL, REQUIRED | CLERK | FORM},
	{"APPLICANTCERTTYPE", "证件类型", FIELD_CODE, 3, codes_cert_type, CLERK | FORM},
	{"APPLICANTCERTNO", "证件号码", FIELD_TEXT, 18, NULL, REQUIRED | CLERK | FORM},
	{"SEX", "性别", FIELD_CODE, 1, codes_sex, CLERK | FORM},
	{"BIRTHDAY", "出生日期", FIELD_DATE, 8, NULL, CLERK | FORM},
	{"APPLICANTMOBILE", "手机号码", FIELD_MOBILE, 11, NULL, CLERK | CORRECTED | FORM},
	{"APPLICANTTEL", "固定电话", FIELD_TEXT, 20, NULL, CLERK | FORM},
	{"ADDRESS", "联系地址", FIELD_TEXT, 100, NULL, CLERK | CORRECTED | FORM},
	{"ZIPCODE", "邮政编码", FIELD_DIGITS, 6, NULL, FORM},
	{"LINKMAN", "联系人", FIELD_TEXT, 50, NULL, FORM},
	{"LINKMANMOBILE", "联系人手机", FIELD_MOBILE, 11, NULL, FORM},
	{"DIVISION", "行政区划", FIELD_DIGITS, 12, NULL, 0},
	{"ACCEPTDEPTID", "受理单位代码", FIELD_TEXT, 18, NULL, FIXED},
	{"ACCEPTDEPTNAME", "受理单位", FIELD_TEXT, 100, NULL, FIXED},
	{"SUBMIT", "提交方式", FIELD_CODE, 1, codes_submit, 0},
	{"DATASOURCES", "服务渠道", FIELD_CODE, 1, codes_channel, FORM},
	{"APPROVALTYPE", "办件类型", FIELD_CODE, 1, codes_approval, 0},
	{"PROMISETIMELIMIT", "承诺时限", FIELD_NUMBER, 5, NULL, 0},
	{"PROMISETIMEUNIT", "承诺时限单位", FIELD_CODE, 1, codes_unit, 0},
	{"PROMISEDATE", "承诺办结日期", FIELD_DATE, 8, NULL, 0},
	{"APPLYTIME", "申请时间", FIELD_TIME, 14, NULL, 0},
	{"ACCEPTTIME", "受理时间", FIELD_TIME, 14, NULL, 0},
	{"ACCEPTDOCNO", "受理文书编号", FIELD_TEXT, 30, NULL, 0},
	{"TRANSACTOR", "受理人员", FIELD_TEXT, 50, NULL, 0},
	{"PROJECTSTATE", "办件状态", FIELD_CODE, 2, codes_state, 0},
	{"OPINION", "办理意见（原因）", FIELD_TEXT, 1000, NULL, CLERK},
	{"REMARK", "备注", FIELD_TEXT, 500, NULL, CLERK | FORM},
	{NULL, NULL, FIELD_TEXT, 0, NULL, 0},
};

static const struct field ext[] = {
	{"YDZLX", "优待证类别", FIELD_CODE, 1, codes_card, CLERK},
	{"ZZZH", "暂住证（居住证）号", FIELD_TEXT, 30, NULL, CLERK},
	{NULL, NULL, FIELD_TEXT, 0, NULL, 0},
};

static const struct field step[] = {
	{"SN", "环节序号", FIELD_NUMBER, 6, NULL, FIXED},
	{"NODENAME", "环节名称", FIELD_TEXT, 100, NULL, REQUIRED},
	{"NODETYPE", "环节类型", FIELD_CODE, 1, codes_node_type, 0},
	{"NODESTATE", "环节状态", FIELD_CODE, 1, codes_node_state, 0},
	{"NODERESULT", "处理结果", FIELD_CODE, 1, codes_node_result, 0},
	{"NODESTARTTIME", "环节开始时间", FIELD_TIME, 14, NULL, 0},
	{"NODEENDTIME", "环节结束时间", FIELD_TIME, 14, NULL, 0},
	{"NODEPERSON", "处理人", FIELD_TEXT, 50, NULL, 0},
	{"NODEDEPTNAME", "处理单位", FIELD_TEXT, 100, NULL, 0},
	{"NODEOPINION", "处理意见", FIELD_TEXT, 1000, NULL, 0},
	{NULL, NULL, FIELD_TEXT, 0, NULL, 0},
};

static const struct field special[] = {
	{"SN", "特殊环节序号", FIELD_NUMBER, 6, NULL, FIXED},
	{"SPECIALTYPE", "特殊环节种类", FIELD_CODE, 1, codes_special, REQUIRED},
	{"SPECIALNAME", "特殊环节名称", FIELD_TEXT, 100, NULL, 0},
	{"SPECIALREASON", "启动理由或依据", FIELD_TEXT, 1000, NULL, 0},
	{"SPECIALPROPOSER", "申请人", FIELD_TEXT, 50, NULL, 0},
	{"SPECIALSTARTTIME", "开始时间", FIELD_TIME, 14, NULL, 0},
	{"SPECIALENDTIME", "结束时间", FIELD_TIME, 14, NULL, 0},
	{"SPECIALRESULT", "结果", FIELD_TEXT, 200, NULL, 0},
	{"SPECIALPERSON", "办理人", FIELD_TEXT, 50, NULL, 0},
	{NULL, NULL, FIELD_TEXT, 0, NULL, 0},
};

static const struct field done[] = {
	{"DONERESULT", "办结结果", FIELD_CODE, 1, codes_done, REQUIRED},
	{"DONETIME", "办结时间", FIELD_TIME, 14, NULL, 0},
	{"EXITRES", "未出证原因", FIELD_TEXT, 1000, NULL, CLERK},
	{"DONEPERSON", "办结人", FIELD_TEXT, 50, NULL, 0},
	{"APPROVALNUMBER", "决定书文号", FIELD_TEXT, 50, NULL, CLERK},
	{"CERTIFICATENAME", "证照名称", FIELD_TEXT, 200, NULL, CLERK},
	{"CERTIFICATENO", "证照编号", FIELD_TEXT, 50, NULL, CLERK},
	{"CERTIFICATEDATE", "发证日期", FIELD_DATE, 8, NULL, CLERK},
	{"CERTIFICATELIMIT", "证照有效期限", FIELD_TEXT, 50, NULL, CLERK},
	{"PUBLISHER", "发证单位", FIELD_TEXT, 100, NULL, CLERK},
	{"DELIVERTIME", "领取（送达）时间", FIELD_TIME, 14, NULL, 0},
	{"ISFEE", "是否收费", FIELD_CODE, 1, codes_yes_no, 0},
	{"FEE", "收费金额（元）", FIELD_AMOUNT, 19, NULL, 0},
	{NULL, NULL, FIELD_TEXT, 0, NULL, 0},
};

const struct field *fields_of(enum field_group group)
{
	static const struct field *const groups[] = {basic, ext, step, special, done};

	return groups[group];
}

const struct field *field_find(enum field_group group, const char *name)
{
	for (const struct field *f = fields_of(group); f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

const char *field_wrong(const struct field *f, const char *value)
{
	if (value_characters(value) > f->max)
		return "超过最大长度";
	for (const char *c = value; *c; c++)
		if ((unsigned char)*c < 0x20 && *c != '\n' && *c != '\t')
			return "含有控制字符";
	switch (f->kind) {
	case FIELD_CODE:
		return code_text(f->codes, value) ? NULL : "代码不在代码表中";
	case FIELD_DATE:
		return value_is_date(value) ? NULL : "日期应为 YYYYMMDD";
	case FIELD_TIME:
		return value_is_time(value) ? NULL : "时间应为 YYYYMMDDhhmmss";
	case FIELD_MOBILE:
		return value_is_mobile(value) ? NULL : "手机号码不正确";
	case FIELD_DIGITS:
		return value_is_number(value, 0) && strlen(value) == f->max ? NULL
									    : "应为固定位数的数字";
	case FIELD_NUMBER:
		return value_is_number(value, 0) ? NULL : "应为数字";
	case FIELD_AMOUNT:
		return value_is_number(value, 2) ? NULL : "应为金额";
	case FIELD_TEXT:
		break;
	}
	return NULL;
}

const char *field_shown(const struct field *f, const char *value)
{
	const char *text = f->codes && value ? code_text(f->codes, value) : NULL;

	return text ? text : value ? value : "";
}

json_t *fields_blank(enum field_group group)
{
	json_t *o = json_object();

	for (const struct field *f = fields_of(group); f->name; f++)
		json_object_set_new(o, f->name, json_null());
	return o;
}

json_t *case_blank(void)
{
	json_t *o = fields_blank(FIELDS_BASIC);

	json_object_set_new(o, "ACKTIME", json_null());
	json_object_set_new(o, "EXT", fields_blank(FIELDS_EXT));
	json_object_set_new(o, "STEPS", json_array());
	json_object_set_new(o, "SPECIALNODES", json_array());
	json_object_set_new(o, "FILES", json_array());
	json_object_set_new(o, "DONE", fields_blank(FIELDS_DONE));
	return o;
}
