/*
 * cli_table.c - rows on stdout: for people (cli_plain.c), as JSON and as CSV for programs.
 */
#include "br_json.h"
#include "cli_plain.h"
#include "ledger_query.h"

#include <stdio.h>

void cli_json_members(
	struct br_jw *w, const char *const *names, const char *const *cells, size_t cols)
{
	for (size_t j = 0; j < cols; j++) {
		br_jw_key(w, br_str_z(names[j]));
		if (cells[j])
			br_jw_str(w, br_str_z(cells[j]));
		else
			br_jw_null(w);
	}
}

void cli_json_rows(struct br_jw *w, const char *key, const struct ledger_table *t)
{
	br_jw_key(w, br_str_z(key));
	br_jw_array(w);
	for (size_t i = 0; t->cells && i < t->rows; i++) {
		br_jw_object(w);
		cli_json_members(w, t->names, t->cells + i * t->cols, t->cols);
		br_jw_end_object(w);
	}
	br_jw_end_array(w);
}

static void print_json(const struct cli_table *t, bool one)
{
	struct br_buf b;
	struct br_jw w;

	br_buf_init(&b, 64u << 20);
	br_jw_init(&w, &b);
	if (!one)
		br_jw_array(&w);
	for (size_t i = 0; i < t->rows; i++) {
		br_jw_object(&w);
		cli_json_members(&w, t->names, t->cells + i * t->cols, t->cols);
		br_jw_end_object(&w);
	}
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

void cli_print_table(struct cli *c, const struct cli_table *t)
{
	if (c->output == CLI_JSON)
		print_json(t, false);
	else if (c->output == CLI_CSV)
		print_csv(t);
	else
		cli_plain_table(c, t);
}

void cli_print_record(struct cli *c, const struct cli_table *t)
{
	if (c->output == CLI_JSON)
		print_json(t, true);
	else if (c->output == CLI_CSV)
		print_csv(t);
	else
		cli_plain_record(c, t);
}
