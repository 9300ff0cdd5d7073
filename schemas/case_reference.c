#include "case_schema.h"

#include <stdio.h>

static const char *const types[][2] = {
	[SHAPE_TEXT] = {"文本", "text"},
	[SHAPE_CODE] = {"代码", "code"},
	[SHAPE_DATE] = {"日期", "date"},
	[SHAPE_TIME] = {"时间", "time"},
	[SHAPE_INT] = {"整数", "integer"},
	[SHAPE_DECIMAL] = {"十进制数", "decimal"},
	[SHAPE_BOOL] = {"是否", "boolean"},
};
static const char *const owners[][2] = {
	[CASE_OWNER_EITHER] = {"双方", "either"},
	[CASE_OWNER_PORTAL] = {"政务服务网", "portal"},
	[CASE_OWNER_DEPARTMENT] = {"部门系统", "department"},
	[CASE_OWNER_BRIDGE] = {"办件桥（预留，尚不填写）", "bridge (reserved, not filled in yet)"},
};
static const char *const policies[][2] = {
	[CASE_POLICY_OWNER] = {"归属方为准", "owner"},
	[CASE_POLICY_LATTICE] = {"按状态次序", "order of status"},
	[CASE_POLICY_NEWEST] = {"先到总线者为准，另一值列为冲突",
		"first to arrive; the other is a conflict"},
	[CASE_POLICY_MANUAL] = {"由人决定", "a person"},
};
static const char *const piis[][2] = {
	[CASE_PII_NONE] = {"", ""},
	[CASE_PII_NAME] = {"姓名", "name"},
	[CASE_PII_ID] = {"证件号码", "id"},
	[CASE_PII_PHONE] = {"电话", "phone"},
	[CASE_PII_ADDRESS] = {"地址", "address"},
	[CASE_PII_OTHER] = {"其他", "other"},
};

static void both(struct br_buf *b, const char *const words[2])
{
	br_buf_printf(b, words[0][0] ? "%s %s |" : "%s%s |", words[0], words[1]);
}

static void field_row(struct br_buf *b, const struct case_field *f)
{
	br_buf_printf(b, "| `%.*s` | %.*s<br>%.*s | ", BR_STR_ARG(f->name), BR_STR_ARG(f->label),
		BR_STR_ARG(f->label_en));
	if (f->codes)
		br_buf_printf(b, "[%.*s](#%.*s) | ", BR_STR_ARG(f->codes->name),
			BR_STR_ARG(f->codes->name));
	else
		both(b, types[f->type]);
	if (f->max_chars)
		br_buf_printf(b, " %u |", (unsigned)f->max_chars);
	else
		br_buf_printf(b, " |");
	br_buf_printf(b, " ");
	both(b, owners[f->owner]);
	br_buf_printf(b, " ");
	both(b, policies[f->policy]);
	br_buf_printf(b, " ");
	both(b, piis[f->pii]);
	br_buf_printf(b, "\n");
}

static void part_table(struct br_buf *b, const struct case_schema *s, unsigned part)
{
	const struct case_part *p = &s->parts[part];

	br_buf_printf(b, "\n## %.*s %.*s%s%.*s%s\n\n", BR_STR_ARG(p->label),
		BR_STR_ARG(p->label_en), part ? " `" : "", BR_STR_ARG(p->name), part ? "`" : "");
	if (part && p->map)
		br_buf_printf(b, "发布为以键为成员的对象。Published as an object whose members are "
				 "the keys.\n\n");
	else if (part)
		br_buf_printf(b, "每个元素有文本成员 `key`，按键排序。Each element has a member "
				 "`key` with text; sorted by it.\n\n");
	br_buf_printf(b, "| 字段 Field | 名称 Name | 类型 Type | 最多字符 Max | 归属 Owner | 合并 "
			 "Merge | 个人信息 Personal data |\n"
			 "|---|---|---|---|---|---|---|\n");
	for (unsigned i = 0; i < s->shape->parts[part].n; i++)
		field_row(b, case_field(s, s->shape->parts[part].first + i));
}

static void code_rows(struct br_buf *b, const struct code_table *t)
{
	bool moves = false;

	for (size_t i = 0; i < t->n; i++)
		moves = moves || t->rows[i].after.n;
	br_buf_printf(b, "\n### %.*s\n\n| 代码 Code | 名称 | Name |%s\n|---|---|---|%s\n",
		BR_STR_ARG(t->name), moves ? " 可转为 May become |" : "", moves ? "---|" : "");
	for (size_t i = 0; i < t->n; i++) {
		const struct code_row *r = &t->rows[i];

		br_buf_printf(b, "| `%.*s` | %.*s | %.*s |", BR_STR_ARG(r->code),
			BR_STR_ARG(r->label), BR_STR_ARG(r->label_en));
		if (moves)
			br_buf_printf(b, " %.*s |", BR_STR_ARG(r->after));
		br_buf_printf(b, "\n");
	}
}

int case_reference(const struct case_schema *s, struct br_buf *out, struct br_err *err)
{
	char max[24];

	br_buf_printf(out,
		"# 办件字段 Fields of the case\n\n"
		"由 `schemas/case.yaml` 生成，版本 %.*s。Generated from `schemas/case.yaml`, "
		"version %.*s.\n",
		BR_STR_ARG(s->version), BR_STR_ARG(s->version));
	for (unsigned i = 0; i < s->shape->nparts; i++)
		part_table(out, s, i);
	br_buf_printf(out, "\n## 码表 Code tables\n");
	for (size_t i = 0; i < s->ntables; i++)
		code_rows(out, &s->tables[i]);
	if (!br_buf_failed(out))
		return 0;
	snprintf(max, sizeof(max), "%zu", out->max);
	return br_err_set(err, BR_E_TOO_BIG, "what", "reference", "max", max, NULL);
}
