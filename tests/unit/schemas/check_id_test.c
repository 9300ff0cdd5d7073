/*
 * 公民身份号码, GB 11643-1999. The vectors 11010519491231002X and 440524188001010014 are the
 * standard's own examples (appendix A); the others are made for division 341599, which is not
 * assigned, so that they belong to nobody.
 */
#include "check_rows.h"

static const struct check_row checks[] = {
	{"the standard's example, woman", check_citizen_id, "11010519491231002X", true},
	{"the standard's example, man", check_citizen_id, "440524188001010014", true},
	{"nobody, man", check_citizen_id, "341599195003070014", true},
	{"nobody, woman", check_citizen_id, "341599195202290028", true},
	{"nobody, 1968", check_citizen_id, "341599196808150032", true},
	{"nobody, 1985", check_citizen_id, "341599198512310040", true},
	{"nobody, 1990", check_citizen_id, "341599199001010059", true},
	{"nobody, 1977", check_citizen_id, "341599197706060129", true},
	{"wrong check character", check_citizen_id, "341599195003070015", false},
	{"X where a digit belongs", check_citizen_id, "34159919500307001X", false},
	{"lower-case x is not the canonical form", check_citizen_id, "11010519491231002x", false},
	{"15 digits are not the canonical form", check_citizen_id, "341599500307001", false},
	{"17 characters", check_citizen_id, "34159919500307001", false},
	{"19 characters", check_citizen_id, "3415991950030700144", false},
	{"nothing", check_citizen_id, "", false},
	{"a letter among the digits", check_citizen_id, "34159919500307O014", false},
	{"full-width digits", check_citizen_id, "３４１５９９", false},
	{"a leading zero", check_citizen_id, "041599195003070014", false},
};

static bool id(struct br_str s, char *out)
{
	return check_citizen_id_normalise(s, out);
}

static const struct normalise_row forms[] = {
	{"18 stay", id, "341599195003070014", "341599195003070014"},
	{"15 of the standard's example", id, "110105491231002", "11010519491231002X"},
	{"15 of nobody", id, "341599500307001", "341599195003070014"},
	{"lower-case x", id, "11010519491231002x", "11010519491231002X"},
	{"full-width digits and x", id, "１１０１０５１９４９１２３１００２ｘ",
		"11010519491231002X"},
	{"blanks between and around", id, " 341599 19500307 0014\t", "341599195003070014"},
	{"wide blanks", id, "　341599195003070014　", "341599195003070014"},
	{"no-break blank", id, "341599195003070014\xc2\xa0", "341599195003070014"},
	{"18 with a wrong check character", id, "341599195003070013", NULL},
	{"15 with 30 February", id, "341599500230001", NULL},
	{"15 with 29 February 1952", id, "341599520229002", "341599195202290028"},
	{"15 with 29 February 1900, which never was", id, "341599000229002", NULL},
	{"15 with month 13", id, "341599501307001", NULL},
	{"15 with a letter", id, "34159950030700X", NULL},
	{"16 digits", id, "3415995003070014", NULL},
	{"a hyphen", id, "341599-19500307-0014", NULL},
	{"Chinese", id, "身份证341599195003070014", NULL},
	{"invalid UTF-8", id, "34159919500307001\xff", NULL},
	{"only blanks", id, "   ", NULL},
	{"nothing", id, "", NULL},
};

/* One wrong digit anywhere is always found: that is what the weights are for. */
static void test_every_wrong_digit(void **state)
{
	static const char *const ids[] = {
		"11010519491231002X", "341599195003070014", "440524188001010014"};

	(void)state;
	for (size_t n = 0; n < BR_LEN(ids); n++) {
		for (size_t at = 0; at < 18; at++) {
			for (int c = '0'; c <= '9'; c++) {
				char text[19];

				memcpy(text, ids[n], sizeof(text));
				text[at] = (char)c;
				assert_int_equal(check_citizen_id(br_str_z(text)), c == ids[n][at]);
			}
		}
	}
}

static void test_birth_and_sex(void **state)
{
	char day[11];

	(void)state;
	check_citizen_id_birth(BR_STR("341599195202290028"), day);
	assert_string_equal(day, "1952-02-29");
	assert_false(check_citizen_id_male(BR_STR("341599195202290028")));
	assert_true(check_citizen_id_male(BR_STR("341599195003070014")));
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(checks) + BR_LEN(forms) + 2] = {
		cmocka_unit_test(test_every_wrong_digit),
		cmocka_unit_test(test_birth_and_sex),
	};
	size_t n = 2;

	n += add_check_rows(tests + n, checks, BR_LEN(checks));
	add_normalise_rows(tests + n, forms, BR_LEN(forms));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
