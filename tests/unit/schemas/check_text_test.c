/* Telephones, postcodes, divisions (GB/T 2260), names, numbers. */
#include "check_rows.h"

static bool name(struct br_str s)
{
	return check_name(s, 50);
}

static bool division(struct br_str s, char *out)
{
	return check_division_normalise(s, out);
}

static bool name_form(struct br_str s, char *out)
{
	size_t n = check_name_normalise(s, out);

	assert_int_equal(n, strlen(out));
	return true;
}

static const struct check_row checks[] = {
	{"mobile", check_mobile, "13900000000", true},
	{"mobile 199", check_mobile, "19912345678", true},
	{"mobile 12", check_mobile, "12900000000", false},
	{"mobile 10 digits", check_mobile, "1390000000", false},
	{"mobile 12 digits", check_mobile, "139000000000", false},
	{"mobile with country", check_mobile, "+8613900000000", false},
	{"mobile with a letter", check_mobile, "1390000000O", false},
	{"no mobile", check_mobile, "", false},

	{"landline with hyphen", check_landline, "0564-3333333", true},
	{"landline in one", check_landline, "05643333333", true},
	{"landline of 8 digits", check_landline, "010-12345678", true},
	{"landline with extension", check_landline, "0564-3333333-8001", true},
	{"landline in one with extension", check_landline, "05643333333-01", true},
	{"landline without area", check_landline, "3333333", false},
	{"landline with a short number", check_landline, "0564-333333", false},
	{"landline with an empty extension", check_landline, "0564-3333333-", false},
	{"landline with two hyphens", check_landline, "0564--3333333", false},
	{"landline with text", check_landline, "0564-3333333转801", false},
	{"a mobile is no landline", check_landline, "13900000000", false},
	{"only an area", check_landline, "0564", false},
	{"only an area and a hyphen", check_landline, "0564-", false},
	{"no landline", check_landline, "", false},

	{"postcode", check_postcode, "237000", true},
	{"postcode with 0", check_postcode, "010000", true},
	{"postcode of 5", check_postcode, "23700", false},
	{"postcode with a letter", check_postcode, "23700O", false},

	{"division of a district", check_division, "341503000000", true},
	{"division of 6 is not canonical", check_division, "341503", false},
	{"division with 0 first", check_division, "041503000000", false},

	{"name of two", name, "张三", true},
	{"name of one", name, "张", false},
	{"name with a dot", name, "阿不都·买买提", true},
	{"name in Latin", name, "John Smith", true},
	{"name of a unit", name, "安徽省某某有限公司（六安）", true},
	{"rare character", name, "张䶮", true},
	{"rare character outside the BMP", name, "张𬱖", true},
	{"only digits", name, "111", false},
	{"only signs", name, "--", false},
	{"only Chinese signs", name, "。。", false},
	{"blank before", name, " 张三", false},
	{"wide blank behind", name, "张三　", false},
	{"a line break inside", name, "张\n三", false},
	{"the replacement character", name, "张\xef\xbf\xbd", false},
	{"invalid UTF-8", name, "张\xff", false},
	{"name of 51", name,
		"一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一"
		"二三四五六七八九十一",
		false},
	{"name of 50", name,
		"一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一"
		"二三四五六七八九十",
		true},
	{"no name", name, "", false},

	{"int", check_int, "42", true},
	{"int 0", check_int, "0", true},
	{"int negative", check_int, "-1", true},
	{"int greatest", check_int, "9223372036854775807", true},
	{"int least", check_int, "-9223372036854775808", true},
	{"int too great", check_int, "9223372036854775808", false},
	{"int too small", check_int, "-9223372036854775809", false},
	{"int far too great", check_int, "123456789012345678901234567890", false},
	{"int leading zero", check_int, "042", false},
	{"int minus zero", check_int, "-0", false},
	{"int plus", check_int, "+1", false},
	{"int fraction", check_int, "1.0", false},
	{"int exponent", check_int, "1e3", false},
	{"int only minus", check_int, "-", false},
	{"int blank", check_int, " 1", false},
	{"int empty", check_int, "", false},

	{"decimal", check_decimal, "12.50", true},
	{"decimal whole", check_decimal, "12", true},
	{"decimal zero", check_decimal, "0.00", true},
	{"decimal negative", check_decimal, "-0.01", true},
	{"decimal long", check_decimal, "123456789012345678901234567890.123456789", true},
	{"decimal minus zero", check_decimal, "-0.00", false},
	{"decimal no whole part", check_decimal, ".5", false},
	{"decimal no fraction", check_decimal, "5.", false},
	{"decimal two points", check_decimal, "1.2.3", false},
	{"decimal comma", check_decimal, "1,000.00", false},
	{"decimal leading zero", check_decimal, "01.5", false},
	{"decimal exponent", check_decimal, "1e3", false},
	{"decimal only point", check_decimal, ".", false},
	{"decimal empty", check_decimal, "", false},

	{"bool true", check_bool, "true", true},
	{"bool false", check_bool, "false", true},
	{"bool 1", check_bool, "1", false},
	{"bool capital", check_bool, "True", false},
};

static const struct normalise_row forms[] = {
	{"6 digits", division, "341503", "341503000000"},
	{"9 digits", division, "341503001", "341503001000"},
	{"12 digits", division, "341503001002", "341503001002"},
	{"full width", division, "３４１５０３", "341503000000"},
	{"7 digits", division, "3415030", NULL},
	{"letters", division, "34150A", NULL},

	{"middle dot stays", name_form, "阿不都·买买提", "阿不都·买买提"},
	{"bullet", name_form, "阿不都•买买提", "阿不都·买买提"},
	{"katakana dot", name_form, "阿不都・买买提", "阿不都·买买提"},
	{"half-width katakana dot", name_form, "阿不都･买买提", "阿不都·买买提"},
	{"hyphenation point", name_form, "阿不都‧买买提", "阿不都·买买提"},
	{"full stop between Chinese", name_form, "阿不都.买买提.艾力", "阿不都·买买提·艾力"},
	{"full stop in Latin stays", name_form, "John A. Smith", "John A. Smith"},
	{"full stop at the end stays", name_form, "张三.", "张三."},
	{"blanks at the ends go", name_form, " 张三　", "张三"},
	{"nothing", name_form, "", ""},
};

int main(void)
{
	struct CMUnitTest tests[BR_LEN(checks) + BR_LEN(forms)];
	size_t n = add_check_rows(tests, checks, BR_LEN(checks));

	add_normalise_rows(tests + n, forms, BR_LEN(forms));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
