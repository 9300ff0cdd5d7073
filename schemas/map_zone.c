#include "map_zone.h"
#include <stdio.h>
#include <stdlib.h>

#define ZONEINFO      "/usr/share/zoneinfo/"
#define ZONE_MAX_FILE (256 * 1024)

int64_t map_days(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

void map_civil(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

bool map_date_valid(int year, int month, int day)
{
	static const uint8_t length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= length[month - 1] + (month == 2 && leap);
}

int32_t map_zone_at(const struct map_zone *z, int64_t utc)
{
	size_t lo = 0, hi = z->n;

	if (hi && z->at[hi - 1] <= utc)
		return z->off[hi - 1]; /* our days, in most zones */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (z->at[mid] <= utc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? z->off[lo - 1] : z->first;
}

int32_t map_zone_of_local(const struct map_zone *z, int64_t local)
{
	int32_t before, after;

	if (z->n == 0)
		return z->first;
	before = map_zone_at(z, local - 86400);
	after = map_zone_at(z, local + 86400);
	if (before == after || map_zone_at(z, local - before) == before)
		return before;
	return map_zone_at(z, local - after) == after ? after : before;
}

static bool two_digits(const char *p, int *out)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return false;
	*out = (p[0] - '0') * 10 + (p[1] - '0');
	return true;
}

/* "+08:00", "+0800", "Z" */
static bool fixed_offset(struct br_str s, int32_t *out)
{
	int h, m;

	if (s.n == 1 && s.p[0] == 'Z') {
		*out = 0;
		return true;
	}
	if (s.n < 5 || s.n > 6 || (s.p[0] != '+' && s.p[0] != '-') || !two_digits(s.p + 1, &h))
		return false;
	if ((s.n == 6 && s.p[3] != ':') || !two_digits(s.p + s.n - 2, &m) || h > 23 || m > 59)
		return false;
	*out = (h * 60 + m) * 60 * (s.p[0] == '-' ? -1 : 1);
	return true;
}

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct tz_header {
	size_t utcnt, stdcnt, leapcnt, timecnt, typecnt, charcnt;
};

static bool tz_header_read(const unsigned char *p, size_t n, struct tz_header *h)
{
	if (n < 44 || memcmp(p, "TZif", 4) != 0)
		return false;
	h->utcnt = be32(p + 20);
	h->stdcnt = be32(p + 24);
	h->leapcnt = be32(p + 28);
	h->timecnt = be32(p + 32);
	h->typecnt = be32(p + 36);
	h->charcnt = be32(p + 40);
	return h->typecnt > 0 && h->timecnt < 10000 && h->typecnt < 256 && h->charcnt < 10000 &&
	       h->leapcnt < 1000;
}

static size_t tz_size(const struct tz_header *h, size_t width)
{
	return h->timecnt * (width + 1) + h->typecnt * 6 + h->charcnt + h->leapcnt * (width + 4) +
	       h->stdcnt + h->utcnt;
}

/* The 64-bit half of a TZif file (RFC 8536). The rule behind the table (years after the last entry,
 * 2037 in Debian's files) is not read. */
static bool tz_parse(const unsigned char *p, size_t n, struct br_arena *a, struct map_zone *z)
{
	struct tz_header h;
	const unsigned char *times, *index, *types;
	int64_t *at;
	int32_t *off;
	size_t skip;

	if (!tz_header_read(p, n, &h) || p[4] < '2')
		return false;
	skip = 44 + tz_size(&h, 4);
	if (skip > n || !tz_header_read(p + skip, n - skip, &h) || 44 + tz_size(&h, 8) > n - skip)
		return false;
	times = p + skip + 44;
	index = times + h.timecnt * 8;
	types = index + h.timecnt;
	at = br_arena_array(a, int64_t, h.timecnt + 1);
	off = br_arena_array(a, int32_t, h.timecnt + 1);
	if (!at || !off)
		return false;
	for (size_t i = 0; i < h.timecnt; i++) {
		if (index[i] >= h.typecnt)
			return false;
		at[i] = (int64_t)((uint64_t)be32(times + i * 8) << 32 | be32(times + i * 8 + 4));
		off[i] = (int32_t)be32(types + index[i] * 6);
	}
	*z = (struct map_zone){(int32_t)be32(types), h.timecnt, at, off};
	return true;
}

static bool zone_name_sane(struct br_str name)
{
	if (name.n == 0 || name.n > 64 || name.p[0] == '/')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    strchr("/_+-", c)))
			return false;
	}
	return true;
}

static bool zone_file(struct br_str name, struct br_arena *a, struct map_zone *z)
{
	char path[128];
	unsigned char *bytes;
	size_t n;
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), ZONEINFO "%.*s", BR_STR_ARG(name));
	f = fopen(path, "rb");
	if (!f)
		return false;
	bytes = malloc(ZONE_MAX_FILE);
	n = bytes ? fread(bytes, 1, ZONE_MAX_FILE, f) : 0;
	fclose(f);
	ok = n > 0 && tz_parse(bytes, n, a, z);
	free(bytes);
	return ok;
}

const struct map_zone *map_zone_load(struct br_str name, struct br_arena *a)
{
	struct map_zone *z = br_arena_new(a, struct map_zone);

	if (!z)
		return NULL;
	if (fixed_offset(name, &z->first) || br_str_eq(name, BR_STR("UTC")))
		return z;
	return zone_name_sane(name) && zone_file(name, a, z) ? z : NULL;
}
