#include "check_private.h"

bool check_calendar(int year, int month, int day)
{
	static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (month == 2 && leap);
}

static bool read_date(const char *p, int *year, int *month, int *day)
{
	if (!check_digits(p, 4) || p[4] != '-' || !check_digits(p + 5, 2) || p[7] != '-' ||
		!check_digits(p + 8, 2))
		return false;
	*year = check_number(p, 4);
	*month = check_number(p + 5, 2);
	*day = check_number(p + 8, 2);
	return check_calendar(*year, *month, *day);
}

bool check_date(struct br_str s)
{
	int year, month, day;

	return s.n == 10 && read_date(s.p, &year, &month, &day);
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar; years run from March, so that the leap
 * day is the last. */
static int64_t days_since_1970(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "HH:MM" with two digits each; minutes, or -1. */
static int read_clock(const char *p)
{
	int hour, minute;

	if (!check_digits(p, 2) || p[2] != ':' || !check_digits(p + 3, 2))
		return -1;
	hour = check_number(p, 2);
	minute = check_number(p + 3, 2);
	return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
}

/* From the seconds on: ":SS[.fraction]"; *at is moved behind them. Microseconds, or -1. */
static int64_t read_seconds(struct br_str s, size_t *at)
{
	size_t i = *at, first;
	int64_t us, unit = 100000;

	if (s.n - i < 3 || s.p[i] != ':' || !check_digits(s.p + i + 1, 2) || s.p[i + 1] > '5')
		return -1;
	us = check_number(s.p + i + 1, 2) * INT64_C(1000000);
	i += 3;
	if (i < s.n && s.p[i] == '.') {
		for (first = ++i; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, unit /= 10)
			us += unit * (s.p[i] - '0');
		if (i == first)
			return -1;
	}
	*at = i;
	return us;
}

bool check_time_us(struct br_str s, int64_t *out)
{
	int year, month, day, minutes, zone = 0;
	int64_t us;
	size_t at = 16;

	if (s.n < 20 || !read_date(s.p, &year, &month, &day) || s.p[10] != 'T')
		return false;
	minutes = read_clock(s.p + 11);
	us = read_seconds(s, &at);
	if (minutes < 0 || us < 0)
		return false;
	if (s.n - at == 6 && (s.p[at] == '+' || s.p[at] == '-')) {
		zone = read_clock(s.p + at + 1);
		if (zone < 0)
			return false;
		zone = s.p[at] == '-' ? -zone : zone;
	} else if (s.n - at != 1 || s.p[at] != 'Z') {
		return false;
	}
	*out = ((days_since_1970(year, month, day) * 1440 + minutes - zone) * 60) *
		       INT64_C(1000000) +
	       us;
	return true;
}

bool check_time(struct br_str s)
{
	int64_t us;

	return check_time_us(s, &us);
}
