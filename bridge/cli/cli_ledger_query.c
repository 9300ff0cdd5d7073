/*
 * cli_ledger_query.c - questions to the ledger, with a plain word when there is none, or one of
 * another version.
 */
#include "cli.h"

#include "ledger.h"
#include "ledger_query.h"

#include <stdlib.h>

static int ask(struct cli *c, const char *sql, int nparams, const char *const *params,
	struct ledger_table *t, struct br_err *err)
{
	return ledger_query(c->site->ledger_dsn.p, sql, nparams, params, &c->arena, t, err);
}

static int version_error(struct cli *c, int found, struct br_err *err)
{
	struct br_str is = br_arena_printf(&c->arena, "%d", found),
		      known = br_arena_printf(&c->arena, "%d", ledger_version_known());

	if (found == 0)
		return br_err_set(err, BR_E_HUB_LEDGER_EMPTY, NULL);
	return br_err_set(err,
		found > ledger_version_known() ? BR_E_HUB_LEDGER_NEWER : BR_E_HUB_LEDGER_OLD,
		"found", is.p, "known", known.p, NULL);
}

/* A statement on a ledger that is not there or another one fails in ways nobody understands, so
 * this is looked at first. */
static int check_version(struct cli *c, struct br_err *err)
{
	struct ledger_table t;
	int found, rc = ask(c, "select coalesce(to_regclass('casebridge.migrations')::text, '')", 0,
			   NULL, &t, err);

	if (rc < 0)
		return rc;
	if (!*t.cells[0])
		return version_error(c, 0, err);
	rc = ask(c, "select coalesce(max(version), 0)::text from casebridge.migrations", 0, NULL,
		&t, err);
	if (rc < 0)
		return rc;
	found = (int)strtol(t.cells[0], NULL, 10);
	return found == ledger_version_known() ? 0 : version_error(c, found, err);
}

int cli_look_for_ledger(struct cli *c, struct br_err *err)
{
	return check_version(c, err);
}

int cli_query(struct cli *c, const char *sql, int nparams, const char *const *params,
	struct ledger_table *out)
{
	struct br_err err;

	br_err_clear(&err);
	if (!c->ledger_seen && check_version(c, &err) < 0)
		return cli_fail(c, &err);
	c->ledger_seen = true;
	return ask(c, sql, nparams, params, out, &err) < 0 ? cli_fail(c, &err) : CLI_OK;
}

static size_t column_of(const struct ledger_table *t, const char *name)
{
	size_t j = 0;

	while (j < t->cols && strcmp(t->names[j], name) != 0)
		j++;
	return j;
}

const char **cli_cell(const struct ledger_table *t, const char *name)
{
	return &t->cells[column_of(t, name)];
}

/* The columns people see, in their order; all: those of a record too. */
static bool pick(struct cli *c, const struct ledger_table *t, const struct cli_column *columns,
	bool all, struct cli_table *out)
{
	size_t n = 0;
	const char **names, **titles, **cells;
	char *fit;

	for (const struct cli_column *k = columns; k->name; k++)
		n += all || k->fit;
	names = br_arena_array(&c->arena, const char *, n + 1);
	titles = br_arena_array(&c->arena, const char *, n + 1);
	cells = br_arena_array(&c->arena, const char *, n * t->rows + 1);
	fit = br_arena_alloc(&c->arena, n + 1);
	if (!names || !titles || !cells || !fit)
		return false;
	*out = (struct cli_table){names, titles, 0, t->rows, cells, fit};
	for (const struct cli_column *k = columns; k->name; k++) {
		size_t j = column_of(t, k->name);

		if ((!all && !k->fit) || j == t->cols)
			continue;
		names[out->cols] = k->name;
		titles[out->cols] = k->title_zh;
		fit[out->cols] = k->fit;
		for (size_t i = 0; i < t->rows; i++)
			cells[i * n + out->cols] = cli_word(c, k->name, t->cells[i * t->cols + j]);
		out->cols++;
	}
	return out->cols == n;
}

void cli_print_rows(struct cli *c, const struct ledger_table *t, const struct cli_column *columns)
{
	struct cli_table shown = {t->names, NULL, t->cols, t->rows, t->cells, NULL};

	if (c->output != CLI_TABLE || pick(c, t, columns, false, &shown))
		cli_print_table(c, &shown);
}

void cli_print_row(struct cli *c, const struct ledger_table *t, const struct cli_column *columns)
{
	struct cli_table shown = {t->names, NULL, t->cols, t->rows, t->cells, NULL};

	if (c->output != CLI_TABLE || pick(c, t, columns, true, &shown))
		cli_print_record(c, &shown);
}

void cli_item_times(struct cli *c, struct ledger_table *t)
{
	cli_local_times(c, t, "at");
	cli_local_times(c, t, "resolved_at");
}

void cli_print_items(
	struct cli *c, struct ledger_table *t, const struct cli_column *columns, bool all)
{
	struct cli_column shown[32];
	size_t n = 0;

	do {
		shown[n] = columns[n];
		if (all && columns[n].name && strcmp(columns[n].name, "status") == 0)
			shown[n].fit = '1';
	} while (columns[n++].name && n < BR_LEN(shown));
	cli_item_times(c, t);
	cli_print_rows(c, t, shown);
}
