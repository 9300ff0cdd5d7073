/* Dates and times of columns, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "map_time.h"

static struct br_arena arena;

static const struct time_case {
	const char *name, *format;
	enum shape_type type;
	const char *zone, *stored, *canonical; /* canonical NULL: refused */
	const char *written;		       /* NULL: the same as stored */
} cases[] = {
	{"a legacy date without zeros", "%Y.%m.%d", SHAPE_DATE, "+08:00", "1950.3.7", "1950-03-07",
		"1950.03.07"},
	{"the same with zeros", "%Y.%m.%d", SHAPE_DATE, "+08:00", "1950.03.07", "1950-03-07", NULL},
	{"a format that writes no zeros", "%Y.%-m.%-d", SHAPE_DATE, "+08:00", "1950.3.7",
		"1950-03-07", NULL},
	{"digits without separators", "%Y%m%d", SHAPE_DATE, "+08:00", "19500307", "1950-03-07",
		NULL},
	{"digits without separators, one short", "%Y%m%d", SHAPE_DATE, "+08:00", "1950037", NULL,
		NULL},
	{"chinese words", "%Y年%-m月%-d日", SHAPE_DATE, "+08:00", "2018年7月2日", "2018-07-02",
		NULL},
	{"30 February", "%Y-%m-%d", SHAPE_DATE, "+08:00", "1990-2-30", NULL, NULL},
	{"29 February in a leap year", "%Y-%m-%d", SHAPE_DATE, "+08:00", "2000-02-29", "2000-02-29",
		NULL},
	{"29 February of 1900", "%Y-%m-%d", SHAPE_DATE, "+08:00", "1900-02-29", NULL, NULL},
	{"text behind the date", "%Y-%m-%d", SHAPE_DATE, "+08:00", "2000-02-29 ", NULL, NULL},
	{"nothing", "%Y-%m-%d", SHAPE_DATE, "+08:00", "", NULL, NULL},
	{"month 13", "%Y-%m-%d", SHAPE_DATE, "+08:00", "2000-13-01", NULL, NULL},
	{"a local time", "%Y-%m-%d %H:%M:%S", SHAPE_TIME, "Asia/Shanghai", "2018-07-02 09:05:00",
		"2018-07-02T09:05:00+08:00", NULL},
	{"a local time with a fraction", "%Y-%m-%d %H:%M:%S", SHAPE_TIME, "Asia/Shanghai",
		"2018-07-02 09:05:00.123", "2018-07-02T09:05:00+08:00", "2018-07-02 09:05:00"},
	{"a time as people write it", "%Y/%-m/%-d %-H:%M", SHAPE_TIME, "Asia/Shanghai",
		"2018/7/2 9:05", "2018-07-02T09:05:00+08:00", NULL},
	{"UTC in the column", "%Y-%m-%d %H:%M:%S", SHAPE_TIME, "UTC", "2018-07-02 01:05:00",
		"2018-07-02T09:05:00+08:00", NULL},
	{"an offset in the text", "%Y-%m-%dT%H:%M:%S%z", SHAPE_TIME, "Asia/Shanghai",
		"2018-07-02T01:05:00Z", "2018-07-02T09:05:00+08:00", "2018-07-02T09:05:00+08:00"},
	{"the summer time of 1988", "%Y-%m-%d %H:%M:%S", SHAPE_TIME, "Asia/Shanghai",
		"1988-07-01 12:00:00", "1988-07-01T12:00:00+09:00", NULL},
	{"the site's own offset in the text", "%Y-%m-%dT%H:%M:%S%z", SHAPE_TIME, "UTC",
		"2018-07-02T09:05:00+08:00", "2018-07-02T09:05:00+08:00",
		"2018-07-02T01:05:00+00:00"},
	{"an offset that the site had another day", "%Y-%m-%dT%H:%M:%S%z", SHAPE_TIME,
		"Asia/Shanghai", "1988-07-01T12:00:00+08:00", "1988-07-01T13:00:00+09:00",
		"1988-07-01T13:00:00+09:00"},
	{"an hour that clocks jumped over", "%Y-%m-%d %H:%M:%S", SHAPE_TIME, "Asia/Shanghai",
		"1986-05-04 02:30:00", "1986-05-04T03:30:00+09:00", "1986-05-04 03:30:00"},
	{"a time that is of the year 10000 here", "%Y-%m-%d %H:%M:%S", SHAPE_TIME, "UTC",
		"9999-12-31 23:59:59", NULL, NULL},
	{"one digit where another number follows", "%Y%m%d", SHAPE_DATE, "+08:00", "2018072", NULL,
		NULL},
	{"three digits of a year", "%Y-%m-%d", SHAPE_DATE, "+08:00", "201-07-02", NULL, NULL},
	{"a day as a time", "%Y.%m.%d", SHAPE_TIME, "Asia/Shanghai", "2018.07.02",
		"2018-07-02T00:00:00+08:00", NULL},
	{"a time as a day", "%Y-%m-%d %H:%M:%S", SHAPE_DATE, "Asia/Shanghai", "2018-07-02 09:05:00",
		"2018-07-02", "2018-07-02 00:00:00"},
	{"seconds since 1970", "%s", SHAPE_TIME, "UTC", "1530493500", "2018-07-02T09:05:00+08:00",
		NULL},
	{"milliseconds since 1970", "%Q", SHAPE_TIME, "UTC", "1530493500999",
		"2018-07-02T09:05:00+08:00", "1530493500000"},
	{"before 1970", "%s", SHAPE_TIME, "UTC", "-1", "1970-01-01T07:59:59+08:00", NULL},
	{"too many seconds", "%s", SHAPE_TIME, "UTC", "99999999999999999", NULL, NULL},
	{"hour 24", "%Y-%m-%d %H:%M:%S", SHAPE_TIME, "Asia/Shanghai", "2018-07-02 24:00:00", NULL,
		NULL},
	{"basic form", "%Y%m%dT%H%M%S", SHAPE_TIME, "Asia/Shanghai", "20180702T090500",
		"2018-07-02T09:05:00+08:00", NULL},
};

static struct br_str z(const char *s)
{
	return br_str_z(s);
}

static void test_both_ways(void **state)
{
	const struct time_case *c = *state;
	const struct map_zone *site = map_zone_load(BR_STR("Asia/Shanghai"), &arena),
			      *zone = map_zone_load(z(c->zone), &arena);
	struct map_time t;
	struct br_str got, back, at;

	assert_non_null(site);
	assert_non_null(zone);
	assert_null(map_time_compile(z(c->format), c->type, zone, site, &t, &at));
	if (!c->canonical) {
		assert_false(map_time_get(&t, br_arena_copy(&arena, z(c->stored)), &arena, &got));
		return;
	}
	assert_true(map_time_get(&t, br_arena_copy(&arena, z(c->stored)), &arena, &got));
	assert_int_equal(got.n, strlen(c->canonical));
	assert_memory_equal(got.p, c->canonical, got.n);
	assert_true(map_time_put(&t, got, &arena, &back));
	assert_int_equal(back.n, strlen(c->written ? c->written : c->stored));
	assert_memory_equal(back.p, c->written ? c->written : c->stored, back.n);
}

static void test_every_day(void **state)
{
	(void)state;
	/* every day of 400 years and what the other direction makes of it */
	for (int64_t d = map_days(1800, 1, 1); d < map_days(2200, 1, 1); d++) {
		int y, m, day;

		map_civil(d, &y, &m, &day);
		assert_true(map_date_valid(y, m, day));
		assert_int_equal(map_days(y, m, day), d);
	}
	assert_int_equal(map_days(1970, 1, 1), 0);
	assert_int_equal(map_days(2000, 3, 1), 11017);
}

static void test_formats_refused(void **state)
{
	static const char *const bad[] = {"%Y-%m", "", "%y-%m-%d", "%Y-%m-%d %", "%Y5%m%d", "%s %Y",
		"%-Y-%m-%d", "%Y-%m-%d--------------------------------"};
	const struct map_zone *utc = map_zone_load(BR_STR("UTC"), &arena);
	struct map_time t;
	struct br_str at;

	(void)state;
	for (size_t i = 0; i < BR_LEN(bad); i++)
		assert_non_null(map_time_compile(z(bad[i]), SHAPE_TIME, utc, utc, &t, &at));
	assert_non_null(map_time_compile(BR_STR("%s"), SHAPE_DATE, utc, utc, &t, &at));
}

static void test_zones(void **state)
{
	static const char *const bad[] = {
		"", "../etc/passwd", "/etc/localtime", "Asia/Nowhere", "+8", "+99:00", "zone.tab"};
	const struct map_zone *berlin = map_zone_load(BR_STR("Europe/Berlin"), &arena),
			      *fixed = map_zone_load(BR_STR("-0330"), &arena);

	(void)state;
	for (size_t i = 0; i < BR_LEN(bad); i++)
		assert_null(map_zone_load(z(bad[i]), &arena));
	assert_int_equal(map_zone_at(fixed, 0), -(3 * 3600 + 1800));
	/* 2018-10-28: 02:30 happens twice; the earlier one counts. 2018-03-25: 02:30 never happens.
	 */
	assert_int_equal(map_zone_of_local(berlin, map_days(2018, 10, 28) * 86400 + 9000), 7200);
	assert_int_equal(map_zone_of_local(berlin, map_days(2018, 3, 25) * 86400 + 9000), 3600);
	assert_int_equal(map_zone_of_local(berlin, map_days(2018, 3, 25) * 86400 + 3 * 3600), 7200);
	assert_int_equal(map_zone_of_local(berlin, map_days(2018, 7, 1) * 86400), 7200);
}

static void test_canonical_read(void **state)
{
	static const char *const bad[] = {"2018-07-02", "2018-07-02T09:05:00",
		"2018-07-02 09:05:00+08:00", "2018-07-02T09:05:00+0800x", "2018-07-02T25:05:00Z",
		"2018-02-30T09:05:00Z", "2018-07-02T09:05:00+08:00 "};
	bool fraction;
	int64_t utc;

	(void)state;
	for (size_t i = 0; i < BR_LEN(bad); i++)
		assert_false(
			map_time_read_rfc3339(br_arena_copy(&arena, z(bad[i])), &utc, &fraction));
	assert_true(map_time_read_rfc3339(BR_STR("2018-07-02T09:05:00.5+08:00"), &utc, &fraction));
	assert_int_equal(utc, 1530493500);
	assert_true(fraction);
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(cases) + 4] = {
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_formats_refused),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_canonical_read),
	};
	int rc;

	br_arena_init(&arena, 1 << 24);
	for (size_t i = 0; i < BR_LEN(cases); i++)
		tests[i + 4] = (struct CMUnitTest){
			cases[i].name, test_both_ways, NULL, NULL, (void *)&cases[i]};
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	br_arena_release(&arena);
	return rc;
}
