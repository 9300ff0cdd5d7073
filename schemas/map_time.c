#include "map_time.h"

struct moment {
	int year, month, day, hour, minute, second;
	int32_t offset;
	int64_t utc; /* when is_utc */
	bool is_utc, has_offset;
};

static const struct map_words too_long = {"is too long", "过长"},
			      digit_outside = {"has a digit outside a directive",
				      "在指令之外有数字"},
			      unknown = {"has an unknown directive ", "含有未知的指令 "},
			      not_alone = {"%s and %Q stand alone", "%s 和 %Q 只能单独使用"},
			      no_date = {"seconds since 1970 are a time, not a date",
				      "1970 年起的秒数是时间，不是日期"},
			      no_day = {"needs %Y, %m and %d", "需要 %Y、%m 和 %d"};

const struct map_words *map_time_compile(struct br_str format, enum shape_type type,
	const struct map_zone *from, const struct map_zone *site, struct map_time *out,
	struct br_str *at)
{
	struct map_time t = {.type = type, .from = from, .site = site};
	const char *seen = "";
	bool year = false, month = false, day = false;

	*at = BR_STR("");
	for (size_t i = 0; i < format.n; i++) {
		size_t begin = i;
		char c = format.p[i];

		if (t.n == MAP_TIME_OPS)
			return &too_long;
		t.width++;
		t.op[t.n].literal = c;
		if (c != '%') {
			if (c >= '0' && c <= '9')
				return &digit_outside;
			t.n++;
			continue;
		}
		if (++i < format.n && format.p[i] == '-') {
			t.op[t.n].bare = true;
			i++;
		}
		if (i >= format.n || !strchr("YmdHMSfzsQ", format.p[i]) ||
			(t.op[t.n].bare && !strchr("mdHMS", format.p[i]))) {
			i += i < format.n;
			*at = (struct br_str){format.p + begin, i - begin};
			return &unknown;
		}
		t.op[t.n].what = format.p[i];
		t.width = (uint8_t)(t.width + (strchr("sQ", format.p[i]) ? 21 : 6));
		switch (format.p[i]) {
		case 'Y':
			year = true;
			break;
		case 'm':
			month = true;
			break;
		case 'd':
			day = true;
			break;
		case 'H':
			t.has_clock = true;
			break;
		case 'S':
			t.has_seconds = true;
			break;
		case 'f':
			t.fraction = true;
			break;
		case 'z':
			t.has_zone = true;
			break;
		case 's':
		case 'Q':
			seen = "alone";
			break;
		default:
			break;
		}
		t.n++;
	}
	if (*seen) {
		if (t.n != 1)
			return &not_alone;
		if (type != SHAPE_TIME)
			return &no_date;
		t.has_clock = t.has_seconds = true;
	} else if (!year || !month || !day) {
		return &no_day;
	}
	/* "%Y%m%d": the month must be two digits, or nothing could tell where it ends */
	for (uint8_t i = 0; i + 1 < t.n; i++) {
		if (t.op[i].what && t.op[i + 1].what && t.op[i + 1].what != 'z' &&
			t.op[i].what != 'f')
			t.op[i].strict = t.op[i + 1].strict = true;
	}
	*out = t;
	return NULL;
}

bool map_time_lossy_out(const struct map_time *t)
{
	return t->type == SHAPE_TIME && t->n && (!t->has_clock || !t->has_seconds);
}

bool map_time_lossy_in(const struct map_time *t)
{
	return (t->type == SHAPE_DATE && t->has_clock) || t->fraction || t->op[0].what == 'Q';
}

static bool digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
}

/* Two digits; or one, where the other need not be written. */
static inline bool two(const char **at, const char *end, bool both, int *out)
{
	const char *p = *at;

	if (!digit(p, end))
		return false;
	if (digit(p + 1, end)) {
		*out = (p[0] - '0') * 10 + (p[1] - '0');
		*at = p + 2;
		return true;
	}
	*out = p[0] - '0';
	*at = p + 1;
	return !both;
}

static inline bool four(const char **at, const char *end, int *out)
{
	int hundreds, rest;

	if (!two(at, end, true, &hundreds) || !two(at, end, true, &rest))
		return false;
	*out = hundreds * 100 + rest;
	return true;
}

static void fraction(const char **p, const char *end)
{
	while (digit(*p, end))
		(*p)++;
}

static bool offset_read(const char **p, const char *end, int32_t *out)
{
	int h, m = 0, sign;

	if (*p < end && **p == 'Z') {
		(*p)++;
		*out = 0;
		return true;
	}
	if (*p >= end || (**p != '+' && **p != '-'))
		return false;
	sign = *(*p)++ == '-' ? -1 : 1;
	if (!two(p, end, true, &h))
		return false;
	if (*p < end && **p == ':')
		(*p)++;
	if (digit(*p, end) && !two(p, end, true, &m))
		return false;
	*out = sign * (h * 60 + m) * 60;
	return h < 24 && m < 60;
}

static bool since_1970(struct br_str in, bool milliseconds, int64_t *out)
{
	int64_t v = 0;
	size_t i = in.n && in.p[0] == '-';

	if (i == in.n || in.n > 17)
		return false;
	for (; i < in.n; i++) {
		if (in.p[i] < '0' || in.p[i] > '9')
			return false;
		v = v * 10 + (in.p[i] - '0');
	}
	if (in.p[0] == '-')
		v = -v;
	if (milliseconds)
		v = v >= 0 ? v / 1000 : -((999 - v) / 1000);
	*out = v;
	return v >= -62135596800 && v <= 253402300799 - 86400; /* years 1 to 9999 */
}

static bool parse(const struct map_time *t, struct br_str in, struct moment *m)
{
	const char *p = in.p, *end = in.p + in.n;

	if (t->op[0].what == 's' || t->op[0].what == 'Q') {
		m->is_utc = true;
		return since_1970(in, t->op[0].what == 'Q', &m->utc);
	}
	for (uint8_t i = 0; i < t->n; i++) {
		bool strict = t->op[i].strict, ok = true;

		switch (t->op[i].what) {
		case 'Y':
			ok = four(&p, end, &m->year);
			break;
		case 'm':
			ok = two(&p, end, strict, &m->month);
			break;
		case 'd':
			ok = two(&p, end, strict, &m->day);
			break;
		case 'H':
			ok = two(&p, end, strict, &m->hour);
			break;
		case 'M':
			ok = two(&p, end, strict, &m->minute);
			break;
		case 'S':
			ok = two(&p, end, strict, &m->second);
			/* "09:05:00.123" where the format ends its clock with %S */
			if (ok && !t->fraction && p + 1 < end && *p == '.' && digit(p + 1, end)) {
				p++;
				fraction(&p, end);
			}
			break;
		case 'f':
			fraction(&p, end);
			break;
		case 'z':
			m->has_offset = true;
			ok = offset_read(&p, end, &m->offset);
			break;
		default:
			ok = p < end && *p++ == t->op[i].literal;
			break;
		}
		if (!ok)
			return false;
	}
	return p == end;
}

static bool exists(const struct moment *m)
{
	return m->is_utc || (map_date_valid(m->year, m->month, m->day) && m->hour < 24 &&
				    m->minute < 60 && m->second < 60);
}

bool map_time_form(const struct map_time *t, struct br_str in)
{
	struct moment m = {0};

	return parse(t, in, &m);
}

/* 0 to 99 */
static char *put2(char *p, int v)
{
	unsigned tens = (unsigned)v / 10;

	*p++ = (char)('0' + tens);
	*p++ = (char)('0' + ((unsigned)v - tens * 10));
	return p;
}

static char *put_day(char *p, int year, int month, int day, char sep)
{
	p = put2(put2(p, year / 100), year % 100);
	*p++ = sep;
	p = put2(p, month);
	*p++ = sep;
	return put2(p, day);
}

static char *put_offset(char *p, int32_t offset)
{
	int32_t minutes = (offset < 0 ? -offset : offset) / 60;

	*p++ = offset < 0 ? '-' : '+';
	p = put2(p, minutes / 60);
	*p++ = ':';
	return put2(p, minutes % 60);
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static void split(int64_t local, struct moment *m)
{
	int64_t days = floor_div(local, 86400);
	int rest = (int)(local - days * 86400);

	map_civil(days, &m->year, &m->month, &m->day);
	m->hour = rest / 3600;
	m->minute = rest / 60 % 60;
	m->second = rest % 60;
}

static char *put_rfc3339(char *p, const struct moment *m, int32_t offset)
{
	p = put_day(p, m->year, m->month, m->day, '-');
	*p++ = 'T';
	p = put2(p, m->hour);
	*p++ = ':';
	p = put2(p, m->minute);
	*p++ = ':';
	p = put2(p, m->second);
	return put_offset(p, offset);
}

static struct br_str written(const struct moment *m, int32_t offset, struct br_arena *a)
{
	char *text = br_arena_alloc(a, 32);

	if (!text)
		return BR_STR_NONE;
	return (struct br_str){text, (size_t)(put_rfc3339(text, m, offset) - text)};
}

struct br_str map_time_rfc3339(int64_t utc, const struct map_zone *zone, struct br_arena *a)
{
	int32_t offset = map_zone_at(zone, utc);
	struct moment m;

	split(utc + offset, &m);
	return m.year >= 1 && m.year <= 9999 ? written(&m, offset, a) : BR_STR_NONE;
}

/* The same moment as the site's clocks show it. */
static struct br_str site_time(const struct map_time *t, const struct moment *m, struct br_arena *a)
{
	int64_t local;
	int32_t from;

	if (m->is_utc)
		return map_time_rfc3339(m->utc, t->site, a);
	local = map_days(m->year, m->month, m->day) * 86400 + m->hour * 3600 + m->minute * 60 +
		m->second;
	from = m->has_offset ? m->offset : map_zone_of_local(t->from, local);
	/* the column's clocks show what the site's do, nearly always */
	if (map_zone_at(t->site, local - from) == from)
		return written(m, from, a);
	return map_time_rfc3339(local - from, t->site, a);
}

bool map_time_get(
	const struct map_time *t, struct br_str in, struct br_arena *a, struct br_str *out)
{
	struct moment m = {0};

	if (!parse(t, in, &m) || !exists(&m))
		return false;
	if (t->type == SHAPE_DATE) {
		char *text = br_arena_alloc(a, 10);

		if (!text)
			return false;
		put_day(text, m.year, m.month, m.day, '-');
		*out = (struct br_str){text, 10};
		return true;
	}
	*out = site_time(t, &m, a);
	return out->p != NULL;
}

bool map_time_read_date(struct br_str in, int *year, int *month, int *day)
{
	const char *p = in.p, *end = in.p + in.n;

	return in.n == 10 && four(&p, end, year) && *p++ == '-' && two(&p, end, true, month) &&
	       *p++ == '-' && two(&p, end, true, day) && map_date_valid(*year, *month, *day);
}

bool map_time_read_rfc3339(struct br_str in, int64_t *utc, bool *has_fraction)
{
	const char *p = in.p + 10, *end = in.p + in.n;
	struct moment m = {0};

	*has_fraction = false;
	if (in.n < 20 || !map_time_read_date((struct br_str){in.p, 10}, &m.year, &m.month, &m.day))
		return false;
	if (*p++ != 'T' || !two(&p, end, true, &m.hour) || *p++ != ':' ||
		!two(&p, end, true, &m.minute) || *p++ != ':' || !two(&p, end, true, &m.second))
		return false;
	if (p < end && *p == '.') {
		p++;
		*has_fraction = true;
		fraction(&p, end);
	}
	if (!offset_read(&p, end, &m.offset) || p != end || m.hour > 23 || m.minute > 59 ||
		m.second > 59)
		return false;
	*utc = map_days(m.year, m.month, m.day) * 86400 + m.hour * 3600 + m.minute * 60 + m.second -
	       m.offset;
	return true;
}

static char *put_number(char *p, int v, bool bare)
{
	if (bare && v < 10) {
		*p++ = (char)('0' + v);
		return p;
	}
	return put2(p, v);
}

static char *put_since(char *p, int64_t v)
{
	char digits[24];
	int n = 0;
	uint64_t u = v < 0 ? (uint64_t)-v : (uint64_t)v;

	if (v < 0)
		*p++ = '-';
	do
		digits[n++] = (char)('0' + u % 10);
	while (u /= 10);
	while (n)
		*p++ = digits[--n];
	return p;
}

static char *print(const struct map_time *t, const struct moment *m, char *p)
{
	for (uint8_t i = 0; i < t->n; i++) {
		bool bare = t->op[i].bare;

		switch (t->op[i].what) {
		case 'Y':
			p = put2(put2(p, m->year / 100), m->year % 100);
			break;
		case 'm':
			p = put_number(p, m->month, bare);
			break;
		case 'd':
			p = put_number(p, m->day, bare);
			break;
		case 'H':
			p = put_number(p, m->hour, bare);
			break;
		case 'M':
			p = put_number(p, m->minute, bare);
			break;
		case 'S':
			p = put_number(p, m->second, bare);
			break;
		case 'f':
			memcpy(p, "000", 3);
			p += 3;
			break;
		case 'z':
			p = put_offset(p, m->offset);
			break;
		case 's':
			p = put_since(p, m->utc);
			break;
		case 'Q':
			p = put_since(p, m->utc * 1000);
			break;
		default:
			*p++ = t->op[i].literal;
			break;
		}
	}
	return p;
}

bool map_time_put(
	const struct map_time *t, struct br_str in, struct br_arena *a, struct br_str *out)
{
	struct moment m = {0};
	char *text;
	bool has_fraction;

	if (t->type == SHAPE_DATE) {
		if (!map_time_read_date(in, &m.year, &m.month, &m.day))
			return false;
		m.offset = map_zone_of_local(t->from, map_days(m.year, m.month, m.day) * 86400);
	} else {
		if (!map_time_read_rfc3339(in, &m.utc, &has_fraction))
			return false;
		m.offset = map_zone_at(t->from, m.utc);
		split(m.utc + m.offset, &m);
	}
	text = br_arena_alloc(a, t->width);
	if (!text)
		return false;
	*out = (struct br_str){text, (size_t)(print(t, &m, text) - text)};
	return true;
}
