#include "cfg_site.h"

#include "br_text.h"

#include <stdio.h>

#define CSV_MAX_BYTES (16u << 20)
#define CSV_MAX_COLUMNS 64

struct cfg_csv {
	struct br_str head[CSV_MAX_COLUMNS];
	size_t ncols, nrows, room;
	struct br_str *cells; /* nrows * ncols */
	unsigned *lines;
};

struct scan {
	struct br_str text;
	size_t pos;
	unsigned line;
	const char *shown;
	struct br_arena *a;
	struct cfg_report *report;
};

static int problem(struct scan *s, const char *why)
{
	struct cfg_node at = {.file = s->shown, .line = s->line, .column = 1};

	return cfg_problem(s->report, &at, BR_E_CFG_CSV, "why", why, NULL);
}

static int quoted(struct scan *s, struct br_str *out)
{
	char *p = br_arena_alloc(s->a, s->text.n - s->pos + 1);
	size_t n = 0;

	if (!p)
		return -BR_E_NOMEM;
	for (s->pos++; s->pos < s->text.n; s->pos++) {
		char c = s->text.p[s->pos];

		if (c == '"') {
			if (s->pos + 1 < s->text.n && s->text.p[s->pos + 1] == '"')
				s->pos++;
			else
				break;
		}
		s->line += c == '\n';
		p[n++] = c;
	}
	if (s->pos == s->text.n)
		return problem(s, "a quote is not closed");
	s->pos++;
	p[n] = '\0';
	*out = (struct br_str){p, n};
	return 0;
}

/* One field; *end tells whether the row ends behind it. */
static int field(struct scan *s, struct br_str *out, bool *end)
{
	size_t from = s->pos;

	if (from < s->text.n && s->text.p[from] == '"') {
		int rc = quoted(s, out);

		if (rc < 0)
			return rc;
	} else {
		while (s->pos < s->text.n && s->text.p[s->pos] != ',' && s->text.p[s->pos] != '\n' && s->text.p[s->pos] != '\r')
			s->pos++;
		*out = br_arena_copy(s->a, br_trim((struct br_str){s->text.p + from, s->pos - from}));
		if (!out->p)
			*out = BR_STR("");
	}
	if (s->pos < s->text.n && s->text.p[s->pos] == ',') {
		s->pos++;
		*end = false;
		return 0;
	}
	if (s->pos < s->text.n && s->text.p[s->pos] == '\r')
		s->pos++;
	if (s->pos < s->text.n && s->text.p[s->pos] != '\n')
		return problem(s, "text behind a closing quote");
	s->pos++;
	*end = true;
	return 0;
}

static int row(struct scan *s, struct br_str *cells, size_t *n)
{
	bool end = false;

	for (*n = 0; !end; (*n)++) {
		int rc;

		if (*n == CSV_MAX_COLUMNS)
			return problem(s, "more than 64 columns");
		rc = field(s, &cells[*n], &end);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Blank lines and lines that begin with # are no rows. */
static bool skip_line(struct scan *s)
{
	size_t end = s->pos;

	while (end < s->text.n && s->text.p[end] != '\n')
		end++;
	if (end > s->pos && s->text.p[s->pos] != '#' && br_trim((struct br_str){s->text.p + s->pos, end - s->pos}).n)
		return false;
	s->pos = end + 1;
	s->line++;
	return true;
}

static int add_row(struct scan *s, struct cfg_csv *csv, const struct br_str *cells, size_t n, unsigned line)
{
	if (n != csv->ncols) {
		char why[100];

		snprintf(why, sizeof(why), "the row has %zu columns, the head has %zu", n, csv->ncols);
		return problem(s, why);
	}
	if (csv->nrows == csv->room) {
		size_t room = csv->room ? 2 * csv->room : 32;
		struct br_str *more = br_arena_array(s->a, struct br_str, room * csv->ncols);
		unsigned *lines = br_arena_array(s->a, unsigned, room);

		if (!more || !lines)
			return -BR_E_NOMEM;
		if (csv->nrows) {
			memcpy(more, csv->cells, csv->nrows * csv->ncols * sizeof(*more));
			memcpy(lines, csv->lines, csv->nrows * sizeof(*lines));
		}
		csv->cells = more;
		csv->lines = lines;
		csv->room = room;
	}
	memcpy(csv->cells + csv->nrows * csv->ncols, cells, n * sizeof(*cells));
	csv->lines[csv->nrows++] = line;
	return 0;
}

int cfg_csv_read(const char *file, const char *shown, struct br_arena *a, struct cfg_report *report, struct cfg_csv **out)
{
	struct scan s = {.line = 1, .shown = br_arena_copy(a, br_str_z(shown)).p, .a = a, .report = report};
	struct cfg_csv *csv = br_arena_new(a, struct cfg_csv);
	struct br_str cells[CSV_MAX_COLUMNS];
	struct br_err err;
	char why[300];
	size_t n;
	int rc;

	if (!csv)
		return -BR_E_NOMEM;
	br_err_clear(&err);
	if (br_read_file(file, CSV_MAX_BYTES, a, &s.text, &err) < 0)
		return problem(&s, br_err_sentence(&err, BR_LANG_EN, why, sizeof(why)));
	if (s.text.n >= 3 && memcmp(s.text.p, "\xef\xbb\xbf", 3) == 0)
		s.pos = 3;
	if (br_utf8_check(s.text) < s.text.n)
		return problem(&s, "the file is not UTF-8");
	while (s.pos < s.text.n) {
		unsigned line;

		if (skip_line(&s))
			continue;
		line = s.line;
		rc = row(&s, cells, &n);
		if (rc < 0)
			return rc;
		if (csv->ncols == 0) {
			memcpy(csv->head, cells, n * sizeof(*cells));
			csv->ncols = n;
		} else if ((rc = add_row(&s, csv, cells, n, line)) < 0) {
			return rc;
		}
		s.line++;
	}
	if (csv->ncols == 0)
		return problem(&s, "the head row is missing");
	*out = csv;
	return 0;
}

size_t cfg_csv_rows(const struct cfg_csv *csv)
{
	return csv->nrows;
}

static size_t column(const struct cfg_csv *csv, const char *name)
{
	size_t j = 0;

	while (j < csv->ncols && !br_str_eq(csv->head[j], br_str_z(name)))
		j++;
	return j;
}

struct br_str cfg_csv_get(const struct cfg_csv *csv, size_t r, const char *name)
{
	size_t j = column(csv, name);

	return j < csv->ncols && r < csv->nrows ? csv->cells[r * csv->ncols + j] : BR_STR_NONE;
}

unsigned cfg_csv_line(const struct cfg_csv *csv, size_t r)
{
	return csv->lines[r];
}

bool cfg_csv_has(const struct cfg_csv *csv, const char *name)
{
	return column(csv, name) < csv->ncols;
}
