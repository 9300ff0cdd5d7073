#include "cli_plain.h"

#include "cli_text.h"

#define GAP	  2  /* blanks between columns */
#define LEAST	  6  /* columns a shortened cell keeps, the "…" among them */
#define INDENT	  4  /* of what stands below its row */
#define LINE_MIN  20 /* columns without which wrapping is no help */
#define COLS_MAX  64
#define FIT_WHOLE 'k'
#define FIT_BELOW 'w'

struct layout {
	struct cli *c;
	const struct cli_table *t;
	const char *const *heads;
	const char **cells;    /* printable */
	size_t room[COLS_MAX]; /* of the columns that stand side by side */
	bool below[COLS_MAX];
	size_t cols, screen;
};

static void blanks(size_t n)
{
	printf("%*s", (int)n, "");
}

static char fit_of(const struct layout *l, size_t column)
{
	return l->t->fit ? l->t->fit[column] : '5';
}

static const char *cell(const struct layout *l, size_t row, size_t column)
{
	return l->cells[row * l->t->cols + column];
}

static bool make(struct layout *l, struct cli *c, const struct cli_table *t)
{
	size_t n = t->rows * t->cols;

	*l = (struct layout){.c = c, .t = t, .screen = cli_screen()};
	l->heads = c->lang == BR_LANG_ZH && t->titles_zh ? t->titles_zh : t->names;
	l->cols = t->cols < COLS_MAX ? t->cols : COLS_MAX;
	l->cells = br_arena_array(&c->arena, const char *, n + 1);
	for (size_t i = 0; l->cells && i < n; i++)
		l->cells[i] = t->cells[i] ? cli_printable(&c->arena, t->cells[i]) : "";
	return l->cells != NULL;
}

/* ---- how wide ---- */

static void measure(struct layout *l)
{
	for (size_t j = 0; j < l->cols; j++) {
		l->room[j] = cli_width(br_str_z(l->heads[j]));
		for (size_t i = 0; i < l->t->rows; i++) {
			size_t w = cli_width(br_str_z(cell(l, i, j)));

			l->room[j] = w > l->room[j] ? w : l->room[j];
		}
	}
}

static size_t total(const struct layout *l)
{
	size_t n = 0;

	for (size_t j = 0; j < l->cols; j++)
		if (!l->below[j])
			n += (n ? GAP : 0) + l->room[j];
	return n;
}

static void shorten(struct layout *l, char level)
{
	for (size_t j = 0; j < l->cols; j++) {
		size_t over = total(l) > l->screen ? total(l) - l->screen : 0,
		       most = l->room[j] > LEAST ? l->room[j] - LEAST : 0;

		if (!l->below[j] && fit_of(l, j) == level)
			l->room[j] -= over < most ? over : most;
	}
}

/* False: it cannot be made to fit. */
static bool fit(struct layout *l)
{
	if (l->screen == 0 || total(l) <= l->screen)
		return true;
	for (size_t j = 0; j < l->cols; j++)
		l->below[j] = fit_of(l, j) == FIT_BELOW;
	for (char level = '1'; level <= '9' && total(l) > l->screen; level++)
		shorten(l, level);
	return total(l) <= l->screen;
}

/* ---- printing ---- */

static void print_cell(const char *text, size_t room, bool last)
{
	struct br_str s = br_str_z(text);
	size_t w = cli_width(s);

	if (w > room) {
		s = cli_fit(s, room - 1);
		w = cli_width(s) + 1;
		printf("%.*s…", BR_STR_ARG(s));
	} else {
		fputs(text, stdout);
	}
	if (!last)
		blanks(room - w + GAP);
}

static void print_side_by_side(const struct layout *l, const char *const *cells)
{
	size_t last = 0;

	for (size_t j = 0; j < l->cols; j++)
		last = l->below[j] ? last : j;
	for (size_t j = 0; j < l->cols; j++)
		if (!l->below[j])
			print_cell(cells[j], l->room[j], j == last);
	putchar('\n');
}

static void print_lines(size_t screen, const char *text, size_t first, size_t more)
{
	struct br_str rest = br_str_z(text);
	size_t indent = first;

	if (screen < more + LINE_MIN) {
		printf("%s\n", text);
		return;
	}
	do {
		struct br_str line = cli_take_line(&rest, screen - indent);

		printf("%.*s\n", BR_STR_ARG(line));
		indent = more;
		if (rest.n)
			blanks(indent);
	} while (rest.n);
}

static void print_below(const struct layout *l, size_t row)
{
	for (size_t j = 0; j < l->cols; j++) {
		const char *text = cell(l, row, j);

		if (l->below[j] && *text)
			cli_plain_text(l->c,
				br_arena_printf(&l->c->arena, "%s%s %s", l->heads[j],
					cli_say(l->c, ":", "："), text)
					.p,
				INDENT, INDENT + GAP);
	}
}

static void print_top_down(const struct layout *l, size_t row)
{
	size_t room = 0;

	for (size_t j = 0; j < l->cols; j++) {
		size_t w = cli_width(br_str_z(l->heads[j]));

		room = w > room ? w : room;
	}
	for (size_t j = 0; j < l->cols; j++) {
		print_cell(l->heads[j], room, false);
		print_lines(l->screen, cell(l, row, j), room + GAP, room + GAP);
	}
}

void cli_plain_text(struct cli *c, const char *text, size_t first, size_t more)
{
	blanks(first);
	print_lines(cli_screen(), cli_printable(&c->arena, text), first, more);
}

void cli_plain_table(struct cli *c, const struct cli_table *t)
{
	struct layout l;
	bool fits;

	if (!make(&l, c, t))
		return;
	measure(&l);
	fits = fit(&l);
	if (fits)
		print_side_by_side(&l, l.heads);
	for (size_t i = 0; i < t->rows; i++) {
		if (fits) {
			print_side_by_side(&l, &l.cells[i * t->cols]);
			print_below(&l, i);
			continue;
		}
		print_top_down(&l, i);
		if (i + 1 < t->rows)
			putchar('\n');
	}
}

void cli_plain_record(struct cli *c, const struct cli_table *t)
{
	struct layout l;

	if (t->rows && make(&l, c, t))
		print_top_down(&l, 0);
}
