/*
 * 统一社会信用代码 (GB 32100-2015), 组织机构代码 (GB 11714-1997), 实施编码 (GB/T 39554.1-2020).
 * The first five credit codes are published ones of real bodies; those of division 341503 are made
 * up and check-valid. 1137010069748121003371021006000 is the code of a published item
 * (单用途商业预付卡备案).
 */
#include "check_rows.h"

static const struct check_row checks[] = {
	{"city bureau of commerce", check_credit_code, "113701006974812100", true},
	{"with letters inside", check_credit_code, "11370300MB28519923", true},
	{"county bureau", check_credit_code, "115113010833722043", true},
	{"company ending with a letter", check_credit_code, "91330100799655058B", true},
	{"company with X of the organisation code", check_credit_code, "9144030071526726XG", true},
	{"made up, market supervision", check_credit_code, "113415039999001189", true},
	{"made up, civil affairs", check_credit_code, "11341503999900222D", true},
	{"made up, health", check_credit_code, "11341503999900337K", true},
	{"made up, agriculture", check_credit_code, "11341503999900441P", true},
	{"made up, commerce", check_credit_code, "11341503999900556X", true},
	{"made up, transport", check_credit_code, "113415039999006602", true},
	{"made up, street", check_credit_code, "113415039999007758", true},
	{"made up, city commerce", check_credit_code, "113415009999015593", true},
	{"made up, enterprise", check_credit_code, "91341503MA2TE0011W", true},
	{"made up, self-employed", check_credit_code, "92341503MA2TE002XH", true},
	{"made up, cooperative", check_credit_code, "93341503MA2TE0038E", true},
	{"wrong check character", check_credit_code, "11341503999900222E", false},
	{"right outside, wrong organisation code inside", check_credit_code, "11341503999900223G",
		false},
	{"the letter I", check_credit_code, "1134150399990022ID", false},
	{"the letter O for 0", check_credit_code, "113701OO6974812100", false},
	{"lower case is not the canonical form", check_credit_code, "11341503999900222d", false},
	{"17 characters", check_credit_code, "11341503999900222", false},
	{"nothing", check_credit_code, "", false},

	{"organisation code", check_org_code, "697481210", true},
	{"with hyphen", check_org_code, "69748121-0", true},
	{"with letters", check_org_code, "MB2851992", true},
	{"check character X", check_org_code, "71526726X", true},
	{"the standard's example", check_org_code, "D2143569X", true},
	{"wrong check character of an organisation", check_org_code, "697481211", false},
	{"the hyphen elsewhere", check_org_code, "6974812-10", false},
	{"8 characters", check_org_code, "69748121", false},
	{"lower-case letter", check_org_code, "mB2851992", false},

	{"published item", check_impl_code, "1137010069748121003371021006000", true},
	{"made up, market supervision item", check_impl_code, "1134150399990011894000131001000",
		true},
	{"made up, old people's card", check_impl_code, "11341503999900222D4002011099000", true},
	{"made up, family planning", check_impl_code, "11341503999900337K4000523099000", true},
	{"made up, training", check_impl_code, "11341503999900441P4002020099000", true},
	{"made up, prepaid cards", check_impl_code, "11341503999900556X4001021006000", true},
	{"level 8 is none", check_impl_code, "11341503999900222D8002011099000", false},
	{"level 0 is none", check_impl_code, "11341503999900222D0002011099000", false},
	{"wrong credit code inside", check_impl_code, "11341503999900222E4002011099000", false},
	{"30 characters", check_impl_code, "11341503999900222D400201109900", false},
	{"33 characters are a handling item", check_impl_code, "11341503999900222D400201109900001",
		false},
	{"Chinese inside", check_impl_code, "11341503999900222D4002011办件", false},
};

static bool credit(struct br_str s, char *out)
{
	return check_credit_code_normalise(s, out);
}

static bool impl(struct br_str s, char *out)
{
	return check_impl_code_normalise(s, out);
}

static const struct normalise_row forms[] = {
	{"credit code stays", credit, "11341503999900222D", "11341503999900222D"},
	{"lower case", credit, "11341503999900222d", "11341503999900222D"},
	{"full width", credit, "１１３４１５０３９９９９００２２２Ｄ", "11341503999900222D"},
	{"blanks", credit, "1134 1503 9999 0022 2D ", "11341503999900222D"},
	{"wrong", credit, "11341503999900223D", NULL},
	{"too long", credit, "11341503999900222D0", NULL},
	{"item with dashes", impl, "11341503999900222D-4-002011099000",
		"11341503999900222D4002011099000"},
	{"item in lower case", impl, "11341503999900222d4002011099000",
		"11341503999900222D4002011099000"},
	{"a local form is not one of 31", impl,
		"511A0138000000-511602000000-000-115113010833722043-1-00", NULL},
};

/* Any one wrong character of the alphabet is found, and so are two neighbours exchanged. */
static void test_every_wrong_character(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
	static const char code[] = "91341503MA2TE0011W";
	char text[19];

	(void)state;
	for (size_t at = 0; at < 18; at++) {
		for (size_t i = 0; i < sizeof(alphabet) - 1; i++) {
			memcpy(text, code, sizeof(text));
			text[at] = alphabet[i];
			assert_int_equal(
				check_credit_code(br_str_z(text)), alphabet[i] == code[at]);
		}
	}
	for (size_t at = 0; at < 17; at++) {
		memcpy(text, code, sizeof(text));
		text[at] = code[at + 1];
		text[at + 1] = code[at];
		assert_int_equal(check_credit_code(br_str_z(text)), code[at] == code[at + 1]);
	}
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(checks) + BR_LEN(forms) + 1] = {
		cmocka_unit_test(test_every_wrong_character)};
	size_t n = 1;

	n += add_check_rows(tests + n, checks, BR_LEN(checks));
	add_normalise_rows(tests + n, forms, BR_LEN(forms));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
