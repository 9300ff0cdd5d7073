/* Are two cases one? Single pairs, and a district of people who renew, share names and mistype. */
#include "hub_alike.h"

#include <stdarg.h>
#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge/hub/hub_fixture.h"

static const struct fixture_file files[] = {{"systems/office.yaml",
	"system: office\ntitle: 区局\nrole: department\nconnector: postgres\n"
	"connection: { dsn: \"dbname=x\" }\n"
	"records:\n  r:\n    root: { table: t, key: id }\n    read: { every: 1s }\n"
	"    case: { dept_case_no: id }\n"}};

static struct br_arena arena;

/* "item cert name applied mobile birth result accept portal dept", - for none */
static struct alike_facts facts(const char *words)
{
	static const char *const fields[] = {"item.impl_code", "applicant.cert_no",
		"applicant.name", "applied_at", "applicant.mobile", "applicant.birth",
		"result.cert_no", "accept_doc_no", "portal_case_no", "dept_case_no"};
	char *text = br_arena_copy(&arena, br_str_z(words)).p ? strdup(words) : NULL, *rest = text;
	struct image_builder b;
	struct alike_facts f;
	struct image doc;
	char *word;

	image_build(&b, &arena, 16);
	for (size_t i = 0; i < BR_LEN(fields) && (word = strsep(&rest, " ")); i++)
		if (strcmp(word, "-") != 0)
			image_set(&b, 0, BR_STR_NONE,
				(uint16_t)shape_find(schema->shape, 0, br_str_z(fields[i])),
				br_arena_copy(&arena, br_str_z(word)));
	assert_int_equal(image_build_end(&b, &doc), 0);
	assert_int_equal(hub_alike_facts(schema, &doc, &arena, &f), 0);
	free(text);
	return f;
}

#define ITEM "11341503999900222D4002011099000"
#define P1   "341599195003070014"
#define P2   "341599195202290028"
#define DAY  "2018-07-02T09:05:00+08:00"

static const struct {
	const char *name, *a, *b;
	bool strong;
	enum alike_verdict verdict;
} pairs[] = {
	{"person, item and day", ITEM " " P1 " 张三 " DAY,
		ITEM " " P1 " 张三 2018-07-02T16:00:00+08:00", false, ALIKE_CERTAIN},
	{"the phone has changed", ITEM " " P1 " 张三 " DAY " 13900000001",
		ITEM " " P1 " 张三 " DAY " 13812345678", false, ALIKE_CERTAIN},
	{"the name with another dot and in full width", ITEM " " P1 " 阿卜杜·买买提 " DAY,
		ITEM " " P1 " 阿卜杜•买买提 " DAY, false, ALIKE_CERTAIN},
	{"a slip in the name", ITEM " " P1 " 欧阳小明 " DAY, ITEM " " P1 " 欧阳晓明 " DAY, false,
		ALIKE_CERTAIN},
	{"another name of two characters", ITEM " " P1 " 张三 " DAY, ITEM " " P1 " 张四 " DAY,
		false, ALIKE_LIKELY},
	{"a slip in the person's number", ITEM " " P1 " 张三 " DAY " 13900000001",
		ITEM " 341599195003070041 张三 " DAY " 13900000001", false, ALIKE_LIKELY},
	{"without a day", ITEM " " P1 " 张三", ITEM " " P1 " 张三 " DAY, false, ALIKE_LIKELY},
	{"typed three days later", ITEM " " P1 " 张三 " DAY, ITEM " " P1 " 张三 2018-07-05", false,
		ALIKE_LIKELY},
	{"a renewal two years later", ITEM " " P1 " 张三 " DAY " 13900000001 1950-03-07",
		ITEM " " P1 " 张三 2020-09-11 13900000001 1950-03-07", false, ALIKE_NONE},
	{"a renewal on the same day a year later: one digit", ITEM " " P1 " 张三 " DAY,
		ITEM " " P1 " 张三 2019-07-02", false, ALIKE_LIKELY},
	{"a renewal without days, with a certificate of its own",
		ITEM " " P1 " 张三 - - - YDZ-2018-0001", ITEM " " P1 " 张三 - - - YDZ-2020-7777",
		false, ALIKE_NONE},
	{"a renewal with the old number typed again", ITEM " " P1 " 张三 " DAY,
		ITEM " " P1 " 张三 2020-09-11", true, ALIKE_LIKELY},
	{"... on the same day a year later", ITEM " " P1 " 张三 " DAY,
		ITEM " " P1 " 张三 2019-07-02", true, ALIKE_LIKELY},
	{"two persons of one name on one day", ITEM " " P1 " 张三 " DAY " 13900000001",
		ITEM " " P2 " 张三 " DAY " 13900000001", false, ALIKE_NONE},
	{"another item", ITEM " " P1 " 张三 " DAY,
		"11341503999900337K4000523099000 " P1 " 张三 " DAY, false, ALIKE_NONE},
	{"name and phone and day", ITEM " - 张三 " DAY " 13900000001",
		ITEM " - 张三 " DAY " 13900000001", false, ALIKE_LIKELY},
	{"name and phone alone", "- - 张三 - 13900000001", "- - 张三 - 13900000001", false,
		ALIKE_NONE},
	{"two numbers of the portal", ITEM " " P1 " 张三 " DAY " - - - - 341503180702000123",
		ITEM " " P1 " 张三 " DAY " - - - - 341503180702009999", false, ALIKE_NONE},
	{"numbers of the portal next to each other",
		ITEM " " P1 " 张三 " DAY " - - - - 341503180702000123",
		ITEM " " P1 " 张三 " DAY " - - - - 341503180702000124", false, ALIKE_LIKELY},
	{"a number in common", "- - 张三", "- - 张三", true, ALIKE_CERTAIN},
	{"a number in common, and nothing else known", "- - 张三", "- " P1, true, ALIKE_LIKELY},
	{"a number in common, of two persons", "- " P1 " 张三", "- " P2 " 李四", true,
		ALIKE_LIKELY},
	{"nothing is known", "-", "-", false, ALIKE_NONE},
};

static void one_pair(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;
	struct alike_facts a = facts(pairs[i].a), b = facts(pairs[i].b);
	struct alike x, y;
	char why[512];

	hub_alike(&a, &b, pairs[i].strong, &x);
	hub_alike(&b, &a, pairs[i].strong, &y);
	if (x.verdict != pairs[i].verdict)
		fail_msg("%s: verdict %d, weight %d, %s", pairs[i].name, (int)x.verdict, x.weight,
			hub_alike_why(&x, pairs[i].strong, why, sizeof(why)));
	assert_int_equal(x.verdict, y.verdict);
	assert_int_equal(x.weight, y.weight);
}

static void what_is_said(void **state)
{
	struct alike_facts a = facts(ITEM " " P1 " 欧阳小明 2018-07-02"),
			   b = facts(ITEM " " P2 " 欧阳晓明 2018-07-03");
	struct alike x;
	char why[512];

	(void)state;
	hub_alike(&a, &b, true, &x);
	assert_string_equal(hub_alike_why(&x, true, why, sizeof(why)),
		"#,item.impl_code=,applicant.cert_no!,applicant.name~,applied_at~");
	assert_int_equal(strlen(hub_alike_why(&x, true, why, 10)), 9);
	assert_true(x.verdict == ALIKE_LIKELY);
}

/* ---- a district ---- */

#define PEOPLE 1500
#define CASES  3 /* of a person at most */

static uint64_t seed;

static unsigned chance(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static const char *slip(const char *text)
{
	char *s = strdup(text), *digit = s + chance((unsigned)strlen(s));

	*digit = *digit == '7' ? '3' : '7';
	text = br_arena_copy(&arena, br_str_z(s)).p;
	free(s);
	return text;
}

struct typed {
	struct alike_facts f;
	uint64_t keys[ALIKE_KEYS];
	size_t nkeys;
	unsigned kase; /* which it is in truth */
	bool exact;    /* typed without a slip in what counts */
};

struct district {
	struct typed a[PEOPLE * CASES], b[PEOPLE * CASES];
	size_t na, nb;
};

static const char *date(unsigned day)
{
	return br_arena_printf(
		&arena, "%04u-%02u-%02u", 2010 + day / 360, 1 + day / 30 % 12, 1 + day % 28)
		.p;
}

static void type(struct typed *t, const char *cert, const char *name, const char *day,
	const char *phone, unsigned kase)
{
	unsigned what = chance(12);

	t->kase = kase;
	t->exact = what > 3 || what == 2;
	cert = what == 0 ? slip(cert) : cert;
	day = what == 1 ? slip(day) : day;
	phone = what == 2 ? slip(phone) : phone;
	t->f = facts(br_arena_printf(
		&arena, ITEM " %s %s %s %s", what == 3 ? "-" : cert, name, day, phone)
			     .p);
	t->nkeys = hub_alike_keys(&t->f, t->keys);
}

/* Few names, many of one name; half of all people come back, some of them within days. */
static void settle(struct district *d)
{
	static const char *const names[] = {"张伟", "王芳", "李娜", "张敏", "欧阳小明", "司马相如"};
	unsigned kase = 0;

	d->na = d->nb = 0;
	for (unsigned p = 0; p < PEOPLE; p++) {
		const char *cert = br_arena_printf(
				   &arena, "3415991%03u%07u", chance(100) + 900, chance(10000000))
					   .p,
			   *phone = br_arena_printf(&arena, "139%08u", chance(100000000)).p,
			   *name = names[chance(BR_LEN(names))];
		unsigned day = chance(3000);

		for (unsigned n = 1 + chance(CASES); n; n--, kase++) {
			unsigned where = chance(10);

			day += chance(4) ? 200 + chance(900) : 31 + chance(60);
			if (where != 0)
				type(&d->a[d->na++], cert, name, date(day), phone, kase);
			if (where != 1)
				type(&d->b[d->nb++], cert, name, date(day), phone, kase);
		}
	}
}

static bool share(const struct typed *a, const struct typed *b)
{
	for (size_t i = 0; i < a->nkeys; i++)
		for (size_t j = 0; j < b->nkeys; j++)
			if (a->keys[i] == b->keys[j])
				return true;
	return false;
}

/*
 * In every district: no pair is certain that is not one, and every case that was typed on both
 * sides without a slip is certain.
 */
static void districts(void **state)
{
	static struct district d;
	size_t certain = 0, likely = 0, found = 0;

	(void)state;
	for (seed = 1; seed < 4; seed++) {
		uint64_t start = seed;

		br_arena_reset(&arena);
		settle(&d);
		for (size_t i = 0; i < d.na; i++) {
			bool both = false, bound = false;

			for (size_t j = 0; j < d.nb; j++) {
				bool same = d.a[i].kase == d.b[j].kase;
				struct alike x = {.verdict = ALIKE_NONE};

				if (share(&d.a[i], &d.b[j]))
					hub_alike(&d.a[i].f, &d.b[j].f, false, &x);
				if (x.verdict == ALIKE_CERTAIN && !same)
					fail_msg("seed %u: %zu and %zu are not one",
						(unsigned)start, i, j);
				certain += x.verdict == ALIKE_CERTAIN;
				likely += x.verdict == ALIKE_LIKELY;
				found += same && x.verdict == ALIKE_LIKELY;
				both |= same && d.a[i].exact && d.b[j].exact;
				bound |= same && x.verdict == ALIKE_CERTAIN;
			}
			if (both && !bound)
				fail_msg("seed %u: %zu was typed twice and not found",
					(unsigned)start, i);
		}
		seed = start;
	}
	print_message("%zu certain, %zu likely of which %zu are one\n", certain, likely, found);
	assert_true(certain > 3000 && found > 500);
}

static int start(void **state)
{
	(void)state;
	br_arena_init(&arena, 512u << 20);
	return fixture_load(files, BR_LEN(files));
}

static int stop(void **state)
{
	br_arena_release(&arena);
	(void)state;
	return fixture_unload();
}

int main(void)
{
	struct CMUnitTest tests[BR_LEN(pairs) + 2] = {
		cmocka_unit_test(what_is_said), cmocka_unit_test(districts)};

	for (size_t i = 0; i < BR_LEN(pairs); i++)
		tests[i + 2] = (struct CMUnitTest){
			pairs[i].name, one_pair, NULL, NULL, (void *)(uintptr_t)i};
	return cmocka_run_group_tests(tests, start, stop);
}
