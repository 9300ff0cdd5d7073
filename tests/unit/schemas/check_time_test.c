/* Dates and times: the calendar (GB/T 7408), RFC 3339 section 5.6 and its own examples. */
#include "check_rows.h"

#include <time.h>

static const struct check_row checks[] = {
	{"a day", check_date, "2018-07-02", true},
	{"29 February in a leap year", check_date, "1952-02-29", true},
	{"29 February 2000", check_date, "2000-02-29", true},
	{"29 February 1900", check_date, "1900-02-29", false},
	{"30 February", check_date, "1990-02-30", false},
	{"31 April", check_date, "2018-04-31", false},
	{"month 13", check_date, "2018-13-01", false},
	{"month 0", check_date, "2018-00-01", false},
	{"day 0", check_date, "2018-01-00", false},
	{"year 0", check_date, "0000-01-01", false},
	{"without zeros", check_date, "1990-2-3", false},
	{"slashes", check_date, "2018/07/02", false},
	{"basic form", check_date, "20180702", false},
	{"a time is no date", check_date, "2018-07-02T00:00:00Z", false},
	{"a blank behind", check_date, "2018-07-02 ", false},
	{"nothing", check_date, "", false},

	{"with zone", check_time, "2018-07-02T09:05:00+08:00", true},
	{"RFC 3339, first example", check_time, "1985-04-12T23:20:50.52Z", true},
	{"RFC 3339, second example", check_time, "1996-12-19T16:39:57-08:00", true},
	{"RFC 3339, fifth example", check_time, "1937-01-01T12:00:27.87+00:20", true},
	{"a leap second is not kept by any system here", check_time, "1990-12-31T23:59:60Z", false},
	{"milliseconds", check_time, "2018-07-02T01:05:00.123Z", true},
	{"no zone", check_time, "2018-07-02T09:05:00", false},
	{"a blank for T", check_time, "2018-07-02 09:05:00+08:00", false},
	{"lower-case t", check_time, "2018-07-02t09:05:00+08:00", false},
	{"lower-case z", check_time, "2018-07-02T09:05:00z", false},
	{"hour 24", check_time, "2018-07-02T24:00:00Z", false},
	{"minute 60", check_time, "2018-07-02T09:60:00Z", false},
	{"30 February at noon", check_time, "1990-02-30T12:00:00Z", false},
	{"no seconds", check_time, "2018-07-02T09:05+08:00", false},
	{"an empty fraction", check_time, "2018-07-02T09:05:00.Z", false},
	{"zone without colon", check_time, "2018-07-02T09:05:00+0800", false},
	{"zone of 24 hours", check_time, "2018-07-02T09:05:00+24:00", false},
	{"text behind", check_time, "2018-07-02T09:05:00+08:00 ", false},
	{"cut in the zone", check_time, "2018-07-02T09:05:00+08:", false},
	{"cut in the seconds", check_time, "2018-07-02T09:05:0", false},
	{"only a date", check_time, "2018-07-02", false},
	{"no time", check_time, "", false},
};

static const struct {
	const char *text;
	int64_t us;
} moments[] = {
	{"1970-01-01T00:00:00Z", 0},
	{"1970-01-01T08:00:00+08:00", 0},
	{"2018-07-02T09:05:00+08:00", INT64_C(1530493500000000)},
	{"2018-07-02T01:05:00.123456789Z", INT64_C(1530493500123456)},
	{"1969-12-31T23:59:59.5Z", -500000},
	{"1985-04-12T23:20:50.52Z", INT64_C(482196050520000)},
	{"0001-01-01T00:00:00Z", INT64_C(-62135596800000000)},
	{"9999-12-31T23:59:59Z", INT64_C(253402300799000000)},
};

static void test_moments(void **state)
{
	int64_t us;

	(void)state;
	for (size_t i = 0; i < BR_LEN(moments); i++) {
		assert_true(check_time_us(br_str_z(moments[i].text), &us));
		assert_int_equal(us, moments[i].us);
	}
}

/* Against the C library, every 7 hours and some of 300 years. */
static void test_against_gmtime(void **state)
{
	(void)state;
	for (time_t t = -5364662400; t < 4102444800; t += 7 * 3600 + 1234) {
		struct tm tm;
		char text[40];
		int64_t us;

		gmtime_r(&t, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		if (!check_time_us(br_str_z(text), &us) || us != (int64_t)t * 1000000)
			fail_msg("%s", text);
	}
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(checks) + 2] = {
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_against_gmtime),
	};

	add_check_rows(tests + 2, checks, BR_LEN(checks));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
