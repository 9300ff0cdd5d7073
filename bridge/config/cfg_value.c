#include "cfg_value.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
	const char *word;
	int64_t times;
};

/* The largest unit first: writing takes the first that divides. */
static const struct unit durations[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct unit sizes[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"k", 1 << 10}, {"", 1},
	{"K", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {NULL, 0}};
static const struct unit rates[] = {{"/s", 3600}, {"/m", 60}, {"/h", 1}, {NULL, 0}};
static const struct unit none[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(enum cfg_type type)
{
	switch (type) {
	case CFG_T_DURATION:
		return durations;
	case CFG_T_SIZE:
		return sizes;
	case CFG_T_RATE:
		return rates;
	default:
		return none;
	}
}

/* Digits at the beginning of text. Leading zeros are refused: who writes 010 may mean eight or a
 * code. */
static bool digits(struct br_str *text, int64_t *out)
{
	size_t i = 0;
	int64_t n = 0;

	while (i < text->n && text->p[i] >= '0' && text->p[i] <= '9') {
		if (__builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, text->p[i] - '0', &n))
			return false;
		i++;
	}
	if (i == 0 || (i > 1 && text->p[0] == '0'))
		return false;
	text->p += i;
	text->n -= i;
	*out = n;
	return true;
}

bool cfg_number_read(enum cfg_type type, struct br_str text, int64_t *out)
{
	bool negative = type == CFG_T_INT && text.n && text.p[0] == '-';
	int64_t n;

	if (negative) {
		text.p++;
		text.n--;
	}
	if (!digits(&text, &n))
		return false;
	/* nothing needs no unit */
	if (n == 0 && text.n == 0) {
		*out = 0;
		return true;
	}
	for (const struct unit *u = units_of(type); u->word; u++)
		if (br_str_eq(text, br_str_z(u->word))) {
			if (__builtin_mul_overflow(n, u->times, &n))
				return false;
			*out = negative ? -n : n;
			return true;
		}
	return false;
}

char *cfg_number_text(enum cfg_type type, int64_t value, char *buf, size_t size)
{
	const struct unit *u = units_of(type);

	while (value % u->times)
		u++;
	/* nothing needs no unit, here either */
	snprintf(buf, size, "%" PRId64 "%s", value / u->times, value == 0 ? "" : u->word);
	return buf;
}
