/*
 * The file is read in one pass into one buffer: a cell without its quotes and with its NUL is never
 * longer than it was in the file with the comma behind it.
 */
#include "cfg_site.h"

#include "br_text.h"
#include "cfg_yaml.h"

#include <stdio.h>
#include <unistd.h>

#define CSV_MAX	    ((size_t)16 << 20) /* bytes of one file */
#define COLUMNS_MAX 256

struct cfg_csv {
	size_t columns, n;
	struct br_str *header;
	unsigned header_line;
	struct br_str *cells; /* n rows of columns */
	unsigned *lines;
};

struct scan {
	struct br_str in;
	size_t pos;
	unsigned line;
	size_t line_start; /* byte */
	char *out;	   /* where the next cell is written */
	const char *shown;
	struct cfg_report *report;
	int rc;	   /* of the first problem */
	bool lost; /* nothing behind this can be understood */
};

static struct cfg_node place(const struct scan *s, size_t pos)
{
	struct br_str before = {s->in.p + s->line_start, pos - s->line_start};

	return (struct cfg_node){
		.file = s->shown, .line = s->line, .column = (unsigned)br_utf8_chars(before) + 1};
}

static int failed(struct scan *s, int rc)
{
	if (rc && !s->rc)
		s->rc = rc;
	return rc;
}

static int tell(struct scan *s, size_t pos, enum br_err_code code)
{
	struct cfg_node at = place(s, pos);

	return failed(s, cfg_problem(s->report, &at, code, NULL));
}

static bool at_end(const struct scan *s)
{
	return s->pos >= s->in.n;
}

static bool at_break(const struct scan *s)
{
	return at_end(s) || s->in.p[s->pos] == '\n' || s->in.p[s->pos] == '\r';
}

/* LF, CR LF, or a single CR. */
static void take_break(struct scan *s)
{
	if (at_end(s))
		return;
	if (s->in.p[s->pos] == '\r' && s->pos + 1 < s->in.n && s->in.p[s->pos + 1] == '\n')
		s->pos++;
	s->pos++;
	s->line++;
	s->line_start = s->pos;
}

static void skip_line(struct scan *s)
{
	while (!at_break(s))
		s->pos++;
	take_break(s);
}

/* The quote of the beginning has been seen; reads to behind the one that closes. */
static void quoted(struct scan *s)
{
	struct cfg_node open = place(s, s->pos);

	for (s->pos++; !at_end(s);) {
		char c = s->in.p[s->pos];

		if (c == '"' && (s->pos + 1 == s->in.n || s->in.p[s->pos + 1] != '"')) {
			s->pos++;
			return;
		}
		*s->out++ = c;
		if (c == '\n' || c == '\r') {
			if (c == '\r' && s->pos + 1 < s->in.n && s->in.p[s->pos + 1] == '\n')
				*s->out++ = '\n';
			take_break(s);
		} else {
			s->pos += c == '"' ? 2 : 1;
		}
	}
	failed(s, cfg_problem(s->report, &open, BR_E_CFG_CSV_QUOTE, NULL));
	s->lost = true;
}

static struct br_str bare(struct scan *s)
{
	size_t from = s->pos;
	struct br_str text;

	while (!at_break(s) && s->in.p[s->pos] != ',') {
		if (s->in.p[s->pos] == '"' && !s->lost) {
			tell(s, s->pos, BR_E_CFG_CSV_BARE_QUOTE);
			s->lost = true;
		}
		s->pos++;
	}
	text = br_trim((struct br_str){s->in.p + from, s->pos - from});
	memcpy(s->out, text.n ? text.p : "", text.n);
	text.p = s->out;
	s->out += text.n;
	return text;
}

static void skip_blanks(struct scan *s)
{
	while (!at_end(s) && (s->in.p[s->pos] == ' ' || s->in.p[s->pos] == '\t'))
		s->pos++;
}

/* One cell and the comma behind it; false when it was the last of its row. */
static bool cell(struct scan *s, struct br_str *out)
{
	skip_blanks(s);
	if (!at_end(s) && s->in.p[s->pos] == '"') {
		out->p = s->out;
		quoted(s);
		out->n = (size_t)(s->out - out->p);
		skip_blanks(s);
		if (!s->lost && !at_break(s) && s->in.p[s->pos] != ',') {
			tell(s, s->pos, BR_E_CFG_CSV_BEHIND_QUOTE);
			s->lost = true;
		}
	} else {
		*out = bare(s);
	}
	*s->out++ = '\0';
	if (s->lost || at_break(s))
		return false;
	s->pos++;
	return true;
}

/* A row of at most max cells; how many it really has is returned. Its line break is taken too. */
static size_t row(struct scan *s, struct br_str *cells, size_t max)
{
	struct br_str beyond;
	size_t n = 0;
	bool more = true;

	while (more) {
		more = cell(s, n < max ? &cells[n] : &beyond);
		n++;
	}
	take_break(s);
	return n;
}

/* Stands at a row: empty lines and comments are passed. */
static bool next_row(struct scan *s)
{
	while (!at_end(s) && !s->lost) {
		size_t from = s->pos;

		skip_blanks(s);
		if (s->in.p[from] != '#' && !at_break(s)) {
			s->pos = from;
			return true;
		}
		skip_line(s);
	}
	return false;
}

static void check_header(struct scan *s, const struct cfg_csv *csv, const struct cfg_node *at)
{
	for (size_t i = 0; i < csv->columns; i++) {
		bool twice = false;
		char number[24];

		for (size_t j = 0; j < i; j++)
			twice = twice || br_str_eq(csv->header[i], csv->header[j]);
		if (csv->header[i].n && !twice)
			continue;
		snprintf(number, sizeof(number), "%zu", i + 1);
		failed(s, cfg_problem(s->report, at, BR_E_CFG_CSV_COLUMN, "n", number, "found",
				  csv->header[i].p, NULL));
	}
}

static void wrong_count(struct scan *s, size_t n, size_t want, unsigned line)
{
	struct cfg_node at = {.file = s->shown, .line = line, .column = 1};
	char found[24], expected[24];

	snprintf(found, sizeof(found), "%zu", n);
	snprintf(expected, sizeof(expected), "%zu", want);
	failed(s, cfg_problem(s->report, &at, BR_E_CFG_CSV_CELLS, "found", found, "expected",
			  expected, NULL));
}

static int read_header(struct scan *s, struct cfg_csv *csv, struct br_arena *a)
{
	struct br_str cells[COLUMNS_MAX];
	struct cfg_node at = {.file = s->shown, .line = 1, .column = 1};

	if (!next_row(s))
		return failed(s, cfg_problem(s->report, &at, BR_E_CFG_CSV_EMPTY, NULL));
	at.line = s->line;
	csv->header_line = s->line;
	csv->columns = row(s, cells, COLUMNS_MAX);
	if (csv->columns > COLUMNS_MAX) {
		wrong_count(s, csv->columns, COLUMNS_MAX, at.line);
		return s->rc;
	}
	csv->header = br_arena_array(a, struct br_str, csv->columns);
	if (!csv->header)
		return failed(s, cfg_problem(s->report, &at, BR_E_NOMEM, NULL));
	memcpy(csv->header, cells, csv->columns * sizeof(*cells));
	check_header(s, csv, &at);
	return s->rc;
}

static size_t count_lines(struct br_str text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n' || text.p[i] == '\r';
	return n;
}

static int read_rows(struct scan *s, struct cfg_csv *csv, struct br_arena *a)
{
	/* no table has more rows than lines */
	size_t room = count_lines((struct br_str){s->in.p + s->pos, s->in.n - s->pos});

	csv->cells = br_arena_array(a, struct br_str, room * csv->columns);
	csv->lines = br_arena_array(a, unsigned, room);
	if (!csv->cells || !csv->lines)
		return failed(s, cfg_problem(s->report, NULL, BR_E_NOMEM, NULL));
	while (next_row(s)) {
		unsigned line = s->line;
		size_t n = row(s, csv->cells + csv->n * csv->columns, csv->columns);

		if (s->lost)
			break;
		if (n != csv->columns)
			wrong_count(s, n, csv->columns, line);
		else
			csv->lines[csv->n++] = line;
	}
	return s->rc;
}

static int read_text(struct br_str text, const char *shown, struct br_arena *a,
	struct cfg_report *report, struct cfg_csv **out)
{
	struct scan s = {.in = text, .line = 1, .shown = shown, .report = report};
	struct cfg_csv *csv = br_arena_new(a, struct cfg_csv);
	int rc;

	if (s.in.n >= 3 && memcmp(s.in.p, "\xef\xbb\xbf", 3) == 0)
		s.in = (struct br_str){text.p + 3, text.n - 3};
	rc = cfg_text_check(s.in, shown, report);
	if (rc)
		return rc;
	s.out = br_arena_alloc(a, s.in.n + 2);
	if (!csv || !s.out)
		return cfg_problem(report, NULL, BR_E_NOMEM, NULL);
	if (read_header(&s, csv, a) || read_rows(&s, csv, a))
		return s.rc;
	*out = csv;
	return 0;
}

int cfg_csv_read(const char *file, const char *shown, struct br_arena *a, struct cfg_report *report,
	struct cfg_csv **out)
{
	struct cfg_node at = {.file = br_arena_copy(a, br_str_z(shown ? shown : file)).p};
	struct br_str text;
	struct br_err err;
	int rc;

	br_err_clear(&err);
	rc = br_read_file(file, CSV_MAX, a, &text, &err);
	if (rc == -BR_E_TOO_BIG)
		return cfg_problem(report, &at, BR_E_CFG_TOO_LARGE, "max", "16 MiB", NULL);
	if (rc == -BR_E_FILE_READ && access(file, F_OK) != 0)
		return cfg_problem(report, &at, BR_E_CFG_NO_FILE, "path", file, NULL);
	if (rc == -BR_E_FILE_READ)
		return cfg_problem(report, &at, BR_E_CFG_FILE_READ, "path", file, "why",
			br_err_detail(&err, "why"), NULL);
	if (rc || !at.file)
		return cfg_problem(report, NULL, BR_E_NOMEM, NULL);
	return read_text(text, at.file, a, report, out);
}

size_t cfg_csv_rows(const struct cfg_csv *csv)
{
	return csv->n;
}

static size_t find_column(const struct cfg_csv *csv, const char *column)
{
	size_t i = 0;

	while (i < csv->columns && !br_str_eq(csv->header[i], br_str_z(column)))
		i++;
	return i;
}

struct br_str cfg_csv_get(const struct cfg_csv *csv, size_t r, const char *column)
{
	size_t i = find_column(csv, column);

	return i < csv->columns && r < csv->n ? csv->cells[r * csv->columns + i] : BR_STR_NONE;
}

unsigned cfg_csv_line(const struct cfg_csv *csv, size_t r)
{
	return r < csv->n ? csv->lines[r] : 0;
}

bool cfg_csv_has(const struct cfg_csv *csv, const char *column)
{
	return find_column(csv, column) < csv->columns;
}

struct br_str cfg_csv_column(const struct cfg_csv *csv, size_t i)
{
	return i < csv->columns ? csv->header[i] : BR_STR_NONE;
}

unsigned cfg_csv_header_line(const struct cfg_csv *csv)
{
	return csv->header_line;
}
