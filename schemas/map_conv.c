#include "map_conv.h"
#include "check.h"

static bool digits(struct br_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0;
}

/* 15 or 18 characters, x or X -> 18 characters with the check character, or why not. */
static int citizen_id_get(struct br_str in, struct br_arena *a, struct br_str *out)
{
	char id[19];
	struct br_str text;

	if (in.n == 18 && check_citizen_id(in)) {
		*out = in;
		return 0;
	}
	if (!check_citizen_id_normalise(in, id))
		return -BR_E_MAP_BAD_ID;
	text = br_arena_copy(a, (struct br_str){id, 18});
	*out = text;
	return text.p ? 0 : -BR_E_NOMEM;
}

static int birth_get(struct br_str in, struct br_arena *a, struct br_str *out)
{
	struct br_str id;
	char *day;
	int rc = citizen_id_get(in, a, &id);

	if (rc)
		return rc;
	day = br_arena_alloc(a, 11);
	if (!day)
		return -BR_E_NOMEM;
	check_citizen_id_birth(id, day);
	*out = (struct br_str){day, 10};
	return 0;
}

/* Codes and names as people write them -> as the standards do. */
static int normalised_get(
	const struct map_conv *cv, struct br_str in, struct br_arena *a, struct br_str *out)
{
	char *text;
	bool ok;

	if (cv->is_canonical && cv->is_canonical(in)) {
		*out = in;
		return 0;
	}
	text = br_arena_alloc(a, in.n + in.n / 2 + 33);
	if (!text)
		return -BR_E_NOMEM;
	if (!cv->normalise) { /* a name: every text has a normal form */
		*out = (struct br_str){text, check_name_normalise(in, text)};
		return 0;
	}
	ok = cv->normalise(in, text);
	*out = (struct br_str){text, ok ? strlen(text) : 0};
	return ok ? 0 : -BR_E_MAP_BAD_VALUE;
}

/* [+-]digits[.digits] split into its parts, leading and trailing zeros removed. */
struct number {
	bool minus;
	struct br_str whole, part;
};

static bool number_read(struct br_str in, struct number *x)
{
	struct br_str rest = in;
	const char *dot;

	x->minus = rest.n && rest.p[0] == '-';
	if (rest.n && (rest.p[0] == '-' || rest.p[0] == '+')) {
		rest.p++;
		rest.n--;
	}
	dot = rest.n ? memchr(rest.p, '.', rest.n) : NULL;
	x->whole = dot ? (struct br_str){rest.p, (size_t)(dot - rest.p)} : rest;
	x->part = dot ? (struct br_str){dot + 1, rest.n - x->whole.n - 1} : BR_STR("");
	if ((x->whole.n && !digits(x->whole)) || (x->part.n && !digits(x->part)) ||
		x->whole.n + x->part.n == 0)
		return false;
	while (x->whole.n && x->whole.p[0] == '0') {
		x->whole.p++;
		x->whole.n--;
	}
	while (x->part.n && x->part.p[x->part.n - 1] == '0')
		x->part.n--;
	if (x->whole.n + x->part.n == 0)
		x->minus = false;
	return true;
}

/* scale < 0: as many digits as there are. */
static int number_write(const struct number *x, int scale, struct br_arena *a, struct br_str *out)
{
	size_t part = scale < 0 ? x->part.n : (size_t)scale;
	char *text, *p;

	if (x->part.n > part)
		return -BR_E_MAP_CANNOT_WRITE;
	p = text = br_arena_alloc(a, x->whole.n + part + 4);
	if (!p)
		return -BR_E_NOMEM;
	if (x->minus)
		*p++ = '-';
	if (x->whole.n)
		memcpy(p, x->whole.p, x->whole.n);
	else
		*p++ = '0';
	p += x->whole.n;
	if (part) {
		*p++ = '.';
		memset(p, '0', part);
		if (x->part.n)
			memcpy(p, x->part.p, x->part.n);
		p += part;
	}
	*out = (struct br_str){text, (size_t)(p - text)};
	return 0;
}

static int number_get(
	const struct map_conv *cv, struct br_str in, struct br_arena *a, struct br_str *out)
{
	struct number x;
	int64_t fits;
	int rc;

	if (!number_read(in, &x) || (cv->kind == MAP_CONV_INT && x.part.n))
		return -BR_E_MAP_BAD_VALUE;
	rc = number_write(&x, -1, a, out);
	if (rc == 0 && cv->kind == MAP_CONV_INT && !br_json_int64(*out, &fits))
		return -BR_E_MAP_BAD_VALUE;
	return rc;
}

static int bool_get(const struct map_conv *cv, struct br_str in, struct br_str *out)
{
	if (br_str_eq(in, cv->yes))
		*out = BR_STR("true");
	else if (br_str_eq(in, cv->no))
		*out = BR_STR("false");
	else
		return -BR_E_MAP_BAD_VALUE;
	return 0;
}

int map_conv_get(
	const struct map_conv *cv, struct br_str in, struct br_arena *a, struct br_str *out)
{
	struct br_str id;
	int rc;

	switch ((enum map_conv_kind)cv->kind) {
	case MAP_CONV_TIME:
		if (map_time_get(cv->time, in, a, out))
			return 0;
		return br_arena_failed(a) ? -BR_E_NOMEM : -BR_E_MAP_BAD_VALUE;
	case MAP_CONV_CITIZEN_ID:
		return citizen_id_get(in, a, out);
	case MAP_CONV_CITIZEN_BIRTH:
		return birth_get(in, a, out);
	case MAP_CONV_CITIZEN_SEX:
		rc = citizen_id_get(in, a, &id);
		if (rc == 0)
			*out = check_citizen_id_male(id) ? cv->man : cv->woman;
		return rc;
	case MAP_CONV_INT:
	case MAP_CONV_DECIMAL:
		return number_get(cv, in, a, out);
	case MAP_CONV_BOOL:
		return bool_get(cv, in, out);
	case MAP_CONV_NORMAL:
		return normalised_get(cv, in, a, out);
	case MAP_CONV_TEXT:
	case MAP_CONV_CODES:
		break;
	}
	*out = in;
	return 0;
}

int map_conv_put(
	const struct map_conv *cv, struct br_str in, struct br_arena *a, struct br_str *out)
{
	struct number x;

	switch ((enum map_conv_kind)cv->kind) {
	case MAP_CONV_TIME:
		if (map_time_put(cv->time, in, a, out))
			return 0;
		return br_arena_failed(a) ? -BR_E_NOMEM : -BR_E_MAP_CANNOT_WRITE;
	case MAP_CONV_INT:
	case MAP_CONV_DECIMAL:
		return number_read(in, &x) ? number_write(&x, cv->scale, a, out)
					   : -BR_E_MAP_CANNOT_WRITE;
	case MAP_CONV_BOOL:
		if (!br_str_eq(in, BR_STR("true")) && !br_str_eq(in, BR_STR("false")))
			return -BR_E_MAP_CANNOT_WRITE;
		*out = in.n == 4 ? cv->yes : cv->no;
		return 0;
	case MAP_CONV_CITIZEN_BIRTH:
	case MAP_CONV_CITIZEN_SEX:
		return -BR_E_MAP_CANNOT_WRITE;
	case MAP_CONV_TEXT:
	case MAP_CONV_CODES:
	case MAP_CONV_CITIZEN_ID:
	case MAP_CONV_NORMAL:
		break;
	}
	*out = in;
	return 0;
}
