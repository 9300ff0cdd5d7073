#include "map_show.h"
#include "br_text.h"
#include "map_check.h"
#include "map_program.h"
#include <stdio.h>

enum { S_ROW, S_COLUMN, S_STORED, S_RULE, S_FIELD, S_CASE, S_BACK, S_ERROR, S_COLUMNS };
static const char *const heads[2][S_COLUMNS] = {
	{"row", "column", "stored", "rule", "field", "case", "written back", "error"},
	{"行", "列", "原值", "规则", "字段", "办件值", "写回值", "错误"},
};

struct shown {
	struct br_str cell[S_COLUMNS];
	struct shown *next;
};

struct show {
	const struct mapping *m;
	struct map_context ctx;
	enum br_lang lang;
	struct br_arena *a;
	struct shown *first, **end;
	struct map_show_result *result;
	struct br_err *err;
};

/* ---- one row ---- */

static struct br_str text_of(const struct cell *c)
{
	return !c ? BR_STR("") : cell_is_null(c) ? BR_STR("null") : c->value;
}

static struct br_str rule(struct show *s, const struct map_line *line)
{
	static const char *const sources[] = {
		"", "const", "concat", "first_of", "split", "key", "last"};
	static const char *const classes[] = {"", " (lossy-in)", " (lossy-out)", " (one-way)"};
	struct br_str conv = line->conv.name;

	if (line->conv.codes)
		conv = br_arena_printf(s->a, "codes %.*s", BR_STR_ARG(line->conv.codes->name));
	else if (line->conv.time)
		conv = line->conv.expected;
	if (line->source == MAP_FROM_CONST)
		conv = BR_STR("const");
	return br_arena_printf(s->a, "%s%s%.*s%s%s",
		line->source > MAP_FROM_CONST ? sources[line->source] : "",
		line->source > MAP_FROM_CONST ? ", " : "", BR_STR_ARG(conv), classes[line->klass],
		!line->out && line->source != MAP_FROM_CONST ? " in"
		: !line->in				     ? " out"
							     : "");
}

static struct shown *add(struct show *s, size_t row)
{
	struct shown *x = br_arena_new(s->a, struct shown);

	if (!x)
		return NULL;
	for (size_t i = 0; i < S_COLUMNS; i++)
		x->cell[i] = BR_STR("");
	x->cell[S_ROW] = br_arena_printf(s->a, "%zu", row);
	*s->end = x;
	s->end = &x->next;
	return x;
}

static struct br_str error_text(struct show *s, const struct map_issue *issue)
{
	char text[512];

	return br_arena_copy(s->a, br_str_z(br_err_text(&issue->err, s->lang, text, sizeof(text))));
}

static struct br_str column_names(struct show *s, const struct map_line *line, struct br_str key)
{
	struct br_str names = BR_STR("");

	for (uint16_t i = 0; i < line->ncolumns; i++) {
		struct cell at = {line->key.n ? BR_STR_NONE : key, BR_STR_NONE, line->columns[i],
			s->m->columns[line->columns[i]].part};

		names = br_arena_printf(s->a, "%.*s%s%.*s", BR_STR_ARG(names), i ? " + " : "",
			BR_STR_ARG(map_place_text(s->m->shape, &at, s->a)));
	}
	return names;
}

static struct br_str stored_text(
	struct show *s, const struct map_line *line, const struct image *img, struct br_str key)
{
	struct br_str all = BR_STR("");

	for (uint16_t i = 0; i < line->ncolumns; i++)
		all = br_arena_printf(s->a, "%.*s%s%.*s", BR_STR_ARG(all), i ? " + " : "",
			BR_STR_ARG(text_of(image_get(img, s->m->columns[line->columns[i]].part,
				line->key.n ? BR_STR_NONE : key, line->columns[i]))));
	return all;
}

/* One field of one element, by itself. */
static bool show_line(struct show *s, size_t row, const struct map_part *part,
	const struct map_line *line, const struct image *img, struct br_str key,
	struct image_builder *kase)
{
	struct map_issue issue = {.ask = false};
	struct map_run run = {s->m, s->a, &issue, &s->ctx, img, key};
	const struct cell *cells[SHAPE_MAX_FIELDS];
	const struct shape_part *local = &s->m->shape->parts[part->local];
	struct cell place = {key, BR_STR_NONE, line->field, part->canonical};
	struct shown *x = add(s, row);
	struct br_str value;
	int rc;

	if (!x)
		return false;
	for (unsigned i = 0; i < local->n; i++)
		cells[i] = image_get(
			img, part->local, part->local ? key : BR_STR_NONE, local->first + i);
	br_err_clear(&issue.err);
	x->cell[S_COLUMN] = column_names(s, line, key);
	x->cell[S_STORED] = stored_text(s, line, img, key);
	x->cell[S_RULE] = rule(s, line);
	x->cell[S_FIELD] = line->key.n ? map_line_name(line)
				       : map_place_text(s->m->schema->shape, &place, s->a);
	if (!line->in)
		return true;
	rc = map_line_get(&run, line, cells, local->first, &value);
	if (rc < 0) {
		x->cell[S_ERROR] = error_text(s, &issue);
		return false;
	}
	if (rc == 0)
		return true;
	x->cell[S_CASE] = value.p ? value : BR_STR("null");
	if (value.p)
		image_set(kase, part->canonical, key, line->field, value);
	else
		image_set_null(kase, part->canonical, key, line->field);
	return true;
}

/* What putting the case back makes of each column; shown on the first line of the column. */
static bool show_back(struct show *s, struct shown *from, size_t row, const struct image *kase,
	const struct image *img)
{
	struct map_issue issue = {.ask = false};
	struct image back;
	struct shown *x;

	br_err_clear(&issue.err);
	if (map_put(s->m, kase, img, s->a, &back, &issue)) {
		x = add(s, row);
		if (x) {
			x->cell[S_COLUMN] = issue.column;
			x->cell[S_ERROR] = error_text(s, &issue);
		}
		return false;
	}
	for (x = from; x; x = x->next) {
		struct cell place;

		if (!map_place_read(s->m->shape, x->cell[S_COLUMN], &place, s->a))
			continue;
		x->cell[S_BACK] = text_of(image_get(&back, place.part, place.key, place.field));
	}
	return true;
}

static void show_row(struct show *s, const struct image *img)
{
	struct shown **from = s->end;
	struct image_builder b;
	struct image kase;
	size_t row = ++s->result->rows;
	bool ok = true;

	image_build(&b, s->a, img->n + 8);
	for (uint16_t p = 0; p < s->m->nparts; p++) {
		const struct map_part *part = &s->m->parts[p];
		struct br_str key = part->element;
		uint32_t i = 0;

		do {
			while (part->local && i < img->n &&
				(img->cells[i].part != part->local ||
					(key.p && br_str_eq(img->cells[i].key, key))))
				i++;
			if (part->local && i == img->n)
				break;
			key = part->local ? img->cells[i].key : part->element;
			for (uint16_t l = 0; l < part->nlines; l++)
				ok &= show_line(s, row, part, &s->m->lines[part->first_line + l],
					img, key, &b);
		} while (part->local);
	}
	if (image_build_end(&b, &kase) == 0)
		ok &= show_back(s, *from, row, &kase, img);
	s->result->failed += !ok;
}

/* ---- input ---- */

static int read_json(struct show *s, struct br_str input)
{
	struct br_str rest = br_trim(input);
	bool array = rest.n && rest.p[0] == '[';

	if (array) {
		struct br_jr r;

		/* the reader checks that the array is one JSON value; each object is then read by
		 * itself */
		br_jr_init(&r, rest, s->a, s->err);
		if (br_jr_next(&r) != BR_JT_ARRAY)
			return -(int)br_err_code(s->err);
		for (enum br_json_token t = br_jr_next(&r); t != BR_JT_END_ARRAY;
			t = br_jr_next(&r)) {
			struct br_str raw;
			struct br_jr one;
			struct image img;
			int rc;

			if (t == BR_JT_ERROR || br_jr_skip(&r, t, &raw))
				return -BR_E_JSON_SYNTAX;
			br_jr_init(&one, raw, s->a, s->err);
			rc = image_read(&one, s->m->shape, true, s->a, &img);
			if (rc)
				return rc;
			show_row(s, &img);
		}
		return br_jr_next(&r) == BR_JT_END ? 0 : -BR_E_JSON_SYNTAX;
	}
	while (rest.n) {
		const char *eol = memchr(rest.p, '\n', rest.n);
		struct br_str line =
			br_trim((struct br_str){rest.p, eol ? (size_t)(eol - rest.p) : rest.n});
		struct br_jr one;
		struct image img;
		int rc;

		rest = eol ? (struct br_str){eol + 1, rest.n - (size_t)(eol + 1 - rest.p)}
			   : BR_STR("");
		if (line.n == 0)
			continue;
		br_jr_init(&one, line, s->a, s->err);
		rc = image_read(&one, s->m->shape, true, s->a, &img);
		if (rc)
			return rc;
		show_row(s, &img);
	}
	return 0;
}

/* One field of a CSV line; an unquoted empty one is null. False at the end of the line. */
static bool csv_field(struct br_str *rest, struct br_arena *a, struct br_str *out, bool *last)
{
	char *text = br_arena_alloc(a, rest->n + 1);
	size_t n = 0, i = 0;
	bool quoted = rest->n && rest->p[0] == '"';

	if (!text)
		return false;
	for (i = quoted; i < rest->n; i++) {
		char c = rest->p[i];

		if (quoted && c == '"') {
			if (i + 1 < rest->n && rest->p[i + 1] == '"')
				i++;
			else {
				i++;
				break;
			}
		} else if (!quoted && (c == ',' || c == '\n' || c == '\r')) {
			break;
		}
		text[n++] = c;
	}
	*out = n || quoted ? (struct br_str){text, n} : BR_STR_NONE;
	while (i < rest->n && rest->p[i] == '\r')
		i++;
	*last = i >= rest->n || rest->p[i] == '\n';
	i += i < rest->n;
	rest->p += i;
	rest->n -= i;
	return true;
}

static bool is_read(const struct mapping *m, unsigned column)
{
	for (uint16_t i = 0; i < m->nlines; i++) {
		for (uint16_t k = 0; m->lines[i].in && k < m->lines[i].ncolumns; k++) {
			if (m->lines[i].columns[k] == column)
				return true;
		}
	}
	return false;
}

/* Columns of the root that lines read and the header does not have: "xm, sfzh". */
static struct br_str lacking(struct show *s, const struct cell *places, const bool *known, size_t n)
{
	struct br_str names = BR_STR("");

	for (unsigned c = 0; c < s->m->shape->parts[0].n; c++) {
		bool there = !is_read(s->m, c);

		for (size_t i = 0; i < n; i++)
			there |= known[i] && places[i].part == 0 && places[i].field == c;
		if (!there)
			names = br_arena_printf(s->a, "%.*s%s%.*s", BR_STR_ARG(names),
				names.n ? ", " : "", BR_STR_ARG(s->m->shape->fields[c].name));
	}
	return names;
}

static void tell_ignored(struct show *s, struct br_str ignored, const struct cell *places,
	const bool *known, size_t n)
{
	struct br_str names = lacking(s, places, known, n);

	if (ignored.n && names.n && !br_arena_failed(s->a))
		br_err_set(&s->result->ignored, BR_E_MAP_INPUT_COLUMNS, "found", ignored.p,
			"expected", names.p, NULL);
}

static int read_csv(struct show *s, struct br_str input)
{
	struct cell places[SHAPE_MAX_FIELDS];
	bool known[SHAPE_MAX_FIELDS], last = false;
	struct br_str rest = input, field, ignored = BR_STR("");
	size_t n = 0;

	if (rest.n >= 3 && memcmp(rest.p, "\xEF\xBB\xBF", 3) == 0)
		rest = (struct br_str){rest.p + 3, rest.n - 3};
	while (!last && n < SHAPE_MAX_FIELDS && csv_field(&rest, s->a, &field, &last)) {
		known[n] = field.p && map_place_read(s->m->shape, br_trim(field), &places[n], s->a);
		if (field.p && !known[n])
			ignored = br_arena_printf(s->a, "%.*s%s%.*s%s", BR_STR_ARG(ignored),
				ignored.n ? ", " : "", BR_STR_ARG(field),
				map_place_hint(s->m->shape, br_trim(field), s->a));
		n++;
	}
	tell_ignored(s, ignored, places, known, n);
	while (rest.n) {
		struct image_builder b;
		struct image img;

		image_build(&b, s->a, (uint32_t)n);
		last = false;
		for (size_t i = 0; !last && csv_field(&rest, s->a, &field, &last); i++) {
			if (i >= n || !known[i])
				continue;
			if (field.p)
				image_set(
					&b, places[i].part, places[i].key, places[i].field, field);
			else
				image_set_null(&b, places[i].part, places[i].key, places[i].field);
		}
		if (image_build_end(&b, &img))
			return -BR_E_NOMEM;
		if (img.n)
			show_row(s, &img);
	}
	return 0;
}

/* ---- output ---- */

/* Columns on a terminal: a Chinese character takes two. */
static size_t width(struct br_str s)
{
	size_t w = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c & 0xC0) != 0x80)
			w += c >= 0xE2 ? 2 : 1;
	}
	return w;
}

static void print_table(struct show *s, struct br_buf *out)
{
	size_t widths[S_COLUMNS];

	for (size_t i = 0; i < S_COLUMNS; i++) {
		widths[i] = width(br_str_z(heads[s->lang][i]));
		for (const struct shown *x = s->first; x; x = x->next)
			widths[i] = width(x->cell[i]) > widths[i] ? width(x->cell[i]) : widths[i];
	}
	for (size_t i = 0; i < S_COLUMNS; i++)
		br_buf_printf(out, "%s%*s", heads[s->lang][i],
			(int)(i + 1 < S_COLUMNS ? widths[i] - width(br_str_z(heads[s->lang][i])) + 2
						: 0),
			"");
	br_buf_addc(out, '\n');
	for (const struct shown *x = s->first; x; x = x->next) {
		size_t end = S_COLUMNS;

		while (end && x->cell[end - 1].n == 0)
			end--;
		for (size_t i = 0; i < end; i++) {
			br_buf_adds(out, x->cell[i]);
			br_buf_printf(out, "%*s",
				(int)(i + 1 < end ? widths[i] - width(x->cell[i]) + 2 : 0), "");
		}
		br_buf_addc(out, '\n');
	}
}

static void print_json(struct show *s, struct br_buf *out)
{
	struct br_jw w;

	br_jw_init(&w, out);
	br_jw_array(&w);
	for (const struct shown *x = s->first; x; x = x->next) {
		br_jw_object(&w);
		for (size_t i = 0; i < S_COLUMNS; i++) {
			br_jw_key(&w, i == S_BACK ? BR_STR("written_back")
						  : br_str_z(heads[BR_LANG_EN][i]));
			br_jw_str(&w, x->cell[i]);
		}
		br_jw_end_object(&w);
	}
	br_jw_end_array(&w);
	br_buf_addc(out, '\n');
}

static void print_csv(struct show *s, struct br_buf *out)
{
	for (size_t i = 0; i < S_COLUMNS; i++)
		br_buf_printf(out, "%s%s", i ? "," : "",
			i == S_BACK ? "written_back" : heads[BR_LANG_EN][i]);
	br_buf_addc(out, '\n');
	for (const struct shown *x = s->first; x; x = x->next) {
		for (size_t i = 0; i < S_COLUMNS; i++) {
			bool quote = memchr(x->cell[i].p, ',', x->cell[i].n) ||
				     memchr(x->cell[i].p, '"', x->cell[i].n) ||
				     memchr(x->cell[i].p, '\n', x->cell[i].n);

			if (i)
				br_buf_addc(out, ',');
			if (quote)
				br_buf_addc(out, '"');
			for (size_t k = 0; k < x->cell[i].n; k++) {
				if (quote && x->cell[i].p[k] == '"')
					br_buf_addc(out, '"');
				br_buf_addc(out, x->cell[i].p[k]);
			}
			if (quote)
				br_buf_addc(out, '"');
		}
		br_buf_addc(out, '\n');
	}
}

int map_show(const struct mapping *m, struct br_str input, const struct br_str *had, size_t nhad,
	enum map_show_as as, enum br_lang lang, struct br_buf *out, struct map_show_result *result,
	struct br_err *err)
{
	struct br_arena arena;
	struct show s = {m, {NULL, had, nhad}, lang, &arena, NULL, NULL, result, err};
	struct br_str text = br_trim(input);
	size_t bad = br_utf8_check(input);
	char at[24];
	int rc;

	result->rows = result->failed = 0;
	br_err_clear(&result->ignored);
	if (bad < input.n) {
		snprintf(at, sizeof(at), "%zu", bad);
		return br_err_set(err, BR_E_UTF8, "pos", at, "what", "the input", NULL);
	}
	br_arena_init(&arena, 256 << 20);
	s.end = &s.first;
	rc = text.n && (text.p[0] == '[' || text.p[0] == '{') ? read_json(&s, input)
							      : read_csv(&s, input);
	if (rc == 0 && br_arena_failed(&arena))
		rc = br_err_set(err, BR_E_NOMEM, NULL);
	if (rc == 0 && as == MAP_SHOW_JSON)
		print_json(&s, out);
	else if (rc == 0 && as == MAP_SHOW_CSV)
		print_csv(&s, out);
	else if (rc == 0)
		print_table(&s, out);
	br_arena_release(&arena);
	return rc;
}
