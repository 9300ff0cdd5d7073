#include "br_text.h"
#include "br_utf8.h"
#include "case_schema.h"
#include "check.h"

#include <stdio.h>

struct words {
	const char *en, *zh;
};

static const struct words type_words[] = {
	[SHAPE_DATE] = {"a day of the calendar such as 2018-07-02", "有效日期（如 2018-07-02）"},
	[SHAPE_TIME] = {"a time with zone such as 2018-07-02T09:05:00+08:00",
		"带时区的时间（如 2018-07-02T09:05:00+08:00）"},
	[SHAPE_INT] = {"a whole number", "整数"},
	[SHAPE_DECIMAL] = {"a decimal number such as 12.50", "十进制数（如 12.50）"},
	[SHAPE_BOOL] = {"true or false", "true 或 false"},
};

static const struct words check_words[] = {
	[CASE_CHECK_CITIZEN_ID] = {"a citizen id of 18 characters (GB 11643)",
		"有效的 18 位公民身份号码（GB 11643）"},
	[CASE_CHECK_CREDIT_CODE] = {"a unified social credit code (GB 32100)",
		"有效的统一社会信用代码（GB 32100）"},
	[CASE_CHECK_ORG_CODE] = {"an organisation code (GB 11714)",
		"有效的组织机构代码（GB 11714）"},
	[CASE_CHECK_IMPL_CODE] = {"an implementation code of 31 characters",
		"有效的 31 位实施编码"},
	[CASE_CHECK_MOBILE] = {"a mobile number of 11 digits", "有效的 11 位手机号码"},
	[CASE_CHECK_POSTCODE] = {"a postcode of 6 digits", "6 位邮政编码"},
	[CASE_CHECK_DIVISION] = {"a division code of 12 digits", "12 位行政区划代码"},
	[CASE_CHECK_NAME] = {"a name of at least 2 characters", "有效的名称（至少 2 个字符）"},
	[CASE_CHECK_CERT_NO] = {"a document number whose check character is right",
		"校验位正确的证件号码"},
};

#define NAME_MAX_CHARS 100

/* The type of document is another cell, so only numbers that look like an id of 18 are judged here;
 * see case_check_whole(). */
static bool cert_no_ok(struct br_str s)
{
	if (s.n != 18)
		return s.n > 0;
	for (size_t i = 0; i < 17; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return true;
	if (s.p[17] != 'X' && s.p[17] != 'x' && (s.p[17] < '0' || s.p[17] > '9'))
		return true;
	return check_citizen_id(s) || check_credit_code(s);
}

static bool check_ok(const struct case_field *f, struct br_str s)
{
	switch (f->check) {
	case CASE_CHECK_NONE:
		return true;
	case CASE_CHECK_CITIZEN_ID:
		return check_citizen_id(s);
	case CASE_CHECK_CREDIT_CODE:
		return check_credit_code(s);
	case CASE_CHECK_ORG_CODE:
		return check_org_code(s);
	case CASE_CHECK_IMPL_CODE:
		return check_impl_code(s);
	case CASE_CHECK_MOBILE:
		return check_mobile(s);
	case CASE_CHECK_POSTCODE:
		return check_postcode(s);
	case CASE_CHECK_DIVISION:
		return check_division(s);
	case CASE_CHECK_NAME:
		return check_name(s, f->max_chars ? f->max_chars : NAME_MAX_CHARS);
	case CASE_CHECK_CERT_NO:
		return cert_no_ok(s);
	}
	return true;
}

static bool type_ok(const struct case_field *f, struct br_str s)
{
	switch (f->type) {
	case SHAPE_TEXT:
	case SHAPE_CODE:
		return true;
	case SHAPE_DATE:
		return check_date(s);
	case SHAPE_TIME:
		return check_time(s);
	case SHAPE_INT:
		return check_int(s);
	case SHAPE_DECIMAL:
		return check_decimal(s);
	case SHAPE_BOOL:
		return check_bool(s);
	}
	return true;
}

/* People's data only masked; anything else, at most the beginning. */
static const char *found_text(const struct case_field *f, struct br_str s, char *buf, size_t size)
{
	struct br_str head = br_utf8_cut(s, size - 1);

	if (f->pii != CASE_PII_NONE)
		return br_mask_z(s, buf, size);
	snprintf(buf, size, "%.*s", BR_STR_ARG(head));
	return buf;
}

static int bad_value(const struct case_field *f, struct br_str s, const struct words *expected,
	struct br_err *err)
{
	char found[80];

	return br_err_set(err, BR_E_SCHEMA_BAD_VALUE, "field", f->name.p, "found",
		found_text(f, s, found, sizeof(found)), "expected", expected->en, "expected_zh",
		expected->zh, NULL);
}

/* Valid UTF-8 without control characters but those of several lines. */
static int check_text(const struct case_field *f, struct br_str s, struct br_err *err)
{
	const char *why = "bytes that are not UTF-8";
	char pos[24];
	size_t at = br_utf8_check(s);

	if (at == s.n && br_has_control(s)) {
		why = "a control character";
		for (at = 0; at < s.n; at++) {
			unsigned char c = (unsigned char)s.p[at];

			if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
				break;
		}
	}
	if (at == s.n)
		return 0;
	snprintf(pos, sizeof(pos), "%zu", at);
	return br_err_set(
		err, BR_E_SCHEMA_BAD_TEXT, "field", f->name.p, "why", why, "pos", pos, NULL);
}

static int too_long(const struct case_field *f, struct br_str s, struct br_err *err)
{
	char found[80], size[24], max[24];

	snprintf(size, sizeof(size), "%zu", br_utf8_chars(s));
	snprintf(max, sizeof(max), "%u", (unsigned)f->max_chars);
	return br_err_set(err, BR_E_SCHEMA_TOO_LONG, "field", f->name.p, "found",
		found_text(f, s, found, sizeof(found)), "size", size, "expected", max, NULL);
}

int case_check_value(const struct case_schema *s, const struct cell *c, struct br_err *err)
{
	const struct case_field *f = case_field(s, c->field);
	struct br_str v = c->value;
	char found[80];
	int rc;

	if (c->part && c->key.n == 0)
		return br_err_set(err, BR_E_SCHEMA_NO_KEY, "field", f->name.p, NULL);
	if (cell_is_null(c))
		return 0;
	rc = check_text(f, v, err);
	if (rc)
		return rc;
	/* bytes are never fewer than characters: most values need no counting */
	if (f->max_chars && v.n > f->max_chars && br_utf8_chars(v) > f->max_chars)
		return too_long(f, v, err);
	if (f->codes && !code_find(f->codes, v))
		return br_err_set(err, BR_E_SCHEMA_BAD_CODE, "field", f->name.p, "found",
			found_text(f, v, found, sizeof(found)), "table", f->codes->name.p, NULL);
	if (!type_ok(f, v))
		return bad_value(f, v, &type_words[f->type], err);
	if (!check_ok(f, v))
		return bad_value(f, v, &check_words[f->check], err);
	return 0;
}
