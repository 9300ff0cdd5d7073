/*
 * cli_table.c - rows on stdout: aligned for people, JSON and CSV for programs.
 */
#include "br_json.h"
#include "cli.h"

#include <stdio.h>

/* Columns a terminal needs: East Asian wide characters take two. */
static size_t width(const char *text)
{
	struct br_str s = br_str_z(text ? text : "");
	size_t w = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char b = (unsigned char)s.p[i];

		if (b < 0x80)
			w++;
		else if (b >= 0xe3 && b < 0xf0)
			w += 2; /* U+3000 and above: Han, kana, full-width forms */
		else if (b >= 0xc0)
			w++;
	}
	return w;
}

static void print_cell(const char *text, size_t room, bool last)
{
	size_t w = width(text);

	fputs(text ? text : "", stdout);
	while (!last && w++ < room + 2)
		putchar(' ');
}

static void print_plain(const struct cli *c, const struct cli_table *t)
{
	const char *const *heads = c->lang == BR_LANG_ZH && t->titles_zh ? t->titles_zh : t->names;
	size_t room[64] = {0};

	for (size_t j = 0; j < t->cols && j < BR_LEN(room); j++) {
		room[j] = width(heads[j]);
		for (size_t i = 0; i < t->rows; i++)
			if (width(t->cells[i * t->cols + j]) > room[j])
				room[j] = width(t->cells[i * t->cols + j]);
	}
	for (size_t j = 0; j < t->cols && j < BR_LEN(room); j++)
		print_cell(heads[j], room[j], j + 1 == t->cols);
	putchar('\n');
	for (size_t i = 0; i < t->rows; i++) {
		for (size_t j = 0; j < t->cols && j < BR_LEN(room); j++)
			print_cell(t->cells[i * t->cols + j], room[j], j + 1 == t->cols);
		putchar('\n');
	}
}

static void json_row(struct br_jw *w, const struct cli_table *t, size_t i)
{
	br_jw_object(w);
	for (size_t j = 0; j < t->cols; j++) {
		const char *cell = t->cells[i * t->cols + j];

		br_jw_key(w, br_str_z(t->names[j]));
		if (cell)
			br_jw_str(w, br_str_z(cell));
		else
			br_jw_null(w);
	}
	br_jw_end_object(w);
}

static void print_json(const struct cli_table *t, bool one)
{
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 64u << 20);
	br_jw_init(&w, &b);
	if (!one)
		br_jw_array(&w);
	for (size_t i = 0; i < t->rows; i++)
		json_row(&w, t, i);
	if (!one)
		br_jw_end_array(&w);
	puts(br_buf_cstr(&b));
	br_buf_release(&b);
}

/* RFC 4180; a cell that a spreadsheet would take for a formula gets an apostrophe. */
static void print_csv_cell(const char *text, bool last)
{
	bool formula = text && *text && strchr("=+-@\t", *text);

	if (!text)
		text = "";
	if (formula || strpbrk(text, ",\"\r\n")) {
		putchar('"');
		if (formula)
			putchar('\'');
		for (; *text; text++) {
			if (*text == '"')
				putchar('"');
			putchar(*text);
		}
		putchar('"');
	} else {
		fputs(text, stdout);
	}
	fputs(last ? "\r\n" : ",", stdout);
}

static void print_csv(const struct cli_table *t)
{
	for (size_t j = 0; j < t->cols; j++)
		print_csv_cell(t->names[j], j + 1 == t->cols);
	for (size_t i = 0; i < t->rows * t->cols; i++)
		print_csv_cell(t->cells[i], (i + 1) % t->cols == 0);
}

void cli_print_table(const struct cli *c, const struct cli_table *t)
{
	if (c->output == CLI_JSON)
		print_json(t, false);
	else if (c->output == CLI_CSV)
		print_csv(t);
	else
		print_plain(c, t);
}

void cli_print_record(const struct cli *c, const struct cli_table *t)
{
	const char *const *heads = c->lang == BR_LANG_ZH && t->titles_zh ? t->titles_zh : t->names;
	size_t room = 0;

	if (c->output == CLI_JSON)
		print_json(t, true);
	else if (c->output == CLI_CSV)
		print_csv(t);
	if (c->output != CLI_TABLE)
		return;
	for (size_t j = 0; j < t->cols; j++)
		if (width(heads[j]) > room)
			room = width(heads[j]);
	for (size_t j = 0; j < t->cols; j++) {
		print_cell(heads[j], room, false);
		print_cell(t->cells[j], 0, true);
		putchar('\n');
	}
}
