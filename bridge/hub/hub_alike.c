#include "hub_alike.h"

#include "br_utf8.h"

#include <stdio.h>
#include <stdlib.h>

#define LIKELY	     12
#define STRONG	     20 /* a number in common that nobody else has */
#define CHARS	     64 /* of a text that is compared for slips */
#define SAME_WEEK    7	/* days */
#define SAME_MATTER  30 /* ... beyond which another application is meant */
#define NAME_MIN     3	/* characters: of two, one that is other makes another name */
#define DAY_TEXT     10 /* 2018-07-02 */
#define FNV_START    UINT64_C(0xcbf29ce484222325)
#define FNV_FACTOR   UINT64_C(0x100000001b3)
#define WEEK_WEIGHT  2
#define MONTH_WEIGHT (-2)

/* bars: what is other there is another case */
static const struct {
	const char *field;
	bool date, bars;
	int same, near, other;
} table[ALIKE_FACTS] = {
	[ALIKE_ITEM] = {"item.impl_code", false, true, 2, -20, -20},
	[ALIKE_CERT] = {"applicant.cert_no", false, false, 14, 7, -14},
	[ALIKE_NAME] = {"applicant.name", false, false, 6, 3, -8},
	[ALIKE_APPLIED] = {"applied_at", true, true, 6, 0, -6},
	[ALIKE_RECEIVED] = {"received_at", true, true, 6, 0, -6},
	[ALIKE_ACCEPTED] = {"accepted_at", true, true, 6, 0, -6},
	[ALIKE_MOBILE] = {"applicant.mobile", false, false, 5, 2, -1},
	[ALIKE_BIRTH] = {"applicant.birth", false, false, 2, 0, -6},
	[ALIKE_RESULT_NO] = {"result.cert_no", false, true, 12, 2, -20},
	[ALIKE_ACCEPT_NO] = {"accept_doc_no", false, false, 12, 2, -8},
	[ALIKE_PORTAL_NO] = {"portal_case_no", false, true, 8, -6, -20},
	[ALIKE_DEPT_NO] = {"dept_case_no", false, false, 8, -2, -8},
};

const char *hub_alike_field(enum alike_fact f)
{
	return table[f].field;
}

/* ---- facts ---- */

/* Blanks and the dots between the parts of a name are written as everybody likes. */
static bool is_filler(uint32_t c)
{
	return c <= ' ' || c == 0x7f || c == 0x3000 || c == 0xa0 || c == 0xb7 || c == 0x2022 ||
	       c == 0x30fb || c == 0xff65;
}

/* Full width becomes half width, and small letters large ones. */
static uint32_t plain(uint32_t c)
{
	if (c >= 0xff01 && c <= 0xff5e)
		c -= 0xfee0;
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

/* Never longer than it was. */
static int written_one_way(struct br_str text, struct br_arena *a, struct br_str *out)
{
	char *to = br_arena_alloc(a, text.n + 4);
	size_t n = 0;

	if (!to)
		return -BR_E_NOMEM;
	for (size_t i = 0; i < text.n;) {
		const unsigned char *at = (const unsigned char *)text.p + i;
		unsigned len = br_utf8_len(at, text.n - i);
		uint32_t c = len ? br_utf8_decode(at, len) : '?';

		i += len ? len : 1;
		if (!is_filler(c))
			n += br_utf8_encode(plain(c), to + n);
	}
	*out = (struct br_str){to, n};
	return 0;
}

int hub_alike_facts(const struct case_schema *s, const struct image *doc, struct br_arena *a,
	struct alike_facts *out)
{
	*out = (struct alike_facts){0};
	for (unsigned i = 0; i < ALIKE_FACTS; i++) {
		int f = shape_find(s->shape, 0, br_str_z(table[i].field));
		const struct cell *c = f < 0 ? NULL : image_root(doc, (unsigned)f);

		if (!c || cell_is_null(c))
			continue;
		if (written_one_way(c->value, a, &out->v[i]) < 0)
			return -BR_E_NOMEM;
		if (table[i].date && out->v[i].n > DAY_TEXT)
			out->v[i].n = DAY_TEXT;
	}
	return 0;
}

/* ---- blocks ---- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ ((const unsigned char *)p)[i]) * FNV_FACTOR;
	return h;
}

uint64_t hub_alike_key(char kind, struct br_str a, struct br_str b)
{
	uint64_t h = mix(FNV_START, &kind, 1);

	h = mix(h, &a.n, sizeof(a.n));
	h = mix(mix(h, a.p, a.n), b.p, b.n);
	return h ^ (h >> 32);
}

static struct br_str day_of(const struct alike_facts *f)
{
	for (unsigned i = ALIKE_APPLIED; i <= ALIKE_ACCEPTED; i++)
		if (f->v[i].n)
			return f->v[i];
	return BR_STR_NONE;
}

size_t hub_alike_keys(const struct alike_facts *f, uint64_t keys[ALIKE_KEYS])
{
	struct br_str day = day_of(f), name = f->v[ALIKE_NAME], none = {NULL, 0};
	const struct {
		char kind;
		struct br_str a, b;
		bool both; /* are needed */
	} blocks[] = {
		{'c', f->v[ALIKE_CERT], none, false},
		{'d', f->v[ALIKE_CERT], day, true},
		{'m', name, f->v[ALIKE_MOBILE], true},
		{'n', name, day, true},
		{'r', f->v[ALIKE_RESULT_NO], none, false},
		{'o', f->v[ALIKE_ACCEPT_NO], none, false},
	};
	size_t n = 0;

	for (size_t i = 0; i < BR_LEN(blocks); i++)
		if (blocks[i].a.n && (!blocks[i].both || blocks[i].b.n))
			keys[n++] = hub_alike_key(blocks[i].kind, blocks[i].a, blocks[i].b);
	return n;
}

/* ---- degrees ---- */

static size_t chars_of(struct br_str s, uint32_t out[CHARS])
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < CHARS; n++) {
		unsigned len = br_utf8_len((const unsigned char *)s.p + i, s.n - i);

		out[n] = len ? br_utf8_decode((const unsigned char *)s.p + i, len) : 0;
		i += len ? len : 1;
	}
	return n;
}

/* One character other, missing or too many, or two neighbours in the wrong order. */
static bool is_slip(const uint32_t *a, size_t na, const uint32_t *b, size_t nb)
{
	size_t i = 0;

	if (na > nb)
		return is_slip(b, nb, a, na);
	while (i < na && a[i] == b[i])
		i++;
	if (i == nb)
		return true; /* as far as is looked */
	if (nb == na + 1)
		return memcmp(a + i, b + i + 1, (na - i) * sizeof(*a)) == 0;
	if (nb != na)
		return false;
	if (i + 1 < na && a[i] == b[i + 1] && a[i + 1] == b[i] &&
		memcmp(a + i + 2, b + i + 2, (na - i - 2) * sizeof(*a)) == 0)
		return true;
	return memcmp(a + i + 1, b + i + 1, (na - i - 1) * sizeof(*a)) == 0;
}

static enum alike_degree degree(struct br_str a, struct br_str b, size_t min)
{
	uint32_t x[CHARS], y[CHARS];
	size_t nx, ny;

	if (!a.n || !b.n)
		return ALIKE_UNKNOWN;
	if (br_str_eq(a, b))
		return ALIKE_SAME;
	nx = chars_of(a, x);
	ny = chars_of(b, y);
	return nx >= min && ny >= min && is_slip(x, nx, y, ny) ? ALIKE_NEAR : ALIKE_OTHER;
}

/* Days since some day; only differences of them are used. */
static long day_number(struct br_str day)
{
	char text[DAY_TEXT + 1] = "";
	long y = 0, m = 0, d = 0;

	memcpy(text, day.p, day.n < DAY_TEXT ? day.n : DAY_TEXT);
	if (strlen(text) == DAY_TEXT) {
		y = strtol(text, NULL, 10);
		m = strtol(text + 5, NULL, 10);
		d = strtol(text + 8, NULL, 10);
	}
	if (m <= 2) {
		m += 12;
		y--;
	}
	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * (m - 3) + 2) / 5 + d;
}

/* What the days say, and where (near: within the month, or one digit was hit wrongly). */
static int weigh_days(const struct alike_facts *a, const struct alike_facts *b, struct alike *out)
{
	for (unsigned i = ALIKE_APPLIED; i <= ALIKE_ACCEPTED; i++) {
		long days;

		if (!a->v[i].n || !b->v[i].n)
			continue;
		out->at[i] = degree(a->v[i], b->v[i], DAY_TEXT);
		if (out->at[i] == ALIKE_SAME)
			return table[i].same;
		days = labs(day_number(a->v[i]) - day_number(b->v[i]));
		if (days <= SAME_MATTER) {
			out->at[i] = ALIKE_NEAR;
			return days <= SAME_WEEK ? WEEK_WEIGHT : MONTH_WEIGHT;
		}
		out->far = true;
		return out->at[i] == ALIKE_NEAR ? table[i].near : table[i].other;
	}
	return 0;
}

static int weigh(const struct alike_facts *a, const struct alike_facts *b, struct alike *out)
{
	int sum = weigh_days(a, b, out);

	for (unsigned i = 0; i < ALIKE_FACTS; i++) {
		if (table[i].date)
			continue;
		out->at[i] = degree(a->v[i], b->v[i], i == ALIKE_NAME ? NAME_MIN : 4);
		sum += out->at[i] == ALIKE_SAME	   ? table[i].same
		       : out->at[i] == ALIKE_NEAR  ? table[i].near
		       : out->at[i] == ALIKE_OTHER ? table[i].other
						   : 0;
	}
	return sum;
}

/* ---- verdict ---- */

static bool is_barred(const struct alike *x)
{
	for (unsigned i = 0; i < ALIKE_FACTS; i++)
		if (table[i].bars && x->at[i] == ALIKE_OTHER)
			return true;
	return x->at[ALIKE_ITEM] == ALIKE_NEAR;
}

static enum alike_degree day_degree(const struct alike *x)
{
	for (unsigned i = ALIKE_APPLIED; i <= ALIKE_ACCEPTED; i++)
		if (x->at[i] != ALIKE_UNKNOWN)
			return x->at[i];
	return ALIKE_UNKNOWN;
}

/* Nothing but the phone speaks against it, and the person's number is not merely similar. */
static bool is_undoubted(const struct alike *x)
{
	for (unsigned i = 0; i < ALIKE_FACTS; i++)
		if (x->at[i] == ALIKE_OTHER && i != ALIKE_MOBILE)
			return false;
	return !x->far && x->at[ALIKE_CERT] != ALIKE_NEAR && x->at[ALIKE_PORTAL_NO] != ALIKE_NEAR &&
	       x->at[ALIKE_DEPT_NO] != ALIKE_NEAR && x->at[ALIKE_RESULT_NO] != ALIKE_NEAR &&
	       x->at[ALIKE_ACCEPT_NO] != ALIKE_NEAR;
}

/* A number alone may be a coincidence. */
static bool is_backed(const struct alike *x)
{
	static const enum alike_fact facts[] = {ALIKE_CERT, ALIKE_NAME, ALIKE_APPLIED,
		ALIKE_RECEIVED, ALIKE_ACCEPTED, ALIKE_MOBILE};

	for (size_t i = 0; i < BR_LEN(facts); i++)
		if (x->at[facts[i]] == ALIKE_SAME || x->at[facts[i]] == ALIKE_NEAR)
			return true;
	return false;
}

void hub_alike(
	const struct alike_facts *a, const struct alike_facts *b, bool strong, struct alike *out)
{
	bool known, barred;

	*out = (struct alike){.verdict = ALIKE_NONE};
	out->weight = weigh(a, b, out) + (strong ? STRONG : 0);
	barred = is_barred(out);
	known = (strong && is_backed(out)) ||
		(out->at[ALIKE_CERT] == ALIKE_SAME &&
			(out->at[ALIKE_NAME] == ALIKE_SAME || out->at[ALIKE_NAME] == ALIKE_NEAR) &&
			day_degree(out) == ALIKE_SAME);
	if (known && !barred && is_undoubted(out))
		out->verdict = ALIKE_CERTAIN;
	else if (strong || (!barred && out->weight >= LIKELY))
		out->verdict = ALIKE_LIKELY;
}

char *hub_alike_why(const struct alike *x, bool strong, char *buf, size_t size)
{
	static const char signs[] = {'?', '=', '~', '!'};
	size_t n = 0;

	buf[0] = '\0';
	if (strong)
		n += (size_t)snprintf(buf, size, "#");
	for (unsigned i = 0; i < ALIKE_FACTS; i++) {
		if (x->at[i] == ALIKE_UNKNOWN || n >= size)
			continue;
		n += (size_t)snprintf(
			buf + n, size - n, "%s%s%c", n ? "," : "", table[i].field, signs[x->at[i]]);
	}
	return buf;
}
