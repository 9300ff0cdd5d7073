/* Random rows of a mapping: every column holds something its own line can read. */
#include "br_text.h"
#include "map_check.h"
#include "map_program.h"
#include <stdio.h>

struct gen {
	const struct mapping *m;
	uint64_t *state;
	struct br_arena *a;
};

/* splitmix64: small, seedable, the same everywhere */
static uint64_t next(struct gen *g)
{
	uint64_t z = *g->state += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

static size_t below(struct gen *g, size_t n)
{
	return n ? (size_t)(next(g) % n) : 0;
}

static struct br_str word(struct gen *g, const char *const *words, size_t n)
{
	return br_arena_copy(g->a, br_str_z(words[below(g, n)]));
}

#define WORD(g, list) word((g), (list), BR_LEN(list))

/* Fictional people: division 341599 is not assigned. */
static struct br_str citizen_id(struct gen *g)
{
	static const uint8_t weight[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	char id[19];
	unsigned sum = 0;

	snprintf(id, sizeof(id), "341599%04u%02u%02u%03u", (unsigned)(1930 + below(g, 60)),
		(unsigned)(1 + below(g, 12)), (unsigned)(1 + below(g, 28)),
		(unsigned)below(g, 1000));
	for (int i = 0; i < 17; i++)
		sum += weight[i] * (unsigned)(id[i] - '0');
	id[17] = "10X98765432"[sum % 11];
	if (id[17] == 'X' && below(g, 2))
		id[17] = 'x';
	if (below(g, 4) == 0) { /* the old form: no century, no check character */
		memmove(id + 6, id + 8, 9);
		return br_arena_copy(g->a, (struct br_str){id, 15});
	}
	return br_arena_copy(g->a, (struct br_str){id, 18});
}

static struct br_str moment(struct gen *g, const struct map_time *t)
{
	struct br_str canonical, text = BR_STR("");

	if (t->type == SHAPE_DATE)
		canonical = br_arena_printf(g->a, "%04u-%02u-%02u", (unsigned)(1930 + below(g, 90)),
			(unsigned)(1 + below(g, 12)), (unsigned)(1 + below(g, 28)));
	else
		canonical = map_time_rfc3339(
			(int64_t)(1000000000 + below(g, 700000000)), t->site, g->a);
	map_time_put(t, canonical, g->a, &text);
	/* people leave zeros out: "1950.03.07" and "1950.3.7" */
	for (uint8_t i = 0; i < t->n && below(g, 2) == 0; i++) {
		const char *zero;

		if (t->op[i].what != 'm' || t->op[i].bare || t->op[i].strict || i == 0 ||
			!t->op[i - 1].literal)
			continue;
		zero = text.n > 6 ? memchr(text.p + 4, '0', 2) : NULL;
		if (zero && zero[-1] == t->op[i - 1].literal && zero[1] > '0') {
			char *shorter = br_arena_alloc(g->a, text.n);
			size_t before = (size_t)(zero - text.p);

			if (!shorter)
				break;
			memcpy(shorter, text.p, before);
			memcpy(shorter + before, zero + 1, text.n - before - 1);
			text = (struct br_str){shorter, text.n - 1};
		}
	}
	return text;
}

static struct br_str free_text(
	struct gen *g, const struct map_column *col, const struct case_field *about)
{
	static const char *const chars[] = {"张", "王", "建", "国", "裕", "安", "区", "西", "市",
		"街", "道", "村", "号", "·", "A", "b", "7", "一"};
	char text[160];
	size_t n = 0, count = 2 + below(g, 12);
	struct br_str bad;

	if (about && about->max_chars && count > about->max_chars)
		count = about->max_chars;
	if (col->max_chars && count > col->max_chars)
		count = col->max_chars;
	for (size_t i = 0; i < count; i++) {
		struct br_str c = br_str_z(chars[below(g, BR_LEN(chars))]);
		size_t w = c.n;
		int64_t size;

		memcpy(text + n, c.p, w);
		size = col->charset
			       ? map_charset_size(col->charset, (struct br_str){text, n + w}, &bad)
			       : (int64_t)(n + w);
		if (size < 0 || (col->max_bytes && size > col->max_bytes))
			break;
		n += w;
	}
	return br_arena_copy(g->a, (struct br_str){text, n});
}

static struct br_str checked_text(
	struct gen *g, const struct map_column *col, const struct case_field *about)
{
	static const char *const names[] = {
		"张建国", "王某", "李秀英", "欧阳建安", "阿不都·买买提"};
	static const char *const credit[] = {"11341503999900222D", "113415039999001189",
		"91341503MA2TE0011W", "92341503MA2TE002XH"};
	static const char *const org[] = {"999900222", "999900118", "MA2TE0011"};
	static const char *const impl[] = {"11341503999900222D4002011099000",
		"1134150399990011894000131001000", "11341503999900441P4002020099000"};

	if (!about)
		return free_text(g, col, about);
	switch (about->check) {
	case CASE_CHECK_CERT_NO:
	case CASE_CHECK_CITIZEN_ID:
		return BR_STR("341599195003070014");
	case CASE_CHECK_CREDIT_CODE:
		return WORD(g, credit);
	case CASE_CHECK_ORG_CODE:
		return WORD(g, org);
	case CASE_CHECK_IMPL_CODE:
		return WORD(g, impl);
	case CASE_CHECK_MOBILE:
		return br_arena_printf(g->a, "139%08u", (unsigned)below(g, 100000000));
	case CASE_CHECK_POSTCODE:
		return br_arena_printf(g->a, "2370%02u", (unsigned)below(g, 100));
	case CASE_CHECK_DIVISION:
		return BR_STR("341503000000");
	case CASE_CHECK_NAME:
		return WORD(g, names);
	case CASE_CHECK_NONE:
		break;
	}
	return free_text(g, col, about);
}

static struct br_str number(struct gen *g, const struct map_conv *cv)
{
	if (cv->kind == MAP_CONV_INT)
		return br_arena_printf(g->a, "%u", (unsigned)below(g, 1000));
	if (cv->scale == 0)
		return br_arena_printf(g->a, "%u", (unsigned)below(g, 100000));
	return br_arena_printf(g->a, "%u.%0*u", (unsigned)below(g, 100000),
		cv->scale < 0 ? 2 : cv->scale, (unsigned)below(g, 10));
}

static struct br_str code(struct gen *g, const struct map_codes *t)
{
	for (int tries = 0; tries < 64 && t && t->n; tries++) {
		const struct map_code_row *row = &t->rows[below(g, t->n)];

		if (row->in)
			return row->foreign;
	}
	return BR_STR_NONE;
}

static struct br_str by_line(
	struct gen *g, const struct map_line *line, const struct map_column *col)
{
	switch ((enum map_conv_kind)line->conv.kind) {
	case MAP_CONV_CODES:
		return code(g, line->conv.codes);
	case MAP_CONV_TIME:
		return moment(g, line->conv.time);
	case MAP_CONV_CITIZEN_ID:
	case MAP_CONV_CITIZEN_BIRTH:
	case MAP_CONV_CITIZEN_SEX:
		return citizen_id(g);
	case MAP_CONV_INT:
	case MAP_CONV_DECIMAL:
		return number(g, &line->conv);
	case MAP_CONV_BOOL:
		return below(g, 2) ? line->conv.yes : line->conv.no;
	case MAP_CONV_TEXT:
	case MAP_CONV_NORMAL:
		break;
	}
	if (line->about->type == SHAPE_CODE && line->about->codes && line->about->codes->n)
		return line->about->codes->rows[below(g, line->about->codes->n)].code;
	return checked_text(g, col, line->about);
}

static struct br_str pieces(struct gen *g, unsigned column)
{
	struct br_str text = BR_STR("");
	uint16_t n = 0;

	for (uint16_t p = 0; p < 9; p++) {
		for (uint16_t i = 0; i < g->m->nlines; i++) {
			const struct map_line *line = &g->m->lines[i];

			if (line->source != MAP_FROM_PIECE || line->columns[0] != column ||
				line->piece != p)
				continue;
			while (n <= p) {
				struct br_str piece =
					n == p ? by_line(g, line, &g->m->columns[column])
					       : BR_STR("");

				text = br_arena_printf(g->a, "%.*s%.*s%.*s", BR_STR_ARG(text),
					BR_STR_ARG(n ? line->sep : BR_STR("")), BR_STR_ARG(piece));
				n++;
			}
		}
	}
	return text;
}

static const struct map_line *reader(const struct mapping *m, unsigned column)
{
	const struct map_line *found = NULL;

	for (uint16_t i = 0; i < m->nlines; i++) {
		const struct map_line *line = &m->lines[i];

		for (uint16_t k = 0; line->in && k < line->ncolumns; k++) {
			/* a conversion says more about the column than plain text does */
			if (line->columns[k] == column &&
				(!found || line->conv.kind > found->conv.kind))
				found = line;
		}
	}
	return found;
}

static void column_value(
	struct gen *g, struct image_builder *b, unsigned number_of, struct br_str key)
{
	const struct map_column *col = &g->m->columns[number_of];
	const struct map_line *line = reader(g->m, number_of);
	struct br_str text;

	if (below(g, 8) == 0 && !(line && line->conv.kind == MAP_CONV_CODES)) {
		image_set_null(b, col->part, key, (uint16_t)number_of);
		return;
	}
	text = !line				? free_text(g, col, NULL)
	       : line->source == MAP_FROM_PIECE ? pieces(g, number_of)
						: by_line(g, line, col);
	if (col->pad && col->pad_left) {
		while (text.n > 1 && text.p[0] == col->pad) {
			text.p++;
			text.n--;
		}
		while (text.p && text.n < col->pad_to)
			text = br_arena_printf(g->a, "%c%.*s", col->pad, BR_STR_ARG(text));
	}
	if (!text.p)
		image_set_null(b, col->part, key, (uint16_t)number_of);
	else
		image_set(b, col->part, key, (uint16_t)number_of, text);
}

int map_generate(const struct mapping *m, uint64_t *state, struct br_arena *a, struct image *out)
{
	struct gen g = {m, state, a};
	struct image_builder b;

	image_build(&b, a, m->shape->nfields);
	for (unsigned p = 0; p < m->shape->nparts; p++) {
		size_t elements = p ? below(&g, 4) : 1;

		for (size_t e = 0; e < elements; e++) {
			struct br_str key = p ? br_arena_printf(a, "%zu", e + 1) : BR_STR_NONE;

			for (unsigned i = 0; i < m->shape->parts[p].n; i++)
				column_value(&g, &b, m->shape->parts[p].first + i, key);
		}
	}
	return image_build_end(&b, out);
}
