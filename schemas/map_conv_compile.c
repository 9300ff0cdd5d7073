/* `as:` of a mapping line -> struct map_conv. */
#include "br_text.h"
#include "check.h"
#include "map_conv.h"
#include <stdio.h>
#include <stdlib.h>

const char *const map_conv_words[] = {
	"text",
	"date",
	"time",
	"citizen-id",
	"citizen-birth",
	"citizen-sex",
	"int",
	"decimal",
	"bool",
	"name",
	"credit-code",
	"impl-code",
	"division",
};
const size_t map_conv_nwords = BR_LEN(map_conv_words);

struct conv_job {
	const struct cfg_node *at, *options;
	const struct case_field *field;
	const struct map_zones *zones;
	struct br_arena *a;
	struct cfg_report *report;
	struct br_str word, rest; /* "date", "%Y.%m.%d" */
	struct map_conv *cv;
};

static const struct map_words *type_words(enum shape_type type)
{
	static const struct map_words words[] = {{"text", "文本"}, {"code", "代码"},
		{"date", "日期"}, {"time", "时间"}, {"int", "整数"}, {"decimal", "数字"},
		{"bool", "是或否"}};

	return &words[type];
}

static const char *z(struct conv_job *j, struct br_str s)
{
	struct br_str copy = br_arena_copy(j->a, s);

	return copy.p ? copy.p : "";
}

static int wrong_type(struct conv_job *j)
{
	return cfg_problem(j->report, j->at, BR_E_MAP_TYPE, "found", z(j, j->word), "field",
		z(j, j->field->name), "expected", type_words(j->field->type)->en, "expected_zh",
		type_words(j->field->type)->zh, NULL);
}

/* at: what of the format it is about, behind the words. */
static int bad_format(struct conv_job *j, const struct map_words *why, struct br_str at)
{
	const char *en = br_arena_printf(j->a, "%s%.*s", why->en, BR_STR_ARG(at)).p,
		   *zh = br_arena_printf(j->a, "%s%.*s", why->zh, BR_STR_ARG(at)).p;

	return cfg_problem(j->report, j->at, BR_E_MAP_BAD_FORMAT, "found", z(j, j->rest), "why",
		en ? en : "", "why_zh", zh ? zh : "", NULL);
}

static int compile_time(struct conv_job *j)
{
	struct map_time *t = br_arena_new(j->a, struct map_time);
	bool date = br_str_eq(j->word, BR_STR("date"));
	static const struct map_words clock = {"has a clock; say time instead of date",
					      "含有时刻，应为 time 而不是 date"},
				      no_clock = {"has no clock; say date instead of time",
					      "不含时刻，应为 date 而不是 time"};
	const struct map_words *why;
	struct br_str at;

	if (j->field->type != SHAPE_DATE && j->field->type != SHAPE_TIME)
		return wrong_type(j);
	if (!t)
		return -BR_E_NOMEM;
	if (j->rest.n == 0)
		j->rest = date ? BR_STR("%Y-%m-%d") : BR_STR("%Y-%m-%dT%H:%M:%S%z");
	why = map_time_compile(j->rest, j->field->type, j->zones->column, j->zones->site, t, &at);
	if (!why && date && t->has_clock)
		why = &clock;
	if (!why && !date && !t->has_clock)
		why = &no_clock;
	if (why)
		return bad_format(j, why, at);
	j->cv->kind = MAP_CONV_TIME;
	j->cv->time = t;
	j->cv->strict = true;
	j->cv->klass = map_time_lossy_out(t)  ? MAP_LOSSY_OUT
		       : map_time_lossy_in(t) ? MAP_LOSSY_IN
					      : MAP_EXACT;
	j->cv->expected =
		br_arena_printf(j->a, "%s %.*s", date ? "date" : "time", BR_STR_ARG(j->rest));
	j->cv->expected_zh =
		br_arena_printf(j->a, "%s %.*s", date ? "日期" : "时间", BR_STR_ARG(j->rest));
	return 0;
}

/* "bool 1/0": what true and false look like. */
static int compile_bool(struct conv_job *j)
{
	static const struct map_words shape = {
		"is written true/false with the system's own words, for example: bool 1/0",
		"应写成“真/假”，用系统自己的词，例如 bool 1/0"};
	const char *slash = j->rest.n ? memchr(j->rest.p, '/', j->rest.n) : NULL;

	if (j->field->type != SHAPE_BOOL)
		return wrong_type(j);
	j->cv->kind = MAP_CONV_BOOL;
	j->cv->strict = true;
	j->cv->yes = BR_STR("true");
	j->cv->no = BR_STR("false");
	if (j->rest.n) {
		if (!slash || slash == j->rest.p || slash == j->rest.p + j->rest.n - 1)
			return bad_format(j, &shape, BR_STR(""));
		j->cv->yes = (struct br_str){j->rest.p, (size_t)(slash - j->rest.p)};
		j->cv->no = (struct br_str){slash + 1, j->rest.n - j->cv->yes.n - 1};
	}
	j->cv->expected = br_arena_printf(
		j->a, "%.*s or %.*s", BR_STR_ARG(j->cv->yes), BR_STR_ARG(j->cv->no));
	j->cv->expected_zh = br_arena_printf(
		j->a, "%.*s 或 %.*s", BR_STR_ARG(j->cv->yes), BR_STR_ARG(j->cv->no));
	return 0;
}

static int compile_number(struct conv_job *j)
{
	const struct cfg_node *scale = cfg_get(j->options, "scale");
	bool integer = br_str_eq(j->word, BR_STR("int"));

	if (j->field->type != SHAPE_INT && j->field->type != SHAPE_DECIMAL &&
		j->field->type != SHAPE_TEXT)
		return wrong_type(j);
	j->cv->kind = integer ? MAP_CONV_INT : MAP_CONV_DECIMAL;
	j->cv->strict = true;
	j->cv->scale = -1;
	if (scale) {
		char *end;
		long v = scale->kind == CFG_SCALAR ? strtol(scale->text.p, &end, 10) : -1;

		if (v < 0 || v > 18 || *end || scale->text.n == 0)
			return cfg_problem(j->report, scale, BR_E_MAP_SHAPE, "what", "scale",
				"expected", "0 to 18", "expected_zh", "0 至 18", "found",
				scale->kind == CFG_SCALAR ? scale->text.p : "a list or map",
				"found_zh",
				scale->kind == CFG_SCALAR ? scale->text.p : "列表或键和值", NULL);
		j->cv->scale = (int8_t)v;
	}
	j->cv->expected = integer ? BR_STR("a whole number") : BR_STR("a decimal number");
	j->cv->expected_zh = integer ? BR_STR("整数") : BR_STR("数字");
	return 0;
}

static void expect_id(struct map_conv *cv)
{
	cv->expected = BR_STR("15 or 18 characters with a valid birth date and check character");
	cv->expected_zh = BR_STR("15 位或 18 位，出生日期与校验位有效");
}

static int compile_id(struct conv_job *j)
{
	if (j->field->type != SHAPE_TEXT)
		return wrong_type(j);
	j->cv->kind = MAP_CONV_CITIZEN_ID;
	j->cv->strict = true;
	expect_id(j->cv);
	return 0;
}

static int compile_from_id(struct conv_job *j)
{
	bool birth = br_str_eq(j->word, BR_STR("citizen-birth"));

	if (j->field->type != (birth ? SHAPE_DATE : SHAPE_CODE))
		return wrong_type(j);
	if (!birth && (!j->field->codes || j->field->codes->n < 3))
		return wrong_type(j);
	j->cv->kind = birth ? MAP_CONV_CITIZEN_BIRTH : MAP_CONV_CITIZEN_SEX;
	j->cv->strict = true;
	j->cv->klass = MAP_ONE_WAY;
	j->cv->man = BR_STR("M");
	j->cv->woman = BR_STR("F");
	if (!birth && (!code_find(j->field->codes, j->cv->man) ||
			      !code_find(j->field->codes, j->cv->woman)))
		return wrong_type(j);
	expect_id(j->cv);
	return 0;
}

static bool credit_code(struct br_str in, char *out)
{
	return check_credit_code_normalise(in, out);
}

static bool impl_code(struct br_str in, char *out)
{
	return check_impl_code_normalise(in, out);
}

static bool division(struct br_str in, char *out)
{
	return check_division_normalise(in, out);
}

/* Writing back is the same text: what a system stored in another form stays there while it means
 * the same. */
static int compile_normal(struct conv_job *j)
{
	static const struct {
		const char *word;
		bool (*is)(struct br_str), (*make)(struct br_str, char *);
		struct map_words expected;
	} kinds[] = {
		{"name", NULL, NULL, {"a name", "姓名或名称"}},
		{"credit-code", check_credit_code, credit_code,
			{"a unified social credit code of 18 characters", "18 位统一社会信用代码"}},
		{"impl-code", check_impl_code, impl_code,
			{"an implementation code of 31 characters", "31 位实施编码"}},
		{"division", check_division, division,
			{"a division code of 6, 9 or 12 digits", "6、9 或 12 位行政区划代码"}},
	};

	for (size_t i = 0; i < BR_LEN(kinds); i++) {
		if (!br_str_eq(j->word, br_str_z(kinds[i].word)))
			continue;
		if (j->field->type != SHAPE_TEXT)
			return wrong_type(j);
		j->cv->kind = MAP_CONV_NORMAL;
		j->cv->strict = kinds[i].is != NULL;
		j->cv->is_canonical = kinds[i].is;
		j->cv->normalise = kinds[i].make;
		j->cv->expected = br_str_z(kinds[i].expected.en);
		j->cv->expected_zh = br_str_z(kinds[i].expected.zh);
		return 0;
	}
	return 1;
}

static int unknown(struct conv_job *j)
{
	const char *near = br_nearest(j->word, map_conv_words, map_conv_nwords);
	char all[160] = "", hint[64] = "";

	for (size_t i = 0; i < map_conv_nwords; i++) {
		size_t n = strlen(all);

		snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", map_conv_words[i]);
	}
	if (near)
		snprintf(hint, sizeof(hint), " (%s?)", near);
	return cfg_problem(j->report, j->at, BR_E_MAP_UNKNOWN_CONVERSION, "found", z(j, j->word),
		"hint", hint, "expected", all, NULL);
}

static struct br_str default_word(enum shape_type type)
{
	switch (type) {
	case SHAPE_DATE:
		return BR_STR("date");
	case SHAPE_TIME:
		return BR_STR("time");
	case SHAPE_INT:
		return BR_STR("int");
	case SHAPE_DECIMAL:
		return BR_STR("decimal");
	case SHAPE_BOOL:
		return BR_STR("bool");
	case SHAPE_TEXT:
	case SHAPE_CODE:
		break;
	}
	return BR_STR("text");
}

int map_conv_compile(const struct cfg_node *as, const struct cfg_node *options,
	const struct cfg_node *line, const struct case_field *field, const struct map_zones *zones,
	struct br_arena *a, struct cfg_report *report, struct map_conv *out)
{
	struct conv_job j = {as ? as : line, options, field, zones, a, report,
		default_word(field->type), BR_STR_NONE, out};
	const char *blank;
	int rc;

	if (as) {
		if (as->kind != CFG_SCALAR || as->text.n == 0)
			return cfg_problem(report, as, BR_E_MAP_SHAPE, "what", "as", "expected",
				"the name of a conversion", "expected_zh", "转换的名称", "found",
				"a list, a map or nothing", "found_zh", "列表、键和值或空", NULL);
		j.word = br_trim(as->text);
		blank = memchr(j.word.p, ' ', j.word.n);
		if (blank) {
			j.rest = br_trim(
				(struct br_str){blank, j.word.n - (size_t)(blank - j.word.p)});
			j.word.n = (size_t)(blank - j.word.p);
		}
	}
	*out = (struct map_conv){.scale = -1, .name = j.word};
	if (br_str_eq(j.word, BR_STR("date")) || br_str_eq(j.word, BR_STR("time")))
		return compile_time(&j);
	if (br_str_eq(j.word, BR_STR("bool")))
		return compile_bool(&j);
	if (br_str_eq(j.word, BR_STR("int")) || br_str_eq(j.word, BR_STR("decimal")))
		return compile_number(&j);
	if (br_str_eq(j.word, BR_STR("citizen-id")))
		return compile_id(&j);
	if (br_str_eq(j.word, BR_STR("citizen-birth")) || br_str_eq(j.word, BR_STR("citizen-sex")))
		return compile_from_id(&j);
	rc = compile_normal(&j);
	if (rc <= 0)
		return rc;
	if (!br_str_eq(j.word, BR_STR("text")))
		return unknown(&j);
	out->kind = MAP_CONV_TEXT;
	out->expected = field->type == SHAPE_CODE ? BR_STR("one of our own codes") : BR_STR("text");
	out->expected_zh = field->type == SHAPE_CODE ? BR_STR("办件自身的代码") : BR_STR("文本");
	return 0;
}
